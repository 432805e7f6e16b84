/* emit.c - instructions that are emitted as they were, with host registers and addresses for operands. */
#include "core/jit/emit.h"
#include "core/machine/machine.h"

/* Host encoding of an instruction with a ModRM operand. */
struct shape {
	unsigned op;
	int ext;                                /* /n, or -1: the reg field is G */
	bool e_read, e_write, g_read, g_write;
	uint8_t esize, gsize, imm;              /* bytes */
};
enum { R = 1, W = 2, RW = 3 };

static void set(struct shape *s, unsigned op, int ext, int e, int g, unsigned size)
{
	*s = (struct shape) { op, ext, e & R, e & W, g & R, g & W, (uint8_t)size, (uint8_t)size, 0 };
}
static unsigned imm_bytes(unsigned size) { return size > 4 ? 4 : size; }
static int group(const struct ji *i) { return (int)(i->row->match >> 3 & 7); }

static void alu_imm(const struct ji *i, struct shape *s, int ext, unsigned size)
{
	bool small = size > 1 && i->in.imm == (int8_t)i->in.imm;
	set(s, size == 1 ? 0x80 : small ? 0x83 : 0x81, ext, ext == 7 ? R : RW, 0, size);
	s->imm = small ? 1 : (uint8_t)imm_bytes(size);
}

static bool shape_group3(const struct ji *i, struct shape *s, unsigned size)
{
	unsigned op = size == 1 ? 0xf6 : 0xf7;
	int g = group(i);
	if (g >= 6)
		return false;                   /* div may fault */
	set(s, op, g, g == 2 || g == 3 ? RW : R, 0, size);
	if (g < 2)
		s->imm = (uint8_t)imm_bytes(size), s->ext = 0;
	return true;
}

static bool shape_one(const struct ji *i, struct shape *s, unsigned op)
{
	unsigned size = op & 1 ? i->size : 1;
	if (op < 0x40) {
		int e = op >> 3 == 7;                                   /* cmp */
		switch (op & 7) {
		case 0: case 1: set(s, op, -1, e ? R : RW, R, size); return true;
		case 2: case 3: set(s, op, -1, R, e ? R : RW, size); return true;
		case 4: case 5: alu_imm(i, s, (int)(op >> 3), size); return true;
		default: return false;
		}
	}
	switch (op) {
	case 0x63: set(s, op, -1, R, i->size < 4 ? RW : W, i->size); s->esize = 4; return true;
	case 0x69: case 0x6b:
		set(s, op, -1, R, W, i->size);
		s->imm = op == 0x6b ? 1 : (uint8_t)imm_bytes(i->size);
		return true;
	case 0x80: case 0x81: case 0x82: case 0x83: alu_imm(i, s, group(i), op == 0x80 || op == 0x82 ? 1 : i->size); return true;
	case 0x84: case 0x85: set(s, op, -1, R, R, size); return true;
	case 0x86: case 0x87: set(s, op, -1, RW, RW, size); return true;
	case 0x88: case 0x89: set(s, op, -1, W, R, size); return true;
	case 0x8a: case 0x8b: set(s, op, -1, R, W, size); return true;
	case 0xa0: case 0xa1: set(s, 0x8a | (op & 1), -1, R, W, size); return true;
	case 0xa2: case 0xa3: set(s, 0x88 | (op & 1), -1, W, R, size); return true;
	case 0xa8: case 0xa9: set(s, size == 1 ? 0xf6 : 0xf7, 0, R, 0, size); s->imm = (uint8_t)imm_bytes(size); return true;
	case 0xc0: case 0xc1: set(s, op, group(i), RW, 0, size); s->imm = 1; return true;
	case 0xd0: case 0xd1: case 0xd2: case 0xd3: set(s, op, group(i), RW, 0, size); return true;
	case 0xc6: case 0xc7: set(s, op, 0, W, 0, size); s->imm = (uint8_t)imm_bytes(size); return true;
	case 0xf6: case 0xf7: return shape_group3(i, s, size);
	case 0xfe: case 0xff:
		set(s, op, group(i), RW, 0, size);
		return group(i) < 2;
	}
	if (op >= 0x40 && op < 0x50) {
		set(s, 0xff, op >= 0x48, RW, 0, i->size);
		return true;
	}
	if (op > 0x90 && op < 0x98) {
		set(s, 0x87, -1, RW, RW, i->size);
		return true;
	}
	return false;
}

