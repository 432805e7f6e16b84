/* ioapic.h - the I/O APIC as the board and the local APICs use it. */
#ifndef DEVICES_CHIPSET_IOAPIC_H
#define DEVICES_CHIPSET_IOAPIC_H
#include "core/machine/irq.h"
#include <stdint.h>
struct device;
extern const struct device_desc ioapic_desc;
enum { IOAPIC_PINS = 24 };
struct irq_line ioapic_input(struct device *d, int n);
/* Which pins are levels, for machine.apic_engine. */
void ioapic_tell_engine(struct device *d);
/* A CPU ended the level-triggered interrupt `vector`. */
void ioapic_eoi(struct device *d, uint8_t vector);
#endif
