/* user_devices.h - devices the user asks for by -device. */
#ifndef DEVICES_USER_DEVICES_H
#define DEVICES_USER_DEVICES_H
#include "core/machine/error.h"
#include "core/machine/options.h"
struct machine;
struct device;
bool user_devices_create(struct machine *m, struct error *err);
/* One device from a parsed list (driver=, id=, bus=, properties).  `who` starts the message. */
struct device *user_device_add(struct machine *m, const struct kv *kv, const char *who, struct error *err);
#endif
