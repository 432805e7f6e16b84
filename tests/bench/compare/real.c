/* real.c - 16-bit code: the kernels of tests/bench/guest/real.S in real mode, on the translator and the interpreter beside TCG.  BENCH_ACCEL in the
 * environment: that engine in place of the translator. */
#include "tests/bench/compare/compare.h"
#include <stdlib.h>

static const char *const names[] = { "adds and stores", "fib, recursive", "fib, stack near code", "text to capitals", "far pointers", "sieve" };
enum { KERNELS = sizeof names / sizeof names[0], MAX_ROUNDS = 25 };
enum { ENGINE, TCG_PASS, INTERP_PASS, PASSES };
struct run { double time[KERNELS], begun; unsigned k; bool done; };

/* Each marker comes alone (kernels.c). */
static void on_marker(struct emulator *e, const char *data, size_t n, double cpu)
{
	struct run *r = e->arg;
	for (; n--; data++) {
		if (*data == '[')
			r->begun = cpu;
		else if (*data == ']' && r->k < KERNELS)
			r->time[r->k++] = cpu - r->begun;
		else if (*data == 'X')
			r->done = true;
	}
}

static bool run_on(struct bench *b, unsigned pass, struct run *r)
{
	const char *accel = getenv("BENCH_ACCEL");
	char serial[512], unix_serial[520], drive[512];
	snprintf(serial, sizeof(serial), "%s/serial", b->dir);
	snprintf(unix_serial, sizeof(unix_serial), "unix:%s", serial);
	snprintf(drive, sizeof(drive), "file=%s/real.img,format=raw,if=ide,snapshot=on", b->dir);
	const char *const vmux[] = { "build/vmux", "-accel", pass == INTERP_PASS ? "interp" : accel ? accel : "jit", "-m", "64", "-display", "none", "-monitor", "none",
		"-drive", drive, "-serial", unix_serial, NULL };
	const char *const tcg[] = { "qemu-system-x86_64", "-accel", "tcg", "-m", "64", "-display", "none", "-monitor", "none", "-nic", "none", "-drive", drive, "-serial",
		unix_serial, NULL };
	struct emulator e, *list = &e;
	bool ok = emulator_start(&e, who_names[pass == TCG_PASS ? TCG : VMUX], SERIAL_SOCKET, serial, pass == TCG_PASS ? tcg : vmux);
	e.on_serial = on_marker;
	e.arg = r;
	for (double until = wall() + 120; ok && !r->done;)
		ok = emulators_pump(&list, 1, 200) && wall() < until;
	emulator_stop(&e);
	return ok && r->k == KERNELS;
}

bool bench_real(struct bench *b)
{
	static struct run runs[MAX_ROUNDS][PASSES];
	for (unsigned i = 0; i < b->rounds; i++)
		for (unsigned p = 0; p < PASSES; p++)
			if ((p != TCG_PASS || b->have[TCG]) && !run_on(b, p, &runs[i][p]) && p == ENGINE)
				return false;
	printf("\n16-bit code in real mode: CPU seconds (median of %u)\n  %-20s %9s %9s %9s %10s\n", b->rounds, "", "vmux", "interp", "TCG", "TCG / vmux");
	for (unsigned k = 0; k < KERNELS; k++) {
		double v[MAX_ROUNDS], t[PASSES] = { 0 }, ratio;
		unsigned n = 0;
		for (unsigned p = 0; p < PASSES; p++) {
			for (unsigned i = n = 0; i < b->rounds; i++)
				if (runs[i][p].done)
					v[n++] = runs[i][p].time[k];
			t[p] = median(v, n);
		}
		for (unsigned i = n = 0; i < b->rounds; i++)
			if (runs[i][TCG_PASS].done && runs[i][ENGINE].time[k] > 0)
				v[n++] = runs[i][TCG_PASS].time[k] / runs[i][ENGINE].time[k];
		ratio = median(v, n);
		printf("  %-20s %9.4f %9.4f %9.4f %10.2f\n", names[k], t[ENGINE], t[INTERP_PASS], t[TCG_PASS], ratio);
		record(b, "real", names[k], "vmux", t[ENGINE]);
		record(b, "real", names[k], "interp", t[INTERP_PASS]);
		record(b, "real", names[k], "TCG", t[TCG_PASS]);
		char what[80];
		snprintf(what, sizeof what, "real mode: %s, TCG / vmux", names[k]);
		if (ratio > 0)
			judge(b, what, ratio, "", true, 1);
	}
	return true;
}
