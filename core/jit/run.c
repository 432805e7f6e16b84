/* run.c - into translated code and out of it: the code cache, the common pieces of code, counting, linking. */
#include "core/jit/emit.h"
#include "core/machine/machine.h"
#include <asm/prctl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- the common pieces -------------------------------------------------------------------------------------------------------------- */

static const uint8_t saved_regs[] = { RBX, RBP, R12, R13, R14, R15 };
static void push_host(struct em *e, unsigned r) { if (r & 8) em8(e, 0x41); em8(e, 0x50 | (r & 7)); }
static void pop_host(struct em *e, unsigned r) { if (r & 8) em8(e, 0x41); em8(e, 0x58 | (r & 7)); }
void em_all_regs(struct em *e, bool load)
{
	for (unsigned n = 0; n < 16; n++)
		if (!in_env(n))
			em_env(e, (struct enc) { .op = load ? 0x8b : 0x89, .size = 8, .reg = host_of(n) }, ENV_REG(n));
}
#define ENV(f) (uint32_t)offsetof(struct cpu, jit.f)
static void to_host_stack(struct em *e)
{
	em_store_env(e, RSP, ENV(sp));
	em_load_env(e, RSP, ENV(c_sp));
}
static void leave_frame(struct em *e)
{
	em_rr(e, (struct enc) { .op = 0x83, .size = 8, .reg = 0 }, RSP), em8(e, 8);     /* add rsp, 8 */
	for (unsigned n = sizeof saved_regs; n-- > 0;)
		pop_host(e, saved_regs[n]);
	em8(e, 0xc3);
}

/* struct jit_exit *enter(code): the C ABI outside, guest registers inside. */
static void make_enter(struct em *e)
{
	for (unsigned n = 0; n < sizeof saved_regs; n++)
		push_host(e, saved_regs[n]);
	em_rr(e, (struct enc) { .op = 0x83, .size = 8, .reg = 5 }, RSP), em8(e, 8);     /* sub rsp, 8 */
	em_store_env(e, RSP, ENV(c_sp));
	em_load_env(e, RSP, ENV(sp));
	em_mov(e, H_T0, RDI);
	em_all_regs(e, true);
	em8(e, 0x41), em8(e, 0xff), em8(e, 0xe0 | (H_T0 & 7));
	e->j->leave = e->p;                                     /* r10 = the exit */
	em_all_regs(e, false);
	to_host_stack(e);
	em_mov(e, R12, H_T1);
	em_live_store(e);
	em_mov(e, RAX, R12);
	leave_frame(e);
}

/* Called with r9 = page offset of the block, r10 = instructions for jit_step, which may drop all of the return stack; hence its own
 * return address is kept elsewhere meanwhile. */
