/* hpet.h - the high precision event timers as the board wires them. */
#ifndef DEVICES_CHIPSET_HPET_H
#define DEVICES_CHIPSET_HPET_H
#include "core/machine/irq.h"
struct device;
extern const struct device_desc hpet_desc;
/* Before realize: ISA interrupts 0 and 8 for legacy replacement, and a wire that is up while it is on (the 8254 and the clock chip
 * are then cut off from theirs). */
void hpet_wire(struct device *d, struct irq_line irq0, struct irq_line irq8, struct irq_line legacy);
#endif
