/* snapram.h - the guest's memory in a snapshot: pages that are not all zero, by windows of 1 MB; and the way back when a load fails.
 *
 * vCPUs are parked and drives idle; the machine lock need not be held. */
#ifndef CORE_MACHINE_SNAPRAM_H
#define CORE_MACHINE_SNAPRAM_H
#include "core/machine/snapfile.h"
struct machine;

/* Write all blocks of the arena.  m->snap_permille goes from where it is to `until`, of 1000.  False and err. */
bool snapram_save(struct machine *m, struct snap_writer *w, unsigned until, struct error *err);
/* Does a chunk fit this machine, and come after the one before?  *last: 0 at the first one, then as it was left.  False and err: it is anybody's. */
bool snapram_check(struct machine *m, const uint8_t *data, size_t len, uint64_t *last, struct error *err);

/* Bring the pages to what the chunks say; those that no chunk names become zero.  Chunks must have passed snapram_check.  What differs is kept in a
 * temporary file, until snapram_end, which brings it back unless `keep` is true. */
struct snapram;
/* NULL and err: no memory, or no temporary file. */
struct snapram *snapram_begin(struct machine *m, struct error *err);
/* Both: false and err when what was there could not be kept; then it is for snapram_end. */
bool snapram_put(struct snapram *r, const uint8_t *data, size_t len, struct error *err);
bool snapram_rest(struct snapram *r, struct error *err);                /* after the last chunk */
/* Frees r.  False and err: the pages could not be brought back. */
bool snapram_end(struct snapram *r, bool keep, struct error *err);
#endif
