/* copymode.c - see copymode.h. */
#include "tui/copymode.h"
#include <string.h>

/* tmux's word-separators for vi keys. */
static const char separators[] = "!\"#$%&'()*+,-./:;<=>?@[\\]^`{|}~";
enum class { BLANK, SEPARATOR, WORD };

/* ---- lines ------------------------------------------------------------------------------------------------------------------------- */

uint64_t copy_lines(const struct copy_state *c)
{
	const struct match *m;
	return c->filter ? search_matches(c->filter, &m) : c->doc.end - c->doc.first;
}

uint64_t copy_index(const struct copy_state *c, uint64_t line)
{
	if (c->filter)
		return search_at(c->filter, line, 0);
	return line < c->doc.first ? 0 : line - c->doc.first;
}

uint64_t copy_line_at(const struct copy_state *c, uint64_t index)
{
	const struct match *m;
	if (!c->filter)
		return c->doc.first + index;
	return index < search_matches(c->filter, &m) ? m[index].line : c->doc.end;
}

static void load(struct copy_state *c)
{
	if (c->is_loaded && c->loaded == c->at.line)
		return;
	c->len = document_line(&c->doc, c->at.line, c->cells, DOCUMENT_CELLS);
	if (c->len > DOCUMENT_CELLS)
		c->len = DOCUMENT_CELLS;
	while (c->len && (!c->cells[c->len - 1].ch || c->cells[c->len - 1].ch == ' '))
		c->len--;
	c->loaded = c->at.line;
	c->is_loaded = true;
}

static void go(struct copy_state *c, uint64_t line)
{
	uint64_t n = copy_lines(c), index = copy_index(c, line);
	if (n)
		c->at.line = copy_line_at(c, index < n ? index : n - 1);
	load(c);
	c->at.col = c->want_col < c->len ? c->want_col : c->len ? c->len - 1 : 0;
	while (c->at.col && c->cells[c->at.col].ch == GRID_WIDE_TAIL)
		c->at.col--;
}

void copy_settle(struct copy_state *c)
{
	c->is_loaded = false;
	if (c->anchor.line < c->doc.first)
		c->anchor = (struct docpos){ c->doc.first, 0 };
	go(c, c->at.line);
}

void copy_down(struct copy_state *c, int64_t lines)
{
	uint64_t n = copy_lines(c), index = copy_index(c, c->at.line);
	if (lines < 0)
		index = (uint64_t)-lines > index ? 0 : index - (uint64_t)-lines;
	else
		index += (uint64_t)lines;
	if (n)
		go(c, copy_line_at(c, index < n ? index : n - 1));
}

/* ---- characters and words ------------------------------------------------------------------------------------------------------------ */

static enum class class_here(struct copy_state *c, bool spaces_only)
{
	load(c);
	if (c->at.col >= c->len)
		return BLANK;
	uint32_t ch = c->cells[c->at.col].ch;
	if (!ch || ch == ' ')
		return BLANK;
	return !spaces_only && ch < 0x80 && strchr(separators, (int)ch) ? SEPARATOR : WORD;
}

/* One cell on; *broke is set when that is on another line.  False: the document ends here. */
static bool step(struct copy_state *c, bool back, bool *broke)
{
	uint64_t index = copy_index(c, c->at.line);
	load(c);
	*broke = false;
	do {
		if (back ? c->at.col > 0 : c->at.col + 1 < c->len) {
			c->at.col += back ? -1u : 1u;
			continue;
		}
		if (*broke || (back ? !index : index + 1 >= copy_lines(c)))
			return *broke;
		c->at.line = copy_line_at(c, back ? index - 1 : index + 1);
		load(c);
		c->at.col = back && c->len ? c->len - 1 : 0;
		*broke = true;
	} while (c->at.col < c->len && c->cells[c->at.col].ch == GRID_WIDE_TAIL);
	return true;
}

static void next_word(struct copy_state *c, bool spaces)
{
	enum class was = class_here(c, spaces), now = was;
	bool broke = false;
	while (now == was && now != BLANK && !broke) {
		if (!step(c, false, &broke))
			return;
		now = class_here(c, spaces);
	}
	while (now == BLANK && step(c, false, &broke))
		now = class_here(c, spaces);
}

static void word_end(struct copy_state *c, bool spaces)
{
	struct docpos last;
	bool broke;
	if (!step(c, false, &broke))
		return;
	while (class_here(c, spaces) == BLANK)
		if (!step(c, false, &broke))
			return;
	for (enum class was = class_here(c, spaces);;) {
		last = c->at;
		if (!step(c, false, &broke) || broke || class_here(c, spaces) != was)
			break;
	}
	c->at = last;
}

