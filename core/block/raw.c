/* raw.c - images that are the disk byte for byte. */
#include "core/block/block.h"
#include "core/block/format.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCH = 64 /* iov entries a system call */, DIRECT_ALIGN = 4096 };

/* With O_DIRECT a request that is not aligned goes through a second, buffered descriptor; the kernel keeps the two coherent. */
struct raw { int buffered; };

static bool raw_open(struct image *im, struct error *err)
{
	struct raw *r = calloc(1, sizeof(*r));
	if (!r)
		abort();
	r->buffered = -1;
	im->priv = r;
	im->size = (im->file_size + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
	if (!im->opts.direct)
		return true;
	char self[64];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", im->fd);
	r->buffered = open(self, O_CLOEXEC | (im->readonly ? O_RDONLY : O_RDWR));
	if (r->buffered >= 0)
		return true;
	free(r);
	return error_set(err, "Could not open '%s': %s", im->file, strerror(errno));
}

static void raw_close(struct image *im)
{
	struct raw *r = im->priv;
	if (r->buffered >= 0)
		close(r->buffered);
	free(r);
}

static int pick_fd(const struct image *im, uint64_t off, const struct iovec *iov, int n)
{
	const struct raw *r = im->priv;
	uint64_t bits = off;
	if (r->buffered < 0)
		return im->fd;
	for (int i = 0; i < n; i++)
		bits |= (uintptr_t)iov[i].iov_base | iov[i].iov_len;
	return bits & (DIRECT_ALIGN - 1) ? r->buffered : im->fd;
}

/* Move all of it, in batches, through interruptions and short transfers. */
static int transfer(int fd, bool write, uint64_t off, const struct iovec *iov, int n, uint64_t len)
{
	struct iovec part[BATCH];
	int first = 0;
	uint64_t skip = 0;
	while (len) {
		while (first < n && skip >= iov[first].iov_len)
			skip -= iov[first++].iov_len;
		int use = iov_slice(iov + first, n - first < BATCH ? n - first : BATCH, skip, len, part);
		ssize_t got = write ? pwritev(fd, part, use, (off_t)off) : preadv(fd, part, use, (off_t)off);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)                   /* the file shrank below us, or the device is full */
			return write ? -ENOSPC : -EIO;
		off += (uint64_t)got;
		skip += (uint64_t)got;
		len -= (uint64_t)got;
	}
	return 0;
}

static int raw_read(struct image *im, uint64_t off, const struct iovec *iov, int n)
{
	uint64_t size = __atomic_load_n(&im->file_size, __ATOMIC_RELAXED);
	uint64_t len = iov_bytes(iov, n), have = off < size ? size - off : 0;
	if (have < len) {               /* the last sector of an odd file ends in zeroes */
		struct iovec *tail = calloc((size_t)n, sizeof(*tail));
		if (!tail)
			return -ENOMEM;
		iov_zero(tail, iov_slice(iov, n, have, len - have, tail));
		free(tail);
		len = have;
	}
	return transfer(pick_fd(im, off | len, iov, n), false, off, iov, n, len);
}

/* A guessed raw image must not be turned by its guest into one of another format (whose header could name any file of the host
 * as its backing file at the next start). */
static bool forges_header(const struct image *im, uint64_t off, const struct iovec *iov, int n)
{
	uint8_t head[BLOCK_SECTOR] = { 0 };
	struct iovec one = { head, sizeof(head) };
	if (!im->probed || off >= sizeof(head))
		return false;
	uint64_t len = iov_bytes(iov, n), room = sizeof(head) - off;
	if (off || len < room) {
		if (raw_read((struct image *)im, 0, &one, 1))
			return true;
	}
	for (uint64_t pos = 0; n && pos < room; iov++, n--) {
		size_t take = iov->iov_len < room - pos ? iov->iov_len : room - pos;
		memcpy(head + off + pos, iov->iov_base, take);
		pos += take;
	}
	return image_probe(head, sizeof(head)) != NULL;
}

static bool punch(int fd, int mode, uint64_t off, uint64_t len)
{
	int r;
	do
		r = fallocate(fd, mode, (off_t)off, (off_t)len);
	while (r && errno == EINTR);
	return r == 0;
}

static int raw_write(struct image *im, uint64_t off, const struct iovec *iov, int n)
{
	uint64_t len = iov_bytes(iov, n);
	int r = 0;
	if (forges_header(im, off, iov, n))
		return -EPERM;
	bool zero = im->opts.zeroes != ZEROES_OFF && iov_all_zero(iov, n) &&
		punch(im->fd, im->opts.zeroes == ZEROES_UNMAP ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE : FALLOC_FL_ZERO_RANGE, off, len);
	if (!zero)
		r = transfer(pick_fd(im, off | len, iov, n), true, off, iov, n, len);
	if (!r && im->opts.writethrough && !im->opts.no_flush && fdatasync(im->fd))
		r = -errno;
	/* writing the last sector of an odd file completes it */
	if (!r && off + len > __atomic_load_n(&im->file_size, __ATOMIC_RELAXED))
		__atomic_store_n(&im->file_size, off + len, __ATOMIC_RELAXED);
	return r;
}

static int raw_flush(struct image *im)
{
	if (im->opts.no_flush || im->readonly)
		return 0;
	/* a character device or pipe has nothing to flush */
	return fdatasync(im->fd) && errno != EINVAL && errno != EROFS ? -errno : 0;
}

static int raw_discard(struct image *im, uint64_t off, uint64_t len)
{
	if (!im->opts.discard || punch(im->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len))
		return 0;
	return errno == EOPNOTSUPP || errno == ENODEV || errno == ENOSYS ? 0 : -errno;     /* a hint: not being able to is no error */
}

static bool raw_resize(struct image *im, uint64_t size, struct error *err)
{
	struct stat st;

	if (fstat(im->fd, &st) || !S_ISREG(st.st_mode))
		return error_set(err, "Cannot resize device files");
	if (ftruncate(im->fd, (off_t)size))
		return error_set(err, "Failed to resize the file: %s", strerror(errno));
	im->size = im->file_size = size;
	return true;
}

const struct image_format format_raw = {
	.name = "raw", .resize = raw_resize, .open = raw_open, .close = raw_close, .read = raw_read, .write = raw_write, .flush = raw_flush, .discard = raw_discard,
};
