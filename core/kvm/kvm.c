/* kvm.c - the KVM engine as the machine sees it: making it, its vCPUs, what info kvm tells. */
#include "core/kvm/kvm.h"
#include "core/cpu/cpuid.h"
#include "core/cpu/vcpu.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TSS_ADDR = 0xfffbd000, IDENTITY_ADDR = 0xfffbc000, KHZ = 1000 };

/* ---- making ------------------------------------------------------------------------------------------------------------------------- */

static void on_kick(int sig) {}

/* MSRs: the kernel keeps those of the processor; the local APIC's base is ours where the APIC is. */
static void claim_msrs(struct kvm *k)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_USER_SPACE_MSR,
		.args = { KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_FILTER } };
	uint8_t none[8] = { 0 };                /* a clear bit denies */
	struct kvm_msr_filter f = { .flags = KVM_MSR_FILTER_DEFAULT_ALLOW, .ranges = { {
		.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE, .base = 0x1b, .nmsrs = 1, .bitmap = none } } };

	k->user_msrs = ioctl(k->dev, KVM_CHECK_EXTENSION, KVM_CAP_X86_USER_SPACE_MSR) > 0 && ioctl(k->dev, KVM_CHECK_EXTENSION, KVM_CAP_X86_MSR_FILTER) > 0 &&
		!ioctl(k->vm, KVM_ENABLE_CAP, &cap) && (k->split || !ioctl(k->vm, KVM_X86_SET_MSR_FILTER, &f));
}

