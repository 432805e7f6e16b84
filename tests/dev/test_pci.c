/* test_pci.c - configuration mechanism, BARs, INTx and its routing, the bridges' registers. */
#include "devices/pci/pci.h"
#include "tests/dev/board.h"

enum { BRIDGE = DEVFN(0, 0), ISA = DEVFN(1, 0), IDE = DEVFN(1, 1), PM = DEVFN(1, 3), VGA = DEVFN(2, 0), TEST = DEVFN(3, 0) };

static void mechanism(void **state)
{
	struct machine *m = board_new("-m 16");

	assert_int_equal(cfg_read(m, BRIDGE, 0, 4), 0x12378086);
	assert_int_equal(cfg_read(m, ISA, 0, 4), 0x70008086);
	assert_int_equal(cfg_read(m, ISA, 0x0e, 1), 0x80);
	assert_int_equal(cfg_read(m, IDE, 2, 2), 0x7010);
	assert_int_equal(cfg_read(m, PM, 2, 2), 0x7113);
	assert_int_equal(cfg_read(m, VGA, 0x0a, 2), 0x0300);
	assert_int_equal(cfg_read(m, DEVFN(9, 0), 0, 4), UINT32_MAX);
	assert_int_equal(in32(m, 0xcf8), 0x80000000u | DEVFN(9, 0) << 8);
	out32(m, 0xcf8, 0x80010000);                            /* another bus */
	assert_int_equal(in32(m, 0xcfc), UINT32_MAX);
	out32(m, 0xcf8, 0);                                     /* not enabled */
	assert_int_equal(in32(m, 0xcfc), UINT32_MAX);
	out16(m, 0xcf8, 0x1234);                                /* only dwords reach the register */
	assert_int_equal(in32(m, 0xcf8), 0);
	cfg_write(m, BRIDGE, 0, 4, 0);
	assert_int_equal(cfg_read(m, BRIDGE, 0, 4), 0x12378086);
	board_free(m);
}

static void reset_control(void **state)
{
	struct machine *m = board_new("-m 16");

	out8(m, 0xcf9, 0x02);
	assert_int_equal(in8(m, 0xcf9), 0x02);
	assert_false(m->reset_wanted);
	out8(m, 0xcf9, 0x06);
	assert_true(m->reset_wanted);
	m->reset_wanted = false;
	out8(m, 0x92, 0x01);
	assert_true(m->reset_wanted);
	m->reset_wanted = false;
	out8(m, 0x92, 0x02);
	assert_true(m->a20);
	out8(m, 0x92, 0x00);
	assert_false(m->a20);
	assert_int_equal(in8(m, 0x92), 0);
	board_free(m);
}

static void bars(void **state)
{
	struct machine *m = board_new("-m 16 -device pci-testdev,addr=3");

	cfg_write(m, VGA, 0x10, 4, UINT32_MAX);
	assert_int_equal(cfg_read(m, VGA, 0x10, 4), 0xff000008);        /* 16 MB, prefetchable */
	cfg_write(m, VGA, 0x30, 4, 0xfffff800);
	assert_int_equal(cfg_read(m, VGA, 0x30, 4) & 1, 0);
	cfg_write(m, VGA, 0x10, 4, 0xe0000000);
	assert_null(space_find(&m->mem, 0xe0000000));
	cfg_write(m, VGA, 4, 2, PCI_CMD_MEM);
	assert_non_null(space_find(&m->mem, 0xe0000000));
	poke32(m, 0xe0000000, 0x12345678);
	cfg_write(m, VGA, 0x10, 4, 0xe8000000);                         /* moved: the same memory */
	assert_int_equal(peek32(m, 0xe8000000), 0x12345678);
	assert_null(space_find(&m->mem, 0xe0000000));
	cfg_write(m, VGA, 0x10, 4, 0);                                  /* RAM wins over BARs; 0 is nowhere */
	assert_int_equal(peek8(m, 0), 0);
	cfg_write(m, VGA, 0x10, 4, UINT32_MAX);                         /* sizing while it decodes must not hide the firmware */
	assert_ptr_not_equal(space_find(&m->mem, 0xfee00000)->r->dev, board_device(m, "VGA"));
	cfg_write(m, TEST, 0x14, 4, 0xc001);                            /* I/O */
	cfg_write(m, TEST, 4, 2, PCI_CMD_IO);
	assert_ptr_equal(space_find(&m->io, 0xc000)->r->dev, board_device(m, "pci-testdev"));
	machine_reset(m, RESET_SYSTEM);
	assert_null(space_find(&m->io, 0xc000));
	assert_int_equal(cfg_read(m, TEST, 0x14, 4), 1);
	board_free(m);
}

