/* emit_string.c - REP MOVS and REP STOS that go forward and stay within a page, by the host's own instruction; in 16-bit code, which likes them, and
 * other code in segments, MOVS, STOS and LODS of one element.  Others are the interpreter's, which does them a page at a time. */
#include "core/jit/emit.h"

#define ENV(f) (uint32_t)offsetof(struct cpu, f)
enum { JNE = 0x85, JA = 0x87, ADD = 0x03, SUB = 0x2b, CMP = 7, MOVS = 0xa4, STOS = 0xaa };

static void op_env(struct em *e, unsigned op, unsigned reg, uint32_t off) { em_env(e, (struct enc) { .op = op, .size = 8, .reg = reg }, off); }
static void op_reg(struct em *e, unsigned op, unsigned reg, unsigned rm) { em_rr(e, (struct enc) { .op = op, .size = 8, .reg = reg }, rm); }
static void compare(struct em *e, unsigned reg, uint32_t with)
{
	em_rr(e, (struct enc) { .op = 0x81, .size = 8, .reg = CMP }, reg);
	em32(e, with);
}

/* r10 = what is to be added to the address in `reg`, from where rcx elements, at most a page, lie in one page of plain memory; else the interpreter's. */
static void check(struct em *e, const struct ji *i, unsigned reg, bool write)
{
	static const uint8_t scale[] = { [1] = 0, [2] = 1, [4] = 2, [8] = 3 };
	em_mov(e, H_T0, reg);
	struct stub *miss = em_stub(e, STUB_STEP, i);
	miss->from = em_check_tlb_entry(e, i->size, write);
	em_rm(e, (struct enc) { .op = 0x8d, .size = 8, .reg = H_T0 }, H_T0, RCX, scale[i->size], 0);
	compare(e, H_T0, PAGE_SIZE);
	em_jump_out(e, JA, STUB_STEP, i);
	em_rm(e, (struct enc) { .op = 0x8b, .size = 8, .reg = H_T1 }, H_T1, NO_REG, 0, offsetof(struct tlb_entry, addend));
}

/* r9 = SI or DI of i, as wide as its addresses. */
static void place(struct em *e, const struct ji *i, unsigned reg)
{
	em_rr(e, (struct enc) { .op = i->in.flags & I_A16 ? 0x0fb7 : 0x8b, .size = 4, .reg = H_T0 }, reg);
}
static void advance(struct em *e, const struct ji *i, unsigned reg, unsigned scale)
{
	em_load_env(e, H_T1, ENV(df_step));
	em_rm(e, (struct enc) { .op = 0x8d, .size = i->in.flags & I_A16 ? 2 : 4, .reg = reg }, reg, H_T1, scale, 0);
}

static bool one_element(struct em *e, const struct ji *i)
{
	enum { LODS = 0xac };
	unsigned op = i->row->opcode & 0xfe, size = i->row->opcode & 1 ? i->size : 1, scale = size >> 1, first = e->n_stubs;
	const struct enc load = { .op = size == 1 ? 0x8a : 0x8b, .size = size }, store = { .op = size == 1 ? 0x88 : 0x89, .size = size };
	struct enc x;
	if (i->row->map != ONE || (op != MOVS && op != STOS && op != LODS) || (i->in.flags & (I_REP | I_REPNE | I_LOCK)))
		return false;
	em_flags_clobber(e, i->live_in);
	if (op != STOS) {
		place(e, i, RSI);
		em_check_in(e, i, i->in.sg, size, false);
		x = load;
		x.reg = op == LODS ? RAX : H_T1;
		em_rm(e, x, H_T0, NO_REG, 0, 0);
	}
	if (op == MOVS)
		em_store_env(e, H_T1, ENV(jit.tmp));
	if (op != LODS) {
		place(e, i, RDI);
		em_check_in(e, i, SEG_ES, size, true);
		if (op == MOVS)
			em_load_env(e, H_T1, ENV(jit.tmp));
		x = store;
		x.reg = op == STOS ? RAX : H_T1;
		em_rm(e, x, H_T0, NO_REG, 0, 0);
	}
	if (op != STOS)
		advance(e, i, RSI, scale);
	if (op != LODS)
		advance(e, i, RDI, scale);
	em_close_stubs(e, first, i);
	return true;
}

bool em_string(struct em *e, const struct ji *i)
{
	if (e->segments)
		return one_element(e, i);
	unsigned op = i->row->opcode & 0xfe, first = e->n_stubs;
	struct ji k = *i;
	if (i->row->map != ONE || (op != MOVS && op != STOS) || !e->code64 || !(i->in.flags & I_REP) || (i->in.flags & (I_A16 | I_A32 | I_SEGCHK)))
		return false;
	if (op == MOVS && (i->in.sg == SEG_FS || i->in.sg == SEG_GS))
		return false;
	if (!(i->row->opcode & 1))
		k.size = 1;
	em_flags_clobber(e, i->live_in);
	em_env(e, (struct enc) { .op = 0x83, .size = 4, .reg = CMP }, ENV(df_step)), em8(e, 1);
	em_jump_out(e, JNE, STUB_STEP, i);
	compare(e, RCX, PAGE_SIZE / k.size);
	em_jump_out(e, JA, STUB_STEP, i);
	if (op == MOVS) {
		check(e, &k, RSI, false);
		em_store_env(e, H_T1, ENV(jit.tmp));
	}
	check(e, &k, RDI, true);
	op_reg(e, ADD, RDI, H_T1);
	if (op == MOVS)
		op_env(e, ADD, RSI, ENV(jit.tmp));
	em8(e, 0xf3);
	if (k.size == 2)
		em8(e, 0x66);
	if (k.size == 8)
		em8(e, 0x48);
	em8(e, i->row->opcode);
	op_reg(e, SUB, RDI, H_T1);
	if (op == MOVS)
		op_env(e, SUB, RSI, ENV(jit.tmp));
	em_close_stubs(e, first, i);
	return true;
}
