/* far.c - far JMP, CALL, RET and IRET in every mode.  Ref: SDM 2 (instruction pages), SDM 3, 5.8 and 6.12; VM86: SDM 3, chapter 20.
 *
 * All checks come before any register changes; the stack is read or written first, the registers follow. */
#include "core/cpu/sys.h"
#include "core/cpu/event.h"
#include "core/cpu/mmu.h"

static uint64_t cut(uint64_t v, unsigned size) { return size == 2 ? (uint16_t)v : size == 4 ? (uint32_t)v : v; }

static bool is_long_code(const struct cpu *c, unsigned attr) { return cpu_long(c) && (attr & ATTR_L); }

/* Offset within the code segment d describes (or canonical, for 64-bit code). */
bool code_offset_ok(const struct cpu *c, uint64_t d, uint64_t rip)
{
	if (is_long_code(c, desc_attr(d)))
		return paging_canonical(rip);
	return rip <= desc_to_seg(0, d).limit;
}

bool code_enter(struct cpu *c, uint16_t sel, uint64_t d, unsigned cpl, uint64_t rip)
{
	if (!code_offset_ok(c, d, rip))
		return cpu_raise_err(c, EXC_GP, 0);
	if (!desc_mark_accessed(c, sel, &d))
		return false;
	c->seg[SEG_CS] = desc_to_seg((uint16_t)((sel & ~SEL_RPL) | cpl), d);
	c->cpl = (uint8_t)cpl;
	c->rip = rip;
	cpu_update_mode(c);
	return true;
}

/* L and D together are reserved in long mode. */
static bool code_bits_ok(const struct cpu *c, unsigned attr)
{
	return !(cpu_long(c) && (attr & ATTR_L) && (attr & ATTR_DB));
}

/* A code segment a JMP or CALL names directly. */
static bool check_direct(struct cpu *c, uint16_t sel, uint64_t d)
{
	unsigned a = desc_attr(d);
	bool ok = attr_conforming(a) ? attr_dpl(a) <= c->cpl : (sel & SEL_RPL) <= c->cpl && attr_dpl(a) == c->cpl;
	if (!ok || !code_bits_ok(c, a))
		return raise_sel(c, EXC_GP, sel, 0);
	return (a & ATTR_P) || raise_sel(c, EXC_NP, sel, 0);
}

/* ---- real and virtual-8086 mode ---- */

static void real_enter(struct cpu *c, uint16_t sel, uint64_t rip)
{
	struct segreg *cs = &c->seg[SEG_CS];
	if (c->eflags_sys & FL_VM) {
		*cs = seg_real(sel);
		cs->attr |= ATTR_DPL;
	} else {
		cs->sel = sel;
		cs->base = (uint64_t)sel << 4;
	}
	c->rip = rip;
	cpu_update_mode(c);
}

static bool real_offset_ok(struct cpu *c, uint64_t off)
{
	return off <= c->seg[SEG_CS].limit || cpu_raise_err(c, EXC_GP, 0);
}

/* ---- call gates ---- */

struct gate { uint16_t sel; uint64_t off; unsigned params, size; };

static bool read_call_gate(struct cpu *c, uint16_t sel, uint64_t d, struct gate *g)
{
	unsigned type = attr_type(desc_attr(d));
	g->sel = (uint16_t)(d >> 16);
	g->off = (d & 0xffff) | (type == SYS_CALL32 ? (d >> 32) & 0xffff0000 : 0);
	g->params = (unsigned)(d >> 32) & 31;
	g->size = type == SYS_CALL32 ? 4 : 2;
	if (cpu_long(c)) {
		uint64_t high;
		if (!desc_read_high(c, sel, EXC_GP, 0, &high))
			return false;
		g->off |= high << 32;
		g->params = 0;
		g->size = 8;
	}
	return true;
}

