/* vec_stubs.c - code for instructions with an immediate: one stub a value, 8 bytes apart (see VEC_STUBS in vec.h). */
#include "core/cpu/vec.h"

#define STUBS(op)                                                                                                                      \
	__asm__(".pushsection .text\n\t.balign 64\n\t.globl vec_stubs_" #op "\nvec_stubs_" #op ":\n\t.set imm_n, 0\n\t.rept 256\n\t.balign 8\n\t" \
		#op " $imm_n, %xmm1, %xmm0\n\tret\n\t.set imm_n, imm_n + 1\n\t.endr\n\t.popsection");
VEC_STUB_LIST(STUBS)
#define STUBS_VEX(op)                                                                                                                  \
	__asm__(".pushsection .text\n\t.balign 64\n\t.globl vec_stubs_" #op "\nvec_stubs_" #op ":\n\t.set imm_n, 0\n\t.rept 256\n\t.balign 8\n\t" \
		#op " $imm_n & 31, %xmm1, %xmm0, %xmm0\n\tret\n\t.set imm_n, imm_n + 1\n\t.endr\n\t.popsection");
VEC_STUB_LIST_VEX(STUBS_VEX)
