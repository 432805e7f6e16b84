/* piix3.c - 82371SB south bridge, function 0: the ISA bus, routing of PCI interrupts, reset control.
 *
 * Ref: Intel 82371FB (PIIX) and 82371SB (PIIX3) (290550), "PIRQRC[A:D]", "RC - Reset Control Register".  Its timers, DMA and
 * interrupt controllers are devices of their own on the ISA bus. */
#include "devices/chipset/piix3.h"
#include "core/machine/machine.h"
#include <string.h>

enum { REG_IORT = 0x4c, REG_XBCS = 0x4e, REG_PIRQ = 0x60, REG_TOM = 0x69, REG_MBIRQ = 0x70, REG_MBDMA = 0x76, REG_PCSC = 0x78,
       REG_SMICNTL = 0xa0, REG_FTMR = 0xa8 };
enum { PIRQ_OFF = 0x80, PIRQ_COUNT = 4, RC_CPU = 1u << 2, RC_HARD = 1u << 1 };
/* PIRQRC: these interrupts cannot be chosen (timer, keyboard, cascade, clock, coprocessor). */
enum { RESERVED_IRQS = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 8 | 1 << 13 };

struct piix3 {
	struct pci_device pci;
	struct bus isa;
	struct irq_line irq[16];
	uint16_t driven;                /* interrupts held up by PIRQs; derived */
	uint8_t  reset_control;
};
static const struct prop piix3_props[] = { PCI_PROPS, { 0 } };
static const struct state_field piix3_state[] = {
	STATE_STRUCT(struct piix3, pci, pci_device_state), STATE_U8(struct piix3, reset_control), STATE_END
};

static struct piix3 *piix3_of(struct device *d)
{
	return container_of(d, struct piix3, pci.dev);
}

/* ---- interrupt routing --------------------------------------------------------------------------------------------------------- */

/* How the board's slots are wired: pin A of slot 1 is PIRQA, and each next slot starts one further. */
static unsigned pirq_of(const struct pci_device *p)
{
	return ((p->devfn >> 3) - 1u + p->config[PCI_INT_PIN] - 1u) & 3;
}

static void update_irqs(struct piix3 *x)
{
	struct pci_bus *bus = pci_bus_of(&x->pci);
	uint16_t want = 0;

	for (unsigned i = 0; i < 256; i++) {
		const struct pci_device *p = bus->devs[i];
		if (!p || !p->irq_level)
			continue;
		uint8_t route = x->pci.config[REG_PIRQ + pirq_of(p)];
		if (!(route & PIRQ_OFF) && !(RESERVED_IRQS >> (route & 15) & 1))
			want |= (uint16_t)(1u << (route & 15));
	}
	uint16_t changed = want ^ x->driven;
	x->driven = want;
	for (unsigned n = 0; n < 16; n++)
		if (changed >> n & 1)
			irq_set(&x->irq[n], want >> n & 1);
}

static void route(void *arg, unsigned devfn, unsigned pin, int level)
{
	update_irqs(arg);
}

static void piix3_written(struct pci_device *p, unsigned off, unsigned size)
{
	if (off < REG_PIRQ + PIRQ_COUNT && off + size > REG_PIRQ)
		update_irqs(container_of(p, struct piix3, pci));
}

/* ---- port cf9h ------------------------------------------------------------------------------------------------------------------ */

static uint8_t reset_read(void *arg)
{
	return ((struct piix3 *)arg)->reset_control;
}

static void reset_write(void *arg, uint8_t val)
{
	struct piix3 *x = arg;

	if ((val & RC_CPU) && !(x->reset_control & RC_CPU))
		machine_request_reset(x->pci.dev.machine, SHUTDOWN_GUEST_RESET);
	x->reset_control = val & RC_HARD;       /* bit 2 is not kept: the reset clears it */
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */

static bool piix3_realize(struct device *d, struct error *err)
{
	static const struct pci_ids ids = { 0x8086, 0x7000, 0x1af4, 0x1100, 0x060100, 0x00 };
	static const uint8_t writable[] = { REG_IORT, REG_XBCS, REG_XBCS + 1, REG_PIRQ, REG_PIRQ + 1, REG_PIRQ + 2, REG_PIRQ + 3, REG_TOM,
	                                    REG_TOM + 1, REG_MBIRQ, REG_MBDMA, REG_MBDMA + 1, REG_PCSC, REG_PCSC + 1, 0x80, 0x82,
	                                    REG_SMICNTL, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, REG_FTMR };
	struct piix3 *x = piix3_of(d);

	x->pci.multifunction = true;            /* IDE, USB and power management are functions 1 to 3 */
	pci_init_config(&x->pci, &ids, 0);
	for (unsigned i = 0; i < sizeof writable; i++)
		x->pci.wmask[writable[i]] = 0xff;
	for (unsigned i = 0; i < PIRQ_COUNT; i++)
		x->pci.wmask[REG_PIRQ + i] = PIRQ_OFF | 0x0f;
	x->pci.config_written = piix3_written;
	struct pci_bus *bus = pci_bus_of(&x->pci);
	bus->route = route;
	bus->route_arg = x;
	bus_init(&x->isa, "ISA", "isa.0", d);
	d->machine->isa = &x->isa;
	return true;
}

static void piix3_unrealize(struct device *d)
{
	struct pci_bus *bus = pci_bus_of(&piix3_of(d)->pci);

	pci_device_unrealize(&piix3_of(d)->pci);
	bus->route = NULL;
	d->machine->isa = NULL;
}

static void piix3_reset(struct device *d, enum reset_kind kind)
{
	struct piix3 *x = piix3_of(d);
	uint8_t *c = x->pci.config;

	pci_device_reset(&x->pci);
	c[PCI_COMMAND] |= PCI_CMD_IO | PCI_CMD_MEM | PCI_CMD_MASTER;    /* hard-wired */
	c[PCI_STATUS + 1] = 0x02;                                       /* medium DEVSEL timing */
	c[REG_IORT] = 0x4d;
	c[REG_XBCS] = 0x03;
	memset(c + REG_PIRQ, PIRQ_OFF, PIRQ_COUNT);
	c[REG_TOM] = 0x02;
	c[REG_MBIRQ] = 0x80;
	c[REG_MBDMA] = c[REG_MBDMA + 1] = 0x0c;
	c[REG_PCSC] = 0x02;
	c[REG_SMICNTL] = 0x08;
	c[REG_FTMR] = 0x0f;
	x->reset_control = 0;
}

static void piix3_reset_done(struct device *d)
{
	update_irqs(piix3_of(d));
}

static bool piix3_loaded(struct device *d, struct error *err)
{
	piix3_of(d)->reset_control &= RC_HARD;
	if (!pci_device_loaded(&piix3_of(d)->pci, err))
		return false;
	update_irqs(piix3_of(d));
	return true;
}

const struct device_desc piix3_desc = {
	.name = "PIIX3", .bus = "PCI", .category = "Controller/Bridge/Hub", .description = "Intel 82371SB ISA bridge",
	.size = sizeof(struct piix3), .props = piix3_props, .state = piix3_state, .state_version = 1,
	.realize = piix3_realize, .unrealize = piix3_unrealize, .reset = piix3_reset, .reset_done = piix3_reset_done,
	.loaded = piix3_loaded, .print = pci_print,
};

void piix3_set_irqs(struct device *d, const struct irq_line irq[16])
{
	memcpy(piix3_of(d)->irq, irq, sizeof piix3_of(d)->irq);
}

struct reset_port piix3_reset_port(struct device *d)
{
	return (struct reset_port){ reset_read, reset_write, piix3_of(d) };
}
