/* ops_system_seg.c - instructions on segment registers and descriptors.  Ref: SDM 2, instruction pages; SDM 3, chapter 5. */
#include "core/cpu/cpuid.h"
#include "core/cpu/event.h"
#include "core/cpu/mmu.h"
#include "core/cpu/ops.h"
#include "core/cpu/ops_system.h"
#include "core/cpu/sys.h"

/* After a segment register changed: go on in the block unless that changed the mode it was decoded for. */
static const struct insn *segment_changed(struct cpu *c, const struct insn *i)
{
	uint16_t mode = c->mode;
	cpu_update_mode(c);
	if (unlikely(mode != c->mode))
		LEAVE_NEXT(c, i);
	NEXT(c, i);
}

/* ---- PUSH, POP, MOV ---- */

static const struct insn *push_seg(struct cpu *c, const struct insn *i, unsigned sr)
{
	unsigned size = op_size(i);
	uint64_t v = c->seg[sr].sel;
	if (size == 4) {
		/* 32-bit pushes of a selector write only its 16 bits (SDM 2, PUSH), the rest of the slot stays. */
		uint64_t sp = c->regs[RSP], old;
		stack_add(c, (uint64_t)-4);
		c->cur = i;
		bool ok = stack_peek(c, 0, 4, &old);
		c->regs[RSP] = sp;
		if (!ok)
			FAULT(c, i);
		v |= old & 0xffff0000;
	}
	TRY(c, i, stack_push(c, i, size, v));
	NEXT(c, i);
}
const struct insn *op_push_es(struct cpu *c, const struct insn *i) { return push_seg(c, i, SEG_ES); }
const struct insn *op_push_cs(struct cpu *c, const struct insn *i) { return push_seg(c, i, SEG_CS); }
const struct insn *op_push_ss(struct cpu *c, const struct insn *i) { return push_seg(c, i, SEG_SS); }
const struct insn *op_push_ds(struct cpu *c, const struct insn *i) { return push_seg(c, i, SEG_DS); }
const struct insn *op_push_fs(struct cpu *c, const struct insn *i) { return push_seg(c, i, SEG_FS); }
const struct insn *op_push_gs(struct cpu *c, const struct insn *i) { return push_seg(c, i, SEG_GS); }

static bool pop_seg(struct cpu *c, const struct insn *i, unsigned sr)
{
	uint64_t sp = c->regs[RSP], v;
	if (!stack_pop(c, i, op_size(i), &v))
		return false;
	c->cur = i;
	if (seg_load(c, sr, (uint16_t)v))
		return true;
	c->regs[RSP] = sp;
	return false;
}
const struct insn *op_pop_es(struct cpu *c, const struct insn *i) { TRY(c, i, pop_seg(c, i, SEG_ES)); return segment_changed(c, i); }
const struct insn *op_pop_ds(struct cpu *c, const struct insn *i) { TRY(c, i, pop_seg(c, i, SEG_DS)); return segment_changed(c, i); }
const struct insn *op_pop_fs(struct cpu *c, const struct insn *i) { TRY(c, i, pop_seg(c, i, SEG_FS)); return segment_changed(c, i); }
const struct insn *op_pop_gs(struct cpu *c, const struct insn *i) { TRY(c, i, pop_seg(c, i, SEG_GS)); return segment_changed(c, i); }
const struct insn *op_pop_ss(struct cpu *c, const struct insn *i)
{
	/* The pop moves the pointer by the old stack size; the new segment counts from the next instruction. */
	TRY(c, i, pop_seg(c, i, SEG_SS));
	c->shadow = 1;
	cpu_update_mode(c);
	LEAVE_NEXT(c, i);
}

const struct insn *op_mov_es(struct cpu *c, const struct insn *i)
{
	if (i->reg > SEG_GS)
		RAISE(c, i, EXC_UD);
	TRY(c, i, put_selector(c, i, c->seg[i->reg].sel));
	NEXT(c, i);
}

const struct insn *op_mov_se(struct cpu *c, const struct insn *i)
{
	uint16_t sel;
	if (i->reg > SEG_GS || i->reg == SEG_CS)
		RAISE(c, i, EXC_UD);
	TRY(c, i, get_e16(c, i, &sel));
	c->cur = i;
	TRY(c, i, seg_load(c, i->reg, sel));
	return segment_changed(c, i);
}

