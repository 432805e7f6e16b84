/* test_ide.c - PIIX3 IDE: task file, PIO, bus master, disk and CD commands, and a guest that misbehaves. */
#include "core/block/block.h"
#include "devices/pci/pci.h"
#include "devices/storage/storage.h"
#include "tests/dev/bench.h"
#include <fcntl.h>
#include <unistd.h>

enum { DISK_SECTORS = 20480, CD_SECTORS = 600, RAM = 4 << 20, BM = 0xc000, PRDT = 0x1000, DATA = 0x100000 };
enum { DATA_PORT = 0x1f0, ERR, NSEC, LBA0, LBA1, LBA2, DEV, STATUS, CTL = 0x3f6 };
enum { CD = 0x170, CD_CTL = 0x376 };

struct ide_bench {
	struct bench *b;
	struct machine *m;
	struct pci_bus pci;
	struct region ram;
	struct device *ide;
	struct drive *disk, *cd;
	char dir[64], hd_img[80], cd_img[80], cd2_img[80];
	uint8_t *mem;
};

static void make_file(const char *path, uint32_t units, uint32_t size)
{
	uint8_t *buf = calloc(units, size);
	int fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0600);
	for (uint32_t i = 0; i < units; i++) {
		memset(buf + (size_t)i * size, (int)(i % 253 + 1), size);
		memcpy(buf + (size_t)i * size, &i, 4);
	}
	assert_int_equal(write(fd, buf, (size_t)units * size), (ssize_t)units * size);
	close(fd);
	free(buf);
}

static struct drive *drive(struct ide_bench *t, const char *fmt, const char *path)
{
	char text[256];
	struct error err = { "" };
	snprintf(text, sizeof(text), fmt, path);
	struct kv *kv = kv_parse(text, NULL, &err);
	struct drive *d = drive_new(t->m, kv, &err);
	kv_free(kv);
	if (!d)
		fail_msg("%s", err.msg);
	return d;
}

static int setup(void **state)
{
	struct ide_bench *t = calloc(1, sizeof(*t));
	struct error err = { "" };
	t->b = bench_new();
	t->m = t->b->m;
	strcpy(t->dir, "/tmp/vmux-ide.XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	snprintf(t->hd_img, sizeof(t->hd_img), "%s/hd", t->dir);
	snprintf(t->cd_img, sizeof(t->cd_img), "%s/cd", t->dir);
	snprintf(t->cd2_img, sizeof(t->cd2_img), "%s/cd2", t->dir);
	make_file(t->hd_img, DISK_SECTORS, 512);
	make_file(t->cd_img, CD_SECTORS, 2048);
	make_file(t->cd2_img, 100, 2048);
	t->ram = (struct region){ .name = "ram", .kind = REGION_RAM, .size = RAM, .ram_addr = ram_alloc(&t->m->ram, "pc.ram", RAM, &err) };
	assert_true(space_map(&t->m->mem, &t->ram, &err));
	t->mem = t->m->ram.host + t->ram.ram_addr;
	pci_bus_init(&t->pci, "pci.0", NULL, &t->m->mem, &t->m->io);
	t->m->pci = &t->pci.bus;
	t->disk = drive(t, "file=%s,format=raw,discard=unmap", t->hd_img);
	t->cd = drive(t, "file=%s,media=cdrom,index=2", t->cd_img);
	t->ide = device_create(t->m, "piix3-ide", &t->pci.bus, "addr=1", &err);
	if (!t->ide || !storage_add_ide_drives(t->m, t->ide, true, &err))
		fail_msg("%s", err.msg);
	for (struct device *d = t->m->devices; d; d = d->all_next)
		bench_reset(d);
	pci_config_write(&t->pci, 8, PCI_BAR0 + 16, 4, BM | 1);
	pci_config_write(&t->pci, 8, PCI_COMMAND, 2, PCI_CMD_IO | PCI_CMD_MASTER);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct ide_bench *t = *state;
	struct machine *m = t->m;
	drive_drain(m);
	device_unplug(t->ide);
	bench_free(t->b);
	unlink(t->hd_img);
	unlink(t->cd_img);
	unlink(t->cd2_img);
	rmdir(t->dir);
	free(t);
	return 0;
}

/* ---- pokes -------------------------------------------------------------------------------------------------------------------------- */

static uint8_t status(struct ide_bench *t, int base) { drive_drain(t->m); return inb(t->b, (uint16_t)(base + 7)); }
static uint8_t alt(struct ide_bench *t) { drive_drain(t->m); return inb(t->b, CTL); }
static uint16_t inw(struct ide_bench *t, uint16_t port) { return (uint16_t)space_read(&t->m->io, port, 2); }
static void outw(struct ide_bench *t, uint16_t port, uint16_t v) { space_write(&t->m->io, port, 2, v); }

static void regs(struct ide_bench *t, uint8_t feature, uint8_t n, uint32_t lba)
{
	outb(t->b, ERR, feature);
	outb(t->b, NSEC, n);
	outb(t->b, LBA0, (uint8_t)lba);
	outb(t->b, LBA1, (uint8_t)(lba >> 8));
	outb(t->b, LBA2, (uint8_t)(lba >> 16));
}

static void command28(struct ide_bench *t, uint8_t cmd, uint8_t n, uint32_t lba)
{
	outb(t->b, DEV, (uint8_t)(0xe0 | lba >> 24));
	regs(t, 0, n, lba);
	outb(t->b, STATUS, cmd);
}

static void command48(struct ide_bench *t, uint8_t cmd, uint16_t n, uint64_t lba)
{
	outb(t->b, DEV, 0xe0);
	regs(t, 0, (uint8_t)(n >> 8), (uint32_t)(lba >> 24));
	regs(t, 0, (uint8_t)n, (uint32_t)lba & 0xffffff);
	outb(t->b, STATUS, cmd);
}

static void read_words(struct ide_bench *t, int base, uint8_t *buf, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i += 2) {
		uint16_t v = inw(t, (uint16_t)base);
		buf[i] = (uint8_t)v;
		if (i + 1 < bytes)
			buf[i + 1] = (uint8_t)(v >> 8);
	}
}

