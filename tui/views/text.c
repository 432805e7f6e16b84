/* text.c - a text console: serial and parallel ports and the monitor, each behind a terminal emulation (libvterm).
 *
 * The emulated terminal is at least 80x24, what a guest on a serial line takes for granted, unless it is told the size; in a smaller pane the view
 * follows the cursor and scrolling back shows the rest.  What the emulation answers (cursor reports) goes to the guest like typed text. */
#include "tui/app.h"
#include "tui/flood.h"
#include "tui/rewrap.h"
#include "tui/termcell.h"
#include "tui/termkeys.h"
#include <stdio.h>
#include <stdlib.h>
#include <vterm.h>

enum { GUEST_COLS = 80, GUEST_ROWS = 24, READ_CHUNK = 65536, LINE_CELLS = 1024 };

struct text_view {
	struct view base;
	VTerm *vt;
	VTermScreen *vts;
	struct scrollback *back;
	struct wraps wraps;
	struct fifo out;                        /* typed text and answers on their way to the guest */
	unsigned want_cols, want_rows;          /* fixed size asked for on the command line, 0 = none */
	int cols, rows;                         /* of the emulation */
	int w, h, pan_x, pan_y;                 /* of the pane, and its place in the emulated screen while not scrolled */
	size_t scrolled;                        /* lines back from the live view */
	bool cursor_on, cursor_blinks, reverse;
	bool told;                              /* the machine knows the size */
	enum cursor_shape shape;
	VTermPos cursor;
	struct flood flood;
	struct cell line[LINE_CELLS];           /* scratch */
	uint8_t chunk[READ_CHUNK];              /* scratch */
};

static const struct cell blank = { .ch = ' ', .style = { .fg = COLOUR_DEFAULT, .bg = COLOUR_DEFAULT } };

static struct text_view *text(struct view *v)
{
	return (struct text_view *)v;
}

/* ---- from libvterm ---------------------------------------------------------------------------------------------------------------- */

/* A line was added where there were `before`: someone who reads old lines goes on seeing them; only at the ring's end they move. */
static void stay(struct text_view *t, size_t before)
{
	if (t->scrolled && scrollback_lines(t->back) > before)
		t->scrolled++;
	if (t->scrolled > scrollback_lines(t->back))
		t->scrolled = scrollback_lines(t->back);
}

/* ---- from flood.c: lines that scrolled off ---- */

static void keep(void *arg, const struct cell *cells, unsigned n)
{
	struct text_view *t = arg;
	size_t before = scrollback_lines(t->back);
	scrollback_push(t->back, cells, n);
	stay(t, before);
}

static void keep_ascii(void *arg, const uint8_t *bytes, unsigned n)
{
	struct text_view *t = arg;
	size_t before = scrollback_lines(t->back);
	scrollback_push_ascii(t->back, bytes, n);
	stay(t, before);
}

static int on_pushline(int cols, const VTermScreenCell *cells, void *user)
{
	struct text_view *t = user;
	if (flood_swallow(&t->flood))
		return 1;
	if (cols > LINE_CELLS)
		cols = LINE_CELLS;
	for (int x = 0; x < cols; x++)
		termcell_read(&cells[x], &t->line[x]);
	keep(t, t->line, (unsigned)cols);
	return 1;
}

/* The emulated screen grows: it takes lines back. */
static int on_popline(int cols, VTermScreenCell *cells, void *user)
{
	struct text_view *t = user;
	if (!scrollback_lines(t->back))
		return 0;
	unsigned n = cols < LINE_CELLS ? (unsigned)cols : LINE_CELLS;
	scrollback_get(t->back, 0, t->line, n);
	scrollback_pop(t->back);
	for (int x = 0; x < cols; x++) {
		const struct cell *from = (unsigned)x < n ? &t->line[x] : &blank;
		termcell_write(from, x + 1 < (int)n && t->line[x + 1].ch == GRID_WIDE_TAIL, &cells[x]);
	}
	if (t->scrolled)
		t->scrolled--;
	return 1;
}

static int on_movecursor(VTermPos pos, VTermPos old, int visible, void *user)
{
	struct text_view *t = user;
	t->cursor = pos;
	return 1;
}

