/* test_jit_fault.c - page faults that are delivered without leaving translated code, and the small system instructions of a kernel, beside the
 * interpreter; the time stamp counter, which never goes back. */
#include "core/cpu/sys.h"
#include "core/jit/jit.h"
#include "tests/cpu/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { USER = 0x400000, STACK = 0x402000, ABSENT = 0x404000, READ_ONLY = 0x406000, FRAMES = 0x500000, HANDLER = 0x30000, TSS = 0x110000, LOOPS = 200, ROUNDS = 4 };

static struct guest *new_guest(unsigned jit)
{
	struct guest *g = guest_new(GUEST_LONG64);
	struct cpu *c = g->c;
	uint64_t rsp0 = GUEST_STACK, user_segments[] = { 0x00cff3000000ffff, 0x00affb000000ffff };
	uint8_t gate[16] = { HANDLER & 0xff, HANDLER >> 8 & 0xff, 8, 0, 0, 0x8e, HANDLER >> 16 };
	guest_map(g, USER, FRAMES, true, true);
	guest_map(g, STACK, FRAMES + 0x2000, true, true);
	guest_map(g, ABSENT, FRAMES + 0x4000, false, true);
	guest_map(g, READ_ONLY, FRAMES + 0x6000, true, false);
	guest_load(g, GUEST_IDT + 16 * EXC_PF, gate, sizeof gate);
	c->seg[SEG_TR] = (struct segreg) { .base = TSS, .limit = 0x67, .sel = 0x28, .attr = ATTR_P | SYS_TSS32_BUSY };
	memcpy(g->mem + TSS + 4, &rsp0, 8);
	guest_load(g, GUEST_GDT + 0x28, user_segments, sizeof user_segments);
	c->gdtr.limit = 0x37;
	c->lstar = 0x31000;
	c->efer |= EFER_SCE;
	c->cr0 |= CR0_WP;
	guest_code(g, 0x31000, 0xf4);                           /* syscall: hlt */
	/* Sums of CR2, error codes, flags; the faulting instruction, of three bytes, is passed over. */
	guest_code(g, HANDLER,
		0x50,                                           /* push rax */
		0x0f, 0x20, 0xd0,                               /* mov rax, cr2 */
		0x49, 0x01, 0xc0,                               /* add r8, rax */
		0x48, 0x8b, 0x44, 0x24, 0x08,                   /* mov rax, [rsp+8] */
		0x4c, 0x8d, 0x0c, 0x40,                         /* lea r9, [rax+rax*2] */
		0x4d, 0x01, 0xca,                               /* add r10, r9 */
		0x48, 0x8b, 0x44, 0x24, 0x20,                   /* mov rax, [rsp+20h] */
		0x49, 0x31, 0xc3,                               /* xor r11, rax */
		0x48, 0x83, 0x44, 0x24, 0x10, 0x03,             /* add qword [rsp+10h], 3 */
		0x58,                                           /* pop rax */
		0x48, 0x83, 0xc4, 0x08,                         /* add rsp, 8 */
		0x48, 0xcf);                                    /* iretq */
	guest_code(g, FRAMES,
		0x48, 0x8b, 0x06,                               /* l: mov rax, [rsi] */
		0x83, 0xc3, 0x01,                               /* add ebx, 1 */
		0x88, 0x57, 0x08,                               /* mov [rdi+8], dl */
		0x45, 0x11, 0xe4,                               /* adc r12d, r12d */
		0x48, 0x8b, 0x06,                               /* mov rax, [rsi] */
		0x48, 0x83, 0xc6, 0x08,                         /* add rsi, 8 */
		0xff, 0xcd,                                     /* dec ebp */
		0x75, 0xe9,                                     /* jnz l */
		0x0f, 0x05);                                    /* syscall */
	assert_true(engine_set_jit(c, jit));
	return g;
}

