/* main.c - vmux beside QEMU's TCG and Bochs, in one run.  usage: compare BENCH_DIR GUESTS_DIR [kernels|real|boot|work|smp|idle|ui]...
 *
 * Times are CPU seconds of the emulator's process, so that other work on the machine disturbs little; ratios are formed within a
 * round, then the median over the rounds is taken.  Environment: BENCH_ROUNDS (default 5), BENCH_ACCEL (engine of vmux for "kernels", "boot", "work", "idle"). */
#include "tests/bench/compare/compare.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

const char *const who_names[N_WHO] = { "host", "vmux", "TCG", "Bochs" };

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}
double median(double *v, unsigned n)
{
	if (!n)
		return 0;
	qsort(v, n, sizeof(*v), by_value);
	return n & 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

void record(struct bench *b, const char *section, const char *item, const char *metric, double value)
{
	fprintf(b->json, "%s\n  { \"section\": \"%s\", \"item\": \"%s\", \"metric\": \"%s\", \"value\": %.6g }", b->n_json++ ? "," : "", section, item,
		metric, value);
}

void judge(struct bench *b, const char *what, double value, const char *unit, bool at_least, double limit)
{
	bool ok = at_least ? value >= limit : value <= limit;
	size_t n = strlen(b->summary);
	snprintf(b->summary + n, sizeof(b->summary) - n, "  %-52s %8.2f%-2s  wanted %s %g%s%*s%s\n", what, value, unit, at_least ? ">=" : "<=", limit, unit,
		(int)(8 - strlen(unit)), "", ok ? "PASS" : "short");
	record(b, "summary", what, at_least ? "at_least" : "at_most", limit);
	record(b, "summary", what, "value", value);
	b->wanted++;
	b->met += ok;
}

static bool installed(const char *program)
{
	char cmd[128];
	snprintf(cmd, sizeof(cmd), "command -v %s >/dev/null 2>&1", program);
	return !system(cmd);
}

static void print_machine(struct bench *b)
{
	char line[256], model[128] = "unknown";
	FILE *f = fopen("/proc/cpuinfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "model name%*[^:]: %127[^\n]", model) == 1)
			break;
	if (f)
		fclose(f);
	struct utsname u;
	uname(&u);
	double load[1] = { 0 };
	getloadavg(load, 1);
	printf("machine: %ld x %s, Linux %s, load %.1f at the start; %u rounds\n", sysconf(_SC_NPROCESSORS_ONLN), model, u.release, load[0], b->rounds);
	record(b, "machine", model, "cores", (double)sysconf(_SC_NPROCESSORS_ONLN));
	record(b, "machine", "load average at the start", "load", load[0]);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; bool (*run)(struct bench *b); } parts[] = {
		{ "kernels", bench_kernels }, { "real", bench_real }, { "boot", bench_boot }, { "work", bench_work }, { "smp", bench_smp }, { "idle", bench_idle_and_serial }, { "ui", bench_ui } };
	if (argc < 3) {
		fprintf(stderr, "usage: compare BENCH_DIR GUESTS_DIR [kernels|real|boot|work|smp|idle|ui]...\n");
		return 1;
	}
	const char *rounds = getenv("BENCH_ROUNDS");
	struct bench b = { .dir = argv[1], .guests = argv[2], .rounds = rounds && atoi(rounds) > 0 ? (unsigned)atoi(rounds) : 5 };
	if (b.rounds > 25)
		b.rounds = 25;
	b.have[HOST] = b.have[VMUX] = true;
	b.have[TCG] = installed("qemu-system-x86_64");
	b.have[BOCHS] = installed("bochs-bin");
	for (enum who w = TCG; w <= BOCHS; w++)
		if (!b.have[w])
			printf("%s is not installed: left out\n", who_names[w]);
	char path[512];
	snprintf(path, sizeof(path), "%s/results.json", b.dir);
	b.json = fopen(path, "w");
	if (!b.json) {
		perror(path);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	fprintf(b.json, "[");
	double start = wall();
	print_machine(&b);
	for (unsigned p = 0; p < sizeof(parts) / sizeof(parts[0]); p++) {
		bool chosen = argc == 3 && strcmp(parts[p].name, "smp");  /* it wants a quiet machine: only when asked for */
		for (int a = 3; a < argc; a++)
			chosen |= !strcmp(argv[a], parts[p].name);
		if (chosen && !parts[p].run(&b))
			printf("%s: not measured\n", parts[p].name);
	}
	printf("\nSummary\n%s  %u of %u as wanted; %.0f s; numbers in %s\n", b.summary, b.met, b.wanted, wall() - start, path);
	fprintf(b.json, "\n]\n");
	fclose(b.json);
	return 0;
}
