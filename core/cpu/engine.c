/* engine.c - the cache of decoded blocks: making, finding, linking and dropping them. */
#include "core/cpu/engine.h"
#include "core/cpu/breakpoint.h"
#include "core/cpu/cpuid.h"
#include "core/cpu/mmu.h"
#include "core/cpu/ops.h"
#include "core/cpu/pairs.h"
#include "core/jit/jit.h"
#include "core/machine/machine.h"
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HASH_SIZE = 1 << 15, PAGE_HASH_SIZE = 1 << 12, QUEUE_SIZE = 64, ARENA_SIZE = 64 << 20,
	BLOCK_BYTES_MAX = sizeof(struct block) + (2 * BLOCK_MAX + 4) * sizeof(struct insn) };

struct written { uint64_t ram_addr, len; };
struct engine {
	struct engine_hot hot;                  /* first: handlers cast */
	struct block *hash[HASH_SIZE];
	struct block *pages[PAGE_HASH_SIZE];    /* blocks by RAM page */
	struct decoder *decoder;
	struct pair_index pairs;
	uint8_t *arena;
	size_t used;
	struct jit *jit;                        /* NULL: interpreter only */
	struct block *scratch;                  /* one instruction that is not cached: page crossers, code in device memory */
	struct link *pending;                   /* link to fill in when the block at c->rip has been found */
	unsigned pending_k;
	struct insn *stale;                     /* first instruction of the stale block through which we came to c->rip */
	uint64_t stale_key;

	pthread_mutex_t lock;                   /* the fields below */
	struct written queue[QUEUE_SIZE];
	unsigned n_queue;
	uint64_t protect[QUEUE_SIZE];           /* RAM pages that other vCPUs decode from: no write tag may stay */
	unsigned n_protect;                     /* beyond QUEUE_SIZE: all pages */
	_Atomic bool protect_pending;
	_Atomic bool held;              /* waits at a dispatch until another vCPU is done with being alone */
	bool flush_wanted, breaks_changed, active;
	pthread_t owner;                        /* thread inside cpu_run or cpu_step, when active */
};

bool engine_create(struct cpu *c)
{
	struct engine *e = calloc(1, sizeof *e);
	if (!e)
		return false;
	e->arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	e->scratch = aligned_alloc(64, (BLOCK_BYTES_MAX + 63) & ~(size_t)63);
	e->decoder = decoder_new(c->cpuid->word);
	pair_index_init(&e->pairs);
	pthread_mutex_init(&e->lock, NULL);
	e->hot.arena = (const struct insn *)e->arena;
	c->engine = e;
	bool jit_failed = c->machine->accel == &accel_jit && !engine_set_jit(c, JIT_HOT);
	if (jit_failed || e->arena == MAP_FAILED || !e->scratch || !e->decoder) {
		engine_destroy(c);
		return false;
	}
	return true;
}

void engine_destroy(struct cpu *c)
{
	struct engine *e = c->engine;
	if (!e)
		return;
	if (e->arena != MAP_FAILED)
		munmap(e->arena, ARENA_SIZE);
	jit_free(e->jit);
	free(e->scratch);
	decoder_free(e->decoder);
	pthread_mutex_destroy(&e->lock);
	free(e);
	c->engine = NULL;
}

/* ---- dropping ------------------------------------------------------------------------------------------------------------------- */

static unsigned key_hash(uint64_t key) { return (unsigned)((key ^ key >> 15 ^ key >> 40) & (HASH_SIZE - 1)); }
static struct block **page_bucket(struct engine *e, uint64_t ram_page) { return &e->pages[ram_page & (PAGE_HASH_SIZE - 1)]; }

/* Several vCPUs share the bitmap but not the blocks, so only a lone one knows that a line holds no code any more.  Among several, who
 * writes to a line clears its bit and has all drop their blocks of it. */
static bool alone(const struct cpu *c) { return c->machine->n_cpus <= 1; }

