/* vec.h - what the SSE, AVX and AES families share: operands, MXCSR around floating-point operations, shapes of handlers.
 *
 * An operation is written once, as a function on 128-bit values that runs the host's legacy-SSE instruction; SSE handlers apply it
 * to a register, VEX handlers to one or both 128-bit lanes (AVX is defined lane by lane but for few instructions), so that AVX
 * needs little of the host.  The names of the instructions come in lists, X(name), that SSE and AVX files expand.
 * Ref: SDM 1 ch. 10-14, SDM 2. */
#ifndef CORE_CPU_VEC_H
#define CORE_CPU_VEC_H
#include "core/cpu/exec.h"
#include "core/cpu/fp.h"
#include <emmintrin.h>

/* ---- MXCSR -------------------------------------------------------------------------------------------------------------------- */

/* Before and after an operation that may raise SIMD floating-point exceptions.  Live: the guest masks all of them, its MXCSR is the
 * host's and nothing is to be done.  Else the operation runs masked, and vec_fp_end() looks at its flags: false = fault, and the
 * result must not be stored. */
void vec_fp_load(struct cpu *c);
bool vec_fp_collect(struct cpu *c, uint32_t more);      /* more: flags found otherwise */
static inline void vec_fp_begin(struct cpu *c) { if (unlikely(!(c->fp_live & FP_LIVE_MXCSR))) vec_fp_load(c); }
static inline bool vec_fp_end(struct cpu *c) { return likely(c->fp_live & FP_LIVE_MXCSR) || vec_fp_collect(c, 0); }

/* ---- registers and memory ----------------------------------------------------------------------------------------------------- */

static inline __m128i xmm_get(const struct cpu *c, unsigned n) { return _mm_load_si128((const __m128i *)&c->ymm[n].x[0]); }
static inline void xmm_set(struct cpu *c, unsigned n, __m128i v) { _mm_store_si128((__m128i *)&c->ymm[n].x[0], v); }
static inline __m128i ymm_hi(const struct cpu *c, unsigned n) { return _mm_load_si128((const __m128i *)&c->ymm[n].x[1]); }
static inline void ymm_set_hi(struct cpu *c, unsigned n, __m128i v) { _mm_store_si128((__m128i *)&c->ymm[n].x[1], v); }

/* Bad alignment comes before a segment's limit. */
static inline bool vec_unaligned(struct cpu *c, const struct insn *i, unsigned mask)
{
	return (c->seg[i->sg].base + ea_offset(c, i)) & mask ? cpu_raise_err(c, EXC_GP, 0) : false;
}
/* `size` bytes of memory (1-16), zero-extended; legacy 16-byte operands must be aligned.  False = fault. */
static inline bool vec_load(struct cpu *c, const struct insn *i, unsigned size, bool aligned, __m128i *v)
{
	uint64_t lin;
	*v = _mm_setzero_si128();
	c->cur = i;
	if (unlikely(!ea_linear(c, i, size, MEM_R, &lin)))
		return vec_unaligned(c, i, aligned ? 15 : 0);
	if (aligned && unlikely(lin & 15))
		return cpu_raise_err(c, EXC_GP, 0);
	return mem_read_bytes(c, i, lin, v, size);
}
static inline bool vec_store(struct cpu *c, const struct insn *i, unsigned size, bool aligned, const void *v)
{
	uint64_t lin;
	c->cur = i;
	if (unlikely(!ea_linear(c, i, size, MEM_W, &lin)))
		return vec_unaligned(c, i, aligned ? size - 1 : 0);
	if (aligned && unlikely(lin & (size - 1)))
		return cpu_raise_err(c, EXC_GP, 0);
	return mem_write_bytes(c, i, lin, v, size);
}
/* Host address of the operand when nothing is in the way: no segment check, aligned, in the TLB.  0: something is, no fault yet; for handlers that end in NEXT_FAST
 * and leave the rest to a slow one. */
