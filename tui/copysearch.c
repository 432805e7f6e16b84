/* copysearch.c - see copysearch.h. */
#include "tui/copysearch.h"
#include "tui/app.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void to_match(struct copysearch *f, struct copy_state *s, size_t i)
{
	const struct match *m;
	search_matches(f->search, &m);
	s->at = (struct docpos){ m[i].line, m[i].from };
	s->want_col = m[i].from;
	copy_settle(s);
}

/* The next match in a direction, around the document's ends.  first: the one under the cursor counts. */
static void next_match(struct copysearch *f, struct copy_state *s, struct app *a, bool backward, bool first)
{
	const struct match *m;
	size_t n = search_matches(f->search, &m);
	size_t i = search_at(f->search, s->at.line, s->at.col + (!backward && !first));
	if (!n) {
		app_message(a, "\"%s\" is not here", search_pattern(f->search));
		return;
	}
	if (backward)
		i = i ? i - 1 : n - 1;
	else if (i == n)
		i = 0;
	to_match(f, s, i);
}

static void report_hard(struct app *a, const struct search *s)
{
	if (search_too_hard(s))
		app_error(a, "the pattern took too many steps on %u lines, which were left out", search_too_hard(s));
}

bool copysearch_busy(const struct copysearch *f)
{
	return f->looking || f->filtering;
}

bool copysearch_work(struct copysearch *f, struct copy_state *s, struct app *a)
{
	if (f->looking && !(f->looking = search_slice(f->search, &s->doc))) {
		report_hard(a, f->search);
		if (f->jump)
			next_match(f, s, a, f->backward, true);
		f->jump = false;
	}
	if (f->filtering && !(f->filtering = search_slice(s->filter, &s->doc)))
		report_hard(a, s->filter);
	if (f->going_back && !f->filtering) {
		f->going_back = false;
		s->at = f->back_to;
		s->want_col = s->at.col;
		copy_settle(s);
	}
	if (s->filter && f->follow) {
		s->at.line = s->doc.end;
		copy_settle(s);
	}
	return copysearch_busy(f);
}

static void search_for(struct copysearch *f, struct copy_state *s, struct app *a, const char *text)
{
	struct error err;
	if (!*text && f->search) {
		next_match(f, s, a, f->backward, false);
		return;
	}
	struct search *made = *text ? search_new(text, 0, &err) : NULL;
	if (!made) {
		if (*text)
			app_error(a, "%s", err.msg);
		return;
	}
	search_free(f->search);
	f->search = made;
	f->looking = f->jump = true;
}

static void filter_by(struct copysearch *f, struct copy_state *s, struct app *a, const char *text)
{
	unsigned flags = SEARCH_LINES;
	char pattern[1024];
	struct error err;
	struct search *made = NULL;
	if (*text == '!') {
		flags |= SEARCH_INVERT;
		text++;
	}
	size_t len = strlen(text);
	if (*text == '/')
		snprintf(pattern, sizeof pattern, "%.*s", (int)(len > 1 && text[len - 1] == '/' ? len - 2 : len - 1), text + 1);
	else
		snprintf(pattern, sizeof pattern, "%s", text);
	if (*text != '/')
		flags |= SEARCH_LITERAL;
	if (*pattern && !(made = search_new(pattern, flags, &err))) {
		app_error(a, "%s", err.msg);
		return;
	}
	search_free(s->filter);
	s->filter = made;
	f->filtering = f->follow = made != NULL;
	copy_settle(s);
}

void copysearch_answer(struct copysearch *f, struct copy_state *s, struct app *a, char mark, const char *text)
{
	if (mark == '&') {
		filter_by(f, s, a, text);
	} else if (mark == '#') {
		uint64_t back = strtoull(text, NULL, 10), n = copy_lines(s);
		copy_move(s, COPY_BOTTOM);
		copy_down(s, -(int64_t)(back < n ? back : n));
	} else {
		f->backward = mark != '/';
		search_for(f, s, a, text);
	}
}

void copysearch_key(struct copysearch *f, struct app *a)
{
	f->follow = f->going_back = false;
	if (!f->looking || !f->jump)            /* or it only counts anew */
		return;
	search_cancel(f->search);
	f->jump = f->looking = false;
	app_message(a, "the search was stopped");
}

void copysearch_again(struct copysearch *f, struct copy_state *s, struct app *a, bool other_way)
{
	if (!f->search) {
		app_message(a, "nothing was searched for yet");
		return;
	}
	search_slice(f->search, &s->doc);       /* what the screen shows by now */
	next_match(f, s, a, f->backward != other_way, false);
}

void copysearch_moved(struct copysearch *f, struct copy_state *s)
{
	if (f->search) {
		search_restart(f->search);
		f->looking = true;
	}
	if (s->filter) {
		search_restart(s->filter);
		f->filtering = f->going_back = true;
		f->back_to = s->at;
	}
}

void copysearch_follow(struct copysearch *f, struct copy_state *s)
{
	if (s->filter && !f->filtering)
		f->filtering = search_slice(s->filter, &s->doc);
	if (s->filter && f->follow)
		s->at.line = s->doc.end;
}

void copysearch_title(const struct copysearch *f, const struct copy_state *s, bool brief, char *buf, size_t size)
{
	const struct match *m;
	buf[0] = 0;
	if (copysearch_busy(f)) {
		snprintf(buf, size, brief ? "..." : "searching");
	} else if (f->search) {
		size_t all = search_matches(f->search, &m), i = search_at(f->search, s->at.line, s->at.col);
		if (i < all && m[i].line == s->at.line && m[i].from == s->at.col)
			snprintf(buf, size, brief ? "%zu/%zu%s" : "match %zu of %zu%s", i + 1, all, search_full(f->search) ? "+" : "");
		else
			snprintf(buf, size, brief ? "-/%zu" : all == 1 ? "%zu match" : "%zu matches", all);
	}
}

void copysearch_free(struct copysearch *f, struct copy_state *s)
{
	search_free(f->search);
	search_free(s->filter);
}
