/* emit_sys.c - system instructions that a kernel does all the time, and a few others that need more than their own encoding.  What is not the
 * common case of one is the interpreter's. */
#include "core/jit/emit.h"
#include "core/cpu/sys.h"

#define ENV(f) (uint32_t)offsetof(struct cpu, f)
#define SEL(n) (ENV(seg) + (n) * (uint32_t)sizeof(struct segreg) + (uint32_t)offsetof(struct segreg, sel))
#define BASE(n) (ENV(seg) + (n) * (uint32_t)sizeof(struct segreg) + (uint32_t)offsetof(struct segreg, base))
enum { JZ = 0x84, JNE = 0x85, OR = 1, AND = 4, CMP = 7, SHL = 4, SHR = 5, SAR = 7 };

static void env_imm(struct em *e, unsigned digit, uint32_t off, uint32_t imm)
{
	em_env(e, (struct enc) { .op = 0x81, .size = 4, .reg = digit }, off);
	em32(e, imm);
}
static void env_small(struct em *e, unsigned op, unsigned digit, uint32_t off, unsigned imm)
{
	em_env(e, (struct enc) { .op = op, .size = 4, .reg = digit }, off);
	em8(e, imm);
}
static void reg_imm(struct em *e, unsigned digit, unsigned reg, uint32_t imm)
{
	em_rr(e, (struct enc) { .op = 0x81, .size = 4, .reg = digit }, reg);
	em32(e, imm);
}
static void shift(struct em *e, unsigned digit, unsigned size, unsigned reg, unsigned by)
{
	em_rr(e, (struct enc) { .op = 0xc1, .size = size, .reg = digit }, reg);
	em8(e, by);
}
/* The block's key tells CPL 3 from the others, but not these from each other. */
static void require_cpl0(struct em *e, const struct ji *i)
{
	env_small(e, 0x80, CMP, ENV(cpl), 0);
	em_jump_out(e, JNE, i->ends ? STUB_LAST_STEP : STUB_STEP, i);
}

/* ---- GS, the interrupt flag --------------------------------------------------------------------------------------------------------- */

static bool emit_swapgs(struct em *e, const struct ji *i)
{
	unsigned first = e->n_stubs;
	if (e->user)
		return false;
	em_flags_clobber(e, i->live_in);
	require_cpl0(e, i);
	em_load_env(e, H_T0, BASE(SEG_GS));
	em_load_env(e, H_T1, ENV(kernel_gs_base));
	em_store_env(e, H_T0, ENV(kernel_gs_base));
	em_store_env(e, H_T1, BASE(SEG_GS));
	em_close_stubs(e, first, i);
	return true;
}

static bool emit_cli(struct em *e, const struct ji *i)
{
	unsigned first = e->n_stubs;
	if (e->user)
		return false;
	em_flags_clobber(e, i->live_in);
	require_cpl0(e, i);
	env_imm(e, AND, ENV(eflags_sys), ~(uint32_t)FL_IF);
	em_close_stubs(e, first, i);
	return true;
}

/* An interrupt that was held off may be due now: then it is the interpreter's.  One that comes from here on sets `attention`; should code be left
 * for it directly behind the STI, left() in run.c knows the address and holds it off for one more instruction. */
static bool emit_sti(struct em *e, const struct ji *i)
{
	unsigned next = e->page_off + i->in.off + i->in.len;
	if (e->user)
		return false;
	em_flags_clobber(e, i->live_in);
	require_cpl0(e, i);
	em_env(e, (struct enc) { .op = 0xf7, .size = 4, .reg = 0 }, ENV(exit_req)), em32(e, REQ_INTR | REQ_NMI);
	em_jump_out(e, JNE, STUB_LAST_STEP, i);
	em_load_env(e, H_T0, ENV(jit.page));
	em_rm(e, (struct enc) { .op = 0x8d, .size = 8, .reg = H_T0 }, H_T0, NO_REG, 0, (int32_t)next);
	em_store_env(e, H_T0, ENV(jit.shadow));
	env_imm(e, OR, ENV(eflags_sys), FL_IF);
	em_go_on(e, next, i->in.idx + 1u);
	return true;
}

