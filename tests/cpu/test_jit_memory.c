/* test_jit_memory.c - the ranges of memory that translated code remembers end where mappings, rights and code do. */
#include "core/cpu/engine.h"
#include "core/jit/jit.h"
#include "tests/cpu/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PAGES = 16, ROUNDS = 200, READ = GUEST_CODE, WRITE = GUEST_CODE + 0x100, PLACE = 0x400000, PHYS = 0x500000, OTHER = 0x600000 };

static int setup(void **state)
{
	struct guest *g = guest_new(GUEST_LONG64);
	*state = g;
	guest_code(g, READ,
		0x0f, 0xb6, 0x06,                               /* l: movzx eax, byte [rsi] */
		0x48, 0x01, 0xc3,                               /* add rbx, rax */
		0x48, 0x81, 0xc6, 0x00, 0x10, 0x00, 0x00,       /* add rsi, 1000h */
		0xff, 0xc9,                                     /* dec ecx */
		0x75, 0xef,                                     /* jnz l */
		0xf4);
	guest_code(g, WRITE,
		0x88, 0x16,                                     /* l: mov [rsi], dl */
		0x48, 0x81, 0xc6, 0x00, 0x10, 0x00, 0x00,       /* add rsi, 1000h */
		0xff, 0xc9,                                     /* dec ecx */
		0x75, 0xf3,                                     /* jnz l */
		0xf4);
	for (uint64_t n = 0; n < PAGES; n++) {
		guest_map(g, PLACE + n * 4096, PHYS + n * 4096, true, true);
		memset(g->mem + PHYS + n * 4096, 1, 4096);
		memset(g->mem + OTHER + n * 4096, 3, 4096);
	}
	return engine_set_jit(g->c, 1) ? 0 : -1;
}
static int teardown(void **state) { guest_free(*state); return 0; }

static void loop(struct guest *g, uint64_t code, uint64_t from, unsigned value)
{
	struct cpu *c = g->c;
	c->regs[RSI] = from;
	c->regs[RCX] = PAGES;
	c->regs[RBX] = 0;
	c->regs[RDX] = value;
	c->regs[RSP] = GUEST_STACK;
	assert_int_equal(guest_run(g, code), CPUEXIT_HALT);
}

static void warm(struct guest *g, uint64_t code, unsigned value)
{
	for (int n = 0; n < ROUNDS; n++) {
		loop(g, code, PLACE, value);
		assert_int_equal(guest_vector(g), -1);
	}
}

static uint8_t *pte_of(struct guest *g, uint64_t lin)
{
	uint64_t t = GUEST_TABLES;
	for (int shift = 39; shift > 12; shift -= 9) {
		memcpy(&t, g->mem + t + (lin >> shift & 511) * 8, 8);
		t &= ~UINT64_C(0xfff);
	}
	return g->mem + t + (lin >> 12 & 511) * 8;
}

/* As a guest does: one entry changes, and INVLPG. */
static void remap(struct guest *g, unsigned page, uint64_t entry)
{
	memcpy(pte_of(g, PLACE + page * 4096u), &entry, 8);
	mmu_flush_page(g->c, PLACE + page * 4096u);
}

static void a_page_goes_elsewhere(void **state)
{
	struct guest *g = *state;
	warm(g, READ, 0);
	assert_int_equal(g->c->regs[RBX], PAGES);
	for (unsigned page = 0; page < PAGES; page++) {
		remap(g, page, (OTHER + page * 4096u) | 0x67);
		loop(g, READ, PLACE, 0);
		assert_int_equal(g->c->regs[RBX], PAGES + 2 * (page + 1));
	}
	warm(g, READ, 0);
	assert_int_equal(g->c->regs[RBX], 3 * PAGES);
}

