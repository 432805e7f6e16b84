/* steps.c - instructions that translated code has the interpreter's handlers do: some within a block, and the last one of a block when it is no
 * plain branch (a return from the kernel, a change of the mappings...), behind which translated code goes on where it leads to. */
#include "core/jit/emit.h"
#include "core/cpu/event.h"
#include "core/machine/machine.h"

#define ENV(f) (uint32_t)offsetof(struct cpu, jit.f)

/* ---- the common pieces -------------------------------------------------------------------------------------------------------------- */

static uint8_t *jump_if_zero(struct em *e) { return em_jcc(e, 0x84); }
static uint8_t *jump_unless_zero(struct em *e) { return em_jcc(e, 0x85); }

/* rax = f(c, r10, r9), all guest registers being in struct cpu. */
static void call_handler(struct em *e, uintptr_t f)
{
	em_to_host_stack(e);
	em_mov(e, R12, H_T0);
	em_mov(e, R13, H_T1);
	em_live_store(e);
	em_imm64(e, RDI, (uintptr_t)e->c);
	em_mov(e, RSI, R13);
	em_mov(e, RDX, R12);
	em_imm64(e, RAX, f);
	em8(e, 0xff), em8(e, 0xd0);
}

static void leave_with_null(struct em *e)
{
	em8(e, 0x31), em8(e, 0xc0);                             /* xor eax, eax */
	em_leave_frame(e);
}

/* On to the code at rax. */
static void go_on_there(struct em *e)
{
	em_store_env(e, RAX, ENV(back));
	em_load_env(e, RSP, ENV(sp));
	em_all_regs(e, true);
	em_env(e, (struct enc) { .op = 0xff, .size = 4, .reg = 4 }, ENV(back));         /* jmp */
}

/* Called with r9 = page offset of the block, r10 = instructions for jit_step, which may drop all of the return stack; hence its own
 * return address is kept elsewhere meanwhile.  `reload`: the caller wants live what was. */
static uint8_t *make_step(struct em *e, bool reload)
{
	uint8_t *start = e->p;
	em_all_regs(e, false);
	em_env(e, (struct enc) { .op = 0x8f, .size = 4, .reg = 0 }, ENV(back));         /* pop */
	call_handler(e, (uintptr_t)jit_step);
	em8(e, 0x48), em8(e, 0x83), em8(e, 0xe8), em8(e, JIT_STEP_DONE);        /* sub rax, */
	uint8_t *other = jump_unless_zero(e);
	if (reload)
		em_live_reload(e);
	em_load_env(e, RSP, ENV(sp));
	em_env(e, (struct enc) { .op = 0xff, .size = 4, .reg = 6 }, ENV(back));         /* push */
	em_all_regs(e, true);
	em8(e, 0xc3);
	em_patch(other, e->p);
	em8(e, 0x48), em8(e, 0x83), em8(e, 0xc0), em8(e, JIT_STEP_DONE);        /* add rax, */
	uint8_t *out = jump_if_zero(e);
	go_on_there(e);
	em_patch(out, e->p);
	leave_with_null(e);
	return start;
}

/* Jumped to with r9 = page offset of the block, r10 = its last instruction, for jit_last_step, which says where to go on. */
static uint8_t *make_last_step(struct em *e)
{
	uint8_t *start = e->p;
	em_all_regs(e, false);
	call_handler(e, (uintptr_t)jit_last_step);
	em8(e, 0x48), em8(e, 0x85), em8(e, 0xc0);               /* test rax, rax */
	uint8_t *out = jump_if_zero(e);
	go_on_there(e);
	em_patch(out, e->p);
	leave_with_null(e);
	return start;
}

void step_make_common(struct em *e)
{
	e->j->step = make_step(e, true);
	e->j->step_only = make_step(e, false);
	e->j->last_step = make_last_step(e);
}

/* ---- emission ------------------------------------------------------------------------------------------------------------------------- */

static void call_piece(struct em *e, const struct insn *step, unsigned why, unsigned op, const uint8_t *piece)
{
	em_imm64(e, H_T0, e->page_off | why);
	em_imm64(e, H_T1, (uintptr_t)step);
	em8(e, op);
	em_rel32(e, piece);
}
void em_step_on_miss(struct em *e, const struct insn *step, bool in_group)
{
	call_piece(e, step, STEP_IS_MISS | (in_group ? STEP_IN_GROUP : 0), 0xe8, e->j->step);
}
void em_end_by_step(struct em *e, const struct insn *step) { call_piece(e, step, 0, 0xe9, e->j->last_step); }

void em_steps(struct em *e, const struct ji *i, unsigned n)
{
	struct insn *steps = jit_new_steps(e, i, n);
	e->failed |= !steps;
	em_flags_clobber(e, i->live_in);
	call_piece(e, steps, 0, 0xe8, e->j->step_only);
	e->flags_mem = true;
	em_live_forget(e);
}

