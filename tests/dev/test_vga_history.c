/* test_vga_history.c - a guest scrolls as consoles do, the front end looks seldom or often: no row is lost, none comes twice. */
#include "core/machine/display.h"
#include "tests/dev/vgabench.h"
#include <stdint.h>
#include <stdio.h>

enum { COLS = 80, ROWS = 25, WINDOW = 0xb8000, WINDOW_CELLS = 0x4000, LINES = 3001, BLANK = 0x720 };

/* What a console does with a new line. */
struct console {
	struct bench *b;
	struct device *d;
	struct screen s;
	unsigned origin, row;                   /* of the screen, in cells; the line's */
	unsigned width;                         /* of its writes: 1, 2 or 8 bytes */
	char *want, *got;                       /* lines */
	size_t want_len, got_len;
};

static int set_up(void **state)
{
	struct console *c = calloc(1, sizeof *c);
	assert_non_null(c);
	c->b = bench_new();
	c->d = bench_device(c->b, "VGA", NULL);
	c->want = calloc(LINES + 200, 20);
	c->got = calloc(LINES + 200, 20);
	c->s.want_gone = true;
	c->width = 2;
	vga_mode3(c->b);
	*state = c;
	return 0;
}

static int tear_down(void **state)
{
	struct console *c = *state;
	screen_free(&c->s);
	bench_free(c->b);
	free(c->want);
	free(c->got);
	free(c);
	return 0;
}

static void look(struct console *c)
{
	const struct text_cell *cells;
	unsigned cols;
	assert_true(display_snapshot(c->b->m, &c->s));
	for (size_t at = 0; text_rows_next(&c->s.gone, &at, &cells, &cols); c->got[c->got_len++] = '\n')
		for (unsigned x = 0; x < cols; x++)
			c->got[c->got_len++] = (char)cells[x].ch;
	c->got[c->got_len] = 0;
}

static void all_is_there(const struct console *c)
{
	unsigned line = 0;
	for (size_t i = 0; i <= c->want_len; line += c->want[i++] == '\n')
		if (c->got[i] != c->want[i])
			fail_msg("row %u: \"%.60s\" instead of \"%.60s\"", line, c->got + i, c->want + i);
}

static void put(struct console *c, unsigned cell, uint16_t what)
{
	space_write(&c->b->m->mem, WINDOW + cell * 2, c->width == 1 ? 1 : 2, what);
	if (c->width == 1)
		space_write(&c->b->m->mem, WINDOW + cell * 2 + 1, 1, what >> 8);
}

static void fill(struct console *c, unsigned at, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		put(c, at + i, BLANK);
}

static void copy(struct console *c, unsigned to, unsigned from, unsigned n)
{
	struct space *mem = &c->b->m->mem;
	for (unsigned i = 0; i < n * 2; i += c->width)
		space_write(mem, WINDOW + to * 2 + i, c->width, space_read(mem, WINDOW + from * 2 + i, c->width));
	put(c, to + n - 1, (uint16_t)space_read(mem, WINDOW + (to + n - 1) * 2, 2));    /* as some copiers do */
}

static void set_start(struct console *c, unsigned cell)
{
	vga_index(c->b, 0x3d4, 0x0c, (uint8_t)(cell >> 8));
	vga_index(c->b, 0x3d4, 0x0d, (uint8_t)cell);
}

/* By moving the start address, and copying when memory ends. */
static void scroll_start(struct console *c)
{
	if (c->origin + (ROWS + 1) * COLS > WINDOW_CELLS) {
		copy(c, 0, c->origin + COLS, (ROWS - 1) * COLS);
		c->origin = 0;
	} else {
		c->origin += COLS;
	}
	fill(c, c->origin + (ROWS - 1) * COLS, COLS);
	set_start(c, c->origin);
}

/* By copying rows up. */
static void scroll_copy(struct console *c)
{
	copy(c, c->origin, c->origin + COLS, (ROWS - 1) * COLS);
	fill(c, c->origin + (ROWS - 1) * COLS, COLS);
}

static void print(struct console *c, void (*scroll)(struct console *), const char *text)
{
	if (c->row == ROWS) {
		scroll(c);
		c->row--;
	}
	for (unsigned x = 0; text[x]; x++)
		put(c, c->origin + c->row * COLS + x, (uint16_t)(0x700 | (uint8_t)text[x]));
	c->row++;
	c->want_len += (size_t)sprintf(c->want + c->want_len, "%s\n", text);
}

static void print_lines(struct console *c, unsigned from, unsigned to)
{
	char text[32];
	for (unsigned i = from; i < to; i++) {
		snprintf(text, sizeof text, "line %u", i);
		print(c, scroll_start, text);
	}
}

/* LINES lines, some of them blank or alike, with a look after each `every`; then the screen is cleared. */
static void prints(struct console *c, void (*scroll)(struct console *), unsigned every)
{
	char text[32];
	fill(c, 0, WINDOW_CELLS);
	look(c);
	for (unsigned i = 0; i < LINES; i++) {
		snprintf(text, sizeof text, "line %u", i);
		print(c, scroll, i % 7 == 3 ? "" : i % 500 > 440 ? "the same" : text);
		if (i % every == every - 1)
			look(c);
	}
	fill(c, c->origin, ROWS * COLS);
	look(c);
	all_is_there(c);
}

static void start_seldom(void **state) { prints(*state, scroll_start, 1000); }
static void start_often(void **state) { prints(*state, scroll_start, 1); }
static void copy_seldom(void **state) { prints(*state, scroll_copy, 1000); }
static void copy_often(void **state) { prints(*state, scroll_copy, 2); }

static void copy_by_bytes(void **state)
{
	((struct console *)*state)->width = 1;
	prints(*state, scroll_copy, 1000);
}

