/* mc146818.c - real-time clock and CMOS RAM, ports 70h-71h.
 *
 * Ref: Motorola MC146818A data sheet (ADI856R2): "Address Map", "Register A" to "Register D", "Update Cycle".
 *
 * The clock is not ticked: the time is computed from a reference when someone looks, and a timer is armed only for an
 * interrupt that is enabled and not yet pending. */
#include "devices/chipset/mc146818.h"
#include "core/machine/machine.h"
#include "devices/chipset/isa.h"
#include "devices/chipset/lost_ticks.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PORT_INDEX, PORT_DATA, PORT_COUNT };
enum { REG_SEC, REG_SEC_ALARM, REG_MIN, REG_MIN_ALARM, REG_HOUR, REG_HOUR_ALARM, REG_WDAY, REG_MDAY, REG_MONTH, REG_YEAR,
       REG_A, REG_B, REG_C, REG_D, REG_CENTURY = 0x32, REG_CENTURY_PS2 = 0x37 };
enum { A_RATE = 0x0f, A_DIVIDER = 0x70, A_DIV_32KHZ = 0x20, A_DIV_RESET = 0x60, A_UIP = 0x80 };
enum { B_DSE = 1u << 0, B_24H = 1u << 1, B_BINARY = 1u << 2, B_SQWE = 1u << 3, B_UIE = 1u << 4, B_AIE = 1u << 5, B_PIE = 1u << 6,
       B_SET = 1u << 7 };
enum { C_UF = 1u << 4, C_AF = 1u << 5, C_PF = 1u << 6, C_IRQF = 1u << 7, C_FLAGS = C_UF | C_AF | C_PF };
enum { D_VRT = 0x80, INDEX_NMI_MASK = 0x80, HOUR_PM = 0x80, ALARM_ANY = 0xc0 };
enum { DAY = 86400 };
/* Figure "Update-In-Progress": UIP rises 244 us before the update, which takes 1984 us with a 32.768 kHz time base. */
enum { UIP_NS = (244 + 1984) * 1000 };

struct rtc {
	struct device   dev;
	struct irq_line irq;
	struct region   ports;
	struct timer    timer;          /* next enabled interrupt; derived from the state below */
	uint16_t iobase;
	uint8_t  irq_number, lost_tick_policy;
	int32_t  base_year;
	uint64_t default_epoch_s, default_origin_ns;    /* what -rtc base= asked for: the reference of RTC_CHANGE */

	uint8_t  index, cmos[128];      /* time registers here are valid only while the clock is frozen */
	uint8_t  wday_shift;            /* the day of the week counts on its own: what the guest set minus the calendar's */
	uint64_t epoch_s, origin_ns;    /* the time was epoch_s seconds since 1970 when the source stood at origin_ns */
	uint64_t seen_s;                /* last second whose update is accounted for in register C */
	uint64_t next_periodic_ns;      /* machine clock */
	uint32_t owed;                  /* periods that the guest has not been told of yet */
	uint64_t told_ns;               /* when it was told of one last */
	uint64_t saved_s;               /* clock=rt: the time when the state was saved, as the host's source restarts */
};

enum { TICKS_DISCARD, TICKS_SLEW };
static const char *const tick_policies[] = { "discard", "slew", NULL };
static const struct prop rtc_props[] = {
	{ "base_year", PROP_I32, offsetof(struct rtc, base_year), "0", "year that year 00 of century 00 stands for", NULL },
	{ "iobase", PROP_U16, offsetof(struct rtc, iobase), "0x70", "first of the two ports", NULL },
	{ "irq", PROP_U8, offsetof(struct rtc, irq_number), "8", "ISA interrupt", NULL },
	{ "lost_tick_policy", PROP_ENUM, offsetof(struct rtc, lost_tick_policy), "discard",
	  "what happens to periodic interrupts the guest was too slow for", tick_policies },
	{ 0 }
};
static const struct state_field rtc_state[] = {
	STATE_U8(struct rtc, index), STATE_BYTES(struct rtc, cmos), STATE_U8(struct rtc, wday_shift), STATE_U64(struct rtc, epoch_s),
	STATE_U64(struct rtc, origin_ns), STATE_U64(struct rtc, seen_s), STATE_U64(struct rtc, next_periodic_ns),
	STATE_U32(struct rtc, owed), STATE_U64(struct rtc, told_ns), STATE_U64(struct rtc, saved_s), STATE_END
};

