/* test_tui_screen.c - frames of the screen writer, drawn by an independent terminal: random screens must come out cell for cell, with frames
 * left out, after resizes, on terminals of many kinds. */
#include "tui/curses.h"
#include "tui/colour.h"
#include "tui/cp437.h"
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vterm.h>
#include <cmocka.h>

struct bench {
	struct curses *c;
	struct grid g;
	VTerm *vt;
	VTermScreen *vts;
	bool cursor_visible, alternate, cursor_stays;  /* stays: a terminal that cannot hide it */
	unsigned seed;
};

static unsigned rnd(struct bench *b, unsigned n)
{
	b->seed = b->seed * 1103515245u + 12345u;
	return (b->seed >> 12) % n;
}

static int on_termprop(VTermProp prop, VTermValue *val, void *user)
{
	struct bench *b = user;
	if (prop == VTERM_PROP_CURSORVISIBLE)
		b->cursor_visible = val->boolean;
	if (prop == VTERM_PROP_ALTSCREEN)
		b->alternate = val->boolean;
	return 1;
}

static const VTermScreenCallbacks callbacks = { .settermprop = on_termprop };

static void open_bench(struct bench *b, struct curses_options o)
{
	struct error err;
	*b = (struct bench){ .seed = 1, .cursor_visible = true, .cursor_stays = !strcmp(o.term, "vt100") };
	b->c = curses_open(&o, &err);
	if (!b->c)
		fail_msg("%s", err.msg);
	grid_resize(&b->g, o.cols, o.rows);
	b->vt = vterm_new(o.rows, o.cols);
	vterm_set_utf8(b->vt, o.utf8);
	b->vts = vterm_obtain_screen(b->vt);
	vterm_screen_set_callbacks(b->vts, &callbacks, b);
	vterm_screen_enable_altscreen(b->vts, 1);
	vterm_screen_reset(b->vts, 1);
}

static void close_bench(struct bench *b)
{
	curses_close(b->c);
	grid_free(&b->g);
	vterm_free(b->vt);
}

static size_t frame(struct bench *b)
{
	size_t len;
	const void *bytes = curses_frame(b->c, &b->g, &len);
	if (len)
		vterm_input_write(b->vt, bytes, len);
	return len;
}

static void change_something(struct bench *b)
{
	static const uint32_t chars[] = { 'a', 'Z', ' ', '#', 0x2500, 0x2554, 0x2591, 0xe9, 0x263a, 0x2588, 0x4e2d, 0x1f600 };
	unsigned n = rnd(b, 4) ? rnd(b, 40) : rnd(b, 3000);
	for (unsigned i = 0; i < n; i++) {
		struct style s = { .fg = rnd(b, 2) ? COLOUR_DEFAULT : rnd(b, 2) ? COLOUR_PALETTE | rnd(b, 16) : rnd(b, 1u << 20) * 16 };
		s.bg = rnd(b, 2) ? COLOUR_DEFAULT : rnd(b, 2) ? COLOUR_PALETTE | rnd(b, 8) : rnd(b, 1u << 20) * 16;
		s.attrs = rnd(b, 3) ? 0 : 1u << rnd(b, 6);
		int x = (int)rnd(b, (unsigned)b->g.cols), y = (int)rnd(b, (unsigned)b->g.rows);
		unsigned pick = rnd(b, y == b->g.rows - 1 && x >= b->g.cols - 3 ? 10 : 12);     /* no wide ones near the corner: see curses.c */
		int w = grid_put(&b->g, x, y, b->g.cols, chars[pick], s);
		if (w == 1 && x + 1 < b->g.cols && !rnd(b, 20)) /* libvterm joins nothing to a character in the last column */
			grid_put(&b->g, x + 1, y, b->g.cols, 0x301, s);
	}
	if (!rnd(b, 3)) {               /* a screen that scrolls */
		size_t row = (size_t)b->g.cols * sizeof *b->g.cells;
		memmove(b->g.cells, b->g.cells + b->g.cols, row * (size_t)(b->g.rows - 1));
		grid_fill(&b->g, (struct rect){ 0, b->g.rows - 1, b->g.cols, 1 }, (struct style){ .fg = COLOUR_DEFAULT, .bg = COLOUR_DEFAULT });
	}
	b->g.cursor_on = rnd(b, 4) != 0;
	b->g.cursor_x = (int)rnd(b, (unsigned)b->g.cols);
	b->g.cursor_y = (int)rnd(b, (unsigned)b->g.rows);
	b->g.cursor_shape = (enum cursor_shape)rnd(b, 3);
	b->g.cursor_blinks = rnd(b, 2);
}

