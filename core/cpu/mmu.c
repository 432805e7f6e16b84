/* mmu.c - memory accesses that miss the TLB: page crossings, MMIO, code and watched pages, faults.  Ref: SDM 3, chapter 4. */
#include "core/cpu/mmu.h"
#include "core/cpu/debugreg.h"
#include "core/jit/jit.h"
#include "core/jit/lockstep.h"
#include "core/machine/machine.h"
#include <string.h>

/* Where a byte lives: host NULL = not plain memory, access it at phys through the machine. */
struct place { uint8_t *host; uint64_t phys; };

/* #GP(0), or #SS(0) when the access was relative to SS. */
static bool raise_noncanonical(struct cpu *c, unsigned access)
{
	bool stack = !(access & (MEM_SYSTEM | MEM_X)) && c->cur && (c->cur->sg == SEG_SS || c->cur->sg == SEG_NULL_SS);
	return cpu_raise_err(c, stack ? EXC_SS : EXC_GP, 0);
}

/* ---- translation ---- */

enum { DIRTY_ALL = DIRTY_VGA | DIRTY_MIGRATE };
static void mark_dirty(struct ram_arena *ram, uint64_t page)
{
	if (ram->dirty[page] != DIRTY_ALL)
		ram->dirty[page] = DIRTY_ALL;
}

/* c can write to RAM page n from now on.  Another vCPU that marks the page as code either finds that out (mmu_may_write, which also takes
 * back the bit of who has lost its tags), or its mark is seen by our caller, who looks next. */
static void note_writer(struct cpu *c, uint64_t n)
{
	_Atomic uint64_t *w = &c->machine->ram.writers[n];
	atomic_thread_fence(memory_order_seq_cst);
	if (!(atomic_load(w) >> c->index & 1))
		atomic_fetch_or(w, UINT64_C(1) << c->index);
}

/* Entry e has got a write tag for RAM page n.  Another vCPU may have marked the page as code meanwhile. */
static void look_again(struct cpu *c, struct tlb_entry *e, uint64_t n)
{
	if (c->machine->n_cpus <= 1)
		return;
	note_writer(c, n);
	if (c->machine->ram.code_lines[n])
		tlb_set_word(&e->tag_w, tlb_none(tlb_index(e->tag_r, false)));
}

/* Code that is written, run and written again gets no write tags in between: taking them back costs more than some writes without. */
static bool fades(struct ram_arena *ram, uint64_t n)
{
	uint8_t left = atomic_load_explicit(&ram->code_fades[n], memory_order_relaxed);
	if (likely(!left))
		return false;
	atomic_store_explicit(&ram->code_fades[n], left - 1, memory_order_relaxed);
	return true;
}

/* The page of entry e may be written but had no write tag: it was clean, or held code that is gone by now. */
static void allow_writes(struct cpu *c, struct tlb *t, struct tlb_entry *e, uint64_t page)
{
	struct ram_arena *ram = &c->machine->ram;
	uint64_t n = (uint64_t)((uint8_t *)(uintptr_t)(page + e->addend) - ram->host) >> PAGE_SHIFT;
	mark_dirty(ram, n);
	if (!ram->code_lines[n] && !fades(ram, n)) {
		tlb_set_word(&e->tag_w, page);
		t->run[e - t->e].start_w = TLB_NO_RUN;
		look_again(c, e, n);
	}
}

/* Walk the tables and remember the result.  False: fault, its error code in p->phys. */
static bool fill(struct cpu *c, uint64_t lin, unsigned access, struct place *p)
{
	struct walk w;
	if (!paging_walk(c, lin, access, false, &w)) {
		p->phys = w.err;
		return false;
	}
	p->phys = w.phys | (lin & ~PAGE_MASK);
	p->host = NULL;

	uint64_t room;
	bool rom;
	uint8_t *page = paging_phys(c, w.phys, &room, &rom);
	if (!page || room < PAGE_SIZE)
		return true;
	struct ram_arena *ram = &c->machine->ram;
	uint64_t n = (uint64_t)(page - ram->host) >> PAGE_SHIFT;
	unsigned kind = mmu_kind(c, access);
	bool user = kind == TLB_USER;
	bool watched = debug_page_watched(c, lin);
	struct tlb_fill f = { .lin = lin, .host = page, .global = w.global, .page_bits = w.page_bits };
	f.r = user ? w.user : !(w.user && (c->cr4 & CR4_SMAP) && kind != TLB_SUPER_AC);
	f.x = user ? w.user && w.exec : w.exec && !(w.user && (c->cr4 & CR4_SMEP));
	if (unlikely(c->debug.breaks) && break_in_page(c, lin))
		f.x = false;            /* the dispatcher has to look */
	f.writable = !rom && w.dirty && f.r && (w.write || (!user && !(c->cr0 & CR0_WP)));
	if (f.x)
		engine_code_mapped(c, n, !rom && (w.write || (!user && !(c->cr0 & CR0_WP))));
	if (watched)
		f.r = false;
	if ((access & MEM_W) && f.writable)
		mark_dirty(ram, n);
	f.fetch = access & MEM_X;
	f.r &= !f.fetch;
	f.x &= f.fetch;
	f.writable &= !f.fetch;
	f.w = f.writable && !watched && !ram->code_lines[n] && !ram->code_fades[n] && ram->dirty[n] == DIRTY_ALL;
	tlb_fill(c->tlbs[kind], &f);
	/* Among several vCPUs every page written to has an entry with a tag, by which the others find it (mmu_may_write). */
	if (c->machine->n_cpus > 1)
		jit_forget_memory(c, user);
	if (f.w)
		look_again(c, &c->tlbs[kind]->e[tlb_index(lin, false)], n);
	if (!rom || !(access & MEM_W))
		p->host = page + (lin & ~PAGE_MASK);
	return true;
}

