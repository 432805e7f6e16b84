/* parallel.c - PC parallel port, "isa-parallel": SPP, PS/2 direction bit, EPP cycles; a printer behind it that hands bytes to a chardev.
 * Ref: IEEE 1284-1994 annex C (compatibility and EPP registers); IBM PS/2 Hardware Interface Technical Reference, "Parallel Port". */
#include "core/char/chardev.h"
#include "core/machine/machine.h"
#include "devices/chipset/isa.h"

enum { REG_DATA, REG_STATUS, REG_CONTROL, REG_EPP_ADDR, REG_EPP_DATA, REG_COUNT = 8 };
enum { ST_TIMEOUT = 0x01, ST_NIRQ = 0x04, ST_NERROR = 0x08, ST_SELECT = 0x10, ST_NACK = 0x40, ST_NBUSY = 0x80 };
enum { CT_STROBE = 0x01, CT_NINIT = 0x04, CT_SELECT_IN = 0x08, CT_IRQ = 0x10, CT_INPUT = 0x20, CT_UNUSED = 0xc0 };

struct parallel {
	struct device   dev;
	struct chardev *chr;
	struct irq_line irq;
	struct region   region;
	int32_t         index;
	uint32_t        iobase, irq_no;

	uint8_t data, control;
	uint8_t printing;                       /* the byte the printer is busy with */
	bool    busy, ack /* nAck is low until the status is read */, timeout, irq_level;
};

static void set_irq(struct parallel *p, bool level)
{
	if (level == p->irq_level)
		return;
	p->irq_level = level;
	irq_set(&p->irq, level);
	device_tap_out(&p->dev, 0, level);
}

/* The printer takes its byte when the back end has room, then acknowledges; the end of nAck is the interrupt. */
static void print_byte(struct parallel *p)
{
	if (p->chr && chardev_write(p->chr, p, &p->printing, 1) != 1)
		return;
	p->busy = false;
	p->ack = true;
	if (p->control & CT_IRQ)
		set_irq(p, true);
}

static void strobe(struct parallel *p)
{
	if (p->busy || !(p->control & CT_NINIT))
		return;
	set_irq(p, false);
	p->ack = false;
	p->printing = p->data;
	p->busy = true;
	print_byte(p);
}

static void parallel_can_write(void *arg)
{
	struct parallel *p = arg;
	if (p->busy)
		print_byte(p);
}

static uint8_t read_status(struct parallel *p)
{
	uint8_t st = ST_NERROR | ST_SELECT;
	if (!p->busy)
		st |= ST_NBUSY;
	if (!p->ack)
		st |= ST_NACK;
	if (!p->irq_level)
		st |= ST_NIRQ;
	if (p->timeout)
		st |= ST_TIMEOUT;
	p->ack = false;
	set_irq(p, false);
	return st;
}

static void write_control(struct parallel *p, uint8_t val)
{
	uint8_t rising = val & ~p->control;
	p->control = val & 0x3f;
	if (!(val & CT_IRQ))
		set_irq(p, false);
	if (!(val & CT_NINIT))                  /* the printer forgets what it was at */
		p->busy = p->ack = false;
	if (rising & CT_STROBE)
		strobe(p);
}

/* EPP: the printer answers write cycles while it is free; nobody answers read cycles, they end by time-out. */
static void epp_write(struct parallel *p, uint8_t val)
{
	if (p->busy || (p->chr && chardev_write(p->chr, p, &val, 1) != 1))
		p->timeout = true;
}

/* A real port behind us: its registers are the guest's.  Only what an EPP cycle without an answer leaves behind is ours. */
static uint8_t host_read(struct parallel *p, uint64_t off)
{
	static const enum chr_pp_op op[] = { CHR_PP_READ_DATA, CHR_PP_READ_STATUS, CHR_PP_READ_CONTROL, CHR_PP_EPP_READ_ADDR };
	uint8_t v = 0xff;
	bool ok = chardev_pp_register(p->chr, off < REG_EPP_DATA ? op[off] : CHR_PP_EPP_READ_DATA, &v);
	if (off == REG_STATUS)
		return (uint8_t)((v & ~ST_TIMEOUT) | (p->timeout ? ST_TIMEOUT : 0));
	if (off == REG_CONTROL)
		return v | CT_UNUSED;
	p->timeout |= off >= REG_EPP_ADDR && !ok;
	return ok ? v : 0xff;
}

static void host_write(struct parallel *p, uint64_t off, uint8_t val)
{
	static const enum chr_pp_op op[] = { CHR_PP_WRITE_DATA, 0, CHR_PP_WRITE_CONTROL, CHR_PP_EPP_WRITE_ADDR };
	if (off == REG_STATUS) {
		p->timeout = false;
		return;
	}
	bool ok = chardev_pp_register(p->chr, off < REG_EPP_DATA ? op[off] : CHR_PP_EPP_WRITE_DATA, &val);
	p->timeout |= off >= REG_EPP_ADDR && !ok;
}

