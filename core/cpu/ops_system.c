/* ops_system.c - control and debug registers, table registers, MSRs, counters, TLB control.  Ref: SDM 2, instruction pages; SDM 3, 2.5. */
#include "core/cpu/ops_system.h"
#include "core/cpu/cpuid.h"
#include "core/cpu/debugreg.h"
#include "core/cpu/mmu.h"
#include "core/cpu/ops.h"
#include "core/cpu/sys.h"

/* ---- CR0, CR3, CR4, CR8 ---- */

static bool gp0(struct cpu *c) { return cpu_raise_err(c, EXC_GP, 0); }

/* Long mode begins or ends with CR0.PG: SDM 3, 9.8.5. */
static bool toggle_paging(struct cpu *c, bool on)
{
	if (on) {
		if (c->efer & EFER_LME) {
			if (!(c->cr4 & CR4_PAE) || (c->seg[SEG_CS].attr & ATTR_L))
				return gp0(c);
			c->efer |= EFER_LMA;
		}
		return true;
	}
	if ((c->mode & M_CS64) || (c->cr4 & CR4_PCIDE))
		return gp0(c);
	c->efer &= ~(uint64_t)EFER_LMA;
	return true;
}

static bool write_cr0(struct cpu *c, uint64_t v)
{
	enum { BITS = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD };
	if (v >> 32 || ((v & CR0_PG) && !(v & CR0_PE)) || ((v & CR0_NW) && !(v & CR0_CD)))
		return gp0(c);
	v = (v & (BITS | (uint64_t)CR0_PG)) | CR0_ET;
	uint64_t changed = v ^ c->cr0;
	bool pae32 = (v & CR0_PG) && (c->cr4 & CR4_PAE) && !(c->efer & EFER_LME);
	if (pae32 && (changed & ((uint64_t)CR0_PG | CR0_CD | CR0_NW)) && !paging_load_pdptes(c, c->cr3))
		return gp0(c);
	if ((changed & CR0_PG) && !toggle_paging(c, v & CR0_PG))
		return false;
	c->cr0 = v;
	if (changed & ((uint64_t)CR0_PG | CR0_PE | CR0_WP))
		mmu_flush(c, true);
	return true;
}

static bool write_cr3(struct cpu *c, uint64_t v)
{
	if (cpu_long(c)) {
		uint64_t keep = c->cr4 & CR4_PCIDE ? UINT64_C(1) << 63 : 0;
		if ((v & ~keep) >> PHYS_BITS)
			return gp0(c);
	} else {
		v = (uint32_t)v;
		if ((c->cr0 & CR0_PG) && (c->cr4 & CR4_PAE) && !paging_load_pdptes(c, v))
			return gp0(c);
	}
	mmu_set_cr3(c, v);
	return true;
}

static uint64_t cr4_allowed(const struct cpu *c)
{
	static const struct { uint32_t bit; enum cpuid_feature f; } t[] = {
		{ CR4_VME | CR4_PVI, CF_VME }, { CR4_TSD, CF_TSC }, { CR4_DE, CF_DE }, { CR4_PSE, CF_PSE }, { CR4_PAE, CF_PAE },
		{ CR4_MCE, CF_MCE }, { CR4_PGE, CF_PGE }, { CR4_OSFXSR, CF_FXSR }, { CR4_OSXMMEXCPT, CF_SSE }, { CR4_UMIP, CF_UMIP },
		{ CR4_FSGSBASE, CF_FSGSBASE }, { CR4_PCIDE, CF_PCID }, { CR4_OSXSAVE, CF_XSAVE }, { CR4_SMEP, CF_SMEP }, { CR4_SMAP, CF_SMAP },
	};
	uint64_t ok = CR4_PCE;
	for (unsigned n = 0; n < sizeof(t) / sizeof(t[0]); n++)
		if (cpu_has(c, t[n].f))
			ok |= t[n].bit;
	return ok;
}

