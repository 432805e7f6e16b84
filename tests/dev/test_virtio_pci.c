/* test_virtio_pci.c - virtio's PCI transport, by its two interfaces; the device behind it is a console controller. */
#include "tests/dev/virtiorig.h"

enum { CONTROL_IN = 2, CONTROL_OUT = 3 };
#define MULTIPORT VIRTIO_BIT(1)
#define EVENT_IDX VIRTIO_BIT(VIRTIO_F_EVENT_IDX)

/* The capability of a type; 0: there is none. */
static unsigned find_cap(struct vrig *r, unsigned type)
{
	for (unsigned at = cfg_read(r->m, V_SLOT, 0x34, 1), n = 0; at && n < 48; at = cfg_read(r->m, V_SLOT, at + 1, 1), n++)
		if (cfg_read(r->m, V_SLOT, at, 1) == PCI_CAP_ID_VENDOR && cfg_read(r->m, V_SLOT, at + 3, 1) == type)
			return at;
	return 0;
}

static void identity(void **state)
{
	static const struct { const char *device; unsigned id, sub, revision, first_bar, caps; } kinds[] = {
		{ "virtio-serial-pci", 0x1003, 3, 0, 1, 0x98 }, { "virtio-serial", 0x1003, 3, 0, 1, 0x98 }, { "virtio-serial-pci-transitional", 0x1003, 3, 0, 1, 0x98 },
		{ "virtio-serial-pci-non-transitional", 0x1043, 0x1100, 1, 0, 0x98 }, { "virtio-serial-pci,disable-legacy=on", 0x1043, 0x1100, 1, 0, 0x98 },
		{ "virtio-serial-pci,vectors=0", 0x1003, 3, 0, 1, 0x84 }, { "virtio-serial-pci,disable-modern=on", 0x1003, 3, 0, 1, 0x40 } };
	struct error err;

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct vrig *r = vrig_new(kinds[i].device, "");
		assert_int_equal(cfg_read(r->m, V_SLOT, 0, 4), 0x1af4 | kinds[i].id << 16);
		assert_int_equal(cfg_read(r->m, V_SLOT, 0x2c, 4), 0x1af4 | kinds[i].sub << 16);
		assert_int_equal(cfg_read(r->m, V_SLOT, 8, 4), 0x07800000 | kinds[i].revision);
		assert_int_equal(cfg_read(r->m, V_SLOT, 0x10, 4) & 1, kinds[i].first_bar);
		assert_int_equal(cfg_read(r->m, V_SLOT, 0x34, 1), kinds[i].caps);
		vrig_free(r);
	}
	assert_non_null(strstr(board_error("-device virtio-serial-pci,disable-legacy=on,disable-modern=on", &err), "neither modern nor legacy"));
	assert_non_null(strstr(board_error("-device virtio-serial-pci-transitional,disable-legacy=on", &err), "disable-legacy' not found"));
	assert_non_null(strstr(board_error("-device virtio-serial-pci,vectors=129", &err), "129 interrupt vectors are not possible; 0 to 128 are"));
	assert_non_null(strstr(board_error("-device virtio-serial-pci,disable-legacy=perhaps", &err), "does not accept value 'perhaps'"));
}

static void capabilities(void **state)
{
	static const struct { unsigned type, offset, len; } caps[] = { { 1, 0, 16 }, { 2, 0x3000, 20 }, { 3, 0x1000, 16 }, { 4, 0x2000, 16 } };
	struct vrig *r = vrig_new("virtio-serial-pci", "");

	for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
		unsigned at = find_cap(r, caps[i].type);
		assert_true(at);
		assert_int_equal(cfg_read(r->m, V_SLOT, at + 2, 1), caps[i].len);
		assert_int_equal(cfg_read(r->m, V_SLOT, at + 4, 1), 4);
		assert_int_equal(cfg_read(r->m, V_SLOT, at + 8, 4), caps[i].offset);
		cfg_write(r->m, V_SLOT, at + 8, 4, 0x55);       /* read-only */
		assert_int_equal(cfg_read(r->m, V_SLOT, at + 8, 4), caps[i].offset);
	}
	assert_int_equal(cfg_read(r->m, V_SLOT, find_cap(r, 2) + 16, 4), 4);
	vrig_free(r);
}

