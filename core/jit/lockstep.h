/* lockstep.h - checking translated code against the interpreter while a machine runs: -accel jit,lockstep=N.
 *
 * Every N entries into translated code the interpreter first goes the same way, an instruction at a time, while its stores are noted;
 * they are undone, and the translated code runs.  Where it comes out, registers and memory must be what the interpreter had after as many
 * instructions.  A difference is logged with the instructions.  One CPU only. */
#ifndef CORE_JIT_LOCKSTEP_H
#define CORE_JIT_LOCKSTEP_H
#include "core/cpu/cpu.h"

struct jit;
struct lockstep;
struct lockstep_counters { uint64_t checked, equal, too_far, differ; };

/* NULL: no memory. */
struct lockstep *lockstep_new(unsigned every);
void lockstep_free(struct lockstep *l);
/* Is it this entry's turn? */
bool lockstep_due(struct lockstep *l);
/* The interpreter's part, from the start of a translated block; c->regs[REG_BIP] is its rip.  False: blocks were dropped meanwhile, go to
 * the dispatcher; c->rip is set.  After it the CPU is as it was, but for `attention`, which makes translated code come out soon. */
bool lockstep_interpret(struct lockstep *l, struct cpu *c);
/* Translated code came out at rip after `insns` instructions.  flags: which of FL_ARITH it must have right there. */
void lockstep_compare(struct lockstep *l, struct cpu *c, uint64_t rip, uint64_t insns, uint32_t flags);
const struct lockstep_counters *lockstep_counters(const struct lockstep *l);

/* For mmu.c while c->recording: note what lies at host, before a store.  False: it must not be done (code, or too many). */
bool lockstep_store(struct cpu *c, uint8_t *host, unsigned size, bool code);
/* The access is a device's: it is not made. */
void lockstep_device(struct cpu *c);
#endif
