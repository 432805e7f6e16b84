/* test_i8042.c - keyboard controller, keyboard, mouse, and the queue in front of them. */
#include "core/machine/input.h"
#include "tests/dev/bench.h"

enum { DATA = 0x60, CMD = 0x64, OBF = 1, AUX = 0x20, GAP = 600000 };

static int setup(void **state)
{
	struct bench *b = bench_new();
	*state = b;
	bench_device(b, "i8042", NULL);
	return 0;
}

static int teardown(void **state)
{
	bench_free(*state);
	return 0;
}

static void cmd(struct bench *b, uint8_t c) { outb(b, CMD, c); }
static void cmd2(struct bench *b, uint8_t c, uint8_t d) { outb(b, CMD, c); outb(b, DATA, d); }

/* Everything that comes, in time. */
static unsigned drain(struct bench *b, uint8_t *buf, unsigned max)
{
	unsigned n = 0;
	for (int idle = 0; idle < 3 && n < max;) {
		if (inb(b, CMD) & OBF) {
			buf[n++] = inb(b, DATA);
			idle = 0;
		} else {
			step(b, GAP);
			idle++;
		}
	}
	return n;
}

static void expect_bytes(struct bench *b, const uint8_t *want, unsigned n, int line)
{
	uint8_t got[64];
	unsigned have = drain(b, got, sizeof got);
	for (unsigned i = 0; i < n && i < have; i++)
		if (got[i] != want[i])
			fail_msg("line %d: byte %u is %02x, not %02x", line, i, got[i], want[i]);
	if (have != n)
		fail_msg("line %d: %u bytes came, not %u", line, have, n);
}
#define EXPECT(b, ...) expect_bytes(b, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }), __LINE__)

static void controller_commands(void **state)
{
	struct bench *b = *state;
	assert_int_equal(inb(b, CMD), 0x10);
	cmd(b, 0xaa);
	assert_int_equal(inb(b, CMD), 0x1d);    /* output full, system flag, last write was a command */
	EXPECT(b, 0x55);
	cmd(b, 0xab); EXPECT(b, 0x00);
	cmd(b, 0xa9); EXPECT(b, 0x00);
	cmd(b, 0xa4); EXPECT(b, 0xf1);
	cmd2(b, 0x60, 0x65);
	cmd(b, 0x20); EXPECT(b, 0x65);
	cmd(b, 0xa7); cmd(b, 0xad); cmd(b, 0x20); EXPECT(b, 0x75);
	cmd(b, 0xa8); cmd(b, 0xae); cmd(b, 0x20); EXPECT(b, 0x45);
	cmd2(b, 0x65, 0x99); cmd(b, 0x25); EXPECT(b, 0x99);
	cmd(b, 0xc0); EXPECT(b, 0xa0);
	cmd2(b, 0xd2, 0x77); assert_int_equal(inb(b, CMD) & (OBF | AUX), OBF); EXPECT(b, 0x77);
	cmd2(b, 0xd3, 0x78); assert_int_equal(inb(b, CMD) & (OBF | AUX), OBF | AUX); EXPECT(b, 0x78);
	assert_int_equal(inb(b, DATA), 0x78);   /* an empty buffer still shows its last byte */
}

static void a20_and_reset(void **state)
{
	struct bench *b = *state;
	cmd2(b, 0xd1, 0xdd);
	assert_false(b->m->a20);
	cmd(b, 0xd0);
	EXPECT(b, 0xc1);
	cmd(b, 0xdf);
	assert_true(b->m->a20);
	assert_false(b->m->reset_wanted);
	cmd(b, 0xff);                           /* pulses nothing */
	assert_false(b->m->reset_wanted);
	cmd(b, 0xfe);
	assert_true(b->m->reset_wanted);
}

static void interrupts_wait_for_the_guest(void **state)
{
	struct bench *b = *state;
	cmd2(b, 0x60, 0x03);
	for (int i = 0; i < 20; i++)
		input_key(b->m, 0x1e, !(i & 1));
	assert_int_equal(b->level[1], 1);
	assert_int_equal(b->rises[1], 1);
	step(b, 100000000);
	assert_int_equal(b->rises[1], 1);       /* nothing overwrites a byte that was not read */
	assert_true(input_key_room(b->m) < 256);
	assert_int_equal(inb(b, DATA), 0x1c);
	assert_int_equal(b->level[1], 0);
	assert_int_equal(inb(b, DATA), 0x1c);   /* a second look finds the same byte */
	step(b, GAP);
	assert_int_equal(b->rises[1], 2);
	bench_save_load_save(b->isa.children);
}

