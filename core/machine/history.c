/* history.c - see history.h. */
#include "core/machine/history.h"
#include <stdlib.h>
#include <string.h>

/* What a front end has not fetched is bounded: a guest that scrolls at full speed is ahead of a front end by a second then. */
enum { ROWS_MOST = 4 << 20, ROWS_FIRST = 16 << 10, HASHES = 256 };

struct text_history {
	struct text_cell *cells;        /* the screen when it was looked at last */
	unsigned cols, rows;
	struct text_rows gone;
	uint32_t hash[HASHES];          /* of the rows noted last: row n in n % HASHES */
	uint64_t noted;
	unsigned behind;                /* so many of them are on the screen again */
	unsigned cleared;               /* so many were cleared away together, and nothing was noted since */
};

struct text_history *text_history_new(void)
{
	struct text_history *h = calloc(1, sizeof *h);
	if (!h)
		abort();
	return h;
}

void text_history_free(struct text_history *h)
{
	if (!h)
		return;
	free(h->cells);
	free(h->gone.bytes);
	free(h);
}

void text_history_take(struct text_history *h, struct text_rows *to)
{
	struct text_rows mine = h->gone;
	h->gone = *to;
	h->gone.len = 0;
	*to = mine;
}

/* ---- noting rows -------------------------------------------------------------------------------------------------------------------- */

/* The older half goes. */
static void drop_half(struct text_rows *r)
{
	const struct text_cell *cells;
	unsigned cols;
	size_t at = 0;
	while (at < r->len / 2 && text_rows_next(r, &at, &cells, &cols))
		;
	memmove(r->bytes, r->bytes + at, r->len - at);
	r->len -= at;
}

static void append(struct text_rows *r, const struct text_cell *row, unsigned cols)
{
	uint16_t n = (uint16_t)cols;
	size_t need = sizeof n + n * sizeof *row;
	if (r->len + need > ROWS_MOST)
		drop_half(r);
	if (r->len + need > r->cap) {
		size_t cap = r->cap ? r->cap * 2 : ROWS_FIRST;
		uint8_t *bytes = realloc(r->bytes, cap);
		if (!bytes)
			return;
		r->bytes = bytes;
		r->cap = cap;
	}
	memcpy(r->bytes + r->len, &n, sizeof n);
	memcpy(r->bytes + r->len + sizeof n, row, need - sizeof n);
	r->len += need;
}

/* FNV-1a, 32 bits. */
static uint32_t hash_row(const struct text_cell *row, unsigned cols)
{
	uint32_t sum = 2166136261u;
	for (unsigned x = 0; x < cols; x++)
		sum = (sum ^ row[x].ch) * 16777619u;
	return sum;
}

/* Blanks at the end of a row are kept in no colour. */
static unsigned length(const struct text_cell *row, unsigned cols)
{
	while (cols && (row[cols - 1].ch == ' ' || !row[cols - 1].ch) && !(row[cols - 1].attr & 0x70))
		cols--;
	return cols;
}

static void note(struct text_history *h, const struct text_cell *row, unsigned cols)
{
	cols = length(row, cols);
	uint32_t sum = hash_row(row, cols);
	if (h->behind && h->hash[(h->noted - h->behind) % HASHES] == sum) {
		h->behind--;
		return;
	}
	h->behind = h->cleared = 0;
	h->hash[h->noted++ % HASHES] = sum;
	append(&h->gone, row, cols);
}

static void note_rows(struct text_history *h, const struct text_cell *cells, unsigned cols, unsigned n)
{
	for (unsigned y = 0; y < n; y++)
		note(h, cells + (size_t)y * cols, cols);
}

static void remember(struct text_history *h, const struct text_cell *now, unsigned cols, unsigned rows)
{
	size_t size = (size_t)cols * rows * sizeof *now;
	if (!h->cells || cols != h->cols || rows != h->rows) {
		free(h->cells);
		h->cells = malloc(size);
		if (!h->cells)
			abort();
	}
	memcpy(h->cells, now, size);
	h->cols = cols;
	h->rows = rows;
}

/* ---- comparing ---------------------------------------------------------------------------------------------------------------------- */

static bool blank_row(const struct text_cell *row, unsigned cols)
{
	for (unsigned x = 0; x < cols; x++)
		if (row[x].ch && row[x].ch != ' ' && row[x].ch != 0xff)
			return false;
	return true;
}

static bool same_row(const struct text_cell *a, const struct text_cell *b, unsigned cols)
{
	if (!memcmp(a, b, cols * sizeof *a))
		return true;
	for (unsigned x = 0; x < cols; x++)
		if (a[x].ch != b[x].ch)
			return false;
	return true;
}

/* As what clears a row leaves it: one character throughout. */
static bool even_row(const struct text_cell *row, unsigned cols)
{
	for (unsigned x = 1; x < cols; x++)
		if (row[x].ch != row[0].ch)
			return false;
	return true;
}

static unsigned filled_rows(const struct text_cell *cells, unsigned cols, unsigned rows)
{
	while (rows && blank_row(cells + (size_t)(rows - 1) * cols, cols))
		rows--;
	return rows;
}

