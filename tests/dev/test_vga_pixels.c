/* test_vga_pixels.c - graphics modes as pixels: VBE at every depth, and VGA's own planar, 256-colour and CGA modes. */
#include "core/machine/display.h"
#include "core/monitor/screen.h"
#include "tests/dev/bench.h"
#include <png.h>
#include <stdio.h>
#include <unistd.h>

struct pix { struct bench *b; struct screen s; };

static int setup(void **state)
{
	struct pix *t = calloc(1, sizeof *t);
	t->b = bench_new();
	bench_device(t->b, "VGA", NULL);
	t->s.want_pixels = true;
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct pix *t = *state;
	screen_free(&t->s);
	bench_free(t->b);
	free(t);
	return 0;
}

static void idx(struct bench *b, uint16_t port, uint8_t i, uint8_t v) { outb(b, port, i); outb(b, port + 1, v); }
static void attr(struct bench *b, uint8_t i, uint8_t v) { inb(b, 0x3da); outb(b, 0x3c0, i); outb(b, 0x3c0, v); }
static void vbe(struct bench *b, uint16_t i, uint16_t v) { space_write(&b->m->io, 0x1ce, 2, i); space_write(&b->m->io, 0x1cf, 2, v); }
static void wmem(struct bench *b, uint32_t a, uint8_t v) { space_write(&b->m->mem, a, 1, v); }

/* DAC entry i is the colour 4*i, 255-4*i and so on, in six bits: distinct for all 64 that tests use. */
static void set_dac(struct bench *b)
{
	outb(b, 0x3c6, 0xff);
	outb(b, 0x3c8, 0);
	for (unsigned i = 0; i < 256; i++) {
		outb(b, 0x3c9, i & 63);
		outb(b, 0x3c9, 63 - (i & 63));
		outb(b, 0x3c9, i >> 2 & 63);
	}
}

static uint32_t dac(unsigned i)
{
	unsigned c[3] = { i & 63, 63 - (i & 63), i >> 2 & 63 };
	return (c[0] << 2 | c[0] >> 4) << 16 | (c[1] << 2 | c[1] >> 4) << 8 | (c[2] << 2 | c[2] >> 4);
}

static uint32_t pixel(struct pix *t, unsigned x, unsigned y)
{
	assert_true(x < t->s.width && y < t->s.height && t->s.pixels);
	return t->s.pixels[y * t->s.width + x];
}

static void snap(struct pix *t)
{
	assert_true(display_snapshot(t->b->m, &t->s));
	assert_int_equal(t->s.kind, SCREEN_GRAPHICS);
}

static void vbe_mode(struct bench *b, uint16_t w, uint16_t h, uint16_t bpp)
{
	vbe(b, 4, 0);
	outb(b, 0x3c2, 0x63);                  /* memory on */
	vbe(b, 1, w); vbe(b, 2, h); vbe(b, 3, bpp); vbe(b, 4, 0x41);
}

/* Through the window of 64 KB at A0000, bank 0. */
static void put(struct bench *b, uint32_t at, unsigned bytes, uint32_t v)
{
	for (unsigned i = 0; i < bytes; i++)
		wmem(b, 0xa0000 + at + i, (uint8_t)(v >> (8 * i)));
}

static void vbe_depths(void **state)
{
	static const struct { uint16_t bpp, bytes; uint32_t value, rgb; } deep[] = {
		{ 15, 2, 0x7fff, 0xffffff }, { 15, 2, 0x7c00, 0xff0000 }, { 15, 2, 0x0200, 0x008400 }, { 15, 2, 0x0011, 0x00008c },
		{ 16, 2, 0xf800, 0xff0000 }, { 16, 2, 0x0400, 0x008200 }, { 16, 2, 0x001f, 0x0000ff }, { 24, 3, 0x123456, 0x123456 },
		{ 32, 4, 0xff123456, 0x123456 },
	};
	struct pix *t = *state;
	set_dac(t->b);
	for (unsigned i = 0; i < sizeof deep / sizeof *deep; i++) {
		vbe_mode(t->b, 64, 32, deep[i].bpp);
		put(t->b, (5 * 64 + 9) * deep[i].bytes, deep[i].bytes, deep[i].value);
		snap(t);
		assert_int_equal(t->s.width, 64);
		assert_int_equal(t->s.height, 32);
		assert_int_equal(pixel(t, 9, 5), deep[i].rgb);
		assert_int_equal(pixel(t, 8, 5), 0);
		assert_int_equal(pixel(t, 10, 5), 0);
	}
	vbe_mode(t->b, 64, 32, 8);
	put(t->b, 3 * 64 + 7, 1, 0x25);
	snap(t);
	assert_int_equal(pixel(t, 7, 3), dac(0x25));
	assert_int_equal(pixel(t, 6, 3), dac(0));
	outb(t->b, 0x3c6, 0x0f);                /* the PEL mask */
	snap(t);
	assert_int_equal(pixel(t, 7, 3), dac(5));
}

