/* vga_text.c - what the screen shows, as characters.  Ref: IBM VGA Technical Reference, "CRT Controller", "Attribute Controller". */
#include "core/machine/machine.h"
#include "devices/video/vga.h"
#include <stdlib.h>
#include <string.h>

enum { CMODE_BYTE = 0x40, CMODE_WRAP15 = 0x20, CMODE_RUN = 0x80, UNDERLINE_DWORD = 0x40, SCAN_DOUBLE = 0x80, CLOCK_OFF = 0x20,
       CURSOR_OFF = 0x20, GFX_256 = 0x40, GFX_CGA = 0x20, RESET_RUN = 3 };
enum { GLYPH_BYTES = 32, GLYPHS = 256, OWN_FONT_MATCHES = 224 };

static bool is_graphics(const struct vga *v) { return (v->gfx[GFX_MISC] & 1) || (v->attr[ATTR_MODE] & AMODE_GRAPHICS); }

bool vga_is_blank(const struct vga *v)
{
	return (v->seq[SEQ_RESET] & RESET_RUN) != RESET_RUN || (v->seq[SEQ_CLOCK] & CLOCK_OFF) || !(v->attr_index & ATTR_PAS) ||
	       !(v->crtc[CRTC_MODE] & CMODE_RUN);
}

struct text_geometry vga_text_geometry(const struct vga *v)
{
	struct text_geometry g;
	const uint8_t *c = v->crtc;
	g.end = vga_vertical_end(v);
	g.glyph = (c[CRTC_MAX_SCAN] & 0x1fu) + 1;
	g.height = c[CRTC_MAX_SCAN] & SCAN_DOUBLE ? g.glyph * 2 : g.glyph;
	g.cols = c[CRTC_HEND] + 1u;
	g.rows = (g.end + 1) / g.height;
	g.rows = g.rows < 1 ? 1 : g.rows > TEXT_MAX_ROWS ? TEXT_MAX_ROWS : g.rows;
	g.start = (c[CRTC_START_HI] << 8 | c[CRTC_START_LO]) + (c[CRTC_PRESET_ROW] >> 5 & 3u);
	g.pitch = c[CRTC_OFFSET] * 2u;
	g.compare = c[CRTC_LINE_COMPARE] | (c[CRTC_OVERFLOW] & 0x10u) << 4 | (c[CRTC_MAX_SCAN] & 0x40u) << 3;
	return g;
}

/* CRTC address counter to an offset in the planes: byte, word or doubleword addressing. */
uint32_t vga_counter_offset(const struct vga *v, uint32_t n)
{
	n &= 0xffff;
	if (v->crtc[CRTC_UNDERLINE] & UNDERLINE_DWORD)
		return (n << 2 | n >> 14) & PLANE_MASK;
	if (v->crtc[CRTC_MODE] & CMODE_BYTE)
		return n;
	return (n << 1 | (n >> (v->crtc[CRTC_MODE] & CMODE_WRAP15 ? 15 : 13) & 1)) & PLANE_MASK;
}

/* Counter at the left of a row.  Below the line-compare scan line the display starts over at address 0. */
uint32_t vga_row_counter(const struct text_geometry *g, unsigned row)
{
	unsigned line = row * g->height;
	if (line > g->compare)
		return (line - g->compare - 1) / g->height * g->pitch;
	return (g->start + row * g->pitch) & 0xffff;
}

void vga_update_visible(struct vga *v)
{
	v->text_shown = !vga_vbe_on(v) && !is_graphics(v);
	if (!v->text_shown)
		return;
	struct text_geometry g = vga_text_geometry(v);
	uint32_t last = vga_row_counter(&g, g.rows - 1) + g.cols - 1;
	v->visible_from = vga_counter_offset(v, g.start);
	v->visible_to = vga_counter_offset(v, last);
	v->watch.moved = memcmp(&g, &v->watch.at, sizeof g);
	v->dirty_all = g.compare < g.end || last > 0xffff || v->visible_to < v->visible_from || !g.pitch;
}

