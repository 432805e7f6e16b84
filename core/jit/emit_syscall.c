/* emit_syscall.c - SYSCALL and SYSRET between 64-bit code of CPL 3 and of CPL 0, without leaving translated code.  Ref: SDM 2, SYSCALL, SYSRET.
 *
 * A site looks whether this is the common case, else it is the interpreter's; the common pieces change the CPU's state as op_syscall, op_sysret and
 * cpu_update_mode do, change to the other privilege's return stack, and jump. */
#include "core/jit/emit.h"
#include "core/cpu/sys.h"

#define ENV(f) (uint32_t)offsetof(struct cpu, f)
#define SEG(n, f) (ENV(seg) + (n) * (uint32_t)sizeof(struct segreg) + (uint32_t)offsetof(struct segreg, f))
enum { JZ = 0x84, JNE = 0x85, ADD = 0, OR = 1, AND = 4, CMP = 7, SHL = 4, SHR = 5, SAR = 7,
	SYSRET_FLAGS = 0x3c7fd7 /* of EFLAGS; the others are 0 or 1 always */, FROM_SYSRET = FL_ARITH | FL_IF | 2 };

static void reg_imm(struct em *e, unsigned digit, unsigned reg, uint32_t imm)
{
	em_rr(e, (struct enc) { .op = 0x81, .size = 4, .reg = digit }, reg);
	em32(e, imm);
}
static void test_reg(struct em *e, unsigned reg, uint32_t bits)
{
	em_rr(e, (struct enc) { .op = 0xf7, .size = 4, .reg = 0 }, reg);
	em32(e, bits);
}
static void shift(struct em *e, unsigned digit, unsigned size, unsigned reg, unsigned by)
{
	em_rr(e, (struct enc) { .op = 0xc1, .size = size, .reg = digit }, reg);
	em8(e, by);
}
static void or_reg(struct em *e, unsigned to, unsigned from) { em_rr(e, (struct enc) { .op = 0x0b, .size = 4, .reg = to }, from); }
static void copy32(struct em *e, unsigned to, unsigned from) { em_rr(e, (struct enc) { .op = 0x8b, .size = 4, .reg = to }, from); }
static void load32(struct em *e, unsigned reg, uint32_t off) { em_env(e, (struct enc) { .op = 0x8b, .size = 4, .reg = reg }, off); }
static void test_byte(struct em *e, uint32_t off, unsigned bits) { em_env(e, (struct enc) { .op = 0xf6, .size = 4, .reg = 0 }, off), em8(e, bits); }
static void test32(struct em *e, uint32_t off, uint32_t bits) { em_env(e, (struct enc) { .op = 0xf7, .size = 4, .reg = 0 }, off), em32(e, bits); }
static void set8(struct em *e, uint32_t off, unsigned v) { em_env(e, (struct enc) { .op = 0xc6, .size = 4, .reg = 0 }, off), em8(e, v); }
static void set16(struct em *e, uint32_t off, unsigned v) { em_env(e, (struct enc) { .op = 0xc7, .size = 2, .reg = 0 }, off), em8(e, v & 0xff), em8(e, v >> 8); }
static void set32(struct em *e, uint32_t off, uint32_t v) { em_env(e, (struct enc) { .op = 0xc7, .size = 4, .reg = 0 }, off), em32(e, v); }
static void set64(struct em *e, uint32_t off, uint32_t v) { em_env(e, (struct enc) { .op = 0xc7, .size = 8, .reg = 0 }, off), em32(e, v); }
static void store16(struct em *e, unsigned reg, uint32_t off) { em_env(e, (struct enc) { .op = 0x89, .size = 2, .reg = reg }, off); }

/* ---- sites ---------------------------------------------------------------------------------------------------------------------------- */

static void unless(struct em *e, unsigned jcc, const struct ji *i) { em_jump_out(e, jcc, STUB_LAST_STEP, i); }