const struct insn *op_mov_ss(struct cpu *c, const struct insn *i)
{
	uint16_t sel;
	TRY(c, i, get_e16(c, i, &sel));
	c->cur = i;
	TRY(c, i, seg_load(c, SEG_SS, sel));
	c->shadow = 1;
	cpu_update_mode(c);
	LEAVE_NEXT(c, i);
}

/* ---- LDS, LES, LFS, LGS, LSS ---- */

static bool load_pointer(struct cpu *c, const struct insn *i, unsigned sr)
{
	unsigned size = op_size(i);
	uint64_t lin, off = 0;
	uint8_t buf[10];
	uint16_t sel;
	if (!ea_linear(c, i, size + 2, MEM_R, &lin) || !mem_read_bytes(c, i, lin, buf, size + 2))
		return false;
	memcpy(&off, buf, size);
	memcpy(&sel, buf + size, 2);
	c->cur = i;
	if (!seg_load(c, sr, sel))
		return false;
	put_g(c, i, off);
	return true;
}
const struct insn *op_les(struct cpu *c, const struct insn *i) { TRY(c, i, load_pointer(c, i, SEG_ES)); return segment_changed(c, i); }
const struct insn *op_lds(struct cpu *c, const struct insn *i) { TRY(c, i, load_pointer(c, i, SEG_DS)); return segment_changed(c, i); }
const struct insn *op_lfs(struct cpu *c, const struct insn *i) { TRY(c, i, load_pointer(c, i, SEG_FS)); return segment_changed(c, i); }
const struct insn *op_lgs(struct cpu *c, const struct insn *i) { TRY(c, i, load_pointer(c, i, SEG_GS)); return segment_changed(c, i); }
const struct insn *op_lss(struct cpu *c, const struct insn *i)
{
	TRY(c, i, load_pointer(c, i, SEG_SS));
	cpu_update_mode(c);
	LEAVE_NEXT(c, i);
}

/* ---- LDTR, TR ---- */

const struct insn *op_sldt(struct cpu *c, const struct insn *i)
{
	REQUIRE_UMIP(c, i);
	TRY(c, i, put_selector(c, i, c->seg[SEG_LDTR].sel));
	NEXT(c, i);
}
const struct insn *op_str(struct cpu *c, const struct insn *i)
{
	REQUIRE_UMIP(c, i);
	TRY(c, i, put_selector(c, i, c->seg[SEG_TR].sel));
	NEXT(c, i);
}
const struct insn *op_lldt(struct cpu *c, const struct insn *i)
{
	uint16_t sel;
	REQUIRE_CPL0(c, i);
	TRY(c, i, get_e16(c, i, &sel));
	TRY(c, i, seg_load_ldt(c, sel, EXC_GP, 0));
	NEXT(c, i);
}
const struct insn *op_ltr(struct cpu *c, const struct insn *i)
{
	uint16_t sel;
	REQUIRE_CPL0(c, i);
	TRY(c, i, get_e16(c, i, &sel));
	TRY(c, i, seg_load_tr(c, sel));
	NEXT(c, i);
}

/* ---- looking at descriptors ---- */

/* The descriptor of sel for LAR, LSL, VERR, VERW: *found false when there is none or privilege hides it. */
static bool inspect(struct cpu *c, uint16_t sel, uint64_t *d, bool *found)
{
	*found = false;
	if (sel_null(sel))
		return true;
	enum desc_result r = desc_fetch(c, sel, d);
	if (r == DESC_FAULT)
		return false;
	if (r == DESC_OUTSIDE)
		return true;
	unsigned a = desc_attr(*d);
	*found = (attr_is_code(a) && attr_conforming(a)) || (attr_dpl(a) >= c->cpl && attr_dpl(a) >= (sel & SEL_RPL));
	return true;
}

/* Which system descriptors LAR and LSL show: SDM 2, tables 3-52 and 3-56. */
static bool visible_system(const struct cpu *c, unsigned type, bool limit)
{
	unsigned set = 1u << SYS_TSS16 | 1u << SYS_LDT | 1u << SYS_TSS16_BUSY | 1u << SYS_TSS32 | 1u << SYS_TSS32_BUSY;
	if (!limit)
		set |= 1u << SYS_CALL16 | 1u << SYS_TASK_GATE | 1u << SYS_CALL32;
	if (cpu_long(c))
		set &= 1u << SYS_LDT | 1u << SYS_TSS32 | 1u << SYS_TSS32_BUSY | 1u << SYS_CALL32;
	return set >> type & 1;
}

