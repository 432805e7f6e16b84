/* pack_zstd.c - compression by libzstd. */
#include "core/machine/pack.h"
#include <zstd.h>

enum { LEVEL = 1 };                     /* memory of guests: higher ones take longer and gain little */

size_t pack(void *dst, size_t cap, const void *src, size_t len)
{
	size_t n = ZSTD_compress(dst, cap, src, len, LEVEL);

	return ZSTD_isError(n) ? 0 : n;
}

bool unpack(void *dst, size_t len, const void *src, size_t src_len) { return ZSTD_decompress(dst, len, src, src_len) == len; }

bool pack_available(void) { return true; }
