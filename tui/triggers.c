/* triggers.c - see triggers.h. */
#include "tui/triggers.h"
#include "tui/app.h"
#include "tui/document.h"
#include "tui/panes.h"
#include "tui/search.h"
#include "tui/sendtext.h"
#include "tui/strip.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* HARD_MOST lines at the limit of search.c are some 30 ms in all. */
enum { HARD_MOST = 64, LOG_MOST = 64 << 10, SCREEN_ROWS = 128, ROW_TEXT = 512, TIMES_MOST = 1000000, COOLDOWN_MOST = 86400 };
enum { DO_PAUSE = 1, DO_NOTIFY = 2, DO_SNAPSHOT = 4 };

struct trigger {
	char name[32], pattern[256], pane[64], send[256], monitor[256];
	struct search *search;
	unsigned actions, times, cooldown_s;            /* times: 0 = as often as it comes */
	unsigned count;
	int64_t quiet_until;
	bool off;                                       /* its pattern was too hard too often */
};
struct triggers {
	struct trigger t[TRIGGERS_MOST];
	unsigned n, events;
	struct text log;
};

struct row { char text[ROW_TEXT]; unsigned len; uint32_t fired; bool used; };
struct trigger_watch {
	char line[TRIGGER_LINE];        /* of a stream: what came since the last end of a line */
	unsigned len;
	bool fresh;                     /* something of it was not looked at */
	struct strip strip;
	uint32_t fired;                 /* triggers that this line has set off: each does so once */
	struct row *rows, *before;      /* of a screen: SCREEN_ROWS of them now and a frame ago */
	unsigned n_before;
};

/* ---- the settings ------------------------------------------------------------------------------------------------------------------ */

static const struct preset { const char *name, *pattern; unsigned actions; } presets[] = {
	{ "panic", "Kernel panic - not syncing|^panic(\\(cpu \\d+\\)|: )|\\*\\*\\* STOP: 0x", DO_PAUSE | DO_NOTIFY },
	{ "oops", "\\bOops: |BUG: (unable to handle|kernel NULL)|general protection fault|Unable to handle kernel", DO_NOTIFY },
	{ "lockup", "BUG: (soft|workqueue) lockup|hard LOCKUP|rcu\\w* (detected|self-detected).*stall|blocked for more than \\d+ seconds", DO_NOTIFY },
};

static bool number(const char *option, const char *value, unsigned long most, unsigned *out, struct error *err)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || n > most)
		return error_set(err, "trigger: %s wants a number up to %lu", option, most);
	*out = (unsigned)n;
	return true;
}

static bool string(const char *option, const char *value, char *out, size_t size, struct error *err)
{
	if (!*value || strlen(value) >= size)
		return error_set(err, "trigger: %s wants 1 to %zu bytes after the =", option, size - 1);
	snprintf(out, size, "%s", value);
	return true;
}

static bool option(struct trigger *t, const char *word, struct error *err)
{
	const char *value = strchr(word, '=') ? strchr(word, '=') + 1 : "";
	if (!strcmp(word, "pause") || !strcmp(word, "notify") || !strcmp(word, "snapshot")) {
		t->actions |= *word == 'p' ? DO_PAUSE : *word == 's' ? DO_SNAPSHOT : DO_NOTIFY;
		return true;
	}
	if (!strncmp(word, "match=", 6))
		return string("match", value, t->pattern, sizeof t->pattern, err);
	if (!strncmp(word, "pane=", 5))
		return string("pane", value, t->pane, sizeof t->pane, err);
	if (!strncmp(word, "send=", 5))
		return string("send", value, t->send, sizeof t->send, err);
	if (!strncmp(word, "monitor=", 8))
		return string("monitor", value, t->monitor, sizeof t->monitor, err);
	if (!strncmp(word, "times=", 6))
		return number("times", value, TIMES_MOST, &t->times, err);
	if (!strncmp(word, "cooldown=", 9))
		return number("cooldown", value, COOLDOWN_MOST, &t->cooldown_s, err);
	return error_set(err, "trigger: \"%s\" is none of match=, pane=, times=, cooldown=, pause, snapshot, notify, send=, monitor=", word);
}

