/* test_vgatext.c - VGA text whole: a boot sector (boot/vgatext.S) writes all characters and attributes in every text mode; each cell of the terminal
 * is compared with what it should be. */
#include "tests/guest/guest.h"
#include "tui/cp437.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <cmocka.h>

struct want { unsigned cols, rows, step; bool bright, font; char why[200]; };

static uint32_t colour(unsigned n)
{
	unsigned level = n & 8 ? 0x55 : 0, r = level + (n & 4 ? 0xaa : 0), g = level + (n & 2 ? 0xaa : 0), b = level + (n & 1 ? 0xaa : 0);
	if (n == 6)
		g = 0x55;               /* brown */
	return r << 16 | g << 8 | b;
}

/* The DAC has six bits a colour. */
static bool close_to(uint32_t a, uint32_t b)
{
	for (unsigned shift = 0; shift < 24; shift += 8)
		if (abs((int)(a >> shift & 0xff) - (int)(b >> shift & 0xff)) > 4)
			return false;
	return true;
}

static bool cell_right(struct ptyrun *p, struct want *w, unsigned i)
{
	struct ptyrun_cell c;
	unsigned x = i % w->cols, y = i / w->cols, ch = i ? i & 0xff : '0' + w->step, attr = i ? (i + (i >> 8) * 17) & 0xff : 7;
	uint32_t want = cp437_to_unicode((uint8_t)ch);
	if (w->font && (ch == 'A' || ch == 'B'))
		want = cp437_to_unicode((uint8_t)(0x82 + ch - 'A'));
	unsigned bg = w->bright ? attr >> 4 : attr >> 4 & 7;
	bool blink = !w->bright && attr & 0x80;
	if (!ptyrun_cell(p, x, y, &c))
		return false;
	bool same = c.ch == want && close_to(c.bg, colour(bg)) && (want == ' ' || close_to(c.fg, colour(attr & 15))) && (want == ' ' || c.blink == blink);
	if (!same)
		snprintf(w->why, sizeof w->why, "step %u, cell %u,%u: U+%04X %06x on %06x%s, not U+%04X %06x on %06x%s", w->step, x, y, c.ch, c.fg, c.bg, c.blink ? " blink" : "", want,
			 colour(attr & 15), colour(bg), blink ? " blink" : "");
	return same;
}

static bool all_right(struct ptyrun *p, void *arg)
{
	struct want *w = arg;
	for (unsigned i = 0; i < w->cols * w->rows; i++)
		if (!cell_right(p, w, i))
			return false;
	return true;
}

static void every_mode(void **state)
{
	static struct want steps[] = {
		{ .cols = 80, .rows = 25, .step = 0 }, { .cols = 40, .rows = 25, .step = 1 }, { .cols = 80, .rows = 50, .step = 2 }, { .cols = 80, .rows = 43, .step = 3 },
		{ .cols = 132, .rows = 25, .step = 4 }, { .cols = 80, .rows = 25, .step = 5, .font = true }, { .cols = 80, .rows = 25, .step = 6, .bright = true, .font = true },
	};
	static const char *const env[] = { "COLORTERM=truecolor", NULL };
	const struct ptyrun_options o = { .cols = 140, .rows = 52, .env = env };
	char *argv[] = { getenv("VMUX") ? getenv("VMUX") : (char *)"build/vmux", "-m", "16", "-drive", "file=build/guest-boot/vgatext.img,format=raw,if=ide,snapshot=on", NULL };
	struct ptyrun *p = ptyrun_start(&o, argv);
	assert_non_null(p);
	for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
		if (!ptyrun_until(p, all_right, &steps[i], i ? SHORT_MS : BOOT_MS, "all characters and attributes")) {
			ptyrun_free(p);
			fail_msg("%s", steps[i].why);
		}
		ptyrun_send(p, " ");
	}
	ptyrun_send(p, "\001x");
	EXPECT_EXIT(p, SHORT_MS);
	ptyrun_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_mode) };
	return cmocka_run_group_tests_name("vgatext", tests, NULL, NULL);
}