static void negotiation(void **state)
{
	struct vrig *r = vrig_new("virtio-serial-pci", "");

	assert_int_equal(vread(r, V_NUM_QUEUES, 2), 64);
	vwrite(r, V_FEATURE_SELECT, 4, 0);
	assert_int_equal(vread(r, V_FEATURE, 4), 0x39000007);
	vwrite(r, V_FEATURE_SELECT, 4, 1);
	assert_int_equal(vread(r, V_FEATURE, 4), 0x101);
	vwrite(r, V_FEATURE_SELECT, 4, 2);
	assert_int_equal(vread(r, V_FEATURE, 4), 0);
	/* A feature that was not offered. */
	vwrite(r, V_STATUS, 1, 3);
	vwrite(r, V_DRIVER_FEATURE_SELECT, 4, 1);
	vwrite(r, V_DRIVER_FEATURE, 4, 0x8001);
	assert_int_equal(vread(r, V_DRIVER_FEATURE, 4), 0x8001);
	vwrite(r, V_STATUS, 1, 0xb);
	assert_int_equal(vread(r, V_STATUS, 1), 3);
	vwrite(r, V_STATUS, 1, 0x83);
	assert_int_equal(vread(r, V_STATUS, 1), 0x83);
	/* A reset forgets; what was offered is taken. */
	assert_true(vrig_start(r, 0, 4));
	assert_int_equal(vread(r, V_STATUS, 1), 0xf);
	vwrite(r, V_DRIVER_FEATURE, 4, 0);                      /* too late */
	assert_int_not_equal(vread(r, V_DRIVER_FEATURE, 4), 0);
	vwrite(r, V_STATUS, 1, 0);
	assert_int_equal(vread(r, V_STATUS, 1), 0);
	vwrite(r, V_QUEUE_SELECT, 2, 3);
	assert_int_equal(vread(r, V_QUEUE_ENABLE, 2), 0);
	assert_int_equal(vread(r, V_QUEUE_DESC, 4), 0);
	assert_int_equal(vread(r, V_QUEUE_VECTOR, 2), VQ_NO_VECTOR);
	vrig_free(r);
}

static void queue_registers(void **state)
{
	struct vrig *r = vrig_new("virtio-serial-pci", "");

	vwrite(r, V_QUEUE_SELECT, 2, 5);
	assert_int_equal(vread(r, V_QUEUE_SIZE, 2), 128);
	assert_int_equal(vread(r, V_NOTIFY_OFF, 2), 5);
	static const uint16_t bad[] = { 0, 3, 256, 0x8000 };
	for (size_t i = 0; i < 4; i++) {
		vwrite(r, V_QUEUE_SIZE, 2, bad[i]);
		assert_int_equal(vread(r, V_QUEUE_SIZE, 2), 128);
	}
	vwrite(r, V_QUEUE_SIZE, 2, 64);
	assert_int_equal(vread(r, V_QUEUE_SIZE, 2), 64);
	vwrite(r, V_QUEUE_VECTOR, 2, 2);                        /* there are two */
	assert_int_equal(vread(r, V_QUEUE_VECTOR, 2), VQ_NO_VECTOR);
	vwrite(r, V_QUEUE_VECTOR, 2, 1);
	assert_int_equal(vread(r, V_QUEUE_VECTOR, 2), 1);
	vwrite(r, V_QUEUE_DESC, 4, 0x11223344);
	vwrite(r, V_QUEUE_DESC + 4, 4, 0x55667788);
	assert_int_equal(vread(r, V_QUEUE_DESC, 8), UINT64_C(0x5566778811223344));
	vwrite(r, V_QUEUE_DESC, 2, 0xffff);                     /* a width that no register has, and between two of them */
	vwrite(r, V_QUEUE_DESC + 2, 4, 0xffffffff);
	assert_int_equal(vread(r, V_QUEUE_DESC, 8), UINT64_C(0x5566778811223344));
	vwrite(r, V_QUEUE_ENABLE, 2, 1);
	vwrite(r, V_QUEUE_DESC, 4, 0);                          /* not while it is in use */
	vwrite(r, V_QUEUE_SIZE, 2, 32);
	assert_int_equal(vread(r, V_QUEUE_DESC, 4), 0x11223344);
	assert_int_equal(vread(r, V_QUEUE_SIZE, 2), 64);
	vwrite(r, V_QUEUE_SELECT, 2, 64);                       /* there is no such queue */
	assert_int_equal(vread(r, V_QUEUE_SIZE, 2), 0);
	vwrite(r, V_QUEUE_ENABLE, 2, 1);
	vwrite(r, V_QUEUE_DESC, 4, 1);
	assert_int_equal(vread(r, V_QUEUE_ENABLE, 2), 0);
	assert_int_equal(vread(r, V_BAR4 + 0x800, 4), 0);       /* behind the registers */
	vwrite(r, V_BAR4 + 0x800, 4, 1);
	vwrite(r, V_NOTIFY + 0xffc, 4, 1);
	vrig_free(r);
}

