/* dump.h - the guest's memory as an ELF core file. */
#ifndef CORE_MONITOR_DUMP_H
#define CORE_MONITOR_DUMP_H
#include "core/machine/error.h"
#include <stdint.h>
struct machine;
/* Physical memory [begin, begin + length); length 0: all of it.  Vcpus are parked meanwhile by the caller. */
bool memory_dump(struct machine *m, const char *file, uint64_t begin, uint64_t length, struct error *err);
/* size bytes at addr as they are, of CPU c's virtual memory or (NULL) physical memory. */
struct cpu;
bool memory_save(struct machine *m, struct cpu *c, uint64_t addr, uint64_t size, const char *name, struct error *err);
#endif