static bool emit_direction(struct em *e, bool down)
{
	em_env(e, (struct enc) { .op = 0xc7, .size = 8, .reg = 0 }, ENV(df_step)), em32(e, down ? 0xffffffff : 1);
	return true;
}

/* ---- EFLAGS on the stack ------------------------------------------------------------------------------------------------------------- */

static bool emit_pushf(struct em *e, const struct ji *i)
{
	unsigned first = e->n_stubs, size = i->size;
	if (!em_stack_size_ok(e, size) || (e->c->mode & M_VM86))
		return false;
	em_flags_to_mem(e);
	e->flags_host = false;
	em_env(e, (struct enc) { .op = 0x0fb6, .size = 4, .reg = H_T0 }, ENV(flags_ah));
	reg_imm(e, AND, H_T0, FL_SF | FL_ZF | FL_AF | FL_PF | FL_CF);
	em_env(e, (struct enc) { .op = 0x0fb6, .size = 4, .reg = H_T1 }, ENV(of));
	shift(e, SHL, 4, H_T1, 11);
	em_rr(e, (struct enc) { .op = 0x0b, .size = 4, .reg = H_T0 }, H_T1);
	em_env(e, (struct enc) { .op = 0x8b, .size = 4, .reg = H_T1 }, ENV(df_step));           /* 1, or all ones for DF */
	reg_imm(e, AND, H_T1, FL_DF);
	em_rr(e, (struct enc) { .op = 0x0b, .size = 4, .reg = H_T0 }, H_T1);
	em_env(e, (struct enc) { .op = 0x0b, .size = 4, .reg = H_T0 }, ENV(eflags_sys));
	reg_imm(e, AND, H_T0, ~(uint32_t)(FL_VM | FL_RF));
	reg_imm(e, OR, H_T0, 2);
	em_store_env(e, H_T0, ENV(jit.tmp));
	em_stack_address(e, RSP, -(int)size);
	em_check(e, i, size, true);
	em_load_env(e, H_T1, ENV(jit.tmp));
	em_rm(e, (struct enc) { .op = 0x89, .size = size, .reg = H_T1 }, H_T0, NO_REG, 0, 0);
	em_rm(e, (struct enc) { .op = 0x8d, .size = e->sp_size, .reg = H_RSP }, H_RSP, NO_REG, 0, -(int)size);
	em_close_stubs(e, first, i);
	return true;
}

/* Only where no bit changes but the arithmetic ones, DF and IF; at CPL 0, where IF may be written. */
static bool emit_popf(struct em *e, const struct ji *i)
{
	enum { OTHERS = FL_TF | FL_IOPL | FL_NT | FL_AC | FL_ID };
	unsigned size = i->size;
	if (!em_stack_size_ok(e, size) || e->user)
		return false;
	em_flags_clobber(e, i->live_in);
	require_cpl0(e, i);
	if (e->segments)
		em_stack_address(e, RSP, 0);
	else
		em_rr(e, (struct enc) { .op = 0x8b, .size = size, .reg = H_T0 }, H_RSP);
	em_check(e, i, size, false);
	em_rm(e, (struct enc) { .op = size == 2 ? 0x0fb7 : 0x8b, .size = 4, .reg = H_T0 }, H_T0, NO_REG, 0, 0);
	em_rr(e, (struct enc) { .op = 0x8b, .size = 4, .reg = H_T1 }, H_T0);
	em_env(e, (struct enc) { .op = 0x33, .size = 4, .reg = H_T1 }, ENV(eflags_sys));
	em_rr(e, (struct enc) { .op = 0xf7, .size = 4, .reg = 0 }, H_T1), em32(e, size == 2 ? OTHERS & 0xffff : OTHERS);
	em_jump_out(e, JNE, STUB_LAST_STEP, i);
	/* With IF set: is an interrupt due? */
	em_rr(e, (struct enc) { .op = 0x8b, .size = 4, .reg = H_T1 }, H_T0);
	reg_imm(e, AND, H_T1, FL_IF);
	em8(e, 0x74);                                                           /* jz */
	uint8_t *off = e->p++;
	em_env(e, (struct enc) { .op = 0x83, .size = 4, .reg = CMP }, ENV(exit_req)), em8(e, 0);
	em_jump_out(e, JNE, STUB_LAST_STEP, i);
	*off = (uint8_t)(e->p - off - 1);
	env_imm(e, AND, ENV(eflags_sys), ~(uint32_t)(FL_IF | FL_RF));
	em_env(e, (struct enc) { .op = 0x09, .size = 4, .reg = H_T1 }, ENV(eflags_sys));
	/* DF as a step, OF and the others as SETO and LAHF leave them. */
	em_mov(e, H_T1, H_T0);
	shift(e, SHL, 8, H_T1, 53);
	shift(e, SAR, 8, H_T1, 63);
	em_rr(e, (struct enc) { .op = 0x83, .size = 8, .reg = OR }, H_T1), em8(e, 1);
	em_store_env(e, H_T1, ENV(df_step));
	em_rr(e, (struct enc) { .op = 0x8b, .size = 4, .reg = H_T1 }, H_T0);
	shift(e, SHR, 4, H_T1, 11);
	reg_imm(e, AND, H_T1, 1);
	reg_imm(e, AND, H_T0, FL_SF | FL_ZF | FL_AF | FL_PF | FL_CF);
	reg_imm(e, OR, H_T0, 2);
	shift(e, SHL, 4, H_T0, 8);
	em_rr(e, (struct enc) { .op = 0x0b, .size = 4, .reg = H_T0 }, H_T1);
	em_env(e, (struct enc) { .op = 0x89, .size = 2, .reg = H_T0 }, ENV(flags16));
	em_rm(e, (struct enc) { .op = 0x8d, .size = e->sp_size, .reg = H_RSP }, H_RSP, NO_REG, 0, (int32_t)size);
	em_go_on(e, e->page_off + i->in.off + i->in.len, i->in.idx + 1u);
	return true;
}

