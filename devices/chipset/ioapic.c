/* ioapic.c - I/O APIC: 24 pins, each with an entry that says which message it sends.
 *
 * Ref: Intel 82093AA I/O Advanced Programmable Interrupt Controller (290566), "Register Description"; version 20h adds the EOI
 * register (ICH data sheets, "EOIR").
 *
 * Entry: dest 63-56 | mask 16 | trigger 15 (1 = level) | remote IRR 14 | polarity 13 | status 12 | logical 11 | mode 10-8 | vector 7-0 */
#include "devices/chipset/ioapic.h"
#include "core/machine/machine.h"
#include "devices/chipset/isa.h"
#include "devices/chipset/lapic.h"
#include <inttypes.h>

enum { BASE = 0xfec00000u, SIZE = 0x1000, OFF_SELECT = 0x00, OFF_WINDOW = 0x10, OFF_EOI = 0x40 };
enum { REG_ID, REG_VERSION, REG_ARBITRATION, REG_TABLE = 0x10 };
enum { RTE_POLARITY = 1 << 13, RTE_REMOTE_IRR = 1 << 14, RTE_LEVEL = 1 << 15, RTE_MASKED = 1 << 16, RTE_STATUS = 1 << 12 };

struct ioapic {
	struct device    dev;
	struct region    page;
	struct info_hook pic_hook, irq_hook;
	uint8_t  version;
	uint64_t count[IOAPIC_PINS];    /* for info irq */

	uint8_t  id, select;
	uint32_t lines;                 /* levels of the pins */
	uint32_t irr;                   /* pins that want to send: edges not sent yet, levels that are up */
	uint64_t table[IOAPIC_PINS];
};
static const struct prop ioapic_props[] = {
	{ "version", PROP_U8, offsetof(struct ioapic, version), "0x20", "version register", NULL }, { 0 }
};
static const struct state_field ioapic_state[] = {
	STATE_U8(struct ioapic, id), STATE_U8(struct ioapic, select), STATE_U32(struct ioapic, lines), STATE_U32(struct ioapic, irr),
	STATE_ARRAY(struct ioapic, table, ST_U64), STATE_END
};

static struct ioapic *io_of(struct device *d)
{
	return container_of(d, struct ioapic, dev);
}

/* ---- sending ------------------------------------------------------------------------------------------------------------------- */

static struct apic_message message(uint64_t e)
{
	return (struct apic_message){ .dest = (uint32_t)(e >> 56), .logical = e >> 11 & 1, .level_triggered = e & RTE_LEVEL, .mode = e >> 8 & 7,
	                              .vector = (uint8_t)e };
}

/* Send for pin n if it asks and may. */
static void service(struct ioapic *a, unsigned n)
{
	uint64_t e = a->table[n];
	bool level = e & RTE_LEVEL;
	struct apic_message msg = message(e);

	if (!(a->irr >> n & 1) || (e & RTE_MASKED) || (level && (e & RTE_REMOTE_IRR)))
		return;
	if (!level)
		a->irr &= ~(1u << n);
	a->count[n]++;
	/* "Remote IRR": set when a local APIC accepts a level interrupt of a mode that is ended by EOI. */
	if (apic_send(a->dev.machine, &msg) && level && (msg.mode == APIC_FIXED || msg.mode == APIC_LOWEST))
		a->table[n] |= RTE_REMOTE_IRR;
}

/* Polarity is not looked at: wires here are up when they are active, as firmware for these boards assumes. */
static void set_input(void *arg, int n, int level)
{
	struct ioapic *a = arg;
	uint32_t bit = 1u << n;
	bool rise = level && !(a->lines & bit);

	device_tap_in(&a->dev, (unsigned)n, level);
	a->lines = level ? a->lines | bit : a->lines & ~bit;
	if (a->table[n] & RTE_LEVEL)
		a->irr = (a->irr & ~bit) | (a->lines & bit);
	else if (rise && !(a->table[n] & RTE_MASKED))
		a->irr |= bit;          /* an edge while masked is lost */
	service(a, (unsigned)n);
}

/* Of an edge: it was sent at once, and may wait in a local APIC. */
static enum irq_fate input_fate(void *arg, int n)
{
	const struct ioapic *a = arg;
	uint64_t e = a->table[n];

