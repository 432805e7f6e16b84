/* emit.h - what the parts of the translator share: blocks (block.c), instructions (emit.c, emit_mem.c), control flow (branch.c, jump.c),
 * the code cache, entering and leaving (run.c).
 *
 * Host registers: guest RSP is r11, guest r9-r11 live in cpu.regs, the rest are themselves.  r9 and r10 are scratch, gs is the
 * struct cpu, rsp the return stack (jump.c).  Between blocks the arithmetic flags are in cpu.flags16 or dead; inside a block they are in
 * EFLAGS, in flags16 or both (struct em).  Code does not depend on the virtual address: cpu.jit.page is the page's, in rip.
 *
 * Code in segments (mode_in_segments: 16 bits, or not flat) depends on no segment's base, limit and rights either, they are looked at where they
 * count.  There cpu.jit.page is what rip would be where the page starts, and may be less than 0.  Translated code is entered only when the page ends
 * below the limit of CS and rip's wrap; so within the page only jumps to before the block have to look whether rip would be less than 0.
 * Caches and return stacks have linear addresses, since CS may change in between; jit.tmp is rip then. */
#ifndef CORE_JIT_EMIT_H
#define CORE_JIT_EMIT_H
#include "core/jit/families.h"
#include "core/jit/jit.h"
#include "core/jit/lockstep.h"
#include "core/cpu/ops.h"

/* The vector registers are the guest's while such functions run. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IN_GPRS __attribute__((target("general-regs-only"), no_sanitize("address", "undefined", "thread")))
#else
#define IN_GPRS __attribute__((target("general-regs-only")))
#endif

enum { H_T0 = 9, H_T1 = 10, H_RSP = 11, NO_REG = 0xff };
enum { STEPS_MAX = 1 << 19, EXITS_MAX = 1 << 19, JBLOCKS_MAX = 1 << 17, JIT_JUMP_SIZE = 1 << 15, JIT_JUMP_SHIFT = 13, JIT_LOOPS = 1 << 14,
	JIT_BLOCK_CODE_MAX = 32 << 10, FAR_MAX = 1 << 15 };

/* Register sets that stay in the host's registers from block to block (live.c); cpu.jit.live. */
enum { LIVE_VEC = 1, LIVE_X87 = 2, LIVE_SETS = 3 };
/* What instructions the host may be given beyond x86-64's own. */
enum host_feature { HOST_SSE42 = 1 << 0 /* and all before it, POPCNT */, HOST_AES = 1 << 1, HOST_SHA = 1 << 2, HOST_AVX2 = 1 << 3 /* FMA, F16C */,
	HOST_BMI = 1 << 4 /* 1 and 2, LZCNT, MOVBE */, HOST_ADX = 1 << 5, HOST_TSC = 1 << 6 /* by which its kernel keeps the time */,
	HOST_UNDEFINED = 1 << 7 /* undefined flags come out as the interpreter's do */, HOST_JCC = 1 << 8 /* jumps at the end of 32 bytes are slow */ };

