/* file.c - output goes to a file.  A FIFO or a terminal line given as the file is written as fast as it takes bytes.  What a full disk
 * refuses is lost and counted; later output is tried again, since space may have come. */
#include "core/char/fdio.h"
#include "core/machine/fds.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


/* Nothing can be told to the guest; later output is lost. */
static void file_gone(struct chr_fd *f)
{
	struct chardev *c = f->c;
	int fd = f->out;

	chr_fd_stop(f);
	if (fd >= 0)
		close(fd);
	chr_can_write(c);
}

static ssize_t file_send(struct chr_fd *f, const uint8_t *buf, size_t len)
{
	ssize_t n = write(f->out, buf, len);

	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return n;
	chr_lost(f->c, len, n ? errno : ENOSPC, false);
	return (ssize_t)len;
}

static bool file_open(struct chardev *c, const struct kv *kv, struct error *err)
{
	const char *path = kv_get(kv, "path");
	bool append = false;
	struct stat st;

	if (!path)
		return error_set(err, "chardev: file: no filename given");
	if (!chr_bool(kv, "append", &append, err))
		return false;
	/* A FIFO is opened for both directions: opening it for writing alone waits for a reader. */
	bool fifo = !stat(path, &st) && S_ISFIFO(st.st_mode);
	int set = -1, fd;
	if (sscanf(path, "/dev/fdset/%d", &set) == 1)
		fd = fds_open_set(c->machine, set, O_WRONLY);
	else
		fd = open(path, (fifo ? O_RDWR : O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC)) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
	if (fd < 0)
		return error_set(err, "Could not open '%s': %s", path, strerror(errno));
	struct chr_fd *f = calloc(1, sizeof(*f));
	if (!f)
		abort();
	c->priv = f;
	f->gone = file_gone;
	f->send = file_send;
	chr_fd_start(f, c, -1, fd);
	c->opened = true;
	return true;
}

static void file_close(struct chardev *c)
{
	struct chr_fd *f = c->priv;
	int fd = f->out;

	chr_fd_free(f);
	if (fd >= 0)
		close(fd);
	free(f);
	c->priv = NULL;
}

static const char *const file_keys[] = { "path", "append", NULL };
const struct chardev_kind chardev_file = { .name = "file", .batch = true, .keys = file_keys, .open = file_open, .close = file_close,
	.write = chr_fd_op_write, .work = chr_fd_op_work };
