/* test_apic_rules.c - local APICs by the rules of the SDM (volume 3, "Advanced Programmable Interrupt Controller"): NMIs, interrupts to itself,
 * logical destinations, lowest priority, what TPR and CR8 keep back, errors. */
#include "tests/dev/apicrig.h"
#include "core/cpu/cpu.h"

enum { SELF = 1 << 18, ALL = 2 << 18, OTHERS = 3 << 18, NMI = 4 << 8, LOGICAL = 1 << 11, LOWEST = 1 << 8 };

/* What the CPU does when MOV to CR8 is executed; it takes the lock itself. */
static void set_cr8(struct rig *r, unsigned cpu, uint8_t v)
{
	machine_unlock(r->m);
	lapic_cpu_ops.set_tpr(lapic_of(r->m->lapics[cpu]), v);
	machine_lock(r->m);
}

/* ---- NMI ------------------------------------------------------------------------------------------------------------------------------- */

static void nmis(struct rig *r, unsigned a, unsigned b, unsigned c)
{
	assert_int_equal(r->nmi[0], a);
	assert_int_equal(r->nmi[1], b);
	assert_int_equal(r->nmi[2], c);
	memset(r->nmi, 0, sizeof r->nmi);
}

/* The vector is ignored, no priority keeps an NMI back, nothing is put into IRR; an APIC that its software has disabled takes it, one that
 * is off does not. */
static void nmi_delivery(void **state)
{
	struct rig r;

	apicrig_new(&r, "-m 16 -smp 3");
	set(&r, SVR, 0x1ff);
	set_on(&r, 0, TPR, 0xff);
	set_on(&r, 2, TPR, 0xff);
	set(&r, ICR2, 2u << 24);
	set(&r, ICR, NMI);
	nmis(&r, 0, 0, 1);
	set(&r, ICR, NMI | OTHERS | 0xff);
	nmis(&r, 0, 1, 1);
	set(&r, ICR, NMI | ALL | 0x41);
	nmis(&r, 1, 1, 1);
	set_on(&r, 1, LDR, 0x02000000);
	set(&r, ICR2, 6u << 24);
	set(&r, ICR, NMI | LOGICAL);
	nmis(&r, 0, 1, 0);
	apic_msi(r.m, 0xfee02000u, NMI);
	nmis(&r, 0, 0, 1);
	io_entry(&r, 4, UINT64_C(1) << 56 | NMI);
	pin(&r, 4, 1);
	nmis(&r, 0, 1, 0);
	wrmsr(&r, 1, 0x1b, 0xfee00000u);
	set(&r, ICR, NMI | ALL);
	nmis(&r, 1, 0, 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(r.intr[i], 0);
		assert_int_equal(get_on(&r, i, IRR + 0x20), 0);
	}
	set(&r, ESR, 0);
	assert_int_equal(get(&r, ESR), 0);
	board_free(r.m);
}

/* ---- to itself ---------------------------------------------------------------------------------------------------------------------------- */

static void self_ipi(void **state)
{
	struct rig r;

	apicrig_on(&r, "-m 16 -smp 2", 2, false);
	set(&r, ICR2, 1u << 24);                                /* a shorthand needs no destination */
	set(&r, ICR, SELF | 0x41);
	assert_int_equal(r.intr[0], 1);
	assert_int_equal(r.intr[1], 0);
	assert_int_equal(get(&r, ICR), SELF | 0x41);
	assert_int_equal(ack(&r, 0), 0x41);
	set(&r, ICR, SELF | 0x41);                              /* waits for the end of the first, */
	set(&r, ICR, SELF | 0x41);                              /* and two are one */
	assert_int_equal(r.intr[0], 0);
	eoi(&r, 0);
	assert_int_equal(ack(&r, 0), 0x41);
	eoi(&r, 0);
	assert_int_equal(r.intr[0], 0);

	for (unsigned i = 0; i < 2; i++)
		enable_x2apic(&r, i);
	wrmsr(&r, 1, X2_SELF, 0x52);
	assert_int_equal(r.intr[0], 0);
	assert_int_equal(ack(&r, 1), 0x52);
	wrmsr(&r, 1, X2_EOI, 0);
	wrmsr(&r, 1, X2_ICR, SELF | 0x53);
	assert_int_equal(ack(&r, 1), 0x53);
	wrmsr(&r, 1, X2_EOI, 0);
	uint64_t v;
	assert_false(lapic_wrmsr(r.m->lapics[1], X2_SELF, 0x100));
	assert_false(lapic_rdmsr(r.m->lapics[1], X2_SELF, &v));
	wrmsr(&r, 1, X2_SVR, 0xff);                             /* disabled by software: nothing is taken */
	wrmsr(&r, 1, X2_SELF, 0x54);
	assert_int_equal(r.intr[1], 0);
	wrmsr(&r, 1, X2_SVR, 0x1ff);
	assert_int_equal(r.intr[1], 0);
	board_free(r.m);
}

