/* hpet.c - high precision event timers at fed00000h: a 100 MHz counter with three comparators.
 *
 * Ref: IA-PC HPET Specification 1.0a, section 2.3 "Memory Mapped Registers". */
#include "devices/chipset/hpet.h"
#include "core/machine/machine.h"
#include "devices/chipset/ioapic.h"
#include "devices/chipset/isa.h"
#include "devices/chipset/lost_ticks.h"

enum { BASE = 0xfed00000u, SIZE = 0x400, TIMERS = 3, TICK_NS = 10, MIN_PERIOD = 1000 /* ticks; shorter ones are merged */ };
enum { REG_CAPABILITIES = 0x000, REG_CONFIG = 0x010, REG_STATUS = 0x020, REG_COUNTER = 0x0f0, REG_TIMERS = 0x100 };
enum { TIMER_CONFIG = 0x00, TIMER_COMPARATOR = 0x08, TIMER_SIZE = 0x20 };
enum { CONFIG_ENABLE = 1 << 0, CONFIG_LEGACY = 1 << 1 };
enum { T_LEVEL = 1 << 1, T_ENABLE = 1 << 2, T_PERIODIC = 1 << 3, T_PERIODIC_CAP = 1 << 4, T_64BIT_CAP = 1 << 5, T_SET = 1 << 6,
       T_32BIT = 1 << 8, T_ROUTE_SHIFT = 9, T_ROUTE = 31 << T_ROUTE_SHIFT, T_WRITABLE = T_LEVEL | T_ENABLE | T_PERIODIC | T_SET | T_32BIT | T_ROUTE };
/* Period 10,000,000 fs | vendor 8086h | legacy capable, 64 bits, three timers, revision 1 */
#define CAPABILITIES (UINT64_C(10000000) << 32 | UINT64_C(0x8086) << 16 | 1 << 15 | 1 << 13 | (TIMERS - 1) << 8 | 1)

struct comparator { uint32_t config; uint64_t match, period; uint32_t owed; /* periodic edges that nobody has seen yet */ };
struct hpet {
	struct device   dev;
	struct region   page;
	struct irq_line irq0, irq8, legacy;
	uint32_t intcap;                /* pins of the I/O APIC the timers may use */
	struct hpet_timer { struct timer timer; struct hpet *hpet; unsigned n; bool waiting; /* its last edge was not taken, when looked at last */ } host[TIMERS];

	uint32_t config, status;
	uint64_t counter;               /* while it is halted */
	uint64_t origin;                /* counter = clock / 10 ns + origin while it runs */
	struct comparator t[TIMERS];
};
static const struct prop hpet_props[] = {
	{ "hpet-intcap", PROP_U32, offsetof(struct hpet, intcap), "4", "bit map of I/O APIC pins the timers may use", NULL }, { 0 }
};
static const struct state_field comparator_state[] = {
	STATE_U32(struct comparator, config), STATE_U64(struct comparator, match), STATE_U64(struct comparator, period),
	STATE_U32(struct comparator, owed), STATE_END
};
static const struct state_field hpet_state[] = {
	STATE_U32(struct hpet, config), STATE_U32(struct hpet, status), STATE_U64(struct hpet, counter), STATE_U64(struct hpet, origin),
	STATE_STRUCTS(struct hpet, t, comparator_state), STATE_END
};

static struct hpet *hpet_of(struct device *d)
{
	return container_of(d, struct hpet, dev);
}

static uint64_t clock_ticks(const struct hpet *h)
{
	return (uint64_t)clock_now(&h->dev.machine->clock) / TICK_NS;
}

static uint64_t counter(const struct hpet *h)
{
	return h->config & CONFIG_ENABLE ? clock_ticks(h) + h->origin : h->counter;
}

/* ---- interrupts ---------------------------------------------------------------------------------------------------------------- */

static struct irq_line wire(const struct hpet *h, unsigned n)
{
	unsigned pin = (h->t[n].config & T_ROUTE) >> T_ROUTE_SHIFT;

