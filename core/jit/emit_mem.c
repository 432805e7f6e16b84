/* emit_mem.c - guest memory in translated code: effective addresses, the check against the TLB, and the ways out. */
#include "core/cpu/mmu.h"
#include "core/cpu/sys.h"
#include "core/jit/emit.h"
#include "core/machine/machine.h"

/* lea of i's operand; 32-bit code and shorter addresses cut it. */
void em_lea(struct em *e, const struct ji *i, unsigned to, unsigned size)
{
	const struct insn *in = &i->in;
	unsigned base = NO_REG, index = NO_REG;
	int64_t disp = in->disp;
	if (operand_kind(i->row->operand[0]) == K_O || operand_kind(i->row->operand[1]) == K_O) {
		em_imm64(e, to, e->code64 ? (uint64_t)in->imm : (uint32_t)in->imm);
	} else {
		if (in->base == REG_BIP) {
			em_load_env(e, H_T0, offsetof(struct cpu, jit.page));
			base = H_T0;
			disp += e->page_off;
		} else if (in->base != REG_ZERO) {
			base = em_use(e, in->base, H_T0);
		}
		if (in->index != REG_ZERO)
			index = em_use(e, in->index, H_T1);
		bool cut = !e->code64 || (in->flags & I_A32);
		em_rm(e, (struct enc) { .op = 0x8d, .size = cut && size > 4 ? 4 : size, .reg = to }, base, index, in->scale, (int32_t)disp);
		if ((in->flags & I_A16) && size > 2)
			em_rr(e, (struct enc) { .op = 0x0fb7, .size = 4, .reg = to }, to);
	}
}

void em_address(struct em *e, const struct ji *i)
{
	const struct insn *in = &i->in;
	em_lea(e, i, H_T0, 8);
	if (e->code64 && (in->sg == SEG_FS || in->sg == SEG_GS))
		em_env(e, (struct enc) { .op = 0x03, .size = 8, .reg = H_T0 },
			(uint32_t)(offsetof(struct cpu, seg) + in->sg * sizeof(struct segreg) + offsetof(struct segreg, base)));
}

#define ENV(f) (uint32_t)offsetof(struct cpu, jit.f)
/* Slots for reading have even numbers, those for writing odd ones. */
enum { RUN_EVERY = 16, SLOT_POP = 0, SLOT_PUSH, SLOT_CPU_READ, SLOT_CPU_WRITE, SLOT_OTHERS, SITE_SLOTS = JIT_SLOTS - JIT_GROUP_SLOTS,
	LIMIT_OFF = offsetof(struct jit_env, limit) - offsetof(struct jit_env, base), DELTA_OFF = offsetof(struct jit_env, delta) - offsetof(struct jit_env, base) };

_Static_assert(SLOT_OTHERS % 2 == 0 && JIT_SLOTS % 2 == 0 && JIT_GROUP_SLOTS % 2 == 0, "slots come in pairs");

unsigned em_next_slot(unsigned *next, unsigned first, unsigned behind, bool write)
{
	return first + 2 * ((*next)++ % ((behind - first) / 2)) + write;
}

/* What a site probably shares its memory with: the stack, or what the same register points at in this block.  Blocks take their slots in turn, so
 * that the ones of a loop, which are translated together, do not meet. */
static unsigned slot_of(struct em *e, const struct ji *i, bool write, bool stack, bool own)
{
	if (stack)
		return write ? SLOT_PUSH : SLOT_POP;
	if (own)
		return write ? SLOT_CPU_WRITE : SLOT_CPU_READ;
	uint8_t *slot = &e->slots[i->in.base][write];
	if (!*slot)
		*slot = (uint8_t)em_next_slot(&e->j->next_slot[write], SLOT_OTHERS, SITE_SLOTS, write);
	return *slot;
}

