/* pixels.c - a picture as characters.  Each character stands for a few areas of the picture, each area for its mean colour. */
#include "tui/pixels.h"
#include "tui/colour.h"
#include <string.h>

enum { AREAS = 6, SEXTANTS = 0x1fb00, HALF_BLOCK = 0x2580, LEFT_HALF = 0x258c, RIGHT_HALF = 0x2590, FULL_BLOCK = 0x2588 };
struct picture { const struct screen *s; int w, h /* in areas */; };

static const char *const names[RENDER_COUNT] = { "auto", "half", "sextant", "ascii", "sixel" };

const char *renderer_title(enum renderer r)
{
	static const char *const titles[RENDER_COUNT] = { "text where they are text, else sixels or half blocks", "half blocks", "sextants", "ASCII", "sixels" };
	return titles[r];
}

bool renderer_parse(const char *name, enum renderer *r)
{
	for (unsigned i = 0; i < RENDER_COUNT; i++)
		if (!strcmp(names[i], name)) {
			*r = (enum renderer)i;
			return true;
		}
	return false;
}

/* Mean colour of area x, y. */
static uint32_t area(const struct picture *p, int x, int y)
{
	unsigned x0 = (unsigned)x * p->s->width / (unsigned)p->w, x1 = (unsigned)(x + 1) * p->s->width / (unsigned)p->w;
	unsigned y0 = (unsigned)y * p->s->height / (unsigned)p->h, y1 = (unsigned)(y + 1) * p->s->height / (unsigned)p->h;
	uint64_t r = 0, g = 0, b = 0, n = 0;
	x1 = x1 > x0 ? x1 : x0 + 1;
	y1 = y1 > y0 ? y1 : y0 + 1;
	for (unsigned j = y0; j < y1; j++)
		for (unsigned i = x0; i < x1; i++, n++) {
			uint32_t c = p->s->pixels[(size_t)j * p->s->width + i];
			r += c >> 16 & 255;
			g += c >> 8 & 255;
			b += c & 255;
		}
	return (uint32_t)(r / n << 16 | g / n << 8 | b / n);
}

static uint32_t mean_of(const uint32_t *c, unsigned set)
{
	unsigned r = 0, g = 0, b = 0, n = 0;
	for (unsigned i = 0; i < AREAS; i++)
		if (set & 1u << i) {
			r += c[i] >> 16 & 255;
			g += c[i] >> 8 & 255;
			b += c[i] & 255;
			n++;
		}
	return n ? r / n << 16 | g / n << 8 | b / n : 0;
}

/* Two colours for six areas: split in the middle of the channel that varies most. */
static unsigned split(const uint32_t c[AREAS])
{
	unsigned best = 0, widest = 0, middle = 0, set = 0;
	for (unsigned shift = 0; shift <= 16; shift += 8) {
		unsigned low = 255, high = 0;
		for (unsigned i = 0; i < AREAS; i++) {
			unsigned v = c[i] >> shift & 255;
			low = v < low ? v : low;
			high = v > high ? v : high;
		}
		if (high - low > widest) {
			widest = high - low;
			best = shift;
			middle = (high + low + 1) / 2;
		}
	}
	for (unsigned i = 0; widest && i < AREAS; i++)
		set |= (unsigned)((c[i] >> best & 255) >= middle) << i;
	return set;
}

/* Unicode leaves the patterns out that were block elements before. */
static uint32_t sextant(unsigned set)
{
	switch (set) {
	case 0:  return ' ';
	case 21: return LEFT_HALF;
	case 42: return RIGHT_HALF;
	case 63: return FULL_BLOCK;
	default: return SEXTANTS + set - 1 - (set > 21) - (set > 42);
	}
}

static void draw_half(const struct picture *p, struct grid *g, struct rect at)
{
	for (int y = 0; y < at.h; y++)
		for (int x = 0; x < at.w; x++) {
			struct style st = { .fg = area(p, x, 2 * y), .bg = area(p, x, 2 * y + 1) };
			grid_put(g, at.x + x, at.y + y, at.x + at.w, st.fg == st.bg ? ' ' : HALF_BLOCK, st);
		}
}

static void draw_sextants(const struct picture *p, struct grid *g, struct rect at)
{
	for (int y = 0; y < at.h; y++)
		for (int x = 0; x < at.w; x++) {
			uint32_t c[AREAS];
			for (int i = 0; i < AREAS; i++)
				c[i] = area(p, 2 * x + i % 2, 3 * y + i / 2);
			unsigned set = split(c);
			struct style st = { .fg = mean_of(c, set ? set : 63), .bg = mean_of(c, ~set & 63) };
			grid_put(g, at.x + x, at.y + y, at.x + at.w, sextant(set), st);
		}
}

static void draw_ascii(const struct picture *p, struct grid *g, struct rect at)
{
	static const char ramp[] = " .:-=+*#%@";
	for (int y = 0; y < at.h; y++)
		for (int x = 0; x < at.w; x++) {
			struct style st = { .fg = area(p, x, y), .bg = 0 };
			grid_put(g, at.x + x, at.y + y, at.x + at.w, (uint32_t)ramp[colour_luma(st.fg) * (sizeof ramp - 1) / 256], st);
		}
}

/* 200 and 350 lines were shown as high as 480. */
static unsigned shown_height(const struct screen *s)
{
	return s->height < 400 && s->height * 4 < s->width * 3 ? s->width * 3 / 4 : s->height;
}

/* A character is twice as high as wide. */
struct rect pixels_place(const struct screen *s, struct rect r)
{
	uint64_t w = s->width, h = shown_height(s);
	struct rect at = r;
	if (w * (unsigned)r.h * 2 > h * (unsigned)r.w)
		at.h = (int)((h * (unsigned)r.w / w + 1) / 2);
	else
		at.w = (int)(w * (unsigned)r.h * 2 / h);
	at.w = at.w < 1 ? 1 : at.w > r.w ? r.w : at.w;
	at.h = at.h < 1 ? 1 : at.h > r.h ? r.h : at.h;
	at.x = r.x + (r.w - at.w) / 2;
	at.y = r.y + (r.h - at.h) / 2;
	return at;
}

void pixels_draw(const struct screen *s, struct grid *g, struct rect r, enum renderer how)
{
	struct rect at = pixels_place(s, r);
	if (how == RENDER_ASCII)
		draw_ascii(&(struct picture){ s, at.w, at.h }, g, at);
	else if (how == RENDER_SEXTANT)
		draw_sextants(&(struct picture){ s, at.w * 2, at.h * 3 }, g, at);
	else
		draw_half(&(struct picture){ s, at.w, at.h * 2 }, g, at);
}
