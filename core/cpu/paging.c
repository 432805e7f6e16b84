/* paging.c - page walks: 32-bit with PSE-36, PAE, 4-level.  Ref: SDM 3, chapter 4; A20 as on the PC/AT board.
 *
 * Entries are read through host pointers into guest RAM; A and D bits are set by compare-and-swap, so that a guest's other
 * processors, which change the same tables, never lose an update (SDM 3, 8.1.2.1). */
#include "core/cpu/mmu.h"
#include "core/machine/machine.h"
#include <string.h>

enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_A = 1 << 5, PTE_D = 1 << 6, PTE_PS = 1 << 7, PTE_G = 1 << 8 };
#define PTE_NX    (UINT64_C(1) << 63)
#define PHYS_MASK ((UINT64_C(1) << PHYS_BITS) - 1)
#define PTE_FRAME (PHYS_MASK & PAGE_MASK)
#define PTE_HIGH_RSVD (((UINT64_C(1) << 52) - 1) & ~PHYS_MASK)

/* ---- physical memory ---- */

static void lock(struct cpu *c)   { if (!c->mmu->lock_held) machine_lock(c->machine); }
static void unlock(struct cpu *c) { if (!c->mmu->lock_held) machine_unlock(c->machine); }

/* Ask the machine's map; the lock keeps it from being rebuilt meanwhile. */
static bool find_window(struct cpu *c, uint64_t phys, struct ram_window *w)
{
	struct machine *m = c->machine;
	bool found = false;
	lock(c);
	const struct flat_range *f = space_find(&m->mem, phys);
	if (f && (f->r->kind == REGION_RAM || f->r->kind == REGION_ROM)) {
		w->start = f->start;
		w->size = f->end - f->start + 1;
		w->host = m->ram.host + f->r->ram_addr + f->off;
		w->rom = f->r->kind == REGION_ROM;
		found = true;
	}
	unlock(c);
	return found;
}

uint8_t *paging_phys(struct cpu *c, uint64_t phys, uint64_t *room, bool *rom)
{
	struct ram_window *win = c->mmu->win;
	unsigned n = 0;
	while (n < MMU_WINDOWS && phys - win[n].start >= win[n].size)
		n++;
	if (n > 0) {                            /* move to the front, evicting the last one on a miss */
		struct ram_window w;
		if (n < MMU_WINDOWS)
			w = win[n];
		else if (!find_window(c, phys, &w))
			return NULL;
		memmove(win + 1, win, (n < MMU_WINDOWS ? n : MMU_WINDOWS - 1) * sizeof(*win));
		win[0] = w;
	}
	uint64_t off = phys - win[0].start;
	*room = win[0].size - off;
	*rom = win[0].rom;
	return win[0].host + off;
}

/* ---- table entries ---- */

/* One entry on the way down.  host NULL: the table is not in RAM (it then keeps no A and D bits). */
struct entry { uint8_t *host; uint64_t val; };

/* Not in the window of RAM that was used last. */
static void read_entry_elsewhere(struct cpu *c, uint64_t phys, unsigned size, struct entry *e)
{
	uint64_t room;
	bool rom;
	uint8_t *p = paging_phys(c, phys, &room, &rom);
	e->host = rom ? NULL : p;
	if (likely(p && room >= size)) {
		e->val = size == 8 ? __atomic_load_n((uint64_t *)(void *)p, __ATOMIC_RELAXED)
				   : __atomic_load_n((uint32_t *)(void *)p, __ATOMIC_RELAXED);
		return;
	}
	e->host = NULL;
	lock(c);
	e->val = space_read(&c->machine->mem, phys, size);
	unlock(c);
}

static inline void read_entry(struct cpu *c, uint64_t phys, unsigned size, struct entry *e)
{
	phys = paging_a20(c, phys);
	const struct ram_window *win = &c->mmu->win[0];
	uint64_t off = phys - win->start;
	if (likely(off < win->size && win->size - off >= size && !win->rom)) {
		e->host = win->host + off;
		e->val = size == 8 ? __atomic_load_n((uint64_t *)(void *)e->host, __ATOMIC_RELAXED)
				   : __atomic_load_n((uint32_t *)(void *)e->host, __ATOMIC_RELAXED);
		return;
	}
	read_entry_elsewhere(c, phys, size, e);
}

