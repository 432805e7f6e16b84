/* termkeys.h - keys as the bytes that a guest on a terminal line expects, in the modes that it has set (libvterm knows them). */
#ifndef TUI_TERMKEYS_H
#define TUI_TERMKEYS_H
#include "tui/key.h"
#include <vterm.h>
/* Bytes go to send(arg, ...), or to the output callback of vt. */
void termkeys_send(VTerm *vt, const struct key *k, void (*send)(void *arg, const void *bytes, size_t n), void *arg);
#endif
