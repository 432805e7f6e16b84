/* irqchip.c - split interrupt controllers: the local APICs are the kernel's while the vCPUs run, the 8259s and the I/O APIC stay ours.
 *
 * All APICs move together, with every vCPU parked and the machine lock held: into the kernel when the vCPUs are let go, back when they have been
 * stopped.  A vCPU's registers may be in struct cpu meanwhile, for an instruction that the interpreter does; its APIC is not, as others send to it.
 * What needs the interpreter for long (address line 20 masked, breakpoints that do not fit) makes all vCPUs run under it, with their APICs at home.
 *
 * The 8259's interrupt is put in as one that is being delivered, so that it can be seen and taken back when the vCPU is stopped before.
 * Ref: API, 7.5 KVM_CAP_SPLIT_IRQCHIP, 4.57 KVM_GET_LAPIC, 4.71 KVM_SIGNAL_MSI. */
#include "core/kvm/kvm.h"
#include "core/cpu/cpuid.h"
#include "core/cpu/vcpu.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>

enum { PINS = 24, MSR_APIC_BASE = 0x1b, MSR_TSC_DEADLINE = 0x6e0, BASE_ENABLE = 1 << 11 };
enum { REG_TPR = 0x08, REG_SVR = 0x0f, REG_TIMER = 0x32, REG_LINT1 = 0x36, REG_INITIAL = 0x38, REG_CURRENT = 0x39 };
enum { SVR_NO_BROADCAST = 1 << 12, TIMER_PERIODIC = 1 << 17, TIMER_DEADLINE = 1 << 18, LVT_MASKED = 1 << 16, LVT_MODE = 7 << 8, MODE_NMI = 4 << 8 };

/* ---- registers ---------------------------------------------------------------------------------------------------------------------- */

static bool counts(const struct cpu_apic_page *p)
{
	return p->reg[REG_INITIAL] && !(p->reg[REG_TIMER] & (LVT_MASKED | TIMER_DEADLINE));
}

/* Its end has come, and kvm_settle_apic() has not seen it. */
static bool timer_due(const struct kvm_vcpu *v, const struct cpu_apic_page *p)
{
	uint32_t left = p->reg[REG_CURRENT];

	return counts(p) && (p->reg[REG_TIMER] & TIMER_PERIODIC ? left > v->timer_count : !left && !v->timer_told);
}

static bool get_page(struct cpu *c, struct cpu_apic_page *p)
{
	struct kvm_lapic_state s;

	if (ioctl(kvm_of(c)->fd, KVM_GET_LAPIC, &s))
		return false;
	for (unsigned n = 0; n < sizeof p->reg / sizeof p->reg[0]; n++)
		memcpy(&p->reg[n], s.regs + 16 * n, sizeof p->reg[n]);
	p->base = p->tsc_deadline = 0;
	kvm_msr(c, MSR_TSC_DEADLINE, &p->tsc_deadline, false);
	if (kvm_of(c)->deadline)
		p->tsc_deadline = kvm_of(c)->deadline;
	p->due = timer_due(kvm_of(c), p);
	return kvm_msr(c, MSR_APIC_BASE, &p->base, false);
}

static bool set_page(struct cpu *c, const struct cpu_apic_page *p)
{
	struct kvm_vcpu *v = kvm_of(c);
	struct kvm_lapic_state s = { { 0 } };
	uint64_t base = p->base;

	v->tpr = (uint8_t)p->reg[REG_TPR];
	v->timer_told = false;
	v->timer_count = p->reg[REG_CURRENT];
	for (unsigned n = 0; n < sizeof p->reg / sizeof p->reg[0]; n++)
		memcpy(s.regs + 16 * n, &p->reg[n], sizeof p->reg[n]);
	return kvm_msr(c, MSR_APIC_BASE, &base, true) && !ioctl(v->fd, KVM_SET_LAPIC, &s);
}

/* ---- what the interrupt bus asks: see struct apic_engine ------------------------------------------------------------------------------ */

