/* msr.c - model-specific registers, by table.  Ref: SDM 4; APM 2, appendix A.  Unknown ones are #GP. */
#include "core/cpu/cpuid.h"
#include "core/cpu/mmu.h"
#include "core/cpu/sys.h"
#include "core/machine/machine.h"

uint64_t cpu_tsc(struct cpu *c)
{
	_Static_assert(TSC_HZ == NS_PER_SEC, "one tick a nanosecond");
	uint64_t now = (uint64_t)clock_now(&c->machine->clock);
	if (unlikely(clock_late(&c->machine->clock)))
		cpu_saw_clock(c);
	return now + c->tsc_offset;
}

bool cpu_wrmsr_efer(struct cpu *c, uint64_t v)
{
	uint64_t ok = (cpu_has(c, CF_SYSCALL) ? EFER_SCE : 0) | (cpu_has(c, CF_LM) ? EFER_LME | EFER_LMA : 0) | (cpu_has(c, CF_NX) ? EFER_NXE : 0);
	if ((v & ~ok) || (((v ^ c->efer) & EFER_LME) && (c->cr0 & CR0_PG)))
		return false;
	v = (v & ~(uint64_t)EFER_LMA) | (c->efer & EFER_LMA);
	if ((v ^ c->efer) & EFER_NXE)
		mmu_flush(c, true);
	c->efer = v;
	return true;
}

enum msr_flags { M_CANONICAL = 1, M_LOW32 = 2, M_CONST = 4 /* reads `value`, writes ignored */, M_READONLY = 8 /* writes #GP */ };
struct msr { uint32_t first, count; uint32_t flags; size_t offset; uint64_t value, allowed; };

#define REG(msr, field, ok)         { msr, 1, 0, offsetof(struct cpu, field), 0, ok }
#define REG_F(msr, field, fl)       { msr, 1, fl, offsetof(struct cpu, field), 0, ~UINT64_C(0) }
#define REGS(msr, n, field)         { msr, n, 0, offsetof(struct cpu, field), 0, ~UINT64_C(0) }
#define FIXED_AT(msr, n, val)       { msr, n, M_CONST, 0, val, 0 }
#define READONLY(msr, val)          { msr, 1, M_READONLY, 0, val, 0 }
enum { MCG_BANKS = 10 };

static const struct msr table[] = {
	FIXED_AT(0x00000017, 1, 0),                             /* platform id */
	FIXED_AT(0x0000008b, 1, UINT64_C(1) << 32),             /* microcode revision */
	FIXED_AT(0x00000079, 1, 0),                             /* microcode update trigger */
	READONLY(0x000000fe, 8 | 1 << 8 | 1 << 10),             /* MTRRcap: 8 variable, fixed, write combining */
	REG_F(0x00000174, sysenter_cs, M_LOW32),
	REG_F(0x00000175, sysenter_esp, M_CANONICAL),
	REG_F(0x00000176, sysenter_eip, M_CANONICAL),
	READONLY(0x00000179, MCG_BANKS | 1 << 8 | 1 << 24),     /* MCG_CAP: MCG_CTL present, software error recovery */
	REG(0x0000017a, mcg_status, 7),
	REG(0x0000017b, mcg_ctl, ~UINT64_C(0)),
	FIXED_AT(0x00000186, 4, 0),                             /* performance event selects: none counts */
	READONLY(0x00000198, 0),                                /* performance status */
	FIXED_AT(0x0000019a, 3, 0),                             /* thermal control and status */
	REG(0x000001a0, misc_enable, ~UINT64_C(0)),
	FIXED_AT(0x000001a2, 1, 0x00640000),                    /* temperature target */
	REG(0x000001d9, debugctl, 0x3),
	READONLY(0x000001db, 0), READONLY(0x000001dc, 0), READONLY(0x000001dd, 0), READONLY(0x000001de, 0),
	{ 0x00000250, 1, 0, offsetof(struct cpu, mtrr_fix[0]), 0, ~UINT64_C(0) },
	{ 0x00000258, 2, 0, offsetof(struct cpu, mtrr_fix[1]), 0, ~UINT64_C(0) },
	{ 0x00000268, 8, 0, offsetof(struct cpu, mtrr_fix[3]), 0, ~UINT64_C(0) },
	REG(0x000002ff, mtrr_def, 0xcff),
	REG_F(0xc0000081, star, 0),
	REG_F(0xc0000082, lstar, M_CANONICAL),
	REG_F(0xc0000083, cstar, M_CANONICAL),
	REG_F(0xc0000084, sfmask, M_LOW32),
	REG_F(0xc0000100, seg[SEG_FS].base, M_CANONICAL),
	REG_F(0xc0000101, seg[SEG_GS].base, M_CANONICAL),
	REG_F(0xc0000102, kernel_gs_base, M_CANONICAL),
	REG_F(0xc0000103, tsc_aux, M_LOW32),
	/* AMD's: what guests of family 0Fh read without expecting a fault. */
	FIXED_AT(0xc0010000, 8, 0),                             /* performance counters */
	FIXED_AT(0xc0010010, 1, 0), FIXED_AT(0xc0010015, 1, 0),         /* SYSCFG, HWCR */
	FIXED_AT(0xc0010016, 4, 0), FIXED_AT(0xc001001a, 1, 0), FIXED_AT(0xc001001d, 1, 0),     /* IORR, TOP_MEM */
	FIXED_AT(0xc001001f, 1, 0), FIXED_AT(0xc0010055, 1, 0), FIXED_AT(0xc0010058, 1, 0),     /* NB_CFG, interrupt pending, MMIO config */
	FIXED_AT(0xc0010112, 2, 0), FIXED_AT(0xc0010117, 1, 0),         /* SMM, VM_HSAVE_PA */
	FIXED_AT(0xc0010140, 2, 0), FIXED_AT(0xc0011029, 1, 0),         /* OS-visible work-arounds, DE_CFG */
};

