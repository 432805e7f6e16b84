/* plug.h - devices that come and go while the machine runs, for both faces of the monitor and for the board that tells the guest. */
#ifndef CORE_MONITOR_PLUG_H
#define CORE_MONITOR_PLUG_H
#include "core/machine/error.h"
#include "core/machine/options.h"
struct machine;
struct device;
bool device_plug(struct machine *m, const struct kv *kv, struct error *err);
/* Take a device out, or ask the guest to let go of it. */
bool device_pull(struct machine *m, const char *id, struct error *err);
/* It goes now; listeners are told. */
void device_pulled(struct device *d);

/* The board's way to tell the guest.  Machine lock held. */
enum pull_answer { PULL_NOW /* nobody has to be asked */, PULL_ASKED /* device_pulled follows when the guest has let go */, PULL_PENDING /* asked before */ };
struct plug_ops {
	void (*plugged)(void *arg, struct device *d);           /* it is there, and reset */
	enum pull_answer (*pull)(void *arg, struct device *d);
};
/* CPUs: places of -smp maxcpus=, by number. */
struct cpu_plug_ops {
	void (*plugged)(void *arg, unsigned n);
	enum pull_answer (*pull)(void *arg, unsigned n);        /* PULL_NOW: there is no way to ask, nothing was done */
};
void cpu_plug_set_ops(struct machine *m, const struct cpu_plug_ops *ops, void *arg);
/* cmd_cpu.c: "MODEL-x86_64-cpu" put in its place; a CPU with that id asked to go.  *ours: it was one (else nothing was done).
 * cpu_plug_cold: while the board is made (-device), so that nobody has to be told. */
bool cpu_plug(struct machine *m, const struct kv *kv, bool *ours, struct error *err);
bool cpu_plug_cold(struct machine *m, const struct kv *kv, bool *ours, struct error *err);
bool cpu_pull(struct machine *m, const char *id, bool *ours, struct error *err);
/* The guest has let go of CPU n. */
void cpu_pulled(struct machine *m, unsigned n);
/* Without one, devices come and go without the guest's being told.  Machines without monitors keep none. */
void plug_set_ops(struct machine *m, const struct plug_ops *ops, void *arg);
#endif
