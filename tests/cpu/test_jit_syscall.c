/* test_jit_syscall.c - SYSCALL and SYSRET, translated and interpreted, leave the same CPU behind, whatever the flags, masks and selectors are. */
#include "core/cpu/engine.h"
#include "core/cpu/sys.h"
#include "tests/cpu/guest.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { USER = 0x400000, STACK = 0x402000, FRAMES = 0x500000, KERNEL = 0x30000, TSS = 0x110000, CASES = 4000, CALLS = 20000 };
enum { EVERYTHING = 0x3c7fd7 & ~(FL_IOPL | FL_TF) };

static struct guest *new_guest(unsigned jit)
{
	struct guest *g = guest_new(GUEST_LONG64);
	struct cpu *c = g->c;
	uint64_t rsp0 = GUEST_STACK;
	guest_map(g, USER, FRAMES, true, true);
	guest_map(g, STACK, FRAMES + 0x2000, true, true);
	guest_code(g, FRAMES,
		0x52, 0x9d,                                     /* l: push rdx; popfq */
		0x0f, 0x05,                                     /* syscall */
		0x9c, 0x5b,                                     /* pushfq; pop rbx */
		0x0f, 0x57, 0xc0,                               /* xorps xmm0, xmm0 */
		0xff, 0xcd,                                     /* dec ebp */
		0x75, 0xf3,                                     /* jnz l */
		0x31, 0xc0,                                     /* xor eax, eax */
		0x0f, 0x05);                                    /* syscall */
	guest_code(g, KERNEL,
		0x4c, 0x89, 0xde,                               /* mov rsi, r11 */
		0x9c, 0x5f,                                     /* pushfq; pop rdi */
		0x49, 0x89, 0xcd,                               /* mov r13, rcx */
		0x45, 0x85, 0xf6,                               /* test r14d, r14d */
		0x74, 0x02,                                     /* jz 1f */
		0x0f, 0x06,                                     /* clts */
		0x45, 0x85, 0xff,                               /* 1: test r15d, r15d */
		0x74, 0x03,                                     /* jz 2f */
		0x0f, 0x57, 0xc0,                               /* xorps xmm0, xmm0 */
		0x85, 0xc0,                                     /* 2: test eax, eax */
		0x74, 0x09,                                     /* jz out */
		0x4d, 0x89, 0xc3,                               /* mov r11, r8 */
		0x4c, 0x31, 0xe1,                               /* xor rcx, r12 */
		0x48, 0x0f, 0x07,                               /* sysretq */
		0xf4);                                          /* out: hlt */
	c->seg[SEG_TR] = (struct segreg) { .base = TSS, .limit = 0x67, .sel = 0x28, .attr = ATTR_P | SYS_TSS32_BUSY };
	memcpy(g->mem + TSS + 4, &rsp0, 8);
	c->lstar = KERNEL;
	assert_true(engine_set_jit(c, jit));
	return g;
}

static void to_user(struct cpu *c, unsigned calls)
{
	c->seg[SEG_CS] = (struct segreg) { .limit = UINT32_MAX, .sel = 0x33, .attr = flat_code_attr(3, true) };
	c->seg[SEG_SS] = (struct segreg) { .limit = UINT32_MAX, .sel = 0x2b, .attr = flat_data_attr(3) };
	c->cpl = 3;
	c->regs[RSP] = STACK + 0x800;
	c->regs[RAX] = 1;
	c->regs[RBP] = calls;
	cpu_set_eflags(c, FL_IF | 2);
}

struct outcome { uint64_t regs[16], rip, df_step, lin_mask, icount; struct segreg cs, ss; uint32_t eflags; uint16_t mode; uint8_t cpl; bool user_tlb; int vector; };

