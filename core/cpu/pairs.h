/* pairs.h - handlers for frequent pairs of instructions. */
#ifndef CORE_CPU_PAIRS_H
#define CORE_CPU_PAIRS_H
#include "core/cpu/cpu.h"

enum { PAIR_HASH = 512 };
struct pair_slot { op_fn fn; uint8_t first, second, hot_first, branch, single; };       /* numbers from 1, 0 = never in that place */
struct pair_index { struct pair_slot slot[PAIR_HASH]; };

void pair_index_init(struct pair_index *x);
/* The handler that does a and goes on with b, or NULL. */
op_fn pair_find(const struct pair_index *x, op_fn a, op_fn b);
#endif
