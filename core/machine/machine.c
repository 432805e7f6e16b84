/* machine.c - the machine as a whole: creation, run states, reset, shutdown, state. */
#include "core/machine/machine.h"
#include "core/machine/accel.h"
#include "core/machine/fds.h"
#include "core/block/block.h"
#include "core/char/chardev.h"
#include "core/cpu/breakpoint.h"
#include "core/cpu/counted.h"
#include "core/cpu/vcpu.h"
#include "core/debug/gdbstub.h"
#include "core/machine/backends.h"
#include "core/machine/display.h"
#include "core/machine/input.h"
#include "core/monitor/monitor.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void machine_lock(struct machine *m)
{
	pthread_mutex_lock(&m->lock);
}

void machine_unlock(struct machine *m)
{
	pthread_mutex_unlock(&m->lock);
}

/* ---- creation ------------------------------------------------------------------------------------------------------------------ */

static struct machine *create(struct options *opt, bool whole, struct error *err)
{
	struct machine *m = calloc(1, sizeof(*m));
	if (!m)
		abort();
	m->opt = opt;
	m->devices_end = &m->devices;
	m->ram_size = opt->ram_bytes;
	m->a20 = true;
	m->name = opt->name ? strdup(opt->name) : NULL;
	pthread_mutex_init(&m->lock, NULL);
	clock_init(&m->clock, m);
	space_init(&m->mem, m, "memory", (UINT64_C(1) << 40) - 1);
	space_init(&m->io, m, "I/O", 0xffff);
	bus_init(&m->sysbus, "System", "main-system-bus", NULL);
	enum { ROOM_FOR_ROMS = 128 << 20 };     /* video memory, firmware, option ROMs, hot-plugged cards */
	if (!ram_arena_init(&m->ram, ((m->ram_size + PAGE_SIZE - 1) & PAGE_MASK) + ROOM_FOR_ROMS, err))
		goto fail;
	if (!accel_choose(m, whole, err))
		goto fail;
	m->accel_conf = opt->accel_conf;
	m->clock.stepped = m->accel == &accel_qtest || opt->icount.on;
	if (opt->icount.on && m->accel->runs_guest)
		m->counted = m->clock.counted = counted_new(m);
	if (!(m->loop = loop_new(m, err)))
		goto fail;
	if (!(m->log = log_new(opt->log_mask, opt->log_file, err)))
		goto fail;
	m->input = input_new(m);
	m->display = display_new(m);
	return m;
fail:
	machine_free(m);
	return NULL;
}

struct machine *machine_new_bare(struct options *opt, struct error *err) { return create(opt, false, err); }

static const struct board *find_board(const char *name, struct error *err)
{
	for (const struct board *b = boards; b->name; b++)
		if (!name || !strcmp(name, b->name) || (b->alias && !strcmp(name, b->alias)))
			return b;
	error_set(err, "-machine %s: unsupported machine type\nUse -machine help to list supported machines", name);
	return NULL;
}

static bool lock_memory(struct machine *m, struct error *err)
{
	return !mlock(m->ram.host + m->ram_addr_main, m->ram_size) ||
		error_set(err, "-overcommit mem-lock=on: cannot keep the guest's memory from being swapped out: %s", strerror(errno));
}

struct machine *machine_new(struct options *opt, struct error *err)
{
	struct machine *m = create(opt, true, err);
	if (!m)
		return NULL;
	machine_lock(m);
	const struct board *b = find_board(opt->machine, err);
	m->monitors = monitors_new(m);
	bool ok = b && backends_create(m, err) && (!m->accel->init || m->accel->init(m, err)) && b->build(m, err) &&
		backends_check(m, err) && gdbstub_create(m, err) && (!opt->mem_lock || lock_memory(m, err));
	if (ok)
		machine_reset(m, RESET_POWER_ON);
	machine_unlock(m);
	if (ok)
		return m;
	machine_free(m);
	return NULL;
}

void machine_free(struct machine *m)
{
	if (!m)
		return;
	machine_lock(m);
	gdbstub_stop(m);
	if (m->monitors)
		monitors_free(m);
	bus_unplug_all(&m->sysbus);
	while (m->devices)              /* whatever hangs from no system bus */
		device_unplug(m->devices);
	chardevs_free(m);
	blocks_free(m);
	fds_free(m);
	machine_unlock(m);
	if (m->accel && m->accel->free)
		m->accel->free(m);
	for (unsigned i = 0; i < m->n_cpus; i++)
		if (m->cpus[i])
			cpu_destroy(m->cpus[i]);
	breakpoints_free(m);
	counted_free(m->counted);
	if (m->input)
		input_free(m->input);
	if (m->display)
		display_free(m->display);
	loop_free(m->loop);
	log_free(m->log);
	space_free(&m->mem);
	space_free(&m->io);
	ram_arena_free(&m->ram);
	pthread_mutex_destroy(&m->lock);
	free(m->name);
	options_free(m->opt);
	free(m);
}

/* ---- run states ---------------------------------------------------------------------------------------------------------------- */

