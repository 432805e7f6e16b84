/* ops_crypto.c - AES-NI, PCLMULQDQ and SHA on the host's units; CPUID offers them only where the host has them.
 * Ref: SDM 1 ch. 12.13, SDM 2. */
#include "core/cpu/ops.h"
#include "core/cpu/vec.h"

static inline const struct insn *binary(struct cpu *c, const struct insn *i, vec_fn fn)
{
	__m128i s;
	TRY(c, i, vec_src(c, i, 16, &s));
	xmm_set(c, i->reg, fn(xmm_get(c, i->reg), s));
	NEXT(c, i);
}
#define BINARY(op) VEC_OP(op) const struct insn *op_sse_##op(struct cpu *c, const struct insn *i) { return binary(c, i, vec_##op); }
BINARY(aesenc)
BINARY(aesenclast)
BINARY(aesdec)
BINARY(aesdeclast)
BINARY(aesimc)

/* The SHA instructions do not ask for alignment. */
#define SHA(op) VEC_OP(op)                                                                                                             \
	const struct insn *op_sse_##op(struct cpu *c, const struct insn *i)                                                             \
	{                                                                                                                              \
		__m128i s;                                                                                                             \
		TRY(c, i, vec_src_u(c, i, 16, &s));                                                                                    \
		xmm_set(c, i->reg, vec_##op(xmm_get(c, i->reg), s));                                                                   \
		NEXT(c, i);                                                                                                            \
	}
SHA(sha1nexte)
SHA(sha1msg1)
SHA(sha1msg2)
SHA(sha256msg1)
SHA(sha256msg2)

#define BINARY_IMM(op, src)                                                                                                              \
	const struct insn *op_sse_##op(struct cpu *c, const struct insn *i)                                                             \
	{                                                                                                                              \
		__m128i s;                                                                                                             \
		TRY(c, i, src(c, i, 16, &s));                                                                                          \
		xmm_set(c, i->reg, vec_##op(xmm_get(c, i->reg), s, (unsigned)i->imm));                                                 \
		NEXT(c, i);                                                                                                            \
	}
BINARY_IMM(pclmulqdq, vec_src)
BINARY_IMM(aeskeygenassist, vec_src)
BINARY_IMM(sha1rnds4, vec_src_u)

/* SHA256RNDS2 has XMM0 as its third operand. */
const struct insn *op_sse_sha256rnds2(struct cpu *c, const struct insn *i)
{
	register __m128i wk __asm__("xmm0");
	__m128i s, d = xmm_get(c, i->reg);
	TRY(c, i, vec_src_u(c, i, 16, &s));
	wk = xmm_get(c, 0);
	__asm__("sha256rnds2 %%xmm0, %1, %0" : "+x"(d) : "x"(s), "x"(wk));
	xmm_set(c, i->reg, d);
	NEXT(c, i);
}
