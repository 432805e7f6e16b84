/* requests.c - see requests.h. */
#include "tui/requests.h"
#define PCRE2_CODE_UNIT_WIDTH 8
#include "tui/app.h"
#include "tui/document.h"
#include "tui/panes.h"
#include "tui/sendtext.h"
#include "tui/wallclock.h"
#include "tui/wire.h"
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CHECK_MS = 20, MATCH_LIMIT = 200000, HEAP_KIB = 20000 };
enum { EXIT_FOUND = 0, EXIT_MISTAKE = 1, EXIT_TIME = 2, EXIT_ENDED = 3 };

struct waiting {
	pcre2_code *code;
	pcre2_match_data *match;
	pcre2_match_context *limits;
	char pane[64];
	uint64_t from;                  /* first line of the pane's history that counts */
	unsigned serial;                /* of the pane when last looked at */
	int64_t deadline, looked;       /* deadline: 0 = none */
};

static struct view *find_pane(struct app *a, const char *name)
{
	for (unsigned i = 0; i < a->n_views; i++)
		if (pane_is_named(a->views[i], *name ? name : "1"))
			return a->views[i];
	return NULL;
}

static struct view *pane_or_error(struct client *c, const char *name)
{
	struct app *a = c->app;
	char known[512] = "";
	size_t at = 0;
	struct view *v = find_pane(a, name);
	if (v)
		return v;
	for (unsigned i = 0; i < a->n_views && at < sizeof known; i++)
		at += (size_t)snprintf(known + at, sizeof known - at, "%s%u (%s)", i ? ", " : "", i + 1, a->views[i]->label);
	client_done(c, EXIT_MISTAKE, "there is no pane \"%s\"; there are %s", name, known);
	return NULL;
}

/* ---- ls --------------------------------------------------------------------------------------------------------------------------- */

static const char *guest_title(const struct app *a)
{
	for (unsigned i = 0; i < a->n_views; i++)
		if (a->views[i]->guest_title[0])
			return a->views[i]->guest_title;
	return "";
}

static void answer_list(struct client *c)
{
	struct app *a = c->app;
	unsigned n = 0;
	for (unsigned i = 0; i < a->n_clients; i++)
		n += a->clients[i]->screen != NULL;
	vm_get_status(a->vm, &a->st);
	client_done(c, 0, "%s\t%lld\t%u\t%ld\t%s\t%s", a->st.run_text ? a->st.run_text : "", (long long)(wallclock_ms() / 1000 - a->started), n, (long)getpid(),
		    a->st.name, guest_title(a));
}

/* ---- screen ----------------------------------------------------------------------------------------------------------------------- */

static void add_colour(struct text *t, uint32_t colour, int base)
{
	unsigned n = colour & 0xff;
	if (colour & COLOUR_DEFAULT)
		return;
	if (colour & COLOUR_PALETTE && n < 8)
		text_printf(t, ";%d", base + (int)n);
	else if (colour & COLOUR_PALETTE && n < 16)
		text_printf(t, ";%d", base + 60 + (int)n - 8);
	else if (colour & COLOUR_PALETTE)
		text_printf(t, ";%d;5;%u", base + 8, n);
	else
		text_printf(t, ";%d;2;%u;%u;%u", base + 8, colour >> 16 & 0xff, colour >> 8 & 0xff, colour & 0xff);
}

static void add_style(struct text *t, const struct style *s)
{
	static const struct { unsigned attr; const char *code; } map[] = {
		{ ATTR_BOLD, ";1" }, { ATTR_DIM, ";2" }, { ATTR_ITALIC, ";3" }, { ATTR_UNDERLINE, ";4" }, { ATTR_BLINK, ";5" }, { ATTR_REVERSE, ";7" },
	};
	text_printf(t, "\033[0");
	for (unsigned i = 0; i < sizeof map / sizeof *map; i++)
		if (s->attrs & map[i].attr)
			text_printf(t, "%s", map[i].code);
	add_colour(t, s->fg, 30);
	add_colour(t, s->bg, 40);
	text_printf(t, "m");
}

