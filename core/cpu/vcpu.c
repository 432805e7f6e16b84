/* vcpu.c - the threads of vCPUs: run, sleep in HLT, park. */
#include "core/cpu/vcpu.h"
#include "core/cpu/accel_conf.h"
#include "core/block/block.h"
#include "core/cpu/breakpoint.h"
#include "core/cpu/counted.h"
#include "core/cpu/cpu.h"
#include "core/jit/jit.h"
#include "core/machine/machine.h"
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

struct vcpu_thread {
	pthread_t       thread;
	pthread_mutex_t mutex;          /* guards the fields below; taken after the machine lock or without it, never before */
	pthread_cond_t  changed;        /* any of them changed, or exit_req did while `sleeping` */
	bool            want_park, parked, quit;
	_Atomic bool    sleeping;       /* waits for `changed` in HLT */
	_Atomic int     tid;            /* 0 until the thread has set self */
	pthread_t       self;
	int64_t         poll_ns;        /* how long to look before sleeping; its own thread's */
};                                      /* with -icount all CPUs have the same */

bool vcpu_thread_is_own(const struct cpu *c)
{
	const struct vcpu_thread *t = c->thread;
	return t && t->tid && pthread_equal(t->self, pthread_self());
}

struct cpu *vcpu_current(struct machine *m)
{
	if (m->counted)
		return counted_current(m->counted);
	for (unsigned n = 0; n < m->n_cpus; n++) {
		if (m->cpus[n] && vcpu_thread_is_own(m->cpus[n]))
			return m->cpus[n];
	}
	return NULL;
}
struct cpu *vcpu_present(const struct machine *m, int64_t n) { return n >= 0 && n < (int64_t)m->n_cpus && !m->cpus[n]->absent ? m->cpus[n] : NULL; }
int vcpu_thread_id(const struct cpu *c) { return c->thread ? c->thread->tid : 0; }

uint64_t vcpu_busy_ns(const struct machine *m)
{
	uint64_t sum = 0;
	for (unsigned n = 0; n < m->n_cpus && !(n && m->counted); n++) {
		const struct vcpu_thread *t = m->cpus[n]->thread;
		clockid_t clock;
		struct timespec ts;
		if (t && t->tid && !pthread_getcpuclockid(t->self, &clock) && !clock_gettime(clock, &ts))
			sum += (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
	}
	return sum;
}

void vcpu_kick(struct cpu *c)
{
	struct vcpu_thread *t = c->thread;
	if (!t)                         /* not started yet, or ended */
		return;
	if (!atomic_load(&t->sleeping)) {
		if (c->machine->accel->kick)
			c->machine->accel->kick(c);
		return;
	}
	pthread_mutex_lock(&t->mutex);
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->mutex);
}

void vcpu_signal(struct cpu *c, int sig)
{
	struct vcpu_thread *t = c->thread;
	if (t && t->tid && !pthread_equal(t->self, pthread_self()))
		pthread_kill(t->self, sig);
}

/* ---- the thread ---- */

bool vcpu_must_wake(struct cpu *c)
{
	uint32_t req = atomic_load(&c->exit_req);
	if (req & ~(uint32_t)(REQ_INTR | REQ_NMI | REQ_SHADOW | REQ_CODE))
		return true;
	if (c->run_state != CPU_HALTED)
		return false;
	return ((req & REQ_NMI) && !c->nmi_blocked) || ((req & REQ_INTR) && (c->eflags_sys & FL_IF));
}

/* To wake a thread takes the host longer than two CPUs take that hand something to and fro.  So who was woken soon after it had gone to sleep
 * looks for a while before it sleeps the next time, unless another thread wants the core; and not any more after it has slept long. */
enum { POLL_FIRST_NS = 10000, POLL_MOST_NS = 200000, POLL_LOOKS = 64, POLL_DISTURBED_NS = 50000 };

static bool poll_halted(struct cpu *c, int64_t from)
{
	struct vcpu_thread *t = c->thread;
	for (int64_t now = from, last; now - from < t->poll_ns;) {
		for (unsigned n = 0; n < POLL_LOOKS; n++) {
			if (vcpu_must_wake(c))
				return true;
			__builtin_ia32_pause();
		}
		sched_yield();
		last = now;
		now = host_ns();
		if (now - last > POLL_DISTURBED_NS)
			t->poll_ns = 0;
	}
	return false;
}

