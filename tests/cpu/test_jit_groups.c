/* test_jit_groups.c - accesses that share a check, and loops of which several rounds are translated in a row, do as the interpreter does: over
 * the ends of pages that lie apart, up to a fault in the middle, with flags that live across them, and while code and mappings change. */
#include "core/cpu/engine.h"
#include "core/jit/families.h"
#include "core/jit/jit.h"
#include "tests/cpu/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* Pages one after the other for the guest, in reverse order in RAM, so that no range goes over two of them; the last one is read-only.  Above 4 GB they stand
 * the other way round: a register that lost its upper half finds other bytes. */
enum { PAGES = 8, PLACE = 0x400000, PHYS = 0x500000, CALLEE = GUEST_CODE + 0x800 };
#define HIGH (UINT64_C(0x100000000) + PLACE)

struct program { const char *name; uint8_t code[80]; unsigned size; uint64_t from, count; };
#define CODE(...) { __VA_ARGS__ }, sizeof((uint8_t[]) { __VA_ARGS__ })
enum { COPY, SPLIT };                   /* the first of them */
static const struct program programs[] = {
	{ "a copy, many times",
	  CODE(0xbb, 0x64, 0x00, 0x00, 0x00,            /* mov ebx, 100 */
		0xb9, 0xd0, 0x07, 0x00, 0x00,           /* o: mov ecx, 2000 */
		0x48, 0x8b, 0x06,                       /* l: mov rax, [rsi] */
		0x48, 0x8b, 0x56, 0x08,                 /* mov rdx, [rsi + 8] */
		0x48, 0x89, 0x07,                       /* mov [rdi], rax */
		0x48, 0x89, 0x57, 0x08,                 /* mov [rdi + 8], rdx */
		0x48, 0x83, 0xc6, 0x10,                 /* add rsi, 16 */
		0x48, 0x83, 0xc7, 0x10,                 /* add rdi, 16 */
		0x48, 0xff, 0xc9,                       /* dec rcx */
		0x75, 0xe5,                             /* jnz l */
		0x48, 0x81, 0xee, 0x00, 0x7d, 0x00, 0x00,       /* sub rsi, 32000 */
		0x48, 0x81, 0xef, 0x00, 0x7d, 0x00, 0x00,       /* sub rdi, 32000 */
		0xff, 0xcb,                             /* dec ebx */
		0x75, 0xce,                             /* jnz o */
		0xf4), PLACE + 8, 0 },
	{ "always in two pages",
	  CODE(0x48, 0x8b, 0x46, 0xf8,                  /* l: mov rax, [rsi - 8] */
		0x48, 0x03, 0x16,                       /* add rdx, [rsi] */
		0x48, 0x01, 0xc2,                       /* add rdx, rax */
		0x48, 0xff, 0xc9,                       /* dec rcx */
		0x75, 0xf1,                             /* jnz l */
		0xf4), PLACE + 4096, 20000 },
	{ "code that changes itself",
	  CODE(0x48, 0x8b, 0x06,                        /* l: mov rax, [rsi] */
		0x48, 0x03, 0x46, 0x48,                 /* add rax, [rsi + 72] */
		0xf6, 0xc1, 0x3f,                       /* test cl, 63 */
		0x75, 0x06,                             /* jnz s */
		0xfe, 0x05, 0x02, 0x00, 0x00, 0x00,     /* inc byte [s + 2] */
		0x48, 0x05, 0x88, 0x13, 0x00, 0x00,     /* s: add rax, 5000 */
		0x48, 0x89, 0x46, 0x10,                 /* mov [rsi + 16], rax */
		0x48, 0x83, 0xc6, 0x05,                 /* add rsi, 5 */
		0x48, 0xff, 0xc9,                       /* dec rcx */
		0x75, 0xdb,                             /* jnz l */
		0xf4), PLACE, 5000 },
	{ "pages that are exchanged",
	  CODE(0x48, 0x8b, 0x06,                        /* l: mov rax, [rsi] */
		0xf6, 0xc1, 0x1f,                       /* test cl, 31 */
		0x48, 0x8d, 0x56, 0x18,                 /* lea rdx, [rsi + 24] */
		0x75, 0x16,                             /* jnz s */
		0x49, 0x8b, 0x00,                       /* mov rax, [r8] */
		0x49, 0x87, 0x40, 0x08,                 /* xchg rax, [r8 + 8] */
		0x49, 0x89, 0x00,                       /* mov [r8], rax */
		0x41, 0x0f, 0x01, 0x3e,                 /* invlpg [r14] */
		0x41, 0x0f, 0x01, 0xbe, 0x00, 0x10, 0x00, 0x00, /* invlpg [r14 + 4096] */
		0x48, 0x03, 0x46, 0x28,                 /* s: add rax, [rsi + 40] */
		0x48, 0x11, 0x02,                       /* adc [rdx], rax */
		0x48, 0x83, 0xc6, 0x03,                 /* add rsi, 3 */
		0x48, 0xff, 0xc9,                       /* dec rcx */
		0x75, 0xce,                             /* jnz l */
		0xf4), PLACE + 3000, 5000 },
	{ "three accesses off one register",
	  CODE(0x8b, 0x06,                              /* l: mov eax, [rsi] */
		0x03, 0x46, 0x08,                       /* add eax, [rsi + 8] */
		0x89, 0x46, 0x10,                       /* mov [rsi + 16], eax */
		0x48, 0x83, 0xc6, 0x05,                 /* add rsi, 5 */
		0x48, 0xff, 0xc9,                       /* dec rcx */
		0x75, 0xef,                             /* jnz l */
		0xf4), PLACE, 4000 },
	{ "a carry from round to round",
	  CODE(0xf8,                                    /* clc */
		0x48, 0x8b, 0x06,                       /* l: mov rax, [rsi] */
		0x48, 0x13, 0x86, 0xd0, 0x00, 0x00, 0x00,       /* adc rax, [rsi + 208] */
		0x48, 0x89, 0x06,                       /* mov [rsi], rax */
		0x48, 0x8d, 0x76, 0x08,                 /* lea rsi, [rsi + 8] */
		0x48, 0xff, 0xc9,                       /* dec rcx */
		0x75, 0xea,                             /* jnz l */
		0x0f, 0x92, 0xc0, 0xf4), PLACE + 4, 2000 },     /* setc al; hlt */
	{ "by index, downwards",
	  CODE(0x0f, 0xb6, 0x04, 0x0e,                  /* l: movzx eax, byte [rsi + rcx] */
		0x00, 0x44, 0x0e, 0x21,                 /* add [rsi + rcx + 33], al */
		0x48, 0x83, 0xe9, 0x01,                 /* sub rcx, 1 */
		0x79, 0xf2,                             /* jns l */
		0xf4), PLACE + 100, 16000 },
	{ "pushes and pops over the end of a page",
	  CODE(0x48, 0x89, 0xf4,                        /* mov rsp, rsi */
		0x51, 0x53, 0x56, 0x50,                 /* l: push rcx, rbx, rsi, rax */
		0x48, 0x03, 0x44, 0x24, 0x18,           /* add rax, [rsp + 24] */
		0x5f, 0x5d, 0x5a, 0x5b,                 /* pop rdi, rbp, rdx, rbx */
		0x4c, 0x8d, 0x64, 0x24, 0xf8,           /* lea r12, [rsp - 8] */
		0x4c, 0x89, 0xe4,                       /* mov rsp, r12 */
		0x48, 0xff, 0xc9,                       /* dec rcx */
		0x75, 0xe6,                             /* jnz l */
		0xf4), PLACE + 6 * 4096, 2000 },
	{ "a comparison across loads",
	  CODE(0x48, 0x39, 0xd9,                        /* l: cmp rcx, rbx */
		0x48, 0x8b, 0x16,                       /* mov rdx, [rsi] */
		0x48, 0x8b, 0x7e, 0x40,                 /* mov rdi, [rsi + 64] */
		0x0f, 0x97, 0xc0,                       /* seta al */
		0x88, 0x46, 0x20,                       /* mov [rsi + 32], al */
		0x48, 0x8d, 0x76, 0x03,                 /* lea rsi, [rsi + 3] */
		0xe2, 0xea,                             /* loop l */
		0xf4), PLACE, 5000 },
	{ "up to a fault",
	  CODE(0x48, 0x8b, 0x06,                        /* l: mov rax, [rsi] */
		0x48, 0x01, 0x46, 0x08,                 /* add [rsi + 8], rax: the last page is read-only */
		0x48, 0x83, 0xc6, 0x10,                 /* add rsi, 16 */
		0xff, 0xc1,                             /* inc ecx */
		0x75, 0xf1,                             /* jnz l */
		0xf4), PLACE + 8, 1 },
	{ "up to the last byte",
	  CODE(0x80, 0x3e, 0x00,                        /* l: cmp byte [rsi], 0 */
		0x74, 0x05,                             /* jz out */
		0x48, 0xff, 0xc6,                       /* inc rsi */
		0xeb, 0xf6,                             /* jmp l */
		0xf4), PLACE + 1, 1 },
	{ "a copy of the lower half",
	  CODE(0x48, 0x8b, 0x06,                        /* l: mov rax, [rsi] */
		0x89, 0xf7,                             /* mov edi, esi */
		0x48, 0x03, 0x47, 0x08,                 /* add rax, [rdi + 8] */
		0x48, 0x01, 0x46, 0x10,                 /* add [rsi + 16], rax */
		0x48, 0x83, 0xc6, 0x05,                 /* add rsi, 5 */
		0xff, 0xc9,                             /* dec ecx */
		0x75, 0xeb,                             /* jnz l */
		0xf4), HIGH, 3000 },
	{ "an address of 32 bits",
	  CODE(0x48, 0x8b, 0x06,                        /* l: mov rax, [rsi] */
		0x67, 0x48, 0x8d, 0x7e, 0x08,           /* lea rdi, [esi + 8] */
		0x48, 0x03, 0x07,                       /* add rax, [rdi] */
		0x48, 0x01, 0x46, 0x10,                 /* add [rsi + 16], rax */
		0x48, 0x83, 0xc6, 0x05,                 /* add rsi, 5 */
		0xff, 0xc9,                             /* dec ecx */
		0x75, 0xe9,                             /* jnz l */
		0xf4), HIGH, 3000 },
	{ "a sum of 32 bits",
	  CODE(0x48, 0x8b, 0x06,                        /* l: mov rax, [rsi] */
		0x48, 0x89, 0xf7,                       /* mov rdi, rsi */
		0x83, 0xc7, 0x08,                       /* add edi, 8 */
		0x48, 0x03, 0x07,                       /* add rax, [rdi] */
		0x48, 0x01, 0x46, 0x10,                 /* add [rsi + 16], rax */
		0x48, 0x83, 0xc6, 0x05,                 /* add rsi, 5 */
		0xff, 0xc9,                             /* dec ecx */
		0x75, 0xe8,                             /* jnz l */
		0xf4), HIGH, 3000 },
	{ "two registers with one value",
	  CODE(0x48, 0x89, 0xf7,                        /* mov rdi, rsi */
		0x48, 0x8b, 0x07,                       /* l: mov rax, [rdi] */
		0x48, 0x89, 0xfb,                       /* mov rbx, rdi */
		0x48, 0x31, 0x43, 0x18,                 /* xor [rbx + 24], rax */
		0x48, 0x83, 0xc3, 0x07,                 /* add rbx, 7 */
		0x48, 0x87, 0xdf,                       /* xchg rdi, rbx */
		0x48, 0x31, 0x47, 0x08,                 /* xor [rdi + 8], rax */
		0xff, 0xc9,                             /* dec ecx */
		0x75, 0xe7,                             /* jnz l */
		0xf4), PLACE, 3000 },
};
enum { N_PROGRAMS = sizeof programs / sizeof programs[0] };

