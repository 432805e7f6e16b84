/* accel.h - which engine runs guest code. */
#ifndef CORE_MACHINE_ACCEL_H
#define CORE_MACHINE_ACCEL_H
#include "core/machine/machine.h"

/* Set m->accel (and accel_why) from the options: the first of the list that this host can do; a slow one only when nothing follows it.
 * Without a list: where `whole` says that this is a machine to be used, KVM if it runs all modes at full speed; else the translator, or the interpreter where
 * the host forbids that.
 * False: no engine of the list can be used. */
bool accel_choose(struct machine *m, bool whole, struct error *err);
/* The engine of that name, NULL: none. */
const struct accel_ops *accel_find(const char *word);
#endif
