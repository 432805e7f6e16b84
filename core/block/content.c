/* content.c - the content of drives in files. */
#include "core/block/content.h"
#include "core/block/block.h"
#include "core/block/format.h"
#include "core/block/node.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 20, PIECE = 1 << 16 };

enum content_kind content_kind(const struct drive *d)
{
	const struct image *im = d->image;

	if (!im || image_bottom(im)->format == &format_null)
		return CONTENT_NONE;
	return im->format == &format_overlay ? CONTENT_OVERLAY : im->readonly || d->readonly ? CONTENT_READONLY : CONTENT_WHOLE;
}

const char *content_file(const struct drive *d)
{
	return d->image && image_bottom(d->image)->format != &format_null ? image_bottom(d->image)->file : NULL;
}

uint64_t content_size(const struct drive *d)
{
	return !d->image ? 0 : d->image->format == &format_raw ? d->image->file_size : d->image->size;
}

/* Another descriptor of the image's file, one that goes through the page cache; the locks of the first one are not its own and stay. */
static int open_again(const struct image *im, bool write)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", im->fd);
	return open(self, O_CLOEXEC | (write ? O_RDWR : O_RDONLY));
}

static bool all_zero(const uint8_t *p, size_t len) { return !len || (!p[0] && !memcmp(p, p + 1, len - 1)); }

static int read_at(int fd, uint8_t *buf, size_t len, uint64_t at)
{
	while (len) {
		ssize_t n = pread(fd, buf, len, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n) {                       /* behind the end there are zeroes */
			memset(buf, 0, len);
			return 0;
		}
		buf += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_at(int fd, const uint8_t *buf, size_t len, uint64_t at)
{
	while (len) {
		ssize_t n = pwrite(fd, buf, len, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENOSPC;
		buf += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* The next data of a file at or behind `at`; `end` when there is none.  Where the file system cannot tell, all is data. */
static uint64_t next_data(int fd, uint64_t at, uint64_t end)
{
	off_t n = lseek(fd, (off_t)at, SEEK_DATA);

	if (n < 0)
		return errno == ENXIO ? end : at;
	return (uint64_t)n < end ? (uint64_t)n : end;
}

static uint64_t next_hole(int fd, uint64_t at, uint64_t end)
{
	off_t n = lseek(fd, (off_t)at, SEEK_HOLE);

	return n < 0 || (uint64_t)n > end ? end : (uint64_t)n;
}

/* ---- saving ------------------------------------------------------------------------------------------------------------------------- */

/* [at, end) by reading and writing; what is zero stays a hole. */
static int copy_plain(int from, int to, uint64_t at, uint64_t end, uint8_t *buf)
{
	int r = 0;

	while (!r && at < end) {
		size_t n = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
		r = read_at(from, buf, n, at);
		for (size_t i = 0; !r && i < n; i += PIECE) {
			size_t k = n - i < PIECE ? n - i : PIECE;
			if (!all_zero(buf + i, k))
				r = write_at(to, buf + i, k, at + i);
		}
		at += n;
	}
	return r;
}

static int copy_range(int from, int to, uint64_t at, uint64_t end, uint8_t *buf)
{
	while (at < end) {
		off_t in = (off_t)at, out = (off_t)at;
		ssize_t n = copy_file_range(from, &in, to, &out, end - at, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EFBIG))
			return -errno;
		if (n <= 0)                     /* not between these two */
			return copy_plain(from, to, at, end, buf);
		at += (uint64_t)n;
	}
	return 0;
}

static int copy_file(int from, int to, uint64_t size)
{
	int r = 0;

	if (!ioctl(to, FICLONE, from))
		return ftruncate(to, (off_t)size) ? -errno : 0;
	uint8_t *buf = malloc(CHUNK);
	if (!buf)
		return -ENOMEM;
	for (uint64_t at = 0, end; !r && (at = next_data(from, at, size)) < size; at = end) {
		end = next_hole(from, at, size);
		r = copy_range(from, to, at, end, buf);
	}
	free(buf);
	return r ? r : ftruncate(to, (off_t)size) ? -errno : 0;
}

/* Whatever lies below, through its own functions. */
static int copy_image(struct image *im, int to)
{
	uint8_t *buf = malloc(CHUNK);
	int r = buf ? 0 : -ENOMEM;

	for (uint64_t at = 0; !r && at < im->size;) {
		struct iovec iov = { buf, im->size - at < CHUNK ? im->size - at : CHUNK };
		r = im->format->read(im, at, &iov, 1);
		for (size_t i = 0; !r && i < iov.iov_len; i += PIECE) {
			size_t k = iov.iov_len - i < PIECE ? iov.iov_len - i : PIECE;
			if (!all_zero(buf + i, k))
				r = write_at(to, buf + i, k, at + i);
		}
		at += iov.iov_len;
	}
	free(buf);
	return r ? r : ftruncate(to, (off_t)im->size) ? -errno : 0;
}

bool content_save(const struct drive *d, int fd, struct error *err)
{
	struct image *im = d->image;
	int r;

	if (im->format == &format_overlay) {
		r = overlay_save(im, fd);
	} else if (im->format == &format_raw) {
		int from = open_again(im, false);
		r = from < 0 ? -errno : copy_file(from, fd, im->file_size);
		if (from >= 0)
			close(from);
	} else {
		r = copy_image(im, fd);
	}
	if (!r && fsync(fd))
		r = -errno;
	return !r || error_set(err, "could not keep the content of drive '%s': %s", drive_label(d), strerror(-r));
}

/* ---- preparing ---------------------------------------------------------------------------------------------------------------------- */

/* Blocks for all that will be data: so that a full disk is found now.  Where the file system does not know of such, it is found later. */
static int take_room(int from, int to, uint64_t size)
{
	for (uint64_t at = 0, end; (at = next_data(from, at, size)) < size; at = end) {
		end = next_hole(from, at, size);
		while (fallocate(to, FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)(end - at)))
			if (errno == ENOSPC || errno == EDQUOT)
				return -errno;
			else if (errno != EINTR)
				return 0;
	}
	return 0;
}

static bool is_regular(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode);
}

static bool prepare_whole(struct drive *d, uint64_t size, int fd, struct error *err)
{
	struct image *im = d->image;
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != size)
		return error_set(err, "the snapshot's content of drive '%s' is damaged: it has not %llu bytes", drive_label(d), (unsigned long long)size);
	bool resizes = im->format == &format_raw && is_regular(im->fd);
	if (content_size(d) != size && !resizes)
		return error_set(err, "drive '%s' has %llu bytes now, and had %llu when the snapshot was taken", drive_label(d), (unsigned long long)content_size(d),
			(unsigned long long)size);
	if (!resizes)
		return true;
	int to = open_again(im, true), r = to < 0 ? -errno : take_room(fd, to, size);
	if (to >= 0)
		close(to);
	return !r || error_set(err, "no room for what drive '%s' held: %s", drive_label(d), strerror(-r));
}

bool content_prepare(struct drive *d, enum content_kind kind, uint64_t size, int fd, struct error *err)
{
	enum content_kind now = content_kind(d);

	if (kind == CONTENT_OVERLAY && now == CONTENT_OVERLAY)
		return overlay_prepare(d->image, size, fd, err) || error_prefix(err, "drive '%s': ", drive_label(d));
	if (kind == CONTENT_WHOLE && (now == CONTENT_WHOLE || now == CONTENT_OVERLAY))
		return prepare_whole(d, size, fd, err);
	if (now == CONTENT_NONE)
		return error_set(err, "drive '%s' had a medium when the snapshot was taken, and has none now", drive_label(d));
	return error_set(err, kind == CONTENT_OVERLAY ? "drive '%s' was an overlay (snapshot=on) when the snapshot was taken, and is none now" :
		"drive '%s' could be written when the snapshot was taken, and cannot now", drive_label(d));
}

void content_leave(struct drive *d)
{
	if (d->image && d->image->format == &format_overlay)
		overlay_leave(d->image);
}

/* ---- putting back ------------------------------------------------------------------------------------------------------------------- */

/* Zeroes become a hole where that can be. */
static int write_piece(int to, const uint8_t *p, size_t len, uint64_t at, bool file)
{
	if (file && all_zero(p, len) && !fallocate(to, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)len))
		return 0;
	return write_at(to, p, len, at);
}