/* Branches are not among them: their handlers look for the target themselves and go on there. */
bool em_last_step(struct em *e, const struct ji *i)
{
	enum jit_family_id f = em_family(e, i->row);
	if (i->in.row == ROW_NONE || !i->ends || (i->row->attr & A_LINK) || f == FAM_CALL || f == FAM_RET || f == FAM_INDIRECT || f == FAM_JUMP ||
		(e->j->off >> f & 1) || family_off(e, FAM_SYSTEM))
		return false;
	if (em_sys_end(e, i) || em_syscall(e, i))
		return true;
	struct insn *step = jit_new_steps(e, i, 1);
	e->failed |= !step;
	em_flags_clobber(e, i->live_in);
	em_end_by_step(e, step);
	return true;
}

/* ---- what they call ------------------------------------------------------------------------------------------------------------------- */

const struct insn *op_jit_end(struct cpu *c, const struct insn *i) { return i; }

/* Nothing is due that is the dispatcher's: it looks at all of this between blocks. */
static bool may_go_on(struct cpu *c, const struct jit *j)
{
	return !c->exc_pending && !atomic_load_explicit(&c->attention, memory_order_relaxed) &&
		!(atomic_load_explicit(&c->exit_req, memory_order_relaxed) & (REQ_INTR | REQ_NMI)) &&
		atomic_load_explicit(&c->run_state, memory_order_relaxed) == CPU_RUNNING && !c->shadow && !(c->mode & M_STEP) && !c->debug.breaks &&
		!j->lockstep && !(j->off >> FAM_LINK & 1);
}

/* Translated code for c->rip, whose block is `to` unless that is NULL; or the interpreter goes on there. */
static const uint8_t *code_of(struct cpu *c, struct jit *j, const struct insn *to, bool on)
{
	c->cur = NULL;
	if (!on || to->fn != op_jit_enter) {
		j->resume = to;
		return NULL;
	}
	if (!jit_set_page(c, c->rip)) {
		j->resume = to;
		return NULL;
	}
	return jit_rx(j, jit_block_of(to)->jit->entry);
}
static const struct insn *block_at_rip(struct cpu *c)
{
	const struct insn *to = engine_find(c, c->rip);
	c->regs[REG_BIP] = to ? c->rip : c->regs[REG_BIP];
	return to;
}

/* An exception was recorded.  A page fault of 64-bit code, as an operating system has them all the time, is delivered here. */
static const uint8_t *deliver(struct cpu *c, struct jit *j)
{
	const struct insn *at = c->cur;
	if (!at || j->lockstep || family_is_off(j, FAM_FAULT) || atomic_load_explicit(&c->attention, memory_order_relaxed))
		return NULL;
	if (!event_page_fault_64(c, insn_rip(c, at)))
		return NULL;
	c->icount += at->idx;
	c->debug.stop = STOP_NONE;
	engine_forget(c);
	const struct insn *to = may_go_on(c, j) ? block_at_rip(c) : NULL;
	return to ? code_of(c, j, to, true) : NULL;
}

const uint8_t *jit_step(struct cpu *c, const struct insn *i, unsigned page_off)
{
	struct jit *j = engine_jit(c);
	*(page_off & STEP_IS_MISS ? &j->count.misses : &j->count.steps) += 1;
	if (!(page_off & STEP_IS_MISS))
		j->row_count[i->row]++;
	c->regs[REG_BIP] = c->jit.page + (page_off & (STEP_IS_MISS - 1));
	uint64_t forgotten = c->jit.forgotten;
	while (i && i->fn != op_jit_end)
		i = i->fn(c, i);
	/* What was checked for later instructions may have changed: to the dispatcher. */
	if (unlikely(page_off & STEP_IN_GROUP) && i && c->jit.forgotten != forgotten) {
		c->rip = insn_rip(c, i);
		c->icount += i->idx;
		return NULL;
	}
	if (i)
		return (const uint8_t *)(uintptr_t)JIT_STEP_DONE;
	return c->exc_pending ? deliver(c, j) : NULL;
}

const uint8_t *jit_last_step(struct cpu *c, const struct insn *i, unsigned page_off)
{
	struct jit *j = engine_jit(c);
	j->count.steps++;
	j->row_count[i->row]++;
	c->regs[REG_BIP] = c->jit.page + page_off;
	const struct insn *to = i->fn(c, i);
	bool on = may_go_on(c, j);
	if (to) {
		c->rip = c->regs[REG_BIP];
	} else {
		if (!on)
			return NULL;
		if (!(c->mode & M_CS64))
			c->rip = (uint32_t)c->rip;
		to = block_at_rip(c);
		if (!to)
			return NULL;
	}
	return code_of(c, j, to, on);
}