/* r9: linear address in, that less the page's out, r10 = the TLB's entry.  Returns the rel32 of the way out where there is no plain memory. */
uint8_t *em_check_tlb_entry(struct em *e, unsigned size, bool write)
{
	int32_t tag = write ? offsetof(struct tlb_entry, tag_w) : offsetof(struct tlb_entry, tag_r);
	if (e->j->host_has & HOST_BMI) {
		em_opcode(e, &(struct opcode) { .vex = true, .map = 3, .pp = 3, .op = 0xf0 }, H_T1, H_T0);      /* rorx r10d, r9d, */
		em8(e, 0xc0 | (H_T1 & 7) << 3 | (H_T0 & 7)), em8(e, PAGE_SHIFT - 5);    /* 32 bytes an entry */
	} else {
		em_rr(e, (struct enc) { .op = 0x8b, .size = 4, .reg = H_T1 }, H_T0);
		em_rr(e, (struct enc) { .op = 0xc1, .size = 4, .reg = 5 }, H_T1), em8(e, PAGE_SHIFT - 5);       /* shr */
	}
	em_rr(e, (struct enc) { .op = 0x81, .size = 4, .reg = 4 }, H_T1);
	em32(e, (TLB_CODE - 1) << 5);
	em_env(e, (struct enc) { .op = 0x03, .size = 8, .reg = H_T1 }, offsetof(struct cpu, tlb));
	em_room_wide(e, 0x3e, tag ? 4 : 3, CMP_IMM_SIZE + JCC_SIZE);
	em_rm(e, (struct enc) { .op = 0x33, .size = 8, .reg = H_T0 }, H_T1, NO_REG, 0, tag);
	em_rr(e, (struct enc) { .op = 0x81, .size = 8, .reg = 7 }, H_T0);
	em32(e, PAGE_SIZE - size);
	return em_jcc(e, 0x87);                                                 /* ja */
}

/* What is checked: at->base is r9 when the address is there, which becomes the host's; else r9 becomes what is to be added. */
static const struct mem_op in_r9 = { H_T0, NO_REG, 0 };
static void load_address(struct em *e, const struct mem_op *at, unsigned to, int more /* bytes further on */)
{
	if (!(at->disp + more)) {
		em_mov(e, to, at->base);
		return;
	}
	em_rm(e, (struct enc) { .op = 0x8d, .size = 8, .reg = to }, at->base, NO_REG, 0, at->disp + more);
}

/* The same, but the host address out. */
uint8_t *em_check_tlb(struct em *e, unsigned size, bool write)
{
	int32_t tag = write ? offsetof(struct tlb_entry, tag_w) : offsetof(struct tlb_entry, tag_r);
	uint8_t *out = em_check_tlb_entry(e, size, write);
	em_rm(e, (struct enc) { .op = 0x03, .size = 8, .reg = H_T0 }, H_T1, NO_REG, 0, tag);
	em_rm(e, (struct enc) { .op = 0x03, .size = 8, .reg = H_T0 }, H_T1, NO_REG, 0, offsetof(struct tlb_entry, addend));
	return out;
}

/* r9 = linear address of what is at r9 in a segment, of `size` bytes; `wide`: r9 may have more than 16 bits.  What its limit or, in protected mode, its
 * rights do not allow is the interpreter's, and so is what grows down.  Real mode does not look at rights. */
static void check_segment(struct em *e, struct stub *s, unsigned sg, unsigned size, bool write, bool wide)
{
	enum { RIGHTS = ATTR_P | ATTR_S | TYPE_CODE, GROWS_DOWN = TYPE_CONFORM };
	uint32_t at = (uint32_t)(offsetof(struct cpu, seg) + sg * sizeof(struct segreg)), limit = at + (uint32_t)offsetof(struct segreg, limit),
		attr = at + (uint32_t)offsetof(struct segreg, attr);
	if (wide) {
		em_env(e, (struct enc) { .op = 0x8b, .size = 4, .reg = H_T1 }, limit);
		if (size > 1)
			em_rr(e, (struct enc) { .op = 0x83, .size = 8, .reg = 5 }, H_T1), em8(e, size - 1);     /* sub */
		em_rr(e, (struct enc) { .op = 0x3b, .size = 8, .reg = H_T1 }, H_T0);
		em8(e, 0x0f), em8(e, 0x8c);                                     /* jl */
	} else {
		if (size > 1)
			em_rm(e, (struct enc) { .op = 0x8d, .size = 4, .reg = H_T1 }, H_T0, NO_REG, 0, (int32_t)size - 1);
		em_env(e, (struct enc) { .op = 0x3b, .size = 4, .reg = size > 1 ? H_T1 : H_T0 }, limit);
		em8(e, 0x0f), em8(e, 0x87);                                     /* ja */
	}
	s->also[0] = e->p;
	em32(e, 0);
	if (e->c->mode & M_PE) {
		unsigned rights = sg == SEG_CS ? RIGHTS | TYPE_WRITE : RIGHTS | GROWS_DOWN | (write ? TYPE_WRITE : 0);
		unsigned want = sg == SEG_CS ? RIGHTS | TYPE_WRITE /* may be read */ : ATTR_P | ATTR_S | (write ? TYPE_WRITE : 0);
		em_env(e, (struct enc) { .op = 0x0fb6, .size = 4, .reg = H_T1 }, attr);
		em_rr(e, (struct enc) { .op = 0x81, .size = 4, .reg = 4 }, H_T1), em32(e, rights);
		em_rr(e, (struct enc) { .op = 0x81, .size = 4, .reg = 7 }, H_T1), em32(e, want | (sg == SEG_CS && write ? 0x100 : 0));
	} else {
		em_env(e, (struct enc) { .op = 0xf6, .size = 4, .reg = 0 }, attr), em8(e, GROWS_DOWN);
	}
	em8(e, 0x0f), em8(e, 0x85);                                             /* jne */
	s->also[1] = e->p;
	em32(e, 0);
	em_env(e, (struct enc) { .op = 0x03, .size = 4, .reg = H_T0 }, at + (uint32_t)offsetof(struct segreg, base));
}

