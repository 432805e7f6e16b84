/* ops_x87.c - x87 arithmetic, comparison and transcendental instructions.  Ref: SDM 1 ch. 8, SDM 2; AMD64 APM 5. */
#include "core/cpu/ops.h"
#include "core/cpu/x87.h"

typedef uint16_t (*x87_fn)(const struct cpu *c, const void *a, const void *b, void *r, void *r2);

/* ---- two operands, one result ------------------------------------------------------------------------------------------------- */

/* st(d) = st(d) op st(s) */
static inline const struct insn *arith_regs(struct cpu *c, const struct insn *i, x87_fn run, unsigned d, unsigned s, bool pop)
{
	struct fpreg r = x87_indefinite;
	bool store;
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	if (unlikely(st_empty(c, d) || st_empty(c, s)))
		store = x87_stack_fault(c, false);
	else
		store = x87_commit(c, run(c, st(c, d), st(c, s), &r, NULL), SW_C1, X87_PRE);
	if (likely(store)) {
		*st(c, d) = r;
		st_fill(c, d);
		if (pop)
			st_pop(c);
	}
	x87_note(c, i);
	NEXT(c, i);
}

/* st(0) = st(0) op memory; the host converts the operand */
static inline const struct insn *arith_mem(struct cpu *c, const struct insn *i, x87_fn run, unsigned size)
{
	struct fpreg r = x87_indefinite;
	uint64_t lin, b = 0;
	bool store;
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	TRY(c, i, ea_linear(c, i, size, MEM_R, &lin) && mem_read_bytes(c, i, lin, &b, size));
	if (unlikely(st_empty(c, 0)))
		store = x87_stack_fault(c, false);
	else
		store = x87_commit(c, run(c, st(c, 0), &b, &r, NULL), SW_C1, X87_PRE);
	if (likely(store)) {
		*st(c, 0) = r;
		st_fill(c, 0);
	}
	x87_note_mem(c, i);
	NEXT(c, i);
}

