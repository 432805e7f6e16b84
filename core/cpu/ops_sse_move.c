/* ops_sse_move.c - SSE loads, stores, moves between registers, non-temporal stores, fences.  Ref: SDM 1 ch. 10-12, SDM 2.
 * Prefix and operand sizes are in the table; a non-temporal store is a store here. */
#include "core/cpu/ops.h"
#include "core/cpu/vec.h"

#define SLOW static __attribute__((noinline, cold))

SLOW const struct insn *load16_slow(struct cpu *c, const struct insn *i, bool aligned)
{
	__m128i v;
	if (i->rm != RM_MEM)
		v = xmm_get(c, i->rm);
	else
		TRY(c, i, vec_load(c, i, 16, aligned, &v));
	xmm_set(c, i->reg, v);
	NEXT(c, i);
}
SLOW const struct insn *store16_slow(struct cpu *c, const struct insn *i, bool aligned)
{
	if (i->rm != RM_MEM)
		xmm_set(c, i->rm, xmm_get(c, i->reg));
	else
		TRY(c, i, vec_store(c, i, 16, aligned, &c->ymm[i->reg].x[0]));
	NEXT(c, i);
}
static inline __attribute__((always_inline)) const struct insn *load16(struct cpu *c, const struct insn *i, bool aligned)
{
	if (i->rm != RM_MEM) {
		xmm_set(c, i->reg, xmm_get(c, i->rm));
	} else {
		uintptr_t h = vec_easy(c, i, 16, aligned, false);
		if (unlikely(!h))
			return load16_slow(c, i, aligned);
		xmm_set(c, i->reg, vec_host_load(h, 16));
	}
	NEXT_FAST(c, i);
}
static inline __attribute__((always_inline)) const struct insn *store16(struct cpu *c, const struct insn *i, bool aligned)
{
	if (i->rm != RM_MEM) {
		xmm_set(c, i->rm, xmm_get(c, i->reg));
	} else {
		uintptr_t h = vec_easy(c, i, 16, aligned, true);
		if (unlikely(!h))
			return store16_slow(c, i, aligned);
		_mm_storeu_si128((__m128i *)h, xmm_get(c, i->reg));
	}
	NEXT_FAST(c, i);
}
const struct insn *op_sse_load_a(struct cpu *c, const struct insn *i)  { return load16(c, i, true); }
const struct insn *op_sse_load_u(struct cpu *c, const struct insn *i)  { return load16(c, i, false); }
const struct insn *op_sse_store_a(struct cpu *c, const struct insn *i) { return store16(c, i, true); }
const struct insn *op_sse_store_u(struct cpu *c, const struct insn *i) { return store16(c, i, false); }

/* MOVSS, MOVSD: between registers only the low element moves, a load clears the rest. */
SLOW const struct insn *load_scalar_slow(struct cpu *c, const struct insn *i, unsigned size)
{
	__m128i v;
	if (i->rm != RM_MEM) {
		memcpy(&c->ymm[i->reg], &c->ymm[i->rm], size);
	} else {
		TRY(c, i, vec_load(c, i, size, false, &v));
		xmm_set(c, i->reg, v);
	}
	NEXT(c, i);
}
SLOW const struct insn *store_scalar_slow(struct cpu *c, const struct insn *i, unsigned size)
{
	if (i->rm != RM_MEM)
		memcpy(&c->ymm[i->rm], &c->ymm[i->reg], size);
	else
		TRY(c, i, vec_store(c, i, size, false, &c->ymm[i->reg]));
	NEXT(c, i);
}
static inline __attribute__((always_inline)) const struct insn *load_scalar(struct cpu *c, const struct insn *i, unsigned size)
{
	uintptr_t h = i->rm == RM_MEM ? vec_easy(c, i, size, false, false) : 0;
	if (unlikely(!h))
		return load_scalar_slow(c, i, size);
	xmm_set(c, i->reg, vec_host_load(h, size));
	NEXT_FAST(c, i);
}
static inline __attribute__((always_inline)) const struct insn *store_scalar(struct cpu *c, const struct insn *i, unsigned size)
{
	uintptr_t h = i->rm == RM_MEM ? vec_easy(c, i, size, false, true) : 0;
	if (unlikely(!h))
		return store_scalar_slow(c, i, size);
	memcpy((void *)h, &c->ymm[i->reg], size);
	NEXT_FAST(c, i);
}
const struct insn *op_sse_movss_load(struct cpu *c, const struct insn *i)  { return load_scalar(c, i, 4); }
const struct insn *op_sse_movsd_load(struct cpu *c, const struct insn *i)  { return load_scalar(c, i, 8); }
const struct insn *op_sse_movss_store(struct cpu *c, const struct insn *i) { return store_scalar(c, i, 4); }
const struct insn *op_sse_movsd_store(struct cpu *c, const struct insn *i) { return store_scalar(c, i, 8); }

/* Halves: MOVLPx/MOVHLPS, MOVHPx/MOVLHPS.  `to` and `from` are the halves between registers. */
static inline const struct insn *load_half(struct cpu *c, const struct insn *i, unsigned to, unsigned from)
{
	__m128i v;
	if (i->rm != RM_MEM) {
		c->ymm[i->reg].u64[to] = c->ymm[i->rm].u64[from];
	} else {
		TRY(c, i, vec_load(c, i, 8, false, &v));
		c->ymm[i->reg].u64[to] = (uint64_t)_mm_cvtsi128_si64(v);
	}
	NEXT(c, i);
}
static inline const struct insn *store_half(struct cpu *c, const struct insn *i, unsigned from)
{
	TRY(c, i, vec_store(c, i, 8, false, &c->ymm[i->reg].u64[from]));
	NEXT(c, i);
}
const struct insn *op_sse_movlp_load(struct cpu *c, const struct insn *i)  { return load_half(c, i, 0, 1); }
const struct insn *op_sse_movhp_load(struct cpu *c, const struct insn *i)  { return load_half(c, i, 1, 0); }
const struct insn *op_sse_movlp_store(struct cpu *c, const struct insn *i) { return store_half(c, i, 0); }
const struct insn *op_sse_movhp_store(struct cpu *c, const struct insn *i) { return store_half(c, i, 1); }

