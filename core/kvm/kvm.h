/* kvm.h - the KVM engine: guest code on the host's own processor, with our board, devices and interrupt controllers.
 *
 * The state of a vCPU is in its struct cpu or in the kernel, one of them at a time: kvm_load() brings it into the kernel before it runs,
 * kvm_sync() brings it back before anyone else looks (parked, INIT, an instruction the kernel cannot emulate).  So the engine may be
 * changed at any instruction boundary; the interpreter does single instructions for this one.
 *
 * Interrupt controllers: the local APICs are the kernel's while the vCPUs run, the others ours (irqchip.c, "split"); or all are ours, and the
 * kernel is told of one interrupt at a time, when the CPU can take it.
 * Ref: Linux, Documentation/virt/kvm/api.rst (API). */
#ifndef CORE_KVM_KVM_H
#define CORE_KVM_KVM_H
#include "core/cpu/breakpoint.h"
#include "core/cpu/cpu.h"
#include "core/machine/clock.h"
#include "core/machine/error.h"
#include <linux/kvm.h>
#include <pthread.h>
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

enum { KVM_SLOTS_MAX = 128, KVM_CPUID_MAX = 128, KVM_BREAKS = 4 /* debug registers */ };
/* A piece of the memory map the kernel knows. */
struct kvm_slot { uint64_t start, size; uint8_t *host; bool rom, logged; };

struct kvm {
	int dev, vm;
	size_t run_size;                /* of struct kvm_run with what lies behind it */
	bool user_msrs;                 /* the kernel asks for MSRs it does not know */
	bool split;                     /* the kernel has local APICs: irqchip.c */
	bool apics_in;                  /* they hold the state; changes with all vCPUs parked */
	_Atomic bool changing;          /* a vCPU has asked that this changes */
	struct kvm_slot slot[KVM_SLOTS_MAX];
	struct kvm_cpuid2 *supported;   /* what the host's processor and kernel offer */
	struct kvm_probe probe;
	/* The time stamp counters' offset that was made from cpu.tsc_offset `ours` while the clock's was `clock`. */
	struct { pthread_mutex_t lock; bool known; uint64_t ours, offset; int64_t clock; } tsc;
	struct kvm_coalesced_mmio_ring *ring;   /* of the first vCPU; machine lock */
	struct kvm_coalesced_mmio_zone zone;    /* size 0: none */
	/* What is logged (dirty.c), a range of the arena; len 0: nothing.  Machine lock, but the last two. */
	struct { uint64_t ram_addr, len, number; _Atomic unsigned interpreting; _Atomic bool interpreted; } log;
	struct timer drain;             /* carries out what was collected while no vCPU came out */
	_Atomic bool draining;          /* the timer is set */
};

