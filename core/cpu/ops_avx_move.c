/* ops_avx_move.c - AVX moves, broadcasts, permutations across lanes, masked moves, gathers.  Ref: SDM 1 ch. 14, SDM 2. */
#include "core/cpu/ops.h"
#include "core/cpu/vec.h"

/* ---- whole registers ------------------------------------------------------------------------------------------------------------------------ */

static inline const struct insn *load(struct cpu *c, const struct insn *i, bool aligned)
{
	struct vec2 v = { _mm_setzero_si128(), _mm_setzero_si128() };
	if (i->rm == RM_MEM) {
		unsigned size = vex_256(i) ? 32 : 16;
		uint64_t lin;
		c->cur = i;
		TRY(c, i, ea_linear(c, i, size, MEM_R, &lin) || vec_unaligned(c, i, aligned ? size - 1 : 0));
		if (aligned && unlikely(lin & (size - 1)))
			RAISE_ERR(c, i, EXC_GP, 0);
		TRY(c, i, mem_read_bytes(c, i, lin, &v, size));
	} else {
		v.lo = xmm_get(c, i->rm);
		if (vex_256(i))
			v.hi = ymm_hi(c, i->rm);
	}
	ymm_set(c, i->reg, v);
	NEXT(c, i);
}
static inline const struct insn *store(struct cpu *c, const struct insn *i, bool aligned)
{
	struct vec2 v = ymm_get(c, i->reg);
	if (i->rm == RM_MEM)
		TRY(c, i, vec_store(c, i, vex_256(i) ? 32 : 16, aligned, &v));
	else if (vex_256(i))
		ymm_set(c, i->rm, v);
	else
		xmm_set_vex(c, i->rm, v.lo);
	NEXT(c, i);
}
const struct insn *op_avx_load_a(struct cpu *c, const struct insn *i)  { return load(c, i, true); }
const struct insn *op_avx_load_u(struct cpu *c, const struct insn *i)  { return load(c, i, false); }
const struct insn *op_avx_store_a(struct cpu *c, const struct insn *i) { return store(c, i, true); }
const struct insn *op_avx_store_u(struct cpu *c, const struct insn *i) { return store(c, i, false); }

const struct insn *op_avx_zeroupper(struct cpu *c, const struct insn *i)
{
	for (unsigned n = 0; n < (c->mode & M_CS64 ? 16 : 8); n++)
		ymm_set_hi(c, n, _mm_setzero_si128());
	NEXT(c, i);
}
const struct insn *op_avx_zeroall(struct cpu *c, const struct insn *i)
{
	for (unsigned n = 0; n < (c->mode & M_CS64 ? 16 : 8); n++)
		xmm_set_vex(c, n, _mm_setzero_si128());
	NEXT(c, i);
}

/* ---- elements and halves --------------------------------------------------------------------------------------------------------------------- */

/* VMOVSS, VMOVSD: registers have three operands. */
static inline const struct insn *scalar(struct cpu *c, const struct insn *i, unsigned size, unsigned to, unsigned from)
{
	__m128i v;
	if (i->rm == RM_MEM) {
		TRY(c, i, vec_load(c, i, size, false, &v));
	} else {
		__m128i low = xmm_get(c, from);
		v = xmm_get(c, vex_v(i));
		memcpy(&v, &low, size);
	}
	xmm_set_vex(c, to, v);
	NEXT(c, i);
}
const struct insn *op_avx_movss_load(struct cpu *c, const struct insn *i) { return scalar(c, i, 4, i->reg, i->rm); }
const struct insn *op_avx_movsd_load(struct cpu *c, const struct insn *i) { return scalar(c, i, 8, i->reg, i->rm); }
/* The store opcodes between registers: reg is the source. */
const struct insn *op_avx_movss_reg(struct cpu *c, const struct insn *i)  { return scalar(c, i, 4, i->rm, i->reg); }
const struct insn *op_avx_movsd_reg(struct cpu *c, const struct insn *i)  { return scalar(c, i, 8, i->rm, i->reg); }

