/* test_counted.c - with -icount two runs are the same: Linux on two CPUs, from the firmware to its panic for want of a disk, another one that reads
 * and writes a disk, and one on four CPUs whose threads check each other; by what it prints, which has times in it, and by each interrupt, with the place in the code where it came. */
#include "tests/guest/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define SMP_INITRD "build/tests/smp.initrd"
static char dir[] = "/tmp/vmux-counted-XXXXXX";

static char *path(const char *what, int run)
{
	char *s;
	if (asprintf(&s, "%s/%s%d", dir, what, run) < 0)
		abort();
	return s;
}

static char *content(const char *what, int run, size_t *len)
{
	char *name = path(what, run), *all = NULL;
	FILE *f = fopen(name, "r");
	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	*len = (size_t)ftell(f);
	rewind(f);
	assert_non_null(all = malloc(*len + 1));
	assert_int_equal(fread(all, 1, *len, f), *len);
	all[*len] = 0;
	fclose(f);
	free(name);
	return all;
}

/* more: further options, or NULL. */
static struct ptyrun *boot_on(const char *cpus, int run, const char *append, const char *const more[4])
{
	static const char *const nothing[4] = { NULL };
	const char *const *o = more ? more : nothing;
	char *serial = path("serial", run), *log = path("log", run), *to_file;
	if (asprintf(&to_file, "file:%s", serial) < 0)
		abort();
	struct ptyrun *p = guest_start("-accel", "interp", "-icount", "shift=3,sleep=off", "-rtc", "base=2020-02-03", "-smp", cpus, "-m", "128", "-kernel",
		GUESTS "linux-6.1/vmlinuz", "-append", append, "-no-reboot", "-display", "none", "-serial", to_file, "-monitor", "none",
		"-d", "int", "-D", log, o[0], o[1], o[2], o[3], NULL);
	free(serial);
	free(log);
	free(to_file);
	return p;
}

static struct ptyrun *boot(int run, const char *append, const char *const more[4]) { return boot_on("2", run, append, more); }

static void compare(const char *what, const char *holds)
{
	size_t n, m, at = 0;
	char *a = content(what, 0, &n), *b = content(what, 1, &m);
	assert_non_null(strstr(a, holds));
	while (at < n && at < m && a[at] == b[at])
		at++;
	if (at != n || at != m)
		fail_msg("%s: %zu and %zu bytes, not the same from byte %zu on:\n%.300s\n--\n%.300s", what, n, m, at, a + at, b + at);
	free(a);
	free(b);
}

static void wait_for_both(struct ptyrun *p[2])
{
	for (int run = 0; run < 2; run++) {
		EXPECT_EXIT(p[run], 2 * BOOT_MS);
		ptyrun_free(p[run]);
	}
}

static void without_a_disk(void **state)
{
	guest_need(GUESTS "linux-6.1/vmlinuz");
	struct ptyrun *p[2] = { boot(0, "console=ttyS0 panic=-1", NULL), boot(1, "console=ttyS0 panic=-1", NULL) };
	wait_for_both(p);
	compare("serial", "Brought up 1 node, 2 CPUs");
	compare("serial", "Unable to mount root fs");
	compare("log", "CPU 1: interrupt");
}

/* The first process is a shell with one command: nothing comes from outside. */
static void with_a_disk(void **state)
{
	enum { DISK = 4 << 20 };
	static const char append[] = "console=ttyS0 quiet panic=-1 rdinit=/bin/busybox -- sh -c \"b=/bin/busybox; $b mount -t proc p /proc; $b mount -t devtmpfs d /dev; "
		"$b modprobe ata_piix; $b modprobe sd_mod; until [ -b /dev/sda ]; do $b sleep 1; done; $b md5sum /dev/sda; "
		"$b dd if=/dev/urandom of=/dev/sda bs=32k seek=3 count=40 conv=fsync & $b dd if=/dev/zero of=/dev/sda bs=4k seek=500 count=300 conv=fsync; wait; "
		"echo 3 > /proc/sys/vm/drop_caches; $b md5sum /dev/sda; $b cat /proc/uptime; echo all$((1+1)) done; $b poweroff -f\"";
	char *serial, *disk[2], *drive[2];
	struct ptyrun *p[2];
	size_t n;
	guest_need(GUESTS "linux-6.1/vmlinuz");
	guest_need(GUESTS "demo.initrd");
	for (int run = 0; run < 2; run++) {
		disk[run] = path("disk", run);
		FILE *f = fopen(disk[run], "w");
		assert_non_null(f);
		for (unsigned k = 0; k < DISK; k++)
			fputc((int)(k * 2654435761u >> 24), f);
		assert_int_equal(fclose(f), 0);
		if (asprintf(&drive[run], "file=%s,format=raw,index=0", disk[run]) < 0)
			abort();
		const char *const more[4] = { "-initrd", GUESTS "demo.initrd", "-drive", drive[run] };
		p[run] = boot(run, append, more);
	}
	wait_for_both(p);
	serial = content("serial", 0, &n);
	if (!strstr(serial, "all2 done"))
		fail_msg("%s", serial);
	free(serial);
	compare("serial", "/dev/sda");
	compare("log", "CPU 1: interrupt");
	compare("disk", "");
	for (int run = 0; run < 2; run++) {
		free(disk[run]);
		free(drive[run]);
	}
}

/* How many rounds each of them did, and when, and every interrupt between them. */
static void four_under_load(void **state)
{
	static const char append[] = "console=ttyS0 quiet panic=-1 demo.run=stress+1+4;cat+/proc/interrupts;poweroff+-f";
	static const char *const more[4] = { "-initrd", SMP_INITRD };
	guest_need(GUESTS "linux-6.1/vmlinuz");
	guest_need(SMP_INITRD);
	struct ptyrun *p[2] = { boot_on("4", 0, append, more), boot_on("4", 1, append, more) };
	wait_for_both(p);
	compare("serial", "stress ok");
	compare("log", "CPU 3: interrupt");
}

static int setup(void **state) { return mkdtemp(dir) ? 0 : -1; }
static int teardown(void **state)
{
	for (int run = 0; run < 2; run++) {
		static const char *const files[] = { "serial", "log", "disk" };
		for (unsigned k = 0; k < sizeof files / sizeof files[0]; k++) {
			char *name = path(files[k], run);
			unlink(name);
			free(name);
		}
	}
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(without_a_disk), cmocka_unit_test(with_a_disk), cmocka_unit_test(four_under_load) };
	return cmocka_run_group_tests(tests, setup, teardown);
}