static bool send(struct machine *m, uint64_t addr, uint32_t data)
{
	struct kvm_msi msi = { .address_lo = (uint32_t)addr, .address_hi = (uint32_t)(addr >> 32), .data = data };

	return ioctl(((struct kvm *)m->engine_data)->vm, KVM_SIGNAL_MSI, &msi) > 0;
}

/* So that the end of these interrupts comes out to us. */
static void level_routes(struct machine *m, const struct apic_route *r, unsigned n)
{
	struct { struct kvm_irq_routing head; struct kvm_irq_routing_entry e[PINS]; } t = { .head.nr = n < PINS ? n : PINS };

	for (unsigned k = 0; k < t.head.nr; k++) {
		t.e[k] = (struct kvm_irq_routing_entry){ .gsi = r[k].pin, .type = KVM_IRQ_ROUTING_MSI };
		t.e[k].u.msi = (struct kvm_irq_routing_msi){ .address_lo = (uint32_t)r[k].addr, .address_hi = (uint32_t)(r[k].addr >> 32), .data = r[k].data };
	}
	if (ioctl(((struct kvm *)m->engine_data)->vm, KVM_SET_GSI_ROUTING, &t))
		log_printf(m, "kvm: the kernel does not take the I/O APIC's routes: %s\n", strerror(errno));
}

static void renew(struct cpu *c)
{
	atomic_store(&kvm_of(c)->renew, true);
	cpu_request(c, REQ_INIT);
}

/* An instruction by the interpreter: its registers are at home, its APIC is not.  An interrupt that comes in between is lost with giving it back;
 * such instructions are those the kernel cannot emulate, and no system reaches for its APIC with them. */
static bool borrow(struct cpu *c, struct cpu_apic_page *p) { return !kvm_of(c)->loaded && get_page(c, p); }

static void give_back(struct cpu *c, const struct cpu_apic_page *p)
{
	uint64_t deadline = p->tsc_deadline;

	set_page(c, p);
	kvm_msr(c, MSR_TSC_DEADLINE, &deadline, true);
}

static const struct apic_engine engine = { send, level_routes, renew, borrow, give_back };

/* ---- moving ---------------------------------------------------------------------------------------------------------------------------- */

static bool refused(struct cpu *c, const char *what)
{
	log_printf(c->machine, "kvm: CPU %u: the local APIC cannot be %s: %s\n", c->index, what, strerror(errno));
	return false;
}

static const struct { enum cpu_run_state ours; uint32_t theirs; } mp_states[] = {
	{ CPU_RUNNING, KVM_MP_STATE_RUNNABLE }, { CPU_HALTED, KVM_MP_STATE_HALTED }, { CPU_WAIT_SIPI, KVM_MP_STATE_INIT_RECEIVED } };

bool kvm_load_mp_state(struct cpu *c)
{
	struct kvm_mp_state s = { KVM_MP_STATE_RUNNABLE };
	int ours = atomic_load(&c->run_state);

	for (unsigned n = 0; n < sizeof mp_states / sizeof mp_states[0]; n++)
		if ((int)mp_states[n].ours == ours)
			s.mp_state = mp_states[n].theirs;
	return !ioctl(kvm_of(c)->fd, KVM_SET_MP_STATE, &s);
}

/* The kernel acts on INIT and start-up messages when it is asked, so before the registers are read. */
void kvm_sync_mp_state(struct cpu *c)
{
	struct kvm_mp_state s;

	if (ioctl(kvm_of(c)->fd, KVM_GET_MP_STATE, &s))
		return;
	enum cpu_run_state now = CPU_RUNNING;
	if (s.mp_state == KVM_MP_STATE_UNINITIALIZED)
		now = CPU_WAIT_SIPI;
	for (unsigned n = 0; n < sizeof mp_states / sizeof mp_states[0]; n++)
		if (mp_states[n].theirs == s.mp_state)
			now = mp_states[n].ours;
	if (c->run_state != CPU_SHUTDOWN)
		c->run_state = now;
}

