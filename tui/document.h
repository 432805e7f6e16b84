/* document.h - everything a console's view can show, as numbered lines: what scrolled off, then the rows of the live screen.  A line keeps its
 * number for as long as it is kept; the screen's first row has the number scrollback_total(). */
#ifndef TUI_DOCUMENT_H
#define TUI_DOCUMENT_H
#include "core/vm.h"
#include "tui/grid.h"
struct view;
enum { DOCUMENT_CELLS = 1024 };
struct docpos { uint64_t line; unsigned col; };
enum { DOCPLACES_MOST = 4 };
struct docplaces { struct docpos at[DOCPLACES_MOST]; unsigned n; };
struct document {
	struct view *view;
	struct scrollback *back;                /* NULL: nothing scrolled off */
	uint64_t first, live, end;              /* the oldest line, the screen's first row, one past its last row that shows something */
};
/* False: this view has no text now. */
bool document_open(struct document *d, struct view *v);
/* At most n cells, the rest blank; returns the line's own length. */
unsigned document_line(const struct document *d, uint64_t number, struct cell *cells, unsigned n);
/* Append columns from..to (not included) without blanks at the end. */
void document_text(const struct document *d, uint64_t number, unsigned from, unsigned to, struct text *out);
/* Add the text of the lines that scrolled off, from number `from` on (at most the newest thousand); returns the number of the next one. */
uint64_t document_history(struct view *v, uint64_t from, struct text *out);
/* A column of a line for a place in its text, and the text of cells. */
unsigned document_column(const char *text, size_t offset);
size_t cells_text(const struct cell *cells, unsigned n, char *out, size_t size);
#endif
