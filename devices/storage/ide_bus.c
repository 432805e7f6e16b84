/* ide_bus.c - an IDE channel: task file, selection, interrupts, reset, the PIO data port.
 * Ref: ATA/ATAPI-7 volume 1 clause 5 (registers), volume 2 clauses 9.1-9.9 (reset, PIO and DMA protocols). */
#include "devices/storage/ide.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REG_DATA, REG_ERROR, REG_NSECTOR, REG_LBA0, REG_LBA1, REG_LBA2, REG_DEVICE, REG_STATUS };
enum { CMD_DEVICE_RESET = 0x08, CMD_DIAGNOSTIC = 0x90 };
enum { FLOAT_8 = 0x7f };        /* an empty cable: pulled up, but D7 down so that BSY reads 0 */
enum { LOG_BUSY_COMMAND, LOG_DATA_PORT };

/* ---- interrupt ----------------------------------------------------------------------------------------------------------------------- */

static void update_irq(struct ide_bus *b)
{
	struct ide_device *d = b->unit[b->selected];
	bool level = d && d->irq && !(b->control & CTL_NIEN);
	if (level && !b->intrq && b->dma)
		b->dma->intrq(b);
	if (level != b->intrq) {
		b->intrq = level;
		irq_set(&b->irq, level);
	}
}

void ide_raise(struct ide_device *d)
{
	d->irq = true;
	update_irq(d->bus);
}

/* ---- phases of a command --------------------------------------------------------------------------------------------------------------- */

void ide_busy(struct ide_device *d)
{
	d->status = (d->status & (ATA_DRDY | ATA_DSC)) | ATA_BSY;
	d->xfer = XFER_NONE;
}

void ide_finish(struct ide_device *d)
{
	d->status = ATA_DRDY | ATA_DSC;
	d->error = 0;
	d->op = 0;
	d->xfer = XFER_NONE;
	d->dma_wait = false;
	ide_raise(d);
}

void ide_fail(struct ide_device *d, uint8_t error)
{
	d->status = ATA_DRDY | ATA_DSC | ATA_ERR;
	d->error = error;
	d->op = 0;
	d->xfer = XFER_NONE;
	d->dma_wait = false;
	ide_raise(d);
}

void ide_block(struct ide_device *d, enum ide_xfer dir, uint32_t pos, uint32_t len, bool raise)
{
	d->status = ATA_DRDY | ATA_DSC | ATA_DRQ;
	d->xfer = (uint8_t)dir;
	d->pos = pos;
	d->block_end = pos + len;
	if (d->len < d->block_end)
		d->len = d->block_end;
	if (raise)
		ide_raise(d);
}

void ide_cancel(struct ide_device *d)
{
	if (d->in_flight)
		drive_cancel(d->drive, &d->req);
	d->in_flight = false;
	if (d->sg_mapped)
		d->bus->dma->unmap(d->bus, &d->sg, false);
	d->sg_mapped = false;
	d->dma_wait = false;
	d->xfer = XFER_NONE;
	d->op = 0;
	d->pos = d->block_end = d->len = 0;
}

/* ---- host I/O -------------------------------------------------------------------------------------------------------------------------- */

static void request_done(struct block_req *r, int result)
{
	struct ide_device *d = r->arg;
	d->in_flight = false;
	if (d->sg_mapped) {
		d->sg_mapped = false;
		d->bus->dma->unmap(d->bus, &d->sg, result == 0);
	}
	d->ops->io_done(d, result);
}

static void submit(struct ide_device *d, enum block_op op, uint64_t offset)
{
	d->req.op = op;
	d->req.offset = offset;
	d->req.done = request_done;
	d->req.arg = d;
	d->in_flight = true;
	ide_busy(d);
	drive_submit(d->drive, &d->req);
}

void ide_submit_buf(struct ide_device *d, enum block_op op, uint64_t offset, uint32_t pos, uint32_t len)
{
	d->iov.iov_base = d->buf + pos;
	d->iov.iov_len = len;
	d->req.iov = &d->iov;
	d->req.niov = op == BLOCK_FLUSH || op == BLOCK_DISCARD ? 0 : 1;
	d->req.length = len;
	submit(d, op, offset);
}

