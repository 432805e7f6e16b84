/* copy.c - copy mode: a cursor in everything a console has shown; search, filter, select, copy.  tmux's keys. */
#include "tui/app.h"
#include "tui/clipboard.h"
#include "tui/copysearch.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char *name, *keys[2], *help; } table[COPY_COUNT] = {
#define COPY(id, name, vi, emacs, help) { name, { vi, emacs }, help },
#include "tui/copy.def"
#undef COPY
};

struct copy_view {
	struct view base;
	struct copy_state s;
	uint64_t top;                   /* first line shown */
	unsigned left, count;           /* count: digits typed before a vi command */
	int w, h;
	struct copysearch find;
};

static struct copy_view *copy(struct view *v)
{
	return (struct copy_view *)v;
}

static struct view *below(struct view *v)
{
	return v->console < v->app->n_views ? v->app->views[v->console] : NULL;
}

static bool settle(struct copy_view *c)
{
	if (!document_open(&c->s.doc, below(&c->base)))
		return false;
	copy_settle(&c->s);
	return true;
}

/* A slice of what is left to look at. */
static bool copy_work(struct view *v)
{
	struct copy_view *c = copy(v);
	if (!copysearch_busy(&c->find) || !settle(c))
		return false;
	v->app->dirty = true;           /* the count, and the first matches */
	return copysearch_work(&c->find, &c->s, v->app);
}

void copy_view_answer(struct view *v, char mark, const char *text)
{
	struct copy_view *c = copy(v);
	if (settle(c))
		copysearch_answer(&c->find, &c->s, v->app, mark, text);
}

/* ---- keys ---------------------------------------------------------------------------------------------------------------------------- */

static void select_as(struct copy_view *c, enum selection kind)
{
	if (!c->s.selection)
		c->s.anchor = c->s.at;
	c->s.selection = kind;
}

static void yank(struct copy_view *c)
{
	struct app *a = c->base.app;
	struct text out = { 0 };
	if (!copy_take(&c->s, &out))
		app_message(a, "nothing is selected");
	else
		clipboard_set(a, out.s ? out.s : "", out.len);
	text_free(&out);
	app_popup(a, NULL);
}

static void move_top(struct copy_view *c, int64_t by)
{
	uint64_t n = copy_lines(&c->s), i = copy_index(&c->s, c->top), page = (uint64_t)c->h;
	i = by < 0 ? (uint64_t)-by > i ? 0 : i - (uint64_t)-by : i + (uint64_t)by;
	if (i + page > n)
		i = n > page ? n - page : 0;
	c->top = copy_line_at(&c->s, i);
}

static void row_of_screen(struct copy_view *c, int row)
{
	uint64_t i = copy_index(&c->s, c->top) + (uint64_t)row, n = copy_lines(&c->s);
	if (n)
		c->s.at.line = copy_line_at(&c->s, i < n ? i : n - 1);
	c->s.want_col = 0;
	copy_settle(&c->s);
}

static void page(struct copy_view *c, int64_t by)
{
	move_top(c, by);
	copy_down(&c->s, by);
}

