/* kvm.h - the KVM engine: guest code on the host's own processor, with our board, devices and interrupt controllers.
 *
 * The state of a vCPU is in its struct cpu or in the kernel, one of them at a time: kvm_load() brings it into the kernel before it runs,
 * kvm_sync() brings it back before anyone else looks (parked, INIT, an instruction the kernel cannot emulate).  So the engine may be
 * changed at any instruction boundary; the interpreter does single instructions for this one.
 *
 * Interrupt controllers are ours: the kernel is told of one interrupt at a time, when the CPU can take it.
 * Ref: Linux, Documentation/virt/kvm/api.rst (API). */
#ifndef CORE_KVM_KVM_H
#define CORE_KVM_KVM_H
#include "core/cpu/cpu.h"
#include "core/machine/clock.h"
#include "core/machine/error.h"
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

struct text;
struct machine;

/* What the host can do with one mode of the processor. */
enum kvm_mode { KVM_REAL, KVM_PROTECTED, KVM_LONG_KERNEL, KVM_LONG_USER, KVM_MODES };
enum kvm_verdict { KVM_WORKS, KVM_SLOW /* emulated by the kernel, instruction by instruction */, KVM_REFUSES };
struct kvm_probe {
	enum kvm_verdict mode[KVM_MODES];
	unsigned ns[KVM_MODES];         /* time of one round of a loop of two instructions */
	char why[160];                  /* when something does not work: one sentence without its end, else empty */
};

enum { KVM_SLOTS_MAX = 128, KVM_CPUID_MAX = 128 };
/* A piece of the memory map the kernel knows. */
struct kvm_slot { uint64_t start, size; uint8_t *host; bool rom; };

struct kvm {
	int dev, vm;
	size_t run_size;                /* of struct kvm_run with what lies behind it */
	bool user_msrs;                 /* the kernel asks for MSRs it does not know */
	bool coalesced;                 /* writes to video memory may be collected */
	struct kvm_slot slot[KVM_SLOTS_MAX];
	struct kvm_cpuid2 *supported;   /* what the host's processor and kernel offer */
	struct kvm_probe probe;
	struct kvm_coalesced_mmio_ring *ring;   /* of the first vCPU; machine lock */
	struct kvm_coalesced_mmio_zone zone;    /* size 0: none */
	struct timer drain;             /* carries out what was collected while no vCPU came out */
	_Atomic bool draining;          /* the timer is set */
};

/* One vCPU.  Its thread's, but `inside`. */
struct kvm_vcpu {
	int fd;
	struct kvm_run *run;
	bool loaded;                    /* the kernel has the state; struct cpu is old */
	bool unfinished;                /* an exit for a device: the instruction is complete after the next entry */
	bool unblocked;                 /* this thread may be kicked */
	_Atomic bool inside;            /* in KVM_RUN or about to be: kicks need a signal */
	uint64_t tsc_khz;
	uint64_t synced_tsc;            /* the counter when it was taken out, */
	int64_t  synced_at;             /* the virtual time then, */
	uint64_t synced_offset;         /* and what struct cpu was told */
	bool     tsc_known;
	_Atomic uint64_t exits, io, mmio, halts, windows, kicks, stepped;
	uint16_t id;
};

/* probe.c.  Takes milliseconds.  False: there is no usable KVM at all; p->why says why. */
bool kvm_probe(struct kvm_probe *p);
const char *kvm_mode_text(enum kvm_mode m);

/* slots.c: tell the kernel the memory map as it is now.  Machine lock held; any thread. */
void kvm_update_slots(struct machine *m);
/* Carry out the collected writes.  Machine lock held. */
void kvm_drain(struct machine *m);
/* A vCPU is about to enter the guest: see to it that what it may collect does not stay. */
void kvm_keep_drained(struct machine *m);
/* Is anything collected?  Any thread. */
bool kvm_collected(const struct kvm *k);

/* cpuid.c: what CPUID may offer is cut to what the host has. */
bool kvm_cpuid_supported(struct kvm *k, struct error *err);
void kvm_limit_features(struct machine *m, uint32_t *word);
bool kvm_set_cpuid(struct cpu *c, struct error *err);

/* state.c: vCPU thread, or vCPU parked and machine lock held. */
/* Into the kernel; false (and logged): it does not take it. */
bool kvm_load(struct cpu *c);
void kvm_sync(struct cpu *c);

/* run.c */
enum cpu_exit kvm_run_cpu(struct cpu *c);
/* What the last exit asked of a port, of memory or of an MSR. */
void kvm_serve_device(struct cpu *c);
void kvm_kick(struct cpu *c);

static inline struct kvm_vcpu *kvm_of(const struct cpu *c) { return c->engine_cpu; }
#endif
