/* test_smp.c - several CPUs: Linux on four of them under a load in which they check each other, and what the monitor tells of them.
 *
 * VMUX_SMP_SOAK=SECONDS runs that load for so long on 1, 2, 4 and 8 CPUs under each engine instead of the tests (minutes to hours);
 * VMUX_SMP_SOAK_ENGINES="interp jit" and VMUX_SMP_SOAK_CPUS="1 2 4 8" say which. */
#include "tests/guest/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <string.h>
#include <cmocka.h>

#define SMP_INITRD "build/tests/smp.initrd"

static struct ptyrun *boot(const char *cpu, const char *smp)
{
	guest_need(GUESTS "linux-6.1/vmlinuz");
	guest_need(SMP_INITRD);
	struct ptyrun *p = guest_start("-m", "256", "-cpu", cpu, "-smp", smp, "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", SMP_INITRD, "-append", "quiet", "-serial", "none", NULL);
	EXPECT(p, "vmux tty1#", BOOT_MS);
	return p;
}

static void four_cpus_agree(void **state)
{
	struct ptyrun *p = boot("qemu64", "4");
	ptyrun_send(p, "clear; echo $(grep -c ^processor /proc/cpuinfo) cpus, $(cat /sys/devices/system/cpu/online)\r");
	EXPECT(p, "^4 cpus, 0-3", SHORT_MS);
	ptyrun_send(p, "clear; stress 5 4\r");
	EXPECT(p, "^stress (ok|FAILED.*)", BOOT_MS);
	EXPECT(p, "^stress ok", SHORT_MS);
	/* stop and cont are one event for all; the monitor sees each */
	ptyrun_send(p, "\0332stop\rinfo cpus\rcpu 3\rinfo lapic\r");
	EXPECT(p, "CPU #3: thread_id=[1-9]", SHORT_MS);
	EXPECT(p, "dumping local APIC state for CPU 3", SHORT_MS);
	ptyrun_send(p, "cpu 9\r");
	EXPECT(p, "invalid CPU index", SHORT_MS);
	ptyrun_send(p, "cont\r\0331stress 2 8\r");
	EXPECT(p, "^stress ok(.|\n)*^stress ok", BOOT_MS);
	/* a reset brings all of them back */
	ptyrun_send(p, "clear; echo a$((1+1))b; read go; reboot\r");
	EXPECT(p, "^a2b", SHORT_MS);
	ptyrun_send(p, "\r");
	EXPECT(p, "SeaBIOS|Booting from ROM", BOOT_MS);
	EXPECT(p, "vmux tty1#", BOOT_MS);
	ptyrun_send(p, "clear; echo $(cat /sys/devices/system/cpu/online) $(dmesg | grep -c 'TSC ADJUST'); poweroff\r");
	EXPECT(p, "^0-3 0$", SHORT_MS);         /* with time stamp counters as after power-on */
	EXPECT_EXIT(p, BOOT_MS);
	ptyrun_free(p);
}

/* Where the CPUs sit, as CPUID and the tables say and Linux understands. */
static void topology(void **state)
{
	struct ptyrun *p = boot("qemu64", "6,sockets=2,cores=3");
	ptyrun_send(p, "cd /sys/devices/system/cpu; clear; cat cpu[0-5]/topology/physical_package_id cpu[0-5]/topology/core_cpus_list | tr '\\n' ' '\r");
	EXPECT(p, "^0 0 0 1 1 1 0 1 2 3 4 5", SHORT_MS);
	ptyrun_send(p, "poweroff\r");
	EXPECT_EXIT(p, BOOT_MS);
	ptyrun_free(p);
	p = boot("Haswell", "4,cores=2,threads=2");      /* AMD's of that age know no threads */
	ptyrun_send(p, "cd /sys/devices/system/cpu; clear; cat cpu[0-3]/topology/physical_package_id cpu[0-3]/topology/core_cpus_list | tr '\\n' ' '\r");
	EXPECT(p, "^0 0 0 0 0-1 0-1 2-3 2-3", SHORT_MS);
	ptyrun_send(p, "poweroff\r");
	EXPECT_EXIT(p, BOOT_MS);
	ptyrun_free(p);
}