static void write_words(struct ide_bench *t, int base, const uint8_t *buf, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i += 2)
		outw(t, (uint16_t)base, (uint16_t)(buf[i] | buf[i + 1] << 8));
}

static void is_sector(const uint8_t *p, uint32_t n)
{
	assert_memory_equal(p, &n, 4);
	assert_int_equal(p[4], n % 253 + 1);
	assert_int_equal(p[511], n % 253 + 1);
}

static void prd(struct ide_bench *t, unsigned i, uint32_t addr, uint32_t count, bool last)
{
	uint32_t e[2] = { addr, (count & 0xffff) | (last ? 0x80000000u : 0) };
	memcpy(t->mem + PRDT + i * 8, e, 8);
}

static void bm_start(struct ide_bench *t, bool to_memory)
{
	outb(t->b, BM + 2, 0x06);
	space_write(&t->m->io, BM + 4, 4, PRDT);
	outb(t->b, BM, to_memory ? 8 : 0);
	outb(t->b, BM, to_memory ? 9 : 1);
}

static uint8_t bm_status(struct ide_bench *t) { drive_drain(t->m); return inb(t->b, BM + 2); }

/* A request under way is made again after loading, and may fill the buffer before a second saving. */
static void save_load_all(struct ide_bench *t)
{
	bool busy = (inb(t->b, CTL) | inb(t->b, CD_CTL)) & 0x80;
	for (struct device *d = t->m->devices; d; d = d->all_next)
		(busy ? bench_save_load : bench_save_load_save)(d);
}

/* ---- the disk -------------------------------------------------------------------------------------------------------------------------- */

static void identify(void **state)
{
	struct ide_bench *t = *state;
	uint8_t id[512], sum = 0;
	command28(t, 0xec, 0, 0);
	assert_int_equal(t->b->level[14], 1);
	assert_int_equal(status(t, DATA_PORT), 0x58);
	assert_int_equal(t->b->level[14], 0);
	read_words(t, DATA_PORT, id, 512);
	assert_int_equal(status(t, DATA_PORT), 0x50);
	assert_memory_equal(id + 54, "EQUMH RADDSI K", 14);
	assert_memory_equal(id + 20, "MQ0000", 6);
	assert_int_equal(id[120] | id[121] << 8, DISK_SECTORS & 0xffff);
	assert_int_equal(id[200] | id[201] << 8, DISK_SECTORS & 0xffff);
	assert_int_equal((id[2] | id[3] << 8) * 16 * 63, DISK_SECTORS / 1008 * 1008);
	for (int i = 0; i < 512; i++)
		sum = (uint8_t)(sum + id[i]);
	assert_int_equal(sum, 0);
	save_load_all(t);
}

