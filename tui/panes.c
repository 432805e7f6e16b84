/* panes.c - see panes.h. */
#include "tui/panes.h"
#include "tui/app.h"
#include "tui/config.h"
#include "tui/datafile.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SAVED = 40, RESIZE_COLS = 4, RESIZE_ROWS = 1 };

bool panes_visible(const struct app *a, unsigned console)
{
	return a->tiled ? layout_find(&a->layout, console) >= 0 : console == a->focus;
}

bool pane_is_named(const struct view *v, const char *name)
{
	char number[16];
	snprintf(number, sizeof number, "%u", v->console + 1);
	return !strcmp(name, v->label) || !strcmp(name, number) || (v->is_monitor && !strcmp(name, "monitor"));
}

/* Where a view draws: below its title, when there are several. */
static struct rect inner(const struct app *a, int pane)
{
	struct rect r = a->layout.node[pane].r;
	if (a->tiled) {
		r.y++;
		r.h--;
	}
	return r;
}

int pane_at(const struct app *a, int x, int y, struct rect *r)
{
	for (int i = 0; i < LAYOUT_NODES; i++) {
		const struct node *n = &a->layout.node[i];
		if (n->kind != NODE_PANE || (!a->tiled && i != a->layout.focus) || x < n->r.x || y < n->r.y || x >= n->r.x + n->r.w || y >= n->r.y + n->r.h)
			continue;
		*r = inner(a, i);
		return i;
	}
	return -1;
}

bool pane_rect(const struct app *a, unsigned console, struct rect *r)
{
	int pane = panes_visible(a, console) ? layout_find(&a->layout, console) : -1;
	if (pane >= 0)
		*r = inner(a, pane);
	return pane >= 0;
}

void app_layout(struct app *a)
{
	struct rect all = app_area(a);
	a->tiled = layout_place(&a->layout, all) && layout_panes(&a->layout) > 1;
	a->focus = a->layout.node[a->layout.focus].console;
	for (unsigned i = 0; i < a->n_views; i++) {
		struct view *v = a->views[i];
		struct rect r = panes_visible(a, i) ? inner(a, layout_find(&a->layout, i)) : all;
		if (v->ops->resize)
			v->ops->resize(v, r.w, r.h);
		if (panes_visible(a, i))
			v->activity = false;
	}
	a->dirty = true;
}

void panes_sync(struct app *a)
{
	struct layout *l = &a->layout;
	for (int i = 0; i < LAYOUT_NODES; i++) {
		if (l->node[i].kind != NODE_PANE || l->node[i].console < a->n_views)
			continue;
		int focus = l->focus;
		l->focus = i;
		if (!layout_close(l))
			layout_init(l, 0);
		else if (l->node[focus].kind == NODE_PANE && focus != i)
			l->focus = focus;
		i = -1;
		if (!a->n_views)
			break;
	}
	app_layout(a);
}

void app_select(struct app *a, unsigned console)
{
	struct layout *l = &a->layout;
	if (console >= a->n_views) {
		app_message(a, "there is no console %u", console + 1);
		return;
	}
	int shown = layout_find(l, console);
	if (shown >= 0)
		l->focus = shown;
	else
		l->node[l->focus].console = console;
	a->mode = MODE_DIRECT;
	app_layout(a);
	app_popup(a, NULL);
}

/* ---- drawing ---------------------------------------------------------------------------------------------------------------------- */

static void draw_title(struct app *a, int pane)
{
	const struct node *n = &a->layout.node[pane];
	const struct view *v = a->views[n->console];
	bool focused = pane == a->layout.focus;
	char title[64] = "";
	struct style s = a->theme.role[focused ? ROLE_STATUS_FOCUS : ROLE_STATUS];
	grid_fill(&a->grid, (struct rect){ n->r.x, n->r.y, n->r.w, 1 }, s);
	int x = grid_printf(&a->grid, n->r.x, n->r.y, n->r.x + n->r.w, s, "%c%u:%s", focused ? '>' : ' ', n->console + 1, v->is_monitor ? "monitor" : v->label);
	if (v->ops->title && !focused)
		v->ops->title((struct view *)v, title, sizeof title, n->r.x + n->r.w - x - 2);
	grid_printf(&a->grid, x, n->r.y, n->r.x + n->r.w, s, "%s%s", title[0] ? "  " : "", title[0] ? title : "");
}

