/* lapic_engine.c - local APICs while they are the engine's: their registers as a page that goes there and comes back, messages to them.
 *
 * Meanwhile only the base register and the priority here are kept true (they belong to the CPU's state), and the levels of the pins.  Ref: Intel
 * SDM volume 3, table "Local APIC Register Address Map"; "Message Address Register Format". */
#include "core/cpu/cpu.h"
#include "core/cpu/cpuid.h"
#include "devices/chipset/i8259.h"
#include "devices/chipset/ioapic.h"
#include "devices/chipset/lapic_priv.h"
#include <string.h>

/* ---- registers ---------------------------------------------------------------------------------------------------------------------- */

void lapic_export(struct lapic *l, struct cpu_apic_page *p)
{
	bool once = lapic_timer_mode(l) == TIMER_ONE_SHOT;
	uint32_t count = lapic_timer_count(l);
	bool over = once && (!l->counting || (!count && (l->lvt[LVT_TIMER] & LVT_MASKED)));

	*p = (struct cpu_apic_page){ .base = l->base, .tsc_deadline = lapic_timer_tsc_deadline(l) };
	p->reg[REG_ID] = lapic_x2apic(l) ? l->id : l->id << 24;
	p->reg[REG_TPR] = l->tpr;
	p->reg[REG_LDR] = l->ldr;
	p->reg[REG_DFR] = l->dfr;
	p->reg[REG_SVR] = l->svr;
	memcpy(&p->reg[REG_ISR], l->isr, sizeof l->isr);
	memcpy(&p->reg[REG_TMR], l->tmr, sizeof l->tmr);
	memcpy(&p->reg[REG_IRR], l->irr, sizeof l->irr);
	p->reg[REG_ESR] = l->esr;
	p->reg[REG_ICR_LOW] = (uint32_t)l->icr;
	p->reg[REG_ICR_HIGH] = (uint32_t)(l->icr >> 32);
	memcpy(&p->reg[REG_LVT], l->lvt, sizeof l->lvt);
	/* A count that is over must not end a second time: it is not told.  One whose end is still due must not start anew: it is not told as 0. */
	p->reg[REG_INITIAL_COUNT] = over ? 0 : l->initial_count;
	p->reg[REG_CURRENT_COUNT] = over ? 0 : !count && l->initial_count && once ? 1 : count;
	p->reg[REG_DIVIDE] = l->divide;
}

static void import_timer(struct lapic *l, const struct cpu_apic_page *p)
{
	uint32_t initial = p->reg[REG_INITIAL_COUNT], current = p->reg[REG_CURRENT_COUNT];

	l->divide = p->reg[REG_DIVIDE] & 0xb;
	l->tsc_deadline = lapic_timer_mode(l) == TIMER_TSC_DEADLINE ? p->tsc_deadline : 0;
	l->counting = false;
	if (!initial)
		return;
	l->initial_count = initial;
	current = current < initial ? current : initial;
	l->timer_start = (uint64_t)clock_now(&l->dev.machine->clock) - (uint64_t)(initial - current) * lapic_timer_divisor(l);
	l->counting = current || p->due;
	if (p->due && lapic_timer_mode(l) == TIMER_PERIODIC)
		lapic_lvt_event(l, LVT_TIMER);
}

void lapic_import(struct lapic *l, const struct cpu_apic_page *p)
{
	l->base = (p->base & (BASE_EXTD | BASE_ENABLE)) | LAPIC_PAGE | (l->index ? 0 : BASE_BSP);
	l->id = lapic_x2apic(l) ? p->reg[REG_ID] : p->reg[REG_ID] >> 24;
	l->tpr = (uint8_t)p->reg[REG_TPR];
	l->ldr = p->reg[REG_LDR];
	l->dfr = p->reg[REG_DFR] | 0x0fffffff;
	l->svr = p->reg[REG_SVR] & (0x1ff | SVR_NO_BROADCAST);
	memcpy(l->isr, &p->reg[REG_ISR], sizeof l->isr);
	memcpy(l->tmr, &p->reg[REG_TMR], sizeof l->tmr);
	memcpy(l->irr, &p->reg[REG_IRR], sizeof l->irr);
	l->esr = p->reg[REG_ESR];
	l->icr = (p->reg[REG_ICR_LOW] & 0xccfffu) | (uint64_t)p->reg[REG_ICR_HIGH] << 32;
	for (unsigned n = 0; n < LVT_COUNT; n++)
		l->lvt[n] = p->reg[REG_LVT + n] & lapic_lvt_writable(n);
	import_timer(l, p);
}