/* What lscpu -C shows: the sizes of L1 of data and code, L2, L3, and who shares those of CPU 1; with the threads of its core before them. */
static void caches(void **state)
{
	static const struct { const char *cpu, *smp, *expected; } told[] = {
		{ "qemu64", "6,sockets=2,cores=3", "^1 64K 64K 2048K 16384K 1 1 1 0-2 *$" },
		{ "EPYC-Rome,check=off", "8,sockets=2,cores=2,threads=2", "^0-1 32K 32K 512K 16384K 0-1 0-1 0-1 0-3 *$" },
		{ "Haswell", "8,sockets=2,cores=2,threads=2", "^0-1 32K 32K 4096K 16384K 0-1 0-1 0-1 0-3 *$" },
		{ "Haswell,l3-cache=off", "2", "^1 32K 32K 4096K 1 1 1 *$" } };

	for (unsigned n = 0; n < sizeof told / sizeof told[0]; n++) {
		struct ptyrun *p = boot(told[n].cpu, told[n].smp);
		ptyrun_send(p, "cd /sys/devices/system/cpu/cpu1; clear; cat topology/core_cpus_list cache/index*/size cache/index*/shared_cpu_list | tr '\\n' ' '; echo\r");
		EXPECT(p, told[n].expected, SHORT_MS);
		ptyrun_send(p, "poweroff\r");
		EXPECT_EXIT(p, BOOT_MS);
		ptyrun_free(p);
	}
}

/* One CPU, a second that comes, goes and comes again: Linux hears of it through ACPI, starts it, and lets go of it. */
static void plugged_in(void **state)
{
	struct ptyrun *p = boot("qemu64", "1,maxcpus=2");
	ptyrun_send(p, "cd /sys/devices/system/cpu; clear; cat online possible present\r");
	EXPECT(p, "^0\n0-1\n0\n", SHORT_MS);
	for (int round = 0; round < 2; round++) {
		ptyrun_send(p, "\0332info hotpluggable-cpus\rdevice_add qemu64-x86_64-cpu,id=second,socket-id=0,core-id=1,thread-id=0\rinfo cpus\r");
		EXPECT(p, "  CPU #1: thread_id=[1-9]", SHORT_MS);
		ptyrun_send(p, "\0331clear; until [ -e cpu1/online ]; do sleep 1; done; echo 1 > cpu1/online; echo now $(cat online) $(grep -c ^processor /proc/cpuinfo)\r");
		EXPECT(p, "^now 0-1 2$", BOOT_MS);
		ptyrun_send(p, "clear; stress 2 2\r");
		EXPECT(p, "^stress ok", BOOT_MS);
		ptyrun_send(p, "\0332device_del second\r\0331clear; while [ -e cpu1/online ]; do sleep 1; done; echo now $(cat online present)\r");
		EXPECT(p, "^now 0 0$", BOOT_MS);
	}
	/* it stays through a reset, and is one of those that the firmware tells of then */
	ptyrun_send(p, "\0332device_add qemu64-x86_64-cpu,id=second,socket-id=0,core-id=1,thread-id=0\r\0331clear; echo a$((1+1))b; until [ -e cpu1/online ]; do sleep 1; done; reboot\r");
	EXPECT(p, "SeaBIOS|Booting from ROM", BOOT_MS);
	EXPECT(p, "vmux tty1#", BOOT_MS);
	ptyrun_send(p, "cd /sys/devices/system/cpu; clear; echo now $(cat online)\r");
	EXPECT(p, "^now 0-1$", BOOT_MS);
	ptyrun_send(p, "poweroff\r");
	EXPECT_EXIT(p, BOOT_MS);
	ptyrun_free(p);
}