static struct rtc *rtc_of(struct device *d)
{
	return container_of(d, struct rtc, dev);
}

/* ---- time ---------------------------------------------------------------------------------------------------------------------- */

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* What makes the clock advance: -rtc clock=host|rt|vm.  A stepped machine has no time but its own. */
static uint64_t source_ns(struct rtc *r)
{
	struct machine *m = r->dev.machine;

	if (m->clock.stepped || m->opt->rtc_clock == RTC_VM)
		return (uint64_t)clock_now(&m->clock);
	return read_clock(m->opt->rtc_clock == RTC_RT ? CLOCK_MONOTONIC : CLOCK_REALTIME);
}

/* Seconds since 1970, and ns into the current second.  A host clock may jump backwards, so the distance is signed. */
static int64_t time_at(uint64_t epoch_s, uint64_t origin_ns, uint64_t source, uint64_t *sub_ns)
{
	int64_t dist = (int64_t)(source - origin_ns), s = dist / NS_PER_SEC, ns = dist % NS_PER_SEC;

	if (ns < 0) {
		ns += NS_PER_SEC;
		s--;
	}
	*sub_ns = (uint64_t)ns;
	return (int64_t)epoch_s + s;
}

static int64_t rtc_time(struct rtc *r, uint64_t *sub_ns)
{
	return time_at(r->epoch_s, r->origin_ns, source_ns(r), sub_ns);
}

/* Make it `s` seconds since 1970 and `sub_ns` now. */
static void rtc_set_time(struct rtc *r, int64_t s, uint64_t sub_ns)
{
	r->epoch_s = (uint64_t)s;
	r->origin_ns = source_ns(r) - sub_ns;
	r->seen_s = (uint64_t)s;
}

/* No updates happen: the guest is setting the time, or holds the divider chain in reset. */
static bool rtc_frozen(const struct rtc *r)
{
	return (r->cmos[REG_B] & B_SET) || (r->cmos[REG_A] & A_DIV_RESET) == A_DIV_RESET;
}

/* ---- formats of the registers ------------------------------------------------------------------------------------------------ */

static uint8_t encode(const struct rtc *r, unsigned v)
{
	return r->cmos[REG_B] & B_BINARY ? (uint8_t)v : (uint8_t)(v / 10 % 10 << 4 | v % 10);
}

static unsigned decode(const struct rtc *r, uint8_t v)
{
	return r->cmos[REG_B] & B_BINARY ? v : (v >> 4) * 10u + (v & 15);
}

static uint8_t encode_hour(const struct rtc *r, unsigned hour)
{
	if (r->cmos[REG_B] & B_24H)
		return encode(r, hour);
	return encode(r, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOUR_PM : 0);
}

static unsigned decode_hour(const struct rtc *r, uint8_t v)
{
	if (r->cmos[REG_B] & B_24H)
		return decode(r, v);
	return decode(r, v & 0x7f) % 12 + (v & HOUR_PM ? 12 : 0);
}

/* Time registers from the running clock. */
static void registers_from_time(struct rtc *r)
{
	uint64_t sub;
	time_t t = (time_t)rtc_time(r, &sub);
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return;
	int year = tm.tm_year + 1900 - r->base_year;
	r->cmos[REG_SEC] = encode(r, (unsigned)tm.tm_sec);
	r->cmos[REG_MIN] = encode(r, (unsigned)tm.tm_min);
	r->cmos[REG_HOUR] = encode_hour(r, (unsigned)tm.tm_hour);
	r->cmos[REG_WDAY] = encode(r, ((unsigned)tm.tm_wday + r->wday_shift) % 7 + 1);
	r->cmos[REG_MDAY] = encode(r, (unsigned)tm.tm_mday);
	r->cmos[REG_MONTH] = encode(r, (unsigned)tm.tm_mon + 1);
	r->cmos[REG_YEAR] = encode(r, (unsigned)(year % 100 + 100) % 100);
	r->cmos[REG_CENTURY] = encode(r, (unsigned)(year / 100 + 100) % 100);
}

