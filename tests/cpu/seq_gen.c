/* seq_gen.c - sequences of instructions for seq.h.
 *
 * Some registers are pointers into the data pages and stay so; one counts loops; the others take what comes.  Rows of the table are
 * encoded at random and taken when they write none of the first two kinds and address memory through a pointer. */
#include "tests/cpu/seq.h"
#include <string.h>

static bool gpr_kind(unsigned kind) { return kind == K_E || kind == K_R || kind == K_G || kind == K_Z || kind == K_ACC; }

/* Register number of an operand, -1: not a general register. */
static int gpr_of(const struct insn *i, unsigned operand)
{
	unsigned kind = operand_kind(operand), n;
	if (kind == K_B)
		return (int)(i->imm >> 8 & 15);
	if (!gpr_kind(kind) || ((kind == K_E || kind == K_R) && i->rm == RM_MEM))
		return -1;
	if (kind == K_ACC)
		return RAX;
	n = kind == K_G ? i->reg : i->rm;
	return (int)(operand_size(operand) == SZ_b ? n >> 3 : n);
}

static bool registers_ok(const struct seq *s, const struct op_row *o, const struct insn *i)
{
	static const char *const both[] = { "xchg", "xadd", "cmpxchg", "mulx" };
	bool all = false;
	for (unsigned k = 0; k < sizeof both / sizeof both[0]; k++)
		all |= !strncmp(o->name, both[k], strlen(both[k]));
	for (unsigned k = 0; k < 4 && o->operand[k]; k++) {
		int n = gpr_of(i, o->operand[k]);
		if (n >= 0 && (k == 0 || all) && !(s->scratch >> n & 1))
			return false;
	}
	return true;
}

/* Rows that would leave the pointers or the stack beyond use; and what may set TF. */
static bool row_ok(const struct op_row *o, unsigned row, enum diff_mode m)
{
	static const char *const skip[] = { "popf", "popa", "enter", "leave", "pop", "fldenv", "frstor", "ldmxcsr", "vldmxcsr", "fldcw" };
	if (!diff_row_ok(row, m) || (o->attr & (A_END | A_LINK | A_COND | A_VSIB)))
		return false;
	for (unsigned k = 0; k < sizeof skip / sizeof skip[0]; k++)
		if (!strncmp(o->name, skip[k], strlen(skip[k])) && strncmp(o->name, "popcnt", 6))
			return false;
	return true;
}

static bool address_ok(const struct seq *s, const struct insn *i)
{
	if (i->flags & I_A16)
		return false;
	if (i->base != REG_BIP && i->base != REG_ZERO && i->base != RSP && !(s->pointers >> i->base & 1))
		return false;
	return i->index == REG_ZERO || ((s->scratch >> i->index & 1) && (s->mode == DIFF_64 || i->index < 4));
}

/* Where the displacement `old` lies in the code, 0: nowhere. */
static unsigned find_disp(const struct diff_case *k, int32_t old)
{
	for (unsigned n = k->len - 3; n-- > 1;)
		if (!memcmp(k->code + n, &old, 4))
			return n;
	return 0;
}

/* The displacement made such that the access falls into the data pages.  False: cannot be. */
static bool aim(struct seq_gen *g, struct diff_case *k, const struct insn *i, struct seq_atom *a, unsigned before)
{
	if (i->base == REG_BIP) {
		unsigned n = find_disp(k, (int32_t)((uint32_t)i->disp - k->len));
		a->fix[a->n_fixes++] = (struct seq_fix) { (uint8_t)(before + n), (uint8_t)(before + k->len), true, -1, (int32_t)(SEQ_DATA + diff_data_offset(&g->r)) };
		return n;
	}
	if (i->base == REG_ZERO || i->disp == (int8_t)i->disp)
		return true;
	unsigned n = find_disp(k, i->disp);
	int32_t disp = (int32_t)diff_below(&g->r, 0x600) - 0x300;
	memcpy(k->code + n, &disp, 4);
	return n;
}

static bool has_memory(const struct op_row *o, const struct insn *i)
{
	for (unsigned k = 0; k < 4 && o->operand[k]; k++)
		if (operand_kind(o->operand[k]) == K_O)
			return false;
	return i->rm == RM_MEM && !(o->attr & A_STR);
}