static void set_lines(struct cpu *c, uint64_t ram_page, uint64_t lines)
{
	if (alone(c))
		atomic_store(&c->machine->ram.code_lines[ram_page], lines);
}

static void flush_now(struct cpu *c)
{
	struct engine *e = c->engine;
	for (unsigned n = 0; n < PAGE_HASH_SIZE; n++)
		for (struct block *b = e->pages[n]; b; b = b->page_next)
			set_lines(c, b->ram_page, 0);
	memset(e->hash, 0, sizeof e->hash);
	memset(e->pages, 0, sizeof e->pages);
	memset(e->hot.jump, 0, sizeof e->hot.jump);
	if (e->jit)
		jit_flush(e->jit);
	e->used = 0;
	e->pending = NULL;
	e->stale = NULL;
}

void engine_flush(struct cpu *c)
{
	struct engine *e = c->engine;
	pthread_mutex_lock(&e->lock);
	e->flush_wanted = true;
	pthread_mutex_unlock(&e->lock);
	atomic_store(&c->attention, 1);
}

static void kill_block(struct engine *e, struct block *b)
{
	struct block **p = &e->hash[key_hash(b->key)];
	while (*p != b)
		p = &(*p)->hash_next;
	*p = b->hash_next;
	if (e->jit)
		jit_kill(e->jit, b);
	for (unsigned n = 0; n < b->n_slots; n++)
		if (b->insns[n].len || b->insns[n].fn == op_block_end)
			b->insns[n].fn = op_stale;
}

static void drop_lines(struct cpu *c, uint64_t ram_page, uint64_t lines)
{
	struct engine *e = c->engine;
	uint64_t left = 0;
	struct block **p = page_bucket(e, ram_page);
	while (*p) {
		struct block *b = *p;
		if (b->ram_page == ram_page && (b->lines & lines)) {
			*p = b->page_next;
			kill_block(e, b);
			continue;
		}
		if (b->ram_page == ram_page)
			left |= b->lines;
		p = &b->page_next;
	}
	set_lines(c, ram_page, left);
}

static uint64_t line_mask(unsigned first_byte, unsigned last_byte)
{
	unsigned a = first_byte >> 6, b = last_byte >> 6;
	return (b == 63 ? ~UINT64_C(0) : (UINT64_C(1) << (b + 1)) - 1) & ~((UINT64_C(1) << a) - 1);
}

static void drop_range(struct cpu *c, uint64_t ram_addr, uint64_t len)
{
	while (len) {
		unsigned in_page = ram_addr & (PAGE_SIZE - 1);
		uint64_t n = PAGE_SIZE - in_page < len ? PAGE_SIZE - in_page : len;
		uint64_t lines = line_mask(in_page, in_page + (unsigned)n - 1);
		if (!alone(c) || (atomic_load(&c->machine->ram.code_lines[ram_addr >> PAGE_SHIFT]) & lines))
			drop_lines(c, ram_addr >> PAGE_SHIFT, lines);
		ram_addr += n;
		len -= n;
	}
}

/* Does the range touch lines with code?  Among several vCPUs their bits are cleared: all blocks there are about to go. */
static bool take_code(struct machine *m, uint64_t ram_addr, uint64_t len)
{
	bool found = false;
	while (len) {
		unsigned in_page = ram_addr & (PAGE_SIZE - 1);
		uint64_t n = PAGE_SIZE - in_page < len ? PAGE_SIZE - in_page : len;
		uint64_t lines = line_mask(in_page, in_page + (unsigned)n - 1);
		_Atomic uint64_t *at = &m->ram.code_lines[ram_addr >> PAGE_SHIFT];
		if (atomic_load(at) & lines) {
			if (m->n_cpus > 1) {
				atomic_fetch_add(&m->ram.code_epoch, 1);
				atomic_fetch_and(at, ~lines);
			}
			found = true;
		}
		ram_addr += n;
		len -= n;
	}
	return found;
}

