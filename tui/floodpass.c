/* floodpass.c - plain lines that go past the emulation, in the look that it would have given them. */
#include "tui/flood_priv.h"
#include "tui/termcell.h"
#include <string.h>

enum { MOST_COLS = 1024, STYLES = 16 };

/* ---- plain stretches --------------------------------------------------------------------------------------------------------------- */

/* Length of the SGR sequence at p, 0 = none. */
static size_t sgr(const uint8_t *p, size_t n)
{
	size_t i = 2;
	if (n < 3 || p[0] != 0x1b || p[1] != '[')
		return 0;
	while (i < n && i < 24 && ((p[i] >= '0' && p[i] <= '9') || p[i] == ';'))
		i++;
	return i < n && p[i] == 'm' ? i + 1 : 0;
}

/* How many printable ASCII characters p begins with. */
static size_t printable(const uint8_t *p, size_t n)
{
	static const uint64_t ones = 0x0101010101010101u, top = 0x8080808080808080u;
	size_t i = 0;
	for (uint64_t v; i + 8 <= n; i += 8) {
		memcpy(&v, p + i, 8);
		if (((v - ones * 0x20) | (v + ones) | v) & top)         /* below 20h, 7Fh, or not ASCII (carries only tell too much) */
			break;
	}
	while (i < n && p[i] >= 0x20 && p[i] < 0x7f)
		i++;
	return i;
}

struct flood_stretch flood_stretch(const uint8_t *p, size_t n)
{
	struct flood_stretch s = { 0 };
	while (s.len < n) {
		size_t k = printable(p + s.len, n - s.len);
		s.len += k;
		if (s.len == n)
			break;
		uint8_t c = p[s.len];
		if (c == '\n' && s.len && p[s.len - 1] == '\r') {
			s.last = s.len + 1;
			s.first = s.lines++ ? s.first : s.last;
		}
		if (c == '\n' || c == '\r' || c == '\t' || c == '\b')
			s.len++;
		else if ((k = sgr(p + s.len, n - s.len)))
			s.len += k;
		else
			break;
	}
	return s;
}

/* Where the last n lines of p begin that end in CR LF; 0 when there are fewer. */
static size_t last_lines(const uint8_t *p, size_t len, unsigned n)
{
	for (n++; len > 1; len--)
		if (p[len - 1] == '\n' && p[len - 2] == '\r' && !--n)
			return len;
	return 0;
}

/* ---- lines past the emulation ------------------------------------------------------------------------------------------------------ */

/* What a glyph and a blank look like under a pen, found out from the emulation itself. */
struct look { VTermValue pen[8]; struct cell glyph, blank; bool plain; };
struct pass {
	struct flood *f;
	VTermState *state;
	int rows, cols;
	struct look looks[STYLES];
	unsigned n_looks;
	const struct look *now;
	bool pen_changed;
	int col;
	bool phantom;                           /* the cursor stands behind the last column */
	struct cell line[MOST_COLS];
};

static bool same_colour(const VTermColor *a, const VTermColor *b)
{
	return a->type == b->type && (VTERM_COLOR_IS_INDEXED(a) ? a->indexed.idx == b->indexed.idx :
		a->rgb.red == b->rgb.red && a->rgb.green == b->rgb.green && a->rgb.blue == b->rgb.blue);
}

static const struct { VTermAttr attr; } attrs[] = {
	{ VTERM_ATTR_BOLD }, { VTERM_ATTR_UNDERLINE }, { VTERM_ATTR_ITALIC }, { VTERM_ATTR_BLINK }, { VTERM_ATTR_REVERSE }, { VTERM_ATTR_STRIKE },
	{ VTERM_ATTR_FOREGROUND }, { VTERM_ATTR_BACKGROUND },
};
enum { COLOURS_FROM = 6, ATTRS = sizeof attrs / sizeof *attrs };

static bool same_pen(const VTermValue *a, const VTermValue *b)
{
	for (unsigned i = 0; i < ATTRS; i++) {
		bool same = i >= COLOURS_FROM ? same_colour(&a[i].color, &b[i].color) : i == 1 ? a[i].number == b[i].number : !a[i].boolean == !b[i].boolean;
		if (!same)
			return false;
	}
	return true;
}

static struct cell cell_at(struct pass *p, int row, int col)
{
	VTermScreenCell from;
	struct cell c = { .ch = ' ' };
	if (vterm_screen_get_cell(p->f->vts, (VTermPos){ .row = row, .col = col }, &from))
		termcell_read(&from, &c);
	return c;
}

static bool is_plain(const struct style *s)
{
	return s->fg == COLOUR_DEFAULT && s->bg == COLOUR_DEFAULT && !s->attrs;
}

/* The look of the emulation's pen.  Tries it out on the last row, where the cursor stands in the first column and nothing is. */
static void find_look(struct pass *p)
{
	VTermValue pen[ATTRS] = { 0 };
	for (unsigned i = 0; i < ATTRS; i++)
		vterm_state_get_penattr(p->state, attrs[i].attr, &pen[i]);
	for (unsigned i = 0; i < p->n_looks; i++)
		if (same_pen(p->looks[i].pen, pen)) {
			p->now = &p->looks[i];
			return;
		}
	struct look *l = &p->looks[p->n_looks < STYLES ? p->n_looks++ : STYLES - 1];
	memcpy(l->pen, pen, sizeof pen);
	flood_emulate(p->f, "\033[2KX", 5);
	l->glyph = cell_at(p, p->rows - 1, 0);
	l->blank = cell_at(p, p->rows - 1, 1);
	flood_emulate(p->f, "\r\033[2K", 5);
	l->plain = is_plain(&l->glyph.style) && is_plain(&l->blank.style);
	p->now = l;
}

