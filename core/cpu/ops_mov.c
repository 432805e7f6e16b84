/* ops_mov.c - moves: mov, movzx, movsx, lea, xchg, cmov, set, bswap, movbe, movnti, xlat, sign extensions.  Ref: SDM 2. */
#include "core/cpu/ops_int.h"

/* ---- loads and stores --------------------------------------------------------------------------------------------------------------- */

INLINE uint64_t take(struct cpu *c, int bits, uint64_t d, uint64_t s) { return s; }
GE_FORMS_BX(mov_ge8, 8, 8, take) GE_SIZES_BX(mov_ge, take)
/* MOVZX: the source is zero-extended by the load; 16-bit results keep the upper part as every 16-bit write does */
GE_FORMS(movzxb16, 16, 8, take) GE_FORMS_BX(movzxb32, 32, 8, take) GE_FORMS_BX(movzxb64, 64, 8, take)
GE_FORMS(movzxw16, 16, 16, take) GE_FORMS_BX(movzxw32, 32, 16, take) GE_FORMS_BX(movzxw64, 64, 16, take)
INLINE uint64_t take_sx8(struct cpu *c, int bits, uint64_t d, uint64_t s) { return (uint64_t)(int8_t)s; }
INLINE uint64_t take_sx16(struct cpu *c, int bits, uint64_t d, uint64_t s) { return (uint64_t)(int16_t)s; }
INLINE uint64_t take_sx32(struct cpu *c, int bits, uint64_t d, uint64_t s) { return (uint64_t)(int32_t)s; }
GE_FORMS(movsxb16, 16, 8, take_sx8) GE_FORMS_BX(movsxb32, 32, 8, take_sx8) GE_FORMS_BX(movsxb64, 64, 8, take_sx8)
GE_FORMS(movsxw16, 16, 16, take) GE_FORMS_BX(movsxw32, 32, 16, take_sx16) GE_FORMS_BX(movsxw64, 64, 16, take_sx16)
GE_FORMS(movsxd16, 16, 16, take) GE_FORMS_BX(movsxd32, 32, 32, take) GE_FORMS_BX(movsxd64, 64, 32, take_sx32)