bool triggers_add(struct triggers **all, char *const *word, unsigned n, struct error *err)
{
	struct trigger t = { .cooldown_s = 1 };
	struct error why;
	if (n < 2 || !string("NAME", word[1], t.name, sizeof t.name, err))
		return n < 2 ? error_set(err, "trigger wants a name") : false;
	for (unsigned i = 2; i < n; i++)
		if (!option(&t, word[i], err))
			return false;
	for (unsigned i = 0; i < sizeof presets / sizeof *presets; i++) {
		if (strcmp(presets[i].name, t.name))
			continue;
		if (!t.pattern[0])
			snprintf(t.pattern, sizeof t.pattern, "%s", presets[i].pattern);
		if (!t.actions && !t.send[0] && !t.monitor[0])
			t.actions = presets[i].actions;
	}
	if (!t.pattern[0])
		return error_set(err, "trigger %s: match=REGEX is missing (only panic, oops and lockup bring their own)", t.name);
	if (!t.actions && !t.send[0] && !t.monitor[0])
		return error_set(err, "trigger %s: an action is missing: pause, snapshot, notify, send=TEXT or monitor=LINE", t.name);
	for (unsigned i = 0; *all && i < (*all)->n; i++)
		if (!strcmp((*all)->t[i].name, t.name))
			return error_set(err, "trigger %s: there is one of this name already", t.name);
	if (*all && (*all)->n == TRIGGERS_MOST)
		return error_set(err, "trigger %s: there are %d already, which is all that can be", t.name, TRIGGERS_MOST);
	if (!(t.search = search_new(t.pattern, 0, &why)))
		return error_set(err, "trigger %s: match: %s", t.name, why.msg);
	if (!*all && !(*all = calloc(1, sizeof **all)))
		abort();
	(*all)->t[(*all)->n++] = t;
	return true;
}

void triggers_free(struct triggers *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < t->n; i++)
		search_free(t->t[i].search);
	text_free(&t->log);
	free(t);
}

/* ---- an event ---------------------------------------------------------------------------------------------------------------------- */

static void log_event(struct app *a, const char *name, const char *pane, const char *text, unsigned len)
{
	struct text *log = &a->triggers->log;
	if (log->len > LOG_MOST) {              /* the older half goes, at a line's end */
		char *half = strchr(log->s + log->len / 2, '\n');
		size_t gone = half ? (size_t)(half + 1 - log->s) : log->len;
		memmove(log->s, log->s + gone, log->len - gone + 1);
		log->len -= gone;
	}
	text_printf(log, "%10.3f  %s on %s: %.*s\n", (double)a->st.virtual_ns / 1e9, name, pane, (int)(len > 200 ? 200 : len), text);
}

void triggers_note(struct app *a, const char *name, const char *what, const char *text)
{
	if (a->triggers)
		log_event(a, name, what, text, (unsigned)strlen(text));
	a->dirty = true;
}

static void run_monitor(struct app *a, const struct trigger *t)
{
	struct text out = { 0 };
	vm_monitor(a->vm, t->monitor, &out);
	log_event(a, t->name, "monitor", out.len ? out.s : "done", out.len ? (unsigned)strcspn(out.s, "\r\n") : 4);
	text_free(&out);
}

static void fire(struct app *a, struct trigger *t, struct view *v, const char *text, unsigned len)
{
	struct error err;
	t->count++;
	t->quiet_until = app_now_ms() + (int64_t)t->cooldown_s * 1000;
	a->triggers->events++;
	if (t->actions & DO_PAUSE)
		vm_stop(a->vm);                 /* first: what follows takes time */
	vm_get_status(a->vm, &a->st);
	log_event(a, t->name, v->label, text, len);
	if (t->actions & DO_SNAPSHOT)
		snapshots_ask(a, VM_SNAPSHOT_SAVE, "", t->name);
	if (t->send[0] && !sendtext(v, t->send, &err)) {
		log_event(a, t->name, "send", err.msg, (unsigned)strlen(err.msg));
		app_error(a, "trigger %s: %s", t->name, err.msg);
	}
	if (t->monitor[0])
		run_monitor(a, t);
	if (t->actions & DO_NOTIFY) {
		app_message(a, "%s on %s: %.*s", t->name, v->label, (int)(len > 120 ? 120 : len), text);
		for (unsigned i = 0; i < a->n_clients; i++)
			a->clients[i]->bell = true;
	}
	a->dirty = true;
}

static bool watches(const struct trigger *t, const struct view *v)
{
	return !t->pane[0] || pane_is_named(v, t->pane);
}

/* Look at a line; *fired: those that it has set off. */
static void look(struct app *a, struct view *v, const char *text, unsigned len, uint32_t *fired)
{
	struct triggers *all = a->triggers;
	for (unsigned i = 0; i < all->n; i++) {
		struct trigger *t = &all->t[i];
		if (t->off || *fired >> i & 1 || (t->times && t->count >= t->times) || !watches(t, v))
			continue;
		if (search_text(t->search, text, len)) {
			*fired |= 1u << i;
			if (app_now_ms() >= t->quiet_until)
				fire(a, t, v, text, len);
		} else if (search_too_hard(t->search) >= HARD_MOST) {
			t->off = true;
			log_event(a, t->name, v->label, "switched off, its pattern takes too many steps", 46);
			app_error(a, "trigger %s is switched off: its pattern takes too many steps", t->name);
		}
	}
}

/* ---- streams ----------------------------------------------------------------------------------------------------------------------- */

