/* i8254.c - programmable interval timer, ports 40h-43h.
 *
 * Ref: Intel 8254 data sheet (231164), "Mode Definitions", "Read Operations", "Operations Common to All Modes".
 *
 * Nothing counts down here: a counter is the tick of the 1.193182 MHz clock at which it was loaded, and what software or the
 * interrupt wire sees is computed from that.  A timer runs only for the next edge of OUT 0. */
#include "devices/chipset/i8254.h"
#include "core/machine/machine.h"
#include "devices/chipset/isa.h"
#include "devices/chipset/lost_ticks.h"

enum { PIT_HZ = 1193182, MIN_EDGE_NS = 5000, PORT_CONTROL = 3, PORT_COUNT };
enum { CTL_BCD = 1u << 0, CTL_READBACK = 3, RB_NO_COUNT = 1u << 5, RB_NO_STATUS = 1u << 4, STATUS_OUT = 0x80, STATUS_NULL = 0x40 };
enum access { ACCESS_LATCH, ACCESS_LSB, ACCESS_MSB, ACCESS_BOTH };

struct counter {
	uint8_t  mode, access, bcd;
	bool     gate;
	bool     loaded;                /* a count was written since the control word */
	bool     counting;              /* the clock reaches the counter (gate, trigger) */
	uint32_t count;                 /* initial count, 1 to 65536 */
	uint32_t next_count;            /* modes 2 and 3: written while counting, used from the next cycle on; 0 = none */
	uint64_t switch_at;             /* tick at which it takes over */
	uint64_t start;                 /* tick at which counting (re)started, while counting */
	uint64_t held;                  /* ticks it had counted when it was stopped */
	uint8_t  write_lsb;             /* first byte of a two-byte write */
	bool     write_second, read_second;
	bool     count_latched, status_latched, latch_second;
	uint16_t latch;
	uint8_t  status;
};
struct pit {
	struct device   dev;
	struct region   ports;
	struct irq_line out0;
	struct timer    edge;           /* next change of OUT 0, or one that is made up for; derived */
	bool     waiting;               /* the last rise was not taken when this was last looked at; derived */
	uint32_t iobase;
	struct counter  ch[3];
	bool     out0_connected;
	uint8_t  lost_tick_policy;
	uint64_t seen;                  /* tick up to which rises of OUT 0 are accounted for */
	uint32_t owed;                  /* rises that nobody has seen yet */
};
enum { TICKS_DELAY, TICKS_DISCARD };

static const char *const tick_policies[] = { "delay", "discard", NULL };
static const struct prop pit_props[] = {
	{ "iobase", PROP_U32, offsetof(struct pit, iobase), "0x40", "first of the four ports", NULL },
	{ "lost_tick_policy", PROP_ENUM, offsetof(struct pit, lost_tick_policy), "delay",
	  "what happens to periodic interrupts that came too late or were not taken in time", tick_policies },
	{ 0 }
};
static const struct state_field counter_state[] = {
	STATE_U8(struct counter, mode), STATE_U8(struct counter, access), STATE_U8(struct counter, bcd), STATE_BOOL(struct counter, gate),
	STATE_BOOL(struct counter, loaded), STATE_BOOL(struct counter, counting), STATE_U32(struct counter, count),
	STATE_U32(struct counter, next_count), STATE_U64(struct counter, switch_at), STATE_U64(struct counter, start), STATE_U64(struct counter, held),
	STATE_U8(struct counter, write_lsb), STATE_BOOL(struct counter, write_second), STATE_BOOL(struct counter, read_second),
	STATE_BOOL(struct counter, count_latched), STATE_BOOL(struct counter, status_latched), STATE_BOOL(struct counter, latch_second),
	STATE_U16(struct counter, latch), STATE_U8(struct counter, status), STATE_END
};
static const struct state_field pit_state[] = {
	STATE_STRUCTS(struct pit, ch, counter_state), STATE_BOOL(struct pit, out0_connected),
	STATE_U64(struct pit, seen), STATE_U32(struct pit, owed), STATE_END
};

