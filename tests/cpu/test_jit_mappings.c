/* test_jit_mappings.c - random accesses under random mappings that change all the time: translated code beside an interpreter that forgets all it
 * knows of the tables before each run.
 *
 * Two address spaces with PCIDs share the upper half.  A step runs a small program - a loop or not, up to six accesses of every kind off a few
 * registers, at CPL 0 or 3 - or changes entries of the tables and does what the SDM asks for then (3, 4.10.4): INVLPG, or CR3.  Registers, faults,
 * memory and the tables' A and D bits must be the same at the end of each.  VMUX_MAPPINGS=STEPS and VMUX_SEED for more. */
#include "core/cpu/engine.h"
#include "core/cpu/sys.h"
#include "tests/cpu/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { STEPS = 20000, PAGES = 64, FRAMES = 96, PROGRAMS = 160, PROGRAM_SIZE = 256, SPACES = 2,
	TABLES = 0x300000, SPACE_SIZE = 0x4000, POOL = 0x800000, LARGE = 0x1000000, LARGE_SIZE = 2 << 20, IST = 0x90000, TSS = 0x110000, SYSCALL = 0x31000,
	SMALL_CODE = 0x32000, PROGRAM_AT = 0x400000, STORE = PROGRAM_AT + PROGRAMS * PROGRAM_SIZE, TRIES = 64 };
#define LOW  UINT64_C(0x8000000000)
#define HIGH UINT64_C(0xffff888000000000)
enum { P = 1, W = 2, U = 4, A = 1 << 5, D = 1 << 6, PS = 1 << 7, G = 1 << 8 };

struct pair { struct guest *g[2]; uint64_t seed, space, regs[16]; unsigned program; bool user; unsigned long runs; };      /* [0] is interpreted */

static uint64_t any(struct pair *t)
{
	t->seed ^= t->seed << 13;
	t->seed ^= t->seed >> 7;
	t->seed ^= t->seed << 17;
	return t->seed;
}
static unsigned below(struct pair *t, unsigned n) { return (unsigned)((any(t) >> 16) % n); }
static bool once_in(struct pair *t, unsigned n) { return below(t, n) == 0; }

/* ---- tables ------------------------------------------------------------------------------------------------------------------------------ */

static void put(struct pair *t, uint64_t at, uint64_t v)
{
	for (unsigned k = 0; k < 2; k++)
		memcpy(t->g[k]->mem + at, &v, 8);
}

/* A space: PML4, PDPT, page directory and page table of LOW.  HIGH's three come behind all spaces. */
static uint64_t table(uint64_t space, unsigned level) { return TABLES + space * SPACE_SIZE + (3 - level) * 0x1000; }
static uint64_t entry_at(uint64_t space, bool high, unsigned page) { return table(high ? SPACES : space, 0) + page * 8; }

static uint64_t random_entry(struct pair *t, bool high)
{
	uint64_t e = POOL + below(t, FRAMES) * 0x1000;
	e |= once_in(t, 12) ? 0 : P;
	e |= once_in(t, 3) ? 0 : W;
	e |= once_in(t, high ? 2 : 12) ? 0 : U;
	e |= once_in(t, 4) ? 0 : A;
	e |= once_in(t, 3) ? 0 : D;
	return e | (high && once_in(t, 3) ? G : 0);
}

/* Runs of frames in order, as the translator likes them, and single ones. */
static void set_entries(struct pair *t, uint64_t space, bool high, unsigned page, unsigned n)
{
	uint64_t e = random_entry(t, high);
	bool in_order = !once_in(t, 4);
	for (unsigned k = 0; k < n && page + k < PAGES; k++) {
		if (in_order && once_in(t, 24))
			e ^= once_in(t, 2) ? W : D;
		put(t, entry_at(space, high, page + k), in_order ? POOL + ((e - POOL) & ~UINT64_C(0xfff)) % (FRAMES * 0x1000) + (e & 0xfff) : random_entry(t, high));
		e += 0x1000;
	}
}

static void set_large(struct pair *t) { put(t, table(SPACES, 1) + 8, (uint64_t)LARGE | PS | P | U | A | (once_in(t, 3) ? 0 : W) | (once_in(t, 3) ? 0 : D)); }

