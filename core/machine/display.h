/* display.h - what a display adapter shows, as snapshots for front ends.
 *
 * The adapter (loop/vCPU threads, machine lock) calls display_dirty(); a front end takes the lock for the time of a snapshot. */
#ifndef CORE_MACHINE_DISPLAY_H
#define CORE_MACHINE_DISPLAY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct machine;
enum { TEXT_MAX_COLS = 256, TEXT_MAX_ROWS = 128 };
enum screen_kind { SCREEN_BLANK, SCREEN_TEXT, SCREEN_GRAPHICS };
struct text_cell { uint8_t ch, attr; };                  /* code page 437 glyph number and the VGA attribute byte */
/* Rows of text, each a 16-bit count of cells and the cells. */
struct text_rows { uint8_t *bytes; size_t len, cap; };
struct screen {
	enum screen_kind kind;
	unsigned cols, rows;                             /* text */
	unsigned width, height, bpp;                     /* graphics */
	struct text_cell *cells;                         /* rows * cols; owned by the screen, grown as needed */
	unsigned cap;
	bool cursor_on; unsigned cursor_x, cursor_y, cursor_start, cursor_end, glyph_height;
	bool blink;                                      /* attribute bit 7 blinks; otherwise it is a bright background */
	uint32_t palette[16];                            /* 0xRRGGBB through attribute controller and DAC */
	bool font_loaded; uint8_t font[256][32];         /* character generator as loaded by the guest */
	bool dual_font; uint8_t font2[256][32];          /* 512 characters: attribute bit 3 picks font2 (and still counts as colour) */
	/* Graphics modes.  The front end sets want_pixels before the snapshot. */
	bool want_pixels, pixels_same;                   /* same: nothing differs from the snapshot this struct held before */
	uint32_t *pixels;                                /* height * width times 0xRRGGBB; owned by the screen; NULL: there are none */
	size_t pixel_cap;
	/* Rows that left a text screen since the last snapshot, the oldest first.  There is one front end that gets them: the one that sets want_gone. */
	bool want_gone;
	struct text_rows gone;                           /* owned by the screen */
	uint64_t pixel_key, pixel_regs, pixel_memory;    /* the adapter's own: hashes of what the pixels were made of, and the engine's number for its memory (accel_ops.written) */
	bool rom_fonts;                                  /* of the video BIOS, 8, 14 and 16 lines high, in code page 437's order; blank if not found */
	uint8_t rom8[256][8], rom14[256][14], rom16[256][16];
};
struct display_ops { void (*snapshot)(void *arg, struct screen *s); };
struct display *display_new(struct machine *m);
void display_free(struct display *d);
void display_register(struct machine *m, const struct display_ops *ops, void *arg);
/* Something visible may have changed.  Cheap; wakes the front end at most once until it takes a snapshot. */
void display_dirty(struct machine *m);
/* Front end: fn is called when display_dirty() finds the front end idle (at once, in the caller's thread, machine lock held). */
void display_set_wake(struct machine *m, void (*fn)(void *arg), void *arg);
bool display_changed(const struct machine *m);           /* dirty since the last snapshot; any thread */
bool display_present(const struct machine *m);          /* an adapter has registered */
/* Front end, machine lock held.  False: no adapter. */
bool display_snapshot(struct machine *m, struct screen *s);
void screen_free(struct screen *s);
/* Row by row, from *at = 0.  False: there are no more. */
bool text_rows_next(const struct text_rows *r, size_t *at, const struct text_cell **cells, unsigned *cols);
#endif
