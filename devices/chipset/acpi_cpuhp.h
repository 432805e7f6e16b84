/* acpi_cpuhp.h - the registers by which the guest's ACPI learns of CPUs that came, or are to go, and lets go of them.
 * Ref: QEMU, docs/specs/acpi_cpu_hotplug.rst.  Part of another device, whose reset, saving and loading call those here.  Machine lock held. */
#ifndef DEVICES_CHIPSET_ACPI_CPUHP_H
#define DEVICES_CHIPSET_ACPI_CPUHP_H
#include "core/machine/device.h"

enum { CPUHP_PORT = 0xaf00, CPUHP_SIZE = 12, CPUHP_EVENT = 1 << 2 /* in the general purpose event registers */ };
struct cpuhp {
	struct device *dev;                     /* whose part it is */
	uint64_t present;                       /* bit = CPU; kept for saved states, else struct cpu knows */
	uint64_t came, going;                   /* the guest has not been told yet; it is asked to let go */
	uint64_t told;                          /* of `going`: it knows */
	uint32_t selected;
	uint8_t  command;
	void (*event)(struct device *dev);      /* raise the event */
};
extern const struct state_field cpuhp_state[];
/* From now on the monitor's device_add and device_del of CPUs go through h, which stays the caller's; until cpuhp_done. */
void cpuhp_init(struct cpuhp *h, struct device *dev, void (*event)(struct device *dev));
void cpuhp_done(struct cpuhp *h);
void cpuhp_reset(struct cpuhp *h, enum reset_kind kind);              /* CPUs that were to go are gone */
/* Before h is saved, and after it was loaded: h->present from struct cpu, and to it.  Any value will do. */
void cpuhp_saving(struct cpuhp *h);
void cpuhp_loaded(struct cpuhp *h);
/* The registers, off below CPUHP_SIZE. */
uint32_t cpuhp_read(struct cpuhp *h, unsigned off, unsigned size);
void cpuhp_write(struct cpuhp *h, unsigned off, unsigned size, uint32_t val);
#endif