static void build_tables(struct pair *t)
{
	for (uint64_t s = 0; s <= SPACES; s++) {
		if (s < SPACES) {
			put(t, table(s, 3), (GUEST_TABLES + 0x1000) | 7);
			put(t, table(s, 3) + (LOW >> 39 & 511) * 8, table(s, 2) | 7);
			put(t, table(s, 3) + (HIGH >> 39 & 511) * 8, table(SPACES, 2) | 7);
		}
		put(t, table(s, 2) + (s < SPACES ? LOW >> 30 & 511 : HIGH >> 30 & 511) * 8, table(s, 1) | 7);
		put(t, table(s, 1), table(s, 0) | 7);
		for (unsigned page = 0; page < PAGES; page += 8)
			set_entries(t, s, s == SPACES, page, 8);
	}
	set_large(t);
}

/* ---- programs ---------------------------------------------------------------------------------------------------------------------------- */

struct code { uint8_t bytes[PROGRAM_SIZE]; unsigned n; };
static void byte(struct code *c, unsigned v) { c->bytes[c->n++] = (uint8_t)v; }
static void dword(struct code *c, uint32_t v) { memcpy(c->bytes + c->n, &v, 4), c->n += 4; }

enum { N_BASES = 4, N_VALUES = 4 };
static const uint8_t bases[N_BASES] = { RSI, RDI, RBP, 10 }, values[N_VALUES] = { RAX, RBX, 9, 14 };

/* prefix REX opcode ModRM with disp32, an index (r15) now and then */
static void operand(struct pair *t, struct code *c, bool wide, unsigned prefix, unsigned op, unsigned reg, unsigned base)
{
	unsigned index = once_in(t, 5);
	if (prefix)
		byte(c, prefix);
	byte(c, 0x40 | wide << 3 | (reg >> 3) << 2 | index << 1 | base >> 3);
	if (op > 0xff)
		byte(c, 0x0f);
	byte(c, op & 0xff);
	byte(c, 0x80 | (reg & 7) << 3 | (index ? 4 : base & 7));
	if (index)
		byte(c, below(t, 4) << 6 | (15 & 7) << 3 | (base & 7));
	dword(c, once_in(t, 4) ? below(t, 8192) - 4096 : 8 * below(t, 8));
}

static void an_access(struct pair *t, struct code *c)
{
	static const struct { uint16_t op; bool wide; uint8_t prefix; } kinds[] = { { 0x8b, true, 0 }, { 0x8b, true, 0 }, { 0x8a, false, 0 }, { 0x89, true, 0 }, { 0x89, true, 0 },
		{ 0x88, false, 0 }, { 0x01, true, 0 }, { 0x03, true, 0 }, { 0x39, true, 0 }, { 0x11, true, 0 }, { 0x1b6, false, 0 },
		{ 0x110, false, 0 }, { 0x111, false, 0 }, { 0x16f, false, 0xf3 }, { 0x17f, false, 0xf3 } };
	unsigned k = below(t, sizeof kinds / sizeof kinds[0] + 3);
	if (k < sizeof kinds / sizeof kinds[0]) {
		bool vector = (kinds[k].op & ~1u) == 0x110 || kinds[k].prefix == 0xf3;
		operand(t, c, kinds[k].wide, kinds[k].prefix, kinds[k].op, vector ? below(t, 8) : values[below(t, N_VALUES)], bases[below(t, N_BASES)]);
	} else if (k == sizeof kinds / sizeof kinds[0])
		byte(c, 0x50 | (once_in(t, 2) ? 8 : 0) | RBX);          /* push, pop rbx */
	else if (k == sizeof kinds / sizeof kinds[0] + 1)
		byte(c, 0x53), byte(c, 0x5a), byte(c, 0x53);            /* push rbx; pop rdx; push rbx */
	else
		byte(c, 0x48), byte(c, 0x11), byte(c, 0xc3);            /* adc rbx, rax: flags are wanted across accesses */
}

