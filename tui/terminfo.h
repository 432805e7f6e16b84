/* terminfo.h - a description of the terminal made for one ncurses screen.
 *
 * ncurses reads sizes, the number of colours and direct colour from a terminfo entry only.  So one is made: the user's own entry, with the
 * real size and, where the terminal shows 24-bit colours, with sequences for them. */
#ifndef TUI_TERMINFO_H
#define TUI_TERMINFO_H
#include <stdbool.h>
enum { TERMINFO_PALETTE = 0x1000000 };          /* direct colour: numbers from here on are the palette's */
#define TERMINFO_NAME "vmux-screen"
struct terminfo_wish { int cols, rows; bool direct, mono; };
/* From the entry that setupterm() loaded: the text for $TERMINFO ("hex:..."), to be freed.  NULL: no memory, or an entry too large. */
char *terminfo_make(const struct terminfo_wish *w);
#endif
