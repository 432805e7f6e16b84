/* colour.h - colours for terminals that have fewer of them. */
#ifndef TUI_COLOUR_H
#define TUI_COLOUR_H
#include "tui/grid.h"
#include <stdint.h>

/* The conventional values of palette entry 0..255 of an xterm (16 ANSI colours, 6x6x6 cube, 24 greys), 0xRRGGBB. */
uint32_t colour_of_palette(unsigned index);
/* The nearest of the first `count` entries (8, 16 or 256).  With 256 the first 16 are not used: users redefine them. */
unsigned colour_nearest(uint32_t rgb, unsigned count);
/* A grid colour (see grid.h) for a terminal with `count` colours; count above 256 means direct colour.  The result is again a grid
 * colour that such a terminal can show. */
uint32_t colour_reduce(uint32_t colour, unsigned count);
unsigned colour_luma(uint32_t rgb);             /* 0..255 */
/* The style without colours: bright becomes bold, dark on light becomes reverse. */
struct style style_mono(struct style s);
bool colour_bright(uint32_t colour);
#endif