/* rSI, rDI and rCX for a string instruction. */
static void string_registers(struct seq_gen *g, struct seq_atom *a)
{
	seq_mov_imm(g->s, a, RSI, SEQ_DATA + diff_data_offset(&g->r));
	seq_mov_imm(g->s, a, RDI, SEQ_DATA + diff_data_offset(&g->r));
	seq_mov_imm(g->s, a, RCX, diff_chance(&g->r, 10) ? diff_below(&g->r, 3000) : diff_below(&g->r, 40));
}

static bool try_row(struct seq_gen *g, unsigned row)
{
	struct seq *s = g->s;
	const struct op_row *o = &op_rows[row];
	struct diff_case k = { .mode = s->mode };
	bool string = diff_encode(&g->r, g->decoder, row, &k);
	const struct insn *i = diff_emu_insn(g->decoder);
	if (k.row != row || !registers_ok(s, o, i) || (i->flags & I_A16))
		return false;
	bool memory = has_memory(o, i);
	if (memory && !address_ok(s, i))
		return false;
	struct seq_atom a = { .section = (uint8_t)g->section };
	if (string)
		string_registers(g, &a);
	if (memory && i->index != REG_ZERO) {                           /* movzx r32, r8: a small index */
		if (s->mode == DIFF_64)
			seq_byte(&a, 0x40 | (i->index >> 3) * 5u);
		seq_byte(&a, 0x0f), seq_byte(&a, 0xb6), seq_byte(&a, 0xc0 | (i->index & 7) * 9u);
	}
	if (memory && !aim(g, &k, i, &a, a.len))
		return false;
	memcpy(a.code + a.len, k.code, k.len);
	a.len = (uint8_t)(a.len + k.len);
	*seq_new_atom(g) = a;
	return true;
}

void seq_row(struct seq_gen *g, bool fp)
{
	const struct seq_rows *rows = &g->rows[g->s->mode == DIFF_64][fp];
	for (unsigned tries = 0; tries < 400; tries++)
		if (try_row(g, rows->row[diff_below(&g->r, rows->n)]))
			return;
}

void seq_gen_init(struct seq_gen *g)
{
	g->decoder = diff_emu_new();
	diff_pool_fill(&g->pool, 1);
	for (unsigned row = 1; row < op_row_count; row++)
		for (unsigned long_mode = 0; long_mode < 2; long_mode++) {
			struct seq_rows *rows = &g->rows[long_mode][(op_rows[row].attr & (A_X87 | A_MMX | A_SSE | A_AVX)) != 0];
			if (row_ok(&op_rows[row], row, long_mode ? DIFF_64 : DIFF_32))
				rows->row[rows->n++] = (uint16_t)row;
		}
}

/* ---- the whole ----------------------------------------------------------------------------------------------------------------------------- */

static void choose_registers(struct seq_gen *g)
{
	struct seq *s = g->s;
	s->pointers = 1 << RBX | 1 << RSI | 1 << RDI;
	s->loop = RBP;
	s->scratch = 1 << RAX | 1 << RCX | 1 << RDX;
	if (s->mode != DIFF_64)
		return;
	uint16_t free = 0xff00 | 1 << RBP;
	s->loop = seq_pick(g, free);
	free &= (uint16_t)~(1u << s->loop);
	for (unsigned n = 0; n < 2; n++) {
		unsigned r = seq_pick(g, free);
		s->pointers |= (uint16_t)(1u << r);
		free &= (uint16_t)~(1u << r);
	}
	s->scratch |= free;
}

static void choose_start(struct seq_gen *g)
{
	struct seq *s = g->s;
	for (unsigned n = 0; n < 16; n++)
		s->start.gpr[n] = s->pointers >> n & 1 ? SEQ_DATA + diff_data_offset(&g->r) : diff_edge_integer(&g->r);
	s->start.gpr[s->loop] = 3;
	s->start.gpr[RSP] = SEQ_STACK + (diff_chance(&g->r, 50) ? 0x1000 + 8 * diff_below(&g->r, 8) : 0x800 + 8 * diff_below(&g->r, 0x100));
	if (diff_chance(&g->r, 5))
		s->start.gpr[RSP] += diff_below(&g->r, 8);
	if (s->mode != DIFF_64)
		for (unsigned n = 0; n < 16; n++)
			s->start.gpr[n] = n < 8 ? (uint32_t)s->start.gpr[n] : 0;
	s->start.rflags = 0x202 | (diff_random(&g->r) & FL_ARITH);
	diff_random_fx(&g->r, s->start.fx);
	s->data_seed = diff_random(&g->r);
}

