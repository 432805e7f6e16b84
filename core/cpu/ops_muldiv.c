/* ops_muldiv.c - mul, imul, div, idiv, mulx, and the decimal adjustments.  Ref: SDM 2. */
#include "core/cpu/ops_int.h"

/* ---- multiplication: rDX:rAX = rAX * E; CF and OF alike, the other flags (undefined) as they were, which is what AMD's do ------- */

INLINE void put_carry_overflow(struct cpu *c, bool set)
{
	c->flags_ah = (uint8_t)((c->flags_ah & ~FL_CF) | set);
	c->of = set;
}
#define MULTIPLY(name, ins) \
	INLINE void name(struct cpu *c, int bits, uint64_t s) \
	{ \
		uint64_t a = c->regs[RAX], d; \
		bool set; \
		switch (bits) { \
		case 8:  asm(ins "b %b3" : "=@ccc" (set), "+a" (a), "=d" (d) : "q" (s)); break; \
		case 16: asm(ins "w %w3" : "=@ccc" (set), "+&a" (a), "=&d" (d) : "r" (s)); break; \
		case 32: asm(ins "l %k3" : "=@ccc" (set), "+&a" (a), "=&d" (d) : "r" (s)); break; \
		default: asm(ins "q %3" : "=@ccc" (set), "+&a" (a), "=&d" (d) : "r" (s)); break; \
		} \
		put_carry_overflow(c, set); \
		if (bits == 8) { \
			set_reg(c, 16, RAX, a); \
		} else { \
			set_reg(c, bits, RAX, a); \
			set_reg(c, bits, RDX, d); \
		} \
	}
MULTIPLY(multiply_u, "mul")
MULTIPLY(multiply_s, "imul")

/* IMUL G, E [, imm] */
INLINE uint64_t do_imul(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	bool set;
	switch (bits) {
	case 16: asm("imulw %w2, %w0" : "+r" (d), "=@ccc" (set) : "r" (s)); break;
	case 32: asm("imull %k2, %k0" : "+r" (d), "=@ccc" (set) : "r" (s)); is_32_bits(d); break;
	default: asm("imulq %2, %0" : "+r" (d), "=@ccc" (set) : "r" (s)); break;
	}
	put_carry_overflow(c, set);
	return d;
}
GE_SIZES(imul_ge, do_imul)
INLINE uint64_t plain_imul(struct cpu *c, int bits, uint64_t d, uint64_t s) { return d * s; }
GE_PLAIN(imul_ge, plain_imul)

/* ---- division: quotient to rAX, remainder to rDX; flags stay.  False: #DE -------------------------------------------------------- */

