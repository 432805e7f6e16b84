/* snapdesc.h - what a machine is made of, in lines of text: a snapshot is loaded only into a machine of the same make.  Machine lock. */
#ifndef CORE_MACHINE_SNAPDESC_H
#define CORE_MACHINE_SNAPDESC_H
#include "core/machine/error.h"
#include "core/machine/text.h"
struct machine;
enum { SNAPDESC_MAX = 64 << 10 };               /* bytes: it is compared line by line with this machine's, again and again */
/* Append the text to out, which the caller frees. */
void snapdesc_write(struct machine *m, struct text *out);
/* Is m such a machine?  text: len bytes, anybody's, without a zero at the end.  False: err says what differs, in one sentence. */
bool snapdesc_check(struct machine *m, const char *text, size_t len, struct error *err);
#endif