/* What a guest names its terminal is shown by lists; nothing of it reaches a terminal as it is. */
static void set_title(struct view *v, const VTermValue *val)
{
	size_t n = 0;
	for (const char *p = val->string; p && *p && n + 1 < sizeof v->guest_title; p++)
		v->guest_title[n++] = (unsigned char)*p < 0x20 || *p == 0x7f ? ' ' : *p;
	v->guest_title[n] = 0;
	v->app->dirty = true;           /* the list of consoles may be open */
}

static int on_termprop(VTermProp prop, VTermValue *val, void *user)
{
	struct text_view *t = user;
	switch (prop) {
	case VTERM_PROP_CURSORVISIBLE: t->cursor_on = val->boolean; return 1;
	case VTERM_PROP_CURSORBLINK: t->cursor_blinks = val->boolean; return 1;
	case VTERM_PROP_REVERSE: t->reverse = val->boolean; return 1;
	case VTERM_PROP_CURSORSHAPE:
		t->shape = val->number == VTERM_PROP_CURSORSHAPE_UNDERLINE ? CURSOR_UNDERLINE :
			   val->number == VTERM_PROP_CURSORSHAPE_BAR_LEFT ? CURSOR_BAR : CURSOR_BLOCK;
		return 1;
	case VTERM_PROP_ALTSCREEN: t->flood.alt_screen = val->boolean; return 1;
	case VTERM_PROP_TITLE: set_title(&t->base, val); return 1;
	default: return 1;              /* mouse: stays inside */
	}
}

static int on_bell(void *user)
{
	struct view *v = &text(user)->base;
	app_bell(v->app, v);
	return 1;
}

static void on_output(const char *s, size_t len, void *user)
{
	struct text_view *t = user;
	fifo_put(&t->out, s, len);
	app_typed(t->base.app);
}

static const VTermScreenCallbacks callbacks = {
	.movecursor = on_movecursor, .bell = on_bell, .settermprop = on_termprop, .sb_pushline = on_pushline, .sb_popline = on_popline,
};

/* ---- the view --------------------------------------------------------------------------------------------------------------------- */

/* The number of the cursor's line, as in document.h. */
static uint64_t cursor_line(const struct text_view *t)
{
	return scrollback_total(t->back) + (uint64_t)t->cursor.row;
}

/* Print, and note on the way which lines go on in the next one. */
static void print(struct text_view *t, const uint8_t *bytes, size_t n)
{
	struct wraps *w = &t->wraps;
	while (n) {
		uint64_t from = cursor_line(t);
		size_t known = w->n, piece = wraps_piece(w, bytes, n, (unsigned)t->cols, from);
		flood_feed(&t->flood, bytes, piece);
		if (piece < n)
			wraps_note(w, cursor_line(t), wraps_open_rows(w));
		else if (w->exact && w->n > known && from + w->delta != cursor_line(t))
			w->n = known;                   /* not every line feed went on to another line: a scrolling region */
		bytes += piece;
		n -= piece;
	}
	vterm_screen_flush_damage(t->vts);
}

static bool text_update(struct view *v, bool *more)
{
	struct text_view *t = text(v);
	size_t n = vm_console_read(v->app->vm, v->console, t->chunk, sizeof t->chunk);
	if (!n)
		return false;
	v->app->took += n;
	uint64_t from = cursor_line(t) + (t->cursor.col > 0);
	print(t, t->chunk, n);
	view_mark_lines(v, from, cursor_line(t) + 1);
	triggers_stream(v->app, v, t->chunk, n);
	channel_log_bytes(v, t->chunk, n);
	if (n >= sizeof t->chunk / 4)
		*more = true;
	return true;
}

static size_t text_flush(struct view *v)
{
	struct text_view *t = text(v);
	while (t->out.len) {
		size_t n = vm_console_write(v->app->vm, v->console, fifo_head(&t->out), t->out.len);
		if (!n)
			break;
		fifo_take(&t->out, n);
	}
	return t->out.len;
}

