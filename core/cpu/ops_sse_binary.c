/* ops_sse_binary.c - the regular SSE operations, d = d op s, integer and floating point.  Ref: SDM 1 ch. 10-12, SDM 2.
 *
 * Each has a fast handler for operands that are plainly there, and a slow one for all cases. */
#include "core/cpu/ops.h"
#include "core/cpu/vec_ops.h"

static __attribute__((noinline, cold)) const struct insn *int_slow(struct cpu *c, const struct insn *i, vec_fn fn, unsigned size)
{
	__m128i s;
	TRY(c, i, vec_src(c, i, size, &s));
	xmm_set(c, i->reg, fn(xmm_get(c, i->reg), s));
	NEXT(c, i);
}
static __attribute__((noinline, cold)) const struct insn *fp_slow(struct cpu *c, const struct insn *i, vec_fn fn, unsigned size)
{
	__m128i s, d = xmm_get(c, i->reg);
	TRY(c, i, vec_src(c, i, size, &s));
	TRY(c, i, vec_fp_run(c, fn, &d, s));
	xmm_set(c, i->reg, d);
	NEXT(c, i);
}

#define EITHER(op, size, slow, can) \
	const struct insn *op_sse_##op(struct cpu *c, const struct insn *i) \
	{ \
		__m128i s; \
		if (unlikely(!(can))) \
			return slow(c, i, vec_##op, size); \
		if (i->rm != RM_MEM) { \
			s = xmm_get(c, i->rm); \
		} else { \
			uintptr_t h = vec_easy(c, i, size, size == 16, false); \
			if (unlikely(!h)) \
				return slow(c, i, vec_##op, size); \
			s = vec_host_load(h, size); \
		} \
		xmm_set(c, i->reg, vec_##op(xmm_get(c, i->reg), s)); \
		NEXT_FAST(c, i); \
	}
#define INT_SIZED(op, size) EITHER(op, size, int_slow, true)
#define INT_16(op) INT_SIZED(op, 16)
#define FP_SIZED(op, size) EITHER(op, size, fp_slow, c->fp_live & FP_LIVE_MXCSR)
#define FP_16(op) FP_SIZED(op, 16)
VEC_INT_BINARY(INT_16)
VEC_SHIFT(INT_16)
VEC_INT_UNARY(INT_16)
VEC_WIDEN(INT_SIZED)
VEC_FP_BINARY(FP_16)
VEC_FP_UNARY(FP_16)
VEC_FP_SCALAR(FP_SIZED)
VEC_FP_WIDEN(FP_SIZED)
VEC_FP_NARROW(FP_16)
