/* scrollback.c - packed lines in a ring.
 *
 * A line is cells in order.  A cell is its base character in UTF-8; bytes below 20h, which no character starts with, lead the rest:
 *     01 fg:4 bg:4 attrs:1    the style from here on (a line starts in the default style)
 *     02 CHAR                 combines with the cell before
 *     03                      the cell before is two columns wide
 * Each line is followed by its length (4 bytes) for going back and preceded by it for going forward. */
#include "tui/scrollback.h"
#include <stdlib.h>
#include <string.h>

enum { MARK_STYLE = 1, MARK_COMBINING = 2, MARK_WIDE = 3, STYLE_BYTES = 9, MIN_ALLOC = 16384, INDEX_STEP = 64 };

struct scrollback {
	uint8_t *buf;
	size_t size, budget;            /* size grows up to budget */
	uint64_t head, tail;            /* byte positions since ever, modulo size in buf; tail is the oldest */
	uint64_t first, next;           /* line numbers of the oldest line and of the next one */
	uint8_t *line;                  /* scratch: one packed line */
	size_t line_cap;
	uint64_t *mark;                 /* ring: byte position of every INDEX_STEP-th line */
	size_t mark_cap;
};

static const struct style plain = { .fg = COLOUR_DEFAULT, .bg = COLOUR_DEFAULT };

struct scrollback *scrollback_new(size_t budget)
{
	struct scrollback *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->budget = budget < MIN_ALLOC ? MIN_ALLOC : budget;
	return s;
}

void scrollback_free(struct scrollback *s)
{
	if (!s)
		return;
	free(s->buf);
	free(s->line);
	free(s->mark);
	free(s);
}

void scrollback_clear(struct scrollback *s)
{
	s->head = s->tail = 0;
	s->first = s->next = 0;
}

size_t scrollback_lines(const struct scrollback *s) { return (size_t)(s->next - s->first); }
uint64_t scrollback_total(const struct scrollback *s) { return s->next; }
size_t scrollback_bytes(const struct scrollback *s) { return s->size; }

/* Of no bytes, src and dst may be NULL. */
static void ring_copy_in(struct scrollback *s, uint64_t at, const void *src, size_t n)
{
	if (!src)
		return;
	size_t off = (size_t)(at % s->size), first = n < s->size - off ? n : s->size - off;
	memcpy(s->buf + off, src, first);
	memcpy(s->buf, (const uint8_t *)src + first, n - first);
}

static void ring_copy_out(const struct scrollback *s, uint64_t at, void *dst, size_t n)
{
	if (!dst)
		return;
	size_t off = (size_t)(at % s->size), first = n < s->size - off ? n : s->size - off;
	memcpy(dst, s->buf + off, first);
	memcpy((uint8_t *)dst + first, s->buf, n - first);
}

static uint32_t length_at(const struct scrollback *s, uint64_t at)
{
	uint32_t len;
	ring_copy_out(s, at, &len, sizeof len);
	return len;
}

/* A larger ring, up to the budget, with the same lines at the same positions. */
static void grow(struct scrollback *s, size_t need)
{
	size_t size = s->size ? s->size : MIN_ALLOC;
	while (size < need && size < s->budget)
		size *= 2;
	if (size > s->budget)
		size = s->budget;
	if (size == s->size)
		return;
	/* Lines are dropped only once the ring has its full size: until then every byte is at its position and stays there. */
	s->buf = realloc(s->buf, size);
	if (!s->buf)
		abort();
	s->size = size;
}

static void drop_oldest(struct scrollback *s)
{
	s->tail += length_at(s, s->tail) + 2 * sizeof(uint32_t);
	s->first++;
}

static void scratch(struct scrollback *s, size_t need)
{
	if (need <= s->line_cap)
		return;
	s->line_cap = need * 2;
	s->line = realloc(s->line, s->line_cap);
	if (!s->line)
		abort();
}

static bool same_style(struct style a, struct style b)
{
	return a.fg == b.fg && a.bg == b.bg && a.attrs == b.attrs;
}

static size_t put_style(uint8_t *out, struct style st)
{
	out[0] = MARK_STYLE;
	memcpy(out + 1, &st.fg, 4);
	memcpy(out + 5, &st.bg, 4);
	out[1 + 8] = (uint8_t)st.attrs;
	return 1 + STYLE_BYTES;
}

