/* machine.h - the machine: what the parts hang from, its lock, its run states. */
#ifndef CORE_MACHINE_MACHINE_H
#define CORE_MACHINE_MACHINE_H
#include "core/cpu/accel_conf.h"
#include "core/machine/clock.h"
#include "core/machine/device.h"
#include "core/machine/loop.h"
#include "core/machine/options.h"
#include "core/machine/space.h"
#include <pthread.h>
#include <stdatomic.h>

enum run_state { RUN_PRELAUNCH, RUN_RUNNING, RUN_PAUSED, RUN_SHUTDOWN /* guest powered off, -no-shutdown */, RUN_INTERNAL_ERROR, RUN_IO_ERROR, RUN_DEBUG /* for the debugger */,
	RUN_SAVE_VM, RUN_RESTORE_VM /* a snapshot is taken, or put back */ };
enum shutdown_cause { SHUTDOWN_HOST_QUIT, SHUTDOWN_HOST_SIGNAL, SHUTDOWN_GUEST_SHUTDOWN, SHUTDOWN_GUEST_RESET, SHUTDOWN_DEBUG_EXIT, SHUTDOWN_PANIC };
enum { MAX_CPUS = 64 };
enum machine_event { EV_STOP, EV_RESUME, EV_RESET, EV_SHUTDOWN, EV_POWERDOWN, EV_RTC_CHANGE, EV_TRAY_MOVED, EV_CONSOLES, EV_DEVICE_DELETED, EV_BLOCK_IO_ERROR,
	EV_VSERPORT_CHANGE };

struct cpu;
struct bus;
struct accel_ops;
struct chardevs;
struct blocks;
struct input;
struct display;
struct monitors;
/* What a device tells the monitor: `info NAME` ("pic", "irq", "pci", "lapic", "roms" ...) prints every hook of that name, newest
 * first.  The caller owns the hook and keeps it until machine_remove_info.  index: APIC id for "lapic", else 0. */
struct info_hook { const char *name; void (*print)(void *arg, struct text *out); void *arg; unsigned index; struct info_hook *next; };
struct listener { void (*fn)(void *arg, enum machine_event ev, const char *detail_json); void *arg; struct listener *next; };

struct machine {
	struct options *opt;
	pthread_mutex_t lock;           /* "the machine lock": devices, buses, timers, back ends */
	struct space mem, io;
	struct ram_arena ram;
	struct clock clock;
	struct counted *counted;        /* all vCPUs in one thread, by instruction count (core/cpu/counted.h); else NULL */
	struct loop *loop;
	uint64_t ram_size, ram_low, ram_high;   /* bytes; below 4 GB and from 4 GB up */
	struct passed_fd *fds;          /* fds.c */
	uint64_t ram_addr_main;         /* arena offset of the main block "pc.ram" */

	struct cpu *cpus[MAX_CPUS];
	unsigned n_cpus;
	uint64_t held_cpus;             /* bit n: the debugger lets CPU n stand still while the others run */
	unsigned resume_from;           /* CPU that is let go first: behind the one that stopped all, so that each gets its turn */
	struct breakpoints *breaks;     /* core/cpu/breakpoint.h; NULL until there is one */
	struct gdbstub *gdb;            /* core/debug/gdbstub.h; NULL: none */
	const struct accel_ops *accel;
	struct accel_conf accel_conf;   /* its options */
	void    *engine_data;           /* the engine's own, NULL: it needs none */
	char     accel_why[400];        /* why this engine runs and not another one; empty: it was asked for */

	struct bus sysbus, *isa, *pci;  /* isa and pci: provided by the board's chips */
	struct irq_line isa_irq[16];    /* ISA IRQ n: what a device on the ISA bus connects its wire to */
	struct irq_line gsi[24];        /* global system interrupts as the board wires them (PIC + I/O APIC) */
	struct isa_dma *isa_dma;        /* the two 8237s: devices/chipset/i8237.h */
	struct device *rtc, *fw_cfg;    /* for boards and devices that leave something in CMOS or fw_cfg */
	const struct apic_engine *apic_engine;          /* the local APICs are the engine's; NULL: they are those below */
	struct device *lapics[MAX_CPUS], *ioapic;       /* who is on the interrupt bus: devices/chipset/lapic.h, ioapic.h */
	struct cpu *io_cpu;             /* the vCPU whose port or memory access is being carried out (set around space_read and
	                                 * space_write, machine lock held); NULL: a device's DMA, the loop, the monitor */
	struct device *devices, **devices_end;  /* all, in order of creation */
	unsigned n_unattached;