enum exit_kind { EXIT_LINK, EXIT_INDIRECT, EXIT_INTERP, EXIT_FAR };
/* There are six a block: small. */
struct jit_exit {
	uint8_t *patch;                 /* LINK: rel32 to point at the target's code, in the writable mapping; FAR: the site (far.c) */
	struct block *block;            /* INTERP: go on in the interpreter at insns[slot] */
	int32_t look, ask;              /* FAR: where it goes meanwhile, from the site */
	int32_t off;                    /* LINK, FAR: target, from the start of the page */
	uint16_t slot, page_off;
	enum exit_kind kind : 8;
	uint8_t before;                 /* INTERP: instructions done that the interpreter does not know of (struct ji) */
	bool group;                     /* INTERP: because of a check for several accesses */
	uint8_t site;                   /* INTERP: because the range of an access was the wrong one many times (jit.wrong); 0 = not so */
	bool cross;                     /* LINK: to an instruction that lies in two pages (cross.c) */
	bool twin;                      /* LINK: to a twin (engine_twin); INTERP: because that was so 256 times */
};
_Static_assert(sizeof(struct jit_exit) == 40, "no holes");
/* The interpreter's view of translated instructions that may run one by one, each run of them ending in a mark (op_jit_end). */
struct jit_block {
	uint8_t *entry;                 /* writable mapping */
	uint64_t key;                   /* of what it was made from; 0: it lives */
	size_t cold;                    /* where its code that runs seldom begins, and its first exit */
	unsigned first_exit;
	struct insn *steps;
	unsigned n_steps;
	uint8_t *stale_code;
	struct jit_exit *stale;         /* re-entry at the same address, for who comes here after the end */
	uint64_t probed;                /* by slot of the instruction: its memory is looked up in the TLB at once, not in a range before */
	unsigned n_insns;               /* of the guest */
	unsigned misses;                /* of checks for several accesses */
	uint64_t missed_at;             /* jit_done() at the first of them */
	uint8_t twins;                  /* how often it went on in a twin, modulo 256 */
	uint64_t twins_at;              /* jit_done() when that was 0 */
};
/* The table by physical address and mode: key as a block's.  16 bytes: jump.c. */
struct jit_slot { uint64_t key; const uint8_t *code; };
static inline unsigned jit_jump_hash(uint64_t rip) { return (unsigned)(rip ^ rip >> JIT_JUMP_SHIFT) & (JIT_JUMP_SIZE - 1); }

struct jit {
	struct cpu *c;
	uint8_t *rw, *rx;               /* one memory, mapped twice */
	/* Bytes of code: room; in use; of it, the common pieces at the start.  What runs seldom lies apart, from cold_start on, so that the rest is
	 * dense. */
	size_t size, used, fixed, cold_start, cold_used;
	uint64_t huge;                  /* by 2 MB of it: was asked to be one page */
	struct insn *steps;
	struct jit_exit *exits;
	struct jit_block *blocks;
	unsigned n_steps, n_exits, n_blocks, hot, next_slot[2], next_group_slot[2], next_site;
	struct jit_slot *jump;
	struct jit_exit indirect[2];    /* to jit.tmp; [1]: by a direct jump */
	struct jit_exit *(*enter)(const uint8_t *code);
	uint8_t *leave, *step, *step_only, *last_step, *syscall, *sysret;  /* common pieces, writable mapping */
	uint8_t *jump_common[2][2] /* and directness */, *ret_miss[2], *ret_empty[2];    /* by CPL 3 */
	uint8_t *jump_seg[2][2], *ret_miss_seg[2], *out_seg[2];         /* code in segments; out_seg by directness */
	uint8_t *refill[2][2][2][2];    /* by CPL 3, writing, for a group, for the last byte */
	uint8_t *near_code, *split[2] /* by writing */;
	struct insn find_run[2][2], fill[2][2][2] /* and with other groups about */;
	const struct insn *resume;      /* code was left for it: where the interpreter goes on, or NULL */
	uint8_t *stacks;                /* return stacks */
	uint64_t wrong_at[JIT_SITES];   /* by site: jit_done() when jit.wrong began anew */
	uint8_t loops[JIT_LOOPS];       /* how often a loop was translated, by address */
	uint8_t *live_save, *live_restore, *live_load[LIVE_SETS];
	unsigned host_has;              /* enum host_feature */
	bool exact;                     /* undefined flags are to be the interpreter's */
	bool counts;                    /* code adds the guest's instructions up */
	struct jit_counters count;
	uint32_t off;                   /* families that are not translated */
	uint64_t *row_count;            /* by row: done by the interpreter */
	uint8_t *family;                /* by row: enum jit_family_id */
	struct jit_exit **far;          /* of sites that are linked (far.c) */
	unsigned n_far, far_spent;
	struct lockstep *lockstep;      /* NULL: nothing is checked */
};