bool ide_dma_claim(struct ide_device *d)
{
	struct ide_device *other = d->bus->unit[d == d->bus->unit[0]];
	if (!d->bus->dma || (other && other->dma_wait))
		return false;
	d->dma_wait = true;
	ide_busy(d);
	return true;
}

bool ide_dma_submit(struct ide_device *d, enum block_op op, uint64_t offset, uint32_t max, uint32_t unit)
{
	struct ide_bus *b = d->bus;
	if (!b->dma->active(b) || !b->dma->map(b, &d->sg, max, unit, op == BLOCK_READ))
		return false;
	d->sg_mapped = true;
	d->req.iov = d->sg.iov;
	d->req.niov = d->sg.n;
	d->req.length = d->sg.bytes;
	submit(d, op, offset);
	return true;
}

uint32_t ide_dma_copy(struct ide_device *d, uint32_t pos, uint32_t len, bool to_guest)
{
	struct ide_bus *b = d->bus;
	uint32_t done = 0, got;
	while (done < len && b->dma->active(b) && (got = b->dma->map(b, &d->sg, len - done, 1, to_guest))) {
		uint8_t *p = d->buf + pos + done;
		for (int i = 0; i < d->sg.n; p += d->sg.iov[i].iov_len, i++)
			memcpy(to_guest ? d->sg.iov[i].iov_base : p, to_guest ? p : d->sg.iov[i].iov_base, d->sg.iov[i].iov_len);
		b->dma->unmap(b, &d->sg, true);
		done += got;
	}
	return done;
}

void ide_dma_finished(struct ide_device *d)
{
	d->dma_wait = false;
	d->bus->dma->finished(d->bus);
}

void ide_dma_started(struct ide_bus *b)
{
	for (int i = 0; i < 2; i++) {
		struct ide_device *d = b->unit[i];
		if (d && d->dma_wait && !d->in_flight) {
			d->ops->dma_go(d);
			return;
		}
	}
}

/* The bus master was switched off: the piece under way is dropped, the device goes on waiting for its data until it is reset. */
void ide_dma_stopped(struct ide_bus *b)
{
	for (int i = 0; i < 2; i++) {
		struct ide_device *d = b->unit[i];
		if (!d || !d->dma_wait || !d->sg_mapped)
			continue;
		drive_cancel(d->drive, &d->req);
		d->in_flight = false;
		d->sg_mapped = false;
		b->dma->unmap(b, &d->sg, false);
	}
}

/* ---- reset ----------------------------------------------------------------------------------------------------------------------------- */

void ide_signature(struct ide_device *d)
{
	d->nsector = 1;
	d->lba[0] = 1;
	d->lba[1] = d->ops->packet ? 0x14 : 0;
	d->lba[2] = d->ops->packet ? 0xeb : 0;
	d->hob_nsector = d->hob_lba[0] = d->hob_lba[1] = d->hob_lba[2] = 0;
}

static void after_reset(struct ide_device *d)
{
	ide_signature(d);
	d->select &= (uint8_t)~(DEV_UNIT | 0x0f);
	d->error = 1;                                   /* diagnostic code: passed */
	d->status = d->ops->packet ? 0 : ATA_DRDY | ATA_DSC;
	d->irq = false;
}

static void soft_reset(struct ide_device *d)
{
	ide_cancel(d);
	d->ops->reset(d, false);
	after_reset(d);
}

void ide_device_reset(struct ide_device *d)
{
	ide_cancel(d);
	d->feature = d->hob_feature = 0;
	d->select = 0xa0;
	d->ops->reset(d, true);
	after_reset(d);
}

void ide_bus_reset(struct ide_bus *b)
{
	b->selected = 0;
	b->control = 0;
	b->intrq = false;
}

static void reset_both(struct ide_bus *b)
{
	for (int i = 0; i < 2; i++)
		if (b->unit[i])
			soft_reset(b->unit[i]);
	b->selected = 0;
	update_irq(b);
}