static void pio_reads(void **state)
{
	struct ide_bench *t = *state;
	uint8_t buf[512 * 8];
	command28(t, 0x20, 3, 1000);
	for (uint32_t i = 0; i < 3; i++) {
		drive_drain(t->m);
		assert_int_equal(t->b->level[14], 1);
		assert_int_equal(alt(t), 0x58);
		assert_int_equal(t->b->level[14], 1);   /* the alternate status leaves it */
		status(t, DATA_PORT);
		read_words(t, DATA_PORT, buf, 512);
		is_sector(buf, 1000 + i);
		save_load_all(t);
	}
	assert_int_equal(status(t, DATA_PORT), 0x50);
	assert_int_equal(t->b->level[14], 0);
	command48(t, 0x24, 256 + 2, 5000);              /* through the buffer's end */
	for (uint32_t i = 0; i < 258; i++) {
		assert_int_equal(status(t, DATA_PORT), 0x58);
		read_words(t, DATA_PORT, buf, 512);
		is_sector(buf, 5000 + i);
	}
	assert_int_equal(status(t, DATA_PORT), 0x50);
	outb(t->b, NSEC, 8);
	outb(t->b, STATUS, 0xc6);
	assert_int_equal(status(t, DATA_PORT), 0x50);
	command28(t, 0xc4, 12, 20);                     /* a block of eight, then four */
	assert_int_equal(status(t, DATA_PORT), 0x58);
	read_words(t, DATA_PORT, buf, 4096);
	is_sector(buf + 512 * 7, 27);
	assert_int_equal(status(t, DATA_PORT), 0x58);
	read_words(t, DATA_PORT, buf, 2048);
	is_sector(buf + 512 * 3, 31);
	assert_int_equal(status(t, DATA_PORT), 0x50);
	uint32_t v = 0;                                 /* 32-bit accesses, and CHS 1/2/3 */
	outb(t->b, DEV, 0xa2);
	regs(t, 0, 1, 3 | 1 << 8);
	outb(t->b, STATUS, 0x20);
	drive_drain(t->m);
	v = (uint32_t)space_read(&t->m->io, DATA_PORT, 4);
	assert_int_equal(v, (1 * 16 + 2) * 63 + 2);
}

static void pio_writes(void **state)
{
	struct ide_bench *t = *state;
	uint8_t buf[512], back[512];
	command28(t, 0x30, 2, 77);
	assert_int_equal(t->b->level[14], 0);           /* none before the first block */
	assert_int_equal(alt(t), 0x58);
	memset(buf, 0x3c, sizeof(buf));
	write_words(t, DATA_PORT, buf, 512);
	drive_drain(t->m);
	assert_int_equal(t->b->level[14], 1);
	assert_int_equal(status(t, DATA_PORT), 0x58);
	save_load_all(t);
	memset(buf, 0x3d, sizeof(buf));
	write_words(t, DATA_PORT, buf, 512);
	drive_drain(t->m);
	assert_int_equal(t->b->level[14], 1);
	assert_int_equal(status(t, DATA_PORT), 0x50);
	assert_int_equal(drive_read_now(t->disk, 78 * 512, back, 512), 0);
	assert_memory_equal(buf, back, 512);
	command28(t, 0xe7, 0, 0);
	assert_int_equal(status(t, DATA_PORT), 0x50);
	assert_int_equal(t->disk->flush.ops, 1);
	outb(t->b, ERR, 0x82);                          /* write cache off: a flush goes with every write */
	outb(t->b, STATUS, 0xef);
	assert_int_equal(status(t, DATA_PORT), 0x50);
	command28(t, 0x30, 1, 5);
	write_words(t, DATA_PORT, buf, 512);
	assert_int_equal(status(t, DATA_PORT), 0x50);
	assert_int_equal(t->disk->flush.ops, 3);
}

static void bad_addresses(void **state)
{
	struct ide_bench *t = *state;
	command28(t, 0x20, 1, DISK_SECTORS);
	assert_int_equal(status(t, DATA_PORT), 0x51);
	assert_int_equal(inb(t->b, ERR), 0x10);
	command28(t, 0x20, 2, DISK_SECTORS - 1);
	assert_int_equal(status(t, DATA_PORT), 0x51);
	command48(t, 0x25, 0, UINT64_C(0xffffffffffff));
	assert_int_equal(status(t, DATA_PORT), 0x51);
	outb(t->b, DEV, 0xa0);
	regs(t, 0, 1, 0);                               /* sector 0 of a track */
	outb(t->b, STATUS, 0x20);
	assert_int_equal(status(t, DATA_PORT), 0x51);
	command28(t, 0x3f, 1, 0);                       /* no such command */
	assert_int_equal(status(t, DATA_PORT), 0x51);
	assert_int_equal(inb(t->b, ERR), 0x04);
	command28(t, 0x91, 0, 0);                       /* no sectors a track */
	assert_int_equal(status(t, DATA_PORT), 0x51);
	command28(t, 0xf8, 0, 0);
	assert_int_equal(status(t, DATA_PORT), 0x50);
	assert_int_equal(inb(t->b, LBA0) | inb(t->b, LBA1) << 8, DISK_SECTORS - 1);
}

