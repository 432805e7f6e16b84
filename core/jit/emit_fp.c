/* emit_fp.c - SSE, AVX, MMX and x87: the guest's own instruction with the memory operand replaced.  Ref: SDM 2, chapter 2, appendix B.
 *
 * Only the order of checks is ours: registers in place (live.c), alignment, then the address.  All exceptions are masked here, so what
 * the host's instruction does is what the interpreter does with its operands. */
#include "core/jit/emit.h"
#include "core/cpu/fp.h"
#include <cpuid.h>

/* ---- what the row says -------------------------------------------------------------------------------------------------------------- */

/* One instruction, its operands told apart. */
struct vec {
	bool vex, w, has_reg, gpr_reg, gpr_rm, writes_gpr, has_rm, has_imm, mem_write, aligned;
	uint8_t pp, map, sets, imm;       /* map 1 = 0F, 2 = 0F 38, 3 = 0F 3A */
	uint8_t reg;                            /* register, or /n */
	unsigned size;                          /* bytes of memory */
};

static unsigned host_needs(const struct op_row *r)
{
	if (r->map == T38 && r->opcode >= 0xdb && r->opcode <= 0xdf)
		return HOST_SSE42 | HOST_AES;
	if (r->map == T3A && (r->opcode == 0x44 || r->opcode == 0xdf))
		return HOST_SSE42 | HOST_AES;
	if ((r->map == T38 && r->opcode >= 0xc8 && r->opcode <= 0xcd) || (r->map == T3A && r->opcode == 0xcc))
		return HOST_SSE42 | HOST_SHA;
	if ((r->map == V38 && r->opcode >= 0xdb && r->opcode <= 0xdf) || (r->map == V3A && (r->opcode == 0x44 || r->opcode == 0xdf)))
		return HOST_AVX2 | HOST_AES;
	return r->map >= V0F ? HOST_AVX2 : HOST_SSE42;
}

static unsigned memory_size(const struct ji *i, enum operand_size size)
{
	switch (size) {
	case SZ_b: return 1;
	case SZ_w: return 2;
	case SZ_d: return 4;
	case SZ_q: return 8;
	case SZ_o: return 16;
	case SZ_x: return i->in.flags & I_L256 ? 32 : 16;
	case SZ_y: return i->size == 8 ? 8 : 4;
	default: return 0;
	}
}

static bool wants_alignment(const struct ji *i, const struct vec *v)
{
	op_fn f = i->in.fn;
	if (v->vex)
		return f == op_avx_load_a || f == op_avx_store_a;
	return v->size == 16 && f != op_sse_load_u && f != op_sse_store_u;
}

static bool classify(const struct em *e, const struct ji *i, struct vec *v)
{
	const struct op_row *r = i->row;
	if (!(r->match >> 32 & 0x600) || (r->attr & (A_STR | A_VSIB)) || (r->opcode == 0xae && (r->map == TWO || r->map == V0F)))
		return false;
	*v = (struct vec) { .vex = r->map >= V0F, .pp = r->match >> 9 & 3, .map = (uint8_t)(r->map >= V0F ? r->map - V0F + 1 : r->map), .reg = r->match >> 3 & 7 };
	/* Outside 64-bit code VEX.W counts only where it tells instructions apart. */
	v->w = v->vex ? i->in.imm >> 12 & 1 && (e->code64 || r->match >> 32 & 0x1000) : (i->in.flags & I_O64) != 0;
	bool mem = i->in.rm == RM_MEM;
	for (int k = 0; k < 4 && r->operand[k]; k++) {
		enum operand_kind kind = operand_kind(r->operand[k]);
		switch (kind) {
		case K_V: case K_P: case K_G:
			v->has_reg = true;
			v->reg = i->in.reg;
			v->gpr_reg = kind == K_G;
			v->writes_gpr |= kind == K_G && k == 0;
			v->sets |= kind == K_V ? LIVE_VEC : kind == K_P ? LIVE_X87 : 0;
			break;
		case K_H: v->sets |= LIVE_VEC; break;
		case K_W: case K_U: case K_Q: case K_N: case K_E: case K_R: case K_M:
			v->has_rm = true;
			v->gpr_rm = !mem && (kind == K_E || kind == K_R);
			v->writes_gpr |= v->gpr_rm && k == 0;
			v->mem_write = mem && k == 0;
			v->size = mem ? memory_size(i, operand_size(r->operand[k])) : 0;
			if (mem && !v->size)
				return false;
			/* Whether a conversion from memory touches the x87 differs between hosts. */
			if (kind == K_Q && mem && (v->sets & LIVE_VEC))
				return false;
			if (!mem)
				v->sets |= kind == K_W || kind == K_U ? LIVE_VEC : kind == K_Q || kind == K_N ? LIVE_X87 : 0;
			break;
		case K_I: v->imm = (uint8_t)i->in.imm; v->has_imm = true; break;
		case K_L: v->imm = (uint8_t)i->in.imm & (e->code64 ? 0xff : 0x7f); v->has_imm = true; break;    /* a register's number */
		default: return false;
		}
	}
	if (v->vex && !v->has_rm && !e->code64)         /* vzeroupper: of eight registers only */
		return false;
	v->sets |= r->attr & (A_SSE | A_AVX) ? LIVE_VEC : LIVE_X87;    /* emms, vzeroupper, conversions from memory: MXCSR */
	v->aligned = mem && wants_alignment(i, v);
	return true;
}

