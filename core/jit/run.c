/* run.c - into translated code and out of it: the code cache, the common pieces of code, counting, linking. */
#include "core/jit/emit.h"
#include "core/machine/machine.h"
#include <asm/prctl.h>
#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

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
void em_to_host_stack(struct em *e)
{
	em_store_env(e, RSP, ENV(sp));
	em_load_env(e, RSP, ENV(c_sp));
}
void em_leave_frame(struct em *e)
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
	em_to_host_stack(e);
	em_mov(e, R12, H_T1);
	em_live_store(e);
	em_mov(e, RAX, R12);
	em_leave_frame(e);
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------------- */

enum { HUGE = 2 << 20, COLLAPSE = 25 /* MADV_COLLAPSE, younger than Debian 12's headers */ };

/* All of size bytes from p on and all of `what` can be reached from each other by 32 bits. */
static bool in_reach(const uint8_t *p, size_t size, const struct cpu *what)
{
	intptr_t from = (intptr_t)p, to = (intptr_t)what;
	return to + (intptr_t)sizeof *what - from <= INT32_MAX && from + (intptr_t)size - to <= INT32_MAX;
}

/* Addresses for size bytes, in reach of `near` unless that is NULL. */
static void *find_room(size_t size, const struct cpu *near)
{
	enum { STEP = 32 << 20, FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE };
	uint8_t *p = mmap(NULL, size, PROT_NONE, FLAGS, -1, 0);
	for (intptr_t by = STEP; near && p != MAP_FAILED && !in_reach(p, size, near); by = by > 0 ? -by : STEP - by) {
		munmap(p, size);
		if (by > INT32_MAX - STEP)
			return MAP_FAILED;
		p = mmap((void *)(((intptr_t)near & ~(intptr_t)(PAGE_SIZE - 1)) + by), size, PROT_NONE, FLAGS, -1, 0);  /* elsewhere when that is taken */
	}
	return p;
}

/* fd from a multiple of HUGE on: where its memory is a huge page, so is the mapping. */
static void *map_aligned(size_t size, int prot, int fd, const struct cpu *near)
{
	uint8_t *p = find_room(size + HUGE, near);
	if (p == MAP_FAILED)
		return p;
	size_t before = -(uintptr_t)p % HUGE, after = HUGE - before;
	void *got = mmap(p + before, size, prot, MAP_SHARED | MAP_FIXED, fd, 0);
	int error = errno;
	if (before)
		munmap(p, before);
	munmap(p + before + size, after);
	if (got == MAP_FAILED)
		munmap(p + before, size);
	errno = error;
	return got;
}

/* One memory twice, executable in reach of `near` unless that is NULL; errno tells why not. */
static bool map_code(size_t size, const struct cpu *near, uint8_t **rw, uint8_t **rx)
{
	enum { NOEXEC_SEAL = 8 /* the file cannot be run as a program: some hosts allow no others */ };
	int fd = memfd_create("vmux-code", MFD_CLOEXEC | NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)          /* before Linux 6.3 */
		fd = memfd_create("vmux-code", MFD_CLOEXEC);
	*rw = *rx = MAP_FAILED;
	if (fd < 0)
		return false;
	if (!ftruncate(fd, (off_t)size)) {
		*rx = map_aligned(size, PROT_READ | PROT_EXEC, fd, near);       /* first, as it must find room nearby */
		if (*rx != MAP_FAILED)
			*rw = map_aligned(size, PROT_READ | PROT_WRITE, fd, NULL);
	}
	int error = errno;
	close(fd);
	errno = error;
	return *rw != MAP_FAILED;
}

/* Code is there up to `used`: memory of which there is some use becomes one huge page, mapped whole in both places.  Otherwise the host's TLB is
 * short of entries for a kernel's worth of code.  Memory files get no huge pages by themselves on most hosts; asking for them works since Linux
 * 6.1, and where it does not, small pages do. */