/* ---- stores beside code ---------------------------------------------------------------------------------------------------------------
 * A page with code has no write tag, and to look whether a store hits the code was the interpreter's.  But 16-bit programs have their stack and
 * data in the same pages as their code; so there it is looked up here.  One CPU only: then nobody marks lines meanwhile. */

enum { NEAR_CODE_MAX = 8 /* bytes */ };
static bool may_be_near_code(const struct em *e, unsigned size)
{
	const struct machine *m = e->c->machine;
	return e->segments && size <= NEAR_CODE_MAX && m->n_cpus == 1 && m->opt->maxcpus <= 1;
}

/* Out of line: r9 and r10 as em_check_tlb_entry leaves them where it finds no tag. */
void em_near_code(struct em *e, const struct stub *s)
{
	em_rm(e, (struct enc) { .op = 0x33, .size = 8, .reg = H_T0 }, H_T1, NO_REG, 0, offsetof(struct tlb_entry, tag_w));      /* the address again */
	em8(e, 0xe8), em_rel32(e, e->j->near_code);
	em8(e, 0x0f), em8(e, 0x83), em_rel32(e, s->plain);                      /* jnc */
}

/* r9 = host address of what lies there, which may be written to as mmu.c's put_piece() would without more ado: the page may be written and is dirty, and
 * none of the lines is code.  Else CF. */
static void make_near_code(struct em *e)
{
	const struct ram_arena *ram = &e->c->machine->ram;
	uint8_t *fail[5];
	unsigned n = 0;
	e->j->near_code = e->p;
	em8(e, 0x50), em8(e, 0x51);                                             /* push rax, rcx */
	em_mov(e, RAX, H_T0);
	em_rm(e, (struct enc) { .op = 0x33, .size = 8, .reg = RAX }, H_T1, NO_REG, 0, offsetof(struct tlb_entry, tag_r));
	em8(e, 0x48), em8(e, 0x3d), em32(e, PAGE_SIZE - NEAR_CODE_MAX);         /* cmp rax, */
	em8(e, 0x77), fail[n++] = e->p++;                                       /* ja */
	em_mov(e, RCX, H_T1);
	em_env(e, (struct enc) { .op = 0x2b, .size = 8, .reg = RCX }, offsetof(struct cpu, tlb));
	em_rr(e, (struct enc) { .op = 0xc1, .size = 8, .reg = 5 }, RCX), em8(e, 5);     /* shr: 32 bytes an entry */
	em_env(e, (struct enc) { .op = 0x03, .size = 8, .reg = RCX }, offsetof(struct cpu, tlb));
	em_rm(e, (struct enc) { .op = 0xf6, .size = 4, .reg = 0 }, RCX, NO_REG, 0, offsetof(struct tlb, info)), em8(e, TI_WRITABLE);
	em8(e, 0x74), fail[n++] = e->p++;                                       /* jz */
	em_mov(e, RAX, H_T0);
	em_rm(e, (struct enc) { .op = 0x03, .size = 8, .reg = RAX }, H_T1, NO_REG, 0, offsetof(struct tlb_entry, addend));
	em_mov(e, RCX, RAX);
	em_imm64(e, H_T1, (uintptr_t)ram->host);
	em_rr(e, (struct enc) { .op = 0x2b, .size = 8, .reg = RCX }, H_T1);
	em_rr(e, (struct enc) { .op = 0xc1, .size = 8, .reg = 5 }, RCX), em8(e, PAGE_SHIFT);
	em_imm64(e, H_T1, (uintptr_t)ram->dirty);
	em_rm(e, (struct enc) { .op = 0x80, .size = 1, .reg = 7, .digit = true }, H_T1, RCX, 0, 0), em8(e, DIRTY_VGA | DIRTY_MIGRATE);  /* cmp */
	em8(e, 0x75), fail[n++] = e->p++;                                       /* jne */
	em_imm64(e, H_T1, (uintptr_t)ram->code_lines);
	em_rm(e, (struct enc) { .op = 0x8b, .size = 8, .reg = H_T1 }, H_T1, RCX, 3, 0);
	for (unsigned last = 0; last < 2; last++) {
		em_rm(e, (struct enc) { .op = 0x8d, .size = 4, .reg = RCX }, H_T0, NO_REG, 0, last ? NEAR_CODE_MAX - 1 : 0);
		em_rr(e, (struct enc) { .op = 0xc1, .size = 4, .reg = 5 }, RCX), em8(e, 6);
		em_rr(e, (struct enc) { .op = 0x0fa3, .size = 8, .reg = RCX }, H_T1);   /* bt */
		em8(e, 0x72), fail[n++] = e->p++;                               /* jc */
	}
	em_mov(e, H_T0, RAX);
	em8(e, 0x59), em8(e, 0x58), em8(e, 0xc3);                               /* pop, pop, ret; CF is 0 */
	while (n--)
		*fail[n] = (uint8_t)(e->p - fail[n] - 1);
	em8(e, 0x59), em8(e, 0x58), em8(e, 0xf9), em8(e, 0xc3);                 /* pop, pop, stc, ret */
}

