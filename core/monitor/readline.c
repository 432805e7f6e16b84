/* readline.c - the monitor's line editor.  It redraws a changed line as: cursor to its start, the line, ESC [ K, cursor back. */
#include "core/monitor/readline.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 4096, HISTORY = 64 };
enum state { PLAIN, ESC, CSI, SS3, SEARCH };

struct readline {
	struct readline_ops ops;
	const char *prompt;
	char buf[LINE_SIZE], shown[LINE_SIZE], yank[LINE_SIZE], typed[LINE_SIZE];       /* typed: the line before history was walked */
	unsigned len, pos, shown_len, shown_pos;
	char *history[HISTORY];
	unsigned n_history, at;         /* at == n_history: the typed line */
	enum state state;
	unsigned csi[2], n_csi;
	bool after_cr;
	char pattern[64]; unsigned n_pattern, found;
};

struct readline *readline_new(const struct readline_ops *ops, const char *prompt)
{
	struct readline *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	r->ops = *ops;
	r->prompt = prompt;
	return r;
}

void readline_free(struct readline *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < r->n_history; i++)
		free(r->history[i]);
	free(r);
}

static void print(struct readline *r, const char *s) { r->ops.print(r->ops.arg, s, strlen(s)); }

/* ---- the screen ------------------------------------------------------------------------------------------------------------------ */

static bool continuation(char c) { return ((uint8_t)c & 0xc0) == 0x80; }       /* of a UTF-8 character */

static unsigned width(const char *s, unsigned from, unsigned to)
{
	unsigned n = 0;

	for (; from < to; from++)
		n += !continuation(s[from]);
	return n;
}

static void move_cursor(struct readline *r, unsigned n, const char *how)
{
	while (n--)
		print(r, how);
}

static void update(struct readline *r)
{
	bool same = r->len == r->shown_len && !memcmp(r->buf, r->shown, r->len);

	if (!same) {
		move_cursor(r, width(r->shown, 0, r->shown_pos), "\033[D");
		r->ops.print(r->ops.arg, r->buf, r->len);
		print(r, "\033[K");
		memcpy(r->shown, r->buf, r->len);
		r->shown_len = r->shown_pos = r->len;
	}
	if (r->pos < r->shown_pos)
		move_cursor(r, width(r->buf, r->pos, r->shown_pos), "\033[D");
	else
		move_cursor(r, width(r->buf, r->shown_pos, r->pos), "\033[C");
	r->shown_pos = r->pos;
}

void readline_prompt(struct readline *r)
{
	print(r, r->prompt);
	r->shown_len = r->shown_pos = 0;
	if (r->len)
		update(r);
}

void readline_redraw(const struct readline *r, struct text *out)
{
	text_printf(out, "%s%.*s", r->prompt, (int)r->shown_len, r->shown);
	for (unsigned n = width(r->shown, r->shown_pos, r->shown_len); n; n--)
		text_printf(out, "\033[D");
}

void readline_reset(struct readline *r)
{
	r->len = r->pos = r->shown_len = r->shown_pos = 0;
	r->state = PLAIN;
	r->at = r->n_history;
	r->after_cr = false;
}

/* ---- editing ---------------------------------------------------------------------------------------------------------------------- */

static void insert(struct readline *r, const char *s, unsigned n)
{
	if (r->len + n >= LINE_SIZE)
		return;
	memmove(r->buf + r->pos + n, r->buf + r->pos, r->len - r->pos);
	memcpy(r->buf + r->pos, s, n);
	r->len += n;
	r->pos += n;
}

/* Cut [from, to); keep: what is cut can be put back with ^Y. */
static void cut(struct readline *r, unsigned from, unsigned to, bool keep)
{
	if (keep && to > from) {
		memcpy(r->yank, r->buf + from, to - from);
		r->yank[to - from] = 0;
	}
	memmove(r->buf + from, r->buf + to, r->len - to);
	r->len -= to - from;
	r->pos = from;
}

static unsigned left(const struct readline *r)
{
	unsigned p = r->pos;

	while (p && continuation(r->buf[--p]))
		;
	return p;
}

static unsigned right(const struct readline *r)
{
	unsigned p = r->pos;

	if (p < r->len)
		p++;
	while (p < r->len && continuation(r->buf[p]))
		p++;
	return p;
}

static unsigned word_left(const struct readline *r, bool blanks_only)
{
	unsigned p = r->pos;

	while (p && (blanks_only ? isspace((unsigned char)r->buf[p - 1]) : !isalnum((unsigned char)r->buf[p - 1])))
		p--;
	while (p && (blanks_only ? !isspace((unsigned char)r->buf[p - 1]) : isalnum((unsigned char)r->buf[p - 1])))
		p--;
	return p;
}

static unsigned word_right(const struct readline *r)
{
	unsigned p = r->pos;

	while (p < r->len && !isalnum((unsigned char)r->buf[p]))
		p++;
	while (p < r->len && isalnum((unsigned char)r->buf[p]))
		p++;
	return p;
}

