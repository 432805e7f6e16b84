/* termcell.c - see termcell.h. */
#include "tui/termcell.h"

static uint32_t colour(const struct theme *t, const VTermColor *c, bool foreground)
{
	if (foreground ? VTERM_COLOR_IS_DEFAULT_FG(c) : VTERM_COLOR_IS_DEFAULT_BG(c))
		return foreground ? t->role[ROLE_TEXT].fg : t->role[ROLE_TEXT].bg;
	if (VTERM_COLOR_IS_INDEXED(c)) {
		unsigned n = c->indexed.idx;
		return n < 16 && t->ansi[n] != THEME_AS_IS ? t->ansi[n] : COLOUR_PALETTE | n;
	}
	return (uint32_t)c->rgb.red << 16 | (uint32_t)c->rgb.green << 8 | c->rgb.blue;
}

void termcell_read(const struct theme *t, const VTermScreenCell *from, struct cell *to)
{
	*to = (struct cell){ .ch = from->chars[0] ? from->chars[0] : ' ' };
	if (from->chars[0] == (uint32_t)-1)
		to->ch = GRID_WIDE_TAIL;
	for (int i = 0; i < CELL_COMBINING && from->chars[0] && from->chars[i + 1]; i++)
		to->comb[i] = from->chars[i + 1];
	to->style.fg = colour(t, &from->fg, true);
	to->style.bg = colour(t, &from->bg, false);
	to->style.attrs = (from->attrs.bold ? ATTR_BOLD : 0) | (from->attrs.underline ? ATTR_UNDERLINE : 0) | (from->attrs.italic ? ATTR_ITALIC : 0) |
			  (from->attrs.blink ? ATTR_BLINK : 0) | (from->attrs.reverse ? ATTR_REVERSE : 0);
}

static VTermColor to_vterm(const struct theme *t, uint32_t c, bool foreground)
{
	VTermColor out;
	const struct style *plain = &t->role[ROLE_TEXT];
	vterm_color_indexed(&out, (uint8_t)(foreground ? 7 : 0));
	if (c == (foreground ? plain->fg : plain->bg) || c & COLOUR_DEFAULT)
		out.type |= foreground ? VTERM_COLOR_DEFAULT_FG : VTERM_COLOR_DEFAULT_BG;
	else if (c & COLOUR_PALETTE)
		vterm_color_indexed(&out, (uint8_t)c);
	else
		vterm_color_rgb(&out, (uint8_t)(c >> 16), (uint8_t)(c >> 8), (uint8_t)c);
	return out;
}

void termcell_write(const struct theme *t, const struct cell *from, bool wide, VTermScreenCell *to)
{
	*to = (VTermScreenCell){ .width = wide ? 2 : 1 };
	to->chars[0] = from->ch == GRID_WIDE_TAIL ? (uint32_t)-1 : from->ch == ' ' ? 0 : from->ch;
	for (int i = 0; i < CELL_COMBINING && to->chars[0]; i++)
		to->chars[i + 1] = from->comb[i];
	to->attrs.bold = !!(from->style.attrs & ATTR_BOLD);
	to->attrs.underline = !!(from->style.attrs & ATTR_UNDERLINE);
	to->attrs.italic = !!(from->style.attrs & ATTR_ITALIC);
	to->attrs.blink = !!(from->style.attrs & ATTR_BLINK);
	to->attrs.reverse = !!(from->style.attrs & ATTR_REVERSE);
	to->fg = to_vterm(t, from->style.fg, true);
	to->bg = to_vterm(t, from->style.bg, false);
}