static struct pit *pit_of(struct device *d)
{
	return container_of(d, struct pit, dev);
}

static uint64_t tick_now(struct pit *p)
{
	return mul_div64((uint64_t)clock_now(&p->dev.machine->clock), PIT_HZ, NS_PER_SEC);
}

/* ---- one counter --------------------------------------------------------------------------------------------------------------- */

static uint64_t elapsed(const struct counter *c, uint64_t now)
{
	return c->counting ? c->held + (now - c->start) : c->held;
}

static void stop(struct counter *c, uint64_t now)
{
	c->held = elapsed(c, now);
	c->counting = false;
}

static void start(struct counter *c, uint64_t now, uint64_t held)
{
	c->start = now;
	c->held = held;
	c->counting = true;
}

/* Ticks after the load at which the cycle that runs at `now` ends: half cycles count in mode 3. */
static uint64_t cycle_end(const struct counter *c, uint64_t d)
{
	uint64_t high = (c->count + 1) / 2, r = d % c->count;

	return d - r + (c->mode == 3 && r < high ? high : c->count);
}

/* Modes 2 and 3: a count written during a cycle takes over when the (half) cycle ends. */
static void settle(struct counter *c, uint64_t now)
{
	if (!c->next_count || !c->counting || now < c->switch_at)
		return;
	bool low_half = c->mode == 3 && (c->held + (c->switch_at - c->start)) % c->count;
	c->count = c->next_count;
	c->next_count = 0;
	start(c, c->switch_at, low_half ? (c->count + 1) / 2 : 0);
}

static bool out_at(const struct counter *c, uint64_t now)
{
	uint64_t d = elapsed(c, now);

	if (!c->loaded)
		return c->mode != 0;
	switch (c->mode) {
	case 0:  return d >= c->count;
	case 1:  return !c->counting || d >= c->count;
	case 2:  return !c->gate || d % c->count != c->count - 1;
	case 3:  return !c->gate || d % c->count < (c->count + 1) / 2;
	default: return !(d == c->count && (c->counting || c->mode == 4));
	}
}

static uint32_t value_at(const struct counter *c, uint64_t now)
{
	uint64_t d = elapsed(c, now);
	uint32_t modulo = c->bcd ? 10000 : 65536, half = (c->count + 1) / 2, r, v;

	switch (c->mode) {
	case 2:
		v = c->count - (uint32_t)(d % c->count);
		break;
	case 3:                                         /* counts by two, twice a cycle; an odd count loads as the even one below */
		r = (uint32_t)(d % c->count);
		v = (c->count & ~1u) - 2 * (r < half ? r : r - half);
		break;
	default:
		v = (c->count + modulo - (uint32_t)(d % modulo)) % modulo;
		break;
	}
	if (!c->bcd)
		return v & 0xffff;
	return (v / 1000 % 10) << 12 | (v / 100 % 10) << 8 | (v / 10 % 10) << 4 | v % 10;
}

/* First tick after now at which OUT changes, 0 = never.  The single low tick of modes 2, 4 and 5 is not worth an event of its own:
 * fall and rise come together at its end. */
static uint64_t next_edge(const struct counter *c, uint64_t now)
{
	uint64_t d = elapsed(c, now), origin = c->start - c->held;

	if (!c->loaded || !c->counting)
		return 0;
	switch (c->mode) {
	case 0: case 1:  return d < c->count ? origin + c->count : 0;
	case 2: case 3:  return origin + cycle_end(c, d);
	default:         return d <= c->count ? origin + c->count + 1 : 0;
	}
}

static void load(struct counter *c, uint32_t count, uint64_t now)
{
	if (c->bcd)
		count = (count >> 12) * 1000 + (count >> 8 & 15) * 100 + (count >> 4 & 15) * 10 + (count & 15);
	if (!count)
		count = c->bcd ? 10000 : 65536;
	bool cycling = (c->mode == 2 || c->mode == 3) && c->loaded && c->counting;
	if (cycling) {
		c->next_count = count;
		c->switch_at = c->start - c->held + cycle_end(c, elapsed(c, now));
		return;
	}
	c->count = count;
	c->next_count = 0;
	c->loaded = true;
	if (c->mode == 1 || c->mode == 5)               /* these wait for a rising gate; a running one-shot goes on */
		return;
	start(c, now, 0);
	c->counting = c->gate;
}

