/* event.c - delivery of interrupts and exceptions: IVT, IDT gates, VM86, 64-bit mode; double and triple faults.
 * Ref: SDM 3, chapter 6; real mode: SDM 3, 20.1.4; VM86: SDM 3, 20.3. */
#include "core/cpu/event.h"
#include "core/cpu/debugreg.h"
#include "core/cpu/mmu.h"
#include "core/cpu/sys.h"
#include "core/machine/machine.h"

/* ---- recording ---- */

static bool record(struct cpu *c, int vector, bool has_err, uint32_t err)
{
	c->exc_pending = 1;
	c->exc_vector = (uint8_t)vector;
	c->exc_has_err = has_err;
	c->exc_err = err;
	return false;
}

bool cpu_raise(struct cpu *c, int vector) { return record(c, vector, false, 0); }
bool cpu_raise_err(struct cpu *c, int vector, uint32_t err) { return record(c, vector, true, err); }

bool cpu_raise_pf(struct cpu *c, uint64_t lin, uint32_t err)
{
	c->exc_addr = lin;
	return record(c, EXC_PF, true, err);
}

/* ---- what is being delivered ---- */

struct event {
	int      vector;
	bool     has_err, soft;         /* soft: INT n, INT3, INTO: gate privilege is checked */
	uint32_t err;
	unsigned ext;                   /* EXT bit of error codes that the delivery itself causes */
	uint32_t flags;                 /* image to push */
};

/* RF in the pushed image: SDM 3, 17.3.1.1.  Faults restart their instruction, so a breakpoint on it must not hit again. */
static uint32_t flags_image(const struct cpu *c, int vector, enum event_kind kind)
{
	uint32_t fl = cpu_get_eflags(c);
	if (kind == EVENT_EXC && vector != EXC_DB && vector != EXC_BP && vector != EXC_OF)
		fl |= FL_RF;
	return fl;
}

/* Error code naming an IDT entry. */
static bool raise_vector(struct cpu *c, int exc, const struct event *e)
{
	return cpu_raise_err(c, exc, (uint32_t)e->vector * 8 + 2 + e->ext);
}

static bool deliver_real(struct cpu *c, const struct event *e, uint64_t base, uint64_t limit)
{
	uint16_t entry[2];
	struct frame f = frame_current(c, e->ext);
	f.mask = c->mode & M_SS32 ? 0xffffffffu : 0xffffu;
	if ((unsigned)e->vector * 4 + 3 > limit)
		return raise_vector(c, EXC_GP, e);
	if (!mmu_read(c, base + (unsigned)e->vector * 4, entry, 4, MEM_R | MEM_SYSTEM))
		return false;
	if (!frame_push(c, &f, 2, e->flags) || !frame_push(c, &f, 2, c->seg[SEG_CS].sel) || !frame_push(c, &f, 2, c->rip))
		return false;
	if (entry[0] > c->seg[SEG_CS].limit)
		return cpu_raise_err(c, EXC_GP, e->ext);
	frame_commit_sp(c, &f);
	c->seg[SEG_CS].sel = entry[1];
	c->seg[SEG_CS].base = (uint64_t)entry[1] << 4;
	c->rip = entry[0];
	return true;
}

/* ---- protected mode ---- */

struct gate { uint16_t sel; uint64_t off; unsigned type, size, ist; };

static bool read_gate(struct cpu *c, const struct event *e, struct gate *g, bool *task)
{
	uint64_t lo, hi = 0;
	unsigned width = cpu_long(c) ? 16 : 8;
	uint64_t at = c->idtr.base + (unsigned)e->vector * width;
	*task = false;
	if ((unsigned)e->vector * width + width - 1 > c->idtr.limit)
		return raise_vector(c, EXC_GP, e);
	if (!mmu_read(c, at, &lo, 8, MEM_R | MEM_SYSTEM) || (width == 16 && !mmu_read(c, at + 8, &hi, 8, MEM_R | MEM_SYSTEM)))
		return false;
	unsigned a = desc_attr(lo), type = a & (ATTR_S | ATTR_TYPE);
	bool ok = type == SYS_INT32 || type == SYS_TRAP32 || (!cpu_long(c) && (type == SYS_INT16 || type == SYS_TRAP16 || type == SYS_TASK_GATE));
	if (!ok || (e->soft && attr_dpl(a) < c->cpl))
		return raise_vector(c, EXC_GP, e);
	if (!(a & ATTR_P))
		return raise_vector(c, EXC_NP, e);
	g->sel = (uint16_t)(lo >> 16);
	g->type = type;
	g->size = cpu_long(c) ? 8 : type & 8 ? 4 : 2;
	g->off = (lo & 0xffff) | (g->size > 2 ? (lo >> 32) & 0xffff0000 : 0) | hi << 32;
	g->ist = cpu_long(c) ? (unsigned)(lo >> 32) & 7 : 0;
	*task = type == SYS_TASK_GATE;
	return true;
}

