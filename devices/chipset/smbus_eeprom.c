/* smbus_eeprom.c - 256-byte serial EEPROM as memory modules carry it.  Ref: Atmel 24C02 data sheet (0180). */
#include "devices/chipset/piix4_pm.h"
#include "devices/chipset/smbus.h"

struct eeprom {
	struct smbus_device smbus;
	uint8_t data[256], at;
};
static const struct prop eeprom_props[] = {
	{ "address", PROP_U8, offsetof(struct eeprom, smbus.address), "0", "address on the bus", NULL }, { 0 }
};
static const struct state_field eeprom_state[] = { STATE_BYTES(struct eeprom, data), STATE_U8(struct eeprom, at), STATE_END };

static struct eeprom *eeprom_of(struct smbus_device *s)
{
	return container_of(s, struct eeprom, smbus);
}

static uint8_t receive(struct smbus_device *s)
{
	struct eeprom *e = eeprom_of(s);

	return e->data[e->at++];
}

static void send(struct smbus_device *s, uint8_t val)
{
	eeprom_of(s)->at = val;
}

static uint8_t read(struct smbus_device *s, uint8_t command)
{
	send(s, command);
	return receive(s);
}

static void write(struct smbus_device *s, uint8_t command, uint8_t val)
{
	eeprom_of(s)->data[command] = val;
	eeprom_of(s)->at = (uint8_t)(command + 1);
}

static bool eeprom_realize(struct device *d, struct error *err)
{
	struct smbus_device *s = container_of(d, struct smbus_device, dev);

	s->receive = receive;
	s->send = send;
	s->read = read;
	s->write = write;
	return true;
}

static void eeprom_reset(struct device *d, enum reset_kind kind)
{
	eeprom_of(container_of(d, struct smbus_device, dev))->at = 0;
}

const struct device_desc smbus_eeprom_desc = {
	.name = "smbus-eeprom", .bus = "i2c-bus", .category = "Misc", .description = "256-byte serial EEPROM",
	.size = sizeof(struct eeprom), .user_creatable = true, .props = eeprom_props, .state = eeprom_state, .state_version = 1,
	.realize = eeprom_realize, .reset = eeprom_reset,
};
