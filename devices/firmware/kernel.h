/* kernel.h - -kernel, -initrd, -append: what they name is put into fw_cfg, with a ROM that boots it. */
#ifndef DEVICES_FIRMWARE_KERNEL_H
#define DEVICES_FIRMWARE_KERNEL_H
#include "core/machine/error.h"
struct machine;
/* Nothing without -kernel.  After RAM and fw_cfg exist.  *rom is the name of the boot ROM's file, or NULL. */
bool kernel_add(struct machine *m, const char **rom, struct error *err);
#endif
