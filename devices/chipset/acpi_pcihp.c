/* acpi_pcihp.c - hot-plugging of PCI cards through ACPI, ports ae00h: event 1 is raised, \_GPE._E01 (dsdt.asl) reads which slots are meant
 * and notifies their devices; when the operating system has let go of a card it runs the slot's _EJ0, which writes the slot's bit here.
 * Ref: QEMU, docs/specs/acpi_pci_hotplug.rst.
 *
 *   +00 slots with a new card (reading clears) | +04 slots to be let go | +08 write: eject | +0c slots that can be ejected | +10 bus */
#include "devices/chipset/acpi_pcihp.h"
#include "core/machine/machine.h"
#include "core/monitor/plug.h"
#include "devices/pci/pci.h"

enum { REG_UP = 0x00, REG_DOWN = 0x04, REG_EJECT = 0x08, REG_REMOVABLE = 0x0c, REG_BUS = 0x10, SLOTS = 32 };

const struct state_field pcihp_state[] = { STATE_U32(struct pcihp, up), STATE_U32(struct pcihp, down), STATE_U32(struct pcihp, bus), STATE_END };

static struct pci_bus *bus_of(const struct pcihp *h) { return container_of(h->dev->machine->pci, struct pci_bus, bus); }

static bool can_go(const struct pci_device *p) { return p && p->dev.desc->hotpluggable; }

static uint32_t removable(const struct pcihp *h)
{
	uint32_t bits = 0;

	for (unsigned slot = 0; slot < SLOTS; slot++)
		bits |= (uint32_t)can_go(bus_of(h)->devs[slot * 8]) << slot;
	return bits;
}

/* Every function of the slot. */
static void eject(struct pcihp *h, unsigned slot)
{
	h->down &= ~(UINT32_C(1) << slot);
	h->up &= ~(UINT32_C(1) << slot);
	for (int fn = 7; fn >= 0; fn--) {
		struct pci_device *p = bus_of(h)->devs[slot * 8 + (unsigned)fn];
		if (can_go(p))
			device_pulled(&p->dev);
	}
}

static void eject_all(struct pcihp *h, uint32_t slots)
{
	for (unsigned slot = 0; slot < SLOTS; slot++)
		if (slots >> slot & 1)
			eject(h, slot);
}

/* ---- the guest's side --------------------------------------------------------------------------------------------------------------- */

uint32_t pcihp_read(struct pcihp *h, uint32_t off)
{
	uint32_t v = 0;

	if (h->bus)                             /* there is no such bus */
		return off == REG_BUS ? h->bus : 0;
	switch (off) {
	case REG_UP:        v = h->up; h->up = 0; break;
	case REG_DOWN:      v = h->down; break;
	case REG_REMOVABLE: v = removable(h); break;
	default: break;
	}
	return v;
}

void pcihp_write(struct pcihp *h, uint32_t off, uint32_t val)
{
	if (off == REG_BUS)
		h->bus = val;
	else if (off == REG_EJECT && !h->bus)
		eject_all(h, val);
}

/* ---- the monitor's side ------------------------------------------------------------------------------------------------------------- */

/* The slot of a card on the bus, or -1. */
static int slot_of(const struct pcihp *h, struct device *d)
{
	return d->bus == h->dev->machine->pci ? container_of(d, struct pci_device, dev)->devfn >> 3 : -1;
}

static void plugged(void *arg, struct device *d)
{
	struct pcihp *h = arg;
	int slot = slot_of(h, d);

	if (slot < 0)
		return;
	h->up |= UINT32_C(1) << slot;
	h->event(h->dev);
}

static enum pull_answer pull(void *arg, struct device *d)
{
	struct pcihp *h = arg;
	int slot = slot_of(h, d);

	if (slot < 0)
		return PULL_NOW;
	bool again = h->down >> slot & 1;
	h->down |= UINT32_C(1) << slot;
	h->event(h->dev);                       /* also when asked again: it may have been too early before */
	return again ? PULL_PENDING : PULL_ASKED;
}

static const struct plug_ops ops = { plugged, pull };

/* ---- life ---------------------------------------------------------------------------------------------------------------------------- */

void pcihp_init(struct pcihp *h, struct device *dev, void (*event)(struct device *dev))
{
	h->dev = dev;
	h->event = event;
	plug_set_ops(dev->machine, &ops, h);
}

void pcihp_done(struct pcihp *h) { plug_set_ops(h->dev->machine, NULL, NULL); }

void pcihp_reset(struct pcihp *h, enum reset_kind kind)
{
	if (kind != RESET_LOAD)
		eject_all(h, h->down);
	h->up = h->down = h->bus = 0;
}
