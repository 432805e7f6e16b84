/* le.h - little-endian numbers in bytes: of files, and of structures in guest memory. */
#ifndef CORE_MACHINE_LE_H
#define CORE_MACHINE_LE_H
#include <stdint.h>

/* n bytes, 0 to 8. */
static inline void le_put(uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static inline uint64_t le_get(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}
#endif