/* `odd`: with what may have to be the interpreter's. */
static void run(struct guest *g, unsigned seed, bool odd, struct outcome *out)
{
	struct cpu *c = g->c;
	srand(seed);
	memset(c->regs, 0, 16 * sizeof c->regs[0]);
	c->cr0 &= ~(uint64_t)CR0_TS;
	if (odd && rand() % 4 == 0)
		c->cr0 |= CR0_TS;
	to_user(c, 3);
	c->regs[14] = rand() % 4 != 0;
	c->regs[15] = rand() % 2;
	c->regs[RDX] = (unsigned)rand() & (odd ? (unsigned)EVERYTHING : (unsigned)FL_ARITH);
	c->regs[8] = (unsigned)rand() & (odd && rand() % 4 == 0 ? (unsigned)EVERYTHING : (unsigned)(FL_ARITH | FL_IF));
	c->regs[12] = odd && rand() % 8 == 0 ? UINT64_C(1) << (26 + rand() % 38) : 0;
	c->regs[RCX] = 0x123;
	c->sfmask = odd && rand() % 4 == 0 ? (unsigned)rand() & 0x257fd7 : 0x257fd5;
	c->star = (uint64_t)((unsigned)rand() & 0xffff) << 48 | (uint64_t)((unsigned)rand() & 0xffff) << 32;
	c->efer = odd && rand() % 16 == 0 ? c->efer & ~(uint64_t)EFER_SCE : c->efer | EFER_SCE;
	uint64_t before = cpu_icount(c);
	assert_int_equal(guest_run(g, USER), CPUEXIT_HALT);
	memcpy(out->regs, c->regs, sizeof out->regs);
	out->rip = c->rip, out->df_step = c->df_step, out->lin_mask = c->lin_mask, out->icount = cpu_icount(c) - before;
	out->cs = c->seg[SEG_CS], out->ss = c->seg[SEG_SS], out->eflags = cpu_get_eflags(c);
	out->mode = c->mode, out->cpl = c->cpl, out->user_tlb = c->tlb == c->tlbs[TLB_USER], out->vector = guest_vector(g);
	if (out->vector >= 0)
		out->eflags &= ~(unsigned)FL_ARITH;     /* those that are dead need not be right when it faults */
}

static void same(struct guest *interpreted, struct guest *translated, bool odd)
{
	static struct outcome want, is;
	for (unsigned n = 0; n < CASES; n++) {
		memset(&want, 0, sizeof want);
		memset(&is, 0, sizeof is);
		run(interpreted, n, odd, &want);
		run(translated, n, odd, &is);
		if (memcmp(&is, &want, sizeof is))
			print_error("case %u: flags %x, interpreted %x; vector %d, interpreted %d\n", n, is.eflags, want.eflags, is.vector, want.vector);
		assert_memory_equal(&is, &want, sizeof is);
	}
}

static void translated_as_interpreted(void **state)
{
	struct guest *interpreted = new_guest(0), *translated = new_guest(1);
	same(interpreted, translated, false);
	same(interpreted, translated, true);
	same(interpreted, translated, false);
	guest_free(interpreted);
	guest_free(translated);
}

/* From each system call to itself, with no other jump: it has to notice that it is asked to stop. */
static void *ask(void *arg)
{
	struct cpu *c = arg;
	while (cpu_icount(c) < CALLS)
		sched_yield();
	cpu_request(c, REQ_STOP);
	return NULL;
}

static void calls_without_end_can_be_stopped(void **state)
{
	struct guest *g = new_guest(1);
	struct cpu *c = g->c;
	pthread_t t;
	memset(c->regs, 0, 16 * sizeof c->regs[0]);
	to_user(c, 1);
	c->regs[8] = 2;
	c->regs[12] = 4 ^ 2;                                    /* rcx: from behind the SYSCALL to it */
	c->sfmask = 0x257fd5;
	c->star = UINT64_C(0x23001000000000);
	c->efer |= EFER_SCE;
	assert_int_equal(pthread_create(&t, NULL, ask, c), 0);
	assert_int_equal(guest_run(g, USER + 2), CPUEXIT_REQUEST);
	pthread_join(t, NULL);
	assert_true(cpu_icount(c) >= CALLS);
	guest_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(translated_as_interpreted), cmocka_unit_test(calls_without_end_can_be_stopped) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
