/* pairs.c - frequent pairs of instructions as one handler: the first one's work, then a direct jump to the second one's handler.
 *
 * An interpreter's time goes into indirect jumps that the host cannot foresee.  A pair handler sits in the slot of the first
 * instruction; the second keeps its slot and handler, so faults, invalidation and counting see nothing of it.
 * The lists come from counting pairs in Linux boots and the kernels of tests/bench. */
#include "core/cpu/pairs.h"
#include "core/cpu/fused.h"
#include "core/cpu/ops_int.h"

/* ---- first halves: true = done, false = take the ordinary handler (TLB miss) ------------------------------------------------------- */

#define RM(bits) get_reg(c, bits, i->rm)
#define RG(bits) get_reg(c, bits, i->reg)
#define IM       (uint64_t)i->imm
#define FIRST(name, body) INLINE bool first_##name(struct cpu *c, const struct insn *i) { body; return true; }
#define FIRST_RM(name, bits, v) FIRST(name, set_reg(c, bits, i->rm, v))
#define FIRST_RG(name, bits, v) FIRST(name, set_reg(c, bits, i->reg, v))
#define FIRST_LOAD(name, bits, ebits, ea) FIRST(name, uintptr_t h; if (unlikely(!tlb_read(c, ea(c, i), ebits / 8, &h))) return false; \
	set_reg(c, bits, i->reg, host_load(ebits, h)))
#define FIRST_STORE(name, bits, v, ea) FIRST(name, uintptr_t h; if (unlikely(!tlb_write(c, ea(c, i), bits / 8, &h))) return false; \
	host_store(bits, h, v))
FIRST_RM(mov_eg32_r, 32, RG(32))
FIRST_RM(mov_eg64_r, 64, RG(64))
FIRST_RM(mov_ei32_r, 32, IM)
FIRST_RM(mov_ei64_r, 64, IM)
FIRST_RG(movzxb32_r, 32, RM(8))
FIRST_RG(movsxd64_r, 64, (uint64_t)(int32_t)RM(32))
FIRST_RG(lea64_b, 64, ea_base(c, i))
FIRST_RG(lea64_x, 64, ea_index(c, i))
FIRST_RG(lea32_b, 32, ea_base(c, i))
FIRST_RG(lea32_x, 32, ea_index(c, i))
FIRST_RM(add_eg32_n, 32, RM(32) + RG(32))
FIRST_RM(add_eg64_n, 64, RM(64) + RG(64))
FIRST_RM(add_ei32_n, 32, RM(32) + IM)
FIRST_RM(add_ei64_n, 64, RM(64) + IM)
FIRST_RM(sub_eg32_n, 32, RM(32) - RG(32))
FIRST_RM(sub_eg64_n, 64, RM(64) - RG(64))
FIRST_RM(sub_ei32_n, 32, RM(32) - IM)
FIRST_RM(sub_ei64_n, 64, RM(64) - IM)
FIRST_RM(and_eg32_n, 32, RM(32) & RG(32))
FIRST_RM(and_eg64_n, 64, RM(64) & RG(64))
FIRST_RM(and_ei32_n, 32, RM(32) & IM)
FIRST_RM(and_ei64_n, 64, RM(64) & IM)
FIRST_RM(or_eg32_n, 32, RM(32) | RG(32))
FIRST_RM(or_eg64_n, 64, RM(64) | RG(64))
FIRST_RM(xor_eg32_n, 32, RM(32) ^ RG(32))
FIRST_RM(xor_eg64_n, 64, RM(64) ^ RG(64))
FIRST_RM(shl_ei32_n, 32, RM(32) << (i->imm & 31))
FIRST_RM(shl_ei64_n, 64, RM(64) << (i->imm & 63))
FIRST_RM(shr_ei32_n, 32, RM(32) >> (i->imm & 31))
FIRST_RM(shr_ei64_n, 64, RM(64) >> (i->imm & 63))
FIRST_RM(sar_ei32_n, 32, (uint64_t)((int32_t)RM(32) >> (i->imm & 31)))
FIRST_RM(rol_ei32_n, 32, (uint32_t)RM(32) << (i->imm & 31) | (uint32_t)RM(32) >> (-i->imm & 31))
FIRST_RM(ror_ei32_n, 32, (uint32_t)RM(32) >> (i->imm & 31) | (uint32_t)RM(32) << (-i->imm & 31))
FIRST_RG(imul_ge32_n, 32, RG(32) * RM(32))
FIRST_RG(imul_ge64_n, 64, RG(64) * RM(64))
FIRST_LOAD(mov_ge64_b, 64, 64, ea_base)
FIRST_LOAD(mov_ge64_x, 64, 64, ea_index)
FIRST_LOAD(mov_ge32_b, 32, 32, ea_base)
FIRST_LOAD(mov_ge32_x, 32, 32, ea_index)
FIRST_LOAD(movzxb32_b, 32, 8, ea_base)
FIRST_LOAD(movzxb32_x, 32, 8, ea_index)
FIRST_LOAD(movzxw32_b, 32, 16, ea_base)
FIRST_LOAD(movzxw32_x, 32, 16, ea_index)
FIRST_STORE(mov_eg64_b, 64, RG(64), ea_base)
FIRST_STORE(mov_eg32_b, 32, RG(32), ea_base)
FIRST_STORE(mov_eg8_x, 8, RG(8), ea_index)

