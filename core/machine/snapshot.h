/* snapshot.h - the whole machine kept under a tag, and put back: CPUs, devices, memory, clock, disks.
 *
 * Loop thread (or before it runs), machine lock held; the lock is let go while files are written and read, with the machine standing still
 * (RUN_SAVE_VM, RUN_RESTORE_VM), so nobody who waits for the lock waits for a disk.  A machine that ran goes on afterwards. */
#ifndef CORE_MACHINE_SNAPSHOT_H
#define CORE_MACHINE_SNAPSHOT_H
#include "core/machine/snapstore.h"
struct machine;

/* A tag that is not in use: "vm-YYYYMMDDHHMMSS". */
void snapshot_make_tag(struct machine *m, char tag[SNAPSHOT_TAG]);
/* False and err: nothing is left of it, one that had the tag is as it was, and the machine goes on. */
bool snapshot_save(struct machine *m, const char *tag, struct error *err);
/* False and err: the machine is as it was and goes on; but when disks, or the machine as it was, could not be put back it stands still. */
bool snapshot_load(struct machine *m, const char *tag, struct error *err);             /* of this machine, or of the image its disk is an overlay of */
bool snapshot_exists(struct machine *m, const char *tag);
/* A tag that is not there is no error. */
bool snapshot_delete(struct machine *m, const char *tag, struct error *err);
#endif
