/* vgahistory.c - see vgahistory.h. */
#include "tui/vgahistory.h"
#include <stdlib.h>
#include <string.h>

struct vga_history {
	struct text_cell *cells;        /* the screen a frame ago */
	unsigned cols, rows;
};

struct vga_history *vga_history_new(void)
{
	struct vga_history *h = calloc(1, sizeof *h);
	if (!h)
		abort();
	return h;
}

void vga_history_free(struct vga_history *h)
{
	if (h)
		free(h->cells);
	free(h);
}

static bool blank_row(const struct text_cell *row, unsigned cols)
{
	for (unsigned x = 0; x < cols; x++)
		if (row[x].ch && row[x].ch != ' ' && row[x].ch != 0xff)
			return false;
	return true;
}

static bool same_row(const struct text_cell *a, const struct text_cell *b, unsigned cols)
{
	for (unsigned x = 0; x < cols; x++)
		if (a[x].ch != b[x].ch)
			return false;
	return true;
}

/* Rows with something in them before, and how many of those stand `up` rows higher now. */
static void compare(const struct vga_history *h, const struct text_cell *now, unsigned up, unsigned *filled, unsigned *same)
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
static unsigned rows_gone(const struct vga_history *h, const struct text_cell *now)
{
	unsigned filled, same, last = h->rows;
	while (last && blank_row(h->cells + (size_t)(last - 1) * h->cols, h->cols))
		last--;
	compare(h, now, 0, &filled, &same);
	if (!filled || same * 2 >= filled || (filled == 1 && !blank_row(now, h->cols)))
		return 0;
	for (unsigned up = 1; up < last; up++) {
		unsigned f, s;
		compare(h, now, up, &f, &s);
		if (s && s + 1 >= f)
			return up;
	}
	return last;
}

void vga_history_look(struct vga_history *h, const struct screen *now, void (*push)(void *arg, const struct text_cell *cells, unsigned cols), void *arg)
{
	bool text = now->kind == SCREEN_TEXT && now->cells && now->cols && now->rows;
	unsigned gone = 0;
	if (h->cells && text && now->cols == h->cols && now->rows == h->rows)
		gone = rows_gone(h, now->cells);
	else if (h->cells && now->kind != SCREEN_BLANK)         /* another mode: all of it is gone */
		for (unsigned y = 0; y < h->rows; y++)
			if (!blank_row(h->cells + (size_t)y * h->cols, h->cols))
				gone = y + 1;
	for (unsigned y = 0; y < gone; y++)
		push(arg, h->cells + (size_t)y * h->cols, h->cols);
	if (now->kind == SCREEN_BLANK)
		return;
	if (!text) {
		free(h->cells);
		h->cells = NULL;
		return;
	}
	size_t size = (size_t)now->cols * now->rows * sizeof *h->cells;
	if (!h->cells || now->cols != h->cols || now->rows != h->rows) {
		free(h->cells);
		h->cells = malloc(size);
		if (!h->cells)
			abort();
	}
	memcpy(h->cells, now->cells, size);
	h->cols = now->cols;
	h->rows = now->rows;
}
