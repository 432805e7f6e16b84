/* layout.c - see layout.h. */
#include "tui/layout.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHOLE = 1000, SHARE_LEAST = 50 };

void layout_init(struct layout *l, unsigned console)
{
	*l = (struct layout){ .root = 0, .focus = 0 };
	l->node[0] = (struct node){ .kind = NODE_PANE, .parent = -1, .console = console };
}

unsigned layout_panes(const struct layout *l)
{
	unsigned n = 0;
	for (int i = 0; i < LAYOUT_NODES; i++)
		n += l->node[i].kind == NODE_PANE;
	return n;
}

int layout_find(const struct layout *l, unsigned console)
{
	for (int i = 0; i < LAYOUT_NODES; i++)
		if (l->node[i].kind == NODE_PANE && l->node[i].console == console)
			return i;
	return -1;
}

static int new_node(struct layout *l)
{
	for (int i = 0; i < LAYOUT_NODES; i++)
		if (l->node[i].kind == NODE_FREE)
			return i;
	return -1;
}

/* ---- places ----------------------------------------------------------------------------------------------------------------------- */

/* The least size along one axis; a column stands between panes side by side. */
static int least(const struct layout *l, int i, bool cols)
{
	const struct node *n = &l->node[i];
	if (n->kind == NODE_PANE)
		return cols ? PANE_MIN_COLS : PANE_MIN_ROWS;
	int a = least(l, n->child[0], cols), b = least(l, n->child[1], cols);
	if ((n->kind == NODE_BESIDE) == cols)
		return a + b + cols;
	return a > b ? a : b;
}

static void place(struct layout *l, int i, struct rect r)
{
	struct node *n = &l->node[i];
	n->r = r;
	if (n->kind == NODE_PANE)
		return;
	bool beside = n->kind == NODE_BESIDE;
	int whole = beside ? r.w - 1 : r.h, low = least(l, n->child[0], beside), high = whole - least(l, n->child[1], beside);
	int first = (whole * n->share + WHOLE / 2) / WHOLE;
	first = first < low ? low : first > high ? high : first;
	struct rect a = r, b = r;
	if (beside) {
		a.w = first;
		b.x += first + 1;
		b.w = whole - first;
	} else {
		a.h = first;
		b.y += first;
		b.h = whole - first;
	}
	place(l, n->child[0], a);
	place(l, n->child[1], b);
}

bool layout_place(struct layout *l, struct rect r)
{
	bool fits = least(l, l->root, true) <= r.w && least(l, l->root, false) <= r.h;
	if (fits)
		place(l, l->root, r);
	if (l->zoomed || !fits || layout_panes(l) == 1)
		l->node[l->focus].r = r;
	return fits && !l->zoomed;
}

/* ---- changes ---------------------------------------------------------------------------------------------------------------------- */

bool layout_split(struct layout *l, enum node_kind kind, unsigned console)
{
	struct node *old = &l->node[l->focus];
	bool beside = kind == NODE_BESIDE;
	if (beside ? old->r.w < 2 * PANE_MIN_COLS + 1 : old->r.h < 2 * PANE_MIN_ROWS)
		return false;
	int moved = new_node(l);
	if (moved < 0)
		return false;
	l->node[moved] = *old;
	int added = new_node(l);
	if (added < 0) {
		l->node[moved].kind = NODE_FREE;
		return false;
	}
	l->node[added] = (struct node){ .kind = NODE_PANE, .parent = l->focus, .console = console };
	l->node[moved].parent = l->focus;
	old->kind = kind;
	old->child[0] = moved;
	old->child[1] = added;
	old->share = WHOLE / 2;
	l->focus = added;
	l->zoomed = false;
	return true;
}

static int first_pane(const struct layout *l, int i)
{
	while (l->node[i].kind != NODE_PANE)
		i = l->node[i].child[0];
	return i;
}

bool layout_close(struct layout *l)
{
	int gone = l->focus, up = l->node[gone].parent;
	if (up < 0)
		return false;
	int stays = l->node[up].child[l->node[up].child[0] == gone];
	int above = l->node[up].parent;
	struct node moved = l->node[stays];
	moved.parent = above;
	l->node[gone].kind = l->node[stays].kind = NODE_FREE;
	l->node[up] = moved;
	for (int k = 0; k < 2 && moved.kind != NODE_PANE; k++)
		l->node[moved.child[k]].parent = up;
	l->focus = first_pane(l, up);
	l->zoomed = false;
	return true;
}

