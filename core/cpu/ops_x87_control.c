/* ops_x87_control.c - x87 exceptions, control and status words, environment.  Ref: SDM 1 ch. 8.1, 8.5-8.7, SDM 2. */
#include "core/cpu/ops.h"
#include "core/cpu/x87.h"
#include "core/cpu/fpstate.h"

const struct fpreg x87_indefinite = { .mant = 0xc000000000000000, .se = 0xffff };
const uint16_t x87_cw_init = CW_INIT;

/* ---- exceptions --------------------------------------------------------------------------------------------------------------- */

static void set_ferr(struct cpu *c, int level)
{
	if (c->ferr)
		c->ferr(c->ferr_arg, level);
}

void x87_update_es(struct cpu *c)
{
	bool was = c->fpu.sw & SW_ES, is = c->fpu.sw & ~c->fpu.cw & SW_EXC;
	c->fpu.sw = (uint16_t)((c->fpu.sw & ~(SW_ES | SW_B)) | (is ? SW_ES | SW_B : 0));
	if (is && !was && !(c->cr0 & CR0_NE))
		set_ferr(c, 1);
	if (!is && was) {
		c->ignne = 0;
		set_ferr(c, 0);
	}
}

bool x87_signal(struct cpu *c, unsigned exc, unsigned veto)
{
	c->fpu.sw |= (uint16_t)exc;
	if (c->fp_live & FP_LIVE_X87)
		return true;
	x87_update_es(c);
	return !(exc & veto & ~c->fpu.cw);
}

/* With CR0.NE a pending exception is #MF.  Without, FERR# has asked the board for an interrupt (IRQ 13) and the CPU stands still
 * at this instruction until it comes, unless IGNNE# is asserted (SDM 1, appendix D). */
bool x87_pending(struct cpu *c, const struct insn *i)
{
	c->cur = i;
	if (c->cr0 & CR0_NE)
		return cpu_raise(c, EXC_MF);
	if (c->ignne)
		return true;
	set_ferr(c, 1);
	leave_jump(c, i, insn_rip(c, i));
	return false;
}

bool x87_prepare(struct cpu *c, const struct insn *i)
{
	uint16_t host;
	if (!x87_check(c, i))
		return false;
	__asm__ volatile("fnstsw %0" : "=a"(host));
	if (host & SW_EXC & ~c->fpu.sw)
		__asm__ volatile("fnclex");
	if ((c->fpu.cw & CW_MASKS) == CW_MASKS) {
		__asm__ volatile("fldcw %0" : : "m"(c->fpu.cw));
		c->fp_live |= FP_LIVE_X87;
	}
	return true;
}

const struct insn *op_fwait(struct cpu *c, const struct insn *i)
{
	if ((c->cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS))
		RAISE(c, i, EXC_NM);
	if (unlikely(!x87_check(c, i)))
		return NULL;
	NEXT(c, i);
}

/* ---- control and status words -------------------------------------------------------------------------------------------------- */

void x87_set_cw(struct cpu *c, uint16_t cw)
{
	c->fpu.cw = (cw & CW_VALID) | CW_ALWAYS;
	c->fp_live &= (uint8_t)~FP_LIVE_X87;
	x87_update_es(c);
}
void x87_set_sw(struct cpu *c, uint16_t sw)
{
	c->fpu.top = sw >> 11 & 7;
	c->fpu.sw = (uint16_t)((sw & ~(SW_TOP | SW_ES | SW_B)) | (c->fpu.sw & (SW_ES | SW_B)));
	c->fp_live &= (uint8_t)~FP_LIVE_X87;
	x87_update_es(c);
}
uint16_t x87_get_sw(const struct cpu *c) { return (uint16_t)(c->fpu.sw | c->fpu.top << 11); }

void x87_init(struct cpu *c)
{
	c->fpu.ip = c->fpu.dp = 0;
	c->fpu.ip_sel = c->fpu.dp_sel = c->fpu.opcode = 0;
	c->fpu.tag = 0;
	x87_set_sw(c, 0);
	x87_set_cw(c, CW_INIT);
}

