/* history.c - the file behind the monitor's history. */
#include "core/monitor/history.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 64 << 10, FILE_KEEP = 32 << 10 };

char *history_path(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *path = NULL;

	bool by_state = state && *state == '/';

	if (!by_state && (!home || *home != '/'))
		return NULL;
	if (asprintf(&path, "%s%s/vmux/monitor_history", by_state ? state : home, by_state ? "" : "/.local/state") < 0)
		abort();
	return path;
}

/* Lines that carry a password stay where they were typed. */
static bool is_secret(const char *line)
{
	static const char *const words[] = { "passw", "change vnc", "secret", NULL };

	for (const char *const *w = words; *w; w++)
		if (strstr(line, *w))
			return true;
	return false;
}

/* The last `max` bytes of the file from the start of a line, ended by 0; to be freed.  NULL: there is none. */
static char *read_tail(int fd, size_t max, size_t *len)
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return NULL;
	off_t from = st.st_size > (off_t)max ? st.st_size - (off_t)max : 0;
	char *buf = malloc(max + 1);
	ssize_t n = buf ? pread(fd, buf, max, from) : -1;
	if (n < 0) {
		free(buf);
		return NULL;
	}
	buf[n] = 0;
	char *nl = from ? memchr(buf, '\n', (size_t)n) : NULL;
	size_t skip = nl ? (size_t)(nl + 1 - buf) : 0;
	memmove(buf, buf + skip, (size_t)n + 1 - skip);
	*len = (size_t)n - skip;
	return buf;
}

void history_load(const char *path, struct readline *r)
{
	size_t len;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char *buf = fd >= 0 ? read_tail(fd, FILE_KEEP, &len) : NULL;

	for (char *line = buf, *nl; line && (nl = strchr(line, '\n')); line = nl + 1) {
		*nl = 0;
		bool clean = *line;
		for (const char *s = line; *s; s++)
			clean &= (unsigned char)*s >= ' ' && *s != 127;
		if (clean)
			readline_remember(r, line);
	}
	free(buf);
	if (fd >= 0)
		close(fd);
}

/* Make the folders of path. */
static void make_folders(const char *path)
{
	char *copy = strdup(path);

	for (char *s = copy ? copy + 1 : NULL; s && (s = strchr(s, '/')); s++) {
		*s = 0;
		mkdir(copy, 0700);
		*s = '/';
	}
	free(copy);
}

static void cut(int fd)
{
	size_t len;
	char *buf = read_tail(fd, FILE_KEEP, &len);

	bool ok = buf && !ftruncate(fd, 0) && write(fd, buf, len) == (ssize_t)len;
	(void)ok;
	free(buf);
}

void history_add(const char *path, const char *line)
{
	struct stat st;
	char *text = NULL;

	if (*line == ' ' || !*line || is_secret(line))
		return;
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0 && errno == ENOENT) {
		make_folders(path);
		fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	}
	if (fd < 0)
		return;
	int len = asprintf(&text, "%s\n", line);
	if (len > 0 && !flock(fd, LOCK_EX) && !fstat(fd, &st) && S_ISREG(st.st_mode)) {
		ssize_t n = write(fd, text, (size_t)len);       /* a full disk loses history and nothing else */
		if (n == len && st.st_size > FILE_MAX)
			cut(fd);
	}
	free(text);
	close(fd);
}
