/* guest.c - a bare CPU with some RAM for tests of the instruction engine. */
#include "tests/cpu/guest.h"
#include "core/cpu/engine.h"
#include "core/jit/jit.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void put64(struct guest *g, uint64_t addr, uint64_t v) { memcpy(g->mem + addr, &v, 8); }

/* 64-bit: PML4 at TABLES, PDPT, four page directories of 2 MB pages for the first 4 GB. */
static void build_tables(struct guest *g)
{
	put64(g, GUEST_TABLES, (GUEST_TABLES + 0x1000) | 7);
	for (uint64_t n = 0; n < 4; n++)
		put64(g, GUEST_TABLES + 0x1000 + n * 8, (GUEST_TABLES + 0x2000 + n * 0x1000) | 7);
	for (uint64_t n = 0; n < 2048; n++)
		put64(g, GUEST_TABLES + 0x2000 + n * 8, n << 21 | 0x87);
}

/* Table below entry *e, made at `next` if it is not there or is a large page. */
static uint64_t descend(struct guest *g, uint64_t entry, uint64_t *next)
{
	uint64_t e;
	memcpy(&e, g->mem + entry, 8);
	if ((e & 1) && !(e & 0x80))
		return e & ~UINT64_C(0xfff);
	uint64_t table = *next;
	*next += 0x1000;
	for (uint64_t n = 0; n < 512; n++)
		put64(g, table + n * 8, e & 0x80 ? (e & ~UINT64_C(0xfff)) + (n << 12) + 7 : 0);
	put64(g, entry, table | 7);
	return table;
}

void guest_map(struct guest *g, uint64_t lin, uint64_t phys, bool present, bool writable)
{
	uint64_t next = GUEST_TABLES + 0x6000, t = GUEST_TABLES, used;
	memcpy(&used, g->mem + GUEST_TABLES - 8, 8);    /* the allocator's place: below the tables */
	if (used)
		next = used;
	for (int level = 3; level > 0; level--)
		t = descend(g, t + (lin >> (12 + 9 * level) & 511) * 8, &next);
	put64(g, t + (lin >> 12 & 511) * 8, phys | (present ? 1 : 0) | (writable ? 2 : 0) | 4);
	put64(g, GUEST_TABLES - 8, next);
	mmu_flush(g->c, true);
}

static void build_idt(struct guest *g, bool long_mode)
{
	for (uint64_t v = 0; v < 32; v++) {
		uint64_t to = GUEST_STUBS + v * 16;
		g->mem[to] = 0xf4;
		uint64_t low = (to & 0xffff) | 8 << 16 | UINT64_C(0x8e00) << 32 | (to >> 16) << 48;
		if (long_mode) {
			put64(g, GUEST_IDT + v * 16, low);
			put64(g, GUEST_IDT + v * 16 + 8, 0);
		} else {
			put64(g, GUEST_IDT + v * 8, low);
		}
	}
	g->c->idtr = (struct dtreg){ GUEST_IDT, long_mode ? 511 : 255 };
}

static void enter_mode(struct guest *g, enum guest_mode mode)
{
	struct cpu *c = g->c;
	if (mode == GUEST_REAL) {
		for (unsigned s = SEG_ES; s <= SEG_GS; s++)
			c->seg[s] = (struct segreg){ .limit = 0xffff, .attr = 0x93 };
		for (unsigned v = 0; v < 32; v++) {
			g->mem[GUEST_STUBS + v * 16] = 0xf4;
			uint16_t ip = (uint16_t)(GUEST_STUBS + v * 16);
			memcpy(g->mem + v * 4, &ip, 2);
		}
		return;
	}
	bool long_mode = mode == GUEST_LONG64;
	put64(g, GUEST_GDT + 8, long_mode ? UINT64_C(0x00af9b000000ffff) : UINT64_C(0x00cf9b000000ffff));
	put64(g, GUEST_GDT + 16, UINT64_C(0x00cf93000000ffff));
	c->gdtr = (struct dtreg){ GUEST_GDT, 0x1f };
	for (unsigned s = SEG_ES; s <= SEG_GS; s++)
		c->seg[s] = (struct segreg){ .limit = 0xffffffff, .sel = 16, .attr = 0xc093 };
	c->seg[SEG_CS] = (struct segreg){ .limit = 0xffffffff, .sel = 8, .attr = long_mode ? 0xa09b : 0xc09b };
	c->cr0 = CR0_PE | CR0_ET | CR0_NE | (long_mode ? CR0_PG | CR0_WP : 0);
	c->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | (long_mode ? CR4_PAE : 0);
	c->xcr0 = 7;
	if (long_mode) {
		c->efer = EFER_LME | EFER_LMA | EFER_SCE;
		build_tables(g);
		c->cr3 = GUEST_TABLES;
	}
	build_idt(g, long_mode);
}

struct guest *guest_new(enum guest_mode mode)
{
	char *argv[] = { "vmux", "-accel", "qtest", "-m", "64", "-nodefaults", "-display", "none", "-D", "/dev/null", NULL };
	struct guest *g = calloc(1, sizeof *g);
	struct error err = { "" };
	bool done;
	int status;
	struct options *o = options_parse(10, argv, &done, &status, &err);
	assert(g && o);
	g->m = machine_new_bare(o, &err);
	assert(g->m);
	uint64_t ram = ram_alloc(&g->m->ram, "pc.ram", GUEST_RAM, &err);
	g->ram = (struct region){ .name = "ram", .kind = REGION_RAM, .size = GUEST_RAM, .ram_addr = ram };
	machine_lock(g->m);
	bool mapped = space_map(&g->m->mem, &g->ram, &err);
	machine_unlock(g->m);
	assert(mapped);
	g->mem = g->m->ram.host + ram;
	g->m->a20 = true;
	g->m->accel_conf.count = true;
	g->c = cpu_create(g->m, 0, "max", &err);
	assert(g->c);
	g->m->cpus[0] = g->c;
	g->m->n_cpus = 1;
	/* VMUX_TEST_JIT=N: translate what has run N times. */
	if (getenv("VMUX_TEST_JIT")) {
		assert(engine_set_jit(g->c, (unsigned)atoi(getenv("VMUX_TEST_JIT"))));
		jit_set_exact(engine_jit(g->c));
	}
	cpu_reset(g->c);
	enter_mode(g, mode);
	g->c->regs[RSP] = mode == GUEST_REAL ? 0xf000 : GUEST_STACK;
	mmu_flush(g->c, true);
	cpu_update_mode(g->c);
	return g;
}

void guest_free(struct guest *g)
{
	g->m->cpus[0] = NULL;
	g->m->n_cpus = 0;
	cpu_destroy(g->c);
	machine_free(g->m);
	free(g);
}

void guest_load(struct guest *g, uint64_t addr, const void *bytes, size_t len)
{
	memcpy(g->mem + addr, bytes, len);
	engine_code_written(g->m, g->ram.ram_addr + addr, len);
}

enum cpu_exit guest_run(struct guest *g, uint64_t rip)
{
	g->c->rip = rip;
	atomic_store(&g->c->run_state, CPU_RUNNING);
	return cpu_run(g->c);
}

int guest_vector(const struct guest *g)
{
	uint64_t at = g->c->rip - 1;
	return at >= GUEST_STUBS && at < GUEST_STUBS + 32 * 16 && at % 16 == 0 ? (int)(at - GUEST_STUBS) / 16 : -1;
}
