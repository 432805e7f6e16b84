/* decode.c - from bytes to struct insn, by the rows of opcodes.def. */
#include "core/cpu/decode.h"
#include "core/cpu/cpuid.h"
#include "core/cpu/ops.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table as data ----------------------------------------------------------------------------------------------------------- */

#define FN3(n, s)   op_##n##16##s, op_##n##32##s, op_##n##64##s
#define FN2(n, s)   op_##n##32##s, op_##n##32##s, op_##n##64##s
#define FNL(n, s)   op_##n##128##s, op_##n##256##s, op_##n##256##s
#define SHAPE(sh, sz, ...) .shape = SHAPE_##sh, .sized = sz, .fn = (const op_fn[]) { __VA_ARGS__ }
#define H1(n)   SHAPE(1, false, op_##n)
#define HM(n)   SHAPE(M, false, op_##n##_r, op_##n##_m)
#define HF(n)   SHAPE(F, false, op_##n##_r, op_##n##_m, op_##n##_f)
#define HS(n)   SHAPE(S, false, op_##n, op_##n##_s)
#define HB(n)   SHAPE(B, false, op_##n##_r, op_##n##_m, op_##n##_f, op_##n##_s)
#define HV(n)   SHAPE(1, true, FN3(n, ))
#define HVM(n)  SHAPE(M, true, FN3(n, _r), FN3(n, _m))
#define HVF(n)  SHAPE(F, true, FN3(n, _r), FN3(n, _m), FN3(n, _f))
#define HVS(n)  SHAPE(S, true, FN3(n, ), FN3(n, _s))
#define HVB(n)  SHAPE(B, true, FN3(n, _r), FN3(n, _m), FN3(n, _f), FN3(n, _s))
#define FN3F(n, s)  op_##n##16_f, op_##n##32##s, op_##n##64##s
#define FN3R(n, s)  op_##n##16_r, op_##n##32##s, op_##n##64##s
#define HG(n)   SHAPE(G, false, op_##n##_r, op_##n##_m, op_##n##_f, op_##n##_b, op_##n##_x)
#define HVG(n)  SHAPE(G, true, FN3(n, _r), FN3(n, _m), FN3(n, _f), FN3F(n, _b), FN3F(n, _x))
#define HVH(n)  SHAPE(G, true, FN3(n, _r), FN3(n, _m), FN3(n, _f), FN3(n, _b), FN3(n, _x))
#define HVN(n)  SHAPE(N, true, FN3(n, _r), FN3(n, _m), FN3(n, _f), FN3R(n, _n))
#define HVA(n)  SHAPE(A, true, FN3(n, _r), FN3(n, _m), FN3(n, _f), FN3F(n, _b), FN3F(n, _x), FN3R(n, _n))
#define HY(n)   SHAPE(1, true, FN2(n, ))
#define HYM(n)  SHAPE(M, true, FN2(n, _r), FN2(n, _m))
#define HYF(n)  SHAPE(F, true, FN2(n, _r), FN2(n, _m), FN2(n, _f))
#define HL(n)   SHAPE(1, true, FNL(n, ))
#define HLM(n)  SHAPE(M, true, FNL(n, _r), FNL(n, _m))
#define HLF(n)  SHAPE(F, true, FNL(n, _r), FNL(n, _m), FNL(n, _f))
#define ROW(map_, opcode_, match_, name_, a, b, c, d, rd, wr, un, attr_, ...) \
	{ .name = name_, .match = match_, .operand = { a, b, c, d }, .fl_read = rd, .fl_written = wr, .fl_undefined = un, \
	  .attr = attr_, .map = map_, .opcode = opcode_, __VA_ARGS__ },
#define OP(map_, opcode_, match_, name_, a, b, c, d, handler, rd, wr, un, attr_) \
	ROW(map_, opcode_, match_, name_, a, b, c, d, rd, wr, un, attr_, handler)
