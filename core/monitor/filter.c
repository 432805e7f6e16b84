/* filter.c - keep or drop lines of a command's output by a regular expression. */
#include "core/monitor/filter.h"
#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum { MATCH_STEPS = 100000 };          /* a line that takes longer does not match: the machine waits meanwhile */
struct filter { pcre2_code *code; pcre2_match_context *limits; pcre2_match_data *data; bool drop; };

/* The last "| /" or "| !/" of the line that a "/" ends. */
static char *find(char *line, char **open, bool *drop)
{
	size_t n = strlen(line);

	while (n && isspace((unsigned char)line[n - 1]))
		n--;
	if (!n || line[n - 1] != '/')
		return NULL;
	for (char *bar = line + n - 1; bar > line; bar--) {
		if (*bar != '|')
			continue;
		char *p = bar + 1 + strspn(bar + 1, " \t");
		*drop = *p == '!';
		p += *drop;
		if (*p == '/' && p < line + n - 1) {
			line[n - 1] = 0;
			*open = p + 1;
			return bar;
		}
	}
	return NULL;
}

struct filter *filter_split(char *line, struct error *err)
{
	char *open, *bar;
	bool drop;
	int code;
	PCRE2_SIZE at;
	PCRE2_UCHAR why[128];

	err->msg[0] = 0;
	bar = find(line, &open, &drop);
	if (!bar)
		return NULL;
	struct filter *f = calloc(1, sizeof(*f));
	if (!f)
		abort();
	f->drop = drop;
	f->code = pcre2_compile((PCRE2_SPTR)open, PCRE2_ZERO_TERMINATED, 0, &code, &at, NULL);
	if (!f->code) {
		pcre2_get_error_message(code, why, sizeof(why));
		error_set(err, "invalid regular expression /%s/: %s", open, (char *)why);
		free(f);
		return NULL;
	}
	f->data = pcre2_match_data_create_from_pattern(f->code, NULL);
	f->limits = pcre2_match_context_create(NULL);
	if (!f->data || !f->limits)
		abort();
	pcre2_set_match_limit(f->limits, MATCH_STEPS);
	pcre2_set_depth_limit(f->limits, MATCH_STEPS);
	*bar = 0;
	return f;
}

void filter_lines(struct filter *f, struct text *out, size_t from)
{
	size_t kept = from;

	for (size_t at = from; at < out->len;) {
		const char *nl = memchr(out->s + at, '\n', out->len - at);
		size_t end = nl ? (size_t)(nl - out->s) + 1 : out->len, len = end - at - (nl != NULL);
		bool hit = pcre2_match(f->code, (PCRE2_SPTR)out->s + at, len, 0, 0, f->data, f->limits) >= 0;
		if (hit != f->drop) {
			memmove(out->s + kept, out->s + at, end - at);
			kept += end - at;
		}
		at = end;
	}
	if (kept < out->len) {
		out->len = kept;
		out->s[kept] = 0;
	}
}

void filter_free(struct filter *f)
{
	if (!f)
		return;
	pcre2_match_data_free(f->data);
	pcre2_match_context_free(f->limits);
	pcre2_code_free(f->code);
	free(f);
}
