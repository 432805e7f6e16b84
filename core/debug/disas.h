/* disas.h - machine code as AT&T assembly. */
#ifndef CORE_DEBUG_DISAS_H
#define CORE_DEBUG_DISAS_H
#include <stddef.h>
#include <stdint.h>
/* The instruction at code (of which len bytes are there), seen at address pc in 16-, 32- or 64-bit code: "movl     $1, %eax".  Returns its
 * length; 0 when the bytes are no instruction. */
unsigned disas_one(const uint8_t *code, size_t len, uint64_t pc, unsigned bits, char *out, size_t size);
#endif
