/* tlb.c - the translation caches: filling, flushing, address spaces.  Ref: SDM 3, 4.10.
 *
 * Slots in use are listed in two journals, one for global pages, so that a flush costs what was filled since the last one and
 * not the size of the table.  User pages are kept apart by PCID: a guest that switches address spaces with bit 63 of CR3 finds its
 * pages again.  Dropping more than the guest asked for is always allowed. */
#include "core/cpu/mmu.h"
#include "core/jit/jit.h"
#include "core/machine/machine.h"
#include <string.h>
#include <sys/mman.h>

static void clear_slot(struct tlb *t, unsigned slot)
{
	struct tlb_entry *e = &t->e[slot];
	e->tag_r = e->tag_x = tlb_none(slot);
	tlb_set_word(&e->tag_w, tlb_none(slot));
}

static unsigned bloom(uint64_t region) { return (unsigned)((region * UINT64_C(0x9e3779b97f4a7c15)) >> 52); }
static bool bloom_has(const uint64_t *f, uint64_t region) { unsigned b = bloom(region); return f[b >> 6] >> (b & 63) & 1; }
static void bloom_add(uint64_t *f, uint64_t region) { unsigned b = bloom(region); f[b >> 6] |= UINT64_C(1) << (b & 63); }

static void tlb_init(struct tlb *t)
{
	clear_slot(t, 0);
	clear_slot(t, TLB_CODE);
}

/* Drop every entry that is not global.  True: code may have been among them. */
static bool flush_local(struct tlb *t)
{
	bool code = t->local_code;
	for (unsigned n = 0; n < t->n_journal; n++) {
		unsigned s = t->journal[n];
		t->info[s] &= (uint8_t)~TI_JOURNAL;
		if (!(t->info[s] & TI_GLOBAL))
			clear_slot(t, s);
	}
	t->n_journal = 0;
	t->local_code = t->local_upper = false;
	return code;
}

static void flush_all(struct tlb *t)
{
	flush_local(t);
	for (unsigned n = 0; n < t->n_global; n++) {
		unsigned s = t->journal_global[n];
		t->info[s] = 0;
		clear_slot(t, s);
	}
	t->n_global = 0;
	if (t->any_large) {
		memset(t->large_2m, 0, sizeof(t->large_2m));
		memset(t->large_1g, 0, sizeof(t->large_1g));
		t->any_large = false;
	}
}

/* Call fn for every slot in use. */
static void for_each_slot(struct tlb *t, void (*fn)(struct tlb *t, unsigned slot, uint64_t arg), uint64_t arg)
{
	for (unsigned n = 0; n < t->n_journal; n++)
		fn(t, t->journal[n], arg);
	for (unsigned n = 0; n < t->n_global; n++)
		fn(t, t->journal_global[n], arg);
}

static uint64_t entry_page(const struct tlb_entry *e)
{
	return tlb_tag_set(e->tag_r) ? e->tag_r : tlb_tag_set(e->tag_w) ? e->tag_w : e->tag_x;
}

/* arg: the address; pieces of the 1 GB around it go (4 MB pages and 2 MB pages lie inside). */
static void drop_large(struct tlb *t, unsigned slot, uint64_t arg)
{
	if ((t->info[slot] & TI_LARGE) && (entry_page(&t->e[slot]) ^ arg) >> 30 == 0)
		clear_slot(t, slot);
}

/* True: lin may be inside a large page. */
static bool flush_one(struct tlb *t, uint64_t lin)
{
	bool large = false;
	if (t->any_large && (bloom_has(t->large_2m, lin >> 22) || bloom_has(t->large_1g, lin >> 30))) {
		for_each_slot(t, drop_large, lin);
		large = true;
	}
	clear_slot(t, tlb_index(lin, false));
	clear_slot(t, tlb_index(lin, true));
	return large;
}

void tlb_fill(struct tlb *t, const struct tlb_fill *f)
{
	unsigned slot = tlb_index(f->lin, f->fetch);
	struct tlb_entry *e = &t->e[slot];
	uint64_t tag = f->lin & PAGE_MASK;
	uint8_t info = t->info[slot] & (TI_JOURNAL | TI_GJOURNAL);

	t->run[slot].start_r = t->run[slot].start_w = TLB_NO_RUN;
	tlb_set_word(&e->addend, (uintptr_t)f->host - (uintptr_t)tag);
	e->tag_r = f->r ? tag : tlb_none(slot);
	tlb_set_word(&e->tag_w, f->w ? tag : tlb_none(slot));
	e->tag_x = f->x ? tag : tlb_none(slot);
	if (f->global && !(info & TI_GJOURNAL)) {
		t->journal_global[t->n_global++] = (uint16_t)slot;
		info |= TI_GJOURNAL;
	} else if (!f->global && !(info & TI_JOURNAL)) {
		t->journal[t->n_journal++] = (uint16_t)slot;
		info |= TI_JOURNAL;
	}
	t->local_code |= f->x && !f->global;
	t->local_upper |= !f->global && tag >> 63;
	if (f->page_bits > 12) {
		info |= TI_LARGE;
		t->any_large = true;
		if (f->page_bits == 30)
			bloom_add(t->large_1g, tag >> 30);
		else
			bloom_add(t->large_2m, tag >> 22);
	}
	t->info[slot] = info | (f->global ? TI_GLOBAL : 0) | (f->writable ? TI_WRITABLE : 0);
}

