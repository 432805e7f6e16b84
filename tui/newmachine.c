/* newmachine.c - see newmachine.h. */
#include "tui/newmachine.h"
#include <glob.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_CD = 4, LABEL_COLS = 8, WIDEST = 64, HINT_ROWS = 3 };
static const struct { const char *label, *standard, *hint; size_t at, size; } fields[NEW_FIELDS] = {
#define FIELD(f, label, standard, hint) { label, standard, hint, offsetof(struct machineform, f), sizeof ((struct machineform *)0)->f }
	FIELD(name, "Name", "", "The machine's name: letters, digits, _ + and -"),
	FIELD(memory, "Memory", "512", "Memory in MiB"),
	FIELD(cpus, "CPUs", "1", "How many CPUs"),
	FIELD(disk, "Disk", "8G", "Disk to create: 512M, 8G, 1T, or none"),
	FIELD(cd, "CD", "none", "CD image: a file, or nothing; Tab completes its name"),
#undef FIELD
};

static void show_field(struct newmachine *n, unsigned field)
{
	n->at = field;
	prompt_open(&n->prompt);
	prompt_put(&n->prompt, n->text[field]);
}

void newmachine_open(struct newmachine *n)
{
	memset(n->text, 0, sizeof n->text);
	n->hint[0] = 0;
	n->mistake = false;
	show_field(n, 0);
}

void newmachine_free(struct newmachine *n)
{
	prompt_free(&n->prompt);
}

/* ---- keys ----------------------------------------------------------------------------------------------------------------------------- */

/* The fields as typed so far, up to `field`; false: that one will not do, which is said. */
static bool check(struct newmachine *n, unsigned field, struct machineform *f)
{
	struct error err;
	*f = (struct machineform){ .name = "" };
	for (unsigned i = 0; i <= field; i++) {
		bool fits = strlen(n->text[i]) < fields[i].size;
		snprintf((char *)f + fields[i].at, fields[i].size, "%s", n->text[i]);
		if (!fits)
			error_set(&err, "%s: this is too long, %zu characters are the most", fields[i].label, fields[i].size - 1);
		if (fits && machineform_check(f, i, &err))
			continue;
		snprintf(n->hint, sizeof n->hint, "%s", err.msg);
		n->mistake = true;
		show_field(n, i);
		return false;
	}
	return true;
}

static enum newmachine_result go_on(struct newmachine *n, bool make)
{
	struct machineform f;
	struct error err;
	if (!check(n, n->at, &f))
		return NEW_ASKING;
	if (n->at + 1 < NEW_FIELDS) {
		show_field(n, n->at + 1);
		return NEW_ASKING;
	}
	if (!make)
		return NEW_ASKING;
	if (machinefile_new(&f, &err)) {
		snprintf(n->made, sizeof n->made, "%.*s", MACHINE_NAME - 1, f.name);
		return NEW_MADE;
	}
	snprintf(n->hint, sizeof n->hint, "%s", err.msg);
	n->mistake = true;
	return NEW_ASKING;
}

/* Files whose names begin like this, a line each; a folder with a slash behind it. */
static void complete_file(void *arg, const char *line, struct text *out)
{
	char pattern[PROMPT_MAX * 4 + 2];
	glob_t found;
	if (((struct newmachine *)arg)->at != FIELD_CD || strpbrk(line, " *?[\\"))
		return;
	snprintf(pattern, sizeof pattern, "%s*", line);
	if (!glob(pattern, GLOB_MARK | GLOB_TILDE, NULL, &found)) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			text_printf(out, "%s\n", found.gl_pathv[i]);
		globfree(&found);
	}
}

static void edit(struct newmachine *n, const struct key *k)
{
	struct prompt *p = &n->prompt;
	bool rubs = k->sym == K_BACKSPACE || ((k->mods & MOD_CTRL) && k->sym == 'h');
	if (rubs && !p->len)
		return;
	prompt_key(p, k, complete_file, n, n->hint, sizeof n->hint);
	if (k->sym == K_TAB && p->at && p->line[p->at - 1] == ' ')      /* names are not words of a command */
		prompt_key(p, &(struct key){ .sym = K_BACKSPACE }, complete_file, n, n->hint, sizeof n->hint);
	prompt_text(p, n->text[n->at], sizeof n->text[n->at]);
}

