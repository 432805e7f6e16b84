/* lapic.c - local APIC: registers, acceptance and priority of interrupts, interrupt messages between processors.
 *
 * Ref: Intel SDM volume 3, chapter "Advanced Programmable Interrupt Controller (APIC)" (figures and tables by title below).
 * MSRs and the CPU's calls are in lapic_msr.c, the timer in lapic_timer.c, what info lapic
 * prints in lapic_info.c. */
#include "devices/chipset/lapic.h"
#include "core/cpu/cpu.h"
#include "core/cpu/cpuid.h"
#include "core/cpu/topology.h"
#include "core/cpu/vcpu.h"
#include "devices/chipset/i8259.h"
#include "devices/chipset/ioapic.h"
#include "devices/chipset/isa.h"
#include "devices/chipset/lapic_priv.h"
#include <string.h>

enum { WINDOW_SIZE = 0x100000, PAGE_REGISTERS = 0x1000, WINDOW_PRIO = 1 };
enum { ESR_SEND_ILLEGAL = 1 << 5, ESR_RECV_ILLEGAL = 1 << 6, ESR_ILLEGAL_REGISTER = 1 << 7 };
enum { VERSION = 0x14 | (LVT_COUNT - 1) << 16 };        /* integrated APIC, highest LVT entry */
enum { TO_DEST, TO_SELF, TO_ALL, TO_OTHERS };           /* ICR bits 19-18 */

static const struct state_field lapic_state[] = {
	STATE_U64(struct lapic, base), STATE_U32(struct lapic, id), STATE_U8(struct lapic, tpr), STATE_U32(struct lapic, ldr),
	STATE_U32(struct lapic, dfr), STATE_U32(struct lapic, svr), STATE_ARRAY(struct lapic, isr, ST_U32),
	STATE_ARRAY(struct lapic, tmr, ST_U32), STATE_ARRAY(struct lapic, irr, ST_U32), STATE_U32(struct lapic, esr),
	STATE_U32(struct lapic, errors), STATE_U64(struct lapic, icr), STATE_ARRAY(struct lapic, lvt, ST_U32),
	STATE_BOOL(struct lapic, extint_message), STATE_ARRAY(struct lapic, lint, ST_BOOL),
	STATE_U32(struct lapic, initial_count), STATE_U32(struct lapic, divide), STATE_U64(struct lapic, timer_start),
	STATE_U64(struct lapic, tsc_deadline), STATE_BOOL(struct lapic, counting), STATE_END
};

struct lapic *lapic_of(struct device *d)
{
	return container_of(d, struct lapic, dev);
}

/* ---- 256-bit registers --------------------------------------------------------------------------------------------------------- */

static void set_bit(uint32_t v[8], unsigned n)   { v[n / 32] |= 1u << n % 32; }
static void clear_bit(uint32_t v[8], unsigned n) { v[n / 32] &= ~(1u << n % 32); }
static bool test_bit(const uint32_t v[8], unsigned n) { return v[n / 32] >> n % 32 & 1; }

static int highest(const uint32_t v[8])
{
	for (int i = 7; i >= 0; i--)
		if (v[i])
			return i * 32 + 31 - __builtin_clz(v[i]);
	return -1;
}

/* ---- priority and the CPU's wires ------------------------------------------------------------------------------------------------ */

static bool globally_enabled(const struct lapic *l) { return (l->base & BASE_ENABLE) && !(l->cpu && l->cpu->absent); }
static bool software_enabled(const struct lapic *l) { return globally_enabled(l) && (l->svr & SVR_ENABLE); }
bool lapic_x2apic(const struct lapic *l)                { return (l->base & (BASE_ENABLE | BASE_EXTD)) == (BASE_ENABLE | BASE_EXTD); }

/* "Processor-Priority Register (PPR)". */
uint8_t lapic_ppr(const struct lapic *l)
{
	int in_service = highest(l->isr);

	if (in_service < 0 || (l->tpr & 0xf0) >= (in_service & 0xf0))
		return l->tpr;
	return in_service & 0xf0;
}

/* Vector that may interrupt the CPU now, or -1. */
static int deliverable(const struct lapic *l)
{
	int v = highest(l->irr);

	return software_enabled(l) && v >= 0 && (v & 0xf0) > (lapic_ppr(l) & 0xf0) ? v : -1;
}

