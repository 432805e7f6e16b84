/* engine.h - decoded blocks and how control goes from one to the next.
 *
 * A block holds up to 63 instructions of one guest page, decoded for one mode.  Its key is the host address of its first byte (RAM
 * lives in one host mapping, so this names the physical byte) with the mode in the top 17 bits; nothing in it depends on the virtual
 * address.  Direct branches carry a struct link in the slot after them; it is filled in when the target is first found.  Links within
 * a page need no check.  Links to another page compare with the instruction TLB, so that a change of mappings unlinks nothing.
 *
 * Code in segments can be come to by several CS:IP, one of which has the limit of CS, or the end of 64 KB, where others have code.  So only within a
 * page that lies below that are there links, and a jump by which IP goes round does not take them; all other ways are looked up each time by what IP is
 * (M_SEGMENTS in the key keeps inline code from finding these blocks).  Pages that reach beyond it have blocks of their own, without links (M_GUARDED).
 *
 * Blocks live in an arena that is emptied as a whole when full.  A block whose bytes were overwritten has its handlers replaced by
 * op_stale: whoever gets there, by a link or as the next instruction of the running block, goes back to the dispatcher. */
#ifndef CORE_CPU_ENGINE_H
#define CORE_CPU_ENGINE_H
#include "core/cpu/decode.h"
#include "core/cpu/exec.h"

enum { BLOCK_MAX = 63, BLOCK_MAX_CONDS = 2, JUMP_CACHE_SIZE = 1 << 13, MODE_SHIFT = 47 /* above the host's addresses */ };

/* Shares the layout of struct insn as far as `len`, which is 0.  A target in another page has an offset in the arena instead of a
 * pointer, so that the common case has one test less. */
struct link {
	const struct insn *to[2];       /* first instruction of the target: [0] taken, [1] not taken; NULL = not found yet, or far */
	uint32_t far_to[2];             /* in units of struct insn from the start of the arena; 0 = not found yet */
	uint8_t far;                    /* bit k: to[k] is in another page */
	uint8_t pad[7];
};
_Static_assert(sizeof(struct link) == sizeof(struct insn), "a link takes the place of an instruction");
enum { LINK_TAKEN, LINK_FALL };

struct block {
	struct block *hash_next, *page_next;
	uint64_t lines;                 /* 64-byte lines of the page its bytes are in */
	uint64_t ram_page;              /* page number in the arena */
	uint16_t n_slots;               /* of insns, links included */
	uint16_t runs_left;             /* until it is translated */
	bool     single_checks;         /* and then with no check of memory for several accesses */
	uint16_t n_bytes;               /* of guest code */
	op_fn    first;                 /* handler of insns[0] before the translator took its place */
	struct jit_block *jit;          /* its translation, or NULL */
	uint64_t key;                   /* directly before the instructions: block_key_of() */
	struct insn insns[];
};
_Static_assert(offsetof(struct block, insns) == 64 && offsetof(struct block, key) == 56, "header is one line, key last");

/* Found by rip, so that the host can fetch the target's handler while translation and key are still being compared.  A slot may hold a
 * block that has died: its first handler then leads to the dispatcher. */
struct jump_slot { uint64_t key; const struct insn *to; };

/* The part of struct engine that handlers reach; the rest is engine.c's. */
struct engine_hot { struct jump_slot jump[JUMP_CACHE_SIZE]; const struct insn *arena; };

static inline uint64_t block_key_of(const struct insn *first) { return ((const uint64_t *)first)[-1]; }
static inline unsigned jump_hash(uint64_t rip) { return (unsigned)(rip ^ rip >> 13) & (JUMP_CACHE_SIZE - 1); }
/* The last offset in CS that code gets to without a fault, and without IP having to go round. */
static inline uint32_t code_end(const struct cpu *c)
{
	uint32_t limit = c->seg[SEG_CS].limit;
	return !(c->mode & (M_CS32 | M_CS64)) && limit > UINT16_MAX ? UINT16_MAX : limit;
}
static inline uint64_t code_linear(const struct cpu *c, uint64_t rip) { return (c->seg[SEG_CS].base + rip) & c->lin_mask; }

/* The block at rip if it can be had without faulting or decoding, else NULL. */
const struct insn *engine_find(struct cpu *c, uint64_t rip);
/* The same for rip in the page of the block with `key`, whose mode is current: no mapping is looked at. */
const struct insn *engine_find_near(struct cpu *c, uint64_t rip, uint64_t key);
/* A block for c->rip in that page, where an instruction of 64-bit code begins, that nothing else finds: a twin of the block that is found there, with
 * a translation of its own.  It is made if need be.  NULL = to the dispatcher. */
