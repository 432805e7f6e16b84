/* ptyrun.h - run a program on a pseudo terminal and look at what it shows, as a person would.
 *
 * The terminal is libvterm.  Everything waits for conditions, never for a time; what is not met by its deadline fails and prints the last
 * screen.  Not for use by two threads at once. */
#ifndef TESTS_TUI_PTYRUN_H
#define TESTS_TUI_PTYRUN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

struct ptyrun;
struct ptyrun_options {
	unsigned cols, rows;            /* 0: 80x25 */
	const char *term;               /* NULL: xterm-256color */
	const char *locale;             /* LC_ALL; NULL: C.UTF-8 */
	const char *const *env;         /* more "NAME=value" (or "NAME" to remove), ends with NULL; may be NULL */
	const char *log;                /* file that gets all bytes of the program, NULL = none */
	bool has_shell;                 /* the program is not the leader of the terminal's session: for tests that kill it */
	bool find_leaks;                /* a program of the asan build looks for leaks at its end */
	bool plain_stderr;              /* stderr to a pipe instead of the terminal: ptyrun_stderr() */
};
enum { PTYRUN_MS = 90000 };             /* a deadline for what should happen at once, on a loaded machine */

/* Start argv[0] (with a slash, or from PATH).  NULL: could not; a reason is on stderr. */
struct ptyrun *ptyrun_start(const struct ptyrun_options *o, char *const argv[]);
/* Kill what still runs, and whatever it started and left behind, and free everything.  NULL is allowed. */
void ptyrun_free(struct ptyrun *p);

/* Wait until an extended regular expression matches the screen: rows without trailing blanks, joined by newlines ("^" and "$" match at
 * each).  False after the deadline or when the program ended without it; the screen is then on stderr. */
bool ptyrun_expect(struct ptyrun *p, const char *re, int timeout_ms);
/* Wait until it does not match (any more). */
bool ptyrun_expect_gone(struct ptyrun *p, const char *re, int timeout_ms);
/* Wait until a condition of the caller's holds, also after the program's end (what it left behind may have to do with it); it is asked after each
 * piece of output and at least every 10 ms. */
bool ptyrun_until(struct ptyrun *p, bool (*holds)(struct ptyrun *p, void *arg), void *arg, int timeout_ms, const char *what);
/* Read what there is until nothing comes for quiet_ms. */
void ptyrun_settle(struct ptyrun *p, int quiet_ms);
/* Read for at least that long; returns how many bytes the program wrote meanwhile. */
uint64_t ptyrun_bytes_during(struct ptyrun *p, int ms);

void ptyrun_send(struct ptyrun *p, const char *text);                   /* typed text; "\r" is Enter */
void ptyrun_send_bytes(struct ptyrun *p, const void *bytes, size_t n);
/* The same in two pieces with a pause between them. */
void ptyrun_send_split(struct ptyrun *p, const void *bytes, size_t n, size_t at, int pause_ms);
void ptyrun_resize(struct ptyrun *p, unsigned cols, unsigned rows);
/* The terminal stops taking output (as over a dead connection), and takes it again. */
void ptyrun_stop_reading(struct ptyrun *p);
void ptyrun_resume_reading(struct ptyrun *p);
/* The terminal goes away. */
void ptyrun_hangup(struct ptyrun *p);

pid_t ptyrun_pid(const struct ptyrun *p);
/* Wait for the program's end; *status as waitpid() gives it. */
bool ptyrun_wait_exit(struct ptyrun *p, int timeout_ms, int *status);
/* Send SIGTSTP and wait until the program has stopped itself: a SIGCONT before that would be lost. */
bool ptyrun_suspend(struct ptyrun *p, int timeout_ms);
void ptyrun_continue(struct ptyrun *p);

/* The screen now.  The text is the caller's to free. */
char *ptyrun_screen(struct ptyrun *p);
/* One row without trailing blanks, valid until the next call. */
const char *ptyrun_row(struct ptyrun *p, unsigned row);
struct ptyrun_cell { uint32_t ch; bool bold, underline, blink, reverse, italic; bool fg_default, bg_default; int fg_index, bg_index; uint32_t fg, bg; };
/* fg, bg: 0xRRGGBB; the index is -1 for a colour given as RGB. */
bool ptyrun_cell(struct ptyrun *p, unsigned x, unsigned y, struct ptyrun_cell *out);
void ptyrun_cursor(struct ptyrun *p, unsigned *x, unsigned *y, bool *visible);
bool ptyrun_alternate_screen(const struct ptyrun *p);
/* Is a DEC private mode (25, 1049, 2004 ...) set?  As the last of its escape sequences said; false when none did. */
bool ptyrun_mode(const struct ptyrun *p, unsigned mode);
/* The terminal line's modes before the program ran, and as the kernel has them now. */
void ptyrun_first_termios(const struct ptyrun *p, struct termios *t);
bool ptyrun_termios(const struct ptyrun *p, struct termios *t);
uint64_t ptyrun_raw_bytes(const struct ptyrun *p);                       /* since the start */
/* The last bytes of the program, at most size; returns how many. */
size_t ptyrun_tail(const struct ptyrun *p, char *buf, size_t size);
const char *ptyrun_stderr(struct ptyrun *p);                             /* with plain_stderr */
/* Print the screen on stderr, with a word of why. */
void ptyrun_dump(struct ptyrun *p, const char *why);
#endif
