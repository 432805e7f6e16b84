/* cpu.c - life of a virtual CPU: creation, reset, INIT, mode, EFLAGS, requests, saved state. */
#include "core/cpu/cpu.h"
#include "core/cpu/cpuid.h"
#include "core/cpu/debugreg.h"
#include "core/cpu/event.h"
#include "core/cpu/fp.h"
#include "core/cpu/mmu.h"
#include "core/cpu/sys.h"
#include "core/cpu/topology.h"
#include "core/cpu/vcpu.h"
#include "core/jit/jit.h"
#include "core/machine/error.h"
#include "core/machine/machine.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct cpu *cpu_create(struct machine *m, unsigned index, const char *model, struct error *err)
{
	struct cpu *c = mmap(NULL, sizeof *c, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);     /* translated code is to lie near it */
	if (c == MAP_FAILED) {
		error_set(err, "out of memory for CPU %u", index);
		return NULL;
	}
	c->machine = m;
	struct topology t = topology_of(m->opt);
	c->index = index;
	c->apic_id = topology_apic_id(&t, index);
	if (!cpuid_select(c, model, err)) {
		cpu_destroy(c);
		return NULL;
	}
	if (!mmu_create(c) || !engine_create(c)) {
		error_set(err, "out of memory for CPU %u", index);
		cpu_destroy(c);
		return NULL;
	}
	cpu_reset(c);
	return c;
}

void cpu_destroy(struct cpu *c)
{
	if (c->engine)
		engine_destroy(c);
	mmu_destroy(c);
	free(c->cpuid);
	munmap(c, sizeof *c);
}

/* ---- reset ---- */

/* What RESET# and INIT# have in common: SDM 3, table 9-1. */
static void reset_common(struct cpu *c)
{
	uint32_t sig = cpu_cpuid(c, 1, 0).eax;
	memset(c->regs, 0, sizeof(c->regs));
	c->regs[RDX] = sig;
	c->cr2 = c->cr3 = c->cr4 = c->efer = 0;
	for (unsigned n = 0; n < 6; n++)
		c->seg[n] = seg_real(0);
	c->seg[SEG_CS] = (struct segreg){ .base = 0xffff0000, .limit = 0xffff, .sel = 0xf000, .attr = ATTR_P | ATTR_S | TYPE_CODE | TYPE_WRITE | TYPE_ACCESSED };
	c->seg[SEG_LDTR] = (struct segreg){ .limit = 0xffff, .attr = ATTR_P | SYS_LDT };
	c->seg[SEG_TR] = (struct segreg){ .limit = 0xffff, .attr = ATTR_P | SYS_TSS32_BUSY };
	c->gdtr = c->idtr = (struct dtreg){ .limit = 0xffff };
	c->rip = 0xfff0;
	c->cpl = 0;
	c->eflags_sys = 0;
	arith_set(c, 0);
	c->df_step = 1;
	memset(c->dr, 0, sizeof(c->dr));
	c->dr[7] = DR7_FIXED;
	c->dr6_pending = 0;
	c->exc_pending = c->shadow = c->nmi_blocked = 0;
	c->cur = NULL;
	bool boot = c->index == 0;              /* the others wait for a start-up message */
	c->run_state = boot ? CPU_RUNNING : CPU_WAIT_SIPI;
	mmu_flush(c, true);
	cpu_update_mode(c);
}

void cpu_reset(struct cpu *c)
{
	cpu_clear(c, ~(uint32_t)(REQ_STOP | REQ_TLB));
	c->cr0 = CR0_ET | CR0_NW | CR0_CD;
	c->xcr0 = XCR0_X87;
	reset_common(c);
	fp_reset(c, false);
	c->star = c->lstar = c->cstar = c->sfmask = c->kernel_gs_base = 0;
	c->sysenter_cs = c->sysenter_esp = c->sysenter_eip = 0;
	c->pat = UINT64_C(0x0007040600070406);
	c->tsc_aux = c->tsc_adjust = 0;
	/* all count together: CPU 0 is reset first */
	c->tsc_offset = c->index && c->machine->cpus[0] ? c->machine->cpus[0]->tsc_offset : (uint64_t)-clock_now(&c->machine->clock);
	c->mtrr_def = 0;
	memset(c->mtrr_fix, 0, sizeof(c->mtrr_fix));
	memset(c->mtrr_base, 0, sizeof(c->mtrr_base));
	memset(c->mtrr_mask, 0, sizeof(c->mtrr_mask));
	c->mcg_status = 0;
	c->mcg_ctl = ~UINT64_C(0);
	memset(c->mc_status, 0, sizeof(c->mc_status));
	for (unsigned n = 0; n < sizeof(c->mc_ctl) / sizeof(c->mc_ctl[0]); n++)
		c->mc_ctl[n] = ~UINT64_C(0);
	c->misc_enable = 1;                     /* fast strings */
	c->smbase = 0x30000;
	c->msr_spec_ctrl = c->debugctl = 0;
	c->icount = 0;
	engine_flush(c);
}