/* ---- emission ---- */
/* Bit of jit_step's page_off: not for want of an emitter, but to look up memory. */
enum { STEP_IS_MISS = 1 << 16, STEP_IN_GROUP = 1 << 17 /* later accesses rely on a check made before */ };
enum { STUBS_MAX = 3 * BLOCK_MAX + 8 };
/* A memory operand of the host's, for em_mem(). */
struct mem_op { uint8_t base, index; int32_t disp; };
enum stub_kind { STUB_STEP, STUB_LAST_STEP, STUB_INTERP, STUB_TAKEN, STUB_LIVE, STUB_GROUP };
struct stub {
	enum stub_kind kind;
	uint8_t *from, *back;           /* rel32 that jumps here; where to go on */
	uint8_t *also[2];               /* rel32s that jump to what is behind the look into the TLB, or NULL */
	uint8_t *plain;                 /* a store that may lie beside code: where to go on when it does, or NULL */
	uint8_t *checked, size;         /* a check of memory: where to go on when it is plain */
	uint32_t base;                  /* and the slot's base, in struct cpu */
	struct insn *step;
	unsigned slot, count, before;
	int64_t target;                 /* TAKEN: from the start of the page */
	bool load_flags, save_flags, backward, write, stack, last /* byte is what is checked */, in_group;
	bool falls;                     /* TAKEN: to the next instruction */
	uint8_t live;                   /* LIVE: the set wanted */
	struct mem_op at;               /* where, for a check of memory */
	const struct em_group *group;   /* GROUP */
	uint8_t split[15], split_size;  /* STEP: the instruction with its memory at r10, if it is a vector's that may lie in two pages (split.c); else size 0 */
};
/* A memory operand: registers, as numbers of the guest's or REG_ZERO, that no prefix cuts or moves. */
struct access { uint8_t base, index, scale, size; bool known, write; int64_t disp; };
/* One guest instruction of the block being translated; slot: of b->insns. */
struct ji {
	struct insn in;
	const struct op_row *row;
	unsigned slot;
	uint16_t reads, writes, live_in, live_out, live_taken;
	uint8_t size;                   /* operand size in bytes: 1, 2, 4, 8 */
	uint8_t before;                 /* instructions of earlier rounds of a loop, which the interpreter does not know of (unroll.c) */
	uint8_t group;                  /* 1 + number of the check for its memory operand; 0 = it has its own */
	bool ip_dead, dp_dead;          /* x87: its place or operand need not be noted */
	bool ends, in_group;            /* in_group: between a check for several and the last access that relies on it */
	bool invert;                    /* jcc: the other condition, to in.imm; jmp: nothing */
	struct access mem;
};
/* One check of memory for several accesses (group.c): `span` bytes from `disp` off registers as they are before instruction `at`. */
struct em_group {
	uint8_t base, index, scale;
	bool write, slot, last, among;  /* slot: against a range, for the last byte or the first, else in the TLB; among: other checks have been made before */
	uint8_t at;
	uint16_t span;
	int32_t disp;
	uint32_t delta;                 /* where in struct cpu what is to be added to addresses is kept */
	uint32_t range;                 /* and the slot's base */
	uint8_t *again, *in_r10;        /* code of the check behind its address; where r10 is what is in `delta` */
};
enum { GROUPS_MAX = 32, SLOT_CROSS = 0xffff, PROBED_SLOTS = 64 /* of a block: those that have a bit in jit_block.probed */ };
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
	uint8_t *p, *other;             /* where to emit; the same in the other part of the code (em_part) */
	uint8_t *entry;                 /* of the block's code */
	struct { uint8_t *at, *behind; } fusible;       /* code of the last instruction that the host may fuse with a jump, and does not depend on its place */
	uint8_t *env_behind;            /* end of the last one that does */
	bool cold;                      /* p is among what runs seldom */
	bool code64, segments, user, exact, loop /* a jump goes back from here */, ranges /* accesses have slots */, other_stack /* RSP was loaded */,
		twin /* from its end on it is left */, flags_host, flags_mem, failed;
	unsigned op_size, sp_size;      /* bytes of an operand without prefix, but 8 in 64-bit code; of the stack pointer */
	unsigned page_off;              /* of the block */
	uint64_t probed;                /* as in struct jit_block */
	uint8_t site[PROBED_SLOTS];     /* by slot: of jit.wrong, 0 = none yet; the rounds of an unrolled loop have one */
	struct em_live live;
	struct stub *stubs;             /* room for STUBS_MAX */
	unsigned n_stubs;
	uint8_t slots[REG_COUNT][2];    /* of memory, by base register and writing; 0 = none yet */
	unsigned *ways_out;             /* not NULL: count the stubs asked for */
	struct access *note;            /* not NULL: note what memory operand is asked for */
	struct em_group *groups;        /* room for GROUPS_MAX */
	unsigned n_groups, n_kept;      /* n_kept: deltas in jit.kept */
	uint32_t delta;                 /* what r9 is known to be: the delta that is kept there; 0 = nothing is known */
	int owed;                       /* bytes that RSP is yet to be moved by (emit_push) */
	struct { unsigned off, idx, n; uint8_t rest[15]; } cross;       /* the instruction with SLOT_CROSS: where, and its bytes in the next page */
};

