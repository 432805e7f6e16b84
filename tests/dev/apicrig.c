/* apicrig.c - a board whose local APICs have their wires watched. */
#include "tests/dev/apicrig.h"

static void wire(void *arg, int n, int level)
{
	struct rig_end *e = arg;

	if (n == LAPIC_INTR)
		e->r->intr[e->i] = level;
	else if (level)
		(n == LAPIC_NMI ? e->r->nmi : n == LAPIC_SMI ? e->r->smi : e->r->init)[e->i]++;
}

static void sipi(void *arg, uint8_t vector)
{
	struct rig_end *e = arg;

	e->r->sipi[e->i] = vector;
}

void apicrig_new(struct rig *r, const char *args)
{
	*r = (struct rig){ .m = board_new(args), .sipi = { -1, -1, -1, -1 } };
	for (unsigned i = 0; i < RIG_APICS && r->m->lapics[i]; i++) {
		struct irq_line w[LAPIC_WIRES];
		r->end[i] = (struct rig_end){ r, i };
		for (int n = 0; n < LAPIC_WIRES; n++)
			w[n] = (struct irq_line){ .set = wire, .arg = &r->end[i], .n = n };
		lapic_wire(r->m->lapics[i], i, w, sipi, &r->end[i]);
	}
}

void apicrig_on(struct rig *r, const char *args, unsigned n, bool x2)
{
	apicrig_new(r, args);
	for (unsigned i = 0; i < n; i++) {
		if (x2)
			enable_x2apic(r, i);
		set_on(r, i, SVR, 0x1ff);
	}
}
