/* ops_int.h - building blocks of the integer handlers: operands by width, the forms of a handler, conditions.
 *
 * Everything here is inlined with constant widths and operations, so that a handler has no decisions left.  The F form does the whole
 * work on a TLB hit and goes to the M form otherwise: no call, no stack frame on the fast path.
 * Handlers are instantiated by one-line macros over these functions. */
#ifndef CORE_CPU_OPS_INT_H
#define CORE_CPU_OPS_INT_H
#include "core/cpu/engine.h"
#include "core/cpu/ops.h"

#define INLINE static inline __attribute__((always_inline))
#define COLD   __attribute__((noinline, cold))
#define HANDLER(n) const struct insn *op_##n(struct cpu *c, const struct insn *i)

/* ---- operands ------------------------------------------------------------------------------------------------------------------- */

INLINE uint64_t width_mask(int bits) { return bits == 64 ? ~UINT64_C(0) : (UINT64_C(1) << bits) - 1; }
INLINE uint64_t get_reg(const struct cpu *c, int bits, unsigned n)
{
	switch (bits) {
	case 8:  return ((const uint8_t *)c->regs)[n];
	case 16: return *(const uint16_t *)&c->regs[n];
	case 32: return (uint32_t)c->regs[n];
	default: return c->regs[n];
	}
}
INLINE void set_reg(struct cpu *c, int bits, unsigned n, uint64_t v)
{
	switch (bits) {
	case 8:  ((uint8_t *)c->regs)[n] = (uint8_t)v; break;
	case 16: *(uint16_t *)&c->regs[n] = (uint16_t)v; break;
	case 32: c->regs[n] = (uint32_t)v; break;
	default: c->regs[n] = v; break;
	}
}
/* Tell the compiler that a 32-bit host instruction cleared the upper half of v. */
INLINE void is_32_bits(uint64_t v) { if (v >> 32) __builtin_unreachable(); }
INLINE uint64_t host_load(int bits, uintptr_t host)
{
	switch (bits) {
	case 8:  return *(const uint8_t *)host;
	case 16: { uint16_t v; memcpy(&v, (const void *)host, 2); return v; }
	case 32: { uint32_t v; memcpy(&v, (const void *)host, 4); return v; }
	default: { uint64_t v; memcpy(&v, (const void *)host, 8); return v; }
	}
}
INLINE void host_store(int bits, uintptr_t host, uint64_t v) { memcpy((void *)host, &v, (size_t)bits / 8); }

/* Addresses of the B and X forms. */
INLINE uint64_t ea_base(const struct cpu *c, const struct insn *i) { return c->regs[i->base] + (uint64_t)(int64_t)i->disp; }
INLINE uint64_t ea_index(const struct cpu *c, const struct insn *i)
{
	return c->regs[i->base] + (c->regs[i->index] << i->scale) + (uint64_t)(int64_t)i->disp;
}

/* TLB hit for the whole access: its host address. */
INLINE bool tlb_read(struct cpu *c, uint64_t lin, unsigned size, uintptr_t *host)
{
	const struct tlb_entry *e = tlb_slot(c, lin);
	*host = lin + e->addend;
	return likely((lin ^ e->tag_r) <= PAGE_SIZE - size);
}
INLINE bool tlb_write(struct cpu *c, uint64_t lin, unsigned size, uintptr_t *host)
{
	const struct tlb_entry *e = tlb_slot(c, lin);
	*host = lin + e->addend;
	return likely((lin ^ e->tag_w) <= PAGE_SIZE - size);
}
INLINE bool mem_load(struct cpu *c, const struct insn *i, int bits, uint64_t lin, uint64_t *v)
{
	uintptr_t host;
	if (tlb_read(c, lin, (unsigned)bits / 8, &host)) {
		*v = host_load(bits, host);
		return true;
	}
	c->cur = i;
	*v = 0;
	return mmu_read(c, lin, v, (unsigned)bits / 8, MEM_R);
}
INLINE bool mem_store(struct cpu *c, const struct insn *i, int bits, uint64_t lin, uint64_t v)
{
	uintptr_t host;
	if (tlb_write(c, lin, (unsigned)bits / 8, &host)) {
		host_store(bits, host, v);
		return true;
	}
	c->cur = i;
	return mmu_write(c, lin, &v, (unsigned)bits / 8, MEM_W);
}
/* The memory operand of the M form. */
INLINE bool load_operand(struct cpu *c, const struct insn *i, int bits, uint64_t *v)
{
	uint64_t lin;
	return ea_linear(c, i, (unsigned)bits / 8, MEM_R, &lin) && mem_load(c, i, bits, lin, v);
}
INLINE bool store_operand(struct cpu *c, const struct insn *i, int bits, uint64_t v)
{
	uint64_t lin;
	return ea_linear(c, i, (unsigned)bits / 8, MEM_W, &lin) && mem_store(c, i, bits, lin, v);
}

