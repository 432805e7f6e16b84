/* backends.h - from options to back ends: chardevs, monitors, drives, in the order that numbers consoles as users expect. */
#ifndef CORE_MACHINE_BACKENDS_H
#define CORE_MACHINE_BACKENDS_H
#include "core/machine/error.h"
struct machine;
/* Before the board: -chardev, monitors, serial and parallel ports, debug console, drives. */
bool backends_create(struct machine *m, struct error *err);
/* After the board: everything the user named found a taker. */
bool backends_check(struct machine *m, struct error *err);
#endif
