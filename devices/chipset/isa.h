/* isa.h - what every device on the ISA bus does at realize: map its ports, take its interrupt. */
#ifndef DEVICES_CHIPSET_ISA_H
#define DEVICES_CHIPSET_ISA_H
#include "core/machine/device.h"

/* Map `size` ports from `base` into the I/O space; r is owned by the device. */
bool isa_map(struct device *d, struct region *r, const char *name, uint32_t base, uint32_t size, const struct io_ops *ops,
             struct error *err);
/* Map an MMIO region of a board device into memory at priority `prio`. */
bool mmio_map(struct device *d, struct region *r, const char *name, uint64_t base, uint64_t size, int prio,
              const struct io_ops *ops, struct error *err);
void isa_unmap(struct device *d, struct region *r);
/* The wire of ISA interrupt `irq`; false: there is no such interrupt. */
bool isa_irq(struct device *d, unsigned irq, struct irq_line *line, struct error *err);
#endif
