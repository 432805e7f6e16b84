/* filter.h - "COMMAND | /regex/" and "COMMAND | !/regex/" in the monitors of the workstation; on other wires a line is QEMU's. */
#ifndef CORE_MONITOR_FILTER_H
#define CORE_MONITOR_FILTER_H
#include "core/machine/error.h"
#include "core/machine/text.h"
struct filter;
/* Cut the filter off the line.  NULL: there is none, or (with a message) it is malformed. */
struct filter *filter_split(char *line, struct error *err);
/* Take the lines of out (from byte `from` on) that do not pass. */
void filter_lines(struct filter *f, struct text *out, size_t from);
void filter_free(struct filter *f);
#endif
