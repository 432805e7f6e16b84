/* diff_encode.c - encodings from the rows of opcodes.def with random prefixes, ModRM, SIB, displacements and immediates. */
#include "tests/cpu/diff.h"
#include <string.h>

struct emit { uint8_t *p; unsigned n; };
static void put(struct emit *e, uint64_t v, unsigned size)
{
	for (unsigned k = 0; k < size && e->n < 15; k++)
		e->p[e->n++] = (uint8_t)(v >> 8 * k);
}

struct shape { bool modrm, memory_only, register_only, byte, string, x87; unsigned imm[2]; enum operand_size isz[2]; unsigned n_imm; bool vsib; };

static struct shape shape_of(const struct op_row *o)
{
	struct shape s = { .modrm = o->match >> 32 & 0x1ff };
	for (int k = 0; k < 4 && o->operand[k]; k++) {
		unsigned kind = operand_kind(o->operand[k]);
		switch (kind) {
		case K_E: case K_G: case K_S: case K_C: case K_D: case K_V: case K_W: case K_P: case K_Q: case K_STi: s.modrm = true; break;
		case K_M: s.modrm = s.memory_only = true; break;
		case K_R: case K_U: case K_N: s.modrm = s.register_only = true; break;
		case K_X: case K_Y: s.string = true; break;
		case K_I: case K_J: case K_O: case K_A: case K_L:
			if (s.n_imm < 2) {
				s.imm[s.n_imm] = kind;
				s.isz[s.n_imm++] = operand_size(o->operand[k]);
			}
			break;
		default: break;
		}
	}
	s.string |= (o->attr & A_STR) != 0;
	return s;
}

static void put_rex(struct diff_rng *r, const struct op_row *o, enum diff_mode m, struct emit *e)
{
	uint32_t mask = (uint32_t)(o->match >> 32), val = (uint32_t)o->match;
	if (m == DIFF_64) {
		bool w = mask & 0x1000 ? (val & 0x1000) != 0 : mask & 0xc000 && (val & 0xc000) == 0x8000 ? true : diff_chance(r, 30);
		if (w || diff_chance(r, 40))
			put(e, 0x40 | (w ? 8u : 0) | diff_below(r, 8), 1);
	}
}

/* XACQUIRE and XRELEASE, BND and branch hints make F2, F3 and segment prefixes harmless: they may come with anything. */
static void put_prefixes(struct diff_rng *r, const struct op_row *o, enum diff_mode m, struct emit *e, const struct shape *s)
{
	static const uint8_t segs[4] = { 0x26, 0x2e, 0x36, 0x3e };
	uint32_t mask = (uint32_t)(o->match >> 32), val = (uint32_t)o->match;
	bool vex = o->map >= V0F;
	if (diff_chance(r, 8))
		put(e, 0x67, 1);
	if (diff_chance(r, 6))
		put(e, m == DIFF_64 && diff_chance(r, 50) ? 0x65 : segs[diff_below(r, 4)], 1);
	if (!vex && (o->attr & A_LOCK ? diff_chance(r, 15) : diff_chance(r, 1)))
		put(e, 0xf0, 1);
	if (vex)
		return;
	if (mask & 0x600) {
		static const uint8_t prefix[4] = { 0, 0x66, 0xf3, 0xf2 };
		unsigned p = val >> 9 & 3;
		if (p != 1 && diff_chance(r, p >= 2 ? 15 : 0))
			put(e, 0x66, 1);
		if (p)
			put(e, prefix[p], 1);
	} else {
		bool vendors_differ = m == DIFF_64 && (o->attr & A_F64 || !strcmp(o->name, "movsxd"));
		if (!vendors_differ && diff_chance(r, 20))
			put(e, 0x66, 1);
		if (o->attr & A_COND)
			return put_rex(r, o, m, e);     /* old processors take F2, F3 before LOOPcc as its condition */
		if (s->string ? diff_chance(r, 60) : diff_chance(r, 3))
			put(e, diff_chance(r, 50) ? 0xf2 : 0xf3, 1);
	}
	if (mask & 0xc000 && (val & 0xc000) < 0x8000 && diff_chance(r, 50))
		put(e, 0x66, 1);
	put_rex(r, o, m, e);
}

static void put_opcode(struct diff_rng *r, const struct op_row *o, enum diff_mode m, struct emit *e)
{
	uint32_t mask = (uint32_t)(o->match >> 32), val = (uint32_t)o->match;
	if (o->map < V0F) {
		static const uint16_t escape[4] = { 0, 0x0f, 0x380f, 0x3a0f };
		put(e, escape[o->map], o->map == ONE ? 0 : o->map == TWO ? 1 : 2);
		put(e, o->opcode, 1);
		return;
	}
	bool uses_v = false;
	for (int k = 0; k < 4; k++)
		uses_v |= operand_kind(o->operand[k]) == K_H || operand_kind(o->operand[k]) == K_B;
	unsigned w = mask & 0x1000 ? val >> 12 & 1 : diff_below(r, 2), l = mask & 0x2000 ? val >> 13 & 1 : diff_below(r, 2);
	unsigned pp = val >> 9 & 3, v = uses_v || diff_chance(r, 2) ? diff_below(r, m == DIFF_64 ? 16 : 8) : 0, rxb = m == DIFF_64 ? diff_below(r, 8) : 0;
	if (!(mask & 0x600))
		pp = diff_below(r, 4);
	if (o->map == V0F && !w && !(rxb & 3) && diff_chance(r, 50)) {
		put(e, 0xc5, 1);
		put(e, (rxb & 4 ? 0 : 0x80u) | (~v & 15) << 3 | l << 2 | pp, 1);
	} else {
		put(e, 0xc4, 1);
		put(e, (~rxb & 7) << 5 | (unsigned)(o->map - V0F + 1), 1);
		put(e, w << 7 | (~v & 15) << 3 | l << 2 | pp, 1);
	}
	put(e, o->opcode, 1);
}

