/* status.c - the bottom line: run state, consoles, speed, lights; or a message, or the command line. */
#include "tui/app.h"
#include <stdio.h>
#include <string.h>

enum { SAMPLE_MS = 1000, IDLE_MIPS = 3, IDLE_PERCENT = 2, MESSAGE_ROWS = 4 };

/* Called when the machine reported something and when a sample is due.  Samples stop by themselves while the machine stands still. */
void status_sample(struct app *a, int64_t now)
{
	struct speed *s = &a->speed;
	enum vm_run before = a->st.run;
	const char *engine_before = a->st.accel;
	const char *text_before = a->st.run_text;
	vm_get_status(a->vm, &a->st);
	s->disk_seen |= a->st.disk_activity;
	if (a->st.run != before || a->st.run_text != text_before || a->st.accel != engine_before)
		a->dirty = true;
	if (a->sample_at && now < a->sample_at)
		return;
	bool counted = !a->st.uncounted;
	uint64_t busy_ns = vm_busy_ns(a->vm), done = counted ? a->st.icount : busy_ns, before_done = counted ? s->icount : s->busy_ns;
	/* A machine that was put back has done fewer than it had. */
	double rate = s->at_ms && now > s->at_ms && done > before_done ? (double)(done - before_done) / (double)(now - s->at_ms) / (counted ? 1e3 : 1e4) : 0;
	bool moved = done != before_done, idle = rate < (counted ? IDLE_MIPS : IDLE_PERCENT);
	bool changed = s->disk != s->disk_seen || (int)rate != (int)s->rate || (!idle && strcmp(s->cpu_mode, a->st.cpu_mode));
	if (!a->sample_at) {                    /* first look after standing still: nothing to divide by yet */
		rate = s->rate;
		changed = !s->cpu_mode[0];
	}
	s->icount = a->st.icount;
	s->busy_ns = busy_ns;
	s->at_ms = now;
	s->rate = idle && a->sample_at ? 0 : rate;
	s->disk = s->disk_seen;
	s->disk_seen = false;
	if (!idle || !s->cpu_mode[0])
		memcpy(s->cpu_mode, a->st.cpu_mode, sizeof s->cpu_mode);
	a->dirty |= changed;
	a->sample_at = a->st.run == VM_RUNNING || moved || s->disk ? now + SAMPLE_MS : 0;
}

static enum role run_role(const struct app *a)
{
	return a->st.run == VM_RUNNING ? ROLE_STATUS_RUN : a->st.run == VM_ERROR ? ROLE_STATUS_ERROR : ROLE_STATUS_STOP;
}

static unsigned terminals(const struct app *a)
{
	unsigned n = 0;
	for (unsigned i = 0; i < a->n_clients; i++)
		n += a->clients[i]->screen != NULL;
	return n;
}

/* " Ctrl-Alt-+ key ", " Ctrl-... c a s w g " while they are chosen; brief: " CA+ ", " C... ". */
static void sticky(const struct app *a, bool brief, char *buf, size_t size)
{
	static const struct { unsigned mod; const char *name, *brief; } mods[] = {
		{ MOD_CTRL, "Ctrl-", "C" }, { MOD_ALT, "Alt-", "A" }, { MOD_SHIFT, "Shift-", "S" }, { MOD_SUPER, "Super-", "W" }, { MOD_ALTGR, "AltGr-", "G" },
	};
	size_t at = (size_t)snprintf(buf, size, " ");
	for (unsigned i = 0; i < sizeof mods / sizeof *mods; i++)
		if (a->sticky & mods[i].mod)
			at += (size_t)snprintf(buf + at, size - at, "%s", brief ? mods[i].brief : mods[i].name);
	if (a->mode == MODE_STICKY)
		snprintf(buf + at, size - at, brief ? "... " : "... c a s w g ");
	else
		snprintf(buf + at, size - at, brief ? a->sticky_locked ? "= " : "+ " : a->sticky_locked ? "(held) " : "+ key ");
}

