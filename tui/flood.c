/* flood.c - see flood.h.  What libvterm does not survive is kept from it here. */
#include "tui/flood.h"
#include "tui/flood_priv.h"
#include <stdio.h>
#include <string.h>

enum { LEAD_C2 = 0xc2, MOST_PARAMS = 16 };

bool flood_swallow(struct flood *f)
{
	if (!f->swallow)
		return false;
	f->swallow--;
	return true;
}

void flood_emulate(struct flood *f, const void *bytes, size_t n)
{
	vterm_input_write(f->vt, bytes, n);
}

/* A guest's bytes.  U+0080 to U+009F become U+FFFD: libvterm 0.1.4 prints them with a width of -1, and moves cells from outside of the screen where it
 * inserts.  They begin with C2h, which libvterm takes up again after whatever comes between; so it gets one only with a good byte behind it. */
static void feed_guest(struct flood *f, const uint8_t *bytes, size_t n)
{
	const uint8_t *end = bytes + n, *p = bytes;
	while (p < end && (p = memchr(p, LEAD_C2, (size_t)(end - p)))) {
		uint8_t next = end - p > 1 ? p[1] : 0;
		if (next < 0xa0 || next >= 0xc0) {
			flood_emulate(f, bytes, (size_t)(p - bytes));
			flood_emulate(f, "\xef\xbf\xbd", 3);
			bytes = p + 1 + (next >= 0x80 && next < 0xa0);
		}
		p += 1 + (next >= 0x80 && next < 0xc0);
	}
	flood_emulate(f, bytes, (size_t)(end - bytes));
}

/* libvterm 0.1.4 lets the cursor leave the screen: a restored one when the screen has become smaller since, and, above the first row, that of a
 * full screen that becomes lower.  When a guest erases from there it writes through a null pointer. */
static void into_the_screen(struct flood *f)
{
	char move[32];
	int rows, cols;
	VTermPos pos;
	f->restored = false;
	vterm_get_size(f->vt, &rows, &cols);
	vterm_state_get_cursorpos(vterm_obtain_state(f->vt), &pos);
	if (pos.row >= 0 && pos.row < rows && pos.col >= 0 && pos.col < cols)
		return;
	pos.row = pos.row < 0 ? 0 : pos.row < rows ? pos.row : rows - 1;
	pos.col = pos.col < 0 ? 0 : pos.col < cols ? pos.col : cols - 1;
	/* CAN: a sequence that has begun could be the one that erases */
	flood_emulate(f, move, (size_t)snprintf(move, sizeof move, "\030\033[%d;%dH", pos.row + 1, pos.col + 1));
	f->state = FLOOD_GROUND;
}

/* libvterm 0.1.4 keeps the first row of a scrolling region that is below a smaller screen, and moves rows that there are not at the next line end: a null
 * pointer.  So a region goes with the size that it was made for, as in xterm. */
static void forget_region(struct flood *f)
{
	char bytes[32];
	VTermPos pos;
	if (!f->odd_region && !(f->odd & (ODD_REGION | ODD_ORIGIN | ODD_MARGINS | ODD_UNKNOWN)))
		return;
	vterm_state_get_cursorpos(vterm_obtain_state(f->vt), &pos);
	flood_emulate(f, bytes, (size_t)snprintf(bytes, sizeof bytes, "\030\033[r\033[%d;%dH", pos.row > 0 ? pos.row + 1 : 1, pos.col > 0 ? pos.col + 1 : 1));
	f->state = FLOOD_GROUND;
	f->odd_region = false;
	flood_odd(f, ODD_REGION, false);
}

void flood_resized(struct flood *f)
{
	forget_region(f);
	into_the_screen(f);
}

/* Sequences that libvterm 0.1.4 does not survive end before it has them whole: their rest is left out.  More than 16 parameters overwrite its memory;
 * a repetition (REP) of a character without a width has no end. */
static bool is_refused(struct flood *f, uint8_t c)
{
	bool was_refused = f->state == FLOOD_REFUSED;
	if (f->state == FLOOD_CSI) {
		f->n_params += c == ';' || c == ':';
		if (f->n_params < MOST_PARAMS && (c != 'b' || f->repeatable))
			return false;
		f->state = c < 0x40 ? FLOOD_REFUSED : FLOOD_GROUND;
		return true;
	}
	if (was_refused && (c < 0x20 || c >= 0x40))
		f->state = FLOOD_GROUND;
	return was_refused && c >= 0x20 && c < 0x7f;
}

void flood_feed(struct flood *f, const uint8_t *bytes, size_t n)
{
	uint8_t pair[2] = { LEAD_C2 };
	size_t done = 0;                        /* what the emulation has */
	if (!n)
		return;
	if (f->held) {
		pair[1] = bytes[0];
		bool whole = (pair[1] & 0xc0) == 0x80;
		f->held = false;
		flood_watch(f, pair[0]);
		feed_guest(f, pair, whole ? 2 : 1);
		bytes += whole;
		n -= whole;
	}
	if (n && bytes[n - 1] == pair[0]) {     /* what it is turns out with the next byte */
		f->held = true;
		n--;
	}
	for (size_t at = 0; at < n; ) {
		struct flood_stretch s = { 0 };
		enum flood_state before = f->state;
		if (f->state == FLOOD_GROUND && !(f->odd & ODD_SINGLE))
			s = flood_stretch(bytes + at, n - at);
		if (s.lines > LEAST_LINES) {
			/* In pieces that end with lines: how libvterm decodes a text depends on where it begins. */
			feed_guest(f, bytes + done, at + s.first - done);
			done = at + s.first;
			if (flood_pass(f, bytes + done, s.last - s.first, s.lines - 1))
				done = at + s.last;
		}
		f->repeatable |= flood_has_glyph(bytes + at, s.len);
		at += s.len;
		if (at < n && f->state != FLOOD_GROUND && is_refused(f, bytes[at])) {
			feed_guest(f, bytes + done, at - done);
			if (f->state != before)
				flood_emulate(f, "\030", 1);
			done = ++at;
		} else if (at < n) {
			flood_watch(f, bytes[at++]);
		}
		if (f->restored) {
			feed_guest(f, bytes + done, at - done);
			done = at;
			into_the_screen(f);
		}
	}
	if (done < n)
		feed_guest(f, bytes + done, n - done);
}