	return e & RTE_MASKED ? IRQ_MASKED : (a->irr >> n & 1) || apic_waiting(a->dev.machine, (uint8_t)e) ? IRQ_WAITING : IRQ_TAKEN;
}

void ioapic_eoi(struct device *d, uint8_t vector)
{
	struct ioapic *a = io_of(d);

	for (unsigned n = 0; n < IOAPIC_PINS; n++)
		if ((a->table[n] & RTE_LEVEL) && (a->table[n] & RTE_REMOTE_IRR) && (uint8_t)a->table[n] == vector) {
			a->table[n] &= ~(uint64_t)RTE_REMOTE_IRR;
			service(a, n);
		}
}

/* The end of its interrupt is to be told: also where it was masked since that was sent, as systems do that handle it in a thread, or it would never
 * be sent again. */
static bool wants_end(uint64_t e) { return (e & RTE_LEVEL) && (!(e & RTE_MASKED) || (e & RTE_REMOTE_IRR)); }

void ioapic_tell_engine(struct device *d)
{
	const struct ioapic *a = io_of(d);
	struct apic_route r[IOAPIC_PINS];
	unsigned count = 0;

	for (unsigned n = 0; n < IOAPIC_PINS; n++) {
		struct apic_message msg = message(a->table[n]);
		if (wants_end(a->table[n]) && msg.mode <= APIC_LOWEST)
			r[count++] = (struct apic_route){ n, apic_message_address(&msg), apic_message_data(&msg) };
	}
	d->machine->apic_engine->level_routes(d->machine, r, count);
}

/* ---- registers ----------------------------------------------------------------------------------------------------------------- */

static uint32_t read_window(const struct ioapic *a)
{
	unsigned n = (a->select - REG_TABLE) / 2u;

	switch (a->select) {
	case REG_ID: case REG_ARBITRATION: return (uint32_t)a->id << 24;
	case REG_VERSION: return a->version | (IOAPIC_PINS - 1) << 16;
	default: break;
	}
	if (a->select < REG_TABLE || n >= IOAPIC_PINS)
		return 0;
	return (uint32_t)(a->table[n] >> (a->select & 1 ? 32 : 0));
}

static void write_entry(struct ioapic *a, unsigned n, bool high, uint32_t val)
{
	uint64_t e = a->table[n], kept = RTE_REMOTE_IRR | RTE_STATUS;

	if (high)
		e = (uint32_t)e | (uint64_t)(val & 0xff000000) << 32;
	else
		e = (e & (~UINT64_C(0xffffffff) | kept)) | (val & 0x1ffff & ~kept);
	if (!(e & RTE_LEVEL))
		e &= ~(uint64_t)RTE_REMOTE_IRR;         /* how system software clears a stuck one */
	uint64_t old = a->table[n];
	a->table[n] = e;
	if (a->dev.machine->apic_engine && ((old ^ e) & ~kept) && (wants_end(old) || wants_end(e)))
		ioapic_tell_engine(&a->dev);
	uint32_t bit = 1u << n;
	if (e & RTE_LEVEL)
		a->irr = (a->irr & ~bit) | (a->lines & bit);
	service(a, n);
}

static void write_window(struct ioapic *a, uint32_t val)
{
	unsigned n = (a->select - REG_TABLE) / 2u;

	if (a->select == REG_ID)
		a->id = val >> 24 & 0x0f;
	else if (a->select >= REG_TABLE && n < IOAPIC_PINS)
		write_entry(a, n, a->select & 1, val);
}

static uint64_t ioapic_read(struct device *d, uint64_t off, unsigned size)
{
	struct ioapic *a = io_of(d);

	return off == OFF_SELECT ? a->select : off == OFF_WINDOW ? read_window(a) : 0;
}

static void ioapic_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct ioapic *a = io_of(d);

	if (off == OFF_SELECT)
		a->select = (uint8_t)val;
	else if (off == OFF_WINDOW)
		write_window(a, (uint32_t)val);
	else if (off == OFF_EOI && a->version >= 0x20)
		ioapic_eoi(d, (uint8_t)val);
}
static const struct io_ops ioapic_ops = { ioapic_read, ioapic_write, 4, 4 };

/* ---- info pic, info irq ---------------------------------------------------------------------------------------------------------- */

