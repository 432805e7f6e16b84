/* diff_gen.c - encodings from the rows of opcodes.def with random prefixes, ModRM, SIB, displacements and immediates, and operands
 * with a liking for edges.  Memory operands are made to fall into the data pages by choosing the base register's value. */
#include "tests/cpu/diff.h"
#include "core/cpu/fp.h"
#include <string.h>

uint64_t diff_random(struct diff_rng *r)        /* splitmix64 */
{
	uint64_t z = r->s += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}
static bool chance(struct diff_rng *r, unsigned percent) { return diff_below(r, 100) < percent; }

/* ---- rows --------------------------------------------------------------------------------------------------------------------------- */

/* Beyond x86-64-v2 the host need not have everything. */
static bool host_has_row(const struct op_row *o)
{
	static const char *const bmi[] = { "andn", "bls", "bzhi", "pext", "pdep", "mulx", "bextr", "shlx", "sarx", "shrx", "rorx", "adcx", "adox", "tzcnt",
		"lzcnt", "movbe" };
	uint32_t f = cpu_impl_features(), all = IMPL_AVX | IMPL_AVX2 | IMPL_FMA | IMPL_F16C;
	if (o->attr & A_AVX && (f & all) != all)
		return false;
	if (!strncmp(o->name, "sha", 3) && o->map == T38 + (o->name[3] == '1' && o->name[4] == 'r'))
		return f & IMPL_SHA;
	if (!strncmp(o->name, "aes", 3) || !strncmp(o->name, "vaes", 4))
		return f & IMPL_AES;
	if (!strcmp(o->name, "pclmulqdq") || !strcmp(o->name, "vpclmulqdq"))
		return f & IMPL_PCLMUL;
	for (unsigned n = 0; n < sizeof bmi / sizeof bmi[0]; n++)
		if (!strncmp(o->name, bmi[n], strlen(bmi[n])) && o->map != T3A)
			return __builtin_cpu_supports("bmi2") && f & IMPL_AVX2;
	return true;
}

/* The system part of the table is not for user mode; of the rest, what depends on more than the state compared here, or would
 * change the host's state behind our back. */
bool diff_row_ok(unsigned row, enum diff_mode m)
{
	static const char *const skip[] = { "rdrand", "rdseed", "int3", "int1", "int", "iret", "syscall", "fxsave", "fxrstor", "xsave", "xsavec",
		"xsaveopt", "xrstor", "xgetbv", "xsetbv", "clwb", "clflushopt", "cpuid", "rdtsc", "rdtscp", "rdpid", "lds", "les", "lss", "lfs", "lgs", "hlt",
		"rdfsbase", "wrfsbase", "rdgsbase", "wrgsbase", "verr", "verw", "lar", "lsl",
		"prefetch" /* register forms are #UD on some processors */ };
	static const unsigned n_rows[3] = {
#define OP(...) + 1
#define OP8(...) + 8
#include "core/cpu/opcodes_int.def"
		,
#include "core/cpu/opcodes_sys.def"
		,
#include "core/cpu/opcodes_fp.def"
#undef OP
#undef OP8
	};
	const struct op_row *o = &op_rows[row];
	if (row > n_rows[0] && row <= n_rows[0] + n_rows[1])
		return false;
	for (unsigned n = 0; n < sizeof skip / sizeof skip[0]; n++)
		if (!strcmp(o->name, skip[n]))
			return false;
	if (!host_has_row(o))
		return false;
	uint32_t mask = (uint32_t)(o->match >> 32), val = (uint32_t)o->match;
	if (mask & 0x800 && !(val & 0x800) != (m != DIFF_64))
		return false;
	if (mask & 0x1000 && val & 0x1000 && m != DIFF_64 && o->map < V0F)
		return false;
	return !(mask & 0xc000 && (val & 0xc000) == 0x8000 && m != DIFF_64);
}

/* ---- operands ------------------------------------------------------------------------------------------------------------------------- */