static void make_step(struct em *e)
{
	e->j->step = e->p;
	em_all_regs(e, false);
	em_env(e, (struct enc) { .op = 0x8f, .size = 4, .reg = 0 }, ENV(back));         /* pop */
	to_host_stack(e);
	em_mov(e, R12, H_T0);
	em_mov(e, R13, H_T1);
	em_live_store(e);
	em_imm64(e, RDI, (uintptr_t)e->c);
	em_mov(e, RSI, R13);
	em_mov(e, RDX, R12);
	em_imm64(e, RAX, (uintptr_t)jit_step);
	em8(e, 0xff), em8(e, 0xd0);
	em8(e, 0x84), em8(e, 0xc0);                             /* test al, al */
	em8(e, 0x0f), em8(e, 0x84);
	uint8_t *out = e->p;
	em32(e, 0);
	em_live_reload(e);
	em_load_env(e, RSP, ENV(sp));
	em_env(e, (struct enc) { .op = 0xff, .size = 4, .reg = 6 }, ENV(back));         /* push */
	em_all_regs(e, true);
	em8(e, 0xc3);
	em_patch(out, e->p);
	em8(e, 0x31), em8(e, 0xc0);
	leave_frame(e);
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------------- */

static bool map_code(struct jit *j)
{
	int fd = memfd_create("vmux-code", MFD_CLOEXEC);
	bool ok = fd >= 0 && !ftruncate(fd, (off_t)j->size);
	if (ok) {
		j->rw = mmap(NULL, j->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		j->rx = mmap(NULL, j->size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
		ok = j->rw != MAP_FAILED && j->rx != MAP_FAILED;
	}
	if (fd >= 0)
		close(fd);
	return ok;
}

static void *reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}
static void release(void *p, size_t size) { if (p && p != MAP_FAILED) munmap(p, size); }

size_t jit_code_size(const struct machine *m)
{
	size_t mib = m->accel_conf.tb_size, n = m->opt->smp > m->n_cpus ? m->opt->smp : m->n_cpus;     /* n_cpus grows while CPUs are made */
	return (mib ? (mib << 20) / (n ? n : 1) : (size_t)ACCEL_TB_SIZE << 20) & ~(size_t)(PAGE_SIZE - 1);
}

struct jit *jit_new(struct cpu *c)
{
	struct jit *j = calloc(1, sizeof *j);
	if (!j)
		return NULL;
	j->c = c;
	j->hot = JIT_HOT;
	j->size = jit_code_size(c->machine);
	j->off = c->machine->accel_conf.off;
	j->row_count = calloc(op_row_count, sizeof *j->row_count);
	j->indirect[0].kind = j->indirect[1].kind = EXIT_INDIRECT;
	j->host_has = em_host_features();
	j->steps = reserve(STEPS_MAX * sizeof *j->steps);
	j->exits = reserve(EXITS_MAX * sizeof *j->exits);
	j->blocks = reserve(JBLOCKS_MAX * sizeof *j->blocks);
	j->jump = reserve(JIT_JUMP_SIZE * sizeof *j->jump);
	if (c->machine->accel_conf.lockstep)
		j->lockstep = lockstep_new(c->machine->accel_conf.lockstep);
	if (!map_code(j) || !j->row_count || !j->steps || !j->exits || !j->blocks || !j->jump) {
		jit_free(j);
		return NULL;
	}
	struct em e = { .j = j, .c = c, .p = j->rw };
	em_live_pieces(&e);
	uint8_t *code = jit_rx(j, e.p);
	make_enter(&e);
	em_live_loads(&e);
	make_step(&e);
	jump_make_common(&e);
	mem_make_common(&e);
	j->used = j->fixed = ((size_t)(e.p - j->rw) + 63) & ~(size_t)63;
	memcpy(&j->enter, &code, sizeof code);
	if (!jump_create(j)) {
		jit_free(j);
		return NULL;
	}
	return j;
}

void jit_free(struct jit *j)
{
	if (!j)
		return;
	jump_destroy(j);
	release(j->rw, j->size);
	release(j->rx, j->size);
	release(j->steps, STEPS_MAX * sizeof *j->steps);
	release(j->exits, EXITS_MAX * sizeof *j->exits);
	release(j->blocks, JBLOCKS_MAX * sizeof *j->blocks);
	release(j->jump, JIT_JUMP_SIZE * sizeof *j->jump);
	lockstep_free(j->lockstep);
	free(j->row_count);
	free(j);
}

void jit_enter_thread(struct cpu *c) { syscall(SYS_arch_prctl, ARCH_SET_GS, c); }
void jit_set_threshold(struct jit *j, unsigned runs) { j->hot = runs ? runs : 1; }
uint64_t jit_row_count(const struct jit *j, unsigned row) { return j->row_count[row]; }
struct lockstep *jit_lockstep(struct jit *j) { return j->lockstep; }
void jit_get_counters(const struct jit *j, struct jit_counters *out)
{
	*out = j->count;
	out->code_bytes = j->used;
	out->code_size = j->size;
}

/* ---- blocks -------------------------------------------------------------------------------------------------------------------------- */

static bool mode_suits(unsigned mode)
{
	enum { FLAT32 = M_CS32 | M_SS32 | M_FLAT | M_PE };
	return !(mode & (M_STEP | M_AC | M_VM86)) && ((mode & M_CS64) || (mode & FLAT32) == FLAT32);
}

void jit_watch(struct cpu *c, struct jit *j, struct block *b)
{
	b->jit = NULL;
	if (!mode_suits(c->mode))
		return;
	b->first = b->insns[0].fn;
	b->runs_left = (uint16_t)j->hot;
	b->insns[0].fn = op_jit_count;
}

void jit_kill(struct jit *j, struct block *b)
{
	struct jit_block *jb = b->jit;
	if (!jb)
		return;
	for (unsigned n = 0; n < jb->n_steps; n++)
		jb->steps[n].fn = op_jit_stale;
	jb->entry[0] = 0xe9;
	em_patch(jb->entry + 1, jb->stale_code);
	b->jit = NULL;
	jump_reset_stack(j->c, false);          /* its landings */
	jump_reset_stack(j->c, true);
	j->count.killed++;
}

void jit_flush(struct jit *j)
{
	memset(j->jump, 0, JIT_JUMP_SIZE * sizeof *j->jump);
	jit_forget(j->c, false);
	jit_forget(j->c, true);
	j->used = j->fixed;
	j->n_steps = j->n_exits = j->n_blocks = 0;
	j->count.live = j->count.guest_bytes = j->count.insns = 0;
	j->count.flushes++;
}

static bool full(const struct jit *j)
{
	return j->used + JIT_BLOCK_CODE_MAX > j->size || j->n_steps + 4 * BLOCK_MAX > STEPS_MAX || j->n_exits + 4 * BLOCK_MAX > EXITS_MAX ||
		j->n_blocks == JBLOCKS_MAX;
}

/* ---- handlers -------------------------------------------------------------------------------------------------------------------------- */

static struct block *block_of(const struct insn *first)
{
	return (struct block *)((uintptr_t)first - offsetof(struct block, insns));
}

const struct insn *op_jit_end(struct cpu *c, const struct insn *i) { return i; }

/* The block whose code runs was overwritten: to the dispatcher. */
const struct insn *op_jit_stale(struct cpu *c, const struct insn *i)
{
	c->rip = insn_rip(c, i);
	c->icount += i->idx;
	return NULL;
}

const struct insn *op_jit_count(struct cpu *c, const struct insn *i)
{
	struct block *b = block_of(i);
	struct jit *j = engine_jit(c);
	if (--b->runs_left == 0) {
		b->insns[0].fn = b->first;
		if (full(j))
			engine_flush(c);
		else if (jit_translate(j, b))
			b->insns[0].fn = op_jit_enter;
	}
	if (b->jit)
		return op_jit_enter(c, i);
	return b->first(c, i);
}

bool jit_step(struct cpu *c, const struct insn *i, unsigned page_off)
{
	struct jit *j = engine_jit(c);
	*(page_off & STEP_IS_MISS ? &j->count.misses : &j->count.steps) += 1;
	if (!(page_off & STEP_IS_MISS))
		j->row_count[i->row]++;
	c->regs[REG_BIP] = c->jit.page + (page_off & ~(unsigned)STEP_IS_MISS);
	while (i && i->fn != op_jit_end)
		i = i->fn(c, i);
	return i;
}

static void link_exit(struct jit *j, struct jit_exit *x, const struct block *b)
{
	if (!(j->off >> FAM_LINK & 1))
		em_patch(x->patch, b->jit->entry);
}

static void collect_icount(struct cpu *c)
{
	for (unsigned n = 0; n < JIT_COUNTERS; n++) {
		c->icount += c->jit.icount[n];
		c->jit.icount[n] = 0;
	}
}

static const struct insn *left(struct cpu *c, struct jit *j, struct jit_exit *x)
{
	if (!x) {
		j->count.out[JIT_OUT_STEP]++;
		return NULL;
	}
	if (x->kind == EXIT_INTERP) {
		const struct insn *i = &x->block->insns[x->slot];
		j->count.out[JIT_OUT_INTERP]++;
		j->row_count[i->row]++;
		c->regs[REG_BIP] = c->jit.page + x->page_off;
		return x->slot == 0 && i->fn == op_jit_enter ? x->block->first(c, i) : i;
	}
	if (x == &j->indirect[0] && unlikely(!engine_target_allowed(c, c->jit.tmp))) {
		c->rip = c->jit.page + c->jit.branch % PAGE_SIZE;
		c->cur = NULL;
		c->icount--;
		engine_refuse_target(c, (int32_t)c->jit.branch >> PAGE_SHIFT);
		return NULL;
	}
	uint64_t rip = x->kind == EXIT_LINK ? (c->jit.page + (uint64_t)(int64_t)x->off) & c->lin_mask : c->jit.tmp;
	c->rip = rip;
	if (atomic_load_explicit(&c->attention, memory_order_relaxed)) {
		j->count.out[JIT_OUT_REQUEST]++;
		return NULL;
	}
	j->count.out[x->kind == EXIT_LINK ? JIT_OUT_LINK : JIT_OUT_INDIRECT]++;
	const struct insn *to = engine_find(c, rip);
	if (!to)
		return NULL;
	struct block *b = block_of(to);
	c->regs[REG_BIP] = rip;
	if (!b->jit || to->fn != op_jit_enter)
		return to;
	if (x->kind == EXIT_LINK)
		link_exit(j, x, b);
	else if (!(j->off >> FAM_LINK & 1))
		j->jump[jump_hash(rip)] = (struct jit_slot) { b->key, jit_rx(j, b->jit->entry), { 0 } };
	return to;
}

/* After x: where in the guest's code, and how many instructions beyond c->icount are done.  False: cannot be said. */
static bool where_out(struct cpu *c, const struct jit_exit *x, uint64_t *rip, uint64_t *more, uint32_t *flags)
{
	*more = 0;
	*flags = FL_ARITH;
	if (!x) {
		*flags = 0;                             /* those that are dead need not be right */
		const struct insn *at = c->exc_pending ? c->cur : NULL;
		*rip = at ? insn_rip(c, at) : c->rip;
		*more = at ? at->idx : 0;
		return at || !c->exc_pending;
	}
	if (x->kind == EXIT_INTERP) {
		const struct insn *i = &x->block->insns[x->slot];
		*rip = c->jit.page + x->page_off + i->off;
		*more = i->idx;
		if (!(op_rows[i->row].attr & A_END))
			*flags = 0;
		return true;
	}
	if (x->kind == EXIT_LINK) {
		const uint8_t *page = (const uint8_t *)(uintptr_t)(x->block->key & ((UINT64_C(1) << MODE_SHIFT) - 1) & PAGE_MASK);
		uint64_t lines = 0;
		*flags = jit_flags_live(c, x->off, page, &lines);
	}
	*rip = x->kind == EXIT_LINK ? c->jit.page + (uint64_t)(int64_t)x->off : c->jit.tmp;
	return true;
}

/* One entry in lockstep with the interpreter. */
static const struct insn *enter_checked(struct cpu *c, struct jit *j, const struct insn *i)
{
	uint64_t rip, more, before = c->icount;
	uint32_t flags;
	if (!lockstep_interpret(j->lockstep, c))
		return NULL;
	c->jit.page = c->regs[REG_BIP] & PAGE_MASK;
	struct jit_exit *x = j->enter(jit_rx(j, block_of(i)->jit->entry));
	collect_icount(c);
	if (where_out(c, x, &rip, &more, &flags))
		lockstep_compare(j->lockstep, c, rip, c->icount - before + more, flags);
	return left(c, j, x);
}

const struct insn *op_jit_enter(struct cpu *c, const struct insn *i)
{
	struct jit *j = engine_jit(c);
	if (unlikely(j->lockstep) && lockstep_due(j->lockstep))
		return enter_checked(c, j, i);
	c->jit.page = c->regs[REG_BIP] & PAGE_MASK;
	struct jit_exit *x = j->enter(jit_rx(j, block_of(i)->jit->entry));
	collect_icount(c);
	return left(c, j, x);
}
