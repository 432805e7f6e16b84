/* datafile.h - the form that key maps and themes share: lines of words; a # first on the line or followed by a blank starts a comment.
 *
 * A word may be quoted with " or ' (for a #, a blank or the other quote).  Errors name file and line. */
#ifndef TUI_DATAFILE_H
#define TUI_DATAFILE_H
#include "core/vm.h"
#include <stdio.h>
enum { DATA_WORDS = 40, DATA_LINE = 1024, DATA_LINES = 20000 };
struct datafile {
	FILE *f;
	char path[1024];
	unsigned line;
	char text[DATA_LINE];
	char *word[DATA_WORDS + 1];
	unsigned words;
};
bool datafile_open(struct datafile *d, const char *path, struct error *err);
/* The next line that has words.  False at the end, or with *err set and *failed true. */
bool datafile_next(struct datafile *d, bool *failed, struct error *err);
bool datafile_error(const struct datafile *d, struct error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void datafile_close(struct datafile *d);
#endif
