/* piix3.h - the south bridge as the board wires it. */
#ifndef DEVICES_CHIPSET_PIIX3_H
#define DEVICES_CHIPSET_PIIX3_H
#include "core/machine/irq.h"
#include "devices/pci/pci_host.h"
extern const struct device_desc piix3_desc;
/* Before realize: where PCI interrupts routed to ISA interrupt n go. */
void piix3_set_irqs(struct device *d, const struct irq_line irq[16]);
struct reset_port piix3_reset_port(struct device *d);
#endif