static inline __attribute__((always_inline)) uintptr_t vec_easy(struct cpu *c, const struct insn *i, unsigned size, bool aligned, bool write)
{
	uint64_t lin = (c->seg[i->sg].base + ea_offset(c, i)) & c->lin_mask;
	const struct tlb_entry *e = tlb_slot(c, lin);
	if (unlikely((i->flags & I_SEGCHK) || (aligned && (lin & (size - 1))) || (lin ^ (write ? e->tag_w : e->tag_r)) > PAGE_SIZE - size))
		return 0;
	return lin + e->addend;
}
static inline __attribute__((always_inline)) __m128i vec_host_load(uintptr_t h, unsigned size)
{
	__m128i v = _mm_setzero_si128();
	memcpy(&v, (const void *)h, size);
	return size == 16 ? _mm_loadu_si128((const __m128i *)h) : size == 8 ? _mm_loadl_epi64((const __m128i *)h) : v;
}
/* Linear address of [rDI] in the source segment (DS), where MASKMOVx write. */
static inline bool vec_di_linear(struct cpu *c, const struct insn *i, unsigned size, uint64_t *lin)
{
	uint64_t off = c->regs[RDI];
	c->cur = i;
	if (i->flags & (I_A32 | I_A16))
		off = i->flags & I_A32 ? (uint32_t)off : (uint16_t)off;
	if (i->flags & I_SEGCHK)
		return seg_check(c, i, i->sg, off, size, MEM_W, lin);
	*lin = (c->seg[i->sg].base + off) & c->lin_mask;
	return true;
}
/* Source operand W: register, or memory of `size` bytes. */
static inline bool vec_src(struct cpu *c, const struct insn *i, unsigned size, __m128i *v)
{
	if (likely(i->rm != RM_MEM)) {
		*v = xmm_get(c, i->rm);
		return true;
	}
	return vec_load(c, i, size, size == 16, v);
}
/* The same without alignment (VEX), and for both lanes. */
static inline bool vec_src_u(struct cpu *c, const struct insn *i, unsigned size, __m128i *v)
{
	if (likely(i->rm != RM_MEM)) {
		*v = xmm_get(c, i->rm);
		return true;
	}
	return vec_load(c, i, size, false, v);
}
struct vec2 { __m128i lo, hi; };
static inline struct vec2 ymm_get(const struct cpu *c, unsigned n) { return (struct vec2){ xmm_get(c, n), ymm_hi(c, n) }; }
static inline void ymm_set(struct cpu *c, unsigned n, struct vec2 v)
{
	xmm_set(c, n, v.lo);
	ymm_set_hi(c, n, v.hi);
}
/* What VEX.128 does: the upper half is cleared. */
static inline void xmm_set_vex(struct cpu *c, unsigned n, __m128i v)
{
	xmm_set(c, n, v);
	ymm_set_hi(c, n, _mm_setzero_si128());
}
static inline unsigned vex_v(const struct insn *i) { return (unsigned)i->imm >> 8 & 15; }
static inline unsigned vex_imm(const struct insn *i) { return (unsigned)i->imm & 0xff; }
static inline bool vex_256(const struct insn *i) { return i->flags & I_L256; }
static inline bool vec_load2(struct cpu *c, const struct insn *i, struct vec2 *v)
{
	uint64_t lin;
	c->cur = i;
	return ea_linear(c, i, 32, MEM_R, &lin) && mem_read_bytes(c, i, lin, v, 32);
}
static inline bool vec_src2(struct cpu *c, const struct insn *i, struct vec2 *v)
{
	if (likely(i->rm != RM_MEM)) {
		v->lo = xmm_get(c, i->rm);
		v->hi = ymm_hi(c, i->rm);
		return true;
	}
	return vec_load2(c, i, v);
}

/* ---- operations ---------------------------------------------------------------------------------------------------------------- */

typedef __m128i (*vec_fn)(__m128i d, __m128i s);
typedef __m128i (*vec_imm_fn)(__m128i d, __m128i s, unsigned imm);

