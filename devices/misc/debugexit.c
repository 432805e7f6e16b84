/* debugexit.c - a port whose write ends the program with status (value << 1) | 1, "isa-debug-exit"; test kernels end themselves by it. */
#include "core/machine/machine.h"
#include "devices/chipset/isa.h"

struct debugexit {
	struct device dev;
	struct region region;
	uint32_t      iobase, iosize;
};

static uint64_t debugexit_read(struct device *d, uint64_t off, unsigned size)
{
	return 0;
}

static void debugexit_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	machine_quit(d->machine, (int)((val << 1 | 1) & 0xff));
}

static const struct io_ops debugexit_io = { .read = debugexit_read, .write = debugexit_write, .min = 1, .max = 4 };

static bool debugexit_realize(struct device *d, struct error *err)
{
	struct debugexit *x = container_of(d, struct debugexit, dev);
	if (x->iosize < 1 || x->iosize > 4)
		return error_set(err, "isa-debug-exit: iosize=%u must be 1 to 4", x->iosize);
	return isa_map(d, &x->region, "isa-debug-exit", x->iobase, x->iosize, &debugexit_io, err);
}

static void debugexit_unrealize(struct device *d)
{
	isa_unmap(d, &container_of(d, struct debugexit, dev)->region);
}

static const struct prop debugexit_props[] = {
	{ "iobase", PROP_U32, offsetof(struct debugexit, iobase), "0x501", "I/O port", NULL },
	{ "iosize", PROP_U32, offsetof(struct debugexit, iosize), "2", "number of ports", NULL },
	{ 0 }
};
static const struct state_field debugexit_state[] = { STATE_END };

const struct device_desc isa_debug_exit_desc = {
	.name = "isa-debug-exit", .bus = "ISA", .category = "Misc", .description = "port that ends the emulator",
	.size = sizeof(struct debugexit), .user_creatable = true, .props = debugexit_props, .state = debugexit_state, .state_version = 1,
	.realize = debugexit_realize, .unrealize = debugexit_unrealize,
};
