/* test_graphics.c - graphics modes as characters: a picture as half blocks, sextants and ASCII, and framebuffer consoles read back as text. */
#include "tests/guest/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define INITRD GUESTS "demo.initrd"
enum { HALF_BLOCK = 0x2580 };
enum { RED = 0xaa0000, GREEN = 0x00aa00, BLUE = 0x0000aa, YELLOW = 0xffff55, WHITE = 0xffffff };

static struct ptyrun *start_true_colour(unsigned cols, unsigned rows, char *const argv[])
{
	static const char *const env[] = { "COLORTERM=truecolor", NULL };
	const struct ptyrun_options o = { .cols = cols, .rows = rows, .env = env };
	struct ptyrun *p = ptyrun_start(&o, argv);
	assert_non_null(p);
	return p;
}

struct wrong { char text[100]; };

static bool cell_shows(struct ptyrun *p, struct wrong *w, unsigned x, unsigned y, uint32_t ch, uint32_t fg, uint32_t bg)
{
	struct ptyrun_cell c;
	assert_true(ptyrun_cell(p, x, y, &c));
	bool same = (c.ch ? c.ch : ' ') == ch && (ch == ' ' || c.fg == fg) && c.bg == bg;
	if (!same)
		snprintf(w->text, sizeof w->text, "cell %u,%u is U+%04X %06x on %06x, not U+%04X %06x on %06x", x, y, c.ch, c.fg, c.bg, ch, fg, bg);
	return same;
}

static unsigned grey(unsigned n)
{
	static const uint8_t level[16] = { 0, 5, 8, 11, 14, 17, 20, 24, 28, 32, 36, 40, 45, 50, 56, 63 };       /* of the DAC as the BIOS sets it */
	unsigned v = (unsigned)level[n] << 2 | level[n] >> 4;
	return v << 16 | v << 8 | v;
}

/* 320x200, shown in the proportions of 4:3: on 80x31 (a line is the status line's) each half of a character stands for 4 by 3 1/3 pixels. */
static bool half_blocks(struct ptyrun *p, void *arg)
{
	struct wrong *w = arg;
	bool same = true;
	for (unsigned y = 0; y < 30 && same; y++)
		for (unsigned x = 0; x < 80 && same; x++) {
			uint32_t quarter = y < 15 ? (x < 40 ? RED : GREEN) : x < 40 ? BLUE : YELLOW;
			uint32_t edge = y < 15 ? (x < 40 ? 0xd47f7f : 0x7fd47f) : 0;    /* lines 6 to 9: two of the border, two of the quarter */
			if (x < 2 || x >= 78 || y == 0 || y == 29)
				same = cell_shows(p, w, x, y, ' ', 0, WHITE);
			else if (y >= 12 && y < 18 && x >= 8 && x < 72)
				same = cell_shows(p, w, x, y, ' ', 0, grey((x - 8) / 4));
			else if (y == 1)
				same = cell_shows(p, w, x, y, HALF_BLOCK, edge, quarter);
			else if (y == 28)       /* lines 186 to 189, all of the quarter; 190 to 192, one of the border */
				same = cell_shows(p, w, x, y, HALF_BLOCK, quarter, x < 40 ? 0x5555c6 : 0xffff8d);
			else
				same = cell_shows(p, w, x, y, ' ', 0, quarter);
		}
	return same;
}

static void expect_half_blocks(struct ptyrun *p)
{
	struct wrong w = { "" };
	if (!ptyrun_until(p, half_blocks, &w, SHORT_MS, "the picture in half blocks"))
		fail_msg("%s", w.text);
}

static bool cell_is(struct ptyrun *p, void *arg)
{
	const uint32_t *want = arg;
	struct ptyrun_cell c;
	return ptyrun_cell(p, want[0], want[1], &c) && (c.ch ? c.ch : ' ') == want[2] && c.fg == want[3] && c.bg == want[4];
}

