/* ide_identify.c - what an ATA disk says about itself: IDENTIFY DEVICE, SMART, its geometry.
 * Ref: ATA/ATAPI-7 volume 1, 6.17 (IDENTIFY DEVICE), 6.54 (SMART); ATA-3 annex on geometry. */
#include "devices/storage/ide_disk.h"
#include <string.h>

enum { TRANS_AUTO, TRANS_NONE, TRANS_LBA, TRANS_LARGE, TRANS_RECHS };

/* A partition table was written under the BIOS geometry of its time: the last head and sector of a partition tell it. */
static bool geometry_from_partitions(struct ide_hd *h, uint32_t *cyls, uint32_t *heads, uint32_t *secs)
{
	uint8_t mbr[BLOCK_SECTOR];
	if (drive_read_now(h->ide.drive, 0, mbr, sizeof(mbr)) || mbr[510] != 0x55 || mbr[511] != 0xaa)
		return false;
	for (const uint8_t *p = mbr + 0x1be; p < mbr + 0x1fe; p += 16) {
		bool used = p[12] | p[13] | p[14] | p[15];
		uint32_t hd = p[5] + 1u, sec = p[6] & 63;
		if (!used || !p[5] || !sec)
			continue;
		uint64_t cyl = h->sectors / (hd * sec);
		if (cyl < 1 || cyl > 16383)
			continue;
		*cyls = (uint32_t)cyl;
		*heads = hd;
		*secs = sec;
		return true;
	}
	return false;
}

/* The physical geometry has at most 16 heads; a partition table that uses more was written under LBA or "large" translation. */
void hd_guess_geometry(struct ide_hd *h)
{
	uint32_t cyls = 0, heads = 0, secs = 0;
	bool found = geometry_from_partitions(h, &cyls, &heads, &secs), given = h->cyls || h->heads || h->secs;
	if (!given) {
		if (found && heads <= 16) {
			h->cyls = cyls;
			h->heads = heads;
			h->secs = secs;
		} else {
			uint64_t c = h->sectors / (16 * 63);
			h->cyls = c > 16383 ? 16383 : c < 2 ? 2 : (uint32_t)c;
			h->heads = 16;
			h->secs = 63;
		}
	}
	if (h->translation != TRANS_AUTO)
		h->bios_translation = h->translation - 1u;
	else if (!given && found && heads <= 16)
		h->bios_translation = TRANS_NONE - 1u;
	else if (h->cyls <= 1024 && h->heads <= 16 && h->secs <= 63)
		h->bios_translation = TRANS_NONE - 1u;
	else
		h->bios_translation = h->cyls * h->heads <= 131072 && !(found && heads > 16) ? TRANS_LARGE - 1u : TRANS_LBA - 1u;
}

static void identify_chs(struct ide_hd *h, uint8_t *id)
{
	uint32_t lba28 = h->sectors > 0x0fffffff ? 0x0fffffff : (uint32_t)h->sectors;
	uint64_t cyls = h->sectors / (h->cur_heads * h->cur_secs);
	if (cyls > 65535)
		cyls = 65535;
	uint32_t chs = (uint32_t)cyls * h->cur_heads * h->cur_secs;
	ide_put_word(id, 0, 0x0040);                    /* fixed disk */
	ide_put_word(id, 1, (uint16_t)h->cyls);
	ide_put_word(id, 3, (uint16_t)h->heads);
	ide_put_word(id, 6, (uint16_t)h->secs);
	ide_put_word(id, 53, 7);                        /* 54-58, 64-70 and 88 are valid */
	ide_put_word(id, 54, (uint16_t)cyls);
	ide_put_word(id, 55, (uint16_t)h->cur_heads);
	ide_put_word(id, 56, (uint16_t)h->cur_secs);
	ide_put_word(id, 57, (uint16_t)chs);
	ide_put_word(id, 58, (uint16_t)(chs >> 16));
	ide_put_word(id, 59, h->multiple ? 0x100 | h->multiple : 0);
	ide_put_word(id, 60, (uint16_t)lba28);
	ide_put_word(id, 61, (uint16_t)(lba28 >> 16));
}

static void identify_features(struct ide_hd *h, uint8_t *id)
{
	bool trim = drive_discards(h->ide.drive);
	ide_put_word(id, 80, 0x00f0);                   /* ATA/ATAPI-4 to -7 */
	ide_put_word(id, 81, 0x0016);
	ide_put_word(id, 82, 0x4069);                   /* NOP, look-ahead, write cache, power management, SMART */
	ide_put_word(id, 83, 0x7400);                   /* FLUSH CACHE EXT, FLUSH CACHE, 48-bit */
	ide_put_word(id, 84, 0x4040 | (h->ide.wwn ? 0x100 : 0));        /* WRITE DMA FUA EXT, world wide name */
	ide_put_word(id, 85, (uint16_t)(0x4008 | (h->smart ? 1 : 0) | (h->write_cache ? 0x20 : 0) | (h->look_ahead ? 0x40 : 0)));
	ide_put_word(id, 86, 0x3400);
	ide_put_word(id, 87, 0x4040 | (h->ide.wwn ? 0x100 : 0));
	if (trim) {
		ide_put_word(id, 69, 0x4020);           /* trimmed sectors read as zeroes, deterministically */
		ide_put_word(id, 105, 1);               /* blocks of ranges in one DATA SET MANAGEMENT */
		ide_put_word(id, 169, 1);
	}
}