static bool shape_two(const struct ji *i, struct shape *s, unsigned op)
{
	bool mem = i->in.rm == RM_MEM;
	unsigned host = 0x0f00 | op, size = i->size;
	if (op >> 4 == 4) {
		set(s, host, -1, R, RW, size);
		return true;
	}
	if (op >> 4 == 9) {
		set(s, host, 0, W, 0, 1);
		return true;
	}
	switch (op) {
	case 0xa3: set(s, host, -1, R, R, size); return !mem;
	case 0xab: case 0xb3: case 0xbb: set(s, host, -1, RW, R, size); return !mem;
	case 0xba: set(s, host, group(i), group(i) == 4 ? R : RW, 0, size); s->imm = 1; return true;
	case 0xa4: case 0xac: set(s, host, -1, RW, R, size); s->imm = 1; return true;
	case 0xa5: case 0xad: set(s, host, -1, RW, R, size); return true;
	case 0xaf: set(s, host, -1, R, RW, size); return true;
	case 0xb0: case 0xb1: set(s, host, -1, RW, R, op & 1 ? size : 1); return mem;
	case 0xc0: case 0xc1: set(s, host, -1, RW, RW, op & 1 ? size : 1); return true;
	case 0xb6: case 0xbe: set(s, host, -1, R, RW, size); s->esize = 1; return true;
	case 0xb7: case 0xbf: set(s, host, -1, R, RW, size); s->esize = 2; return true;
	default: return false;
	}
}

static void put_imm(struct em *e, unsigned bytes, int64_t v)
{
	if (bytes == 1)
		em8(e, (uint8_t)v);
	else if (bytes == 2)
		em8(e, (uint8_t)v), em8(e, (uint8_t)(v >> 8));
	else if (bytes == 4)
		em32(e, (uint32_t)v);
}

/* After a memory access of i: what the way out of line must restore. */
void em_close_stubs(struct em *e, unsigned first, const struct ji *i)
{
	for (unsigned n = first; n < e->n_stubs; n++) {
		e->delta = 0;
		e->stubs[n].back = e->p;
		e->stubs[n].load_flags = e->flags_host && i->live_out;
	}
}

enum { HIGH = 0x10 };
/* Guest register number and host encoding of an operand: 8-bit ones are byte offsets. */
static unsigned guest_number(unsigned n, unsigned size) { return size == 1 ? n >> 3 : n; }

