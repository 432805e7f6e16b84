/* work.c - tests/bench/linux natively, and as the first process of Debian's kernel on vmux and TCG.  BENCH_ACCEL names vmux's engine. */
#include "tests/bench/compare/compare.h"
#include "tests/bench/compare/work.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROUNDS = 25, LIMIT = 600 };

/* What is wanted, of time: at least so much faster than TCG, or at most so much slower than the host. */
static const struct mark { const char *name; double tcg_by, host_by; } marks[] = {
	{ "memcpy", 0, 1.5 }, { "memset", 0, 1.5 }, { "rep movsb", 0, 1.5 }, { "rep stosq", 0, 1.5 }, { "read /dev/zero", 0, 1.5 },
	{ "double scalar", 8, 0 }, { "x87", 20, 0 }, { "matmul", 8, 0 }, { "packed SIMD", 10, 0 }, { "adc bignum", 4, 0 }, { "generated code", 5, 0 },
	{ "patched code", 5, 0 }, { "syscall", 2.5, 0 }, { "pipe switch", 8, 0 }, { "signal", 6, 0 }, { "fork+exit", 4, 0 }, { "vfork+exec", 4, 0 },
	{ "page faults", 4, 0 }, { "shell loop", 4, 0 } };

/* One line of the protocol of tests/bench/linux/main.c; cpu: the emulator's seconds so far, or < 0. */
static void take_line(struct work_run *r, double cpu)
{
	struct work_row *row = &r->row[r->n];
	uint64_t us;
	if (!strcmp(r->line, "X"))
		r->done = true;
	if (r->n == MAX_WORK)
		return;
	if (r->line[0] == '<') {
		snprintf(row->name, sizeof row->name, "%s", r->line + 1);
		r->begun = cpu;
	} else if (row->name[0] && sscanf(r->line, ">%" SCNx64 " %" SCNu64, &row->result, &us) == 2) {
		row->cpu = cpu < 0 ? 0 : cpu - r->begun;
		row->time = cpu < 0 || r->own_time ? (double)us * 1e-6 : row->cpu;
		r->n++;
	}
}

static void take(struct work_run *r, const char *data, size_t n, double cpu)
{
	for (; n--; data++) {
		if (*data == '\n') {
			r->line[r->used] = 0;
			r->used = 0;
			take_line(r, cpu);
		} else if (*data != '\r' && r->used < sizeof r->line - 1) {
			r->line[r->used++] = *data;
		}
	}
}

/* The guest waits for an answer to each line. */
static void on_serial(struct emulator *e, const char *data, size_t n, double cpu)
{
	struct work_run *r = e->arg;
	take(r, data, n, cpu);
	if (memchr(data, '\n', n))
		emulator_send(e, ".");
}

bool work_natively(struct bench *b, struct work_run *r, const char *arg)
{
	char program[512], data[256];
	size_t n;
	snprintf(program, sizeof program, "%s/work %s", b->dir, arg);
	FILE *p = popen(program, "r");
	while (p && (n = fread(data, 1, sizeof data, p)))
		take(r, data, n, -1);
	return p && !pclose(p) && r->done;
}

bool work_on(struct bench *b, enum who w, struct work_run *r, const char *cpus, const char *arg)
{
	char serial[512], unix_serial[520], kernel[512], initrd[512], append[128];
	const char *accel = getenv("BENCH_ACCEL");
	snprintf(serial, sizeof serial, "%s/serial-work", b->dir);
	snprintf(unix_serial, sizeof unix_serial, "unix:%s", serial);
	snprintf(kernel, sizeof kernel, "%s/linux-6.1/vmlinuz", b->guests);
	snprintf(initrd, sizeof initrd, "%s/work.initrd", b->dir);
	snprintf(append, sizeof append, "quiet console=tty0 panic=-1 -- %s", arg);
	const char *const argv[] = { w == VMUX ? "build/vmux" : "qemu-system-x86_64", "-accel", w == VMUX && accel ? accel : "tcg", "-m", "256", "-smp", cpus,
		"-kernel", kernel, "-initrd", initrd, "-append", append, "-no-reboot", "-display", "none", "-serial", unix_serial,
		"-monitor", "none", w == TCG ? "-nic" : NULL, "none", NULL };
	struct emulator e, *list = &e;
	bool ok = emulator_start(&e, who_names[w], SERIAL_SOCKET, serial, argv);
	e.on_serial = on_serial;
	e.arg = r;
	for (double until = wall() + LIMIT; ok && !r->done;)
		ok = emulators_pump(&list, 1, 200) && wall() < until;
	if (!ok)
		fprintf(stderr, "bench: %s stopped at \"%s\"\n", who_names[w], r->n < MAX_WORK ? r->row[r->n].name : "");
	emulator_stop(&e);
	return ok;
}

