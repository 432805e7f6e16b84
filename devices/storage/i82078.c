/* i82078.c - "isa-fdc", Intel 82078 floppy disk controller: registers, command and result phases.
 * Ref: Intel 82078 datasheet 290468, sections 2.1 (registers), 3.0 (reset), 5 (commands). */
#include "devices/storage/i82078.h"
#include "core/machine/machine.h"
#include "devices/chipset/i8237.h"
#include "devices/chipset/isa.h"
#include "devices/storage/storage.h"
#include <string.h>

/* Offsets from the base; the region starts at 1, 6 belongs to IDE. */
enum { REG_SRB = 1, REG_DOR, REG_TDR, REG_MSR_DSR, REG_FIFO, REG_DIR_CCR = 7 };
enum { DOR_RUN = 4, DOR_DMA = 8 };
enum { MSR_RQM = 0x80, MSR_TO_HOST = 0x40, MSR_NON_DMA = 0x20, MSR_BUSY = 0x10 };
enum { DSR_RESET = 0x80 };
enum { CONFIG_NO_POLL = 0x10, CONFIG_DEFAULT = 0x20 /* EFIFO */ };
enum { CHIP_VERSION = 0x90, PART_ID = 0x41 };
enum { LAST_TRACK = 85 };
enum { LOG_COMMAND, LOG_FIFO };

static struct fdc *fdc_of(struct device *d)
{
	return container_of(d, struct fdc, dev);
}

bool fdc_uses_dma(const struct fdc *s)
{
	return !(s->hlt_nd & 1);
}

void fdc_update_irq(struct fdc *s)
{
	irq_set(&s->irq, s->int_pending && (s->dor & DOR_DMA) && (s->dor & DOR_RUN));
}

/* ---- phases ------------------------------------------------------------------------------------------------------------------------------------ */

static void go_idle(struct fdc *s)
{
	s->phase = PH_IDLE;
	s->cmd_pos = s->cmd_len = 0;
}

void fdc_result(struct fdc *s, unsigned len, bool interrupt)
{
	s->phase = PH_RESULT;
	s->result_pos = 0;
	s->result_len = (uint8_t)len;
	s->int_pending = interrupt;
	fdc_update_irq(s);
}

static void reply(struct fdc *s, uint8_t byte)
{
	s->result[0] = byte;
	fdc_result(s, 1, false);
}

/* Reset line of DOR or DSR.  What LOCK protects stays. */
static void chip_reset(struct fdc *s)
{
	fdc_stop_transfer(s);
	go_idle(s);
	s->int_pending = false;
	s->polls = 0;
	s->seek_done = 0;
	if (!s->lock) {
		s->config = CONFIG_DEFAULT;
		s->precomp = 0;
	}
	s->perpendicular &= 0x3c;
}

/* Out of reset: polling finds all four drives' ready lines changed (section 3.2). */
static void reset_over(struct fdc *s)
{
	if (s->config & CONFIG_NO_POLL)
		return;
	s->polls = 4;
	s->int_pending = true;
	fdc_update_irq(s);
}

/* ---- commands ------------------------------------------------------------------------------------------------------------------------------------ */

static void cmd_invalid(struct fdc *s)
{
	device_log_once(&s->dev, LOG_COMMAND, "invalid command %02xh", s->cmd[0]);
	reply(s, ST0_INVALID);
}

static void cmd_read(struct fdc *s)   { fdc_start_transfer(s, FX_READ); }
static void cmd_write(struct fdc *s)  { fdc_start_transfer(s, FX_WRITE); }
static void cmd_verify(struct fdc *s) { fdc_start_transfer(s, FX_VERIFY); }

static void cmd_specify(struct fdc *s)
{
	s->srt_hut = s->cmd[1];
	s->hlt_nd = s->cmd[2];
	go_idle(s);
}

