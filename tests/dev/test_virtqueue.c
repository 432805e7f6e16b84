/* test_virtqueue.c - split virtqueues in a small memory of the test's own: what drivers do, what none may do, and noise. */
#include "core/machine/machine.h"
#include "devices/virtio/virtio.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MEMORY = 0x10000, SIZE = 8, DESC = 0x1000, AVAIL = 0x2000, USED = 0x3000, TABLE = 0x4000, DATA = 0x8000 };

struct bed {
	struct machine m;
	struct options opt;
	struct device dev;
	struct virtio v;
	struct virtqueue q;
	struct vq_chain c;
	uint8_t mem[MEMORY];
	unsigned queue_interrupts, config_interrupts;
	uint64_t race_at; void (*race)(struct bed *b);  /* another CPU's work, right after the device has written there */
};

static bool inside(uint64_t addr, size_t len) { return addr < MEMORY && len <= MEMORY - addr; }

static bool dma_read(struct virtio *v, uint64_t addr, void *buf, size_t len)
{
	struct bed *b = container_of(v, struct bed, v);
	if (!inside(addr, len))
		return false;
	memcpy(buf, b->mem + addr, len);
	return true;
}

static bool dma_write(struct virtio *v, uint64_t addr, const void *buf, size_t len)
{
	struct bed *b = container_of(v, struct bed, v);
	if (!inside(addr, len))
		return false;
	memcpy(b->mem + addr, buf, len);
	if (b->race && addr == b->race_at)
		b->race(b);
	return true;
}

static void interrupt(struct virtio *v, struct virtqueue *q)
{
	struct bed *b = container_of(v, struct bed, v);
	(*(q ? &b->queue_interrupts : &b->config_interrupts))++;
}

static const struct virtio_transport transport = { dma_read, dma_write, interrupt };
static const struct device_desc desc = { .name = "bed" };

static void restart(struct bed *b, uint64_t features)
{
	memset(b->mem, 0, sizeof b->mem);
	b->queue_interrupts = b->config_interrupts = 0;
	b->v.broken = false;
	b->v.status = VIRTIO_S_DRIVER_OK;
	b->v.features = features;
	virtqueue_reset(&b->q);
	b->q.ready = true;
	b->q.desc = DESC;
	b->q.avail = AVAIL;
	b->q.used = USED;
}

static int setup(void **state)
{
	struct bed *b = calloc(1, sizeof *b);

	b->dev = (struct device){ .desc = &desc, .machine = &b->m, .logged = UINT64_MAX };
	b->v = (struct virtio){ .transport = &transport, .dev = &b->dev, .vq = &b->q, .n_vq = 1 };
	b->q = (struct virtqueue){ .v = &b->v, .size_max = SIZE };
	restart(b, VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_F_INDIRECT_DESC));
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static void put(struct bed *b, unsigned at, uint64_t v, unsigned size) { memcpy(b->mem + at, &v, size); }

static unsigned get16(struct bed *b, unsigned at) { return b->mem[at] | b->mem[at + 1] << 8; }

static void describe(struct bed *b, unsigned table, unsigned n, uint64_t addr, uint32_t len, unsigned flags, unsigned next)
{
	put(b, table + 16 * n, addr, 8);
	put(b, table + 16 * n + 8, len, 4);
	put(b, table + 16 * n + 12, flags, 2);
	put(b, table + 16 * n + 14, next, 2);
}

static void offer(struct bed *b, unsigned head)
{
	unsigned idx = get16(b, AVAIL + 2);

	put(b, AVAIL + 4 + 2 * (idx % SIZE), head, 2);
	put(b, AVAIL + 2, idx + 1, 2);
}

enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };

