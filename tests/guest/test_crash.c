/* test_crash.c - a Linux that crashes (sysrq) is caught by a trigger of the settings: the machine is paused and kept, the events say why, and what was kept
 * shows the panic again. */
#include "tests/guest/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define INITRD GUESTS "demo.initrd"
#define KERNEL_LINE "\\[ +[0-9]+\\.[0-9]+\\] "
static char dir[] = "/tmp/vmux-crash-XXXXXX";

static int set_up(void **state)
{
	char path[80];
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/vmux", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/vmux/config", dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs("trigger panic pause snapshot\n", f);
	fclose(f);
	return setenv("XDG_DATA_HOME", dir, 1) || setenv("XDG_CONFIG_HOME", dir, 1);
}

static int tear_down(void **state)
{
	char cmd[80];
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	ptyrun_free(*state);
	return system(cmd);
}

static void a_panic_pauses(void **state)
{
	guest_need(INITRD);
	struct ptyrun *p = *state = guest_start("-m", "256", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", INITRD, "-append", "quiet console=tty0 console=ttyS0", "-serial",
		"vc", NULL);
	ptyrun_send(p, "\0013");
	assert_true(ptyrun_expect(p, "vmux ttyS0#", BOOT_MS));
	assert_true(ptyrun_expect(p, "^ running ", SHORT_MS));
	ptyrun_send(p, "echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger\r");
	assert_true(ptyrun_expect(p, "^ paused ", BOOT_MS));
	assert_true(ptyrun_expect(p, "trigger panic: kept as vm-", SHORT_MS));
	assert_true(ptyrun_expect(p, " T1 *$", SHORT_MS));
	ptyrun_send(p, "\001e");
	assert_true(ptyrun_expect(p, "panic on (serial0|VGA): .*Kernel panic - not syncing", SHORT_MS));
	assert_true(ptyrun_expect(p, "panic on snapshot: kept as vm-", SHORT_MS));
	/* The port that spoke of the panic may have stopped the machine before the screen had more than one line of it, or after all of it. */
	ptyrun_send(p, "q\0011\001:system_reset\r");
	assert_true(ptyrun_expect_gone(p, KERNEL_LINE, SHORT_MS));
	ptyrun_send(p, "\001S");
	assert_true(ptyrun_expect(p, "Snapshots ─.*\n.*take one now.*\n.* vm-[0-9]+ ", SHORT_MS));
	ptyrun_send(p, "\033[B\r");
	assert_true(ptyrun_expect(p, "go back to it", SHORT_MS));
	ptyrun_send(p, "\r");
	assert_true(ptyrun_expect(p, KERNEL_LINE, SHORT_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(a_panic_pauses, set_up, tear_down) };
	return cmocka_run_group_tests_name("crash", tests, NULL, NULL);
}