/* ---- others -------------------------------------------------------------------------------------------------------------------------- */

static bool emit_push_mem(struct em *e, const struct ji *i)
{
	unsigned first = e->n_stubs, size = i->size;
	if (!em_stack_size_ok(e, size) || i->in.rm != RM_MEM)
		return false;
	em_flags_clobber(e, i->live_in);
	em_address(e, i);
	em_check(e, i, size, false);
	em_rm(e, (struct enc) { .op = 0x8b, .size = size, .reg = H_T0 }, H_T0, NO_REG, 0, 0);
	em_store_env(e, H_T0, ENV(jit.tmp));
	em_stack_address(e, RSP, -(int)size);
	em_check_stack(e, i, size, true);
	em_load_env(e, H_T1, ENV(jit.tmp));
	em_rm(e, (struct enc) { .op = 0x89, .size = size, .reg = H_T1 }, H_T0, NO_REG, 0, 0);
	em_rm(e, (struct enc) { .op = 0x8d, .size = e->sp_size, .reg = H_RSP }, H_RSP, NO_REG, 0, -(int)size);
	em_close_stubs(e, first, i);
	return true;
}

/* BT and its kin with a bit string in memory: the register's upper bits choose the word. */
static bool emit_bit_string(struct em *e, const struct ji *i, unsigned op)
{
	unsigned first = e->n_stubs, size = i->size;
	if (i->in.rm != RM_MEM || size < 4 || e->segments || (e->code64 && (i->in.flags & I_A32)))
		return false;
	unsigned word = size == 8 ? 6 : 5;
	unsigned needs = i->live_out & ~(unsigned)i->writes;
	em_flags_clobber(e, i->live_in);
	em_address(e, i);
	unsigned index = em_use(e, i->in.reg, H_T1);
	em_rr(e, (struct enc) { .op = 0x8b, .size = 4, .reg = H_T1 }, index);
	reg_imm(e, AND, H_T1, size * 8 - 1);
	em_store_env(e, H_T1, ENV(jit.tmp));
	index = em_use(e, i->in.reg, H_T1);
	if (size == 8)
		em_mov(e, H_T1, index);
	else
		em_rr(e, (struct enc) { .op = 0x63, .size = 8, .reg = H_T1 }, index);           /* movsxd */
	shift(e, SAR, 8, H_T1, word);
	em_rm(e, (struct enc) { .op = 0x8d, .size = e->code64 ? 8 : 4, .reg = H_T0 }, H_T0, H_T1, size == 8 ? 3 : 2, 0);
	em_check(e, i, size, op != 0xa3);
	if (needs)
		em_flags_to_host(e);
	em_load_env(e, H_T1, ENV(jit.tmp));
	em_rm(e, (struct enc) { .op = 0x0f00 | op, .size = size, .reg = H_T1, .lock = i->in.flags & I_LOCK }, H_T0, NO_REG, 0, 0);
	em_flags_written(e);
	em_close_stubs(e, first, i);
	return true;
}