static inline const struct insn *half(struct cpu *c, const struct insn *i, unsigned to, unsigned from)
{
	union xmm d = c->ymm[vex_v(i)].x[0];
	__m128i v;
	if (i->rm == RM_MEM) {
		TRY(c, i, vec_load(c, i, 8, false, &v));
		d.u64[to] = (uint64_t)_mm_cvtsi128_si64(v);
	} else {
		d.u64[to] = c->ymm[i->rm].u64[from];
	}
	xmm_set_vex(c, i->reg, _mm_loadu_si128((const __m128i *)&d));
	NEXT(c, i);
}
const struct insn *op_avx_movlp_load(struct cpu *c, const struct insn *i) { return half(c, i, 0, 1); }
const struct insn *op_avx_movhp_load(struct cpu *c, const struct insn *i) { return half(c, i, 1, 0); }

static inline const struct insn *from_gpr(struct cpu *c, const struct insn *i, unsigned size)
{
	uint64_t v = 0, lin;
	if (i->rm != RM_MEM)
		v = size == 4 ? reg32(c, i->rm) : c->regs[i->rm];
	else
		TRY(c, i, ea_linear(c, i, size, MEM_R, &lin) && mem_read_bytes(c, i, lin, &v, size));
	xmm_set_vex(c, i->reg, _mm_cvtsi64_si128((int64_t)v));
	NEXT(c, i);
}
const struct insn *op_avx_from_gpr32(struct cpu *c, const struct insn *i) { return from_gpr(c, i, 4); }
const struct insn *op_avx_from_gpr64(struct cpu *c, const struct insn *i) { return from_gpr(c, i, 8); }

const struct insn *op_avx_movq_xw(struct cpu *c, const struct insn *i)
{
	__m128i s;
	TRY(c, i, vec_src_u(c, i, 8, &s));
	xmm_set_vex(c, i->reg, _mm_move_epi64(s));
	NEXT(c, i);
}
const struct insn *op_avx_movq_wx(struct cpu *c, const struct insn *i)
{
	if (i->rm != RM_MEM)
		xmm_set_vex(c, i->rm, _mm_move_epi64(xmm_get(c, i->reg)));
	else
		TRY(c, i, vec_store(c, i, 8, false, &c->ymm[i->reg].u64[0]));
	NEXT(c, i);
}

static inline const struct insn *insert(struct cpu *c, const struct insn *i, unsigned size)
{
	unsigned n = (vex_imm(i) & (16 / size - 1)) * size;
	uint64_t v = c->regs[i->rm != RM_MEM ? i->rm : REG_ZERO], lin;
	union xmm d = c->ymm[vex_v(i)].x[0];
	if (i->rm == RM_MEM)
		TRY(c, i, ea_linear(c, i, size, MEM_R, &lin) && mem_read_bytes(c, i, lin, &v, size));
	memcpy(&d.u8[n], &v, size);
	xmm_set_vex(c, i->reg, _mm_loadu_si128((const __m128i *)&d));
	NEXT(c, i);
}
const struct insn *op_avx_insert8(struct cpu *c, const struct insn *i)  { return insert(c, i, 1); }
const struct insn *op_avx_insert16(struct cpu *c, const struct insn *i) { return insert(c, i, 2); }
const struct insn *op_avx_insert32(struct cpu *c, const struct insn *i) { return insert(c, i, 4); }
const struct insn *op_avx_insert64(struct cpu *c, const struct insn *i) { return insert(c, i, 8); }

const struct insn *op_avx_insertps(struct cpu *c, const struct insn *i)
{
	unsigned imm = vex_imm(i) & (i->rm == RM_MEM ? 0x3f : 0xff);
	__m128i s;
	TRY(c, i, vec_src_u(c, i, 4, &s));
	xmm_set_vex(c, i->reg, vec_insertps(xmm_get(c, vex_v(i)), s, imm));
	NEXT(c, i);
}

