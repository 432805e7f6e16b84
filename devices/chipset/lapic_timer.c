/* lapic_timer.c - the local APIC's timer: one-shot, periodic and TSC-deadline.  Ref: Intel SDM volume 3, "APIC Timer".
 *
 * It counts at 1 GHz before the divider.  Nothing runs while the interrupt is masked: the count is computed when read. */
#include "core/cpu/cpu.h"
#include "core/cpu/cpuid.h"
#include "devices/chipset/lapic_priv.h"

/* A period below this would keep the host busy with interrupts the guest cannot take; shorter ones are merged. */
enum { MIN_PERIOD_NS = 10000, RETRY_MAX_NS = 1000000000 };

enum lapic_timer_mode lapic_timer_mode(const struct lapic *l)
{
	unsigned mode = l->lvt[LVT_TIMER] >> 17 & 3;

	return mode > TIMER_TSC_DEADLINE ? TIMER_ONE_SHOT : (enum lapic_timer_mode)mode;
}

/* "Divide Configuration Register": bits 3, 1, 0; 111b = by 1. */
unsigned lapic_timer_divisor(const struct lapic *l)
{
	unsigned code = (l->divide & 3) | (l->divide >> 1 & 4);

	return code == 7 ? 1 : 2u << code;
}

static uint64_t now_ns(const struct lapic *l)
{
	return (uint64_t)clock_now(&l->dev.machine->clock);
}

static uint64_t period_ns(const struct lapic *l)
{
	return (uint64_t)l->initial_count * lapic_timer_divisor(l);
}

uint32_t lapic_timer_count(struct lapic *l)
{
	uint64_t ticks = (now_ns(l) - l->timer_start) / lapic_timer_divisor(l);

	if (!l->initial_count || lapic_timer_mode(l) == TIMER_TSC_DEADLINE)
		return 0;
	if (lapic_timer_mode(l) == TIMER_PERIODIC)
		return l->initial_count - (uint32_t)(ticks % l->initial_count);
	return ticks < l->initial_count ? l->initial_count - (uint32_t)ticks : 0;
}

/* ns from now until the time stamp counter reaches the deadline; checked again when that time has come, since only the CPU knows
 * the counter's rate.  Without a CPU the counter is the clock. */
static int64_t deadline_wait(const struct lapic *l)
{
	uint64_t tsc = l->cpu ? cpu_tsc(l->cpu) : now_ns(l);

	if (tsc >= l->tsc_deadline)
		return 0;
	uint64_t wait = l->cpu ? mul_div64(l->tsc_deadline - tsc, NS_PER_SEC, TSC_HZ) + 1 : l->tsc_deadline - tsc;
	return wait > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)wait;
}

void lapic_timer_arm(struct lapic *l)
{
	struct machine *m = l->dev.machine;
	uint64_t now = now_ns(l), period = period_ns(l), since = now - l->timer_start;
	bool armed = !(l->lvt[LVT_TIMER] & LVT_MASKED) && !m->apic_engine;

	if (armed && lapic_timer_mode(l) == TIMER_TSC_DEADLINE && l->tsc_deadline) {
		timer_set(m, &l->timer, (int64_t)now + deadline_wait(l));
	} else if (armed && lapic_timer_mode(l) == TIMER_PERIODIC && period) {
		uint64_t next = now + period - since % period;
		timer_set(m, &l->timer, (int64_t)(next < now + MIN_PERIOD_NS && period < MIN_PERIOD_NS ? now + MIN_PERIOD_NS : next));
	} else if (armed && lapic_timer_mode(l) == TIMER_ONE_SHOT && period && l->counting) {
		/* Also when that time is over already: on a busy host the loop, or we, may be late, and the interrupt is still due. */
		timer_set(m, &l->timer, (int64_t)(l->timer_start + period));
	} else {
		timer_cancel(m, &l->timer);
	}
}

/* Nothing runs while the interrupt is masked: an end that came meanwhile is found, and no interrupt later. */
static void find_end(struct lapic *l)
{
	l->counting = now_ns(l) - l->timer_start < period_ns(l);
	if (l->tsc_deadline && !deadline_wait(l))
		l->tsc_deadline = 0;
}

uint64_t lapic_timer_tsc_deadline(const struct lapic *l)
{
	bool over = l->tsc_deadline && (l->lvt[LVT_TIMER] & LVT_MASKED) && !deadline_wait(l);

	return lapic_timer_mode(l) == TIMER_TSC_DEADLINE && !over ? l->tsc_deadline : 0;
}

void lapic_timer_expired(void *arg)
{
	struct lapic *l = arg;

	if (lapic_timer_mode(l) == TIMER_TSC_DEADLINE) {
		if (deadline_wait(l) > 0) {
			lapic_timer_arm(l);
			return;
		}
		l->tsc_deadline = 0;
	}
	l->counting = false;
	lapic_lvt_event(l, LVT_TIMER);
	lapic_timer_arm(l);
}

void lapic_timer_start(struct lapic *l, uint32_t count)
{
	if (lapic_timer_mode(l) == TIMER_TSC_DEADLINE && count)
		return;                 /* "writes to the initial-count register are ignored" */
	l->initial_count = count;
	l->timer_start = now_ns(l);
	l->counting = true;
	lapic_timer_arm(l);
}

/* The count goes on from where it is at the new rate. */
void lapic_timer_divide(struct lapic *l, uint32_t divide)
{
	uint64_t done = (now_ns(l) - l->timer_start) / lapic_timer_divisor(l);

	l->divide = divide;
	l->timer_start = now_ns(l) - done * lapic_timer_divisor(l);
	lapic_timer_arm(l);
}

void lapic_timer_deadline(struct lapic *l, uint64_t tsc)
{
	if (lapic_timer_mode(l) != TIMER_TSC_DEADLINE)
		return;                 /* "ignored in other modes" */
	l->tsc_deadline = tsc;
	lapic_timer_arm(l);
}

/* "Transitioning to or from TSC-deadline mode disarms the timer". */
void lapic_timer_mode_changed(struct lapic *l, uint32_t old_lvt)
{
	if (old_lvt & LVT_MASKED)
		find_end(l);
	bool was = (old_lvt >> 17 & 3) == TIMER_TSC_DEADLINE;

	if (was != (lapic_timer_mode(l) == TIMER_TSC_DEADLINE)) {
		l->initial_count = 0;
		l->tsc_deadline = 0;
	}
	lapic_timer_arm(l);
}