static void make_huge(struct jit *j, size_t used)
{
	enum { SOME = HUGE / 8 };
	size_t n = used / HUGE;
	if (used % HUGE < SOME || n >= sizeof j->huge * 8 || (j->huge >> n & 1) || (n + 1) * HUGE > j->size)
		return;
	j->huge |= UINT64_C(1) << n;
	if (!madvise(j->rw + n * HUGE, HUGE, COLLAPSE))
		madvise(j->rx + n * HUGE, HUGE, COLLAPSE);
}

static void *reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}
static void release(void *p, size_t size) { if (p && p != MAP_FAILED) munmap(p, size); }

size_t jit_code_size(const struct machine *m)
{
	size_t mib = m->accel_conf.tb_size, n = m->opt->maxcpus > m->n_cpus ? m->opt->maxcpus : m->n_cpus;     /* n_cpus grows while CPUs are made */
	return (mib ? (mib << 20) / (n ? n : 1) : (size_t)ACCEL_TB_SIZE << 20) & ~(size_t)(PAGE_SIZE - 1);
}

/* Return addresses of its own are what the translator puts on the stack that it returns by. */
static bool host_has_shadow_stack(void)
{
	enum { GET_STATUS = 0x5005 /* ARCH_SHSTK_STATUS */, ENABLED = 1 };
	unsigned long status = 0;
	return !syscall(SYS_arch_prctl, GET_STATUS, &status) && (status & ENABLED);
}

bool jit_possible(const struct machine *m, char *why, size_t size)
{
	enum { LAHF_IN_LONG_MODE = 1 };
	unsigned a, b, c = 0, d;
	uint8_t *rw, *rx;
	const char *no = NULL;
	*why = 0;
	if (!__get_cpuid(0x80000001, &a, &b, &c, &d) || !(c & LAHF_IN_LONG_MODE))
		no = "the host's processor has no LAHF in 64-bit code";
	else if (host_has_shadow_stack())
		no = "the host runs this program with a shadow stack";
	if (no) {
		snprintf(why, size, "%s", no);
		return false;
	}
	bool ok = map_code(jit_code_size(m), NULL, &rw, &rx);
	if (!ok)
		snprintf(why, size, "the host does not let memory be mapped to execute translated code: %s", strerror(errno));
	release(rw, jit_code_size(m));
	release(rx, jit_code_size(m));
	return ok;
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
	j->family = calloc(op_row_count, sizeof *j->family);
	for (unsigned row = 0; j->family && row < op_row_count; row++)
		j->family[row] = (uint8_t)jit_family_of(&op_rows[row]);
	j->indirect[0].kind = j->indirect[1].kind = EXIT_INDIRECT;
	j->host_has = em_host_features();
	j->steps = reserve(STEPS_MAX * sizeof *j->steps);
	j->exits = reserve(EXITS_MAX * sizeof *j->exits);
	j->blocks = reserve(JBLOCKS_MAX * sizeof *j->blocks);
	j->jump = reserve(JIT_JUMP_SIZE * sizeof *j->jump);
	j->far = reserve(FAR_MAX * sizeof *j->far);
	j->exact = c->machine->accel_conf.lockstep;
	j->counts = c->machine->accel_conf.count || j->exact;
	if (j->exact)
		j->lockstep = lockstep_new(c->machine->accel_conf.lockstep);
	if (!map_code(j->size, c, &j->rw, &j->rx) || !j->row_count || !j->family || !j->steps || !j->exits || !j->blocks || !j->jump || !j->far) {
		jit_free(j);
		return NULL;
	}
	struct em e = { .j = j, .c = c, .p = j->rw };
	em_live_pieces(&e);
	uint8_t *code = jit_rx(j, e.p);
	make_enter(&e);
	em_live_loads(&e);
	step_make_common(&e);
	jump_make_common(&e);
	syscall_make_common(&e);
	mem_make_common(&e);
	split_make_common(&e);
	j->used = j->fixed = ((size_t)(e.p - j->rw) + 63) & ~(size_t)63;
	j->cold_start = j->cold_used = j->size * 2 / 5;
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
	release(j->far, FAR_MAX * sizeof *j->far);
	lockstep_free(j->lockstep);
	free(j->row_count);
	free(j->family);
	free(j);
}