/* NMIs that wait in the kernel become ours, or are forgotten there. */
static void take_nmis(struct cpu *c, bool ours)
{
	struct kvm_vcpu_events e;

	if (ioctl(kvm_of(c)->fd, KVM_GET_VCPU_EVENTS, &e) || !e.nmi.pending)
		return;
	e.nmi.pending = 0;
	e.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
	if (!ioctl(kvm_of(c)->fd, KVM_SET_VCPU_EVENTS, &e) && ours)
		cpu_request(c, REQ_NMI);
}

static bool put_in(struct cpu *c)
{
	struct kvm_vcpu *v = kvm_of(c);
	struct cpu_apic_page p;

	c->apic_ops->give(c->apic, &p);
	if (c->absent)
		p.base &= ~(uint64_t)BASE_ENABLE;
	v->deadline = p.tsc_deadline;
	v->nmi_is_taken = (atomic_load(&c->exit_req) & REQ_NMI) != 0;
	take_nmis(c, false);
	uint64_t none = 0;              /* the one it had may be over long since */
	return (set_page(c, &p) && (kvm_msr(c, MSR_TSC_DEADLINE, &none, true), kvm_load_mp_state(c))) || refused(c, "given to the kernel");
}

/* ---- before the registers are taken out --------------------------------------------------------------------------------------------------
 * The kernel notes the end of a count, and the end of a level, and acts with the next entry.  So it gets one, which ends before the guest runs,
 * as there is a signal that only the kernel may take: what was over before has been told after it. */

static bool enter_for_nothing(struct cpu *c)
{
	struct kvm_vcpu *v = kvm_of(c);
	uint64_t others = ~(UINT64_C(1) << (kvm_kick_signal() - 1));    /* as the kernel has sets of signals */
	struct { struct kvm_signal_mask head; uint8_t set[sizeof others]; } blocked = { .head.len = sizeof others };
	const struct timespec at_once = { 0 };
	sigset_t kick, old;
	bool interrupted = false;

	memcpy(blocked.set, &others, sizeof others);
	sigemptyset(&kick);
	sigaddset(&kick, kvm_kick_signal());
	pthread_sigmask(SIG_BLOCK, &kick, &old);
	pthread_kill(pthread_self(), kvm_kick_signal());
	bool ok = !ioctl(v->fd, KVM_SET_SIGNAL_MASK, &blocked);
	kvm_come_back(v, false);
	v->run->request_interrupt_window = 0;
	for (unsigned n = 0; n < 8 && ok; n++) {
		ok = !ioctl(v->fd, KVM_RUN, 0);
		interrupted = !ok && errno == EINTR;
		if (ok && v->run->exit_reason == KVM_EXIT_IOAPIC_EOI)
			kvm_level_ends(c, v->run->eoi.vector);
		else if (ok && v->run->exit_reason == KVM_EXIT_SHUTDOWN)
			v->triple_fault = true;
	}
	ioctl(v->fd, KVM_SET_SIGNAL_MASK, NULL);
	while (sigtimedwait(&kick, NULL, &at_once) > 0)
		;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return interrupted;
}

void kvm_settle_apic(struct cpu *c)
{
	struct kvm_vcpu *v = kvm_of(c);
	struct cpu_apic_page p;
	uint32_t before;

	v->timer_told = false;
	if (!get_page(c, &p))
		return;
	for (unsigned n = 0; n < 4; n++) {
		before = p.reg[REG_CURRENT];
		if (!enter_for_nothing(c) || !get_page(c, &p))
			break;
		v->timer_told = !before;
		v->timer_count = p.reg[REG_CURRENT];
		/* Again when it came to its end meanwhile. */
		if (!counts(&p) || (p.reg[REG_TIMER] & TIMER_PERIODIC ? v->timer_count <= before : !before || v->timer_count))
			break;
	}
	v->tpr = (uint8_t)p.reg[REG_TPR];
}

