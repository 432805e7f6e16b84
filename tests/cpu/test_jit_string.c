/* test_jit_string.c - MOVS, STOS and LODS, repeated or not, translated and interpreted, give the same registers, memory and faults wherever they begin
 * and end, in 64-bit code and flat 32-bit code. */
#include "core/cpu/engine.h"
#include "core/jit/jit.h"
#include "tests/cpu/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* PAGES of memory at PLACE in no order, of which READ_ONLY may not be written to, CODE holds code, and what is around is not mapped. */
enum { PAGES = 6, PAGE = 4096, PLACE = 0x400000, PHYS = 0x500000, READ_ONLY = 2, CODE = 4, CODE_AT = 0x800, CASES = 12000, FS_BASE = 0x18 };

static uint64_t frame(unsigned page) { return PHYS + (page * 5 % PAGES) * (uint64_t)PAGE; }

/* The instructions, each with an ADC behind it that wants the flags from before, and HLT. */
static const uint8_t atoms[][3] = { { 0xf3, 0xa4 }, { 0xf3, 0x66, 0xa5 }, { 0xf3, 0xa5 }, { 0xf3, 0x48, 0xa5 }, { 0xf3, 0xaa }, { 0xf3, 0x66, 0xab },
	{ 0xf3, 0xab }, { 0xf3, 0x48, 0xab }, { 0xa4 }, { 0x66, 0xa5 }, { 0xa5 }, { 0x48, 0xa5 }, { 0xaa }, { 0x66, 0xab }, { 0xab }, { 0x48, 0xab },
	{ 0xac }, { 0x66, 0xad }, { 0xad }, { 0x48, 0xad }, { 0x64, 0xa5 }, { 0x64, 0xac }, { 0x2e, 0xa4 }, { 0x67, 0xa5 }, { 0x67, 0x48, 0xab }, { 0xf2, 0xa5 },
	{ 0xf3, 0x64, 0xa4 }, { 0xf3, 0xad } };
enum { ATOMS = sizeof atoms / sizeof atoms[0] };
static uint64_t code_of(unsigned atom) { return GUEST_CODE + atom * 16; }

static struct guest *new_guest(unsigned jit)
{
	struct guest *g = guest_new(GUEST_LONG64);
	g->c->cr0 |= CR0_WP;
	for (unsigned n = 0; n < PAGES; n++)
		guest_map(g, PLACE + n * PAGE, frame(n), true, n != READ_ONLY);
	guest_map(g, PLACE - PAGE, 0, false, false);
	guest_map(g, PLACE + PAGES * PAGE, 0, false, false);
	guest_map(g, 0xfffff000, frame(1), true, true);
	for (unsigned n = 0; n < ATOMS; n++) {
		unsigned len = atoms[n][2] ? 3 : atoms[n][1] ? 2 : 1;
		guest_load(g, code_of(n), atoms[n], len);
		guest_code(g, code_of(n) + len, 0x83, 0xd3, 0x00, 0xf4);                /* adc ebx, 0; hlt */
	}
	g->c->seg[SEG_FS].base = FS_BASE;
	g->c->seg[SEG_FS].limit = PLACE + PAGE + 2;                     /* no limit in 64-bit code */
	assert_true(engine_set_jit(g->c, jit));
	return g;
}

/* In 32-bit code REX.W is DEC EAX.  16-bit addresses would lead to the tables. */
static bool in_64(unsigned atom, bool code64) { return code64 || atoms[atom][0] == 0x67; }
static void set_code_size(struct guest *g, bool code64)
{
	g->c->seg[SEG_CS] = (struct segreg) { .limit = 0xffffffff, .sel = 8, .attr = code64 ? 0xa09b : 0xc09b };
	cpu_update_mode(g->c);
}

struct outcome { uint64_t regs[16], cr2; int vector; uint32_t flags; uint8_t mem[PAGES * PAGE]; };

static void fill(struct guest *g, unsigned seed)
{
	for (unsigned n = 0; n < PAGES * PAGE / 4; n++) {
		uint32_t v = (n + seed) * 2654435761u;
		memcpy(g->mem + PHYS + n * 4u, &v, 4);
	}
	guest_code(g, frame(CODE) + CODE_AT, 0xff, 0xc0, 0xf4);                         /* inc eax; hlt */
}

