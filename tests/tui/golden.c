/* golden.c - see golden.h. */
#include "tests/tui/golden.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOKS = 26, LOOK_TEXT = 80, MOST = 1 << 17, COLS_MOST = 256, SETTLE_MS = 400 };
struct looks { char text[LOOKS][LOOK_TEXT]; unsigned n; };

static char look_of(struct ptyrun *p, struct looks *l, unsigned x, unsigned y)
{
	struct ptyrun_cell c = { 0 };
	char text[LOOK_TEXT];
	unsigned k = 0;
	ptyrun_cell(p, x, y, &c);
	snprintf(text, sizeof text, "fg %d bg %d%s%s%s%s%s", c.fg_default ? -1 : c.fg_index >= 0 ? c.fg_index : (int)c.fg, c.bg_default ? -1 : c.bg_index >= 0 ? c.bg_index : (int)c.bg,
		 c.bold ? " bold" : "", c.italic ? " italic" : "", c.underline ? " underline" : "", c.blink ? " blink" : "", c.reverse ? " reverse" : "");
	while (k < l->n && strcmp(l->text[k], text))
		k++;
	if (k == LOOKS)
		return '?';
	if (k == l->n)
		strcpy(l->text[l->n++], text);
	return (char)('a' + k);
}

static void put_looks(FILE *f, struct ptyrun *p, struct looks *l, unsigned cols, unsigned rows)
{
	char before[COLS_MOST * 8] = "", now[COLS_MOST * 8];
	unsigned from = 0;
	for (unsigned y = 0; y <= rows; y++) {
		size_t at = 0;
		now[0] = 0;
		for (unsigned x = 0, end; y < rows && x < cols; x = end) {
			char k = look_of(p, l, x, y);
			for (end = x + 1; end < cols && look_of(p, l, end, y) == k; end++)
				;
			at += (size_t)snprintf(now + at, sizeof now - at, " %u%c", end - x, k);
		}
		if (y && strcmp(before, now)) {
			fprintf(f, from + 1 < y ? "%u-%u:%s\n" : "%u:%.0u%s\n", from, y - 1, before);
			from = y;
		}
		strcpy(before, now);
	}
}

static void blot_names(char *text)
{
	static const char mark[] = "vmux-test-";
	for (char *s = text; (s = strstr(s, mark)); ) {
		s += sizeof mark - 1;
		for (unsigned i = 0; i < 6 && isalnum((unsigned char)*s); i++)
			*s++ = 'X';
	}
}

/* The screen in the format of the files; the caller's to free. */
static char *picture(struct ptyrun *p, unsigned cols, unsigned rows)
{
	struct looks l = { .n = 0 };
	char *text = ptyrun_screen(p), *out = NULL;
	size_t size;
	unsigned x, y;
	bool visible;
	FILE *f = open_memstream(&out, &size);
	blot_names(text);
	fputs(text, f);
	fputs("----\n", f);
	put_looks(f, p, &l, cols, rows);
	for (unsigned k = 0; k < l.n; k++)
		fprintf(f, "%c: %s\n", 'a' + k, l.text[k]);
	ptyrun_cursor(p, &x, &y, &visible);
	fprintf(f, "cursor %u,%u%s\n", x, y, visible ? "" : " hidden");
	fclose(f);
	free(text);
	return out;
}

struct wanted { const char *text; unsigned cols, rows; };

static bool is_there(struct ptyrun *p, void *arg)
{
	struct wanted *w = arg;
	char *now = picture(p, w->cols, w->rows);
	bool same = !strcmp(now, w->text);
	free(now);
	return same;
}

static bool renew(struct ptyrun *p, const char *path, unsigned cols, unsigned rows)
{
	ptyrun_settle(p, SETTLE_MS);
	char *now = picture(p, cols, rows);
	FILE *f = fopen(path, "w");
	bool ok = f && fputs(now, f) >= 0;
	if (!ok)
		perror(path);
	if (f)
		fclose(f);
	free(now);
	return ok;
}

bool golden_is(struct ptyrun *p, const char *name, unsigned cols, unsigned rows)
{
	char path[200];
	struct wanted w = { .cols = cols, .rows = rows };
	snprintf(path, sizeof path, "tests/tui/golden/%s-%ux%u.txt", name, cols, rows);
	if (getenv("GOLDEN_RENEW"))
		return renew(p, path, cols, rows);
	FILE *f = fopen(path, "r");
	if (!f) {
		fprintf(stderr, "%s: not there; GOLDEN_RENEW=1 makes it\n", path);
		return false;
	}
	char *text = calloc(1, MOST);
	if (!text)
		abort();
	text[fread(text, 1, MOST - 1, f)] = 0;
	fclose(f);
	w.text = text;
	bool same = ptyrun_until(p, is_there, &w, PTYRUN_MS, path);
	if (!same) {
		char *now = picture(p, cols, rows);
		fprintf(stderr, "--- %s\n%s--- now\n%s", path, text, now);
		free(now);
	}
	free(text);
	return same;
}
