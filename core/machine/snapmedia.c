/* snapmedia.c - the drives of a snapshot. */
#include "core/machine/snapmedia.h"
#include "core/block/block.h"
#include "core/block/content.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MEDIA_VERSION = 1, MEDIA_MAX = 256 };
struct saved_drive {
	char     label[128];            /* of the drive */
	char     file[256];             /* last part of the image's name */
	uint8_t  kind;                  /* enum content_kind */
	uint64_t size;                  /* bytes */
};
static const struct state_field saved_state[] = { STATE_BYTES(struct saved_drive, label), STATE_BYTES(struct saved_drive, file),
	STATE_U8(struct saved_drive, kind), STATE_U64(struct saved_drive, size), STATE_END };

struct snapmedia {
	struct machine *m;
	const char *path;               /* of the folder; the caller's */
	unsigned n, begun;
	struct saved_drive drive[MEDIA_MAX];
	int fd[MEDIA_MAX];              /* -1: nothing was kept of it */
};

static const char *last_part(const char *file)
{
	const char *slash = file ? strrchr(file, '/') : NULL;

	return !file ? "" : slash ? slash + 1 : file;
}

static struct saved_drive describe(const struct drive *d)
{
	struct saved_drive s = { .kind = (uint8_t)content_kind(d), .size = content_size(d) };

	snprintf(s.label, sizeof(s.label), "%s", drive_label(d));
	snprintf(s.file, sizeof(s.file), "%s", last_part(content_file(d)));
	return s;
}

unsigned snapmedia_count(struct machine *m)
{
	unsigned n = 0;

	for (struct drive *d = drive_first(m); d; d = d->next)
		n++;
	return n;
}

void snapmedia_describe(struct machine *m, struct state_buf *b)
{
	for (struct drive *d = drive_first(m); d; d = d->next) {
		struct saved_drive s = describe(d);
		state_put(b, "drive", MEDIA_VERSION, saved_state, &s);
	}
}

static void file_name(char name[32], unsigned n) { snprintf(name, 32, "disk%u", n); }

bool snapmedia_save(struct machine *m, int folder, struct error *err)
{
	unsigned n = 0, from = m->snap_permille, all = snapmedia_count(m);
	char name[32];

	for (struct drive *d = drive_first(m); d; d = d->next, n++) {
		m->snap_permille = from + (1000 - from) * n / all;
		if (content_kind(d) != CONTENT_WHOLE && content_kind(d) != CONTENT_OVERLAY)
			continue;
		file_name(name, n);
		int fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			return error_set(err, "could not make a file for what drive '%s' holds: %s", drive_label(d), strerror(errno));
		bool ok = content_save(d, fd, err);
		close(fd);
		if (!ok)
			return false;
	}
	return true;
}

/* ---- putting back ------------------------------------------------------------------------------------------------------------------- */

static struct drive *drive_number(struct machine *m, unsigned n)
{
	struct drive *d = drive_first(m);

	while (d && n--)
		d = d->next;
	return d;
}

/* Same drives, and in each what was in it. */
static bool fits(const struct saved_drive *was, const struct drive *d, struct error *err)
{
	struct saved_drive is = describe(d);

	if (strcmp(was->label, is.label))
		return error_set(err, "the snapshot is of a machine with a drive '%.100s' where this one has '%s'", was->label, is.label);
	if (was->kind > CONTENT_OVERLAY)
		return error_set(err, "the snapshot's state is damaged: drive '%s' held something unknown", is.label);
	if (was->kind == CONTENT_NONE && is.kind != CONTENT_NONE)
		return error_set(err, "drive '%s' was empty when the snapshot was taken, and holds '%s' now", is.label, is.file);
	if (was->kind == CONTENT_NONE || was->kind == CONTENT_WHOLE)
		return true;
	if (is.kind == CONTENT_NONE || strcmp(was->file, is.file))
		return error_set(err, "drive '%s' held '%.100s' when the snapshot was taken, and %s%s%s now", is.label, was->file, *is.file ? "holds '" : "is empty",
			is.file, *is.file ? "'" : "");
	return was->size == is.size || error_set(err, "'%s' in drive '%s' had %llu bytes when the snapshot was taken, and has %llu now", is.file, is.label,
		(unsigned long long)was->size, (unsigned long long)is.size);
}

static bool open_one(struct snapmedia *s, unsigned n, int folder, struct error *err)
{
	struct drive *d = drive_number(s->m, n);
	struct saved_drive *was = &s->drive[n];
	char name[32];

	was->label[sizeof(was->label) - 1] = was->file[sizeof(was->file) - 1] = 0;
	if (!fits(was, d, err))
		return false;
	if (was->kind != CONTENT_WHOLE && was->kind != CONTENT_OVERLAY)
		return true;
	file_name(name, n);
	s->fd[n] = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (s->fd[n] < 0)
		return error_set(err, "could not open what the snapshot kept of drive '%s': %s", drive_label(d), strerror(errno));
	return content_prepare(d, (enum content_kind)was->kind, was->size, s->fd[n], err);
}

struct snapmedia *snapmedia_open(struct machine *m, struct state_buf *b, unsigned n, int folder, const char *path, struct error *err)
{
	unsigned here = snapmedia_count(m);

	if (n != here || n > MEDIA_MAX) {
		error_set(err, "the snapshot is of a machine with %u drives, this one has %u", n, here);
		return NULL;
	}
	struct snapmedia *s = calloc(1, sizeof(*s));
	if (!s) {
		error_set(err, "no memory to load a snapshot");
		return NULL;
	}
	s->m = m;
	s->path = path;
	memset(s->fd, 0xff, sizeof(s->fd));
	bool ok = true;
	for (; ok && s->n < n; s->n++)
		ok = state_get(b, "drive", MEDIA_VERSION, saved_state, &s->drive[s->n], err) && open_one(s, s->n, folder, err);
	if (ok)
		return s;
	snapmedia_free(s);
	return NULL;
}

void snapmedia_free(struct snapmedia *s)
{
	if (!s)
		return;
	for (unsigned n = 0; n < s->n; n++)
		if (s->fd[n] >= 0) {
			content_leave(drive_number(s->m, n));
			close(s->fd[n]);
		}
	free(s);
}

static bool end_markers(struct snapmedia *s, struct error *err)
{
	bool ok = true;

	for (; s->begun; s->begun--)
		if (s->fd[s->begun - 1] >= 0)
			ok = restore_done(drive_number(s->m, s->begun - 1), ok ? err : NULL) && ok;
	return ok;
}

bool snapmedia_begin(struct snapmedia *s, struct error *err)
{
	char name[32], path[PATH_MAX + 40];

	for (s->begun = 0; s->begun < s->n; s->begun++) {
		file_name(name, s->begun);
		snprintf(path, sizeof(path), "%s/%s", s->path, name);
		if (s->fd[s->begun] >= 0 && !restore_begin(drive_number(s->m, s->begun), path, err)) {
			end_markers(s, NULL);
			return false;
		}
	}
	return true;
}

bool snapmedia_put_back(struct snapmedia *s, struct error *err)
{
	for (unsigned n = 0; n < s->n; n++)
		if (s->fd[n] >= 0 && !content_put_back(drive_number(s->m, n), (enum content_kind)s->drive[n].kind, s->drive[n].size, s->fd[n], err))
			return false;
	return end_markers(s, err);
}