/* The code segment behind a gate; *d its descriptor. */
static bool check_gate_target(struct cpu *c, const struct gate *g, bool jump, uint64_t *d)
{
	if (sel_null(g->sel))
		return cpu_raise_err(c, EXC_GP, 0);
	if (!desc_read(c, g->sel, EXC_GP, 0, d))
		return false;
	unsigned a = desc_attr(*d);
	bool ok = attr_is_code(a) && attr_dpl(a) <= c->cpl;
	if (ok && jump && !attr_conforming(a))
		ok = attr_dpl(a) == c->cpl;
	if (ok && cpu_long(c))
		ok = (a & ATTR_L) && !(a & ATTR_DB);
	if (!ok)
		return raise_sel(c, EXC_GP, g->sel, 0);
	return (a & ATTR_P) || raise_sel(c, EXC_NP, g->sel, 0);
}

static bool push_return(struct cpu *c, struct frame *f, unsigned size, uint64_t next)
{
	return frame_push(c, f, size, c->seg[SEG_CS].sel) && frame_push(c, f, size, next);
}

/* CALL to more privilege: new stack from the TSS, old SS:SP and parameters copied. */
static bool gate_call_inner(struct cpu *c, const struct gate *g, uint64_t d, uint64_t next)
{
	unsigned cpl = attr_dpl(desc_attr(d));
	struct frame f;
	uint64_t params[31];
	if (cpu_long(c)) {
		f = (struct frame){ .ss = { .sel = (uint16_t)cpl, .attr = (uint16_t)(cpl << 5) }, .mask = ~UINT64_C(0), .cpl = cpl, .flat = true };
		if (!tss_rsp(c, cpl, 0, &f.sp))
			return false;
	} else if (!tss_stack(c, cpl, 0, &f)) {
		return false;
	}
	for (unsigned n = 0; n < g->params; n++)
		if (!stack_peek(c, n * g->size, g->size, &params[n]))
			return false;
	if (!frame_push(c, &f, g->size, c->seg[SEG_SS].sel) || !frame_push(c, &f, g->size, c->regs[RSP]))
		return false;
	for (unsigned n = g->params; n-- > 0;)
		if (!frame_push(c, &f, g->size, params[n]))
			return false;
	if (!push_return(c, &f, g->size, next) || !code_enter(c, g->sel, d, cpl, g->off))
		return false;
	c->seg[SEG_SS] = f.ss;
	cpu_update_mode(c);
	frame_commit_sp(c, &f);
	return true;
}

static bool gate_transfer(struct cpu *c, uint16_t sel, uint64_t d, bool jump, uint64_t next)
{
	struct gate g;
	uint64_t cd;
	if (!read_call_gate(c, sel, d, &g) || !check_gate_target(c, &g, jump, &cd))
		return false;
	if (jump)
		return code_enter(c, g.sel, cd, c->cpl, g.off);
	if (!attr_conforming(desc_attr(cd)) && attr_dpl(desc_attr(cd)) < c->cpl)
		return gate_call_inner(c, &g, cd, next);
	struct frame f = frame_current(c, 0);
	/* Leaving compatibility mode the new code is 64-bit: 8-byte pushes, stack pointer as it is. */
	if (cpu_long(c)) {
		f.flat = true;
		f.mask = ~UINT64_C(0);
	}
	if (!push_return(c, &f, g.size, next) || !code_enter(c, g.sel, cd, c->cpl, g.off))
		return false;
	frame_commit_sp(c, &f);
	return true;
}

/* A system descriptor as the target of JMP or CALL. */
static bool system_transfer(struct cpu *c, uint16_t sel, uint64_t d, bool jump, uint64_t next)
{
	unsigned a = desc_attr(d), type = attr_type(a);
	bool tss = type == SYS_TSS16 || type == SYS_TSS32, task = type == SYS_TASK_GATE;
	bool ok = type == SYS_CALL32 || (!cpu_long(c) && (type == SYS_CALL16 || tss || task));
	if (!ok || attr_dpl(a) < c->cpl || attr_dpl(a) < (sel & SEL_RPL))
		return raise_sel(c, EXC_GP, sel, 0);
	if (!(a & ATTR_P))
		return raise_sel(c, EXC_NP, sel, 0);
	if (!tss && !task)
		return gate_transfer(c, sel, d, jump, next);
	enum task_reason why = jump ? TASK_JMP : TASK_CALL;
	uint64_t here = c->rip;
	c->rip = next;
	if (tss ? task_switch(c, sel, d, why, false, 0, 0) : task_gate(c, (uint16_t)(d >> 16), why, false, 0, 0))
		return true;
	if (c->cur)
		c->rip = here;
	return false;
}