static void chains(void **state)
{
	struct bed *b = *state;
	uint8_t buf[64];

	assert_false(virtqueue_peek(&b->q, &b->c));
	memcpy(b->mem + DATA, "hello, ", 7);
	memcpy(b->mem + DATA + 0x100, "world", 5);
	describe(b, DESC, 3, DATA, 7, NEXT, 5);
	describe(b, DESC, 5, UINT64_MAX, 0, NEXT, 1);           /* no bytes, so it does not matter where */
	describe(b, DESC, 1, DATA + 0x100, 5, NEXT, 2);
	describe(b, DESC, 2, DATA + 0x200, 4, NEXT | WRITE, 0);
	describe(b, DESC, 0, DATA + 0x300, 6, WRITE, 7);
	offer(b, 3);
	for (int again = 0; again < 2; again++) {               /* looking takes nothing */
		assert_true(virtqueue_peek(&b->q, &b->c));
		assert_int_equal(b->c.head, 3);
		assert_int_equal(b->c.out_len, 12);
		assert_int_equal(b->c.in_len, 10);
	}
	assert_int_equal(virtqueue_read(&b->q, &b->c, 0, buf, sizeof buf), 12);
	assert_memory_equal(buf, "hello, world", 12);
	assert_int_equal(virtqueue_read(&b->q, &b->c, 5, buf, 4), 4);
	assert_memory_equal(buf, ", wo", 4);
	assert_int_equal(virtqueue_read(&b->q, &b->c, 12, buf, 4), 0);
	assert_int_equal(virtqueue_read(&b->q, &b->c, UINT64_MAX, buf, 4), 0);
	assert_int_equal(virtqueue_write(&b->q, &b->c, 2, "abcdefghijkl", 12), 8);
	assert_memory_equal(b->mem + DATA + 0x200, "\0\0ab", 4);
	assert_memory_equal(b->mem + DATA + 0x300, "cdefgh\0", 7);
	virtqueue_taken(&b->q);
	virtqueue_push(&b->q, b->c.head, 10);
	virtqueue_signal(&b->q);
	assert_int_equal(b->queue_interrupts, 1);
	assert_int_equal(get16(b, USED + 2), 1);
	assert_int_equal(get16(b, USED + 4), 3);
	assert_int_equal(get16(b, USED + 8), 10);
	assert_false(virtqueue_peek(&b->q, &b->c));
	assert_false(b->v.broken);
}

static void indirect(void **state)
{
	struct bed *b = *state;
	char got[40] = "";

	for (unsigned i = 0; i < 20; i++) {                     /* longer than the queue */
		put(b, DATA + i, 'a' + i, 1);
		describe(b, TABLE, i, DATA + i, 1, i < 19 ? NEXT : 0, i + 1);
	}
	describe(b, DESC, 0, TABLE, 20 * 16, INDIRECT, 0);
	offer(b, 0);
	assert_true(virtqueue_peek(&b->q, &b->c));
	assert_int_equal(virtqueue_read(&b->q, &b->c, 0, got, sizeof got), 20);
	assert_string_equal(got, "abcdefghijklmnopqrst");
}

/* The 16-bit indices run over many times. */
static void indices_wrap(void **state)
{
	struct bed *b = *state;

	describe(b, DESC, 6, DATA, 4, 0, 0);
	for (unsigned i = 0; i < 140000; i++) {
		offer(b, 6);
		assert_true(virtqueue_peek(&b->q, &b->c));
		virtqueue_taken(&b->q);
		virtqueue_push(&b->q, 6, 0);
	}
	assert_int_equal(get16(b, USED + 2), 140000 & 0xffff);
	assert_false(b->v.broken);
}

static void not_now(void **state)
{
	struct bed *b = *state;

	describe(b, DESC, 0, DATA, 4, 0, 0);
	offer(b, 0);
	b->q.ready = false;
	assert_false(virtqueue_peek(&b->q, &b->c));
	virtqueue_push(&b->q, 0, 0);
	b->q.ready = true;
	b->v.cut_off = true;
	assert_false(virtqueue_peek(&b->q, &b->c));
	virtqueue_push(&b->q, 0, 0);
	b->v.cut_off = false;
	assert_int_equal(get16(b, USED + 2), 0);
	assert_true(virtqueue_peek(&b->q, &b->c));
	assert_false(b->v.broken);
}

/* What comes while the device asks for a notification may come without one. */
static void offer_first(struct bed *b) { b->race = NULL; offer(b, 0); }

