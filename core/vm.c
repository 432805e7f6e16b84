/* vm.c - the emulator as a library: one machine, its loop thread, and what a front end asks of it. */
#include "core/vm.h"
#include "core/vm_priv.h"
#include "core/char/chardev.h"
#include "core/char/vc.h"
#include "core/cpu/accel_conf.h"
#include "core/cpu/cpu.h"
#include "core/cpu/vcpu.h"
#include "core/block/block.h"
#include "core/machine/datafile.h"
#include "core/machine/input.h"
#include "core/machine/machine.h"
#include "core/machine/pidfile.h"
#include "core/machine/report.h"
#include "core/machine/snapshot.h"
#include "core/monitor/history.h"
#include "core/monitor/monitor.h"
#include "core/version.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

void vm_wake(void *arg)
{
	struct vm *vm = arg;
	uint64_t one = 1;
	if (!atomic_exchange(&vm->signalled, true))
		while (write(vm->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
			;
}

static void on_event(void *arg, enum machine_event ev, const char *detail_json)
{
	vm_wake(arg);
}

struct vm *vm_create(int argc, char **argv, int *status, struct error *err)
{
	bool done;
	err->msg[0] = 0;
	struct options *o = options_parse(argc, argv, &done, status, err);
	if (!o)
		return NULL;
	*status = 1;
	o->history = history_path();
	struct vm *vm = calloc(1, sizeof(*vm));
	if (!vm)
		abort();
	vm->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pthread_mutex_init(&vm->snapshot_lock, NULL);
	if (o->pidfile && !(vm->pidfile = pidfile_create(o->pidfile, err))) {
		options_free(o);
		goto fail;
	}
	if (!(vm->m = machine_new(o, err)))
		goto fail;
	vm->listener = (struct listener){ .fn = on_event, .arg = vm };
	machine_lock(vm->m);
	machine_listen(vm->m, &vm->listener);
	vc_set_wake(vm->m, vm_wake, vm);
	display_set_wake(vm->m, vm_wake, vm);
	machine_unlock(vm->m);
	*status = 0;
	return vm;
fail:
	if (vm->pidfile)
		pidfile_remove(vm->pidfile);
	close(vm->event_fd);
	pthread_mutex_destroy(&vm->snapshot_lock);
	free(vm);
	return NULL;
}

void vm_report(int argc, char **argv, const char *text) { report_early(argc, argv, text); }

static void *loop_main(void *arg)
{
	struct vm *vm = arg;
	pthread_setname_np(pthread_self(), "loop");
	loop_run(vm->m->loop);
	if (vm->m->accel->stop_vcpus)
		vm->m->accel->stop_vcpus(vm->m);
	vm->ended = true;
	vm_wake(vm);
	return NULL;
}

bool vm_start(struct vm *vm, struct error *err)
{
	struct machine *m = vm->m;
	if (m->accel->start_vcpus && !m->accel->start_vcpus(m, err))
		return false;
	if (m->opt->loadvm) {
		machine_lock(m);
		bool ok = snapshot_load(m, m->opt->loadvm, err);
		machine_unlock(m);
		if (!ok)
			return false;
	}
	int e = pthread_create(&vm->loop_thread, NULL, loop_main, vm);
	if (e)
		return error_set(err, "cannot start a thread: %s", strerror(e));
	vm->loop_started = true;
	if (!m->opt->paused)
		vm_cont(vm);
	return true;
}

int vm_destroy(struct vm *vm)
{
	if (vm->loop_started) {
		if (!vm->ended)
			vm_quit(vm);
		pthread_join(vm->loop_thread, NULL);
	} else if (vm->m->accel->stop_vcpus) {
		vm->m->accel->stop_vcpus(vm->m);
	}
	int status = vm->m->exit_status;
	machine_free(vm->m);
	if (vm->pidfile)
		pidfile_remove(vm->pidfile);
	close(vm->event_fd);
	pthread_mutex_destroy(&vm->snapshot_lock);
	free(vm);
	return status;
}

bool vm_wants_ui(const struct vm *vm)
{
	return vm->m->opt->display == DISPLAY_CURSES || (vm->m->opt->display == DISPLAY_DEFAULT && !vm_has_stdio(vm));
}

bool vm_has_stdio(const struct vm *vm)
{
	return chr_shared(vm->m)->stdio;
}

const char *vm_keymap(const struct vm *vm)
{
	return vm->m->opt->keymap;
}

unsigned char vm_escape_char(const struct vm *vm)
{
	return vm->m->opt->echr;
}

const char *vm_data_file(const struct vm *vm, const char *kind, const char *name, char *buf, size_t size)
{
	return data_file_find(vm ? vm->m->opt : NULL, kind, name, buf, size);
}

/* ---- events and status ------------------------------------------------------------------------------------------------------------ */

int vm_event_fd(struct vm *vm)
{
	return vm->event_fd;
}

void vm_event_ack(struct vm *vm)
{
	uint64_t v;
	while (read(vm->event_fd, &v, sizeof(v)) < 0 && errno == EINTR)
		;
	vm->signalled = false;
	vc_ack(vm->m);
}

bool vm_ended(struct vm *vm, int *status)
{
	if (!vm->ended)
		return false;
	if (status)
		*status = vm->m->exit_status;
	return true;
}

/* Mode and instruction count of a vCPU that goes on meanwhile: aligned words, each whole but not from the same instant.  The
 * vCPU does not pay for ordering that a status line has no use for, so the thread sanitizer is told to look away here. */
__attribute__((no_sanitize("thread"), noinline)) static void sample_cpu(const struct cpu *c, unsigned *mode, uint64_t *icount)
{
	*mode = *(const volatile uint16_t *)&c->mode;
	*icount = cpu_icount(c);
}

static const char *cpu_mode_text(unsigned mode)
{
	if (mode & M_CS64)
		return "long64";
	if (mode & M_LMA)
		return "compat";
	if (mode & M_VM86)
		return "vm86";
	if (mode & M_PE)
		return mode & M_CS32 ? "prot32" : "prot16";
	return "real";
}

void vm_get_status(struct vm *vm, struct vm_status *st)
{
	static const enum vm_run map[] = { [RUN_PRELAUNCH] = VM_PRELAUNCH, [RUN_RUNNING] = VM_RUNNING, [RUN_PAUSED] = VM_PAUSED,
		[RUN_SHUTDOWN] = VM_SHUTDOWN, [RUN_INTERNAL_ERROR] = VM_ERROR, [RUN_IO_ERROR] = VM_ERROR, [RUN_DEBUG] = VM_PAUSED,
		[RUN_SAVE_VM] = VM_PAUSED, [RUN_RESTORE_VM] = VM_PAUSED };
	struct machine *m = vm->m;
	machine_lock(m);
	*st = (struct vm_status){ .run = vm->ended ? VM_ENDED : map[m->state], .run_text = run_state_text(m), .accel = m->accel->name,
		.virtual_ns = (uint64_t)clock_now(&m->clock), .leds = input_leds(m), .uncounted = !accel_counts(m) };
	snprintf(st->accel_why, sizeof(st->accel_why), "%s", m->accel_why);
	snprintf(st->name, sizeof(st->name), "%s", m->name ? m->name : "");
	if (m->n_cpus) {
		unsigned mode;
		sample_cpu(m->cpus[0], &mode, &st->icount);
		snprintf(st->cpu_mode, sizeof(st->cpu_mode), "%s", cpu_mode_text(mode));
		st->halted = m->cpus[0]->run_state == CPU_HALTED;
	}
	for (struct drive *d = drive_first(m); d; d = d->next) {
		st->disk_activity |= d->activity;
		d->activity = false;
	}
	st->reset_seen = m->resets != vm->resets_seen;
	vm->resets_seen = m->resets;
	machine_unlock(m);
}

uint64_t vm_busy_ns(struct vm *vm)
{
	machine_lock(vm->m);
	uint64_t ns = vcpu_busy_ns(vm->m);
	machine_unlock(vm->m);
	return ns;
}

/* ---- consoles --------------------------------------------------------------------------------------------------------------------- */

/* Console 0 is the display adapter if the board has one; the text consoles follow in order of creation. */
static bool has_vga(struct machine *m)
{
	return display_present(m);
}

static struct chardev *text_console(struct vm *vm, unsigned index)
{
	struct machine *m = vm->m;
	machine_lock(m);
	unsigned skip = has_vga(m) ? 1 : 0;
	struct chardev *c = index >= skip ? vc_at(m, index - skip) : NULL;
	machine_unlock(m);
	return c;
}

unsigned vm_console_count(struct vm *vm)
{
	machine_lock(vm->m);
	unsigned n = vc_count(vm->m) + (has_vga(vm->m) ? 1 : 0);
	machine_unlock(vm->m);
	return n;
}

bool vm_console_info(struct vm *vm, unsigned index, struct vm_console *out)
{
	struct machine *m = vm->m;
	*out = (struct vm_console){ .kind = VM_CONSOLE_TEXT };
	machine_lock(m);
	bool vga = has_vga(m);
	struct chardev *c = vga && index == 0 ? NULL : vc_at(m, index - (vga ? 1 : 0));
	if (vga && index == 0) {
		out->kind = VM_CONSOLE_VGA;
		snprintf(out->label, sizeof(out->label), "VGA");
	} else if (c) {
		snprintf(out->label, sizeof(out->label), "%s", c->label);
		out->is_monitor = monitor_owns(m, c);
		out->told_size = c->attached && c->front.told_size;
		vc_size(c, &out->cols, &out->rows);
	}
	machine_unlock(m);
	return (vga && index == 0) || c;
}

size_t vm_console_read(struct vm *vm, unsigned index, uint8_t *buf, size_t len)
{
	struct chardev *c = text_console(vm, index);
	return c ? vc_read(c, buf, len) : 0;
}

size_t vm_console_write(struct vm *vm, unsigned index, const uint8_t *buf, size_t len)
{
	struct chardev *c = text_console(vm, index);
	return c ? vc_write(c, buf, len) : 0;
}

void vm_console_resize(struct vm *vm, unsigned index, unsigned cols, unsigned rows)
{
	struct chardev *c = text_console(vm, index);
	if (c) {
		machine_lock(vm->m);
		vc_resize(c, cols, rows);
		machine_unlock(vm->m);
	}
}

void vm_console_break(struct vm *vm, unsigned index)
{
	struct chardev *c = text_console(vm, index);
	if (c) {
		machine_lock(vm->m);
		chr_event(c, CHR_BREAK);
		machine_unlock(vm->m);
	}
}

void vm_terminal_resized(struct vm *vm)
{
	machine_lock(vm->m);
	struct chardev *c = chr_shared(vm->m)->stdio;
	if (c)
		chr_event(c, CHR_RESIZED);
	machine_unlock(vm->m);
}

bool vm_screen(struct vm *vm, struct screen *s, bool force)
{
	if (!force && !display_changed(vm->m))
		return false;
	machine_lock(vm->m);
	bool ok = display_snapshot(vm->m, s);
	machine_unlock(vm->m);
	return ok;
}

/* ---- input ------------------------------------------------------------------------------------------------------------------------ */

bool vm_key(struct vm *vm, uint8_t qnum, bool down)
{
	machine_lock(vm->m);
	bool room = input_key_room(vm->m) > 0;
	if (room)
		input_key(vm->m, qnum, down);
	machine_unlock(vm->m);
	return room;
}

unsigned vm_key_room(struct vm *vm)
{
	machine_lock(vm->m);
	unsigned n = input_key_room(vm->m);
	machine_unlock(vm->m);
	return n;
}

int vm_key_by_name(const char *name)
{
	return key_by_name(name);
}

void vm_mouse(struct vm *vm, int dx, int dy, int dz, unsigned buttons)
{
	machine_lock(vm->m);
	input_mouse(vm->m, dx, dy, dz, buttons);
	machine_unlock(vm->m);
}

/* ---- control: done by the loop, which may wait for vCPUs ------------------------------------------------------------------------------ */

static void do_cont(void *m) { machine_start(m); }
static void do_stop(void *m) { machine_stop(m, RUN_PAUSED); }
static void do_reset(void *m) { machine_request_reset(m, SHUTDOWN_HOST_QUIT); }
static void do_powerdown(void *m) { machine_request_powerdown(m); }
static void do_quit(void *m) { machine_quit(m, 0); }

void vm_cont(struct vm *vm)      { loop_post(vm->m->loop, do_cont, vm->m); }
void vm_stop(struct vm *vm)      { loop_post(vm->m->loop, do_stop, vm->m); }
void vm_reset(struct vm *vm)     { loop_post(vm->m->loop, do_reset, vm->m); }
void vm_powerdown(struct vm *vm) { loop_post(vm->m->loop, do_powerdown, vm->m); }
void vm_quit(struct vm *vm)      { loop_post(vm->m->loop, do_quit, vm->m); }

struct monitor_call { struct machine *m; const char *line; struct text *out; pthread_mutex_t lock; pthread_cond_t cond; bool done; };

static void do_monitor(void *arg)
{
	struct monitor_call *c = arg;
	monitor_run_command(c->m, c->line, c->out);
	pthread_mutex_lock(&c->lock);
	c->done = true;
	pthread_cond_signal(&c->cond);
	pthread_mutex_unlock(&c->lock);
}

/* Runs in the loop thread, where commands may park vCPUs; waits for the answer.  After the loop has ended there is none. */
void vm_monitor(struct vm *vm, const char *line, struct text *out)
{
	if (!vm->loop_started || vm->ended)
		return;
	struct monitor_call c = { .m = vm->m, .line = line, .out = out, .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };
	loop_post(vm->m->loop, do_monitor, &c);
	pthread_mutex_lock(&c.lock);
	while (!c.done && !vm->ended) {
		struct timespec ts;
		clock_gettime(CLOCK_REALTIME, &ts);
		ts.tv_sec++;                    /* only to notice that the loop ended meanwhile (it runs what was posted before it ends) */
		pthread_cond_timedwait(&c.cond, &c.lock, &ts);
	}
	pthread_mutex_unlock(&c.lock);
}

void vm_monitor_complete(struct vm *vm, const char *line, struct text *out)
{
	machine_lock(vm->m);
	monitor_complete_line(vm->m, line, out);
	machine_unlock(vm->m);
}

const char *vm_version(void)
{
	return VMUX_VERSION;
}
