/* base64.h - bytes as text.  Ref: RFC 4648, section 4. */
#ifndef CORE_MACHINE_BASE64_H
#define CORE_MACHINE_BASE64_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
char *base64_encode(const uint8_t *data, size_t len);                   /* to be freed */
/* out has room for strlen(s) bytes. */
bool base64_decode(const char *s, uint8_t *out, size_t *len);
#endif
