/* i82078.h - the floppy controller's insides, shared by i82078.c (registers, commands), i82078_xfer.c (transfers) and floppy.c (drives). */
#ifndef DEVICES_STORAGE_I82078_H
#define DEVICES_STORAGE_I82078_H
#include "core/block/block.h"
#include "core/machine/device.h"

enum { FDC_UNITS = 2, FD_SECTOR = 512 };
enum fdc_phase { PH_IDLE, PH_COMMAND, PH_WAIT /* host I/O */, PH_EXEC /* data moves */, PH_RESULT };
enum fdc_xfer { FX_NONE, FX_READ, FX_WRITE, FX_VERIFY, FX_FORMAT };
enum fd_type { FD_144, FD_288, FD_120, FD_NONE, FD_AUTO };          /* order of the property's words */

/* Status registers of the result phase. */
enum { ST0_SEEK_END = 0x20, ST0_EQUIPMENT = 0x10, ST0_ABNORMAL = 0x40, ST0_INVALID = 0x80, ST0_POLLED = 0xc0 };
enum { ST1_NO_MARK = 0x01, ST1_WRITE_PROTECT = 0x02, ST1_NO_DATA = 0x04, ST1_DATA_ERROR = 0x20, ST1_END_CYLINDER = 0x80 };
enum { ST2_WRONG_CYLINDER = 0x10, ST2_DATA_ERROR = 0x20 };

/* A drive's slot: what the controller knows of it. */
struct fd_unit {
	struct drive *drive;            /* NULL: no drive at this select */
	uint8_t type;                   /* enum fd_type, resolved */
	/* of the medium; secs 0 = none */
	uint8_t tracks, heads, secs, rate;
	/* guest-visible */
	uint8_t track;                  /* where the head is */
	uint8_t id_sector;              /* last one that passed the head, for READ ID */
	bool    changed;                /* DSKCHG: latched until the head steps with a disk in */
};

struct fdc {
	struct device dev;
	struct bus bus;
	char   bus_name[20];
	struct irq_line irq;
	struct region regs, dir;
	uint32_t iobase, irq_no, dma;   /* properties */
	uint8_t  fdtype[FDC_UNITS], fallback;
	int32_t  bootindex[FDC_UNITS];
	struct fd_unit unit[FDC_UNITS];
	/* guest-visible */
	uint8_t dor, tdr, dsr;          /* dsr: data rate in bits 0-1 */
	uint8_t phase, xfer;
	bool    int_pending;            /* INT wants to be high */
	uint8_t polls;                  /* SENSE INTERRUPT results left after a reset */
	uint8_t seek_done;              /* a bit a drive: seek finished, not sensed yet */
	uint8_t seek_st0[4];
	uint8_t cmd[20], cmd_len, cmd_pos;
	uint8_t result[20], result_len, result_pos;
	uint8_t srt_hut, hlt_nd, config, precomp, perpendicular, eot;
	bool    lock;
	/* transfer */
	uint8_t x_unit, x_head, c, h, r, n, sectors_left;       /* sectors_left: FORMAT */
	bool    mt, tc;
	uint16_t pos, len;
	uint8_t buf[FD_SECTOR];
	/* host side */
	struct block_req req;
	struct iovec iov;
	bool    in_flight;
};

/* i82078.c */
void fdc_update_irq(struct fdc *s);
void fdc_result(struct fdc *s, unsigned len, bool interrupt);          /* result[0, len) to be read */
bool fdc_uses_dma(const struct fdc *s);
/* i82078_xfer.c */
void fdc_start_transfer(struct fdc *s, enum fdc_xfer x);
void fdc_start_format(struct fdc *s);
void fdc_dma_ready(void *arg);
uint8_t fdc_pio_read(struct fdc *s);
void fdc_pio_write(struct fdc *s, uint8_t val);
void fdc_stop_transfer(struct fdc *s);
void fdc_resume(struct fdc *s);                                 /* after loading */
struct fd_unit *fdc_unit(struct fdc *s, unsigned n);            /* NULL: no such drive */
/* floppy.c */
void fdc_bus_init(struct fdc *s);
void fd_medium(struct fdc *s, struct fd_unit *u);               /* look at the medium again */
#endif
