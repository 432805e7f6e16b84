/* port92.c - "System Control Port A": the fast A20 gate and the fast reset of the PS/2 and all later PCs.
 *
 * Ref: PIIX3 (290550), "Port 92 Register": bit 0 rising = INIT#, bit 1 = A20. */
#include "core/machine/machine.h"
#include "devices/chipset/isa.h"

enum { P_INIT = 1u << 0, P_A20 = 1u << 1, PORT = 0x92 };

extern const struct device_desc port92_desc;
struct port92 { struct device dev; struct region port; uint8_t value; };
static const struct state_field port92_state[] = { STATE_U8(struct port92, value), STATE_END };

static struct port92 *port92_of(struct device *d)
{
	return container_of(d, struct port92, dev);
}

static uint64_t port92_read(struct device *d, uint64_t off, unsigned size)
{
	/* The 8042 opens and closes the same gate: show where it stands. */
	return (port92_of(d)->value & ~P_A20) | (d->machine->a20 ? P_A20 : 0);
}

static void port92_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct port92 *p = port92_of(d);
	uint8_t old = p->value;

	p->value = (uint8_t)val;
	machine_set_a20(d->machine, val & P_A20);
	if ((val & P_INIT) && !(old & P_INIT))
		machine_request_reset(d->machine, SHUTDOWN_GUEST_RESET);
}
static const struct io_ops port92_ops = { port92_read, port92_write, 1, 1 };

static bool port92_realize(struct device *d, struct error *err)
{
	return isa_map(d, &port92_of(d)->port, "port92", PORT, 1, &port92_ops, err);
}

static void port92_unrealize(struct device *d)
{
	isa_unmap(d, &port92_of(d)->port);
}

static void port92_reset(struct device *d, enum reset_kind kind)
{
	port92_of(d)->value = 0;
}

const struct device_desc port92_desc = {
	.name = "port92", .bus = "ISA", .category = "Misc", .description = "fast A20 gate and reset, port 92h",
	.size = sizeof(struct port92), .state = port92_state, .state_version = 1,
	.realize = port92_realize, .unrealize = port92_unrealize, .reset = port92_reset,
};