/* ---- JMP, CALL ---- */

static bool far_transfer(struct cpu *c, const struct insn *i, uint16_t sel, uint64_t off, unsigned size, bool jump)
{
	uint64_t next = insn_next_rip(c, i), d;
	c->cur = i;
	off = cut(off, size);
	if (!cpu_protected(c)) {
		if (!real_offset_ok(c, off))
			return false;
		struct frame f = frame_current(c, 0);
		if (!jump && !push_return(c, &f, size, next))
			return false;
		frame_commit_sp(c, &f);
		real_enter(c, sel, off);
		return true;
	}
	if (sel_null(sel))
		return cpu_raise_err(c, EXC_GP, 0);
	if (!desc_read(c, sel, EXC_GP, 0, &d))
		return false;
	if (!(desc_attr(d) & ATTR_S))
		return system_transfer(c, sel, d, jump, next);
	if (!attr_is_code(desc_attr(d)))
		return raise_sel(c, EXC_GP, sel, 0);
	if (!check_direct(c, sel, d))
		return false;
	if (jump)
		return code_enter(c, sel, d, c->cpl, off);
	struct frame f = frame_current(c, 0);
	if (!push_return(c, &f, size, next) || !code_enter(c, sel, d, c->cpl, off))
		return false;
	if (c->mode & M_CS64)
		f.mask = ~UINT64_C(0);
	frame_commit_sp(c, &f);
	return true;
}

bool far_jump(struct cpu *c, const struct insn *i, uint16_t sel, uint64_t off, unsigned size)
{
	return far_transfer(c, i, sel, off, size, true);
}

bool far_call(struct cpu *c, const struct insn *i, uint16_t sel, uint64_t off, unsigned size)
{
	return far_transfer(c, i, sel, off, size, false);
}

/* ---- returns ---- */

/* The code segment a RETF or IRET goes back to. */
static bool check_return_cs(struct cpu *c, uint16_t sel, uint64_t *d)
{
	if (sel_null(sel))
		return cpu_raise_err(c, EXC_GP, 0);
	if ((sel & SEL_RPL) < c->cpl)
		return raise_sel(c, EXC_GP, sel, 0);
	if (!desc_read(c, sel, EXC_GP, 0, d))
		return false;
	unsigned a = desc_attr(*d), rpl = sel & SEL_RPL;
	if (!attr_is_code(a) || (attr_conforming(a) ? attr_dpl(a) > rpl : attr_dpl(a) != rpl) || !code_bits_ok(c, a))
		return raise_sel(c, EXC_GP, sel, 0);
	return (a & ATTR_P) || raise_sel(c, EXC_NP, sel, 0);
}

/* The stack of the level a return goes to. */
static bool check_return_ss(struct cpu *c, uint16_t sel, unsigned cpl, uint64_t cs, struct segreg *ss)
{
	if (sel_null(sel) && is_long_code(c, desc_attr(cs)) && cpl != 3) {
		if ((sel & SEL_RPL) != cpl)
			return cpu_raise_err(c, EXC_GP, 0);
		*ss = (struct segreg){ .sel = sel, .attr = (uint16_t)(cpl << 5) };
		return true;
	}
	return seg_check_stack(c, sel, cpl, EXC_GP, 0, ss);
}

/* Where a return goes: CS:RIP, and SS:RSP when it changes stacks. */
struct target { uint16_t cs, ss; uint64_t rip, rsp, desc; bool new_stack; };

static bool enter_target(struct cpu *c, const struct target *t, unsigned extra)
{
	unsigned cpl = t->cs & SEL_RPL;
	bool outer = cpl != c->cpl;
	struct segreg ss;
	if (t->new_stack && !check_return_ss(c, t->ss, cpl, t->desc, &ss))
		return false;
	if (!code_enter(c, t->cs, t->desc, cpl, t->rip))
		return false;
	if (t->new_stack) {
		c->seg[SEG_SS] = ss;
		cpu_update_mode(c);
		if (c->mode & (M_CS64 | M_SS32))
			c->regs[RSP] = c->mode & M_CS64 ? t->rsp : (uint32_t)t->rsp;
		else
			*reg16(c, RSP) = (uint16_t)t->rsp;
		stack_add(c, extra);
	}
	if (outer) {
		seg_drop_privileged(c);
		cpu_update_mode(c);
	}
	return true;
}

