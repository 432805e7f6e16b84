/* i8259.c - programmable interrupt controller, two of them in a PC.
 *
 * Ref: Intel 8259A data sheet (231468), "Initialization Command Words", "Operation Command Words"; PIIX3 (290550) "ELCR" for the
 * registers at 4d0h-4d1h that make single inputs level-sensitive.
 *
 * An edge stays latched until it is acknowledged even when the input falls, as in the south bridges that replaced the chip:
 * devices may pulse. */
#include "devices/chipset/i8259.h"
#include "core/machine/machine.h"
#include "devices/chipset/isa.h"
#include <inttypes.h>

enum { PORT_CMD, PORT_DATA, PORT_COUNT };
enum { ICW1 = 0x10, ICW1_IC4 = 1u << 0, ICW1_SNGL = 1u << 1, ICW1_LTIM = 1u << 3, ICW4_AEOI = 1u << 1, ICW4_SFNM = 1u << 4,
       OCW3 = 0x08, OCW3_RIS = 1u << 0, OCW3_RR = 1u << 1, OCW3_POLL = 1u << 2, OCW3_SMM = 1u << 5, OCW3_ESMM = 1u << 6 };
enum init_step { STEP_READY, STEP_ICW2, STEP_ICW3, STEP_ICW4 };
enum { CASCADE = 2, SPURIOUS = 7 };

struct pic {
	struct device   dev;
	struct region   ports, elcr_port;
	struct irq_line out;
	struct pic     *slave;          /* master only */
	uint32_t iobase, elcr_addr;
	uint8_t  elcr_mask;             /* inputs that may be made level-sensitive */
	bool     master;
	uint64_t count[8];              /* for info irq */
	struct info_hook pic_hook, irq_hook;

	uint8_t irr, imr, isr, lines, elcr, irq_base, icw3;
	uint8_t lowest;                 /* input with the lowest priority; 7 after initialisation */
	uint8_t step;                   /* enum init_step */
	bool    read_isr, poll, special_mask, sfnm, auto_eoi, rotate_on_aeoi, wants_icw4, single, level_mode;
};

static const struct prop pic_props[] = {
	{ "iobase", PROP_U32, offsetof(struct pic, iobase), "0", "first of the two ports", NULL },
	{ "elcr_addr", PROP_U32, offsetof(struct pic, elcr_addr), "0", "port of the edge/level register", NULL },
	{ "elcr_mask", PROP_U8, offsetof(struct pic, elcr_mask), "0", "inputs that register may change", NULL },
	{ "master", PROP_BOOL, offsetof(struct pic, master), "off", "the chip whose output goes to the CPU", NULL },
	{ 0 }
};
static const struct state_field pic_state[] = {
	STATE_U8(struct pic, irr), STATE_U8(struct pic, imr), STATE_U8(struct pic, isr), STATE_U8(struct pic, lines),
	STATE_U8(struct pic, elcr), STATE_U8(struct pic, irq_base), STATE_U8(struct pic, icw3), STATE_U8(struct pic, lowest),
	STATE_U8(struct pic, step), STATE_BOOL(struct pic, read_isr), STATE_BOOL(struct pic, poll),
	STATE_BOOL(struct pic, special_mask), STATE_BOOL(struct pic, sfnm), STATE_BOOL(struct pic, auto_eoi),
	STATE_BOOL(struct pic, rotate_on_aeoi), STATE_BOOL(struct pic, wants_icw4), STATE_BOOL(struct pic, single),
	STATE_BOOL(struct pic, level_mode), STATE_END
};

static struct pic *pic_of(struct device *d)
{
	return container_of(d, struct pic, dev);
}

/* ---- priority ------------------------------------------------------------------------------------------------------------------ */

/* 0 = most urgent ... 7; 8 when no bit is set. */
static unsigned urgency(const struct pic *p, uint8_t bits)
{
	for (unsigned i = 0; i < 8; i++)
		if (bits & (1u << ((p->lowest + 1 + i) & 7)))
			return i;
	return 8;
}

static unsigned input_at(const struct pic *p, unsigned rank)
{
	return (p->lowest + 1 + rank) & 7;
}

/* Input that asks for service now, or -1. */
static int requesting(const struct pic *p)
{
	uint8_t in_service = p->isr;

	if (p->special_mask)
		in_service &= ~p->imr;
	/* "Special Fully Nested Mode": further interrupts of a slave in service come through. */
	if (p->sfnm && p->master)
		in_service &= ~(1u << CASCADE);
	unsigned rank = urgency(p, p->irr & ~p->imr);
	return rank < urgency(p, in_service) ? (int)input_at(p, rank) : -1;
}

static void update(struct pic *p)
{
	bool on = requesting(p) >= 0;

	device_tap_out(&p->dev, 0, on);
	irq_set(&p->out, on);
}

static bool is_level(const struct pic *p, unsigned n)
{
	return p->level_mode || (p->elcr & (1u << n));
}