static void sleep_halted(struct cpu *c)
{
	struct vcpu_thread *t = c->thread;
	int64_t from = host_ns();
	if (vcpu_must_wake(c) || poll_halted(c, from))
		return;
	pthread_mutex_lock(&t->mutex);
	atomic_store(&t->sleeping, true);
	while (!vcpu_must_wake(c))
		pthread_cond_wait(&t->changed, &t->mutex);
	atomic_store(&t->sleeping, false);
	pthread_mutex_unlock(&t->mutex);
	if (host_ns() - from > POLL_MOST_NS)
		t->poll_ns = 0;
	else
		t->poll_ns = t->poll_ns ? t->poll_ns * 2 : POLL_FIRST_NS;
	if (t->poll_ns > POLL_MOST_NS)
		t->poll_ns = POLL_MOST_NS;
}

static bool anyone_must_wake(struct machine *m)
{
	for (unsigned n = 0; n < m->n_cpus; n++)
		if ((!(m->held_cpus >> n & 1) && vcpu_must_wake(m->cpus[n])) || (atomic_load(&m->cpus[n]->exit_req) & REQ_STOP))
			return true;
	return false;
}

int64_t vcpu_wait_all(struct machine *m, int64_t ns)
{
	struct vcpu_thread *t = m->cpus[0]->thread;
	int64_t deadline = clock_soonest(&m->clock);
	int64_t start = host_ns(), end = ns < 0 ? 0 : ns < INT64_MAX - start ? start + ns : INT64_MAX;
	struct timespec until = { .tv_sec = (time_t)(end / NS_PER_SEC), .tv_nsec = (long)(end % NS_PER_SEC) };
	int r = 0;
	pthread_mutex_lock(&t->mutex);
	atomic_store(&t->sleeping, true);
	while (!r && !anyone_must_wake(m) && clock_soonest(&m->clock) == deadline && !drive_busy(m))
		r = ns < 0 ? pthread_cond_wait(&t->changed, &t->mutex) : pthread_cond_clockwait(&t->changed, &t->mutex, CLOCK_MONOTONIC, &until);
	atomic_store(&t->sleeping, false);
	pthread_mutex_unlock(&t->mutex);
	return r ? ns : host_ns() - start;
}

static void triple_fault(struct cpu *c)
{
	struct machine *m = c->machine;
	c->run_state = CPU_SHUTDOWN;
	machine_lock(m);
	machine_request_reset(m, SHUTDOWN_GUEST_RESET);
	machine_unlock(m);
}

/* A step of the debugger: one instruction, or more while they stay in its range. */
static enum cpu_exit debug_step(struct cpu *c)
{
	struct cpu_debug *d = &c->debug;
	if (atomic_load(&c->exit_req) & (REQ_INIT | REQ_SIPI | REQ_SMI))
		return CPUEXIT_REQUEST;
	enum cpu_exit why = cpu_step(c);
	if (why != CPUEXIT_DEBUG || d->stop != STOP_NONE)
		return why;
	if (c->rip >= d->range_start && c->rip < d->range_end && !(d->breaks && break_here(c)))
		return CPUEXIT_REQUEST;
	if (d->stop == STOP_NONE)
		d->stop = STOP_STEP;
	return CPUEXIT_DEBUG;
}

/* The loop has not come to run timers whose time this vCPU has seen pass: their interrupts must not come late by the guest's own clock, as Linux
 * looks whether they do.  While all are asked to park nothing of the kind happens, as the loop is busy with that. */
static void run_late_timers(struct cpu *c)
{
	struct machine *m = c->machine;
	machine_lock(m);
	if (m->clock.running && !(atomic_load(&c->exit_req) & REQ_STOP))
		clock_run_timers(&m->clock);
	machine_unlock(m);
	cpu_clear(c, REQ_TIMERS);
}

