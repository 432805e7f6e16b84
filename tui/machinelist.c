/* machinelist.c - see machinelist.h. */
#include "tui/machinelist.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_COL = 2, GAP = 2, SINCE_COLS = 8, TITLE_LEAST = 10, NARROW = 40, ANSWER_COLS = 12 };
static const struct { const char *key, *brief, *help; } keys[] = {
	{ "Enter", "start/attach", "start it, or attach to it when it runs (also: a)" }, { "s", "start", "start it without showing it" },
	{ "x", "stop", "stop it: p power button, k at once" }, { "e", "edit", "edit its file with $VISUAL, $EDITOR or vi" },
	{ "c", "clone", "another machine with the same settings and the same disk images" }, { "n", "new", "make a new machine" },
	{ "d", "delete", "delete its file; disk images stay" }, { "q", "leave", "leave the list (also: Esc)" },
	{ "Up, k", "above", "the machine above" }, { "Down, j", "below", "the machine below" }, { "Home, g", "first", "the first one" }, { "End, G", "last", "the last one" },
	{ "?, h", "keys", "this page" },
};
enum { KEYS = sizeof keys / sizeof *keys, KEYS_IN_LINE = 8, KEY_COLS = 10 };

struct machinefile *machinelist_chosen(struct machinelist *l)
{
	return l->at >= 0 && l->at < (int)l->n ? &l->m[l->at] : NULL;
}

/* ---- machines ------------------------------------------------------------------------------------------------------------------------- */

struct columns { int name_end, state, since, title; };          /* since, title: 0 = no room */

/* A narrow terminal has no room for what explains a state, "paused (prelaunch)". */
static const char *state_of(const struct machinelist *l, const struct machinefile *m, char *buf, size_t size)
{
	const char *text = m->running ? m->live.state : "off", *more = strstr(text, " (");
	snprintf(buf, size, "%.*s", more && l->cols < 2 * NARROW ? (int)(more - text) : (int)strlen(text), text);
	return buf;
}

/* Names and states as wide as they are, names at most two fifths of the width; where that does not do, the state stands at the right end. */
static struct columns place_columns(const struct machinelist *l)
{
	struct columns c = { 0 };
	char text[64];
	int name = 8, state = 7;
	for (unsigned i = 0; i < l->n; i++) {
		int w = text_width(l->m[i].name), s = text_width(state_of(l, &l->m[i], text, sizeof text));
		name = w > name ? w : name;
		state = s > state ? s : state;
	}
	if (l->cols < NARROW) {
		c.state = l->cols > NAME_COL + 4 + state ? l->cols - state : l->cols / 2;
		c.name_end = c.state - 1;
		return c;
	}
	c.name_end = NAME_COL + (name < l->cols * 2 / 5 ? name : l->cols * 2 / 5);
	c.state = c.name_end + GAP;
	c.since = c.state + state + GAP;
	c.title = c.since + SINCE_COLS + GAP;
	if (c.since + SINCE_COLS > l->cols)
		c.since = 0;
	if (c.title + TITLE_LEAST > l->cols)
		c.title = 0;
	return c;
}

static void draw_machine(struct machinelist *l, const struct columns *c, int y, const struct machinefile *m, bool selected)
{
	struct style s = l->theme.role[selected ? ROLE_POPUP_SELECTED : ROLE_TEXT];
	char text[64];
	long long t = m->live.seconds;
	grid_fill(&l->grid, (struct rect){ 0, y, l->cols, 1 }, s);
	grid_fit(&l->grid, NAME_COL, y, c->name_end, s, m->name);
	grid_fit(&l->grid, c->state, y, c->since ? c->since - 1 : l->cols, s, state_of(l, m, text, sizeof text));
	if (c->since && m->running)
		grid_printf(&l->grid, c->since, y, l->cols, s, t < 3600 ? "%lldm%02llds" : "%lldh%02lldm", t < 3600 ? t / 60 : t / 3600, t < 3600 ? t % 60 : t / 60 % 60);
	if (c->title)
		grid_fit(&l->grid, c->title, y, l->cols, s, m->running ? m->live.title : strrchr(m->path, '/') + 1);
	if (selected) {
		l->grid.cursor_on = true;
		l->grid.cursor_x = NAME_COL;
		l->grid.cursor_y = y;
	}
}

/* ---- keys ----------------------------------------------------------------------------------------------------------------------------- */

/* A page of whole entries. */
static void draw_help(struct machinelist *l)
{
	int y = 1, last = l->rows - 1, i = l->help, width = l->cols > KEY_COLS ? l->cols - KEY_COLS : 1;
	struct style s = l->theme.role[ROLE_TEXT];
	for (int rows; i < KEYS; y += rows, i++) {
		const char *help = l->cols >= NARROW ? keys[i].help : i ? keys[i].brief : "open";
		rows = grid_wrap(NULL, 0, 0, width, last, s, help);
		if (y + rows > last && i > l->help)
			break;
		grid_fit(&l->grid, 1, y, KEY_COLS - 1, l->theme.role[ROLE_NOTICE], keys[i].key);
		grid_wrap(&l->grid, KEY_COLS, y, width, rows, s, help);
	}
	l->help_next = i < KEYS ? i : -1;
}

