/* ops_shift.c - shifts, rotates, double shifts, and the flagless shifts of BMI2.
 *
 * A count of 0 (after masking to 5 or 6 bits) changes neither operand nor flags.  Otherwise the host shifts: rotates start from the
 * guest's flags, of which they replace CF and OF only.  What the manual leaves undefined is what the host's processor does. */
#include "core/cpu/ops_int.h"

#define FLAGS_OUT "\n\tlahf\n\tseto %%al"

#define SHIFT_OF(name, ins, flags_in) \
	INLINE uint64_t name(struct cpu *c, int bits, uint64_t d, uint64_t s) \
	{ \
		uint32_t f = flags_in; \
		s &= bits == 64 ? 63 : 31; \
		if (!s) \
			return d; \
		switch (bits) { \
		case 8:  asm("sahf\n\t" ins "b %%cl, %b0" FLAGS_OUT : "+q" (d), "+&a" (f) : "c" (s) : "cc"); break; \
		case 16: asm("sahf\n\t" ins "w %%cl, %w0" FLAGS_OUT : "+r" (d), "+&a" (f) : "c" (s) : "cc"); break; \
		case 32: asm("sahf\n\t" ins "l %%cl, %k0" FLAGS_OUT : "+r" (d), "+&a" (f) : "c" (s) : "cc"); is_32_bits(d); break; \
		default: asm("sahf\n\t" ins "q %%cl, %0" FLAGS_OUT : "+r" (d), "+&a" (f) : "c" (s) : "cc"); break; \
		} \
		c->flags16 = (uint16_t)f; \
		return d; \
	}
/* SAHF loads all but OF, which every shift by a nonzero count sets.  Shifts leave AF undefined: here it is 0, so that it depends neither
 * on the host's state nor on flags that peephole.c dropped. */
enum { NO_FLAGS = 2 << 8 };
SHIFT_OF(do_rol, "rol", c->flags16)
SHIFT_OF(do_ror, "ror", c->flags16)
SHIFT_OF(do_rcl, "rcl", c->flags16)
SHIFT_OF(do_rcr, "rcr", c->flags16)
SHIFT_OF(do_shl, "shl", NO_FLAGS)
SHIFT_OF(do_shr, "shr", NO_FLAGS)
SHIFT_OF(do_sar, "sar", NO_FLAGS)

