/* storage.h - what a board needs from the disk controllers: put drives on them, tell CMOS about them. */
#ifndef DEVICES_STORAGE_STORAGE_H
#define DEVICES_STORAGE_STORAGE_H
#include "core/machine/device.h"
#include "core/machine/text.h"

extern const struct device_desc piix3_ide_desc, ide_hd_desc, ide_cd_desc, isa_fdc_desc, floppy_desc;

/* Make ide-hd and ide-cd devices for the -drive if=ide drives on the two buses of `ide` ("ide.0", "ide.1"), and floppy devices for
 * if=floppy on `fdc`.  Call after both controllers are realized.  `defaults` (no -nodefaults): also the empty ide1-cd0 and
 * floppy0 of a PC. */
bool storage_add_ide_drives(struct machine *m, struct device *ide, bool defaults, struct error *err);
bool storage_add_floppies(struct machine *m, struct device *fdc, bool defaults, struct error *err);

/* CMOS 10h: types of the two floppy drives (4 = 1.44 MB, 5 = 2.88 MB, 2 = 1.2 MB) in the high and low nibble. */
uint8_t storage_cmos_floppies(struct device *fdc);
/* Hard disk n (0-3: bus n / 2, unit n & 1): false when it is not there.  Translation: 0 none, 1 LBA, 2 large, 3 rechs, as CMOS 39h
 * carries it for SeaBIOS, two bits a disk. */
struct disk_geometry { unsigned cyls, heads, secs, translation; };
bool storage_disk_geometry(struct device *ide, unsigned n, struct disk_geometry *g);

/* The drives' lines of fw_cfg's "bootorder", by bootindex: OpenFirmware paths as SeaBIOS knows them.  False: an index was given twice. */
bool storage_boot_order(struct machine *m, struct text *out, struct error *err);
#endif
