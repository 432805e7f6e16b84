/* ops_alu.c - add, or, adc, sbb, and, sub, xor, cmp, test, inc, dec, neg, not, adcx, adox.
 *
 * The host computes the flags: each operation is the host's instruction followed by LAHF and SETO AL (cpu.h, flags16).
 * Ref: SDM 2. */
#include "core/cpu/ops_int.h"

#define FLAGS_OUT "\n\tlahf\n\tseto %%al"
#define CARRY_IN  "btl $8, %%eax\n\t"           /* CF is bit 0 of flags_ah */

/* One host instruction `ins` d, s; `pre` runs before it with flags16 in eax. */
#define BINARY(name, ins) \
	INLINE uint64_t name(struct cpu *c, int bits, uint64_t d, uint64_t s) \
	{ \
		uint32_t f; \
		switch (bits) { \
		case 8:  asm(ins "b %b2, %b0" FLAGS_OUT : "+q" (d), "=&a" (f) : "q" (s) : "cc"); break; \
		case 16: asm(ins "w %w2, %w0" FLAGS_OUT : "+r" (d), "=&a" (f) : "r" (s) : "cc"); break; \
		case 32: asm(ins "l %k2, %k0" FLAGS_OUT : "+r" (d), "=&a" (f) : "r" (s) : "cc"); is_32_bits(d); break; \
		default: asm(ins "q %2, %0" FLAGS_OUT : "+r" (d), "=&a" (f) : "r" (s) : "cc"); break; \
		} \
		c->flags16 = (uint16_t)f; \
		return d; \
	}
#define BINARY_CARRY(name, ins) \
	INLINE uint64_t name(struct cpu *c, int bits, uint64_t d, uint64_t s) \
	{ \
		uint32_t f = c->flags16; \
		switch (bits) { \
		case 8:  asm(CARRY_IN ins "b %b2, %b0" FLAGS_OUT : "+q" (d), "+&a" (f) : "q" (s) : "cc"); break; \
		case 16: asm(CARRY_IN ins "w %w2, %w0" FLAGS_OUT : "+r" (d), "+&a" (f) : "r" (s) : "cc"); break; \
		case 32: asm(CARRY_IN ins "l %k2, %k0" FLAGS_OUT : "+r" (d), "+&a" (f) : "r" (s) : "cc"); is_32_bits(d); break; \
		default: asm(CARRY_IN ins "q %2, %0" FLAGS_OUT : "+r" (d), "+&a" (f) : "r" (s) : "cc"); break; \
		} \
		c->flags16 = (uint16_t)f; \
		return d; \
	}
#define UNARY(name, pre, ins) \
	INLINE uint64_t name(struct cpu *c, int bits, uint64_t d, uint64_t s) \
	{ \
		uint32_t f = c->flags16; \
		switch (bits) { \
		case 8:  asm(pre ins "b %b0" FLAGS_OUT : "+q" (d), "+&a" (f) : : "cc"); break; \
		case 16: asm(pre ins "w %w0" FLAGS_OUT : "+r" (d), "+&a" (f) : : "cc"); break; \
		case 32: asm(pre ins "l %k0" FLAGS_OUT : "+r" (d), "+&a" (f) : : "cc"); is_32_bits(d); break; \
		default: asm(pre ins "q %0" FLAGS_OUT : "+r" (d), "+&a" (f) : : "cc"); break; \
		} \
		c->flags16 = (uint16_t)f; \
		return d; \
	}
BINARY(do_add, "add")
BINARY(do_or, "or")
BINARY_CARRY(do_adc, "adc")
BINARY_CARRY(do_sbb, "sbb")
BINARY(do_and, "and")
BINARY(do_sub, "sub")
BINARY(do_xor, "xor")
/* Nothing is written: d keeps what it had. */
#define COMPARE(name, ins) \
	INLINE uint64_t name(struct cpu *c, int bits, uint64_t d, uint64_t s) \
	{ \
		uint32_t f; \
		switch (bits) { \
		case 8:  asm(ins "b %b2, %b1" FLAGS_OUT : "=&a" (f) : "q" (d), "q" (s) : "cc"); break; \
		case 16: asm(ins "w %w2, %w1" FLAGS_OUT : "=&a" (f) : "r" (d), "r" (s) : "cc"); break; \
		case 32: asm(ins "l %k2, %k1" FLAGS_OUT : "=&a" (f) : "r" (d), "r" (s) : "cc"); break; \
		default: asm(ins "q %2, %1" FLAGS_OUT : "=&a" (f) : "r" (d), "r" (s) : "cc"); break; \
		} \
		c->flags16 = (uint16_t)f; \
		return d; \
	}
COMPARE(do_cmp, "cmp")
COMPARE(do_test, "test")
UNARY(do_inc, CARRY_IN, "inc")
UNARY(do_dec, CARRY_IN, "dec")
UNARY(do_neg, "", "neg")
INLINE uint64_t do_not(struct cpu *c, int bits, uint64_t d, uint64_t s) { return ~d; }