/* The seven forms of each of the six operations: D8, DC, DE registers; D8, DC reals; DE, DA integers in memory. */
#define ARITH(op, opi)                                                                                                                 \
	X87_RUN(run_##op, LOAD_BA, #op " %%st(1), %%st\n\t", STORE_R DROP)                                                              \
	X87_RUN(run_##op##_m32, LOAD_A, #op "s (%[b])\n\t", STORE_R)                                                                    \
	X87_RUN(run_##op##_m64, LOAD_A, #op "l (%[b])\n\t", STORE_R)                                                                    \
	X87_RUN(run_##op##_m16i, LOAD_A, #opi "s (%[b])\n\t", STORE_R)                                                                  \
	X87_RUN(run_##op##_m32i, LOAD_A, #opi "l (%[b])\n\t", STORE_R)                                                                  \
	const struct insn *op_##op##_st0(struct cpu *c, const struct insn *i) { return arith_regs(c, i, run_##op, 0, i->rm & 7, false); } \
	const struct insn *op_##op##_sti(struct cpu *c, const struct insn *i) { return arith_regs(c, i, run_##op, i->rm & 7, 0, false); } \
	const struct insn *op_##op##p(struct cpu *c, const struct insn *i) { return arith_regs(c, i, run_##op, i->rm & 7, 0, true); }    \
	const struct insn *op_##op##_m32(struct cpu *c, const struct insn *i) { return arith_mem(c, i, run_##op##_m32, 4); }             \
	const struct insn *op_##op##_m64(struct cpu *c, const struct insn *i) { return arith_mem(c, i, run_##op##_m64, 8); }             \
	const struct insn *op_##op##_m16i(struct cpu *c, const struct insn *i) { return arith_mem(c, i, run_##op##_m16i, 2); }           \
	const struct insn *op_##op##_m32i(struct cpu *c, const struct insn *i) { return arith_mem(c, i, run_##op##_m32i, 4); }
ARITH(fadd, fiadd)
ARITH(fmul, fimul)
ARITH(fsub, fisub)
ARITH(fsubr, fisubr)
ARITH(fdiv, fidiv)
ARITH(fdivr, fidivr)

/* ---- comparison --------------------------------------------------------------------------------------------------------------- */

/* An empty register compares as unordered, even if the exception is not masked and nothing is popped. */
static bool compare_underflow(struct cpu *c)
{
	bool masked = x87_stack_fault(c, false);
	c->fpu.sw |= SW_C0 | SW_C2 | SW_C3;
	return masked;
}

static inline const struct insn *compare_regs(struct cpu *c, const struct insn *i, x87_fn run, unsigned s, unsigned pops)
{
	bool done;
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	if (unlikely(st_empty(c, 0) || st_empty(c, s)))
		done = compare_underflow(c);
	else
		done = x87_commit(c, run(c, st(c, 0), st(c, s), NULL, NULL), SW_CC, X87_PRE);
	for (; done && pops; pops--)
		st_pop(c);
	x87_note(c, i);
	NEXT(c, i);
}

static inline const struct insn *compare_mem(struct cpu *c, const struct insn *i, x87_fn run, unsigned size, bool pop)
{
	uint64_t lin, b = 0;
	bool done;
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	TRY(c, i, ea_linear(c, i, size, MEM_R, &lin) && mem_read_bytes(c, i, lin, &b, size));
	if (unlikely(st_empty(c, 0)))
		done = compare_underflow(c);
	else
		done = x87_commit(c, run(c, st(c, 0), &b, NULL, NULL), SW_CC, X87_PRE);
	if (done && pop)
		st_pop(c);
	x87_note_mem(c, i);
	NEXT(c, i);
}

X87_RUN(run_fcom, LOAD_BA, "fcom %%st(1)\n\t", DROP DROP)
X87_RUN(run_fucom, LOAD_BA, "fucom %%st(1)\n\t", DROP DROP)
X87_RUN(run_fcom_m32, LOAD_A, "fcoms (%[b])\n\t", DROP)
X87_RUN(run_fcom_m64, LOAD_A, "fcoml (%[b])\n\t", DROP)
X87_RUN(run_fcom_m16i, LOAD_A, "ficoms (%[b])\n\t", DROP)
X87_RUN(run_fcom_m32i, LOAD_A, "ficoml (%[b])\n\t", DROP)
X87_RUN(run_ftst, LOAD_A, "ftst\n\t", DROP)

const struct insn *op_fcom(struct cpu *c, const struct insn *i)   { return compare_regs(c, i, run_fcom, i->rm & 7, 0); }
const struct insn *op_fcomp(struct cpu *c, const struct insn *i)  { return compare_regs(c, i, run_fcom, i->rm & 7, 1); }
const struct insn *op_fcompp(struct cpu *c, const struct insn *i) { return compare_regs(c, i, run_fcom, 1, 2); }
const struct insn *op_fucom(struct cpu *c, const struct insn *i)   { return compare_regs(c, i, run_fucom, i->rm & 7, 0); }
const struct insn *op_fucomp(struct cpu *c, const struct insn *i)  { return compare_regs(c, i, run_fucom, i->rm & 7, 1); }
const struct insn *op_fucompp(struct cpu *c, const struct insn *i) { return compare_regs(c, i, run_fucom, 1, 2); }
const struct insn *op_ftst(struct cpu *c, const struct insn *i)    { return compare_regs(c, i, run_ftst, 0, 0); }
#define COMPARE_MEM(suffix, size)                                                                                                      \
	const struct insn *op_fcom_##suffix(struct cpu *c, const struct insn *i) { return compare_mem(c, i, run_fcom_##suffix, size, false); } \
	const struct insn *op_fcomp_##suffix(struct cpu *c, const struct insn *i) { return compare_mem(c, i, run_fcom_##suffix, size, true); }
COMPARE_MEM(m32, 4)
COMPARE_MEM(m64, 8)
COMPARE_MEM(m16i, 2)
COMPARE_MEM(m32i, 4)

/* FCOMI family: the result goes to ZF, PF, CF; the other arithmetic flags are cleared.  STORES leaves EFLAGS alone. */
#define SET_ZPC "setz (%[r])\n\tsetp 1(%[r])\n\tsetc 2(%[r])\n\t"
X87_RUN(run_fcomi, LOAD_BA, "fcomi %%st(1), %%st\n\t", SET_ZPC DROP DROP)
X87_RUN(run_fucomi, LOAD_BA, "fucomi %%st(1), %%st\n\t", SET_ZPC DROP DROP)

static inline const struct insn *compare_eflags(struct cpu *c, const struct insn *i, x87_fn run, bool pop)
{
	uint8_t zpc[3] = { 1, 1, 1 };
	bool done;
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	if (unlikely(st_empty(c, 0) || st_empty(c, i->rm & 7)))
		done = x87_stack_fault(c, false);
	else
		done = x87_commit(c, run(c, st(c, 0), st(c, i->rm & 7), zpc, NULL), 0, X87_PRE);
	arith_set(c, (zpc[0] ? FL_ZF : 0) | (zpc[1] ? FL_PF : 0) | (zpc[2] ? FL_CF : 0));
	if (likely(done) && pop)
		st_pop(c);
	x87_note(c, i);
	NEXT(c, i);
}
const struct insn *op_fcomi(struct cpu *c, const struct insn *i)   { return compare_eflags(c, i, run_fcomi, false); }
const struct insn *op_fcomip(struct cpu *c, const struct insn *i)  { return compare_eflags(c, i, run_fcomi, true); }
const struct insn *op_fucomi(struct cpu *c, const struct insn *i)  { return compare_eflags(c, i, run_fucomi, false); }
const struct insn *op_fucomip(struct cpu *c, const struct insn *i) { return compare_eflags(c, i, run_fucomi, true); }

/* ---- one operand, one result -------------------------------------------------------------------------------------------------- */

static inline const struct insn *unary(struct cpu *c, const struct insn *i, x87_fn run, unsigned cc)
{
	struct fpreg r = x87_indefinite;
	bool store;
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	if (unlikely(st_empty(c, 0))) {
		store = x87_stack_fault(c, false);
		c->fpu.sw &= (uint16_t)~(cc & SW_C2);
	} else {
		store = x87_commit(c, run(c, st(c, 0), NULL, &r, NULL), cc, X87_PRE);
	}
	if (likely(store)) {
		*st(c, 0) = r;
		st_fill(c, 0);
	}
	x87_note(c, i);
	NEXT(c, i);
}
#define UNARY(op, cc)                                                                                                                  \
	X87_RUN(run_##op, LOAD_A, #op "\n\t", STORE_R)                                                                                  \
	const struct insn *op_##op(struct cpu *c, const struct insn *i) { return unary(c, i, run_##op, cc); }
UNARY(fchs, SW_C1)
UNARY(fabs, SW_C1)
UNARY(fsqrt, SW_C1)
UNARY(frndint, SW_C1)
UNARY(f2xm1, SW_C1)
UNARY(fsin, SW_C1 | SW_C2)      /* C2: the operand is out of range and stays */
UNARY(fcos, SW_C1 | SW_C2)

/* ---- st(1) op st(0) -> st(1), pop; or st(0) op st(1) -> st(0) ------------------------------------------------------------------ */

/* FPREM that made a NaN or was stopped leaves the bits of the quotient, C0, C3, as they were. */
static bool no_quotient(const struct cpu *c, const struct fpreg *r, uint16_t sw)
{
	return ((r->se & 0x7fff) == 0x7fff && r->mant << 1) || (sw & X87_PRE & ~c->fpu.cw);
}

static inline const struct insn *binary(struct cpu *c, const struct insn *i, x87_fn run, unsigned cc, bool pop)
{
	struct fpreg r = x87_indefinite;
	bool store;
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	if (unlikely(st_empty(c, 0) || st_empty(c, 1))) {
		store = x87_stack_fault(c, false);
		c->fpu.sw &= (uint16_t)~(cc & SW_C2);
	} else {
		uint16_t sw = run(c, st(c, 0), st(c, 1), &r, NULL);
		if (cc == SW_CC && no_quotient(c, &r, sw))
			cc = SW_C1 | SW_C2;
		store = x87_commit(c, sw, cc, X87_PRE);
	}
	if (likely(store)) {
		if (pop)
			st_pop(c);
		*st(c, 0) = r;
		st_fill(c, 0);
	}
	x87_note(c, i);
	NEXT(c, i);
}
X87_RUN(run_fyl2x, LOAD_BA, "fyl2x\n\t", STORE_R)
X87_RUN(run_fyl2xp1, LOAD_BA, "fyl2xp1\n\t", STORE_R)
X87_RUN(run_fpatan, LOAD_BA, "fpatan\n\t", STORE_R)
X87_RUN(run_fprem, LOAD_BA, "fprem\n\t", STORE_R DROP)
X87_RUN(run_fprem1, LOAD_BA, "fprem1\n\t", STORE_R DROP)
X87_RUN(run_fscale, LOAD_BA, "fscale\n\t", STORE_R DROP)
const struct insn *op_fyl2x(struct cpu *c, const struct insn *i)   { return binary(c, i, run_fyl2x, SW_C1, true); }
const struct insn *op_fyl2xp1(struct cpu *c, const struct insn *i) { return binary(c, i, run_fyl2xp1, SW_C1, true); }
const struct insn *op_fpatan(struct cpu *c, const struct insn *i)  { return binary(c, i, run_fpatan, SW_C1, true); }
const struct insn *op_fprem(struct cpu *c, const struct insn *i)   { return binary(c, i, run_fprem, SW_CC, false); }
const struct insn *op_fprem1(struct cpu *c, const struct insn *i)  { return binary(c, i, run_fprem1, SW_CC, false); }
const struct insn *op_fscale(struct cpu *c, const struct insn *i)  { return binary(c, i, run_fscale, SW_C1, false); }

/* ---- one operand, two results ------------------------------------------------------------------------------------------------- */

/* FPTAN and FSINCOS out of range set C2 and push nothing: a copy keeps the depth of the host's stack the same. */
#define STORE_2 "testw $0x400, %%ax\n\tjz 1f\n\tfld %%st(0)\n\t1:\n\tfstpt (%[r2])\n\t" STORE_R
X87_RUN(run_fptan, LOAD_A, "fptan\n\t", STORE_2)
X87_RUN(run_fsincos, LOAD_A, "fsincos\n\t", STORE_2)
X87_RUN(run_fxtract, LOAD_A, "fxtract\n\t", "fstpt (%[r2])\n\t" STORE_R)

/* r replaces st(0), then r2 is pushed. */
static inline const struct insn *two_results(struct cpu *c, const struct insn *i, x87_fn run, unsigned cc)
{
	struct fpreg r = x87_indefinite, r2 = x87_indefinite;
	bool store, push = true;
	if (unlikely(!x87_begin(c, i)))
		return NULL;
	if (unlikely(st_empty(c, 0) || !st_empty(c, 7))) {
		store = x87_stack_fault(c, !st_empty(c, 0));
		c->fpu.sw &= (uint16_t)~(cc & SW_C2);
	} else {
		store = x87_commit(c, run(c, st(c, 0), NULL, &r, &r2), cc, X87_PRE);
		push = !(cc & c->fpu.sw & SW_C2);
	}
	if (likely(store)) {
		*st(c, 0) = r;
		st_fill(c, 0);
		if (push)
			st_push(c, &r2);
	}
	x87_note(c, i);
	NEXT(c, i);
}
const struct insn *op_fptan(struct cpu *c, const struct insn *i)   { return two_results(c, i, run_fptan, SW_C1 | SW_C2); }
const struct insn *op_fsincos(struct cpu *c, const struct insn *i) { return two_results(c, i, run_fsincos, SW_C1 | SW_C2); }
const struct insn *op_fxtract(struct cpu *c, const struct insn *i) { return two_results(c, i, run_fxtract, SW_C1); }