#define OP2_(map_, o, match_, name_, a, b, c, d, rd, wr, un, attr_, ...) \
	ROW(map_, o, match_, name_, a, b, c, d, rd, wr, un, attr_, __VA_ARGS__) \
	ROW(map_, (o) + 1, match_, name_, a, b, c, d, rd, wr, un, attr_, __VA_ARGS__)
#define OP4_(map_, o, match_, name_, a, b, c, d, rd, wr, un, attr_, ...) \
	OP2_(map_, o, match_, name_, a, b, c, d, rd, wr, un, attr_, __VA_ARGS__) \
	OP2_(map_, (o) + 2, match_, name_, a, b, c, d, rd, wr, un, attr_, __VA_ARGS__)
#define OP8(map_, o, match_, name_, a, b, c, d, handler, rd, wr, un, attr_) \
	OP4_(map_, o, match_, name_, a, b, c, d, rd, wr, un, attr_, handler) \
	OP4_(map_, (o) + 4, match_, name_, a, b, c, d, rd, wr, un, attr_, handler)

const struct op_row op_rows[] = {
	{ .name = "(undefined)", .map = MAP_COUNT, H1(undefined) },
#include "core/cpu/opcodes.def"
};
const unsigned op_row_count = sizeof op_rows / sizeof op_rows[0];

/* Index of a form among the handlers of a shape. */
static const uint8_t form_index[SHAPE_COUNT][FORM_COUNT] = {
	/*             R  M  F  S  B  X  N */
	[SHAPE_1] = { 0, 0, 0, 0, 0, 0, 0 },
	[SHAPE_M] = { 0, 1, 1, 0, 1, 1, 0 },
	[SHAPE_F] = { 0, 1, 2, 0, 2, 2, 0 },
	[SHAPE_S] = { 0, 0, 0, 1, 0, 0, 0 },
	[SHAPE_B] = { 0, 1, 2, 3, 2, 2, 0 },
	[SHAPE_G] = { 0, 1, 2, 0, 3, 4, 0 },
	[SHAPE_N] = { 0, 1, 2, 0, 2, 2, 3 },
	[SHAPE_A] = { 0, 1, 2, 0, 3, 4, 5 },
};

op_fn row_handler(const struct op_row *r, enum op_form form, unsigned size)
{
	unsigned n = form_index[r->shape][form];
	return r->fn[r->sized ? n * 3 + size : n];
}

bool insn_may_store(const struct op_row *r, const struct insn *i)
{
	unsigned to = operand_kind(r->operand[0]);
	if ((r->attr & A_STR) || to == K_O)
		return true;
	if (r->attr & A_STACK)                  /* all but pop to a register, and leave */
		return !(r->map == ONE && ((r->opcode >= 0x58 && r->opcode <= 0x5f) || r->opcode == 0xc9));
	if (i->rm != RM_MEM || to == K_G || to == K_V || to == K_P)
		return false;
	bool cmp_or_test = r->map == ONE && ((r->opcode & 0xfe) == 0x84 || (r->opcode & 0xfe) == 0x38 ||
		((r->opcode & 0xfc) == 0x80 && (r->match >> 3 & 7) == 7));
	return !cmp_or_test;
}

/* ---- index ------------------------------------------------------------------------------------------------------------------------- */

/* What there is to do for a row's operands, so that nobody has to go through them for each instruction: struct candidate's `plan`. */
enum {
	REG_MODRM8 = 1, REG_MODRM, REG_MODRM3 /* segment, mmx */, REG_ACC, REG_PLAN = 7 << 0,          /* insn.reg */
	RM_MODRM8 = 1 << 3, RM_MODRM = 2 << 3, RM_MODRM3 = 3 << 3, RM_OPCODE8 = 4 << 3, RM_OPCODE = 5 << 3, RM_ACC = 6 << 3, RM_PLAN = 7 << 3,
	IMM_ONE = 1 << 6 /* of the first operand that is one */, IMM_OTHER = 2 << 6, IMM_PLAN = 3 << 6,
	MEMORY_ONLY = 1 << 8, REGISTER_ONLY = 1 << 9, HAS_VVVV = 1 << 10, G_FIRST = 1 << 11, CONTROL = 1 << 12 /* CR or DR: ModRM is always a register */,
	HAS_SEGMENT = 1 << 13, BRANCH = 1 << 14
};
struct candidate { uint32_t mask, value; uint16_t row, plan; };
struct opcode_slot { uint16_t first; uint8_t count; bool modrm; };
struct decoder {
	struct opcode_slot slot[MAP_COUNT][256];
	struct candidate cand[];                /* grouped by opcode, in the order of the table */
};