enum cpu_exit vcpu_turn(struct cpu *c)
{
	enum cpu_exit why = c->debug.step ? debug_step(c) : c->machine->accel->run(c);
	if (why == CPUEXIT_REQUEST) {
		if (atomic_load(&c->exit_req) & (REQ_INIT | REQ_SIPI | REQ_SMI))
			cpu_take_interrupt(c);
		cpu_clear(c, REQ_RESET | REQ_DEBUG);
	} else if (why == CPUEXIT_TRIPLE_FAULT) {
		triple_fault(c);
	} else if (why == CPUEXIT_DEBUG) {
		cpu_clear(c, REQ_DEBUG);
	}
	if (unlikely(atomic_load(&c->exit_req) & REQ_TIMERS))
		run_late_timers(c);
	return why;
}

/* Run until asked to park. */
static void run(struct cpu *c)
{
	const struct accel_ops *accel = c->machine->accel;
	while (!(atomic_load(&c->exit_req) & REQ_STOP)) {
		if (vcpu_turn(c) == CPUEXIT_HALT)
			sleep_halted(c);
		if (unlikely(c->debug.stop != STOP_NONE))
			break_report(c);
	}
	if (accel->sync)
		accel->sync(c);
}

static void *thread_main(void *arg)
{
	struct cpu *c = arg;
	struct vcpu_thread *t = c->thread;
	char name[16];
	snprintf(name, sizeof(name), "vcpu%u", c->index);
	pthread_setname_np(pthread_self(), name);
	t->self = pthread_self();
	t->tid = (int)syscall(SYS_gettid);
	pthread_mutex_lock(&t->mutex);
	for (;;) {
		while (t->want_park && !t->quit) {
			t->parked = true;       /* again on each turn: a resume taken back before we woke had cleared it */
			pthread_cond_broadcast(&t->changed);
			pthread_cond_wait(&t->changed, &t->mutex);
		}
		if (t->quit)
			break;
		t->parked = false;
		for (unsigned n = 0; n < c->machine->n_cpus; n++)
			if (c->machine->cpus[n]->thread == t)
				cpu_clear(c->machine->cpus[n], REQ_STOP);
		pthread_mutex_unlock(&t->mutex);
		if (c->machine->counted)
			counted_run(c->machine);
		else
			run(c);
		pthread_mutex_lock(&t->mutex);
	}
	pthread_mutex_unlock(&t->mutex);
	return NULL;
}

/* ---- parking ---- */

static void ask_to_park(struct cpu *c)
{
	struct vcpu_thread *t = c->thread;
	pthread_mutex_lock(&t->mutex);
	t->want_park = true;
	pthread_mutex_unlock(&t->mutex);
	cpu_request(c, REQ_STOP);
}

void vcpu_park_all(struct machine *m)
{
	for (unsigned n = 0; n < m->n_cpus; n++)
		if (m->cpus[n]->thread)
			ask_to_park(m->cpus[n]);
	if (vcpu_current(m))
		return;
	machine_unlock(m);
	for (unsigned n = 0; n < m->n_cpus; n++) {
		struct vcpu_thread *t = m->cpus[n]->thread;
		if (!t)
			continue;
		pthread_mutex_lock(&t->mutex);
		while (!t->parked && t->want_park)
			pthread_cond_wait(&t->changed, &t->mutex);
		pthread_mutex_unlock(&t->mutex);
	}
	machine_lock(m);
	if (m->accel->parked)
		m->accel->parked(m);
}

void vcpu_resume_all(struct machine *m)
{
	if (m->accel->resuming)
		m->accel->resuming(m);
	for (unsigned k = 0; k < m->n_cpus; k++) {
		unsigned n = (m->resume_from + k) % m->n_cpus;
		struct vcpu_thread *t = m->cpus[n]->thread;
		if (!t || m->held_cpus >> n & 1)
			continue;
		pthread_mutex_lock(&t->mutex);
		t->want_park = false;
		t->parked = false;
		pthread_cond_broadcast(&t->changed);
		pthread_mutex_unlock(&t->mutex);
	}
}

