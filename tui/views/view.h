/* view.h - what a pane shows: one table of operations a kind, in one file.  A view draws into a rectangle of the grid and never
 * touches the terminal; all it knows of the program is its struct app. */
#ifndef TUI_VIEWS_VIEW_H
#define TUI_VIEWS_VIEW_H
#include "tui/document.h"
#include "tui/grid.h"
#include "tui/key.h"
#include "tui/linetimes.h"
#include <limits.h>
struct app;
struct cell;
struct channel_log;
struct screen;
struct scrollback;
struct text;
struct trigger_watch;
struct view;
enum { SCROLL_TOP = INT_MIN, SCROLL_BOTTOM = INT_MAX };
struct view_ops {
	const char *kind;
	bool text;                              /* has scrollback: the TEXT key map works in it */
	bool by_frame;                          /* update is for a frame's time only, not at once */
	/* Fill r; when focused, set the grid's cursor. */
	void (*draw)(struct view *v, struct grid *g, struct rect r, bool focused);
	void (*key)(struct view *v, const struct key *k);
	/* The rectangle it will be drawn in.  NULL: does not care. */
	void (*resize)(struct view *v, int w, int h);
	/* Look around by columns and lines; dy may be SCROLL_TOP or SCROLL_BOTTOM.  NULL: nothing to look at. */
	void (*scroll)(struct view *v, int dx, int dy);
	/* How many lines back from the live screen it is scrolled.  NULL: never. */
	size_t (*scrolled)(struct view *v);
	/* Take what is new from the machine; true when something changed.  *more is set when there is still more to take. */
	bool (*update)(struct view *v, bool *more);
	/* Hand on what was typed; returns how many bytes wait for room. */
	size_t (*flush)(struct view *v);
	/* For the status line: "12 back of 345" while scrolled, or nothing; in at most `width` columns, so shorter where there is little room. */
	void (*title)(struct view *v, char *buf, size_t size, int width);
	/* The whole live screen, whatever the pane shows of it; resizes g.  NULL: shows nothing of a guest's. */
	void (*snapshot)(struct view *v, struct grid *g);
	/* What can be searched and copied: the lines that scrolled off (NULL: none), and how many rows the live screen has.  NULL: no text. */
	struct scrollback *(*lines)(struct view *v, unsigned *rows);
	/* A row of the live screen; returns its columns, of which it writes at most n. */
	unsigned (*row)(struct view *v, unsigned y, struct cell *cells, unsigned n);
	/* The place in the document (document.h) at a cell of the view.  NULL: has none. */
	bool (*place)(struct view *v, int x, int y, struct docpos *out);
	/* The picture that it shows with characters; NULL: shows none.  It lives until the next update. */
	const struct screen *(*picture)(struct view *v);
	/* The left button went down at a cell of the grid, while this view is on top.  NULL: nothing. */
	void (*click)(struct view *v, struct rect area, int x, int y);
	/* Some of a long task, a few milliseconds of it; true when there is more.  NULL: has none. */
	bool (*work)(struct view *v);
	void (*destroy)(struct view *v);
};
struct view {
	const struct view_ops *ops;
	struct app *app;
	unsigned console;                       /* its number in vm.h, from 0 */
	char label[64];
	bool is_monitor;
	bool activity;                          /* something new since it was last seen */
	unsigned serial;                        /* counts updates that changed something */
	char guest_title[64];                   /* as the guest names its terminal (OSC 0, 2) */
	struct trigger_watch *watch;            /* see triggers.h; NULL: not watched yet */
	struct channel_log *log;                /* NULL: none */
	struct linetimes times;
	enum stamp_kind stamps;                 /* the column of times */
};
struct vm_console;
struct view *vga_view_new(struct app *app, unsigned console, const struct vm_console *info);
struct view *text_view_new(struct app *app, unsigned console, const struct vm_console *info);
/* What every console's view has, put away. */
void view_release(struct view *v);
/* The column of times of line `line` at the start of row y of r, where there is one; returns its columns. */
int view_stamp(const struct view *v, struct grid *g, struct rect r, int y, uint64_t line);
/* Lines from..end were printed now. */
void view_mark_lines(struct view *v, uint64_t from, uint64_t end);
/* Text on top of the panes; takes a copy. */
struct view *pager_view_new(struct app *app, const char *title, const char *text);
/* A list to choose from.  items: lines of text; pick is called with the line's number (the menu is gone by then). */
struct view *menu_view_new(struct app *app, const char *title, const char *items, unsigned selected, void (*pick)(struct app *app, unsigned item));
/* The same, but list says what there is to choose from whenever it is drawn. */
struct view *menu_view_live(struct app *app, const char *title, void (*list)(struct app *app, struct text *out), unsigned selected,
	void (*pick)(struct app *app, unsigned item));
/* Every action, found by a few letters. */
struct view *palette_view_new(struct app *app);
/* A cursor in all that a console has shown, on top of it.  NULL: it has no text.  answer: what was typed after a mark (app_ask). */
struct view *copy_view_new(struct app *app, unsigned console);
void copy_view_answer(struct view *v, char mark, const char *text);
bool view_is_copy(const struct view *v);
/* Where it is in its document, and where that is now that the console has laid its lines out anew. */
void copy_view_places(struct view *v, struct docplaces *out);
void copy_view_moved(struct view *v, const struct docplaces *p);
/* Show the document from this place on; select from a place on, up to a place, and copy that and leave. */
void copy_view_show(struct view *v, struct docpos top);
enum select_step { SELECT_BEGIN, SELECT_ON, SELECT_END };
void copy_view_select(struct view *v, struct docpos at, enum select_step step);
/* Its keys, a line each; keys: enum copy_keys. */
void copy_help(struct text *out, unsigned keys);
/* Where a popup of that many columns and rows goes, border included. */
struct rect popup_rect(struct rect area, int cols, int rows);
#endif
