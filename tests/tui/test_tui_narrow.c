/* test_tui_narrow.c - what the last line and the pages keep when there is little room: the console that has the keys, the place, marks where something was cut. */
#include "tests/tui/station.h"
#include "tui/grid.h"
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const unsigned widths[] = { 20, 21, 26, 33, 40, 52, 67, 80, 100, 140 };
enum { WIDTHS = sizeof widths / sizeof *widths, ROWS = 6, CONSOLES = 7 };
static const char *const labels[CONSOLES] = { "VGA", "monitor", "serial0", "parallel0", "virtio-console-of-the-guest-agent", "sclp", "last" };

static struct station *start(const struct place *at, unsigned cols)
{
	char *argv[] = { (char *)at->program, "-name", "router", NULL };
	struct station *s = station_start(at, (struct ptyrun_options){ .cols = cols, .rows = ROWS }, argv);
	station_ask(s, "cursor 3 2 1 13 14");
	for (unsigned i = 4; i < CONSOLES; i++)
		station_ask(s, "add %s", labels[i]);
	return s;
}

/* The label in the last line, whole or cut; more: what else must be there. */
static void last_line(struct station *s, unsigned console, const char *more)
{
	char re[200];
	snprintf(re, sizeof re, "[^\n]*%u:(%s|%.2s[^ \n]*…)[^\n]*%s[^\n]*$", console + 1, labels[console], labels[console], more);
	SEES(s, re);
}

static void the_focus_is_always_there(void **state)
{
	for (unsigned w = 0; w < WIDTHS; w++) {
		struct station *s = start(*state, widths[w]);
		for (unsigned i = 0; i < CONSOLES; i++) {
			char key[3] = { '\001', (char)('1' + i) };
			ptyrun_send(s->p, key);
			last_line(s, i, "");
			ptyrun_send(s->p, "\001");
			last_line(s, i, " C-a-");
			ptyrun_send(s->p, "\001");               /* goes to the guest */
			assert_true(ptyrun_expect_gone(s->p, "C-a-", PTYRUN_MS));
			ptyrun_send(s->p, "\001Kcas");           /* sticky modifiers */
			last_line(s, i, " (CAS|Ctrl-Alt-Shift-)\\.\\.\\.");
			ptyrun_send(s->p, "\r");
			last_line(s, i, " (CAS|Ctrl-Alt-Shift-)\\+");
			ptyrun_send(s->p, "\001K\r");
			assert_true(ptyrun_expect_gone(s->p, "CAS|Shift-", PTYRUN_MS));
		}
		station_stop(s);
	}
}

static void the_place_is_always_there(void **state)
{
	for (unsigned w = 0; w < WIDTHS; w++) {
		struct station *s = start(*state, widths[w]);
		station_ask(s, "flood 3 120");
		ptyrun_send(s->p, "\0013");
		SEES(s, "^line 120 of the f");
		ptyrun_send(s->p, "\001/ine 1\\d of\r");
		last_line(s, 2, "10(/| of )10 *copy");
		ptyrun_send(s->p, "n");
		last_line(s, 2, "9(/| of )10 *copy");
		ptyrun_send(s->p, "q\001[");
		last_line(s, 2, "1[2-9][0-9](/| of )1[2-9][0-9] *copy");
		ptyrun_send(s->p, "q\033[1;5A\033[1;5A");
		last_line(s, 2, "(2 back of 1|-2/1)");
		station_stop(s);
	}
}

static void consoles_without_room_are_marked(void **state)
{
	struct station *s = start(*state, 52);
	ptyrun_send(s->p, "\0011");
	SEES(s, "^ running  router 1:VGA 2:monitor 3:serial0 >$");
	station_ask(s, "print 7 news");
	SEES(s, "3:serial0 >\\*$");
	ptyrun_send(s->p, "\0017");
	SEES(s, "^ running  router <  6:sclp 7:last$");
	station_ask(s, "print 2 news");
	SEES(s, "router <\\* 6:sclp 7:last$");
	ptyrun_send(s->p, "\001M\0336");                /* the mouse; a click on a console selects it, whatever is not shown */
	SEES(s, "\033?<\\* 6:sclp 7:last");
	unsigned x = (unsigned)(strstr(ptyrun_row(s->p, ROWS - 1), "7:last") - ptyrun_row(s->p, ROWS - 1));
	char click[40];
	snprintf(click, sizeof click, "\033[<0;%u;%uM\033[<0;%u;%um", x + 2, ROWS, x + 2, ROWS);
	ptyrun_send(s->p, click);
	struct ptyrun_cell c;
	for (int i = 0; i < PTYRUN_MS / 10; i++) {
		assert_true(ptyrun_cell(s->p, x, ROWS - 1, &c));
		if (c.bold)
			break;
		ptyrun_bytes_during(s->p, 10);
	}
	assert_true(c.bold);
	station_stop(s);
}

