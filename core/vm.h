/* vm.h - the emulator as a library: all that a front end needs.  The only header of core that tui/ includes.
 *
 * Functions may be called from any thread unless said otherwise; none blocks for longer than the machine lock is held elsewhere.
 * A front end polls vm_event_fd() beside its terminal. */
#ifndef CORE_VM_H
#define CORE_VM_H
#include "core/machine/display.h"        /* struct screen */
#include "core/machine/error.h"
#include "core/machine/text.h"
#include <stddef.h>
#include <stdint.h>

struct vm;
/* Build a machine from a QEMU-like command line.  NULL: *status is the exit status; err->msg is empty when help was printed. */
struct vm *vm_create(int argc, char **argv, int *status, struct error *err);
/* A line about a failure on stderr, as -msg among the words wants it. */
void vm_report(int argc, char **argv, const char *text);
/* Start threads; runs the guest unless -S. */
bool vm_start(struct vm *vm, struct error *err);
/* Ask everything to stop and wait; returns the exit status. */
int  vm_destroy(struct vm *vm);
bool vm_wants_ui(const struct vm *vm);           /* -display curses, or the default while no chardev has stdin and stdout */
bool vm_has_stdio(const struct vm *vm);          /* a chardev has stdin and stdout */
const char *vm_keymap(const struct vm *vm);      /* -k NAME or NULL */
unsigned char vm_escape_char(const struct vm *vm);    /* -echr: the prefix key, 1 = Ctrl-a */
const char *vm_data_file(const struct vm *vm, const char *kind /* "keymaps", "themes" */, const char *name, char *buf, size_t size);

/* Readable when something changed: new console bytes, screen dirty, run state, console list, machine ended. */
int  vm_event_fd(struct vm *vm);
void vm_event_ack(struct vm *vm);                /* before looking at things */

enum vm_run { VM_PRELAUNCH, VM_RUNNING, VM_PAUSED, VM_SHUTDOWN, VM_ERROR, VM_ENDED };
struct vm_status {
	enum vm_run run;
	const char *run_text;                    /* "running", "paused (prelaunch)" ... */
	char name[128];
	const char *accel;                       /* the engine; its name stays where it is */
	char accel_why[400];                     /* why this one and not another: sentences without their ends; "": it was asked for */
	bool uncounted;                          /* it does not count instructions: icount means nothing */
	char cpu_mode[16];                       /* "real", "prot16", "prot32", "vm86", "long64", "compat" of vCPU 0, sampled */
	bool halted;
	uint64_t icount, virtual_ns;
	bool disk_activity, reset_seen;
	unsigned leds;                           /* keyboard: 1 scroll, 2 num, 4 caps */
};
void vm_get_status(struct vm *vm, struct vm_status *st);
uint64_t vm_busy_ns(struct vm *vm);              /* CPU time of the host that the vCPUs have taken so far; a system call for each of them */
bool vm_ended(struct vm *vm, int *status);

/* Consoles in QEMU's numbering: index 0 = Alt+1. */
enum vm_console_kind { VM_CONSOLE_VGA, VM_CONSOLE_TEXT };
struct vm_console { enum vm_console_kind kind; char label[64]; /* "VGA", "compat_monitor0", "serial0", "parallel0" */ bool is_monitor;
	bool told_size; /* the guest is told vm_console_resize's size: virtconsole */ unsigned cols, rows; /* vc size wish, 0 = any */ };
unsigned vm_console_count(struct vm *vm);
bool vm_console_info(struct vm *vm, unsigned index, struct vm_console *out);
/* Text consoles: a byte stream each way.  Read takes what the guest or monitor printed; write queues typed bytes and returns how
 * many found room (paced by the device: call again later for the rest).  UI thread only. */
size_t vm_console_read(struct vm *vm, unsigned index, uint8_t *buf, size_t len);
size_t vm_console_write(struct vm *vm, unsigned index, const uint8_t *buf, size_t len);
void vm_console_resize(struct vm *vm, unsigned index, unsigned cols, unsigned rows);
void vm_console_break(struct vm *vm, unsigned index);
/* The terminal on stdin has another size: for who is behind a stdio chardev. */
void vm_terminal_resized(struct vm *vm);
/* VGA: copy what is shown now.  False when nothing changed since the last call (unless force). */
bool vm_screen(struct vm *vm, struct screen *s, bool force);

/* Keyboard: qnum codes (core/machine/input.h).  Room is in events. */
bool vm_key(struct vm *vm, uint8_t qnum, bool down);     /* false: queue full, try later */
unsigned vm_key_room(struct vm *vm);
int  vm_key_by_name(const char *name);
void vm_mouse(struct vm *vm, int dx, int dy, int dz, unsigned buttons);

void vm_cont(struct vm *vm);
void vm_stop(struct vm *vm);
void vm_reset(struct vm *vm);
void vm_powerdown(struct vm *vm);
void vm_quit(struct vm *vm);
/* Run one monitor line; its output is added to out. */
void vm_monitor(struct vm *vm, const char *line, struct text *out);
/* Completions of a monitor line, newline-separated, for the palette and the monitor pane. */
void vm_monitor_complete(struct vm *vm, const char *line, struct text *out);

/* Snapshots of the whole machine, disks included.  They are asked for here and done by the loop; the machine stands still meanwhile, the front end need not.
 * tag "" when saving: one is made up.  False and err: nothing was begun, as another one is under way, or the tag cannot be one. */
enum { VM_SNAPSHOT_TAG = 128 };
enum vm_snapshot_op { VM_SNAPSHOT_SAVE, VM_SNAPSHOT_LOAD, VM_SNAPSHOT_DELETE };
bool vm_snapshot(struct vm *vm, enum vm_snapshot_op op, const char *tag, struct error *err);
struct vm_snapshot_state {
	bool busy, done;                         /* done: told once */
	bool failed;                             /* err says why */
	enum vm_snapshot_op op;
	char tag[VM_SNAPSHOT_TAG];
	unsigned percent;
	struct error err;
};
/* The one that is under way, or has just been done; vm_event_fd becomes readable then.  False: neither. */
bool vm_snapshot_state(struct vm *vm, struct vm_snapshot_state *out);
struct vm_snapshot_info { char tag[VM_SNAPSHOT_TAG]; uint64_t size /* bytes of memory and devices */; int64_t date /* since 1970 */; uint64_t clock_ns; };
/* Those that there are, the newest first; returns how many it gave.  It reads their folder. */
unsigned vm_snapshots(struct vm *vm, struct vm_snapshot_info *out, unsigned most);
const char *vm_version(void);
#endif
