/* datafile.c - finding firmware, key maps and other data files. */
#include "core/machine/datafile.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const system_dirs[] = { "/usr/local/share/vmux", "/usr/share/vmux", "/usr/share/seabios", "/usr/share/qemu", NULL };

static bool try_file(const char *dir, const char *kind, const char *name, char *buf, size_t size)
{
	int n = snprintf(buf, size, "%s/%s%s%s", dir, kind ? kind : "", kind ? "/" : "", name);
	return n > 0 && (size_t)n < size && access(buf, R_OK) == 0;
}

/* PREFIX/bin/vmux -> PREFIX/share/vmux; build/vmux -> the source tree above it (build/asan/vmux: two above). */
static bool try_beside_program(const char *kind, const char *name, char *buf, size_t size)
{
	static const char *const rel[] = { "../share/vmux", "..", "../..", "../../..", NULL };
	char exe[PATH_MAX - 32], dir[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	if (n <= 0)
		return false;
	exe[n] = 0;
	char *slash = strrchr(exe, '/');
	if (!slash)
		return false;
	*slash = 0;
	for (unsigned i = 0; rel[i]; i++) {
		snprintf(dir, sizeof dir, "%s/%s", exe, rel[i]);
		if (try_file(dir, kind, name, buf, size))
			return true;
	}
	return false;
}

const char *data_file_find(const struct options *o, const char *kind, const char *name, char *buf, size_t size)
{
	if (strchr(name, '/'))
		return snprintf(buf, size, "%s", name) < (int)size && access(buf, R_OK) == 0 ? buf : NULL;
	for (unsigned i = 0; o && i < o->n_data_dirs; i++)
		if (try_file(o->data_dirs[i], kind, name, buf, size) || (kind && try_file(o->data_dirs[i], NULL, name, buf, size)))
			return buf;
	if (kind && try_beside_program(kind, name, buf, size))
		return buf;
	for (unsigned i = 0; system_dirs[i]; i++)
		if (try_file(system_dirs[i], kind, name, buf, size))
			return buf;
	return NULL;
}

uint8_t *data_file_load(const char *path, size_t max, size_t *len, struct error *err)
{
	struct stat st;
	uint8_t *data = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		error_set(err, "could not open '%s': %s", path, strerror(errno));
		goto out;
	}
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || (uint64_t)st.st_size > max) {
		error_set(err, "'%s' is not a file of 1 to %zu bytes", path, max);
		goto out;
	}
	data = malloc((size_t)st.st_size);
	for (size_t got = 0; data && got < (size_t)st.st_size;) {
		ssize_t n = read(fd, data + got, (size_t)st.st_size - got);
		if (n <= 0) {
			error_set(err, "could not read '%s': %s", path, n < 0 ? strerror(errno) : "it became shorter");
			free(data);
			data = NULL;
			goto out;
		}
		got += (size_t)n;
	}
	if (!data)
		error_set(err, "no memory for '%s'", path);
	*len = (size_t)st.st_size;
out:
	if (fd >= 0)
		close(fd);
	return data;
}

bool user_data_dir(char *buf, size_t size)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	bool by_data = data && *data == '/';

	if (!by_data && (!home || *home != '/'))
		return false;
	return snprintf(buf, size, "%s%s", by_data ? data : home, by_data ? "" : "/.local/share") < (int)size;
}

bool make_folders(const char *path)
{
	char part[PATH_MAX];

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part)) {
		errno = ENAMETOOLONG;
		return false;
	}
	for (char *p = part + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = 0;
		if (mkdir(part, 0700) && errno != EEXIST)
			return false;
	}
	return !mkdir(part, 0700) || errno == EEXIST;
}