static void word_back(struct copy_state *c, bool spaces)
{
	struct docpos last;
	bool broke;
	if (!step(c, true, &broke))
		return;
	while (class_here(c, spaces) == BLANK)
		if (!step(c, true, &broke))
			return;
	for (enum class was = class_here(c, spaces);;) {
		last = c->at;
		if (!step(c, true, &broke) || broke || class_here(c, spaces) != was)
			break;
	}
	c->at = last;
}

static void paragraph(struct copy_state *c, int by)
{
	uint64_t before;
	bool text = false;
	c->want_col = 0;
	do {
		before = c->at.line;
		load(c);
		text |= c->len > 0;
		copy_down(c, by);
	} while (c->at.line != before && (c->len || !text));
}

bool copy_move(struct copy_state *c, enum copy_action move)
{
	bool broke, keeps_column = false;
	load(c);
	switch (move) {
	case COPY_LEFT: step(c, true, &broke); break;
	case COPY_RIGHT: step(c, false, &broke); break;
	case COPY_UP: copy_down(c, -1); keeps_column = true; break;
	case COPY_DOWN: copy_down(c, 1); keeps_column = true; break;
	case COPY_TOP: c->want_col = 0; go(c, c->doc.first); break;
	case COPY_BOTTOM: c->want_col = 0; go(c, c->doc.end); break;
	case COPY_LINE_START: c->at.col = 0; break;
	case COPY_INDENT:
		for (c->at.col = 0; c->at.col + 1 < c->len && c->cells[c->at.col].ch == ' '; )
			c->at.col++;
		break;
	case COPY_LINE_END: c->at.col = c->len ? c->len - 1 + c->exclusive : 0; break;
	case COPY_WORD: next_word(c, false); break;
	case COPY_WORD_BACK: word_back(c, false); break;
	case COPY_WORD_END: word_end(c, false); break;
	case COPY_SPACE: next_word(c, true); break;
	case COPY_SPACE_BACK: word_back(c, true); break;
	case COPY_SPACE_END: word_end(c, true); break;
	case COPY_PARAGRAPH_UP: paragraph(c, -1); break;
	case COPY_PARAGRAPH_DOWN: paragraph(c, 1); break;
	case COPY_OTHER_END:
		if (c->selection) {
			struct docpos p = c->at;
			c->at = c->anchor;
			c->anchor = p;
		}
		break;
	default: return false;
	}
	if (!keeps_column)
		c->want_col = move == COPY_LINE_END ? DOCUMENT_CELLS : c->at.col;
	return true;
}

/* ---- the selection ------------------------------------------------------------------------------------------------------------------- */

static void ends(const struct copy_state *c, struct docpos *from, struct docpos *to)
{
	bool turned = c->at.line < c->anchor.line || (c->at.line == c->anchor.line && c->at.col < c->anchor.col);
	*from = turned ? c->at : c->anchor;
	*to = turned ? c->anchor : c->at;
	if (c->selection == SELECT_BLOCK && from->col > to->col) {
		unsigned col = from->col;
		from->col = to->col;
		to->col = col;
	}
	if (!c->exclusive || turned)
		to->col++;
}

/* The columns of a line that are selected; false: none. */
static bool columns(const struct copy_state *c, uint64_t line, unsigned *from, unsigned *to)
{
	struct docpos a, b;
	if (!c->selection)
		return false;
	ends(c, &a, &b);
	*from = c->selection == SELECT_BLOCK || (c->selection == SELECT_TEXT && line == a.line) ? a.col : 0;
	*to = c->selection == SELECT_BLOCK || (c->selection == SELECT_TEXT && line == b.line) ? b.col : DOCUMENT_CELLS;
	return line >= a.line && line <= b.line;
}

bool copy_selected(const struct copy_state *c, uint64_t line, unsigned col)
{
	unsigned from, to;
	return columns(c, line, &from, &to) && col >= from && col < to;
}

size_t copy_take(const struct copy_state *c, struct text *out)
{
	struct docpos a, b;
	size_t lines = 0;
	unsigned from, to;
	if (!c->selection)
		return 0;
	ends(c, &a, &b);
	for (uint64_t i = copy_index(c, a.line), n = copy_lines(c); i < n; i++) {
		uint64_t line = copy_line_at(c, i);
		if (!columns(c, line, &from, &to))
			break;
		if (lines++)
			text_add(out, "\n", 1);
		document_text(&c->doc, line, from, to, out);
	}
	if (c->selection == SELECT_LINES && lines)
		text_add(out, "\n", 1);
	return lines;
}