	struct chardevs *chardevs;      /* core/char */
	struct blocks *blocks;          /* core/block */
	struct input *input;            /* core/machine/input.h */
	struct display *display;        /* core/machine/display.h */
	struct monitors *monitors;      /* core/monitor */

	struct chardev *serial_chr[4], *parallel_chr[3], *debugcon_chr; /* made from the options before the board; NULL = no such device */

	enum run_state state;
	_Atomic bool a20;
	bool reset_wanted;
	unsigned resets;                /* done since the start */
	_Atomic bool quitting;
	_Atomic unsigned snap_permille; /* how far the snapshot is that is being taken or put back (snapshot.h) */
	int  exit_status;
	enum shutdown_cause cause;
	struct listener *listeners;
	struct info_hook *info_hooks;
	void (*set_boot_order)(struct machine *m, const char *order);   /* the board's, for boot_set; NULL: it has no such thing */
	void (*cpus_changed)(struct machine *m, unsigned present);      /* the board's, when CPUs came or went; NULL as above */
	struct irq_line power_button;   /* system_powerdown pulses it (ACPI) */
	struct qtest *qtest;            /* the device-test protocol's connection */
	struct log *log;                /* -d/-D */
	char *name;
};

/* Everything from options: spaces, RAM arena, loop, back ends, board, monitors; devices reset, nothing running yet.  Takes opt (also
 * when it fails).  After it, machine_start() may be called once accel->start_vcpus() has been. */
struct machine *machine_new(struct options *opt, struct error *err);
/* The same without back ends, board and monitors: for tests that build their own. */
struct machine *machine_new_bare(struct options *opt, struct error *err);
void machine_free(struct machine *m);
void machine_lock(struct machine *m);
void machine_unlock(struct machine *m);

/* Machine lock held for all below; any thread unless said otherwise. */
void machine_start(struct machine *m);          /* cont: run vCPUs and clock */
/* The same for the debugger: the vCPUs of `held` (bit n = CPU n) stay parked; with freeze the clock stands still. */
void machine_start_some(struct machine *m, uint64_t held, bool freeze);
/* Park all vCPUs, stop the clock, enter `state`.  From a vCPU thread it only asks; the vCPU parks when the handler returns. */
void machine_stop(struct machine *m, enum run_state state);
/* Reset, power-off and quit are done by the loop thread at a safe point, with all vCPUs parked. */
void machine_request_reset(struct machine *m, enum shutdown_cause cause);       /* obeys -no-reboot */
void machine_request_shutdown(struct machine *m, enum shutdown_cause cause);    /* obeys -no-shutdown */
/* Both reset walks over all devices and CPUs; vCPUs parked. */
void machine_reset(struct machine *m, enum reset_kind kind);
void machine_request_powerdown(struct machine *m);                              /* the power button */
void machine_quit(struct machine *m, int status);
void machine_set_a20(struct machine *m, bool on);
void machine_listen(struct machine *m, struct listener *l);
void machine_unlisten(struct machine *m, struct listener *l);
void machine_emit(struct machine *m, enum machine_event ev, const char *detail_json);
void machine_add_info(struct machine *m, struct info_hook *h);         /* core/monitor/info_hook.c */
void machine_remove_info(struct machine *m, struct info_hook *h);
/* False: no hook of that name (and index, unless index is UINT_MAX = all). */
bool machine_print_info(struct machine *m, const char *name, unsigned index, struct text *out);
const char *run_state_text(const struct machine *m);    /* "running", "paused", "paused (prelaunch)" ... */

/* Every CPU and device, without RAM; snapshot.h has the whole. */
struct state_buf;
void machine_save_devices(struct machine *m, struct state_buf *b);
bool machine_load_devices(struct machine *m, struct state_buf *b, struct error *err);
/* Would machine_load_devices find each section, and its fields?  What `loaded` of devices says to the values is not asked.  Nothing is changed. */
bool machine_check_devices(struct machine *m, struct state_buf *b, struct error *err);

