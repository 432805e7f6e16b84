/* seq.h - random sequences of instructions, interpreted and translated from the same start, and everything compared.
 *
 * A sequence is a list of atoms: an instruction, or a few that belong together (load a register and call through it).  Atoms lie in
 * sections: the main one and functions.  Branches name atoms, so any atom may be left out: that is how a failure is made small.
 *
 *   seq_gen.c      makes sequences        seq_atoms.c   the atoms that are not rows of the table: calls, loops, stores into code...
 *   seq_rig.c      two CPUs in a small address space: run, compare, go on behind a fault
 *   seq_report.c   make a failing sequence small, print it */
#ifndef TESTS_CPU_SEQ_H
#define TESTS_CPU_SEQ_H
#include "tests/cpu/diff.h"
#include "tests/cpu/guest.h"

/* Linear addresses, all in one page table.  DATA: two pages read-write, one read-only, then nothing. */
enum { SEQ_DATA = DIFF_DATA, SEQ_CODE = DIFF_DATA + 0x40000, SEQ_STACK = DIFF_DATA + 0x80000, SEQ_ALIAS = DIFF_DATA + 0xc0000 /* of CODE */,
       SEQ_TABLES = DIFF_DATA + 0x140000, SEQ_SYS = DIFF_DATA + 0x180000,
       SEQ_CODE_PAGES = 4, SEQ_DATA_PAGES = 3, SEQ_STACK_PAGES = 2, SEQ_TABLE_PAGES = 8 };
/* Physical: the window that is restored and compared.  Tables: four pages for each of two address spaces; in the second the data pages
 * are swapped and writable, and the third page of code is another one. */
enum { SEQ_PHYS = 0x100000, SEQ_PHYS_TABLES = SEQ_PHYS, SEQ_PHYS_CODE = SEQ_PHYS + 0x8000, SEQ_PHYS_DATA = SEQ_PHYS_CODE + 0x5000,
       SEQ_PHYS_STACK = SEQ_PHYS_DATA + 0x3000, SEQ_PHYS_END = SEQ_PHYS_STACK + 0x2000, SEQ_PHYS_SYS = 0x180000, SEQ_SYS_PAGES = 5,
       SEQ_ROOT_A = SEQ_PHYS_TABLES, SEQ_ROOT_B = SEQ_PHYS_TABLES + 0x4000 };
enum { SEQ_ATOMS = 200, SEQ_SECTIONS = 4, SEQ_ATOM_BYTES = 64, SEQ_FIXES = 4, SEQ_INTR = 0x40 };

/* A 4-byte field of an atom's code that holds an address, or a distance when `relative` (from offset `end` of the atom).  atom < 0:
 * `add` alone is the address. */
struct seq_fix { uint8_t at, end; bool relative; int16_t atom; int32_t add; };
struct seq_atom {
	uint8_t code[SEQ_ATOM_BYTES], len, section, n_fixes;
	bool off;                       /* left out */
	bool victim;                    /* mov r32, imm32: may be stored into */
	struct seq_fix fix[SEQ_FIXES];
	uint32_t at;                    /* linear address, when laid out */
};
struct seq {
	enum diff_mode mode;            /* DIFF_64 or DIFF_32 */
	bool user, alignment;           /* CPL 3; CR0.AM */
	unsigned n;
	struct seq_atom atom[SEQ_ATOMS];
	uint32_t section_at[SEQ_SECTIONS];
	struct diff_state start;        /* gpr, rflags, fx */
	uint64_t data_seed;
	/* of the generator */
	uint16_t pointers, scratch;     /* register sets */
	unsigned loop;                  /* register that counts loops */
};

/* What runs beside the translated CPU and must not show: requests, interrupts, flushes, writes to code that change nothing. */
enum { SEQ_NOISE_STOP = 1, SEQ_NOISE_INTR = 2, SEQ_NOISE_TLB = 4, SEQ_NOISE_FLUSH = 8, SEQ_NOISE_CODE = 16, SEQ_NOISE_ALL = 31 };

/* Generator (seq_gen.c). */
struct seq_rows { unsigned n; uint16_t row[3000]; };
struct seq_gen { struct seq_rows rows[2][2]; /* [64-bit][floating-point] */
	struct diff_rng r; struct diff_pool pool; struct diff_emu *decoder; struct seq *s; unsigned section; int furthest; };
void seq_gen_init(struct seq_gen *g);   /* the caller frees g->decoder by diff_emu_free() */
void seq_generate(struct seq_gen *g, struct seq *s);
/* Addresses of all atoms and their fields. */
void seq_lay_out(struct seq *s);
/* seq_atoms.c: one atom, or several, of the next kind. */
void seq_put_special(struct seq_gen *g);
void seq_put_ending(struct seq_gen *g);
struct seq_atom *seq_new_atom(struct seq_gen *g);
void seq_byte(struct seq_atom *a, unsigned v);
void seq_imm32(struct seq_atom *a, uint32_t v);
/* A field of four bytes here, for the address of atom `to` plus `add`. */
void seq_field(struct seq_atom *a, int to, int32_t add, bool relative);
void seq_mov_imm(const struct seq *s, struct seq_atom *a, unsigned reg, uint32_t v);
unsigned seq_pick(struct seq_gen *g, uint16_t set);
void seq_row(struct seq_gen *g, bool fp);

/* Rig. */
struct seq_rig;
struct seq_rig *seq_rig_new(void);
void seq_rig_free(struct seq_rig *rig);
/* Run s on both sides, `times` times on the translated one and once more by code that does not count, and again from behind each fault.  True: equal.  `why` gets the first
 * difference. */
bool seq_run(struct seq_rig *rig, const struct seq *s, unsigned noise, unsigned hot, unsigned times, char *why, size_t size);
struct seq_totals { uint64_t sequences, runs, stops, faults, runaways, insns; };
const struct seq_totals *seq_totals(const struct seq_rig *rig);

/* Leave out what can be left out; s still fails. */
void seq_minimise(struct seq_rig *rig, struct seq *s, unsigned noise, unsigned hot);
void seq_print(FILE *f, const struct seq *s);
#endif
