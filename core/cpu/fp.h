/* fp.h - floating-point and vector state as the rest of the CPU sees it (fpstate.c).
 *
 * While guest code runs, MXCSR and the x87 control word of the host hold the guest's rounding and denormal modes, so that an
 * instruction costs no reload; exception flags collect in the host's registers.  fp_park() takes them back and gives the host its
 * own defaults: it must run whenever the vCPU thread leaves guest code (end of cpu_run, cpu_step) and before anything reads or
 * writes cpu.mxcsr from outside. */
#ifndef CORE_CPU_FP_H
#define CORE_CPU_FP_H
#include "core/cpu/cpu.h"

enum { FP_LIVE_MXCSR = 1, FP_LIVE_X87 = 2 };

void fp_flush_live(struct cpu *c);
static inline void fp_park(struct cpu *c) { if (c->fp_live) fp_flush_live(c); }

/* Power-up/RESET# and INIT# values (SDM 3, table "IA-32 and Intel 64 Processor States Following Power-up, Reset, or INIT"). */
void fp_reset(struct cpu *c, bool init);

/* XCR0 bits this CPU implements; XSETBV accepts no others. */
enum { XCR0_X87 = 1, XCR0_SSE = 2, XCR0_AVX = 4 };
enum { XSAVE_SIZE_SSE = 576, XSAVE_SIZE_AVX = 832, XSAVE_OFFSET_AVX = 576 };

/* Features of this file's families that CPUID may offer: what the interpreter implements and the host can execute. */
enum cpu_impl_feature {
	IMPL_SSE3 = 1 << 0, IMPL_SSSE3 = 1 << 1, IMPL_SSE41 = 1 << 2, IMPL_SSE42 = 1 << 3, IMPL_AES = 1 << 4, IMPL_PCLMUL = 1 << 5,
	IMPL_SHA = 1 << 6, IMPL_XSAVE = 1 << 7, IMPL_XSAVEOPT = 1 << 8, IMPL_XSAVEC = 1 << 9, IMPL_AVX = 1 << 10, IMPL_AVX2 = 1 << 11,
	IMPL_FMA = 1 << 12, IMPL_F16C = 1 << 13, IMPL_SSE4A = 1 << 14,
};
uint32_t cpu_impl_features(void);
#endif