/* FS and GS of other 32-bit code, and CS, by way of which nothing may be written, are looked at as segments are. */
static bool in_segment(const struct em *e, unsigned sg) { return e->segments || (!e->code64 && (sg == SEG_FS || sg == SEG_GS || sg == SEG_CS)); }

/* What a kernel keeps for each CPU, or a program for each thread: 64-bit systems have their ways, 32-bit ones differ. */
static bool is_own(const struct em *e, const struct ji *i, unsigned sg)
{
	if (e->code64)
		return i->in.rm == RM_MEM && sg == (e->user ? SEG_FS : SEG_GS);
	return !e->segments && (sg == SEG_FS || sg == SEG_GS);
}

/* Flags and r10 are lost; what is live must have been saved.  What is no plain memory leads to the interpreter, before anything was changed.  Stack
 * accesses, those by way of GS (FS at CPL 3; 32-bit code: both) and those of loops have a slot, and memory outside its range is looked up out of line (em_stubs);
 * elsewhere there are too many sites for the slots, and each looks in the TLB. */
static void check(struct em *e, const struct ji *i, const struct mem_op *at, unsigned size, bool write, bool stack, unsigned sg)
{
	struct stub *s = em_stub(e, i->ends ? STUB_INTERP : STUB_STEP, i);
	s->size = (uint8_t)size;
	s->write = write;
	if (in_segment(e, sg))
		check_segment(e, s, sg, size, write, stack ? e->sp_size == 4 : !(i->in.flags & I_A16));
	bool own = !stack && is_own(e, i, sg);
	if (size > JIT_ACCESS_MAX || !((stack && !e->other_stack) || own || (e->ranges && !em_probed(e, i)))) {
		if (at->base == H_T0) {
			s->from = em_check_tlb(e, size, write);
			s->plain = write && may_be_near_code(e, size) ? e->p : NULL;
			return;
		}
		load_address(e, at, H_T0, 0);
		s->from = em_check_tlb_entry(e, size, write);
		em_rm(e, (struct enc) { .op = 0x8b, .size = 8, .reg = H_T0 }, H_T1, NO_REG, 0, offsetof(struct tlb_entry, addend));
		return;
	}
	stack &= !e->other_stack;
	uint32_t n = 8 * slot_of(e, i, write, stack, own);
	load_address(e, at, H_T1, stack ? (int)size - 1 : 0);
	em_room_wide(e, 0x3e, CMP_ENV_SIZE, CMP_ENV_SIZE + JCC_SIZE);
	em_env(e, (struct enc) { .op = 0x2b, .size = 8, .reg = H_T1 }, ENV(base[e->user]) + n);
	em_env(e, (struct enc) { .op = 0x3b, .size = 8, .reg = H_T1 }, ENV(limit[e->user]) + n);
	s->from = em_jcc(e, 0x83);                                              /* jae */
	em_env(e, (struct enc) { .op = at->base == H_T0 ? 0x03 : 0x8b, .size = 8, .reg = H_T0 }, ENV(delta[e->user]) + n);
	s->checked = e->p;
	s->plain = write && may_be_near_code(e, size) ? e->p : NULL;
	s->at = *at;
	s->base = ENV(base[e->user]) + n;
	s->stack = stack || own;
	s->last = stack;
}

