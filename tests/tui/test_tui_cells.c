/* test_tui_cells.c - cells, characters, colours, the scrollback ring. */
#include "tui/colour.h"
#include "tui/cp437.h"
#include "tui/fifo.h"
#include "tui/scrollback.h"
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void code_page_437(void **state)
{
	/* Corners of the set, and: no glyph twice (0, 32 and 255 are all blank). */
	static const struct { uint8_t glyph; uint32_t ch; } some[] = {
		{ 1, 0x263a }, { 3, 0x2665 }, { 27, 0x2190 }, { 31, 0x25bc }, { 'A', 'A' }, { 127, 0x2302 }, { 128, 0xc7 }, { 0x82, 0xe9 }, { 0x9b, 0xa2 },
		{ 0xb0, 0x2591 }, { 0xb3, 0x2502 }, { 0xc4, 0x2500 }, { 0xcd, 0x2550 }, { 0xda, 0x250c }, { 0xdb, 0x2588 }, { 0xe1, 0xdf }, { 0xfe, 0x25a0 },
	};
	for (unsigned i = 0; i < sizeof some / sizeof *some; i++)
		assert_int_equal(cp437_to_unicode(some[i].glyph), some[i].ch);
	for (unsigned a = 0; a < 256; a++) {
		uint32_t ch = cp437_to_unicode((uint8_t)a);
		assert_int_equal(char_width(ch), 1);
		char like = ascii_like(ch);
		if (like < 0x20 || like > 0x7e || (like == '?' && ch != '?' && ch != 0xbf))
			fail_msg("glyph %u, U+%04X has no look-alike", a, ch);
		for (unsigned b = a + 1; b < 255 && a; b++)
			if (a != 32)
				assert_int_not_equal(ch, cp437_to_unicode((uint8_t)b));
	}
	assert_int_equal(ascii_like(0x2500), '-');
	assert_int_equal(ascii_like(0x2551), '|');
	assert_int_equal(ascii_like(0x2554), '+');
	assert_int_equal(line_drawing_letter(0x2554), 'l');
	assert_int_equal(line_drawing_letter(0x253c), 'n');
	assert_int_equal(line_drawing_letter('A'), 0);
}

static void utf8_both_ways(void **state)
{
	for (uint32_t ch = 1; ch < 0x110000; ch += ch < 0x900 ? 1 : 97) {
		char buf[8];
		if (ch >= 0xd800 && ch < 0xe000)
			continue;
		int n = utf8_put(ch, buf);
		const char *p = buf;
		assert_int_equal(utf8_next(&p, buf + n), ch);
		assert_ptr_equal(p, buf + n);
		for (int cut = 1; cut < n; cut++) {
			p = buf;
			assert_int_equal(utf8_next(&p, buf + cut), 0xfffd);
		}
	}
	static const char *const bad[] = { "\x80", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xf4\x90\x80\x80" };
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		const char *p = bad[i];
		assert_int_equal(utf8_next(&p, bad[i] + strlen(bad[i])), 0xfffd);
		assert_ptr_equal(p, bad[i] + 1);
	}
}

static void grid_keeps_wide_characters_whole(void **state)
{
	struct grid g = { 0 };
	struct style s = { .fg = COLOUR_DEFAULT, .bg = COLOUR_DEFAULT };
	grid_resize(&g, 10, 2);
	assert_int_equal(grid_text(&g, 0, 0, 10, s, "a\xe4\xb8\xad" "b"), 4);
	assert_int_equal(grid_at(&g, 2, 0)->ch, GRID_WIDE_TAIL);
	grid_put(&g, 2, 0, 10, 'x', s);
	assert_int_equal(grid_at(&g, 1, 0)->ch, ' ');
	assert_int_equal(grid_put(&g, 9, 0, 10, 0x4e2d, s), 0);         /* no room for both halves */
	grid_text(&g, 0, 1, 10, s, "e\xcc\x81x");
	assert_int_equal(grid_at(&g, 0, 1)->comb[0], 0x301);
	assert_int_equal(grid_at(&g, 1, 1)->ch, 'x');
	assert_null(grid_at(&g, 10, 0));
	assert_null(grid_at(&g, 0, -1));
	grid_free(&g);
}

