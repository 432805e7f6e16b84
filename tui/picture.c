/* picture.c - see picture.h. */
#include "tui/picture.h"
#include "tui/app.h"
#include "tui/panes.h"
#include "tui/sixel.h"
#include <string.h>
#include <sys/ioctl.h>

enum { CELL_WIDTH = 8, CELL_HEIGHT = 16, DA1_SIXEL = 4, MOST_POINTS = 4096 };

/* The view that shows a picture now, and its characters' place; NULL: none, or something is on top of it. */
static struct view *find(struct app *a, struct rect *at)
{
	struct rect r;
	for (unsigned i = 0; i < a->n_views && !a->popup; i++) {
		struct view *v = a->views[i];
		const struct screen *s = v->ops->picture ? v->ops->picture(v) : NULL;
		if (!s || !pane_rect(a, i, &r))
			continue;
		*at = pixels_place(s, r);
		return v;
	}
	return NULL;
}

static void ask(struct client *c)
{
	c->picture.has = SIXEL_ASKED;
	if (strncmp(c->term, "linux", 5))       /* the Linux console says nothing of use */
		tty_put(&c->tty, "\033[c", 3);
}

void picture_answer(struct client *c, const unsigned *p, unsigned n)
{
	if (c->picture.has != SIXEL_ASKED)
		return;
	c->picture.has = SIXEL_NO;
	for (unsigned i = 1; i < n; i++)        /* the first is the terminal's class */
		if (p[i] == DA1_SIXEL)
			c->picture.has = SIXEL_YES;
	c->behind = true;
}

/* Does this terminal show it as sixels? */
static bool wants(struct client *c)
{
	const struct app *a = c->app;
	bool same_size = a->grid.cols == c->cols && a->grid.rows == c->rows;
	if (c->linear || !same_size || (a->renderer != RENDER_AUTO && a->renderer != RENDER_SIXEL))
		return false;
	if (c->picture.has == SIXEL_UNKNOWN && a->renderer == RENDER_AUTO && !c->read_only)
		ask(c);
	return a->renderer == RENDER_SIXEL || c->picture.has == SIXEL_YES;
}

const struct grid *picture_hide(struct client *c, const struct grid *g)
{
	struct picture_state *p = &c->picture;
	struct rect at;
	struct view *v = find(c->app, &at);
	bool show = v && wants(c), moved = show && p->shown && memcmp(&at, &p->at, sizeof at);
	if ((p->shown && !show) || moved)
		curses_forget(c->screen);       /* blanks would leave its points where they are */
	if (show && (!p->shown || moved))
		p->serial = v->serial - 1;
	p->shown = show;
	if (!show)
		return g;
	p->at = at;
	if (g != &c->part) {
		grid_resize(&c->part, g->cols, g->rows);
		memcpy(c->part.cells, g->cells, (size_t)g->cols * (size_t)g->rows * sizeof *g->cells);
		struct cell *cells = c->part.cells;
		int cols = c->part.cols, rows = c->part.rows;
		c->part = *g;
		c->part.cells = cells;
		c->part.cols = cols;
		c->part.rows = rows;
	}
	grid_fill(&c->part, at, c->app->theme.role[ROLE_TEXT]);
	return &c->part;
}

/* Points of a character, as the terminal says; a small one where it does not. */
static void cell_size(const struct client *c, unsigned *w, unsigned *h)
{
	struct winsize ws = { 0 };
	bool known = !ioctl(c->tty.fd, TIOCGWINSZ, &ws) && ws.ws_xpixel >= ws.ws_col && ws.ws_ypixel >= ws.ws_row && ws.ws_col && ws.ws_row;
	*w = known ? ws.ws_xpixel / ws.ws_col : CELL_WIDTH;
	*h = known ? ws.ws_ypixel / ws.ws_row : CELL_HEIGHT;
}

void picture_put(struct client *c)
{
	struct picture_state *p = &c->picture;
	struct rect at;
	struct text out = { 0 };
	unsigned cell_w, cell_h;
	struct view *v = p->shown ? find(c->app, &at) : NULL;
	if (!v || v->serial == p->serial)
		return;
	p->serial = v->serial;
	const struct screen *s = v->ops->picture(v);
	cell_size(c, &cell_w, &cell_h);
	unsigned w = (unsigned)at.w * cell_w, h = (unsigned)at.h * cell_h;
	if (w > MOST_POINTS || h > MOST_POINTS)
		return;
	text_printf(&out, "\0337\033[%d;%dH", at.y + 1, at.x + 1);
	sixel_encode(s->pixels, s->width, s->height, w, h, &out);
	text_printf(&out, "\0338");
	tty_put(&c->tty, out.s, out.len);
	text_free(&out);
}
