/* mmc.c - CD/DVD drive: command descriptor blocks in, replies and sense data out.
 * Ref: MMC-5 (T10/1675D) clause 6; SPC-3 (T10/1416D) 6.4 INQUIRY, 6.29 REQUEST SENSE. */
#include "devices/storage/mmc.h"
#include <errno.h>
#include <string.h>

enum {
	OP_TEST_UNIT_READY = 0x00, OP_REQUEST_SENSE = 0x03, OP_INQUIRY = 0x12, OP_MODE_SELECT_6 = 0x15, OP_MODE_SENSE_6 = 0x1a,
	OP_START_STOP = 0x1b, OP_PREVENT_ALLOW = 0x1e, OP_READ_CAPACITY = 0x25, OP_READ_10 = 0x28, OP_SEEK = 0x2b, OP_VERIFY = 0x2f,
	OP_SYNC_CACHE = 0x35, OP_READ_SUBCHANNEL = 0x42, OP_READ_TOC = 0x43, OP_GET_CONFIGURATION = 0x46, OP_GET_EVENT_STATUS = 0x4a,
	OP_READ_DISC_INFO = 0x51, OP_READ_TRACK_INFO = 0x52, OP_MODE_SELECT_10 = 0x55, OP_MODE_SENSE_10 = 0x5a, OP_READ_12 = 0xa8,
	OP_READ_DVD_STRUCTURE = 0xad, OP_SET_SPEED = 0xbb, OP_MECHANISM_STATUS = 0xbd, OP_READ_CD = 0xbe, OP_READ_CD_MSF = 0xb9,
};
/* additional sense code << 8 | qualifier */
enum { ASC_NOT_READY_BECOMING = 0x0401, ASC_READ_ERROR = 0x1100, ASC_INVALID_COMMAND = 0x2000, ASC_LBA_RANGE = 0x2100,
       ASC_INVALID_FIELD = 0x2400, ASC_PARAMETER_LENGTH = 0x1a00, ASC_MEDIUM_CHANGED = 0x2800, ASC_RESET = 0x2900,
       ASC_NO_MEDIUM = 0x3a00, ASC_TRAY_OPEN = 0x3a02, ASC_REMOVAL_PREVENTED = 0x5302, ASC_ILLEGAL_MODE = 0x6400 };
enum { PROFILE_CD = 0x08, PROFILE_DVD = 0x10 };
enum { CD_MAX_SECTORS = 80 * 60 * 75 };         /* what a CD can hold; more is a DVD */

static uint32_t be16(const uint8_t *p) { return (uint32_t)p[0] << 8 | p[1]; }
static uint32_t be24(const uint8_t *p) { return (uint32_t)p[0] << 16 | be16(p + 1); }
static uint32_t be32(const uint8_t *p) { return be16(p) << 16 | be16(p + 2); }
static void put16(uint8_t *p, uint32_t v) { p[0] = (uint8_t)(v >> 8); p[1] = (uint8_t)v; }
static void put32(uint8_t *p, uint32_t v) { put16(p, v >> 16); put16(p + 2, v); }