/* What was true under the translator is not what the interpreter left behind. */
static void mappings_change_under_the_interpreter(void **state)
{
	struct guest *g = *state;
	warm(g, READ, 0);
	assert_int_equal(g->c->regs[RBX], PAGES);
	assert_true(engine_set_jit(g->c, 0));
	for (unsigned page = 0; page < PAGES; page++)
		remap(g, page, (OTHER + page * 4096u) | 0x67);
	loop(g, READ, PLACE, 0);
	assert_int_equal(g->c->regs[RBX], 3 * PAGES);
	assert_true(engine_set_jit(g->c, 1));
	for (int n = 0; n < ROUNDS; n++) {
		loop(g, READ, PLACE, 0);
		assert_int_equal(g->c->regs[RBX], 3 * PAGES);
	}
}

static void a_page_goes_away(void **state)
{
	struct guest *g = *state;
	warm(g, READ, 0);
	remap(g, 9, PHYS | 0x66);
	loop(g, READ, PLACE, 0);
	assert_int_equal(guest_vector(g), EXC_PF);
	assert_int_equal(g->c->cr2, PLACE + 9 * 4096);
}

/* No range is longer than a page: the loop's code is made anew and looks in the TLB at once, where mappings and rights are as true. */
static void pages_that_lie_apart(void **state)
{
	struct guest *g = *state;
	struct jit_counters before, after;
	for (unsigned page = 0; page < PAGES; page++)
		remap(g, page, (PHYS + (PAGES - 1 - page) * 4096u) | 0x67);
	for (uint64_t code = READ; code <= WRITE; code += WRITE - READ) {
		jit_get_counters(engine_jit(g->c), &before);
		for (int n = 0; n < 10; n++)
			warm(g, code, 2);
		jit_get_counters(engine_jit(g->c), &after);
		assert_true(after.killed > before.killed && after.blocks > before.blocks);
		before = after;
		warm(g, code, 2);
		jit_get_counters(engine_jit(g->c), &after);
		assert_int_equal(after.blocks, before.blocks);
	}
	loop(g, READ, PLACE, 0);
	assert_int_equal(g->c->regs[RBX], 2 * PAGES);
	remap(g, 5, (OTHER + 5 * 4096) | 0x67);
	loop(g, READ, PLACE, 0);
	assert_int_equal(g->c->regs[RBX], 2 * PAGES + 1);
	remap(g, 9, PHYS | 0x66);
	loop(g, READ, PLACE, 0);
	assert_int_equal(guest_vector(g), EXC_PF);
	assert_int_equal(g->c->cr2, PLACE + 9 * 4096);
}

enum { LARGE = 2 << 20, LARGE_PLACE = 0x1000000, LARGE_PHYS = 0x800000, LARGE_OTHER = 0xc00000, STRIDE = 4096 };

/* Page by page, often enough for ranges to be looked for: `first` and `second` are what bytes of the two large pages are. */
static void sweep(struct guest *g, unsigned first, unsigned second)
{
	for (int round = 0; round < 8; round++)
		for (unsigned at = 0; at < 2 * LARGE; at += PAGES * STRIDE) {
			loop(g, READ, LARGE_PLACE + at, 0);
			assert_int_equal(g->c->regs[RBX], PAGES * (at < LARGE ? first : second));
		}
}
static void set_large(struct guest *g, unsigned n, uint64_t entry)
{
	uint64_t dir = GUEST_TABLES;
	for (int shift = 39; shift > 21; shift -= 9) {
		memcpy(&dir, g->mem + dir + ((uint64_t)LARGE_PLACE >> shift & 511) * 8, 8);
		dir &= ~UINT64_C(0xfff);
	}
	memcpy(g->mem + dir + ((LARGE_PLACE >> 21) + n) * 8, &entry, 8);
	mmu_flush_page(g->c, LARGE_PLACE + n * LARGE + 5 * STRIDE);
}

