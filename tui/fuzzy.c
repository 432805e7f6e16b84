/* fuzzy.c - see fuzzy.h. */
#include "tui/fuzzy.h"
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { BONUS_RUN = 10, BONUS_WORD = 8, BONUS_FIRST = 6 };

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static bool word_begins(const char *text, const char *at)
{
	return at == text || !isalnum((unsigned char)at[-1]);
}

/* The score of a match that begins at `at`, taking each next letter at a word's beginning where there is one, else at the first place. */
static int score_from(const char *p, size_t len, const char *text, const char *at)
{
	int score = at == text ? BONUS_FIRST : 0;
	const char *last = NULL;
	for (size_t i = 0; i < len; i++) {
		const char *found = NULL;
		if (last && last[1] && same(last[1], p[i]))
			found = last + 1;
		for (const char *s = last ? last + 1 : at; *s && !found; s++)
			if (same(*s, p[i]) && word_begins(text, s))
				found = s;
		for (const char *s = last ? last + 1 : at; *s && !found; s++)
			if (same(*s, p[i]))
				found = s;
		if (!found)
			return -1;
		score += 1 + (last && found == last + 1 ? BONUS_RUN : 0) + (word_begins(text, found) ? BONUS_WORD : 0);
		last = found;
	}
	return score;
}

static int score_part(const char *p, size_t len, const char *text)
{
	int best = -1;
	for (const char *s = text; *s; s++) {
		if (!same(*s, p[0]))
			continue;
		int score = score_from(p, len, text, s);
		if (score > best)
			best = score;
	}
	return best;
}

int fuzzy_score(const char *pattern, const char *text)
{
	int total = 0;
	for (const char *p = pattern; *p; ) {
		size_t len = strcspn(p, " ");
		int score = len ? score_part(p, len, text) : 0;
		if (score < 0)
			return -1;
		total += score;
		p += len;
		p += strspn(p, " ");
	}
	return total;
}
