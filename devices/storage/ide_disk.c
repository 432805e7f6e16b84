/* ide_disk.c - "ide-hd", an ATA disk: its commands and their transfers.  Ref: ATA/ATAPI-7 (T13/1532D) volume 1 clause 6. */
#include "devices/storage/ide_disk.h"
#include "devices/storage/storage.h"
#include <errno.h>
#include <string.h>

enum hd_op { OP_NONE, OP_PIO_READ, OP_PIO_WRITE, OP_DMA_READ, OP_DMA_WRITE, OP_FLUSH, OP_TRIM, OP_COUNT };
enum { DMA_PIECE = 1 << 20, BUF_SECTORS = IDE_BUF / BLOCK_SECTOR };
enum { LOG_COMMAND };

static struct ide_hd *hd(struct ide_device *d)
{
	return container_of(d, struct ide_hd, ide);
}

/* ---- addresses ----------------------------------------------------------------------------------------------------------------------- */

/* Sector the registers name; false: there is none. */
static bool get_address(struct ide_hd *h, bool ext, uint64_t *sector)
{
	const struct ide_device *d = &h->ide;
	uint32_t low = d->lba[0] | d->lba[1] << 8 | (uint32_t)d->lba[2] << 16;
	if (ext) {
		*sector = low | (uint64_t)(d->hob_lba[0] | d->hob_lba[1] << 8 | (uint32_t)d->hob_lba[2] << 16) << 24;
		return true;
	}
	uint32_t head = d->select & 15;
	if (d->select & DEV_LBA) {
		*sector = low | head << 24;
		return true;
	}
	if (!d->lba[0] || d->lba[0] > h->cur_secs || head >= h->cur_heads)
		return false;
	*sector = ((uint64_t)(low >> 8) * h->cur_heads + head) * h->cur_secs + d->lba[0] - 1;
	return true;
}

static void put_address(struct ide_hd *h, uint64_t sector)
{
	struct ide_device *d = &h->ide;
	uint32_t low = (uint32_t)sector;
	if (!h->ext && !(d->select & DEV_LBA)) {
		uint32_t track = (uint32_t)(sector / h->cur_secs);
		low = track / h->cur_heads << 8 | (uint32_t)(sector % h->cur_secs + 1);
		d->select = (uint8_t)((d->select & 0xf0) | track % h->cur_heads);
	} else if (!h->ext) {
		d->select = (uint8_t)((d->select & 0xf0) | (sector >> 24 & 15));
	}
	for (int i = 0; i < 3; i++)
		d->lba[i] = (uint8_t)(low >> (8 * i));
	for (int i = 0; i < 3 && h->ext; i++)
		d->hob_lba[i] = (uint8_t)(sector >> (24 + 8 * i));
}

/* The command ends: the registers tell how far it came. */
static void end_address(struct ide_hd *h, uint64_t sector)
{
	put_address(h, sector);
	h->ide.nsector = (uint8_t)h->left;
	h->ide.hob_nsector = (uint8_t)(h->left >> 8);
}

static bool in_range(const struct ide_hd *h, uint64_t sector, uint64_t count)
{
	return sector < h->sectors && count <= h->sectors - sector;
}

/* ---- ends of transfers ------------------------------------------------------------------------------------------------------------------ */

static void transfer_failed(struct ide_hd *h, int result)
{
	bool reading = h->ide.op == OP_PIO_READ || h->ide.op == OP_DMA_READ;
	if (h->ide.dma_wait)
		ide_dma_finished(&h->ide);
	end_address(h, h->next);
	ide_fail(&h->ide, reading && result == -EIO ? ER_UNC : ER_ABRT);
}

static void moved(struct ide_hd *h, uint32_t sectors)
{
	h->next += sectors;
	h->left -= sectors > h->left ? h->left : sectors;
}

static void write_ended(struct ide_hd *h)
{
	end_address(h, h->next - 1);
	if (!h->fua && h->write_cache) {
		ide_finish(&h->ide);
		return;
	}
	h->ide.op = OP_FLUSH;
	ide_submit_buf(&h->ide, BLOCK_FLUSH, 0, 0, 0);
}