/* False: the view is gone. */
static bool run(struct copy_view *c, enum copy_action act)
{
	struct app *a = c->base.app;
	int64_t whole = c->h > 2 ? c->h - 2 : 1;
	switch (act) {
	case COPY_ROW_UP: move_top(c, -1); break;
	case COPY_ROW_DOWN: move_top(c, 1); break;
	case COPY_PAGE_UP: page(c, -whole); break;
	case COPY_PAGE_DOWN: page(c, whole); break;
	case COPY_HALF_UP: page(c, -(whole + 1) / 2); break;
	case COPY_HALF_DOWN: page(c, (whole + 1) / 2); break;
	case COPY_SCREEN_TOP: row_of_screen(c, 0); break;
	case COPY_SCREEN_MIDDLE: row_of_screen(c, c->h / 2); break;
	case COPY_SCREEN_BOTTOM: row_of_screen(c, c->h - 1); break;
	case COPY_BEGIN: c->s.anchor = c->s.at; c->s.selection = SELECT_TEXT; break;
	case COPY_LINES: select_as(c, SELECT_LINES); break;
	case COPY_BLOCK: select_as(c, c->s.selection == SELECT_BLOCK ? SELECT_TEXT : SELECT_BLOCK); break;
	case COPY_CLEAR:
		if (!c->s.selection && !c->find.looking && !c->s.filter) {
			app_popup(a, NULL);
			return false;
		}
		if (!c->s.selection && !c->find.looking)
			copysearch_answer(&c->find, &c->s, a, '&', "");
		c->s.selection = SELECT_NONE;
		break;
	case COPY_YANK: yank(c); return false;
	case COPY_YANK_END:
		c->s.anchor = c->s.at;
		c->s.selection = SELECT_TEXT;
		copy_move(&c->s, COPY_LINE_END);
		yank(c);
		return false;
	case COPY_SEARCH: app_ask(a, '/'); break;
	case COPY_SEARCH_BACK: app_ask(a, '?'); break;
	case COPY_FILTER: app_ask(a, '&'); break;
	case COPY_GOTO: app_ask(a, '#'); break;
	case COPY_AGAIN: case COPY_AGAIN_BACK: copysearch_again(&c->find, &c->s, a, act == COPY_AGAIN_BACK); break;
	case COPY_LEAVE: app_popup(a, NULL); return false;
	default: copy_move(&c->s, act); break;
	}
	return true;
}

static bool bound(const char *keys, const struct key *k)
{
	for (const char *s = keys; *s; ) {
		size_t len = strcspn(s, " ");
		struct key want;
		char word[32];
		snprintf(word, sizeof word, "%.*s", (int)len, s);
		if (key_parse(word, &want) && key_same(&want, k))
			return true;
		s += len;
		s += strspn(s, " ");
	}
	return false;
}

static void copy_key(struct view *v, const struct key *k)
{
	struct copy_view *c = copy(v);
	struct app *a = v->app;
	bool vi = a->copy_keys == COPY_VI;
	if (!settle(c)) {
		app_popup(a, NULL);
		return;
	}
	c->s.exclusive = !vi;
	copysearch_work(&c->find, &c->s, a);    /* a key that follows a new width at once finds the lines that were there */
	copysearch_key(&c->find, a);
	if (vi && !k->mods && k->sym >= (c->count ? '0' : '1') && k->sym <= '9') {
		c->count = c->count > 99999 ? c->count : c->count * 10 + (k->sym - '0');
		return;
	}
	unsigned times = c->count ? c->count : 1;
	c->count = 0;
	for (unsigned i = 0; i < COPY_COUNT; i++)
		if (bound(table[i].keys[a->copy_keys], k)) {
			if (i >= COPY_SEARCH || i == COPY_CLEAR || i == COPY_BLOCK)
				times = 1;
			while (times-- && run(c, (enum copy_action)i))
				;
			return;
		}
}

/* Look around as Ctrl-Up and the like do. */
static void copy_scroll(struct view *v, int dx, int dy)
{
	if (settle(copy(v)))
		copy_down(&copy(v)->s, dy == SCROLL_TOP ? INT32_MIN : dy == SCROLL_BOTTOM ? INT32_MAX : dy);
}

/* ---- the mouse ------------------------------------------------------------------------------------------------------------------------- */

static bool copy_place(struct view *v, int x, int y, struct docpos *out)
{
	struct copy_view *c = copy(v);
	uint64_t i = copy_index(&c->s, c->top) + (uint64_t)y, n = copy_lines(&c->s);
	x -= stamp_width(below(v)->stamps, c->w + stamp_width(below(v)->stamps, INT_MAX));
	if (n)
		*out = (struct docpos){ copy_line_at(&c->s, i < n ? i : n - 1), c->left + (unsigned)(x < 0 ? 0 : x) };
	return n > 0;
}

enum { PLACE_AT, PLACE_ANCHOR, PLACE_TOP, PLACES };