struct result { uint64_t regs[16], icount, cr2, rip; uint32_t flags; int vector; uint8_t mem[PAGES * 4096]; struct jit_counters count; };

/* Where the entry of the page at lin is. */
static uint64_t entry_of(const struct guest *g, uint64_t lin)
{
	uint64_t t = g->c->cr3 & PAGE_MASK;
	for (int level = 3; level > 0; level--) {
		memcpy(&t, g->mem + t + (lin >> (12 + 9 * level) & 511) * 8, 8);
		t &= PAGE_MASK;
	}
	return t + (lin >> 12 & 511) * 8;
}

/* `runs`: of a block until it is translated; 0 = never. */
static void run(const struct program *p, unsigned runs, uint32_t off, struct result *r)
{
	struct guest *g = guest_new(GUEST_LONG64);
	struct cpu *c = g->c;
	g->m->accel_conf.off = off;
	assert_true(engine_set_jit(c, 0) && engine_set_jit(c, runs));
	guest_load(g, GUEST_CODE, p->code, p->size);
	c->cr0 |= CR0_WP;
	for (unsigned n = 0; n < PAGES; n++) {
		guest_map(g, PLACE + n * 4096, PHYS + (PAGES - 1 - n) * 4096, true, n < PAGES - 1);
		guest_map(g, HIGH + n * 4096, PHYS + n * 4096, true, true);
	}
	for (unsigned n = 0; n < PAGES * 4096; n++)
		g->mem[PHYS + n] = (uint8_t)(n * 37 + n / 251) | 1;
	g->mem[PHYS + 4096 - 1] = 0;            /* the last byte for the guest */
	c->icount = 0;
	c->regs[RSI] = p->from;
	c->regs[RCX] = p->count;
	c->regs[RDI] = p->from - PLACE + HIGH;
	c->regs[14] = PLACE + 2 * 4096;
	c->regs[8] = entry_of(g, c->regs[14]);
	c->regs[RBX] = 1500;
	c->regs[RAX] = 3;
	c->regs[RSP] = GUEST_STACK;
	assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
	memcpy(r->regs, c->regs, sizeof r->regs);
	r->icount = c->icount;
	r->cr2 = c->cr2;
	r->rip = c->rip;
	r->vector = guest_vector(g);
	r->flags = cpu_get_eflags(c) & ~(r->vector < 0 ? 0u : FL_ARITH);        /* behind a fault those that nothing reads may differ */
	if (r->vector >= 0)                     /* on the handler's stack: error code, rip, cs, flags */
		memcpy(&r->rip, g->mem + c->regs[RSP] + 8, 8);
	memcpy(r->mem, g->mem + PHYS, sizeof r->mem);
	if (runs)
		jit_get_counters(engine_jit(c), &r->count);
	guest_free(g);
}