const struct insn *engine_twin(struct cpu *c, uint64_t key);
static inline bool engine_key_is_twin(uint64_t key) { return key >> MODE_SHIFT & M_TWIN; }
/* May an indirect branch go to rip?  Not to a non-canonical address, nor beyond the limit of CS. */
bool engine_target_allowed(const struct cpu *c, uint64_t rip);
/* The branch did go there: undo it (sp_back as in engine_jump) and record its #GP(0); the caller says where the branch is. */
void engine_refuse_target(struct cpu *c, int sp_back);
/* What the translator (core/jit) shares: itself, NULL when off, and the decoder. */
struct jit;
/* Translate blocks that have run `runs` times; 0 = interpret only.  vCPU parked.  False: no memory, as before. */
bool engine_set_jit(struct cpu *c, unsigned runs);
struct jit *engine_jit(struct cpu *c);
const struct decoder *jit_decoder(struct cpu *c);
/* Slow parts: find the target and link it, or leave to the dispatcher with c->rip set.  For engine_follow regs[REG_BIP] is the target already.
 * engine_jump is the end of i, an indirect branch that has added -sp_back to the stack pointer: it is undone where the target is not canonical
 * or beyond the limit of CS, which is a #GP of the branch itself.
 * engine_next is for the end of a block without a branch. */
const struct insn *engine_follow(struct cpu *c, const struct insn *i, unsigned k);
const struct insn *engine_jump(struct cpu *c, const struct insn *i, int sp_back, uint64_t rip);
const struct insn *engine_next(struct cpu *c, uint64_t rip);

/* Direct branches, returns and indirect branches through a register have no displacement: disp holds the number of instructions up
 * to and with this one, for icount.  End of a block by a direct branch: on to `rip` through link k of the slot after i.  icount has been brought up to date. */
static inline __attribute__((always_inline)) const struct insn *follow(struct cpu *c, const struct insn *i, unsigned k, uint64_t rip)
{
	const struct link *l = (const struct link *)(i + 1);
	const struct insn *to = l->to[k];
	c->regs[REG_BIP] = rip;
	if (unlikely(atomic_load_explicit(&c->attention, memory_order_relaxed)))
		return engine_follow(c, i, k);
	if (likely(to != NULL))
		CONTINUE(c, to);
	if (l->far_to[k]) {
		uint64_t lin = code_linear(c, rip);
		const struct tlb_entry *e = tlb_code_slot(c, lin);
		to = ((const struct engine_hot *)c->engine)->arena + l->far_to[k];
		if (likely((lin ^ e->tag_x) < PAGE_SIZE && ((lin + e->addend) | (uint64_t)c->mode << MODE_SHIFT) == block_key_of(to)))
			CONTINUE(c, to);
	}
	return engine_follow(c, i, k);
}

/* End of a block by an indirect branch; sp_back as in engine_jump. */
static inline __attribute__((always_inline)) const struct insn *jump_to(struct cpu *c, const struct insn *i, int sp_back, uint64_t rip)
{
	const struct jump_slot *s = &((const struct engine_hot *)c->engine)->jump[jump_hash(rip)];
	uint64_t lin = code_linear(c, rip);
	const struct tlb_entry *e = tlb_code_slot(c, lin);
	if (likely((lin ^ e->tag_x) < PAGE_SIZE && !atomic_load_explicit(&c->attention, memory_order_relaxed))) {
		uint64_t key = (lin + e->addend) | (uint64_t)c->mode << MODE_SHIFT;
		if (likely(s->key == key)) {
			c->regs[REG_BIP] = rip;
			CONTINUE(c, s->to);
		}
	}
	return engine_jump(c, i, sp_back, rip);
}

/* May code in this page of RAM write to itself, so that an instruction behind a store may become one that reads flags which looked dead before?
 * Where code is mapped read-only, as systems do, they stay dead. */
bool engine_page_exact(const struct cpu *c, uint64_t ram_page);
/* The TLB has got an entry by which code in the page can be executed, and written to or not. */
void engine_code_mapped(struct cpu *c, uint64_t ram_page, bool writable);
/* No TLB has an entry any more. */
void engine_mappings_gone(struct cpu *c);
/* The code at c->rip is in a block that has just written to itself. */
void engine_wrote_itself(struct cpu *c);

/* Dispatcher (run.c): the block at c->rip, made if need be; NULL = a fault was recorded (c->cur is NULL then). */
const struct insn *engine_lookup(struct cpu *c);
/* Before running guest code in this thread, and after: only in between may the engine be changed directly. */
void engine_enter(struct cpu *c);
void engine_leave(struct cpu *c);
/* c->rip was changed by other means than guest code (an interrupt, an exception): where control came from is of no use. */
void engine_forget(struct cpu *c);
/* At a dispatch after `attention`: what other threads asked for. */
void engine_service(struct cpu *c);

/* Handlers the engine puts into blocks. */
const struct insn *op_stale(struct cpu *c, const struct insn *i);
const struct insn *op_forward(struct cpu *c, const struct insn *i);
const struct insn *op_block_end(struct cpu *c, const struct insn *i);
/* Fusion and cheaper variants (peephole.c). */
struct pair_index;
void block_improve(const struct pair_index *pairs, struct block *b, unsigned n_slots, unsigned mode, bool exact /* engine_page_exact() */);
#endif