/* Is the cursor in the last row that has something, as where lines are printed one below the other? */
static bool at_the_end(const struct text_view *t)
{
	for (int y = t->cursor.row + 1; y < t->rows; y++)
		for (int x = 0; x < t->cols; x++) {
			VTermScreenCell c;
			if (vterm_screen_get_cell(t->vts, (VTermPos){ .row = y, .col = x }, &c) && c.chars[0] && c.chars[0] != ' ')
				return false;
		}
	return true;
}

/* The emulation cuts its rows off, or lengthens them by blanks.  So all but the cursor's row go into the scrollback first, which is laid out anew; from
 * there the emulation takes them back as its screen grows again. */
static void reflow(struct text_view *t, int cols)
{
	if (wraps_open_rows(&t->wraps) > 1)
		wraps_note(&t->wraps, cursor_line(t), wraps_open_rows(&t->wraps));
	vterm_set_size(t->vt, 1, t->cols);
	flood_resized(&t->flood);
	vterm_screen_flush_damage(t->vts);
	t->rows = 1;
	struct view *reader = t->base.app->popup;
	struct docplaces places = { .n = 0 };
	if (!view_is_copy(reader) || reader->console != t->base.console)
		reader = NULL;
	else
		copy_view_places(reader, &places);
	rewrap(&t->back, (size_t)t->base.app->scrollback_mib << 20, &t->wraps, &t->base.times, (unsigned)t->cols, (unsigned)cols, &places);
	if (reader)
		copy_view_moved(reader, &places);
	if (t->scrolled > scrollback_lines(t->back))
		t->scrolled = scrollback_lines(t->back);
	t->wraps.sure = false;                  /* of the row that is being printed */
	vterm_set_size(t->vt, 1, cols);
	flood_resized(&t->flood);
}

static void text_resize(struct view *v, int w, int h)
{
	struct text_view *t = text(v);
	struct vm_console info;
	bool told = v->is_monitor || (vm_console_info(v->app->vm, v->console, &info) && info.told_size);
	int least_w = told ? APP_MIN_COLS : GUEST_COLS, least_h = told ? APP_MIN_ROWS - 1 : GUEST_ROWS;
	int cols = t->want_cols ? (int)t->want_cols : w > least_w ? w : least_w, rows = t->want_rows ? (int)t->want_rows : h > least_h ? h : least_h;
	t->w = w;
	t->h = h;
	if (cols == t->cols && rows == t->rows && t->told)
		return;
	if (cols != t->cols && t->told && !t->flood.alt_screen && at_the_end(t))
		reflow(t, cols);
	t->told = true;
	t->cols = cols;
	t->rows = rows;
	vterm_set_size(t->vt, rows, cols);
	flood_resized(&t->flood);
	vterm_screen_flush_damage(t->vts);
	vm_console_resize(v->app->vm, v->console, (unsigned)cols, (unsigned)rows);
}

static void follow_cursor(struct text_view *t)
{
	if (t->cursor.col < t->pan_x)
		t->pan_x = t->cursor.col;
	if (t->cursor.col >= t->pan_x + t->w)
		t->pan_x = t->cursor.col - t->w + 1;
	if (t->cursor.row < t->pan_y)
		t->pan_y = t->cursor.row;
	if (t->cursor.row >= t->pan_y + t->h)
		t->pan_y = t->cursor.row - t->h + 1;
	if (t->pan_x > t->cols - t->w)
		t->pan_x = t->cols - t->w;
	if (t->pan_y > t->rows - t->h)
		t->pan_y = t->rows - t->h;
	if (t->pan_x < 0)
		t->pan_x = 0;
	if (t->pan_y < 0)
		t->pan_y = 0;
}

