/* test_tui_reflow.c - lines of a text console flow anew when its width changes: exactly those that were too long, and back again. */
#include "tests/tui/station.h"
#include "tui/rewrap.h"
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- which lines go on -------------------------------------------------------------------------------------------------------------- */

/* The lines that go on, by number; printed in pieces of every size.  (Nothing here moves the cursor to another row but what wraps.c counts.) */
static void go_on(const char *text, unsigned cols, const char *want)
{
	for (size_t step = 1; step <= strlen(text); step++) {
		struct wraps w = { .sure = true };
		char got[200] = "";
		uint64_t line = 0;
		for (size_t at = 0; at < strlen(text); at += step) {
			size_t n = strlen(text) - at < step ? strlen(text) - at : step;
			for (size_t done = 0; done < n; ) {
				size_t piece = wraps_piece(&w, (const uint8_t *)text + at + done, n - done, cols, line);
				line += w.delta;
				done += piece;
				if (done < n)
					wraps_note(&w, line, wraps_open_rows(&w));
			}
		}
		for (uint64_t i = 0; i <= line; i++)
			if (wraps_goes_on(&w, i))
				snprintf(got + strlen(got), sizeof got - strlen(got), "%d ", (int)i);
		if (strcmp(got, want))
			fail_msg("\"%s\" in pieces of %zu gave \"%s\", not \"%s\"", text, step, got, want);
		wraps_free(&w);
	}
}

static void lines_that_go_on(void **state)
{
	go_on("0123456789\r\nabc\r\n", 10, "");                        /* exactly full: does not go on */
	go_on("0123456789a\r\nabc\r\n", 10, "0 ");
	go_on("ab\r\n\r\n0123456789012345678901234\r\n0\r\n", 10, "2 3 ");
	go_on("\033[1;31m0123456789\033[0ma\r\n", 10, "0 ");
	go_on("01\t9ab\r\n", 10, "0 ");
	go_on("0123456789a\033[5Db\r\n0123456789a\r\n", 10, "2 ");    /* the first: who knows */
	go_on("0123456789a\rb\r\n", 10, "");
	go_on("01234567\xe4\xb8\xad" "9\xe4\xb8\xad\r\n", 10, "0 ");
	go_on("012345678\xe4\xb8\xad\r\n", 10, "0 ");               /* a wide one at the edge */
	go_on("caf\xc3\xa9 caf\xc3\xa9 x\r\n", 10, "0 ");
	go_on("10%\r20%\r30%\r\n0123456789a\r\r\n", 10, "1 ");
}

/* ---- the ring ------------------------------------------------------------------------------------------------------------------------ */

static void push(struct scrollback *s, const char *text)
{
	struct cell cells[200];
	unsigned n = 0;
	for (const char *p = text, *end = text + strlen(text); p < end; ) {
		uint32_t ch = utf8_next(&p, end);
		cells[n++] = (struct cell){ .ch = ch, .style = { COLOUR_DEFAULT, COLOUR_DEFAULT, 0 } };
		if (char_width(ch) == 2)
			cells[n++] = (struct cell){ .ch = GRID_WIDE_TAIL, .style = { COLOUR_DEFAULT, COLOUR_DEFAULT, 0 } };
	}
	scrollback_push(s, cells, n);
}

static void lines_are(struct scrollback *s, const char *want)
{
	char got[2000] = "";
	struct scrollback_walk w = scrollback_seek(s, 0);
	size_t n;
	for (const char *p; (p = scrollback_text(s, &w, &n)); )
		snprintf(got + strlen(got), sizeof got - strlen(got), "%.*s|", (int)n, p);
	assert_string_equal(got, want);
}

