/* test_jit_fp.c - floating point that stays in the host's registers from block to block: programs that leave translated code in every
 * way there is, run interpreted and translated; registers, memory and the exception must be the same. */
#include "tests/cpu/guest.h"
#include "core/cpu/engine.h"
#include "core/cpu/fp.h"
#include "core/cpu/fpstate.h"
#include "core/jit/jit.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { SECOND = 0x500000, ENDS = 64 /* bytes that are not 0, on both sides of the end of the first page */ };
/* rbx = GUEST_DATA, two pages of which are there, that lie apart; ends with HLT. */
#define PROGRAM(name, text) \
	extern const uint8_t name[], name##_end[]; \
	__asm__(".pushsection .rodata\n" #name ":\n\t" text "\n\thlt\n" #name "_end:\n.popsection\n")

PROGRAM(steps_between,
	"mov $300, %ecx\n pxor %xmm0, %xmm0\n fldz\n"
	"1: movsd (%rbx), %xmm1\n addsd %xmm1, %xmm0\n fldl 8(%rbx)\n faddp\n"
	"push %rcx\n push %rbx\n xor %eax, %eax\n cpuid\n pop %rbx\n pop %rcx\n"               /* by the interpreter */
	"mulsd 16(%rbx), %xmm0\n fld %st(0)\n fmull 16(%rbx)\n fstpl 24(%rbx)\n addsd 24(%rbx), %xmm0\n"
	"pxor %xmm15, %xmm15\n movq %rcx, %xmm15\n paddq %xmm15, %xmm14\n"
	"dec %ecx\n jnz 1b\n fstpt 32(%rbx)");
PROGRAM(across_pages,
	"lea 4092(%rbx), %rdi\n mov $200, %ecx\n"
	"1: movups (%rdi), %xmm2\n paddd %xmm2, %xmm3\n movups %xmm3, (%rdi)\n fldl (%rdi)\n fstpl -4(%rdi)\n fnstsw %ax\n or %ax, 64(%rbx)\n"
	"dec %ecx\n jnz 1b");
/* At each place around the end of the first page. */
#define AROUND_THE_END(text) "mov $4, %esi\n 9: lea 4048(%rbx), %rdi\n 1:" text "inc %rdi\n mov %edi, %eax\n and $4095, %eax\n cmp $16, %eax\n jne 1b\n dec %esi\n jnz 9b\n"
PROGRAM(split_sse, AROUND_THE_END(
	"movups (%rdi), %xmm0\n paddd %xmm0, %xmm1\n movss (%rdi), %xmm2\n paddw %xmm2, %xmm1\n movsd 2(%rdi), %xmm9\n paddb %xmm9, %xmm1\n"
	"movhps 1(%rdi), %xmm1\n movd (%rdi), %xmm3\n pinsrw $5, 3(%rdi), %xmm3\n pinsrd $2, (%rdi), %xmm3\n pxor %xmm3, %xmm1\n cvtsi2sdl (%rdi), %xmm4\n"
	"cvtps2pd (%rdi), %xmm5\n pxor %xmm5, %xmm4\n cvttsd2si (%rdi), %r9\n add %r9, %r10\n stc\n ucomisd (%rdi), %xmm4\n adc $0, %edx\n setp %al\n add %al, %dh\n"
	"movq (%rdi), %mm1\n paddw %mm1, %mm2\n emms\n"
	"movups %xmm1, (%rdi)\n movss %xmm1, 5(%rdi)\n movlps %xmm4, 7(%rdi)\n movd %xmm3, 1(%rdi)\n pextrd $3, %xmm1, 2(%rdi)\n pextrw $1, %xmm1, 9(%rdi)\n"
	"movq %mm2, 3(%rdi)\n addps %xmm1, %xmm6\n"));
PROGRAM(split_avx, AROUND_THE_END(
	"vmovups (%rdi), %ymm0\n vpaddd 3(%rdi), %ymm0, %ymm1\n vaddps (%rdi), %ymm10, %ymm10\n vpinsrq $1, 1(%rdi), %xmm1, %xmm2\n vbroadcastss (%rdi), %ymm3\n"
	"vpmovzxbw 1(%rdi), %xmm4\n vpxor %ymm3, %ymm4, %ymm11\n vmaskmovps (%rdi), %ymm1, %ymm5\n stc\n vptest 2(%rdi), %ymm0\n adc $0, %edx\n"
	"vmovdqu %ymm1, (%rdi)\n vextractf128 $1, %ymm11, 5(%rdi)\n vmovsd %xmm2, 3(%rdi)\n vcvtps2ph $0, %ymm5, 1(%rdi)\n vmaskmovps %ymm11, %ymm1, 2(%rdi)\n"));
PROGRAM(no_second_page,
	"mov $1000, %ecx\n lea 8(%rbx), %rdi\n"
	"1: movups (%rdi), %xmm5\n paddb %xmm5, %xmm6\n add $16, %rdi\n dec %ecx\n jnz 1b");
PROGRAM(no_second_page_to_write,
	"mov $1000, %ecx\n lea 8(%rbx), %rdi\n"
	"1: paddb %xmm5, %xmm6\n movups %xmm6, (%rdi)\n add $16, %rdi\n dec %ecx\n jnz 1b");
PROGRAM(unmasked_later,
	"mov $200, %ecx\n"
	"1: movsd (%rbx), %xmm0\n divsd 72(%rbx), %xmm0\n addsd %xmm0, %xmm1\n"
	"cmp $50, %ecx\n jne 2f\n stmxcsr 80(%rbx)\n andl $0xfffffdff, 80(%rbx)\n ldmxcsr 80(%rbx)\n"   /* unmask division by zero */
	"2: dec %ecx\n jnz 1b");
PROGRAM(unmasked_x87_later,
	"mov $200, %ecx\n"
	"1: fldl (%rbx)\n fdivl 72(%rbx)\n fstpl 88(%rbx)\n"
	"cmp $50, %ecx\n jne 2f\n fnclex\n fnstcw 80(%rbx)\n andw $0xfffb, 80(%rbx)\n fldcw 80(%rbx)\n"
	"2: dec %ecx\n jnz 1b");
PROGRAM(rounding,
	"mov $200, %ecx\n fnstcw 80(%rbx)\n"
	"1: mov 80(%rbx), %ax\n xor $0x0c, %ah\n mov %ax, 82(%rbx)\n fldl 16(%rbx)\n fldcw 82(%rbx)\n fistpl 96(%rbx)\n fldcw 80(%rbx)\n"
	"mov 96(%rbx), %edx\n add %edx, 100(%rbx)\n stmxcsr 84(%rbx)\n xorl $0x6000, 84(%rbx)\n ldmxcsr 84(%rbx)\n cvtsd2si 16(%rbx), %r9\n add %r9, %r10\n"
	"dec %ecx\n jnz 1b");
PROGRAM(last_instruction,
	"mov $200, %ecx\n"
	"1: fldl 16(%rbx)\n nop\n fmull 8(%rbx)\n fsqrt\n fstps 104(%rbx)\n xor %eax, %eax\n"
	"dec %ecx\n jnz 1b\n fnstenv 112(%rbx)\n fldl 8(%rbx)\n fnsave 144(%rbx)");
PROGRAM(misaligned,
	"mov $200, %ecx\n lea 512(%rbx), %rdi\n"
	"1: movaps (%rdi), %xmm5\n paddb %xmm5, %xmm6\n cmp $3, %ecx\n jne 2f\n inc %rdi\n 2: dec %ecx\n jnz 1b");
PROGRAM(no_page,
	"mov $1000, %ecx\n mov %rbx, %rdi\n"
	"1: movups (%rdi), %xmm5\n paddb %xmm5, %xmm6\n fldl (%rdi)\n fstp %st(0)\n add $16, %rdi\n dec %ecx\n jnz 1b");
PROGRAM(task_switched,
	"mov $200, %ecx\n"
	"1: addsd (%rbx), %xmm0\n cmp $9, %ecx\n jne 2f\n mov %cr0, %rax\n or $8, %eax\n mov %rax, %cr0\n 2: dec %ecx\n jnz 1b");
PROGRAM(flags_across,
	"mov $200, %ecx\n xor %edx, %edx\n"
	"1: ucomisd 8(%rbx), %xmm0\n addsd 16(%rbx), %xmm0\n adc $0, %edx\n cmp %ecx, %edx\n movsd %xmm0, 8(%rbx)\n setb %al\n movzbl %al, %eax\n add %eax, %edx\n"
	"fldl 16(%rbx)\n fldl 8(%rbx)\n fcomip %st(1), %st\n fcmovb %st(0), %st\n fstp %st(0)\n adc $0, %edx\n"
	"dec %ecx\n jnz 1b");
PROGRAM(mmx,
	"mov $200, %ecx\n pxor %mm7, %mm7\n"
	"1: movq (%rbx), %mm0\n paddw %mm0, %mm7\n movq2dq %mm7, %xmm3\n movd %ecx, %mm2\n pmaddwd %mm2, %mm7\n movq %mm7, 128(%rbx)\n"
	"dec %ecx\n jnz 1b\n emms\n fldl 8(%rbx)");
PROGRAM(avx,
	"mov $200, %ecx\n vxorps %ymm1, %ymm1, %ymm1\n"
	"1: vmovups (%rbx), %ymm0\n vpaddd %ymm0, %ymm1, %ymm1\n vfmadd231pd 32(%rbx), %ymm0, %ymm2\n addps %xmm0, %xmm1\n vextractf128 $1, %ymm1, 256(%rbx)\n"
	"vmovd %ecx, %xmm9\n vpinsrq $1, %r10, %xmm9, %xmm9\n vpextrq $0, %xmm9, %r10\n push %rbx\n push %rcx\n cpuid\n pop %rcx\n pop %rbx\n dec %ecx\n jnz 1b\n"
	"vmovups %ymm2, 288(%rbx)\n vzeroupper");
/* Vectors that may not be loaded, behind the last of eight rounds of a loop: those before count all the same. */
PROGRAM(unmasked_behind_a_loop,
	"mov $200, %ecx\n stmxcsr 80(%rbx)\n andl $0xfffffbff, 80(%rbx)\n ldmxcsr 80(%rbx)\n"        /* unmask overflow */
	"1: mov $97, %edx\n"
	"2: add %rdx, %rax\n dec %edx\n jnz 2b\n addps (%rbx), %xmm1\n dec %ecx\n jnz 1b");

/* One register after the other is the only one with an upper half (in its last word alone), while C is called. */
#define UPPER(n) \
	"vzeroupper\n vmovd %ecx, %xmm" #n "\n vpslldq $12, %xmm" #n ", %xmm" #n "\n vinsertf128 $1, %xmm" #n ", %ymm" #n ", %ymm" #n "\n" \
	"push %rcx\n push %rbx\n cpuid\n pop %rbx\n pop %rcx\n paddd %xmm" #n ", %xmm" #n "\n vmovups %ymm" #n ", 1024+32*" #n "(%rbx)\n"
PROGRAM(upper_halves,
	"mov $200, %ecx\n"
	"1:" UPPER(0) UPPER(1) UPPER(2) UPPER(3) UPPER(4) UPPER(5) UPPER(6) UPPER(7) UPPER(8) UPPER(9) UPPER(10) UPPER(11) UPPER(12) UPPER(13) UPPER(14) UPPER(15)
	"dec %ecx\n jnz 1b");

static const struct program { const char *name; const uint8_t *code, *end; int vector; } programs[] = {
#define P(name, vector) { #name, name, name##_end, vector }
	P(steps_between, -1), P(across_pages, -1), P(unmasked_later, EXC_XM), P(unmasked_x87_later, EXC_MF), P(rounding, -1), P(last_instruction, -1),
	P(misaligned, EXC_GP), P(no_page, EXC_PF), P(task_switched, EXC_NM), P(flags_across, -1), P(mmx, -1), P(avx, -1),
	P(upper_halves, -1), P(unmasked_behind_a_loop, -1), P(split_sse, -1), P(split_avx, -1), P(no_second_page, EXC_PF), P(no_second_page_to_write, EXC_PF),
};

struct end { uint64_t regs[16], rip, cr2, icount; uint32_t flags, mxcsr; int vector; union ymm ymm[16]; struct fpu fpu; uint8_t data[2 * PAGE_SIZE], stack[256] __attribute__((aligned(8))); };

/* How often the interpreter looked memory up for translated code. */
static uint64_t run(const struct program *p, unsigned hot, struct end *out)
{
	static const double numbers[] = { 1.5, -2.25, 0.999, 3.0 };
	struct guest *g = guest_new(GUEST_LONG64);
	struct cpu *c = g->c;
	assert_true(engine_set_jit(c, hot));
	c->mxcsr = MXCSR_INIT;
	x87_init(c);
	guest_load(g, GUEST_CODE, p->code, (size_t)(p->end - p->code));
	memcpy(g->mem + GUEST_DATA, numbers, sizeof numbers);
	for (unsigned n = 0; n < ENDS; n++) {
		g->mem[GUEST_DATA + PAGE_SIZE - ENDS + n] = (uint8_t)(n * 37 + 11);
		g->mem[SECOND + n] = (uint8_t)(n * 91 + 5);
	}
	guest_map(g, GUEST_DATA + PAGE_SIZE, SECOND, true, true);
	guest_map(g, GUEST_DATA + 2 * PAGE_SIZE, 0, false, false);
	c->regs[RBX] = GUEST_DATA;
	assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
	memset(out, 0, sizeof *out);
	memcpy(out->regs, c->regs, sizeof out->regs);
	memcpy(out->ymm, c->ymm, sizeof out->ymm);
	memcpy(out->data, g->mem + GUEST_DATA, PAGE_SIZE);
	memcpy(out->data + PAGE_SIZE, g->mem + SECOND, PAGE_SIZE);
	memcpy(out->stack, g->mem + GUEST_STACK - sizeof out->stack, sizeof out->stack);
	out->fpu = c->fpu;
	out->rip = c->rip;
	out->cr2 = c->cr2;
	out->icount = c->icount;
	out->flags = cpu_get_eflags(c);
	out->mxcsr = c->mxcsr;
	out->vector = guest_vector(g);
	if (out->vector >= 0) {                 /* flags that nothing reads may differ there */
		uint64_t *pushed = (uint64_t *)(void *)(out->stack + sizeof out->stack - 24);
		*pushed &= ~(uint64_t)FL_ARITH;
		out->flags &= ~(unsigned)FL_ARITH;
	}
	struct jit_counters count = { 0 };
	if (hot)
		jit_get_counters(engine_jit(c), &count);
	guest_free(g);
	return count.misses;
}

static void same_as_interpreted(void **state)
{
	struct end a, b;
	bool avx2 = cpu_impl_features() & IMPL_AVX2;
	for (const struct program *p = programs; p < programs + sizeof programs / sizeof programs[0]; p++) {
		if ((p->code == avx || p->code == upper_halves || p->code == split_avx) && !avx2)
			continue;
		run(p, 0, &a);
		run(p, 2, &b);
		if (a.vector != p->vector || memcmp(&a, &b, sizeof a))
			print_message("%s: vector %d and %d, rip %lx and %lx\n", p->name, a.vector, b.vector, (unsigned long)a.rip, (unsigned long)b.rip);
		assert_int_equal(a.vector, p->vector);
		assert_memory_equal(a.regs, b.regs, sizeof a.regs);
		assert_memory_equal(a.ymm, b.ymm, sizeof a.ymm);
		assert_memory_equal(&a.fpu, &b.fpu, sizeof a.fpu);
		assert_memory_equal(a.data, b.data, sizeof a.data);
		assert_memory_equal(a.stack, b.stack, sizeof a.stack);
		assert_int_equal(a.flags, b.flags);
		assert_int_equal(a.mxcsr, b.mxcsr);
		assert_int_equal(a.cr2, b.cr2);
		assert_int_equal(a.icount, b.icount);
		assert_int_equal(a.vector, b.vector);
	}
}

/* Not each time it comes by the end of a page does the interpreter do it. */
static void splits_stay_in_translated_code(void **state)
{
	static const struct program p = { "split_sse", split_sse, split_sse_end, -1 };
	struct end out;
	assert_in_range(run(&p, 2, &out), 1, 100);
	assert_int_equal(out.vector, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(same_as_interpreted), cmocka_unit_test(splits_stay_in_translated_code) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