/* Only pieces that differ are written. */
static int write_differences(int from, int to, uint64_t size, bool file)
{
	uint8_t *a = malloc(2 * CHUNK), *b = a + CHUNK;
	int r = a ? 0 : -ENOMEM;

	for (uint64_t at = 0; !r;) {
		uint64_t x = next_data(from, at, size), y = next_data(to, at, size);
		at = (x < y ? x : y) & ~(uint64_t)(PIECE - 1);
		if (at >= size || (x == size && y == size))
			break;
		size_t n = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
		r = read_at(from, a, n, at);
		r = r ? r : read_at(to, b, n, at);
		for (size_t i = 0; !r && i < n; i += PIECE) {
			size_t k = n - i < PIECE ? n - i : PIECE;
			if (memcmp(a + i, b + i, k))
				r = write_piece(to, a + i, k, at + i, file);
		}
		at += n;
	}
	free(a);
	return r;
}

int content_copy_back(int from, int to, uint64_t size)
{
	bool file = is_regular(to);
	int r;

	if (file && !ioctl(to, FICLONE, from))
		r = 0;
	else
		r = write_differences(from, to, size, file);
	if (!r && file && ftruncate(to, (off_t)size))
		r = -errno;
	return r ? r : fsync(to) ? -errno : 0;
}

/* Into a window, an overlay or whatever it is, through its own functions. */
static int write_image(struct image *im, int from)
{
	uint8_t *a = malloc(2 * CHUNK), *b = a + CHUNK;
	int r = a ? 0 : -ENOMEM;

	for (uint64_t at = 0; !r && at < im->size;) {
		size_t n = im->size - at < CHUNK ? (size_t)(im->size - at) : CHUNK;
		struct iovec iov = { b, n };
		r = read_at(from, a, n, at);
		r = r ? r : im->format->read(im, at, &iov, 1);
		for (size_t i = 0; !r && i < n; i += PIECE) {
			size_t k = n - i < PIECE ? n - i : PIECE;
			struct iovec out = { a + i, k };
			if (memcmp(a + i, b + i, k))
				r = im->format->write(im, at + i, &out, 1);
		}
		at += n;
	}
	free(a);
	return r ? r : im->format->flush(im);
}

static int write_raw(struct drive *d, uint64_t size, int fd)
{
	struct image *im = d->image;
	int to = open_again(im, true), r = to < 0 ? -errno : content_copy_back(fd, to, size);

	if (to >= 0)
		close(to);
	if (r || im->file_size == size)
		return r;
	im->file_size = size;
	im->size = (size + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
	d->size = im->size;
	return 0;
}

bool content_put_back(struct drive *d, enum content_kind kind, uint64_t size, int fd, struct error *err)
{
	int r = 0;

	if (kind == CONTENT_OVERLAY)
		overlay_take(d->image);
	else if (d->image->format == &format_raw)
		r = write_raw(d, size, fd);
	else
		r = write_image(d->image, fd);
	return !r || error_set(err, "could not put back what drive '%s' held: %s", drive_label(d), strerror(-r));
}
