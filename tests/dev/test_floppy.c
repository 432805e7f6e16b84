/* test_floppy.c - the 82078: reset, seeks, transfers by DMA and by FIFO, disk change, a guest that misbehaves. */
#include "core/block/block.h"
#include "devices/chipset/i8237.h"
#include "devices/storage/storage.h"
#include "tests/dev/bench.h"
#include <fcntl.h>
#include <unistd.h>

enum { SECTORS = 2880, RAM = 4 << 20, DATA = 0x20000 };
enum { DOR = 0x3f2, MSR = 0x3f4, FIFO = 0x3f5, DIR = 0x3f7, CCR = 0x3f7 };

struct fdc_bench {
	struct bench *b;
	struct machine *m;
	struct region ram;
	struct device *dma, *fdc;
	struct drive *drive;
	char dir[64], img[80], small[80];
	uint8_t *mem;
};

static void make_file(const char *path, unsigned sectors)
{
	int fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0600);
	for (unsigned i = 0; i < sectors; i++) {
		uint8_t s[512];
		memset(s, (int)(i % 253 + 1), 512);
		memcpy(s, &i, 4);
		assert_int_equal(write(fd, s, 512), 512);
	}
	close(fd);
}

static int setup(void **state)
{
	struct fdc_bench *t = calloc(1, sizeof(*t));
	struct error err = { "" };
	char text[256];
	t->b = bench_new();
	t->m = t->b->m;
	strcpy(t->dir, "/tmp/vmux-fdc.XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	snprintf(t->img, sizeof(t->img), "%s/a", t->dir);
	snprintf(t->small, sizeof(t->small), "%s/b", t->dir);
	make_file(t->img, SECTORS);
	make_file(t->small, 1440);
	t->ram = (struct region){ .name = "ram", .kind = REGION_RAM, .size = RAM, .ram_addr = ram_alloc(&t->m->ram, "pc.ram", RAM, &err) };
	assert_true(space_map(&t->m->mem, &t->ram, &err));
	t->mem = t->m->ram.host + t->ram.ram_addr;
	t->dma = bench_device(t->b, "i8257", NULL);
	snprintf(text, sizeof(text), "file=%s,if=floppy,format=raw", t->img);
	struct kv *kv = kv_parse(text, NULL, &err);
	t->drive = drive_new(t->m, kv, &err);
	kv_free(kv);
	assert_non_null(t->drive);
	t->fdc = bench_device(t->b, "isa-fdc", NULL);
	if (!storage_add_floppies(t->m, t->fdc, true, &err))
		fail_msg("%s", err.msg);
	outb(t->b, CCR, 0);                             /* 500 kbit/s */
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct fdc_bench *t = *state;
	drive_drain(t->m);
	device_unplug(t->fdc);
	bench_free(t->b);
	unlink(t->img);
	unlink(t->small);
	rmdir(t->dir);
	free(t);
	return 0;
}

/* ---- pokes --------------------------------------------------------------------------------------------------------------------------- */

static void send(struct fdc_bench *t, const uint8_t *cmd, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(inb(t->b, MSR) & 0xc0, 0x80);
		outb(t->b, FIFO, cmd[i]);
	}
}
#define SEND(...) send(t, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static unsigned results(struct fdc_bench *t, uint8_t *r)
{
	unsigned n = 0;
	drive_drain(t->m);
	while ((inb(t->b, MSR) & 0xd0) == 0xd0 && n < 16)
		r[n++] = inb(t->b, FIFO);
	assert_int_equal(inb(t->b, MSR) & 0xf0, 0x80);
	return n;
}

static void program_dma(struct fdc_bench *t, uint8_t mode, uint32_t addr, unsigned len)
{
	outb(t->b, 0x0a, 6);                            /* mask channel 2 */
	outb(t->b, 0x0c, 0);
	outb(t->b, 0x0b, mode | 2);
	outb(t->b, 0x04, (uint8_t)addr);
	outb(t->b, 0x04, (uint8_t)(addr >> 8));
	outb(t->b, 0x81, (uint8_t)(addr >> 16));
	outb(t->b, 0x05, (uint8_t)(len - 1));
	outb(t->b, 0x05, (uint8_t)((len - 1) >> 8));
	outb(t->b, 0x0a, 2);
}
enum { TO_MEMORY = 0x44, FROM_MEMORY = 0x48 };