	if ((h->config & CONFIG_LEGACY) && n < 2)
		return n ? h->irq8 : h->irq0;
	if (h->dev.machine->ioapic && (h->intcap >> pin & 1) && pin < IOAPIC_PINS)
		return ioapic_input(h->dev.machine->ioapic, (int)pin);
	return (struct irq_line){ 0 };
}

static void drive(struct hpet *h, unsigned n, int level)
{
	struct irq_line line = wire(h, n);

	irq_set(&line, level);
}

static void fire(struct hpet *h, unsigned n)
{
	const struct comparator *t = &h->t[n];

	/* "General Interrupt Status": level interrupts only; the bit is set even when the interrupt is disabled. */
	if (t->config & T_LEVEL)
		h->status |= 1u << n;
	if (!(t->config & T_ENABLE))
		return;
	drive(h, n, 1);
	if (!(t->config & T_LEVEL))
		drive(h, n, 0);
}

/* Ticks until the comparator matches again: 1 to 2^32 or 2^64 - 1. */
static uint64_t distance(const struct hpet *h, const struct comparator *t)
{
	uint64_t diff = t->match - counter(h);

	if (t->config & T_32BIT)
		return (uint32_t)(diff - 1) + UINT64_C(1);
	return diff ? diff : UINT64_MAX;
}

/* Edges of a period that a guest can follow are not merged when the loop is late (lost_ticks.h). */
static bool made_up(const struct comparator *t)
{
	const uint32_t edges = T_ENABLE | T_PERIODIC;

	return (t->config & (edges | T_LEVEL)) == edges && t->period >= LOST_TICKS_SHORTEST_NS / TICK_NS && t->period < INT64_MAX / TICK_NS;
}

static void arm(struct hpet *h, unsigned n)
{
	const struct comparator *t = &h->t[n];
	struct machine *m = h->dev.machine;

	if (!(h->config & CONFIG_ENABLE) || !(t->config & (T_ENABLE | T_LEVEL))) {
		timer_cancel(m, &h->host[n].timer);
		return;
	}
	uint64_t ticks = distance(h, t), at = clock_ticks(h) + ticks;
	if ((t->config & T_PERIODIC) && t->period < MIN_PERIOD && ticks < MIN_PERIOD)
		at = clock_ticks(h) + MIN_PERIOD;
	int64_t due = at < INT64_MAX / TICK_NS && at >= ticks ? (int64_t)(at * TICK_NS) : NO_DEADLINE;
	if (made_up(t))
		due = lost_ticks_next(t->owed, h->host[n].waiting, clock_now(&m->clock), due, (int64_t)(t->period * TICK_NS));
	timer_set(m, &h->host[n].timer, due);
}

/* Periodic comparators that were passed move on to the next match that lies ahead; returns how many there were. */
static uint64_t advance(struct hpet *h, struct comparator *t)
{
	bool narrow = t->config & T_32BIT;
	uint64_t now = counter(h), late = narrow ? (uint32_t)(now - t->match) : now - t->match;
	uint64_t period = narrow ? (uint32_t)t->period : t->period;

	if (!(h->config & CONFIG_ENABLE) || !(t->config & T_PERIODIC) || !period || late > (narrow ? UINT64_C(1) << 31 : UINT64_C(1) << 63))
		return 0;
	t->match += (late / period + 1) * period;
	if (narrow)
		t->match = (uint32_t)t->match;
	return late / period + 1;
}

static void matched(void *arg)
{
	struct hpet_timer *host = arg;
	struct hpet *h = host->hpet;

	struct comparator *t = &h->t[host->n];
	uint64_t passed = advance(h, t);
	struct irq_line line = wire(h, host->n);
	enum irq_fate fate = irq_fate(&line);

	host->waiting = fate == IRQ_WAITING;
	if (!made_up(t) || lost_ticks_take(&t->owed, passed, fate))
		fire(h, host->n);
	arm(h, host->n);
}

/* Matches whose time has come but which the loop has not got to yet: before a register changes what they mean. */
static void catch_up(struct hpet *h)
{
	for (unsigned n = 0; n < TIMERS; n++)
		if (timer_pending(&h->host[n].timer) && h->host[n].timer.deadline <= clock_now(&h->dev.machine->clock))
			matched(&h->host[n]);
}

