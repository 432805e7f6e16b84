/* group.c - one check of memory for several accesses off the same register.
 *
 * Registers are followed through the block as numbers of values plus a constant, so that pushes, copies and counters are seen through.
 * Accesses whose addresses differ by less than JIT_GROUP_MAX share a check, before the first of them, or further up where no flags are in the
 * way.  Each then adds what the check found.  Nothing in between can make that untrue but a call of the interpreter, which notices
 * (STEP_IN_GROUP).  Where such a check fails the interpreter goes on from there, or a twin of the block (engine_twin), without such checks, where the
 * range lies in two pages.  Where that is the rule, count_miss() and count_twins() in run.c give such checks up. */
#include "core/jit/emit.h"
#include "core/cpu/mmu.h"

enum { N_REGS = 16, LIMIT_OFF = offsetof(struct jit_env, limit) - offsetof(struct jit_env, base) };
#define ENV(f) (uint32_t)offsetof(struct cpu, jit.f)
struct value { uint16_t n; int64_t off; };
struct state { struct value reg[N_REGS]; };
struct found { uint16_t base, index /* 0 = none */; uint8_t scale, first, last, count; bool write; int64_t lo, hi; };
struct search {
	struct em *e;
	struct ji *is;
	unsigned n, n_found;
	uint16_t next;                          /* number of the next new value */
	bool loaded[N_REGS * (BLOCK_MAX + 2)];  /* by number: out of memory */
	struct state now, before[BLOCK_MAX];
	bool native[BLOCK_MAX];
	struct state at_end;                    /* where it jumps back */
	bool at_end_known;
	struct found found[GROUPS_MAX];
};

/* ---- what instructions do to registers ------------------------------------------------------------------------------------------------- */

static void lose(struct search *s, unsigned reg) { s->now.reg[reg] = (struct value) { s->next++, 0 }; }
static void lose_all(struct search *s)
{
	for (unsigned r = 0; r < N_REGS; r++)
		lose(s, r);
}
/* An operand, if it is a register. */
static void lose_rm(struct search *s, const struct ji *i, unsigned size)
{
	if (i->in.rm != RM_MEM)
		lose(s, size == 1 ? i->in.rm >> 3 : i->in.rm);
}
static void lose_reg(struct search *s, const struct ji *i, unsigned size)
{
	unsigned r = size == 1 ? i->in.reg >> 3 : i->in.reg;
	lose(s, r);
	s->loaded[s->now.reg[r].n] = i->in.rm == RM_MEM;
}

static void copy(struct search *s, const struct ji *i, unsigned to, unsigned from, int64_t off)
{
	if (i->size != 8) {
		lose(s, to);
		return;
	}
	s->now.reg[to] = s->now.reg[from];
	s->now.reg[to].off += off;
}

static void lea(struct search *s, const struct ji *i)
{
	const struct insn *in = &i->in;
	if (in->base < REG_ZERO && in->index == REG_ZERO && !(in->flags & I_A32))
		copy(s, i, in->reg, in->base, in->disp);
	else
		lose(s, in->reg);
}

static void add_constant(struct search *s, const struct ji *i, unsigned size, int64_t v)
{
	if (i->in.rm != RM_MEM && size == 8)
		s->now.reg[i->in.rm].off += v;
	else
		lose_rm(s, i, size);
}

static void pushed(struct search *s, int by) { s->now.reg[RSP].off += by; }