/* ---- read-modify-write of memory, M form ------------------------------------------------------------------------------------------ */

/* An operation on d and s that sets the flags of c and returns the result. */
typedef uint64_t (*binary_fn)(struct cpu *c, int bits, uint64_t d, uint64_t s);

/* In asm, since the operand need not be aligned.  *old: what is expected, then what was there. */
INLINE bool host_cas(int bits, uintptr_t host, uint64_t *old, uint64_t want)
{
	bool ok;
	switch (bits) {
	case 8:  asm volatile("lock cmpxchgb %b3, (%2)" : "=@ccz" (ok), "+a" (*old) : "r" (host), "q" (want) : "memory"); break;
	case 16: asm volatile("lock cmpxchgw %w3, (%2)" : "=@ccz" (ok), "+a" (*old) : "r" (host), "r" (want) : "memory"); break;
	case 32: asm volatile("lock cmpxchgl %k3, (%2)" : "=@ccz" (ok), "+a" (*old) : "r" (host), "r" (want) : "memory"); break;
	default: asm volatile("lock cmpxchgq %3, (%2)" : "=@ccz" (ok), "+a" (*old) : "r" (host), "r" (want) : "memory"); break;
	}
	*old &= width_mask(bits);
	return ok;
}
/* Host address for a read-modify-write at lin, 0 when it must go through mmu_read and mmu_write (which will not fault then). */
INLINE bool rmw_host(struct cpu *c, const struct insn *i, uint64_t lin, unsigned size, uintptr_t *host)
{
	if (tlb_write(c, lin, size, host))
		return true;
	c->cur = i;
	if (!mmu_probe(c, lin, size, MEM_R | MEM_W))
		return false;
	if (!tlb_write(c, lin, size, host))
		*host = 0;
	return true;
}
/* The slow way of `modify`: an access that crosses a page, or a device's; it was probed. */
INLINE bool modify_apart(struct cpu *c, int bits, uint64_t lin, binary_fn fn, uint64_t s, uint64_t *old)
{
	uint16_t flags = c->flags16;
	*old = 0;
	if (!mmu_read(c, lin, old, (unsigned)bits / 8, MEM_R))
		return false;
	uint64_t v = fn(c, bits, *old, s);
	if (!mmu_write(c, lin, &v, (unsigned)bits / 8, MEM_W)) {
		c->flags16 = flags;
		return false;
	}
	return true;
}
/* Does a locked access need the other vCPUs to stand still?  In one page either the host locks it, or a device sees it. */
INLINE bool crosses_page(uint64_t lin, unsigned size) { return (lin & (PAGE_SIZE - 1)) + size > PAGE_SIZE; }
/* *old gets the value before.  `lock`: atomic towards other vCPUs, except where it is a device's. */
INLINE bool modify(struct cpu *c, const struct insn *i, int bits, uint64_t lin, bool lock, binary_fn fn, uint64_t s, uint64_t *old)
{
	uintptr_t host;
	if (!rmw_host(c, i, lin, (unsigned)bits / 8, &host))
		return false;
	if (likely(host && lock)) {
		uint16_t flags = c->flags16;
		uint64_t v = host_load(bits, host), want;
		do {
			c->flags16 = flags;
			want = fn(c, bits, v, s);
		} while (!host_cas(bits, host, &v, want));
		*old = v;
	} else if (likely(host)) {
		*old = host_load(bits, host);
		host_store(bits, host, fn(c, bits, *old, s));
	} else if (lock && crosses_page(lin, (unsigned)bits / 8)) {
		engine_alone(c);
		bool ok = modify_apart(c, bits, lin, fn, s, old);
		engine_together(c);
		return ok;
	} else {
		return modify_apart(c, bits, lin, fn, s, old);
	}
	return true;
}

/* ---- the forms ------------------------------------------------------------------------------------------------------------------- */