/* ---- destinations --------------------------------------------------------------------------------------------------------------------------- */

/* Who has got the vector, as bits; it is ended there. */
static unsigned who(struct rig *r, unsigned n, int vector)
{
	unsigned got = 0;

	for (unsigned i = 0; i < n; i++)
		if (r->intr[i]) {
			assert_int_equal(ack(r, i), vector);
			eoi(r, i);
			got |= 1u << i;
		}
	return got;
}

static unsigned send_logical(struct rig *r, uint32_t dest, unsigned n)
{
	set_on(r, 0, ICR2, dest << 24);
	set_on(r, 0, ICR, LOGICAL | 0x61);
	return who(r, n, 0x61);
}

/* Clusters of four: the upper half of the destination names a cluster, the lower one its members. */
static void clusters(void **state)
{
	struct rig r;

	apicrig_on(&r, "-m 16 -smp 4", 4, false);
	for (unsigned i = 0; i < 4; i++) {
		set_on(&r, i, DFR, 0x0fffffff);
		set_on(&r, i, LDR, (i / 2 << 4 | 1u << i % 2) << 24);
	}
	assert_int_equal(send_logical(&r, 0x01, 4), 1);
	assert_int_equal(send_logical(&r, 0x03, 4), 3);
	assert_int_equal(send_logical(&r, 0x0f, 4), 3);
	assert_int_equal(send_logical(&r, 0x12, 4), 8);
	assert_int_equal(send_logical(&r, 0x13, 4), 12);
	assert_int_equal(send_logical(&r, 0x1c, 4), 0);         /* no such members, */
	assert_int_equal(send_logical(&r, 0x23, 4), 0);         /* no such cluster */
	assert_int_equal(send_logical(&r, 0xff, 4), 15);        /* all */
	/* flat again: one bit each */
	for (unsigned i = 0; i < 4; i++) {
		set_on(&r, i, DFR, 0xffffffff);
		set_on(&r, i, LDR, 1u << (i + 4) << 24);
	}
	assert_int_equal(send_logical(&r, 0x50, 4), 5);
	assert_int_equal(send_logical(&r, 0x0f, 4), 0);
	assert_int_equal(send_logical(&r, 0xff, 4), 15);
	board_free(r.m);
}

/* x2APIC: cluster in bits 31-16, members in 15-0; the register follows from the id. */
static void x2_clusters(void **state)
{
	struct rig r;

	apicrig_on(&r, "-m 16 -smp 4,sockets=4,cores=9,maxcpus=36", 4, false);      /* ids 0 to 3, of a socket's 16 */
	for (unsigned i = 0; i < 4; i++)
		enable_x2apic(&r, i);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(rdmsr(&r, i, X2_LDR), 1u << i);
	wrmsr(&r, 0, X2_ICR, UINT64_C(0x0000000a) << 32 | LOGICAL | 0x61);
	assert_int_equal(who(&r, 4, 0x61), 10);
	wrmsr(&r, 0, X2_ICR, UINT64_C(0x0001000a) << 32 | LOGICAL | 0x61);      /* the next cluster */
	assert_int_equal(who(&r, 4, 0x61), 0);
	wrmsr(&r, 0, X2_ICR, UINT64_C(0xffffffff) << 32 | LOGICAL | 0x61);
	assert_int_equal(who(&r, 4, 0x61), 15);
	wrmsr(&r, 0, X2_ICR, UINT64_C(0x000000ff) << 32 | 0x61);        /* physical: no broadcast here */
	assert_int_equal(who(&r, 4, 0x61), 0);
	assert_false(lapic_wrmsr(r.m->lapics[0], X2_LDR, 1));
	board_free(r.m);

	apicrig_on(&r, "-m 16 -smp 4,sockets=4,cores=1,threads=1", 4, true);
	wrmsr(&r, 0, X2_ICR, UINT64_C(0x00000004) << 32 | LOGICAL | LOWEST | 0x61);
	assert_int_equal(who(&r, 4, 0x61), 4);
	board_free(r.m);
}