/* Both ways.  The segments that x87 operands were in are noted when the registers are stored: that must be before CS and SS change. */
static void require_common_case(struct em *e, const struct ji *i, unsigned to_mode)
{
	test_byte(e, ENV(efer), EFER_SCE);
	unless(e, JZ, i);
	test_byte(e, ENV(jit.live), LIVE_X87);
	unless(e, JNE, i);
	em_env(e, (struct enc) { .op = 0x81, .size = 2, .reg = CMP }, ENV(jit.mode[!e->user])), em8(e, to_mode & 0xff), em8(e, to_mode >> 8);
	unless(e, JNE, i);
}

static void jump_to_piece(struct em *e, const struct ji *i, const uint8_t *piece)
{
	em_count(e, i->in.idx + 1u);
	em_patch(em_jmp(e), piece);
}

static bool emit_syscall(struct em *e, const struct ji *i)
{
	enum { CLEARED = FL_ARITH | FL_DF | FL_TF | FL_NT | FL_AC };
	if (!e->user)
		return false;
	em_flags_clobber(e, FL_ARITH);
	require_common_case(e, i, e->c->mode & ~(unsigned)M_USER);
	load32(e, H_T0, ENV(sfmask));
	em_rr(e, (struct enc) { .op = 0xf7, .size = 4, .reg = 2 }, H_T0);               /* not */
	test_reg(e, H_T0, CLEARED);
	unless(e, JNE, i);
	em_load_env(e, RCX, ENV(jit.page));
	em_rm(e, (struct enc) { .op = 0x8d, .size = 8, .reg = RCX }, RCX, NO_REG, 0, (int32_t)(e->page_off + i->in.off + i->in.len));
	jump_to_piece(e, i, e->j->syscall);
	return true;
}

static bool emit_sysret(struct em *e, const struct ji *i)
{
	if (e->user || !(i->in.flags & I_O64))
		return false;
	em_flags_clobber(e, FL_ARITH);
	em_env(e, (struct enc) { .op = 0x80, .size = 4, .reg = CMP }, ENV(cpl)), em8(e, 0);
	unless(e, JNE, i);
	require_common_case(e, i, e->c->mode | M_USER);
	em_mov(e, H_T0, RCX);
	shift(e, SHL, 8, H_T0, 16);
	shift(e, SAR, 8, H_T0, 16);
	em_rr(e, (struct enc) { .op = 0x3b, .size = 8, .reg = H_T0 }, RCX);             /* canonical? */
	unless(e, JNE, i);
	test32(e, ENV(exit_req), REQ_INTR | REQ_NMI);                                   /* may be taken with the new IF */
	unless(e, JNE, i);
	load32(e, H_T0, ENV_REG(11));
	test_reg(e, H_T0, SYSRET_FLAGS & ~(uint32_t)FROM_SYSRET);
	unless(e, JNE, i);
	jump_to_piece(e, i, e->j->sysret);
	return true;
}

bool em_syscall(struct em *e, const struct ji *i)
{
	if (!e->code64 || i->row->map != TWO)
		return false;
	return i->row->opcode == 0x05 ? emit_syscall(e, i) : i->row->opcode == 0x07 && emit_sysret(e, i);
}

/* ---- common pieces -------------------------------------------------------------------------------------------------------------------- */

/* CS and SS but for their selectors; CPL, mode, TLB; the return stack.  Then to the address in r9. */
static void make_change(struct em *e, unsigned cpl)
{
	bool user = cpl == 3;
	for (unsigned n = SEG_CS; n <= SEG_SS; n++) {
		set64(e, SEG(n, base), 0);
		set32(e, SEG(n, limit), UINT32_MAX);
		set16(e, SEG(n, attr), n == SEG_CS ? flat_code_attr(cpl, true) : flat_data_attr(cpl));
	}
	set8(e, ENV(cpl), cpl);
	if (user)
		em_env(e, (struct enc) { .op = 0x81, .size = 2, .reg = OR }, ENV(mode)), em8(e, M_USER), em8(e, M_USER >> 8);
	else
		em_env(e, (struct enc) { .op = 0x81, .size = 2, .reg = AND }, ENV(mode)), em8(e, ~M_USER & 0xff), em8(e, ~M_USER >> 8 & 0xff);
	em_load_env(e, H_T1, ENV(tlbs[user ? TLB_USER : TLB_SUPER]));
	em_store_env(e, H_T1, ENV(tlb));
	em_store_env(e, RSP, ENV(jit.other_sp[!user]));
	em_load_env(e, RSP, ENV(jit.other_sp[user]));
	set8(e, ENV(jit.user), user);
	e->user = user;
	em_jump(e, true, true);
}

