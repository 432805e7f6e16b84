/* ops_mmx.c - MMX: 64-bit operations on the mantissas of the x87 registers.
 *
 * MMn is physical register n; every MMX instruction but EMMS sets TOP to 0 and all tags to valid, and a write sets the register's
 * exponent to ones.  Operations run as MMX on the host, with EMMS behind them.  Ref: SDM 1 ch. 9, SDM 3 ch. 12. */
#include "core/cpu/ops.h"
#include "core/cpu/vec.h"
#include "core/cpu/x87.h"

static inline uint64_t mm_get(const struct cpu *c, unsigned n) { return c->fpu.fpr[n].mant; }
static inline void mm_set(struct cpu *c, unsigned n, uint64_t v)
{
	c->fpu.fpr[n].mant = v;
	c->fpu.fpr[n].se = 0xffff;
}
static inline void mm_enter(struct cpu *c)
{
	c->fpu.top = 0;
	c->fpu.tag = 0xff;
}
/* Source operand Q: register or memory of `size` bytes. */
static inline bool mm_src(struct cpu *c, const struct insn *i, unsigned size, uint64_t *v)
{
	uint64_t lin;
	*v = 0;
	if (i->rm != RM_MEM) {
		*v = mm_get(c, i->rm);
		return true;
	}
	c->cur = i;
	return ea_linear(c, i, size, MEM_R, &lin) && mem_read_bytes(c, i, lin, v, size);
}
#define MM_CLOBBER "mm0", "mm1", X87_STACK

/* ---- d = d op s ----------------------------------------------------------------------------------------------------------------- */

typedef uint64_t (*mm_fn)(uint64_t d, uint64_t s);

static inline const struct insn *binary(struct cpu *c, const struct insn *i, mm_fn fn, unsigned size)
{
	uint64_t s;
	if (unlikely(!x87_check(c, i)))
		return NULL;
	TRY(c, i, mm_src(c, i, size, &s));
	mm_enter(c);
	mm_set(c, i->reg, fn(mm_get(c, i->reg), s));
	NEXT(c, i);
}
#define MM_OP(op)                                                                                                                      \
	static inline uint64_t mm_##op(uint64_t d, uint64_t s)                                                                          \
	{                                                                                                                              \
		__asm__ volatile("movq %0, %%mm0\n\tmovq %1, %%mm1\n\t" #op " %%mm1, %%mm0\n\tmovq %%mm0, %0\n\temms"                   \
				 : "+r"(d) : "r"(s) : MM_CLOBBER);                                                                     \
		return d;                                                                                                              \
	}
