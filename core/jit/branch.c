/* branch.c - control flow that ends a block or leaves it: jumps, calls, returns, loops. */
#include "core/jit/emit.h"

/* Near branches as wide as the code; others are the interpreter's. */
static bool natural_size(const struct em *e, const struct ji *i)
{
	return i->size == e->op_size;
}
static int64_t target_of(const struct em *e, const struct ji *i) { return e->page_off + i->in.imm; }
static bool is_backward(const struct ji *i) { return i->in.imm <= i->in.off; }

/* Push the address behind i; r10 is what the return stack has for it.  r9 is lost. */
static void push_return(struct em *e, const struct ji *i)
{
	unsigned size = e->op_size;
	struct mem_op m = em_stack_memory(e, i, RSP, -(int)size, size, true);
	em_load_env(e, H_T1, offsetof(struct cpu, jit.page));
	em_rm(e, (struct enc) { .op = 0x8d, .size = size == 8 ? 8 : 4, .reg = H_T1 }, H_T1, NO_REG, 0, (int32_t)(e->page_off + i->in.off + i->in.len));
	em_mem(e, (struct enc) { .op = 0x89, .size = size, .reg = H_T1 }, m);
	em_rm(e, (struct enc) { .op = 0x8d, .size = e->sp_size, .reg = H_RSP }, H_RSP, NO_REG, 0, -(int)size);
	if (!e->segments)
		return;
	if (size == 2)
		em_rr(e, (struct enc) { .op = 0x0fb7, .size = 4, .reg = H_T1 }, H_T1);
	em_env(e, (struct enc) { .op = 0x03, .size = 4, .reg = H_T1 }, (uint32_t)(offsetof(struct cpu, seg[SEG_CS]) + offsetof(struct segreg, base)));
}

/* i is about to go to the address in a register, having taken sp_back from RSP; where that turns out to be impossible, it is given back
 * (left() in run.c). */
static void note_indirect(struct em *e, const struct ji *i, int sp_back)
{
	em_env(e, (struct enc) { .op = 0xc7, .size = 4, .reg = 0 }, offsetof(struct cpu, jit.branch));
	em32(e, (uint32_t)sp_back << PAGE_SHIFT | (unsigned)((e->page_off + i->in.off) & (PAGE_SIZE - 1)));
	em_count(e, i->in.idx + 1u);
}

/* Behind push_return, which left the return address in r10.  far: the target is in jit.tmp. */
static void host_call(struct em *e, const struct ji *i, int64_t target, bool far)
{
	bool in_page = !far && target >= 0 && target < PAGE_SIZE, guarded = e->segments && target < e->page_off, near = in_page && !guarded;
	unsigned ret = e->page_off + i->in.off + i->in.len;
	uint8_t *leave = NULL;
	if (far)
		note_indirect(e, i, (int)i->size);
	else
		em_count(e, i->in.idx + 1u);
	if (near)
		leave = em_poll(e);
	uint8_t *to = em_call_begin(e);
	em_landing(e, ret);
	em_go_on(e, ret, 0);
	em_patch(to, e->p);
	if (near) {
		em_patch(leave, em_exit_to(e, target, to));
		return;
	}
	if (in_page) {
		em_goto(e, target, 0, true);
		return;
	}
	if (!far) {
		em_jump_far(e, target, true, false);
		return;
	}
	em_load_env(e, H_T0, offsetof(struct cpu, jit.tmp));
	em_jump(e, true, false);
}

/* Jump back to this very block; flags are in memory or dead.  False: nothing was emitted. */
static bool em_again(struct em *e, const struct ji *i)
{
	if (target_of(e, i) != e->page_off || e->twin || family_off(e, FAM_LINK))
		return false;
	em_count(e, i->in.idx + 1u);
	uint8_t *asked = em_poll(e), *again = em_jmp(e);
	em_patch(asked, em_exit_to(e, target_of(e, i), again));
	em_patch(again, e->entry);
	return true;
}

/* LOOP and JCXZ that count in CX.  LOOPE and LOOPNE are the interpreter's. */
static bool conditional_16(struct em *e, const struct ji *i, unsigned op)
{
	enum { LOOP = 0xe2, JCXZ = 0xe3 };
	if (op < LOOP)
		return false;
	em_flags_clobber(e, i->live_out);
	if (op == LOOP)
		em_rm(e, (struct enc) { .op = 0x8d, .size = 2, .reg = RCX }, RCX, NO_REG, 0, -1);
	em_rr(e, (struct enc) { .op = 0x85, .size = 2, .reg = RCX }, RCX);
	unsigned jcc = op == JCXZ ? 0x84 : 0x85;
	if (target_of(e, i) == e->page_off) {
		uint8_t *on = em_jcc(e, jcc ^ 1);
		if (em_again(e, i)) {
			em_patch(on, e->p);
			return true;
		}
		e->p = on - 2;
	}
	struct stub *s = em_stub(e, STUB_TAKEN, i);
	s->target = target_of(e, i);
	s->count = i->in.idx + 1u;
	s->backward = is_backward(i);
	s->from = em_jcc(e, jcc);
	return true;
}

