/* vga_history.c - how a guest scrolls its text, seen by what it writes.
 *
 * It moves the start address down by some rows, as consoles of Unix systems do, until the end of the window, where the screen is copied back to the
 * window's start; or it copies all rows up, as the video BIOS does.  The latter is a sweep: cells written in order from the first of the screen on.  The
 * screen is kept at the start of each, and compared with what it is when anything else is written.  (Who clears the screen sweeps, too.)  So no row is
 * lost, however seldom the front end looks.  All else is left to comparing snapshots.
 */
#include "core/machine/history.h"
#include "devices/video/vga.h"
#include <stdlib.h>
#include <string.h>

/* One piece of memory, shown from its first row to its last. */
static bool plain(const struct text_geometry *g)
{
	return g->pitch >= g->cols && g->cols <= TEXT_MAX_COLS && g->compare >= g->end;
}

static void read_rows(const struct vga *v, const struct text_geometry *g, uint32_t counter, struct text_cell *to, unsigned n)
{
	for (unsigned y = 0; y < n; y++)
		vga_read_row(v, counter + y * g->pitch, to + (size_t)y * g->cols, g->cols);
}

/* Room for two screens. */
static struct text_cell *room(struct vga_watch *w, const struct text_geometry *g)
{
	size_t need = (size_t)g->cols * g->rows * 2;
	if (need > w->before_cap) {
		free(w->before);
		w->before = malloc(need * sizeof *w->before);
		if (!w->before)
			abort();
		w->before_cap = need;
	}
	return w->before;
}

/* ---- copying up ----------------------------------------------------------------------------------------------------------------------- */

static void end_sweep(struct vga *v)
{
	struct vga_watch *w = &v->watch;
	const struct text_geometry *g = &w->at;
	if (!w->sweeping)
		return;
	w->sweeping = false;
	if (w->y * 2 < g->rows)
		return;
	struct text_cell *after = w->before + (size_t)g->cols * g->rows;
	read_rows(v, g, g->start, after, g->rows);
	if (w->unknown)
		text_history_look(w->history, after, g->cols, g->rows);
	else
		text_history_step(w->history, w->before, after, g->cols, g->rows, w->y);
	w->unknown = false;
}

static void advance(struct vga *v)
{
	struct vga_watch *w = &v->watch;
	w->fresh = true;
	if (++w->x == w->at.cols) {
		w->x = 0;
		w->y++;
	}
	w->next = w->y < w->at.rows ? vga_counter_offset(v, w->at.start + w->y * w->at.pitch + w->x) : UINT32_MAX;
}

static void begin_sweep(struct vga *v, uint32_t o)
{
	struct vga_watch *w = &v->watch;
	read_rows(v, &w->at, w->at.start, room(w, &w->at), w->at.rows);
	w->sweeping = true;
	w->x = w->y = 0;
	w->next = o;
	advance(v);
}

/* ---- moving the start address --------------------------------------------------------------------------------------------------------- */

static void start_moved(struct vga *v, const struct text_geometry *g)
{
	struct vga_watch *w = &v->watch;
	unsigned from = w->at.start, cells = g->cols * g->rows;
	uint32_t down = (g->start - from) & 0xffff, up = (from - g->start) & 0xffff;
	struct text_cell *all = room(w, g);
	bool whole = g->pitch && g->start % g->pitch == from % g->pitch;
	if (whole && down / g->pitch < g->rows) {
		read_rows(v, g, from, all, g->rows + down / g->pitch);
		text_history_forward(w->history, all, all + down / g->pitch * g->cols, g->cols, g->rows, down / g->pitch);
		return;
	}
	read_rows(v, g, from, all, g->rows);
	read_rows(v, g, g->start, all + cells, g->rows);
	if (text_history_step(w->history, all, all + cells, g->cols, g->rows, g->rows) ||
	    (whole && text_history_return(w->history, all + cells, g->cols, g->rows, down / g->pitch)))
		return;
	text_history_look(w->history, all, g->cols, g->rows);
	if (whole && up / g->pitch < g->rows)
		text_history_back(w->history, all + cells, g->cols, g->rows, up / g->pitch);
	else
		text_history_look(w->history, all + cells, g->cols, g->rows);
}

/* The registers say where the screen is now. */
static void settle(struct vga *v)
{
	struct vga_watch *w = &v->watch;
	struct text_geometry g = vga_text_geometry(v), same = g;
	if (vga_is_blank(v) || !w->moved)
		return;
	w->moved = false;
	same.start = w->at.start;
	end_sweep(v);
	if (!w->unknown && plain(&g) && !memcmp(&same, &w->at, sizeof same)) {
		start_moved(v, &g);
	} else if (!w->unknown && plain(&g)) {
		struct text_cell *now = room(w, &g);
		read_rows(v, &g, g.start, now, g.rows);
		text_history_look(w->history, now, g.cols, g.rows);
	}
	w->at = g;
}

void vga_watch_half(struct vga *v, bool upper)
{
	if (v->watch.start == HALF_SEEN && !upper)
		display_dirty(v->pci.dev.machine);
	v->watch.start = upper ? HALF : WHOLE;
}

void vga_watch_cell(struct vga *v, uint32_t o)
{
	struct vga_watch *w = &v->watch;
	settle(v);
	if (w->moved)
		return;                         /* the screen is off */
	if (w->sweeping && o == w->next) {
		advance(v);
		return;
	}
	end_sweep(v);
	if (o == v->visible_from && plain(&w->at))
		begin_sweep(v, o);
}

/* ---- the front end -------------------------------------------------------------------------------------------------------------------- */

static void look_at_text(struct vga *v, const struct screen *s)
{
	struct vga_watch *w = &v->watch;
	if (w->start == HALF) {                 /* wait for the other half, if it comes */
		w->start = HALF_SEEN;
		return;
	}
	settle(v);
	if (w->sweeping && w->fresh && w->y < w->at.rows) {
		w->fresh = false;               /* half of it is written */
		return;
	}
	end_sweep(v);
	w->unknown = false;
	text_history_look(w->history, s->cells, s->cols, s->rows);
}

void vga_watch_snapshot(struct vga *v, struct screen *s)
{
	struct vga_watch *w = &v->watch;
	if (!w->history) {
		w->history = text_history_new();
		w->moved = w->unknown = true;
	}
	if (s->kind == SCREEN_TEXT)
		look_at_text(v, s);
	else if (s->kind == SCREEN_GRAPHICS)
		text_history_look(w->history, NULL, 0, 0);
	text_history_take(w->history, &s->gone);
}

void vga_watch_forget(struct vga *v)
{
	v->watch.sweeping = false;
	v->watch.start = WHOLE;
	v->watch.unknown = true;
	v->watch.at = (struct text_geometry){ 0 };
}

void vga_watch_free(struct vga *v)
{
	text_history_free(v->watch.history);
	free(v->watch.before);
	v->watch = (struct vga_watch){ 0 };
}
