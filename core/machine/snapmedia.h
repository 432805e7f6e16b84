/* snapmedia.h - the drives of a snapshot: a section "drive" each in its state, and a file each for what they hold.
 *
 * Loop thread.  Where nothing else is said the machine stands still with its drives drained, and the machine lock need not be held. */
#ifndef CORE_MACHINE_SNAPMEDIA_H
#define CORE_MACHINE_SNAPMEDIA_H
#include "core/machine/state.h"
struct machine;

unsigned snapmedia_count(struct machine *m);                            /* drives, with or without a medium */
/* Append the sections.  Machine lock. */
void snapmedia_describe(struct machine *m, struct state_buf *b);
/* The files "diskN", into the folder (a descriptor).  False and err: some may be there. */
bool snapmedia_save(struct machine *m, int folder, struct error *err);

/* Read the sections and look whether this machine's drives can take up what the folder (descriptor, and its path) holds; NULL and err.  Nothing is
 * changed. */
struct snapmedia;
struct snapmedia *snapmedia_open(struct machine *m, struct state_buf *b, unsigned n, int folder, const char *path, struct error *err);
/* The markers of what is going to be put back (content.h), all or none. */
bool snapmedia_begin(struct snapmedia *s, struct error *err);
/* False: some drive could not be; the markers stay. */
bool snapmedia_put_back(struct snapmedia *s, struct error *err);
void snapmedia_free(struct snapmedia *s);                               /* NULL is allowed */
#endif