/* The 8259 is heard: LINT0 in virtual wire mode, or the APIC is off and LINT0 is the INTR pin. */
static bool hears_pic(const struct lapic *l)
{
	return !globally_enabled(l) || (l->lvt[LVT_LINT0] & (LVT_MASKED | LVT_MODE)) == APIC_EXTINT << LVT_MODE_SHIFT;
}

static bool pic_pending(const struct lapic *l)
{
	return (hears_pic(l) && l->lint[0]) || l->extint_message;
}

void lapic_update(struct lapic *l)
{
	bool engine = l->dev.machine->apic_engine, on = engine ? l->lint[0] || l->extint_message : deliverable(l) >= 0 || pic_pending(l);

	/* Repeated levels are harmless: the wire ends in a bit of the CPU's request word. */
	irq_set(&l->wires[LAPIC_INTR], on);
}

/* "Error Handling". */
static void error(struct lapic *l, uint32_t bit)
{
	bool news = !(l->errors & bit);

	l->errors |= bit;
	if (news)
		lapic_lvt_event(l, LVT_ERROR);  /* whose own vector may be illegal, too: no news the second time */
}

/* "Interrupt Acceptance for Fixed Interrupts". */
static void accept(struct lapic *l, uint8_t vector, bool level_triggered)
{
	if (vector < 16) {
		error(l, ESR_RECV_ILLEGAL);
		return;
	}
	set_bit(l->irr, vector);
	if (level_triggered)
		set_bit(l->tmr, vector);
	else
		clear_bit(l->tmr, vector);
	lapic_update(l);
}

/* A local source signals: timer, LINT, error. */
void lapic_lvt_event(struct lapic *l, unsigned entry)
{
	uint32_t lvt = l->lvt[entry];

	if (lvt & LVT_MASKED)
		return;
	switch (lvt >> LVT_MODE_SHIFT & 7) {
	case APIC_FIXED: accept(l, (uint8_t)lvt, entry <= LVT_LINT1 && entry >= LVT_LINT0 && (lvt & LVT_LEVEL)); break;
	case APIC_SMI:   irq_pulse(&l->wires[LAPIC_SMI]); break;
	case APIC_NMI:   irq_set(&l->wires[LAPIC_NMI], 1); break;
	case APIC_INIT:  irq_set(&l->wires[LAPIC_INIT], 1); break;
	default:         break;         /* ExtINT is a level, see pic_pending */
	}
}

/* ---- what the CPU asks ----------------------------------------------------------------------------------------------------------- */

int lapic_ack(struct device *d)
{
	struct lapic *l = lapic_of(d);

	if (d->machine->apic_engine && !(l->extint_message && l->pic))  /* it delivers all else by itself */
		return -1;
	int v = d->machine->apic_engine ? -1 : deliverable(l);

	if (v >= 0) {
		clear_bit(l->irr, (unsigned)v);
		set_bit(l->isr, (unsigned)v);
	} else if (pic_pending(l) && l->pic) {
		l->extint_message = false;
		v = i8259_ack(l->pic);
	} else if (highest(l->irr) >= 0 && software_enabled(l)) {
		v = l->svr & 0xff;      /* "Spurious Interrupt": the priority was raised meanwhile */
	}
	lapic_update(l);
	return v;
}

static void end_of_interrupt(struct lapic *l)
{
	int v = highest(l->isr);

	if (v < 0)
		return;
	clear_bit(l->isr, (unsigned)v);
	if (test_bit(l->tmr, (unsigned)v) && l->dev.machine->ioapic && !(l->svr & SVR_NO_BROADCAST))
		ioapic_eoi(l->dev.machine->ioapic, (uint8_t)v);
	lapic_update(l);
}

/* ---- interrupt messages ----------------------------------------------------------------------------------------------------------- */

/* "Logical Destination Mode": flat and cluster models, and the x2APIC form. */
static bool logical_match(const struct lapic *l, uint32_t dest)
{
	if (lapic_x2apic(l))
		return dest == UINT32_MAX || (dest >> 16 == l->ldr >> 16 && (dest & l->ldr & 0xffff));
	uint8_t mda = (uint8_t)dest, id = (uint8_t)(l->ldr >> 24);
	if (mda == 0xff)
		return true;
	if (l->dfr >> 28 == 0xf)
		return mda & id;
	return (mda >> 4) == (id >> 4) && (mda & id & 0x0f);
}

