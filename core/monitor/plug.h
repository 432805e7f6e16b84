/* plug.h - devices that come and go while the machine runs, for both faces of the monitor. */
#ifndef CORE_MONITOR_PLUG_H
#define CORE_MONITOR_PLUG_H
#include "core/machine/error.h"
#include "core/machine/options.h"
struct machine;
bool device_plug(struct machine *m, const struct kv *kv, struct error *err);
bool device_pull(struct machine *m, const char *id, struct error *err);
#endif