/* Local APICs that are the engine's while the vCPUs run: how others reach them.  Machine lock held. */
struct apic_route { unsigned pin; uint64_t addr; uint32_t data; };
struct cpu_apic_page;
struct apic_engine {
	/* A message, as a write of data to addr; destinations of 32 bits have their upper 24 in bits 63-40.  False: nobody took it. */
	bool (*send)(struct machine *m, uint64_t addr, uint32_t data);
	/* Pins of the I/O APIC that are levels: their ends are to be told (cpu_apic_ops.eoi). */
	void (*level_routes)(struct machine *m, const struct apic_route *r, unsigned n);
	/* The CPU was put in or taken out: its APIC is as cpu_apic_ops.give has it now. */
	void (*renew)(struct cpu *c);
	/* vCPU thread, for an instruction that does not run there; false: it does, and its access came out because there is no such register. */
	bool (*borrow)(struct cpu *c, struct cpu_apic_page *p);
	void (*give_back)(struct cpu *c, const struct cpu_apic_page *p);
};

/* Engines. */
enum accel_fit { ACCEL_FIT, ACCEL_SLOW /* works, but slower than the next one */, ACCEL_UNFIT };
struct accel_ops {
	const char *name;
	bool runs_guest;                                        /* false: qtest */
	bool uncounted;                                         /* nobody counts the guest's instructions */
	bool by_count;                                          /* it can stop after any number of them: -icount */
	/* Can this host do it?  `why` gets the reason when it is not ACCEL_FIT, one sentence without its end.  NULL = always. */
	enum accel_fit (*fit)(struct machine *m, char *why, size_t size);
	bool (*init)(struct machine *m, struct error *err);
	void (*free)(struct machine *m);                        /* what fit and init made; vCPUs still there; NULL = nothing */
	/* After fit: the vCPUs that another engine has run go on under this one; they are parked, with their state in struct cpu.  False: nothing was
	 * changed.  NULL: there is nothing to do. */
	bool (*take_over)(struct machine *m, struct error *err);
	bool (*start_vcpus)(struct machine *m, struct error *err);      /* create threads, parked */
	void (*stop_vcpus)(struct machine *m);                  /* join threads */
	/* vCPU thread: as cpu_run(). */
	enum cpu_exit (*run)(struct cpu *c);
	/* NULL where the state is always in struct cpu; else bring it there.  vCPU thread. */
	void (*sync)(struct cpu *c);
	/* Any thread: make a vCPU leave guest code after its exit_req has changed.  NULL: `attention` is enough. */
	void (*kick)(struct cpu *c);
	/* All vCPUs are parked now; they are about to be let go (some may run already).  Machine lock held.  NULL: there is nothing to do. */
	void (*parked)(struct machine *m);
	void (*resuming)(struct machine *m);
	/* The memory map is another one now; machine lock held.  NULL: REQ_TLB is enough. */
	void (*memory_changed)(struct machine *m);
	/* A number that is another one whenever something may have been written to this RAM since the last call; 0: nobody knows, as of now.  Machine
	 * lock held.  NULL: always 0. */
	uint64_t (*written)(struct machine *m, uint64_t ram_addr, uint64_t len);
	/* Cut the features CPUID may offer (enum cpuid_word) to what the engine has.  NULL: the interpreter's are all there. */
	void (*limit_features)(struct machine *m, uint32_t *word);
	void (*info)(struct machine *m, struct text *out);      /* NULL or its part of `info accel` */
};
extern const struct accel_ops accel_interp, accel_jit, accel_kvm, accel_qtest;
/* Boards. */
struct board { const char *name, *alias, *description; bool (*build)(struct machine *m, struct error *err); };
extern const struct board boards[];             /* devices/registry.c; ends with name NULL */

/* Log items of -d. */
enum log_item { LOG_GUEST_ERRORS = 1 << 0, LOG_UNIMP = 1 << 1, LOG_INT = 1 << 2, LOG_CPU_RESET = 1 << 3, LOG_IN_ASM = 1 << 4, LOG_EXEC = 1 << 5, LOG_PCALL = 1 << 6, LOG_CPU = 1 << 7 };
struct log *log_new(uint64_t mask, const char *file, struct error *err);        /* file NULL: stderr */
void log_free(struct log *l);
void log_set_mask(struct log *l, uint64_t mask);
uint64_t log_mask(const struct log *l);
bool log_set_file(struct log *l, const char *file, struct error *err);
/* "int,cpu_reset", "none" -> mask; false: an unknown word (also "help" and "?"). */
bool log_parse_items(const char *items, uint64_t *mask);
void log_help(struct text *out);                /* the table that -d help and the monitor's log help print */
bool log_on(const struct machine *m, enum log_item item);       /* any thread, cheap */
void log_printf(struct machine *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#endif
