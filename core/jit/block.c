/* block.c - translating one block: find out which flags are wanted, emit, arrange the ways out. */
#include "core/jit/emit.h"
#include "core/machine/machine.h"

enum { LOOK_AHEAD = 16 };

static const uint8_t *code_of(const struct block *b) { return (const uint8_t *)(uintptr_t)(b->key & ((UINT64_C(1) << MODE_SHIFT) - 1)); }

struct insn *jit_new_steps(struct em *e, const struct ji *i, unsigned n)
{
	struct jit *j = e->j;
	if (j->n_steps + n + 1 > STEPS_MAX)
		return NULL;
	struct insn *s = &j->steps[j->n_steps];
	for (unsigned k = 0; k < n; k++) {
		struct insn plain;
		s[k] = i[k].in;
		if (i[k].slot != SLOT_CROSS && decode_insn(jit_decoder(e->c), e->c->mode, code_of(e->b) + s[k].off, PAGE_SIZE - e->page_off - s[k].off, 0, &plain))
			s[k].fn = plain.fn;             /* of the two, as handlers of a block may be fused */
	}
	const struct insn *last = &i[n - 1].in;
	s[n] = (struct insn) { .fn = op_jit_end, .off = (uint16_t)(last->off + last->len) & 1023, .idx = (uint16_t)(last->idx + 1) & 63 };
	j->n_steps += n + 1;
	return s;
}

struct jit_exit *jit_new_exit(struct em *e, enum exit_kind kind)
{
	struct jit_exit *x = &e->j->exits[e->j->n_exits++];
	*x = (struct jit_exit) { .kind = kind, .block = e->b, .page_off = e->page_off };
	return x;
}

/* ---- flags ---------------------------------------------------------------------------------------------------------------------------- */

/* What the instruction reads; the table also names flags that it leaves alone when a count is 0. */
static unsigned flags_read(const struct op_row *r, const struct insn *i)
{
	bool shift = (r->map == ONE && ((r->opcode & 0xfe) == 0xc0 || (r->opcode & 0xfe) == 0xd0)) ||
		(r->map == TWO && (r->opcode == 0xa4 || r->opcode == 0xac));
	bool wide = (i->flags & I_O64) && (r->map == TWO || (r->opcode & 1));   /* byte shifts count modulo 32 */
	if (!shift || !(i->imm & (wide ? 63 : 31)))
		return r->fl_read;
	bool through_carry = r->map == ONE && ((r->match >> 3 & 7) == 2 || (r->match >> 3 & 7) == 3);
	return through_carry ? FL_CF : 0;
}

/* 64-bit code: JMP to where imm says. */
static bool jumps_near(const struct insn *i)
{
	enum { JMP = 0xe9, JMP_SHORT = 0xeb };
	const struct op_row *r = &op_rows[i->row];
	return i->row != ROW_NONE && r->map == ONE && (r->opcode == JMP || r->opcode == JMP_SHORT) && (i->flags & I_O64);
}

unsigned jit_flags_live(struct cpu *c, int64_t off, const uint8_t *page, bool exact, uint64_t *lines)
{
	unsigned live = 0, known = 0;
	for (unsigned n = 0; n < LOOK_AHEAD && off < PAGE_SIZE; n++) {
		struct insn in;
		unsigned len = decode_insn(jit_decoder(c), c->mode, page + off, (unsigned)(PAGE_SIZE - off), 0, &in);
		if (!len)
			break;
		const struct op_row *r = &op_rows[in.row];
		*lines |= UINT64_C(1) << (off >> 6) | UINT64_C(1) << ((off + len - 1) >> 6);
		live |= flags_read(r, &in) & ~known;
		known |= r->fl_written;
		if (exact && insn_may_store(r, &in))
			break;
		if (known == FL_ARITH)
			return live;
		if (jumps_near(&in) && off + in.imm >= 0) {
			off += in.imm;
			continue;
		}
		if (in.row == ROW_NONE || (r->attr & (A_END | A_COND | A_LINK)))
			break;
		off += len;
	}
	return live | (FL_ARITH & ~known);
}

/* The lines looked at become the block's, so that it goes when they change. */
static unsigned live_at(struct em *e, int64_t off, const uint8_t *page)
{
	/* Marks of lines are not enough where other CPUs write, too. */
	if (off < 0 || off >= PAGE_SIZE || e->c->machine->n_cpus > 1 || family_off(e, FAM_LOOKAHEAD))
		return FL_ARITH;
	/* It may be elsewhere (em_goto). */
	if (e->segments && off < e->page_off)
		return FL_ARITH;
	uint64_t lines = 0;
	unsigned live = jit_flags_live(e->c, off, page, e->exact, &lines);
	e->b->lines |= lines;
	atomic_fetch_or(&e->c->machine->ram.code_lines[e->b->ram_page], lines);
	return live;
}