void machine_listen(struct machine *m, struct listener *l)
{
	l->next = m->listeners;
	m->listeners = l;
}

void machine_unlisten(struct machine *m, struct listener *l)
{
	for (struct listener **p = &m->listeners; *p; p = &(*p)->next)
		if (*p == l) {
			*p = l->next;
			return;
		}
}

void machine_emit(struct machine *m, enum machine_event ev, const char *detail_json)
{
	for (struct listener *l = m->listeners, *next; l; l = next) {
		next = l->next;
		l->fn(l->arg, ev, detail_json);
	}
}

void machine_start_some(struct machine *m, uint64_t held, bool freeze)
{
	if (m->state == RUN_RUNNING || m->quitting)
		return;
	if (m->state == RUN_SHUTDOWN)           /* as QEMU: a machine that powered off is reset before it runs again */
		machine_reset(m, RESET_SYSTEM);
	m->state = RUN_RUNNING;
	m->held_cpus = held;
	for (unsigned n = 0; n < m->n_cpus; n++)
		if (!(held >> n & 1))
			m->cpus[n]->debug.stop = STOP_NONE;
	if (!freeze)
		clock_run(&m->clock);
	if (m->accel->runs_guest)
		vcpu_resume_all(m);
	machine_emit(m, EV_RESUME, NULL);
}

void machine_start(struct machine *m) { machine_start_some(m, 0, false); }

struct stop_request { struct machine *m; enum run_state state; };

static void stop_posted(void *arg)
{
	struct stop_request *s = arg;
	machine_stop(s->m, s->state);
	free(s);
}

/* Park the vCPUs and freeze time.  The lock is let go while they park. */
static void halt(struct machine *m)
{
	if (m->accel->runs_guest)
		vcpu_park_all(m);
	clock_stop(&m->clock);
	drive_drain(m);
}

void machine_stop(struct machine *m, enum run_state state)
{
	if (vcpu_current(m)) {                   /* the loop does it, once this vCPU has parked */
		struct stop_request *s = malloc(sizeof(*s));
		if (!s)
			abort();
		*s = (struct stop_request){ m, state };
		vcpu_park_all(m);
		loop_post(m->loop, stop_posted, s);
		return;
	}
	if (m->state != RUN_RUNNING)
		return;
	m->state = state;
	halt(m);
	machine_emit(m, EV_STOP, NULL);
}

/* ---- reset, shutdown ------------------------------------------------------------------------------------------------------------ */

void machine_reset(struct machine *m, enum reset_kind kind)
{
	if (log_on(m, LOG_CPU_RESET))
		log_printf(m, "CPU Reset (%u CPUs)\n", m->n_cpus);
	for (struct device *d = m->devices; d; d = d->all_next) {
		d->logged = 0;
		if (d->desc->reset)
			d->desc->reset(d, kind);
	}
	for (unsigned i = 0; i < m->n_cpus; i++)
		cpu_reset(m->cpus[i]);
	machine_set_a20(m, true);
	for (struct device *d = m->devices; d; d = d->all_next)
		if (d->desc->reset_done)
			d->desc->reset_done(d);
}

static void reset_posted(void *arg)
{
	struct machine *m = arg;
	if (!m->reset_wanted || m->quitting)
		return;
	m->reset_wanted = false;
	bool was_running = m->state == RUN_RUNNING;
	if (m->accel->runs_guest)
		vcpu_park_all(m);
	drive_drain(m);
	machine_reset(m, RESET_SYSTEM);
	m->resets++;
	machine_emit(m, EV_RESET, m->cause == SHUTDOWN_GUEST_RESET ? "{\"guest\": true, \"reason\": \"guest-reset\"}" :
		"{\"guest\": false, \"reason\": \"host-qmp-system-reset\"}");
	if (was_running && m->accel->runs_guest)
		vcpu_resume_all(m);
}

void machine_request_reset(struct machine *m, enum shutdown_cause cause)
{
	if (m->opt->no_reboot) {
		machine_request_shutdown(m, cause);
		return;
	}
	m->cause = cause;
	m->reset_wanted = true;
	if (m->accel->runs_guest && vcpu_current(m))
		vcpu_park_all(m);
	loop_post(m->loop, reset_posted, m);
}

static const char *cause_json(enum shutdown_cause c)
{
	switch (c) {
	case SHUTDOWN_GUEST_SHUTDOWN: return "{\"guest\": true, \"reason\": \"guest-shutdown\"}";
	case SHUTDOWN_GUEST_RESET:    return "{\"guest\": true, \"reason\": \"guest-reset\"}";
	case SHUTDOWN_PANIC:          return "{\"guest\": true, \"reason\": \"guest-panic\"}";
	case SHUTDOWN_HOST_SIGNAL:    return "{\"guest\": false, \"reason\": \"host-signal\"}";
	case SHUTDOWN_DEBUG_EXIT:     return "{\"guest\": true, \"reason\": \"guest-shutdown\"}";
	default:                      return "{\"guest\": false, \"reason\": \"host-qmp-quit\"}";
	}
}

