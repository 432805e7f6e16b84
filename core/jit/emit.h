/* emit.h - what the parts of the translator share: blocks (block.c), instructions (emit.c, emit_mem.c), control flow (branch.c, jump.c),
 * the code cache, entering and leaving (run.c).
 *
 * Host registers: guest RSP is r11, guest r9-r11 live in cpu.regs, the rest are themselves.  r9 and r10 are scratch, gs is the
 * struct cpu, rsp the return stack (jump.c).  Between blocks the arithmetic flags are in cpu.flags16 or dead; inside a block they are in
 * EFLAGS, in flags16 or both (struct em).  Code does not depend on the virtual address: cpu.jit.page is the page's, in rip. */
#ifndef CORE_JIT_EMIT_H
#define CORE_JIT_EMIT_H
#include "core/jit/families.h"
#include "core/jit/jit.h"
#include "core/jit/lockstep.h"
#include "core/cpu/ops.h"

enum { H_T0 = 9, H_T1 = 10, H_RSP = 11, NO_REG = 0xff };
enum { STEPS_MAX = 1 << 19, EXITS_MAX = 1 << 19, JBLOCKS_MAX = 1 << 17, JIT_JUMP_SIZE = 1 << 13,
	JIT_BLOCK_CODE_MAX = 32 << 10 };

/* Register sets that stay in the host's registers from block to block (live.c); cpu.jit.live. */
enum { LIVE_VEC = 1, LIVE_X87 = 2, LIVE_SETS = 3 };
/* What instructions the host may be given beyond x86-64's own. */
enum host_feature { HOST_SSE42 = 1 << 0 /* and all before it, POPCNT */, HOST_AES = 1 << 1, HOST_SHA = 1 << 2, HOST_AVX2 = 1 << 3 /* FMA, F16C */,
	HOST_BMI = 1 << 4 /* 1 and 2, LZCNT, MOVBE */, HOST_ADX = 1 << 5 };

enum exit_kind { EXIT_LINK, EXIT_INDIRECT, EXIT_INTERP };
struct jit_exit {
	enum exit_kind kind;
	int32_t off;                    /* LINK: target, from the start of the page */
	uint8_t *patch;                 /* LINK: rel32 to point at the target's code, in the writable mapping */
	struct block *block;            /* INTERP: go on in the interpreter at insns[slot] */
	unsigned slot, page_off;
};
/* The interpreter's view of translated instructions that may run one by one, each run of them ending in a mark (op_jit_end). */
struct jit_block {
	uint8_t *entry;                 /* writable mapping */
	struct insn *steps;
	unsigned n_steps;
	uint8_t *stale_code;
	struct jit_exit *stale;         /* re-entry at the same address, for who comes here after the end */
};
struct jit_slot { uint64_t key; const uint8_t *code; uint64_t pad[2]; };

struct jit {
	struct cpu *c;
	uint8_t *rw, *rx;               /* one memory, mapped twice */
	size_t size, used, fixed;       /* bytes of code: room, in use; of it, the common pieces at the start */
	struct insn *steps;
	struct jit_exit *exits;
	struct jit_block *blocks;
	unsigned n_steps, n_exits, n_blocks, hot, next_slot;
	struct jit_slot *jump;
	struct jit_exit indirect[2];    /* to jit.tmp; [1]: by a direct jump */
	struct jit_exit *(*enter)(const uint8_t *code);
	uint8_t *leave, *step;          /* common pieces, writable mapping */
	uint8_t *jump_common[2][2] /* and directness */, *ret_miss[2], *ret_empty[2];    /* by CPL 3 */
	uint8_t *refill[2][2];          /* by CPL 3 and writing */
	struct insn find_run[2][2];
	uint8_t *stacks;                /* return stacks */
	uint8_t *live_save, *live_restore, *live_load[LIVE_SETS];
	unsigned host_has;              /* enum host_feature */
	struct jit_counters count;
	uint32_t off;                   /* families that are not translated */
	uint64_t *row_count;            /* by row: done by the interpreter */
	struct lockstep *lockstep;      /* NULL: nothing is checked */
};