/* Two large pages in a row are one range for reading, unless one of them is something else. */
static void large_pages_in_a_row(void **state)
{
	enum { RIGHTS = 0xe7 };
	struct guest *g = *state;
	memset(g->mem + LARGE_PHYS, 1, 2 * LARGE);
	memset(g->mem + LARGE_OTHER, 3, LARGE);
	set_large(g, 0, LARGE_PHYS | RIGHTS);
	set_large(g, 1, (LARGE_PHYS + LARGE) | RIGHTS);
	sweep(g, 1, 1);
	set_large(g, 1, LARGE_OTHER | RIGHTS);
	sweep(g, 1, 3);
	set_large(g, 0, (LARGE_PHYS + LARGE) | RIGHTS);
	sweep(g, 1, 3);
	set_large(g, 0, LARGE_OTHER | RIGHTS);
	set_large(g, 1, LARGE_PHYS | RIGHTS);
	sweep(g, 3, 1);
	set_large(g, 1, 0);
	for (int round = 0; round < 200; round++)
		loop(g, READ, LARGE_PLACE, 0);
	loop(g, READ, LARGE_PLACE + LARGE - PAGES / 2 * STRIDE, 0);
	assert_int_equal(guest_vector(g), EXC_PF);
	assert_int_equal(g->c->cr2, LARGE_PLACE + LARGE);
}

static void a_page_becomes_read_only(void **state)
{
	struct guest *g = *state;
	g->c->cr0 |= CR0_WP;
	warm(g, WRITE, 5);
	remap(g, 6, (PHYS + 6 * 4096) | 0x65);
	loop(g, WRITE, PLACE, 7);
	assert_int_equal(guest_vector(g), EXC_PF);
	assert_int_equal(g->c->cr2, PLACE + 6 * 4096);
	assert_int_equal(g->mem[PHYS + 5 * 4096], 7);
	assert_int_equal(g->mem[PHYS + 6 * 4096], 5);
}

/* However many loops have read pages: that does not let another one write to them.  Pairs of accesses share a check, which is another way. */
static void reading_is_not_writing(void **state)
{
	static const uint8_t read[2][18] = {
		{ 0x0f, 0xb6, 0x06, 0x48, 0x81, 0xc6, 0x00, 0x10, 0x00, 0x00, 0xff, 0xc9, 0x75, 0xf2, 0xf4 },                   /* l: movzx eax, [rsi]; add rsi, 1000h; dec ecx; jnz l; hlt */
		{ 0x8a, 0x06, 0x8a, 0x5e, 0x08, 0x48, 0x81, 0xc6, 0x00, 0x10, 0x00, 0x00, 0xff, 0xc9, 0x75, 0xf0, 0xf4 },       /* mov al, [rsi]; mov bl, [rsi+8] */
	};
	static const uint8_t write[2][18] = {
		{ 0x88, 0x16, 0x48, 0x81, 0xc6, 0x00, 0x10, 0x00, 0x00, 0xff, 0xc9, 0x75, 0xf3, 0xf4 },                         /* mov [rsi], dl */
		{ 0x88, 0x16, 0x88, 0x56, 0x08, 0x48, 0x81, 0xc6, 0x00, 0x10, 0x00, 0x00, 0xff, 0xc9, 0x75, 0xf0, 0xf4 },       /* mov [rsi], dl; mov [rsi+8], dl */
	};
	enum { MANY = 3 * JIT_SLOTS, APART = 32 };
	struct guest *g = *state;
	g->c->cr0 |= CR0_WP;
	for (unsigned pair = 0; pair < 2; pair++) {
		guest_load(g, WRITE, write[pair], sizeof write[pair]);
		for (unsigned page = 0; page < PAGES; page++)
			remap(g, page, (PHYS + page * 4096) | 0x67);
		warm(g, WRITE, 5);
		for (unsigned page = 0; page < PAGES; page++)
			remap(g, page, (PHYS + page * 4096) | 0x65);
		for (unsigned n = 0; n < MANY; n++) {
			uint64_t code = GUEST_DATA + n * APART;
			guest_load(g, code, read[pair], sizeof read[pair]);
			for (unsigned k = 0; k < 16; k++)
				loop(g, code, PLACE, 0);
			assert_int_equal(guest_vector(g), -1);
			loop(g, WRITE, PLACE, 7);
			assert_int_equal(guest_vector(g), EXC_PF);
			assert_int_equal(g->c->cr2, PLACE);
			assert_int_equal(g->mem[PHYS], 5);
		}
	}
}