void cpu_init(struct cpu *c)
{
	c->cr0 = (c->cr0 & (CR0_NW | CR0_CD)) | CR0_ET;
	reset_common(c);
	fp_reset(c, true);
}

/* ---- requests ---- */

void cpu_request(struct cpu *c, uint32_t req)
{
	atomic_fetch_or(&c->exit_req, req);
	atomic_store(&c->attention, 1);
	if (c->thread)
		vcpu_kick(c);
}

void cpu_saw_clock(struct cpu *c)
{
	if (unlikely(clock_late(&c->machine->clock)))
		cpu_request(c, REQ_TIMERS);
}

void cpu_clear(struct cpu *c, uint32_t req) { atomic_fetch_and(&c->exit_req, ~req); }

/* ---- EFLAGS ---- */

enum { FLAGS_SYS = FL_TF | FL_IF | FL_IOPL | FL_NT | FL_RF | FL_VM | FL_AC | FL_VIF | FL_VIP | FL_ID };

uint32_t cpu_get_eflags(const struct cpu *c)
{
	return arith_get(c) | c->eflags_sys | (c->df_step == 1 ? 0 : FL_DF) | 2;
}

void cpu_set_eflags(struct cpu *c, uint32_t v)
{
	arith_set(c, v);
	c->df_step = v & FL_DF ? (uint64_t)-1 : 1;
	c->eflags_sys = v & FLAGS_SYS;
	cpu_update_mode(c);
}

void flags_write(struct cpu *c, uint32_t v, uint32_t mask)
{
	/* RF only matters while instruction breakpoints are on; elsewhere every return from a fault would carry it along. */
	if (!(c->dr[7] & 0xff))
		v &= ~(uint32_t)FL_RF;
	cpu_set_eflags(c, (cpu_get_eflags(c) & ~mask) | (v & mask));
}

/* ---- mode ---- */

static bool flat(const struct segreg *s) { return s->base == 0 && s->limit == 0xffffffff && (s->attr & ATTR_P); }

/* Data and stack must be writable, code readable, so that no access through them needs a check; real mode does not look at rights. */
static bool all_flat(const struct cpu *c)
{
	const struct segreg *s = c->seg;
	if (c->eflags_sys & FL_VM || !flat(&s[SEG_CS]) || !flat(&s[SEG_SS]) || !flat(&s[SEG_DS]) || !flat(&s[SEG_ES]))
		return false;
	if (!(c->cr0 & CR0_PE))
		return true;
	enum { MASK = ATTR_S | TYPE_CODE | TYPE_CONFORM | TYPE_WRITE, DATA = ATTR_S | TYPE_WRITE };
	return (s[SEG_SS].attr & MASK) == DATA && (s[SEG_DS].attr & MASK) == DATA && (s[SEG_ES].attr & MASK) == DATA && (s[SEG_CS].attr & TYPE_WRITE);
}

static unsigned fp_mode(const struct cpu *c)
{
	return (c->cr0 & CR0_TS ? M_TS : 0) | (c->cr0 & CR0_EM ? M_EM : 0) | (c->cr4 & CR4_OSFXSR ? 0 : M_NOFXSR) |
	       ((c->cr4 & CR4_OSXSAVE) && (c->xcr0 & (XCR0_SSE | XCR0_AVX)) == (XCR0_SSE | XCR0_AVX) ? 0 : M_NOXSAVE);
}

void cpu_update_mode(struct cpu *c)
{
	unsigned m = fp_mode(c), cs = c->seg[SEG_CS].attr;
	if (c->cr0 & CR0_PE)
		m |= c->eflags_sys & FL_VM ? M_VM86 : M_PE;
	if (c->efer & EFER_LMA)
		m |= M_LMA;
	if ((c->efer & EFER_LMA) && (cs & ATTR_L)) {
		m |= M_CS64 | M_FLAT | M_SS32;          /* SS.B means nothing here; one value, so that blocks are not made twice */
	} else {
		m |= (cs & ATTR_DB ? M_CS32 : 0) | (c->seg[SEG_SS].attr & ATTR_DB ? M_SS32 : 0);
		if (all_flat(c))
			m |= M_FLAT;
	}
	if (c->cpl == 3) {
		m |= M_USER;
		if ((c->cr0 & CR0_AM) && (c->eflags_sys & FL_AC))
			m |= M_AC;
	}
	if ((c->eflags_sys & FL_TF) || (c->dr[7] & 0xff))
		m |= M_STEP;
	c->mode = (uint16_t)m;
	c->lin_mask = m & M_CS64 ? ~UINT64_C(0) : 0xffffffffu;
	mmu_select(c);
	jit_mode_changed(c);
}

/* ---- saved state ---- */