static void make_program(struct pair *t, unsigned number)
{
	static const int32_t strides[] = { 8, 8, 64, 4096, 4096, -4096, 1000, 0 };
	struct code c = { .n = 0 };
	if (once_in(t, 10)) {           /* rep movsb or stosq */
		byte(&c, 0xf3), byte(&c, 0x48), byte(&c, once_in(t, 2) ? 0xa4 : 0xab);
	} else {
		for (unsigned n = 1 + below(t, 6); n--;)
			an_access(t, &c);
		for (unsigned n = 0; n < N_BASES; n++) {
			byte(&c, 0x48 | bases[n] >> 3), byte(&c, 0x81), byte(&c, 0xc0 | (bases[n] & 7));        /* add base, */
			dword(&c, (uint32_t)strides[below(t, sizeof strides / sizeof strides[0])]);
		}
		if (!once_in(t, 4)) {
			byte(&c, 0xff), byte(&c, 0xc9), byte(&c, 0x0f), byte(&c, 0x85);                         /* dec ecx; jnz */
			dword(&c, (uint32_t)-(int32_t)(c.n + 4));
		}
	}
	byte(&c, 0x0f), byte(&c, 0x05);
	for (unsigned k = 0; k < 2; k++)
		guest_load(t->g[k], PROGRAM_AT + number * PROGRAM_SIZE, c.bytes, c.n);
}

/* ---- runs -------------------------------------------------------------------------------------------------------------------------------- */

static void enter(struct guest *g, bool user, uint32_t flags)
{
	struct cpu *c = g->c;
	c->seg[SEG_CS] = (struct segreg) { .limit = UINT32_MAX, .sel = user ? 0x33 : 8, .attr = flat_code_attr(user ? 3 : 0, true) };
	c->seg[SEG_SS] = (struct segreg) { .limit = UINT32_MAX, .sel = user ? 0x2b : 0x10, .attr = flat_data_attr(user ? 3 : 0) };
	c->cpl = user ? 3 : 0;
	cpu_set_eflags(c, flags | 2);
	cpu_update_mode(c);
}

static void compare(struct pair *t, const char *what)
{
	struct guest *a = t->g[0], *b = t->g[1];
	for (unsigned n = 0; n < 16; n++)
		if (a->c->regs[n] != b->c->regs[n])
			fail_msg("%s: register %u is %lx, translated %lx", what, n, (unsigned long)a->c->regs[n], (unsigned long)b->c->regs[n]);
	if (a->c->rip != b->c->rip || a->c->cr2 != b->c->cr2 || a->c->cr3 != b->c->cr3)
		fail_msg("%s: at %lx, CR2 %lx, translated %lx, %lx", what, (unsigned long)a->c->rip, (unsigned long)a->c->cr2, (unsigned long)b->c->rip, (unsigned long)b->c->cr2);
	/* Flags that nobody reads any more need not be right in the frame of an exception. */
	bool fault = guest_vector(a) >= 0;
	uint64_t frame[2][6];
	for (unsigned k = 0; k < 2; k++) {
		memcpy(frame[k], t->g[k]->mem + IST - sizeof frame[k], sizeof frame[k]);
		frame[k][3] &= ~(uint64_t)FL_ARITH;
	}
	if (((cpu_get_eflags(a->c) ^ cpu_get_eflags(b->c)) & ~(fault ? (uint32_t)FL_ARITH : 0)) || memcmp(frame[0], frame[1], sizeof frame[0]))
		fail_msg("%s: flags or the frame of the exception differ", what);
	if (memcmp(a->mem + TABLES, b->mem + TABLES, (SPACES + 1) * SPACE_SIZE))
		fail_msg("%s: A or D bits differ", what);
	if (memcmp(a->mem + POOL, b->mem + POOL, FRAMES * 0x1000) || (t->runs++ % 64 == 0 && memcmp(a->mem + LARGE, b->mem + LARGE, LARGE_SIZE)))
		fail_msg("%s: memory differs", what);
}

static void run(struct pair *t, uint64_t at, bool user, uint32_t flags, const uint64_t *regs, const char *what)
{
	for (unsigned k = 0; k < 2; k++) {
		struct guest *g = t->g[k];
		memcpy(g->c->regs, regs, 16 * sizeof *regs);
		g->c->cr2 = 0;
		enter(g, user, flags);
		memset(g->mem + IST - 48, 0, 48);
		if (!k)
			mmu_flush(g->c, true);
		assert_int_equal(guest_run(g, at), CPUEXIT_HALT);
	}
	compare(t, what);
}

