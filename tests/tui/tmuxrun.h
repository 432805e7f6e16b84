/* tmuxrun.h - run programs in panes of a tmux server of our own and read back what tmux says they show: a second opinion beside ptyrun's
 * libvterm.  One server, on a private socket; sessions are told apart by name. */
#ifndef TESTS_TUI_TMUXRUN_H
#define TESTS_TUI_TMUXRUN_H
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

enum { TMUX_DEFAULT = -1, TMUX_RGB = 0x1000000 };       /* a colour: default, an index 0..255, or TMUX_RGB | 0xRRGGBB */
enum { TMUX_BOLD = 1, TMUX_UNDERLINE = 2, TMUX_BLINK = 4, TMUX_REVERSE = 8, TMUX_ITALIC = 16 };
struct tmux_cell { uint32_t ch; int fg, bg; unsigned attrs; };  /* ch 0: the second half of a wide character */
struct tmux_screen {
	struct tmux_cell *cells;        /* cols * rows, freed by the next tmux_capture() or tmux_screen_free() */
	unsigned cols, rows, cursor_x, cursor_y;
	bool cursor_on, alternate, mouse;
	char title[128];
};
struct tmux { char dir[96]; };

/* Start the server, with its socket in this folder.  False: tmux said why on stderr. */
bool tmux_open(struct tmux *t, const char *dir);
/* A command of tmux's, with its words as for the shell. */
bool tmux_do(const struct tmux *t, const char *args);
/* Run a shell command in a new session of that size; TERM is tmux-256color.  False: tmux said why on stderr. */
bool tmux_start(const struct tmux *t, const char *name, unsigned cols, unsigned rows, const char *command);
bool tmux_send(const struct tmux *t, const char *name, const char *bytes, size_t n);
bool tmux_resize(const struct tmux *t, const char *name, unsigned cols, unsigned rows);
/* What the session's pane shows now.  False: there is no such session (any more). */
bool tmux_capture(const struct tmux *t, const char *name, struct tmux_screen *s);
void tmux_screen_free(struct tmux_screen *s);
void tmux_end(const struct tmux *t, const char *name);
/* End the server and all that runs in it. */
void tmux_close(const struct tmux *t);
#endif
