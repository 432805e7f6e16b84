/* registry.c - every device and every board there is, as two constant tables.  A new device adds its declaration and its row. */
#include "core/machine/machine.h"

extern const struct device_desc pc_board_desc, pc_glue_desc, lapic_desc, ioapic_desc, pci_host_desc, i440fx_desc, piix3_desc, piix4_pm_desc,
	smbus_eeprom_desc, fw_cfg_desc;
extern const struct device_desc i8237_desc, i8259_desc, i8254_desc, pcspk_desc, mc146818_desc, port92_desc, hpet_desc;
extern const struct device_desc isa_serial_desc, pci_serial_desc, pci_serial_2x_desc, pci_serial_4x_desc;
extern const struct device_desc virtio_serial_pci_desc, virtio_serial_pci_transitional_desc, virtio_serial_pci_non_transitional_desc;
extern const struct device_desc virtconsole_desc, virtserialport_desc;
extern const struct device_desc isa_parallel_desc, isa_debugcon_desc, isa_debug_exit_desc, pc_testdev_desc, i8042_desc;
extern const struct device_desc ide_hd_desc, ide_cd_desc, piix3_ide_desc, isa_fdc_desc, floppy_desc, vga_desc, pci_testdev_desc;

const struct device_desc *const device_descs[] = {
	&pc_board_desc, &pc_glue_desc, &lapic_desc, &ioapic_desc, &pci_host_desc, &i440fx_desc, &piix3_desc, &piix4_pm_desc,
	&smbus_eeprom_desc, &fw_cfg_desc,
	&i8237_desc, &i8259_desc, &i8254_desc, &pcspk_desc, &mc146818_desc, &port92_desc, &hpet_desc,
	&isa_serial_desc, &pci_serial_desc, &pci_serial_2x_desc, &pci_serial_4x_desc,
	&virtio_serial_pci_desc, &virtio_serial_pci_transitional_desc, &virtio_serial_pci_non_transitional_desc, &virtconsole_desc, &virtserialport_desc,
	&isa_parallel_desc, &isa_debugcon_desc, &isa_debug_exit_desc, &pc_testdev_desc, &i8042_desc,
	&ide_hd_desc, &ide_cd_desc, &piix3_ide_desc, &isa_fdc_desc, &floppy_desc, &vga_desc, &pci_testdev_desc,
	NULL
};

bool pc_build(struct machine *m, struct error *err);
/* Nothing at all: for programs that only want to know what this one can do. */
static bool none_build(struct machine *m, struct error *err) { return true; }
const struct board boards[] = {
	{ "pc", "pc-i440fx-7.2", "Standard PC (i440FX + PIIX, 1996)", pc_build },
	{ "none", NULL, "empty machine", none_build },
	{ 0 }
};