static bool matches(const struct lapic *l, const struct apic_message *msg)
{
	if (!globally_enabled(l))
		return false;
	if (msg->logical)
		return logical_match(l, msg->dest);
	return msg->dest == l->id || msg->dest == UINT32_MAX || (msg->dest == 0xff && !lapic_x2apic(l));
}

/* One APIC takes a message. */
void lapic_take(struct lapic *l, const struct apic_message *msg)
{
	switch (msg->mode) {
	case APIC_FIXED: case APIC_LOWEST:
		if (software_enabled(l))
			accept(l, msg->vector, msg->level_triggered);
		break;
	case APIC_SMI:
		irq_pulse(&l->wires[LAPIC_SMI]);
		break;
	case APIC_NMI:
		irq_set(&l->wires[LAPIC_NMI], 1);
		break;
	case APIC_INIT:
		lapic_init_state(l, true);
		lapic_update(l);
		irq_set(&l->wires[LAPIC_INIT], 1);
		break;
	case APIC_STARTUP:
		if (l->sipi)
			l->sipi(l->sipi_arg, msg->vector);
		break;
	case APIC_EXTINT:
		l->extint_message = true;
		lapic_update(l);
		break;
	default:
		break;
	}
}

/* "Lowest Priority Delivery Mode": the APIC with the lowest processor priority; the first one of several. */
static struct lapic *lowest(struct machine *m, const struct apic_message *msg)
{
	struct lapic *best = NULL;

	for (unsigned i = 0; i < MAX_CPUS && m->lapics[i]; i++) {
		struct lapic *l = lapic_of(m->lapics[i]);
		if (matches(l, msg) && software_enabled(l) && (!best || lapic_ppr(l) < lapic_ppr(best)))
			best = l;
	}
	return best;
}

bool lapic_send_to_all(struct machine *m, const struct apic_message *msg)
{
	bool found = false;

	for (unsigned i = 0; i < MAX_CPUS && m->lapics[i]; i++) {
		struct lapic *l = lapic_of(m->lapics[i]);
		if (!matches(l, msg))
			continue;
		found = true;
		lapic_take(l, msg);
	}
	return found;
}

bool apic_send(struct machine *m, const struct apic_message *msg)
{
	if (m->apic_engine)
		return lapic_send_to_engine(m, msg);
	if (msg->mode != APIC_LOWEST)
		return lapic_send_to_all(m, msg);
	struct lapic *l = lowest(m, msg);
	if (l)
		lapic_take(l, msg);
	return l;
}

bool apic_waiting(struct machine *m, uint8_t vector)
{
	for (unsigned i = 0; i < MAX_CPUS && m->lapics[i] && !m->apic_engine; i++)
		if (test_bit(lapic_of(m->lapics[i])->irr, vector))
			return true;
	return false;
}

/* "Message Address Register Format", "Message Data Register Format". */
void apic_msi(struct machine *m, uint64_t addr, uint32_t data)
{
	struct apic_message msg = { .dest = addr >> 12 & 0xff, .logical = addr >> 2 & 1, .mode = data >> 8 & 7,
	                            .level_triggered = data >> 15 & 1, .vector = (uint8_t)data };

	apic_send(m, &msg);
}

/* "Interrupt Command Register (ICR)": the low half was written. */
void lapic_send_ipi(struct lapic *l)
{
	struct machine *m = l->dev.machine;
	uint32_t lo = (uint32_t)l->icr;
	unsigned shorthand = lo >> 18 & 3;
	struct apic_message msg = { .dest = lapic_x2apic(l) ? (uint32_t)(l->icr >> 32) : (uint32_t)(l->icr >> 56), .logical = lo >> 11 & 1,
	                            .mode = lo >> 8 & 7, .vector = (uint8_t)lo };

	if (msg.mode == APIC_INIT && !(lo >> 14 & 1))
		return;                 /* INIT level de-assert: for APIC buses of old */
	if ((msg.mode == APIC_FIXED || msg.mode == APIC_LOWEST) && msg.vector < 16) {
		error(l, ESR_SEND_ILLEGAL);
		return;
	}
	if (m->apic_engine)
		lapic_give_back(l);
	if (shorthand == TO_DEST) {
		apic_send(m, &msg);
		return;
	}
	for (unsigned i = 0; i < MAX_CPUS && m->lapics[i]; i++) {
		struct lapic *other = lapic_of(m->lapics[i]);
		bool self = other == l;
		if ((shorthand != TO_ALL && self != (shorthand == TO_SELF)) || !globally_enabled(other))
			continue;
		msg.dest = other->id;
		msg.logical = false;
		if (m->apic_engine)
			lapic_send_to_engine(m, &msg);
		else
			lapic_take(other, &msg);
	}
}

