/* ops_avx_fp.c - AVX floating point, FMA and F16C.  Ref: SDM 1 ch. 14, SDM 2. */
#include "core/cpu/fpstate.h"
#include "core/cpu/ops.h"
#include "core/cpu/vec_ops.h"

static inline bool run2(struct cpu *c, vec_fn fn, struct vec2 *d, const struct vec2 *s)
{
	if (unlikely(!(c->fp_live & FP_LIVE_MXCSR)))
		return vec_fp_slow2(c, fn, d, s);
	d->lo = fn(d->lo, s->lo);
	d->hi = fn(d->hi, s->hi);
	return true;
}

/* ---- arithmetic ------------------------------------------------------------------------------------------------------------------------ */

static inline const struct insn *binary(struct cpu *c, const struct insn *i, vec_fn fn)
{
	struct vec2 s, d = ymm_get(c, vex_v(i));
	if (vex_256(i)) {
		TRY(c, i, vec_src2(c, i, &s));
		TRY(c, i, run2(c, fn, &d, &s));
		ymm_set(c, i->reg, d);
	} else {
		TRY(c, i, vec_src_u(c, i, 16, &s.lo));
		TRY(c, i, vec_fp_run(c, fn, &d.lo, s.lo));
		xmm_set_vex(c, i->reg, d.lo);
	}
	NEXT(c, i);
}
static inline const struct insn *unary(struct cpu *c, const struct insn *i, vec_fn fn)
{
	struct vec2 s, d;
	if (vex_256(i)) {
		TRY(c, i, vec_src2(c, i, &s));
		d = s;
		TRY(c, i, run2(c, fn, &d, &s));
		ymm_set(c, i->reg, d);
	} else {
		TRY(c, i, vec_src_u(c, i, 16, &s.lo));
		d.lo = s.lo;
		TRY(c, i, vec_fp_run(c, fn, &d.lo, s.lo));
		xmm_set_vex(c, i->reg, d.lo);
	}
	NEXT(c, i);
}
/* The low element from v op s, the others of the lane from v. */
static inline const struct insn *scalar(struct cpu *c, const struct insn *i, vec_fn fn, unsigned size)
{
	__m128i s, d = xmm_get(c, vex_v(i));
	TRY(c, i, vec_src_u(c, i, size, &s));
	TRY(c, i, vec_fp_run(c, fn, &d, s));
	xmm_set_vex(c, i->reg, d);
	NEXT(c, i);
}
#define BINARY(op)       const struct insn *op_avx_##op(struct cpu *c, const struct insn *i) { return binary(c, i, vec_##op); }
#define UNARY(op)        const struct insn *op_avx_##op(struct cpu *c, const struct insn *i) { return unary(c, i, vec_##op); }
#define SCALAR(op, size) const struct insn *op_avx_##op(struct cpu *c, const struct insn *i) { return scalar(c, i, vec_##op, size); }
VEC_FP_BINARY(BINARY)
VEC_FP_UNARY(UNARY)
VEC_FP_SCALAR(SCALAR)

/* ---- conversions between sizes ------------------------------------------------------------------------------------------------------------ */

static inline const struct insn *widen(struct cpu *c, const struct insn *i, vec_fn fn)
{
	struct vec2 s, d;
	if (!vex_256(i)) {
		TRY(c, i, vec_src_u(c, i, 8, &s.lo));
		d.lo = s.lo;
		TRY(c, i, vec_fp_run(c, fn, &d.lo, s.lo));
		xmm_set_vex(c, i->reg, d.lo);
		NEXT(c, i);
	}
	TRY(c, i, vec_src_u(c, i, 16, &s.lo));
	s.hi = _mm_srli_si128(s.lo, 8);
	d = s;
	TRY(c, i, run2(c, fn, &d, &s));
	ymm_set(c, i->reg, d);
	NEXT(c, i);
}
static inline const struct insn *narrow(struct cpu *c, const struct insn *i, vec_fn fn)
{
	struct vec2 s, d;
	if (!vex_256(i))
		return unary(c, i, fn);
	TRY(c, i, vec_src2(c, i, &s));
	d = s;
	TRY(c, i, run2(c, fn, &d, &s));
	xmm_set_vex(c, i->reg, _mm_unpacklo_epi64(d.lo, d.hi));
	NEXT(c, i);
}
#define WIDEN(op, size) const struct insn *op_avx_##op(struct cpu *c, const struct insn *i) { return widen(c, i, vec_##op); }
#define NARROW(op)      const struct insn *op_avx_##op(struct cpu *c, const struct insn *i) { return narrow(c, i, vec_##op); }
VEC_FP_WIDEN(WIDEN)
VEC_FP_NARROW(NARROW)

