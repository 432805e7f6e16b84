/* copymode.h - a place in a document that moves about, and the selection behind it. */
#ifndef TUI_COPYMODE_H
#define TUI_COPYMODE_H
#include "tui/document.h"
#include "tui/search.h"
#include "tui/views/view.h"
enum copy_action {
#define COPY(id, name, vi, emacs, help) COPY_##id,
#include "tui/copy.def"
#undef COPY
	COPY_COUNT
};
enum copy_keys { COPY_VI, COPY_EMACS };
enum selection { SELECT_NONE, SELECT_TEXT, SELECT_LINES, SELECT_BLOCK };
struct copy_state {
	struct document doc;
	struct search *filter;          /* only its lines are shown; NULL: all */
	struct docpos at, anchor;
	unsigned want_col;              /* where up and down would like to be */
	enum selection selection;
	bool exclusive;                 /* emacs: the character under the cursor is not part of it */
	unsigned len;                   /* of the loaded line */
	uint64_t loaded;
	bool is_loaded;
	struct cell cells[DOCUMENT_CELLS];
};
/* Lines that are shown: how many, the index of a line or of the next one shown, the line with an index. */
uint64_t copy_lines(const struct copy_state *c);
uint64_t copy_index(const struct copy_state *c, uint64_t line);
uint64_t copy_line_at(const struct copy_state *c, uint64_t index);
/* The document may have changed: keep the place in it. */
void copy_settle(struct copy_state *c);
/* Moves within the document; false: it is none of those. */
bool copy_move(struct copy_state *c, enum copy_action move);
void copy_down(struct copy_state *c, int64_t lines);
bool copy_selected(const struct copy_state *c, uint64_t line, unsigned col);
/* The selection's text; returns its lines. */
size_t copy_take(const struct copy_state *c, struct text *out);
#endif