/* The clock from the time registers; nonsense in them is carried over as a calendar would (32 January = 1 February). */
static void time_from_registers(struct rtc *r, uint64_t sub_ns)
{
	struct tm tm = {
		.tm_sec = (int)decode(r, r->cmos[REG_SEC]), .tm_min = (int)decode(r, r->cmos[REG_MIN]),
		.tm_hour = (int)decode_hour(r, r->cmos[REG_HOUR]), .tm_mday = (int)decode(r, r->cmos[REG_MDAY]),
		.tm_mon = (int)decode(r, r->cmos[REG_MONTH]) - 1,
		.tm_year = (int)(decode(r, r->cmos[REG_YEAR]) + decode(r, r->cmos[REG_CENTURY]) * 100) + r->base_year - 1900,
	};
	unsigned wday = decode(r, r->cmos[REG_WDAY]);
	rtc_set_time(r, (int64_t)timegm(&tm), sub_ns);
	r->wday_shift = (uint8_t)((wday + 6 + 7 - (unsigned)tm.tm_wday) % 7);
}

/* Tell management clients that the guest set its clock: seconds away from what -rtc base= gives. */
static void tell_change(struct rtc *r)
{
	uint64_t sub;
	int64_t want = time_at(r->default_epoch_s, r->default_origin_ns, source_ns(r), &sub);
	char json[48];

	snprintf(json, sizeof json, "{\"offset\": %" PRId64 "}", rtc_time(r, &sub) - want);
	machine_emit(r->dev.machine, EV_RTC_CHANGE, json);
}

/* ---- alarm, periodic interrupt, update ----------------------------------------------------------------------------------------- */

/* First second after `from` at which the alarm registers match, or INT64_MAX.  Values from C0h up match anything. */
static int64_t next_alarm(const struct rtc *r, int64_t from)
{
	const uint8_t *c = r->cmos;
	bool any_h = c[REG_HOUR_ALARM] >= ALARM_ANY, any_m = c[REG_MIN_ALARM] >= ALARM_ANY, any_s = c[REG_SEC_ALARM] >= ALARM_ANY;
	unsigned h = decode_hour(r, c[REG_HOUR_ALARM]), m = decode(r, c[REG_MIN_ALARM]), s = decode(r, c[REG_SEC_ALARM]);
	int64_t first = from + 1, minute = first - ((first % 60) + 60) % 60;

	for (unsigned i = 0; i <= DAY / 60; i++, minute += 60) {
		unsigned of_day = (unsigned)(((minute % DAY) + DAY) % DAY) / 60;
		if ((!any_h && of_day / 60 != h) || (!any_m && of_day % 60 != m))
			continue;
		int64_t at = any_s ? (minute < first ? first : minute) : minute + s;
		if (at >= first && (any_s || s < 60))
			return at;
	}
	return INT64_MAX;
}

/* Period in ns selected by register A, 0 = none ("Periodic Interrupt Rate", 32.768 kHz column). */
static uint64_t periodic_ns(const struct rtc *r)
{
	unsigned rate = r->cmos[REG_A] & A_RATE;

	if (!rate || (r->cmos[REG_A] & A_DIV_RESET) == A_DIV_RESET)
		return 0;
	return mul_div64(UINT64_C(1) << ((rate < 3 ? rate + 7 : rate) - 1), NS_PER_SEC, 32768);
}

static void update_irq(struct rtc *r)
{
	bool on = r->cmos[REG_C] & r->cmos[REG_B] & C_FLAGS;

	r->cmos[REG_C] = (r->cmos[REG_C] & C_FLAGS) | (on ? C_IRQF : 0);
	irq_set(&r->irq, on);
}

