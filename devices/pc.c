/* pc.c - the board "pc": Intel 440FX, PIIX3 and what hangs from them, drawn top to bottom.
 *
 * Devices are made in the order in which QEMU's board makes them, so that paths such as /machine/unattached/device[16] mean the
 * same devices; take_number() skips those of its that do not exist here. */
#include "core/char/chardev.h"
#include "core/cpu/cpu.h"
#include "core/machine/machine.h"
#include "core/machine/memdev.h"
#include "devices/chipset/i440fx.h"
#include "devices/chipset/i8254.h"
#include "devices/chipset/i8259.h"
#include "devices/chipset/ioapic.h"
#include "devices/chipset/lapic.h"
#include "devices/chipset/pc_glue.h"
#include "devices/chipset/piix3.h"
#include "devices/misc/fw_cfg.h"
#include "devices/pc_priv.h"
#include "devices/pci/pci_host.h"
#include "devices/storage/storage.h"
#include "devices/user_devices.h"
#include <stdlib.h>
#include <string.h>

enum { SCI_IRQ = 9, FOUR_GB_SHIFT = 32 };

/* A board device whose wires are tied before it is realized. */
static struct device *new_device(struct machine *m, const char *name, struct error *err)
{
	return device_new(m, device_find_desc(name), NULL, err);
}

/* A device with a name of its own in the tree instead of a number. */
static struct device *new_named(struct machine *m, const char *name, const char *path, struct error *err)
{
	struct device *d = new_device(m, name, err);

	if (d) {
		free(d->path);
		d->path = strdup(path);
		m->n_unattached--;
	}
	return d;
}

static void take_number(struct machine *m)
{
	m->n_unattached++;
}

/* ---- memory -------------------------------------------------------------------------------------------------------------------- */

static bool map_ram(struct pc *pc, unsigned n, const char *name, uint64_t base, uint64_t end, uint64_t ram_addr, struct error *err)
{
	struct machine *m = pc->dev.machine;

	if (base >= end)
		return true;
	pc->ram[n] = (struct region){ .name = name, .kind = REGION_RAM, .base = base, .size = end - base, .ram_addr = ram_addr };
	return space_map(&m->mem, &pc->ram[n], err);
}

/* RAM ends at 3.5 GB at the latest, at 3 GB when there is more: the rest lies from 4 GB up.  a0000h-fffffh are the video adapter's
 * and the host bridge's. */
static bool add_ram(struct pc *pc, struct error *err)
{
	struct machine *m = pc->dev.machine;
	const uint64_t split = UINT64_C(0xe0000000), low_when_more = UINT64_C(0xc0000000), one_mb = 0x100000, video = 0xa0000;

	m->ram_low = m->ram_size < split ? m->ram_size : low_when_more;
	m->ram_high = m->ram_size - m->ram_low;
	m->ram_addr_main = ram_alloc(&m->ram, "pc.ram", m->ram_size > one_mb ? m->ram_size : one_mb, err);
	return m->ram_addr_main != UINT64_MAX && memdev_back_ram(m, m->ram_addr_main, err) &&
	       map_ram(pc, 0, "ram-below-4g", 0, m->ram_low < video ? m->ram_low : video, m->ram_addr_main, err) &&
	       map_ram(pc, 1, "ram-below-4g", one_mb, m->ram_low, m->ram_addr_main + one_mb, err) &&
	       map_ram(pc, 2, "ram-above-4g", UINT64_C(1) << FOUR_GB_SHIFT, (UINT64_C(1) << FOUR_GB_SHIFT) + m->ram_high,
	               m->ram_addr_main + m->ram_low, err);
}

/* ---- processors and their interrupts ------------------------------------------------------------------------------------------- */

/* A wire to a CPU: n is the request bit. */
static void cpu_wire(void *arg, int n, int level)
{
	if (level)
		cpu_request(arg, (uint32_t)n);
	else if (n == REQ_INTR)         /* the others are edges the CPU takes back itself */
		cpu_clear(arg, (uint32_t)n);
}

static void cpu_startup(void *arg, uint8_t vector)
{
	struct cpu *c = arg;

	c->sipi_vector = vector;
	cpu_request(c, REQ_SIPI);
}

