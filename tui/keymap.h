/* keymap.h - which keys of the guest's keyboard make a character: the layout the guest is set to.
 *
 * File format (words and comments as in datafile.h), a line each:
 *     name TEXT                                what people call the layout
 *     key KEY PLAIN [SHIFT [ALTGR [BOTH]]]     KEY is a scancode (0x1e; with 0x80 added for E0 keys) or a name as in sendkey
 *     dead KEY LEVEL ACCENT                    KEY at LEVEL (plain, shift, altgr, both) is a dead key, named by ACCENT
 *     compose CHARACTER ACCENT [ACCENT] CHARACTER   what dead keys and another character (or the dead key again) give
 *     include NAME                             start from another key map
 * A character is written as itself in UTF-8 or U+00E9; none is an empty place.  Where two keys make a character the one with fewer modifiers is
 * taken, else the first. */
#ifndef TUI_KEYMAP_H
#define TUI_KEYMAP_H
#include "core/vm.h"
#include <stdbool.h>
#include <stdint.h>

enum { STROKE_SHIFT = 1, STROKE_ALTGR = 2, KEYMAP_STROKES = 3, KEYMAP_DEAD = 64 };
struct stroke { uint8_t qnum, mods; };
struct keymap_entry { uint32_t ch; unsigned n, rank; struct stroke stroke[KEYMAP_STROKES]; };
struct keymap {
	char name[32], title[64];
	struct keymap_entry *entries;           /* sorted by ch */
	unsigned n, cap, added;
	struct { uint32_t accent; struct stroke stroke; } dead[KEYMAP_DEAD];
	unsigned n_dead;
};
struct keymap_io {
	bool (*find)(void *arg, const char *name, char *path, size_t size);
	int (*key_by_name)(const char *name);
	void *arg;
};
bool keymap_load(struct keymap *k, const char *name, const struct keymap_io *io, struct error *err);
void keymap_free(struct keymap *k);
/* NULL: the layout has no such character. */
const struct keymap_entry *keymap_find(const struct keymap *k, uint32_t ch);
#endif