struct outcome { uint64_t regs[16], icount, cr2; uint32_t eflags; int vector; };
static void run(struct guest *g, bool user, struct outcome *out)
{
	struct cpu *c = g->c;
	memset(c->regs, 0, 16 * sizeof c->regs[0]);
	c->seg[SEG_CS] = (struct segreg) { .limit = UINT32_MAX, .sel = user ? 0x33 : 8, .attr = flat_code_attr(user ? 3 : 0, true) };
	c->seg[SEG_SS] = (struct segreg) { .limit = UINT32_MAX, .sel = user ? 0x2b : 0x10, .attr = flat_data_attr(user ? 3 : 0) };
	c->cpl = user ? 3 : 0;
	c->regs[RSP] = user ? STACK + 0x800 : GUEST_STACK;
	c->regs[RSI] = ABSENT;
	c->regs[RDI] = READ_ONLY;
	c->regs[RBP] = LOOPS;
	c->icount = 0;
	cpu_set_eflags(c, 2);
	assert_int_equal(guest_run(g, USER), CPUEXIT_HALT);
	*out = (struct outcome) { .icount = c->icount, .cr2 = c->cr2, .eflags = cpu_get_eflags(c), .vector = guest_vector(g) };
	memcpy(out->regs, c->regs, sizeof out->regs);
}

static void faults(bool user)
{
	struct guest *g[2] = { new_guest(0), new_guest(1) };
	struct jit_counters before, after;
	struct outcome want, got;
	run(g[0], user, &want);
	assert_int_equal(want.regs[RBX], LOOPS);
	assert_int_equal(want.cr2, ABSENT + 8 * (LOOPS - 1));
	for (int round = 0; round < ROUNDS; round++) {
		jit_get_counters(engine_jit(g[1]->c), &before);
		run(g[1], user, &got);
		assert_memory_equal(&got, &want, sizeof want);
	}
	jit_get_counters(engine_jit(g[1]->c), &after);
	assert_in_range(after.out[JIT_OUT_STEP] - before.out[JIT_OUT_STEP], 0, LOOPS / 2);      /* three faults a round */
	guest_free(g[0]);
	guest_free(g[1]);
}
static void faults_of_a_program(void **state) { faults(true); }
static void faults_of_a_kernel(void **state) { faults(false); }

/* ---- small system instructions ---------------------------------------------------------------------------------------------------------- */

static void segments_and_bases(void **state)
{
	static const uint8_t code[] = {
		0xf3, 0x48, 0x0f, 0xae, 0xd0,                   /* l: wrfsbase rax */
		0xf3, 0x49, 0x0f, 0xae, 0xd9,                   /* wrgsbase r9 */
		0xf3, 0x0f, 0xae, 0xd3,                         /* wrfsbase ebx */
		0xf3, 0x48, 0x0f, 0xae, 0xc1,                   /* rdfsbase rcx */
		0xf3, 0x49, 0x0f, 0xae, 0xca,                   /* rdgsbase r10 */
		0xf3, 0x41, 0x0f, 0xae, 0xcb,                   /* rdgsbase r11d */
		0x8c, 0x1e,                                     /* mov [rsi], ds */
		0x66, 0x8c, 0xc2,                               /* mov dx, es */
		0x66, 0x41, 0x8c, 0xd1,                         /* mov r9w, ss */
		0x66, 0x8c, 0x66, 0x04,                         /* mov [rsi+4], fs */
		0x41, 0x8c, 0xcc,                               /* mov r12d, cs */
		0x41, 0x0f, 0x20, 0xdd,                         /* mov r13, cr3 */
		0x41, 0x0f, 0x20, 0xd1,                         /* mov r9, cr2 */
		0xf3, 0x4c, 0x0f, 0xbc, 0xf3,                   /* tzcnt r14, rbx */
		0x9c, 0x58,                                     /* pushfq; pop rax */
		0xf3, 0x0f, 0xbd, 0xfb,                         /* lzcnt edi, ebx */
		0x9c, 0x5a,                                     /* pushfq; pop rdx */
		0xff, 0xcd,                                     /* dec ebp */
		0x75, 0xb9,                                     /* jnz l */
		0xf4 };
	uint64_t want[4][17];
	for (unsigned jit = 0; jit < 2; jit++) {
		struct guest *g = guest_new(GUEST_LONG64);
		struct cpu *c = g->c;
		assert_true(engine_set_jit(c, jit));
		guest_load(g, GUEST_CODE, code, sizeof code);
		c->cr4 |= CR4_FSGSBASE;
		for (int round = 0; round < ROUNDS; round++)
			for (unsigned k = 0; k < 4; k++) {
				memset(c->regs, 0x77, 16 * sizeof c->regs[0]);
				memset(g->mem + GUEST_DATA, 0x55, 16);
				c->cr2 = 0x123456789abc;
				c->regs[RAX] = k == 3 ? UINT64_C(1) << 47 : UINT64_C(0x7fff12345678);       /* #GP */
				c->regs[R9] = UINT64_C(0xffff800000001000);
				c->regs[RBX] = k ? 0xfedc0000 : 0;
				c->regs[RSI] = GUEST_DATA;
				c->regs[RSP] = GUEST_STACK;
				c->regs[RBP] = 1;
				cpu_set_eflags(c, k == 2 ? FL_ARITH | 2 : 2);
				assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
				assert_int_equal(guest_vector(g), k == 3 ? EXC_GP : -1);
				uint64_t got[17];
				memcpy(got, c->regs, 16 * sizeof got[0]);
				memcpy(&got[16], g->mem + GUEST_DATA, 8);
				if (!jit)
					memcpy(want[k], got, sizeof got);
				assert_memory_equal(got, want[k], sizeof got);
			}
		guest_free(g);
	}
}