/* Rights and place of an access that stays in its page. */
static bool translate(struct cpu *c, uint64_t lin, unsigned access, struct place *p)
{
	if (cpu_long(c) && unlikely(!paging_canonical(lin)))
		return raise_noncanonical(c, access);
	struct tlb *t = c->tlbs[mmu_kind(c, access)];
	unsigned slot = tlb_index(lin, access & MEM_X);
	struct tlb_entry *e = &t->e[slot];
	uint64_t page = lin & PAGE_MASK;
	bool hit = access & MEM_X ? e->tag_x == page : e->tag_r == page;
	if ((access & MEM_W) && e->tag_w != page) {
		hit = hit && (t->info[slot] & TI_WRITABLE);
		if (hit)
			allow_writes(c, t, e, page);
	}
	if (hit) {
		p->host = (uint8_t *)(uintptr_t)(lin + e->addend);
		return true;
	}
	if (likely(fill(c, lin, access, p)))
		return true;
	return cpu_raise_pf(c, lin, (uint32_t)p->phys);
}

/* A read-modify-write needs both rights; a page one can write one can read. */
static bool translate_rw(struct cpu *c, uint64_t lin, unsigned access, struct place *p)
{
	return translate(c, lin, access & MEM_W ? access & ~(unsigned)MEM_R : access, p);
}

/* Both halves of an access, n bytes in the first.  The second half of an access below 4 GB wraps outside long mode. */
static bool translate_span(struct cpu *c, uint64_t lin, unsigned size, unsigned access, struct place p[2], unsigned *n)
{
	unsigned room = PAGE_SIZE - (unsigned)(lin & ~PAGE_MASK);
	*n = size < room ? size : room;
	if (unlikely(size > room) && cpu_long(c) && !paging_canonical(lin + size - 1))
		return raise_noncanonical(c, access);           /* before any page fault of the first half */
	if (!translate_rw(c, lin, access, &p[0]))
		return false;
	if (likely(size <= room))
		return true;
	uint64_t next = (lin & PAGE_MASK) + PAGE_SIZE;
	if (!cpu_long(c))
		next = (uint32_t)next;
	return translate_rw(c, next, access, &p[1]);
}

/* Alignment check, SDM 3, 6.15 "Interrupt 17": 10-byte operands are checked as 8, vectors by their own instructions. */
static bool alignment_ok(struct cpu *c, uint64_t lin, unsigned size, unsigned access)
{
	if (likely(!(c->mode & M_AC)) || (access & (MEM_SYSTEM | MEM_X)) || size > 10)
		return true;
	unsigned align = size >= 8 ? 8 : size >= 4 ? 4 : size;
	return !(lin & (align - 1)) || cpu_raise_err(c, EXC_AC, 0);
}

/* ---- pieces within one page ---- */

static unsigned io_chunk(uint64_t phys, unsigned left)
{
	unsigned n = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
	while (phys & (n - 1) && n > 1 && left != n)    /* odd-sized leftovers go out naturally aligned */
		n >>= 1;
	return n;
}

static void io_read(struct cpu *c, uint64_t phys, uint8_t *buf, unsigned size)
{
	machine_lock(c->machine);
	while (size) {
		unsigned n = io_chunk(phys, size);
		uint64_t v = space_read(&c->machine->mem, phys, n);
		memcpy(buf, &v, n);
		buf += n, phys += n, size -= n;
	}
	machine_unlock(c->machine);
	cpu_saw_clock(c);
}

static void io_write(struct cpu *c, uint64_t phys, const uint8_t *buf, unsigned size)
{
	machine_lock(c->machine);
	while (size) {
		unsigned n = io_chunk(phys, size);
		uint64_t v = 0;
		memcpy(&v, buf, n);
		space_write(&c->machine->mem, phys, n, v);
		buf += n, phys += n, size -= n;
	}
	machine_unlock(c->machine);
}

static void get_piece(struct cpu *c, const struct place *p, void *buf, unsigned size)
{
	if (likely(p->host))
		memcpy(buf, p->host, size);
	else if (unlikely(c->recording))
		lockstep_device(c);
	else
		io_read(c, p->phys, buf, size);
}

