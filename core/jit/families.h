/* families.h - groups of instructions whose translation can be switched off (families.def).  Pure functions, any thread. */
#ifndef CORE_JIT_FAMILIES_H
#define CORE_JIT_FAMILIES_H
#include "core/cpu/decode.h"
#include <stdio.h>

enum jit_family_id {
#define FAMILY(id, name, help) FAM_##id,
#include "core/jit/families.def"
#undef FAMILY
	FAM_COUNT
};
_Static_assert(FAM_COUNT <= 31, "a mask holds them all");
struct jit_family { const char *name, *help; };
extern const struct jit_family jit_families[];          /* by id; the last one's name is NULL */

enum jit_family_id jit_family_of(const struct op_row *r);
/* "sse:x87", also "all" and "none", as a mask of 1 << id.  False: `bad` holds the word that is no family. */
bool jit_families_parse(const char *list, uint32_t *mask, char *bad, size_t size);
/* The names in a mask, "" for 0. */
void jit_families_print(uint32_t mask, const char *between, char *out, size_t size);
#endif
