/* acpi_pcihp.h - the registers by which the guest's ACPI learns of PCI cards that came, or are to go, and lets go of them. */
#ifndef DEVICES_CHIPSET_ACPI_PCIHP_H
#define DEVICES_CHIPSET_ACPI_PCIHP_H
#include "core/machine/device.h"

enum { PCIHP_PORT = 0xae00, PCIHP_SIZE = 0x14, PCIHP_EVENT = 1 << 1 /* in the general purpose event registers */ };
struct pcihp {
	struct device *dev;                     /* whose part it is */
	uint32_t up, down;                      /* bit = slot: a card has come; the guest is asked to let go */
	uint32_t bus;                           /* selected; there is one, 0 */
	void (*event)(struct device *dev);      /* raise the event */
};
extern const struct state_field pcihp_state[];
/* From now on the monitor's device_add and device_del of PCI cards go through h. */
void pcihp_init(struct pcihp *h, struct device *dev, void (*event)(struct device *dev));
void pcihp_done(struct pcihp *h);
void pcihp_reset(struct pcihp *h, enum reset_kind kind);              /* cards that were to go are gone */
uint32_t pcihp_read(struct pcihp *h, uint32_t off);             /* of PCIHP_SIZE ports, four at a time */
void pcihp_write(struct pcihp *h, uint32_t off, uint32_t val);
#endif
