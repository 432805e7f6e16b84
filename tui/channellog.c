/* channellog.c - see channellog.h. */
#include "tui/channellog.h"
#include "tui/app.h"
#include "tui/document.h"
#include "tui/outfile.h"
#include "tui/panes.h"
#include "tui/strip.h"
#include "tui/wallclock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct { const char *name, *title; } modes[LOG_MODES] = {
	{ "raw", "every byte as it came" }, { "stripped", "text, without escape sequences" }, { "timed", "text, each line with its time" },
};

struct channel_log {
	enum log_mode mode;
	struct outfile file;
	struct strip strip;
	bool in_line, cr, partial;              /* something stands in the line; a CR came, and what it meant is seen by what follows; some
					 * of the line is in the file */
	bool told;                      /* of bytes that were lost, or of a file that cannot be rotated */
	struct text text;               /* scratch */
};

bool channel_log_mode(const char *name, enum log_mode *out)
{
	for (unsigned i = 0; i < LOG_MODES; i++)
		if (!strcmp(modes[i].name, name)) {
			*out = (enum log_mode)i;
			return true;
		}
	return false;
}

/* ---- writing ----------------------------------------------------------------------------------------------------------------------- */

static void tell(struct view *v, const char *why)
{
	if (!v->log->told)
		app_error(v->app, "the log of %s: %s", v->label, why);
	v->log->told = true;
}

/* Raw bytes are cut anywhere, so that files are exactly as large as wished; lines are not. */
static void put(struct view *v, const char *bytes, size_t n)
{
	struct channel_log *l = v->log;
	uint64_t most = v->app->log_size;
	struct error err;
	while (n) {
		size_t piece = n;
		if (most && l->file.size >= most && !l->partial && !outfile_rotate(&l->file, v->app->log_keep, &err)) {
			tell(v, err.msg);
			most = 0;
		}
		if (most && l->mode == LOG_RAW && piece > most - l->file.size)
			piece = (size_t)(most - l->file.size);
		if (!outfile_write(&l->file, bytes, piece, false))
			tell(v, l->file.why);
		bytes += piece;
		n -= piece;
	}
}

static void add_time(struct text *t)
{
	int64_t now = wallclock_ms();
	time_t second = (time_t)(now / 1000);
	struct tm tm;
	char when[32];
	gmtime_r(&second, &tm);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
	text_printf(t, "%s.%03dZ ", when, (int)(now % 1000));
}

/* A line is over: it goes out, so that files are rotated between lines. */
static void end_line(struct view *v)
{
	struct channel_log *l = v->log;
	if (!l->in_line && l->mode == LOG_TIMED)
		add_time(&l->text);
	text_add(&l->text, "\n", 1);
	put(v, l->text.s, l->text.len);
	l->text.len = 0;
	l->in_line = l->cr = l->partial = false;
}

static void add_char(struct view *v, char c)
{
	struct channel_log *l = v->log;
	if (c == '\n') {
		end_line(v);
		return;
	}
	if (c == '\r') {
		l->cr = true;
		return;
	}
	if ((c == '\v' || l->cr) && l->in_line)         /* what comes stands elsewhere, or on top of this line */
		end_line(v);
	l->cr = false;
	if (c == '\v')
		return;
	if (!l->in_line && l->mode == LOG_TIMED)
		add_time(&l->text);
	l->in_line = true;
	text_add(&l->text, &c, 1);
}

