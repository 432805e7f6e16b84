/* stubs.c - what is emitted out of line: calls of the interpreter, ways out, what is done when memory is not where it was expected. */
#include "core/jit/emit.h"

void em_jump_out(struct em *e, unsigned jcc, enum stub_kind kind, const struct ji *i)
{
	struct stub *s = em_stub(e, kind, i);
	s->from = em_jcc(e, jcc);
}

struct stub *em_stub(struct em *e, enum stub_kind kind, const struct ji *i)
{
	if (e->n_stubs == STUBS_MAX) {          /* the last one's place: what is emitted from here on is thrown away */
		e->failed = true;
		e->n_stubs--;
	}
	struct stub *s = &e->stubs[e->n_stubs++];
	if (e->ways_out)
		++*e->ways_out;
	*s = (struct stub) { .kind = kind, .slot = i ? i->slot : 0, .before = i ? i->before : 0, .in_group = i && i->in_group };
	if ((kind == STUB_STEP || kind == STUB_LAST_STEP) && !(s->step = jit_new_steps(e, i, 1)))
		e->failed = true;
	return s;
}

struct jit_exit *em_leave_for(struct em *e, unsigned off, unsigned insns)
{
	struct jit_exit *x = jit_new_exit(e, EXIT_LINK);
	x->off = (int32_t)off;
	em_count(e, insns);
	em_imm64(e, H_T1, (uintptr_t)x);
	em8(e, 0xe9);
	x->patch = e->p;
	em_rel32(e, e->j->leave);
	return x;
}

/* The interpreter counts from the block's start. */
struct jit_exit *em_leave_from(struct em *e, unsigned slot, unsigned before)
{
	if (slot == SLOT_CROSS) {
		struct jit_exit *x = em_leave_for(e, e->cross.off, e->cross.idx);
		x->cross = true;
		return x;
	}
	struct jit_exit *x = jit_new_exit(e, EXIT_INTERP);
	x->slot = slot;
	x->before = (uint8_t)before;
	em_imm64(e, H_T1, (uintptr_t)x);
	em8(e, 0xe9);
	em_rel32(e, e->j->leave);
	return x;
}

void em_leave_to_interp(struct em *e, const struct ji *i) { em_leave_from(e, i->slot, i->before); }

uint8_t *em_exit_to(struct em *e, int64_t target, uint8_t *patch)
{
	bool was = e->cold;
	struct jit_exit *x = jit_new_exit(e, EXIT_LINK);
	x->off = (int32_t)target;
	x->patch = patch;
	em_part(e, true);
	uint8_t *at = e->p;
	em_patch(patch, at);
	em_imm64(e, H_T1, (uintptr_t)x);
	em8(e, 0xe9);
	em_rel32(e, e->j->leave);
	em_part(e, was);
	return at;
}

/* Code in segments: before the block in its page the segment may not have begun yet, and rip is at its end then. */
static void guard_start(struct em *e, int64_t target)
{
	if (!e->segments || target >= e->page_off)
		return;
	em_env(e, (struct enc) { .op = 0x81, .size = 8, .reg = 7 }, offsetof(struct cpu, jit.page)), em32(e, (uint32_t)-target);
	uint8_t *wraps = em_jcc(e, 0x8c);                               /* jl */
	bool was = e->cold;
	em_part(e, true);
	em_patch(wraps, e->p);
	em_jump_far(e, target, true, false);
	em_part(e, was);
}

/* Direct branch.  Flags are in memory or dead. */
static void go_to(struct em *e, int64_t target, unsigned n_insns, bool backward, bool falls)
{
	if (n_insns && e->j->counts) {
		if (!backward)
			em_room_wide(e, 0x3e, CMP_ENV_SIZE + 1, JMP_SIZE);
		em_count(e, n_insns);
	}
	if (target < 0 || target >= PAGE_SIZE) {
		/* 32-bit addresses wrap: jumps that all go forward can make a loop. */
		em_jump_far(e, target, backward || !e->code64, falls);
		return;
	}
	guard_start(e, target);
	uint8_t *asked = backward ? em_poll(e) : NULL, *jump = em_jmp(e);
	uint8_t *out = em_exit_to(e, target, jump);
	if (asked)
		em_patch(asked, out);
}
void em_goto(struct em *e, int64_t target, unsigned n_insns, bool backward) { go_to(e, target, n_insns, backward, false); }
void em_go_on(struct em *e, int64_t target, unsigned n_insns) { go_to(e, target, n_insns, false, true); }

void em_stubs(struct em *e)
{
	for (unsigned n = 0; n < e->n_stubs; n++) {
		struct stub *s = &e->stubs[n];
		em_part(e, s->kind != STUB_TAKEN);
		em_patch(s->from, e->p);
		if (s->checked && s->kind != STUB_GROUP)
			em_other_range(e, s);
		if (s->plain)
			em_near_code(e, s);
		else if (s->split_size)
			em_split(e, s);
		for (unsigned k = 0; k < sizeof s->also / sizeof s->also[0] && s->also[k]; k++)
			em_patch(s->also[k], e->p);
		switch (s->kind) {
		case STUB_STEP:
			em_step_on_miss(e, s->step, s->in_group);
			e->flags_host = false;
			if (s->load_flags)
				em_flags_to_host(e);
			em8(e, 0xe9);
			em_rel32(e, s->back);
			break;
		case STUB_LAST_STEP:
			em_end_by_step(e, s->step);
			break;
		case STUB_INTERP:
			em_leave_from(e, s->slot, s->before);
			break;
		case STUB_GROUP:
			em_other_group(e, s);
			break;
		case STUB_LIVE:
			em_live_stub(e, s);
			break;
		case STUB_TAKEN:
			if (s->save_flags) {
				e->flags_mem = false;
				em_flags_to_mem(e);
			}
			go_to(e, s->target, s->count, s->backward, s->falls);
			break;
		}
	}
	em_part(e, false);
}
