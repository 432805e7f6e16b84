/* history.h - what was typed at a monitor by hand, kept from one run to the next in a file of mode 0600. */
#ifndef CORE_MONITOR_HISTORY_H
#define CORE_MONITOR_HISTORY_H
#include "core/monitor/readline.h"
/* $XDG_STATE_HOME/vmux/monitor_history, else ~/.local/state/vmux/monitor_history; to be freed.  NULL: no home. */
char *history_path(void);
/* Newest lines of the file become r's history.  A file that is not there or cannot be read is no error. */
void history_load(const char *path, struct readline *r);
/* Append a line; not when it begins with a blank or names a secret.  The file is cut when it grows large.  Failures are silent. */
void history_add(const char *path, const char *line);
#endif
