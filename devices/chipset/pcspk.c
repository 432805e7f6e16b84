/* pcspk.c - port 61h ("System Control Port B"): gate and output of timer channel 2, and the refresh toggle.
 *
 * Ref: PIIX3 (290550), "NMISC - NMI Status and Control Register".  The speaker makes no sound yet. */
#include "core/machine/machine.h"
#include "devices/chipset/i8254.h"
#include "devices/chipset/isa.h"

enum { B_GATE2 = 1u << 0, B_SPEAKER = 1u << 1, B_WRITABLE = 0x0f, B_REFRESH = 1u << 4, B_OUT2 = 1u << 5 };
enum { REFRESH_NS = 15085 };    /* a refresh request is made every 18 ticks of 1.193182 MHz */

struct pcspk {
	struct device  dev;
	struct region  port;
	struct device *pit;
	uint32_t iobase;
	uint8_t  control;
};
static const struct prop pcspk_props[] = {
	{ "iobase", PROP_U32, offsetof(struct pcspk, iobase), "0x61", "port", NULL }, { 0 }
};
static const struct state_field pcspk_state[] = { STATE_U8(struct pcspk, control), STATE_END };

static struct pcspk *spk_of(struct device *d)
{
	return container_of(d, struct pcspk, dev);
}

static uint64_t pcspk_read(struct device *d, uint64_t off, unsigned size)
{
	struct pcspk *s = spk_of(d);
	uint64_t toggle = (uint64_t)clock_now(&d->machine->clock) / REFRESH_NS & 1;

	return s->control | (toggle ? B_REFRESH : 0) | (s->pit && i8254_out(s->pit, 2) ? B_OUT2 : 0);
}

static void pcspk_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct pcspk *s = spk_of(d);

	s->control = val & B_WRITABLE;
	if (s->pit)
		i8254_set_gate(s->pit, 2, val & B_GATE2);
}
static const struct io_ops pcspk_ops = { pcspk_read, pcspk_write, 1, 1 };

static bool pcspk_realize(struct device *d, struct error *err)
{
	return isa_map(d, &spk_of(d)->port, "pcspk", spk_of(d)->iobase, 1, &pcspk_ops, err);
}

static void pcspk_unrealize(struct device *d)
{
	isa_unmap(d, &spk_of(d)->port);
}

static void pcspk_reset(struct device *d, enum reset_kind kind)
{
	spk_of(d)->control = 0;
}

static bool pcspk_loaded(struct device *d, struct error *err)
{
	spk_of(d)->control &= B_WRITABLE;
	return true;
}

const struct device_desc pcspk_desc = {
	.name = "isa-pcspk", .bus = "ISA", .category = "Sound", .description = "PC speaker port 61h",
	.size = sizeof(struct pcspk), .props = pcspk_props, .state = pcspk_state, .state_version = 1,
	.realize = pcspk_realize, .unrealize = pcspk_unrealize, .reset = pcspk_reset, .loaded = pcspk_loaded,
};

void pcspk_set_pit(struct device *spk, struct device *pit)
{
	spk_of(spk)->pit = pit;
}
