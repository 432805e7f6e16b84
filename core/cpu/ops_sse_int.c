/* ops_sse_int.c - SSE2 to SSE4.1 integer and bitwise operations on XMM registers.  Ref: SDM 1 ch. 11-12, SDM 2. */
#include "core/cpu/ops.h"
#include "core/cpu/vec_ops.h"

static inline const struct insn *binary(struct cpu *c, const struct insn *i, vec_fn fn, unsigned size)
{
	__m128i s;
	TRY(c, i, vec_src(c, i, size, &s));
	xmm_set(c, i->reg, fn(xmm_get(c, i->reg), s));
	NEXT(c, i);
}
static __m128i phminposuw(__m128i d, __m128i s)
{
	__asm__("phminposuw %1, %0" : "=x"(d) : "x"(s));
	return d;
}
const struct insn *op_sse_phminposuw(struct cpu *c, const struct insn *i) { return binary(c, i, phminposuw, 16); }

/* ---- with an immediate ---------------------------------------------------------------------------------------------------------- */

static inline const struct insn *binary_imm(struct cpu *c, const struct insn *i, vec_imm_fn fn)
{
	__m128i s;
	TRY(c, i, vec_src(c, i, 16, &s));
	xmm_set(c, i->reg, fn(xmm_get(c, i->reg), s, (unsigned)i->imm));
	NEXT(c, i);
}
#define BINARY_IMM(op) const struct insn *op_sse_##op(struct cpu *c, const struct insn *i) { return binary_imm(c, i, vec_##op); }
VEC_IMM_BINARY(BINARY_IMM)
VEC_IMM_UNARY(BINARY_IMM)

/* Shifts of the register in rm: the count of 64 bits that the register form takes. */
static inline const struct insn *shift_imm(struct cpu *c, const struct insn *i, vec_fn fn)
{
	xmm_set(c, i->rm, fn(xmm_get(c, i->rm), _mm_cvtsi64_si128(i->imm & 0xff)));
	NEXT(c, i);
}
#define SHIFT_IMM(op) const struct insn *op_sse_##op##_imm(struct cpu *c, const struct insn *i) { return shift_imm(c, i, vec_##op); }
VEC_SHIFT(SHIFT_IMM)

/* Byte shifts read a window of a value between zeros. */
const struct insn *op_sse_pslldq_imm(struct cpu *c, const struct insn *i)
{
	union xmm *x = &c->ymm[i->rm].x[0];
	unsigned n = i->imm & 0xff;
	uint8_t w[32] = { 0 };
	memcpy(w + 16, x, 16);
	memcpy(x, w + 16 - (n > 16 ? 16 : n), 16);
	NEXT(c, i);
}
const struct insn *op_sse_psrldq_imm(struct cpu *c, const struct insn *i)
{
	union xmm *x = &c->ymm[i->rm].x[0];
	unsigned n = i->imm & 0xff;
	uint8_t w[32] = { 0 };
	memcpy(w, x, 16);
	memcpy(x, w + (n > 16 ? 16 : n), 16);
	NEXT(c, i);
}

/* ---- blends with the mask in XMM0, PTEST ------------------------------------------------------------------------------------------ */