static void put_piece(struct cpu *c, const struct place *p, const void *buf, unsigned size)
{
	if (unlikely(!p->host)) {
		if (c->recording)
			lockstep_device(c);
		else
			io_write(c, p->phys, buf, size);
		return;
	}
	struct ram_arena *ram = &c->machine->ram;
	uint64_t addr = (uint64_t)(p->host - ram->host), page = addr >> PAGE_SHIFT;
	if (unlikely(c->recording) && !lockstep_store(c, p->host, size, ram->code_lines[page]))
		return;
	mark_dirty(ram, page);
	memcpy(p->host, buf, size);
	if (c->machine->n_cpus > 1)
		atomic_thread_fence(memory_order_seq_cst);      /* against engine.c's decode_block */
	uint64_t lines = ram->code_lines[page];
	if (unlikely(lines)) {
		unsigned first = (addr >> 6) & 63, last = ((addr + size - 1) >> 6) & 63;
		if (lines >> first & 1 || lines >> last & 1)
			engine_code_written(c->machine, addr, size);
	}
}

/* ---- the slow paths behind mem.h ---- */

bool mmu_read(struct cpu *c, uint64_t lin, void *buf, unsigned size, unsigned access)
{
	struct place p[2];
	unsigned n;
	if (!alignment_ok(c, lin, size, access) || !translate_span(c, lin, size, access, p, &n))
		return false;
	if (unlikely(c->dr[7] & 0xff) && !(access & MEM_X))
		debug_note_access(c, lin, size, MEM_R);
	if (unlikely(c->debug.watches) && !(access & MEM_X) && !watch_access(c, lin, size, (access & MEM_SYSTEM) | MEM_R))
		return false;
	get_piece(c, &p[0], buf, n);
	if (n < size)
		get_piece(c, &p[1], (uint8_t *)buf + n, size - n);
	return true;
}

bool mmu_write(struct cpu *c, uint64_t lin, const void *buf, unsigned size, unsigned access)
{
	struct place p[2];
	unsigned n;
	if (!alignment_ok(c, lin, size, access) || !translate_span(c, lin, size, access, p, &n))
		return false;
	if (unlikely(c->dr[7] & 0xff))
		debug_note_access(c, lin, size, MEM_W);
	if (unlikely(c->debug.watches) && !watch_access(c, lin, size, (access & MEM_SYSTEM) | MEM_W))
		return false;
	put_piece(c, &p[0], buf, n);
	if (n < size)
		put_piece(c, &p[1], (const uint8_t *)buf + n, size - n);
	return true;
}

bool mmu_host(struct cpu *c, uint64_t lin, unsigned size, unsigned access, uintptr_t *host)
{
	struct place p;
	*host = 0;
	if (PAGE_SIZE - (lin & ~PAGE_MASK) < size || (c->mode & M_AC) || c->recording)
		return true;
	if (!translate(c, lin, access, &p))
		return false;
	if (!p.host || debug_page_watched(c, lin))
		return true;
	if (access & MEM_W) {
		struct ram_arena *ram = &c->machine->ram;
		uint64_t page = (uint64_t)(p.host - ram->host) >> PAGE_SHIFT;
		if (c->machine->n_cpus > 1) {           /* as in look_again() */
			tlb_set_word(&c->mmu->written, c->mmu->written | UINT64_C(1) << (page & 63));
			note_writer(c, page);
		}
		if (ram->code_lines[page])
			return true;
		ram->dirty[page] = DIRTY_VGA | DIRTY_MIGRATE;
	}
	*host = (uintptr_t)p.host;
	return true;
}

bool mmu_probe(struct cpu *c, uint64_t lin, unsigned size, unsigned access)
{
	if (!alignment_ok(c, lin, size, access))
		return false;
	for (unsigned done = 0; done < size;) {
		struct place p;
		unsigned room = PAGE_SIZE - (unsigned)(lin & ~PAGE_MASK);
		if (!translate_rw(c, lin, access, &p))
			return false;
		done += room;
		lin += room;
		if (!cpu_long(c))
			lin = (uint32_t)lin;
	}
	return true;
}

bool mmu_fetch_page(struct cpu *c, uint64_t lin, const uint8_t **host, uint64_t *ram_addr)
{
	struct place p;
	if (!translate(c, lin, MEM_X, &p))
		return false;
	*host = p.host;
	*ram_addr = p.host ? (uint64_t)(p.host - c->machine->ram.host) : 0;
	return true;
}

bool mmu_translate_debug(struct cpu *c, uint64_t lin, uint64_t *phys)
{
	struct walk w;
	if (cpu_long(c) && !paging_canonical(lin))
		return false;
	c->mmu->lock_held = true;
	bool ok = paging_walk(c, lin, MEM_R | MEM_SYSTEM | MEM_DEBUG, true, &w);
	c->mmu->lock_held = false;
	if (!ok)
		return false;
	*phys = w.phys | (lin & ~PAGE_MASK);
	return true;
}