static bool colour_is(struct bench *b, uint32_t want, VTermColor got, bool fg)
{
	unsigned colours = curses_colours(b->c);
	bool is_default = fg ? VTERM_COLOR_IS_DEFAULT_FG(&got) : VTERM_COLOR_IS_DEFAULT_BG(&got);
	want = colour_reduce(want, colours);
	if (want & COLOUR_DEFAULT || !colours)
		return is_default;
	if (want & COLOUR_PALETTE)
		return VTERM_COLOR_IS_INDEXED(&got) && got.indexed.idx == (want & 0xff);
	return VTERM_COLOR_IS_RGB(&got) && ((uint32_t)got.rgb.red << 16 | (uint32_t)got.rgb.green << 8 | got.rgb.blue) == want;
}

static void compare(struct bench *b, bool utf8)
{
	VTermPos cursor;
	for (int y = 0; y < b->g.rows; y++)
		for (int x = 0; x < b->g.cols; x++) {
			VTermScreenCell got;
			VTermPos pos = { .row = y, .col = x };
			const struct cell *want = grid_at(&b->g, x, y);
			vterm_screen_get_cell(b->vts, pos, &got);
			if (want->ch == GRID_WIDE_TAIL) {
				if (utf8 && got.chars[0] != (uint32_t)-1)
					fail_msg("cell %d,%d, half of U+%04X, is U+%04X", x, y, want[-1].ch, got.chars[0]);
				continue;
			}
			uint32_t ch = got.chars[0] ? got.chars[0] : ' ';
			if (ch != want->ch && (utf8 || want->ch < 0x80))
				fail_msg("cell %d,%d is U+%04X, not U+%04X", x, y, ch, want->ch);
			if (utf8 && want->comb[0] && got.chars[1] != want->comb[0])
				fail_msg("cell %d,%d U+%04X U+%04X is U+%04X U+%04X", x, y, want->ch, want->comb[0], got.chars[0], got.chars[1]);
			/* On a blank a foreground shows nothing and terminals may keep any; reversed it does. */
			bool reverse = want->style.attrs & ATTR_REVERSE, blank = want->ch == ' ' && !(want->style.attrs & (ATTR_REVERSE | ATTR_UNDERLINE));
			if (curses_colours(b->c) >= 16) {
				if (!blank && !colour_is(b, want->style.fg, got.fg, true))
					fail_msg("cell %d,%d U+%04X has another foreground than %07x", x, y, ch, want->style.fg);
				if (!colour_is(b, want->style.bg, got.bg, false))
					fail_msg("cell %d,%d U+%04X has another background than %07x", x, y, ch, want->style.bg);
				if (!blank)
					assert_int_equal(got.attrs.bold, !!(want->style.attrs & ATTR_BOLD));
				if (got.attrs.reverse != reverse || got.attrs.underline != !!(want->style.attrs & ATTR_UNDERLINE))
					fail_msg("cell %d,%d U+%04X: reverse %d underline %d", x, y, want->ch, got.attrs.reverse, got.attrs.underline);
			}
		}
	vterm_state_get_cursorpos(vterm_obtain_state(b->vt), &cursor);
	assert_int_equal(b->cursor_visible, b->g.cursor_on || b->cursor_stays);
	if (b->g.cursor_on) {
		assert_int_equal(cursor.col, b->g.cursor_x);
		assert_int_equal(cursor.row, b->g.cursor_y);
	}
}

static void random_frames(struct curses_options o)
{
	struct bench b;
	open_bench(&b, o);
	for (unsigned i = 0; i < 120; i++) {
		for (unsigned skipped = rnd(&b, 3); skipped; skipped--)
			change_something(&b);           /* frames that a stalled terminal missed */
		change_something(&b);
		frame(&b);
		compare(&b, o.utf8);
		assert_int_equal(frame(&b), 0);         /* nothing new: not a byte */
		if (!rnd(&b, 15)) {
			int cols = 20 + (int)rnd(&b, 100), rows = 5 + (int)rnd(&b, 50);
			curses_resize(b.c, cols, rows);
			grid_resize(&b.g, cols, rows);
			vterm_set_size(b.vt, rows, cols);
			frame(&b);
			compare(&b, o.utf8);
		}
		if (!rnd(&b, 30)) {
			vterm_input_write(b.vt, "\033[2J\033[5;5Hgarbage", 18);
			curses_forget(b.c);
			frame(&b);
			compare(&b, o.utf8);
		}
	}
	close_bench(&b);
}

