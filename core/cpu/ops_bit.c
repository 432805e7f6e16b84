/* ops_bit.c - bit tests, scans, counts, BMI1/2 bit fields, crc32, random numbers, flag instructions.  Ref: SDM 2. */
#include "core/cpu/counted.h"
#include "core/cpu/ops_int.h"
#include <sys/random.h>

/* ---- BT, BTS, BTR, BTC: CF is the bit, the other flags stay ------------------------------------------------------------------------ */

enum bit_op { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };
INLINE uint64_t bit_apply(struct cpu *c, int bits, enum bit_op op, uint64_t d, uint64_t s)
{
	uint64_t m = UINT64_C(1) << (s & (unsigned)(bits - 1));
	c->flags_ah = (uint8_t)((c->flags_ah & ~FL_CF) | ((d & m) ? FL_CF : 0));
	switch (op) {
	case BIT_SET:        return d | m;
	case BIT_RESET:      return d & ~m;
	case BIT_COMPLEMENT: return d ^ m;
	default:             return d;
	}
}
INLINE uint64_t do_bt(struct cpu *c, int bits, uint64_t d, uint64_t s)  { return bit_apply(c, bits, BIT_TEST, d, s); }
INLINE uint64_t do_bts(struct cpu *c, int bits, uint64_t d, uint64_t s) { return bit_apply(c, bits, BIT_SET, d, s); }
INLINE uint64_t do_btr(struct cpu *c, int bits, uint64_t d, uint64_t s) { return bit_apply(c, bits, BIT_RESET, d, s); }
INLINE uint64_t do_btc(struct cpu *c, int bits, uint64_t d, uint64_t s) { return bit_apply(c, bits, BIT_COMPLEMENT, d, s); }

