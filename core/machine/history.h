/* history.h - rows that left a text screen: pushed out at the top by scrolling, or cleared away.
 *
 * An adapter's memory has no such notion.  An adapter that can see its guest scroll says so, with the screen just before and after; whatever else
 * happened is found by comparing the screen now with how it was when it was looked at last.  Machine lock held. */
#ifndef CORE_MACHINE_HISTORY_H
#define CORE_MACHINE_HISTORY_H
#include "core/machine/display.h"
struct text_history;
struct text_history *text_history_new(void);
void text_history_free(struct text_history *h);         /* NULL is allowed */

/* Screens are rows * cols cells, at most TEXT_MAX_COLS wide. */
/* Compare with the screen as it was, row by row.  now NULL: no text is shown any more, all of it is gone. */
void text_history_look(struct text_history *h, const struct text_cell *now, unsigned cols, unsigned rows);
/* before became after in one go, in which the guest wrote the first `swept` rows from the top down (or all changed at once: swept is rows).  False: that
 * was no scrolling and no clearing, and nothing was done. */
bool text_history_step(struct text_history *h, const struct text_cell *before, const struct text_cell *after, unsigned cols, unsigned rows, unsigned swept);
/* The first n rows of before are above the screen now. */
void text_history_forward(struct text_history *h, const struct text_cell *before, const struct text_cell *after, unsigned cols, unsigned rows, unsigned n);
/* The screen shows n rows more at its top, as when a guest looks back: the same rows are not noted again when they leave it. */
void text_history_back(struct text_history *h, const struct text_cell *after, unsigned cols, unsigned rows, unsigned n);
/* From there to n rows further down, more than a screen.  False: the guest had not looked back so far, and nothing was done. */
bool text_history_return(struct text_history *h, const struct text_cell *after, unsigned cols, unsigned rows, unsigned n);
/* Hand over the rows; `to` gives its memory for the next ones. */
void text_history_take(struct text_history *h, struct text_rows *to);
#endif