static void cmd_sense_drive(struct fdc *s)
{
	unsigned n = s->cmd[1] & 3;
	const struct fd_unit *u = fdc_unit(s, n);
	uint8_t st3 = (uint8_t)(0x28 | (s->cmd[1] & 7));        /* ready and two-sided are strapped */
	if (u && u->track == 0)
		st3 |= 0x10;
	if (u && u->drive->image && u->drive->readonly)
		st3 |= 0x40;
	reply(s, st3);
}

static void seek_ended(struct fdc *s, unsigned n, uint8_t st0)
{
	s->seek_done |= (uint8_t)(1u << n);
	s->seek_st0[n] = st0;
	s->int_pending = true;
	go_idle(s);
	fdc_update_irq(s);
}

static void step_to(struct fd_unit *u, unsigned track)
{
	if (u->track != track && u->secs)
		u->changed = false;             /* a step with a disk in clears DSKCHG */
	u->track = (uint8_t)track;
}

static void cmd_recalibrate(struct fdc *s)
{
	unsigned n = s->cmd[1] & 3;
	struct fd_unit *u = fdc_unit(s, n);
	if (!u) {                               /* track 0 is never seen */
		seek_ended(s, n, (uint8_t)(ST0_ABNORMAL | ST0_SEEK_END | ST0_EQUIPMENT | n));
		return;
	}
	step_to(u, 0);
	seek_ended(s, n, (uint8_t)(ST0_SEEK_END | n));
}

static void cmd_seek(struct fdc *s)
{
	unsigned n = s->cmd[1] & 3;
	struct fd_unit *u = fdc_unit(s, n);
	if (u)
		step_to(u, s->cmd[2] > LAST_TRACK ? LAST_TRACK : s->cmd[2]);
	seek_ended(s, n, (uint8_t)(ST0_SEEK_END | (s->cmd[1] & 7)));
}

static void cmd_relative_seek(struct fdc *s)
{
	unsigned n = s->cmd[1] & 3;
	struct fd_unit *u = fdc_unit(s, n);
	if (u) {
		int t = u->track + (s->cmd[0] & 0x40 ? s->cmd[2] : -s->cmd[2]);
		step_to(u, t < 0 ? 0 : t > LAST_TRACK ? LAST_TRACK : (unsigned)t);
	}
	seek_ended(s, n, (uint8_t)(ST0_SEEK_END | (s->cmd[1] & 7)));
}

static void cmd_sense_interrupt(struct fdc *s)
{
	unsigned n = 0;
	s->int_pending = false;
	fdc_update_irq(s);
	if (s->polls) {
		n = 4u - s->polls--;
		s->result[0] = (uint8_t)(ST0_POLLED | n);
	} else if (s->seek_done) {
		while (!(s->seek_done & 1u << n))
			n++;
		s->seek_done &= (uint8_t)~(1u << n);
		s->result[0] = s->seek_st0[n];
	} else {
		reply(s, ST0_INVALID);
		return;
	}
	s->result[1] = fdc_unit(s, n) ? s->unit[n].track : 0;
	fdc_result(s, 2, false);
	if (s->seek_done && !s->polls) {        /* another drive's seek is over too */
		s->int_pending = true;
		fdc_update_irq(s);
	}
}

static void cmd_read_id(struct fdc *s)
{
	unsigned n = s->cmd[1] & 3, head = s->cmd[1] >> 2 & 1;
	struct fd_unit *u = fdc_unit(s, n);
	uint8_t *p = s->result;
	bool ok = u && u->drive->image && u->secs && u->track < u->tracks && head < u->heads && (s->dsr & 3) == u->rate;
	memset(p, 0, 7);
	p[0] = (uint8_t)((ok ? 0 : ST0_ABNORMAL) | (s->cmd[1] & 7));
	p[1] = ok ? 0 : ST1_NO_MARK;
	if (ok) {
		u->id_sector = (uint8_t)(u->id_sector >= u->secs ? 1 : u->id_sector + 1);
		p[3] = u->track;
		p[4] = (uint8_t)head;
		p[5] = u->id_sector;
		p[6] = 2;
	}
	fdc_result(s, 7, true);
}