void vga_read_row(const struct vga *v, uint32_t counter, struct text_cell *cells, unsigned cols)
{
	uint32_t from = vga_counter_offset(v, counter), step = v->crtc[CRTC_MODE] & CMODE_BYTE ? 1 : 2;
	const uint8_t *p = v->vram + from * 4;
	if (!(v->crtc[CRTC_UNDERLINE] & UNDERLINE_DWORD) && vga_counter_offset(v, counter + cols - 1) == from + step * (cols - 1)) {
		for (unsigned x = 0; x < cols; x++, p += step * 4)
			memcpy(cells + x, p, sizeof *cells);
		return;
	}
	for (unsigned x = 0; x < cols; x++)
		memcpy(cells + x, v->vram + vga_counter_offset(v, counter + x) * 4, sizeof *cells);
}

static bool grow(struct screen *s, unsigned cells)
{
	if (s->cap >= cells)
		return true;
	struct text_cell *n = realloc(s->cells, cells * sizeof *n);
	if (!n)
		return false;
	s->cells = n;
	s->cap = cells;
	return true;
}

static void show_cursor(const struct vga *v, struct screen *s, const struct text_geometry *g)
{
	const uint8_t *c = v->crtc;
	uint32_t at = (uint32_t)(c[CRTC_CURSOR_HI] << 8 | c[CRTC_CURSOR_LO]) + (c[CRTC_CURSOR_END] >> 5 & 3u);
	s->cursor_start = c[CRTC_CURSOR_START] & 0x1f;
	s->cursor_end = c[CRTC_CURSOR_END] & 0x1f;
	s->cursor_on = false;
	if ((c[CRTC_CURSOR_START] & CURSOR_OFF) || s->cursor_start > s->cursor_end || s->cursor_start >= g->glyph)
		return;
	if (s->cursor_end >= g->glyph)
		s->cursor_end = g->glyph - 1;
	for (unsigned y = 0; y < g->rows && !s->cursor_on; y++) {
		uint32_t x = (at - vga_row_counter(g, y)) & 0xffff;
		if (x >= g->cols)
			continue;
		s->cursor_on = true;
		s->cursor_x = x;
		s->cursor_y = y;
	}
}

uint32_t vga_dac_rgb(const struct vga *v, uint8_t index)
{
	const uint8_t *d = v->dac + 3 * (index & v->dac_mask);
	if (v->vbe[VBE_ENABLE] & VBE_8BIT_DAC)
		return (uint32_t)(d[0] << 16 | d[1] << 8 | d[2]);
	uint32_t rgb = 0;
	for (unsigned i = 0; i < 3; i++)
		rgb = rgb << 8 | (d[i] & 0x3fu) << 2 | (d[i] & 0x3fu) >> 4;
	return rgb;
}

/* Attribute colour -> plane enable -> palette register -> colour select -> PEL mask -> DAC. */
void vga_make_palette(const struct vga *v, uint32_t palette[16])
{
	uint8_t select = v->attr[ATTR_COLOR_SELECT];
	for (unsigned i = 0; i < 16; i++) {
		uint8_t p = v->attr[i & v->attr[ATTR_PLANES]] & 0x3f;
		if (v->attr[ATTR_MODE] & AMODE_P54)
			p = (uint8_t)((p & 0x0f) | (select & 3) << 4);
		palette[i] = vga_dac_rgb(v, (uint8_t)(p | (select & 0x0c) << 4));
	}
}

/* Font number of the character map select register to its offset in plane 2. */
static uint32_t font_offset(unsigned n)
{
	return (n & 3) * 0x4000 + (n >> 2) * 0x2000;
}

static void copy_font(const struct vga *v, uint32_t off, uint8_t font[GLYPHS][32])
{
	for (unsigned i = 0; i < GLYPHS * GLYPH_BYTES; i++)
		font[i / GLYPH_BYTES][i % GLYPH_BYTES] = v->vram[(off + i) * 4 + 2];
}