/* ---- registers ----------------------------------------------------------------------------------------------------------------- */

uint32_t lapic_read(struct lapic *l, unsigned reg)
{
	switch (reg) {
	case REG_ID:            return lapic_x2apic(l) ? l->id : l->id << 24;
	case REG_VERSION:       return VERSION;
	case REG_TPR:           return l->tpr;
	case REG_APR: case REG_PPR: return lapic_ppr(l);
	case REG_LDR:           return l->ldr;
	case REG_DFR:           return l->dfr;
	case REG_SVR:           return l->svr;
	case REG_ISR ... REG_ISR + 7: return l->isr[reg - REG_ISR];
	case REG_TMR ... REG_TMR + 7: return l->tmr[reg - REG_TMR];
	case REG_IRR ... REG_IRR + 7: return l->irr[reg - REG_IRR];
	case REG_ESR:           return l->esr;
	case REG_ICR_LOW:       return (uint32_t)l->icr;
	case REG_ICR_HIGH:      return (uint32_t)(l->icr >> 32);
	case REG_LVT ... REG_LVT + LVT_COUNT - 1: return l->lvt[reg - REG_LVT];
	case REG_INITIAL_COUNT: return l->initial_count;
	case REG_CURRENT_COUNT: return lapic_timer_count(l);
	case REG_DIVIDE:        return l->divide;
	case REG_EOI: case REG_REMOTE: return 0;
	default:
		error(l, ESR_ILLEGAL_REGISTER);
		return 0;
	}
}

uint32_t lapic_lvt_writable(unsigned entry)
{
	switch (entry) {
	case LVT_TIMER: return 0x600ff | LVT_MASKED;
	case LVT_LINT0: case LVT_LINT1: return 0x0a7ff | LVT_MASKED;
	case LVT_ERROR: return 0x000ff | LVT_MASKED;
	default:        return 0x007ff | LVT_MASKED;
	}
}

static void write_lvt(struct lapic *l, unsigned entry, uint32_t val)
{
	uint32_t old = l->lvt[entry];

	l->lvt[entry] = (val & lapic_lvt_writable(entry)) | (l->svr & SVR_ENABLE ? 0 : LVT_MASKED);
	if (entry == LVT_TIMER)
		lapic_timer_mode_changed(l, old);
	lapic_update(l);
}

/* "Spurious-Interrupt Vector Register": when the software disables the APIC, all LVT entries become masked. */
static void write_svr(struct lapic *l, uint32_t val)
{
	l->svr = val & (0x1ff | (l->svr & SVR_NO_BROADCAST));
	for (unsigned i = 0; !(val & SVR_ENABLE) && i < LVT_COUNT; i++)
		l->lvt[i] |= LVT_MASKED;
	lapic_timer_arm(l);
	lapic_update(l);
}

void lapic_self_ipi(struct lapic *l, uint8_t vector)
{
	struct apic_message msg = { .dest = l->id, .mode = APIC_FIXED, .vector = vector };

	if (vector < 16) {
		error(l, ESR_SEND_ILLEGAL);
	} else if (l->dev.machine->apic_engine) {
		lapic_give_back(l);
		lapic_send_to_engine(l->dev.machine, &msg);
	} else {
		lapic_take(l, &msg);
	}
}

