/* linetimes.h - when the lines of a console were printed, and the column that shows it.
 *
 * Lines are numbered as in document.h.  Lines that came together share an entry, so a flood costs next to nothing.  Times are never part of
 * what is searched, copied or logged. */
#ifndef TUI_LINETIMES_H
#define TUI_LINETIMES_H
#include "tui/grid.h"
struct theme;
enum stamp_kind { STAMP_NONE, STAMP_CLOCK, STAMP_DELTA, STAMP_GUEST, STAMP_KINDS };
struct linetime { uint64_t line; int64_t host_ms, guest_ns; };  /* ms since 1970; the guest's clock */
struct linetimes {
	struct linetime *at;            /* rising by line: an entry holds up to the next one's */
	size_t n, cap;
	uint64_t end;                   /* one past the last line that has a time */
};
/* Lines from `from` on, up to `end` (not included), were printed now. */
void linetimes_mark(struct linetimes *t, uint64_t from, uint64_t end, int64_t host_ms, int64_t guest_ns);
/* NULL: nothing is known of this line. */
const struct linetime *linetimes_of(const struct linetimes *t, uint64_t line);
void linetimes_free(struct linetimes *t);
const char *stamp_name(enum stamp_kind kind);
/* Columns of the column, 0 when there is none or the pane is too narrow for it. */
int stamp_width(enum stamp_kind kind, int pane_width);
void stamp_draw(const struct linetimes *t, enum stamp_kind kind, struct grid *g, int x, int y, int limit, struct style s, uint64_t line);
#endif
