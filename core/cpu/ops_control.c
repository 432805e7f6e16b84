/* ops_control.c - near jumps, calls and returns, loops, bound, and instructions that only fault or do nothing.
 *
 * Target and limit: the engine refuses an indirect branch beyond the limit of CS or to a non-canonical address; a direct one faults when the
 * target is fetched. */
#include "core/cpu/counted.h"
#include "core/cpu/ops_int.h"
#include <sched.h>

/* ---- direct -------------------------------------------------------------------------------------------------------------------------- */

INLINE const struct insn *branch(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t to = c->regs[REG_BIP] + (uint64_t)i->imm;
	c->icount += (uint32_t)i->disp;
	if (bits == 16 && unlikely(to >> 16))           /* links are by address, and lead on */
		return engine_next(c, (uint16_t)to);
	return follow(c, i, LINK_TAKEN, to & width_mask(bits));
}
/* Not taken: the block goes on behind the link. */
INLINE const struct insn *branch_if(struct cpu *c, const struct insn *i, int bits, bool taken)
{
	if (taken)
		return branch(c, i, bits);
	CONTINUE(c, i + 2);
}
#define JCC(name, cc) \
	HANDLER(j##name##16) { return branch_if(c, i, 16, condition(c, cc)); } \
	HANDLER(j##name##32) { return branch_if(c, i, 32, condition(c, cc)); } \
	HANDLER(j##name##64) { return branch_if(c, i, 64, condition(c, cc)); }
FOR_EACH_COND(JCC)
HANDLER(jmp_j16) { return branch(c, i, 16); }
HANDLER(jmp_j32) { return branch(c, i, 32); }
HANDLER(jmp_j64) { return branch(c, i, 64); }

/* LOOPcc and JrCXZ count in CX, ECX or RCX by the address size. */
INLINE int count_bits(const struct insn *i) { return i->flags & I_A16 ? 16 : i->flags & I_A32 ? 32 : 64; }
INLINE bool count_down(struct cpu *c, const struct insn *i)
{
	int bits = count_bits(i);
	set_reg(c, bits, RCX, get_reg(c, bits, RCX) - 1);
	return get_reg(c, bits, RCX) != 0;
}
#define LOOP(bits) \
	HANDLER(loop##bits)   { return branch_if(c, i, bits, count_down(c, i)); } \
	HANDLER(loope##bits)  { return branch_if(c, i, bits, count_down(c, i) & condition(c, CC_Z)); } \
	HANDLER(loopne##bits) { return branch_if(c, i, bits, count_down(c, i) & condition(c, CC_NZ)); } \
	HANDLER(jcxz##bits)   { return branch_if(c, i, bits, get_reg(c, count_bits(i), RCX) == 0); }
LOOP(16) LOOP(32) LOOP(64)

/* ---- calls, returns, indirect jumps ------------------------------------------------------------------------------------------------ */

INLINE bool push_flat(struct cpu *c, int bits, uint64_t v)
{
	uint64_t sp = (c->regs[RSP] - (unsigned)bits / 8) & c->lin_mask;
	uintptr_t host;
	if (unlikely(!tlb_write(c, sp, (unsigned)bits / 8, &host)))
		return false;
	host_store(bits, host, v);
	c->regs[RSP] = sp;
	return true;
}
INLINE const struct insn *call_direct(struct cpu *c, const struct insn *i, int bits)
{
	TRY(c, i, stack_push(c, i, (unsigned)bits / 8, insn_next_rip(c, i)));
	return branch(c, i, bits);
}
INLINE const struct insn *call_direct_flat(struct cpu *c, const struct insn *i, int bits, op_fn slow)
{
	if (unlikely(!push_flat(c, bits, insn_next_rip(c, i))))
		return slow(c, i);
	return branch(c, i, bits);
}
/* sp_back: what the branch has taken from the stack pointer (engine.h). */
INLINE const struct insn *go(struct cpu *c, const struct insn *i, int bits, int sp_back, uint64_t rip)
{
	c->icount += i->idx + 1u;
	return jump_to(c, i, sp_back, rip & width_mask(bits));
}
/* For handlers that must not chain (exec.h). */
INLINE const struct insn *go_slow(struct cpu *c, const struct insn *i, int bits, int sp_back, uint64_t rip)
{
	c->icount += i->idx + 1u;
	return engine_jump(c, i, sp_back, rip & width_mask(bits));
}
INLINE const struct insn *call_to(struct cpu *c, const struct insn *i, int bits, uint64_t rip)
{
	TRY(c, i, stack_push(c, i, (unsigned)bits / 8, insn_next_rip(c, i)));
	return go(c, i, bits, bits / 8, rip);
}
INLINE const struct insn *call_slow(struct cpu *c, const struct insn *i, int bits, uint64_t rip)
{
	TRY(c, i, stack_push(c, i, (unsigned)bits / 8, insn_next_rip(c, i)));
	return go_slow(c, i, bits, bits / 8, rip);
}
INLINE const struct insn *call_mem(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t rip;
	TRY(c, i, load_operand(c, i, bits, &rip));
	return call_slow(c, i, bits, rip);
}
INLINE const struct insn *call_flat(struct cpu *c, const struct insn *i, int bits, uint64_t rip, op_fn slow)
{
	if (unlikely(!push_flat(c, bits, insn_next_rip(c, i))))
		return slow(c, i);
	return go(c, i, bits, bits / 8, rip);
}
INLINE const struct insn *call_mem_flat(struct cpu *c, const struct insn *i, int bits, op_fn slow)
{
	uintptr_t host;
	if (unlikely(!tlb_read(c, ea_fast(c, i), (unsigned)bits / 8, &host)))
		return slow(c, i);
	return call_flat(c, i, bits, host_load(bits, host), slow);
}
INLINE const struct insn *jump_mem(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t rip;
	TRY(c, i, load_operand(c, i, bits, &rip));
	return go_slow(c, i, bits, 0, rip);
}
INLINE const struct insn *jump_mem_fast(struct cpu *c, const struct insn *i, int bits, op_fn slow)
{
	uintptr_t host;
	if (unlikely(!tlb_read(c, ea_fast(c, i), (unsigned)bits / 8, &host)))
		return slow(c, i);
	return go(c, i, bits, 0, host_load(bits, host));
}
/* `extra`: bytes of arguments that RET n drops */
INLINE void drop_stack(struct cpu *c, unsigned extra)
{
	set_reg(c, c->mode & M_CS64 ? 64 : c->mode & M_SS32 ? 32 : 16, RSP, c->regs[RSP] + extra);
}
INLINE const struct insn *ret(struct cpu *c, const struct insn *i, int bits, unsigned extra)
{
	uint64_t rip;
	TRY(c, i, stack_pop(c, i, (unsigned)bits / 8, &rip));
	if (extra)
		drop_stack(c, extra);
	return go_slow(c, i, bits, -(bits / 8 + (int)extra), rip);
}
/* Through a register or the stack: insn.disp is the instruction count. */
INLINE const struct insn *go_counted(struct cpu *c, const struct insn *i, int bits, int sp_back, uint64_t rip)
{
	c->icount += (uint32_t)i->disp;
	return jump_to(c, i, sp_back, rip & width_mask(bits));
}
INLINE const struct insn *ret_flat(struct cpu *c, const struct insn *i, int bits, unsigned extra, op_fn slow)
{
	uint64_t sp = c->regs[RSP] & c->lin_mask;
	uintptr_t host;
	if (unlikely(!tlb_read(c, sp, (unsigned)bits / 8, &host)))
		return slow(c, i);
	c->regs[RSP] = (sp + (unsigned)bits / 8 + extra) & c->lin_mask;
	return go_counted(c, i, bits, -(bits / 8 + (int)extra), host_load(bits, host));
}
#define CALLS(bits) \
	HANDLER(call_j##bits)     { return call_direct(c, i, bits); } \
	HANDLER(call_j##bits##_s) { return call_direct_flat(c, i, bits, op_call_j##bits); } \
	HANDLER(call_e##bits##_r) { return call_to(c, i, bits, get_reg(c, bits, i->rm)); } \
	HANDLER(call_e##bits##_m) { return call_mem(c, i, bits); } \
	HANDLER(call_e##bits##_s) { return call_flat(c, i, bits, get_reg(c, bits, i->rm), op_call_e##bits##_r); } \
	HANDLER(call_e##bits##_f) { return call_mem_flat(c, i, bits, op_call_e##bits##_m); } \
	HANDLER(jmp_e##bits##_r)  { return go_counted(c, i, bits, 0, get_reg(c, bits, i->rm)); } \
	HANDLER(jmp_e##bits##_m)  { return jump_mem(c, i, bits); } \
	HANDLER(jmp_e##bits##_f)  { return jump_mem_fast(c, i, bits, op_jmp_e##bits##_m); } \
	HANDLER(ret##bits)        { return ret(c, i, bits, 0); } \
	HANDLER(ret##bits##_s)    { return ret_flat(c, i, bits, 0, op_ret##bits); } \
	HANDLER(ret_i##bits)      { return ret(c, i, bits, (uint16_t)i->imm); } \
	HANDLER(ret_i##bits##_s)  { return ret_flat(c, i, bits, (uint16_t)i->imm, op_ret_i##bits); }
CALLS(16) CALLS(32) CALLS(64)

/* ---- the rest ------------------------------------------------------------------------------------------------------------------------- */

/* BOUND: signed index in G between the pair in memory. */
INLINE const struct insn *bound(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t lin, lo, hi;
	unsigned size = (unsigned)bits / 8, up = 64 - (unsigned)bits;
	TRY(c, i, ea_linear(c, i, 2 * size, MEM_R, &lin));
	TRY(c, i, mem_load(c, i, bits, lin, &lo) && mem_load(c, i, bits, (lin + size) & c->lin_mask, &hi));
	int64_t v = (int64_t)(c->regs[i->reg] << up);
	if (v < (int64_t)(lo << up) || v > (int64_t)(hi << up))
		RAISE(c, i, EXC_BR);
	NEXT(c, i);
}
HANDLER(bound16) { return bound(c, i, 16); }
HANDLER(bound32) { return bound(c, i, 32); }
HANDLER(bound64) { RAISE(c, i, EXC_UD); }

HANDLER(nop)       { NEXT_FAST(c, i); }

/* Who waits for another CPU lets it have its turn where all are in one thread, and after a while (some 20 us) where they are not: the other
 * one's thread may be waiting for this very core. */
HANDLER(pause)
{
	enum { PAUSES = 512 };
	if (unlikely(++c->pauses % PAUSES == 0))
		sched_yield();
	if (likely(!atomic_load_explicit(&c->attention, memory_order_relaxed)))
		NEXT_FAST(c, i);
	counted_yield(c);
	return leave_next(c, i);
}
HANDLER(undefined) { RAISE(c, i, EXC_UD); }
HANDLER(no_device) { RAISE(c, i, EXC_NM); }
HANDLER(too_long)  { RAISE_ERR(c, i, EXC_GP, 0); }
