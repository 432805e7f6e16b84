/* state.c - the state of a vCPU between struct cpu and the kernel. */
#include "core/kvm/kvm.h"
#include "core/cpu/cpuid.h"
#include "core/cpu/event.h"
#include "core/cpu/fpstate.h"
#include "core/cpu/mmu.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

static bool apics_in(const struct cpu *c) { return ((struct kvm *)c->machine->engine_data)->apics_in; }

/* ---- registers -------------------------------------------------------------------------------------------------------------------- */

static void put_regs(const struct cpu *c, struct kvm_regs *r)
{
	const uint64_t *g = c->regs;
	*r = (struct kvm_regs){ .rax = g[RAX], .rbx = g[RBX], .rcx = g[RCX], .rdx = g[RDX], .rsi = g[RSI], .rdi = g[RDI], .rsp = g[RSP], .rbp = g[RBP],
		.r8 = g[R8], .r9 = g[R9], .r10 = g[R10], .r11 = g[R11], .r12 = g[R12], .r13 = g[R13], .r14 = g[R14], .r15 = g[R15],
		.rip = c->rip, .rflags = cpu_get_eflags(c) };
}

static void get_regs(struct cpu *c, const struct kvm_regs *r)
{
	uint64_t *g = c->regs;
	g[RAX] = r->rax, g[RBX] = r->rbx, g[RCX] = r->rcx, g[RDX] = r->rdx, g[RSI] = r->rsi, g[RDI] = r->rdi, g[RSP] = r->rsp, g[RBP] = r->rbp;
	g[R8] = r->r8, g[R9] = r->r9, g[R10] = r->r10, g[R11] = r->r11, g[R12] = r->r12, g[R13] = r->r13, g[R14] = r->r14, g[R15] = r->r15;
	c->rip = r->rip;
}

static struct kvm_segment put_seg(const struct segreg *s)
{
	unsigned a = s->attr;
	return (struct kvm_segment){ .base = s->base, .limit = s->limit, .selector = s->sel, .type = a & ATTR_TYPE, .s = (a & ATTR_S) != 0,
		.dpl = (a & ATTR_DPL) >> 5, .present = (a & ATTR_P) != 0, .avl = (a & ATTR_AVL) != 0, .l = (a & ATTR_L) != 0,
		.db = (a & ATTR_DB) != 0, .g = (a & ATTR_G) != 0, .unusable = !(a & ATTR_P) };
}

static struct segreg get_seg(const struct kvm_segment *s)
{
	unsigned a = (s->type & 15u) | (s->s ? ATTR_S : 0) | (s->dpl & 3u) << 5 | (s->avl ? ATTR_AVL : 0) | (s->l ? ATTR_L : 0) | (s->db ? ATTR_DB : 0) |
		(s->g ? ATTR_G : 0) | (s->present && !s->unusable ? ATTR_P : 0);
	return (struct segreg){ .base = s->base, .limit = s->limit, .sel = s->selector, .attr = (uint16_t)a };
}

static void put_sregs(struct cpu *c, struct kvm_sregs *s)
{
	uint64_t base = 0;

	*s = (struct kvm_sregs){ .cr0 = c->cr0, .cr2 = c->cr2, .cr3 = c->cr3, .cr4 = c->cr4, .efer = c->efer,
		.gdt = { .base = c->gdtr.base, .limit = c->gdtr.limit }, .idt = { .base = c->idtr.base, .limit = c->idtr.limit } };
	s->cs = put_seg(&c->seg[SEG_CS]), s->ds = put_seg(&c->seg[SEG_DS]), s->es = put_seg(&c->seg[SEG_ES]), s->fs = put_seg(&c->seg[SEG_FS]);
	s->gs = put_seg(&c->seg[SEG_GS]), s->ss = put_seg(&c->seg[SEG_SS]), s->ldt = put_seg(&c->seg[SEG_LDTR]), s->tr = put_seg(&c->seg[SEG_TR]);
	if (c->apic_ops) {
		c->apic_ops->rdmsr(c->apic, 0x1b, &base);
		s->cr8 = c->apic_ops->get_tpr(c->apic);
	}
	s->apic_base = base;
}

