/* engine.c - the cache of decoded blocks: making, finding and linking them. */
#include "core/cpu/engine.h"
#include "core/cpu/breakpoint.h"
#include "core/cpu/cpuid.h"
#include "core/cpu/engine_priv.h"
#include "core/cpu/mmu.h"
#include "core/cpu/ops.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static size_t page_kinds(const struct machine *m) { return (m->ram.size >> PAGE_SHIFT) + 1; }

bool engine_create(struct cpu *c)
{
	struct engine *e = calloc(1, sizeof *e);
	if (!e)
		return false;
	e->arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	e->page_kind = mmap(NULL, page_kinds(c->machine), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	e->scratch = aligned_alloc(64, (BLOCK_BYTES_MAX + 63) & ~(size_t)63);
	e->crossers = aligned_alloc(64, CROSSERS * sizeof *e->crossers);
	e->decoder = decoder_new(c->cpuid->word);
	pair_index_init(&e->pairs);
	if (e->crossers)
		memset(e->crossers, 0, CROSSERS * sizeof *e->crossers);
	pthread_mutex_init(&e->lock, NULL);
	e->hot.arena = (const struct insn *)e->arena;
	c->engine = e;
	bool jit_failed = c->machine->accel == &accel_jit && !engine_set_jit(c, JIT_HOT);
	if (jit_failed || e->arena == MAP_FAILED || e->page_kind == MAP_FAILED || !e->scratch || !e->crossers || !e->decoder) {
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
	if (e->page_kind != MAP_FAILED)
		munmap(e->page_kind, page_kinds(c->machine));
	jit_free(e->jit);
	free(e->scratch);
	free(e->crossers);
	decoder_free(e->decoder);
	pthread_mutex_destroy(&e->lock);
	free(e);
	c->engine = NULL;
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
		if (attr & A_LINK)              /* 32-bit jumps of 16-bit code can be to below 0 */
			make_link(&b->insns[slots++], i->imm, pos, c->mode & (M_CS64 | M_CS32) || (i->flags & I_O16) ? src->page_off : -1);
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

/* n bytes of the page behind the one that lin is near the end of.  False: fault. */
static bool next_page(struct cpu *c, uint64_t lin, uint8_t *bytes, unsigned n)
{
	const uint8_t *host;
	uint64_t ram_addr, next = ((lin & PAGE_MASK) + PAGE_SIZE) & c->lin_mask;
	if (!mmu_fetch_page(c, next, &host, &ram_addr))
		return false;
	if (!host)
		return mmu_read(c, next, bytes, n, MEM_X);
	memcpy(bytes, host, n);
	return true;
}

static struct crosser *crosser_of(struct engine *e, uint64_t key) { return &e->crossers[(key >> PAGE_SHIFT ^ key) % CROSSERS]; }

/* The instruction that lies in two pages, the first at `host`, decoded before: NULL when it was not or is another one, or with a fault recorded. */
static const struct insn *find_crosser(struct cpu *c, uint64_t lin, const uint8_t *host, uint64_t key)
{
	struct crosser *x = crosser_of(c->engine, key);
	unsigned left = PAGE_SIZE - (lin & (PAGE_SIZE - 1));
	uint8_t rest[15];
	if (x->key != key || memcmp(x->bytes, host, left) || !next_page(c, lin, rest, x->len - left))
		return NULL;
	return memcmp(x->bytes + left, rest, x->len - left) ? NULL : x->b.insns;
}

static const struct insn *lone(struct block *b)
{
	b->key = 0;
	b->jit = NULL;
	return b->insns;
}

/* An instruction that reaches into the next page, or code in device memory. */
static const struct insn *lookup_uncached(struct cpu *c, uint64_t lin, const uint8_t *host, unsigned limit_left, uint64_t key)
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
		if (!next_page(c, lin, bytes + n, want - n))
			return NULL;
		struct source src = { bytes, want, -1, NULL, false };
		if (!host || want < 15) {
			decode_block(c, e->scratch, &src, 1);
		} else {
			struct crosser *x = crosser_of(e, key);
			decode_block(c, &x->b, &src, 1);
			x->key = key;
			x->len = x->b.insns[0].len;
			memcpy(x->bytes, bytes, sizeof x->bytes);
			if (x->b.n_slots && x->len > left)
				return lone(&x->b);
			x->key = 0;
			e->scratch->n_slots = 0;
		}
	}
	if (!e->scratch->n_slots) {
		cpu_raise_err(c, EXC_GP, 0);            /* beyond the limit of CS */
		return NULL;
	}
	return lone(e->scratch);
}

static const struct insn *make_block(struct cpu *c, uint64_t lin, const uint8_t *host, uint64_t ram_addr, unsigned limit_left, uint64_t key)
{
	struct engine *e = c->engine;
	if (e->used + BLOCK_BYTES_MAX > ARENA_SIZE)
		engine_flush_now(c);
	struct block *b = (struct block *)(e->arena + e->used);
	unsigned page_off = lin & (PAGE_SIZE - 1), avail = PAGE_SIZE - page_off;
	uint64_t ram_page = ram_addr >> PAGE_SHIFT;
	_Atomic uint64_t *lines = &c->machine->ram.code_lines[ram_page];
	if (avail > limit_left)
		avail = limit_left;
	_Atomic uint32_t *epoch_now = &c->machine->ram.code_epoch[ram_page & 63];
	uint32_t epoch;
	unsigned bytes;
	bool again = false;
	engine_begin_decoding(c, ram_page);
	if (!alone(c))
		atomic_fetch_or(&c->machine->ram.decoders[ram_page], UINT64_C(1) << c->index);
	do {                                    /* again when marks were taken back meanwhile: ours may be among them */
		epoch = atomic_load(epoch_now);
		if (again || !atomic_load(lines)) {
			atomic_fetch_or(lines, line_mask(page_off, page_off));
			engine_protect_page(c, ram_addr & PAGE_MASK);
		}
		bytes = decode_block(c, b, &(struct source) { host, avail, (int)page_off, lines, c->debug.breaks && key_guarded(key) }, c->mode & M_STEP || c->machine->accel_conf.one_insn ? 1 : BLOCK_MAX);
		again = epoch != atomic_load(epoch_now);
	} while (again);
	engine_end_decoding(c, ram_page);
	if (!bytes)
		return lookup_uncached(c, lin, host, limit_left, key);
	b->key = key;
	b->ram_page = ram_page;
	b->n_bytes = (uint16_t)bytes;
	b->lines = line_mask(page_off, page_off + bytes - 1);
	block_improve(&e->pairs, b, b->n_slots, c->mode, engine_page_exact(c, ram_page));
	b->jit = NULL;
	if (e->jit && !key_guarded(key))
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

/* The key of the block at rip. */
static uint64_t key_at(const struct cpu *c, uint64_t rip, uint64_t lin, const uint8_t *host)
{
	unsigned mode = c->mode;
	if (unlikely(mode_in_segments(mode))) {
		unsigned left = PAGE_SIZE - 1 - (lin & (PAGE_SIZE - 1));
		mode |= M_SEGMENTS | (rip + left > code_end(c) ? M_GUARDED : 0);
	}
	return (uint64_t)(uintptr_t)host | (uint64_t)mode << MODE_SHIFT;
}

/* Another CS:IP may have made it, for which the limit was further on. */
static bool within_limit(const struct cpu *c, uint64_t rip, const struct insn *first)
{
	const struct block *b = (const struct block *)((uintptr_t)first - offsetof(struct block, insns));
	return likely(!key_guarded(b->key)) || limit_ignored(c) || rip + b->n_bytes - 1 <= c->seg[SEG_CS].limit;
}

/* Code in segments has links within pages that lie below its end: there a jump leads to the same place by whatever CS:IP it was come to. */
static bool may_link(const struct cpu *c, const struct link *l, unsigned k, uint64_t key)
{
	return likely(!mode_in_segments(c->mode)) || (!(c->mode & M_CS32) && !key_guarded(key) && !(l->far >> k & 1));
}

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
	if (!block_key_of(to) || (c->mode & M_STEP))
		return;
	if (unlikely(c->debug.breaks) && key_guarded(block_key_of(to)) && break_at_offset(c, block_key_of(to) & (PAGE_SIZE - 1)))
		return;
	if (e->pending && may_link(c, e->pending, e->pending_k, block_key_of(to)))
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
	const struct tlb_entry *t = tlb_code_slot(c, lin);
	const uint8_t *host = NULL;
	if (likely((lin ^ t->tag_x) < PAGE_SIZE))
		host = (const uint8_t *)(lin + t->addend);
	else if (!mmu_fetch_page(c, lin, &host, &ram_addr))
		return NULL;
	const struct insn *to;
	if (unlikely(!host)) {
		to = lookup_uncached(c, lin, NULL, limit_left, 0);
	} else {
		uint64_t key = key_at(c, c->rip, lin, host);
		if (unlikely(c->debug.breaks) && break_in_page(c, lin))
			key |= (uint64_t)M_GUARDED << MODE_SHIFT;
		to = find_block(c, c->rip, key);
		if (to && unlikely(!within_limit(c, c->rip, to))) {
			to = lookup_uncached(c, lin, host, limit_left, key);
			if (!to)
				return NULL;
		}
		if (!to && unlikely((lin & (PAGE_SIZE - 1)) > PAGE_SIZE - 15) && limit_left >= 15) {
			to = find_crosser(c, lin, host, key);
			if (c->exc_pending)
				return NULL;
		}
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
	const struct tlb_entry *t = tlb_code_slot(c, lin);
	if ((lin ^ t->tag_x) >= PAGE_SIZE || (c->mode & M_STEP))
		return NULL;
	if (!limit_ignored(c) && rip > c->seg[SEG_CS].limit)
		return NULL;
	const struct insn *to = find_block(c, rip, key_at(c, rip, lin, (const uint8_t *)(lin + t->addend)));
	return to && within_limit(c, rip, to) ? to : NULL;
}

static uint64_t key_near(const struct cpu *c, uint64_t rip, uint64_t key)
{
	return (key & ~((uint64_t)M_TWIN << MODE_SHIFT | (PAGE_SIZE - 1))) | (code_linear(c, rip) & (PAGE_SIZE - 1));
}

const struct insn *engine_find_near(struct cpu *c, uint64_t rip, uint64_t key)
{
	return c->mode & M_STEP ? NULL : find_block(c, rip, key_near(c, rip, key));
}

const struct insn *engine_twin(struct cpu *c, uint64_t key)
{
	uint64_t near = key_near(c, c->rip, key);
	const uint8_t *host = (const uint8_t *)(uintptr_t)(near & ((UINT64_C(1) << MODE_SHIFT) - 1));
	c->cur = NULL;
	if ((c->mode & M_STEP) || c->debug.breaks)
		return NULL;
	near |= (uint64_t)M_TWIN << MODE_SHIFT;
	const struct insn *to = find_block(c, c->rip, near);
	return to ? to : make_block(c, code_linear(c, c->rip), host, (uint64_t)(host - c->machine->ram.host), UINT32_MAX, near);
}

bool engine_set_jit(struct cpu *c, unsigned runs)
{
	struct engine *e = c->engine;
	engine_flush_now(c);
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
	if (i->idx)
		engine_wrote_itself(c);
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