/* Lights behind the disk's: "T3" triggers and their events, "L" while the console that has the keys is logged, "R" while it or the screen is recorded; "!" when bytes of it were lost. */
static void flags(const struct app *a, char *buf, size_t size)
{
	const struct view *v = a->focus < a->n_views ? a->views[a->focus] : NULL;
	bool failing, records = record_runs(a, a->focus, &failing);
	char t[8];
	triggers_flag(a->triggers, t, sizeof t);
	snprintf(buf, size, "%s%s%s%s%s%s%s", t[0] ? " " : "", t, v && v->log ? " L" : "", v && channel_log_failing(v) ? "!" : "", records ? " R" : "", failing ? "!" : "",
		 a->st.run == VM_RUNNING ? " " : "");
}

/* ---- what has room in the line ------------------------------------------------------------------------------------------------------- */

enum { LABEL_LEAST = 6, MARK_COLS = 3 };       /* columns of the console that has the keys, however narrow the terminal; of the marks for consoles that have no room */

/* The line, from the left: the machine's state and name, consoles, the place in the scrollback, CPU mode and lights, and what the keys do just now.  What
 * is worth least goes first when there is no room: lights and CPU mode, words of the place, other consoles, the name, the state.  The console that has the
 * keys is always there. */
struct line {
	char state[48], mode[80], right[240];           /* state: with blanks around it, or "" */
	int mode_x, right_x, name_x, consoles_x;        /* columns; name_x = consoles_x: no name */
	unsigned first, end;                            /* the consoles that are shown */
	int first_x;                                    /* where they begin; behind consoles_x: a mark stands there */
};

static void console_text(const struct app *a, unsigned i, char *buf, size_t size)
{
	const struct view *v = a->views[i];
	snprintf(buf, size, "%u:%s%s", i + 1, v->is_monitor ? "monitor" : v->label, v->activity ? "*" : "");
}

/* With the blank before it. */
static int console_width(const struct app *a, unsigned i)
{
	char text[96];
	console_text(a, i, text, sizeof text);
	return 1 + text_width(text);
}

static int consoles_width(const struct app *a, unsigned from, unsigned end)
{
	int w = 0;
	while (from < end)
		w += console_width(a, from++);
	return w;
}

/* With blanks around it; without what explains it when there is no room for that. */
static void state_text(const struct app *a, char *buf, size_t size, int room)
{
	const char *text = a->st.run_text ? a->st.run_text : "", *more = strstr(text, " (");
	snprintf(buf, size, " %.*s ", more && (int)strlen(text) + 2 > room ? (int)(more - text) : (int)strlen(text), text);
}

/* What the keys do, if it is not what they always do, at the right end. */
static void key_mode(struct app *a, struct line *l)
{
	char *buf = l->mode, prefix[32];
	size_t size = sizeof l->mode;
	buf[0] = 0;
	if (a->mode == MODE_PREFIX)
		snprintf(buf, size, " %s- ", key_text(&a->prefix, prefix, sizeof prefix));
	else if (a->mode == MODE_STICKY || a->sticky)
		sticky(a, false, buf, size);
	else if (a->layout.zoomed && a->mode == MODE_DIRECT)
		snprintf(buf, size, " zoom ");
	else if (view_is_copy(a->popup))
		snprintf(buf, size, " copy ");
	else if (paste_goes(a))
		snprintf(buf, size, " paste %d%% ", (int)(100 - a->paste.going.len * 100 / a->paste.total));
	if (a->cols < text_width(buf) + LABEL_LEAST + 1 && (a->mode == MODE_STICKY || a->sticky))
		sticky(a, true, buf, size);
	l->mode_x = a->cols > text_width(buf) ? a->cols - text_width(buf) : 0;
}

/* The place in what is looked at, in at most `width` columns; where there is none, the number of terminals if there is room to spare. */
static void place(struct app *a, char *buf, size_t size, int width, bool spare)
{
	struct view *v = view_is_copy(a->popup) ? a->popup : app_focused(a);
	buf[0] = 0;
	if (v && v->ops->title)
		v->ops->title(v, buf, size, width);
	if (!buf[0] && spare && terminals(a) > 1)
		snprintf(buf, size, "%u terminals", terminals(a));
}

