/* task.c - hardware task switching with 16- and 32-bit task-state segments.  Ref: SDM 3, chapter 7. */
#include "core/cpu/sys.h"
#include "core/cpu/debugreg.h"
#include "core/cpu/mmu.h"
#include <string.h>

/* The registers of a task as both formats hold them. */
struct task {
	uint32_t cr3, eip, eflags, gpr[8];
	uint16_t seg[6], ldt, trap;     /* ES CS SS DS FS GS */
};

/* Offsets of the saved part.  SDM 3, figures 7-2 and 7-10. */
enum { T32_CR3 = 0x1c, T32_EIP = 0x20, T32_GPR = 0x28, T32_SEG = 0x48, T32_LDT = 0x60, T32_TRAP = 0x64, T32_LIMIT = 0x67,
       T16_IP = 0x0e, T16_GPR = 0x12, T16_SEG = 0x22, T16_LDT = 0x2a, T16_LIMIT = 0x2b };

static uint32_t get32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static uint16_t get16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return v; }
static void put32(uint8_t *p, uint32_t v) { memcpy(p, &v, 4); }
static void put16(uint8_t *p, uint16_t v) { memcpy(p, &v, 2); }

static void decode_task(const uint8_t *b, bool is32, struct task *t)
{
	memset(t, 0, sizeof(*t));
	if (is32) {
		t->cr3 = get32(b + T32_CR3);
		t->eip = get32(b + T32_EIP);
		t->eflags = get32(b + T32_EIP + 4);
		for (unsigned n = 0; n < 8; n++)
			t->gpr[n] = get32(b + T32_GPR + 4 * n);
		for (unsigned n = 0; n < 6; n++)
			t->seg[n] = get16(b + T32_SEG + 4 * n);
		t->ldt = get16(b + T32_LDT);
		t->trap = get16(b + T32_TRAP) & 1;
		return;
	}
	t->eip = get16(b + T16_IP);
	t->eflags = get16(b + T16_IP + 2);
	for (unsigned n = 0; n < 8; n++)
		t->gpr[n] = 0xffff0000u | get16(b + T16_GPR + 2 * n);
	for (unsigned n = 0; n < 4; n++)
		t->seg[n] = get16(b + T16_SEG + 2 * n);
	t->ldt = get16(b + T16_LDT);
}

/* Write the outgoing task's registers into its TSS; fl as it is to be saved. */
static bool save_task(struct cpu *c, uint32_t fl)
{
	const struct segreg *tr = &c->seg[SEG_TR];
	uint8_t b[T32_LIMIT + 1];
	if (attr_type(tr->attr) & 8) {
		unsigned len = T32_LDT - T32_EIP;
		if (!mmu_read(c, tr->base + T32_EIP, b, len, MEM_R | MEM_SYSTEM))
			return false;
		put32(b, (uint32_t)c->rip);
		put32(b + 4, fl);
		for (unsigned n = 0; n < 8; n++)
			put32(b + T32_GPR - T32_EIP + 4 * n, (uint32_t)c->regs[n]);
		for (unsigned n = 0; n < 6; n++)
			put16(b + T32_SEG - T32_EIP + 4 * n, c->seg[n].sel);
		return mmu_write(c, tr->base + T32_EIP, b, len, MEM_W | MEM_SYSTEM);
	}
	put16(b, (uint16_t)c->rip);
	put16(b + 2, (uint16_t)fl);
	for (unsigned n = 0; n < 8; n++)
		put16(b + T16_GPR - T16_IP + 2 * n, (uint16_t)c->regs[n]);
	for (unsigned n = 0; n < 4; n++)
		put16(b + T16_SEG - T16_IP + 2 * n, c->seg[n].sel);
	return mmu_write(c, tr->base + T16_IP, b, T16_LDT - T16_IP, MEM_W | MEM_SYSTEM);
}

/* ---- the incoming task: everything here belongs to it, faults are #TS ---- */

