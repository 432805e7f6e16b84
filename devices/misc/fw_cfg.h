/* fw_cfg.h - the firmware configuration device: what boards and devices hand to SeaBIOS and to guests. */
#ifndef DEVICES_MISC_FW_CFG_H
#define DEVICES_MISC_FW_CFG_H
#include "core/machine/error.h"
#include <stddef.h>
#include <stdint.h>
struct device;
struct machine;
extern const struct device_desc fw_cfg_desc;

/* Numbered items; the rest are files. */
enum fw_cfg_key {
	FW_CFG_SIGNATURE = 0x00, FW_CFG_ID = 0x01, FW_CFG_UUID = 0x02, FW_CFG_RAM_SIZE = 0x03, FW_CFG_NOGRAPHIC = 0x04,
	FW_CFG_NB_CPUS = 0x05, FW_CFG_KERNEL_ADDR = 0x07, FW_CFG_KERNEL_SIZE = 0x08, FW_CFG_INITRD_ADDR = 0x0a,
	FW_CFG_INITRD_SIZE = 0x0b, FW_CFG_BOOT_MENU = 0x0e, FW_CFG_MAX_CPUS = 0x0f, FW_CFG_KERNEL_ENTRY = 0x10,
	FW_CFG_KERNEL_DATA = 0x11, FW_CFG_INITRD_DATA = 0x12, FW_CFG_CMDLINE_ADDR = 0x13, FW_CFG_CMDLINE_SIZE = 0x14,
	FW_CFG_CMDLINE_DATA = 0x15, FW_CFG_SETUP_ADDR = 0x16, FW_CFG_SETUP_SIZE = 0x17, FW_CFG_SETUP_DATA = 0x18,
	FW_CFG_FILE_DIR = 0x19, FW_CFG_FILE_FIRST = 0x20, FW_CFG_IRQ0_OVERRIDE = 0x8002, FW_CFG_HPET = 0x8004,
};
/* Machine lock held for all; m->fw_cfg must exist.  Data is copied. */
void fw_cfg_add(struct machine *m, unsigned key, const void *data, size_t len);
void fw_cfg_add_u16(struct machine *m, unsigned key, uint16_t v);
void fw_cfg_add_u32(struct machine *m, unsigned key, uint32_t v);
void fw_cfg_add_u64(struct machine *m, unsigned key, uint64_t v);
/* A named file (at most 55 characters); replaces one of the same name.  False: too many files or too long a name. */
bool fw_cfg_add_file(struct machine *m, const char *name, const void *data, size_t len, struct error *err);
/* The data of a file or NULL. */
const void *fw_cfg_file(struct machine *m, const char *name, size_t *len);
/* The files of -fw_cfg. */
bool fw_cfg_add_options(struct machine *m, struct error *err);
#endif