static void conditional(struct em *e, const struct ji *i, unsigned op)
{
	if (i->reads)
		em_flags_to_host(e);
	bool save = i->live_taken && !e->flags_mem;
	if (op < 0xe0 && target_of(e, i) == e->page_off && !i->invert) {
		em_room_jcc(e);
		uint8_t *on = em_jcc(e, 0x80 | ((op & 15) ^ 1));
		if (save)
			em_flags_to_mem(e);
		e->flags_mem &= !save;
		if (em_again(e, i)) {
			em_patch(on, e->p);
			return;
		}
		e->p = on - 2;
	}
	op ^= i->invert;
	struct stub *s = em_stub(e, STUB_TAKEN, i);
	s->target = target_of(e, i);
	s->count = i->in.idx + 1u;
	s->backward = is_backward(i);
	s->falls = i->invert;
	s->save_flags = save;
	if (op >= 0xe0) {                       /* loop, jcxz: short only */
		if (i->in.flags & I_A32)
			em8(e, 0x67);
		em8(e, op), em8(e, 2);
		em8(e, 0xeb), em8(e, JMP_SIZE);
		em8(e, 0xe9), em32(e, 0);
		s->from = e->p - 4;
	} else {
		em_room_jcc(e);
		s->from = em_jcc(e, 0x80 | (op & 15));
	}
}

static bool indirect(struct em *e, const struct ji *i, bool call)
{
	unsigned size = i->size;
	const struct enc load = { .op = size == 2 ? 0x0fb7 : 0x8b, .size = size == 2 ? 4 : size, .reg = H_T0 };
	em_flags_clobber(e, FL_ARITH);
	if (i->in.rm == RM_MEM)
		em_mem(e, load, em_memory(e, i, size, false));
	else
		em_rr(e, load, em_use(e, i->in.rm, H_T0));
	if (call) {
		em_store_env(e, H_T0, offsetof(struct cpu, jit.tmp));
		push_return(e, i);
		host_call(e, i, 0, true);
		return true;
	}
	note_indirect(e, i, 0);
	em_jump(e, true, false);
	return true;
}

static bool ret(struct em *e, const struct ji *i, unsigned extra)
{
	unsigned size = i->size;
	em_flags_clobber(e, FL_ARITH);
	em_mem(e, (struct enc) { .op = size == 2 ? 0x0fb7 : 0x8b, .size = size == 2 ? 4 : size, .reg = H_T0 }, em_stack_memory(e, i, RSP, 0, size, false));
	em_rm(e, (struct enc) { .op = 0x8d, .size = e->sp_size, .reg = H_RSP }, H_RSP, NO_REG, 0, (int32_t)(size + extra));
	note_indirect(e, i, -(int)(size + extra));
	if (e->segments)
		em_linear(e);
	em_return(e);
	return true;
}

bool em_branch(struct em *e, const struct ji *i)
{
	const struct op_row *r = i->row;
	unsigned op = r->opcode;
	if (e->j->off && (e->j->off >> em_family(e, r) & 1))
		return false;
	if ((i->in.flags & I_LOCK) || (!e->segments && (i->in.flags & I_A16)) || !natural_size(e, i) || i->in.row == ROW_NONE)
		return false;
	if (r->map == ONE && op >= 0xe0 && op <= 0xe3 && (i->in.flags & I_A16))
		return conditional_16(e, i, op);
	if (r->map == TWO ? op >> 4 == 8 : r->map == ONE && (op >> 4 == 7 || (op >= 0xe0 && op <= 0xe3))) {
		conditional(e, i, op);
		return true;
	}
	if (r->map != ONE)
		return false;
	switch (op) {
	case 0xe8:
		em_flags_clobber(e, i->live_taken);
		push_return(e, i);
		host_call(e, i, target_of(e, i), false);
		return true;
	case 0xe9: case 0xeb:
		if (i->invert)
			return true;
		em_flags_clobber(e, i->live_out);
		if (!em_again(e, i))
			em_goto(e, target_of(e, i), i->in.idx + 1u, is_backward(i));
		return true;
	case 0xc2: return ret(e, i, (uint16_t)i->in.imm);
	case 0xc3: return ret(e, i, 0);
	case 0xff: return ((r->match >> 3 & 7) == 2 || (r->match >> 3 & 7) == 4) && indirect(e, i, (r->match >> 3 & 7) == 2);
	}
	return false;
}
