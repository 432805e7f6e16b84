/* emit_string.c - MOVS, STOS and LODS of one element; REP MOVS and REP STOS of flat code that go forward, by the host's own instruction, page by page.
 * Others are the interpreter's. */
#include "core/jit/emit.h"

#define ENV(f) (uint32_t)offsetof(struct cpu, f)
enum { JNE = 0x85, JA = 0x87, ADD = 0x03, SUB = 0x2b, CMP = 7, MOVS = 0xa4, STOS = 0xaa, LODS = 0xac };

static void op_env(struct em *e, unsigned op, unsigned reg, uint32_t off) { em_env(e, (struct enc) { .op = op, .size = 8, .reg = reg }, off); }
static void op_reg(struct em *e, unsigned op, unsigned reg, unsigned rm, unsigned size) { em_rr(e, (struct enc) { .op = op, .size = size, .reg = reg }, rm); }
static void compare(struct em *e, unsigned reg, uint32_t with, unsigned size)
{
	em_rr(e, (struct enc) { .op = 0x81, .size = size, .reg = CMP }, reg);
	em32(e, with);
}

static unsigned scale_of(unsigned size) { return size == 8 ? 3 : size >> 1; }
/* Bytes of an address of i's. */
static unsigned address_size(const struct ji *i) { return i->in.flags & I_A16 ? 2 : i->in.flags & I_A32 ? 4 : 8; }

/* ---- one element ---------------------------------------------------------------------------------------------------------------------- */

/* r9 = host address of the element at SI or DI, in segment sg. */
static void find(struct em *e, const struct ji *i, unsigned reg, unsigned sg, unsigned size, bool write)
{
	unsigned wide = address_size(i);
	struct ji k = *i;
	k.in.base = (uint8_t)reg;               /* which shares its memory with others off the same register */
	em_rr(e, (struct enc) { .op = wide == 2 ? 0x0fb7 : 0x8b, .size = wide == 8 ? 8 : 4, .reg = H_T0 }, reg);
	if (e->code64 && (sg == SEG_FS || sg == SEG_GS))
		op_env(e, ADD, H_T0, (uint32_t)(offsetof(struct cpu, seg) + sg * sizeof(struct segreg) + offsetof(struct segreg, base)));
	em_check_in(e, &k, sg, size, write);
}
static void advance(struct em *e, const struct ji *i, unsigned reg, unsigned size)
{
	em_load_env(e, H_T1, ENV(df_step));
	em_rm(e, (struct enc) { .op = 0x8d, .size = address_size(i), .reg = reg }, reg, H_T1, scale_of(size), 0);
}

static bool one_element(struct em *e, const struct ji *i)
{
	unsigned op = i->row->opcode & 0xfe, size = i->row->opcode & 1 ? i->size : 1, first = e->n_stubs;
	const struct enc load = { .op = size == 1 ? 0x8a : 0x8b, .size = size }, store = { .op = size == 1 ? 0x88 : 0x89, .size = size };
	struct enc x;
	em_flags_clobber(e, i->live_in);
	if (op != STOS) {
		find(e, i, RSI, i->in.sg, size, false);
		x = load;
		x.reg = op == LODS ? RAX : H_T1;
		em_rm(e, x, H_T0, NO_REG, 0, 0);
	}
	if (op == MOVS)
		em_store_env(e, H_T1, ENV(jit.tmp));
	if (op != LODS) {
		find(e, i, RDI, SEG_ES, size, true);
		if (op == MOVS)
			em_load_env(e, H_T1, ENV(jit.tmp));
		x = store;
		x.reg = op == STOS ? RAX : H_T1;
		em_rm(e, x, H_T0, NO_REG, 0, 0);
	}
	if (op != STOS)
		advance(e, i, RSI, size);
	if (op != LODS)
		advance(e, i, RDI, size);
	em_close_stubs(e, first, i);
	return true;
}

/* ---- repeated ------------------------------------------------------------------------------------------------------------------------- */

/* r9 = where in its page the address in `reg` is, r10 = what is to be added to it, where an element of plain memory lies; else the interpreter's. */
static void find_page(struct em *e, const struct ji *i, unsigned reg, unsigned size, bool write)
{
	em_rr(e, (struct enc) { .op = 0x8b, .size = address_size(i), .reg = H_T0 }, reg);
	struct stub *miss = em_stub(e, STUB_STEP, i);
	miss->from = em_check_tlb_entry(e, size, write);
	em_rm(e, (struct enc) { .op = 0x8b, .size = 8, .reg = H_T1 }, H_T1, NO_REG, 0, offsetof(struct tlb_entry, addend));
}
/* The same for rcx elements, at most a page; rel32 to be patched: they do not lie in one page. */
static uint8_t *check(struct em *e, const struct ji *i, unsigned reg, unsigned size, bool write)
{
	find_page(e, i, reg, size, write);
	em_rm(e, (struct enc) { .op = 0x8d, .size = address_size(i), .reg = H_T0 }, H_T0, RCX, scale_of(size), 0);
	compare(e, H_T0, PAGE_SIZE, 8);
	return em_jcc(e, JA);
}

static void cut(struct em *e, unsigned reg) { em_rr(e, (struct enc) { .op = 0x8b, .size = 4, .reg = reg }, reg); }