/* A store is made elsewhere before it is known whether it can be: it may do nothing else (VCVTPS2PH raises flags, MMX changes tags), and must do
 * all of it (under a mask it does not, as all with map 2). */
static bool may_be_split(const struct ji *i, const struct vec *v)
{
	bool plain = !(v->sets & LIVE_X87) && v->map != 2 && i->in.fn != op_avx_cvtps2ph;
	return !v->aligned && !v->gpr_reg && (plain || !v->mem_write);
}

static void note_split(struct em *e, struct stub *s, const struct vec *v, const struct opcode *o)
{
	uint8_t *start = e->p;
	em_opcode_mem(e, *o, v->reg, (struct mem_op) { H_T1, NO_REG, 0 });
	if (v->has_imm)
		em8(e, v->imm);
	s->split_size = (uint8_t)(e->p - start);
	memcpy(s->split, start, s->split_size);
	e->p = start;
}

static bool emit_vector(struct em *e, const struct ji *i)
{
	struct vec v;
	bool mem = i->in.rm == RM_MEM;
	if (!classify(e, i, &v) || (host_needs(i->row) & ~e->j->host_has))
		return false;
	if (v.sets & LIVE_VEC)
		em_live(e, i, LIVE_VEC);
	if (v.sets & LIVE_X87)
		em_live(e, i, LIVE_X87);
	unsigned first = e->n_stubs;
	struct mem_op m = { 0 };
	if (mem) {
		m = em_memory(e, i, v.size, v.mem_write);
		if (v.aligned) {
			em_flags_clobber(e, i->live_in);
			m = em_mem_in_reg(e, m);
			em_check_aligned(e, i, v.size);
		}
	}
	unsigned guest = v.gpr_reg ? i->in.reg : i->in.rm;
	bool env = (v.gpr_reg || v.gpr_rm) && in_env(guest);
	unsigned gpr = env ? H_T1 : v.gpr_reg || v.gpr_rm ? host_of(guest) : 0;
	if (env && !v.writes_gpr)
		em_load_env(e, H_T1, ENV_REG(guest));
	unsigned reg = v.gpr_reg ? gpr : v.reg, rm = v.gpr_rm ? gpr : i->in.rm;
	struct opcode o = { .vex = v.vex, .w = v.w, .l = i->in.flags & I_L256, .pp = v.pp, .map = v.map, .op = i->row->opcode, .vvvv = i->in.imm >> 8 & 15 };
	if (mem && e->n_stubs > first && may_be_split(i, &v))
		note_split(e, &e->stubs[first], &v, &o);
	if (mem) {
		em_opcode_mem(e, o, reg, m);
	} else {
		em_opcode(e, &o, reg, v.has_rm ? rm : 0);
		if (v.has_rm)
			em8(e, 0xc0 | (reg & 7) << 3 | (rm & 7));
	}
	if (v.has_imm)
		em8(e, v.imm);
	if (env && v.writes_gpr)
		em_store_env(e, H_T1, ENV_REG(guest));
	if (i->writes)
		em_flags_written(e);
	if (mem)
		em_close_stubs(e, first, i);
	return true;
}

