/* test_engines.c - the engine of a running machine: switched under load, bounded, checked against the interpreter, never writable and
 * executable.
 *
 * VMUX_LOCKSTEP=N: every guest there is boots in lockstep, every N entries checked.  VMUX_SOAK=MINUTES: reboots and load for so long;
 * the process must not grow. */
#include "tests/guest/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define SMP_INITRD "build/tests/smp.initrd"
#define DEMO_INITRD GUESTS "demo.initrd"

/* At the monitor's prompt: run a command and wait for its answer, below a number that was not on the screen before. */
static void ask(struct ptyrun *p, const char *command, const char *answer)
{
	static unsigned mark = 100000;
	char line[300], re[400];
	snprintf(line, sizeof line, "print /d %u\r%s\r", ++mark, command);
	snprintf(re, sizeof re, "^%u\n(.|\n)*(%s)", mark, answer);
	ptyrun_send(p, line);
	EXPECT(p, re, SHORT_MS);
}

static struct ptyrun *boot(const char *accel, const char *cpus, const char *initrd)
{
	guest_need(GUESTS "linux-6.1/vmlinuz");
	guest_need(initrd);
	struct ptyrun *p = guest_start("-accel", accel, "-m", "256", "-smp", cpus, "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", initrd, "-append", "quiet",
		"-serial", "none", NULL);
	EXPECT(p, "vmux tty1#", BOOT_MS);
	return p;
}

/* Thread id of CPU 0 as the monitor shows it. */
static int machine_thread(struct ptyrun *p)
{
	ask(p, "info cpus", "CPU #0: thread_id=[1-9][0-9]*$");
	char *screen = ptyrun_screen(p), *at = strstr(screen, "CPU #0: thread_id=");
	int tid = at ? atoi(at + strlen("CPU #0: thread_id=")) : 0;
	free(screen);
	assert_true(tid > 0);
	return tid;
}

static void nothing_is_writable_and_executable(int tid)
{
	char path[64], line[400];
	unsigned mappings = 0, executable = 0;
	snprintf(path, sizeof path, "/proc/%d/maps", tid);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		const char *rights = strchr(line, ' ');
		mappings++;
		executable += strstr(line, "memfd:vmux-code") && rights[3] == 'x';
		if (rights[2] == 'w' && rights[3] == 'x')
			fail_msg("%s", line);
	}
	fclose(f);
	assert_true(mappings > 10 && executable > 0);
}

static void switched_under_load(void **state)
{
	static const char *const engines[] = { "interp", "jit,off=all", "jit,tb-size=1", "jit,one-insn-per-tb=on", "jit,off=memory:call:ret", "interp", "jit" };
	struct ptyrun *p = boot("jit,tb-size=4,thread=multi,split-wx=on", "2", SMP_INITRD);
	ptyrun_send(p, "clear; stress 8 4\r\0332");
	ask(p, "info accel", "engine: jit; it was asked for$(.|\n)*at most 2 MiB a CPU(.|\n)*instructions: not counted");
	ask(p, "info jit | /gen code size/", "gen code size +[0-9]+/4194304");
	nothing_is_writable_and_executable(machine_thread(p));
	for (unsigned n = 0; n < sizeof engines / sizeof engines[0]; n++) {
		char command[64], answer[64];
		snprintf(command, sizeof command, "accel %s", engines[n]);
		snprintf(answer, sizeof answer, "^engine: %.*s; the monitor chose it", (int)strcspn(engines[n], ","), engines[n]);
		ask(p, command, "\\(qemu\\) accel");
		ask(p, "info accel", answer);
	}
	ask(p, "info accel", "engine: jit; the monitor chose it$(.|\n)*at most 48 MiB");
	nothing_is_writable_and_executable(machine_thread(p));
	ask(p, "accel kvm", "Error: kvm: ");
	ask(p, "accel jit,off=none:nothing", "Error: jit,off=none:nothing: Parameter 'off' does not accept 'nothing'");
	ask(p, "accel jit,lockstep=5", "Error: .*needs a machine with one CPU");
	ask(p, "info jit | /TB translated/", "TB translated +[1-9]");
	ptyrun_send(p, "\0331");
	EXPECT(p, "^stress (ok|FAILED.*)", BOOT_MS);
	EXPECT(p, "^stress ok", SHORT_MS);
	ptyrun_send(p, "\0332quit\r");
	EXPECT_EXIT(p, SHORT_MS);
	ptyrun_free(p);
}

/* ---- lockstep -------------------------------------------------------------------------------------------------------------------------- */

/* Some were checked and none differ. */
static void lockstep_is_clean(struct ptyrun *p)
{
	ptyrun_send(p, "\0332");
	EXPECT(p, "\\(qemu\\)", SHORT_MS);
	ask(p, "info jit | /^(checked|equal|differ)/", "^checked +[1-9][0-9]*\nequal +[1-9][0-9]*\ndiffer +0$");
	ptyrun_send(p, "quit\r");
	EXPECT_EXIT(p, SHORT_MS);
	ptyrun_free(p);
}

