/* guard.h - a small process beside the program that puts the terminal right when the program dies without doing it, be it by kill -9.
 *
 * It sleeps on a socket.  While armed, the socket's end means: write these bytes, set these modes, then print what the program had said on
 * stderr meanwhile.  The same memory file takes the program's stdout and stderr while the screen is on. */
#ifndef TUI_GUARD_H
#define TUI_GUARD_H
#include "core/vm.h"
#include <sys/types.h>
#include <termios.h>
struct guard {
	int sock;                       /* -1: no guard */
	pid_t pid;
	int log_fd;                     /* memory file with what was printed while the screen was on, -1 = none */
	int saved_out, saved_err;       /* the real stdout and stderr, -1 while not captured */
};
/* Only what takes the messages: no process. */
void guard_open_log(struct guard *g);
/* Print on stderr what was captured after offset `from`. */
void guard_print_log(int log_fd, long from);
/* Fork the guard.  Early: before threads, and before memory is large.  Without it the program works, but not its kill -9. */
void guard_start(struct guard *g);
/* From now on dying writes `bytes` (at most 1000) to stdout and, if stdin's modes are still `ours` (a shell may have been faster), restores
 * `modes`. */
void guard_arm(struct guard *g, const struct termios *modes, const struct termios *ours, const void *bytes, size_t len);
void guard_disarm(struct guard *g);
/* Send stdout and stderr into the memory file; guard_release() brings them back and prints what came. */
void guard_capture(struct guard *g);
void guard_release(struct guard *g);
/* The newest whole line captured after offset *seen (which moves on); false: none.  Keeps the file from growing without bound. */
bool guard_new_line(struct guard *g, long *seen, char *line, size_t size);
/* Let the guard end; call when disarmed. */
void guard_stop(struct guard *g);
#endif