void panes_draw(struct app *a)
{
	bool typed = !a->popup && !a->prompt.active;
	for (int i = 0; i < LAYOUT_NODES; i++) {
		const struct node *n = &a->layout.node[i];
		if (a->tiled && n->kind == NODE_BESIDE) {
			const struct rect *left = &a->layout.node[n->child[0]].r;
			for (int y = n->r.y; y < n->r.y + n->r.h; y++)
				grid_put(&a->grid, left->x + left->w, y, a->cols, a->grid.ascii ? '|' : 0x2502, a->theme.role[ROLE_TEXT]);
		}
		if (n->kind != NODE_PANE || n->console >= a->n_views || (!a->tiled && i != a->layout.focus))
			continue;
		struct view *v = a->views[n->console];
		if (a->tiled)
			draw_title(a, i);
		v->ops->draw(v, &a->grid, inner(a, i), typed && i == a->layout.focus);
	}
}

/* ---- actions ---------------------------------------------------------------------------------------------------------------------- */

/* The next console after the focused one that no pane shows, -1 = none. */
static int hidden_console(const struct app *a)
{
	for (unsigned i = 1; i <= a->n_views; i++) {
		unsigned c = (a->focus + i) % a->n_views;
		if (layout_find(&a->layout, c) < 0)
			return (int)c;
	}
	return -1;
}

void panes_split(struct app *a, enum node_kind kind)
{
	int console = hidden_console(a);
	a->layout.zoomed = false;
	app_layout(a);
	if (console < 0)
		app_message(a, "every console has its pane already");
	else if (!layout_split(&a->layout, kind, (unsigned)console))
		app_message(a, "this pane is too small to be divided");
	app_layout(a);
}

void panes_close(struct app *a)
{
	if (!layout_close(&a->layout))
		app_message(a, "this is the only pane");
	app_layout(a);
}

/* No other pane is there, or has room: said. */
static bool is_alone(struct app *a)
{
	if (layout_panes(&a->layout) < 2)
		app_message(a, "there is one pane only");
	else if (!a->tiled && !a->layout.zoomed)
		app_message(a, "this terminal has room for one pane only");
	else
		return false;
	return true;
}

static void unzoom(struct app *a)
{
	if (a->layout.zoomed) {
		a->layout.zoomed = false;
		app_layout(a);
	}
}

void panes_move(struct app *a, enum direction dir)
{
	static const char *const where[] = { [DIR_UP] = "above", [DIR_DOWN] = "below", [DIR_LEFT] = "on the left", [DIR_RIGHT] = "on the right" };
	unzoom(a);
	if (is_alone(a))
		return;
	if (!layout_move(&a->layout, dir))
		app_message(a, "there is no pane %s", where[dir]);
	app_layout(a);
}

void panes_resize(struct app *a, enum direction dir)
{
	unzoom(a);
	if (is_alone(a))
		return;
	if (!layout_resize(&a->layout, dir, dir == DIR_LEFT || dir == DIR_RIGHT ? RESIZE_COLS : RESIZE_ROWS))
		app_message(a, "no edge of this pane moves that way");
	app_layout(a);
}

void panes_zoom(struct app *a)
{
	if (is_alone(a))
		return;
	a->layout.zoomed = !a->layout.zoomed;
	app_layout(a);
}

void panes_even(struct app *a)
{
	if (is_alone(a))
		return;
	layout_even(&a->layout);
	app_layout(a);
}

/* ---- saved layouts ---------------------------------------------------------------------------------------------------------------- */

struct saved { char name[32], spec[LAYOUT_TEXT]; };

static unsigned presets(const struct app *a, struct saved *s)
{
	unsigned f = a->focus + 1, o = a->n_views > 1 ? (a->focus + 1) % a->n_views + 1 : 0, n = 0;
	s[n] = (struct saved){ .name = "single" };
	snprintf(s[n++].spec, LAYOUT_TEXT, "%u", f);
	if (o) {
		s[n] = (struct saved){ .name = "above" };
		snprintf(s[n++].spec, LAYOUT_TEXT, "v500(%u,%u)", f, o);
		s[n] = (struct saved){ .name = "beside" };
		snprintf(s[n++].spec, LAYOUT_TEXT, "h500(%u,%u)", f, o);
	}
	if (a->n_views >= 3)
		s[n++] = (struct saved){ .name = "three", .spec = "v500(1,h500(2,3))" };
	if (a->n_views >= 4)
		s[n++] = (struct saved){ .name = "four", .spec = "v500(h500(1,2),h500(3,4))" };
	return n;
}

