/* channellog.h - what a console prints, kept in a file.
 *
 * raw: every byte of a text console as it came.  stripped: text, without escape sequences, lines ended by a line feed.  timed: the same, each
 * line behind the time its first character came, "2026-01-31T23:59:59.123Z ".  A VGA console has no bytes: its log has the lines that leave
 * the screen, and at the end what is on it. */
#ifndef TUI_CHANNELLOG_H
#define TUI_CHANNELLOG_H
#include "core/vm.h"
struct app;
struct view;
struct channel_log;
enum log_mode { LOG_RAW, LOG_STRIPPED, LOG_TIMED, LOG_MODES };
enum { LOG_WISHES = 16 };
/* A line of the settings: log PANE MODE [FILE]. */
struct log_wish { char pane[64], file[256]; enum log_mode mode; bool done; };

bool channel_log_mode(const char *name, enum log_mode *out);
/* file: NULL = a new one in the folder for logs.  The path is shown. */
bool channel_log_start(struct view *v, enum log_mode mode, const char *file, struct error *err);
/* Says how much was written and lost.  NULL log: nothing. */
void channel_log_stop(struct view *v);
/* The L key: a menu of modes, or the end of the log.  "log MODE [FILE]" and "log off" of the command line. */
void channel_log_action(struct app *a);
void channel_log_command(struct app *a, const char *args);
bool channel_log_wish(struct app *a, char *const *word, unsigned n, struct error *err);
void channel_log_wishes(struct app *a);         /* start those whose console is there */
/* Bytes that a text console printed; a line that left a screen. */
void channel_log_bytes(struct view *v, const uint8_t *bytes, size_t n);
void channel_log_line(struct view *v, const char *text, size_t n);
bool channel_log_failing(const struct view *v); /* bytes were lost */
#endif
