/* test_i8254.c - interval timer in all modes, latching, read-back, gate of channel 2 through port 61h. */
#include "devices/chipset/i8254.h"
#include "tests/dev/bench.h"

struct rig { struct bench *b; struct device *pit; };

static struct rig rig_new(void)
{
	struct rig r = { .b = bench_new() };
	struct error err = { "" };

	r.pit = device_new(r.b->m, &i8254_desc, NULL, &err);
	i8254_set_out0(r.pit, r.b->m->isa_irq[0]);
	assert_true(device_realize(r.pit, &r.b->isa, &err));
	bench_reset(r.pit);
	struct device *spk = device_new(r.b->m, &pcspk_desc, NULL, &err);
	pcspk_set_pit(spk, r.pit);
	assert_true(device_realize(spk, &r.b->isa, &err));
	bench_reset(spk);
	return r;
}

/* Advance by n ticks of 1.193182 MHz. */
static void ticks(struct rig *r, uint64_t n)
{
	struct clock *k = &r->b->m->clock;
	uint64_t now = mul_div64((uint64_t)clock_now(k), 1193182, NS_PER_SEC) + n;
	clock_advance(k, (int64_t)mul_div64(now, NS_PER_SEC, 1193182) + 1);
}
static void program(struct rig *r, unsigned ch, unsigned mode, unsigned count)
{
	outb(r->b, 0x43, (uint8_t)(ch << 6 | 0x30 | mode << 1));
	outb(r->b, (uint16_t)(0x40 + ch), (uint8_t)count);
	outb(r->b, (uint16_t)(0x40 + ch), (uint8_t)(count >> 8));
}
static unsigned count(struct rig *r, unsigned ch)
{
	outb(r->b, 0x43, (uint8_t)(ch << 6));
	unsigned lo = inb(r->b, (uint16_t)(0x40 + ch));
	return lo | (unsigned)inb(r->b, (uint16_t)(0x40 + ch)) << 8;
}

static void mode0(void **state)
{
	struct rig r = rig_new();

	program(&r, 0, 0, 1000);
	assert_int_equal(r.b->level[0], 0);
	ticks(&r, 400);
	assert_int_equal(count(&r, 0), 600);
	ticks(&r, 600);
	assert_int_equal(r.b->level[0], 1);
	ticks(&r, 1);
	assert_int_equal(count(&r, 0), 0xffff);         /* it goes on counting */
	outb(r.b, 0x40, 10);                            /* the first byte of a new count brings OUT down */
	assert_int_equal(r.b->level[0], 0);
	outb(r.b, 0x40, 0);
	ticks(&r, 10);
	assert_int_equal(r.b->level[0], 1);
	bench_free(r.b);
}

static void mode1(void **state)
{
	struct rig r = rig_new();

	program(&r, 2, 1, 100);
	assert_true(i8254_out(r.pit, 2));
	ticks(&r, 500);
	assert_true(i8254_out(r.pit, 2));               /* waits for its gate */
	outb(r.b, 0x61, 1);
	assert_false(i8254_out(r.pit, 2));
	ticks(&r, 60);
	outb(r.b, 0x61, 0);
	outb(r.b, 0x61, 1);                             /* retriggered */
	ticks(&r, 60);
	assert_false(i8254_out(r.pit, 2));
	ticks(&r, 40);
	assert_true(i8254_out(r.pit, 2));
	bench_free(r.b);
}

static void mode2(void **state)
{
	struct rig r = rig_new();

	program(&r, 0, 2, 11932);                       /* 100 Hz */
	ticks(&r, 1);
	for (int i = 0; i < 100; i++)
		step(r.b, NS_PER_SEC / 100);
	assert_in_range(r.b->rises[0], 99, 101);
	program(&r, 0, 2, 10);
	ticks(&r, 3);
	assert_int_equal(count(&r, 0), 7);
	outb(r.b, 0x40, 20);                            /* used from the next cycle on */
	outb(r.b, 0x40, 0);
	ticks(&r, 6);
	assert_int_equal(count(&r, 0), 1);
	ticks(&r, 1);
	assert_int_equal(count(&r, 0), 20);
	bench_free(r.b);
}

static void mode3(void **state)
{
	struct rig r = rig_new();

	outb(r.b, 0x61, 1);
	program(&r, 2, 3, 8);
	for (int i = 0; i < 16; i++) {
		assert_int_equal(i8254_out(r.pit, 2), i % 8 < 4);
		assert_int_equal(count(&r, 2), 8 - 2 * (i % 4));
		ticks(&r, 1);
	}
	program(&r, 2, 3, 5);                           /* odd: one tick longer high */
	for (int i = 0; i < 10; i++) {
		assert_int_equal(i8254_out(r.pit, 2), i % 5 < 3);
		ticks(&r, 1);
	}
	outb(r.b, 0x61, 0);
	assert_true(i8254_out(r.pit, 2));               /* gate low: high at once */
	bench_free(r.b);
}

