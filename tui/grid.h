/* grid.h - a grid of character cells in memory: what views draw into and what the screen writer compares and sends.
 *
 * Knows no terminal.  A wide character occupies its cell and a following one whose ch is GRID_WIDE_TAIL. */
#ifndef TUI_GRID_H
#define TUI_GRID_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A colour: 0xRRGGBB, or one of the outer terminal's palette, or its default. */
enum { COLOUR_PALETTE = 0x1000000, COLOUR_DEFAULT = 0x2000000 };
enum {
	ATTR_BOLD = 1u << 0, ATTR_DIM = 1u << 1, ATTR_ITALIC = 1u << 2, ATTR_UNDERLINE = 1u << 3,
	ATTR_BLINK = 1u << 4, ATTR_REVERSE = 1u << 5, ATTR_INVISIBLE = 1u << 6,
};
enum { CELL_COMBINING = 2, GRID_WIDE_TAIL = 0xffffffffu };

struct style { uint32_t fg, bg; unsigned attrs; };
struct cell {
	uint32_t ch;                            /* Unicode; 0 is shown as a space */
	uint32_t comb[CELL_COMBINING];          /* combining characters, 0 = none */
	struct style style;
};
struct rect { int x, y, w, h; };

enum cursor_shape { CURSOR_BLOCK, CURSOR_UNDERLINE, CURSOR_BAR };
struct grid {
	int cols, rows;
	struct cell *cells;
	bool cursor_on, cursor_blinks;
	bool ascii;                             /* frames of + - | instead of lines */
	int cursor_x, cursor_y;
	enum cursor_shape cursor_shape;
};

/* Resize to cols x rows; everything becomes blank in the default style. */
void grid_resize(struct grid *g, int cols, int rows);
void grid_free(struct grid *g);
/* NULL outside the grid. */
struct cell *grid_at(const struct grid *g, int x, int y);
void grid_fill(struct grid *g, struct rect r, struct style s);
/* Put one character; returns the columns it took (0 when it did not fit before column `limit`). */
int  grid_put(struct grid *g, int x, int y, int limit, uint32_t ch, struct style s);
/* UTF-8 text up to column `limit`; returns the column after the last one written.  Control characters show as blanks. */
int  grid_text(struct grid *g, int x, int y, int limit, struct style s, const char *utf8);
int  grid_printf(struct grid *g, int x, int y, int limit, struct style s, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* The same as grid_text, but text that does not fit ends in a mark that says so. */
int  grid_fit(struct grid *g, int x, int y, int limit, struct style s, const char *utf8);
/* Text in rows of `width` columns from row y on, broken between words where that can be, at most `most` rows: text that needs more of them ends
 * in the mark.  Returns how many rows it took; g may be NULL, to ask only that. */
int  grid_wrap(struct grid *g, int x, int y, int width, int most, struct style s, const char *utf8);
/* A frame of box-drawing lines with a title, and behind it the place in what is shown ("3/17", or ""), which is never cut. */
void grid_box(struct grid *g, struct rect r, struct style s, const char *title, const char *place, struct style title_style);
/* Columns of a character: 0 combining, 1, or 2; of text. */
int  char_width(uint32_t ch);
int  text_width(const char *utf8);
bool cell_equal(const struct cell *a, const struct cell *b);

/* One character of UTF-8 at *p (not past end); advances *p.  An invalid byte gives U+FFFD and advances by one. */
uint32_t utf8_next(const char **p, const char *end);
/* Writes 1 to 4 bytes, returns how many. */
int utf8_put(uint32_t ch, char *out);
#endif
