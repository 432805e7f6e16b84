/* termcell.h - cells of the terminal emulation (libvterm) as cells of a grid, and back.  Colours that a guest left to its terminal, the default
 * ones and palette entries, stay so: theme_style() says what they look like. */
#ifndef TUI_TERMCELL_H
#define TUI_TERMCELL_H
#include "tui/grid.h"
#include <vterm.h>
void termcell_read(const VTermScreenCell *from, struct cell *to);
/* wide: the next cell is this one's other half. */
void termcell_write(const struct cell *from, bool wide, VTermScreenCell *to);
#endif
