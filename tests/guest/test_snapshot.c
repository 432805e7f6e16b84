/* test_snapshot.c - Linux and a boot sector go back: what the shell, memory, a disk and the clock were when savevm kept them is there after loadvm, and goes
 * on; also under another engine, on two CPUs, and in another process (-loadvm). */
#include "tests/guest/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define INITRD GUESTS "demo.initrd"
static char dir[] = "/tmp/vmux-snapshot-XXXXXX", disk[80], drive[120];

static int group_setup(void **state)
{
	assert_non_null(mkdtemp(dir));
	snprintf(disk, sizeof(disk), "%s/disk", dir);
	snprintf(drive, sizeof(drive), "file=%s,format=raw", disk);
	return setenv("XDG_DATA_HOME", dir, 1);
}

static int remove_all(const char *what)
{
	char cmd[120];
	snprintf(cmd, sizeof(cmd), "rm -rf %s%s", dir, what);
	return system(cmd);
}

static int group_teardown(void **state) { return remove_all(""); }

static int setup(void **state)
{
	*state = NULL;
	FILE *f = fopen(disk, "w");
	assert_non_null(f);
	fclose(f);
	return truncate(disk, 4 << 20);
}

static int teardown(void **state)
{
	ptyrun_free(*state);
	return remove_all("/*");
}

static struct ptyrun *linux_start(void **state, const char *accel, const char *smp, const char *more, const char *tag)
{
	struct ptyrun *p = guest_start("-accel", accel, "-smp", smp, "-m", "128", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", INITRD, "-append", "quiet console=ttyS0",
		"-drive", drive, "-nographic", more, tag, NULL);
	return *state = p;
}

/* A line for the shell, and what must come of it. */
static void shell(struct ptyrun *p, const char *line, const char *want)
{
	ptyrun_send(p, line);
	ptyrun_send(p, "\r");
	assert_true(ptyrun_expect(p, want, SHORT_MS));
}

/* A line for the monitor, without leaving the shell for long. */
static void monitor(struct ptyrun *p, const char *line, const char *want)
{
	static unsigned n;
	char mark[40], re[60];
	ptyrun_send(p, "\001c");
	ptyrun_send(p, line);
	assert_true(ptyrun_expect(p, want, SHORT_MS));
	snprintf(mark, sizeof(mark), "\rprint /d %u*1000+7\r", ++n);      /* so that the command is over */
	snprintf(re, sizeof(re), "^%u007$", n);
	ptyrun_send(p, mark);
	assert_true(ptyrun_expect(p, re, SHORT_MS));
	ptyrun_send(p, "\001c");
}

static void expect_first_byte(struct ptyrun *p, int want)
{
	FILE *f = fopen(disk, "r");
	assert_non_null(f);
	int c = fgetc(f);
	fclose(f);
	if (c != want)
		ptyrun_dump(p, "the disk does not hold what it should");
	assert_int_equal(c, want);
}

static void make_state(struct ptyrun *p)
{
	assert_true(ptyrun_expect(p, "vmux ttyS0#", BOOT_MS));
	shell(p, "stty -echo; echo r$((40+2))ady", "r42ady");
	shell(p, "v=17; echo before >/tmp/f; echo AAAA | dd of=/dev/sda conv=fsync 2>/dev/null; (n=0; while sleep 1; do n=$((n+1)); echo $n >/tmp/n; done) & echo m$((1+1))de",
		"m2de");
	shell(p, "until [ -s /tmp/n ]; do sleep 1; done; echo counts$((3+4))", "counts7");
}

static void change_state(struct ptyrun *p, const char *round)
{
	char line[200], want[40];
	snprintf(line, sizeof(line), "v=18; echo after >/tmp/f; echo BBBB | dd of=/dev/sda conv=fsync 2>/dev/null; echo changed$((%s+1))", round);
	snprintf(want, sizeof(want), "changed%d", atoi(round) + 1);
	shell(p, line, want);
	expect_first_byte(p, 'B');
}

