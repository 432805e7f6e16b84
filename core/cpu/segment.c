/* segment.c - descriptors, segment registers, stacks.  Ref: SDM 3, chapters 3 and 5; instruction pages of SDM 2. */
#include "core/cpu/sys.h"
#include "core/cpu/mmu.h"

/* ---- descriptor tables ---- */

/* Linear address of sel's descriptor, or false when it is outside its table. */
static bool desc_addr(const struct cpu *c, uint16_t sel, unsigned size, uint64_t *lin)
{
	uint64_t base = c->gdtr.base, limit = c->gdtr.limit;
	if (sel & SEL_TI) {
		if (!(c->seg[SEG_LDTR].attr & ATTR_P))
			return false;
		base = c->seg[SEG_LDTR].base;
		limit = c->seg[SEG_LDTR].limit;
	}
	*lin = base + (sel & 0xfff8u);
	if (!cpu_long(c))
		*lin = (uint32_t)*lin;
	return (sel & 0xfff8u) + size - 1 <= limit;
}

enum desc_result desc_fetch(struct cpu *c, uint16_t sel, uint64_t *d)
{
	uint64_t lin;
	if (!desc_addr(c, sel, 8, &lin))
		return DESC_OUTSIDE;
	return mmu_read(c, lin, d, 8, MEM_R | MEM_SYSTEM) ? DESC_OK : DESC_FAULT;
}

bool desc_read(struct cpu *c, uint16_t sel, int vec, unsigned ext, uint64_t *d)
{
	enum desc_result r = desc_fetch(c, sel, d);
	if (r == DESC_OUTSIDE)
		return raise_sel(c, vec, sel, ext);
	return r == DESC_OK;
}

bool desc_read_high(struct cpu *c, uint16_t sel, int vec, unsigned ext, uint64_t *d)
{
	uint64_t lin;
	if (!desc_addr(c, sel, 16, &lin))
		return raise_sel(c, vec, sel, ext);
	if (!mmu_read(c, lin + 8, d, 8, MEM_R | MEM_SYSTEM))
		return false;
	return !((*d >> 40) & 0x1f) || raise_sel(c, vec, sel, ext);     /* the type of the upper half must be 0 */
}

struct segreg desc_to_seg(uint16_t sel, uint64_t d)
{
	struct segreg s = { .sel = sel, .attr = (uint16_t)desc_attr(d) };
	s.base = ((d >> 16) & 0xffffff) | (d >> 56) << 24;
	s.limit = (uint32_t)(d & 0xffff) | ((uint32_t)(d >> 32) & 0xf0000);
	if (s.attr & ATTR_G)
		s.limit = s.limit << 12 | 0xfff;
	return s;
}

/* Read-modify-write of byte 5.  The bus locks it; here the tables of a vCPU are changed by itself only, or by guest code that locks. */
static bool change_type(struct cpu *c, uint16_t sel, unsigned clear, unsigned set)
{
	uint64_t lin;
	uint8_t v;
	if (!desc_addr(c, sel, 8, &lin))
		return true;
	if (!mmu_read(c, lin + 5, &v, 1, MEM_R | MEM_SYSTEM))
		return false;
	v = (uint8_t)((v & ~clear) | set);
	return mmu_write(c, lin + 5, &v, 1, MEM_W | MEM_SYSTEM);
}

bool desc_write_type(struct cpu *c, uint16_t sel, unsigned clear, unsigned set) { return change_type(c, sel, clear, set); }

bool desc_mark_accessed(struct cpu *c, uint16_t sel, uint64_t *d)
{
	if (*d & UINT64_C(1) << 40)
		return true;
	if (!change_type(c, sel, 0, TYPE_ACCESSED))
		return false;
	*d |= UINT64_C(1) << 40;
	return true;
}

struct segreg seg_real(uint16_t sel)
{
	return (struct segreg){ .base = (uint64_t)sel << 4, .limit = 0xffff, .sel = sel, .attr = ATTR_P | ATTR_S | TYPE_WRITE | TYPE_ACCESSED };
}

/* ---- loading data segments ---- */