static void transpose(struct readline *r)
{
	unsigned p = r->pos == r->len ? r->pos - 1 : r->pos;

	if (r->len < 2 || !r->pos || !p)
		return;
	char c = r->buf[p];
	r->buf[p] = r->buf[p - 1];
	r->buf[p - 1] = c;
	r->pos = p + 1;
}

static void set_line(struct readline *r, const char *s)
{
	r->len = r->pos = (unsigned)strlen(s);
	memcpy(r->buf, s, r->len);
}

/* ---- history ------------------------------------------------------------------------------------------------------------------------ */

const char *readline_history(const struct readline *r, unsigned n)
{
	return n < r->n_history ? r->history[n] : NULL;
}

/* A line that is there already moves to the end. */
void readline_remember(struct readline *r, const char *line)
{
	unsigned i = 0;

	while (i < r->n_history && strcmp(r->history[i], line))
		i++;
	char *s = i < r->n_history ? r->history[i] : strdup(line);
	if (!s)
		return;
	if (i == r->n_history && i == HISTORY) {
		free(r->history[0]);
		i = 0;
	} else if (i == r->n_history) {
		r->n_history++;
	}
	memmove(&r->history[i], &r->history[i + 1], (r->n_history - 1 - i) * sizeof(r->history[0]));
	r->history[r->n_history - 1] = s;
	r->at = r->n_history;
}

static void walk(struct readline *r, int by)
{
	if ((by < 0 && !r->at) || (by > 0 && r->at >= r->n_history))
		return;
	if (r->at == r->n_history) {
		memcpy(r->typed, r->buf, r->len);
		r->typed[r->len] = 0;
	}
	r->at += (unsigned)by;
	set_line(r, r->at == r->n_history ? r->typed : r->history[r->at]);
}

/* ---- reverse search ------------------------------------------------------------------------------------------------------------------- */

static void show_search(struct readline *r)
{
	char head[128];

	snprintf(head, sizeof(head), "\r\033[K(reverse-i-search)`%.*s': ", (int)r->n_pattern, r->pattern);
	print(r, head);
	if (r->found < r->n_history)
		print(r, r->history[r->found]);
}

static void find_older(struct readline *r, unsigned before)
{
	r->pattern[r->n_pattern] = 0;
	for (unsigned i = before; i-- > 0;)
		if (strstr(r->history[i], r->pattern)) {
			r->found = i;
			return;
		}
}

static void end_search(struct readline *r, bool take)
{
	r->state = PLAIN;
	if (take && r->found < r->n_history)
		set_line(r, r->history[r->found]);
	print(r, "\r\033[K");
	readline_prompt(r);
}

/* True: the byte belonged to the search. */
static bool search_byte(struct readline *r, uint8_t b)
{
	if (b == 18) {                          /* ^R: the next older one */
		find_older(r, r->found < r->n_history ? r->found : r->n_history);
	} else if (b == 7 || b == 3) {
		end_search(r, false);
		return true;
	} else if (b == 8 || b == 127) {
		r->n_pattern -= r->n_pattern > 0;
		find_older(r, r->n_history);
	} else if (b >= 32) {
		if (r->n_pattern + 1 < sizeof(r->pattern))
			r->pattern[r->n_pattern++] = (char)b;
		find_older(r, r->found < r->n_history ? r->found + 1 : r->n_history);
	} else {
		end_search(r, true);
		return false;
	}
	show_search(r);
	return true;
}

/* ---- completion ------------------------------------------------------------------------------------------------------------------------ */

static unsigned common_prefix(const char *a, unsigned n, const char *b)
{
	unsigned i = 0;

	while (i < n && a[i] == b[i] && b[i] != '\n' && b[i])
		i++;
	return i;
}

static void print_columns(struct readline *r, const char *list, unsigned longest)
{
	unsigned cols = r->ops.columns ? r->ops.columns(r->ops.arg) : 0, wide = longest + 2, per_line = (cols ? cols : 80) / wide, col = 0;

	print(r, "\n");
	while (*list) {
		unsigned n = (unsigned)strcspn(list, "\n");
		r->ops.print(r->ops.arg, list, n);
		for (unsigned i = n; i < wide; i++)
			print(r, " ");
		list += n + (list[n] == '\n');
		if (++col >= (per_line ? per_line : 1) || !*list) {
			print(r, "\n");
			col = 0;
		}
	}
}