static void cmd_dumpreg(struct fdc *s)
{
	uint8_t *p = s->result;
	for (unsigned i = 0; i < 4; i++)
		p[i] = i < FDC_UNITS ? s->unit[i].track : 0;
	p[4] = s->srt_hut;
	p[5] = s->hlt_nd;
	p[6] = s->eot;
	p[7] = (uint8_t)((s->lock ? 0x80 : 0) | (s->perpendicular & 0x3f));
	p[8] = s->config;
	p[9] = s->precomp;
	fdc_result(s, 10, false);
}

static void cmd_version(struct fdc *s) { reply(s, CHIP_VERSION); }
static void cmd_part_id(struct fdc *s) { reply(s, PART_ID); }
static void cmd_option(struct fdc *s)  { go_idle(s); }

static void cmd_configure(struct fdc *s)
{
	s->config = s->cmd[2] & 0x7f;
	s->precomp = s->cmd[3];
	go_idle(s);
}

static void cmd_perpendicular(struct fdc *s)
{
	if (s->cmd[1] & 0x80)                   /* OW: the drive bits are written too */
		s->perpendicular = s->cmd[1] & 0x3f;
	else
		s->perpendicular = (uint8_t)((s->perpendicular & 0x3c) | (s->cmd[1] & 3));
	go_idle(s);
}

static void cmd_lock(struct fdc *s)
{
	s->lock = s->cmd[0] & 0x80;
	reply(s, s->lock ? 0x10 : 0);
}

/* Bytes follow until one has DONE set; NRP in it: no result phase. */
static void cmd_drive_specification(struct fdc *s)
{
	uint8_t last = s->cmd[s->cmd_pos - 1];
	if (!(last & 0x80) && s->cmd_pos < 6) {
		s->cmd_len++;
		s->phase = PH_COMMAND;
		return;
	}
	if (last & 0x40) {
		go_idle(s);
		return;
	}
	memset(s->result, 0, 4);
	fdc_result(s, 4, false);
}

static const struct command { uint8_t mask, code, len; void (*run)(struct fdc *s); } commands[] = {
	{ 0x1f, 0x06, 9, cmd_read },            { 0x1f, 0x0c, 9, cmd_read },    /* deleted data: images have none apart */
	{ 0x3f, 0x05, 9, cmd_write },           { 0x3f, 0x09, 9, cmd_write },
	{ 0x9f, 0x02, 9, cmd_read },            { 0x1f, 0x16, 9, cmd_verify },
	{ 0xbf, 0x0d, 6, fdc_start_format },    { 0xbf, 0x0a, 2, cmd_read_id },
	{ 0xff, 0x03, 3, cmd_specify },         { 0xff, 0x04, 2, cmd_sense_drive },
	{ 0xff, 0x07, 2, cmd_recalibrate },     { 0xff, 0x08, 1, cmd_sense_interrupt },
	{ 0xff, 0x0f, 3, cmd_seek },            { 0xbf, 0x8f, 3, cmd_relative_seek },
	{ 0xff, 0x0e, 1, cmd_dumpreg },         { 0xff, 0x10, 1, cmd_version },
	{ 0xff, 0x13, 4, cmd_configure },       { 0xff, 0x12, 2, cmd_perpendicular },
	{ 0x7f, 0x14, 1, cmd_lock },            { 0xff, 0x18, 1, cmd_part_id },
	{ 0xff, 0x33, 2, cmd_option },          { 0xff, 0x8e, 2, cmd_drive_specification },
};

static const struct command *find_command(uint8_t byte)
{
	static const struct command invalid = { 0, 0, 1, cmd_invalid };
	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if ((byte & commands[i].mask) == commands[i].code)
			return &commands[i];
	return &invalid;
}