static void vbe_panning(void **state)
{
	struct pix *t = *state;
	vbe_mode(t->b, 64, 32, 32);
	vbe(t->b, 6, 128);
	vbe(t->b, 8, 8);
	vbe(t->b, 9, 2);
	put(t->b, ((2 + 1) * 128 + 8 + 5) * 4, 4, 0xabcdef);
	snap(t);
	assert_int_equal(pixel(t, 5, 1), 0xabcdef);
}

/* Nothing changed: the pixels stay; something changed: it is seen. */
static void says_what_is_the_same(void **state)
{
	struct pix *t = *state;
	vbe_mode(t->b, 64, 32, 32);
	snap(t);
	assert_false(t->s.pixels_same);
	assert_true(t->s.rom_fonts);
	assert_true(t->s.rom8['A'][0] == 0x30 && t->s.rom14['A'][10] == 0xc6 && t->s.rom16['A'][11] == 0xc6 && t->s.rom14['T'][2] && t->s.rom8['T'][0]);
	snap(t);
	assert_true(t->s.pixels_same);
	put(t->b, (31 * 64 + 63) * 4, 4, 1);
	snap(t);
	assert_false(t->s.pixels_same);
	assert_int_equal(pixel(t, 63, 31), 1);
	vbe(t->b, 1, 8);
	snap(t);
	assert_false(t->s.pixels_same);
	t->s.want_pixels = false;
	snap(t);
}

/* IBM's tables: CRTC of 640 and 320 pixels, 400 and 480 lines. */
static void set_mode(struct bench *b, uint8_t misc, const uint8_t seq[5], const uint8_t crtc[25], const uint8_t gfx[9], uint8_t mode, uint8_t planes)
{
	vbe(b, 4, 0);
	outb(b, 0x3c2, misc);
	for (unsigned i = 0; i < 5; i++)
		idx(b, 0x3c4, (uint8_t)i, seq[i]);
	idx(b, 0x3d4, 0x11, 0);
	for (unsigned i = 0; i < 25; i++)
		idx(b, 0x3d4, (uint8_t)i, crtc[i]);
	for (unsigned i = 0; i < 9; i++)
		idx(b, 0x3ce, (uint8_t)i, gfx[i]);
	for (unsigned i = 0; i < 16; i++)
		attr(b, (uint8_t)i, (uint8_t)i);
	attr(b, 0x10, mode);
	attr(b, 0x12, planes);
	attr(b, 0x13, 0);
	attr(b, 0x14, 0);
	inb(b, 0x3da);
	outb(b, 0x3c0, 0x20);
	set_dac(b);
}

static void mode_12h(void **state)
{
	static const uint8_t seq[5] = { 3, 1, 15, 0, 6 }, gfx[9] = { 0, 0, 0, 0, 0, 0, 5, 15, 0xff };
	static const uint8_t crtc[25] = { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xea, 0x8c, 0xdf, 0x28, 0, 0xe7, 4, 0xe3, 0xff };
	struct pix *t = *state;
	struct bench *b = t->b;
	set_mode(b, 0xe3, seq, crtc, gfx, 1, 15);
	for (unsigned plane = 0; plane < 4; plane++) {
		idx(b, 0x3c4, 2, (uint8_t)(1u << plane));
		wmem(b, 0xa0000 + 7 * 80 + 2, plane & 1 ? 0x80 : 0x40);         /* pixel 16: colour 1010b, pixel 17: 0101b */
	}
	snap(t);
	assert_int_equal(t->s.width, 640);
	assert_int_equal(t->s.height, 480);
	assert_int_equal(pixel(t, 16, 7), dac(10));
	assert_int_equal(pixel(t, 17, 7), dac(5));
	assert_int_equal(pixel(t, 18, 7), dac(0));
	attr(b, 0x12, 0x03);                    /* planes 2 and 3 do not show */
	inb(b, 0x3da);
	outb(b, 0x3c0, 0x20);
	snap(t);
	assert_int_equal(pixel(t, 16, 7), dac(2));
	/* split screen: from line 100 on, address 0 again */
	attr(b, 0x12, 15);
	inb(b, 0x3da);
	outb(b, 0x3c0, 0x20);
	idx(b, 0x3d4, 0x07, 0x2e);
	idx(b, 0x3d4, 0x09, 0x00);
	idx(b, 0x3d4, 0x18, 99);
	snap(t);
	assert_int_equal(pixel(t, 16, 100 + 7), dac(10));
}

static void mode_13h(void **state)
{
	static const uint8_t seq[5] = { 3, 1, 15, 0, 14 }, gfx[9] = { 0, 0, 0, 0, 0, 0x40, 5, 15, 0xff };
	static const uint8_t crtc[25] = { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0x41, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff };
	struct pix *t = *state;
	set_mode(t->b, 0x63, seq, crtc, gfx, 0x41, 15);
	wmem(t->b, 0xa0000 + 123 * 320 + 45, 0x2a);
	snap(t);
	assert_int_equal(t->s.width, 320);
	assert_int_equal(t->s.height, 200);
	assert_int_equal(pixel(t, 45, 123), dac(0x2a));
	assert_int_equal(pixel(t, 44, 123), dac(0));
	assert_int_equal(pixel(t, 46, 123), dac(0));
}

