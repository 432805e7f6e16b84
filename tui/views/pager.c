/* pager.c - a page of text on top of the panes: help, answers of the monitor. */
#include "tui/app.h"
#include "tui/actions.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pager {
	struct view base;
	char *text;
	struct row { const char *s; int len, indent; } *row;    /* of the text, laid out for a width */
	int rows, cap, width, widest, top, height;
};

static struct pager *pager(struct view *v)
{
	return (struct pager *)v;
}

struct rect popup_rect(struct rect area, int cols, int rows)
{
	int w = cols < area.w ? cols : area.w, h = rows < area.h ? rows : area.h;
	return (struct rect){ area.x + (area.w - w) / 2, area.y + (area.h - h) / 2, w, h };
}

static void add_row(struct pager *p, const char *s, int len, int indent)
{
	if (p->rows == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 64;
		if (!(p->row = realloc(p->row, (size_t)p->cap * sizeof *p->row)))
			abort();
	}
	p->row[p->rows++] = (struct row){ s, len, indent };
}

/* The columns of n bytes. */
static int columns(const char *s, int n)
{
	int w = 0;
	for (const char *end = s + n; s < end; )
		w += char_width(utf8_next(&s, end));
	return w;
}

/* How far in a long line goes on: below its second column, when that begins in the left third, else below its first word. */
static int hanging(const char *s, int len, int width)
{
	int first = 0;
	while (first < len && s[first] == ' ')
		first++;
	for (int i = first; i + 2 < len && i + 2 < width / 3; i++)
		if (s[i] == ' ' && s[i + 1] == ' ' && s[i + 2] != ' ')
			return i + 2;
	return first < width / 3 ? first : 0;
}

/* A line of the text as rows, cut between words where there are some. */
static void lay_line(struct pager *p, const char *s, int len, int width)
{
	int indent = 0, hang = hanging(s, len, width);
	do {
		int fits = 0, blank = 0, wide = indent;
		for (const char *c = s, *end = s + len; c < end; fits = (int)(c - s)) {
			const char *from = c;
			uint32_t ch = utf8_next(&c, end);
			if ((wide += char_width(ch)) > width)
				break;
			if (ch == ' ' && from > s)
				blank = (int)(from - s);
		}
		if (fits < len && s[fits] != ' ' && blank > hang / 2)
			fits = blank;
		if (!fits && len)
			fits = 1;
		add_row(p, s, fits, indent);
		for (s += fits, len -= fits; len && *s == ' '; s++, len--)
			;
		indent = hang;
	} while (len);
}

static void lay_out(struct pager *p, int width)
{
	p->rows = 0;
	p->width = width;
	for (const char *s = p->text; *s; ) {
		const char *end = strchrnul(s, '\n');
		lay_line(p, s, (int)(end - s) - (end > s && end[-1] == '\r'), width);
		s = *end ? end + 1 : end;
	}
}

/* Where the page is, and how much of it shows. */
static struct rect place(struct pager *p, struct rect area)
{
	int width = popup_rect(area, p->widest + 4, 1).w - 4;
	if (width != p->width)
		lay_out(p, width);
	struct rect r = popup_rect(area, p->widest + 4, p->rows + 2);
	p->height = r.h - 2;
	if (p->top > p->rows - p->height)
		p->top = p->rows - p->height;
	if (p->top < 0)
		p->top = 0;
	return r;
}

static void pager_draw(struct view *v, struct grid *g, struct rect area, bool focused)
{
	struct pager *p = pager(v);
	const struct theme *t = &v->app->theme;
	struct rect r = place(p, area);
	char shown[40] = "";
	if (p->rows > p->height)
		snprintf(shown, sizeof shown, "%d-%d/%d", p->top + 1, p->top + p->height, p->rows);
	grid_box(g, r, t->role[ROLE_POPUP], v->label, shown, t->role[ROLE_POPUP_TITLE]);
	for (int y = 0; y < p->height && p->top + y < p->rows; y++) {
		const struct row *row = &p->row[p->top + y];
		grid_printf(g, r.x + 2 + row->indent, r.y + 1 + y, r.x + r.w - 1, t->role[ROLE_POPUP], "%.*s", row->len, row->s);
	}
}

static void pager_scroll(struct view *v, int dx, int dy)
{
	struct pager *p = pager(v);
	if (dy == SCROLL_TOP)
		p->top = 0;
	else if (dy == SCROLL_BOTTOM)
		p->top = p->rows;
	else
		p->top += dy;
}

static void pager_key(struct view *v, const struct key *k)
{
	const struct binding *b = binding_find(v->app, MAP_SCROLL, k);
	if (k->sym == 'q' || !b || b->action == ACT_S_LEAVE) {
		app_popup(v->app, NULL);
		return;
	}
	place(pager(v), app_area(v->app));      /* it may not have been drawn yet */
	int page = pager(v)->height > 1 ? pager(v)->height - 1 : 1;
	switch (b->action) {
	case ACT_S_UP: pager_scroll(v, 0, -1); break;
	case ACT_S_DOWN: pager_scroll(v, 0, 1); break;
	case ACT_S_PAGE_UP: pager_scroll(v, 0, -page); break;
	case ACT_S_PAGE_DOWN: pager_scroll(v, 0, page); break;
	case ACT_S_TOP: pager_scroll(v, 0, SCROLL_TOP); break;
	case ACT_S_BOTTOM: pager_scroll(v, 0, SCROLL_BOTTOM); break;
	default: break;
	}
}

static void pager_destroy(struct view *v)
{
	struct pager *p = pager(v);
	free(p->text);
	free(p->row);
	free(p);
}

static const struct view_ops pager_ops = {
	.kind = "pager", .draw = pager_draw, .key = pager_key, .scroll = pager_scroll, .destroy = pager_destroy,
};

struct view *pager_view_new(struct app *app, const char *title, const char *text)
{
	struct pager *p = calloc(1, sizeof *p);
	if (!p || !(p->text = strdup(text)))
		abort();
	p->base = (struct view){ .ops = &pager_ops, .app = app };
	snprintf(p->base.label, sizeof p->base.label, "%s", title);
	for (const char *s = p->text, *end; *s; s = *end ? end + 1 : end) {
		end = strchrnul(s, '\n');
		int width = columns(s, (int)(end - s));
		p->widest = width > p->widest ? width : p->widest;
	}
	int title_width = (int)strlen(title) + 14;
	if (p->widest < title_width)
		p->widest = title_width;
	return &p->base;
}
