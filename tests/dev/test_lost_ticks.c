/* test_lost_ticks.c - periodic interrupts that the loop thread is late for, or that the guest does not take in time: 8254, HPET, RTC. */
#include "devices/chipset/lapic.h"
#include "devices/chipset/lost_ticks.h"
#include "tests/dev/bench.h"
#include "tests/dev/board.h"

enum { HPET = 0xfed00000u, APIC = 0xfee00000u, VECTOR = 0x41, COUNT = 11932 /* 10 ms */, MS = 1000000, PERIOD = 10 * MS };

/* The clock goes on by ns, and the loop only comes to look afterwards. */
static void late(struct machine *m, int64_t ns)
{
	clock_set(&m->clock, clock_now(&m->clock) + ns);
	clock_run_timers(&m->clock);
}

/* INTA by polling, and the end of the interrupt: which one there was, or -1. */
static int take_pic(struct machine *m)
{
	out8(m, 0x20, 0x0c);
	uint8_t v = in8(m, 0x20);

	if (!(v & 0x80))
		return -1;
	out8(m, 0x20, 0x20);
	return v & 7;
}

static int take_apic(struct machine *m)
{
	int v = lapic_ack(m->lapics[0]);

	poke32(m, APIC + 0xb0, 0);
	return v;
}

static void init_pic(struct machine *m, uint8_t mask)
{
	out8(m, 0x20, 0x11); out8(m, 0x21, 8); out8(m, 0x21, 4); out8(m, 0x21, 1);
	out8(m, 0x21, mask);
}

/* Pin 2 as an edge to the first APIC. */
static void init_apic(struct machine *m)
{
	init_pic(m, 0xff);
	poke32(m, APIC + 0xf0, 0x1ff);
	poke32(m, 0xfec00000, 0x14);
	poke32(m, 0xfec00010, VECTOR);
}

static void start_pit(struct machine *m, unsigned mode)
{
	out8(m, 0x43, (uint8_t)(0x30 | mode << 1));
	out8(m, 0x40, COUNT & 0xff);
	out8(m, 0x40, COUNT >> 8);
	board_step(m, PERIOD / 2);              /* so that no edge falls on a limit of what is counted below */
}

static void start_hpet(struct machine *m)
{
	space_write(&m->mem, HPET + 0x10, 8, 3);
	space_write(&m->mem, HPET + 0x100, 8, 0x4c);
	space_write(&m->mem, HPET + 0x108, 8, space_read(&m->mem, HPET + 0xf0, 8) + PERIOD / 10);
	space_write(&m->mem, HPET + 0x108, 8, PERIOD / 10);
	board_step(m, PERIOD / 2);
}

/* A guest that takes each interrupt at once, looked at for ns: how many it saw. */
static unsigned watch(struct machine *m, int (*take)(struct machine *), int64_t ns)
{
	unsigned seen = 0;

	for (int64_t t = 0; t < ns; t += PERIOD / 20) {
		board_step(m, PERIOD / 20);
		while (take(m) >= 0)
			seen++;
	}
	return seen;
}


/* Late by five periods: the edges come one by one, none before the former was taken, and all within two periods more. */
static void five(struct machine *m, int (*take)(struct machine *))
{
	assert_int_equal(watch(m, take, 10 * PERIOD), 10);
	late(m, 5 * PERIOD);
	board_step(m, 2 * PERIOD);                              /* nobody takes the first, so the others wait */
	assert_true(take(m) >= 0);
	assert_int_equal(take(m), -1);
	assert_int_equal(watch(m, take, 10 * PERIOD), 5 + 2 + 10 - 1);
	assert_int_equal(watch(m, take, 10 * PERIOD), 10);
}

static void pit_by_pic(void **state)
{
	for (unsigned mode = 2; mode <= 3; mode++) {
		struct machine *m = board_new("-m 16");
		init_pic(m, 0xfe);
		start_pit(m, mode);
		while (take_pic(m) >= 0)
			;
		five(m, take_pic);
		board_free(m);
	}
}

static void pit_by_apic(void **state)
{
	struct machine *m = board_new("-m 16");

	init_apic(m);
	start_pit(m, 2);
	while (take_apic(m) >= 0)
		;
	five(m, take_apic);
	board_free(m);
}

static void hpet(void **state)
{
	struct machine *m = board_new("-m 16");

	init_apic(m);
	start_hpet(m);
	five(m, take_apic);
	space_write(&m->mem, HPET + 0x10, 8, 0);
	init_pic(m, 0xfe);
	poke32(m, 0xfec00010, 0x10000);
	start_hpet(m);
	five(m, take_pic);
	board_free(m);
}

/* More than the bound is forgotten, and all of it while nobody listens. */
static void bounded(void **state)
{
	struct machine *m = board_new("-m 16");

	init_pic(m, 0xfe);
	start_pit(m, 2);
	watch(m, take_pic, PERIOD);
	late(m, INT64_C(100000) * PERIOD);
	assert_in_range(watch(m, take_pic, 200 * PERIOD), LOST_TICKS_MAX + 199, LOST_TICKS_MAX + 201);
	late(m, 100 * PERIOD);
	out8(m, 0x21, 0xff);
	board_step(m, PERIOD);
	out8(m, 0x21, 0xfe);
	assert_in_range(watch(m, take_pic, 10 * PERIOD), 10, 12);
	/* A new count: what was owed belongs to the old one. */
	late(m, 100 * PERIOD);
	start_pit(m, 2);
	while (take_pic(m) >= 0)
		;
	assert_int_equal(watch(m, take_pic, 10 * PERIOD), 10);
	board_free(m);
}