/* Rows with something in them before, and how many of those stand `up` rows higher now. */
static void compare(const struct text_history *h, const struct text_cell *now, unsigned up, unsigned *filled, unsigned *same)
{
	*filled = *same = 0;
	for (unsigned y = up; y < h->rows; y++) {
		const struct text_cell *row = h->cells + (size_t)y * h->cols;
		if (blank_row(row, h->cols))
			continue;
		++*filled;
		*same += same_row(row, now + (size_t)(y - up) * h->cols, h->cols);
	}
}

/* How many rows went off at the top.  A row may have changed meanwhile: the one that was being written; a screen of which less than half is where it was,
 * or higher up, was cleared. */
static unsigned rows_gone(const struct text_history *h, const struct text_cell *now)
{
	unsigned filled, same;
	compare(h, now, 0, &filled, &same);
	if (!filled || same * 2 >= filled || (filled == 1 && !blank_row(now, h->cols)))
		return 0;
	unsigned last = filled_rows(h->cells, h->cols, h->rows);
	for (unsigned up = 1; up < last; up++) {
		unsigned f, s;
		compare(h, now, up, &f, &s);
		if (s && s + 1 >= f)
			return up;
	}
	return last;
}

void text_history_look(struct text_history *h, const struct text_cell *now, unsigned cols, unsigned rows)
{
	unsigned gone = 0;
	if (h->cells && now && cols == h->cols && rows == h->rows)
		gone = rows_gone(h, now);
	else if (h->cells)                      /* another mode: all of it is gone */
		gone = filled_rows(h->cells, h->cols, h->rows);
	if (gone) {
		h->behind = 0;
		note_rows(h, h->cells, h->cols, gone);
	}
	if (now) {
		remember(h, now, cols, rows);
	} else {
		free(h->cells);
		h->cells = NULL;
	}
}

/* ---- what the guest was seen to do ---------------------------------------------------------------------------------------------------- */

/* By how many rows is `after` higher, in the rows that were written?  Those at the bottom were cleared, or have new text when that is less than half of
 * the screen.  0: that is not what happened. */
static unsigned risen(const struct text_cell *before, const struct text_cell *after, unsigned cols, unsigned rows, unsigned swept)
{
	unsigned equal = 0;
	while (equal < swept && same_row(before + (size_t)equal * cols, after + (size_t)equal * cols, cols))
		equal++;
	if (equal == swept && (swept == rows || blank_row(before, cols)))
		return 0;                       /* the same once more */
	unsigned even = swept;                  /* rows from this one on are cleared ones */
	while (even && even_row(after + (size_t)(even - 1) * cols, cols))
		even--;
	for (unsigned up = 1; up < rows; up++) {
		unsigned y = 0;
		while (y < swept && y + up < rows && same_row(before + (size_t)(y + up) * cols, after + (size_t)y * cols, cols))
			y++;
		if (y && swept - y <= up && (y >= even || (y + up == rows && y * 2 >= rows)))
			return up;
	}
	return !even && swept == rows ? filled_rows(before, cols, rows) : 0;
}

/* Are the rows that were cleared away there again?  (Linux clears and redraws the screen when it takes it over.) */
static bool shown_again(const struct text_history *h, const struct text_cell *after, unsigned cols)
{
	for (unsigned y = 0; y < h->cleared; y++) {
		const struct text_cell *row = after + (size_t)y * cols;
		if (hash_row(row, length(row, cols)) != h->hash[(h->noted - h->cleared + y) % HASHES])
			return false;
	}
	return h->cleared;
}

bool text_history_step(struct text_history *h, const struct text_cell *before, const struct text_cell *after, unsigned cols, unsigned rows, unsigned swept)
{
	unsigned n = swept * 2 < rows ? 0 : risen(before, after, cols, rows, swept);
	if (n) {
		text_history_forward(h, before, after, cols, rows, n);
		h->cleared = filled_rows(after, cols, rows) ? 0 : n;
	} else if (swept == rows && h->cleared <= rows && shown_again(h, after, cols)) {
		text_history_back(h, after, cols, rows, h->cleared);
		return true;
	}
	return n;
}

void text_history_forward(struct text_history *h, const struct text_cell *before, const struct text_cell *after, unsigned cols, unsigned rows, unsigned n)
{
	text_history_look(h, before, cols, rows);
	note_rows(h, before, cols, n);
	remember(h, after, cols, rows);
}

void text_history_back(struct text_history *h, const struct text_cell *after, unsigned cols, unsigned rows, unsigned n)
{
	uint64_t most = h->noted < HASHES ? h->noted : HASHES;
	h->behind = h->behind + n > most ? (unsigned)most : h->behind + n;
	remember(h, after, cols, rows);
}

bool text_history_return(struct text_history *h, const struct text_cell *after, unsigned cols, unsigned rows, unsigned n)
{
	if (n > h->behind)
		return false;
	h->behind -= n;
	remember(h, after, cols, rows);
	return true;
}