static void run_code_page(struct guest *g)
{
	g->c->regs[RAX] = 1;
	assert_int_equal(guest_run(g, PLACE + CODE * PAGE + CODE_AT), CPUEXIT_HALT);
	assert_int_equal(g->c->regs[RAX], 2);
}

/* Where string instructions come to an end: around the ends of pages, and of all of them. */
static uint64_t some_place(unsigned r) { return PLACE + (r % (PAGES + 1)) * PAGE - 40 + (r >> 8) % 80 + (r >> 20 & 1) * (r >> 4 & 0xfff); }
static uint64_t some_count(unsigned r)
{
	static const uint64_t odd[] = { 0, 1, 2, 512, 513, 4096, 4097, UINT64_C(1) << 61, UINT64_C(1) << 63, ~UINT64_C(0) };
	return r % 3 ? (r >> 3) % 70 : r % 7 ? (r >> 3) % 5000 : odd[(r >> 3) % 10];
}

static void run(struct guest *g, unsigned atom, bool code64, unsigned seed, bool warm, struct outcome *out)
{
	struct cpu *c = g->c;
	srand(seed);
	fill(g, seed);
	set_code_size(g, true);
	run_code_page(g);
	code64 = in_64(atom, code64);
	set_code_size(g, code64);
	uint64_t rsi = some_place((unsigned)rand()), rdi = some_place((unsigned)rand()), rcx = some_count((unsigned)rand());
	bool down = rand() % 8 == 0;
	if (warm)
		rcx = 0;
	if (rand() % 16 == 0)
		rdi = UINT64_C(0x7ffffffffff0), rcx = code64 ? rcx : rcx % 12;           /* 32-bit addresses go round there */
	if (!code64 && rand() % 4 == 0)                 /* as 64-bit code may leave them */
		rsi |= UINT64_C(5) << 32, rdi |= UINT64_C(6) << 32, rcx |= UINT64_C(7) << 32;
	c->regs[RSI] = rsi, c->regs[RDI] = rdi, c->regs[RCX] = rcx, c->regs[RBX] = 7, c->regs[RAX] = UINT64_C(0x1122334455667788) * seed;
	c->regs[RSP] = GUEST_STACK;
	cpu_set_eflags(c, 2 | (down ? FL_DF : 0) | (rand() & FL_ARITH));
	assert_int_equal(guest_run(g, code_of(atom)), CPUEXIT_HALT);
	memcpy(out->regs, c->regs, sizeof out->regs);
	out->vector = guest_vector(g);
	out->cr2 = out->vector == EXC_PF ? c->cr2 : 0;
	out->flags = cpu_get_eflags(c);
	memcpy(out->mem, g->mem + PHYS, sizeof out->mem);
	cpu_set_eflags(c, 2);
}

static void translated_as_interpreted(void **state)
{
	static struct outcome want, is;
	struct guest *interpreted = new_guest(0), *translated = new_guest(1);
	for (unsigned n = 0; n < 2 * ATOMS; n++)
		run(translated, n >> 1, n & 1, n, true, &is);
	for (unsigned n = 0; n < CASES; n++) {
		run(interpreted, (n >> 1) % ATOMS, n & 1, n, false, &want);
		run(translated, (n >> 1) % ATOMS, n & 1, n, false, &is);
		if (memcmp(&is, &want, sizeof is))
			print_error("case %u: rcx %llx, interpreted %llx; vector %d, interpreted %d\n", n, (unsigned long long)is.regs[RCX],
				(unsigned long long)want.regs[RCX], is.vector, want.vector);
		assert_memory_equal(&is, &want, sizeof is);
	}
	guest_free(interpreted);
	guest_free(translated);
}

/* The code at GUEST_CODE + 800h up to its HLT, with next to nothing left to the interpreter. */
static void runs_translated(struct guest *g, bool code64)
{
	struct jit_counters before, j;
	set_code_size(g, code64);
	jit_get_counters(engine_jit(g->c), &before);
	assert_int_equal(guest_run(g, GUEST_CODE + 0x800), CPUEXIT_HALT);
	assert_int_equal(guest_vector(g), -1);
	jit_get_counters(engine_jit(g->c), &j);
	assert_true(j.steps - before.steps + j.misses - before.misses < 30);
}

