/* ide_cd.c - "ide-cd", an ATAPI CD/DVD drive: the PACKET command around mmc.c.
 * Ref: ATA/ATAPI-7 (T13/1532D) volume 1, 6.18 IDENTIFY PACKET DEVICE and 6.24 PACKET; volume 2, 9.7-9.8 PACKET protocols. */
#include "devices/storage/ide.h"
#include "devices/storage/mmc.h"
#include "devices/storage/storage.h"
#include <errno.h>
#include <string.h>

enum cd_op { OP_NONE, OP_PACKET, OP_REPLY, OP_REPLY_DMA, OP_OUT, OP_OUT_DMA, OP_READ, OP_READ_DMA, OP_RAW_DMA, OP_COUNT };
enum { REASON_COMMAND = 1, REASON_TO_HOST = 2 };        /* interrupt reason, in the sector count register */
enum { FEATURE_DMA = 1, FEATURE_OVERLAP = 2 };
enum { DMA_PIECE = 1 << 20 };
enum { LOG_COMMAND };

struct ide_cd {
	struct ide_device ide;
	struct mmc mmc;
	/* guest-visible */
	uint8_t  dma_mode;
	bool     packet_dma;
	uint16_t limit;                                 /* byte count limit of a DRQ block */
	uint32_t lba, left, sector;                     /* of a read under way */
	bool     tray_open, locked;                     /* the drive's, while saved */
};

static struct ide_cd *cd(struct ide_device *d)
{
	return container_of(d, struct ide_cd, ide);
}

/* ---- ends ------------------------------------------------------------------------------------------------------------------------------------ */

static void end_packet(struct ide_cd *c, struct mmc_result r)
{
	struct ide_device *d = &c->ide;
	if (d->dma_wait)
		ide_dma_finished(d);
	d->nsector = REASON_COMMAND | REASON_TO_HOST;
	d->pos = d->block_end = d->len = 0;
	if (r.kind == MMC_CHECK)
		ide_fail(d, (uint8_t)(c->mmc.key << 4));
	else
		ide_finish(d);
}

static void abort_command(struct ide_device *d)
{
	ide_fail(d, ER_ABRT);
}

/* ---- data to the host by PIO -------------------------------------------------------------------------------------------------------------------- */

/* The next DRQ block of buf[pos, len): no more than the host's limit, even unless it is the end. */
static void pio_in_block(struct ide_cd *c)
{
	struct ide_device *d = &c->ide;
	uint32_t n = d->len - d->pos, limit = c->limit;
	if (n > limit)
		n = limit & ~1u;
	d->nsector = REASON_TO_HOST;
	d->lba[1] = (uint8_t)n;
	d->lba[2] = (uint8_t)(n >> 8);
	ide_block(d, XFER_TO_HOST, d->pos, n, true);
}

/* Sectors that go through the buffer, at its end so that raw ones can be spread out from its front. */
static uint32_t chunk_sectors(const struct ide_cd *c)
{
	uint32_t max = IDE_BUF / c->sector;
	return c->left < max ? c->left : max;
}

static void read_chunk(struct ide_cd *c)
{
	uint32_t n = chunk_sectors(c), at = c->sector == CD_SECTOR ? 0 : IDE_BUF - n * CD_SECTOR;
	c->ide.pos = c->ide.block_end = 0;
	c->ide.len = n * c->sector;
	ide_submit_buf(&c->ide, BLOCK_READ, (uint64_t)c->lba * CD_SECTOR, at, n * CD_SECTOR);
}

static void spread_raw(struct ide_cd *c)
{
	uint32_t n = c->ide.len / c->sector;
	uint8_t data[CD_SECTOR];
	for (uint32_t i = 0; i < n && c->sector == CD_RAW_SECTOR; i++) {
		memcpy(data, c->ide.buf + IDE_BUF - (n - i) * CD_SECTOR, CD_SECTOR);
		mmc_fill_raw(&c->mmc, c->ide.buf + i * CD_RAW_SECTOR, data, c->lba + i);
	}
}

static void chunk_used(struct ide_cd *c)
{
	uint32_t n = c->ide.len / c->sector;
	c->lba += n;
	c->left -= n < c->left ? n : c->left;
}

/* ---- DMA ------------------------------------------------------------------------------------------------------------------------------------------- */

static void take_data(struct ide_cd *c);