static void get_sregs(struct cpu *c, const struct kvm_sregs *s)
{
	c->cr0 = s->cr0, c->cr2 = s->cr2, c->cr3 = s->cr3, c->cr4 = s->cr4, c->efer = s->efer;
	c->gdtr = (struct dtreg){ .base = s->gdt.base, .limit = s->gdt.limit };
	c->idtr = (struct dtreg){ .base = s->idt.base, .limit = s->idt.limit };
	c->seg[SEG_CS] = get_seg(&s->cs), c->seg[SEG_DS] = get_seg(&s->ds), c->seg[SEG_ES] = get_seg(&s->es), c->seg[SEG_FS] = get_seg(&s->fs);
	c->seg[SEG_GS] = get_seg(&s->gs), c->seg[SEG_SS] = get_seg(&s->ss), c->seg[SEG_LDTR] = get_seg(&s->ldt), c->seg[SEG_TR] = get_seg(&s->tr);
	/* The stack segment's DPL is the CPL: also where SS is null. */
	c->cpl = !(c->cr0 & CR0_PE) ? 0 : s->ss.dpl & 3;
	if (apics_in(c))
		c->apic_ops->note(c->apic, s->apic_base, (uint8_t)(s->cr8 & 15));
}

/* ---- floating point and vectors ------------------------------------------------------------------------------------------------------ */

static bool load_fp(struct cpu *c)
{
	struct kvm_xsave x = { { 0 } };
	struct kvm_xcrs xcr = { .nr_xcrs = 1, .xcrs = { { .xcr = 0, .value = c->xcr0 } } };
	int fd = kvm_of(c)->fd;

	fp_area_save(c, (uint8_t *)x.region);
	bool xsave = cpu_has(c, CF_XSAVE);
	return !ioctl(fd, KVM_SET_XSAVE, &x) && (!xsave || !ioctl(fd, KVM_SET_XCRS, &xcr));
}

static bool sync_fp(struct cpu *c)
{
	struct kvm_xsave x;
	struct kvm_xcrs xcr = { 0 };
	int fd = kvm_of(c)->fd;

	if (ioctl(fd, KVM_GET_XSAVE, &x))
		return false;
	fp_area_load(c, (const uint8_t *)x.region);
	if (cpu_has(c, CF_XSAVE) && ioctl(fd, KVM_GET_XCRS, &xcr))
		return false;
	for (unsigned n = 0; n < xcr.nr_xcrs && n < KVM_MAX_XCRS; n++)
		if (xcr.xcrs[n].xcr == 0)
			c->xcr0 = xcr.xcrs[n].value & (XCR0_X87 | XCR0_SSE | XCR0_AVX);
	return true;
}

/* ---- MSRs ---------------------------------------------------------------------------------------------------------------------------- */

static const struct { uint32_t msr; size_t offset; } msrs[] = {
#define M(n, field) { n, offsetof(struct cpu, field) }
	M(0x174, sysenter_cs), M(0x175, sysenter_esp), M(0x176, sysenter_eip), M(0x1a0, misc_enable), M(0x277, pat), M(0x2ff, mtrr_def),
	M(0xc0000081, star), M(0xc0000082, lstar), M(0xc0000083, cstar), M(0xc0000084, sfmask), M(0xc0000102, kernel_gs_base), M(0xc0000103, tsc_aux), M(0x3b, tsc_adjust),
	M(0x250, mtrr_fix[0]), M(0x258, mtrr_fix[1]), M(0x259, mtrr_fix[2]), M(0x268, mtrr_fix[3]), M(0x269, mtrr_fix[4]), M(0x26a, mtrr_fix[5]),
	M(0x26b, mtrr_fix[6]), M(0x26c, mtrr_fix[7]), M(0x26d, mtrr_fix[8]), M(0x26e, mtrr_fix[9]), M(0x26f, mtrr_fix[10]),
	M(0x200, mtrr_base[0]), M(0x201, mtrr_mask[0]), M(0x202, mtrr_base[1]), M(0x203, mtrr_mask[1]), M(0x204, mtrr_base[2]), M(0x205, mtrr_mask[2]),
	M(0x206, mtrr_base[3]), M(0x207, mtrr_mask[3]), M(0x208, mtrr_base[4]), M(0x209, mtrr_mask[4]), M(0x20a, mtrr_base[5]), M(0x20b, mtrr_mask[5]),
	M(0x20c, mtrr_base[6]), M(0x20d, mtrr_mask[6]), M(0x20e, mtrr_base[7]), M(0x20f, mtrr_mask[7]), M(0x48, msr_spec_ctrl),
#undef M
};
enum { N_MSRS = sizeof msrs / sizeof msrs[0] };
struct msr_list { struct kvm_msrs head; struct kvm_msr_entry e[N_MSRS]; };

