/* seq_atoms.c - atoms that are not rows of the table: branches, calls, loops, stores into code, changes of the address space. */
#include "tests/cpu/seq.h"
#include <assert.h>
#include <string.h>

struct seq_atom *seq_new_atom(struct seq_gen *g)
{
	struct seq *s = g->s;
	assert(s->n < SEQ_ATOMS);
	struct seq_atom *a = &s->atom[s->n++];
	*a = (struct seq_atom) { .section = (uint8_t)g->section };
	return a;
}
void seq_byte(struct seq_atom *a, unsigned v) { a->code[a->len++] = (uint8_t)v; }
void seq_imm32(struct seq_atom *a, uint32_t v)
{
	memcpy(a->code + a->len, &v, 4);
	a->len += 4;
}
void seq_field(struct seq_atom *a, int to, int32_t add, bool relative)
{
	assert(a->n_fixes < SEQ_FIXES);
	a->fix[a->n_fixes++] = (struct seq_fix) { a->len, (uint8_t)(a->len + 4), relative, (int16_t)to, add };
	seq_imm32(a, 0);
}
static void bytes(struct seq_atom *a, unsigned n, const uint8_t *p) { memcpy(a->code + a->len, p, n); a->len = (uint8_t)(a->len + n); }
#define BYTES(a, ...) bytes(a, sizeof (uint8_t[]) { __VA_ARGS__ }, (const uint8_t[]) { __VA_ARGS__ })

static bool long_mode(const struct seq_gen *g) { return g->s->mode == DIFF_64; }
static int here(const struct seq_gen *g) { return (int)g->s->n; }

unsigned seq_pick(struct seq_gen *g, uint16_t set)
{
	unsigned n = diff_below(&g->r, (unsigned)__builtin_popcount(set));
	for (unsigned k = 0;; k++)
		if (set >> k & 1 && !n--)
			return k;
}
static unsigned pick_low(struct seq_gen *g) { return seq_pick(g, g->s->scratch & 7); }  /* rAX, rCX, rDX: no REX */

void seq_mov_imm(const struct seq *s, struct seq_atom *a, unsigned reg, uint32_t v)
{
	if (reg & 8)
		seq_byte(a, 0x41);
	seq_byte(a, 0xb8 | (reg & 7));
	seq_imm32(a, v);
}
static void mov_address(struct seq_atom *a, unsigned reg, int atom, int32_t add)
{
	if (reg & 8)
		seq_byte(a, 0x41);
	seq_byte(a, 0xb8 | (reg & 7));
	seq_field(a, atom, add, false);
}
static void reg_op(struct seq_atom *a, unsigned op, unsigned digit, unsigned reg)     /* op /digit reg, 32 or native bits */
{
	if (reg & 8)
		seq_byte(a, 0x41);
	seq_byte(a, op);
	seq_byte(a, 0xc0 | digit << 3 | (reg & 7));
}

/* ---- branches ---------------------------------------------------------------------------------------------------------------------------- */

/* Forward, to an atom of the same section that will exist: the end of it always does. */
static int forward(struct seq_gen *g)
{
	int to = here(g) + 1 + (int)diff_below(&g->r, 4);
	if (to > g->furthest)
		g->furthest = to;
	return to;
}

static void put_jcc(struct seq_gen *g)
{
	int to = forward(g);
	struct seq_atom *a = seq_new_atom(g);
	BYTES(a, 0x0f);
	seq_byte(a, 0x80 | diff_below(&g->r, 16));
	seq_field(a, to, 0, true);
}

static void put_jump(struct seq_gen *g)
{
	int to = forward(g);
	struct seq_atom *a = seq_new_atom(g);
	unsigned r;
	switch (diff_below(&g->r, 4)) {
	case 0:
		seq_byte(a, 0xe9);
		seq_field(a, to, 0, true);
		break;
	case 1:
		r = seq_pick(g, g->s->scratch);
		mov_address(a, r, to, 0);
		reg_op(a, 0xff, 4, r);
		break;
	case 2:                                                         /* push; ret: no call belongs to it */
		seq_byte(a, 0x68);
		seq_field(a, to, 0, false);
		seq_byte(a, 0xc3);
		break;
	case 3:                                                         /* loop, jcxz to the next instruction */
		seq_byte(a, 0xe0 | diff_below(&g->r, 4));
		seq_byte(a, 0);
		break;
	}
}

