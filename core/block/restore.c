/* restore.c - the marker of an image that is being put back: "vmux-restoring 1", and the path of what it is put back to. */
#include "core/block/block.h"
#include "core/block/content.h"
#include "core/block/format.h"
#include "core/machine/datafile.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MARKER = PATH_MAX + 64 };
static const char first_line[] = "vmux-restoring 1\n";

/* Where the marker of an image is.  False: the image has no name that could be found again. */
static bool marker_of(const char *file, char marker[MARKER])
{
	char real[PATH_MAX], data[PATH_MAX];
	struct stat st;

	if (!strncmp(file, "file:", 5))
		file += 5;
	if (!realpath(file, real) || stat(real, &st))
		return false;
	if (S_ISREG(st.st_mode))
		return snprintf(marker, MARKER, "%s.snapshots/.restoring", real) < MARKER;
	for (char *p = real; *p; p++)
		if (*p == '/')
			*p = '!';
	return S_ISBLK(st.st_mode) && user_data_dir(data, sizeof(data)) && snprintf(marker, MARKER, "%s/vmux/snapshots/.restoring%s", data, real) < MARKER;
}

static bool sync_folder_of(const char *path)
{
	char copy[MARKER];

	snprintf(copy, sizeof(copy), "%s", path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && !fsync(fd);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool write_marker(const char *marker, const char *content)
{
	char text[MARKER * 2];
	int n = snprintf(text, sizeof(text), "%s%s\n", first_line, content);
	int fd = open(marker, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, text, (size_t)n) == n && !fsync(fd);

	if (fd >= 0)
		ok = !close(fd) && ok;
	return ok && sync_folder_of(marker);
}

bool restore_begin(const struct drive *d, const char *content, struct error *err)
{
	char marker[MARKER], folder[MARKER];

	if (content_kind(d) != CONTENT_WHOLE || d->image->format != &format_raw)
		return true;            /* it is no file, or lies in one that others see as something else */
	if (!marker_of(d->image->file, marker))
		return error_set(err, "the image of drive '%s' is not where it was: %s", drive_label(d), strerror(errno));
	snprintf(folder, sizeof(folder), "%s", marker);
	if (make_folders(dirname(folder)) && write_marker(marker, content))
		return true;
	error_set(err, "could not write '%s': %s", marker, strerror(errno));
	unlink(marker);
	return false;
}

bool restore_done(const struct drive *d, struct error *err)
{
	char marker[MARKER];

	if (content_kind(d) != CONTENT_WHOLE || d->image->format != &format_raw || !marker_of(d->image->file, marker))
		return true;
	if (unlink(marker) && errno != ENOENT)
		return error_set(err, "could not remove '%s': %s", marker, strerror(errno));
	sync_folder_of(marker);
	if (strrchr(marker, '/'))
		*strrchr(marker, '/') = 0;
	rmdir(marker);                  /* when nothing else is in it */
	return true;
}

/* A file of ours, or root's: a marker that somebody else has left beside an image must not bring a file of ours into it.  -1 and errno. */
static int open_own(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || (!fstat(fd, &st) && S_ISREG(st.st_mode) && (st.st_uid == geteuid() || !st.st_uid)))
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

/* The content that a marker names; -1 and errno. */
static int open_content(const char *marker, char *path, size_t size)
{
	char text[MARKER * 2];
	int fd = open_own(marker);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (fd < 0)
		return -1;
	close(fd);
	text[n > 0 ? n : 0] = 0;
	char *line = text + strlen(first_line), *end = n > 0 && !strncmp(text, first_line, strlen(first_line)) ? strchr(line, '\n') : NULL;
	if (!end || *line != '/' || end - line >= (ptrdiff_t)size) {
		errno = EINVAL;
		return -1;
	}
	*end = 0;
	memcpy(path, line, (size_t)(end - line) + 1);
	return open_own(path);
}

bool restore_finish(struct image *im, struct error *err)
{
	char marker[MARKER], path[MARKER] = "what it names", self[64];
	struct stat st;

	if (!marker_of(im->file, marker) || access(marker, F_OK))
		return true;
	if (im->readonly)
		return error_set(err, "'%s' was being put back to a snapshot when the program ended, and is neither one thing nor the other: use it once for writing, "
			"which finishes that", im->file);
	int from = open_content(marker, path, sizeof(path));
	snprintf(self, sizeof(self), "/proc/self/fd/%d", im->fd);
	int to = from >= 0 ? open(self, O_RDWR | O_CLOEXEC) : -1;
	int r = to < 0 || fstat(from, &st) ? -errno : content_copy_back(from, to, (uint64_t)st.st_size);
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	if (r)
		return error_set(err, "'%s' was being put back to a snapshot when the program ended, and that cannot be finished: %s: %s; without '%s' it is taken as it "
			"stands", im->file, path, strerror(-r), marker);
	fprintf(stderr, "vmux: '%s' was being put back to a snapshot when the program ended; this is finished now\n", im->file);
	unlink(marker);
	if (!fstat(im->fd, &st) && S_ISREG(st.st_mode))
		im->file_size = (uint64_t)st.st_size;
	return true;
}