/* Median over the rounds of row k's time on w, divided by that on `by` of the same round unless by is N_WHO; 0 = not known. */
static double middle(const struct work_run runs[][N_WHO], unsigned rounds, unsigned k, enum who w, enum who by)
{
	double v[MAX_ROUNDS];
	unsigned n = 0;
	for (unsigned i = 0; i < rounds; i++)
		if (runs[i][w].done && runs[i][w].row[k].time > 0 && (by == N_WHO || (runs[i][by].done && runs[i][by].row[k].time > 0)))
			v[n++] = runs[i][w].row[k].time / (by == N_WHO ? 1 : runs[i][by].row[k].time);
	return median(v, n);
}

static void judge_row(struct bench *b, const char *name, double host, double tcg)
{
	char what[80];
	size_t length = strcspn(name, ",");                                     /* without ", again" */
	for (unsigned m = 0; m < sizeof marks / sizeof marks[0]; m++) {
		if (strlen(marks[m].name) != length || memcmp(marks[m].name, name, length))
			continue;
		snprintf(what, sizeof what, "%s: %s", name, marks[m].tcg_by > 0 ? "TCG / vmux" : "vmux / host");
		if (marks[m].tcg_by > 0 && tcg > 0)
			judge(b, what, tcg, "", true, marks[m].tcg_by);
		else if (marks[m].host_by > 0 && host > 0)
			judge(b, what, host, "", false, marks[m].host_by);
	}
}

static void print_row(struct bench *b, const struct work_run runs[][N_WHO], unsigned rounds, unsigned k)
{
	const char *name = runs[0][HOST].row[k].name;
	double host = middle(runs, rounds, k, VMUX, HOST), tcg = middle(runs, rounds, k, TCG, VMUX);
	bool wrong = false;
	printf("  %-21s", name);
	for (enum who w = HOST; w <= TCG; w++) {
		double v = middle(runs, rounds, k, w, N_WHO);
		printf(" %9.4f", v);
		record(b, "work", name, who_names[w], v);
		for (unsigned i = 0; i < rounds; i++)
			wrong |= runs[i][w].done && runs[i][w].row[k].result != runs[0][HOST].row[k].result;
	}
	printf(" %10.2f %10.2f%s\n", host, tcg, wrong ? "  WRONG RESULT" : "");
	record(b, "work", name, "vmux/host", host);
	record(b, "work", name, "TCG/vmux", tcg);
	judge_row(b, name, host, tcg);
}

bool bench_work(struct bench *b)
{
	static struct work_run runs[MAX_ROUNDS][N_WHO];
	for (unsigned i = 0; i < b->rounds; i++) {
		for (enum who w = HOST; w <= TCG; w++) {
			double t = wall();
			if (w != HOST && !b->have[w])
				continue;
			if (!(w == HOST ? work_natively(b, &runs[i][w], "") : work_on(b, w, &runs[i][w], "1", "")) && w != TCG)
				return false;
			fprintf(stderr, "work, round %u of %u: %s, %.1f s\n", i + 1, b->rounds, who_names[w], wall() - t);
		}
	}
	printf("\nWork in a Debian guest: CPU seconds (median of %u)\n  %-21s %9s %9s %9s %10s %10s\n", b->rounds, "", "host", "vmux", "TCG", "vmux/host",
		"TCG/vmux");
	for (unsigned k = 0; k < runs[0][HOST].n; k++)
		print_row(b, (const struct work_run (*)[N_WHO])runs, b->rounds, k);
	return true;
}
