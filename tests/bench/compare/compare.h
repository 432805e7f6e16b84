/* compare.h - the parts of `make bench`, which sets vmux beside QEMU's TCG and Bochs in one run. */
#ifndef TESTS_BENCH_COMPARE_COMPARE_H
#define TESTS_BENCH_COMPARE_COMPARE_H
#include "tests/bench/compare/emulator.h"
#include <stdio.h>

enum who { HOST, VMUX, TCG, BOCHS, N_WHO };
extern const char *const who_names[N_WHO];

struct bench {
	const char *dir;                /* build/bench: images, sockets, results */
	const char *guests;             /* build/guests */
	unsigned rounds;
	bool have[N_WHO];
	FILE *json;
	unsigned n_json, wanted, met;
	char summary[8192];
};

double median(double *v, unsigned n);
/* One number of the machine-readable copy. */
void record(struct bench *b, const char *section, const char *item, const char *metric, double value);
/* One line of the closing table: is value at most (or at least) limit? */
void judge(struct bench *b, const char *what, double value, const char *unit, bool at_least, double limit);

/* Each false when it could not run at all. */
bool bench_kernels(struct bench *b);
bool bench_real(struct bench *b);
bool bench_boot(struct bench *b);
bool bench_work(struct bench *b);
bool bench_smp(struct bench *b);
bool bench_idle_and_serial(struct bench *b);
bool bench_ui(struct bench *b);
#endif
