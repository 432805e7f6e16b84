/* breakpoint.h - the debugger's breakpoints, on code and on data, and how a vCPU stops for the debugger.
 *
 * They have nothing to do with the guest's own debug registers (debugreg.h), and nothing of them is in guest memory.  Addresses are linear
 * ones; a breakpoint holds in every address space, also where nothing is mapped yet.
 *
 * The engine pays nothing while there are none.  A page with breakpoints on code has no execute tag in any TLB, so that the dispatcher sees
 * who comes (engine_drop.c).  A page with watched bytes has no tags for data; the access that hits is taken back (EXC_AGAIN) and its
 * instruction done once more alone, so that the vCPU stops right after it, as the protocol of gdb wants it. */
#ifndef CORE_CPU_BREAKPOINT_H
#define CORE_CPU_BREAKPOINT_H
#include "core/cpu/cpu.h"
#include "core/machine/error.h"

/* The numbers that gdb's packets Z and z give them. */
enum break_kind { BREAK_SOFT, BREAK_HARD, BREAK_WRITE, BREAK_READ, BREAK_ACCESS, BREAK_KINDS };

/* ---- the debugger's side: machine lock held, all vCPUs parked ---- */

struct breakpoints;
/* Set one on [addr, addr + len); for code len is only compared.  One that is there already is no error.  False: no such kind, an empty or
 * wrapping range, or too many (some ten thousand). */
bool break_set(struct machine *m, enum break_kind kind, uint64_t addr, uint64_t len);
/* Take that one away; false: it is not there. */
bool break_clear(struct machine *m, enum break_kind kind, uint64_t addr, uint64_t len);
void break_clear_all(struct machine *m);
/* Is there one of this kind that begins at addr? */
bool break_is_set(const struct machine *m, enum break_kind kind, uint64_t addr);
/* All of them but those that are twice at one address of code, at most `room`; returns how many there are, at most room. */
struct break_point { uint64_t addr, len; enum break_kind kind; };
unsigned break_list(const struct machine *m, struct break_point *out, unsigned room);
/* Before the vCPUs are destroyed or after; no vCPU runs. */
void breakpoints_free(struct machine *m);

/* ---- a vCPU's side: its thread ---- */

/* Is there a breakpoint at c's rip?  Then debug.stop says so.  Between two instructions. */
bool break_here(struct cpu *c);
/* Is there one on code in the page of lin, or at this offset of any page? */
bool break_in_page(const struct cpu *c, uint64_t lin);
bool break_at_offset(const struct cpu *c, uint64_t page_off);
/* Does the page of lin hold watched bytes? */
bool watch_in_page(const struct cpu *c, uint64_t lin);
/* A data access is about to be made (MEM_R or MEM_W, and MEM_SYSTEM).  False: it must not be, EXC_AGAIN is recorded. */
bool watch_access(struct cpu *c, uint64_t lin, unsigned size, unsigned access);

/* debug.stop was set: all vCPUs park, then the loop stops the machine (RUN_DEBUG).  No lock held. */
void break_report(struct cpu *c);
#endif