/* ---- what the engine calls: struct cpu_apic_ops ---------------------------------------------------------------------------------------- */

void lapic_op_give(void *apic, struct cpu_apic_page *p)
{
	struct lapic *l = apic;

	lapic_export(l, p);
	timer_cancel(l->dev.machine, &l->timer);
	lapic_update(l);
	if (!l->index && l->dev.machine->ioapic)
		ioapic_tell_engine(l->dev.machine->ioapic);
}

void lapic_op_take(void *apic, const struct cpu_apic_page *p)
{
	struct lapic *l = apic;

	if (p)
		lapic_import(l, p);
	lapic_timer_arm(l);
	lapic_update(l);
}

bool lapic_op_message(void *apic)
{
	struct lapic *l = apic;

	machine_lock(l->dev.machine);
	bool waits = l->extint_message;
	machine_unlock(l->dev.machine);
	return waits;
}

int lapic_op_extint(void *apic)
{
	struct lapic *l = apic;
	int v = -1;

	machine_lock(l->dev.machine);
	if ((l->lint[0] || l->extint_message) && l->pic) {
		l->extint_message = false;
		v = i8259_ack(l->pic);
	}
	lapic_update(l);
	machine_unlock(l->dev.machine);
	return v;
}

void lapic_op_note(void *apic, uint64_t base, uint8_t cr8)
{
	struct lapic *l = apic;

	l->base = (base & (BASE_EXTD | BASE_ENABLE)) | LAPIC_PAGE | (l->index ? 0 : BASE_BSP);
	l->tpr = (uint8_t)(cr8 << 4);
}

void lapic_op_eoi(void *apic, uint8_t vector)
{
	struct machine *m = ((struct lapic *)apic)->dev.machine;

	if (m->ioapic)
		ioapic_eoi(m->ioapic, vector);
}

/* ---- messages -------------------------------------------------------------------------------------------------------------------------- */

uint64_t apic_message_address(const struct apic_message *msg)
{
	return LAPIC_PAGE | (uint64_t)(msg->dest >> 8) << 40 | (msg->dest & 0xff) << 12 | (msg->logical ? 1u << 2 : 0);
}

uint32_t apic_message_data(const struct apic_message *msg)
{
	return (msg->level_triggered ? 1u << 15 : 0) | 1u << 14 | (uint32_t)msg->mode << 8 | msg->vector;
}

/* An ExtINT is ours: no engine asks the 8259.  Destinations are looked up as they were when the APICs went; the 8259 is the first CPU's unless
 * they say otherwise. */
static bool take_extint(struct machine *m, const struct apic_message *msg)
{
	bool found = lapic_send_to_all(m, msg);

	if (!found && msg->logical && (found = m->lapics[0]))
		lapic_take(lapic_of(m->lapics[0]), msg);
	return found;
}

/* Nor is an SMI handed on: the engine would begin a system-management mode that this machine has not. */
bool lapic_send_to_engine(struct machine *m, const struct apic_message *msg)
{
	if (msg->mode == APIC_EXTINT)
		return take_extint(m, msg);
	return msg->mode != APIC_SMI && m->apic_engine->send(m, apic_message_address(msg), apic_message_data(msg));
}

/* ---- an instruction of the interpreter that reaches for its APIC ------------------------------------------------------------------------ */

bool lapic_borrow(struct lapic *l)
{
	struct cpu_apic_page p;

	if (!l->cpu || !l->dev.machine->apic_engine->borrow(l->cpu, &p))
		return false;
	lapic_import(l, &p);
	l->borrowed = true;
	return true;
}

void lapic_give_back(struct lapic *l)
{
	struct cpu_apic_page p;

	if (!l->borrowed)
		return;
	l->borrowed = false;
	lapic_export(l, &p);
	l->dev.machine->apic_engine->give_back(l->cpu, &p);
}