static bool row_has_modrm(const struct op_row *r)
{
	if (r->match >> 32 & 0x1ff)
		return true;
	for (int k = 0; k < 4; k++) {
		switch (operand_kind(r->operand[k])) {
		case K_E: case K_G: case K_M: case K_R: case K_S: case K_C: case K_D: case K_V: case K_W: case K_U: case K_P: case K_Q:
		case K_N: case K_STi:
			return true;
		default:
			break;
		}
	}
	return false;
}

int row_feature(const struct op_row *r, bool *only_256)
{
	static const uint16_t feature[NEED_COUNT] = {
#define NEED(name, feature) [NEED_##name] = CF_##feature,
#include "core/cpu/needs.def"
#undef NEED
	};
	unsigned need = r->attr >> NEED_SHIFT;
	*only_256 = need == NEED_AVX2_256;
	return need == NEED_NOTHING ? -1 : feature[need];
}

static unsigned plan_of(const struct op_row *r)
{
	unsigned plan = r->attr & A_STR ? HAS_SEGMENT : 0, imms = 0;
	for (int k = 0; k < 4 && r->operand[k]; k++) {
		bool byte = operand_size(r->operand[k]) == SZ_b;
		unsigned is = 0;
		switch (operand_kind(r->operand[k])) {
		case K_G:                       is = (byte ? REG_MODRM8 : REG_MODRM) | (k ? 0 : G_FIRST); break;
		case K_C: case K_D:             is = REG_MODRM | (k < 2 ? CONTROL : 0); break;
		case K_V:                       is = REG_MODRM; break;
		case K_S: case K_P:             is = REG_MODRM3; break;
		case K_E:                       is = byte ? RM_MODRM8 : RM_MODRM; break;
		case K_R:                       is = (byte ? RM_MODRM8 : RM_MODRM) | REGISTER_ONLY; break;
		case K_W:                       is = RM_MODRM; break;
		case K_U:                       is = RM_MODRM | REGISTER_ONLY; break;
		case K_Q: case K_STi:           is = RM_MODRM3; break;
		case K_N:                       is = RM_MODRM3 | REGISTER_ONLY; break;
		case K_Z:                       is = byte ? RM_OPCODE8 : RM_OPCODE; break;
		case K_ACC:                     is = k ? REG_ACC : RM_ACC; break;
		case K_M:                       is = MEMORY_ONLY; break;
		case K_H: case K_B:             is = HAS_VVVV; break;
		case K_I: case K_J:             is = imms++ ? IMM_OTHER : IMM_ONE; break;
		case K_L: case K_A: case K_ONE: is = IMM_OTHER; break;
		case K_O:                       is = IMM_OTHER | (k < 2 ? HAS_SEGMENT : 0); break;
		default:                        break;
		}
		assert(!((is & REG_PLAN) && (plan & REG_PLAN)) && !((is & RM_PLAN) && (plan & RM_PLAN)));
		plan |= is;
	}
	return plan | (operand_kind(r->operand[0]) == K_J ? BRANCH : 0);
}

/* The keys that row r takes when the CPU has those features.  False: none. */
static bool row_keys(const struct op_row *r, const uint32_t *word, struct candidate *out)
{
	bool only_256;
	int f = row_feature(r, &only_256);
	*out = (struct candidate) { .mask = (uint32_t)(r->match >> 32), .value = (uint32_t)r->match };
	if (f < 0 || !word || word[f >> 5] >> (f & 31) & 1)
		return true;
	out->mask |= (uint32_t)(L1 >> 32);
	return only_256 && !(r->match & (uint32_t)L1);
}