static bool add_processors(struct pc *pc, struct error *err)
{
	struct machine *m = pc->dev.machine;
	unsigned n = m->n_cpus ? m->n_cpus : m->opt->smp ? m->opt->smp : 1;

	for (unsigned i = 0; i < n && i < MAX_CPUS; i++) {
		static const uint32_t request[LAPIC_WIRES] = { REQ_INTR, REQ_NMI, REQ_SMI, REQ_INIT };
		struct cpu *c = m->cpus[i];
		struct irq_line wires[LAPIC_WIRES] = { 0 };
		for (unsigned w = 0; c && w < LAPIC_WIRES; w++)
			wires[w] = (struct irq_line){ .set = cpu_wire, .arg = c, .n = (int)request[w] };
		struct device *lapic = new_device(m, "apic", err);
		if (!lapic)
			return false;
		lapic_wire(lapic, i, wires, c ? cpu_startup : NULL, c);
		if (!device_realize(lapic, &m->sysbus, err))
			return false;
		if (i == 0)
			take_number(m);         /* kvmvapic */
	}
	pc->n_places = n;
	pc->n_cpus = n > m->opt->smp && m->opt->smp ? m->opt->smp : n;
	return true;
}

/* ---- bridges ------------------------------------------------------------------------------------------------------------------- */

static bool add_bridges(struct pc *pc, struct error *err)
{
	struct machine *m = pc->dev.machine;
	struct irq_line pirq[16];

	struct device *host = new_named(m, "i440FX-pcihost", "/machine/i440fx", err);
	if (!host || !device_realize(host, &m->sysbus, err))
		return false;
	pc->i440fx = device_create(m, "i440FX", m->pci, "addr=00.0", err);
	struct device *piix3 = pc->i440fx ? new_device(m, "PIIX3", err) : NULL;
	if (!piix3 || !device_set(piix3, "addr", "01.0", err))
		return false;
	for (unsigned n = 0; n < 16; n++)
		pirq[n] = pc_glue_irq(pc->glue, n, GLUE_PIRQ);
	piix3_set_irqs(piix3, pirq);
	if (!device_realize(piix3, m->pci, err))
		return false;
	pci_host_set_reset_port(host, piix3_reset_port(piix3));
	return true;
}

static bool add_interrupt_controllers(struct pc *pc, struct error *err)
{
	struct machine *m = pc->dev.machine;

	struct device *master = new_device(m, "isa-i8259", err), *slave = new_device(m, "isa-i8259", err);
	if (!master || !slave)
		return false;
	bool ok = device_set(master, "iobase", "0x20", err) && device_set(master, "elcr_addr", "0x4d0", err) &&
	          device_set(master, "elcr_mask", "0xf8", err) && device_set(master, "master", "on", err) &&
	          device_set(slave, "iobase", "0xa0", err) && device_set(slave, "elcr_addr", "0x4d1", err) &&
	          device_set(slave, "elcr_mask", "0xde", err);
	if (!ok)
		return false;
	i8259_set_int(master, pc_glue_int(pc->glue));
	i8259_set_slave(master, slave);
	if (!device_realize(master, m->isa, err) || !device_realize(slave, m->isa, err))
		return false;
	for (unsigned i = 0; i < MAX_CPUS && m->lapics[i]; i++)
		lapic_set_pic(m->lapics[i], master);
	struct device *ioapic = new_named(m, "ioapic", "/machine/i440fx/ioapic", err);
	if (!ioapic || !device_realize(ioapic, &m->sysbus, err))
		return false;
	pc_glue_connect(pc->glue, master, slave);
	for (int n = 16; n < IOAPIC_PINS; n++)
		m->gsi[n] = ioapic_input(ioapic, n);
	return true;
}

/* ---- timers -------------------------------------------------------------------------------------------------------------------- */

static bool add_timers(struct pc *pc, struct error *err)
{
	struct machine *m = pc->dev.machine;
	struct device *hpet = m->opt->no_hpet ? NULL : new_device(m, "hpet", err);

	if ((!hpet && !m->opt->no_hpet) || !device_create(m, "mc146818rtc", m->isa, NULL, err))
		return false;
	struct device *made[] = { new_device(m, "isa-pit", err), new_device(m, "isa-pcspk", err), hpet }, *pit = made[0], *speaker = made[1];
	for (unsigned n = 0; (!pit || !speaker) && n < 3; n++)
		if (made[n])
			device_discard(made[n]);
	if (!pit || !speaker)
		return false;
	i8254_set_out0(pit, m->isa_irq[0]);
	pcspk_set_pit(speaker, pit);
	if (hpet) {
		hpet_wire(hpet, pc_glue_irq(pc->glue, 0, GLUE_HPET), pc_glue_irq(pc->glue, 8, GLUE_HPET), pc_glue_legacy(pc->glue, pit));
		if (!device_realize(hpet, &m->sysbus, err))
			return false;
	}
	return device_realize(pit, m->isa, err) && device_realize(speaker, m->isa, err);
}

/* ---- ports, drives, display ------------------------------------------------------------------------------------------------------ */