bool layout_move(struct layout *l, enum direction dir)
{
	const struct rect f = l->node[l->focus].r;
	int best = -1, best_distance = 0;
	for (int i = 0; i < LAYOUT_NODES; i++) {
		const struct rect r = l->node[i].r;
		bool across = dir == DIR_LEFT || dir == DIR_RIGHT;
		if (l->node[i].kind != NODE_PANE || i == l->focus)
			continue;
		bool faces = across ? r.y < f.y + f.h && f.y < r.y + r.h : r.x < f.x + f.w && f.x < r.x + r.w;
		int distance = dir == DIR_LEFT ? f.x - (r.x + r.w) : dir == DIR_RIGHT ? r.x - (f.x + f.w) :
			       dir == DIR_UP ? f.y - (r.y + r.h) : r.y - (f.y + f.h);
		if (faces && distance >= 0 && (best < 0 || distance < best_distance)) {
			best = i;
			best_distance = distance;
		}
	}
	if (best < 0)
		return false;
	l->focus = best;
	return true;
}

bool layout_resize(struct layout *l, enum direction dir, int cells)
{
	bool across = dir == DIR_LEFT || dir == DIR_RIGHT;
	enum node_kind kind = across ? NODE_BESIDE : NODE_ABOVE;
	for (int i = l->node[l->focus].parent; i >= 0; i = l->node[i].parent) {
		struct node *n = &l->node[i];
		int whole = across ? n->r.w - 1 : n->r.h;
		if (n->kind != kind || whole < 1)
			continue;
		int size = across ? l->node[n->child[0]].r.w : l->node[n->child[0]].r.h;
		size += dir == DIR_LEFT || dir == DIR_UP ? -cells : cells;
		int share = (size * WHOLE + whole / 2) / whole;
		n->share = share < SHARE_LEAST ? SHARE_LEAST : share > WHOLE - SHARE_LEAST ? WHOLE - SHARE_LEAST : share;
		return true;
	}
	return false;
}

/* Panes in a row of this kind, for equal shares: v(v(a,b),c) gives each a third. */
static int in_a_row(const struct layout *l, int i, enum node_kind kind)
{
	const struct node *n = &l->node[i];
	return n->kind == kind ? in_a_row(l, n->child[0], kind) + in_a_row(l, n->child[1], kind) : 1;
}

void layout_even(struct layout *l)
{
	for (int i = 0; i < LAYOUT_NODES; i++) {
		struct node *n = &l->node[i];
		if (n->kind != NODE_BESIDE && n->kind != NODE_ABOVE)
			continue;
		int a = in_a_row(l, n->child[0], n->kind), b = in_a_row(l, n->child[1], n->kind);
		n->share = a * WHOLE / (a + b);
	}
}

/* ---- as text ---------------------------------------------------------------------------------------------------------------------- */

static void put_node(const struct layout *l, int i, struct text *out)
{
	const struct node *n = &l->node[i];
	if (n->kind == NODE_PANE) {
		text_printf(out, "%u", n->console + 1);
		return;
	}
	text_printf(out, "%c%d(", n->kind == NODE_BESIDE ? 'h' : 'v', n->share);
	put_node(l, n->child[0], out);
	text_printf(out, ",");
	put_node(l, n->child[1], out);
	text_printf(out, ")");
}

void layout_text(const struct layout *l, struct text *out)
{
	put_node(l, l->root, out);
}

static int parse_node(struct layout *l, const char **s, int parent)
{
	char *end;
	int i = new_node(l);
	if (i < 0)
		return -1;
	struct node *n = &l->node[i];
	bool split = **s == 'h' || **s == 'v';
	n->kind = !split ? NODE_PANE : **s == 'h' ? NODE_BESIDE : NODE_ABOVE;
	n->parent = parent;
	*s += split;
	if (**s < '0' || **s > '9')
		return -1;
	unsigned long number = strtoul(*s, &end, 10);
	*s = end;
	if (!split) {
		n->console = (unsigned)number - 1;
		for (int k = 0; k < LAYOUT_NODES; k++)
			if (k != i && l->node[k].kind == NODE_PANE && l->node[k].console == n->console)
				return -1;
		return number >= 1 && number <= 64 ? i : -1;
	}
	n->share = (int)number;
	if (number < SHARE_LEAST || number > WHOLE - SHARE_LEAST)
		return -1;
	for (int k = 0; k < 2; k++) {
		if (*(*s)++ != "(,"[k] || (n->child[k] = parse_node(l, s, i)) < 0)
			return -1;
	}
	return *(*s)++ == ')' ? i : -1;
}

bool layout_parse(struct layout *l, const char *text, struct error *err)
{
	struct layout made = { .root = 0 };
	const char *s = text;
	int root = strlen(text) < LAYOUT_TEXT ? parse_node(&made, &s, -1) : -1;
	if (root < 0 || *s)
		return error_set(err, "\"%s\" is not a layout: like v600(1,h500(3,2)), each console once, shares from %d to %d", text, SHARE_LEAST, WHOLE - SHARE_LEAST);
	made.root = root;
	made.focus = first_pane(&made, root);
	*l = made;
	return true;
}