static void liveness(struct em *e, struct ji *is, unsigned n, const uint8_t *page)
{
	const struct ji *last = &is[n - 1];
	unsigned live = last->ends ? FL_ARITH : live_at(e, e->page_off + last->in.off + last->in.len, page);
	for (unsigned k = n; k-- > 0;) {
		struct ji *i = &is[k];
		if ((i->row->attr & A_LINK) && !(i->invert && !(i->row->attr & A_COND))) {
			i->live_taken = (uint16_t)live_at(e, e->page_off + i->in.imm, page);
			live = i->row->attr & A_COND ? live | i->live_taken : i->live_taken;
		}
		if (e->exact && insn_may_store(i->row, &i->in))
			live = FL_ARITH;
		i->live_out = (uint16_t)live;
		live = (live & ~(unsigned)i->writes) | i->reads;
		if (i->in.row == ROW_NONE || (i->ends && !(i->row->attr & A_LINK)))
			live = FL_ARITH;
		i->live_in = (uint16_t)live;
	}
}

/* ---- the block -------------------------------------------------------------------------------------------------------------------------- */

void jit_number(struct ji *i, unsigned n)
{
	i->in.idx = (uint16_t)n & 63;
	i->row = &op_rows[i->in.row];
	i->size = i->in.flags & I_O64 ? 8 : i->in.flags & I_O16 ? 2 : 4;
	i->reads = (uint16_t)flags_read(i->row, &i->in);
	i->writes = i->row->fl_written;
	i->ends = i->in.row == ROW_NONE || (i->row->attr & A_END);
	if ((i->row->attr & (A_LINK | A_END)) && i->in.rm != RM_MEM)
		i->in.disp = (int32_t)n + 1;
}

/* b's instructions.  Handlers of integer instructions may have been fused with others. */
static unsigned take_insns(struct ji *is, const struct block *b)
{
	unsigned n = 0;
	for (unsigned slot = 0; slot < b->n_slots; slot++) {
		if (!b->insns[slot].len)
			continue;
		is[n] = (struct ji) { .slot = slot, .in = b->insns[slot] };
		if (!slot)
			is[n].in.fn = b->first;
		jit_number(&is[n], n);
		n++;
	}
	return n;
}

/* RSP becomes what it was not before, plus or minus something; RBP is taken to point into the same stack. */
static bool loads_stack(const struct ji *i)
{
	if (i->row->map != ONE)
		return false;
	switch (i->row->opcode) {
	case 0x5c: return i->in.rm == RSP;
	case 0x87: return i->in.rm == RSP || i->in.reg == RSP;
	case 0x89: return i->in.rm == RSP && i->in.reg != RBP;
	case 0x8b: return i->in.reg == RSP && i->in.rm != RBP;
	default: return false;
	}
}

/* The host may make one operation of it and a jcc.  Its code has no jumps but those of stubs. */
static bool fuses(const struct ji *i)
{
	unsigned op = i->row->opcode, digit = i->row->match >> 3 & 7;
	return i->row->map == ONE && i->writes && (op < 0x50 /* ALU, INC, DEC */ || (op >= 0x80 && op <= 0x85) || op == 0xa8 || op == 0xa9 ||
		((op & 0xfe) == 0xf6 && digit < 2) || (op & 0xfe) == 0xfe);
}

/* True: the block goes on behind i. */
static void emit_all(struct em *e, struct ji *is, unsigned n)
{
	struct jit *j = e->j;
	for (unsigned k = 0; k < n && !e->failed;) {
		struct ji *i = &is[k];
		if (!em_owes(e, i) || i->slot == SLOT_CROSS)
			em_settle(e);
		if (i->slot == SLOT_CROSS)
			em_cross_guard(e, i);
		for (unsigned g = 0; g < e->n_groups; g++)
			if (e->groups[g].at == k)
				em_settle(e), em_group_check(e, &e->groups[g], i);
		if (i->row->attr & (A_LINK | A_END) || i->in.row == ROW_NONE) {
			if (!em_branch(e, i) && !em_last_step(e, i)) {
				em_flags_clobber(e, i->live_in);
				em_leave_to_interp(e, i);
				return;
			}
			if (i->ends)
				return;
			k++;
			continue;
		}
		e->env_behind = e->p;
		unsigned stubs = e->n_stubs;
		if (em_native(e, i)) {
			if (fuses(i) && e->n_stubs == stubs)
				e->fusible.at = e->env_behind, e->fusible.behind = e->p;
			e->other_stack |= loads_stack(i);
			j->count.native++;
			k++;
			continue;
		}
		unsigned run = 1;
		uint8_t *before = e->p;
		for (; k + run < n; run++) {
			const struct ji *next = &is[k + run];
			if ((next->row->attr & (A_LINK | A_END)) || next->in.row == ROW_NONE || next->slot == SLOT_CROSS || em_would_be_native(e, next))
				break;
		}
		e->p = before;
		j->count.stepped += run;
		em_settle(e);
		em_steps(e, i, run);
		k += run;
	}
	const struct ji *last = &is[n - 1];
	em_settle(e);
	em_flags_clobber(e, last->live_out);
	em_go_on(e, e->page_off + last->in.off + last->in.len, last->in.idx + 1u);
}