enum newmachine_result newmachine_key(struct newmachine *n, const struct key *k)
{
	bool ctrl = k->mods & MOD_CTRL, tab = k->sym == K_TAB, shift = k->mods & MOD_SHIFT;
	if (k->sym == K_PASTE_BEGIN || k->sym == K_PASTE_END || k->sym == K_MOUSE)
		return NEW_ASKING;
	n->hint[0] = 0;
	n->mistake = false;
	if (!k->pasted && (k->sym == K_ESC || (ctrl && (k->sym == 'c' || k->sym == 'g'))))
		return NEW_LEFT;
	if (k->sym == K_UP || (tab && shift) || (ctrl && k->sym == 'p')) {
		if (n->at)
			show_field(n, n->at - 1);
	} else if (k->sym == K_ENTER || k->sym == K_KP_ENTER || (ctrl && (k->sym == 'j' || k->sym == 'm'))) {
		return go_on(n, !k->pasted);
	} else if (k->sym == K_DOWN || (ctrl && k->sym == 'n') || (tab && n->at != FIELD_CD)) {
		return go_on(n, false);
	} else {
		edit(n, k);
	}
	return NEW_ASKING;
}

/* ---- drawing -------------------------------------------------------------------------------------------------------------------------- */

static void draw_field(struct newmachine *n, struct grid *g, const struct theme *t, unsigned i, int x, int y, int limit)
{
	struct style s = t->role[i == n->at ? ROLE_POPUP_SELECTED : ROLE_POPUP];
	grid_fill(g, (struct rect){ x - 1, y, limit - x + 1, 1 }, s);
	grid_text(g, x, y, limit, s, fields[i].label);
	x += LABEL_COLS;
	if (i != n->at && n->text[i][0]) {
		grid_fit(g, x, y, limit, s, n->text[i]);
		return;
	}
	if (i == n->at)
		prompt_draw(&n->prompt, g, x, y, limit, s);
	if (!n->text[i][0] && fields[i].standard[0])
		grid_printf(g, x + (i == n->at), y, limit, s, "[%s]", fields[i].standard);
}

void newmachine_draw(struct newmachine *n, struct grid *g, const struct theme *t)
{
	struct style s = t->role[n->mistake ? ROLE_STATUS_ERROR : ROLE_STATUS_MESSAGE];
	const char *hint = n->hint[0] ? n->hint : fields[n->at].hint;
	char text[1200];
	snprintf(text, sizeof text, n->hint[0] ? "%s" : n->at + 1 < NEW_FIELDS ? "%s.  Enter: on, Up: back, Esc: leave" : "%s.  Enter: make it, Up: back, Esc: leave", hint);
	int most = g->rows < 5 ? 1 : g->rows < 8 ? 2 : HINT_ROWS, rows = grid_wrap(NULL, 0, 0, g->cols - 1, most, s, text), bottom = g->rows - rows;
	grid_fill(g, (struct rect){ 0, bottom, g->cols, rows }, s);
	grid_wrap(g, 1, bottom, g->cols - 1, most, s, text);
	int w = g->cols < WIDEST ? g->cols : WIDEST, h = bottom < NEW_FIELDS + 2 ? bottom : NEW_FIELDS + 2, shown = h - 2;
	struct rect r = { (g->cols - w) / 2, bottom - h, w, h };
	char place[16] = "";
	if (h < 3)
		return;
	if (shown < NEW_FIELDS)
		snprintf(place, sizeof place, "%u/%d", n->at + 1, NEW_FIELDS);
	grid_box(g, r, t->role[ROLE_POPUP], "New machine", place, t->role[ROLE_POPUP_TITLE]);
	int top = (int)n->at < shown ? 0 : (int)n->at - shown + 1;
	for (int i = 0; i < shown; i++)
		draw_field(n, g, t, (unsigned)(top + i), r.x + 2, r.y + 1 + i, r.x + r.w - 1);
}