#define FROM_INT(op, asm_op, type)                                                                                                     \
	const struct insn *op_avx_##op(struct cpu *c, const struct insn *i)                                                             \
	{                                                                                                                              \
		__m128i d = xmm_get(c, vex_v(i));                                                                                      \
		type v = (type)c->regs[i->rm != RM_MEM ? i->rm : REG_ZERO];                                                            \
		uint64_t lin;                                                                                                          \
		if (i->rm == RM_MEM)                                                                                                   \
			TRY(c, i, ea_linear(c, i, sizeof(v), MEM_R, &lin) && mem_read_bytes(c, i, lin, &v, sizeof(v)));                \
		vec_fp_begin(c);                                                                                                       \
		__asm__ volatile(asm_op " %1, %0" : "+x"(d) : "r"(v));                                                                 \
		TRY(c, i, vec_fp_end(c));                                                                                              \
		xmm_set_vex(c, i->reg, d);                                                                                             \
		NEXT(c, i);                                                                                                            \
	}
FROM_INT(cvtsi2ss32, "cvtsi2ssl", uint32_t)
FROM_INT(cvtsi2ss64, "cvtsi2ssq", uint64_t)
FROM_INT(cvtsi2sd32, "cvtsi2sdl", uint32_t)
FROM_INT(cvtsi2sd64, "cvtsi2sdq", uint64_t)

/* ---- with an immediate ----------------------------------------------------------------------------------- */

/* Only DPPS can underflow. */
static inline const struct insn *packed_imm(struct cpu *c, const struct insn *i, vec_imm_fn fn, bool one_source)
{
	struct vec2 s, d = ymm_get(c, vex_v(i));
	uint32_t saved, tiny = 0;
	bool wide = vex_256(i);
	if (wide)
		TRY(c, i, vec_src2(c, i, &s));
	else
		TRY(c, i, vec_src_u(c, i, 16, &s.lo));
	if (one_source)
		d = s;
	vec_fp_begin(c);
	struct vec2 r = { fn(d.lo, s.lo, vex_imm(i)), wide ? fn(d.hi, s.hi, vex_imm(i)) : _mm_setzero_si128() };
	if (unlikely(vec_fp_tiny_begin(c, &saved))) {
		fn(d.lo, s.lo, vex_imm(i));
		if (wide)
			fn(d.hi, s.hi, vex_imm(i));
		tiny = vec_fp_tiny_end(saved);
	}
	TRY(c, i, c->fp_live & FP_LIVE_MXCSR || vec_fp_collect(c, tiny));
	ymm_set(c, i->reg, r);
	NEXT(c, i);
}
static inline const struct insn *scalar_imm(struct cpu *c, const struct insn *i, vec_imm_fn fn, unsigned size)
{
	__m128i s, d = xmm_get(c, vex_v(i));
	TRY(c, i, vec_src_u(c, i, size, &s));
	vec_fp_begin(c);
	d = fn(d, s, vex_imm(i));
	TRY(c, i, vec_fp_end(c));
	xmm_set_vex(c, i->reg, d);
	NEXT(c, i);
}
const struct insn *op_avx_cmpps(struct cpu *c, const struct insn *i)   { return packed_imm(c, i, vec_vcmpps, false); }
const struct insn *op_avx_cmppd(struct cpu *c, const struct insn *i)   { return packed_imm(c, i, vec_vcmppd, false); }
const struct insn *op_avx_cmpss(struct cpu *c, const struct insn *i)   { return scalar_imm(c, i, vec_vcmpss, 4); }
const struct insn *op_avx_cmpsd(struct cpu *c, const struct insn *i)   { return scalar_imm(c, i, vec_vcmpsd, 8); }
const struct insn *op_avx_roundps(struct cpu *c, const struct insn *i) { return packed_imm(c, i, vec_roundps, true); }
const struct insn *op_avx_roundpd(struct cpu *c, const struct insn *i) { return packed_imm(c, i, vec_roundpd, true); }
const struct insn *op_avx_roundss(struct cpu *c, const struct insn *i) { return scalar_imm(c, i, vec_roundss, 4); }
const struct insn *op_avx_roundsd(struct cpu *c, const struct insn *i) { return scalar_imm(c, i, vec_roundsd, 8); }
const struct insn *op_avx_dpps(struct cpu *c, const struct insn *i)    { return packed_imm(c, i, vec_dpps, false); }
const struct insn *op_avx_dppd(struct cpu *c, const struct insn *i)    { return packed_imm(c, i, vec_dppd, false); }

/* ---- fused multiply-add ---------------------------------------------------------------------------------------------------------------------- */

typedef __m128i (*fma_fn)(__m128i d, __m128i v, __m128i s);