bool far_return(struct cpu *c, unsigned size, unsigned imm)
{
	struct target t = { 0 };
	uint64_t v;
	if (!stack_peek(c, 0, size, &t.rip) || !stack_peek(c, size, size, &v))
		return false;
	t.cs = (uint16_t)v;
	if (!cpu_protected(c)) {
		if (!real_offset_ok(c, t.rip))
			return false;
		stack_add(c, 2 * size + imm);
		real_enter(c, t.cs, t.rip);
		return true;
	}
	if (!check_return_cs(c, t.cs, &t.desc))
		return false;
	if ((t.cs & SEL_RPL) == c->cpl) {
		uint64_t rsp = c->regs[RSP];
		stack_add(c, 2 * size + imm);
		if (enter_target(c, &t, 0))
			return true;
		c->regs[RSP] = rsp;
		return false;
	}
	if (!stack_peek(c, 2 * size + imm, size, &t.rsp) || !stack_peek(c, 3 * size + imm, size, &v))
		return false;
	t.ss = (uint16_t)v;
	t.new_stack = true;
	return enter_target(c, &t, imm);
}

/* ---- IRET ---- */

/* Bits of EFLAGS an IRET may change: SDM 2, IRET. */
static uint32_t iret_mask(const struct cpu *c, unsigned size)
{
	uint32_t m = FL_ARITH | FL_TF | FL_DF | FL_NT;
	if (size > 2)
		m |= FL_RF | FL_AC | FL_ID;
	if (c->cpl <= flags_iopl(c))
		m |= FL_IF;
	if (c->cpl == 0) {
		m |= FL_IOPL;
		if (size > 2)
			m |= FL_VIF | FL_VIP;
	}
	return m;
}

static bool iret_real(struct cpu *c, unsigned size)
{
	uint64_t ip, cs, fl;
	if (!stack_peek(c, 0, size, &ip) || !stack_peek(c, size, size, &cs) || !stack_peek(c, 2 * size, size, &fl) || !real_offset_ok(c, ip))
		return false;
	uint32_t mask = FL_ARITH | FL_TF | FL_DF | FL_NT | FL_IF | FL_IOPL | (size > 2 ? FL_RF | FL_AC | FL_ID : 0);
	stack_add(c, 3 * size);
	real_enter(c, (uint16_t)cs, ip);
	flags_write(c, (uint32_t)fl, mask);
	return true;
}

/* In virtual-8086 mode: IOPL 3, or CR4.VME with 16-bit operands, where IF stands for VIF (SDM 3, 20.3.3). */
static bool iret_vm86(struct cpu *c, unsigned size)
{
	uint64_t ip, cs, fl;
	bool vme = flags_iopl(c) < 3;
	if (vme && (!(c->cr4 & CR4_VME) || size != 2))
		return cpu_raise_err(c, EXC_GP, 0);
	if (!stack_peek(c, 0, size, &ip) || !stack_peek(c, size, size, &cs) || !stack_peek(c, 2 * size, size, &fl) || !real_offset_ok(c, ip))
		return false;
	if (vme && (((fl & FL_IF) && (c->eflags_sys & FL_VIP)) || (fl & FL_TF)))
		return cpu_raise_err(c, EXC_GP, 0);
	uint32_t mask = FL_ARITH | FL_TF | FL_DF | FL_NT | (size > 2 ? FL_RF | FL_AC | FL_ID : 0);
	stack_add(c, 3 * size);
	real_enter(c, (uint16_t)cs, ip);
	if (vme)
		flags_write(c, (uint32_t)fl | (fl & FL_IF ? FL_VIF : 0), mask | FL_VIF);
	else
		flags_write(c, (uint32_t)fl, mask | FL_IF);
	return true;
}