static void cd_dma_go(struct ide_device *d)
{
	struct ide_cd *c = cd(d);
	uint64_t want = (uint64_t)c->left * CD_SECTOR;
	switch (d->op) {
	case OP_REPLY_DMA:
		if (ide_dma_copy(d, 0, d->len, true) == d->len)
			end_packet(c, (struct mmc_result){ .kind = MMC_GOOD });
		break;
	case OP_OUT_DMA:
		if (ide_dma_copy(d, 0, d->len, false) == d->len)
			take_data(c);
		break;
	case OP_READ_DMA:
		ide_dma_submit(d, BLOCK_READ, (uint64_t)c->lba * CD_SECTOR, (uint32_t)(want < DMA_PIECE ? want : DMA_PIECE), CD_SECTOR);
		break;
	case OP_RAW_DMA:
		read_chunk(c);
		break;
	}
}

static void wait_dma(struct ide_cd *c, enum cd_op op)
{
	if (!ide_dma_claim(&c->ide)) {
		abort_command(&c->ide);
		return;
	}
	c->ide.op = (uint8_t)op;
	if (c->ide.bus->dma->active(c->ide.bus))
		cd_dma_go(&c->ide);
}

/* ---- the packet ------------------------------------------------------------------------------------------------------------------------------------- */

static void start_data_out(struct ide_cd *c, uint32_t len)
{
	struct ide_device *d = &c->ide;
	if (len > IDE_BUF || (!c->packet_dma && len > c->limit)) {      /* parameter lists of the pages there are: tens of bytes */
		abort_command(d);
		return;
	}
	d->len = len;
	d->pos = d->block_end = 0;
	if (c->packet_dma) {
		wait_dma(c, OP_OUT_DMA);
		return;
	}
	d->op = OP_OUT;
	d->nsector = 0;
	d->lba[1] = (uint8_t)len;
	d->lba[2] = (uint8_t)(len >> 8);
	ide_block(d, XFER_TO_DEVICE, 0, len, true);
}

static void start_read(struct ide_cd *c, const struct mmc_result *r)
{
	c->lba = r->lba;
	c->left = r->count;
	c->sector = r->sector;
	if (c->packet_dma) {
		wait_dma(c, c->sector == CD_SECTOR ? OP_READ_DMA : OP_RAW_DMA);
		return;
	}
	c->ide.op = OP_READ;
	read_chunk(c);
}

static void act_on(struct ide_cd *c, struct mmc_result r)
{
	struct ide_device *d = &c->ide;
	switch (r.kind) {
	case MMC_GOOD: case MMC_CHECK: end_packet(c, r); break;
	case MMC_DATA_OUT: start_data_out(c, r.len); break;
	case MMC_READ:     start_read(c, &r); break;
	case MMC_DATA_IN:
		d->len = r.len;
		d->pos = d->block_end = 0;
		if (c->packet_dma) {
			wait_dma(c, OP_REPLY_DMA);
		} else {
			d->op = OP_REPLY;
			pio_in_block(c);
		}
		break;
	}
}

static void run_packet(struct ide_cd *c)
{
	uint8_t cdb[MMC_CDB];
	memcpy(cdb, c->ide.buf, sizeof(cdb));
	ide_busy(&c->ide);
	act_on(c, mmc_command(&c->mmc, cdb, c->ide.buf, IDE_BUF));
}

static void take_data(struct ide_cd *c)
{
	act_on(c, mmc_data_out(&c->mmc, c->ide.buf, c->ide.len));
}

static void cmd_packet(struct ide_cd *c)
{
	struct ide_device *d = &c->ide;
	uint32_t limit = d->lba[1] | (uint32_t)d->lba[2] << 8;
	if (d->feature & FEATURE_OVERLAP) {
		abort_command(d);
		return;
	}
	c->packet_dma = d->feature & FEATURE_DMA;
	c->limit = (uint16_t)(limit == 0 || limit == 0xffff ? 0xfffe : limit < 2 ? 2 : limit);
	d->op = OP_PACKET;
	d->nsector = REASON_COMMAND;
	d->len = MMC_CDB;
	ide_block(d, XFER_TO_DEVICE, 0, MMC_CDB, false);        /* accelerated DRQ: no interrupt (word 0 of the identification) */
}

static void cd_block_done(struct ide_device *d)
{
	struct ide_cd *c = cd(d);
	switch (d->op) {
	case OP_PACKET: run_packet(c); break;
	case OP_OUT:    take_data(c); break;
	case OP_REPLY:
		if (d->pos < d->len)
			pio_in_block(c);
		else
			end_packet(c, (struct mmc_result){ .kind = MMC_GOOD });
		break;
	case OP_READ:
		if (d->pos < d->len) {
			pio_in_block(c);
			break;
		}
		chunk_used(c);
		if (c->left)
			read_chunk(c);
		else
			end_packet(c, (struct mmc_result){ .kind = MMC_GOOD });
		break;
	default:                                        /* IDENTIFY PACKET DEVICE */
		d->status = ATA_DRDY | ATA_DSC;
	}
}