static inline unsigned move_mask(struct cpu *c, const struct insn *i, int (*fn)(__m128i), unsigned per_lane)
{
	unsigned m = (unsigned)fn(xmm_get(c, i->rm));
	return vex_256(i) ? m | (unsigned)fn(ymm_hi(c, i->rm)) << per_lane : m;
}
static int mask_b(__m128i v)  { return _mm_movemask_epi8(v); }
static int mask_ps(__m128i v) { return _mm_movemask_ps((__m128)v); }
static int mask_pd(__m128i v) { return _mm_movemask_pd((__m128d)v); }
const struct insn *op_avx_pmovmskb(struct cpu *c, const struct insn *i) { c->regs[i->reg] = move_mask(c, i, mask_b, 16); NEXT(c, i); }
const struct insn *op_avx_movmskps(struct cpu *c, const struct insn *i) { c->regs[i->reg] = move_mask(c, i, mask_ps, 4); NEXT(c, i); }
const struct insn *op_avx_movmskpd(struct cpu *c, const struct insn *i) { c->regs[i->reg] = move_mask(c, i, mask_pd, 2); NEXT(c, i); }

const struct insn *op_avx_movddup(struct cpu *c, const struct insn *i)
{
	struct vec2 s;
	if (vex_256(i)) {
		TRY(c, i, vec_src2(c, i, &s));
		ymm_set(c, i->reg, (struct vec2){ _mm_unpacklo_epi64(s.lo, s.lo), _mm_unpacklo_epi64(s.hi, s.hi) });
	} else {
		TRY(c, i, vec_src_u(c, i, 8, &s.lo));
		xmm_set_vex(c, i->reg, _mm_unpacklo_epi64(s.lo, s.lo));
	}
	NEXT(c, i);
}

/* ---- permutations: the source is gathered whole, elements are picked by index ------------------------------------------------------------------- */

static bool source(struct cpu *c, const struct insn *i, union ymm *s)
{
	struct vec2 v = { _mm_setzero_si128(), _mm_setzero_si128() };
	if (vex_256(i) ? !vec_src2(c, i, &v) : !vec_src_u(c, i, 16, &v.lo))
		return false;
	memcpy(s, &v, 32);
	return true;
}
static void result(struct cpu *c, const struct insn *i, const union ymm *r)
{
	c->ymm[i->reg] = *r;
	if (!vex_256(i))
		ymm_set_hi(c, i->reg, _mm_setzero_si128());
}
static inline uint32_t *dword(union ymm *y, unsigned n) { return &y->x[n / 4].u32[n % 4]; }

