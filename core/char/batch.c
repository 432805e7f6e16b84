/* batch.c - a UART hands over single bytes, and a system call for each costs more than all the rest of its way.  A byte that comes after a
 * pause goes at once; what follows within a millisecond is collected and goes together. */
#include "core/char/chardev.h"
#include "core/machine/machine.h"
#include <string.h>
#include <time.h>

enum { PAUSE_MS = 1, SMALL = 256 /* a write of that size is worth its call */, FULL = 8192 };

static size_t put(struct chardev *c, const uint8_t *buf, size_t len)
{
	ssize_t n = c->kind->write(c, buf, len);

	c->last_write_ns = host_ns();
	return n < 0 ? 0 : (size_t)n;
}

bool chr_batch_flush(struct chardev *c)
{
	if (c->out.len) {
		size_t n = put(c, (const uint8_t *)c->out.s, c->out.len);
		memmove(c->out.s, c->out.s + n, c->out.len - n);
		c->out.len -= n;
	}
	return !c->out.len;
}

static void on_pause(void *arg)
{
	struct chardev *c = arg;

	c->out_timer = 0;
	if (chr_batch_flush(c))
		chr_can_write(c);
}

size_t chr_batch_write(struct chardev *c, const uint8_t *buf, size_t len)
{
	bool soon = host_ns() - c->last_write_ns < PAUSE_MS * INT64_C(1000000);

	if (!c->machine->loop || ((len >= SMALL || !soon || !c->front.trickles) && chr_batch_flush(c)))
		return put(c, buf, len);
	size_t room = FULL > c->out.len ? FULL - c->out.len : 0, n = len < room ? len : room;
	text_add(&c->out, (const char *)buf, n);
	if (c->out.len >= FULL && chr_batch_flush(c) && n < len)
		n += put(c, buf + n, len - n);
	if (c->out.len && !c->out_timer)
		c->out_timer = loop_timeout(c->machine->loop, PAUSE_MS, on_pause, c);
	return n;
}

void chr_batch_drop(struct chardev *c)
{
	if (c->out_timer && c->machine->loop)
		loop_timeout_cancel(c->machine->loop, c->out_timer);
	c->out_timer = 0;
	text_free(&c->out);
}

void chr_batch_end(struct chardev *c)
{
	for (int patience = 20; !chr_batch_flush(c) && patience; patience--)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	chr_batch_drop(c);
}
