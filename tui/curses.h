/* curses.h - one ncurses SCREEN that writes into memory: a grid goes in, the bytes that bring a terminal up to date come out.
 *
 * newterm() gets a memory file as its output, so drawing never waits for a terminal; whoever owns the terminal sends the bytes on when it
 * takes them, and asks for the next frame only then.  A terminal that stalls therefore misses frames and ends with the right one. */
#ifndef TUI_CURSES_H
#define TUI_CURSES_H
#include "core/vm.h"
#include "tui/grid.h"
struct keydec;
struct curses;
struct curses_options {
	const char *term;               /* $TERM */
	int cols, rows;
	bool direct_colour;             /* the terminal shows 24-bit colours (COLORTERM) */
	bool no_colour;                 /* NO_COLOR */
	bool utf8;                      /* the locale's character set */
};
/* NULL and one sentence when the terminal is unknown or cannot place a cursor. */
struct curses *curses_open(const struct curses_options *o, struct error *err);
/* Once one is closed, those that were open beside it must not be used any more: after delscreen() ncurses 6.4 draws nothing on some of
 * them.  So a screen whose terminal went away is kept for the next one that it fits. */
void curses_close(struct curses *c);
/* Would curses_open() make the same one, but for the size? */
bool curses_fits(const struct curses *c, const struct curses_options *o);
/* 0 = one colour only; above 256 = direct colour. */
unsigned curses_colours(const struct curses *c);
void curses_resize(struct curses *c, int cols, int rows);
/* Forget what the terminal shows: the next frame paints everything. */
void curses_forget(struct curses *c);
/* Bytes of the next frame, valid until the next call; *len is 0 when nothing changed. */
const void *curses_frame(struct curses *c, const struct grid *g, size_t *len);
/* Bytes that leave the terminal as it was found, whatever was drawn. */
const char *curses_goodbye(struct curses *c);
/* After a goodbye that was not the last one: bytes to send before the next frame. */
const char *curses_hello(struct curses *c);
/* More bytes for hello and goodbye: a mode of the terminal, and its end.  They stand until set anew. */
void curses_set_modes(struct curses *c, const char *on, const char *off);
/* Teach the decoder the function keys of this terminal. */
void curses_teach_keys(const struct curses *c, struct keydec *d);
#endif