INLINE bool divide_u(struct cpu *c, int bits, uint64_t s)
{
	uint64_t a = c->regs[RAX], d = c->regs[RDX], m = width_mask(bits);
	if (bits == 8) {
		unsigned n = (uint16_t)a;
		if (!s || n / s > 0xff)
			return false;
		set_reg(c, 16, RAX, (n % s) << 8 | n / s);
		return true;
	}
	a &= m;
	d &= m;
	if (d >= s)                                     /* also s = 0 */
		return false;
	if (bits == 64) {
		asm("divq %2" : "+a" (a), "+d" (d) : "r" (s) : "cc");
		c->regs[RAX] = a;
		c->regs[RDX] = d;
	} else {
		uint64_t n = d << bits | a;
		set_reg(c, bits, RAX, n / s);
		set_reg(c, bits, RDX, n % s);
	}
	return true;
}
/* Signed 128 by 64: by magnitudes, so that the host never faults. */
INLINE bool divide_s64(struct cpu *c, int64_t s)
{
	unsigned __int128 n = (unsigned __int128)c->regs[RDX] << 64 | c->regs[RAX];
	bool neg_n = (int64_t)c->regs[RDX] < 0, neg_s = s < 0;
	if (neg_n)
		n = -n;
	uint64_t mag = neg_s ? -(uint64_t)s : (uint64_t)s, hi = (uint64_t)(n >> 64), lo = (uint64_t)n;
	if (hi >= mag)
		return false;
	asm("divq %2" : "+a" (lo), "+d" (hi) : "r" (mag) : "cc");
	bool neg_q = neg_n != neg_s;
	if (lo > (UINT64_C(1) << 63) - !neg_q)
		return false;
	c->regs[RAX] = neg_q ? -lo : lo;
	c->regs[RDX] = neg_n ? -hi : hi;
	return true;
}
INLINE bool divide_s(struct cpu *c, int bits, uint64_t s)
{
	uint64_t a = c->regs[RAX], d = c->regs[RDX];
	if (bits == 64)
		return divide_s64(c, (int64_t)s);
	int64_t n, v, q, r;
	switch (bits) {
	case 8:  n = (int16_t)a; v = (int8_t)s; break;
	case 16: n = (int32_t)((uint32_t)(d & 0xffff) << 16 | (a & 0xffff)); v = (int16_t)s; break;
	default: n = (int64_t)(d << 32 | (uint32_t)a); v = (int32_t)s; break;
	}
	/* -2^63 / -1 is the one quotient that does not fit in 64 bits */
	if (!v || (v == -1 && n == INT64_MIN))
		return false;
	q = n / v;
	r = n % v;
	if (q != (int64_t)((uint64_t)q << (64 - bits)) >> (64 - bits))
		return false;
	if (bits == 8) {
		set_reg(c, 16, RAX, (uint64_t)(uint8_t)r << 8 | (uint8_t)q);
	} else {
		set_reg(c, bits, RAX, (uint64_t)q);
		set_reg(c, bits, RDX, (uint64_t)r);
	}
	return true;
}