static const char *lockstep(const char *otherwise)
{
	static char accel[64];
	const char *every = getenv("VMUX_LOCKSTEP");
	snprintf(accel, sizeof accel, "jit,lockstep=%s", every ? every : otherwise);
	return accel;
}

static void linux_boots_in_lockstep(void **state)
{
	lockstep_is_clean(boot(lockstep("50"), "1", DEMO_INITRD));
}

static void only_when_asked(void)
{
	if (!getenv("VMUX_LOCKSTEP"))
		skip();
}

static void all_guests_in_lockstep(void **state)
{
	only_when_asked();
	struct ptyrun *p = guest_start("-accel", lockstep("10"), "-m", "64", NULL);
	EXPECT(p, "No bootable device", BOOT_MS);
	lockstep_is_clean(p);
	p = guest_start("-accel", lockstep("10"), "-m", "64", "-drive", "file=/usr/lib/grub-rescue/grub-rescue-floppy.img,if=floppy,format=raw,readonly=on", "-boot", "a",
		NULL);
	EXPECT(p, "GNU GRUB +version", BOOT_MS);
	lockstep_is_clean(p);
	p = guest_start("-accel", lockstep("10"), "-m", "64", "-kernel", "/boot/memtest86+x64.bin", NULL);
	EXPECT(p, "Test #[1-9]", BOOT_MS);
	lockstep_is_clean(p);
	p = guest_start("-accel", lockstep("10"), "-m", "256", "-kernel", GUESTS "linux-6.12/vmlinuz", "-initrd", DEMO_INITRD, "-append", "quiet", NULL);
	EXPECT(p, "vmux tty1#", 2 * BOOT_MS);
	lockstep_is_clean(p);
	static const char *const installers[][2] = { { GUESTS "netboot-i386/linux", GUESTS "netboot-i386/initrd.gz" }, { GUESTS "netboot-amd64/linux", GUESTS "netboot-amd64/initrd.gz" } };
	for (unsigned n = 0; n < 2; n++) {
		p = guest_start("-accel", lockstep("10"), "-m", "1024", "-kernel", installers[n][0], "-initrd", installers[n][1], "-append", "vga=normal fb=false nomodeset", NULL);
		EXPECT(p, "Select a language", 4 * BOOT_MS);
		lockstep_is_clean(p);
	}
}

/* ---- soak ------------------------------------------------------------------------------------------------------------------------------ */

/* All but the largest mapping, which is the guest's RAM: Linux comes to touch all of it, boot after boot. */
static long resident_kib(int tid)
{
	char path[64], line[300];
	unsigned long from, to, largest = 0;
	long sum = 0, kib, ram = 0;
	bool is_largest = false;
	snprintf(path, sizeof path, "/proc/%d/smaps", tid);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2 && (is_largest = to - from > largest))
			largest = to - from;
		if (sscanf(line, "Rss: %ld", &kib) != 1)
			continue;
		sum += kib;
		ram = is_largest ? kib : ram;
	}
	fclose(f);
	return sum - ram;
}

/* Boot, load, reboot.  Caches and histories fill up in the first rounds; from the third on nothing may grow by more than noise. */
static void does_not_grow(void **state)
{
	if (!getenv("VMUX_SOAK"))
		skip();
	time_t end = time(NULL) + 60 * atoi(getenv("VMUX_SOAK"));
	struct ptyrun *p = boot("jit,tb-size=16", "2", SMP_INITRD);
	long early = 0;
	for (unsigned round = 1; time(NULL) < end || round < 5; round++) {
		ptyrun_send(p, "clear; stress 10 4\r");
		EXPECT(p, "^stress (ok|FAILED.*)", BOOT_MS);
		EXPECT(p, "^stress ok", SHORT_MS);
		ptyrun_send(p, "\0332");
		EXPECT(p, "\\(qemu\\)", SHORT_MS);
		int tid = machine_thread(p);
		long now = resident_kib(tid);
		nothing_is_writable_and_executable(tid);
		ask(p, "info jit | /gen code size/", "gen code size +[0-9]+/16777216");
		print_message("round %u: %ld KiB resident\n", round, now);
		if (round == 3)
			early = now;
		if (early)
			assert_true(now < early + early / 10 + 16384);
		ptyrun_send(p, "\0331clear; echo a$((1+1))b; read go; reboot\r");
		EXPECT(p, "^a2b", SHORT_MS);
		ptyrun_send(p, "\r");
		EXPECT(p, "SeaBIOS|Booting from ROM", BOOT_MS);
		EXPECT(p, "vmux tty1#", BOOT_MS);
	}
	ptyrun_send(p, "\0332quit\r");
	EXPECT_EXIT(p, SHORT_MS);
	ptyrun_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(switched_under_load), cmocka_unit_test(linux_boots_in_lockstep), cmocka_unit_test(all_guests_in_lockstep),
		cmocka_unit_test(does_not_grow) };
	setvbuf(stdout, NULL, _IOLBF, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
