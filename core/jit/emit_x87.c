/* emit_x87.c - x87 on the host's own unit, whose registers are the guest's (live.c).  Ref: SDM 1 ch. 8, SDM 2. */
#include "core/jit/emit.h"

/* Bytes of the memory operand; 0: environment and state, which the interpreter keeps. */
static unsigned operand_bytes(const struct ji *i)
{
	switch (operand_size(i->row->operand[0] == ST0 ? i->row->operand[1] : i->row->operand[0])) {
	case SZ_w: return 2;
	case SZ_d: return 4;
	case SZ_q: return 8;
	case SZ_t: return 10;
	default: return 0;
	}
}

/* By opcode: the sets of /n that write memory. */
static bool writes_memory(unsigned op, unsigned n)
{
	static const uint8_t stores[8] = { 0, 1 << 2 | 1 << 3 | 1 << 7, 0, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 7, 0, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 7,
		0, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 7 };
	return stores[op & 7] >> n & 1;
}

/* FNSTCW, FLDCW, FNSTSW, FNCLEX and the 8087's leave no trace in the instruction pointer. */
static bool is_control(unsigned op, unsigned modrm)
{
	unsigned n = modrm >> 3 & 7;
	if (modrm < 0xc0)
		return (op == 0xd9 && (n == 5 || n == 7)) || (op == 0xdd && n == 7);
	return (op == 0xdb && n == 4) || (op == 0xdf && modrm == 0xe0);
}

static void note(struct em *e, const struct ji *i)
{
	if (!e->live.x87_page) {
		em_load_env(e, H_T1, offsetof(struct cpu, jit.page));
		em_store_env(e, H_T1, offsetof(struct cpu, jit.x87.page));
		e->live.x87_page = true;
	}
	em_env(e, (struct enc) { .op = 0xc7, .size = 4, .reg = 0 }, offsetof(struct cpu, jit.x87.last));
	em32(e, 1u << 31 | (e->page_off + i->in.off) << 11 | ((uint32_t)i->in.imm & 0x7ff));
}

/* fpu.dp, and its segment when it is another one than before. */
static void note_memory(struct em *e, const struct ji *i)
{
	em_store_env(e, H_T0, offsetof(struct cpu, fpu.dp));
	if (e->live.x87_seg == i->in.sg + 1)
		return;
	e->live.x87_seg = i->in.sg + 1;
	em_env(e, (struct enc) { .op = 0xc6, .size = 4, .reg = 0 }, offsetof(struct cpu, jit.x87.mem_seg));
	em8(e, e->live.x87_seg);
}

bool em_x87(struct em *e, const struct ji *i)
{
	unsigned op = 0xd8 | (i->in.imm >> 8 & 7), modrm = i->in.imm & 0xff, n = modrm >> 3 & 7, size = 0, first;
	bool mem = i->in.rm == RM_MEM, control = is_control(op, modrm), fldcw = mem && op == 0xd9 && n == 5;
	if (i->row->map != ONE || (mem && !(size = operand_bytes(i))) || (mem && i->in.sg < SEG_NULL && e->code64))
		return false;
	if (op == 0xdb && modrm == 0xe3)                /* fninit */
		return false;
	em_live(e, i, LIVE_X87);
	first = e->n_stubs;
	if (mem) {
		if (fldcw)
			em_flags_clobber(e, i->live_in);
		struct mem_op m = em_memory(e, i, size, writes_memory(op, n));
		if (fldcw) {
			em_mem(e, (struct enc) { .op = 0x0fb7, .size = 4, .reg = H_T1 }, m);
			em_rr(e, (struct enc) { .op = 0xf7, .size = 4, .reg = 2 }, H_T1);                               /* not */
			em_rr(e, (struct enc) { .op = 0xf7, .size = 4, .reg = 0 }, H_T1), em32(e, 0x3f);                /* test */
			em_jump_out(e, 0x85, STUB_INTERP, i);
		}
		em_mem(e, (struct enc) { .op = op, .size = 4, .reg = n }, m);
	} else {
		if (i->reads)
			em_flags_to_host(e);
		em8(e, op), em8(e, modrm);
		if (i->writes)
			em_flags_written(e);
	}
	if (mem)
		em_close_stubs(e, first, i);
	if (control)
		return true;
	if (mem && !i->dp_dead) {
		em_address(e, i);
		note_memory(e, i);
	}
	if (!i->ip_dead)
		note(e, i);
	return true;
}

/* No way out leads from i, which may be an x87 instruction or one for general registers. */
static bool is_quiet(struct em *e, const struct ji *i, unsigned at)
{
	struct em_live live = e->live;
	if ((i->row->attr & (A_LINK | A_END)) || i->in.row == ROW_NONE)
		return false;
	for (unsigned g = 0; g < e->n_groups; g++)
		if (e->groups[g].at == at)
			return false;
	unsigned ways = 0;
	e->live.sets = LIVE_X87;
	e->ways_out = &ways;
	bool native = em_would_be_native(e, i);
	e->ways_out = NULL;
	e->live = live;
	return native && !ways;
}

void em_x87_notes(struct em *e, struct ji *is, unsigned n)
{
	bool any = false, ip = false, dp = false;       /* will be noted anew before anybody can look */
	for (unsigned k = 0; k < n; k++)
		any |= (is[k].row->attr & A_X87) != 0;
	for (unsigned k = n; any && k-- > 0;) {
		struct ji *i = &is[k];
		bool mem = i->in.rm == RM_MEM, notes = (i->row->attr & A_X87) && !is_control(0xd8 | (i->in.imm >> 8 & 7), i->in.imm & 0xff);
		i->ip_dead = ip;
		i->dp_dead = dp;
		if (!is_quiet(e, i, k))
			ip = dp = false;
		else if (notes)
			ip = true, dp |= mem;
	}
}
