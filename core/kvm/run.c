/* run.c - a vCPU in the kernel: entering, interrupts, and what it comes out for. */
#include "core/kvm/kvm.h"
#include "core/cpu/vcpu.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>

static void count(_Atomic uint64_t *n) { atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1, memory_order_relaxed); }

/* ---- devices ------------------------------------------------------------------------------------------------------------------------ */

static void do_ports(struct cpu *c, struct kvm_run *r)
{
	struct space *io = &c->machine->io;
	uint8_t *p = (uint8_t *)r + r->io.data_offset;

	for (unsigned n = 0; n < r->io.count; n++, p += r->io.size) {
		uint64_t v = 0;
		if (r->io.direction == KVM_EXIT_IO_IN) {
			v = space_read(io, r->io.port, r->io.size);
			memcpy(p, &v, r->io.size);
		} else {
			memcpy(&v, p, r->io.size);
			space_write(io, r->io.port, r->io.size, v);
		}
	}
}

static void do_memory(struct cpu *c, struct kvm_run *r)
{
	struct space *mem = &c->machine->mem;
	unsigned len = r->mmio.len <= 8 ? r->mmio.len : 8;
	uint64_t v = 0;

	if (r->mmio.is_write) {
		memcpy(&v, r->mmio.data, len);
		space_write(mem, r->mmio.phys_addr, len, v);
	} else {
		v = space_read(mem, r->mmio.phys_addr, len);
		memcpy(r->mmio.data, &v, len);
	}
}

/* MSRs the kernel does not know, and those of our local APIC. */
static void do_msr(struct cpu *c, struct kvm_run *r)
{
	uint64_t v = r->msr.data;
	bool ok;

	if (r->exit_reason == KVM_EXIT_X86_WRMSR) {
		ok = cpu_wrmsr(c, r->msr.index, v);
	} else {
		ok = cpu_rdmsr(c, r->msr.index, &v);
		r->msr.data = v;
	}
	r->msr.error = !ok;
}

void kvm_serve_device(struct cpu *c)
{
	struct kvm_vcpu *v = kvm_of(c);
	struct kvm_run *r = v->run;
	struct machine *m = c->machine;

	if (r->exit_reason == KVM_EXIT_X86_RDMSR || r->exit_reason == KVM_EXIT_X86_WRMSR) {
		do_msr(c, r);
		v->unfinished = true;
		return;
	}
	if (r->exit_reason != KVM_EXIT_IO && r->exit_reason != KVM_EXIT_MMIO)
		return;
	v->unfinished = true;
	machine_lock(m);
	m->io_cpu = c;
	kvm_drain(m);
	if (r->exit_reason == KVM_EXIT_IO) {
		count(&v->io);
		do_ports(c, r);
	} else {
		count(&v->mmio);
		do_memory(c, r);
	}
	m->io_cpu = NULL;
	machine_unlock(m);
	cpu_saw_clock(c);
}

/* ---- kicks --------------------------------------------------------------------------------------------------------------------------- */

int kvm_kick_signal(void) { return SIGRTMIN + 4; }

static void unblock_kicks(struct kvm_vcpu *v)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, kvm_kick_signal());
	pthread_sigmask(SIG_UNBLOCK, &s, NULL);
	v->unblocked = true;
}

void kvm_kick(struct cpu *c)
{
	struct kvm_vcpu *v = kvm_of(c);

	if (!v || !atomic_load(&v->inside))
		return;
	kvm_come_back(v, true);
	count(&v->kicks);
	vcpu_signal(c, kvm_kick_signal());
}

/* ---- interrupts ------------------------------------------------------------------------------------------------------------------------ */

/* Give the kernel what is pending and can be taken, or ask it to come back when it can. */
static void offer_interrupts(struct cpu *c)
{
	struct kvm_vcpu *v = kvm_of(c);
	struct kvm_run *r = v->run;
	uint32_t req = atomic_load(&c->exit_req);

	if (req & REQ_NMI) {
		cpu_clear(c, REQ_NMI);
		ioctl(v->fd, KVM_NMI, 0);
	}
	if ((req & REQ_INTR) && c->apic_ops && r->ready_for_interrupt_injection && r->if_flag) {
		int vector = c->apic_ops->ack(c->apic);
		struct kvm_interrupt i = { .irq = (uint32_t)vector };
		if (vector >= 0)
			ioctl(v->fd, KVM_INTERRUPT, &i);
		r->ready_for_interrupt_injection = 0;
		req = atomic_load(&c->exit_req);
	}
	r->request_interrupt_window = (req & REQ_INTR) != 0;
	if (c->apic_ops)
		r->cr8 = c->apic_ops->get_tpr(c->apic);
}

/* The guest may have changed its priority. */
static void take_tpr(struct cpu *c)
{
	const struct kvm_run *r = kvm_of(c)->run;

	if (c->apic_ops && r->cr8 != c->apic_ops->get_tpr(c->apic))
		c->apic_ops->set_tpr(c->apic, (uint8_t)(r->cr8 & 15));
}

