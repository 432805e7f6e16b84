/* wraps.c - see wraps.h. */
#include "tui/wraps.h"
#include "tui/grid.h"
#include <stdlib.h>
#include <string.h>

enum { TAB = 8, MOST = 1 << 20 };

static void unsure(struct wraps *w)
{
	w->sure = w->exact = false;
}

static void put_char(struct wraps *w, uint32_t ch, unsigned cols)
{
	unsigned width = (unsigned)char_width(ch);
	if (w->cr) {                            /* on top of what stands there */
		if (w->row)
			unsure(w);
		w->pos = w->row = 0;
		w->cr = false;
	}
	if (width && w->pos + width > cols) {
		w->row++;
		w->delta++;
		w->pos = 0;
	}
	w->pos += width;
}

static void put_byte(struct wraps *w, uint8_t c, unsigned cols)
{
	if (w->more && (c & 0xc0) == 0x80) {
		w->ch = w->ch << 6 | (c & 0x3f);
		if (!--w->more)
			put_char(w, w->ch, cols);
		return;
	}
	w->more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc2 ? 1 : 0;
	w->ch = c >= 0xf0 ? c & 7 : c >= 0xe0 ? c & 15 : c & 31;
	if (c == '\t') {
		if (w->cr || w->pos >= cols)
			unsure(w);
		w->pos = (w->pos / TAB + 1) * TAB < cols ? (w->pos / TAB + 1) * TAB : cols - 1;
	} else if (c < 0x80) {
		put_char(w, c, cols);
	} else if (!w->more) {
		unsure(w);                      /* no UTF-8 */
	}
}

/* A byte that is no line feed. */
static void follow(struct wraps *w, uint8_t c, unsigned cols)
{
	enum strip_state before = w->strip.state;
	char text = strip_byte(&w->strip, c);
	if (text == '\r')
		w->cr = true;
	else if (text && text != '\v')
		put_byte(w, c, cols);
	else if (before == STRIP_CSI && c >= 0x40 && c != 'm' && c != 'K' && c != 'h' && c != 'l' && c != 'n')
		unsure(w);
	else if (before == STRIP_ESC && w->strip.state == STRIP_TEXT)
		unsure(w);
	else if (before == STRIP_TEXT && c < 0x20 && c != 7 && c != 0 && c != 0x1b)
		unsure(w);                      /* backspace and the like */
}

static void end_line(struct wraps *w)
{
	w->sure = w->cr || (w->sure && !w->row);
	if (w->cr)
		w->pos = 0;
	w->row = 0;
	w->delta++;
	w->cr = w->at_end = false;
}

/* Whole lines of no more bytes than there are columns, without tabs: none of them can go on, whatever sequences are in them.  (One that goes to
 * another row shows when the piece is printed.)  Returns how many bytes these are. */
static size_t skip_short(struct wraps *w, const uint8_t *bytes, size_t n, unsigned cols)
{
	size_t at = 0;
	if (w->pos || w->row || w->cr || w->more || !w->sure || w->strip.state != STRIP_TEXT)
		return 0;
	for (const uint8_t *end; (end = memchr(bytes + at, '\n', n - at)); at = (size_t)(end - bytes) + 1) {
		size_t len = (size_t)(end - bytes) - at;
		if (len > cols || !len || end[-1] != '\r' || memchr(bytes + at, '\t', len))
			break;
		w->delta++;
	}
	return at;
}

size_t wraps_piece(struct wraps *w, const uint8_t *bytes, size_t n, unsigned cols, uint64_t from)
{
	w->delta = 0;
	w->exact = true;
	for (size_t i = 0; i < n; i++) {
		i += skip_short(w, bytes + i, n - i, cols);
		if (i == n)
			break;
		if (bytes[i] != '\n' || w->strip.state != STRIP_TEXT) {
			follow(w, bytes[i], cols);
			continue;
		}
		if (w->sure && w->row && !w->at_end) {
			if (!w->exact) {
				w->at_end = true;
				return i;
			}
			wraps_note(w, from + w->delta, w->row + 1);
		}
		end_line(w);
	}
	return n;
}

void wraps_note(struct wraps *w, uint64_t last, unsigned rows)
{
	uint64_t first = last + 1 - rows;
	while (w->n && w->line[w->n - 1] >= first)
		w->n--;
	if (w->n + rows > MOST) {               /* the older half goes */
		w->n /= 2;
		memmove(w->line, w->line + w->n, w->n * sizeof *w->line);
	}
	while (w->n + rows > w->cap) {
		w->cap = w->cap ? w->cap * 2 : 64;
		if (!(w->line = realloc(w->line, w->cap * sizeof *w->line)))
			abort();
	}
	for (uint64_t line = first; line < last; line++)
		w->line[w->n++] = line;
}

unsigned wraps_open_rows(const struct wraps *w)
{
	return w->sure ? w->row + 1 : 1;
}

bool wraps_goes_on(const struct wraps *w, uint64_t line)
{
	size_t low = 0, high = w->n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (w->line[mid] < line)
			low = mid + 1;
		else
			high = mid;
	}
	return low < w->n && w->line[low] == line;
}

void wraps_free(struct wraps *w)
{
	free(w->line);
	*w = (struct wraps){ .sure = true };
}