/* ---- registers ----------------------------------------------------------------------------------------------------------------- */

static uint64_t read_register(const struct hpet *h, unsigned reg)
{
	unsigned n = (reg - REG_TIMERS) / TIMER_SIZE;

	switch (reg) {
	case REG_CAPABILITIES: return CAPABILITIES;
	case REG_CONFIG:       return h->config;
	case REG_STATUS:       return h->status;
	case REG_COUNTER:      return counter(h);
	default: break;
	}
	if (reg < REG_TIMERS || n >= TIMERS)
		return 0;
	const struct comparator *t = &h->t[n];
	switch ((reg - REG_TIMERS) % TIMER_SIZE) {
	case TIMER_CONFIG:     return (uint64_t)h->intcap << 32 | t->config | T_PERIODIC_CAP | T_64BIT_CAP;
	case TIMER_COMPARATOR: return t->config & T_32BIT ? (uint32_t)t->match : t->match;
	default:               return 0;
	}
}

static void write_config(struct hpet *h, uint32_t val)
{
	uint32_t old = h->config, now = val & (CONFIG_ENABLE | CONFIG_LEGACY);

	if (!(old & CONFIG_ENABLE) && (now & CONFIG_ENABLE))
		h->origin = h->counter - clock_ticks(h);
	else if ((old & CONFIG_ENABLE) && !(now & CONFIG_ENABLE))
		h->counter = counter(h);
	if ((old ^ now) & CONFIG_LEGACY) {
		irq_set(&h->irq0, 0);
		irq_set(&h->irq8, 0);
		irq_set(&h->legacy, now & CONFIG_LEGACY ? 1 : 0);
	}
	h->config = now;
	for (unsigned n = 0; n < TIMERS; n++) {
		if (old != now)
			h->t[n].owed = 0;
		arm(h, n);
	}
}

static void write_status(struct hpet *h, uint32_t val)
{
	for (unsigned n = 0; n < TIMERS; n++)
		if (h->status & val & (1u << n)) {
			h->status &= ~(1u << n);
			drive(h, n, 0);
		}
}

static void write_timer_config(struct hpet *h, unsigned n, uint32_t val)
{
	struct comparator *t = &h->t[n];

	if ((t->config & T_LEVEL) && (h->status >> n & 1))
		drive(h, n, 0);                 /* it may move to another pin, or become an edge */
	t->config = val & T_WRITABLE;
	t->owed = 0;
	if (t->config & T_32BIT) {
		t->match = (uint32_t)t->match;
		t->period = (uint32_t)t->period;
	}
	if ((t->config & T_LEVEL) && (t->config & T_ENABLE) && (h->status >> n & 1))
		drive(h, n, 1);
	arm(h, n);
}

/* "Timer n Comparator Value": in periodic mode the value is the period; with T_SET it is the next match too. */
static void write_comparator(struct hpet *h, unsigned n, uint64_t val)
{
	struct comparator *t = &h->t[n];

	if (t->config & T_32BIT)
		val = (uint32_t)val;
	if (!(t->config & T_PERIODIC) || (t->config & T_SET))
		t->match = val;
	if (t->config & T_PERIODIC)
		t->period = val;
	t->config &= ~T_SET;
	t->owed = 0;
	arm(h, n);
}

static void write_register(struct hpet *h, unsigned reg, uint64_t val)
{
	unsigned n = (reg - REG_TIMERS) / TIMER_SIZE;

	catch_up(h);
	if (reg == REG_CONFIG) {
		write_config(h, (uint32_t)val);
	} else if (reg == REG_STATUS) {
		write_status(h, (uint32_t)val);
	} else if (reg == REG_COUNTER) {
		if (!(h->config & CONFIG_ENABLE))       /* "only while it is halted" */
			h->counter = val;
	} else if (reg >= REG_TIMERS && n < TIMERS) {
		if ((reg - REG_TIMERS) % TIMER_SIZE == TIMER_CONFIG)
			write_timer_config(h, n, (uint32_t)val);
		else if ((reg - REG_TIMERS) % TIMER_SIZE == TIMER_COMPARATOR)
			write_comparator(h, n, val);
	}
}