static bool blank(const struct cell *c, bool ansi)
{
	return (c->ch == ' ' || !c->ch) && (!ansi || (c->style.bg & COLOUR_DEFAULT && !(c->style.attrs & (ATTR_REVERSE | ATTR_UNDERLINE))));
}

/* Rows without the blanks at their ends, a line each. */
static void grid_to_text(const struct grid *g, bool ansi, struct text *out)
{
	static const struct style plain = { COLOUR_DEFAULT, COLOUR_DEFAULT, 0 };
	for (int y = 0; y < g->rows; y++) {
		const struct cell *row = grid_at(g, 0, y);
		struct style last = plain;
		int n = g->cols;
		while (n && blank(&row[n - 1], ansi))
			n--;
		for (int x = 0; x < n; x++) {
			char utf8[4];
			if (row[x].ch == GRID_WIDE_TAIL)
				continue;
			if (ansi && memcmp(&last, &row[x].style, sizeof last))
				add_style(out, &row[x].style);
			last = row[x].style;
			text_add(out, utf8, (size_t)utf8_put(row[x].ch ? row[x].ch : ' ', utf8));
			for (int i = 0; i < CELL_COMBINING && row[x].comb[i]; i++)
				text_add(out, utf8, (size_t)utf8_put(row[x].comb[i], utf8));
		}
		text_printf(out, ansi && memcmp(&last, &plain, sizeof last) ? "\033[0m\n" : "\n");
	}
}

static void screen_text(struct view *v, bool ansi, struct text *out)
{
	struct grid g = { 0 };
	if (!v->ops->snapshot)
		return;
	v->ops->snapshot(v, &g);
	grid_to_text(&g, ansi, out);
	grid_free(&g);
}

static void answer_screen(struct client *c, const struct wire_msg *m)
{
	struct text t = { 0 };
	struct wire_msg part;
	struct view *v = pane_or_error(c, m->data);
	if (!v)
		return;
	app_update_views(c->app, true);
	screen_text(v, m->num[0], &t);
	for (size_t at = 0; at < t.len; at += part.len) {
		wire_make(&part, WIRE_TEXT, t.s + at, t.len - at);
		client_send(c, &part);
	}
	text_free(&t);
	client_done(c, 0, "%s", "");
}

/* ---- wait ------------------------------------------------------------------------------------------------------------------------- */

void requests_stop_waiting(struct client *c)
{
	struct waiting *w = c->waiting;
	if (!w)
		return;
	pcre2_code_free(w->code);
	pcre2_match_data_free(w->match);
	pcre2_match_context_free(w->limits);
	free(w);
	c->waiting = NULL;
}

static void done_waiting(struct client *c, int status, const char *why)
{
	requests_stop_waiting(c);
	client_done(c, status, "%s", why);
}

/* What has scrolled off since the wait began, and the screen.  False: go on waiting. */
static bool look(struct client *c)
{
	struct waiting *w = c->waiting;
	struct text t = { 0 };
	struct view *v = find_pane(c->app, w->pane);
	if (!v)
		return false;
	w->serial = v->serial;
	document_history(v, w->from, &t);
	screen_text(v, false, &t);
	int rc = t.len ? pcre2_match(w->code, (PCRE2_SPTR)t.s, t.len, 0, 0, w->match, w->limits) : PCRE2_ERROR_NOMATCH;
	if (rc >= 0) {
		PCRE2_SIZE *at = pcre2_get_ovector_pointer(w->match);
		char line[256];
		snprintf(line, sizeof line, "%.*s", at[1] > at[0] && at[1] - at[0] < 200 ? (int)(at[1] - at[0]) : 0, t.s + at[0]);
		done_waiting(c, EXIT_FOUND, line);
	} else if (rc != PCRE2_ERROR_NOMATCH) {
		PCRE2_UCHAR text[120];
		pcre2_get_error_message(rc, text, sizeof text);
		done_waiting(c, EXIT_MISTAKE, (char *)text);
	}
	text_free(&t);
	return rc != PCRE2_ERROR_NOMATCH;
}

