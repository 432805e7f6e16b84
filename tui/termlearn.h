/* termlearn.h - what the keys of a terminal send: from its description (terminfo), the modified keys that ncurses' own and xterm's extended
 * capabilities name included, and from termseqs.def. */
#ifndef TUI_TERMLEARN_H
#define TUI_TERMLEARN_H
#include "tui/keydec.h"
struct termlearn { char *seq[KEYDEC_LEARNT]; struct key key[KEYDEC_LEARNT]; unsigned n; };
/* From the description that setupterm() loaded. */
void termlearn_read(struct termlearn *t, const char *term);
void termlearn_teach(const struct termlearn *t, struct keydec *d);
void termlearn_free(struct termlearn *t);
#endif
