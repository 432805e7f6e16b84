/* virtqueue.h - split virtqueues: the device's side of the rings in guest memory.  Ref: VIRTIO 1.2, section 2.7 "Split Virtqueues".
 *
 *   descriptors   16 bytes each: address u64, length u32, flags u16 (1 next, 2 for the device to write, 4 indirect), next u16
 *   avail ring    flags u16, idx u16, ring u16[size], used_event u16
 *   used ring     flags u16, idx u16, ring {id u32, length u32}[size], avail_event u16
 *
 * The guest may write anything there at any time: every index, length and chain is checked when it is read, and memory is reached by the transport's
 * DMA only.  What no driver may do makes the device broken (virtio_break) until it is reset.  Machine lock held throughout. */
#ifndef DEVICES_VIRTIO_VIRTQUEUE_H
#define DEVICES_VIRTIO_VIRTQUEUE_H
#include "core/machine/state.h"
#include <stdbool.h>
#include <stdint.h>
struct virtio;

enum { VQ_SIZE_MAX = 1024, VQ_NO_VECTOR = 0xffff };
struct virtqueue {
	struct virtio *v;
	uint16_t size_max;                      /* what the device offers: a power of two, at most VQ_SIZE_MAX; 0: there is no such queue */
	/* state */
	uint16_t size, vector;                  /* entries; MSI-X message or VQ_NO_VECTOR */
	uint8_t  ready;                         /* the driver has set it up */
	uint64_t desc, avail, used;             /* guest-physical addresses */
	uint16_t next_avail, next_used;         /* the device's own indices: what it takes next, where it gives back next */
	uint16_t signalled; uint8_t signalled_valid;    /* next_used when an interrupt was last thought of */
};
extern const struct state_field virtqueue_state[];

/* A chain of descriptors: buffers for the device to read come first, those for it to write follow. */
struct vq_buf { uint64_t addr; uint32_t len; };
struct vq_chain {
	uint16_t head;
	unsigned n_out, n_in;                   /* buffers to read, to write: buf[0..n_out), buf[n_out..n_out + n_in) */
	uint64_t out_len, in_len;               /* bytes */
	struct vq_buf buf[VQ_SIZE_MAX];
};

/* As after power-on: not set up, as large as it can be. */
void virtqueue_reset(struct virtqueue *q);
/* The next chain that the driver offers, which stays the next until virtqueue_taken.  False: there is none (the driver will notify when there is), or
 * the device is broken. */
bool virtqueue_peek(struct virtqueue *q, struct vq_chain *c);
void virtqueue_taken(struct virtqueue *q);
/* Give the chain with that head back, `written` bytes written to it. */
void virtqueue_push(struct virtqueue *q, uint16_t head, uint32_t written);
/* Interrupt the driver for what was given back since the last time, if it wants that. */
void virtqueue_signal(struct virtqueue *q);
/* Copy up to len bytes between buf and the chain's readable (writable) bytes from `off` on; returns how many, which is fewer at the chain's end or
 * when a buffer is not RAM: then the device is broken. */
size_t virtqueue_read(struct virtqueue *q, const struct vq_chain *c, uint64_t off, void *buf, size_t len);
size_t virtqueue_write(struct virtqueue *q, const struct vq_chain *c, uint64_t off, const void *buf, size_t len);
/* Is what was loaded possible?  False: err.  Addresses are not looked at: they are checked with each use. */
bool virtqueue_loaded(const struct virtqueue *q, struct error *err);
#endif
