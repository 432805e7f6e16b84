/* pci_testdev.c - PCI device that counts writes, "pci-testdev".  Ref: QEMU's docs/specs/pci-testdev: each of BAR 0 (memory) and BAR 1 (ports)
 * starts with
 *   0 test (write: choose)  1 width of the access  4 offset to write to  8 data to write  12 writes counted  16 name */
#include "core/machine/machine.h"
#include "devices/pci/pci.h"
#include <stdio.h>
#include <string.h>

enum { R_TEST = 0, R_WIDTH = 1, R_OFFSET = 4, R_DATA = 8, R_COUNT = 12, R_NAME = 16, HDR_SIZE = 64 };
enum { MEM_SIZE = 4096, IO_SIZE = 256, MEM_TARGET = 2048, IO_TARGET = 128, DATA = 0xfa, NO_TEST = 0xff };
static const char *const test_names[] = { "no-eventfd", "wildcard-eventfd", "datamatch-eventfd" };
enum { N_TESTS = sizeof test_names / sizeof test_names[0], MATCHING = 2 };

struct pci_testdev {
	struct pci_device pci;
	struct region mem, io, big;
	uint64_t membar;
	uint8_t  test[2];                       /* of each BAR; NO_TEST = none chosen */
	uint32_t count[2];
};

static uint64_t header_read(const struct pci_testdev *t, unsigned bar, uint64_t off, unsigned size)
{
	uint8_t h[HDR_SIZE + 8] = { 0 };
	uint8_t test = t->test[bar];
	uint32_t target = bar ? IO_TARGET : MEM_TARGET, data = DATA;
	uint64_t v = 0;
	if (off >= HDR_SIZE)
		return 0;
	h[R_TEST] = test;
	if (test < N_TESTS) {
		h[R_WIDTH] = 1;
		memcpy(h + R_OFFSET, &target, 4);
		memcpy(h + R_DATA, &data, 4);
		memcpy(h + R_COUNT, &t->count[bar], 4);
		snprintf((char *)h + R_NAME, HDR_SIZE - R_NAME, "%s-%s", bar ? "portio" : "mmio", test_names[test]);
	}
	memcpy(&v, h + off, size);
	return v;
}

static void write_bar(struct pci_testdev *t, unsigned bar, uint64_t off, unsigned size, uint64_t val)
{
	if (off == R_TEST) {
		t->test[bar] = (uint8_t)val;
		t->count[bar] = 0;
	} else if (off == R_COUNT && size == 4) {
		t->count[bar] = (uint32_t)val;
	} else if (off == (bar ? IO_TARGET : MEM_TARGET) && size == 1 && t->test[bar] < N_TESTS) {
		if (t->test[bar] != MATCHING || val == DATA)
			t->count[bar]++;
	}
}

static struct pci_testdev *of(struct device *d) { return container_of(d, struct pci_testdev, pci.dev); }
static uint64_t mem_read(struct device *d, uint64_t off, unsigned size) { return header_read(of(d), 0, off, size); }
static uint64_t io_read(struct device *d, uint64_t off, unsigned size) { return header_read(of(d), 1, off, size); }
static void mem_write(struct device *d, uint64_t off, unsigned size, uint64_t val) { write_bar(of(d), 0, off, size, val); }
static void io_write(struct device *d, uint64_t off, unsigned size, uint64_t val) { write_bar(of(d), 1, off, size, val); }
static uint64_t big_read(struct device *d, uint64_t off, unsigned size) { return 0; }
static void big_write(struct device *d, uint64_t off, unsigned size, uint64_t val) { }
static const struct io_ops mem_ops = { mem_read, mem_write, 1, 4 }, io_ops = { io_read, io_write, 1, 4 }, big_ops = { big_read, big_write, 1, 8 };

static bool pci_testdev_realize(struct device *d, struct error *err)
{
	static const struct pci_ids ids = { 0x1b36, 0x0005, 0x1af4, 0x1100, 0x00ff00, 0 };
	struct pci_testdev *t = of(d);
	if (t->membar & (t->membar - 1))
		return error_set(err, "pci-testdev: membar must be a power of two");
	pci_init_config(&t->pci, &ids, 0);
	t->mem = (struct region){ .name = "pci-testdev-mmio", .kind = REGION_IO, .size = MEM_SIZE, .dev = d, .ops = &mem_ops };
	t->io = (struct region){ .name = "pci-testdev-portio", .kind = REGION_IO, .size = IO_SIZE, .dev = d, .ops = &io_ops };
	pci_bar(&t->pci, 0, BAR_MEM32, MEM_SIZE, &t->mem);
	pci_bar(&t->pci, 1, BAR_IO, IO_SIZE, &t->io);
	if (t->membar) {
		t->big = (struct region){ .name = "pci-testdev-membar", .kind = REGION_IO, .size = t->membar, .dev = d, .ops = &big_ops };
		pci_bar(&t->pci, 2, BAR_MEM64_PREF, t->membar, &t->big);
	}
	return true;
}

static void pci_testdev_unrealize(struct device *d)
{
	pci_device_unrealize(&of(d)->pci);
}

static void pci_testdev_reset(struct device *d, enum reset_kind kind)
{
	struct pci_testdev *t = of(d);
	pci_device_reset(&t->pci);
	t->test[0] = t->test[1] = NO_TEST;
	t->count[0] = t->count[1] = 0;
}

static bool pci_testdev_loaded(struct device *d, struct error *err)
{
	return pci_device_loaded(&of(d)->pci, err);
}

static const struct prop pci_testdev_props[] = {
	PCI_PROPS,
	{ "membar", PROP_SIZE, offsetof(struct pci_testdev, membar), "0", "size of a 64-bit memory BAR with nothing behind it; 0 = none", NULL },
	{ 0 }
};
static const struct state_field pci_testdev_state[] = {
	STATE_STRUCT(struct pci_testdev, pci, pci_device_state), STATE_BYTES(struct pci_testdev, test), STATE_ARRAY(struct pci_testdev, count, ST_U32), STATE_END
};

const struct device_desc pci_testdev_desc = {
	.name = "pci-testdev", .bus = "PCI", .category = "Misc", .description = "PCI device that counts writes, for tests",
	.size = sizeof(struct pci_testdev), .user_creatable = true, .hotpluggable = true, .props = pci_testdev_props,
	.state = pci_testdev_state, .state_version = 1, .realize = pci_testdev_realize, .unrealize = pci_testdev_unrealize,
	.reset = pci_testdev_reset, .loaded = pci_testdev_loaded, .print = pci_print,
};
