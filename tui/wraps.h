/* wraps.h - which lines of a text console go on in the next one, because the terminal was too narrow for what was printed.
 *
 * The terminal emulation does not tell, so the stream is followed: text, tabs, colours and line ends.  After anything that moves the cursor
 * otherwise nothing is claimed of that line. */
#ifndef TUI_WRAPS_H
#define TUI_WRAPS_H
#include "tui/strip.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct wraps {
	struct strip strip;
	bool sure, cr, at_end;          /* at_end: the line end that comes was told already */
	bool exact;                     /* of a piece: delta is how many lines on its end is */
	unsigned delta;
	unsigned pos, row;              /* of the line that is being printed */
	uint32_t ch;
	unsigned more;                  /* bytes of a UTF-8 character that are still to come */
	uint64_t *line;                 /* those that go on, rising */
	size_t n, cap;
};
/* How many of n bytes may be printed now, when the cursor is in line `from`: all, unless a line that went on ends there and nobody can tell from here
 * which one it is; then its rows (wraps_open_rows) are to be noted. */
size_t wraps_piece(struct wraps *w, const uint8_t *bytes, size_t n, unsigned cols, uint64_t from);
/* A line of so many rows ends in this one. */
void wraps_note(struct wraps *w, uint64_t last, unsigned rows);
/* Rows of the line that is not over; 1 when nothing is sure. */
unsigned wraps_open_rows(const struct wraps *w);
bool wraps_goes_on(const struct wraps *w, uint64_t line);
void wraps_free(struct wraps *w);
#endif
