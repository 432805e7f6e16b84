/* lockstep.c - checking translated code against the interpreter while a machine runs. */
#include "core/jit/lockstep.h"
#include "core/cpu/engine.h"
#include "core/cpu/fp.h"
#include "core/cpu/mmu.h"
#include "core/debug/disas.h"
#include "core/jit/families.h"
#include "core/jit/jit.h"
#include "core/machine/machine.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { STATES = 80, STORES = 400, PIECE = 32 };
/* The parts of struct cpu that instructions change, around the words that other threads write. */
enum { HEAD = offsetof(struct cpu, attention), TAIL = offsetof(struct cpu, tlb), END = offsetof(struct cpu, ferr) };

struct state {
	uint64_t regs[16], rip, df_step;
	uint16_t flags16;
	uint32_t eflags_sys, mxcsr;
	unsigned n_stores;
	union ymm ymm[16];
	struct fpu fpu;
	struct segreg seg[6];
};
struct store { uint8_t *host; uint8_t size, old[PIECE], made[PIECE]; };
struct lockstep {
	unsigned every, left;
	bool stop;                      /* the instruction under way cannot be checked */
	bool at_string;                 /* it is a string instruction: it may be half done */
	unsigned n_states, n_stores;
	uint64_t start;
	struct lockstep_counters count;
	struct state state[STATES];     /* [n]: after n instructions */
	struct store store[STORES];
	uint8_t saved[sizeof(struct cpu)];
};

struct lockstep *lockstep_new(unsigned every)
{
	struct lockstep *l = calloc(1, sizeof *l);
	if (l)
		l->every = l->left = every;
	return l;
}
void lockstep_free(struct lockstep *l) { free(l); }
const struct lockstep_counters *lockstep_counters(const struct lockstep *l) { return &l->count; }

bool lockstep_due(struct lockstep *l)
{
	if (--l->left)
		return false;
	l->left = l->every;
	return true;
}

/* ---- what the interpreter does ---------------------------------------------------------------------------------------------------------- */

bool lockstep_store(struct cpu *c, uint8_t *host, unsigned size, bool code)
{
	struct lockstep *l = c->recording;
	if (code || size > PIECE || l->n_stores == STORES) {
		l->stop = true;
		return false;
	}
	struct store *s = &l->store[l->n_stores++];
	s->host = host;
	s->size = (uint8_t)size;
	memcpy(s->old, host, size);
	return true;
}
void lockstep_device(struct cpu *c) { c->recording->stop = true; }

static void note_state(struct lockstep *l, const struct cpu *c)
{
	struct state *s = &l->state[l->n_states++];
	memcpy(s->regs, c->regs, sizeof s->regs);
	s->rip = c->rip & c->lin_mask;
	s->df_step = c->df_step;
	s->flags16 = c->flags16;
	s->eflags_sys = c->eflags_sys;
	s->mxcsr = c->mxcsr;
	memcpy(s->ymm, c->ymm, sizeof s->ymm);
	s->fpu = c->fpu;
	memcpy(s->seg, c->seg, sizeof s->seg);
	s->n_stores = l->n_stores;
}

/* Instructions whose result depends on when they run, or that change more than registers and memory. */
static bool checkable(const struct insn *i)
{
	static const char *const no[] = { "in", "out", "ins", "outs", "rdtsc", "rdtscp", "rdpmc", "rdrand", "rdseed", "rdmsr", "wrmsr", "cpuid", "pause" };
	const struct op_row *r = &op_rows[i->row];
	enum jit_family_id f = jit_family_of(r);
	if (i->row == ROW_NONE || (r->attr & A_STR) || ((r->attr & A_END) && f != FAM_CALL && f != FAM_RET && f != FAM_INDIRECT && f != FAM_JUMP))
		return false;
	for (unsigned n = 0; n < sizeof no / sizeof no[0]; n++)
		if (!strcmp(r->name, no[n]))
			return false;
	return true;
}

/* One instruction by the interpreter, without the TLB, so that mmu.c sees every access.  False: it ends here. */
static bool step(struct lockstep *l, struct cpu *c)
{
	c->tlb = c->tlb_never;
	c->mode |= M_STEP;
	const struct insn *i = engine_lookup(c);
	bool ok = i && checkable(i);
	l->at_string = i && (op_rows[i->row].attr & A_STR);
	c->regs[REG_BIP] = c->rip;
	while (ok && i)
		i = i->fn(c, i);
	fp_park(c);
	for (unsigned n = l->n_states ? l->state[l->n_states - 1].n_stores : 0; n < l->n_stores; n++)
		memcpy(l->store[n].made, l->store[n].host, l->store[n].size);
	return ok && !l->stop && !c->exc_pending && !c->shadow;
}

static void undo_stores(struct lockstep *l)
{
	while (l->n_stores) {
		struct store *s = &l->store[--l->n_stores];
		memcpy(s->host, s->old, s->size);
	}
}

