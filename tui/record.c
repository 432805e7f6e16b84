/* record.c - see record.h.  Ref: asciicast file format, version 2. */
#include "tui/record.h"
#include "tui/app.h"
#include "tui/outfile.h"
#include "tui/wallclock.h"
#include <jansson.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char term[] = "xterm-256color";

struct recording {
	int console;
	struct outfile file;
	struct curses *screen;
	struct grid own;                /* of a console */
	locale_t locale;
	int cols, rows;
	int64_t start;
	unsigned serial;                /* of the console's view when it was drawn last */
	bool drawn;
};

static struct view *view_of(const struct app *a, const struct recording *r)
{
	return r->console >= 0 && (unsigned)r->console < a->n_views ? a->views[r->console] : NULL;
}

/* What is recorded, as it is now. */
static const struct grid *picture(struct app *a, struct recording *r)
{
	struct view *v = view_of(a, r);
	struct rect all = app_area(a);
	if (r->console == RECORD_SCREEN)
		return &a->grid;
	if (!v)
		return NULL;
	r->serial = v->serial;
	if (v->ops->snapshot)
		v->ops->snapshot(v, &r->own);
	if (!v->ops->snapshot || !r->own.cols) {        /* a picture */
		all.x = all.y = 0;
		grid_resize(&r->own, all.w, all.h);
		v->ops->draw(v, &r->own, all, true);
	}
	return &r->own;
}

/* ---- the file ---------------------------------------------------------------------------------------------------------------------- */

static void write_json(struct recording *r, json_t *line)
{
	char *s = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
	size_t n = s ? strlen(s) : 0;
	if (!s)
		abort();
	s[n] = '\n';                    /* over the end mark */
	outfile_write(&r->file, s, n + 1, true);
	free(s);
	json_decref(line);
}

static void event(struct recording *r, const char *kind, const char *bytes, size_t n)
{
	json_t *text = json_stringn(bytes, n);
	write_json(r, json_pack("[f, s, o]", (double)(app_now_ms() - r->start) / 1000.0, kind, text ? text : json_string("")));
}

static void header(struct app *a, struct recording *r)
{
	struct view *v = view_of(a, r);
	char title[200];
	snprintf(title, sizeof title, "%s%s%s", a->st.name[0] ? a->st.name : "vmux", v ? ": " : "", v ? v->label : "");
	write_json(r, json_pack("{s:i, s:i, s:i, s:I, s:s, s:{s:s}}", "version", 2, "width", r->cols, "height", r->rows, "timestamp", (json_int_t)(wallclock_ms() / 1000), "title", title,
		"env", "TERM", term));
}

static void follow_size(struct recording *r, const struct grid *g)
{
	char size[32];
	if (g->cols == r->cols && g->rows == r->rows)
		return;
	r->cols = g->cols;
	r->rows = g->rows;
	curses_resize(r->screen, r->cols, r->rows);
	event(r, "r", size, (size_t)snprintf(size, sizeof size, "%dx%d", r->cols, r->rows));
}

static void frame(struct app *a, struct recording *r)
{
	const struct grid *g = picture(a, r);
	size_t n = 0;
	if (!g || g->cols < 1 || g->rows < 1)
		return;
	uselocale(r->locale);
	follow_size(r, g);
	if (r->file.failing)            /* the last event is not there, so this one must tell everything */
		curses_forget(r->screen);
	const char *bytes = curses_frame(r->screen, g, &n);
	uselocale(LC_GLOBAL_LOCALE);
	bool failed = r->file.failing;
	if (n)
		event(r, "o", bytes, n);
	if (r->file.failing && !failed)
		app_error(a, "the recording %s: %s", r->file.path, r->file.why);
	r->drawn = true;
}

void record_frame(struct app *a)
{
	for (unsigned i = 0; i < RECORD_MOST; i++) {
		struct recording *r = a->recording[i];
		struct view *v = r ? view_of(a, r) : NULL;
		if (r && (r->console == RECORD_SCREEN || (v && (!r->drawn || v->serial != r->serial))))
			frame(a, r);
	}
}

bool record_wants_screen(const struct app *a)
{
	for (unsigned i = 0; i < RECORD_MOST; i++)
		if (a->recording[i] && a->recording[i]->console == RECORD_SCREEN)
			return true;
	return false;
}

bool record_wants(const struct app *a)
{
	for (unsigned i = 0; i < RECORD_MOST; i++) {
		const struct recording *r = a->recording[i];
		const struct view *v = r ? view_of(a, r) : NULL;
		if (r && (r->console == RECORD_SCREEN ? a->dirty || !r->drawn : v && (!r->drawn || v->serial != r->serial)))
			return true;
	}
	return false;
}

/* ---- starting and stopping ----------------------------------------------------------------------------------------------------------- */

