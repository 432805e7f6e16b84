/* test_hpet.c - counter, one-shot and periodic comparators, level interrupts, legacy replacement. */
#include "tests/dev/board.h"

enum { HPET = 0xfed00000u, CAP = 0, CONFIG = 0x10, STATUS = 0x20, COUNTER = 0xf0, T0 = 0x100, T1 = 0x120, T2 = 0x140, CMP = 8 };
enum { LEVEL = 2, ENABLE = 4, PERIODIC = 8, SET = 0x40, NARROW = 0x100 };

static uint64_t get(struct machine *m, unsigned reg) { return space_read(&m->mem, HPET + reg, 8); }
static void set(struct machine *m, unsigned reg, uint64_t v) { space_write(&m->mem, HPET + reg, 8, v); }
/* The 8259's view of an interrupt line that is an edge: latched until read away by a new initialisation. */
static unsigned irr(struct machine *m) { out8(m, 0x20, 0x0a); out8(m, 0xa0, 0x0a); return in8(m, 0x20) | in8(m, 0xa0) << 8; }
static void clear_irr(struct machine *m)
{
	out8(m, 0x20, 0x11); out8(m, 0x21, 8); out8(m, 0x21, 4); out8(m, 0x21, 1);
	out8(m, 0xa0, 0x11); out8(m, 0xa1, 0x70); out8(m, 0xa1, 2); out8(m, 0xa1, 1);
}

static void counter(void **state)
{
	struct machine *m = board_new("-m 16");

	assert_int_equal(get(m, CAP), UINT64_C(0x009896808086a201));
	board_step(m, 1000);
	assert_int_equal(get(m, COUNTER), 0);
	set(m, COUNTER, 1000);
	set(m, CONFIG, 1);
	board_step(m, 1000);
	assert_int_equal(get(m, COUNTER), 1100);
	set(m, COUNTER, 5);                                     /* ignored while it runs */
	assert_int_equal(get(m, COUNTER), 1100);
	set(m, CONFIG, 0);
	board_step(m, 1000);
	assert_int_equal(peek32(m, HPET + COUNTER), 1100);
	board_free(m);
}

static void legacy_replacement(void **state)
{
	struct machine *m = board_new("-m 16");

	clear_irr(m);
	out8(m, 0x43, 0x34); out8(m, 0x40, 0); out8(m, 0x40, 16);       /* the 8254 runs too, but is not heard */
	set(m, CONFIG, 3);
	clear_irr(m);
	board_step(m, NS_PER_SEC / 10);
	assert_int_equal(irr(m) & 1, 0);
	set(m, T0, ENABLE);
	set(m, T0 + CMP, get(m, COUNTER) + 1000);
	set(m, T1, ENABLE);
	set(m, T1 + CMP, get(m, COUNTER) + 2000);
	board_step(m, 9999);
	assert_int_equal(irr(m) & 0x101, 0);
	board_step(m, 1);
	assert_int_equal(irr(m) & 0x101, 1);
	board_step(m, 10000);
	assert_int_equal(irr(m) & 0x101, 0x101);
	set(m, CONFIG, 1);
	clear_irr(m);
	board_step(m, NS_PER_SEC / 10);
	assert_int_equal(irr(m) & 1, 1);                        /* the 8254 again */
	board_free(m);
}

static void periodic(void **state)
{
	struct machine *m = board_new("-m 16");
	unsigned seen = 0;

	set(m, CONFIG, 3);
	set(m, T0, ENABLE | PERIODIC | SET);
	set(m, T0 + CMP, get(m, COUNTER) + 5000);
	set(m, T0 + CMP, 100000);                               /* the second write is the period: 1 ms */
	for (int i = 0; i < 20; i++) {
		clear_irr(m);
		board_step(m, 1000000);
		seen += irr(m) & 1;
	}
	assert_int_equal(seen, 20);
	assert_int_equal(get(m, T0 + CMP) % 100000, 5000);
	board_free(m);
}

/* Pin 2 of the I/O APIC, as a level that is held until the status bit is cleared. */
static void level(void **state)
{
	struct machine *m = board_new("-m 16");

	poke32(m, 0xfee000f0, 0x1ff);
	poke32(m, 0xfec00000, 0x14);
	poke32(m, 0xfec00010, 0x8045);
	assert_int_equal(get(m, T2) >> 32, 4);
	set(m, T2, ENABLE | LEVEL | NARROW | 2 << 9);
	set(m, CONFIG, 1);
	set(m, T2 + CMP, UINT64_C(0xffffffff00000000) + 100);
	assert_int_equal(get(m, T2 + CMP), 100);
	board_step(m, 1000);
	assert_int_equal(get(m, STATUS), 4);
	assert_int_equal(peek32(m, 0xfec00010) & 0x4000, 0x4000);
	set(m, STATUS, 4);
	assert_int_equal(get(m, STATUS), 0);
	poke32(m, 0xfee000b0, 0);
	board_free(m);
}

/* A match whose time has come is not lost when a register is written before the loop has got to it. */
static void late(void **state)
{
	static const unsigned regs[] = { CONFIG, T0, T1, STATUS };

	for (unsigned n = 0; n < sizeof regs / sizeof *regs; n++) {
		struct machine *m = board_new("-m 16");
		set(m, CONFIG, 3);
		set(m, T0, ENABLE);
		set(m, T0 + CMP, get(m, COUNTER) + 1000);
		clear_irr(m);
		clock_set(&m->clock, clock_now(&m->clock) + 20000);
		assert_int_equal(irr(m) & 1, 0);
		set(m, regs[n], get(m, regs[n]));
		assert_int_equal(irr(m) & 1, 1);
		clear_irr(m);
		board_step(m, NS_PER_SEC);
		assert_int_equal(irr(m) & 1, 0);
		board_free(m);
	}
}

/* A 32-bit comparator matches again when its half of the counter comes round. */
static void wraps(void **state)
{
	struct machine *m = board_new("-m 16");

	clear_irr(m);
	set(m, COUNTER, UINT64_C(0x1fffffff0));
	set(m, T0, ENABLE | NARROW);
	set(m, T0 + CMP, 0x10);
	set(m, CONFIG, 3);
	board_step(m, 310);
	assert_int_equal(irr(m) & 1, 0);
	board_step(m, 10);
	assert_int_equal(irr(m) & 1, 1);
	board_free(m);
}

static void absent(void **state)
{
	struct machine *m = board_new("-m 16 -no-hpet");

	assert_null(space_find(&m->mem, HPET));
	board_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(counter), cmocka_unit_test(legacy_replacement), cmocka_unit_test(periodic),
		cmocka_unit_test(level), cmocka_unit_test(late), cmocka_unit_test(wraps), cmocka_unit_test(absent) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