static void one_byte(struct search *s, const struct ji *i, unsigned op)
{
	unsigned size = op & 1 ? i->size : 1, digit = i->row->match >> 3 & 7;
	if (op < 0x40 && (op & 7) < 6) {
		if (op >> 3 == 7)
			return;                                 /* cmp */
		if ((op & 7) < 2 || ((op & 7) >= 4 && op >> 3 && op >> 3 != 5))
			lose_rm(s, i, size);
		else if ((op & 7) < 4)
			lose_reg(s, i, size);
		else
			add_constant(s, i, size, op >> 3 ? -i->in.imm : i->in.imm);
		return;
	}
	switch (op) {
	case 0x50: case 0x51: case 0x52: case 0x53: case 0x54: case 0x55: case 0x56: case 0x57: case 0x68: case 0x6a: case 0xe8:
		pushed(s, -(int)i->size);
		return;
	case 0x58: case 0x59: case 0x5a: case 0x5b: case 0x5c: case 0x5d: case 0x5e: case 0x5f:
		pushed(s, (int)i->size);
		lose(s, i->in.rm);
		s->loaded[s->now.reg[i->in.rm].n] = true;
		return;
	case 0xc9:
		copy(s, i, RSP, RBP, (int)i->size);
		lose(s, RBP);
		return;
	case 0x63: case 0x69: case 0x6b: lose_reg(s, i, i->size); return;
	case 0x80: case 0x81: case 0x83:
		if (digit == 0 || digit == 5)
			add_constant(s, i, op == 0x80 ? 1 : i->size, digit ? -i->in.imm : i->in.imm);
		else if (digit != 7)
			lose_rm(s, i, op == 0x80 ? 1 : i->size);
		return;
	case 0x84: case 0x85: case 0xa8: case 0xa9: case 0x90: case 0xf5: case 0xf8: case 0xf9: case 0xfa: case 0xfc: case 0xfd: return;
	case 0x88: case 0xc6: case 0xc7: lose_rm(s, i, size); return;
	case 0x89:
		if (i->in.rm != RM_MEM)
			copy(s, i, i->in.rm, i->in.reg, 0);
		return;
	case 0x8b:
		if (i->in.rm != RM_MEM) {
			copy(s, i, i->in.reg, i->in.rm, 0);
			return;
		}
		lose_reg(s, i, i->size);
		return;
	case 0x8a: lose_reg(s, i, 1); return;
	case 0x8d: lea(s, i); return;
	case 0x98: lose(s, RAX); return;
	case 0xa4: case 0xa5: case 0xaa: case 0xab: case 0xac: case 0xad:
		lose(s, op >= 0xac ? RAX : RDI), lose(s, RSI), lose(s, RCX);
		s->loaded[s->now.reg[RAX].n] |= op >= 0xac;
		return;
	case 0x99: lose(s, RDX); return;
	case 0xc0: case 0xc1: case 0xd0: case 0xd1: case 0xd2: case 0xd3: lose_rm(s, i, size); return;
	case 0xf6: case 0xf7:
		if (digit >= 4)
			lose(s, RAX), lose(s, RDX);
		else if (digit >= 2)
			lose_rm(s, i, size);
		return;
	case 0xfe: case 0xff:
		if (digit < 2)
			add_constant(s, i, size, digit ? -1 : 1);
		else if (digit == 6)
			pushed(s, -(int)i->size);
		else
			lose_all(s);
		return;
	}
	if (op >> 4 == 7)
		return;
	if (op >= 0xb0 && op < 0xc0)
		lose_rm(s, i, op < 0xb8 ? 1 : i->size);
	else
		lose_all(s);
}

static void two_bytes(struct search *s, const struct ji *i, unsigned op)
{
	if (op >> 4 == 8)
		return;
	if (op >> 4 == 4) {
		lose_reg(s, i, i->size);
		return;
	}
	if (op >> 4 == 9) {
		lose_rm(s, i, 1);
		return;
	}
	if (op >= 0xc8 && op <= 0xcf) {
		lose_rm(s, i, 8);
		return;
	}
	switch (op) {
	case 0x0d: case 0x18: case 0x19: case 0x1a: case 0x1b: case 0x1c: case 0x1d: case 0x1e: case 0x1f: case 0xa3: return;
	case 0xab: case 0xb3: case 0xba: case 0xbb: case 0xa4: case 0xa5: case 0xac: case 0xad: lose_rm(s, i, i->size); return;
	case 0xaf: case 0xb6: case 0xb7: case 0xbe: case 0xbf: case 0xbc: case 0xbd: case 0xb8: lose_reg(s, i, i->size); return;
	default: lose_all(s); return;
	}
}