#define BLEND(op)                                                                                                                      \
	const struct insn *op_sse_##op(struct cpu *c, const struct insn *i)                                                             \
	{                                                                                                                              \
		__m128i s, d = xmm_get(c, i->reg);                                                                                     \
		register __m128i mask __asm__("xmm0");                            \
		TRY(c, i, vec_src(c, i, 16, &s));                                                                                      \
		mask = xmm_get(c, 0);                                                                                                  \
		__asm__(#op " %%xmm0, %1, %0" : "+x"(d) : "x"(s), "x"(mask));                                                          \
		xmm_set(c, i->reg, d);                                                                                                 \
		NEXT(c, i);                                                                                                            \
	}
BLEND(pblendvb)
BLEND(blendvps)
BLEND(blendvpd)

const struct insn *op_sse_ptest(struct cpu *c, const struct insn *i)
{
	__m128i s, d = xmm_get(c, i->reg);
	bool z, cy;
	TRY(c, i, vec_src(c, i, 16, &s));
	__asm__("ptest %3, %2" : "=@ccz"(z), "=@ccc"(cy) : "x"(d), "x"(s));
	arith_set(c, (z ? FL_ZF : 0) | (cy ? FL_CF : 0));
	NEXT(c, i);
}

/* ---- elements to and from general registers and memory ----------------------------------------------------------------------------- */

static inline void set_gpr(struct cpu *c, const struct insn *i, uint64_t v) { c->regs[i->reg] = v; }

const struct insn *op_sse_pmovmskb(struct cpu *c, const struct insn *i)
{
	set_gpr(c, i, (uint32_t)_mm_movemask_epi8(xmm_get(c, i->rm)));
	NEXT(c, i);
}
const struct insn *op_sse_movmskps(struct cpu *c, const struct insn *i)
{
	set_gpr(c, i, (uint32_t)_mm_movemask_ps((__m128)xmm_get(c, i->rm)));
	NEXT(c, i);
}
const struct insn *op_sse_movmskpd(struct cpu *c, const struct insn *i)
{
	set_gpr(c, i, (uint32_t)_mm_movemask_pd((__m128d)xmm_get(c, i->rm)));
	NEXT(c, i);
}
/* PEXTRW of SSE2: from an XMM register to a general register. */
const struct insn *op_sse_pextrw(struct cpu *c, const struct insn *i)
{
	set_gpr(c, i, c->ymm[i->rm].x[0].u16[i->imm & 7]);
	NEXT(c, i);
}
/* SSE4.1 extracts: XMM is reg; rm is a general register (zero-extended) or memory of the element's size. */
static inline const struct insn *extract(struct cpu *c, const struct insn *i, unsigned size)
{
	unsigned n = ((unsigned)i->imm & (16 / size - 1)) * size;
	uint64_t v = 0;
	memcpy(&v, &c->ymm[i->reg].x[0].u8[n], size);
	if (i->rm != RM_MEM)
		c->regs[i->rm] = v;
	else
		TRY(c, i, vec_store(c, i, size, false, &v));
	NEXT(c, i);
}
const struct insn *op_sse_extract8(struct cpu *c, const struct insn *i)  { return extract(c, i, 1); }
const struct insn *op_sse_extract16(struct cpu *c, const struct insn *i) { return extract(c, i, 2); }
const struct insn *op_sse_extract32(struct cpu *c, const struct insn *i) { return extract(c, i, 4); }
const struct insn *op_sse_extract64(struct cpu *c, const struct insn *i) { return extract(c, i, 8); }

static inline const struct insn *insert(struct cpu *c, const struct insn *i, unsigned size)
{
	unsigned n = ((unsigned)i->imm & (16 / size - 1)) * size;
	uint64_t v = c->regs[i->rm != RM_MEM ? i->rm : REG_ZERO];
	uint64_t lin;
	if (i->rm == RM_MEM)
		TRY(c, i, ea_linear(c, i, size, MEM_R, &lin) && mem_read_bytes(c, i, lin, &v, size));
	memcpy(&c->ymm[i->reg].x[0].u8[n], &v, size);
	NEXT(c, i);
}
const struct insn *op_sse_insert8(struct cpu *c, const struct insn *i)  { return insert(c, i, 1); }
const struct insn *op_sse_insert16(struct cpu *c, const struct insn *i) { return insert(c, i, 2); }
const struct insn *op_sse_insert32(struct cpu *c, const struct insn *i) { return insert(c, i, 4); }
const struct insn *op_sse_insert64(struct cpu *c, const struct insn *i) { return insert(c, i, 8); }

/* The memory form takes its one element whatever the source index says. */
const struct insn *op_sse_insertps(struct cpu *c, const struct insn *i)
{
	unsigned imm = (unsigned)i->imm & (i->rm == RM_MEM ? 0x3f : 0xff);
	__m128i s;
	TRY(c, i, vec_src(c, i, 4, &s));
	xmm_set(c, i->reg, vec_insertps(xmm_get(c, i->reg), s, imm));
	NEXT(c, i);
}