/* rcx = the next address. */
static void make_syscall(struct em *e)
{
	e->j->syscall = e->p;
	/* EFLAGS as they are. */
	em_env(e, (struct enc) { .op = 0x0fb6, .size = 4, .reg = H_T0 }, ENV(flags_ah));
	reg_imm(e, AND, H_T0, FL_SF | FL_ZF | FL_AF | FL_PF | FL_CF);
	em_env(e, (struct enc) { .op = 0x0fb6, .size = 4, .reg = H_T1 }, ENV(of));
	shift(e, SHL, 4, H_T1, 11);
	or_reg(e, H_T0, H_T1);
	load32(e, H_T1, ENV(df_step));                          /* 1, or all ones for DF */
	reg_imm(e, AND, H_T1, FL_DF);
	or_reg(e, H_T0, H_T1);
	em_env(e, (struct enc) { .op = 0x0b, .size = 4, .reg = H_T0 }, ENV(eflags_sys));
	reg_imm(e, AND, H_T0, ~(uint32_t)FL_RF);
	reg_imm(e, OR, H_T0, 2);
	em_store_env(e, H_T0, ENV_REG(11));
	/* As they will be: what SFMASK leaves of the others. */
	set16(e, ENV(flags16), 2 << 8);
	set64(e, ENV(df_step), 1);
	load32(e, H_T0, ENV(sfmask));
	em_rr(e, (struct enc) { .op = 0xf7, .size = 4, .reg = 2 }, H_T0);               /* not */
	reg_imm(e, AND, H_T0, ~(uint32_t)FL_RF);
	em_env(e, (struct enc) { .op = 0x21, .size = 4, .reg = H_T0 }, ENV(eflags_sys));
	load32(e, H_T0, ENV(star) + 4);
	reg_imm(e, AND, H_T0, 0xfffc);
	store16(e, H_T0, SEG(SEG_CS, sel));
	reg_imm(e, ADD, H_T0, 8);
	store16(e, H_T0, SEG(SEG_SS, sel));
	em_load_env(e, H_T0, ENV(lstar));
	make_change(e, 0);
}

static void selector(struct em *e, unsigned n, unsigned beyond)
{
	em_env(e, (struct enc) { .op = 0x0fb7, .size = 4, .reg = H_T1 }, ENV(star) + 6);
	reg_imm(e, ADD, H_T1, beyond);
	reg_imm(e, OR, H_T1, 3);
	store16(e, H_T1, SEG(n, sel));
}

/* rcx = where to, r9 = flags, of which only those in FROM_SYSRET are set. */
static void make_sysret(struct em *e)
{
	e->j->sysret = e->p;
	copy32(e, H_T1, H_T0);
	reg_imm(e, AND, H_T1, FL_IF);
	em_env(e, (struct enc) { .op = 0x89, .size = 4, .reg = H_T1 }, ENV(eflags_sys));
	copy32(e, H_T1, H_T0);
	shift(e, SHR, 4, H_T1, 11);
	reg_imm(e, AND, H_T1, 1);
	reg_imm(e, AND, H_T0, FL_SF | FL_ZF | FL_AF | FL_PF | FL_CF);
	reg_imm(e, OR, H_T0, 2);
	shift(e, SHL, 4, H_T0, 8);
	or_reg(e, H_T0, H_T1);
	store16(e, H_T0, ENV(flags16));
	set64(e, ENV(df_step), 1);
	selector(e, SEG_CS, 16);
	selector(e, SEG_SS, 8);
	em_mov(e, H_T0, RCX);
	make_change(e, 3);
}

void syscall_make_common(struct em *e)
{
	make_syscall(e);
	make_sysret(e);
}
