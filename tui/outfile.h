/* outfile.h - files that keep what consoles print: logs and recordings, in one folder (`set log-dir`, or vmux/ of $XDG_STATE_HOME).
 *
 * Writing never waits: a file that takes nothing (a full disk, a pipe without a reader) loses bytes, which are counted. */
#ifndef TUI_OUTFILE_H
#define TUI_OUTFILE_H
#include "core/vm.h"
struct app;
enum { OUTFILE_PATH = 1024 };
struct outfile {
	int fd;                         /* -1: none */
	char path[OUTFILE_PATH];
	uint64_t size, written, lost;   /* bytes: in this file, in all of this name, that found no room */
	bool failing;                   /* the last write failed */
	char why[64];                   /* the reason of it */
};
/* name: the file to append to; NULL: a new one, named after the machine, `what` and the time, that ends in ext.  The folder is made. */
bool outfile_open(struct outfile *f, struct app *a, const char *name, const char *what, const char *ext, struct error *err);
/* False: some of it was lost; `whole` leaves none of it in the file then. */
bool outfile_write(struct outfile *f, const void *bytes, size_t n, bool whole);
/* The file becomes PATH.1, PATH.1 becomes PATH.2 and so on up to PATH.keep; a new one takes its place.  False: it could not, and goes on. */
bool outfile_rotate(struct outfile *f, unsigned keep, struct error *err);
void outfile_close(struct outfile *f);
#endif
