/* test_apic_timer.c - the local APIC's timer by the rules of the SDM (volume 3, "APIC Timer"): rates, one-shot, periodic, TSC-deadline, masked. */
#include "tests/dev/apicrig.h"

static void divide_values(void **state)
{
	static const struct { uint32_t code; int64_t by; } row[] = { { 0, 2 }, { 1, 4 }, { 2, 8 }, { 3, 16 }, { 8, 32 }, { 9, 64 }, { 10, 128 }, { 11, 1 } };
	struct rig r;

	apicrig_on(&r, "-m 16", 1, false);
	set(&r, TIMER, 0x40);
	for (size_t n = 0; n < sizeof row / sizeof row[0]; n++) {
		set(&r, DIVIDE, row[n].code | 4);               /* bit 2 is reserved */
		assert_int_equal(get(&r, DIVIDE), row[n].code);
		set(&r, INITIAL, 1000);
		board_step(r.m, 400 * row[n].by);
		assert_int_equal(get(&r, CURRENT), 600);
		board_step(r.m, 600 * row[n].by - 1);
		assert_int_equal(r.intr[0], 0);
		assert_int_equal(get(&r, CURRENT), 1);
		board_step(r.m, 1);
		assert_int_equal(get(&r, CURRENT), 0);
		assert_int_equal(ack(&r, 0), 0x40);
		eoi(&r, 0);
	}
	/* a change under way: the count goes on at the new rate */
	set(&r, DIVIDE, 11);
	set(&r, INITIAL, 1000);
	board_step(r.m, 500);
	set(&r, DIVIDE, 0);
	board_step(r.m, 500);
	assert_int_equal(get(&r, CURRENT), 250);
	board_free(r.m);
}

/* One-shot: once.  0 as the initial count stops it; a new one starts over. */
static void one_shot(void **state)
{
	struct rig r;

	apicrig_on(&r, "-m 16", 1, false);
	set(&r, DIVIDE, 11);
	set(&r, TIMER, 0x40);
	set(&r, INITIAL, 1000);
	board_step(r.m, 900);
	set(&r, INITIAL, 1000);
	board_step(r.m, 900);
	assert_int_equal(r.intr[0], 0);
	board_step(r.m, 100);
	assert_int_equal(ack(&r, 0), 0x40);
	eoi(&r, 0);
	set(&r, INITIAL, 1000);
	set(&r, INITIAL, 0);
	assert_int_equal(get(&r, CURRENT), 0);
	board_step(r.m, 100000);
	assert_int_equal(r.intr[0], 0);
	/* masked at its end: lost; masked only until then: not */
	set(&r, TIMER, 0x10040);
	set(&r, INITIAL, 1000);
	board_step(r.m, 999);
	set(&r, TIMER, 0x41);
	board_step(r.m, 1);
	assert_int_equal(ack(&r, 0), 0x41);
	eoi(&r, 0);
	set(&r, INITIAL, 1000);
	board_step(r.m, 999);
	set(&r, TIMER, 0x10041);
	board_step(r.m, 1);
	set(&r, TIMER, 0x41);
	board_step(r.m, 100000);
	assert_int_equal(r.intr[0], 0);
	board_free(r.m);
}

static void periodic(void **state)
{
	struct rig r;

	apicrig_on(&r, "-m 16", 1, false);
	set(&r, DIVIDE, 11);
	set(&r, TIMER, 0x20040);
	set(&r, INITIAL, 100000);
	board_step(r.m, 150000);
	assert_int_equal(ack(&r, 0), 0x40);
	assert_int_equal(get(&r, CURRENT), 50000);
	board_step(r.m, 100000);
	assert_int_equal(get(&r, IRR + 0x20), 1);               /* the next one waits for the end of the first */
	eoi(&r, 0);
	assert_int_equal(ack(&r, 0), 0x40);
	eoi(&r, 0);
	set(&r, TIMER, 0x30040);                            /* masked: it runs on in its beat, and what passes is lost */
	board_step(r.m, 100000);
	set(&r, TIMER, 0x20041);
	assert_int_equal(r.intr[0], 0);
	assert_int_equal(get(&r, CURRENT), 50000);
	board_step(r.m, 50000);
	assert_int_equal(ack(&r, 0), 0x41);
	eoi(&r, 0);
	set(&r, INITIAL, 0);
	board_step(r.m, 1000000);
	assert_int_equal(r.intr[0], 0);
	board_free(r.m);
}