void kvm_restore_tpr(struct cpu *c)
{
	struct kvm_vcpu *v = kvm_of(c);
	uint8_t tpr = v->tpr;
	struct cpu_apic_page p;

	if (!(tpr & 15) || tpr >> 4 != c->apic_ops->get_tpr(c->apic) || !get_page(c, &p))
		return;
	bool told = v->timer_told;
	p.reg[REG_TPR] = tpr;
	if (told && counts(&p) && !p.reg[REG_CURRENT])
		p.reg[REG_INITIAL] = 0;         /* it would end once more */
	set_page(c, &p);
	kvm_msr(c, MSR_TSC_DEADLINE, &p.tsc_deadline, true);
}

/* Directed EOIs: who sends none to all tells the I/O APIC by its own register (SDM 3, 10.8.5).  Kernels tell us in any case. */
void kvm_level_ends(struct cpu *c, uint8_t vector)
{
	struct cpu_apic_page p;

	kvm_of(c)->eois++;
	if (get_page(c, &p) && (p.reg[REG_SVR] & SVR_NO_BROADCAST))
		return;
	machine_lock(c->machine);
	c->apic_ops->eoi(c->apic, vector);
	machine_unlock(c->machine);
}

/* Messages that came after the vCPU had stopped may have made it start. */
static void take_out(struct cpu *c)
{
	struct cpu_apic_page p;
	int was = c->run_state;

	kvm_sync_mp_state(c);
	if ((c->run_state != was && (was == CPU_WAIT_SIPI || c->run_state == CPU_WAIT_SIPI)) || kvm_restarted(c)) {
		kvm_of(c)->loaded = true;
		kvm_sync(c);
	} else {
		c->run_state = was;
	}
	take_nmis(c, true);
	if (get_page(c, &p))
		c->apic_ops->take(c->apic, c->absent ? NULL : &p);
	else
		refused(c, "taken from the kernel");
	kvm_of(c)->deadline = 0;
}

/* Why must the interpreter run all of it? */
static bool wants_home(struct machine *m)
{
	for (unsigned n = 0; n < m->n_cpus; n++) {
		struct cpu *c = m->cpus[n];
		if (!c->apic_ops || !c->apic_ops->give || c->a20_mask_on || c->debug.step || ((c->debug.breaks || c->debug.watches) && !kvm_plan_debug(c)))
			return true;
	}
	return false;
}

void kvm_resuming(struct machine *m)
{
	struct kvm *k = m->engine_data;

	atomic_store(&k->log.interpreted, true);        /* the debugger may have stepped, the monitor written */
	if (!k->split || k->apics_in || !vcpu_all_parked(m) || wants_home(m))
		return;
	k->apics_in = true;
	m->apic_engine = &engine;
	for (unsigned n = 0; n < m->n_cpus; n++)
		put_in(m->cpus[n]);
}

void kvm_parked(struct machine *m)
{
	struct kvm *k = m->engine_data;

	if (!k->apics_in || !vcpu_all_parked(m))
		return;
	k->apics_in = false;
	m->apic_engine = NULL;
	for (unsigned n = 0; n < m->n_cpus; n++)
		take_out(m->cpus[n]);
}

static void change_sides(void *arg)
{
	struct machine *m = arg;

	if (m->accel != &accel_kvm)
		return;
	atomic_store(&((struct kvm *)m->engine_data)->changing, false);
	if (m->state != RUN_RUNNING || m->quitting)
		return;
	vcpu_park_all(m);
	if (m->state == RUN_RUNNING && !m->quitting && m->accel == &accel_kvm)
		vcpu_resume_all(m);
}

static void ask_to_change(struct machine *m)
{
	if (!atomic_exchange(&((struct kvm *)m->engine_data)->changing, true))
		loop_post(m->loop, change_sides, m);
}

/* ---- the vCPU's thread ------------------------------------------------------------------------------------------------------------------ */

enum kvm_side kvm_choose_side(struct cpu *c)
{
	struct kvm *k = c->machine->engine_data;
	struct kvm_vcpu *v = kvm_of(c);

