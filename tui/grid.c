/* grid.c - cells, text and frames in memory. */
#include "tui/grid.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static const struct style plain = { .fg = COLOUR_DEFAULT, .bg = COLOUR_DEFAULT };

void grid_resize(struct grid *g, int cols, int rows)
{
	size_t n = (size_t)cols * (size_t)rows;
	if (cols != g->cols || rows != g->rows) {
		free(g->cells);
		g->cells = calloc(n ? n : 1, sizeof *g->cells);
		if (!g->cells)
			abort();
		g->cols = cols;
		g->rows = rows;
	}
	grid_fill(g, (struct rect){ 0, 0, cols, rows }, plain);
	g->cursor_on = false;
}

void grid_free(struct grid *g)
{
	free(g->cells);
	*g = (struct grid){ 0 };
}

struct cell *grid_at(const struct grid *g, int x, int y)
{
	if (x < 0 || y < 0 || x >= g->cols || y >= g->rows)
		return NULL;
	return &g->cells[(size_t)y * (size_t)g->cols + (size_t)x];
}

void grid_fill(struct grid *g, struct rect r, struct style s)
{
	for (int y = r.y; y < r.y + r.h; y++)
		for (int x = r.x; x < r.x + r.w; x++) {
			struct cell *c = grid_at(g, x, y);
			if (c)
				*c = (struct cell){ .ch = ' ', .style = s };
		}
}

int char_width(uint32_t ch)
{
	if (ch < 0x20 || (ch >= 0x7f && ch < 0xa0))
		return 1;                       /* shown as a blank */
	if (ch < 0x300)
		return 1;
	int w = wcwidth((wchar_t)ch);
	/* In a locale without Unicode the C library knows no widths; what is drawn there is the one-column stand-in. */
	return w < 0 ? 1 : w;
}

/* Overwriting half of a wide character blanks the other half. */
static void unlink_wide(struct grid *g, int x, int y)
{
	struct cell *c = grid_at(g, x, y), *left = grid_at(g, x - 1, y), *right = grid_at(g, x + 1, y);
	if (c && c->ch == GRID_WIDE_TAIL && left)
		left->ch = ' ';
	if (right && right->ch == GRID_WIDE_TAIL)
		right->ch = ' ';
}

int grid_put(struct grid *g, int x, int y, int limit, uint32_t ch, struct style s)
{
	int w = char_width(ch);
	struct cell *c = grid_at(g, x, y);
	if (w == 0) {
		c = grid_at(g, x - 1, y);
		for (int i = 0; c && i < CELL_COMBINING; i++)
			if (!c->comb[i]) {
				c->comb[i] = ch;
				break;
			}
		return 0;
	}
	if (!c || x + w > limit || x + w > g->cols)
		return 0;
	unlink_wide(g, x, y);
	if (w == 2)
		unlink_wide(g, x + 1, y);
	if (ch < 0x20 || (ch >= 0x7f && ch < 0xa0))
		ch = ' ';
	*c = (struct cell){ .ch = ch, .style = s };
	if (w == 2)
		c[1] = (struct cell){ .ch = GRID_WIDE_TAIL, .style = s };
	return w;
}

int grid_text(struct grid *g, int x, int y, int limit, struct style s, const char *utf8)
{
	const char *p = utf8, *end = utf8 + strlen(utf8);
	while (p < end) {
		uint32_t ch = utf8_next(&p, end);
		int w = grid_put(g, x, y, limit, ch, s);
		if (!w && char_width(ch))
			break;
		x += w;
	}
	return x;
}

int text_width(const char *utf8)
{
	int w = 0;
	for (const char *p = utf8, *end = p + strlen(p); p < end; )
		w += char_width(utf8_next(&p, end));
	return w;
}

int grid_fit(struct grid *g, int x, int y, int limit, struct style s, const char *utf8)
{
	if (x >= limit)
		return x;
	if (text_width(utf8) <= limit - x)
		return grid_text(g, x, y, limit, s, utf8);
	x = grid_text(g, x, y, limit - 1, s, utf8);
	return x + grid_put(g, x, y, limit, g->ascii ? '~' : 0x2026, s);
}

/* The bytes of text that go into a row of that many columns; at least a character. */
static size_t row_bytes(const char *text, int width)
{
	const char *p = text, *end = text + strlen(text), *blank = NULL, *from = p;
	for (int w = 0; p < end; from = p) {
		uint32_t ch = utf8_next(&p, end);
		if ((w += char_width(ch)) > width && from > text)
			break;
		if (ch == ' ' && w > width / 2)
			blank = from;
	}
	if (p == end && from == end)
		return (size_t)(end - text);
	return (size_t)((*from == ' ' || !blank ? from : blank) - text);
}

