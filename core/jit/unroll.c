/* unroll.c - a block that ends in a jump to itself becomes several rounds of the loop, so that what is done once a block (counting, looking
 * whether to leave, flags to and from memory, checks of memory) is done once in several rounds.  All but the last jump leave the loop where
 * the guest's go on with it. */
#include "core/jit/emit.h"

enum { ROUNDS = 8, INSNS_MAX = 60, OFTEN = 4 };

/* The jump back, or n. */
static unsigned find_jump(const struct ji *is, unsigned n)
{
	for (unsigned k = 0; k < n; k++) {
		const struct op_row *r = is[k].row;
		if (is[k].in.row == ROW_NONE || !(r->attr & (A_LINK | A_END)))
			continue;
		bool jcc = r->map == TWO ? r->opcode >> 4 == 8 : r->map == ONE && r->opcode >> 4 == 7;
		bool jmp = r->map == ONE && (r->opcode == 0xe9 || r->opcode == 0xeb);
		if ((jcc || jmp) && (r->attr & A_LINK) && is[k].in.imm == 0)
			return k;
	}
	return n;
}

/* Everything is to be native: a call of the interpreter would cost more than the rest. */
static bool suits(struct em *e, const struct ji *is, unsigned last)
{
	for (unsigned k = 0; k < last; k++)
		if (!(is[k].row->attr & (A_LINK | A_END)) && !em_would_be_native(e, &is[k]))
			return false;
	return true;
}

static void renumber(struct ji *i, unsigned idx)
{
	i->in.idx = (uint16_t)idx & 63;
	if ((i->row->attr & (A_LINK | A_END)) && i->in.rm != RM_MEM)
		i->in.disp = (int32_t)idx + 1;
}

unsigned em_unroll(struct em *e, struct ji *is, unsigned n)
{
	unsigned jump = find_jump(is, n), each = jump + 1, rounds = INSNS_MAX / each < ROUNDS ? INSNS_MAX / each : ROUNDS;
	if (jump == n || rounds < 2 || family_off(e, FAM_UNROLL) || family_off(e, FAM_LINK) || !suits(e, is, jump))
		return n;
	unsigned rest = n - each, room = BLOCK_MAX - rounds * each, keep = rest <= room ? rest : 0;
	/* What is translated again and again is overwritten as often, and it pays to be quick. */
	uint8_t *times = &e->j->loops[(e->b->key ^ e->b->key >> 16) % JIT_LOOPS];
	if (*times >= OFTEN)
		return n;
	++*times;
	memmove(&is[rounds * each], &is[each], keep * sizeof *is);
	for (unsigned k = 0; k < keep; k++) {
		struct ji *i = &is[rounds * each + k];
		i->before = (uint8_t)((rounds - 1) * each);
		renumber(i, rounds * each + k);
	}
	for (unsigned r = rounds; r-- > 0;)
		for (unsigned k = 0; k < each; k++) {
			struct ji *i = &is[r * each + k];
			*i = is[k];
			i->before = (uint8_t)(r * each);
			renumber(i, r * each + k);
			if (k == jump && r < rounds - 1) {
				i->invert = true;
				i->in.imm = i->in.off + i->in.len;
				i->ends = false;
			}
		}
	return rounds * each + keep;
}
