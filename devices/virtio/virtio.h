/* virtio.h - what every virtio device has, whatever bus it sits on: features, status, queues.  Ref: VIRTIO 1.2, chapter 2 "Basic Facilities" and
 * section 3.1 "Device Initialization".  Machine lock held throughout. */
#ifndef DEVICES_VIRTIO_VIRTIO_H
#define DEVICES_VIRTIO_VIRTIO_H
#include "core/machine/device.h"
#include "devices/virtio/virtqueue.h"

enum { VIRTIO_ID_CONSOLE = 3 };                 /* chapter 5 */
enum { VIRTIO_S_ACKNOWLEDGE = 1, VIRTIO_S_DRIVER = 2, VIRTIO_S_DRIVER_OK = 4, VIRTIO_S_FEATURES_OK = 8,
       VIRTIO_S_NEEDS_RESET = 0x40, VIRTIO_S_FAILED = 0x80 };
/* Section 6 "Reserved Feature Bits", as bit numbers; the first two are of the legacy interface only. */
enum { VIRTIO_F_NOTIFY_ON_EMPTY = 24, VIRTIO_F_ANY_LAYOUT = 27, VIRTIO_F_INDIRECT_DESC = 28, VIRTIO_F_EVENT_IDX = 29,
       VIRTIO_F_VERSION_1 = 32, VIRTIO_F_RING_RESET = 40 };
#define VIRTIO_BIT(n) (UINT64_C(1) << (n))
enum { VIRTIO_LEGACY_BITS = 32, VIRTIO_CONFIG_MAX = 256 };

struct virtio;
/* A kind of device. */
struct virtio_ops {
	uint16_t id;                                    /* VIRTIO_ID_... */
	uint64_t (*features)(struct virtio *v);         /* what it offers of its own, bits 0-23 */
	void (*get_config)(struct virtio *v, uint8_t *config);          /* all config_len bytes, little-endian */
	void (*set_config)(struct virtio *v, unsigned off, const uint8_t *bytes, unsigned len);         /* within config_len; or NULL */
	void (*notified)(struct virtio *v, unsigned queue);             /* the driver has put something into a queue; only while it runs */
	void (*started)(struct virtio *v);              /* DRIVER_OK */
	void (*reset)(struct virtio *v);                /* by the driver or with the machine: queues are reset already */
	void (*queue_reset)(struct virtio *v, unsigned queue);          /* one queue alone (VIRTIO_F_RING_RESET); or NULL */
};
/* The bus it sits on. */
struct virtio_transport {
	/* RAM only; false: some of it is none, or the bus does not let it. */
	bool (*dma_read)(struct virtio *v, uint64_t addr, void *buf, size_t len);
	bool (*dma_write)(struct virtio *v, uint64_t addr, const void *buf, size_t len);
	void (*interrupt)(struct virtio *v, struct virtqueue *q /* NULL: the configuration has changed */);
};
struct virtio {
	const struct virtio_ops *ops;
	const struct virtio_transport *transport;
	struct device *dev;
	struct virtqueue *vq; unsigned n_vq;
	unsigned config_len;                            /* bytes of the device's own configuration */
	uint64_t offered;
	bool cut_off;                                   /* from memory: the bus does not let it */
	/* state */
	uint64_t features;                              /* what the driver has accepted */
	uint8_t  status, generation;                    /* of the configuration */
	uint8_t  broken;                                /* the driver did what none may do: nothing happens until a reset */
};
extern const struct state_field virtio_state[];

static inline bool virtio_has(const struct virtio *v, unsigned bit) { return v->features >> bit & 1; }
static inline bool virtio_reaches_memory(const struct virtio *v) { return !v->broken && !v->cut_off; }
static inline bool virtio_running(const struct virtio *v) { return (v->status & VIRTIO_S_DRIVER_OK) && virtio_reaches_memory(v); }
/* The driver writes the status (section 2.1), 0 = reset.  features: all that it has accepted; they hold from FEATURES_OK (legacy drivers: DRIVER_OK) on. */
void virtio_set_status(struct virtio *v, uint8_t status, uint64_t features, bool legacy);
/* Nothing is negotiated, all queues are as after power-on; then ops->reset. */
void virtio_reset(struct virtio *v);
/* The driver notifies a queue. */
void virtio_notified(struct virtio *v, unsigned queue);
/* Let the device look at every queue that is ready. */
void virtio_look(struct virtio *v);
/* Section 2.1.2: the device needs a reset.  why: what the driver did, for the log (once a reset). */
void virtio_break(struct virtio *v, const char *why);
/* The device's own configuration is another one now. */
void virtio_config_changed(struct virtio *v);
/* The driver's accesses to it, of 1, 2 or 4 bytes, little-endian: 0 behind its end; a write that is not all within it does nothing. */
uint32_t virtio_config_read(struct virtio *v, unsigned off, unsigned size);
void     virtio_config_write(struct virtio *v, unsigned off, unsigned size, uint32_t val);
/* Is what was loaded possible, with all queues?  False: err says what is not. */
bool virtio_loaded(const struct virtio *v, struct error *err);
#endif
