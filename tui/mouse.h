/* mouse.h - what the mouse does, when it is on: a click gives a pane the keys, the wheel looks back, dragging copies, the status line and menus can be
 * clicked.  Off (as it is until asked for), terminals are not asked for reports, and what looks like one is no key.  No byte of it reaches a
 * guest; in guest mode the pointer's moves and buttons over a VGA console go to the guest's mouse (PS/2, serial, whatever it has). */
#ifndef TUI_MOUSE_H
#define TUI_MOUSE_H
#include "core/vm.h"
struct app;
struct mouse;
enum mouse_mode { MOUSE_OFF, MOUSE_ON, MOUSE_GUEST };
bool mouse_mode_parse(const char *name, enum mouse_mode *out);
/* All terminals are asked for reports, or no more. */
void mouse_set(struct app *a, enum mouse_mode mode);
/* x, y: of the workstation's grid. */
void mouse_event(struct app *a, const struct mouse *m);
/* What a terminal is told at the start and at the end of a mode; both may be empty. */
void mouse_sequences(enum mouse_mode mode, const char **on, const char **off);
#endif