/* Go on in the part of what runs seldom, or back. */
static inline void em_part(struct em *e, bool cold)
{
	if (e->cold == cold)
		return;
	uint8_t *p = e->p;
	e->p = e->other;
	e->other = p;
	e->cold = cold;
}
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
/* The same with memory, ModRM and all. */
void em_opcode_mem(struct em *e, struct opcode o, unsigned reg, struct mem_op m);
void em_rr(struct em *e, struct enc x, unsigned rm);                    /* rm: host register */
void em_rm(struct em *e, struct enc x, unsigned base, unsigned index, unsigned scale, int32_t disp);    /* NO_REG = absent */
static inline void em_mem(struct em *e, struct enc x, struct mem_op m) { em_rm(e, x, m.base, m.index, 0, m.disp); }
/* Memory operand in struct cpu, by its distance from the code: two bytes shorter than by way of gs.  Such code is not to be moved. */
void em_env(struct em *e, struct enc x, uint32_t off);
/* The same from ModRM on, behind an opcode; imm: bytes of an immediate to follow. */
void em_env_operand(struct em *e, unsigned reg, uint32_t off, unsigned imm);
void em_load_env(struct em *e, unsigned host, uint32_t off);
void em_store_env(struct em *e, unsigned host, uint32_t off);
void em_imm64(struct em *e, unsigned host, uint64_t v);
void em_mov(struct em *e, unsigned to, unsigned from);
enum { JCC_SIZE = 6, JMP_SIZE = 5, CMP_ENV_SIZE = 7 /* of a register */, INDEXED_SIZE = 9 /* gs: r10 * 8 + offset */, CMP_IMM_SIZE = 7 };
/* So many bytes come next, or behind `before` others, that end in a jump and, where it comes directly behind a comparison, begin with that: nowhere
 * that the host would be slow.  Flags stay. */
void em_room(struct em *e, unsigned bytes);
void em_room_behind(struct em *e, unsigned before, unsigned bytes);
/* What comes next will be written to, also after jit_kill() has put a jump where the block begins. */
void em_room_for_kill(struct em *e);
/* The same with `prefix`es, which mean nothing new to the next instruction, of `before` bytes: that costs less. */
void em_room_wide(struct em *e, unsigned prefix, unsigned before, unsigned bytes);
/* The same for a jcc of the guest's, which may come directly behind an instruction of the guest's. */
void em_room_jcc(struct em *e);
/* Jumps that lead nowhere yet: their rel32.  op: the second byte of 0F 8x.  em_poll: when vcpus are asked to leave code; flags are lost. */
uint8_t *em_jcc(struct em *e, unsigned op);
uint8_t *em_jmp(struct em *e);
uint8_t *em_poll(struct em *e);

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

static inline bool family_is_off(const struct jit *j, enum jit_family_id f) { return j->off >> f & 1; }
static inline enum jit_family_id em_family(const struct em *e, const struct op_row *r) { return e->j->family[r - op_rows]; }
static inline bool family_off(const struct em *e, enum jit_family_id f) { return family_is_off(e->j, f); }

