/* test_vga.c - registers, memory logic, text snapshots and VBE of the standard VGA. */
#include "core/machine/datafile.h"
#include "core/machine/display.h"
#include "tests/dev/vgabench.h"

struct vga_bench { struct bench *b; struct device *d; struct screen s; };

static int setup(void **state)
{
	struct vga_bench *t = calloc(1, sizeof *t);
	t->b = bench_new();
	t->d = bench_device(t->b, "VGA", NULL);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct vga_bench *t = *state;
	screen_free(&t->s);
	bench_free(t->b);
	free(t);
	return 0;
}

static uint8_t ridx(struct bench *b, uint16_t port, uint8_t i) { outb(b, port, i); return inb(b, port + 1); }
static void wmem(struct bench *b, uint32_t a, unsigned size, uint64_t v) { space_write(&b->m->mem, a, size, v); }
static uint64_t rmem(struct bench *b, uint32_t a, unsigned size) { return space_read(&b->m->mem, a, size); }

static void write_text(struct bench *b, unsigned x, unsigned y, const char *s, uint8_t a)
{
	for (; *s; s++, x++)
		wmem(b, 0xb8000 + (y * 80 + x) * 2, 2, (uint8_t)*s | a << 8);
}

static void snap(struct vga_bench *t) { assert_true(display_snapshot(t->b->m, &t->s)); }

static struct text_cell cell(struct vga_bench *t, unsigned x, unsigned y) { return t->s.cells[y * t->s.cols + x]; }

static void registers_read_back(void **state)
{
	struct bench *b = ((struct vga_bench *)*state)->b;
	outb(b, 0x3c2, 0x67);
	assert_int_equal(inb(b, 0x3cc), 0x67);
	vga_index(b, 0x3c4, 1, 0xff); assert_int_equal(ridx(b, 0x3c4, 1), 0x3d);
	vga_index(b, 0x3c4, 4, 0xff); assert_int_equal(ridx(b, 0x3c4, 4), 0x0e);
	vga_index(b, 0x3ce, 5, 0xff); assert_int_equal(ridx(b, 0x3ce, 5), 0x7b);
	vga_index(b, 0x3ce, 8, 0xa5); assert_int_equal(ridx(b, 0x3ce, 8), 0xa5);
	vga_index(b, 0x3d4, 0x0e, 0x12); assert_int_equal(ridx(b, 0x3d4, 0x0e), 0x12);
	assert_int_equal(inb(b, 0x3d4), 0x0e);
	space_write(&b->m->io, 0x3d4, 2, 0x340f);       /* index and data in one word */
	assert_int_equal(ridx(b, 0x3d4, 0x0f), 0x34);
	assert_int_equal(inb(b, 0x3b5), 0xff);  /* the mono address is silent */
	outb(b, 0x3c2, 0x66);
	assert_int_equal(inb(b, 0x3d5), 0xff);
	assert_int_equal(ridx(b, 0x3b4, 0x0f), 0x34);
	outb(b, 0x3c2, 0x67);
	/* write protection of CRTC 0-7, but for line compare's bit */
	vga_index(b, 0x3d4, 0x11, 0x80);
	vga_index(b, 0x3d4, 0, 0x55); assert_int_equal(ridx(b, 0x3d4, 0), 0);
	vga_index(b, 0x3d4, 7, 0xff); assert_int_equal(ridx(b, 0x3d4, 7), 0x10);
}

static void attribute_flip_flop(void **state)
{
	struct bench *b = ((struct vga_bench *)*state)->b;
	outb(b, 0x3c2, 0x67);
	vga_attr(b, 2, 0xff);
	inb(b, 0x3da);
	outb(b, 0x3c0, 2);
	assert_int_equal(inb(b, 0x3c1), 0x3f);
	inb(b, 0x3da);
	outb(b, 0x3c0, 0x22);                   /* display has the palette: writes do nothing */
	outb(b, 0x3c0, 0x11);
	assert_int_equal(inb(b, 0x3c0), 0x22);
	assert_int_equal(inb(b, 0x3c1), 0x3f);
	vga_attr(b, 0x30, 0x08);                    /* other registers are not locked */
	assert_int_equal(inb(b, 0x3c1), 0x08);
}

