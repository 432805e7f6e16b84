/* cpu_dump.h - registers and page tables of a parked vCPU as text. */
#ifndef CORE_DEBUG_CPU_DUMP_H
#define CORE_DEBUG_CPU_DUMP_H
#include "core/machine/text.h"
struct cpu;
void cpu_dump_registers(const struct cpu *c, struct text *out);
/* Every mapping, a line a page / ranges of equal rights. */
void cpu_dump_tlb(const struct cpu *c, struct text *out);
void cpu_dump_mem(const struct cpu *c, struct text *out);
#endif