static void keys_in_three_sets(void **state)
{
	struct bench *b = *state;
	cmd2(b, 0x60, 0x00);                    /* no translation: set 2 */
	input_key(b->m, 0x1e, true); input_key(b->m, 0x1e, false);
	EXPECT(b, 0x1c, 0xf0, 0x1c);
	input_key(b->m, 0x41, true); EXPECT(b, 0x83);
	input_key(b->m, 0xc8, true); input_key(b->m, 0xc8, false);
	EXPECT(b, 0xe0, 0x75, 0xe0, 0xf0, 0x75);
	input_key(b->m, 0xc6, true); input_key(b->m, 0xc6, false);
	EXPECT(b, 0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77);
	input_key(b->m, 0xb7, true); input_key(b->m, 0xb7, false);
	EXPECT(b, 0xe0, 0x12, 0xe0, 0x7c, 0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12);
	cmd2(b, 0x60, 0x40);                    /* translated: set 1 */
	input_key(b->m, 0x9d, true); input_key(b->m, 0x9d, false);
	EXPECT(b, 0xe0, 0x1d, 0xe0, 0x9d);
	input_key(b->m, 0xc6, true);
	EXPECT(b, 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5);
	input_key(b->m, 0x38, true); input_key(b->m, 0xb7, true); input_key(b->m, 0xb7, false); input_key(b->m, 0x38, false);
	EXPECT(b, 0x38, 0x54, 0xd4, 0xb8);      /* Alt-Print is SysRq */
	input_key(b->m, 0x1d, true); input_key(b->m, 0xc6, true); input_key(b->m, 0x1d, false);
	EXPECT(b, 0x1d, 0xe0, 0x46, 0xe0, 0xc6, 0x9d);
	input_key(b->m, 0x2a, true); input_key(b->m, 0xb7, true); input_key(b->m, 0x2a, false);
	EXPECT(b, 0x2a, 0xe0, 0x37, 0xaa);
	cmd2(b, 0x60, 0x00);
	outb(b, DATA, 0xf0); outb(b, DATA, 3); EXPECT(b, 0xfa, 0xfa);
	outb(b, DATA, 0xf0); outb(b, DATA, 0); EXPECT(b, 0xfa, 0xfa, 0x03);
	input_key(b->m, 0x1e, true); input_key(b->m, 0x1e, false); EXPECT(b, 0x1c);
	outb(b, DATA, 0xf8); EXPECT(b, 0xfa);
	input_key(b->m, 0xc8, true); input_key(b->m, 0xc8, false); EXPECT(b, 0x63, 0xf0, 0x63);
	outb(b, DATA, 0xf0); outb(b, DATA, 1); EXPECT(b, 0xfa, 0xfa);
	input_key(b->m, 0xd3, true); input_key(b->m, 0xd3, false); EXPECT(b, 0xe0, 0x53, 0xe0, 0xd3);
}

static void every_named_key_arrives(void **state)
{
	struct bench *b = *state;
	uint8_t got[64];
	cmd2(b, 0x60, 0x40);
	for (const struct key_name *k = key_names; k->name; k++) {
		if (k->qnum == 0xc6 || k->qnum == 0xb7)
			continue;
		input_key(b->m, k->qnum, true);
		unsigned n = drain(b, got, sizeof got), want = k->qnum & 0x80 ? 2 : 1;
		if (n != want || got[n - 1] != (k->qnum & 0x7f))
			fail_msg("key %s: %u bytes, last %02x", k->name, n, n ? got[n - 1] : 0);
		input_key(b->m, k->qnum, false);
		n = drain(b, got, sizeof got);
		if (n != want || got[n - 1] != (k->qnum | 0x80))
			fail_msg("release of key %s: %u bytes, last %02x", k->name, n, n ? got[n - 1] : 0);
	}
}

