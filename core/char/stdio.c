/* stdio.c - our own standard input and output; a terminal is in raw mode meanwhile. */
#include "core/char/fdio.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

struct stdio {
	struct chr_fd f;
	int own_in, own_out;
	int guard;                      /* pipe to the guardian, -1 = no terminal in raw mode */
	struct termios saved;
};

/* A process that crashes or is killed cannot give the terminal back.  A small process of its own waits for the end of the pipe; unless it
 * was told that all is well, it restores the terminal.  Only calls that are safe after fork() in a program with threads. */
static void guardian(int pipe_end, int tty, const struct termios *saved)
{
	sigset_t all;
	char word;

	setsid();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	dup2(pipe_end, 0);
	dup2(tty, 1);
	close_range(2, ~0u, 0);
	if (read(0, &word, 1) == 0)
		tcsetattr(1, TCSANOW, saved);
	_exit(0);
}

static int start_guardian(const struct termios *saved)
{
	int p[2], tty = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	if (tty < 0 || pipe2(p, O_CLOEXEC))
		return -1;
	int moved = fcntl(p[0], F_DUPFD_CLOEXEC, 3);    /* away from 0 and 1, which the guardian puts to use */
	pid_t child = moved < 0 ? -1 : fork();
	if (!child) {
		close(p[1]);
		if (!fork())
			guardian(moved, tty, saved);
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);        /* the guardian itself belongs to init now */
	close(p[0]);
	close(moved);
	close(tty);
	if (child < 0) {
		close(p[1]);
		return -1;
	}
	return p[1];
}

static void make_raw(struct stdio *s, bool signals)
{
	struct termios t;

	if (tcgetattr(STDIN_FILENO, &t))
		return;
	s->saved = t;
	s->guard = start_guardian(&s->saved);
	t.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	t.c_oflag |= OPOST;
	t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN | (signals ? 0 : ISIG));
	t.c_cflag = (t.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

static void restore_tty(struct stdio *s)
{
	if (s->guard < 0)
		return;
	tcsetattr(STDIN_FILENO, TCSANOW, &s->saved);
	while (write(s->guard, "q", 1) < 0 && errno == EINTR)
		;
	close(s->guard);
	s->guard = -1;
}

/* The shell shares our open descriptions: non-blocking mode is set on ones of our own.  Files keep theirs (their offset is shared, and
 * they never block); where /proc does not help the shared one is used. */
static int own_copy(int fd, int mode)
{
	char path[32];
	struct stat st;

	if (!fstat(fd, &st) && (S_ISFIFO(st.st_mode) || isatty(fd))) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		int n = open(path, mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
		if (n >= 0)
			return n;
	}
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static void stdio_gone(struct chr_fd *f)
{
	struct chardev *c = f->c;

	if (!f->broken)
		return;                         /* end of input only: whoever reads our output is still there */
	chr_fd_stop(f);
	chr_can_write(c);
}

static bool stdio_open(struct chardev *c, const struct kv *kv, struct error *err)
{
	struct machine *m = c->machine;
	bool signals = true;

	if (!chr_bool(kv, "signal", &signals, err))
		return false;
	if (m->opt && m->opt->daemonize)
		return error_set(err, "cannot use stdio with -daemonize");
	if (chr_shared(m)->stdio)
		return error_set(err, "cannot use stdio by multiple character devices");
	struct stdio *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	c->priv = s;
	chr_shared(m)->stdio = c;
	s->guard = -1;
	make_raw(s, signals);
	s->own_in = own_copy(STDIN_FILENO, O_RDONLY);
	s->own_out = own_copy(STDOUT_FILENO, O_WRONLY);
	s->f.gone = stdio_gone;
	chr_fd_start(&s->f, c, s->own_in, s->own_out);
	c->opened = true;
	return true;
}

static void stdio_close(struct chardev *c)
{
	struct stdio *s = c->priv;

	chr_fd_free(&s->f);
	restore_tty(s);
	if (s->own_in >= 0)
		close(s->own_in);
	if (s->own_out >= 0)
		close(s->own_out);
	chr_shared(c->machine)->stdio = NULL;
	free(s);
	c->priv = NULL;
}

static bool stdio_size(struct chardev *c, unsigned *cols, unsigned *rows)
{
	struct winsize ws;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &ws))
		return false;
	*cols = ws.ws_col;
	*rows = ws.ws_row;
	return true;
}

static const char *const stdio_keys[] = { "signal", NULL };
const struct chardev_kind chardev_stdio = { .name = "stdio", .batch = true, .pull = chr_fd_op_pull, .keys = stdio_keys, .open = stdio_open, .close = stdio_close,
	.write = chr_fd_op_write, .accept_input = chr_fd_op_accept, .work = chr_fd_op_work, .size = stdio_size };