static uint64_t *msr_field(struct cpu *c, unsigned n) { return (uint64_t *)(void *)((char *)c + msrs[n].offset); }

/* The kernel stops at the first it does not know; the others are ours, then, by KVM_EXIT_X86_RDMSR. */
static void move_msrs(struct cpu *c, bool load)
{
	struct msr_list l = { .head = { 0 } };

	for (unsigned from = 0; from < N_MSRS;) {
		unsigned n = N_MSRS - from;
		for (unsigned k = 0; k < n; k++)
			l.e[k] = (struct kvm_msr_entry){ .index = msrs[from + k].msr, .data = *msr_field(c, from + k) };
		l.head.nmsrs = n;
		int done = ioctl(kvm_of(c)->fd, load ? KVM_SET_MSRS : KVM_GET_MSRS, &l);
		for (int k = 0; !load && k < done; k++)
			*msr_field(c, from + (unsigned)k) = l.e[k].data;
		from += (done < 0 ? 0 : (unsigned)done) + 1;
	}
}

bool kvm_msr(struct cpu *c, uint32_t msr, uint64_t *val, bool load)
{
	struct msr_list l = { .head.nmsrs = 1, .e[0] = { .index = msr, .data = *val } };
	bool ok = ioctl(kvm_of(c)->fd, load ? KVM_SET_MSRS : KVM_GET_MSRS, &l) == 1;
	*val = l.e[0].data;
	return ok;
}

/* ---- the time stamp counter ------------------------------------------------------------------------------------------------------------
 * It runs at the host's rate, on while the machine stands still.  So it is set back after a stop, by the time that the machine stood: the same
 * number for all vCPUs, so that they stay in step to the tick.  By the offset: a write to the MSR that comes within a second of where the counter
 * would be is taken as a wish to be in step with other vCPUs, and the kernel rounds it. */

enum { MSR_TSC = 0x10, MSR_TSC_DEADLINE = 0x6e0, US = 1000000 };

/* False: this kernel has no such attribute. */
static bool tsc_offset(struct cpu *c, uint64_t *offset, bool load)
{
	struct kvm_device_attr a = { .group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET, .addr = (uintptr_t)offset };

	return !ioctl(kvm_of(c)->fd, load ? KVM_SET_DEVICE_ATTR : KVM_GET_DEVICE_ATTR, &a);
}

bool kvm_set_tsc(struct cpu *c, uint64_t tsc)
{
	uint64_t offset, real;

	if (kvm_msr(c, MSR_TSC, &real, false) && tsc_offset(c, &offset, false)) {
		offset += tsc - real;
		tsc_offset(c, &offset, true);
	} else {
		real = tsc;
		kvm_msr(c, MSR_TSC, &real, true);
	}
	return kvm_msr(c, MSR_TSC, &real, false) && real - tsc < kvm_of(c)->tsc_khz * 1000;
}

/* As the other engines have it.  Where vCPUs are in step there, the one offset is for all of them. */
static void take_tsc(struct cpu *c, int64_t clock)
{
	struct kvm *k = c->machine->engine_data;

	pthread_mutex_lock(&k->tsc.lock);
	bool same = k->tsc.known && k->tsc.ours == c->tsc_offset && k->tsc.clock == clock;
	if (!same || !tsc_offset(c, &k->tsc.offset, true)) {
		kvm_set_tsc(c, cpu_tsc(c));
		k->tsc.known = tsc_offset(c, &k->tsc.offset, false);
		k->tsc.ours = c->tsc_offset;
		k->tsc.clock = clock;
	}
	pthread_mutex_unlock(&k->tsc.lock);
}