static bool load_code(struct cpu *c, uint16_t sel, unsigned ext)
{
	uint64_t d;
	if (sel_null(sel))
		return raise_sel(c, EXC_TS, sel, ext);
	if (!desc_read(c, sel, EXC_TS, ext, &d))
		return false;
	unsigned a = desc_attr(d), rpl = sel & SEL_RPL;
	if (!attr_is_code(a) || (attr_conforming(a) ? attr_dpl(a) > rpl : attr_dpl(a) != rpl))
		return raise_sel(c, EXC_TS, sel, ext);
	if (!(a & ATTR_P))
		return raise_sel(c, EXC_NP, sel, ext);
	if (!desc_mark_accessed(c, sel, &d))
		return false;
	c->seg[SEG_CS] = desc_to_seg(sel, d);
	return true;
}

static bool load_data(struct cpu *c, unsigned sr, uint16_t sel, unsigned ext)
{
	uint64_t d;
	if (sel_null(sel))
		return true;
	if (!desc_read(c, sel, EXC_TS, ext, &d))
		return false;
	unsigned a = desc_attr(d);
	bool conforming = attr_is_code(a) && attr_conforming(a);
	if (!(a & ATTR_S) || (attr_is_code(a) && !(a & TYPE_WRITE)) ||
	    (!conforming && ((sel & SEL_RPL) > attr_dpl(a) || c->cpl > attr_dpl(a))))
		return raise_sel(c, EXC_TS, sel, ext);
	if (!(a & ATTR_P))
		return raise_sel(c, EXC_NP, sel, ext);
	if (!desc_mark_accessed(c, sel, &d))
		return false;
	c->seg[sr] = desc_to_seg(sel, d);
	return true;
}

