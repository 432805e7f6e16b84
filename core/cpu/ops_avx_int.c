/* ops_avx_int.c - AVX and AVX2 integer and bitwise operations, lane by lane.  Ref: SDM 1 ch. 14, SDM 2. */
#include "core/cpu/ops.h"
#include "core/cpu/vec_ops.h"

/* d = v op s in one or both lanes. */
static inline const struct insn *binary(struct cpu *c, const struct insn *i, vec_fn fn)
{
	unsigned v = vex_v(i);
	struct vec2 s;
	if (vex_256(i)) {
		TRY(c, i, vec_src2(c, i, &s));
		ymm_set(c, i->reg, (struct vec2){ fn(xmm_get(c, v), s.lo), fn(ymm_hi(c, v), s.hi) });
	} else {
		TRY(c, i, vec_src_u(c, i, 16, &s.lo));
		xmm_set_vex(c, i->reg, fn(xmm_get(c, v), s.lo));
	}
	NEXT(c, i);
}
/* d = op s */
static inline const struct insn *unary(struct cpu *c, const struct insn *i, vec_fn fn)
{
	struct vec2 s;
	if (vex_256(i)) {
		TRY(c, i, vec_src2(c, i, &s));
		ymm_set(c, i->reg, (struct vec2){ fn(s.lo, s.lo), fn(s.hi, s.hi) });
	} else {
		TRY(c, i, vec_src_u(c, i, 16, &s.lo));
		xmm_set_vex(c, i->reg, fn(s.lo, s.lo));
	}
	NEXT(c, i);
}
/* The count comes from 128 bits for both lanes. */
static inline const struct insn *shift(struct cpu *c, const struct insn *i, vec_fn fn)
{
	unsigned v = vex_v(i);
	__m128i n;
	TRY(c, i, vec_src_u(c, i, 16, &n));
	if (vex_256(i))
		ymm_set(c, i->reg, (struct vec2){ fn(xmm_get(c, v), n), fn(ymm_hi(c, v), n) });
	else
		xmm_set_vex(c, i->reg, fn(xmm_get(c, v), n));
	NEXT(c, i);
}
static inline const struct insn *shift_imm(struct cpu *c, const struct insn *i, vec_fn fn)
{
	__m128i n = _mm_cvtsi64_si128(vex_imm(i));
	if (vex_256(i))
		ymm_set(c, vex_v(i), (struct vec2){ fn(xmm_get(c, i->rm), n), fn(ymm_hi(c, i->rm), n) });
	else
		xmm_set_vex(c, vex_v(i), fn(xmm_get(c, i->rm), n));
	NEXT(c, i);
}
#define BINARY(op)    const struct insn *op_avx_##op(struct cpu *c, const struct insn *i) { return binary(c, i, vec_##op); }
#define UNARY(op)     const struct insn *op_avx_##op(struct cpu *c, const struct insn *i) { return unary(c, i, vec_##op); }
#define SHIFT(op)     const struct insn *op_avx_##op(struct cpu *c, const struct insn *i) { return shift(c, i, vec_##op); }
#define SHIFT_IMM(op) const struct insn *op_avx_##op##_imm(struct cpu *c, const struct insn *i) { return shift_imm(c, i, vec_##op); }
VEC_INT_BINARY(BINARY)
VEC_INT_UNARY(UNARY)
VEC_SHIFT(SHIFT)
VEC_SHIFT(SHIFT_IMM)

/* Byte shifts within lanes: the immediate as a PSHUFB pattern. */
static inline const struct insn *byte_shift(struct cpu *c, const struct insn *i, int direction)
{
	int n = vex_imm(i) > 16 ? 16 : (int)vex_imm(i);
	union xmm pattern;
	for (int k = 0; k < 16; k++) {
		int from = k + direction * n;
		pattern.u8[k] = from < 0 || from > 15 ? 0x80 : (uint8_t)from;
	}
	__m128i p = _mm_loadu_si128((const __m128i *)&pattern);
	__m128i lo = vec_pshufb(xmm_get(c, i->rm), p), hi = vec_pshufb(ymm_hi(c, i->rm), p);
	if (vex_256(i))
		ymm_set(c, vex_v(i), (struct vec2){ lo, hi });
	else
		xmm_set_vex(c, vex_v(i), lo);
	NEXT(c, i);
}
const struct insn *op_avx_pslldq_imm(struct cpu *c, const struct insn *i) { return byte_shift(c, i, -1); }
const struct insn *op_avx_psrldq_imm(struct cpu *c, const struct insn *i) { return byte_shift(c, i, 1); }

