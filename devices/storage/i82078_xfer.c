/* i82078_xfer.c - the floppy controller's execution phase: sectors between image, DMA channel or FIFO, and the guest.
 * Ref: Intel 82078 datasheet 290468, sections 5.1 (data transfer commands), 5.1.5 (format), 6 (status registers). */
#include "core/machine/machine.h"
#include "devices/chipset/i8237.h"
#include "devices/storage/i82078.h"
#include <errno.h>
#include <string.h>

struct fd_unit *fdc_unit(struct fdc *s, unsigned n)
{
	return n < FDC_UNITS && s->unit[n].drive ? &s->unit[n] : NULL;
}

/* ---- ends ----------------------------------------------------------------------------------------------------------------------------------- */

static void finish(struct fdc *s, uint8_t st0, uint8_t st1, uint8_t st2)
{
	uint8_t *p = s->result;
	if (fdc_uses_dma(s))
		isa_dma_request(s->dev.machine, s->dma, false);
	s->xfer = FX_NONE;
	p[0] = (uint8_t)(st0 | s->x_head << 2 | s->x_unit);
	p[1] = st1;
	p[2] = st2;
	p[3] = s->c;
	p[4] = s->h;
	p[5] = s->r;
	p[6] = s->n;
	fdc_result(s, 7, true);
}

void fdc_stop_transfer(struct fdc *s)
{
	if (s->in_flight)
		drive_cancel(s->req.drive, &s->req);
	s->in_flight = false;
	if (s->xfer != FX_NONE)
		isa_dma_request(s->dev.machine, s->dma, false);
	s->xfer = FX_NONE;
	if (s->phase == PH_WAIT || s->phase == PH_EXEC)
		s->phase = PH_IDLE;
}

/* The address behind the sector just done: datasheet table 5-6.  False: the last one (EOT) was it. */
static bool advance(struct fdc *s)
{
	if (s->r != s->eot) {
		s->r++;
		return true;
	}
	s->r = 1;
	if (s->mt && !s->x_head) {
		s->x_head = s->h = 1;
		return true;
	}
	if (s->mt)
		s->h = 0;
	s->c++;
	return false;
}

/* ---- host I/O -------------------------------------------------------------------------------------------------------------------------------- */

static void pump(struct fdc *s);
static void next_sector(struct fdc *s);

static void sector_over(struct fdc *s)
{
	bool more = advance(s);
	if (s->tc)
		finish(s, 0, 0, 0);
	else if (!more && s->xfer == FX_VERIFY)
		finish(s, 0, 0, 0);
	else if (!more)                         /* end of cylinder, and nobody said stop */
		finish(s, ST0_ABNORMAL, ST1_END_CYLINDER, 0);
	else
		next_sector(s);
}

static void want_data(struct fdc *s, uint16_t len)
{
	s->phase = PH_EXEC;
	s->pos = 0;
	s->len = len;
	pump(s);
}

static void format_over(struct fdc *s)
{
	if (s->sectors_left && --s->sectors_left && !s->tc)
		want_data(s, 4);
	else
		finish(s, 0, 0, 0);
}

static void io_done(struct block_req *req, int result)
{
	struct fdc *s = req->arg;
	s->in_flight = false;
	if (result) {
		finish(s, ST0_ABNORMAL, result == -EROFS ? ST1_WRITE_PROTECT : result == -ENOMEDIUM ? ST1_NO_MARK : ST1_DATA_ERROR,
			result == -EROFS || result == -ENOMEDIUM ? 0 : ST2_DATA_ERROR);
		return;
	}
	switch (s->xfer) {
	case FX_READ:   want_data(s, FD_SECTOR); break;
	case FX_FORMAT: format_over(s); break;
	default:        sector_over(s); break;
	}
}

static void submit(struct fdc *s, enum block_op op, unsigned head, unsigned sector)
{
	struct fd_unit *u = &s->unit[s->x_unit];
	s->phase = PH_WAIT;
	s->iov = (struct iovec){ s->buf, FD_SECTOR };
	s->req.op = op;
	s->req.offset = ((uint64_t)u->track * u->heads + head) * u->secs * FD_SECTOR + (sector - 1u) * FD_SECTOR;
	s->req.iov = &s->iov;
	s->req.niov = 1;
	s->req.done = io_done;
	s->req.arg = s;
	s->in_flight = true;
	drive_submit(u->drive, &s->req);
}

/* ---- sectors --------------------------------------------------------------------------------------------------------------------------------- */

/* Can the head read anything?  Otherwise the command has ended. */
static bool readable(struct fdc *s)
{
	struct fd_unit *u = fdc_unit(s, s->x_unit);
	if (u && u->drive && u->drive->image && u->secs && (s->dsr & 3) == u->rate && u->track < u->tracks && s->x_head < u->heads)
		return true;
	finish(s, ST0_ABNORMAL, ST1_NO_MARK, 0);
	return false;
}

static void next_sector(struct fdc *s)
{
	if (!readable(s))
		return;
	struct fd_unit *u = &s->unit[s->x_unit];
	if (s->c != u->track) {
		finish(s, ST0_ABNORMAL, ST1_NO_DATA, ST2_WRONG_CYLINDER);
		return;
	}
	uint64_t at = ((uint64_t)u->track * u->heads + s->x_head) * u->secs + s->r;
	if (s->n != 2 || !s->r || s->r > u->secs || s->h != s->x_head || at * FD_SECTOR > u->drive->size) {
		finish(s, ST0_ABNORMAL, ST1_NO_DATA, 0);
		return;
	}
	u->id_sector = s->r;
	if (s->xfer == FX_WRITE)
		want_data(s, FD_SECTOR);
	else
		submit(s, BLOCK_READ, s->x_head, s->r);
}