const struct insn *op_avx_movsldup(struct cpu *c, const struct insn *i)
{
	union ymm s, r;
	TRY(c, i, source(c, i, &s));
	for (unsigned n = 0; n < 8; n++)
		*dword(&r, n) = *dword(&s, n & 6);
	result(c, i, &r);
	NEXT(c, i);
}
const struct insn *op_avx_movshdup(struct cpu *c, const struct insn *i)
{
	union ymm s, r;
	TRY(c, i, source(c, i, &s));
	for (unsigned n = 0; n < 8; n++)
		*dword(&r, n) = *dword(&s, n | 1);
	result(c, i, &r);
	NEXT(c, i);
}
/* VPERMILPS, VPERMILPD: within lanes, by the source's elements or an immediate. */
const struct insn *op_avx_permilps(struct cpu *c, const struct insn *i)
{
	union ymm s, r, a = c->ymm[vex_v(i)];
	TRY(c, i, source(c, i, &s));
	for (unsigned n = 0; n < 8; n++)
		*dword(&r, n) = *dword(&a, (n & 4) | (*dword(&s, n) & 3));
	result(c, i, &r);
	NEXT(c, i);
}
const struct insn *op_avx_permilpd(struct cpu *c, const struct insn *i)
{
	union ymm s, r, a = c->ymm[vex_v(i)];
	TRY(c, i, source(c, i, &s));
	for (unsigned n = 0; n < 4; n++)
		r.u64[n] = a.u64[(n & 2) | (s.u64[n] >> 1 & 1)];
	result(c, i, &r);
	NEXT(c, i);
}
const struct insn *op_avx_permilps_imm(struct cpu *c, const struct insn *i)
{
	union ymm s, r;
	TRY(c, i, source(c, i, &s));
	for (unsigned n = 0; n < 8; n++)
		*dword(&r, n) = *dword(&s, (n & 4) | (vex_imm(i) >> 2 * (n & 3) & 3));
	result(c, i, &r);
	NEXT(c, i);
}
const struct insn *op_avx_permilpd_imm(struct cpu *c, const struct insn *i)
{
	union ymm s, r;
	TRY(c, i, source(c, i, &s));
	for (unsigned n = 0; n < 4; n++)
		r.u64[n] = s.u64[(n & 2) | (vex_imm(i) >> n & 1)];
	result(c, i, &r);
	NEXT(c, i);
}
/* VPERMD, VPERMPS: v holds the indices.  VPERMQ, VPERMPD: by immediate. */
const struct insn *op_avx_permd(struct cpu *c, const struct insn *i)
{
	union ymm s, r, a = c->ymm[vex_v(i)];
	TRY(c, i, source(c, i, &s));
	for (unsigned n = 0; n < 8; n++)
		*dword(&r, n) = *dword(&s, *dword(&a, n) & 7);
	result(c, i, &r);
	NEXT(c, i);
}
const struct insn *op_avx_permq(struct cpu *c, const struct insn *i)
{
	union ymm s, r;
	TRY(c, i, source(c, i, &s));
	for (unsigned n = 0; n < 4; n++)
		r.u64[n] = s.u64[vex_imm(i) >> 2 * n & 3];
	result(c, i, &r);
	NEXT(c, i);
}
const struct insn *op_avx_perm2x128(struct cpu *c, const struct insn *i)
{
	union ymm s, a = c->ymm[vex_v(i)], r = { .u64 = { 0 } };
	TRY(c, i, source(c, i, &s));
	for (unsigned n = 0; n < 2; n++) {
		unsigned pick = vex_imm(i) >> 4 * n;
		if (!(pick & 8))
			r.x[n] = pick & 2 ? s.x[pick & 1] : a.x[pick & 1];
	}
	result(c, i, &r);
	NEXT(c, i);
}
const struct insn *op_avx_pblendd(struct cpu *c, const struct insn *i)
{
	union ymm s, r = c->ymm[vex_v(i)];
	TRY(c, i, source(c, i, &s));
	for (unsigned n = 0; n < 8; n++)
		if (vex_imm(i) >> n & 1)
			*dword(&r, n) = *dword(&s, n);
	result(c, i, &r);
	NEXT(c, i);
}
const struct insn *op_avx_insert128(struct cpu *c, const struct insn *i)
{
	union ymm r = c->ymm[vex_v(i)];
	__m128i s;
	TRY(c, i, vec_src_u(c, i, 16, &s));
	memcpy(&r.x[vex_imm(i) & 1], &s, 16);
	c->ymm[i->reg] = r;
	NEXT(c, i);
}
const struct insn *op_avx_extract128(struct cpu *c, const struct insn *i)
{
	union xmm v = c->ymm[i->reg].x[vex_imm(i) & 1];
	if (i->rm == RM_MEM)
		TRY(c, i, vec_store(c, i, 16, false, &v));
	else
		xmm_set_vex(c, i->rm, _mm_loadu_si128((const __m128i *)&v));
	NEXT(c, i);
}

/* ---- broadcasts ------------------------------------------------------------------------------------------------------------------------------------ */

static inline const struct insn *broadcast(struct cpu *c, const struct insn *i, unsigned size)
{
	union ymm r;
	__m128i s;
	TRY(c, i, vec_src_u(c, i, size, &s));
	for (unsigned n = 0; n < 32; n += size)
		memcpy(&r.u8[n], &s, size);
	result(c, i, &r);
	NEXT(c, i);
}
const struct insn *op_avx_broadcast8(struct cpu *c, const struct insn *i)   { return broadcast(c, i, 1); }
const struct insn *op_avx_broadcast16(struct cpu *c, const struct insn *i)  { return broadcast(c, i, 2); }
const struct insn *op_avx_broadcast32(struct cpu *c, const struct insn *i)  { return broadcast(c, i, 4); }
const struct insn *op_avx_broadcast64(struct cpu *c, const struct insn *i)  { return broadcast(c, i, 8); }
const struct insn *op_avx_broadcast128(struct cpu *c, const struct insn *i) { return broadcast(c, i, 16); }

/* ---- masked moves: only elements whose mask has its top bit set are touched --------------------------------------------------------------------------- */

