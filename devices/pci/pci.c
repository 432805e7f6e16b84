/* pci.c - configuration space, BARs and INTx of PCI devices, and the bus they sit on.
 *
 * Ref: PCI Local Bus Specification 3.0, chapter 6 "Configuration Space". */
#include "devices/pci/pci.h"
#include "core/machine/machine.h"
#include "devices/chipset/lapic.h"
#include "devices/pci/msix.h"
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BAR_ROM = 6, BAR_COUNT = 7, BAR_PRIO = -1 /* below RAM, as the host bridge decodes RAM first */ };

const struct state_field pci_device_state[] = {
	STATE_BYTES(struct pci_device, config), STATE_U32(struct pci_device, irq_level), STATE_END
};

static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static uint32_t get32(const uint8_t *p) { return get16(p) | (uint32_t)get16(p + 2) << 16; }
static void put16(uint8_t *p, unsigned v) { p[0] = (uint8_t)v; p[1] = (uint8_t)(v >> 8); }
static void put32(uint8_t *p, uint32_t v) { put16(p, v & 0xffff); put16(p + 2, v >> 16); }

struct pci_bus *pci_bus_of(struct pci_device *p)
{
	return container_of(p->dev.bus, struct pci_bus, bus);
}

/* ---- declaring a device --------------------------------------------------------------------------------------------------------- */

void pci_init_config(struct pci_device *p, const struct pci_ids *ids, unsigned int_pin)
{
	uint8_t *c = p->config;

	put16(c + PCI_VENDOR, ids->vendor);
	put16(c + PCI_DEVICE, ids->device);
	put32(c + PCI_REVISION, ids->class_code << 8 | ids->revision);
	put16(c + PCI_SUBVENDOR, ids->subvendor);
	put16(c + PCI_SUBSYSTEM, ids->subsystem);
	c[PCI_HEADER_TYPE] = p->multifunction ? PCI_HEADER_MULTI : 0;
	c[PCI_INT_PIN] = (uint8_t)int_pin;
	put16(p->wmask + PCI_COMMAND, PCI_CMD_IO | PCI_CMD_MEM | PCI_CMD_MASTER | PCI_CMD_INTX_OFF | 0x100 /* SERR# */ | 0x40 /* parity */);
	put16(p->w1c + PCI_STATUS, 0xf900);             /* error bits of the status register */
	p->wmask[0x0c] = 0xff;                          /* cache line size */
	p->wmask[PCI_INT_LINE] = 0xff;
}

static unsigned bar_offset(unsigned n)
{
	return n == BAR_ROM ? PCI_ROM : PCI_BAR0 + 4 * n;
}

void pci_bar(struct pci_device *p, unsigned n, enum pci_bar_kind kind, uint64_t size, struct region *r)
{
	static const uint8_t type_bits[] = { [BAR_IO] = 1, [BAR_MEM32] = 0, [BAR_MEM32_PREF] = 8, [BAR_MEM64] = 4, [BAR_MEM64_PREF] = 12 };
	unsigned off = bar_offset(n);

	assert(n < BAR_COUNT && size >= 4 && !(size & (size - 1)));
	p->bar[n] = (struct pci_bar){ .kind = kind, .size = size, .region = r };
	r->size = size;
	r->movable = true;
	r->prio = kind == BAR_IO ? 1 : BAR_PRIO;
	p->config[off] = n == BAR_ROM ? 0 : type_bits[kind];
	put32(p->wmask + off, (uint32_t)~(size - 1) | (n == BAR_ROM));
	if (kind == BAR_MEM64 || kind == BAR_MEM64_PREF)
		put32(p->wmask + off + 4, (uint32_t)(~(size - 1) >> 32));
}

void pci_rom(struct pci_device *p, const void *data, size_t len)
{
	struct machine *m = p->dev.machine;
	uint64_t size = 2048;

	while (size < len)
		size *= 2;
	uint64_t addr = ram_alloc(&m->ram, "pci.rom", size, NULL);
	if (addr == UINT64_MAX)
		return;
	memcpy(m->ram.host + addr, data, len);
	p->rom = (struct region){ .name = "pci.rom", .kind = REGION_ROM, .dev = &p->dev, .ram_addr = addr };
	pci_bar(p, BAR_ROM, BAR_MEM32, size, &p->rom);
}

bool pci_add_cap(struct pci_device *p, uint8_t id, unsigned size, unsigned *off)
{
	unsigned at = p->cap_end ? p->cap_end : 0x40;

	assert(!(size & 3));
	if (at + size > sizeof p->config)
		return false;
	p->cap_end = at + size;
	p->config[at] = id;
	p->config[at + 1] = p->config[PCI_CAP_PTR];
	p->config[PCI_CAP_PTR] = (uint8_t)at;
	p->config[PCI_STATUS] |= PCI_STATUS_CAPS;
	*off = at;
	return true;
}

