/* test_vm.c - the library's face with all its threads: firmware runs while a front end looks, types, pauses, resets and quits.
 * Built with the thread sanitizer too. */
#include "core/vm.h"
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

enum { LIMIT_S = 240 };         /* a sanitizer on a loaded machine is slow; nothing waits longer than it must */

static struct vm *start_vm(int argc, char **argv)
{
	struct error err = { "" };
	int status;
	struct vm *vm = vm_create(argc, argv, &status, &err);
	if (!vm)
		fail_msg("%s", err.msg);
	assert_true(vm_start(vm, &err));
	return vm;
}
#define START(...) start_vm((int)(sizeof((char *[]){ "vmux", __VA_ARGS__ }) / sizeof(char *)), (char *[]){ "vmux", __VA_ARGS__, NULL })

/* Sleep until the machine has something to say, at most 100 ms. */
static void nap(struct vm *vm)
{
	struct pollfd p = { .fd = vm_event_fd(vm), .events = POLLIN };
	poll(&p, 1, 100);
	vm_event_ack(vm);
}

static bool screen_shows(struct vm *vm, const char *text)
{
	struct screen s = { 0 };
	bool found = false;
	if (vm_screen(vm, &s, true) && s.kind == SCREEN_TEXT) {
		char *all = malloc((size_t)s.rows * (s.cols + 1) + 1), *p = all;
		for (unsigned y = 0; y < s.rows; y++) {
			for (unsigned x = 0; x < s.cols; x++)
				*p++ = s.cells[y * s.cols + x].ch >= ' ' ? (char)s.cells[y * s.cols + x].ch : ' ';
			*p++ = '\n';
		}
		*p = 0;
		found = strstr(all, text) != NULL;
		free(all);
	}
	screen_free(&s);
	return found;
}

/* Wait until the condition holds. */
#define UNTIL(vm, condition) \
	do { \
		time_t end_ = time(NULL) + LIMIT_S; \
		while (!(condition)) { \
			if (time(NULL) > end_) \
				fail_msg("in vain: %s", #condition); \
			nap(vm); \
		} \
	} while (0)

static enum vm_run run_state(struct vm *vm)
{
	struct vm_status st;
	vm_get_status(vm, &st);
	return st.run;
}

static bool monitor_says(struct vm *vm, const char *line, const char *want)
{
	struct text t = { 0 };
	vm_monitor(vm, line, &t);
	bool found = t.s && strstr(t.s, want);
	text_free(&t);
	return found;
}

static void firmware_under_a_busy_front_end(void **state)
{
	struct vm *vm = START("-m", "16", "-display", "none", "-serial", "vc", "-monitor", "vc", "-boot", "c");
	struct vm_console info;
	assert_int_equal(vm_console_count(vm), 4);
	assert_true(vm_console_info(vm, 0, &info) && info.kind == VM_CONSOLE_VGA);
	assert_true(vm_console_info(vm, 1, &info) && info.is_monitor);
	assert_true(vm_console_info(vm, 2, &info));
	assert_string_equal(info.label, "serial0");
	UNTIL(vm, screen_shows(vm, "SeaBIOS"));
	UNTIL(vm, screen_shows(vm, "No bootable device"));
	for (int round = 0; round < 5; round++) {
		vm_stop(vm);
		UNTIL(vm, run_state(vm) == VM_PAUSED);
		assert_true(monitor_says(vm, "info status", "paused"));
		assert_true(monitor_says(vm, "info registers", "EIP="));
		vm_cont(vm);
		UNTIL(vm, run_state(vm) == VM_RUNNING);
		assert_true(vm_key(vm, 0x1e, true) && vm_key(vm, 0x1e, false));
		vm_mouse(vm, 3, -2, 0, 1);
	}
	/* the monitor's own console: typed bytes in, an answer out */
	const char *line = "info name\rinfo version\r";
	assert_int_equal(vm_console_write(vm, 1, (const uint8_t *)line, strlen(line)), strlen(line));
	char got[4096] = "";
	size_t n = 0;
	UNTIL(vm, (n += vm_console_read(vm, 1, (uint8_t *)got + n, sizeof(got) - 1 - n), strstr(got, vm_version()) != NULL));
	int status = -1;
	vm_quit(vm);
	UNTIL(vm, vm_ended(vm, &status));
	assert_int_equal(status, 0);
	assert_int_equal(vm_destroy(vm), 0);
}

static void resets_in_quick_succession(void **state)
{
	struct vm *vm = START("-m", "16", "-display", "none", "-serial", "null", "-monitor", "none", "-boot", "c");
	for (int round = 0; round < 8; round++) {
		struct vm_status st;
		vm_reset(vm);
		UNTIL(vm, (vm_get_status(vm, &st), st.reset_seen));
	}
	UNTIL(vm, screen_shows(vm, "No bootable device"));
	assert_int_equal(vm_destroy(vm), 0);            /* without having been told to quit */
}

static void prelaunch_and_quit_at_once(void **state)
{
	for (int round = 0; round < 5; round++) {
		struct vm *vm = START("-m", "16", "-display", "none", "-S", "-serial", "null", "-monitor", "none");
		assert_int_equal(run_state(vm), VM_PRELAUNCH);
		assert_int_equal(vm_destroy(vm), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(firmware_under_a_busy_front_end), cmocka_unit_test(resets_in_quick_succession), cmocka_unit_test(prelaunch_and_quit_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
