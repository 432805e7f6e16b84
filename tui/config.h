/* config.h - where a user's settings are, and the settings of the workstation.
 *
 * File: $XDG_CONFIG_HOME/vmux/config (~/.config/vmux/config), a line each (words and comments as in datafile.h):
 *     set NAME VALUE          prefix KEY, esc-time MS, theme NAME
 *     bind ACTION KEY...      the keys of an action (names as in the help); none = no key
 *     layout SPEC             how the screen is divided at the start
 *     trigger NAME ...        what to do when a console prints something; see triggers.h */
#ifndef TUI_CONFIG_H
#define TUI_CONFIG_H
#include "core/vm.h"
struct app;
/* The path of a file of the user's settings; make: make its folder.  False: there is no home folder (path is then "~/.config/vmux/..."). */
bool config_path(const char *file, char *path, size_t size, bool make);
/* Apply the file; a missing one is no mistake.  False: err names file and line; what stands before it holds. */
bool config_load(struct app *a, struct error *err);
/* What a program without a machine is to look like: the theme, and whether frames are of ASCII.  False: err says what is wrong with the settings; the
 * look is what it is without that. */
struct theme;
bool config_look(struct theme *t, bool *ascii, struct error *err);
/* `vmux config check [FILE]`, `vmux config path`. */
int config_main(int argc, char **argv);
#endif