/* Lowest priority: one takes it, the one whose priority (of TPR, or of what is in service) is lowest. */
static void lowest_priority(void **state)
{
	struct rig r;

	apicrig_on(&r, "-m 16 -smp 4", 4, false);
	for (unsigned i = 0; i < 4; i++)
		set_on(&r, i, LDR, 1u << i << 24);
	set_on(&r, 0, TPR, 0x40);
	set_on(&r, 1, TPR, 0x30);
	set_on(&r, 2, TPR, 0x20);
	set_on(&r, 3, TPR, 0x50);
	set_on(&r, 0, ICR2, 0x0fu << 24);
	set_on(&r, 0, ICR, LOGICAL | LOWEST | 0x71);
	assert_int_equal(who(&r, 4, 0x71), 4);
	set_on(&r, 0, ICR2, 0x0bu << 24);                       /* without that one */
	set_on(&r, 0, ICR, LOGICAL | LOWEST | 0x71);
	assert_int_equal(who(&r, 4, 0x71), 2);
	apic_msi(r.m, 0xfee02000u, 0x81);                       /* 2 gets busy with class 8 */
	assert_int_equal(ack(&r, 2), 0x81);
	set_on(&r, 0, ICR2, 0x0du << 24);
	set_on(&r, 0, ICR, LOGICAL | LOWEST | 0x71);
	assert_int_equal(who(&r, 4, 0x71), 1);
	eoi(&r, 2);
	set_on(&r, 0, ICR, LOGICAL | LOWEST | 0x71);
	assert_int_equal(who(&r, 4, 0x71), 4);
	io_entry(&r, 4, UINT64_C(0x0b) << 56 | LOGICAL | LOWEST | 0x72);
	pin(&r, 4, 1);
	assert_int_equal(who(&r, 4, 0x72), 2);
	board_free(r.m);
}

/* ---- priorities ------------------------------------------------------------------------------------------------------------------------------ */

/* Class by class: TPR keeps back its own and lower ones; PPR is the higher of TPR and what is in service. */
static void tpr_and_ppr(void **state)
{
	struct rig r;

	apicrig_on(&r, "-m 16", 1, false);
	for (uint32_t class = 1; class < 16; class++) {
		set(&r, TPR, 0);
		set(&r, ICR, SELF | class << 4 | 5);
		assert_int_equal(r.intr[0], 1);
		set(&r, TPR, class << 4);
		assert_int_equal(r.intr[0], 0);
		set(&r, TPR, (class - 1) << 4 | 0xf);
		assert_int_equal(r.intr[0], 1);
		assert_int_equal(get(&r, PPR), (class - 1) << 4 | 0xf);
		assert_int_equal(ack(&r, 0), class << 4 | 5);
		assert_int_equal(get(&r, PPR), class << 4);
		set(&r, TPR, class << 4 | 3);
		assert_int_equal(get(&r, PPR) & 0xf0, class << 4);
		eoi(&r, 0);
		assert_int_equal(get(&r, PPR), class << 4 | 3);
	}
	/* nesting: each EOI ends the highest */
	set(&r, TPR, 0);
	for (uint32_t v = 0x35; v <= 0x55; v += 0x10) {
		set(&r, ICR, SELF | v);
		assert_int_equal(ack(&r, 0), v);
		assert_int_equal(get(&r, PPR), v & 0xf0);
	}
	eoi(&r, 0);
	assert_int_equal(get(&r, PPR), 0x40);
	set(&r, PPR, 0);                                        /* read-only */
	assert_int_equal(get(&r, PPR), 0x40);
	eoi(&r, 0);
	assert_int_equal(get(&r, PPR), 0x30);
	eoi(&r, 0);
	assert_int_equal(get(&r, PPR), 0);
	eoi(&r, 0);                                             /* one too many is nothing */
	assert_int_equal(get(&r, PPR), 0);
	board_free(r.m);
}

