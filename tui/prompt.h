/* prompt.h - one line that a person edits, with history and completion. */
#ifndef TUI_PROMPT_H
#define TUI_PROMPT_H
#include "core/vm.h"
#include "tui/grid.h"
#include "tui/key.h"
enum { PROMPT_MAX = 512, PROMPT_HISTORY = 64 };
enum prompt_result { PROMPT_EDITING, PROMPT_DONE, PROMPT_CANCELLED };
struct prompt {
	bool active;
	uint32_t line[PROMPT_MAX];
	unsigned len, at, view;                 /* view: first column shown */
	char *history[PROMPT_HISTORY];
	unsigned n_history, recall;
	uint32_t killed[PROMPT_MAX];
	unsigned n_killed;
};
void prompt_open(struct prompt *p);
/* Type this text. */
void prompt_put(struct prompt *p, const char *utf8);
void prompt_free(struct prompt *p);
/* complete gives candidates for the text up to the cursor, a line each: whole words that replace the last one. */
enum prompt_result prompt_key(struct prompt *p, const struct key *k, void (*complete)(void *arg, const char *line, struct text *out), void *arg,
	char *hint, size_t hint_size);
void prompt_text(const struct prompt *p, char *buf, size_t size);
/* Draw in one row and place the cursor. */
void prompt_draw(struct prompt *p, struct grid *g, int x, int y, int limit, struct style s);
#endif
