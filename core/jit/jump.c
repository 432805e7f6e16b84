/* jump.c - finding code by its address: indirect jumps, jumps to other pages (those of a kernel once they are known: far.c), returns.
 *
 * Each such jump looks rip up in jit_env.cache, by address and with a jump of its own, which the host predicts well.  What is not in
 * there is looked up by physical address and mode (common piece), what is not there either is the dispatcher's.
 *
 * A call pushes the guest's return address on the return stack, where rsp points, and is a host call; a return is a host return, so
 * that the host's prediction works.  It comes out behind the call, where the two addresses are compared.  Entries can be missing
 * (after a reset the lowest one leads to the look-up) or too many; then a few more are compared, and what does not match is looked up.
 * Code in segments does all this by linear address.
 * Entries hold for one mode, as long as the mappings and the code do: all are dropped then.  C functions never run on this stack. */
#include "core/jit/emit.h"
#include <string.h>
#include <sys/mman.h>

enum { STACK_SIZE = 128 << 10, STACK_SPARE = 32 << 10 /* a signal's frame, too */, SENTINELS = 8,
	CODE_OFF = TLB_CODE * (int)sizeof(struct tlb_entry) };
#define ENV(f) (uint32_t)offsetof(struct cpu, jit.f)

/* ---- emission ------------------------------------------------------------------------------------------------------------------------ */

void em_count(struct em *e, unsigned insns)
{
	if (!e->j->counts)
		return;
	uint32_t at = ENV(icount[0]) + 8 * (e->j->n_blocks % JIT_COUNTERS);
	_Static_assert(2 * BLOCK_MAX < 128, "a byte, and positive");
	em_env(e, (struct enc) { .op = 0x83, .size = 8, .reg = 0 }, at), em8(e, insns);
}

static void jcc(struct em *e, unsigned op, const uint8_t *to)
{
	em_patch(em_jcc(e, op), to);
}

/* op [gs: r10 * 8 + off] */
static void by_index(struct em *e, struct enc x, uint32_t off)
{
	em8(e, 0x65);
	em_rm(e, x, NO_REG, H_T1, 3, (int32_t)off);
}

enum { CACHE_MASK = 2 * (JIT_CACHE_SIZE - 1), CODE_BEHIND = 8 };
/* r10 = place of rip r9 in the cache: an even number, as key and code lie side by side. */
static void hash(struct em *e)
{
	em_mov(e, H_T1, H_T0);
	em_rr(e, (struct enc) { .op = 0xc1, .size = 8, .reg = 5 }, H_T1), em8(e, PAGE_SHIFT);
	em_rr(e, (struct enc) { .op = 0x33, .size = 4, .reg = H_T1 }, H_T0);
	em_room_wide(e, 0x3e, CMP_IMM_SIZE, INDEXED_SIZE + JCC_SIZE);
	em_rr(e, (struct enc) { .op = 0x81, .size = 4, .reg = 4 }, H_T1), em32(e, CACHE_MASK);
}
static unsigned hash_of(uint64_t rip) { return (unsigned)(rip ^ rip >> PAGE_SHIFT) & CACHE_MASK; }
/* No rip with this place has this key. */
static uint64_t no_key(unsigned place) { return place == hash_of(~UINT64_C(0)) ? 2 : ~UINT64_C(0); }
_Static_assert(JIT_CACHE_BITS < (int)PAGE_SHIFT + 1, "the places of ~0 and 2 are 0 and 2");

/* r9 = linear address of the code that is gone to: set the page; leave where it does not end below the limit. */
static void enter_page(struct em *e, unsigned direct)
{
	em_rr(e, (struct enc) { .op = 0x81, .size = 4, .reg = 4 }, H_T0), em32(e, PAGE_SIZE - 1);
	em_rr(e, (struct enc) { .op = 0xf7, .size = 8, .reg = 3 }, H_T0);               /* neg */
	em_env(e, (struct enc) { .op = 0x03, .size = 8, .reg = H_T0 }, ENV(tmp));
	em_env(e, (struct enc) { .op = 0x3b, .size = 8, .reg = H_T0 }, ENV(page_max));
	jcc(e, 0x8f, e->j->out_seg[direct]);
	em_store_env(e, H_T0, ENV(page));
}