INLINE const struct insn *store_r(struct cpu *c, const struct insn *i, int bits, uint64_t v)
{
	set_reg(c, bits, i->rm, v);
	NEXT_FAST(c, i);
}
INLINE const struct insn *store_m(struct cpu *c, const struct insn *i, int bits, uint64_t v)
{
	TRY(c, i, store_operand(c, i, bits, v));
	NEXT(c, i);
}
INLINE const struct insn *store_f(struct cpu *c, const struct insn *i, uint64_t lin, int bits, uint64_t v, op_fn slow)
{
	uintptr_t host;
	if (unlikely(!tlb_write(c, lin, (unsigned)bits / 8, &host)))
		return slow(c, i);
	host_store(bits, host, v);
	NEXT_FAST(c, i);
}
#define STORE_FORMS(n, bits, v) \
	HANDLER(n##_r) { return store_r(c, i, bits, v); } \
	HANDLER(n##_m) { return store_m(c, i, bits, v); } \
	HANDLER(n##_f) { return store_f(c, i, ea_fast(c, i), bits, v, op_##n##_m); }
#define STORE_FORMS_BX(n, bits, v) \
	STORE_FORMS(n, bits, v) \
	HANDLER(n##_b) { return store_f(c, i, ea_base(c, i), bits, v, op_##n##_m); } \
	HANDLER(n##_x) { return store_f(c, i, ea_index(c, i), bits, v, op_##n##_m); }
STORE_FORMS_BX(mov_eg8, 8, S_REG(8)) STORE_FORMS_BX(mov_eg16, 16, S_REG(16)) STORE_FORMS_BX(mov_eg32, 32, S_REG(32)) STORE_FORMS_BX(mov_eg64, 64, S_REG(64))
STORE_FORMS_BX(mov_ei8, 8, S_IMM(8)) STORE_FORMS(mov_ei16, 16, S_IMM(16)) STORE_FORMS_BX(mov_ei32, 32, S_IMM(32)) STORE_FORMS_BX(mov_ei64, 64, S_IMM(64))
HANDLER(movnti32_m) { return store_m(c, i, 32, S_REG(32)); }
HANDLER(movnti64_m) { return store_m(c, i, 64, S_REG(64)); }
HANDLER(movnti32_r) { RAISE(c, i, EXC_UD); }
HANDLER(movnti64_r) { RAISE(c, i, EXC_UD); }

/* MOV with an absolute offset, which may be too wide for insn.disp. */
INLINE bool moffs_linear(struct cpu *c, const struct insn *i, unsigned size, unsigned access, uint64_t *lin)
{
	if (i->flags & I_SEGCHK)
		return seg_check(c, i, i->sg, (uint64_t)i->imm, size, access, lin);
	*lin = (c->seg[i->sg].base + (uint64_t)i->imm) & c->lin_mask;
	return true;
}
INLINE const struct insn *moffs_load(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t lin, v;
	TRY(c, i, moffs_linear(c, i, (unsigned)bits / 8, MEM_R, &lin) && mem_load(c, i, bits, lin, &v));
	set_reg(c, bits, RAX, v);
	NEXT(c, i);
}
INLINE const struct insn *moffs_store(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t lin;
	TRY(c, i, moffs_linear(c, i, (unsigned)bits / 8, MEM_W, &lin) && mem_store(c, i, bits, lin, get_reg(c, bits, RAX)));
	NEXT(c, i);
}
HANDLER(mov_ao8)  { return moffs_load(c, i, 8); }
HANDLER(mov_ao16) { return moffs_load(c, i, 16); }
HANDLER(mov_ao32) { return moffs_load(c, i, 32); }
HANDLER(mov_ao64) { return moffs_load(c, i, 64); }
HANDLER(mov_oa8)  { return moffs_store(c, i, 8); }
HANDLER(mov_oa16) { return moffs_store(c, i, 16); }
HANDLER(mov_oa32) { return moffs_store(c, i, 32); }
HANDLER(mov_oa64) { return moffs_store(c, i, 64); }

#define LEA(bits, form, ea) HANDLER(lea##bits##_##form) { set_reg(c, bits, i->reg, ea(c, i)); NEXT_FAST(c, i); }
LEA(16, m, ea_offset) LEA(16, f, ea_offset)
LEA(32, m, ea_offset) LEA(32, f, ea_offset) LEA(32, b, ea_base) LEA(32, x, ea_index)
LEA(64, m, ea_offset) LEA(64, f, ea_offset) LEA(64, b, ea_base) LEA(64, x, ea_index)
HANDLER(lea16_r) { RAISE(c, i, EXC_UD); }
HANDLER(lea32_r) { RAISE(c, i, EXC_UD); }
HANDLER(lea64_r) { RAISE(c, i, EXC_UD); }

/* XLAT: AL = [rBX + AL], rBX cut to the address size; sg is the (overridable) DS. */
HANDLER(xlat)
{
	uint64_t off = c->regs[RBX] + (uint8_t)c->regs[RAX], lin, v;
	if (i->flags & (I_A32 | I_A16))
		off = i->flags & I_A32 ? (uint32_t)off : (uint16_t)off;
	if (i->flags & I_SEGCHK)
		TRY(c, i, seg_check(c, i, i->sg, off, 1, MEM_R, &lin));
	else
		lin = (c->seg[i->sg].base + off) & c->lin_mask;
	TRY(c, i, mem_load(c, i, 8, lin, &v));
	set_reg(c, 8, 0, v);
	NEXT(c, i);
}

/* ---- exchange: always locked with memory ------------------------------------------------------------------------------------------- */

INLINE const struct insn *xchg_r(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t a = get_reg(c, bits, i->reg), b = get_reg(c, bits, i->rm);
	set_reg(c, bits, i->rm, a);
	set_reg(c, bits, i->reg, b);
	NEXT_FAST(c, i);
}
INLINE const struct insn *xchg_m(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t lin, old;
	TRY(c, i, ea_linear(c, i, (unsigned)bits / 8, MEM_R | MEM_W, &lin));
	TRY(c, i, modify(c, i, bits, lin, true, take, get_reg(c, bits, i->reg), &old));
	set_reg(c, bits, i->reg, old);
	NEXT(c, i);
}
INLINE uint64_t host_exchange(int bits, uintptr_t host, uint64_t v)
{
	switch (bits) {
	case 8:  asm volatile("xchgb %b0, (%1)" : "+q" (v) : "r" (host) : "memory"); break;
	case 16: asm volatile("xchgw %w0, (%1)" : "+r" (v) : "r" (host) : "memory"); break;
	case 32: asm volatile("xchgl %k0, (%1)" : "+r" (v) : "r" (host) : "memory"); break;
	default: asm volatile("xchgq %0, (%1)" : "+r" (v) : "r" (host) : "memory"); break;
	}
	return v;
}
INLINE const struct insn *xchg_f(struct cpu *c, const struct insn *i, int bits, op_fn slow)
{
	uintptr_t host;
	if (unlikely(!tlb_write(c, ea_fast(c, i), (unsigned)bits / 8, &host)))
		return slow(c, i);
	set_reg(c, bits, i->reg, host_exchange(bits, host, get_reg(c, bits, i->reg)));
	NEXT_FAST(c, i);
}
#define XCHG(n, bits) \
	HANDLER(xchg_eg##n##_r) { return xchg_r(c, i, bits); } \
	HANDLER(xchg_eg##n##_m) { return xchg_m(c, i, bits); } \
	HANDLER(xchg_eg##n##_f) { return xchg_f(c, i, bits, op_xchg_eg##n##_m); }
XCHG(8, 8) XCHG(16, 16) XCHG(32, 32) XCHG(64, 64)

/* ---- conditional ---------------------------------------------------------------------------------------------------------------------- */

/* CMOVcc reads its source and clears the upper half of a 32-bit destination whatever the condition. */
#define CMOV_FN(name, cc) \
	INLINE uint64_t cmov_##name(struct cpu *c, int bits, uint64_t d, uint64_t s) { return condition(c, cc) ? s : d; } \
	GE_SIZES(cmov##name, cmov_##name)
FOR_EACH_COND(CMOV_FN)
#define SET_FN(name, cc) STORE_FORMS(set##name, 8, condition(c, cc))
FOR_EACH_COND(SET_FN)

/* ---- bytes and signs -------------------------------------------------------------------------------------------------------------------- */

/* BSWAP of 16 bits is undefined; processors clear the register's low half. */
HANDLER(bswap16) { set_reg(c, 16, i->rm, 0); NEXT_FAST(c, i); }
HANDLER(bswap32) { set_reg(c, 32, i->rm, __builtin_bswap32((uint32_t)c->regs[i->rm])); NEXT_FAST(c, i); }
HANDLER(bswap64) { c->regs[i->rm] = __builtin_bswap64(c->regs[i->rm]); NEXT_FAST(c, i); }

INLINE uint64_t swap_bytes(int bits, uint64_t v) { return __builtin_bswap64(v) >> (64 - bits); }
INLINE const struct insn *movbe_load(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t v;
	TRY(c, i, load_operand(c, i, bits, &v));
	set_reg(c, bits, i->reg, swap_bytes(bits, v));
	NEXT(c, i);
}
HANDLER(movbe_gm16) { return movbe_load(c, i, 16); }
HANDLER(movbe_gm32) { return movbe_load(c, i, 32); }
HANDLER(movbe_gm64) { return movbe_load(c, i, 64); }
HANDLER(movbe_mg16) { return store_m(c, i, 16, swap_bytes(16, get_reg(c, 16, i->reg))); }
HANDLER(movbe_mg32) { return store_m(c, i, 32, swap_bytes(32, get_reg(c, 32, i->reg))); }
HANDLER(movbe_mg64) { return store_m(c, i, 64, swap_bytes(64, c->regs[i->reg])); }

/* CBW CWDE CDQE, CWD CDQ CQO */
HANDLER(cbw16) { set_reg(c, 16, RAX, (uint64_t)(int8_t)c->regs[RAX]); NEXT_FAST(c, i); }
HANDLER(cbw32) { set_reg(c, 32, RAX, (uint64_t)(int16_t)c->regs[RAX]); NEXT_FAST(c, i); }
HANDLER(cbw64) { c->regs[RAX] = (uint64_t)(int32_t)c->regs[RAX]; NEXT_FAST(c, i); }
HANDLER(cwd16) { set_reg(c, 16, RDX, (uint64_t)((int16_t)c->regs[RAX] >> 15)); NEXT_FAST(c, i); }
HANDLER(cwd32) { set_reg(c, 32, RDX, (uint64_t)((int32_t)c->regs[RAX] >> 31)); NEXT_FAST(c, i); }
HANDLER(cwd64) { c->regs[RDX] = (uint64_t)((int64_t)c->regs[RAX] >> 63); NEXT_FAST(c, i); }