/* ---- OUT 0 ---------------------------------------------------------------------------------------------------------------------- */

static void drive_out0(struct pit *p, bool rise)
{
	if (!p->out0_connected) {
		irq_set(&p->out0, 0);
		return;
	}
	if (rise)
		irq_set(&p->out0, 0);
	irq_set(&p->out0, out_at(&p->ch[0], tick_now(p)));
}

/* Period of OUT 0 in ns when its ticks are made up for, else 0. */
static int64_t made_up_period(const struct pit *p)
{
	const struct counter *c = &p->ch[0];
	int64_t ns = (int64_t)mul_div64(c->count, NS_PER_SEC, PIT_HZ);
	bool periodic = p->out0_connected && (c->mode == 2 || c->mode == 3) && c->loaded && c->counting;

	return periodic && p->lost_tick_policy == TICKS_DELAY && ns >= LOST_TICKS_SHORTEST_NS ? ns : 0;
}

/* Rises of a periodic OUT since they were last accounted for: ends of cycles.  Where a new count took over meanwhile, the first ended there,
 * or the low half of one went on. */
static uint64_t rises(const struct counter *c, uint64_t seen, uint64_t now)
{
	uint64_t origin = c->start - c->held, ended = (now - origin) / c->count;

	return seen >= c->start ? ended - (seen - origin) / c->count : ended + !c->held;
}

/* From now on: what was before is nobody's business any more. */
static void forget_ticks(struct pit *p)
{
	p->seen = tick_now(p);
	p->owed = 0;
}

static void arm(struct pit *p)
{
	uint64_t tick = p->out0_connected ? next_edge(&p->ch[0], tick_now(p)) : 0;
	int64_t period = made_up_period(p);

	if (!tick) {
		timer_cancel(p->dev.machine, &p->edge);
		return;
	}
	/* the ns in which the tick has happened; edges faster than any guest could serve are merged */
	int64_t at = (int64_t)mul_div64(tick, NS_PER_SEC, PIT_HZ) + 1, soonest = clock_now(&p->dev.machine->clock) + MIN_EDGE_NS;
	if (p->ch[0].count * (NS_PER_SEC / PIT_HZ) < MIN_EDGE_NS && at < soonest)
		at = soonest;
	if (period && p->owed)
		at = lost_ticks_next(p->owed, p->waiting, soonest - MIN_EDGE_NS, at, period);
	timer_set(p->dev.machine, &p->edge, at);
}

static void settle_all(struct pit *p)
{
	uint64_t now = tick_now(p);

	for (unsigned i = 0; i < 3; i++)
		settle(&p->ch[i], now);
}

/* Rises that were missed follow one by one, each when the one before was taken. */
static void drive_ticks(struct pit *p)
{
	uint64_t now = tick_now(p), due = rises(&p->ch[0], p->seen, now);
	enum irq_fate fate = irq_fate(&p->out0);

	p->seen = now;
	p->waiting = fate == IRQ_WAITING;
	if (lost_ticks_take(&p->owed, due, fate)) {
		irq_set(&p->out0, 0);
		irq_set(&p->out0, 1);
	}
	irq_set(&p->out0, out_at(&p->ch[0], now));
}

static void pit_edge(void *arg)
{
	struct pit *p = arg;

	settle_all(p);
	if (made_up_period(p))
		drive_ticks(p);
	else
		drive_out0(p, true);
	arm(p);
}

/* An edge whose time has come but which the loop has not got to yet: before the guest changes what comes next. */
static void catch_up(struct pit *p)
{
	if (timer_pending(&p->edge) && p->edge.deadline <= clock_now(&p->dev.machine->clock))
		pit_edge(p);
	settle_all(p);
}

