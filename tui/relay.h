/* relay.h - the program at a person's terminal: it hands the terminal to a machine and puts it right afterwards, whatever happens to the
 * machine. */
#ifndef TUI_RELAY_H
#define TUI_RELAY_H
#include "core/vm.h"
#include <sys/types.h>
struct relay_options {
	int sock;               /* to the machine */
	pid_t child;            /* the machine is a child of ours; 0 = we attach to one that runs */
	bool read_only;
	int log_fd;             /* what the machine prints while the screen is on, -1 = the machine will send it */
};
/* What keeps this terminal from showing the workstation, or NULL. */
const char *relay_complaint(void);
/* Until the machine ends or lets go of the terminal.  The exit status: the machine's, or 0 after a detach. */
int relay_run(const struct relay_options *o);
#endif
