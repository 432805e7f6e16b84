/* pc_testdev.c - ports and memory that test kernels exercise, "pc-testdev".  Ref: the use kvm-unit-tests makes of it:
 *   e0-e3      a register read back as it was written, in any size
 *   e4-e7      a page to be unmapped and mapped again under the guest: nothing to see here, accepted
 *   e8-eb      a register of single bytes
 *   2000-2017  write: level of global system interrupt n
 *   ff000000   64 KB of memory that is reached by single accesses only */
#include "core/machine/machine.h"
#include "devices/chipset/isa.h"
#include <string.h>

enum { N_LINES = 24, MEM_SIZE = 0x10000, MEM_BASE = 0xff000000 };

struct testdev {
	struct device dev;
	struct region word, flush, byte, irqs, mem;
	uint8_t  reg[4], bytes[4], iomem[MEM_SIZE];
};

static struct testdev *of(struct device *d) { return container_of(d, struct testdev, dev); }

static uint64_t get(const uint8_t *p, unsigned size)
{
	uint64_t v = 0;
	memcpy(&v, p, size);
	return v;
}

static uint64_t word_read(struct device *d, uint64_t off, unsigned size) { return get(of(d)->reg + off, off + size > 4 ? 4 - (unsigned)off : size); }
static void word_write(struct device *d, uint64_t off, unsigned size, uint64_t val) { memcpy(of(d)->reg + off, &val, off + size > 4 ? 4 - off : size); }
static uint64_t flush_read(struct device *d, uint64_t off, unsigned size) { return ~UINT64_C(0); }
static void flush_write(struct device *d, uint64_t off, unsigned size, uint64_t val) { }
static uint64_t byte_read(struct device *d, uint64_t off, unsigned size) { return of(d)->bytes[off]; }
static void byte_write(struct device *d, uint64_t off, unsigned size, uint64_t val) { of(d)->bytes[off] = (uint8_t)val; }
static uint64_t irq_read(struct device *d, uint64_t off, unsigned size) { return 0xff; }

static void irq_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	irq_set(&d->machine->gsi[off], val != 0);
}

static uint64_t mem_read(struct device *d, uint64_t off, unsigned size)
{
	return off + size <= MEM_SIZE ? get(of(d)->iomem + off, size) : ~UINT64_C(0);
}

static void mem_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	if (off + size <= MEM_SIZE)
		memcpy(of(d)->iomem + off, &val, size);
}

static const struct io_ops word_io = { word_read, word_write, 1, 4 }, flush_io = { flush_read, flush_write, 1, 4 };
static const struct io_ops byte_io = { byte_read, byte_write, 1, 1 }, irq_io = { irq_read, irq_write, 1, 1 }, mem_io = { mem_read, mem_write, 1, 8 };

static void testdev_unrealize(struct device *d)
{
	struct testdev *t = of(d);
	isa_unmap(d, &t->word);
	isa_unmap(d, &t->flush);
	isa_unmap(d, &t->byte);
	isa_unmap(d, &t->irqs);
	if (t->mem.mapped)
		space_unmap(&d->machine->mem, &t->mem);
}

static bool testdev_realize(struct device *d, struct error *err)
{
	struct testdev *t = of(d);
	if (isa_map(d, &t->word, "pc-testdev-ioport", 0xe0, 4, &word_io, err) && isa_map(d, &t->flush, "pc-testdev-flush-page", 0xe4, 4, &flush_io, err) &&
	    isa_map(d, &t->byte, "pc-testdev-ioport-byte", 0xe8, 4, &byte_io, err) && isa_map(d, &t->irqs, "pc-testdev-irq-line", 0x2000, N_LINES, &irq_io, err) &&
	    mmio_map(d, &t->mem, "pc-testdev-iomem", MEM_BASE, MEM_SIZE, 0, &mem_io, err))
		return true;
	testdev_unrealize(d);
	return false;
}

static const struct state_field testdev_state[] = {
	STATE_BYTES(struct testdev, reg), STATE_BYTES(struct testdev, bytes), STATE_BYTES(struct testdev, iomem), STATE_END
};

const struct device_desc pc_testdev_desc = {
	.name = "pc-testdev", .bus = "ISA", .category = "Misc", .description = "ports, interrupt lines and memory for test kernels",
	.size = sizeof(struct testdev), .user_creatable = true, .state = testdev_state, .state_version = 1,
	.realize = testdev_realize, .unrealize = testdev_unrealize,
};