/* One row of the document: scrollback lines, then the emulated screen's rows. */
static void draw_row(struct text_view *t, struct grid *g, struct rect r, int y, size_t doc_line)
{
	size_t old = scrollback_lines(t->back);
	int n = t->pan_x + r.w < LINE_CELLS ? t->pan_x + r.w : LINE_CELLS;
	if (doc_line < old) {
		scrollback_get(t->back, old - 1 - doc_line, t->line, (unsigned)n);
	} else {
		for (int x = 0; x < n; x++) {
			VTermScreenCell cell;
			VTermPos pos = { .row = (int)(doc_line - old), .col = x };
			t->line[x] = blank;
			if (pos.row < t->rows && x < t->cols && vterm_screen_get_cell(t->vts, pos, &cell))
				termcell_read(&cell, &t->line[x]);
		}
	}
	for (int x = t->pan_x; x < n; ) {
		struct cell *c = &t->line[x];
		c->style = theme_style(&t->base.app->theme, c->style);
		if (t->reverse && doc_line >= old)
			c->style.attrs ^= ATTR_REVERSE;
		if (c->ch == GRID_WIDE_TAIL)
			c->ch = ' ';
		int at = r.x + x - t->pan_x, took = grid_put(g, at, r.y + y, r.x + r.w, c->ch, c->style);
		for (int i = 0; took && i < CELL_COMBINING && c->comb[i]; i++)
			grid_put(g, at + 1, r.y + y, r.x + r.w, c->comb[i], c->style);
		x += took ? took : 1;
	}
}

static void text_draw(struct view *v, struct grid *g, struct rect r, bool focused)
{
	struct text_view *t = text(v);
	grid_fill(g, r, v->app->theme.role[ROLE_TEXT]);
	int column = stamp_width(v->stamps, r.w);
	r.x += column;
	r.w -= column;
	t->w = r.w;
	follow_cursor(t);
	size_t old = scrollback_lines(t->back), top = old + (size_t)t->pan_y;
	top = t->scrolled < top ? top - t->scrolled : 0;
	uint64_t first = scrollback_total(t->back) - old + top;
	for (int y = 0; y < r.h && top + (size_t)y < old + (size_t)t->rows; y++) {
		view_stamp(v, g, (struct rect){ r.x - column, r.y, r.w + column, r.h }, y, first + (uint64_t)y);
		draw_row(t, g, r, y, top + (size_t)y);
	}
	int cy = (int)((long)old + t->cursor.row - (long)top), cx = t->cursor.col - t->pan_x;
	if (!focused || !t->cursor_on || cy < 0 || cy >= r.h || cx < 0 || cx >= r.w)
		return;
	g->cursor_on = true;
	g->cursor_x = r.x + cx;
	g->cursor_y = r.y + cy;
	g->cursor_blinks = t->cursor_blinks;
	g->cursor_shape = t->shape;
}

static void text_scroll(struct view *v, int dx, int dy)
{
	struct text_view *t = text(v);
	size_t most = scrollback_lines(t->back) + (size_t)t->pan_y;
	if (dy == SCROLL_TOP)
		t->scrolled = most;
	else if (dy == SCROLL_BOTTOM)
		t->scrolled = 0;
	else if (dy < 0)
		t->scrolled = (size_t)-dy > most - t->scrolled ? most : t->scrolled + (size_t)-dy;
	else
		t->scrolled -= (size_t)dy < t->scrolled ? (size_t)dy : t->scrolled;
}

static size_t text_scrolled(struct view *v)
{
	return text(v)->scrolled;
}

static void text_title(struct view *v, char *buf, size_t size, int width)
{
	struct text_view *t = text(v);
	size_t all = scrollback_lines(t->back) + (size_t)t->pan_y;
	buf[0] = 0;
	if (t->scrolled && snprintf(buf, size, "%zu back of %zu", t->scrolled, all) > width && snprintf(buf, size, "-%zu/%zu", t->scrolled, all) > width)
		buf[0] = 0;
}

static void text_snapshot(struct view *v, struct grid *g)
{
	struct text_view *t = text(v);
	grid_resize(g, t->cols, t->rows);
	for (int y = 0; y < t->rows; y++)
		for (int x = 0; x < t->cols; x++) {
			VTermScreenCell cell;
			struct cell *to = grid_at(g, x, y);
			if (!vterm_screen_get_cell(t->vts, (VTermPos){ .row = y, .col = x }, &cell))
				continue;
			termcell_read(&cell, to);
			to->style = theme_style(&v->app->theme, to->style);
		}
	g->cursor_on = t->cursor_on;
	g->cursor_x = t->cursor.col;
	g->cursor_y = t->cursor.row;
}