static bool may_be_stack(const struct ji *i) { return i->in.rm != RM_MEM || i->in.base == RSP; }
void em_check(struct em *e, const struct ji *i, unsigned size, bool write)
{
	bool stack = e->segments ? i->in.sg >= SEG_NULL : !(i->in.flags & I_SEGCHK) && may_be_stack(i);
	check(e, i, &in_r9, size, write, stack, stack ? SEG_SS : i->in.sg);
}
void em_check_stack(struct em *e, const struct ji *i, unsigned size, bool write) { check(e, i, &in_r9, size, write, true, SEG_SS); }
void em_check_in(struct em *e, const struct ji *i, unsigned sg, unsigned size, bool write) { check(e, i, &in_r9, size, write, false, sg); }

/* The slot's place goes there in a register: what comes next reads the slot, and would wait for a store whose address had to be loaded. */
static void call_refill(struct em *e, uint32_t base, const uint8_t *refill)
{
	em8(e, 0x50);                                                           /* push rax */
	em8(e, 0xb8 + RAX), em32(e, base);
	em8(e, 0xe8), em_rel32(e, refill);
	em8(e, 0x58);
}

void em_refill(struct em *e, const struct stub *s, uint32_t base, const uint8_t *refill, bool counted)
{
	if (!counted || s->slot >= PROBED_SLOTS) {
		call_refill(e, base, refill);
		em8(e, 0xe9), em_rel32(e, s->checked);
		return;
	}
	uint8_t *site = &e->site[s->slot];
	if (!*site)
		*site = (uint8_t)(1 + e->j->next_site++ % (JIT_SITES - 1));
	em_env(e, (struct enc) { .op = 0x80, .size = 1, .reg = 0, .digit = true }, ENV(wrong) + *site), em8(e, 1);
	em8(e, 0x72);                                                           /* jc */
	uint8_t *often = e->p++;
	call_refill(e, base, refill);
	em8(e, 0xe9), em_rel32(e, s->checked);
	*often = (uint8_t)(e->p - often - 1);
	em_leave_from(e, s->slot, s->before)->site = *site;
}

/* Out of line: the TLB knows the range. */
void em_other_range(struct em *e, const struct stub *s)
{
	uint8_t *miss;
	if (s->at.base == H_T0) {
		miss = em_check_tlb(e, s->size, s->write);
	} else {
		load_address(e, &s->at, H_T0, 0);
		miss = em_check_tlb_entry(e, s->size, s->write);
		em_rm(e, (struct enc) { .op = 0x8b, .size = 8, .reg = H_T0 }, H_T1, NO_REG, 0, offsetof(struct tlb_entry, addend));
	}
	em_refill(e, s, s->base, e->j->refill[e->user][s->write][false][s->last], !s->stack);
	em_patch(miss, e->p);
}

struct mem_op em_mem_in_reg(struct em *e, struct mem_op m)
{
	if (m.index != NO_REG || m.disp)
		em_rm(e, (struct enc) { .op = 0x8d, .size = 8, .reg = H_T0 }, m.base, m.index, 0, m.disp);
	return (struct mem_op) { H_T0, NO_REG, 0 };
}