/* An interrupt of the control queue: the driver sends something. */
static void cause(struct vrig *r)
{
	static const uint8_t hello[8] = { 0xff, 0xff, 0xff, 0xff };
	uint64_t addr;
	uint32_t n;

	vrig_offer(r, CONTROL_OUT, hello, sizeof hello, false);
	vrig_notify(r, CONTROL_OUT);
	assert_true(vrig_used(r, CONTROL_OUT, &addr, &n));
}

static void interrupts_by_wire(void **state)
{
	struct vrig *r = vrig_new("virtio-serial-pci", "");

	assert_true(vrig_start(r, EVENT_IDX, 4));
	cause(r);
	assert_int_equal(r->pci->irq_level, 1);
	assert_int_equal(vread(r, V_ISR, 1), 1);
	assert_int_equal(r->pci->irq_level, 0);
	assert_int_equal(vread(r, V_ISR, 1), 0);
	cause(r);
	vwrite(r, V_STATUS, 1, 0);                              /* a reset lets go of the wire */
	assert_int_equal(r->pci->irq_level, 0);
	/* A driver that goes wrong: the configuration's interrupt. */
	assert_true(vrig_start(r, EVENT_IDX, 4));
	vrig_poke(r, r->q[CONTROL_OUT].avail + 2, "\x70", 1);
	vrig_notify(r, CONTROL_OUT);
	assert_int_equal(vread(r, V_STATUS, 1), 0xf | VIRTIO_S_NEEDS_RESET);
	vwrite(r, V_STATUS, 1, 0xf);                            /* it goes with a reset only */
	assert_int_equal(vread(r, V_STATUS, 1), 0xf | VIRTIO_S_NEEDS_RESET);
	assert_int_equal(vread(r, V_ISR, 1), 2);
	assert_true(vrig_start(r, EVENT_IDX, 4));
	assert_int_equal(vread(r, V_STATUS, 1), 0xf);
	cause(r);
	assert_int_equal(r->pci->irq_level, 1);
	vrig_msix(r);                                           /* the wire is not for those who take messages */
	assert_int_equal(r->pci->irq_level, 0);
	vrig_free(r);
}

/* Queues rest until the driver says that it is there. */
static void before_the_driver_is_ready(void **state)
{
	struct vrig *r = vrig_new("virtio-serial-pci", "");
	static const uint8_t hello[8] = { 0xff };
	uint64_t addr;
	uint32_t n;

	assert_true(vrig_start(r, EVENT_IDX, 4));
	vwrite(r, V_STATUS, 1, 0xb);
	vrig_offer(r, CONTROL_OUT, hello, sizeof hello, false);
	vrig_notify(r, CONTROL_OUT);
	assert_false(vrig_used(r, CONTROL_OUT, &addr, &n));
	vwrite(r, V_STATUS, 1, 0xf);
	assert_true(vrig_used(r, CONTROL_OUT, &addr, &n));
	vrig_free(r);
}

