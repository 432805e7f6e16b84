/* cp437.h - the PC's character set as Unicode, and stand-ins where the terminal has no Unicode. */
#ifndef TUI_CP437_H
#define TUI_CP437_H
#include <stdint.h>
/* The glyph number of a PC display (0..31 and 127 are pictures, not controls). */
uint32_t cp437_to_unicode(uint8_t glyph);
/* One ASCII character that looks most like ch; '?' when there is none. */
char ascii_like(uint32_t ch);
/* The letter of the VT100 line-drawing set for a box-drawing character (single, double and heavy lines alike), or 0. */
char line_drawing_letter(uint32_t ch);
#endif