static uint64_t edge_integer(struct diff_rng *r)
{
	static const uint64_t edges[] = { 0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
		0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0xfffffffffffffffe, 0xffffffff80000000, 0xffffffffffff8000, 0xffffffffffffff80 };
	uint64_t v = diff_random(r);
	switch (diff_below(r, 6)) {
	case 0: case 1: return edges[v % (sizeof edges / sizeof edges[0])];
	case 2: return edges[v % (sizeof edges / sizeof edges[0])] + (v >> 32 & 7) - 3;
	case 3: return (uint64_t)(int64_t)(int8_t)v;
	case 4: return v >> (v & 63);
	default: return v;
	}
}
static uint32_t edge_float(struct diff_rng *r)
{
	static const uint32_t edges[] = { 0, 0x80000000, 1, 0x007fffff, 0x00800000, 0x3f800000, 0xbf800000, 0x7f7fffff, 0x7f800000, 0xff800000, 0x7fc00000,
		0xffc00000, 0x7f800001, 0xffbfffff, 0x4f000000, 0xcf000000, 0x4effffff, 0x3f000000, 0x40490fdb, 0x5f000000 };
	uint64_t v = diff_random(r);
	switch (diff_below(r, 4)) {
	case 0: return edges[v % (sizeof edges / sizeof edges[0])];
	case 1: return (uint32_t)v;
	default: return ((uint32_t)v & 0x807fffff) | (0x3f800000 + ((uint32_t)(v >> 40 & 31) << 23) - (16u << 23));
	}
}
static uint64_t edge_double(struct diff_rng *r)
{
	static const uint64_t edges[] = { 0, 0x8000000000000000, 1, 0x000fffffffffffff, 0x0010000000000000, 0x3ff0000000000000, 0xbff0000000000000,
		0x7fefffffffffffff, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000000, 0x7ff0000000000001, 0xfff7ffffffffffff,
		0x43e0000000000000, 0xc3e0000000000000, 0x41dfffffffc00000, 0x41e0000000000000, 0xc1e0000000000000, 0x3fe0000000000000, 0x47efffffe0000000,
		0x36a0000000000000, 0x3690000000000000, 0x380fffffffffffff };
	uint64_t v = diff_random(r);
	switch (diff_below(r, 4)) {
	case 0: return edges[v % (sizeof edges / sizeof edges[0])];
	case 1: return v;
	default: return (v & 0x800fffffffffffff) | (0x3ff0000000000000 + ((diff_random(r) & 127) << 52) - (UINT64_C(64) << 52));
	}
}
static void edge_real80(struct diff_rng *r, uint8_t out[10])
{
	uint64_t mant = diff_random(r), v = diff_random(r);
	uint16_t se = (uint16_t)((v & 0x8000) | (0x3fff + (v >> 16 & 127) - 64));
	switch (diff_below(r, 8)) {
	case 0: mant = v & 1 ? 0 : UINT64_C(1) << 63; se = (uint16_t)(v >> 2 & 1 ? 0 : v); break;
	case 1: se |= 0x7fff; mant |= v & 1 ? UINT64_C(3) << 62 : UINT64_C(1) << 63; if (v & 0x10000) mant = UINT64_C(1) << 63; break;
	case 2: se &= 0x8000; mant >>= v & 63; break;                   /* denormal */
	case 3: se = (uint16_t)v; break;                                /* unnormal or any exponent */
	case 4: mant = UINT64_C(1) << 63 | edge_integer(r); break;
	default: mant |= UINT64_C(1) << 63; break;
	}
	memcpy(out, &mant, 8);
	memcpy(out + 8, &se, 2);
}
static void edge_packed(struct diff_rng *r, uint8_t *out, unsigned size)
{
	unsigned kind = diff_below(r, 5);
	for (unsigned n = 0; n < size; n += 8) {
		uint64_t v = kind == 0 ? edge_integer(r) : kind == 1 ? edge_double(r) : kind == 2 ? edge_float(r) | (uint64_t)edge_float(r) << 32 : diff_random(r);
		if (kind == 3)
			v = (uint64_t)(uint32_t)edge_integer(r) << 32 | (uint32_t)edge_integer(r);
		memcpy(out + n, &v, 8);
	}
}

void diff_pool_fill(struct diff_pool *p, uint64_t seed)
{
	struct diff_rng r = { .s = seed };
	memset(p, 0, sizeof *p);
	for (unsigned n = 0; n < 1024; n++) {
		edge_packed(&r, p->packed[n], 16);
		edge_real80(&r, p->real[n]);
	}
}