/* CR8 is bits 7-4 of TPR, either way. */
static void cr8(void **state)
{
	struct rig r;

	apicrig_on(&r, "-m 16", 1, true);
	wrmsr(&r, 0, X2_TPR, 0x5a);
	assert_int_equal(lapic_cpu_ops.get_tpr(lapic_of(r.m->lapics[0])), 5);
	wrmsr(&r, 0, X2_SELF, 0x65);
	assert_int_equal(r.intr[0], 1);
	set_cr8(&r, 0, 6);
	assert_int_equal(r.intr[0], 0);
	assert_int_equal(rdmsr(&r, 0, X2_TPR), 0x60);
	set_cr8(&r, 0, 15);
	wrmsr(&r, 0, X2_SELF, 0xf5);
	assert_int_equal(r.intr[0], 0);
	set_cr8(&r, 0, 14);
	assert_int_equal(ack(&r, 0), 0xf5);
	set_cr8(&r, 0, 0);
	assert_int_equal(r.intr[0], 0);
	wrmsr(&r, 0, X2_EOI, 0);
	assert_int_equal(ack(&r, 0), 0x65);
	board_free(r.m);
}

/* ---- errors ---------------------------------------------------------------------------------------------------------------------------------- */

enum { SEND_ILLEGAL = 0x20, RECEIVE_ILLEGAL = 0x40, ILLEGAL_REGISTER = 0x80 };

static uint32_t errors(struct rig *r, unsigned cpu)
{
	set_on(r, cpu, ESR, 0);
	return get_on(r, cpu, ESR);
}

static void error_status(void **state)
{
	struct rig r;

	apicrig_on(&r, "-m 16 -smp 2", 2, false);
	for (unsigned i = 0; i < 2; i++)
		set_on(&r, i, ERRORS, 0x50);
	set(&r, ICR2, 1u << 24);
	set(&r, ICR, 0x0f);
	assert_int_equal(get(&r, ESR), 0);                      /* not before it is written to */
	assert_int_equal(who(&r, 2, 0x50), 1);
	set(&r, ICR, 0x0f);
	assert_int_equal(who(&r, 2, 0x50), 0);                  /* no second time until then */
	assert_int_equal(errors(&r, 0), SEND_ILLEGAL);
	assert_int_equal(errors(&r, 0), 0);
	set(&r, ICR, 0x0f);
	assert_int_equal(who(&r, 2, 0x50), 1);
	assert_int_equal(errors(&r, 0), SEND_ILLEGAL);
	apic_msi(r.m, 0xfee01000u, 0x0f);                       /* illegal when it comes in */
	assert_int_equal(who(&r, 2, 0x50), 2);
	assert_int_equal(errors(&r, 1), RECEIVE_ILLEGAL);
	assert_int_equal(errors(&r, 0), 0);
	set(&r, DIVIDE, 11);                                    /* and when it comes from the LVT */
	set(&r, TIMER, 0x0e);
	set(&r, INITIAL, 100);
	board_step(r.m, 100);
	assert_int_equal(who(&r, 2, 0x50), 1);
	assert_int_equal(errors(&r, 0), RECEIVE_ILLEGAL);
	set(&r, ERRORS, 0x01);                               /* the vector of errors itself */
	set(&r, ICR, 0x0f);
	assert_int_equal(who(&r, 2, 0x50), 0);
	assert_int_equal(errors(&r, 0), SEND_ILLEGAL | RECEIVE_ILLEGAL);
	set(&r, ERRORS, 0x10050);                            /* masked: logged, nobody is told */
	set(&r, 0x40, 1);
	assert_int_equal(get(&r, 0x3f0), 0);
	assert_int_equal(who(&r, 2, 0x50), 0);
	assert_int_equal(errors(&r, 0), ILLEGAL_REGISTER);
	assert_int_equal(get(&r, IRR), 0);                      /* vectors below 16 are never there */
	board_free(r.m);
}

