/* document.c - see document.h. */
#include "tui/document.h"
#include "tui/app.h"
#include "tui/scrollback.h"
#include <stdlib.h>
#include <string.h>

enum { HISTORY_LINES = 1000 };

static bool blank_row(const struct document *d, uint64_t number)
{
	struct cell cells[DOCUMENT_CELLS];
	unsigned n = document_line(d, number, cells, DOCUMENT_CELLS);
	for (unsigned x = 0; x < n && x < DOCUMENT_CELLS; x++)
		if (cells[x].ch && cells[x].ch != ' ')
			return false;
	return true;
}

bool document_open(struct document *d, struct view *v)
{
	unsigned rows = 0;
	*d = (struct document){ .view = v };
	if (!v || !v->ops->lines)
		return false;
	d->back = v->ops->lines(v, &rows);
	if (d->back) {
		d->live = scrollback_total(d->back);
		d->first = d->live - scrollback_lines(d->back);
	}
	d->end = d->live + rows;
	while (d->end > d->live && blank_row(d, d->end - 1))
		d->end--;
	if (d->end == d->first && rows)
		d->end++;
	return d->end > d->first;
}

unsigned document_line(const struct document *d, uint64_t number, struct cell *cells, unsigned n)
{
	if (number >= d->first && number < d->live)
		return scrollback_get(d->back, (size_t)(d->live - 1 - number), cells, n);
	unsigned len = number < d->live ? 0 : d->view->ops->row(d->view, (unsigned)(number - d->live), cells, n);
	for (unsigned x = len; x < n; x++)
		cells[x] = (struct cell){ .ch = ' ', .style = { COLOUR_DEFAULT, COLOUR_DEFAULT, 0 } };
	return len;
}

size_t cells_text(const struct cell *cells, unsigned n, char *out, size_t size)
{
	size_t len = 0;
	while (n && (!cells[n - 1].ch || cells[n - 1].ch == ' ') && !cells[n - 1].comb[0])
		n--;
	for (unsigned x = 0; x < n && len + 16 < size; x++) {
		if (cells[x].ch == GRID_WIDE_TAIL)
			continue;
		len += (size_t)utf8_put(cells[x].ch < 0x20 ? ' ' : cells[x].ch, out + len);
		for (int k = 0; k < CELL_COMBINING && cells[x].comb[k]; k++)
			len += (size_t)utf8_put(cells[x].comb[k], out + len);
	}
	return len;
}

void document_text(const struct document *d, uint64_t number, unsigned from, unsigned to, struct text *out)
{
	struct cell cells[DOCUMENT_CELLS];
	char utf8[DOCUMENT_CELLS * 12 + 16];
	unsigned n = document_line(d, number, cells, DOCUMENT_CELLS);
	if (to > n)
		to = n;
	if (to > DOCUMENT_CELLS)
		to = DOCUMENT_CELLS;
	if (from < to && from && cells[from].ch == GRID_WIDE_TAIL)
		from--;
	if (from < to)
		text_add(out, utf8, cells_text(cells + from, to - from, utf8, sizeof utf8));
}

uint64_t document_history(struct view *v, uint64_t from, struct text *out)
{
	unsigned rows;
	struct scrollback *back = v->ops->lines ? v->ops->lines(v, &rows) : NULL;
	if (!back)
		return 0;
	uint64_t total = scrollback_total(back), kept = scrollback_lines(back);
	if (kept > HISTORY_LINES)
		kept = HISTORY_LINES;
	struct scrollback_walk w = scrollback_seek(back, from > total - kept ? from : total - kept);
	size_t len;
	for (const char *s; (s = scrollback_text(back, &w, &len)); text_add(out, "\n", 1))
		text_add(out, s, len);
	return total;
}

unsigned document_column(const char *text, size_t offset)
{
	const char *end = text + offset;
	unsigned x = 0;
	while (text < end)
		x += (unsigned)char_width(utf8_next(&text, end));
	return x;
}