/* A FORMAT block of C, H, R, N: the sector gets the fill byte, if the image has room for such a one. */
static void format_sector(struct fdc *s)
{
	struct fd_unit *u = &s->unit[s->x_unit];
	uint8_t c = s->buf[0], h = s->buf[1], r = s->buf[2], n = s->buf[3];
	if (c != u->track || h != s->x_head || n != 2 || !r || r > u->secs) {
		format_over(s);
		return;
	}
	s->r = r;
	memset(s->buf, s->cmd[5], FD_SECTOR);
	submit(s, BLOCK_WRITE, s->x_head, r);
}

static void buffer_full(struct fdc *s)
{
	if (s->xfer == FX_READ) {
		sector_over(s);
		return;
	}
	memset(s->buf + s->pos, 0, (size_t)(s->len - s->pos));  /* cut short by terminal count: zeroes follow */
	if (s->xfer == FX_FORMAT)
		format_sector(s);
	else
		submit(s, BLOCK_WRITE, s->x_head, s->r);
}

/* ---- bytes between buf and the guest ------------------------------------------------------------------------------------------------------------- */

static void pump(struct fdc *s)
{
	struct machine *m = s->dev.machine;
	if (!fdc_uses_dma(s)) {
		s->int_pending = true;          /* a byte is wanted or there */
		fdc_update_irq(s);
		return;
	}
	isa_dma_request(m, s->dma, true);
	while (s->phase == PH_EXEC && s->pos < s->len && !s->tc) {
		size_t left = s->len - s->pos, got;
		bool tc = false;
		got = s->xfer == FX_READ ? isa_dma_write(m, s->dma, s->buf + s->pos, left, &tc) : isa_dma_read(m, s->dma, s->buf + s->pos, left, &tc);
		if (!got && !tc)
			return;                 /* masked: fdc_dma_ready goes on */
		s->pos = (uint16_t)(s->pos + got);
		s->tc = tc;
	}
	if (s->phase == PH_EXEC)
		buffer_full(s);
}

void fdc_dma_ready(void *arg)
{
	struct fdc *s = arg;
	if (s->phase == PH_EXEC && s->xfer != FX_NONE && fdc_uses_dma(s))
		pump(s);
}

static void byte_moved(struct fdc *s)
{
	s->int_pending = s->pos < s->len;
	fdc_update_irq(s);
	if (s->pos >= s->len)
		buffer_full(s);
}

uint8_t fdc_pio_read(struct fdc *s)
{
	if (s->xfer != FX_READ || s->pos >= s->len)
		return 0;
	uint8_t v = s->buf[s->pos++];
	byte_moved(s);
	return v;
}

void fdc_pio_write(struct fdc *s, uint8_t val)
{
	if ((s->xfer != FX_WRITE && s->xfer != FX_FORMAT) || s->pos >= s->len)
		return;
	s->buf[s->pos++] = val;
	byte_moved(s);
}

/* ---- commands --------------------------------------------------------------------------------------------------------------------------------------- */

static bool write_protected(struct fdc *s)
{
	struct fd_unit *u = &s->unit[s->x_unit];
	if (!u->drive->readonly)
		return false;
	finish(s, ST0_ABNORMAL, ST1_WRITE_PROTECT, 0);
	return true;
}

void fdc_start_transfer(struct fdc *s, enum fdc_xfer x)
{
	s->xfer = (uint8_t)x;
	s->x_unit = s->cmd[1] & 3;
	s->x_head = s->cmd[1] >> 2 & 1;
	s->c = s->cmd[2];
	s->h = s->cmd[3];
	s->r = s->cmd[4];
	s->n = s->cmd[5];
	s->eot = s->cmd[6];
	s->mt = s->cmd[0] & 0x80;
	s->tc = false;
	if ((s->cmd[0] & 0x1f) == 0x02)         /* READ TRACK: every sector from the first */
		s->r = 1;
	struct fd_unit *u = fdc_unit(s, s->x_unit);
	if (u && (s->config & 0x40) && s->c < 86 && u->track != s->c) {         /* implied seek */
		u->track = s->c;
		u->changed = u->changed && !u->secs;
	}
	if (!readable(s) || (x == FX_WRITE && write_protected(s)))
		return;
	next_sector(s);
}

void fdc_start_format(struct fdc *s)
{
	s->xfer = FX_FORMAT;
	s->x_unit = s->cmd[1] & 3;
	s->x_head = s->cmd[1] >> 2 & 1;
	s->n = s->cmd[2];
	s->sectors_left = s->cmd[3];
	s->mt = s->tc = false;
	s->h = s->x_head;
	s->r = 1;
	struct fd_unit *u = fdc_unit(s, s->x_unit);
	s->c = u ? u->track : 0;
	if (!readable(s) || write_protected(s))
		return;
	if (!s->sectors_left)
		finish(s, 0, 0, 0);
	else
		want_data(s, 4);
}

void fdc_resume(struct fdc *s)
{
	if (s->phase == PH_EXEC && fdc_uses_dma(s))
		isa_dma_request(s->dev.machine, s->dma, true);  /* the channel was not ready, or the bytes had moved */
	if (s->phase != PH_WAIT)
		return;
	if (s->xfer == FX_READ || s->xfer == FX_VERIFY)
		next_sector(s);
	else
		submit(s, BLOCK_WRITE, s->x_head, s->r);
}