void em_linear(struct em *e)
{
	em_store_env(e, H_T0, ENV(tmp));
	em_env(e, (struct enc) { .op = 0x03, .size = 4, .reg = H_T0 }, (uint32_t)(offsetof(struct cpu, seg[SEG_CS]) + offsetof(struct segreg, base)));
}

void em_jump(struct em *e, bool poll, bool direct)
{
	const uint8_t *miss = (e->segments ? e->j->jump_seg : e->j->jump_common)[e->user][direct];
	if (e->segments)
		em_linear(e);
	if (poll)
		em_patch(em_poll(e), miss);
	hash(e);
	by_index(e, (struct enc) { .op = 0x3b, .size = 8, .reg = H_T0 }, ENV(cache[e->user]));
	jcc(e, 0x85, miss);
	if (e->segments) {
		enter_page(e, direct);
	} else {
		em_rr(e, (struct enc) { .op = 0x81, .size = 8, .reg = 4 }, H_T0), em32(e, (uint32_t)-PAGE_SIZE);
		em_room_wide(e, 0x3e, CMP_ENV_SIZE, CMP_ENV_SIZE);
		em_store_env(e, H_T0, ENV(page));
	}
	em_room(e, INDEXED_SIZE);
	by_index(e, (struct enc) { .op = 0xff, .size = 4, .reg = 4 }, ENV(cache[e->user]) + CODE_BEHIND);
}

void em_load_target(struct em *e, int64_t target, bool falls)
{
	em_load_env(e, H_T0, ENV(page));
	em_rm(e, (struct enc) { .op = 0x8d, .size = e->code64 ? 8 : 4, .reg = H_T0 }, H_T0, NO_REG, 0, (int32_t)target);
	if (e->op_size == 2 && !falls)
		em_rr(e, (struct enc) { .op = 0x0fb7, .size = 4, .reg = H_T0 }, H_T0);
}

void em_jump_far(struct em *e, int64_t target, bool poll, bool falls)
{
	if (em_far(e, target, poll))
		return;
	em_load_target(e, target, falls);
	em_jump(e, poll, true);
}

void em_return(struct em *e)
{
	em_room(e, 1);
	em8(e, 0xc3);
}

uint8_t *em_call_begin(struct em *e)
{
	em_room(e, CMP_ENV_SIZE + 2);
	em_env(e, (struct enc) { .op = 0x3b, .size = 8, .reg = RSP }, ENV(lowest[e->user]));
	em8(e, 0x73);
	uint8_t *room = e->p++;
	em_load_env(e, RSP, ENV(top[e->user]));
	*room = (uint8_t)(e->p - room - 1);
	em8(e, 0x41), em8(e, 0x52);                             /* push r10 */
	em_room(e, JMP_SIZE);
	em8(e, 0xe8);
	em32(e, 0);
	return e->p - 4;
}

void em_landing(struct em *e, unsigned off)
{
	em_rm(e, (struct enc) { .op = 0x3b, .size = 8, .reg = H_T0 }, RSP, NO_REG, 0, 0);
	em_rm(e, (struct enc) { .op = 0x8d, .size = 8, .reg = RSP }, RSP, NO_REG, 0, 8);
	jcc(e, 0x85, (e->segments ? e->j->ret_miss_seg : e->j->ret_miss)[e->user]);
	if (e->segments) {
		em_load_env(e, H_T1, ENV(tmp));
		em_rm(e, (struct enc) { .op = 0x8d, .size = 8, .reg = H_T1 }, H_T1, NO_REG, 0, -(int32_t)off);
		em_env(e, (struct enc) { .op = 0x3b, .size = 8, .reg = H_T1 }, ENV(page_max));
		jcc(e, 0x8f, e->j->out_seg[false]);
		em_store_env(e, H_T1, ENV(page));
		return;
	}
	em_rm(e, (struct enc) { .op = 0x8d, .size = e->code64 ? 8 : 4, .reg = H_T1 }, H_T0, NO_REG, 0, -(int32_t)off);
	em_store_env(e, H_T1, ENV(page));
}