/* ---- PIO -------------------------------------------------------------------------------------------------------------------------------- */

static void pio_read_block(struct ide_hd *h)
{
	struct ide_device *d = &h->ide;
	uint32_t n = h->per_block * BLOCK_SECTOR;
	ide_block(d, XFER_TO_HOST, d->pos, n < d->len - d->pos ? n : d->len - d->pos, true);
}

/* Read as much at once as the buffer takes; the host then gets it block by block. */
static void pio_read_chunk(struct ide_hd *h)
{
	uint32_t max = h->single ? h->per_block : BUF_SECTORS, n = h->left < max ? h->left : max;
	h->ide.len = n * BLOCK_SECTOR;
	h->ide.pos = h->ide.block_end = 0;
	ide_submit_buf(&h->ide, BLOCK_READ, h->next * BLOCK_SECTOR, 0, h->ide.len);
}

static void pio_write_block(struct ide_hd *h, bool raise)
{
	uint32_t n = h->left < h->per_block ? h->left : h->per_block;
	h->ide.len = n * BLOCK_SECTOR;
	ide_block(&h->ide, XFER_TO_DEVICE, 0, h->ide.len, raise);
}

static void hd_block_done(struct ide_device *d)
{
	struct ide_hd *h = hd(d);
	if (d->op == OP_PIO_WRITE) {
		ide_submit_buf(d, BLOCK_WRITE, h->next * BLOCK_SECTOR, 0, d->len);
		return;
	}
	if (d->op != OP_PIO_READ) {                     /* IDENTIFY, SMART: one block */
		d->status = ATA_DRDY | ATA_DSC;
		return;
	}
	uint32_t full = h->per_block * BLOCK_SECTOR, part = d->pos % full;
	moved(h, (part ? part : full) / BLOCK_SECTOR);
	if (d->pos < d->len) {
		pio_read_block(h);
	} else if (h->left) {
		pio_read_chunk(h);
	} else {                                        /* no interrupt after the last block of a read */
		end_address(h, h->next - 1);
		d->op = OP_NONE;
		d->status = ATA_DRDY | ATA_DSC;
	}
}

static void pio_read_done(struct ide_hd *h, int result)
{
	struct ide_device *d = &h->ide;
	if (!result) {
		pio_read_block(h);
	} else if (!h->single && d->len > h->per_block * BLOCK_SECTOR) {
		h->single = true;
		pio_read_chunk(h);
	} else {
		transfer_failed(h, result);
	}
}

static void pio_write_done(struct ide_hd *h, int result)
{
	if (result) {
		transfer_failed(h, result);
		return;
	}
	moved(h, h->ide.len / BLOCK_SECTOR);
	if (h->left)
		pio_write_block(h, true);
	else
		write_ended(h);
}

/* ---- DMA -------------------------------------------------------------------------------------------------------------------------------- */

static void dma_piece(struct ide_hd *h)
{
	uint64_t want = (uint64_t)h->left * BLOCK_SECTOR, max = h->single ? BLOCK_SECTOR : DMA_PIECE;
	ide_dma_submit(&h->ide, h->ide.op == OP_DMA_READ ? BLOCK_READ : BLOCK_WRITE, h->next * BLOCK_SECTOR,
		(uint32_t)(want < max ? want : max), BLOCK_SECTOR);
}

static void dma_done(struct ide_hd *h, int result)
{
	struct ide_device *d = &h->ide;
	if (result && !h->single && d->sg.bytes > BLOCK_SECTOR) {
		h->single = true;
		dma_piece(h);
		return;
	}
	if (result) {
		transfer_failed(h, result);
		return;
	}
	moved(h, d->sg.bytes / BLOCK_SECTOR);
	if (h->left) {
		dma_piece(h);
		return;
	}
	ide_dma_finished(d);
	if (d->op == OP_DMA_WRITE) {
		write_ended(h);
	} else {
		end_address(h, h->next - 1);
		ide_finish(d);
	}
}

