/* guest.h - a bare CPU with some RAM for tests of the instruction engine.
 *
 * RAM is mapped one to one.  Every exception vector leads to a HLT of its own, so a test reads the vector off rip. */
#ifndef TESTS_CPU_GUEST_H
#define TESTS_CPU_GUEST_H
#include "core/cpu/cpu.h"
#include "core/machine/machine.h"

enum guest_mode { GUEST_REAL, GUEST_PROT32, GUEST_LONG64 };
enum { GUEST_RAM = 64 << 20, GUEST_CODE = 0x10000, GUEST_STACK = 0x80000, GUEST_DATA = 0x100000,
	GUEST_GDT = 0x1000, GUEST_IDT = 0x2000, GUEST_STUBS = 0x4000 /* 16 bytes a vector */, GUEST_TABLES = 0x200000 };

struct guest {
	struct machine *m;
	struct cpu *c;
	struct region ram;
	uint8_t *mem;                   /* guest physical 0 */
};

struct guest *guest_new(enum guest_mode mode);
void guest_free(struct guest *g);
/* Copy code to addr and tell the engine, as DMA would. */
void guest_load(struct guest *g, uint64_t addr, const void *bytes, size_t len);
#define guest_code(g, addr, ...) do { static const uint8_t code_[] = { __VA_ARGS__ }; guest_load(g, addr, code_, sizeof code_); } while (0)
/* Run from rip until HLT or a triple fault. */
enum cpu_exit guest_run(struct guest *g, uint64_t rip);
/* The exception whose stub the CPU halted in, or -1. */
int guest_vector(const struct guest *g);
/* 64-bit: map the page at lin to phys (4 KB, user, writable). */
void guest_map(struct guest *g, uint64_t lin, uint64_t phys, bool present, bool writable);
#endif
