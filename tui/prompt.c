/* prompt.c - the command line. */
#include "tui/prompt.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void prompt_open(struct prompt *p)
{
	p->active = true;
	p->len = p->at = p->view = 0;
	p->recall = p->n_history;
}

void prompt_free(struct prompt *p)
{
	for (unsigned i = 0; i < p->n_history; i++)
		free(p->history[i]);
	p->n_history = 0;
}

static size_t text_upto(const struct prompt *p, unsigned end, char *buf, size_t size)
{
	size_t at = 0;
	for (unsigned i = 0; i < end && at + 5 < size; i++)
		at += (size_t)utf8_put(p->line[i], buf + at);
	buf[at] = 0;
	return at;
}

void prompt_text(const struct prompt *p, char *buf, size_t size)
{
	text_upto(p, p->len, buf, size);
}

static void insert(struct prompt *p, uint32_t ch)
{
	if (p->len == PROMPT_MAX)
		return;
	memmove(&p->line[p->at + 1], &p->line[p->at], (p->len - p->at) * sizeof *p->line);
	p->line[p->at++] = ch;
	p->len++;
}

void prompt_put(struct prompt *p, const char *utf8)
{
	for (const char *s = utf8, *end = s + strlen(s); s < end; )
		insert(p, utf8_next(&s, end));
}

static void remove_range(struct prompt *p, unsigned from, unsigned to, bool keep)
{
	if (keep) {
		p->n_killed = to - from;
		memcpy(p->killed, &p->line[from], p->n_killed * sizeof *p->line);
	}
	memmove(&p->line[from], &p->line[to], (p->len - to) * sizeof *p->line);
	p->len -= to - from;
	p->at = from;
}

static unsigned word_start(const struct prompt *p)
{
	unsigned i = p->at;
	while (i && p->line[i - 1] == ' ')
		i--;
	while (i && p->line[i - 1] != ' ')
		i--;
	return i;
}

static unsigned word_end(const struct prompt *p)
{
	unsigned i = p->at;
	while (i < p->len && p->line[i] == ' ')
		i++;
	while (i < p->len && p->line[i] != ' ')
		i++;
	return i;
}

static void recall(struct prompt *p, unsigned which)
{
	p->recall = which;
	p->len = p->at = 0;
	if (which < p->n_history)
		prompt_put(p, p->history[which]);
}

static void remember(struct prompt *p)
{
	char buf[PROMPT_MAX * 4 + 1];
	prompt_text(p, buf, sizeof buf);
	if (!*buf || (p->n_history && !strcmp(p->history[p->n_history - 1], buf)))
		return;
	if (p->n_history == PROMPT_HISTORY) {
		free(p->history[0]);
		memmove(p->history, p->history + 1, (PROMPT_HISTORY - 1) * sizeof *p->history);
		p->n_history--;
	}
	p->history[p->n_history++] = strdup(buf);
}

/* Replace the word before the cursor by what all candidates share. */
static void complete_word(struct prompt *p, void (*complete)(void *arg, const char *line, struct text *out), void *arg, char *hint, size_t hint_size)
{
	struct text all = { 0 };
	char line[PROMPT_MAX * 4 + 1];
	text_upto(p, p->at, line, sizeof line);
	complete(arg, line, &all);
	unsigned n = 0;
	size_t common = 0;
	const char *first = all.s;
	for (const char *s = all.s; s && *s; n++) {
		const char *end = strchrnul(s, '\n');
		size_t len = (size_t)(end - s), i = 0;
		while (i < len && (n == 0 || (i < common && s[i] == first[i])))
			i++;
		common = i;
		s = *end ? end + 1 : end;
	}
	if (n) {
		const char *s = first, *end = first + common;
		unsigned start = p->at;
		while (start && p->line[start - 1] != ' ')
			start--;
		if (common) {
			remove_range(p, start, p->at, false);
			while (s < end)
				insert(p, utf8_next(&s, end));
		}
		if (n == 1)
			insert(p, ' ');
	}
	hint[0] = 0;
	if (n > 1) {
		snprintf(hint, hint_size, "%s", all.s);
		for (char *s = hint; *s; s++)
			if (*s == '\n')
				*s = ' ';
	}
	text_free(&all);
}