/* The handler's code segment; *cpl the privilege it runs at. */
static bool check_handler(struct cpu *c, const struct event *e, const struct gate *g, uint64_t *d, unsigned *cpl)
{
	if (sel_null(g->sel))
		return cpu_raise_err(c, EXC_GP, e->ext);
	if (!desc_read(c, g->sel, EXC_GP, e->ext, d))
		return false;
	unsigned a = desc_attr(*d);
	bool vm = c->eflags_sys & FL_VM;
	bool ok = attr_is_code(a) && attr_dpl(a) <= c->cpl;
	*cpl = attr_conforming(a) ? c->cpl : attr_dpl(a);
	if (ok && vm)
		ok = *cpl == 0;
	if (ok && cpu_long(c))
		ok = (a & ATTR_L) && !(a & ATTR_DB);
	if (!ok)
		return raise_sel(c, EXC_GP, g->sel, e->ext);
	return (a & ATTR_P) || raise_sel(c, EXC_NP, g->sel, e->ext);
}

static bool push_frame(struct cpu *c, struct frame *f, const struct event *e, unsigned size, bool stack_too)
{
	if (c->eflags_sys & FL_VM)
		for (int n = 3; n >= 0; n--) {
			static const uint8_t order[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
			if (!frame_push(c, f, size, c->seg[order[n]].sel))
				return false;
		}
	if (stack_too && (!frame_push(c, f, size, c->seg[SEG_SS].sel) || !frame_push(c, f, size, c->regs[RSP])))
		return false;
	return frame_push(c, f, size, e->flags) && frame_push(c, f, size, c->seg[SEG_CS].sel) && frame_push(c, f, size, c->rip) &&
	       (!e->has_err || frame_push(c, f, size, e->err));
}

/* The stack the handler runs on. */
static bool handler_stack(struct cpu *c, const struct event *e, const struct gate *g, unsigned cpl, struct frame *f)
{
	if (cpu_long(c)) {
		*f = (struct frame){ .ss = c->seg[SEG_SS], .sp = c->regs[RSP], .mask = ~UINT64_C(0), .cpl = cpl, .flat = true, .err = e->ext };
		if (cpl != c->cpl)
			f->ss = (struct segreg){ .sel = (uint16_t)cpl, .attr = (uint16_t)(cpl << 5) };
		if (g->ist ? !tss_rsp(c, 3 + g->ist, e->ext, &f->sp) : cpl != c->cpl && !tss_rsp(c, cpl, e->ext, &f->sp))
			return false;
		f->sp &= ~UINT64_C(15);
		return true;
	}
	if (cpl != c->cpl)
		return tss_stack(c, cpl, e->ext, f);
	*f = frame_current(c, e->ext);
	return true;
}

static bool deliver_protected(struct cpu *c, const struct event *e)
{
	struct gate g = { 0 };
	struct frame f;
	uint64_t d;
	unsigned cpl;
	bool task;
	if (!read_gate(c, e, &g, &task))
		return false;
	if (task)
		return task_gate(c, g.sel, TASK_INT, e->has_err, e->err, e->ext);
	if (!check_handler(c, e, &g, &d, &cpl) || !handler_stack(c, e, &g, cpl, &f))
		return false;
	bool inner = cpl != c->cpl, vm = c->eflags_sys & FL_VM;
	if (!code_offset_ok(c, d, g.off))
		return cpu_raise_err(c, EXC_GP, e->ext);
	if (!push_frame(c, &f, e, g.size, inner || cpu_long(c)))
		return false;

	/* The frame is written: nothing can fail any more but marking the descriptor, which comes before any register changes. */
	uint32_t clear = FL_TF | FL_NT | FL_RF | FL_VM | (g.type & 1 ? 0 : FL_IF);
	if (!desc_mark_accessed(c, g.sel, &d))
		return false;
	c->eflags_sys &= ~clear;
	if (vm) {
		static const uint8_t drop[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
		for (unsigned n = 0; n < sizeof(drop); n++)
			c->seg[drop[n]] = (struct segreg){ .sel = 0 };
	}
	if (inner)
		c->seg[SEG_SS] = f.ss;
	if (!code_enter(c, g.sel, d, cpl, g.off))
		return false;
	frame_commit_sp(c, &f);
	return true;
}

/* ---- entry points ---- */

static void log_event(struct cpu *c, const struct event *e, enum event_kind kind)
{
	static const char *const names[] = { "exception", "interrupt", "NMI", "software", "INT1" };
	log_printf(c->machine, "CPU %u: %s v=%02x e=%04x cpl=%u IP=%04x:%016llx SP=%04x:%016llx%s", c->index, names[kind], (unsigned)e->vector,
		   e->has_err ? e->err : 0, c->cpl, c->seg[SEG_CS].sel, (unsigned long long)c->rip, c->seg[SEG_SS].sel,
		   (unsigned long long)c->regs[RSP], "");
	if (e->vector == EXC_PF && kind == EVENT_EXC)
		log_printf(c->machine, " CR2=%016llx", (unsigned long long)c->cr2);
	log_printf(c->machine, "\n");
}

bool cpu_deliver(struct cpu *c, int vector, bool has_err, uint32_t err, enum event_kind kind)
{
	struct event e = { .vector = vector, .has_err = has_err, .err = err, .soft = kind == EVENT_SOFT, .ext = kind != EVENT_SOFT,
			   .flags = flags_image(c, vector, kind) };
	if (log_on(c->machine, LOG_INT))
		log_event(c, &e, kind);
	c->cur = NULL;
	if (c->cr0 & CR0_PE) {
		if ((e.soft || !event_deliver_64(c, vector, has_err ? &err : NULL, e.flags)) && !deliver_protected(c, &e))
			return false;
	} else {
		if (!deliver_real(c, &e, c->idtr.base, c->idtr.limit))
			return false;
		c->eflags_sys &= ~(uint32_t)(FL_IF | FL_TF | FL_AC | FL_RF);
	}
	c->shadow = 0;
	cpu_update_mode(c);
	return true;
}

bool event_page_fault_64(struct cpu *c, uint64_t rip)
{
	uint32_t err = c->exc_err;
	if (c->exc_vector != EXC_PF || log_on(c->machine, LOG_INT))
		return false;
	c->rip = rip;
	if (!event_deliver_64(c, EXC_PF, &err, flags_image(c, EXC_PF, EVENT_EXC)))
		return false;
	c->exc_pending = 0;
	c->dr6_pending = 0;
	c->cr2 = c->exc_addr;
	c->cur = NULL;
	c->shadow = 0;
	cpu_update_mode(c);
	return true;
}

/* The redirection bitmap stands below the I/O bitmap of the TSS: SDM 3, 20.3.1, figure 20-5.  A set bit sends the INT to the IDT. */
static bool vme_redirected(struct cpu *c, int vector, bool *to_idt)
{
	const struct segreg *tr = &c->seg[SEG_TR];
	uint16_t iomap;
	uint8_t bits = 0xff;
	if (tr->limit >= 0x67) {
		if (!mmu_read(c, tr->base + 0x66, &iomap, 2, MEM_R | MEM_SYSTEM))
			return false;
		unsigned at = (unsigned)iomap - 32 + (unsigned)vector / 8;
		if (iomap >= 32 && at <= tr->limit && !mmu_read(c, tr->base + at, &bits, 1, MEM_R | MEM_SYSTEM))
			return false;
	}
	*to_idt = bits >> (vector & 7) & 1;
	return true;
}

bool event_int_n(struct cpu *c, int vector)
{
	if (!(c->eflags_sys & FL_VM))
		return cpu_deliver(c, vector, false, 0, EVENT_SOFT);
	bool to_idt = true;
	if ((c->cr4 & CR4_VME) && !vme_redirected(c, vector, &to_idt))
		return false;
	if (to_idt) {
		if (flags_iopl(c) < 3)
			return cpu_raise_err(c, EXC_GP, 0);
		return cpu_deliver(c, vector, false, 0, EVENT_SOFT);
	}
	/* Through the virtual machine's own vectors at linear 0, without leaving it. */
	struct event e = { .vector = vector, .flags = cpu_get_eflags(c) };
	bool virtual_if = flags_iopl(c) < 3;
	if (virtual_if)
		e.flags = (e.flags & ~(uint32_t)FL_IF) | FL_IOPL | (c->eflags_sys & FL_VIF ? FL_IF : 0);
	c->cur = NULL;
	if (!deliver_real(c, &e, 0, 0x3ff))
		return false;
	c->eflags_sys &= ~(uint32_t)(FL_TF | FL_RF | (virtual_if ? FL_VIF : FL_IF));
	cpu_update_mode(c);
	return true;
}

/* SDM 3, table 6-5. */
static bool contributory(int v) { return v == EXC_DE || (v >= EXC_TS && v <= EXC_GP); }
static bool makes_double(int first, int second)
{
	return (contributory(first) && contributory(second)) || (first == EXC_PF && (second == EXC_PF || contributory(second)));
}

bool cpu_handle_exception(struct cpu *c)
{
	int first = c->exc_vector;
	c->dr6_pending = 0;             /* a faulting instruction's data breakpoints do not count */
	for (;;) {
		bool has_err = c->exc_has_err;
		uint32_t err = c->exc_err;
		c->exc_pending = 0;
		if (first == EXC_PF)
			c->cr2 = c->exc_addr;
		if (cpu_deliver(c, first, has_err, err, EVENT_EXC))
			return true;
		int second = c->exc_vector;
		if (first == EXC_DF) {
			c->exc_pending = 0;
			log_printf(c->machine, "CPU %u: triple fault at %04x:%016llx\n", c->index, c->seg[SEG_CS].sel, (unsigned long long)c->rip);
			return false;
		}
		if (makes_double(first, second)) {
			if (second == EXC_PF)
				c->cr2 = c->exc_addr;
			first = EXC_DF;
			c->exc_has_err = 1;
			c->exc_err = 0;
		} else {
			first = second;
		}
	}
}

/* INIT# and start-up: SDM 3, 8.4 and table 9-1. */
static bool take_init(struct cpu *c, uint32_t req)
{
	if (req & REQ_INIT) {
		cpu_clear(c, REQ_INIT);
		cpu_init(c);
		return true;
	}
	cpu_clear(c, REQ_SIPI);
	if (c->run_state != CPU_WAIT_SIPI)
		return false;
	c->seg[SEG_CS].sel = (uint16_t)(c->sipi_vector << 8);
	c->seg[SEG_CS].base = (uint64_t)c->sipi_vector << 12;
	c->rip = 0;
	c->run_state = CPU_RUNNING;
	cpu_update_mode(c);
	return true;
}

bool cpu_take_interrupt(struct cpu *c)
{
	uint32_t req = c->exit_req;
	if (req & REQ_TLB) {
		cpu_clear(c, REQ_TLB);
		mmu_flush(c, true);
	}
	if (req & (REQ_INIT | REQ_SIPI) && take_init(c, req))
		return true;
	if (req & REQ_SMI)
		cpu_clear(c, REQ_SMI);          /* no system-management mode: the firmware finds it missing and does without */
	if (c->run_state == CPU_WAIT_SIPI || c->shadow)
		return false;
	if ((req & REQ_NMI) && !c->nmi_blocked) {
		cpu_clear(c, REQ_NMI);
		c->run_state = CPU_RUNNING;
		if (cpu_deliver(c, EXC_NMI, false, 0, EVENT_NMI))
			c->nmi_blocked = 1;
		return true;
	}
	if ((req & REQ_INTR) && (c->eflags_sys & FL_IF) && c->apic_ops) {
		int vector = c->apic_ops->ack(c->apic);
		if (vector < 0)
			return false;
		c->run_state = CPU_RUNNING;
		cpu_deliver(c, vector, false, 0, EVENT_INTR);
		return true;
	}
	return false;
}
