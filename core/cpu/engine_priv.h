/* engine_priv.h - shared by the files of the cache of decoded blocks: engine.c makes, finds and links them, engine_drop.c drops them,
 * engine_share.c keeps several vCPUs out of each other's way. */
#ifndef CORE_CPU_ENGINE_PRIV_H
#define CORE_CPU_ENGINE_PRIV_H
#include "core/cpu/engine.h"
#include "core/cpu/pairs.h"
#include "core/jit/jit.h"
#include "core/machine/machine.h"
#include <pthread.h>

enum { HASH_SIZE = 1 << 15, PAGE_HASH_SIZE = 1 << 12, QUEUE_SIZE = 64, ARENA_SIZE = 64 << 20,
	BLOCK_BYTES_MAX = sizeof(struct block) + (2 * BLOCK_MAX + 4) * sizeof(struct insn) };

struct written { uint64_t ram_addr, len; };
/* An instruction that reaches into the next page.  Nobody marks its bytes; they are compared each time.  key: as a block's, 0 = free. */
struct crosser { uint64_t key; uint8_t bytes[15], len; _Alignas(64) struct block b; struct insn insns[6]; };
_Static_assert(offsetof(struct crosser, insns) == offsetof(struct crosser, b) + offsetof(struct block, insns), "a block's instructions follow it");
enum { CROSSERS = 64 };
struct engine {
	struct engine_hot hot;                  /* first: handlers cast */
	struct block *hash[HASH_SIZE];
	struct block *pages[PAGE_HASH_SIZE];    /* blocks by RAM page */
	struct decoder *decoder;
	struct pair_index pairs;
	uint8_t *arena;
	size_t used;
	struct jit *jit;                        /* NULL: interpreter only */
	struct block *scratch;                  /* one instruction that is not cached: code in device memory, or near the limit of CS */
	struct crosser *crossers;               /* instructions that lie in two pages */
	struct link *pending;                   /* link to fill in when the block at c->rip has been found */
	unsigned pending_k;
	uint8_t *page_kind;                     /* by RAM page: epoch of mappings << 1 | written to through an executable one */
	uint8_t epoch;                          /* 7 bits: TLBs have been emptied so often */
	struct insn *stale;                     /* first instruction of the stale block through which we came to c->rip */
	uint64_t stale_key;

	pthread_mutex_t lock;                   /* the fields below */
	struct written queue[QUEUE_SIZE];
	unsigned n_queue;
	uint64_t protect[QUEUE_SIZE];           /* RAM pages that other vCPUs decode from: no write tag may stay */
	unsigned n_protect;                     /* beyond QUEUE_SIZE: all pages */
	_Atomic bool protect_pending;
	_Atomic bool held;              /* waits at a dispatch until another vCPU is done with being alone */
	bool flush_wanted, breaks_changed, active;
	pthread_t owner;                        /* thread inside cpu_run or cpu_step, when active */
};

static inline unsigned key_hash(uint64_t key) { return (unsigned)((key ^ key >> 15 ^ key >> 40) & (HASH_SIZE - 1)); }
static inline struct block **page_bucket(struct engine *e, uint64_t ram_page) { return &e->pages[ram_page & (PAGE_HASH_SIZE - 1)]; }
static inline bool key_guarded(uint64_t key) { return key >> MODE_SHIFT & M_GUARDED; }
/* Several vCPUs share the bitmap but not the blocks, so only a lone one knows that a line holds no code any more.  Among several, who
 * writes to a line clears its bit and has all drop their blocks of it. */
static inline bool alone(const struct cpu *c) { return c->machine->n_cpus <= 1; }
/* The 64-byte lines of a page that these bytes of it are in. */
static inline uint64_t line_mask(unsigned first_byte, unsigned last_byte)
{
	unsigned a = first_byte >> 6, b = last_byte >> 6;
	return (b == 63 ? ~UINT64_C(0) : (UINT64_C(1) << (b + 1)) - 1) & ~((UINT64_C(1) << a) - 1);
}

/* ---- engine_drop.c; own thread, or the vCPU does not run and its lock is held ---- */
void engine_flush_now(struct cpu *c);
/* Drop the blocks of these bytes of RAM. */
void engine_drop_range(struct cpu *c, uint64_t ram_addr, uint64_t len);
void engine_drop_break_blocks(struct cpu *c);

/* ---- engine_share.c ---- */
/* The page has just got its first marks: no write tag may stay in any TLB. */
void engine_protect_page(struct cpu *c, uint64_t ram_page);
/* One vCPU at a time makes a block from a page. */
void engine_begin_decoding(struct cpu *c, uint64_t ram_page);
void engine_end_decoding(struct cpu *c, uint64_t ram_page);
#endif