static void set_input(void *arg, int n, int level)
{
	struct pic *p = arg;
	uint8_t bit = (uint8_t)(1u << n);

	device_tap_in(&p->dev, (unsigned)n, level);
	if (level) {
		p->count[n] += !(p->lines & bit);
		if (is_level(p, (unsigned)n) || !(p->lines & bit))
			p->irr |= bit;
		p->lines |= bit;
	} else {
		if (is_level(p, (unsigned)n))
			p->irr &= ~bit;
		p->lines &= ~bit;
	}
	update(p);
}

static enum irq_fate input_fate(void *arg, int n)
{
	const struct pic *p = arg;
	uint8_t bit = (uint8_t)(1u << n);

	return p->imr & bit ? IRQ_MASKED : p->irr & bit ? IRQ_WAITING : IRQ_TAKEN;
}

/* The interrupt is being delivered (INTA or poll). */
static void acknowledge(struct pic *p, unsigned n)
{
	if (!p->auto_eoi)
		p->isr |= (uint8_t)(1u << n);
	else if (p->rotate_on_aeoi)
		p->lowest = (uint8_t)n;
	if (!is_level(p, n))
		p->irr &= ~(1u << n);
	update(p);
}

/* One chip's half of INTA: the input whose vector it puts on the bus. */
static unsigned ack_one(struct pic *p)
{
	int n = requesting(p);

	if (n < 0)
		return SPURIOUS;
	acknowledge(p, (unsigned)n);
	return (unsigned)n;
}

int i8259_ack(struct device *master)
{
	struct pic *p = pic_of(master);
	int n = requesting(p);

	if (n != CASCADE || !p->slave)
		return p->irq_base + (int)ack_one(p);
	int vector = p->slave->irq_base + (int)ack_one(p->slave);
	acknowledge(p, CASCADE);
	return vector;
}

bool i8259_pending(struct device *master)
{
	return requesting(pic_of(master)) >= 0;
}

/* ---- commands ------------------------------------------------------------------------------------------------------------------ */

static void start_init(struct pic *p, uint8_t val)
{
	p->irr = 0;             /* "the edge sense circuit is reset"; levels that are up come back below */
	p->imr = 0;
	p->isr = 0;
	p->lowest = 7;
	p->read_isr = p->poll = p->special_mask = p->sfnm = p->auto_eoi = p->rotate_on_aeoi = false;
	p->wants_icw4 = val & ICW1_IC4;
	p->single = val & ICW1_SNGL;
	p->level_mode = val & ICW1_LTIM;
	p->step = STEP_ICW2;
	p->irr = p->lines & (p->level_mode ? 0xff : p->elcr);
}

static void end_of_interrupt(struct pic *p, unsigned n, bool rotate)
{
	p->isr &= ~(1u << n);
	if (rotate)
		p->lowest = (uint8_t)n;
}

/* OCW2: R, SL, EOI in bits 7-5, an input in bits 2-0. */
static void command_eoi(struct pic *p, uint8_t val)
{
	uint8_t candidates = p->special_mask ? p->isr & ~p->imr : p->isr;
	unsigned n = val & 7, rank = urgency(p, candidates);

	switch (val >> 5) {
	case 0: p->rotate_on_aeoi = false; break;
	case 4: p->rotate_on_aeoi = true; break;
	case 1: case 5:                                 /* non-specific: the most urgent one in service */
		if (rank < 8)
			end_of_interrupt(p, input_at(p, rank), val & 0x80);
		break;
	case 3: case 7: end_of_interrupt(p, n, val & 0x80); break;
	case 6: p->lowest = (uint8_t)n; break;
	default: break;                                 /* 2: no operation */
	}
}

static void command_ocw3(struct pic *p, uint8_t val)
{
	p->poll = val & OCW3_POLL;
	if (val & OCW3_RR)
		p->read_isr = val & OCW3_RIS;
	if (val & OCW3_ESMM)
		p->special_mask = val & OCW3_SMM;
}

static void write_data(struct pic *p, uint8_t val)
{
	switch (p->step) {
	case STEP_ICW2:
		p->irq_base = val & 0xf8;
		p->step = !p->single ? STEP_ICW3 : p->wants_icw4 ? STEP_ICW4 : STEP_READY;
		break;
	case STEP_ICW3:
		p->icw3 = val;
		p->step = p->wants_icw4 ? STEP_ICW4 : STEP_READY;
		break;
	case STEP_ICW4:
		p->sfnm = val & ICW4_SFNM;
		p->auto_eoi = val & ICW4_AEOI;
		p->step = STEP_READY;
		break;
	default:
		p->imr = val;
		break;
	}
}

static void pic_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct pic *p = pic_of(d);

	if (off == PORT_DATA)
		write_data(p, (uint8_t)val);
	else if (val & ICW1)
		start_init(p, (uint8_t)val);
	else if (val & OCW3)
		command_ocw3(p, (uint8_t)val);
	else
		command_eoi(p, (uint8_t)val);
	update(p);
}