void copy_view_places(struct view *v, struct docplaces *out)
{
	struct copy_view *c = copy(v);
	*out = (struct docplaces){ .at = { [PLACE_AT] = c->s.at, [PLACE_ANCHOR] = c->s.anchor, [PLACE_TOP] = { c->top, 0 } }, .n = PLACES };
}

void copy_view_moved(struct view *v, const struct docplaces *p)
{
	struct copy_view *c = copy(v);
	c->s.at = p->at[PLACE_AT];
	c->s.want_col = c->s.at.col;
	c->s.anchor = p->at[PLACE_ANCHOR];
	c->top = p->at[PLACE_TOP].line;
	c->left = 0;
	copysearch_moved(&c->find, &c->s);
}

void copy_view_show(struct view *v, struct docpos top)
{
	struct copy_view *c = copy(v);
	c->top = top.line;
	c->left = top.col;
}

void copy_view_select(struct view *v, struct docpos at, enum select_step step)
{
	struct copy_view *c = copy(v);
	if (!settle(c))
		return;
	c->s.exclusive = false;
	c->s.at = at;
	c->s.want_col = at.col;
	copy_settle(&c->s);
	if (step == SELECT_BEGIN)
		c->s.anchor = c->s.at;
	else if (!c->s.selection && (c->s.at.line != c->s.anchor.line || c->s.at.col != c->s.anchor.col))
		c->s.selection = SELECT_TEXT;
	if (step == SELECT_END && c->s.selection)
		yank(c);
}

/* ---- drawing --------------------------------------------------------------------------------------------------------------------------- */

static void place_window(struct copy_view *c, struct rect r)
{
	uint64_t n = copy_lines(&c->s), top = copy_index(&c->s, c->top), at = copy_index(&c->s, c->s.at.line), h = (uint64_t)r.h;
	if (at < top)
		top = at;
	if (at >= top + h)
		top = at - h + 1;
	if (top + h > n)
		top = n > h ? n - h : 0;
	c->top = copy_line_at(&c->s, top);
	if (c->s.at.col < c->left)
		c->left = c->s.at.col;
	if (c->s.at.col >= c->left + (unsigned)r.w)
		c->left = c->s.at.col - (unsigned)r.w + 1;
	c->w = r.w;
	c->h = r.h;
}

static void draw_line(struct copy_view *c, struct grid *g, struct rect r, int y, uint64_t line)
{
	const struct theme *t = &c->base.app->theme;
	bool ours = below(&c->base)->ops->text;  /* a VGA line has its colours */
	const struct match *m = NULL;
	struct cell cells[DOCUMENT_CELLS];
	unsigned n = c->left + (unsigned)r.w < DOCUMENT_CELLS ? c->left + (unsigned)r.w : DOCUMENT_CELLS;
	const struct search *found = c->find.search;
	size_t matches = found ? search_matches(found, &m) : 0, i = found ? search_at(found, line, 0) : 0;
	document_line(&c->s.doc, line, cells, n);
	for (unsigned x = c->left; x < n; ) {
		struct cell *cell = &cells[x];
		struct style style = ours || cell->style.bg == COLOUR_DEFAULT ? theme_style(t, cell->style) : cell->style;
		while (i < matches && m[i].line == line && m[i].to <= x)
			i++;
		if (i < matches && m[i].line == line && m[i].from <= x)
			style = t->role[line == c->s.at.line && c->s.at.col >= m[i].from && c->s.at.col < m[i].to ? ROLE_MATCH_HERE : ROLE_MATCH];
		if (copy_selected(&c->s, line, x))
			style = t->role[ROLE_SELECTION];
		int at = r.x + (int)(x - c->left), took = grid_put(g, at, y, r.x + r.w, cell->ch == GRID_WIDE_TAIL ? ' ' : cell->ch, style);
		for (int k = 0; took && k < CELL_COMBINING && cell->comb[k]; k++)
			grid_put(g, at + 1, y, r.x + r.w, cell->comb[k], style);
		x += took ? (unsigned)took : 1;
	}
}

