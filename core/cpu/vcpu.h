/* vcpu.h - the threads that run guest code: one a vCPU, parked while the machine stands still.
 *
 * The machine starts and stops them: accel_ops.start_vcpus() makes the threads, parked; vcpu_resume_all() lets them run;
 * vcpu_park_all() brings them to a halt between two guest instructions; accel_ops.stop_vcpus() parks and joins them.
 * A parked vCPU holds no lock and touches nothing: any thread that holds the machine lock may then use its struct cpu. */
#ifndef CORE_CPU_VCPU_H
#define CORE_CPU_VCPU_H
#include <stdbool.h>
#include <stdint.h>

struct machine;
struct cpu;

/* Park every vCPU and wait until all are parked.  Machine lock held; it is released while waiting (a vCPU may need it to finish
 * its instruction), so the caller must look at the machine's state again afterwards.  Idempotent.
 * Called from a vCPU thread it only asks: that vCPU (and the others) park as soon as their current instruction is done. */
void vcpu_park_all(struct machine *m);
/* Let parked vCPUs run, but for those the debugger holds (machine.held_cpus).  Machine lock held.  A vCPU that has not reached its parking place yet simply goes on. */
void vcpu_resume_all(struct machine *m);
/* All parked at this moment?  Machine lock held. */
bool vcpu_all_parked(struct machine *m);

/* The vCPU the calling thread runs, or NULL when it is another kind of thread. */
struct cpu *vcpu_current(struct machine *m);
/* The CPU of that number; NULL: there is no such number, or nothing in its place (-smp maxcpus=).  Machine lock. */
struct cpu *vcpu_present(const struct machine *m, int64_t n);
/* Any thread: wake the vCPU's thread if it sleeps (halted or parked), so that it looks at exit_req. */
void vcpu_kick(struct cpu *c);
/* The calling thread is the one that executes c's code. */
bool vcpu_thread_is_own(const struct cpu *c);
/* vCPU thread.  Is there something a halted CPU must look at?  A maskable interrupt with IF clear is nothing. */
bool vcpu_must_wake(struct cpu *c);
/* vCPU thread: run c until something is to be done, or its turn is over (counted.h), and do what only the thread can do. */
enum cpu_exit vcpu_turn(struct cpu *c);
/* The one thread of all vCPUs (counted.h): sleep at most ns, or without end when it is negative, until one of them must wake, a timer is
 * nearer or another one the next, or a drive has finished something.  Returns how long, at most ns. */
int64_t vcpu_wait_all(struct machine *m, int64_t ns);
/* Any thread: send the vCPU's thread a signal, unless it is the caller's own or does not run yet.  For engines that kick by signals. */
void vcpu_signal(struct cpu *c, int sig);
/* Parts of accel_ops that engines share: create m->cpus as the options say; start their threads, parked; end them. */
struct error;
bool vcpu_create_all(struct machine *m, struct error *err);
bool vcpu_start_all(struct machine *m, struct error *err);
void vcpu_stop_all(struct machine *m);
/* Host thread id (as `info cpus` prints it), 0 before the thread runs.  Any thread. */
int vcpu_thread_id(const struct cpu *c);
/* CPU time of the host that m's vCPUs have taken so far, in ns.  Machine lock held. */
uint64_t vcpu_busy_ns(const struct machine *m);
#endif