const struct insn *op_lar(struct cpu *c, const struct insn *i)
{
	uint16_t sel;
	uint64_t d;
	bool found;
	TRY(c, i, get_e16(c, i, &sel) && inspect(c, sel, &d, &found));
	if (found && !(desc_attr(d) & ATTR_S))
		found = visible_system(c, attr_type(desc_attr(d)), false);
	if (found)
		put_g(c, i, (d >> 32) & (i->flags & I_O16 ? 0xff00 : 0xffff00));
	put_zf(c, found);
	NEXT(c, i);
}

const struct insn *op_lsl(struct cpu *c, const struct insn *i)
{
	uint16_t sel;
	uint64_t d;
	bool found;
	TRY(c, i, get_e16(c, i, &sel) && inspect(c, sel, &d, &found));
	if (found && !(desc_attr(d) & ATTR_S))
		found = visible_system(c, attr_type(desc_attr(d)), true);
	if (found)
		put_g(c, i, desc_to_seg(sel, d).limit);
	put_zf(c, found);
	NEXT(c, i);
}

static const struct insn *verify(struct cpu *c, const struct insn *i, bool write)
{
	uint16_t sel;
	uint64_t d = 0;
	bool found;
	TRY(c, i, get_e16(c, i, &sel) && inspect(c, sel, &d, &found));
	unsigned a = desc_attr(d);
	bool data = !(a & TYPE_CODE);
	put_zf(c, found && (a & ATTR_S) && (write ? data && (a & TYPE_WRITE) : data || (a & TYPE_WRITE)));
	NEXT(c, i);
}
const struct insn *op_verr(struct cpu *c, const struct insn *i) { return verify(c, i, false); }
const struct insn *op_verw(struct cpu *c, const struct insn *i) { return verify(c, i, true); }

const struct insn *op_arpl(struct cpu *c, const struct insn *i)
{
	uint16_t sel, src = (uint16_t)c->regs[i->reg];
	TRY(c, i, get_e16(c, i, &sel));
	bool raise = (sel & SEL_RPL) < (src & SEL_RPL);
	if (raise)
		TRY(c, i, put_e16(c, i, (uint16_t)((sel & ~SEL_RPL) | (src & SEL_RPL))));
	put_zf(c, raise);
	NEXT(c, i);
}

/* ---- FS and GS bases ---- */

const struct insn *op_swapgs(struct cpu *c, const struct insn *i)
{
	REQUIRE_CPL0(c, i);
	uint64_t t = c->seg[SEG_GS].base;
	c->seg[SEG_GS].base = c->kernel_gs_base;
	c->kernel_gs_base = t;
	NEXT(c, i);
}

static const struct insn *read_base(struct cpu *c, const struct insn *i, unsigned sr)
{
	if (!(c->cr4 & CR4_FSGSBASE))
		RAISE(c, i, EXC_UD);
	c->regs[i->rm] = i->flags & I_O64 ? c->seg[sr].base : (uint32_t)c->seg[sr].base;
	NEXT(c, i);
}
static const struct insn *write_base(struct cpu *c, const struct insn *i, unsigned sr)
{
	uint64_t v = i->flags & I_O64 ? c->regs[i->rm] : (uint32_t)c->regs[i->rm];
	if (!(c->cr4 & CR4_FSGSBASE))
		RAISE(c, i, EXC_UD);
	if (!paging_canonical(v))
		RAISE_ERR(c, i, EXC_GP, 0);
	c->seg[sr].base = v;
	NEXT(c, i);
}
const struct insn *op_rdfsbase(struct cpu *c, const struct insn *i) { return read_base(c, i, SEG_FS); }
const struct insn *op_rdgsbase(struct cpu *c, const struct insn *i) { return read_base(c, i, SEG_GS); }
const struct insn *op_wrfsbase(struct cpu *c, const struct insn *i) { return write_base(c, i, SEG_FS); }
const struct insn *op_wrgsbase(struct cpu *c, const struct insn *i) { return write_base(c, i, SEG_GS); }