/* Writes to pages that were clean before set their D bit, however the neighbours look. */
static void clean_pages_become_dirty(void **state)
{
	struct guest *g = *state;
	warm(g, READ, 0);
	for (unsigned page = 0; page < PAGES; page += 2)
		remap(g, page, (PHYS + page * 4096u) | 0x67);
	warm(g, READ, 0);
	warm(g, WRITE, 2);
	for (unsigned page = 0; page < PAGES; page++)
		assert_int_equal(*pte_of(g, PLACE + page * 4096u) & 0x60, 0x60);
}

static void code_among_the_data(void **state)
{
	struct guest *g = *state;
	static const uint8_t code[] = { 0xb8, 0x01, 0x00, 0x00, 0x00, 0xf4 };   /* mov eax, 1; hlt */
	guest_load(g, PHYS + 8 * 4096 + 0x100, code, sizeof code);
	for (unsigned value = 5; value < 9; value++) {
		warm(g, WRITE, value);
		for (int n = 0; n < 4; n++)
			assert_int_equal(guest_run(g, PLACE + 8 * 4096 + 0x100), CPUEXIT_HALT);
		loop(g, WRITE, PLACE + 0x101, value);
		assert_int_equal(guest_run(g, PLACE + 8 * 4096 + 0x100), CPUEXIT_HALT);
		assert_int_equal(g->c->regs[RAX], value);
		warm(g, WRITE, value);
		loop(g, WRITE, PLACE + 0x101, value + 10);
		assert_int_equal(guest_run(g, PLACE + 8 * 4096 + 0x100), CPUEXIT_HALT);
		assert_int_equal(g->c->regs[RAX], value + 10);
	}
}

/* 4,096 INVLPGs and more: the numbers of the epochs come round. */
static void many_invalidations(void **state)
{
	struct guest *g = *state;
	for (unsigned n = 0; n < 9000; n++) {
		uint64_t from = n & 1 ? OTHER : PHYS;
		remap(g, 3, (from + 3 * 4096) | 0x67);
		loop(g, READ, PLACE, 0);
		assert_int_equal(g->c->regs[RBX], n & 1 ? PAGES + 2 : PAGES);
	}
}

/* ---- code that writes to itself ------------------------------------------------------------------------------------------------------- */

enum { SELF = 0x700000, SELF_PHYS = 0x710000 };

/* A store turns the comparison behind it, which made the flags of the addition needless, into SBB, which reads them.  `apart`: the addition is in
 * the block before. */
static void write_to_the_next_instruction(struct guest *g, bool apart)
{
	static const uint8_t together[] = { 0x00, 0xd8, 0x88, 0x16, 0x39, 0xc8, 0xf4 };                 /* add al, bl; mov [rsi], dl; cmp eax, ecx; hlt */
	static const uint8_t two_blocks[] = { 0x00, 0xd8, 0xeb, 0x00, 0x88, 0x16, 0x39, 0xc8, 0xf4 };   /* add al, bl; jmp 1f; 1: mov [rsi], dl ... */
	struct cpu *c = g->c;
	guest_map(g, SELF, SELF_PHYS, true, true);
	guest_load(g, SELF_PHYS, apart ? two_blocks : together, apart ? sizeof two_blocks : sizeof together);
	for (int n = 0; n <= 200; n++) {
		c->regs[RAX] = 0xff;
		c->regs[RBX] = 2;
		c->regs[RCX] = 0;
		c->regs[RDX] = 0x19;
		c->regs[RSI] = n < 200 ? (uint64_t)PLACE : SELF + (apart ? 6u : 4u);
		assert_int_equal(guest_run(g, SELF), CPUEXIT_HALT);
		assert_int_equal(guest_vector(g), -1);
		assert_int_equal(c->regs[RAX], n < 200 ? 1 : 0);
	}
}