/* Set bits in an entry.  False: it changed since it was read, walk again. */
static bool set_bits(struct cpu *c, const struct entry *e, unsigned size, uint32_t bits)
{
	struct ram_arena *ram = &c->machine->ram;
	if ((e->val & bits) == bits || !e->host)
		return true;
	uint64_t old = e->val;
	uint32_t old32 = (uint32_t)old;
	bool ok = size == 8 ? __atomic_compare_exchange_n((uint64_t *)(void *)e->host, &old, old | bits, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)
			    : __atomic_compare_exchange_n((uint32_t *)(void *)e->host, &old32, old32 | bits, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	uint64_t addr = (uint64_t)(e->host - ram->host);
	atomic_fetch_or_explicit(&ram->dirty[addr >> PAGE_SHIFT], DIRTY_VGA | DIRTY_MIGRATE, memory_order_relaxed);
	if (unlikely(ram->code_lines[addr >> PAGE_SHIFT]))
		engine_code_written(c->machine, addr, size);
	return ok;
}

/* Rights of the whole walk against the access; false = protection violation.  SDM 3, 4.6.1. */
static bool allowed(const struct cpu *c, const struct walk *w, unsigned access)
{
	bool system = access & MEM_SYSTEM;
	if (access & MEM_DEBUG)
		return true;
	if (c->cpl == 3 && !system) {
		if (!w->user)
			return false;
		return (!(access & MEM_W) || w->write) && (!(access & MEM_X) || w->exec);
	}
	if (access & MEM_X)
		return w->exec && !(w->user && (c->cr4 & CR4_SMEP));
	if (w->user && (c->cr4 & CR4_SMAP) && (system || !(c->eflags_sys & FL_AC)))
		return false;
	return !(access & MEM_W) || w->write || !(c->cr0 & CR0_WP);
}

static uint32_t fault_code(const struct cpu *c, unsigned access)
{
	uint32_t err = 0;
	if (access & MEM_W)
		err |= PF_W;
	if (c->cpl == 3 && !(access & MEM_SYSTEM))
		err |= PF_U;
	if ((access & MEM_X) && (((c->cr4 & CR4_PAE) && (c->efer & EFER_NXE)) || (c->cr4 & CR4_SMEP)))
		err |= PF_I;
	return err;
}

/* ---- the walks ---- */

enum step { STEP_DONE, STEP_AGAIN, STEP_FAULT };

/* Check rights, then set A on the way and D at the leaf. */
static enum step finish(struct cpu *c, struct walk *w, struct entry *e, unsigned n, unsigned size, unsigned access, bool quiet)
{
	if (!allowed(c, w, access)) {
		w->err |= PF_P;
		return STEP_FAULT;
	}
	w->dirty = e[n - 1].val & PTE_D;
	w->accessed = true;
	for (unsigned k = 0; k < n; k++)
		w->accessed &= (e[k].val & PTE_A) != 0;
	if (quiet)
		return STEP_DONE;
	for (unsigned k = 0; k + 1 < n; k++)
		if (!set_bits(c, &e[k], size, PTE_A))
			return STEP_AGAIN;
	if (!set_bits(c, &e[n - 1], size, PTE_A | (access & MEM_W ? PTE_D : 0)))
		return STEP_AGAIN;
	w->dirty |= (access & MEM_W) != 0;
	return STEP_DONE;
}

static enum step walk_32(struct cpu *c, uint64_t lin, unsigned access, bool quiet, struct walk *w)
{
	struct entry e[2];
	unsigned n = 1;
	read_entry(c, (c->cr3 & 0xfffff000) + ((lin >> 22) & 0x3ff) * 4, 4, &e[0]);
	uint64_t v = e[0].val;
	if (!(v & PTE_P))
		return STEP_FAULT;
	w->user = v & PTE_U;
	w->write = v & PTE_W;
	w->exec = true;
	if ((v & PTE_PS) && (c->cr4 & CR4_PSE)) {
		if (v & (1u << 21)) {                   /* PSE-36: bits 20-13 are address bits 39-32, bit 21 is reserved */
			w->err |= PF_RSVD | PF_P;
			return STEP_FAULT;
		}
		w->phys = (v & 0xffc00000) | ((v >> 13) & 0xff) << 32 | (lin & 0x3ff000);
		w->page_bits = 22;
	} else {
		read_entry(c, (v & 0xfffff000) + ((lin >> 12) & 0x3ff) * 4, 4, &e[n++]);
		v = e[1].val;
		if (!(v & PTE_P))
			return STEP_FAULT;
		w->user &= (v & PTE_U) != 0;
		w->write &= (v & PTE_W) != 0;
		w->phys = v & 0xfffff000;
		w->page_bits = 12;
	}
	w->global = (v & PTE_G) && (c->cr4 & CR4_PGE);
	return finish(c, w, e, n, 4, access, quiet);
}

/* Reserved bits of an 8-byte entry; shift is the position of its index: 39 PML4E, 30 PDPTE, 21 PDE, 12 PTE. */
static bool reserved(const struct cpu *c, uint64_t v, unsigned shift)
{
	uint64_t bad = PTE_HIGH_RSVD;
	if (!(c->efer & EFER_NXE))
		bad |= PTE_NX;
	if (!(c->efer & EFER_LMA))
		bad |= UINT64_C(0x7ff) << 52;
	if (shift == 39)
		bad |= PTE_PS;
	else if (shift > 12 && (v & PTE_PS))
		bad |= ((UINT64_C(1) << shift) - 1) & ~UINT64_C(0x1fff);
	return v & bad;
}

/* PAE and 4-level: 8-byte entries.  Without long mode the top level is the registers loaded with CR3. */
static enum step walk_64(struct cpu *c, uint64_t lin, unsigned access, bool quiet, struct walk *w)
{
	struct entry e[4];
	unsigned n = 0, shift = 39;
	uint64_t table = c->cr3 & PTE_FRAME;
	w->user = w->write = w->exec = true;
	if (!(c->efer & EFER_LMA)) {
		uint64_t p = c->pdpte[(lin >> 30) & 3];
		if (!(p & PTE_P))
			return STEP_FAULT;
		table = p & PTE_FRAME;
		shift = 21;
	}
	for (;; shift -= 9) {
		read_entry(c, table + ((lin >> shift) & 0x1ff) * 8, 8, &e[n]);
		uint64_t v = e[n++].val;
		if (!(v & PTE_P))
			return STEP_FAULT;
		if (reserved(c, v, shift)) {
			w->err |= PF_RSVD | PF_P;
			return STEP_FAULT;
		}
		w->user &= (v & PTE_U) != 0;
		w->write &= (v & PTE_W) != 0;
		w->exec &= !(v & PTE_NX);
		if (shift == 12 || (v & PTE_PS)) {
			uint64_t in_page = (UINT64_C(1) << shift) - 1;
			w->phys = ((v & PTE_FRAME) & ~in_page) | (lin & in_page & PAGE_MASK);
			w->page_bits = (uint8_t)shift;
			w->pte = shift <= 21 ? (const uint64_t *)(const void *)e[n - 1].host : NULL;
			w->global = (v & PTE_G) && (c->cr4 & CR4_PGE);
			return finish(c, w, e, n, 8, access, quiet);
		}
		table = v & PTE_FRAME;
	}
}

bool paging_walk(struct cpu *c, uint64_t lin, unsigned access, bool quiet, struct walk *w)
{
	enum step s = STEP_DONE;
	if (!(c->cr0 & CR0_PG)) {
		*w = (struct walk){ .phys = lin & PAGE_MASK, .user = true, .write = true, .exec = true, .dirty = true, .accessed = true, .page_bits = 12 };
	} else {
		do {
			w->err = fault_code(c, access);
			w->pte = NULL;
			s = c->cr4 & CR4_PAE ? walk_64(c, lin, access, quiet, w) : walk_32(c, lin, access, quiet, w);
		} while (unlikely(s == STEP_AGAIN));
	}
	w->phys = paging_a20(c, w->phys);
	return s == STEP_DONE;
}

bool paging_load_pdptes(struct cpu *c, uint64_t cr3)
{
	uint64_t p[4];
	for (unsigned n = 0; n < 4; n++) {
		struct entry e;
		read_entry(c, (cr3 & 0xffffffe0) + n * 8, 8, &e);
		p[n] = e.val;
		if ((p[n] & PTE_P) && (p[n] & (~PHYS_MASK | 0x1e6)))
			return false;
	}
	memcpy(c->pdpte, p, sizeof(p));
	return true;
}
