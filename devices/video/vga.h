/* vga.h - inside of the standard VGA: what its parts (registers, memory logic, text, VBE) share.
 *
 * Video memory holds the four planes interleaved: byte o of plane p is vram[o * 4 + p].  Chain-4 and linear modes see the same bytes in order. */
#ifndef DEVICES_VIDEO_VGA_H
#define DEVICES_VIDEO_VGA_H
#include "core/machine/display.h"
#include "devices/pci/pci.h"

enum { SEQ_RESET, SEQ_CLOCK, SEQ_MAP_MASK, SEQ_FONT, SEQ_MEMORY, SEQ_COUNT = 8 };
enum { GFX_SET_RESET, GFX_ENABLE_SR, GFX_COMPARE, GFX_ROTATE, GFX_READ_MAP, GFX_MODE, GFX_MISC, GFX_DONT_CARE, GFX_BIT_MASK, GFX_COUNT = 16 };
enum { CRTC_HTOTAL = 0, CRTC_HEND = 1, CRTC_VTOTAL = 6, CRTC_OVERFLOW = 7, CRTC_PRESET_ROW = 8, CRTC_MAX_SCAN = 9, CRTC_CURSOR_START = 0x0a,
       CRTC_CURSOR_END = 0x0b, CRTC_START_HI = 0x0c, CRTC_START_LO = 0x0d, CRTC_CURSOR_HI = 0x0e, CRTC_CURSOR_LO = 0x0f,
       CRTC_VSYNC_START = 0x10, CRTC_VSYNC_END = 0x11, CRTC_VEND = 0x12, CRTC_OFFSET = 0x13, CRTC_UNDERLINE = 0x14, CRTC_MODE = 0x17,
       CRTC_LINE_COMPARE = 0x18, CRTC_COUNT = 0x19 };
enum { ATTR_MODE = 0x10, ATTR_OVERSCAN, ATTR_PLANES, ATTR_PAN, ATTR_COLOR_SELECT, ATTR_COUNT = 0x15 };
enum { MISC_COLOR = 1, MISC_RAM = 2 };
enum { AMODE_GRAPHICS = 1, AMODE_BLINK = 8, AMODE_WIDE_PEL = 0x40, AMODE_P54 = 0x80 };
enum { ATTR_PAS = 0x20 /* in the index: palette belongs to the display */ };

enum { VBE_ID, VBE_XRES, VBE_YRES, VBE_BPP, VBE_ENABLE, VBE_BANK, VBE_VIRT_WIDTH, VBE_VIRT_HEIGHT, VBE_X_OFFSET, VBE_Y_OFFSET, VBE_MEMORY_64K,
       VBE_COUNT };
enum { VBE_ON = 1, VBE_GETCAPS = 2, VBE_8BIT_DAC = 0x20, VBE_LFB = 0x40, VBE_NOCLEAR = 0x80 };

enum { WINDOW_BASE = 0xa0000, WINDOW_SIZE = 0x20000, PLANE_MASK = 0xffff };

/* The geometry of text. */
struct text_geometry { unsigned cols, rows, height /* scan lines of a row */, glyph, start, pitch, compare, end; };

/* What is known of a guest that scrolls (vga_history.c). */
struct vga_watch {
	struct text_history *history;           /* NULL until a front end asks for it */
	struct text_geometry at;                /* of the screen that the history knows */
	bool     moved;                         /* the registers say something else now */
	enum { WHOLE, HALF, HALF_SEEN } start;  /* of the start address only the upper half was written; a snapshot was taken then */
	bool     unknown;                       /* not what the screen showed before: memory or registers were replaced */
	bool     sweeping, fresh;               /* the screen is being written from its first cell on; some of it since the last snapshot */
	uint32_t next;                          /* offset of the cell that is written next */
	unsigned x, y;                          /* its place */
	struct text_cell *before;               /* the screen before that */
	size_t   before_cap;
};

struct vga {
	struct pci_device pci;
	uint32_t vgamem_mb;
	char    *romfile;

	struct region lfb, mmio, window, linear;        /* BAR 0, BAR 2, A0000 as device, A0000 as RAM */
	struct region ports[6];
	uint64_t ram_addr;                      /* of video memory in the arena */
	uint8_t *vram;
	uint32_t vram_size;
	uint8_t *rom;                           /* as loaded, to know its fonts again */
	size_t   rom_len;
	uint8_t  edid[128];

