/* test_i8237.c - ISA DMA: programming, transfers, terminal count, autoinit, directions, the 16-bit controller. */
#include "devices/chipset/i8237.h"
#include "tests/dev/board.h"

/* Program channel ch (0-3 or 5-7): mode, byte address, count of units. */
static void program(struct machine *m, unsigned ch, uint8_t mode, uint32_t addr, unsigned units)
{
	static const uint16_t page_port[8] = { 0x87, 0x83, 0x81, 0x82, 0, 0x8b, 0x89, 0x8a };
	bool wide = ch > 3;
	unsigned n = ch & 3, base = wide ? 0xc0 : 0, shift = wide;

	out8(m, (uint16_t)(wide ? 0xd4 : 0x0a), (uint8_t)(4 | n));
	out8(m, (uint16_t)(wide ? 0xd8 : 0x0c), 0);
	out8(m, (uint16_t)(wide ? 0xd6 : 0x0b), (uint8_t)(mode | n));
	uint32_t offset = wide ? addr >> 1 : addr;
	out8(m, (uint16_t)(base + (2 * n << shift)), (uint8_t)offset);
	out8(m, (uint16_t)(base + (2 * n << shift)), (uint8_t)(offset >> 8));
	out8(m, (uint16_t)(base + ((2 * n + 1) << shift)), (uint8_t)(units - 1));
	out8(m, (uint16_t)(base + ((2 * n + 1) << shift)), (uint8_t)((units - 1) >> 8));
	out8(m, page_port[ch], (uint8_t)(addr >> 16));
	out8(m, (uint16_t)(wide ? 0xd4 : 0x0a), (uint8_t)n);
}

static unsigned woken;
static void ready(void *arg) { woken++; }

/* The floppy controller has channel 2: the tests use the free ones. */
static void to_memory(void **state)
{
	struct machine *m = board_new("-m 16");
	uint8_t data[512];
	bool tc;

	memset(data, 0x5a, sizeof data);
	assert_true(isa_dma_attach(m, 3, ready, NULL));
	assert_false(isa_dma_attach(m, 3, ready, NULL));
	assert_false(isa_dma_attach(m, 4, ready, NULL));
	program(m, 3, 0x44, 0x12ff00, 512);
	assert_int_equal(isa_dma_write(m, 3, data, 512, &tc), 0);       /* no request */
	isa_dma_request(m, 3, true);
	assert_true(isa_dma_ready(m, 3));
	assert_int_equal(in8(m, 0x08) & 0xf0, 0x80);
	assert_int_equal(isa_dma_write(m, 3, data, 500, &tc), 500);
	assert_false(tc);
	assert_int_equal(isa_dma_write(m, 3, data, 500, &tc), 12);
	assert_true(tc);
	assert_int_equal(in8(m, 0x08), 0x88);                           /* terminal count of channel 3, once */
	assert_int_equal(in8(m, 0x08), 0x80);
	assert_int_equal(isa_dma_write(m, 3, data, 1, &tc), 0);         /* masked itself */
	assert_int_equal(peek8(m, 0x12ffff), 0x5a);
	assert_int_equal(peek8(m, 0x130000), 0);                        /* the page does not count up: it wrapped */
	assert_int_equal(peek8(m, 0x120000), 0x5a);
	board_free(m);
}

static void from_memory(void **state)
{
	struct machine *m = board_new("-m 16");
	uint8_t data[16] = { 0 };
	bool tc;

	poke32(m, 0x2000, 0x04030201);
	isa_dma_attach(m, 1, ready, NULL);
	isa_dma_request(m, 1, true);
	program(m, 1, 0x48, 0x2000, 16);
	assert_int_equal(isa_dma_write(m, 1, data, 4, &tc), 0);         /* the other direction */
	assert_int_equal(isa_dma_read(m, 1, data, 4, &tc), 4);
	assert_int_equal(data[3], 4);
	program(m, 1, 0x68, 0x2003, 4);                                 /* downwards */
	assert_int_equal(isa_dma_read(m, 1, data, 4, &tc), 4);
	assert_int_equal(data[0], 4);
	assert_int_equal(data[3], 1);
	program(m, 1, 0x40, 0x2000, 4);                                 /* verify: counts, moves nothing */
	data[0] = 0x77;
	assert_int_equal(isa_dma_write(m, 1, data, 4, &tc), 4);
	assert_true(tc);
	assert_int_equal(peek32(m, 0x2000), 0x04030201);
	board_free(m);
}

static void autoinit(void **state)
{
	struct machine *m = board_new("-m 16");
	uint8_t data[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	bool tc;

	isa_dma_attach(m, 1, ready, NULL);
	isa_dma_request(m, 1, true);
	program(m, 1, 0x54, 0x3000, 4);
	assert_int_equal(isa_dma_write(m, 1, data, 8, &tc), 4);
	assert_true(tc);
	assert_int_equal(isa_dma_write(m, 1, data + 4, 4, &tc), 4);     /* it starts over by itself */
	assert_int_equal(peek32(m, 0x3000), 0x08070605);
	board_free(m);
}

static void words(void **state)
{
	struct machine *m = board_new("-m 16");
	uint8_t data[6] = { 1, 2, 3, 4, 5, 6 };
	bool tc;

	isa_dma_attach(m, 5, ready, NULL);
	isa_dma_request(m, 5, true);
	out8(m, 0xd6, 0xc0);                                            /* cascade */
	program(m, 5, 0x44, 0x21000, 3);
	assert_int_equal(isa_dma_write(m, 5, data, 6, &tc), 6);
	assert_true(tc);
	assert_int_equal(peek32(m, 0x21000), 0x04030201);
	assert_int_equal(in8(m, 0xc4), 0x03);                           /* current address, in words */
	assert_int_equal(in8(m, 0xc4), 0x08);
	board_free(m);
}

/* Whoever waits is told when the guest unmasks its channel. */
static void wake_up(void **state)
{
	struct machine *m = board_new("-m 16");

	woken = 0;
	isa_dma_attach(m, 1, ready, NULL);
	isa_dma_request(m, 1, true);
	out8(m, 0x08, 4);                                               /* controller off */
	program(m, 1, 0x44, 0x3000, 4);
	assert_int_equal(woken, 0);
	out8(m, 0x08, 0);
	assert_int_equal(woken, 1);
	out8(m, 0x0d, 0);                                               /* master clear masks all */
	assert_false(isa_dma_ready(m, 1));
	assert_int_equal(in8(m, 0x0f), 0xff);
	out8(m, 0x0e, 0);
	assert_int_equal(in8(m, 0x0f), 0xf0);
	board_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(to_memory), cmocka_unit_test(from_memory), cmocka_unit_test(autoinit),
		cmocka_unit_test(words), cmocka_unit_test(wake_up) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