static bool add_with_chardev(struct machine *m, const char *name, unsigned index, const struct chardev *c, struct error *err)
{
	char props[256];

	snprintf(props, sizeof props, "index=%u,chardev=%s", index, c->label);
	return device_create(m, name, m->isa, props, err);
}

static bool add_ports(struct machine *m, struct error *err)
{
	for (unsigned i = 0; i < 4; i++)
		if (m->serial_chr[i] && !add_with_chardev(m, "isa-serial", i, m->serial_chr[i], err))
			return false;
	for (unsigned i = 0; i < 3; i++)
		if (m->parallel_chr[i] && !add_with_chardev(m, "isa-parallel", i, m->parallel_chr[i], err))
			return false;
	if (m->debugcon_chr) {
		char props[256];
		snprintf(props, sizeof props, "chardev=%s", m->debugcon_chr->label);
		return device_create(m, "isa-debugcon", m->isa, props, err);
	}
	return true;
}

static bool add_display(struct machine *m, struct error *err)
{
	const struct optlist *last = m->opt->vgas;

	while (last && last->next)
		last = last->next;
	const char *kind = last ? last->text : m->opt->nodefaults ? "none" : "std";
	if (!strcmp(kind, "none"))
		return true;
	if (strcmp(kind, "std"))
		return error_set(err, "-vga %s: this build has no such adapter; accepted are std and none", kind);
	return device_create(m, "VGA", m->pci, "addr=02.0", err);
}

static bool add_isa_devices(struct pc *pc, struct error *err)
{
	struct machine *m = pc->dev.machine;

	if (!add_ports(m, err))
		return false;
	pc->fdc = device_create(m, "isa-fdc", m->isa, NULL, err);
	if (!pc->fdc || !storage_add_floppies(m, pc->fdc, !m->opt->nodefaults, err) || !device_create(m, "i8042", m->isa, NULL, err))
		return false;
	take_number(m);                 /* vmport */
	take_number(m);                 /* vmmouse */
	return device_create(m, "port92", m->isa, NULL, err);
}

/* Power management, with eight empty memory-module EEPROMs on its SMBus. */
static bool add_power_management(struct pc *pc, struct error *err)
{
	struct machine *m = pc->dev.machine;
	struct device *pm = new_device(m, "PIIX4_PM", err);
	char props[32];

	if (!pm || !device_set(pm, "addr", "01.3", err))
		return false;
	piix4_pm_set_sci(pm, pc_glue_irq(pc->glue, SCI_IRQ, GLUE_SCI));
	if (!device_realize(pm, m->pci, err))
		return false;
	for (unsigned i = 0; i < 8; i++) {
		snprintf(props, sizeof props, "address=0x%x", 0x50 + i);
		if (!device_create(m, "smbus-eeprom", pm->buses, props, err))
			return false;
	}
	return true;
}

/* ---- the board ----------------------------------------------------------------------------------------------------------------- */

bool pc_build(struct machine *m, struct error *err)
{
	struct device *glue = new_named(m, "pc-glue", "/machine/glue", err), *board = glue ? new_named(m, "pc-board", "/machine/board", err) : NULL;

	if (!board)
		return false;
	struct pc *pc = container_of(board, struct pc, dev);
	pc->glue = glue;
	for (unsigned n = 0; n < 16; n++)
		m->isa_irq[n] = pc_glue_irq(glue, n, GLUE_ISA);
	for (unsigned n = 0; n < 16; n++)
		m->gsi[n] = pc_glue_irq(glue, n, GLUE_GSI);
	if (!device_realize(glue, &m->sysbus, err) || !device_realize(board, &m->sysbus, err) || !add_ram(pc, err))
		return false;
	struct device *fw = new_named(m, "fw_cfg_io", "/machine/fw_cfg", err);
	if (!fw || !device_realize(fw, &m->sysbus, err))
		return false;
	if (!add_processors(pc, err) || !add_bridges(pc, err) || !pc_load_bios(pc, err))
		return false;
	/* south bridge */
	if (!device_create(m, "i8257", m->isa, "base=0,page-base=0x80,dshift=0", err) ||
	    !device_create(m, "i8257", m->isa, "base=0xc0,page-base=0x88,dshift=1", err) || !add_interrupt_controllers(pc, err))
		return false;
	if (!add_display(m, err) || !add_timers(pc, err) || !add_isa_devices(pc, err))
		return false;
	pc->ide = device_create(m, "piix3-ide", m->pci, "addr=01.1", err);
	if (!pc->ide || !storage_add_ide_drives(m, pc->ide, !m->opt->nodefaults, err))
		return false;
	if (!add_power_management(pc, err))
		return false;
	return user_devices_create(m, err) && pc_fill_cmos(pc, err) && pc_fill_fw_cfg(pc, err);
}