/* r9 = the lesser of itself, if `other`, and of the elements from `reg` to the end of the page. */
static void room(struct em *e, unsigned reg, unsigned size, bool other)
{
	unsigned to = other ? H_T1 : H_T0;
	em_rr(e, (struct enc) { .op = 0x8b, .size = 4, .reg = to }, reg);
	em_rr(e, (struct enc) { .op = 0xf7, .size = 4, .reg = 2, .digit = true }, to);          /* not */
	em_rr(e, (struct enc) { .op = 0x81, .size = 4, .reg = 4, .digit = true }, to), em32(e, PAGE_SIZE - 1);
	em_rr(e, (struct enc) { .op = 0xff, .size = 4, .reg = 0, .digit = true }, to);
	if (size > 1)
		em_rr(e, (struct enc) { .op = 0xc1, .size = 4, .reg = 5, .digit = true }, to), em8(e, scale_of(size));
	if (other) {
		em_rr(e, (struct enc) { .op = 0x3b, .size = 4, .reg = H_T0 }, H_T1);
		em_rr(e, (struct enc) { .op = 0x0f47, .size = 4, .reg = H_T0 }, H_T1);          /* cmova */
	}
}

/* rcx elements from rSI, if op is MOVS, to rDI, where r10 and jit.tmp are to be added; they lie in one page each. */
static void move(struct em *e, const struct ji *i, unsigned op, unsigned size)
{
	unsigned wide = address_size(i);
	if (wide == 4)
		cut(e, RDI);
	if (wide == 4 && op == MOVS)
		cut(e, RSI);
	op_reg(e, ADD, RDI, H_T1, 8);
	if (op == MOVS)
		op_env(e, ADD, RSI, ENV(jit.tmp));
	em8(e, 0xf3);
	if (size == 2)
		em8(e, 0x66);
	if (size == 8)
		em8(e, 0x48);
	em8(e, i->row->opcode);
	op_reg(e, SUB, RDI, H_T1, wide);
	if (op == MOVS)
		em_env(e, (struct enc) { .op = SUB, .size = wide, .reg = RSI }, ENV(jit.tmp));
}

/* As many as the pages have room for, then all again.  Registers are exact in between, so anything else can be left to the interpreter there. */
static void up_to_the_page(struct em *e, const struct ji *i, unsigned op, unsigned size, const uint8_t *again)
{
	unsigned wide = address_size(i);
	em_stub(e, STUB_STEP, i)->from = em_poll(e);
	if (op == MOVS) {
		find_page(e, i, RSI, size, false);
		em_store_env(e, H_T1, ENV(jit.tmp));
	}
	find_page(e, i, RDI, size, true);
	em_store_env(e, H_T1, ENV(jit.host));
	room(e, RDI, size, false);
	if (op == MOVS)
		room(e, RSI, size, true);
	em_rr(e, (struct enc) { .op = 0x3b, .size = wide, .reg = H_T0 }, RCX);
	em_rr(e, (struct enc) { .op = 0x0f47, .size = wide, .reg = H_T0 }, RCX);                /* cmova */
	em8(e, 0x51);                                                                           /* push rcx */
	em_mov(e, RCX, H_T0);
	em_load_env(e, H_T1, ENV(jit.host));
	move(e, i, op, size);
	em8(e, 0x59);
	op_reg(e, SUB, RCX, H_T0, wide);
	em_patch(em_jmp(e), again);
}

static bool repeated(struct em *e, const struct ji *i)
{
	unsigned op = i->row->opcode & 0xfe, size = i->row->opcode & 1 ? i->size : 1, wide = address_size(i), first = e->n_stubs, n = 0;
	uint8_t *none = NULL, *more[3];
	em_flags_clobber(e, i->live_in);
	const uint8_t *again = e->p;
	em_env(e, (struct enc) { .op = 0x83, .size = 4, .reg = CMP }, ENV(df_step)), em8(e, 1);
	em_jump_out(e, JNE, STUB_STEP, i);
	compare(e, RCX, PAGE_SIZE / size, wide);
	more[n++] = em_jcc(e, JA);
	if (op == MOVS) {
		more[n++] = check(e, i, RSI, size, false);
		em_store_env(e, H_T1, ENV(jit.tmp));
	}
	more[n++] = check(e, i, RDI, size, true);
	if (wide == 4) {                        /* upper halves that 64-bit code has left stay when nothing is moved */
		em8(e, 0x67), em8(e, 0xe3);     /* jecxz */
		none = e->p++;
		cut(e, RCX);
	}
	move(e, i, op, size);
	if (none)
		*none = (uint8_t)(e->p - none - 1);
	em_part(e, true);
	while (n--)
		em_patch(more[n], e->p);
	up_to_the_page(e, i, op, size, again);
	em_part(e, false);
	em_close_stubs(e, first, i);
	return true;
}

bool em_string(struct em *e, const struct ji *i)
{
	unsigned op = i->row->opcode & 0xfe;
	if (i->row->map != ONE || (op != MOVS && op != STOS && op != LODS) || (i->in.flags & I_LOCK))
		return false;
	if (!(i->in.flags & (I_REP | I_REPNE)))
		return one_element(e, i);
	if (e->segments || op == LODS || !(i->in.flags & I_REP) || (i->in.flags & I_SEGCHK) || address_size(i) != (e->code64 ? 8 : 4))
		return false;
	return !(op == MOVS && (i->in.sg == SEG_FS || i->in.sg == SEG_GS)) && repeated(e, i);
}
