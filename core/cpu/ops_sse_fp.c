/* ops_sse_fp.c - SSE floating-point arithmetic, comparisons and conversions.  Ref: SDM 1 ch. 10-12, appendix E; SDM 2. */
#include "core/cpu/ops.h"
#include "core/cpu/vec_ops.h"

static inline const struct insn *binary_imm(struct cpu *c, const struct insn *i, vec_imm_fn fn, unsigned size)
{
	__m128i s, d = xmm_get(c, i->reg);
	TRY(c, i, vec_src(c, i, size, &s));
	TRY(c, i, vec_fp_run_imm(c, fn, &d, s, (unsigned)i->imm));
	xmm_set(c, i->reg, d);
	NEXT(c, i);
}
#define BINARY_IMM(op, size) const struct insn *op_sse_##op(struct cpu *c, const struct insn *i) { return binary_imm(c, i, vec_##op, size); }
BINARY_IMM(cmpps, 16)
BINARY_IMM(cmppd, 16)
BINARY_IMM(cmpss, 4)
BINARY_IMM(cmpsd, 8)
BINARY_IMM(roundps, 16)
BINARY_IMM(roundpd, 16)
BINARY_IMM(roundss, 4)
BINARY_IMM(roundsd, 8)
BINARY_IMM(dpps, 16)
BINARY_IMM(dppd, 16)

/* COMISx: OF, SF and AF are cleared, and no flag changes when an unmasked exception stops it. */
#define COMPARE(op, size)                                                                                                              \
	const struct insn *op_sse_##op(struct cpu *c, const struct insn *i)                                                             \
	{                                                                                                                              \
		__m128i s;                                                                                                             \
		bool z, p, cy;                                                                                                         \
		TRY(c, i, vec_src_u(c, i, size, &s));                                                                                  \
		vec_fp_begin(c);                                                                                                       \
		__asm__ volatile(#op " %4, %3" : "=@ccz"(z), "=@ccp"(p), "=@ccc"(cy) : "x"(xmm_get(c, i->reg)), "x"(s));               \
		TRY(c, i, vec_fp_end(c));                                                                                              \
		arith_set(c, (z ? FL_ZF : 0) | (p ? FL_PF : 0) | (cy ? FL_CF : 0));                                                    \
		NEXT(c, i);                                                                                                            \
	}
COMPARE(comiss, 4)
COMPARE(comisd, 8)
COMPARE(ucomiss, 4)
COMPARE(ucomisd, 8)

/* ---- general registers ---------------------------------------------------------------------------------------------------------- */

/* XMM from a 32- or 64-bit integer. */
#define FROM_INT(op, asm_op, type)                                                                                                     \
	const struct insn *op_sse_##op(struct cpu *c, const struct insn *i)                                                             \
	{                                                                                                                              \
		__m128i d = xmm_get(c, i->reg);                                                                                        \
		type v = (type)c->regs[i->rm != RM_MEM ? i->rm : REG_ZERO];                                                            \
		uint64_t lin;                                                                                                          \
		if (i->rm == RM_MEM)                                                                                                   \
			TRY(c, i, ea_linear(c, i, sizeof(v), MEM_R, &lin) && mem_read_bytes(c, i, lin, &v, sizeof(v)));                \
		vec_fp_begin(c);                                                                                                       \
		__asm__ volatile(asm_op " %1, %0" : "+x"(d) : "r"(v));                                                                 \
		TRY(c, i, vec_fp_end(c));                                                                                              \
		xmm_set(c, i->reg, d);                                                                                                 \
		NEXT(c, i);                                                                                                            \
	}
FROM_INT(cvtsi2ss32, "cvtsi2ssl", uint32_t)
FROM_INT(cvtsi2ss64, "cvtsi2ssq", uint64_t)
FROM_INT(cvtsi2sd32, "cvtsi2sdl", uint32_t)
FROM_INT(cvtsi2sd64, "cvtsi2sdq", uint64_t)

/* A 32- or 64-bit integer from XMM; also used by the VEX forms. */
#define TO_INT(op, size, type, reg_t)                                                                                                  \
	const struct insn *op_sse_##op(struct cpu *c, const struct insn *i)                                                             \
	{                                                                                                                              \
		__m128i s;                                                                                                             \
		type v;                                                                                                                \
		TRY(c, i, vec_src_u(c, i, size, &s));                                                                                  \
		vec_fp_begin(c);                                                                                                       \
		__asm__ volatile(reg_t " %1, %0" : "=r"(v) : "x"(s));                                                                  \
		TRY(c, i, vec_fp_end(c));                                                                                              \
		c->regs[i->reg] = v;                                                                                                   \
		NEXT(c, i);                                                                                                            \
	}
TO_INT(cvtss2si32, 4, uint32_t, "cvtss2si")
TO_INT(cvtss2si64, 4, uint64_t, "cvtss2si")
TO_INT(cvtsd2si32, 8, uint32_t, "cvtsd2si")
TO_INT(cvtsd2si64, 8, uint64_t, "cvtsd2si")
TO_INT(cvttss2si32, 4, uint32_t, "cvttss2si")
TO_INT(cvttss2si64, 4, uint64_t, "cvttss2si")
TO_INT(cvttsd2si32, 8, uint32_t, "cvttsd2si")
TO_INT(cvttsd2si64, 8, uint64_t, "cvttsd2si")
