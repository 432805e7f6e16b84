/* watch.h - `watch N COMMAND` in a monitor of the workstation: the command's output in a console of its own, made anew every N seconds. */
#ifndef CORE_MONITOR_WATCH_H
#define CORE_MONITOR_WATCH_H
#include "core/monitor/internal.h"
/* Start one; what to say about it goes to out.  Machine lock held, loop thread. */
bool watch_start(struct monitor *mon, int64_t seconds, const char *line, struct text *out, struct error *err);
void watches_free(struct machine *m);           /* before the chardevs */
#endif