#define MUL_FORMS(n, bits, fn) \
	HANDLER(n##_r) { fn(c, bits, get_reg(c, bits, i->rm)); NEXT_FAST(c, i); } \
	HANDLER(n##_m) { uint64_t v; TRY(c, i, load_operand(c, i, bits, &v)); fn(c, bits, v); NEXT(c, i); } \
	HANDLER(n##_f) { uintptr_t h; if (unlikely(!tlb_read(c, ea_fast(c, i), bits / 8, &h))) return op_##n##_m(c, i); \
		fn(c, bits, host_load(bits, h)); NEXT_FAST(c, i); }
#define DIV_FORMS(n, bits, fn) \
	HANDLER(n##_r) { if (unlikely(!fn(c, bits, get_reg(c, bits, i->rm)))) RAISE(c, i, EXC_DE); NEXT_FAST(c, i); } \
	HANDLER(n##_m) { uint64_t v; TRY(c, i, load_operand(c, i, bits, &v)); if (unlikely(!fn(c, bits, v))) RAISE(c, i, EXC_DE); NEXT(c, i); } \
	HANDLER(n##_f) { return op_##n##_m(c, i); }
#define MULDIV(n, forms, fn) forms(n##8, 8, fn) forms(n##16, 16, fn) forms(n##32, 32, fn) forms(n##64, 64, fn)
MULDIV(mul_e, MUL_FORMS, multiply_u)
MULDIV(imul_e, MUL_FORMS, multiply_s)
MULDIV(div_e, DIV_FORMS, divide_u)
MULDIV(idiv_e, DIV_FORMS, divide_s)

#define IMUL_IMM(bits) \
	HANDLER(imul_gei##bits##_r) { set_reg(c, bits, i->reg, do_imul(c, bits, get_reg(c, bits, i->rm), (uint64_t)i->imm)); NEXT_FAST(c, i); } \
	HANDLER(imul_gei##bits##_m) { uint64_t v; TRY(c, i, load_operand(c, i, bits, &v)); set_reg(c, bits, i->reg, do_imul(c, bits, v, (uint64_t)i->imm)); NEXT(c, i); } \
	HANDLER(imul_gei##bits##_f) { uintptr_t h; if (unlikely(!tlb_read(c, ea_fast(c, i), bits / 8, &h))) return op_imul_gei##bits##_m(c, i); \
		set_reg(c, bits, i->reg, do_imul(c, bits, host_load(bits, h), (uint64_t)i->imm)); NEXT_FAST(c, i); }
IMUL_IMM(16) IMUL_IMM(32) IMUL_IMM(64)

/* MULX: G:B = rDX * E, high half to G, which wins when both are the same register. */
INLINE void multiply_x(struct cpu *c, const struct insn *i, int bits, uint64_t v)
{
	unsigned __int128 p = (unsigned __int128)(c->regs[RDX] & width_mask(bits)) * v;
	set_reg(c, bits, i->imm >> 8 & 15, (uint64_t)p);
	set_reg(c, bits, i->reg, (uint64_t)(p >> bits));
}
#define MULX(bits) \
	HANDLER(mulx##bits##_r) { multiply_x(c, i, bits, get_reg(c, bits, i->rm)); NEXT_FAST(c, i); } \
	HANDLER(mulx##bits##_m) { uint64_t v; TRY(c, i, load_operand(c, i, bits, &v)); multiply_x(c, i, bits, v); NEXT(c, i); } \
	HANDLER(mulx##bits##_f) { return op_mulx##bits##_m(c, i); }
MULX(32) MULX(64)

/* ---- decimal adjustments (SDM 2: DAA, DAS, AAA, AAS, AAM, AAD) -------------------------------------------------------------------------- */

INLINE uint32_t szp_of(uint8_t v)
{
	return (v & 0x80u) | (v ? 0 : FL_ZF) | (__builtin_parity(v) ? 0 : FL_PF);
}
static void decimal_adjust(struct cpu *c, bool subtract)
{
	uint8_t al = (uint8_t)c->regs[RAX], old = al;
	uint32_t old_f = arith_get(c), f = 0;
	if ((al & 15) > 9 || (old_f & FL_AF)) {
		al = (uint8_t)(subtract ? al - 6 : al + 6);
		f |= FL_AF | (old_f & FL_CF);
		if (subtract ? old < 6 : old > 0xf9)
			f |= FL_CF;
	}
	if (old > 0x99 || (old_f & FL_CF)) {
		al = (uint8_t)(subtract ? al - 0x60 : al + 0x60);
		f |= FL_CF;
	}
	set_reg(c, 8, 0, al);
	arith_set(c, f | szp_of(al));
}
HANDLER(daa) { decimal_adjust(c, false); NEXT(c, i); }
HANDLER(das) { decimal_adjust(c, true); NEXT(c, i); }

static void ascii_adjust(struct cpu *c, bool subtract)
{
	uint16_t ax = (uint16_t)c->regs[RAX];
	uint32_t f = 0;
	if ((ax & 15) > 9 || (arith_get(c) & FL_AF)) {
		ax = (uint16_t)(subtract ? ax - 0x106 : ax + 0x106);
		f = FL_AF | FL_CF;
	}
	ax &= 0xff0f;
	set_reg(c, 16, RAX, ax);
	arith_set(c, f | szp_of((uint8_t)ax));
}
HANDLER(aaa) { ascii_adjust(c, false); NEXT(c, i); }
HANDLER(aas) { ascii_adjust(c, true); NEXT(c, i); }

HANDLER(aam)
{
	uint8_t base = (uint8_t)i->imm, al = (uint8_t)c->regs[RAX];
	if (!base)
		RAISE(c, i, EXC_DE);
	set_reg(c, 16, RAX, (uint64_t)(al / base) << 8 | al % base);
	arith_set(c, szp_of(al % base));
	NEXT(c, i);
}
HANDLER(aad)
{
	uint16_t ax = (uint16_t)c->regs[RAX];
	uint8_t al = (uint8_t)((ax >> 8) * (uint8_t)i->imm + ax);
	set_reg(c, 16, RAX, al);
	arith_set(c, szp_of(al));
	NEXT(c, i);
}
HANDLER(salc) { set_reg(c, 8, 0, c->flags_ah & FL_CF ? 0xff : 0); NEXT(c, i); }
