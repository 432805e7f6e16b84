/* golden.h - screens as they are to be, with the look of every cell and the cursor, as files of tests/tui/golden.
 *
 * A file is the text; then, row by row, how many cells have which look ("9b 71c"; equal rows in one line); then what the letters mean; then the
 * cursor.  GOLDEN_RENEW=1 in the environment writes them anew. */
#ifndef TESTS_TUI_GOLDEN_H
#define TESTS_TUI_GOLDEN_H
#include "tests/tui/ptyrun.h"

/* Wait until the screen is that of golden/NAME-COLSxROWS.txt.  In the text six letters after "vmux-test-" (a folder of this run's) are taken for XXXXXX.
 * False after the deadline: both are on stderr. */
bool golden_is(struct ptyrun *p, const char *name, unsigned cols, unsigned rows);
#endif