static void command_byte(struct fdc *s, uint8_t val)
{
	if (s->phase == PH_IDLE) {
		s->cmd_pos = 0;
		s->cmd_len = find_command(val)->len;
		s->phase = PH_COMMAND;
	}
	s->cmd[s->cmd_pos++] = val;
	if (s->cmd_pos >= s->cmd_len)
		find_command(s->cmd[0])->run(s);
}

/* ---- registers ---------------------------------------------------------------------------------------------------------------------------------- */

static uint8_t read_msr(struct fdc *s)
{
	uint8_t msr = s->seek_done & 15;
	if (!(s->dor & DOR_RUN))
		return 0;
	switch (s->phase) {
	case PH_IDLE:    return msr | MSR_RQM;
	case PH_COMMAND: return msr | MSR_RQM | MSR_BUSY;
	case PH_RESULT:  return msr | MSR_RQM | MSR_BUSY | MSR_TO_HOST;
	case PH_EXEC:
		if (!fdc_uses_dma(s))
			return (uint8_t)(msr | MSR_RQM | MSR_NON_DMA | MSR_BUSY | (s->xfer == FX_READ ? MSR_TO_HOST : 0));
		return msr | MSR_BUSY;
	default:         return (uint8_t)(msr | MSR_BUSY | (fdc_uses_dma(s) ? 0 : MSR_NON_DMA));
	}
}

static uint8_t read_fifo(struct fdc *s)
{
	if (s->phase == PH_EXEC && !fdc_uses_dma(s))
		return fdc_pio_read(s);
	if (s->phase != PH_RESULT) {
		device_log_once(&s->dev, LOG_FIFO, "FIFO read without data");
		return 0;
	}
	if (!s->seek_done || s->result_len == 7) {
		s->int_pending = false;
		fdc_update_irq(s);
	}
	uint8_t v = s->result[s->result_pos++];
	if (s->result_pos >= s->result_len)
		go_idle(s);
	return v;
}

static void write_fifo(struct fdc *s, uint8_t val)
{
	if (!(s->dor & DOR_RUN))
		return;
	if (s->phase == PH_IDLE || s->phase == PH_COMMAND)
		command_byte(s, val);
	else if (s->phase == PH_EXEC && !fdc_uses_dma(s))
		fdc_pio_write(s, val);
	else
		device_log_once(&s->dev, LOG_FIFO, "FIFO written while busy");
}

static void write_dor(struct fdc *s, uint8_t val)
{
	uint8_t old = s->dor;
	s->dor = val;
	if ((old & DOR_RUN) && !(val & DOR_RUN))
		chip_reset(s);
	if (!(old & DOR_RUN) && (val & DOR_RUN))
		reset_over(s);
	fdc_update_irq(s);
}

static void write_dsr(struct fdc *s, uint8_t val)
{
	if (!(s->dor & DOR_RUN))
		return;
	s->dsr = val & 0x7f;
	if (val & DSR_RESET) {                  /* clears itself */
		chip_reset(s);
		reset_over(s);
		fdc_update_irq(s);
	}
}

static uint8_t read_dir(struct fdc *s)
{
	const struct fd_unit *u = fdc_unit(s, s->dor & 3);
	return u && (u->changed || !u->secs) ? 0x80 : 0;
}

static uint64_t fdc_read(struct device *d, uint64_t off, unsigned size)
{
	struct fdc *s = fdc_of(d);
	switch (off + 1) {
	case REG_SRB:     return 0xc0 | (s->dor >> 4 & 3);
	case REG_DOR:     return s->dor;
	case REG_TDR:     return s->tdr;
	case REG_MSR_DSR: return read_msr(s);
	case REG_FIFO:    return read_fifo(s);
	}
	return 0xff;
}

