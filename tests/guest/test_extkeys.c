/* test_extkeys.c - inside a real tmux with `extended-keys on`, chords that have no bytes of their own reach a guest (boot/keys.S) as scancodes. */
#include "tests/guest/guest.h"
#include "tests/tui/tmuxrun.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

struct bench { struct tmux tmux; char dir[32]; };

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	char cmd[200];
	assert_non_null(b);
	strcpy(b->dir, "/tmp/vmux-extkeys-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(cmd, sizeof cmd, "cp build/guest-boot/keys.img %s/disk", b->dir);
	assert_int_equal(system(cmd), 0);
	assert_true(tmux_open(&b->tmux, b->dir));
	*state = b;
	return 0;
}

/* A machine outlives its terminal: it has to be ended. */
static void end_machine(const struct bench *b)
{
	if (!tmux_do(&b->tmux, "send-keys -t vmux C-a x"))
		return;
	for (unsigned ms = 0; ms < SHORT_MS && tmux_do(&b->tmux, "has-session -t vmux 2>/dev/null"); ms += 10)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
}

static int tear_down(void **state)
{
	struct bench *b = *state;
	char cmd[64];
	end_machine(b);
	tmux_end(&b->tmux, "vmux");
	tmux_close(&b->tmux);
	snprintf(cmd, sizeof cmd, "rm -rf %s", b->dir);
	assert_int_equal(system(cmd), 0);
	free(b);
	return 0;
}

/* What the guest has sent since the start, in hex. */
static const char *all_codes(const struct bench *b, char *got, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "%s/com1", b->dir);
	FILE *f = fopen(path, "r");
	int c;
	got[0] = 0;
	while (f && (c = getc(f)) != EOF && strlen(got) + 4 < size)
		snprintf(got + strlen(got), 4, "%s%02x", *got ? " " : "", c);
	if (f)
		fclose(f);
	return got;
}

/* Wait until more has come after the first `from` characters, and as much as `want`. */
static const char *next_codes(const struct bench *b, size_t from, const char *want, char *got, size_t size)
{
	for (unsigned ms = 0; ms < SHORT_MS && strlen(all_codes(b, got, size)) < from + strlen(want); ms += 10)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	return got + (strlen(got) < from ? strlen(got) : from);
}

static void chord(const struct bench *b, const char *key, const char *want)
{
	char cmd[64], got[1000];
	size_t from = strlen(all_codes(b, got, sizeof got));
	snprintf(cmd, sizeof cmd, "send-keys -t vmux %s", key);
	assert_true(tmux_do(&b->tmux, cmd));
	assert_string_equal(next_codes(b, from, want, got, sizeof got), want);
}

/* tmux writes Ctrl-Enter as Enter until the workstation has heard what its terminal can. */
static void wait_for_modes(const struct bench *b)
{
	char got[1000];
	for (unsigned tries = 0; tries < 60; tries++) {
		size_t from = strlen(all_codes(b, got, sizeof got));
		assert_true(tmux_do(&b->tmux, "send-keys -t vmux C-Enter"));
		if (!strncmp(next_codes(b, from, " 1c 9c", got, sizeof got), " 1d", 3)) {
			assert_string_equal(next_codes(b, from, " 1d 1c 9c 9d", got, sizeof got), " 1d 1c 9c 9d");
			return;
		}
	}
	fail_msg("Ctrl-Enter stays Enter");
}

static void chords_in_tmux(void **state)
{
	struct bench *b = *state;
	char cmd[600], got[100];
	assert_true(tmux_do(&b->tmux, "set -s extended-keys on"));
	snprintf(cmd, sizeof cmd, "exec env XDG_STATE_HOME=/dev/null XDG_RUNTIME_DIR=%s XDG_CONFIG_HOME=%s LC_ALL=C.UTF-8 %s -m 16 -drive file=%s/disk,format=raw,if=ide -serial file:%s/com1",
		b->dir, b->dir, getenv("VMUX") ? getenv("VMUX") : "build/vmux", b->dir, b->dir);
	assert_true(tmux_start(&b->tmux, "vmux", 80, 26, cmd));
	assert_string_equal(next_codes(b, 0, "52", got, sizeof got), "52");     /* it is ready */
	wait_for_modes(b);
	chord(b, "C-S-a", " 1d 2a 1e 9e aa 9d");
	chord(b, "C-Enter", " 1d 1c 9c 9d");
	chord(b, "b", " 30 b0");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(chords_in_tmux, set_up, tear_down) };
	return cmocka_run_group_tests_name("extkeys", tests, NULL, NULL);
}