/* ---- ports --------------------------------------------------------------------------------------------------------------------- */

static void latch_count(struct counter *c, uint64_t now)
{
	if (c->count_latched)           /* "ignored until the latched count is read" */
		return;
	c->latch = (uint16_t)value_at(c, now);
	c->count_latched = true;
	c->latch_second = false;
}

static void latch_status(struct counter *c, uint64_t now)
{
	if (c->status_latched)
		return;
	c->status = (out_at(c, now) ? STATUS_OUT : 0) | (!c->loaded || c->next_count ? STATUS_NULL : 0) |
	            (uint8_t)(c->access << 4 | c->mode << 1 | c->bcd);
	c->status_latched = true;
}

static void write_control(struct pit *p, uint8_t val)
{
	uint64_t now = tick_now(p);
	unsigned channel = val >> 6;

	if (channel == CTL_READBACK) {
		for (unsigned i = 0; i < 3; i++) {
			if (!(val & (2u << i)))
				continue;
			if (!(val & RB_NO_COUNT))
				latch_count(&p->ch[i], now);
			if (!(val & RB_NO_STATUS))
				latch_status(&p->ch[i], now);
		}
		return;
	}
	struct counter *c = &p->ch[channel];
	if ((val >> 4 & 3) == ACCESS_LATCH) {
		latch_count(c, now);
		return;
	}
	stop(c, now);
	if (!channel)
		forget_ticks(p);
	*c = (struct counter){ .mode = val >> 1 & 7, .access = val >> 4 & 3, .bcd = val & CTL_BCD, .gate = c->gate,
	                       .count = c->count, .held = c->held };
	if (c->mode > 5)                /* 6 and 7 are 2 and 3 */
		c->mode -= 4;
}

static void write_count(struct pit *p, struct counter *c, uint8_t val)
{
	uint64_t now = tick_now(p);

	if (c->access == ACCESS_LSB) {
		load(c, val, now);
	} else if (c->access == ACCESS_MSB) {
		load(c, (uint32_t)val << 8, now);
	} else if (c->write_second) {
		c->write_second = false;
		load(c, (uint32_t)val << 8 | c->write_lsb, now);
	} else {
		c->write_lsb = val;
		c->write_second = true;
		if (c->mode == 0) {     /* "Mode 0": the first byte stops the count, OUT goes low */
			stop(c, now);
			c->loaded = false;
		}
	}
}

static void pit_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct pit *p = pit_of(d);

	catch_up(p);
	if (off == PORT_CONTROL)
		write_control(p, (uint8_t)val);
	else
		write_count(p, &p->ch[off], (uint8_t)val);
	if (!off && !p->ch[0].next_count)
		forget_ticks(p);
	drive_out0(p, false);
	arm(p);
}

/* One byte of a 16-bit value, in the order that the access mode asks for. */
static uint8_t read_half(const struct counter *c, uint16_t v, bool *second)
{
	if (c->access == ACCESS_LSB)
		return (uint8_t)v;
	if (c->access == ACCESS_MSB)
		return (uint8_t)(v >> 8);
	*second = !*second;
	return (uint8_t)(*second ? v : v >> 8);
}

static uint64_t pit_read(struct device *d, uint64_t off, unsigned size)
{
	struct pit *p = pit_of(d);

	settle_all(p);
	if (off == PORT_CONTROL)
		return 0;
	struct counter *c = &p->ch[off];
	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	if (!c->count_latched)
		return read_half(c, (uint16_t)value_at(c, tick_now(p)), &c->read_second);
	uint8_t v = read_half(c, c->latch, &c->latch_second);
	c->count_latched = c->latch_second;
	return v;
}
static const struct io_ops pit_ops = { pit_read, pit_write, 1, 1 };

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */

static bool pit_realize(struct device *d, struct error *err)
{
	struct pit *p = pit_of(d);

	timer_init(&p->edge, pit_edge, p);
	p->out0_connected = true;
	return isa_map(d, &p->ports, "pit", p->iobase, PORT_COUNT, &pit_ops, err);
}

