/* pidfile.c - the file of -pidfile. */
#include "core/machine/pidfile.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct pidfile { char *path; int fd; };

struct pidfile *pidfile_create(const char *path, struct error *err)
{
	char text[32];
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0) {
		error_set(err, "cannot create PID file: Could not create '%s': %s", path, strerror(errno));
		return NULL;
	}
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	if (fcntl(fd, F_SETLK, &lock) < 0) {
		error_set(err, "cannot create PID file: Cannot lock pid file '%s': %s", path, strerror(EAGAIN));
		close(fd);
		return NULL;
	}
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || write(fd, text, (size_t)n) != n) {
		error_set(err, "cannot create PID file: Could not write '%s': %s", path, strerror(errno));
		close(fd);
		return NULL;
	}
	struct pidfile *p = calloc(1, sizeof(*p));
	if (!p)
		abort();
	p->fd = fd;
	p->path = strdup(path);
	return p;
}

void pidfile_remove(struct pidfile *p)
{
	unlink(p->path);
	close(p->fd);
	free(p->path);
	free(p);
}