/* A call of a later section; functions call only those behind them, so it ends. */
static void put_call(struct seq_gen *g)
{
	if (g->section + 1 >= SEQ_SECTIONS)
		return put_jcc(g);
	unsigned to = g->section + 1 + diff_below(&g->r, SEQ_SECTIONS - 1 - g->section), r;
	struct seq_atom *a = seq_new_atom(g);
	int target = -2 - (int)to;              /* sections are made in order: resolved at the end */
	switch (diff_below(&g->r, 4)) {
	case 0: case 1:
		seq_byte(a, 0xe8);
		seq_field(a, target, 0, true);
		break;
	case 2:
		r = seq_pick(g, g->s->scratch);
		mov_address(a, r, target, 0);
		reg_op(a, 0xff, 2, r);
		break;
	case 3:
		seq_byte(a, 0x68);
		seq_field(a, target, 0, false);
		BYTES(a, 0xff, 0x14, 0x24);                             /* call [rsp] */
		if (long_mode(g))
			seq_byte(a, 0x48);
		seq_byte(a, 0x8d), seq_byte(a, 0x64), seq_byte(a, 0x24), seq_byte(a, long_mode(g) ? 8 : 4);   /* lea rsp, [rsp+8] */
		break;
	}
}

static void put_loop(struct seq_gen *g)
{
	struct seq *s = g->s;
	unsigned body = 1 + diff_below(&g->r, 6), r = s->loop;
	if (g->furthest > here(g) || g->section || s->n + 40 > SEQ_ATOMS)
		return put_jcc(g);              /* nothing may jump in, past the counter's setting; functions may be called from a loop */
	seq_mov_imm(s, seq_new_atom(g), r, 2 + diff_below(&g->r, 5));
	int head = here(g);
	g->furthest = SEQ_ATOMS;                /* no loop in a loop: they share the counter */
	while (body--)
		if (diff_chance(&g->r, 75))
			seq_row(g, diff_chance(&g->r, 30));
		else
			seq_put_special(g);
	g->furthest = here(g) + 5;
	struct seq_atom *a = seq_new_atom(g);
	switch (diff_below(&g->r, 3)) {
	case 0: reg_op(a, 0xff, 1, r); break;                           /* dec */
	case 1: reg_op(a, 0x83, 5, r), seq_byte(a, 1); break;           /* sub r, 1 */
	case 2: reg_op(a, 0x83, 0, r), seq_byte(a, 0xff); break;        /* add r, -1 */
	}
	BYTES(a, 0x0f, 0x85);
	seq_field(a, head, 0, true);
}

/* ---- self-modification ------------------------------------------------------------------------------------------------------------------- */

static void put_victim(struct seq_gen *g)
{
	struct seq_atom *a = seq_new_atom(g);
	seq_mov_imm(g->s, a, pick_low(g), (uint32_t)diff_random(&g->r));
	a->victim = true;
}

/* [victim + off], directly or through the other mapping of the page; `tail` bytes of the instruction follow the field. */
static void code_operand(struct seq_gen *g, struct seq_atom *a, unsigned digit, int32_t off, unsigned tail)
{
	int32_t alias = diff_chance(&g->r, 30) ? SEQ_ALIAS - SEQ_CODE : 0;
	seq_byte(a, digit << 3 | 5);
	seq_field(a, -1000, off + alias, long_mode(g));                 /* the victim is chosen at the end */
	a->fix[a->n_fixes - 1].end = (uint8_t)(a->len + tail);
}

static void put_code_store(struct seq_gen *g)
{
	struct seq_atom *a = seq_new_atom(g);
	switch (diff_below(&g->r, 5)) {
	case 0:                                                         /* mov byte [imm], v */
		seq_byte(a, 0xc6), code_operand(g, a, 0, 1 + (int)diff_below(&g->r, 4), 1), seq_byte(a, diff_below(&g->r, 256));
		break;
	case 1:                                                         /* mov dword [imm], v */
		seq_byte(a, 0xc7), code_operand(g, a, 0, 1, 4), seq_imm32(a, (uint32_t)diff_random(&g->r));
		break;
	case 2:                                                         /* another register; adc eax, imm32; sbb eax, imm32 */
		seq_byte(a, 0xc6), code_operand(g, a, 0, 0, 1), seq_byte(a, diff_chance(&g->r, 50) ? 0xb8 | pick_low(g) : diff_chance(&g->r, 50) ? 0x15 : 0x1d);
		break;
	case 3:                                                         /* inc dword [imm] */
		seq_byte(a, 0xff), code_operand(g, a, 0, 1, 0);
		break;
	case 4:                                                         /* rep stosb over the immediate */
		/* Upwards: the opcode stays. */
		seq_byte(a, 0xfc), seq_byte(a, 0xbf), seq_field(a, -1000, 1, false);
		seq_mov_imm(g->s, a, RCX, diff_below(&g->r, 5));
		BYTES(a, 0xf3, 0xaa);
		seq_mov_imm(g->s, a, RDI, SEQ_DATA + 0x800);
		break;
	}
}

