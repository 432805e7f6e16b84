/* ops_system_io.c - IN, OUT, INS, OUTS.  Ref: SDM 1, chapter 19; SDM 2, instruction pages. */
#include "core/cpu/debugreg.h"
#include "core/cpu/ops.h"
#include "core/cpu/ops_system.h"
#include "core/cpu/sys.h"
#include "core/machine/machine.h"

/* ---- permission ---- */

/* The I/O bitmap of the TSS: SDM 1, 19.5.2.  Two bytes are always read, so the map ends with a byte of ones. */
static bool bitmap_allows(struct cpu *c, uint16_t port, unsigned size)
{
	const struct segreg *tr = &c->seg[SEG_TR];
	uint16_t base, bits;
	if (!(tr->attr & ATTR_P) || !(attr_type(tr->attr) & 8) || tr->limit < 0x67)
		return cpu_raise_err(c, EXC_GP, 0);
	if (!mmu_read(c, tr->base + 0x66, &base, 2, MEM_R | MEM_SYSTEM))
		return false;
	uint32_t at = (uint32_t)base + port / 8;
	if (at + 1 > tr->limit)
		return cpu_raise_err(c, EXC_GP, 0);
	if (!mmu_read(c, tr->base + at, &bits, 2, MEM_R | MEM_SYSTEM))
		return false;
	if (bits >> (port & 7) & ((1u << size) - 1))
		return cpu_raise_err(c, EXC_GP, 0);
	return true;
}

bool io_allowed(struct cpu *c, uint16_t port, unsigned size)
{
	if (!(c->cr0 & CR0_PE) || (!(c->eflags_sys & FL_VM) && c->cpl <= flags_iopl(c)))
		return true;
	return bitmap_allows(c, port, size);
}

static uint32_t port_read(struct cpu *c, uint16_t port, unsigned size)
{
	debug_note_io(c, port, size);
	machine_lock(c->machine);
	uint32_t v = (uint32_t)space_read(&c->machine->io, port, size);
	machine_unlock(c->machine);
	cpu_saw_clock(c);
	return v;
}

static void port_write(struct cpu *c, uint16_t port, unsigned size, uint32_t v)
{
	debug_note_io(c, port, size);
	machine_lock(c->machine);
	space_write(&c->machine->io, port, size, v);
	machine_unlock(c->machine);
}

/* ---- IN, OUT ---- */

static unsigned io_size(const struct insn *i) { return i->flags & I_O16 ? 2 : 4; }

static const struct insn *in(struct cpu *c, const struct insn *i, uint16_t port, unsigned size)
{
	c->cur = i;
	TRY(c, i, io_allowed(c, port, size));
	uint32_t v = port_read(c, port, size);
	if (size == 4)
		c->regs[RAX] = v;
	else if (size == 2)
		*reg16(c, RAX) = (uint16_t)v;
	else
		*reg8(c, 0) = (uint8_t)v;
	LEAVE_NEXT(c, i);
}

static const struct insn *out(struct cpu *c, const struct insn *i, uint16_t port, unsigned size)
{
	c->cur = i;
	TRY(c, i, io_allowed(c, port, size));
	port_write(c, port, size, (uint32_t)c->regs[RAX]);
	LEAVE_NEXT(c, i);
}

const struct insn *op_in_i8(struct cpu *c, const struct insn *i)  { return in(c, i, (uint8_t)i->imm, 1); }
const struct insn *op_in_i(struct cpu *c, const struct insn *i)   { return in(c, i, (uint8_t)i->imm, io_size(i)); }
const struct insn *op_in_d8(struct cpu *c, const struct insn *i)  { return in(c, i, (uint16_t)c->regs[RDX], 1); }
const struct insn *op_in_d(struct cpu *c, const struct insn *i)   { return in(c, i, (uint16_t)c->regs[RDX], io_size(i)); }
const struct insn *op_out_i8(struct cpu *c, const struct insn *i) { return out(c, i, (uint8_t)i->imm, 1); }
const struct insn *op_out_i(struct cpu *c, const struct insn *i)  { return out(c, i, (uint8_t)i->imm, io_size(i)); }
const struct insn *op_out_d8(struct cpu *c, const struct insn *i) { return out(c, i, (uint16_t)c->regs[RDX], 1); }
const struct insn *op_out_d(struct cpu *c, const struct insn *i)  { return out(c, i, (uint16_t)c->regs[RDX], io_size(i)); }