/* Memory (emit_mem.c): the address of i's operand into r9; code in segments: without the segment, which em_check adds. */
void em_address(struct em *e, const struct ji *i);
/* The same without the segment into a register, of which `size` bytes are written. */
void em_lea(struct em *e, const struct ji *i, unsigned to, unsigned size);
/* i's memory operand, size bytes, ready for use: in r9, or r9 and the guest's register.  It comes with a way out when it is not plain memory, unless
 * a check for several accesses has been made before.  Live flags are in memory or, in the latter case, may have stayed in the host.  r10 is lost. */
struct mem_op em_memory(struct em *e, const struct ji *i, unsigned size, bool write);
/* The same for an operand that is not ModRM's: disp off a register. */
struct mem_op em_stack_memory(struct em *e, const struct ji *i, unsigned base, int32_t disp, unsigned size, bool write);
/* r9 = disp off a register that points into the stack, as wide as the stack pointer. */
void em_stack_address(struct em *e, unsigned base, int32_t disp);
/* Bytes that PUSH and its kin may move here. */
static inline bool em_stack_size_ok(const struct em *e, unsigned size) { return e->segments ? size == 2 || size == 4 : size == (e->code64 ? 8 : 4); }
/* And in r9 alone. */
struct mem_op em_mem_in_reg(struct em *e, struct mem_op m);
/* RSP becomes what pushes and pops have made of it. */
void em_settle(struct em *e);
/* i is one that leaves RSP for later. */
bool em_owes(const struct em *e, const struct ji *i);
/* The next slot from `first` to before `behind`, both even.  No slot is for reads and writes: what may be read may not be written for that. */
unsigned em_next_slot(unsigned *next, unsigned first, unsigned behind, bool write);
/* group.c: the check of g before instruction i, and what it does out of line. */
void em_group_check(struct em *e, struct em_group *g, const struct ji *i);
void em_other_group(struct em *e, const struct stub *s);
void group_make_common(struct em *e);
/* Out of line, r9 = host address and r10 = the TLB's entry of what is not in the range of the slot at `base`: the range becomes `refill`'s, and on at
 * s->checked.  counted: the slot may turn out to be of no use to s, which the engine is then told. */
void em_refill(struct em *e, const struct stub *s, uint32_t base, const uint8_t *refill, bool counted);
static inline bool em_probed(const struct em *e, const struct ji *i) { return i->slot < PROBED_SLOTS && (e->probed >> i->slot & 1); }
/* Out of line: a store to a page with code is made at s->plain if it may be. */
void em_other_range(struct em *e, const struct stub *s);
void em_near_code(struct em *e, const struct stub *s);
/* Out of line: memory that lies in two pages, by split.c. */
void em_split(struct em *e, const struct stub *s);
void split_make_common(struct em *e);
/* r9: linear address in, that less the page's out (_entry) or the host address, r10 = the TLB's entry.  Return the rel32 of the way out, with r9
 * as _entry has it, where there is no plain memory. */
uint8_t *em_check_tlb_entry(struct em *e, unsigned size, bool write);
uint8_t *em_check_tlb(struct em *e, unsigned size, bool write);
/* r9: linear address in (code in segments: an offset), host address out, with a way out as above.  Flags and r10 are lost.  em_check_stack: it points
 * into the stack. */