/* ---- common pieces ------------------------------------------------------------------------------------------------------------------- */

static void push_host(struct em *e, unsigned r) { em8(e, 0x50 | r); }
static void pop_host(struct em *e, unsigned r) { em8(e, 0x58 | r); }

/* rax = key of the code at r9 in the table by physical address, r10 its slot.  seg: as for make_jump; *miss: to patch. */
static void find_by_address(struct em *e, bool seg, uint8_t *miss[2])
{
	em_rr(e, (struct enc) { .op = 0x8b, .size = 4, .reg = H_T1 }, H_T0);
	em_rr(e, (struct enc) { .op = 0xc1, .size = 4, .reg = 5 }, H_T1), em8(e, PAGE_SHIFT - 5);
	em_rr(e, (struct enc) { .op = 0x81, .size = 4, .reg = 4 }, H_T1), em32(e, (TLB_CODE - 1) << 5);
	em_env(e, (struct enc) { .op = 0x03, .size = 8, .reg = H_T1 }, offsetof(struct cpu, tlb));
	em_mov(e, RAX, H_T0);
	em_rm(e, (struct enc) { .op = 0x33, .size = 8, .reg = RAX }, H_T1, NO_REG, 0, CODE_OFF + (int)offsetof(struct tlb_entry, tag_x));
	em8(e, 0x48), em8(e, 0x3d), em32(e, PAGE_SIZE);         /* cmp rax, */
	miss[0] = em_jcc(e, 0x83);
	em_env(e, (struct enc) { .op = 0x0fb7, .size = 4, .reg = RAX }, offsetof(struct cpu, mode));
	if (seg)
		em8(e, 0x0d), em32(e, M_SEGMENTS);              /* or eax, */
	em_rr(e, (struct enc) { .op = 0xc1, .size = 8, .reg = 4 }, RAX), em8(e, MODE_SHIFT);
	em_mov(e, RCX, H_T0);
	em_rm(e, (struct enc) { .op = 0x03, .size = 8, .reg = RCX }, H_T1, NO_REG, 0, CODE_OFF + (int)offsetof(struct tlb_entry, addend));
	em_rr(e, (struct enc) { .op = 0x0b, .size = 8, .reg = RAX }, RCX);
	em_mov(e, RCX, H_T0);
	em_rr(e, (struct enc) { .op = 0xc1, .size = 8, .reg = 5 }, RCX), em8(e, JIT_JUMP_SHIFT);
	em_rr(e, (struct enc) { .op = 0x33, .size = 4, .reg = RCX }, H_T0);
	em_rr(e, (struct enc) { .op = 0x81, .size = 4, .reg = 4 }, RCX), em32(e, JIT_JUMP_SIZE - 1);
	em_rr(e, (struct enc) { .op = 0xc1, .size = 4, .reg = 4 }, RCX), em8(e, 4);
	em_imm64(e, H_T1, (uintptr_t)e->j->jump);
	em_rr(e, (struct enc) { .op = 0x03, .size = 8, .reg = H_T1 }, RCX);
	em_rm(e, (struct enc) { .op = 0x3b, .size = 8, .reg = RAX }, H_T1, NO_REG, 0, offsetof(struct jit_slot, key));
	miss[1] = em_jcc(e, 0x85);
}