static void answer_wait(struct client *c, const struct wire_msg *m)
{
	const char *pane = m->data, *regex = m->data + strlen(m->data) + 1;
	int error;
	PCRE2_SIZE at;
	struct view *v;
	if (strlen(pane) >= m->len || c->waiting) {
		client_done(c, EXIT_MISTAKE, "a regular expression is wanted");
		return;
	}
	if (!(v = pane_or_error(c, pane)))
		return;
	struct waiting *w = c->waiting = calloc(1, sizeof *w);
	if (!w)
		abort();
	w->code = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_MULTILINE, &error, &at, NULL);
	if (!w->code) {
		PCRE2_UCHAR text[120];
		char why[240];
		pcre2_get_error_message(error, text, sizeof text);
		snprintf(why, sizeof why, "the regular expression is wrong at character %zu: %s", at + 1, text);
		done_waiting(c, EXIT_MISTAKE, why);
		return;
	}
	w->match = pcre2_match_data_create_from_pattern(w->code, NULL);
	w->limits = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(w->limits, MATCH_LIMIT);
	pcre2_set_heap_limit(w->limits, HEAP_KIB);
	snprintf(w->pane, sizeof w->pane, "%.63s", pane);
	w->from = document_history(v, UINT64_MAX, &(struct text){ 0 });
	w->deadline = m->num[0] > 0 ? app_now_ms() + m->num[0] : 0;
	app_update_views(c->app, true);
	look(c);
}

int64_t requests_check(struct app *a, int64_t now)
{
	int64_t next = -1;
	for (unsigned i = 0; i < a->n_clients; i++) {
		struct client *c = a->clients[i];
		struct waiting *w = c->waiting;
		if (!w)
			continue;
		struct view *v = find_pane(a, w->pane);
		bool changed = v && v->serial != w->serial;
		if (changed && now >= w->looked + CHECK_MS) {
			w->looked = now;
			if (look(c))
				continue;
			changed = false;
		}
		if (w->deadline && now >= w->deadline) {
			done_waiting(c, EXIT_TIME, "the text did not come in time");
			continue;
		}
		int64_t at = changed ? w->looked + CHECK_MS : w->deadline ? w->deadline : -1;
		if (at >= 0 && (next < 0 || at < next))
			next = at;
	}
	return next;
}

void requests_end(struct app *a)
{
	app_update_views(a, false);
	app_update_views(a, true);
	for (unsigned i = 0; i < a->n_clients; i++)
		if (a->clients[i]->waiting && !look(a->clients[i]))
			done_waiting(a->clients[i], EXIT_ENDED, "the machine ended before the text came");
}

/* ---- send ------------------------------------------------------------------------------------------------------------------------- */

static void answer_send(struct client *c, const struct wire_msg *m)
{
	struct error err;
	const char *text = m->data, *pane = m->data + strlen(m->data) + 1;
	struct view *v = pane_or_error(c, strlen(text) < m->len ? pane : "");
	if (!v)
		return;
	if (sendtext(v, text, &err))
		client_done(c, 0, "%s", "");
	else
		client_done(c, EXIT_MISTAKE, "%s", err.msg);
}

static void answer_stop(struct client *c, const struct wire_msg *m)
{
	struct app *a = c->app;
	if (m->num[0]) {
		vm_quit(a->vm);
		a->quit = true;
	} else {
		vm_powerdown(a->vm);
	}
	client_done(c, 0, "%s", "");
}

void requests_answer(struct client *c, const struct wire_msg *m)
{
	if (c->closing || c->screen)
		return;
	switch (m->type) {
	case WIRE_LIST: answer_list(c); break;
	case WIRE_SEND: answer_send(c, m); break;
	case WIRE_SCREEN: answer_screen(c, m); break;
	case WIRE_WAIT: answer_wait(c, m); break;
	case WIRE_STOP: answer_stop(c, m); break;
	default: client_done(c, EXIT_MISTAKE, "this request is not known here"); break;
	}
}