void lapic_write(struct lapic *l, unsigned reg, uint32_t val)
{
	switch (reg) {
	case REG_ID:            if (!lapic_x2apic(l)) l->id = val >> 24; break;
	case REG_TPR:           l->tpr = (uint8_t)val; lapic_update(l); break;
	case REG_EOI:           end_of_interrupt(l); break;
	case REG_LDR:           l->ldr = val & 0xff000000; break;
	case REG_DFR:           l->dfr = val | 0x0fffffff; break;
	case REG_SVR:           write_svr(l, val); break;
	case REG_ESR:           l->esr = l->errors; l->errors = 0; break;
	case REG_ICR_LOW:
		l->icr = (l->icr & ~UINT64_C(0xffffffff)) | (val & 0xccfff);
		lapic_send_ipi(l);
		break;
	case REG_ICR_HIGH:      l->icr = (uint32_t)l->icr | (uint64_t)(val & 0xff000000) << 32; break;
	case REG_LVT ... REG_LVT + LVT_COUNT - 1: write_lvt(l, reg - REG_LVT, val); break;
	case REG_INITIAL_COUNT: lapic_timer_start(l, val); break;
	case REG_DIVIDE:        lapic_timer_divide(l, val & 0xb); break;
	case REG_VERSION: case REG_APR: case REG_PPR: case REG_REMOTE: case REG_CURRENT_COUNT:
	case REG_ISR ... REG_IRR + 7: break;            /* read-only */
	default:                error(l, ESR_ILLEGAL_REGISTER); break;
	}
}

/* ---- the page ------------------------------------------------------------------------------------------------------------------ */

/* The APIC of the CPU whose access this is; the monitor looks at the first one. */
static struct lapic *accessed(struct machine *m, bool *by_cpu)
{
	struct cpu *c = m->io_cpu ? m->io_cpu : vcpu_current(m);

	*by_cpu = c && c->apic;
	return *by_cpu ? c->apic : lapic_of(m->lapics[0]);
}

static uint64_t page_read(struct device *d, uint64_t off, unsigned size)
{
	bool by_cpu;
	struct lapic *l = accessed(d->machine, &by_cpu);

	if (off >= PAGE_REGISTERS || (d->machine->apic_engine && !(by_cpu && lapic_borrow(l))) || !globally_enabled(l) || lapic_x2apic(l))
		return UINT64_MAX;
	return off & 0xf ? 0 : lapic_read(l, (unsigned)off >> 4);
}

static void page_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	bool by_cpu;
	struct lapic *l = accessed(d->machine, &by_cpu);

	/* Under qtest there is no CPU to own the page: writes to it reach the first APIC. */
	if (off >= PAGE_REGISTERS)
		apic_msi(d->machine, LAPIC_PAGE + off, (uint32_t)val);
	else if (d->machine->apic_engine && !(by_cpu && lapic_borrow(l)))
		return;
	else if (globally_enabled(l) && !lapic_x2apic(l) && !(off & 0xf) && size == 4)
		lapic_write(l, (unsigned)off >> 4, (uint32_t)val);
	if (off < PAGE_REGISTERS && d->machine->apic_engine)
		lapic_give_back(l);
}
static const struct io_ops page_ops = { page_read, page_write, 4, 4 };

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */

/* A CPU of a model without one hears the 8259 only. */
static bool has_apic(const struct lapic *l) { return !l->cpu || (l->cpu->cpuid->word[W_1_EDX] >> 9 & 1); }

/* "Local APIC State After Power-Up or Reset": all of the LVT is masked, and firmware makes LINT0 the virtual wire of the 8259; an INIT keeps the base register and the id. */
void lapic_init_state(struct lapic *l, bool keep_base)
{
	if (!keep_base)
		l->base = LAPIC_PAGE | (has_apic(l) ? BASE_ENABLE : 0) | (l->index ? 0 : BASE_BSP);
	if (!keep_base || !lapic_x2apic(l)) {
		struct topology t = topology_of(l->dev.machine->opt);
		l->id = topology_apic_id(&t, l->index);
		l->ldr = 0;
	}
	l->tpr = 0;
	l->dfr = UINT32_MAX;
	l->svr = 0xff;
	memset(l->isr, 0, sizeof l->isr);
	memset(l->tmr, 0, sizeof l->tmr);
	memset(l->irr, 0, sizeof l->irr);
	l->esr = l->errors = 0;
	l->icr = 0;
	for (unsigned i = 0; i < LVT_COUNT; i++)
		l->lvt[i] = LVT_MASKED;
	l->extint_message = false;
	l->divide = 0;
	l->tsc_deadline = 0;
	lapic_timer_start(l, 0);
}

