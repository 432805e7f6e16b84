/* i8237.c - ISA DMA: two 8237As and their page registers.
 *
 * Ref: Intel 8237A data sheet (231466), "Register Description"; the page registers are IBM's (PC/AT Technical Reference,
 * "DMA Page Register").  The chip with dshift 1 moves words: its ports are two apart and its addresses count words. */
#include "devices/chipset/i8237.h"
#include "core/machine/machine.h"
#include "devices/chipset/isa.h"
#include <stdlib.h>
#include <string.h>

enum { CHANNELS = 4, CASCADE = 4 };
enum { CTL_COMMAND, CTL_REQUEST, CTL_MASK, CTL_MODE, CTL_CLEAR_FLIPFLOP, CTL_MASTER_CLEAR, CTL_CLEAR_MASK, CTL_MASK_ALL };
enum { CMD_DISABLE = 1 << 2, MODE_AUTO = 1 << 4, MODE_DOWN = 1 << 5, MODE_DIR = 3 << 2, MODE_VERIFY = 0, MODE_WRITE = 1 << 2,
       MODE_READ = 2 << 2, MODE_CASCADE = 3 << 6 };

struct channel { uint16_t base_addr, base_count, addr, count; uint8_t mode, page; };
struct isa_dma_user { void (*ready)(void *arg); void *arg; bool taken, dreq; };
struct i8237 {
	struct device  dev;
	struct region  chan_ports, control_ports, page_ports[2];
	struct isa_dma *pair;
	uint32_t base, page_base, dshift;
	struct channel ch[CHANNELS];
	uint8_t command, mask, request, tc;
	bool    high;                   /* the flip-flop: the next byte is the high one */
};
struct isa_dma { struct i8237 *chip[2]; struct isa_dma_user user[2 * CHANNELS]; };
extern const struct device_desc i8237_desc;

static const struct prop dma_props[] = {
	{ "base", PROP_U32, offsetof(struct i8237, base), "0", "first port", NULL },
	{ "page-base", PROP_U32, offsetof(struct i8237, page_base), "0x80", "first port of the page registers", NULL },
	{ "dshift", PROP_U32, offsetof(struct i8237, dshift), "0", "1 for the chip that moves words", NULL }, { 0 }
};
static const struct state_field channel_state[] = {
	STATE_U16(struct channel, base_addr), STATE_U16(struct channel, base_count), STATE_U16(struct channel, addr),
	STATE_U16(struct channel, count), STATE_U8(struct channel, mode), STATE_U8(struct channel, page), STATE_END
};
static const struct state_field dma_state[] = {
	STATE_STRUCTS(struct i8237, ch, channel_state), STATE_U8(struct i8237, command), STATE_U8(struct i8237, mask),
	STATE_U8(struct i8237, request), STATE_U8(struct i8237, tc), STATE_BOOL(struct i8237, high), STATE_END
};

static struct i8237 *dma_of(struct device *d)
{
	return container_of(d, struct i8237, dev);
}

/* ---- transfers ----------------------------------------------------------------------------------------------------------------- */

static struct i8237 *chip_of(struct machine *m, unsigned channel)
{
	return m->isa_dma && channel < 2 * CHANNELS && channel != CASCADE ? m->isa_dma->chip[channel / CHANNELS] : NULL;
}

static bool can_run(const struct i8237 *c, unsigned n)
{
	return !(c->command & CMD_DISABLE) && !(c->mask >> n & 1) && (c->ch[n].mode & MODE_CASCADE) != MODE_CASCADE &&
	       c->pair->user[n + CHANNELS * c->dshift].dreq;
}

/* Where the next unit goes: the counter wraps inside its 64 K units, the page register stays. */
static uint64_t address(const struct i8237 *c, const struct channel *ch)
{
	return c->dshift ? (uint64_t)(ch->page & 0xfe) << 16 | (uint64_t)ch->addr << 1 : (uint64_t)ch->page << 16 | ch->addr;
}

/* One unit is through: count it, and note the terminal count. */
static bool step(struct i8237 *c, unsigned n)
{
	struct channel *ch = &c->ch[n];

	ch->addr = (uint16_t)(ch->mode & MODE_DOWN ? ch->addr - 1 : ch->addr + 1);
	if (ch->count--)
		return false;
	c->tc |= (uint8_t)(1u << n);
	if (ch->mode & MODE_AUTO) {
		ch->addr = ch->base_addr;
		ch->count = ch->base_count;
	} else {
		c->mask |= (uint8_t)(1u << n);
	}
	return true;
}