/* DATA SET MANAGEMENT: ranges of 48-bit address and 16-bit count; a count of 0 is no range. */
static void trim_next(struct ide_hd *h)
{
	struct ide_device *d = &h->ide;
	while (d->pos < d->len) {
		const uint8_t *p = d->buf + d->pos;
		uint64_t first = 0, count = p[6] | p[7] << 8;
		for (int i = 5; i >= 0; i--)
			first = first << 8 | p[i];
		if (count && !in_range(h, first, count)) {
			ide_fail(d, ER_ABRT);
			return;
		}
		d->pos += 8;
		if (count) {
			ide_submit_buf(d, BLOCK_DISCARD, first * BLOCK_SECTOR, 0, (uint32_t)count * BLOCK_SECTOR);
			return;
		}
	}
	ide_finish(d);
}

static void trim_start(struct ide_hd *h)
{
	struct ide_device *d = &h->ide;
	if (ide_dma_copy(d, 0, d->len, false) < d->len)
		return;                                 /* the table gave out: wait */
	ide_dma_finished(d);
	d->pos = 0;
	d->block_end = d->len;
	trim_next(h);
}

static void hd_dma_go(struct ide_device *d)
{
	if (d->op == OP_TRIM)
		trim_start(hd(d));
	else if (d->op == OP_DMA_READ || d->op == OP_DMA_WRITE)
		dma_piece(hd(d));
}

static void hd_io_done(struct ide_device *d, int result)
{
	struct ide_hd *h = hd(d);
	switch (d->op) {
	case OP_PIO_READ:  pio_read_done(h, result); break;
	case OP_PIO_WRITE: pio_write_done(h, result); break;
	case OP_DMA_READ:
	case OP_DMA_WRITE: dma_done(h, result); break;
	case OP_FLUSH:     result ? ide_fail(d, ER_ABRT) : ide_finish(d); break;
	case OP_TRIM:      result ? ide_fail(d, ER_ABRT) : trim_next(h); break;
	}
}

/* After loading a state that was saved with a command under way. */
static void hd_resume(struct ide_device *d)
{
	struct ide_hd *h = hd(d);
	if (!(d->status & ATA_BSY))
		return;
	switch (d->op) {
	case OP_PIO_READ:  pio_read_chunk(h); break;
	case OP_PIO_WRITE: ide_submit_buf(d, BLOCK_WRITE, h->next * BLOCK_SECTOR, 0, d->len); break;
	case OP_FLUSH:     ide_submit_buf(d, BLOCK_FLUSH, 0, 0, 0); break;
	case OP_TRIM:      if (!d->dma_wait) trim_next(h); else hd_dma_go(d); break;
	default:           hd_dma_go(d); break;
	}
}

/* ---- commands --------------------------------------------------------------------------------------------------------------------------- */

static bool take_range(struct ide_hd *h, bool ext)
{
	struct ide_device *d = &h->ide;
	h->ext = ext;
	h->fua = h->single = false;
	h->left = ext ? d->hob_nsector << 8 | d->nsector : d->nsector;
	if (!h->left)
		h->left = ext ? 65536 : 256;
	if (get_address(h, ext, &h->next) && in_range(h, h->next, h->left))
		return true;
	ide_fail(d, ER_IDNF);
	return false;
}

static void cmd_pio(struct ide_hd *h, bool write, bool ext, bool multiple)
{
	if (multiple && !h->multiple) {
		ide_fail(&h->ide, ER_ABRT);
		return;
	}
	if (!take_range(h, ext))
		return;
	h->per_block = multiple ? h->multiple : 1;
	h->ide.op = write ? OP_PIO_WRITE : OP_PIO_READ;
	if (write)
		pio_write_block(h, false);
	else
		pio_read_chunk(h);
}

static void cmd_dma(struct ide_hd *h, bool write, bool ext, bool fua)
{
	if (!take_range(h, ext))
		return;
	if (!ide_dma_claim(&h->ide)) {
		ide_fail(&h->ide, ER_ABRT);
		return;
	}
	h->fua = fua;
	h->ide.op = write ? OP_DMA_WRITE : OP_DMA_READ;
	dma_piece(h);
}