/* The end of a loop, most likely. */
static bool jumps_back(const struct ji *is, unsigned n)
{
	enum { CALL = 0xe8, LOOP_MAX = 512 };
	for (unsigned k = 0; k < n; k++)
		if ((is[k].row->attr & A_LINK) && is[k].row->opcode != CALL && is[k].in.imm <= is[k].in.off && is[k].in.imm > -LOOP_MAX)
			return true;
	return false;
}

/* A jump through a table: the end of a round of an interpreter, or a switch, most likely in a loop. */
static bool dispatches(const struct ji *last)
{
	enum { GROUP_5 = 0xff, JMP = 4 };
	return last->row->map == ONE && last->row->opcode == GROUP_5 && (last->row->match >> 3 & 7) == JMP;
}

bool jit_translate(struct jit *j, struct block *b, uint64_t probed)
{
	struct cpu *c = j->c;
	struct ji is[BLOCK_MAX];
	struct stub stubs[STUBS_MAX];
	struct em_group groups[GROUPS_MAX];
	struct em e = { .stubs = stubs, .groups = groups, .j = j, .c = c, .b = b, .p = j->rw + j->used, .other = j->rw + j->cold_used, .code64 = c->mode & M_CS64,
		.segments = mode_in_segments(c->mode), .user = c->mode & M_USER, .flags_mem = true, .probed = probed };
	const uint8_t *code = code_of(b);
	e.page_off = (unsigned)((uintptr_t)code & (PAGE_SIZE - 1));
	e.op_size = e.code64 ? 8 : c->mode & M_CS32 ? 4 : 2;
	e.sp_size = e.code64 ? 8 : c->mode & M_SS32 ? 4 : 2;
	unsigned n = take_insns(is, b), first_step = j->n_steps, first_exit = j->n_exits;
	e.exact = engine_page_exact(c, b->ram_page);
	e.loop = jumps_back(is, n);
	e.twin = engine_key_is_twin(b->key);
	e.ranges = !e.twin && (e.loop || dispatches(&is[n - 1]));
	unsigned guest_insns = n, guest_bytes = is[n - 1].in.off + is[n - 1].in.len;
	if (!e.twin)
		n = em_unroll(&e, is, n);
	if (n == guest_insns)
		n = em_find_crosser(&e, is, n, code);
	liveness(&e, is, n, code - e.page_off);
	em_find_groups(&e, is, n);
	em_x87_notes(&e, is, n);
	struct jit_block *jb = &j->blocks[j->n_blocks];
	*jb = (struct jit_block) { .entry = e.p, .cold = j->cold_used, .first_exit = first_exit, .steps = &j->steps[first_step], .missed_at = jit_done(j), .probed = probed };
	e.entry = e.p;
	j->n_steps = first_step;
	emit_all(&e, is, n);
	em_stubs(&e);
	jb->stale = jit_new_exit(&e, EXIT_LINK);
	jb->stale->off = (int32_t)e.page_off;
	jb->stale->patch = jb->entry + 1;
	em_part(&e, true);
	jb->stale_code = e.p;
	em_imm64(&e, H_T1, (uintptr_t)jb->stale);
	em8(&e, 0xe9);
	em_rel32(&e, j->leave);
	em_part(&e, false);
	if (e.failed)
		return false;
	while (e.p - jb->entry < 5)
		em8(&e, 0xcc);
	jb->n_steps = j->n_steps - first_step;
	j->n_blocks++;
	j->used = ((size_t)(e.p - j->rw) + 15) & ~(size_t)15;
	j->cold_used = (size_t)(e.other - j->rw);
	j->count.blocks++;
	j->count.live++;
	j->count.insns += guest_insns;
	jb->n_insns = guest_insns;
	j->count.guest_bytes += guest_bytes;
	b->jit = jb;
	return true;
}