static bool write_cr4(struct cpu *c, uint64_t v)
{
	enum { PAGING = CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP };
	uint64_t changed = v ^ c->cr4;
	if (v & ~cr4_allowed(c))
		return gp0(c);
	if (cpu_long(c) && !(v & CR4_PAE))
		return gp0(c);
	if ((changed & v & CR4_PCIDE) && (!cpu_long(c) || (c->cr3 & 0xfff)))
		return gp0(c);
	bool pae32 = (v & CR4_PAE) && (c->cr0 & CR0_PG) && !cpu_long(c);
	if (pae32 && (changed & (CR4_PSE | CR4_PAE | CR4_PGE | CR4_SMEP)) && !paging_load_pdptes(c, c->cr3))
		return gp0(c);
	c->cr4 = v;
	if (changed & PAGING)
		mmu_flush(c, true);
	return true;
}

bool cr_write(struct cpu *c, unsigned n, uint64_t v)
{
	switch (n) {
	case 0: return write_cr0(c, v);
	case 2: c->cr2 = v; return true;
	case 3: return write_cr3(c, v);
	case 4: return write_cr4(c, v);
	default:
		if (v > 15)
			return gp0(c);
		if (c->apic_ops)
			c->apic_ops->set_tpr(c->apic, (uint8_t)v);
		return true;
	}
}

static bool cr_exists(const struct cpu *c, unsigned n)
{
	return n == 0 || n == 2 || n == 3 || n == 4 || (n == 8 && (c->mode & M_CS64));
}

static void put_reg(struct cpu *c, const struct insn *i, uint64_t v)
{
	c->regs[i->rm] = c->mode & M_CS64 ? v : (uint32_t)v;
}

static uint64_t get_reg(const struct cpu *c, const struct insn *i)
{
	return c->mode & M_CS64 ? c->regs[i->rm] : (uint32_t)c->regs[i->rm];
}

const struct insn *op_mov_rc(struct cpu *c, const struct insn *i)
{
	if (!cr_exists(c, i->reg))
		RAISE(c, i, EXC_UD);
	REQUIRE_CPL0(c, i);
	switch (i->reg) {
	case 0: put_reg(c, i, c->cr0); break;
	case 2: put_reg(c, i, c->cr2); break;
	case 3: put_reg(c, i, c->cr3); break;
	case 4: put_reg(c, i, c->cr4); break;
	default: put_reg(c, i, c->apic_ops ? c->apic_ops->get_tpr(c->apic) : 0); break;
	}
	NEXT(c, i);
}

const struct insn *op_mov_cr(struct cpu *c, const struct insn *i)
{
	if (!cr_exists(c, i->reg))
		RAISE(c, i, EXC_UD);
	REQUIRE_CPL0(c, i);
	TRY(c, i, cr_write(c, i->reg, get_reg(c, i)));
	cpu_update_mode(c);
	LEAVE_NEXT(c, i);
}

const struct insn *op_clts(struct cpu *c, const struct insn *i)
{
	REQUIRE_CPL0(c, i);
	c->cr0 &= ~(uint64_t)CR0_TS;
	cpu_update_mode(c);
	LEAVE_NEXT(c, i);
}

const struct insn *op_smsw(struct cpu *c, const struct insn *i)
{
	REQUIRE_UMIP(c, i);
	if (i->rm == RM_MEM) {
		TRY(c, i, put_e16(c, i, (uint16_t)c->cr0));
	} else if (i->flags & I_O16) {
		*reg16(c, i->rm) = (uint16_t)c->cr0;
	} else {
		c->regs[i->rm] = (uint32_t)c->cr0;
	}
	NEXT(c, i);
}

const struct insn *op_lmsw(struct cpu *c, const struct insn *i)
{
	uint16_t v;
	REQUIRE_CPL0(c, i);
	TRY(c, i, get_e16(c, i, &v));
	/* Only PE, MP, EM and TS; PE can be set but not cleared. */
	TRY(c, i, write_cr0(c, (c->cr0 & ~UINT64_C(0xe)) | (v & 0xf)));
	cpu_update_mode(c);
	LEAVE_NEXT(c, i);
}

/* ---- debug registers ---- */