static void put_modrm(struct diff_rng *r, const struct op_row *o, enum diff_mode m, struct emit *e, const struct shape *s)
{
	uint32_t mask = (uint32_t)(o->match >> 32), val = (uint32_t)o->match;
	unsigned b = (unsigned)diff_random(r) & 0xff;
	if (mask & 0x100 ? (val & 0x100) != 0 : s->register_only || (!s->memory_only && diff_chance(r, 40)))
		b |= 0xc0;
	else if (b >= 0xc0)
		b -= 0x40 * (1 + diff_below(r, 3));
	if (o->attr & A_VSIB)
		b = (b & ~7u) | (diff_chance(r, 95) ? 4 : b & 7);
	b = (b & ~(mask & 0xff)) | (val & mask & 0xff);
	put(e, b, 1);
	if (b >= 0xc0)
		return;
	bool a16 = m == DIFF_16;
	for (unsigned k = 0; k < e->n; k++)             /* good enough: 67 as a prefix comes first */
		if (e->p[k] == 0x67 && k < 2 && m != DIFF_64)
			a16 = !a16;
	unsigned mod = b >> 6, rm = b & 7, disp = mod == 1 ? 1 : mod == 2 ? (a16 ? 2 : 4) : 0;
	if (!a16 && rm == 4) {
		unsigned sib = (unsigned)diff_random(r) & 0xff;
		put(e, sib, 1);
		if ((sib & 7) == 5 && mod == 0)
			disp = 4;
	}
	if (mod == 0 && rm == (a16 ? 6 : 5))
		disp = a16 ? 2 : 4;
	if (disp == 4 && mod == 0)
		put(e, (uint32_t)((m == DIFF_16 ? 0u : DIFF_DATA) + diff_data_offset(r)), 4);        /* RIP-relative ones are corrected later */
	else if (disp == 2 && mod == 0)
		put(e, diff_data_offset(r), 2);
	else
		put(e, diff_chance(r, 60) ? (uint64_t)(int64_t)(int8_t)diff_random(r) : diff_edge_integer(r), disp);
}

static void put_immediates(struct diff_rng *r, enum diff_mode m, struct emit *e, const struct shape *s, const struct insn *i)
{
	unsigned osz = i->flags & I_O16 ? 2 : i->flags & I_O64 ? 8 : 4;
	for (unsigned n = 0; n < s->n_imm; n++) {
		uint64_t v = diff_edge_integer(r);
		unsigned size;
		switch (s->isz[n]) {
		case SZ_b: case SZ_sb: size = 1; v = diff_random(r); break;
		case SZ_w: size = 2; v &= diff_chance(r, 80) ? 0x3f : 0xffff; break;
		case SZ_v: size = osz; break;
		default:   size = osz == 2 ? 2 : 4; break;
		}
		if (s->imm[n] == K_O) {
			size = i->flags & I_A16 ? 2 : i->flags & I_A32 ? 4 : 8;
			v = (m == DIFF_16 ? 0 : DIFF_DATA) + diff_data_offset(r);
		} else if (s->imm[n] == K_J && size > 1) {
			v = diff_below(r, 0x600) - 0x300u;      /* within the page of INT3, or just out of it */
			v += v > -16u ? 32 : 0;
		} else if (s->imm[n] == K_J && (uint8_t)v > 0xf0) {
			v = 5;                                  /* never to itself: it would not come back */
		} else if (s->imm[n] == K_L) {
			size = 1;
		}
		put(e, v, size);
	}
}

bool diff_encode(struct diff_rng *r, struct diff_emu *e, unsigned row, struct diff_case *k)
{
	const struct op_row *o = &op_rows[row];
	struct shape s = shape_of(o);
	struct emit em = { .p = k->code };
	memset(k->code, 0xcc, sizeof k->code);
	put_prefixes(r, o, k->mode, &em, &s);
	put_opcode(r, o, k->mode, &em);
	if (s.modrm)
		put_modrm(r, o, k->mode, &em, &s);
	k->row = row;
	if (s.n_imm) {
		diff_emu_decode(e, k);                  /* for the operand and address size */
		put_immediates(r, k->mode, &em, &s, diff_emu_insn(e));
	}
	diff_emu_decode(e, k);
	return s.string;
}