static void offered_in_between(void **state)
{
	struct bed *b = *state;

	restart(b, VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_F_EVENT_IDX));
	describe(b, DESC, 0, DATA, 4, 0, 0);
	b->race_at = USED + 4 + 8 * SIZE;
	b->race = offer_first;
	assert_true(virtqueue_peek(&b->q, &b->c));
	assert_null(b->race);
}

static void pass(struct bed *b, unsigned n)
{
	while (n--) {
		offer(b, 0);
		assert_true(virtqueue_peek(&b->q, &b->c));
		virtqueue_taken(&b->q);
		virtqueue_push(&b->q, 0, 0);
	}
	virtqueue_signal(&b->q);
}

static void interrupts_that_are_wanted(void **state)
{
	struct bed *b = *state;

	describe(b, DESC, 0, DATA, 4, 0, 0);
	put(b, AVAIL, 1, 2);                                    /* none, please */
	pass(b, 1);
	assert_int_equal(b->queue_interrupts, 0);
	put(b, AVAIL, 0, 2);
	pass(b, 1);
	assert_int_equal(b->queue_interrupts, 1);
	virtqueue_signal(&b->q);                                /* nothing new */
	assert_int_equal(b->queue_interrupts, 1);

	restart(b, VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_F_EVENT_IDX));
	describe(b, DESC, 0, DATA, 4, 0, 0);
	put(b, AVAIL + 4 + 2 * SIZE, 2, 2);                     /* with the third */
	pass(b, 1);
	assert_int_equal(b->queue_interrupts, 1);               /* the first one always: nothing is known of what was before */
	pass(b, 1);
	assert_int_equal(b->queue_interrupts, 1);
	pass(b, 1);
	assert_int_equal(b->queue_interrupts, 2);
	pass(b, 3);
	assert_int_equal(b->queue_interrupts, 2);
	put(b, AVAIL + 4 + 2 * SIZE, 7, 2);
	pass(b, 4);                                             /* 7..10: the eighth is among them */
	assert_int_equal(b->queue_interrupts, 3);
	assert_false(virtqueue_peek(&b->q, &b->c));
	assert_int_equal(get16(b, USED + 4 + 8 * SIZE), 10);    /* and the device wants to hear of the eleventh */

	restart(b, VIRTIO_BIT(VIRTIO_F_NOTIFY_ON_EMPTY));       /* legacy */
	describe(b, DESC, 0, DATA, 4, 0, 0);
	put(b, AVAIL, 1, 2);
	pass(b, 1);
	assert_int_equal(b->queue_interrupts, 1);
	offer(b, 0);
	virtqueue_signal(&b->q);
	assert_int_equal(b->queue_interrupts, 1);
	pass(b, 1);                                             /* something is left: it is not empty */
	assert_int_equal(b->queue_interrupts, 1);
	restart(b, VIRTIO_BIT(VIRTIO_F_NOTIFY_ON_EMPTY) | VIRTIO_BIT(VIRTIO_F_VERSION_1));
	describe(b, DESC, 0, DATA, 4, 0, 0);
	put(b, AVAIL, 1, 2);
	pass(b, 1);                                             /* no such thing in the modern interface */
	assert_int_equal(b->queue_interrupts, 0);
}

/* ---- what no driver may do ----------------------------------------------------------------------------------------------------- */

