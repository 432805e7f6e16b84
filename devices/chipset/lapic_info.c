/* lapic_info.c - what info lapic prints. */
#include "devices/chipset/lapic_priv.h"
#include <string.h>

static const char *const modes[] = { "Fixed", "Lowest", "SMI", "...", "NMI", "INIT", "SIPI", "ExtINT" };

static void print_lvt(const struct lapic *l, unsigned entry, const char *name, struct text *out)
{
	static const char *const timer_modes[] = { "one-shot", "periodic", "tsc-deadline", "..." };
	uint32_t v = l->lvt[entry];
	unsigned mode = v >> LVT_MODE_SHIFT & 7;
	char vector[16] = "";

	if (mode == APIC_FIXED || mode == APIC_LOWEST || mode == APIC_EXTINT)
		snprintf(vector, sizeof vector, " (vec %u)", v & 0xff);
	text_printf(out, "%s\t 0x%08x %s %-5s %-6s %-7s %-12s %-6s%s\n", name, v, v & LVT_ACTIVE_LOW ? "active-lo" : "active-hi",
	            v & LVT_LEVEL ? "level" : "edge", v & LVT_MASKED ? "masked" : "", v >> 12 & 1 ? "pending" : "", entry == LVT_TIMER ? timer_modes[v >> 17 & 3] : "",
	            entry == LVT_TIMER || entry == LVT_ERROR ? "Fixed" : modes[mode], vector);
}

static void print_bits(const char *name, const uint32_t v[8], const uint32_t tmr[8], struct text *out)
{
	bool any = false;

	text_printf(out, "%s\t ", name);
	for (unsigned i = 0; i < 256; i++)
		if (v[i / 32] >> i % 32 & 1) {
			text_printf(out, "%u%s ", i, tmr[i / 32] >> i % 32 & 1 ? "(level)" : "");
			any = true;
		}
	text_printf(out, "%s\n", any ? "" : "(none)");
}

static void print_icr(const struct lapic *l, struct text *out)
{
	static const char *const shorthands[] = { "no-shorthand", "self", "all-self", "all" };
	uint32_t lo = (uint32_t)l->icr, hi = (uint32_t)(l->icr >> 32);
	bool logical = lo >> 11 & 1;

	text_printf(out, "ICR\t 0x%08x %s %s %s %s\n", lo, logical ? "logical" : "physical", lo >> 15 & 1 ? "level" : "edge",
	            lo >> 14 & 1 ? "assert" : "de-assert", shorthands[lo >> 18 & 3]);
	text_printf(out, "ICR2\t 0x%08x", hi);
	if (logical) {
		text_printf(out, " mask ");
		for (int i = 7; i >= 0; i--)
			text_printf(out, "%u", hi >> 24 >> i & 1);
		text_printf(out, " (APIC ID)\n");
	} else {
		text_printf(out, " cpu %u (%s ID)\n", l->base & BASE_EXTD ? hi : hi >> 24, l->base & BASE_EXTD ? "X2APIC" : "APIC");
	}
}

void lapic_print(void *arg, struct text *out)
{
	struct lapic *l = arg;
	uint8_t ppr = lapic_ppr(l);

	text_printf(out, "dumping local APIC state for CPU %u \n\n", l->index);
	print_lvt(l, LVT_LINT0, "LVT0", out);
	print_lvt(l, LVT_LINT1, "LVT1", out);
	print_lvt(l, LVT_PERFORMANCE, "LVTPC", out);
	print_lvt(l, LVT_ERROR, "LVTERR", out);
	print_lvt(l, LVT_THERMAL, "LVTTHMR", out);
	print_lvt(l, LVT_TIMER, "LVTT", out);
	text_printf(out, "Timer\t DCR=0x%x (divide by %u) initial_count = %u current_count = %u\n", l->divide, lapic_timer_divisor(l),
	            l->initial_count, lapic_timer_count(l));
	text_printf(out, "SPIV\t 0x%08x APIC %s, focus=%s, spurious vec %u\n", l->svr, l->svr & SVR_ENABLE ? "enabled" : "disabled",
	            l->svr & 1 << 9 ? "on" : "off", l->svr & 0xff);
	print_icr(l, out);
	text_printf(out, "ESR\t 0x%08x\n", l->esr);
	print_bits("ISR", l->isr, l->tmr, out);
	print_bits("IRR", l->irr, l->tmr, out);
	text_printf(out, "\nAPR 0x%02x TPR 0x%02x DFR 0x%02x LDR 0x%02x PPR 0x%02x\n", ppr, l->tpr, l->dfr >> 28,
	            l->base & BASE_EXTD ? l->ldr : l->ldr >> 24, ppr);
}
