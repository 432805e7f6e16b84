/* ide.h - an IDE channel with its two devices.  Ref: ATA/ATAPI-7 (T13/1532D) volumes 1 and 2.
 *
 *   controller (piix_ide.c)      ports and bus master: calls ide_bus_*, offers struct ide_dma_ops
 *   channel    (ide_bus.c)       task file, selection, interrupt, PIO data port: calls struct ide_ops of a device
 *   devices    (ide_disk.c, ide_cd.c)  commands: use the ide_* helpers */
#ifndef DEVICES_STORAGE_IDE_H
#define DEVICES_STORAGE_IDE_H
#include "core/block/block.h"
#include "core/machine/device.h"

enum { ATA_ERR = 1, ATA_DRQ = 8, ATA_DSC = 0x10, ATA_DF = 0x20, ATA_DRDY = 0x40, ATA_BSY = 0x80 };          /* status */
enum { ER_ABRT = 4, ER_IDNF = 0x10, ER_UNC = 0x40, ER_ICRC = 0x80 };                                        /* error */
enum { DEV_UNIT = 0x10, DEV_LBA = 0x40 };                                                                   /* device (1f6h) */
enum { CTL_NIEN = 2, CTL_SRST = 4, CTL_HOB = 0x80 };                                                        /* device control (3f6h) */
enum { IDE_BUF = 64 * 1024, IDE_SEGS = 1024 };
enum ide_xfer { XFER_NONE, XFER_TO_HOST, XFER_TO_DEVICE };

struct ide_bus;
struct ide_device;

/* A piece of a DMA transfer: guest memory as a scatter list.  What is not RAM goes through `bounce`. */
struct ide_sg {
	struct iovec iov[IDE_SEGS];
	uint64_t addr[IDE_SEGS];
	int      n;
	uint32_t bytes;
	bool     to_guest;
	uint8_t *bounce;                /* owned; holds every segment that is not plain RAM, one after another */
	size_t   bounce_len;
};

/* What the controller does for a device that transfers by DMA. */
struct ide_dma_ops {
	bool     (*active)(struct ide_bus *b);
	/* Map the next piece: at most max bytes and a multiple of unit.  0: the table gave out. */
	uint32_t (*map)(struct ide_bus *b, struct ide_sg *sg, uint32_t max, uint32_t unit, bool to_guest);
	/* The piece is through (ok: memory was written or read, go on behind it) or was dropped. */
	void     (*unmap)(struct ide_bus *b, struct ide_sg *sg, bool ok);
	void     (*finished)(struct ide_bus *b);        /* the device has no more data */
	void     (*intrq)(struct ide_bus *b);           /* INTRQ rose */
};

struct ide_ops {
	void (*command)(struct ide_device *d, uint8_t cmd);
	void (*block_done)(struct ide_device *d);       /* the host moved the last byte of a DRQ block */
	void (*dma_go)(struct ide_device *d);           /* the bus master runs, or runs again */
	void (*io_done)(struct ide_device *d, int result);
	void (*resume)(struct ide_device *d);           /* after loading: go on with `op` */
	void (*reset)(struct ide_device *d, bool hard); /* own fields; the task file is done by the channel */
	bool packet;                                    /* ATAPI: other signature, DEVICE RESET exists */
};

struct ide_bus {
	struct bus bus;
	struct ide_device *unit[2];
	struct irq_line irq;
	const struct ide_dma_ops *dma;
	char    name[8];
	unsigned number;                                /* 0 primary, 1 secondary */
	bool    intrq;                                  /* level on the wire */
	/* guest-visible */
	uint8_t selected, control;
};
extern const struct state_field ide_bus_state[];

