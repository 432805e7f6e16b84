/* vga.c - the display adapter's screen; keys go to the guest's keyboard.  Text is shown as text, also where the guest draws it as pixels;
 * other pictures are drawn with characters.
 *
 * A screen larger than the pane is shown in part: the part with the cursor, which the view follows, or what scroll mode moves it to. */
#include "tui/app.h"
#include "tui/cp437.h"
#include "tui/document.h"
#include "tui/fbtext.h"
#include "tui/glyph.h"
#include "tui/panes.h"
#include "tui/pixels.h"
#include "tui/scrollback.h"
#include "tui/typing.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A guest's drawing tells nobody, so pictures are looked at: often while they move, seldom while they do not. */
enum { LOOK_MS = 40, LOOK_MOST_MS = 320, CURSOR_MS = 1000, RUSH_MS = 500 };

struct vga_view {
	struct view base;
	struct screen screen;
	bool seen;
	struct fbtext fb;                       /* text in the picture */
	bool fb_text;
	enum renderer renderer;                 /* what fb_text was found out for */
	int look_ms;
	int64_t cursor_at;                      /* when the picture's cursor was last seen, and where */
	unsigned cursor_x, cursor_y;
	int w, h, pan_x, pan_y;
	unsigned last_x, last_y, last_cols, last_rows;
	bool last_on;
	uint32_t character[2][256];             /* what each glyph of the two fonts shows */
	struct scrollback *back;                /* lines that left the screen */
};

static struct vga_view *vga(struct view *v)
{
	return (struct vga_view *)v;
}

static const uint8_t *bios_font(const struct screen *s)
{
	if (!s->rom_fonts)
		return NULL;
	return s->glyph_height == 8 ? s->rom8[0] : s->glyph_height == 14 ? s->rom14[0] : s->glyph_height == 16 ? s->rom16[0] : NULL;
}

/* The character of a bitmap in a guest's font: what the video BIOS has at its place, or elsewhere, or what other fonts show so. */
static uint32_t read_glyph(const struct screen *s, unsigned i, const uint8_t *rows)
{
	static const uint8_t blank[32];
	unsigned height = s->glyph_height;
	const uint8_t *bios = bios_font(s);
	if (!height || height > sizeof blank)
		return 0;
	if (bios && !memcmp(rows, bios + i * height, height))
		return cp437_to_unicode((uint8_t)i);
	if (!memcmp(rows, blank, height))
		return ' ';
	for (unsigned k = 1; bios && k < 256; k++)
		if (!memcmp(rows, bios + ((i + k) & 0xff) * height, height))
			return cp437_to_unicode((uint8_t)(i + k));
	return glyph_character(rows, height);
}

/* The adapter's own font has code page 437's order.  A guest's font may have any: its bitmaps tell, as far as they are known ones. */
static void read_font(uint32_t to[256], const struct screen *s, const uint8_t font[256][32])
{
	for (unsigned i = 0; i < 256; i++) {
		uint32_t ch = s->font_loaded ? read_glyph(s, i, font[i]) : 0;
		to[i] = ch ? ch : cp437_to_unicode((uint8_t)i);
	}
}

/* The cursor of a picture's text as if the adapter had said it.  It blinks by being drawn and wiped out; that is not passed on. */
static void show_cursor(struct vga_view *g)
{
	struct screen *s = &g->screen;
	int64_t now = app_now_ms();
	if (g->fb_text && g->fb.cursor_on) {
		g->cursor_at = now;
		g->cursor_x = g->fb.cursor_x;
		g->cursor_y = g->fb.cursor_y;
	}
	s->cursor_on = g->fb_text && g->cursor_at && now - g->cursor_at < CURSOR_MS;
	s->cursor_x = g->cursor_x;
	s->cursor_y = g->cursor_y;
	s->cursor_start = 14;
	s->glyph_height = 16;
}

/* True: it differs. */
static bool read_picture(struct vga_view *g)
{
	struct screen *s = &g->screen;
	bool was_text = g->fb_text, was_on = s->cursor_on;
	unsigned x = s->cursor_x, y = s->cursor_y;
	uint64_t sum = g->fb.sum;
	g->renderer = g->base.app->renderer;
	g->fb_text = g->renderer == RENDER_AUTO && s->pixels && fbtext_read(&g->fb, s);
	s->cols = g->fb_text ? g->fb.cols : 0;
	s->rows = g->fb_text ? g->fb.rows : 0;
	show_cursor(g);
	return !g->fb_text || !was_text || sum != g->fb.sum || s->cursor_on != was_on || s->cursor_x != x || s->cursor_y != y;
}

