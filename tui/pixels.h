/* pixels.h - a picture as characters: half blocks, sextants, or ASCII.  Pure: pixels in, cells out. */
#ifndef TUI_PIXELS_H
#define TUI_PIXELS_H
#include "core/vm.h"
#include "tui/grid.h"
/* AUTO: text where the picture is text (fbtext.h); otherwise sixels on terminals that have them, half blocks on others.  SIXEL: always sixels,
 * which are not drawn here (picture.h). */
enum renderer { RENDER_AUTO, RENDER_HALF, RENDER_SEXTANT, RENDER_ASCII, RENDER_SIXEL, RENDER_COUNT };
const char *renderer_title(enum renderer r);    /* "half blocks" */
bool renderer_parse(const char *name, enum renderer *r);
/* The largest place of the picture's proportions in r. */
struct rect pixels_place(const struct screen *s, struct rect r);
/* Draw s->pixels into the middle of r, as large as fits, in the proportions of the guest's screen. */
void pixels_draw(const struct screen *s, struct grid *g, struct rect r, enum renderer how);
#endif
