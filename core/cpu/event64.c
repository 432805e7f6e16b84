/* event64.c - the common cases of events and IRET in 64-bit mode: a handler at CPL 0 without IST, and the way back, with everything they touch in the TLB.
 * They check all first and change nothing unless all is plain; whatever is not is left to event.c and far.c.  Ref: SDM 3, 6.14. */
#include "core/cpu/event.h"
#include "core/cpu/mmu.h"
#include "core/cpu/sys.h"

enum { FRAME = 5 /* RIP, CS, RFLAGS, RSP, SS */, RSP0 = 4 };

/* Host address of `size` bytes at lin of table t, NULL when they are not known to be plain memory in one page. */
static inline uint8_t *plain(struct tlb *t, uint64_t lin, unsigned size, bool write)
{
	const struct tlb_entry *e = &t->e[tlb_index(lin, false)];
	return (lin ^ (write ? e->tag_w : e->tag_r)) <= PAGE_SIZE - size ? (uint8_t *)(uintptr_t)(lin + e->addend) : NULL;
}

static inline uint64_t get64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, 8);
	return v;
}
static inline void put64(uint8_t *p, uint64_t v) { memcpy(p, &v, 8); }

/* Nothing looks at single accesses, and there is a GDT's descriptor for sel. */
static inline bool ordinary(const struct cpu *c) { return cpu_long(c) && !c->recording && !(c->dr[7] & 0xff); }
static bool descriptor(struct cpu *c, uint16_t sel, uint64_t *d)
{
	const uint8_t *p = NULL;
	if (!(sel & SEL_TI) && !sel_null(sel) && (sel | 7u) <= c->gdtr.limit)
		p = plain(c->tlbs[TLB_SUPER], c->gdtr.base + (sel & ~7u), 8, false);
	if (p)
		*d = get64(p);
	return p;
}
static bool code64(uint64_t d, unsigned dpl)
{
	enum { MASK = ATTR_P | ATTR_S | ATTR_DPL | TYPE_CODE | TYPE_CONFORM | TYPE_ACCESSED | ATTR_L | ATTR_DB };
	return (desc_attr(d) & MASK) == (ATTR_P | ATTR_S | dpl << 5 | TYPE_CODE | TYPE_ACCESSED | ATTR_L);
}
static bool stack_data(uint64_t d, unsigned dpl)
{
	enum { MASK = ATTR_P | ATTR_S | ATTR_DPL | TYPE_CODE | TYPE_WRITE | TYPE_ACCESSED };
	return (desc_attr(d) & MASK) == (ATTR_P | ATTR_S | dpl << 5 | TYPE_WRITE | TYPE_ACCESSED);
}

bool event_deliver_64(struct cpu *c, int vector, const uint32_t *err, uint32_t flags)
{
	struct tlb *t = c->tlbs[TLB_SUPER];
	unsigned size = 8 * (FRAME + (err != NULL));
	const uint8_t *gate, *tss;
	uint64_t d, sp = c->regs[RSP];
	if (!ordinary(c) || (unsigned)vector * 16 + 15 > c->idtr.limit || !(gate = plain(t, c->idtr.base + (unsigned)vector * 16, 16, false)))
		return false;
	uint64_t lo = get64(gate), off = (lo & 0xffff) | (lo >> 32 & 0xffff0000) | get64(gate + 8) << 32;
	unsigned type = desc_attr(lo) & (ATTR_P | ATTR_S | ATTR_TYPE), ist = (unsigned)(lo >> 32) & 7;
	if ((type != (ATTR_P | SYS_INT32) && type != (ATTR_P | SYS_TRAP32)) || ist || !paging_canonical(off) || !descriptor(c, (uint16_t)(lo >> 16), &d) || !code64(d, 0))
		return false;
	if (c->cpl) {
		const struct segreg *tr = &c->seg[SEG_TR];
		if (tr->limit < RSP0 + 7 || !(tss = plain(t, tr->base + RSP0, 8, false)))
			return false;
		sp = get64(tss);
	}
	sp = (sp & ~UINT64_C(15)) - size;
	uint8_t *to = plain(t, sp, size, true);
	if (!to)
		return false;

	if (err) {
		put64(to, *err);
		to += 8;
	}
	put64(to, c->rip);
	put64(to + 8, c->seg[SEG_CS].sel);
	put64(to + 16, flags);
	put64(to + 24, c->regs[RSP]);
	put64(to + 32, c->seg[SEG_SS].sel);
	c->eflags_sys &= ~(uint32_t)(FL_TF | FL_NT | FL_RF | FL_VM | (type & 1 ? 0 : FL_IF));
	if (c->cpl)
		c->seg[SEG_SS] = (struct segreg) { .sel = 0 };
	c->seg[SEG_CS] = desc_to_seg((uint16_t)(lo >> 16 & ~(uint64_t)SEL_RPL), d);
	c->cpl = 0;
	c->rip = off;
	c->regs[RSP] = sp;
	return true;
}

bool far_iret_64(struct cpu *c)
{
	const uint8_t *p;
	uint64_t cs, ss, d, stack = 0;
	if (!ordinary(c) || c->cpl || !(c->mode & M_CS64) || (c->eflags_sys & FL_NT) || !(p = plain(c->tlb, c->regs[RSP], 8 * FRAME, false)))
		return false;
	cs = get64(p + 8) & 0xffff;
	ss = get64(p + 32) & 0xffff;
	unsigned cpl = cs & SEL_RPL;
	bool null_ss = !cpl && !ss;
	if ((cpl && cpl != 3) || !paging_canonical(get64(p)) || !descriptor(c, (uint16_t)cs, &d) || !code64(d, cpl))
		return false;
	if (!null_ss && ((ss & SEL_RPL) != cpl || !descriptor(c, (uint16_t)ss, &stack) || !stack_data(stack, cpl)))
		return false;

	uint32_t flags = (uint32_t)get64(p + 16);
	c->rip = get64(p);
	c->regs[RSP] = get64(p + 24);
	c->seg[SEG_CS] = desc_to_seg((uint16_t)cs, d);
	c->seg[SEG_SS] = null_ss ? (struct segreg) { .sel = 0 } : desc_to_seg((uint16_t)ss, stack);
	c->cpl = (uint8_t)cpl;
	if (cpl)
		seg_drop_privileged(c);
	flags_write(c, flags, FL_ARITH | FL_TF | FL_DF | FL_NT | FL_IF | FL_IOPL | FL_RF | FL_AC | FL_ID | FL_VIF | FL_VIP);     /* and works out the mode */
	return true;
}
