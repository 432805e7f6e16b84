/* emit_mem.c - guest memory in translated code: effective addresses, the check against the TLB, and the ways out. */
#include "core/jit/emit.h"

/* lea of i's operand into r9; 32-bit code and 32-bit addresses cut it. */
void em_address(struct em *e, const struct ji *i, bool segment)
{
	const struct insn *in = &i->in;
	unsigned base = NO_REG, index = NO_REG;
	int64_t disp = in->disp;
	if (operand_kind(i->row->operand[0]) == K_O || operand_kind(i->row->operand[1]) == K_O) {
		em_imm64(e, H_T0, e->code64 ? (uint64_t)in->imm : (uint32_t)in->imm);
	} else {
		if (in->base == REG_BIP) {
			em_load_env(e, H_T0, offsetof(struct cpu, jit.page));
			base = H_T0;
			disp += e->page_off;
		} else if (in->base != REG_ZERO) {
			base = em_use(e, in->base, H_T0);
		}
		if (in->index != REG_ZERO)
			index = em_use(e, in->index, H_T1);
		bool cut = !e->code64 || (in->flags & I_A32);
		em_rm(e, (struct enc) { .op = 0x8d, .size = cut ? 4 : 8, .reg = H_T0 }, base, index, in->scale, (int32_t)disp);
	}
	if (segment && e->code64 && (in->sg == SEG_FS || in->sg == SEG_GS))
		em_env(e, (struct enc) { .op = 0x03, .size = 8, .reg = H_T0 },
			(uint32_t)(offsetof(struct cpu, seg) + in->sg * sizeof(struct segreg) + offsetof(struct segreg, base)));
}

/* r9: linear address in, host address out.  Flags and r10 are lost; what is live must have been saved.  A miss leads out of line,
 * to the interpreter, before anything was changed. */
void em_check(struct em *e, const struct ji *i, unsigned size, bool write)
{
	int32_t tag = write ? offsetof(struct tlb_entry, tag_w) : offsetof(struct tlb_entry, tag_r);
	em_rr(e, (struct enc) { .op = 0x8b, .size = 4, .reg = H_T1 }, H_T0);
	em_rr(e, (struct enc) { .op = 0xc1, .size = 4, .reg = 5 }, H_T1);
	em8(e, PAGE_SHIFT - 5);                                                 /* shr: 32 bytes an entry */
	em_rr(e, (struct enc) { .op = 0x81, .size = 4, .reg = 4 }, H_T1);
	em32(e, (TLB_SIZE - 1) << 5);
	em_env(e, (struct enc) { .op = 0x03, .size = 8, .reg = H_T1 }, offsetof(struct cpu, tlb));
	em_rm(e, (struct enc) { .op = 0x33, .size = 8, .reg = H_T0 }, H_T1, NO_REG, 0, tag);
	em_rr(e, (struct enc) { .op = 0x81, .size = 8, .reg = 7 }, H_T0);
	em32(e, PAGE_SIZE - size);
	struct stub *s = em_stub(e, i->ends ? STUB_INTERP : STUB_STEP, i);
	em8(e, 0x0f), em8(e, 0x87);                                             /* ja */
	s->from = e->p;
	em32(e, 0);
	em_rm(e, (struct enc) { .op = 0x03, .size = 8, .reg = H_T0 }, H_T1, NO_REG, 0, tag);
	em_rm(e, (struct enc) { .op = 0x03, .size = 8, .reg = H_T0 }, H_T1, NO_REG, 0, offsetof(struct tlb_entry, addend));
}

void em_jump_out(struct em *e, unsigned jcc, enum stub_kind kind, const struct ji *i)
{
	struct stub *s = em_stub(e, kind, i);
	em8(e, 0x0f), em8(e, jcc);
	s->from = e->p;
	em32(e, 0);
}

void em_check_aligned(struct em *e, const struct ji *i, unsigned size)
{
	em8(e, 0x41), em8(e, 0xf6), em8(e, 0xc0 | (H_T0 & 7)), em8(e, size - 1);        /* test r9b, */
	em_jump_out(e, 0x85, STUB_STEP, i);
}

struct stub *em_stub(struct em *e, enum stub_kind kind, const struct ji *i)
{
	if (e->n_stubs == STUBS_MAX) {          /* the last one's place: what is emitted from here on is thrown away */
		e->failed = true;
		e->n_stubs--;
	}
	struct stub *s = &e->stubs[e->n_stubs++];
	*s = (struct stub) { .kind = kind, .slot = i ? i->slot : 0 };
	if (kind == STUB_STEP && !(s->step = jit_new_steps(e, i, 1)))
		e->failed = true;
	return s;
}

static void call_step(struct em *e, const struct insn *step, unsigned why)
{
	em_imm64(e, H_T0, e->page_off | why);
	em_imm64(e, H_T1, (uintptr_t)step);
	em8(e, 0xe8);
	em_rel32(e, e->j->step);
}

/* n instructions from i on, by the interpreter's handlers.  Flags go through memory. */
void em_steps(struct em *e, const struct ji *i, unsigned n)
{
	struct insn *steps = jit_new_steps(e, i, n);
	e->failed |= !steps;
	em_flags_clobber(e, i->live_in);
	call_step(e, steps, 0);
	e->flags_mem = true;
	em_live_forget(e);
}

void em_leave_to_interp(struct em *e, unsigned slot)
{
	struct jit_exit *x = jit_new_exit(e, EXIT_INTERP);
	x->slot = slot;
	em_imm64(e, H_T1, (uintptr_t)x);
	em8(e, 0xe9);
	em_rel32(e, e->j->leave);
}

void em_exit_to(struct em *e, int64_t target, uint8_t *patch)
{
	struct jit_exit *x = jit_new_exit(e, EXIT_LINK);
	x->off = (int32_t)target;
	x->patch = patch;
	em_patch(patch, e->p);
	em_imm64(e, H_T1, (uintptr_t)x);
	em8(e, 0xe9);
	em_rel32(e, e->j->leave);
}

/* Direct branch.  Flags are in memory or dead. */
void em_goto(struct em *e, int64_t target, unsigned n_insns, bool backward)
{
	if (n_insns)
		em_count(e, n_insns);
	if (target < 0 || target >= PAGE_SIZE) {
		em_load_target(e, target);
		em_jump(e, backward, true);
		return;
	}
	if (backward) {
		em_env(e, (struct enc) { .op = 0x83, .size = 4, .reg = 7 }, offsetof(struct cpu, attention));
		em8(e, 0);
		em8(e, 0x75);                                                   /* jne: to the exit below */
		em8(e, 5);
	}
	em8(e, 0xe9);
	em32(e, 0);
	em_exit_to(e, target, e->p - 4);
}

void em_stubs(struct em *e)
{
	for (unsigned n = 0; n < e->n_stubs; n++) {
		struct stub *s = &e->stubs[n];
		em_patch(s->from, e->p);
		switch (s->kind) {
		case STUB_STEP:
			call_step(e, s->step, STEP_IS_MISS);
			e->flags_host = false;
			if (s->load_flags)
				em_flags_to_host(e);
			em8(e, 0xe9);
			em_rel32(e, s->back);
			break;
		case STUB_INTERP:
			em_leave_to_interp(e, s->slot);
			break;
		case STUB_LIVE:
			em_live_stub(e, s);
			break;
		case STUB_TAKEN:
			em_goto(e, s->target, s->count, s->backward);
			break;
		}
	}
}
