/* snapdesc.h - what a machine is made of, in lines of text: a snapshot is loaded only into a machine of the same make.  Machine lock. */
#ifndef CORE_MACHINE_SNAPDESC_H
#define CORE_MACHINE_SNAPDESC_H
#include "core/machine/error.h"
#include "core/machine/text.h"
struct machine;
void snapdesc_write(struct machine *m, struct text *out);
/* False: err says what differs, in one sentence.  The text is anybody's. */
bool snapdesc_check(struct machine *m, const char *text, size_t len, struct error *err);
#endif
