/* test_mc146818.c - clock and CMOS: time, formats, update cycle, alarm, periodic interrupt. */
#include "devices/chipset/mc146818.h"
#include "tests/dev/bench.h"

enum { SEC = 0, SEC_ALARM, MIN, MIN_ALARM, HOUR, HOUR_ALARM, WDAY, MDAY, MONTH, YEAR, A, B, C, D, CENTURY = 0x32 };
enum { UF = 0x10, AF = 0x20, PF = 0x40, IRQF = 0x80, IRQ = 8 };
#define MS INT64_C(1000000)

static uint8_t get(struct bench *b, uint8_t reg) { outb(b, 0x70, reg); return inb(b, 0x71); }
static void put(struct bench *b, uint8_t reg, uint8_t v) { outb(b, 0x70, reg); outb(b, 0x71, v); }

static struct bench *rtc_new(const char *date)
{
	struct bench *b = bench_new();

	b->m->opt->rtc_base = RTC_DATE;
	b->m->opt->rtc_date = strdup(date);
	bench_device(b, "mc146818rtc", NULL);
	return b;
}

static void expect_time(struct bench *b, const uint8_t (*want)[2], size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(get(b, want[i][0]), want[i][1]);
}
#define EXPECT(b, ...) do { static const uint8_t w_[][2] = { __VA_ARGS__ }; expect_time(b, w_, sizeof w_ / 2); } while (0)

/* BCD and 24 hours after power-on; the year turns over with the second. */
static void date_and_rollover(void **state)
{
	struct bench *b = rtc_new("2019-12-31T23:59:58");

	EXPECT(b, { SEC, 0x58 }, { MIN, 0x59 }, { HOUR, 0x23 }, { MDAY, 0x31 }, { MONTH, 0x12 }, { YEAR, 0x19 }, { CENTURY, 0x20 }, { WDAY, 3 });
	step(b, 2 * NS_PER_SEC);
	EXPECT(b, { SEC, 0 }, { MIN, 0 }, { HOUR, 0 }, { MDAY, 1 }, { MONTH, 1 }, { YEAR, 0x20 }, { CENTURY, 0x20 }, { WDAY, 4 }, { 0x37, 0x20 });
	assert_int_equal(get(b, D), 0x80);
	assert_int_equal(inb(b, 0x70), 0xff);
	bench_free(b);
}

static void formats(void **state)
{
	struct bench *b = rtc_new("2020-02-29T13:05:09");

	put(b, B, 0x06);                /* binary, 24 hours */
	EXPECT(b, { HOUR, 13 }, { SEC, 9 }, { MDAY, 29 }, { YEAR, 20 });
	put(b, B, 0x04);                /* binary, 12 hours: bit 7 is PM */
	EXPECT(b, { HOUR, 0x81 });
	put(b, B, 0x00);
	EXPECT(b, { HOUR, 0x81 }, { MDAY, 0x29 });
	step(b, 11 * 3600 * NS_PER_SEC);
	EXPECT(b, { HOUR, 0x12 }, { MDAY, 0x01 }, { MONTH, 0x03 });     /* midnight is 12 AM */
	bench_free(b);
}

/* SET holds the registers still; they become the time when it is let go. */
static void setting(void **state)
{
	struct bench *b = rtc_new("2020-01-01");

	put(b, B, 0x82);
	step(b, 3 * NS_PER_SEC);
	assert_int_equal(get(b, SEC), 0);
	put(b, HOUR, 0x21);
	put(b, YEAR, 0x95);
	put(b, CENTURY, 0x19);
	put(b, WDAY, 5);
	put(b, B, 0x02);
	step(b, 1 * NS_PER_SEC);
	EXPECT(b, { SEC, 1 }, { HOUR, 0x21 }, { YEAR, 0x95 }, { CENTURY, 0x19 }, { WDAY, 5 });
	step(b, 24 * 3600 * NS_PER_SEC);
	EXPECT(b, { WDAY, 6 }, { MDAY, 2 });
	bench_free(b);
}

/* UIP is up for 2.2 ms before each second; the divider's reset makes the next one come after half a second. */
static void update_cycle(void **state)
{
	struct bench *b = rtc_new("2020-01-01");

	step(b, 500 * MS);
	assert_int_equal(get(b, A) & 0x80, 0);
	step(b, 498 * MS);
	assert_int_equal(get(b, A) & 0x80, 0x80);
	step(b, 2 * MS);
	assert_int_equal(get(b, A) & 0x80, 0);
	put(b, A, 0x76);
	step(b, 3 * NS_PER_SEC);
	assert_int_equal(get(b, SEC), 1);
	put(b, A, 0x26);
	step(b, 499 * MS);
	assert_int_equal(get(b, SEC), 1);
	step(b, 1 * MS);
	assert_int_equal(get(b, SEC), 2);
	bench_free(b);
}

