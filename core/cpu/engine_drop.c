/* engine_drop.c - dropping decoded blocks: what was written to, what a breakpoint was set in, or all. */
#include "core/cpu/breakpoint.h"
#include "core/cpu/engine_priv.h"
#include "core/cpu/mem.h"
#include "core/cpu/ops.h"
#include <string.h>

static void set_lines(struct cpu *c, uint64_t ram_page, uint64_t lines)
{
	if (alone(c))
		atomic_store(&c->machine->ram.code_lines[ram_page], lines);
	else if (!lines)                        /* no blocks of the page are left */
		atomic_fetch_and(&c->machine->ram.decoders[ram_page], ~(UINT64_C(1) << c->index));
}

/* Their links lead into the arena. */
static void forget_crossers(struct engine *e)
{
	for (unsigned n = 0; n < CROSSERS; n++)
		e->crossers[n].key = 0;
}

void engine_flush_now(struct cpu *c)
{
	struct engine *e = c->engine;
	for (unsigned n = 0; n < PAGE_HASH_SIZE; n++)
		for (struct block *b = e->pages[n]; b; b = b->page_next)
			set_lines(c, b->ram_page, 0);
	memset(e->hash, 0, sizeof e->hash);
	memset(e->pages, 0, sizeof e->pages);
	memset(e->hot.jump, 0, sizeof e->hot.jump);
	forget_crossers(e);
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

/* ---- pages that may write to themselves ------------------------------------------------------------------------------------------- */

bool engine_page_exact(const struct cpu *c, uint64_t ram_page) { return c->engine->page_kind[ram_page] & 1; }

/* Within an epoch it is enough that one mapping allows it; what held in an earlier one is forgotten, for a system that loads its code before
 * it protects it. */
void engine_code_mapped(struct cpu *c, uint64_t ram_page, bool writable)
{
	struct engine *e = c->engine;
	uint8_t *kind = &e->page_kind[ram_page], was = *kind & 1;
	*kind = (uint8_t)(e->epoch << 1 | writable | (*kind >> 1 == e->epoch ? was : 0));
	if (unlikely((*kind & 1) != was && c->machine->ram.code_lines[ram_page]))
		drop_lines(c, ram_page, ~UINT64_C(0));
}

void engine_mappings_gone(struct cpu *c)
{
	if (c->engine)
		c->engine->epoch = (c->engine->epoch + 1) & 0x7f;
}

void engine_wrote_itself(struct cpu *c)
{
	uint64_t lin = code_linear(c, c->rip);
	const struct tlb_entry *t = tlb_code_slot(c, lin);
	if ((lin ^ t->tag_x) < PAGE_SIZE)
		engine_code_mapped(c, (uint64_t)((uint8_t *)(uintptr_t)(lin + t->addend) - c->machine->ram.host) >> PAGE_SHIFT, true);
}

void engine_drop_range(struct cpu *c, uint64_t ram_addr, uint64_t len)
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

/* Who may have blocks of lines that the range touches.  Among several vCPUs the lines' bits are cleared: all blocks there are about to go. */
static uint64_t take_code(struct machine *m, uint64_t ram_addr, uint64_t len)
{
	uint64_t found = 0;
	while (len) {
		unsigned in_page = ram_addr & (PAGE_SIZE - 1);
		uint64_t n = PAGE_SIZE - in_page < len ? PAGE_SIZE - in_page : len;
		uint64_t lines = line_mask(in_page, in_page + (unsigned)n - 1);
		_Atomic uint64_t *at = &m->ram.code_lines[ram_addr >> PAGE_SHIFT];
		if (atomic_load(at) & lines) {
			uint64_t page = ram_addr >> PAGE_SHIFT;
			if (m->n_cpus > 1) {
				atomic_fetch_add(&m->ram.code_epoch[page & 63], 1);
				atomic_fetch_and(at, ~lines);
			}
			found |= m->n_cpus > 1 ? atomic_load(&m->ram.decoders[page]) : 1;
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
		engine_drop_range(c, ram_addr, len);
	} else if (!own) {
		if (e->n_queue < QUEUE_SIZE)
			e->queue[e->n_queue++] = (struct written) { ram_addr, len };
		else
			e->flush_wanted = true;
		atomic_store(&c->attention, 1);
	}
	pthread_mutex_unlock(&e->lock);
	if (own)
		engine_drop_range(c, ram_addr, len);
}

void engine_code_written(struct machine *m, uint64_t ram_addr, uint64_t len)
{
	/* The writer has written and looks at the marks now; who decodes sets the marks and then reads. */
	if (m->n_cpus > 1)
		atomic_thread_fence(memory_order_seq_cst);
	uint64_t who = take_code(m, ram_addr, len);
	for (unsigned n = 0; n < m->n_cpus; n++)
		if ((who >> n & 1) && m->cpus[n] && m->cpus[n]->engine)
			drop_soon(m->cpus[n], ram_addr, len);
}

/* ---- breakpoints ------------------------------------------------------------------------------------------------------------------
 *
 * A page with breakpoints has no execute tag, so that every way into it but a jump within the page goes through the dispatcher.  Blocks
 * there have M_GUARDED in their keys; they end before each breakpoint and have no link to one: these ways lead to the dispatcher, too, which
 * looks where it is.  They are never translated. */

void engine_breaks_changed(struct cpu *c)
{
	pthread_mutex_lock(&c->engine->lock);
	c->engine->breaks_changed = true;
	pthread_mutex_unlock(&c->engine->lock);
}

void engine_drop_break_blocks(struct cpu *c)
{
	struct engine *e = c->engine;
	for (unsigned n = 0; n < PAGE_HASH_SIZE; n++)
		for (struct block **p = &e->pages[n]; *p;) {
			struct block *b = *p;
			if (!key_guarded(b->key)) {
				p = &b->page_next;
				continue;
			}
			*p = b->page_next;      /* its marks stay until the page is written */
			kill_block(e, b);
		}
}
