/* guard.c - see guard.h. */
#include "tui/guard.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GUARD_BYTES = 1000, STALL_MS = 1000, LOG_MAX = 1 << 20 };
struct guard_msg { bool armed; struct termios modes, ours; uint32_t len; char bytes[GUARD_BYTES]; };

/* Write without waiting for ever: a terminal that takes nothing for a second gets nothing more. */
static bool write_all(int fd, const char *p, size_t n)
{
	while (n) {
		struct pollfd pfd = { .fd = fd, .events = POLLOUT };
		if (poll(&pfd, 1, STALL_MS) <= 0 || (pfd.revents & (POLLERR | POLLHUP | POLLNVAL)))
			return false;
		size_t chunk = n < 256 ? n : 256;
		ssize_t w = write(fd, p, chunk);
		if (w < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		if (w > 0) {
			p += w;
			n -= (size_t)w;
		}
	}
	return true;
}

static void print_log(int log_fd, int to, off_t at)
{
	char buf[4096];
	ssize_t n;
	while (log_fd >= 0 && (n = pread(log_fd, buf, sizeof buf, at)) > 0) {
		if (!write_all(to, buf, (size_t)n))
			return;
		at += n;
	}
}

static bool same_modes(const struct termios *a, const struct termios *b)
{
	return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag && a->c_lflag == b->c_lflag;
}

static void restore(const struct guard_msg *m, int log_fd)
{
	struct termios now;
	if (m->len)                             /* a stalled terminal: what waits there is of no use any more */
		tcflush(STDOUT_FILENO, TCOFLUSH);
	if (!tcgetattr(STDIN_FILENO, &now) && same_modes(&now, &m->ours))
		tcsetattr(STDIN_FILENO, TCSANOW, &m->modes);
	write_all(STDOUT_FILENO, m->bytes, m->len);
	print_log(log_fd, STDERR_FILENO, 0);
}

static _Noreturn void guard_main(int sock, int log_fd)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2 };
	struct guard_msg msg = { 0 }, now = { 0 };
	for (unsigned i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_IGN);
	setpgid(0, 0);
	prctl(PR_SET_NAME, "vmux-guard");
	for (;;) {
		ssize_t n = recv(sock, &msg, sizeof msg, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		now = msg;
	}
	if (now.armed)
		restore(&now, log_fd);
	_exit(0);
}

void guard_print_log(int log_fd, long from)
{
	print_log(log_fd, STDERR_FILENO, from);
}

void guard_open_log(struct guard *g)
{
	*g = (struct guard){ .sock = -1, .log_fd = -1, .saved_out = -1, .saved_err = -1 };
	g->log_fd = memfd_create("vmux-messages", MFD_CLOEXEC);
	if (g->log_fd >= 0)
		fcntl(g->log_fd, F_SETFL, O_APPEND);
}

void guard_start(struct guard *g)
{
	int pair[2];
	guard_open_log(g);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return;
	g->pid = fork();
	if (g->pid == 0) {
		close(pair[0]);
		guard_main(pair[1], g->log_fd);
	}
	close(pair[1]);
	if (g->pid < 0)
		close(pair[0]);
	else
		g->sock = pair[0];
}

static void tell(struct guard *g, const struct guard_msg *msg)
{
	if (g->sock >= 0)
		while (send(g->sock, msg, sizeof *msg, MSG_NOSIGNAL) < 0 && errno == EINTR)
			;
}

void guard_arm(struct guard *g, const struct termios *modes, const struct termios *ours, const void *bytes, size_t len)
{
	struct guard_msg msg = { .armed = true, .modes = *modes, .ours = *ours, .len = (uint32_t)(len < GUARD_BYTES ? len : GUARD_BYTES) };
	memcpy(msg.bytes, bytes, msg.len);
	tell(g, &msg);
}

void guard_disarm(struct guard *g)
{
	tell(g, &(struct guard_msg){ .armed = false });
}

void guard_capture(struct guard *g)
{
	if (g->log_fd < 0 || g->saved_out >= 0)
		return;
	fflush(stdout);
	fflush(stderr);
	g->saved_out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	g->saved_err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	dup2(g->log_fd, STDOUT_FILENO);
	if (isatty(g->saved_err))               /* a stderr that goes to a file is left alone */
		dup2(g->log_fd, STDERR_FILENO);
}

void guard_release(struct guard *g)
{
	if (g->saved_out < 0)
		return;
	fflush(stdout);
	fflush(stderr);
	dup2(g->saved_out, STDOUT_FILENO);
	dup2(g->saved_err, STDERR_FILENO);
	close(g->saved_out);
	close(g->saved_err);
	g->saved_out = g->saved_err = -1;
	print_log(g->log_fd, STDERR_FILENO, 0);
	if (ftruncate(g->log_fd, 0))
		close(g->log_fd), g->log_fd = -1;
}

bool guard_new_line(struct guard *g, long *seen, char *line, size_t size)
{
	struct stat st;
	char buf[512];
	if (g->log_fd < 0 || fstat(g->log_fd, &st) || st.st_size == *seen)
		return false;
	if (st.st_size < *seen)
		*seen = 0;
	off_t from = st.st_size - *seen > (off_t)sizeof buf ? st.st_size - (off_t)sizeof buf : *seen;
	ssize_t n = pread(g->log_fd, buf, sizeof buf, from);
	if (n <= 0 || buf[n - 1] != '\n')
		return false;
	*seen = st.st_size;
	buf[n - 1] = 0;
	char *last = strrchr(buf, '\n');
	snprintf(line, size, "%s", last ? last + 1 : buf);
	if (st.st_size > LOG_MAX && !ftruncate(g->log_fd, 0))
		*seen = 0;
	return true;
}

void guard_stop(struct guard *g)
{
	if (g->sock >= 0) {
		close(g->sock);
		while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (g->log_fd >= 0)
		close(g->log_fd);
	g->sock = g->log_fd = -1;
}
