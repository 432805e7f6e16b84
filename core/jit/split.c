/* split.c - vector loads and stores that lie in two pages.
 *
 * Copying by vectors comes by the end of a page all the time, and the interpreter would want all vector registers in memory for the one access.
 * Here the bytes are copied, by C that leaves these registers alone, to or from a place of their own, where the instruction itself is done.  Pages
 * that the TLB does not know as plain memory are the interpreter's. */
#include "core/jit/emit.h"

#define ENV(f) (uint32_t)offsetof(struct cpu, jit.f)

IN_GPRS static void copy(void *to, const void *from, uint64_t n)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

/* To or from c's jit.split.  False: not all of it is plain memory that the TLB knows. */
IN_GPRS static unsigned copy_split(struct cpu *c, uint64_t lin, unsigned size, bool write)
{
	uint64_t page = lin & PAGE_MASK, next = (lin + size - 1) & PAGE_MASK;
	const struct tlb_entry *t = &c->tlb->e[(page >> PAGE_SHIFT) % TLB_CODE], *u = &c->tlb->e[(next >> PAGE_SHIFT) % TLB_CODE];
	if ((write ? t->tag_w : t->tag_r) != page || (write ? u->tag_w : u->tag_r) != next)
		return false;
	uint8_t *first = (uint8_t *)(uintptr_t)(lin + t->addend), *rest = (uint8_t *)(uintptr_t)(next + u->addend), *split = c->jit.split;
	uint64_t n = next - lin;
	copy(write ? first : split, write ? split : first, n);
	copy(write ? rest : split + n, write ? split + n : rest, size - n);
	return true;
}

/* Called with r9 = linear address of r10 bytes in two pages, which go to jit.split or come from it.  ZF: they could not. */
static void make_split(struct em *e, bool write)
{
	e->j->split[write] = e->p;
	em_all_regs(e, false);
	em_to_host_stack(e);
	em_imm64(e, RDI, (uintptr_t)e->c);
	em_mov(e, RSI, H_T0);
	em_mov(e, RDX, H_T1);
	em_imm64(e, RCX, write);
	em_imm64(e, RAX, (uintptr_t)copy_split);
	em8(e, 0xff), em8(e, 0xd0);                                             /* call rax */
	em_mov(e, H_T0, RAX);
	em_load_env(e, RSP, ENV(sp));
	em_all_regs(e, true);
	em_rr(e, (struct enc) { .op = 0x85, .size = 4, .reg = H_T0 }, H_T0);    /* test */
	em8(e, 0xc3);
}

void split_make_common(struct em *e)
{
	make_split(e, false);
	make_split(e, true);
}

/* The instruction, with r10 pointing at its memory. */
static void there(struct em *e, const struct stub *s)
{
	em_env(e, (struct enc) { .op = 0x8d, .size = 8, .reg = H_T1 }, ENV(split));     /* lea */
	memcpy(e->p, s->split, s->split_size);
	e->p += s->split_size;
}

void em_split(struct em *e, const struct stub *s)
{
	em_rm(e, (struct enc) { .op = 0x33, .size = 8, .reg = H_T0 }, H_T1, NO_REG, 0,
		s->write ? offsetof(struct tlb_entry, tag_w) : offsetof(struct tlb_entry, tag_r));              /* the address again */
	em_rr(e, (struct enc) { .op = 0x8b, .size = 4, .reg = H_T1 }, H_T0);
	em_rr(e, (struct enc) { .op = 0x81, .size = 4, .reg = 4 }, H_T1), em32(e, PAGE_SIZE - 1);               /* and */
	em_rr(e, (struct enc) { .op = 0x81, .size = 4, .reg = 7 }, H_T1), em32(e, PAGE_SIZE - s->size);         /* cmp */
	uint8_t *whole = em_jcc(e, 0x86);                                       /* jbe */
	if (s->write)
		there(e, s);
	em_imm64(e, H_T1, s->size);
	em8(e, 0xe8), em_rel32(e, e->j->split[s->write]);
	uint8_t *unknown = em_jcc(e, 0x84);                                     /* je */
	if (!s->write)
		there(e, s);
	em8(e, 0xe9), em_rel32(e, s->back);
	em_patch(whole, e->p);
	em_patch(unknown, e->p);
}