void jit_enter_thread(struct cpu *c)
{
	syscall(SYS_arch_prctl, ARCH_SET_GS, c);
	tsc_forget(c);
}
void jit_set_threshold(struct jit *j, unsigned runs) { j->hot = runs ? runs : 1; }
void jit_set_exact(struct jit *j) { j->exact = true; }
void jit_set_counting(struct jit *j, bool on) { j->counts = on; }
uint64_t jit_row_count(const struct jit *j, unsigned row) { return j->row_count[row]; }
struct lockstep *jit_lockstep(struct jit *j) { return j->lockstep; }
void jit_get_counters(const struct jit *j, struct jit_counters *out)
{
	*out = j->count;
	out->code_bytes = j->used + j->cold_used - j->cold_start;
	out->code_size = j->size;
}

uint64_t jit_done(const struct jit *j) { return j->counts ? j->c->icount : __rdtsc(); }

/* ---- blocks -------------------------------------------------------------------------------------------------------------------------- */

static bool mode_suits(const struct jit *j, unsigned mode)
{
	return !(mode & (M_STEP | M_AC)) && !(family_is_off(j, FAM_SEGMENTS) && mode_in_segments(mode));
}

void jit_watch(struct cpu *c, struct jit *j, struct block *b)
{
	b->jit = NULL;
	b->single_checks = engine_key_is_twin(b->key);
	if (!mode_suits(j, c->mode))
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
	jb->key = b->key;
	b->jit = NULL;
	jump_reset_stack(j->c, false);          /* its landings */
	jump_reset_stack(j->c, true);
	j->count.killed++;
}

void jit_flush(struct jit *j)
{
	memset(j->jump, 0, JIT_JUMP_SIZE * sizeof *j->jump);
	memset(j->loops, 0, sizeof j->loops);
	jit_forget(j->c, false);
	jit_forget(j->c, true);
	j->used = j->fixed;
	j->cold_used = j->cold_start;
	j->n_steps = j->n_exits = j->n_blocks = 0;
	j->n_far = j->far_spent = 0;
	j->count.live = j->count.guest_bytes = j->count.insns = 0;
	j->count.flushes++;
}

static bool full(const struct jit *j)
{
	return j->used + JIT_BLOCK_CODE_MAX > j->cold_start || j->cold_used + JIT_BLOCK_CODE_MAX > j->size || j->n_steps + 4 * BLOCK_MAX > STEPS_MAX || j->n_exits + 5 * BLOCK_MAX > EXITS_MAX ||
		j->n_blocks == JBLOCKS_MAX;
}

/* ---- handlers -------------------------------------------------------------------------------------------------------------------------- */

/* The block whose code runs was overwritten: to the dispatcher. */
const struct insn *op_jit_stale(struct cpu *c, const struct insn *i)
{
	c->rip = insn_rip(c, i);
	c->icount += i->idx;
	engine_wrote_itself(c);
	return NULL;
}

/* What is patched all the time would fill the code cache with the dead.  Where the last code made was b's, its room is taken again: who has a link to
 * it, or finds it by address, wants what b becomes.  But nobody may be about to look at one of its exits, as left() is where it calls again(). */
static bool take_room_again(struct jit *j, const struct block *b)
{
	const struct jit_block *last = j->n_blocks ? &j->blocks[j->n_blocks - 1] : NULL;
	if (!last || last->key != b->key)
		return false;
	far_forget(j, &j->exits[last->first_exit]);
	j->used = (size_t)(last->entry - j->rw);
	j->cold_used = last->cold;
	j->n_steps = (unsigned)(last->steps - j->steps);
	j->n_exits = last->first_exit;
	j->n_blocks--;
	return true;
}

