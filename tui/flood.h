/* flood.h - much output at once.
 *
 * Of a piece of output that is longer than the screen, most lines only pass through the terminal emulation on their way into the scrollback.
 * Where such lines are plain - printable ASCII, CR, LF, TAB, BS and colours (SGR) - and the emulation is in no mode that makes them mean
 * something else, they go there straight away, and the emulation gets only the lines that stay on its screen.  The result is the same, cell
 * by cell: the screen, the cursor, and the lines that scrolled off. */
#ifndef TUI_FLOOD_H
#define TUI_FLOOD_H
#include "tui/grid.h"
#include <stddef.h>
#include <stdint.h>
#include <vterm.h>

enum flood_state { FLOOD_GROUND, FLOOD_ESC, FLOOD_CSI, FLOOD_STRING, FLOOD_STRING_ESC, FLOOD_REFUSED };
struct flood {
	/* Set by the owner, whose arg is given to the functions. */
	VTerm *vt;
	VTermScreen *vts;
	void *arg;
	void (*keep)(void *arg, const struct cell *cells, unsigned n);          /* a line that scrolled off */
	void (*keep_ascii)(void *arg, const uint8_t *bytes, unsigned n);        /* the same, printable ASCII in the default style */
	bool alt_screen;                        /* the owner keeps it up to date (VTERM_PROP_ALTSCREEN) */
	/* Its own. */
	enum flood_state state;                 /* of the emulation's parser */
	unsigned odd;                           /* modes that make plain text mean something else */
	bool odd_region;                        /* the scrolling region was named by its rows: it is right at this size only */
	char seq[32];                           /* the CSI sequence so far, without ESC [ */
	unsigned n_seq, n_params;
	bool repeatable;                        /* the last character was plain ASCII */
	bool held;                              /* the last byte, C2h, waits for the next one */
	bool restored;                          /* the cursor was put back to where it was saved */
	char intermediate;                      /* of an escape sequence */
	unsigned swallow;                       /* lines the emulation pushes that were kept already */
};
/* Give the emulation n bytes. */
void flood_feed(struct flood *f, const uint8_t *bytes, size_t n);
/* For the owner's sb_pushline: true when this line was kept already. */
bool flood_swallow(struct flood *f);
/* The emulation got another size; to be said before it gets output again. */
void flood_resized(struct flood *f);
#endif
