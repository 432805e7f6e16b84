/* tmuxrun.c - see tmuxrun.h.  The form of `capture-pane -e`: tmux(1); SGR: ECMA-48 and xterm's ctlseqs. */
#include "tests/tui/tmuxrun.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

enum { COMMAND = 8192 };
static const char STATE[] = "\036state ";       /* starts the last line of a capture: nothing that a pane can hold */

bool tmux_do(const struct tmux *t, const char *args)
{
	char cmd[COMMAND + 512];
	snprintf(cmd, sizeof cmd, "env -u TMUX ASAN_OPTIONS=detect_leaks=0 LC_ALL=C.UTF-8 TERM=xterm-256color tmux -S %s/tmux.sock -f %s/tmux.conf %s", t->dir, t->dir, args);
	return system(cmd) == 0;
}

bool tmux_open(struct tmux *t, const char *dir)
{
	char text[512];
	snprintf(t->dir, sizeof t->dir, "%s", dir);
	snprintf(text, sizeof text, "%s/tmux.conf", dir);
	FILE *f = fopen(text, "w");
	if (!f)
		return false;
	fputs("set -g status off\nset -g default-terminal tmux-256color\nset -s escape-time 0\n", f);
	if (fclose(f))
		return false;
	/* The server ends with its last session; this one stays while the test runs, whatever becomes of the test. */
	snprintf(text, sizeof text, "new-session -d -s keep 'exec tail --pid=%ld -f /dev/null'", (long)getpid());
	return tmux_do(t, text);
}

bool tmux_start(const struct tmux *t, const char *name, unsigned cols, unsigned rows, const char *command)
{
	char args[COMMAND];
	int n = snprintf(args, sizeof args, "new-session -d -s %s -x %u -y %u '%s'", name, cols, rows, command);
	return n < (int)sizeof args && tmux_do(t, args);
}

/* A command a byte, and one a run of bytes from 80h on: tmux takes those as characters only. */
bool tmux_send(const struct tmux *t, const char *name, const char *bytes, size_t n)
{
	char args[COMMAND];
	size_t at = 0, run;
	for (size_t i = 0; i < n && at + 128 < sizeof args; i += run) {
		for (run = 0; i + run < n && run < 32 && (unsigned char)bytes[i + run] >= 0x80; )
			run++;
		at += (size_t)snprintf(args + at, sizeof args - at, "%ssend-keys -t %s ", i ? " \\; " : "", name);
		if (run)
			at += (size_t)snprintf(args + at, sizeof args - at, "-l '%.*s'", (int)run, bytes + i);
		else
			at += (size_t)snprintf(args + at, sizeof args - at, "-H %02x", bytes[i]);
		run += !run;
	}
	return tmux_do(t, args);
}

bool tmux_resize(const struct tmux *t, const char *name, unsigned cols, unsigned rows)
{
	char args[256];
	snprintf(args, sizeof args, "resize-window -t %s -x %u -y %u", name, cols, rows);
	return tmux_do(t, args);
}

/* ---- what capture-pane says ------------------------------------------------------------------------------------------------------- */

/* 38 or 48 at p[0] of n numbers; returns how many were taken. */
static unsigned extended(const int *p, unsigned n, int *colour)
{
	if (n >= 3 && p[1] == 5) {
		*colour = p[2];
		return 3;
	}
	if (n >= 5 && p[1] == 2) {
		*colour = TMUX_RGB | p[2] << 16 | p[3] << 8 | p[4];
		return 5;
	}
	return 1;
}

static void attribute(int code, struct tmux_cell *pen)
{
	static const struct { int on, off; unsigned bit; } attrs[] = {
		{ 1, 22, TMUX_BOLD }, { 3, 23, TMUX_ITALIC }, { 4, 24, TMUX_UNDERLINE }, { 5, 25, TMUX_BLINK }, { 7, 27, TMUX_REVERSE } };
	for (unsigned i = 0; i < sizeof attrs / sizeof *attrs; i++) {
		if (code == attrs[i].on)
			pen->attrs |= attrs[i].bit;
		else if (code == attrs[i].off)
			pen->attrs &= ~attrs[i].bit;
	}
}

/* "ESC [ n ; n m"; s is after the bracket.  Returns what follows. */
static const char *sgr(const char *s, struct tmux_cell *pen)
{
	int p[32] = { 0 };
	unsigned n = 1;
	for (; *s && *s != 'm'; s++) {
		if (*s == ';' || *s == ':')
			n += n < 32;
		else if (*s >= '0' && *s <= '9')
			p[n - 1] = p[n - 1] * 10 + *s - '0';
	}
	for (unsigned i = 0; i < n; i++) {
		int c = p[i];
		if (c == 0)
			*pen = (struct tmux_cell){ .fg = TMUX_DEFAULT, .bg = TMUX_DEFAULT };
		else if (c == 38)
			i += extended(p + i, n - i, &pen->fg) - 1;
		else if (c == 48)
			i += extended(p + i, n - i, &pen->bg) - 1;
		else if ((c >= 30 && c <= 37) || c == 39)
			pen->fg = c == 39 ? TMUX_DEFAULT : c - 30;
		else if ((c >= 40 && c <= 47) || c == 49)
			pen->bg = c == 49 ? TMUX_DEFAULT : c - 40;
		else if (c >= 90 && c <= 97)
			pen->fg = c - 90 + 8;
		else if (c >= 100 && c <= 107)
			pen->bg = c - 100 + 8;
		else
			attribute(c, pen);
	}
	return *s ? s + 1 : s;
}

