/* flood_priv.h - what the parts of flood share: its feeding (flood.c), the emulation's modes (floodmodes.c), lines past it (floodpass.c). */
#ifndef TUI_FLOOD_PRIV_H
#define TUI_FLOOD_PRIV_H
#include "tui/flood.h"
enum {
	ODD_REGION = 1u << 0, ODD_WRAP = 1u << 1, ODD_INSERT = 1u << 2, ODD_NEWLINE = 1u << 3, ODD_ORIGIN = 1u << 4, ODD_MARGINS = 1u << 5,
	ODD_G0 = 1u << 6, ODD_SHIFT = 1u << 7, ODD_SINGLE = 1u << 8, ODD_TABS = 1u << 9, ODD_UNKNOWN = 1u << 10,
};
enum { LEAST_LINES = 32 };              /* fewer are not worth the trouble */
/* lines: how many end in CR LF; first, last: where the first and the last of these end */
struct flood_stretch { size_t len, lines, first, last; };

/* A byte is on its way to the emulation. */
void flood_watch(struct flood *f, uint8_t c);
void flood_odd(struct flood *f, unsigned what, bool is);
/* Bytes as they are into libvterm. */
void flood_emulate(struct flood *f, const void *bytes, size_t n);
/* The plain text that p begins with. */
struct flood_stretch flood_stretch(const uint8_t *p, size_t n);
/* Does plain text print anything but blanks?  Colour sequences in it do not. */
bool flood_has_glyph(const uint8_t *p, size_t n);
/* n plain lines, of len bytes; the emulation has the line before them.  False: they are too few, or it is in an odd mode; nothing was done. */
bool flood_pass(struct flood *f, const uint8_t *bytes, size_t len, size_t n);
#endif
