/* clock.c - virtual clock and timers. */
#include "core/machine/clock.h"
#include "core/cpu/vcpu.h"
#include "core/machine/machine.h"

void clock_init(struct clock *k, struct machine *m)
{
	*k = (struct clock){ .machine = m, .soonest = NO_DEADLINE };
}

int64_t clock_now(struct clock *k)
{
	if (!atomic_load_explicit(&k->running, memory_order_acquire))
		return atomic_load_explicit(&k->frozen_at, memory_order_relaxed) + (k->counted ? clock_counted_ahead(k->counted) : 0);
	int64_t now = host_ns() + atomic_load_explicit(&k->offset, memory_order_relaxed);
	if (now - CLOCK_LATE_NS > atomic_load_explicit(&k->soonest, memory_order_relaxed))
		atomic_store_explicit(&k->late, true, memory_order_relaxed);
	return now;
}

void clock_run(struct clock *k)
{
	if (k->running || k->stepped)
		return;
	k->offset = k->frozen_at - host_ns();
	atomic_store_explicit(&k->running, true, memory_order_release);
	loop_wake(k->machine->loop);
}

void clock_stop(struct clock *k)
{
	if (!k->running)
		return;
	k->frozen_at = clock_now(k);
	atomic_store_explicit(&k->running, false, memory_order_release);
	k->late = false;
}

void clock_set(struct clock *k, int64_t now)
{
	k->frozen_at = now;
}

void clock_jump(struct clock *k, int64_t now)
{
	int64_t by = now - k->frozen_at;
	for (struct timer *t = k->head; t; t = t->next)
		t->deadline += by;
	k->frozen_at = now;
	k->soonest = clock_deadline(k);
}

int64_t clock_deadline(struct clock *k)
{
	return k->head ? k->head->deadline : NO_DEADLINE;
}

static void clock_unlink(struct clock *k, struct timer *t)
{
	for (struct timer **p = &k->head; *p; p = &(*p)->next)
		if (*p == t) {
			*p = t->next;
			break;
		}
	t->next = NULL;
	t->deadline = NO_DEADLINE;
	k->soonest = clock_deadline(k);
}

void clock_run_timers(struct clock *k)
{
	int64_t now = clock_now(k);
	while (k->head && k->head->deadline <= now) {
		struct timer *t = k->head;
		clock_unlink(k, t);
		t->fn(t->arg);
	}
	k->late = false;
}

void clock_advance(struct clock *k, int64_t target)
{
	while (k->head && k->head->deadline <= target) {
		if (k->head->deadline > k->frozen_at)
			k->frozen_at = k->head->deadline;
		struct timer *t = k->head;
		clock_unlink(k, t);
		t->fn(t->arg);
	}
	if (target > k->frozen_at)
		k->frozen_at = target;
}

void timer_init(struct timer *t, void (*fn)(void *), void *arg)
{
	*t = (struct timer){ .fn = fn, .arg = arg, .deadline = NO_DEADLINE };
}

void timer_set(struct machine *m, struct timer *t, int64_t deadline)
{
	struct clock *k = &m->clock;
	if (t->deadline != NO_DEADLINE)
		clock_unlink(k, t);
	if (deadline == NO_DEADLINE)
		return;
	struct timer **p = &k->head;
	while (*p && (*p)->deadline <= deadline)
		p = &(*p)->next;
	t->deadline = deadline;
	t->next = *p;
	*p = t;
	k->soonest = clock_deadline(k);
	if (k->head == t && k->running)
		loop_wake(m->loop);
	else if (k->head == t && k->counted)
		vcpu_kick(m->cpus[0]);
}

void timer_cancel(struct machine *m, struct timer *t)
{
	if (t->deadline != NO_DEADLINE)
		clock_unlink(&m->clock, t);
}