/* One vCPU's part: now if this is its thread or it does not run, else at its next dispatch. */
static void drop_soon(struct cpu *c, uint64_t ram_addr, uint64_t len)
{
	struct engine *e = c->engine;
	pthread_mutex_lock(&e->lock);
	bool own = e->active && pthread_equal(e->owner, pthread_self());
	if (!e->active && !alone(c)) {
		drop_range(c, ram_addr, len);
	} else if (!own) {
		if (e->n_queue < QUEUE_SIZE)
			e->queue[e->n_queue++] = (struct written) { ram_addr, len };
		else
			e->flush_wanted = true;
		atomic_store(&c->attention, 1);
	}
	pthread_mutex_unlock(&e->lock);
	if (own)
		drop_range(c, ram_addr, len);
}

void engine_code_written(struct machine *m, uint64_t ram_addr, uint64_t len)
{
	/* The writer has written and looks at the marks now; who decodes sets the marks and then reads. */
	if (m->n_cpus > 1)
		atomic_thread_fence(memory_order_seq_cst);
	if (!take_code(m, ram_addr, len))
		return;
	for (unsigned n = 0; n < m->n_cpus; n++)
		if (m->cpus[n] && m->cpus[n]->engine)
			drop_soon(m->cpus[n], ram_addr, len);
}

/* ---- breakpoints ------------------------------------------------------------------------------------------------------------------
 *
 * A page with breakpoints has no execute tag, so that every way into it but a jump within the page goes through the dispatcher.  Blocks
 * there have M_BREAK in their keys; they end before each breakpoint and have no link to one: these ways lead to the dispatcher, too, which
 * looks where it is.  They are never translated. */

void engine_breaks_changed(struct cpu *c)
{
	pthread_mutex_lock(&c->engine->lock);
	c->engine->breaks_changed = true;
	pthread_mutex_unlock(&c->engine->lock);
}

static bool key_breaks(uint64_t key) { return key >> MODE_SHIFT & M_BREAK; }

static void drop_break_blocks(struct cpu *c)
{
	struct engine *e = c->engine;
	for (unsigned n = 0; n < PAGE_HASH_SIZE; n++)
		for (struct block **p = &e->pages[n]; *p;) {
			struct block *b = *p;
			if (!key_breaks(b->key)) {
				p = &b->page_next;
				continue;
			}
			*p = b->page_next;      /* its marks stay until the page is written */
			kill_block(e, b);
		}
}

/* ---- pages that become code while others may write to them ------------------------------------------------------------------------- */

/* Own thread: give up the write tags that others asked for. */
static void serve_protects(struct cpu *c)
{
	struct engine *e = c->engine;
	pthread_mutex_lock(&e->lock);
	if (e->n_protect > QUEUE_SIZE)          /* too many to remember */
		mmu_flush(c, true);
	for (unsigned k = 0; k < e->n_protect && k < QUEUE_SIZE; k++)
		mmu_protect_code(c, e->protect[k]);
	mmu_forget_writes(c);
	e->n_protect = 0;
	atomic_store(&e->protect_pending, false);
	pthread_mutex_unlock(&e->lock);
}

/* c has given up its write tags of the page, or sleeps and looks at the marks before it writes again. */
static bool has_given_up(struct cpu *c, uint64_t ram_page)
{
	struct engine *e = c->engine;
	pthread_mutex_lock(&e->lock);
	bool done = !e->active || !e->protect_pending;
	if (!e->active)
		mmu_protect_code(c, ram_page);
	pthread_mutex_unlock(&e->lock);
	return done;
}

static void ask_to_give_up(struct cpu *c, uint64_t ram_page)
{
	struct engine *e = c->engine;
	pthread_mutex_lock(&e->lock);
	if (e->n_protect < QUEUE_SIZE)
		e->protect[e->n_protect] = ram_page;
	e->n_protect += e->n_protect <= QUEUE_SIZE;
	atomic_store(&e->protect_pending, true);
	atomic_store(&c->attention, 1);
	pthread_mutex_unlock(&e->lock);
}