/* ---- strings ----------------------------------------------------------------------------------------------------------------------------- */

/* As compilers copy and clear small structures. */
static void put_strings(struct seq_gen *g)
{
	static const uint8_t ops[] = { 0xa4, 0xa5, 0xa5, 0xaa, 0xab, 0xac, 0xad };
	struct seq_atom *a = seq_new_atom(g);
	unsigned n = 1 + diff_below(&g->r, 4), rep = diff_below(&g->r, 3 * n);
	seq_mov_imm(g->s, a, RSI, SEQ_DATA + diff_data_offset(&g->r));
	seq_mov_imm(g->s, a, RDI, SEQ_DATA + diff_data_offset(&g->r));
	if (rep < n)
		seq_mov_imm(g->s, a, RCX, diff_below(&g->r, 20));
	while (n--) {
		if (rep == n)
			seq_byte(a, 0xf3);
		if (diff_chance(&g->r, 15))
			seq_byte(a, 0x66);
		else if (long_mode(g) && diff_chance(&g->r, 50))
			seq_byte(a, 0x48);
		seq_byte(a, ops[diff_below(&g->r, sizeof ops)]);
	}
}

/* ---- the system ---------------------------------------------------------------------------------------------------------------------------- */

static void store_table(struct seq_gen *g, struct seq_atom *a, uint32_t at, uint32_t v)
{
	BYTES(a, 0xc7);
	if (long_mode(g))
		seq_byte(a, 0x04), seq_byte(a, 0x25);
	else
		seq_byte(a, 0x05);
	seq_imm32(a, at);
	seq_imm32(a, v);
}

/* A page-table entry of either address space, and INVLPG. */
static void put_remap(struct seq_gen *g)
{
	static const struct { uint32_t lin, phys[2]; } pages[] = {
		{ SEQ_DATA, { SEQ_PHYS_DATA, SEQ_PHYS_DATA + 0x1000 } }, { SEQ_DATA + 0x1000, { SEQ_PHYS_DATA + 0x1000, SEQ_PHYS_DATA + 0x2000 } },
		{ SEQ_CODE + 0x2000, { SEQ_PHYS_CODE + 0x2000, SEQ_PHYS_CODE + 0x4000 } }, { SEQ_STACK, { SEQ_PHYS_STACK, SEQ_PHYS_STACK + 0x1000 } } };
	static const uint8_t flags[] = { 7, 7, 7, 5, 4, 0x67, 0x27 };
	unsigned p = diff_below(&g->r, 4), space = diff_below(&g->r, 2);
	unsigned f = flags[diff_below(&g->r, p >= 2 ? 3 : sizeof flags)];
	struct seq_atom *a = seq_new_atom(g);
	store_table(g, a, SEQ_TABLES + space * 0x4000 + 0x3000 + (pages[p].lin >> 12 & 511) * 8, pages[p].phys[diff_below(&g->r, 2)] | f);
	BYTES(a, 0x0f, 0x01);
	if (long_mode(g))
		seq_byte(a, 0x3c), seq_byte(a, 0x25);                   /* invlpg [abs] */
	else
		seq_byte(a, 0x3d);
	seq_imm32(a, pages[p].lin);
}

static void put_cr3(struct seq_gen *g)
{
	struct seq_atom *a = seq_new_atom(g);
	unsigned r = pick_low(g);
	if (diff_chance(&g->r, 70))
		seq_mov_imm(g->s, a, r, diff_chance(&g->r, 50) ? SEQ_ROOT_A : SEQ_ROOT_B);
	else
		BYTES(a, 0x0f, 0x20), seq_byte(a, 0xd8 | r);            /* mov r, cr3 */
	BYTES(a, 0x0f, 0x22), seq_byte(a, 0xd8 | r);
}

