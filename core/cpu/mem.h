/* mem.h - guest memory as instructions see it: TLB hit inline, everything else in mmu.c.
 *
 * Every access of every handler goes through these; `lin` is a linear address.  False = fault recorded, the handler returns NULL. */
#ifndef CORE_CPU_MEM_H
#define CORE_CPU_MEM_H
#include "core/cpu/cpu.h"
#include <string.h>

static inline struct tlb_entry *tlb_slot(struct cpu *c, uint64_t lin)
{
	return &c->tlb->e[(lin >> PAGE_SHIFT) % TLB_CODE];
}
/* For fetches: tag_x is there, the other tags are in tlb_slot()'s. */
static inline struct tlb_entry *tlb_code_slot(struct cpu *c, uint64_t lin)
{
	return &c->tlb->e[TLB_CODE + (lin >> PAGE_SHIFT) % TLB_CODE];
}

#define MEM_ACCESSORS(BITS)                                                                                                           \
	static inline bool mem_read##BITS(struct cpu *c, const struct insn *i, uint64_t lin, uint##BITS##_t *v)                        \
	{                                                                                                                              \
		struct tlb_entry *e = tlb_slot(c, lin);                                                                                \
		if (likely((lin ^ e->tag_r) <= PAGE_SIZE - BITS / 8)) {                                                                \
			memcpy(v, (const void *)(uintptr_t)(lin + e->addend), BITS / 8);                                               \
			return true;                                                                                                   \
		}                                                                                                                      \
		c->cur = i;                                                                                                            \
		return mmu_read(c, lin, v, BITS / 8, MEM_R);                                                                           \
	}                                                                                                                              \
	static inline bool mem_write##BITS(struct cpu *c, const struct insn *i, uint64_t lin, uint##BITS##_t v)                        \
	{                                                                                                                              \
		struct tlb_entry *e = tlb_slot(c, lin);                                                                                \
		if (likely((lin ^ e->tag_w) <= PAGE_SIZE - BITS / 8)) {                                                                \
			memcpy((void *)(uintptr_t)(lin + e->addend), &v, BITS / 8);                                                    \
			return true;                                                                                                   \
		}                                                                                                                      \
		c->cur = i;                                                                                                            \
		return mmu_write(c, lin, &v, BITS / 8, MEM_W);                                                                         \
	}
MEM_ACCESSORS(8)
MEM_ACCESSORS(16)
MEM_ACCESSORS(32)
MEM_ACCESSORS(64)

/* 16-, 32-byte and odd-sized operands (10-byte reals, FXSAVE areas). */
static inline bool mem_read_bytes(struct cpu *c, const struct insn *i, uint64_t lin, void *buf, unsigned size)
{
	struct tlb_entry *e = tlb_slot(c, lin);
	if (likely((lin ^ e->tag_r) <= PAGE_SIZE - size)) {
		memcpy(buf, (const void *)(uintptr_t)(lin + e->addend), size);
		return true;
	}
	c->cur = i;
	return mmu_read(c, lin, buf, size, MEM_R);
}
static inline bool mem_write_bytes(struct cpu *c, const struct insn *i, uint64_t lin, const void *buf, unsigned size)
{
	struct tlb_entry *e = tlb_slot(c, lin);
	if (likely((lin ^ e->tag_w) <= PAGE_SIZE - size)) {
		memcpy((void *)(uintptr_t)(lin + e->addend), buf, size);
		return true;
	}
	c->cur = i;
	return mmu_write(c, lin, buf, size, MEM_W);
}

/* Read-modify-write: a host pointer when the page is plainly writable, else NULL and the caller reads, computes and writes
 * through mem_read/mem_write after mmu_probe(c, lin, size, MEM_R | MEM_W). */
static inline void *mem_rmw(struct cpu *c, uint64_t lin, unsigned size)
{
	struct tlb_entry *e = tlb_slot(c, lin);
	if (likely((lin ^ e->tag_w) <= PAGE_SIZE - size && e->tag_r == e->tag_w))
		return (void *)(uintptr_t)(lin + e->addend);
	return NULL;
}
#endif