/* 320x200 in four colours: odd lines 2000h further on, four pixels a byte. */
static void mode_4(void **state)
{
	static const uint8_t seq[5] = { 3, 9, 3, 0, 2 }, gfx[9] = { 0, 0, 0, 0, 0, 0x30, 0x0f, 0, 0xff };
	static const uint8_t crtc[25] = { 0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x14, 0, 0x96, 0xb9, 0xa2, 0xff };
	struct pix *t = *state;
	set_mode(t->b, 0x63, seq, crtc, gfx, 1, 3);
	wmem(t->b, 0xb8000 + 10 * 80 + 3, 0x1b);                /* line 20, pixels 12 to 15: 0 1 2 3 */
	wmem(t->b, 0xba000 + 10 * 80 + 4, 0xe4);                /* line 21, pixels 16 to 19: 3 2 1 0 */
	snap(t);
	assert_int_equal(t->s.width, 320);
	assert_int_equal(t->s.height, 200);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(pixel(t, 12 + i, 20), dac(i));
		assert_int_equal(pixel(t, 16 + i, 21), dac(3 - i));
	}
}

/* Whatever is in the registers, a snapshot stays within video memory. */
static void any_registers(void **state)
{
	struct pix *t = *state;
	uint32_t r = 12345;
	for (unsigned round = 0; round < 300; round++) {
		static const uint16_t ports[] = { 0x3c4, 0x3ce, 0x3d4 };
		outb(t->b, 0x3c2, 0x63);
		for (unsigned i = 0; i < 80; i++) {
			r = r * 1664525 + 1013904223;
			idx(t->b, ports[r >> 8 & 1 ? 2 : r >> 9 & 1], (uint8_t)(r >> 10 & 31), (uint8_t)(r >> 20));
		}
		idx(t->b, 0x3c4, 0, 3);
		for (uint8_t i = 0x10; i < 0x15; i++) {
			r = r * 1664525 + 1013904223;
			attr(t->b, i, (uint8_t)(r >> 20));
		}
		attr(t->b, 0x30, (uint8_t)(r >> 16 | 1));
		for (uint16_t i = 1; i < 10; i++) {
			r = r * 1664525 + 1013904223;
			vbe(t->b, i == 4 ? 3 : i, i == 4 ? (uint16_t)(r >> 28) * 8 : (uint16_t)(r >> 21));
		}
		vbe(t->b, 4, round % 3 ? 0 : 0x41);
		assert_true(display_snapshot(t->b->m, &t->s));
	}
}

/* screendump of what is there: a PPM and a PNG file of the same pixels. */
static void pictures(void **state)
{
	struct pix *t = *state;
	struct error err = { "" };
	char ppm[] = "/tmp/vmux-ppm-XXXXXX", png[] = "/tmp/vmux-png-XXXXXX", head[16] = "";
	uint8_t row[64 * 3], *all = malloc(64 * 32 * 3);
	png_image im = { .version = PNG_IMAGE_VERSION };

	close(mkstemp(ppm));
	close(mkstemp(png));
	vbe_mode(t->b, 64, 32, 32);
	put(t->b, (5 * 64 + 9) * 4, 4, 0xff123456);
	assert_true(screen_dump(t->b->m, ppm, NULL, NULL, 0, &err));
	assert_true(screen_dump(t->b->m, png, "png", NULL, 0, &err));
	assert_false(screen_dump(t->b->m, png, "gif", NULL, 0, &err));
	assert_true(display_changed(t->b->m));         /* the front end has seen nothing of it */
	FILE *f = fopen(ppm, "r");
	assert_int_equal(fread(head, 1, 13, f), 13);
	assert_string_equal(head, "P6\n64 32\n255\n");
	for (unsigned y = 0; y <= 5; y++)
		assert_int_equal(fread(row, 3, 64, f), 64);
	assert_memory_equal(row + 8 * 3, "\0\0\0\x12\x34\x56\0\0\0", 9);
	fclose(f);
	assert_true(png_image_begin_read_from_file(&im, png));
	im.format = PNG_FORMAT_RGB;
	assert_int_equal(im.width * 1000 + im.height, 64032);
	assert_true(png_image_finish_read(&im, NULL, all, 0, NULL));
	assert_memory_equal(all + 5 * 64 * 3, row, sizeof(row));
	free(all);
	unlink(ppm);
	unlink(png);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(vbe_depths, setup, teardown), cmocka_unit_test_setup_teardown(vbe_panning, setup, teardown),
		cmocka_unit_test_setup_teardown(says_what_is_the_same, setup, teardown), cmocka_unit_test_setup_teardown(mode_12h, setup, teardown),
		cmocka_unit_test_setup_teardown(mode_13h, setup, teardown), cmocka_unit_test_setup_teardown(mode_4, setup, teardown),
		cmocka_unit_test_setup_teardown(any_registers, setup, teardown), cmocka_unit_test_setup_teardown(pictures, setup, teardown),
	};
	return cmocka_run_group_tests_name("vga_pixels", tests, NULL, NULL);
}
