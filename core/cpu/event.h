/* event.h - events as the instruction handlers cause them. */
#ifndef CORE_CPU_EVENT_H
#define CORE_CPU_EVENT_H
#include "core/cpu/cpu.h"
/* INT n (opcode CD): in virtual-8086 mode it may be redirected to the virtual machine's own vectors.  c->rip = the next
 * instruction; as cpu_deliver. */
bool event_int_n(struct cpu *c, int vector);
/* INIT#: as reset, but caches, FPU, MSRs and most of CR0's cache bits stay. */
void cpu_init(struct cpu *c);
/* event64.c: the common case in 64-bit mode; false: it is not, and nothing has changed.  Deliver vector, no INT n, with an error code unless err is NULL,
 * and `flags` as the image of RFLAGS; the mode is the caller's to work out (cpu_update_mode).  IRETQ: all done. */
bool event_deliver_64(struct cpu *c, int vector, const uint32_t *err, uint32_t flags);
bool far_iret_64(struct cpu *c);
/* event.c: the recorded exception, of an instruction at rip, if it is a page fault and event_deliver_64 does it; all done.  False: as before but for c->rip. */
bool event_page_fault_64(struct cpu *c, uint64_t rip);
#endif
