/* smbios.h - the board's SMBIOS tables, handed to the firmware through fw_cfg. */
#ifndef DEVICES_FIRMWARE_SMBIOS_H
#define DEVICES_FIRMWARE_SMBIOS_H
#include "core/machine/error.h"
#include <stdint.h>
struct machine;
/* Bit n of `present`: CPU n is there.  Anew for each start of the firmware, as the ACPI tables. */
bool smbios_add_tables(struct machine *m, uint64_t present, const uint8_t uuid[16], struct error *err);
#endif