static void seek(struct fdc_bench *t, uint8_t track)
{
	uint8_t r[16];
	SEND(0x0f, 0, track);
	assert_int_equal(t->b->level[6], 1);
	assert_int_equal(inb(t->b, MSR) & 1, 1);        /* drive 0 busy until it is sensed */
	SEND(0x08);
	assert_int_equal(t->b->level[6], 0);
	assert_int_equal(results(t, r), 2);
	assert_int_equal(r[0], 0x20);
	assert_int_equal(r[1], track);
}

static void is_sector(const uint8_t *p, uint32_t n)
{
	assert_memory_equal(p, &n, 4);
	assert_int_equal(p[511], n % 253 + 1);
}

/* ---- tests ----------------------------------------------------------------------------------------------------------------------------- */

static void reset_and_identity(void **state)
{
	struct fdc_bench *t = *state;
	uint8_t r[16];
	outb(t->b, DOR, 0);
	assert_int_equal(inb(t->b, MSR), 0);
	outb(t->b, DOR, 0x1c);
	assert_int_equal(t->b->level[6], 1);
	for (unsigned i = 0; i < 4; i++) {
		SEND(0x08);
		assert_int_equal(results(t, r), 2);
		assert_int_equal(r[0], 0xc0 | i);
	}
	assert_int_equal(t->b->level[6], 0);
	SEND(0x08);
	assert_int_equal(results(t, r), 1);
	assert_int_equal(r[0], 0x80);
	SEND(0x10);
	assert_int_equal(results(t, r), 1);
	assert_int_equal(r[0], 0x90);
	SEND(0x18);
	results(t, r);
	assert_int_equal(r[0] >> 5, 2);                 /* 82078 */
	SEND(0x13, 0, 0x57, 0);
	SEND(0x94);
	assert_int_equal(results(t, r), 1);
	assert_int_equal(r[0], 0x10);
	outb(t->b, MSR, 0x80);                          /* DSR reset: what is locked stays */
	SEND(0x0e);
	assert_int_equal(results(t, r), 10);
	assert_int_equal(r[7], 0x80);
	assert_int_equal(r[8], 0x57);
	SEND(0xff);
	assert_int_equal(results(t, r), 1);
	assert_int_equal(r[0], 0x80);
	SEND(0x8e, 0, 0xc0);                            /* drive specification, no results wanted */
	assert_int_equal(inb(t->b, MSR), 0x80);
	bench_save_load_save(t->fdc);
	assert_int_equal(storage_cmos_floppies(t->fdc), 0x40);
}

static void seeks(void **state)
{
	struct fdc_bench *t = *state;
	uint8_t r[16];
	outb(t->b, DOR, 0x1c);
	assert_int_equal(inb(t->b, DIR) & 0x80, 0x80);  /* changed since power-on */
	seek(t, 0);
	assert_int_equal(inb(t->b, DIR) & 0x80, 0x80);  /* no step, no clearing */
	seek(t, 5);
	assert_int_equal(inb(t->b, DIR) & 0x80, 0);
	SEND(0x04, 0);
	results(t, r);
	assert_int_equal(r[0], 0x28);
	SEND(0x07, 0);
	SEND(0x08);
	assert_int_equal(results(t, r), 2);
	assert_int_equal(r[0], 0x20);
	assert_int_equal(r[1], 0);
	SEND(0x04, 4);
	results(t, r);
	assert_int_equal(r[0], 0x3c);
	SEND(0x07, 1);                                  /* drive B is not there */
	SEND(0x08);
	results(t, r);
	assert_int_equal(r[0], 0x71);
	SEND(0x4a, 4);
	assert_int_equal(t->b->level[6], 1);
	assert_int_equal(results(t, r), 7);
	assert_int_equal(r[0], 4);
	assert_int_equal(r[6], 2);
	outb(t->b, CCR, 2);                             /* the wrong rate reads nothing */
	SEND(0x4a, 0);
	results(t, r);
	assert_int_equal(r[0] & 0xc0, 0x40);
	assert_int_equal(r[1], 1);
}