static void keyboard_commands(void **state)
{
	struct bench *b = *state;
	cmd2(b, 0x60, 0x40);
	outb(b, DATA, 0xff); EXPECT(b, 0xfa, 0xaa);
	outb(b, DATA, 0xee); EXPECT(b, 0xee);
	outb(b, DATA, 0xf2); EXPECT(b, 0xfa, 0xab, 0x41);
	outb(b, DATA, 0xfe); EXPECT(b, 0x41);
	outb(b, DATA, 0xed); EXPECT(b, 0xfa);
	outb(b, DATA, 0x06); EXPECT(b, 0xfa);
	assert_int_equal(input_leds(b->m), LED_CAPS | LED_NUM);
	outb(b, DATA, 0xf3); outb(b, DATA, 0x00); EXPECT(b, 0xfa, 0xfa);
	outb(b, DATA, 0x05); EXPECT(b, 0xfe);
	outb(b, DATA, 0xf5); EXPECT(b, 0xfa);
	input_key(b->m, 0x1e, true);
	assert_int_equal(inb(b, CMD) & OBF, 0);
	outb(b, DATA, 0xf4); EXPECT(b, 0xfa);
	input_key(b->m, 0x1e, true); EXPECT(b, 0x1e);
	outb(b, DATA, 0xff); EXPECT(b, 0xfa, 0xaa);
	assert_int_equal(input_leds(b->m), 0);
}

static void to_mouse(struct bench *b, uint8_t v) { cmd2(b, 0xd4, v); }

static void mouse_commands(void **state)
{
	struct bench *b = *state;
	cmd2(b, 0x60, 0x43);
	to_mouse(b, 0xff); EXPECT(b, 0xfa, 0xaa, 0x00);
	to_mouse(b, 0xf2); EXPECT(b, 0xfa, 0x00);
	to_mouse(b, 0xe8); to_mouse(b, 0x03); EXPECT(b, 0xfa, 0xfa);
	to_mouse(b, 0xf3); to_mouse(b, 40); EXPECT(b, 0xfa, 0xfa);
	to_mouse(b, 0xe7); EXPECT(b, 0xfa);
	to_mouse(b, 0xe9); EXPECT(b, 0xfa, 0x10, 0x03, 40);
	to_mouse(b, 0xf6); to_mouse(b, 0xe9); EXPECT(b, 0xfa, 0xfa, 0x00, 0x02, 100);
	to_mouse(b, 0xee); EXPECT(b, 0xfa);
	to_mouse(b, 0x42); EXPECT(b, 0x42);
	to_mouse(b, 0xec); EXPECT(b, 0xfa);
	input_mouse(b->m, 5, 5, 0, 0);          /* reporting is off */
	assert_int_equal(inb(b, CMD) & OBF, 0);
	to_mouse(b, 0xf0); EXPECT(b, 0xfa);
	input_mouse(b->m, 3, -2, 0, MOUSE_LEFT);
	to_mouse(b, 0xeb); EXPECT(b, 0xfa, 0x09, 3, 2);
	to_mouse(b, 0xe1); EXPECT(b, 0xfe);
}

static void mouse_packets(void **state)
{
	struct bench *b = *state;
	cmd2(b, 0x60, 0x43);
	to_mouse(b, 0xf4); EXPECT(b, 0xfa);
	input_mouse(b->m, 10, 20, 0, MOUSE_LEFT);
	assert_int_equal(b->level[12], 1);
	assert_int_equal(inb(b, CMD) & AUX, AUX);
	EXPECT(b, 0x29, 10, (uint8_t)-20);
	input_mouse(b->m, 600, 0, 0, 0);        /* more than a packet holds comes as several */
	EXPECT(b, 0x08, 255, 0, 0x08, 255, 0, 0x08, 90, 0);
	/* clicks while the host is slow are not lost, movement adds up */
	input_mouse(b->m, 1, 0, 0, 0);
	input_mouse(b->m, 1, 0, 0, 0);
	input_mouse(b->m, 1, 0, 0, 0);
	input_mouse(b->m, 0, 0, 0, MOUSE_RIGHT);
	input_mouse(b->m, 0, 0, 0, 0);
	EXPECT(b, 0x08, 1, 0, 0x08, 2, 0, 0x0a, 0, 0, 0x08, 0, 0);
	for (int i = 0; i < 100; i++)
		input_mouse(b->m, 1, 1, 0, i & 1);
	bench_save_load_save(b->isa.children);
}

