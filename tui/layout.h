/* layout.h - how the screen is divided among consoles: a tree of splits.  Pure: knows rectangles and console numbers only.
 *
 * As text (saved layouts): a console's number from 1, or h or v, the first part's share in thousandths, and two of these in parentheses:
 * v600(1,h500(3,2)) has console 1 in the upper 60%, below it 3 and 2 side by side.  A console is in one pane at most. */
#ifndef TUI_LAYOUT_H
#define TUI_LAYOUT_H
#include "core/vm.h"
#include "tui/grid.h"

enum { LAYOUT_PANES = 16, LAYOUT_NODES = 2 * LAYOUT_PANES - 1, LAYOUT_TEXT = 256, PANE_MIN_COLS = 10, PANE_MIN_ROWS = 3 };
enum node_kind { NODE_FREE, NODE_PANE, NODE_BESIDE /* left, right */, NODE_ABOVE /* upper, lower */ };
enum direction { DIR_LEFT, DIR_RIGHT, DIR_UP, DIR_DOWN };
struct node {
	enum node_kind kind;
	int parent, child[2];
	int share;                      /* of the first child, in thousandths */
	unsigned console;
	struct rect r;                  /* with the title line, where there is one */
};
struct layout { struct node node[LAYOUT_NODES]; int root, focus; bool zoomed; };

/* One pane. */
void layout_init(struct layout *l, unsigned console);
unsigned layout_panes(const struct layout *l);
/* Place the panes in r.  False: they do not all fit, and the focused one has it all (as when zoomed). */
bool layout_place(struct layout *l, struct rect r);
/* The pane that shows a console, -1 = none. */
int  layout_find(const struct layout *l, unsigned console);
/* Divide the focused pane; the new one shows `console` and has the focus.  False: too small, or too many. */
bool layout_split(struct layout *l, enum node_kind kind, unsigned console);
/* Take the focused pane away; its neighbour grows.  False: it is the only one. */
bool layout_close(struct layout *l);
/* False: nothing there. */
bool layout_move(struct layout *l, enum direction dir);
/* Move the focused pane's edge by so many cells. */
bool layout_resize(struct layout *l, enum direction dir, int cells);
void layout_even(struct layout *l);
void layout_text(const struct layout *l, struct text *out);
/* False: not a layout; l is as it was. */
bool layout_parse(struct layout *l, const char *text, struct error *err);
#endif