/* Code rcx for rip r9 into the cache, which is journalled, and its page into code_pages.  rax and r10 are lost. */
static void remember(struct em *e, unsigned user)
{
	hash(e);
	by_index(e, (struct enc) { .op = 0x89, .size = 8, .reg = H_T0 }, ENV(cache[user]));
	by_index(e, (struct enc) { .op = 0x89, .size = 8, .reg = RCX }, ENV(cache[user]) + CODE_BEHIND);
	em_env(e, (struct enc) { .op = 0x8b, .size = 4, .reg = RAX }, ENV(n_journal[user]));
	em8(e, 0x3d), em32(e, JIT_JOURNAL);                     /* cmp eax, */
	em8(e, 0x73);
	uint8_t *full = e->p++;
	em8(e, 0x65);
	em_rm(e, (struct enc) { .op = 0x89, .size = 2, .reg = H_T1 }, NO_REG, RAX, 1, (int32_t)ENV(journal[user]));
	em_env(e, (struct enc) { .op = 0xff, .size = 4, .reg = 0 }, ENV(n_journal[user]));
	*full = (uint8_t)(e->p - full - 1);
	em_mov(e, H_T1, H_T0);
	em_rr(e, (struct enc) { .op = 0xc1, .size = 8, .reg = 5 }, H_T1), em8(e, PAGE_SHIFT);
	em_rr(e, (struct enc) { .op = 0x81, .size = 4, .reg = 4 }, H_T1), em32(e, JIT_PAGE_BITS - 1);
	em_mov(e, RAX, H_T0);
	em_rr(e, (struct enc) { .op = 0xc1, .size = 8, .reg = 5 }, RAX), em8(e, 63);
	em_rr(e, (struct enc) { .op = 0xc1, .size = 4, .reg = 4 }, RAX), em8(e, PAGE_SHIFT);
	em_rr(e, (struct enc) { .op = 0x0b, .size = 4, .reg = H_T1 }, RAX);
	em_env(e, (struct enc) { .op = 0x0fab, .size = 8, .reg = H_T1 }, ENV(code_pages[user]));        /* bts */
}
_Static_assert(JIT_PAGE_BITS == 1 << PAGE_SHIFT, "half of the addresses << 12 | page number");

/* seg: for code in segments; then r9 is the linear address, jit.tmp is rip. */
static void make_jump(struct em *e, unsigned user, bool direct, bool seg)
{
	uint8_t *miss[3];
	(seg ? e->j->jump_seg : e->j->jump_common)[user][direct] = e->p;
	push_host(e, RAX), push_host(e, RCX);
	miss[2] = em_poll(e);
	find_by_address(e, seg, miss);
	em_rm(e, (struct enc) { .op = 0x8b, .size = 8, .reg = RCX }, H_T1, NO_REG, 0, offsetof(struct jit_slot, code));
	remember(e, user);
	if (!seg) {
		em_rr(e, (struct enc) { .op = 0x81, .size = 8, .reg = 4 }, H_T0), em32(e, (uint32_t)-PAGE_SIZE);
		em_store_env(e, H_T0, ENV(page));
	}
	em_mov(e, H_T1, RCX);
	pop_host(e, RCX), pop_host(e, RAX);
	if (seg)
		enter_page(e, direct);
	em8(e, 0x41), em8(e, 0xff), em8(e, 0xe0 | (H_T1 & 7));
	for (unsigned n = 0; n < 3; n++)
		em_patch(miss[n], e->p);
	pop_host(e, RCX), pop_host(e, RAX);
	if (!seg)
		em_store_env(e, H_T0, ENV(tmp));
	em_imm64(e, H_T1, (uintptr_t)&e->j->indirect[direct]);
	em8(e, 0xe9);
	em_rel32(e, e->j->leave);
}

static void make_out(struct em *e, bool direct)
{
	e->j->out_seg[direct] = e->p;
	em_imm64(e, H_T1, (uintptr_t)&e->j->indirect[direct]);
	em8(e, 0xe9);
	em_rel32(e, e->j->leave);
}

