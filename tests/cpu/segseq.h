/* segseq.h - random sequences of 16-bit code, and of code in segments that are not flat (test_jit_segments.c): what they are, and how they are made. */
#ifndef TESTS_CPU_SEGSEQ_H
#define TESTS_CPU_SEGSEQ_H
#include "core/cpu/cpu.h"
#include <stdbool.h>
#include <stdint.h>

enum mode { REAL, LARGE /* real mode, limits of 4 GB */, VM86, PROT16, PROT16_FLAT, PROT32, PROT32_STACK16, PROT32_FLAT /* but FS and GS */, MODES };

/* Physical and linear: what is restored and compared, tables of the system, and its stack at CPL 0. */
enum { WINDOW = 0x8000, WINDOW_END = 0x60000, FAR_END = 0x200000, TABLES = 0x300000, PAGES = 1024, GDT = 0x1000, TSS = 0x1800, IRET = 0x5000, SYS_STACK = 0x7000, ATOMS = 90, SECTIONS = 3, ATOM_BYTES = 24,
	MAX_INSNS = 30000, RESUMES = 8, VICTIM = -1000, STOPS = 300, SELECTORS = 12, IRET_VECTOR = 0x30, HLT = 0xf4 /* half of all bytes, so that who gets lost soon stops */ };

struct fix { uint8_t at, size; int8_t to_section; int16_t atom; bool absolute; int32_t add; };
struct atom { uint8_t code[ATOM_BYTES], len, section; bool off, victim, has_fix; struct fix fix; uint32_t at /* rip */; };
struct seq {
	enum mode mode;
	bool user, code32, paged, wp;
	unsigned n;
	struct atom atom[ATOMS];
	uint32_t section_at[SECTIONS];
	struct segreg seg[6];
	uint64_t gdt[SELECTORS], regs[8], data_seed;
	uint32_t pages[PAGES];          /* entries of the page table, one to one */
	uint32_t flags;
};
static inline bool protected_mode(const struct seq *s) { return s->mode >= PROT16; }

/* Sequence `number`. */
void seg_generate(struct seq *s, uint64_t number);
/* Addresses of all atoms, and the fields that hold them. */
void seg_lay_out(struct seq *s);
#endif