/* Linear address of an element at offset `off` of the address space's segment. */
static bool element_linear(struct cpu *c, const struct insn *i, uint64_t off, unsigned size, unsigned access, uint64_t *lin)
{
	c->cur = i;
	off = i->flags & I_A32 ? (uint32_t)off : i->flags & I_A16 ? (uint16_t)off : off;
	if (i->flags & I_SEGCHK)
		return seg_check(c, i, i->sg, off, size, access, lin);
	*lin = (c->seg[i->sg].base + off) & c->lin_mask;
	return true;
}
static bool masked(const union ymm *m, unsigned n, unsigned size) { return m->u8[n + size - 1] & 0x80; }

static const struct insn *mask_load(struct cpu *c, const struct insn *i, unsigned size)
{
	union ymm m = c->ymm[vex_v(i)], r = { .u64 = { 0 } };
	uint64_t off = ea_offset(c, i), lin;
	for (unsigned n = 0; n < (vex_256(i) ? 32 : 16); n += size)
		if (masked(&m, n, size))
			TRY(c, i, element_linear(c, i, off + n, size, MEM_R, &lin) && mem_read_bytes(c, i, lin, &r.u8[n], size));
	c->ymm[i->reg] = r;
	NEXT(c, i);
}
static const struct insn *mask_store(struct cpu *c, const struct insn *i, unsigned size)
{
	union ymm m = c->ymm[vex_v(i)];
	uint64_t off = ea_offset(c, i), lin[8];
	for (unsigned n = 0; n < (vex_256(i) ? 32 : 16); n += size)
		if (masked(&m, n, size))
			TRY(c, i, element_linear(c, i, off + n, size, MEM_W, &lin[n / size]) && mmu_probe(c, lin[n / size], size, MEM_W));
	for (unsigned n = 0; n < (vex_256(i) ? 32 : 16); n += size)
		if (masked(&m, n, size))
			TRY(c, i, mem_write_bytes(c, i, lin[n / size], &c->ymm[i->reg].u8[n], size));
	NEXT(c, i);
}
const struct insn *op_avx_maskload32(struct cpu *c, const struct insn *i)  { return mask_load(c, i, 4); }
const struct insn *op_avx_maskload64(struct cpu *c, const struct insn *i)  { return mask_load(c, i, 8); }
const struct insn *op_avx_maskstore32(struct cpu *c, const struct insn *i) { return mask_store(c, i, 4); }
const struct insn *op_avx_maskstore64(struct cpu *c, const struct insn *i) { return mask_store(c, i, 8); }

/* ---- gathers (AVX2): the mask (vvvv) is used up element by element, so that a fault in the middle can be resumed -------------------------------------- */

/* Elements of `size` bytes by indices of `isize` bytes in ymm[index]. */
static const struct insn *gather(struct cpu *c, const struct insn *i, unsigned size, unsigned isize)
{
	unsigned m = vex_v(i), count = (vex_256(i) ? 32 : 16) / (size > isize ? size : isize);
	union ymm *d = &c->ymm[i->reg], *mask = &c->ymm[m];
	const union ymm index = c->ymm[i->index];
	if (i->reg == m || i->index == m || i->reg == i->index)
		RAISE(c, i, EXC_UD);
	for (unsigned n = 0; n < count; n++) {
		int64_t x = isize == 8 ? (int64_t)index.u64[n] : (int32_t)index.x[n / 4].u32[n % 4];
		uint64_t lin, off = c->regs[i->base] + ((uint64_t)x << i->scale) + (uint64_t)(int64_t)i->disp;
		if (masked(mask, n * size, size))
			TRY(c, i, element_linear(c, i, off, size, MEM_R, &lin) && mem_read_bytes(c, i, lin, &d->u8[n * size], size));
		memset(&mask->u8[n * size], 0, size);
	}
	memset(mask, 0, 32);
	memset(&d->u8[count * size], 0, 32 - count * size);
	NEXT(c, i);
}
const struct insn *op_avx_gather_d32(struct cpu *c, const struct insn *i) { return gather(c, i, 4, 4); }
const struct insn *op_avx_gather_d64(struct cpu *c, const struct insn *i) { return gather(c, i, 8, 4); }
const struct insn *op_avx_gather_q32(struct cpu *c, const struct insn *i) { return gather(c, i, 4, 8); }
const struct insn *op_avx_gather_q64(struct cpu *c, const struct insn *i) { return gather(c, i, 8, 8); }
