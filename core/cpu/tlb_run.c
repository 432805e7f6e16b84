/* tlb_run.c - how far memory goes on around the page of a TLB entry: for the translator, whose checks are against ranges.
 *
 * A run is looked for when translated code has come to its page a few times: large pages as far as they are RAM, or small ones: neighbours in the same
 * page table whose entries differ in nothing but the address, which is the next in order.  So neither a page nor its rights, nor A and D bits need a
 * walk of their own.  For writes it stops at pages with code and at clean ones; among several vCPUs it is one page (see mmu_may_write). */
#include "core/cpu/mmu.h"
#include "core/machine/machine.h"

enum { PTE_D = 1 << 6, REACH = 128, LARGE_PAGES = 512, FAR = REACH * LARGE_PAGES };

struct extent { unsigned back, forth; };        /* pages before and behind the entry's */

/* What lies in the same window of RAM as the page. */
static struct extent in_window(const struct cpu *c, uint64_t phys)
{
	const struct ram_window *win = &c->mmu->win[0];
	uint64_t before = (phys - win->start) >> PAGE_SHIFT, behind = (win->start + win->size - phys) >> PAGE_SHIFT;
	return (struct extent) { before < FAR ? (unsigned)before : FAR, behind <= FAR ? (unsigned)behind - 1 : FAR };
}

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

/* Entries around w->pte, at most `max` of them, that continue it. */
static struct extent neighbours(const struct walk *w, struct extent max)
{
	struct extent x = { 0, 0 };
	if (!w->pte)
		return x;
	unsigned at = (unsigned)((uintptr_t)w->pte >> 3) & (LARGE_PAGES - 1);
	uint64_t v = __atomic_load_n(w->pte, __ATOMIC_RELAXED);
	max.back = least(least(max.back, at), REACH);
	max.forth = least(least(max.forth, LARGE_PAGES - 1 - at), REACH);
	while (x.back < max.back &&
		!((__atomic_load_n(w->pte - x.back - 1, __ATOMIC_RELAXED) ^ (v - ((uint64_t)(x.back + 1) << w->page_bits))) & ~(uint64_t)PTE_D))
		x.back++;
	while (x.forth < max.forth &&
		!((__atomic_load_n(w->pte + x.forth + 1, __ATOMIC_RELAXED) ^ (v + ((uint64_t)(x.forth + 1) << w->page_bits))) & ~(uint64_t)PTE_D))
		x.forth++;
	return x;
}

static struct extent readable(const struct walk *w, uint64_t page, struct extent max)
{
	if (w->page_bits == PAGE_SHIFT)
		return neighbours(w, max);
	unsigned at = (unsigned)(page >> PAGE_SHIFT) & (LARGE_PAGES - 1);
	struct extent x = neighbours(w, (struct extent) { max.back / LARGE_PAGES, max.forth / LARGE_PAGES });
	return (struct extent) { least(at + x.back * LARGE_PAGES, max.back), least(LARGE_PAGES - 1 - at + x.forth * LARGE_PAGES, max.forth) };
}

static bool may_write(const struct ram_arena *ram, const struct walk *w, uint64_t n, int64_t k)
{
	bool d = w->page_bits > PAGE_SHIFT || (__atomic_load_n(w->pte + k, __ATOMIC_RELAXED) & PTE_D);
	return d && !ram->code_lines[n + (uint64_t)k] && !ram->code_fades[n + (uint64_t)k] && ram->dirty[n + (uint64_t)k] == (DIRTY_VGA | DIRTY_MIGRATE);
}

static struct extent writable(const struct ram_arena *ram, const struct walk *w, uint64_t n, uint64_t page, struct extent max)
{
	if (w->page_bits > PAGE_SHIFT) {                /* its neighbours have D bits of their own */
		unsigned at = (unsigned)(page >> PAGE_SHIFT) & (LARGE_PAGES - 1);
		max = (struct extent) { least(at, max.back), least(LARGE_PAGES - 1 - at, max.forth) };
	}
	struct extent x = { 0, 0 };
	while (x.back < least(max.back, REACH) && may_write(ram, w, n, -(int64_t)x.back - 1))
		x.back++;
	while (x.forth < least(max.forth, REACH) && may_write(ram, w, n, x.forth + 1))
		x.forth++;
	return x;
}

/* The tables may say something else by now than they did when the entry was filled. */
static bool still_true(struct cpu *c, const struct tlb_entry *e, uint64_t page, struct walk *w, uint64_t *ram_page)
{
	uint64_t room;
	bool rom;
	if (c->a20_mask_on || (c->dr[7] & 0xff) || c->debug.watches || !paging_walk(c, page, MEM_R | MEM_SYSTEM | MEM_DEBUG, true, w))
		return false;
	uint8_t *host = paging_phys(c, w->phys, &room, &rom);
	*ram_page = (uint64_t)(host - c->machine->ram.host) >> PAGE_SHIFT;
	return host && !rom && (uintptr_t)host == page + e->addend;
}

void tlb_find_run(struct cpu *c, struct tlb_entry *e, bool write)
{
	struct tlb_run *r = &c->tlb->run[e - c->tlb->e];
	uint64_t page = write ? e->tag_w : e->tag_r, n;
	struct walk w;
	struct extent x = { 0, 0 };
	if (!(write && c->machine->n_cpus > 1) && still_true(c, e, page, &w, &n)) {
		x = readable(&w, page, in_window(c, w.phys));
		if (write)
			x = w.dirty ? writable(&c->machine->ram, &w, n, page, x) : (struct extent) { 0, 0 };
	}
	*(write ? &r->start_w : &r->start_r) = (page - ((uint64_t)x.back << PAGE_SHIFT)) | c->jit.epoch[page >> 63];
	*(write ? &r->limit_w : &r->limit_r) = ((uint64_t)(x.back + x.forth + 1) << PAGE_SHIFT) - JIT_ACCESS_MAX + 1;
}