/* self is about to decode from a page that had no code and is marked now.  Who may be writing to it without looking at the marks has to
 * stop that first, else what it writes would be missed; that is rare.  Who waits here serves those who wait for it. */
static void protect_others(struct cpu *self, uint64_t ram_page)
{
	struct machine *m = self->machine;
	for (unsigned n = 0; n < m->n_cpus; n++) {
		struct cpu *c = m->cpus[n];
		if (!c || c == self || !c->engine || !mmu_may_write(c, ram_page))
			continue;
		ask_to_give_up(c, ram_page);
		while (!has_given_up(c, ram_page)) {
			if (atomic_load(&self->engine->protect_pending))
				serve_protects(self);
			sched_yield();
		}
	}
}

/* One vCPU at a time makes a block, so that this holds whenever none does: a page with marks has no write tag anywhere.  Who waits serves
 * the one that decodes. */
static void begin_decoding(struct cpu *c)
{
	while (!alone(c) && atomic_exchange(&c->machine->ram.decoding, true)) {
		if (atomic_load(&c->engine->protect_pending))
			serve_protects(c);
		sched_yield();
	}
}

static void end_decoding(struct cpu *c)
{
	if (!alone(c))
		atomic_store(&c->machine->ram.decoding, false);
}

/* ---- one vCPU alone ------------------------------------------------------------------------------------------------------------------------ */

/* Wait, between two instructions, until nobody needs to be alone.  Who does looks at `held` after it has set `exclusive`, we at `exclusive`
 * after we have taken `held` back. */
static void hold(struct cpu *c)
{
	struct engine *e = c->engine;
	_Atomic bool *exclusive = &c->machine->ram.exclusive;
	while (atomic_load(exclusive)) {
		atomic_store(&e->held, true);
		while (atomic_load(exclusive)) {
			if (atomic_load(&e->protect_pending))
				serve_protects(c);
			sched_yield();
		}
		atomic_store(&e->held, false);
	}
}

static bool executes(struct cpu *c)
{
	struct engine *e = c->engine;
	pthread_mutex_lock(&e->lock);
	bool yes = e->active && !atomic_load(&e->held);
	pthread_mutex_unlock(&e->lock);
	return yes;
}

void engine_alone(struct cpu *self)
{
	struct machine *m = self->machine;
	if (alone(self))
		return;
	while (atomic_exchange(&m->ram.exclusive, true))
		hold(self);
	for (unsigned n = 0; n < m->n_cpus; n++) {
		struct cpu *c = m->cpus[n];
		if (!c || c == self || !c->engine)
			continue;
		atomic_store(&c->attention, 1);
		while (executes(c)) {
			if (atomic_load(&self->engine->protect_pending))
				serve_protects(self);
			sched_yield();
		}
	}
}

void engine_together(struct cpu *c)
{
	if (!alone(c))
		atomic_store(&c->machine->ram.exclusive, false);
}

void engine_service(struct cpu *c)
{
	if (!alone(c))
		hold(c);
	struct engine *e = c->engine;
	struct written w[QUEUE_SIZE];
	if (unlikely(atomic_load(&e->protect_pending)))
		serve_protects(c);
	pthread_mutex_lock(&e->lock);
	unsigned n = e->n_queue;
	bool flush = e->flush_wanted, breaks = e->breaks_changed;
	memcpy(w, e->queue, n * sizeof w[0]);
	e->n_queue = 0;
	e->flush_wanted = e->breaks_changed = false;
	pthread_mutex_unlock(&e->lock);
	if (flush)
		flush_now(c);
	else
		for (unsigned k = 0; k < n; k++)
			drop_range(c, w[k].ram_addr, w[k].len);
	if (unlikely(breaks) && !flush)
		drop_break_blocks(c);
}