/* With the policy "slew" the guest hears of every period while it has the interrupt enabled, of those it was too slow for in quicker succession. */
static bool made_up(const struct rtc *r)
{
	return r->lost_tick_policy == TICKS_SLEW && (r->cmos[REG_B] & B_PIE) && periodic_ns(r) >= LOST_TICKS_SHORTEST_NS;
}

/* When it may hear of another one that is owed. */
static uint64_t owed_at(const struct rtc *r)
{
	uint64_t soon = r->told_ns + periodic_ns(r) / 4;

	return soon < r->next_periodic_ns ? soon : r->next_periodic_ns;
}

static void tell_owed(struct rtc *r, uint64_t now)
{
	if (!made_up(r))
		r->owed = 0;
	if (!r->owed || (r->cmos[REG_C] & C_PF) || now < owed_at(r))
		return;
	r->owed--;
	r->told_ns = now;
	r->cmos[REG_C] |= C_PF;
}

/* Arm the timer for the earliest interrupt that is enabled and whose flag is not up yet. */
static void arm(struct rtc *r)
{
	struct machine *m = r->dev.machine;
	uint8_t wanted = r->cmos[REG_B] & ~r->cmos[REG_C] & C_FLAGS;
	int64_t now = clock_now(&m->clock), deadline = NO_DEADLINE;
	uint64_t sub;
	int64_t s = rtc_time(r, &sub);

	if ((wanted & C_PF) && periodic_ns(r)) {
		deadline = (int64_t)r->next_periodic_ns;
		if (r->owed)
			deadline = (int64_t)owed_at(r);
	}
	if (!rtc_frozen(r) && (wanted & (C_UF | C_AF))) {
		int64_t at = wanted & C_UF ? s + 1 : next_alarm(r, s);
		if (at != INT64_MAX) {
			int64_t when = now + (at - s) * NS_PER_SEC - (int64_t)sub;
			deadline = when < deadline ? when : deadline;
		}
	}
	if (deadline == NO_DEADLINE)
		timer_cancel(m, &r->timer);
	else
		timer_set(m, &r->timer, deadline);
}

/* Account in register C for everything that happened up to now. */
static void catch_up(struct rtc *r)
{
	uint64_t now = (uint64_t)clock_now(&r->dev.machine->clock), period = periodic_ns(r), sub;

	if (period && now >= r->next_periodic_ns) {
		uint64_t passed = (now - r->next_periodic_ns) / period + 1;
		r->next_periodic_ns += passed * period;
		if (made_up(r))
			lost_ticks_add(&r->owed, passed);
		else
			r->cmos[REG_C] |= C_PF;
	}
	tell_owed(r, now);
	if (!rtc_frozen(r)) {
		int64_t s = rtc_time(r, &sub);
		if (s > (int64_t)r->seen_s) {
			r->cmos[REG_C] |= C_UF;
			if (next_alarm(r, (int64_t)r->seen_s) <= s)
				r->cmos[REG_C] |= C_AF;
		}
		r->seen_s = (uint64_t)s;
	}
	update_irq(r);
	arm(r);
}

static void rtc_timer(void *arg)
{
	catch_up(arg);
}

/* ---- registers ----------------------------------------------------------------------------------------------------------------- */

static unsigned cmos_offset(const struct rtc *r)
{
	unsigned i = r->index & 0x7f;

	return i == REG_CENTURY_PS2 ? REG_CENTURY : i;
}

static bool is_time(unsigned reg)
{
	return reg == REG_CENTURY || (reg <= REG_YEAR && reg != REG_SEC_ALARM && reg != REG_MIN_ALARM && reg != REG_HOUR_ALARM);
}

/* Register A or B changed in a way that may freeze the clock or let it go. */
static void change_control(struct rtc *r, unsigned reg, uint8_t val)
{
	bool was_frozen = rtc_frozen(r), was_reset = (r->cmos[REG_A] & A_DIV_RESET) == A_DIV_RESET;
	uint64_t old_period = periodic_ns(r), sub;

	if (!was_frozen)
		registers_from_time(r);
	r->cmos[reg] = val;
	/* "Divider control": the first update comes half a second after the divider chain is let go. */
	(void)rtc_time(r, &sub);
	if (was_reset && (val & A_DIV_RESET) != A_DIV_RESET && reg == REG_A)
		sub = NS_PER_SEC / 2;
	if (was_frozen && !rtc_frozen(r)) {
		time_from_registers(r, sub);
		tell_change(r);
	}
	if (periodic_ns(r) != old_period) {
		r->owed = 0;
		r->next_periodic_ns = (uint64_t)clock_now(&r->dev.machine->clock) + periodic_ns(r);
	}
}

