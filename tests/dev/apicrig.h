/* apicrig.h - a board whose local APICs have their wires watched. */
#ifndef TESTS_DEV_APICRIG_H
#define TESTS_DEV_APICRIG_H
#include "devices/chipset/ioapic.h"
#include "devices/chipset/lapic_priv.h"
#include "tests/dev/board.h"

/* Offsets in the register page; x2APIC's MSR is 800h + offset / 16. */
enum { LAPIC = 0xfee00000u, ID = 0x20, TPR = 0x80, PPR = 0xa0, EOI = 0xb0, LDR = 0xd0, DFR = 0xe0, SVR = 0xf0, ISR = 0x100, IRR = 0x200,
       ESR = 0x280, ICR = 0x300, ICR2 = 0x310, TIMER = 0x320, LINT0 = 0x350, LINT1 = 0x360, ERRORS = 0x370,
       INITIAL = 0x380, CURRENT = 0x390, DIVIDE = 0x3e0 };
enum { X2_TPR = 0x808, X2_EOI = 0x80b, X2_LDR = 0x80d, X2_SVR = 0x80f, X2_ESR = 0x828, X2_ICR = 0x830, X2_TIMER = 0x832, X2_ERROR = 0x837,
       X2_INITIAL = 0x838, X2_DIVIDE = 0x83e, X2_SELF = 0x83f, TSC_DEADLINE = 0x6e0 };
enum { IOAPIC = 0xfec00000u };
enum { RIG_APICS = 4 };

struct rig;
struct rig_end { struct rig *r; unsigned i; };
/* A machine of at most RIG_APICS APICs: levels of INTR, pulses of the other wires, the last start-up vector (-1: none). */
struct rig {
	struct machine *m;
	int intr[RIG_APICS], sipi[RIG_APICS];
	unsigned nmi[RIG_APICS], init[RIG_APICS], smi[RIG_APICS];
	struct rig_end end[RIG_APICS];
};

/* As board_new(); board_free(r->m) ends it.  *r stays where it is meanwhile. */
void apicrig_new(struct rig *r, const char *args);
/* The same with the first n enabled by their software, and in x2APIC mode if wanted. */
void apicrig_on(struct rig *r, const char *args, unsigned n, bool x2);

/* The page as the first APIC has it, and the same of any APIC. */
static inline void set(struct rig *r, unsigned reg, uint32_t v) { poke32(r->m, LAPIC + reg, v); }
static inline uint32_t get(struct rig *r, unsigned reg) { return peek32(r->m, LAPIC + reg); }
static inline void set_on(struct rig *r, unsigned cpu, unsigned reg, uint32_t v) { lapic_write(lapic_of(r->m->lapics[cpu]), reg >> 4, v); }
static inline uint32_t get_on(struct rig *r, unsigned cpu, unsigned reg) { return lapic_read(lapic_of(r->m->lapics[cpu]), reg >> 4); }
static inline void eoi(struct rig *r, unsigned cpu) { set_on(r, cpu, EOI, 0); }
static inline int ack(struct rig *r, unsigned cpu) { return lapic_ack(r->m->lapics[cpu]); }
/* MSRs, which must not fault. */
static inline void wrmsr(struct rig *r, unsigned cpu, uint32_t msr, uint64_t v) { assert_true(lapic_wrmsr(r->m->lapics[cpu], msr, v)); }

static inline uint64_t rdmsr(struct rig *r, unsigned cpu, uint32_t msr)
{
	uint64_t v;

	assert_true(lapic_rdmsr(r->m->lapics[cpu], msr, &v));
	return v;
}

static inline void enable_x2apic(struct rig *r, unsigned cpu) { wrmsr(r, cpu, 0x1b, 0xfee00000u | 0xc00 | (cpu ? 0 : 0x100)); }

static inline void io_entry(struct rig *r, unsigned pin, uint64_t e)
{
	poke32(r->m, IOAPIC, 0x11 + 2 * pin);
	poke32(r->m, IOAPIC + 0x10, (uint32_t)(e >> 32));
	poke32(r->m, IOAPIC, 0x10 + 2 * pin);
	poke32(r->m, IOAPIC + 0x10, (uint32_t)e);
}

static inline uint64_t io_get(struct rig *r, unsigned pin)
{
	poke32(r->m, IOAPIC, 0x10 + 2 * pin);
	return peek32(r->m, IOAPIC + 0x10);
}

static inline void pin(struct rig *r, int n, int level)
{
	struct irq_line l = ioapic_input(r->m->ioapic, n);

	irq_set(&l, level);
}
#endif
