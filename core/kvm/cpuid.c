/* cpuid.c - what CPUID tells a guest under KVM: our model, cut to what the host's processor and kernel offer. */
#include "core/kvm/kvm.h"
#include "core/cpu/cpuid.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

bool kvm_cpuid_supported(struct kvm *k, struct error *err)
{
	k->supported = calloc(1, sizeof(struct kvm_cpuid2) + KVM_CPUID_MAX * sizeof(struct kvm_cpuid_entry2));
	if (!k->supported)
		return error_set(err, "-accel kvm: out of memory");
	k->supported->nent = KVM_CPUID_MAX;
	if (ioctl(k->dev, KVM_GET_SUPPORTED_CPUID, k->supported))
		return error_set(err, "-accel kvm: the host's KVM does not tell its CPUID: %s", strerror(errno));
	return true;
}

static struct cpuid_result host_leaf(const struct kvm *k, uint32_t leaf, uint32_t sub)
{
	for (unsigned n = 0; n < k->supported->nent; n++) {
		const struct kvm_cpuid_entry2 *e = &k->supported->entries[n];
		if (e->function == leaf && (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == sub))
			return (struct cpuid_result){ e->eax, e->ebx, e->ecx, e->edx };
	}
	return (struct cpuid_result){ 0 };
}

void kvm_limit_features(struct machine *m, uint32_t *word)
{
	const struct kvm *k = m->engine_data;

	if (!k || !k->supported)
		return;
	struct cpuid_result l1 = host_leaf(k, 1, 0), l7 = host_leaf(k, 7, 0), ld = host_leaf(k, 0xd, 1), l81 = host_leaf(k, 0x80000001, 0),
		l88 = host_leaf(k, 0x80000008, 0);
	uint32_t have[W_COUNT];

	memcpy(have, word, sizeof have);
	have[W_1_EDX] = l1.edx;
	have[W_1_ECX] = l1.ecx;
	have[W_7_EBX] = l7.ebx;
	have[W_7_ECX] = l7.ecx;
	have[W_7_EDX] = l7.edx;
	have[W_D_1_EAX] = ld.eax;
	have[W_81_EDX] = l81.edx | (l1.edx & 0x0183f3ff);
	have[W_81_ECX] = l81.ecx;
	have[W_88_EBX] = l88.ebx;
	/* Ours whatever the host says: the interrupt controller, how many processors there are and how they lie, that there is a hypervisor. */
	have[CF_APIC >> 5] |= 1u << (CF_APIC & 31);
	have[CF_HT >> 5] |= 1u << (CF_HT & 31);
	have[CF_TOPOEXT >> 5] |= 1u << (CF_TOPOEXT & 31);
	have[CF_HYPERVISOR >> 5] |= 1u << (CF_HYPERVISOR & 31);
	if (k->user_msrs || k->split)
		have[CF_X2APIC >> 5] |= 1u << (CF_X2APIC & 31);
	else
		have[CF_X2APIC >> 5] &= ~(1u << (CF_X2APIC & 31));
	/* Our APIC's timer counts with our clock and not with the host's counter; the kernel's with the guest's. */
	if (k->split && ioctl(k->dev, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0)
		have[CF_TSC_DEADLINE >> 5] |= 1u << (CF_TSC_DEADLINE & 31);
	else
		have[CF_TSC_DEADLINE >> 5] &= ~(1u << (CF_TSC_DEADLINE & 31));
	have[CF_MONITOR >> 5] &= ~(1u << (CF_MONITOR & 31));
	for (unsigned w = 0; w < W_COUNT; w++)
		word[w] &= have[w];
}

/* ---- what the kernel is given ---- */

static void add(struct cpu *c, struct kvm_cpuid2 *t, uint32_t leaf, uint32_t sub, bool by_sub)
{
	if (t->nent >= KVM_CPUID_MAX)
		return;
	struct cpuid_result r = cpu_cpuid(c, leaf, sub);
	t->entries[t->nent++] = (struct kvm_cpuid_entry2){ .function = leaf, .index = sub, .eax = r.eax, .ebx = r.ebx, .ecx = r.ecx, .edx = r.edx,
		.flags = by_sub ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0 };
}

static unsigned subleaves(uint32_t leaf)
{
	return leaf == 4 ? 5 : leaf == 7 ? 1 : leaf == 0xb || leaf == 0x1f ? 3 : leaf == 0x8000001d ? 5 : leaf == 0xd ? 3 : 0;
}

static void add_all(struct cpu *c, struct kvm_cpuid2 *t, uint32_t leaf)
{
	unsigned n = subleaves(leaf);

	for (unsigned sub = 0; sub < n; sub++)
		add(c, t, leaf, sub, true);
	if (!n)
		add(c, t, leaf, 0, false);
}

bool kvm_set_cpuid(struct cpu *c, struct error *err)
{
	struct { struct kvm_cpuid2 head; struct kvm_cpuid_entry2 e[KVM_CPUID_MAX]; } t = { .head.nent = 0 };
	uint64_t cr4 = c->cr4;

	c->cr4 &= ~(uint64_t)CR4_OSXSAVE;       /* the kernel follows CR4 by itself */
	for (uint32_t leaf = 0; leaf <= c->cpuid->level && leaf <= 0x1f; leaf++)
		add_all(c, &t.head, leaf);
	if (cpu_has(c, CF_HYPERVISOR))          /* or the kernel has an Intel processor answer with its highest leaf */
		add_all(c, &t.head, 0x40000000);
	for (uint32_t leaf = 0x80000000; leaf <= c->cpuid->xlevel && leaf <= 0x8000001f; leaf++)
		add_all(c, &t.head, leaf);
	c->cr4 = cr4;
	if (ioctl(kvm_of(c)->fd, KVM_SET_CPUID2, &t))
		return error_set(err, "-accel kvm: the host's KVM does not take this CPU's CPUID: %s", strerror(errno));
	return true;
}
