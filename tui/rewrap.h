/* rewrap.h - lines that scrolled off, laid out anew for another width. */
#ifndef TUI_REWRAP_H
#define TUI_REWRAP_H
#include "tui/document.h"
#include "tui/linetimes.h"
#include "tui/scrollback.h"
#include "tui/wraps.h"
/* A new ring in place of *back: rows that went on are joined, rows longer than cols divided.  Wraps and times follow; the next line's number is
 * what it was, unless there are more lines now than that.  The places (may be NULL) move with their characters. */
void rewrap(struct scrollback **back, size_t budget, struct wraps *wraps, struct linetimes *times, unsigned old_cols, unsigned cols, struct docplaces *places);
#endif
