/* strip.c - see strip.h.  Ref: ECMA-48, "Control functions". */
#include "tui/strip.h"
#include <string.h>

static char plain(struct strip *s, uint8_t c)
{
	if (c == 0x1b)
		s->state = STRIP_ESC;
	if (c == '\n' || c == '\r' || c == '\t')
		return (char)c;
	return c < 0x20 || c == 0x7f ? 0 : (char)c;
}

char strip_byte(struct strip *s, uint8_t c)
{
	switch (s->state) {
	case STRIP_TEXT: return plain(s, c);
	case STRIP_ESC:
		s->state = c == '[' ? STRIP_CSI : c == ']' || c == 'P' || c == '_' || c == '^' ? STRIP_STRING : c >= 0x20 && c < 0x30 ? STRIP_ESC : STRIP_TEXT;
		return 0;
	case STRIP_CSI:
		if (c < 0x40 && c != 0x1b)
			return 0;
		s->state = c == 0x1b ? STRIP_ESC : STRIP_TEXT;
		return c && strchr("HfABEFdJ", c) ? '\v' : 0;
	case STRIP_STRING:
		s->state = c == 7 ? STRIP_TEXT : c == 0x1b ? STRIP_STRING_ESC : STRIP_STRING;
		return 0;
	case STRIP_STRING_ESC:
		s->state = c == '\\' ? STRIP_TEXT : STRIP_STRING;
		return 0;
	}
	return 0;
}