static void places_move_with_their_characters(void **state)
{
	struct scrollback *s = scrollback_new(1 << 20);
	struct wraps w = { .sure = true };
	struct linetimes t = { 0 };
	push(s, "abc");
	push(s, "0123456789");
	push(s, "abcde");
	push(s, "end");
	wraps_note(&w, 2, 2);                           /* 0 to e is one line */
	/* at 8, at d, behind the end of "end", and in the screen's second row */
	struct docplaces p = { .at = { { 1, 8 }, { 2, 3 }, { 3, 7 }, { 5, 2 } }, .n = 4 };
	rewrap(&s, 1 << 20, &w, &t, 10, 4, &p);         /* abc 0123 4567 89ab cde end */
	assert_int_equal(scrollback_total(s), 6);
	static const struct docpos narrow[] = { { 3, 0 }, { 4, 1 }, { 5, 7 }, { 7, 2 } };
	for (unsigned i = 0; i < 4; i++)
		assert_true(p.at[i].line == narrow[i].line && p.at[i].col == narrow[i].col);
	rewrap(&s, 1 << 20, &w, &t, 4, 80, &p);         /* the next line's number stays: abc is line 3 */
	assert_int_equal(scrollback_total(s), 6);
	static const struct docpos wide[] = { { 4, 8 }, { 4, 13 }, { 5, 7 }, { 7, 2 } };
	for (unsigned i = 0; i < 4; i++)
		assert_true(p.at[i].line == wide[i].line && p.at[i].col == wide[i].col);
	p = (struct docplaces){ .at = { { 1, 5 } }, .n = 1 };  /* gone long ago: the oldest there is */
	rewrap(&s, 1 << 20, &w, &t, 80, 40, &p);
	assert_int_equal(p.at[0].line, 3);
	scrollback_free(s);
	wraps_free(&w);
	linetimes_free(&t);
}

static void there_and_back(void **state)
{
	struct scrollback *s = scrollback_new(1 << 20);
	struct wraps w = { .sure = true };
	struct linetimes t = { 0 };
	push(s, "0123456789");
	push(s, "abc");
	push(s, "0123456789");
	push(s, "abcde   ij");
	push(s, "end");
	wraps_note(&w, 1, 2);
	wraps_note(&w, 4, 2);                           /* the fourth goes on in the fifth */
	linetimes_mark(&t, 0, 2, 1000, 0);
	linetimes_mark(&t, 2, 3, 2000, 0);
	linetimes_mark(&t, 3, 6, 3000, 0);
	rewrap(&s, 1 << 20, &w, &t, 10, 6, NULL);
	lines_are(s, "012345|6789ab|c|012345|6789|abcde|  ijen|d|");
	assert_int_equal(scrollback_total(s), 8);
	assert_int_equal(linetimes_of(&t, 2)->host_ms, 1000);
	assert_int_equal(linetimes_of(&t, 4)->host_ms, 2000);
	assert_int_equal(linetimes_of(&t, 5)->host_ms, 3000);
	assert_int_equal(linetimes_of(&t, 8)->host_ms, 3000);   /* the screen's first row */
	rewrap(&s, 1 << 20, &w, &t, 6, 80, NULL);
	lines_are(s, "0123456789abc|0123456789|abcde   ijend|");
	assert_int_equal(scrollback_total(s), 8);               /* the next line's number stays */
	assert_int_equal(linetimes_of(&t, 5)->host_ms, 1000);
	assert_int_equal(linetimes_of(&t, 6)->host_ms, 2000);
	rewrap(&s, 1 << 20, &w, &t, 80, 10, NULL);
	lines_are(s, "0123456789|abc|0123456789|abcde   ij|end|");
	push(s, "\xe4\xb8\xad\xe6\x96\x87");
	rewrap(&s, 1 << 20, &w, &t, 10, 3, NULL);                      /* a wide character is not cut */
	struct cell cells[4];
	assert_int_equal(scrollback_get(s, 1, cells, 4), 2);
	assert_int_equal(cells[0].ch, 0x4e2d);
	scrollback_free(s);
	wraps_free(&w);
	linetimes_free(&t);
}

/* ---- a console ----------------------------------------------------------------------------------------------------------------------- */

static bool cursor_is(struct ptyrun *p, void *arg)
{
	const unsigned *want = arg;
	unsigned x, y;
	bool on;
	ptyrun_cursor(p, &x, &y, &on);
	return on && x == want[0] && y == want[1];
}

