/* snapstore.h - where snapshots lie: a folder a tag, with the file `state` and the content of each medium.
 *
 * A machine whose first writable disk is a file IMAGE has them in IMAGE.snapshots/TAG; any other one (no disk, overlays, a block device) in the
 * user's data folder, in vmux/snapshots/NAME/TAG. */
#ifndef CORE_MACHINE_SNAPSTORE_H
#define CORE_MACHINE_SNAPSTORE_H
#include "core/machine/snapfile.h"
#include <limits.h>
struct machine;

enum { SNAPSHOT_TAG = 128 /* bytes with the zero */, SNAPSHOT_MAX = 1000 /* of one machine */ };
/* Letters, digits and what a file name may hold, but no '/', not '.' first. */
bool snapshot_tag_ok(const char *tag, struct error *err);

/* The folder of a machine's snapshots.  Machine lock.  It need not be there. */
bool snapstore_place(struct machine *m, char place[PATH_MAX], struct error *err);
/* That of the image itself, for a machine whose first disk is an overlay of it (snapshot=on): it may load what is there.  False: there is no such disk.
 * Machine lock. */
bool snapstore_place_below(struct machine *m, char place[PATH_MAX]);
/* Below, place is such a folder; any thread.
 * Make the place if it is not there and be the only one at work in it; what an earlier program left half done is put right.  -1 and err.  Give it back
 * by closing the descriptor. */
int snapstore_lock(const char *place, bool make, struct error *err);
/* A folder for a new snapshot, not to be found by its tag yet: its descriptor; -1 and err. */
int snapstore_new(int place, const char *tag, struct error *err);
bool snapstore_commit(int place, int folder, const char *tag, struct error *err);      /* it is whole: it takes the place of any of that tag */
void snapstore_discard(int place, const char *tag);
bool snapstore_has(const char *place, const char *tag);
bool snapstore_delete(int place, const char *tag, struct error *err);

struct snapshot_info { char tag[SNAPSHOT_TAG]; uint64_t size /* of the state, bytes */; struct snap_header head; };
/* What is there, the oldest first; to be freed.  Those that cannot be read are left out.  NULL: none. */
struct snapshot_info *snapstore_list(const char *place, unsigned *n);
#endif