struct decoder *decoder_new(const uint32_t *word)
{
	struct decoder *d = calloc(1, sizeof *d + op_row_count * sizeof d->cand[0]);
	if (!d)
		return NULL;
	for (unsigned r = 1; r < op_row_count; r++) {
		struct opcode_slot *s = &d->slot[op_rows[r].map][op_rows[r].opcode];
		s->count++;
		s->modrm |= row_has_modrm(&op_rows[r]);
	}
	unsigned first = 0;
	for (unsigned n = 0; n < MAP_COUNT * 256; n++) {
		struct opcode_slot *s = &d->slot[n / 256][n % 256];
		s->first = (uint16_t)first;
		first += s->count;
		s->count = 0;
	}
	for (unsigned r = 1; r < op_row_count; r++) {
		struct opcode_slot *s = &d->slot[op_rows[r].map][op_rows[r].opcode];
		struct candidate *k = &d->cand[s->first + s->count];
		if (!row_keys(&op_rows[r], word, k))
			continue;
		k->row = (uint16_t)r;
		k->plan = (uint16_t)plan_of(&op_rows[r]);
		s->count++;
	}
	return d;
}
void decoder_free(struct decoder *d) { free(d); }

/* ---- decoding ------------------------------------------------------------------------------------------------------------------------ */

enum { MAX_LEN = 15 };
struct decoding {
	const uint8_t *p;
	unsigned pos, limit;            /* bytes that can be read; reading past it sets `ran_out` */
	bool ran_out;
	unsigned mode;
	bool code64, has_rex, vex, lock, p66, p67;
	uint8_t rex;                    /* W 8, R 4, X 2, B 1 */
	uint8_t rep;                    /* 0, 2 = F3, 3 = F2, as in the key */
	int8_t  seg;                    /* override or -1 */
	uint8_t map, opcode, modrm, vvvv, vex_l;
	bool has_modrm, is_mem;
	uint8_t osz, asz;               /* 0 16, 1 32, 2 64 */
};

static uint8_t next8(struct decoding *d)
{
	if (unlikely(d->pos >= d->limit)) {
		d->ran_out = true;
		return 0;
	}
	return d->p[d->pos++];
}
static uint64_t next_le(struct decoding *d, unsigned size)
{
	uint64_t v = 0;
	if (unlikely(d->pos + size > d->limit)) {
		d->ran_out = true;
		return 0;
	}
	memcpy(&v, d->p + d->pos, size);
	d->pos += size;
	return v;
}

/* Prefixes and opcode.  A REX prefix counts only directly before the opcode. */
static bool decode_prefixes(struct decoding *d)
{
	static const bool prefix[256] = { [0x26] = true, [0x2e] = true, [0x36] = true, [0x3e] = true, [0x64 ... 0x67] = true, [0xf0] = true, [0xf2] = true,
		[0xf3] = true };
	for (;;) {
		uint8_t b = next8(d);
		if (d->ran_out)
			return false;
		if (d->code64 && (b & 0xf0) == 0x40) {
			d->has_rex = true;
			d->rex = b & 15;
			continue;
		}
		if (!prefix[b]) {
			d->opcode = b;
			return true;
		}
		switch (b) {
		case 0x26: d->seg = SEG_ES; break;
		case 0x2e: d->seg = SEG_CS; break;
		case 0x36: d->seg = SEG_SS; break;
		case 0x3e: d->seg = SEG_DS; break;
		case 0x64: d->seg = SEG_FS; break;
		case 0x65: d->seg = SEG_GS; break;
		case 0x66: d->p66 = true; break;
		case 0x67: d->p67 = true; break;
		case 0xf0: d->lock = true; break;
		case 0xf2: d->rep = 3; break;
		case 0xf3: d->rep = 2; break;
		}
		d->has_rex = false;
		d->rex = 0;
	}
}

