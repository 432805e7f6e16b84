/* vgahistory.h - lines that left a text screen: pushed out at the top by scrolling, or cleared away.
 *
 * An adapter's memory has no such notion; what happened is seen by comparing the screen now with how it was a frame ago. */
#ifndef TUI_VGAHISTORY_H
#define TUI_VGAHISTORY_H
#include "core/vm.h"
struct vga_history;
struct vga_history *vga_history_new(void);
void vga_history_free(struct vga_history *h);
/* Compare with the screen as it was; push is called for each row that is gone, from the top: its cells, its columns. */
void vga_history_look(struct vga_history *h, const struct screen *now, void (*push)(void *arg, const struct text_cell *cells, unsigned cols), void *arg);
#endif
