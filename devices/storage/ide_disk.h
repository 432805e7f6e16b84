/* ide_disk.h - ATA disk: shared by ide_disk.c (commands, transfers) and ide_identify.c (what it says about itself). */
#ifndef DEVICES_STORAGE_IDE_DISK_H
#define DEVICES_STORAGE_IDE_DISK_H
#include "devices/storage/ide.h"

enum { MAX_MULTIPLE = 16 };
struct ide_hd {
	struct ide_device ide;
	/* properties; 0 = guessed */
	uint32_t cyls, heads, secs, lcyls, lheads, lsecs;
	uint8_t  translation;                           /* enum of bios-chs-trans, 0 auto */
	uint16_t rotation_rate;
	uint64_t sectors;
	unsigned bios_translation;                      /* resolved, for CMOS */
	/* guest-visible */
	uint32_t cur_heads, cur_secs;                   /* INITIALIZE DEVICE PARAMETERS */
	uint8_t  multiple;                              /* sectors a block, 0 = not set */
	uint8_t  dma_mode;                              /* SET FEATURES 03h: 20h+n multiword, 40h+n Ultra */
	bool     write_cache, look_ahead, smart, smart_autosave;
	/* the command under way */
	uint64_t next;                                  /* sector */
	uint32_t left;                                  /* sectors */
	uint32_t per_block;                             /* sectors in a DRQ block */
	bool     ext, fua, single;                      /* single: a read failed, go sector by sector to the bad one */
};

void hd_guess_geometry(struct ide_hd *h);
void hd_identify(struct ide_hd *h, uint8_t *id);
void hd_smart(struct ide_hd *h);                        /* command B0h */
struct disk_geometry;
bool ide_hd_geometry(const struct device *dev, struct disk_geometry *g);       /* false: not an ide-hd */
#endif
