/* smbus.h - the PIIX4's SMBus host and the devices on its bus. */
#ifndef DEVICES_CHIPSET_SMBUS_H
#define DEVICES_CHIPSET_SMBUS_H
#include "core/machine/device.h"

/* What a device on the bus does: byte commands at an internal address. */
struct smbus_device {
	struct device dev;              /* first */
	uint8_t address;                /* 7 bits */
	uint8_t (*receive)(struct smbus_device *s);
	void    (*send)(struct smbus_device *s, uint8_t val);
	uint8_t (*read)(struct smbus_device *s, uint8_t command);
	void    (*write)(struct smbus_device *s, uint8_t command, uint8_t val);
};
struct smbus {
	struct bus bus;                 /* "i2c" */
	uint8_t status, control, command, address, data0, data1, block[32], block_index;
};
extern const struct state_field smbus_state[];
void smbus_init(struct smbus *s, struct device *parent);
void smbus_reset(struct smbus *s);
void smbus_loaded(struct smbus *s);
uint8_t smbus_read(struct smbus *s, unsigned off);
void smbus_write(struct smbus *s, unsigned off, uint8_t val);
#endif
