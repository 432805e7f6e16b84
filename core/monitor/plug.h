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
/* Without one, devices come and go without the guest's being told.  Machines without monitors keep none. */
void plug_set_ops(struct machine *m, const struct plug_ops *ops, void *arg);
#endif