static size_t pack(struct scrollback *s, const struct cell *cells, unsigned n)
{
	struct style now = plain;
	size_t len = 0;
	while (n && (cells[n - 1].ch == ' ' || !cells[n - 1].ch) && same_style(cells[n - 1].style, plain) && !cells[n - 1].comb[0])
		n--;
	scratch(s, (size_t)n * (1 + STYLE_BYTES + 4 + CELL_COMBINING * 5 + 1) + 16);
	for (unsigned i = 0; i < n; i++) {
		const struct cell *c = &cells[i];
		if (c->ch == GRID_WIDE_TAIL) {
			if (len && i)
				s->line[len++] = MARK_WIDE;
			continue;
		}
		if (!same_style(c->style, now)) {
			len += put_style(s->line + len, c->style);
			now = c->style;
		}
		len += (size_t)utf8_put(c->ch < 0x20 ? ' ' : c->ch, (char *)s->line + len);
		for (int k = 0; k < CELL_COMBINING && c->comb[k] >= 0x20; k++) {
			s->line[len++] = MARK_COMBINING;
			len += (size_t)utf8_put(c->comb[k], (char *)s->line + len);
		}
	}
	return len;
}

static void note_position(struct scrollback *s)
{
	if (s->next % INDEX_STEP)
		return;
	size_t want = s->budget / (2 * sizeof(uint32_t)) / INDEX_STEP + 2;      /* every line takes at least its two lengths */
	if (!s->mark_cap) {
		s->mark = malloc(want * sizeof *s->mark);
		if (!s->mark)
			abort();
		s->mark_cap = want;
	}
	s->mark[s->next / INDEX_STEP % s->mark_cap] = s->head;
}

/* Append a packed line. */
static void append(struct scrollback *s, const void *line, size_t len)
{
	size_t whole;
	if (len + 2 * sizeof(uint32_t) > s->budget / 2)         /* one line may not push out everything */
		len = 0;
	whole = len + 2 * sizeof(uint32_t);
	if (s->head - s->tail + whole > s->size)
		grow(s, (size_t)(s->head - s->tail) + whole);
	while (s->head - s->tail + whole > s->size)
		drop_oldest(s);
	uint32_t len32 = (uint32_t)len;
	note_position(s);
	ring_copy_in(s, s->head, &len32, sizeof len32);
	ring_copy_in(s, s->head + sizeof len32, line, len);
	ring_copy_in(s, s->head + sizeof len32 + len, &len32, sizeof len32);
	s->head += whole;
	s->next++;
}

void scrollback_push(struct scrollback *s, const struct cell *cells, unsigned n)
{
	size_t len = pack(s, cells, n);
	append(s, s->line, len);
}

void scrollback_push_ascii(struct scrollback *s, const uint8_t *bytes, unsigned n)
{
	while (n && bytes[n - 1] == ' ')
		n--;
	append(s, bytes, n);
}

void scrollback_pop(struct scrollback *s)
{
	if (s->next == s->first)
		return;
	s->head -= length_at(s, s->head - sizeof(uint32_t)) + 2 * sizeof(uint32_t);
	s->next--;
}

/* Byte position of a line that is kept: from the nearest noted place before it. */
static uint64_t position(const struct scrollback *s, uint64_t number)
{
	uint64_t noted = number - number % INDEX_STEP, at = s->tail, from = s->first;
	if (noted >= s->first) {
		at = s->mark[noted / INDEX_STEP % s->mark_cap];
		from = noted;
	}
	for (; from < number; from++)
		at += length_at(s, at) + 2 * sizeof(uint32_t);
	return at;
}

static unsigned unpack(const uint8_t *line, size_t len, struct cell *cells, unsigned n)
{
	const char *p = (const char *)line, *end = p + len;
	struct style now = plain;
	unsigned x = 0;
	while (p < end) {
		if (*p == MARK_STYLE) {
			memcpy(&now.fg, p + 1, 4);
			memcpy(&now.bg, p + 5, 4);
			now.attrs = (uint8_t)p[9];
			p += 1 + STYLE_BYTES;
		} else if (*p == MARK_COMBINING) {
			p++;
			uint32_t ch = utf8_next(&p, end);
			for (int k = 0; x && x <= n && k < CELL_COMBINING; k++)
				if (!cells[x - 1].comb[k]) {
					cells[x - 1].comb[k] = ch;
					break;
				}
		} else if (*p == MARK_WIDE) {
			p++;
			if (x < n)
				cells[x] = (struct cell){ .ch = GRID_WIDE_TAIL, .style = now };
			x++;
		} else {
			uint32_t ch = utf8_next(&p, end);
			if (x < n)
				cells[x] = (struct cell){ .ch = ch, .style = now };
			x++;
		}
	}
	for (unsigned i = x; i < n; i++)
		cells[i] = (struct cell){ .ch = ' ', .style = plain };
	if (x > n && n && x - n >= 1 && cells[n - 1].ch != GRID_WIDE_TAIL && char_width(cells[n - 1].ch) == 2)
		cells[n - 1].ch = ' ';          /* half of a wide character at the edge */
	return x;
}