bool lockstep_interpret(struct lockstep *l, struct cpu *c)
{
	struct jit_counters before, after;
	jit_get_counters(engine_jit(c), &before);
	c->rip = l->start = c->regs[REG_BIP];
	fp_park(c);
	memcpy(l->saved, c, sizeof *c);
	l->n_states = l->n_stores = 0;
	l->stop = l->at_string = false;
	c->recording = l;
	note_state(l, c);
	while (l->n_states < STATES && step(l, c))
		note_state(l, c);
	unsigned n_stores = l->n_stores;
	undo_stores(l);
	l->n_stores = n_stores;
	c->recording = NULL;
	memcpy(c, l->saved, HEAD);
	memcpy((uint8_t *)c + TAIL, l->saved + TAIL, END - TAIL);
	c->cur = NULL;
	engine_forget(c);
	atomic_store(&c->attention, 1);
	jit_get_counters(engine_jit(c), &after);
	return before.flushes == after.flushes;
}

/* ---- what translated code did ------------------------------------------------------------------------------------------------------------ */

static const char *const names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" };

static bool differs(char *out, size_t size, const char *what, uint64_t interp, uint64_t jit)
{
	if (interp != jit)
		snprintf(out, size, "%s: interpreted %" PRIx64 ", translated %" PRIx64, what, interp, jit);
	return interp != jit;
}

/* Bytes that were stored to several times hold the last value: looked at from the last store back. */
static bool stores_differ(const struct lockstep *l, const struct state *s, char *out, size_t size)
{
	char what[40];
	for (unsigned n = s->n_stores; n-- > 0;)
		for (unsigned k = 0; k < l->store[n].size; k++) {
			const uint8_t *at = l->store[n].host + k;
			bool later = false;
			for (unsigned m = n + 1; m < s->n_stores && !later; m++)
				later = at >= l->store[m].host && at < l->store[m].host + l->store[m].size;
			snprintf(what, sizeof what, "byte %u of store %u", k, n);
			if (!later && differs(out, size, what, l->store[n].made[k], *at))
				return true;
		}
	return false;
}

static bool state_differs(const struct lockstep *l, const struct state *s, const struct cpu *c, uint64_t rip, uint32_t flags, char *out, size_t size)
{
	uint16_t mask = (uint16_t)((flags & 0xd5) << 8 | (flags & FL_OF ? 1 : 0));
	if (differs(out, size, "rip", s->rip, rip & c->lin_mask))
		return true;
	for (unsigned n = 0; n < 16; n++)
		if (differs(out, size, names[n], s->regs[n], c->regs[n]))
			return true;
	if (differs(out, size, "flags (as LAHF, SETO)", s->flags16 & mask, c->flags16 & mask) || differs(out, size, "DF", s->df_step, c->df_step) ||
	    differs(out, size, "system flags", s->eflags_sys, c->eflags_sys) || differs(out, size, "mxcsr", s->mxcsr, c->mxcsr))
		return true;
	for (unsigned n = 0; n < 16; n++)
		for (unsigned k = 0; k < 4; k++)
			if (differs(out, size, "a vector register", s->ymm[n].u64[k], c->ymm[n].u64[k]))
				return true;
	for (unsigned n = 0; n < 6; n++)
		if (differs(out, size, "a selector", s->seg[n].sel, c->seg[n].sel) || differs(out, size, "a segment's base", s->seg[n].base, c->seg[n].base) ||
		    differs(out, size, "a segment's limit", s->seg[n].limit, c->seg[n].limit))
			return true;
	for (unsigned n = 0; n < 8; n++)
		if (differs(out, size, "an x87 register", s->fpu.fpr[n].mant, c->fpu.fpr[n].mant) || differs(out, size, "an x87 register", s->fpu.fpr[n].se, c->fpu.fpr[n].se))
			return true;
	return differs(out, size, "x87 status", s->fpu.sw, c->fpu.sw) || differs(out, size, "x87 top", s->fpu.top, c->fpu.top) ||
		differs(out, size, "x87 tags", s->fpu.tag, c->fpu.tag) || differs(out, size, "x87 control", s->fpu.cw, c->fpu.cw) || stores_differ(l, s, out, size);
}

static void report(struct lockstep *l, struct cpu *c, uint64_t insns, const char *what)
{
	log_printf(c->machine, "lockstep: block at %" PRIx64 ", after %" PRIu64 " instructions, mode %x: %s\n", l->start, insns, c->mode, what);
	for (uint64_t n = 0; n < insns; n++) {
		uint64_t rip = l->state[n].rip, phys, left;
		bool rom;
		char text[160] = "?";
		const uint8_t *p = mmu_translate_debug(c, code_linear(c, rip), &phys) ? paging_phys(c, phys, &left, &rom) : NULL;
		size_t room = PAGE_SIZE - (code_linear(c, rip) & ~PAGE_MASK);
		if (p)
			disas_one(p, room < 15 ? room : 15, rip, c->mode & M_CS64 ? 64 : c->mode & M_CS32 ? 32 : 16, text, sizeof text);
		log_printf(c->machine, "lockstep: %12" PRIx64 "  %s\n", rip, text);
	}
}

void lockstep_compare(struct lockstep *l, struct cpu *c, uint64_t rip, uint64_t insns, uint32_t flags)
{
	char what[160];
	fp_park(c);
	l->count.checked++;
	if (insns >= l->n_states - l->at_string) {      /* came out behind what the interpreter did */
		l->count.too_far++;
		return;
	}
	if (!state_differs(l, &l->state[insns], c, rip, flags, what, sizeof what)) {
		l->count.equal++;
		return;
	}
	if (l->count.differ++ < 20)
		report(l, c, insns, what);
}
