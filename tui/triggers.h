/* triggers.h - watch what consoles print for a pattern, and do something when it comes.
 *
 * A line of the settings:   trigger NAME [match=REGEX] [pane=NAME] [times=N] [cooldown=SECONDS] [ACTION...]
 * Actions: pause, snapshot (of the whole machine), notify, "send=TEXT" (as vmux send takes it, typed into the console that printed), "monitor=LINE" (a monitor command).
 * The names panic, oops and lockup bring a pattern, and an action where the line names none.
 *
 * Text consoles are watched as a stream, cut into lines, without escape sequences; VGA text as it shows, once a frame.  The monitor's own
 * console is not watched.  A pattern that takes too many steps on too many lines is switched off: a guest cannot keep the UI busy with it. */
#ifndef TUI_TRIGGERS_H
#define TUI_TRIGGERS_H
#include "core/vm.h"
struct app;
struct view;
struct trigger_watch;           /* what is remembered of a console */
struct triggers;
enum { TRIGGERS_MOST = 32, TRIGGER_LINE = 1024 };
/* The words of a line of the settings, the first of them "trigger".  Makes *t when it is NULL.  False: err says what is wrong. */
bool triggers_add(struct triggers **t, char *const *word, unsigned n, struct error *err);
void triggers_free(struct triggers *t);         /* NULL is allowed */
/* Bytes that a text console printed; a look at a screen of text, and before that at each row that has left it since.  They do nothing without triggers.
 * UI thread, as everything here. */
void triggers_stream(struct app *a, struct view *v, const uint8_t *bytes, size_t n);
void triggers_row(struct app *a, struct view *v, const char *text, size_t len);
void triggers_screen(struct app *a, struct view *v);
void triggers_forget(struct view *v);           /* before a view goes */
/* A line for the list of events: what came of something that a trigger began. */
void triggers_note(struct app *a, const char *name, const char *what, const char *text);
/* For the status line: "T" while some are armed, "T3" after three events; empty without any. */
void triggers_flag(const struct triggers *t, char *buf, size_t size);
/* What happened, a line each, and the triggers with their counts. */
void triggers_report(const struct triggers *t, struct text *out);
#endif
