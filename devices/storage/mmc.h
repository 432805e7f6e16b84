/* mmc.h - a CD/DVD drive as SCSI commands see it, whatever carries them.  Ref: MMC-5 (T10/1675D), SPC-3 (T10/1416D). */
#ifndef DEVICES_STORAGE_MMC_H
#define DEVICES_STORAGE_MMC_H
#include "core/block/block.h"
#include "core/machine/state.h"

enum { CD_SECTOR = 2048, CD_RAW_SECTOR = 2352, MMC_CDB = 12 };
enum sense_key { SENSE_NONE, SENSE_RECOVERED, SENSE_NOT_READY, SENSE_MEDIUM_ERROR, SENSE_HARDWARE_ERROR, SENSE_ILLEGAL_REQUEST,
	SENSE_UNIT_ATTENTION };

/* What a command wants moved. */
enum mmc_kind {
	MMC_GOOD,               /* nothing: done */
	MMC_CHECK,              /* nothing: sense data tells */
	MMC_DATA_IN,            /* reply[0, len) to the host */
	MMC_DATA_OUT,           /* len bytes from the host, then mmc_data_out() */
	MMC_READ                /* `count` sectors from `lba`, `sector` bytes each as mmc_fill_raw makes them (or plain 2048) */
};
struct mmc_result { enum mmc_kind kind; uint32_t len, lba, count, sector; };

struct mmc {
	struct drive *drive;
	struct device *dev;
	const char *vendor, *product, *revision;
	/* guest-visible */
	uint8_t key, asc, ascq;                         /* of the last command that failed */
	uint8_t raw_flags;                              /* byte 9 of READ CD: what the sectors carry */
	bool    attention_reset, attention_medium;      /* unit attentions to come */
	bool    event_new_media, event_removal, event_request;  /* for GET EVENT STATUS NOTIFICATION */
	uint8_t pending_op;                             /* command whose data phase goes out */
};
extern const struct state_field mmc_state[];

void mmc_init(struct mmc *m, struct drive *d, struct device *dev);
void mmc_reset(struct mmc *m);
/* Carry out a command.  Replies are built in reply (size bytes, at least 4096). */
struct mmc_result mmc_command(struct mmc *m, const uint8_t *cdb, uint8_t *reply, uint32_t size);
struct mmc_result mmc_data_out(struct mmc *m, const uint8_t *data, uint32_t len);
struct mmc_result mmc_read_failed(struct mmc *m, int result);
/* A raw sector around 2048 bytes of user data: sync, header, data, room for EDC and ECC (left zero), as raw_flags asks. */
void mmc_fill_raw(const struct mmc *m, uint8_t *out, const uint8_t *data, uint32_t lba);
/* The drive's medium went or came; the monitor asked for it. */
void mmc_medium_changed(struct mmc *m, bool loaded);
void mmc_eject_requested(struct mmc *m);
#endif