static void new_line(struct pass *p)
{
	for (int x = 0; x < p->cols; x++)
		p->line[x] = p->now->blank;
}

static void end_line(struct pass *p)
{
	p->f->keep(p->f->arg, p->line, (unsigned)p->cols);
	new_line(p);
}

static void put(struct pass *p, uint8_t c)
{
	if (p->phantom) {
		end_line(p);
		p->col = 0;
		p->phantom = false;
	}
	p->line[p->col] = p->now->glyph;
	p->line[p->col].ch = c;
	if (p->col + 1 == p->cols)
		p->phantom = true;
	else
		p->col++;
}

static void control(struct pass *p, uint8_t c)
{
	int before = p->col;
	if (c == '\r') {
		p->col = 0;
	} else if (c == '\n') {
		end_line(p);
	} else if (c == '\b') {
		p->col -= p->col > 0;
	} else {
		p->col = (p->col | 7) + 1;
		if (p->col > p->cols - 1)
			p->col = p->cols - 1;
	}
	p->phantom &= p->col == before;         /* in libvterm what does not move the cursor leaves it behind the last column */
}

/* A line of its own, default style, at the start of p: n characters of it are printable.  Returns its bytes, CR LF included; 0: it is not so. */
static size_t ascii_line(struct pass *p, const uint8_t *bytes, size_t n, size_t len)
{
	size_t at = 0;
	if (n + 1 >= len || bytes[n] != '\r' || bytes[n + 1] != '\n')
		return 0;
	for (; n - at > (size_t)p->cols; at += (size_t)p->cols)
		p->f->keep_ascii(p->f->arg, bytes + at, (unsigned)p->cols);
	p->f->keep_ascii(p->f->arg, bytes + at, (unsigned)(n - at));
	return n + 2;
}

/* Lines that scroll off within this piece of output; they begin and end at a line's beginning. */
static void pass_lines(struct pass *p, const uint8_t *bytes, size_t len)
{
	bool fresh = true;                      /* the line has nothing yet */
	p->col = 0;
	find_look(p);
	new_line(p);
	for (size_t i = 0; i < len; ) {
		size_t n = printable(bytes + i, len - i), whole = fresh && p->now->plain ? ascii_line(p, bytes + i, n, len - i) : 0;
		if (whole) {
			i += whole;
			continue;
		}
		for (size_t end = i + n; i < end; i++)
			put(p, bytes[i]);
		if (i == len)
			break;
		fresh = false;
		if ((n = sgr(bytes + i, len - i))) {
			flood_emulate(p->f, bytes + i, n);
			find_look(p);
			i += n;
			continue;
		}
		control(p, bytes[i]);
		fresh = bytes[i++] == '\n' && !p->col;
	}
	flood_emulate(p->f, "\033[2K", 4);               /* the line that is to come is blank in the colours that are set now */
}

/* What stands on the screen above the last row scrolls off before all else. */
static void keep_screen(struct pass *p)
{
	for (int y = 0; y + 1 < p->rows; y++) {
		for (int x = 0; x < p->cols; x++)
			p->line[x] = cell_at(p, y, x);
		p->f->keep(p->f->arg, p->line, (unsigned)p->cols);
	}
}

/* Does plain text print anything but blanks?  Colour sequences in it do not. */
bool flood_has_glyph(const uint8_t *p, size_t n)
{
	for (size_t i = 0, skip; i < n; i += skip ? skip : 1) {
		skip = p[i] == 0x1b ? sgr(p + i, n - i) : 0;
		if (!skip && p[i] > 0x20 && p[i] < 0x7f)
			return true;
	}
	return false;
}

/* Feed lines until the screen has just scrolled by a whole line, so that the last row is blank and the cursor at its start, and something
 * was printed, which ends a character that libvterm has half of.  Returns the bytes taken. */
static size_t to_bottom(struct pass *p, const uint8_t *bytes, size_t len)
{
	size_t at = 0;
	for (bool there = false, printed = false; !(there && printed) && at < len; ) {
		const uint8_t *lf = memmem(bytes + at, len - at, "\r\n", 2);
		VTermPos pos;
		if (!lf)
			return len;
		vterm_state_get_cursorpos(p->state, &pos);
		there = pos.row == p->rows - 1;
		size_t n = (size_t)(lf + 2 - (bytes + at));
		printed |= flood_has_glyph(bytes + at, n);
		flood_emulate(p->f, bytes + at, n);
		at += n;
	}
	return at;
}

/* n plain lines, of len bytes; the emulation has the line before them.  False: they are too few, or it is in an odd mode; nothing was done. */
bool flood_pass(struct flood *f, const uint8_t *bytes, size_t len, size_t n)
{
	struct pass p = { .f = f };
	vterm_get_size(f->vt, &p.rows, &p.cols);
	if (f->odd || f->alt_screen || n < LEAST_LINES + 2 * (size_t)p.rows || p.rows < 2 || p.cols < 2 || p.cols > MOST_COLS)
		return false;
	size_t tail = last_lines(bytes, len, (unsigned)p.rows - 1);
	if (!tail || !flood_has_glyph(bytes + tail, len - tail))    /* libvterm remembers the last glyph for what may combine with it */
		return false;
	p.state = vterm_obtain_state(f->vt);
	size_t from = to_bottom(&p, bytes, tail);
	if (from < tail) {
		keep_screen(&p);
		pass_lines(&p, bytes + from, tail - from);
		f->swallow = (unsigned)p.rows - 1;
	}
	flood_emulate(f, bytes + tail, len - tail);
	return true;
}