/* Which register n means; false: #UD or #DB recorded. */
static bool debug_reg(struct cpu *c, unsigned *n)
{
	if (*n >= 8)
		return cpu_raise(c, EXC_UD);
	if (*n == 4 || *n == 5) {
		if (c->cr4 & CR4_DE)
			return cpu_raise(c, EXC_UD);
		*n += 2;
	}
	if (c->cpl)
		return gp0(c);
	if (c->dr[7] & DR7_GD) {
		c->dr[7] &= ~(uint64_t)DR7_GD;
		c->dr[6] |= DR6_BD;
		return cpu_raise(c, EXC_DB);
	}
	return true;
}

const struct insn *op_mov_rd(struct cpu *c, const struct insn *i)
{
	unsigned n = i->reg;
	TRY(c, i, debug_reg(c, &n));
	put_reg(c, i, n == 6 ? (c->dr[6] | DR6_FIXED) : c->dr[n]);
	NEXT(c, i);
}

const struct insn *op_mov_dr(struct cpu *c, const struct insn *i)
{
	unsigned n = i->reg;
	uint64_t v = get_reg(c, i);
	TRY(c, i, debug_reg(c, &n));
	if (n >= 6 && v >> 32)
		RAISE_ERR(c, i, EXC_GP, 0);
	if (n == 7)
		debug_set_dr7(c, v);
	else if (n == 6)
		c->dr[6] = v & 0xe00f;
	else if (c->dr[n] != v) {
		c->dr[n] = v;
		if (c->dr[7] & 0xff)
			mmu_flush(c, true);
	}
	LEAVE_NEXT(c, i);
}

/* ---- descriptor-table registers ---- */

static bool store_table(struct cpu *c, const struct insn *i, const struct dtreg *t)
{
	uint64_t lin;
	uint8_t buf[10];
	unsigned size = c->mode & M_CS64 ? 10 : 6;
	memcpy(buf, &t->limit, 2);
	memcpy(buf + 2, &t->base, 8);
	return ea_linear(c, i, size, MEM_W, &lin) && mem_write_bytes(c, i, lin, buf, size);
}

static bool load_table(struct cpu *c, const struct insn *i, struct dtreg *t)
{
	uint64_t lin;
	uint8_t buf[10] = { 0 };
	struct dtreg n;
	unsigned size = c->mode & M_CS64 ? 10 : 6;
	if (!ea_linear(c, i, size, MEM_R, &lin) || !mem_read_bytes(c, i, lin, buf, size))
		return false;
	memcpy(&n.limit, buf, 2);
	memcpy(&n.base, buf + 2, 8);
	if (size == 6)
		n.base = (uint32_t)n.base;
	if (size == 6 && (i->flags & I_O16))
		n.base &= 0xffffff;
	if (size == 10 && !paging_canonical(n.base))
		return gp0(c);
	*t = n;
	return true;
}

const struct insn *op_sgdt(struct cpu *c, const struct insn *i)
{
	REQUIRE_UMIP(c, i);
	TRY(c, i, store_table(c, i, &c->gdtr));
	NEXT(c, i);
}
const struct insn *op_sidt(struct cpu *c, const struct insn *i)
{
	REQUIRE_UMIP(c, i);
	TRY(c, i, store_table(c, i, &c->idtr));
	NEXT(c, i);
}
const struct insn *op_lgdt(struct cpu *c, const struct insn *i)
{
	REQUIRE_CPL0(c, i);
	TRY(c, i, load_table(c, i, &c->gdtr));
	NEXT(c, i);
}
const struct insn *op_lidt(struct cpu *c, const struct insn *i)
{
	REQUIRE_CPL0(c, i);
	TRY(c, i, load_table(c, i, &c->idtr));
	NEXT(c, i);
}

/* ---- caches and TLB ---- */

const struct insn *op_invd(struct cpu *c, const struct insn *i)
{
	REQUIRE_CPL0(c, i);
	NEXT(c, i);
}

const struct insn *op_invlpg(struct cpu *c, const struct insn *i)
{
	REQUIRE_CPL0(c, i);
	/* No segment checks are made, and no fault comes of the address; non-canonical ones do nothing. */
	uint64_t lin = (c->seg[i->sg].base + ea_offset(c, i)) & c->lin_mask;
	if (!(c->mode & M_CS64) || paging_canonical(lin))
		mmu_flush_page(c, lin);
	LEAVE_NEXT(c, i);
}