/* Every IDE device struct starts with this. */
struct ide_device {
	struct device dev;
	struct ide_bus *bus;
	const struct ide_ops *ops;
	struct drive *drive;                            /* property */
	char    *serial, *model, *ver;                  /* properties */
	uint64_t wwn;
	int32_t  bootindex;
	uint32_t unit;                                  /* property; UINT32_MAX = first free */
	uint8_t  werror, rerror, write_cache;           /* properties: words of ide_error_words and ide_switch_words */
	/* The task file as the host wrote it and, for 48-bit commands, what was there before. */
	uint8_t  feature, nsector, lba[3], select, status, error;
	uint8_t  hob_feature, hob_nsector, hob_lba[3];
	bool     irq;                                   /* interrupt pending */
	/* A PIO data phase: buf[pos, block_end) is the DRQ block, buf[0, len) what there is. */
	uint8_t  xfer;
	uint32_t pos, block_end, len;
	uint8_t  op;                                    /* the device's own: which command goes on */
	bool     dma_wait;                              /* wants the bus master */
	uint8_t  buf[IDE_BUF];
	/* host side */
	struct block_req req;
	struct iovec iov;
	bool     in_flight;
	struct ide_sg sg;
	bool     sg_mapped;
};
extern const struct state_field ide_device_state[];
#define IDE_PROPS(s) \
	{ "drive", PROP_DRIVE, offsetof(s, ide.drive), NULL, "the -drive it uses", NULL }, \
	{ "serial", PROP_STRING, offsetof(s, ide.serial), NULL, "serial number, 20 characters", NULL }, \
	{ "model", PROP_STRING, offsetof(s, ide.model), NULL, "model name, 40 characters", NULL }, \
	{ "ver", PROP_STRING, offsetof(s, ide.ver), "2.5+", "firmware revision, 8 characters", NULL }, \
	{ "wwn", PROP_U64, offsetof(s, ide.wwn), "0", "world wide name, 0 for none", NULL }, \
	{ "bootindex", PROP_I32, offsetof(s, ide.bootindex), "-1", "place in the boot order, -1 for none", NULL }, \
	{ "unit", PROP_U32, offsetof(s, ide.unit), "4294967295", "0 master, 1 slave; the first free one by default", NULL }, \
	{ "werror", PROP_ENUM, offsetof(s, ide.werror), "auto", "what is done when the host cannot write; auto: what the drive says", ide_error_words }, \
	{ "rerror", PROP_ENUM, offsetof(s, ide.rerror), "auto", "what is done when the host cannot read; auto: what the drive says", ide_error_words }, \
	{ "write-cache", PROP_ENUM, offsetof(s, ide.write_cache), "auto", "off: each write reaches the medium before it is done", ide_switch_words }
extern const char *const ide_error_words[], *const ide_switch_words[];

/* ---- controller's side: offset 0-7 of the command block, and the control block's one register */
void     ide_bus_init(struct ide_bus *b, struct device *parent, unsigned number, const struct ide_dma_ops *dma);
void     ide_bus_reset(struct ide_bus *b);
uint32_t ide_read(struct ide_bus *b, unsigned off, unsigned size);
void     ide_write(struct ide_bus *b, unsigned off, unsigned size, uint32_t val);
uint8_t  ide_alt_status(struct ide_bus *b);
void     ide_write_control(struct ide_bus *b, uint8_t val);
void     ide_dma_started(struct ide_bus *b);
void     ide_dma_stopped(struct ide_bus *b);
void     ide_bus_loaded(struct ide_bus *b);

/* ---- devices' side */
bool ide_device_realize(struct ide_device *d, const struct ide_ops *ops, const char *default_model, struct error *err);
void ide_device_unrealize(struct ide_device *d);
void ide_device_reset(struct ide_device *d);
bool ide_device_loaded(struct ide_device *d, struct error *err);
void ide_signature(struct ide_device *d);
void ide_raise(struct ide_device *d);                           /* interrupt */
void ide_finish(struct ide_device *d);                          /* command done, status good, interrupt */
void ide_fail(struct ide_device *d, uint8_t error);             /* command done, ERR, interrupt */
void ide_busy(struct ide_device *d);                            /* BSY until finish, fail or a data phase */
/* A DRQ block buf[pos, pos + len) towards the host or from it; `raise`: with an interrupt. */
void ide_block(struct ide_device *d, enum ide_xfer dir, uint32_t pos, uint32_t len, bool raise);
/* Host I/O from or to buf + pos; io_done follows. */
void ide_submit_buf(struct ide_device *d, enum block_op op, uint64_t offset, uint32_t pos, uint32_t len);
/* DMA: wait for the bus master, map and submit; or copy a piece of buf. */
bool ide_dma_claim(struct ide_device *d);                       /* false: the other device has the bus master */
bool ide_dma_submit(struct ide_device *d, enum block_op op, uint64_t offset, uint32_t max, uint32_t unit);
uint32_t ide_dma_copy(struct ide_device *d, uint32_t pos, uint32_t len, bool to_guest);
void ide_dma_finished(struct ide_device *d);
void ide_cancel(struct ide_device *d);                          /* drop what is in flight, end data phases */
/* IDENTIFY data: strings are padded and byte-swapped; word 255 gets its checksum. */
void ide_put_word(uint8_t *id, unsigned word, uint16_t val);
void ide_put_text(uint8_t *id, unsigned word, unsigned chars, const char *s);
void ide_put_checksum(uint8_t *id);
#endif
