/* sendtext.h - text and named keys, as `vmux send` takes them, typed into a console.
 *
 *     ls -l<ret>      <ctrl-alt-delete>      <f10>      <C-a>      <less> or <lt> for a "<"
 * Names between < and > are those of the monitor's sendkey, or those that the key table of the workstation has. */
#ifndef TUI_SENDTEXT_H
#define TUI_SENDTEXT_H
#include "core/vm.h"
struct view;
/* All or nothing: false with one sentence when a key has no such name or the guest's layout lacks a character. */
bool sendtext(struct view *v, const char *text, struct error *err);
/* Would some console understand it?  (What the guest's layout lacks only its keyboard can tell.) */
bool sendtext_check(const char *text, struct error *err);
#endif
