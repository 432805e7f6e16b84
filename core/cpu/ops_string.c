/* ops_string.c - movs, cmps, stos, lods, scas with their repeat prefixes.
 *
 * A repeated instruction works in chunks of at most a page: forward and with both pages in the TLB by the host's own string
 * instruction or a plain loop, else element by element.  Between chunks the registers are exact, so that faults and interrupts leave
 * it restartable with rip on the instruction.  It counts as one instruction when it completes.  Ref: SDM 2: REP. */
#include "core/cpu/ops_int.h"

INLINE int address_bits(const struct insn *i) { return i->flags & I_A16 ? 16 : i->flags & I_A32 ? 32 : 64; }

struct place { uint64_t off, lin; bool checked; const struct segreg *seg; };

/* DS:rSI or its override; ES:rDI.  False = fault. */
INLINE bool source_place(struct cpu *c, const struct insn *i, int bits, struct place *p)
{
	p->off = get_reg(c, address_bits(i), RSI);
	p->checked = i->flags & I_SEGCHK;
	p->seg = &c->seg[i->sg];
	if (p->checked)
		return seg_check(c, i, i->sg, p->off, (unsigned)bits / 8, MEM_R, &p->lin);
	p->lin = (p->seg->base + p->off) & c->lin_mask;
	return true;
}
INLINE bool dest_place(struct cpu *c, const struct insn *i, int bits, unsigned access, struct place *p)
{
	p->off = get_reg(c, address_bits(i), RDI);
	p->checked = !(c->mode & (M_CS64 | M_FLAT));
	p->seg = &c->seg[SEG_ES];
	if (p->checked)
		return seg_check(c, i, SEG_ES, p->off, (unsigned)bits / 8, access, &p->lin);
	p->lin = p->off & c->lin_mask;
	return true;
}
/* Bytes from p upwards that lie in its page, in the segment, and below the wrap of the address size. */
INLINE uint64_t room_at(const struct place *p, int addr_bits)
{
	uint64_t n = PAGE_SIZE - (p->lin & (PAGE_SIZE - 1)), to_wrap = width_mask(addr_bits) - p->off;
	if (to_wrap < n)
		n = to_wrap + 1;
	if (p->checked) {
		bool expand_down = (p->seg->attr & (ATTR_S | 0xc)) == (ATTR_S | 4);
		uint64_t left = expand_down ? 0 : p->seg->limit - p->off + 1;
		n = left < n ? left : n;
	}
	return n;
}
INLINE uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

INLINE void advance(struct cpu *c, const struct insn *i, unsigned r, int bits, uint64_t n)
{
	int ab = address_bits(i);
	set_reg(c, ab, r, get_reg(c, ab, r) + n * (uint64_t)(bits / 8) * c->df_step);
}
INLINE void count_off(struct cpu *c, const struct insn *i, uint64_t n)
{
	int ab = address_bits(i);
	set_reg(c, ab, RCX, get_reg(c, ab, RCX) - n);
}
INLINE uint64_t repeat_count(const struct cpu *c, const struct insn *i)
{
	return i->flags & (I_REP | I_REPNE) ? get_reg(c, address_bits(i), RCX) : 1;
}
INLINE bool repeated(const struct insn *i) { return i->flags & (I_REP | I_REPNE); }
/* After a chunk of a repeated instruction that is not done: go on at once? */
INLINE bool interrupted(struct cpu *c) { return atomic_load_explicit(&c->attention, memory_order_relaxed) || (c->mode & M_STEP); }
static COLD const struct insn *leave_again(struct cpu *c, const struct insn *i)
{
	c->rip = insn_rip(c, i);
	c->icount += i->idx;
	return NULL;
}
INLINE bool bulk_allowed(const struct cpu *c) { return c->df_step == 1 && !(c->mode & M_STEP); }

/* Host address of an element and what follows it in its page, or 0.  False = fault. */
INLINE bool bulk_host(struct cpu *c, const struct insn *i, uint64_t lin, unsigned size, unsigned access, uintptr_t *host)
{
	if (likely(access == MEM_R ? tlb_read(c, lin, size, host) : tlb_write(c, lin, size, host)))
		return true;
	c->cur = i;
	return mmu_host(c, lin, size, access, host);
}

