/* diff_emu.c - run one instruction on the emulator: a struct cpu at CPL 3 in long mode, whose page tables map the fixed linear
 * addresses of diff.h to a few pages of RAM. */
#include "tests/cpu/diff.h"
#include "core/cpu/exec.h"
#include "core/cpu/fp.h"
#include "core/cpu/sys.h"
#include "core/machine/machine.h"
#include <stdlib.h>
#include <string.h>

/* Physical layout: page tables, then the data pages. */
enum { PML4 = 0x1000, PDPT = 0x2000, PD = 0x3000, PT = 0x4000, DATA_PHYS = 0x10000, CODE_PHYS = 0x20000 };
enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_A = 0x20, PTE_D = 0x40 };

struct diff_emu {
	struct machine *machine;
	struct region ram;
	struct cpu *cpu;
	struct decoder *decoder;
	enum diff_mode mode;
	struct insn insn[4];
	struct diff_jit *jit;           /* NULL: the handler alone */
};

static void put64(struct diff_emu *e, uint32_t at, uint64_t v) { memcpy(e->machine->ram.host + e->ram.ram_addr + at, &v, 8); }

static void make_page_tables(struct diff_emu *e)
{
	uint64_t table = PTE_P | PTE_W | PTE_U | PTE_A, page = PTE_P | PTE_U | PTE_A | PTE_D;
	put64(e, PML4, PDPT | table);
	put64(e, PDPT, PD | table);
	put64(e, PD + 8 * (DIFF_DATA >> 21), PT | table);
	for (uint32_t off = 0; off < DIFF_DATA_SIZE; off += 0x1000)
		put64(e, PT + 8 * ((DIFF_DATA >> 12 & 511) + (off >> 12)), (DATA_PHYS + off) | page | (off < DIFF_DATA_RW ? PTE_W : 0));
}

struct diff_emu *diff_emu_new(void)
{
	char *argv[] = { "vmux", "-accel", "qtest", "-m", "4", "-nodefaults", "-display", "none", NULL };
	struct error err = { "" };
	bool done;
	int status;
	struct diff_emu *e = calloc(1, sizeof *e);
	struct options *o = options_parse(8, argv, &done, &status, &err);
	e->machine = machine_new_bare(o, &err);
	e->ram = (struct region){ .name = "ram", .kind = REGION_RAM, .size = 1 << 20, .ram_addr = ram_alloc(&e->machine->ram, "pc.ram", 1 << 20, &err) };
	space_map(&e->machine->mem, &e->ram, &err);
	make_page_tables(e);
	struct cpu *c = e->cpu = cpu_create(e->machine, 0, "max", &err);
	c->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
	c->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | CR4_FSGSBASE;
	c->efer = EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE;
	c->xcr0 = XCR0_X87 | XCR0_SSE | (cpu_impl_features() & IMPL_AVX ? XCR0_AVX : 0);
	c->cpl = 3;
	e->decoder = decoder_new(NULL);
	diff_emu_mode(e, DIFF_64);
	mmu_set_cr3(c, PML4);
	return e;
}

void diff_emu_free(struct diff_emu *e)
{
	diff_jit_free(e->jit);
	decoder_free(e->decoder);
	cpu_destroy(e->cpu);
	machine_free(e->machine);
	free(e);
}
uint8_t *diff_emu_data(struct diff_emu *e) { return e->machine->ram.host + e->ram.ram_addr + DATA_PHYS; }

void diff_emu_mode(struct diff_emu *e, enum diff_mode m)
{
	static const uint8_t segs[DIFF_SEGS] = { SEG_CS, SEG_DS, SEG_ES, SEG_SS };
	struct cpu *c = e->cpu;
	e->mode = m;
	for (unsigned s = 0; s < DIFF_SEGS; s++) {
		const struct diff_segment *d = &diff_segments[m][s];
		struct segreg *r = &c->seg[segs[s]];
		uint16_t type = segs[s] == SEG_CS ? 0xb : 3, size = m == DIFF_64 ? segs[s] == SEG_CS ? ATTR_L : ATTR_DB : d->big ? ATTR_DB : 0;
		*r = (struct segreg){ .base = d->base, .limit = m == DIFF_64 ? 0xffffffff : d->limit, .sel = diff_selector(m, s),
			.attr = (uint16_t)(ATTR_P | ATTR_S | ATTR_DPL | type | size | (d->limit > 0xfffff ? ATTR_G : 0)) };
	}
	c->seg[SEG_GS] = (struct segreg){ .base = DIFF_GS_BASE };
	cpu_set_eflags(c, FL_IF | 2);
}

void diff_emu_decode(struct diff_emu *e, struct diff_case *k)
{
	k->len = decode_insn(e->decoder, e->cpu->mode, k->code, 15, 0, &e->insn[0]);
	k->row = e->insn[0].row;
}

const struct insn *diff_emu_insn(const struct diff_emu *e) { return &e->insn[0]; }

bool diff_emu_operand(struct diff_emu *e, const struct diff_case *k, uint64_t *lin)
{
	struct cpu *c = e->cpu;
	const struct insn *i = &e->insn[0];
	if (i->rm != RM_MEM)
		return false;
	memcpy(c->regs, k->in.gpr, sizeof k->in.gpr);
	c->regs[REG_BIP] = k->in.rip;
	*lin = (c->seg[i->sg].base + ea_offset(c, i)) & c->lin_mask;
	return true;
}

