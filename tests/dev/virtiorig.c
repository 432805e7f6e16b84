/* virtiorig.c - the driver's side of virtio. */
#include "tests/dev/virtiorig.h"
#include "devices/chipset/lapic.h"
#include <stdio.h>

uint64_t vread(struct vrig *r, uint64_t addr, unsigned size) { return space_read(&r->m->mem, addr, size); }
void vwrite(struct vrig *r, uint64_t addr, unsigned size, uint64_t val) { space_write(&r->m->mem, addr, size, val); }
void vrig_poke(struct vrig *r, uint64_t addr, const void *p, size_t len) { assert_true(space_write_buf(&r->m->mem, addr, p, len)); }
void vrig_peek(struct vrig *r, uint64_t addr, void *p, size_t len) { assert_true(space_read_buf(&r->m->mem, addr, p, len)); }

/* ---- a back end ---------------------------------------------------------------------------------------------------------------- */

static ssize_t keep(struct chardev *c, const uint8_t *buf, size_t len)
{
	struct vrig_chr *k = c->priv;

	if (len > k->room)
		len = k->room;
	if (len > sizeof k->out - k->out_len)
		len = sizeof k->out - k->out_len;
	memcpy(k->out + k->out_len, buf, len);
	k->out_len += len;
	k->room -= len;
	return (ssize_t)len;
}

static void asked(struct chardev *c) { ((struct vrig_chr *)c->priv)->asked++; }
static void closed(struct chardev *c) { }

static bool size_of(struct chardev *c, unsigned *cols, unsigned *rows)
{
	const struct vrig_chr *k = c->priv;

	*cols = k->cols;
	*rows = k->rows;
	return true;
}

static const struct chardev_kind keeper = { .name = "keeper", .close = closed, .write = keep, .accept_input = asked, .size = size_of };

static void take_over(struct vrig *r, unsigned n, const char *label)
{
	struct chardev *c = chardev_find(r->m, label);

	if (!c)
		return;
	c->kind->close(c);
	c->kind = &keeper;
	c->priv = &r->chr[n];
	r->chr[n].c = c;
	r->chr[n].room = sizeof r->chr[n].out;
	if (c->attached)
		chr_event(c, CHR_OPENED);
}

size_t vrig_type(struct vrig *r, unsigned chr, const void *p, size_t len)
{
	size_t done = 0;

	while (done < len) {
		unsigned room = chr_can_read(r->chr[chr].c), n = room < len - done ? room : (unsigned)(len - done);
		if (!n)
			break;
		chr_deliver(r->chr[chr].c, (const uint8_t *)p + done, n);
		done += n;
	}
	return done;
}

/* ---- the board ----------------------------------------------------------------------------------------------------------------- */

struct vrig *vrig_new(const char *device, const char *more)
{
	struct vrig *r = calloc(1, sizeof *r);
	char args[600];

	assert_non_null(r);
	snprintf(args, sizeof args, "-m 16 -nodefaults -chardev null,id=c -chardev null,id=d -device %s,addr=5,id=vs %s", device, more);
	r->m = board_new(args);
	r->pci = container_of(r->m->pci, struct pci_bus, bus)->devs[V_SLOT];
	r->next_buffer = RIG_BUFFERS;
	take_over(r, 0, "c");
	take_over(r, 1, "d");
	cfg_write(r->m, V_SLOT, 0x10, 4, V_IO);
	cfg_write(r->m, V_SLOT, 0x14, 4, V_MSIX);
	cfg_write(r->m, V_SLOT, 0x20, 4, V_BAR4);
	cfg_write(r->m, V_SLOT, 4, 2, PCI_CMD_IO | PCI_CMD_MEM | PCI_CMD_MASTER);
	return r;
}

void vrig_free(struct vrig *r)
{
	board_free(r->m);
	free(r);
}

void vrig_save_load_save(struct vrig *r)
{
	struct state_buf a = { 0 }, b = { 0 };
	struct error err = { "" };

	machine_save_devices(r->m, &a);
	machine_reset(r->m, RESET_SYSTEM);
	if (!machine_load_devices(r->m, &a, &err))
		fail_msg("%s", err.msg);
	machine_save_devices(r->m, &b);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	state_buf_free(&a);
	state_buf_free(&b);
}

/* ---- starting the device ------------------------------------------------------------------------------------------------------- */

static void place(struct vrig *r, unsigned n, unsigned size)
{
	struct vrig_queue *q = &r->q[n];
	uint8_t zero[RIG_RING_STEP] = { 0 };

	*q = (struct vrig_queue){ .size = size, .desc = RIG_RINGS + (uint64_t)n * RIG_RING_STEP };
	q->avail = q->desc + 16u * size;
	q->used = (q->avail + 6 + 2u * size + 4095) & ~UINT64_C(4095);
	vrig_poke(r, q->desc, zero, sizeof zero);
}

void vrig_queue(struct vrig *r, unsigned n)
{
	vwrite(r, V_QUEUE_SELECT, 2, n);
	place(r, n, (unsigned)vread(r, V_QUEUE_SIZE, 2));
	const uint64_t at[] = { r->q[n].desc, r->q[n].avail, r->q[n].used };
	for (unsigned i = 0; i < 3; i++) {
		vwrite(r, V_QUEUE_DESC + 8 * i, 4, (uint32_t)at[i]);
		vwrite(r, V_QUEUE_DESC + 8 * i + 4, 4, at[i] >> 32);
	}
	vwrite(r, V_QUEUE_VECTOR, 2, n ? 1 : 0);
	vwrite(r, V_QUEUE_ENABLE, 2, 1);
}