#define HOST_REP(ins, bits, ...) do { switch (bits) { \
	case 8:  asm volatile("rep " ins "b" __VA_ARGS__); break; \
	case 16: asm volatile("rep " ins "w" __VA_ARGS__); break; \
	case 32: asm volatile("rep " ins "l" __VA_ARGS__); break; \
	default: asm volatile("rep " ins "q" __VA_ARGS__); break; } } while (0)

/* ---- movs ---------------------------------------------------------------------------------------------------------------------------- */

INLINE const struct insn *string_movs(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t count = repeat_count(c, i), v;
	unsigned size = (unsigned)bits / 8;
	while (count) {
		struct place s, d;
		uintptr_t hs = 0, hd = 0;
		uint64_t n = 0;
		bool bulk = false;
		TRY(c, i, source_place(c, i, bits, &s) && dest_place(c, i, bits, MEM_W, &d));
		/* Both host addresses are taken before use: the pages may want the same slot of the TLB. */
		if (count > 1 && bulk_allowed(c)) {
			TRY(c, i, bulk_host(c, i, s.lin, size, MEM_R, &hs) && bulk_host(c, i, d.lin, size, MEM_W, &hd));
			bulk = hs && hd;
		}
		if (bulk) {
			uint64_t k = n = least(count, least(room_at(&s, address_bits(i)), room_at(&d, address_bits(i))) / size);
			HOST_REP("movs", bits, : "+D" (hd), "+S" (hs), "+c" (k) : : "memory");
		}
		if (!n) {
			TRY(c, i, mem_load(c, i, bits, s.lin, &v) && mem_store(c, i, bits, d.lin, v));
			n = 1;
		}
		advance(c, i, RSI, bits, n);
		advance(c, i, RDI, bits, n);
		count -= n;
		if (repeated(i)) {
			count_off(c, i, n);
			if (count && interrupted(c))
				return leave_again(c, i);
		}
	}
	NEXT(c, i);
}
HANDLER(movs8)  { return string_movs(c, i, 8); }
HANDLER(movs16) { return string_movs(c, i, 16); }
HANDLER(movs32) { return string_movs(c, i, 32); }
HANDLER(movs64) { return string_movs(c, i, 64); }

/* ---- stos ---------------------------------------------------------------------------------------------------------------------------- */

INLINE const struct insn *string_stos(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t count = repeat_count(c, i), v = get_reg(c, bits, RAX);
	unsigned size = (unsigned)bits / 8;
	while (count) {
		struct place d;
		uintptr_t hd = 0;
		uint64_t n = 0;
		TRY(c, i, dest_place(c, i, bits, MEM_W, &d));
		if (count > 1 && bulk_allowed(c))
			TRY(c, i, bulk_host(c, i, d.lin, size, MEM_W, &hd));
		if (hd) {
			uint64_t k = n = least(count, room_at(&d, address_bits(i)) / size);
			HOST_REP("stos", bits, : "+D" (hd), "+c" (k) : "a" (v) : "memory");
		}
		if (!n) {
			TRY(c, i, mem_store(c, i, bits, d.lin, v));
			n = 1;
		}
		advance(c, i, RDI, bits, n);
		count -= n;
		if (repeated(i)) {
			count_off(c, i, n);
			if (count && interrupted(c))
				return leave_again(c, i);
		}
	}
	NEXT(c, i);
}
HANDLER(stos8)  { return string_stos(c, i, 8); }
HANDLER(stos16) { return string_stos(c, i, 16); }
HANDLER(stos32) { return string_stos(c, i, 32); }
HANDLER(stos64) { return string_stos(c, i, 64); }

/* ---- lods ---------------------------------------------------------------------------------------------------------------------------- */

INLINE const struct insn *string_lods(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t count = repeat_count(c, i), v;
	while (count) {
		struct place s;
		TRY(c, i, source_place(c, i, bits, &s) && mem_load(c, i, bits, s.lin, &v));
		set_reg(c, bits, RAX, v);
		advance(c, i, RSI, bits, 1);
		count--;
		if (repeated(i)) {
			count_off(c, i, 1);
			if (count && interrupted(c))
				return leave_again(c, i);
		}
	}
	NEXT(c, i);
}
HANDLER(lods8)  { return string_lods(c, i, 8); }
HANDLER(lods16) { return string_lods(c, i, 16); }
HANDLER(lods32) { return string_lods(c, i, 32); }
HANDLER(lods64) { return string_lods(c, i, 64); }

