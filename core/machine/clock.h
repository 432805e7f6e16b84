/* clock.h - the machine's virtual clock and its timers.
 *
 * One clock in ns that starts at 0 and stops while the machine is stopped.  It follows the host's monotonic clock; under qtest it
 * moves only when stepped.  Timer callbacks run with the machine lock held, in the loop thread, or, when that is late with one and a vCPU
 * has looked at the clock, in that vCPU's thread between two blocks of guest code. */
#ifndef CORE_MACHINE_CLOCK_H
#define CORE_MACHINE_CLOCK_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
struct machine;
struct counted;
#define NS_PER_SEC INT64_C(1000000000)
#define NO_DEADLINE INT64_MAX

/* The host's monotonic clock. */
static inline int64_t host_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_SEC + t.tv_nsec;
}

struct timer {
	struct timer *next;
	void (*fn)(void *arg);
	void *arg;
	int64_t deadline;               /* ns, NO_DEADLINE when idle */
};
struct clock {
	struct machine *machine;
	struct timer *head;             /* sorted by deadline; machine lock */
	_Atomic int64_t offset;         /* virtual = host monotonic + offset while running */
	_Atomic int64_t frozen_at;      /* virtual time while stopped or stepped */
	_Atomic bool running;
	bool stepped;                   /* qtest and -icount: time moves by clock_set and clock_advance only */
	struct counted *counted;        /* -icount: who moves it (core/cpu/counted.h); else NULL */
	_Atomic int64_t soonest;        /* head's deadline, or NO_DEADLINE */
	_Atomic bool late;              /* somebody was told a time well past it, and the timer has not run yet */
};
void    clock_init(struct clock *k, struct machine *m);
int64_t clock_now(struct clock *k);                             /* any thread */
void    clock_run(struct clock *k);                             /* machine lock */
void    clock_stop(struct clock *k);
void    clock_set(struct clock *k, int64_t now);                /* stopped machine: after loading a state, or qtest */
/* Stopped machine: another time, at which pending timers have as far to go as before. */
void    clock_jump(struct clock *k, int64_t now);
int64_t clock_deadline(struct clock *k);                        /* earliest deadline or NO_DEADLINE; machine lock */
static inline int64_t clock_soonest(const struct clock *k) { return k->soonest; }       /* the same for any thread */
/* Has a time been told that is more than CLOCK_LATE_NS past a deadline whose timer has not run?  Any thread. */
enum { CLOCK_LATE_NS = 500000 };
static inline bool clock_late(const struct clock *k) { return atomic_load_explicit(&k->late, memory_order_relaxed); }
void    clock_run_timers(struct clock *k);                      /* call what is due; machine lock */
/* counted.c: ns that the block which the calling thread executes has taken so far. */
int64_t clock_counted_ahead(const struct counted *c);
/* Stepped: advance to `target`, running timers in order at their own deadlines. */
void    clock_advance(struct clock *k, int64_t target);

void timer_init(struct timer *t, void (*fn)(void *), void *arg);
void timer_set(struct machine *m, struct timer *t, int64_t deadline);   /* (re)arm at an absolute time; machine lock */
void timer_cancel(struct machine *m, struct timer *t);
static inline bool timer_pending(const struct timer *t) { return t->deadline != NO_DEADLINE; }
/* a * b / c without overflow of the product: for converting ticks and ns. */
static inline uint64_t mul_div64(uint64_t a, uint64_t b, uint64_t c) { return (uint64_t)((unsigned __int128)a * b / c); }
#endif