static void no_ring(struct bed *b) { b->q.avail = MEMORY - 2; }
static void too_many(struct bed *b) { put(b, AVAIL + 2, SIZE + 1, 2); }
static void bad_head(struct bed *b) { put(b, AVAIL + 4, SIZE, 2); put(b, AVAIL + 2, 1, 2); }
static void bad_next(struct bed *b) { describe(b, DESC, 0, DATA, 4, NEXT, SIZE); offer(b, 0); }
static void itself(struct bed *b) { describe(b, DESC, 0, DATA, 4, NEXT, 0); offer(b, 0); }
static void in_a_ring(struct bed *b) { describe(b, DESC, 0, DATA, 4, NEXT, 1); describe(b, DESC, 1, DATA, 4, NEXT, 0); offer(b, 0); }
static void out_after_in(struct bed *b) { describe(b, DESC, 0, DATA, 4, NEXT | WRITE, 1); describe(b, DESC, 1, DATA, 4, 0, 0); offer(b, 0); }
static void no_table(struct bed *b) { b->q.desc = UINT64_MAX - 8; offer(b, 0); }
static void odd_table(struct bed *b) { describe(b, DESC, 0, TABLE, 17, INDIRECT, 0); offer(b, 0); }
static void empty_table(struct bed *b) { describe(b, DESC, 0, TABLE, 0, INDIRECT, 0); offer(b, 0); }
static void huge_table(struct bed *b) { describe(b, DESC, 0, TABLE, 0xfffffff0, INDIRECT, 0); offer(b, 0); }
static void far_table(struct bed *b) { describe(b, DESC, 0, UINT64_MAX - 15, 16, INDIRECT, 0); offer(b, 0); }
static void table_and_next(struct bed *b) { describe(b, DESC, 0, TABLE, 16, INDIRECT | NEXT, 1); offer(b, 0); }
static void table_in_table(struct bed *b) { describe(b, DESC, 0, TABLE, 16, INDIRECT, 0); describe(b, TABLE, 0, TABLE, 16, INDIRECT, 0); offer(b, 0); }
static void table_ends(struct bed *b) { describe(b, DESC, 0, TABLE, 16, INDIRECT, 0); describe(b, TABLE, 0, DATA, 1, NEXT, 1); offer(b, 0); }
static void endless(struct bed *b)      /* each table has its end, but all together are too many */
{
	describe(b, DESC, 0, DATA, 4, NEXT, 1);
	describe(b, DESC, 1, TABLE, 16 * VQ_SIZE_MAX, INDIRECT, 0);
	for (unsigned i = 0; i < VQ_SIZE_MAX; i++)
		describe(b, TABLE, i, DATA, 4, i < VQ_SIZE_MAX - 1 ? NEXT : 0, i + 1);
	offer(b, 0);
}
static void not_offered(struct bed *b) { b->v.features &= ~VIRTIO_BIT(VIRTIO_F_INDIRECT_DESC); describe(b, DESC, 0, TABLE, 16, INDIRECT, 0); offer(b, 0); }

static void wrong_rings(void **state)
{
	static void (*const wrong[])(struct bed *b) = { no_ring, too_many, bad_head, bad_next, itself, in_a_ring, out_after_in, no_table, odd_table, empty_table,
		huge_table, far_table, table_and_next, table_in_table, table_ends, endless, not_offered };
	struct bed *b = *state;

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		restart(b, VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_F_INDIRECT_DESC));
		wrong[i](b);
		assert_false(virtqueue_peek(&b->q, &b->c));
		if (!b->v.broken || !(b->v.status & VIRTIO_S_NEEDS_RESET) || b->config_interrupts != 1)
			fail_msg("wrong ring %zu was not found out", i);
		memset(b->mem, 0, sizeof b->mem);
		offer(b, 0);
		assert_false(virtqueue_peek(&b->q, &b->c));     /* nothing more happens */
		virtqueue_push(&b->q, 0, 0);
		virtqueue_signal(&b->q);
		assert_int_equal(get16(b, USED + 2), 0);
		assert_int_equal(b->queue_interrupts, 0);
	}
	restart(b, 0);                                          /* a legacy driver cannot be told */
	itself(b);
	assert_false(virtqueue_peek(&b->q, &b->c));
	assert_true(b->v.broken);
	assert_int_equal(b->v.status & VIRTIO_S_NEEDS_RESET, 0);
	assert_int_equal(b->config_interrupts, 0);
}

static void buffers_that_are_no_ram(void **state)
{
	struct bed *b = *state;
	uint8_t buf[64];

	describe(b, DESC, 0, DATA, 4, NEXT, 1);
	describe(b, DESC, 1, MEMORY - 2, 8, 0, 0);
	offer(b, 0);
	assert_true(virtqueue_peek(&b->q, &b->c));
	assert_int_equal(virtqueue_read(&b->q, &b->c, 0, buf, sizeof buf), 4);
	assert_true(b->v.broken);
	restart(b, VIRTIO_BIT(VIRTIO_F_VERSION_1));
	describe(b, DESC, 0, UINT64_MAX - 3, UINT32_MAX, WRITE, 0);     /* the end of the address space, and beyond */
	offer(b, 0);
	assert_true(virtqueue_peek(&b->q, &b->c));
	assert_int_equal(virtqueue_write(&b->q, &b->c, 100, buf, sizeof buf), 0);
	assert_true(b->v.broken);
}