static void interrupts_by_message(void **state)
{
	struct vrig *r = vrig_new("virtio-serial-pci", "");

	vrig_msix(r);
	assert_true(vrig_start(r, EVENT_IDX, 4));
	cause(r);
	assert_int_equal(r->pci->irq_level, 0);
	assert_true(vrig_message(r, 1));
	assert_false(vrig_message(r, 0));
	vwrite(r, V_MSIX + 16 + 12, 4, 1);                      /* masked: it waits */
	cause(r);
	assert_false(vrig_message(r, 1));
	assert_int_equal(vread(r, V_MSIX + 0x800, 8), 2);
	vwrite(r, V_MSIX + 0x800, 4, 0);                        /* read-only */
	vwrite(r, V_MSIX + 16 + 12, 4, 0);
	assert_true(vrig_message(r, 1));
	assert_int_equal(vread(r, V_MSIX + 0x800, 8), 0);
	unsigned control = cfg_read(r->m, V_SLOT, 0x34, 1) + 2;
	cfg_write(r->m, V_SLOT, control, 2, 0xc000);            /* all masked */
	cause(r);
	cause(r);
	assert_false(vrig_message(r, 1));
	cfg_write(r->m, V_SLOT, control, 2, 0x8000);
	assert_true(vrig_message(r, 1));
	assert_false(vrig_message(r, 1));
	vwrite(r, V_QUEUE_SELECT, 2, CONTROL_OUT);
	vwrite(r, V_QUEUE_VECTOR, 2, VQ_NO_VECTOR);             /* silent */
	cause(r);
	assert_false(vrig_message(r, 1));
	assert_int_equal(r->pci->irq_level, 0);
	vrig_poke(r, r->q[CONTROL_OUT].avail + 2, "\x70", 1);
	vrig_notify(r, CONTROL_OUT);
	assert_true(vrig_message(r, 0));                        /* the configuration's */
	vwrite(r, V_MSIX + 12, 4, 0xffffffff);                  /* one bit is there */
	assert_int_equal(vread(r, V_MSIX + 12, 4), 1);
	vwrite(r, V_MSIX, 4, 0xffffffff);
	assert_int_equal(vread(r, V_MSIX, 8), 0xfffffffc);
	machine_reset(r->m, RESET_SYSTEM);
	assert_int_equal(cfg_read(r->m, V_SLOT, control, 2), 1);
	vrig_free(r);
}

static void legacy_registers(void **state)
{
	struct vrig *r = vrig_new("virtio-serial-pci", "");
	unsigned control = cfg_read(r->m, V_SLOT, 0x34, 1) + 2;

	assert_int_equal(in32(r->m, V_IO), 0x39000007);
	assert_int_equal(in32(r->m, V_IO + 20 + 4), 31);        /* its own configuration: ports */
	assert_int_equal(in8(r->m, V_IO + 20 + 4), 31);
	cfg_write(r->m, V_SLOT, control, 2, 0x8000);
	assert_int_equal(in32(r->m, V_IO + 24 + 4), 31);        /* further back with MSI-X */
	out16(r->m, V_IO + 20, 1);
	assert_int_equal(in16(r->m, V_IO + 20), 1);
	out16(r->m, V_IO + 22, 9);
	assert_int_equal(in16(r->m, V_IO + 22), VQ_NO_VECTOR);
	cfg_write(r->m, V_SLOT, control, 2, 0);
	out16(r->m, V_IO + 14, 70);
	assert_int_equal(in16(r->m, V_IO + 12), 0);
	out32(r->m, V_IO + 8, 5);
	vrig_start_legacy(r, EVENT_IDX, 4);
	assert_int_equal(in8(r->m, V_IO + 18), 7);
	assert_int_equal(in32(r->m, V_IO + 8), r->q[3].desc >> 12);
	cause(r);
	assert_int_equal(r->pci->irq_level, 1);
	assert_int_equal(in8(r->m, V_IO + 19), 1);
	assert_int_equal(r->pci->irq_level, 0);
	uint64_t features = container_of(r->pci, struct virtio_pci, pci)->v.features;
	out32(r->m, V_IO + 4, 0x39000007);                      /* too late */
	assert_int_equal(container_of(r->pci, struct virtio_pci, pci)->v.features, features);
	out16(r->m, V_IO + 14, CONTROL_OUT);
	out32(r->m, V_IO + 8, 0);                               /* no queue */
	vrig_notify(r, CONTROL_OUT);
	assert_int_equal(vread(r, V_QUEUE_ENABLE, 2), 0);
	vrig_queue_legacy(r, CONTROL_OUT);                      /* and one from its beginning */
	cause(r);
	out8(r->m, V_IO + 18, 0);
	assert_int_equal(in8(r->m, V_IO + 18), 0);
	assert_int_equal(in32(r->m, V_IO + 4), 0);
	vrig_free(r);
}