/* Pins go to PIRQs by slot, PIRQs to interrupts by the ISA bridge; lines are shared. */
static void interrupt_routing(void **state)
{
	struct machine *m = board_new("-m 16 -device pci-testdev,addr=3 -device pci-testdev,addr=7");
	struct pci_bus *bus = container_of(m->pci, struct pci_bus, bus);
	struct pci_device *a = bus->devs[TEST], *b = bus->devs[DEVFN(7, 0)];

	a->config[PCI_INT_PIN] = b->config[PCI_INT_PIN] = 1;            /* both: (slot - 1) mod 4 = PIRQC */
	out8(m, 0x4d1, 0x0c);
	out8(m, 0xa0, 0x0a);
	pci_irq(a, 1);
	assert_int_equal(in8(m, 0xa0), 0);                              /* not routed after a reset */
	cfg_write(m, ISA, 0x62, 1, 11);
	assert_int_equal(in8(m, 0xa0), 0x08);
	cfg_write(m, ISA, 0x62, 1, 10);
	assert_int_equal(in8(m, 0xa0), 0x04);
	pci_irq(b, 1);
	pci_irq(a, 0);
	assert_int_equal(in8(m, 0xa0), 0x04);
	cfg_write(m, DEVFN(7, 0), 4, 2, PCI_CMD_INTX_OFF);
	assert_int_equal(in8(m, 0xa0), 0);
	assert_int_equal(cfg_read(m, DEVFN(7, 0), 6, 2) & 8, 8);        /* the status bit tells all the same */
	cfg_write(m, DEVFN(7, 0), 4, 2, 0);
	assert_int_equal(in8(m, 0xa0), 0x04);
	cfg_write(m, ISA, 0x62, 1, 0x80);
	assert_int_equal(in8(m, 0xa0), 0);
	cfg_write(m, ISA, 0x62, 1, 8);                                  /* reserved */
	assert_int_equal(in8(m, 0xa0), 0);
	board_free(m);
}

static void capabilities_and_msi(void **state)
{
	struct machine *m = board_new("-m 16 -device pci-testdev,addr=3");
	struct pci_device *p = container_of(m->pci, struct pci_bus, bus)->devs[TEST];

	assert_true(pci_msi_init(p, 1));
	unsigned cap = cfg_read(m, TEST, 0x34, 1);
	assert_int_equal(cfg_read(m, TEST, cap, 2), 0x0005);
	assert_int_equal(cfg_read(m, TEST, cap + 2, 2), 0x0082);        /* two messages, 64 bits */
	cfg_write(m, TEST, cap + 4, 4, 0xfee00003);
	cfg_write(m, TEST, cap + 12, 2, 0x41);
	cfg_write(m, TEST, cap + 2, 2, 0x11);
	poke32(m, 0xfee000f0, 0x1ff);
	pci_msi_notify(p, 0);
	assert_int_equal(peek32(m, 0xfee00220), 0);                     /* not without bus mastering */
	cfg_write(m, TEST, 4, 2, PCI_CMD_MASTER);
	pci_msi_notify(p, 0);
	assert_int_equal(peek32(m, 0xfee00220), 1);                     /* vector 40h: the low bit is the message's number */
	pci_msi_notify(p, 1);
	assert_int_equal(peek32(m, 0xfee00220), 3);
	board_free(m);
}

static void dma(void **state)
{
	struct machine *m = board_new("-m 16 -device pci-testdev,addr=3");
	struct pci_device *p = container_of(m->pci, struct pci_bus, bus)->devs[TEST];
	uint32_t v = 0x55aa1234;

	assert_false(pci_dma_write(p, 0x1000, &v, 4));
	cfg_write(m, TEST, 4, 2, PCI_CMD_MASTER);
	assert_true(pci_dma_write(p, 0x1000, &v, 4));
	assert_int_equal(peek32(m, 0x1000), v);
	assert_false(pci_dma_write(p, 0xfed00000, &v, 4));              /* devices are out of reach */
	assert_false(pci_dma_read(p, 0xf0000000, &v, 4));
	assert_int_equal(v, UINT32_MAX);
	board_free(m);
}

static void slots(void **state)
{
	struct error err;

	assert_non_null(strstr(board_error("-device pci-testdev,addr=1", &err), "slot 1 function 0 not available for pci-testdev, in use by PIIX3"));
	assert_non_null(strstr(board_error("-device pci-testdev,addr=2.1", &err), "already occupied by VGA"));
	assert_non_null(strstr(board_error("-device pci-testdev,bus=nosuch", &err), "Bus 'nosuch' not found"));
	assert_non_null(strstr(board_error("-device nosuch", &err), "'nosuch' is not a valid device model name"));
	assert_non_null(strstr(board_error("-device PIIX3", &err), "pluggable device type"));
	assert_non_null(strstr(board_error("-device isa-debug-exit,bus=pci.0", &err), "can't go on PCI bus"));
}