/* VEX: C5 RvvvvLpp | C4 RXBmmmmm WvvvvLpp (inverted R X B vvvv).  Outside 64-bit code only where LES/LDS would have mod = 3. */
static bool decode_vex(struct decoding *d)
{
	static const uint8_t pp_to_rep[4] = { 0, 0, 2, 3 };
	bool bad = d->p66 || d->rep || d->lock || d->has_rex || !(d->mode & M_PE);
	uint8_t b = next8(d), map = 1;
	d->vex = true;
	d->rex = (uint8_t)(b & 0x80 ? 0 : 4);
	if (d->opcode == 0xc4) {
		d->rex |= (uint8_t)((b & 0x40 ? 0 : 2) | (b & 0x20 ? 0 : 1));
		map = b & 0x1f;
		b = next8(d);
		d->rex |= (uint8_t)(b & 0x80 ? 8 : 0);
	}
	d->vvvv = (uint8_t)(~b >> 3 & 15);
	d->vex_l = b >> 2 & 1;
	d->p66 = (b & 3) == 1;
	d->rep = pp_to_rep[b & 3];
	if (!d->code64) {
		d->rex &= 8;
		d->vvvv &= 7;
	}
	d->opcode = next8(d);
	d->map = (uint8_t)(V0F + map - 1);
	return !bad && map >= 1 && map <= 3;
}

/* Which map, and its opcode byte.  False: no such encoding. */
static bool decode_map(struct decoding *d)
{
	d->map = ONE;
	if (d->opcode == 0x0f) {
		d->opcode = next8(d);
		d->map = TWO;
		if (d->opcode == 0x38 || d->opcode == 0x3a) {
			d->map = d->opcode == 0x38 ? T38 : T3A;
			d->opcode = next8(d);
		}
		return true;
	}
	if (unlikely((d->opcode & 0xfe) == 0xc4)) {
		if (!d->code64) {
			if (d->pos >= d->limit) {
				d->ran_out = true;
				return true;
			}
			if (d->p[d->pos] < 0xc0)
				return true;    /* LES, LDS */
		}
		return decode_vex(d);
	}
	return true;
}

static const struct candidate *find_row(const struct decoder *dec, const struct decoding *d)
{
	const struct opcode_slot *s = &dec->slot[d->map][d->opcode];
	const struct candidate *k = &dec->cand[s->first];
	if (s->count && !k->mask)
		return k;
	unsigned prefix = d->rep ? d->rep : d->p66;
	uint32_t key = d->modrm | (uint32_t)(d->modrm >= 0xc0) << 8 | prefix << 9 | (uint32_t)d->code64 << 11 |
		(uint32_t)(d->rex >> 3) << 12 | (uint32_t)d->vex_l << 13 | (uint32_t)d->osz << 14 | (uint32_t)d->asz << 16 |
		(uint32_t)(d->rex & 1) << 18;
	for (unsigned n = s->count; n; n--, k++)
		if ((key & k->mask) == k->value)
			return k;
	return NULL;
}

static void decode_mem16(struct decoding *d, struct insn *i, unsigned *defseg)
{
	static const uint8_t base[8]  = { RBX, RBX, RBP, RBP, REG_ZERO, REG_ZERO, RBP, RBX };
	static const uint8_t index[8] = { RSI, RDI, RSI, RDI, RSI, RDI, REG_ZERO, REG_ZERO };
	unsigned mod = d->modrm >> 6, rm = d->modrm & 7;
	i->base = base[rm];
	i->index = index[rm];
	if (mod == 0 && rm == 6) {
		i->base = REG_ZERO;
		i->disp = (uint16_t)next_le(d, 2);
		return;
	}
	if (i->base == RBP)
		*defseg = SEG_SS;
	if (mod)
		i->disp = mod == 1 ? (int8_t)next8(d) : (int16_t)next_le(d, 2);
}