/* "Poll Command": the read acts as an acknowledge; bit 7 says that there was an interrupt. */
static uint8_t poll_read(struct pic *p)
{
	int n = requesting(p);

	p->poll = false;
	if (n < 0)
		return 0;
	acknowledge(p, (unsigned)n);
	return (uint8_t)(0x80 | n);
}

static uint64_t pic_read(struct device *d, uint64_t off, unsigned size)
{
	struct pic *p = pic_of(d);

	if (p->poll)
		return poll_read(p);
	return off == PORT_DATA ? p->imr : p->read_isr ? p->isr : p->irr;
}

static uint64_t elcr_read(struct device *d, uint64_t off, unsigned size)
{
	return pic_of(d)->elcr;
}

static void elcr_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct pic *p = pic_of(d);

	p->elcr = (uint8_t)val & p->elcr_mask;
	p->irr |= p->lines & p->elcr;
	update(p);
}

static const struct io_ops pic_ops = { pic_read, pic_write, 1, 1 }, elcr_ops = { elcr_read, elcr_write, 1, 1 };

/* ---- info pic, info irq ---------------------------------------------------------------------------------------------------------- */

static void print_registers(const struct pic *p, struct text *out)
{
	text_printf(out, "pic%d: irr=%02x imr=%02x isr=%02x hprio=%d irq_base=%02x rr_sel=%d elcr=%02x fnm=%d\n", !p->master, p->irr,
	            p->imr, p->isr, (p->lowest + 1) & 7, p->irq_base, p->read_isr, p->elcr, p->sfnm);
}

static void print_counts(const struct pic *p, struct text *out)
{
	for (unsigned i = 0; i < 8; i++)
		if (p->count[i] && !(p->master && i == CASCADE))
			text_printf(out, "%2u: %" PRIu64 "\n", i + (p->master ? 0 : 8), p->count[i]);
}

/* The master speaks for both, in the order in which users know the lines. */
static void info_pic(void *arg, struct text *out)
{
	const struct pic *p = arg;

	if (p->slave)
		print_registers(p->slave, out);
	print_registers(p, out);
}

static void info_irq(void *arg, struct text *out)
{
	const struct pic *p = arg;

	text_printf(out, "IRQ statistics for isa-i8259:\n");
	print_counts(p, out);
	if (p->slave)
		print_counts(p->slave, out);
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */

static bool pic_realize(struct device *d, struct error *err)
{
	struct pic *p = pic_of(d);

	p->lowest = 7;
	if (p->master) {
		p->pic_hook = (struct info_hook){ .name = "pic", .print = info_pic, .arg = p };
		p->irq_hook = (struct info_hook){ .name = "irq", .print = info_irq, .arg = p };
		machine_add_info(d->machine, &p->pic_hook);
		machine_add_info(d->machine, &p->irq_hook);
	}
	return isa_map(d, &p->ports, "pic", p->iobase, PORT_COUNT, &pic_ops, err) &&
	       isa_map(d, &p->elcr_port, "elcr", p->elcr_addr, 1, &elcr_ops, err);
}

static void pic_unrealize(struct device *d)
{
	struct pic *p = pic_of(d);

	machine_remove_info(d->machine, &p->pic_hook);
	machine_remove_info(d->machine, &p->irq_hook);
	isa_unmap(d, &p->ports);
	isa_unmap(d, &p->elcr_port);
}

static void pic_reset(struct device *d, enum reset_kind kind)
{
	struct pic *p = pic_of(d);

	p->elcr = 0;
	start_init(p, 0);
	p->irr = p->irq_base = p->icw3 = 0;
	p->step = STEP_READY;
}

static void pic_reset_done(struct device *d)
{
	update(pic_of(d));
}

static bool pic_loaded(struct device *d, struct error *err)
{
	struct pic *p = pic_of(d);

	if (p->lowest > 7 || p->step > STEP_ICW4)
		return error_set(err, "saved priority or initialisation step is out of range");
	p->elcr &= p->elcr_mask;
	update(p);
	return true;
}

static void pic_gpio_in(struct device *d, unsigned n, int level)
{
	if (n < 8)
		set_input(pic_of(d), (int)n, level);
}

const struct device_desc i8259_desc = {
	.name = "isa-i8259", .bus = "ISA", .category = "Misc", .description = "Intel 8259A interrupt controller",
	.size = sizeof(struct pic), .props = pic_props, .state = pic_state, .state_version = 1,
	.realize = pic_realize, .unrealize = pic_unrealize, .reset = pic_reset, .reset_done = pic_reset_done,
	.loaded = pic_loaded, .gpio_in = pic_gpio_in,
};

void i8259_set_int(struct device *pic, struct irq_line out)
{
	pic_of(pic)->out = out;
}

void i8259_set_slave(struct device *master, struct device *slave)
{
	pic_of(master)->slave = pic_of(slave);
	i8259_set_int(slave, i8259_input(master, CASCADE));
}

struct irq_line i8259_input(struct device *pic, int n)
{
	return (struct irq_line){ set_input, pic_of(pic), n, input_fate };
}
