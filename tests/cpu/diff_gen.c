/* diff_gen.c - cases: an encoding (diff_encode.c) and operands with a liking for edges.  Memory operands are made to fall into the data pages by choosing the base register's value. */
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

uint64_t diff_edge_integer(struct diff_rng *r)
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
void diff_edge_real80(struct diff_rng *r, uint8_t out[10])
{
	uint64_t mant = diff_random(r), v = diff_random(r);
	uint16_t se = (uint16_t)((v & 0x8000) | (0x3fff + (v >> 16 & 127) - 64));
	switch (diff_below(r, 8)) {
	case 0: mant = v & 1 ? 0 : UINT64_C(1) << 63; se = (uint16_t)(v >> 2 & 1 ? 0 : v); break;
	case 1: se |= 0x7fff; mant |= v & 1 ? UINT64_C(3) << 62 : UINT64_C(1) << 63; if (v & 0x10000) mant = UINT64_C(1) << 63; break;
	case 2: se &= 0x8000; mant >>= v & 63; break;                   /* denormal */
	case 3: se = (uint16_t)v; break;                                /* unnormal or any exponent */
	case 4: mant = UINT64_C(1) << 63 | diff_edge_integer(r); break;
	default: mant |= UINT64_C(1) << 63; break;
	}
	memcpy(out, &mant, 8);
	memcpy(out + 8, &se, 2);
}
void diff_edge_packed(struct diff_rng *r, uint8_t *out, unsigned size)
{
	unsigned kind = diff_below(r, 5);
	for (unsigned n = 0; n < size; n += 8) {
		uint64_t v = kind == 0 ? diff_edge_integer(r) : kind == 1 ? edge_double(r) : kind == 2 ? edge_float(r) | (uint64_t)edge_float(r) << 32 : diff_random(r);
		if (kind == 3)
			v = (uint64_t)(uint32_t)diff_edge_integer(r) << 32 | (uint32_t)diff_edge_integer(r);
		memcpy(out + n, &v, 8);
	}
}

void diff_pool_fill(struct diff_pool *p, uint64_t seed)
{
	struct diff_rng r = { .s = seed };
	memset(p, 0, sizeof *p);
	for (unsigned n = 0; n < 1024; n++) {
		diff_edge_packed(&r, p->packed[n], 16);
		diff_edge_real80(&r, p->real[n]);
	}
}

void diff_random_fx(struct diff_rng *r, uint8_t *fx)
{
	uint16_t cw = 0x37f, sw = (uint16_t)(diff_random(r) & 0x7fff & ~0x80bf);
	uint32_t mxcsr = 0x1f80;
	uint64_t header[8] = { 7 };
	memset(fx, 0, 32);
	if (diff_chance(r, 40))
		cw = (uint16_t)((diff_random(r) & 0x0f00) | (diff_chance(r, 30) ? diff_below(r, 64) : 0x3f) | 0x40);
	if (diff_chance(r, 20))
		sw |= diff_random(r) & 0x3f;
	sw &= (uint16_t)~0x8080;
	if (sw & ~cw & 0x3f) {
		if (diff_chance(r, 80))
			sw &= (uint16_t)~0x3f;          /* mostly nothing pending */
		else
			sw |= 0x8080;
	}
	if (diff_chance(r, 40))
		mxcsr = (uint32_t)(diff_random(r) & 0xe07f) | (diff_chance(r, 30) ? (uint32_t)(diff_random(r) & 0x1f80) : 0x1f80);
	memcpy(fx + FX_FCW, &cw, 2);
	memcpy(fx + FX_FSW, &sw, 2);
	fx[FX_FTW] = diff_chance(r, 60) ? (uint8_t)~(1u << diff_below(r, 8)) : (uint8_t)diff_random(r);
	if (diff_chance(r, 40))
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
uint32_t diff_data_offset(struct diff_rng *r)
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
		s->gpr[n] = diff_edge_integer(r);
	s->gpr[4] = base + 0x800 + 8 * diff_below(r, 0x100);
	if (diff_chance(r, 5))
		s->gpr[4] = base + diff_data_offset(r);
	if (diff_chance(r, 2))
		s->gpr[4] = diff_edge_integer(r);
	for (unsigned n = 6; n < 8; n++)
		if (diff_chance(r, string ? 97 : 50))
			s->gpr[n] = base + diff_data_offset(r);
	if (string)
		s->gpr[1] = diff_chance(r, 98) ? diff_below(r, 40) : s->gpr[1] & 0xfff;
	if (m == DIFF_32_SEG && string)
		s->gpr[7] -= base;                      /* ES has a base */
	if (m == DIFF_16)
		for (unsigned n = 4; n < 8; n++)
			s->gpr[n] &= 0xffff;
	if (m != DIFF_64)
		for (unsigned n = 0; n < 16; n++)
			s->gpr[n] = n < 8 ? (uint32_t)s->gpr[n] : 0;
	s->rflags = 0x202 | (diff_random(r) & (FL_ARITH)) | (diff_chance(r, 12) ? FL_DF : 0);
}

/* ---- cases --------------------------------------------------------------------------------------------------------------------------- */

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
			bool small = diff_chance(r, 95), wide = op_rows[k->row].opcode & 1;
			uint32_t v = small ? wide && n & 1 ? 0 : diff_below(r, 256) : (uint32_t)diff_random(r);
			memcpy(k->in.fx + (n < 4 ? FX_XMM : FX_YMMH) + 16 * i->index + 4 * (n & 3), &v, 4);
		}
		k->in.gpr[i->base] = (uint32_t)((m_data(k->mode)) + 0x800 - (uint32_t)i->disp);
		return;
	}
	if (!diff_emu_operand(e, k, &lin))
		return;
	if (i->base == REG_BIP) {
		int32_t disp = (int32_t)(DIFF_DATA + diff_data_offset(r) - (k->in.rip + k->len)), old = (int32_t)((uint32_t)i->disp - k->len);
		for (unsigned n = k->len; n-- > 0;)
			if (!memcmp(k->code + n, &old, 4)) {
				memcpy(k->code + n, &disp, 4);
				break;
			}
		diff_emu_decode(e, k);
	} else if (diff_chance(r, 97)) {
		aim(k, i, lin, diff_data_offset(r));
	}
	if (!diff_emu_operand(e, k, &lin) || lin < DIFF_DATA || lin > DIFF_DATA + DIFF_DATA_RW - 64)
		return;
	k->at = (int)(lin - DIFF_DATA);
	if (k->fp && diff_chance(r, 30))
		for (unsigned n = 0; n + 10 <= 64; n += 10)
			diff_edge_real80(r, k->operand + n);
	else if (k->fp || diff_chance(r, 20))
		diff_edge_packed(r, k->operand, 64);
	else
		for (unsigned n = 0; n < 64; n += 8) {
			uint64_t v = diff_edge_integer(r);
			memcpy(k->operand + n, &v, 8);
		}
}

void diff_generate(struct diff_rng *r, struct diff_emu *e, unsigned row, enum diff_mode m, unsigned slot, struct diff_case *k)
{
	const struct op_row *o = &op_rows[row];
	k->slot = slot;
	k->fp = o->attr & (A_X87 | A_MMX | A_SSE | A_AVX) || !strcmp(o->name, "fwait");
	k->branch = o->attr & (A_END | A_LINK | A_COND);
	k->mode = m;
	bool string = diff_encode(r, e, row, k);
	random_registers(r, m, string, &k->in);
	k->in.rip = diff_code_rip(k);
	if (k->fp)
		diff_random_fx(r, k->in.fx);
	place_operand(r, e, k);
}
