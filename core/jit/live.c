/* live.c - the guest's vector and x87 registers in the host's.
 *
 * Translated code loads them when it first wants them (em_live), and they stay through all blocks until C is called: cpu.jit.live says
 * which sets are loaded.  The common pieces that leave or call C store them first, so that C finds them in struct cpu and may use the
 * host's registers.  Only state that masks all exceptions is ever loaded; other state is the interpreter's. */
#include "core/jit/emit.h"
#include "core/cpu/x87.h"
#include "core/cpu/fpstate.h"
#include <assert.h>

#define ENV(field) (uint32_t)offsetof(struct cpu, field)

/* ---- x87: the image of FNSAVE, SDM 1, figure 8-9 ------------------------------------------------------------------------------------ */

struct x87_image { uint32_t cw, sw, tags, ip, ip_sel, dp, dp_sel; uint8_t st[80]; } __attribute__((packed));

static bool x87_load(struct cpu *c);
static void x87_save(struct cpu *c);

IN_GPRS static bool x87_load(struct cpu *c)
{
	struct x87_image m = { .cw = c->fpu.cw, .sw = (uint32_t)((c->fpu.sw & ~SW_TOP) | c->fpu.top << 11) };
	if ((c->fpu.cw & CW_MASKS) != CW_MASKS || (c->fpu.sw & SW_ES))
		return false;
	for (unsigned n = 0; n < 8; n++) {
		const struct fpreg *r = &c->fpu.fpr[(c->fpu.top + n) & 7];
		m.tags |= c->fpu.tag >> n & 1 ? 0 : 3u << 2 * n;
		__builtin_memcpy(m.st + 10 * n, &r->mant, 8);
		__builtin_memcpy(m.st + 10 * n + 8, &r->se, 2);
	}
	__asm__ volatile("frstor %0" : : "m"(m));
	c->fp_live &= (uint8_t)~FP_LIVE_X87;
	c->jit.live |= LIVE_X87;
	return true;
}

/* FNSAVE leaves the host's unit as FNINIT does. */
IN_GPRS static void x87_save(struct cpu *c)
{
	struct x87_image m;
	__asm__ volatile("fnsave %0" : "=m"(m));
	c->fpu.cw = (uint16_t)((m.cw & CW_VALID) | CW_ALWAYS);
	c->fpu.sw = (uint16_t)(m.sw & ~(unsigned)(SW_TOP | SW_ES | SW_B));
	c->fpu.top = m.sw >> 11 & 7;
	c->fpu.tag = 0;
	for (unsigned n = 0; n < 8; n++) {
		struct fpreg *r = &c->fpu.fpr[(c->fpu.top + n) & 7];
		c->fpu.tag |= (uint8_t)(((m.tags >> 2 * n & 3) != 3) << n);
		__builtin_memcpy(&r->mant, m.st + 10 * n, 8);
		__builtin_memcpy(&r->se, m.st + 10 * n + 8, 2);
	}
	if (c->jit.x87.last) {
		c->fpu.ip = (c->jit.x87.page + (c->jit.x87.last >> 11 & (PAGE_SIZE - 1))) & c->lin_mask;
		c->fpu.ip_sel = c->seg[SEG_CS].sel;
		c->fpu.opcode = c->jit.x87.last & 0x7ff;
		c->jit.x87.last = 0;
	}
	if (c->jit.x87.mem_seg) {
		c->fpu.dp_sel = c->seg[c->jit.x87.mem_seg - 1].sel;
		c->jit.x87.mem_seg = 0;
	}
}

/* ---- the common pieces --------------------------------------------------------------------------------------------------------------- */

static void byte_op(struct em *e, unsigned op, unsigned digit, uint32_t off, unsigned imm)
{
	em_env(e, (struct enc) { .op = op, .size = 4, .reg = digit }, off);
	em8(e, imm);
}
static void test_env(struct em *e, uint32_t off, unsigned bits) { byte_op(e, 0xf6, 0, off, bits); }
static uint8_t *jump_short(struct em *e, unsigned op)
{
	em8(e, op);
	return e->p++;
}
static void land(struct em *e, uint8_t *from)
{
	assert(e->p - from - 1 < 128);
	*from = (uint8_t)(e->p - from - 1);
}

