/* exec.h - what instruction handlers are made of: control flow between handlers, operands, effective addresses.
 *
 * A handler:   const struct insn *op_foo(struct cpu *c, const struct insn *i) { ...; NEXT(c, i); }     (NEXT_FAST when it is hot)
 * Handlers of one family live in one ops_*.c and are declared by including opcodes.def (ops.h). */
#ifndef CORE_CPU_EXEC_H
#define CORE_CPU_EXEC_H
#include "core/cpu/cpu.h"
#include "core/cpu/mem.h"

/* NEXT returns the next instruction to the run loop, which calls its handler: right everywhere.
 * NEXT_FAST jumps to it in optimised builds, by a sibling call.  Only for handlers in which the compiler can make that call a jump:
 * no local whose address is passed to a function that is not inlined (then it would be a real call, and the stack would grow with
 * every instruction).  tests/lint/handlers.sh looks for such calls in the object code. */
#define NEXT(c, i) return (i) + 1
#if defined(__OPTIMIZE__) && !defined(VMUX_SANITIZED)
/* The empty asm puts the instruction into the register of the second argument before its handler is loaded: `jmp *(%rsi)`. */
#define CONTINUE(c, n) do { const struct insn *next_ = (n); asm("" : "+S" (next_)); return next_->fn((c), next_); } while (0)
#else
#define CONTINUE(c, n) return (n)
#endif
#define NEXT_FAST(c, i) CONTINUE(c, (i) + 1)
/* Leave the block because of a fault recorded by cpu_raise; rip stays on this instruction.  (x) is any call that returned false. */
#define FAULT(c, i) do { (c)->cur = (i); return NULL; } while (0)
#define TRY(c, i, x) do { if (unlikely(!(x))) FAULT(c, i); } while (0)
/* Leave the block after this instruction has completed, rip = the next instruction / rip already stored in c->rip by the handler.
 * Used by all instructions that may change the mode, the mappings or the interrupt state. */
const struct insn *leave_next(struct cpu *c, const struct insn *i);
const struct insn *leave_jump(struct cpu *c, const struct insn *i, uint64_t rip);
#define LEAVE_NEXT(c, i) return leave_next(c, i)
#define LEAVE_JUMP(c, i, rip) return leave_jump(c, i, rip)
#define RAISE(c, i, vec) do { (c)->cur = (i); cpu_raise((c), (vec)); return NULL; } while (0)
#define RAISE_ERR(c, i, vec, err) do { (c)->cur = (i); cpu_raise_err((c), (vec), (err)); return NULL; } while (0)

static inline uint64_t insn_rip(const struct cpu *c, const struct insn *i) { return c->regs[REG_BIP] + i->off; }
static inline uint64_t insn_next_rip(const struct cpu *c, const struct insn *i) { return c->regs[REG_BIP] + i->off + i->len; }

/* Offset part of the effective address, cut to the address size. */
static inline uint64_t ea_offset(const struct cpu *c, const struct insn *i)
{
	uint64_t a = c->regs[i->base] + (c->regs[i->index] << i->scale) + (uint64_t)(int64_t)i->disp;
	if (unlikely(i->flags & (I_A32 | I_A16)))
		a = i->flags & I_A32 ? (uint32_t)a : (uint16_t)a;
	return a;
}
/* Linear address of an easy memory operand (handler form F): flat or ignored segment limits, address size = that of the mode. */
static inline uint64_t ea_fast(const struct cpu *c, const struct insn *i)
{
	return (c->regs[i->base] + (c->regs[i->index] << i->scale) + (uint64_t)(int64_t)i->disp + c->seg[i->sg].base) & c->lin_mask;
}
/* Checks the access against segment sg (limit, rights, usable; canonical address in 64-bit mode) for I_SEGCHK instructions.
 * Raises #GP or #SS.  *lin gets the linear address. */
bool seg_check(struct cpu *c, const struct insn *i, unsigned sg, uint64_t off, unsigned size, unsigned access, uint64_t *lin);

/* Linear address of the memory operand.  False = fault recorded.  In 64-bit code non-canonical addresses are found by the MMU's
 * slow path (no TLB entry ever holds one), which raises #GP, or #SS when c->cur->sg is SEG_SS or SEG_NULL_SS. */
static inline bool ea_linear(struct cpu *c, const struct insn *i, unsigned size, unsigned access, uint64_t *lin)
{
	uint64_t off = ea_offset(c, i);
	if (unlikely(i->flags & I_SEGCHK))
		return seg_check(c, i, i->sg, off, size, access, lin);
	*lin = (c->seg[i->sg].base + off) & c->lin_mask;        /* sg = SEG_NULL where the mode ignores the base */
	return true;
}

/* Registers.  8-bit operands are byte offsets into regs (see struct insn); 32-bit writes clear the upper half. */
static inline uint8_t  *reg8(struct cpu *c, unsigned n)  { return (uint8_t *)c->regs + n; }
static inline uint16_t *reg16(struct cpu *c, unsigned n) { return (uint16_t *)&c->regs[n]; }
static inline uint32_t  reg32(const struct cpu *c, unsigned n) { return (uint32_t)c->regs[n]; }
static inline void set_reg32(struct cpu *c, unsigned n, uint32_t v) { c->regs[n] = v; }

/* Stack: push/pop of 2, 4 or 8 bytes with the stack pointer's size by mode; no register changes when they fault. */
bool stack_push(struct cpu *c, const struct insn *i, unsigned size, uint64_t v);
bool stack_pop(struct cpu *c, const struct insn *i, unsigned size, uint64_t *v);

/* Arithmetic flags as one FL_ARITH word. */
static inline uint32_t arith_get(const struct cpu *c) { return (uint32_t)((c->flags_ah & 0xd5) | (c->of ? FL_OF : 0)); }
static inline void arith_set(struct cpu *c, uint32_t f) { c->flags_ah = (uint8_t)((f & 0xd5) | 2); c->of = (f & FL_OF) != 0; }
#endif
