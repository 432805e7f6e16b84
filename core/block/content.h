/* content.h - the content of drives in files: what a snapshot of the machine keeps of them, and how it is put back.
 *
 * Nothing may be in flight (drive_drain), and the machine stands still; then the machine lock need not be held. */
#ifndef CORE_BLOCK_CONTENT_H
#define CORE_BLOCK_CONTENT_H
#include "core/machine/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct drive;
struct image;
/* What is kept: nothing, where there is no medium or one that keeps nothing itself; of a read-only one its name and size; all; or what an overlay
 * (snapshot=on) holds. */
enum content_kind { CONTENT_NONE, CONTENT_READONLY, CONTENT_WHOLE, CONTENT_OVERLAY };
enum content_kind content_kind(const struct drive *d);
/* The file all lies on (NULL: none), and its size in bytes or that of the medium. */
const char *content_file(const struct drive *d);
uint64_t content_size(const struct drive *d);
/* Bring it into fd, a new file, and to the disk: shared blocks where the file system has such, else a copy without its holes. */
bool content_save(const struct drive *d, int fd, struct error *err);
/* Can the drive take up what fd holds, saved as `kind` with `size`?  Takes the room for it, and changes nothing that a guest could see. */
bool content_prepare(struct drive *d, enum content_kind kind, uint64_t size, int fd, struct error *err);
/* After content_prepare: take it up, and bring it to the disk; or leave it. */
bool content_put_back(struct drive *d, enum content_kind kind, uint64_t size, int fd, struct error *err);
void content_leave(struct drive *d);

/* While an image is put back a marker beside it (for devices: in the user's data folder) names the content, so that whoever opens the image next
 * finishes the work after a crash.  content: an absolute path. */
bool restore_begin(const struct drive *d, const char *content, struct error *err);
bool restore_done(const struct drive *d, struct error *err);
/* For image_open: finish what was begun; for images that are only read, err instead.  True: there was nothing to do, or it is done. */
bool restore_finish(struct image *im, struct error *err);
/* content.c, for the above: make the first `size` bytes of `to`, and its length if it is a file, those of `from`.  0 or -errno. */
int content_copy_back(int from, int to, uint64_t size);
#endif
