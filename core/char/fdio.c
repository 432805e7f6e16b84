/* fdio.c - non-blocking descriptors behind a chardev. */
#include "core/char/fdio.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK = 4096, RECORD = 16384 /* of TLS */, HELD_MAX = 16 << 20 /* more than a kernel keeps for a socket */ };

static void on_event(void *arg, unsigned events);

/* Tell the loop what we wait for.  A peer whose bytes cannot be taken now is still watched for hanging up. */
static void update(struct chr_fd *f)
{
	struct loop *l = f->c->machine->loop;
	unsigned in = f->in < 0 || f->in_eof || f->broken ? 0 : f->in_wait ? LOOP_HUP : LOOP_IN;
	unsigned out = f->out >= 0 && f->out_wait && !f->broken ? LOOP_OUT : 0;

	if (!l)
		return;
	if (f->in == f->out) {
		if (f->in >= 0)
			loop_watch(l, f->in, in | out, on_event, f);
		return;
	}
	if (f->in >= 0)
		loop_watch(l, f->in, in, on_event, f);
	if (f->out >= 0)
		loop_watch(l, f->out, out, on_event, f);
}

/* Keep what came; more than a peer has any use for is closed. */
static void keep_fds(struct chr_fd *f, struct msghdr *h)
{
	for (struct cmsghdr *m = CMSG_FIRSTHDR(h); m; m = CMSG_NXTHDR(h, m)) {
		if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (m->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(m) + i * sizeof(fd), sizeof(fd));
			if (f->n_passed < CHR_FDS_MAX)
				f->passed[f->n_passed++] = fd;
			else
				close(fd);
		}
	}
}

static ssize_t receive(struct chr_fd *f, uint8_t *buf, size_t len)
{
	char control[CMSG_SPACE(sizeof(int) * CHR_FDS_MAX)] __attribute__((aligned(8)));
	struct iovec v = { .iov_base = buf, .iov_len = len };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };

	if (f->recv)
		return f->recv(f, buf, len);
	if (!f->takes_fds)
		return read(f->in, buf, len);
	ssize_t n = recvmsg(f->in, &h, MSG_CMSG_CLOEXEC);
	if (n >= 0)
		keep_fds(f, &h);
	return n;
}

static void hold(struct chr_fd *f, const uint8_t *buf, size_t len, int break_at)
{
	uint8_t *p = realloc(f->held, f->held_len + len + 1);

	if (!p)
		abort();
	if (!f->held)
		f->held_break = SIZE_MAX;
	if (break_at >= 0)
		f->held_break = f->held_len + (size_t)break_at;
	memcpy(p + f->held_len, buf, len);
	f->held = p;
	f->held_len += len;
}

/* The rest of what a peer sent, read before the descriptor goes away. */
static void hold_rest(struct chr_fd *f)
{
	for (;;) {
		uint8_t buf[RECORD];
		ssize_t n = receive(f, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		int break_at = -1;
		unsigned len = f->decode ? f->decode(f, buf, (unsigned)n, &break_at) : (unsigned)n;
		if (f->held_len + len <= HELD_MAX)      /* else: a flood nobody will read */
			hold(f, buf, len, break_at);
	}
}

/* How much of the held input may go now: a break among it comes in its turn. */
static size_t held_run(const struct chr_fd *f)
{
	return (f->held_break < f->held_len ? f->held_break : f->held_len) - f->held_pos;
}

static void drop_held(struct chr_fd *f)
{
	free(f->held);
	f->held = NULL;
	f->held_len = f->held_pos = 0;
}

/* Give a slice of the held input to the front end.  False: some is left, or the chardev changed under us. */
static bool give_held(struct chr_fd *f)
{
	struct chardev *c = f->c;

	if (f->held_pos == f->held_break) {
		f->held_break = SIZE_MAX;
		chr_event(c, CHR_BREAK);
		if (c->priv != f)
			return false;
	}
	size_t left = held_run(f);
	unsigned room = left ? chr_can_read(c) : 0;
	if (left && !room)
		return false;
	unsigned n = left < room ? (unsigned)left : room;
	f->held_pos += n;
	chr_deliver(c, f->held + f->held_pos - n, n);
	if (c->priv != f)
		return false;
	if (f->held_pos < f->held_len || f->held_break != SIZE_MAX) {
		chr_post(c);
		return false;
	}
	drop_held(f);
	return true;
}

/* The front end's thread takes what was read ahead, without a way through the loop. */
size_t chr_fd_op_pull(struct chardev *c, uint8_t *buf, size_t len)
{
	struct chr_fd *f = c->priv;
	size_t left = f && f->held ? held_run(f) : 0, n = left < len ? left : len;

	if (n)
		memcpy(buf, f->held + f->held_pos, n);
	if (f)
		f->held_pos += n;
	if (n && n == left)
		chr_post(c);            /* more from the descriptor, or a break */
	return n;
}

/* A front end that takes a few bytes at a time, and TLS with its records, are read for ahead. */
static void read_ahead(struct chr_fd *f)
{
	uint8_t buf[RECORD];
	struct chardev *c = f->c;
	ssize_t n = receive(f, buf, f->recv ? sizeof(buf) : CHUNK);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		f->in_eof = true;
		update(f);
		f->gone(f);
		return;
	}
	int break_at = -1;
	unsigned len = f->decode ? f->decode(f, buf, (unsigned)n, &break_at) : (unsigned)n;
	if (!len && break_at < 0)
		return;
	hold(f, buf, len, break_at);
	if (!give_held(f) && c->priv == f) {
		f->in_wait = true;
		update(f);
	}
}