/* Vector instructions write no general register but the one in their operands; those that compare strings and the like are not worth knowing. */
static void vector(struct search *s, const struct ji *i)
{
	const struct op_row *r = i->row;
	bool by_map = r->map == T3A || r->map == V3A;
	if (by_map && r->opcode >= 0x60 && r->opcode <= 0x63) {
		lose_all(s);
		return;
	}
	for (int k = 0; k < 4 && r->operand[k]; k++) {
		enum operand_kind kind = operand_kind(r->operand[k]);
		if (kind == K_G && k == 0)
			lose(s, i->in.reg);
		else if ((kind == K_E || kind == K_R) && k == 0)
			lose_rm(s, i, 8);
		else if (kind == K_B || kind == K_ACC || kind == K_FIXED)
			lose_all(s);
	}
}

static void follow_registers(struct search *s, const struct ji *i, bool native)
{
	const struct op_row *r = i->row;
	if (!native)
		lose_all(s);
	else if (r->attr & A_X87)
		lose(s, RAX);                   /* fnstsw */
	else if (r->attr & (A_SSE | A_AVX | A_MMX))
		vector(s, i);
	else if (r->map == ONE && r->opcode == 0x9b)
		return;
	else if (r->map == ONE)
		one_byte(s, i, r->opcode);
	else if (r->map == TWO)
		two_bytes(s, i, r->opcode);
	else
		lose_all(s);
}

/* ---- which accesses go together --------------------------------------------------------------------------------------------------------- */

static bool link_is_plain(const struct ji *i)
{
	unsigned op = i->row->opcode;
	return i->in.row != ROW_NONE && (i->row->map == TWO ? op >> 4 == 8 : op >> 4 == 7 || op == 0xe8 || op == 0xc2 || op == 0xc3 || op == 0xe9 || op == 0xeb);
}

/* What memory i wants, and whether the translator will do it itself. */
static bool look_at(struct em *e, struct ji *i)
{
	i->mem = (struct access) { .known = false };
	if (i->row->attr & (A_LINK | A_END) || i->in.row == ROW_NONE) {
		if (!link_is_plain(i) || i->size != 8 || (i->in.flags & I_SEGCHK))
			return false;
		if (i->row->map == ONE && (i->row->opcode == 0xe8 || i->row->opcode == 0xc2 || i->row->opcode == 0xc3))
			i->mem = (struct access) { .base = RSP, .index = REG_ZERO, .size = 8, .known = true, .write = i->row->opcode == 0xe8,
				.disp = i->row->opcode == 0xe8 ? -8 : 0 };
		return true;
	}
	e->note = &i->mem;
	bool native = em_would_be_native(e, i);
	e->note = NULL;
	i->mem.known &= native;
	return native;
}

static void take(struct search *s, unsigned k)
{
	const struct access *a = &s->is[k].mem;
	static const struct value none;
	const struct value *b = &s->now.reg[a->base], *x = a->index == REG_ZERO ? &none : &s->now.reg[a->index];
	int64_t at = a->disp + b->off + (int64_t)((uint64_t)x->off << a->scale);
	for (unsigned n = s->n_found; n-- > 0;) {
		struct found *f = &s->found[n];
		int64_t lo = at < f->lo ? at : f->lo, hi = at + a->size > f->hi ? at + a->size : f->hi;
		if (f->base != b->n || f->index != x->n || f->scale != a->scale || hi - lo > JIT_GROUP_MAX)
			continue;
		f->lo = lo;
		f->hi = hi;
		f->last = (uint8_t)k;
		f->count++;
		f->write |= a->write;
		s->is[k].group = (uint8_t)(n + 1);
		return;
	}
	if (s->n_found == GROUPS_MAX)
		return;
	s->found[s->n_found++] = (struct found) { .base = b->n, .index = x->n, .scale = a->scale, .first = (uint8_t)k, .last = (uint8_t)k, .count = 1,
		.write = a->write, .lo = at, .hi = at + a->size };
	s->is[k].group = (uint8_t)s->n_found;
}

