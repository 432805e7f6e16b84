/* loop.h - the event loop of the loop thread: file descriptors, timers of the machine clock, work from other threads.
 *
 * Handlers run in the loop thread with the machine lock held. */
#ifndef CORE_MACHINE_LOOP_H
#define CORE_MACHINE_LOOP_H
#include "core/machine/error.h"
#include <stdint.h>
struct machine;
struct loop;
enum loop_events { LOOP_IN = 1, LOOP_OUT = 2, LOOP_HUP = 4 };
struct loop *loop_new(struct machine *m, struct error *err);
void loop_free(struct loop *l);
/* Watch fd; events 0 keeps it registered but silent.  With any events LOOP_HUP is reported too; asked for by itself it also tells that
 * a peer has ended its half of the stream.  Replaces an earlier watch of the same fd.
 * Any thread holding the machine lock. */
void loop_watch(struct loop *l, int fd, unsigned events, void (*fn)(void *arg, unsigned events), void *arg);
void loop_unwatch(struct loop *l, int fd);
/* Any thread: have fn(arg) called by the loop soon, machine lock held. */
void loop_post(struct loop *l, void (*fn)(void *arg), void *arg);
/* Any thread: make the loop look at its timers and descriptors again. */
void loop_wake(struct loop *l);
/* Host-time timer (not the machine clock): reconnect delays, status refresh.  Returns an id; 0 is never used. */
unsigned loop_timeout(struct loop *l, int64_t ms, void (*fn)(void *arg), void *arg);
void loop_timeout_cancel(struct loop *l, unsigned id);
/* Run until loop_quit(). */
void loop_run(struct loop *l);
void loop_quit(struct loop *l);
#endif
