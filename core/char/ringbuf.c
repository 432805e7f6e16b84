/* ringbuf.c - the newest output, kept in memory for ringbuf_read. */
#include "core/char/ringbuf.h"
#include "core/char/chardev.h"
#include <stdlib.h>
#include <string.h>

enum { INPUT_MAX = 64 << 10 };
struct ringbuf { struct chardev *c; size_t size, head, tail; uint8_t *data; struct text input; };

static bool ring_open(struct chardev *c, const struct kv *kv, struct error *err)
{
	uint64_t size = 65536;
	const char *v = kv_get(kv, "size");

	if (v && !parse_size(v, 1, &size))
		return error_set(err, "Parameter 'size' expects a non-negative number below 2^64");
	if (!size || (size & (size - 1)) || size > (UINT64_C(1) << 30))
		return error_set(err, "size of ringbuf chardev must be power of two");
	struct ringbuf *r = calloc(1, sizeof(*r));
	if (!r || !(r->data = malloc(size)))
		abort();
	r->c = c;
	r->size = size;
	c->priv = r;
	c->opened = true;
	return true;
}

static void ring_close(struct chardev *c)
{
	struct ringbuf *r = c->priv;

	free(r->data);
	text_free(&r->input);
	free(r);
	c->priv = NULL;
}

static ssize_t ring_write(struct chardev *c, const uint8_t *buf, size_t len)
{
	struct ringbuf *r = c->priv;

	for (size_t i = 0; i < len; i++) {
		if (r->head - r->tail == r->size)
			r->tail++;
		r->data[r->head++ & (r->size - 1)] = buf[i];
	}
	return (ssize_t)len;
}

static void ring_work(struct chardev *c)
{
	struct ringbuf *r = c->priv;
	unsigned room = chr_can_read(c), n = r->input.len < room ? (unsigned)r->input.len : room;

	if (!n)
		return;
	uint8_t *copy = malloc(n);
	if (!copy)
		abort();
	memcpy(copy, r->input.s, n);
	memmove(r->input.s, r->input.s + n, r->input.len - n);
	r->input.len -= n;
	chr_deliver(c, copy, n);
	free(copy);
}

static void ring_accept(struct chardev *c)
{
	struct ringbuf *r = c->priv;

	if (r->input.len)
		chr_post(c);
}

bool chr_is_ringbuf(const struct chardev *c) { return c->kind == &chardev_ringbuf; }

size_t chr_ringbuf_read(struct chardev *c, uint8_t *buf, size_t len)
{
	struct ringbuf *r = c->priv;
	size_t n = 0;

	while (n < len && r->tail != r->head)
		buf[n++] = r->data[r->tail++ & (r->size - 1)];
	return n;
}

bool chr_ringbuf_write(struct chardev *c, const uint8_t *buf, size_t len, struct error *err)
{
	struct ringbuf *r = c->priv;

	if (c->attached && r->input.len + len > INPUT_MAX)
		return error_set(err, "ringbuf '%s' takes %zu bytes more until its reader has read some", c->label, (size_t)INPUT_MAX - r->input.len);
	ring_write(c, buf, len);
	if (c->attached) {
		text_add(&r->input, (const char *)buf, len);
		chr_post(c);
	}
	return true;
}

static const char *const ring_keys[] = { "size", NULL };
const struct chardev_kind chardev_ringbuf = { .name = "ringbuf", .alias = "memory", .keys = ring_keys, .open = ring_open, .close = ring_close,
	.write = ring_write, .accept_input = ring_accept, .work = ring_work };