static void through_configuration_space(void **state)
{
	struct vrig *r = vrig_new("virtio-serial-pci", "");
	unsigned cap = find_cap(r, 5);

	cfg_write(r->m, V_SLOT, cap + 4, 1, 4);
	cfg_write(r->m, V_SLOT, cap + 8, 4, 0x2004);
	cfg_write(r->m, V_SLOT, cap + 12, 4, 4);
	assert_int_equal(cfg_read(r->m, V_SLOT, cap + 16, 4), 31);
	cfg_write(r->m, V_SLOT, cap + 8, 4, 22);
	cfg_write(r->m, V_SLOT, cap + 12, 4, 2);
	cfg_write(r->m, V_SLOT, cap + 16, 2, 7);
	assert_int_equal(vread(r, V_QUEUE_SELECT, 2), 7);
	cfg_write(r->m, V_SLOT, cap + 16, 4, 0x99990008);       /* as long as it says */
	assert_int_equal(vread(r, V_QUEUE_SELECT, 2), 8);
	/* Accesses that there are none of. */
	static const struct { unsigned bar, off, len; } bad[] = { { 1, 22, 2 }, { 4, 0x4000, 2 }, { 4, 0xfffffffe, 2 }, { 4, 22, 3 }, { 4, 22, 0 }, { 4, 21, 2 }, { 4, 0x2005, 2 },
		{ 4, 22, 0x80000002 }, { 0xff, 22, 2 } };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		cfg_write(r->m, V_SLOT, cap + 4, 1, bad[i].bar);
		cfg_write(r->m, V_SLOT, cap + 8, 4, bad[i].off);
		cfg_write(r->m, V_SLOT, cap + 12, 4, bad[i].len);
		cfg_write(r->m, V_SLOT, cap + 16, 4, 0x7f0101);
		assert_int_equal(cfg_read(r->m, V_SLOT, cap + 16, 4), 0x7f0101);
		assert_int_equal(vread(r, V_QUEUE_SELECT, 2), 8);
	}
	machine_reset(r->m, RESET_SYSTEM);
	assert_int_equal(cfg_read(r->m, V_SLOT, cap + 4, 1), 0);
	assert_int_equal(cfg_read(r->m, V_SLOT, cap + 8, 4), 0);
	vrig_free(r);
}