/* ---- BARs ---------------------------------------------------------------------------------------------------------------------- */

/* Where the guest wants BAR n, false when it is off or was given no address a device could have. */
static bool bar_address(const struct pci_device *p, unsigned n, uint64_t *base)
{
	const struct pci_bar *b = &p->bar[n];
	unsigned off = bar_offset(n);
	uint16_t cmd = get16(p->config + PCI_COMMAND);
	uint64_t addr = get32(p->config + off), last_possible = UINT32_MAX - 1;

	if (!(cmd & (b->kind == BAR_IO ? PCI_CMD_IO : PCI_CMD_MEM)) || (n == BAR_ROM && !(addr & 1)))
		return false;
	if (b->kind == BAR_IO)
		last_possible = 0xffff;
	if (b->kind == BAR_MEM64 || b->kind == BAR_MEM64_PREF) {
		addr |= (uint64_t)get32(p->config + off + 4) << 32;
		last_possible = UINT64_MAX - 1;
	}
	addr &= ~(b->size - 1);
	/* 0 is "not set"; all ones is what a guest writes to learn the size. */
	if (!addr || addr + (b->size - 1) < addr || addr + (b->size - 1) > last_possible)
		return false;
	*base = addr;
	return true;
}

static void update_bars(struct pci_device *p)
{
	struct pci_bus *bus = pci_bus_of(p);

	space_begin(bus->mem);
	space_begin(bus->io);
	for (unsigned n = 0; n < BAR_COUNT; n++) {
		struct pci_bar *b = &p->bar[n];
		uint64_t base;
		if (b->kind == BAR_NONE)
			continue;
		struct space *s = b->kind == BAR_IO ? bus->io : bus->mem;
		b->mapped = bar_address(p, n, &base);
		if (b->mapped)
			space_move(s, b->region, base);
		else
			space_unmap(s, b->region);
	}
	space_commit(bus->io);
	space_commit(bus->mem);
}

/* ---- INTx ---------------------------------------------------------------------------------------------------------------------- */

static void update_intx(struct pci_device *p)
{
	struct pci_bus *bus = pci_bus_of(p);
	uint8_t pin = p->config[PCI_INT_PIN];
	bool level = (p->config[PCI_STATUS] & PCI_STATUS_INTX) && !(get16(p->config + PCI_COMMAND) & PCI_CMD_INTX_OFF);

	if (pin < 1 || pin > 4 || p->irq_level == level)
		return;
	p->irq_level = level;
	if (bus->route)
		bus->route(bus->route_arg, p->devfn, pin - 1u, level);
}

void pci_irq(struct pci_device *p, int level)
{
	if (level)
		p->config[PCI_STATUS] |= PCI_STATUS_INTX;
	else
		p->config[PCI_STATUS] &= ~PCI_STATUS_INTX;
	update_intx(p);
}

/* ---- configuration accesses ---------------------------------------------------------------------------------------------------- */

uint32_t pci_config_read(struct pci_bus *b, unsigned devfn, unsigned off, unsigned size)
{
	struct pci_device *p = devfn < 256 ? b->devs[devfn] : NULL;
	uint32_t v = 0;

	if (!p || off + size > sizeof p->config)
		return UINT32_MAX;
	if (p->config_reading)
		p->config_reading(p, off, size);
	for (unsigned i = 0; i < size; i++)
		v |= (uint32_t)p->config[off + i] << (8 * i);
	return v;
}

static bool overlaps(unsigned off, unsigned size, unsigned start, unsigned len)
{
	return off < start + len && start < off + size;
}

void pci_config_write(struct pci_bus *b, unsigned devfn, unsigned off, unsigned size, uint32_t val)
{
	struct pci_device *p = devfn < 256 ? b->devs[devfn] : NULL;

	if (!p || off + size > sizeof p->config)
		return;
	for (unsigned i = 0; i < size; i++, val >>= 8) {
		uint8_t *c = &p->config[off + i], w = p->wmask[off + i];
		*c = (uint8_t)((*c & ~w) | (val & w)) & (uint8_t)~(val & p->w1c[off + i]);
	}
	if (overlaps(off, size, PCI_BAR0, 24) || overlaps(off, size, PCI_ROM, 4) || overlaps(off, size, PCI_COMMAND, 2)) {
		update_bars(p);
		update_intx(p);
	}
	if (p->msix)
		pci_msix_changed(p);
	if (p->config_written)
		p->config_written(p, off, size);
}

/* ---- bus mastering -------------------------------------------------------------------------------------------------------------- */