static void modes4and5(void **state)
{
	struct rig r = rig_new();

	program(&r, 0, 4, 50);
	assert_int_equal(r.b->level[0], 1);
	r.b->rises[0] = 0;
	ticks(&r, 200);
	assert_int_equal(r.b->rises[0], 1);             /* one strobe */
	program(&r, 2, 5, 50);
	ticks(&r, 200);
	outb(r.b, 0x61, 1);
	ticks(&r, 50);
	assert_false(i8254_out(r.pit, 2));
	ticks(&r, 1);
	assert_true(i8254_out(r.pit, 2));
	bench_free(r.b);
}

static void access_modes_and_bcd(void **state)
{
	struct rig r = rig_new();

	outb(r.b, 0x43, 0x54);                          /* channel 1, low byte, mode 2 */
	outb(r.b, 0x41, 18);
	ticks(&r, 4);
	assert_int_equal(inb(r.b, 0x41), 14);
	outb(r.b, 0x43, 0x64);                          /* high byte */
	outb(r.b, 0x41, 2);
	ticks(&r, 1);
	assert_int_equal(inb(r.b, 0x41), 1);
	outb(r.b, 0x43, 0x71);                          /* both, mode 0, BCD: 0 is 10000 */
	outb(r.b, 0x41, 0);
	outb(r.b, 0x41, 0);
	ticks(&r, 1);
	assert_int_equal(count(&r, 1), 0x9999);
	bench_free(r.b);
}

static void read_back(void **state)
{
	struct rig r = rig_new();

	program(&r, 0, 2, 1000);
	ticks(&r, 10);
	outb(r.b, 0x43, 0xc2);                          /* status and count of channel 0 */
	ticks(&r, 100);
	outb(r.b, 0x43, 0xc2);                          /* ignored: the latch is full */
	assert_int_equal(inb(r.b, 0x40), 0xb4);         /* OUT, not null, both bytes, mode 2 */
	unsigned lo = inb(r.b, 0x40);
	assert_int_equal(lo | (unsigned)inb(r.b, 0x40) << 8, 990);
	outb(r.b, 0x43, 0x34);
	outb(r.b, 0x43, 0xe2);                          /* status alone: no count yet */
	assert_int_equal(inb(r.b, 0x40), 0xf4);
	bench_free(r.b);
}

static void port61(void **state)
{
	struct rig r = rig_new();
	unsigned toggles = 0, last = inb(r.b, 0x61) & 0x10;

	for (int i = 0; i < 1000; i++) {
		step(r.b, 1000);
		unsigned now = inb(r.b, 0x61) & 0x10;
		toggles += now != last;
		last = now;
	}
	assert_in_range(toggles, 65, 67);               /* every 15.085 us */
	outb(r.b, 0x61, 0xff);
	assert_int_equal(inb(r.b, 0x61) & 0xcf, 0x0f);
	program(&r, 2, 0, 100);
	assert_int_equal(inb(r.b, 0x61) & 0x20, 0);
	ticks(&r, 100);
	assert_int_equal(inb(r.b, 0x61) & 0x20, 0x20);
	program(&r, 2, 0, 100);
	outb(r.b, 0x61, 0);                             /* mode 0: gate low holds the count */
	ticks(&r, 500);
	outb(r.b, 0x61, 1);
	assert_int_equal(count(&r, 2), 100);
	bench_free(r.b);
}

static void cut_off(void **state)
{
	struct rig r = rig_new();

	program(&r, 0, 3, 1000);
	assert_int_equal(r.b->level[0], 1);
	i8254_connect_out0(r.pit, false);
	assert_int_equal(r.b->level[0], 0);
	assert_int_equal(clock_deadline(&r.b->m->clock), NO_DEADLINE);
	i8254_connect_out0(r.pit, true);
	ticks(&r, 2000);
	assert_in_range(r.b->rises[0], 2, 4);
	bench_free(r.b);
}

static void saved_state(void **state)
{
	struct rig r = rig_new();

	program(&r, 0, 3, 5000);
	ticks(&r, 123);
	outb(r.b, 0x40, 9);
	outb(r.b, 0x40, 9);
	outb(r.b, 0x43, 0xc2);
	bench_save_load_save(r.pit);
	assert_true(timer_pending(r.b->m->clock.head));
	bench_free(r.b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(mode0), cmocka_unit_test(mode1), cmocka_unit_test(mode2), cmocka_unit_test(mode3),
		cmocka_unit_test(modes4and5), cmocka_unit_test(access_modes_and_bcd), cmocka_unit_test(read_back), cmocka_unit_test(port61),
		cmocka_unit_test(cut_off), cmocka_unit_test(saved_state) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
