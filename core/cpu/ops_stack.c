/* ops_stack.c - push, pop, pusha, popa, pushf, popf, enter, leave.
 *
 * The S forms run with a flat stack: SS.base 0, no limit, stack pointer as wide as linear addresses.  Ref: SDM 2; SDM 1, 6.2. */
#include "core/cpu/ops_int.h"

INLINE bool push_fast(struct cpu *c, int bits, uint64_t v)
{
	uint64_t sp = (c->regs[RSP] - (unsigned)bits / 8) & c->lin_mask;
	uintptr_t host;
	if (unlikely(!tlb_write(c, sp, (unsigned)bits / 8, &host)))
		return false;
	host_store(bits, host, v);
	c->regs[RSP] = sp;
	return true;
}
INLINE bool pop_fast(struct cpu *c, int bits, uint64_t *v)
{
	uint64_t sp = c->regs[RSP] & c->lin_mask;
	uintptr_t host;
	if (unlikely(!tlb_read(c, sp, (unsigned)bits / 8, &host)))
		return false;
	*v = host_load(bits, host);
	c->regs[RSP] = (sp + (unsigned)bits / 8) & c->lin_mask;
	return true;
}

#define PUSH(n, bits, v) \
	HANDLER(n##bits) { TRY(c, i, stack_push(c, i, bits / 8, v)); NEXT(c, i); } \
	HANDLER(n##bits##_s) { if (unlikely(!push_fast(c, bits, v))) return op_##n##bits(c, i); NEXT_FAST(c, i); }
PUSH(push_z, 16, get_reg(c, 16, i->rm)) PUSH(push_z, 32, get_reg(c, 32, i->rm)) PUSH(push_z, 64, get_reg(c, 64, i->rm))
PUSH(push_i, 16, S_IMM(16)) PUSH(push_i, 32, S_IMM(32)) PUSH(push_i, 64, S_IMM(64))

/* POP rSP: the popped value wins over the increment. */
#define POP_Z(bits) \
	HANDLER(pop_z##bits) { uint64_t v; TRY(c, i, stack_pop(c, i, bits / 8, &v)); set_reg(c, bits, i->rm, v); NEXT(c, i); } \
	HANDLER(pop_z##bits##_s) { uint64_t v; if (unlikely(!pop_fast(c, bits, &v))) return op_pop_z##bits(c, i); \
		set_reg(c, bits, i->rm, v); NEXT_FAST(c, i); }
POP_Z(16) POP_Z(32) POP_Z(64)

INLINE const struct insn *push_mem(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t v;
	TRY(c, i, load_operand(c, i, bits, &v));
	TRY(c, i, stack_push(c, i, (unsigned)bits / 8, v));
	NEXT(c, i);
}
INLINE const struct insn *push_mem_fast(struct cpu *c, const struct insn *i, int bits, op_fn slow)
{
	uintptr_t host;
	if (unlikely(!tlb_read(c, ea_fast(c, i), (unsigned)bits / 8, &host)) || unlikely(!push_fast(c, bits, host_load(bits, host))))
		return slow(c, i);
	NEXT_FAST(c, i);
}
#define PUSH_E(bits) \
	HANDLER(push_e##bits##_r) { return op_push_z##bits(c, i); } \
	HANDLER(push_e##bits##_s) { return op_push_z##bits##_s(c, i); } \
	HANDLER(push_e##bits##_m) { return push_mem(c, i, bits); } \
	HANDLER(push_e##bits##_f) { return push_mem_fast(c, i, bits, op_push_e##bits##_m); }
PUSH_E(16) PUSH_E(32) PUSH_E(64)

/* POP to memory computes its address with the stack pointer already incremented (SDM 2: POP). */
INLINE const struct insn *pop_mem(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t v, sp = c->regs[RSP];
	TRY(c, i, stack_pop(c, i, (unsigned)bits / 8, &v));
	if (unlikely(!store_operand(c, i, bits, v))) {
		c->regs[RSP] = sp;
		FAULT(c, i);
	}
	NEXT(c, i);
}
HANDLER(pop_e16_m) { return pop_mem(c, i, 16); }
HANDLER(pop_e32_m) { return pop_mem(c, i, 32); }
HANDLER(pop_e64_m) { return pop_mem(c, i, 64); }
HANDLER(pop_e16_r) { return op_pop_z16(c, i); }
HANDLER(pop_e32_r) { return op_pop_z32(c, i); }
HANDLER(pop_e64_r) { return op_pop_z64(c, i); }

/* ---- all registers ----------------------------------------------------------------------------------------------------------------- */

INLINE const struct insn *push_all(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t sp = c->regs[RSP];
	for (unsigned n = 0; n < 8; n++) {
		if (unlikely(!stack_push(c, i, (unsigned)bits / 8, n == RSP ? sp : c->regs[n]))) {
			c->regs[RSP] = sp;
			FAULT(c, i);
		}
	}
	NEXT(c, i);
}
INLINE const struct insn *pop_all(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t sp = c->regs[RSP], v[8];
	for (int n = 7; n >= 0; n--) {
		if (unlikely(!stack_pop(c, i, (unsigned)bits / 8, &v[n]))) {
			c->regs[RSP] = sp;
			FAULT(c, i);
		}
	}
	for (unsigned n = 0; n < 8; n++)
		if (n != RSP)
			set_reg(c, bits, n, v[n]);
	NEXT(c, i);
}
HANDLER(pusha16) { return push_all(c, i, 16); }
HANDLER(pusha32) { return push_all(c, i, 32); }
HANDLER(pusha64) { RAISE(c, i, EXC_UD); }
HANDLER(popa16)  { return pop_all(c, i, 16); }
HANDLER(popa32)  { return pop_all(c, i, 32); }
HANDLER(popa64)  { RAISE(c, i, EXC_UD); }

/* ---- flags -------------------------------------------------------------------------------------------------------------------------- */

static unsigned iopl(const struct cpu *c) { return (c->eflags_sys & FL_IOPL) >> 12; }

/* Virtual-8086 mode with IOPL < 3: #GP, unless CR4.VME virtualises the 16-bit forms: VIF stands for IF (SDM 3, 20.3). */
static COLD const struct insn *pushf_v86(struct cpu *c, const struct insn *i, int bits)
{
	if (!(c->cr4 & CR4_VME) || bits != 16)
		RAISE_ERR(c, i, EXC_GP, 0);
	uint32_t f = cpu_get_eflags(c) & ~(uint32_t)FL_IF;
	f |= FL_IOPL | (f & FL_VIF ? FL_IF : 0);
	TRY(c, i, stack_push(c, i, 2, f));
	NEXT(c, i);
}
INLINE const struct insn *push_flags(struct cpu *c, const struct insn *i, int bits)
{
	if (unlikely((c->eflags_sys & FL_VM) && iopl(c) < 3))
		return pushf_v86(c, i, bits);
	TRY(c, i, stack_push(c, i, (unsigned)bits / 8, cpu_get_eflags(c) & ~(uint32_t)(FL_VM | FL_RF)));
	NEXT(c, i);
}
HANDLER(pushf16) { return push_flags(c, i, 16); }
HANDLER(pushf32) { return push_flags(c, i, 32); }
HANDLER(pushf64) { return push_flags(c, i, 64); }

static COLD const struct insn *popf_v86(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t v, sp = c->regs[RSP];
	if (!(c->cr4 & CR4_VME) || bits != 16)
		RAISE_ERR(c, i, EXC_GP, 0);
	TRY(c, i, stack_pop(c, i, 2, &v));
	if ((v & FL_TF) || ((v & FL_IF) && (c->eflags_sys & FL_VIP))) {
		c->regs[RSP] = sp;
		RAISE_ERR(c, i, EXC_GP, 0);
	}
	uint32_t keep = 0xffff0000u | FL_IOPL | FL_IF;
	uint32_t f = (cpu_get_eflags(c) & keep & ~(uint32_t)FL_VIF) | ((uint32_t)v & ~keep & 0xffff) | (v & FL_IF ? FL_VIF : 0);
	cpu_set_eflags(c, f);
	LEAVE_NEXT(c, i);
}
INLINE const struct insn *pop_flags(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t v;
	if (unlikely((c->eflags_sys & FL_VM) && iopl(c) < 3))
		return popf_v86(c, i, bits);
	TRY(c, i, stack_pop(c, i, (unsigned)bits / 8, &v));
	uint32_t change = FL_ARITH | FL_TF | FL_DF | FL_NT | (bits == 16 ? 0u : (uint32_t)(FL_AC | FL_ID));
	if (c->cpl == 0)
		change |= FL_IOPL;
	if (c->cpl <= iopl(c))
		change |= FL_IF;
	uint32_t old = cpu_get_eflags(c), f = (old & ~change & ~(uint32_t)FL_RF) | ((uint32_t)v & change);
	if (likely(!((old ^ f) & ~(uint32_t)(FL_ARITH | FL_DF | FL_IF)) && !(f & FL_TF))) {
		/* Nothing that decoded code depends on: go on, unless an interrupt may be due now. */
		arith_set(c, f);
		c->df_step = f & FL_DF ? (uint64_t)-1 : 1;
		c->eflags_sys = (c->eflags_sys & ~(uint32_t)FL_IF) | (f & FL_IF);
		if (!(f & FL_IF) || !atomic_load_explicit(&c->exit_req, memory_order_relaxed)) {
			c->icount += i->idx + 1u;
			return engine_next(c, insn_next_rip(c, i));
		}
	} else {
		cpu_set_eflags(c, f);
	}
	LEAVE_NEXT(c, i);
}
HANDLER(popf16) { return pop_flags(c, i, 16); }
HANDLER(popf32) { return pop_flags(c, i, 32); }
HANDLER(popf64) { return pop_flags(c, i, 64); }

/* ---- frames ------------------------------------------------------------------------------------------------------------------------- */

/* Width of the stack pointer in bits. */
INLINE int stack_bits(const struct cpu *c) { return c->mode & M_CS64 ? 64 : c->mode & M_SS32 ? 32 : 16; }

/* Read at SS:off without moving the stack pointer: as a pop from there. */
static bool stack_peek(struct cpu *c, const struct insn *i, unsigned size, uint64_t off, uint64_t *v)
{
	uint64_t sp = c->regs[RSP];
	set_reg(c, stack_bits(c), RSP, off);
	bool ok = stack_pop(c, i, size, v);
	c->regs[RSP] = sp;
	return ok;
}
/* ENTER size, level: imm = size | level << 16 */
static const struct insn *enter_frame(struct cpu *c, const struct insn *i, int bits)
{
	unsigned level = (unsigned)(i->imm >> 16) & 31, size = (unsigned)bits / 8;
	uint64_t sp = c->regs[RSP], bp = c->regs[RBP], v;
	if (!stack_push(c, i, size, get_reg(c, bits, RBP)))
		FAULT(c, i);
	uint64_t frame = c->regs[RSP];
	for (unsigned n = 1; n < level; n++) {
		bp -= size;
		if (!stack_peek(c, i, size, bp, &v) || !stack_push(c, i, size, v))
			goto fault;
	}
	if (level && !stack_push(c, i, size, frame))
		goto fault;
	/* The new top of the stack must be writable. */
	uint64_t top = (c->regs[RSP] - (uint16_t)i->imm) & width_mask(stack_bits(c)), lin;
	c->cur = i;
	if (!seg_check(c, i, SEG_SS, top, size, MEM_W, &lin) || !mmu_probe(c, lin, size, MEM_W))
		goto fault;
	set_reg(c, bits, RBP, frame);
	set_reg(c, stack_bits(c), RSP, top);
	NEXT(c, i);
fault:
	c->regs[RSP] = sp;
	FAULT(c, i);
}
HANDLER(enter16) { return enter_frame(c, i, 16); }
HANDLER(enter32) { return enter_frame(c, i, 32); }
HANDLER(enter64) { return enter_frame(c, i, 64); }

INLINE const struct insn *leave_frame(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t v, sp = c->regs[RSP];
	set_reg(c, stack_bits(c), RSP, c->regs[RBP]);
	if (unlikely(!stack_pop(c, i, (unsigned)bits / 8, &v))) {
		c->regs[RSP] = sp;
		FAULT(c, i);
	}
	set_reg(c, bits, RBP, v);
	NEXT(c, i);
}
INLINE const struct insn *leave_fast(struct cpu *c, const struct insn *i, int bits, op_fn slow)
{
	uint64_t sp = c->regs[RBP] & c->lin_mask;
	uintptr_t host;
	if (unlikely(!tlb_read(c, sp, (unsigned)bits / 8, &host)))
		return slow(c, i);
	set_reg(c, bits, RBP, host_load(bits, host));
	c->regs[RSP] = (sp + (unsigned)bits / 8) & c->lin_mask;
	NEXT_FAST(c, i);
}
#define LEAVE(bits) \
	HANDLER(leave##bits) { return leave_frame(c, i, bits); } \
	HANDLER(leave##bits##_s) { return leave_fast(c, i, bits, op_leave##bits); }
LEAVE(16) LEAVE(32) LEAVE(64)