/* It has been checked: add what the check found. */
static struct mem_op grouped(struct em *e, const struct ji *i)
{
	const struct access *a = &i->mem;
	uint32_t delta = e->groups[i->group - 1].delta;
	if (a->index == REG_ZERO && !in_env(a->base)) {
		if (e->p == e->groups[i->group - 1].in_r10)
			em_mov(e, H_T0, H_T1);
		else if (e->delta != delta)
			em_load_env(e, H_T0, delta);
		e->delta = delta;
		return (struct mem_op) { H_T0, (uint8_t)host_of(a->base), (int32_t)a->disp };
	}
	unsigned base = em_use(e, a->base, H_T0), index = a->index == REG_ZERO ? NO_REG : em_use(e, a->index, H_T1);
	em_rm(e, (struct enc) { .op = 0x8d, .size = 8, .reg = H_T0 }, base, index, a->scale, (int32_t)a->disp);
	em_load_env(e, H_T1, delta);
	return em_mem_in_reg(e, (struct mem_op) { H_T0, H_T1, 0 });
}

/* An operand with a base alone: the address does not have to wait for the check. */
static struct mem_op checked(struct em *e, const struct ji *i, unsigned base, int32_t disp, unsigned size, bool write)
{
	struct mem_op at = { (uint8_t)host_of(base), NO_REG, disp };
	check(e, i, &at, size, write, may_be_stack(i), SEG_NULL);
	return (struct mem_op) { H_T0, at.base, disp };
}

struct mem_op em_memory(struct em *e, const struct ji *i, unsigned size, bool write)
{
	const struct insn *in = &i->in;
	bool plain = e->code64 && in->rm == RM_MEM && in->base < REG_ZERO && in->index <= REG_ZERO && !(in->flags & I_A32) && in->sg != SEG_FS &&
		in->sg != SEG_GS;
	if (e->note)
		*e->note = (struct access) { .base = in->base, .index = in->index, .scale = in->scale, .size = (uint8_t)size, .write = write, .disp = in->disp,
			.known = plain && size <= JIT_ACCESS_MAX };
	if (i->group)
		return grouped(e, i);
	em_flags_clobber(e, i->live_in);
	if (plain && in->index == REG_ZERO && !in_env(in->base) && in->disp <= INT32_MAX - JIT_ACCESS_MAX)
		return checked(e, i, in->base, in->disp, size, write);
	em_address(e, i);
	em_check(e, i, size, write);
	return in_r9;
}

void em_stack_address(struct em *e, unsigned base, int32_t disp)
{
	em_rm(e, (struct enc) { .op = 0x8d, .size = e->code64 ? 8 : 4, .reg = H_T0 }, host_of(base), NO_REG, 0, disp);
	if (e->sp_size == 2)
		em_rr(e, (struct enc) { .op = 0x0fb7, .size = 4, .reg = H_T0 }, H_T0);
}

struct mem_op em_stack_memory(struct em *e, const struct ji *i, unsigned base, int32_t disp, unsigned size, bool write)
{
	if (e->note)
		*e->note = (struct access) { .base = (uint8_t)base, .index = REG_ZERO, .size = (uint8_t)size, .write = write, .disp = disp, .known = e->code64 };
	if (i->group)
		return grouped(e, i);
	em_flags_clobber(e, i->live_in);
	if (e->code64)
		return checked(e, i, base, disp, size, write);
	em_stack_address(e, base, disp);
	check(e, i, &in_r9, size, write, e->segments || may_be_stack(i), SEG_SS);
	return in_r9;
}

/* ---- common pieces ------------------------------------------------------------------------------------------------------------------- */

/* As an instruction of the interpreter, so that it runs as those do. */
static const struct insn *find_run(struct cpu *c, const struct insn *i)
{
	tlb_find_run(c, (struct tlb_entry *)c->jit.entry, i->imm);
	return i + 1;
}