/* ---- address spaces ---- */

static void forget_windows(struct cpu *c) { memset(c->mmu->win, 0, sizeof(c->mmu->win)); }

/* The space of this PCID, taken from the one unused for longest if it is new (*fresh: its table is empty). */
static unsigned find_space(struct mmu *u, uint16_t pcid, bool *fresh)
{
	unsigned oldest = 0;
	*fresh = false;
	for (unsigned n = 0; n < MMU_SPACES; n++) {
		if (u->space[n].used && u->space[n].pcid == pcid)
			return n;
		if (!u->space[n].used || (u->space[oldest].used && u->space[n].stamp < u->space[oldest].stamp))
			oldest = n;
	}
	flush_all(&u->user[oldest]);
	__atomic_store_n(&u->space[oldest].used, true, __ATOMIC_RELAXED);
	u->space[oldest].pcid = pcid;
	*fresh = true;
	return oldest;
}

static void flush_super(struct cpu *c)
{
	bool code = flush_local(&c->mmu->super);
	if (flush_local(&c->mmu->super_ac) || code)
		jit_forget(c, false);
}

static void use_space(struct cpu *c, unsigned n)
{
	struct mmu *u = c->mmu;
	u->current = n;
	u->space[n].stamp = ++u->clock;
	c->tlbs[TLB_USER] = &u->user[n];
	mmu_select(c);
}

void mmu_select(struct cpu *c)
{
	struct tlb *was = c->tlb;
	c->tlb = c->mode & M_AC ? c->tlb_never : c->tlbs[mmu_kind(c, 0)];
	/* With EFLAGS.AC a kernel may access its programs' pages. */
	if (unlikely(c->tlb != was && (c->tlb == &c->mmu->super_ac || was == &c->mmu->super_ac)))
		jit_forget_memory(c, false);
}

static void forget_memory(struct cpu *c)
{
	jit_forget_memory(c, false);
	jit_forget_memory(c, true);
}

void mmu_set_cr3(struct cpu *c, uint64_t val)
{
	struct mmu *u = c->mmu;
	bool pcide = c->cr4 & CR4_PCIDE, keep = pcide && val >> 63, fresh;
	val &= ~(UINT64_C(1) << 63);
	bool same = c->cr3 == val;
	c->cr3 = val;
	if (keep && same)
		return;
	/* Supervisor tables carry no PCID: what is not global goes.  Ranges that translated code knows are of one or the other, too. */
	jit_forget_half(c, false);
	if (u->super.local_upper || u->super_ac.local_upper || u->user[u->current].local_upper)
		jit_forget_half(c, true);
	flush_super(c);
	jit_forget(c, true);
	unsigned n = find_space(u, pcide ? val & 0xfff : 0, &fresh);
	if (!keep)
		flush_local(&u->user[n]);
	use_space(c, n);
}

void mmu_flush(struct cpu *c, bool global_too)
{
	struct mmu *u = c->mmu;
	jit_forget(c, true);
	forget_memory(c);
	if (!global_too) {
		flush_super(c);
		flush_local(&u->user[u->current]);
		return;
	}
	jit_forget(c, false);
	flush_all(&u->super);
	flush_all(&u->super_ac);
	for (unsigned n = 0; n < MMU_SPACES; n++)
		flush_all(&u->user[n]);
	forget_windows(c);
	engine_mappings_gone(c);
	bool fresh;
	use_space(c, find_space(u, c->cr4 & CR4_PCIDE ? c->cr3 & 0xfff : 0, &fresh));
}

void mmu_flush_page(struct cpu *c, uint64_t lin)
{
	struct mmu *u = c->mmu;
	bool large = flush_one(&u->super, lin);
	large |= flush_one(&u->super_ac, lin);
	for (unsigned n = 0; n < MMU_SPACES; n++)
		if (u->space[n].used)
			large |= flush_one(&u->user[n], lin);
	if (!jit_forget_page(c, lin, large))
		mmu_flush(c, true);
}

