/* breakpoint.c - the lists of the debugger's breakpoints, and stopping for them. */
#include "core/cpu/breakpoint.h"
#include "core/cpu/vcpu.h"
#include "core/machine/machine.h"
#include <stdlib.h>
#include <string.h>

enum { CODE_MAX = 1 << 14, WATCH_MAX = 1 << 10, PAGES_ONE_BY_ONE = 16 };

struct point { uint64_t addr, last /* inclusive */, len; uint8_t kind; };
struct points { struct point *p; unsigned n, room; };
/* Both sorted by address, then kind and length. */
struct breakpoints { struct points code, data; };

static struct points *list_of(struct breakpoints *b, enum break_kind kind) { return kind <= BREAK_HARD ? &b->code : &b->data; }

static int order(const struct point *a, const struct point *b)
{
	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->len < b->len ? -1 : a->len > b->len;
}

/* Index of the first that is not below key. */
static unsigned lower(const struct points *l, const struct point *key)
{
	unsigned from = 0, to = l->n;
	while (from < to) {
		unsigned mid = (from + to) / 2;
		if (order(&l->p[mid], key) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}
static unsigned lower_addr(const struct points *l, uint64_t addr) { return lower(l, &(struct point){ .addr = addr }); }

/* ---- the debugger's side ---- */

static void forget_pages(struct cpu *c, uint64_t first, uint64_t last)
{
	if ((last - first) >> PAGE_SHIFT >= PAGES_ONE_BY_ONE) {
		mmu_flush(c, true);
		return;
	}
	for (uint64_t n = first >> PAGE_SHIFT; n <= last >> PAGE_SHIFT; n++)
		mmu_flush_page(c, n << PAGE_SHIFT);
}

/* The vCPUs find out: TLB entries of [first, last] go, and blocks that were made for the breakpoints as they were. */
static void changed(struct machine *m, enum break_kind kind, uint64_t first, uint64_t last)
{
	for (unsigned n = 0; n < m->n_cpus; n++) {
		struct cpu *c = m->cpus[n];
		c->debug.breaks = m->breaks->code.n;
		c->debug.watches = m->breaks->data.n;
		forget_pages(c, first, last);
		if (kind <= BREAK_HARD && c->engine)
			engine_breaks_changed(c);
	}
}

bool break_set(struct machine *m, enum break_kind kind, uint64_t addr, uint64_t len)
{
	bool code = kind <= BREAK_HARD;
	struct point key = { addr, code ? addr : addr + len - 1, len, (uint8_t)kind };
	if (kind >= BREAK_KINDS || (!code && !len) || key.last < addr)
		return false;
	if (!m->breaks && !(m->breaks = calloc(1, sizeof(*m->breaks))))
		return false;
	struct points *l = list_of(m->breaks, kind);
	unsigned at = lower(l, &key);
	if (at < l->n && !order(&l->p[at], &key))
		return true;
	if (l->n == (code ? CODE_MAX : WATCH_MAX))
		return false;
	if (l->n == l->room) {
		struct point *p = realloc(l->p, (l->room + 64) * sizeof(*p));
		if (!p)
			return false;
		l->p = p;
		l->room += 64;
	}
	memmove(&l->p[at + 1], &l->p[at], (l->n - at) * sizeof(key));
	l->p[at] = key;
	l->n++;
	changed(m, kind, key.addr, key.last);
	return true;
}

bool break_clear(struct machine *m, enum break_kind kind, uint64_t addr, uint64_t len)
{
	struct point key = { .addr = addr, .len = len, .kind = (uint8_t)kind };
	struct points *l = m->breaks && kind < BREAK_KINDS ? list_of(m->breaks, kind) : NULL;
	unsigned at = l ? lower(l, &key) : 0;
	if (!l || at == l->n || order(&l->p[at], &key))
		return false;
	key = l->p[at];
	memmove(&l->p[at], &l->p[at + 1], (--l->n - at) * sizeof(key));
	changed(m, kind, key.addr, key.last);
	return true;
}

void break_clear_all(struct machine *m)
{
	if (!m->breaks || (!m->breaks->code.n && !m->breaks->data.n))
		return;
	m->breaks->code.n = m->breaks->data.n = 0;
	changed(m, BREAK_SOFT, 0, UINT64_MAX);
}

bool break_is_set(const struct machine *m, enum break_kind kind, uint64_t addr)
{
	const struct points *l = m->breaks ? list_of(m->breaks, kind) : NULL;
	unsigned at = l ? lower(l, &(struct point){ .addr = addr, .kind = (uint8_t)kind }) : 0;
	return l && at < l->n && l->p[at].addr == addr && l->p[at].kind == kind;
}

unsigned break_list(const struct machine *m, struct break_point *out, unsigned room)
{
	unsigned n = 0;
	for (unsigned k = 0; m->breaks && k < 2; k++) {
		const struct points *l = k ? &m->breaks->data : &m->breaks->code;
		for (unsigned i = 0; i < l->n && n < room; i++)
			if (k || !i || l->p[i].addr != l->p[i - 1].addr)
				out[n++] = (struct break_point){ l->p[i].addr, l->p[i].len, (enum break_kind)l->p[i].kind };
	}
	return n;
}

void breakpoints_free(struct machine *m)
{
	if (!m->breaks)
		return;
	free(m->breaks->code.p);
	free(m->breaks->data.p);
	free(m->breaks);
	m->breaks = NULL;
}

/* ---- a vCPU's side ---- */

bool break_here(struct cpu *c)
{
	const struct points *l = &c->machine->breaks->code;
	uint64_t lin = (c->seg[SEG_CS].base + c->rip) & c->lin_mask;
	unsigned at = lower_addr(l, lin);
	if (at == l->n || l->p[at].addr != lin)
		return false;
	c->debug.stop = STOP_BREAK;
	c->debug.kind = l->p[at].kind;
	c->debug.addr = lin;
	return true;
}

bool break_in_page(const struct cpu *c, uint64_t lin)
{
	const struct points *l = &c->machine->breaks->code;
	unsigned at = lower_addr(l, lin & PAGE_MASK);
	return at < l->n && (l->p[at].addr ^ lin) >> PAGE_SHIFT == 0;
}

bool break_at_offset(const struct cpu *c, uint64_t page_off)
{
	const struct points *l = &c->machine->breaks->code;
	for (unsigned n = 0; n < l->n; n++)
		if ((l->p[n].addr & ~PAGE_MASK) == page_off)
			return true;
	return false;
}

static const struct point *find_watch(const struct cpu *c, uint64_t first, uint64_t last, unsigned kinds)
{
	const struct points *l = &c->machine->breaks->data;
	for (unsigned n = 0; n < l->n && l->p[n].addr <= last; n++)
		if (l->p[n].last >= first && (kinds >> l->p[n].kind & 1))
			return &l->p[n];
	return NULL;
}

bool watch_in_page(const struct cpu *c, uint64_t lin)
{
	return find_watch(c, lin & PAGE_MASK, lin | ~PAGE_MASK, ~0u);
}

bool watch_access(struct cpu *c, uint64_t lin, unsigned size, unsigned access)
{
	unsigned kinds = 1u << BREAK_ACCESS | (access & MEM_W ? 1u << BREAK_WRITE : 1u << BREAK_READ);
	const struct point *p = find_watch(c, lin, lin + size - 1, kinds);
	if (!p)
		return true;
	/* Alone already, or not an instruction's: deliveries of events and what the CPU reads for itself cannot be taken back. */
	bool alone = c->mode & M_STEP;
	if (!alone && c->cur && !(access & MEM_SYSTEM))
		return cpu_raise(c, EXC_AGAIN);
	if (c->debug.stop == STOP_NONE) {
		c->debug.stop = STOP_WATCH;
		c->debug.kind = p->kind;
		c->debug.addr = p->addr;
	}
	cpu_request(c, REQ_DEBUG);
	return true;
}

/* ---- stopping ---- */

/* Loop thread.  Whoever has told the debugger meanwhile, or let the vCPU go on, has taken debug.stop back. */
static void stop_posted(void *arg)
{
	struct cpu *c = arg;
	struct machine *m = c->machine;
	if (m->state != RUN_RUNNING || m->quitting)
		return;
	if (c->debug.stop != STOP_NONE)
		machine_stop(m, RUN_DEBUG);
	else
		vcpu_resume_all(m);
}

void break_report(struct cpu *c)
{
	struct machine *m = c->machine;
	machine_lock(m);
	m->resume_from = c->index + 1;
	vcpu_park_all(m);               /* from this thread it only asks */
	loop_post(m->loop, stop_posted, c);
	machine_unlock(m);
}