#define EACH_FIRST(X) \
	X(mov_eg32_r) X(mov_eg64_r) X(mov_ei32_r) X(mov_ei64_r) X(movzxb32_r) X(movsxd64_r) X(lea64_b) X(lea64_x) X(lea32_b) X(lea32_x) \
	X(add_eg32_n) X(add_eg64_n) X(add_ei32_n) X(add_ei64_n) X(sub_eg32_n) X(sub_eg64_n) X(sub_ei32_n) X(sub_ei64_n) X(and_eg32_n) \
	X(and_eg64_n) X(and_ei32_n) X(and_ei64_n) X(or_eg32_n) X(or_eg64_n) X(xor_eg32_n) X(xor_eg64_n) X(shl_ei32_n) X(shl_ei64_n) \
	X(shr_ei32_n) X(shr_ei64_n) X(sar_ei32_n) X(rol_ei32_n) X(ror_ei32_n) X(imul_ge32_n) X(imul_ge64_n) X(mov_ge64_b) X(mov_ge64_x) X(mov_ge32_b) X(mov_ge32_x) \
	X(movzxb32_b) X(movzxb32_x) X(movzxw32_b) X(movzxw32_x) X(mov_eg64_b) X(mov_eg32_b) X(mov_eg8_x)

/* First halves of single pairs (below); those that set flags store them as every handler does. */
INLINE void flags_of_cmp(struct cpu *c, uint64_t d, uint64_t s)
{
	uint32_t f;
	asm("cmpq %2, %1\n\tlahf\n\tseto %%al" : "=&a" (f) : "r" (d), "r" (s) : "cc");
	c->flags16 = (uint16_t)f;
}
FIRST(nop, (void)0)
FIRST(cmp_eg64_r, flags_of_cmp(c, RM(64), RG(64)))
FIRST(cmp_ge64_b, uintptr_t h; if (unlikely(!tlb_read(c, ea_base(c, i), 8, &h))) return false; flags_of_cmp(c, RG(64), host_load(64, h)))
FIRST(sub_eg64_r, flags_of_cmp(c, RM(64), RG(64)); set_reg(c, 64, i->rm, RM(64) - RG(64)))
FIRST_RM(adc_eg64_n, 64, RM(64) + RG(64) + (c->flags_ah & FL_CF))
FIRST_RM(setb_r, 8, c->flags_ah & FL_CF)
FIRST_RG(cmovz64_r, 64, c->flags_ah & FL_ZF ? RM(64) : RG(64))
FIRST_RG(cmovnb64_r, 64, c->flags_ah & FL_CF ? RG(64) : RM(64))

/* ---- pairs ------------------------------------------------------------------------------------------------------------------------- */