static void flags_behind_a_store_into_its_block(void **state)
{
	struct guest *g = *state;
	for (unsigned jit = 0; jit < 2; jit++)
		for (unsigned apart = 0; apart < 2; apart++) {
			assert_true(engine_set_jit(g->c, jit));
			write_to_the_next_instruction(g, apart);
		}
}

/* Code that was translated while its page was read-only. */
static void flags_when_its_page_becomes_writable(void **state)
{
	struct guest *g = *state;
	struct cpu *c = g->c;
	static const uint8_t code[] = { 0x00, 0xd8, 0x88, 0x16, 0x39, 0xc8, 0xf4 };
	c->cr0 |= CR0_WP;
	guest_map(g, SELF, SELF_PHYS, true, false);
	guest_load(g, SELF_PHYS, code, sizeof code);
	for (int n = 0; n <= 200; n++) {
		c->regs[RAX] = 0xff;
		c->regs[RBX] = 2;
		c->regs[RDX] = 0x19;
		c->regs[RSI] = n < 200 ? (uint64_t)PLACE : SELF + 4u;
		if (n == 200) {
			uint64_t entry = SELF_PHYS | 0x67;
			memcpy(pte_of(g, SELF), &entry, 8);
			mmu_flush_page(c, SELF);
		}
		assert_int_equal(guest_run(g, SELF), CPUEXIT_HALT);
		assert_int_equal(guest_vector(g), -1);
	}
	assert_int_equal(c->regs[RAX], 0);
}

/* Flat 32-bit code reaches what belongs to a thread by way of FS: with its base, and no further than its limit.  There is memory without the base, too. */
static void fs_of_flat_code(void **state)
{
	enum { BASE = 0x3000, AT = GUEST_DATA + BASE };
	struct guest *g = guest_new(GUEST_PROT32);
	uint32_t value = 0x11223344, sum = 0;
	(void)state;
	assert_true(engine_set_jit(g->c, 1));
	guest_code(g, GUEST_CODE,
		0x8b, 0x15, 0x10, 0x00, 0x10, 0x00,             /* mov edx, [GUEST_DATA + 10h] */
		0x89, 0x15, 0x18, 0x00, 0x10, 0x00,             /* mov [GUEST_DATA + 18h], edx */
		0x64, 0xa1, 0x10, 0x00, 0x10, 0x00,             /* mov eax, fs:[GUEST_DATA + 10h] */
		0x64, 0x01, 0x05, 0x20, 0x00, 0x10, 0x00,       /* add fs:[GUEST_DATA + 20h], eax */
		0x64, 0x8a, 0x41, 0x04,                         /* mov al, fs:[ecx + 4] */
		0x64, 0xa3, 0x30, 0x00, 0x10, 0x00,             /* mov fs:[GUEST_DATA + 30h], eax */
		0xf4);
	memcpy(g->mem + AT + 0x10, &value, 4);
	g->mem[AT + 0x24] = 0x55;
	g->c->seg[SEG_FS].base = BASE;
	for (unsigned round = 0; round < 20; round++) {
		bool fits = round % 5 != 4;
		uint32_t at20, at30;
		g->c->seg[SEG_FS].limit = GUEST_DATA + (fits ? 0x33 : 0x32);
		g->c->regs[RCX] = GUEST_DATA + 0x20;
		g->c->regs[RSP] = GUEST_STACK;
		memset(g->mem + AT + 0x30, 0, 4);
		assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
		assert_int_equal(guest_vector(g), fits ? -1 : EXC_GP);
		assert_int_equal(g->c->regs[RAX], 0x11223355);
		memcpy(&at20, g->mem + AT + 0x20, 4);
		memcpy(&at30, g->mem + AT + 0x30, 4);
		assert_int_equal(at20, sum += value);
		assert_int_equal(at30, fits ? 0x11223355 : 0);
	}
	guest_free(g);
}

