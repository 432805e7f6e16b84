/* termcell.c - see termcell.h. */
#include "tui/termcell.h"

static uint32_t colour(const VTermColor *c, bool is_default)
{
	if (is_default)
		return COLOUR_DEFAULT;
	if (VTERM_COLOR_IS_INDEXED(c))
		return COLOUR_PALETTE | c->indexed.idx;
	return (uint32_t)c->rgb.red << 16 | (uint32_t)c->rgb.green << 8 | c->rgb.blue;
}

void termcell_read(const VTermScreenCell *from, struct cell *to)
{
	*to = (struct cell){ .ch = from->chars[0] ? from->chars[0] : ' ' };
	if (from->chars[0] == (uint32_t)-1)
		to->ch = GRID_WIDE_TAIL;
	for (int i = 0; i < CELL_COMBINING && from->chars[0] && from->chars[i + 1]; i++)
		to->comb[i] = from->chars[i + 1];
	to->style.fg = colour(&from->fg, VTERM_COLOR_IS_DEFAULT_FG(&from->fg));
	to->style.bg = colour(&from->bg, VTERM_COLOR_IS_DEFAULT_BG(&from->bg));
	to->style.attrs = (from->attrs.bold ? ATTR_BOLD : 0) | (from->attrs.underline ? ATTR_UNDERLINE : 0) | (from->attrs.italic ? ATTR_ITALIC : 0) |
			  (from->attrs.blink ? ATTR_BLINK : 0) | (from->attrs.reverse ? ATTR_REVERSE : 0);
}

static VTermColor to_vterm(uint32_t c, bool foreground)
{
	VTermColor out;
	vterm_color_indexed(&out, (uint8_t)(foreground ? 7 : 0));
	if (c & COLOUR_DEFAULT)
		out.type |= foreground ? VTERM_COLOR_DEFAULT_FG : VTERM_COLOR_DEFAULT_BG;
	else if (c & COLOUR_PALETTE)
		vterm_color_indexed(&out, (uint8_t)c);
	else
		vterm_color_rgb(&out, (uint8_t)(c >> 16), (uint8_t)(c >> 8), (uint8_t)c);
	return out;
}

void termcell_write(const struct cell *from, bool wide, VTermScreenCell *to)
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
	to->fg = to_vterm(from->style.fg, true);
	to->bg = to_vterm(from->style.bg, false);
}