void lapic_power_on(struct device *d)
{
	struct lapic *l = lapic_of(d);

	lapic_init_state(l, false);
	lapic_update(l);
	irq_set(&l->wires[LAPIC_INIT], 1);
	if (d->machine->apic_engine && l->cpu)
		d->machine->apic_engine->renew(l->cpu);
}

static bool lapic_realize(struct device *d, struct error *err)
{
	struct lapic *l = lapic_of(d);
	struct machine *m = d->machine;

	timer_init(&l->timer, lapic_timer_expired, l);
	if (l->index >= MAX_CPUS || m->lapics[l->index])
		return error_set(err, "there is an APIC number %u already", l->index);
	if (!l->index && !mmio_map(d, &l->page, "apic-msi", LAPIC_PAGE, WINDOW_SIZE, WINDOW_PRIO, &page_ops, err))
		return false;
	m->lapics[l->index] = d;
	l->cpu = m->cpus[l->index];
	if (l->cpu) {
		l->cpu->apic = l;
		l->cpu->apic_ops = &lapic_cpu_ops;
	}
	l->info = (struct info_hook){ .name = "lapic", .print = lapic_print, .arg = l, .index = l->index };
	machine_add_info(m, &l->info);
	lapic_init_state(l, false);
	return true;
}

static void lapic_unrealize(struct device *d)
{
	struct lapic *l = lapic_of(d);

	machine_remove_info(d->machine, &l->info);
	timer_cancel(d->machine, &l->timer);
	space_unmap(&d->machine->mem, &l->page);
	d->machine->lapics[l->index] = NULL;
	if (l->cpu) {
		l->cpu->apic = NULL;
		l->cpu->apic_ops = NULL;
	}
}

static void lapic_reset(struct device *d, enum reset_kind kind)
{
	lapic_init_state(lapic_of(d), false);
}

static void lapic_reset_done(struct device *d)
{
	lapic_update(lapic_of(d));
}

static bool lapic_loaded(struct device *d, struct error *err)
{
	struct lapic *l = lapic_of(d);

	l->base = (l->base & (BASE_EXTD | BASE_ENABLE)) | LAPIC_PAGE | (l->index ? 0 : BASE_BSP);
	if (!(l->base & BASE_ENABLE))
		l->base &= ~(uint64_t)BASE_EXTD;
	l->svr &= 0x1ff | SVR_NO_BROADCAST;
	for (unsigned i = 0; i < LVT_COUNT; i++)
		l->lvt[i] &= lapic_lvt_writable(i);
	l->divide &= 0xb;
	lapic_timer_arm(l);
	lapic_update(l);
	return true;
}

const struct device_desc lapic_desc = {
	.name = "apic", .bus = "System", .category = "Misc", .description = "local APIC of a CPU",
	.size = sizeof(struct lapic), .state = lapic_state, .state_version = 1, .realize = lapic_realize,
	.unrealize = lapic_unrealize, .reset = lapic_reset, .reset_done = lapic_reset_done, .loaded = lapic_loaded,
};

/* ---- wires --------------------------------------------------------------------------------------------------------------------- */

void lapic_wire(struct device *d, unsigned index, const struct irq_line wires[LAPIC_WIRES], void (*sipi)(void *arg, uint8_t vector),
                void *sipi_arg)
{
	struct lapic *l = lapic_of(d);

	l->index = index;
	memcpy(l->wires, wires, sizeof l->wires);
	l->sipi = sipi;
	l->sipi_arg = sipi_arg;
}

void lapic_set_pic(struct device *d, struct device *pic)
{
	lapic_of(d)->pic = pic;
}

static void lint_set(void *arg, int n, int level)
{
	struct lapic *l = arg;
	bool rise = level && !l->lint[n];

	l->lint[n] = level;
	if (l->dev.machine->apic_engine) {
		if (rise && n == 1)
			irq_set(&l->wires[LAPIC_NMI], 1);       /* the engine looks what LINT1 is */
	} else if (rise && globally_enabled(l))
		lapic_lvt_event(l, LVT_LINT0 + (unsigned)n);
	else if (rise && n == 1)
		irq_set(&l->wires[LAPIC_NMI], 1);       /* the APIC is off: LINT1 is the NMI pin */
	lapic_update(l);
}

struct irq_line lapic_lint(struct device *d, int n)
{
	return (struct irq_line){ .set = lint_set, .arg = lapic_of(d), .n = n };
}
