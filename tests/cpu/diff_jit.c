/* diff_jit.c - a case of the host differential through the block cache and the translator.
 *
 * The instruction lies in a page of code at the address it has on the host, sometimes behind or before instructions that leave the
 * state as it was but make the translator keep flags in the host's register or fetch them from memory; HLT ends it all (#GP at CPL 3).
 * The page can only be fetched from: it has a tag for that in the TLB, but no page table maps it, as on the host nothing may be read
 * there either. */
#include "tests/cpu/diff.h"
#include "core/cpu/engine.h"
#include "core/jit/jit.h"
#include "core/machine/machine.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { HLT = 0xf4, CODE_PAGES = 2, AROUND = 8 };
struct diff_jit {
	struct machine *m;
	struct cpu *c;
	uint64_t ram_addr;
	uint32_t from, len;             /* where the last case's code lies, in the two pages */
	unsigned turn;
};

/* Before and after: nothing, or what neither reads nor changes anything but needs the flags. */
struct snippet { uint8_t len, bytes[AROUND]; };
static const struct snippet before[] = { { 0, { 0 } }, { 1, { 0x90 } }, { 2, { 0xf5, 0xf5 } } /* cmc; cmc */ };
static const struct snippet after[] = {
	{ 2, { 0x90, 0x90 } }, { 2, { 0xf5, 0xf5 } }, { 2, { 0x70, 0x00 } } /* jo $+2 */, { 5, { 0xf5, 0x77, 0x00, 0xf5, 0x90 } } /* cmc; ja $+2; cmc; nop */,
};

struct diff_jit *diff_jit_new(struct machine *m, struct cpu *c, uint64_t ram_addr)
{
	struct diff_jit *j = calloc(1, sizeof *j);
	if (!j || !engine_set_jit(c, 1)) {
		free(j);
		return NULL;
	}
	*j = (struct diff_jit) { .m = m, .c = c, .ram_addr = ram_addr };
	m->cpus[0] = c;
	m->n_cpus = 1;
	memset(m->ram.host + ram_addr, HLT, CODE_PAGES * PAGE_SIZE);
	engine_enter(c);
	return j;
}

void diff_jit_free(struct diff_jit *j)
{
	if (!j)
		return;
	engine_leave(j->c);
	j->m->cpus[0] = NULL;
	j->m->n_cpus = 0;
	free(j);
}

static void fetch_only(struct diff_jit *j)
{
	for (unsigned n = 0; n < CODE_PAGES; n++) {
		uint64_t lin = DIFF_CODE + n * PAGE_SIZE;
		unsigned slot = (lin >> PAGE_SHIFT) % TLB_CODE;
		uint64_t none = tlb_none(slot), addend = (uintptr_t)(j->m->ram.host + j->ram_addr + n * PAGE_SIZE - lin);
		*tlb_slot(j->c, lin) = (struct tlb_entry) { none, none, none, 0 };
		*tlb_code_slot(j->c, lin) = (struct tlb_entry) { none, none, lin, addend };
	}
}

/* The rip of the first instruction; *end: how many bytes behind the tested one belong to the case. */
static uint64_t place(struct diff_jit *j, const struct diff_case *k, unsigned *end)
{
	uint8_t *mem = j->m->ram.host + j->ram_addr;
	const struct snippet *b = &before[j->turn % 3], *a = &after[j->turn / 3 % (k->branch ? 2 : 4)];       /* no second branch: the first one leaves */
	uint32_t at = diff_code_linear(k) - DIFF_CODE, old = j->from;
	if (!k->branch && !k->slot)
		b = &before[0];
	j->turn++;
	memset(mem + j->from, HLT, j->len);
	if (j->len)
		engine_code_written(j->m, j->ram_addr + old, j->len);
	j->from = at - b->len;
	j->len = b->len + k->len + a->len;
	memcpy(mem + j->from, b->bytes, b->len);
	memcpy(mem + at, k->code, k->len);
	memcpy(mem + at + k->len, a->bytes, a->len);
	engine_code_written(j->m, j->ram_addr + j->from, j->len);
	*end = a->len;
	return k->in.rip - b->len;
}

void diff_jit_run(struct diff_jit *j, struct diff_emu *e, const struct diff_case *k, struct diff_state *out)
{
	struct cpu *c = j->c;
	unsigned end;
	diff_emu_load(e, k);
	c->rip = place(j, k, &end);
	if (atomic_exchange(&c->attention, 0))          /* the code cache is full: nothing more would be translated */
		engine_service(c);
	c->jit.shadow = UINT64_C(1) << 62;              /* no STI is in front of where a branch leads: nothing leads there */
	fetch_only(j);
	for (unsigned n = 0; n < 10000 && !c->exc_pending; n++) {
		const struct insn *i = engine_lookup(c);
		c->regs[REG_BIP] = c->rip;
		while (i)
			i = i->fn(c, i);
		if (k->branch)
			break;
	}
	if (c->exc_pending && c->cur) {
		c->rip = insn_rip(c, c->cur);
		c->cur = NULL;
	}
	uint64_t next = k->in.rip + k->len;
	if (c->exc_pending && c->rip - next <= end) {           /* came out behind it */
		c->exc_pending = 0;
		c->rip = next;
	}
	diff_emu_store(e, k, c->rip, out);
}