/* ---- the loop --------------------------------------------------------------------------------------------------------------------------- */

static enum cpu_exit interpret(struct cpu *c, enum cpu_exit (*how)(struct cpu *c))
{
	struct kvm *k = c->machine->engine_data;

	kvm_interpreting(k, true);
	enum cpu_exit why = how(c);
	kvm_interpreting(k, false);
	return why;
}

/* One instruction by the interpreter: what the kernel cannot emulate. */
static enum cpu_exit step(struct cpu *c)
{
	kvm_sync(c);
	count(&kvm_of(c)->stepped);
	return interpret(c, cpu_step);
}

static enum cpu_exit broken(struct cpu *c, const char *what, uint64_t code)
{
	struct machine *m = c->machine;

	kvm_sync(c);
	log_printf(m, "kvm: CPU %u: %s (%#llx) at %04x:%#llx\n", c->index, what, (unsigned long long)code, c->seg[SEG_CS].sel, (unsigned long long)c->rip);
	machine_lock(m);
	machine_stop(m, RUN_INTERNAL_ERROR);
	machine_unlock(m);
	return CPUEXIT_REQUEST;
}

enum { GO_ON = -1, ENTER = -2 };

static int internal_error(struct cpu *c, const struct kvm_run *r)
{
	if (r->internal.suberror != KVM_INTERNAL_ERROR_EMULATION && r->internal.suberror != KVM_INTERNAL_ERROR_DELIVERY_EV)
		return broken(c, "internal error of the kernel", r->internal.suberror);
	enum cpu_exit why = step(c);
	return why == CPUEXIT_DEBUG ? GO_ON : (int)why;
}

/* A breakpoint, or the guest reaches for the debug registers, which are full of ours: then the interpreter does that instruction. */
static int debug_exit(struct cpu *c)
{
	kvm_sync(c);
	count(&kvm_of(c)->hits);
	if (kvm_debug_hit(c))
		return CPUEXIT_DEBUG;
	enum cpu_exit why = step(c);
	return why == CPUEXIT_DEBUG && c->debug.stop == STOP_NONE ? GO_ON : (int)why;
}

static int handle_exit(struct cpu *c)
{
	struct kvm_vcpu *v = kvm_of(c);
	struct kvm_run *r = v->run;

	switch (r->exit_reason) {
	case KVM_EXIT_IO: case KVM_EXIT_MMIO: case KVM_EXIT_X86_RDMSR: case KVM_EXIT_X86_WRMSR:
		kvm_serve_device(c);
		return GO_ON;
	case KVM_EXIT_HLT:
		count(&v->halts);
		c->run_state = CPU_HALTED;
		/* vcpu.c looks at these two to know what wakes it. */
		c->eflags_sys = r->if_flag ? c->eflags_sys | FL_IF : c->eflags_sys & ~(uint32_t)FL_IF;
		c->nmi_blocked = 0;
		return CPUEXIT_HALT;
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		count(&v->windows);
		return GO_ON;
	case KVM_EXIT_DEBUG:
		return debug_exit(c);
	case KVM_EXIT_INTR: case KVM_EXIT_SET_TPR: case KVM_EXIT_TPR_ACCESS:
		return GO_ON;
	case KVM_EXIT_IOAPIC_EOI:
		kvm_level_ends(c, r->eoi.vector);
		return GO_ON;
	case KVM_EXIT_SHUTDOWN:
		kvm_sync(c);
		return CPUEXIT_TRIPLE_FAULT;
	case KVM_EXIT_INTERNAL_ERROR:
		return internal_error(c, r);
	case KVM_EXIT_FAIL_ENTRY:
		return broken(c, "the processor does not enter the guest", r->fail_entry.hardware_entry_failure_reason);
	default:
		return broken(c, "unknown reason to leave the guest", r->exit_reason);
	}
}

enum { LEAVE = REQ_STOP | REQ_RESET | REQ_INIT | REQ_SIPI | REQ_SMI | REQ_DEBUG | REQ_TIMERS };