static const struct msr *find(uint32_t n)
{
	for (unsigned k = 0; k < sizeof(table) / sizeof(table[0]); k++)
		if (n - table[k].first < table[k].count)
			return &table[k];
	return NULL;
}

static bool unknown(struct cpu *c, const char *what, uint32_t n)
{
	if (log_on(c->machine, LOG_GUEST_ERRORS))
		log_printf(c->machine, "CPU %u: %s of unknown MSR %#x at %#llx\n", c->index, what, n, (unsigned long long)(c->cur ? c->rip : 0));
	return false;
}

/* Registers that are arrays of pairs or banks, or the local APIC's.  *done: the MSR was one of them. */
static uint64_t *indexed(struct cpu *c, uint32_t n)
{
	if (n - 0x200 < 16)
		return n & 1 ? &c->mtrr_mask[(n - 0x200) / 2] : &c->mtrr_base[(n - 0x200) / 2];
	if (n - 0x400 < 4 * MCG_BANKS) {
		unsigned bank = (n - 0x400) / 4;
		if ((n & 3) == 0)
			return &c->mc_ctl[bank];
		if ((n & 3) == 1)
			return &c->mc_status[bank];
	}
	return NULL;
}

static bool is_apic(uint32_t n) { return n == 0x1b || n == 0x6e0 || (n >= 0x800 && n <= 0x8ff); }

bool cpu_rdmsr(struct cpu *c, uint32_t n, uint64_t *val)
{
	const uint64_t *p = indexed(c, n);
	if (p) {
		*val = *p;
		return true;
	}
	if (is_apic(n))
		return c->apic_ops && c->apic_ops->rdmsr(c->apic, n, val);
	switch (n) {
	case 0x10:       *val = cpu_tsc(c); return true;
	case 0x3b:       *val = c->tsc_adjust; return cpu_has(c, CF_TSC_ADJUST);
	case 0x48:       *val = c->msr_spec_ctrl; return cpu_has(c, CF_SPEC_CTRL);
	case 0xe7:                              /* MPERF, APERF: running at full speed */
	case 0xe8:       *val = cpu_tsc(c); return true;
	case 0x10a:      *val = c->cpuid->word[W_ARCH_CAP]; return cpu_has(c, CF_ARCH_CAP);
	case 0x277:      *val = c->pat; return true;
	case 0xc0000080: *val = c->efer; return true;
	}
	if (n - 0x400 < 4 * MCG_BANKS) {        /* ADDR, MISC of a bank */
		*val = 0;
		return true;
	}
	const struct msr *m = find(n);
	if (!m)
		return unknown(c, "read", n);
	*val = m->flags & (M_CONST | M_READONLY) ? m->value : ((uint64_t *)(void *)((char *)c + m->offset))[n - m->first];
	return true;
}

static bool write_pat(struct cpu *c, uint64_t v)
{
	for (unsigned k = 0; k < 8; k++) {
		unsigned type = (unsigned)(v >> (8 * k)) & 0xff;
		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	c->pat = v;
	return true;
}

/* A write of the counter moves IA32_TSC_ADJUST as far, and the other way round: SDM 3, 17.17.3.  What a reset does to the counter does not: firmware would be at fault then. */
static bool move_tsc(struct cpu *c, uint64_t by)
{
	c->tsc_offset += by;
	c->tsc_adjust += by;
	return true;
}

bool cpu_wrmsr(struct cpu *c, uint32_t n, uint64_t v)
{
	uint64_t *p = indexed(c, n);
	if (p) {
		if (n >= 0x400 && (n & 3) == 1 && v)
			return false;                   /* MCi_STATUS takes only 0 */
		*p = v;
		return true;
	}
	if (is_apic(n))
		return c->apic_ops && c->apic_ops->wrmsr(c->apic, n, v);
	switch (n) {
	case 0x10:       move_tsc(c, v - cpu_tsc(c)); return true;
	case 0x3b:       return cpu_has(c, CF_TSC_ADJUST) && move_tsc(c, v - c->tsc_adjust);
	case 0x48:       c->msr_spec_ctrl = v & 7; return cpu_has(c, CF_SPEC_CTRL) && v <= 7;
	case 0x49:       return v <= 1;         /* prediction barrier */
	case 0x277:      return write_pat(c, v);
	case 0xc0000080: return cpu_wrmsr_efer(c, v);
	}
	if (n - 0x400 < 4 * MCG_BANKS)
		return v == 0;
	const struct msr *m = find(n);
	if (!m)
		return unknown(c, "write", n);
	if (m->flags & M_CONST)
		return true;
	if ((m->flags & M_READONLY) || (v & ~m->allowed))
		return false;
	if ((m->flags & M_CANONICAL) && !paging_canonical(v))
		return false;
	((uint64_t *)(void *)((char *)c + m->offset))[n - m->first] = m->flags & M_LOW32 ? (uint32_t)v : v;
	return true;
}