static void presence(void **state)
{
	struct ide_bench *t = *state;
	outb(t->b, DEV, 0xb0);                          /* slave: not there, the master answers with status 0 */
	assert_int_equal(status(t, DATA_PORT), 0);
	outb(t->b, STATUS, 0xec);
	assert_int_equal(status(t, DATA_PORT), 0);
	outb(t->b, DEV, 0xa0);
	assert_int_equal(status(t, DATA_PORT), 0x50);
	outb(t->b, CTL, 4);
	assert_int_equal(inb(t->b, CTL), 0x80);
	outb(t->b, CTL, 0);
	assert_int_equal(status(t, DATA_PORT), 0x50);
	assert_int_equal(inb(t->b, NSEC), 1);
	assert_int_equal(inb(t->b, LBA0), 1);
	assert_int_equal(inb(t->b, LBA1), 0);
	assert_int_equal(inb(t->b, ERR), 1);
	assert_int_equal(inb(t->b, CD + 4), 0x14);      /* an ATAPI drive's signature */
	assert_int_equal(inb(t->b, CD + 5), 0xeb);
	assert_int_equal(inb(t->b, CD + 7), 0);
	outb(t->b, CTL, 2);                             /* nIEN */
	command28(t, 0xec, 0, 0);
	assert_int_equal(t->b->level[14], 0);
	outb(t->b, CTL, 0);
	assert_int_equal(t->b->level[14], 1);
	command28(t, 0x90, 0, 0);
	assert_int_equal(t->b->level[14], 1);
	assert_int_equal(status(t, DATA_PORT), 0x50);
	outb(t->b, NSEC, 0x12);                         /* the older byte shows with HOB */
	outb(t->b, NSEC, 0x34);
	assert_int_equal(inb(t->b, NSEC), 0x34);
	outb(t->b, CTL, 0x80);
	assert_int_equal(inb(t->b, NSEC), 0x12);
}

static void dma_both_ways(void **state)
{
	struct ide_bench *t = *state;
	prd(t, 0, DATA, 512, false);
	prd(t, 1, DATA + 0x2000, 0x1000, false);
	prd(t, 2, DATA + 0x8000, 512 * 55, true);
	command28(t, 0xc8, 64, 3000);
	assert_int_equal(alt(t) & 0x80, 0x80);          /* waits for the bus master */
	save_load_all(t);
	bm_start(t, true);
	assert_int_equal(bm_status(t) & 7, 4);          /* interrupt, not active */
	assert_int_equal(t->b->level[14], 1);
	assert_int_equal(status(t, DATA_PORT), 0x50);
	outb(t->b, BM, 0);
	is_sector(t->mem + DATA, 3000);
	is_sector(t->mem + DATA + 0x2000, 3001);
	is_sector(t->mem + DATA + 0x2e00, 3008);
	is_sector(t->mem + DATA + 0x8000, 3009);
	is_sector(t->mem + DATA + 0x8000 + 54 * 512, 3063);
	for (unsigned i = 0; i < 4; i++)                /* 256 KB, 64 KB an entry (count 0) */
		prd(t, i, DATA + i * 0x10000, 0, i == 3);
	for (unsigned i = 0; i < 0x40000; i++)
		t->mem[DATA + i] = (uint8_t)(i * 7 + i / 512);
	command48(t, 0x35, 512, 9000);
	bm_start(t, false);
	assert_int_equal(bm_status(t) & 7, 4);
	assert_int_equal(status(t, DATA_PORT), 0x50);
	outb(t->b, BM, 0);
	uint8_t *back = malloc(0x40000);
	assert_int_equal(drive_read_now(t->disk, 9000 * 512, back, 0x40000), 0);
	assert_memory_equal(back, t->mem + DATA, 0x40000);
	free(back);
}

static void tables_that_do_not_fit(void **state)
{
	struct ide_bench *t = *state;
	prd(t, 0, DATA, 0x1000, true);                  /* longer than the transfer: stays active */
	command28(t, 0xc8, 1, 10);
	bm_start(t, true);
	assert_int_equal(bm_status(t) & 7, 5);
	assert_int_equal(status(t, DATA_PORT), 0x50);
	outb(t->b, BM, 0);
	assert_int_equal(bm_status(t) & 1, 0);
	prd(t, 0, DATA, 0x300, true);                   /* shorter: idle, no interrupt, the disk waits */
	command28(t, 0xc8, 2, 10);
	bm_start(t, true);
	assert_int_equal(bm_status(t) & 7, 0);
	assert_int_equal(alt(t) & 0x80, 0x80);
	outb(t->b, BM, 0);
	outb(t->b, CTL, 4);
	outb(t->b, CTL, 0);
	assert_int_equal(status(t, DATA_PORT), 0x50);
	prd(t, 0, 0xe0000000, 0x1000, false);           /* a hole, then two bytes at a time */
	for (unsigned i = 1; i < 8192 - PRDT / 8; i++)
		prd(t, i, DATA + i * 2, 2, false);
	command48(t, 0x25, 64, 0);
	bm_start(t, true);
	drive_drain(t->m);
	outb(t->b, CTL, 4);
	outb(t->b, CTL, 0);
	outb(t->b, BM, 0);
	for (unsigned i = 0; i < 8192; i++)             /* a table that never ends; it wraps at 64 KB */
		memset(t->mem + i * 8, 0, 8);
	space_write(&t->m->io, BM + 4, 4, 0);
	command48(t, 0x25, 1024, 0);
	outb(t->b, BM, 9);
	drive_drain(t->m);
	assert_int_equal(status(t, DATA_PORT), 0x50);
	outb(t->b, BM, 0);
	command48(t, 0x25, 1024, 0);                    /* the table is where nothing is */
	space_write(&t->m->io, BM + 4, 4, 0xe0000000);
	outb(t->b, BM, 9);
	assert_int_equal(bm_status(t) & 3, 2);
	outb(t->b, BM, 0);
}