static bool emit_shape(struct em *e, const struct ji *i, const struct shape *s)
{
	bool mem = i->in.rm == RM_MEM || operand_kind(i->row->operand[0]) == K_O || operand_kind(i->row->operand[1]) == K_O, has_g = s->ext < 0;
	bool acc_g = mem && i->in.rm != RM_MEM;                         /* moffs: the accumulator is in rm when it comes first */
	unsigned reg = acc_g ? RAX : i->in.reg;
	bool high_e = !mem && s->esize == 1 && (i->in.rm & 1), high_g = has_g && s->gsize == 1 && (reg & 1);
	unsigned eg = mem ? 0 : guest_number(i->in.rm, s->esize), gg = guest_number(reg, s->gsize);
	bool env_e = !mem && in_env(eg), env_g = has_g && in_env(gg);
	unsigned eh = mem || env_e ? H_T0 : host_of(eg), gh = !has_g ? (unsigned)s->ext : env_g ? H_T1 : host_of(gg);
	/* AH and its kin do not go with r9: its lower half takes its place meanwhile. */
	bool exchange = mem && high_g && i->row->map == ONE;
	if ((high_e || high_g) && !exchange && (eh >= 8 || (has_g && gh >= 8) || s->gsize == 8))
		return false;
	/* Multiplications, shifts and rotations: not every host leaves undefined flags as the interpreter does, nor the same in each form of an instruction,
	 * which only matters to who compares.  AF behind logic is 0 on all. */
	if (e->j->exact && (i->live_out & i->row->fl_undefined & ~(i->row->fl_undefined & F_Z ? 0u : F_A)) && !(e->j->host_has & HOST_UNDEFINED))
		return false;
	unsigned needs = i->reads | (i->writes ? i->live_out & ~(unsigned)i->writes : 0), first = e->n_stubs;
	struct mem_op m = { 0 };
	if (mem)
		m = em_memory(e, i, s->esize, s->e_write);
	if (needs)
		em_flags_to_host(e);
	if (env_e && (s->e_read || s->esize < 4))
		em_load_env(e, H_T0, ENV_REG(eg));
	if (env_g && (s->g_read || s->gsize < 4))
		em_load_env(e, H_T1, ENV_REG(gg));
	/* One size for both operands but in movzx, movsx and movsxd, where the opcode gives E's; byte registers need their prefix. */
	bool extend = s->esize != s->gsize && has_g;
	struct enc x = { .op = s->op, .size = extend ? s->gsize : s->esize, .reg = high_g && !exchange ? HIGH | gg : gh, .lock = mem && (i->in.flags & I_LOCK),
		.byte_rm = s->esize == 1, .digit = !has_g };
	if (exchange && m.index == gh)
		m = em_mem_in_reg(e, m);
	if (exchange)
		em_rr(e, (struct enc) { .op = 0x86, .size = 1, .reg = HIGH | gg }, gg);
	if (mem)
		em_mem(e, x, m);
	else
		em_rr(e, x, high_e ? HIGH | eg : eh);
	put_imm(e, s->imm, i->in.imm);
	if (exchange)
		em_rr(e, (struct enc) { .op = 0x86, .size = 1, .reg = HIGH | gg }, gg);
	if (env_g && s->g_write)                                        /* first: XADD of a register with itself leaves the sum */
		em_store_env(e, H_T1, ENV_REG(gg));
	if (env_e && s->e_write)
		em_store_env(e, H_T0, ENV_REG(eg));
	if (i->writes)
		em_flags_written(e);
	if (mem)
		em_close_stubs(e, first, i);
	return true;
}

/* ---- the stack ---------------------------------------------------------------------------------------------------------------------- */

static void stack_move(struct em *e, int by)
{
	em_rm(e, (struct enc) { .op = 0x8d, .size = e->sp_size, .reg = H_RSP }, H_RSP, NO_REG, 0, by);
}

/* Pushes and pops in a row whose memory has been checked: nothing between them leaves code, so RSP is moved once. */
bool em_owes(const struct em *e, const struct ji *i)
{
	unsigned op = i->row->opcode;
	return i->group && e->code64 && i->row->map == ONE && op >= 0x50 && op <= 0x5f && i->size == 8 && i->in.rm != RSP && i->in.rm != RM_MEM;
}

void em_settle(struct em *e)
{
	int by = e->owed;
	e->owed = 0;
	if (by)
		stack_move(e, by);
}

static void stack_moved(struct em *e, const struct ji *i, int by)
{
	if (em_owes(e, i))
		e->owed += by;
	else
		stack_move(e, by);
}