static void dac(void **state)
{
	struct bench *b = ((struct vga_bench *)*state)->b;
	outb(b, 0x3c8, 5);
	for (int i = 1; i <= 6; i++)
		outb(b, 0x3c9, (uint8_t)(i * 30));
	assert_int_equal(inb(b, 0x3c8), 7);
	assert_int_equal(inb(b, 0x3c7), 0);
	outb(b, 0x3c7, 5);
	assert_int_equal(inb(b, 0x3c7), 3);
	for (int i = 1; i <= 6; i++)
		assert_int_equal(inb(b, 0x3c9), i * 30 & 0x3f);
	outb(b, 0x3c6, 0x0f);
	assert_int_equal(inb(b, 0x3c6), 0x0f);
}

static void planar(struct bench *b)
{
	outb(b, 0x3c2, 0x63);
	vga_index(b, 0x3c4, 2, 0x0f);
	vga_index(b, 0x3c4, 4, 0x06);
	vga_index(b, 0x3ce, 6, 0x05);
	vga_index(b, 0x3ce, 5, 0x00);
	vga_index(b, 0x3ce, 8, 0xff);
}

static uint8_t plane(struct bench *b, unsigned n, uint32_t a)
{
	vga_index(b, 0x3ce, 4, (uint8_t)n);
	return (uint8_t)rmem(b, a, 1);
}

static void expect_planes(struct bench *b, uint32_t a, uint8_t p0, uint8_t p1, uint8_t p2, uint8_t p3)
{
	assert_int_equal(plane(b, 0, a), p0);
	assert_int_equal(plane(b, 1, a), p1);
	assert_int_equal(plane(b, 2, a), p2);
	assert_int_equal(plane(b, 3, a), p3);
}

static void write_modes(void **state)
{
	struct bench *b = ((struct vga_bench *)*state)->b;
	planar(b);
	wmem(b, 0xa0000, 1, 0x5a);
	expect_planes(b, 0xa0000, 0x5a, 0x5a, 0x5a, 0x5a);
	vga_index(b, 0x3c4, 2, 0x05);                 /* map mask */
	wmem(b, 0xa0001, 1, 0xff);
	expect_planes(b, 0xa0001, 0xff, 0, 0xff, 0);
	vga_index(b, 0x3c4, 2, 0x0f);
	vga_index(b, 0x3ce, 1, 0x03);                 /* set/reset on planes 0, 1 */
	vga_index(b, 0x3ce, 0, 0x01);
	wmem(b, 0xa0002, 1, 0x3c);
	expect_planes(b, 0xa0002, 0xff, 0x00, 0x3c, 0x3c);
	vga_index(b, 0x3ce, 1, 0);
	vga_index(b, 0x3ce, 3, 0x04);                 /* rotate by 4 */
	wmem(b, 0xa0003, 1, 0x1f);
	expect_planes(b, 0xa0003, 0xf1, 0xf1, 0xf1, 0xf1);
	vga_index(b, 0x3ce, 3, 0x18);                 /* xor with the latches, masked */
	vga_index(b, 0x3ce, 8, 0x0f);
	rmem(b, 0xa0000, 1);
	wmem(b, 0xa0004, 1, 0xff);
	expect_planes(b, 0xa0004, 0x55, 0x55, 0x55, 0x55);
	vga_index(b, 0x3ce, 3, 0);
	vga_index(b, 0x3ce, 8, 0xff);
	vga_index(b, 0x3ce, 5, 1);                    /* mode 1: latches */
	rmem(b, 0xa0001, 1);
	wmem(b, 0xa0005, 1, 0x00);
	expect_planes(b, 0xa0005, 0xff, 0, 0xff, 0);
	vga_index(b, 0x3ce, 5, 2);                    /* mode 2: colour */
	vga_index(b, 0x3ce, 8, 0xf0);
	rmem(b, 0xa0000, 1);
	wmem(b, 0xa0006, 1, 0x0a);
	expect_planes(b, 0xa0006, 0x0a, 0xfa, 0x0a, 0xfa);
	vga_index(b, 0x3ce, 5, 3);                    /* mode 3: data is a further mask */
	vga_index(b, 0x3ce, 8, 0xff);
	vga_index(b, 0x3ce, 0, 0x06);
	rmem(b, 0xa0000, 1);
	wmem(b, 0xa0007, 1, 0x0f);
	expect_planes(b, 0xa0007, 0x50, 0x5f, 0x5f, 0x50);
	/* read mode 1 */
	vga_index(b, 0x3ce, 5, 8);
	vga_index(b, 0x3ce, 2, 0x05);
	vga_index(b, 0x3ce, 7, 0x0f);
	assert_int_equal(rmem(b, 0xa0005, 1), 0xff);
	assert_int_equal(rmem(b, 0xa0000, 1), 0x00);
	vga_index(b, 0x3ce, 7, 0x05);
	assert_int_equal(rmem(b, 0xa0000, 1), 0x5a);
	assert_int_equal(rmem(b, 0xb8000, 1), 0xff);    /* outside the selected window */
	outb(b, 0x3c2, 0x61);
	assert_int_equal(rmem(b, 0xa0005, 1), 0xff);    /* memory switched off */
	bench_save_load_save(((struct vga_bench *)*state)->d);
}

