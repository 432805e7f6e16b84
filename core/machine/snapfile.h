/* snapfile.h - the file `state` of a snapshot: a header, then chunks, each with its length and a checksum over all that stands before it.
 *
 * Whoever holds the machine still may use it from any thread.  What is read is anybody's: chunks come checked for their length and sum, but
 * not for what they say. */
#ifndef CORE_MACHINE_SNAPFILE_H
#define CORE_MACHINE_SNAPFILE_H
#include "core/machine/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SNAP_CHUNK_MAX = 16 << 20 };             /* bytes of a chunk, unpacked */
struct snap_header {
	uint64_t date_s;                        /* since 1970 */
	uint32_t date_ns;
	uint64_t clock_ns;                      /* the machine's clock */
	uint64_t icount;                        /* UINT64_MAX: instructions are not counted (-icount) */
};
enum snap_kind { SNAP_END, SNAP_MACHINE /* text: snapdesc.h */, SNAP_STATE /* sections of state.h */, SNAP_RAM /* snapram.h */ };

struct snap_writer;
/* Writes the header at once; fd, at the start of an empty file, stays the caller's.  NULL and err. */
struct snap_writer *snap_writer_new(int fd, const struct snap_header *h, struct error *err);
/* A chunk of len bytes, at most SNAP_CHUNK_MAX; packed where that is smaller.  False and err: more than that, or it could not be written. */
bool snap_put(struct snap_writer *w, enum snap_kind kind, const void *data, size_t len, struct error *err);
/* The last chunk; all is on the disk when it returns true. */
bool snap_writer_end(struct snap_writer *w, struct error *err);
void snap_writer_free(struct snap_writer *w);                           /* NULL is allowed */

struct snap_reader;
/* Reads and checks the header; fd stays the caller's, and its position is of no matter.  NULL and err. */
struct snap_reader *snap_reader_new(int fd, struct snap_header *h, struct error *err);
/* The next chunk, valid until the next call.  False: err; at the end *kind is SNAP_END. */
bool snap_get(struct snap_reader *r, enum snap_kind *kind, const uint8_t **data, size_t *len, struct error *err);
void snap_rewind(struct snap_reader *r);                                 /* behind the header again */
uint64_t snap_reader_at(const struct snap_reader *r);                   /* bytes of the file read so far */
void snap_reader_free(struct snap_reader *r);                           /* NULL is allowed */
/* The header alone: for lists. */
bool snap_header_read(int fd, struct snap_header *h, struct error *err);
#endif
