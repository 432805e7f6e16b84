/* x87.h - what the x87 and MMX families share: the register stack, exceptions, running an operation on the host's own FPU.
 *
 * Every operation runs on the host's x87 with the guest's rounding and precision control, so results are exact to the last of the
 * 80 bits.  Two ways, chosen by FP_LIVE_X87 (see fp.h):
 *   live      the guest masks all exceptions: the host's control word equals the guest's, flags collect in the host's status word
 *   not live  the guest unmasks some: the operation runs alone with the guest's control word; what would trap is seen in the status
 *             word and taken back (FNCLEX, FNINIT) before any waiting instruction
 * Ref: SDM 1 ch. 8. */
#ifndef CORE_CPU_X87_H
#define CORE_CPU_X87_H
#include "core/cpu/exec.h"
#include "core/cpu/fp.h"

enum { SW_IE = 1 << 0, SW_DE = 1 << 1, SW_ZE = 1 << 2, SW_OE = 1 << 3, SW_UE = 1 << 4, SW_PE = 1 << 5, SW_SF = 1 << 6, SW_ES = 1 << 7,
       SW_C0 = 1 << 8, SW_C1 = 1 << 9, SW_C2 = 1 << 10, SW_TOP = 7 << 11, SW_C3 = 1 << 14, SW_B = 1 << 15,
       SW_EXC = 0x3f, SW_CC = SW_C0 | SW_C1 | SW_C2 | SW_C3,
       CW_MASKS = 0x3f, CW_VALID = 0x1f3f, CW_ALWAYS = 0x40, CW_INIT = 0x37f };
#define X87_STACK "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)"

static inline struct fpreg *st(struct cpu *c, unsigned n) { return &c->fpu.fpr[(c->fpu.top + n) & 7]; }
static inline bool st_empty(const struct cpu *c, unsigned n) { return !(c->fpu.tag >> ((c->fpu.top + n) & 7) & 1); }
static inline void st_fill(struct cpu *c, unsigned n) { c->fpu.tag |= (uint8_t)(1u << ((c->fpu.top + n) & 7)); }
static inline void st_free(struct cpu *c, unsigned n) { c->fpu.tag &= (uint8_t)~(1u << ((c->fpu.top + n) & 7)); }
static inline void st_pop(struct cpu *c) { st_free(c, 0); c->fpu.top = (c->fpu.top + 1) & 7; }
static inline void st_push(struct cpu *c, const struct fpreg *v)
{
	c->fpu.top = (c->fpu.top - 1) & 7;
	*st(c, 0) = *v;
	st_fill(c, 0);
}
extern const struct fpreg x87_indefinite;       /* the real indefinite: a negative quiet NaN */

/* Start of a waiting instruction: reports a pending exception (#MF or FERR#), loads the control word.  False = leave. */
bool x87_prepare(struct cpu *c, const struct insn *i);
static inline bool x87_begin(struct cpu *c, const struct insn *i)
{
	return likely(c->fp_live & FP_LIVE_X87) || x87_prepare(c, i);
}
/* Only the report (MMX, WAIT).  No exception can be pending while the control word is live. */
bool x87_pending(struct cpu *c, const struct insn *i);
static inline bool x87_check(struct cpu *c, const struct insn *i) { return likely(!(c->fpu.sw & SW_ES)) || x87_pending(c, i); }

/* Exceptions `exc` (SW_IE...) happened; sets ES and FERR# when unmasked.  True = all of `veto` are masked. */
bool x87_signal(struct cpu *c, unsigned exc, unsigned veto);
/* After the control or status word changed: ES and B follow. */
void x87_update_es(struct cpu *c);

/* The host's status word `sw` after an operation: take its exceptions and the condition codes `cc`.
 * False = an unmasked exception of `veto` stops the result from being stored. */
enum { X87_PRE = SW_IE | SW_DE | SW_ZE, X87_ANY_STORE = SW_IE | SW_OE | SW_UE };
static inline bool x87_commit(struct cpu *c, uint16_t sw, unsigned cc, unsigned veto)
{
	c->fpu.sw = (uint16_t)((c->fpu.sw & ~cc) | (sw & cc));
	if (likely(c->fp_live & FP_LIVE_X87)) {
		c->fpu.sw |= sw & SW_EXC;
		return true;
	}
	return x87_signal(c, sw & SW_EXC, veto);
}
/* Stack underflow or overflow (C1).  True = masked: the caller goes on with x87_indefinite. */
static inline bool x87_stack_fault(struct cpu *c, bool overflow)
{
	c->fpu.sw = (uint16_t)((c->fpu.sw & ~SW_C1) | SW_SF | (overflow ? SW_C1 : 0));
	return x87_signal(c, SW_IE, SW_IE);
}

/* Record a non-control instruction for FSTENV; `mem`: it has a memory operand. */
static inline void x87_note(struct cpu *c, const struct insn *i)
{
	c->fpu.ip = insn_rip(c, i);
	c->fpu.ip_sel = c->seg[SEG_CS].sel;
	c->fpu.opcode = (uint16_t)i->imm & 0x7ff;
}
static inline void x87_note_mem(struct cpu *c, const struct insn *i)
{
	x87_note(c, i);
	c->fpu.dp = ea_offset(c, i);
	c->fpu.dp_sel = c->seg[i->sg].sel;
}

/* A function that runs OP on the host and returns its status word.  LOADS puts the operands on the host's stack, STORES takes the
 * results off.  Operands: %[a], %[b] sources, %[r], %[r2] results (addresses).
 * In the slow way FNCLEX and a masking control word precede the stores, since these wait for unmasked exceptions. */
#define X87_RUN(name, LOADS, OP, STORES)                                                                                               \
	static inline uint16_t name(const struct cpu *c, const void *a, const void *b, void *r, void *r2)                               \
	{                                                                                                                              \
		uint16_t sw;                                                                                                           \
		if (likely(c->fp_live & FP_LIVE_X87))                                                                                  \
			__asm__ volatile(LOADS OP "fnstsw %%ax\n\t" STORES                                                             \
					 : "=a"(sw) : [a] "r"(a), [b] "r"(b), [r] "r"(r), [r2] "r"(r2) : X87_STACK, "memory", "cc");   \
		else                                                                                                                   \
			__asm__ volatile("fninit\n\t" LOADS "fldcw %[cw]\n\t" OP "fnstsw %%ax\n\tfnclex\n\tfldcw %[init]\n\t"          \
					 STORES "fninit"                                                                               \
					 : "=a"(sw)                                                                                    \
					 : [a] "r"(a), [b] "r"(b), [r] "r"(r), [r2] "r"(r2), [cw] "m"(c->fpu.cw), [init] "m"(x87_cw_init) \
					 : X87_STACK, "memory", "cc");                                                                 \
		return sw;                                                                                                             \
	}
extern const uint16_t x87_cw_init;
#define LOAD_A  "fldt (%[a])\n\t"
#define LOAD_BA "fldt (%[b])\n\tfldt (%[a])\n\t"
#define STORE_R "fstpt (%[r])\n\t"
#define DROP    "fstp %%st(0)\n\t"
#endif