/* The host's instruction on the guest's RDX:RAX and RCX:RBX in place.  LOCK always, as the interpreter does. */
static bool emit_cmpxchg_pair(struct em *e, const struct ji *i)
{
	unsigned first = e->n_stubs, size = i->size == 8 ? 8 : 4;
	if (e->segments)
		return false;
	em_flags_clobber(e, i->live_in);
	em_address(e, i);
	em_check(e, i, 2 * size, true);
	em_check_aligned(e, i, 2 * size);       /* only now has a segment's base been added */
	if (i->live_out & ~(unsigned)i->writes)
		em_flags_to_host(e);
	em_rm(e, (struct enc) { .op = 0x0fc7, .size = size, .reg = 1, .digit = true, .lock = true }, H_T0, NO_REG, 0, 0);
	em_flags_written(e);
	em_close_stubs(e, first, i);
	return true;
}

static bool emit_bswap_env(struct em *e, const struct ji *i)
{
	if (i->size < 4)
		return false;
	em_load_env(e, H_T0, ENV_REG(i->in.rm));
	em8(e, 0x41 | (i->size == 8) << 3), em8(e, 0x0f), em8(e, 0xc8 | (H_T0 & 7));
	em_store_env(e, H_T0, ENV_REG(i->in.rm));
	return true;
}

static bool emit_mov_from_seg(struct em *e, const struct ji *i)
{
	unsigned first = e->n_stubs;
	if (i->in.reg > SEG_GS)
		return false;
	if (i->in.rm == RM_MEM) {
		struct mem_op m = em_memory(e, i, 2, true);
		em_env(e, (struct enc) { .op = 0x0fb7, .size = 4, .reg = H_T1 }, SEL(i->in.reg));
		em_mem(e, (struct enc) { .op = 0x89, .size = 2, .reg = H_T1 }, m);
		em_close_stubs(e, first, i);
		return true;
	}
	unsigned to = in_env(i->in.rm) || i->size == 2 ? H_T0 : host_of(i->in.rm);
	em_env(e, (struct enc) { .op = 0x0fb7, .size = 4, .reg = to }, SEL(i->in.reg));
	if (i->size == 2) {                                             /* the rest of the register stays */
		if (in_env(i->in.rm))
			em_env(e, (struct enc) { .op = 0x89, .size = 2, .reg = to }, ENV_REG(i->in.rm));
		else
			em_rr(e, (struct enc) { .op = 0x89, .size = 2, .reg = to }, host_of(i->in.rm));
		return true;
	}
	if (in_env(i->in.rm))
		em_store_env(e, to, ENV_REG(i->in.rm));
	return true;
}

/* ---- segment registers of code in segments --------------------------------------------------------------------------------------------- */

static bool emit_push_seg(struct em *e, const struct ji *i, unsigned sr)
{
	unsigned first = e->n_stubs;
	if (!e->segments || i->size != 2)
		return false;
	struct mem_op m = em_stack_memory(e, i, RSP, -2, 2, true);
	em_env(e, (struct enc) { .op = 0x0fb7, .size = 4, .reg = H_T1 }, SEL(sr));
	em_mem(e, (struct enc) { .op = 0x89, .size = 2, .reg = H_T1 }, m);
	em_rm(e, (struct enc) { .op = 0x8d, .size = e->sp_size, .reg = H_RSP }, H_RSP, NO_REG, 0, -2);
	em_close_stubs(e, first, i);
	return true;
}

/* Outside protected mode, where it neither faults nor, as long as CS is not flat and the selector is not 0, changes the mode: r9 = the selector.  One of
 * x87's operand that is to be noted yet is noted by the interpreter.  What ways out restore has been saved. */