static void fdc_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct fdc *s = fdc_of(d);
	switch (off + 1) {
	case REG_DOR:     write_dor(s, (uint8_t)val); break;
	case REG_TDR:     s->tdr = val & 3; break;
	case REG_MSR_DSR: write_dsr(s, (uint8_t)val); break;
	case REG_FIFO:    write_fifo(s, (uint8_t)val); break;
	}
}

static uint64_t dir_read(struct device *d, uint64_t off, unsigned size)
{
	return read_dir(fdc_of(d));
}

static void ccr_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct fdc *s = fdc_of(d);
	s->dsr = (uint8_t)((s->dsr & 0x7c) | (val & 3));
}

static const struct io_ops fdc_ops = { fdc_read, fdc_write, 1, 1 }, dir_ops = { dir_read, ccr_write, 1, 1 };

/* ---- the device ------------------------------------------------------------------------------------------------------------------------------------ */

static bool fdc_realize(struct device *d, struct error *err)
{
	struct fdc *s = fdc_of(d);
	if (s->iobase > 0xfff8)
		return error_set(err, "Property 'isa-fdc.iobase' doesn't take value '%u', it is a port from 0 to 0xfff8", s->iobase);
	if (!isa_irq(d, s->irq_no, &s->irq, err))
		return false;
	if (s->dma > 3 || !isa_dma_attach(d->machine, s->dma, fdc_dma_ready, s))
		return error_set(err, "isa-fdc: DMA channel %u is not there or in use (0 to 3 can be given)", s->dma);
	if (!isa_map(d, &s->regs, "fdc", s->iobase + REG_SRB, 5, &fdc_ops, err))
		goto no_regs;
	if (!isa_map(d, &s->dir, "fdc", s->iobase + REG_DIR_CCR, 1, &dir_ops, err))
		goto no_dir;
	fdc_bus_init(s);
	return true;
no_dir:
	isa_unmap(d, &s->regs);
no_regs:
	isa_dma_detach(d->machine, s->dma);
	return false;
}

static void fdc_unrealize(struct device *d)
{
	struct fdc *s = fdc_of(d);
	fdc_stop_transfer(s);
	isa_unmap(d, &s->dir);
	isa_unmap(d, &s->regs);
	isa_dma_detach(d->machine, s->dma);
}

static void fdc_reset(struct device *d, enum reset_kind kind)
{
	struct fdc *s = fdc_of(d);
	s->lock = false;
	chip_reset(s);
	s->dor = DOR_RUN | DOR_DMA;             /* as the firmware leaves it */
	s->tdr = 0;
	s->dsr = 2;
	s->srt_hut = s->hlt_nd = s->perpendicular = s->eot = 0;
	s->c = s->h = s->r = s->n = s->x_unit = s->x_head = s->sectors_left = 0;
	s->mt = s->tc = false;
	s->pos = s->len = 0;
	memset(s->cmd, 0, sizeof(s->cmd));
	memset(s->result, 0, sizeof(s->result));
	for (int i = 0; i < FDC_UNITS; i++) {
		s->unit[i].track = 0;
		s->unit[i].id_sector = 0;
		s->unit[i].changed = true;
	}
}

static bool fdc_loaded(struct device *d, struct error *err)
{
	struct fdc *s = fdc_of(d);
	bool moving = s->phase == PH_WAIT || s->phase == PH_EXEC;
	if (s->phase > PH_RESULT || s->xfer > FX_FORMAT || s->polls > 4 || s->seek_done > 15 || s->pos > s->len || s->len > FD_SECTOR ||
	    s->cmd_pos >= sizeof(s->cmd) || s->cmd_len >= sizeof(s->cmd) || s->result_len > sizeof(s->result) || s->x_head > 1 ||
	    (s->phase == PH_RESULT && s->result_pos >= s->result_len) || (s->phase == PH_COMMAND && s->cmd_pos >= s->cmd_len) ||
	    (moving && (s->x_unit >= FDC_UNITS || !fdc_unit(s, s->x_unit) || s->xfer == FX_NONE)) ||
	    (s->phase == PH_EXEC && s->pos == s->len))
		return error_set(err, "%s: controller state out of range", d->path);
	for (int i = 0; i < FDC_UNITS; i++)
		if (s->unit[i].track > LAST_TRACK)
			return error_set(err, "%s: head position out of range", d->path);
	fdc_resume(s);
	return true;
}