static bool dma(struct pci_device *p, uint64_t addr, uint8_t *buf, size_t len, bool to_guest)
{
	struct machine *m = p->dev.machine;
	struct space *s = pci_bus_of(p)->mem;
	bool ok = p->config[PCI_COMMAND] & PCI_CMD_MASTER;

	while (ok && len) {
		size_t n = len;
		uint8_t *host = space_map_ram(s, addr, &n, to_guest);
		if (!host || !n) {
			device_log_once(&p->dev, 63, "DMA at 0x%" PRIx64 ", which is no RAM", addr);
			ok = false;
			break;
		}
		if (to_guest) {
			memcpy(host, buf, n);
			ram_written(m, (uint64_t)(host - m->ram.host), n);
		} else {
			memcpy(buf, host, n);
		}
		buf += n;
		addr += n;
		len -= n;
	}
	if (!ok && !to_guest)
		memset(buf, 0xff, len);
	return ok;
}

bool pci_dma_read(struct pci_device *p, uint64_t addr, void *buf, size_t len)
{
	return dma(p, addr, buf, len, false);
}

bool pci_dma_write(struct pci_device *p, uint64_t addr, const void *buf, size_t len)
{
	if (apic_msi_address(addr) && len == 4 && (p->config[PCI_COMMAND] & PCI_CMD_MASTER)) {
		apic_msi(p->dev.machine, addr, get32(buf));
		return true;
	}
	return dma(p, addr, (uint8_t *)(uintptr_t)buf, len, true);
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */

void pci_device_reset(struct pci_device *p)
{
	put16(p->config + PCI_COMMAND, get16(p->config + PCI_COMMAND) & ~get16(p->wmask + PCI_COMMAND));
	put16(p->config + PCI_STATUS, get16(p->config + PCI_STATUS) & ~get16(p->w1c + PCI_STATUS) & ~PCI_STATUS_INTX);
	p->config[0x0c] = p->config[PCI_INT_LINE] = 0;
	for (unsigned n = 0; n < BAR_COUNT; n++) {
		unsigned off = bar_offset(n), bytes = p->bar[n].kind == BAR_MEM64 || p->bar[n].kind == BAR_MEM64_PREF ? 8 : 4;
		for (unsigned i = 0; p->bar[n].kind != BAR_NONE && i < bytes; i++)
			p->config[off + i] &= ~p->wmask[off + i];
	}
	if (p->msi_cap)
		p->config[p->msi_cap + 2] &= ~1;
	if (p->msix)
		pci_msix_reset(p);
	update_bars(p);
	update_intx(p);
}

bool pci_device_loaded(struct pci_device *p, struct error *err)
{
	if (p->config[PCI_INT_PIN] > 4 || p->irq_level > 1)
		return error_set(err, "saved PCI interrupt pin or level is out of range");
	update_bars(p);
	struct pci_bus *bus = pci_bus_of(p);
	if (bus->route && p->config[PCI_INT_PIN])
		bus->route(bus->route_arg, p->devfn, p->config[PCI_INT_PIN] - 1u, (int)p->irq_level);
	return true;
}

void pci_device_unrealize(struct pci_device *p)
{
	put16(p->config + PCI_COMMAND, 0);
	pci_irq(p, 0);
	update_bars(p);
}

/* ---- the bus ------------------------------------------------------------------------------------------------------------------- */

static bool pci_attach(struct bus *bus, struct device *d, struct error *err)
{
	struct pci_bus *b = container_of(bus, struct pci_bus, bus);
	struct pci_device *p = container_of(d, struct pci_device, dev);
	int devfn = p->addr;

	for (int slot = 0; devfn < 0 && slot < 32; slot++)
		if (!b->devs[slot * 8])
			devfn = slot * 8;
	if (devfn < 0)
		return error_set(err, "PCI: no slot/function available for %s, all in use or reserved", d->desc->name);
	const struct pci_device *other = b->devs[devfn];
	if (other)
		return error_set(err, "PCI: slot %d function %d not available for %s, in use by %s,id=%s", devfn >> 3, devfn & 7,
		                 d->desc->name, other->dev.desc->name, other->dev.id ? other->dev.id : "");
	const struct pci_device *first = b->devs[devfn & ~7];
	if (first && (devfn & 7) && !(first->config[PCI_HEADER_TYPE] & PCI_HEADER_MULTI))
		return error_set(err, "PCI: slot %d function 0 already occupied by %s, new func %s cannot be exposed to guest.", devfn >> 3,
		                 first->dev.desc->name, d->desc->name);
	p->devfn = (uint8_t)devfn;
	b->devs[devfn] = p;
	return true;
}

static void pci_detach(struct bus *bus, struct device *d)
{
	struct pci_bus *b = container_of(bus, struct pci_bus, bus);
	struct pci_device *p = container_of(d, struct pci_device, dev);

	if (b->devs[p->devfn] == p)
		b->devs[p->devfn] = NULL;
}

void pci_bus_init(struct pci_bus *b, const char *name, struct device *parent, struct space *mem, struct space *io)
{
	bus_init(&b->bus, "PCI", name, parent);
	b->bus.attach = pci_attach;
	b->bus.detach = pci_detach;
	b->bus.hotplug = true;
	b->mem = mem;
	b->io = io;
}