/* r9 = where the guest returns to; the entry that did not match has been popped. */
static void make_ret_miss(struct em *e, unsigned user, bool seg)
{
	enum { TRIES = 4 };
	(seg ? e->j->ret_miss_seg : e->j->ret_miss)[user] = e->p;
	for (int n = 0; n < TRIES; n++) {
		em_rm(e, (struct enc) { .op = 0x3b, .size = 8, .reg = H_T0 }, RSP, NO_REG, 0, 16 * n + 8);
		em8(e, 0x75);
		uint8_t *next = e->p++;
		em_rm(e, (struct enc) { .op = 0x8d, .size = 8, .reg = RSP }, RSP, NO_REG, 0, 16 * n);
		em8(e, 0xc3);
		*next = (uint8_t)(e->p - next - 1);
	}
	em8(e, 0xe9);
	em_rel32(e, (seg ? e->j->jump_seg : e->j->jump_common)[user][false]);
}

/* The stack's end.  Code in segments has a linear address in r9; there rip was noted. */
static void make_ret_empty(struct em *e, unsigned user)
{
	enum { FLAT32 = M_CS32 | M_SS32 | M_FLAT | M_PE };
	e->j->ret_empty[user] = e->p;
	em_load_env(e, RSP, ENV(top[user]));
	em_env(e, (struct enc) { .op = 0xf7, .size = 4, .reg = 0 }, offsetof(struct cpu, mode)), em32(e, M_CS64);
	jcc(e, 0x85, e->j->jump_common[user][false]);
	em_env(e, (struct enc) { .op = 0x0fb7, .size = 4, .reg = H_T1 }, offsetof(struct cpu, mode));
	em_rr(e, (struct enc) { .op = 0xf7, .size = 4, .reg = 2 }, H_T1);               /* not */
	em_rr(e, (struct enc) { .op = 0xf7, .size = 4, .reg = 0 }, H_T1), em32(e, FLAT32);
	jcc(e, 0x84, e->j->jump_common[user][false]);
	em8(e, 0xe9);
	em_rel32(e, e->j->jump_seg[user][false]);
}

void jump_make_common(struct em *e)
{
	for (unsigned direct = 0; direct < 2; direct++)
		make_out(e, direct);
	for (unsigned user = 0; user < 2; user++) {
		for (unsigned n = 0; n < 4; n++)
			make_jump(e, user, n & 1, n >> 1);
		make_ret_miss(e, user, false);
		make_ret_miss(e, user, true);
		make_ret_empty(e, user);
	}
}

/* ---- keeping the caches true ------------------------------------------------------------------------------------------------------------ */

static void clear_cache(struct jit_env *v, unsigned user)
{
	uint64_t *cache = v->cache[user];
	if (v->n_journal[user] < JIT_JOURNAL) {
		for (unsigned n = 0; n < v->n_journal[user]; n++)
			cache[v->journal[user][n]] = no_key(v->journal[user][n]);
	} else {
		memset(cache, 0xff, sizeof v->cache[user]);
		cache[hash_of(~UINT64_C(0))] = no_key(hash_of(~UINT64_C(0)));
	}
	v->n_journal[user] = 0;
	memset(v->code_pages[user], 0, sizeof v->code_pages[user]);
	if (v->user == user)
		jit_note_page(v, v->page);              /* what runs goes on */
}

void jump_reset_stack(struct cpu *c, bool user)
{
	struct jit_env *v = &c->jit;
	*(v->user == user ? &v->sp : &v->other_sp[user]) = v->top[user];
}

void jit_forget(struct cpu *c, bool user)
{
	if (!c->jit.top[0])
		return;
	if (!user && engine_jit(c))
		far_unlink(engine_jit(c));
	clear_cache(&c->jit, user);
	jump_reset_stack(c, user);
}

void jit_forget_memory(struct cpu *c, bool user)
{
	c->jit.forgotten++;
	if (c->jit.top[0])
		memset(c->jit.limit[user], 0, sizeof c->jit.limit[user]);
}