static void shutdown_posted(void *arg)
{
	struct machine *m = arg;
	if (m->quitting)
		return;
	if (m->opt->no_shutdown && m->cause != SHUTDOWN_HOST_QUIT && m->cause != SHUTDOWN_HOST_SIGNAL && m->cause != SHUTDOWN_DEBUG_EXIT) {
		machine_emit(m, EV_SHUTDOWN, cause_json(m->cause));
		m->state = RUN_RUNNING;
		machine_stop(m, RUN_SHUTDOWN);
		return;
	}
	m->quitting = true;
	machine_emit(m, EV_SHUTDOWN, cause_json(m->cause));
	halt(m);
	loop_quit(m->loop);
}

void machine_request_shutdown(struct machine *m, enum shutdown_cause cause)
{
	m->cause = cause;
	if (m->accel->runs_guest && vcpu_current(m))
		vcpu_park_all(m);
	loop_post(m->loop, shutdown_posted, m);
}

void machine_request_powerdown(struct machine *m)
{
	machine_emit(m, EV_POWERDOWN, NULL);
	irq_pulse(&m->power_button);
}

void machine_quit(struct machine *m, int status)
{
	m->exit_status = status;
	machine_request_shutdown(m, vcpu_current(m) ? SHUTDOWN_DEBUG_EXIT : SHUTDOWN_HOST_QUIT);
}

void machine_set_a20(struct machine *m, bool on)
{
	if (m->a20 == on)
		return;
	m->a20 = on;
	for (unsigned i = 0; i < m->n_cpus; i++) {
		m->cpus[i]->a20_mask_on = !on;
		cpu_request(m->cpus[i], REQ_TLB);
	}
}

const char *run_state_text(const struct machine *m)
{
	switch (m->state) {
	case RUN_RUNNING:        return "running";
	case RUN_PRELAUNCH:      return "paused (prelaunch)";
	case RUN_SHUTDOWN:       return "paused (shutdown)";
	case RUN_INTERNAL_ERROR: return "paused (internal-error)";
	case RUN_IO_ERROR:       return "paused (io-error)";
	case RUN_DEBUG:          return "paused (debug)";
	case RUN_SAVE_VM:        return "paused (save-vm)";
	case RUN_RESTORE_VM:     return "paused (restore-vm)";
	default:                 return "paused";
	}
}

/* ---- state --------------------------------------------------------------------------------------------------------------------- */

enum { CPU_STATE_VERSION = 1 };

void machine_save_devices(struct machine *m, struct state_buf *b)
{
	char name[16];
	for (unsigned i = 0; i < m->n_cpus; i++) {
		cpu_saving(m->cpus[i]);
		snprintf(name, sizeof(name), "cpu%u", i);
		state_put(b, name, CPU_STATE_VERSION, cpu_state, m->cpus[i]);
	}
	for (struct device *d = m->devices; d; d = d->all_next) {
		if (!d->desc->state)
			continue;
		if (d->desc->saving)
			d->desc->saving(d);
		state_put(b, d->path, d->desc->state_version, d->desc->state, d);
	}
}

bool machine_load_devices(struct machine *m, struct state_buf *b, struct error *err)
{
	char name[16];
	for (unsigned i = 0; i < m->n_cpus; i++) {
		snprintf(name, sizeof(name), "cpu%u", i);
		if (!state_get(b, name, CPU_STATE_VERSION, cpu_state, m->cpus[i], err))
			return false;
	}
	for (struct device *d = m->devices; d; d = d->all_next)
		if (d->desc->state && !state_get(b, d->path, d->desc->state_version, d->desc->state, d, err))
			return false;
	for (unsigned i = 0; i < m->n_cpus; i++)        /* before the interrupt controllers assert their lines */
		if (!cpu_loaded(m->cpus[i], err))
			return false;
	for (struct device *d = m->devices; d; d = d->all_next)
		if (d->desc->loaded && !d->desc->loaded(d, err))
			return error_prefix(err, "%s: ", d->desc->name);
	return true;
}

/* Into something of the same size that is thrown away. */
static bool check_one(struct state_buf *b, const char *name, unsigned version, const struct state_field *t, size_t size, struct error *err)
{
	void *scratch = calloc(1, size);
	if (!scratch)
		return error_set(err, "no memory to look at the state of %s", name);
	bool ok = state_get(b, name, version, t, scratch, err);
	free(scratch);
	return ok;
}

bool machine_check_devices(struct machine *m, struct state_buf *b, struct error *err)
{
	char name[16];
	for (unsigned i = 0; i < m->n_cpus; i++) {
		snprintf(name, sizeof(name), "cpu%u", i);
		if (!check_one(b, name, CPU_STATE_VERSION, cpu_state, sizeof(struct cpu), err))
			return false;
	}
	for (struct device *d = m->devices; d; d = d->all_next)
		if (d->desc->state && !check_one(b, d->path, d->desc->state_version, d->desc->state, d->desc->size, err))
			return false;
	return b->pos == b->len || error_set(err, "saved state: something follows the last device");
}