static void chain4_is_plain_ram(void **state)
{
	struct bench *b = ((struct vga_bench *)*state)->b;
	planar(b);
	vga_index(b, 0x3c4, 4, 0x0e);
	assert_int_equal(space_find(&b->m->mem, 0xa0000)->r->kind, REGION_RAM);
	wmem(b, 0xa0010, 8, UINT64_C(0x8877665544332211));
	vga_index(b, 0x3ce, 8, 0x0f);                 /* bit mask: back through the logic, same bytes */
	assert_int_equal(space_find(&b->m->mem, 0xa0000)->r->kind, REGION_IO);
	assert_int_equal(rmem(b, 0xa0010, 8), UINT64_C(0x8877665544332211));
	vga_index(b, 0x3c4, 4, 0x06);
	expect_planes(b, 0xa0004, 0x11, 0x22, 0x33, 0x44);
	vga_index(b, 0x3ce, 8, 0xff);
	bench_reset(((struct vga_bench *)*state)->d);
	assert_int_equal(space_find(&b->m->mem, 0xa0000)->r->kind, REGION_IO);
}

static void text_and_colours(void **state)
{
	struct vga_bench *t = *state;
	struct bench *b = t->b;
	snap(t);
	assert_int_equal(t->s.kind, SCREEN_BLANK);
	vga_mode3(b);
	write_text(b, 0, 0, "SeaBIOS", 0x07);
	write_text(b, 79, 24, "!", 0x9e);
	wmem(b, 0xb8000 + 162, 8, UINT64_C(0x1f641f631f621f61));
	wmem(b, 0xb8000 + 320, 1, 'X');
	snap(t);
	assert_int_equal(t->s.kind, SCREEN_TEXT);
	assert_int_equal(t->s.cols, 80);
	assert_int_equal(t->s.rows, 25);
	assert_int_equal(t->s.glyph_height, 16);
	assert_int_equal(cell(t, 0, 0).ch, 'S');
	assert_int_equal(cell(t, 6, 0).ch, 'S');
	assert_int_equal(cell(t, 79, 24).ch, '!');
	assert_int_equal(cell(t, 79, 24).attr, 0x9e);
	assert_int_equal(cell(t, 4, 1).ch, 'd');
	assert_int_equal(cell(t, 1, 1).attr, 0x1f);
	assert_int_equal(cell(t, 0, 2).ch, 'X');
	assert_true(t->s.blink);
	assert_int_equal(t->s.palette[1], 0x0000aa);
	assert_int_equal(t->s.palette[6], 0xaa5500);
	assert_int_equal(t->s.palette[7], 0xaaaaaa);
	assert_int_equal(t->s.palette[15], 0xffffff);
	vga_attr(b, 0x30, 0x04);
	snap(t);
	assert_false(t->s.blink);
	assert_int_equal(rmem(b, 0xb8000, 4), 0x07650753);
	assert_int_equal(rmem(b, 0xb8001, 1), 0x07);
}

static void dirty_only_for_what_shows(void **state)
{
	struct vga_bench *t = *state;
	struct bench *b = t->b;
	vga_mode3(b);
	snap(t);
	assert_false(display_changed(b->m));
	write_text(b, 0, 30, "hidden page", 7);
	assert_false(display_changed(b->m));
	write_text(b, 0, 24, "x", 7);
	assert_true(display_changed(b->m));
	snap(t);
	write_text(b, 0, 24, "x", 7);           /* the same again */
	assert_false(display_changed(b->m));
	vga_index(b, 0x3d4, 0x0f, 5);
	assert_true(display_changed(b->m));
	snap(t);
	vga_index(b, 0x3d4, 0x0f, 5);
	inb(b, 0x3da);
	assert_false(display_changed(b->m));
	outb(b, 0x3c8, 1);
	for (int i = 0; i < 3; i++)
		outb(b, 0x3c9, 9);
	assert_true(display_changed(b->m));
}

