/* snapstore.c - the folders of snapshots.
 *
 * A new one is made as ".new-TAG" and renamed when it is whole, one that is to go is renamed to ".old-TAG" first.  So a tag always names a whole
 * snapshot, whenever the program or the computer ends. */
#include "core/machine/snapstore.h"
#include "core/block/block.h"
#include "core/block/content.h"
#include "core/machine/datafile.h"
#include "core/machine/machine.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME = SNAPSHOT_TAG + 8 };
static const char new_lead[] = ".new-", old_lead[] = ".old-";

bool snapshot_tag_ok(const char *tag, struct error *err)
{
	size_t n = strlen(tag);

	if (!n || n >= SNAPSHOT_TAG)
		return error_set(err, "the tag of a snapshot has 1 to %u characters", SNAPSHOT_TAG - 1u);
	if (*tag == '.')
		return error_set(err, "the tag of a snapshot does not begin with '.'");
	for (const char *p = tag; *p; p++)
		if (*p == '/' || (unsigned char)*p < ' ' || *p == 127)
			return error_set(err, "the tag of a snapshot names a folder: there can be no '/' and no control characters in it");
	return true;
}

/* ---- the place ---------------------------------------------------------------------------------------------------------------------- */

/* A machine's name as that of a folder. */
static void escape(const char *name, char *out, size_t size)
{
	size_t n = 0;

	for (; *name && n + 4 < size; name++)
		if ((unsigned char)*name < ' ' || strchr("/%\x7f", *name) || (!n && *name == '.'))
			n += (size_t)snprintf(out + n, size - n, "%%%02X", (unsigned char)*name);
		else
			out[n++] = *name;
	out[n] = 0;
}

/* The file that the first drive of a kind lies on, without links; false: none. */
static bool first_file(struct machine *m, enum content_kind kind, char real[PATH_MAX])
{
	struct stat st;

	for (struct drive *d = drive_first(m); d; d = d->next) {
		const char *file = content_kind(d) == kind ? content_file(d) : NULL;
		if (file && !strncmp(file, "file:", 5))
			file += 5;
		if (file && realpath(file, real) && !stat(real, &st) && S_ISREG(st.st_mode))
			return true;
	}
	return false;
}

bool snapstore_place_below(struct machine *m, char place[PATH_MAX])
{
	char real[PATH_MAX];

	return first_file(m, CONTENT_OVERLAY, real) && snprintf(place, PATH_MAX, "%s.snapshots", real) < PATH_MAX;
}

bool snapstore_place(struct machine *m, char place[PATH_MAX], struct error *err)
{
	char real[PATH_MAX], data[PATH_MAX], name[200];

	if (first_file(m, CONTENT_WHOLE, real))
		return snprintf(place, PATH_MAX, "%s.snapshots", real) < PATH_MAX || error_set(err, "the name of '%s' is too long for snapshots", real);
	if (!user_data_dir(data, sizeof(data)))
		return error_set(err, "there is no place for snapshots: neither HOME nor XDG_DATA_HOME names one");
	escape(m->name && *m->name ? m->name : "unnamed", name, sizeof(name));
	return snprintf(place, PATH_MAX, "%s/vmux/snapshots/%s", data, name) < PATH_MAX || error_set(err, "the name of '%s' is too long for snapshots", data);
}

/* ---- folders ------------------------------------------------------------------------------------------------------------------------ */

static void remove_folder(int place, const char *name)
{
	int fd = openat(place, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir && fd >= 0)
		close(fd);
	for (struct dirent *e; dir && (e = readdir(dir));)
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(fd, e->d_name, 0);
	if (dir)
		closedir(dir);
	unlinkat(place, name, AT_REMOVEDIR);
}

static bool exists(int place, const char *name) { return !faccessat(place, name, F_OK, AT_SYMLINK_NOFOLLOW); }

/* What a program that ended too early has left: a snapshot that was to be replaced comes back when the new one did not come. */
static void put_right(int place)
{
	int fd = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir && fd >= 0)
		close(fd);
	for (struct dirent *e; dir && (e = readdir(dir));)
		if (!strncmp(e->d_name, old_lead, 5) && !exists(place, e->d_name + 5) && exists(place, ".replacing"))
			renameat(place, e->d_name, place, e->d_name + 5);
		else if (!strncmp(e->d_name, old_lead, 5) || !strncmp(e->d_name, new_lead, 5))
			remove_folder(place, e->d_name);
	if (dir)
		closedir(dir);
	unlinkat(place, ".replacing", 0);
}