static void load_tsc(struct cpu *c)
{
	struct kvm_vcpu *v = kvm_of(c);
	int64_t clock = atomic_load(&c->machine->clock.offset), stood = v->clock_offset - clock;
	uint64_t offset;

	v->clock_offset = clock;
	if (!v->tsc_known || c->tsc_offset != v->synced_offset || stood < 0) {
		take_tsc(c, clock);
	} else if (stood && tsc_offset(c, &offset, false)) {
		offset -= mul_div64((uint64_t)stood, v->tsc_khz, US);
		tsc_offset(c, &offset, true);
	} else if (stood) {
		int64_t since = clock_now(&c->machine->clock) - v->synced_at;
		kvm_set_tsc(c, v->synced_tsc + mul_div64((uint64_t)since, v->tsc_khz, US));
	}
	tsc_offset(c, &v->loaded_offset, false);
}

static void sync_tsc(struct cpu *c)
{
	struct kvm_vcpu *v = kvm_of(c);
	uint64_t offset;

	if (!(v->tsc_known = kvm_msr(c, MSR_TSC, &v->synced_tsc, false)))
		return;
	v->synced_at = clock_now(&c->machine->clock);
	/* At our rate, and not written to: as it was, so that other engines find the vCPUs in step, too. */
	bool as_it_was = v->tsc_khz * 1000 == TSC_HZ && tsc_offset(c, &offset, false) && offset == v->loaded_offset;
	if (!as_it_was)
		c->tsc_offset = v->synced_tsc - (uint64_t)v->synced_at;
	v->synced_offset = c->tsc_offset;
}

/* ---- events --------------------------------------------------------------------------------------------------------------------------- */

static bool load_events(struct cpu *c)
{
	struct kvm_vcpu_events e = { .nmi = { .masked = c->nmi_blocked }, .interrupt.shadow = c->shadow ? KVM_X86_SHADOW_INT_STI : 0,
		.flags = KVM_VCPUEVENT_VALID_SHADOW | (apics_in(c) ? 0 : KVM_VCPUEVENT_VALID_NMI_PENDING) };

	if (c->exc_pending) {
		e.exception.injected = 1;
		e.exception.nr = c->exc_vector;
		e.exception.has_error_code = c->exc_has_err;
		e.exception.error_code = c->exc_err;
		if (c->exc_vector == EXC_PF) {
			struct kvm_sregs s;
			if (!ioctl(kvm_of(c)->fd, KVM_GET_SREGS, &s)) {
				s.cr2 = c->exc_addr;
				ioctl(kvm_of(c)->fd, KVM_SET_SREGS, &s);
			}
		}
	}
	return !ioctl(kvm_of(c)->fd, KVM_SET_VCPU_EVENTS, &e);
}

/* What the kernel was about to deliver becomes ours: an exception waits for the next dispatch, an interrupt is delivered here. */
static bool sync_events(struct cpu *c, int *vector)
{
	struct kvm_vcpu_events e;

	if (ioctl(kvm_of(c)->fd, KVM_GET_VCPU_EVENTS, &e))
		return false;
	c->shadow = e.interrupt.shadow != 0;
	c->nmi_blocked = e.nmi.masked;
	/* One that waits stays with the kernel's APIC; else it is ours, and taken back there with the next load. */
	if (e.nmi.injected || (e.nmi.pending && !apics_in(c))) {
		c->nmi_blocked = e.nmi.injected ? 0 : c->nmi_blocked;
		kvm_of(c)->nmi_is_taken = true;
		cpu_request(c, REQ_NMI);
	}
	c->exc_pending = e.exception.injected || e.exception.pending;
	c->exc_vector = e.exception.nr & 31;
	c->exc_has_err = e.exception.has_error_code;
	c->exc_err = e.exception.error_code;
	c->exc_addr = c->cr2;
	*vector = e.interrupt.injected && !e.interrupt.soft ? e.interrupt.nr : -1;
	return true;
}

static bool place(struct cpu *c, struct kvm_place *at)
{
	struct kvm_regs r;
	struct kvm_sregs s;

	if (ioctl(kvm_of(c)->fd, KVM_GET_REGS, &r) || ioctl(kvm_of(c)->fd, KVM_GET_SREGS, &s))
		return false;
	*at = (struct kvm_place){ r.rip, s.cs.selector };
	return true;
}

bool kvm_note_place(struct cpu *c) { return place(c, &kvm_of(c)->at); }