const struct insn *op_sse_movddup(struct cpu *c, const struct insn *i)
{
	__m128i s;
	TRY(c, i, vec_src(c, i, 8, &s));
	xmm_set(c, i->reg, _mm_unpacklo_epi64(s, s));
	NEXT(c, i);
}
const struct insn *op_sse_movsldup(struct cpu *c, const struct insn *i)
{
	__m128i s;
	TRY(c, i, vec_src(c, i, 16, &s));
	xmm_set(c, i->reg, _mm_shuffle_epi32(s, 0xa0));
	NEXT(c, i);
}
const struct insn *op_sse_movshdup(struct cpu *c, const struct insn *i)
{
	__m128i s;
	TRY(c, i, vec_src(c, i, 16, &s));
	xmm_set(c, i->reg, _mm_shuffle_epi32(s, 0xf5));
	NEXT(c, i);
}

/* MOVD, MOVQ with a general register or memory. */
static inline const struct insn *from_gpr(struct cpu *c, const struct insn *i, unsigned size)
{
	uint64_t v = 0, lin;
	if (i->rm != RM_MEM)
		v = size == 4 ? reg32(c, i->rm) : c->regs[i->rm];
	else
		TRY(c, i, ea_linear(c, i, size, MEM_R, &lin) && mem_read_bytes(c, i, lin, &v, size));
	xmm_set(c, i->reg, _mm_cvtsi64_si128((int64_t)v));
	NEXT(c, i);
}
static inline const struct insn *to_gpr(struct cpu *c, const struct insn *i, unsigned size)
{
	uint64_t v = c->ymm[i->reg].u64[0];
	if (i->rm != RM_MEM)
		c->regs[i->rm] = size == 4 ? (uint32_t)v : v;
	else
		TRY(c, i, vec_store(c, i, size, false, &v));
	NEXT(c, i);
}
const struct insn *op_sse_from_gpr32(struct cpu *c, const struct insn *i)  { return from_gpr(c, i, 4); }
const struct insn *op_sse_from_gpr64(struct cpu *c, const struct insn *i)  { return from_gpr(c, i, 8); }
const struct insn *op_sse_to_gpr32(struct cpu *c, const struct insn *i) { return to_gpr(c, i, 4); }
const struct insn *op_sse_to_gpr64(struct cpu *c, const struct insn *i) { return to_gpr(c, i, 8); }

/* MOVQ between XMM registers or memory: the upper half is cleared. */
const struct insn *op_sse_movq_xw(struct cpu *c, const struct insn *i)
{
	__m128i s;
	TRY(c, i, vec_src(c, i, 8, &s));
	xmm_set(c, i->reg, _mm_move_epi64(s));
	NEXT(c, i);
}
const struct insn *op_sse_movq_wx(struct cpu *c, const struct insn *i)
{
	if (i->rm != RM_MEM)
		xmm_set(c, i->rm, _mm_move_epi64(xmm_get(c, i->reg)));
	else
		TRY(c, i, vec_store(c, i, 8, false, &c->ymm[i->reg].u64[0]));
	NEXT(c, i);
}

/* MASKMOVDQU: the bytes of reg whose mask byte in rm has its top bit set go to DS:rDI (or another segment).
 * The whole 16 bytes are checked first, even for a mask of zeros. */
const struct insn *op_sse_maskmov(struct cpu *c, const struct insn *i)
{
	unsigned mask = (unsigned)_mm_movemask_epi8(xmm_get(c, i->rm));
	const uint8_t *src = c->ymm[i->reg].u8;
	uint64_t lin;
	TRY(c, i, vec_di_linear(c, i, 16, &lin) && mmu_probe(c, lin, 16, MEM_W));
	for (unsigned n = 0; n < 16; n++)
		if (mask >> n & 1)
			TRY(c, i, mem_write8(c, i, lin + n, src[n]));
	NEXT(c, i);
}

const struct insn *op_movnti32(struct cpu *c, const struct insn *i)
{
	uint64_t lin;
	TRY(c, i, ea_linear(c, i, 4, MEM_W, &lin) && mem_write32(c, i, lin, reg32(c, i->reg)));
	NEXT(c, i);
}
const struct insn *op_movnti64(struct cpu *c, const struct insn *i)
{
	uint64_t lin;
	TRY(c, i, ea_linear(c, i, 8, MEM_W, &lin) && mem_write64(c, i, lin, c->regs[i->reg]));
	NEXT(c, i);
}

/* Guest memory is the host's: a fence between vCPU threads is a fence. */
const struct insn *op_fence(struct cpu *c, const struct insn *i)
{
	atomic_thread_fence(memory_order_seq_cst);
	NEXT(c, i);
}
/* CLFLUSH, CLFLUSHOPT, CLWB: caches are not modelled, but the address is translated as by a load. */
const struct insn *op_clflush(struct cpu *c, const struct insn *i)
{
	uint64_t lin;
	uint8_t v;
	TRY(c, i, ea_linear(c, i, 1, MEM_R, &lin) && mem_read8(c, i, lin, &v));
	NEXT(c, i);
}