static void copy_draw(struct view *v, struct grid *g, struct rect r, bool focused)
{
	struct copy_view *c = copy(v);
	grid_fill(g, r, v->app->theme.role[ROLE_TEXT]);
	if (!settle(c))
		return;
	copysearch_follow(&c->find, &c->s);
	const struct view *shown = below(v);
	int column = stamp_width(shown->stamps, r.w);
	r.x += column;
	r.w -= column;
	copy_settle(&c->s);
	place_window(c, r);
	uint64_t n = copy_lines(&c->s), top = copy_index(&c->s, c->top);
	for (int y = 0; y < r.h && top + (uint64_t)y < n; y++) {
		uint64_t line = copy_line_at(&c->s, top + (uint64_t)y);
		view_stamp(shown, g, (struct rect){ r.x - column, r.y, r.w + column, r.h }, y, line);
		draw_line(c, g, r, r.y + y, line);
	}
	g->cursor_on = focused && n;
	g->cursor_x = r.x + (int)(c->s.at.col - c->left);
	g->cursor_y = r.y + (int)(copy_index(&c->s, c->s.at.line) - top);
	g->cursor_shape = CURSOR_BLOCK;
	g->cursor_blinks = false;
}

/* The line and the match, if there is one; with less room that alone, then without words. */
static void copy_title(struct view *v, char *buf, size_t size, int width)
{
	struct copy_view *c = copy(v);
	unsigned long long n = copy_lines(&c->s), at = n ? copy_index(&c->s, c->s.at.line) + 1 : 0;
	char all[200], match[80], brief[80];
	const char *const forms[] = { all, match, brief };
	size_t len = (size_t)snprintf(all, sizeof all, "%s %llu of %llu", c->s.filter ? "filter" : "line", at, n);
	copysearch_title(&c->find, &c->s, false, match, sizeof match);
	copysearch_title(&c->find, &c->s, true, brief, sizeof brief);
	if (match[0]) {
		snprintf(all + len, sizeof all - len, ", %s", match);
	} else {
		snprintf(match, sizeof match, "%.79s", all);
		snprintf(brief, sizeof brief, "%llu/%llu", at, n);
	}
	buf[0] = 0;
	for (unsigned i = 0; i < 3 && !buf[0]; i++)
		if ((int)strlen(forms[i]) <= width)
			snprintf(buf, size, "%s", forms[i]);
}

static void copy_destroy(struct view *v)
{
	copysearch_free(&copy(v)->find, &copy(v)->s);
	free(v);
}

static const struct view_ops copy_ops = {
	.kind = "copy", .draw = copy_draw, .key = copy_key, .scroll = copy_scroll, .work = copy_work, .title = copy_title, .place = copy_place, .destroy = copy_destroy,
};

bool view_is_copy(const struct view *v)
{
	return v && v->ops == &copy_ops;
}

struct view *copy_view_new(struct app *app, unsigned console)
{
	struct copy_view *c = calloc(1, sizeof *c);
	if (!c)
		abort();
	c->base = (struct view){ .ops = &copy_ops, .app = app, .console = console };
	snprintf(c->base.label, sizeof c->base.label, "copy mode");
	c->h = app_area(app).h;
	if (!settle(c)) {
		free(c);
		return NULL;
	}
	struct view *v = below(&c->base);
	size_t back = v->ops->scrolled ? v->ops->scrolled(v) : 0;
	c->s.at.line = c->top = c->s.doc.end;
	copy_settle(&c->s);
	copy_down(&c->s, -(int64_t)back);
	if (v->ops->scrolled)
		v->ops->scroll(v, 0, SCROLL_BOTTOM);
	return &c->base;
}

void copy_help(struct text *out, unsigned keys)
{
	for (unsigned i = 0; i < COPY_COUNT; i++)
		if (table[i].keys[keys][0])
			text_printf(out, "  %-18s %s\n", table[i].keys[keys], table[i].help);
}