void vrig_queue_legacy(struct vrig *r, unsigned n)
{
	out16(r->m, V_IO + 14, (uint16_t)n);
	place(r, n, in16(r->m, V_IO + 12));
	out32(r->m, V_IO + 8, (uint32_t)(r->q[n].desc >> 12));
}

bool vrig_start(struct vrig *r, uint64_t without, unsigned queues)
{
	uint64_t offered = 0;

	vwrite(r, V_STATUS, 1, 0);
	vwrite(r, V_STATUS, 1, VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER);
	for (unsigned i = 0; i < 2; i++) {
		vwrite(r, V_FEATURE_SELECT, 4, i);
		offered |= vread(r, V_FEATURE, 4) << (32 * i);
	}
	offered &= ~without;
	for (unsigned i = 0; i < 2; i++) {
		vwrite(r, V_DRIVER_FEATURE_SELECT, 4, i);
		vwrite(r, V_DRIVER_FEATURE, 4, (uint32_t)(offered >> (32 * i)));
	}
	vwrite(r, V_STATUS, 1, VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER | VIRTIO_S_FEATURES_OK);
	if (!(vread(r, V_STATUS, 1) & VIRTIO_S_FEATURES_OK))
		return false;
	vwrite(r, V_CONFIG_VECTOR, 2, 0);
	for (unsigned n = 0; n < queues; n++)
		vrig_queue(r, n);
	vwrite(r, V_STATUS, 1, VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER | VIRTIO_S_FEATURES_OK | VIRTIO_S_DRIVER_OK);
	return true;
}

void vrig_start_legacy(struct vrig *r, uint64_t without, unsigned queues)
{
	r->legacy = true;
	out8(r->m, V_IO + 18, 0);
	out8(r->m, V_IO + 18, VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER);
	out32(r->m, V_IO + 4, in32(r->m, V_IO) & ~(uint32_t)without);
	for (unsigned n = 0; n < queues; n++)
		vrig_queue_legacy(r, n);
	out8(r->m, V_IO + 18, VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER | VIRTIO_S_DRIVER_OK);
}

/* ---- rings --------------------------------------------------------------------------------------------------------------------- */

static void put(struct vrig *r, uint64_t addr, uint64_t v, unsigned size) { vrig_poke(r, addr, &v, size); }

static uint64_t get(struct vrig *r, uint64_t addr, unsigned size)
{
	uint64_t v = 0;

	vrig_peek(r, addr, &v, size);
	return v;
}

uint64_t vrig_offer(struct vrig *r, unsigned n, const void *data, unsigned len, bool in)
{
	struct vrig_queue *q = &r->q[n];
	unsigned d = q->next_desc++ % q->size;
	uint64_t addr = r->next_buffer;

	r->next_buffer += (len + RIG_BUFFER - 1) & ~(RIG_BUFFER - 1u);
	if (data)
		vrig_poke(r, addr, data, len);
	put(r, q->desc + 16u * d, addr, 8);
	put(r, q->desc + 16u * d + 8, len, 4);
	put(r, q->desc + 16u * d + 12, in ? 2 : 0, 4);
	put(r, q->avail + 4 + 2u * (q->avail_idx % q->size), d, 2);
	put(r, q->avail + 2, ++q->avail_idx, 2);
	return addr;
}

void vrig_notify(struct vrig *r, unsigned q)
{
	if (r->legacy)
		out16(r->m, V_IO + 16, (uint16_t)q);
	else
		vwrite(r, V_NOTIFY + 4 * q, 2, q);
}

bool vrig_used(struct vrig *r, unsigned n, uint64_t *addr, uint32_t *written)
{
	struct vrig_queue *q = &r->q[n];
	uint64_t at = q->used + 4 + 8u * (q->used_seen % q->size);

	if ((uint16_t)get(r, q->used + 2, 2) == q->used_seen)
		return false;
	q->used_seen++;
	*written = (uint32_t)get(r, at + 4, 4);
	*addr = get(r, q->desc + 16 * get(r, at, 4), 8);
	put(r, q->avail + 4 + 2u * q->size, q->used_seen, 2);           /* event index: tell me of the next one */
	return true;
}

/* ---- messages ------------------------------------------------------------------------------------------------------------------ */

void vrig_msix(struct vrig *r)
{
	unsigned cap = cfg_read(r->m, V_SLOT, 0x34, 1);

	poke32(r->m, 0xfee000f0, 0x1ff);
	for (unsigned n = 0; n < 2; n++) {
		vwrite(r, V_MSIX + 16 * n, 4, 0xfee00000);
		vwrite(r, V_MSIX + 16 * n + 4, 4, 0);
		vwrite(r, V_MSIX + 16 * n + 8, 4, 0x40 + n);
		vwrite(r, V_MSIX + 16 * n + 12, 4, 0);
	}
	cfg_write(r->m, V_SLOT, cap + 2, 2, 0x8000);
}

bool vrig_message(struct vrig *r, unsigned n)
{
	bool sent;

	/* Take them from the APIC as a CPU would. */
	for (int v; (v = lapic_ack(r->m->lapics[0])) >= 0x40 && v < 0x48;) {
		r->messages |= 1u << (v - 0x40);
		poke32(r->m, 0xfee000b0, 0);
	}
	sent = r->messages >> n & 1;
	r->messages &= ~(1u << n);
	return sent;
}
