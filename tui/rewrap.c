/* rewrap.c - see rewrap.h. */
#include "tui/rewrap.h"
#include <stdlib.h>
#include <string.h>

enum { ROW_CELLS = 1024, LOGICAL_MOST = 1 << 16 };

struct job {
	struct scrollback *from, *to;
	unsigned old_cols, cols;
	struct cell *cells;                     /* of the line that is being joined */
	unsigned n, cap;
	const struct linetime *time, *last_time;        /* of its first row; of the line before */
	struct { uint64_t index; struct linetime time; } *times;        /* index: in the new ring, from 0 */
	size_t n_times, cap_times;
	uint64_t *goes_on;                      /* indices */
	size_t n_goes, cap_goes;
	const struct docplaces *places;
	/* Of each place: it is in the line that is being joined, so many cells from its start; or where it came to be. */
	struct { bool here, moved; unsigned offset; struct docpos to; } kept[DOCPLACES_MOST];
};

static void *more(void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	*cap = *cap ? *cap * 2 : 256;
	if (!(p = realloc(p, *cap * size)))
		abort();
	return p;
}

static void join(struct job *j, uint64_t back, bool goes_on)
{
	size_t cap = j->cap;
	while (j->n + ROW_CELLS > cap) {
		cap = cap ? cap * 2 : 2 * ROW_CELLS;
		if (!(j->cells = realloc(j->cells, cap * sizeof *j->cells)))
			abort();
	}
	j->cap = (unsigned)cap;
	unsigned len = scrollback_get(j->from, back, j->cells + j->n, ROW_CELLS);
	len = len > ROW_CELLS ? ROW_CELLS : len;
	j->n += goes_on && len < j->old_cols ? j->old_cols : len;      /* the rest is blank */
}

/* Lines that came together share an entry, here too. */
static void keep_time(struct job *j)
{
	if (!j->time || j->time == j->last_time)
		return;
	j->last_time = j->time;
	j->times = more(j->times, j->n_times, &j->cap_times, sizeof *j->times);
	j->times[j->n_times].index = scrollback_total(j->to);
	j->times[j->n_times++].time = *j->time;
}

/* Row `number` of the old ring comes next. */
static void find_places(struct job *j, uint64_t number)
{
	for (unsigned i = 0; i < j->places->n; i++)
		if (j->places->at[i].line == number) {
			j->kept[i].here = true;
			j->kept[i].offset = j->n + j->places->at[i].col;
		}
}

/* A place that was looked for is in row `row` of the new ring now, which starts `at` cells into its line. */
static void move_place(struct job *j, unsigned i, uint64_t row, unsigned at)
{
	j->kept[i].here = false;
	j->kept[i].moved = true;
	j->kept[i].to = (struct docpos){ row, j->kept[i].offset - at };
}

/* The cells [at, at + n) become the ring's next row. */
static void move_places(struct job *j, unsigned at, unsigned n)
{
	for (unsigned i = 0; i < j->places->n; i++)
		if (j->kept[i].here && (j->kept[i].offset < at + n || at + n >= j->n))
			move_place(j, i, scrollback_total(j->to), at);
}

static void divide(struct job *j)
{
	keep_time(j);
	unsigned at = 0;
	do {
		unsigned n = j->n - at < j->cols ? j->n - at : j->cols;
		if (at + n < j->n && n > 1 && j->cells[at + n].ch == GRID_WIDE_TAIL)   /* a wide character is not cut */
			n--;
		move_places(j, at, n);
		scrollback_push(j->to, j->cells + at, n);
		at += n;
		if (at < j->n) {
			j->goes_on = more(j->goes_on, j->n_goes, &j->cap_goes, sizeof *j->goes_on);
			j->goes_on[j->n_goes++] = scrollback_total(j->to) - 1;
		}
	} while (at < j->n);
	j->n = 0;
}

void rewrap(struct scrollback **back, size_t budget, struct wraps *wraps, struct linetimes *times, unsigned old_cols, unsigned cols, struct docplaces *places)
{
	struct docplaces none = { .n = 0 };
	struct job j = { .from = *back, .to = scrollback_new(budget), .old_cols = old_cols, .cols = cols, .places = places ? places : &none };
	uint64_t total = scrollback_total(j.from), lines = scrollback_lines(j.from), pushed = 0;
	struct linetimes fresh = { 0 };
	struct scrollback_walk w = scrollback_seek(j.from, total - lines);
	for (uint64_t n = total - lines; n < total; n++) {
		bool goes_on = wraps->n && wraps_goes_on(wraps, n) && j.n < LOGICAL_MOST;
		if (!j.n)
			j.time = linetimes_of(times, n);
		find_places(&j, n);
		if (!j.n && !goes_on) {         /* most lines are short */
			keep_time(&j);
			if (scrollback_copy(j.to, j.from, &w, cols)) {
				for (unsigned i = 0; i < j.places->n; i++)
					if (j.kept[i].here)
						move_place(&j, i, scrollback_total(j.to) - 1, 0);
				continue;
			}
		}
		scrollback_skip(j.from, &w);
		join(&j, total - 1 - n, goes_on);
		if (!goes_on || n + 1 == total)
			divide(&j);
	}
	pushed = scrollback_total(j.to);
	uint64_t next = total > pushed ? total : pushed, first = next - pushed;        /* of the first line pushed, which may be gone by now */
	scrollback_renumber(j.to, next);
	for (size_t i = 0; i < j.n_times; i++)
		linetimes_mark(&fresh, first + j.times[i].index, next, j.times[i].time.host_ms, j.times[i].time.guest_ns);
	for (unsigned i = 0; places && i < places->n; i++) {
		struct docpos *p = &places->at[i];
		if (j.kept[i].moved)
			*p = (struct docpos){ first + j.kept[i].to.line, j.kept[i].to.col };
		else
			p->line = p->line < total ? first : next + (p->line - total);
	}
	const struct linetime *last = linetimes_of(times, total);      /* of the screen's rows */
	if (last)
		linetimes_mark(&fresh, next, next + (times->end - total), last->host_ms, last->guest_ns);
	linetimes_free(times);
	*times = fresh;
	wraps->n = 0;
	for (size_t i = 0; i < j.n_goes; i++)
		wraps_note(wraps, first + j.goes_on[i] + 1, 2);
	scrollback_free(j.from);
	*back = j.to;
	free(j.cells);
	free(j.times);
	free(j.goes_on);
}
