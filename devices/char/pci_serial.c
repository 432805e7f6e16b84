/* pci_serial.c - cards with one, two or four 16550As behind one I/O BAR, 8 ports each, and one INTx wire: "pci-serial", "pci-serial-2x",
 * "pci-serial-4x".  Ref: QEMU's docs/specs/pci-serial: 1b36:0002, 0003 and 0004, revision 1. */
#include "devices/char/uart16550.h"
#include "devices/pci/pci.h"
#include <stdio.h>

enum { MAX_PORTS = 4 };

struct pci_serial {
	struct pci_device pci;
	struct region region;
	struct uart   port[MAX_PORTS];
	uint8_t       paced;
	uint8_t       irqs;                     /* which ports ask for service */
};

static struct pci_serial *of(struct device *d) { return container_of(d, struct pci_serial, pci.dev); }
extern const struct device_desc pci_serial_desc, pci_serial_2x_desc, pci_serial_4x_desc;
static unsigned ports(const struct device *d) { return d->desc == &pci_serial_desc ? 1 : d->desc == &pci_serial_2x_desc ? 2 : 4; }

static uint64_t pci_serial_read(struct device *d, uint64_t off, unsigned size)
{
	return uart_read_reg(&of(d)->port[off / UART_REGS], off % UART_REGS);
}

static void pci_serial_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	uart_write_reg(&of(d)->port[off / UART_REGS], off % UART_REGS, (uint8_t)val);
}

static const struct io_ops pci_serial_io = { .read = pci_serial_read, .write = pci_serial_write, .min = 1, .max = 1 };

static void drive_irq(void *arg, int n, int level)
{
	struct pci_serial *s = arg;
	s->irqs = (uint8_t)(level ? s->irqs | 1u << n : s->irqs & ~(1u << n));
	pci_irq(&s->pci, s->irqs != 0);
}

static bool pci_serial_realize(struct device *d, struct error *err)
{
	struct pci_serial *s = of(d);
	unsigned n = ports(d);
	const struct pci_ids ids = { 0x1b36, n == 1 ? 0x0002 : n == 2 ? 0x0003 : 0x0004, 0x1af4, 0x1100, 0x070002, 1 };

	pci_init_config(&s->pci, &ids, 1);
	s->region = (struct region){ .name = d->desc->name, .kind = REGION_IO, .size = n * UART_REGS, .dev = d, .ops = &pci_serial_io };
	pci_bar(&s->pci, 0, BAR_IO, n * UART_REGS, &s->region);
	for (unsigned i = 0; i < n; i++) {
		s->port[i].machine = d->machine;
		snprintf(s->port[i].name, sizeof s->port[i].name, "%s port %u", d->desc->name, i + 1);
		s->port[i].irq = (struct irq_line){ .set = drive_irq, .arg = s, .n = (int)i };
		s->port[i].paced = s->paced;
		if (!uart_start(&s->port[i], err)) {
			while (i--)
				uart_stop(&s->port[i]);
			return false;
		}
	}
	return true;
}

static void pci_serial_unrealize(struct device *d)
{
	pci_device_unrealize(&of(d)->pci);
	for (unsigned i = 0; i < ports(d); i++)
		uart_stop(&of(d)->port[i]);
}

static void pci_serial_reset(struct device *d, enum reset_kind kind)
{
	pci_device_reset(&of(d)->pci);
	for (unsigned i = 0; i < ports(d); i++)
		uart_reset_regs(&of(d)->port[i]);
}

static void pci_serial_reset_done(struct device *d)
{
	of(d)->irqs = 0;
	for (unsigned i = 0; i < ports(d); i++)
		uart_reset_wires(&of(d)->port[i]);
}

static bool pci_serial_loaded(struct device *d, struct error *err)
{
	if (!pci_device_loaded(&of(d)->pci, err))
		return false;
	for (unsigned i = 0; i < ports(d); i++)
		if (!uart_loaded(&of(d)->port[i], err))
			return false;
	return true;
}

#define CHARDEV_PROP(name, n) { name, PROP_CHARDEV, offsetof(struct pci_serial, port[n].chr), NULL, "id of the chardev that carries the line", NULL }
static const struct prop one_port[] = { PCI_PROPS, CHARDEV_PROP("chardev", 0), UART_PACED_PROP(struct pci_serial, paced), { 0 } };
static const struct prop two_ports[] = { PCI_PROPS, CHARDEV_PROP("chardev1", 0), CHARDEV_PROP("chardev2", 1), UART_PACED_PROP(struct pci_serial, paced), { 0 } };
static const struct prop four_ports[] = { PCI_PROPS, CHARDEV_PROP("chardev1", 0), CHARDEV_PROP("chardev2", 1), CHARDEV_PROP("chardev3", 2),
	CHARDEV_PROP("chardev4", 3), UART_PACED_PROP(struct pci_serial, paced), { 0 } };
static const struct state_field pci_serial_state[] = {
	STATE_STRUCT(struct pci_serial, pci, pci_device_state), STATE_STRUCTS(struct pci_serial, port, uart_state), STATE_U8(struct pci_serial, irqs), STATE_END
};

#define PCI_SERIAL(dev, text, properties) { \
	.name = dev, .bus = "PCI", .category = "Input", .description = text, .size = sizeof(struct pci_serial), \
	.user_creatable = true, .hotpluggable = true, .props = properties, .state = pci_serial_state, .state_version = 1, \
	.realize = pci_serial_realize, .unrealize = pci_serial_unrealize, .reset = pci_serial_reset, .reset_done = pci_serial_reset_done, \
	.loaded = pci_serial_loaded, .print = pci_print }
const struct device_desc pci_serial_desc = PCI_SERIAL("pci-serial", "PCI card with a 16550A serial port", one_port);
const struct device_desc pci_serial_2x_desc = PCI_SERIAL("pci-serial-2x", "PCI card with two 16550A serial ports", two_ports);
const struct device_desc pci_serial_4x_desc = PCI_SERIAL("pci-serial-4x", "PCI card with four 16550A serial ports", four_ports);
