/* glyph.c - look a bitmap up in glyphs.def and glyphs_linux.def by its hash. */
#include "tui/glyph.h"
#include <stddef.h>

struct glyph { uint32_t hash; uint16_t ch; };
#define GLYPH(hash, ch) { hash, ch },
static const struct glyph console[] = {
#include "tui/glyphs.def"
};
static const struct glyph kernel[] = {
#include "tui/glyphs_linux.def"
};
#undef GLYPH

uint32_t glyph_hash(const uint8_t *rows, unsigned height)
{
	uint32_t hash = 0x811c9dc5;             /* FNV-1a */
	for (unsigned i = 0; i < height; i++)
		hash = (hash ^ rows[i]) * 0x01000193;
	return hash;
}

static uint32_t look_up(const struct glyph *table, size_t n, uint32_t hash)
{
	size_t low = 0, high = n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (table[mid].hash < hash)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && table[low].hash == hash ? table[low].ch : 0;
}

uint32_t glyph_character(const uint8_t *rows, unsigned height)
{
	uint32_t hash = glyph_hash(rows, height), ch = look_up(kernel, sizeof kernel / sizeof *kernel, hash);
	return ch ? ch : look_up(console, sizeof console / sizeof *console, hash);
}