/* With memory, a count of 0 still needs write access: rmw_* writes the old value back. */
#define SHIFT(n) \
	RMW_FORMS(n##_ei8, 8, do_##n, S_IMM(8)) RMW_SIZES(n##_ei, do_##n, S_IMM) \
	RMW_FORMS(n##_ec8, 8, do_##n, S_CL(8)) RMW_SIZES(n##_ec, do_##n, S_CL)
SHIFT(rol)
SHIFT(ror)
SHIFT(rcl)
SHIFT(rcr)
SHIFT(shl)
SHIFT(shr)
SHIFT(sar)
INLINE uint64_t plain_shl(struct cpu *c, int bits, uint64_t d, uint64_t s) { return d << (s & (unsigned)(bits - 1)); }
INLINE uint64_t plain_shr(struct cpu *c, int bits, uint64_t d, uint64_t s) { return d >> (s & (unsigned)(bits - 1)); }
INLINE uint64_t plain_sar(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	return bits == 32 ? (uint64_t)((int32_t)d >> (s & 31)) : (uint64_t)((int64_t)d >> (s & 63));
}
INLINE uint64_t plain_rol(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	return bits == 32 ? (uint32_t)d << (s & 31) | (uint32_t)d >> (-s & 31) : d << (s & 63) | d >> (-s & 63);
}
INLINE uint64_t plain_ror(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	return bits == 32 ? (uint32_t)d >> (s & 31) | (uint32_t)d << (-s & 31) : d >> (s & 63) | d << (-s & 63);
}
RMW_PLAIN(shl_ei, plain_shl, S_IMM)
RMW_PLAIN(shr_ei, plain_shr, S_IMM)
RMW_PLAIN(sar_ei, plain_sar, S_IMM)
RMW_PLAIN(rol_ei, plain_rol, S_IMM)
RMW_PLAIN(ror_ei, plain_ror, S_IMM)

/* SHLD, SHRD: fn(d, count) with the bits to shift in from G. */
#define DOUBLE_SHIFT(name, ins) \
	INLINE uint64_t name(struct cpu *c, int bits, uint64_t d, uint64_t fill, uint64_t s) \
	{ \
		uint32_t f = NO_FLAGS; \
		s &= bits == 64 ? 63 : 31; \
		if (!s) \
			return d; \
		switch (bits) { \
		case 16: asm("sahf\n\t" ins "w %%cl, %w3, %w0" FLAGS_OUT : "+r" (d), "+&a" (f) : "c" (s), "r" (fill) : "cc"); break; \
		case 32: asm("sahf\n\t" ins "l %%cl, %k3, %k0" FLAGS_OUT : "+r" (d), "+&a" (f) : "c" (s), "r" (fill) : "cc"); break; \
		default: asm("sahf\n\t" ins "q %%cl, %3, %0" FLAGS_OUT : "+r" (d), "+&a" (f) : "c" (s), "r" (fill) : "cc"); break; \
		} \
		c->flags16 = (uint16_t)f; \
		return d; \
	}
DOUBLE_SHIFT(double_left, "shld")
DOUBLE_SHIFT(double_right, "shrd")

typedef uint64_t (*double_fn)(struct cpu *c, int bits, uint64_t d, uint64_t fill, uint64_t s);
INLINE const struct insn *double_r(struct cpu *c, const struct insn *i, int bits, double_fn fn, uint64_t s)
{
	set_reg(c, bits, i->rm, fn(c, bits, get_reg(c, bits, i->rm), get_reg(c, bits, i->reg), s));
	NEXT_FAST(c, i);
}
INLINE const struct insn *double_m(struct cpu *c, const struct insn *i, int bits, double_fn fn, uint64_t s)
{
	uint64_t lin, v;
	uintptr_t host;
	TRY(c, i, ea_linear(c, i, (unsigned)bits / 8, MEM_R | MEM_W, &lin));
	TRY(c, i, rmw_host(c, i, lin, (unsigned)bits / 8, &host));
	TRY(c, i, mem_load(c, i, bits, lin, &v));
	uint16_t flags = c->flags16;
	v = fn(c, bits, v, get_reg(c, bits, i->reg), s);
	if (unlikely(!mem_store(c, i, bits, lin, v))) {
		c->flags16 = flags;
		FAULT(c, i);
	}
	NEXT(c, i);
}
#define DOUBLE_FORMS(n, bits, fn, s) \
	HANDLER(n##_r) { return double_r(c, i, bits, fn, s); } \
	HANDLER(n##_m) { return double_m(c, i, bits, fn, s); } \
	HANDLER(n##_f) { return double_m(c, i, bits, fn, s); }
#define DOUBLE(n, fn, s) DOUBLE_FORMS(n##16, 16, fn, s(16)) DOUBLE_FORMS(n##32, 32, fn, s(32)) DOUBLE_FORMS(n##64, 64, fn, s(64))
DOUBLE(shld_i, double_left, S_IMM)
DOUBLE(shld_c, double_left, S_CL)
DOUBLE(shrd_i, double_right, S_IMM)
DOUBLE(shrd_c, double_right, S_CL)

/* ---- BMI2: G = E shifted by B, no flags ---------------------------------------------------------------------------------------------- */

#define VVVV(bits) get_reg(c, bits, i->imm >> 8 & 15)
INLINE uint64_t shift_left(struct cpu *c, int bits, uint64_t d, uint64_t s) { return s << (d & (unsigned)(bits - 1)); }
INLINE uint64_t shift_right(struct cpu *c, int bits, uint64_t d, uint64_t s) { return (s & width_mask(bits)) >> (d & (unsigned)(bits - 1)); }
INLINE uint64_t shift_arith(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	return bits == 32 ? (uint64_t)((int32_t)s >> (d & 31)) : (uint64_t)((int64_t)s >> (d & 63));
}
INLINE uint64_t rotate_right(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	if (bits == 32)
		return (uint32_t)s >> (d & 31) | (uint32_t)s << (-d & 31);
	return s >> (d & 63) | s << (-d & 63);
}
INLINE const struct insn *shiftx_m(struct cpu *c, const struct insn *i, int bits, binary_fn fn, uint64_t count)
{
	uint64_t v;
	TRY(c, i, load_operand(c, i, bits, &v));
	set_reg(c, bits, i->reg, fn(c, bits, count, v));
	NEXT(c, i);
}
#define SHIFTX_FORMS(n, bits, fn, count) \
	HANDLER(n##_r) { set_reg(c, bits, i->reg, fn(c, bits, count, get_reg(c, bits, i->rm))); NEXT_FAST(c, i); } \
	HANDLER(n##_m) { return shiftx_m(c, i, bits, fn, count); } \
	HANDLER(n##_f) { return shiftx_m(c, i, bits, fn, count); }
SHIFTX_FORMS(shlx32, 32, shift_left, VVVV(32))   SHIFTX_FORMS(shlx64, 64, shift_left, VVVV(64))
SHIFTX_FORMS(shrx32, 32, shift_right, VVVV(32))  SHIFTX_FORMS(shrx64, 64, shift_right, VVVV(64))
SHIFTX_FORMS(sarx32, 32, shift_arith, VVVV(32))  SHIFTX_FORMS(sarx64, 64, shift_arith, VVVV(64))
SHIFTX_FORMS(rorx32, 32, rotate_right, (uint8_t)i->imm) SHIFTX_FORMS(rorx64, 64, rotate_right, (uint8_t)i->imm)