static void pit_unrealize(struct device *d)
{
	timer_cancel(d->machine, &pit_of(d)->edge);
	isa_unmap(d, &pit_of(d)->ports);
}

/* The chip has no reset; firmware finds the counters stopped, with OUT low. */
static void pit_reset(struct device *d, enum reset_kind kind)
{
	struct pit *p = pit_of(d);

	for (unsigned i = 0; i < 3; i++)
		p->ch[i] = (struct counter){ .mode = 0, .access = ACCESS_BOTH, .gate = i != 2, .count = 65536 };
	p->out0_connected = true;
	p->waiting = false;
	forget_ticks(p);
	timer_cancel(d->machine, &p->edge);
}

static void pit_reset_done(struct device *d)
{
	drive_out0(pit_of(d), false);
}

static void pit_saving(struct device *d)
{
	settle_all(pit_of(d));
}

static bool pit_loaded(struct device *d, struct error *err)
{
	struct pit *p = pit_of(d);
	uint64_t now = tick_now(p);

	for (unsigned i = 0; i < 3; i++) {
		const struct counter *c = &p->ch[i];
		if (c->mode > 5 || c->access < ACCESS_LSB || c->access > ACCESS_BOTH || c->bcd > 1 || !c->count || c->count > 65536 ||
		    c->next_count > 65536 || (c->counting && c->start > now))
			return error_set(err, "saved counter %u is out of range", i);
	}
	settle_all(p);
	p->seen = p->seen <= now ? p->seen : now;
	p->owed = p->owed < LOST_TICKS_MAX ? p->owed : LOST_TICKS_MAX;
	p->waiting = false;
	drive_out0(p, false);
	arm(p);
	return true;
}

const struct device_desc i8254_desc = {
	.name = "isa-pit", .alias = "kvm-pit", .bus = "ISA", .category = "Misc", .description = "Intel 8254 interval timer",
	.size = sizeof(struct pit), .props = pit_props, .state = pit_state, .state_version = 2,
	.realize = pit_realize, .unrealize = pit_unrealize, .reset = pit_reset, .reset_done = pit_reset_done,
	.saving = pit_saving, .loaded = pit_loaded,
};

/* ---- wires --------------------------------------------------------------------------------------------------------------------- */

void i8254_set_out0(struct device *pit, struct irq_line out)
{
	pit_of(pit)->out0 = out;
}

void i8254_connect_out0(struct device *pit, bool connected)
{
	struct pit *p = pit_of(pit);

	if (p->out0_connected == connected)
		return;
	catch_up(p);
	p->out0_connected = connected;
	forget_ticks(p);
	drive_out0(p, false);
	arm(p);
}

/* "Gate Pin Operations Summary". */
void i8254_set_gate(struct device *pit, unsigned channel, bool level)
{
	struct pit *p = pit_of(pit);
	struct counter *c = &p->ch[channel];
	uint64_t now = tick_now(p);

	if (c->gate == level)
		return;
	catch_up(p);
	c->gate = level;
	if (!c->loaded)
		return;
	if (c->mode == 0 || c->mode == 4) {             /* low holds the count */
		if (level)
			start(c, now, c->held);
		else
			stop(c, now);
	} else if (level) {                             /* a rising edge reloads and starts */
		if (c->next_count)
			c->count = c->next_count;
		c->next_count = 0;
		start(c, now, 0);
	} else if (c->mode == 2 || c->mode == 3) {
		stop(c, now);
	}
	if (channel == 0) {
		forget_ticks(p);
		drive_out0(p, false);
		arm(p);
	}
}

bool i8254_gate(struct device *pit, unsigned channel)
{
	return pit_of(pit)->ch[channel].gate;
}

bool i8254_out(struct device *pit, unsigned channel)
{
	settle_all(pit_of(pit));
	return out_at(&pit_of(pit)->ch[channel], tick_now(pit_of(pit)));
}