#define BINARY(op) MM_OP(op) const struct insn *op_mmx_##op(struct cpu *c, const struct insn *i) { return binary(c, i, mm_##op, 8); }
#define LOW(op)    MM_OP(op) const struct insn *op_mmx_##op(struct cpu *c, const struct insn *i) { return binary(c, i, mm_##op, 4); }
#define SHIFT(op)  BINARY(op)                                                                                                          \
	const struct insn *op_mmx_##op##_imm(struct cpu *c, const struct insn *i)                                                       \
	{                                                                                                                              \
		if (unlikely(!x87_check(c, i)))                                                                                        \
			return NULL;                                                                                                   \
		mm_enter(c);                                                                                                           \
		mm_set(c, i->rm, mm_##op(mm_get(c, i->rm), (uint8_t)i->imm));                                                          \
		NEXT(c, i);                                                                                                            \
	}
LOW(punpcklbw) LOW(punpcklwd) LOW(punpckldq)
BINARY(punpckhbw) BINARY(punpckhwd) BINARY(punpckhdq) BINARY(packsswb) BINARY(packssdw) BINARY(packuswb)
BINARY(pcmpgtb) BINARY(pcmpgtw) BINARY(pcmpgtd) BINARY(pcmpeqb) BINARY(pcmpeqw) BINARY(pcmpeqd)
BINARY(paddb) BINARY(paddw) BINARY(paddd) BINARY(paddq) BINARY(psubb) BINARY(psubw) BINARY(psubd) BINARY(psubq)
BINARY(paddsb) BINARY(paddsw) BINARY(paddusb) BINARY(paddusw) BINARY(psubsb) BINARY(psubsw) BINARY(psubusb) BINARY(psubusw)
BINARY(pmullw) BINARY(pmulhw) BINARY(pmulhuw) BINARY(pmulhrsw) BINARY(pmuludq) BINARY(pmaddwd) BINARY(pmaddubsw)
BINARY(pminub) BINARY(pminsw) BINARY(pmaxub) BINARY(pmaxsw) BINARY(pavgb) BINARY(pavgw) BINARY(psadbw)
BINARY(pand) BINARY(pandn) BINARY(por) BINARY(pxor)
BINARY(pshufb) BINARY(phaddw) BINARY(phaddd) BINARY(phaddsw) BINARY(phsubw) BINARY(phsubd) BINARY(phsubsw)
BINARY(psignb) BINARY(psignw) BINARY(psignd) BINARY(pabsb) BINARY(pabsw) BINARY(pabsd)
SHIFT(psrlw) SHIFT(psrld) SHIFT(psrlq) SHIFT(psraw) SHIFT(psrad) SHIFT(psllw) SHIFT(pslld) SHIFT(psllq)

const struct insn *op_mmx_pshufw(struct cpu *c, const struct insn *i)
{
	uint64_t s, r = 0;
	if (unlikely(!x87_check(c, i)))
		return NULL;
	TRY(c, i, mm_src(c, i, 8, &s));
	for (unsigned n = 0; n < 4; n++)
		r |= (s >> 16 * (i->imm >> 2 * n & 3) & 0xffff) << 16 * n;
	mm_enter(c);
	mm_set(c, i->reg, r);
	NEXT(c, i);
}
/* 8 bytes of reg:rm starting imm bytes up, zeros beyond. */
const struct insn *op_mmx_palignr(struct cpu *c, const struct insn *i)
{
	uint8_t w[24] = { 0 };
	unsigned n = i->imm & 0xff;
	uint64_t s, r;
	if (unlikely(!x87_check(c, i)))
		return NULL;
	TRY(c, i, mm_src(c, i, 8, &s));
	mm_enter(c);
	r = mm_get(c, i->reg);
	memcpy(w, &s, 8);
	memcpy(w + 8, &r, 8);
	memcpy(&r, w + (n > 16 ? 16 : n), 8);
	mm_set(c, i->reg, r);
	NEXT(c, i);
}

/* ---- moves ------------------------------------------------------------------------------------------------------------------------ */

const struct insn *op_mmx_movq_pq(struct cpu *c, const struct insn *i)
{
	uint64_t s;
	if (unlikely(!x87_check(c, i)))
		return NULL;
	TRY(c, i, mm_src(c, i, 8, &s));
	mm_enter(c);
	mm_set(c, i->reg, s);
	NEXT(c, i);
}
const struct insn *op_mmx_movq_qp(struct cpu *c, const struct insn *i)
{
	uint64_t v = mm_get(c, i->reg);
	if (unlikely(!x87_check(c, i)))
		return NULL;
	if (i->rm == RM_MEM)
		TRY(c, i, vec_store(c, i, 8, false, &v));
	mm_enter(c);
	if (i->rm != RM_MEM)
		mm_set(c, i->rm, v);
	NEXT(c, i);
}
static inline const struct insn *from_gpr(struct cpu *c, const struct insn *i, unsigned size)
{
	uint64_t v = 0, lin;
	if (unlikely(!x87_check(c, i)))
		return NULL;
	if (i->rm != RM_MEM)
		v = size == 4 ? reg32(c, i->rm) : c->regs[i->rm];
	else
		TRY(c, i, ea_linear(c, i, size, MEM_R, &lin) && mem_read_bytes(c, i, lin, &v, size));
	mm_enter(c);
	mm_set(c, i->reg, v);
	NEXT(c, i);
}
static inline const struct insn *to_gpr(struct cpu *c, const struct insn *i, unsigned size)
{
	uint64_t v = mm_get(c, i->reg);
	if (unlikely(!x87_check(c, i)))
		return NULL;
	if (i->rm != RM_MEM)
		c->regs[i->rm] = size == 4 ? (uint32_t)v : v;
	else
		TRY(c, i, vec_store(c, i, size, false, &v));
	mm_enter(c);
	NEXT(c, i);
}
const struct insn *op_mmx_from_gpr32(struct cpu *c, const struct insn *i) { return from_gpr(c, i, 4); }
const struct insn *op_mmx_from_gpr64(struct cpu *c, const struct insn *i) { return from_gpr(c, i, 8); }
const struct insn *op_mmx_to_gpr32(struct cpu *c, const struct insn *i)   { return to_gpr(c, i, 4); }
const struct insn *op_mmx_to_gpr64(struct cpu *c, const struct insn *i)   { return to_gpr(c, i, 8); }

const struct insn *op_mmx_movq2dq(struct cpu *c, const struct insn *i)
{
	if (unlikely(!x87_check(c, i)))
		return NULL;
	mm_enter(c);
	xmm_set(c, i->reg, _mm_cvtsi64_si128((int64_t)mm_get(c, i->rm)));
	NEXT(c, i);
}
const struct insn *op_mmx_movdq2q(struct cpu *c, const struct insn *i)
{
	if (unlikely(!x87_check(c, i)))
		return NULL;
	mm_enter(c);
	mm_set(c, i->reg, c->ymm[i->rm].u64[0]);
	NEXT(c, i);
}
const struct insn *op_mmx_pmovmskb(struct cpu *c, const struct insn *i)
{
	if (unlikely(!x87_check(c, i)))
		return NULL;
	mm_enter(c);
	c->regs[i->reg] = (uint32_t)_mm_movemask_epi8(_mm_cvtsi64_si128((int64_t)mm_get(c, i->rm)));
	NEXT(c, i);
}
const struct insn *op_mmx_pextrw(struct cpu *c, const struct insn *i)
{
	if (unlikely(!x87_check(c, i)))
		return NULL;
	mm_enter(c);
	c->regs[i->reg] = mm_get(c, i->rm) >> 16 * (i->imm & 3) & 0xffff;
	NEXT(c, i);
}
const struct insn *op_mmx_pinsrw(struct cpu *c, const struct insn *i)
{
	unsigned at = 16 * (i->imm & 3);
	uint64_t lin;
	uint16_t v;
	if (unlikely(!x87_check(c, i)))
		return NULL;
	if (i->rm != RM_MEM)
		v = (uint16_t)c->regs[i->rm];
	else
		TRY(c, i, ea_linear(c, i, 2, MEM_R, &lin) && mem_read16(c, i, lin, &v));
	mm_enter(c);
	mm_set(c, i->reg, (mm_get(c, i->reg) & ~((uint64_t)0xffff << at)) | (uint64_t)v << at);
	NEXT(c, i);
}
const struct insn *op_mmx_maskmov(struct cpu *c, const struct insn *i)
{
	uint64_t mask = mm_get(c, i->rm), v = mm_get(c, i->reg), lin;
	if (unlikely(!x87_check(c, i)))
		return NULL;
	mm_enter(c);
	TRY(c, i, vec_di_linear(c, i, 8, &lin) && mmu_probe(c, lin, 8, MEM_W));
	for (unsigned n = 0; n < 8; n++)
		if (mask >> (8 * n + 7) & 1)
			TRY(c, i, mem_write8(c, i, lin + n, (uint8_t)(v >> 8 * n)));
	NEXT(c, i);
}
const struct insn *op_emms(struct cpu *c, const struct insn *i)
{
	if (unlikely(!x87_check(c, i)))
		return NULL;
	c->fpu.top = 0;
	c->fpu.tag = 0;
	NEXT(c, i);
}

/* ---- conversions with XMM: two packed 32-bit integers ------------------------------------------------------------------------------ */

/* From memory they do not concern the x87. */
#define FROM_MMX(op)                                                                                                                  \
	const struct insn *op_mmx_##op(struct cpu *c, const struct insn *i)                                                             \
	{                                                                                                                              \
		__m128i d = xmm_get(c, i->reg);                                                                                        \
		uint64_t s;                                                                                                            \
		if (i->rm != RM_MEM && unlikely(!x87_check(c, i)))                                                              \
			return NULL;                                                                                                   \
		TRY(c, i, mm_src(c, i, 8, &s));                                                                                        \
		vec_fp_begin(c);                                                                                                       \
		__asm__ volatile("movq %1, %%mm0\n\t" #op " %%mm0, %0\n\temms" : "+x"(d) : "r"(s) : MM_CLOBBER);                       \
		if (i->rm != RM_MEM)                                                                                                   \
			mm_enter(c);                                                                                                   \
		TRY(c, i, vec_fp_end(c));                                                                                              \
		xmm_set(c, i->reg, d);                                                                                                 \
		NEXT(c, i);                                                                                                            \
	}
FROM_MMX(cvtpi2ps)
FROM_MMX(cvtpi2pd)

#define TO_MMX(op, size)                                                                                                               \
	const struct insn *op_mmx_##op(struct cpu *c, const struct insn *i)                                                             \
	{                                                                                                                              \
		__m128i s;                                                                                                             \
		uint64_t d;                                                                                                            \
		if (unlikely(!x87_check(c, i)))                                                                                        \
			return NULL;                                                                                                   \
		TRY(c, i, vec_src(c, i, size, &s));                                                                                    \
		vec_fp_begin(c);                                                                                                       \
		__asm__ volatile(#op " %1, %%mm0\n\tmovq %%mm0, %0\n\temms" : "=r"(d) : "x"(s) : MM_CLOBBER);                          \
		mm_enter(c);                                                                                                           \
		TRY(c, i, vec_fp_end(c));                                                                                              \
		mm_set(c, i->reg, d);                                                                                                  \
		NEXT(c, i);                                                                                                            \
	}
TO_MMX(cvtps2pi, 8)
TO_MMX(cvttps2pi, 8)
TO_MMX(cvtpd2pi, 16)
TO_MMX(cvttpd2pi, 16)
