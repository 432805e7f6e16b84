/* smbus.c - SMBus host controller of the PIIX4: one transaction at a time, done at once.
 *
 * Ref: Intel 82371AB PIIX4 (290562), section 7.3 "SMBus I/O Space Registers"; System Management Bus Specification 2.0. */
#include "devices/chipset/smbus.h"
#include <string.h>

enum { HST_STS = 0x00, HST_CNT = 0x02, HST_CMD = 0x03, HST_ADD = 0x04, HST_DAT0 = 0x05, HST_DAT1 = 0x06, BLK_DAT = 0x07 };
enum { STS_BUSY = 1 << 0, STS_INTR = 1 << 1, STS_DEV_ERR = 1 << 2, STS_BUS_ERR = 1 << 3, STS_FAILED = 1 << 4,
       STS_W1C = STS_INTR | STS_DEV_ERR | STS_BUS_ERR | STS_FAILED };
enum { CNT_KILL = 1 << 1, CNT_START = 1 << 6, PROTO_QUICK = 0, PROTO_BYTE, PROTO_BYTE_DATA, PROTO_WORD_DATA, PROTO_BLOCK = 5 };

const struct state_field smbus_state[] = {
	STATE_U8(struct smbus, status), STATE_U8(struct smbus, control), STATE_U8(struct smbus, command), STATE_U8(struct smbus, address),
	STATE_U8(struct smbus, data0), STATE_U8(struct smbus, data1), STATE_BYTES(struct smbus, block),
	STATE_U8(struct smbus, block_index), STATE_END
};

static struct smbus_device *find(struct smbus *s, uint8_t address)
{
	for (struct device *d = s->bus.children; d; d = d->sibling) {
		struct smbus_device *dev = container_of(d, struct smbus_device, dev);
		if (dev->address == address)
			return dev;
	}
	return NULL;
}

static void block_transfer(struct smbus *s, struct smbus_device *d, bool read)
{
	if (!read) {
		for (unsigned i = 0; i < s->data0 && i < sizeof s->block; i++)
			d->write(d, (uint8_t)(s->command + i), s->block[i]);
	} else {
		s->data0 = sizeof s->block;
		for (unsigned i = 0; i < sizeof s->block; i++)
			s->block[i] = d->read(d, (uint8_t)(s->command + i));
	}
	s->block_index = 0;
}

/* "START": carry the transaction out. */
static void transact(struct smbus *s)
{
	struct smbus_device *d = find(s, s->address >> 1);
	bool read = s->address & 1;
	unsigned protocol = s->control >> 2 & 7;

	if (!d || protocol == 4 || protocol > PROTO_BLOCK) {
		s->status |= STS_DEV_ERR;       /* nobody acknowledged */
		return;
	}
	switch (protocol) {
	case PROTO_BYTE:
		if (read)
			s->data0 = d->receive(d);
		else
			d->send(d, s->command);
		break;
	case PROTO_BYTE_DATA:
		if (read)
			s->data0 = d->read(d, s->command);
		else
			d->write(d, s->command, s->data0);
		break;
	case PROTO_WORD_DATA:
		if (read) {
			s->data0 = d->read(d, s->command);
			s->data1 = d->read(d, (uint8_t)(s->command + 1));
		} else {
			d->write(d, s->command, s->data0);
			d->write(d, (uint8_t)(s->command + 1), s->data1);
		}
		break;
	case PROTO_BLOCK:
		block_transfer(s, d, read);
		break;
	default:
		break;                          /* quick: the address alone */
	}
	s->status |= STS_INTR;
}

uint8_t smbus_read(struct smbus *s, unsigned off)
{
	uint8_t v;

	switch (off) {
	case HST_STS:  return s->status;
	case HST_CNT:  s->block_index = 0; return s->control & 0x1f;    /* reading it rewinds the block buffer */
	case HST_CMD:  return s->command;
	case HST_ADD:  return s->address;
	case HST_DAT0: return s->data0;
	case HST_DAT1: return s->data1;
	case BLK_DAT:
		v = s->block[s->block_index];
		s->block_index = (s->block_index + 1) % sizeof s->block;
		return v;
	default:       return 0;
	}
}

void smbus_write(struct smbus *s, unsigned off, uint8_t val)
{
	switch (off) {
	case HST_STS:  s->status &= ~(val & STS_W1C); break;
	case HST_CNT:
		s->control = val & ~CNT_START;
		if (val & CNT_KILL)
			s->status |= STS_FAILED;
		else if (val & CNT_START)
			transact(s);
		break;
	case HST_CMD:  s->command = val; break;
	case HST_ADD:  s->address = val; break;
	case HST_DAT0: s->data0 = val; break;
	case HST_DAT1: s->data1 = val; break;
	case BLK_DAT:
		s->block[s->block_index] = val;
		s->block_index = (s->block_index + 1) % sizeof s->block;
		break;
	default:       break;
	}
}

void smbus_init(struct smbus *s, struct device *parent)
{
	bus_init(&s->bus, "i2c-bus", "i2c", parent);
}

void smbus_reset(struct smbus *s)
{
	s->status = s->control = s->command = s->address = s->data0 = s->data1 = s->block_index = 0;
	memset(s->block, 0, sizeof s->block);
}

void smbus_loaded(struct smbus *s)
{
	s->block_index %= sizeof s->block;
	s->status &= STS_W1C;
}