/* Register n and memory at `off` of struct cpu: xmm, or ymm if `wide`. */
static void vector_op(struct em *e, unsigned op, unsigned n, uint32_t off, bool wide)
{
	if (wide) {
		em8(e, 0xc5);
		em8(e, (n < 8) << 7 | 0x7c);
	} else {
		if (n >= 8)
			em8(e, 0x44);
		em8(e, 0x0f);
	}
	em8(e, op);
	em_env_operand(e, n, off, 0);
}
/* movaps/vmovaps between all registers and their places: op 28 loads, 29 stores. */
static void move_all(struct em *e, unsigned op, bool wide)
{
	for (unsigned n = 0; n < 16; n++)
		vector_op(e, op, n, ENV(ymm) + 32 * n, wide);
}
static void vzeroupper(struct em *e) { em8(e, 0xc5), em8(e, 0xf8), em8(e, 0x77); }

/* Where all upper halves are 0, the host is to know: else each SSE instruction, which leaves the upper half alone, waits for the last one that wrote
 * its register (in SDM 1, 14.9 "Mixing AVX and SSE"; loops of floating point ran at half their speed).  Returns the jump taken then. */
static uint8_t *if_upper_zero(struct em *e)
{
	enum { MOVAPS = 0x28, ORPS = 0x56, SUMS = 2 };
	vzeroupper(e);
	for (unsigned n = 0; n < 16; n++)
		vector_op(e, n < SUMS ? MOVAPS : ORPS, n % SUMS, ENV(ymm) + 32 * n + 16, false);
	em8(e, 0x0f), em8(e, ORPS), em8(e, 0xc1);                                       /* orps xmm0, xmm1 */
	em8(e, 0x66), em8(e, 0x0f), em8(e, 0x38), em8(e, 0x17), em8(e, 0xc0);           /* ptest xmm0, xmm0 */
	return em_jcc(e, 0x84);
}
static void move_vectors(struct em *e, unsigned op)
{
	test_env(e, ENV(xcr0), XCR0_AVX);
	uint8_t *wide = em_jcc(e, 0x85), *zero = NULL, *narrow = e->p;
	move_all(e, op, false);
	uint8_t *end = em_jmp(e);
	em_patch(wide, e->p);
	if (op == 0x28)
		zero = if_upper_zero(e);
	move_all(e, op, true);
	if (zero)
		em_patch(zero, narrow);
	else
		vzeroupper(e);
	em_patch(end, e->p);
}

/* Call f(c) from any stack alignment, on the host's stack (`from_code`: that must be fetched first).  All guest registers are in memory;
 * rbp is lost. */
static void call_c(struct em *e, uintptr_t f, bool from_code)
{
	em_mov(e, RBP, RSP);
	if (from_code)
		em_load_env(e, RSP, ENV(jit.c_sp));
	em_rr(e, (struct enc) { .op = 0x83, .size = 8, .reg = 4 }, RSP), em8(e, 0xf0);          /* and rsp, -16 */
	em_imm64(e, RDI, (uintptr_t)e->c);
	em_imm64(e, RAX, f);
	em8(e, 0xff), em8(e, 0xd0);
	em_mov(e, RSP, RBP);
}

/* The guest's MXCSR and vectors into the host; r9 is lost.  Returns the jump taken when it unmasks exceptions. */
static uint8_t *load_vectors(struct em *e)
{
	test_env(e, ENV(fp_live), FP_LIVE_MXCSR);
	uint8_t *have = jump_short(e, 0x75);
	em_env(e, (struct enc) { .op = 0x8b, .size = 4, .reg = H_T0 }, ENV(mxcsr));
	em_rr(e, (struct enc) { .op = 0xf7, .size = 4, .reg = 2 }, H_T0);                       /* not */
	em_rr(e, (struct enc) { .op = 0xf7, .size = 4, .reg = 0 }, H_T0), em32(e, MXCSR_MASKS); /* test */
	uint8_t *fail = em_jcc(e, 0x85);
	em_env(e, (struct enc) { .op = 0x0fae, .size = 4, .reg = 2 }, ENV(mxcsr));              /* ldmxcsr */
	byte_op(e, 0x80, 1, ENV(fp_live), FP_LIVE_MXCSR);
	land(e, have);
	byte_op(e, 0x80, 1, ENV(jit.live), LIVE_VEC);
	move_vectors(e, 0x28);
	return fail;
}

