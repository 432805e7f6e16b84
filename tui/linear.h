/* linear.h - the workstation as plain text that only ever grows: for screen readers, braille lines, printers and terminals that can do no more.
 *
 * Nothing is painted again.  New lines of the console that has the keys come as they are printed, the last one as it grows; a row that a
 * full-screen program changed comes again as a line; messages, menus, pages and the command line likewise.  The only control characters are
 * carriage return, line feed, backspace and the bell. */
#ifndef TUI_LINEAR_H
#define TUI_LINEAR_H
#include "core/vm.h"
struct app;
struct linear;
struct linear *linear_new(void);
void linear_free(struct linear *l);             /* NULL is allowed */
/* What is new since the last call, in the locale's bytes of UTF-8 (ascii: look-alikes for all else). */
void linear_update(struct linear *l, struct app *a, bool ascii, struct text *out);
#endif