void ide_write_control(struct ide_bus *b, uint8_t val)
{
	uint8_t old = b->control;
	b->control = val;
	if ((val & CTL_SRST) && !(old & CTL_SRST)) {
		reset_both(b);
		for (int i = 0; i < 2; i++)
			if (b->unit[i])
				b->unit[i]->status = ATA_BSY;
	} else if (!(val & CTL_SRST) && (old & CTL_SRST)) {
		reset_both(b);
	}
	update_irq(b);
}

/* ---- PIO data port ------------------------------------------------------------------------------------------------------------------------ */

static void block_moved(struct ide_device *d)
{
	if (d->pos < d->block_end)
		return;
	d->xfer = XFER_NONE;
	d->status &= (uint8_t)~ATA_DRQ;
	d->ops->block_done(d);
}

static uint16_t data_read(struct ide_device *d, unsigned bytes)
{
	uint16_t v = 0;
	if (d->xfer != XFER_TO_HOST) {
		device_log_once(&d->dev, LOG_DATA_PORT, "data port accessed without a transfer");
		return 0xffff;
	}
	for (unsigned i = 0; i < bytes; i++)            /* the last word of an odd block carries one byte */
		if (d->pos < d->block_end)
			v |= (uint16_t)(d->buf[d->pos++] << (8 * i));
	block_moved(d);
	return v;
}

static void data_write(struct ide_device *d, unsigned bytes, uint16_t v)
{
	if (d->xfer != XFER_TO_DEVICE) {
		device_log_once(&d->dev, LOG_DATA_PORT, "data port accessed without a transfer");
		return;
	}
	for (unsigned i = 0; i < bytes; i++)
		if (d->pos < d->block_end)
			d->buf[d->pos++] = (uint8_t)(v >> (8 * i));
	block_moved(d);
}

/* ---- registers ------------------------------------------------------------------------------------------------------------------------- */

static uint8_t status_of(struct ide_bus *b)
{
	struct ide_device *d = b->unit[b->selected];
	/* Device 0 answers for an absent device 1, with status 0 (volume 2, 9.16.1). */
	return d ? d->status : b->selected && b->unit[0] ? 0 : FLOAT_8;
}

uint8_t ide_alt_status(struct ide_bus *b)
{
	return status_of(b);
}

static uint8_t reg_read(struct ide_bus *b, unsigned off)
{
	struct ide_device *d = b->unit[b->selected];
	if (off == REG_STATUS) {
		uint8_t st = status_of(b);
		if (d) {
			d->irq = false;
			update_irq(b);
		}
		return st;
	}
	bool answers_for = !d && b->selected && b->unit[0];
	if (answers_for)
		d = b->unit[0];
	if (!d)
		return FLOAT_8;
	bool hob = b->control & CTL_HOB;
	switch (off) {
	case REG_DATA:    return (uint8_t)data_read(d, 1);
	case REG_ERROR:   return answers_for ? 0 : d->error;
	case REG_NSECTOR: return hob ? d->hob_nsector : d->nsector;
	case REG_DEVICE:  return (uint8_t)(d->select | 0xa0 | (answers_for ? DEV_UNIT : 0));
	default:          return hob ? d->hob_lba[off - REG_LBA0] : d->lba[off - REG_LBA0];
	}
}

uint32_t ide_read(struct ide_bus *b, unsigned off, unsigned size)
{
	struct ide_device *d = b->unit[b->selected];
	uint32_t v = 0;
	if (off == REG_DATA && size >= 2) {
		if (!d)
			return size == 2 ? 0xff7f : 0xff7fff7f;
		v = data_read(d, 2);
		return size == 2 ? v : v | (uint32_t)data_read(d, 2) << 16;
	}
	for (unsigned i = 0; i < size; i++)
		v |= (uint32_t)(off + i <= REG_STATUS ? reg_read(b, off + i) : 0xff) << (8 * i);
	return v;
}

