/* machinelist.h - what the machine list knows, how it looks (machinelist.c) and what it does (machinerun.c); machines.c acts on keys. */
#ifndef TUI_MACHINELIST_H
#define TUI_MACHINELIST_H
#include "tui/curses.h"
#include "tui/guard.h"
#include "tui/keydec.h"
#include "tui/machinefile.h"
#include "tui/newmachine.h"
#include "tui/prompt.h"
#include "tui/theme.h"
#include "tui/tty.h"
enum list_question { ASK_NOTHING, ASK_DELETE, ASK_STOP, ASK_CLONE, ASK_NEW };
struct machinelist {
	struct tty tty;
	struct curses *screen;
	struct guard guard;
	struct keydec decoder;
	void (*key)(void *list, const struct key *k);           /* what is typed goes there */
	struct grid grid;
	struct theme theme;
	struct prompt prompt;                   /* of a clone's name */
	struct newmachine form;
	struct machinefile *m;
	unsigned n;
	int at, top, cols, rows, sig_fd;
	int help, help_next;                    /* the first key of the page of keys that is shown, and of the next page; -1 = none */
	enum list_question asking;
	char about[64];                         /* the machine of the question */
	char message[400];
	bool mistake;                           /* the message tells of one */
	bool quit;
};
struct machinefile *machinelist_chosen(struct machinelist *l);          /* NULL: there is none */
/* Compose the grid. */
void machinelist_draw(struct machinelist *l);
/* Take the terminal, and give it back.  False: it cannot be used; err says why. */
bool machinelist_show(struct machinelist *l, struct error *err);
void machinelist_hide(struct machinelist *l);
/* Start a machine, shown here or not; show one that runs; edit its file: each by a program in the list's place, until that ends. */
void machinelist_start(struct machinelist *l, const struct machinefile *m, bool background);
void machinelist_attach(struct machinelist *l, const struct machinefile *m);
void machinelist_edit(struct machinelist *l, const struct machinefile *m);
/* Press its power button, or end it at once. */
bool machinelist_stop(const struct machinefile *m, bool at_once, struct error *err);
#endif
