/* diff.h - the host differential: one instruction on the emulator and on the host's own CPU from the same state, and the two
 * results compared - registers, flags, memory, x87, vectors, MXCSR, kind and address of a fault.
 *
 *   diff_native.c   runs code natively at fixed addresses, in 64-bit code or through LDT segments in 32- and 16-bit code
 *   diff_emu.c      runs the decoded instruction on a struct cpu at CPL 3 in long mode with the same linear addresses
 *   diff_jit.c      the same through the engine and its translator, between instructions that need the flags
 *   diff_encode.c   makes encodings from the rows of opcodes.def
 *   diff_gen.c      makes operands
 *   diff.c          compares, reports, walks the table */
#ifndef TESTS_CPU_DIFF_H
#define TESTS_CPU_DIFF_H
#include "core/cpu/decode.h"
#include <stdio.h>

/* Linear addresses, the same on both sides; no two of their pages share a place in the TLB.  DATA: two pages read-write, one read-only, then nothing. */
enum { DIFF_DATA = 0x10000000, DIFF_DATA_RW = 0x2000, DIFF_DATA_SIZE = 0x3000, DIFF_CODE = 0x20008000, DIFF_BRANCH = 0x20009000,
       DIFF_SLOTS = 32, DIFF_SLOT_SIZE = 64,
       DIFF_SHARED = 0x20020000, DIFF_GS_BASE = 0x1000, DIFF_XSAVE = 832 };

enum diff_mode { DIFF_64, DIFF_32, DIFF_32_SEG /* segments with bases and limits */, DIFF_16, DIFF_MODES };
extern const char *const diff_mode_names[DIFF_MODES];

/* Architectural state; `fx` is a standard-format XSAVE area (x87, SSE, AVX). */
struct diff_state {
	uint64_t gpr[16], rip, rflags;
	int64_t  vector;                /* of the fault, -1: none */
	uint64_t err, cr2;
	uint8_t  fx[DIFF_XSAVE] __attribute__((aligned(64)));
};
enum { FX_FCW = 0, FX_FSW = 2, FX_FTW = 4, FX_MXCSR = 24, FX_ST = 32, FX_XMM = 160, FX_HEADER = 512, FX_YMMH = 576 };

struct diff_case {
	enum diff_mode mode;
	unsigned row;                   /* of op_rows */
	uint8_t  code[16];
	unsigned len;                   /* by our decoder; 15 if it is undefined */
	bool     fp;                    /* load and compare fx */
	bool     branch;                /* rip may change: it runs alone in a page full of INT3 */
	unsigned slot;                  /* else: its place in the code page; several are written before the first runs (fresh code is slow) */
	uint8_t  operand[64];           /* what its memory operand finds, at offset `at` of DATA; -1: none */
	int      at;
	struct diff_state in;
};

/* Segments of the compatibility modes, as LDT entries on the host and hidden parts on the emulator. */
struct diff_segment { uint32_t base, limit /* bytes */; bool code, big; };
enum { DIFF_SEG_CS, DIFF_SEG_DS, DIFF_SEG_ES, DIFF_SEG_SS, DIFF_SEGS };
extern const struct diff_segment diff_segments[DIFF_MODES][DIFF_SEGS];
/* Linear address and offset in CS of a case's instruction. */
static inline uint32_t diff_code_linear(const struct diff_case *k) { return k->branch ? DIFF_BRANCH + 0x400 : DIFF_CODE + k->slot * DIFF_SLOT_SIZE; }
static inline uint64_t diff_code_rip(const struct diff_case *k) { return diff_code_linear(k) - diff_segments[k->mode][DIFF_SEG_CS].base; }
static inline uint16_t diff_selector(enum diff_mode m, unsigned seg) { return (uint16_t)((m * DIFF_SEGS + seg) << 3 | 7); }

/* Native side.  False: the host cannot (no LDT, addresses taken); the message says what is missing. */
bool diff_native_init(const char **why);
/* Take the signals, before the first case of a test: cmocka takes them before each. */
bool diff_native_catch(void);
void diff_native_place(const struct diff_case *k);
void diff_native_run(const struct diff_case *k, struct diff_state *out);
uint8_t *diff_native_data(void);