/* Is this one of the fonts in the video BIOS?  They lie there as 256 glyphs of `height` bytes. */
static bool is_bios_font(const struct vga *v, uint8_t font[GLYPHS][32], unsigned height)
{
	for (size_t at = 0; at + GLYPHS * height <= v->rom_len; at++) {
		const uint8_t *f = v->rom + at;
		unsigned same = 0;
		if (memcmp(f + 'A' * height, font['A'], height) || memcmp(f + 'g' * height, font['g'], height))
			continue;
		for (unsigned i = 0; i < GLYPHS; i++)
			same += !memcmp(f + i * height, font[i], height);
		if (same >= OWN_FONT_MATCHES)
			return true;
	}
	return false;
}

static void show_font(struct vga *v, struct screen *s)
{
	unsigned sel = v->seq[SEQ_FONT];
	unsigned a = (sel >> 3 & 4) | (sel >> 2 & 3), b = (sel >> 2 & 4) | (sel & 3);  /* attribute bit 3 set: a; clear: b */
	uint32_t key = s->glyph_height | b << 8 | 1u << 16;
	copy_font(v, font_offset(b), s->font);
	if (v->font_changed || key != v->font_key) {
		v->font_loaded = !is_bios_font(v, s->font, s->glyph_height);
		v->font_key = key;
		v->font_changed = false;
	}
	s->dual_font = a != b;
	s->font_loaded = v->font_loaded || s->dual_font;
	if (s->dual_font)
		copy_font(v, font_offset(a), s->font2);
	if (s->font_loaded && !s->rom_fonts)    /* to compare with */
		vga_show_fonts(v, s);
}

static void show_text(struct vga *v, struct screen *s)
{
	struct text_geometry g = vga_text_geometry(v);
	if (!grow(s, g.cols * g.rows)) {
		s->kind = SCREEN_BLANK;
		return;
	}
	s->kind = SCREEN_TEXT;
	s->cols = g.cols;
	s->rows = g.rows;
	s->glyph_height = g.glyph;
	s->width = g.cols * (v->seq[SEQ_CLOCK] & 1 ? 8 : 9);
	s->height = g.end + 1;
	s->bpp = 0;
	for (unsigned y = 0; y < g.rows; y++)
		vga_read_row(v, vga_row_counter(&g, y), s->cells + y * g.cols, g.cols);
	show_cursor(v, s, &g);
	s->blink = v->attr[ATTR_MODE] & AMODE_BLINK;
	vga_make_palette(v, s->palette);
	show_font(v, s);
}

static void show_graphics(const struct vga *v, struct screen *s)
{
	s->kind = SCREEN_GRAPHICS;
	if (vga_vbe_on(v)) {
		s->width = v->vbe[VBE_XRES];
		s->height = v->vbe[VBE_YRES];
		s->bpp = v->vbe[VBE_BPP];
		return;
	}
	unsigned lines = (v->crtc[CRTC_MAX_SCAN] & 0x1fu) + 1;
	if (v->crtc[CRTC_MAX_SCAN] & SCAN_DOUBLE)
		lines *= 2;
	/* CGA's two banks of lines count as one line each: the row scan counter selects the bank */
	if (!(v->crtc[CRTC_MODE] & 1))
		lines = lines > 1 ? lines / 2 : 1;
	bool wide = v->attr[ATTR_MODE] & AMODE_WIDE_PEL;
	s->width = (v->crtc[CRTC_HEND] + 1u) * (wide ? 4 : 8);
	s->height = (vga_vertical_end(v) + 1) / lines;
	s->bpp = v->gfx[GFX_MODE] & GFX_256 ? 8 : v->gfx[GFX_MODE] & GFX_CGA ? 2 : (v->attr[ATTR_PLANES] & 15) == 1 ? 1 : 4;
}

void vga_snapshot(void *arg, struct screen *s)
{
	struct vga *v = arg;
	bool blank = !vga_vbe_on(v) && vga_is_blank(v), text = !vga_vbe_on(v) && !is_graphics(v);
	s->kind = SCREEN_BLANK;
	s->cursor_on = false;
	if (!blank && text)
		show_text(v, s);
	else if (!blank)
		show_graphics(v, s);
	if (s->kind == SCREEN_GRAPHICS && s->want_pixels)
		vga_show_pixels(v, s);
	if (s->want_gone)
		vga_watch_snapshot(v, s);
}