void jit_forget_half(struct cpu *c, bool upper)
{
	struct jit_env *v = &c->jit;
	v->forgotten++;
	if (!v->top[0])
		return;
	for (unsigned user = 0; user < 2; user++)
		for (unsigned n = 0; n < JIT_SLOTS; n++) {
			uint64_t in_upper = (uint64_t)((int64_t)v->base[user][n] >> 63);
			v->limit[user][n] &= upper ? ~in_upper : in_upper;      /* no jump, as this is done at each INVLPG */
		}
}

bool jit_forget_runs(struct cpu *c, bool upper)
{
	uint64_t *epoch = &c->jit.epoch[upper];
	*epoch = (*epoch + 1) % (PAGE_SIZE - 1);                /* all ones: TLB_NO_RUN */
	return *epoch || !c->jit.top[0];
}

/* The ranges with bytes of the page; they reach JIT_GROUP_MAX bytes beyond their limit. */
static void forget_at(struct jit_env *v, uint64_t page)
{
	v->forgotten++;
	if (!v->top[0])
		return;
	for (unsigned user = 0; user < 2; user++)
		for (unsigned n = 0; n < JIT_SLOTS; n++) {
			uint64_t from = v->base[user][n] - PAGE_SIZE, off = page - from;        /* the range ends before from + PAGE_SIZE + limit + JIT_GROUP_MAX */
			uint64_t out = -(uint64_t)(off >= v->limit[user][n] + PAGE_SIZE + JIT_GROUP_MAX);
			v->limit[user][n] &= out;
		}
}

bool jit_forget_page(struct cpu *c, uint64_t lin, bool large)
{
	struct jit_env *v = &c->jit;
	if (large)
		jit_forget_half(c, lin >> 63);
	else
		forget_at(v, lin & PAGE_MASK);
	if (!v->top[0])
		return true;
	unsigned bit = (lin >> PAGE_SHIFT) % JIT_PAGE_BITS;
	for (unsigned user = 0; user < 2; user++)
		if (large || mode_in_segments(v->mode[user]) /* noted by rip */ || (v->code_pages[user][lin >> 63][bit / 64] >> bit % 64 & 1))
			jit_forget(c, user);
	return jit_forget_runs(c, lin >> 63);
}

void jit_mode_changed(struct cpu *c)
{
	struct jit_env *v = &c->jit;
	bool user = c->mode & M_USER;
	if (!v->top[0])
		return;
	if (v->user != user) {
		v->other_sp[v->user] = v->sp;
		v->sp = v->other_sp[user];
		v->user = user;
	}
	if (v->mode[user] != c->mode) {
		jit_forget(c, user);
		v->mode[user] = c->mode;
	}
}

/* ---- life ------------------------------------------------------------------------------------------------------------------------------- */

bool jump_create(struct jit *j)
{
	struct jit_env *v = &j->c->jit;
	j->stacks = mmap(NULL, 2 * STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (j->stacks == MAP_FAILED) {
		j->stacks = NULL;
		return false;
	}
	for (unsigned user = 0; user < 2; user++) {
		uint64_t *top = (uint64_t *)(j->stacks + (user + 1) * STACK_SIZE) - 2 * SENTINELS;
		for (unsigned n = 0; n < SENTINELS; n++)
			top[2 * n] = top[2 * n + 1] = (uintptr_t)jit_rx(j, j->ret_empty[user]);
		v->top[user] = v->other_sp[user] = (uintptr_t)top;
		v->lowest[user] = (uintptr_t)(j->stacks + user * STACK_SIZE + STACK_SPARE);
		v->n_journal[user] = JIT_JOURNAL;
		clear_cache(v, user);
		v->mode[user] = 0xffff;
		memset(v->limit[user], 0, sizeof v->limit[user]);       /* nobody told what was known before of what the interpreter did */
	}
	v->user = 0;
	v->sp = v->top[0];
	jit_mode_changed(j->c);
	return true;
}

void jump_destroy(struct jit *j)
{
	if (j->stacks)
		munmap(j->stacks, 2 * STACK_SIZE);
	j->c->jit.top[0] = 0;
}
