/* colour.c - nearest colours. */
#include "tui/colour.h"
#include "tui/grid.h"

uint32_t colour_of_palette(unsigned index)
{
	static const uint32_t ansi[16] = {
		0x000000, 0xaa0000, 0x00aa00, 0xaa5500, 0x0000aa, 0xaa00aa, 0x00aaaa, 0xaaaaaa,
		0x555555, 0xff5555, 0x55ff55, 0xffff55, 0x5555ff, 0xff55ff, 0x55ffff, 0xffffff,
	};
	static const uint8_t level[6] = { 0, 95, 135, 175, 215, 255 };
	if (index < 16)
		return ansi[index];
	if (index < 232) {
		unsigned i = index - 16;
		return (uint32_t)level[i / 36] << 16 | (uint32_t)level[i / 6 % 6] << 8 | level[i % 6];
	}
	uint32_t grey = 8 + 10 * (index < 256 ? index - 232 : 23);
	return grey << 16 | grey << 8 | grey;
}

static unsigned distance(uint32_t a, uint32_t b)
{
	int dr = (int)(a >> 16 & 255) - (int)(b >> 16 & 255), dg = (int)(a >> 8 & 255) - (int)(b >> 8 & 255), db = (int)(a & 255) - (int)(b & 255);
	return (unsigned)(2 * dr * dr + 4 * dg * dg + 3 * db * db);
}

unsigned colour_nearest(uint32_t rgb, unsigned count)
{
	unsigned best = count > 16 ? 16 : 0, best_distance = ~0u;
	for (unsigned i = best; i < count; i++) {
		unsigned d = distance(rgb, colour_of_palette(i));
		if (d < best_distance) {
			best_distance = d;
			best = i;
		}
	}
	return best;
}

uint32_t colour_reduce(uint32_t colour, unsigned count)
{
	if (colour & COLOUR_DEFAULT || count > 256)
		return colour;
	if (colour & COLOUR_PALETTE) {
		unsigned index = colour & 0xff;
		if (index < count)
			return colour;
		if (index < 16)                 /* bright on a terminal with 8: the plain one; brightness goes into bold */
			return COLOUR_PALETTE | (index & 7);
		colour = colour_of_palette(index);
	}
	return COLOUR_PALETTE | colour_nearest(colour, count);
}

unsigned colour_luma(uint32_t rgb)
{
	return ((rgb >> 16 & 255) * 299 + (rgb >> 8 & 255) * 587 + (rgb & 255) * 114) / 1000;
}

bool colour_bright(uint32_t colour)
{
	if (colour & COLOUR_DEFAULT)
		return false;
	if (colour & COLOUR_PALETTE)
		return (colour & 0xff) >= 8 && (colour & 0xff) < 16;
	return (colour & 0xff) > 0xc8 || (colour >> 8 & 0xff) > 0xc8 || (colour >> 16 & 0xff) > 0xc8 || colour == 0x555555;
}

static unsigned luma_of(uint32_t colour, unsigned otherwise)
{
	if (colour & COLOUR_DEFAULT)
		return otherwise;
	return colour_luma(colour & COLOUR_PALETTE ? colour_of_palette(colour & 0xff) : colour);
}

struct style style_mono(struct style s)
{
	struct style plain = { .fg = COLOUR_DEFAULT, .bg = COLOUR_DEFAULT, .attrs = s.attrs };
	if (colour_bright(s.fg))
		plain.attrs |= ATTR_BOLD;
	if (luma_of(s.bg, 0) > luma_of(s.fg, 255))
		plain.attrs ^= ATTR_REVERSE;
	return plain;
}