void channel_log_bytes(struct view *v, const uint8_t *bytes, size_t n)
{
	struct channel_log *l = v->log;
	if (!l)
		return;
	if (l->mode == LOG_RAW) {
		put(v, (const char *)bytes, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		char c = strip_byte(&l->strip, bytes[i]);
		if (c)
			add_char(v, c);
	}
	if (!l->text.len)
		return;
	put(v, l->text.s, l->text.len);         /* a line that is not over can be read already */
	l->text.len = 0;
	l->partial = true;
}

void channel_log_line(struct view *v, const char *text, size_t n)
{
	if (!v->log)
		return;
	for (size_t i = 0; i < n; i++)
		add_char(v, text[i]);
	end_line(v);
}

bool channel_log_failing(const struct view *v)
{
	return v->log && v->log->file.lost;
}

/* ---- starting and stopping ----------------------------------------------------------------------------------------------------------- */

bool channel_log_start(struct view *v, enum log_mode mode, const char *file, struct error *err)
{
	if (!v->ops->text && mode == LOG_RAW)
		return error_set(err, "%s prints no bytes that a raw log could have: stripped or timed is wanted", v->label);
	channel_log_stop(v);
	struct channel_log *l = calloc(1, sizeof *l);
	if (!l)
		abort();
	l->mode = mode;
	if (!outfile_open(&l->file, v->app, file, v->label, "log", err)) {
		free(l);
		return false;
	}
	v->log = l;
	v->app->log_mode = mode;
	app_message(v->app, "%s is logged (%s) to %s", v->label, modes[mode].name, l->file.path);
	return true;
}

/* What a screen shows at the end. */
static void log_screen(struct view *v)
{
	struct document d;
	struct text t = { 0 };
	if (!document_open(&d, v))
		return;
	for (uint64_t n = d.live; n < d.end; n++) {
		t.len = 0;
		document_text(&d, n, 0, DOCUMENT_CELLS, &t);
		channel_log_line(v, t.s ? t.s : "", t.len);
	}
	text_free(&t);
}

void channel_log_stop(struct view *v)
{
	struct channel_log *l = v->log;
	if (!l)
		return;
	if (!v->ops->text)
		log_screen(v);
	if (l->file.lost)
		app_error(v->app, "the log of %s ends: %llu bytes in %s, %llu were lost (%s)", v->label, (unsigned long long)l->file.written, l->file.path,
			  (unsigned long long)l->file.lost, l->file.why);
	else
		app_message(v->app, "the log of %s ends: %llu bytes in %s", v->label, (unsigned long long)l->file.written, l->file.path);
	outfile_close(&l->file);
	text_free(&l->text);
	free(l);
	v->log = NULL;
}

static void start_or_say(struct view *v, enum log_mode mode, const char *file)
{
	struct error err;
	if (!channel_log_start(v, mode, file, &err))
		app_error(v->app, "no log: %s", err.msg);
}

static void pick(struct app *a, unsigned item)
{
	if (app_focused(a))
		start_or_say(app_focused(a), (enum log_mode)item, NULL);
}

void channel_log_action(struct app *a)
{
	struct view *v = app_focused(a);
	struct text t = { 0 };
	char title[96];
	if (!v)
		return;
	if (v->log) {
		channel_log_stop(v);
		return;
	}
	for (unsigned i = 0; i < LOG_MODES; i++)
		text_printf(&t, "%-9s %s\n", modes[i].name, modes[i].title);
	snprintf(title, sizeof title, "Log %s to a file", v->label);
	app_popup(a, menu_view_new(a, title, t.s, v->ops->text || a->log_mode ? a->log_mode : LOG_STRIPPED, pick));
	text_free(&t);
}

void channel_log_command(struct app *a, const char *args)
{
	struct view *v = app_focused(a);
	char word[16] = "";
	enum log_mode mode;
	int used = 0;
	sscanf(args, "%15s %n", word, &used);
	if (!v)
		return;
	if (!strcmp(word, "off") && v->log)
		channel_log_stop(v);
	else if (!strcmp(word, "off"))
		app_message(a, "%s has no log", v->label);
	else if (channel_log_mode(word, &mode))
		start_or_say(v, mode, args + used);
	else
		app_error(a, "log: raw, stripped or timed is wanted, and a file's name if it shall have a certain one; or off");
}

/* ---- the settings -------------------------------------------------------------------------------------------------------------------- */

bool channel_log_wish(struct app *a, char *const *word, unsigned n, struct error *err)
{
	struct log_wish w = { .done = false };
	if (n < 3 || n > 4 || !channel_log_mode(word[2], &w.mode))
		return error_set(err, "log wants a console's name or number, raw, stripped or timed, and perhaps a file");
	if (strlen(word[1]) >= sizeof w.pane || (n == 4 && strlen(word[3]) >= sizeof w.file))
		return error_set(err, "log: the name of a console or file is too long");
	if (a->n_log_wishes == LOG_WISHES)
		return error_set(err, "log: there are %d already, which is all that can be", LOG_WISHES);
	snprintf(w.pane, sizeof w.pane, "%s", word[1]);
	snprintf(w.file, sizeof w.file, "%s", n == 4 ? word[3] : "");
	a->log_wish[a->n_log_wishes++] = w;
	return true;
}

void channel_log_wishes(struct app *a)
{
	for (unsigned i = 0; i < a->n_log_wishes; i++)
		for (unsigned k = 0; k < a->n_views && !a->log_wish[i].done; k++) {
			struct log_wish *w = &a->log_wish[i];
			if (!pane_is_named(a->views[k], w->pane))
				continue;
			w->done = true;
			start_or_say(a->views[k], w->mode, w->file);
		}
}