void engine_enter(struct cpu *c)
{
	struct engine *e = c->engine;
	pthread_mutex_lock(&e->lock);
	e->active = true;
	e->owner = pthread_self();
	pthread_mutex_unlock(&e->lock);
	engine_forget(c);
	engine_service(c);
	if (e->jit)
		jit_enter_thread(c);
}

void engine_leave(struct cpu *c)
{
	pthread_mutex_lock(&c->engine->lock);
	c->engine->active = false;
	pthread_mutex_unlock(&c->engine->lock);
}

void engine_forget(struct cpu *c)
{
	c->engine->pending = NULL;
	c->engine->stale = NULL;
}

/* ---- making --------------------------------------------------------------------------------------------------------------------- */

/* Fill the link slot after branch i at slot n.  `page_off`: where in its page the block starts, -1 = nothing is near. */
static void make_link(struct insn *slot, int64_t target, unsigned fall, int page_off)
{
	struct link *l = (struct link *)slot;
	*l = (struct link) { 0 };
	if (page_off < 0 || (uint64_t)(page_off + target) >= PAGE_SIZE)
		l->far |= 1 << LINK_TAKEN;
	if (page_off < 0 || (uint64_t)page_off + fall >= PAGE_SIZE)
		l->far |= 1 << LINK_FALL;
}

/* What decode_block reads from: bytes that lie in one page and inside the limit of CS. */
struct source { const uint8_t *p; unsigned avail; int page_off; _Atomic uint64_t *lines; bool breaks; };

/* Decode into b->insns.  Returns the number of bytes taken, 0 when not even one instruction is complete. */
static unsigned decode_block(struct cpu *c, struct block *b, const struct source *src, unsigned max)
{
	unsigned pos = 0, slots = 0, count = 0, conds = 0;
	bool ended = false;
	while (!ended && count < max) {
		struct insn *i = &b->insns[slots];
		if (unlikely(src->breaks) && count && break_at_offset(c, (unsigned)src->page_off + pos))
			break;
		if (src->lines) {
			/* Mark the bytes before reading them: a writer in another thread writes first and looks at the marks then. */
			unsigned first = (unsigned)src->page_off + pos, last = first + 14;
			atomic_fetch_or(src->lines, line_mask(first < PAGE_SIZE ? first : PAGE_SIZE - 1, last < PAGE_SIZE ? last : PAGE_SIZE - 1));
		}
		unsigned len = decode_insn(c->engine->decoder, c->mode, src->p + pos, src->avail - pos, pos, i);
		if (!len)
			break;
		i->idx = (uint16_t)count++ & 63;
		pos += len;
		slots++;
		uint32_t attr = op_rows[i->row].attr;
		if ((attr & (A_LINK | A_END)) && i->rm != RM_MEM)
			i->disp = (int32_t)count;
		if (attr & A_LINK)
			make_link(&b->insns[slots++], i->imm, pos, src->page_off);
		if (i->row == ROW_NONE || (attr & A_END))
			ended = true;
		else if ((attr & A_COND) && ++conds > BLOCK_MAX_CONDS)
			break;
	}
	if (count && !ended) {
		b->insns[slots] = (struct insn) { .fn = op_block_end, .off = (uint16_t)pos & 1023, .idx = (uint16_t)count & 63,
			.disp = (int32_t)count };
		make_link(&b->insns[slots + 1], pos, pos, src->page_off);
		slots += 2;
	}
	b->n_slots = (uint16_t)slots;
	return pos;
}