/* The engine is named where there is room for it; why it runs is on the machine's page. */
static void cpu_and_lights(const struct app *a, bool engine, char *buf, size_t size)
{
	char lights[32], cpu[64];
	const char *disk = a->speed.disk ? "D" : "-";
	flags(a, lights, sizeof lights);
	snprintf(cpu, sizeof cpu, "%s%s%s", a->speed.cpu_mode, engine ? " " : "", engine ? a->st.accel : "");
	if (a->st.run != VM_RUNNING)
		snprintf(buf, size, "%s%s ", cpu, lights);
	else if (a->speed.rate < (a->st.uncounted ? IDLE_PERCENT : IDLE_MIPS))
		snprintf(buf, size, "%s  idle %s%s", cpu, disk, lights);
	else
		snprintf(buf, size, a->st.uncounted ? "%s  %.0f%% CPU %s%s" : "%s  %.0f MIPS %s%s", cpu, a->speed.rate, disk, lights);
}

/* What stands at the right end when `left` columns are taken and `least` of these cannot be missed. */
static void lay_right(struct app *a, struct line *l, int left, int least)
{
	char title[80], cpu[120];
	const char *gap = l->mode[0] ? "" : " ";
	place(a, title, sizeof title, l->mode_x, true);
	for (int engine = a->st.accel != NULL; engine >= 0; engine--) {
		cpu_and_lights(a, engine, cpu, sizeof cpu);
		snprintf(l->right, sizeof l->right, "%s%s%s", title, title[0] ? "  " : "", cpu);
		if (left + 1 + (int)strlen(l->right) <= l->mode_x)
			break;
	}
	if (left + 1 + (int)strlen(l->right) > l->mode_x) {
		place(a, title, sizeof title, l->mode_x - least - 1 - (int)strlen(gap), false);
		snprintf(l->right, sizeof l->right, "%s%s", title, title[0] ? gap : "");
	}
	l->right_x = l->mode_x - (int)strlen(l->right);
}

/* As many whole consoles as there is room for, among them the one that has the keys. */
static void choose_consoles(const struct app *a, struct line *l, int room)
{
	unsigned n = a->n_views, f = a->focus;
	l->first = 0;
	l->end = n;
	if (!n || consoles_width(a, 0, n) <= room)
		return;
	while (l->first < f && (l->first ? MARK_COLS : 0) + consoles_width(a, l->first, f + 1) + (f + 1 < n ? MARK_COLS : 0) > room)
		l->first++;
	for (l->end = f + 1; l->end < n && (l->first ? MARK_COLS : 0) + consoles_width(a, l->first, l->end + 1) + (l->end + 1 < n ? MARK_COLS : 0) <= room; )
		l->end++;
}

static void lay_line(struct app *a, struct line *l)
{
	int state, name = a->st.name[0] ? text_width(a->st.name) + 1 : 0, focus = a->focus < a->n_views ? console_width(a, a->focus) : 0;
	int least = focus < LABEL_LEAST ? focus : LABEL_LEAST;
	state_text(a, l->state, sizeof l->state, a->cols - focus);
	state = (int)strlen(l->state);
	key_mode(a, l);
	lay_right(a, l, state + name + consoles_width(a, 0, a->n_views), state + focus);
	if (!l->right[0])
		lay_right(a, l, a->cols, focus);
	if (!l->right[0])
		lay_right(a, l, a->cols, least);
	if (!l->right[0] && view_is_copy(a->popup)) {   /* the place alone says so, too */
		l->mode[0] = 0;
		l->mode_x = a->cols;
		lay_right(a, l, a->cols, least);
	}
	if (state + least > l->right_x)
		l->state[state = 0] = 0;
	l->name_x = state;
	l->consoles_x = state + (state && state + name + focus <= l->right_x ? name : 0);
	choose_consoles(a, l, l->right_x - l->consoles_x);
	l->first_x = l->consoles_x + (l->first && l->consoles_x + MARK_COLS + focus <= l->right_x ? MARK_COLS : 0);
}

/* ---- drawing ------------------------------------------------------------------------------------------------------------------------- */

