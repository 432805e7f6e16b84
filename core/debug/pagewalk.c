/* pagewalk.c - the guest's page tables as text.  Ref: SDM 3, chapter "Paging". */
#include "core/cpu/cpu.h"
#include "core/debug/cpu_dump.h"
#include "core/machine/machine.h"
#include <inttypes.h>
#include <string.h>

enum { PTE_P = 1 << 0, PTE_W = 1 << 1, PTE_U = 1 << 2, PTE_PWT = 1 << 3, PTE_PCD = 1 << 4, PTE_A = 1 << 5, PTE_D = 1 << 6, PTE_PS = 1 << 7, PTE_G = 1 << 8 };
#define PTE_NX   (UINT64_C(1) << 63)
#define PTE_ADDR UINT64_C(0x000ffffffffff000)

/* A guest may make its tables point at themselves until they describe all memory there could be. */
enum { TABLES_MAX = 1 << 18, TEXT_MAX = 64 << 20 };

struct walk {
	unsigned tables;
	bool stopped;
	const struct cpu *c;
	struct text *out;
	bool ranges;                    /* info mem rather than info tlb */
	uint64_t start, end; unsigned rights;   /* the range being collected */
	bool open;
};

static uint64_t canonical(uint64_t lin)
{
	return lin & (UINT64_C(1) << 47) ? lin | UINT64_C(0xffff000000000000) : lin;
}

static void close_range(struct walk *w)
{
	if (!w->open)
		return;
	w->open = false;
	text_printf(w->out, "%016" PRIx64 "-%016" PRIx64 " %016" PRIx64 " %cr%c\n", w->start, w->end, w->end - w->start, w->rights & PTE_U ? 'u' : '-',
		w->rights & PTE_W ? 'w' : '-');
}

/* A page: lin is canonical, rights are those of all levels together. */
static void page(struct walk *w, uint64_t lin, uint64_t size, uint64_t pte, uint64_t phys, unsigned rights)
{
	if (!w->ranges) {
		text_printf(w->out, "%016" PRIx64 ": %016" PRIx64 " %c%c%c%c%c%c%c%c%c\n", lin, phys, pte & PTE_NX ? 'X' : '-', pte & PTE_G ? 'G' : '-',
			size > 4096 ? 'P' : '-', pte & PTE_D ? 'D' : '-', pte & PTE_A ? 'A' : '-', pte & PTE_PCD ? 'C' : '-',
			pte & PTE_PWT ? 'T' : '-', pte & PTE_U ? 'U' : '-', pte & PTE_W ? 'W' : '-');
		return;
	}
	if (!w->open || w->end != lin || w->rights != rights) {
		close_range(w);
		w->open = true;
		w->start = lin;
		w->rights = rights;
	}
	w->end = lin + size;
}

/* 8-byte entries; level 1 = page table.  Tables may point at each other: depth is bounded by the level. */
static void walk64(struct walk *w, uint64_t table, unsigned level, unsigned entries, uint64_t lin, unsigned rights)
{
	uint64_t e[512];
	unsigned shift = 12 + 9 * (level - 1);

	if (++w->tables > TABLES_MAX || w->out->len > TEXT_MAX)
		w->stopped = true;
	if (w->stopped || !space_read_buf(&w->c->machine->mem, table, e, entries * sizeof(e[0])))
		return;
	for (unsigned i = 0; i < entries && !w->stopped; i++) {
		uint64_t at = canonical(lin | (uint64_t)i << shift), size = UINT64_C(1) << shift;
		if (!(e[i] & PTE_P))
			continue;
		/* entries of a PAE directory pointer table carry no rights */
		unsigned r = entries == 4 ? rights : rights & (unsigned)e[i] & (PTE_U | PTE_W);
		if (level == 1 || (level <= 3 && (e[i] & PTE_PS) && entries != 4))
			page(w, at, size, e[i], e[i] & PTE_ADDR & ~(size - 1), r);
		else
			walk64(w, e[i] & PTE_ADDR, level - 1, 512, at, r);
	}
}

static void walk32(struct walk *w)
{
	uint32_t dir[1024], tab[1024];
	bool pse = w->c->cr4 & CR4_PSE;
	struct space *mem = &w->c->machine->mem;

	if (!space_read_buf(mem, w->c->cr3 & 0xfffff000, dir, sizeof(dir)))
		return;
	for (unsigned i = 0; i < 1024; i++) {
		unsigned r = dir[i] & (PTE_U | PTE_W);
		if (!(dir[i] & PTE_P))
			continue;
		if (pse && (dir[i] & PTE_PS)) {         /* PSE-36: bits 20-13 are address bits 39-32 */
			page(w, (uint64_t)i << 22, 4 << 20, dir[i], (dir[i] & 0xffc00000) | (uint64_t)((dir[i] >> 13) & 0xff) << 32, r);
			continue;
		}
		if (!space_read_buf(mem, dir[i] & 0xfffff000, tab, sizeof(tab)))
			continue;
		for (unsigned j = 0; j < 1024; j++)
			if (tab[j] & PTE_P)
				page(w, (uint64_t)i << 22 | j << 12, 4096, tab[j], tab[j] & 0xfffff000, r & tab[j]);
	}
}

static void run(struct walk *w)
{
	const struct cpu *c = w->c;

	if (!(c->cr0 & CR0_PG)) {
		text_printf(w->out, "PG disabled\n");
		return;
	}
	if (!(c->cr4 & CR4_PAE))
		walk32(w);
	else if (cpu_long(c))
		walk64(w, c->cr3 & PTE_ADDR, 4, 512, 0, PTE_U | PTE_W);
	else
		walk64(w, c->cr3 & 0xffffffe0, 3, 4, 0, PTE_U | PTE_W);
	close_range(w);
	if (w->stopped)
		text_printf(w->out, "(the tables go on and on; stopped here)\n");
}

void cpu_dump_tlb(const struct cpu *c, struct text *out) { run(&(struct walk){ .c = c, .out = out }); }
void cpu_dump_mem(const struct cpu *c, struct text *out) { run(&(struct walk){ .c = c, .out = out, .ranges = true }); }
