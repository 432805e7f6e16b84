/* linear.c - see linear.h. */
#include "tui/linear.h"
#include "tui/app.h"
#include "tui/cp437.h"
#include "tui/document.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 256, BACK = 1000 };               /* remembered of a document; lines back that are still told */
/* What the last line on the terminal is, which grows: a line of the document, the command line, or nothing. */
enum { OPEN_NONE, OPEN_LINE, OPEN_PROMPT };

struct row { uint64_t number; char *text; };
struct linear {
	const struct view *view, *popup;
	char label[64];
	struct row row[ROWS];
	uint64_t next;                          /* lines of the document before this one are told for good */
	int open;
	uint64_t open_number;
	char message[256], state[64], prompt[1200];
	struct text popup_row[512];
	int popup_cursor;
	struct grid grid;                       /* of a popup */
	struct text line;                       /* scratch */
};

struct linear *linear_new(void)
{
	struct linear *l = calloc(1, sizeof *l);
	if (!l)
		abort();
	return l;
}

static void forget_rows(struct linear *l)
{
	for (unsigned i = 0; i < ROWS; i++) {
		free(l->row[i].text);
		l->row[i] = (struct row){ 0 };
	}
}

static void forget_popup(struct linear *l)
{
	for (unsigned i = 0; i < sizeof l->popup_row / sizeof *l->popup_row; i++)
		l->popup_row[i].len = 0;
	l->popup_cursor = -1;
}

void linear_free(struct linear *l)
{
	if (!l)
		return;
	forget_rows(l);
	for (unsigned i = 0; i < sizeof l->popup_row / sizeof *l->popup_row; i++)
		text_free(&l->popup_row[i]);
	grid_free(&l->grid);
	text_free(&l->line);
	free(l);
}

/* ---- lines -------------------------------------------------------------------------------------------------------------------------- */

static void put(struct text *out, const char *text, size_t n, bool ascii)
{
	for (const char *p = text, *end = text + n; p < end; ) {
		const char *from = p;
		uint32_t ch = utf8_next(&p, end);
		char like = ch < 0x80 ? (char)ch : ascii ? ascii_like(ch) : 0;
		if (like)
			text_add(out, &like, 1);
		else
			text_add(out, from, (size_t)(p - from));
	}
}

static void close_line(struct linear *l, struct text *out)
{
	if (l->open)
		text_add(out, "\r\n", 2);
	l->open = OPEN_NONE;
}

static void whole_line(struct linear *l, struct text *out, const char *lead, const char *text, bool ascii)
{
	close_line(l, out);
	text_printf(out, "%s", lead);
	put(out, text, strlen(text), ascii);
	text_add(out, "\r\n", 2);
}