#define UNTIL_CELL(p, ...) do { uint32_t want_[] = { __VA_ARGS__ }; \
	if (!ptyrun_until((p), cell_is, want_, SHORT_MS, #__VA_ARGS__)) { ptyrun_free(p); fail_msg("no such cell: %s", #__VA_ARGS__); } } while (0)

static bool blank_is(struct ptyrun *p, void *arg)
{
	const uint32_t *want = arg;
	return cell_shows(p, &(struct wrong){ "" }, want[0], want[1], ' ', 0, want[2]);
}

static void expect_blank(struct ptyrun *p, unsigned x, unsigned y, uint32_t bg)
{
	assert_true(ptyrun_until(p, blank_is, (uint32_t[]){ x, y, bg }, SHORT_MS, "a blank cell"));
}

static void picture_in_mode_13h(void **state)
{
	char *argv[] = { getenv("VMUX") ? getenv("VMUX") : (char *)"build/vmux", "-m", "16", "-drive", "file=build/guest-boot/mode13.img,format=raw,if=ide,snapshot=on",
		"-name", "picture", NULL };
	struct ptyrun *p = start_true_colour(80, 31, argv);
	UNTIL_CELL(p, 40, 28, HALF_BLOCK, YELLOW, 0xffff8d);    /* drawn to its end */
	expect_half_blocks(p);
	/* nothing moves, so nothing is sent */
	ptyrun_settle(p, 500);
	ptyrun_send(p, "\001g");                                /* half blocks, always */
	EXPECT(p, "graphics modes are shown as half blocks", SHORT_MS);
	expect_half_blocks(p);
	ptyrun_send(p, "\001g");
	UNTIL_CELL(p, 10, 1, 0x1fb02, WHITE, RED);              /* sextants 1 and 2: the border's last lines */
	expect_blank(p, 10, 5, RED);
	ptyrun_send(p, "\001g");
	UNTIL_CELL(p, 0, 0, '@', WHITE, 0);
	expect_blank(p, 8, 14, 0);                              /* black */
	ptyrun_send(p, "\001:set graphics auto\r");
	UNTIL_CELL(p, 40, 28, HALF_BLOCK, YELLOW, 0xffff8d);
	expect_half_blocks(p);
	ptyrun_send(p, "\001:set graphics crayon\r");
	EXPECT(p, "set graphics: .* is wanted", SHORT_MS);
	ptyrun_free(p);
}

static bool cursor_at(struct ptyrun *p, void *arg)
{
	const unsigned *want = arg;
	unsigned x, y;
	bool visible;
	ptyrun_cursor(p, &x, &y, &visible);
	return visible && x == want[0] && y == want[1];
}

/* Every printable ASCII character, typed out by the guest, in its place; colours; the cursor behind the prompt. */
static void expect_console(struct ptyrun *p)
{
	struct ptyrun_cell c;
	EXPECT(p, "vmux tty1#", BOOT_MS);
	ptyrun_send(p, "clear; for i in 2 3 4 5 6 7; do for j in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do printf \"\\\\x$i$j\"; done; done | tr -d '\\177'; echo; "
		       "printf '\\033[1;33;44mcolours\\033[0m\\n'; tty\r");
	EXPECT(p, "^ !\"#\\$%&'\\(\\)\\*\\+,-\\./0123456789:;<=>\\?@ABCDEFGHIJKLMNOPQRSTUVWXYZ\\[\\\\]\\^_`abcdefghijklmnopqrstuvwxyz\\{\\|}~$", SHORT_MS);
	EXPECT(p, "^colours\n/dev/tty1\nvmux tty1#", SHORT_MS);
	for (unsigned row = 0; row < 40; row++)
		if (!strcmp(ptyrun_row(p, row), "colours")) {
			assert_true(ptyrun_cell(p, 3, row, &c));
			assert_true((c.fg & 0xf8f8f8) == 0xf8f850 && (c.bg & 0xf8f8f8) == 0x0000a8);    /* 5 or 6 bits a colour are enough */
			assert_true(ptyrun_until(p, cursor_at, (unsigned[]){ (unsigned)strlen("vmux tty1# "), row + 2 }, SHORT_MS, "the cursor behind the prompt"));
			return;
		}
	fail_msg("no coloured line");
}

static void framebuffer_console(const char *append, bool bochs)
{
	char *argv[] = { getenv("VMUX") ? getenv("VMUX") : (char *)"build/vmux", "-m", "256", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", INITRD, "-append",
		(char *)append, NULL };
	guest_need(INITRD);
	struct ptyrun *p = start_true_colour(bochs ? 160 : 128, 51, argv);
	expect_console(p);
	ptyrun_send(p, "cat /sys/class/graphics/fb0/name; cat /sys/class/graphics/fb0/bits_per_pixel\r");
	EXPECT(p, bochs ? "^bochs-drmdrmfb\n32$" : "^VESA VGA\n", SHORT_MS);
	ptyrun_free(p);
}

static void vesa_16_bits(void **state) { framebuffer_console("quiet vga=791", false); }
static void vesa_8_bits(void **state) { framebuffer_console("quiet vga=773", false); }
static void vesa_small_font(void **state) { framebuffer_console("quiet vga=788 fbcon=font:VGA8x8", false); }
static void bochs_drm(void **state) { framebuffer_console("quiet demo.run=modprobe+bochs", true); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(picture_in_mode_13h), cmocka_unit_test(vesa_16_bits), cmocka_unit_test(vesa_8_bits), cmocka_unit_test(vesa_small_font),
		cmocka_unit_test(bochs_drm),
	};
	return cmocka_run_group_tests_name("graphics", tests, NULL, NULL);
}
