/* menu.c - a list to choose from: arrows, the first letter, or a number; Enter picks. */
#include "tui/app.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct menu {
	struct view base;
	char *text;
	char **item;
	int items, widest, at, top, height;
	void (*pick)(struct app *app, unsigned item);
	void (*list)(struct app *app, struct text *out);        /* what is to be chosen from now; NULL: always the same */
};

static struct menu *menu(struct view *v)
{
	return (struct menu *)v;
}

/* items: a line each. */
static void set_items(struct menu *m, const char *items)
{
	size_t cap = 1;
	for (const char *s = items; *s; s++)
		cap += *s == '\n';
	free(m->text);
	free(m->item);
	if (!(m->text = strdup(items)) || !(m->item = calloc(cap, sizeof *m->item)))
		abort();
	m->items = 0;
	m->widest = text_width(m->base.label) + 10;
	for (char *s = m->text; *s; ) {
		char *end = strchrnul(s, '\n'), *next = *end ? end + 1 : end;
		*end = 0;
		m->item[m->items++] = s;
		if (text_width(s) > m->widest)
			m->widest = text_width(s);
		s = next;
	}
	if (m->at >= m->items)
		m->at = m->items ? m->items - 1 : 0;
}

static void refresh(struct menu *m)
{
	struct text now = { 0 };
	if (!m->list)
		return;
	m->list(m->base.app, &now);
	set_items(m, now.s ? now.s : "");
	text_free(&now);
}

static void menu_draw(struct view *v, struct grid *g, struct rect area, bool focused)
{
	struct menu *m = menu(v);
	const struct theme *t = &v->app->theme;
	struct rect r;
	char place[40] = "";
	refresh(m);
	r = popup_rect(area, m->widest + 4, m->items + 2);
	m->height = r.h - 2;
	if (m->at < m->top)
		m->top = m->at;
	if (m->at >= m->top + m->height)
		m->top = m->at - m->height + 1;
	if (m->items > m->height)
		snprintf(place, sizeof place, "%d/%d", m->at + 1, m->items);
	grid_box(g, r, t->role[ROLE_POPUP], v->label, place, t->role[ROLE_POPUP_TITLE]);
	for (int y = 0; y < m->height && m->top + y < m->items; y++) {
		bool selected = m->top + y == m->at;
		struct style s = t->role[selected ? ROLE_POPUP_SELECTED : ROLE_POPUP];
		if (selected)
			grid_fill(g, (struct rect){ r.x + 1, r.y + 1 + y, r.w - 2, 1 }, s);
		grid_fit(g, r.x + 2, r.y + 1 + y, r.x + r.w - 1, s, m->item[m->top + y]);
		if (selected && focused) {      /* the real cursor goes where the eye should: braille lines and screen readers follow it */
			g->cursor_on = true;
			g->cursor_x = r.x + 2;
			g->cursor_y = r.y + 1 + y;
			g->cursor_shape = CURSOR_BLOCK;
			g->cursor_blinks = false;
		}
	}
}

static void menu_scroll(struct view *v, int dx, int dy)
{
	struct menu *m = menu(v);
	long at = dy == SCROLL_TOP ? 0 : dy == SCROLL_BOTTOM ? m->items - 1 : (long)m->at + dy;
	at = at >= m->items ? m->items - 1 : at;
	m->at = at < 0 ? 0 : (int)at;
}

/* The next item that starts with this character. */
static void jump(struct menu *m, uint32_t ch)
{
	for (int i = 1; i <= m->items; i++) {
		int n = (m->at + i) % m->items;
		if (ch < 0x80 && tolower((unsigned char)m->item[n][0]) == tolower((int)ch)) {
			m->at = n;
			return;
		}
	}
}

static void menu_key(struct view *v, const struct key *k)
{
	struct menu *m = menu(v);
	struct app *a = v->app;
	void (*pick)(struct app *app, unsigned item) = m->pick;
	unsigned chosen = (unsigned)m->at;
	switch (k->sym) {
	case K_UP: menu_scroll(v, 0, -1); return;
	case K_DOWN: menu_scroll(v, 0, 1); return;
	case K_PAGE_UP: menu_scroll(v, 0, -m->height); return;
	case K_PAGE_DOWN: menu_scroll(v, 0, m->height); return;
	case K_HOME: menu_scroll(v, 0, SCROLL_TOP); return;
	case K_END: menu_scroll(v, 0, SCROLL_BOTTOM); return;
	case K_ENTER: case K_KP_ENTER: {
		bool any = m->items > 0;
		app_popup(a, NULL);
		if (any)
			pick(a, chosen);
		return;
	}
	case K_ESC: case 'q':
		app_popup(a, NULL);
		return;
	default:
		if (k->mods & MOD_CTRL && (k->sym == 'c' || k->sym == 'g'))
			app_popup(a, NULL);
		else if (k->mods & MOD_CTRL && (k->sym == 'n' || k->sym == 'p'))
			menu_scroll(v, 0, k->sym == 'n' ? 1 : -1);
		else if (k->sym < K_ESC && m->items)
			jump(m, k->sym);
		return;
	}
}

static void menu_click(struct view *v, struct rect area, int x, int y)
{
	struct menu *m = menu(v);
	struct app *a = v->app;
	struct rect r = popup_rect(area, m->widest + 4, m->items + 2);
	void (*pick)(struct app *app, unsigned item) = m->pick;
	int item = m->top + y - r.y - 1;
	bool inside = x > r.x && x < r.x + r.w - 1 && y > r.y && y < r.y + r.h - 1 && item < m->items;
	app_popup(a, NULL);             /* a click beside it closes it */
	if (inside)
		pick(a, (unsigned)item);
}

static void menu_destroy(struct view *v)
{
	free(menu(v)->text);
	free(menu(v)->item);
	free(v);
}

static const struct view_ops menu_ops = { .kind = "menu", .draw = menu_draw, .key = menu_key, .scroll = menu_scroll, .click = menu_click, .destroy = menu_destroy };

static struct menu *new_menu(struct app *app, const char *title, unsigned selected, void (*pick)(struct app *app, unsigned item))
{
	struct menu *m = calloc(1, sizeof *m);
	if (!m)
		abort();
	m->base = (struct view){ .ops = &menu_ops, .app = app };
	snprintf(m->base.label, sizeof m->base.label, "%s", title);
	m->at = (int)selected;
	m->pick = pick;
	return m;
}

struct view *menu_view_new(struct app *app, const char *title, const char *items, unsigned selected, void (*pick)(struct app *app, unsigned item))
{
	struct menu *m = new_menu(app, title, selected, pick);
	set_items(m, items);
	return &m->base;
}

struct view *menu_view_live(struct app *app, const char *title, void (*list)(struct app *app, struct text *out), unsigned selected,
	void (*pick)(struct app *app, unsigned item))
{
	struct menu *m = new_menu(app, title, selected, pick);
	m->list = list;
	refresh(m);
	return &m->base;
}
