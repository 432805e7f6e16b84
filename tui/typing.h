/* typing.h - keys as a person typed them to keys of the guest's keyboard. */
#ifndef TUI_TYPING_H
#define TUI_TYPING_H
#include "tui/key.h"
#include <stdbool.h>
struct app;
/* Press and let go whatever makes this key in the guest's layout.  False: the layout cannot; the user was told. */
bool typing_key(struct app *a, const struct key *k);
/* Hold down keys named as in sendkey ("ctrl-alt-delete"), then let go. */
bool typing_names(struct app *a, const char *names);
#endif