/* Once into the guest. */
static int enter(struct cpu *c)
{
	struct kvm_vcpu *v = kvm_of(c);
	bool split = ((struct kvm *)c->machine->engine_data)->split;

	if (split)
		kvm_offer_extint(c);
	else
		offer_interrupts(c);
	kvm_keep_drained(c->machine);
	kvm_come_back(v, false);
	atomic_store(&v->inside, true);
	uint32_t req = atomic_load(&c->exit_req);
	bool unknown = split && (req & REQ_INTR) && !v->flags_known;    /* a round that does not enter finds out */
	bool news = (req & (LEAVE | REQ_NMI | REQ_TLB)) || ((req & REQ_INTR) && !v->run->request_interrupt_window) || unknown;
	if (news)
		kvm_come_back(v, true);         /* only to finish an instruction that is under way */
	v->run->exit_reason = KVM_EXIT_INTR;
	int r = news && !v->unfinished && !unknown ? -EINTR : ioctl(v->fd, KVM_RUN, 0);
	int error = r == -1 ? errno : 0;
	atomic_store(&v->inside, false);
	v->unfinished = false;
	count(&v->exits);
	if (r == -EINTR)
		return GO_ON;
	v->flags_known = true;
	if (!split)
		take_tpr(c);
	if (kvm_collected(c->machine->engine_data)) {
		machine_lock(c->machine);
		kvm_drain(c->machine);
		machine_unlock(c->machine);
	}
	if (!error)
		return handle_exit(c);
	if (error == EINTR || error == EAGAIN)
		return GO_ON;
	return broken(c, strerror(error), (uint64_t)error);
}

/* While address line 20 is masked, which no host can do, the interpreter runs. */
static enum cpu_exit run_masked(struct cpu *c)
{
	enum cpu_exit why = CPUEXIT_DEBUG;

	kvm_sync(c);
	while (c->a20_mask_on && !(atomic_load(&c->exit_req) & LEAVE) && why == CPUEXIT_DEBUG)
		why = interpret(c, cpu_step);
	return why == CPUEXIT_DEBUG ? CPUEXIT_REQUEST : why;
}

/* Where the kernel has the local APICs: it halts, wakes and starts vCPUs by itself.  False: *why, and nothing is to be entered. */
static bool split_enters(struct cpu *c, enum cpu_exit *why)
{
	if (atomic_exchange(&kvm_of(c)->renew, false)) {
		kvm_sync(c);
		kvm_renew_apic(c);
	}
	enum kvm_side side = kvm_choose_side(c);
	if (side == KVM_SIDE_KERNEL)
		return true;
	kvm_sync(c);
	*why = side == KVM_SIDE_SLEEP ? CPUEXIT_HALT : side == KVM_SIDE_MASKED ? run_masked(c) : interpret(c, cpu_run);
	return false;
}

/* Where all interrupt controllers are ours. */
static bool ours_enters(struct cpu *c, uint32_t req, enum cpu_exit *why)
{
	struct kvm_vcpu *v = kvm_of(c);

	if (c->run_state == CPU_HALTED && ((req & REQ_NMI) || ((req & REQ_INTR) && (c->eflags_sys & FL_IF))))
		c->run_state = CPU_RUNNING;
	*why = CPUEXIT_HALT;
	if (c->run_state != CPU_RUNNING)
		return false;
	if (c->a20_mask_on && !c->debug.breaks && !c->debug.watches) {
		*why = run_masked(c);
		return false;
	}
	if (!v->loaded)
		v->by_interpreter = !kvm_plan_debug(c);
	if (!v->by_interpreter && !c->a20_mask_on)
		return true;
	kvm_sync(c);
	*why = interpret(c, cpu_run);
	return false;
}

/* An ExtINT of the I/O APIC is not known to the kernel, which does not say when it could be taken either: the interpreter goes on until then. */
static int for_message(struct cpu *c)
{
	kvm_sync(c);
	if (kvm_of(c)->triple_fault || (c->run_state != CPU_WAIT_SIPI && cpu_take_interrupt(c)))
		return GO_ON;
	if (c->run_state != CPU_RUNNING)
		return ENTER;
	enum cpu_exit why = step(c);
	return why == CPUEXIT_DEBUG || why == CPUEXIT_HALT ? GO_ON : (int)why;
}

enum cpu_exit kvm_run_cpu(struct cpu *c)
{
	struct kvm_vcpu *v = kvm_of(c);
	bool split = ((struct kvm *)c->machine->engine_data)->split;
	enum cpu_exit other = CPUEXIT_REQUEST;

	if (!v->unblocked)
		unblock_kicks(v);
	for (;;) {
		uint32_t req = atomic_load(&c->exit_req);
		if (req & LEAVE) {
			kvm_sync(c);
			return CPUEXIT_REQUEST;
		}
		if (v->triple_fault) {
			v->triple_fault = false;
			return CPUEXIT_TRIPLE_FAULT;
		}
		if (req & REQ_TLB)              /* the slots follow the map by themselves */
			cpu_clear(c, REQ_TLB);
		if (!(split ? split_enters(c, &other) : ours_enters(c, req, &other)))
			return other;
		int why = ENTER;
		if (split && (req & (REQ_INTR | REQ_NMI)) == REQ_INTR && c->apic_ops->message(c->apic))
			why = for_message(c);
		if (why == ENTER && !v->loaded && !kvm_load(c))
			return broken(c, "the state of this CPU is refused", 0);
		if (why == ENTER)
			why = enter(c);
		if (why != GO_ON)
			return (enum cpu_exit)why;
	}
}