/* An instruction that reaches into the next page, or code in device memory: decoded anew each time. */
static const struct insn *lookup_uncached(struct cpu *c, uint64_t lin, const uint8_t *host, unsigned limit_left)
{
	struct engine *e = c->engine;
	uint8_t bytes[16] = { 0 };
	unsigned left = PAGE_SIZE - (lin & (PAGE_SIZE - 1));
	unsigned n = left < 15 ? left : 15;
	if (n > limit_left)
		n = limit_left;
	if (host)
		memcpy(bytes, host, n);
	else if (!mmu_read(c, lin, bytes, n, MEM_X))
		return NULL;
	unsigned want = limit_left < 15 ? limit_left : 15;
	if (!decode_block(c, e->scratch, &(struct source) { bytes, n, -1, NULL, false }, 1) && n < want) {
		/* Only now is the next page touched, so that it faults only when the instruction needs it. */
		const uint8_t *host2;
		uint64_t lin2 = (lin + n) & c->lin_mask, ram2;
		if (!mmu_fetch_page(c, lin2, &host2, &ram2))
			return NULL;
		if (host2)
			memcpy(bytes + n, host2, want - n);
		else if (!mmu_read(c, lin2, bytes + n, want - n, MEM_X))
			return NULL;
		n = want;
		decode_block(c, e->scratch, &(struct source) { bytes, n, -1, NULL, false }, 1);
	}
	if (!e->scratch->n_slots) {
		cpu_raise_err(c, EXC_GP, 0);            /* beyond the limit of CS */
		return NULL;
	}
	e->scratch->key = 0;
	return e->scratch->insns;
}

static const struct insn *make_block(struct cpu *c, uint64_t lin, const uint8_t *host, uint64_t ram_addr, unsigned limit_left, uint64_t key)
{
	struct engine *e = c->engine;
	if (e->used + BLOCK_BYTES_MAX > ARENA_SIZE)
		flush_now(c);
	struct block *b = (struct block *)(e->arena + e->used);
	unsigned page_off = lin & (PAGE_SIZE - 1), avail = PAGE_SIZE - page_off;
	uint64_t ram_page = ram_addr >> PAGE_SHIFT;
	_Atomic uint64_t *lines = &c->machine->ram.code_lines[ram_page];
	if (avail > limit_left)
		avail = limit_left;
	uint32_t epoch;
	unsigned bytes;
	bool again = false;
	begin_decoding(c);
	do {                                    /* again when marks were taken back meanwhile: ours may be among them */
		epoch = atomic_load(&c->machine->ram.code_epoch);
		if (again || !atomic_load(lines)) {
			atomic_fetch_or(lines, line_mask(page_off, page_off));
			mmu_protect_code(c, ram_addr & PAGE_MASK);
			if (!alone(c))
				protect_others(c, ram_addr & PAGE_MASK);
		}
		bytes = decode_block(c, b, &(struct source) { host, avail, (int)page_off, lines, key_breaks(key) }, c->mode & M_STEP || c->machine->accel_conf.one_insn ? 1 : BLOCK_MAX);
		again = epoch != atomic_load(&c->machine->ram.code_epoch);
	} while (again);
	end_decoding(c);
	if (!bytes)
		return lookup_uncached(c, lin, host, limit_left);
	b->key = key;
	b->ram_page = ram_page;
	b->lines = line_mask(page_off, page_off + bytes - 1);
	block_improve(&e->pairs, b, b->n_slots, c->mode);
	b->jit = NULL;
	if (e->jit && !key_breaks(key))
		jit_watch(c, e->jit, b);
	e->used += (sizeof *b + b->n_slots * sizeof b->insns[0] + 63) & ~(size_t)63;
	struct block **bucket = &e->hash[key_hash(key)];
	b->hash_next = *bucket;
	*bucket = b;
	struct block **pb = page_bucket(e, ram_page);
	b->page_next = *pb;
	*pb = b;
	return b->insns;
}

/* ---- finding -------------------------------------------------------------------------------------------------------------------- */

static bool dead(const struct insn *first) { return first->fn == op_stale || first->fn == op_forward; }