static inline const struct insn *fused(struct cpu *c, const struct insn *i, fma_fn fn, unsigned size)
{
	unsigned v = vex_v(i);
	struct vec2 s, d = ymm_get(c, i->reg);
	uint32_t saved, tiny = 0;
	bool wide = size == 16 && vex_256(i);
	if (wide)
		TRY(c, i, vec_src2(c, i, &s));
	else
		TRY(c, i, vec_src_u(c, i, size, &s.lo));
	vec_fp_begin(c);
	struct vec2 r = { fn(d.lo, xmm_get(c, v), s.lo), wide ? fn(d.hi, ymm_hi(c, v), s.hi) : _mm_setzero_si128() };
	if (unlikely(vec_fp_tiny_begin(c, &saved))) {
		fn(d.lo, xmm_get(c, v), s.lo);
		if (wide)
			fn(d.hi, ymm_hi(c, v), s.hi);
		tiny = vec_fp_tiny_end(saved);
	}
	TRY(c, i, c->fp_live & FP_LIVE_MXCSR || vec_fp_collect(c, tiny));
	ymm_set(c, i->reg, r);
	NEXT(c, i);
}
#define FMA(op, size)                                                                                                                  \
	static inline __m128i vec_##op(__m128i d, __m128i v, __m128i s)                                                                 \
	{                                                                                                                              \
		__asm__ volatile("v" #op " %2, %1, %0" : "+x"(d) : "x"(v), "x"(s));                                                    \
		return d;                                                                                                              \
	}                                                                                                                              \
	const struct insn *op_avx_##op(struct cpu *c, const struct insn *i) { return fused(c, i, vec_##op, size); }
#define FMA_PACKED(op) FMA(op##132ps, 16) FMA(op##132pd, 16) FMA(op##213ps, 16) FMA(op##213pd, 16) FMA(op##231ps, 16) FMA(op##231pd, 16)
#define FMA_ALL(op)    FMA_PACKED(op) FMA(op##132ss, 4) FMA(op##132sd, 8) FMA(op##213ss, 4) FMA(op##213sd, 8) FMA(op##231ss, 4) FMA(op##231sd, 8)
FMA_ALL(fmadd)
FMA_ALL(fmsub)
FMA_ALL(fnmadd)
FMA_ALL(fnmsub)
FMA_PACKED(fmaddsub)
FMA_PACKED(fmsubadd)

/* ---- half precision ---------------------------------------------------------------------------------------------------------------------------- */

static __m128i half_to_single(__m128i d, __m128i s)
{
	__asm__ volatile("vcvtph2ps %1, %0" : "=x"(d) : "x"(s));
	return d;
}
const struct insn *op_avx_cvtph2ps(struct cpu *c, const struct insn *i) { return widen(c, i, half_to_single); }

/* The rounding mode is in the immediate, bit 2: that of MXCSR. */
static __m128i single_to_half(__m128i s, unsigned imm)
{
	__m128i d;
	switch (imm & 7) {
	case 0:  __asm__ volatile("vcvtps2ph $0, %1, %0" : "=x"(d) : "x"(s)); break;
	case 1:  __asm__ volatile("vcvtps2ph $1, %1, %0" : "=x"(d) : "x"(s)); break;
	case 2:  __asm__ volatile("vcvtps2ph $2, %1, %0" : "=x"(d) : "x"(s)); break;
	case 3:  __asm__ volatile("vcvtps2ph $3, %1, %0" : "=x"(d) : "x"(s)); break;
	default: __asm__ volatile("vcvtps2ph $4, %1, %0" : "=x"(d) : "x"(s)); break;
	}
	return d;
}
/* MXCSR.FTZ does not reach this one: unmasked underflow shows as a denormal result. */
static uint32_t half_tiny(__m128i halves)
{
	uint16_t h[8];
	memcpy(h, &halves, 16);
	for (unsigned n = 0; n < 8; n++)
		if (!(h[n] & 0x7c00) && h[n] & 0x3ff)
			return MXCSR_UE;
	return 0;
}
const struct insn *op_avx_cvtps2ph(struct cpu *c, const struct insn *i)
{
	__m128i lo, hi;
	unsigned size = vex_256(i) ? 16 : 8;
	uint64_t lin;
	if (i->rm == RM_MEM) {                  /* faults of the store come before numeric ones */
		c->cur = i;
		TRY(c, i, ea_linear(c, i, size, MEM_W, &lin) && mmu_probe(c, lin, size, MEM_W));
	}
	vec_fp_begin(c);
	lo = single_to_half(xmm_get(c, i->reg), vex_imm(i));
	if (vex_256(i)) {
		hi = single_to_half(ymm_hi(c, i->reg), vex_imm(i));
		lo = _mm_unpacklo_epi64(lo, hi);
	}
	TRY(c, i, c->fp_live & FP_LIVE_MXCSR || vec_fp_collect(c, c->mxcsr & MXCSR_UM ? 0 : half_tiny(lo)));
	if (i->rm == RM_MEM)
		TRY(c, i, mem_write_bytes(c, i, lin, &lo, size));
	else
		xmm_set_vex(c, i->rm, lo);
	NEXT(c, i);
}
