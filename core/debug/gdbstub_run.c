/* gdbstub_run.c - stopping and going on for gdb: attach, detach, continue, step, stop replies. */
#include "core/debug/gdbstub_priv.h"
#include "core/cpu/breakpoint.h"
#include "core/cpu/vcpu.h"
#include <string.h>

/* ---- coming and going ---- */

/* Take back all that was asked of the vCPUs. */
static void undo(struct gdbstub *s)
{
	struct machine *m = s->m;
	bool running = m->state == RUN_RUNNING && m->accel->runs_guest;

	if (running && !m->quitting)
		vcpu_park_all(m);
	break_clear_all(m);
	for (unsigned n = 0; n < m->n_cpus; n++)
		m->cpus[n]->debug = (struct cpu_debug){ .stop = STOP_NONE };
	m->held_cpus = 0;
	if (m->state == RUN_RUNNING && !m->quitting) {  /* the lock was let go meanwhile */
		clock_run(&m->clock);
		vcpu_resume_all(m);
	}
	s->waiting = false;
	s->phys = false;
	s->sstep = SSTEP_ALL;
	s->cpu = s->run_cpu = 0;
}

void gdb_forget(struct gdbstub *s)
{
	if (s->attached)
		undo(s);
	s->attached = false;
	gdb_framing_reset(s);
	s->multiprocess = s->swbreak = s->hwbreak = false;
}

void gdb_attach(struct gdbstub *s)
{
	gdb_forget(s);
	s->attached = true;
	machine_stop(s->m, RUN_PAUSED);
}

void gdb_detach(struct gdbstub *s)
{
	undo(s);
	s->attached = false;
	machine_start(s->m);
}

/* A packet comes.  After a detach it attaches again; while the machine runs, by whoever's wish, it stops it. */
void gdb_need_stop(struct gdbstub *s)
{
	s->attached = true;
	machine_stop(s->m, RUN_PAUSED);
}

void gdb_interrupt(struct gdbstub *s)
{
	if (!s->attached)
		return;
	if (s->m->state == RUN_RUNNING)
		machine_stop(s->m, RUN_PAUSED);
	else
		gdb_machine_stopped(s);         /* it could not go on */
}

/* ---- stop replies ---- */

static int signal_of(const struct machine *m)
{
	switch (m->state) {
	case RUN_DEBUG:          return SIG_TRAP;
	case RUN_SHUTDOWN:       return SIG_QUIT;
	case RUN_INTERNAL_ERROR: return SIG_ABORT;
	case RUN_IO_ERROR:       return SIG_STOP;
	default:                 return SIG_INT;
	}
}

/* The vCPU to tell of: gdb's own if it has a reason, else the first that has. */
static struct cpu *stopped_cpu(struct gdbstub *s)
{
	struct machine *m = s->m;

	if (m->cpus[s->run_cpu]->debug.stop)
		return m->cpus[s->run_cpu];
	for (unsigned n = 0; n < m->n_cpus; n++)
		if (m->cpus[n]->debug.stop)
			return m->cpus[n];
	return NULL;
}

static void put_reason(const struct gdbstub *s, const struct cpu_debug *d, struct text *t)
{
	static const char *const watch[] = { [BREAK_WRITE] = "watch", [BREAK_READ] = "rwatch", [BREAK_ACCESS] = "awatch" };

	if (d->stop == STOP_WATCH)
		text_printf(t, "%s:%llx;", watch[d->kind], (unsigned long long)d->addr);
	else if (d->stop == STOP_BREAK && d->kind == BREAK_SOFT && s->swbreak)
		text_printf(t, "swbreak:;");
	else if (d->stop == STOP_BREAK && d->kind == BREAK_HARD && s->hwbreak)
		text_printf(t, "hwbreak:;");
}

static void send_stop(struct gdbstub *s, int sig, const struct cpu_debug *why)
{
	struct text t = { 0 };

	text_printf(&t, "T%02xthread:", sig);
	gdb_put_thread(s, s->cpu, &t);
	text_printf(&t, ";");
	if (why)
		put_reason(s, why, &t);
	gdb_send(s, t.s, t.len);
	text_free(&t);
}

