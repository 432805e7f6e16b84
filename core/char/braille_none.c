/* braille_none.c - a build without libbrlapi. */
#include "core/char/chardev.h"

static bool braille_open(struct chardev *c, const struct kv *kv, struct error *err) { return error_set(err, "this build has no braille display: libbrlapi was not there when it was made"); }
static void braille_close(struct chardev *c) { }
const struct chardev_kind chardev_braille = { .name = "braille", .open = braille_open, .close = braille_close };