static void cmd_verify(struct ide_hd *h, bool ext)
{
	if (!take_range(h, ext))
		return;
	uint64_t last = h->next + h->left - 1;
	h->left = 0;
	end_address(h, last);
	ide_finish(&h->ide);
}

static void cmd_seek(struct ide_hd *h)
{
	uint64_t sector;
	if (get_address(h, false, &sector) && sector < h->sectors)
		ide_finish(&h->ide);
	else
		ide_fail(&h->ide, ER_IDNF);
}

static void cmd_flush(struct ide_hd *h)
{
	h->ide.op = OP_FLUSH;
	ide_submit_buf(&h->ide, BLOCK_FLUSH, 0, 0, 0);
}

static void cmd_native_max(struct ide_hd *h, bool ext)
{
	uint64_t last = h->sectors - 1;
	if (!ext && last > 0x0fffffff)
		last = 0x0fffffff;
	h->ext = ext;
	put_address(h, last);
	ide_finish(&h->ide);
}

static void cmd_identify(struct ide_hd *h)
{
	hd_identify(h, h->ide.buf);
	h->ide.len = BLOCK_SECTOR;
	ide_block(&h->ide, XFER_TO_HOST, 0, BLOCK_SECTOR, true);
}

static void cmd_set_multiple(struct ide_hd *h)
{
	uint8_t n = h->ide.nsector;
	if (n > MAX_MULTIPLE || (n & (n - 1))) {
		ide_fail(&h->ide, ER_ABRT);
		return;
	}
	h->multiple = n;
	ide_finish(&h->ide);
}

static void cmd_set_geometry(struct ide_hd *h)
{
	if (!h->ide.nsector) {
		ide_fail(&h->ide, ER_ABRT);
		return;
	}
	h->cur_secs = h->ide.nsector;
	h->cur_heads = (h->ide.select & 15u) + 1;
	ide_finish(&h->ide);
}

static bool set_transfer_mode(struct ide_hd *h, uint8_t mode)
{
	static const uint8_t top[32] = { [0] = 1, [1] = 4, [4] = 2, [8] = 5 };  /* PIO default, PIO flow control, multiword, Ultra */
	if ((mode & 7) > top[mode >> 3] || !top[mode >> 3])
		return false;
	if (mode >> 3 >= 4)
		h->dma_mode = mode;
	return true;
}

static void cmd_set_features(struct ide_hd *h)
{
	bool ok = true;
	switch (h->ide.feature) {
	case 0x02: h->write_cache = true; break;
	case 0x82: h->write_cache = false; cmd_flush(h); return;
	case 0x55: h->look_ahead = false; break;
	case 0xaa: h->look_ahead = true; break;
	case 0x03: ok = set_transfer_mode(h, h->ide.nsector); break;
	case 0x66: case 0xcc: break;                    /* keep settings over a software reset, or not */
	default:   ok = false; break;
	}
	if (ok)
		ide_finish(&h->ide);
	else
		ide_fail(&h->ide, ER_ABRT);
}

static void cmd_trim(struct ide_hd *h)
{
	struct ide_device *d = &h->ide;
	uint32_t blocks = d->hob_nsector << 8 | d->nsector;
	if (d->feature != 1 || !blocks || blocks > BUF_SECTORS || !drive_discards(d->drive) || !ide_dma_claim(d)) {
		ide_fail(d, ER_ABRT);
		return;
	}
	d->op = OP_TRIM;
	d->pos = d->block_end = 0;
	d->len = blocks * BLOCK_SECTOR;
	trim_start(h);
}

