/* decode.h - the instruction table as data, and the decoder that reads it.
 *
 * opcodes.def describes the columns.  A row is chosen by (map, opcode) and by matching a 32-bit key made of the rest of the
 * encoding; its handler by form (register, memory, ...) and size.  The JIT's liveness, the tracer and the tests read the same rows.
 *
 * Ref: Intel SDM vol. 2, chapter 2 and appendix A. */
#ifndef CORE_CPU_DECODE_H
#define CORE_CPU_DECODE_H
#include "core/cpu/cpu.h"

enum op_map { ONE, TWO /* 0F */, T38 /* 0F 38 */, T3A /* 0F 3A */, V0F, V38, V3A /* VEX maps 1-3 */, MAP_COUNT };

/* ---- column `match`: what else the encoding must be; high half mask, low half value; or them together -------------------------
 *  key: 0-2 modrm.rm | 3-5 modrm.reg | 6-7 modrm.mod | 8 mod == 3 | 9-10 prefix (0 none, 1 66, 2 F3, 3 F2) | 11 64-bit code
 *       12 REX.W or VEX.W | 13 VEX.L | 14-15 operand size (0 16, 1 32, 2 64) | 16-17 address size (the same) | 18 REX.B */
#define MATCH(mask, val) ((uint64_t)(mask) << 32 | (uint32_t)(val))
#define ANY     0
#define R_(n)   MATCH(0x38, (n) << 3)           /* ModRM.reg = n: the group opcodes */
#define RM_(n)  MATCH(0x07, (n))                /* ModRM.rm = n */
#define X_(b)   MATCH(0xff, (b))                /* whole ModRM byte, as 0F 01 C1 or D9 E8 */
#define MOD_R   MATCH(0x100, 0x100)             /* register form only */
#define MOD_M   MATCH(0x100, 0)                 /* memory form only */
#define P_NONE  MATCH(0x600, 0x000)             /* mandatory prefix: none of 66, F3, F2; F3 and F2 win over 66, the last of both counts */
#define P_66    MATCH(0x600, 0x200)
#define P_F3    MATCH(0x600, 0x400)
#define P_F2    MATCH(0x600, 0x600)
#define NO_REP  MATCH(0x400, 0)               /* neither F3 nor F2 */
#define ONLY64  MATCH(0x800, 0x800)
#define NOT64   MATCH(0x800, 0)
#define W0      MATCH(0x1000, 0)
#define W1      MATCH(0x1000, 0x1000)
#define L0      MATCH(0x2000, 0)                /* VEX.L; rows without it take both (scalar instructions ignore L) */
#define L1      MATCH(0x2000, 0x2000)
#define NOREXB  MATCH(0x40000, 0)
#define O_16    MATCH(0xc000, 0)
#define O_32    MATCH(0xc000, 0x4000)
#define O_64    MATCH(0xc000, 0x8000)

/* ---- operands: kind << 4 | size; the manual's letters -------------------------------------------------------------------------- */
enum operand_size { SZ_0, SZ_b, SZ_w, SZ_d, SZ_q, SZ_o /* 16 bytes */, SZ_x /* 16 or 32 by VEX.L */, SZ_y /* 4, 8 by W */,
	SZ_v /* 2, 4, 8 by operand size */, SZ_z /* 2, 4 */, SZ_p /* far pointer */, SZ_s /* GDTR, IDTR */, SZ_t /* 10 bytes */,
	SZ_a /* pair for BOUND */, SZ_sb /* byte, sign-extended */ };
