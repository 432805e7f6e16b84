/* termcell.h - cells of the terminal emulation (libvterm) as cells of a grid, and back; the theme says what plain text looks like. */
#ifndef TUI_TERMCELL_H
#define TUI_TERMCELL_H
#include "tui/grid.h"
#include "tui/theme.h"
#include <vterm.h>
void termcell_read(const struct theme *t, const VTermScreenCell *from, struct cell *to);
/* wide: the next cell is this one's other half. */
void termcell_write(const struct theme *t, const struct cell *from, bool wide, VTermScreenCell *to);
#endif
