/* passthrough.c - images without a file of their own: a window on another image, and the image that keeps nothing. */
#include "core/block/block.h"
#include "core/block/node.h"
#include <stdlib.h>
#include <string.h>

static struct image *new_image(const struct image_format *f, const char *file, const struct image_opts *o, uint64_t size)
{
	struct image *im = calloc(1, sizeof(*im));

	if (!im || !(im->file = strdup(file)))
		abort();
	im->format = f;
	im->opts = *o;
	im->readonly = o->readonly;
	im->fd = -1;
	im->size = im->file_size = size;
	return im;
}

/* ---- window: all or a part of the image below -------------------------------------------------------------------------------------- */

static uint64_t start_of(const struct image *im) { return *(const uint64_t *)im->priv; }

static void window_close(struct image *im)
{
	free(im->priv);
	im->backing = NULL;                     /* not ours to close */
}

static int window_read(struct image *im, uint64_t off, const struct iovec *iov, int n)
{
	return im->backing->format->read(im->backing, start_of(im) + off, iov, n);
}

static int window_write(struct image *im, uint64_t off, const struct iovec *iov, int n)
{
	return im->backing->format->write(im->backing, start_of(im) + off, iov, n);
}

static int window_flush(struct image *im) { return im->opts.no_flush ? 0 : im->backing->format->flush(im->backing); }

static int window_discard(struct image *im, uint64_t off, uint64_t len)
{
	return im->opts.discard ? im->backing->format->discard(im->backing, start_of(im) + off, len) : 0;
}

static bool window_resize(struct image *im, uint64_t size, struct error *err)
{
	if (start_of(im) || im->size != im->backing->size)
		return error_set(err, "Cannot resize fixed-size raw disks");
	if (!image_resize(im->backing, size, err))
		return false;
	im->size = im->file_size = size;
	return true;
}

const struct image_format format_window = { .name = "raw", .close = window_close, .read = window_read, .write = window_write, .flush = window_flush,
	.discard = window_discard, .resize = window_resize };

struct image *image_window(struct image *below, const struct image_opts *o, uint64_t offset, uint64_t size, struct error *err)
{
	uint64_t *start = malloc(sizeof(*start));

	if (!start)
		abort();
	*start = offset;
	if (offset > below->size) {
		error_set(err, "Offset (%llu) cannot be greater than size of the containing file (%llu)", (unsigned long long)offset, (unsigned long long)below->size);
	} else if (size != UINT64_MAX && size > below->size - offset) {
		error_set(err, "The sum of offset (%llu) and size (%llu) has to be smaller or equal to the  actual size of the containing file (%llu)",
			(unsigned long long)offset, (unsigned long long)size, (unsigned long long)below->size);
	} else if (size != UINT64_MAX && size % BLOCK_SECTOR) {
		error_set(err, "Specified size is not multiple of %d", BLOCK_SECTOR);
	} else {
		struct image *im = new_image(&format_window, below->file, o, size == UINT64_MAX ? (below->size - offset) & ~(uint64_t)(BLOCK_SECTOR - 1) : size);
		im->backing = below;
		im->priv = start;
		return im;
	}
	free(start);
	return NULL;
}

/* ---- null -------------------------------------------------------------------------------------------------------------------------- */

static int null_read(struct image *im, uint64_t off, const struct iovec *iov, int n)
{
	iov_zero(iov, n);
	return 0;
}

static int null_write(struct image *im, uint64_t off, const struct iovec *iov, int n) { return 0; }
static int null_flush(struct image *im) { return 0; }
static int null_discard(struct image *im, uint64_t off, uint64_t len) { return 0; }

const struct image_format format_null = { .name = "null-co", .read = null_read, .write = null_write, .flush = null_flush, .discard = null_discard };

struct image *image_null(const struct image_opts *o, uint64_t size)
{
	return new_image(&format_null, "null-co://", o, (size + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1));
}