struct kvm_place { uint64_t rip; uint16_t cs; };
/* One vCPU.  Its thread's, but `inside`. */
struct kvm_vcpu {
	int fd;
	struct kvm_run *run;
	bool loaded;                    /* the kernel has the state; struct cpu is old */
	bool unfinished;                /* an exit for a device: the instruction is complete after the next entry */
	bool unblocked;                 /* this thread may be kicked */
	_Atomic bool inside;            /* in KVM_RUN or about to be: kicks need a signal */
	uint64_t tsc_khz;
	bool     tsc_fixed;             /* nobody can set the counter: it is the host's */
	uint64_t synced_tsc;            /* the counter when it was taken out, */
	int64_t  synced_at;             /* the virtual time then, */
	uint64_t synced_offset;         /* and what struct cpu was told */
	uint64_t loaded_offset;         /* the counter's in the kernel, when the state was last taken in; */
	int64_t  clock_offset;          /* and then the machine's clock's to the host's */
	bool     tsc_known;
	bool     by_interpreter;        /* the debugger's breakpoints do not fit; known while the state is not in the kernel */
	bool     debug_set;             /* the kernel has been given some */
	struct kvm_guest_debug debug;   /* what it is to be given with the state, */
	struct break_point slot[KVM_BREAKS];    /* and what it came from */
	bool flags_known;               /* run->if_flag and ready_for_interrupt_injection are of the state that is loaded */
	bool nmi_is_taken;              /* REQ_NMI is one that the APIC has let through */
	_Atomic bool renew;             /* the APIC's state is to be given to the kernel again */
	uint64_t deadline;              /* TSC deadline that waits for the counter to be set; 0: none */
	/* Of the kernel's APIC, when it was last set, or the registers were taken out: */
	uint8_t  tpr;                   /* all of it: that system registers go in clears its lower half */
	bool     timer_told;            /* the one-shot count was over, and its interrupt made */
	uint32_t timer_count;           /* what was left of the count */
	struct kvm_place at;            /* where the kernel left off */
	bool     triple_fault;          /* came out while the registers were taken out */
	_Atomic uint64_t exits, io, mmio, halts, windows, kicks, stepped, hits, eois;
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

/* dirty.c: struct accel_ops.written; before a slot goes that is logged; around what the interpreter does, whose writes are not. */
uint64_t kvm_written(struct machine *m, uint64_t ram_addr, uint64_t len);
void kvm_log_ends(struct kvm *k);
void kvm_interpreting(struct kvm *k, bool on);
bool kvm_logs(const struct machine *m, const struct kvm_slot *s);

/* cpuid.c: what CPUID may offer is cut to what the host has. */
bool kvm_cpuid_supported(struct kvm *k, struct error *err);
void kvm_limit_features(struct machine *m, uint32_t *word);
bool kvm_set_cpuid(struct cpu *c, struct error *err);

/* state.c: vCPU thread, or vCPU parked and machine lock held. */
/* Into the kernel; false (and logged): it does not take it. */
bool kvm_load(struct cpu *c);
void kvm_sync(struct cpu *c);
/* Keep in mind where the kernel leaves off; false: it does not say.  Has it been told to start anew since? */
bool kvm_note_place(struct cpu *c);
bool kvm_restarted(struct cpu *c);
/* The time stamp counter, of a vCPU whose tsc_khz is known.  False: it has not taken it. */
bool kvm_set_tsc(struct cpu *c, uint64_t tsc);

/* One MSR, to the kernel or from it.  False: it does not know it. */
bool kvm_msr(struct cpu *c, uint32_t msr, uint64_t *val, bool load);

/* irqchip.c.  With local APICs of the kernel: before there is a vCPU; false: it has none. */
bool kvm_make_split(struct kvm *k);
void kvm_resuming(struct machine *m);           /* struct accel_ops */
void kvm_parked(struct machine *m);
/* vCPU thread: who runs this CPU's code?  SLEEP: nobody before something is asked of it. */
enum kvm_side { KVM_SIDE_KERNEL, KVM_SIDE_INTERPRETER, KVM_SIDE_MASKED /* while address line 20 is masked */, KVM_SIDE_SLEEP };
enum kvm_side kvm_choose_side(struct cpu *c);
void kvm_renew_apic(struct cpu *c);
void kvm_offer_extint(struct cpu *c);
bool kvm_load_mp_state(struct cpu *c);
void kvm_sync_mp_state(struct cpu *c);
/* vCPU thread, before its registers are taken out: what the kernel's APIC still has to make interrupts of, or to tell, it does now. */
void kvm_settle_apic(struct cpu *c);
/* After the system registers went in. */
void kvm_restore_tpr(struct cpu *c);
/* KVM_EXIT_IOAPIC_EOI. */
void kvm_level_ends(struct cpu *c, uint8_t vector);

/* debug.c.  The debugger's breakpoints as they are now, before kvm_load; false: the interpreter must run the guest. */
bool kvm_plan_debug(struct cpu *c);
bool kvm_load_debug(struct cpu *c);
/* After KVM_EXIT_DEBUG and kvm_sync: did it hit one?  Then debug.stop says which. */
bool kvm_debug_hit(struct cpu *c);

/* run.c */
enum cpu_exit kvm_run_cpu(struct cpu *c);
/* What the last exit asked of a port, of memory or of an MSR. */
void kvm_serve_device(struct cpu *c);
void kvm_kick(struct cpu *c);

/* Is KVM_RUN to come back at once?  Kicks say so from other threads. */
static inline void kvm_come_back(struct kvm_vcpu *v, bool at_once) { __atomic_store_n(&v->run->immediate_exit, at_once, __ATOMIC_SEQ_CST); }

/* What takes a thread out of KVM_RUN. */
int kvm_kick_signal(void);

static inline struct kvm_vcpu *kvm_of(const struct cpu *c) { return c->engine_cpu; }
#endif
