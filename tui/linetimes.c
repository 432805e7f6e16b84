/* linetimes.c - see linetimes.h. */
#include "tui/linetimes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 1 << 20, CLOCK_COLS = 13, SECONDS_COLS = 12, TEXT_COLS = 48 };

void linetimes_mark(struct linetimes *t, uint64_t from, uint64_t end, int64_t host_ms, int64_t guest_ns)
{
	while (t->n && t->at[t->n - 1].line >= from)
		t->n--;
	t->end = end;
	if (t->n && t->at[t->n - 1].host_ms == host_ms && t->at[t->n - 1].guest_ns == guest_ns)
		return;
	if (t->n == MOST) {             /* the older half goes */
		t->n /= 2;
		memmove(t->at, t->at + t->n, t->n * sizeof *t->at);
	}
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 256;
		if (!(t->at = realloc(t->at, t->cap * sizeof *t->at)))
			abort();
	}
	t->at[t->n++] = (struct linetime){ from, host_ms, guest_ns };
}

const struct linetime *linetimes_of(const struct linetimes *t, uint64_t line)
{
	size_t low = 0, high = t->n;
	if (line >= t->end)
		return NULL;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (t->at[mid].line <= line)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? &t->at[low - 1] : NULL;
}

void linetimes_free(struct linetimes *t)
{
	free(t->at);
	*t = (struct linetimes){ 0 };
}

/* ---- the column -------------------------------------------------------------------------------------------------------------------- */

const char *stamp_name(enum stamp_kind kind)
{
	static const char *const names[STAMP_KINDS] = { "off", "time of day", "seconds since the line before", "guest's seconds" };
	return names[kind];
}

int stamp_width(enum stamp_kind kind, int pane_width)
{
	int w = kind == STAMP_NONE ? 0 : kind == STAMP_CLOCK ? CLOCK_COLS : SECONDS_COLS;
	return pane_width >= 2 * w ? w : 0;
}

static void seconds(char *buf, size_t size, const char *sign, int64_t ms)
{
	char number[TEXT_COLS];
	int n = snprintf(number, sizeof number, "%s%lld.%03lld", sign, (long long)(ms / 1000), (long long)(ms % 1000));
	snprintf(buf, size, "%*s%s", n < SECONDS_COLS - 1 ? SECONDS_COLS - 1 - n : 0, "", number);
}

void stamp_draw(const struct linetimes *t, enum stamp_kind kind, struct grid *g, int x, int y, int limit, struct style s, uint64_t line)
{
	const struct linetime *at = linetimes_of(t, line), *before = line ? linetimes_of(t, line - 1) : NULL;
	char text[2 * TEXT_COLS] = "";
	struct tm tm;
	time_t second;
	grid_fill(g, (struct rect){ x, y, limit - x, 1 }, s);
	if (!at)
		return;
	switch (kind) {
	case STAMP_CLOCK:
		second = (time_t)(at->host_ms / 1000);
		localtime_r(&second, &tm);
		snprintf(text, sizeof text, "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(at->host_ms % 1000));
		break;
	case STAMP_DELTA:
		if (before && at->host_ms >= before->host_ms)
			seconds(text, sizeof text, "+", at->host_ms - before->host_ms);
		break;
	case STAMP_GUEST: seconds(text, sizeof text, "", at->guest_ns / 1000000); break;
	default: break;
	}
	grid_text(g, x, y, limit - 1, s, text);
}