static void move_unit(struct machine *m, uint64_t addr, uint8_t *buf, size_t unit, bool to_memory)
{
	size_t n = unit;
	uint8_t *host = space_map_ram(&m->mem, addr, &n, to_memory);

	if (!to_memory)
		memset(buf, 0xff, unit);
	if (!host || n < unit)
		return;                 /* RAM only: no device is entered by DMA */
	if (to_memory) {
		memcpy(host, buf, unit);
		ram_written(m, (uint64_t)(host - m->ram.host), unit);
	} else {
		memcpy(buf, host, unit);
	}
}

static size_t transfer(struct machine *m, unsigned channel, uint8_t *buf, size_t len, bool to_memory, bool *tc)
{
	struct i8237 *c = chip_of(m, channel);
	unsigned n = channel % CHANNELS;
	size_t done = 0, unit = c ? 1u << c->dshift : 1;

	*tc = false;
	if (!c || !can_run(c, n))
		return 0;
	unsigned dir = c->ch[n].mode & MODE_DIR;
	if (dir != MODE_VERIFY && dir != (to_memory ? MODE_WRITE : MODE_READ))
		return 0;
	while (!*tc && done + unit <= len) {
		if (dir != MODE_VERIFY)
			move_unit(m, address(c, &c->ch[n]), buf + done, unit, to_memory);
		else if (!to_memory)
			memset(buf + done, 0, unit);
		done += unit;
		*tc = step(c, n);
	}
	return done;
}

size_t isa_dma_write(struct machine *m, unsigned channel, const void *buf, size_t len, bool *tc)
{
	return transfer(m, channel, (uint8_t *)(uintptr_t)buf, len, true, tc);
}

size_t isa_dma_read(struct machine *m, unsigned channel, void *buf, size_t len, bool *tc)
{
	return transfer(m, channel, buf, len, false, tc);
}

bool isa_dma_attach(struct machine *m, unsigned channel, void (*ready)(void *arg), void *arg)
{
	if (!chip_of(m, channel) || m->isa_dma->user[channel].taken)
		return false;
	m->isa_dma->user[channel] = (struct isa_dma_user){ .ready = ready, .arg = arg, .taken = true };
	return true;
}

void isa_dma_detach(struct machine *m, unsigned channel)
{
	if (chip_of(m, channel))
		m->isa_dma->user[channel] = (struct isa_dma_user){ 0 };
}

void isa_dma_request(struct machine *m, unsigned channel, bool dreq)
{
	if (chip_of(m, channel))
		m->isa_dma->user[channel].dreq = dreq;
}

bool isa_dma_ready(struct machine *m, unsigned channel)
{
	const struct i8237 *c = chip_of(m, channel);

	return c && can_run(c, channel % CHANNELS);
}

/* ---- ports --------------------------------------------------------------------------------------------------------------------- */

/* Channels that wait with DREQ up may run now. */
static void wake(struct i8237 *c)
{
	for (unsigned n = 0; n < CHANNELS; n++) {
		const struct isa_dma_user *u = &c->pair->user[n + CHANNELS * c->dshift];
		if (u->ready && can_run(c, n))
			u->ready(u->arg);
	}
}

static void master_clear(struct i8237 *c)
{
	c->command = c->request = c->tc = 0;
	c->mask = 0x0f;
	c->high = false;
}

static uint64_t chan_read(struct device *d, uint64_t off, unsigned size)
{
	struct i8237 *c = dma_of(d);
	const struct channel *ch = &c->ch[(off >> c->dshift) / 2 & 3];
	uint16_t v = (off >> c->dshift) & 1 ? ch->count : ch->addr;
	bool high = c->high;

	c->high = !high;
	return high ? v >> 8 : v & 0xff;
}

static void chan_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct i8237 *c = dma_of(d);
	struct channel *ch = &c->ch[(off >> c->dshift) / 2 & 3];
	bool count = (off >> c->dshift) & 1;
	uint16_t *base = count ? &ch->base_count : &ch->base_addr;

	*base = c->high ? (uint16_t)((*base & 0xff) | val << 8) : (uint16_t)((*base & 0xff00) | (val & 0xff));
	*(count ? &ch->count : &ch->addr) = *base;
	c->high = !c->high;
}

