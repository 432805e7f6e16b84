/* pack_none.c - this build has no libzstd: snapshots are written as they are. */
#include "core/machine/pack.h"

size_t pack(void *dst, size_t cap, const void *src, size_t len) { return 0; }

bool unpack(void *dst, size_t len, const void *src, size_t src_len) { return false; }

bool pack_available(void) { return false; }