static void truecolour(void **state) { random_frames((struct curses_options){ "xterm-256color", 80, 25, true, false, true }); }
static void colours_256(void **state) { random_frames((struct curses_options){ "xterm-256color", 100, 30, false, false, true }); }
static void tmux_and_screen(void **state)
{
	random_frames((struct curses_options){ "tmux-256color", 80, 24, true, false, true });
	random_frames((struct curses_options){ "screen", 80, 24, false, false, true });
}
static void colours_8(void **state)
{
	random_frames((struct curses_options){ "xterm", 80, 25, false, false, true });
	random_frames((struct curses_options){ "linux", 80, 25, false, false, true });
}
static void one_colour(void **state)
{
	random_frames((struct curses_options){ "vt220", 80, 24, false, false, true });
	random_frames((struct curses_options){ "xterm-256color", 80, 24, true, true, true });
}

static void without_unicode(void **state)
{
	static const char *const terms[] = { "xterm-256color", "linux", "vt100", "screen" };
	setlocale(LC_ALL, "C");
	for (unsigned i = 0; i < sizeof terms / sizeof *terms; i++)
		random_frames((struct curses_options){ terms[i], 80, 25, false, false, false });
	/* The PC's whole character set, a column a character, whatever stands in for it. */
	struct bench b;
	open_bench(&b, (struct curses_options){ "xterm", 80, 25, false, false, false });
	for (unsigned i = 0; i < 256; i++) {
		grid_put(&b.g, (int)(i % 32) * 2, (int)(i / 32), 80, cp437_to_unicode((uint8_t)i), (struct style){ .fg = COLOUR_DEFAULT, .bg = COLOUR_DEFAULT });
		grid_put(&b.g, (int)(i % 32) * 2 + 1, (int)(i / 32), 80, '.', (struct style){ .fg = COLOUR_DEFAULT, .bg = COLOUR_DEFAULT });
	}
	frame(&b);
	for (unsigned i = 0; i < 256; i++) {
		VTermScreenCell got;
		vterm_screen_get_cell(b.vts, (VTermPos){ .row = (int)(i / 32), .col = (int)(i % 32) * 2 + 1 }, &got);
		assert_int_equal(got.chars[0], '.');
	}
	close_bench(&b);
	setlocale(LC_ALL, "C.UTF-8");
}

static void goodbye_leaves_nothing_behind(void **state)
{
	static const char *const terms[] = { "xterm-256color", "linux", "screen", "tmux-256color", "rxvt-unicode-256color" };
	for (unsigned i = 0; i < sizeof terms / sizeof *terms; i++) {
		struct bench b;
		VTermScreenCell got;
		VTermValue pen;
		open_bench(&b, (struct curses_options){ terms[i], 80, 25, false, false, true });
		vterm_input_write(b.vt, "before", 6);
		change_something(&b);
		b.g.cursor_on = false;
		frame(&b);
		assert_false(b.cursor_visible);
		const char *bye = curses_goodbye(b.c);
		vterm_input_write(b.vt, bye, strlen(bye));
		assert_true(b.cursor_visible);
		assert_false(b.alternate);
		vterm_state_get_penattr(vterm_obtain_state(b.vt), VTERM_ATTR_BOLD, &pen);
		assert_false(pen.boolean);
		vterm_state_get_penattr(vterm_obtain_state(b.vt), VTERM_ATTR_BACKGROUND, &pen);
		assert_true(VTERM_COLOR_IS_DEFAULT_BG(&pen.color));
		if (strcmp(terms[i], "linux")) {        /* has no other screen to go back from */
			vterm_screen_get_cell(b.vts, (VTermPos){ .row = 0, .col = 0 }, &got);
			assert_int_equal(got.chars[0], 'b');
		}
		close_bench(&b);
	}
}

static void unknown_terminals_are_refused(void **state)
{
	struct error err;
	assert_null(curses_open(&(struct curses_options){ "no-such-terminal", 80, 25, false, false, true }, &err));
	assert_non_null(strstr(err.msg, "\"no-such-terminal\" is unknown"));
	assert_null(curses_open(&(struct curses_options){ "dumb", 80, 25, false, false, true }, &err));
	assert_non_null(strstr(err.msg, "cannot place its cursor"));
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truecolour), cmocka_unit_test(colours_256), cmocka_unit_test(tmux_and_screen), cmocka_unit_test(colours_8),
		cmocka_unit_test(one_colour), cmocka_unit_test(without_unicode), cmocka_unit_test(goodbye_leaves_nothing_behind),
		cmocka_unit_test(unknown_terminals_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