const struct insn *op_jit_count(struct cpu *c, const struct insn *i)
{
	struct block *b = jit_block_of(i);
	struct jit *j = engine_jit(c);
	if (--b->runs_left == 0) {
		b->insns[0].fn = b->first;
		make_huge(j, j->used);
		make_huge(j, j->cold_used);
		bool again = take_room_again(j, b);
		if (!full(j) && jit_translate(j, b, 0))
			b->insns[0].fn = op_jit_enter;
		else if (again || full(j))
			engine_flush(c);
		if (again && !b->jit) {                 /* not before the dispatcher has done that: there are ways to what was here */
			c->rip = insn_rip(c, i);
			return NULL;
		}
	}
	if (b->jit)
		return op_jit_enter(c, i);
	return b->first(c, i);
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

/* Directly behind an STI of translated code interrupts are held off for one more instruction.  To make a block there is no reason to go to the
 * dispatcher, which would do that one alone, each time again. */
static const struct insn *to_dispatcher(struct cpu *c)
{
	if (c->rip != c->jit.shadow)
		return NULL;
	if (!atomic_load_explicit(&c->attention, memory_order_relaxed) && !c->debug.breaks) {
		const struct insn *i = engine_lookup(c);
		c->regs[REG_BIP] = c->rip;
		return i;
	}
	c->shadow = 1;
	return NULL;
}

/* b's code is not what it should be. */
static void again(struct jit *j, struct block *b, uint64_t probed)
{
	jit_kill(j, b);
	if (!jit_translate(j, b, probed))
		b->insns[0].fn = b->first;
}

/* A check for several accesses of b failed.  Where that is the rule, each access gets its own again. */
static void count_miss(struct jit *j, struct block *b)
{
	enum { MANY = 16, RARE = 1500 /* in between, of jit_done() */ };
	struct jit_block *jb = b->jit;
	if (!jb || b->single_checks || ++jb->misses < MANY)
		return;
	uint64_t now = jit_done(j);
	if (now - jb->missed_at > (uint64_t)MANY * RARE || full(j)) {
		jb->misses = 0;
		jb->missed_at = now;
		return;
	}
	b->single_checks = true;
	again(j, b, jb->probed);
}

/* Something costs b's loop more than it saves that happened 256 times since jit_done() was `since`: in more than one of so many rounds. */
static bool too_often(const struct jit *j, const struct jit_block *jb, uint64_t since, unsigned rounds)
{
	enum { TIMES = 256, COST = 100 /* ticks, of its own */ };
	return jit_done(j) - since <= (uint64_t)TIMES * (rounds * jb->n_insns + (j->counts ? 0 : COST));
}

/* 256 times b went on in a twin.  Where that is so in more than one of SELDOM rounds, it costs more than one check for all saves. */
static void count_twins(struct jit *j, struct block *b)
{
	enum { SELDOM = 4 };
	struct jit_block *jb = b->jit;
	if (!jb || b->single_checks || full(j))
		return;
	if (too_often(j, jb, jb->twins_at, SELDOM)) {
		b->single_checks = true;
		again(j, b, jb->probed);
	}
	jb->twins_at = jit_done(j);
}

/* The range that x's instruction looks at was the wrong one 256 times: pages that are neighbours for the program lie apart in memory, or it goes
 * to and fro.  Where that is so in more than one of SELDOM rounds of its loop, looking in the TLB at once is quicker. */
static void count_wrong(struct jit *j, const struct jit_exit *x)
{
	enum { SELDOM = 16, ENOUGH = 4 /* sites, then it is all of them */ };
	struct block *b = x->block;
	struct jit_block *jb = b->jit;
	uint64_t since = j->wrong_at[x->site];
	j->wrong_at[x->site] = jit_done(j);
	if (jb && too_often(j, jb, since, SELDOM) && !full(j) && !(jb->probed >> x->slot & 1))
		again(j, b, __builtin_popcountll(jb->probed) < ENOUGH ? jb->probed | UINT64_C(1) << x->slot : UINT64_MAX);
}

static const struct insn *left(struct cpu *c, struct jit *j, struct jit_exit *x)
{
	if (!x) {
		const struct insn *i = j->resume;
		j->resume = NULL;
		j->count.out[JIT_OUT_STEP]++;
		return i;
	}
	if (x->kind == EXIT_INTERP) {
		const struct insn *i = &x->block->insns[x->slot];
		j->count.out[JIT_OUT_INTERP]++;
		j->row_count[i->row]++;
		c->icount += x->before;
		c->regs[REG_BIP] = c->jit.page + x->page_off;
		if (unlikely(x->group))
			count_miss(j, x->block);
		if (unlikely(x->twin))
			count_twins(j, x->block);
		if (unlikely(x->site))
			count_wrong(j, x);
		return x->slot == 0 && i->fn == op_jit_enter ? x->block->first(c, i) : i;
	}
	if (x == &j->indirect[0] && unlikely(!engine_target_allowed(c, c->jit.tmp))) {
		c->rip = c->jit.page + c->jit.branch % PAGE_SIZE;
		c->cur = NULL;
		c->icount -= j->counts;
		engine_refuse_target(c, (int32_t)c->jit.branch >> PAGE_SHIFT);
		return NULL;
	}
	uint64_t rip = x->kind == EXIT_INDIRECT ? c->jit.tmp : (c->jit.page + (uint64_t)(int64_t)x->off) & c->lin_mask;
	c->rip = rip;
	if (atomic_load_explicit(&c->attention, memory_order_relaxed)) {
		j->count.out[JIT_OUT_REQUEST]++;
		return to_dispatcher(c);
	}
	j->count.out[x->kind == EXIT_INDIRECT ? JIT_OUT_INDIRECT : JIT_OUT_LINK]++;
	const struct insn *to = x->twin ? engine_twin(c, x->block->key) : x->kind == EXIT_LINK ? engine_find_near(c, rip, x->block->key) : engine_find(c, rip);
	if (!to)
		return c->exc_pending ? NULL : to_dispatcher(c);
	struct block *b = jit_block_of(to);
	c->regs[REG_BIP] = rip;
	if (!b->jit || to->fn != op_jit_enter)
		return to;
	if (x->kind == EXIT_LINK)
		link_exit(j, x, b);
	else if (x->kind == EXIT_FAR)
		far_link(j, x, rip, b);
	else if (!(j->off >> FAM_LINK & 1))
		j->jump[jit_jump_hash(code_linear(c, rip))] = (struct jit_slot) { b->key, jit_rx(j, b->jit->entry) };
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
		*more = x->before + i->idx;
		if (!(op_rows[i->row].attr & A_END))
			*flags = 0;
		return true;
	}
	if (x->kind == EXIT_LINK && (x->cross || x->twin)) {
		*flags = 0;
	} else if (x->kind == EXIT_LINK) {
		const uint8_t *page = (const uint8_t *)(uintptr_t)(x->block->key & ((UINT64_C(1) << MODE_SHIFT) - 1) & PAGE_MASK);
		uint64_t lines = 0;
		*flags = jit_flags_live(c, x->off, page, engine_page_exact(c, x->block->ram_page), &lines);
	}
	*rip = x->kind == EXIT_INDIRECT ? c->jit.tmp : c->jit.page + (uint64_t)(int64_t)x->off;
	return true;
}

