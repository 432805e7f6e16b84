/* i440fx.h - the north bridge as the board wires it. */
#ifndef DEVICES_CHIPSET_I440FX_H
#define DEVICES_CHIPSET_I440FX_H
struct device;
extern const struct device_desc i440fx_desc;
/* The last `len` bytes of the firmware, shown below 1 MB. */
void i440fx_set_bios(struct device *d, const void *tail, unsigned len);
#endif