static void reset_in_flight(void **state)
{
	struct ide_bench *t = *state;
	for (int i = 0; i < 50; i++) {
		for (unsigned k = 0; k < 16; k++)
			prd(t, k, DATA + k * 0x10000, 0, k == 15);
		command48(t, i & 1 ? 0x25 : 0x35, 2048, 100);
		bm_start(t, i & 1);
		if (i % 3 == 0)
			outb(t->b, BM, 0);
		outb(t->b, STATUS, 0x20);               /* ignored */
		outb(t->b, CTL, 4);
		outb(t->b, CTL, 0);
		assert_int_equal(alt(t), 0x50);
		outb(t->b, BM, 0);
		command28(t, 0x20, 200, 0);
		bench_reset(t->ide);
		for (struct device *d = t->m->devices; d; d = d->all_next)
			bench_reset(d);
		pci_config_write(&t->pci, 8, PCI_BAR0 + 16, 4, BM | 1);
		pci_config_write(&t->pci, 8, PCI_COMMAND, 2, PCI_CMD_IO | PCI_CMD_MASTER);
		assert_int_equal(t->disk->in_flight, 0);
	}
}

static void trim_and_smart(void **state)
{
	struct ide_bench *t = *state;
	uint8_t buf[512];
	memset(t->mem + DATA, 0, 512);
	t->mem[DATA] = 100;                             /* sector 100, 8 sectors */
	t->mem[DATA + 6] = 8;
	prd(t, 0, DATA, 512, true);
	outb(t->b, DEV, 0xe0);
	regs(t, 1, 0, 0);
	regs(t, 1, 1, 0);
	outb(t->b, STATUS, 0x06);
	bm_start(t, false);
	assert_int_equal(status(t, DATA_PORT), 0x50);
	outb(t->b, BM, 0);
	assert_int_equal(drive_read_now(t->disk, 104 * 512, buf, 512), 0);
	assert_int_equal(buf[9], 0);
	outb(t->b, DEV, 0xe0);
	regs(t, 0xda, 0, 0xc24f00);
	outb(t->b, STATUS, 0xb0);
	assert_int_equal(status(t, DATA_PORT), 0x50);
	assert_int_equal(inb(t->b, LBA1), 0x4f);
	regs(t, 0xd0, 1, 0xc24f00);
	outb(t->b, STATUS, 0xb0);
	assert_int_equal(status(t, DATA_PORT), 0x58);
	read_words(t, DATA_PORT, buf, 512);
	uint8_t sum = 0;
	for (int i = 0; i < 512; i++)
		sum = (uint8_t)(sum + buf[i]);
	assert_int_equal(sum, 0);
	regs(t, 0xd0, 1, 0);
	outb(t->b, STATUS, 0xb0);
	assert_int_equal(status(t, DATA_PORT), 0x51);
}

/* ---- the CD drive -------------------------------------------------------------------------------------------------------------------- */

static uint8_t packet(struct ide_bench *t, uint8_t feature, uint16_t limit, const uint8_t *cdb)
{
	outb(t->b, CD + 6, 0xa0);
	outb(t->b, CD + 1, feature);
	outb(t->b, CD + 4, (uint8_t)limit);
	outb(t->b, CD + 5, (uint8_t)(limit >> 8));
	outb(t->b, CD + 7, 0xa0);
	assert_int_equal(inb(t->b, CD + 7) & 0x88, 0x08);
	assert_int_equal(inb(t->b, CD + 2), 1);
	write_words(t, CD, cdb, 12);
	return status(t, CD);
}