/* As it was at savevm, and it goes on. */
static void expect_state(struct ptyrun *p, unsigned round)
{
	char line[300], want[60];
	snprintf(line, sizeof(line), "echo 3 >/proc/sys/vm/drop_caches; echo state$((%u+1)) $v $(cat /tmp/f) $(head -c4 /dev/sda)", round);
	snprintf(want, sizeof(want), "state%u 17 before AAAA", round + 1);
	shell(p, line, want);
	expect_first_byte(p, 'A');
	snprintf(line, sizeof(line), "k=$(cat /tmp/n); until [ $(cat /tmp/n) -gt $((k+1)) ]; do sleep 1; done; echo goes$((%u+1))on", round);
	snprintf(want, sizeof(want), "goes%uon", round + 1);
	shell(p, line, want);
}

/* The machine's clock in the list of snapshots, of the line with the tag. */
static void clock_of(struct ptyrun *p, const char *tag, char out[20])
{
	char *screen = ptyrun_screen(p), *line = screen;
	*out = 0;
	for (char *at = screen; (at = strstr(at, "--   ")); at += 4)
		if (!strncmp(at + 10, tag, strlen(tag)) && at[10 + strlen(tag)] == ' ')
			line = at;
	if (line == screen || sscanf(line, "--%*s%*s%*s%*s%*s%19s", out) != 1)
		fail_msg("no snapshot %s in %s", tag, screen);
	free(screen);
}

static void quit(struct ptyrun *p)
{
	ptyrun_send(p, "\001x");
	EXPECT_EXIT(p, SHORT_MS);
}

static void there_and_back(void **state, const char *accel, const char *then, const char *smp)
{
	char first[20], second[20];
	guest_need(INITRD);
	struct ptyrun *p = linux_start(state, accel, smp, NULL, NULL);
	make_state(p);
	monitor(p, "savevm one\r", "savevm one");
	change_state(p, "1");
	monitor(p, "loadvm one\r", "loadvm one");
	expect_state(p, 1);
	/* stopped before, stopped after; and no time has passed */
	change_state(p, "2");
	monitor(p, "stop\rloadvm one\rsavevm two\rinfo status\r", "VM status: paused");
	monitor(p, "info snapshots\r", "-- +two ");
	clock_of(p, "one", first);
	clock_of(p, "two", second);
	assert_string_equal(first, second);
	monitor(p, "cont\r", "cont");
	expect_state(p, 3);
	change_state(p, "4");
	quit(p);
	ptyrun_free(p);
	p = linux_start(state, then, smp, "-loadvm", "one");
	expect_state(p, 5);
	shell(p, "poweroff", "reboot: Power down|Power off");
	EXPECT_EXIT(p, BOOT_MS);
}

static void translated(void **state)               { there_and_back(state, "jit", "jit", "1"); }
static void interpreted_then_translated(void **state) { there_and_back(state, "interp", "jit", "2"); }
static void two_cpus_then_interpreted(void **state) { there_and_back(state, "jit", "interp", "2"); }

/* Keys that a boot sector gets, while the firmware's and the sector's screen stays. */
static void boot_sector(void **state)
{
	char serial[100], cmd[120];
	snprintf(cmd, sizeof(cmd), "cp build/guest-boot/keys.img %s", disk);
	assert_int_equal(system(cmd), 0);
	snprintf(serial, sizeof(serial), "file:%s/com1", dir);
	struct ptyrun *p = *state = guest_start("-m", "16", "-drive", drive, "-serial", serial, NULL);
	assert_true(ptyrun_expect(p, "keys", BOOT_MS));
	assert_true(ptyrun_expect(p, "^ running ", SHORT_MS));
	ptyrun_send(p, "\001:savevm here\r");
	ptyrun_send(p, "\001:info snapshots\r");
	assert_true(ptyrun_expect(p, "-- +here ", SHORT_MS));
	ptyrun_send(p, "q");
	assert_true(ptyrun_expect_gone(p, "-- +here ", SHORT_MS));
	ptyrun_send(p, "\001:system_reset\r");
	assert_true(ptyrun_expect(p, "SeaBIOS", SHORT_MS));
	ptyrun_send(p, "\001:stop\r");
	assert_true(ptyrun_expect(p, "^ paused ", SHORT_MS));
	ptyrun_send(p, "\001:loadvm here\r");
	assert_true(ptyrun_expect(p, "keys", SHORT_MS));
	quit(p);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = { T(translated), T(interpreted_then_translated), T(two_cpus_then_interpreted), T(boot_sector) };
	return cmocka_run_group_tests_name("snapshot", tests, group_setup, group_teardown);
}