static void edit_control(struct prompt *p, uint32_t ch)
{
	switch (ch) {
	case 'a': p->at = 0; break;
	case 'e': p->at = p->len; break;
	case 'b': p->at -= p->at > 0; break;
	case 'f': p->at += p->at < p->len; break;
	case 'd': if (p->at < p->len) remove_range(p, p->at, p->at + 1, false); break;
	case 'h': if (p->at) remove_range(p, p->at - 1, p->at, false); break;
	case 'k': remove_range(p, p->at, p->len, true); break;
	case 'u': remove_range(p, 0, p->at, true); break;
	case 'w': remove_range(p, word_start(p), p->at, true); break;
	case 'y':
		for (unsigned i = 0; i < p->n_killed; i++)
			insert(p, p->killed[i]);
		break;
	case 'p': if (p->recall) recall(p, p->recall - 1); break;
	case 'n': if (p->recall < p->n_history) recall(p, p->recall + 1); break;
	case 't':
		if (p->at && p->len > 1) {
			unsigned i = p->at == p->len ? p->at - 1 : p->at;
			uint32_t t = p->line[i];
			p->line[i] = p->line[i - 1];
			p->line[i - 1] = t;
			p->at = i + 1;
		}
		break;
	default: break;
	}
}

static void edit_alt(struct prompt *p, uint32_t ch)
{
	switch (ch) {
	case 'b': p->at = word_start(p); break;
	case 'f': p->at = word_end(p); break;
	case 'd': remove_range(p, p->at, word_end(p), true); break;
	default: break;
	}
}

enum prompt_result prompt_key(struct prompt *p, const struct key *k, void (*complete)(void *arg, const char *line, struct text *out), void *arg,
	char *hint, size_t hint_size)
{
	if (k->mods & MOD_CTRL && (k->sym == 'c' || k->sym == 'g'))
		return PROMPT_CANCELLED;
	if (k->sym == 'j' && k->mods == MOD_CTRL)
		goto done;
	if (k->mods & MOD_CTRL) {
		edit_control(p, k->sym);
		return PROMPT_EDITING;
	}
	if (k->mods & MOD_ALT) {
		edit_alt(p, k->sym);
		return PROMPT_EDITING;
	}
	switch (k->sym) {
	case K_ENTER: case K_KP_ENTER: goto done;
	case K_ESC: return PROMPT_CANCELLED;
	case K_TAB: complete_word(p, complete, arg, hint, hint_size); break;
	case K_BACKSPACE:
		if (!p->len)
			return PROMPT_CANCELLED;
		edit_control(p, 'h');
		break;
	case K_DELETE: edit_control(p, 'd'); break;
	case K_LEFT: edit_control(p, 'b'); break;
	case K_RIGHT: edit_control(p, 'f'); break;
	case K_UP: edit_control(p, 'p'); break;
	case K_DOWN: edit_control(p, 'n'); break;
	case K_HOME: p->at = 0; break;
	case K_END: p->at = p->len; break;
	default:
		if (k->sym < K_ESC)
			insert(p, k->sym);
		break;
	}
	return PROMPT_EDITING;
done:
	remember(p);
	return PROMPT_DONE;
}

void prompt_draw(struct prompt *p, struct grid *g, int x, int y, int limit, struct style s)
{
	int width = limit - x;
	if (width < 2)
		return;
	if (p->at < p->view)
		p->view = p->at;
	while (p->at - p->view >= (unsigned)width)
		p->view++;
	grid_fill(g, (struct rect){ x, y, width, 1 }, s);
	int cx = x;
	for (unsigned i = p->view; i < p->len; i++) {
		if (i == p->at) {
			g->cursor_x = cx;
		}
		cx += grid_put(g, cx, y, limit, p->line[i], s);
	}
	if (p->at == p->len)
		g->cursor_x = cx < limit ? cx : limit - 1;
	g->cursor_y = y;
	g->cursor_on = true;
	g->cursor_shape = CURSOR_BLOCK;
	g->cursor_blinks = true;
}
