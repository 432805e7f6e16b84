/* gdbstub.h - a server of gdb's remote protocol: -gdb, -s and the monitor's gdbserver.
 *
 * One server a machine, on a chardev of its own (label "gdb") or a named one; one client at a time.  A client that connects stops the
 * machine and sees each vCPU as a thread of process 1; one that detaches lets it run.  A client that just vanishes takes its breakpoints
 * along and leaves the machine as it is.  All functions: loop thread or start-up, machine lock held.
 * Ref: "Debugging with GDB", appendix E, Remote Serial Protocol. */
#ifndef CORE_DEBUG_GDBSTUB_H
#define CORE_DEBUG_GDBSTUB_H
#include "core/machine/error.h"
#include <stdbool.h>

struct machine;

/* Serve on `device`, a short chardev spec; "tcp:" ones listen without waiting.  An earlier server ends first; "none": that is all.
 * False: err is what the back end says. */
bool gdbstub_start(struct machine *m, const char *device, struct error *err);
/* The -gdb options, once the vCPUs are there.  False: err names the option. */
bool gdbstub_create(struct machine *m, struct error *err);
/* End it; a client learns that its process has exited when the machine is about to, else it is just hung up on. */
void gdbstub_stop(struct machine *m);
/* Is the call inside one of the client's own packets (qRcmd)?  Then the server must stay. */
bool gdbstub_busy(const struct machine *m);
#endif