/* A message in several rows stays in one piece on a terminal that is larger than the workstation. */
static void a_long_message_on_a_larger_terminal(void **state)
{
	const struct place *at = *state;
	const char *env[] = { at->runtime, at->config, NULL };
	char *argv[] = { (char *)at->program, "attach", "router", NULL };
	struct station *s = start(at, 80);
	ptyrun_resize(s->p, 80, 24);
	struct ptyrun *p = ptyrun_start(&(struct ptyrun_options){ .cols = 30, .rows = 9, .env = env }, argv);
	assert_non_null(p);
	assert_true(ptyrun_expect(p, "fake VGA ready", PTYRUN_MS));
	ptyrun_send(p, "\001:layout v1(\r");
	assert_true(ptyrun_expect(p, "^\"v1\\(\" is not a layout: like\nv600\\(1,h500\\(3,2\\)\\), each\nconsole once, shares from 50\nto 950", PTYRUN_MS));
	SEES(s, "^\n\"v1\\(\" is not a layout: like\nv600\\(1,h500\\(3,2\\)\\), each\nconsole once, shares from 50\nto 950$");
	assert_non_null(strstr(ptyrun_row(s->p, 23), "to 950"));
	ptyrun_free(p);
	station_stop(s);
}

/* ---- cells alone ---------------------------------------------------------------------------------------------------------------------- */

static void row_is(struct grid *g, int y, const char *want)
{
	char text[400] = "";
	size_t at = 0;
	for (int x = 0; x < g->cols; x++)
		if (grid_at(g, x, y)->ch != GRID_WIDE_TAIL)
			at += (size_t)utf8_put(grid_at(g, x, y)->ch, text + at);
	while (at && text[at - 1] == ' ')
		at--;
	text[at] = 0;
	assert_string_equal(text, want);
}

static void text_is_cut_with_a_mark(void **state)
{
	static const struct { int limit; const char *text, *shown; } t[] = {
		{ 10, "exactly 10", "exactly 10" }, { 9, "exactly 10", "exactly …" }, { 1, "ab", "…" }, { 1, "a", "a" }, { 0, "ab", "" }, { 5, "日本語", "日本…" }, { 4, "日本語", "日…" },
		{ 6, "日本語", "日本語" }, { 3, "", "" },
	};
	static const struct style s = { COLOUR_DEFAULT, COLOUR_DEFAULT, 0 };
	struct grid g = { 0 };
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		grid_resize(&g, 12, 1);
		int end = grid_fit(&g, 0, 0, t[i].limit, s, t[i].text);
		assert_true(end <= t[i].limit);
		row_is(&g, 0, t[i].shown);
	}
	grid_resize(&g, 12, 1);
	g.ascii = true;
	grid_fit(&g, 0, 0, 9, s, "exactly 10");
	row_is(&g, 0, "exactly ~");
	grid_free(&g);
}

static void text_is_wrapped(void **state)
{
	static const struct { int width, most; const char *text, *row[4]; } t[] = {
		{ 10, 4, "one two three four", { "one two", "three four" } },
		{ 10, 4, "", { NULL } },
		{ 10, 4, "0123456789", { "0123456789" } },
		{ 10, 4, "0123456789abc", { "0123456789", "abc" } },
		{ 10, 2, "one two three four five", { "one two", "three fou…" } },
		{ 10, 2, "one two three four", { "one two", "three four" } },
		{ 10, 1, "one two three", { "one two t…" } },
		{ 4, 4, "日本語x", { "日本", "語x" } },
		{ 1, 3, "日本", { "", "" } },           /* no room for a character: on to the next */
	};
	static const struct style s = { COLOUR_DEFAULT, COLOUR_DEFAULT, 0 };
	struct grid g = { 0 };
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		int n = 0;
		while (n < 4 && t[i].row[n])
			n++;
		grid_resize(&g, 12, 4);
		assert_int_equal(grid_wrap(NULL, 0, 0, t[i].width, t[i].most, s, t[i].text), n);
		assert_int_equal(grid_wrap(&g, 0, 0, t[i].width, t[i].most, s, t[i].text), n);
		for (int y = 0; y < 4; y++)
			row_is(&g, y, y < n ? t[i].row[y] : "");
	}
	grid_free(&g);
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_cut_with_a_mark), cmocka_unit_test(text_is_wrapped), cmocka_unit_test(the_focus_is_always_there),
		cmocka_unit_test(the_place_is_always_there), cmocka_unit_test(consoles_without_room_are_marked),
		cmocka_unit_test(a_long_message_on_a_larger_terminal),
	};
	return cmocka_run_group_tests_name("narrow", tests, place_set_up, place_tear_down);
}
