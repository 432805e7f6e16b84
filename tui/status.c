/* status.c - the bottom line: run state, consoles, speed, lights; or a message, or the command line. */
#include "tui/app.h"
#include <stdio.h>
#include <string.h>

enum { SAMPLE_MS = 1000, IDLE_MIPS = 3 };

/* Called when the machine reported something and when a sample is due.  Samples stop by themselves while the machine stands still. */
void status_sample(struct app *a, int64_t now)
{
	struct speed *s = &a->speed;
	enum vm_run before = a->st.run;
	const char *text_before = a->st.run_text;
	vm_get_status(a->vm, &a->st);
	s->disk_seen |= a->st.disk_activity;
	if (a->st.run != before || a->st.run_text != text_before)
		a->dirty = true;
	if (a->sample_at && now < a->sample_at)
		return;
	double mips = s->at_ms && now > s->at_ms ? (double)(a->st.icount - s->icount) / (double)(now - s->at_ms) / 1000.0 : 0;
	bool moved = a->st.icount != s->icount, idle = mips < IDLE_MIPS;
	bool changed = s->disk != s->disk_seen || (int)mips != (int)s->mips || (!idle && strcmp(s->cpu_mode, a->st.cpu_mode));
	if (!a->sample_at) {                    /* first look after standing still: nothing to divide by yet */
		mips = s->mips;
		changed = !s->cpu_mode[0];
	}
	s->icount = a->st.icount;
	s->at_ms = now;
	s->mips = idle && a->sample_at ? 0 : mips;
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

/* Text of a console in the line, behind a blank. */
static void console_text(const struct app *a, unsigned i, char *buf, size_t size)
{
	const struct view *v = a->views[i];
	snprintf(buf, size, "%u:%s%s", i + 1, v->is_monitor ? "monitor" : v->label, v->activity ? "*" : "");
}

/* The state and the name before the consoles; returns the column where these begin. */
static int consoles_begin(const struct app *a)
{
	return (int)strlen(a->st.run_text ? a->st.run_text : "") + 2 + (a->st.name[0] ? (int)strlen(a->st.name) + 1 : 0);
}

static int draw_consoles(struct app *a, int x, int y, int limit)
{
	const struct style *role = a->theme.role;
	char text[96];
	for (unsigned i = 0; i < a->n_views; i++) {
		enum role r = i == a->focus ? ROLE_STATUS_FOCUS : a->views[i]->activity ? ROLE_STATUS_ACTIVITY : ROLE_STATUS;
		console_text(a, i, text, sizeof text);
		x = grid_text(&a->grid, x, y, limit, role[ROLE_STATUS], " ");
		x = grid_text(&a->grid, x, y, limit, role[r], text);
	}
	return x;
}

int status_console_at(const struct app *a, int at)
{
	char text[96];
	int x = consoles_begin(a);
	for (unsigned i = 0; i < a->n_views && !a->message_until; i++) {
		console_text(a, i, text, sizeof text);
		if (at > x && at <= x + (int)strlen(text))
			return (int)i;
		x += 1 + (int)strlen(text);
	}
	return -1;
}

static unsigned terminals(const struct app *a)
{
	unsigned n = 0;
	for (unsigned i = 0; i < a->n_clients; i++)
		n += a->clients[i]->screen != NULL;
	return n;
}

/* " C-A-+key ", " C-A- c a s w g? " while they are chosen. */
static void sticky(const struct app *a, char *buf, size_t size)
{
	snprintf(buf, size, " %s%s%s%s%s%s ", a->sticky & MOD_CTRL ? "Ctrl-" : "", a->sticky & MOD_ALT ? "Alt-" : "", a->sticky & MOD_SHIFT ? "Shift-" : "",
		 a->sticky & MOD_SUPER ? "Super-" : "", a->sticky & MOD_ALTGR ? "AltGr-" : "",
		 a->mode == MODE_STICKY ? "... c a s w g" : a->sticky_locked ? "(held)" : "+ key");
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

/* Right-aligned: CPU mode, speed, disk light, place in scrollback, prefix. */
static int draw_right(struct app *a, int y, int left)
{
	char text[200], mode[80] = "", title[64] = "", prefix[32], lights[32];
	const struct style *role = a->theme.role;
	struct view *v = app_focused(a);
	int right = a->cols;
	if (a->mode == MODE_PREFIX)
		snprintf(mode, sizeof mode, " %s- ", key_text(&a->prefix, prefix, sizeof prefix));
	else if (a->mode == MODE_STICKY || a->sticky)
		sticky(a, mode, sizeof mode);
	else if (a->layout.zoomed && a->mode == MODE_DIRECT)
		snprintf(mode, sizeof mode, " zoom ");
	else if (view_is_copy(a->popup))
		snprintf(mode, sizeof mode, " copy ");
	else if (paste_goes(a))
		snprintf(mode, sizeof mode, " paste %d%% ", (int)(100 - a->paste.going.len * 100 / a->paste.total));
	if (view_is_copy(a->popup))
		v = a->popup;
	if (v && v->ops->title)
		v->ops->title(v, title, sizeof title);
	if (!title[0] && terminals(a) > 1)
		snprintf(title, sizeof title, "%u terminals", terminals(a));
	right -= (int)strlen(mode);
	grid_text(&a->grid, right, y, a->cols, role[ROLE_STATUS_PREFIX], mode);
	flags(a, lights, sizeof lights);
	if (a->st.run != VM_RUNNING)
		snprintf(text, sizeof text, "%s%s%s%s ", title, title[0] ? "  " : "", a->speed.cpu_mode, lights);
	else if (a->speed.mips < IDLE_MIPS)
		snprintf(text, sizeof text, "%s%s%s  idle %s%s", title, title[0] ? "  " : "", a->speed.cpu_mode, a->speed.disk ? "D" : "-", lights);
	else
		snprintf(text, sizeof text, "%s%s%s  %.0f MIPS %s%s", title, title[0] ? "  " : "", a->speed.cpu_mode, a->speed.mips, a->speed.disk ? "D" : "-", lights);
	/* A narrow terminal keeps what matters most: the place in the scrollback, even before the consoles, or nothing. */
	if (left + (int)strlen(text) + 1 > right)
		snprintf(text, sizeof text, "%s%s ", title[0] ? " " : "", title);
	if (left + (int)strlen(text) + 1 > right && (!title[0] || a->message_until))
		return right;
	if ((int)strlen(text) > right)
		return right;
	right -= (int)strlen(text);
	grid_text(&a->grid, right, y, a->cols - (int)strlen(mode), role[ROLE_STATUS], text);
	return right;
}

void status_draw(struct app *a)
{
	const struct style *role = a->theme.role;
	int y = a->rows - 1, x = 0;
	grid_fill(&a->grid, (struct rect){ 0, y, a->cols, 1 }, role[ROLE_STATUS]);
	if (a->prompt.active && !a->message_until) {
		grid_fill(&a->grid, (struct rect){ 0, y, a->cols, 1 }, role[ROLE_STATUS_MESSAGE]);
		char mark[2] = { a->prompt_mark == '#' ? ':' : a->prompt_mark == 'u' ? '/' : a->prompt_mark };
		x = grid_text(&a->grid, 0, y, a->cols, role[ROLE_STATUS_MESSAGE], mark);
		prompt_draw(&a->prompt, &a->grid, x, y, a->cols, role[ROLE_STATUS_MESSAGE]);
		return;
	}
	x = grid_printf(&a->grid, 0, y, a->cols, role[run_role(a)], " %s ", a->st.run_text ? a->st.run_text : "");
	if (a->message_until) {
		enum role r = a->message_is_error ? ROLE_STATUS_ERROR : ROLE_STATUS_MESSAGE;
		grid_printf(&a->grid, x, y, draw_right(a, y, x + (int)strlen(a->message) + 2), role[r], " %s ", a->message);
		return;
	}
	if (a->st.name[0])
		x = grid_printf(&a->grid, x, y, a->cols, role[ROLE_STATUS], " %s", a->st.name);
	x = draw_consoles(a, x, y, a->cols);
	draw_right(a, y, x);
}