const struct insn *op_fninit(struct cpu *c, const struct insn *i)
{
	x87_init(c);
	NEXT(c, i);
}
const struct insn *op_fnclex(struct cpu *c, const struct insn *i)
{
	x87_set_sw(c, x87_get_sw(c) & (uint16_t)~(SW_EXC | SW_SF | SW_ES | SW_B));
	NEXT(c, i);
}
/* FENI, FDISI (8087) and FSETPM (80287) do nothing. */
const struct insn *op_fnnop(struct cpu *c, const struct insn *i) { NEXT(c, i); }

const struct insn *op_fldcw(struct cpu *c, const struct insn *i)
{
	uint64_t lin;
	uint16_t cw;
	if (unlikely(!x87_check(c, i)))
		return NULL;
	TRY(c, i, ea_linear(c, i, 2, MEM_R, &lin) && mem_read16(c, i, lin, &cw));
	x87_set_cw(c, cw);
	NEXT(c, i);
}
static inline const struct insn *store16(struct cpu *c, const struct insn *i, uint16_t v)
{
	uint64_t lin;
	TRY(c, i, ea_linear(c, i, 2, MEM_W, &lin) && mem_write16(c, i, lin, v));
	NEXT(c, i);
}
const struct insn *op_fnstcw(struct cpu *c, const struct insn *i) { return store16(c, i, c->fpu.cw); }
const struct insn *op_fnstsw(struct cpu *c, const struct insn *i) { return store16(c, i, x87_get_sw(c)); }
const struct insn *op_fnstsw_ax(struct cpu *c, const struct insn *i)
{
	*reg16(c, RAX) = x87_get_sw(c);
	NEXT(c, i);
}

/* ---- environment: 14 or 28 bytes (SDM 1, figures 8-9 to 8-12) ------------------------------------------------------------------- */

/* The full tag word: 0 valid, 1 zero, 2 special, 3 empty, physical order. */
static uint16_t full_tags(const struct fpu *f)
{
	unsigned t = 0;
	for (unsigned n = 0; n < 8; n++) {
		const struct fpreg *v = &f->fpr[n];
		unsigned exp = v->se & 0x7fff, kind = 0;
		if (!(f->tag >> n & 1))
			kind = 3;
		else if (exp == 0 && v->mant == 0)
			kind = 1;
		else if (exp == 0 || exp == 0x7fff || !(v->mant >> 63))
			kind = 2;
		t |= kind << 2 * n;
	}
	return (uint16_t)t;
}

unsigned x87_env_save(const struct cpu *c, uint8_t *buf, bool small)
{
	const struct fpu *f = &c->fpu;
	bool prot = cpu_protected(c);
	if (small) {
		uint32_t ip = (uint32_t)f->ip, dp = (uint32_t)f->dp;
		uint16_t e[7] = { f->cw, x87_get_sw(c), full_tags(f), (uint16_t)ip, f->ip_sel, (uint16_t)dp, f->dp_sel };
		if (!prot) {
			ip += (uint32_t)f->ip_sel << 4;
			dp += (uint32_t)f->dp_sel << 4;
			e[3] = (uint16_t)ip;
			e[4] = (uint16_t)((ip >> 4 & 0xf000) | f->opcode);
			e[5] = (uint16_t)dp;
			e[6] = (uint16_t)(dp >> 4 & 0xf000);
		}
		memcpy(buf, e, 14);
		return 14;
	}
	uint32_t e[7] = { 0xffff0000u | f->cw, 0xffff0000u | x87_get_sw(c), 0xffff0000u | full_tags(f), (uint32_t)f->ip,
			  (uint32_t)f->opcode << 16 | f->ip_sel, (uint32_t)f->dp, 0xffff0000u | f->dp_sel };
	if (!prot) {
		uint32_t ip = (uint32_t)f->ip + ((uint32_t)f->ip_sel << 4), dp = (uint32_t)f->dp + ((uint32_t)f->dp_sel << 4);
		e[3] = 0xffff0000u | (ip & 0xffff);
		e[4] = (ip >> 4 & 0x0ffff000) | f->opcode;
		e[5] = 0xffff0000u | (dp & 0xffff);
		e[6] = dp >> 4 & 0x0ffff000;
	}
	memcpy(buf, e, 28);
	return 28;
}