/* What the keys do, as far as it fits in whole; where not, a key tells the rest. */
static void draw_keys(struct machinelist *l, int y, struct style s)
{
	static const char more[] = "  ? keys";
	char text[200] = " ";
	size_t at = 1, fits = 0;
	for (int i = 0; i < KEYS_IN_LINE; i++) {
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%s %s", i ? "  " : "", keys[i].key, i || l->cols >= NARROW ? keys[i].brief : "open");
		if ((int)(at + sizeof more - 1) <= l->cols)
			fits = at;
	}
	if ((int)at > l->cols)
		snprintf(text + fits, sizeof text - fits, "%s", fits ? more : more + 1);
	grid_text(&l->grid, 0, y, l->cols, s, text);
}

/* ---- the last rows -------------------------------------------------------------------------------------------------------------------- */

/* Text above the last row, or in it and above. */
static void draw_text(struct machinelist *l, int bottom, struct style s, const char *text)
{
	int most = l->rows < 8 ? l->rows - 2 : l->rows / 2, rows = grid_wrap(NULL, 0, 0, l->cols - 1, most, s, text);
	grid_fill(&l->grid, (struct rect){ 0, bottom - rows + 1, l->cols, rows }, s);
	grid_wrap(&l->grid, 1, bottom - rows + 1, l->cols - 1, most, s, text);
}

/* A line of text is asked for: beside the question, or below it where there is no room. */
static void draw_answer(struct machinelist *l, int y, struct style s, const char *question)
{
	int x = 1, width = text_width(question);
	if (x + width + 1 + ANSWER_COLS <= l->cols)
		x = grid_text(&l->grid, x, y, l->cols, s, question) + 1;
	else if (!l->message[0])
		draw_text(l, y - 1, s, question);
	if (l->message[0])
		draw_text(l, y - 1, l->theme.role[ROLE_STATUS_ERROR], l->message);
	prompt_draw(&l->prompt, &l->grid, x, y, l->cols, s);
}

static void draw_bottom(struct machinelist *l, int y)
{
	struct style s = l->theme.role[ROLE_STATUS];
	grid_fill(&l->grid, (struct rect){ 0, y, l->cols, 1 }, s);
	if (l->asking == ASK_CLONE)
		draw_answer(l, y, s, "Name of the clone:");
	else if (l->help >= 0)
		grid_text(&l->grid, 1, y, l->cols, s, l->help_next >= 0 ? "any key: more" : "any key: back");
	else if (l->message[0])
		draw_text(l, y, l->mistake ? l->theme.role[ROLE_STATUS_ERROR] : s, l->message);
	else
		draw_keys(l, y, s);
}

/* Folders below the user's own begin with ~. */
static void draw_title(struct machinelist *l)
{
	const char *home = getenv("HOME");
	struct style s = l->theme.role[ROLE_STATUS_FOCUS];
	char dir[1024], text[1100];
	size_t n = home ? strlen(home) : 0;
	machinefile_folder(dir, sizeof dir, false);
	bool below = n > 1 && !strncmp(dir, home, n) && dir[n] == '/';
	snprintf(text, sizeof text, "vmux: machines of %s%s", below ? "~" : "", dir + (below ? n : 0));
	grid_fill(&l->grid, (struct rect){ 0, 0, l->cols, 1 }, s);
	grid_fit(&l->grid, 1, 0, l->cols, s, text);
}

void machinelist_draw(struct machinelist *l)
{
	static const char none[] = "No machines yet: n makes one; vmux -h lists what the command line takes.";
	int body = l->rows > 2 ? l->rows - 2 : 1;
	struct columns c = place_columns(l);
	grid_resize(&l->grid, l->cols, l->rows);
	grid_fill(&l->grid, (struct rect){ 0, 0, l->cols, l->rows }, l->theme.role[ROLE_TEXT]);
	draw_title(l);
	l->top = l->at < l->top ? l->at : l->at >= l->top + body ? l->at - body + 1 : l->top;
	for (int y = 0; y < body && l->top + y < (int)l->n && l->help < 0; y++)
		draw_machine(l, &c, y + 1, &l->m[l->top + y], l->top + y == l->at);
	if (l->help >= 0)
		draw_help(l);
	else if (!l->n)
		grid_wrap(&l->grid, NAME_COL, l->rows > 4 ? 2 : 1, l->cols - NAME_COL, l->rows > 5 ? l->rows - 3 : 2, l->theme.role[ROLE_NOTICE], none);
	if (l->asking == ASK_NEW)
		newmachine_draw(&l->form, &l->grid, &l->theme);
	else
		draw_bottom(l, l->rows - 1);
}