static const char *const types[] = { "144", "288", "120", "none", "auto", NULL };
static const struct prop fdc_props[] = {
	{ "iobase", PROP_U32, offsetof(struct fdc, iobase), "0x3f0", "first port", NULL },
	{ "irq", PROP_U32, offsetof(struct fdc, irq_no), "6", "ISA interrupt", NULL },
	{ "dma", PROP_U32, offsetof(struct fdc, dma), "2", "ISA DMA channel", NULL },
	{ "fdtypeA", PROP_ENUM, offsetof(struct fdc, fdtype[0]), "auto", "kind of drive A", types },
	{ "fdtypeB", PROP_ENUM, offsetof(struct fdc, fdtype[1]), "auto", "kind of drive B", types },
	{ "fallback", PROP_ENUM, offsetof(struct fdc, fallback), "288", "kind of a drive that starts without a disk", types },
	{ "bootindexA", PROP_I32, offsetof(struct fdc, bootindex[0]), "-1", "drive A's place in the boot order, -1 for none", NULL },
	{ "bootindexB", PROP_I32, offsetof(struct fdc, bootindex[1]), "-1", "drive B's place in the boot order, -1 for none", NULL },
	{ .type = PROP_END }
};

static const struct state_field unit_state[] = {
	STATE_U8(struct fd_unit, track), STATE_U8(struct fd_unit, id_sector), STATE_BOOL(struct fd_unit, changed), STATE_END
};
static const struct state_field fdc_state[] = {
	STATE_STRUCTS(struct fdc, unit, unit_state), STATE_U8(struct fdc, dor), STATE_U8(struct fdc, tdr), STATE_U8(struct fdc, dsr),
	STATE_U8(struct fdc, phase), STATE_U8(struct fdc, xfer), STATE_BOOL(struct fdc, int_pending), STATE_U8(struct fdc, polls),
	STATE_U8(struct fdc, seek_done), STATE_BYTES(struct fdc, seek_st0), STATE_BYTES(struct fdc, cmd), STATE_U8(struct fdc, cmd_len),
	STATE_U8(struct fdc, cmd_pos), STATE_BYTES(struct fdc, result), STATE_U8(struct fdc, result_len), STATE_U8(struct fdc, result_pos),
	STATE_U8(struct fdc, srt_hut), STATE_U8(struct fdc, hlt_nd), STATE_U8(struct fdc, config), STATE_U8(struct fdc, precomp),
	STATE_U8(struct fdc, perpendicular), STATE_U8(struct fdc, eot), STATE_BOOL(struct fdc, lock), STATE_U8(struct fdc, x_unit),
	STATE_U8(struct fdc, x_head), STATE_U8(struct fdc, c), STATE_U8(struct fdc, h), STATE_U8(struct fdc, r), STATE_U8(struct fdc, n),
	STATE_U8(struct fdc, sectors_left), STATE_BOOL(struct fdc, mt), STATE_BOOL(struct fdc, tc), STATE_U16(struct fdc, pos),
	STATE_U16(struct fdc, len), STATE_BYTES(struct fdc, buf), STATE_END
};

const struct device_desc isa_fdc_desc = {
	.name = "isa-fdc", .bus = "ISA", .category = "Storage", .description = "virtual floppy controller", .size = sizeof(struct fdc),
	.user_creatable = true, .props = fdc_props, .state = fdc_state, .state_version = 1, .realize = fdc_realize,
	.unrealize = fdc_unrealize, .reset = fdc_reset, .loaded = fdc_loaded,
};
