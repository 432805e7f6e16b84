/* palette.c - the palette: every action by name, help and keys, found by a few letters. */
#include "tui/app.h"
#include "tui/actions.h"
#include "tui/fuzzy.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PALETTE_ITEMS = 160, TYPED_MAX = 60, HELP_COL = 24, HELP_ROWS = 2, LOW = 10, FRAME_COLS = 4 };

struct item { enum action_id action; int arg, score; char name[40], help[100], keys[40]; };
struct palette {
	struct view base;
	struct item item[PALETTE_ITEMS];
	unsigned n, fits;               /* the first `fits` items are those that fit what was typed, the best first */
	char typed[TYPED_MAX * 4 + 1];
	int at, top, height, widest;
};

static struct palette *palette(struct view *v)
{
	return (struct palette *)v;
}

static int better(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	if (x->action != y->action)
		return x->action < y->action ? -1 : 1;
	return x->arg - y->arg;
}

/* What the name says counts twice what the help says. */
static void filter(struct palette *p)
{
	p->fits = 0;
	for (unsigned i = 0; i < p->n; i++) {
		struct item *it = &p->item[i];
		char both[160];
		int name = fuzzy_score(p->typed, it->name);
		snprintf(both, sizeof both, "%s %s", it->name, it->help);
		int all = fuzzy_score(p->typed, both);
		it->score = name >= 0 ? 2 * name + 1 : all;
		p->fits += it->score >= 0;
	}
	qsort(p->item, p->n, sizeof *p->item, better);
	p->at = p->top = 0;
}

/* Name, help, and at the right end the key; a narrow terminal has room for the name only. */
static void draw_item(const struct item *it, struct grid *g, int x, int y, int limit, struct style s)
{
	int name_end = grid_fit(g, x, y, limit, s, it->name), from = limit - (int)strlen(it->keys) - 1;
	if (from > x + HELP_COL)
		grid_fit(g, x + HELP_COL, y, from - 1, s, it->help);
	if (from > name_end)
		grid_text(g, from, y, limit, s, it->keys);
}

static void palette_draw(struct view *v, struct grid *g, struct rect area, bool focused)
{
	struct palette *p = palette(v);
	const struct theme *t = &v->app->theme;
	bool cut = p->widest + FRAME_COLS > area.w && area.h >= LOW;    /* then the whole help of the chosen one stands at the end */
	struct rect r = popup_rect(area, p->widest + FRAME_COLS, (int)p->n + 3 + (cut ? HELP_ROWS : 0));
	int x = r.x + 2, limit = r.x + r.w - 1;
	p->height = r.h - 3 - (cut ? HELP_ROWS : 0);
	if (p->at < p->top)
		p->top = p->at;
	if (p->at >= p->top + p->height)
		p->top = p->at - p->height + 1;
	grid_box(g, r, t->role[ROLE_POPUP], v->label, "", t->role[ROLE_POPUP_TITLE]);
	int cursor = grid_printf(g, x, r.y + 1, limit, t->role[ROLE_POPUP_TITLE], "> %s", p->typed);
	for (int y = 0; y < p->height && p->top + y < (int)p->fits; y++) {
		struct style s = t->role[p->top + y == p->at ? ROLE_POPUP_SELECTED : ROLE_POPUP];
		grid_fill(g, (struct rect){ r.x + 1, r.y + 2 + y, r.w - 2, 1 }, s);
		draw_item(&p->item[p->top + y], g, x, r.y + 2 + y, limit, s);
	}
	if (cut && p->fits)
		grid_wrap(g, x, r.y + r.h - 1 - HELP_ROWS, limit - 1 - x, HELP_ROWS, t->role[ROLE_POPUP_TITLE], p->item[p->at].help);
	g->cursor_on = focused;
	g->cursor_x = cursor;
	g->cursor_y = r.y + 1;
	g->cursor_shape = CURSOR_BAR;
	g->cursor_blinks = true;
}

static void palette_scroll(struct view *v, int dx, int dy)
{
	struct palette *p = palette(v);
	long at = dy == SCROLL_TOP ? 0 : dy == SCROLL_BOTTOM ? (long)p->fits - 1 : (long)p->at + dy;
	p->at = at < 0 || !p->fits ? 0 : at >= (long)p->fits ? (int)p->fits - 1 : (int)at;
}

static void erase(struct palette *p)
{
	size_t n = strlen(p->typed);
	while (n && ((unsigned char)p->typed[n - 1] & 0xc0) == 0x80)
		n--;
	p->typed[n ? n - 1 : 0] = 0;
	filter(p);
}

static void run_chosen(struct palette *p)
{
	struct app *a = p->base.app;
	struct item it = p->item[p->at];
	bool any = p->fits > 0;
	app_popup(a, NULL);
	if (any)
		action_run(a, it.action, it.arg);
}

static void palette_key(struct view *v, const struct key *k)
{
	struct palette *p = palette(v);
	bool ctrl = k->mods & MOD_CTRL;
	size_t n = strlen(p->typed);
	if (k->sym == K_UP || (ctrl && k->sym == 'p'))
		palette_scroll(v, 0, -1);
	else if (k->sym == K_DOWN || k->sym == K_TAB || (ctrl && k->sym == 'n'))
		palette_scroll(v, 0, 1);
	else if (k->sym == K_PAGE_UP || k->sym == K_PAGE_DOWN)
		palette_scroll(v, 0, k->sym == K_PAGE_UP ? -p->height : p->height);
	else if (k->sym == K_ENTER || k->sym == K_KP_ENTER)
		run_chosen(p);
	else if (k->sym == K_ESC || (ctrl && (k->sym == 'c' || k->sym == 'g')))
		app_popup(v->app, NULL);
	else if (k->sym == K_BACKSPACE || (ctrl && k->sym == 'h'))
		erase(p);
	else if (ctrl && k->sym == 'u')
		p->typed[0] = 0, filter(p);
	else if (k->sym >= 0x20 && k->sym < K_ESC && !(k->mods & (MOD_CTRL | MOD_ALT)) && n + 5 < sizeof p->typed) {
		p->typed[n + (size_t)utf8_put(k->sym, p->typed + n)] = 0;
		filter(p);
	}
}

static void palette_destroy(struct view *v)
{
	free(v);
}

static const struct view_ops palette_ops = {
	.kind = "palette", .draw = palette_draw, .key = palette_key, .scroll = palette_scroll, .destroy = palette_destroy,
};

struct view *palette_view_new(struct app *a)
{
	struct palette *p = calloc(1, sizeof *p);
	if (!p)
		abort();
	p->base = (struct view){ .ops = &palette_ops, .app = a };
	snprintf(p->base.label, sizeof p->base.label, "Palette");
	for (unsigned id = 0; id < ACT_COUNT; id++)
		for (int arg = 1; p->n < PALETTE_ITEMS; arg++) {
			struct item *it = &p->item[p->n];
			it->action = (enum action_id)id;
			it->arg = arg;
			if (!action_describe(a, it->action, arg, it->name, sizeof it->name, it->help, sizeof it->help, it->keys, sizeof it->keys))
				break;
			int width = HELP_COL + text_width(it->help) + 2 + (int)strlen(it->keys);
			p->widest = width > p->widest ? width : p->widest;
			p->n++;
		}
	filter(p);
	return &p->base;
}
