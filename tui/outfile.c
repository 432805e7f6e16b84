/* outfile.c - see outfile.h. */
#include "tui/outfile.h"
#include "tui/app.h"
#include "tui/wallclock.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SAME_SECOND = 100, FLAGS = O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC };

/* mkdir -p, the last parts of it private. */
static void make_folder(char *path)
{
	for (char *s = path + 1; *s; s++)
		if (*s == '/') {
			*s = 0;
			mkdir(path, 0700);
			*s = '/';
		}
	mkdir(path, 0700);
}

static bool folder(const struct app *a, char *buf, size_t size, struct error *err)
{
	const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;
	if (a->log_dir[0] == '~' && a->log_dir[1] == '/' && home)
		n = snprintf(buf, size, "%s%s", home, a->log_dir + 1);
	else if (a->log_dir[0])
		n = snprintf(buf, size, "%s", a->log_dir);
	else if (xdg && xdg[0] == '/')
		n = snprintf(buf, size, "%s/vmux", xdg);
	else if (home && home[0] == '/')
		n = snprintf(buf, size, "%s/.local/state/vmux", home);
	else
		return error_set(err, "there is no folder for logs: neither $XDG_STATE_HOME nor $HOME is set; set log-dir names one");
	if (n >= (int)size)
		return error_set(err, "the name of the folder for logs is too long");
	make_folder(buf);
	return true;
}

/* DIR/MACHINE-WHAT-20260131-235959.EXT, or -2, -3 ... before the dot. */
static bool open_new(struct outfile *f, struct app *a, const char *what, const char *ext, struct error *err)
{
	char dir[OUTFILE_PATH / 2], when[32], machine[64];
	time_t now = (time_t)(wallclock_ms() / 1000);
	struct tm tm;
	if (!folder(a, dir, sizeof dir, err))
		return false;
	snprintf(machine, sizeof machine, "%.63s", a->st.name);
	if (!machine[0])
		snprintf(machine, sizeof machine, "vm-%ld", (long)getpid());
	for (char *s = machine; *s; s++)
		if (*s == '/' || *s == ' ' || (unsigned char)*s < 0x20)
			*s = '_';
	localtime_r(&now, &tm);
	strftime(when, sizeof when, "%Y%m%d-%H%M%S", &tm);
	for (int i = 1; i < SAME_SECOND; i++) {
		char again[16] = "";
		if (i > 1)
			snprintf(again, sizeof again, "-%d", i);
		snprintf(f->path, sizeof f->path, "%s/%s-%s-%s%s.%s", dir, machine, what, when, again, ext);
		f->fd = open(f->path, FLAGS | O_EXCL, 0600);
		if (f->fd >= 0 || errno != EEXIST)
			break;
	}
	return f->fd >= 0 || error_set(err, "%s: %s", f->path, strerror(errno));
}

bool outfile_open(struct outfile *f, struct app *a, const char *name, const char *what, const char *ext, struct error *err)
{
	struct stat st;
	*f = (struct outfile){ .fd = -1 };
	if (!name || !*name) {
		if (!open_new(f, a, what, ext, err))
			return false;
	} else {
		snprintf(f->path, sizeof f->path, "%s", name);
		f->fd = strlen(name) < sizeof f->path ? open(name, FLAGS, 0600) : (errno = ENAMETOOLONG, -1);
		if (f->fd < 0)
			return error_set(err, "%s: %s", f->path, errno == ENXIO ? "nobody reads from this pipe" : strerror(errno));
	}
	f->size = fstat(f->fd, &st) || !S_ISREG(st.st_mode) ? 0 : (uint64_t)st.st_size;
	return true;
}

bool outfile_write(struct outfile *f, const void *bytes, size_t n, bool whole)
{
	size_t at = 0;
	while (at < n) {
		ssize_t w = write(f->fd, (const char *)bytes + at, n - at);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0) {
			snprintf(f->why, sizeof f->why, "%s", strerror(errno));
			break;
		}
		at += (size_t)w;
	}
	if (at < n && whole && !ftruncate(f->fd, (off_t)f->size))
		at = 0;
	f->size += at;
	f->written += at;
	f->lost += n - at;
	f->failing = at < n;
	return !f->failing;
}

bool outfile_rotate(struct outfile *f, unsigned keep, struct error *err)
{
	char from[OUTFILE_PATH + 16], to[OUTFILE_PATH + 16];
	struct stat st;
	if (fstat(f->fd, &st) || !S_ISREG(st.st_mode))
		return error_set(err, "%s is no file that could be rotated", f->path);
	for (unsigned i = keep; i > 1; i--) {
		snprintf(from, sizeof from, "%s.%u", f->path, i - 1);
		snprintf(to, sizeof to, "%s.%u", f->path, i);
		rename(from, to);               /* those that there are not yet are no mistake */
	}
	snprintf(to, sizeof to, "%s.1", f->path);
	if (keep ? rename(f->path, to) : unlink(f->path))
		return error_set(err, "%s: %s", to, strerror(errno));
	int fd = open(f->path, FLAGS | O_EXCL, 0600);
	if (fd < 0)                             /* the old one goes on under its new name */
		return error_set(err, "%s: %s", f->path, strerror(errno));
	close(f->fd);
	f->fd = fd;
	f->size = 0;
	return true;
}

void outfile_close(struct outfile *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}
