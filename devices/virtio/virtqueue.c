/* virtqueue.c - split virtqueues.  Ref: VIRTIO 1.2, section 2.7; indirect descriptors 2.7.5.3, event index 2.7.7 and 2.7.10.
 *
 * Other vCPUs run while the device looks: what they write in one order is read in that order, hence the fences. */
#include "devices/virtio/virtqueue.h"
#include "core/machine/le.h"
#include "devices/virtio/virtio.h"
#include <stdatomic.h>
#include <string.h>

enum { D_NEXT = 1, D_WRITE = 2, D_INDIRECT = 4, DESC_SIZE = 16, USED_SIZE = 8 };
enum { RING_FLAGS = 0, RING_IDX = 2, RING = 4, AVAIL_NO_INTERRUPT = 1 };

const struct state_field virtqueue_state[] = {
	STATE_U16(struct virtqueue, size), STATE_U16(struct virtqueue, vector), STATE_U8(struct virtqueue, ready), STATE_U64(struct virtqueue, desc),
	STATE_U64(struct virtqueue, avail), STATE_U64(struct virtqueue, used), STATE_U16(struct virtqueue, next_avail),
	STATE_U16(struct virtqueue, next_used), STATE_U16(struct virtqueue, signalled), STATE_U8(struct virtqueue, signalled_valid),
	STATE_END
};

struct desc { uint64_t addr; uint32_t len; uint16_t flags, next; };

void virtqueue_reset(struct virtqueue *q)
{
	q->size = q->size_max;
	q->vector = VQ_NO_VECTOR;
	q->ready = q->signalled_valid = 0;
	q->desc = q->avail = q->used = 0;
	q->next_avail = q->next_used = q->signalled = 0;
}

/* ---- guest memory -------------------------------------------------------------------------------------------------------------- */

static bool read16(struct virtqueue *q, uint64_t addr, uint16_t *v)
{
	uint8_t b[2];

	if (!q->v->transport->dma_read(q->v, addr, b, 2)) {
		virtio_break(q->v, "a ring is not in RAM");
		return false;
	}
	*v = (uint16_t)le_get(b, 2);
	return true;
}

static bool write16(struct virtqueue *q, uint64_t addr, uint16_t v)
{
	uint8_t b[2];

	le_put(b, v, 2);
	if (!q->v->transport->dma_write(q->v, addr, b, 2)) {
		virtio_break(q->v, "a ring is not in RAM");
		return false;
	}
	return true;
}

static bool read_desc(struct virtqueue *q, uint64_t table, unsigned n, struct desc *d)
{
	uint8_t b[DESC_SIZE];

	if (!q->v->transport->dma_read(q->v, table + (uint64_t)n * DESC_SIZE, b, sizeof b)) {
		virtio_break(q->v, "a table of descriptors is not in RAM");
		return false;
	}
	*d = (struct desc){ le_get(b, 8), (uint32_t)le_get(b + 8, 4), (uint16_t)le_get(b + 12, 2), (uint16_t)le_get(b + 14, 2) };
	return true;
}

/* ---- chains -------------------------------------------------------------------------------------------------------------------- */

static bool bad(struct virtqueue *q, const char *why)
{
	virtio_break(q->v, why);
	return false;
}

static bool add(struct virtqueue *q, struct vq_chain *c, const struct desc *d)
{
	unsigned n = c->n_out + c->n_in;

	if (n == VQ_SIZE_MAX)
		return bad(q, "a chain is too long");
	if (!(d->flags & D_WRITE) && c->n_in)
		return bad(q, "a buffer to read follows one to write");
	c->buf[n] = (struct vq_buf){ d->addr, d->len };
	if (d->flags & D_WRITE) {
		c->n_in++;
		c->in_len += d->len;
	} else {
		c->n_out++;
		c->out_len += d->len;
	}
	return true;
}

/* The chain at descriptor `first`.  Each table is walked for no more descriptors than it has, so loops end. */
static bool walk(struct virtqueue *q, unsigned first, struct vq_chain *c)
{
	uint64_t table = q->desc;
	unsigned n = q->size, seen = 0, i = first;
	bool indirect = false;
	struct desc d;

	for (;;) {
		if (i >= n)
			return bad(q, "a descriptor beyond the table's end");
		if (seen++ == n)
			return bad(q, "a loop of descriptors");
		if (!read_desc(q, table, i, &d))
			return false;
		if (d.flags & D_INDIRECT) {
			if (indirect || (d.flags & D_NEXT) || !virtio_has(q->v, VIRTIO_F_INDIRECT_DESC) || !d.len || d.len % DESC_SIZE ||
			    d.len / DESC_SIZE > VQ_SIZE_MAX)
				return bad(q, "an indirect descriptor that is not allowed");
			indirect = true;
			table = d.addr;
			n = d.len / DESC_SIZE;
			seen = i = 0;
			continue;
		}
		if (!add(q, c, &d))
			return false;
		if (!(d.flags & D_NEXT))
			return true;
		i = d.next;
	}
}

