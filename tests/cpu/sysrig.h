/* sysrig.h - a bare machine for the assembly guests of tests/cpu/sys: 16 MB, their ports, an interrupt controller of one vector. */
#ifndef TESTS_CPU_SYSRIG_H
#define TESTS_CPU_SYSRIG_H
#include "core/cpu/cpu.h"
#include "core/machine/machine.h"

enum { RAM_SIZE = 16 << 20, LOAD_AT = 0x10000, TEXT_MAX = 1 << 16 };

/* The ports the guests use. */
struct sysrig {
	struct device dev;
	struct machine *m;
	struct cpu *cpu;
	struct region ram, ports[5];
	char text[TEXT_MAX];
	size_t len;
	int exit_code;                  /* -1 while the guest runs */
	int pending;                    /* vector of a raised interrupt, or -1 */
	uint64_t apic_base;
	uint8_t tpr;
};

/* A machine under engine `accel` (as -accel spells it; NULL: the interpreter, or as VMUX_TEST_JIT says), cmocka assertions when it cannot be made. */
struct sysrig *sysrig_new(const char *accel);
void sysrig_free(struct sysrig *r);
/* The image sys/NAME.S, entered in real mode at 1000:0000. */
void sysrig_load(struct sysrig *r, const char *name);
/* Run to the exit port ("exit"); HLT with nothing pending, triple fault and too many instructions end it too: a word for which. */
const char *sysrig_run(struct sysrig *r);
/* x87 registers, control words and MXCSR with values of their own, and all of XCR0 that there is. */
void sysrig_fill_fpu(struct cpu *c);
#endif