static void copy_by_quadwords(void **state)
{
	((struct console *)*state)->width = 8;
	prints(*state, scroll_copy, 1000);
}

/* A look between any two writes of a scroll. */
static void looks_come_at_any_time(void **state)
{
	struct console *c = *state;
	struct space *mem = &c->b->m->mem;
	char text[32];
	fill(c, 0, WINDOW_CELLS);
	look(c);
	for (unsigned i = 0; i < 60; i++) {
		if (c->row == ROWS) {
			for (unsigned n = 0; n < ROWS * COLS; n++) {
				put(c, n, n < (ROWS - 1) * COLS ? (uint16_t)space_read(mem, WINDOW + (n + COLS) * 2, 2) : BLANK);
				if (n % 97 == i)
					look(c);
			}
			c->row--;
		}
		snprintf(text, sizeof text, "line %u", i);
		print(c, NULL, text);
		vga_index(c->b, 0x3d4, 0x0c, 0);
		look(c);                                /* half of an address */
		vga_index(c->b, 0x3d4, 0x0d, 0);
		assert_true(display_changed(c->b->m));
	}
	fill(c, c->origin, ROWS * COLS);
	look(c);
	all_is_there(c);
}

/* Back and forth through what is above the screen, as with Shift-PgUp in Linux. */
static void looking_back(void **state)
{
	struct console *c = *state;
	fill(c, 0, WINDOW_CELLS);
	look(c);
	print_lines(c, 0, 100);
	look(c);
	for (unsigned back = 0; back < 72; back += 12) {         /* half a screen a time */
		set_start(c, c->origin - back * COLS);
		if (back % 24)
			look(c);
	}
	set_start(c, c->origin);                                /* and at once to where it was */
	print_lines(c, 100, 150);
	fill(c, c->origin, ROWS * COLS);
	look(c);
	all_is_there(c);
}

/* A reset puts the start address back, and what lies there is not what was on the screen. */
static void reset(void **state)
{
	struct console *c = *state;
	fill(c, 0, WINDOW_CELLS);
	look(c);
	print_lines(c, 0, 80);
	look(c);
	bench_reset(c->d);
	look(c);
	vga_mode3(c->b);
	fill(c, 0, ROWS * COLS);
	look(c);
	all_is_there(c);
}

/* Pages that are drawn anew are no scrolling, and who wants no rows gets none. */
static void drawing(void **state)
{
	struct console *c = *state;
	struct screen other = { 0 };
	fill(c, 0, WINDOW_CELLS);
	look(c);
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < ROWS * COLS; i++)      /* a frame, a counter, rows that are alike */
			put(c, i, (uint16_t)(0x1700 | (i < COLS ? '0' + round : i % COLS ? 0xb0 : 0xb3)));
		put(c, 0, 0x1700 | '*');
		if (round % 3)
			look(c);
	}
	assert_string_equal(c->got, "");
	scroll_copy(c);
	assert_true(display_snapshot(c->b->m, &other));
	assert_int_equal(other.gone.len, 0);
	look(c);
	assert_int_equal(c->got_len, COLS + 1);
	screen_free(&other);
}

static unsigned rnd(uint64_t *r, unsigned n)
{
	*r ^= *r << 13;
	*r ^= *r >> 7;
	*r ^= *r << 17;
	return (unsigned)(*r >> 33) % n;
}

/* Registers and memory written at random, as a hostile guest might: nothing is read or written where it must not be, and rows make sense. */
static void madness(void **state)
{
	struct console *c = *state;
	uint64_t r = 0x9e3779b97f4a7c15u;
	for (unsigned i = 0; i < 3000; i++) {
		unsigned at = rnd(&r, WINDOW_CELLS);
		switch (rnd(&r, 8)) {
		case 0: vga_index(c->b, 0x3d4, (uint8_t)rnd(&r, 0x19), (uint8_t)rnd(&r, 256)); break;
		case 1: vga_index(c->b, 0x3d4, (uint8_t[]){ 0x01, 0x09, 0x0c, 0x0d, 0x12, 0x13 }[rnd(&r, 6)], (uint8_t)(1 + rnd(&r, 200))); break;
		case 2: vga_index(c->b, 0x3c4, (uint8_t)rnd(&r, 5), (uint8_t)rnd(&r, 256)); break;
		case 3: vga_index(c->b, 0x3ce, (uint8_t)rnd(&r, 9), (uint8_t)rnd(&r, 256)); break;
		case 4: vga_mode3(c->b); c->origin = 0; fill(c, 0, rnd(&r, ROWS * COLS + 1)); break;
		case 5: fill(c, at, rnd(&r, WINDOW_CELLS - at)); break;
		case 6: set_start(c, rnd(&r, 100) * COLS); scroll_copy(c); break;
		default: set_start(c, rnd(&r, 0x10000)); put(c, at, 0x741); break;
		}
		if (rnd(&r, 3))
			continue;
		const struct text_cell *cells;
		unsigned cols;
		size_t from = 0;
		assert_true(display_snapshot(c->b->m, &c->s));
		while (text_rows_next(&c->s.gone, &from, &cells, &cols))
			assert_true(cols <= TEXT_MAX_COLS);
		assert_int_equal(from, c->s.gone.len);
		if (rnd(&r, 50) == 0)
			bench_reset(c->d);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(start_seldom), TEST(start_often), TEST(copy_seldom), TEST(copy_often), TEST(copy_by_bytes), TEST(copy_by_quadwords),
		TEST(looks_come_at_any_time), TEST(looking_back), TEST(reset), TEST(drawing), TEST(madness),
	};
	return cmocka_run_group_tests_name("vga_history", tests, NULL, NULL);
}
