/* isa_serial.c - a 16550A at one of the PC's usual places, "isa-serial": COM1 3f8h/4, COM2 2f8h/3, COM3 3e8h/4, COM4 2e8h/3. */
#include "devices/char/uart16550.h"
#include "devices/chipset/isa.h"
#include <stdio.h>

enum { N_PORTS = 4 };

struct isa_serial {
	struct device   dev;
	struct uart     uart;
	struct region   region;
	struct irq_line irq;
	int32_t         index;                  /* COM1 = 0; -1 = first free */
	uint32_t        iobase, irq_no;         /* 0 = as the index says */
};

static struct isa_serial *of(struct device *d) { return container_of(d, struct isa_serial, dev); }
static uint64_t isa_serial_read(struct device *d, uint64_t off, unsigned size) { return uart_read_reg(&of(d)->uart, (unsigned)off); }
static void isa_serial_write(struct device *d, uint64_t off, unsigned size, uint64_t val) { uart_write_reg(&of(d)->uart, (unsigned)off, (uint8_t)val); }
static const struct io_ops isa_serial_io = { .read = isa_serial_read, .write = isa_serial_write, .min = 1, .max = 1 };

static void drive_irq(void *arg, int n, int level)
{
	struct isa_serial *s = arg;
	irq_set(&s->irq, level);
	device_tap_out(&s->dev, 0, level);
}

static int first_free_index(struct isa_serial *s)
{
	unsigned used = 0;
	for (struct device *d = s->dev.machine->devices; d; d = d->all_next)
		if (d != &s->dev && d->realized && d->desc == s->dev.desc)
			used |= 1u << of(d)->index;
	for (int i = 0; i < N_PORTS; i++)
		if (!(used & 1u << i))
			return i;
	return -1;
}

static bool isa_serial_realize(struct device *d, struct error *err)
{
	static const struct { uint16_t base; uint8_t irq; } com[N_PORTS] = { { 0x3f8, 4 }, { 0x2f8, 3 }, { 0x3e8, 4 }, { 0x2e8, 3 } };
	struct isa_serial *s = of(d);
	if (s->index < 0)
		s->index = first_free_index(s);
	if (s->index < 0 || s->index >= N_PORTS)
		return error_set(err, "isa-serial: at most 4 serial ports, index=0 to index=3");
	if (!s->iobase)
		s->iobase = com[s->index].base;
	if (!s->irq_no)
		s->irq_no = com[s->index].irq;
	s->uart.machine = d->machine;
	snprintf(s->uart.name, sizeof s->uart.name, "COM%d", s->index + 1);
	s->uart.irq = (struct irq_line){ .set = drive_irq, .arg = s };
	if (!isa_irq(d, s->irq_no, &s->irq, err) || !isa_map(d, &s->region, "serial", s->iobase, UART_REGS, &isa_serial_io, err))
		return false;
	if (uart_start(&s->uart, err))
		return true;
	isa_unmap(d, &s->region);
	return false;
}

static void isa_serial_unrealize(struct device *d)
{
	uart_stop(&of(d)->uart);
	isa_unmap(d, &of(d)->region);
}

static void isa_serial_reset(struct device *d, enum reset_kind kind) { uart_reset_regs(&of(d)->uart); }
static void isa_serial_reset_done(struct device *d) { uart_reset_wires(&of(d)->uart); }
static bool isa_serial_loaded(struct device *d, struct error *err) { return uart_loaded(&of(d)->uart, err); }

static const struct prop isa_serial_props[] = {
	{ "index", PROP_I32, offsetof(struct isa_serial, index), "-1", "COM port number less one; -1 = first free", NULL },
	{ "iobase", PROP_U32, offsetof(struct isa_serial, iobase), "0", "first I/O port; 0 = by index", NULL },
	{ "irq", PROP_U32, offsetof(struct isa_serial, irq_no), "0", "ISA interrupt; 0 = by index", NULL },
	{ "chardev", PROP_CHARDEV, offsetof(struct isa_serial, uart.chr), NULL, "id of the chardev that carries the line", NULL },
	UART_PACED_PROP(struct isa_serial, uart.paced),
	{ 0 }
};
static const struct state_field isa_serial_state[] = { STATE_STRUCT(struct isa_serial, uart, uart_state), STATE_END };

const struct device_desc isa_serial_desc = {
	.name = "isa-serial", .bus = "ISA", .category = "Input", .description = "16550A serial port",
	.size = sizeof(struct isa_serial), .user_creatable = true, .props = isa_serial_props, .state = isa_serial_state, .state_version = 2,
	.realize = isa_serial_realize, .unrealize = isa_serial_unrealize, .reset = isa_serial_reset, .reset_done = isa_serial_reset_done,
	.loaded = isa_serial_loaded,
};
