/* readline.h - a line editor over bytes: what is typed comes in one by one, what the terminal has to show goes out. */
#ifndef CORE_MONITOR_READLINE_H
#define CORE_MONITOR_READLINE_H
#include "core/machine/text.h"
#include <stdint.h>
struct readline;
struct readline_ops {
	void (*print)(void *arg, const char *s, size_t len);    /* LF stands for a new line */
	void (*line)(void *arg, const char *line);              /* Enter; the prompt is shown again afterwards */
	void (*complete)(void *arg, const char *line, struct text *out); /* what the last word may become, one a line */
	unsigned (*columns)(void *arg);                         /* terminal width, 0 = unknown */
	void *arg;
};
struct readline *readline_new(const struct readline_ops *ops, const char *prompt);
void readline_free(struct readline *r);
void readline_reset(struct readline *r);                        /* forget the line, keep the history */
void readline_prompt(struct readline *r);
/* The prompt and the line as they are on the screen, the cursor at its place. */
void readline_redraw(const struct readline *r, struct text *out);                       /* show the prompt and the line */
void readline_byte(struct readline *r, uint8_t b);
/* History, oldest first; NULL past the end. */
/* As if it had been typed before. */
void readline_remember(struct readline *r, const char *line);
const char *readline_history(const struct readline *r, unsigned n);
#endif