static void dma_reads_and_writes(void **state)
{
	struct fdc_bench *t = *state;
	uint8_t r[16], back[512];
	outb(t->b, DOR, 0x1c);
	seek(t, 3);
	program_dma(t, TO_MEMORY, DATA, 512 * 27);
	SEND(0xe6, 0, 3, 0, 10, 2, 18, 0x1b, 0xff);     /* both sides, ends by terminal count */
	assert_int_equal(results(t, r), 7);
	assert_int_equal(r[0], 4);
	assert_int_equal(r[1], 0);
	assert_int_equal(r[3], 4);                      /* what comes next: 4/0/1 */
	for (unsigned i = 0; i < 27; i++)
		is_sector(t->mem + DATA + i * 512, 3 * 36 + 9 + i);
	program_dma(t, TO_MEMORY, DATA, 512 * 30);      /* one side: the track is over first */
	SEND(0x66, 0, 3, 0, 10, 2, 18, 0x1b, 0xff);
	results(t, r);
	assert_int_equal(r[0], 0x40);
	assert_int_equal(r[1], 0x80);
	memset(t->mem + DATA, 0x9a, 1024);
	program_dma(t, FROM_MEMORY, DATA, 1024);
	SEND(0xc5, 4, 3, 1, 2, 2, 18, 0x1b, 0xff);
	assert_int_equal(results(t, r), 7);
	assert_int_equal(r[0], 4);
	assert_int_equal(r[5], 4);
	assert_int_equal(drive_read_now(t->drive, (3 * 36 + 18 + 2) * 512, back, 512), 0);
	assert_memory_equal(back, t->mem + DATA, 512);
	/* the channel is masked first: the transfer waits */
	outb(t->b, 0x0a, 6);
	SEND(0xe6, 0, 3, 0, 1, 2, 18, 0x1b, 0xff);
	drive_drain(t->m);
	assert_int_equal(inb(t->b, MSR) & 0xf0, 0x10);
	bench_save_load_save(t->fdc);
	program_dma(t, TO_MEMORY, DATA, 512);
	assert_int_equal(results(t, r), 7);
	assert_int_equal(r[0], 0);
	assert_int_equal(r[5], 2);
	is_sector(t->mem + DATA, 3 * 36);
}

