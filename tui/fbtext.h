/* fbtext.h - text read back from the pixels of a framebuffer console: glyphs 8 pixels wide and 8, 14 or 16 high, matched with the fonts of
 * the video BIOS and of Linux consoles.  Pure: pixels in, cells out. */
#ifndef TUI_FBTEXT_H
#define TUI_FBTEXT_H
#include "core/vm.h"
#include <stdbool.h>
#include <stdint.h>
enum { FBTEXT_GLYPHS = 3 * 256 };
/* A place without a glyph (a logo, say) is an upper half block of its mean colours, known = false. */
struct fbcell { uint32_t ch, fg, bg; bool known; };
struct fbtext {
	unsigned cols, rows, height;            /* height: of a glyph; of the last text that was found */
	struct fbcell *cells;                   /* rows * cols */
	size_t cap;
	bool cursor_on;
	unsigned cursor_x, cursor_y;
	unsigned known, unknown;                /* glyphs that are no blanks; places without a glyph */
	uint64_t letters;                       /* which letters there are, folded into 64 bits */
	uint64_t sum;                           /* of the text without its cursor, to see whether it changed */
	struct { uint32_t hash, ch; } glyph[FBTEXT_GLYPHS];     /* of the video BIOS, by hash */
	unsigned n_glyphs;
};
/* False: this picture is not text. */
bool fbtext_read(struct fbtext *t, const struct screen *s);
void fbtext_free(struct fbtext *t);
#endif