/* ---- emission ---- */
/* Bit of jit_step's page_off: not for want of an emitter, but to look up memory. */
enum { STEP_IS_MISS = 1 << 16 };
enum { STUBS_MAX = 3 * BLOCK_MAX + 8 };
enum stub_kind { STUB_STEP, STUB_INTERP, STUB_TAKEN, STUB_LIVE };
struct stub {
	enum stub_kind kind;
	uint8_t *from, *back;           /* rel32 that jumps here; where to go on */
	uint8_t *checked, size;         /* a check of memory: where to go on when it is plain */
	uint32_t base;                  /* and the slot's base, in struct cpu */
	struct insn *step;
	unsigned slot, count;
	int64_t target;                 /* TAKEN: from the start of the page */
	bool load_flags, backward, write, stack;
	uint8_t live;                   /* LIVE: the set wanted */
};
/* One guest instruction of the block being translated. */
struct ji {
	struct insn in;
	const struct op_row *row;
	unsigned slot;
	uint16_t reads, writes, live_in, live_out, live_taken;
	uint8_t size;                   /* operand size in bytes: 1, 2, 4, 8 */
	bool ends;
};
/* What is known at a place about registers that stay in the host's (live.c). */
struct em_live {
	uint8_t sets;                   /* live for certain */
	bool x87_page;                  /* the page of x87 instructions has been noted */
	uint8_t x87_seg;                /* the segment noted as jit.x87.mem_seg, 0 = none */
};
struct em {
	struct jit *j;
	struct cpu *c;
	struct block *b;
	uint8_t *p;
	bool code64, user, loop /* a jump goes back from here */, flags_host, flags_mem, failed;
	unsigned page_off;              /* of the block */
	struct em_live live;
	struct stub stubs[STUBS_MAX];
	unsigned n_stubs;
	uint8_t slots[REG_COUNT][2];    /* of memory, by base register and writing; 0 = none yet */
};

/* Bytes. */
void em8(struct em *e, unsigned v);
void em32(struct em *e, uint32_t v);
void em64(struct em *e, uint64_t v);
void em_rel32(struct em *e, const uint8_t *to);
void em_patch(uint8_t *rel32, const uint8_t *to);
/* Opcode with prefixes: op may hold 0F as 0x0fXX, or 66/F2/F3 demanded by the row in `prefix`.  size 1 asks for byte registers. */
struct enc { uint8_t prefix; bool lock, byte_rm /* rm is a byte register whatever the size */, digit /* reg is /n */; unsigned op, size, reg; };
/* The same for all that begins with 0F or VEX; map 1 = 0F, 2 = 0F 38, 3 = 0F 3A, pp 1-3 = 66 F3 F2.  ModRM and immediate are to follow; rm is
 * a register, or the base of memory without index. */
struct opcode { bool vex, w, l, o16, rex /* even if empty */; uint8_t pp, map, op, vvvv; };
void em_opcode(struct em *e, const struct opcode *o, unsigned reg, unsigned rm);
void em_rr(struct em *e, struct enc x, unsigned rm);                    /* rm: host register */
void em_rm(struct em *e, struct enc x, unsigned base, unsigned index, unsigned scale, int32_t disp);    /* NO_REG = absent */
void em_env(struct em *e, struct enc x, uint32_t off);                  /* memory operand in struct cpu */
void em_load_env(struct em *e, unsigned host, uint32_t off);
void em_store_env(struct em *e, unsigned host, uint32_t off);
void em_imm64(struct em *e, unsigned host, uint64_t v);
void em_mov(struct em *e, unsigned to, unsigned from);

/* Flags. */
void em_flags_to_host(struct em *e);
void em_flags_to_mem(struct em *e);
void em_flags_clobber(struct em *e, unsigned live);
static inline void em_flags_written(struct em *e) { e->flags_host = true; e->flags_mem = false; }

/* Guest registers. */
#define ENV_REG(n) (uint32_t)(offsetof(struct cpu, regs) + 8 * (n))
static inline bool in_env(unsigned guest) { return guest >= 9 && guest <= 11; }
static inline unsigned host_of(unsigned guest) { return guest == RSP ? H_RSP : guest; }
/* Host register with the value of the guest's: itself, or `temp` after a load. */
unsigned em_use(struct em *e, unsigned guest, unsigned temp);

static inline bool family_off(const struct em *e, enum jit_family_id f) { return e->j->off >> f & 1; }