static void write_time(struct rtc *r, unsigned reg, uint8_t val)
{
	uint64_t sub;

	if (rtc_frozen(r)) {
		r->cmos[reg] = val;
		return;
	}
	(void)rtc_time(r, &sub);
	registers_from_time(r);
	r->cmos[reg] = val;
	time_from_registers(r, sub);
	tell_change(r);
}

static void write_data(struct rtc *r, uint8_t val)
{
	unsigned reg = cmos_offset(r);

	catch_up(r);
	if (reg == REG_A)
		change_control(r, reg, val & ~A_UIP);
	else if (reg == REG_B)
		change_control(r, reg, val & B_SET ? val & ~B_UIE : val);      /* "SET": clears UIE */
	else if (is_time(reg))
		write_time(r, reg, val);
	else if (reg != REG_C && reg != REG_D)
		r->cmos[reg] = val;
	update_irq(r);
	arm(r);
}

static uint8_t read_flags(struct rtc *r)
{
	catch_up(r);
	uint8_t v = r->cmos[REG_C];
	r->cmos[REG_C] = 0;
	update_irq(r);
	arm(r);
	return v;
}

static uint8_t read_data(struct rtc *r)
{
	unsigned reg = cmos_offset(r);
	uint64_t sub;

	if (reg == REG_C)
		return read_flags(r);
	if (reg == REG_A && !rtc_frozen(r)) {
		(void)rtc_time(r, &sub);
		return r->cmos[REG_A] | (sub >= (uint64_t)NS_PER_SEC - UIP_NS ? A_UIP : 0);
	}
	if (is_time(reg) && !rtc_frozen(r))
		registers_from_time(r);
	return r->cmos[reg];
}

static uint64_t rtc_read(struct device *d, uint64_t off, unsigned size)
{
	return off == PORT_DATA ? read_data(rtc_of(d)) : 0xff;   /* the index port is write-only */
}

static void rtc_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct rtc *r = rtc_of(d);

	if (off == PORT_INDEX)
		r->index = (uint8_t)val;
	else
		write_data(r, (uint8_t)val);
}
static const struct io_ops rtc_ops = { rtc_read, rtc_write, 1, 1 };

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */

/* The time -rtc base= asks for, as the reference of the clock. */
static bool start_time(struct rtc *r, struct error *err)
{
	const struct options *o = r->dev.machine->opt;
	uint64_t real = read_clock(CLOCK_REALTIME);
	time_t t = (time_t)(real / NS_PER_SEC);
	struct tm tm = { 0 };

	if (o->rtc_base == RTC_LOCALTIME && localtime_r(&t, &tm)) {
		t = timegm(&tm);
	} else if (o->rtc_base == RTC_DATE) {
		const char *end = strptime(o->rtc_date, "%Y-%m-%dT%H:%M:%S", &tm);
		if (!end) {
			memset(&tm, 0, sizeof tm);
			end = strptime(o->rtc_date, "%Y-%m-%d", &tm);
		}
		if (!end || *end)
			return error_set(err, "-rtc base=%s is no date: use utc, localtime, 2006-06-17T16:01:21 or 2006-06-17", o->rtc_date);
		t = timegm(&tm);
	}
	rtc_set_time(r, t, o->rtc_base == RTC_DATE ? 0 : real % NS_PER_SEC);
	r->default_epoch_s = r->epoch_s;
	r->default_origin_ns = r->origin_ns;
	return true;
}