static void colours_come_near(void **state)
{
	static const uint32_t vga[16] = { 0x000000, 0x0000aa, 0x00aa00, 0x00aaaa, 0xaa0000, 0xaa00aa, 0xaa5500, 0xaaaaaa,
		0x555555, 0x5555ff, 0x55ff55, 0x55ffff, 0xff5555, 0xff55ff, 0xffff55, 0xffffff };
	static const uint8_t ansi[16] = { 0, 4, 2, 6, 1, 5, 3, 7, 8, 12, 10, 14, 9, 13, 11, 15 };
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(colour_reduce(vga[i], 16), COLOUR_PALETTE | ansi[i]);
		assert_int_equal(colour_reduce(vga[i], 1u << 24), vga[i]);
		assert_true((colour_reduce(vga[i], 256) & 0xff) >= 16);
		assert_true((colour_reduce(vga[i], 8) & 0xff) < 8);
	}
	assert_int_equal(colour_reduce(0xff0000, 256), COLOUR_PALETTE | 196);
	assert_int_equal(colour_reduce(COLOUR_PALETTE | 9, 8), COLOUR_PALETTE | 1);
	assert_int_equal(colour_reduce(COLOUR_PALETTE | 196, 16), COLOUR_PALETTE | 1);
	assert_int_equal(colour_reduce(COLOUR_DEFAULT, 8), COLOUR_DEFAULT);
	struct style m = style_mono((struct style){ .fg = 0x000000, .bg = 0xaaaaaa });
	assert_int_equal(m.attrs, ATTR_REVERSE);
	m = style_mono((struct style){ .fg = 0xffffff, .bg = 0x0000aa });
	assert_int_equal(m.attrs, ATTR_BOLD);
}

/* ---- scrollback ------------------------------------------------------------------------------------------------------------------- */

/* Line n of the test: text, styles, wide and combining characters depend on n. */
static unsigned make_line(uint64_t n, struct cell *c)
{
	static const uint32_t chars[] = { 'a', 0xe9, 0x20ac, 0x1f600, ' ', 0x4e2d };
	uint64_t r = n * 6364136223846793005u + 1442695040888963407u;
	unsigned len = (unsigned)(r >> 33) % 100, x = 0;
	while (x < len) {
		r = r * 6364136223846793005u + 1442695040888963407u;
		uint32_t ch = chars[(r >> 40) % 6];
		struct style s = { .fg = (r >> 20 & 7) ? COLOUR_DEFAULT : (uint32_t)(r >> 24 & 0xffffff), .bg = COLOUR_DEFAULT, .attrs = (r >> 50) % 9 ? 0 : ATTR_BOLD };
		c[x] = (struct cell){ .ch = ch, .style = s };
		if ((r >> 60) == 3)
			c[x].comb[0] = 0x301;
		x++;
		if (ch == 0x4e2d && x < len)
			c[x++] = (struct cell){ .ch = GRID_WIDE_TAIL, .style = s };
		else if (ch == 0x4e2d)
			c[x - 1].ch = 'z';
	}
	return len;
}

static void check_line(struct scrollback *s, size_t back, uint64_t n)
{
	struct cell want[128], got[128];
	unsigned len = make_line(n, want);
	for (unsigned i = len; i < 128; i++)
		want[i] = (struct cell){ .ch = ' ', .style = { .fg = COLOUR_DEFAULT, .bg = COLOUR_DEFAULT } };
	scrollback_get(s, back, got, 128);
	for (unsigned i = 0; i < 128; i++)
		if (!cell_equal(&want[i], &got[i]))
			fail_msg("line %llu, %zu back: cell %u is U+%04X, not U+%04X", (unsigned long long)n, back, i, got[i].ch, want[i].ch);
}