static void wheel_and_five_buttons(void **state)
{
	struct bench *b = *state;
	static const uint8_t wheel[] = { 200, 100, 80 }, explorer[] = { 200, 200, 80 };
	cmd2(b, 0x60, 0x43);
	for (int i = 0; i < 3; i++) {
		to_mouse(b, 0xf3); to_mouse(b, wheel[i]); EXPECT(b, 0xfa, 0xfa);
	}
	to_mouse(b, 0xf2); EXPECT(b, 0xfa, 3);
	to_mouse(b, 0xf4); EXPECT(b, 0xfa);
	input_mouse(b->m, 0, 0, 1, 0);
	EXPECT(b, 0x08, 0, 0, 0xff);            /* wheel up is negative */
	for (int i = 0; i < 3; i++) {
		to_mouse(b, 0xf3); to_mouse(b, explorer[i]); EXPECT(b, 0xfa, 0xfa);
	}
	to_mouse(b, 0xf2); EXPECT(b, 0xfa, 4);
	input_mouse(b->m, 0, 0, -2, MOUSE_SIDE);
	EXPECT(b, 0x08, 0, 0, 0x12);
}

static void sendkey(void **state)
{
	struct bench *b = *state;
	struct error err;
	cmd2(b, 0x60, 0x40);
	assert_true(input_sendkey(b->m, "ctrl-alt-f1", 0, &err));
	assert_true(input_sendkey(b->m, "0x1e", 10, &err));
	uint8_t got[16];
	unsigned n = 0;
	int64_t released = 0;
	for (int i = 0; i < 400 && n < 8; i++) {
		step(b, 1000000);
		while (inb(b, CMD) & OBF) {
			got[n++] = inb(b, DATA);
			if (n == 4)
				released = clock_now(&b->m->clock);
		}
	}
	assert_memory_equal(got, "\x1d\x38\x3b\xbb\xb8\x9d\x1e\x9e", 8);
	assert_true(released >= 100000000 && released < 110000000);
	assert_false(input_sendkey(b->m, "ctrl-nosuch", 0, &err));
	assert_string_equal(err.msg, "invalid parameter: nosuch");
	assert_false(input_sendkey(b->m, "", 0, &err));
	assert_false(input_sendkey(b->m, "a-", 0, &err));
	assert_false(input_sendkey(b->m, "0x100", 0, &err));
	for (int i = 0; i < 2000; i++)
		input_sendkey(b->m, "a", 1, &err);
	assert_non_null(strstr(err.msg, "queue is full"));
}

static void typing_is_never_lost(void **state)
{
	struct bench *b = *state;
	unsigned sent = 0, got = 0;
	cmd2(b, 0x60, 0x40);
	while (got < 2000) {
		while (sent < 2000 && input_key_room(b->m)) {
			input_key(b->m, (uint8_t)(2 + sent / 2 % 50), !(sent & 1));
			sent++;
		}
		step(b, GAP);
		if (!(inb(b, CMD) & OBF))
			continue;
		assert_int_equal(inb(b, DATA), (2 + got / 2 % 50) | (got & 1 ? 0x80 : 0));
		got++;
	}
}

/* A byte of a key that waits when a command comes waits for the command's argument, too. */
static void nothing_before_the_argument(void **state)
{
	struct bench *b = *state;
	cmd2(b, 0x60, 0x43);
	input_key(b->m, 0x1e, true);
	input_key(b->m, 0x1e, false);
	assert_int_equal(inb(b, DATA), 0x1e);   /* the release waits for its time */
	outb(b, DATA, 0xed);
	EXPECT(b, 0xfa);
	outb(b, DATA, 0x04);
	EXPECT(b, 0xfa, 0x9e);
	/* a command in place of the argument ends the wait, too */
	input_key(b->m, 0x1e, true);
	input_key(b->m, 0x1e, false);
	assert_int_equal(inb(b, DATA), 0x1e);
	outb(b, DATA, 0xed);
	EXPECT(b, 0xfa);
	outb(b, DATA, 0xee);
	EXPECT(b, 0xee, 0x9e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(controller_commands, setup, teardown),
		cmocka_unit_test_setup_teardown(a20_and_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(interrupts_wait_for_the_guest, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_in_three_sets, setup, teardown),
		cmocka_unit_test_setup_teardown(every_named_key_arrives, setup, teardown),
		cmocka_unit_test_setup_teardown(keyboard_commands, setup, teardown),
		cmocka_unit_test_setup_teardown(mouse_commands, setup, teardown),
		cmocka_unit_test_setup_teardown(mouse_packets, setup, teardown),
		cmocka_unit_test_setup_teardown(wheel_and_five_buttons, setup, teardown),
		cmocka_unit_test_setup_teardown(sendkey, setup, teardown),
		cmocka_unit_test_setup_teardown(typing_is_never_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_before_the_argument, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
