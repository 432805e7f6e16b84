/* peephole.c - what a whole block shows: flags that nobody reads, and comparisons that only feed the branch behind them.
 *
 * Neither changes the layout of a block: a fused handler sits in the comparison's slot, does both and goes on from the branch's. */
#include "core/cpu/fused.h"
#include "core/cpu/ops_int.h"
#include "core/cpu/pairs.h"

/* ---- comparison and branch --------------------------------------------------------------------------------------------------------- */

INLINE const struct insn *branch_after(struct cpu *c, const struct insn *i, bool taken)
{
	if (taken) {
		const struct insn *j = i + 1;
		c->icount += (uint32_t)j->disp;
		return follow(c, j, LINK_TAKEN, (c->regs[REG_BIP] + (uint64_t)j->imm) & c->lin_mask);
	}
	CONTINUE(c, i + 3);
}

/* d ? s by instruction `ins` (suffixed, with the operand modifier m), its flags stored as every handler does, condition cc taken
 * from the host's flags directly. */
#define FUSED_BODY(ins, m, cc, d_expr, s_expr) \
	uint64_t d = d_expr, s = s_expr; \
	uint32_t f; \
	bool taken; \
	asm(ins " %" m "3, %" m "2\n\tlahf\n\tseto %%al" : "=&a" (f), "=@cc" cc (taken) : "r" (d), "r" (s)); \
	c->flags16 = (uint16_t)f; \
	return branch_after(c, i, taken);
#define FUSED_R(name, ins, m, bits, src, ccn, cc) \
	HANDLER(name##_r_##ccn) { FUSED_BODY(ins, m, cc, get_reg(c, bits, i->rm), src) }
#define FUSED_B(name, ins, m, bits, src, ccn, cc) \
	HANDLER(name##_b_##ccn) \
	{ \
		uintptr_t h; \
		if (unlikely(!tlb_read(c, ea_base(c, i), bits / 8, &h))) \
			return op_##name##_m(c, i); \
		FUSED_BODY(ins, m, cc, host_load(bits, h), src) \
	}
/* The result is kept: sub, and, add, dec with the branch that tests it. */
#define FUSED_W(name, ins, m, bits, src, ccn, cc) \
	HANDLER(name##_r_##ccn) \
	{ \
		unsigned n = i->rm; \
		uint64_t d = get_reg(c, bits, n), s = src; \
		uint32_t f; \
		bool taken; \
		asm(ins " %" m "3, %" m "0\n\tlahf\n\tseto %%al" : "+r" (d), "=&a" (f), "=@cc" cc (taken) : "r" (s)); \
		if (bits == 32) \
			is_32_bits(d); \
		c->flags16 = (uint16_t)f; \
		set_reg(c, bits, n, d); \
		return branch_after(c, i, taken); \
	}
#define RM(bits) get_reg(c, bits, i->rm)
#define RG(bits) get_reg(c, bits, i->reg)
#define IM(bits) (uint64_t)i->imm
#define DEFINE_R(...) ALL_CC(FUSED_R, __VA_ARGS__)
#define DEFINE_B(...) ALL_CC(FUSED_B, __VA_ARGS__)
#define DEFINE_W(...) ALL_CC(FUSED_W, __VA_ARGS__)
EACH_FUSED(DEFINE_R, DEFINE_B, DEFINE_W)

/* From the handler of the first to those of the pair, by condition code; NULL for the rare conditions. */
struct fusion { op_fn from; op_fn to[16]; };
#define ROW_OF(name, form) { op_##name##_##form, { NULL, NULL, op_##name##_##form##_b, op_##name##_##form##_nb, op_##name##_##form##_z, \
	op_##name##_##form##_nz, op_##name##_##form##_be, op_##name##_##form##_nbe, op_##name##_##form##_s, op_##name##_##form##_ns, NULL, NULL, \
	op_##name##_##form##_l, op_##name##_##form##_nl, op_##name##_##form##_le, op_##name##_##form##_nle } },
#define LIST_R(name, ...) ROW_OF(name, r)
#define LIST_B(name, ...) ROW_OF(name, b)
static const struct fusion fusions[] = { EACH_FUSED(LIST_R, LIST_B, LIST_R) };

static void fuse(struct insn *i, unsigned mode)
{
	const struct op_row *j = &op_rows[i[1].row];
	bool jcc = (j->map == ONE && (j->opcode & 0xf0) == 0x70) || (j->map == TWO && (j->opcode & 0xf0) == 0x80);
	/* The branch must have the width that lin_mask cuts to. */
	if (!jcc || (mode & M_CS64 ? !(i[1].flags & I_O64) : (i[1].flags & (I_O16 | I_O64)) || !(mode & M_CS32)))
		return;
	for (unsigned n = 0; n < sizeof fusions / sizeof fusions[0]; n++) {
		if (fusions[n].from == i->fn) {
			op_fn to = fusions[n].to[j->opcode & 15];
			if (to)
				i->fn = to;
			return;
		}
	}
}

/* ---- dead flags ------------------------------------------------------------------------------------------------------------------------ */

/* Shifts and rotates by an immediate or by 1 read flags in the table only because the count may be 0; RCL and RCR read CF in any case. */
static bool shifts_by_constant(const struct op_row *r, const struct insn *i)
{
	bool shift = (r->map == ONE && (r->opcode & 0xee) == 0xc0) || (r->map == TWO && (r->opcode == 0xa4 || r->opcode == 0xac));
	bool through_carry = r->map == ONE && ((r->match >> 3 & 7) == 2 || (r->match >> 3 & 7) == 3);
	bool wide = (i->flags & I_O64) && (r->map == TWO || (r->opcode & 1));   /* byte shifts count modulo 32 */
	return shift && !through_carry && (i->imm & (wide ? 63 : 31));
}

/* Flags are unknown, thus wanted, where control leaves the block.  An exception between shows dead flags as they happen to be. */
static void drop_dead_flags(struct insn *insns, unsigned n_slots, bool exact)
{
	unsigned live = FL_ARITH;
	for (unsigned n = n_slots; n-- > 0;) {
		struct insn *i = &insns[n];
		if (!i->len)
			continue;
		const struct op_row *r = &op_rows[i->row];
		if (i->row == ROW_NONE || (r->attr & (A_COND | A_END | A_LINK))) {
			live = FL_ARITH;
			continue;
		}
		if (exact && insn_may_store(r, i))
			live = FL_ARITH;
		unsigned read = r->fl_read;
		if (shifts_by_constant(r, i))
			read = 0;
		if (r->fl_written && !(r->fl_written & live) && (r->shape == SHAPE_N || r->shape == SHAPE_A) && i->rm != RM_MEM &&
		    !(i->flags & I_O16))
			i->fn = row_handler(r, FORM_N, i->flags & I_O64 ? 2 : 1);
		live = (live & ~(unsigned)r->fl_written) | read;
	}
}

void block_improve(const struct pair_index *pairs, struct block *b, unsigned n_slots, unsigned mode, bool exact)
{
	struct insn *i = b->insns;
	if (mode & M_STEP)
		return;
	drop_dead_flags(i, n_slots, exact);
	for (unsigned n = 0; n + 2 < n_slots; n++)
		if (i[n].len && i[n + 1].len)
			fuse(&i[n], mode);
	for (unsigned n = 0; n + 1 < n_slots; n++) {
		op_fn pair = i[n].len && i[n + 1].len ? pair_find(pairs, i[n].fn, i[n + 1].fn) : NULL;
		if (pair)
			i[n++].fn = pair;
	}
}