static struct scrollback *text_lines(struct view *v, unsigned *rows)
{
	*rows = (unsigned)text(v)->rows;
	return text(v)->back;
}

static unsigned text_row(struct view *v, unsigned y, struct cell *cells, unsigned n)
{
	struct text_view *t = text(v);
	VTermScreenCell cell;
	for (unsigned x = 0; x < n && x < (unsigned)t->cols; x++) {
		cells[x] = blank;
		if (vterm_screen_get_cell(t->vts, (VTermPos){ .row = (int)y, .col = (int)x }, &cell))
			termcell_read(&cell, &cells[x]);
	}
	return (unsigned)t->cols;
}

/* ---- keys ------------------------------------------------------------------------------------------------------------------------- */

static void send(void *arg, const void *bytes, size_t n)
{
	struct text_view *t = arg;
	if (!fifo_put(&t->out, bytes, n))
		app_error(t->base.app, "%s takes no more: %d MiB wait to be sent", t->base.label, FIFO_MAX >> 20);
}

static void text_key(struct view *v, const struct key *k)
{
	struct text_view *t = text(v);
	t->scrolled = 0;                        /* who types wants to see where */
	termkeys_send(t->vt, k, send, t);
}

static bool text_place(struct view *v, int x, int y, struct docpos *out)
{
	struct text_view *t = text(v);
	size_t old = scrollback_lines(t->back), top = old + (size_t)t->pan_y;
	top = t->scrolled < top ? top - t->scrolled : 0;
	x -= stamp_width(v->stamps, t->w + stamp_width(v->stamps, INT_MAX));
	*out = (struct docpos){ scrollback_total(t->back) - old + top + (uint64_t)y, (unsigned)(t->pan_x + (x < 0 ? 0 : x)) };
	return true;
}

static void text_destroy(struct view *v)
{
	struct text_view *t = text(v);
	vterm_free(t->vt);
	scrollback_free(t->back);
	wraps_free(&t->wraps);
	fifo_free(&t->out);
	view_release(v);
	free(t);
}

static const struct view_ops text_ops = {
	.kind = "text", .text = true, .draw = text_draw, .key = text_key, .resize = text_resize, .scroll = text_scroll, .scrolled = text_scrolled, .update = text_update,
	.flush = text_flush, .place = text_place, .title = text_title, .snapshot = text_snapshot,
	.lines = text_lines, .row = text_row, .destroy = text_destroy,
};

struct view *text_view_new(struct app *app, unsigned console, const struct vm_console *info)
{
	struct text_view *t = calloc(1, sizeof *t);
	if (!t)
		abort();
	t->base = (struct view){ .ops = &text_ops, .app = app, .console = console, .is_monitor = info->is_monitor };
	snprintf(t->base.label, sizeof t->base.label, "%s", info->label);
	t->want_cols = info->cols > LINE_CELLS ? LINE_CELLS : info->cols ? info->cols < 2 ? 2 : info->cols : 0;
	t->want_rows = info->rows > LINE_CELLS ? LINE_CELLS : info->rows ? info->rows < 2 ? 2 : info->rows : 0;
	t->cols = t->want_cols ? (int)t->want_cols : GUEST_COLS;
	t->rows = t->want_rows ? (int)t->want_rows : GUEST_ROWS;
	t->back = scrollback_new((size_t)app->scrollback_mib << 20);
	t->cursor_on = t->wraps.sure = true;
	t->vt = vterm_new(t->rows, t->cols);
	vterm_set_utf8(t->vt, 1);
	vterm_output_set_callback(t->vt, on_output, t);
	t->vts = vterm_obtain_screen(t->vt);
	vterm_screen_set_callbacks(t->vts, &callbacks, t);
	vterm_screen_enable_altscreen(t->vts, 1);
	vterm_screen_set_damage_merge(t->vts, VTERM_DAMAGE_SCREEN);
	t->flood = (struct flood){ .vt = t->vt, .vts = t->vts, .arg = t, .keep = keep, .keep_ascii = keep_ascii };
	vterm_screen_reset(t->vts, 1);
	return &t->base;
}
