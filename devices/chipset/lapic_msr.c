/* lapic_msr.c - the local APIC as its CPU reaches it without memory: IA32_APIC_BASE, x2APIC registers, TPR as CR8, acknowledge.
 *
 * Ref: Intel SDM volume 3, "Extended XAPIC (x2APIC)".  The lapic_* functions run with the machine lock; the ones a vCPU calls through
 * cpu_apic_ops take it. */
#include "core/cpu/cpu.h"
#include "core/cpu/topology.h"
#include "devices/chipset/lapic_priv.h"

enum { MSR_APIC_BASE = 0x1b, MSR_TSC_DEADLINE = 0x6e0, MSR_X2APIC = 0x800, MSR_X2APIC_END = 0x83f };

/* ---- MSRs ---------------------------------------------------------------------------------------------------------------------- */

static uint32_t x2apic_ldr(uint32_t id)
{
	return (id >> 4) << 16 | 1u << (id & 15);
}

/* "Local APIC Status and Location", "x2APIC State Transitions". */
static bool write_base(struct lapic *l, uint64_t val)
{
	uint64_t mode = val & (BASE_ENABLE | BASE_EXTD), old = l->base & (BASE_ENABLE | BASE_EXTD);
	bool x2_known = !l->cpu || (cpu_cpuid(l->cpu, 1, 0).ecx >> 21 & 1);

	if ((val & ~(UINT64_C(0xfffffff000) | BASE_BSP | BASE_EXTD | BASE_ENABLE)) || mode == BASE_EXTD ||
	    (mode & BASE_EXTD && !x2_known) || (old & BASE_EXTD && mode == BASE_ENABLE) ||
	    (!old && mode == (BASE_ENABLE | BASE_EXTD)))
		return false;
	if ((val & ~UINT64_C(0xfff)) != LAPIC_PAGE)
		device_log_once(&l->dev, 1, "the register page cannot be moved from fee00000h");
	if (!mode && old)
		lapic_init_state(l, true);
	l->base = (val & ~(uint64_t)BASE_BSP) | (l->base & BASE_BSP);
	if (lapic_x2apic(l) && !(old & BASE_EXTD)) {
		struct topology t = topology_of(l->dev.machine->opt);
		l->id = topology_apic_id(&t, l->index);
		l->ldr = x2apic_ldr(l->id);
	}
	lapic_update(l);
	return true;
}

/* Registers that x2APIC mode has ("Local APIC Register Address Map Supported by x2APIC"). */
static bool x2apic_readable(unsigned reg)
{
	return reg == REG_ID || reg == REG_VERSION || reg == REG_TPR || reg == REG_PPR || reg == REG_LDR || reg == REG_SVR ||
	       (reg >= REG_ISR && reg <= REG_ESR) || (reg >= REG_ICR_LOW && reg <= REG_CURRENT_COUNT && reg != REG_ICR_HIGH) ||
	       reg == REG_DIVIDE;
}

bool lapic_rdmsr(struct device *d, uint32_t msr, uint64_t *val)
{
	struct lapic *l = lapic_of(d);
	unsigned reg = msr - MSR_X2APIC;

	if (msr == MSR_APIC_BASE) {
		*val = l->base;
		return true;
	}
	if (msr == MSR_TSC_DEADLINE) {
		*val = lapic_timer_tsc_deadline(l);
		return true;
	}
	if (msr < MSR_X2APIC || msr > MSR_X2APIC_END || !lapic_x2apic(l) || !x2apic_readable(reg))
		return false;
	*val = reg == REG_ICR_LOW ? l->icr : lapic_read(l, reg);
	return true;
}