static void cd_io_done(struct ide_device *d, int result)
{
	struct ide_cd *c = cd(d);
	if (result) {
		end_packet(c, mmc_read_failed(&c->mmc, result));
		return;
	}
	if (d->op == OP_READ) {
		spread_raw(c);
		pio_in_block(c);
		return;
	}
	if (d->op == OP_RAW_DMA) {
		spread_raw(c);
		if (ide_dma_copy(d, 0, d->len, true) < d->len)
			return;
		chunk_used(c);
	} else if (d->op == OP_READ_DMA) {
		uint32_t n = d->sg.bytes / CD_SECTOR;
		c->lba += n;
		c->left -= n < c->left ? n : c->left;
	}
	if (c->left)
		cd_dma_go(d);
	else
		end_packet(c, (struct mmc_result){ .kind = MMC_GOOD });
}

static void cd_resume(struct ide_device *d)
{
	if (!(d->status & ATA_BSY))
		return;
	if (d->op == OP_READ)
		read_chunk(cd(d));
	else if (d->dma_wait && d->bus->dma->active(d->bus))
		cd_dma_go(d);
}

/* ---- other commands ------------------------------------------------------------------------------------------------------------------------------------ */

static void cmd_identify(struct ide_cd *c)
{
	struct ide_device *d = &c->ide;
	uint8_t *id = d->buf;
	unsigned mw = c->dma_mode >> 4 == 2 ? 0x100u << (c->dma_mode & 7) : 0, udma = c->dma_mode >> 4 == 4 ? 0x100u << (c->dma_mode & 7) : 0;
	memset(id, 0, BLOCK_SECTOR);
	ide_put_word(id, 0, 0x85c0);                    /* ATAPI, CD/DVD, removable, accelerated DRQ, 12-byte packets */
	ide_put_text(id, 10, 20, d->serial);
	ide_put_word(id, 20, 3);
	ide_put_word(id, 21, 512);
	ide_put_text(id, 23, 8, d->ver);
	ide_put_text(id, 27, 40, d->model);
	ide_put_word(id, 48, 1);
	ide_put_word(id, 49, 0x0b00);                   /* IORDY, LBA, DMA */
	ide_put_word(id, 51, 0x0200);
	ide_put_word(id, 53, 7);
	ide_put_word(id, 63, (uint16_t)(0x07 | mw));
	ide_put_word(id, 64, 3);
	for (unsigned w = 65; w <= 68; w++)
		ide_put_word(id, w, 120);
	ide_put_word(id, 71, 30);
	ide_put_word(id, 72, 30);
	ide_put_word(id, 80, 0x00f0);
	ide_put_word(id, 82, 0x4218);                   /* NOP, DEVICE RESET, PACKET, power management */
	ide_put_word(id, 83, 0x4000);
	ide_put_word(id, 84, 0x4000);
	ide_put_word(id, 85, 0x4218);
	ide_put_word(id, 87, 0x4000);
	ide_put_word(id, 88, (uint16_t)(0x3f | udma));
	ide_put_word(id, 93, 0x6001 | (d->unit ? 0x0a00 : 0x000a));
	ide_put_checksum(id);
	d->len = BLOCK_SECTOR;
	ide_block(d, XFER_TO_HOST, 0, BLOCK_SECTOR, true);
}

static void cmd_set_features(struct ide_cd *c)
{
	static const uint8_t top[32] = { [0] = 1, [1] = 4, [4] = 2, [8] = 5 };
	struct ide_device *d = &c->ide;
	uint8_t mode = d->nsector;
	bool ok = d->feature == 0x66 || d->feature == 0xcc;
	if (d->feature == 0x03 && top[mode >> 3] && (mode & 7) <= top[mode >> 3]) {
		ok = true;
		if (mode >> 3 >= 4)
			c->dma_mode = mode;
	}
	if (ok)
		ide_finish(d);
	else
		abort_command(d);
}

static void cd_command(struct ide_device *d, uint8_t cmd)
{
	switch (cmd) {
	case 0xa0: cmd_packet(cd(d)); break;
	case 0xa1: cmd_identify(cd(d)); break;
	case 0xe0: case 0xe1: case 0xe2: case 0xe3: case 0xe6: case 0xe7: ide_finish(d); break; /* power modes, FLUSH CACHE */
	case 0xe5: d->nsector = 0xff; ide_finish(d); break;
	case 0xef: cmd_set_features(cd(d)); break;
	case 0x20: case 0xec:                           /* told apart from a disk by what they find in the registers */
		ide_signature(d);
		abort_command(d);
		break;
	default:
		device_log_once(&d->dev, LOG_COMMAND, "command %02xh is not implemented by this drive", cmd);
		abort_command(d);
	}
}

