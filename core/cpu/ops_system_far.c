/* ops_system_far.c - far JMP/CALL/RET, INT, IRET, fast system calls, interrupt flag, HLT.  Ref: SDM 2, instruction pages; APM 3, SYSCALL. */
#include "core/cpu/cpuid.h"
#include "core/cpu/event.h"
#include "core/cpu/mmu.h"
#include "core/cpu/ops.h"
#include "core/cpu/ops_system.h"
#include "core/machine/machine.h"
#include "core/cpu/sys.h"

/* A fault after a task switch belongs to the new task, whose rip is in place already: c->cur is NULL then and stays so. */
#define TRY_FAR(c, i, x) do { if (unlikely(!(x))) return NULL; } while (0)
#define DONE(c, i) LEAVE_JUMP((c), (i), (c)->rip)

/* ---- JMP, CALL, RET ---- */

const struct insn *op_jmpf_a(struct cpu *c, const struct insn *i)
{
	c->cur = i;
	TRY_FAR(c, i, far_jump(c, i, (uint16_t)(i->imm >> 32), (uint32_t)i->imm, op_size(i)));
	DONE(c, i);
}

const struct insn *op_callf_a(struct cpu *c, const struct insn *i)
{
	c->cur = i;
	TRY_FAR(c, i, far_call(c, i, (uint16_t)(i->imm >> 32), (uint32_t)i->imm, op_size(i)));
	DONE(c, i);
}

static bool read_far_pointer(struct cpu *c, const struct insn *i, uint16_t *sel, uint64_t *off)
{
	unsigned size = op_size(i);
	uint8_t buf[10];
	uint64_t lin;
	c->cur = i;
	if (!ea_linear(c, i, size + 2, MEM_R, &lin) || !mem_read_bytes(c, i, lin, buf, size + 2))
		return false;
	*off = 0;
	memcpy(off, buf, size);
	memcpy(sel, buf + size, 2);
	return true;
}

const struct insn *op_jmpf_m(struct cpu *c, const struct insn *i)
{
	uint16_t sel;
	uint64_t off;
	TRY_FAR(c, i, read_far_pointer(c, i, &sel, &off) && far_jump(c, i, sel, off, op_size(i)));
	DONE(c, i);
}

const struct insn *op_callf_m(struct cpu *c, const struct insn *i)
{
	uint16_t sel;
	uint64_t off;
	TRY_FAR(c, i, read_far_pointer(c, i, &sel, &off) && far_call(c, i, sel, off, op_size(i)));
	DONE(c, i);
}

const struct insn *op_retf(struct cpu *c, const struct insn *i)
{
	c->cur = i;
	TRY_FAR(c, i, far_return(c, op_size(i), 0));
	DONE(c, i);
}

const struct insn *op_retf_i(struct cpu *c, const struct insn *i)
{
	c->cur = i;
	TRY_FAR(c, i, far_return(c, op_size(i), (uint16_t)i->imm));
	DONE(c, i);
}

const struct insn *op_iret(struct cpu *c, const struct insn *i)
{
	c->cur = i;
	c->rip = insn_rip(c, i);
	TRY_FAR(c, i, far_iret(c, op_size(i)));
	DONE(c, i);
}

/* ---- software interrupts ---- */

/* Delivery leaves c->cur NULL; a fault is this instruction's unless a task switch got in between. */
static const struct insn *soft(struct cpu *c, const struct insn *i, bool int_n, int vector, enum event_kind kind)
{
	uint64_t next = insn_next_rip(c, i);
	uint16_t tr = c->seg[SEG_TR].sel;
	c->rip = next;
	if (unlikely(!(int_n ? event_int_n(c, vector) : cpu_deliver(c, vector, false, 0, kind)))) {
		if (c->seg[SEG_TR].sel == tr)
			c->cur = i;
		return NULL;
	}
	DONE(c, i);
}
const struct insn *op_int_n(struct cpu *c, const struct insn *i) { return soft(c, i, true, (uint8_t)i->imm, EVENT_SOFT); }
const struct insn *op_int3(struct cpu *c, const struct insn *i) { return soft(c, i, false, EXC_BP, EVENT_SOFT); }
const struct insn *op_int1(struct cpu *c, const struct insn *i) { return soft(c, i, false, EXC_DB, EVENT_INT1); }
const struct insn *op_into(struct cpu *c, const struct insn *i)
{
	if (!c->of)
		LEAVE_NEXT(c, i);
	return soft(c, i, false, EXC_OF, EVENT_SOFT);
}