/* A register bit offset into memory is signed and reaches beyond the operand: it moves the address by whole operands. */
INLINE bool bit_linear(struct cpu *c, const struct insn *i, int bits, unsigned access, uint64_t *lin)
{
	int64_t bit = (int64_t)(get_reg(c, bits, i->reg) << (64 - bits)) >> (64 - bits);
	uint64_t off = ea_offset(c, i) + (uint64_t)((bit >> (bits == 64 ? 6 : bits == 32 ? 5 : 4)) * (bits / 8));
	if (i->flags & (I_A32 | I_A16))
		off = i->flags & I_A32 ? (uint32_t)off : (uint16_t)off;
	if (i->flags & I_SEGCHK)
		return seg_check(c, i, i->sg, off, (unsigned)bits / 8, access, lin);
	*lin = (c->seg[i->sg].base + off) & c->lin_mask;
	return true;
}
INLINE const struct insn *bit_m(struct cpu *c, const struct insn *i, int bits, binary_fn fn, bool writes)
{
	uint64_t lin, v;
	TRY(c, i, bit_linear(c, i, bits, writes ? MEM_R | MEM_W : MEM_R, &lin));
	if (writes) {
		TRY(c, i, modify(c, i, bits, lin, i->flags & I_LOCK, fn, get_reg(c, bits, i->reg), &v));
	} else {
		TRY(c, i, mem_load(c, i, bits, lin, &v));
		fn(c, bits, v, get_reg(c, bits, i->reg));
	}
	NEXT(c, i);
}
#define BIT_FORMS(n, bits, writes) \
	HANDLER(n##_eg##bits##_r) { \
		if (writes) \
			return rmw_r(c, i, bits, do_##n, S_REG(bits)); \
		do_##n(c, bits, get_reg(c, bits, i->rm), S_REG(bits)); \
		NEXT_FAST(c, i); \
	} \
	HANDLER(n##_eg##bits##_m) { return bit_m(c, i, bits, do_##n, writes); } \
	HANDLER(n##_eg##bits##_f) { return bit_m(c, i, bits, do_##n, writes); }
#define BIT(n, writes) BIT_FORMS(n, 16, writes) BIT_FORMS(n, 32, writes) BIT_FORMS(n, 64, writes)
BIT(bt, false)
BIT(bts, true)
BIT(btr, true)
BIT(btc, true)
TEST_SIZES(bt_ei, do_bt, S_IMM)
RMW_SIZES(bts_ei, do_bts, S_IMM)
RMW_SIZES(btr_ei, do_btr, S_IMM)
RMW_SIZES(btc_ei, do_btc, S_IMM)

/* ---- scans and counts: G from E ------------------------------------------------------------------------------------------------------ */

INLINE void put_flags(struct cpu *c, uint32_t f) { c->flags_ah = (uint8_t)(f | 2); c->of = 0; }
INLINE void put_zf(struct cpu *c, bool z) { c->flags_ah = (uint8_t)((c->flags_ah & ~FL_ZF) | (z ? FL_ZF : 0)); }

/* BSF, BSR of zero leave the destination (the 32-bit form its upper half too) and set ZF; other flags stay, as on AMD. */
INLINE uint64_t do_bsf(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	put_zf(c, !s);
	return s ? (uint64_t)__builtin_ctzll(s) : d;
}
INLINE uint64_t do_bsr(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	put_zf(c, !s);
	return s ? (uint64_t)(63 - __builtin_clzll(s)) : d;
}
/* ge_* would clear the upper half of a 32-bit destination that must stay. */
INLINE void scan(struct cpu *c, const struct insn *i, int bits, binary_fn fn, uint64_t s)
{
	if (s)
		set_reg(c, bits, i->reg, fn(c, bits, 0, s));
	else
		put_zf(c, true);
}
#define SCAN_FORMS(n, bits) \
	HANDLER(n##bits##_r) { scan(c, i, bits, do_##n, get_reg(c, bits, i->rm)); NEXT_FAST(c, i); } \
	HANDLER(n##bits##_m) { uint64_t v; TRY(c, i, load_operand(c, i, bits, &v)); scan(c, i, bits, do_##n, v); NEXT(c, i); } \
	HANDLER(n##bits##_f) { return op_##n##bits##_m(c, i); }
SCAN_FORMS(bsf, 16) SCAN_FORMS(bsf, 32) SCAN_FORMS(bsf, 64)
SCAN_FORMS(bsr, 16) SCAN_FORMS(bsr, 32) SCAN_FORMS(bsr, 64)

INLINE uint64_t do_tzcnt(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	uint64_t n = s ? (uint64_t)__builtin_ctzll(s) : (uint64_t)bits;
	c->flags_ah = (uint8_t)((c->flags_ah & ~(FL_CF | FL_ZF)) | (s ? 0 : FL_CF) | (n ? 0 : FL_ZF));
	return n;
}
INLINE uint64_t do_lzcnt(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	uint64_t n = s ? (uint64_t)(__builtin_clzll(s) - (64 - bits)) : (uint64_t)bits;
	c->flags_ah = (uint8_t)((c->flags_ah & ~(FL_CF | FL_ZF)) | (s ? 0 : FL_CF) | (n ? 0 : FL_ZF));
	return n;
}
INLINE uint64_t do_popcnt(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	put_flags(c, s ? 0 : FL_ZF);
	return (uint64_t)__builtin_popcountll(s);
}
GE_SIZES(tzcnt, do_tzcnt)
GE_SIZES(lzcnt, do_lzcnt)
GE_SIZES(popcnt, do_popcnt)

/* ---- BMI: one result R from E and V (VEX.vvvv) --------------------------------------------------------------------------------------- */

INLINE void put_result_flags(struct cpu *c, int bits, uint64_t r, bool carry)
{
	r &= width_mask(bits);
	put_flags(c, (r ? 0 : FL_ZF) | (r >> (bits - 1) ? FL_SF : 0u) | (carry ? FL_CF : 0u));
}
/* d = V, s = E */
INLINE uint64_t do_andn(struct cpu *c, int bits, uint64_t d, uint64_t s) { uint64_t r = ~d & s; put_result_flags(c, bits, r, false); return r; }
INLINE uint64_t do_blsr(struct cpu *c, int bits, uint64_t d, uint64_t s) { uint64_t r = s & (s - 1); put_result_flags(c, bits, r, !s); return r; }
INLINE uint64_t do_blsmsk(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	uint64_t r = s ^ (s - 1);
	put_result_flags(c, bits, r, !s);
	c->flags_ah &= (uint8_t)~FL_ZF;
	return r;
}
INLINE uint64_t do_blsi(struct cpu *c, int bits, uint64_t d, uint64_t s) { uint64_t r = s & -s; put_result_flags(c, bits, r, s != 0); return r; }
INLINE uint64_t do_bzhi(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	unsigned n = (uint8_t)d;
	uint64_t r = n < (unsigned)bits ? s & ((UINT64_C(1) << n) - 1) : s;
	put_result_flags(c, bits, r, n > (unsigned)bits - 1);
	return r;
}
INLINE uint64_t do_bextr(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	unsigned start = (uint8_t)d, len = (uint8_t)(d >> 8);
	uint64_t r = start < (unsigned)bits ? s >> start : 0;
	if (len < (unsigned)bits)
		r &= (UINT64_C(1) << len) - 1;
	put_flags(c, r ? 0 : FL_ZF);
	return r;
}
INLINE uint64_t do_pdep(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	uint64_t r = 0;
	for (; s; s &= s - 1, d >>= 1)
		if (d & 1)
			r |= s & -s;
	return r;
}
INLINE uint64_t do_pext(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	uint64_t r = 0, bit = 1;
	for (; s; s &= s - 1, bit <<= 1)
		if (d & s & -s)
			r |= bit;
	return r;
}
INLINE void bmi(struct cpu *c, const struct insn *i, int bits, unsigned dst, binary_fn fn, uint64_t s)
{
	set_reg(c, bits, dst, fn(c, bits, get_reg(c, bits, i->imm >> 8 & 15), s));
}
#define BMI_FORMS(n, bits, dst) \
	HANDLER(n##bits##_r) { bmi(c, i, bits, dst, do_##n, get_reg(c, bits, i->rm)); NEXT_FAST(c, i); } \
	HANDLER(n##bits##_m) { uint64_t v; TRY(c, i, load_operand(c, i, bits, &v)); bmi(c, i, bits, dst, do_##n, v); NEXT(c, i); } \
	HANDLER(n##bits##_f) { return op_##n##bits##_m(c, i); }
#define BMI(n, dst) BMI_FORMS(n, 32, dst) BMI_FORMS(n, 64, dst)
BMI(andn, i->reg)
BMI(blsr, i->imm >> 8 & 15)
BMI(blsmsk, i->imm >> 8 & 15)
BMI(blsi, i->imm >> 8 & 15)
BMI(bzhi, i->reg)
BMI(bextr, i->reg)
BMI(pdep, i->reg)
BMI(pext, i->reg)

/* ---- CRC32: polynomial 11EDC6F41h, bit-reflected ---------------------------------------------------------------------------------------- */

INLINE uint64_t do_crc32(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	uint32_t crc = (uint32_t)d;
	for (int n = 0; n < bits; n += 8) {
		crc ^= (uint8_t)(s >> n);
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return crc;
}
#define CRC_FORMS(n, bits) \
	HANDLER(n##_r) { set_reg(c, 64, i->reg, do_crc32(c, bits, c->regs[i->reg], get_reg(c, bits, i->rm))); NEXT_FAST(c, i); } \
	HANDLER(n##_m) { uint64_t v; TRY(c, i, load_operand(c, i, bits, &v)); set_reg(c, 64, i->reg, do_crc32(c, bits, c->regs[i->reg], v)); NEXT(c, i); } \
	HANDLER(n##_f) { return op_##n##_m(c, i); }
CRC_FORMS(crc32_8, 8) CRC_FORMS(crc32_16, 16) CRC_FORMS(crc32_32, 32) CRC_FORMS(crc32_64, 64)

/* ---- random numbers: from the host's kernel, so that they never run dry ---------------------------------------------------------------- */

static void random_to(struct cpu *c, int bits, unsigned n)
{
	uint64_t v = 0;
	bool ok = counted_random(c, &v) || getrandom(&v, sizeof v, GRND_NONBLOCK) == sizeof v;
	set_reg(c, bits, n, ok ? v : 0);
	put_flags(c, ok ? FL_CF : 0);
}
HANDLER(rdrand16) { random_to(c, 16, i->rm); NEXT(c, i); }
HANDLER(rdrand32) { random_to(c, 32, i->rm); NEXT(c, i); }
HANDLER(rdrand64) { random_to(c, 64, i->rm); NEXT(c, i); }

/* ---- flags -------------------------------------------------------------------------------------------------------------------------------- */

HANDLER(clc) { c->flags_ah &= (uint8_t)~FL_CF; NEXT_FAST(c, i); }
HANDLER(stc) { c->flags_ah |= FL_CF; NEXT_FAST(c, i); }
HANDLER(cmc) { c->flags_ah ^= FL_CF; NEXT_FAST(c, i); }
HANDLER(cld) { c->df_step = 1; NEXT_FAST(c, i); }
HANDLER(std) { c->df_step = (uint64_t)-1; NEXT_FAST(c, i); }
HANDLER(lahf) { set_reg(c, 8, 1, c->flags_ah | 2); NEXT_FAST(c, i); }
HANDLER(sahf) { c->flags_ah = (uint8_t)((get_reg(c, 8, 1) & 0xd5) | 2); NEXT_FAST(c, i); }