/* VPMOVSX, VPMOVZX: `size` source bytes for 128 bits of result. */
static inline const struct insn *widen(struct cpu *c, const struct insn *i, vec_fn fn, unsigned size)
{
	__m128i s;
	if (!vex_256(i)) {
		TRY(c, i, vec_src_u(c, i, size, &s));
		xmm_set_vex(c, i->reg, fn(s, s));
		NEXT(c, i);
	}
	TRY(c, i, vec_src_u(c, i, 2 * size, &s));
	__m128i next = size == 8 ? _mm_srli_si128(s, 8) : size == 4 ? _mm_srli_si128(s, 4) : _mm_srli_si128(s, 2);
	ymm_set(c, i->reg, (struct vec2){ fn(s, s), fn(next, next) });
	NEXT(c, i);
}
#define WIDEN(op, size) const struct insn *op_avx_##op(struct cpu *c, const struct insn *i) { return widen(c, i, vec_##op, size); }
VEC_WIDEN(WIDEN)

/* ---- with an immediate ----------------------------------------------------------------------------------------------------------------- */

/* Immediates of the two lanes differ where the manual spreads the bits over the elements of both. */
static inline const struct insn *binary_imm(struct cpu *c, const struct insn *i, vec_imm_fn fn, unsigned imm_hi)
{
	unsigned v = vex_v(i), imm = vex_imm(i);
	struct vec2 s;
	if (vex_256(i)) {
		TRY(c, i, vec_src2(c, i, &s));
		ymm_set(c, i->reg, (struct vec2){ fn(xmm_get(c, v), s.lo, imm), fn(ymm_hi(c, v), s.hi, imm_hi) });
	} else {
		TRY(c, i, vec_src_u(c, i, 16, &s.lo));
		xmm_set_vex(c, i->reg, fn(xmm_get(c, v), s.lo, imm));
	}
	NEXT(c, i);
}
#define BINARY_IMM(op, imm_hi) const struct insn *op_avx_##op(struct cpu *c, const struct insn *i) { return binary_imm(c, i, vec_##op, imm_hi); }
BINARY_IMM(palignr, vex_imm(i))
BINARY_IMM(pblendw, vex_imm(i))
BINARY_IMM(shufps, vex_imm(i))
BINARY_IMM(blendps, vex_imm(i) >> 4)
BINARY_IMM(blendpd, vex_imm(i) >> 2)
BINARY_IMM(shufpd, vex_imm(i) >> 2)
BINARY_IMM(mpsadbw, vex_imm(i) >> 3)

static inline const struct insn *unary_imm(struct cpu *c, const struct insn *i, vec_imm_fn fn)
{
	struct vec2 s;
	if (vex_256(i)) {
		TRY(c, i, vec_src2(c, i, &s));
		ymm_set(c, i->reg, (struct vec2){ fn(s.lo, s.lo, vex_imm(i)), fn(s.hi, s.hi, vex_imm(i)) });
	} else {
		TRY(c, i, vec_src_u(c, i, 16, &s.lo));
		xmm_set_vex(c, i->reg, fn(s.lo, s.lo, vex_imm(i)));
	}
	NEXT(c, i);
}
#define UNARY_IMM(op) const struct insn *op_avx_##op(struct cpu *c, const struct insn *i) { return unary_imm(c, i, vec_##op); }
VEC_IMM_UNARY(UNARY_IMM)

/* ---- one lane only --------------------------------------------------------------------------------------------------------------------- */

static __m128i phminposuw(__m128i d, __m128i s)
{
	__asm__("phminposuw %1, %0" : "=x"(d) : "x"(s));
	return d;
}
const struct insn *op_avx_phminposuw(struct cpu *c, const struct insn *i) { return unary(c, i, phminposuw); }
VEC_OP(aesenc) VEC_OP(aesenclast) VEC_OP(aesdec) VEC_OP(aesdeclast) VEC_OP(aesimc)
BINARY(aesenc)
BINARY(aesenclast)
BINARY(aesdec)
BINARY(aesdeclast)
UNARY(aesimc)
BINARY_IMM(pclmulqdq, 0)
UNARY_IMM(aeskeygenassist)

/* ---- variable blends, tests ------------------------------------------------------------------------------------------------------------- */

