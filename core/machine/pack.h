/* pack.h - compression of what a snapshot keeps: zstd, or none where the library is not there (pack_none.c).  Any thread. */
#ifndef CORE_MACHINE_PACK_H
#define CORE_MACHINE_PACK_H
#include <stdbool.h>
#include <stddef.h>

/* Into dst, which has room for cap bytes; returns how many it takes, 0 when it would not become smaller than cap. */
size_t pack(void *dst, size_t cap, const void *src, size_t len);
/* Back into dst.  False: src is damaged, or does not become exactly len bytes. */
bool unpack(void *dst, size_t len, const void *src, size_t src_len);
/* Can this build unpack? */
bool pack_available(void);
#endif