static void random_fx(struct diff_rng *r, uint8_t *fx)
{
	uint16_t cw = 0x37f, sw = (uint16_t)(diff_random(r) & 0x7fff & ~0x80bf);
	uint32_t mxcsr = 0x1f80;
	uint64_t header[8] = { 7 };
	memset(fx, 0, 32);
	if (chance(r, 40))
		cw = (uint16_t)((diff_random(r) & 0x0f00) | (chance(r, 30) ? diff_below(r, 64) : 0x3f) | 0x40);
	if (chance(r, 20))
		sw |= diff_random(r) & 0x3f;
	sw &= (uint16_t)~0x8080;
	if (sw & ~cw & 0x3f) {
		if (chance(r, 80))
			sw &= (uint16_t)~0x3f;          /* mostly nothing pending */
		else
			sw |= 0x8080;
	}
	if (chance(r, 40))
		mxcsr = (uint32_t)(diff_random(r) & 0xe07f) | (chance(r, 30) ? (uint32_t)(diff_random(r) & 0x1f80) : 0x1f80);
	memcpy(fx + FX_FCW, &cw, 2);
	memcpy(fx + FX_FSW, &sw, 2);
	fx[FX_FTW] = chance(r, 60) ? (uint8_t)~(1u << diff_below(r, 8)) : (uint8_t)diff_random(r);
	if (chance(r, 40))
		fx[FX_FTW] &= (uint8_t)~(1u << (((sw >> 11) - 1) & 7));   /* room for a push */
	memcpy(fx + FX_MXCSR, &mxcsr, 4);
	for (unsigned n = 0; n < 8; n++) {
		uint64_t v = diff_random(r);
		memcpy(fx + FX_ST + 16 * n, r->pool->real[v & 1023], 16);
		for (unsigned h = 0; h < 2; h++) {
			memcpy(fx + FX_XMM + 16 * (2 * n + h), r->pool->packed[v >> (10 + 20 * h) & 1023], 16);
			memcpy(fx + FX_YMMH + 16 * (2 * n + h), r->pool->packed[v >> (20 + 20 * h) & 1023], 16);
		}
	}
	memset(fx + 416, 0, 96);
	memcpy(fx + FX_HEADER, header, 64);
}

/* Somewhere in the data pages; sometimes at an end, in the read-only page or beyond. */
static uint32_t data_offset(struct diff_rng *r)
{
	unsigned off = diff_below(r, DIFF_DATA_RW - 64);
	switch (diff_below(r, 16)) {
	case 0: return off;
	case 1: return 0x1000 - diff_below(r, 40);
	case 2: return DIFF_DATA_RW - 32 + diff_below(r, 64);
	case 3: return DIFF_DATA_SIZE - 32 + diff_below(r, 64);
	default: return off & ~63u;
	}
}

static void random_registers(struct diff_rng *r, enum diff_mode m, bool string, struct diff_state *s)
{
	uint32_t base = m == DIFF_16 ? 0 : DIFF_DATA;
	for (unsigned n = 0; n < 16; n++)
		s->gpr[n] = edge_integer(r);
	s->gpr[4] = base + 0x800 + 8 * diff_below(r, 0x100);
	if (chance(r, 5))
		s->gpr[4] = base + data_offset(r);
	if (chance(r, 2))
		s->gpr[4] = edge_integer(r);
	for (unsigned n = 6; n < 8; n++)
		if (chance(r, string ? 97 : 50))
			s->gpr[n] = base + data_offset(r);
	if (string)
		s->gpr[1] = chance(r, 98) ? diff_below(r, 40) : s->gpr[1] & 0xfff;
	if (m == DIFF_32_SEG && string)
		s->gpr[7] -= base;                      /* ES has a base */
	if (m == DIFF_16)
		for (unsigned n = 4; n < 8; n++)
			s->gpr[n] &= 0xffff;
	if (m != DIFF_64)
		for (unsigned n = 0; n < 16; n++)
			s->gpr[n] = n < 8 ? (uint32_t)s->gpr[n] : 0;
	s->rflags = 0x202 | (diff_random(r) & (FL_ARITH)) | (chance(r, 12) ? FL_DF : 0);
}

