/* record.h - recordings of the whole screen or of one console, as asciicast version 2 files that `asciinema play` shows.
 *
 * A recording is one more terminal (xterm-256color, 24-bit colours, UTF-8) that shows what is recorded, and whose bytes go to a file with
 * their times.  Of a console that is its whole screen, whatever a pane shows of it. */
#ifndef TUI_RECORD_H
#define TUI_RECORD_H
#include "core/vm.h"
struct app;
struct recording;
enum { RECORD_SCREEN = -1, RECORD_MOST = 8 };
/* console: its number from 0, or RECORD_SCREEN.  file: NULL = a new one beside the logs.  The path is shown. */
bool record_start(struct app *a, int console, const char *file, struct error *err);
/* The r key: a menu, or the end of what is recorded here.  "record pane|screen [FILE]" and "record off" of the command line. */
void record_action(struct app *a);
void record_command(struct app *a, const char *args);
/* Something recorded has changed and is to be drawn, whether a terminal shows it or not. */
bool record_wants(const struct app *a);
bool record_wants_screen(const struct app *a);
/* After drawing. */
void record_frame(struct app *a);
void record_stop_all(struct app *a);
/* Is this console, or the whole screen, recorded?  *failing: some of it was lost. */
bool record_runs(const struct app *a, unsigned console, bool *failing);
#endif