static uint64_t somewhere(struct pair *t)
{
	uint64_t in_page = once_in(t, 3) ? below(t, 4096) : 8 * below(t, 512);
	if (once_in(t, 8))
		return HIGH + LARGE_SIZE + below(t, LARGE_SIZE - 65536) + in_page;
	return (once_in(t, 3) ? HIGH : LOW) + below(t, PAGES) * 4096u + in_page;
}

/* The last program once more, as often as not: what it learnt must not be believed any longer than it is true. */
static void run_program(struct pair *t)
{
	char what[40];
	if (once_in(t, 2)) {
		t->program = below(t, PROGRAMS);
		t->user = once_in(t, 2);
		for (unsigned n = 0; n < 16; n++)
			t->regs[n] = any(t);
		for (unsigned n = 0; n < N_BASES; n++)
			t->regs[bases[n]] = somewhere(t);
		t->regs[RSP] = somewhere(t);
		t->regs[RCX] = 1 + below(t, 40);
		t->regs[15] = below(t, 64);
	}
	snprintf(what, sizeof what, "program %u", t->program);
	for (unsigned n = once_in(t, 4) ? 20 : 1 + below(t, 6); n--;)
		run(t, PROGRAM_AT + t->program * PROGRAM_SIZE, t->user, once_in(t, 4) ? 0 : FL_AC, t->regs, what);
}

/* One of the small pieces of code of the kernel: RAX and RSI are its operands. */
enum { INVLPG, SET_CR3, SET_CR0, SET_CR4 };
static void kernel_does(struct pair *t, unsigned piece, uint64_t rax, uint64_t rsi)
{
	uint64_t regs[16] = { [RAX] = rax, [RSI] = rsi, [RSP] = GUEST_STACK };
	run(t, SMALL_CODE + 16 * piece, false, 0, regs, "the kernel");
}

static void switch_space(struct pair *t, uint64_t space, bool keep)
{
	t->space = space;
	kernel_does(t, SET_CR3, table(space, 3) | (space + 1) | (uint64_t)keep << 63, 0);
}

static void change_mappings(struct pair *t)
{
	bool high = once_in(t, 3);
	unsigned page = below(t, PAGES), n = once_in(t, 2) ? 1 : 1 + below(t, 8);
	if (!once_in(t, 3)) {           /* where the last program was */
		uint64_t at = t->regs[bases[below(t, N_BASES)]];
		high = at >= HIGH;
		page = (unsigned)((at - (high ? HIGH : LOW)) / 4096 + below(t, 12)) % PAGES;
	}
	switch (below(t, 8)) {
	default:
		set_entries(t, t->space, high, page, n);
		for (unsigned k = page; k < page + n && k < PAGES; k++)
			kernel_does(t, INVLPG, 0, (high ? HIGH : LOW) + k * 4096u);
		break;
	case 1:                         /* all at once, and CR3 anew */
		set_entries(t, t->space, false, page, n);
		switch_space(t, t->space, false);
		break;
	case 2:                         /* of the other space, which is not in use */
		set_entries(t, !t->space, false, page, n);
		switch_space(t, !t->space, false);
		break;
	case 3:
		switch_space(t, !t->space, true);
		break;
	case 4:
		set_large(t);
		kernel_does(t, INVLPG, 0, HIGH + LARGE_SIZE + below(t, LARGE_SIZE));
		break;
	}
	if (once_in(t, 20))
		kernel_does(t, SET_CR0, t->g[0]->c->cr0 ^ CR0_WP, 0);
	if (once_in(t, 20))
		kernel_does(t, SET_CR4, t->g[0]->c->cr4 ^ CR4_SMAP, 0);
}

