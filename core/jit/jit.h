/* jit.h - the translator: hot blocks of the interpreter become host code.  Same instruction set on both sides, so guest registers
 * stay in host registers and most instructions are emitted as they were, with other operands.
 *
 * The engine (core/cpu/engine.c) owns the blocks and calls this at four places.  All functions: vCPU thread, or vCPU parked. */
#ifndef CORE_JIT_JIT_H
#define CORE_JIT_JIT_H
#include "core/cpu/engine.h"

struct jit;
enum { JIT_HOT = 16 };                  /* runs of a block before it is translated; tests set another number */

/* Does this host let code be translated and run, as much as a CPU of m may have?  False: why, a sentence without its end. */
bool jit_possible(const struct machine *m, char *why, size_t size);
/* NULL: no memory for the code cache.  The caller frees it with jit_free. */
struct jit *jit_new(struct cpu *c);
void jit_free(struct jit *j);
/* This thread is about to run guest code of c. */
void jit_enter_thread(struct cpu *c);
/* A new block: count its runs. */
void jit_watch(struct cpu *c, struct jit *j, struct block *b);
/* b's bytes were overwritten: nothing of its code may start from now on, and what runs stops behind the instruction under way. */
void jit_kill(struct jit *j, struct block *b);
/* All blocks are gone. */
void jit_flush(struct jit *j);
void jit_set_threshold(struct jit *j, unsigned runs);
/* From now on undefined flags come out as the interpreter's, also where the host has ways of its own: for lockstep, and tests that compare. */
void jit_set_exact(struct jit *j);
/* Does translated code count the guest's instructions?  What is translated from now on. */
void jit_set_counting(struct jit *j, bool on);

/* What c has learnt about where code lies is no longer true: for mode word (c->mode was set), for all mappings of CPL 3 or of the others,
 * for the page of lin (`large`: everything in its GB).  Nothing happens without a translator. */
void jit_mode_changed(struct cpu *c);
/* The ranges of plain memory of CPL 3 or of the others. */
void jit_forget_memory(struct cpu *c, bool user);
/* Those of both that lie in the upper half of the address space or in the lower. */
void jit_forget_half(struct cpu *c, bool upper);
void jit_forget(struct cpu *c, bool user);
/* What is known of runs of pages (struct tlb_run) in the upper half of the address space or in the lower.  False, also below: flush everything,
 * there are no more numbers for epochs. */
bool jit_forget_runs(struct cpu *c, bool upper);
bool jit_forget_page(struct cpu *c, uint64_t lin, bool large);

/* Why translated code was left: a step had to (fault, store into code...), an instruction the interpreter does, a jump that is not linked
 * yet, a target that the jump table does not have, a request. */
enum jit_out { JIT_OUT_STEP, JIT_OUT_INTERP, JIT_OUT_LINK, JIT_OUT_INDIRECT, JIT_OUT_REQUEST, JIT_OUT_COUNT };
struct jit_counters {
	uint64_t blocks;                /* translated, ever */
	uint64_t live, guest_bytes, insns;      /* since the last flush: blocks, their bytes and instructions */
	uint64_t killed, flushes;
	uint64_t native, stepped;       /* instructions of `blocks`: emitted, left to the interpreter */
	uint64_t code_bytes, code_size;
	uint64_t out[JIT_OUT_COUNT];
	uint64_t steps, misses;         /* calls of the interpreter from within: no emitter; memory that has to be looked up */
};
void jit_get_counters(const struct jit *j, struct jit_counters *out);
/* How often the interpreter did an instruction of this row for translated code. */
uint64_t jit_row_count(const struct jit *j, unsigned row);
/* Bytes of translated code that a CPU of m may have. */
size_t jit_code_size(const struct machine *m);
struct lockstep *jit_lockstep(struct jit *j);
#endif