static void fill_section(struct seq_gen *g, unsigned atoms)
{
	struct seq *s = g->s;
	unsigned first = s->n, fp_share = diff_chance(&g->r, 60) ? 15 : 60;
	g->furthest = 0;
	while (s->n < first + atoms) {
		if (diff_chance(&g->r, 35))
			seq_put_special(g);
		else
			seq_row(g, diff_chance(&g->r, fp_share));
	}
	if (g->section) {
		seq_put_ending(g);
	} else {
		struct seq_atom *a = seq_new_atom(g);
		if (!s->user)
			seq_byte(a, 0xfa);      /* cli: no interrupt wakes it any more */
		seq_byte(a, 0xf4);
	}
	for (unsigned n = first; n < s->n; n++)                         /* branches beyond the end */
		for (unsigned k = 0; k < s->atom[n].n_fixes; k++)
			if (s->atom[n].fix[k].atom >= (int)s->n)
				s->atom[n].fix[k].atom = (int16_t)(s->n - 1);
}

/* Targets that were not known: the first atom of a section, the end of the main one, something to store into. */
static void resolve(struct seq_gen *g)
{
	struct seq *s = g->s;
	int first[SEQ_SECTIONS] = { 0 }, end = 0, victims[SEQ_ATOMS], n_victims = 0;
	for (int n = (int)s->n; n-- > 0;) {
		first[s->atom[n].section] = n;
		if (!s->atom[n].section && !end)
			end = n;
		if (s->atom[n].victim)
			victims[n_victims++] = n;
	}
	for (unsigned n = 0; n < s->n; n++)
		for (unsigned k = 0; k < s->atom[n].n_fixes; k++) {
			int16_t *to = &s->atom[n].fix[k].atom;
			if (*to == -1000 && n_victims)
				*to = (int16_t)victims[diff_below(&g->r, (unsigned)n_victims)];
			else if (*to == -1000)
				s->atom[n].off = true;
			else if (*to == -2)
				*to = (int16_t)end;
			else if (*to < -2)
				*to = (int16_t)first[-2 - *to];
		}
}

void seq_generate(struct seq_gen *g, struct seq *s)
{
	memset(s, 0, sizeof *s);
	g->s = s;
	g->r.pool = &g->pool;
	s->mode = diff_chance(&g->r, 75) ? DIFF_64 : DIFF_32;
	s->user = diff_chance(&g->r, 30);
	s->alignment = s->user && diff_chance(&g->r, 20);
	diff_emu_mode(g->decoder, s->mode);
	choose_registers(g);
	choose_start(g);
	unsigned back = diff_below(&g->r, 0x200);
	s->section_at[0] = SEQ_CODE + (diff_chance(&g->r, 70) ? 0x1000 - back : 0x400 + back);
	s->section_at[1] = SEQ_CODE + 0x1b00 + diff_below(&g->r, 0x100);
	s->section_at[2] = SEQ_CODE + 0x2100 + diff_below(&g->r, 0x100);
	s->section_at[3] = SEQ_CODE + 0x3000 - diff_below(&g->r, 0x60);
	for (g->section = 0; g->section < SEQ_SECTIONS; g->section++)
		fill_section(g, g->section ? 1 + diff_below(&g->r, 6) : 5 + diff_below(&g->r, 36));
	resolve(g);
}

void seq_lay_out(struct seq *s)
{
	uint32_t at = 0;
	for (unsigned n = 0; n < s->n; n++) {
		struct seq_atom *a = &s->atom[n];
		if (!n || a->section != s->atom[n - 1].section)
			at = s->section_at[a->section];
		a->at = at;
		at += a->off ? 0 : a->len;
	}
	for (unsigned n = 0; n < s->n; n++) {
		struct seq_atom *a = &s->atom[n];
		for (unsigned k = 0; k < a->n_fixes; k++) {
			const struct seq_fix *f = &a->fix[k];
			uint32_t v = (f->atom >= 0 ? s->atom[f->atom].at : 0) + (uint32_t)f->add - (f->relative ? a->at + f->end : 0);
			memcpy(a->code + f->at, &v, 4);
		}
	}
}