static void look_again(struct vga_view *g)
{
	struct app *a = g->base.app;
	int64_t at = app_now_ms() + g->look_ms;
	if (g->screen.pixels && (!a->look_at || at < a->look_at))
		a->look_at = at;
}

static bool picture_update(struct vga_view *g, bool was_picture, bool cursor_was_on)
{
	struct screen *s = &g->screen;
	bool changed;
	s->cursor_on = was_picture && cursor_was_on;            /* the snapshot knows of none */
	if (s->pixels && s->pixels_same && was_picture && g->renderer == g->base.app->renderer) {
		show_cursor(g);
		changed = s->cursor_on != cursor_was_on;
	} else {
		changed = read_picture(g) || !was_picture;
	}
	g->look_ms = changed ? LOOK_MS : g->look_ms * 2 > LOOK_MOST_MS ? LOOK_MOST_MS : g->look_ms * 2;
	if (panes_visible(g->base.app, g->base.console))
		look_again(g);
	return changed;
}

static uint32_t colour(const struct vga_view *g, unsigned n)
{
	uint32_t own = g->base.app->theme.vga[n];
	return own == THEME_AS_IS ? g->screen.palette[n] & 0xffffff : own;
}

static struct cell convert(const struct vga_view *g, struct text_cell c)
{
	bool blink = g->screen.blink;
	unsigned bg = blink ? c.attr >> 4 & 7 : c.attr >> 4;
	struct style st = { .fg = colour(g, c.attr & 15), .bg = colour(g, bg), .attrs = blink && c.attr & 0x80 ? ATTR_BLINK : 0 };
	return (struct cell){ .ch = g->character[c.attr >> 3 & 1][c.ch], .style = st };
}

static void keep_line(struct vga_view *g, const struct text_cell *from, unsigned cols)
{
	struct cell line[TEXT_MAX_COLS];
	char text[TEXT_MAX_COLS * 12 + 16];
	for (unsigned x = 0; x < cols; x++)
		line[x] = convert(g, from[x]);
	scrollback_push(g->back, line, cols);
	if (!g->base.log && !g->base.app->triggers)
		return;
	size_t len = cells_text(line, cols, text, sizeof text);
	if (g->base.log)
		channel_log_line(&g->base, text, len);
	triggers_row(g->base.app, &g->base, text, len);
}

static void keep_lines(struct vga_view *g)
{
	const struct text_cell *cells;
	unsigned cols;
	for (size_t at = 0; text_rows_next(&g->screen.gone, &at, &cells, &cols);)
		keep_line(g, cells, cols);
	if (g->screen.gone.len)
		g->base.app->rush_until = app_now_ms() + RUSH_MS;
}

static bool look_at_screen(struct view *v)
{
	struct vga_view *g = vga(v);
	bool was_picture = g->seen && g->screen.kind == SCREEN_GRAPHICS, cursor_on = g->screen.cursor_on;
	if (!vm_screen(v->app->vm, &g->screen, !g->seen || (was_picture && g->screen.pixels)))
		return false;
	g->seen = true;
	if (g->screen.kind == SCREEN_TEXT) {
		read_font(g->character[0], &g->screen, g->screen.font);
		read_font(g->character[1], &g->screen, g->screen.dual_font ? g->screen.font2 : g->screen.font);
	}
	keep_lines(g);
	return g->screen.kind != SCREEN_GRAPHICS || picture_update(g, was_picture, cursor_on);
}

/* Rows below those that had something when looked at last are new. */
static void mark_rows(struct vga_view *g)
{
	struct document d;
	if (!document_open(&d, &g->base))
		return;
	view_mark_lines(&g->base, g->base.times.end > d.live ? g->base.times.end : d.live, d.end);
}

static bool vga_update(struct view *v, bool *more)
{
	if (!look_at_screen(v))
		return false;
	mark_rows(vga(v));
	triggers_screen(v->app, v);
	return true;
}

static int clamp(int v, int low, int high)
{
	return v > high ? (high < low ? low : high) : v < low ? low : v;
}