int grid_wrap(struct grid *g, int x, int y, int width, int most, struct style s, const char *utf8)
{
	int rows = 0;
	while (*utf8 && rows < most) {
		size_t n = row_bytes(utf8, width);
		char *row = strndup(utf8, n);
		if (!row)
			abort();
		if (g && rows + 1 == most)
			grid_fit(g, x, y + rows, x + width, s, utf8);
		else if (g)
			grid_text(g, x, y + rows, x + width, s, row);
		free(row);
		rows++;
		utf8 += n;
		utf8 += *utf8 == ' ';
	}
	return rows;
}

int grid_printf(struct grid *g, int x, int y, int limit, struct style s, const char *fmt, ...)
{
	char buf[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(buf, sizeof buf, fmt, ap);
	va_end(ap);
	return grid_text(g, x, y, limit, s, buf);
}

void grid_box(struct grid *g, struct rect r, struct style s, const char *title, const char *place, struct style title_style)
{
	static const uint32_t lines[] = { 0x2500, 0x2502, 0x250c, 0x2510, 0x2514, 0x2518 }, letters[] = { '-', '|', '+', '+', '+', '+' };
	const uint32_t *ch = g->ascii ? letters : lines;
	int right = r.x + r.w - 1, bottom = r.y + r.h - 1;
	grid_fill(g, r, s);
	for (int x = r.x + 1; x < right; x++) {
		grid_put(g, x, r.y, right, ch[0], s);
		grid_put(g, x, bottom, right, ch[0], s);
	}
	for (int y = r.y + 1; y < bottom; y++) {
		grid_put(g, r.x, y, right + 1, ch[1], s);
		grid_put(g, right, y, right + 1, ch[1], s);
	}
	grid_put(g, r.x, r.y, right + 1, ch[2], s);
	grid_put(g, right, r.y, right + 1, ch[3], s);
	grid_put(g, r.x, bottom, right + 1, ch[4], s);
	grid_put(g, right, bottom, right + 1, ch[5], s);
	grid_put(g, r.x + 2, r.y, right, ' ', title_style);
	int x = grid_fit(g, r.x + 3, r.y, right - 2 - (*place ? (int)strlen(place) + 1 : 0), title_style, title);
	x = grid_text(g, x, r.y, right - 1, title_style, *place ? " " : "");
	x = grid_text(g, x, r.y, right - 1, title_style, place);
	grid_put(g, x, r.y, right, ' ', title_style);
}

bool cell_equal(const struct cell *a, const struct cell *b)
{
	return a->ch == b->ch && a->comb[0] == b->comb[0] && a->comb[1] == b->comb[1] &&
	       a->style.fg == b->style.fg && a->style.bg == b->style.bg && a->style.attrs == b->style.attrs;
}

uint32_t utf8_next(const char **p, const char *end)
{
	const unsigned char *s = (const unsigned char *)*p;
	size_t left = (size_t)(end - *p);
	unsigned len = s[0] < 0x80 ? 1 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
	if (s[0] >= 0xf5)
		len = 0;
	if (len == 1) {
		++*p;
		return s[0];
	}
	uint32_t ch = len ? s[0] & (0x7fu >> len) : 0;
	for (unsigned i = 1; i < len; i++) {
		if (i >= left || (s[i] & 0xc0) != 0x80) {
			len = 0;
			break;
		}
		ch = ch << 6 | (s[i] & 0x3fu);
	}
	bool overlong = (len == 3 && ch < 0x800) || (len == 4 && ch < 0x10000);
	if (!len || overlong || ch > 0x10ffff || (ch >= 0xd800 && ch < 0xe000)) {
		++*p;
		return 0xfffd;
	}
	*p += len;
	return ch;
}

int utf8_put(uint32_t ch, char *out)
{
	if (ch < 0x80) {
		out[0] = (char)ch;
		return 1;
	}
	if (ch < 0x800) {
		out[0] = (char)(0xc0 | ch >> 6);
		out[1] = (char)(0x80 | (ch & 0x3f));
		return 2;
	}
	if (ch < 0x10000) {
		out[0] = (char)(0xe0 | ch >> 12);
		out[1] = (char)(0x80 | (ch >> 6 & 0x3f));
		out[2] = (char)(0x80 | (ch & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | ch >> 18);
	out[1] = (char)(0x80 | (ch >> 12 & 0x3f));
	out[2] = (char)(0x80 | (ch >> 6 & 0x3f));
	out[3] = (char)(0x80 | (ch & 0x3f));
	return 4;
}