/* Masks of MXCSR that are not all set make the interpreter's work of it. */
static bool emit_mxcsr(struct em *e, const struct ji *i)
{
	bool store = (i->row->match >> 3 & 7) == 3;
	em_live(e, i, LIVE_VEC);
	unsigned first = e->n_stubs;
	em_flags_clobber(e, i->live_in);
	struct mem_op m = em_memory(e, i, 4, store);
	if (!store) {
		em_mem(e, (struct enc) { .op = 0x8b, .size = 4, .reg = H_T1 }, m);
		em_rr(e, (struct enc) { .op = 0x81, .size = 4, .reg = 4 }, H_T1), em32(e, 0xffff1f80);          /* and */
		em_rr(e, (struct enc) { .op = 0x81, .size = 4, .reg = 7 }, H_T1), em32(e, 0x1f80);              /* cmp */
		em_jump_out(e, 0x85, STUB_INTERP, i);
	}
	em_mem(e, (struct enc) { .op = 0x0fae, .size = 4, .reg = store ? 3 : 2 }, m);
	em_close_stubs(e, first, i);
	return true;
}

bool em_fp(struct em *e, const struct ji *i)
{
	const struct op_row *r = i->row;
	/* Nothing is pending while the x87's registers are in place. */
	if (r->map == ONE && r->opcode == 0x9b)
		return (e->live.sets & LIVE_X87) && !(e->c->mode & M_TS);
	if (i->in.fn == op_undefined || i->in.fn == op_no_device)
		return false;
	if (r->opcode == 0xae && r->map == TWO && i->in.rm == RM_MEM && (r->attr & A_SSE))
		return emit_mxcsr(e, i);
	return r->attr & A_X87 ? em_x87(e, i) : emit_vector(e, i);
}

/* AMD's processors do, Intel's do not. */
static bool multiply_keeps_flags(void)
{
	static const uint8_t before[] = { 0, FL_SF | FL_ZF | FL_AF | FL_PF };
	for (unsigned n = 0; n < 2; n++) {
		unsigned a = before[n] << 8;
		uint64_t v = 0x123;
		asm("sahf\n\timulq %1, %1\n\tlahf" : "+a" (a), "+r" (v) : : "cc");
		if ((a >> 8 & before[1]) != before[n])
			return false;
	}
	return true;
}

/* Ref: Intel, Mitigations for Jump Conditional Code Erratum, table 1. */
static bool has_jcc_erratum(void)
{
	static const uint8_t models[] = { 0x4e, 0x5e, 0x55, 0x8e, 0x9e, 0xa5, 0xa6, 0xae };
	unsigned a = 0, b = 0, c = 0, d = 0;
	__builtin_cpu_init();
	if (!__builtin_cpu_is("intel") || !__get_cpuid(1, &a, &b, &c, &d) || (a >> 8 & 15) != 6)
		return false;
	unsigned model = (a >> 12 & 0xf0) | (a >> 4 & 15);
	return memchr(models, (int)model, sizeof models);
}

unsigned em_host_features(void)
{
	enum { SSE42 = IMPL_SSE3 | IMPL_SSSE3 | IMPL_SSE41 | IMPL_SSE42, AVX2 = IMPL_AVX | IMPL_AVX2 | IMPL_FMA | IMPL_F16C, AES = IMPL_AES | IMPL_PCLMUL };
	uint32_t f = cpu_impl_features();
	unsigned a, b = 0, c = 0, d;
	unsigned has = ((f & SSE42) == SSE42 ? HOST_SSE42 : 0) | ((f & AVX2) == AVX2 ? HOST_AVX2 : 0) | ((f & AES) == AES ? HOST_AES : 0) |
		(f & IMPL_SHA ? HOST_SHA : 0);
	__get_cpuid(1, &a, &b, &c, &d);
	bool movbe = c & bit_MOVBE;
	if (__builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("lzcnt") && movbe)
		has |= HOST_BMI;
	b = 0;
	__get_cpuid_count(7, 0, &a, &b, &c, &d);
	return has | (b & bit_ADX ? HOST_ADX : 0) | (tsc_is_clock() ? HOST_TSC : 0) | (multiply_keeps_flags() ? HOST_UNDEFINED : 0) |
		(has_jcc_erratum() ? HOST_JCC : 0);
}
