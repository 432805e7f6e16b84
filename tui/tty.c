/* tty.c - the user's terminal. */
#include "tui/tty.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LAST_WORDS_MS = 300 };

bool tty_open(struct tty *t, struct error *err)
{
	char name[256];
	*t = (struct tty){ .fd = -1 };
	if (!ttyname_r(STDOUT_FILENO, name, sizeof name))
		t->fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0)
		t->fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0) {
		/* After su, another user's terminal: not ours to open, but ours to use. */
		t->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
		t->shared = true;
		t->saved_flags = t->fd < 0 ? 0 : fcntl(t->fd, F_GETFL);
		if (t->fd >= 0)
			fcntl(t->fd, F_SETFL, t->saved_flags | O_NONBLOCK);
	}
	if (t->fd < 0 || tcgetattr(t->fd, &t->saved)) {
		int e = errno;
		tty_close(t);
		return error_set(err, "cannot use the terminal: %s", strerror(e));
	}
	return true;
}

void tty_adopt(struct tty *t, int fd)
{
	*t = (struct tty){ .fd = fd };
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

bool tty_raw(struct tty *t, struct error *err)
{
	struct termios raw = t->saved;
	raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON | IXOFF);
	raw.c_oflag &= ~(tcflag_t)OPOST;
	raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	raw.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
	raw.c_cflag |= CS8;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(t->fd, TCSANOW, &raw))
		return error_set(err, "cannot set the terminal's modes: %s", strerror(errno));
	tcgetattr(t->fd, &t->ours);             /* as the terminal took them */
	t->raw = true;
	return true;
}

void tty_size(const struct tty *t, int *cols, int *rows)
{
	struct winsize ws;
	*cols = 80;
	*rows = 24;
	if (!ioctl(t->fd, TIOCGWINSZ, &ws) && ws.ws_col && ws.ws_row) {
		*cols = ws.ws_col < 1000 ? ws.ws_col : 1000;
		*rows = ws.ws_row < 500 ? ws.ws_row : 500;
	}
}

void tty_put(struct tty *t, const void *bytes, size_t len)
{
	if (!t->gone)
		fifo_put(&t->out, bytes, len);
}

bool tty_flush(struct tty *t)
{
	while (t->out.len) {
		ssize_t n = write(t->fd, fifo_head(&t->out), t->out.len);
		if (n > 0) {
			fifo_take(&t->out, (size_t)n);
			t->bytes_out += (uint64_t)n;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && errno != EAGAIN) {
			t->gone = true;
			fifo_clear(&t->out);
		} else {
			break;
		}
	}
	return !t->out.len;
}

/* True when the buffer emptied in time. */
static bool drain(struct tty *t, int ms)
{
	for (int i = 0; i < 3 && !tty_flush(t); i++) {
		struct pollfd p = { .fd = t->fd, .events = POLLOUT };
		if (poll(&p, 1, ms) <= 0)
			break;
	}
	return !t->out.len;
}

void tty_restore(struct tty *t, const void *bytes, size_t len)
{
	if (t->fd < 0 || !t->raw)
		return;
	if (!t->gone && !drain(t, LAST_WORDS_MS)) {
		tcflush(t->fd, TCOFLUSH);
		fifo_clear(&t->out);
		tty_put(t, "\030\033\\", 3);            /* CAN and ST end the sequence that may have been cut */
	}
	tty_put(t, bytes, len);
	drain(t, LAST_WORDS_MS);
	tcsetattr(t->fd, TCSANOW, &t->saved);
	t->raw = false;
}

void tty_close(struct tty *t)
{
	if (t->fd >= 0) {
		if (t->shared)
			fcntl(t->fd, F_SETFL, t->saved_flags);
		close(t->fd);
	}
	fifo_free(&t->out);
	t->fd = -1;
}

size_t tty_read(struct tty *t, uint8_t *buf, size_t len)
{
	ssize_t n = read(t->fd, buf, len);
	if (n > 0)
		return (size_t)n;
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		t->gone = true;
	return 0;
}