void hd_identify(struct ide_hd *h, uint8_t *id)
{
	struct ide_device *d = &h->ide;
	unsigned mw = h->dma_mode >> 4 == 2 ? 0x100u << (h->dma_mode & 7) : 0, udma = h->dma_mode >> 4 == 4 ? 0x100u << (h->dma_mode & 7) : 0;

	memset(id, 0, BLOCK_SECTOR);
	identify_chs(h, id);
	ide_put_text(id, 10, 20, d->serial);
	ide_put_word(id, 20, 3);                        /* dual-ported buffer with look-ahead */
	ide_put_word(id, 21, 512);
	ide_put_word(id, 22, 4);
	ide_put_text(id, 23, 8, d->ver);
	ide_put_text(id, 27, 40, d->model);
	ide_put_word(id, 47, 0x8000 | MAX_MULTIPLE);
	ide_put_word(id, 48, 1);                        /* 32-bit data port accesses work */
	ide_put_word(id, 49, 0x0f00);                   /* IORDY, LBA, DMA */
	ide_put_word(id, 50, 0x4000);
	ide_put_word(id, 51, 0x0200);
	ide_put_word(id, 52, 0x0200);
	ide_put_word(id, 63, (uint16_t)(0x07 | mw));
	ide_put_word(id, 64, 3);                        /* PIO 3 and 4 */
	for (unsigned w = 65; w <= 68; w++)
		ide_put_word(id, w, 120);               /* ns a cycle */
	identify_features(h, id);
	ide_put_word(id, 88, (uint16_t)(0x3f | udma));
	ide_put_word(id, 93, 0x6001 | (d->unit ? 0x0a00 : 0x000a));     /* 80-wire cable; how the device number was found */
	for (unsigned w = 0; w < 4; w++)
		ide_put_word(id, 100 + w, (uint16_t)(h->sectors >> (16 * w)));
	ide_put_word(id, 106, 0x4000);                  /* physical sectors are logical ones */
	for (unsigned w = 0; w < 4 && d->wwn; w++)
		ide_put_word(id, 108 + w, (uint16_t)(d->wwn >> (48 - 16 * w)));
	ide_put_word(id, 217, h->rotation_rate);
	ide_put_checksum(id);
}

/* ---- SMART: enough for a monitor program to see a healthy disk --------------------------------------------------------------------- */

enum { SMART_READ_DATA = 0xd0, SMART_THRESHOLDS, SMART_AUTOSAVE, SMART_SAVE, SMART_OFFLINE, SMART_READ_LOG, SMART_ENABLE = 0xd8,
       SMART_DISABLE, SMART_STATUS };

static const struct { uint8_t id, flags, value, worst, threshold; } attributes[] = {
	{ 1, 0x03, 100, 100, 6 },       /* read error rate */
	{ 3, 0x03, 100, 100, 0 },       /* spin-up time */
	{ 4, 0x02, 100, 100, 20 },      /* starts and stops */
	{ 5, 0x03, 100, 100, 36 },      /* reallocated sectors */
	{ 9, 0x03, 100, 100, 0 },       /* hours */
	{ 12, 0x03, 100, 100, 0 },      /* power cycles */
	{ 190, 0x03, 69, 69, 50 },      /* air temperature */
};

static void smart_checksum(uint8_t *p)
{
	uint8_t sum = 0;
	for (unsigned i = 0; i < 511; i++)
		sum = (uint8_t)(sum + p[i]);
	p[511] = (uint8_t)-sum;
}

static void smart_sector(struct ide_hd *h, uint8_t what, uint8_t *p)
{
	memset(p, 0, BLOCK_SECTOR);
	if (what == SMART_READ_LOG) {
		p[0] = 1;                               /* directory or summary: version 1, nothing in it */
		smart_checksum(p);
		return;
	}
	p[0] = 1;
	for (unsigned i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		uint8_t *a = p + 2 + 12 * i;
		a[0] = attributes[i].id;
		a[1] = what == SMART_READ_DATA ? attributes[i].flags : attributes[i].threshold;
		if (what == SMART_READ_DATA) {
			a[3] = attributes[i].value;
			a[4] = attributes[i].worst;
		}
	}
	if (what == SMART_READ_DATA) {
		p[362] = 0x02 | (h->smart_autosave ? 0x80 : 0); /* off-line collection done */
		p[364] = 30;                            /* seconds it takes */
		p[368] = 3;                             /* saves its data */
		p[370] = 1;                             /* has an error log */
	}
	smart_checksum(p);
}

void hd_smart(struct ide_hd *h)
{
	struct ide_device *d = &h->ide;
	uint8_t sub = d->feature;
	if (d->lba[1] != 0x4f || d->lba[2] != 0xc2 || (!h->smart && sub != SMART_ENABLE)) {
		ide_fail(d, ER_ABRT);
		return;
	}
	switch (sub) {
	case SMART_READ_DATA: case SMART_THRESHOLDS: case SMART_READ_LOG:
		if (sub == SMART_READ_LOG && d->lba[0] > 1) {
			ide_fail(d, ER_ABRT);
			return;
		}
		smart_sector(h, sub, d->buf);
		d->len = BLOCK_SECTOR;
		ide_block(d, XFER_TO_HOST, 0, BLOCK_SECTOR, true);
		return;
	case SMART_AUTOSAVE: h->smart_autosave = d->nsector != 0; break;
	case SMART_ENABLE:   h->smart = true; break;
	case SMART_DISABLE:  h->smart = false; break;
	case SMART_STATUS:   break;                     /* the signature left as it is means: no threshold exceeded */
	case SMART_SAVE: case SMART_OFFLINE: break;
	default:
		ide_fail(d, ER_ABRT);
		return;
	}
	ide_finish(d);
}