/* E is read and written */
INLINE const struct insn *rmw_r(struct cpu *c, const struct insn *i, int bits, binary_fn fn, uint64_t s)
{
	unsigned n = i->rm;             /* read once: for the compiler, a store to the flags may change *i */
	set_reg(c, bits, n, fn(c, bits, get_reg(c, bits, n), s));
	NEXT_FAST(c, i);
}
INLINE const struct insn *rmw_m(struct cpu *c, const struct insn *i, int bits, binary_fn fn, uint64_t s)
{
	uint64_t lin, old;
	TRY(c, i, ea_linear(c, i, (unsigned)bits / 8, MEM_R | MEM_W, &lin));
	TRY(c, i, modify(c, i, bits, lin, i->flags & I_LOCK, fn, s, &old));
	NEXT(c, i);
}
INLINE const struct insn *rmw_f(struct cpu *c, const struct insn *i, uint64_t lin, int bits, binary_fn fn, uint64_t s, op_fn slow)
{
	uintptr_t host;
	if (unlikely(!tlb_write(c, lin, (unsigned)bits / 8, &host)))
		return slow(c, i);
	host_store(bits, host, fn(c, bits, host_load(bits, host), s));
	NEXT_FAST(c, i);
}
/* E is only read, the flags are the result */
INLINE const struct insn *test_r(struct cpu *c, const struct insn *i, int bits, binary_fn fn, uint64_t s)
{
	fn(c, bits, get_reg(c, bits, i->rm), s);
	NEXT_FAST(c, i);
}
INLINE const struct insn *test_m(struct cpu *c, const struct insn *i, int bits, binary_fn fn, uint64_t s)
{
	uint64_t v;
	TRY(c, i, load_operand(c, i, bits, &v));
	fn(c, bits, v, s);
	NEXT(c, i);
}
INLINE const struct insn *test_f(struct cpu *c, const struct insn *i, uint64_t lin, int bits, binary_fn fn, uint64_t s, op_fn slow)
{
	uintptr_t host;
	if (unlikely(!tlb_read(c, lin, (unsigned)bits / 8, &host)))
		return slow(c, i);
	fn(c, bits, host_load(bits, host), s);
	NEXT_FAST(c, i);
}
/* G = fn(G, E); E has ebits */
INLINE const struct insn *ge_r(struct cpu *c, const struct insn *i, int bits, int ebits, binary_fn fn)
{
	unsigned n = i->reg;
	set_reg(c, bits, n, fn(c, bits, get_reg(c, bits, n), get_reg(c, ebits, i->rm)));
	NEXT_FAST(c, i);
}
INLINE const struct insn *ge_m(struct cpu *c, const struct insn *i, int bits, int ebits, binary_fn fn)
{
	uint64_t v;
	TRY(c, i, load_operand(c, i, ebits, &v));
	set_reg(c, bits, i->reg, fn(c, bits, get_reg(c, bits, i->reg), v));
	NEXT(c, i);
}
INLINE const struct insn *ge_f(struct cpu *c, const struct insn *i, uint64_t lin, int bits, int ebits, binary_fn fn, op_fn slow)
{
	uintptr_t host;
	if (unlikely(!tlb_read(c, lin, (unsigned)ebits / 8, &host)))
		return slow(c, i);
	unsigned n = i->reg;
	set_reg(c, bits, n, fn(c, bits, get_reg(c, bits, n), host_load(ebits, host)));
	NEXT_FAST(c, i);
}