/* Bits that a WRMSR may set, or may write back as it read them; others fault ("Reserved Bit Checking").  0: nothing but zero may be written. */
static bool x2apic_writable(unsigned reg, uint64_t *bits)
{
	enum { LVT_STATUS = 1 << 12 | 1 << 14 };        /* read only: delivery status, remote IRR */

	switch (reg) {
	case REG_EOI: case REG_ESR:         *bits = 0; return true;
	case REG_TPR: case REG_SELF_IPI:    *bits = 0xff; return true;
	case REG_SVR:                       *bits = 0x3ff; return true;
	case REG_ICR_LOW:                   *bits = UINT64_C(0xffffffff000ccfff); return true;
	case REG_INITIAL_COUNT:             *bits = 0xffffffff; return true;
	case REG_DIVIDE:                    *bits = 0xb; return true;
	case REG_LVT ... REG_LVT + LVT_COUNT - 1: *bits = lapic_lvt_writable(reg - REG_LVT) | LVT_STATUS; return true;
	default:                            return false;
	}
}

static bool write_x2apic(struct lapic *l, unsigned reg, uint64_t val)
{
	uint64_t bits;

	if (!x2apic_writable(reg, &bits) || (val & ~bits))
		return false;
	if (reg == REG_ICR_LOW) {
		l->icr = val;
		lapic_send_ipi(l);
	} else if (reg == REG_SELF_IPI) {
		lapic_self_ipi(l, (uint8_t)val);
	} else {
		lapic_write(l, reg, (uint32_t)val);
	}
	return true;
}

bool lapic_wrmsr(struct device *d, uint32_t msr, uint64_t val)
{
	struct lapic *l = lapic_of(d);

	if (msr == MSR_APIC_BASE)
		return write_base(l, val);
	if (msr == MSR_TSC_DEADLINE) {
		lapic_timer_deadline(l, val);
		return true;
	}
	return msr >= MSR_X2APIC && msr <= MSR_X2APIC_END && lapic_x2apic(l) && write_x2apic(l, msr - MSR_X2APIC, val);
}

/* ---- the CPU's calls, from its thread ------------------------------------------------------------------------------------------- */

static int cpu_op_ack(void *apic)
{
	struct lapic *l = apic;

	machine_lock(l->dev.machine);
	int v = lapic_ack(&l->dev);
	machine_unlock(l->dev.machine);
	return v;
}

static uint8_t cpu_op_get_tpr(void *apic)
{
	return ((struct lapic *)apic)->tpr >> 4;        /* only this CPU changes it */
}

static void cpu_op_set_tpr(void *apic, uint8_t cr8)
{
	struct lapic *l = apic;

	machine_lock(l->dev.machine);
	l->tpr = (uint8_t)(cr8 << 4);
	lapic_update(l);
	machine_unlock(l->dev.machine);
}

static bool cpu_op_rdmsr(void *apic, uint32_t msr, uint64_t *val)
{
	struct lapic *l = apic;

	/* Only this CPU changes it; CPUID asks for it while the lock may be held. */
	if (msr == MSR_APIC_BASE)
		return lapic_rdmsr(&l->dev, msr, val);
	machine_lock(l->dev.machine);
	bool ok = (!l->dev.machine->apic_engine || lapic_borrow(l)) && lapic_rdmsr(&l->dev, msr, val);
	machine_unlock(l->dev.machine);
	return ok;
}

static bool cpu_op_wrmsr(void *apic, uint32_t msr, uint64_t val)
{
	struct lapic *l = apic;

	machine_lock(l->dev.machine);
	bool ok = (!l->dev.machine->apic_engine || lapic_borrow(l)) && lapic_wrmsr(&l->dev, msr, val);
	if (ok && l->dev.machine->apic_engine)
		lapic_give_back(l);
	machine_unlock(l->dev.machine);
	return ok;
}
const struct cpu_apic_ops lapic_cpu_ops = { cpu_op_ack, cpu_op_get_tpr, cpu_op_set_tpr, cpu_op_rdmsr, cpu_op_wrmsr, lapic_op_give, lapic_op_take,
	lapic_op_message, lapic_op_extint, lapic_op_note, lapic_op_eoi };