int snapstore_lock(const char *place, bool make, struct error *err)
{
	if (make && !make_folders(place)) {
		error_set(err, "could not make the folder '%s': %s", place, strerror(errno));
		return -1;
	}
	int fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		error_set(err, "could not open the folder '%s': %s", place, strerror(errno));
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) && (errno == EWOULDBLOCK || errno == EINTR)) {
		error_set(err, "another program is at work on the snapshots in '%s'", place);
		close(fd);
		return -1;
	}
	put_right(fd);
	return fd;
}

int snapstore_new(int place, const char *tag, struct error *err)
{
	char name[NAME];

	snprintf(name, sizeof(name), "%s%s", new_lead, tag);
	int fd = mkdirat(place, name, 0700) ? -1 : openat(place, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		error_set(err, "could not make a folder for the snapshot: %s", strerror(errno));
	return fd;
}

void snapstore_discard(int place, const char *tag)
{
	char name[NAME];

	snprintf(name, sizeof(name), "%s%s", new_lead, tag);
	remove_folder(place, name);
}

static bool cannot(const char *what, struct error *err) { return error_set(err, "could not %s the snapshot: %s", what, strerror(errno)); }

/* On file systems that cannot exchange two names there is a moment without either; ".replacing" says so. */
static bool replace_in_steps(int place, const char *fresh, const char *old, const char *tag, struct error *err)
{
	int fd = openat(place, ".replacing", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return cannot("replace", err);
	close(fd);
	if (fsync(place) || renameat(place, tag, place, old))
		return cannot("replace", err);
	if (renameat(place, fresh, place, tag)) {
		cannot("replace", err);
		renameat(place, old, place, tag);
		return false;
	}
	fsync(place);
	unlinkat(place, ".replacing", 0);
	return true;
}

bool snapstore_commit(int place, int folder, const char *tag, struct error *err)
{
	char fresh[NAME], old[NAME];

	snprintf(fresh, sizeof(fresh), "%s%s", new_lead, tag);
	snprintf(old, sizeof(old), "%s%s", old_lead, tag);
	if (fsync(folder))
		return cannot("keep", err);
	if (!exists(place, tag)) {
		if (renameat(place, fresh, place, tag))
			return cannot("keep", err);
	} else if (!renameat2(place, fresh, place, tag, RENAME_EXCHANGE)) {
		remove_folder(place, fresh);
	} else if (replace_in_steps(place, fresh, old, tag, err)) {
		remove_folder(place, old);
	} else {
		return false;
	}
	return !fsync(place) || cannot("keep", err);
}

bool snapstore_has(const char *place, const char *tag)
{
	char path[PATH_MAX + NAME];

	snprintf(path, sizeof(path), "%s/%s/state", place, tag);
	return !access(path, F_OK);
}

bool snapstore_delete(int place, const char *tag, struct error *err)
{
	char old[NAME];

	snprintf(old, sizeof(old), "%s%s", old_lead, tag);
	if (renameat(place, tag, place, old))
		return cannot("delete", err);
	fsync(place);
	remove_folder(place, old);
	return true;
}

/* ---- the list ----------------------------------------------------------------------------------------------------------------------- */

static bool look_at(int place, const char *tag, struct snapshot_info *out)
{
	char name[NAME + 8];
	struct stat st;

	if (!snapshot_tag_ok(tag, NULL))
		return false;
	snprintf(name, sizeof(name), "%s/state", tag);
	int fd = openat(place, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool ok = fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && snap_header_read(fd, &out->head, NULL);
	if (fd >= 0)
		close(fd);
	if (!ok)
		return false;
	snprintf(out->tag, sizeof(out->tag), "%s", tag);
	out->size = (uint64_t)st.st_size;
	return true;
}

static int by_date(const void *a, const void *b)
{
	const struct snapshot_info *x = a, *y = b;

	if (x->head.date_s != y->head.date_s)
		return x->head.date_s < y->head.date_s ? -1 : 1;
	return x->head.date_ns < y->head.date_ns ? -1 : x->head.date_ns > y->head.date_ns ? 1 : strcmp(x->tag, y->tag);
}

struct snapshot_info *snapstore_list(const char *place, unsigned *n)
{
	struct snapshot_info *list = calloc(SNAPSHOT_MAX, sizeof(*list));
	DIR *dir = list ? opendir(place) : NULL;

	*n = 0;
	for (struct dirent *e; dir && *n < SNAPSHOT_MAX && (e = readdir(dir));)
		if (*e->d_name != '.')
			*n += look_at(dirfd(dir), e->d_name, &list[*n]);
	if (dir)
		closedir(dir);
	if (*n) {
		qsort(list, *n, sizeof(*list), by_date);
		return list;
	}
	free(list);
	return NULL;
}