static void hd_command(struct ide_device *d, uint8_t cmd)
{
	struct ide_hd *h = hd(d);
	switch (cmd) {
	case 0x06: cmd_trim(h); break;
	case 0x20: case 0x21: cmd_pio(h, false, false, false); break;
	case 0x24: cmd_pio(h, false, true, false); break;
	case 0x25: cmd_dma(h, false, true, false); break;
	case 0x27: cmd_native_max(h, true); break;
	case 0x29: cmd_pio(h, false, true, true); break;
	case 0x30: case 0x31: cmd_pio(h, true, false, false); break;
	case 0x34: cmd_pio(h, true, true, false); break;
	case 0x35: cmd_dma(h, true, true, false); break;
	case 0x39: cmd_pio(h, true, true, true); break;
	case 0x3c: cmd_pio(h, true, false, false); break;               /* WRITE VERIFY */
	case 0x3d: cmd_dma(h, true, true, true); break;
	case 0x40: case 0x41: cmd_verify(h, false); break;
	case 0x42: cmd_verify(h, true); break;
	case 0x91: cmd_set_geometry(h); break;
	case 0xb0: hd_smart(h); break;
	case 0xc4: cmd_pio(h, false, false, true); break;
	case 0xc5: cmd_pio(h, true, false, true); break;
	case 0xc6: cmd_set_multiple(h); break;
	case 0xc8: case 0xc9: cmd_dma(h, false, false, false); break;
	case 0xca: case 0xcb: cmd_dma(h, true, false, false); break;
	case 0xce: cmd_pio(h, true, true, true); h->fua = true; break;
	case 0x94: case 0x95: case 0x96: case 0x97: case 0x99:          /* standby, idle, sleep: it only looks asleep */
	case 0xe0: case 0xe1: case 0xe2: case 0xe3: case 0xe6: ide_finish(d); break;
	case 0x98: case 0xe5: d->nsector = 0xff; ide_finish(d); break;  /* CHECK POWER MODE: active */
	case 0xe7: case 0xea: cmd_flush(h); break;
	case 0xec: cmd_identify(h); break;
	case 0xef: cmd_set_features(h); break;
	case 0xf8: cmd_native_max(h, false); break;
	default:
		if (cmd >> 4 == 1)                      /* RECALIBRATE */
			ide_finish(d);
		else if (cmd >> 4 == 7)
			cmd_seek(h);
		else {
			device_log_once(&d->dev, LOG_COMMAND, "command %02xh is not implemented by this disk", cmd);
			ide_fail(d, ER_ABRT);
		}
	}
}

/* ---- the device --------------------------------------------------------------------------------------------------------------------------- */

static void hd_ide_reset(struct ide_device *d, bool hard)
{
	struct ide_hd *h = hd(d);
	h->left = 0;
	h->fua = h->single = false;
	if (!hard)
		return;
	h->cur_heads = h->heads;
	h->cur_secs = h->secs;
	h->multiple = MAX_MULTIPLE;
	h->dma_mode = 0x45;
	h->per_block = 1;
	h->ext = false;
	h->next = 0;
	h->write_cache = !drive_writethrough(d->drive);
	h->look_ahead = h->smart = h->smart_autosave = true;
}

static const struct ide_ops hd_ops = {
	.command = hd_command, .block_done = hd_block_done, .dma_go = hd_dma_go, .io_done = hd_io_done, .resume = hd_resume,
	.reset = hd_ide_reset,
};

/* The guest sees it when it asks for the disk's data again. */
static void hd_resized(void *arg)
{
	struct ide_hd *h = arg;
	h->sectors = h->ide.drive->size / BLOCK_SECTOR;
}

static bool hd_realize(struct device *dev, struct error *err)
{
	struct ide_hd *h = container_of(dev, struct ide_hd, ide.dev);
	struct drive *dr = h->ide.drive;
	if (!dr)
		return error_set(err, "No drive specified");
	if (!dr->file)
		return error_set(err, "Device needs media, but drive is empty");
	if (dr->readonly)
		return error_set(err, "Block node is read-only");
	h->sectors = dr->size / BLOCK_SECTOR;
	if (!h->sectors || h->sectors >> 48)
		return error_set(err, "Drive '%s' has no size an IDE disk can have", dr->id);
	if ((h->cyls || h->heads || h->secs) &&
	    (h->cyls - 1 > 65534 || h->heads - 1 > 15 || h->secs - 1 > 254))
		return error_set(err, "Disk geometry out of range: cyls 1 to 65535, heads 1 to 16, secs 1 to 255");
	hd_guess_geometry(h);
	if (!ide_device_realize(&h->ide, &hd_ops, "QEMU HARDDISK", err))
		return false;
	dr->resized = hd_resized;
	dr->change_arg = h;
	return true;
}