/* A command whose reply fits a block; returns its length, or -1 when the drive says CHECK. */
static int reply(struct ide_bench *t, const uint8_t *cdb, uint8_t *buf)
{
	uint8_t st = packet(t, 0, 0xfffe, cdb);
	if (st & 1)
		return -1;
	int total = 0;
	while (st & 8) {
		int n = inb(t->b, CD + 4) | inb(t->b, CD + 5) << 8;
		assert_int_equal(inb(t->b, CD + 2), 2);
		read_words(t, CD, buf + total, (unsigned)n);
		total += n;
		st = status(t, CD);
	}
	assert_int_equal(inb(t->b, CD + 2), 3);
	return total;
}

static uint32_t sense(struct ide_bench *t)
{
	uint8_t buf[32];
	assert_int_equal(reply(t, (uint8_t[12]){ 3, 0, 0, 0, 18 }, buf), 18);
	return (uint32_t)(buf[2] << 16 | buf[12] << 8 | buf[13]);
}

static const uint8_t test_unit_ready[12] = { 0 };

static void cd_identity(void **state)
{
	struct ide_bench *t = *state;
	uint8_t buf[65536];
	outb(t->b, CD + 6, 0xa0);
	outb(t->b, CD + 7, 0xec);
	assert_int_equal(status(t, CD) & 1, 1);
	assert_int_equal(inb(t->b, CD + 4), 0x14);
	outb(t->b, CD + 7, 0xa1);
	assert_int_equal(t->b->level[15], 1);
	assert_int_equal(status(t, CD), 0x58);
	read_words(t, CD, buf, 512);
	assert_int_equal(buf[0] | buf[1] << 8, 0x85c0);
	assert_memory_equal(buf + 54, "EQUMD DVR-MO", 12);
	assert_int_equal(reply(t, test_unit_ready, buf), -1);
	assert_int_equal(sense(t), 0x062900);           /* power on */
	assert_int_equal(sense(t), 0);
	assert_int_equal(reply(t, test_unit_ready, buf), 0);
	assert_int_equal(reply(t, (uint8_t[12]){ 0x12, 0, 0, 0, 96 }, buf), 36);
	assert_memory_equal(buf + 8, "QEMU    QEMU DVD-ROM    2.5+", 28);
	assert_int_equal(reply(t, (uint8_t[12]){ 0x12, 0, 0, 0, 5 }, buf), 5);
	assert_int_equal(reply(t, (uint8_t[12]){ 0x25 }, buf), 8);
	assert_int_equal(buf[2] << 8 | buf[3], CD_SECTORS - 1);
	assert_int_equal(reply(t, (uint8_t[12]){ 0x43, 0, 0, 0, 0, 0, 0, 0, 64 }, buf), 20);
	assert_int_equal(buf[14], 0xaa);
	assert_int_equal(buf[18] << 8 | buf[19], CD_SECTORS);
	assert_int_equal(reply(t, (uint8_t[12]){ 0x43, 2, 0, 0, 0, 0, 0xaa, 0, 64 }, buf), 12);
	assert_int_equal(buf[9], 0);                    /* 600 + 150 sectors are 10 seconds */
	assert_int_equal(buf[10], 10);
	assert_true(reply(t, (uint8_t[12]){ 0x46, 0, 0, 0, 0, 0, 0, 1, 0 }, buf) > 30);
	assert_int_equal(buf[7], 8);
	assert_int_equal(reply(t, (uint8_t[12]){ 0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 128 }, buf), 32);
	assert_int_equal(buf[8], 0x2a);
	assert_int_equal(reply(t, (uint8_t[12]){ 0x5a, 0, 0x33, 0, 0, 0, 0, 0, 128 }, buf), -1);
	assert_int_equal(sense(t), 0x052400);
	assert_int_equal(reply(t, (uint8_t[12]){ 0xf0 }, buf), -1);
	assert_int_equal(sense(t), 0x052000);
	save_load_all(t);
}