	/* registers */
	uint8_t  seq_index, seq[SEQ_COUNT], gfx_index, gfx[GFX_COUNT], crtc_index, crtc[CRTC_COUNT];
	uint8_t  attr_index, attr[ATTR_COUNT];
	bool     attr_data;                     /* flip-flop: the next write to 3c0 is data */
	uint8_t  misc, feature, enabled;
	uint8_t  dac_mask, dac_state, dac_read, dac_write, dac_sub, dac_cache[3], dac[768];
	uint32_t latch;
	uint16_t vbe_index, vbe[VBE_COUNT];

	/* derived from the registers */
	bool     text_writes;                   /* plain odd/even text writes: the fast path of the window */
	bool     text_shown;
	bool     dirty_all;                     /* what is visible wraps around or is split: any write may show */
	uint32_t visible_from, visible_to;      /* offsets in planes 0 and 1 */
	uint32_t window_off, window_size;       /* part of A0000-BFFFF that decodes */
	uint32_t bank;                          /* offset in vram of the window, linear modes */
	bool     font_changed;                  /* plane 2 written since the font was compared */
	bool     font_loaded;
	uint32_t font_key;                      /* height and offset of the comparison */
	struct vga_watch watch;
};

/* vga.c */
void vga_update(struct vga *v);                         /* registers changed: derive, map the window, tell the display */
uint8_t vga_port_read(struct vga *v, unsigned port);    /* 3b0-3df */
void vga_port_write(struct vga *v, unsigned port, uint8_t val);
static inline bool vga_vbe_on(const struct vga *v) { return v->vbe[VBE_ENABLE] & VBE_ON; }
static inline unsigned vga_vertical_end(const struct vga *v)    /* last displayed scan line */
{
	return v->crtc[CRTC_VEND] | (v->crtc[CRTC_OVERFLOW] & 2u) << 7 | (v->crtc[CRTC_OVERFLOW] & 0x40u) << 3;
}
/* vga_mem.c */
extern const struct io_ops vga_window_io;
void vga_update_window(struct vga *v);
bool vga_map_window(struct vga *v, struct error *err);
void vga_unmap_window(struct vga *v);
/* vga_history.c */
void vga_watch_cell(struct vga *v, uint32_t o);
/* A character is about to be written, at offset o of plane 0. */
static inline void vga_watch_write(struct vga *v, uint32_t o)
{
	if (v->watch.history && v->text_shown && (v->watch.moved || v->watch.sweeping || o == v->visible_from))
		vga_watch_cell(v, o);
}
/* The front end that wants the rows that are gone has taken a snapshot. */
void vga_watch_snapshot(struct vga *v, struct screen *s);
void vga_watch_half(struct vga *v, bool upper);         /* one half of the start address is written: the upper one, or the lower one */
void vga_watch_forget(struct vga *v);                   /* registers and memory were replaced */
void vga_watch_free(struct vga *v);
/* vga_text.c */
struct text_geometry vga_text_geometry(const struct vga *v);
bool vga_is_blank(const struct vga *v);                 /* the screen is off */
uint32_t vga_row_counter(const struct text_geometry *g, unsigned row);  /* CRTC address counter at the left of a row */
void vga_read_row(const struct vga *v, uint32_t counter, struct text_cell *cells, unsigned cols);
void vga_snapshot(void *arg, struct screen *s);
void vga_update_visible(struct vga *v);
uint32_t vga_counter_offset(const struct vga *v, uint32_t n);   /* CRTC address counter to an offset in the planes */
uint32_t vga_dac_rgb(const struct vga *v, uint8_t index);       /* 0xRRGGBB */
void vga_make_palette(const struct vga *v, uint32_t palette[16]);
/* vga_pixels.c */
/* The fonts of the video BIOS, into rom8, rom14 and rom16. */
void vga_show_fonts(const struct vga *v, struct screen *s);
void vga_show_pixels(const struct vga *v, struct screen *s);    /* s: kind, width, height and bpp are set */
/* vbe.c */
bool vbe_map(struct vga *v, struct error *err);
uint16_t vbe_read(struct vga *v, unsigned reg);
void vbe_write(struct vga *v, unsigned reg, uint16_t val);
bool vbe_ok(const struct vga *v);
uint32_t vbe_line_bytes(const struct vga *v);
extern const struct io_ops vga_mmio_ops;
/* vga_edid.c */
void vga_make_edid(uint8_t edid[128], unsigned width, unsigned height);
#endif