/* In x2APIC mode reserved registers and bits fault instead; the value written to ESR must be 0. */
static void x2_errors(void **state)
{
	static const struct { uint32_t msr; uint64_t v; } bad[] = { { X2_ESR, 1 }, { X2_EOI, 1 }, { X2_TPR, 0x100 }, { X2_SVR, 0x1000 }, { X2_ICR, 1 << 12 },
		{ X2_ICR, 1 << 13 }, { X2_ICR, 1 << 16 }, { X2_ICR, 1 << 20 }, { X2_TIMER, 1 << 8 }, { X2_TIMER, UINT64_C(1) << 32 }, { X2_ERROR, 1 << 8 },
		{ X2_DIVIDE, 4 }, { X2_DIVIDE, 0x10 }, { X2_INITIAL, UINT64_C(1) << 32 }, { 0x804, 0 }, { 0x803, 0 }, { 0x80a, 0 }, { 0x831, 0 } };
	struct rig r;

	apicrig_on(&r, "-m 16", 1, true);
	wrmsr(&r, 0, X2_ERROR, 0x50);
	for (size_t n = 0; n < sizeof bad / sizeof bad[0]; n++)
		if (lapic_wrmsr(r.m->lapics[0], bad[n].msr, bad[n].v))
			fail_msg("MSR %x takes %llx", bad[n].msr, (unsigned long long)bad[n].v);
	wrmsr(&r, 0, X2_ESR, 0);
	assert_int_equal(rdmsr(&r, 0, X2_ESR), 0);
	wrmsr(&r, 0, X2_SELF, 0x0f);
	assert_int_equal(who(&r, 1, 0x50), 1);
	wrmsr(&r, 0, X2_ESR, 0);
	assert_int_equal(rdmsr(&r, 0, X2_ESR), SEND_ILLEGAL);
	wrmsr(&r, 0, X2_ICR, 0x0f);
	wrmsr(&r, 0, X2_ESR, 0);
	assert_int_equal(rdmsr(&r, 0, X2_ESR), SEND_ILLEGAL);
	wrmsr(&r, 0, X2_TIMER, 0x1000 | 0x10040);               /* a read-only bit is no reserved one */
	assert_int_equal(rdmsr(&r, 0, X2_TIMER), 0x10040);
	board_free(r.m);
}

/* While the APICs are an engine's: what goes to it, and what does not. */
static bool sent_on(struct machine *m, uint64_t addr, uint32_t data)
{
	m->apic_engine = NULL;          /* seen */
	return true;
}

static void what_an_engine_is_sent(void **state)
{
	static const struct apic_engine fake = { .send = sent_on };
	struct rig r;

	apicrig_on(&r, "-smp 2", 2, false);
	for (unsigned mode = APIC_FIXED; mode <= APIC_EXTINT; mode++) {
		struct apic_message msg = { .dest = 1, .mode = mode, .vector = 0x44 };
		bool ours = mode == APIC_SMI || mode == APIC_EXTINT;
		r.m->apic_engine = &fake;
		assert_int_equal(apic_send(r.m, &msg), mode != APIC_SMI);
		assert_ptr_equal(r.m->apic_engine, ours ? &fake : NULL);
		r.m->apic_engine = NULL;
		assert_int_equal(r.smi[1], 0);
	}
	assert_int_equal(r.intr[1], 1);
	assert_int_equal(r.intr[0], 0);
	board_free(r.m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nmi_delivery), cmocka_unit_test(self_ipi), cmocka_unit_test(clusters),
		cmocka_unit_test(x2_clusters), cmocka_unit_test(lowest_priority), cmocka_unit_test(tpr_and_ppr), cmocka_unit_test(cr8),
		cmocka_unit_test(error_status), cmocka_unit_test(x2_errors),
		cmocka_unit_test(what_an_engine_is_sent) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