static void cd_reads(void **state)
{
	struct ide_bench *t = *state;
	static uint8_t buf[CD_SECTORS * 2352];
	reply(t, test_unit_ready, buf);
	uint8_t st = packet(t, 0, 2048, (uint8_t[12]){ 0x28, 0, 0, 0, 0, 100, 0, 0, 40 });
	for (uint32_t i = 0; i < 40; i++) {             /* a block of 2048 each */
		assert_int_equal(st & 0x89, 8);
		assert_int_equal(inb(t->b, CD + 4) | inb(t->b, CD + 5) << 8, 2048);
		read_words(t, CD, buf, 2048);
		uint32_t n = 100 + i;
		assert_memory_equal(buf, &n, 4);
		assert_int_equal(buf[2047], n % 253 + 1);
		save_load_all(t);
		st = status(t, CD);
	}
	assert_int_equal(st & 0x89, 0);
	assert_int_equal(reply(t, (uint8_t[12]){ 0xa8, 0, 0, 0, 0, 0, 0, 0, 2, 0x58 }, buf), CD_SECTORS * 2048);
	assert_int_equal(buf[599 * 2048 + 1], 599 >> 8);
	assert_int_equal(reply(t, (uint8_t[12]){ 0xbe, 0, 0, 0, 0, 9, 0, 0, 60, 0xf8 }, buf), 60 * 2352);
	for (uint32_t i = 0; i < 60; i++) {
		uint32_t n = 9 + i;
		uint8_t *p = buf + i * 2352;
		assert_int_equal(p[0], 0);
		assert_int_equal(p[5], 0xff);
		assert_int_equal(p[15], 1);
		assert_memory_equal(p + 16, &n, 4);
		assert_int_equal(p[16 + 2047], n % 253 + 1);
	}
	assert_int_equal(buf[13], 0x02);                /* 9 + 150: 0:02:09 */
	assert_int_equal(buf[14], 0x09);
	assert_int_equal(reply(t, (uint8_t[12]){ 0x28, 0, 0, 0, 2, 0x58, 0, 0, 1 }, buf), -1);
	assert_int_equal(sense(t), 0x052100);
	assert_int_equal(reply(t, (uint8_t[12]){ 0xa8, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff }, buf), -1);
	assert_int_equal(reply(t, (uint8_t[12]){ 0x28 }, buf), 0);
	st = packet(t, 0, 1, (uint8_t[12]){ 0x12, 0, 0, 0, 36 });       /* a limit nobody can keep */
	assert_int_equal(st & 8, 8);
}

static void cd_dma(void **state)
{
	struct ide_bench *t = *state;
	uint8_t buf[64];
	reply(t, test_unit_ready, buf);
	prd(t, 0, DATA, 100, false);
	prd(t, 1, DATA + 100, 2048 * 8 - 100, true);
	uint8_t st = packet(t, 1, 0, (uint8_t[12]){ 0x28, 0, 0, 0, 0, 50, 0, 0, 8 });
	assert_int_equal(st & 0x80, 0x80);
	outb(t->b, BM + 10, 6);
	space_write(&t->m->io, BM + 12, 4, PRDT);
	outb(t->b, BM + 8, 9);
	st = status(t, CD);
	assert_int_equal(st & 0x89, 0);
	assert_int_equal(inb(t->b, BM + 10) & 7, 4);
	outb(t->b, BM + 8, 0);
	for (uint32_t i = 0; i < 8; i++) {
		uint32_t n = 50 + i;
		assert_memory_equal(t->mem + DATA + i * 2048, &n, 4);
	}
	prd(t, 0, DATA, 0x100, true);
	packet(t, 1, 0, (uint8_t[12]){ 0x12, 0, 0, 0, 36 });
	outb(t->b, BM + 10, 6);
	outb(t->b, BM + 8, 9);
	assert_int_equal(status(t, CD) & 0x89, 0);
	assert_memory_equal(t->mem + DATA + 8, "QEMU", 4);
	assert_int_equal(inb(t->b, BM + 10) & 7, 5);
	outb(t->b, BM + 8, 0);
}

static void cd_media(void **state)
{
	struct ide_bench *t = *state;
	uint8_t buf[64];
	struct error err;
	reply(t, test_unit_ready, buf);
	assert_int_equal(reply(t, (uint8_t[12]){ 0x1e, 0, 0, 0, 1 }, buf), 0);
	assert_true(t->cd->locked);
	assert_false(drive_eject(t->cd, false, &err));
	assert_int_equal(reply(t, (uint8_t[12]){ 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8 }, buf), 8);
	assert_int_equal(buf[4], 1);                    /* the user wants it out */
	assert_int_equal(reply(t, (uint8_t[12]){ 0x1b, 0, 0, 0, 2 }, buf), -1);
	assert_int_equal(sense(t), 0x055302);
	reply(t, (uint8_t[12]){ 0x1e }, buf);
	assert_int_equal(reply(t, (uint8_t[12]){ 0x1b, 0, 0, 0, 2 }, buf), 0);
	assert_true(t->cd->tray_open);
	assert_int_equal(reply(t, test_unit_ready, buf), -1);
	assert_int_equal(sense(t), 0x023a02);
	save_load_all(t);
	assert_true(t->cd->tray_open);
	assert_true(drive_change(t->cd, t->cd2_img, NULL, -1, &err));
	reply(t, test_unit_ready, buf);                 /* the attention of the reset that saving did */
	for (int i = 0; i < 2 && reply(t, test_unit_ready, buf) < 0; i++)
		sense(t);
	assert_int_equal(reply(t, (uint8_t[12]){ 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8 }, buf), 8);
	assert_int_equal(buf[4], 2);                    /* new medium */
	assert_int_equal(buf[5], 2);
	assert_int_equal(reply(t, (uint8_t[12]){ 0x25 }, buf), 8);
	assert_int_equal(buf[3], 99);
	assert_true(drive_eject(t->cd, false, &err));
	assert_int_equal(reply(t, (uint8_t[12]){ 0x28, 0, 0, 0, 0, 0, 0, 0, 1 }, buf), -1);
	assert_int_equal(sense(t) >> 8, 0x023a);
	assert_int_equal(packet(t, 0, 0xfffe, (uint8_t[12]){ 0x55, 0x10, 0, 0, 0, 0, 0, 0, 8 }) & 0x89, 8);
	assert_int_equal(inb(t->b, CD + 2), 0);         /* towards the device */
	write_words(t, CD, (const uint8_t[8]){ 0 }, 8);
	assert_int_equal(status(t, CD) & 0x89, 0);
	packet(t, 0, 0xfffe, (uint8_t[12]){ 0x55, 0x10, 0, 0, 0, 0, 0, 0, 200 });
	outb(t->b, CD + 7, 0x08);                       /* DEVICE RESET in the middle of it */
	assert_int_equal(inb(t->b, CD + 7), 0);
	assert_int_equal(inb(t->b, CD + 5), 0xeb);
}

