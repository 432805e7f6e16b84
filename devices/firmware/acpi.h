/* acpi.h - the board's ACPI tables, handed to the firmware through fw_cfg. */
#ifndef DEVICES_FIRMWARE_ACPI_H
#define DEVICES_FIRMWARE_ACPI_H
#include "core/machine/error.h"
#include <stdint.h>
struct machine;
/* What the DSDT shows: bits 0-3 COM1-4, 4-6 LPT1-3, 7 HPET, 8 floppy controller. */
enum { ACPI_COM1 = 1 << 0, ACPI_LPT1 = 1 << 4, ACPI_HPET = 1 << 7, ACPI_FLOPPY = 1 << 8 };
/* n_places: CPUs that are there and places for more; bit n of `enabled`: there is one.  may_come: others may be plugged in.  Anew for each start of the
 * firmware: the files of before are replaced. */
bool acpi_add_tables(struct machine *m, unsigned n_places, uint64_t enabled, bool may_come, uint32_t devices, struct error *err);
#endif