/* n: handler name with width, fn: operation, s: source expression in terms of c, i */
#define RMW_FORMS(n, bits, fn, s) \
	HANDLER(n##_r) { return rmw_r(c, i, bits, fn, s); } \
	HANDLER(n##_m) { return rmw_m(c, i, bits, fn, s); } \
	HANDLER(n##_f) { return rmw_f(c, i, ea_fast(c, i), bits, fn, s, op_##n##_m); }
#define RMW_FORMS_BX(n, bits, fn, s) \
	RMW_FORMS(n, bits, fn, s) \
	HANDLER(n##_b) { return rmw_f(c, i, ea_base(c, i), bits, fn, s, op_##n##_m); } \
	HANDLER(n##_x) { return rmw_f(c, i, ea_index(c, i), bits, fn, s, op_##n##_m); }
#define TEST_FORMS(n, bits, fn, s) \
	HANDLER(n##_r) { return test_r(c, i, bits, fn, s); } \
	HANDLER(n##_m) { return test_m(c, i, bits, fn, s); } \
	HANDLER(n##_f) { return test_f(c, i, ea_fast(c, i), bits, fn, s, op_##n##_m); }
#define TEST_FORMS_BX(n, bits, fn, s) \
	TEST_FORMS(n, bits, fn, s) \
	HANDLER(n##_b) { return test_f(c, i, ea_base(c, i), bits, fn, s, op_##n##_m); } \
	HANDLER(n##_x) { return test_f(c, i, ea_index(c, i), bits, fn, s, op_##n##_m); }
#define GE_FORMS(n, bits, ebits, fn) \
	HANDLER(n##_r) { return ge_r(c, i, bits, ebits, fn); } \
	HANDLER(n##_m) { return ge_m(c, i, bits, ebits, fn); } \
	HANDLER(n##_f) { return ge_f(c, i, ea_fast(c, i), bits, ebits, fn, op_##n##_m); }
#define GE_FORMS_BX(n, bits, ebits, fn) \
	GE_FORMS(n, bits, ebits, fn) \
	HANDLER(n##_b) { return ge_f(c, i, ea_base(c, i), bits, ebits, fn, op_##n##_m); } \
	HANDLER(n##_x) { return ge_f(c, i, ea_index(c, i), bits, ebits, fn, op_##n##_m); }
#define RMW_SIZES(n, fn, s) RMW_FORMS(n##16, 16, fn, s(16)) RMW_FORMS(n##32, 32, fn, s(32)) RMW_FORMS(n##64, 64, fn, s(64))
#define RMW_SIZES_BX(n, fn, s) RMW_FORMS(n##16, 16, fn, s(16)) RMW_FORMS_BX(n##32, 32, fn, s(32)) RMW_FORMS_BX(n##64, 64, fn, s(64))
#define TEST_SIZES(n, fn, s) TEST_FORMS(n##16, 16, fn, s(16)) TEST_FORMS(n##32, 32, fn, s(32)) TEST_FORMS(n##64, 64, fn, s(64))
#define TEST_SIZES_BX(n, fn, s) TEST_FORMS(n##16, 16, fn, s(16)) TEST_FORMS_BX(n##32, 32, fn, s(32)) TEST_FORMS_BX(n##64, 64, fn, s(64))
#define GE_SIZES(n, fn) GE_FORMS(n##16, 16, 16, fn) GE_FORMS(n##32, 32, 32, fn) GE_FORMS(n##64, 64, 64, fn)
#define GE_SIZES_BX(n, fn) GE_FORMS(n##16, 16, 16, fn) GE_FORMS_BX(n##32, 32, 32, fn) GE_FORMS_BX(n##64, 64, 64, fn)
/* N form: fn leaves the flags alone */
#define RMW_PLAIN(n, fn, s) HANDLER(n##32_n) { return rmw_r(c, i, 32, fn, s(32)); } HANDLER(n##64_n) { return rmw_r(c, i, 64, fn, s(64)); }
#define GE_PLAIN(n, fn) HANDLER(n##32_n) { return ge_r(c, i, 32, 32, fn); } HANDLER(n##64_n) { return ge_r(c, i, 64, 64, fn); }
/* sources */
#define S_REG(bits) get_reg(c, bits, i->reg)
#define S_IMM(bits) (uint64_t)i->imm
#define S_CL(bits)  get_reg(c, 8, RCX * 8)
#define S_NONE(bits) 0

/* ---- conditions -------------------------------------------------------------------------------------------------------------------- */

enum cond { CC_O, CC_NO, CC_B, CC_NB, CC_Z, CC_NZ, CC_BE, CC_NBE, CC_S, CC_NS, CC_P, CC_NP, CC_L, CC_NL, CC_LE, CC_NLE };
INLINE bool condition(const struct cpu *c, enum cond cc)
{
	bool v;
	switch (cc >> 1) {
	case 0:  v = c->of; break;
	case 1:  v = c->flags_ah & FL_CF; break;
	case 2:  v = c->flags_ah & FL_ZF; break;
	case 3:  v = c->flags_ah & (FL_CF | FL_ZF); break;
	case 4:  v = c->flags_ah & FL_SF; break;
	case 5:  v = c->flags_ah & FL_PF; break;
	case 6:  v = c->flags_ah >> 7 != c->of; break;
	default: v = (c->flags_ah & FL_ZF) || c->flags_ah >> 7 != c->of; break;
	}
	return v != (cc & 1);
}
#define FOR_EACH_COND(X) X(o, CC_O) X(no, CC_NO) X(b, CC_B) X(nb, CC_NB) X(z, CC_Z) X(nz, CC_NZ) X(be, CC_BE) X(nbe, CC_NBE) \
	X(s, CC_S) X(ns, CC_NS) X(p, CC_P) X(np, CC_NP) X(l, CC_L) X(nl, CC_NL) X(le, CC_LE) X(nle, CC_NLE)
#endif
