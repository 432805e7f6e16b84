/* test_history.c - rows that left a text screen, found by comparing and told by an adapter that saw its guest scroll. */
#include "core/machine/history.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { COLS = 8, ROWS = 6 };
struct bench { struct text_history *h; struct text_rows rows; char text[1 << 16]; };

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	assert_non_null(b);
	b->h = text_history_new();
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;
	text_history_free(b->h);
	free(b->rows.bytes);
	free(b);
	return 0;
}

/* All rows since the last time, "/" behind each. */
static const char *gone(struct bench *b)
{
	const struct text_cell *cells;
	unsigned cols;
	size_t n = 0;
	text_history_take(b->h, &b->rows);
	for (size_t at = 0; text_rows_next(&b->rows, &at, &cells, &cols); b->text[n++] = '/')
		for (unsigned x = 0; x < cols; x++)
			b->text[n++] = (char)cells[x].ch;
	b->text[n] = 0;
	return b->text;
}

/* A screen from rows with "/" between them. */
static void screen(struct text_cell cells[COLS * ROWS], const char *rows)
{
	for (unsigned i = 0; i < COLS * ROWS; i++)
		cells[i] = (struct text_cell){ ' ', 7 };
	for (unsigned x = 0, y = 0; *rows; rows++)
		if (*rows == '/') {
			x = 0;
			y++;
		} else {
			cells[y * COLS + x++].ch = (uint8_t)*rows;
		}
}

static void look(struct bench *b, const char *rows)
{
	struct text_cell cells[COLS * ROWS];
	screen(cells, rows);
	text_history_look(b->h, cells, COLS, ROWS);
}

static bool step(struct bench *b, const char *from, const char *to, unsigned swept)
{
	struct text_cell before[COLS * ROWS], after[COLS * ROWS];
	screen(before, from);
	screen(after, to);
	return text_history_step(b->h, before, after, COLS, ROWS, swept);
}

static void scrolling_is_seen(void **state)
{
	struct bench *b = *state;
	char rows[200], want[1000] = "";
	for (unsigned frame = 0, top = 0; frame < 40; frame++) {        /* lines "n0", "n1" ...: 0 to 4 rows a frame */
		top += frame % 5;
		snprintf(rows, sizeof rows, "n%u/n%u/n%u/n%u/n%u/n%u", top, top + 1, top + 2, top + 3, top + 4, top + 5);
		look(b, rows);
	}
	for (unsigned i = 0; i < 80; i++)
		snprintf(want + strlen(want), sizeof want - strlen(want), "n%u/", i);
	assert_string_equal(gone(b), want);
	text_history_look(b->h, NULL, 0, 0);                            /* another mode: nothing of it is lost */
	assert_string_equal(gone(b), "n80/n81/n82/n83/n84/n85/");
}

static void steps_are_told_apart(void **state)
{
	struct bench *b = *state;
	look(b, "a/b/c/d/e/f");
	assert_true(step(b, "a/b/c/d/e/f", "b/c/d/e/f/", ROWS));        /* up by a row, the last one cleared */
	assert_string_equal(gone(b), "a/");
	assert_true(step(b, "b/c/d/e/f/g", "d/e/f/g//", ROWS));
	assert_string_equal(gone(b), "b/c/");
	assert_true(step(b, "d/e/f/g/h/i", "e/f/g/h/i/i", ROWS - 1));   /* the last row is still as it was */
	assert_string_equal(gone(b), "d/");
	assert_true(step(b, "e/f/g/h/i/", "f/g/h/i//j", ROWS));         /* drawn anew, with a new line */
	assert_string_equal(gone(b), "e/");
	assert_true(step(b, "f/g/h/i/k/st", "g/h/i/k//st", ROWS - 1));  /* above a line that stays */
	assert_string_equal(gone(b), "f/");
	assert_true(step(b, "y/y/y/y/y/y", "y/y/y/y/y/", ROWS));        /* lines that are alike */
	assert_string_equal(gone(b), "g/h/i/k//st/y/");                 /* (and a screen that had been replaced before) */
	assert_true(step(b, "y/y/y/y/y/y", "y/y/y/y/y/y", ROWS - 1));
	assert_string_equal(gone(b), "y/");
	assert_false(step(b, "y/y/y/y/y/y", "y/y/y/y/y/y", ROWS));      /* the same once more */
	assert_false(step(b, "/////", "/////", ROWS - 1));
	assert_true(step(b, "y/y/y/z/y/", "/////", ROWS));              /* cleared */
	assert_string_equal(gone(b), "y/y/y/z/y/");
	assert_true(step(b, "/////", "y/y/y/z/y/", ROWS));              /* and drawn again: nothing is gone */
	step(b, "y/y/y/z/y/2", "y/y/z/y/2/", ROWS);
	step(b, "y/y/z/y/2/3", "/////", ROWS);
	assert_string_equal(gone(b), "2/3/");
	assert_false(step(b, "a/b/c/d/e/f", "1/2/3/4/5/6", ROWS));      /* another text */
	assert_false(step(b, "a/b/b/d/e/f", "b/b/b/d/e/f", 1));         /* a row that happens to be like the one below */
}

static void looking_back_notes_nothing_twice(void **state)
{
	struct bench *b = *state;
	struct text_cell before[COLS * ROWS], after[COLS * ROWS];
	look(b, "a/b/c/d/e/f");
	step(b, "a/b/c/d/e/f", "b/c/d/e/f/", ROWS);
	step(b, "b/c/d/e/f/g", "c/d/e/f/g/", ROWS);
	assert_string_equal(gone(b), "a/b/");
	screen(after, "a/b/c/d/e/f");
	text_history_back(b->h, after, COLS, ROWS, 2);
	screen(before, "a/b/c/d/e/f");
	screen(after, "c/d/e/f/g/");
	text_history_forward(b->h, before, after, COLS, ROWS, 2);
	assert_string_equal(gone(b), "");
	screen(after, "/c/d/e/f/g");                                    /* down by a row: another one is at the top */
	text_history_back(b->h, after, COLS, ROWS, 1);
	screen(before, "x/c/d/e/f/g");
	screen(after, "c/d/e/f/g/");
	text_history_forward(b->h, before, after, COLS, ROWS, 1);
	assert_string_equal(gone(b), "x/");
}

static void what_nobody_fetches_is_bounded(void **state)
{
	struct bench *b = *state;
	struct text_cell before[COLS * ROWS], after[COLS * ROWS];
	char text[16];
	screen(after, "");
	for (unsigned i = 0; i < 1000000; i++) {
		snprintf(text, sizeof text, "%u", i);
		screen(before, text);
		text_history_forward(b->h, before, after, COLS, ROWS, 1);
	}
	text_history_take(b->h, &b->rows);
	assert_true(b->rows.len > 2 << 20 && b->rows.len <= 4 << 20);
	const struct text_cell *cells;
	unsigned cols, last = 0;
	for (size_t at = 0; text_rows_next(&b->rows, &at, &cells, &cols);) {
		unsigned n = 0;
		for (unsigned x = 0; x < cols; x++)
			n = n * 10 + (cells[x].ch - '0');
		assert_true(!last || n == last + 1);
		last = n;
	}
	assert_int_equal(last, 999999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(scrolling_is_seen, set_up, tear_down), cmocka_unit_test_setup_teardown(steps_are_told_apart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(looking_back_notes_nothing_twice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_nobody_fetches_is_bounded, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