/* A page of the pool becomes code, is run, is written to by way of whatever maps it, and is run again. */
static void run_data(struct pair *t)
{
	static const uint8_t code[] = { 0xb8, 1, 2, 3, 4, 0x0f, 0x05 };         /* mov eax, ; syscall */
	uint64_t e, lin = 0, regs[16] = { [RSP] = GUEST_STACK };
	for (unsigned n = 0; n < TRIES && !lin; n++) {
		unsigned page = below(t, PAGES);
		memcpy(&e, t->g[0]->mem + entry_at(t->space, false, page), 8);
		lin = (e & (P | W | U)) == (P | W | U) ? LOW + page * 4096u + below(t, 4000) : 0;
	}
	if (!lin)
		return;
	for (unsigned k = 0; k < 2; k++)
		guest_load(t->g[k], (e & ~UINT64_C(0xfff)) + lin % 4096, code, sizeof code);
	for (unsigned n = 1 + below(t, 4); n--;) {
		run(t, lin, true, 0, regs, "code among data");
		regs[RSI] = lin + 1;
		regs[RDX] = any(t);
		run(t, STORE, true, 0, regs, "a store into code");
		run(t, lin, true, 0, regs, "code that was written");
		assert_int_equal(t->g[0]->c->regs[RAX], (uint32_t)regs[RDX]);
	}
}

/* ---- life -------------------------------------------------------------------------------------------------------------------------------- */

static struct guest *new_guest(unsigned jit)
{
	struct guest *g = guest_new(GUEST_LONG64);
	struct cpu *c = g->c;
	uint64_t stack = IST, user_segments[] = { 0x00cff3000000ffff, 0x00affb000000ffff };
	for (unsigned v = 0; v < 32; v++)
		g->mem[GUEST_IDT + v * 16 + 4] = 1;             /* IST1 */
	g->mem[GUEST_TABLES + 0x2000] &= ~U;                    /* the first 2 MB are the kernel's */
	c->seg[SEG_TR] = (struct segreg) { .base = TSS, .limit = 0x67, .sel = 0x28, .attr = ATTR_P | SYS_TSS32_BUSY };
	memcpy(g->mem + TSS + 0x24, &stack, 8);
	guest_load(g, GUEST_GDT + 0x28, user_segments, sizeof user_segments);
	c->gdtr.limit = 0x37;
	c->lstar = SYSCALL;
	c->star = UINT64_C(0x0008) << 32;
	c->efer |= EFER_SCE;
	c->cr4 |= CR4_PCIDE | CR4_PGE;
	guest_code(g, SYSCALL, 0xf4);
	guest_code(g, SMALL_CODE + 16 * INVLPG, 0x0f, 0x01, 0x3e, 0x0f, 0x05);
	guest_code(g, SMALL_CODE + 16 * SET_CR3, 0x0f, 0x22, 0xd8, 0x0f, 0x05);
	guest_code(g, SMALL_CODE + 16 * SET_CR0, 0x0f, 0x22, 0xc0, 0x0f, 0x05);
	guest_code(g, SMALL_CODE + 16 * SET_CR4, 0x0f, 0x22, 0xe0, 0x0f, 0x05);
	guest_code(g, STORE, 0x89, 0x16, 0x0f, 0x05);  /* mov [rsi], edx */
	assert_true(engine_set_jit(c, jit));
	return g;
}

static unsigned long wish(const char *name, unsigned long otherwise)
{
	const char *v = getenv(name);
	return v && *v ? strtoul(v, NULL, 0) : otherwise;
}

static void same_under_both(void **state)
{
	struct pair t = { .seed = wish("VMUX_SEED", 0x9e3779b97f4a7c15) | 1 };
	unsigned long steps = wish("VMUX_MAPPINGS", STEPS), faults = 0;
	for (unsigned k = 0; k < 2; k++)
		t.g[k] = new_guest(2 * k);
	build_tables(&t);
	for (unsigned n = 0; n < PROGRAMS; n++)
		make_program(&t, n);
	for (unsigned k = 0; k < 2; k++) {
		t.g[k]->c->cr3 = table(0, 3) | 1;
		mmu_flush(t.g[k]->c, true);
	}
	for (unsigned long n = 0; n < steps; n++) {
		switch (below(&t, 8)) {
		case 0: case 1: change_mappings(&t); break;
		case 2: run_data(&t); break;
		default: run_program(&t); faults += guest_vector(t.g[0]) == EXC_PF; break;
		}
		if (once_in(&t, 400))
			make_program(&t, below(&t, PROGRAMS));
	}
	assert_true(faults > steps / 20 && faults < steps);
	for (unsigned k = 0; k < 2; k++)
		guest_free(t.g[k]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(same_under_both) };
	return cmocka_run_group_tests_name("jit_mappings", tests, NULL, NULL);
}
