/* search.h - look for a pattern in a document, a slice at a time.
 *
 * Patterns are PCRE2, in UTF-8; without a capital letter their case does not matter.  A line on which a pattern needs more steps than the limit
 * counts as without it, and is counted.  Lines that come later are looked at by the next slices; the live screen is looked at anew each time. */
#ifndef TUI_SEARCH_H
#define TUI_SEARCH_H
#include "core/vm.h"
#include "tui/document.h"
enum { SEARCH_LITERAL = 1, SEARCH_INVERT = 2, SEARCH_LINES = 4 };       /* LINES: which lines, not where in them; INVERT: those without it */
enum { SEARCH_MOST = 1 << 20, SEARCH_SLICE_MS = 8 };
struct match { uint64_t line; unsigned from, to; };     /* columns; to is not included */
struct search;
/* NULL: bad pattern; err says what is wrong where. */
struct search *search_new(const char *pattern, unsigned flags, struct error *err);
void search_free(struct search *s);
/* Look at some more lines; true: there is more to do. */
bool search_slice(struct search *s, const struct document *d);
void search_cancel(struct search *s);
/* Forget what was found and begin anew with the next slice: the lines have other numbers now. */
void search_restart(struct search *s);
/* How far it is, and what was found, in order; *matches is valid until the next slice. */
size_t search_matches(const struct search *s, const struct match **matches);
unsigned search_too_hard(const struct search *s);
bool search_full(const struct search *s);               /* SEARCH_MOST were found; the rest is not looked at */
const char *search_pattern(const struct search *s);
/* The first match at or after a place; the number of matches when there is none. */
size_t search_at(const struct search *s, uint64_t line, unsigned column);
/* One text: for triggers and the like. */
bool search_text(struct search *s, const char *text, size_t len);
#endif