enum operand_kind {
	K_NONE, K_E /* ModRM.rm: register or memory */, K_G /* ModRM.reg */, K_I, K_J, K_M /* memory only */, K_O /* moffs */,
	K_R /* ModRM.rm, register only */, K_Z /* register in the opcode's low bits */, K_A /* immediate far pointer */,
	K_S /* segment register */, K_C, K_D, K_X /* DS:rSI */, K_Y /* ES:rDI */,
	K_V /* xmm: ModRM.reg */, K_W /* xmm or memory: ModRM.rm */, K_U /* xmm: ModRM.rm, register only */, K_H /* xmm: VEX.vvvv */,
	K_L /* xmm: imm8[7:4] */, K_P /* mmx: reg */, K_Q /* mmx or memory */, K_N /* mmx: rm, register only */,
	K_B /* VEX.vvvv general register */, K_ST0, K_STi /* x87: rm */,
	K_ACC /* AL, rAX: goes to insn.rm if it is the first operand, else insn.reg */, K_CL, K_DX, K_ONE, K_FIXED /* other implied register */
};
#define OPERANDS(x) x##_0 = K_##x << 4, x##_b = K_##x << 4 | SZ_b, x##_w = K_##x << 4 | SZ_w, x##_d = K_##x << 4 | SZ_d, \
	x##_q = K_##x << 4 | SZ_q, x##_o = K_##x << 4 | SZ_o, x##_x = K_##x << 4 | SZ_x, x##_y = K_##x << 4 | SZ_y,      \
	x##_v = K_##x << 4 | SZ_v, x##_z = K_##x << 4 | SZ_z, x##_p = K_##x << 4 | SZ_p, x##_s = K_##x << 4 | SZ_s,      \
	x##_t = K_##x << 4 | SZ_t, x##_a = K_##x << 4 | SZ_a, x##_sb = K_##x << 4 | SZ_sb
enum operand {
	___ = 0, OPERANDS(E), OPERANDS(G), OPERANDS(I), OPERANDS(J), OPERANDS(M), OPERANDS(O), OPERANDS(R), OPERANDS(Z), OPERANDS(A),
	OPERANDS(S), OPERANDS(C), OPERANDS(D), OPERANDS(X), OPERANDS(Y), OPERANDS(V), OPERANDS(W), OPERANDS(U), OPERANDS(H), OPERANDS(L),
	OPERANDS(P), OPERANDS(Q), OPERANDS(N), OPERANDS(B),
	ST0 = K_ST0 << 4, STi = K_STi << 4, AL = K_ACC << 4 | SZ_b, rAX = K_ACC << 4 | SZ_v, CL = K_CL << 4 | SZ_b, DX = K_DX << 4 | SZ_w,
	N_1 = K_ONE << 4, FIXED = K_FIXED << 4
};
#undef OPERANDS
static inline enum operand_kind operand_kind(unsigned o) { return o >> 4; }
static inline enum operand_size operand_size(unsigned o) { return o & 15; }

/* ---- flags columns ------------------------------------------------------------------------------------------------------------ */
enum { F_C = FL_CF, F_P = FL_PF, F_A = FL_AF, F_Z = FL_ZF, F_S = FL_SF, F_O = FL_OF, F_OSZAPC = FL_ARITH, F_OC = F_O | F_C,
	F_ZC = F_Z | F_C, F_OA = F_O | F_A, F_AP = F_A | F_P, F_SO = F_S | F_O, F_SZO = F_SO | F_Z, F_OAC = F_OC | F_A,
	F_SZAP = F_S | F_Z | F_AP, F_SZAPC = F_SZAP | F_C, F_OSZAP = F_SZAP | F_O, F_SAP = F_S | F_AP, F_OSAP = F_O | F_SAP,
	F_OSAPC = F_OSAP | F_C, F_ZPC = F_ZC | F_P };

/* ---- attributes ----------------------------------------------------------------------------------------------------------------- */
enum op_attr {
	A_LOCK  = 1 << 0,       /* LOCK allowed with a memory destination; everything else with LOCK is #UD */
	A_D64   = 1 << 1,       /* operand size defaults to 64 in 64-bit code (66 gives 16): push, pop */
	A_F64   = 1 << 2,       /* operand size is 64 in 64-bit code whatever the prefixes say: near branches, MOV CRn */
	A_END   = 1 << 3,       /* ends the block: jumps, everything that may change the mode, mappings or interrupt state */
	A_LINK  = 1 << 4,       /* direct branch: a struct link follows it in the block (engine.h) */
	A_COND  = 1 << 5,       /* conditional branch: the block goes on behind it */
	A_STACK = 1 << 6,       /* uses the stack: form S (or F) when the stack is flat, see the handler shapes */
	A_STR   = 1 << 7,       /* string instruction: sg is the source segment */
	A_PROT  = 1 << 8,       /* #UD in real and virtual-8086 mode */
	A_X87   = 1 << 9,       /* #NM when CR0.EM or TS; insn.imm = the 11-bit x87 opcode */
	A_MMX   = 1 << 10,      /* #UD when CR0.EM, #NM when TS */
	A_SSE   = 1 << 11,      /* #UD when CR0.EM or CR4.OSFXSR clear, #NM when TS */
	A_AVX   = 1 << 12,      /* #UD when CR4.OSXSAVE clear or XCR0 lacks AVX, or outside protected mode; #NM when TS */
	A_VL    = 1 << 13,      /* vector length matters: sized shapes choose by VEX.L (HL...) */
	A_W64   = 1 << 14,      /* 32-bit operand unless W: 66 does not give 16 (movnti, crc32's destination, movd) */
	A_VSIB  = 1 << 15,      /* gather: insn.index is a vector register */
};
/* N_: the CPUID feature without which the row is not there; in the attribute column, too.  A_AVX stands for AVX itself, by way of XCR0. */
enum op_need { NEED_SHIFT = 24,
#define NEED(name, feature) NEED_##name,
	NEED_NOTHING,
#include "core/cpu/needs.def"
	NEED_COUNT,
#undef NEED
#define NEED(name, feature) N_##name = NEED_##name << NEED_SHIFT,
#include "core/cpu/needs.def"
#undef NEED
};