/* ---- encodings ----------------------------------------------------------------------------------------------------------------------- */

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
		bool w = mask & 0x1000 ? (val & 0x1000) != 0 : mask & 0xc000 && (val & 0xc000) == 0x8000 ? true : chance(r, 30);
		if (w || chance(r, 40))
			put(e, 0x40 | (w ? 8u : 0) | diff_below(r, 8), 1);
	}
}

/* XACQUIRE and XRELEASE, BND and branch hints make F2, F3 and segment prefixes harmless: they may come with anything. */
static void put_prefixes(struct diff_rng *r, const struct op_row *o, enum diff_mode m, struct emit *e, const struct shape *s)
{
	static const uint8_t segs[4] = { 0x26, 0x2e, 0x36, 0x3e };
	uint32_t mask = (uint32_t)(o->match >> 32), val = (uint32_t)o->match;
	bool vex = o->map >= V0F;
	if (chance(r, 8))
		put(e, 0x67, 1);
	if (chance(r, 6))
		put(e, m == DIFF_64 && chance(r, 50) ? 0x65 : segs[diff_below(r, 4)], 1);
	if (!vex && (o->attr & A_LOCK ? chance(r, 15) : chance(r, 1)))
		put(e, 0xf0, 1);
	if (vex)
		return;
	if (mask & 0x600) {
		static const uint8_t prefix[4] = { 0, 0x66, 0xf3, 0xf2 };
		unsigned p = val >> 9 & 3;
		if (p != 1 && chance(r, p >= 2 ? 15 : 0))
			put(e, 0x66, 1);
		if (p)
			put(e, prefix[p], 1);
	} else {
		bool vendors_differ = m == DIFF_64 && (o->attr & A_F64 || !strcmp(o->name, "movsxd"));
		if (!vendors_differ && chance(r, 20))
			put(e, 0x66, 1);
		if (o->attr & A_COND)
			return put_rex(r, o, m, e);     /* old processors take F2, F3 before LOOPcc as its condition */
		if (s->string ? chance(r, 60) : chance(r, 3))
			put(e, chance(r, 50) ? 0xf2 : 0xf3, 1);
	}
	if (mask & 0xc000 && (val & 0xc000) < 0x8000 && chance(r, 50))
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
	unsigned pp = val >> 9 & 3, v = uses_v || chance(r, 2) ? diff_below(r, m == DIFF_64 ? 16 : 8) : 0, rxb = m == DIFF_64 ? diff_below(r, 8) : 0;
	if (!(mask & 0x600))
		pp = diff_below(r, 4);
	if (o->map == V0F && !w && !(rxb & 3) && chance(r, 50)) {
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
	if (mask & 0x100 ? (val & 0x100) != 0 : s->register_only || (!s->memory_only && chance(r, 40)))
		b |= 0xc0;
	else if (b >= 0xc0)
		b -= 0x40 * (1 + diff_below(r, 3));
	if (o->attr & A_VSIB)
		b = (b & ~7u) | (chance(r, 95) ? 4 : b & 7);
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
		put(e, (uint32_t)((m == DIFF_16 ? 0u : DIFF_DATA) + data_offset(r)), 4);        /* RIP-relative ones are corrected later */
	else if (disp == 2 && mod == 0)
		put(e, data_offset(r), 2);
	else
		put(e, chance(r, 60) ? (uint64_t)(int64_t)(int8_t)diff_random(r) : edge_integer(r), disp);
}

static void put_immediates(struct diff_rng *r, enum diff_mode m, struct emit *e, const struct shape *s, const struct insn *i)
{
	unsigned osz = i->flags & I_O16 ? 2 : i->flags & I_O64 ? 8 : 4;
	for (unsigned n = 0; n < s->n_imm; n++) {
		uint64_t v = edge_integer(r);
		unsigned size;
		switch (s->isz[n]) {
		case SZ_b: case SZ_sb: size = 1; v = diff_random(r); break;
		case SZ_w: size = 2; v &= chance(r, 80) ? 0x3f : 0xffff; break;
		case SZ_v: size = osz; break;
		default:   size = osz == 2 ? 2 : 4; break;
		}
		if (s->imm[n] == K_O) {
			size = i->flags & I_A16 ? 2 : i->flags & I_A32 ? 4 : 8;
			v = (m == DIFF_16 ? 0 : DIFF_DATA) + data_offset(r);
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

/* Make the memory operand point at `off` of the data pages: by the base register if it is not the index too, else leave it. */
static void aim(struct diff_case *k, const struct insn *i, uint64_t lin, uint32_t off)
{
	uint64_t want = DIFF_DATA + off;
	if (i->rm != RM_MEM || i->base == i->index || i->base >= 16)
		return;
	if (i->flags & I_A16) {
		uint16_t d = (uint16_t)(want - lin);
		k->in.gpr[i->base] = (k->in.gpr[i->base] & ~UINT64_C(0xffff)) | (uint16_t)(k->in.gpr[i->base] + d);
	} else {
		k->in.gpr[i->base] += want - lin;
		if (k->mode != DIFF_64)
			k->in.gpr[i->base] = (uint32_t)k->in.gpr[i->base];
	}
}

static uint32_t m_data(enum diff_mode m) { return m == DIFF_16 ? 0 : DIFF_DATA; }

static void place_operand(struct diff_rng *r, struct diff_emu *e, struct diff_case *k)
{
	const struct insn *i = diff_emu_insn(e);
	uint64_t lin;
	k->at = -1;
	if (op_rows[k->row].attr & A_VSIB && i->base < 16) {    /* small indices around a base in the data pages */
		for (unsigned n = 0; n < 8; n++) {
			bool small = chance(r, 95), wide = op_rows[k->row].opcode & 1;
			uint32_t v = small ? wide && n & 1 ? 0 : diff_below(r, 256) : (uint32_t)diff_random(r);
			memcpy(k->in.fx + (n < 4 ? FX_XMM : FX_YMMH) + 16 * i->index + 4 * (n & 3), &v, 4);
		}
		k->in.gpr[i->base] = (uint32_t)((m_data(k->mode)) + 0x800 - (uint32_t)i->disp);
		return;
	}
	if (!diff_emu_operand(e, k, &lin))
		return;
	if (i->base == REG_BIP) {
		int32_t disp = (int32_t)(DIFF_DATA + data_offset(r) - (k->in.rip + k->len)), old = (int32_t)((uint32_t)i->disp - k->len);
		for (unsigned n = k->len; n-- > 0;)
			if (!memcmp(k->code + n, &old, 4)) {
				memcpy(k->code + n, &disp, 4);
				break;
			}
		diff_emu_decode(e, k);
	} else if (chance(r, 97)) {
		aim(k, i, lin, data_offset(r));
	}
	if (!diff_emu_operand(e, k, &lin) || lin < DIFF_DATA || lin > DIFF_DATA + DIFF_DATA_RW - 64)
		return;
	k->at = (int)(lin - DIFF_DATA);
	if (k->fp && chance(r, 30))
		for (unsigned n = 0; n + 10 <= 64; n += 10)
			edge_real80(r, k->operand + n);
	else if (k->fp || chance(r, 20))
		edge_packed(r, k->operand, 64);
	else
		for (unsigned n = 0; n < 64; n += 8) {
			uint64_t v = edge_integer(r);
			memcpy(k->operand + n, &v, 8);
		}
}

void diff_generate(struct diff_rng *r, struct diff_emu *e, unsigned row, enum diff_mode m, unsigned slot, struct diff_case *k)
{
	const struct op_row *o = &op_rows[row];
	struct shape s = shape_of(o);
	struct emit em = { .p = k->code };
	k->mode = m;
	k->slot = slot;
	k->fp = o->attr & (A_X87 | A_MMX | A_SSE | A_AVX) || !strcmp(o->name, "fwait");
	k->branch = o->attr & (A_END | A_LINK | A_COND);
	memset(k->code, 0xcc, sizeof k->code);
	put_prefixes(r, o, m, &em, &s);
	put_opcode(r, o, m, &em);
	if (s.modrm)
		put_modrm(r, o, m, &em, &s);
	random_registers(r, m, s.string, &k->in);
	k->in.rip = diff_code_rip(k);
	k->row = row;
	if (s.n_imm) {
		diff_emu_decode(e, k);                  /* for the operand and address size */
		put_immediates(r, m, &em, &s, diff_emu_insn(e));
	}
	diff_emu_decode(e, k);
	if (k->fp)
		random_fx(r, k->in.fx);
	place_operand(r, e, k);
}
