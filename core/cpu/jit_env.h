/* jit_env.h - what translated code reaches through gs besides the guest's registers (core/jit).
 *
 * Two of most things: [0] for CPL 0-2, [1] for CPL 3, so that a system call throws nothing away. */
#ifndef CORE_CPU_JIT_ENV_H
#define CORE_CPU_JIT_ENV_H
#include <stdint.h>

enum { JIT_COUNTERS = 8, JIT_CACHE_BITS = 12, JIT_CACHE_SIZE = 1 << JIT_CACHE_BITS, JIT_JOURNAL = 256,
	JIT_SLOTS = 128, JIT_GROUP_SLOTS = 64 /* the upper ones, for groups */, JIT_KEPT = 16, JIT_ACCESS_MAX = 32 /* bytes */, JIT_GROUP_MAX = 256, JIT_PAGE_BITS = 4096,
	JIT_SITES = 256 };

/* How translated code reads the time stamp counter (emit_tsc.c): at most `window` host ticks behind `tick`, when the clock was at `ns`, each of them
 * worth 1/2^32 `worth` of a nanosecond.  0: not at all.  first_...: since when its worth is measured, and
 * the clock's distance from the host's then. */
struct jit_tsc { uint64_t tick, ns, worth, window, first_tick, first_ns; int64_t first_offset; };

struct jit_env {
	uint64_t page, tmp;                     /* rip of the running code's page; scratch */
	uint8_t  live;                          /* register sets of the guest that are in the host's (live.c); 0 whenever C runs */
	struct {
		uint8_t  mem_seg;               /* segment of the last memory operand + 1; 0: fpu.dp_sel is right */
		uint32_t last;                  /* last x87 instruction: offset in its page << 11 | opcode, bit 31 set; 0: fpu.ip and so on are right */
		uint64_t page;
	} x87;                                  /* what cpu.fpu does not say yet while its registers are in the host's */
	uint32_t slot;                          /* to be refilled: place of its base in struct cpu */
	uint64_t host, entry;                   /* meanwhile: the address, its TLB entry */
	uint8_t  split[JIT_ACCESS_MAX];         /* memory of an instruction that has it in two pages (split.c) */
	struct jit_tsc tsc;
	uint64_t shadow;                        /* rip behind the last STI: no interrupt there yet */
	uint32_t branch;                        /* the last indirect branch: its offset in the page | what to give back to RSP << 12 */
	uint64_t icount[JIT_COUNTERS];          /* parts of cpu.icount: one word would make every block wait for the one before */
	/* Return stacks: see jump.c. */
	uint64_t sp, c_sp, back;                /* of the current one; the host's own stack; return address of a common piece */
	uint64_t top[2], lowest[2], other_sp[2]; /* other_sp: of the one that is not current */
	uint16_t mode[2];                       /* whose code addresses they and the caches below hold */
	uint8_t  user;                          /* the current one */
	uint8_t  run_turn;                      /* counts unknown runs */
	uint8_t  wrong[JIT_SITES];              /* by site (several may share one): how often the range in its slot was not the one */
	/* Code by rip, or linear address where code is in segments: that and where to jump, in turn (`cache`, below).  Holds no longer than the mappings. */
	uint32_t n_journal[2];                  /* more than fit: everything may be in use */
	uint16_t journal[2][JIT_JOURNAL];       /* places of rips in it */
	/* Ranges of plain memory: an access whose first byte is at the linear address base ... base + limit - 1, of up to JIT_ACCESS_MAX bytes
	 * (JIT_GROUP_MAX in a slot for groups), may be made at address + delta, to read in the slots with even numbers, to write in the others.
	 * In the slots of stacks it is the last byte, because what lies at the end of a stack is in use all the time, and what lies at its start
	 * is not.  limit 0: empty.  kept: deltas of checks in the TLB.  forgotten counts how often any of this may have become untrue.  epoch: of
	 * the lower and the upper half of the address space; in the low bits of tlb_run.start, or that run is out of date. */
	uint64_t base[2][JIT_SLOTS], limit[2][JIT_SLOTS], delta[2][JIT_SLOTS], epoch[2];
	uint64_t kept[JIT_KEPT], forgotten;
	/* Pages in which code has run that the cache or the return stack may lead to: bit `page number % 4096` of the lower half of the addresses and
	 * of the upper one. */
	uint64_t code_pages[2][2][JIT_PAGE_BITS / 64];
	uint64_t cache[2][2 * JIT_CACHE_SIZE];
	int64_t page_max;                       /* code in segments: the last `page` that lies below the limit of CS to its end */
};
#endif
