/* sixel.c - see sixel.h.  Up to 256 colours are exact; a picture with more is shown in a cube of 6 reds, 7 greens and 6 blues. */
#include "tui/sixel.h"
#include <stdlib.h>
#include <string.h>

enum { COLOURS = 256, SLOTS = 1024, BAND = 6, REDS = 6, GREENS = 7, BLUES = 6, FIRST = 0x3f };

struct palette {
	uint32_t colour[COLOURS];
	unsigned n;
	bool cube;
	struct { uint32_t colour; int number; } slot[SLOTS];    /* number + 1; 0 = free */
};

/* Mean colour of what becomes pixel x, y. */
static uint32_t mean(const uint32_t *p, unsigned width, unsigned height, unsigned x, unsigned y, unsigned out_w, unsigned out_h)
{
	unsigned x0 = x * width / out_w, x1 = (x + 1) * width / out_w, y0 = y * height / out_h, y1 = (y + 1) * height / out_h;
	unsigned r = 0, g = 0, b = 0, n = 0;
	if (x1 <= x0 + 1 && y1 <= y0 + 1)
		return p[(size_t)y0 * width + x0] & 0xffffff;
	x1 = x1 > x0 ? x1 : x0 + 1;
	y1 = y1 > y0 ? y1 : y0 + 1;
	for (unsigned j = y0; j < y1; j++)
		for (unsigned i = x0; i < x1; i++, n++) {
			uint32_t c = p[(size_t)j * width + i];
			r += c >> 16 & 255;
			g += c >> 8 & 255;
			b += c & 255;
		}
	return r / n << 16 | g / n << 8 | b / n;
}

static unsigned in_cube(uint32_t c)
{
	unsigned r = ((c >> 16 & 255) * (REDS - 1) + 127) / 255, g = ((c >> 8 & 255) * (GREENS - 1) + 127) / 255, b = ((c & 255) * (BLUES - 1) + 127) / 255;
	return (r * GREENS + g) * BLUES + b;
}

/* Its number, or -1: there are too many. */
static int number(struct palette *p, uint32_t c)
{
	if (p->cube)
		return (int)in_cube(c);
	unsigned at = c * 2654435761u >> 22;
	while (p->slot[at].number && p->slot[at].colour != c)
		at = (at + 1) % SLOTS;
	if (!p->slot[at].number) {
		if (p->n == COLOURS)
			return -1;
		p->colour[p->n++] = c;
		p->slot[at].colour = c;
		p->slot[at].number = (int)p->n;
	}
	return p->slot[at].number - 1;
}

static void make_cube(struct palette *p)
{
	p->cube = true;
	p->n = 0;
	for (unsigned r = 0; r < REDS; r++)
		for (unsigned g = 0; g < GREENS; g++)
			for (unsigned b = 0; b < BLUES; b++)
				p->colour[p->n++] = r * 255 / (REDS - 1) << 16 | g * 255 / (GREENS - 1) << 8 | b * 255 / (BLUES - 1);
}

static void put_run(struct text *out, unsigned count, char ch)
{
	if (count > 3)
		text_printf(out, "!%u%c", count, ch);
	else
		for (; count; count--)
			text_add(out, &ch, 1);
}

/* One colour of a band of six rows. */
static void put_colour(struct text *out, const uint8_t *rows, unsigned w, unsigned h, unsigned colour)
{
	unsigned count = 0;
	char last = 0;
	text_printf(out, "#%u", colour);
	for (unsigned x = 0; x < w; x++) {
		unsigned bits = 0;
		for (unsigned y = 0; y < h; y++)
			bits |= (rows[(size_t)y * w + x] == colour) << y;
		char ch = (char)(FIRST + bits);
		if (ch != last && count) {
			put_run(out, count, last);
			count = 0;
		}
		last = ch;
		count++;
	}
	if (last != FIRST)
		put_run(out, count, last);
	text_add(out, "$", 1);
}

static void put_band(struct text *out, const uint8_t *rows, unsigned w, unsigned h)
{
	bool used[COLOURS] = { false };
	for (size_t i = 0; i < (size_t)w * h; i++)
		used[rows[i]] = true;
	for (unsigned c = 0; c < COLOURS; c++)
		if (used[c])
			put_colour(out, rows, w, h, c);
	text_add(out, "-", 1);
}

void sixel_encode(const uint32_t *pixels, unsigned width, unsigned height, unsigned out_w, unsigned out_h, struct text *out)
{
	uint32_t *scaled = malloc((size_t)out_w * out_h * sizeof *scaled);
	uint8_t *numbers = malloc((size_t)out_w * out_h);
	struct palette *p = calloc(1, sizeof *p);
	size_t n = (size_t)out_w * out_h;
	if (!scaled || !numbers || !p)
		abort();
	for (unsigned y = 0; y < out_h; y++)
		for (unsigned x = 0; x < out_w; x++)
			scaled[(size_t)y * out_w + x] = mean(pixels, width, height, x, y, out_w, out_h);
	for (size_t i = 0; i < n; i++) {
		int c = number(p, scaled[i]);
		if (c < 0) {
			make_cube(p);
			i = (size_t)-1;         /* from the start */
			continue;
		}
		numbers[i] = (uint8_t)c;
	}
	text_printf(out, "\033P0;1;0q\"1;1;%u;%u", out_w, out_h);
	for (unsigned i = 0; i < p->n; i++)
		text_printf(out, "#%u;2;%u;%u;%u", i, ((p->colour[i] >> 16 & 255) * 100 + 127) / 255, ((p->colour[i] >> 8 & 255) * 100 + 127) / 255, ((p->colour[i] & 255) * 100 + 127) / 255);
	for (unsigned y = 0; y < out_h; y += BAND)
		put_band(out, numbers + (size_t)y * out_w, out_w, out_h - y < BAND ? out_h - y : BAND);
	text_printf(out, "\033\\");
	free(scaled);
	free(numbers);
	free(p);
}
