/* vga_pixels.c - what the screen shows in graphics modes, as pixels.
 * Ref: IBM VGA Technical Reference, "CRT Controller", "Graphics Mode Register" (shift modes), "Attribute Controller"; Bochs' VBE Display API. */
#include "core/machine/machine.h"
#include "devices/video/vga.h"
#include <stdlib.h>
#include <string.h>

enum { GFX_256 = 0x40, GFX_CGA = 0x20, SEQ4_CHAIN4 = 8, SCAN_DOUBLE = 0x80, MODE_BANK13 = 1, MODE_BANK14 = 2, MAX_PIXELS = 1 << 25, LANES = 4 };

/* ---- has anything changed? --------------------------------------------------------------------------------------------------------- */

/* Four independent lanes keep the multiplier busy: some 10 GB/s, so that a screen of 3 MB may be looked at many times a second. */
static uint64_t mix(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t lane[LANES] = { h, ~h, h * 3, h ^ 0x5555 }, w[LANES];
	for (; len >= sizeof w; len -= sizeof w, p += sizeof w) {
		memcpy(w, p, sizeof w);
		for (unsigned i = 0; i < LANES; i++)
			lane[i] = (lane[i] ^ w[i]) * 0x9e3779b97f4a7c15u + (lane[i] >> 29);
	}
	for (; len; len--, p++)
		lane[0] = (lane[0] ^ *p) * 0x9e3779b97f4a7c15u + (lane[0] >> 29);
	return (lane[0] * 31 + lane[1]) * 31 + (lane[2] * 31 + lane[3]);
}

static uint64_t key_of(const struct vga *v, size_t from, size_t len)
{
	uint64_t h = mix(from * 31 + len, v->seq, sizeof v->seq);
	h = mix(h, v->gfx, sizeof v->gfx);
	h = mix(h, v->crtc, sizeof v->crtc);
	h = mix(h, v->attr, sizeof v->attr);
	h = mix(h, v->dac, sizeof v->dac);
	h = mix(h, v->vbe, sizeof v->vbe);
	return mix(h, &v->dac_mask, 1);
}

/* ---- VBE modes --------------------------------------------------------------------------------------------------------------------- */

static uint32_t five(unsigned x) { return (x & 31) << 3 | (x & 31) >> 2; }
static uint32_t six(unsigned x) { return (x & 63) << 2 | (x & 63) >> 4; }

static void row_8(const struct vga *v, const uint8_t *p, uint32_t *out, unsigned w)
{
	uint32_t rgb[256];
	for (unsigned i = 0; i < 256; i++)
		rgb[i] = vga_dac_rgb(v, (uint8_t)i);
	for (unsigned x = 0; x < w; x++)
		out[x] = rgb[p[x]];
}