static void cursor(void **state)
{
	struct vga_bench *t = *state;
	struct bench *b = t->b;
	vga_mode3(b);
	vga_index(b, 0x3d4, 0x0e, (80 * 3 + 17) >> 8);
	vga_index(b, 0x3d4, 0x0f, (80 * 3 + 17) & 0xff);
	snap(t);
	assert_true(t->s.cursor_on);
	assert_int_equal(t->s.cursor_x, 17);
	assert_int_equal(t->s.cursor_y, 3);
	assert_int_equal(t->s.cursor_start, 13);
	assert_int_equal(t->s.cursor_end, 14);
	vga_index(b, 0x3d4, 0x0b, 0x2e);              /* one character of skew */
	snap(t);
	assert_int_equal(t->s.cursor_x, 18);
	vga_index(b, 0x3d4, 0x0a, 0x2d);              /* off */
	snap(t);
	assert_false(t->s.cursor_on);
	vga_index(b, 0x3d4, 0x0a, 0x0d);
	vga_index(b, 0x3d4, 0x0e, 0x20);              /* outside */
	snap(t);
	assert_false(t->s.cursor_on);
	vga_index(b, 0x3d4, 0x0e, 0);
	vga_index(b, 0x3d4, 0x0b, 0x05);              /* ends before it starts */
	snap(t);
	assert_false(t->s.cursor_on);
}

static void start_address_and_split(void **state)
{
	struct vga_bench *t = *state;
	struct bench *b = t->b;
	vga_mode3(b);
	write_text(b, 0, 0, "top", 7);
	write_text(b, 0, 10, "ten", 7);
	vga_index(b, 0x3d4, 0x0c, 800 >> 8);
	vga_index(b, 0x3d4, 0x0d, 800 & 0xff);
	snap(t);
	assert_int_equal(cell(t, 0, 0).ch, 't');
	assert_int_equal(cell(t, 1, 0).ch, 'e');
	/* the last four rows come from address 0 */
	vga_index(b, 0x3d4, 0x11, 0x0e);
	vga_index(b, 0x3d4, 0x18, (21 * 16 - 1) & 0xff);
	vga_index(b, 0x3d4, 0x07, 0x1f);
	vga_index(b, 0x3d4, 0x09, 0x0f);
	snap(t);
	assert_int_equal(cell(t, 1, 0).ch, 'e');
	assert_int_equal(cell(t, 1, 21).ch, 'o');
	vga_index(b, 0x3d4, 0x0d, 801 & 0xff);        /* odd start */
	snap(t);
	assert_int_equal(cell(t, 0, 0).ch, 'e');
}

static void other_geometries(void **state)
{
	struct vga_bench *t = *state;
	struct bench *b = t->b;
	vga_mode3(b);
	vga_index(b, 0x3d4, 0x11, 0x0e);
	vga_index(b, 0x3d4, 0x09, 0x47);              /* 8 lines a character */
	write_text(b, 5, 49, "fifty", 7);
	snap(t);
	assert_int_equal(t->s.rows, 50);
	assert_int_equal(t->s.glyph_height, 8);
	assert_int_equal(cell(t, 5, 49).ch, 'f');
	bench_save_load_save(t->d);
	snap(t);
	assert_int_equal(t->s.rows, 50);
	vga_index(b, 0x3d4, 0x09, 0x4f);
	vga_index(b, 0x3d4, 0x01, 0x27);              /* 40 columns */
	vga_index(b, 0x3d4, 0x13, 0x14);
	snap(t);
	assert_int_equal(t->s.cols, 40);
	vga_index(b, 0x3d4, 0x01, 131);
	vga_index(b, 0x3d4, 0x13, 66);
	snap(t);
	assert_int_equal(t->s.cols, 132);
	/* nonsense is survived: 256 columns, rows of one line, address at the end */
	vga_index(b, 0x3d4, 0x01, 0xff);
	vga_index(b, 0x3d4, 0x09, 0x00);
	vga_index(b, 0x3d4, 0x12, 0xff);
	vga_index(b, 0x3d4, 0x07, 0xff);
	vga_index(b, 0x3d4, 0x0c, 0xff);
	snap(t);
	assert_int_equal(t->s.cols, 256);
	assert_int_equal(t->s.rows, TEXT_MAX_ROWS);
	vga_index(b, 0x3c4, 1, 0x20);                 /* screen off */
	snap(t);
	assert_int_equal(t->s.kind, SCREEN_BLANK);
}

