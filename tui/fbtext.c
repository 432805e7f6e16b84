/* fbtext.c - text read back from the pixels of a framebuffer console.
 *
 * A cell with two colours is a bitmap; its hash names the character.  Which of the two is the foreground, the glyph tells; where both ways
 * are glyphs (a box drawn in the other colour), the background of the cell before decides.  The cursor of Linux' console is a line of two
 * pixels at the cell's bottom, of one in fonts of 8 lines. */
#include "tui/fbtext.h"
#include "tui/cp437.h"
#include "tui/glyph.h"
#include <stdlib.h>
#include <string.h>

enum { GLYPH_W = 8, GLYPH_H_MAX = 16, CURSOR_ROWS = 2, HALF_BLOCK = 0x2580, LETTERS = 4 };
struct bitmap { uint8_t row[GLYPH_H_MAX]; uint32_t colour[2]; unsigned colours; };

static int by_hash(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

/* Glyphs that look like blanks are not listed: a cell of one colour needs none. */
static void list_font(struct fbtext *t, const uint8_t *font, unsigned height)
{
	for (unsigned i = 1; i < 256; i++) {
		const uint8_t *rows = font + i * height;
		bool blank = true;
		for (unsigned y = 0; y < height; y++)
			blank &= !rows[y];
		if (blank)
			continue;
		t->glyph[t->n_glyphs].hash = glyph_hash(rows, height);
		t->glyph[t->n_glyphs++].ch = cp437_to_unicode((uint8_t)i);
	}
}

static void list_fonts(struct fbtext *t, const struct screen *s)
{
	list_font(t, s->rom8[0], 8);
	list_font(t, s->rom14[0], 14);
	list_font(t, s->rom16[0], 16);
	qsort(t->glyph, t->n_glyphs, sizeof *t->glyph, by_hash);
}

/* With bios, in the video BIOS' fonts, which have the usual blocks and lines; else in those of Linux consoles, which draw some of them oddly. */
static uint32_t look_up(const struct fbtext *t, const uint8_t *rows, unsigned height, bool bios)
{
	uint32_t hash = glyph_hash(rows, height);
	if (!bios)
		return glyph_character(rows, height);
	const uint32_t *hit = t->n_glyphs ? bsearch(&hash, t->glyph, t->n_glyphs, sizeof *t->glyph, by_hash) : NULL;
	return hit ? hit[1] : 0;
}

/* False: more than two colours. */
static bool read_bitmap(const uint32_t *p, unsigned pitch, unsigned height, struct bitmap *b)
{
	b->colour[0] = b->colour[1] = p[0];
	b->colours = 1;
	for (unsigned y = 0; y < height; y++, p += pitch) {
		uint8_t bits = 0;
		for (unsigned x = 0; x < GLYPH_W; x++) {
			if (p[x] == b->colour[0])
				continue;
			if (b->colours == 1) {
				b->colour[1] = p[x];
				b->colours = 2;
			} else if (p[x] != b->colour[1]) {
				return false;
			}
			bits |= (uint8_t)(0x80 >> x);
		}
		b->row[y] = bits;
	}
	return true;
}

/* Try one way round: fg is colour n.  With `cursor`, the bottom lines are the cursor's, all foreground. */
static uint32_t try_glyph(const struct fbtext *t, const struct bitmap *b, unsigned fg, bool cursor, bool bios)
{
	uint8_t rows[GLYPH_H_MAX], any = 0;
	unsigned height = t->height;
	for (unsigned y = 0; y < height; y++)
		rows[y] = fg ? b->row[y] : (uint8_t)~b->row[y];
	for (unsigned y = height - CURSOR_ROWS; cursor && y < height; y++) {
		if (rows[y] != 0xff)
			return 0;
		rows[y] = 0;
	}
	for (unsigned y = 0; y < height; y++)
		any |= rows[y];
	return any ? look_up(t, rows, height, bios) : ' ';
}

static uint32_t mean(const uint32_t *p, unsigned pitch, unsigned height)
{
	unsigned r = 0, g = 0, b = 0, n = GLYPH_W * height;
	for (unsigned y = 0; y < height; y++, p += pitch)
		for (unsigned x = 0; x < GLYPH_W; x++) {
			r += p[x] >> 16 & 255;
			g += p[x] >> 8 & 255;
			b += p[x] & 255;
		}
	return r / n << 16 | g / n << 8 | b / n;
}

/* The background so far tells which way round to look first.  True: it holds the cursor. */
static bool read_cell(const struct fbtext *t, const uint32_t *p, unsigned pitch, uint32_t background, struct fbcell *c)
{
	struct bitmap b;
	unsigned h = t->height;
	if (!read_bitmap(p, pitch, h, &b)) {
		*c = (struct fbcell){ HALF_BLOCK, mean(p, pitch, h / 2), mean(p + (size_t)pitch * (h / 2), pitch, h - h / 2), false };
		return false;
	}
	if (b.colours == 1) {
		*c = (struct fbcell){ ' ', b.colour[0], b.colour[0], true };
		return false;
	}
	unsigned first = b.colour[1] == background ? 0 : 1;
	for (unsigned way = 0; way < 8; way++) {        /* with a cursor first: alone on a blank it would be a block */
		unsigned fg = way & 1 ? !first : first;
		bool cursor = way < 4;
		uint32_t ch = try_glyph(t, &b, fg, cursor, !(way & 2));
		if (ch) {
			*c = (struct fbcell){ ch, b.colour[fg], b.colour[!fg], true };
			return cursor;
		}
	}
	*c = (struct fbcell){ HALF_BLOCK, mean(p, pitch, h / 2), mean(p + (size_t)pitch * (h / 2), pitch, h - h / 2), false };
	return false;
}

static bool grow(struct fbtext *t, size_t cells)
{
	if (t->cap >= cells)
		return true;
	struct fbcell *n = realloc(t->cells, cells * sizeof *n);
	if (!n)
		return false;
	t->cells = n;
	t->cap = cells;
	return true;
}

static bool is_letter(uint32_t ch)
{
	return ch != ' ' && (ch < 0x2500 || ch > 0x25ff);
}

/* Text, when most of what is there is glyphs, and there are several; a logo may take as much room as half the text. */
static bool read_at_height(struct fbtext *t, const struct screen *s, unsigned height)
{
	uint32_t background = 0;
	t->height = height;
	t->cols = s->width / GLYPH_W;
	t->rows = s->height / height;
	t->known = t->unknown = 0;
	t->letters = 0;
	t->cursor_on = false;
	if (!t->cols || !t->rows || !grow(t, (size_t)t->cols * t->rows))
		return false;
	for (unsigned y = 0; y < t->rows; y++)
		for (unsigned x = 0; x < t->cols; x++) {
			struct fbcell *c = &t->cells[(size_t)y * t->cols + x];
			if (read_cell(t, s->pixels + (size_t)y * height * s->width + x * GLYPH_W, s->width, background, c)) {
				t->cursor_on = true;
				t->cursor_x = x;
				t->cursor_y = y;
			}
			if (c->known)
				background = c->bg;
			t->known += c->known && (c->ch != ' ' || c->fg != c->bg);
			t->unknown += !c->known;
			t->letters |= c->known && is_letter(c->ch) ? 1ull << c->ch % 64 : 0;
			if (t->unknown > t->cols * t->rows / 4)
				return false;
		}
	return __builtin_popcountll(t->letters) >= LETTERS && t->unknown <= t->known / 2;
}

/* Fonts of 8 lines have a cursor of one line, which is how an underscore looks.  It is one where nothing comes after it. */
static void find_low_cursor(struct fbtext *t)
{
	size_t last = (size_t)t->cols * t->rows;
	while (last && t->cells[last - 1].ch == ' ')
		last--;
	if (!last || t->cells[last - 1].ch != '_')
		return;
	struct fbcell *c = &t->cells[last - 1];
	*c = (struct fbcell){ ' ', c->bg, c->bg, true };
	t->cursor_on = true;
	t->cursor_x = (unsigned)(last - 1) % t->cols;
	t->cursor_y = (unsigned)(last - 1) / t->cols;
}

static bool try_height(struct fbtext *t, const struct screen *s, unsigned height)
{
	if (!read_at_height(t, s, height))
		return false;
	if (height == 8 && !t->cursor_on)
		find_low_cursor(t);
	t->sum = height;
	for (size_t i = 0; i < (size_t)t->cols * t->rows; i++) {
		const struct fbcell *c = &t->cells[i];
		t->sum = (t->sum ^ c->ch ^ (uint64_t)(c->ch == ' ' ? 0 : c->fg) << 32) * 0x100000001b3u + c->bg;
	}
	return true;
}

bool fbtext_read(struct fbtext *t, const struct screen *s)
{
	static const unsigned heights[] = { 16, 8, 14 };
	unsigned last = t->height;
	if (!t->n_glyphs && s->rom_fonts)
		list_fonts(t, s);
	if (last && try_height(t, s, last))
		return true;
	for (unsigned i = 0; i < sizeof heights / sizeof *heights; i++)
		if (heights[i] != last && try_height(t, s, heights[i]))
			return true;
	t->height = last;
	return false;
}

void fbtext_free(struct fbtext *t)
{
	free(t->cells);
	t->cells = NULL;
	t->cap = 0;
}