/* ---- the device -------------------------------------------------------------------------------------------------------------------------------------------- */

static void cd_ide_reset(struct ide_device *d, bool hard)
{
	struct ide_cd *c = cd(d);
	c->packet_dma = false;
	c->limit = 0xfffe;
	c->lba = c->left = 0;
	c->sector = CD_SECTOR;
	if (hard)
		c->dma_mode = 0x45;
	mmc_reset(&c->mmc);
}

static const struct ide_ops cd_ops = {
	.command = cd_command, .block_done = cd_block_done, .dma_go = cd_dma_go, .io_done = cd_io_done, .resume = cd_resume,
	.reset = cd_ide_reset, .packet = true,
};

static void cd_medium_changed(void *arg, bool in)
{
	struct ide_cd *c = arg;
	mmc_medium_changed(&c->mmc, in);
}

static void cd_eject_requested(void *arg, bool force)
{
	struct ide_cd *c = arg;
	mmc_eject_requested(&c->mmc);
}

static bool cd_realize(struct device *dev, struct error *err)
{
	struct ide_cd *c = container_of(dev, struct ide_cd, ide.dev);
	if (!c->ide.drive)                      /* none was named: an empty one */
		c->ide.drive = drive_new_anonymous(dev->machine, NULL, err);
	struct drive *d = c->ide.drive;
	d->cdrom |= d->anonymous;
	mmc_init(&c->mmc, d, dev);
	if (!ide_device_realize(&c->ide, &cd_ops, "QEMU DVD-ROM", err))
		return false;
	d->removable = d->has_tray = true;
	d->medium_changed = cd_medium_changed;
	d->eject_requested = cd_eject_requested;
	d->change_arg = c;
	return true;
}

static void cd_unrealize(struct device *dev)
{
	ide_device_unrealize(container_of(dev, struct ide_device, dev));
}

static void cd_reset(struct device *dev, enum reset_kind kind)
{
	ide_device_reset(container_of(dev, struct ide_device, dev));
}

static void cd_saving(struct device *dev)
{
	struct ide_cd *c = container_of(dev, struct ide_cd, ide.dev);
	c->tray_open = c->ide.drive && c->ide.drive->tray_open;
	c->locked = c->ide.drive && c->ide.drive->locked;
}

static bool cd_loaded(struct device *dev, struct error *err)
{
	struct ide_cd *c = container_of(dev, struct ide_cd, ide.dev);
	struct ide_device *d = &c->ide;
	if (!ide_device_loaded(d, err))
		return false;
	if (d->op >= OP_COUNT || (c->sector != CD_SECTOR && c->sector != CD_RAW_SECTOR) || c->limit < 2 ||
	    (d->op >= OP_READ && !c->left) || (d->op == OP_PACKET && d->len != MMC_CDB))
		return error_set(err, "%s: CD state out of range", dev->path);
	if (d->drive) {
		d->drive->tray_open = c->tray_open;
		d->drive->locked = c->locked;
	}
	cd_resume(d);
	return true;
}

static const struct prop cd_props[] = { IDE_PROPS(struct ide_cd), { .type = PROP_END } };

static const struct state_field cd_state[] = {
	STATE_STRUCT(struct ide_cd, ide, ide_device_state), STATE_STRUCT(struct ide_cd, mmc, mmc_state), STATE_U8(struct ide_cd, dma_mode),
	STATE_BOOL(struct ide_cd, packet_dma), STATE_U16(struct ide_cd, limit), STATE_U32(struct ide_cd, lba), STATE_U32(struct ide_cd, left),
	STATE_U32(struct ide_cd, sector), STATE_BOOL(struct ide_cd, tray_open), STATE_BOOL(struct ide_cd, locked), STATE_END
};

const struct device_desc ide_cd_desc = {
	.name = "ide-cd", .bus = "IDE", .category = "Storage", .description = "virtual IDE CD-ROM", .size = sizeof(struct ide_cd),
	.user_creatable = true, .props = cd_props, .state = cd_state, .state_version = 1, .realize = cd_realize, .unrealize = cd_unrealize,
	.reset = cd_reset, .saving = cd_saving, .loaded = cd_loaded,
};