void x87_env_load(struct cpu *c, const uint8_t *buf, bool small)
{
	struct fpu *f = &c->fpu;
	bool prot = cpu_protected(c);
	uint32_t e[7];
	uint16_t h[7];
	if (small) {
		memcpy(h, buf, 14);
		for (unsigned n = 0; n < 7; n++)
			e[n] = h[n];
	} else {
		memcpy(e, buf, 28);
	}
	f->ip = e[3];
	f->dp = e[5];
	f->ip_sel = (uint16_t)e[4];
	f->dp_sel = (uint16_t)e[6];
	if (!small)
		f->opcode = e[4] >> 16 & 0x7ff;
	if (!prot) {
		f->opcode = e[4] & 0x7ff;
		f->ip = (e[3] & 0xffff) | (small ? (e[4] & 0xf000) << 4 : (e[4] & 0x0ffff000) << 4);
		f->dp = (e[5] & 0xffff) | (small ? (e[6] & 0xf000) << 4 : (e[6] & 0x0ffff000) << 4);
		f->ip_sel = f->dp_sel = 0;
	}
	f->tag = 0;
	for (unsigned n = 0; n < 8; n++)
		f->tag |= (uint8_t)(((e[2] >> 2 * n & 3) != 3) << n);
	x87_set_sw(c, (uint16_t)e[1]);
	x87_set_cw(c, (uint16_t)e[0]);
}

static inline bool small_env(const struct insn *i) { return i->flags & I_O16; }

const struct insn *op_fnstenv(struct cpu *c, const struct insn *i)
{
	uint8_t buf[28];
	unsigned size = x87_env_save(c, buf, small_env(i));
	uint64_t lin;
	TRY(c, i, ea_linear(c, i, size, MEM_W, &lin) && mem_write_bytes(c, i, lin, buf, size));
	x87_set_cw(c, c->fpu.cw | CW_MASKS);
	NEXT(c, i);
}
const struct insn *op_fldenv(struct cpu *c, const struct insn *i)
{
	uint8_t buf[28];
	unsigned size = small_env(i) ? 14 : 28;
	uint64_t lin;
	if (unlikely(!x87_check(c, i)))
		return NULL;
	TRY(c, i, ea_linear(c, i, size, MEM_R, &lin) && mem_read_bytes(c, i, lin, buf, size));
	x87_env_load(c, buf, small_env(i));
	NEXT(c, i);
}
const struct insn *op_fnsave(struct cpu *c, const struct insn *i)
{
	uint8_t buf[108];
	unsigned size = x87_env_save(c, buf, small_env(i));
	uint64_t lin;
	for (unsigned n = 0; n < 8; n++, size += 10)
		memcpy(buf + size, st(c, n), 10);
	TRY(c, i, ea_linear(c, i, size, MEM_W, &lin) && mem_write_bytes(c, i, lin, buf, size));
	x87_init(c);
	NEXT(c, i);
}
const struct insn *op_frstor(struct cpu *c, const struct insn *i)
{
	uint8_t buf[108];
	unsigned env = small_env(i) ? 14 : 28;
	uint64_t lin;
	if (unlikely(!x87_check(c, i)))
		return NULL;
	TRY(c, i, ea_linear(c, i, env + 80, MEM_R, &lin) && mem_read_bytes(c, i, lin, buf, env + 80));
	x87_env_load(c, buf, small_env(i));
	for (unsigned n = 0; n < 8; n++)
		memcpy(st(c, n), buf + env + 10 * n, 10);
	NEXT(c, i);
}