/* "<" and ">" stand for consoles that have no room; when there is something new in one of them, they have its look and a star. */
static void draw_mark(struct app *a, int x, int y, int limit, const char *mark, unsigned from, unsigned end)
{
	bool news = false;
	for (unsigned i = from; i < end; i++)
		news |= a->views[i]->activity;
	if (from < end && x + MARK_COLS <= limit)
		grid_printf(&a->grid, x + 1, y, limit, a->theme.role[news ? ROLE_STATUS_ACTIVITY : ROLE_STATUS], "%s%s", mark, news ? "*" : "");
}

static void draw_consoles(struct app *a, const struct line *l, int y)
{
	const struct style *role = a->theme.role;
	char text[96];
	int x = l->first_x;
	draw_mark(a, l->consoles_x, y, x, "<", 0, l->first);
	for (unsigned i = l->first; i < l->end; i++) {
		enum role r = i == a->focus ? ROLE_STATUS_FOCUS : a->views[i]->activity ? ROLE_STATUS_ACTIVITY : ROLE_STATUS;
		console_text(a, i, text, sizeof text);
		x = grid_fit(&a->grid, x + 1, y, l->right_x, role[r], text);
	}
	draw_mark(a, x, y, l->right_x, ">", l->end, a->n_views);
}

int status_console_at(struct app *a, int at)
{
	struct line l;
	lay_line(a, &l);
	int x = l.first_x;
	for (unsigned i = l.first; i < l.end && !a->message_until; x += console_width(a, i++))
		if (at > x && at < x + console_width(a, i) && at < l.right_x)
			return (int)i;
	return -1;
}

static void draw_right(struct app *a, const struct line *l, int y)
{
	grid_text(&a->grid, l->right_x, y, l->mode_x, a->theme.role[ROLE_STATUS], l->right);
	grid_text(&a->grid, l->mode_x, y, a->cols, a->theme.role[ROLE_STATUS_PREFIX], l->mode);
}

/* A message that is longer than the line takes rows above it too, at most half of the screen; of a very low one, all. */
static void draw_message(struct app *a, int y)
{
	struct style s = a->theme.role[a->message_is_error ? ROLE_STATUS_ERROR : ROLE_STATUS_MESSAGE];
	struct line l;
	state_text(a, l.state, sizeof l.state, a->cols);
	int x = grid_text(&a->grid, 0, y, a->cols, a->theme.role[run_role(a)], l.state), end = x + text_width(a->message) + 2;
	if (end <= a->cols) {
		key_mode(a, &l);
		lay_right(a, &l, end, a->cols);
		if (l.right_x >= end)
			draw_right(a, &l, y);
		grid_printf(&a->grid, x, y, a->cols, s, " %s ", a->message);
		return;
	}
	int most = a->rows < 2 * MESSAGE_ROWS ? a->rows - 1 : a->rows / 2, rows = grid_wrap(NULL, 0, 0, a->cols, most, s, a->message);
	a->foot = rows;
	grid_fill(&a->grid, (struct rect){ 0, y - rows + 1, a->cols, rows }, s);
	grid_wrap(&a->grid, 0, y - rows + 1, a->cols, most, s, a->message);
}

void status_draw(struct app *a)
{
	const struct style *role = a->theme.role;
	struct line l;
	int y = a->rows - 1;
	grid_fill(&a->grid, (struct rect){ 0, y, a->cols, 1 }, role[ROLE_STATUS]);
	if (a->message_until) {
		draw_message(a, y);
		return;
	}
	if (a->prompt.active) {
		grid_fill(&a->grid, (struct rect){ 0, y, a->cols, 1 }, role[ROLE_STATUS_MESSAGE]);
		char mark[2] = { a->prompt_mark == '#' ? ':' : a->prompt_mark == 'u' ? '/' : a->prompt_mark };
		int x = grid_text(&a->grid, 0, y, a->cols, role[ROLE_STATUS_MESSAGE], mark);
		prompt_draw(&a->prompt, &a->grid, x, y, a->cols, role[ROLE_STATUS_MESSAGE]);
		return;
	}
	lay_line(a, &l);
	grid_text(&a->grid, 0, y, l.right_x, role[run_role(a)], l.state);
	if (l.name_x < l.consoles_x)
		grid_printf(&a->grid, l.name_x, y, l.right_x, role[ROLE_STATUS], " %s", a->st.name);
	draw_consoles(a, &l, y);
	draw_right(a, &l, y);
}