/* The smallest move that brings `at` into a window of `size` from `pan`. */
static int follow(int pan, int at, int size)
{
	return at < pan ? at : at >= pan + size ? at - size + 1 : pan;
}

static void place_window(struct vga_view *g, struct rect r)
{
	const struct screen *s = &g->screen;
	bool moved = s->cursor_x != g->last_x || s->cursor_y != g->last_y || s->cursor_on != g->last_on || s->cols != g->last_cols ||
		     s->rows != g->last_rows || r.w != g->w || r.h != g->h;
	if (moved && s->cursor_on && s->cursor_x < s->cols && s->cursor_y < s->rows) {
		g->pan_x = follow(g->pan_x, (int)s->cursor_x, r.w);
		g->pan_y = follow(g->pan_y, (int)s->cursor_y, r.h);
	}
	g->last_x = s->cursor_x;
	g->last_y = s->cursor_y;
	g->last_on = s->cursor_on;
	g->last_cols = s->cols;
	g->last_rows = s->rows;
	g->w = r.w;
	g->h = r.h;
	g->pan_x = clamp(g->pan_x, 0, (int)s->cols - r.w);
	g->pan_y = clamp(g->pan_y, 0, (int)s->rows - r.h);
}

static struct cell cell_at(const struct vga_view *g, unsigned at)
{
	if (g->screen.kind == SCREEN_TEXT)
		return convert(g, g->screen.cells[at]);
	const struct fbcell *f = &g->fb.cells[at];
	return (struct cell){ .ch = f->ch, .style = { .fg = f->fg, .bg = f->bg } };
}

/* Cell number `at` of the guest's screen. */
static void put_cell(const struct vga_view *g, struct grid *grid, int x, int y, int limit, unsigned at)
{
	struct cell cell = cell_at(g, at);
	grid_put(grid, x, y, limit, cell.ch, cell.style);
}

static bool has_text(const struct vga_view *g)
{
	const struct screen *s = &g->screen;
	return (s->kind == SCREEN_TEXT && s->cells) || (s->kind == SCREEN_GRAPHICS && g->fb_text);
}

static void draw_text(struct vga_view *g, struct grid *grid, struct rect r, bool focused)
{
	const struct screen *s = &g->screen;
	int column = stamp_width(g->base.stamps, r.w);
	for (int y = 0; column && y < r.h; y++)
		view_stamp(&g->base, grid, r, y, scrollback_total(g->back) + (uint64_t)(y + g->pan_y));
	r.x += column;
	r.w -= column;
	place_window(g, r);
	for (int y = 0; y < r.h && y + g->pan_y < (int)s->rows; y++)
		for (int x = 0; x < r.w && x + g->pan_x < (int)s->cols; x++)
			put_cell(g, grid, r.x + x, r.y + y, r.x + r.w, (unsigned)(y + g->pan_y) * s->cols + (unsigned)(x + g->pan_x));
	int cx = (int)s->cursor_x - g->pan_x, cy = (int)s->cursor_y - g->pan_y;
	if (!focused || !s->cursor_on || cx < 0 || cy < 0 || cx >= r.w || cy >= r.h)
		return;
	grid->cursor_on = true;
	grid->cursor_x = r.x + cx;
	grid->cursor_y = r.y + cy;
	grid->cursor_blinks = true;
	grid->cursor_shape = s->cursor_start > s->glyph_height / 2 ? CURSOR_UNDERLINE : CURSOR_BLOCK;
}

static void vga_draw(struct view *v, struct grid *grid, struct rect r, bool focused)
{
	struct vga_view *g = vga(v);
	const struct screen *s = &g->screen;
	const struct theme *t = &v->app->theme;
	char notice[64];
	grid_fill(grid, r, t->role[ROLE_TEXT]);
	if (has_text(g))
		draw_text(g, grid, r, focused);
	if (s->kind != SCREEN_GRAPHICS)
		return;
	look_again(g);
	if (s->pixels && !g->fb_text)
		pixels_draw(s, grid, r, v->app->renderer);
	if (s->pixels)
		return;
	int len = snprintf(notice, sizeof notice, "%ux%u graphics mode", s->width, s->height);
	int x = r.x + (len < r.w ? (r.w - len) / 2 : 0);
	grid_text(grid, x, r.y + r.h / 2, r.x + r.w, t->role[ROLE_NOTICE], notice);
}

