/* pipe.c - named pipes: PATH.in to the guest and PATH.out from it, or PATH itself for both. */
#include "core/char/fdio.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct pipes { struct chr_fd f; int in, out; };

static void pipe_gone(struct chr_fd *f)
{
	struct chardev *c = f->c;

	chr_fd_stop(f);
	chr_event(c, CHR_CLOSED);
	if (c->priv == f)
		chr_can_write(c);
}

/* Both ends for reading and writing: neither waits for, nor loses, the other side. */
static int open_end(const char *path, const char *suffix)
{
	char name[4096];

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

static bool pipe_open(struct chardev *c, const struct kv *kv, struct error *err)
{
	const char *path = kv_get(kv, "path");

	if (!path)
		return error_set(err, "chardev: pipe: no device path given");
	int in = open_end(path, ".in"), out = open_end(path, ".out");
	if (in < 0 || out < 0) {
		if (in >= 0)
			close(in);
		if (out >= 0)
			close(out);
		in = out = open_end(path, "");
		if (in < 0)
			return error_set(err, "Could not open '%s': %s", path, strerror(errno));
	}
	struct pipes *p = calloc(1, sizeof(*p));
	if (!p)
		abort();
	p->in = in;
	p->out = out;
	p->f.gone = pipe_gone;
	c->priv = p;
	chr_fd_start(&p->f, c, in, out);
	c->opened = true;
	return true;
}

static void pipe_close(struct chardev *c)
{
	struct pipes *p = c->priv;

	chr_fd_free(&p->f);
	close(p->in);
	if (p->out != p->in)
		close(p->out);
	free(p);
	c->priv = NULL;
}

static const char *const pipe_keys[] = { "path", NULL };
const struct chardev_kind chardev_pipe = { .name = "pipe", .batch = true, .pull = chr_fd_op_pull, .keys = pipe_keys, .open = pipe_open, .close = pipe_close, .write = chr_fd_op_write,
	.accept_input = chr_fd_op_accept, .work = chr_fd_op_work };