/* From CPL 0 into virtual-8086 mode: EIP, CS, EFLAGS, ESP, SS, ES, DS, FS, GS. */
static bool iret_to_vm86(struct cpu *c, uint64_t ip, uint16_t cs, uint32_t fl)
{
	static const uint8_t order[] = { SEG_SS, SEG_ES, SEG_DS, SEG_FS, SEG_GS };
	uint64_t sp, sel[5];
	if (!stack_peek(c, 12, 4, &sp))
		return false;
	for (unsigned n = 0; n < 5; n++)
		if (!stack_peek(c, 16 + 4 * n, 4, &sel[n]))
			return false;
	if (ip > 0xffff)
		return cpu_raise_err(c, EXC_GP, 0);
	flags_write(c, fl, FL_ARITH | FL_TF | FL_DF | FL_NT | FL_IF | FL_IOPL | FL_RF | FL_AC | FL_ID | FL_VIF | FL_VIP | FL_VM);
	c->cpl = 3;
	for (unsigned n = 0; n < 5; n++) {
		c->seg[order[n]] = seg_real((uint16_t)sel[n]);
		c->seg[order[n]].attr |= ATTR_DPL;
	}
	c->regs[RSP] = (uint32_t)sp;
	real_enter(c, cs, ip);
	return true;
}

/* Back to the task the link field of the current TSS names. */
static bool iret_task(struct cpu *c)
{
	uint16_t link;
	uint64_t d;
	uint64_t here = c->rip;
	if (!mmu_read(c, c->seg[SEG_TR].base, &link, 2, MEM_R | MEM_SYSTEM))
		return false;
	if (link & SEL_TI || sel_null(link))
		return raise_sel(c, EXC_TS, link, 0);
	if (!desc_read(c, link, EXC_TS, 0, &d))
		return false;
	unsigned type = desc_attr(d) & (ATTR_S | ATTR_TYPE);
	if (type != SYS_TSS16_BUSY && type != SYS_TSS32_BUSY)
		return raise_sel(c, EXC_TS, link, 0);
	if (!(desc_attr(d) & ATTR_P))
		return raise_sel(c, EXC_NP, link, 0);
	c->rip = insn_next_rip(c, c->cur);
	if (task_switch(c, link, d, TASK_IRET, false, 0, 0))
		return true;
	if (c->cur)
		c->rip = here;
	return false;
}

static bool iret_protected(struct cpu *c, unsigned size)
{
	struct target t = { 0 };
	uint64_t cs, fl, ss;
	if (c->eflags_sys & FL_NT)
		return cpu_long(c) ? cpu_raise_err(c, EXC_GP, 0) : iret_task(c);
	if (!stack_peek(c, 0, size, &t.rip) || !stack_peek(c, size, size, &cs) || !stack_peek(c, 2 * size, size, &fl))
		return false;
	t.cs = (uint16_t)cs;
	if ((fl & FL_VM) && c->cpl == 0 && size == 4 && !cpu_long(c))
		return iret_to_vm86(c, t.rip, t.cs, (uint32_t)fl);
	if (!check_return_cs(c, t.cs, &t.desc))
		return false;
	t.new_stack = (c->mode & M_CS64) || (t.cs & SEL_RPL) != c->cpl;
	if (t.new_stack) {
		if (!stack_peek(c, 3 * size, size, &t.rsp) || !stack_peek(c, 4 * size, size, &ss))
			return false;
		t.ss = (uint16_t)ss;
	}
	uint32_t mask = iret_mask(c, size);             /* by the old CPL and IOPL */
	uint64_t rsp = c->regs[RSP];
	if (!t.new_stack)
		stack_add(c, 3 * size);
	if (!enter_target(c, &t, 0)) {
		c->regs[RSP] = rsp;
		return false;
	}
	flags_write(c, (uint32_t)fl, mask);
	return true;
}

bool far_iret(struct cpu *c, unsigned size)
{
	c->nmi_blocked = 0;                             /* even when it faults: SDM 3, 6.7.1 */
	if (size == 8 && far_iret_64(c))
		return true;
	if (!(c->cr0 & CR0_PE))
		return iret_real(c, size);
	if (c->eflags_sys & FL_VM)
		return iret_vm86(c, size);
	return iret_protected(c, size);
}