static const struct insn *find_block(struct cpu *c, uint64_t rip, uint64_t key)
{
	struct engine *e = c->engine;
	struct jump_slot *s = &e->hot.jump[jump_hash(rip)];
	if (s->key == key && !dead(s->to))
		return s->to;
	for (struct block *b = e->hash[key_hash(key)]; b; b = b->hash_next) {
		if (b->key != key)
			continue;
		/* Single-step blocks stay out, so that jump_to() always comes back to the dispatcher. */
		if (!(c->mode & M_STEP))
			*s = (struct jump_slot) { key, b->insns };
		return b->insns;
	}
	return NULL;
}

static bool limit_ignored(const struct cpu *c) { return c->mode & (M_CS64 | M_FLAT); }

static void set_link(struct engine *e, struct link *l, unsigned k, const struct insn *to)
{
	if (l->far >> k & 1)
		l->far_to[k] = (uint32_t)(to - e->hot.arena);
	else
		l->to[k] = to;
}

/* The link or stale block through which control came to c->rip may go straight to `to` from now on. */
static void connect(struct cpu *c, const struct insn *to)
{
	struct engine *e = c->engine;
	if (to == e->scratch->insns || (c->mode & M_STEP))
		return;
	if (unlikely(key_breaks(block_key_of(to))) && break_at_offset(c, block_key_of(to) & (PAGE_SIZE - 1)))
		return;
	/* Segment limits are checked on the way through the dispatcher; in real mode no jump gets past them. */
	if (e->pending && (limit_ignored(c) || !(c->mode & M_PE)))
		set_link(e, e->pending, e->pending_k, to);
	if (e->stale && e->stale_key == block_key_of(to)) {
		e->stale->imm = (int64_t)(uintptr_t)to;
		e->stale->fn = op_forward;
	}
}

const struct insn *engine_lookup(struct cpu *c)
{
	struct engine *e = c->engine;
	c->cur = NULL;
	if (!(c->mode & M_CS64))
		c->rip = (uint32_t)c->rip;
	unsigned limit_left = UINT32_MAX;
	if (unlikely(!limit_ignored(c))) {
		if (c->rip > c->seg[SEG_CS].limit) {
			cpu_raise_err(c, EXC_GP, 0);
			return NULL;
		}
		if (c->seg[SEG_CS].limit - c->rip < 64 * 15)
			limit_left = c->seg[SEG_CS].limit - (uint32_t)c->rip + 1;
	}
	uint64_t lin = code_linear(c, c->rip), ram_addr = 0;
	const struct tlb_entry *t = tlb_slot(c, lin);
	const uint8_t *host = NULL;
	if (likely((lin ^ t->tag_x) < PAGE_SIZE))
		host = (const uint8_t *)(lin + t->addend);
	else if (!mmu_fetch_page(c, lin, &host, &ram_addr))
		return NULL;
	const struct insn *to;
	if (unlikely(!host)) {
		to = lookup_uncached(c, lin, NULL, limit_left);
	} else {
		uint64_t key = (uint64_t)(uintptr_t)host | (uint64_t)c->mode << MODE_SHIFT;
		if (unlikely(c->debug.breaks) && break_in_page(c, lin))
			key |= (uint64_t)M_BREAK << MODE_SHIFT;
		to = find_block(c, c->rip, key);
		if (!to) {
			to = make_block(c, lin, host, (uint64_t)(host - c->machine->ram.host), limit_left, key);
			if (!to)
				return NULL;
		}
		connect(c, to);
	}
	e->pending = NULL;
	e->stale = NULL;
	return to;
}

/* ---- control flow ----------------------------------------------------------------------------------------------------------------- */

const struct insn *engine_find(struct cpu *c, uint64_t rip)
{
	uint64_t lin = code_linear(c, rip);
	const struct tlb_entry *t = tlb_slot(c, lin);
	if ((lin ^ t->tag_x) >= PAGE_SIZE || (c->mode & M_STEP))
		return NULL;
	if (!limit_ignored(c) && rip > c->seg[SEG_CS].limit)
		return NULL;
	return find_block(c, rip, (lin + t->addend) | (uint64_t)c->mode << MODE_SHIFT);
}