static bool rtc_realize(struct device *d, struct error *err)
{
	struct rtc *r = rtc_of(d);

	timer_init(&r->timer, rtc_timer, r);
	r->cmos[REG_A] = A_DIV_32KHZ | 6;       /* 1024 Hz, the PC's usual rate */
	r->cmos[REG_B] = B_24H;
	r->cmos[REG_D] = D_VRT;
	r->next_periodic_ns = (uint64_t)clock_now(&d->machine->clock) + periodic_ns(r);
	if (d->machine->opt->rtc_slew)
		r->lost_tick_policy = TICKS_SLEW;
	if (!start_time(r, err) || !isa_irq(d, r->irq_number, &r->irq, err) ||
	    !isa_map(d, &r->ports, "rtc", r->iobase, PORT_COUNT, &rtc_ops, err))
		return false;
	if (!d->machine->rtc)
		d->machine->rtc = d;
	return true;
}

static void rtc_unrealize(struct device *d)
{
	struct rtc *r = rtc_of(d);

	timer_cancel(d->machine, &r->timer);
	isa_unmap(d, &r->ports);
	if (d->machine->rtc == d)
		d->machine->rtc = NULL;
}

/* "RESET": interrupt enables and flags go, time and RAM stay. */
static void rtc_reset(struct device *d, enum reset_kind kind)
{
	struct rtc *r = rtc_of(d);

	r->cmos[REG_B] &= ~(B_PIE | B_AIE | B_UIE | B_SQWE);
	r->cmos[REG_C] = 0;
	r->owed = 0;
	timer_cancel(d->machine, &r->timer);
}

static void rtc_reset_done(struct device *d)
{
	update_irq(rtc_of(d));
}

static void rtc_saving(struct device *d)
{
	struct rtc *r = rtc_of(d);
	uint64_t sub;

	catch_up(r);
	r->saved_s = d->machine->opt->rtc_clock == RTC_RT ? (uint64_t)rtc_time(r, &sub) : 0;
}

static bool rtc_loaded(struct device *d, struct error *err)
{
	struct rtc *r = rtc_of(d);
	uint64_t now = (uint64_t)clock_now(&d->machine->clock);

	/* Bounds that keep the arithmetic above meaningful: within a million years, and the next period close by. */
	if (r->wday_shift > 6 || (int64_t)r->epoch_s > INT64_C(31556952000000) || (int64_t)r->epoch_s < -INT64_C(31556952000000))
		return error_set(err, "%s: the saved time is out of range", d->desc->name);
	r->cmos[REG_A] &= ~A_UIP;
	r->cmos[REG_D] = D_VRT;
	if (r->next_periodic_ns > now + NS_PER_SEC)
		r->next_periodic_ns = now + periodic_ns(r);
	r->owed = r->owed < LOST_TICKS_MAX ? r->owed : LOST_TICKS_MAX;
	r->told_ns = r->told_ns <= now ? r->told_ns : now;
	if (d->machine->opt->rtc_clock == RTC_RT)
		rtc_set_time(r, (int64_t)r->saved_s, 0);
	catch_up(r);
	return true;
}

const struct device_desc mc146818_desc = {
	.name = "mc146818rtc", .bus = "ISA", .category = "Misc", .description = "MC146818 real-time clock and CMOS RAM",
	.size = sizeof(struct rtc), .user_creatable = true, .props = rtc_props, .state = rtc_state, .state_version = 2,
	.realize = rtc_realize, .unrealize = rtc_unrealize, .reset = rtc_reset, .reset_done = rtc_reset_done,
	.saving = rtc_saving, .loaded = rtc_loaded,
};

void mc146818_set_cmos(struct device *d, unsigned index, uint8_t val)
{
	if (index > REG_D && index < sizeof rtc_of(d)->cmos && index != REG_CENTURY)
		rtc_of(d)->cmos[index] = val;
}

uint8_t mc146818_get_cmos(struct device *d, unsigned index)
{
	return index < sizeof rtc_of(d)->cmos ? rtc_of(d)->cmos[index] : 0xff;
}

bool mc146818_nmi_masked(const struct device *d)
{
	return container_of(d, const struct rtc, dev)->index & INDEX_NMI_MASK;
}