unsigned scrollback_get(const struct scrollback *s, size_t back, struct cell *cells, unsigned n)
{
	if (back >= scrollback_lines(s))
		return unpack((const uint8_t *)"", 0, cells, n);
	uint64_t at = position(s, s->next - 1 - back);
	uint32_t len = length_at(s, at);
	uint8_t small[2048], *line = len <= sizeof small ? small : malloc(len);
	if (!line)
		abort();
	ring_copy_out(s, at + sizeof len, line, len);
	unsigned cells_in_line = unpack(line, len, cells, n);
	if (line != small)
		free(line);
	return cells_in_line;
}

void scrollback_set_budget(struct scrollback *s, size_t budget)
{
	struct scrollback fresh = { .budget = budget < MIN_ALLOC ? MIN_ALLOC : budget };
	size_t keep = fresh.budget / 2;
	if (fresh.budget == s->budget)
		return;
	while (s->head - s->tail > keep)
		drop_oldest(s);
	fresh.first = fresh.next = s->first;
	for (uint64_t at = s->tail; at < s->head; ) {
		uint32_t len = length_at(s, at);
		size_t whole = len + 2 * sizeof len;
		scratch(s, whole);
		ring_copy_out(s, at, s->line, whole);
		if (fresh.head + whole > fresh.size)
			grow(&fresh, (size_t)fresh.head + whole);
		note_position(&fresh);
		ring_copy_in(&fresh, fresh.head, s->line, whole);
		fresh.head += whole;
		fresh.next++;
		at += whole;
	}
	fresh.line = s->line;
	fresh.line_cap = s->line_cap;
	free(s->buf);
	free(s->mark);
	*s = fresh;
}

struct scrollback_walk scrollback_seek(const struct scrollback *s, uint64_t number)
{
	if (number < s->first)
		number = s->first;
	if (number >= s->next)
		return (struct scrollback_walk){ s->next, s->head };
	return (struct scrollback_walk){ number, position(s, number) };
}

static bool has_marks(const uint8_t *p, size_t n)
{
	static const uint64_t ones = 0x0101010101010101u, top = 0x8080808080808080u;
	for (; n >= 8; p += 8, n -= 8) {
		uint64_t v;
		memcpy(&v, p, 8);
		if ((v - ones * 0x20) & ~v & top)       /* a byte below 20h */
			return true;
	}
	for (; n; p++, n--)
		if (*p < 0x20)
			return true;
	return false;
}

static size_t strip_marks(uint8_t *p, size_t n)
{
	size_t out = 0;
	for (size_t i = 0; i < n; ) {
		if (p[i] == MARK_STYLE)
			i += 1 + STYLE_BYTES;
		else if (p[i] < 0x20)
			i++;
		else
			p[out++] = p[i++];
	}
	return out;
}

const char *scrollback_text(struct scrollback *s, struct scrollback_walk *w, size_t *len)
{
	if (w->number >= s->next)
		return NULL;
	uint32_t n = length_at(s, w->at);
	uint64_t at = w->at + sizeof n;
	size_t off = (size_t)(at % s->size);
	w->at = at + n + sizeof n;
	w->number++;
	*len = n;
	if (off + n <= s->size && !has_marks(s->buf + off, n))
		return (const char *)s->buf + off;
	scratch(s, n);
	ring_copy_out(s, at, s->line, n);
	*len = strip_marks(s->line, n);
	return (const char *)s->line;
}

void scrollback_renumber(struct scrollback *s, uint64_t next)
{
	uint64_t at = s->tail, lines = s->next - s->first;
	s->first = next - lines;
	s->next = next;
	for (uint64_t n = s->first; n < next; n++) {
		if (n % INDEX_STEP == 0)
			s->mark[n / INDEX_STEP % s->mark_cap] = at;
		at += length_at(s, at) + 2 * sizeof(uint32_t);
	}
}

bool scrollback_copy(struct scrollback *to, const struct scrollback *from, struct scrollback_walk *w, unsigned cols)
{
	uint32_t len = length_at(from, w->at);
	if (len > cols)                         /* a column is at least a byte */
		return false;
	scratch(to, len);
	ring_copy_out(from, w->at + sizeof len, to->line, len);
	append(to, to->line, len);
	scrollback_skip(from, w);
	return true;
}

void scrollback_skip(const struct scrollback *s, struct scrollback_walk *w)
{
	w->at += length_at(s, w->at) + 2 * sizeof(uint32_t);
	w->number++;
}