/* VT100's special graphics, "`" to "~". */
static uint32_t graphics(uint32_t c)
{
	static const uint32_t set[] = { 0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a, 0xb0, 0xb1, 0x2424, 0x240b, 0x2518, 0x2510, 0x250c, 0x2514, 0x253c,
		0x23ba, 0x23bb, 0x2500, 0x23bc, 0x23bd, 0x251c, 0x2524, 0x2534, 0x252c, 0x2502, 0x2264, 0x2265, 0x3c0, 0x2260, 0xa3, 0xb7 };
	return c >= '`' && c <= '~' ? set[c - '`'] : c;
}

static const char *next_char(const char *s, uint32_t *out)
{
	unsigned char c = (unsigned char)*s++;
	unsigned more = c < 0xc0 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	*out = more ? c & (0x3fu >> more) : c;
	for (; more && *s; more--)
		*out = *out << 6 | ((unsigned char)*s++ & 0x3f);
	return s;
}

static void parse_cells(struct tmux_screen *s, const char *text)
{
	struct tmux_cell pen = { .fg = TMUX_DEFAULT, .bg = TMUX_DEFAULT };
	unsigned x = 0, y = 0;
	bool special = false;
	uint32_t c;
	for (unsigned i = 0; i < s->cols * s->rows; i++)
		s->cells[i] = (struct tmux_cell){ ' ', TMUX_DEFAULT, TMUX_DEFAULT, 0 };
	while (*text && y < s->rows) {
		if (text[0] == '\033' && text[1] == '[') {
			text = sgr(text + 2, &pen);
			continue;
		}
		text = next_char(text, &c);
		if (c == '\n') {
			x = 0;
			y++;
		} else if (c == 016 || c == 017) {
			special = c == 016;
		} else if (c >= ' ' && x < s->cols) {
			c = special ? graphics(c) : c;
			int w = wcwidth((wchar_t)c);
			if (w == 0)
				continue;               /* joins the one before */
			struct tmux_cell *cell = &s->cells[y * s->cols + x];
			*cell = pen;
			cell->ch = c;
			x += w == 2 ? 2 : 1;
			if (w == 2 && x <= s->cols) {
				cell[1] = pen;
				cell[1].ch = 0;
			}
		}
	}
}

bool tmux_capture(const struct tmux *t, const char *name, struct tmux_screen *s)
{
	char cmd[1024], line[512] = "";
	snprintf(cmd, sizeof cmd, "env -u TMUX ASAN_OPTIONS=detect_leaks=0 LC_ALL=C.UTF-8 tmux -S %s/tmux.sock capture-pane -e -p -N -t %s \\; display-message -p -t %s "
		"'\036state #{pane_width} #{pane_height} #{cursor_x} #{cursor_y} #{cursor_flag} #{alternate_on} #{mouse_any_flag} #{pane_title}' 2>/dev/null",
		t->dir, name, name);
	FILE *f = popen(cmd, "r");
	size_t size = 1 << 20;
	char *text = malloc(size);
	if (!f || !text)
		abort();
	size_t n = fread(text, 1, size - 1, f);
	text[n] = 0;
	char *state = pclose(f) == 0 ? strstr(text, STATE) : NULL;
	unsigned cursor_on, alternate, mouse;
	if (state)
		snprintf(line, sizeof line, "%s", state + sizeof STATE - 1);
	bool ok = state && sscanf(line, "%u %u %u %u %u %u %u %127[^\n]", &s->cols, &s->rows, &s->cursor_x, &s->cursor_y, &cursor_on, &alternate, &mouse,
		s->title) >= 7;
	if (ok) {
		*state = 0;
		s->cursor_on = cursor_on;
		s->alternate = alternate;
		s->mouse = mouse;
		free(s->cells);
		s->cells = calloc((size_t)s->cols * s->rows, sizeof *s->cells);
		if (!s->cells)
			abort();
		parse_cells(s, text);
	}
	free(text);
	return ok;
}

void tmux_screen_free(struct tmux_screen *s)
{
	free(s->cells);
	s->cells = NULL;
}

void tmux_end(const struct tmux *t, const char *name)
{
	char args[128];
	snprintf(args, sizeof args, "kill-session -t %s 2>/dev/null", name);
	tmux_do(t, args);
}

void tmux_close(const struct tmux *t)
{
	tmux_do(t, "kill-server 2>/dev/null");
}