bool kvm_restarted(struct cpu *c)
{
	const struct kvm_place *was = &kvm_of(c)->at;
	struct kvm_place now;

	return place(c, &now) && (now.rip != was->rip || now.cs != was->cs);
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------------------- */

static bool refused(struct cpu *c, const char *what)
{
	log_printf(c->machine, "kvm: CPU %u: the kernel does not take its %s: %s\n", c->index, what, strerror(errno));
	return false;
}

bool kvm_load(struct cpu *c)
{
	struct kvm_vcpu *v = kvm_of(c);
	struct kvm_regs r;
	struct kvm_sregs s;
	struct kvm_debugregs d = { .db = { c->dr[0], c->dr[1], c->dr[2], c->dr[3] }, .dr6 = c->dr[6] | 0xffff0ff0, .dr7 = c->dr[7] | 0x400 };

	fp_park(c);
	put_sregs(c, &s);
	if (ioctl(v->fd, KVM_SET_SREGS, &s))
		return refused(c, "system registers");
	if (apics_in(c))
		kvm_restore_tpr(c);
	put_regs(c, &r);
	if (ioctl(v->fd, KVM_SET_REGS, &r))
		return refused(c, "registers");
	if (!load_fp(c))
		return refused(c, "floating-point state");
	move_msrs(c, true);
	load_tsc(c);
	if (v->deadline)                /* of the counter that is true now */
		kvm_msr(c, MSR_TSC_DEADLINE, &v->deadline, true);
	v->deadline = 0;
	if (ioctl(v->fd, KVM_SET_DEBUGREGS, &d))
		return refused(c, "debug registers");
	if (!kvm_load_debug(c))
		return refused(c, "breakpoints");
	if (!load_events(c))
		return refused(c, "pending events");
	if (apics_in(c) && !kvm_load_mp_state(c))
		return refused(c, "state of running");
	v->flags_known = false;
	v->run->if_flag = v->run->ready_for_interrupt_injection = 0;
	v->loaded = true;
	return true;
}

/* An instruction that went to a device is completed by the next entry; it may go to another one. */
static void finish_instruction(struct cpu *c)
{
	struct kvm_vcpu *v = kvm_of(c);

	while (v->unfinished) {
		kvm_come_back(v, true);
		int r = ioctl(v->fd, KVM_RUN, 0);
		v->unfinished = false;
		if (!r)
			kvm_serve_device(c);
	}
	kvm_come_back(v, false);
}

void kvm_sync(struct cpu *c)
{
	struct kvm_vcpu *v = kvm_of(c);
	struct kvm_regs r;
	struct kvm_sregs s;
	struct kvm_debugregs d;
	int vector;

	if (!v || !v->loaded)
		return;
	finish_instruction(c);
	if (apics_in(c))
		kvm_settle_apic(c);
	v->loaded = false;
	if (apics_in(c))
		kvm_sync_mp_state(c);
	if (ioctl(v->fd, KVM_GET_REGS, &r) || ioctl(v->fd, KVM_GET_SREGS, &s) || ioctl(v->fd, KVM_GET_DEBUGREGS, &d)) {
		log_printf(c->machine, "kvm: CPU %u: the kernel does not give its registers back: %s\n", c->index, strerror(errno));
		return;
	}
	v->at = (struct kvm_place){ r.rip, s.cs.selector };
	get_regs(c, &r);
	get_sregs(c, &s);
	memcpy(c->dr, d.db, sizeof d.db);
	c->dr[6] = d.dr6;
	c->dr[7] = d.dr7;
	sync_fp(c);
	move_msrs(c, false);
	sync_tsc(c);
	c->cur = NULL;
	cpu_set_eflags(c, (uint32_t)r.rflags);
	/* Memory and tables were written without our knowing: nothing derived from them is good any more. */
	mmu_flush(c, true);
	engine_flush(c);
	if ((c->cr0 & CR0_PG) && (c->cr4 & CR4_PAE) && !(c->efer & EFER_LMA))
		paging_load_pdptes(c, c->cr3);
	if (!sync_events(c, &vector))
		return;
	if (vector >= 0 && !cpu_deliver(c, vector, false, 0, EVENT_INTR))
		log_printf(c->machine, "kvm: CPU %u: interrupt %d ended in an exception\n", c->index, vector);
}
