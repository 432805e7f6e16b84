/* emit_mem.c - guest memory in translated code: effective addresses, the check against the TLB, and the ways out. */
#include "core/cpu/mmu.h"
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

#define ENV(f) (uint32_t)offsetof(struct cpu, jit.f)
enum { REFILL_EVERY = 4, RUN_EVERY = 16, SLOT_PUSH = 0, SLOT_POP, SLOT_OTHERS, LIMIT_OFF = offsetof(struct jit_env, limit) - offsetof(struct jit_env, base),
	DELTA_OFF = offsetof(struct jit_env, delta) - offsetof(struct jit_env, base) };

/* What a site probably shares its memory with: the stack, or what the same register points at in this block.  Blocks take their slots in turn, so
 * that the ones of a loop, which are translated together, do not meet. */
static unsigned slot_of(struct em *e, const struct ji *i, bool write)
{
	if (i->in.rm != RM_MEM || i->in.base == RSP)
		return write ? SLOT_PUSH : SLOT_POP;
	uint8_t *slot = &e->slots[i->in.base][write];
	if (!*slot)
		*slot = (uint8_t)(SLOT_OTHERS + e->j->next_slot++ % (JIT_SLOTS - SLOT_OTHERS));
	return *slot;
}

/* r9: linear address in, host address out, r10 = the TLB's entry.  Returns the rel32 of the way out where there is no plain memory. */
static uint8_t *check_tlb(struct em *e, unsigned size, bool write)
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
	em8(e, 0x0f), em8(e, 0x87);                                             /* ja */
	uint8_t *out = e->p;
	em32(e, 0);
	em_rm(e, (struct enc) { .op = 0x03, .size = 8, .reg = H_T0 }, H_T1, NO_REG, 0, tag);
	em_rm(e, (struct enc) { .op = 0x03, .size = 8, .reg = H_T0 }, H_T1, NO_REG, 0, offsetof(struct tlb_entry, addend));
	return out;
}

/* r9: linear address in, host address out.  Flags and r10 are lost; what is live must have been saved.  What is no plain memory leads to the
 * interpreter, before anything was changed.  Stack accesses and those of loops have a slot, and memory outside its range is looked up out of line
 * (em_stubs); elsewhere there are too many sites for the slots, and each looks in the TLB. */
void em_check(struct em *e, const struct ji *i, unsigned size, bool write)
{
	struct stub *s = em_stub(e, i->ends ? STUB_INTERP : STUB_STEP, i);
	bool stack = i->in.rm != RM_MEM || i->in.base == RSP;
	if (size > JIT_ACCESS_MAX || !(stack || e->loop)) {
		s->from = check_tlb(e, size, write);
		return;
	}
	uint32_t n = 8 * slot_of(e, i, write);
	em_mov(e, H_T1, H_T0);
	em_env(e, (struct enc) { .op = 0x2b, .size = 8, .reg = H_T1 }, ENV(base[e->user]) + n);
	em_env(e, (struct enc) { .op = 0x3b, .size = 8, .reg = H_T1 }, ENV(limit[e->user]) + n);
	em8(e, 0x0f), em8(e, 0x83);                                             /* jae */
	s->from = e->p;
	em32(e, 0);
	em_env(e, (struct enc) { .op = 0x03, .size = 8, .reg = H_T0 }, ENV(delta[e->user]) + n);
	s->checked = e->p;
	s->size = (uint8_t)size;
	s->write = write;
	s->base = ENV(base[e->user]) + n;
	s->stack = stack;
}

/* Out of line: look in the TLB, and every few times take what it says for the slot; not always, or sites that alternate between two ranges would do
 * nothing else. */
static void other_range(struct em *e, const struct stub *s)
{
	uint8_t *miss = check_tlb(e, s->size, s->write);
	if (!s->stack) {
		em_env(e, (struct enc) { .op = 0x80, .size = 1, .reg = 0, .digit = true }, ENV(turn)), em8(e, 256 / REFILL_EVERY);
		em8(e, 0x0f), em8(e, 0x83), em_rel32(e, s->checked);            /* jnc */
	}
	em_env(e, (struct enc) { .op = 0xc7, .size = 4, .reg = 0 }, ENV(slot)), em32(e, s->base);
	em8(e, 0xe8), em_rel32(e, e->j->refill[e->user][s->write]);
	em8(e, 0xe9), em_rel32(e, s->checked);
	em_patch(miss, e->p);
}

