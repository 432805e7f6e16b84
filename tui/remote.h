/* remote.h - `vmux attach`, `ls`, `send`, `wait`, `screen` and `stop`: what is done to machines that run already. */
#ifndef TUI_REMOTE_H
#define TUI_REMOTE_H
#include "core/vm.h"
/* Is this word one of the commands? */
bool remote_knows(const char *word);
/* argv[0] is the command; returns the exit status. */
int remote_main(int argc, char **argv);
struct remote_machine { char name[64], state[64], real_name[128], title[64]; long long seconds; unsigned clients; long pid; };
/* Machines that run now, at most `max`, by name. */
unsigned remote_list(struct remote_machine *out, unsigned max);
#endif