/* No saved state owes more than can come about. */
static void bounded_in_saved_state(void **state)
{
	static const char name[] = "\4owed";
	static int (*const takes[])(struct machine *) = { take_pic, take_apic };
	struct error err = { "" };

	for (int hpet = 0; hpet < 2; hpet++) {
		struct machine *m = board_new("-m 16");
		struct state_buf b = { 0 };
		if (hpet)
			init_apic(m), start_hpet(m);
		else
			init_pic(m, 0xfe), start_pit(m, 2);
		watch(m, takes[hpet], PERIOD);
		machine_save_devices(m, &b);
		unsigned found = 0;
		for (uint8_t *p = b.data; (p = memmem(p, (size_t)(b.data + b.len - p), name, sizeof name - 1)); found++) {
			p += sizeof name - 1 + 9;       /* type, count and length of the field */
			memset(p, 0xff, 4);
		}
		assert_true(found >= 3);                /* 8254, HPET, RTC */
		if (!machine_load_devices(m, &b, &err))
			fail_msg("%s", err.msg);
		assert_in_range(watch(m, takes[hpet], 200 * PERIOD), LOST_TICKS_MAX + 198, LOST_TICKS_MAX + 202);
		state_buf_free(&b);
		board_free(m);
	}
}

/* A guest that reads the counter while the loop is late does not lose what was due before. */
static void latched_meanwhile(void **state)
{
	struct machine *m = board_new("-m 16");

	init_pic(m, 0xfe);
	start_pit(m, 2);
	watch(m, take_pic, PERIOD);
	clock_set(&m->clock, clock_now(&m->clock) + 3 * PERIOD);
	out8(m, 0x43, 0);
	(void)in8(m, 0x40);
	(void)in8(m, 0x40);
	assert_int_equal(watch(m, take_pic, 2 * PERIOD), 5);
	board_free(m);
}

static void discarded(void **state)
{
	struct machine *m = board_new("-m 16 -global kvm-pit.lost_tick_policy=discard");
	struct error err;

	init_pic(m, 0xfe);
	start_pit(m, 2);
	watch(m, take_pic, PERIOD);
	late(m, 5 * PERIOD);
	assert_int_equal(watch(m, take_pic, 10 * PERIOD), 11);
	board_free(m);
	assert_non_null(strstr(board_error("-m 16 -global kvm-pit.lost_tick_policy=merge", &err), "lost_tick_policy"));
}

/* Saved in the middle. */
static void saved(void **state)
{
	struct machine *m = board_new("-m 16");

	init_pic(m, 0xfe);
	start_pit(m, 2);
	watch(m, take_pic, PERIOD);
	late(m, 5 * PERIOD);
	bench_save_load(board_device(m, "isa-pit"));
	assert_int_equal(watch(m, take_pic, 5 * PERIOD), 10);
	board_free(m);
}

/* ---- the RTC: 64 Hz; taken by reading register C ------------------------------------------------------------------------------------ */

#define RTC_PERIOD INT64_C(15625000)
static uint8_t rtc(struct machine *m, uint8_t reg) { out8(m, 0x70, reg); return in8(m, 0x71); }
static void set_rtc(struct machine *m, uint8_t reg, uint8_t v) { out8(m, 0x70, reg); out8(m, 0x71, v); }

static unsigned rtc_seen(const char *args, int64_t lateness, int64_t ns)
{
	struct machine *m = board_new(args);
	unsigned seen = 0;

	set_rtc(m, 0x0a, 0x2a);
	set_rtc(m, 0x0b, 0x42);
	rtc(m, 0x0c);
	late(m, lateness + RTC_PERIOD / 2);
	for (int64_t t = 0; t < ns; t += RTC_PERIOD / 5) {
		seen += (rtc(m, 0x0c) & 0xc0) == 0xc0;
		board_step(m, RTC_PERIOD / 5);
	}
	board_free(m);
	return seen;
}

static void rtc_slew(void **state)
{
	assert_int_equal(rtc_seen("-m 16 -rtc clock=vm,driftfix=slew", 5 * RTC_PERIOD, 10 * RTC_PERIOD), 15);
	assert_int_equal(rtc_seen("-m 16 -global mc146818rtc.lost_tick_policy=slew", 5 * RTC_PERIOD, 10 * RTC_PERIOD), 15);
	assert_int_equal(rtc_seen("-m 16 -rtc driftfix=none", 5 * RTC_PERIOD, 10 * RTC_PERIOD), 11);
	assert_in_range(rtc_seen("-m 16 -rtc driftfix=slew", 5000 * RTC_PERIOD, 400 * RTC_PERIOD), LOST_TICKS_MAX + 399, LOST_TICKS_MAX + 401);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(pit_by_pic), cmocka_unit_test(pit_by_apic), cmocka_unit_test(hpet), cmocka_unit_test(bounded), cmocka_unit_test(bounded_in_saved_state),
		cmocka_unit_test(latched_meanwhile), cmocka_unit_test(discarded), cmocka_unit_test(saved), cmocka_unit_test(rtc_slew) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