void em_check(struct em *e, const struct ji *i, unsigned size, bool write);
void em_check_stack(struct em *e, const struct ji *i, unsigned size, bool write);
/* The same in segment sg, for code in segments. */
void em_check_in(struct em *e, const struct ji *i, unsigned sg, unsigned size, bool write);
/* r9, a linear address or a host's of the same page, is a multiple of size; else the interpreter's.  Flags are lost. */
void em_check_aligned(struct em *e, const struct ji *i, unsigned size);
/* Jump (second byte of a 0F 8x) out of line: the interpreter takes i, or goes on from i. */
void em_jump_out(struct em *e, unsigned jcc, enum stub_kind kind, const struct ji *i);
void mem_make_common(struct em *e);
/* Instructions that the interpreter executes (steps.c).  These and em_stub set e->failed when there is no room. */
void em_steps(struct em *e, const struct ji *i, unsigned n);
/* i, the end of its block but no branch, by the interpreter; then on to where it leads.  False: nothing was emitted. */
bool em_last_step(struct em *e, const struct ji *i);
void em_step_on_miss(struct em *e, const struct insn *step, bool in_group);
void em_end_by_step(struct em *e, const struct insn *step);
void step_make_common(struct em *e);
struct insn *jit_new_steps(struct em *e, const struct ji *i, unsigned n);
struct jit_exit *jit_new_exit(struct em *e, enum exit_kind kind);
struct stub *em_stub(struct em *e, enum stub_kind kind, const struct ji *i);

/* Instruction i as host code.  False: nothing was emitted, the interpreter must do it. */
bool em_native(struct em *e, const struct ji *i);
/* The same for control flow at the end of a block; n_insns up to and with i. */
bool em_branch(struct em *e, const struct ji *i);
void em_goto(struct em *e, int64_t target, unsigned n_insns, bool backward);
/* The same to the next instruction: rip does not wrap there. */
void em_go_on(struct em *e, int64_t target, unsigned n_insns);
void em_leave_to_interp(struct em *e, const struct ji *i);
struct jit_exit *em_leave_from(struct em *e, unsigned slot, unsigned before);
/* LINK, to `off` of the page behind `insns` more: all registers are in place, and flags that are wanted in memory. */
struct jit_exit *em_leave_for(struct em *e, unsigned off, unsigned insns);
/* A way out that is linked with the code at `target` of the page when that is found: `patch` is a rel32.  Returns the way out itself. */
uint8_t *em_exit_to(struct em *e, int64_t target, uint8_t *patch);
void em_stubs(struct em *e);

/* jump.c.  insns more have been executed. */
void em_count(struct em *e, unsigned insns);
/* r9 = address of a target, which is given from the start of the page.  falls: it is the next instruction. */
void em_load_target(struct em *e, int64_t target, bool falls);
/* To the address in r9; r10 and flags are lost.  `poll`: leave when asked to.  `direct`: it is the target of a direct jump. */
void em_jump(struct em *e, bool poll, bool direct);
/* A direct jump to another page; r9, r10 and flags are lost. */
void em_jump_far(struct em *e, int64_t target, bool poll, bool falls);
/* Code in segments: r9 = rip, which goes to jit.tmp, becomes the linear address.  Flags are lost. */
void em_linear(struct em *e);
/* The host's call: r10 = the guest's return address.  Returns the rel32 to patch.  Directly behind it comes the landing, r9 = where the
 * guest returns to, which goes on when that is `off` from the start of this page. */
uint8_t *em_call_begin(struct em *e);
void em_landing(struct em *e, unsigned off);
/* The guest's return to r9. */
void em_return(struct em *e);
/* far.c: to code that is given from the start of the page, but in another, at CPL 0 to 2.  False: nothing was emitted. */
bool em_far(struct em *e, int64_t target, bool poll);
void far_link(struct jit *j, struct jit_exit *x, uint64_t rip, const struct block *b);
void far_unlink(struct jit *j);
/* Exits from `first` on are no more. */
void far_forget(struct jit *j, const struct jit_exit *first);
void jump_make_common(struct em *e);
bool jump_create(struct jit *j);
void jump_destroy(struct jit *j);
void jump_reset_stack(struct cpu *c, bool user);
/* Code of the current privilege runs in this page. */
static inline void jit_note_page(struct jit_env *v, uint64_t rip)
{
	unsigned bit = (rip >> PAGE_SHIFT) % JIT_PAGE_BITS;
	v->code_pages[v->user][rip >> 63][bit / 64] |= UINT64_C(1) << bit % 64;
}
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
/* From the return stack to the host's, and back to the caller of j->enter. */
void em_to_host_stack(struct em *e);
void em_leave_frame(struct em *e);