static void errors(void **state)
{
	struct fdc_bench *t = *state;
	uint8_t r[16];
	outb(t->b, DOR, 0x1c);
	program_dma(t, TO_MEMORY, DATA, 512);
	SEND(0xe6, 0, 7, 0, 1, 2, 18, 0x1b, 0xff);      /* the head is on track 0 */
	results(t, r);
	assert_int_equal(r[0] & 0xc0, 0x40);
	assert_int_equal(r[2], 0x10);
	SEND(0xe6, 0, 0, 0, 19, 2, 30, 0x1b, 0xff);
	results(t, r);
	assert_int_equal(r[1], 4);
	SEND(0xe6, 1, 0, 0, 1, 2, 18, 0x1b, 0xff);
	results(t, r);
	assert_int_equal(r[0], 0x41);
	SEND(0xe6, 3, 0, 0, 1, 7, 18, 0x1b, 0xff);
	results(t, r);
	assert_int_equal(r[0], 0x43);
	t->drive->readonly = true;
	SEND(0xc5, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
	results(t, r);
	assert_int_equal(r[1], 2);
	t->drive->readonly = false;
	SEND(0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);      /* reset while it waits for DMA */
	outb(t->b, DOR, 0x00);
	outb(t->b, DOR, 0x1c);
	assert_int_equal(inb(t->b, MSR), 0x80);
	assert_int_equal(t->drive->in_flight, 0);
}

static void by_fifo(void **state)
{
	struct fdc_bench *t = *state;
	uint8_t r[16], buf[512];
	outb(t->b, DOR, 0x1c);
	SEND(0x03, 0xdf, 0x03);                         /* no DMA */
	SEND(0x66, 0, 0, 0, 18, 2, 18, 0x1b, 0xff);
	drive_drain(t->m);
	for (int i = 0; i < 512; i++) {
		assert_int_equal(inb(t->b, MSR), 0xf0);
		assert_int_equal(t->b->level[6], 1);
		buf[i] = inb(t->b, FIFO);
		if (i == 100)
			bench_save_load_save(t->fdc);
	}
	is_sector(buf, 17);
	assert_int_equal(results(t, r), 7);
	assert_int_equal(r[1], 0x80);
	SEND(0x45, 0, 0, 0, 18, 2, 18, 0x1b, 0xff);
	for (int i = 0; i < 512; i++) {
		assert_int_equal(inb(t->b, MSR), 0xb0);
		outb(t->b, FIFO, (uint8_t)i);
	}
	results(t, r);
	assert_int_equal(drive_read_now(t->drive, 17 * 512, buf, 512), 0);
	assert_int_equal(buf[300], 300 & 0xff);
}

static void format_and_verify(void **state)
{
	struct fdc_bench *t = *state;
	uint8_t r[16], buf[512];
	outb(t->b, DOR, 0x1c);
	seek(t, 2);
	for (uint8_t i = 0; i < 18; i++)
		memcpy(t->mem + DATA + i * 4, (const uint8_t[4]){ 2, 1, (uint8_t)(i + 1), 2 }, 4);
	program_dma(t, FROM_MEMORY, DATA, 18 * 4);
	SEND(0x4d, 4, 2, 18, 0x54, 0xf6);
	assert_int_equal(results(t, r), 7);
	assert_int_equal(r[0], 4);
	for (unsigned i = 0; i < 18; i++) {
		assert_int_equal(drive_read_now(t->drive, (2 * 36 + 18 + i) * 512, buf, 512), 0);
		assert_int_equal(buf[77], 0xf6);
	}
	SEND(0x56, 4, 2, 1, 1, 2, 18, 0x1b, 0xff);
	assert_int_equal(results(t, r), 7);
	assert_int_equal(r[0], 4);
}

static void media(void **state)
{
	struct fdc_bench *t = *state;
	struct error err;
	uint8_t r[16];
	outb(t->b, DOR, 0x1c);
	seek(t, 1);
	assert_int_equal(inb(t->b, DIR) & 0x80, 0);
	assert_true(drive_eject(t->drive, false, &err));
	seek(t, 2);
	assert_int_equal(inb(t->b, DIR) & 0x80, 0x80);
	SEND(0x66, 0, 2, 0, 1, 2, 18, 0x1b, 0xff);
	results(t, r);
	assert_int_equal(r[0] & 0xc0, 0x40);
	assert_true(drive_change(t->drive, t->small, "raw", -1, &err));
	assert_int_equal(inb(t->b, DIR) & 0x80, 0x80);
	seek(t, 1);
	assert_int_equal(inb(t->b, DIR) & 0x80, 0);
	outb(t->b, CCR, 2);                             /* 720 KB */
	program_dma(t, TO_MEMORY, DATA, 512);
	SEND(0x66, 4, 1, 1, 9, 2, 9, 0x1b, 0xff);
	results(t, r);
	assert_int_equal(r[0], 4);
	is_sector(t->mem + DATA, 18 + 9 + 8);
}

static void noise(void **state)
{
	struct fdc_bench *t = *state;
	static const uint8_t cmds[] = { 0xe6, 0xc5, 0x66, 0x45, 0x4d, 0x56, 0x08, 0x0f, 0x07, 0x4a, 0x8e, 0x13, 0x8f, 0xcf, 0x03, 0x0e };
	srand(11);
	for (int i = 0; i < 100000; i++) {
		uint8_t v = (uint8_t)rand();
		switch (rand() % 12) {
		case 0: outb(t->b, FIFO, cmds[(unsigned)rand() % sizeof(cmds)]); break;
		case 1: case 2: case 3: outb(t->b, FIFO, rand() & 1 ? v : v & 3); break;
		case 4: case 5: case 6: inb(t->b, FIFO); break;
		case 7: inb(t->b, (uint16_t)(0x3f1 + rand() % 7)); break;
		case 8: if (rand() % 50 == 0) outb(t->b, DOR, v); else outb(t->b, DOR, 0x1c); break;
		case 9: if (rand() % 50 == 0) outb(t->b, (uint16_t)(0x3f1 + rand() % 7), v); else outb(t->b, CCR, 0); break;
		case 10: program_dma(t, (uint8_t)(0x40 | (rand() & 0xc)), (uint32_t)rand() & 0xffffff, (unsigned)rand() % 2048 + 1); break;
		default: if (rand() % 4 == 0) drive_drain(t->m); break;
		}
	}
	drive_drain(t->m);
	bench_save_load_save(t->fdc);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(reset_and_identity), T(seeks), T(dma_reads_and_writes), T(errors), T(by_fifo), T(format_and_verify), T(media), T(noise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
