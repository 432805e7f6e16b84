/* test_small_isa.c - the debug console, the parallel port, isa-debug-exit, pc-testdev and pci-testdev. */
#include "tests/dev/bench.h"

static int setup(void **state)
{
	*state = bench_new();
	return 0;
}

static int teardown(void **state)
{
	bench_free(*state);
	return 0;
}

static void debugcon(void **state)
{
	struct bench *b = *state;
	struct error err = { "" };
	assert_null(device_create(b->m, "isa-debugcon", &b->isa, NULL, &err));
	struct device *d = bench_device(b, "isa-debugcon", "iobase=0x402,chardev=t");
	assert_int_equal(inb(b, 0x402), 0xe9);
	outb(b, 0x402, 'h');
	outb(b, 0x402, 'i');
	assert_int_equal(b->out_len, 2);
	assert_memory_equal(b->out, "hi", 2);
	bench_save_load_save(d);
}

enum { LPT = 0x378, STATUS, CONTROL, EPP_ADDR, EPP_DATA };

static void print(struct bench *b, uint8_t c)
{
	outb(b, LPT, c);
	outb(b, CONTROL, 0x1d);
	outb(b, CONTROL, 0x1c);
}

static void parallel_prints(void **state)
{
	struct bench *b = *state;
	struct device *d = bench_device(b, "isa-parallel", "chardev=t");
	assert_int_equal(inb(b, STATUS), 0xdc);
	assert_int_equal(inb(b, CONTROL), 0xcc);
	outb(b, CONTROL, 0x1c);                 /* initialised, selected, interrupt on */
	print(b, 'A');
	assert_int_equal(b->out_len, 1);
	assert_int_equal(b->level[7], 1);
	assert_int_equal(inb(b, STATUS), 0x98); /* acknowledge and interrupt pending */
	assert_int_equal(b->level[7], 0);
	assert_int_equal(inb(b, STATUS), 0xdc);
	b->room = 0;
	print(b, 'B');
	assert_int_equal(inb(b, STATUS) & 0x80, 0);     /* busy */
	bench_save_load_save(d);
	b->room = 10;
	chr_can_write(b->chr);
	assert_int_equal(inb(b, STATUS) & 0x80, 0x80);
	assert_memory_equal(b->out, "AB", 2);
}

static void parallel_directions(void **state)
{
	struct bench *b = *state;
	bench_device(b, "isa-parallel", "chardev=t");
	outb(b, LPT, 0x55);
	assert_int_equal(inb(b, LPT), 0x55);
	outb(b, CONTROL, 0x2c);
	assert_int_equal(inb(b, LPT), 0xff);    /* input: that is how a PS/2 port is told from an SPP */
	outb(b, CONTROL, 0x0c);
	outb(b, EPP_DATA, 'e');
	assert_int_equal(b->out[0], 'e');
	assert_int_equal(inb(b, STATUS) & 1, 0);
	inb(b, EPP_DATA);
	assert_int_equal(inb(b, STATUS) & 1, 1);        /* nobody answered */
	outb(b, STATUS, 1);
	assert_int_equal(inb(b, STATUS) & 1, 0);
}

static void debug_exit(void **state)
{
	struct bench *b = *state;
	bench_device(b, "isa-debug-exit", NULL);
	assert_int_equal(inb(b, 0x501), 0);
	outb(b, 0x501, 0x21);
	assert_int_equal(b->m->exit_status, 0x43);
}

static void pc_testdev(void **state)
{
	struct bench *b = *state;
	struct device *d = bench_device(b, "pc-testdev", NULL);
	space_write(&b->m->io, 0xe0, 4, 0x12345678);
	assert_int_equal(space_read(&b->m->io, 0xe0, 4), 0x12345678);
	assert_int_equal(inb(b, 0xe2), 0x34);
	outb(b, 0xe8, 0x42);
	assert_int_equal(inb(b, 0xe8), 0x42);
	space_write(&b->m->mem, 0xff000010, 8, UINT64_C(0x1122334455667788));
	assert_int_equal(space_read(&b->m->mem, 0xff000014, 4), 0x11223344);
	b->m->gsi[5] = b->m->isa_irq[5];
	outb(b, 0x2005, 1);
	assert_int_equal(b->level[5], 1);
	outb(b, 0x2005, 0);
	assert_int_equal(b->level[5], 0);
	bench_save_load_save(d);
}

/* As its documentation tells a guest to use it. */
static void pci_testdev(void **state)
{
	struct bench *b = *state;
	struct device *d = bench_device(b, "pci-testdev", "membar=1M");
	unsigned fn = ((struct pci_device *)d)->devfn;
	struct space *mem = &b->m->mem, *io = &b->m->io;
	assert_int_equal(pci_config_read(&b->pci, fn, 0, 4), 0x00051b36);
	pci_config_write(&b->pci, fn, 0x10, 4, 0xe0000000);
	pci_config_write(&b->pci, fn, 0x14, 4, 0xc000);
	pci_config_write(&b->pci, fn, 4, 2, 3);
	assert_int_equal(space_read(mem, 0xe0000001, 1), 0);            /* no test chosen */
	unsigned n = 0;
	for (; n < 10; n++) {
		space_write(mem, 0xe0000000, 1, n);
		if (space_read(mem, 0xe0000001, 1) != 1)
			break;
		uint32_t target = (uint32_t)space_read(mem, 0xe0000004, 4), data = (uint32_t)space_read(mem, 0xe0000008, 4);
		for (int i = 0; i < 5; i++)
			space_write(mem, 0xe0000000 + target, 1, data);
		assert_int_equal(space_read(mem, 0xe000000c, 4), 5);
	}
	assert_int_equal(n, 3);
	space_write(io, 0xc000, 1, 2);
	assert_int_equal(space_read(io, 0xc010, 1), 'p');
	space_write(io, 0xc000 + space_read(io, 0xc004, 4), 1, 0x11);   /* this one counts its own value only */
	assert_int_equal(space_read(io, 0xc00c, 4), 0);
	bench_save_load_save(d);
	assert_int_equal(space_read(io, 0xc001, 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(debugcon, setup, teardown),
		cmocka_unit_test_setup_teardown(parallel_prints, setup, teardown),
		cmocka_unit_test_setup_teardown(parallel_directions, setup, teardown),
		cmocka_unit_test_setup_teardown(debug_exit, setup, teardown),
		cmocka_unit_test_setup_teardown(pc_testdev, setup, teardown),
		cmocka_unit_test_setup_teardown(pci_testdev, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
