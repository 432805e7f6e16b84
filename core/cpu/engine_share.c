/* engine_share.c - what vCPUs do that share RAM but not the blocks decoded from it; and what a vCPU finds at a dispatch that others asked for. */
#include "core/cpu/engine_priv.h"
#include "core/cpu/mmu.h"
#include <sched.h>
#include <string.h>

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

/* A page that was code a short while ago has had no write tags since.  It gets none for some writes: as many as a patch takes, or among several
 * vCPUs, who have to be asked for their tags, as many as a small function takes. */
void engine_protect_page(struct cpu *c, uint64_t ram_page)
{
	enum { FADES_ALONE = 16, FADES_AMONG_SEVERAL = 255 };
	_Atomic uint8_t *fades = &c->machine->ram.code_fades[ram_page >> PAGE_SHIFT];
	if (!alone(c) || !atomic_load_explicit(fades, memory_order_relaxed))
		mmu_protect_code(c, ram_page);
	atomic_store_explicit(fades, alone(c) ? FADES_ALONE : FADES_AMONG_SEVERAL, memory_order_relaxed);
	if (!alone(c))
		protect_others(c, ram_page);
}

/* One vCPU at a time makes a block from a page, so that this holds whenever none does: a page with marks has no write tag anywhere.  Who
 * waits serves the one that decodes. */
void engine_begin_decoding(struct cpu *c, uint64_t ram_page)
{
	uint64_t bit = UINT64_C(1) << (ram_page & 63);
	while (!alone(c) && (atomic_fetch_or(&c->machine->ram.decoding, bit) & bit)) {
		if (atomic_load(&c->engine->protect_pending))
			serve_protects(c);
		sched_yield();
	}
}

void engine_end_decoding(struct cpu *c, uint64_t ram_page)
{
	if (!alone(c))
		atomic_fetch_and(&c->machine->ram.decoding, ~(UINT64_C(1) << (ram_page & 63)));
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
		engine_flush_now(c);
	else
		for (unsigned k = 0; k < n; k++)
			engine_drop_range(c, w[k].ram_addr, w[k].len);
	if (unlikely(breaks) && !flush)
		engine_drop_break_blocks(c);
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
