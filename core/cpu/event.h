/* event.h - events as the instruction handlers cause them. */
#ifndef CORE_CPU_EVENT_H
#define CORE_CPU_EVENT_H
#include "core/cpu/cpu.h"
/* INT n (opcode CD): in virtual-8086 mode it may be redirected to the virtual machine's own vectors.  c->rip = the next
 * instruction; as cpu_deliver. */
bool event_int_n(struct cpu *c, int vector);
/* INIT#: as reset, but caches, FPU, MSRs and most of CR0's cache bits stay. */
void cpu_init(struct cpu *c);
#endif
