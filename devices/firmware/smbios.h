/* smbios.h - the board's SMBIOS tables, handed to the firmware through fw_cfg. */
#ifndef DEVICES_FIRMWARE_SMBIOS_H
#define DEVICES_FIRMWARE_SMBIOS_H
#include "core/machine/error.h"
#include <stdint.h>
struct machine;
bool smbios_add_tables(struct machine *m, unsigned n_cpus, const uint8_t uuid[16], struct error *err);
#endif