static void a_console_flows(void **state)
{
	const struct place *at = *state;
	char *argv[] = { (char *)at->program, (char *)"-nodefaults", NULL }, text[1100] = "";
	place_write_config(at, "");
	struct station *s = station_start(at, (struct ptyrun_options){ .cols = 120, .rows = 30 }, argv);
	for (unsigned i = 0; i < 100; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%02u ", i);
	ptyrun_send(s->p, "\0013");
	SEES(s, "parallel0 {20}");
	station_ask(s, "print 3 short\\r\\n%s\\r\\nlast one\\r\\n$ ", text);      /* 300 columns: three rows */
	SEES(s, "^short\n00 01.* 39\n40 .* 79\n80 .* 99\nlast one\n\\$");
	ptyrun_resize(s->p, 90, 30);
	SEES(s, "^short\n00 01.* 29\n30 .* 59\n60 .* 89\n90 .* 99\nlast one\n\\$");
	ptyrun_resize(s->p, 200, 30);
	SEES(s, "^short\n00 01.* 65 66\n 67 .* 99\nlast one\n\\$");
	station_ask(s, "print 3 typed");
	SEES(s, "^\\$ typed");
	assert_true(ptyrun_until(s->p, cursor_is, (unsigned[]){ 7, 4 }, PTYRUN_MS, "the cursor behind what was typed"));
	/* what is far back, too, and it is found and copied as it was printed */
	station_ask(s, "print 3 \\r\\n");
	station_ask(s, "flood 3 200");
	SEES(s, "^line 200 of");
	ptyrun_resize(s->p, 80, 25);
	SEES(s, "^line 200 of");
	ptyrun_send(s->p, "\001[g");
	SEES(s, "^short\n00 01.* 26\n");
	/* copy mode goes on where it was, with the same character selected and the same match */
	ptyrun_send(s->p, "/ 77\r");
	SEES(s, "match 1 of [1-9]");
	ptyrun_send(s->p, "vg");
	ptyrun_resize(s->p, 160, 25);
	SEES(s, "^short\n00 01.* 52 5\n3 54 .* 99\nlast one\n\\$ typed\nline 1 of");
	/* so does one that shows some lines only */
	ptyrun_send(s->p, "v&/54 55|line 20 of/\r");    /* v: nothing is selected any more */
	SEES(s, "^3 54 .* 99\nline 20 of.*\n *\n");
	ptyrun_send(s->p, "gll");
	ptyrun_resize(s->p, 90, 25);
	SEES(s, "^30 .* 59\nline 20 of.*\n *\n");
	SEES(s, "filter 1 of 2,");
	ptyrun_send(s->p, "q");
	/* a screen that a program has drawn all over is left alone */
	station_ask(s, "print 3 \\e[2J\\e[1;1Htop\\e[20;1Hbottom\\e[5;5H");
	SEES(s, "^bottom");
	ptyrun_resize(s->p, 100, 25);
	SEES(s, "^top\n(\n)*.*bottom");
	station_stop(s);
}

/* A theme with colours of its own makes no line longer, and another one shows old lines in its colours, too. */
static void in_any_theme(void **state)
{
	const struct place *at = *state;
	char *argv[] = { (char *)at->program, (char *)"-nodefaults", NULL };
	place_write_config(at, "set theme high-contrast\n");
	struct station *s = station_start(at, (struct ptyrun_options){ .cols = 120, .rows = 30 }, argv);
	ptyrun_send(s->p, "\0013");
	SEES(s, "parallel0 {20}");
	station_ask(s, "print 3 \\e[34mone\\e[m\\r\\ntwo\\r\\n\\e[1mthree\\e[m\\r\\n");
	SEES(s, "^one *\ntwo *\nthree");
	ptyrun_resize(s->p, 90, 30);
	SEES(s, "^one *\ntwo *\nthree");
	station_ask(s, "flood 3 100");
	SEES(s, "^line 100 of");
	ptyrun_resize(s->p, 85, 30);
	ptyrun_send(s->p, "\001:set theme light\r");
	SEES(s, "^line 100 of");
	ptyrun_send(s->p, "\001[g");
	SEES(s, "^one *\ntwo *\nthree");
	unsigned y = 0;
	while (y < 30 && strncmp(ptyrun_row(s->p, y), "one", 3))
		y++;
	struct ptyrun_cell coloured, plain, behind;
	assert_true(y + 1 < 30 && ptyrun_cell(s->p, 0, y, &coloured) && ptyrun_cell(s->p, 0, y + 1, &plain) && ptyrun_cell(s->p, 40, y + 1, &behind));
	assert_int_equal(coloured.fg_index, 4);
	assert_true(plain.fg_default && plain.bg_default && behind.bg_default);
	station_stop(s);
	place_write_config(at, "");
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = { cmocka_unit_test(lines_that_go_on), cmocka_unit_test(there_and_back), cmocka_unit_test(places_move_with_their_characters),
		cmocka_unit_test(a_console_flows), cmocka_unit_test(in_any_theme) };
	return cmocka_run_group_tests(tests, place_set_up, place_tear_down);
}
