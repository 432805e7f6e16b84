/* newmachine.h - the form of the machine list that makes a new machine: five fields to go back and forth in.  A mistake is told at its field, and
 * what was typed stays. */
#ifndef TUI_NEWMACHINE_H
#define TUI_NEWMACHINE_H
#include "tui/grid.h"
#include "tui/key.h"
#include "tui/machinefile.h"
#include "tui/prompt.h"
#include "tui/theme.h"
enum { NEW_FIELDS = 5 };
enum newmachine_result { NEW_ASKING, NEW_MADE, NEW_LEFT };
struct newmachine {
	struct prompt prompt;                   /* of the field `at` */
	char text[NEW_FIELDS][PROMPT_MAX * 4 + 1];
	unsigned at;
	char hint[sizeof ((struct error *)0)->msg];  /* what is wrong with the field, or what completes it */
	bool mistake;
	char made[MACHINE_NAME];                /* NEW_MADE: its name */
};
/* Empty fields, the first one first. */
void newmachine_open(struct newmachine *n);
enum newmachine_result newmachine_key(struct newmachine *n, const struct key *k);
/* In the grid's lower rows, the cursor in the field. */
void newmachine_draw(struct newmachine *n, struct grid *g, const struct theme *t);
void newmachine_free(struct newmachine *n);
#endif
