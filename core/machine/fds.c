/* fds.c - descriptors handed over by clients. */
#include "core/machine/fds.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct passed_fd *store(struct machine *m, int fd)
{
	struct passed_fd *p = calloc(1, sizeof(*p)), **end = &m->fds;

	if (!p)
		abort();
	*p = (struct passed_fd){ .set = -1, .fd = fd };
	while (*end)
		end = &(*end)->next;
	return *end = p;
}

static void forget(struct passed_fd **p)
{
	struct passed_fd *old = *p;

	*p = old->next;
	free(old->name);
	free(old->opaque);
	free(old);
}

static struct passed_fd **find(struct machine *m, const char *name)
{
	struct passed_fd **p = &m->fds;

	while (*p && (!(*p)->name || strcmp((*p)->name, name)))
		p = &(*p)->next;
	return p;
}

void fds_name(struct machine *m, const char *name, int fd)
{
	struct passed_fd **old = find(m, name);

	if (*old) {
		close((*old)->fd);
		forget(old);
	}
	store(m, fd)->name = strdup(name);
}

int fds_take(struct machine *m, const char *name, struct error *err)
{
	struct passed_fd **p = find(m, name);

	if (!*p) {
		error_set(err, "File descriptor named '%s' not found", name);
		return -1;
	}
	int fd = (*p)->fd;
	forget(p);
	return fd;
}

int fds_add(struct machine *m, int set, const char *opaque, int fd)
{
	if (set < 0) {
		set = 0;
		for (struct passed_fd *p = m->fds; p; p = p->next)
			if (p->set >= set)
				set = p->set + 1;
	}
	struct passed_fd *p = store(m, fd);
	p->set = set;
	p->opaque = opaque ? strdup(opaque) : NULL;
	return set;
}

bool fds_remove(struct machine *m, int set, int fd, struct error *err)
{
	bool found = false;

	for (struct passed_fd **p = &m->fds; *p;) {
		if (set < 0 || (*p)->set != set || (fd >= 0 && (*p)->fd != fd)) {
			p = &(*p)->next;
			continue;
		}
		close((*p)->fd);
		forget(p);
		found = true;
	}
	if (!found && fd >= 0)
		return error_set(err, "File descriptor named 'fdset-id:%d, fd:%d' not found", set, fd);
	return found || error_set(err, "File descriptor named 'fdset-id:%d' not found", set);
}

int fds_open_set(struct machine *m, int set, int flags)
{
	for (struct passed_fd *p = m->fds; p; p = p->next) {
		int have = p->set == set ? fcntl(p->fd, F_GETFL) : -1;
		if (have >= 0 && (have & O_ACCMODE) == (flags & O_ACCMODE))
			return fcntl(p->fd, F_DUPFD_CLOEXEC, 3);
	}
	errno = EACCES;
	return -1;
}

void fds_free(struct machine *m)
{
	while (m->fds) {
		close(m->fds->fd);
		forget(&m->fds);
	}
}
