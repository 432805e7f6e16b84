/* counted.h - all vCPUs in one thread, and the virtual clock by the number of instructions they have executed (-icount).
 *
 * Two runs of the same machine are then the same for the guest, as long as nothing comes from outside: keys, lines, the monitor, the host's
 * clock (-rtc clock=host).  CPUs take turns of about COUNTED_TURN instructions, which PAUSE ends, an instruction takes 2^shift ns of whichever CPU executes it, timers
 * run between two blocks as soon as their time has come, and requests of drives are done at the end of the turn in which they were made.
 * When all CPUs are halted the clock goes on to the next timer, at once or after as much time of the host. */
#ifndef CORE_CPU_COUNTED_H
#define CORE_CPU_COUNTED_H
#include <stdbool.h>
#include <stdint.h>

struct cpu;
struct machine;
enum { COUNTED_TURN = 2000, COUNTED_SHIFT_MAX = 10 };
struct counted;

/* What -icount says. */
struct icount_conf { bool on, sleep; uint8_t shift; };

/* For a machine with -icount, once its clock is there.  Owned by the machine. */
struct counted *counted_new(struct machine *m);
void counted_free(struct counted *k);
/* vCPU thread: run all CPUs until they are asked to park. */
void counted_run(struct machine *m);
/* Any thread: the CPU the thread executes for or did last, or NULL when it is another thread. */
struct cpu *counted_current(const struct counted *k);
/* Between two blocks of c (run.c).  counted_passed: false when c's turn is over. */
void counted_begin(struct cpu *c);
bool counted_passed(struct cpu *c);
/* c's turn ends with this block.  Nothing without -icount. */
void counted_yield(struct cpu *c);
/* Under -icount: the next of the numbers that RDRAND gives, the same in each run.  False: not under -icount. */
bool counted_random(struct cpu *c, uint64_t *v);
/* What of it is the machine's state; k NULL: not under -icount, all zero.  vCPUs parked.  last: below machine.n_cpus. */
struct counted_state { uint32_t turns; uint64_t random; uint32_t last /* CPU that had its turn */; };
void counted_save(const struct counted *k, struct counted_state *s);
void counted_load(struct counted *k, const struct counted_state *s);
uint64_t counted_instructions(const struct machine *m);        /* of all CPUs, since they were reset */
#endif