/* ---- fast system calls ---- */

/* Flat CS and SS without looking at descriptors. */
static void flat_segments(struct cpu *c, unsigned cs, unsigned ss, unsigned cpl, bool code64)
{
	c->seg[SEG_CS] = (struct segreg){ .limit = 0xffffffff, .sel = (uint16_t)((cs & ~3u) | cpl), .attr = flat_code_attr(cpl, code64) };
	c->seg[SEG_SS] = (struct segreg){ .limit = 0xffffffff, .sel = (uint16_t)((ss & ~3u) | cpl), .attr = flat_data_attr(cpl) };
	c->cpl = (uint8_t)cpl;
}

const struct insn *op_syscall(struct cpu *c, const struct insn *i)
{
	uint64_t next = insn_next_rip(c, i);
	unsigned sel = (unsigned)(c->star >> 32) & 0xfffc;
	if (!(c->efer & EFER_SCE) || !(c->mode & M_PE))
		RAISE(c, i, EXC_UD);
	if (cpu_long(c)) {
		c->regs[RCX] = next;
		c->regs[11] = cpu_get_eflags(c) & ~(uint32_t)FL_RF;
		c->rip = c->mode & M_CS64 ? c->lstar : c->cstar;
		uint32_t fl = cpu_get_eflags(c) & ~(uint32_t)(c->sfmask | FL_RF);
		flat_segments(c, sel, sel + 8, 0, true);
		cpu_set_eflags(c, fl);
	} else {
		c->regs[RCX] = (uint32_t)next;
		c->rip = (uint32_t)c->star;
		c->eflags_sys &= ~(uint32_t)(FL_VM | FL_IF | FL_RF);
		flat_segments(c, sel, sel + 8, 0, false);
		cpu_update_mode(c);
	}
	DONE(c, i);
}

const struct insn *op_sysret(struct cpu *c, const struct insn *i)
{
	unsigned sel = (unsigned)(c->star >> 48);
	bool to64 = i->flags & I_O64;
	if (!(c->efer & EFER_SCE) || !(c->mode & M_PE))
		RAISE(c, i, EXC_UD);
	REQUIRE_CPL0(c, i);
	if (to64 && !paging_canonical(c->regs[RCX]))
		RAISE_ERR(c, i, EXC_GP, 0);
	uint64_t rip = to64 ? c->regs[RCX] : (uint32_t)c->regs[RCX];
	flat_segments(c, to64 ? sel + 16 : sel, sel + 8, 3, to64);
	c->rip = rip;
	if (cpu_long(c)) {
		cpu_set_eflags(c, (uint32_t)(c->regs[11] & 0x3c7fd7));
	} else {
		c->eflags_sys |= FL_IF;
		cpu_update_mode(c);
	}
	DONE(c, i);
}

const struct insn *op_sysenter(struct cpu *c, const struct insn *i)
{
	unsigned sel = (unsigned)c->sysenter_cs & 0xfffc;
	if (!(c->cr0 & CR0_PE) || !sel)
		RAISE_ERR(c, i, EXC_GP, 0);
	bool lm = cpu_long(c);
	c->eflags_sys &= ~(uint32_t)(FL_VM | FL_IF | FL_RF);
	flat_segments(c, sel, sel + 8, 0, lm);
	c->regs[RSP] = lm ? c->sysenter_esp : (uint32_t)c->sysenter_esp;
	c->rip = lm ? c->sysenter_eip : (uint32_t)c->sysenter_eip;
	cpu_update_mode(c);
	DONE(c, i);
}