/* The same without flags. */
INLINE uint64_t plain_add(struct cpu *c, int bits, uint64_t d, uint64_t s) { return d + s; }
INLINE uint64_t plain_or(struct cpu *c, int bits, uint64_t d, uint64_t s)  { return d | s; }
INLINE uint64_t plain_adc(struct cpu *c, int bits, uint64_t d, uint64_t s) { return d + s + (c->flags_ah & FL_CF); }
INLINE uint64_t plain_sbb(struct cpu *c, int bits, uint64_t d, uint64_t s) { return d - s - (c->flags_ah & FL_CF); }
INLINE uint64_t plain_and(struct cpu *c, int bits, uint64_t d, uint64_t s) { return d & s; }
INLINE uint64_t plain_sub(struct cpu *c, int bits, uint64_t d, uint64_t s) { return d - s; }
INLINE uint64_t plain_xor(struct cpu *c, int bits, uint64_t d, uint64_t s) { return d ^ s; }
INLINE uint64_t plain_inc(struct cpu *c, int bits, uint64_t d, uint64_t s) { return d + 1; }
INLINE uint64_t plain_dec(struct cpu *c, int bits, uint64_t d, uint64_t s) { return d - 1; }

#define ALU(n) \
	RMW_FORMS(n##_eg8, 8, do_##n, S_REG(8)) RMW_SIZES_BX(n##_eg, do_##n, S_REG) RMW_PLAIN(n##_eg, plain_##n, S_REG) \
	RMW_FORMS(n##_ei8, 8, do_##n, S_IMM(8)) RMW_SIZES_BX(n##_ei, do_##n, S_IMM) RMW_PLAIN(n##_ei, plain_##n, S_IMM) \
	GE_FORMS(n##_ge8, 8, 8, do_##n) GE_SIZES_BX(n##_ge, do_##n) GE_PLAIN(n##_ge, plain_##n)
ALU(add)
ALU(or)
ALU(adc)
ALU(sbb)
ALU(and)
ALU(sub)
ALU(xor)

TEST_FORMS_BX(cmp_eg8, 8, do_cmp, S_REG(8)) TEST_SIZES_BX(cmp_eg, do_cmp, S_REG)
TEST_FORMS_BX(cmp_ei8, 8, do_cmp, S_IMM(8)) TEST_SIZES_BX(cmp_ei, do_cmp, S_IMM)
TEST_FORMS_BX(test_eg8, 8, do_test, S_REG(8)) TEST_SIZES_BX(test_eg, do_test, S_REG)
TEST_FORMS_BX(test_ei8, 8, do_test, S_IMM(8)) TEST_SIZES_BX(test_ei, do_test, S_IMM)

/* cmp G, E: as ge_*, but G stays. */
INLINE const struct insn *cmp_ge_m(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t v;
	TRY(c, i, load_operand(c, i, bits, &v));
	do_cmp(c, bits, get_reg(c, bits, i->reg), v);
	NEXT(c, i);
}
INLINE const struct insn *cmp_ge_f(struct cpu *c, const struct insn *i, uint64_t lin, int bits, op_fn slow)
{
	uintptr_t host;
	if (unlikely(!tlb_read(c, lin, (unsigned)bits / 8, &host)))
		return slow(c, i);
	do_cmp(c, bits, get_reg(c, bits, i->reg), host_load(bits, host));
	NEXT_FAST(c, i);
}
#define CMP_GE(n, bits) \
	HANDLER(cmp_ge##n##_r) { do_cmp(c, bits, get_reg(c, bits, i->reg), get_reg(c, bits, i->rm)); NEXT_FAST(c, i); } \
	HANDLER(cmp_ge##n##_m) { return cmp_ge_m(c, i, bits); } \
	HANDLER(cmp_ge##n##_f) { return cmp_ge_f(c, i, ea_fast(c, i), bits, op_cmp_ge##n##_m); }
#define CMP_GE_BX(n, bits) \
	CMP_GE(n, bits) \
	HANDLER(cmp_ge##n##_b) { return cmp_ge_f(c, i, ea_base(c, i), bits, op_cmp_ge##n##_m); } \
	HANDLER(cmp_ge##n##_x) { return cmp_ge_f(c, i, ea_index(c, i), bits, op_cmp_ge##n##_m); }
CMP_GE_BX(8, 8) CMP_GE(16, 16) CMP_GE_BX(32, 32) CMP_GE_BX(64, 64)

#define ONE_OPERAND(n) RMW_FORMS(n##_e8, 8, do_##n, 0) RMW_SIZES(n##_e, do_##n, S_NONE)
#define COUNTING(n) RMW_FORMS(n##_e8, 8, do_##n, 0) RMW_SIZES_BX(n##_e, do_##n, S_NONE) RMW_PLAIN(n##_e, plain_##n, S_NONE)
COUNTING(inc)
COUNTING(dec)
ONE_OPERAND(neg)
ONE_OPERAND(not)

/* ADCX and ADOX: add with a carry chain through CF or OF, the other flags as they were. */
INLINE uint64_t add_chain(int bits, uint64_t d, uint64_t s, bool *carry)
{
	unsigned __int128 sum = (unsigned __int128)(d & width_mask(bits)) + (s & width_mask(bits)) + *carry;
	*carry = (sum >> bits) & 1;
	return (uint64_t)sum;
}
INLINE uint64_t do_adcx(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	bool carry = c->flags_ah & FL_CF;
	d = add_chain(bits, d, s, &carry);
	c->flags_ah = (uint8_t)((c->flags_ah & ~FL_CF) | carry);
	return d;
}
INLINE uint64_t do_adox(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	bool carry = c->of;
	d = add_chain(bits, d, s, &carry);
	c->of = carry;
	return d;
}
GE_FORMS(adcx32, 32, 32, do_adcx) GE_FORMS(adcx64, 64, 64, do_adcx)
GE_FORMS(adox32, 32, 32, do_adox) GE_FORMS(adox64, 64, 64, do_adox)