/* Called by em_live's way out: r10 = where to leave to when it cannot be. */
static void make_load_vectors(struct em *e)
{
	e->j->live_load[LIVE_VEC] = e->p;
	uint8_t *fail = load_vectors(e);
	em8(e, 0xc3);
	em_patch(fail, e->p);
	em_rr(e, (struct enc) { .op = 0x83, .size = 8, .reg = 0 }, RSP), em8(e, 8);             /* the return address */
	em8(e, 0xe9);
	em_rel32(e, e->j->leave);
}
static void make_load_x87(struct em *e)
{
	e->j->live_load[LIVE_X87] = e->p;
	em_all_regs(e, false);
	em_mov(e, RBX, H_T1);
	call_c(e, (uintptr_t)x87_load, true);
	em_mov(e, H_T1, RBX);
	em8(e, 0x84), em8(e, 0xc0);                             /* test al, al */
	em_all_regs(e, true);
	uint8_t *fail = jump_short(e, 0x74);
	em8(e, 0xc3);
	land(e, fail);
	em_rr(e, (struct enc) { .op = 0x83, .size = 8, .reg = 0 }, RSP), em8(e, 8);
	em8(e, 0xe9);
	em_rel32(e, e->j->leave);
}

/* Store what is live; rax, rbp and what C may change are lost. */
static void make_save(struct em *e)
{
	e->j->live_save = e->p;
	test_env(e, ENV(jit.live), LIVE_VEC);
	uint8_t *none = em_jcc(e, 0x84);
	move_vectors(e, 0x29);
	em_patch(none, e->p);
	test_env(e, ENV(jit.live), LIVE_X87);
	uint8_t *no_x87 = jump_short(e, 0x74);
	call_c(e, (uintptr_t)x87_save, false);
	land(e, no_x87);
	byte_op(e, 0xc6, 0, ENV(jit.live), 0);
	em8(e, 0xc3);
}

/* Load again what bl says was live, as far as it may be; what C may change is lost, but not rbx. */
static void make_restore(struct em *e)
{
	e->j->live_restore = e->p;
	em8(e, 0xf6), em8(e, 0xc3), em8(e, LIVE_X87);           /* test bl, */
	uint8_t *no_x87 = jump_short(e, 0x74);
	call_c(e, (uintptr_t)x87_load, false);
	land(e, no_x87);
	em8(e, 0xf6), em8(e, 0xc3), em8(e, LIVE_VEC);
	uint8_t *none = em_jcc(e, 0x84);
	uint8_t *fail = load_vectors(e);
	em_patch(none, e->p);
	em_patch(fail, e->p);
	em8(e, 0xc3);
}

void em_live_pieces(struct em *e)
{
	make_save(e);
	make_restore(e);
}
void em_live_loads(struct em *e)
{
	make_load_vectors(e);
	make_load_x87(e);
}

void em_live_store(struct em *e)
{
	em_env(e, (struct enc) { .op = 0x0fb6, .size = 4, .reg = RBX }, ENV(jit.live));        /* movzx ebx, byte */
	em8(e, 0x85), em8(e, 0xdb);                             /* test ebx, ebx */
	uint8_t *nothing = jump_short(e, 0x74);
	em8(e, 0xe8);
	em_rel32(e, e->j->live_save);
	land(e, nothing);
}
void em_live_reload(struct em *e)
{
	em8(e, 0x85), em8(e, 0xdb);
	uint8_t *nothing = jump_short(e, 0x74);
	em8(e, 0xe8);
	em_rel32(e, e->j->live_restore);
	land(e, nothing);
}

/* ---- in a block ------------------------------------------------------------------------------------------------------------------------ */

void em_live(struct em *e, const struct ji *i, unsigned set)
{
	if (e->live.sets & set)
		return;
	em_flags_clobber(e, i->live_in);
	test_env(e, ENV(jit.live), set);
	struct stub *s = em_stub(e, STUB_LIVE, i);
	s->live = set;
	s->from = em_jcc(e, 0x84);
	s->back = e->p;
	e->delta = 0;
	e->live.sets |= set;
}

void em_live_stub(struct em *e, const struct stub *s)
{
	struct jit_exit *x = jit_new_exit(e, EXIT_INTERP);
	x->slot = s->slot;
	x->before = (uint8_t)s->before;
	em_imm64(e, H_T1, (uintptr_t)x);
	em8(e, 0xe8);
	em_rel32(e, e->j->live_load[s->live]);
	em8(e, 0xe9);
	em_rel32(e, s->back);
}