static void complete(struct readline *r)
{
	char line[LINE_SIZE];
	struct text out = { 0 };
	unsigned count = 0, longest = 0, common = 0, word = r->pos;

	memcpy(line, r->buf, r->pos);
	line[r->pos] = 0;
	r->ops.complete(r->ops.arg, line, &out);
	while (word && !isspace((unsigned char)r->buf[word - 1]))
		word--;
	for (const char *s = out.s; s && *s; s += strcspn(s, "\n"), s += *s == '\n') {
		unsigned n = (unsigned)strcspn(s, "\n");
		common = count ? common_prefix(out.s, common, s) : n;
		longest = n > longest ? n : longest;
		count++;
	}
	unsigned have = r->pos - word;
	if (count && common > have && common < LINE_SIZE) {
		cut(r, word, r->pos, false);
		insert(r, out.s, common);
	}
	if (count == 1 && common && out.s[common - 1] != '/' && out.s[common - 1] != '=')
		insert(r, " ", 1);
	if (count > 1) {
		print_columns(r, out.s, longest);
		readline_prompt(r);
	}
	text_free(&out);
}

/* ---- keys --------------------------------------------------------------------------------------------------------------------------------- */

static void enter(struct readline *r)
{
	char line[LINE_SIZE];

	memcpy(line, r->buf, r->len);
	line[r->len] = 0;
	print(r, "\n");
	readline_reset(r);
	if (*line)
		readline_remember(r, line);
	r->ops.line(r->ops.arg, line);
	readline_prompt(r);
}

static void control(struct readline *r, uint8_t b)
{
	switch (b) {
	case 1:   r->pos = 0; break;
	case 2:   r->pos = left(r); break;
	case 3:   print(r, "^C\n"); readline_reset(r); readline_prompt(r); break;
	case 4:   cut(r, r->pos, right(r), false); break;
	case 5:   r->pos = r->len; break;
	case 6:   r->pos = right(r); break;
	case 7:   r->len = r->pos = 0; break;
	case 8: case 127: cut(r, left(r), r->pos, false); break;
	case 9:   complete(r); break;
	case 11:  cut(r, r->pos, r->len, true); break;
	case 12:  print(r, "\033[H\033[2J"); readline_prompt(r); break;
	case 14:  walk(r, 1); break;
	case 16:  walk(r, -1); break;
	case 18:  r->state = SEARCH; r->n_pattern = 0; r->found = r->n_history; show_search(r); return;
	case 20:  transpose(r); break;
	case 21:  cut(r, 0, r->pos, true); break;
	case 23:  cut(r, word_left(r, true), r->pos, true); break;
	case 25:  insert(r, r->yank, (unsigned)strlen(r->yank)); break;
	case 27:  r->state = ESC; return;
	default:
		if (b >= 32) {
			char c = (char)b;
			insert(r, &c, 1);
		}
	}
	update(r);
}

static void alt(struct readline *r, uint8_t b)
{
	r->state = PLAIN;
	switch (b) {
	case '[': r->state = CSI; r->n_csi = 0; r->csi[0] = r->csi[1] = 0; return;
	case 'O': r->state = SS3; return;
	case 'b': r->pos = word_left(r, false); break;
	case 'f': r->pos = word_right(r); break;
	case 'd': cut(r, r->pos, word_right(r), true); break;
	case 27:  r->state = ESC; return;
	}
	update(r);
}

/* The final byte of ESC [ n ; m X, or of ESC O X. */
static void cursor_key(struct readline *r, uint8_t b)
{
	bool word = r->csi[1] == 5 || r->csi[1] == 3;   /* with Ctrl or Alt */

	if (b == '~')
		b = r->csi[0] == 1 || r->csi[0] == 7 ? 'H' : r->csi[0] == 4 || r->csi[0] == 8 ? 'F' : r->csi[0] == 3 ? 'x' : 0;
	switch (b) {
	case 'A': walk(r, -1); break;
	case 'B': walk(r, 1); break;
	case 'C': r->pos = word ? word_right(r) : right(r); break;
	case 'D': r->pos = word ? word_left(r, false) : left(r); break;
	case 'H': r->pos = 0; break;
	case 'F': r->pos = r->len; break;
	case 'x': cut(r, r->pos, right(r), false); break;
	}
	update(r);
}

void readline_byte(struct readline *r, uint8_t b)
{
	bool after_cr = r->after_cr;

	r->after_cr = false;
	if (r->state == SEARCH && search_byte(r, b))
		return;
	switch (r->state) {
	case ESC:
		alt(r, b);
		return;
	case CSI:
		if (b >= '0' && b <= '9') {
			r->csi[r->n_csi] = r->csi[r->n_csi] < 1000 ? r->csi[r->n_csi] * 10 + b - '0' : 1000;
		} else if (b == ';') {
			r->n_csi = 1;
		} else if (b >= 0x40) {
			r->state = PLAIN;
			cursor_key(r, b);
		} else if (b < 32) {
			r->state = PLAIN;       /* cut short */
		}
		return;
	case SS3:
		r->state = PLAIN;
		r->csi[0] = r->csi[1] = 0;
		cursor_key(r, b);
		return;
	default:
		break;
	}
	if (b == '\n' && after_cr)
		return;                 /* CR LF is one Enter */
	if (b == '\r' || b == '\n') {
		enter(r);
		r->after_cr = b == '\r';
	} else if (b) {
		control(r, b);
	}
}
