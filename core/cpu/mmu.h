/* mmu.h - what the parts of the memory unit share: page walks (paging.c), translation caches (tlb.c), accesses (mmu.c). */
#ifndef CORE_CPU_MMU_H
#define CORE_CPU_MMU_H
#include "core/cpu/cpu.h"

/* A stretch of the physical address space that is RAM or ROM, found once through the machine's map. */
struct ram_window { uint64_t start, size; uint8_t *host; bool rom; };

enum { MMU_WINDOWS = 4, MMU_SPACES = 6 };
struct mmu {
	struct tlb super;                       /* first, with some of the next: in a large page of the host, if it has them */
	struct tlb user[MMU_SPACES];            /* user pages of several address spaces, by PCID */
	struct tlb super_ac, never;
	struct { uint16_t pcid; bool used; uint32_t stamp; } space[MMU_SPACES];
	unsigned current;                       /* the one tlbs[TLB_USER] points at */
	uint32_t clock;                         /* stamps for eviction */
	struct ram_window win[MMU_WINDOWS];     /* most recently used first; size 0 = free */
	uint64_t written;                       /* filter: RAM pages mmu_host() gave out for writing since mmu_forget_writes() */
	void *map;                              /* what this lies in */
	bool lock_held;                         /* the caller already holds the machine lock (debugger) */
};

/* ---- paging.c ---- */
/* As access: skip the checks of rights (debugger). */
enum { MEM_DEBUG = 16 };
enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_I = 16 };
enum { PHYS_BITS = 40 };
struct walk {
	uint64_t phys;                          /* address of the 4 KB page, A20 applied */
	bool user, write, exec;                 /* rights of all levels together */
	bool dirty, global;
	bool accessed;                          /* all entries had the A bit */
	uint8_t page_bits;                      /* 12, 21, 22 or 30 */
	const uint64_t *pte;                    /* the last entry, when it is one of 512 in RAM and page_bits is 12 or 21; else NULL */
	uint32_t err;                           /* page-fault error code, when the walk fails */
};
/* Translate lin for `access` (MEM_R, MEM_W, MEM_X; MEM_SYSTEM).  Sets A and D bits unless `quiet`.  False: w->err. */
bool paging_walk(struct cpu *c, uint64_t lin, unsigned access, bool quiet, struct walk *w);
/* PAE without long mode: read the four page-directory pointers cr3 points at.  False: a reserved bit is set, #GP wanted. */
bool paging_load_pdptes(struct cpu *c, uint64_t cr3);
/* Host address of a physical byte (RAM or ROM) with *room bytes behind it in the same piece, or NULL. */
uint8_t *paging_phys(struct cpu *c, uint64_t phys, uint64_t *room, bool *rom);
static inline uint64_t paging_a20(const struct cpu *c, uint64_t phys)
{
	return c->a20_mask_on ? phys & ~(UINT64_C(1) << 20) : phys;
}
static inline bool paging_canonical(uint64_t lin) { return (uint64_t)((int64_t)(lin << 16) >> 16) == lin; }

/* ---- tlb.c ---- */
static inline unsigned tlb_index(uint64_t lin, bool fetch) { return (unsigned)(lin >> PAGE_SHIFT) % TLB_CODE + (fetch ? TLB_CODE : 0); }
/* What mmu_may_write() looks at from another vCPU's thread: whole words, in no order. */
static inline void tlb_set_word(uint64_t *at, uint64_t v) { __atomic_store_n(at, v, __ATOMIC_RELAXED); }
enum tlb_info {
	TI_JOURNAL = 1,                         /* slot is in journal[] */
	TI_GJOURNAL = 2,                        /* slot is in journal_global[] */
	TI_GLOBAL = 4,
	TI_LARGE = 8,                           /* a piece of a large page: INVLPG anywhere in it must drop this too */
	TI_WRITABLE = 16,                       /* writes are allowed; if tag_w is missing, only to see them (code, dirty tracking, watch) */
};
bool mmu_create(struct cpu *c);
void mmu_destroy(struct cpu *c);
/* Point c->tlb at the table of the current privilege. */
void mmu_select(struct cpu *c);
/* Which of c->tlbs serves this access. */
static inline unsigned mmu_kind(const struct cpu *c, unsigned access)
{
	if (access & MEM_SYSTEM)
		return TLB_SUPER;
	if (c->cpl == 3)
		return TLB_USER;
	return (c->cr4 & CR4_SMAP) && (c->eflags_sys & FL_AC) ? TLB_SUPER_AC : TLB_SUPER;
}
struct tlb_fill { uint64_t lin; uint8_t *host; bool fetch, r, w, x, writable, global; uint8_t page_bits; };
void tlb_fill(struct tlb *t, const struct tlb_fill *f);
/* tlb_run.c: find the run of entry e of the current table, which has a tag for reads or writes. */
void tlb_find_run(struct cpu *c, struct tlb_entry *e, bool write);
/* INVPCID (SDM 2): types 0-3. */
/* All writes through pointers of mmu_host() are over. */
void mmu_forget_writes(struct cpu *c);
void mmu_invpcid(struct cpu *c, unsigned type, uint16_t pcid, uint64_t lin);
#endif