/* Presets, then what the file has.  False: the file is wrong. */
static bool all_layouts(const struct app *a, struct saved *s, unsigned *n, struct error *err)
{
	struct datafile d;
	char path[1024];
	bool failed = false;
	*n = presets(a, s);
	if (!config_path("layouts", path, sizeof path, false) || access(path, R_OK))
		return true;
	if (!datafile_open(&d, path, err))
		return false;
	while (*n < MAX_SAVED && datafile_next(&d, &failed, err)) {
		if (d.words != 2 || strlen(d.word[0]) >= sizeof s->name || strlen(d.word[1]) >= sizeof s->spec) {
			failed = !datafile_error(&d, err, "a layout is a name and how the screen is divided: NAME v500(1,2)");
			break;
		}
		snprintf(s[*n].name, sizeof s->name, "%s", d.word[0]);
		snprintf(s[(*n)++].spec, sizeof s->spec, "%s", d.word[1]);
	}
	datafile_close(&d);
	return !failed;
}

void panes_load(struct app *a, const char *name)
{
	struct saved s[MAX_SAVED];
	struct layout l;
	struct error err;
	unsigned n;
	if (!all_layouts(a, s, &n, &err)) {
		app_error(a, "%s", err.msg);
		return;
	}
	for (unsigned i = n; i-- > 0; )                 /* saved ones go before presets of the same name */
		if (!strcmp(s[i].name, name)) {
			name = s[i].spec;
			break;
		}
	if (!layout_parse(&l, name, &err)) {
		app_error(a, "%s", err.msg);
		return;
	}
	a->layout = l;
	panes_sync(a);
}

static void pick_layout(struct app *a, unsigned item)
{
	struct saved s[MAX_SAVED];
	struct error err;
	unsigned n;
	if (all_layouts(a, s, &n, &err) && item < n)
		panes_load(a, s[item].spec);
	else
		app_message(a, "to save this layout: the command line (:), then save-layout NAME");
}

void panes_menu(struct app *a)
{
	struct saved s[MAX_SAVED];
	struct text t = { 0 };
	struct error err;
	unsigned n;
	if (!all_layouts(a, s, &n, &err)) {
		app_error(a, "%s", err.msg);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		text_printf(&t, "%-12s %s\n", s[i].name, s[i].spec);
	text_printf(&t, "(save this one)");
	app_popup(a, menu_view_new(a, "Layouts", t.s, 0, pick_layout));
	text_free(&t);
}

void panes_save(struct app *a, const char *name)
{
	struct saved s[MAX_SAVED];
	struct error err;
	struct text t = { 0 };
	char path[1024];
	unsigned n, fixed = presets(a, s);
	if (!*name || strlen(name) >= sizeof s->name || strpbrk(name, " \t\"'#")) {
		app_error(a, "save-layout: a name of up to %zu characters without blanks is wanted", sizeof s->name - 1);
		return;
	}
	if (!all_layouts(a, s, &n, &err) || n == MAX_SAVED) {
		app_error(a, "%s", n == MAX_SAVED ? "there are too many saved layouts" : err.msg);
		return;
	}
	FILE *f = config_path("layouts", path, sizeof path, true) ? fopen(path, "we") : NULL;
	if (!f) {
		app_error(a, "%s: %s", path, strerror(errno));
		return;
	}
	fprintf(f, "# Layouts of vmux, a line each: NAME, and how the screen is divided.\n");
	for (unsigned i = fixed; i < n; i++)
		if (strcmp(s[i].name, name))
			fprintf(f, "%s %s\n", s[i].name, s[i].spec);
	layout_text(&a->layout, &t);
	fprintf(f, "%s %s\n", name, t.s);
	text_free(&t);
	if (fclose(f))
		app_error(a, "%s: %s", path, strerror(errno));
	else
		app_message(a, "layout %s saved", name);
}