/* Second halves: what follows often enough.  X(argument, first, second) */
#define EACH_SECOND(X, a) \
	X(a, mov_eg32_r) X(a, mov_eg64_r) X(a, mov_ei32_r) X(a, movzxb32_r) X(a, movsxd64_r) X(a, lea64_b) X(a, lea64_x) X(a, lea32_x) \
	X(a, add_eg32_n) X(a, add_eg64_n) X(a, add_ei32_n) X(a, add_ei64_n) X(a, sub_eg32_n) X(a, sub_eg64_n) X(a, sub_ei64_n) X(a, and_eg32_n) \
	X(a, and_eg64_n) X(a, and_ei32_n) X(a, or_eg64_n) X(a, xor_eg32_n) X(a, xor_eg64_n) X(a, shl_ei64_n) X(a, shr_ei32_n) X(a, shr_ei64_n) \
	X(a, sar_ei32_n) X(a, rol_ei32_n) X(a, ror_ei32_n) X(a, imul_ge32_n) X(a, imul_ge64_n) X(a, mov_ge64_b) X(a, mov_ge64_x) X(a, mov_ge32_b) X(a, mov_ge32_x) \
	X(a, movzxb32_b) X(a, movzxb32_x) X(a, movzxw32_b) X(a, mov_eg64_b) X(a, mov_eg32_b) X(a, mov_eg8_x) X(a, mov_eg16_b) \
	X(a, add_eg32_r) X(a, add_eg64_r) X(a, add_ei64_r) X(a, sub_eg32_r) X(a, sub_eg64_r) X(a, and_ei32_r) X(a, xor_eg32_r) X(a, shr_ei64_r) \
	X(a, cmp_eg64_r) X(a, cmp_ge64_b) X(a, xor_ge32_x) X(a, push_z64_s) X(a, pop_z64_s) X(a, call_j64_s) X(a, ret64_s) X(a, jmp_j64)

