/* acpi_cpuhp.c - hot-plugging of CPUs through ACPI, ports af00h: event 2 is raised, \_GPE._E02 (dsdt.asl) goes through the CPUs of which
 * something is to be told and notifies their devices; when the operating system has let go of one it runs the CPU's _EJ0.
 * Ref: QEMU, docs/specs/acpi_cpu_hotplug.rst, its registers without the older ones.
 *
 *   +00 write: select a CPU | +04 read: 1 present, 2 came, 4 is to go; write: 2, 4 the guest knows, 8 eject | +05 write: command
 *   +08 read: what the command wants to know: 0 the next CPU of which something is to be told (it is selected), 3 its APIC id */
#include "devices/chipset/acpi_cpuhp.h"
#include "core/cpu/cpu.h"
#include "core/machine/machine.h"
#include "core/monitor/plug.h"
#include "devices/chipset/lapic.h"

enum { REG_SELECT = 0, REG_FLAGS = 4, REG_COMMAND = 5, REG_DATA = 8 };
enum { PRESENT = 1, CAME = 2, TO_GO = 4, EJECT = 8 };
enum { NEXT_EVENT = 0, APIC_ID = 3 };

const struct state_field cpuhp_state[] = { STATE_U64(struct cpuhp, present), STATE_U64(struct cpuhp, came), STATE_U64(struct cpuhp, going),
	STATE_U64(struct cpuhp, told), STATE_U32(struct cpuhp, selected), STATE_U8(struct cpuhp, command), STATE_END };

static struct machine *machine_of(const struct cpuhp *h) { return h->dev->machine; }
static uint64_t bit(unsigned n) { return UINT64_C(1) << n; }

static void eject(struct cpuhp *h, unsigned n)
{
	struct machine *m = machine_of(h);

	if (!n || m->cpus[n]->absent)           /* the boot processor stays */
		return;
	h->came &= ~bit(n);
	h->going &= ~bit(n);
	h->told &= ~bit(n);
	lapic_power_on(m->lapics[n]);
	cpu_pulled(m, n);
}

/* ---- the guest's side --------------------------------------------------------------------------------------------------------------- */

static void select_next(struct cpuhp *h)
{
	uint64_t news = h->came | (h->going & ~h->told);
	unsigned n = machine_of(h)->n_cpus;

	for (unsigned k = 0; k < n && h->selected < n; k++) {
		unsigned at = (h->selected + k) % n;
		if (news >> at & 1) {
			h->selected = at;
			return;
		}
	}
}

static uint32_t flags(const struct cpuhp *h)
{
	unsigned n = h->selected;

	return (machine_of(h)->cpus[n]->absent ? 0 : PRESENT) | (h->came >> n & 1 ? CAME : 0) | (h->going >> n & ~h->told >> n & 1 ? TO_GO : 0);
}

uint32_t cpuhp_read(struct cpuhp *h, unsigned off, unsigned size)
{
	if (h->selected >= machine_of(h)->n_cpus)
		return 0;
	if (off == REG_FLAGS)
		return flags(h);
	if (off == REG_DATA)
		return h->command == NEXT_EVENT ? h->selected : h->command == APIC_ID ? machine_of(h)->cpus[h->selected]->apic_id : 0;
	return 0;
}

void cpuhp_write(struct cpuhp *h, unsigned off, unsigned size, uint32_t val)
{
	if (off == REG_SELECT && size == 4)
		h->selected = val;
	if (h->selected >= machine_of(h)->n_cpus)
		return;
	if (off == REG_COMMAND) {
		h->command = (uint8_t)val;
		if (val == NEXT_EVENT)
			select_next(h);
	}
	if (off != REG_FLAGS)
		return;
	if (val & CAME)
		h->came &= ~bit(h->selected);
	if (val & TO_GO)
		h->told |= bit(h->selected);
	if (val & EJECT)
		eject(h, h->selected);
}

/* ---- the monitor's side ------------------------------------------------------------------------------------------------------------- */

static void plugged(void *arg, unsigned n)
{
	struct cpuhp *h = arg;

	lapic_power_on(machine_of(h)->lapics[n]);
	h->came |= bit(n);
	h->event(h->dev);
}

static enum pull_answer pull(void *arg, unsigned n)
{
	struct cpuhp *h = arg;
	bool again = h->going >> n & 1;

	h->going |= bit(n);
	h->told &= ~bit(n);
	h->event(h->dev);                       /* also when asked again: it may have been too early before */
	return again ? PULL_PENDING : PULL_ASKED;
}

static const struct cpu_plug_ops ops = { plugged, pull };

/* ---- life ---------------------------------------------------------------------------------------------------------------------------- */

void cpuhp_init(struct cpuhp *h, struct device *dev, void (*event)(struct device *dev))
{
	h->dev = dev;
	h->event = event;
	cpu_plug_set_ops(dev->machine, &ops, h);
}

void cpuhp_done(struct cpuhp *h) { cpu_plug_set_ops(h->dev->machine, NULL, NULL); }

void cpuhp_reset(struct cpuhp *h, enum reset_kind kind)
{
	for (unsigned n = 0; n < machine_of(h)->n_cpus; n++)
		if ((h->going >> n & 1) && kind != RESET_LOAD)
			eject(h, n);
	h->came = h->going = h->told = 0;
	h->selected = 0;
	h->command = 0;
}

void cpuhp_saving(struct cpuhp *h)
{
	h->present = 0;
	for (unsigned n = 0; n < machine_of(h)->n_cpus; n++)
		h->present |= machine_of(h)->cpus[n]->absent ? 0 : bit(n);
}

void cpuhp_loaded(struct cpuhp *h)
{
	struct machine *m = machine_of(h);
	unsigned n_present = 0;

	for (unsigned n = 0; n < m->n_cpus; n++) {
		m->cpus[n]->absent = n && !(h->present >> n & 1);
		n_present += !m->cpus[n]->absent;
	}
	if (m->n_cpus && m->cpus_changed)
		m->cpus_changed(m, n_present);
}