bool vcpu_all_parked(struct machine *m)
{
	for (unsigned n = 0; n < m->n_cpus; n++) {
		struct vcpu_thread *t = m->cpus[n]->thread;
		if (!t)
			continue;
		pthread_mutex_lock(&t->mutex);
		bool parked = t->parked;
		pthread_mutex_unlock(&t->mutex);
		if (!parked)
			return false;
	}
	return true;
}

/* ---- the engine ---- */

bool vcpu_create_all(struct machine *m, struct error *err)
{
	unsigned present = m->opt->smp ? m->opt->smp : 1, n = m->opt->maxcpus > present ? m->opt->maxcpus : present;
	if (n > MAX_CPUS)
		return error_set(err, "-smp %u: this accelerator takes at most %u CPUs", n, (unsigned)MAX_CPUS);
	if (!accel_check(m, &m->accel_conf, m->accel->name, err))
		return false;
	for (unsigned k = 0; k < n; k++) {
		if (!(m->cpus[k] = cpu_create(m, k, m->opt->cpu, err)))
			return false;
		m->cpus[k]->absent = k >= present;
		m->n_cpus = k + 1;
	}
	return true;
}

static void free_thread(struct cpu *c)
{
	pthread_cond_destroy(&c->thread->changed);
	pthread_mutex_destroy(&c->thread->mutex);
	free(c->thread);
	c->thread = NULL;
}

static bool start_one(struct cpu *c, struct error *err)
{
	struct vcpu_thread *t = calloc(1, sizeof(*t));
	sigset_t all, old;
	if (!t)
		return error_set(err, "out of memory for the thread of CPU %u", c->index);
	pthread_mutex_init(&t->mutex, NULL);
	pthread_cond_init(&t->changed, NULL);
	t->want_park = true;
	c->thread = t;
	sigfillset(&all);               /* signals belong to the main thread */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int r = pthread_create(&t->thread, NULL, thread_main, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r) {
		free_thread(c);
		return error_set(err, "cannot create the thread of CPU %u", c->index);
	}
	return true;
}

void vcpu_stop_all(struct machine *m)
{
	for (unsigned n = 1; m->counted && n < m->n_cpus; n++)
		m->cpus[n]->thread = NULL;      /* the first one's */
	for (unsigned n = 0; n < m->n_cpus; n++) {
		struct cpu *c = m->cpus[n];
		if (!c->thread)
			continue;
		pthread_mutex_lock(&c->thread->mutex);
		c->thread->quit = c->thread->want_park = true;
		pthread_cond_broadcast(&c->thread->changed);
		pthread_mutex_unlock(&c->thread->mutex);
		cpu_request(c, REQ_STOP);
		pthread_join(c->thread->thread, NULL);
		free_thread(c);
	}
}

/* So that whoever asks next is told its number. */
static void wait_until_parked(struct vcpu_thread *t)
{
	pthread_mutex_lock(&t->mutex);
	while (!t->parked)
		pthread_cond_wait(&t->changed, &t->mutex);
	pthread_mutex_unlock(&t->mutex);
}

bool vcpu_start_all(struct machine *m, struct error *err)
{
	for (unsigned n = 0; n < (m->counted ? 1 : m->n_cpus); n++)
		if (!start_one(m->cpus[n], err)) {
			vcpu_stop_all(m);
			return false;
		}
	for (unsigned n = 0; n < m->n_cpus; n++) {
		if (m->counted && n)
			m->cpus[n]->thread = m->cpus[0]->thread;
		wait_until_parked(m->cpus[n]->thread);
	}
	return true;
}

static enum accel_fit jit_fit(struct machine *m, char *why, size_t size) { return jit_possible(m, why, size) ? ACCEL_FIT : ACCEL_UNFIT; }

const struct accel_ops accel_jit = {
	.name = "jit", .runs_guest = true, .fit = jit_fit, .init = vcpu_create_all, .start_vcpus = vcpu_start_all, .stop_vcpus = vcpu_stop_all, .run = cpu_run,
	.info = accel_print,
};
const struct accel_ops accel_interp = {
	.name = "interp", .runs_guest = true, .by_count = true, .init = vcpu_create_all, .start_vcpus = vcpu_start_all, .stop_vcpus = vcpu_stop_all, .run = cpu_run,
	.info = accel_print,
};