static void same_as_interpreted(void **state)
{
	static struct result want, got;
	for (unsigned k = 0; k < N_PROGRAMS; k++) {
		const struct program *p = &programs[k];
		run(p, 0, 0, &want);
		assert_true(want.icount > 1000);
		for (unsigned n = 0; n < 16; n++) {
			uint32_t off = (n & 1 ? 1u << FAM_GROUP : 0) | (n & 2 ? 1u << FAM_UNROLL : 0) | (n & 8 ? 1u << FAM_TWIN : 0);
			run(p, n & 4 ? 60 : 1, off, &got);
			for (unsigned r = 0; r < 16; r++)
				if (want.regs[r] != got.regs[r])
					fail_msg("%s (%u): register %u is %llx, wanted %llx", p->name, n, r, (unsigned long long)got.regs[r],
						(unsigned long long)want.regs[r]);
			if (want.icount != got.icount || want.vector != got.vector || want.cr2 != got.cr2 || want.rip != got.rip || want.flags != got.flags)
				fail_msg("%s (%u): %llu instructions, vector %d, cr2 %llx, rip %llx, flags %x; wanted %llu, %d, %llx, %llx, %x", p->name, n,
					(unsigned long long)got.icount, got.vector, (unsigned long long)got.cr2, (unsigned long long)got.rip, got.flags,
					(unsigned long long)want.icount, want.vector, (unsigned long long)want.cr2, (unsigned long long)want.rip, want.flags);
			for (unsigned b = 0; b < PAGES * 4096; b++)
				if (want.mem[b] != got.mem[b])
					fail_msg("%s (%u): byte %x is %x, wanted %x", p->name, n, b, got.mem[b], want.mem[b]);
		}
	}
}

/* Where that happens now and then, neither is the code left nor the check given up; where it is the rule, it is. */
static void ends_of_pages_are_crossed(void **state)
{
	static struct result r;
	run(&programs[COPY], 60, 0, &r);
	if (r.count.killed || r.count.out[JIT_OUT_INTERP] > 200 || r.count.out[JIT_OUT_LINK] > 200)
		fail_msg("%llu blocks given up, left %llu times to interpret, %llu times to find a block", (unsigned long long)r.count.killed,
			(unsigned long long)r.count.out[JIT_OUT_INTERP], (unsigned long long)r.count.out[JIT_OUT_LINK]);
	run(&programs[SPLIT], 60, 0, &r);
	assert_true(r.count.killed);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(same_as_interpreted), cmocka_unit_test(ends_of_pages_are_crossed) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