bool seg_check_stack(struct cpu *c, uint16_t sel, unsigned cpl, int vec, unsigned ext, struct segreg *out)
{
	uint64_t d;
	if (sel_null(sel))
		return cpu_raise_err(c, vec, vec == EXC_TS ? (sel & ~3u) | ext : ext);
	if (!desc_read(c, sel, vec, ext, &d))
		return false;
	unsigned a = desc_attr(d);
	if ((sel & SEL_RPL) != cpl || attr_dpl(a) != cpl || !attr_is_data(a) || !(a & TYPE_WRITE))
		return raise_sel(c, vec, sel, ext);
	if (!(a & ATTR_P))
		return raise_sel(c, EXC_SS, sel, ext);
	if (!desc_mark_accessed(c, sel, &d))
		return false;
	*out = desc_to_seg(sel, d);
	return true;
}

static bool load_null(struct cpu *c, unsigned sr, uint16_t sel)
{
	struct segreg *s = &c->seg[sr];
	if (sr == SEG_SS) {
		/* SDM 2, MOV: a null SS is for 64-bit code below CPL 3, with RPL = CPL. */
		if (!(c->mode & M_CS64) || c->cpl == 3 || (sel & SEL_RPL) != c->cpl)
			return cpu_raise_err(c, EXC_GP, 0);
		*s = (struct segreg){ .sel = sel, .attr = (uint16_t)(c->cpl << 5) };
		return true;
	}
	*s = (struct segreg){ .sel = sel };
	return true;
}

bool seg_load(struct cpu *c, unsigned sr, uint16_t sel)
{
	struct segreg *s = &c->seg[sr];
	if (c->eflags_sys & FL_VM) {
		*s = seg_real(sel);
		s->attr |= ATTR_DPL;
		return true;
	}
	if (!(c->cr0 & CR0_PE)) {
		s->sel = sel;                   /* limit and rights stay as protected mode left them */
		s->base = (uint64_t)sel << 4;
		return true;
	}
	if (sel_null(sel))
		return load_null(c, sr, sel);
	if (sr == SEG_SS) {
		struct segreg ss;
		if (!seg_check_stack(c, sel, c->cpl, EXC_GP, 0, &ss))
			return false;
		*s = ss;
		return true;
	}
	uint64_t d;
	if (!desc_read(c, sel, EXC_GP, 0, &d))
		return false;
	unsigned a = desc_attr(d);
	if (!(a & ATTR_S) || (attr_is_code(a) && !(a & TYPE_WRITE)))
		return raise_sel(c, EXC_GP, sel, 0);
	if (!(attr_is_code(a) && attr_conforming(a)) && ((sel & SEL_RPL) > attr_dpl(a) || c->cpl > attr_dpl(a)))
		return raise_sel(c, EXC_GP, sel, 0);
	if (!(a & ATTR_P))
		return raise_sel(c, EXC_NP, sel, 0);
	if (!desc_mark_accessed(c, sel, &d))
		return false;
	*s = desc_to_seg(sel, d);
	return true;
}