bool jit_set_page(struct cpu *c, uint64_t rip)
{
	struct jit_env *v = &c->jit;
	if (likely(!mode_in_segments(c->mode))) {
		v->page = rip & PAGE_MASK;
	} else {
		v->page = rip - (code_linear(c, rip) & ~PAGE_MASK);
		v->page_max = (int64_t)code_end(c) - (PAGE_SIZE - 1);
		if ((int64_t)v->page > v->page_max)
			return false;
	}
	jit_note_page(v, v->page);
	return true;
}

/* One entry in lockstep with the interpreter. */
static const struct insn *enter_checked(struct cpu *c, struct jit *j, const struct insn *i)
{
	uint64_t rip, more, before = c->icount;
	uint32_t flags;
	if (!lockstep_interpret(j->lockstep, c))
		return NULL;
	if (!jit_block_of(i)->jit)                  /* its page has turned out to be writable */
		return jit_block_of(i)->insns;
	if (!jit_set_page(c, c->regs[REG_BIP]))
		return jit_block_of(i)->first(c, i);
	struct jit_exit *x = j->enter(jit_rx(j, jit_block_of(i)->jit->entry));
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
	if (unlikely(!jit_set_page(c, c->regs[REG_BIP])))
		return jit_block_of(i)->first(c, i);
	struct jit_exit *x = j->enter(jit_rx(j, jit_block_of(i)->jit->entry));
	collect_icount(c);
	return left(c, j, x);
}
