/* isa.c - what every device on the ISA bus does at realize: map its ports, take its interrupt. */
#include "devices/chipset/isa.h"
#include "core/machine/machine.h"

bool isa_map(struct device *d, struct region *r, const char *name, uint32_t base, uint32_t size, const struct io_ops *ops,
             struct error *err)
{
	*r = (struct region){ .name = name, .kind = REGION_IO, .base = base, .size = size, .dev = d, .ops = ops };
	return space_map(&d->machine->io, r, err);
}

bool mmio_map(struct device *d, struct region *r, const char *name, uint64_t base, uint64_t size, int prio,
              const struct io_ops *ops, struct error *err)
{
	*r = (struct region){ .name = name, .kind = REGION_IO, .base = base, .size = size, .prio = prio, .dev = d, .ops = ops };
	return space_map(&d->machine->mem, r, err);
}

void isa_unmap(struct device *d, struct region *r)
{
	if (r->mapped)
		space_unmap(&d->machine->io, r);
}

bool isa_irq(struct device *d, unsigned irq, struct irq_line *line, struct error *err)
{
	if (irq > 15)
		return error_set(err, "%s: irq=%u is not an ISA interrupt: it must be 0 to 15", d->desc->name, irq);
	*line = d->machine->isa_irq[irq];
	return true;
}