static uint64_t control_read(struct device *d, uint64_t off, unsigned size)
{
	struct i8237 *c = dma_of(d);
	uint8_t v = c->tc;

	switch (off >> c->dshift) {
	case CTL_COMMAND:               /* status: requests, terminal counts since the last read */
		for (unsigned n = 0; n < CHANNELS; n++)
			v |= c->pair->user[n + CHANNELS * c->dshift].dreq ? 0x10 << n : 0;
		c->tc = 0;
		return v;
	case CTL_MASK_ALL:
		return c->mask | 0xf0;
	default:
		return 0;
	}
}

static void control_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct i8237 *c = dma_of(d);
	uint8_t bit = (uint8_t)(1u << (val & 3));

	switch (off >> c->dshift) {
	case CTL_COMMAND:        c->command = (uint8_t)val; break;
	case CTL_REQUEST:        c->request = val & 4 ? c->request | bit : c->request & ~bit; break;
	case CTL_MASK:           c->mask = val & 4 ? c->mask | bit : c->mask & ~bit; break;
	case CTL_MODE:           c->ch[val & 3].mode = (uint8_t)val; break;
	case CTL_CLEAR_FLIPFLOP: c->high = false; break;
	case CTL_MASTER_CLEAR:   master_clear(c); break;
	case CTL_CLEAR_MASK:     c->mask = 0; break;
	default:                 c->mask = val & 0x0f; break;
	}
	wake(c);
}

/* Offset from 81h (or 89h) of each channel's page register. */
static struct channel *page_channel(struct i8237 *c, const struct region *r, uint64_t off)
{
	static const uint8_t channel_at[8] = { [1] = 2, [2] = 3, [3] = 1, [7] = 0 };

	return &c->ch[channel_at[(r->base - c->page_base + off) & 7]];
}

static uint64_t page_read(struct device *d, uint64_t off, unsigned size)
{
	return page_channel(dma_of(d), &dma_of(d)->page_ports[0], off)->page;
}

static void page_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	page_channel(dma_of(d), &dma_of(d)->page_ports[0], off)->page = (uint8_t)val;
}

static uint64_t page0_read(struct device *d, uint64_t off, unsigned size)
{
	return dma_of(d)->ch[0].page;
}

static void page0_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	dma_of(d)->ch[0].page = (uint8_t)val;
}

static const struct io_ops chan_ops = { chan_read, chan_write, 1, 1 }, control_ops = { control_read, control_write, 1, 1 },
                           page_ops = { page_read, page_write, 1, 1 }, page0_ops = { page0_read, page0_write, 1, 1 };

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */

static bool dma_realize(struct device *d, struct error *err)
{
	struct i8237 *c = dma_of(d);
	struct machine *m = d->machine;

	c->dshift &= 1;
	if (!m->isa_dma && !(m->isa_dma = calloc(1, sizeof *m->isa_dma)))
		abort();
	c->pair = m->isa_dma;
	if (c->pair->chip[c->dshift])
		return error_set(err, "%s: there is a controller with dshift=%u already", d->desc->name, c->dshift);
	c->pair->chip[c->dshift] = c;
	master_clear(c);
	return isa_map(d, &c->chan_ports, "dma-chan", c->base, 8u << c->dshift, &chan_ops, err) &&
	       isa_map(d, &c->control_ports, "dma-cont", c->base + (8u << c->dshift), 8u << c->dshift, &control_ops, err) &&
	       isa_map(d, &c->page_ports[0], "dma-page", c->page_base + 1, 3, &page_ops, err) &&
	       isa_map(d, &c->page_ports[1], "dma-page", c->page_base + 7, 1, &page0_ops, err);
}

static void dma_unrealize(struct device *d)
{
	struct i8237 *c = dma_of(d);
	struct machine *m = d->machine;

	isa_unmap(d, &c->chan_ports);
	isa_unmap(d, &c->control_ports);
	isa_unmap(d, &c->page_ports[0]);
	isa_unmap(d, &c->page_ports[1]);
	c->pair->chip[c->dshift] = NULL;
	if (!c->pair->chip[!c->dshift]) {
		free(m->isa_dma);
		m->isa_dma = NULL;
	}
}

static void dma_reset(struct device *d, enum reset_kind kind)
{
	master_clear(dma_of(d));
}

static bool dma_loaded(struct device *d, struct error *err)
{
	dma_of(d)->mask &= 0x0f;
	return true;
}

const struct device_desc i8237_desc = {
	.name = "i8257", .bus = "ISA", .category = "Misc", .description = "Intel 8237A DMA controller",
	.size = sizeof(struct i8237), .props = dma_props, .state = dma_state, .state_version = 1,
	.realize = dma_realize, .unrealize = dma_unrealize, .reset = dma_reset, .loaded = dma_loaded,
};
