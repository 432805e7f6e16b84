/* ops_x87_move.c - x87 loads, stores, constants, register moves and stack control.  Ref: SDM 1 ch. 8.3, SDM 2. */
#include "core/cpu/ops.h"
#include "core/cpu/x87.h"

typedef uint16_t (*x87_fn)(const struct cpu *c, const void *a, const void *b, void *r, void *r2);

/* ---- loads -------------------------------------------------------------------------------------------------------------------- */

/* Push what `run` makes of the memory operand. */
static inline const struct insn *load_mem(struct cpu *c, const struct insn *i, x87_fn run, unsigned size)
{
	struct fpreg r = x87_indefinite;
	struct { uint64_t q[2]; } a = { { 0, 0 } };
	uint64_t lin;
	bool push;
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	TRY(c, i, ea_linear(c, i, size, MEM_R, &lin) && mem_read_bytes(c, i, lin, &a, size));
	if (unlikely(!st_empty(c, 7)))
		push = x87_stack_fault(c, true);
	else
		push = x87_commit(c, run(c, &a, NULL, &r, NULL), SW_C1, SW_IE);
	if (likely(push))
		st_push(c, &r);
	x87_note_mem(c, i);
	NEXT(c, i);
}
#define LOAD(op, asm_op, size)                                                                                                         \
	X87_RUN(run_##op, "", asm_op " (%[a])\n\t", STORE_R)                                                                            \
	const struct insn *op_##op(struct cpu *c, const struct insn *i) { return load_mem(c, i, run_##op, size); }
LOAD(fld_m32, "flds", 4)
LOAD(fld_m64, "fldl", 8)
LOAD(fld_m80, "fldt", 10)
LOAD(fild_m16, "filds", 2)
LOAD(fild_m32, "fildl", 4)
LOAD(fild_m64, "fildll", 8)
LOAD(fbld, "fbld", 10)

static inline const struct insn *load_constant(struct cpu *c, const struct insn *i, x87_fn run)
{
	struct fpreg r = x87_indefinite;
	bool push;
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	if (unlikely(!st_empty(c, 7)))
		push = x87_stack_fault(c, true);
	else
		push = x87_commit(c, run(c, NULL, NULL, &r, NULL), SW_C1, SW_IE);
	if (likely(push))
		st_push(c, &r);
	x87_note(c, i);
	NEXT(c, i);
}
#define CONSTANT(op)                                                                                                                   \
	X87_RUN(run_##op, "", #op "\n\t", STORE_R)                                                                                      \
	const struct insn *op_##op(struct cpu *c, const struct insn *i) { return load_constant(c, i, run_##op); }
CONSTANT(fld1)
CONSTANT(fldl2t)
CONSTANT(fldl2e)
CONSTANT(fldpi)
CONSTANT(fldlg2)
CONSTANT(fldln2)
CONSTANT(fldz)

const struct insn *op_fld_st(struct cpu *c, const struct insn *i)
{
	struct fpreg v;
	bool push = true;
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	v = *st(c, i->rm & 7);
	c->fpu.sw &= (uint16_t)~SW_C1;
	if (unlikely(!st_empty(c, 7) || st_empty(c, i->rm & 7))) {
		push = x87_stack_fault(c, !st_empty(c, i->rm & 7));
		v = x87_indefinite;
	}
	if (likely(push))
		st_push(c, &v);
	x87_note(c, i);
	NEXT(c, i);
}

/* ---- stores ------------------------------------------------------------------------------------------------------------------- */

/* The memory write comes before anything else changes, so that a page fault leaves no trace; an unmasked exception in `veto` means
 * that nothing is written. */
static inline const struct insn *store_mem(struct cpu *c, const struct insn *i, x87_fn run, unsigned size, bool pop)
{
	struct { uint64_t q[2]; } r = { { 0, 0 } };
	bool empty, quiet;
	uint64_t lin;
	uint16_t sw;
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	empty = st_empty(c, 0);
	sw = run(c, empty ? &x87_indefinite : st(c, 0), NULL, &r, NULL);
	if (unlikely(empty))
		sw = SW_IE;
	quiet = !(sw & X87_ANY_STORE & ~c->fpu.cw);
	c->cur = i;
	TRY(c, i, ea_linear(c, i, size, MEM_W, &lin));
	if (likely(quiet))
		TRY(c, i, mem_write_bytes(c, i, lin, &r, size));
	else
		TRY(c, i, mmu_probe(c, lin, size, MEM_W));
	if (unlikely(empty))
		x87_stack_fault(c, false);
	else
		x87_commit(c, sw, SW_C1, X87_ANY_STORE);
	if (likely(quiet) && pop)
		st_pop(c);
	x87_note_mem(c, i);
	NEXT(c, i);
}
/* The host's stack is always popped; the guest's only by the popping forms. */
#define STORE(op, asm_op, size, pop)                                                                                                   \
	X87_RUN(run_##op, LOAD_A, asm_op " (%[r])\n\t", "")                                                                             \
	const struct insn *op_##op(struct cpu *c, const struct insn *i) { return store_mem(c, i, run_##op, size, pop); }
STORE(fst_m32, "fstps", 4, false)
STORE(fst_m64, "fstpl", 8, false)
STORE(fstp_m32, "fstps", 4, true)
STORE(fstp_m64, "fstpl", 8, true)
STORE(fstp_m80, "fstpt", 10, true)
STORE(fist_m16, "fistps", 2, false)
STORE(fist_m32, "fistpl", 4, false)
STORE(fistp_m16, "fistps", 2, true)
STORE(fistp_m32, "fistpl", 4, true)
STORE(fistp_m64, "fistpll", 8, true)
STORE(fisttp_m16, "fisttps", 2, true)
STORE(fisttp_m32, "fisttpl", 4, true)
STORE(fisttp_m64, "fisttpll", 8, true)
STORE(fbstp, "fbstp", 10, true)

static inline const struct insn *store_reg(struct cpu *c, const struct insn *i, bool pop)
{
	struct fpreg v;
	bool store = true;
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	v = *st(c, 0);
	c->fpu.sw &= (uint16_t)~SW_C1;
	if (unlikely(st_empty(c, 0))) {
		store = x87_stack_fault(c, false);
		v = x87_indefinite;
	}
	if (likely(store)) {
		*st(c, i->rm & 7) = v;
		st_fill(c, i->rm & 7);
		if (pop)
			st_pop(c);
	}
	x87_note(c, i);
	NEXT(c, i);
}
const struct insn *op_fst_st(struct cpu *c, const struct insn *i)  { return store_reg(c, i, false); }
const struct insn *op_fstp_st(struct cpu *c, const struct insn *i) { return store_reg(c, i, true); }

/* D9 D8+i, an undocumented alias of FSTP that does not mind an empty register: then it only pops. */
const struct insn *op_fstpnce(struct cpu *c, const struct insn *i)
{
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	c->fpu.sw &= (uint16_t)~SW_C1;
	if (!st_empty(c, 0)) {
		*st(c, i->rm & 7) = *st(c, 0);
		st_fill(c, i->rm & 7);
	}
	st_pop(c);
	x87_note(c, i);
	NEXT(c, i);
}

/* ---- register moves ------------------------------------------------------------------------------------------------------------ */

const struct insn *op_fxch(struct cpu *c, const struct insn *i)
{
	unsigned n = i->rm & 7;
	struct fpreg a, b;
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	a = *st(c, 0);
	b = *st(c, n);
	c->fpu.sw &= (uint16_t)~SW_C1;
	if (unlikely(st_empty(c, 0) || st_empty(c, n))) {
		if (st_empty(c, 0))
			a = x87_indefinite;
		if (st_empty(c, n))
			b = x87_indefinite;
		if (!x87_stack_fault(c, false))
			goto out;
		st_fill(c, 0);
		st_fill(c, n);
	}
	*st(c, 0) = b;
	*st(c, n) = a;
out:
	x87_note(c, i);
	NEXT(c, i);
}

static inline const struct insn *fcmov(struct cpu *c, const struct insn *i, bool take)
{
	unsigned n = i->rm & 7;
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	if (unlikely(st_empty(c, 0) || st_empty(c, n))) {
		if (x87_stack_fault(c, false)) {        /* whatever the condition */
			*st(c, 0) = x87_indefinite;
			st_fill(c, 0);
		}
	} else if (take) {
		*st(c, 0) = *st(c, n);
	}
	x87_note(c, i);
	NEXT(c, i);
}
static inline bool any(const struct cpu *c, unsigned flags) { return c->flags_ah & flags; }
const struct insn *op_fcmovb(struct cpu *c, const struct insn *i)   { return fcmov(c, i, any(c, FL_CF)); }
const struct insn *op_fcmove(struct cpu *c, const struct insn *i)   { return fcmov(c, i, any(c, FL_ZF)); }
const struct insn *op_fcmovbe(struct cpu *c, const struct insn *i)  { return fcmov(c, i, any(c, FL_CF | FL_ZF)); }
const struct insn *op_fcmovu(struct cpu *c, const struct insn *i)   { return fcmov(c, i, any(c, FL_PF)); }
const struct insn *op_fcmovnb(struct cpu *c, const struct insn *i)  { return fcmov(c, i, !any(c, FL_CF)); }
const struct insn *op_fcmovne(struct cpu *c, const struct insn *i)  { return fcmov(c, i, !any(c, FL_ZF)); }
const struct insn *op_fcmovnbe(struct cpu *c, const struct insn *i) { return fcmov(c, i, !any(c, FL_CF | FL_ZF)); }
const struct insn *op_fcmovnu(struct cpu *c, const struct insn *i)  { return fcmov(c, i, !any(c, FL_PF)); }

/* ---- the stack ------------------------------------------------------------------------------------------------------------------ */

const struct insn *op_fxam(struct cpu *c, const struct insn *i)
{
	const struct fpreg *v = st(c, 0);
	unsigned cc = v->se & 0x8000 ? SW_C1 : 0, exp = v->se & 0x7fff;
	bool whole = v->mant >> 63;
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	if (st_empty(c, 0))
		cc |= SW_C3 | SW_C0;
	else if (exp == 0x7fff)
		cc |= !whole ? 0 : v->mant << 1 ? SW_C0 : SW_C2 | SW_C0;
	else if (exp == 0)
		cc |= v->mant ? SW_C3 | SW_C2 : SW_C3;
	else
		cc |= whole ? SW_C2 : 0;        /* an unnormal is "unsupported" */
	c->fpu.sw = (uint16_t)((c->fpu.sw & ~SW_CC) | cc);
	x87_note(c, i);
	NEXT(c, i);
}

static inline const struct insn *turn(struct cpu *c, const struct insn *i, unsigned by)
{
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	c->fpu.top = (c->fpu.top + by) & 7;
	c->fpu.sw &= (uint16_t)~SW_C1;
	x87_note(c, i);
	NEXT(c, i);
}
const struct insn *op_fincstp(struct cpu *c, const struct insn *i) { return turn(c, i, 1); }
const struct insn *op_fdecstp(struct cpu *c, const struct insn *i) { return turn(c, i, 7); }

const struct insn *op_ffree(struct cpu *c, const struct insn *i)
{
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	st_free(c, i->rm & 7);
	c->fpu.sw &= (uint16_t)~SW_C1;
	x87_note(c, i);
	NEXT(c, i);
}
const struct insn *op_ffreep(struct cpu *c, const struct insn *i)
{
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	st_free(c, i->rm & 7);
	c->fpu.sw &= (uint16_t)~SW_C1;
	st_pop(c);
	x87_note(c, i);
	NEXT(c, i);
}
const struct insn *op_fnop(struct cpu *c, const struct insn *i)
{
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	x87_note(c, i);
	NEXT(c, i);
}
