/* counted.c - all vCPUs in one thread by instruction count: turns, time, idling. */
#include "core/cpu/counted.h"
#include "core/block/block.h"
#include "core/cpu/breakpoint.h"
#include "core/cpu/cpu.h"
#include "core/cpu/vcpu.h"
#include "core/machine/machine.h"
#include <stdlib.h>
#include <time.h>

struct counted {
	struct machine *machine;
	unsigned shift;
	bool sleep;                     /* idle time passes in the host's time, too */
	_Atomic(struct cpu *) at;       /* has its turn, or had the last */
	_Atomic bool executing;         /* `at` has its turn */
	uint64_t started_at;            /* its icount when the turn began */
	int64_t length;                 /* of the turn, ns */
	uint32_t turns;                 /* state of their lengths */
	uint64_t random;                /* and of RDRAND */
};

struct counted *counted_new(struct machine *m)
{
	struct counted *k = calloc(1, sizeof(*k));
	if (!k)
		abort();
	*k = (struct counted){ .machine = m, .shift = m->opt->icount.shift, .sleep = m->opt->icount.sleep };
	return k;
}

void counted_free(struct counted *k) { free(k); }

struct cpu *counted_current(const struct counted *k)
{
	struct cpu *c = atomic_load(&k->at);
	return c && vcpu_thread_is_own(c) ? c : NULL;
}

/* ---- time ------------------------------------------------------------------------------------------------------------------------------
 *
 * The clock stands at the time when the turn began; what has been executed since comes on top for the thread itself. */

static int64_t executed(const struct counted *k, const struct cpu *c, unsigned in_block)
{
	int64_t n = (int64_t)(c->icount + in_block - k->started_at);
	return n > 0 ? n << k->shift : 0;       /* INIT sets the count back */
}

/* With the instructions of the block so far, as near as is known; the same in each run. */
int64_t clock_counted_ahead(const struct counted *k)
{
	const struct cpu *c = k->at;
	return k->executing && vcpu_thread_is_own(c) ? executed(k, c, c->cur ? c->cur->idx : 0u) : 0;
}

static void begin_turn(struct counted *k, struct cpu *c)
{
	/* Not always the same: two loops that wait for each other must not keep step with their turns. */
	k->turns = k->turns * UINT32_C(1664525) + UINT32_C(1013904223);
	k->length = (int64_t)(COUNTED_TURN / 2 + (k->turns >> 16) % COUNTED_TURN) << k->shift;
	k->at = c;
	k->started_at = c->icount;
	k->executing = true;
}

static void end_turn(struct counted *k)
{
	struct clock *clock = &k->machine->clock;
	int64_t now = clock->frozen_at + executed(k, k->at, 0);
	k->executing = false;
	clock_set(clock, now);
}

void counted_begin(struct cpu *c)
{
	if (!c->exc_pending)
		c->cur = NULL;          /* an instruction of the block before */
}

bool counted_passed(struct cpu *c)
{
	struct counted *k = c->machine->counted;
	struct clock *clock = &c->machine->clock;
	int64_t n = executed(k, c, 0);
	return n < k->length && n < clock_soonest(clock) - clock->frozen_at;
}

void counted_yield(struct cpu *c)
{
	if (c->machine->counted)
		c->machine->counted->length = 0;
}

/* Vigna's splitmix64. */
bool counted_random(struct cpu *c, uint64_t *v)
{
	struct counted *k = c->machine->counted;
	if (!k)
		return false;
	uint64_t z = k->random += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	*v = z ^ z >> 31;
	return true;
}

void counted_save(const struct counted *k, struct counted_state *s)
{
	const struct cpu *c = k ? atomic_load(&k->at) : NULL;
	*s = (struct counted_state){ .turns = k ? k->turns : 0, .random = k ? k->random : 0, .last = c ? c->index : k ? k->machine->n_cpus - 1 : 0 };
}

void counted_load(struct counted *k, const struct counted_state *s)
{
	if (!k)
		return;
	k->turns = s->turns;
	k->random = s->random;
	k->at = k->machine->cpus[s->last];
}

uint64_t counted_instructions(const struct machine *m)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < m->n_cpus; i++)
		n += cpu_icount(m->cpus[i]);
	return n;
}

static void run_timers(struct machine *m)
{
	int64_t now = clock_now(&m->clock);
	if (clock_soonest(&m->clock) > now)
		return;
	machine_lock(m);
	clock_advance(&m->clock, now);
	machine_unlock(m);
}

/* ---- turns ----------------------------------------------------------------------------------------------------------------------------- */

static bool has_work(const struct machine *m, unsigned n)
{
	struct cpu *c = m->cpus[n];
	return !(m->held_cpus >> n & 1) && (atomic_load(&c->run_state) == CPU_RUNNING || vcpu_must_wake(c));
}

/* The next one with work after the CPU that ran last, or NULL. */
static struct cpu *next_cpu(struct counted *k)
{
	struct machine *m = k->machine;
	struct cpu *last = k->at;
	for (unsigned n = 1; n <= m->n_cpus; n++) {
		unsigned i = ((last ? last->index : m->n_cpus - 1) + n) % m->n_cpus;
		if (has_work(m, i))
			return m->cpus[i];
	}
	return NULL;
}

/* Requests of drives end here and nowhere else, in the order in which the drives were done with them. */
static bool finish_requests(struct machine *m)
{
	if (!drive_busy(m))
		return false;
	machine_lock(m);
	drive_finish(m);
	machine_unlock(m);
	return true;
}

/* All are halted: to the next timer. */
static void idle(struct counted *k)
{
	struct machine *m = k->machine;
	int64_t now = clock_now(&m->clock), until = clock_soonest(&m->clock), slept = 0;
	if (k->sleep || until == NO_DEADLINE)
		slept = vcpu_wait_all(m, until == NO_DEADLINE ? -1 : until - now);
	else
		slept = until - now;
	machine_lock(m);
	until = clock_soonest(&m->clock);
	clock_advance(&m->clock, now + slept < until ? now + slept : until);
	machine_unlock(m);
}

void counted_run(struct machine *m)
{
	struct counted *k = m->counted;
	while (!(atomic_load(&m->cpus[0]->exit_req) & REQ_STOP)) {
		run_timers(m);
		if (finish_requests(m))
			continue;
		struct cpu *c = next_cpu(k);
		if (!c) {
			idle(k);
			continue;
		}
		begin_turn(k, c);
		vcpu_turn(c);
		end_turn(k);
		if (unlikely(c->debug.stop != STOP_NONE))
			break_report(c);
	}
}
