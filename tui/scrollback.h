/* scrollback.h - lines that scrolled off a text console, packed into a ring of bytes with a budget; the oldest lines go first. */
#ifndef TUI_SCROLLBACK_H
#define TUI_SCROLLBACK_H
#include "tui/grid.h"
#include <stddef.h>
#include <stdint.h>
struct scrollback;
struct scrollback *scrollback_new(size_t budget_bytes);
void scrollback_free(struct scrollback *s);
/* Append a line of n cells.  Blanks in the default style at its end are not kept. */
void scrollback_push(struct scrollback *s, const struct cell *cells, unsigned n);
/* The same of n bytes of printable ASCII in the default style. */
void scrollback_push_ascii(struct scrollback *s, const uint8_t *bytes, unsigned n);
/* Lines kept now, and all that were ever pushed (minus popped ones). */
size_t   scrollback_lines(const struct scrollback *s);
uint64_t scrollback_total(const struct scrollback *s);
size_t   scrollback_bytes(const struct scrollback *s);  /* memory in use for text, at most the budget */
/* Line `back` lines before the screen (0 = the newest) into at most n cells, the rest of them blank.  Returns its own length in cells. */
unsigned scrollback_get(const struct scrollback *s, size_t back, struct cell *cells, unsigned n);
/* Take the newest line away (a screen that grows takes it back). */
void scrollback_pop(struct scrollback *s);
void scrollback_clear(struct scrollback *s);
/* Another budget from now on; a smaller one drops the oldest lines. */
void scrollback_set_budget(struct scrollback *s, size_t budget_bytes);

/* Count lines so that the next one has this number, at least scrollback_lines(). */
void scrollback_renumber(struct scrollback *s, uint64_t next);

/* Lines by number, as text without styles, for searching: number scrollback_total() - 1 is the newest.  Any push or pop ends a walk. */
struct scrollback_walk { uint64_t number, at; };
struct scrollback_walk scrollback_seek(const struct scrollback *s, uint64_t number);
/* The text of line w->number (UTF-8, *len bytes, no end mark, valid until the next call), and on to the next.  NULL after the newest. */
const char *scrollback_text(struct scrollback *s, struct scrollback_walk *w, size_t *len);
/* Append the walk's line of another ring to this one and go on to the next.  False: it is, or may be, longer than cols; nothing was done. */
bool scrollback_copy(struct scrollback *to, const struct scrollback *from, struct scrollback_walk *w, unsigned cols);
void scrollback_skip(const struct scrollback *s, struct scrollback_walk *w);
#endif
