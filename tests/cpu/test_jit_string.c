/* test_jit_string.c - REP MOVS and REP STOS, translated and interpreted, give the same registers, memory and faults wherever they begin and end. */
#include "core/cpu/engine.h"
#include "tests/cpu/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* PAGES of memory at PLACE in no order, of which READ_ONLY may not be written to, CODE holds code, and what is around is not mapped. */
enum { PAGES = 6, PAGE = 4096, PLACE = 0x400000, PHYS = 0x500000, READ_ONLY = 2, CODE = 4, CODE_AT = 0x800, CASES = 3000, ATOMS = 8 };

static uint64_t frame(unsigned page) { return PHYS + (page * 5 % PAGES) * (uint64_t)PAGE; }

/* The instructions, each with an ADC behind it that wants the flags from before, and HLT. */
static const uint8_t atoms[ATOMS][3] = { { 0xf3, 0xa4 }, { 0xf3, 0x66, 0xa5 }, { 0xf3, 0xa5 }, { 0xf3, 0x48, 0xa5 }, { 0xf3, 0xaa }, { 0xf3, 0x66, 0xab },
	{ 0xf3, 0xab }, { 0xf3, 0x48, 0xab } };
static uint64_t code_of(unsigned atom) { return GUEST_CODE + atom * 16; }

static struct guest *new_guest(unsigned jit)
{
	struct guest *g = guest_new(GUEST_LONG64);
	g->c->cr0 |= CR0_WP;
	for (unsigned n = 0; n < PAGES; n++)
		guest_map(g, PLACE + n * PAGE, frame(n), true, n != READ_ONLY);
	guest_map(g, PLACE - PAGE, 0, false, false);
	guest_map(g, PLACE + PAGES * PAGE, 0, false, false);
	for (unsigned n = 0; n < ATOMS; n++) {
		unsigned len = atoms[n][2] ? 3 : 2;
		guest_load(g, code_of(n), atoms[n], len);
		guest_code(g, code_of(n) + len, 0x48, 0x83, 0xd3, 0x00, 0xf4);          /* adc rbx, 0; hlt */
	}
	assert_true(engine_set_jit(g->c, jit));
	return g;
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

static void run(struct guest *g, unsigned atom, unsigned seed, bool warm, struct outcome *out)
{
	struct cpu *c = g->c;
	srand(seed);
	fill(g, seed);
	run_code_page(g);
	uint64_t rsi = some_place((unsigned)rand()), rdi = some_place((unsigned)rand()), rcx = some_count((unsigned)rand());
	bool down = rand() % 8 == 0;
	if (warm)
		rcx = 0;
	if (rand() % 16 == 0)
		rdi = UINT64_C(0x7ffffffffff0);
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
	for (unsigned n = 0; n < ATOMS; n++)
		run(translated, n, n, true, &is);
	for (unsigned n = 0; n < CASES; n++) {
		run(interpreted, n % ATOMS, n, false, &want);
		run(translated, n % ATOMS, n, false, &is);
		if (memcmp(&is, &want, sizeof is))
			print_error("case %u: rcx %llx, interpreted %llx; vector %d, interpreted %d\n", n, (unsigned long long)is.regs[RCX],
				(unsigned long long)want.regs[RCX], is.vector, want.vector);
		assert_memory_equal(&is, &want, sizeof is);
	}
	guest_free(interpreted);
	guest_free(translated);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(translated_as_interpreted) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
