/* fpstate.h - x87 control, environment and MXCSR, as the state-saving instructions of several files need them. */
#ifndef CORE_CPU_FPSTATE_H
#define CORE_CPU_FPSTATE_H
#include "core/cpu/fp.h"

/* Words of the x87; setting them updates ES, B and FERR#.  The status word carries TOP here. */
void x87_init(struct cpu *c);                           /* FNINIT */
void x87_set_cw(struct cpu *c, uint16_t cw);
void x87_set_sw(struct cpu *c, uint16_t sw);
uint16_t x87_get_sw(const struct cpu *c);
/* The environment of FNSTENV in `buf`, 14 (small) or 28 bytes, in the form of the current mode; returns its size. */
unsigned x87_env_save(const struct cpu *c, uint8_t *buf, bool small);
void x87_env_load(struct cpu *c, const uint8_t *buf, bool small);

/* All of x87, SSE and AVX as an XSAVE area in its standard form, 832 bytes, pointers of 64 bits. */
void fp_area_save(struct cpu *c, uint8_t *area);
void fp_area_load(struct cpu *c, const uint8_t *area);

/* MXCSR, whatever part of it is in the host's register. */
enum { MXCSR_INIT = 0x1f80, MXCSR_FLAGS = 0x3f, MXCSR_UE = 0x10, MXCSR_DAZ = 0x40, MXCSR_UM = 0x800, MXCSR_MASKS = 0x1f80, MXCSR_RC = 0x6000, MXCSR_FTZ = 0x8000, MXCSR_VALID = 0xffff };
uint32_t mxcsr_get(struct cpu *c);
void mxcsr_set(struct cpu *c, uint32_t v);
#endif
