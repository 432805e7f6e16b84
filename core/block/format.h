/* format.h - image files and the drivers of their formats.
 *
 * A driver sees one file (or another image below it) and answers requests from several worker threads at once. */
#ifndef CORE_BLOCK_FORMAT_H
#define CORE_BLOCK_FORMAT_H
#include "core/machine/error.h"
#include "core/machine/text.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct image;
enum detect_zeroes { ZEROES_OFF, ZEROES_ON, ZEROES_UNMAP };

struct image_format {
	const char *name;                                /* as format= takes it; "raw" */
	bool (*probe)(const uint8_t *head, size_t len);  /* NULL: never guessed (raw is the fallback) */
	/* im->fd is open and locked.  Sets im->size. */
	bool (*open)(struct image *im, struct error *err);
	void (*close)(struct image *im);                 /* priv only; may be NULL */
	/* Worker threads.  0 or -errno; short transfers are carried on inside. */
	int  (*read)(struct image *im, uint64_t off, const struct iovec *iov, int niov);
	int  (*write)(struct image *im, uint64_t off, const struct iovec *iov, int niov);
	int  (*flush)(struct image *im);
	int  (*discard)(struct image *im, uint64_t off, uint64_t len);
	bool (*resize)(struct image *im, uint64_t size, struct error *err);     /* NULL: it cannot */
	void (*info)(const struct image *im, struct text *out);  /* format-specific lines of info block -v; may be NULL */
};
extern const struct image_format format_raw, format_overlay;

/* How to open: from -drive. */
struct image_opts {
	bool readonly;
	bool readonly_auto;                              /* fall back to read-only when the file cannot be written */
	bool direct, writethrough, no_flush;             /* cache= */
	bool no_lock;                                    /* file.locking=off */
	bool share_rw;
	bool discard;
	bool snapshot;                                   /* writes go to a temporary overlay */
	enum detect_zeroes zeroes;
};

struct image {
	const struct image_format *format;
	char *file;
	struct image_opts opts;
	bool readonly;
	bool probed;                                     /* the format was guessed: block 0 must not turn into another format */
	int fd;                                          /* -1 for an overlay */
	uint64_t size;                                   /* bytes, rounded up to whole sectors by the driver */
	uint64_t file_size;                              /* bytes that are really there */
	struct image *backing;                           /* overlay: what lies below */
	void *priv;
};

/* Open `file`; format NULL = look at the content.  Any thread that may block. */
struct image *image_open(const char *file, const char *format, const struct image_opts *opts, struct error *err);
void image_close(struct image *im);
/* The image of the file that all this lies on. */
const struct image *image_bottom(const struct image *im);
/* Change the size of the image; nothing may be in flight. */
bool image_resize(struct image *im, uint64_t size, struct error *err);
/* The format a block of this content would be taken for, or NULL: raw. */
const char *image_probe(const uint8_t *head, size_t len);

/* A file without a name in $TMPDIR or /var/tmp; -1 and err, in which `why` says what it is for. */
int image_temp_file(const char *why, struct error *err);
/* Overlay: write what it holds into the image below.  Nothing may be in flight. */
bool overlay_commit(struct image *im, struct error *err);

/* What it holds, into a new file, and from one (content.h): overlay_prepare reads it in, size being that of the disk; overlay_take takes it up in
 * the place of what is there, overlay_leave forgets it.  Nothing may be in flight.  overlay_save: 0 or -errno. */
int overlay_save(const struct image *im, int fd);
bool overlay_prepare(struct image *im, uint64_t size, int fd, struct error *err);
void overlay_take(struct image *im);
void overlay_leave(struct image *im);

/* Part [skip, skip+len) of an iovec in `out` (room for n entries); returns how many entries it took. */
int iov_slice(const struct iovec *iov, int n, uint64_t skip, uint64_t len, struct iovec *out);
uint64_t iov_bytes(const struct iovec *iov, int n);
void iov_zero(const struct iovec *iov, int n);
bool iov_all_zero(const struct iovec *iov, int n);
void iov_gather(const struct iovec *iov, int n, void *buf);        /* iov -> buf */
void iov_scatter(const struct iovec *iov, int n, const void *buf); /* buf -> iov */

/* lock.c: QEMU's protocol of byte-range locks on image files. */
bool image_lock(int fd, bool write, bool share_rw, const char *file, struct error *err);
#endif
