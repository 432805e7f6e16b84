/* piix4_pm.h - the power management function as the board wires it. */
#ifndef DEVICES_CHIPSET_PIIX4_PM_H
#define DEVICES_CHIPSET_PIIX4_PM_H
#include "core/machine/irq.h"
struct device;
extern const struct device_desc piix4_pm_desc, smbus_eeprom_desc;
void piix4_pm_set_sci(struct device *d, struct irq_line sci);   /* before realize */
#endif