static void a_million_lines_in_a_budget(void **state)
{
	enum { LINES = 1000000, BUDGET = 300000 };
	struct scrollback *s = scrollback_new(BUDGET);
	struct cell line[128];
	for (uint64_t n = 0; n < LINES; n++) {
		unsigned len = make_line(n, line);
		scrollback_push(s, line, len);
		if (n % 4999 == 0 || n < 200) {         /* across every state of the ring's wrap-around */
			size_t kept = scrollback_lines(s);
			assert_true(kept >= 1 && kept <= n + 1);
			check_line(s, 0, n);
			check_line(s, kept - 1, n - (kept - 1));
			check_line(s, kept / 2, n - kept / 2);
		}
	}
	assert_true(scrollback_bytes(s) <= BUDGET);
	assert_true(scrollback_lines(s) > 500);
	assert_int_equal(scrollback_total(s), LINES);
	for (size_t back = 0; back < scrollback_lines(s); back++)
		check_line(s, back, LINES - 1 - back);
	scrollback_free(s);
}

static void lines_can_be_taken_back(void **state)
{
	struct scrollback *s = scrollback_new(20000);
	struct cell line[128];
	uint64_t n = 0;
	for (unsigned round = 0; round < 3000; round++) {
		for (unsigned i = 0; i < 1 + round % 70; i++, n++)
			scrollback_push(s, line, make_line(n, line));
		for (unsigned i = 0; i < round % 50 && scrollback_lines(s); i++, n--)
			scrollback_pop(s);
		if (scrollback_lines(s)) {
			check_line(s, 0, n - 1);
			check_line(s, scrollback_lines(s) - 1, n - scrollback_lines(s));
		}
	}
	scrollback_clear(s);
	assert_int_equal(scrollback_lines(s), 0);
	scrollback_pop(s);
	assert_int_equal(scrollback_get(s, 0, line, 128), 0);
	scrollback_free(s);
}

static void a_narrow_look_at_a_wide_line(void **state)
{
	struct scrollback *s = scrollback_new(20000);
	struct cell c[4] = { { .ch = 'a' }, { .ch = 0x4e2d }, { .ch = GRID_WIDE_TAIL }, { .ch = 'b' } }, got[2];
	scrollback_push(s, c, 4);
	assert_int_equal(scrollback_get(s, 0, got, 2), 4);
	assert_int_equal(got[0].ch, 'a');
	assert_int_equal(got[1].ch, ' ');
	scrollback_free(s);
}

static void queue_of_bytes(void **state)
{
	struct fifo f = { 0 };
	uint8_t in = 0, out = 0;
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t piece[100];
		unsigned n = i * 7 % 100;
		for (unsigned k = 0; k < n; k++)
			piece[k] = in++;
		assert_true(fifo_put(&f, piece, n));
		unsigned take = i * 13 % 110;
		if (take > f.len)
			take = (unsigned)f.len;
		for (unsigned k = 0; k < take; k++)
			assert_int_equal(fifo_head(&f)[k], out++);
		fifo_take(&f, take);
	}
	fifo_free(&f);
	uint8_t *big = calloc(1, FIFO_MAX);
	assert_true(fifo_put(&f, big, FIFO_MAX));
	assert_false(fifo_put(&f, big, 1));
	assert_int_equal(f.len, FIFO_MAX);
	fifo_free(&f);
	free(big);
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_page_437), cmocka_unit_test(utf8_both_ways), cmocka_unit_test(grid_keeps_wide_characters_whole),
		cmocka_unit_test(colours_come_near), cmocka_unit_test(a_million_lines_in_a_budget), cmocka_unit_test(lines_can_be_taken_back),
		cmocka_unit_test(a_narrow_look_at_a_wide_line), cmocka_unit_test(queue_of_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