/* AH and its kin with memory, whose address may be in the same register, are done without the interpreter. */
static void high_bytes_of_registers(void **state)
{
	enum { ROUNDS_OF_LOOP = 1000, AT = GUEST_DATA + 0x1200, CODE = GUEST_CODE + 0x200 };
	(void)state;
	for (unsigned mode = GUEST_PROT32; mode <= GUEST_LONG64; mode++) {
		struct guest *g = guest_new(mode);
		struct cpu *c = g->c;
		struct jit_counters j;
		assert_true(engine_set_jit(c, 1));
		guest_code(g, CODE,
			0x88, 0x7b, 0x01,                               /* l: mov [rbx + 1], bh */
			0x00, 0x7b, 0x02,                               /* add [rbx + 2], bh */
			0x02, 0x63, 0x01,                               /* add ah, [rbx + 1] */
			0x10, 0x7b, 0x03,                               /* adc [rbx + 3], bh */
			0x89, 0xf2,                                     /* mov edx, esi */
			0x32, 0x32,                                     /* xor dh, [rdx] */
			0x86, 0x6f, 0x04,                               /* xchg [rdi + 4], ch */
			0x3a, 0x34, 0x16,                               /* cmp dh, [rsi + rdx] */
			0x0f, 0x94, 0xc0,                               /* setz al */
			0x83, 0xed, 0x01, 0x75, 0xe2, 0xf4);            /* sub ebp, 1; jnz l; hlt */
		c->regs[RAX] = 0x1234, c->regs[RBX] = AT, c->regs[RDX] = 0, c->regs[RSI] = 0x80000, c->regs[RDI] = AT, c->regs[RCX] = 0x7788, c->regs[RBP] = ROUNDS_OF_LOOP;
		g->mem[0x80000] = 0x51;
		g->mem[0x80000 + 0x85100] = 0x51;            /* rsi + rdx */
		g->mem[AT + 4] = 0x99;
		uint8_t ah = 0x12, at2 = 0, at3 = 0;
		for (unsigned n = 0; n < ROUNDS_OF_LOOP; n++) {
			at2 += AT >> 8 & 0xff;
			unsigned carry = ah + (AT >> 8 & 0xff) > 0xff;
			ah += AT >> 8 & 0xff;
			at3 += (AT >> 8 & 0xff) + carry;
		}
		assert_int_equal(guest_run(g, CODE), CPUEXIT_HALT);
		assert_int_equal(guest_vector(g), -1);
		assert_int_equal(c->regs[RAX], (unsigned)ah << 8 | 1);
		assert_int_equal(c->regs[RDX], 0x85100);
		assert_int_equal(c->regs[RCX], 0x7788);
		assert_int_equal(c->regs[RBX], AT);
		assert_int_equal(g->mem[AT + 2], at2);
		assert_int_equal(g->mem[AT + 3], at3);
		assert_int_equal(g->mem[AT + 4], 0x99);
		jit_get_counters(engine_jit(c), &j);
		assert_true(j.steps + j.misses < 30);
		guest_free(g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_page_goes_elsewhere, setup, teardown),
		cmocka_unit_test_setup_teardown(mappings_change_under_the_interpreter, setup, teardown),
		cmocka_unit_test_setup_teardown(a_page_goes_away, setup, teardown),
		cmocka_unit_test_setup_teardown(pages_that_lie_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(large_pages_in_a_row, setup, teardown),
		cmocka_unit_test_setup_teardown(a_page_becomes_read_only, setup, teardown),
		cmocka_unit_test_setup_teardown(reading_is_not_writing, setup, teardown),
		cmocka_unit_test_setup_teardown(clean_pages_become_dirty, setup, teardown),
		cmocka_unit_test_setup_teardown(code_among_the_data, setup, teardown),
		cmocka_unit_test_setup_teardown(many_invalidations, setup, teardown),
		cmocka_unit_test(fs_of_flat_code),
		cmocka_unit_test(high_bytes_of_registers),
		cmocka_unit_test_setup_teardown(flags_behind_a_store_into_its_block, setup, teardown),
		cmocka_unit_test_setup_teardown(flags_when_its_page_becomes_writable, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