static const struct state_field segreg_state[] = {
	STATE_U64(struct segreg, base), STATE_U32(struct segreg, limit), STATE_U16(struct segreg, sel), STATE_U16(struct segreg, attr), STATE_END
};
static const struct state_field dtreg_state[] = { STATE_U64(struct dtreg, base), STATE_U16(struct dtreg, limit), STATE_END };
static const struct state_field fpreg_state[] = { STATE_U64(struct fpreg, mant), STATE_U16(struct fpreg, se), STATE_END };
static const struct state_field fpu_state[] = {
	STATE_STRUCTS(struct fpu, fpr, fpreg_state), STATE_U16(struct fpu, cw), STATE_U16(struct fpu, sw), STATE_U8(struct fpu, top),
	STATE_U8(struct fpu, tag), STATE_U16(struct fpu, opcode), STATE_U16(struct fpu, ip_sel), STATE_U16(struct fpu, dp_sel),
	STATE_U64(struct fpu, ip), STATE_U64(struct fpu, dp), STATE_END
};
static const struct state_field ymm_state[] = { STATE_BYTES(union ymm, u8), STATE_END };
#define U8(f)  STATE_U8(struct cpu, f)
#define U32(f) STATE_U32(struct cpu, f)
#define U64(f) STATE_U64(struct cpu, f)
#define A64(f) STATE_ARRAY(struct cpu, f, ST_U64)

const struct state_field cpu_state[] = {
	A64(regs), U8(of), U8(flags_ah), U64(rip), U64(df_step), STATE_STRUCTS(struct cpu, seg, segreg_state), U64(icount),
	U8(exc_pending), U8(exc_vector), U8(exc_has_err), U32(exc_err), U64(exc_addr),
	U32(eflags_sys), U64(cr0), U64(cr2), U64(cr3), U64(cr4), U64(efer), U64(xcr0), A64(dr),
	STATE_STRUCT(struct cpu, gdtr, dtreg_state), STATE_STRUCT(struct cpu, idtr, dtreg_state),
	U8(cpl), U8(shadow), U8(nmi_blocked), U32(dr6_pending), A64(pdpte),
	U64(star), U64(lstar), U64(cstar), U64(sfmask), U64(kernel_gs_base), U64(sysenter_cs), U64(sysenter_esp), U64(sysenter_eip),
	U64(pat), U64(tsc_aux), U64(tsc_offset), U64(tsc_adjust), U64(mtrr_def), A64(mtrr_fix), A64(mtrr_base), A64(mtrr_mask),
	U64(mcg_status), U64(mcg_ctl), A64(mc_ctl), A64(mc_status), U64(misc_enable), U64(msr_spec_ctrl), U64(debugctl),
	STATE_STRUCTS(struct cpu, ymm, ymm_state), STATE_STRUCT(struct cpu, fpu, fpu_state), U32(mxcsr), U8(ignne),
	U32(run_state), U8(sipi_vector), U32(saved_req), STATE_END
};

enum { REQ_STATE = REQ_INTR | REQ_NMI | REQ_INIT | REQ_SIPI };

void cpu_saving(struct cpu *c)
{
	fp_park(c);
	c->saved_req = atomic_load(&c->exit_req) & REQ_STATE;
}

/* Loaded values are anybody's: bring them to something this CPU can be in. */
bool cpu_loaded(struct cpu *c, struct error *err)
{
	bool pg = c->cr0 & CR0_PG;
	if ((pg && !(c->cr0 & CR0_PE)) || ((c->efer & EFER_LMA) && (!pg || !(c->efer & EFER_LME) || !(c->cr4 & CR4_PAE))) || c->cpl > 3)
		return error_set(err, "CPU %u: the saved control registers contradict each other (cr0 %llx, efer %llx)", c->index,
				 (unsigned long long)c->cr0, (unsigned long long)c->efer);
	c->regs[REG_ZERO] = 0;
	c->seg[SEG_NULL] = c->seg[SEG_NULL_SS] = (struct segreg){ .sel = 0 };
	c->df_step = c->df_step == 1 ? 1 : (uint64_t)-1;
	c->of = c->of != 0;
	c->flags_ah = (uint8_t)((c->flags_ah & 0xd5) | 2);
	c->eflags_sys &= FLAGS_SYS;
	c->fpu.top &= 7;
	c->exc_vector &= 31;
	c->exc_pending = c->exc_pending != 0;
	c->mxcsr &= 0xffff;
	c->fp_live = 0;
	c->cur = NULL;
	if (c->run_state < CPU_RUNNING || c->run_state > CPU_SHUTDOWN)
		c->run_state = CPU_RUNNING;
	cpu_clear(c, REQ_STATE);
	cpu_request(c, c->saved_req & REQ_STATE);
	mmu_flush(c, true);
	engine_flush(c);
	cpu_update_mode(c);
	cpu_request(c, REQ_TLB);
	return true;
}