static void update_interrupt(void **state)
{
	struct bench *b = rtc_new("2020-01-01");

	get(b, C);
	step(b, 2 * NS_PER_SEC);
	assert_int_equal(b->level[IRQ], 0);                     /* not enabled: a flag, no interrupt */
	assert_int_equal(get(b, C) & ~PF, UF);
	put(b, B, 0x12);
	step(b, NS_PER_SEC);
	assert_int_equal(b->level[IRQ], 1);
	assert_int_equal(get(b, C) & ~PF, IRQF | UF);
	assert_int_equal(b->level[IRQ], 0);
	assert_int_equal(get(b, C), 0);
	step(b, NS_PER_SEC);
	assert_int_equal(b->rises[IRQ], 2);
	bench_free(b);
}

static void alarm_interrupt(void **state)
{
	struct bench *b = rtc_new("2020-01-01T10:00:00");

	put(b, HOUR_ALARM, 0x10);
	put(b, MIN_ALARM, 0x02);
	put(b, SEC_ALARM, 0x03);
	put(b, B, 0x22);
	step(b, 122 * NS_PER_SEC);
	assert_int_equal(b->level[IRQ], 0);
	step(b, 1 * NS_PER_SEC);
	assert_int_equal(b->level[IRQ], 1);
	assert_int_equal(get(b, C) & (IRQF | AF), IRQF | AF);
	put(b, HOUR_ALARM, 0xff);                               /* any hour, any minute: once a minute */
	put(b, MIN_ALARM, 0xc0);
	step(b, 60 * NS_PER_SEC);
	assert_int_equal(get(b, C) & AF, AF);
	step(b, 59 * NS_PER_SEC);
	assert_int_equal(get(b, C) & AF, 0);
	put(b, MIN_ALARM, 0x77);                                /* no such minute */
	step(b, 2 * 3600 * NS_PER_SEC);
	assert_int_equal(get(b, C) & AF, 0);
	bench_free(b);
}

/* Nothing is armed while a flag waits to be read: the host sleeps. */
static void periodic_interrupt(void **state)
{
	struct bench *b = rtc_new("2020-01-01");

	put(b, A, 0x2f);                                        /* 2 Hz */
	put(b, B, 0x42);
	step(b, 499 * MS);
	assert_int_equal(b->level[IRQ], 0);
	step(b, 1 * MS);
	assert_int_equal(b->level[IRQ], 1);
	assert_int_equal(clock_deadline(&b->m->clock), NO_DEADLINE);
	assert_int_equal(get(b, C) & (IRQF | PF), IRQF | PF);
	put(b, A, 0x26);                                        /* 1024 Hz */
	unsigned before = b->rises[IRQ];
	for (int i = 0; i < 1024; i++) {
		step(b, NS_PER_SEC / 1024 + 1);
		get(b, C);
	}
	assert_in_range(b->rises[IRQ] - before, 1023, 1025);
	put(b, A, 0x20);                                        /* rate 0: off */
	get(b, C);
	step(b, NS_PER_SEC);
	assert_int_equal(get(b, C) & PF, 0);
	bench_free(b);
}

static void reset_keeps_time_and_ram(void **state)
{
	struct bench *b = rtc_new("2020-05-05T05:05:05");

	put(b, 0x40, 0xa5);
	put(b, B, 0x72);
	bench_reset(b->isa.children);
	assert_int_equal(get(b, B), 0x02);
	assert_int_equal(get(b, 0x40), 0xa5);
	assert_int_equal(get(b, HOUR), 0x05);
	bench_free(b);
}

static void saved_state(void **state)
{
	struct bench *b = rtc_new("2020-05-05T05:05:05");

	put(b, A, 0x2a);
	put(b, B, 0x72);
	put(b, WDAY, 1);
	step(b, 1234567890);
	bench_save_load_save(b->isa.children);
	assert_int_equal(get(b, SEC), 0x06);
	assert_int_equal(b->level[IRQ], 1);
	bench_free(b);
}

static void board_interface(void **state)
{
	struct bench *b = rtc_new("2020-05-05");
	struct device *d = b->isa.children;

	mc146818_set_cmos(d, 0x3d, 0x21);
	mc146818_set_cmos(d, SEC, 0x33);                        /* not CMOS: left alone */
	assert_int_equal(get(b, 0x3d), 0x21);
	assert_int_equal(get(b, SEC), 0);
	assert_false(mc146818_nmi_masked(d));
	outb(b, 0x70, 0x80 | 0x3d);
	assert_true(mc146818_nmi_masked(d));
	assert_int_equal(inb(b, 0x71), 0x21);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(date_and_rollover), cmocka_unit_test(formats), cmocka_unit_test(setting),
		cmocka_unit_test(update_cycle), cmocka_unit_test(update_interrupt), cmocka_unit_test(alarm_interrupt),
		cmocka_unit_test(periodic_interrupt), cmocka_unit_test(reset_keeps_time_and_ram), cmocka_unit_test(saved_state),
		cmocka_unit_test(board_interface) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