static void vga_key(struct view *v, const struct key *k)
{
	struct vga_view *g = vga(v);
	if (g->screen.kind == SCREEN_GRAPHICS) {                /* what is typed shows soon */
		g->look_ms = LOOK_MS;
		look_again(g);
	}
	typing_key(v->app, k);
}

static void vga_scroll(struct view *v, int dx, int dy)
{
	struct vga_view *g = vga(v);
	int rows = (int)g->screen.rows, cols = (int)g->screen.cols;
	g->pan_x = clamp(g->pan_x + dx, 0, cols - g->w);
	g->pan_y = dy == SCROLL_TOP ? 0 : dy == SCROLL_BOTTOM ? clamp(rows, 0, rows - g->h) : clamp(g->pan_y + dy, 0, rows - g->h);
}

static void vga_title(struct view *v, char *buf, size_t size, int width)
{
	struct vga_view *g = vga(v);
	const struct screen *s = &g->screen;
	buf[0] = 0;
	if (view_is_copy(v->app->popup) && s->cols && snprintf(buf, size, "%ux%u from %d,%d", s->cols, s->rows, g->pan_x, g->pan_y) > width)
		buf[0] = 0;
}

static void vga_snapshot(struct view *v, struct grid *grid)
{
	struct vga_view *g = vga(v);
	const struct screen *s = &g->screen;
	bool text = has_text(g);
	grid_resize(grid, text ? (int)s->cols : 0, text ? (int)s->rows : 0);
	for (unsigned i = 0; text && i < s->cols * s->rows; i++)
		put_cell(g, grid, (int)(i % s->cols), (int)(i / s->cols), (int)s->cols, i);
	grid->cursor_on = text && s->cursor_on && s->cursor_x < s->cols && s->cursor_y < s->rows;
	grid->cursor_x = (int)s->cursor_x;
	grid->cursor_y = (int)s->cursor_y;
}

static struct scrollback *vga_lines(struct view *v, unsigned *rows)
{
	const struct screen *s = &vga(v)->screen;
	*rows = has_text(vga(v)) ? s->rows : 0;
	return vga(v)->back;
}

static unsigned vga_row(struct view *v, unsigned y, struct cell *cells, unsigned n)
{
	struct vga_view *g = vga(v);
	for (unsigned x = 0; x < n && x < g->screen.cols; x++)
		cells[x] = cell_at(g, y * g->screen.cols + x);
	return g->screen.cols;
}

static const struct screen *vga_picture(struct view *v)
{
	const struct screen *s = &vga(v)->screen;
	return s->kind == SCREEN_GRAPHICS && s->pixels && !vga(v)->fb_text ? s : NULL;
}

static bool vga_place(struct view *v, int x, int y, struct docpos *out)
{
	struct vga_view *g = vga(v);
	x -= stamp_width(v->stamps, g->w + stamp_width(v->stamps, INT_MAX));
	*out = (struct docpos){ scrollback_total(g->back) + (uint64_t)(g->pan_y + y), (unsigned)(g->pan_x + (x < 0 ? 0 : x)) };
	return has_text(g);
}

static void vga_destroy(struct view *v)
{
	scrollback_free(vga(v)->back);
	screen_free(&vga(v)->screen);
	fbtext_free(&vga(v)->fb);
	view_release(v);
	free(v);
}

static const struct view_ops vga_ops = {
	.kind = "vga", .by_frame = true, .draw = vga_draw, .key = vga_key, .scroll = vga_scroll, .update = vga_update, .title = vga_title,
	.snapshot = vga_snapshot, .lines = vga_lines, .row = vga_row, .place = vga_place, .picture = vga_picture, .destroy = vga_destroy,
};

struct view *vga_view_new(struct app *app, unsigned console, const struct vm_console *info)
{
	struct vga_view *g = calloc(1, sizeof *g);
	if (!g)
		abort();
	g->base = (struct view){ .ops = &vga_ops, .app = app, .console = console };
	snprintf(g->base.label, sizeof g->base.label, "%s", info->label);
	g->back = scrollback_new((size_t)app->scrollback_mib << 20);
	g->screen.want_pixels = g->screen.want_gone = true;
	read_font(g->character[0], &g->screen, g->screen.font);
	read_font(g->character[1], &g->screen, g->screen.font);
	vm_screen(app->vm, &g->screen, true);   /* from now on rows are kept until they are fetched */
	return &g->base;
}