static void put_system(struct seq_gen *g)
{
	if (g->s->user)
		return put_victim(g);
	struct seq_atom *a;
	unsigned r = pick_low(g);
	switch (diff_below(&g->r, 8)) {
	case 0: case 1: put_cr3(g); break;
	case 2: case 3: put_remap(g); break;
	case 4: seq_byte(seq_new_atom(g), 0xfa); break;                 /* cli */
	case 5: seq_byte(seq_new_atom(g), 0xfb); break;                 /* sti */
	case 6:
		a = seq_new_atom(g);
		seq_mov_imm(g->s, a, r, 0x10);
		seq_byte(a, 0x8e), seq_byte(a, 0xc0 | (diff_chance(&g->r, 50) ? 3 : diff_chance(&g->r, 50) ? 2 : 0) << 3 | r);  /* mov ds/ss/es, r */
		break;
	case 7:
		a = seq_new_atom(g);
		seq_byte(a, diff_chance(&g->r, 50) ? 0xe6 : 0xe4), seq_byte(a, 0x80);
		break;
	}
}

static void put_flags(struct seq_gen *g)
{
	struct seq_atom *a = seq_new_atom(g);
	uint32_t f = (uint32_t)diff_random(&g->r) & (FL_ARITH | (diff_chance(&g->r, 20) ? FL_DF : 0) | (diff_chance(&g->r, 20) ? FL_AC : 0) |
		(diff_chance(&g->r, 5) ? FL_TF : 0));
	switch (diff_below(&g->r, 3)) {
	case 0: seq_byte(a, 0x9c), seq_byte(a, 0x9d); break;            /* pushf; popf */
	case 1: seq_byte(a, 0x68), seq_imm32(a, f | FL_IF), seq_byte(a, 0x9d); break;
	case 2: seq_byte(a, 0x9c), seq_byte(a, 0x58); break;            /* pushf; pop rax */
	}
}

/* ---- the stack ----------------------------------------------------------------------------------------------------------------------------- */

static void put_stack(struct seq_gen *g)
{
	struct seq_atom *a = seq_new_atom(g);
	unsigned r = seq_pick(g, g->s->scratch), size = long_mode(g) ? 8 : 4, by = (diff_below(&g->r, 8)) * size;
	switch (diff_below(&g->r, g->section ? 1 : 4)) {
	case 0:
		if (r & 8)
			seq_byte(a, 0x41);
		seq_byte(a, 0x50 | (r & 7));
		if (g->section)                                         /* functions find their return address */
			seq_byte(a, 0x58 | pick_low(g));
		break;
	case 1:
		if (r & 8)
			seq_byte(a, 0x41);
		seq_byte(a, 0x58 | (r & 7));
		break;
	case 2: case 3:                                                 /* add or sub rsp, by */
		if (long_mode(g))
			seq_byte(a, 0x48);
		seq_byte(a, 0x83), seq_byte(a, diff_chance(&g->r, 50) ? 0xc4 : 0xec), seq_byte(a, by);
		break;
	}
}

/* How a function returns: mostly as it was called. */
void seq_put_ending(struct seq_gen *g)
{
	struct seq_atom *a = seq_new_atom(g);
	unsigned r = seq_pick(g, g->s->scratch);
	switch (diff_below(&g->r, 8)) {
	case 0:
		seq_byte(a, 0xc2), seq_byte(a, 8 * diff_below(&g->r, 3)), seq_byte(a, 0);
		break;
	case 1: case 2:                                                 /* pop r; jmp r  or  pop r; push r; ret */
		if (r & 8)
			seq_byte(a, 0x41);
		seq_byte(a, 0x58 | (r & 7));
		if (diff_chance(&g->r, 50)) {
			reg_op(a, 0xff, 4, r);
			break;
		}
		if (r & 8)
			seq_byte(a, 0x41);
		seq_byte(a, 0x50 | (r & 7));
		seq_byte(a, 0xc3);
		break;
	case 3:                                                         /* out of the calls, to the end of all */
		seq_byte(a, 0xe9);
		seq_field(a, -2, 0, true);
		break;
	default:
		seq_byte(a, 0xc3);
		break;
	}
}

void seq_put_special(struct seq_gen *g)
{
	switch (diff_below(&g->r, 21)) {
	case 0: case 1: case 2: put_jcc(g); break;
	case 3: case 4: put_jump(g); break;
	case 5: case 6: case 7: case 8: put_call(g); break;
	case 9: case 10: put_code_store(g); break;
	case 11: case 12: put_victim(g); break;
	case 13: case 14: put_system(g); break;
	case 15: put_flags(g); break;
	case 16: case 17: put_stack(g); break;
	case 18: seq_mov_imm(g->s, seq_new_atom(g), seq_pick(g, g->s->pointers), SEQ_DATA + diff_data_offset(&g->r)); break;
	case 19: put_strings(g); break;
	default: put_loop(g); break;
	}
}