/* ---- PAM and SMRAM ------------------------------------------------------------------------------------------------------------- */

static uint8_t *ram(struct machine *m, uint64_t addr) { return m->ram.host + m->ram_addr_main + addr; }

/* All four combinations of read and write enable, in every segment. */
static void pam(void **state)
{
	struct machine *m = board_new("-m 16");
	static const struct { uint8_t reg, shift; uint32_t base; } seg[] = {
		{ 0x5a, 0, 0xc0000 }, { 0x5a, 4, 0xc4000 }, { 0x5b, 0, 0xc8000 }, { 0x5b, 4, 0xcc000 }, { 0x5c, 0, 0xd0000 }, { 0x5c, 4, 0xd4000 },
		{ 0x5d, 0, 0xd8000 }, { 0x5d, 4, 0xdc000 }, { 0x5e, 0, 0xe0000 }, { 0x5e, 4, 0xe4000 }, { 0x5f, 0, 0xe8000 }, { 0x5f, 4, 0xec000 },
		{ 0x59, 4, 0xf0000 } };
	uint8_t rom = 0x99;

	for (size_t i = 0; i < sizeof seg / sizeof seg[0]; i++) {
		uint32_t at = seg[i].base + 0x123;
		space_poke(&m->mem, at, &rom, 1);
		for (unsigned mode = 0; mode < 4; mode++) {
			*ram(m, at) = 0x11;
			cfg_write(m, BRIDGE, seg[i].reg, 1, mode << seg[i].shift);
			poke8(m, at, 0x22);
			assert_int_equal(*ram(m, at), mode & 2 ? 0x22 : 0x11);
			assert_int_equal(peek8(m, at), !(mode & 1) ? 0x99 : mode & 2 ? 0x22 : 0x11);
		}
		cfg_write(m, BRIDGE, seg[i].reg, 1, 0);
	}
	cfg_write(m, BRIDGE, 0x5c, 4, 0x33333333);
	cfg_write(m, BRIDGE, 0x59, 1, 0x30);
	machine_reset(m, RESET_SYSTEM);
	assert_int_equal(cfg_read(m, BRIDGE, 0x5c, 4), 0);
	assert_int_equal(peek8(m, 0xf0123), 0x99);
	board_free(m);
}

static void smram(void **state)
{
	struct machine *m = board_new("-m 16 -vga none");

	assert_int_equal(cfg_read(m, BRIDGE, 0x72, 1), 0x02);
	assert_int_equal(peek8(m, 0xa0000), 0xff);
	cfg_write(m, BRIDGE, 0x72, 1, 0x48);
	poke8(m, 0xa0000, 0x77);
	assert_int_equal(*ram(m, 0xa0000), 0x77);
	cfg_write(m, BRIDGE, 0x72, 1, 0x5a);                            /* locking closes it */
	assert_int_equal(cfg_read(m, BRIDGE, 0x72, 1), 0x1a);
	assert_int_equal(peek8(m, 0xa0000), 0xff);
	cfg_write(m, BRIDGE, 0x72, 1, 0x48);
	assert_int_equal(cfg_read(m, BRIDGE, 0x72, 1), 0x1a);
	machine_reset(m, RESET_SYSTEM);
	assert_int_equal(cfg_read(m, BRIDGE, 0x72, 1), 0x02);
	board_free(m);
}

static void memory_map(void **state)
{
	struct machine *m = board_new("-m 5G");

	assert_int_equal(m->ram_low, UINT64_C(0xc0000000));
	poke32(m, 0xbffffffc, 1);
	assert_null(space_find(&m->mem, 0xc0000000));
	poke32(m, UINT64_C(0x17ffffffc), 7);
	assert_int_equal(peek32(m, UINT64_C(0x17ffffffc)), 7);
	assert_null(space_find(&m->mem, UINT64_C(0x180000000)));
	board_free(m);
	m = board_new("-m 3584");
	assert_int_equal(m->ram_low, UINT64_C(0xc0000000));
	board_free(m);
	m = board_new("-m 3583");
	assert_int_equal(m->ram_high, 0);
	board_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(mechanism), cmocka_unit_test(reset_control), cmocka_unit_test(bars),
		cmocka_unit_test(interrupt_routing), cmocka_unit_test(capabilities_and_msi), cmocka_unit_test(dma), cmocka_unit_test(slots),
		cmocka_unit_test(pam), cmocka_unit_test(smram), cmocka_unit_test(memory_map) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
