/* space.h - address spaces: physical memory and I/O ports as ordered regions, and guest RAM.
 *
 * All RAM and ROM of a machine lives in one arena (a host mapping); ram_addr is an offset in it and names a byte whatever alias
 * the guest uses.  Regions overlap by priority; the same priority twice is refused (fixed regions) or the later wins (PCI BARs).
 * Changes need the machine lock; every vCPU then drops its cached translations (REQ_TLB). */
#ifndef CORE_MACHINE_SPACE_H
#define CORE_MACHINE_SPACE_H
#include "core/machine/error.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine;
struct device;
struct space;

/* Register access of a device; off is relative to the region.  Sizes 1, 2, 4 or 8; accesses outside [min, max] are split or
 * widened by the bus (a read narrower than min reads min and extracts; a write narrower than min is passed on as it is with
 * its own size, as the chips here expect).  Machine lock held. */
struct io_ops {
	uint64_t (*read)(struct device *d, uint64_t off, unsigned size);
	void     (*write)(struct device *d, uint64_t off, unsigned size, uint64_t val);
	uint8_t  min, max;              /* 0 = 1 and 4 */
};

enum region_kind { REGION_IO /* ports or MMIO */, REGION_RAM, REGION_ROM, REGION_ALIAS };
struct region {
	const char *name;               /* as `info mtree` prints it */
	enum region_kind kind;
	uint64_t base, size;
	int      prio;
	bool     mapped, movable;       /* movable: a BAR; may overlap equals */
	struct device *dev;             /* REGION_IO */
	const struct io_ops *ops;
	uint64_t ram_addr;              /* REGION_RAM, REGION_ROM: offset in the arena */
	uint64_t alias_base;            /* REGION_ALIAS: looks into the same space at this address, below prio `alias_prio` (e.g. PAM: RAM under ROM) */
	struct region *next;
	/* set by the space: writes into a REGION_ROM go here if not NULL (flash), else are dropped */
	void (*rom_write)(struct device *d, uint64_t off, unsigned size, uint64_t val);
};

/* A flat, sorted range: what is visible at an address. */
struct flat_range { uint64_t start, end; /* inclusive */ struct region *r; uint64_t off; /* offset in r of start */ };
struct space {
	struct machine *machine;
	const char *name;               /* "memory", "I/O" */
	uint64_t limit;                 /* highest address */
	struct region *regions;
	struct flat_range *flat;
	size_t n_flat;
	uint32_t generation;            /* grows with every change of the map */
	unsigned batch; bool stale;      /* inside space_begin/commit */
};

void space_init(struct space *s, struct machine *m, const char *name, uint64_t limit);
void space_free(struct space *s);
/* Make r visible at r->base.  The caller owns r and keeps it alive until space_unmap.  False: it overlaps a region of the same
 * priority (the message names both) or leaves the space. */
bool space_map(struct space *s, struct region *r, struct error *err);
void space_unmap(struct space *s, struct region *r);
void space_move(struct space *s, struct region *r, uint64_t base);
/* Several changes, one rebuild. */
void space_begin(struct space *s);
void space_commit(struct space *s);
/* Visible range at addr, or NULL for a hole. */
const struct flat_range *space_find(struct space *s, uint64_t addr);

/* Access by size 1-8 with device semantics.  Holes read as all ones.  Machine lock held. */
uint64_t space_read(struct space *s, uint64_t addr, unsigned size);
void     space_write(struct space *s, uint64_t addr, unsigned size, uint64_t val);
/* Bulk access (DMA, loaders, monitor): RAM by memcpy, devices by single accesses.  Writes tell the code caches.  ROM is written by
 * space_poke only.  False when a part was a hole (reads give ff there).  Machine lock held. */
bool space_read_buf(struct space *s, uint64_t addr, void *buf, size_t len);
bool space_write_buf(struct space *s, uint64_t addr, const void *buf, size_t len);
bool space_poke(struct space *s, uint64_t addr, const void *buf, size_t len);
/* Host pointer to RAM at addr for up to *len bytes (shortened to what is contiguous); NULL when it is not plain RAM.  For writing,
 * call ram_written() afterwards. */
void *space_map_ram(struct space *s, uint64_t addr, size_t *len, bool write);

/* The arena. */
struct ram_block { const char *name; uint64_t ram_addr, size; struct ram_block *next; };
struct ram_arena { uint8_t *host; uint64_t size, used; struct ram_block *blocks;
	_Atomic uint64_t *code_lines;   /* per 4 KB page: bit n = 64-byte line n holds decoded code */
	_Atomic uint8_t  *code_fades;   /* per page that was code a short while ago: writes to go before it gets write tags again */
	/* With several vCPUs.  Bit n of a word is vCPU n, and it is set before what it stands for is. */
	_Atomic uint64_t *writers;      /* per 4 KB page: who may have a write tag of it in a TLB */
	_Atomic uint64_t *decoders;     /* per 4 KB page: who may have blocks of it */
	_Atomic uint32_t code_epoch[64];        /* by page modulo 64: grows before marks of code_lines are taken back */
	_Atomic uint64_t decoding;      /* by page modulo 64: one of them marks a page and decodes from it */
	_Atomic bool exclusive;         /* with several vCPUs: only one of them executes (engine_alone) */
	_Atomic uint8_t  *dirty;        /* per page: enum ram_dirty bits, set on the first write after a clear */ };
enum ram_dirty { DIRTY_VGA = 1 << 0, DIRTY_MIGRATE = 1 << 1 };
bool ram_arena_init(struct ram_arena *a, uint64_t reserve, struct error *err);
void ram_arena_free(struct ram_arena *a);
/* Add a zeroed block, page aligned.  Returns its ram_addr, or UINT64_MAX and err. */
uint64_t ram_alloc(struct ram_arena *a, const char *name, uint64_t size, struct error *err);
/* [ram_addr, +len) was written behind the CPUs' backs: mark dirty, drop decoded code. */
void ram_written(struct machine *m, uint64_t ram_addr, uint64_t len);
#endif
