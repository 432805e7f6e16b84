/* test_event64.c - exceptions and IRET in 64-bit mode do the same whether all they touch is in the TLB (event64.c) or nothing is (event.c, far.c). */
#include "core/cpu/event.h"
#include "core/cpu/mmu.h"
#include "core/cpu/sys.h"
#include "tests/cpu/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { CASES = 20000, TSS = 0x110000, STACKS = 0x120000, GDT_ENTRIES = 8, KCODE = 1, KDATA, UDATA, UCODE, TR_SEL = 0x38 };

struct outcome { bool ok, pending; uint8_t vector, cpl, nmi_blocked; uint16_t mode; uint32_t err, eflags; uint64_t rip, rsp, tlb; struct segreg seg[SEG_COUNT]; uint8_t mem[512]; };

static unsigned chance(unsigned n) { return rand() % (int)n == 0; }
static void put(struct guest *g, uint64_t at, uint64_t v) { memcpy(g->mem + at, &v, 8); }

static void tables(struct guest *g)
{
	static const uint64_t plain[GDT_ENTRIES] = { 0, UINT64_C(0x00af9b000000ffff), UINT64_C(0x00cf93000000ffff), UINT64_C(0x00cff3000000ffff), UINT64_C(0x00affb000000ffff) };
	for (unsigned n = 0; n < GDT_ENTRIES; n++)
		put(g, GUEST_GDT + 8 * n, plain[n] ^ (chance(12) ? UINT64_C(1) << (40 + rand() % 8) : 0) ^ (chance(24) ? UINT64_C(1) << (52 + rand() % 4) : 0));
	g->c->gdtr.limit = chance(12) ? (uint16_t)(rand() % 64) : 8 * GDT_ENTRIES - 1;
	uint64_t sel = chance(12) ? (unsigned)rand() % 64 : KCODE * 8u, attr = chance(2) ? 0x8e : chance(8) ? (unsigned)rand() % 256 : 0x8f;
	put(g, GUEST_IDT + 16 * EXC_PF, 0x4567 | sel << 16 | attr << 40 | (chance(12) ? UINT64_C(1) << 32 : 0));
	put(g, GUEST_IDT + 16 * EXC_PF + 8, chance(12) ? UINT64_C(0x8000) : 0);
	put(g, TSS + 4, STACKS + 0x800 - (unsigned)rand() % 64);
	put(g, TSS + 36, STACKS + 0xa00);
}

/* CPL 0 or 3; stacks that may lie in two pages or be read-only. */
static void registers(struct guest *g)
{
	struct cpu *c = g->c;
	bool user = chance(2);
	for (unsigned s = SEG_ES; s <= SEG_GS; s++)
		c->seg[s] = (struct segreg) { .limit = UINT32_MAX, .sel = chance(2) ? UDATA * 8 | 3 : KDATA * 8, .attr = chance(2) ? flat_data_attr(3) : flat_data_attr(0) };
	c->seg[SEG_CS] = (struct segreg) { .limit = UINT32_MAX, .sel = user ? UCODE * 8 | 3 : KCODE * 8, .attr = flat_code_attr(user ? 3 : 0, true) };
	c->seg[SEG_SS] = (struct segreg) { .limit = UINT32_MAX, .sel = user ? UDATA * 8 | 3 : KDATA * 8, .attr = flat_data_attr(user ? 3 : 0) };
	c->seg[SEG_TR] = (struct segreg) { .base = TSS, .limit = chance(12) ? 8 : 0x67, .sel = TR_SEL, .attr = ATTR_P | SYS_TSS32_BUSY };
	c->cpl = user ? 3 : 0;
	c->regs[RSP] = chance(8) ? STACKS + 0x1000 - (unsigned)rand() % 64 : STACKS + 0xf00 - (unsigned)rand() % 64;
	c->rip = 0x12345678;
	c->exc_pending = c->shadow = 0;
	c->nmi_blocked = 1;
	c->cur = NULL;
	c->dr[7] = 0x400;
	cpu_set_eflags(c, ((unsigned)rand() & 0x244fd5 & ~(unsigned)(chance(8) ? 0 : FL_NT)) | 2);
}