/* ---- scas, cmps: stop at the first element that (F3) differs or (F2) is equal; flags of the last comparison ------------------------ */

INLINE void compare(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	uint32_t f;
	switch (bits) {
	case 8:  asm("cmpb %b2, %b1\n\tlahf\n\tseto %%al" : "=&a" (f) : "q" (d), "q" (s) : "cc"); break;
	case 16: asm("cmpw %w2, %w1\n\tlahf\n\tseto %%al" : "=&a" (f) : "r" (d), "r" (s) : "cc"); break;
	case 32: asm("cmpl %k2, %k1\n\tlahf\n\tseto %%al" : "=&a" (f) : "r" (d), "r" (s) : "cc"); break;
	default: asm("cmpq %2, %1\n\tlahf\n\tseto %%al" : "=&a" (f) : "r" (d), "r" (s) : "cc"); break;
	}
	c->flags16 = (uint16_t)f;
}
INLINE const struct insn *string_scas(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t count = repeat_count(c, i), a = get_reg(c, bits, RAX), v;
	unsigned size = (unsigned)bits / 8;
	bool want_equal = i->flags & I_REP, stop = false;
	while (count && !stop) {
		struct place d;
		uintptr_t h;
		uint64_t n = 0;
		TRY(c, i, dest_place(c, i, bits, MEM_R, &d));
		if (count > 1 && bulk_allowed(c) && tlb_read(c, d.lin, size, &h)) {
			uint64_t max = least(count, room_at(&d, address_bits(i)) / size);
			for (v = 0; n < max && !stop; n++, h += size) {
				v = host_load(bits, h);
				stop = (v == a) != want_equal;
			}
		}
		if (!n) {
			TRY(c, i, mem_load(c, i, bits, d.lin, &v));
			stop = (v == a) != want_equal;
			n = 1;
		}
		compare(c, bits, a, v);
		advance(c, i, RDI, bits, n);
		count -= n;
		if (!repeated(i))
			break;
		count_off(c, i, n);
		if (count && !stop && interrupted(c))
			return leave_again(c, i);
	}
	NEXT(c, i);
}
HANDLER(scas8)  { return string_scas(c, i, 8); }
HANDLER(scas16) { return string_scas(c, i, 16); }
HANDLER(scas32) { return string_scas(c, i, 32); }
HANDLER(scas64) { return string_scas(c, i, 64); }

INLINE const struct insn *string_cmps(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t count = repeat_count(c, i), a, b;
	unsigned size = (unsigned)bits / 8;
	bool want_equal = i->flags & I_REP, stop = false;
	while (count && !stop) {
		struct place s, d;
		uintptr_t hs, hd;
		uint64_t n = 0;
		TRY(c, i, source_place(c, i, bits, &s) && dest_place(c, i, bits, MEM_R, &d));
		if (count > 1 && bulk_allowed(c) && tlb_read(c, s.lin, size, &hs) && tlb_read(c, d.lin, size, &hd)) {
			uint64_t max = least(count, least(room_at(&s, address_bits(i)), room_at(&d, address_bits(i))) / size);
			for (a = b = 0; n < max && !stop; n++, hs += size, hd += size) {
				a = host_load(bits, hs);
				b = host_load(bits, hd);
				stop = (a == b) != want_equal;
			}
		}
		if (!n) {
			TRY(c, i, mem_load(c, i, bits, s.lin, &a) && mem_load(c, i, bits, d.lin, &b));
			stop = (a == b) != want_equal;
			n = 1;
		}
		compare(c, bits, a, b);
		advance(c, i, RSI, bits, n);
		advance(c, i, RDI, bits, n);
		count -= n;
		if (!repeated(i))
			break;
		count_off(c, i, n);
		if (count && !stop && interrupted(c))
			return leave_again(c, i);
	}
	NEXT(c, i);
}
HANDLER(cmps8)  { return string_cmps(c, i, 8); }
HANDLER(cmps16) { return string_cmps(c, i, 16); }
HANDLER(cmps32) { return string_cmps(c, i, 32); }
HANDLER(cmps64) { return string_cmps(c, i, 64); }
