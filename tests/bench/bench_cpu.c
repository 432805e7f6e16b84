/* bench_cpu.c - guest instructions a second of the interpreter on integer kernels, and the ratio to the host itself.
 *
 *   cpu [kernel number]
 *   cpu --count           one line a kernel: guest instructions, name
 * Runs the host's own code of each kernel in flat 64-bit mode, checks its result, prints one line a kernel. */
#include "tests/bench/kernels.h"
#include "tests/cpu/guest.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { HEAP_PHYS = 0x1000000, CODE_PHYS = 0x800000 };
#define HEAP_LIN UINT64_C(0x30000000)   /* the same address for host and guest, so that pointers in the heap agree */

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	bool count_only = argc > 1 && !strcmp(argv[1], "--count");
	struct guest *g = guest_new(GUEST_LONG64);
	uint64_t first = (uintptr_t)__start_kernel_code & ~UINT64_C(0xfff), last = (uintptr_t)__stop_kernel_code;
	void *heap = mmap((void *)HEAP_LIN, KERNEL_HEAP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (heap == MAP_FAILED) {
		perror("bench_cpu: heap");
		return 1;
	}
	for (uint64_t a = first; a < last; a += 4096)
		guest_map(g, a, CODE_PHYS + (a - first), true, false);         /* as systems map code */
	for (uint64_t a = 0; a < KERNEL_HEAP; a += 4096)
		guest_map(g, HEAP_LIN + a, HEAP_PHYS + a, true, true);
	guest_load(g, CODE_PHYS + ((uintptr_t)__start_kernel_code - first), __start_kernel_code, (size_t)(__stop_kernel_code - __start_kernel_code));
	guest_code(g, GUEST_CODE, 0xff, 0xd0, 0xf4);            /* call rax; hlt */
	double log_sum = 0, log_ratio = 0;
	int count = 0, bad = 0;
	for (unsigned k = 0; k < n_kernels; k++) {
		if (argc > 1 && !count_only && (unsigned)atoi(argv[1]) != k)
			continue;
		const struct kernel *q = &kernels[k];
		struct cpu *c = g->c;
		q->fn(q->n / 10 + 1, heap);
		double host = now();
		uint64_t want = q->fn(q->n, heap);
		host = now() - host;
		c->regs[RDI] = q->n;
		c->regs[RSI] = HEAP_LIN;
		c->regs[RAX] = (uintptr_t)q->fn;
		c->regs[RSP] = GUEST_STACK;
		uint64_t icount = c->icount;
		double t = now();
		enum cpu_exit why = guest_run(g, GUEST_CODE);
		t = now() - t;
		double mips = (double)(c->icount - icount) / t / 1e6;
		bool ok = why == CPUEXIT_HALT && guest_vector(g) < 0 && c->regs[RAX] == want;
		if (count_only)
			printf("%llu %s\n", (unsigned long long)(c->icount - icount), q->name);
		else
			printf("%2u %-16s %8.1f M instructions %7.3f s %6.0f MIPS  %5.1f x host%s\n", k, q->name, (double)(c->icount - icount) / 1e6, t, mips,
				t / host, ok ? "" : "  WRONG RESULT");
		bad += !ok;
		log_sum += log(mips);
		log_ratio += log(t / host);
		count++;
	}
	if (count && !count_only)
		printf("geometric mean %.0f MIPS, %.1f x host\n", exp(log_sum / count), exp(log_ratio / count));
	guest_free(g);
	return bad != 0;
}
