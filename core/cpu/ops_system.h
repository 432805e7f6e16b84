/* ops_system.h - operands and checks common to the system instructions. */
#ifndef CORE_CPU_OPS_SYSTEM_H
#define CORE_CPU_OPS_SYSTEM_H
#include "core/cpu/exec.h"

#define REQUIRE_CPL0(c, i) do { if (unlikely((c)->cpl)) RAISE_ERR((c), (i), EXC_GP, 0); } while (0)
/* SGDT, SIDT, SLDT, STR, SMSW of user programs, when the system forbids them. */
#define REQUIRE_UMIP(c, i) do { if (unlikely((c)->cpl && ((c)->cr4 & CR4_UMIP))) RAISE_ERR((c), (i), EXC_GP, 0); } while (0)

static inline unsigned op_size(const struct insn *i) { return i->flags & I_O16 ? 2 : i->flags & I_O64 ? 8 : 4; }

/* A 16-bit E operand. */
static inline bool get_e16(struct cpu *c, const struct insn *i, uint16_t *v)
{
	uint64_t lin;
	if (i->rm != RM_MEM) {
		*v = (uint16_t)c->regs[i->rm];
		return true;
	}
	return ea_linear(c, i, 2, MEM_R, &lin) && mem_read16(c, i, lin, v);
}
static inline bool put_e16(struct cpu *c, const struct insn *i, uint16_t v)
{
	uint64_t lin;
	if (i->rm != RM_MEM) {
		*reg16(c, i->rm) = v;
		return true;
	}
	return ea_linear(c, i, 2, MEM_W, &lin) && mem_write16(c, i, lin, v);
}
/* A selector as SLDT, STR and MOV store it: 16 bits in memory, zero-extended in a wider register. */
static inline bool put_selector(struct cpu *c, const struct insn *i, uint16_t v)
{
	if (i->rm == RM_MEM || (i->flags & I_O16))
		return put_e16(c, i, v);
	c->regs[i->rm] = v;
	return true;
}
/* Destination register G by operand size. */
static inline void put_g(struct cpu *c, const struct insn *i, uint64_t v)
{
	if (i->flags & I_O16)
		*reg16(c, i->reg) = (uint16_t)v;
	else
		c->regs[i->reg] = i->flags & I_O64 ? v : (uint32_t)v;
}
static inline void put_zf(struct cpu *c, bool zf) { c->flags_ah = (uint8_t)(zf ? c->flags_ah | FL_ZF : c->flags_ah & ~FL_ZF); }
#endif