/* ---- handler shapes -------------------------------------------------------------------------------------------------------------
 *   form   R register operands (or none) | M memory, any mode | F memory and address is easy: ea_fast() | S register, flat stack
 *          B easy, 64-bit code, base + displacement, no segment | X the same with an index | N register, flags not needed (peephole.c)
 *   H1(n)   op_n                         HV(n)   op_n16 op_n32 op_n64       by operand size
 *   HM(n)   op_n_r op_n_m                HVM(n)  op_n16_r .. op_n64_m
 *   HF(n)   op_n_r op_n_m op_n_f         HVF(n)  op_n16_r .. op_n64_f       the M form also serves LOCK
 *   HS(n)   op_n   op_n_s                HVS(n)  op_n16 .. op_n64_s
 *   HB(n)   op_n_r op_n_m op_n_f op_n_s  HVB(n)  op_n16_r .. op_n64_s
 *   HG(n)   op_n_r _m _f _b _x           HVG(n)  B and X only for 32 and 64 bits; HVH(n) all sizes
 *   HN: R M F N; HA: R M F B X N         HVN(n)  HVA(n): B, X and N only for 32 and 64 bits
 *   HY, HYM, HYF  like HV with two sizes: op_n32 op_n64 (operand size 16 takes 32)
 *   HL, HLM, HLF  by vector length, with A_VL: op_n128 op_n256 */
enum op_form { FORM_R, FORM_M, FORM_F, FORM_S, FORM_B, FORM_X, FORM_N, FORM_COUNT };
enum op_shape { SHAPE_1, SHAPE_M, SHAPE_F, SHAPE_S, SHAPE_B, SHAPE_G, SHAPE_N, SHAPE_A, SHAPE_COUNT };

struct op_row {
	const char   *name;
	uint64_t      match;
	const op_fn  *fn;               /* [form by shape][size] */
	uint16_t      operand[4];
	uint16_t      fl_read, fl_written, fl_undefined;
	uint32_t      attr;
	uint8_t       map, opcode;
	uint8_t       shape;            /* enum op_shape */
	bool          sized;            /* three handlers a form */
};
extern const struct op_row op_rows[];
extern const unsigned op_row_count;
/* Handler of a row by form and size (0 16, 1 32, 2 64 bits; or vector length). */
op_fn row_handler(const struct op_row *r, enum op_form form, unsigned size);
enum { ROW_NONE = 0 };                  /* row 0: undefined opcode */
/* May i, of this row, write to memory?  False is certain. */
bool insn_may_store(const struct op_row *r, const struct insn *i);

/* The index from encodings to rows; read-only once made, so vCPUs may share it. */
struct decoder;
/* The feature of a row (enum cpuid_feature), or -1; *only_256: it is wanted by the 256-bit form alone. */
int row_feature(const struct op_row *r, bool *only_256);
/* word: the feature words of the CPU (cpuid.h), whose rows only are known; NULL: all rows. */
struct decoder *decoder_new(const uint32_t *word);
void decoder_free(struct decoder *d);

/* Decode the instruction at p, of which `avail` bytes (at most 15 are looked at) can be read, for a block that starts `off` bytes
 * before it.  Returns its length, or 0 when the bytes run out before its end.  Never fails otherwise: an undefined or too long
 * instruction gets a handler that raises #UD or #GP. */
unsigned decode_insn(const struct decoder *d, unsigned mode, const uint8_t *p, unsigned avail, unsigned off, struct insn *out);
#endif