/* As an instruction of the interpreter, so that it runs as those do. */
static const struct insn *find_run(struct cpu *c, const struct insn *i)
{
	tlb_find_run(c, (struct tlb_entry *)c->jit.entry, i->imm);
	return i + 1;
}

/* Called with r9 = host address, r10 = TLB entry, jit.slot = place of the slot's base.  All but r10 and the flags are kept. */
static void make_refill(struct em *e, unsigned user, bool write)
{
	int32_t run = offsetof(struct tlb, run);
	int32_t start = run + (int)(write ? offsetof(struct tlb_run, start_w) : offsetof(struct tlb_run, start_r));
	int32_t limit = run + (int)(write ? offsetof(struct tlb_run, limit_w) : offsetof(struct tlb_run, limit_r));
	const struct enc to_rcx = { .op = 0x8b, .size = 8, .reg = RCX }, from_rcx = { .op = 0x89, .size = 8, .reg = RCX };
	struct insn *ask = e->j->find_run[write];
	ask[0] = (struct insn) { .fn = find_run, .imm = write };
	ask[1] = (struct insn) { .fn = op_jit_end };
	uint8_t *again = e->p;
	e->j->refill[user][write] = e->p;
	em8(e, 0x50), em8(e, 0x51);                                             /* push rax, rcx */
	em_env(e, (struct enc) { .op = 0x8b, .size = 4, .reg = RAX }, ENV(slot));
	em_rm(e, to_rcx, H_T1, NO_REG, 0, start);
	em_env(e, (struct enc) { .op = 0x33, .size = 8, .reg = RCX }, ENV(epoch[0]));
	em8(e, 0x79);                                                           /* jns */
	uint8_t *low = e->p++;
	em_env(e, (struct enc) { .op = 0x33, .size = 8, .reg = RCX }, ENV(epoch[0]));
	em_env(e, (struct enc) { .op = 0x33, .size = 8, .reg = RCX }, ENV(epoch[1]));
	*low = (uint8_t)(e->p - low - 1);
	em_rr(e, (struct enc) { .op = 0xf7, .size = 4, .reg = 0 }, RCX), em32(e, PAGE_SIZE - 1);
	em8(e, 0x75);
	uint8_t *old = e->p++;
	em8(e, 0x65), em_rm(e, from_rcx, RAX, NO_REG, 0, 0);
	em_rm(e, to_rcx, H_T1, NO_REG, 0, limit);
	uint8_t *fill = e->p;
	em8(e, 0x65), em_rm(e, from_rcx, RAX, NO_REG, 0, LIMIT_OFF);
	em_rm(e, to_rcx, H_T1, NO_REG, 0, offsetof(struct tlb_entry, addend));
	em8(e, 0x65), em_rm(e, from_rcx, RAX, NO_REG, 0, DELTA_OFF);
	em8(e, 0x59), em8(e, 0x58), em8(e, 0xc3);                               /* pop, pop, ret */
	/* No run is known: the page alone, but every few times look for one. */
	*old = (uint8_t)(e->p - old - 1);
	em_env(e, (struct enc) { .op = 0x80, .size = 1, .reg = 0, .digit = true }, ENV(run_turn)), em8(e, 256 / RUN_EVERY);
	em8(e, 0x72);                                                           /* jc */
	uint8_t *look = e->p++;
	em_rm(e, to_rcx, H_T1, NO_REG, 0, write ? offsetof(struct tlb_entry, tag_w) : offsetof(struct tlb_entry, tag_r));
	em8(e, 0x65), em_rm(e, from_rcx, RAX, NO_REG, 0, 0);
	em_imm64(e, RCX, PAGE_SIZE - JIT_ACCESS_MAX + 1);
	em8(e, 0xe9), em_rel32(e, fill);
	*look = (uint8_t)(e->p - look - 1);
	em8(e, 0x59), em8(e, 0x58);
	em_store_env(e, H_T0, ENV(host));
	em_store_env(e, H_T1, ENV(entry));
	em_imm64(e, H_T1, (uintptr_t)ask);
	em8(e, 0xe8), em_rel32(e, e->j->step);
	em_load_env(e, H_T0, ENV(host));
	em_load_env(e, H_T1, ENV(entry));
	em8(e, 0xe9), em_rel32(e, again);
}

void mem_make_common(struct em *e)
{
	for (unsigned user = 0; user < 2; user++)
		for (unsigned write = 0; write < 2; write++)
			make_refill(e, user, write);
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
		if (s->checked)
			other_range(e, s);
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
