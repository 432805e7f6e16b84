/* linux.c - the demonstration guest: time to its shell, idling at it, and its serial port under load. */
#include "tests/bench/compare/compare.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_ROUNDS = 25, IDLE_SECONDS = 10, MIB = 1, BOOT_LIMIT = 120 };
#define PROMPT "vmux ttyS0# "

/* The same kernel, initrd and command line for both; `display` is the part that differs between the tests. */
static bool start(struct bench *b, enum who w, struct emulator *e, const char *display)
{
	char serial[512], unix_serial[520], pid_file[520], kernel[512], initrd[512];
	snprintf(serial, sizeof(serial), "%s/serial-%s", b->dir, who_names[w]);
	snprintf(unix_serial, sizeof(unix_serial), "unix:%s", serial);
	snprintf(pid_file, sizeof(pid_file), "%s.pid", serial);
	unlink(pid_file);
	snprintf(kernel, sizeof(kernel), "%s/linux-6.1/vmlinuz", b->guests);
	snprintf(initrd, sizeof(initrd), "%s/demo.initrd", b->guests);
	const char *accel = getenv("BENCH_ACCEL");
	const char *const argv[] = { w == VMUX ? "build/vmux" : "qemu-system-x86_64", "-accel", w == VMUX && accel ? accel : "tcg", "-m", "256", "-kernel", kernel, "-initrd", initrd,
		"-append", "quiet console=tty0", "-display", display, "-serial", unix_serial, "-serial", "null", "-monitor", "none", "-pidfile", pid_file,
		w == TCG ? "-nic" : NULL, "none", NULL };
	return emulator_start(e, who_names[w], SERIAL_SOCKET, serial, argv);
}

static bool boot_once(struct bench *b, enum who w, double *cpu)
{
	struct emulator e, *list = &e;
	bool ok = start(b, w, &e, "none") && emulator_expect(&e, &list, 1, PROMPT, BOOT_LIMIT);
	*cpu = ok ? emulator_cpu(&e) : 0;
	emulator_stop(&e);
	return ok;
}

bool bench_boot(struct bench *b)
{
	double time[N_WHO][MAX_ROUNDS], ratio[MAX_ROUNDS];
	for (unsigned i = 0; i < b->rounds; i++) {
		for (enum who w = VMUX; w <= TCG; w++) {
			if (b->have[w] && !boot_once(b, w, &time[w][i]))
				return false;
			if (b->have[w])
				fprintf(stderr, "boot, round %u of %u: %s, %.2f s\n", i + 1, b->rounds, who_names[w], time[w][i]);
		}
		ratio[i] = b->have[TCG] ? time[VMUX][i] / time[TCG][i] : 0;
	}
	printf("\nLinux 6.1 from power-on to the shell on ttyS0: CPU seconds, median (least) of %u\n", b->rounds);
	for (enum who w = VMUX; w <= TCG; w++) {
		if (!b->have[w])
			continue;
		double mid = median(time[w], b->rounds);        /* sorts, so the first is the least */
		printf("  %-16s %8.2f (%.2f)\n", who_names[w], mid, time[w][0]);
		record(b, "boot", who_names[w], "cpu_s", mid);
		record(b, "boot", who_names[w], "least_cpu_s", time[w][0]);
	}
	if (b->have[TCG])
		judge(b, "boot to shell: vmux / TCG", median(ratio, b->rounds), "", false, 1.5);
	return true;
}

/* One transfer: MIB MiB of zeros from the guest's ttyS0 to us.  The marks are spelt so that the echo of the command is not one. */
static bool transfer(struct emulator *e, struct emulator *const *list, unsigned n, double *rate, double *cpu)
{
	char command[160];
	snprintf(command, sizeof(command), "stty raw; echo BEG''IN; dd if=/dev/zero bs=64k count=%d 2>/dev/null; echo EN''DED; stty sane\n", MIB * 16);
	if (!emulator_send(e, command) || !emulator_expect(e, list, n, "BEGIN\n", 30))
		return false;
	uint64_t before = e->received - e->n_tail;
	double t = wall(), c = emulator_cpu(e);
	if (!emulator_expect(e, list, n, "ENDED\n", 180))
		return false;
	t = wall() - t;
	*cpu = (emulator_cpu(e) - c) / MIB;
	*rate = MIB / t;
	uint64_t got = e->received - e->n_tail - before;
	if (got != (uint64_t)MIB * 1048576 + strlen("ENDED\n")) {
		fprintf(stderr, "bench: %s: %llu bytes came instead of %u MiB\n", e->name, (unsigned long long)got, MIB);
		return false;
	}
	return emulator_expect(e, list, n, PROMPT, 30);
}

static void print_idle(struct bench *b, struct emulator *const *list, unsigned n)
{
	double cpu[N_WHO];
	for (double until = wall() + 2; wall() < until;)        /* let it settle behind the prompt */
		if (!emulators_pump(list, n, 100))
			return;
	for (unsigned k = 0; k < n; k++)
		cpu[k] = emulator_cpu(list[k]);
	double t = wall();
	while (wall() < t + IDLE_SECONDS)
		if (!emulators_pump(list, n, 100))
			return;
	t = wall() - t;
	printf("\nGuest idle at its shell, screen shown (-display curses): CPU of the process over %d s\n", IDLE_SECONDS);
	for (unsigned k = 0; k < n; k++) {
		double percent = (emulator_cpu(list[k]) - cpu[k]) / t * 100;
		printf("  %-16s %8.2f %% of a core\n", list[k]->name, percent);
		record(b, "idle", list[k]->name, "percent_of_a_core", percent);
		if (!k)
			judge(b, "idle guest: vmux, percent of a core", percent, "%", false, 2);
	}
}

static bool print_serial(struct bench *b, struct emulator *const *list, unsigned n)
{
	unsigned rounds = (b->rounds + 1) / 2;
	double rate[2][MAX_ROUNDS], cpu[2][MAX_ROUNDS];
	for (unsigned i = 0; i < rounds; i++)
		for (unsigned k = 0; k < n; k++)
			if (!transfer(list[k], list, n, &rate[k][i], &cpu[k][i]))
				return false;
	printf("\nGuest to host through ttyS0 (%d MiB to a socket, median of %u)\n", MIB, rounds);
	for (unsigned k = 0; k < n; k++) {
		double r = median(rate[k], rounds), c = median(cpu[k], rounds);
		printf("  %-16s %8.3f MiB/s  %6.2f CPU s a MiB\n", list[k]->name, r, c);
		record(b, "serial", list[k]->name, "mib_per_s", r);
		record(b, "serial", list[k]->name, "cpu_s_per_mib", c);
	}
	return true;
}

bool bench_idle_and_serial(struct bench *b)
{
	struct emulator e[2], *list[2] = { &e[0], &e[1] };
	unsigned n = 0;
	bool ok = true;
	for (enum who w = VMUX; ok && w <= TCG; w++)
		if (b->have[w])
			ok = start(b, w, &e[n++], "curses");
	for (unsigned k = 0; ok && k < n; k++)
		ok = emulator_expect(&e[k], list, n, PROMPT, 2 * BOOT_LIMIT);
	if (ok) {
		print_idle(b, list, n);
		ok = print_serial(b, list, n);
	}
	for (unsigned k = 0; k < n; k++)
		emulator_stop(&e[k]);
	return ok;
}
