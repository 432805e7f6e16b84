/* ops_atomic.c - cmpxchg, xadd, cmpxchg8b, cmpxchg16b.
 *
 * With LOCK they are atomic towards other vCPUs, except where the operand is a device's.  The destination is
 * always written, so a failed compare needs write access too (SDM 2: CMPXCHG). */
#include "core/cpu/ops_int.h"

INLINE void flags_of_cmp(struct cpu *c, int bits, uint64_t d, uint64_t s)
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
INLINE const struct insn *cmpxchg_r(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t acc = get_reg(c, bits, RAX), old = get_reg(c, bits, i->rm);
	flags_of_cmp(c, bits, acc, old);
	/* Of the two destinations only the one that changes is written: a 32-bit one that stays keeps its upper half. */
	if (acc == old)
		set_reg(c, bits, i->rm, get_reg(c, bits, i->reg));
	else
		set_reg(c, bits, RAX, old);
	NEXT_FAST(c, i);
}
/* Compare and exchange by parts; *old: what is expected, then what was there.  Other vCPUs stand still if it lies in two pages. */
INLINE bool cas_apart(struct cpu *c, const struct insn *i, int bits, uint64_t lin, uint64_t *old, uint64_t want)
{
	bool apart = (i->flags & I_LOCK) && crosses_page(lin, (unsigned)bits / 8);
	uint64_t was = 0;
	c->cur = i;
	if (apart)
		engine_alone(c);
	bool ok = mmu_read(c, lin, &was, (unsigned)bits / 8, MEM_R);
	uint64_t v = was == *old ? want : was;
	ok = ok && mmu_write(c, lin, &v, (unsigned)bits / 8, MEM_W);
	if (apart)
		engine_together(c);
	*old = was;
	return ok;
}
INLINE const struct insn *cmpxchg_m(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t lin, acc = get_reg(c, bits, RAX), old = acc;
	uintptr_t host;
	TRY(c, i, ea_linear(c, i, (unsigned)bits / 8, MEM_R | MEM_W, &lin));
	TRY(c, i, rmw_host(c, i, lin, (unsigned)bits / 8, &host));
	if (likely(host)) {
		host_cas(bits, host, &old, get_reg(c, bits, i->reg));
	} else {
		TRY(c, i, cas_apart(c, i, bits, lin, &old, get_reg(c, bits, i->reg)));
	}
	flags_of_cmp(c, bits, acc, old);
	if (acc != old)
		set_reg(c, bits, RAX, old);
	NEXT(c, i);
}
#define CMPXCHG(n, bits) \
	HANDLER(cmpxchg##n##_r) { return cmpxchg_r(c, i, bits); } \
	HANDLER(cmpxchg##n##_m) { return cmpxchg_m(c, i, bits); } \
	HANDLER(cmpxchg##n##_f) { return cmpxchg_m(c, i, bits); }
CMPXCHG(8, 8) CMPXCHG(16, 16) CMPXCHG(32, 32) CMPXCHG(64, 64)

INLINE uint64_t do_xadd(struct cpu *c, int bits, uint64_t d, uint64_t s)
{
	uint32_t f;
	switch (bits) {
	case 8:  asm("addb %b2, %b0\n\tlahf\n\tseto %%al" : "+q" (d), "=&a" (f) : "q" (s) : "cc"); break;
	case 16: asm("addw %w2, %w0\n\tlahf\n\tseto %%al" : "+r" (d), "=&a" (f) : "r" (s) : "cc"); break;
	case 32: asm("addl %k2, %k0\n\tlahf\n\tseto %%al" : "+r" (d), "=&a" (f) : "r" (s) : "cc"); break;
	default: asm("addq %2, %0\n\tlahf\n\tseto %%al" : "+r" (d), "=&a" (f) : "r" (s) : "cc"); break;
	}
	c->flags16 = (uint16_t)f;
	return d;
}
INLINE const struct insn *xadd_r(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t d = get_reg(c, bits, i->rm), s = get_reg(c, bits, i->reg);
	set_reg(c, bits, i->reg, d);
	set_reg(c, bits, i->rm, do_xadd(c, bits, d, s));
	NEXT_FAST(c, i);
}
INLINE const struct insn *xadd_m(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t lin, old;
	TRY(c, i, ea_linear(c, i, (unsigned)bits / 8, MEM_R | MEM_W, &lin));
	TRY(c, i, modify(c, i, bits, lin, i->flags & I_LOCK, do_xadd, get_reg(c, bits, i->reg), &old));
	set_reg(c, bits, i->reg, old);
	NEXT(c, i);
}
#define XADD(n, bits) \
	HANDLER(xadd##n##_r) { return xadd_r(c, i, bits); } \
	HANDLER(xadd##n##_m) { return xadd_m(c, i, bits); } \
	HANDLER(xadd##n##_f) { return xadd_m(c, i, bits); }
XADD(8, 8) XADD(16, 16) XADD(32, 32) XADD(64, 64)

/* rDX:rAX against memory of twice `bits`; on a match memory = rCX:rBX.  ZF only. */
INLINE const struct insn *cmpxchg_pair(struct cpu *c, const struct insn *i, int bits)
{
	uint64_t lin, old[2] = { get_reg(c, bits, RAX), get_reg(c, bits, RDX) };
	uint64_t want[2] = { get_reg(c, bits, RBX), get_reg(c, bits, RCX) };
	uintptr_t host;
	bool equal;
	TRY(c, i, ea_linear(c, i, (unsigned)bits / 4, MEM_R | MEM_W, &lin));
	if (bits == 64 && (lin & 15))
		RAISE_ERR(c, i, EXC_GP, 0);
	TRY(c, i, rmw_host(c, i, lin, (unsigned)bits / 4, &host));
	if (bits == 32) {
		uint64_t o = old[1] << 32 | old[0], w = want[1] << 32 | want[0], was = o;
		if (likely(host)) {
			host_cas(64, host, &was, w);
		} else {
			TRY(c, i, cas_apart(c, i, 64, lin, &was, w));
		}
		equal = was == o;
		old[0] = (uint32_t)was;
		old[1] = was >> 32;
	} else if (likely(host)) {
		asm volatile("lock cmpxchg16b %1" : "=@ccz" (equal), "+m" (*(unsigned __int128 *)host), "+a" (old[0]), "+d" (old[1])
			: "b" (want[0]), "c" (want[1]) : "memory");
	} else {
		uint64_t was[2];
		c->cur = i;
		TRY(c, i, mmu_read(c, lin, was, 16, MEM_R));
		equal = was[0] == old[0] && was[1] == old[1];
		TRY(c, i, mmu_write(c, lin, equal ? want : was, 16, MEM_W));
		memcpy(old, was, sizeof old);
	}
	c->flags_ah = (uint8_t)((c->flags_ah & ~FL_ZF) | (equal ? FL_ZF : 0));
	if (!equal) {
		set_reg(c, bits, RAX, old[0]);
		set_reg(c, bits, RDX, old[1]);
	}
	NEXT(c, i);
}
HANDLER(cmpxchg8b)  { return cmpxchg_pair(c, i, 32); }
HANDLER(cmpxchg16b) { return cmpxchg_pair(c, i, 64); }