static void decode_mem32(struct decoding *d, struct insn *i, unsigned *defseg, bool vsib)
{
	unsigned mod = d->modrm >> 6, rm = d->modrm & 7;
	i->index = REG_ZERO;
	if (rm == 4) {
		uint8_t sib = next8(d);
		unsigned index = (sib >> 3 & 7) | (d->rex & 2) << 2;
		rm = sib & 7;
		i->scale = sib >> 6;
		i->index = (uint8_t)(index == 4 && !vsib ? REG_ZERO : index);
		i->base = (uint8_t)(rm | (d->rex & 1) << 3);
		if (rm == 5 && mod == 0) {
			i->base = REG_ZERO;
			i->disp = (int32_t)next_le(d, 4);
			return;
		}
	} else if (rm == 5 && mod == 0) {
		i->base = d->code64 ? REG_BIP : REG_ZERO;       /* RIP: disp is corrected when the length is known */
		i->disp = (int32_t)next_le(d, 4);
		return;
	} else {
		i->base = (uint8_t)(rm | (d->rex & 1) << 3);
	}
	if (i->base == RSP || i->base == RBP)
		*defseg = SEG_SS;
	if (mod)
		i->disp = mod == 1 ? (int8_t)next8(d) : (int32_t)next_le(d, 4);
}

/* The segment of a memory access, and whether it must be checked. */
static void set_segment(const struct decoding *d, struct insn *i, unsigned defseg)
{
	unsigned sg = d->seg >= 0 ? (unsigned)d->seg : defseg;
	if (d->code64) {
		if (d->seg == SEG_FS || d->seg == SEG_GS)
			i->sg = (uint8_t)sg;
		else
			i->sg = defseg == SEG_SS ? SEG_NULL_SS : SEG_NULL;
		return;
	}
	i->sg = (uint8_t)sg;
	if (!(d->mode & M_FLAT) || sg == SEG_FS || sg == SEG_GS || (sg == SEG_CS && (d->mode & M_PE)))    /* CS is never writable */
		i->flags |= I_SEGCHK;
}

static uint8_t reg_code8(const struct decoding *d, unsigned n)
{
	return (uint8_t)(d->has_rex || n < 4 || d->vex ? n * 8 : (n - 4) * 8 + 1);
}

static void decode_registers(const struct decoding *d, unsigned plan, struct insn *i)
{
	unsigned reg = (d->modrm >> 3 & 7) | (d->rex & 4) << 1;
	unsigned rm  = (d->modrm & 7) | (d->rex & 1) << 3;
	unsigned z   = (d->opcode & 7) | (d->rex & 1) << 3;
	switch (plan & REG_PLAN) {
	case REG_MODRM8: i->reg = reg_code8(d, reg); break;
	case REG_MODRM:  i->reg = (uint8_t)reg; break;
	case REG_MODRM3: i->reg = d->modrm >> 3 & 7; break;
	case REG_ACC:    i->reg = RAX; break;
	default:         break;
	}
	if (d->is_mem)
		return;
	switch (plan & RM_PLAN) {
	case RM_MODRM8:  i->rm = reg_code8(d, rm); break;
	case RM_MODRM:   i->rm = (uint8_t)rm; break;
	case RM_MODRM3:  i->rm = d->modrm & 7; break;
	case RM_OPCODE8: i->rm = reg_code8(d, z); break;
	case RM_OPCODE:  i->rm = (uint8_t)z; break;
	case RM_ACC:     i->rm = RAX; break;
	default:         break;
	}
}

static uint64_t read_immediate(struct decoding *d, enum operand_size size)
{
	switch (size) {
	case SZ_b:  return next8(d);
	case SZ_sb: return (uint64_t)(int8_t)next8(d);
	case SZ_w:  return next_le(d, 2);
	case SZ_v:
		if (d->osz == 2)
			return next_le(d, 8);
		/* fall through */
	case SZ_z:
		return d->osz == 0 ? (uint64_t)(int16_t)next_le(d, 2) : (uint64_t)(int32_t)next_le(d, 4);
	default:
		return (uint64_t)(int32_t)next_le(d, 4);
	}
}

