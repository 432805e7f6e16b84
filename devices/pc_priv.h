/* pc_priv.h - the board "pc" as its files share it: pc.c (devices), pc_firmware.c (BIOS, CMOS, fw_cfg). */
#ifndef DEVICES_PC_PRIV_H
#define DEVICES_PC_PRIV_H
#include "core/machine/machine.h"
#include "devices/chipset/hpet.h"
#include "devices/chipset/piix4_pm.h"

struct pc {
	struct device dev;              /* "pc-board": what belongs to no chip */
	struct region ram[3], bios;
	struct listener listener;
	struct info_hook roms;
	struct device *glue, *i440fx, *fdc, *ide;
	unsigned n_cpus, n_places;      /* -smp; with those that may be plugged in */
	uint64_t enabled;               /* CPUs that the firmware's tables tell of */
	bool booted_once;               /* -boot once= is used up */
};
extern const struct device_desc pc_board_desc;

bool pc_build(struct machine *m, struct error *err);
bool pc_load_bios(struct pc *pc, struct error *err);            /* before the devices that hold option ROMs */
bool pc_fill_cmos(struct pc *pc, struct error *err);            /* after all devices */
bool pc_fill_fw_cfg(struct pc *pc, struct error *err);
#endif