void mmu_invpcid(struct cpu *c, unsigned type, uint16_t pcid, uint64_t lin)
{
	struct mmu *u = c->mmu;
	if (type == 0)
		mmu_flush_page(c, lin);
	else if (type == 2)
		mmu_flush(c, true);
	else {
		for (unsigned n = 0; n < MMU_SPACES; n++)
			if (u->space[n].used && (type == 3 || u->space[n].pcid == pcid))
				flush_local(&u->user[n]);
		jit_forget(c, true);
		forget_memory(c);
		flush_super(c);
	}
}

/* ---- pages that hold code ---- */

/* arg: host address of the RAM page. */
static void protect_slot(struct tlb *t, unsigned slot, uint64_t arg)
{
	struct tlb_entry *e = &t->e[slot];
	if (tlb_tag_set(e->tag_w) && e->tag_w + e->addend == arg)
		tlb_set_word(&e->tag_w, tlb_none(slot));
}

static uint64_t page_host(const struct cpu *c, uint64_t ram_page) { return (uintptr_t)c->machine->ram.host + (ram_page & PAGE_MASK); }

void mmu_protect_code(struct cpu *c, uint64_t ram_page)
{
	struct mmu *u = c->mmu;
	uint64_t host = page_host(c, ram_page);
	bool alone = c->machine->n_cpus <= 1;
	if (!alone) {
		_Atomic uint64_t *w = &c->machine->ram.writers[ram_page >> PAGE_SHIFT];
		if (!(atomic_load(w) >> c->index & 1))
			return;
		atomic_fetch_and(w, ~(UINT64_C(1) << c->index));
	}
	forget_memory(c);
	/* Runs of other pages may go over this one; among several vCPUs they are one page. */
	if (alone && !(jit_forget_runs(c, false) & jit_forget_runs(c, true)))
		mmu_flush(c, true);
	for_each_slot(&u->super, protect_slot, host);
	for_each_slot(&u->super_ac, protect_slot, host);
	for (unsigned n = 0; n < MMU_SPACES; n++)
		if (u->space[n].used)
			for_each_slot(&u->user[n], protect_slot, host);
}

/* The table changes under our eyes; a tag that was there when the marks were set, and still is, is found. */
static bool writes_to(const struct tlb *t, uint64_t host)
{
	for (unsigned n = 0; n < TLB_CODE; n++) {
		uint64_t tag = __atomic_load_n(&t->e[n].tag_w, __ATOMIC_RELAXED);
		if (tlb_tag_set(tag) && tag + __atomic_load_n(&t->e[n].addend, __ATOMIC_RELAXED) == host)
			return true;
	}
	return false;
}

static bool may_write(const struct mmu *u, uint64_t ram_page, uint64_t host)
{
	if (__atomic_load_n(&u->written, __ATOMIC_RELAXED) >> (ram_page >> PAGE_SHIFT & 63) & 1)
		return true;
	if (writes_to(&u->super, host) || writes_to(&u->super_ac, host))
		return true;
	for (unsigned n = 0; n < MMU_SPACES; n++)
		if (__atomic_load_n(&u->space[n].used, __ATOMIC_RELAXED) && writes_to(&u->user[n], host))
			return true;
	return false;
}

bool mmu_may_write(const struct cpu *c, uint64_t ram_page)
{
	_Atomic uint64_t *w = &c->machine->ram.writers[ram_page >> PAGE_SHIFT];
	uint64_t bit = UINT64_C(1) << c->index;
	if (!(atomic_load(w) & bit))
		return false;
	/* Looking is slow; who has lost its tag is not looked at again.  One that gets a new one meanwhile finds its bit taken back. */
	atomic_fetch_and(w, ~bit);
	if (!may_write(c->mmu, ram_page, page_host(c, ram_page)))
		return false;
	atomic_fetch_or(w, bit);
	return true;
}

void mmu_forget_writes(struct cpu *c) { tlb_set_word(&c->mmu->written, 0); }

/* ---- life ---- */

enum { HUGE = 2 << 20, MAP_BYTES = sizeof(struct mmu) + HUGE };

bool mmu_create(struct cpu *c)
{
	uint8_t *map = mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return false;
	struct mmu *u = (struct mmu *)(void *)(((uintptr_t)map + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
	madvise(u, HUGE, MADV_HUGEPAGE);
	u->map = map;
	c->mmu = u;
	tlb_init(&u->super);
	tlb_init(&u->super_ac);
	tlb_init(&u->never);
	for (unsigned n = 0; n < MMU_SPACES; n++)
		tlb_init(&u->user[n]);
	u->space[0].used = true;
	c->tlbs[TLB_SUPER] = &u->super;
	c->tlbs[TLB_SUPER_AC] = &u->super_ac;
	c->tlbs[TLB_USER] = &u->user[0];
	c->tlb_never = &u->never;
	c->tlb = &u->super;
	return true;
}

void mmu_destroy(struct cpu *c)
{
	if (c->mmu)
		munmap(c->mmu->map, MAP_BYTES);
	c->mmu = NULL;
}