static size_t characters(const char *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

/* A line that grew, or lost its end, in its place; any other change as a new line. */
static void grow(struct linear *l, struct text *out, int what, uint64_t number, const char *old, const char *now, const char *lead, bool ascii)
{
	size_t had = strlen(old), has = strlen(now);
	bool here = l->open == what && (what != OPEN_LINE || l->open_number == number);
	if (here && has >= had && !strncmp(old, now, had)) {
		put(out, now + had, has - had, ascii);
		return;
	}
	if (here && !strncmp(old, now, has)) {
		for (size_t i = characters(old + has); i; i--)
			text_add(out, "\b \b", 3);
		return;
	}
	if (!has && what == OPEN_LINE)          /* wiped out: silence tells it */
		return;
	close_line(l, out);
	text_printf(out, "%s", lead);
	put(out, now, has, ascii);
	l->open = what;
	l->open_number = number;
}

static void tell_document(struct linear *l, struct view *v, struct text *out, bool ascii)
{
	struct document d;
	if (!document_open(&d, v))
		return;
	uint64_t from = l->next < d.live ? l->next : d.live;
	if (from < d.first)
		from = d.first;
	if (d.end - from > BACK)
		from = d.end - BACK;
	for (uint64_t n = from; n < d.end; n++) {
		struct row *r = &l->row[n % ROWS];
		bool known = r->text && r->number == n;
		l->line.len = 0;
		text_add(&l->line, "", 0);
		document_text(&d, n, 0, DOCUMENT_CELLS, &l->line);
		const char *now = l->line.len ? l->line.s : "";
		if (known && !strcmp(r->text, now))
			continue;
		grow(l, out, OPEN_LINE, n, known ? r->text : "", now, "", ascii);
		free(r->text);
		if (!(r->text = strdup(now)))
			abort();
		r->number = n;
	}
	l->next = d.live;                       /* rows of the screen may change and then leave it */
}

/* ---- what else there is --------------------------------------------------------------------------------------------------------------- */

/* Text of a row of the popup, without the frame around it. */
static void popup_text(const struct grid *g, int y, struct text *out)
{
	static const uint32_t frame[] = { ' ', 0, '|', '+', '-', 0x2500, 0x2502, 0x250c, 0x2510, 0x2514, 0x2518 };
	char utf8[4];
	int from = 0, to = g->cols;
	out->len = 0;
	for (bool more = true; more && from < to; ) {
		more = false;
		for (unsigned i = 0; i < sizeof frame / sizeof *frame && from < to; i++) {
			if (grid_at(g, from, y)->ch == frame[i]) {
				from++;
				more = true;
			} else if (grid_at(g, to - 1, y)->ch == frame[i]) {
				to--;
				more = true;
			}
		}
	}
	for (int x = from; x < to; x++)
		if (grid_at(g, x, y)->ch != GRID_WIDE_TAIL)
			text_add(out, utf8, (size_t)utf8_put(grid_at(g, x, y)->ch ? grid_at(g, x, y)->ch : ' ', utf8));
	text_add(out, "", 1);
}

/* All of it when it comes; then rows that change, and the one that the cursor goes to. */
static void tell_popup(struct linear *l, struct app *a, struct text *out, bool ascii)
{
	struct view *v = a->popup;
	bool fresh = v != l->popup;
	if (fresh)
		forget_popup(l);
	l->popup = v;
	if (!v)
		return;
	grid_resize(&l->grid, a->cols, a->rows);
	l->grid.cursor_on = false;
	v->ops->draw(v, &l->grid, app_area(a), true);
	for (int y = 0; y < a->rows && y < (int)(sizeof l->popup_row / sizeof *l->popup_row); y++) {
		struct text *before = &l->popup_row[y];
		bool here = l->grid.cursor_on && l->grid.cursor_y == y;
		popup_text(&l->grid, y, &l->line);
		bool changed = before->len != l->line.len || memcmp(before->s, l->line.s, l->line.len);
		if ((changed || (here && y != l->popup_cursor)) && l->line.s[0])
			whole_line(l, out, here ? "> " : fresh ? "  " : "", l->line.s, ascii);
		before->len = 0;
		text_add(before, l->line.s, l->line.len);
	}
	l->popup_cursor = l->grid.cursor_on ? l->grid.cursor_y : -1;
}

static void tell_prompt(struct linear *l, struct app *a, struct text *out, bool ascii)
{
	char now[sizeof l->prompt] = "", mark[2] = { a->prompt_mark };
	if (!a->prompt.active) {
		if (l->open == OPEN_PROMPT)
			close_line(l, out);
		l->prompt[0] = 0;
		return;
	}
	prompt_text(&a->prompt, now, sizeof now);
	if (l->open != OPEN_PROMPT || strcmp(now, l->prompt))
		grow(l, out, OPEN_PROMPT, 0, l->prompt, now, mark, ascii);
	memcpy(l->prompt, now, sizeof now);
}

static void tell_state(struct linear *l, struct app *a, struct text *out, bool ascii)
{
	const char *state = a->st.run_text ? a->st.run_text : "";
	if (strcmp(l->state, state))
		whole_line(l, out, "* ", state, ascii);
	snprintf(l->state, sizeof l->state, "%s", state);
	if (a->message_until && strcmp(l->message, a->message))
		whole_line(l, out, a->message_is_error ? "! " : "* ", a->message, ascii);
	snprintf(l->message, sizeof l->message, "%s", a->message_until ? a->message : "");
}

void linear_update(struct linear *l, struct app *a, bool ascii, struct text *out)
{
	struct view *v = app_focused(a);
	char title[100];
	tell_state(l, a, out, ascii);
	if (v && (v != l->view || strcmp(v->label, l->label))) {
		snprintf(title, sizeof title, "%u: %s", v->console + 1, v->is_monitor ? "monitor" : v->label);
		whole_line(l, out, "== ", title, ascii);
		forget_rows(l);
		l->next = UINT64_MAX;           /* its screen, not all that it ever had */
		l->view = v;
		snprintf(l->label, sizeof l->label, "%s", v->label);
	}
	tell_popup(l, a, out, ascii);
	if (v && !a->popup && !a->prompt.active)
		tell_document(l, v, out, ascii);
	tell_prompt(l, a, out, ascii);
}
