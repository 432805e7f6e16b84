/* work.h - running tests/bench/linux and taking down what it says. */
#ifndef TESTS_BENCH_COMPARE_WORK_H
#define TESTS_BENCH_COMPARE_WORK_H
#include "tests/bench/compare/compare.h"

enum { MAX_WORK = 32 };
struct work_row { char name[40]; double time, cpu /* seconds of the emulator, 0 natively */; uint64_t result; };
struct work_run {
	struct work_row row[MAX_WORK];
	unsigned n;
	char line[96];
	size_t used;
	double begun;
	bool done;
	bool own_time;                  /* times as the program says them; else the CPU seconds of the emulator */
};
/* Run the program to its end, on the bare machine or on `cpus` CPUs of an emulator; arg: its argument or "".  False: it stopped half way. */
bool work_natively(struct bench *b, struct work_run *r, const char *arg);
bool work_on(struct bench *b, enum who w, struct work_run *r, const char *cpus, const char *arg);
#endif
