/* picture.h - a guest's picture as sixels on a terminal that has them, where others show it as characters.
 *
 * A terminal is asked what it has (DA1) when there is a picture for the first time.  The characters behind a picture are blanks for such a
 * terminal; the sixels come after the frame. */
#ifndef TUI_PICTURE_H
#define TUI_PICTURE_H
#include "core/vm.h"
#include "tui/grid.h"
struct client;
enum sixel_has { SIXEL_UNKNOWN, SIXEL_ASKED, SIXEL_NO, SIXEL_YES };
struct picture_state { enum sixel_has has; bool shown; unsigned serial; struct rect at; };
/* The terminal's answer to DA1: its numbers. */
void picture_answer(struct client *c, const unsigned *p, unsigned n);
/* Is a picture to be shown as sixels?  Then the grid with blanks in its place (c->part), else g. */
const struct grid *picture_hide(struct client *c, const struct grid *g);
/* After the frame's bytes (repainted: the frame was not empty): the sixels, if there is anything new. */
void picture_put(struct client *c);
#endif
