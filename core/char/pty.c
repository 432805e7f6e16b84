/* pty.c - a new pseudo terminal.  Output is lost while nobody has its slave open; opening is seen through inotify, so an idle pty costs
 * nothing (where there is no inotify: a look every half second). */
#include "core/char/fdio.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <termios.h>
#include <unistd.h>

struct pty { struct chr_fd f; int master, watch; unsigned timer; char slave[64]; };

static void look(struct pty *p);

static void on_timer(void *arg)
{
	struct pty *p = arg;

	p->timer = 0;
	look(p);
}

static void on_opened_by_someone(void *arg, unsigned events)
{
	struct pty *p = arg;
	char buf[1024];

	while (read(p->watch, buf, sizeof(buf)) > 0)
		;
	look(p);
}

/* Is the slave open?  The master of a pty whose slave is closed reports a hang-up. */
static void look(struct pty *p)
{
	struct chardev *c = p->f.c;
	struct pollfd pf = { .fd = p->master, .events = POLLOUT };

	if (p->f.in >= 0)
		return;
	if (poll(&pf, 1, 0) >= 0 && !(pf.revents & POLLHUP)) {
		chr_fd_start(&p->f, c, p->master, p->master);
		chr_event(c, CHR_OPENED);
	} else if (p->watch < 0) {
		p->timer = loop_timeout(c->machine->loop, 500, on_timer, p);
	}
}

static void pty_gone(struct chr_fd *f)
{
	struct pty *p = (struct pty *)f;
	struct chardev *c = f->c;

	chr_fd_stop(f);
	chr_event(c, CHR_CLOSED);
	if (c->priv != p)
		return;
	chr_can_write(c);       /* what waited is lost, as all output without a reader */
	if (c->priv == p)
		look(p);
}

static bool pty_open(struct chardev *c, const struct kv *kv, struct error *err)
{
	struct pty *p = calloc(1, sizeof(*p));
	struct termios t;
	int slave;

	if (!p)
		abort();
	if (openpty(&p->master, &slave, NULL, NULL, NULL)) {
		free(p);
		return error_set(err, "Failed to create PTY: %s", strerror(errno));
	}
	if (!tcgetattr(slave, &t)) {
		cfmakeraw(&t);
		tcsetattr(slave, TCSAFLUSH, &t);
	}
	ttyname_r(slave, p->slave, sizeof(p->slave));
	p->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (p->watch >= 0 && inotify_add_watch(p->watch, p->slave, IN_OPEN) < 0) {
		close(p->watch);
		p->watch = -1;
	}
	close(slave);
	fcntl(p->master, F_SETFD, FD_CLOEXEC);
	c->priv = p;
	p->f.c = c;
	p->f.gone = pty_gone;
	p->f.in = p->f.out = -1;
	if (p->watch >= 0)
		loop_watch(c->machine->loop, p->watch, LOOP_IN, on_opened_by_someone, p);
	look(p);
	chr_filename(c, "pty:%s", p->slave);
	size_t n = strlen(c->label);
	bool base = c->machine && n > 5 && !strcmp(c->label + n - 5, "-base");
	chr_say(c->machine, "char device redirected to %s (label %.*s)", p->slave, (int)(base ? n - 5 : n), c->label);
	return true;
}

static void pty_close(struct chardev *c)
{
	struct pty *p = c->priv;

	chr_fd_free(&p->f);
	if (p->watch >= 0) {
		loop_unwatch(c->machine->loop, p->watch);
		close(p->watch);
	}
	if (p->timer)
		loop_timeout_cancel(c->machine->loop, p->timer);
	close(p->master);
	free(p);
	c->priv = NULL;
}

const struct chardev_kind chardev_pty = { .name = "pty", .batch = true, .pull = chr_fd_op_pull, .open = pty_open, .close = pty_close, .write = chr_fd_op_write,
	.accept_input = chr_fd_op_accept, .work = chr_fd_op_work };