static void decode_immediates(struct decoding *d, unsigned plan, const struct op_row *r, struct insn *i)
{
	unsigned shift = 0;
	if (!(plan & IMM_PLAN))
		return;
	if ((plan & IMM_PLAN) == IMM_ONE) {
		unsigned k = 0;
		while (operand_kind(r->operand[k]) != K_I && operand_kind(r->operand[k]) != K_J)
			k++;
		i->imm = (int64_t)read_immediate(d, operand_size(r->operand[k]));
		return;
	}
	for (int k = 0; k < 4 && r->operand[k]; k++) {
		enum operand_size size = operand_size(r->operand[k]);
		switch (operand_kind(r->operand[k])) {
		case K_I: case K_J:
			i->imm |= (int64_t)(read_immediate(d, size) << shift);
			shift += size == SZ_w ? 16 : 8;
			break;
		case K_L:
			i->imm = next8(d);
			break;
		case K_O:
			i->imm = (int64_t)next_le(d, 2u << d->asz);
			break;
		case K_A:
			i->imm = (int64_t)next_le(d, d->osz == 0 ? 2 : 4);
			i->imm |= (int64_t)(next_le(d, 2) << 32);
			break;
		case K_ONE:
			i->imm = 1;
			break;
		default:
			break;
		}
	}
}

/* Corrections that need the whole length: branch targets and RIP-relative operands count from the next instruction. */
static void relocate(const struct decoding *d, unsigned plan, struct insn *i)
{
	if (plan & BRANCH)
		i->imm += i->off + i->len;
	if (d->is_mem && i->base == REG_BIP)
		i->disp = (int32_t)((uint32_t)i->disp + i->off + i->len);
}

static bool operands_legal(const struct decoding *d, unsigned plan, uint32_t attr)
{
	if (plan & (d->is_mem ? REGISTER_ONLY : MEMORY_ONLY))
		return false;
	if (d->vex && d->vvvv && !(plan & HAS_VVVV))
		return false;
	if (attr & A_VSIB && ((d->modrm & 7) != 4 || d->asz == 0))
		return false;
	return !d->lock || ((attr & A_LOCK) && d->is_mem && !(plan & G_FIRST));
}

/* What the mode makes of the instruction: NULL = allowed. */
static op_fn mode_fault(unsigned mode, uint32_t attr)
{
	if (likely(!(attr & (A_PROT | A_X87 | A_MMX | A_SSE | A_AVX))))
		return NULL;
	if ((attr & (A_PROT | A_AVX)) && !(mode & M_PE))
		return op_undefined;
	if ((attr & (A_MMX | A_SSE)) && (mode & M_EM))
		return op_undefined;
	if ((attr & A_SSE) && (mode & M_NOFXSR))
		return op_undefined;
	if ((attr & A_AVX) && (mode & M_NOXSAVE))
		return op_undefined;
	if ((attr & (A_X87 | A_MMX | A_SSE | A_AVX)) && (mode & M_TS))
		return op_no_device;
	return (attr & A_X87) && (mode & M_EM) ? op_no_device : NULL;
}

static void set_operand_size(struct decoding *d, uint32_t attr)
{
	if (attr & A_W64)
		d->osz = d->code64 && (d->rex & 8) ? 2 : 1;
	else if (d->code64 && ((attr & A_F64) || ((attr & A_D64) && !(d->osz == 0))))
		d->osz = 2;
}

static op_fn choose_handler(const struct decoding *d, const struct op_row *r, const struct insn *i)
{
	bool flat_stack = (d->mode & M_CS64) || (d->mode & (M_FLAT | M_SS32)) == (M_FLAT | M_SS32);
	enum op_form form = FORM_R;
	if (d->is_mem) {
		bool easy = !(i->flags & I_SEGCHK) && !d->lock && d->asz == (d->code64 ? 2 : 1);
		if ((r->attr & A_STACK) && !flat_stack)
			easy = false;
		form = easy ? FORM_F : FORM_M;
		if (easy && d->code64 && i->sg >= SEG_NULL)
			form = i->index == REG_ZERO ? FORM_B : FORM_X;
	} else if ((r->attr & A_STACK) && flat_stack) {
		form = FORM_S;
	}
	return row_handler(r, form, r->attr & A_VL ? d->vex_l : d->osz);
}