static bool emit_push(struct em *e, const struct ji *i)
{
	unsigned first = e->n_stubs, size = i->size;
	bool imm = operand_kind(i->row->operand[0]) == K_I;
	if (!em_stack_size_ok(e, size) || i->in.rm == RM_MEM)
		return false;
	struct mem_op m = em_stack_memory(e, i, RSP, -(int)size, size, true);
	m.disp += e->owed;
	if (imm) {
		em_mem(e, (struct enc) { .op = 0xc7, .size = size, .reg = 0 }, m);
		put_imm(e, imm_bytes(size), i->in.imm);
	} else {
		em_mem(e, (struct enc) { .op = 0x89, .size = size, .reg = em_use(e, i->in.rm, H_T1) }, m);
	}
	stack_moved(e, i, -(int)size);
	em_close_stubs(e, first, i);
	return true;
}

static bool emit_pop(struct em *e, const struct ji *i)
{
	unsigned first = e->n_stubs, size = i->size;
	if (!em_stack_size_ok(e, size) || i->in.rm == RM_MEM)
		return false;
	struct mem_op m = em_stack_memory(e, i, RSP, 0, size, false);
	m.disp += e->owed;
	stack_moved(e, i, (int)size);
	if (m.index == H_RSP && !em_owes(e, i))
		m.disp -= (int)size;
	unsigned to = in_env(i->in.rm) ? H_T1 : host_of(i->in.rm);
	em_mem(e, (struct enc) { .op = 0x8b, .size = size, .reg = to }, m);
	if (in_env(i->in.rm))
		em_store_env(e, to, ENV_REG(i->in.rm));
	em_close_stubs(e, first, i);
	return true;
}

static bool emit_leave(struct em *e, const struct ji *i)
{
	unsigned first = e->n_stubs, size = i->size;
	if (!em_stack_size_ok(e, size))
		return false;
	struct mem_op m = em_stack_memory(e, i, RBP, 0, size, false);
	em_rm(e, (struct enc) { .op = 0x8d, .size = e->sp_size, .reg = H_RSP }, RBP, NO_REG, 0, (int)size);
	em_mem(e, (struct enc) { .op = 0x8b, .size = size, .reg = RBP }, m);
	em_close_stubs(e, first, i);
	return true;
}

/* ---- the rest ------------------------------------------------------------------------------------------------------------------------ */

static bool emit_mov_imm(struct em *e, const struct ji *i)
{
	unsigned size = i->row->opcode < 0xb8 ? 1 : i->size, n = guest_number(i->in.rm, size);
	if (size < 4) {
		struct shape s;
		set(&s, size == 1 ? 0xc6 : 0xc7, 0, W, 0, size);
		s.imm = (uint8_t)size;
		return emit_shape(e, i, &s);
	}
	unsigned to = in_env(n) ? H_T1 : host_of(n);
	em_imm64(e, to, size == 4 ? (uint32_t)i->in.imm : (uint64_t)i->in.imm);
	if (in_env(n))
		em_store_env(e, to, ENV_REG(n));
	return true;
}

static bool emit_lea(struct em *e, const struct ji *i)
{
	if (i->size < 4 && in_env(i->in.reg))
		return false;
	em_lea(e, i, in_env(i->in.reg) ? H_T0 : host_of(i->in.reg), i->size);
	if (in_env(i->in.reg))
		em_store_env(e, H_T0, ENV_REG(i->in.reg));
	return true;
}

static bool emit_plain(struct em *e, const struct ji *i)
{
	unsigned op = i->row->opcode;
	if (op == 0xf5 || op == 0xf8 || op == 0xf9) {                   /* cmc, clc, stc */
		if ((i->live_out & ~(unsigned)FL_CF) || op == 0xf5)
			em_flags_to_host(e);
		em8(e, op);
		em_flags_written(e);
		return true;
	}
	if (i->size == 2)                                               /* cbw, cwd and their wider forms */
		em8(e, 0x66);
	if (i->size == 8)
		em8(e, 0x48);
	em8(e, op);
	return true;
}

