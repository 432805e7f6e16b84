/* wallclock.h - what time it is, for people: in logs, recordings, names of files, beside lines.  Tests put another clock in its place. */
#ifndef TUI_WALLCLOCK_H
#define TUI_WALLCLOCK_H
#include <stdint.h>

/* Milliseconds since 1970, UTC.  Any thread. */
int64_t wallclock_ms(void);
#endif
