/* datafile.h - finding firmware, key maps and other data files. */
#ifndef CORE_MACHINE_DATAFILE_H
#define CORE_MACHINE_DATAFILE_H
#include "core/machine/options.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* Full path of `name` (below `kind`, "keymaps", if not NULL) in buf, or NULL when no directory has it.  Searched: the name itself when it
 * holds a slash, each -L directory, the program's own share directory or source tree, then where Debian keeps firmware. */
const char *data_file_find(const struct options *o, const char *kind, const char *name, char *buf, size_t size);
/* Whole file in malloc'ed memory; the caller frees.  NULL and err when it cannot be read or is larger than max. */
uint8_t *data_file_load(const char *path, size_t max, size_t *len, struct error *err);
/* Where the user's own data lie: $XDG_DATA_HOME, or ~/.local/share.  False: neither is known. */
bool user_data_dir(char *buf, size_t size);
/* Make a folder and those above it, for the user alone (0700).  False and errno; one that is there already is fine. */
bool make_folders(const char *path);
#endif