static void info_pic(void *arg, struct text *out)
{
	static const char *const modes[] = { "fixed", "lowest", "SMI", "...", "NMI", "INIT", "...", "extINT" };
	const struct ioapic *a = arg;
	uint32_t remote = 0;

	text_printf(out, "ioapic0: ver=0x%x id=0x%02x sel=0x%02x", a->version, a->id, a->select);
	if (a->select >= REG_TABLE)
		text_printf(out, " (redir[%u])\n", (a->select - REG_TABLE) / 2u);
	else
		text_printf(out, "%s\n", a->select == REG_ID ? "" : a->select == REG_VERSION ? " (IOAPICVER)" : " (IOAPICARB)");
	for (unsigned n = 0; n < IOAPIC_PINS; n++) {
		uint64_t e = a->table[n];
		text_printf(out, "  pin %-2u 0x%016" PRIx64 " dest=%" PRIx64 " vec=%-3u %s %-5s %-6s %-6s %s\n", n, e, e >> 56, (uint8_t)e,
		            e & RTE_POLARITY ? "active-lo" : "active-hi", e & RTE_LEVEL ? "level" : "edge",
		            e & RTE_MASKED ? "masked" : "", modes[e >> 8 & 7], e >> 11 & 1 ? "logical" : "physical");
		remote |= e & RTE_LEVEL && e & RTE_REMOTE_IRR ? 1u << n : 0;
	}
	text_printf(out, "  IRR     ");
	for (unsigned n = 0; n < IOAPIC_PINS; n++)
		if (a->irr >> n & 1)
			text_printf(out, " %u", n);
	text_printf(out, "%s\n  Remote IRR", a->irr ? "" : " (none)");
	for (unsigned n = 0; n < IOAPIC_PINS; n++)
		if (remote >> n & 1)
			text_printf(out, " %u", n);
	text_printf(out, "%s\n", remote ? "" : " (none)");
}

static void info_irq(void *arg, struct text *out)
{
	const struct ioapic *a = arg;

	text_printf(out, "IRQ statistics for ioapic:\n");
	for (unsigned n = 0; n < IOAPIC_PINS; n++)
		if (a->count[n])
			text_printf(out, "%2u: %" PRIu64 "\n", n, a->count[n]);
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */

static bool ioapic_realize(struct device *d, struct error *err)
{
	struct ioapic *a = io_of(d);

	if (!mmio_map(d, &a->page, "ioapic", BASE, SIZE, 0, &ioapic_ops, err))
		return false;
	a->pic_hook = (struct info_hook){ .name = "pic", .print = info_pic, .arg = a };
	a->irq_hook = (struct info_hook){ .name = "irq", .print = info_irq, .arg = a };
	machine_add_info(d->machine, &a->pic_hook);
	machine_add_info(d->machine, &a->irq_hook);
	d->machine->ioapic = d;
	return true;
}

static void ioapic_unrealize(struct device *d)
{
	struct ioapic *a = io_of(d);

	machine_remove_info(d->machine, &a->pic_hook);
	machine_remove_info(d->machine, &a->irq_hook);
	space_unmap(&d->machine->mem, &a->page);
	d->machine->ioapic = NULL;
}

static void ioapic_reset(struct device *d, enum reset_kind kind)
{
	struct ioapic *a = io_of(d);

	a->id = a->select = 0;
	a->irr = 0;
	for (unsigned n = 0; n < IOAPIC_PINS; n++)
		a->table[n] = RTE_MASKED;
}

static bool ioapic_loaded(struct device *d, struct error *err)
{
	struct ioapic *a = io_of(d);

	a->lines &= (1u << IOAPIC_PINS) - 1;
	a->irr &= (1u << IOAPIC_PINS) - 1;
	a->id &= 0x0f;
	return true;
}

static void ioapic_gpio_in(struct device *d, unsigned n, int level)
{
	if (n < IOAPIC_PINS)
		set_input(io_of(d), (int)n, level);
}

const struct device_desc ioapic_desc = {
	.name = "ioapic", .bus = "System", .category = "Misc", .description = "Intel 82093AA I/O APIC",
	.size = sizeof(struct ioapic), .props = ioapic_props, .state = ioapic_state, .state_version = 1,
	.realize = ioapic_realize, .unrealize = ioapic_unrealize, .reset = ioapic_reset, .loaded = ioapic_loaded,
	.gpio_in = ioapic_gpio_in,
};

struct irq_line ioapic_input(struct device *d, int n)
{
	return (struct irq_line){ set_input, io_of(d), n, input_fate };
}