/* A register that holds value n before instruction k; N_REGS: none. */
static unsigned holder(const struct search *s, unsigned k, uint16_t n)
{
	unsigned r = 0;
	while (r < N_REGS && s->before[k].reg[r].n != n)
		r++;
	return r;
}

/* Where the check can be with no flag to be saved: not above jumps or calls of the interpreter. */
static unsigned find_place(const struct search *s, const struct found *f)
{
	for (unsigned k = f->first;; k--) {
		if (holder(s, k, f->base) == N_REGS || (f->index && holder(s, k, f->index) == N_REGS))
			break;
		if (!s->is[k].live_in || !k)
			return k;
		if ((s->is[k - 1].row->attr & (A_LINK | A_END)) || !s->native[k - 1])
			break;
	}
	return f->first;
}

/* What a register points at stays near from round to round unless it comes out of memory. */
static bool wanders(const struct search *s, uint16_t n)
{
	for (unsigned r = 0; n <= N_REGS && r < N_REGS; r++)
		if (n == s->before[0].reg[r].n && s->loaded[s->at_end.reg[r].n])
			return true;
	return s->loaded[n];
}

/* Does an instruction from k on read flags that were set before it?  Else they can as well go to memory. */
static bool flags_wanted(const struct search *s, unsigned k)
{
	unsigned old = s->is[k].live_in;
	for (; old && k < s->n; k++) {
		if (s->is[k].reads & old)
			return true;
		old &= ~(unsigned)s->is[k].writes;
	}
	return false;
}

static bool place(struct search *s, const struct found *f, struct em_group *g)
{
	struct em *e = s->e;
	unsigned at = find_place(s, f);
	if (f->count < 2 && (!flags_wanted(s, f->first) || (s->is[at].live_in && at)))
		return false;
	unsigned base = holder(s, at, f->base), index = f->index ? holder(s, at, f->index) : REG_ZERO;
	const struct state *b = &s->before[at];
	if (base == N_REGS || (f->index && index == N_REGS))
		return false;
	int64_t disp = f->lo - b->reg[base].off - (f->index ? (int64_t)((uint64_t)b->reg[index].off << f->scale) : 0);
	if (disp != (int32_t)disp)
		return false;
	*g = (struct em_group) { .base = (uint8_t)base, .index = f->index ? (uint8_t)index : REG_ZERO, .scale = f->scale, .write = f->write, .at = (uint8_t)at,
		.span = (uint16_t)(f->hi - f->lo), .disp = (int32_t)disp };
	/* Another stack, as kernels use for a few pushes on their ways in and out, would take the place of the one that is in use all the time. */
	bool same_stack = f->base == s->before[0].reg[RSP].n || f->base == s->before[0].reg[RBP].n;
	g->slot = (base == RSP && same_stack) || (e->loop && !em_probed(e, &s->is[at]));
	return base == RSP || !e->loop || !wanders(s, f->base);
}

static bool store_place(struct em *e, struct em_group *g, bool stack_taken[2])
{
	enum { FIRST = JIT_SLOTS - JIT_GROUP_SLOTS, OTHERS = FIRST + 2 };
	if (!g->slot) {
		if (e->n_kept == JIT_KEPT)
			return false;
		g->delta = (uint32_t)(offsetof(struct cpu, jit.kept) + 8 * e->n_kept++);
		return true;
	}
	unsigned slot = FIRST + g->write;
	if (g->base != RSP || stack_taken[g->write])
		slot = em_next_slot(&e->j->next_group_slot[g->write], OTHERS, JIT_SLOTS, g->write);
	else
		g->last = stack_taken[g->write] = true;
	g->range = (uint32_t)(offsetof(struct cpu, jit.base[e->user]) + 8 * slot);
	g->delta = (uint32_t)(offsetof(struct cpu, jit.delta[e->user]) + 8 * slot);
	return true;
}

static bool jumps_back(const struct ji *i) { return (i->row->attr & A_LINK) && i->row->opcode != 0xe8 && i->in.imm <= i->in.off; }