/* Both devices latch what is written; a busy one does not look. */
static void latch(struct ide_device *d, unsigned off, uint8_t val)
{
	if (!d || (d->status & ATA_BSY))
		return;
	switch (off) {
	case REG_ERROR:   d->hob_feature = d->feature; d->feature = val; break;
	case REG_NSECTOR: d->hob_nsector = d->nsector; d->nsector = val; break;
	case REG_DEVICE:  d->select = val | 0xa0; break;
	default:          d->hob_lba[off - REG_LBA0] = d->lba[off - REG_LBA0]; d->lba[off - REG_LBA0] = val; break;
	}
}

static void diagnostic(struct ide_bus *b)
{
	reset_both(b);
	if (b->unit[0])
		ide_raise(b->unit[0]);
}

static void command(struct ide_bus *b, uint8_t cmd)
{
	struct ide_device *d = b->unit[b->selected];
	if (b->control & CTL_SRST)
		return;
	if (cmd == CMD_DIAGNOSTIC && (b->unit[0] || b->unit[1])) {      /* for both, whichever is selected */
		diagnostic(b);
		return;
	}
	if (!d)
		return;
	d->irq = false;
	update_irq(b);
	if (cmd == CMD_DEVICE_RESET && d->ops->packet) {                /* even while busy; no interrupt */
		uint8_t unit = d->select & DEV_UNIT;
		soft_reset(d);
		d->select |= unit;
		return;
	}
	if (d->status & ATA_BSY) {
		device_log_once(&d->dev, LOG_BUSY_COMMAND, "command %02xh written while busy", cmd);
		return;
	}
	ide_cancel(d);                                                  /* a data phase the host walked away from */
	d->status = ATA_DRDY | ATA_DSC;
	d->error = 0;
	d->ops->command(d, cmd);
}

static void reg_write(struct ide_bus *b, unsigned off, uint8_t val)
{
	if (off == REG_DATA) {
		if (b->unit[b->selected])
			data_write(b->unit[b->selected], 1, val);
		return;
	}
	b->control &= (uint8_t)~CTL_HOB;
	if (off == REG_STATUS) {
		command(b, val);
		return;
	}
	latch(b->unit[0], off, val);
	latch(b->unit[1], off, val);
	if (off == REG_DEVICE) {
		b->selected = val >> 4 & 1;
		update_irq(b);
	}
}

void ide_write(struct ide_bus *b, unsigned off, unsigned size, uint32_t val)
{
	struct ide_device *d = b->unit[b->selected];
	if (off == REG_DATA && size >= 2) {
		if (d)
			data_write(d, 2, (uint16_t)val);
		if (d && size == 4)
			data_write(d, 2, (uint16_t)(val >> 16));
		return;
	}
	for (unsigned i = 0; i < size && off + i <= REG_STATUS; i++)
		reg_write(b, off + i, (uint8_t)(val >> (8 * i)));
}

/* ---- the bus ------------------------------------------------------------------------------------------------------------------------------ */

static bool bus_attach(struct bus *bus, struct device *dev, struct error *err)
{
	struct ide_bus *b = container_of(bus, struct ide_bus, bus);
	struct ide_device *d = container_of(dev, struct ide_device, dev);
	if (d->unit == UINT32_MAX) {
		if (b->unit[0] && b->unit[1])
			return error_set(err, "IDE bus '%s' has both its units in use", bus->name);
		d->unit = b->unit[0] != NULL;
	}
	if (d->unit > 1)
		return error_set(err, "Can't create IDE unit %u, bus supports only 2 units", d->unit);
	if (b->unit[d->unit])
		return error_set(err, "IDE unit %u is in use", d->unit);
	b->unit[d->unit] = d;
	d->bus = b;
	return true;
}

static void bus_detach(struct bus *bus, struct device *dev)
{
	struct ide_bus *b = container_of(bus, struct ide_bus, bus);
	struct ide_device *d = container_of(dev, struct ide_device, dev);
	if (d->unit < 2 && b->unit[d->unit] == d)
		b->unit[d->unit] = NULL;
}

void ide_bus_init(struct ide_bus *b, struct device *parent, unsigned number, const struct ide_dma_ops *dma)
{
	snprintf(b->name, sizeof(b->name), "ide.%u", number);
	bus_init(&b->bus, "IDE", b->name, parent);
	b->bus.attach = bus_attach;
	b->bus.detach = bus_detach;
	b->number = number;
	b->dma = dma;
}