static void load_font(struct bench *b, unsigned at, unsigned height, const uint8_t *font)
{
	vga_index(b, 0x3c4, 2, 4); vga_index(b, 0x3c4, 4, 6); vga_index(b, 0x3ce, 5, 0); vga_index(b, 0x3ce, 6, 4);
	for (unsigned i = 0; i < 256 * height; i++)
		wmem(b, 0xa0000 + at + i / height * 32 + i % height, 1, font[i]);
	vga_index(b, 0x3c4, 2, 3); vga_index(b, 0x3c4, 4, 2); vga_index(b, 0x3ce, 5, 0x10); vga_index(b, 0x3ce, 6, 0x0e);
}

static void fonts(void **state)
{
	struct vga_bench *t = *state;
	struct bench *b = t->b;
	static uint8_t font[256 * 16];
	vga_mode3(b);
	for (unsigned i = 0; i < sizeof font; i++)
		font[i] = (uint8_t)(i * 7 + i / 16);
	load_font(b, 0, 16, font);
	snap(t);
	assert_true(t->s.font_loaded);
	assert_false(t->s.dual_font);
	assert_memory_equal(t->s.font['A'], font + 'A' * 16, 16);
	load_font(b, 0x4000, 16, font);
	vga_index(b, 0x3c4, 3, 0x04);                 /* attribute bit 3 picks font 1 */
	snap(t);
	assert_true(t->s.dual_font);
	assert_memory_equal(t->s.font2['z'], font + 'z' * 16, 16);
}

/* The video BIOS's own 8x16 font is known again, even with a glyph changed. */
static void bios_font_is_known(void **state)
{
	static const uint8_t letter_a[16] = { 0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0xc6 };
	struct vga_bench *t = *state;
	struct error err = { "" };
	char path[4096];
	size_t len;
	assert_non_null(data_file_find(t->b->m->opt, NULL, "vgabios-stdvga.bin", path, sizeof path));
	uint8_t *rom = data_file_load(path, 1 << 20, &len, &err);
	assert_non_null(rom);
	uint8_t *a = memmem(rom, len, letter_a, sizeof letter_a);
	assert_non_null(a);
	vga_mode3(t->b);
	load_font(t->b, 0, 16, a - 'A' * 16);
	snap(t);
	assert_false(t->s.font_loaded);
	assert_memory_equal(t->s.font['A'], letter_a, 16);
	vga_index(t->b, 0x3c4, 2, 4); vga_index(t->b, 0x3c4, 4, 6); vga_index(t->b, 0x3ce, 5, 0); vga_index(t->b, 0x3ce, 6, 4);
	for (unsigned i = 0; i < 64 * 32; i++)
		wmem(t->b, 0xa0000 + i, 1, 0xaa);
	snap(t);
	assert_true(t->s.font_loaded);
	free(rom);
}

static void beam_moves_with_the_clock(void **state)
{
	struct bench *b = ((struct vga_bench *)*state)->b;
	unsigned retraces = 0;
	uint8_t last = 0;
	vga_mode3(b);
	for (int i = 0; i < 20000; i++) {       /* 0.1 s in steps of 5 us: 7 frames of 70 Hz */
		uint8_t st = inb(b, 0x3da);
		retraces += (st & 8) && !(last & 8);
		last = st;
		step(b, 5000);
	}
	assert_in_range(retraces, 6, 8);
	assert_int_equal(inb(b, 0x3c2) & 0x10, 0x10);
}

static void vbe_set(struct bench *b, uint16_t i, uint16_t v) { space_write(&b->m->io, 0x1ce, 2, i); space_write(&b->m->io, 0x1cf, 2, v); }
static uint16_t vbe_get(struct bench *b, uint16_t i) { space_write(&b->m->io, 0x1ce, 2, i); return (uint16_t)space_read(&b->m->io, 0x1cf, 2); }