static bool load_segments(struct cpu *c, const struct task *t, unsigned ext)
{
	static const uint8_t data[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
	struct segreg ss;
	for (unsigned n = 0; n < 6; n++)                /* selectors are visible even when a descriptor is bad */
		c->seg[n] = (struct segreg){ .sel = t->seg[n] };
	if (!seg_load_ldt(c, t->ldt, EXC_TS, ext))
		return false;
	if (c->eflags_sys & FL_VM) {
		for (unsigned n = 0; n < 6; n++) {
			c->seg[n] = seg_real(t->seg[n]);
			c->seg[n].attr |= ATTR_DPL;
		}
		return true;
	}
	if (!seg_check_stack(c, t->seg[SEG_SS], c->cpl, EXC_TS, ext, &ss))      /* first, so that a handler has a stack */
		return false;
	c->seg[SEG_SS] = ss;
	if (!load_code(c, t->seg[SEG_CS], ext))
		return false;
	for (unsigned n = 0; n < sizeof(data); n++)
		if (!load_data(c, data[n], t->seg[data[n]], ext))
			return false;
	return true;
}

static bool push_error(struct cpu *c, bool is32, uint32_t err, unsigned ext)
{
	struct frame f = frame_current(c, ext);
	if (!frame_push(c, &f, is32 ? 4 : 2, err))
		return false;
	frame_commit_sp(c, &f);
	return true;
}

/* ---- the switch ---- */

/* Checks that still belong to the old task, and the new one's image. */
static bool read_new(struct cpu *c, const struct segreg *tr, bool is32, unsigned ext, struct task *t)
{
	uint8_t b[T32_LIMIT + 1];
	unsigned len = (is32 ? T32_LIMIT : T16_LIMIT) + 1;
	if (tr->limit < len - 1)
		return raise_sel(c, EXC_TS, tr->sel, ext);
	if (!mmu_probe(c, tr->base, len, MEM_W | MEM_SYSTEM) || !mmu_read(c, tr->base, b, len, MEM_R | MEM_SYSTEM))
		return false;
	decode_task(b, is32, t);
	return true;
}

/* Busy bits and back link: SDM 3, table 7-2. */
static bool link_tasks(struct cpu *c, const struct segreg *tr, enum task_reason why)
{
	uint16_t old = c->seg[SEG_TR].sel;
	if ((why == TASK_JMP || why == TASK_IRET) && !desc_write_type(c, old, SYS_BUSY, 0))
		return false;
	if (why != TASK_IRET && !desc_write_type(c, tr->sel, 0, SYS_BUSY))
		return false;
	if (why == TASK_CALL || why == TASK_INT)
		return mmu_write(c, tr->base, &old, 2, MEM_W | MEM_SYSTEM);
	return true;
}

static bool load_registers(struct cpu *c, const struct task *t, bool is32, bool nested)
{
	if (is32 && (c->cr0 & CR0_PG)) {
		if ((c->cr4 & CR4_PAE) && !paging_load_pdptes(c, t->cr3))
			return cpu_raise_err(c, EXC_GP, 0);
		mmu_set_cr3(c, t->cr3);
	}
	c->cr0 |= CR0_TS;
	c->rip = t->eip;
	for (unsigned n = 0; n < 8; n++)
		c->regs[n] = t->gpr[n];
	uint32_t fl = t->eflags | (nested ? FL_NT : 0);
	uint32_t mask = is32 ? ~0u : 0xffffu;
	flags_write(c, fl, mask & (FL_ARITH | FL_TF | FL_IF | FL_DF | FL_IOPL | FL_NT | FL_RF | FL_VM | FL_AC | FL_VIF | FL_VIP | FL_ID));
	if (!is32)
		flags_write(c, 0, FL_VM | FL_RF | FL_AC | FL_VIF | FL_VIP | FL_ID);
	c->cpl = c->eflags_sys & FL_VM ? 3 : t->seg[SEG_CS] & SEL_RPL;
	c->dr[7] &= ~UINT64_C(0x155);                   /* local enables, LE */
	return true;
}

bool task_switch(struct cpu *c, uint16_t sel, uint64_t d, enum task_reason why, bool has_err, uint32_t err, unsigned ext)
{
	struct segreg tr = desc_to_seg(sel, d);
	bool is32 = attr_type(tr.attr) & 8, nested = why == TASK_CALL || why == TASK_INT;
	struct task t;
	uint32_t fl = cpu_get_eflags(c);
	if (!read_new(c, &tr, is32, ext, &t))
		return false;
	if (why == TASK_IRET)
		fl &= ~(uint32_t)FL_NT;
	if (!save_task(c, fl) || !link_tasks(c, &tr, why))
		return false;

	/* From here on the new task runs. */
	c->cur = NULL;
	tr.attr |= SYS_BUSY;
	c->seg[SEG_TR] = tr;
	bool ok = load_registers(c, &t, is32, nested) && load_segments(c, &t, ext);
	debug_set_dr7(c, c->dr[7]);
	cpu_update_mode(c);
	if (ok && has_err)
		ok = push_error(c, is32, err, ext);
	if (ok && c->rip > c->seg[SEG_CS].limit)
		ok = cpu_raise_err(c, EXC_GP, 0);
	if (ok && t.trap) {
		c->dr[6] |= DR6_BT;
		ok = cpu_raise(c, EXC_DB);
	}
	return ok;
}

bool task_gate(struct cpu *c, uint16_t tss, enum task_reason why, bool has_err, uint32_t err, unsigned ext)
{
	uint64_t d;
	if ((tss & SEL_TI) || sel_null(tss))
		return raise_sel(c, EXC_GP, tss, ext);
	if (!desc_read(c, tss, EXC_GP, ext, &d))
		return false;
	unsigned a = desc_attr(d), type = a & (ATTR_S | ATTR_TYPE);
	if (type != SYS_TSS16 && type != SYS_TSS32)
		return raise_sel(c, EXC_GP, tss, ext);
	if (!(a & ATTR_P))
		return raise_sel(c, EXC_NP, tss, ext);
	return task_switch(c, tss, d, why, has_err, err, ext);
}