/* The first four as enum error_policy. */
const char *const ide_error_words[] = { "report", "ignore", "enospc", "stop", "auto", NULL };
const char *const ide_switch_words[] = { "on", "off", "auto", NULL };

static void set_policies(struct ide_device *d)
{
	enum { AUTO_POLICY = 4, CACHE_ON = 0, CACHE_AUTO = 2 };

	if (d->werror != AUTO_POLICY)
		d->drive->werror = (enum error_policy)d->werror;
	if (d->rerror != AUTO_POLICY)
		d->drive->rerror = (enum error_policy)d->rerror;
	if (d->write_cache != CACHE_AUTO)
		drive_set_writethrough(d->drive, d->write_cache != CACHE_ON);
}

bool ide_device_realize(struct ide_device *d, const struct ide_ops *ops, const char *default_model, struct error *err)
{
	char serial[24];
	d->ops = ops;
	if (d->drive && !drive_attach(d->drive, &d->dev, err))
		return false;
	if (d->drive)
		set_policies(d);
	if (!d->serial) {
		snprintf(serial, sizeof(serial), "QM%05u", d->bus->number * 2 + d->unit + 1);
		d->serial = strdup(serial);
	}
	if (!d->model)
		d->model = strdup(default_model);
	ide_device_reset(d);
	return true;
}

void ide_device_unrealize(struct ide_device *d)
{
	ide_cancel(d);
	if (d->drive)
		drive_detach(d->drive);
	free(d->sg.bounce);
}

bool ide_device_loaded(struct ide_device *d, struct error *err)
{
	if (d->pos > d->block_end || d->block_end > d->len || d->len > IDE_BUF || d->xfer > XFER_TO_DEVICE ||
	    (d->xfer && d->pos == d->block_end))
		return error_set(err, "%s: transfer state out of range", d->dev.path);
	ide_bus_loaded(d->bus);
	return true;
}

void ide_bus_loaded(struct ide_bus *b)
{
	struct ide_device *d;
	b->selected &= 1;
	d = b->unit[b->selected];
	b->intrq = d && d->irq && !(b->control & CTL_NIEN);
}

/* ---- IDENTIFY --------------------------------------------------------------------------------------------------------------------------- */

void ide_put_word(uint8_t *id, unsigned word, uint16_t val)
{
	id[word * 2] = (uint8_t)val;
	id[word * 2 + 1] = (uint8_t)(val >> 8);
}

void ide_put_text(uint8_t *id, unsigned word, unsigned chars, const char *s)
{
	for (unsigned i = 0; i < chars; i++)
		id[word * 2 + (i ^ 1)] = *s ? (uint8_t)*s++ : ' ';
}

void ide_put_checksum(uint8_t *id)
{
	uint8_t sum = 0xa5;
	id[510] = 0xa5;
	for (unsigned i = 0; i < 510; i++)
		sum = (uint8_t)(sum + id[i]);
	id[511] = (uint8_t)-sum;
}

const struct state_field ide_bus_state[] = { STATE_U8(struct ide_bus, selected), STATE_U8(struct ide_bus, control), STATE_END };

const struct state_field ide_device_state[] = {
	STATE_U8(struct ide_device, feature), STATE_U8(struct ide_device, nsector), STATE_BYTES(struct ide_device, lba),
	STATE_U8(struct ide_device, select), STATE_U8(struct ide_device, status), STATE_U8(struct ide_device, error),
	STATE_U8(struct ide_device, hob_feature), STATE_U8(struct ide_device, hob_nsector), STATE_BYTES(struct ide_device, hob_lba),
	STATE_BOOL(struct ide_device, irq), STATE_U8(struct ide_device, xfer), STATE_U32(struct ide_device, pos),
	STATE_U32(struct ide_device, block_end), STATE_U32(struct ide_device, len), STATE_U8(struct ide_device, op),
	STATE_BOOL(struct ide_device, dma_wait), STATE_BYTES(struct ide_device, buf), STATE_END
};
