/* glyph.h - which character a bitmap shows: fonts that guests load put characters where they like. */
#ifndef TUI_GLYPH_H
#define TUI_GLYPH_H
#include <stdint.h>
/* rows: one byte a row, 8 pixels.  0: not a glyph of the fonts we know. */
uint32_t glyph_character(const uint8_t *rows, unsigned height);
uint32_t glyph_hash(const uint8_t *rows, unsigned height);
#endif
