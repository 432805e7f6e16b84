/* test_piix4_pm.c - ACPI power management: timer, events, power button, soft-off, APM port, SMBus. */
#include "tests/dev/board.h"

enum { PM = DEVFN(1, 3), BASE = 0x600, STS = BASE, EN = BASE + 2, CNT = BASE + 4, TMR = BASE + 8, SMB = 0x700 };
enum { TMR_BIT = 1, PWRBTN = 0x100, SCI_BIT = 0x02 /* interrupt 9 at the slave */ };

static struct machine *pm_new(void)
{
	struct machine *m = board_new("-m 16");

	cfg_write(m, PM, 0x40, 4, BASE | 1);
	cfg_write(m, PM, 0x80, 1, 1);
	out8(m, 0x4d1, 0x02);           /* SCI is a level */
	out8(m, 0xa0, 0x0a);
	out8(m, 0xb2, 0xf1);
	return m;
}

static void timer(void **state)
{
	struct machine *m = pm_new();
	uint32_t before = in32(m, TMR);

	board_step(m, NS_PER_SEC);
	assert_in_range((in32(m, TMR) - before) & 0xffffff, 3579544, 3579546);
	assert_int_equal(in32(m, TMR) >> 24, 0);
	assert_int_equal(clock_deadline(&m->clock) == NO_DEADLINE, true);       /* nobody wants to be told */
	out16(m, EN, TMR_BIT);
	board_step(m, 3 * NS_PER_SEC);
	assert_int_equal(in16(m, STS) & TMR_BIT, TMR_BIT);
	assert_int_equal(in8(m, 0xa0), SCI_BIT);
	out16(m, STS, TMR_BIT);
	assert_int_equal(in8(m, 0xa0), 0);
	board_step(m, 2400 * NS_PER_SEC / 1000);                                /* 2^23 ticks = 2.343 s */
	assert_int_equal(in8(m, 0xa0), SCI_BIT);
	out16(m, EN, 0);
	assert_int_equal(in8(m, 0xa0), 0);
	board_free(m);
}

static void power_button(void **state)
{
	struct machine *m = pm_new();

	machine_request_powerdown(m);
	assert_int_equal(in8(m, 0xa0), 0);
	assert_int_equal(in16(m, STS), PWRBTN);
	out16(m, EN, PWRBTN);
	assert_int_equal(in8(m, 0xa0), SCI_BIT);
	out8(m, STS + 1, PWRBTN >> 8);
	assert_int_equal(in16(m, STS), 0);
	assert_int_equal(in8(m, 0xa0), 0);
	board_free(m);
}

static void acpi_enable(void **state)
{
	struct machine *m = pm_new();

	assert_int_equal(in16(m, CNT) & 1, 1);
	out8(m, 0xb2, 0xf0);
	assert_int_equal(in16(m, CNT) & 1, 0);
	out8(m, 0xb3, 0x5a);
	assert_int_equal(in8(m, 0xb3), 0x5a);
	assert_int_equal(in8(m, 0xb2), 0xf0);
	board_free(m);
}

static void soft_off(void **state)
{
	struct machine *m = pm_new();

	out16(m, CNT, 0x0401);
	assert_int_equal(in16(m, CNT), 0x0401);
	out16(m, CNT, 0x2401);          /* a sleep state there is not */
	assert_int_not_equal(m->cause, SHUTDOWN_GUEST_SHUTDOWN);
	assert_int_equal(in16(m, CNT) & 0x2000, 0);
	out16(m, CNT, 0x2001);
	assert_int_equal(m->cause, SHUTDOWN_GUEST_SHUTDOWN);
	board_free(m);
}

static void general_purpose_events(void **state)
{
	struct machine *m = board_new("-m 16");

	out8(m, 0xafe2, 0xff);
	assert_int_equal(in32(m, 0xafe0), 0x00ff0000);
	board_free(m);
}

static void ports_move(void **state)
{
	struct machine *m = pm_new();

	cfg_write(m, PM, 0x40, 4, 0xb001);
	assert_null(space_find(&m->io, TMR));
	assert_non_null(space_find(&m->io, 0xb008));
	cfg_write(m, PM, 0x80, 1, 0);
	assert_null(space_find(&m->io, 0xb008));
	board_free(m);
}

/* Write a byte of an EEPROM and read it back, by byte, word and block; nobody at another address. */
static void smbus(void **state)
{
	struct machine *m = board_new("-m 16");

	out8(m, SMB + 4, 0xa2);         /* address 51h, write */
	out8(m, SMB + 3, 0x10);
	out8(m, SMB + 5, 0x5a);
	out8(m, SMB + 2, 0x48);
	assert_int_equal(in8(m, SMB), 0x02);
	out8(m, SMB, 0xff);
	out8(m, SMB + 4, 0xa3);
	out8(m, SMB + 5, 0);
	out8(m, SMB + 2, 0x48);
	assert_int_equal(in8(m, SMB + 5), 0x5a);
	out8(m, SMB + 3, 0x0f);
	out8(m, SMB + 2, 0x4c);
	assert_int_equal(in8(m, SMB + 6), 0x5a);
	out8(m, SMB + 2, 0x54);
	in8(m, SMB + 2);
	assert_int_equal(in8(m, SMB + 7), 0);
	assert_int_equal(in8(m, SMB + 7), 0x5a);
	out8(m, SMB, 0xff);
	out8(m, SMB + 4, 0x41);
	out8(m, SMB + 2, 0x48);
	assert_int_equal(in8(m, SMB), 0x04);
	board_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(timer), cmocka_unit_test(power_button), cmocka_unit_test(acpi_enable),
		cmocka_unit_test(soft_off), cmocka_unit_test(general_purpose_events), cmocka_unit_test(ports_move), cmocka_unit_test(smbus) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