/* ---- INS, OUTS ---- */

static uint64_t address_mask(const struct insn *i)
{
	return i->flags & I_A16 ? 0xffffu : i->flags & I_A32 ? 0xffffffffu : ~UINT64_C(0);
}

static void advance(struct cpu *c, unsigned reg, uint64_t mask, uint64_t by)
{
	uint64_t v = (c->regs[reg] + by) & mask;
	if (mask == 0xffff)
		*reg16(c, reg) = (uint16_t)v;
	else
		c->regs[reg] = v;
}

static bool string_linear(struct cpu *c, const struct insn *i, unsigned sg, uint64_t off, unsigned size, unsigned access, uint64_t *lin)
{
	if ((c->mode & M_FLAT) && sg != SEG_FS && sg != SEG_GS) {
		*lin = off & c->lin_mask;
		return true;
	}
	return seg_check(c, i, sg, off, size, access, lin);
}

static bool ins_once(struct cpu *c, const struct insn *i, unsigned size)
{
	uint64_t mask = address_mask(i), lin;
	uint16_t port = (uint16_t)c->regs[RDX];
	/* The destination is checked first: a read of a port cannot be taken back. */
	if (!string_linear(c, i, SEG_ES, c->regs[RDI] & mask, size, MEM_W, &lin) || !mmu_probe(c, lin, size, MEM_W))
		return false;
	uint32_t v = port_read(c, port, size);
	if (!mem_write_bytes(c, i, lin, &v, size))
		return false;
	advance(c, RDI, mask, c->df_step * size);
	return true;
}

static bool outs_once(struct cpu *c, const struct insn *i, unsigned size)
{
	uint64_t mask = address_mask(i), lin;
	uint32_t v = 0;
	if (!string_linear(c, i, i->sg, c->regs[RSI] & mask, size, MEM_R, &lin) || !mem_read_bytes(c, i, lin, &v, size))
		return false;
	port_write(c, (uint16_t)c->regs[RDX], size, v);
	advance(c, RSI, mask, c->df_step * size);
	return true;
}

static const struct insn *string_io(struct cpu *c, const struct insn *i, unsigned size, bool (*once)(struct cpu *, const struct insn *, unsigned))
{
	uint64_t mask = address_mask(i);
	c->cur = i;
	TRY(c, i, io_allowed(c, (uint16_t)c->regs[RDX], size));
	if (!(i->flags & (I_REP | I_REPNE))) {
		TRY(c, i, once(c, i, size));
		LEAVE_NEXT(c, i);
	}
	while (c->regs[RCX] & mask) {
		TRY(c, i, once(c, i, size));
		advance(c, RCX, mask, (uint64_t)-1);
		/* An interrupt, a remapped page or a debug trap may come between two elements. */
		if (unlikely(c->attention || c->dr6_pending || (c->mode & M_STEP)) && (c->regs[RCX] & mask))
			LEAVE_JUMP(c, i, insn_rip(c, i));
	}
	LEAVE_NEXT(c, i);
}

const struct insn *op_ins8(struct cpu *c, const struct insn *i)  { return string_io(c, i, 1, ins_once); }
const struct insn *op_ins(struct cpu *c, const struct insn *i)   { return string_io(c, i, io_size(i), ins_once); }
const struct insn *op_outs8(struct cpu *c, const struct insn *i) { return string_io(c, i, 1, outs_once); }
const struct insn *op_outs(struct cpu *c, const struct insn *i)  { return string_io(c, i, io_size(i), outs_once); }
