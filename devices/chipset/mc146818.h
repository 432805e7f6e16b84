/* mc146818.h - what the board leaves in CMOS, and what it asks of the clock chip. */
#ifndef DEVICES_CHIPSET_MC146818_H
#define DEVICES_CHIPSET_MC146818_H
#include <stdbool.h>
#include <stdint.h>
struct device;
extern const struct device_desc mc146818_desc;
/* Set or get a byte of CMOS RAM (0eh-7fh); machine lock held. */
void    mc146818_set_cmos(struct device *d, unsigned index, uint8_t val);
uint8_t mc146818_get_cmos(struct device *d, unsigned index);
/* Bit 7 of port 70h: the guest holds off NMI. */
bool    mc146818_nmi_masked(const struct device *d);
#endif