/* Called with r9 = host address, r10 = TLB entry, eax = place of the slot's base, guest's rax on the stack.  All but r10 and the flags are kept. */
static void make_refill(struct em *e, unsigned user, bool write, bool group, bool last)
{
	int32_t run = offsetof(struct tlb, run);
	int32_t start = run + (int)(write ? offsetof(struct tlb_run, start_w) : offsetof(struct tlb_run, start_r));
	int32_t limit = run + (int)(write ? offsetof(struct tlb_run, limit_w) : offsetof(struct tlb_run, limit_r));
	int more = !last ? 0 : (group ? JIT_GROUP_MAX : JIT_ACCESS_MAX) - 1;
	const struct enc to_rcx = { .op = 0x8b, .size = 8, .reg = RCX }, from_rcx = { .op = 0x89, .size = 8, .reg = RCX },
		more_rcx = { .op = 0x8d, .size = 8, .reg = RCX };
	struct insn *ask = e->j->find_run[write];
	ask[0] = (struct insn) { .fn = find_run, .imm = write };
	ask[1] = (struct insn) { .fn = op_jit_end };
	uint8_t *again = e->p;
	e->j->refill[user][write][group][last] = e->p;
	em8(e, 0x51);                                                           /* push rcx */
	em_rm(e, to_rcx, H_T1, NO_REG, 0, start);
	em_env(e, (struct enc) { .op = 0x33, .size = 8, .reg = RCX }, ENV(epoch[0]));
	em8(e, 0x79);                                                           /* jns */
	uint8_t *low = e->p++;
	em_env(e, (struct enc) { .op = 0x33, .size = 8, .reg = RCX }, ENV(epoch[0]));
	em_env(e, (struct enc) { .op = 0x33, .size = 8, .reg = RCX }, ENV(epoch[1]));
	*low = (uint8_t)(e->p - low - 1);
	em_rr(e, (struct enc) { .op = 0xf7, .size = 4, .reg = 0 }, RCX), em32(e, PAGE_SIZE - 1);
	em8(e, 0x75);
	uint8_t *old = e->p++;
	em_rm(e, more_rcx, RCX, NO_REG, 0, more);
	em8(e, 0x65), em_rm(e, from_rcx, RAX, NO_REG, 0, 0);
	em_rm(e, to_rcx, H_T1, NO_REG, 0, limit);
	uint8_t *fill = e->p;
	if (group)
		em_rm(e, more_rcx, RCX, NO_REG, 0, JIT_ACCESS_MAX - JIT_GROUP_MAX);
	em8(e, 0x65), em_rm(e, from_rcx, RAX, NO_REG, 0, LIMIT_OFF);
	em_rm(e, to_rcx, H_T1, NO_REG, 0, offsetof(struct tlb_entry, addend));
	em8(e, 0x65), em_rm(e, from_rcx, RAX, NO_REG, 0, DELTA_OFF);
	em8(e, 0x59), em8(e, 0xc3);                                             /* pop, ret */
	/* No run is known: the page alone, but every few times look for one. */
	*old = (uint8_t)(e->p - old - 1);
	em_env(e, (struct enc) { .op = 0x80, .size = 1, .reg = 0, .digit = true }, ENV(run_turn)), em8(e, 256 / RUN_EVERY);
	em8(e, 0x72);                                                           /* jc */
	uint8_t *look = e->p++;
	em_rm(e, to_rcx, H_T1, NO_REG, 0, write ? offsetof(struct tlb_entry, tag_w) : offsetof(struct tlb_entry, tag_r));
	em_rm(e, more_rcx, RCX, NO_REG, 0, more);
	em8(e, 0x65), em_rm(e, from_rcx, RAX, NO_REG, 0, 0);
	em_imm64(e, RCX, PAGE_SIZE - JIT_ACCESS_MAX + 1);
	em8(e, 0xe9), em_rel32(e, fill);
	*look = (uint8_t)(e->p - look - 1);
	em_env(e, (struct enc) { .op = 0x89, .size = 4, .reg = RAX }, ENV(slot));
	em8(e, 0x59);
	em_rm(e, (struct enc) { .op = 0x8b, .size = 8, .reg = RAX }, RSP, NO_REG, 0, 8);
	em_store_env(e, H_T0, ENV(host));
	em_store_env(e, H_T1, ENV(entry));
	em_imm64(e, H_T1, (uintptr_t)ask);
	em8(e, 0xe8), em_rel32(e, e->j->step);
	em_load_env(e, H_T0, ENV(host));
	em_load_env(e, H_T1, ENV(entry));
	em_env(e, (struct enc) { .op = 0x8b, .size = 4, .reg = RAX }, ENV(slot));
	em8(e, 0xe9), em_rel32(e, again);
}

void mem_make_common(struct em *e)
{
	group_make_common(e);
	make_near_code(e);
	for (unsigned write = 0; write < 2; write++) {
		for (unsigned user = 0; user < 2; user++)
			for (unsigned n = 0; n < 4; n++)
				make_refill(e, user, write, n & 1, n >> 1);
	}
}

void em_check_aligned(struct em *e, const struct ji *i, unsigned size)
{
	em8(e, 0x41), em8(e, 0xf6), em8(e, 0xc0 | (H_T0 & 7)), em8(e, size - 1);        /* test r9b, */
	em_jump_out(e, 0x85, STUB_STEP, i);
}