#define VEC_BLEND(op)                                                                                                                  \
	static inline __m128i vec_##op(__m128i d, __m128i s, __m128i m)                                                                 \
	{                                                                                                                              \
		register __m128i mask __asm__("xmm0") = m;                                                                             \
		__asm__(#op " %%xmm0, %1, %0" : "+x"(d) : "x"(s), "x"(mask));                                                          \
		return d;                                                                                                              \
	}                                                                                                                              \
	const struct insn *op_avx_##op(struct cpu *c, const struct insn *i)                                                             \
	{                                                                                                                              \
		unsigned v = vex_v(i), m = vex_imm(i) >> 4 & (c->mode & M_CS64 ? 15 : 7);                                              \
		struct vec2 s;                                                                                                         \
		if (vex_256(i)) {                                                                                                      \
			TRY(c, i, vec_src2(c, i, &s));                                                                                 \
			ymm_set(c, i->reg, (struct vec2){ vec_##op(xmm_get(c, v), s.lo, xmm_get(c, m)),                                \
							  vec_##op(ymm_hi(c, v), s.hi, ymm_hi(c, m)) });                               \
		} else {                                                                                                               \
			TRY(c, i, vec_src_u(c, i, 16, &s.lo));                                                                         \
			xmm_set_vex(c, i->reg, vec_##op(xmm_get(c, v), s.lo, xmm_get(c, m)));                                          \
		}                                                                                                                      \
		NEXT(c, i);                                                                                                            \
	}
VEC_BLEND(pblendvb)
VEC_BLEND(blendvps)
VEC_BLEND(blendvpd)

/* VPTEST and VTESTPx: ZF = no bit of `bits` in d & s, CF = none in s & ~d. */
static inline const struct insn *test(struct cpu *c, const struct insn *i, uint64_t bits)
{
	struct vec2 s = { _mm_setzero_si128(), _mm_setzero_si128() };
	struct vec2 d = ymm_get(c, i->reg);
	uint64_t both = 0, only_s = 0, a[4], b[4];
	if (vex_256(i))
		TRY(c, i, vec_src2(c, i, &s));
	else
		TRY(c, i, vec_src_u(c, i, 16, &s.lo));
	memcpy(a, &d, 32);
	memcpy(b, &s, 32);
	for (unsigned n = 0; n < (vex_256(i) ? 4 : 2); n++) {
		both |= a[n] & b[n] & bits;
		only_s |= ~a[n] & b[n] & bits;
	}
	arith_set(c, (both ? 0 : FL_ZF) | (only_s ? 0 : FL_CF));
	NEXT(c, i);
}
const struct insn *op_avx_ptest(struct cpu *c, const struct insn *i)  { return test(c, i, ~UINT64_C(0)); }
const struct insn *op_avx_testps(struct cpu *c, const struct insn *i) { return test(c, i, UINT64_C(0x8000000080000000)); }
const struct insn *op_avx_testpd(struct cpu *c, const struct insn *i) { return test(c, i, UINT64_C(0x8000000000000000)); }

/* ---- shifts by element (AVX2) ------------------------------------------------------------------------------------------------------------ */

static inline const struct insn *shift_each(struct cpu *c, const struct insn *i, unsigned bits, int kind)
{
	union ymm *d = &c->ymm[i->reg];
	union ymm a = c->ymm[vex_v(i)], r = { .u64 = { 0 } };
	struct vec2 s = { _mm_setzero_si128(), _mm_setzero_si128() };
	union ymm n;
	if (vex_256(i))
		TRY(c, i, vec_src2(c, i, &s));
	else
		TRY(c, i, vec_src_u(c, i, 16, &s.lo));
	memcpy(&n, &s, 32);
	for (unsigned k = 0; k < (vex_256(i) ? 256 : 128) / bits; k++) {
		if (bits == 64) {
			uint64_t v = a.u64[k], by = n.u64[k];
			r.u64[k] = by > 63 ? 0 : kind < 0 ? v << by : v >> by;
		} else {
			uint32_t v = a.x[k / 4].u32[k % 4], by = n.x[k / 4].u32[k % 4];
			r.x[k / 4].u32[k % 4] = kind == 2 ? (uint32_t)((int32_t)v >> (by > 31 ? 31 : by)) : by > 31 ? 0 : kind < 0 ? v << by : v >> by;
		}
	}
	*d = r;
	NEXT(c, i);
}
const struct insn *op_avx_psllvd(struct cpu *c, const struct insn *i) { return shift_each(c, i, 32, -1); }
const struct insn *op_avx_psllvq(struct cpu *c, const struct insn *i) { return shift_each(c, i, 64, -1); }
const struct insn *op_avx_psrlvd(struct cpu *c, const struct insn *i) { return shift_each(c, i, 32, 1); }
const struct insn *op_avx_psrlvq(struct cpu *c, const struct insn *i) { return shift_each(c, i, 64, 1); }
const struct insn *op_avx_psravd(struct cpu *c, const struct insn *i) { return shift_each(c, i, 32, 2); }