/* Compilers copy small structures with them. */
static void plain_ones_need_no_interpreter(void **state)
{
	enum { ROUNDS = 1000 };
	struct guest *g = new_guest(1);
	guest_code(g, GUEST_CODE + 0x800,
		0xbd, ROUNDS & 0xff, ROUNDS >> 8, 0x00, 0x00,   /* mov ebp, ROUNDS */
		0xbe, 0x00, 0x00, 0x40, 0x00,                   /* l: mov esi, PLACE */
		0xbf, 0x00, 0x11, 0x40, 0x00,                   /* mov edi, PLACE + PAGE + 100h */
		0xa5, 0x66, 0xa5, 0xa4, 0xab, 0xac,             /* movsd; movsw; movsb; stosd; lodsb */
		0xb9, 0x05, 0x00, 0x00, 0x00, 0xf3, 0xa5,       /* mov ecx, 5; rep movsd */
		0xb9, 0x07, 0x00, 0x00, 0x00, 0xf3, 0xaa,       /* mov ecx, 7; rep stosb */
		0x83, 0xed, 0x01, 0x75, 0xdd, 0xf4);            /* sub ebp, 1; jnz l; hlt */
	for (unsigned code64 = 0; code64 < 2; code64++) {
		uint8_t out[38], want[38];
		fill(g, 3);
		g->c->regs[RAX] = 0x11223344;
		memcpy(want, g->mem + frame(0), 7);
		runs_translated(g, code64);
		uint8_t al = g->mem[frame(0) + 7];
		memcpy(want + 7, (const uint8_t[]) { al, 0x33, 0x22, 0x11 }, 4);
		memcpy(want + 11, g->mem + frame(0) + 8, 20);
		memset(want + 31, al, 7);
		memcpy(out, g->mem + frame(1) + 0x100, sizeof out);
		assert_memory_equal(out, want, sizeof out);
	}
	guest_free(g);
}

static void nor_do_those_over_the_end_of_a_page(void **state)
{
	enum { ROUNDS = 1000, FROM = 2000, N = 3000, TO = 3 * PAGE + 500, SET = 3000, SET_N = 2000 };
	struct guest *g = new_guest(1);
	static uint8_t pages[2 * PAGE];
	guest_code(g, GUEST_CODE + 0x800,
		0xbd, ROUNDS & 0xff, ROUNDS >> 8, 0x00, 0x00,   /* mov ebp, ROUNDS */
		0xbe, 0xd0, 0x07, 0x40, 0x00,                   /* l: mov esi, PLACE + FROM */
		0xbf, 0xf4, 0x31, 0x40, 0x00,                   /* mov edi, PLACE + TO */
		0xb9, 0xb8, 0x0b, 0x00, 0x00, 0xf3, 0xa4,       /* mov ecx, N; rep movsb */
		0xbf, 0xb8, 0x0b, 0x40, 0x00,                   /* mov edi, PLACE + SET */
		0xb9, 0xf4, 0x01, 0x00, 0x00, 0xf3, 0xab,       /* mov ecx, SET_N / 4; rep stosd */
		0x83, 0xed, 0x01, 0x75, 0xde, 0xf4);            /* sub ebp, 1; jnz l; hlt */
	for (unsigned code64 = 0; code64 < 2; code64++) {
		fill(g, 3);
		for (unsigned n = 0; n < 2; n++)
			memcpy(pages + n * PAGE, g->mem + frame(n), PAGE);
		memset(pages + SET, 0x55, SET_N);
		g->c->regs[RAX] = 0x55555555;
		runs_translated(g, code64);
		assert_memory_equal(g->mem + frame(3) + TO % PAGE, pages + FROM, N);
		for (unsigned n = 0; n < 2; n++)
			assert_memory_equal(g->mem + frame(n), pages + n * PAGE, PAGE);
	}
	guest_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(translated_as_interpreted), cmocka_unit_test(plain_ones_need_no_interpreter),
		cmocka_unit_test(nor_do_those_over_the_end_of_a_page) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