static void load_seg(struct em *e, const struct ji *i, unsigned sr)
{
	uint32_t limit = (uint32_t)(ENV(seg) + sr * sizeof(struct segreg) + offsetof(struct segreg, limit));
	em_rr(e, (struct enc) { .op = 0x85, .size = 4, .reg = H_T0 }, H_T0);
	em_jump_out(e, JZ, STUB_STEP, i);
	env_small(e, 0x80, CMP, ENV(jit.x87.mem_seg), 0);
	em_jump_out(e, JNE, STUB_STEP, i);
	if (e->c->mode & M_VM86) {
		struct segreg s = seg_real(0);
		em_env(e, (struct enc) { .op = 0xc7, .size = 4, .reg = 0 }, limit), em32(e, s.limit);
		em_env(e, (struct enc) { .op = 0xc7, .size = 4, .reg = 0 }, SEL(sr)), em32(e, (uint32_t)(s.attr | ATTR_DPL) << 16);
	}
	em_env(e, (struct enc) { .op = 0x89, .size = 2, .reg = H_T0 }, SEL(sr));
	e->live.x87_seg = 0;
	shift(e, SHL, 4, H_T0, 4);
	em_store_env(e, H_T0, BASE(sr));
}
_Static_assert(offsetof(struct segreg, attr) == offsetof(struct segreg, sel) + 2, "written as one");
static bool may_load_seg(const struct em *e) { return e->segments && !(e->c->mode & (M_PE | M_FLAT)); }

static bool emit_mov_to_seg(struct em *e, const struct ji *i)
{
	const struct enc load = { .op = 0x0fb7, .size = 4, .reg = H_T0 };
	unsigned first = e->n_stubs;
	if (!may_load_seg(e) || i->in.reg > SEG_GS || i->in.reg == SEG_CS)
		return false;
	em_flags_clobber(e, i->live_in);
	if (i->in.rm == RM_MEM)
		em_mem(e, load, em_memory(e, i, 2, false));
	else
		em_rr(e, load, host_of(i->in.rm));
	load_seg(e, i, i->in.reg);
	em_close_stubs(e, first, i);
	return true;
}

static bool emit_pop_seg(struct em *e, const struct ji *i, unsigned sr)
{
	unsigned first = e->n_stubs;
	if (!may_load_seg(e) || i->size != 2)
		return false;
	em_mem(e, (struct enc) { .op = 0x0fb7, .size = 4, .reg = H_T0 }, em_stack_memory(e, i, RSP, 0, 2, false));
	load_seg(e, i, sr);
	em_rm(e, (struct enc) { .op = 0x8d, .size = e->sp_size, .reg = H_RSP }, H_RSP, NO_REG, 0, 2);
	em_close_stubs(e, first, i);
	return true;
}

/* LES and its kin, with an offset of 16 bits. */
static bool emit_load_pointer(struct em *e, const struct ji *i, unsigned sr)
{
	unsigned first = e->n_stubs;
	if (!may_load_seg(e) || i->size != 2)
		return false;
	struct mem_op m = em_memory(e, i, 4, false);
	em_mem(e, (struct enc) { .op = 0x0fb7, .size = 4, .reg = H_T1 }, m);      /* one by one, as they were probably written */
	em_store_env(e, H_T1, ENV(jit.tmp));
	m.disp += 2;
	em_mem(e, (struct enc) { .op = 0x0fb7, .size = 4, .reg = H_T0 }, m);
	load_seg(e, i, sr);
	em_load_env(e, H_T0, ENV(jit.tmp));
	em_rr(e, (struct enc) { .op = 0x8b, .size = 2, .reg = host_of(i->in.reg) }, H_T0);
	em_close_stubs(e, first, i);
	return true;
}

static bool emit_mov_from_control(struct em *e, const struct ji *i)
{
	unsigned first = e->n_stubs, to = in_env(i->in.rm) ? H_T0 : host_of(i->in.rm);
	if (!e->code64 || e->user || (i->in.flags & I_LOCK) || (i->in.reg != 2 && i->in.reg != 3))
		return false;
	em_flags_clobber(e, i->live_in);
	require_cpl0(e, i);
	em_load_env(e, to, i->in.reg == 2 ? ENV(cr2) : ENV(cr3));
	if (in_env(i->in.rm))
		em_store_env(e, to, ENV_REG(i->in.rm));
	em_close_stubs(e, first, i);
	return true;
}

