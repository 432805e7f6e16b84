/* floodmodes.c - what the emulation's modes are: it cannot be asked of libvterm, so they are followed here; every byte that goes to it passes
 * flood_watch().  Where in doubt a mode counts as odd, which costs speed and nothing else; a full reset (ESC c) makes all well. */
#include "tui/flood_priv.h"
#include <stdlib.h>
#include <string.h>

void flood_odd(struct flood *f, unsigned what, bool is)
{
	f->odd = is ? f->odd | what : f->odd & ~what;
}

static void set_modes(struct flood *f, bool on)
{
	bool dec = f->seq[0] == '?';
	f->restored |= dec && !on;              /* 1048 and 1049 do that */
	for (const char *p = f->seq + dec; *p; p += strcspn(p, ";:") + (p[strcspn(p, ";:")] != 0)) {
		int n = atoi(p);
		if (!dec && n == 4)
			flood_odd(f, ODD_INSERT, on);
		else if (!dec && n == 20)
			flood_odd(f, ODD_NEWLINE, on);
		else if (dec && n == 6)
			flood_odd(f, ODD_ORIGIN, on);
		else if (dec && n == 7)
			flood_odd(f, ODD_WRAP, !on);
		else if (dec && n == 69)
			flood_odd(f, ODD_MARGINS, on);
		if (p[strcspn(p, ";:")])
			flood_odd(f, ODD_UNKNOWN, true);      /* libvterm takes one mode a sequence */
	}
}

static void set_region(struct flood *f)
{
	int rows, cols, top = atoi(f->seq), bottom = strchr(f->seq, ';') ? atoi(strchr(f->seq, ';') + 1) : 0;
	vterm_get_size(f->vt, &rows, &cols);
	f->odd_region = bottom > 0;
	flood_odd(f, ODD_REGION, top > 1 || (bottom > 0 && bottom != rows));
}

/* A whole control sequence: seq holds parameters and intermediates. */
static void control_sequence(struct flood *f, char final)
{
	char first = f->seq[0], last = f->n_seq ? f->seq[f->n_seq - 1] : 0;
	f->seq[f->n_seq] = 0;
	if (last >= 0x20 && last < 0x30)        /* DECSTR and others: nothing that is odd, and what was odd is thought to be so still */
		return;
	if (final == 'h' || final == 'l')
		set_modes(f, final == 'h');
	else if (final == 'r' && first < '<')
		set_region(f);
	else if (final == 'g')
		flood_odd(f, ODD_TABS, true);
}

/* The final byte of an escape sequence. */
static void escape(struct flood *f, char c)
{
	f->state = FLOOD_GROUND;
	if (f->intermediate == '(') {
		flood_odd(f, ODD_G0, c != 'B');
	} else if (f->intermediate) {
		if (f->intermediate != ')' && f->intermediate != '*' && f->intermediate != '+')
			flood_odd(f, ODD_UNKNOWN, true);
	} else if (c == '[') {
		f->state = FLOOD_CSI;
		f->n_seq = f->n_params = 0;
	} else if (c == ']' || c == 'P') {
		f->state = FLOOD_STRING;
	} else if (c == 'X' || c == '^' || c == '_') {  /* strings, or nothing, as versions of libvterm go */
		f->state = FLOOD_STRING;
		flood_odd(f, ODD_UNKNOWN, true);
	} else if (c == '8') {
		f->restored = true;
	} else if (c == 'c') {
		f->repeatable = false;
		f->odd = f->alt_screen ? ODD_UNKNOWN : 0;
	} else if (c == 'H') {
		flood_odd(f, ODD_TABS, true);
	} else if (c == 'N' || c == 'O') {
		flood_odd(f, ODD_SINGLE, true);
	} else if (c == 'n' || c == 'o') {
		flood_odd(f, ODD_SHIFT, true);
	}
}

static void in_csi(struct flood *f, uint8_t c)
{
	if (c >= 0x40) {
		f->state = FLOOD_GROUND;
		if (c < 0x7f)
			control_sequence(f, (char)c);
	} else if (f->n_seq + 1 < sizeof f->seq) {
		f->seq[f->n_seq++] = (char)c;
	} else {
		flood_odd(f, ODD_UNKNOWN, true);
	}
}

/* A byte on its way to the emulation. */
void flood_watch(struct flood *f, uint8_t c)
{
	if (f->state == FLOOD_GROUND && c >= 0x20)
		f->repeatable = c < 0x7f;
	if (c == 0x7f || !c)
		return;
	if (c == 0x18 || c == 0x1a) {
		f->state = FLOOD_GROUND;
	} else if (f->state == FLOOD_STRING) {
		if (c == 7)
			f->state = FLOOD_GROUND;
		else if (c == 0x1b)
			f->state = FLOOD_STRING_ESC;
	} else if (c == 0x1b) {
		f->state = FLOOD_ESC;
		f->intermediate = 0;
	} else if (c < 0x20) {
		if (c == 0x0e || c == 0x0f)
			flood_odd(f, ODD_SHIFT, c == 0x0e);
	} else if (f->state == FLOOD_STRING_ESC && c == '\\') {
		f->state = FLOOD_GROUND;
	} else if (f->state == FLOOD_ESC || f->state == FLOOD_STRING_ESC) {
		if (f->state == FLOOD_STRING_ESC)
			f->intermediate = 0;
		f->state = FLOOD_ESC;
		if (c < 0x30)
			f->intermediate = (char)c;
		else if (c < 0x7f)
			escape(f, (char)c);
	} else if (f->state == FLOOD_CSI) {
		in_csi(f, c);
	} else {
		flood_odd(f, ODD_SINGLE, false);
	}
}
