/* smp.c - two CPUs: the same work by one process and by two at a time, natively and in a guest with two vCPUs on vmux and TCG.
 *
 * What counts is the time that passes in the guest, the shortest of three runs; so this wants a quiet machine of two cores or more.  Two at a
 * time on two CPUs do twice the work: the scaling is 2 * (time of one) / (time of two), at best 2.
 *
 * The last column says the same of the CPU time that vmux took: what two cost, through each other, more than twice one.  It is 1 when vCPUs have
 * nothing to wait for, and hardly changes with the load of the machine; less where one alone has its vCPU look for work between two steps. */
#include "tests/bench/compare/work.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_ROUNDS = 25 };

/* Median over the rounds of the scaling of rows k and k + 1; 0 = not known. */
static double scaling(const struct work_run runs[][N_WHO], unsigned rounds, unsigned k, enum who w)
{
	double v[MAX_ROUNDS];
	unsigned n = 0;
	for (unsigned i = 0; i < rounds; i++)
		if (runs[i][w].done && runs[i][w].row[k + 1].time > 0)
			v[n++] = 2 * runs[i][w].row[k].time / runs[i][w].row[k + 1].time;
	return median(v, n);
}

static double cost(const struct work_run runs[][N_WHO], unsigned rounds, unsigned k)
{
	double v[MAX_ROUNDS];
	unsigned n = 0;
	for (unsigned i = 0; i < rounds; i++)
		if (runs[i][VMUX].done && runs[i][VMUX].row[k].cpu > 0)
			v[n++] = runs[i][VMUX].row[k + 1].cpu / (2 * runs[i][VMUX].row[k].cpu);
	return median(v, n);
}

bool bench_smp(struct bench *b)
{
	static struct work_run runs[MAX_ROUNDS][N_WHO];
	for (unsigned i = 0; i < b->rounds; i++)
		for (enum who w = HOST; w <= TCG; w++) {
			if (w != HOST && !b->have[w])
				continue;
			runs[i][w].own_time = true;
			if (!(w == HOST ? work_natively(b, &runs[i][w], "--parallel") : work_on(b, w, &runs[i][w], "2", "--parallel")) && w != TCG)
				return false;
		}
	printf("\nTwo processes on two CPUs, times the work of one in the same time (median of %u)\n  %-16s %9s %9s %9s %14s %14s\n", b->rounds, "", "host", "vmux",
		"TCG", "vmux, one (s)", "its CPU, 2 / 1");
	for (unsigned k = 0; k + 1 < runs[0][HOST].n; k += 2) {
		char name[40], what[80];
		snprintf(name, sizeof name, "%.39s", runs[0][HOST].row[k].name);
		*strrchr(name, ',') = 0;
		printf("  %-16s", name);
		for (enum who w = HOST; w <= TCG; w++) {
			double v = scaling((const struct work_run (*)[N_WHO])runs, b->rounds, k, w);
			printf(" %9.2f", v);
			record(b, "smp", name, who_names[w], v);
		}
		printf(" %14.4f %14.2f\n", runs[0][VMUX].row[k].time, cost((const struct work_run (*)[N_WHO])runs, b->rounds, k));
		snprintf(what, sizeof what, "%s: two vCPUs / one", name);
		judge(b, what, scaling((const struct work_run (*)[N_WHO])runs, b->rounds, k, VMUX), "", true, 1.8);
	}
	return true;
}
