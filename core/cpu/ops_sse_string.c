/* ops_sse_string.c - SSE4.2: PCMPxSTRx.  Ref: SDM 1 ch. 12.10, SDM 2 "PCMPISTRI" and others.
 *
 * The comparison is computed here, not on the host: its control byte is an immediate, its explicit lengths are fixed registers. */
#include "core/cpu/ops.h"
#include "core/cpu/vec.h"

enum { STR_WORDS = 1 << 0, STR_SIGNED = 1 << 1, STR_NEGATE = 1 << 4, STR_NEGATE_VALID = 1 << 5, STR_LAST = 1 << 6 /* or: whole mask */ };

struct str_operand { int32_t v[16]; unsigned len; };

static unsigned str_count(unsigned imm) { return imm & STR_WORDS ? 8 : 16; }

static void str_elements(struct str_operand *o, const union xmm *x, unsigned imm)
{
	for (unsigned n = 0; n < str_count(imm); n++)
		if (imm & STR_WORDS)
			o->v[n] = imm & STR_SIGNED ? (int16_t)x->u16[n] : x->u16[n];
		else
			o->v[n] = imm & STR_SIGNED ? (int8_t)x->u8[n] : x->u8[n];
}
static void str_length_implicit(struct str_operand *o, unsigned imm)
{
	for (o->len = 0; o->len < str_count(imm) && o->v[o->len]; o->len++)
		;
}
static unsigned str_length_explicit(const struct cpu *c, unsigned reg, bool wide, unsigned imm)
{
	int64_t v = wide ? (int64_t)c->regs[reg] : (int32_t)c->regs[reg];
	uint64_t len = v < 0 ? -(uint64_t)v : (uint64_t)v;
	return len > str_count(imm) ? str_count(imm) : (unsigned)len;
}

/* The four aggregations; a is the first operand (reg), b the second.  Where an element is past its string's end, the comparison is
 * overridden as the manual's table says. */
static unsigned str_any(const struct str_operand *a, const struct str_operand *b)
{
	unsigned r = 0;
	for (unsigned j = 0; j < b->len; j++)
		for (unsigned k = 0; k < a->len; k++)
			r |= (unsigned)(b->v[j] == a->v[k]) << j;
	return r;
}
static unsigned str_ranges(const struct str_operand *a, const struct str_operand *b)
{
	unsigned r = 0;
	for (unsigned j = 0; j < b->len; j++)
		for (unsigned k = 0; k + 1 < a->len; k += 2)
			r |= (unsigned)(b->v[j] >= a->v[k] && b->v[j] <= a->v[k + 1]) << j;
	return r;
}
static unsigned str_each(const struct str_operand *a, const struct str_operand *b, unsigned count)
{
	unsigned r = 0;
	for (unsigned j = 0; j < count; j++) {
		bool va = j < a->len, vb = j < b->len;
		r |= (unsigned)(va && vb ? a->v[j] == b->v[j] : !va && !vb) << j;
	}
	return r;
}
static unsigned str_ordered(const struct str_operand *a, const struct str_operand *b, unsigned count)
{
	unsigned r = 0;
	for (unsigned j = 0; j < count; j++) {
		bool same = true;
		for (unsigned k = 0; k < a->len && j + k < count && same; k++)
			same = j + k < b->len && a->v[k] == b->v[j + k];
		r |= (unsigned)same << j;
	}
	return r;
}

/* IntRes2, and the flags. */
static unsigned str_compare(struct cpu *c, const struct str_operand *a, const struct str_operand *b, unsigned imm)
{
	unsigned count = str_count(imm), all = (1u << count) - 1, r;
	switch (imm >> 2 & 3) {
	case 0:  r = str_any(a, b); break;
	case 1:  r = str_ranges(a, b); break;
	case 2:  r = str_each(a, b, count); break;
	default: r = str_ordered(a, b, count); break;
	}
	if (imm & STR_NEGATE)
		r ^= imm & STR_NEGATE_VALID ? (1u << b->len) - 1 : all;
	arith_set(c, (r ? FL_CF : 0) | (b->len < count ? FL_ZF : 0) | (a->len < count ? FL_SF : 0) | (r & 1 ? FL_OF : 0));
	return r;
}

static void str_index(struct cpu *c, unsigned r, unsigned imm)
{
	if (!r)
		c->regs[RCX] = str_count(imm);
	else
		c->regs[RCX] = imm & STR_LAST ? 31 - (unsigned)__builtin_clz(r) : (unsigned)__builtin_ctz(r);
}
static void str_mask(struct cpu *c, unsigned r, unsigned imm, bool vex)
{
	union xmm *x = &c->ymm[0].x[0];
	memset(x, 0, vex ? 32 : 16);
	if (!(imm & STR_LAST))
		x->u16[0] = (uint16_t)r;
	else
		for (unsigned n = 0; n < str_count(imm); n++) {
			if (imm & STR_WORDS)
				x->u16[n] = r >> n & 1 ? 0xffff : 0;
			else
				x->u8[n] = r >> n & 1 ? 0xff : 0;
		}
}

/* The memory operand need not be aligned, in the legacy form either. */
static inline const struct insn *pcmpstr(struct cpu *c, const struct insn *i, bool explicit_length, bool index, bool vex)
{
	unsigned imm = (unsigned)i->imm & 0xff;
	bool wide = i->flags & I_O64;
	struct str_operand a, b;
	__m128i s;
	TRY(c, i, vec_src_u(c, i, 16, &s));
	str_elements(&a, &c->ymm[i->reg].x[0], imm);
	str_elements(&b, (const union xmm *)&s, imm);
	if (explicit_length) {
		a.len = str_length_explicit(c, RAX, wide, imm);
		b.len = str_length_explicit(c, RDX, wide, imm);
	} else {
		str_length_implicit(&a, imm);
		str_length_implicit(&b, imm);
	}
	unsigned r = str_compare(c, &a, &b, imm);
	if (index)
		str_index(c, r, imm);
	else
		str_mask(c, r, imm, vex);
	NEXT(c, i);
}
const struct insn *op_sse_pcmpestrm(struct cpu *c, const struct insn *i) { return pcmpstr(c, i, true, false, false); }
const struct insn *op_sse_pcmpestri(struct cpu *c, const struct insn *i) { return pcmpstr(c, i, true, true, false); }
const struct insn *op_sse_pcmpistrm(struct cpu *c, const struct insn *i) { return pcmpstr(c, i, false, false, false); }
const struct insn *op_sse_pcmpistri(struct cpu *c, const struct insn *i) { return pcmpstr(c, i, false, true, false); }
const struct insn *op_avx_pcmpestrm(struct cpu *c, const struct insn *i) { return pcmpstr(c, i, true, false, true); }
const struct insn *op_avx_pcmpistrm(struct cpu *c, const struct insn *i) { return pcmpstr(c, i, false, false, true); }