static void vbe_modes(void **state)
{
	struct vga_bench *t = *state;
	struct bench *b = t->b;
	assert_int_equal(vbe_get(b, 0), 0xb0c5);
	vbe_set(b, 0, 0xb0c2);
	assert_int_equal(vbe_get(b, 0), 0xb0c2);
	assert_int_equal(vbe_get(b, 10), 256);
	vbe_set(b, 4, 2);
	assert_int_equal(vbe_get(b, 1), 16000);
	vbe_set(b, 4, 0);
	vbe_set(b, 1, 1024); vbe_set(b, 2, 768); vbe_set(b, 3, 32); vbe_set(b, 4, 0x41);
	assert_int_equal(vbe_get(b, 1), 1024);
	assert_int_equal(vbe_get(b, 6), 1024);
	assert_int_equal(vbe_get(b, 7), 4096);
	vbe_set(b, 9, 5000);
	assert_int_equal(vbe_get(b, 9), 4096 - 768);
	snap(t);
	assert_int_equal(t->s.kind, SCREEN_GRAPHICS);
	assert_int_equal(t->s.width, 1024);
	assert_int_equal(t->s.height, 768);
	assert_int_equal(t->s.bpp, 32);
	/* the window is one bank, the BAR is all of it */
	outb(b, 0x3c2, 0x67);
	vbe_set(b, 5, 3);
	assert_int_equal(space_find(&b->m->mem, 0xa0000)->r->kind, REGION_RAM);
	wmem(b, 0xa0004, 4, 0xdeadbeef);
	pci_config_write(&b->pci, ((struct pci_device *)t->d)->devfn, 0x10, 4, 0xe0000000);
	pci_config_write(&b->pci, ((struct pci_device *)t->d)->devfn, 4, 2, 2);
	assert_int_equal(rmem(b, 0xe0030004, 4), 0xdeadbeef);
	bench_save_load_save(t->d);
	/* too large for the memory: cut down */
	vbe_set(b, 4, 0);
	vbe_set(b, 1, 0xffff); vbe_set(b, 2, 0xffff); vbe_set(b, 3, 7); vbe_set(b, 4, 1);
	assert_true((uint32_t)vbe_get(b, 6) * vbe_get(b, 2) <= 16u << 20);
}

static void mmio_bar(void **state)
{
	struct vga_bench *t = *state;
	struct bench *b = t->b;
	unsigned fn = ((struct pci_device *)t->d)->devfn, sum = 0;
	assert_int_equal(pci_config_read(&b->pci, fn, 0, 4), 0x11111234);
	assert_int_equal(pci_config_read(&b->pci, fn, 8, 4), 0x03000002);
	pci_config_write(&b->pci, fn, 0x18, 4, 0xf0000000);
	pci_config_write(&b->pci, fn, 4, 2, 2);
	for (unsigned i = 0; i < 128; i++)
		sum += (uint8_t)rmem(b, 0xf0000000 + i, 1);
	assert_int_equal(sum & 0xff, 0);
	assert_int_equal(rmem(b, 0xf0000500, 2), 0xb0c5);
	wmem(b, 0xf0000502, 2, 640);
	assert_int_equal(vbe_get(b, 1), 640);
	wmem(b, 0xf0000402, 1, 0x67);           /* 3c2 */
	assert_int_equal(inb(b, 0x3cc), 0x67);
	/* the ROM is the video BIOS */
	pci_config_write(&b->pci, fn, 0x30, 4, 0xf1000001);
	assert_int_equal(rmem(b, 0xf1000000, 2), 0xaa55);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(registers_read_back, setup, teardown),
		cmocka_unit_test_setup_teardown(attribute_flip_flop, setup, teardown),
		cmocka_unit_test_setup_teardown(dac, setup, teardown),
		cmocka_unit_test_setup_teardown(write_modes, setup, teardown),
		cmocka_unit_test_setup_teardown(chain4_is_plain_ram, setup, teardown),
		cmocka_unit_test_setup_teardown(text_and_colours, setup, teardown),
		cmocka_unit_test_setup_teardown(dirty_only_for_what_shows, setup, teardown),
		cmocka_unit_test_setup_teardown(cursor, setup, teardown),
		cmocka_unit_test_setup_teardown(start_address_and_split, setup, teardown),
		cmocka_unit_test_setup_teardown(other_geometries, setup, teardown),
		cmocka_unit_test_setup_teardown(fonts, setup, teardown),
		cmocka_unit_test_setup_teardown(bios_font_is_known, setup, teardown),
		cmocka_unit_test_setup_teardown(beam_moves_with_the_clock, setup, teardown),
		cmocka_unit_test_setup_teardown(vbe_modes, setup, teardown),
		cmocka_unit_test_setup_teardown(mmio_bar, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