void gdb_machine_stopped(struct gdbstub *s)
{
	if (!s->attached || !s->waiting)
		return;
	s->waiting = false;
	struct cpu *c = stopped_cpu(s);
	s->cpu = s->run_cpu = c ? c->index : s->run_cpu;
	if (!c) {
		send_stop(s, signal_of(s->m), NULL);
		return;
	}
	send_stop(s, SIG_TRAP, &c->debug);
	c->debug.stop = STOP_NONE;
}

void gdb_stop_reply(struct gdbstub *s) { send_stop(s, SIG_TRAP, NULL); }

/* ---- going on ---- */

/* A watchpoint that another vCPU hit at the same time is told before that one goes on, if it still counts: gdb takes all away at each stop
 * and puts back what it wants to keep.  A breakpoint that vCPU will find again. */
static bool owed(struct gdbstub *s, const struct gdb_actions *a)
{
	bool any = false;

	for (unsigned n = 0; n < s->m->n_cpus; n++) {
		struct cpu_debug *d = &s->m->cpus[n]->debug;
		if (d->stop != STOP_WATCH || !break_is_set(s->m, (enum break_kind)d->kind, d->addr))
			d->stop = STOP_NONE;
		any |= d->stop == STOP_WATCH && a->of[n];
	}
	return any;
}

void gdb_resume(struct gdbstub *s, const struct gdb_actions *a)
{
	struct machine *m = s->m;
	uint64_t held = 0;
	bool freeze = false;

	s->waiting = true;
	if (owed(s, a)) {
		gdb_machine_stopped(s);
		return;
	}
	for (unsigned n = 0; n < m->n_cpus; n++) {
		struct cpu *c = m->cpus[n];
		struct cpu_debug *d = &c->debug;
		d->step = (a->of[n] == 's' || a->of[n] == 'r') && (s->sstep & SSTEP_ENABLE);
		d->no_irq = d->step && (s->sstep & SSTEP_NOIRQ);
		d->range_start = a->of[n] == 'r' ? a->start[n] : 0;
		d->range_end = a->of[n] == 'r' ? a->end[n] : 0;
		if (!a->of[n])
			held |= UINT64_C(1) << n;
		/* Time stands still for a step, but a CPU that waits for an interrupt must get one. */
		freeze |= d->step && (s->sstep & SSTEP_NOTIMER) && c->run_state == CPU_RUNNING;
	}
	machine_start_some(m, held, freeze);
}

/* One of ";c", ";C SIG", ";s", ";S SIG", ";r START,END", each perhaps with ":THREAD"; the leftmost that fits a vCPU holds for it. */
static bool take_action(struct gdbstub *s, const char **p, struct gdb_actions *a)
{
	uint64_t sig, start = 0, end = 0;
	int cpu = -1;
	char what;

	if (*(*p)++ != ';')
		return false;
	what = *(*p)++;
	if (what == 'C' || what == 'S') {
		if (!gdb_number(p, &sig))
			return false;
		what = what == 'C' ? 'c' : 's';
	} else if (what == 'r') {
		if (!gdb_number_then(p, ',', &start) || !gdb_number(p, &end))
			return false;
	} else if (what != 'c' && what != 's') {
		return false;
	}
	if (**p == ':') {
		++*p;
		if (!gdb_thread_id(s, p, &cpu))
			return false;
	}
	for (unsigned n = 0; n < s->m->n_cpus; n++) {
		if (a->of[n] || (cpu >= 0 && (unsigned)cpu != n) || (cpu == -2 && n != s->run_cpu))
			continue;
		a->of[n] = what;
		a->start[n] = start;
		a->end[n] = end;
	}
	return true;
}

void gdb_vcont(struct gdbstub *s, const char *p)
{
	struct gdb_actions a = { .of = { 0 } };

	do
		if (!take_action(s, &p, &a)) {
			gdb_error(s, GDB_BAD);
			return;
		}
	while (*p);
	gdb_resume(s, &a);
}