static void row_vbe(const struct vga *v, unsigned bpp, const uint8_t *p, uint32_t *out, unsigned w)
{
	switch (bpp) {
	case 8:
		row_8(v, p, out, w);
		break;
	case 15:
		for (unsigned x = 0; x < w; x++, p += 2)
			out[x] = five((unsigned)p[1] >> 2) << 16 | five((unsigned)p[1] << 3 | p[0] >> 5) << 8 | five(p[0]);
		break;
	case 16:
		for (unsigned x = 0; x < w; x++, p += 2)
			out[x] = five((unsigned)p[1] >> 3) << 16 | six((unsigned)p[1] << 3 | p[0] >> 5) << 8 | five(p[0]);
		break;
	case 24:
		for (unsigned x = 0; x < w; x++, p += 3)
			out[x] = (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
		break;
	default:
		for (unsigned x = 0; x < w; x++, p += 4)
			out[x] = (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
	}
}

/* Sixteen colours at any size: the four planes of 8 pixels in four bytes. */
static void row_planar(const uint32_t palette[16], const uint8_t *p, unsigned skip, uint32_t *out, unsigned w)
{
	for (unsigned x = 0; x < w; x++) {
		const uint8_t *b = p + (x + skip) / 8 * 4;
		unsigned bit = 7 - (x + skip) % 8;
		out[x] = palette[(b[0] >> bit & 1) | (b[1] >> bit & 1) << 1 | (b[2] >> bit & 1) << 2 | (b[3] >> bit & 1) << 3];
	}
}

static void show_vbe(const struct vga *v, struct screen *s)
{
	uint32_t palette[16], pitch = vbe_line_bytes(v), skip = v->vbe[VBE_X_OFFSET];
	unsigned bytes = (s->bpp + 7) / 8;
	vga_make_palette(v, palette);
	for (unsigned y = 0; y < s->height; y++) {
		uint64_t at = (uint64_t)(y + v->vbe[VBE_Y_OFFSET]) * pitch;
		uint64_t len = s->bpp == 4 ? (s->width + skip + 7) / 8 * 4 : (uint64_t)s->width * bytes;
		uint32_t *out = s->pixels + (size_t)y * s->width;
		if (s->bpp != 4)
			at += (uint64_t)skip * bytes;
		if (at + len > v->vram_size)
			memset(out, 0, s->width * sizeof *out);
		else if (s->bpp == 4)
			row_planar(palette, v->vram + at, skip, out, s->width);
		else
			row_vbe(v, s->bpp, v->vram + at, out, s->width);
	}
}

/* ---- VGA's own modes ---------------------------------------------------------------------------------------------------------------- */

struct scan {
	uint32_t rgb[256];
	unsigned clocks, per_clock, start, pitch, compare, pan, repeat /* scan lines of a line of pixels */, lines /* of a row of the counter */;
};

static void make_scan(const struct vga *v, const struct screen *s, struct scan *g)
{
	const uint8_t *c = v->crtc;
	g->clocks = c[CRTC_HEND] + 1u;
	g->per_clock = s->width / g->clocks;
	g->start = (unsigned)c[CRTC_START_HI] << 8 | c[CRTC_START_LO];
	g->pitch = c[CRTC_OFFSET] * 2u;
	g->compare = c[CRTC_LINE_COMPARE] | (c[CRTC_OVERFLOW] & 0x10u) << 4 | (c[CRTC_MAX_SCAN] & 0x40u) << 3;
	g->repeat = (vga_vertical_end(v) + 1) / s->height;
	g->repeat = g->repeat ? g->repeat : 1;
	g->lines = (c[CRTC_MAX_SCAN] & 0x1fu) + 1;
	g->pan = v->attr[ATTR_PAN] & 7;
	if (v->gfx[GFX_MODE] & GFX_256) {
		g->pan /= 2;
		for (unsigned i = 0; i < 256; i++)
			g->rgb[i] = vga_dac_rgb(v, (uint8_t)i);
	} else {
		vga_make_palette(v, g->rgb);
	}
}

/* Where the counter's four bytes lie.  Chain-4 is packed in our memory, so the counter counts dwords whatever the CRTC is told. */
static const uint8_t *fetch(const struct vga *v, uint32_t n, unsigned row_scan)
{
	uint32_t o = v->seq[SEQ_MEMORY] & SEQ4_CHAIN4 ? n & PLANE_MASK : vga_counter_offset(v, n);
	if (!(v->crtc[CRTC_MODE] & MODE_BANK13))        /* CGA: odd lines in a bank of their own */
		o = (o & ~0x2000u) | (row_scan & 1) << 13;
	if (!(v->crtc[CRTC_MODE] & MODE_BANK14))
		o = (o & ~0x4000u) | (row_scan & 2) << 13;
	return v->vram + (size_t)(o & PLANE_MASK) * 4;
}

/* The pixels of one character clock, eight places. */
static void shift_out(const struct vga *v, const struct scan *g, const uint8_t *b, uint32_t out[8])
{
	for (unsigned i = 0; i < 8; i++) {
		unsigned c, bit = 7 - i, two = 6 - 2 * (i & 3);
		if (v->gfx[GFX_MODE] & GFX_256)
			c = b[g->per_clock == 4 ? i & 3 : i / 2];
		else if (v->gfx[GFX_MODE] & GFX_CGA)
			c = (b[i / 4] >> two & 3) | (b[2 + i / 4] >> two & 3) << 2;
		else
			c = (b[0] >> bit & 1) | (b[1] >> bit & 1) << 1 | (b[2] >> bit & 1) << 2 | (b[3] >> bit & 1) << 3;
		out[i] = g->rgb[c];
	}
}

static void show_line(const struct vga *v, const struct scan *g, unsigned y, uint32_t *out, unsigned width)
{
	unsigned line = y * g->repeat, pan = g->pan;
	uint32_t n = g->start;
	if (line > g->compare) {                /* the lower part of a split screen starts at address 0, not panned if so told */
		line -= g->compare + 1;
		n = 0;
		pan = v->attr[ATTR_MODE] & 0x20 ? 0 : pan;
	}
	if (v->crtc[CRTC_MAX_SCAN] & SCAN_DOUBLE)
		line /= 2;
	n += line / g->lines * g->pitch;
	uint32_t pixel[8];
	for (unsigned x = 0; x < width; x++) {
		unsigned at = x + pan;
		if (x == 0 || at % g->per_clock == 0)
			shift_out(v, g, fetch(v, n + at / g->per_clock, line % g->lines), pixel);
		out[x] = pixel[at % g->per_clock];
	}
}

static void show_legacy(const struct vga *v, struct screen *s)
{
	struct scan g;
	make_scan(v, s, &g);
	for (unsigned y = 0; y < s->height; y++)
		show_line(v, &g, y, s->pixels + (size_t)y * s->width, s->width);
}

/* ---- fonts of the video BIOS -------------------------------------------------------------------------------------------------------- */

/* The tables lie one glyph after another; the letter A, as all VGA BIOSes have drawn it since IBM's, tells where. */
static bool find_font(const struct vga *v, const uint8_t *letter, unsigned height, uint8_t *to)
{
	for (size_t at = (size_t)'A' * height; v->rom && at + (256 - 'A') * height <= v->rom_len; at++) {
		const uint8_t *font = v->rom + at - 'A' * height;
		bool blank = true;
		if (memcmp(v->rom + at, letter, height))
			continue;
		for (unsigned i = 0; i < height; i++)
			blank &= !font[' ' * height + i];
		if (blank) {
			memcpy(to, font, 256 * height);
			return true;
		}
	}
	return false;
}

void vga_show_fonts(const struct vga *v, struct screen *s)
{
	static const uint8_t a8[8] = { 0x30, 0x78, 0xcc, 0xcc, 0xfc, 0xcc, 0xcc, 0 };
	static const uint8_t a14[14] = { 0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6 };
	static const uint8_t a16[16] = { 0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0xc6 };
	bool any = find_font(v, a8, 8, s->rom8[0]);
	any |= find_font(v, a14, 14, s->rom14[0]);
	any |= find_font(v, a16, 16, s->rom16[0]);
	s->rom_fonts = any;
}

void vga_show_pixels(const struct vga *v, struct screen *s)
{
	size_t n = (size_t)s->width * s->height, from = 0, len = 0x40000;
	if (vga_vbe_on(v)) {
		from = (size_t)v->vbe[VBE_Y_OFFSET] * vbe_line_bytes(v);
		len = (size_t)s->height * vbe_line_bytes(v);
	}
	if (from >= v->vram_size)
		from = 0;
	if (len > v->vram_size - from)
		len = v->vram_size - from;
	/* Where the engine knows that nothing was written, a look at the registers is enough. */
	struct machine *m = v->pci.dev.machine;
	uint64_t regs = key_of(v, from, len), memory = m->accel->written ? m->accel->written(m, v->ram_addr, v->vram_size) : 0;
	bool untouched = s->pixels && memory && memory == s->pixel_memory && regs == s->pixel_regs;
	uint64_t key = untouched ? s->pixel_key : mix(regs, v->vram + from, len);
	s->pixel_regs = regs;
	s->pixel_memory = memory;
	s->pixels_same = s->pixels && key == s->pixel_key;
	if (s->pixels_same)
		return;
	if (n > s->pixel_cap || !n || n > MAX_PIXELS) {
		free(s->pixels);
		s->pixel_cap = 0;
		s->pixels = n && n <= MAX_PIXELS ? malloc(n * sizeof *s->pixels) : NULL;
		if (!s->pixels)
			return;
		s->pixel_cap = n;
	}
	s->pixel_key = key;
	if (!s->rom_fonts)
		vga_show_fonts(v, s);
	if (vga_vbe_on(v))
		show_vbe(v, s);
	else
		show_legacy(v, s);
}