bool engine_set_jit(struct cpu *c, unsigned runs)
{
	struct engine *e = c->engine;
	flush_now(c);
	if (!runs) {
		jit_free(e->jit);
		e->jit = NULL;
		return true;
	}
	if (!e->jit)
		e->jit = jit_new(c);
	if (e->jit)
		jit_set_threshold(e->jit, runs);
	return e->jit;
}
struct jit *engine_jit(struct cpu *c) { return c->engine->jit; }
const struct decoder *jit_decoder(struct cpu *c) { return c->engine->decoder; }

const struct insn *engine_follow(struct cpu *c, const struct insn *i, unsigned k)
{
	struct engine *e = c->engine;
	uint64_t rip = c->regs[REG_BIP];
	if (!(c->mode & M_STEP)) {
		e->pending = (struct link *)(uintptr_t)(i + 1);
		e->pending_k = k;
	}
	if (!atomic_load_explicit(&c->attention, memory_order_relaxed)) {
		const struct insn *to = engine_find(c, rip);
		if (to) {
			connect(c, to);
			e->pending = NULL;
			return to;
		}
	}
	c->rip = rip;
	return NULL;
}

bool engine_target_allowed(const struct cpu *c, uint64_t rip)
{
	if (c->mode & M_CS64)
		return paging_canonical(rip);
	return limit_ignored(c) || rip <= c->seg[SEG_CS].limit;
}
/* As though the branch had not begun: SDM 2, CALL, JMP and RET. */
void engine_refuse_target(struct cpu *c, int sp_back)
{
	uint64_t mask = c->mode & M_CS64 ? UINT64_MAX : c->mode & M_SS32 ? UINT32_MAX : UINT16_MAX;
	c->regs[RSP] = (c->regs[RSP] & ~mask) | ((c->regs[RSP] + (uint64_t)(int64_t)sp_back) & mask);
	cpu_raise_err(c, EXC_GP, 0);
}

const struct insn *engine_jump(struct cpu *c, const struct insn *i, int sp_back, uint64_t rip)
{
	if (likely(engine_target_allowed(c, rip)))
		return engine_next(c, rip);
	c->cur = i;
	c->icount -= i->idx + 1u;
	engine_refuse_target(c, sp_back);
	return NULL;
}
const struct insn *engine_next(struct cpu *c, uint64_t rip)
{
	if (!atomic_load_explicit(&c->attention, memory_order_relaxed)) {
		const struct insn *to = engine_find(c, rip);
		if (to) {
			c->regs[REG_BIP] = rip;
			return to;
		}
	}
	c->rip = rip;
	return NULL;
}

const struct insn *op_block_end(struct cpu *c, const struct insn *i)
{
	c->icount += (uint32_t)i->disp;
	return follow(c, i, LINK_TAKEN, c->regs[REG_BIP] + i->off);
}

const struct insn *op_stale(struct cpu *c, const struct insn *i)
{
	c->rip = insn_rip(c, i);
	c->icount += i->idx;
	if (i->idx == 0) {
		c->engine->stale = (struct insn *)(uintptr_t)i;
		c->engine->stale_key = block_key_of(i);
	}
	return NULL;
}

const struct insn *op_forward(struct cpu *c, const struct insn *i)
{
	const struct insn *to = (const struct insn *)(uintptr_t)i->imm;
	if (unlikely(dead(to)))
		return op_stale(c, i);
	return to;
}

const struct insn *leave_next(struct cpu *c, const struct insn *i)
{
	c->rip = insn_next_rip(c, i);
	c->icount += i->idx + 1u;
	return NULL;
}

const struct insn *leave_jump(struct cpu *c, const struct insn *i, uint64_t rip)
{
	c->rip = rip;
	c->icount += i->idx + 1u;
	return NULL;
}