static struct trigger_watch *watch_of(struct view *v)
{
	if (!v->watch && !(v->watch = calloc(1, sizeof *v->watch)))
		abort();
	return v->watch;
}

static void end_line(struct app *a, struct view *v, struct trigger_watch *w)
{
	if (w->fresh && w->len)
		look(a, v, w->line, w->len, &w->fired);
	w->fresh = false;
	w->len = 0;
	w->fired = 0;
}

void triggers_stream(struct app *a, struct view *v, const uint8_t *bytes, size_t n)
{
	if (!a->triggers || v->is_monitor)
		return;
	struct trigger_watch *w = watch_of(v);
	for (size_t i = 0; i < n; i++) {
		char c = strip_byte(&w->strip, bytes[i]);
		bool ends = c == '\n' || c == '\r' || c == '\v';
		if (ends || (c && w->len == sizeof w->line))
			end_line(a, v, w);
		if (c && !ends) {
			w->line[w->len++] = c == '\t' ? ' ' : c;
			w->fresh = true;
		}
	}
	if (w->fresh && w->len)                 /* a prompt, that no end of a line follows */
		look(a, v, w->line, w->len, &w->fired);
	w->fresh = false;
}

/* ---- screens ------------------------------------------------------------------------------------------------------------------------ */

/* The row that this one was a frame ago: the same text, or the start of it, whatever its place. */
static struct row *row_before(struct trigger_watch *w, const struct row *now)
{
	for (unsigned i = 0; i < w->n_before; i++) {
		struct row *r = &w->before[i];
		if (!r->used && r->len && r->len <= now->len && !memcmp(r->text, now->text, r->len)) {
			r->used = true;
			return r;
		}
	}
	return NULL;
}

static struct trigger_watch *screen_watch_of(struct view *v)
{
	struct trigger_watch *w = watch_of(v);
	if (!w->rows && (!(w->rows = calloc(SCREEN_ROWS, sizeof *w->rows)) || !(w->before = calloc(SCREEN_ROWS, sizeof *w->before))))
		abort();
	return w;
}

/* Text that was there a frame ago has been looked at. */
static void look_at_row(struct app *a, struct view *v, struct trigger_watch *w, struct row *r, const char *text, size_t len)
{
	*r = (struct row){ .len = (unsigned)(len < ROW_TEXT ? len : ROW_TEXT) };
	memcpy(r->text, text, r->len);
	struct row *old = row_before(w, r);
	r->fired = old ? old->fired : 0;
	if (r->len && (!old || old->len != r->len))
		look(a, v, r->text, r->len, &r->fired);
}

void triggers_row(struct app *a, struct view *v, const char *text, size_t len)
{
	struct row r;
	if (a->triggers)
		look_at_row(a, v, screen_watch_of(v), &r, text, len);
}

void triggers_screen(struct app *a, struct view *v)
{
	struct cell cells[ROW_TEXT / 2];
	char text[ROW_TEXT / 2 * 12 + 16];
	unsigned rows = 0;
	if (!a->triggers || !v->ops->lines)
		return;
	v->ops->lines(v, &rows);
	struct trigger_watch *w = screen_watch_of(v);
	rows = rows > SCREEN_ROWS ? SCREEN_ROWS : rows;
	for (unsigned y = 0; y < rows; y++) {
		unsigned n = v->ops->row(v, y, cells, ROW_TEXT / 2);
		size_t len = cells_text(cells, n < ROW_TEXT / 2 ? n : ROW_TEXT / 2, text, sizeof text);
		look_at_row(a, v, w, &w->rows[y], text, len);
	}
	struct row *swap = w->before;
	w->before = w->rows;
	w->rows = swap;
	w->n_before = rows;
}

void triggers_forget(struct view *v)
{
	if (!v->watch)
		return;
	free(v->watch->rows);
	free(v->watch->before);
	free(v->watch);
	v->watch = NULL;
}

/* ---- what it looks like ------------------------------------------------------------------------------------------------------------- */

void triggers_flag(const struct triggers *t, char *buf, size_t size)
{
	buf[0] = 0;
	if (t && t->events)
		snprintf(buf, size, "T%u", t->events > 999 ? 999 : t->events);
	else if (t)
		snprintf(buf, size, "T");
}

void triggers_report(const struct triggers *t, struct text *out)
{
	if (!t) {
		text_printf(out, "There are no triggers; lines of the settings (vmux config path) make some:\n\ntrigger panic\n");
		return;
	}
	for (unsigned i = 0; i < t->n; i++)
		text_printf(out, "%-12s %u times%s  %s\n", t->t[i].name, t->t[i].count, t->t[i].off ? ", switched off" : "", t->t[i].pattern);
	text_printf(out, "\n%s", t->log.len ? t->log.s : "Nothing has happened yet.");
}