static void discard(struct app *a, struct recording *r)
{
	if (r->screen)
		app_spare_screen(a, r->screen);
	if (r->locale)
		freelocale(r->locale);
	outfile_close(&r->file);
	grid_free(&r->own);
	free(r);
}

static void stop(struct app *a, unsigned slot)
{
	struct recording *r = a->recording[slot];
	if (r->console != RECORD_SCREEN)
		frame(a, r);
	if (r->file.lost)
		app_error(a, "the recording ends: %s, %llu bytes of it were lost (%s)", r->file.path, (unsigned long long)r->file.lost, r->file.why);
	else
		app_message(a, "the recording ends: %s", r->file.path);
	a->recording[slot] = NULL;
	discard(a, r);
}

void record_stop_all(struct app *a)
{
	for (unsigned i = 0; i < RECORD_MOST; i++)
		if (a->recording[i])
			stop(a, i);
}

static int slot_of(const struct app *a, int console)
{
	for (int i = 0; i < RECORD_MOST; i++)
		if (a->recording[i] && a->recording[i]->console == console)
			return i;
	return -1;
}

bool record_start(struct app *a, int console, const char *file, struct error *err)
{
	unsigned slot = 0;
	while (slot < RECORD_MOST && a->recording[slot])
		slot++;
	if (slot == RECORD_MOST)
		return error_set(err, "%d recordings run already", RECORD_MOST);
	if (slot_of(a, console) >= 0)
		return error_set(err, "this is recorded already");
	struct recording *r = calloc(1, sizeof *r);
	if (!r)
		abort();
	*r = (struct recording){ .console = console, .file = { .fd = -1 }, .start = app_now_ms() };
	if (!outfile_open(&r->file, a, file, view_of(a, r) ? view_of(a, r)->label : "screen", "cast", err)) {
		discard(a, r);
		return false;
	}
	const struct grid *g = picture(a, r);
	r->cols = g && g->cols > 0 ? g->cols : a->cols;
	r->rows = g && g->rows > 0 ? g->rows : a->rows;
	r->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	struct curses_options o = { .term = term, .cols = r->cols, .rows = r->rows, .direct_colour = true, .utf8 = true };
	uselocale(r->locale);
	r->screen = app_take_screen(a, &o);
	if (r->screen)
		curses_resize(r->screen, r->cols, r->rows);
	else
		r->screen = curses_open(&o, err);
	uselocale(LC_GLOBAL_LOCALE);
	if (!r->screen) {
		discard(a, r);
		return false;
	}
	header(a, r);
	a->recording[slot] = r;
	a->dirty = true;
	app_message(a, "%s is recorded to %s", console < 0 ? "the screen" : a->views[console]->label, r->file.path);
	return true;
}

static void start_or_say(struct app *a, int console, const char *file)
{
	struct error err;
	if (!record_start(a, console, file, &err))
		app_error(a, "no recording: %s", err.msg);
}

static void pick(struct app *a, unsigned item)
{
	start_or_say(a, item ? RECORD_SCREEN : (int)a->focus, NULL);
}

/* End what is recorded of the focused console, else of the screen.  False: nothing is. */
static bool stop_here(struct app *a)
{
	int slot = slot_of(a, (int)a->focus);
	if (slot < 0)
		slot = slot_of(a, RECORD_SCREEN);
	if (slot >= 0)
		stop(a, (unsigned)slot);
	return slot >= 0;
}

void record_action(struct app *a)
{
	char items[160];
	if (!app_focused(a) || stop_here(a))
		return;
	snprintf(items, sizeof items, "this console: %s\nthe whole screen\n", app_focused(a)->label);
	app_popup(a, menu_view_new(a, "Record to an asciicast file", items, 0, pick));
}

void record_command(struct app *a, const char *args)
{
	char word[16] = "";
	int used = 0;
	sscanf(args, "%15s %n", word, &used);
	if (!strcmp(word, "off")) {
		if (!stop_here(a))
			app_message(a, "nothing is recorded here");
	} else if (!strcmp(word, "pane") || !strcmp(word, "screen")) {
		start_or_say(a, *word == 'p' ? (int)a->focus : RECORD_SCREEN, args + used);
	} else {
		app_error(a, "record: pane or screen is wanted, and a file's name if it shall have a certain one; or off");
	}
}

bool record_runs(const struct app *a, unsigned console, bool *failing)
{
	bool runs = false;
	*failing = false;
	for (unsigned i = 0; i < RECORD_MOST; i++) {
		const struct recording *r = a->recording[i];
		if (!r || (r->console != RECORD_SCREEN && r->console != (int)console))
			continue;
		runs = true;
		*failing |= r->file.lost > 0;
	}
	return runs;
}