/* One that is there from the start, because the command line says so. */
static void plugged_in_at_start(void **state)
{
	guest_need(GUESTS "linux-6.1/vmlinuz");
	guest_need(SMP_INITRD);
	struct ptyrun *p = guest_start("-m", "256", "-smp", "1,maxcpus=3", "-device", "qemu64-x86_64-cpu,socket-id=0,core-id=2,thread-id=0", "-kernel",
		GUESTS "linux-6.1/vmlinuz", "-initrd", SMP_INITRD, "-append", "quiet", "-serial", "none", NULL);
	EXPECT(p, "vmux tty1#", BOOT_MS);
	ptyrun_send(p, "cd /sys/devices/system/cpu; clear; echo now $(cat online present possible) $(grep -c ^processor /proc/cpuinfo)\r");
	EXPECT(p, "^now 0-1 0-1 0-2 2$", SHORT_MS);
	ptyrun_send(p, "poweroff\r");
	EXPECT_EXIT(p, BOOT_MS);
	ptyrun_free(p);
}

/* ---- the long run ------------------------------------------------------------------------------------------------------------------ */

/* A guest that a busy host did not let run for seconds tells of stalls and lockups: those lines are shown and do not count. */
static bool soak_one(const char *engine, const char *cpus, int seconds)
{
	char line[96];
	struct ptyrun *p = guest_start("-accel", engine, "-m", "256", "-smp", cpus, "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", SMP_INITRD,
		"-append", "quiet", "-serial", "none", NULL);
	snprintf(line, sizeof line, "clear; stress %d %d; dmesg | grep -iE 'oops|bug:|lockup|stall'; echo en''d\r", seconds, 2 * atoi(cpus));
	bool ok = ptyrun_expect(p, "vmux tty1#", BOOT_MS);
	time_t before = time(NULL);
	ptyrun_send(p, line);
	ok = ok && ptyrun_expect(p, "^stress (ok|FAILED.*)", BOOT_MS + 2000 * seconds) && ptyrun_expect(p, "^end$", SHORT_MS) &&
		ptyrun_expect(p, "^stress ok\n(.*(stall|lockup).*\n)*end$", SHORT_MS);
	long took = (long)(time(NULL) - before);
	ok = ok && took >= seconds - 1;                 /* time itself may be what is wrong */
	char *seen = ptyrun_screen(p);
	printf("# %s, %s CPUs, %d s, took %ld s: %s\n%s\n", engine, cpus, seconds, took, ok ? "ok" : "FAILED", seen);
	free(seen);
	fflush(stdout);
	ptyrun_free(p);
	return ok;
}

static int soak(int seconds)
{
	const char *engines = getenv("VMUX_SMP_SOAK_ENGINES"), *cpus = getenv("VMUX_SMP_SOAK_CPUS");
	char e[64], c[64], *at_e, *at_c;
	int failed = 0;
	snprintf(e, sizeof e, "%s", engines ? engines : "interp jit");
	for (char *engine = strtok_r(e, " ", &at_e); engine; engine = strtok_r(NULL, " ", &at_e)) {
		snprintf(c, sizeof c, "%s", cpus ? cpus : "1 2 4 8");
		for (char *n = strtok_r(c, " ", &at_c); n; n = strtok_r(NULL, " ", &at_c))
			failed += !soak_one(engine, n, seconds);
	}
	return failed;
}

int main(void)
{
	if (getenv("VMUX_SMP_SOAK"))
		return soak(atoi(getenv("VMUX_SMP_SOAK")));
	const struct CMUnitTest tests[] = { cmocka_unit_test(four_cpus_agree), cmocka_unit_test(topology), cmocka_unit_test(caches), cmocka_unit_test(plugged_in),
		cmocka_unit_test(plugged_in_at_start) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