/* Without a CPU behind the APIC the counter is the clock. */
static void tsc_deadline(void **state)
{
	struct rig r;

	apicrig_on(&r, "-m 16", 1, true);
	uint64_t at = (uint64_t)clock_now(&r.m->clock) + 5000;
	wrmsr(&r, 0, X2_TIMER, 0x40);
	wrmsr(&r, 0, TSC_DEADLINE, at);                         /* ignored in the other ways, */
	assert_int_equal(rdmsr(&r, 0, TSC_DEADLINE), 0);
	wrmsr(&r, 0, X2_TIMER, 0x40040);
	wrmsr(&r, 0, X2_INITIAL, 1000);                         /* as the count is in this one */
	assert_int_equal(get_on(&r, 0, CURRENT), 0);
	wrmsr(&r, 0, TSC_DEADLINE, at);
	assert_int_equal(rdmsr(&r, 0, TSC_DEADLINE), at);
	board_step(r.m, 5000);
	assert_int_equal(rdmsr(&r, 0, TSC_DEADLINE), 0);
	assert_int_equal(ack(&r, 0), 0x40);
	wrmsr(&r, 0, X2_EOI, 0);
	board_step(r.m, 100000);
	assert_int_equal(r.intr[0], 0);
	/* 0 disarms */
	wrmsr(&r, 0, TSC_DEADLINE, (uint64_t)clock_now(&r.m->clock) + 5000);
	wrmsr(&r, 0, TSC_DEADLINE, 0);
	board_step(r.m, 100000);
	assert_int_equal(r.intr[0], 0);
	/* and so does leaving the mode */
	wrmsr(&r, 0, TSC_DEADLINE, (uint64_t)clock_now(&r.m->clock) + 5000);
	wrmsr(&r, 0, X2_TIMER, 0x40);
	wrmsr(&r, 0, X2_TIMER, 0x40040);
	assert_int_equal(rdmsr(&r, 0, TSC_DEADLINE), 0);
	board_step(r.m, 100000);
	assert_int_equal(r.intr[0], 0);
	/* masked when its time comes: over, and no interrupt later */
	wrmsr(&r, 0, X2_TIMER, 0x50040);
	wrmsr(&r, 0, TSC_DEADLINE, (uint64_t)clock_now(&r.m->clock) + 5000);
	board_step(r.m, 4999);
	assert_int_not_equal(rdmsr(&r, 0, TSC_DEADLINE), 0);
	board_step(r.m, 1);
	assert_int_equal(rdmsr(&r, 0, TSC_DEADLINE), 0);
	wrmsr(&r, 0, X2_TIMER, 0x40040);
	board_step(r.m, 100000);
	assert_int_equal(r.intr[0], 0);
	board_free(r.m);
}

/* A machine that is saved when a timer's time is over, but before anybody has looked: the interrupt comes after the load. */
static void saved_late(void **state)
{
	for (int deadline = 0; deadline < 2; deadline++) {
		struct rig r;
		struct state_buf b = { 0 };
		struct error err = { "" };

		apicrig_on(&r, "-m 16", 1, false);
		set(&r, DIVIDE, 11);
		set(&r, TIMER, deadline ? 0x40040 : 0x40);
		if (deadline)
			wrmsr(&r, 0, TSC_DEADLINE, (uint64_t)clock_now(&r.m->clock) + 1000);
		else
			set(&r, INITIAL, 1000);
		clock_set(&r.m->clock, clock_now(&r.m->clock) + 5000);
		machine_save_devices(r.m, &b);
		set(&r, TIMER, 0x10000);
		set(&r, INITIAL, 0);
		if (!machine_load_devices(r.m, &b, &err))
			fail_msg("%s", err.msg);
		board_step(r.m, 1);
		assert_int_equal(ack(&r, 0), 0x40);
		eoi(&r, 0);
		board_step(r.m, 100000);
		assert_int_equal(r.intr[0], 0);
		state_buf_free(&b);
		board_free(r.m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(divide_values), cmocka_unit_test(one_shot), cmocka_unit_test(periodic),
		cmocka_unit_test(tsc_deadline), cmocka_unit_test(saved_late) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
