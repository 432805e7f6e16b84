/* jit_env.h - what translated code reaches through gs besides the guest's registers (core/jit).
 *
 * Two of most things: [0] for CPL 0-2, [1] for CPL 3, so that a system call throws nothing away. */
#ifndef CORE_CPU_JIT_ENV_H
#define CORE_CPU_JIT_ENV_H
#include <stdint.h>

enum { JIT_COUNTERS = 8, JIT_CACHE_BITS = 11, JIT_CACHE_SIZE = 1 << JIT_CACHE_BITS, JIT_JOURNAL = 256, JIT_SLOTS = 64,
	JIT_ACCESS_MAX = 32 /* bytes */ };

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
	uint32_t branch;                        /* the last indirect branch: its offset in the page | what to give back to RSP << 12 */
	uint64_t icount[JIT_COUNTERS];          /* parts of cpu.icount: one word would make every block wait for the one before */
	/* Return stacks: see jump.c. */
	uint64_t sp, c_sp, back;                /* of the current one; the host's own stack; return address of a common piece */
	uint64_t top[2], lowest[2], other_sp[2]; /* other_sp: of the one that is not current */
	uint16_t mode[2];                       /* whose code addresses they and the caches below hold */
	uint8_t  user;                          /* the current one */
	uint8_t  turn, run_turn;                /* count ranges that were not in their slot, and unknown runs */
	/* Code by rip: key = rip, code = where to jump.  Holds no longer than the mappings. */
	uint32_t n_journal[2];                  /* more than fit: everything may be in use */
	uint16_t journal[2][JIT_JOURNAL];
	/* Ranges of plain memory: linear addresses base ... base + limit - 1 may be accessed with up to JIT_ACCESS_MAX bytes at address + delta,
	 * in the way all users of the slot do.  limit 0: empty.  epoch: of the lower and the upper half of the
	 * address space; in the low bits of tlb_run.start, or that run is out of date. */
	uint64_t base[2][JIT_SLOTS], limit[2][JIT_SLOTS], delta[2][JIT_SLOTS], epoch[2];
	uint64_t key[2][JIT_CACHE_SIZE], code[2][JIT_CACHE_SIZE];
};
#endif