/* What IRETQ finds on the stack. */
static void frame(struct guest *g)
{
	uint64_t at = STACKS + 0xe00 + (chance(8) ? 0x1f0u : 0), user = chance(2);
	g->c->regs[RSP] = at;
	put(g, at, chance(12) ? UINT64_C(0x900000000000) : 0x7654321);
	put(g, at + 8, chance(12) ? (unsigned)rand() % 64 : user ? UCODE * 8 | 3 : KCODE * 8);
	put(g, at + 16, (unsigned)rand() & 0x3f7fd7);
	put(g, at + 24, 0x998877);
	put(g, at + 32, chance(12) ? (unsigned)rand() % 64 : user ? UDATA * 8 | 3 : chance(2) ? 0 : KDATA * 8);
}

static void warm(struct cpu *c)
{
	static const uint64_t pages[] = { GUEST_GDT, GUEST_IDT, TSS };
	uint64_t v;
	for (unsigned n = 0; n < sizeof pages / sizeof pages[0]; n++)
		assert_true(mmu_read(c, pages[n], &v, 8, MEM_R | MEM_SYSTEM));
	for (unsigned n = 0; n < 2; n++) {
		assert_true(mmu_read(c, STACKS + n * PAGE_SIZE, &v, 8, MEM_R | MEM_SYSTEM));
		assert_true(mmu_write(c, STACKS + n * PAGE_SIZE, &v, 8, MEM_W | MEM_SYSTEM));
	}
}

static void look(struct guest *g, struct outcome *o)
{
	struct cpu *c = g->c;
	*o = (struct outcome) { .ok = o->ok, .pending = c->exc_pending, .vector = c->exc_pending ? c->exc_vector : 0, .err = c->exc_pending ? c->exc_err : 0, .cpl = c->cpl,
		.nmi_blocked = c->nmi_blocked, .mode = c->mode, .eflags = cpu_get_eflags(c), .rip = c->rip, .rsp = c->regs[RSP], .tlb = c->tlb == c->tlbs[TLB_USER] };
	memcpy(o->seg, c->seg, sizeof o->seg);
	memcpy(o->mem, g->mem + STACKS + 0x700, 512);
	c->exc_pending = 0;
}

static void one(struct guest *g, unsigned seed, bool iret, bool warmed, struct outcome *o)
{
	memset(o, 0, sizeof *o);
	srand(seed);
	memset(g->mem + STACKS, 0x5a, 2 * PAGE_SIZE);
	tables(g);
	registers(g);
	if (iret) {
		bool user = g->c->cpl == 3;
		frame(g);
		if (user && seed % 16) {                        /* from CPL 0, most of the time */
			g->c->cpl = 0;
			g->c->seg[SEG_CS].sel = KCODE * 8, g->c->seg[SEG_CS].attr = flat_code_attr(0, true);
			cpu_update_mode(g->c);
		}
	}
	bool err = chance(2);
	mmu_flush(g->c, true);
	if (warmed)
		warm(g->c);
	o->ok = iret ? far_iret(g->c, 8) : cpu_deliver(g->c, EXC_PF, err, 0xabc, EVENT_EXC);
	look(g, o);
}

static void same(bool iret)
{
	struct guest *g = guest_new(GUEST_LONG64);
	struct outcome want, is;
	unsigned done = 0;
	for (unsigned n = 0; n < CASES; n++) {
		one(g, n, iret, false, &want);
		one(g, n, iret, true, &is);
		if (memcmp(&want, &is, sizeof is))
			print_error("case %u: vector %u error %x, else %u %x\n", n, is.vector, is.err, want.vector, want.err);
		assert_memory_equal(&want, &is, sizeof is);
		done += is.ok;
	}
	assert_in_range(done, CASES / 4, CASES - CASES / 16);
	guest_free(g);
}
static void events(void **state) { same(false); }
static void returns(void **state) { same(true); }

/* The tests above would be of little use otherwise. */
static void the_common_case_is_taken(void **state)
{
	struct guest *g = guest_new(GUEST_LONG64);
	unsigned taken = 0, returned = 0;
	for (unsigned n = 0; n < 1000; n++) {
		uint32_t err = 0;
		srand(n);
		tables(g);
		registers(g);
		warm(g->c);
		taken += event_deliver_64(g->c, EXC_PF, &err, 2);
		registers(g);
		g->c->cpl = 0;
		cpu_update_mode(g->c);
		frame(g);
		returned += far_iret_64(g->c);
	}
	assert_in_range(taken, 300, 950);
	assert_in_range(returned, 300, 950);
	guest_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(events), cmocka_unit_test(returns), cmocka_unit_test(the_common_case_is_taken) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