void seg_drop_privileged(struct cpu *c)
{
	static const uint8_t regs[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
	for (unsigned n = 0; n < sizeof(regs); n++) {
		struct segreg *s = &c->seg[regs[n]];
		if (attr_is_code(s->attr) && attr_conforming(s->attr))
			continue;
		if ((s->attr & ATTR_P) && attr_dpl(s->attr) < c->cpl)
			*s = (struct segreg){ .sel = 0 };
	}
}

/* ---- LDTR and TR ---- */

/* System descriptor of `want` types into reg. */
static bool load_system(struct cpu *c, unsigned sr, uint16_t sel, uint64_t d, int vec, unsigned ext)
{
	struct segreg s = desc_to_seg(sel, d);
	if (cpu_long(c)) {
		uint64_t high;
		if (!desc_read_high(c, sel, vec, ext, &high))
			return false;
		s.base |= high << 32;
		if (!paging_canonical(s.base))
			return raise_sel(c, vec, sel, ext);
	}
	c->seg[sr] = s;
	return true;
}

bool seg_load_ldt(struct cpu *c, uint16_t sel, int vec, unsigned ext)
{
	uint64_t d;
	if (sel_null(sel)) {
		c->seg[SEG_LDTR] = (struct segreg){ .sel = sel };
		return true;
	}
	if (sel & SEL_TI)
		return raise_sel(c, vec, sel, ext);
	if (!desc_read(c, sel, vec, ext, &d))
		return false;
	unsigned a = desc_attr(d);
	if ((a & (ATTR_S | ATTR_TYPE)) != SYS_LDT)
		return raise_sel(c, vec, sel, ext);
	if (!(a & ATTR_P))
		return raise_sel(c, vec == EXC_TS ? EXC_TS : EXC_NP, sel, ext);
	return load_system(c, SEG_LDTR, sel, d, vec, ext);
}

bool seg_load_tr(struct cpu *c, uint16_t sel)
{
	uint64_t d;
	if (sel_null(sel))
		return cpu_raise_err(c, EXC_GP, 0);
	if (sel & SEL_TI)
		return raise_sel(c, EXC_GP, sel, 0);
	if (!desc_read(c, sel, EXC_GP, 0, &d))
		return false;
	unsigned a = desc_attr(d), type = a & (ATTR_S | ATTR_TYPE);
	if (type != SYS_TSS32 && (type != SYS_TSS16 || cpu_long(c)))
		return raise_sel(c, EXC_GP, sel, 0);
	if (!(a & ATTR_P))
		return raise_sel(c, EXC_NP, sel, 0);
	struct segreg old = c->seg[SEG_TR];
	if (!load_system(c, SEG_TR, sel, d, EXC_GP, 0))
		return false;
	if (!desc_write_type(c, sel, 0, SYS_BUSY)) {
		c->seg[SEG_TR] = old;
		return false;
	}
	c->seg[SEG_TR].attr |= SYS_BUSY;
	return true;
}

/* ---- accesses through segments ---- */

bool seg_in_limit(const struct segreg *s, uint64_t off, unsigned size)
{
	uint64_t last = off + size - 1;
	if (attr_is_data(s->attr) && (s->attr & TYPE_CONFORM))
		return off > s->limit && last <= (s->attr & ATTR_DB ? 0xffffffffu : 0xffffu);
	return last <= s->limit;
}

static bool rights_ok(const struct segreg *s, unsigned access)
{
	if (!(s->attr & ATTR_P))
		return false;
	if (attr_is_code(s->attr))
		return !(access & MEM_W) && (s->attr & TYPE_WRITE || !(access & MEM_R));
	return !(access & MEM_W) || (s->attr & TYPE_WRITE);
}

bool seg_check(struct cpu *c, const struct insn *i, unsigned sg, uint64_t off, unsigned size, unsigned access, uint64_t *lin)
{
	const struct segreg *s = &c->seg[sg];
	int vec = sg == SEG_SS || sg == SEG_NULL_SS ? EXC_SS : EXC_GP;
	c->cur = i;
	if (c->mode & M_CS64) {
		*lin = off + (sg == SEG_FS || sg == SEG_GS ? s->base : 0);
		if (likely(paging_canonical(*lin) && paging_canonical(*lin + size - 1)))
			return true;
		return cpu_raise_err(c, vec, 0);
	}
	if (sg >= SEG_NULL) {
		*lin = (uint32_t)off;
		return true;
	}
	if (unlikely(!seg_in_limit(s, off, size)) || ((c->mode & M_PE) && unlikely(!rights_ok(s, access))))
		return cpu_raise_err(c, vec, 0);
	*lin = (uint32_t)(s->base + off);
	return true;
}

/* ---- the stack ---- */

static uint64_t sp_mask(const struct cpu *c)
{
	return c->mode & M_CS64 ? ~UINT64_C(0) : c->mode & M_SS32 ? 0xffffffffu : 0xffffu;
}

static void set_sp(struct cpu *c, uint64_t sp, uint64_t mask)
{
	if (mask == 0xffff)
		*reg16(c, RSP) = (uint16_t)sp;
	else
		c->regs[RSP] = sp & mask;
}

static bool stack_lin(struct cpu *c, const struct insn *i, uint64_t sp, unsigned size, unsigned access, uint64_t *lin)
{
	if (c->mode & M_CS64) {
		*lin = sp;
		if (likely(paging_canonical(sp) && paging_canonical(sp + size - 1)))
			return true;
		c->cur = i;
		return cpu_raise_err(c, EXC_SS, 0);
	}
	if ((c->mode & (M_FLAT | M_SS32)) == (M_FLAT | M_SS32)) {
		*lin = sp;
		return true;
	}
	return seg_check(c, i, SEG_SS, sp, size, access, lin);
}

bool stack_push(struct cpu *c, const struct insn *i, unsigned size, uint64_t v)
{
	uint64_t mask = sp_mask(c), sp = (c->regs[RSP] - size) & mask, lin;
	if (!stack_lin(c, i, sp, size, MEM_W, &lin) || !mem_write_bytes(c, i, lin, &v, size))
		return false;
	set_sp(c, sp, mask);
	return true;
}

bool stack_pop(struct cpu *c, const struct insn *i, unsigned size, uint64_t *v)
{
	uint64_t mask = sp_mask(c), lin, val = 0;
	if (!stack_lin(c, i, c->regs[RSP] & mask, size, MEM_R, &lin) || !mem_read_bytes(c, i, lin, &val, size))
		return false;
	*v = val;
	set_sp(c, c->regs[RSP] + size, mask);
	return true;
}

bool stack_peek(struct cpu *c, unsigned pos, unsigned size, uint64_t *v)
{
	uint64_t lin, val = 0;
	const struct insn *cur = c->cur;
	if (!stack_lin(c, cur, (c->regs[RSP] + pos) & sp_mask(c), size, MEM_R, &lin) || !mem_read_bytes(c, cur, lin, &val, size))
		return false;
	*v = val;
	return true;
}

void stack_add(struct cpu *c, uint64_t n) { set_sp(c, c->regs[RSP] + n, sp_mask(c)); }

/* ---- frames on a stack that is not in use yet ---- */

struct frame frame_current(const struct cpu *c, unsigned ext)
{
	return (struct frame){ .ss = c->seg[SEG_SS], .sp = c->regs[RSP], .mask = sp_mask(c), .cpl = c->cpl, .flat = (c->mode & M_CS64) != 0, .err = ext };
}

bool frame_push(struct cpu *c, struct frame *f, unsigned size, uint64_t v)
{
	uint64_t sp = (f->sp - size) & f->mask, lin = sp;
	if (f->flat) {
		if (!paging_canonical(sp) || !paging_canonical(sp + size - 1))
			return cpu_raise_err(c, EXC_SS, f->err);
	} else {
		if (!seg_in_limit(&f->ss, sp, size) || !(f->ss.attr & ATTR_P))
			return cpu_raise_err(c, EXC_SS, f->err);
		lin = (uint32_t)(f->ss.base + sp);
	}
	if (!mmu_write(c, lin, &v, size, MEM_W | (f->cpl < 3 ? MEM_SYSTEM : 0)))
		return false;
	f->sp = sp;
	return true;
}

void frame_commit_sp(struct cpu *c, const struct frame *f) { set_sp(c, f->sp, f->mask); }

bool tss_stack(struct cpu *c, unsigned cpl, unsigned ext, struct frame *f)
{
	const struct segreg *tr = &c->seg[SEG_TR];
	bool is32 = attr_type(tr->attr) & 8;
	unsigned at = is32 ? 4 + cpl * 8 : 2 + cpl * 4, last = at + (is32 ? 5 : 3);
	uint32_t sp = 0;
	uint16_t sel = 0;
	if (!(tr->attr & ATTR_P) || last > tr->limit)
		return raise_sel(c, EXC_TS, tr->sel, ext);
	if (!mmu_read(c, tr->base + at, &sp, is32 ? 4 : 2, MEM_R | MEM_SYSTEM) ||
	    !mmu_read(c, tr->base + at + (is32 ? 4 : 2), &sel, 2, MEM_R | MEM_SYSTEM))
		return false;
	if (!seg_check_stack(c, sel, cpl, EXC_TS, ext, &f->ss))
		return false;
	f->sp = sp;
	f->mask = f->ss.attr & ATTR_DB ? 0xffffffffu : 0xffffu;
	f->cpl = cpl;
	f->flat = false;
	f->err = (sel & ~3u) | ext;
	return true;
}

bool tss_rsp(struct cpu *c, unsigned n, unsigned ext, uint64_t *rsp)
{
	const struct segreg *tr = &c->seg[SEG_TR];
	unsigned at = n <= 2 ? 4 + n * 8 : 36 + (n - 4) * 8;    /* RSP0 at 4, IST1 at 36; SDM 3, figure 8-11 */
	if (!(tr->attr & ATTR_P) || at + 7 > tr->limit)
		return raise_sel(c, EXC_TS, tr->sel, ext);
	if (!mmu_read(c, tr->base + at, rsp, 8, MEM_R | MEM_SYSTEM))
		return false;
	return paging_canonical(*rsp) || cpu_raise_err(c, EXC_SS, ext);
}