static void hd_unrealize(struct device *dev)
{
	ide_device_unrealize(container_of(dev, struct ide_device, dev));
}

static void hd_reset(struct device *dev, enum reset_kind kind)
{
	ide_device_reset(container_of(dev, struct ide_device, dev));
}

static bool hd_loaded(struct device *dev, struct error *err)
{
	struct ide_hd *h = container_of(dev, struct ide_hd, ide.dev);
	struct ide_device *d = &h->ide;
	bool going = d->op >= OP_PIO_READ && d->op <= OP_DMA_WRITE;
	if (!ide_device_loaded(d, err))
		return false;
	if (d->op >= OP_COUNT || h->multiple > MAX_MULTIPLE || (h->multiple & (h->multiple - 1)) || !h->per_block ||
	    h->per_block > MAX_MULTIPLE || (h->per_block & (h->per_block - 1)) || h->cur_heads - 1 > 255 || h->cur_secs - 1 > 254 ||
	    h->left > 65536 || (going && (!h->left || !in_range(h, h->next, h->left))) ||
	    (d->op == OP_PIO_WRITE && (!d->len || d->len % BLOCK_SECTOR || d->len / BLOCK_SECTOR > h->left)) || (d->op == OP_TRIM && d->pos % 8))
		return error_set(err, "%s: disk state out of range", dev->path);
	hd_resume(d);
	return true;
}

static const char *const translations[] = { "auto", "none", "lba", "large", "rechs", NULL };
static const struct prop hd_props[] = {
	IDE_PROPS(struct ide_hd),
	{ "cyls", PROP_U32, offsetof(struct ide_hd, cyls), "0", "cylinders, 0 = guessed", NULL },
	{ "heads", PROP_U32, offsetof(struct ide_hd, heads), "0", "heads, 0 = guessed", NULL },
	{ "secs", PROP_U32, offsetof(struct ide_hd, secs), "0", "sectors a track, 0 = guessed", NULL },
	{ "bios-chs-trans", PROP_ENUM, offsetof(struct ide_hd, translation), "auto", "geometry translation the BIOS uses", translations },
	{ "rotation_rate", PROP_U16, offsetof(struct ide_hd, rotation_rate), "0", "turns a minute, 1 = does not turn, 0 = unsaid", NULL },
	{ .type = PROP_END }
};

static const struct state_field hd_state[] = {
	STATE_STRUCT(struct ide_hd, ide, ide_device_state), STATE_U32(struct ide_hd, cur_heads), STATE_U32(struct ide_hd, cur_secs),
	STATE_U8(struct ide_hd, multiple), STATE_U8(struct ide_hd, dma_mode), STATE_BOOL(struct ide_hd, write_cache),
	STATE_BOOL(struct ide_hd, look_ahead), STATE_BOOL(struct ide_hd, smart), STATE_BOOL(struct ide_hd, smart_autosave),
	STATE_U64(struct ide_hd, next), STATE_U32(struct ide_hd, left), STATE_U32(struct ide_hd, per_block), STATE_BOOL(struct ide_hd, ext),
	STATE_BOOL(struct ide_hd, fua), STATE_BOOL(struct ide_hd, single), STATE_END
};

const struct device_desc ide_hd_desc = {
	.name = "ide-hd", .bus = "IDE", .category = "Storage", .description = "virtual IDE disk", .size = sizeof(struct ide_hd),
	.user_creatable = true, .props = hd_props, .state = hd_state, .state_version = 1, .realize = hd_realize, .unrealize = hd_unrealize,
	.reset = hd_reset, .loaded = hd_loaded,
};

bool ide_hd_geometry(const struct device *dev, struct disk_geometry *g)
{
	if (dev->desc != &ide_hd_desc)
		return false;
	const struct ide_hd *h = container_of(dev, struct ide_hd, ide.dev);
	*g = (struct disk_geometry){ h->cyls, h->heads, h->secs, h->bios_translation };
	return true;
}