static void set_flags(const struct decoding *d, const struct op_row *r, struct insn *i)
{
	i->flags |= (uint8_t)((d->asz == 1 ? I_A32 : d->asz == 0 ? I_A16 : 0) | (d->osz == 0 ? I_O16 : d->osz == 2 ? I_O64 : 0) |
		(d->lock ? I_LOCK : 0));
	if (d->vex) {
		i->flags |= d->vex_l ? I_L256 : 0;
		i->imm = (i->imm & 0xff) | (int64_t)d->vvvv << 8 | (int64_t)(d->rex >> 3) << 12;
	} else {
		i->flags |= (uint8_t)(d->rep == 2 ? I_REP : d->rep == 3 ? I_REPNE : 0);
	}
	if (r->attr & A_X87)
		i->imm = (d->opcode & 7) << 8 | d->modrm;
}

static unsigned finish_bad(struct decoding *d, struct insn *i, op_fn fn)
{
	i->fn = fn;
	i->row = ROW_NONE;
	i->len = (uint8_t)d->pos;
	return d->pos;
}

unsigned decode_insn(const struct decoder *dec, unsigned mode, const uint8_t *p, unsigned avail, unsigned off, struct insn *out)
{
	struct decoding d = { .p = p, .limit = avail < MAX_LEN ? avail : MAX_LEN, .mode = mode, .code64 = mode & M_CS64, .seg = -1 };
	struct insn *i = out;
	*i = (struct insn) { .off = (uint16_t)off, .base = REG_ZERO, .index = REG_ZERO, .sg = SEG_NULL };
	bool good = decode_prefixes(&d) && decode_map(&d);
	if (unlikely(d.ran_out))
		goto ran_out;
	bool big = d.code64 || (mode & M_CS32);
	d.osz = d.code64 && (d.rex & 8) ? 2 : (d.p66 && !d.vex) != big;
	d.asz = d.code64 ? 2 - d.p67 : d.p67 != big;
	if (unlikely(!good))
		return finish_bad(&d, i, op_undefined);

	d.has_modrm = dec->slot[d.map][d.opcode].modrm;
	if (d.has_modrm)
		d.modrm = next8(&d);
	if (unlikely(d.ran_out))
		goto ran_out;
	const struct candidate *found = find_row(dec, &d);
	if (unlikely(!found))
		return finish_bad(&d, i, op_undefined);
	const struct op_row *r = &op_rows[found->row];
	unsigned plan = found->plan, defseg = SEG_DS;

	set_operand_size(&d, r->attr);
	d.is_mem = d.has_modrm && d.modrm < 0xc0 && !(plan & CONTROL);
	if (d.is_mem) {
		i->rm = RM_MEM;
		if (d.asz == 0)
			decode_mem16(&d, i, &defseg);
		else
			decode_mem32(&d, i, &defseg, r->attr & A_VSIB);
	}
	if (d.is_mem || (plan & HAS_SEGMENT))
		set_segment(&d, i, defseg);
	decode_registers(&d, plan, i);
	decode_immediates(&d, plan, r, i);
	if (unlikely(d.ran_out))
		goto ran_out;
	i->len = (uint8_t)d.pos;
	i->row = found->row;
	if (unlikely(!operands_legal(&d, plan, r->attr)))
		return finish_bad(&d, i, op_undefined);
	relocate(&d, plan, i);
	i->fn = choose_handler(&d, r, i);
	set_flags(&d, r, i);
	op_fn fault = mode_fault(mode, r->attr);
	if (unlikely(fault != NULL))
		i->fn = fault;
	return d.pos;
ran_out:
	return d.limit == MAX_LEN ? finish_bad(&d, i, op_too_long) : 0;
}
