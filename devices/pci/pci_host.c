/* pci_host.c - configuration mechanism #1 (ports cf8h and cfch) and the root bus behind it.
 *
 * Ref: PCI Local Bus Specification 3.0, section 3.2.2.3.2 "Software Generation of Configuration Transactions". */
#include "devices/pci/pci_host.h"
#include "core/machine/machine.h"
#include "devices/chipset/isa.h"

enum { PORT_ADDRESS = 0xcf8, PORT_DATA = 0xcfc, RESET_CONTROL = 1 };
#define ADDRESS_ENABLE 0x80000000u

struct pci_host {
	struct device  dev;
	struct pci_bus bus;
	struct region  address_port, data_port;
	struct info_hook info, query;
	struct reset_port reset_port;
	uint32_t address;               /* enable | bus 23:16 | devfn 15:8 | register 7:2 */
};
static const struct state_field host_state[] = { STATE_U32(struct pci_host, address), STATE_END };

static struct pci_host *host_of(struct device *d)
{
	return container_of(d, struct pci_host, dev);
}

/* Only whole dwords reach the register; byte cf9h belongs to the reset control. */
static uint64_t address_read(struct device *d, uint64_t off, unsigned size)
{
	struct pci_host *h = host_of(d);

	if (size == 1 && off == RESET_CONTROL && h->reset_port.read)
		return h->reset_port.read(h->reset_port.arg);
	return h->address >> (8 * (off & 3));
}

static void address_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct pci_host *h = host_of(d);

	if (size == 4 && off == 0)
		h->address = (uint32_t)val & (ADDRESS_ENABLE | 0xfffffc);
	else if (size == 1 && off == RESET_CONTROL && h->reset_port.write)
		h->reset_port.write(h->reset_port.arg, (uint8_t)val);
}

/* The addressed function, or 256 when there is none: the bus of this host has number 0. */
static unsigned target(const struct pci_host *h)
{
	bool ours = (h->address & ADDRESS_ENABLE) && !(h->address >> 16 & 0xff);

	return ours ? h->address >> 8 & 0xff : 256;
}

static uint64_t data_read(struct device *d, uint64_t off, unsigned size)
{
	struct pci_host *h = host_of(d);

	return pci_config_read(&h->bus, target(h), (h->address & 0xfc) + (unsigned)off, size);
}

static void data_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct pci_host *h = host_of(d);

	pci_config_write(&h->bus, target(h), (h->address & 0xfc) + (unsigned)off, size, (uint32_t)val);
}

static const struct io_ops address_ops = { address_read, address_write, 1, 4 }, data_ops = { data_read, data_write, 1, 4 };

static void info_pci(void *arg, struct text *out)
{
	pci_bus_print(arg, out);
}

static void query_pci(void *arg, struct text *out)
{
	pci_bus_print_json(arg, out);
}

static bool host_realize(struct device *d, struct error *err)
{
	struct pci_host *h = host_of(d);
	struct machine *m = d->machine;

	pci_bus_init(&h->bus, "pci.0", d, &m->mem, &m->io);
	m->pci = &h->bus.bus;
	h->info = (struct info_hook){ .name = "pci", .print = info_pci, .arg = &h->bus };
	machine_add_info(m, &h->info);
	h->query = (struct info_hook){ .name = "query-pci", .print = query_pci, .arg = &h->bus };
	machine_add_info(m, &h->query);
	return isa_map(d, &h->address_port, "pci-conf-idx", PORT_ADDRESS, 4, &address_ops, err) &&
	       isa_map(d, &h->data_port, "pci-conf-data", PORT_DATA, 4, &data_ops, err);
}

static void host_unrealize(struct device *d)
{
	machine_remove_info(d->machine, &host_of(d)->info);
	machine_remove_info(d->machine, &host_of(d)->query);
	isa_unmap(d, &host_of(d)->address_port);
	isa_unmap(d, &host_of(d)->data_port);
	d->machine->pci = NULL;
}

static void host_reset(struct device *d, enum reset_kind kind)
{
	host_of(d)->address = 0;
}

const struct device_desc pci_host_desc = {
	.name = "i440FX-pcihost", .bus = "System", .category = "Controller/Bridge/Hub", .description = "Intel 440FX PCI host bridge",
	.size = sizeof(struct pci_host), .state = host_state, .state_version = 1,
	.realize = host_realize, .unrealize = host_unrealize, .reset = host_reset,
};

struct pci_bus *pci_host_bus(struct device *host)
{
	return &host_of(host)->bus;
}

void pci_host_set_reset_port(struct device *host, struct reset_port p)
{
	host_of(host)->reset_port = p;
}