static uint64_t hpet_read(struct device *d, uint64_t off, unsigned size)
{
	return read_register(hpet_of(d), (unsigned)off & ~7u) >> (8 * (off & 7));
}

static void hpet_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct hpet *h = hpet_of(d);
	unsigned reg = (unsigned)off & ~7u, shift = 8 * (off & 7);
	uint64_t mask = size == 8 ? UINT64_MAX : UINT64_C(0xffffffff) << shift;

	if (size < 4)
		return;                 /* "software must not" */
	if (reg == REG_STATUS && shift)
		return;
	if (reg >= REG_TIMERS && (reg & (TIMER_SIZE - 1)) == TIMER_CONFIG && shift)
		return;                 /* the routing capabilities are read-only */
	write_register(h, reg, (reg == REG_STATUS ? 0 : read_register(h, reg) & ~mask) | (val << shift & mask));
}
static const struct io_ops hpet_ops = { hpet_read, hpet_write, 1, 8 };

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */

static bool hpet_realize(struct device *d, struct error *err)
{
	struct hpet *h = hpet_of(d);

	for (unsigned n = 0; n < TIMERS; n++) {
		h->host[n].hpet = h;
		h->host[n].n = n;
		timer_init(&h->host[n].timer, matched, &h->host[n]);
	}
	return mmio_map(d, &h->page, "hpet", BASE, SIZE, 0, &hpet_ops, err);
}

static void hpet_unrealize(struct device *d)
{
	struct hpet *h = hpet_of(d);

	for (unsigned n = 0; n < TIMERS; n++)
		timer_cancel(d->machine, &h->host[n].timer);
	space_unmap(&d->machine->mem, &h->page);
}

static void hpet_reset(struct device *d, enum reset_kind kind)
{
	struct hpet *h = hpet_of(d);

	h->config = h->status = 0;
	h->counter = h->origin = 0;
	for (unsigned n = 0; n < TIMERS; n++) {
		h->t[n] = (struct comparator){ .match = UINT64_MAX };
		h->host[n].waiting = false;
		timer_cancel(d->machine, &h->host[n].timer);
	}
}

static void hpet_reset_done(struct device *d)
{
	struct hpet *h = hpet_of(d);

	irq_set(&h->irq0, 0);
	irq_set(&h->irq8, 0);
	irq_set(&h->legacy, 0);
}

static void hpet_saving(struct device *d)
{
	struct hpet *h = hpet_of(d);

	h->counter = counter(h);
	for (unsigned n = 0; n < TIMERS; n++)
		if (!timer_pending(&h->host[n].timer))
			advance(h, &h->t[n]);
}

static bool hpet_loaded(struct device *d, struct error *err)
{
	struct hpet *h = hpet_of(d);

	h->config &= CONFIG_ENABLE | CONFIG_LEGACY;
	h->status &= (1u << TIMERS) - 1;
	irq_set(&h->legacy, h->config & CONFIG_LEGACY ? 1 : 0);
	for (unsigned n = 0; n < TIMERS; n++) {
		h->t[n].config &= T_WRITABLE;
		h->t[n].owed = h->t[n].owed < LOST_TICKS_MAX ? h->t[n].owed : LOST_TICKS_MAX;
		h->host[n].waiting = false;
		if (advance(h, &h->t[n]))       /* its time passed while the state was being saved */
			fire(h, n);
		arm(h, n);
	}
	return true;
}

const struct device_desc hpet_desc = {
	.name = "hpet", .bus = "System", .category = "Misc", .description = "high precision event timers",
	.size = sizeof(struct hpet), .props = hpet_props, .state = hpet_state, .state_version = 2, .realize = hpet_realize,
	.unrealize = hpet_unrealize, .reset = hpet_reset, .reset_done = hpet_reset_done, .saving = hpet_saving, .loaded = hpet_loaded,
};

void hpet_wire(struct device *d, struct irq_line irq0, struct irq_line irq8, struct irq_line legacy)
{
	struct hpet *h = hpet_of(d);

	h->irq0 = irq0;
	h->irq8 = irq8;
	h->legacy = legacy;
}