bool virtqueue_peek(struct virtqueue *q, struct vq_chain *c)
{
	uint16_t idx, head;

	if (!q->ready || !virtio_reaches_memory(q->v) || !read16(q, q->avail + RING_IDX, &idx))
		return false;
	if (idx == q->next_avail && virtio_has(q->v, VIRTIO_F_EVENT_IDX)) {
		/* Ask for a notification with the next one, then look whether it came before that. */
		if (!write16(q, q->used + RING + (uint64_t)q->size * USED_SIZE, q->next_avail))
			return false;
		atomic_thread_fence(memory_order_seq_cst);
		if (!read16(q, q->avail + RING_IDX, &idx))
			return false;
	}
	if (idx == q->next_avail)
		return false;
	if ((uint16_t)(idx - q->next_avail) > q->size)
		return bad(q, "more descriptors are offered than there are");
	atomic_thread_fence(memory_order_acquire);
	if (!read16(q, q->avail + RING + (uint64_t)(q->next_avail % q->size) * 2, &head))
		return false;
	c->head = head;
	c->n_out = c->n_in = 0;
	c->out_len = c->in_len = 0;
	return walk(q, head, c);
}

void virtqueue_taken(struct virtqueue *q) { q->next_avail++; }

void virtqueue_push(struct virtqueue *q, uint16_t head, uint32_t written)
{
	uint8_t e[USED_SIZE];

	if (!q->ready || !virtio_reaches_memory(q->v))
		return;
	le_put(e, head, 4);
	le_put(e + 4, written, 4);
	if (!q->v->transport->dma_write(q->v, q->used + RING + (uint64_t)(q->next_used % q->size) * USED_SIZE, e, sizeof e)) {
		virtio_break(q->v, "a ring is not in RAM");
		return;
	}
	atomic_thread_fence(memory_order_release);
	write16(q, q->used + RING_IDX, ++q->next_used);
}

/* Was the entry given back that the driver waits for, between the last time and now? */
static bool event_passed(struct virtqueue *q, uint16_t old, bool valid)
{
	uint16_t event;

	return read16(q, q->avail + RING + (uint64_t)q->size * 2, &event) &&
		(!valid || (uint16_t)(q->next_used - event - 1) < (uint16_t)(q->next_used - old));
}

static bool wants_signal(struct virtqueue *q, uint16_t old, bool valid)
{
	uint16_t idx, flags;

	/* Legacy: an empty queue is always worth an interrupt. */
	if (virtio_has(q->v, VIRTIO_F_NOTIFY_ON_EMPTY) && !virtio_has(q->v, VIRTIO_F_VERSION_1) &&
	    read16(q, q->avail + RING_IDX, &idx) && idx == q->next_avail)
		return true;
	if (virtio_has(q->v, VIRTIO_F_EVENT_IDX))
		return event_passed(q, old, valid);
	return read16(q, q->avail + RING_FLAGS, &flags) && !(flags & AVAIL_NO_INTERRUPT);
}

void virtqueue_signal(struct virtqueue *q)
{
	uint16_t old = q->signalled;
	bool valid = q->signalled_valid;

	if (!q->ready || !virtio_reaches_memory(q->v) || q->next_used == old)
		return;
	q->signalled = q->next_used;
	q->signalled_valid = true;
	atomic_thread_fence(memory_order_seq_cst);
	if (wants_signal(q, old, valid))
		q->v->transport->interrupt(q->v, q);
}

/* ---- bytes --------------------------------------------------------------------------------------------------------------------- */

static bool move(struct virtqueue *q, uint64_t addr, uint8_t *buf, size_t len, bool to_guest)
{
	const struct virtio_transport *t = q->v->transport;

	return addr + len >= addr && (to_guest ? t->dma_write(q->v, addr, buf, len) : t->dma_read(q->v, addr, buf, len));
}

static size_t copy(struct virtqueue *q, const struct vq_buf *b, unsigned n, uint64_t off, uint8_t *buf, size_t len, bool to_guest)
{
	size_t done = 0;

	for (; n && done < len; n--, b++) {
		if (off >= b->len) {
			off -= b->len;
			continue;
		}
		size_t part = b->len - off < len - done ? (size_t)(b->len - off) : len - done;
		if (b->addr + off < b->addr || !move(q, b->addr + off, buf + done, part, to_guest)) {
			virtio_break(q->v, "a buffer is not in RAM");
			return done;
		}
		done += part;
		off = 0;
	}
	return done;
}

size_t virtqueue_read(struct virtqueue *q, const struct vq_chain *c, uint64_t off, void *buf, size_t len)
{
	return copy(q, c->buf, c->n_out, off, buf, len, false);
}

size_t virtqueue_write(struct virtqueue *q, const struct vq_chain *c, uint64_t off, const void *buf, size_t len)
{
	return copy(q, c->buf + c->n_out, c->n_in, off, (uint8_t *)(uintptr_t)buf, len, true);
}

bool virtqueue_loaded(const struct virtqueue *q, struct error *err)
{
	if (!q->size || q->size > q->size_max || (q->size & (q->size - 1)) || q->ready > 1 || q->signalled_valid > 1)
		return error_set(err, "a saved virtqueue is out of range");
	return true;
}