/* *d = fn(*d, s) for operations whose result may underflow.  Masked, a tiny result counts only when inexact, unmasked always: so
 * with exceptions unmasked the operation runs once more with FTZ, which tells.  False = fault, *d unchanged. */
bool vec_fp_slow(struct cpu *c, vec_fn fn, __m128i *d, __m128i s);
/* Both lanes, whose exceptions count together. */
bool vec_fp_slow2(struct cpu *c, vec_fn fn, struct vec2 *d, const struct vec2 *s);
bool vec_fp_slow_imm(struct cpu *c, vec_imm_fn fn, __m128i *d, __m128i s, unsigned imm);
/* The same in the open: vec_fp_begin(); operation; if vec_fp_tiny_begin() { operation again; more = vec_fp_tiny_end() };
 * vec_fp_collect(c, more).  `saved` keeps the flags of the first run. */
bool vec_fp_tiny_begin(struct cpu *c, uint32_t *saved);
uint32_t vec_fp_tiny_end(uint32_t saved);
static inline bool vec_fp_run(struct cpu *c, vec_fn fn, __m128i *d, __m128i s)
{
	if (unlikely(!(c->fp_live & FP_LIVE_MXCSR)))
		return vec_fp_slow(c, fn, d, s);
	*d = fn(*d, s);
	return true;
}
static inline bool vec_fp_run_imm(struct cpu *c, vec_imm_fn fn, __m128i *d, __m128i s, unsigned imm)
{
	if (unlikely(!(c->fp_live & FP_LIVE_MXCSR)))
		return vec_fp_slow_imm(c, fn, d, s, imm);
	*d = fn(*d, s, imm);
	return true;
}
/* d = d op s, as the host does it. */
#define VEC_OP(op)                                                                                                                     \
	static inline __m128i vec_##op(__m128i d, __m128i s)                                                                            \
	{                                                                                                                              \
		__asm__ volatile(#op " %1, %0" : "+x"(d) : "x"(s));                                                                    \
		return d;                                                                                                              \
	}

/* Instructions whose immediate is part of the encoding run through 256 stubs of 8 bytes each, "op $n, %xmm1, %xmm0; ret", made in
 * vec_stubs.c; the call steps over the caller's red zone. */
#define VEC_STUBS(op)                                                                                                                  \
	void vec_stubs_##op(void);                                                                                                      \
	static inline __m128i vec_##op(__m128i d, __m128i s, unsigned imm)                                                              \
	{                                                                                                                              \
		register __m128i x0 __asm__("xmm0") = d;                                                                               \
		register __m128i x1 __asm__("xmm1") = s;                                                                               \
		__asm__ volatile("sub $128, %%rsp\n\tcall *%2\n\tsub $-128, %%rsp"                                                      \
				 : "+x"(x0) : "x"(x1), "r"((uintptr_t)vec_stubs_##op + 8 * (imm & 0xff)) : "memory", "cc");             \
		return x0;                                                                                                             \
	}
#define VEC_STUB_LIST(X)                                                                                                               \
	X(palignr) X(pblendw) X(blendps) X(blendpd) X(shufps) X(shufpd) X(mpsadbw) X(pshufd) X(pshufhw) X(pshuflw) X(insertps)          \
	X(cmpps) X(cmppd) X(cmpss) X(cmpsd) X(roundps) X(roundpd) X(roundss) X(roundsd) X(dpps) X(dppd)                                 \
	X(pclmulqdq) X(aeskeygenassist) X(sha1rnds4)
VEC_STUB_LIST(VEC_STUBS)
/* With 32 predicates; "op $n, %xmm1, %xmm0, %xmm0". */
#define VEC_STUB_LIST_VEX(X) X(vcmpps) X(vcmppd) X(vcmpss) X(vcmpsd)
VEC_STUB_LIST_VEX(VEC_STUBS)
#endif
