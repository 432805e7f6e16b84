/* tty.h - the user's terminal: its modes, its bytes in and, through a buffer, out.  Never blocks.
 *
 * Opened anew by name, so that O_NONBLOCK does not spread to the shell and others that share stdin. */
#ifndef TUI_TTY_H
#define TUI_TTY_H
#include "core/vm.h"
#include "tui/fifo.h"
#include <sys/types.h>
#include <termios.h>
struct tty {
	int fd;                         /* -1 when closed */
	struct termios saved, ours;     /* modes as found, and as we set them */
	bool raw, shared;               /* shared: it could not be opened anew and is dup'ed from stdin */
	int saved_flags;
	bool gone;                      /* hung up */
	struct fifo out;
	uint64_t bytes_out;
};
bool tty_open(struct tty *t, struct error *err);
/* Use a terminal that someone else opened and keeps the modes of. */
void tty_adopt(struct tty *t, int fd);
bool tty_raw(struct tty *t, struct error *err);
/* Modes as they were.  Drops what is not written yet when the terminal does not take it at once. */
void tty_restore(struct tty *t, const void *bytes, size_t len);
void tty_close(struct tty *t);
void tty_size(const struct tty *t, int *cols, int *rows);
void tty_put(struct tty *t, const void *bytes, size_t len);
/* Write what the terminal takes now.  True when nothing is left. */
bool tty_flush(struct tty *t);
/* Bytes read; 0 = none now.  Sets gone at the end. */
size_t tty_read(struct tty *t, uint8_t *buf, size_t len);
#endif