void em_find_groups(struct em *e, struct ji *is, unsigned n)
{
	if (!e->code64 || e->b->single_checks || family_off(e, FAM_GROUP))
		return;
	struct search s;
	s.e = e, s.is = is, s.n = n, s.n_found = 0, s.next = 1, s.at_end_known = false;
	memset(s.loaded, 0, sizeof s.loaded);
	lose_all(&s);
	for (unsigned k = 0; k < n; k++) {
		s.before[k] = s.now;
		s.native[k] = look_at(e, &is[k]);
		is[k].group = 0;
		if (is[k].mem.known)
			take(&s, k);
		follow_registers(&s, &is[k], s.native[k]);
		if (jumps_back(&is[k]) || k == n - 1)
			s.at_end = s.at_end_known ? s.at_end : s.now;
		s.at_end_known |= jumps_back(&is[k]);
	}
	uint8_t number[GROUPS_MAX];
	bool stack_taken[2] = { false, false };
	for (unsigned f = 0; f < s.n_found; f++) {
		struct em_group g;
		number[f] = 0;
		if (!place(&s, &s.found[f], &g) || !store_place(e, &g, stack_taken))
			continue;
		e->groups[e->n_groups++] = g;
		number[f] = (uint8_t)e->n_groups;
		for (unsigned k = g.at; k < s.found[f].last; k++)
			is[k].in_group = true;
	}
	for (unsigned k = 0; k < n; k++)
		is[k].group = is[k].group ? number[is[k].group - 1] : 0;
	for (unsigned k = 0; k < e->n_groups; k++)
		for (unsigned other = 0; other < e->n_groups; other++)
			e->groups[k].among |= other != k && e->groups[other].at <= e->groups[k].at;
}

/* ---- the check --------------------------------------------------------------------------------------------------------------------------- */

void em_group_check(struct em *e, struct em_group *g, const struct ji *i)
{
	em_flags_clobber(e, i->live_in);
	unsigned base = em_use(e, g->base, H_T0), index = g->index == REG_ZERO ? NO_REG : em_use(e, g->index, H_T1);
	em_rm(e, (struct enc) { .op = 0x8d, .size = 8, .reg = H_T0 }, base, index, g->scale, g->disp);
	struct stub *s = em_stub(e, STUB_GROUP, i);
	s->group = g;
	s->before = i->before;
	g->again = e->p;
	if (!g->slot) {
		s->from = em_check_tlb_entry(e, g->span, g->write);
		em_rm(e, (struct enc) { .op = 0x8b, .size = 8, .reg = H_T1 }, H_T1, NO_REG, 0, offsetof(struct tlb_entry, addend));
		em_store_env(e, H_T1, g->delta);
		g->in_r10 = e->p;
		return;
	}
	if (g->last)
		em_rm(e, (struct enc) { .op = 0x8d, .size = 8, .reg = H_T1 }, H_T0, NO_REG, 0, g->span - 1);
	else
		em_mov(e, H_T1, H_T0);
	em_room_wide(e, 0x3e, CMP_ENV_SIZE, CMP_ENV_SIZE + JCC_SIZE);
	em_env(e, (struct enc) { .op = 0x2b, .size = 8, .reg = H_T1 }, g->range);
	em_env(e, (struct enc) { .op = 0x3b, .size = 8, .reg = H_T1 }, g->range + LIMIT_OFF);
	s->from = em_jcc(e, 0x83);                                              /* jae */
	s->checked = e->p;
}

/* The range lies in two pages: a twin of the code from here on looks at each access, and leads back at its end.  All is as before i. */
static void go_to_twin(struct em *e, const struct stub *s)
{
	const struct insn *i = &e->b->insns[s->slot];
	em_imm64(e, H_T1, (uintptr_t)&e->j->blocks[e->j->n_blocks].twins);
	em_rm(e, (struct enc) { .op = 0xfe, .size = 1, .reg = 0, .digit = true }, H_T1, NO_REG, 0, 0);          /* inc */
	uint8_t *often = em_jcc(e, 0x84);                                       /* je */
	em_leave_for(e, e->page_off + i->off, s->before + i->idx)->twin = true;
	em_patch(often, e->p);
	em_leave_from(e, s->slot, s->before)->twin = true;
}