/* RDFSBASE and its kin. */
static bool emit_base(struct em *e, const struct ji *i, unsigned digit)
{
	unsigned first = e->n_stubs, size = i->size == 8 ? 8 : 4, seg = digit & 1 ? SEG_GS : SEG_FS;
	em_flags_clobber(e, i->live_in);
	em_env(e, (struct enc) { .op = 0xf7, .size = 4, .reg = 0 }, ENV(cr4)), em32(e, CR4_FSGSBASE);
	em_jump_out(e, JZ, STUB_STEP, i);
	if (digit < 2) {
		unsigned to = in_env(i->in.rm) ? H_T0 : host_of(i->in.rm);
		em_env(e, (struct enc) { .op = 0x8b, .size = size, .reg = to }, BASE(seg));
		if (in_env(i->in.rm))
			em_store_env(e, to, ENV_REG(i->in.rm));
	} else {
		em_rr(e, (struct enc) { .op = 0x8b, .size = size, .reg = H_T0 }, em_use(e, i->in.rm, H_T0));
		em_mov(e, H_T1, H_T0);
		shift(e, SHL, 8, H_T1, 16);
		shift(e, SAR, 8, H_T1, 16);
		em_rr(e, (struct enc) { .op = 0x3b, .size = 8, .reg = H_T1 }, H_T0);    /* canonical? */
		em_jump_out(e, JNE, STUB_STEP, i);
		em_store_env(e, H_T0, BASE(seg));
	}
	em_close_stubs(e, first, i);
	return true;
}

bool em_sys(struct em *e, const struct ji *i)
{
	const struct op_row *r = i->row;
	unsigned digit = r->match >> 3 & 7;
	if (r->map == ONE)
		switch (r->opcode) {
		case 0x06: case 0x0e: case 0x16: case 0x1e: return emit_push_seg(e, i, r->opcode >> 3);
		case 0x07: case 0x1f: return emit_pop_seg(e, i, r->opcode >> 3);
		case 0x8c: return emit_mov_from_seg(e, i);
		case 0x8e: return emit_mov_to_seg(e, i);
		case 0xc4: case 0xc5: return emit_load_pointer(e, i, r->opcode == 0xc4 ? SEG_ES : SEG_DS);
		case 0x9c: return emit_pushf(e, i);
		case 0xfa: return emit_cli(e, i);
		case 0xfc: case 0xfd: return emit_direction(e, r->opcode == 0xfd);
		case 0xff: return digit == 6 && emit_push_mem(e, i);
		default: return false;
		}
	if (r->map != TWO)
		return false;
	switch (r->opcode) {
	case 0x01: return !strcmp(r->name, "swapgs") ? emit_swapgs(e, i) : em_tsc(e, i);
	case 0x20: return emit_mov_from_control(e, i);
	case 0xa0: case 0xa8: return emit_push_seg(e, i, r->opcode >> 3 & 1 ? SEG_GS : SEG_FS);
	case 0xa1: case 0xa9: return emit_pop_seg(e, i, r->opcode >> 3 & 1 ? SEG_GS : SEG_FS);
	case 0xb4: case 0xb5: return emit_load_pointer(e, i, r->opcode & 1 ? SEG_GS : SEG_FS);
	case 0x31: return em_tsc(e, i);
	case 0xae: return !strncmp(r->name + 2, "fsbase", 6) || !strncmp(r->name + 2, "gsbase", 6) ? emit_base(e, i, digit) : false;
	case 0xa3: case 0xab: case 0xb3: case 0xbb: return emit_bit_string(e, i, r->opcode);
	case 0xc7: return !strncmp(r->name, "cmpxchg", 7) && i->in.rm == RM_MEM && emit_cmpxchg_pair(e, i);
	}
	return r->opcode >= 0xc8 && r->opcode <= 0xcf && in_env(i->in.rm) && emit_bswap_env(e, i);
}

bool em_sys_end(struct em *e, const struct ji *i)
{
	if (i->row->map != ONE || (i->in.flags & I_LOCK))
		return false;
	return i->row->opcode == 0xfb ? emit_sti(e, i) : i->row->opcode == 0x9d && emit_popf(e, i);
}