static uint32_t sectors(const struct mmc *m)
{
	uint64_t n = m->drive && drive_loaded(m->drive) ? m->drive->size / CD_SECTOR : 0;
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static bool loaded(const struct mmc *m)
{
	return m->drive && drive_loaded(m->drive);
}

static bool is_dvd(const struct mmc *m)
{
	return sectors(m) > CD_MAX_SECTORS;
}

/* ---- results ------------------------------------------------------------------------------------------------------------------------------- */

static struct mmc_result good(void)
{
	return (struct mmc_result){ .kind = MMC_GOOD };
}

static struct mmc_result check(struct mmc *m, enum sense_key key, uint16_t asc)
{
	m->key = (uint8_t)key;
	m->asc = (uint8_t)(asc >> 8);
	m->ascq = (uint8_t)asc;
	return (struct mmc_result){ .kind = MMC_CHECK };
}

static struct mmc_result not_ready(struct mmc *m)
{
	return check(m, SENSE_NOT_READY, m->drive && m->drive->tray_open ? ASC_TRAY_OPEN : ASC_NO_MEDIUM);
}

static struct mmc_result invalid_field(struct mmc *m)
{
	return check(m, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD);
}

/* len bytes are there, the host allows `allowed`. */
static struct mmc_result data_in(uint32_t len, uint32_t allowed)
{
	if (len > allowed)
		len = allowed;
	return len ? (struct mmc_result){ .kind = MMC_DATA_IN, .len = len } : good();
}

/* ---- identity ------------------------------------------------------------------------------------------------------------------------------- */

static void put_padded(uint8_t *p, unsigned n, const char *s)
{
	while (n--)
		*p++ = *s ? (uint8_t)*s++ : ' ';
}

static struct mmc_result inquiry(struct mmc *m, const uint8_t *cdb, uint8_t *r)
{
	uint32_t allowed = be16(cdb + 3), len = 36;
	if (!(cdb[1] & 1) && cdb[2])
		return invalid_field(m);
	if (cdb[1] & 1) {                               /* vital product data */
		memset(r, 0, 64);
		r[0] = 5;
		r[1] = cdb[2];
		if (cdb[2] == 0x00) {
			r[3] = 2;
			r[5] = 0x83;
			return data_in(6, allowed);
		}
		if (cdb[2] != 0x83)
			return invalid_field(m);
		r[3] = 4 + 24;                          /* identification: vendor specific, ASCII */
		r[4] = 2;
		r[7] = 24;
		put_padded(r + 8, 8, m->vendor);
		put_padded(r + 16, 16, m->product);
		return data_in(32, allowed);
	}
	memset(r, 0, len);
	r[0] = 5;                                       /* CD/DVD */
	r[1] = 0x80;                                    /* removable */
	r[2] = 5;                                       /* SPC-3 */
	r[3] = 0x21;                                    /* ATAPI; response format */
	r[4] = (uint8_t)(len - 5);
	put_padded(r + 8, 8, m->vendor);
	put_padded(r + 16, 16, m->product);
	put_padded(r + 32, 4, m->revision);
	return data_in(len, allowed);
}

static struct mmc_result request_sense(struct mmc *m, const uint8_t *cdb, uint8_t *r)
{
	memset(r, 0, 18);
	r[0] = 0x70;                                    /* current, fixed format */
	r[2] = m->key;
	r[7] = 10;
	r[12] = m->asc;
	r[13] = m->ascq;
	m->key = m->asc = m->ascq = 0;
	return data_in(18, cdb[4]);
}

/* ---- mode pages ------------------------------------------------------------------------------------------------------------------------------- */

static uint32_t page_error_recovery(uint8_t *p)
{
	static const uint8_t page[8] = { 0x01, 6, 0, 5 };
	memcpy(p, page, sizeof(page));
	return sizeof(page);
}

static uint32_t page_audio(uint8_t *p)
{
	static const uint8_t page[16] = { 0x0e, 14, 4, 0, 0, 0, 0, 75, 1, 0xff, 2, 0xff };
	memcpy(p, page, sizeof(page));
	return sizeof(page);
}

static uint32_t page_capabilities(const struct mmc *m, uint8_t *p)
{
	memset(p, 0, 24);
	p[0] = 0x2a;
	p[1] = 22;
	p[2] = 0x3b;                                    /* reads CD-R, CD-RW, method 2, DVD-ROM, DVD-R */
	p[4] = 0x70;                                    /* multisession, mode 2 forms 1 and 2 */
	p[5] = 0x01;                                    /* CD-DA commands */
	p[6] = 0x29 | (m->drive && m->drive->locked ? 2 : 0);   /* tray loader, ejects, locks; locked now */
	put16(p + 8, 706);                              /* kB/s: 4x */
	put16(p + 10, 2);                               /* volume levels */
	put16(p + 12, 512);                             /* kB buffer */
	put16(p + 14, 706);
	return 24;
}

static struct mmc_result mode_sense(struct mmc *m, const uint8_t *cdb, uint8_t *r)
{
	bool ten = cdb[0] == OP_MODE_SENSE_10;
	uint32_t allowed = ten ? be16(cdb + 7) : cdb[4], head = ten ? 8 : 4, len = head;
	uint8_t page = cdb[2] & 0x3f, control = cdb[2] >> 6;
	uint8_t medium = !loaded(m) ? m->drive && m->drive->tray_open ? 0x71 : 0x70 : is_dvd(m) ? 0x41 : 0x01;

	if (control == 3)
		return check(m, SENSE_ILLEGAL_REQUEST, 0x3900);         /* saving parameters is not supported */
	memset(r, 0, 8);
	if (page == 0x01 || page == 0x3f)
		len += page_error_recovery(r + len);
	if (page == 0x0e || page == 0x3f)
		len += page_audio(r + len);
	if (page == 0x2a || page == 0x3f)
		len += page_capabilities(m, r + len);
	if (len == head)
		return invalid_field(m);
	if (control == 1)                               /* changeable: nothing is */
		for (uint32_t i = head; i < len; i += 2u + r[i + 1])
			memset(r + i + 2, 0, r[i + 1]);
	if (ten) {
		put16(r, len - 2);
		r[2] = medium;
	} else {
		r[0] = (uint8_t)(len - 1);
		r[1] = medium;
	}
	return data_in(len, allowed);
}

static struct mmc_result mode_select(struct mmc *m, const uint8_t *cdb)
{
	uint32_t len = cdb[0] == OP_MODE_SELECT_10 ? be16(cdb + 7) : cdb[4];
	if (!len)
		return good();
	m->pending_op = cdb[0];
	return (struct mmc_result){ .kind = MMC_DATA_OUT, .len = len };
}

/* Nothing can be set; a list of known pages is taken and left at that, as drives do. */
struct mmc_result mmc_data_out(struct mmc *m, const uint8_t *data, uint32_t len)
{
	uint32_t head = m->pending_op == OP_MODE_SELECT_10 ? 8 : 4;
	m->pending_op = 0;
	if (len < head)
		return check(m, SENSE_ILLEGAL_REQUEST, ASC_PARAMETER_LENGTH);
	for (uint32_t i = head; i < len; i += 2u + data[i + 1]) {
		uint8_t page = data[i] & 0x3f;
		if (i + 2 > len || i + 2u + data[i + 1] > len)
			return check(m, SENSE_ILLEGAL_REQUEST, ASC_PARAMETER_LENGTH);
		if (page != 0x01 && page != 0x0e && page != 0x2a)
			return check(m, SENSE_ILLEGAL_REQUEST, 0x2600);
	}
	return good();
}

/* ---- table of contents ---------------------------------------------------------------------------------------------------------------------- */

static void put_address(uint8_t *p, uint32_t lba, bool msf)
{
	if (!msf) {
		put32(p, lba);
		return;
	}
	lba += 150;                                     /* two seconds of lead-in */
	p[0] = 0;
	p[1] = (uint8_t)(lba / 75 / 60);
	p[2] = (uint8_t)(lba / 75 % 60);
	p[3] = (uint8_t)(lba % 75);
}

static uint32_t toc_tracks(const struct mmc *m, uint8_t *r, bool msf, unsigned first)
{
	uint32_t len = 4;
	r[2] = r[3] = 1;
	if (first <= 1) {
		memset(r + len, 0, 8);
		r[len + 1] = 0x14;                      /* data track, position in Q */
		r[len + 2] = 1;
		put_address(r + len + 4, 0, msf);
		len += 8;
	}
	memset(r + len, 0, 8);
	r[len + 1] = 0x16;
	r[len + 2] = 0xaa;                              /* lead-out */
	put_address(r + len + 4, sectors(m), msf);
	return len + 8;
}

/* Format 2: the raw Q entries: first track, last track, lead-out, track 1. */
static uint32_t toc_full(const struct mmc *m, uint8_t *r)
{
	static const uint8_t points[4] = { 0xa0, 0xa1, 0xa2, 1 };
	uint32_t len = 4;
	r[2] = r[3] = 1;
	for (int i = 0; i < 4; i++, len += 11) {
		memset(r + len, 0, 11);
		r[len] = 1;                             /* session */
		r[len + 1] = 0x14;
		r[len + 3] = points[i];
		if (i < 2)
			r[len + 8] = 1;
		else
			put_address(r + len + 7, i == 2 ? sectors(m) : 0, true);
	}
	return len;
}

static struct mmc_result read_toc(struct mmc *m, const uint8_t *cdb, uint8_t *r)
{
	bool msf = cdb[1] & 2;
	unsigned format = cdb[2] & 15, first = cdb[6];
	uint32_t len;
	if (!format)
		format = cdb[9] >> 6;                   /* where old drives had it */
	memset(r, 0, 4);
	switch (format) {
	case 0:
		if (first > 1 && first != 0xaa)
			return invalid_field(m);
		len = toc_tracks(m, r, msf, first);
		break;
	case 1:                                         /* last session: it starts at track 1 */
		memset(r, 0, 12);
		r[2] = r[3] = r[6] = 1;
		r[5] = 0x14;
		put_address(r + 8, 0, msf);
		len = 12;
		break;
	case 2:
		len = toc_full(m, r);
		break;
	default:
		return invalid_field(m);
	}
	put16(r, len - 2);
	return data_in(len, be16(cdb + 7));
}

/* ---- what the drive can do, what is in it ------------------------------------------------------------------------------------------------------ */

static uint32_t feature(uint8_t *p, uint16_t code, uint8_t flags, const uint8_t *data, uint8_t len)
{
	put16(p, code);
	p[2] = flags;
	p[3] = len;
	memcpy(p + 4, data, len);
	return 4u + len;
}

static struct mmc_result get_configuration(struct mmc *m, const uint8_t *cdb, uint8_t *r)
{
	uint8_t dvd = loaded(m) && is_dvd(m), cd = loaded(m) && !dvd;
	const uint8_t profiles[8] = { 0, PROFILE_DVD, dvd, 0, 0, PROFILE_CD, cd, 0 };
	static const uint8_t core[8] = { 0, 0, 0, 2, 1 }, removable[4] = { 0x29 }, random_read[8] = { 0, 0, 8, 0, 0, 16, 0, 0 };
	static const uint8_t morph[4] = { 2 };
	struct { uint16_t code; uint8_t flags, len; const uint8_t *data; bool current; } all[] = {
		{ 0x0000, 0x03, 8, profiles, true }, { 0x0001, 0x0b, 8, core, true }, { 0x0002, 0x07, 4, morph, true },
		{ 0x0003, 0x03, 4, removable, true }, { 0x0010, loaded(m), 8, random_read, loaded(m) },
		{ 0x001e, cd, 4, (const uint8_t[4]){ 0 }, cd }, { 0x001f, dvd, 0, core, dvd },
	};
	unsigned rt = cdb[1] & 3, start = be16(cdb + 2);
	uint32_t len = 8;
	if (rt == 3)
		return invalid_field(m);
	memset(r, 0, 8);
	put16(r + 6, dvd ? PROFILE_DVD : cd ? PROFILE_CD : 0);
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (rt == 2 ? all[i].code == start : all[i].code >= start && (rt == 0 || all[i].current))
			len += feature(r + len, all[i].code, all[i].flags, all[i].data, all[i].len);
	put32(r, len - 4);
	return data_in(len, be16(cdb + 7));
}

static struct mmc_result get_event_status(struct mmc *m, const uint8_t *cdb, uint8_t *r)
{
	if (!(cdb[1] & 1))
		return invalid_field(m);                /* only polling */
	memset(r, 0, 8);
	r[3] = 0x10;                                    /* supported: media events */
	if (!(cdb[4] & 0x10)) {
		put16(r, 2);
		r[2] = 0x80;                            /* no event of the classes asked for */
		return data_in(4, be16(cdb + 7));
	}
	put16(r, 6);
	r[2] = 4;
	r[4] = m->event_request ? 1 : m->event_new_media ? 2 : m->event_removal ? 3 : 0;
	if (m->event_request)
		m->event_request = false;
	else if (m->event_new_media)
		m->event_new_media = false;
	else
		m->event_removal = false;
	r[5] = (uint8_t)((m->drive && m->drive->tray_open ? 1 : 0) | (loaded(m) ? 2 : 0));
	return data_in(8, be16(cdb + 7));
}

static struct mmc_result read_disc_info(struct mmc *m, const uint8_t *cdb, uint8_t *r)
{
	if (cdb[1] & 7)
		return invalid_field(m);
	memset(r, 0, 34);
	put16(r, 32);
	r[2] = 0x0e;                                    /* complete disc, last session complete */
	r[3] = r[4] = r[5] = r[6] = 1;
	r[7] = 0x20;                                    /* unrestricted use */
	return data_in(34, be16(cdb + 7));
}

static struct mmc_result read_track_info(struct mmc *m, const uint8_t *cdb, uint8_t *r)
{
	uint32_t n = be32(cdb + 2);
	if ((cdb[1] & 3) == 1 ? n != 1 : (cdb[1] & 3) == 0 ? n >= sectors(m) : true)
		return invalid_field(m);
	memset(r, 0, 36);
	put16(r, 34);
	r[2] = r[3] = 1;
	r[5] = 4;
	r[6] = 1;
	put32(r + 24, sectors(m));
	put32(r + 28, sectors(m) - 1);
	return data_in(36, be16(cdb + 7));
}

static struct mmc_result read_dvd_structure(struct mmc *m, const uint8_t *cdb, uint8_t *r)
{
	if (cdb[1] & 15)
		return invalid_field(m);
	if (!is_dvd(m))
		return check(m, SENSE_ILLEGAL_REQUEST, 0x3002);         /* cannot read medium: incompatible format */
	if (cdb[6])
		return invalid_field(m);
	switch (cdb[7]) {
	case 0x00:                                      /* physical format of layer 0 */
		memset(r, 0, 2052);
		put16(r, 2050);
		r[4] = 1;                               /* DVD-ROM, version 1 */
		r[5] = 0x0f;                            /* 120 mm, rate not specified */
		r[6] = 1;                               /* one layer, embossed */
		put32(r + 8, 0x30000);
		put32(r + 12, 0x30000 + sectors(m) - 1);
		return data_in(2052, be16(cdb + 8));
	case 0x01:                                      /* copyright: none, all regions */
		memset(r, 0, 8);
		put16(r, 6);
		return data_in(8, be16(cdb + 8));
	case 0x04:                                      /* manufacturing information: empty */
		memset(r, 0, 2052);
		put16(r, 2050);
		return data_in(2052, be16(cdb + 8));
	default:
		return invalid_field(m);
	}
}

static struct mmc_result mechanism_status(struct mmc *m, const uint8_t *cdb, uint8_t *r)
{
	memset(r, 0, 8);
	r[1] = m->drive && m->drive->tray_open ? 0x10 : 0;
	r[5] = 1;
	return data_in(8, be16(cdb + 8));
}

static struct mmc_result read_subchannel(struct mmc *m, const uint8_t *cdb, uint8_t *r)
{
	if (cdb[3] > 3)
		return invalid_field(m);
	memset(r, 0, 24);
	r[1] = 0x15;                                    /* no audio playing */
	put16(r + 2, cdb[2] & 0x40 ? cdb[3] == 1 ? 12 : 20 : 0);
	r[4] = cdb[3];
	return data_in(cdb[2] & 0x40 ? cdb[3] == 1 ? 16 : 24 : 4, be16(cdb + 7));
}

static struct mmc_result read_capacity(struct mmc *m, uint8_t *r)
{
	put32(r, sectors(m) - 1);
	put32(r + 4, CD_SECTOR);
	return data_in(8, 8);
}

/* ---- reading --------------------------------------------------------------------------------------------------------------------------------------- */

static struct mmc_result read_sectors(struct mmc *m, uint32_t lba, uint32_t count, uint32_t sector)
{
	uint32_t all = sectors(m);
	if (lba > all || count > all - lba)
		return check(m, SENSE_ILLEGAL_REQUEST, ASC_LBA_RANGE);
	if (!count)
		return good();
	return (struct mmc_result){ .kind = MMC_READ, .lba = lba, .count = count, .sector = sector };
}

/* Main channel flags of READ CD: 80h sync, 60h headers, 10h user data, 08h EDC and ECC.  Which are offered: user data alone and
 * the whole sector, what rippers of data discs ask for. */
static struct mmc_result read_cd(struct mmc *m, const uint8_t *cdb)
{
	uint8_t type = cdb[1] >> 2 & 7, flags = cdb[9] & 0xf8;
	uint32_t lba, count;
	if (cdb[0] == OP_READ_CD) {
		lba = be32(cdb + 2);
		count = be24(cdb + 6);
	} else {
		uint32_t from = (cdb[3] * 60u + cdb[4]) * 75 + cdb[5], to = (cdb[6] * 60u + cdb[7]) * 75 + cdb[8];
		if (from < 150 || to < from)
			return invalid_field(m);
		lba = from - 150;
		count = to - from;
	}
	if ((type && type != 2 && type != 4) || (cdb[10] & 7))
		return invalid_field(m);                /* data sectors only, no subchannel */
	m->raw_flags = flags;
	switch (flags) {
	case 0x00: return good();
	case 0x10: return read_sectors(m, lba, count, CD_SECTOR);
	case 0xf8: return read_sectors(m, lba, count, CD_RAW_SECTOR);
	default:   return invalid_field(m);
	}
}

void mmc_fill_raw(const struct mmc *m, uint8_t *out, const uint8_t *data, uint32_t lba)
{
	uint8_t msf[4];
	memset(out, 0, CD_RAW_SECTOR);
	memset(out + 1, 0xff, 10);                      /* sync: 00 ff*10 00 */
	put_address(msf, lba, true);
	for (int i = 0; i < 3; i++)
		out[12 + i] = (uint8_t)(msf[i + 1] / 10 << 4 | msf[i + 1] % 10);
	out[15] = 1;                                    /* mode 1 */
	memcpy(out + 16, data, CD_SECTOR);
}

struct mmc_result mmc_read_failed(struct mmc *m, int result)
{
	return result == -ENOMEDIUM ? not_ready(m) : check(m, SENSE_MEDIUM_ERROR, ASC_READ_ERROR);
}

/* ---- door and tray --------------------------------------------------------------------------------------------------------------------------------- */

static struct mmc_result start_stop(struct mmc *m, const uint8_t *cdb)
{
	bool start = cdb[4] & 1, load_eject = cdb[4] & 2;
	if (cdb[4] >> 4 || !load_eject || !m->drive)
		return good();                          /* power conditions, spin up, spin down */
	if (!start && m->drive->locked && !m->drive->tray_open)
		return check(m, loaded(m) ? SENSE_ILLEGAL_REQUEST : SENSE_NOT_READY, ASC_REMOVAL_PREVENTED);
	drive_set_tray(m->drive, !start);
	return good();
}

static struct mmc_result prevent_allow(struct mmc *m, const uint8_t *cdb)
{
	if (m->drive)
		drive_set_locked(m->drive, cdb[4] & 1);
	return good();
}

void mmc_medium_changed(struct mmc *m, bool in)
{
	m->event_new_media = in;
	m->event_removal = !in;
	m->event_request = false;
	m->attention_medium = in;
}

void mmc_eject_requested(struct mmc *m)
{
	m->event_request = true;
}

/* ---- dispatch ---------------------------------------------------------------------------------------------------------------------------------------- */

/* Commands that are carried out with a unit attention pending (SPC-3 5.8.5, MMC-5 4.1.6.1). */
static bool past_attention(uint8_t op)
{
	return op == OP_INQUIRY || op == OP_REQUEST_SENSE || op == OP_GET_CONFIGURATION || op == OP_GET_EVENT_STATUS;
}

static bool needs_medium(uint8_t op)
{
	switch (op) {
	case OP_TEST_UNIT_READY: case OP_READ_CAPACITY: case OP_READ_10: case OP_READ_12: case OP_READ_CD: case OP_READ_CD_MSF: case OP_SEEK:
	case OP_VERIFY: case OP_READ_TOC: case OP_READ_SUBCHANNEL: case OP_READ_DISC_INFO: case OP_READ_TRACK_INFO:
	case OP_READ_DVD_STRUCTURE: case OP_SYNC_CACHE:
		return true;
	default:
		return false;
	}
}

struct mmc_result mmc_command(struct mmc *m, const uint8_t *cdb, uint8_t *r, uint32_t size)
{
	uint8_t op = cdb[0];
	if (!past_attention(op)) {
		bool *attention = m->attention_reset ? &m->attention_reset : m->attention_medium ? &m->attention_medium : NULL;
		if (attention) {
			uint16_t asc = attention == &m->attention_reset ? ASC_RESET : ASC_MEDIUM_CHANGED;
			*attention = false;
			return check(m, SENSE_UNIT_ATTENTION, asc);
		}
	}
	if (needs_medium(op) && !sectors(m))
		return not_ready(m);
	switch (op) {
	case OP_TEST_UNIT_READY:    return good();
	case OP_REQUEST_SENSE:      return request_sense(m, cdb, r);
	case OP_INQUIRY:            return inquiry(m, cdb, r);
	case OP_MODE_SENSE_6:
	case OP_MODE_SENSE_10:      return mode_sense(m, cdb, r);
	case OP_MODE_SELECT_6:
	case OP_MODE_SELECT_10:     return mode_select(m, cdb);
	case OP_START_STOP:         return start_stop(m, cdb);
	case OP_PREVENT_ALLOW:      return prevent_allow(m, cdb);
	case OP_READ_CAPACITY:      return read_capacity(m, r);
	case OP_READ_10:            return read_sectors(m, be32(cdb + 2), be16(cdb + 7), CD_SECTOR);
	case OP_READ_12:            return read_sectors(m, be32(cdb + 2), be32(cdb + 6), CD_SECTOR);
	case OP_READ_CD:
	case OP_READ_CD_MSF:        return read_cd(m, cdb);
	case OP_SEEK:               return be32(cdb + 2) < sectors(m) ? good() : check(m, SENSE_ILLEGAL_REQUEST, ASC_LBA_RANGE);
	case OP_VERIFY: case OP_SYNC_CACHE: case OP_SET_SPEED: return good();
	case OP_READ_TOC:           return read_toc(m, cdb, r);
	case OP_READ_SUBCHANNEL:    return read_subchannel(m, cdb, r);
	case OP_GET_CONFIGURATION:  return get_configuration(m, cdb, r);
	case OP_GET_EVENT_STATUS:   return get_event_status(m, cdb, r);
	case OP_READ_DISC_INFO:     return read_disc_info(m, cdb, r);
	case OP_READ_TRACK_INFO:    return read_track_info(m, cdb, r);
	case OP_READ_DVD_STRUCTURE: return read_dvd_structure(m, cdb, r);
	case OP_MECHANISM_STATUS:   return mechanism_status(m, cdb, r);
	default:                    return check(m, SENSE_ILLEGAL_REQUEST, ASC_INVALID_COMMAND);
	}
}

void mmc_init(struct mmc *m, struct drive *d, struct device *dev)
{
	m->drive = d;
	m->dev = dev;
	m->vendor = "QEMU";
	m->product = "QEMU DVD-ROM";
	m->revision = "2.5+";
}

void mmc_reset(struct mmc *m)
{
	m->key = m->asc = m->ascq = 0;
	m->raw_flags = 0;
	m->pending_op = 0;
	m->attention_reset = true;
	m->attention_medium = false;
	m->event_new_media = m->event_removal = m->event_request = false;
	if (m->drive)
		drive_set_locked(m->drive, false);
}

const struct state_field mmc_state[] = {
	STATE_U8(struct mmc, key), STATE_U8(struct mmc, asc), STATE_U8(struct mmc, ascq), STATE_U8(struct mmc, raw_flags),
	STATE_BOOL(struct mmc, attention_reset), STATE_BOOL(struct mmc, attention_medium), STATE_BOOL(struct mmc, event_new_media),
	STATE_BOOL(struct mmc, event_removal), STATE_BOOL(struct mmc, event_request), STATE_U8(struct mmc, pending_op), STATE_END
};