/* ---- the time stamp counter ---------------------------------------------------------------------------------------------------------------- */

/* r8 = the last one; ebx counts how often the next was less. */
static void the_counter_never_goes_back(void **state)
{
	struct guest *g = guest_new(GUEST_LONG64);
	struct cpu *c = g->c;
	struct clock *k = &g->m->clock;
	assert_true(engine_set_jit(c, 1));
	guest_code(g, GUEST_CODE,
		0x0f, 0x31,                                     /* l: rdtsc */
		0x48, 0xc1, 0xe2, 0x20,                         /* shl rdx, 32 */
		0x48, 0x09, 0xd0,                               /* or rax, rdx */
		0x4c, 0x39, 0xc0,                               /* cmp rax, r8 */
		0x83, 0xd3, 0x00,                               /* adc ebx, 0 */
		0x49, 0x89, 0xc0,                               /* mov r8, rax */
		0x0f, 0x01, 0xf9,                               /* rdtscp */
		0x48, 0xc1, 0xe2, 0x20,                         /* shl rdx, 32 */
		0x48, 0x09, 0xd0,                               /* or rax, rdx */
		0x4c, 0x39, 0xc0,                               /* cmp rax, r8 */
		0x83, 0xd3, 0x00,                               /* adc ebx, 0 */
		0x49, 0x89, 0xc0,                               /* mov r8, rax */
		0x01, 0xcf,                                     /* add edi, ecx */
		0xff, 0xcd,                                     /* dec ebp */
		0x75, 0xd5,                                     /* jnz l */
		0xf4);
	atomic_store(&k->running, true);
	c->tsc_aux = 3;
	for (int round = 0; round < 40; round++) {
		enum { READS = 100000 };
		uint64_t least = (uint64_t)clock_now(k) + c->tsc_offset;
		c->regs[R8] = round ? c->regs[R8] + 1000 : 0;
		c->regs[RBX] = c->regs[RDI] = 0;
		c->regs[RBP] = READS;
		assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
		uint64_t most = (uint64_t)clock_now(k) + c->tsc_offset;
		assert_int_equal(c->regs[RBX], 0);
		assert_int_equal(c->regs[RDI], 3 * READS);
		assert_in_range(c->regs[R8], least, most);
		c->tsc_offset += 1000;
		if (round % 8 == 7) {           /* the machine stood still for a while */
			atomic_fetch_sub(&k->offset, 5000000);
			c->tsc_offset += 5000000;
		}
	}
	atomic_store(&k->running, false);
	guest_free(g);
}

int main(void)
{
#define T(f) cmocka_unit_test(f)
	const struct CMUnitTest tests[] = { T(faults_of_a_program), T(faults_of_a_kernel), T(segments_and_bases), T(the_counter_never_goes_back) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