const struct insn *op_invpcid(struct cpu *c, const struct insn *i)
{
	uint64_t lin, desc[2], type = c->mode & M_CS64 ? c->regs[i->reg] : (uint32_t)c->regs[i->reg];
	if (c->eflags_sys & FL_VM)
		RAISE(c, i, EXC_UD);
	REQUIRE_CPL0(c, i);
	TRY(c, i, ea_linear(c, i, 16, MEM_R, &lin) && mem_read_bytes(c, i, lin, desc, 16));
	bool bad = type > 3 || (type <= 1 && (desc[0] >> 12 || ((desc[0] & 0xfff) && !(c->cr4 & CR4_PCIDE)))) ||
		   (type == 0 && !paging_canonical(desc[1]));
	if (bad)
		RAISE_ERR(c, i, EXC_GP, 0);
	mmu_invpcid(c, (unsigned)type, desc[0] & 0xfff, desc[1]);
	LEAVE_NEXT(c, i);
}

/* ---- counters, MSRs, CPUID ---- */

static void put_edx_eax(struct cpu *c, uint64_t v)
{
	c->regs[RAX] = (uint32_t)v;
	c->regs[RDX] = v >> 32;
}

static uint64_t get_edx_eax(const struct cpu *c) { return (uint32_t)c->regs[RAX] | c->regs[RDX] << 32; }

const struct insn *op_rdtsc(struct cpu *c, const struct insn *i)
{
	if ((c->cr4 & CR4_TSD) && c->cpl)
		RAISE_ERR(c, i, EXC_GP, 0);
	put_edx_eax(c, cpu_tsc(c));
	NEXT(c, i);
}

const struct insn *op_rdtscp(struct cpu *c, const struct insn *i)
{
	if ((c->cr4 & CR4_TSD) && c->cpl)
		RAISE_ERR(c, i, EXC_GP, 0);
	put_edx_eax(c, cpu_tsc(c));
	c->regs[RCX] = (uint32_t)c->tsc_aux;
	NEXT(c, i);
}

const struct insn *op_rdpid(struct cpu *c, const struct insn *i)
{
	put_reg(c, i, c->tsc_aux);
	NEXT(c, i);
}

/* No performance counters (CPUID leaf 0Ah says so): every index is out of range. */
const struct insn *op_rdpmc(struct cpu *c, const struct insn *i) { RAISE_ERR(c, i, EXC_GP, 0); }

const struct insn *op_rdmsr(struct cpu *c, const struct insn *i)
{
	uint64_t v;
	REQUIRE_CPL0(c, i);
	if (!cpu_rdmsr(c, (uint32_t)c->regs[RCX], &v))
		RAISE_ERR(c, i, EXC_GP, 0);
	put_edx_eax(c, v);
	LEAVE_NEXT(c, i);
}

const struct insn *op_wrmsr(struct cpu *c, const struct insn *i)
{
	REQUIRE_CPL0(c, i);
	if (!cpu_wrmsr(c, (uint32_t)c->regs[RCX], get_edx_eax(c)))
		RAISE_ERR(c, i, EXC_GP, 0);
	cpu_update_mode(c);
	LEAVE_NEXT(c, i);
}

const struct insn *op_cpuid(struct cpu *c, const struct insn *i)
{
	struct cpuid_result r = cpu_cpuid(c, (uint32_t)c->regs[RAX], (uint32_t)c->regs[RCX]);
	c->regs[RAX] = r.eax;
	c->regs[RBX] = r.ebx;
	c->regs[RCX] = r.ecx;
	c->regs[RDX] = r.edx;
	NEXT(c, i);
}

/* ---- SMAP ---- */

static bool set_ac(struct cpu *c, bool on)
{
	if (c->cpl)
		return cpu_raise(c, EXC_UD);
	c->eflags_sys = on ? c->eflags_sys | FL_AC : c->eflags_sys & ~(uint32_t)FL_AC;
	cpu_update_mode(c);
	return true;
}
const struct insn *op_clac(struct cpu *c, const struct insn *i) { TRY(c, i, set_ac(c, false)); LEAVE_NEXT(c, i); }
const struct insn *op_stac(struct cpu *c, const struct insn *i) { TRY(c, i, set_ac(c, true)); LEAVE_NEXT(c, i); }