static void boot_order(void **state)
{
	struct ide_bench *t = *state;
	struct text out = { 0 };
	struct error err;
	assert_true(storage_boot_order(t->m, &out, &err));
	assert_int_equal(out.len, 0);
	for (struct device *d = t->m->devices; d; d = d->all_next)
		if (d->bus != &t->pci.bus)
			assert_true(device_set(d, "bootindex", d->desc == &ide_cd_desc ? "1" : "7", &err));
	assert_true(storage_boot_order(t->m, &out, &err));
	assert_string_equal(out.s, "/pci@i0cf8/ide@1,0/drive@1/disk@0\n/pci@i0cf8/ide@1,0/drive@0/disk@0\n");
	for (struct device *d = t->m->devices; d; d = d->all_next)
		if (d->bus != &t->pci.bus)
			device_set(d, "bootindex", "7", &err);
	assert_false(storage_boot_order(t->m, &out, &err));
	assert_string_equal(err.msg, "The bootindex 7 has already been used");
	text_free(&out);
}

/* ---- a hostile guest ------------------------------------------------------------------------------------------------------------------ */

static void noise(void **state)
{
	struct ide_bench *t = *state;
	static const uint8_t cmds[] = { 0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39, 0xc4, 0xc5, 0xc6, 0xc8, 0xca, 0xce, 0x06, 0xa0, 0xa1, 0xb0, 0xec,
		0xe7, 0xea, 0xef, 0x08, 0x90, 0x91 };
	srand(42);
	for (int i = 0; i < 120000; i++) {
		uint16_t base = rand() & 1 ? 0x1f0 : 0x170;
		uint8_t v = (uint8_t)rand();
		switch (rand() % 16) {
		case 0: outb(t->b, (uint16_t)(base + 7), cmds[(unsigned)rand() % sizeof(cmds)]); break;
		case 1: outb(t->b, (uint16_t)(BM + rand() % 16), v & 0x0f); break;
		case 2: space_write(&t->m->io, BM + 4 + (rand() & 8), 4, (uint32_t)rand() % (RAM / 2)); break;
		case 3: prd(t, (unsigned)rand() % 64, (uint32_t)rand() * 2u, (uint32_t)rand(), rand() % 4 == 0); break;
		case 4: case 5: case 6: space_write(&t->m->io, base, 1u << rand() % 3, (uint32_t)rand()); break;
		case 7: case 8: case 9: space_read(&t->m->io, base, 1u << rand() % 3); break;
		case 10: outb(t->b, (uint16_t)(base + 0x206), rand() % 20 ? v & 0xfb : v); break;
		case 11: inb(t->b, (uint16_t)(base + rand() % 8)); break;
		case 12: if (rand() % 8 == 0) drive_drain(t->m); break;
		default: outb(t->b, (uint16_t)(base + 1 + rand() % 6), rand() & 1 ? v : v & 1); break;
		}
		if (i % 20000 == 0)
			for (struct device *d = t->m->devices; d; d = d->all_next)
				bench_reset(d);
		if (i % 1000 == 0) {
			pci_config_write(&t->pci, 8, PCI_BAR0 + 16, 4, BM | 1);
			pci_config_write(&t->pci, 8, PCI_COMMAND, 2, PCI_CMD_IO | (rand() % 8 ? PCI_CMD_MASTER : 0));
		}
	}
	drive_drain(t->m);
	save_load_all(t);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(identify), T(pio_reads), T(pio_writes), T(bad_addresses), T(presence), T(dma_both_ways), T(tables_that_do_not_fit),
		T(reset_in_flight), T(trim_and_smart), T(cd_identity), T(cd_reads), T(cd_dma), T(cd_media), T(boot_order), T(noise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