/* Out of line.  The TLB says where the range is; if it does not know, it is filled as long as that is no fault, or the interpreter goes on. */
void em_other_group(struct em *e, const struct stub *s)
{
	const struct em_group *g = s->group;
	int32_t tag = g->write ? offsetof(struct tlb_entry, tag_w) : offsetof(struct tlb_entry, tag_r);
	if (g->slot) {
		uint8_t *miss = em_check_tlb(e, g->span, g->write);
		em_refill(e, s, g->range, e->j->refill[e->user][g->write][true][g->last], !g->last);
		em_patch(miss, e->p);
	}
	em_rm(e, (struct enc) { .op = 0x33, .size = 8, .reg = H_T0 }, H_T1, NO_REG, 0, tag);    /* the address again */
	uint8_t *over = NULL;
	if (s->slot != SLOT_CROSS && !family_off(e, FAM_TWIN)) {
		em_rr(e, (struct enc) { .op = 0x8b, .size = 4, .reg = H_T1 }, H_T0);
		em_rr(e, (struct enc) { .op = 0x81, .size = 4, .reg = 4 }, H_T1), em32(e, PAGE_SIZE - 1);
		em_rr(e, (struct enc) { .op = 0x81, .size = 4, .reg = 7 }, H_T1), em32(e, PAGE_SIZE - g->span);
		over = em_jcc(e, 0x87);                                         /* ja */
	}
	em_store_env(e, H_T0, ENV(host));
	em_env(e, (struct enc) { .op = 0xc7, .size = 4, .reg = 0 }, ENV(slot)), em32(e, g->span);
	em_step_on_miss(e, e->j->fill[g->write][g->among], false);
	em_load_env(e, H_T0, ENV(host));
	em_env(e, (struct enc) { .op = 0x83, .size = 4, .reg = 7 }, ENV(slot)), em8(e, 0);
	em8(e, 0x0f), em8(e, 0x85), em_rel32(e, g->again);                      /* jne */
	em_leave_from(e, s->slot, s->before)->group = true;
	if (over) {
		em_patch(over, e->p);
		go_to_twin(e, s);
	}
}

/* As an instruction of the interpreter: jit.slot bytes at jit.host are about to be read or written.  Make the TLB know them if they lie in one
 * page and need no fault and no A or D bit, else jit.slot = 0.  Bit 1 of imm: other checks must not become untrue by it. */
static const struct insn *fill_tlb(struct cpu *c, const struct insn *i)
{
	uint64_t lin = c->jit.host;
	bool write = i->imm & 1;
	unsigned access = write ? MEM_W : MEM_R, span = c->jit.slot;
	uint64_t forgotten = c->jit.forgotten, killed = engine_jit(c)->count.killed;
	const struct tlb_entry *t = tlb_slot(c, lin);
	uintptr_t host;
	struct walk w;
	c->jit.slot = 0;
	if (PAGE_SIZE - (lin & ~PAGE_MASK) < span || (cpu_long(c) && !paging_canonical(lin)))
		return i + 1;
	if (!paging_walk(c, lin, access, true, &w) || !w.accessed || (write && !w.dirty))
		return i + 1;
	if (!mmu_host(c, lin, 1, access, &host)) {
		c->exc_pending = false;         /* another vCPU was faster; the access itself will tell */
		return i + 1;
	}
	/* To map a page may cost blocks their translation, this one, too. */
	c->jit.slot = (write ? t->tag_w : t->tag_r) == (lin & PAGE_MASK) && (!(i->imm & 2) || c->jit.forgotten == forgotten) &&
		engine_jit(c)->count.killed == killed;
	return i + 1;
}

void group_make_common(struct em *e)
{
	for (unsigned n = 0; n < 4; n++) {
		struct insn *ask = e->j->fill[n & 1][n >> 1];
		ask[0] = (struct insn) { .fn = fill_tlb, .imm = n };
		ask[1] = (struct insn) { .fn = op_jit_end };
	}
}