#define PAIR(a, b) static const struct insn *pair_##a##__##b(struct cpu *c, const struct insn *i) \
	{ \
		if (unlikely(!first_##a(c, i))) \
			return op_##a(c, i); \
		return op_##b(c, i + 1); \
	}
#define PAIRS_OF(a) EACH_SECOND(PAIR, a)
EACH_FIRST(PAIRS_OF)

#define SECOND_NAME(a, b) op_##b,
static const op_fn seconds[] = { EACH_SECOND(SECOND_NAME, ) };
enum { N_SECONDS = sizeof seconds / sizeof seconds[0] };
struct first { op_fn fn; op_fn with[N_SECONDS]; };
#define PAIR_NAME(a, b) pair_##a##__##b,
#define FIRST_ROW(a) { op_##a, { EACH_SECOND(PAIR_NAME, a) } },
static const struct first firsts[] = { EACH_FIRST(FIRST_ROW) };
enum { N_FIRSTS = sizeof firsts / sizeof firsts[0] };

/* A comparison fused with its branch (fused.h) as the second half, behind what most often makes its operand. */
#define EACH_HOT_FIRST(X) X(mov_eg32_r) X(mov_eg64_r) X(movzxb32_r) X(movzxb32_b) X(movzxb32_x) X(movzxw32_b) X(movzxw32_x) X(mov_ge32_b) \
	X(mov_ge32_x) X(mov_ge64_b) X(mov_ge64_x) X(mov_eg32_b) X(mov_eg64_b) X(mov_eg8_x) X(lea64_b) X(lea64_x) X(and_ei32_n) X(add_ei32_n) \
	X(add_ei64_n) X(add_eg64_n) X(sub_eg32_n) X(shr_ei32_n) X(imul_ge32_n)
#define COMPARED(X, a, op) X(a, op##_z) X(a, op##_nz) X(a, op##_b) X(a, op##_nb) X(a, op##_be) X(a, op##_nbe) X(a, op##_l) X(a, op##_nl) \
	X(a, op##_le) X(a, op##_nle)
#define TESTED(X, a, op) X(a, op##_z) X(a, op##_nz) X(a, op##_s) X(a, op##_ns) X(a, op##_le) X(a, op##_nle)
#define EACH_BRANCH(X, a) COMPARED(X, a, cmp_eg32_r) COMPARED(X, a, cmp_eg64_r) COMPARED(X, a, cmp_ei8_r) COMPARED(X, a, cmp_ei32_r) \
	COMPARED(X, a, cmp_ei64_r) TESTED(X, a, test_eg8_r) TESTED(X, a, test_eg32_r) TESTED(X, a, test_eg64_r) X(a, test_ei8_r_z) \
	X(a, test_ei8_r_nz) X(a, sub_ei32_r_nz) X(a, sub_ei64_r_nz) X(a, add_ei64_r_nz)
#define BRANCH_PAIRS_OF(a) EACH_BRANCH(PAIR, a)
EACH_HOT_FIRST(BRANCH_PAIRS_OF)

static const op_fn branches[] = { EACH_BRANCH(SECOND_NAME, ) };
enum { N_BRANCHES = sizeof branches / sizeof branches[0] };
struct hot_first { op_fn fn; op_fn with[N_BRANCHES]; };
#define HOT_ROW(a) { op_##a, { EACH_BRANCH(PAIR_NAME, a) } },
static const struct hot_first hot_firsts[] = { EACH_HOT_FIRST(HOT_ROW) };
enum { N_HOT_FIRSTS = sizeof hot_firsts / sizeof hot_firsts[0] };

/* Pairs whose halves seldom meet anything else.  The rows of a first half stand together. */
#define EACH_SINGLE(X) \
	X(nop, push_z64_s) X(nop, mov_eg64_r) X(nop, mov_ge64_b) X(nop, mov_ge32_b) X(nop, movzxb32_b) X(nop, xor_eg32_n) X(nop, mov_eg32_r) \
	X(cmp_eg64_r, mov_eg64_r) X(cmp_eg64_r, setb_r) X(cmp_eg64_r, cmovb64_r) X(cmp_eg64_r, cmovnb64_r) X(cmp_eg64_r, cmovbe64_r) \
	X(cmp_eg64_r, cmovnbe64_r) X(cmp_ge64_b, cmovz64_r) X(cmp_ge64_b, cmovnz64_r) X(sub_eg64_r, adc_eg64_n) \
	X(adc_eg64_n, mov_eg64_b) X(adc_eg64_n, mov_eg64_r) X(setb_r, add_eg64_n) X(setb_r, movzxb32_r) X(cmovz64_r, mov_ge64_b) \
	X(cmovnb64_r, add_eg64_n) X(mov_eg64_r, cmovb64_r) X(mov_eg64_r, cmovnb64_r) X(mov_eg64_r, cmovz64_r) X(mov_eg32_r, shr_ei16_r) \
	X(mov_eg32_r, not_e32_r) X(movzxw32_b, shr_ei16_r)
#define SINGLE_PAIR(a, b) PAIR(a, b)
EACH_SINGLE(SINGLE_PAIR)
#define SINGLE_ROW(a, b) { op_##a, op_##b, pair_##a##__##b },
static const struct { op_fn a, b, pair; } singles[] = { EACH_SINGLE(SINGLE_ROW) };
enum { N_SINGLES = sizeof singles / sizeof singles[0] };

/* ---- finding them ------------------------------------------------------------------------------------------------------------------ */

static unsigned hash(op_fn fn) { return (unsigned)(((uintptr_t)fn >> 4) * 2654435761u >> 16) & (PAIR_HASH - 1); }

static struct pair_slot *slot_for(struct pair_index *x, op_fn fn)
{
	unsigned h = hash(fn);
	while (x->slot[h].fn && x->slot[h].fn != fn)
		h = (h + 1) & (PAIR_HASH - 1);
	x->slot[h].fn = fn;
	return &x->slot[h];
}

void pair_index_init(struct pair_index *x)
{
	*x = (struct pair_index) { 0 };
	_Static_assert(N_FIRSTS + N_SECONDS + N_BRANCHES + N_SINGLES < PAIR_HASH / 2, "the index stays sparse");
	for (unsigned n = 0; n < N_FIRSTS; n++)
		slot_for(x, firsts[n].fn)->first = (uint8_t)(n + 1);
	for (unsigned n = 0; n < N_SECONDS; n++)
		slot_for(x, seconds[n])->second = (uint8_t)(n + 1);
	for (unsigned n = 0; n < N_HOT_FIRSTS; n++)
		slot_for(x, hot_firsts[n].fn)->hot_first = (uint8_t)(n + 1);
	for (unsigned n = 0; n < N_BRANCHES; n++)
		slot_for(x, branches[n])->branch = (uint8_t)(n + 1);
	for (unsigned n = N_SINGLES; n-- > 0;)
		slot_for(x, singles[n].a)->single = (uint8_t)(n + 1);
}

static const struct pair_slot *find(const struct pair_index *x, op_fn fn)
{
	for (unsigned h = hash(fn); x->slot[h].fn; h = (h + 1) & (PAIR_HASH - 1))
		if (x->slot[h].fn == fn)
			return &x->slot[h];
	return NULL;
}

op_fn pair_find(const struct pair_index *x, op_fn a, op_fn b)
{
	const struct pair_slot *f = find(x, a);
	if (!f)
		return NULL;
	for (unsigned n = f->single; n && n <= N_SINGLES && singles[n - 1].a == a; n++)
		if (singles[n - 1].b == b)
			return singles[n - 1].pair;
	if (!f->first)
		return NULL;
	const struct pair_slot *s = find(x, b);
	if (!s)
		return NULL;
	if (s->second)
		return firsts[f->first - 1].with[s->second - 1];
	return s->branch && f->hot_first ? hot_firsts[f->hot_first - 1].with[s->branch - 1] : NULL;
}
