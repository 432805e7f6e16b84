/* pager.c - a page of text on top of the panes: help, answers of the monitor. */
#include "tui/app.h"
#include "tui/actions.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pager {
	struct view base;
	char *text;
	char **line;
	int lines, widest, top, left, height;
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

static void pager_draw(struct view *v, struct grid *g, struct rect area, bool focused)
{
	struct pager *p = pager(v);
	const struct theme *t = &v->app->theme;
	struct rect r = popup_rect(area, p->widest + 4, p->lines + 2);
	char title[100];
	p->height = r.h - 2;
	if (p->top > p->lines - p->height)
		p->top = p->lines - p->height;
	if (p->top < 0)
		p->top = 0;
	if (p->lines > p->height)
		snprintf(title, sizeof title, "%s %d-%d/%d", v->label, p->top + 1, p->top + p->height, p->lines);
	else
		snprintf(title, sizeof title, "%s", v->label);
	grid_box(g, r, t->role[ROLE_POPUP], title, t->role[ROLE_POPUP_TITLE]);
	for (int y = 0; y < p->height && p->top + y < p->lines; y++) {
		const char *s = p->line[p->top + y], *end = s + strlen(s);
		for (int skip = 0; skip < p->left && s < end; skip++)
			utf8_next(&s, end);
		grid_text(g, r.x + 2, r.y + 1 + y, r.x + r.w - 1, t->role[ROLE_POPUP], s);
	}
}

static void pager_scroll(struct view *v, int dx, int dy)
{
	struct pager *p = pager(v);
	if (dy == SCROLL_TOP)
		p->top = 0;
	else if (dy == SCROLL_BOTTOM)
		p->top = p->lines;
	else
		p->top += dy;
	p->left += dx;
	if (p->left < 0)
		p->left = 0;
	if (p->left > p->widest)
		p->left = p->widest;
}

static void pager_key(struct view *v, const struct key *k)
{
	const struct binding *b = binding_find(v->app, MAP_SCROLL, k);
	if (k->sym == 'q' || !b || b->action == ACT_S_LEAVE) {
		app_popup(v->app, NULL);
		return;
	}
	int page = pager(v)->height > 1 ? pager(v)->height - 1 : 1;
	switch (b->action) {
	case ACT_S_UP: pager_scroll(v, 0, -1); break;
	case ACT_S_DOWN: pager_scroll(v, 0, 1); break;
	case ACT_S_LEFT: pager_scroll(v, -8, 0); break;
	case ACT_S_RIGHT: pager_scroll(v, 8, 0); break;
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
	free(p->line);
	free(p);
}

static const struct view_ops pager_ops = {
	.kind = "pager", .draw = pager_draw, .key = pager_key, .scroll = pager_scroll, .destroy = pager_destroy,
};

struct view *pager_view_new(struct app *app, const char *title, const char *text)
{
	struct pager *p = calloc(1, sizeof *p);
	int cap = 2;
	for (const char *s = text; *s; s++)
		cap += *s == '\n';
	if (!p || !(p->text = strdup(text)) || !(p->line = calloc((size_t)cap, sizeof *p->line)))
		abort();
	p->base = (struct view){ .ops = &pager_ops, .app = app };
	snprintf(p->base.label, sizeof p->base.label, "%s", title);
	for (char *s = p->text; *s; ) {
		char *end = strchrnul(s, '\n');
		bool last = !*end;
		*end = 0;
		if (end > s && end[-1] == '\r')
			end[-1] = 0;
		p->line[p->lines++] = s;
		int width = 0;
		for (const char *c = s, *e = s + strlen(s); c < e; )
			width += char_width(utf8_next(&c, e));
		if (width > p->widest)
			p->widest = width;
		s = last ? end : end + 1;
	}
	int title_width = (int)strlen(title) + 14;
	if (p->widest < title_width)
		p->widest = title_width;
	return &p->base;
}