/* ---- state ------------------------------------------------------------------------------------------------------------------------- */

void diff_load_fx(struct cpu *c, const uint8_t *fx)
{
	struct fpu *f = &c->fpu;
	memcpy(&f->cw, fx + FX_FCW, 2);
	memcpy(&f->sw, fx + FX_FSW, 2);
	f->top = f->sw >> 11 & 7;
	f->sw &= 0xc7ff;
	f->tag = fx[FX_FTW];
	f->ip = f->dp = f->ip_sel = f->dp_sel = f->opcode = 0;
	memcpy(&c->mxcsr, fx + FX_MXCSR, 4);
	for (unsigned n = 0; n < 8; n++)
		memcpy(&f->fpr[(f->top + n) & 7], fx + FX_ST + 16 * n, 10);
	for (unsigned n = 0; n < 16; n++) {
		memcpy(&c->ymm[n].x[0], fx + FX_XMM + 16 * n, 16);
		memcpy(&c->ymm[n].x[1], fx + FX_YMMH + 16 * n, 16);
	}
}

static void save_fx(const struct cpu *c, uint8_t *fx)
{
	const struct fpu *f = &c->fpu;
	uint16_t sw = (uint16_t)(f->sw | f->top << 11);
	memcpy(fx + FX_FCW, &f->cw, 2);
	memcpy(fx + FX_FSW, &sw, 2);
	fx[FX_FTW] = f->tag;
	memcpy(fx + FX_MXCSR, &c->mxcsr, 4);
	for (unsigned n = 0; n < 8; n++)
		memcpy(fx + FX_ST + 16 * n, &f->fpr[(f->top + n) & 7], 10);
	for (unsigned n = 0; n < 16; n++) {
		memcpy(fx + FX_XMM + 16 * n, &c->ymm[n].x[0], 16);
		memcpy(fx + FX_YMMH + 16 * n, &c->ymm[n].x[1], 16);
	}
}

static const struct insn *stop(struct cpu *c, const struct insn *i)
{
	c->rip = insn_rip(c, i);
	return NULL;
}

struct cpu *diff_emu_cpu(struct diff_emu *e) { return e->cpu; }

int diff_emu_exec(struct diff_emu *e, const uint8_t *code, size_t len)
{
	struct cpu *c = e->cpu;
	uint8_t bytes[16] = { 0 };
	memcpy(bytes, code, len < 15 ? len : 15);
	cpu_update_mode(c);
	unsigned n = decode_insn(e->decoder, c->mode, bytes, 15, 0, &e->insn[0]);
	e->insn[1] = (struct insn){ .fn = stop, .off = (uint16_t)n & 1023, .idx = 1 };
	c->regs[REG_BIP] = c->rip = DIFF_CODE;
	c->exc_pending = 0;
	for (const struct insn *i = e->insn; i;)
		i = i->fn(c, i);
	fp_park(c);
	return c->exc_pending ? c->exc_vector : -1;
}

bool diff_emu_translate(struct diff_emu *e)
{
	e->jit = diff_jit_new(e->machine, e->cpu, e->ram.ram_addr + CODE_PHYS);
	return e->jit;
}

void diff_emu_load(struct diff_emu *e, const struct diff_case *k)
{
	struct cpu *c = e->cpu;
	memcpy(c->regs, k->in.gpr, sizeof k->in.gpr);
	c->regs[REG_BIP] = c->rip = k->in.rip;
	arith_set(c, (uint32_t)k->in.rflags);
	c->df_step = k->in.rflags & FL_DF ? (uint64_t)-1 : 1;
	if (k->fp)
		diff_load_fx(c, k->in.fx);
	c->exc_pending = 0;
	c->cur = NULL;
	atomic_store(&c->attention, k->branch);
}

void diff_emu_store(struct diff_emu *e, const struct diff_case *k, uint64_t at, struct diff_state *out)
{
	struct cpu *c = e->cpu;
	fp_park(c);
	memcpy(out->gpr, c->regs, sizeof out->gpr);
	out->rip = c->rip;
	out->rflags = cpu_get_eflags(c);
	out->vector = -1;
	out->err = out->cr2 = 0;
	if (c->exc_pending) {
		out->vector = c->exc_vector;
		out->err = c->exc_has_err ? c->exc_err : 0;
		out->cr2 = c->exc_vector == EXC_PF ? c->exc_addr : 0;
		out->rip = at;
		c->exc_pending = 0;
	}
	if (k->fp) {
		memcpy(out->fx, k->in.fx, sizeof out->fx);
		save_fx(c, out->fx);
	}
	if (c->eflags_sys != FL_IF || k->branch)
		diff_emu_mode(e, e->mode);
}

void diff_emu_run(struct diff_emu *e, const struct diff_case *k, struct diff_state *out)
{
	if (e->jit) {
		diff_jit_run(e->jit, e, k, out);
		return;
	}
	unsigned link = op_rows[k->row].attr & A_LINK ? 1 : 0;
	if (link)
		memset(&e->insn[1], 0, sizeof e->insn[1]);
	e->insn[1 + link] = (struct insn){ .fn = stop, .off = (uint16_t)k->len & 1023, .idx = 1 };
	diff_emu_load(e, k);
	for (const struct insn *i = e->insn; i;)
		i = i->fn(e->cpu, i);
	diff_emu_store(e, k, k->in.rip, out);
}