/* Memory (emit_mem.c): the address of i's operand into r9; then its host address, with a way out when it is not plain memory. */
void em_address(struct em *e, const struct ji *i, bool segment);
void em_check(struct em *e, const struct ji *i, unsigned size, bool write);
/* r9, a linear address, is a multiple of size; else the interpreter's.  Flags are lost. */
void em_check_aligned(struct em *e, const struct ji *i, unsigned size);
/* Jump (second byte of a 0F 8x) out of line: the interpreter takes i, or goes on from i. */
void em_jump_out(struct em *e, unsigned jcc, enum stub_kind kind, const struct ji *i);
void mem_make_common(struct em *e);
/* Instructions that the interpreter executes.  em_steps and em_stub set e->failed when there is no room. */
void em_steps(struct em *e, const struct ji *i, unsigned n);
struct insn *jit_new_steps(struct em *e, const struct ji *i, unsigned n);
struct jit_exit *jit_new_exit(struct em *e, enum exit_kind kind);
struct stub *em_stub(struct em *e, enum stub_kind kind, const struct ji *i);

/* Instruction i as host code.  False: nothing was emitted, the interpreter must do it. */
bool em_native(struct em *e, const struct ji *i);
/* The same for control flow at the end of a block; n_insns up to and with i. */
bool em_branch(struct em *e, const struct ji *i);
void em_goto(struct em *e, int64_t target, unsigned n_insns, bool backward);
void em_leave_to_interp(struct em *e, unsigned slot);
/* A way out that is linked with the code at `target` of the page when that is found: `patch` is a rel32. */
void em_exit_to(struct em *e, int64_t target, uint8_t *patch);
void em_stubs(struct em *e);

/* jump.c.  insns more have been executed. */
void em_count(struct em *e, unsigned insns);
/* r9 = address of a target, which is given from the start of the page. */
void em_load_target(struct em *e, int64_t target);
/* To the address in r9; r10 and flags are lost.  `poll`: leave when asked to.  `direct`: it is the target of a direct jump. */
void em_jump(struct em *e, bool poll, bool direct);
/* The host's call: r10 = the guest's return address.  Returns the rel32 to patch.  Directly behind it comes the landing, r9 = where the
 * guest returns to, which goes on when that is `off` from the start of this page. */
uint8_t *em_call_begin(struct em *e);
void em_landing(struct em *e, unsigned off);
/* The guest's return to r9. */
void em_return(struct em *e);
void jump_make_common(struct em *e);
bool jump_create(struct jit *j);
void jump_destroy(struct jit *j);
void jump_reset_stack(struct cpu *c, bool user);
/* live.c.  Anything that calls C from translated code has stored all guest registers, then calls em_live_store(), which keeps what was
 * live in bl, and em_live_reload() before it goes on; both on the host's stack, of any alignment. */
void em_live_pieces(struct em *e);
void em_live_loads(struct em *e);
void em_live_store(struct em *e);
void em_live_reload(struct em *e);
/* i wants a set: load it if it is not, or leave to the interpreter before i when it may not be.  Flags are saved and lost. */
void em_live(struct em *e, const struct ji *i, unsigned set);
void em_live_stub(struct em *e, const struct stub *s);
static inline void em_live_forget(struct em *e) { e->live = (struct em_live) { 0 }; }
/* Guest registers but r9-r11 between host and struct cpu; flags stay. */
void em_all_regs(struct em *e, bool load);

unsigned em_host_features(void);        /* enum host_feature */
/* emit_fp.c: vector and x87 instructions, as em_native. */
bool em_fp(struct em *e, const struct ji *i);
bool em_x87(struct em *e, const struct ji *i);
/* emit_bits.c: division and bit manipulation, as em_native. */
bool em_bits(struct em *e, const struct ji *i);
/* After a memory access of i: where the ways out of line since stub `first` come back. */
void em_close_stubs(struct em *e, unsigned first, const struct ji *i);

/* block.c: translate b; false: it stays with the interpreter. */
bool jit_translate(struct jit *j, struct block *b);
/* Flags that may be read at `off` of the page before they are written; the lines that were looked at are added to *lines. */
unsigned jit_flags_live(struct cpu *c, int64_t off, const uint8_t *page, uint64_t *lines);
/* What is em_native's answer, with nothing emitted. */
bool em_would_be_native(struct em *e, const struct ji *i);
const struct insn *op_jit_stale(struct cpu *c, const struct insn *i);
const struct insn *op_jit_end(struct cpu *c, const struct insn *i);
const struct insn *op_jit_count(struct cpu *c, const struct insn *i);
const struct insn *op_jit_enter(struct cpu *c, const struct insn *i);
bool jit_step(struct cpu *c, const struct insn *i, unsigned page_off);
static inline uint8_t *jit_rx(const struct jit *j, const uint8_t *rw) { return j->rx + (rw - j->rw); }
#endif