/* Emulator side. */
struct diff_emu;
struct diff_emu *diff_emu_new(void);
struct cpu *diff_emu_cpu(struct diff_emu *e);
/* Run one instruction from the CPU's present state: vector of the fault or -1. */
int diff_emu_exec(struct diff_emu *e, const uint8_t *code, size_t len);
void diff_emu_free(struct diff_emu *e);
void diff_emu_mode(struct diff_emu *e, enum diff_mode m);
/* Decodes k->code; fills k->row, k->len. */
void diff_emu_decode(struct diff_emu *e, struct diff_case *k);
/* Runs the case decoded last. */
void diff_emu_run(struct diff_emu *e, const struct diff_case *k, struct diff_state *out);
uint8_t *diff_emu_data(struct diff_emu *e);
/* From now on cases run translated.  False: the host cannot. */
bool diff_emu_translate(struct diff_emu *e);
/* Between diff_emu.c and diff_jit.c: put a case's state into the CPU, and take it out after the instruction, which ended with c->rip
 * (next instruction or target) or, with c->exc_pending, at `at`. */
void diff_emu_load(struct diff_emu *e, const struct diff_case *k);
void diff_emu_store(struct diff_emu *e, const struct diff_case *k, uint64_t at, struct diff_state *out);
struct diff_jit;
void diff_load_fx(struct cpu *c, const uint8_t *fx);
struct diff_jit *diff_jit_new(struct machine *m, struct cpu *c, uint64_t ram_addr /* of two pages for code */);
void diff_jit_free(struct diff_jit *j);
void diff_jit_run(struct diff_jit *j, struct diff_emu *e, const struct diff_case *k, struct diff_state *out);
/* Linear address of the memory operand of the case last decoded, before it ran; false: it has none. */
bool diff_emu_operand(struct diff_emu *e, const struct diff_case *k, uint64_t *lin);

/* The instruction last decoded. */
const struct insn *diff_emu_insn(const struct diff_emu *e);

/* Generator. */
/* Vector and x87 registers are filled from a pool: making them anew for every case would cost more than running it. */
struct diff_pool { uint8_t packed[1024][16], real[1024][16]; };
struct diff_rng { uint64_t s; const struct diff_pool *pool; };
void diff_pool_fill(struct diff_pool *p, uint64_t seed);
uint64_t diff_random(struct diff_rng *r);
static inline unsigned diff_below(struct diff_rng *r, unsigned n) { return (unsigned)((diff_random(r) >> 32) * n >> 32); }
static inline bool diff_chance(struct diff_rng *r, unsigned percent) { return diff_below(r, 100) < percent; }
uint64_t diff_edge_integer(struct diff_rng *r);
void diff_edge_packed(struct diff_rng *r, uint8_t *out, unsigned size /* a multiple of 8 */);
void diff_edge_real80(struct diff_rng *r, uint8_t out[10]);
void diff_random_fx(struct diff_rng *r, uint8_t *fx);
/* Somewhere in the data pages; sometimes at an end, in the read-only page or beyond. */
uint32_t diff_data_offset(struct diff_rng *r);
/* May this row run natively? */
bool diff_row_ok(unsigned row, enum diff_mode m);
/* A case for the row, for slot `slot`.  Its encoding is tried on the emulator's decoder to place the memory operand. */
/* An encoding of the row for k->mode: k->code, decoded (len, row).  True: it is a string instruction. */
bool diff_encode(struct diff_rng *r, struct diff_emu *e, unsigned row, struct diff_case *k);
void diff_generate(struct diff_rng *r, struct diff_emu *e, unsigned row, enum diff_mode m, unsigned slot, struct diff_case *k);

/* Run `per_row` cases of every row (whose name contains `only`, if not NULL) in every mode; stops at `max_failures`.  Prints
 * failures to f.  Returns their number; *n_run the number of cases. */
unsigned diff_all(struct diff_emu *e, uint64_t seed, unsigned per_row, const char *only, unsigned max_failures, FILE *f, uint64_t *n_run);
#endif
