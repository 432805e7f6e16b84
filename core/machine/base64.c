/* base64.c - bytes as text.  Ref: RFC 4648, section 4. */
#include "core/machine/base64.h"
#include <stdlib.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const uint8_t *data, size_t len)
{
	char *s = malloc(len / 3 * 4 + 5), *p = s;

	if (!s)
		abort();
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t v = (uint32_t)data[i] << 16 | (n > 1 ? (uint32_t)data[i + 1] << 8 : 0) | (n > 2 ? data[i + 2] : 0);
		for (size_t k = 0; k < 4; k++)
			*p++ = k <= n ? digits[v >> (18 - 6 * k) & 63] : '=';
	}
	*p = 0;
	return s;
}

bool base64_decode(const char *s, uint8_t *out, size_t *len)
{
	uint32_t v = 0;
	unsigned have = 0, pad = 0;
	size_t n = 0, i;

	for (i = 0; s[i]; i++) {
		const char *d = s[i] == '=' ? NULL : strchr(digits, s[i]);
		if (s[i] == '=' ? ++pad > 2 : !d || pad)
			return false;
		v = v << 6 | (d ? (uint32_t)(d - digits) : 0);
		if (++have == 4) {
			for (unsigned k = 0; k < 3 - pad; k++)
				out[n++] = (uint8_t)(v >> (16 - 8 * k));
			have = 0;
		}
	}
	*len = n;
	return !have;
}