static void loaded_values(void **state)
{
	struct bed *b = *state;
	struct error err;

	assert_true(virtqueue_loaded(&b->q, &err));
	b->q.size = SIZE * 2;
	assert_false(virtqueue_loaded(&b->q, &err));
	b->q.size = 3;
	assert_false(virtqueue_loaded(&b->q, &err));
	for (unsigned ready = 0; ready < 2; ready++) {          /* a driver may set it up without choosing a size */
		b->q.size = 0;
		b->q.ready = (uint8_t)ready;
		assert_false(virtqueue_loaded(&b->q, &err));
	}
	b->q.size = 1;
	assert_true(virtqueue_loaded(&b->q, &err));
	b->q.ready = 2;
	assert_false(virtqueue_loaded(&b->q, &err));
	b->q.ready = 0;
	b->q.signalled_valid = 2;
	assert_false(virtqueue_loaded(&b->q, &err));
}

/* ---- noise --------------------------------------------------------------------------------------------------------------------- */

static uint32_t rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return (uint32_t)(*s >> 16);
}

/* Rings that are right but for a few bytes. */
static void noise(void **state)
{
	struct bed *b = *state;
	uint64_t s = UINT64_C(0x9e3779b97f4a7c15);
	uint8_t buf[300];
	unsigned broken = 0, whole = 0;

	for (unsigned round = 0; round < 20000; round++) {
		restart(b, (rnd(&s) & 1 ? VIRTIO_BIT(VIRTIO_F_EVENT_IDX) : 0) | (rnd(&s) & 3 ? VIRTIO_BIT(VIRTIO_F_INDIRECT_DESC) : 0) |
		        (rnd(&s) & 1 ? VIRTIO_BIT(VIRTIO_F_VERSION_1) : 0));
		for (unsigned i = 0; i < SIZE; i++) {
			describe(b, DESC, i, DATA + rnd(&s) % 0x8100, rnd(&s) % 200, rnd(&s) % 16 ? rnd(&s) & 3 : rnd(&s), rnd(&s) % (SIZE + (rnd(&s) % 8 == 0)));
			describe(b, TABLE, i, DATA + rnd(&s) % 0x8000, rnd(&s) % 200, rnd(&s) & 3, rnd(&s) % SIZE);
			if (rnd(&s) % 8 == 0)
				describe(b, DESC, i, TABLE, 16 * (rnd(&s) % 10), INDIRECT, 0);
		}
		for (unsigned n = rnd(&s) % SIZE; n--;)
			offer(b, rnd(&s) % SIZE);
		for (unsigned n = rnd(&s) % 3; n--;)
			b->mem[DESC + rnd(&s) % (USED + 0x100 - DESC)] = (uint8_t)rnd(&s);
		b->q.next_avail = (uint16_t)(rnd(&s) % 16 ? 0 : rnd(&s));
		for (unsigned n = 0; n < 20 && virtqueue_peek(&b->q, &b->c); n++) {
			assert_true(b->c.n_out + b->c.n_in <= VQ_SIZE_MAX);
			size_t got = virtqueue_read(&b->q, &b->c, rnd(&s) % 300, buf, sizeof buf);
			assert_true(got <= sizeof buf && got <= b->c.out_len);
			got = virtqueue_write(&b->q, &b->c, rnd(&s) % 300, buf, sizeof buf);
			assert_true(got <= b->c.in_len);
			virtqueue_taken(&b->q);
			virtqueue_push(&b->q, b->c.head, (uint32_t)got);
			virtqueue_signal(&b->q);
			whole++;
		}
		broken += b->v.broken;
	}
	assert_true(broken > 1000 && whole > 1000);             /* both were seen */
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = { TEST(chains), TEST(indirect), TEST(indices_wrap), TEST(not_now), TEST(offered_in_between), TEST(interrupts_that_are_wanted), TEST(wrong_rings),
		TEST(buffers_that_are_no_ram), TEST(loaded_values), TEST(noise) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
