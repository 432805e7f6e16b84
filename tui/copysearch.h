/* copysearch.h - searching and filtering in copy mode: a little at a time, so that keys and frames never wait. */
#ifndef TUI_COPYSEARCH_H
#define TUI_COPYSEARCH_H
#include "tui/copymode.h"
struct app;
struct copysearch {
	struct search *search;          /* NULL: nothing was searched for */
	bool backward, jump;            /* jump: to the first match, once there is one */
	bool looking, filtering;        /* not all lines are looked at yet */
	bool follow;                    /* a filter shows what comes as it comes */
	bool going_back;                /* once the filter is through again, to this place */
	struct docpos back_to;
};
/* What was typed after a mark: / and ? search, u is / that goes up, & filters, # goes to a line.
 * A filter is "text", "/pattern/", and "!" before either for the lines without it; nothing ends it. */
void copysearch_answer(struct copysearch *f, struct copy_state *s, struct app *a, char mark, const char *text);
bool copysearch_busy(const struct copysearch *f);
/* A few milliseconds of it; true when there is more. */
bool copysearch_work(struct copysearch *f, struct copy_state *s, struct app *a);
/* A key came: a long search stops, a filter no longer follows. */
void copysearch_key(struct copysearch *f, struct app *a);
void copysearch_again(struct copysearch *f, struct copy_state *s, struct app *a, bool other_way);
/* The console has laid its lines out anew; the state's places are moved already. */
void copysearch_moved(struct copysearch *f, struct copy_state *s);
/* Before drawing: filter what came since. */
void copysearch_follow(struct copysearch *f, struct copy_state *s);
/* For the status line: "match 3 of 17", brief: "3/17"; nothing when nothing is searched for. */
void copysearch_title(const struct copysearch *f, const struct copy_state *s, bool brief, char *buf, size_t size);
void copysearch_free(struct copysearch *f, struct copy_state *s);
#endif
