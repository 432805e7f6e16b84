/* debugcon.c - one port that prints bytes, "isa-debugcon" (Bochs' port e9).  Reads answer e9, which tells a guest that it is there. */
#include "core/char/chardev.h"
#include "core/machine/machine.h"
#include "devices/chipset/isa.h"

struct debugcon {
	struct device   dev;
	struct chardev *chr;
	struct region   region;
	uint32_t        iobase, readback;
};

static uint64_t debugcon_read(struct device *d, uint64_t off, unsigned size)
{
	return container_of(d, struct debugcon, dev)->readback;
}

/* There is no way to tell the guest to wait: what the back end has no room for is lost. */
static void debugcon_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct debugcon *c = container_of(d, struct debugcon, dev);
	uint8_t b = (uint8_t)val;
	chardev_write(c->chr, c, &b, 1);
}

static const struct io_ops debugcon_io = { .read = debugcon_read, .write = debugcon_write, .min = 1, .max = 1 };

static bool debugcon_realize(struct device *d, struct error *err)
{
	struct debugcon *c = container_of(d, struct debugcon, dev);
	if (!c->chr)
		return error_set(err, "Can't create debugcon device, empty char device");
	if (!isa_map(d, &c->region, "isa-debugcon", c->iobase, 1, &debugcon_io, err))
		return false;
	struct chr_front f = { .arg = c, .trickles = true };
	if (chardev_attach(c->chr, &f, err))
		return true;
	isa_unmap(d, &c->region);
	return false;
}

static void debugcon_unrealize(struct device *d)
{
	struct debugcon *c = container_of(d, struct debugcon, dev);
	chardev_detach(c->chr, c);
	isa_unmap(d, &c->region);
}

static const struct prop debugcon_props[] = {
	{ "iobase", PROP_U32, offsetof(struct debugcon, iobase), "0xe9", "I/O port", NULL },
	{ "chardev", PROP_CHARDEV, offsetof(struct debugcon, chr), NULL, "id of the chardev that takes the bytes", NULL },
	{ "readback", PROP_U32, offsetof(struct debugcon, readback), "0xe9", "what reading the port gives", NULL },
	{ 0 }
};
static const struct state_field debugcon_state[] = { STATE_END };

const struct device_desc isa_debugcon_desc = {
	.name = "isa-debugcon", .bus = "ISA", .category = "Misc", .description = "debug console port",
	.size = sizeof(struct debugcon), .user_creatable = true, .props = debugcon_props, .state = debugcon_state, .state_version = 1,
	.realize = debugcon_realize, .unrealize = debugcon_unrealize,
};