	if (c->absent || c->run_state == CPU_SHUTDOWN)
		return KVM_SIDE_SLEEP;
	if (k->apics_in) {
		if (!c->a20_mask_on && (v->loaded || kvm_plan_debug(c)))
			return KVM_SIDE_KERNEL;
		ask_to_change(c->machine);
		return KVM_SIDE_SLEEP;
	}
	if (c->debug.breaks || c->debug.watches || c->debug.step)
		return KVM_SIDE_INTERPRETER;
	if (c->a20_mask_on)
		return KVM_SIDE_MASKED;
	ask_to_change(c->machine);
	return KVM_SIDE_SLEEP;
}

void kvm_renew_apic(struct cpu *c)
{
	struct machine *m = c->machine;

	machine_lock(m);
	if (((struct kvm *)m->engine_data)->apics_in)
		put_in(c);
	machine_unlock(m);
}

/* LINT1 is the NMI pin where the APIC is off, or says so. */
static bool lint1_is_nmi(struct cpu *c)
{
	struct cpu_apic_page p;

	if (!get_page(c, &p) || !(p.base & BASE_ENABLE))
		return true;
	return (p.reg[REG_LINT1] & (LVT_MASKED | LVT_MODE)) == MODE_NMI;
}

static void inject(struct cpu *c, int vector)
{
	struct kvm_vcpu_events e;
	struct kvm_mp_state s;
	int fd = kvm_of(c)->fd;

	if (!ioctl(fd, KVM_GET_MP_STATE, &s) && s.mp_state == KVM_MP_STATE_HALTED) {
		s.mp_state = KVM_MP_STATE_RUNNABLE;
		ioctl(fd, KVM_SET_MP_STATE, &s);
	}
	if (ioctl(fd, KVM_GET_VCPU_EVENTS, &e))
		return;
	e.interrupt.injected = 1;
	e.interrupt.nr = (uint8_t)vector;
	e.interrupt.soft = 0;
	e.flags = 0;                    /* NMIs that come meanwhile are not to be overwritten */
	if (ioctl(fd, KVM_SET_VCPU_EVENTS, &e))
		log_printf(c->machine, "kvm: CPU %u: interrupt %d is refused: %s\n", c->index, vector, strerror(errno));
}

void kvm_offer_extint(struct cpu *c)
{
	struct kvm_vcpu *v = kvm_of(c);
	struct kvm_run *r = v->run;
	uint32_t req = atomic_load(&c->exit_req);

	if (req & REQ_NMI) {
		cpu_clear(c, REQ_NMI);
		if (v->nmi_is_taken || lint1_is_nmi(c))
			ioctl(v->fd, KVM_NMI, 0);
		v->nmi_is_taken = false;
	}
	if ((req & REQ_INTR) && v->flags_known && r->ready_for_interrupt_injection && r->if_flag) {
		int vector = c->apic_ops->extint(c->apic);
		if (vector >= 0)
			inject(c, vector);
		r->ready_for_interrupt_injection = 0;
		req = atomic_load(&c->exit_req);
	}
	r->request_interrupt_window = (req & REQ_INTR) != 0;
}

/* ---- making ---------------------------------------------------------------------------------------------------------------------------- */

/* Before there is a vCPU. */
bool kvm_make_split(struct kvm *k)
{
	static const int needed[] = { KVM_CAP_SPLIT_IRQCHIP, KVM_CAP_SIGNAL_MSI, KVM_CAP_IRQ_ROUTING, KVM_CAP_MP_STATE, KVM_CAP_X2APIC_API };
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { PINS } };
	struct kvm_enable_cap ids = { .cap = KVM_CAP_X2APIC_API, .args = { KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK } };

	for (unsigned n = 0; n < sizeof needed / sizeof needed[0]; n++)
		if (ioctl(k->dev, KVM_CHECK_EXTENSION, needed[n]) <= 0)
			return false;
	return !ioctl(k->vm, KVM_ENABLE_CAP, &split) && !ioctl(k->vm, KVM_ENABLE_CAP, &ids);
}
