/* client.h - the machine's side of one connection to its control socket: a terminal that shows the workstation, or a question.
 *
 * Several terminals show the same workstation, each through a curses screen of its own (its own TERM, colours, locale).  The size is that
 * of the terminal that was used last; a larger one has an empty margin, a smaller one shows the part around the cursor. */
#ifndef TUI_CLIENT_H
#define TUI_CLIENT_H
#include "tui/curses.h"
#include "tui/fifo.h"
#include "tui/keydec.h"
#include "tui/picture.h"
#include "tui/termmodes.h"
#include "tui/tty.h"
#include <locale.h>
#include <poll.h>
struct app;
struct wire_msg;
struct waiting;
struct linear;
struct client {
	struct app *app;
	int sock;
	struct curses *screen;                  /* NULL: shows nothing (yet) */
	struct tty tty;
	struct keydec decoder;
	locale_t locale;
	struct picture_state picture;
	struct grid part;                       /* what it shows of a workstation of another size */
	char term[64], mux;                     /* its TERM; 't' inside tmux, 's' inside screen */
	int cols, rows, part_x, part_y;         /* part_*: where the part begins in the workstation */
	struct linear *linear;                  /* plain text instead of a screen; NULL: a screen */
	struct term_modes modes;
	bool read_only, suspended, utf8;
	bool armed;                             /* read-only: the prefix key was typed */
	bool behind;                            /* has not got the newest frame */
	bool bell;
	bool closing;                           /* close when `out` is empty */
	bool dead;                              /* to be removed */
	struct termios saved, ours;
	struct fifo out;                        /* messages that wait for room: a size_t and the message's bytes, each */
	struct waiting *waiting;                /* what `vmux wait` waits for */
};
struct client *client_new(struct app *a, int sock);
/* Close everything; the machine goes on.  Puts the terminal right where nobody else is left to do it. */
void client_free(struct client *c);
/* The terminal is given back; the other side is told why and closes. */
void client_leave(struct client *c, int why /* enum wire_leave */);
/* A message came, or the connection's end. */
void client_readable(struct client *c);
void client_tty_readable(struct client *c, int64_t now);
/* Queue a message; sent at once when there is room. */
void client_send(struct client *c, const struct wire_msg *m);
void client_done(struct client *c, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void client_flush(struct client *c);
/* Takes frames now. */
bool client_ready(struct client *c);
/* Show plain text, or a screen again. */
void client_linear(struct client *c, bool on);
/* Tell the program at the terminal which bytes put it right now. */
void client_say_goodbye_is(struct client *c);
/* Send what changed in the workstation's grid. */
void client_draw(struct client *c);
#endif