static uint64_t parallel_read(struct device *d, uint64_t off, unsigned size)
{
	struct parallel *p = container_of(d, struct parallel, dev);
	if (chardev_is_parport(p->chr))
		return host_read(p, off);
	switch (off) {
	case REG_DATA:    return p->control & CT_INPUT ? 0xff : p->data;        /* as input the lines are pulled up */
	case REG_STATUS:  return read_status(p);
	case REG_CONTROL: return p->control | CT_UNUSED;
	default:
		p->timeout = true;
		return 0xff;
	}
}

static void parallel_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct parallel *p = container_of(d, struct parallel, dev);
	if (chardev_is_parport(p->chr)) {
		host_write(p, off, (uint8_t)val);
		return;
	}
	switch (off) {
	case REG_DATA:    p->data = (uint8_t)val; break;
	case REG_STATUS:  p->timeout = false; break;    /* some chips clear on write of 1, some of 0 */
	case REG_CONTROL: write_control(p, (uint8_t)val); break;
	default:          epp_write(p, (uint8_t)val);
	}
}

static const struct io_ops parallel_io = { .read = parallel_read, .write = parallel_write, .min = 1, .max = 1 };

static int first_free_index(struct parallel *p)
{
	unsigned used = 0;
	for (struct device *d = p->dev.machine->devices; d; d = d->all_next)
		if (d != &p->dev && d->realized && d->desc == p->dev.desc)
			used |= 1u << container_of(d, struct parallel, dev)->index;
	for (int i = 0; i < 3; i++)
		if (!(used & 1u << i))
			return i;
	return -1;
}

static bool parallel_realize(struct device *d, struct error *err)
{
	static const uint16_t lpt[3] = { 0x378, 0x278, 0x3bc };
	struct parallel *p = container_of(d, struct parallel, dev);
	if (!p->chr)
		return error_set(err, "Can't create parallel device, empty char device");
	if (p->index < 0)
		p->index = first_free_index(p);
	if (p->index < 0 || p->index > 2)
		return error_set(err, "isa-parallel: at most 3 parallel ports, index=0 to index=2");
	if (!p->iobase)
		p->iobase = lpt[p->index];
	if (!isa_irq(d, p->irq_no, &p->irq, err))
		return false;
	/* The EPP registers of a port at 3bc would lie over the VGA's. */
	if (!isa_map(d, &p->region, "parallel", p->iobase, p->iobase == 0x3bc ? 3 : REG_COUNT, &parallel_io, err))
		return false;
	struct chr_front f = { .can_write = parallel_can_write, .arg = p, .trickles = true };
	if (chardev_attach(p->chr, &f, err))
		return true;
	isa_unmap(d, &p->region);
	return false;
}

static void parallel_unrealize(struct device *d)
{
	struct parallel *p = container_of(d, struct parallel, dev);
	chardev_detach(p->chr, p);
	isa_unmap(d, &p->region);
}

static void parallel_reset(struct device *d, enum reset_kind kind)
{
	struct parallel *p = container_of(d, struct parallel, dev);
	p->data = p->printing = 0;
	p->control = CT_NINIT | CT_SELECT_IN;
	p->busy = p->ack = p->timeout = false;
}

static void parallel_reset_done(struct device *d)
{
	struct parallel *p = container_of(d, struct parallel, dev);
	p->irq_level = false;
	irq_set(&p->irq, 0);
}

static bool parallel_loaded(struct device *d, struct error *err)
{
	struct parallel *p = container_of(d, struct parallel, dev);
	irq_set(&p->irq, p->irq_level);
	parallel_can_write(p);
	return true;
}

static const struct prop parallel_props[] = {
	{ "index", PROP_I32, offsetof(struct parallel, index), "-1", "LPT port number less one; -1 = first free", NULL },
	{ "iobase", PROP_U32, offsetof(struct parallel, iobase), "0", "first I/O port; 0 = by index", NULL },
	{ "irq", PROP_U32, offsetof(struct parallel, irq_no), "7", "ISA interrupt", NULL },
	{ "chardev", PROP_CHARDEV, offsetof(struct parallel, chr), NULL, "id of the chardev that takes what is printed", NULL },
	{ 0 }
};
static const struct state_field parallel_state[] = {
	STATE_U8(struct parallel, data), STATE_U8(struct parallel, control), STATE_U8(struct parallel, printing), STATE_BOOL(struct parallel, busy),
	STATE_BOOL(struct parallel, ack), STATE_BOOL(struct parallel, timeout), STATE_BOOL(struct parallel, irq_level), STATE_END
};

const struct device_desc isa_parallel_desc = {
	.name = "isa-parallel", .bus = "ISA", .category = "Input", .description = "parallel port",
	.size = sizeof(struct parallel), .user_creatable = true, .props = parallel_props, .state = parallel_state, .state_version = 1,
	.realize = parallel_realize, .unrealize = parallel_unrealize, .reset = parallel_reset, .reset_done = parallel_reset_done,
	.loaded = parallel_loaded,
};
