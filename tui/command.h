/* command.h - the command line, and the log of monitor commands that actions equal: what was done here can be done by a script. */
#ifndef TUI_COMMAND_H
#define TUI_COMMAND_H
#include "core/vm.h"
struct app;
/* A line of the command line: an action, "set NAME VALUE" and the like, or a monitor command. */
void command_run(struct app *a, const char *line);
void command_complete(struct app *a, const char *line, struct text *out);
/* Run a monitor line and show what it says: one line as a message, more in a pager. */
void command_monitor(struct app *a, const char *line, const char *title);
/* Note the monitor command that an action was. */
void command_log(struct app *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#endif
