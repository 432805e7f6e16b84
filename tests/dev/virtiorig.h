/* virtiorig.h - the driver's side of virtio, for tests: a board with one virtio device in slot 5, its registers by both interfaces, and split virtqueues in
 * guest RAM.  What a test wants to write wrongly it pokes itself. */
#ifndef TESTS_DEV_VIRTIORIG_H
#define TESTS_DEV_VIRTIORIG_H
#include "core/char/chardev.h"
#include "devices/virtio/virtio_pci.h"
#include "tests/dev/board.h"

enum { V_SLOT = DEVFN(5, 0), V_IO = 0xc000, V_MSIX = 0xe0000000, V_BAR4 = 0xe0010000 };
/* Offsets in BAR 4. */
enum { V_FEATURE_SELECT = V_BAR4, V_FEATURE = V_BAR4 + 4, V_DRIVER_FEATURE_SELECT = V_BAR4 + 8, V_DRIVER_FEATURE = V_BAR4 + 12, V_CONFIG_VECTOR = V_BAR4 + 16,
       V_NUM_QUEUES = V_BAR4 + 18, V_STATUS = V_BAR4 + 20, V_GENERATION = V_BAR4 + 21, V_QUEUE_SELECT = V_BAR4 + 22, V_QUEUE_SIZE = V_BAR4 + 24,
       V_QUEUE_VECTOR = V_BAR4 + 26, V_QUEUE_ENABLE = V_BAR4 + 28, V_NOTIFY_OFF = V_BAR4 + 30, V_QUEUE_DESC = V_BAR4 + 32, V_QUEUE_DRIVER = V_BAR4 + 40,
       V_QUEUE_DEVICE = V_BAR4 + 48, V_QUEUE_RESET = V_BAR4 + 58, V_ISR = V_BAR4 + 0x1000, V_CONFIG = V_BAR4 + 0x2000, V_NOTIFY = V_BAR4 + 0x3000 };
enum { RIG_QUEUES = 66, RIG_RINGS = 0x200000, RIG_RING_STEP = 0x4000, RIG_BUFFERS = 0x400000, RIG_BUFFER = 0x1000 };

struct vrig_queue { unsigned size, next_desc; uint64_t desc, avail, used; uint16_t avail_idx, used_seen; };
struct vrig {
	struct machine *m;
	struct pci_device *pci;
	bool legacy;
	struct vrig_queue q[RIG_QUEUES];
	uint64_t next_buffer;
	unsigned messages;                      /* bit n: message n was sent and nobody asked */
	/* the back end "c" (-chardev null,id=c), and "d" if there is one, keep what they get */
	struct vrig_chr { struct chardev *c; uint8_t out[1 << 16]; size_t out_len, room; unsigned asked, cols, rows; } chr[2];
};
/* -device DEVICE,addr=5 and more options; BARs mapped, bus mastering on.  *state. */
struct vrig *vrig_new(const char *device, const char *more);
void vrig_free(struct vrig *r);

uint64_t vread(struct vrig *r, uint64_t addr, unsigned size);
void vwrite(struct vrig *r, uint64_t addr, unsigned size, uint64_t val);
/* Status, features (those offered, without `without`), queues 0..n-1, DRIVER_OK; false: the device refused the features. */
bool vrig_start(struct vrig *r, uint64_t without, unsigned queues);
void vrig_start_legacy(struct vrig *r, uint64_t without, unsigned queues);
void vrig_queue(struct vrig *r, unsigned n);
void vrig_queue_legacy(struct vrig *r, unsigned n);
/* Offer one buffer; `in`: for the device to write.  Returns its address. */
uint64_t vrig_offer(struct vrig *r, unsigned q, const void *data, unsigned len, bool in);
void vrig_notify(struct vrig *r, unsigned q);
/* The next entry of the used ring, if there is one: *written bytes, and where the buffer lies. */
bool vrig_used(struct vrig *r, unsigned q, uint64_t *addr, uint32_t *written);
void vrig_poke(struct vrig *r, uint64_t addr, const void *p, size_t len);
void vrig_peek(struct vrig *r, uint64_t addr, void *p, size_t len);
/* Type into a back end: as much of it as the device takes.  Returns how much. */
size_t vrig_type(struct vrig *r, unsigned chr, const void *p, size_t len);
void vrig_save_load_save(struct vrig *r);
/* MSI-X on, message n is vector 40h + n of the only CPU; was it sent since the last question? */
void vrig_msix(struct vrig *r);
bool vrig_message(struct vrig *r, unsigned n);
#endif