const struct insn *op_sysexit(struct cpu *c, const struct insn *i)
{
	unsigned sel = (unsigned)c->sysenter_cs & 0xfffc;
	bool to64 = i->flags & I_O64;
	uint64_t rip = to64 ? c->regs[RDX] : (uint32_t)c->regs[RDX], rsp = to64 ? c->regs[RCX] : (uint32_t)c->regs[RCX];
	if (!(c->mode & M_PE) || !sel || c->cpl || (to64 && (!paging_canonical(rip) || !paging_canonical(rsp))))
		RAISE_ERR(c, i, EXC_GP, 0);
	flat_segments(c, sel + (to64 ? 32 : 16), sel + (to64 ? 40 : 24), 3, to64);
	c->regs[RSP] = rsp;
	c->rip = rip;
	cpu_update_mode(c);
	DONE(c, i);
}

/* ---- interrupt flag, HLT ---- */

enum if_access { IF_REAL, IF_VIRTUAL, IF_DENIED };

/* What CLI and STI act on: SDM 2, tables 3-7 and 4-20. */
static enum if_access if_access(const struct cpu *c)
{
	if (!(c->cr0 & CR0_PE) || c->cpl <= flags_iopl(c))
		return IF_REAL;                 /* VM86 runs at CPL 3, so IOPL 3 is what it needs here too */
	if (c->eflags_sys & FL_VM)
		return c->cr4 & CR4_VME ? IF_VIRTUAL : IF_DENIED;
	return c->cpl == 3 && (c->cr4 & CR4_PVI) ? IF_VIRTUAL : IF_DENIED;
}

const struct insn *op_cli(struct cpu *c, const struct insn *i)
{
	switch (if_access(c)) {
	case IF_REAL:    c->eflags_sys &= ~(uint32_t)FL_IF; break;
	case IF_VIRTUAL: c->eflags_sys &= ~(uint32_t)FL_VIF; break;
	default:         RAISE_ERR(c, i, EXC_GP, 0);
	}
	NEXT(c, i);
}

const struct insn *op_sti(struct cpu *c, const struct insn *i)
{
	switch (if_access(c)) {
	case IF_REAL:
		if (!(c->eflags_sys & FL_IF))
			c->shadow = 1;
		c->eflags_sys |= FL_IF;
		break;
	case IF_VIRTUAL:
		if (c->eflags_sys & FL_VIP)
			RAISE_ERR(c, i, EXC_GP, 0);
		c->eflags_sys |= FL_VIF;
		break;
	default:
		RAISE_ERR(c, i, EXC_GP, 0);
	}
	LEAVE_NEXT(c, i);
}

const struct insn *op_hlt(struct cpu *c, const struct insn *i)
{
	REQUIRE_CPL0(c, i);
	c->run_state = CPU_HALTED;
	LEAVE_NEXT(c, i);
}

/* ---- MONITOR, MWAIT ---- */

const struct insn *op_monitor(struct cpu *c, const struct insn *i)
{
	uint8_t v;
	uint64_t lin, off = c->regs[RAX];
	if (c->cpl)
		RAISE(c, i, EXC_UD);
	if (c->regs[RCX])
		RAISE_ERR(c, i, EXC_GP, 0);
	off = i->flags & I_A16 ? (uint16_t)off : i->flags & I_A32 ? (uint32_t)off : off;
	TRY(c, i, seg_check(c, i, SEG_DS, off, 1, MEM_R, &lin) && mem_read8(c, i, lin, &v));
	NEXT(c, i);
}

/* Stores are not watched: alone, a CPU can only be woken by an interrupt and waits as in HLT; with others it merely goes on,
 * which the architecture allows at any time (SDM 2, MWAIT). */
const struct insn *op_mwait(struct cpu *c, const struct insn *i)
{
	if (c->cpl)
		RAISE(c, i, EXC_UD);
	if (c->machine->n_cpus == 1 && (c->eflags_sys & FL_IF))
		c->run_state = CPU_HALTED;
	LEAVE_NEXT(c, i);
}