static void read_some(struct chr_fd *f)
{
	struct chardev *c = f->c;
	uint8_t buf[CHUNK];
	unsigned room = f->held ? 0 : chr_can_read(c);

	if (!room) {
		f->in_wait = true;
		update(f);
		return;
	}
	if (f->recv || c->front.trickles) {
		read_ahead(f);
		return;
	}
	ssize_t n = receive(f, buf, room < sizeof(buf) ? room : sizeof(buf));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		f->in_eof = true;
		update(f);
		f->gone(f);
		return;
	}
	int break_at = -1;
	unsigned len = f->decode ? f->decode(f, buf, (unsigned)n, &break_at) : (unsigned)n, first = 0;
	if (break_at >= 0) {
		first = (unsigned)break_at;
		chr_deliver(c, buf, first);
		chr_event(c, CHR_BREAK);
	}
	if (len > first)
		chr_deliver(c, buf + first, len - first);
}

/* Nobody listens any more; a peer that only shut down its sending half still may. */
static bool hung_up(struct chr_fd *f)
{
	struct pollfd p = { .fd = f->out >= 0 ? f->out : f->in };

	return poll(&p, 1, 0) > 0;
}

static void on_hangup(struct chr_fd *f)
{
	if (f->in >= 0 && !f->in_eof)
		hold_rest(f);
	f->in_eof = true;
	f->broken |= hung_up(f);
	update(f);
	f->gone(f);
}

static void on_event(void *arg, unsigned events)
{
	struct chr_fd *f = arg;
	struct chardev *c = f->c;

	if ((events & LOOP_OUT) && f->out_wait) {
		f->out_wait = false;
		update(f);
		if (f->flush && !f->flush(f))
			return;
		chr_can_write(c);
		if (c->priv != f)
			return;
		if (f->in_eof && !chr_has_more(c) && f->out >= 0) {       /* half-closed, and now all is said */
			f->gone(f);
			return;
		}
	}
	if (f->in >= 0 && !f->in_eof && (events & LOOP_IN) && !f->in_wait) {
		read_some(f);
	} else if (events & LOOP_HUP) {
		on_hangup(f);
	}
}

void chr_fd_start(struct chr_fd *f, struct chardev *c, int in, int out)
{
	f->c = c;
	f->in = in;
	f->out = out;
	f->in_wait = f->held != NULL;
	f->out_wait = f->in_eof = f->broken = false;
	if (in >= 0)
		fcntl(in, F_SETFL, fcntl(in, F_GETFL) | O_NONBLOCK);
	if (out >= 0 && out != in)
		fcntl(out, F_SETFL, fcntl(out, F_GETFL) | O_NONBLOCK);
	update(f);
}

void chr_fd_stop(struct chr_fd *f)
{
	struct loop *l = f->c->machine->loop;

	if (l && f->in >= 0)
		loop_unwatch(l, f->in);
	if (l && f->out >= 0 && f->out != f->in)
		loop_unwatch(l, f->out);
	f->in = f->out = -1;
	f->broken = f->out_wait = false;
}

static void close_passed(struct chr_fd *f)
{
	while (f->n_passed)
		close(f->passed[--f->n_passed]);
}

int chr_fd_op_take(struct chardev *c)
{
	struct chr_fd *f = c->priv;

	if (!f->n_passed)
		return -1;
	int fd = f->passed[0];
	memmove(f->passed, f->passed + 1, --f->n_passed * sizeof(int));
	return fd;
}

void chr_fd_free(struct chr_fd *f)
{
	close_passed(f);
	chr_fd_stop(f);
	drop_held(f);
}

size_t chr_fd_write(struct chr_fd *f, const uint8_t *buf, size_t len)
{
	size_t done = 0;

	if (f->out < 0 || f->broken)
		return len;
	while (done < len) {
		ssize_t n = f->send ? f->send(f, buf + done, len - done) : f->socket ? send(f->out, buf + done, len - done, MSG_NOSIGNAL) : write(f->out, buf + done, len - done);
		if (n > 0) {
			done += (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			f->out_wait = true;
			update(f);
			return done;
		} else if (n == 0 || errno != EINTR) {
			f->broken = true;       /* told to the front end from the loop, not from inside its own write */
			chr_post(f->c);
			return len;
		}
	}
	return done;
}

bool chr_fd_drain(struct chr_fd *f, struct text *t)
{
	if (t->len) {
		size_t n = chr_fd_write(f, (const uint8_t *)t->s, t->len);
		memmove(t->s, t->s + n, t->len - n);
		t->len -= n;
	}
	return !t->len;
}

void chr_fd_accept(struct chr_fd *f)
{
	if (f->in_wait || f->held)
		chr_post(f->c);
}

void chr_fd_work(struct chr_fd *f)
{
	struct chardev *c = f->c;

	if (f->broken) {
		if (f->in >= 0 && !f->in_eof)
			hold_rest(f);
		f->in_eof = true;
		f->gone(f);
		if (c->priv != f)
			return;
	}
	if (f->held) {
		if (!give_held(f))
			return;
		if (f->in_eof && f->out >= 0 && !chr_has_more(c)) {     /* half-closed, and now all is heard and answered */
			f->gone(f);
			return;
		}
	}
	if (f->in_wait && chr_can_read(c)) {
		f->in_wait = false;
		update(f);
	}
}

ssize_t chr_fd_op_write(struct chardev *c, const uint8_t *buf, size_t len) { return (ssize_t)chr_fd_write(c->priv, buf, len); }
void chr_fd_op_accept(struct chardev *c) { chr_fd_accept(c->priv); }
void chr_fd_op_work(struct chardev *c) { chr_fd_work(c->priv); }