static bool make_vm(struct kvm *k, enum irqchip_wish wish, struct error *err)
{
	uint64_t identity = IDENTITY_ADDR;

	if ((k->dev = open("/dev/kvm", O_RDWR | O_CLOEXEC)) < 0)
		return error_set(err, "-accel kvm: /dev/kvm cannot be opened: %s", strerror(errno));
	if ((k->vm = ioctl(k->dev, KVM_CREATE_VM, 0)) < 0)
		return error_set(err, "-accel kvm: the host's KVM makes no virtual machine: %s", strerror(errno));
	int size = ioctl(k->dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	ioctl(k->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity);
	if (size <= 0 || ioctl(k->vm, KVM_SET_TSS_ADDR, TSS_ADDR))
		return error_set(err, "-accel kvm: the host's KVM cannot be used: %s", strerror(errno));
	k->run_size = (size_t)size;
	k->split = wish != IRQCHIP_OFF && kvm_make_split(k);
	if (!k->split && wish > IRQCHIP_OFF)
		return error_set(err, "-machine kernel-irqchip=%s: the host's KVM has no local APICs of its own; off is supported", wish == IRQCHIP_ON ? "on" : "split");
	claim_msrs(k);
	return kvm_cpuid_supported(k, err);
}

static bool make_vcpu(struct machine *m, struct cpu *c, struct error *err)
{
	struct kvm *k = m->engine_data;
	struct kvm_vcpu *v = calloc(1, sizeof *v);

	if (!v)
		return error_set(err, "-accel kvm: out of memory");
	c->engine_cpu = v;
	if ((v->fd = ioctl(k->vm, KVM_CREATE_VCPU, (unsigned long)c->apic_id)) < 0)
		return error_set(err, "-accel kvm: the host's KVM makes no CPU %u: %s", c->index, strerror(errno));
	v->run = mmap(NULL, k->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED) {
		v->run = NULL;
		return error_set(err, "-accel kvm: CPU %u cannot be used: %s", c->index, strerror(errno));
	}
	/* Where the host can, the counter runs at our rate, and nothing changes when another engine goes on.  Where it cannot, the kernel keeps in mind
	 * what it has refused. */
	int khz = ioctl(v->fd, KVM_GET_TSC_KHZ, 0);
	v->tsc_khz = khz > 0 ? (uint64_t)khz : TSC_HZ / KHZ;
	if (!ioctl(v->fd, KVM_SET_TSC_KHZ, (unsigned long)(TSC_HZ / KHZ)))
		v->tsc_khz = TSC_HZ / KHZ;
	else
		ioctl(v->fd, KVM_SET_TSC_KHZ, (unsigned long)v->tsc_khz);
	v->tsc_fixed = !kvm_set_tsc(c, UINT64_C(1) << 40) || !kvm_set_tsc(c, 0);
	kvm_note_place(c);
	int page = ioctl(k->dev, KVM_CHECK_EXTENSION, KVM_CAP_COALESCED_MMIO);
	if (!c->index && page > 0)
		k->ring = (struct kvm_coalesced_mmio_ring *)(void *)((char *)v->run + (size_t)page * PAGE_SIZE);
	return kvm_set_cpuid(c, err);
}

static bool room_for(struct machine *m, struct error *err)
{
	const struct kvm *k = m->engine_data;
	int most = ioctl(k->dev, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);

	return most <= 0 || m->opt->smp <= (unsigned)most || error_set(err, "-smp %u: the host's KVM takes at most %d CPUs", m->opt->smp, most);
}

static bool make_vcpus(struct machine *m, struct error *err)
{
	struct sigaction kick = { .sa_handler = on_kick };

	sigaction(kvm_kick_signal(), &kick, NULL);
	for (unsigned n = 0; n < m->n_cpus; n++)
		if (!make_vcpu(m, m->cpus[n], err))
			return false;
	kvm_update_slots(m);
	return true;
}

static bool kvm_init(struct machine *m, struct error *err) { return room_for(m, err) && vcpu_create_all(m, err) && make_vcpus(m, err); }

/* What CPUID has told the guest must stay true. */
static bool kvm_take_over(struct machine *m, struct error *err)
{
	for (unsigned n = 0; n < m->n_cpus; n++) {
		const uint32_t *told = m->cpus[n]->cpuid->word;
		uint32_t can[W_COUNT];
		memcpy(can, told, sizeof can);
		kvm_limit_features(m, can);
		for (unsigned bit = 0; bit < 32 * W_COUNT; bit++) {
			const char *name = cpu_feature_name(bit);
			if ((told[bit / 32] & ~can[bit / 32]) >> bit % 32 & 1)
				return error_set(err, "the guest has been told of the CPU feature %s, which the host's KVM cannot give it", name ? name : "without a name");
		}
	}
	return room_for(m, err) && make_vcpus(m, err);
}

static void kvm_free_cpu(struct cpu *c)
{
	struct kvm *k = c->machine->engine_data;
	struct kvm_vcpu *v = kvm_of(c);

	if (!v)
		return;
	if (v->run)
		munmap(v->run, k->run_size);
	if (v->fd >= 0)
		close(v->fd);
	free(v);
	c->engine_cpu = NULL;
}

static void kvm_free(struct machine *m)
{
	struct kvm *k = m->engine_data;

	if (!k)
		return;
	m->apic_engine = NULL;          /* at the end devices may still drive their wires */
	for (unsigned n = 0; n < m->n_cpus; n++)
		if (m->cpus[n])
			kvm_free_cpu(m->cpus[n]);
	if (k->draining)
		timer_cancel(m, &k->drain);
	if (k->vm >= 0)
		close(k->vm);
	if (k->dev >= 0)
		close(k->dev);
	free(k->supported);
	pthread_mutex_destroy(&k->tsc.lock);
	free(k);
	m->engine_data = NULL;
}

/* ---- choosing ------------------------------------------------------------------------------------------------------------------------ */

static enum accel_fit kvm_fit(struct machine *m, char *why, size_t size)
{
	struct kvm_probe p;

	if (!kvm_probe(&p)) {
		snprintf(why, size, "%s", p.why);
		return ACCEL_UNFIT;
	}
	struct kvm *k = calloc(1, sizeof *k);
	if (!k)
		abort();
	k->dev = k->vm = -1;
	pthread_mutex_init(&k->tsc.lock, NULL);
	k->probe = p;
	k->log.number = (uint64_t)host_ns();      /* not a number of an engine before */
	m->engine_data = k;
	struct error err = { "" };
	if (!make_vm(k, m->opt->kernel_irqchip, &err)) {
		snprintf(why, size, "%s", err.msg);
		kvm_free(m);
		return ACCEL_UNFIT;
	}
	snprintf(why, size, "%s", p.why);
	return *p.why ? ACCEL_SLOW : ACCEL_FIT;
}

/* ---- telling -------------------------------------------------------------------------------------------------------------------------- */

static void kvm_info(struct machine *m, struct text *out)
{
	static const char *const words[] = { [KVM_WORKS] = "runs on the processor", [KVM_SLOW] = "emulated by the kernel", [KVM_REFUSES] = "refused" };
	const struct kvm *k = m->engine_data;
	unsigned slots = 0;

	for (enum kvm_mode n = 0; n < KVM_MODES; n++)
		text_printf(out, "%s: %s, %u ns a round of two instructions\n", kvm_mode_text(n), words[k->probe.mode[n]], k->probe.ns[n]);
	for (unsigned n = 0; n < KVM_SLOTS_MAX; n++)
		slots += k->slot[n].size != 0;
	text_printf(out, "interrupt controllers: %s; memory slots: %u; collected video writes: %s; unknown MSRs: %s\n", !k->split ? "vmux's own (kernel-irqchip=off)" :
		"split (local APICs in the kernel, I/O APIC and 8259 vmux's own)", slots,
		k->zone.size ? "on" : "off", k->user_msrs ? "vmux's" : "the kernel's");
	for (unsigned n = 0; n < m->n_cpus; n++) {
		const struct kvm_vcpu *v = kvm_of(m->cpus[n]);
		text_printf(out, "CPU #%u: exits %" PRIu64 ", ports %" PRIu64 ", memory %" PRIu64 ", halts %" PRIu64 ", interrupt windows %" PRIu64 ", ends of levels %" PRIu64
			", kicks %" PRIu64 ", instructions interpreted %" PRIu64 ", stops by debug registers %" PRIu64 ","
			" time stamp counter %" PRIu64 " kHz%s\n", n, v->exits, v->io, v->mmio, v->halts,
			v->windows, v->eois, v->kicks, v->stepped, v->hits, v->tsc_khz,
			v->tsc_fixed ? ", the host's: it does not stop with the machine" : "");
	}
}

const struct accel_ops accel_kvm = {
	.name = "kvm", .runs_guest = true, .uncounted = true, .fit = kvm_fit, .init = kvm_init, .free = kvm_free, .take_over = kvm_take_over, .start_vcpus = vcpu_start_all, .stop_vcpus = vcpu_stop_all,
	.run = kvm_run_cpu, .sync = kvm_sync, .kick = kvm_kick, .parked = kvm_parked, .resuming = kvm_resuming, .memory_changed = kvm_update_slots, .written = kvm_written, .limit_features = kvm_limit_features, .info = kvm_info,
};
