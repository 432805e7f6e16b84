/* search.c - see search.h. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "tui/search.h"
#include "tui/app.h"
#include "tui/scrollback.h"
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A line's share: about half a millisecond of a bad pattern; CHECK_LINES of those stay within a slice or two. */
enum { MATCH_LIMIT = 50000, DEPTH_LIMIT = 5000, HEAP_LIMIT_KIB = 1024, CHECK_LINES = 16 };

struct search {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	unsigned flags, too_hard;
	uint64_t next;                  /* lines before this one are done */
	struct match *match;
	size_t n, cap, n_old;           /* n_old: those of lines that scrolled off, which do not change any more */
	bool started, cancelled;
	char pattern[1024];
};

static bool has_capital(const char *s)
{
	for (; *s; s++) {
		if (*s == '\\' && s[1])
			s++;                    /* \S \W: classes, not letters */
		else if (*s >= 'A' && *s <= 'Z')
			return true;
	}
	return false;
}

struct search *search_new(const char *pattern, unsigned flags, struct error *err)
{
	int code;
	PCRE2_SIZE at;
	PCRE2_UCHAR why[128];
	uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C | (flags & SEARCH_LITERAL ? PCRE2_LITERAL : 0) |
			   (has_capital(pattern) ? 0 : PCRE2_CASELESS);
	struct search *s = calloc(1, sizeof *s);
	if (!s)
		abort();
	s->flags = flags;
	snprintf(s->pattern, sizeof s->pattern, "%s", pattern);
	if (flags & SEARCH_LITERAL)
		options &= ~PCRE2_NEVER_BACKSLASH_C;
	s->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &code, &at, NULL);
	if (!s->code) {
		pcre2_get_error_message(code, why, sizeof why);
		error_set(err, "%s, at character %zu of \"%s\"", (char *)why, (size_t)at + 1, pattern);
		free(s);
		return NULL;
	}
	pcre2_jit_compile(s->code, PCRE2_JIT_COMPLETE); /* where there is none the interpreter does it */
	s->data = pcre2_match_data_create(1, NULL);
	s->context = pcre2_match_context_create(NULL);
	if (!s->data || !s->context)
		abort();
	pcre2_set_match_limit(s->context, MATCH_LIMIT);
	pcre2_set_depth_limit(s->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(s->context, HEAP_LIMIT_KIB);
	return s;
}

void search_free(struct search *s)
{
	if (!s)
		return;
	pcre2_code_free(s->code);
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->context);
	free(s->match);
	free(s);
}

static bool found(struct search *s, const char *text, size_t len, size_t from)
{
	int r = pcre2_match(s->code, (PCRE2_SPTR)text, len, from, 0, s->data, s->context);
	if (r == PCRE2_ERROR_MATCHLIMIT || r == PCRE2_ERROR_DEPTHLIMIT || r == PCRE2_ERROR_HEAPLIMIT || r == PCRE2_ERROR_JIT_STACKLIMIT)
		s->too_hard++;
	return r >= 0;
}

bool search_text(struct search *s, const char *text, size_t len)
{
	return found(s, text, len, 0);
}

static void add(struct search *s, struct match m)
{
	if (s->n == SEARCH_MOST)
		return;
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 256;
		s->match = realloc(s->match, s->cap * sizeof *s->match);
		if (!s->match)
			abort();
	}
	s->match[s->n++] = m;
}

static void look(struct search *s, uint64_t line, const char *text, size_t len)
{
	if (s->flags & SEARCH_LINES) {
		unsigned hard = s->too_hard;
		bool has = found(s, text, len, 0);
		if (hard == s->too_hard && has != !!(s->flags & SEARCH_INVERT))
			add(s, (struct match){ .line = line });
		return;
	}
	for (size_t from = 0; from <= len && found(s, text, len, from); ) {
		const PCRE2_SIZE *v = pcre2_get_ovector_pointer(s->data);
		size_t start = v[0], end = v[1];
		if (end > start) {
			unsigned x = document_column(text, start);
			add(s, (struct match){ .line = line, .from = x, .to = x + document_column(text + start, end - start) });
			from = end;
		} else {
			for (from = end + 1; from < len && (text[from] & 0xc0) == 0x80; )
				from++;
		}
		if (from < start)               /* \K in a lookahead */
			break;
	}
}

static int64_t now_us(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void look_at_screen(struct search *s, const struct document *d)
{
	struct cell cells[DOCUMENT_CELLS];
	char text[DOCUMENT_CELLS * 12 + 16];
	for (uint64_t number = d->live; number < d->end; number++) {
		unsigned n = document_line(d, number, cells, DOCUMENT_CELLS);
		look(s, number, text, cells_text(cells, n < DOCUMENT_CELLS ? n : DOCUMENT_CELLS, text, sizeof text));
	}
}

/* Forget what was found on the screen, which may show something else by now, and on lines that are no longer kept. */
static void forget(struct search *s, const struct document *d)
{
	size_t gone = 0;
	s->n = s->n_old;
	while (s->n && s->match[s->n - 1].line >= d->live)
		s->n--;                         /* the screen grew and took lines back */
	if (s->next > d->live)
		s->next = d->live;
	while (gone < s->n && s->match[gone].line < d->first)
		gone++;
	if (gone && (gone > 4096 || gone == s->n)) {
		memmove(s->match, s->match + gone, (s->n - gone) * sizeof *s->match);
		s->n -= gone;
	}
	s->n_old = s->n;
}

bool search_slice(struct search *s, const struct document *d)
{
	if (!s->started)
		s->next = d->first;
	s->started = true;
	if (s->cancelled)
		return false;
	forget(s, d);
	int64_t end = now_us() + SEARCH_SLICE_MS * 1000;
	unsigned hard = s->too_hard;
	struct scrollback_walk w = d->back ? scrollback_seek(d->back, s->next) : (struct scrollback_walk){ 0, 0 };
	for (unsigned i = 1; d->back && s->n < SEARCH_MOST; i++) {
		size_t len;
		uint64_t number = w.number;
		const char *text = scrollback_text(d->back, &w, &len);
		if (!text)
			break;
		look(s, number, text, len);
		if ((i % CHECK_LINES == 0 || s->too_hard != hard) && now_us() > end)
			break;
		hard = s->too_hard;
	}
	s->next = d->back ? w.number : d->live;
	s->n_old = s->n;
	if (s->next < d->live && s->n < SEARCH_MOST)
		return true;
	look_at_screen(s, d);
	return false;
}

void search_cancel(struct search *s) { s->cancelled = true; }

void search_restart(struct search *s)
{
	s->n = s->n_old = 0;
	s->too_hard = 0;
	s->started = s->cancelled = false;
}

bool search_full(const struct search *s) { return s->n == SEARCH_MOST; }
unsigned search_too_hard(const struct search *s) { return s->too_hard; }
const char *search_pattern(const struct search *s) { return s->pattern; }

size_t search_matches(const struct search *s, const struct match **matches)
{
	*matches = s->match;
	return s->n;
}

size_t search_at(const struct search *s, uint64_t line, unsigned column)
{
	size_t low = 0, high = s->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct match *m = &s->match[mid];
		if (m->line < line || (m->line == line && m->from < column))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}