unsigned em_host_features(void);        /* enum host_feature */
/* emit_fp.c: vector and x87 instructions, as em_native. */
bool em_fp(struct em *e, const struct ji *i);
bool em_x87(struct em *e, const struct ji *i);
/* After em_find_groups: which x87 instructions are followed by others before anything can ask what the last one was. */
void em_x87_notes(struct em *e, struct ji *is, unsigned n);
/* emit_string.c, as em_native. */
bool em_string(struct em *e, const struct ji *i);
/* emit_bits.c: division and bit manipulation, as em_native. */
bool em_bits(struct em *e, const struct ji *i);
/* emit_sys.c, as em_native; em_sys_end is for the end of a block. */
bool em_sys(struct em *e, const struct ji *i);
bool em_sys_end(struct em *e, const struct ji *i);
/* emit_tsc.c, as em_native. */
bool em_tsc(struct em *e, const struct ji *i);
bool tsc_is_clock(void);
void tsc_forget(struct cpu *c);
/* emit_syscall.c, as em_sys_end. */
bool em_syscall(struct em *e, const struct ji *i);
void syscall_make_common(struct em *e);
/* After a memory access of i: where the ways out of line since stub `first` come back. */
void em_close_stubs(struct em *e, unsigned first, const struct ji *i);

/* group.c: which of n instructions share a check of memory. */
void em_find_groups(struct em *e, struct ji *is, unsigned n);
/* unroll.c: several rounds of a loop in a row; at most BLOCK_MAX instructions.  How many there are now. */
unsigned em_unroll(struct em *e, struct ji *is, unsigned n);
/* cross.c: an instruction behind these that reaches into the next page becomes one of them, with SLOT_CROSS.  How many there are now. */
unsigned em_find_crosser(struct em *e, struct ji *is, unsigned n, const uint8_t *code);
/* Before it: is it still what it was?  r9, r10 and flags are lost. */
void em_cross_guard(struct em *e, const struct ji *i);
/* block.c: what follows from i's being the n-th of its block, its row and flags. */
void jit_number(struct ji *i, unsigned n);
/* block.c: translate b; false: it stays with the interpreter. */
bool jit_translate(struct jit *j, struct block *b, uint64_t probed);
/* Flags that may be read at `off` of the page before they are written; the lines that were looked at are added to *lines.  `exact`: as in
 * engine_page_exact(), they may also be read behind a store. */
unsigned jit_flags_live(struct cpu *c, int64_t off, const uint8_t *page, bool exact, uint64_t *lines);
/* What is em_native's answer, with nothing emitted. */
bool em_would_be_native(struct em *e, const struct ji *i);
const struct insn *op_jit_stale(struct cpu *c, const struct insn *i);
const struct insn *op_jit_end(struct cpu *c, const struct insn *i);
/* What the CPU has done so far, by which it is judged whether something happens often: instructions, or ticks of the host where they are not
 * counted; about one each. */
uint64_t jit_done(const struct jit *j);
const struct insn *op_jit_count(struct cpu *c, const struct insn *i);
const struct insn *op_jit_enter(struct cpu *c, const struct insn *i);
/* Code to go on with, or NULL: to the dispatcher.  JIT_STEP_DONE: it went well, go on behind it. */
enum { JIT_STEP_DONE = 1 };
const uint8_t *jit_step(struct cpu *c, const struct insn *i, unsigned page_off);
const uint8_t *jit_last_step(struct cpu *c, const struct insn *i, unsigned page_off);
/* Code is about to be entered at rip.  False: it may not be, the interpreter must go on. */
bool jit_set_page(struct cpu *c, uint64_t rip);
static inline struct block *jit_block_of(const struct insn *first) { return (struct block *)((uintptr_t)first - offsetof(struct block, insns)); }
static inline uint8_t *jit_rx(const struct jit *j, const uint8_t *rw) { return j->rx + (rw - j->rw); }
#endif
