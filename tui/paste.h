/* paste.h - text on its way to a console as if it was typed: at the guest's pace, or slower when asked. */
#ifndef TUI_PASTE_H
#define TUI_PASTE_H
#include "tui/fifo.h"
#include "tui/key.h"
struct app;
struct paste {
	struct fifo collecting;         /* a bracketed paste of the terminal that is not complete */
	bool overflow;
	struct fifo offered;            /* shown, not confirmed */
	struct fifo going;              /* being typed */
	unsigned console;               /* into this one */
	bool bracketed;                 /* the guest's program is told where it begins and ends */
	size_t total;
	int64_t at;                     /* when the next piece may go, 0 = at once */
	unsigned char_ms, line_ms;
	struct key after[64];           /* typed meanwhile: comes behind it */
	unsigned n_after;
	bool ask;                       /* more than one line wants to be confirmed */
};
/* A pasted key from the terminal, its marks included. */
void paste_key(struct app *a, const struct key *k);
/* The "]" key: what was copied; while something is being typed: stop that. */
void paste_action(struct app *a);
/* Type some of it when its time has come; returns when to look again, -1 = not by itself. */
int64_t paste_work(struct app *a, int64_t now);
bool paste_goes(const struct app *a);
/* A key for the console that a paste goes to: it waits for its turn. */
void paste_hold(struct app *a, const struct key *k);
void paste_free(struct app *a);
#endif