static bool emit_one(struct em *e, const struct ji *i, unsigned op)
{
	if (op == 0x90 && i->row->operand[0] == ___)            /* NOP; among several CPUs PAUSE is the interpreter's, which yields */
		return (i->row->match & P_F3) != P_F3 || e->c->machine->n_cpus == 1;
	if (op >= 0x50 && op < 0x58)
		return emit_push(e, i);
	if (op >= 0x58 && op < 0x60)
		return emit_pop(e, i);
	switch (op) {
	case 0x68: case 0x6a: return emit_push(e, i);
	case 0x8d: return emit_lea(e, i);
	case 0x98: case 0x99: case 0xf5: case 0xf8: case 0xf9: return emit_plain(e, i);
	case 0xc9: return emit_leave(e, i);
	case 0xff:
		if (group(i) == 6)
			return emit_push(e, i);
		break;
	}
	if (op >= 0xb0 && op < 0xc0)
		return emit_mov_imm(e, i);
	struct shape s;
	return shape_one(i, &s, op) && emit_shape(e, i, &s);
}

/* Where a trial starts. */
struct point { uint8_t *p, *other; bool flags_host, flags_mem, failed; unsigned n_stubs, n_steps; struct em_live live; uint32_t delta; int owed; };
static struct point here(const struct em *e)
{
	return (struct point) { e->p, e->other, e->flags_host, e->flags_mem, e->failed, e->n_stubs, e->j->n_steps, e->live, e->delta, e->owed };
}
static void back_to(struct em *e, const struct point *t)
{
	e->p = t->p;
	e->other = t->other;
	e->flags_host = t->flags_host;
	e->flags_mem = t->flags_mem;
	e->failed = t->failed;
	e->n_stubs = t->n_stubs;
	e->j->n_steps = t->n_steps;
	e->live = t->live;
	e->delta = t->delta;
	e->owed = t->owed;
}

static bool emit_two(struct em *e, const struct ji *i)
{
	const struct op_row *r = i->row;
	struct shape s;
	if (r->opcode == 0x0d || (r->opcode >= 0x18 && r->opcode <= 0x1f))
		return true;
	if (r->opcode >= 0xc8 && r->opcode <= 0xcf && i->size >= 4 && !in_env(i->in.rm)) {
		em8(e, 0x40 | (i->size == 8) << 3 | host_of(i->in.rm) >> 3);
		em8(e, 0x0f), em8(e, 0xc8 | (host_of(i->in.rm) & 7));
		return true;
	}
	return shape_two(i, &s, r->opcode) && emit_shape(e, i, &s);
}

bool em_native(struct em *e, const struct ji *i)
{
	const struct op_row *r = i->row;
	struct point start = here(e);
	bool ok = false;
	if (e->j->off && ((e->j->off >> em_family(e, r) & 1) || (family_off(e, FAM_ATOMIC) && (i->in.flags & I_LOCK)) ||
		(family_off(e, FAM_MEMORY) && (i->in.rm == RM_MEM || (r->attr & A_STACK)))))
		return false;
	if ((r->attr & (A_PROT | A_END | A_LINK)) || (!e->segments && (i->in.flags & I_A16)) || i->in.row == ROW_NONE)
		return false;
	if (r->attr & A_STR)
		return em_string(e, i);
	if ((r->attr & (A_X87 | A_MMX | A_SSE | A_AVX)) || (r->map == ONE && r->opcode == 0x9b))
		ok = em_fp(e, i);
	else if (r->map == ONE)
		ok = emit_one(e, i, r->opcode);
	else if (r->map == TWO)
		ok = emit_two(e, i);
	if (!ok) {
		back_to(e, &start);
		ok = em_bits(e, i);
	}
	if (!ok) {
		back_to(e, &start);
		ok = em_sys(e, i);
	}
	if (!ok)
		back_to(e, &start);
	return ok;
}

bool em_would_be_native(struct em *e, const struct ji *i)
{
	struct point start = here(e);
	bool ok = em_native(e, i);
	back_to(e, &start);
	return ok;
}