/* A device that may not be bus master waits; an old driver never thinks of that. */
static void bus_mastering(void **state)
{
	struct vrig *r = vrig_new("virtio-serial-pci", "");
	static const uint8_t hello[8] = { 0xff };
	uint64_t addr;
	uint32_t n;

	assert_true(vrig_start(r, EVENT_IDX, 4));
	cfg_write(r->m, V_SLOT, 4, 2, PCI_CMD_IO | PCI_CMD_MEM);
	vrig_offer(r, CONTROL_OUT, hello, sizeof hello, false);
	vrig_notify(r, CONTROL_OUT);
	assert_false(vrig_used(r, CONTROL_OUT, &addr, &n));
	assert_int_equal(vread(r, V_STATUS, 1), 0xf);
	cfg_write(r->m, V_SLOT, 4, 2, PCI_CMD_IO | PCI_CMD_MEM | PCI_CMD_MASTER);
	assert_true(vrig_used(r, CONTROL_OUT, &addr, &n));
	cfg_write(r->m, V_SLOT, 4, 2, PCI_CMD_IO | PCI_CMD_MEM);
	vrig_start_legacy(r, EVENT_IDX, 4);
	cause(r);
	vrig_free(r);
}

static void reset_of_one_queue(void **state)
{
	struct vrig *r = vrig_new("virtio-serial-pci", "");

	assert_true(vrig_start(r, EVENT_IDX, 4));
	cause(r);
	vwrite(r, V_QUEUE_SELECT, 2, CONTROL_OUT);
	vwrite(r, V_QUEUE_RESET, 2, 1);
	assert_int_equal(vread(r, V_QUEUE_RESET, 2), 0);
	assert_int_equal(vread(r, V_QUEUE_ENABLE, 2), 0);
	assert_int_equal(vread(r, V_STATUS, 1), 0xf);
	vrig_queue(r, CONTROL_OUT);
	cause(r);
	assert_true(vrig_start(r, EVENT_IDX | VIRTIO_BIT(VIRTIO_F_RING_RESET), 4));
	vwrite(r, V_QUEUE_SELECT, 2, CONTROL_OUT);
	vwrite(r, V_QUEUE_RESET, 2, 1);                         /* the driver has not asked for that */
	assert_int_equal(vread(r, V_QUEUE_ENABLE, 2), 1);
	cause(r);
	vrig_free(r);
}

static void saved_state(void **state)
{
	struct vrig *r = vrig_new("virtio-serial-pci", "");
	struct state_buf b = { 0 };
	struct error err;

	vrig_msix(r);
	assert_true(vrig_start(r, 0, 4));
	cause(r);
	vwrite(r, V_MSIX + 16 + 12, 4, 1);
	vrig_save_load_save(r);
	assert_int_equal(vread(r, V_STATUS, 1), 0xf);           /* all is as it was, BARs and all */
	vrig_poke(r, r->q[CONTROL_OUT].avail + 4 + 2 * r->q[CONTROL_OUT].size, "\1", 2);
	cause(r);
	vwrite(r, V_MSIX + 16 + 12, 4, 0);
	assert_true(vrig_message(r, 1));

	/* What no device can have is refused. */
	struct virtio_pci *p = container_of(r->pci, struct virtio_pci, pci);
	p->vq[1].size = 129;
	state_put(&b, "v", 1, virtio_pci_state, p);
	b.pos = 0;
	assert_true(state_get(&b, "v", 1, virtio_pci_state, p, &err));
	assert_false(virtio_pci_loaded(p, &err));
	p->vq[1].size = 128;
	p->v.features = UINT64_MAX;
	assert_false(virtio_pci_loaded(p, &err));
	p->v.features = 0;
	p->isr = 8;
	assert_false(virtio_pci_loaded(p, &err));
	p->isr = 0;
	p->v.broken = 2;
	assert_false(virtio_pci_loaded(p, &err));
	p->v.broken = 0;
	assert_true(virtio_pci_loaded(p, &err));
	state_buf_free(&b);
	vrig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(identity), cmocka_unit_test(capabilities), cmocka_unit_test(negotiation), cmocka_unit_test(queue_registers),
		cmocka_unit_test(interrupts_by_wire), cmocka_unit_test(interrupts_by_message), cmocka_unit_test(before_the_driver_is_ready), cmocka_unit_test(legacy_registers),
		cmocka_unit_test(through_configuration_space), cmocka_unit_test(bus_mastering), cmocka_unit_test(reset_of_one_queue), cmocka_unit_test(saved_state) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
