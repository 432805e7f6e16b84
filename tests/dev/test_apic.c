/* test_apic.c - local APICs and the I/O APIC: delivery, priorities, levels, timers, messages between processors, virtual wire. */
#include "devices/chipset/i8259.h"
#include "tests/dev/apicrig.h"

static void after_reset(void **state)
{
	struct rig r;
	uint64_t v;

	apicrig_new(&r, "-m 16 -smp 2");
	assert_int_equal(get(&r, 0x30), 0x50014);
	assert_int_equal(get(&r, SVR), 0xff);
	assert_int_equal(get(&r, TIMER), 0x10000);
	assert_int_equal(get(&r, LINT0), 0x10000);
	assert_true(lapic_rdmsr(r.m->lapics[0], 0x1b, &v));
	assert_int_equal(v, 0xfee00900u);
	assert_true(lapic_rdmsr(r.m->lapics[1], 0x1b, &v));
	assert_int_equal(v, 0xfee00800u);
	set(&r, TIMER, 0x20);
	assert_int_equal(get(&r, TIMER), 0x10020);          /* masked while the software has it off */
	board_free(r.m);
}

static void priorities(void **state)
{
	struct rig r;

	apicrig_new(&r, "-m 16");
	set(&r, SVR, 0x1ff);
	set(&r, ICR, 0x40000 | 0x41);                           /* to itself */
	set(&r, ICR, 0x40000 | 0x61);
	assert_int_equal(r.intr[0], 1);
	assert_int_equal(get(&r, IRR + 0x20), 0x2);
	assert_int_equal(ack(&r, 0), 0x61);
	assert_int_equal(get(&r, PPR), 0x60);
	assert_int_equal(r.intr[0], 0);
	set(&r, EOI, 0);
	assert_int_equal(r.intr[0], 1);
	set(&r, TPR, 0x40);
	assert_int_equal(r.intr[0], 0);
	assert_int_equal(ack(&r, 0), 0xff);                     /* spurious: raised meanwhile */
	assert_int_equal(get(&r, ISR + 0x70), 0);
	set(&r, TPR, 0x30);
	assert_int_equal(ack(&r, 0), 0x41);
	board_free(r.m);
}

static void errors(void **state)
{
	struct rig r;

	apicrig_new(&r, "-m 16");
	set(&r, SVR, 0x1ff);
	set(&r, ERRORS, 0x50);
	set(&r, ICR, 0x40000 | 5);                              /* vectors below 16 are illegal */
	assert_int_equal(ack(&r, 0), 0x50);
	assert_int_equal(get(&r, ESR), 0);
	set(&r, ESR, 0);
	assert_int_equal(get(&r, ESR), 0x20);
	board_free(r.m);
}

static void edge_pin(void **state)
{
	struct rig r;

	apicrig_new(&r, "-m 16");
	set(&r, SVR, 0x1ff);
	io_entry(&r, 4, 0x31);
	pin(&r, 4, 1);
	pin(&r, 4, 0);
	assert_int_equal(ack(&r, 0), 0x31);
	pin(&r, 4, 1);
	set(&r, EOI, 0);
	assert_int_equal(ack(&r, 0), 0x31);
	set(&r, EOI, 0);
	io_entry(&r, 4, 0x10031);
	pin(&r, 4, 0);
	pin(&r, 4, 1);
	assert_int_equal(r.intr[0], 0);
	board_free(r.m);
}

static void level_pin(void **state)
{
	struct rig r;

	apicrig_new(&r, "-m 16");
	set(&r, SVR, 0x1ff);
	io_entry(&r, 10, 0x8045);
	pin(&r, 10, 1);
	assert_int_equal(io_get(&r, 10), 0xc045);               /* remote IRR */
	assert_int_equal(ack(&r, 0), 0x45);
	pin(&r, 10, 0);
	pin(&r, 10, 1);
	assert_int_equal(r.intr[0], 0);                         /* not before the EOI */
	set(&r, EOI, 0);
	assert_int_equal(r.intr[0], 1);                         /* still up: sent again */
	assert_int_equal(ack(&r, 0), 0x45);
	pin(&r, 10, 0);
	set(&r, EOI, 0);
	assert_int_equal(io_get(&r, 10), 0x8045);
	assert_int_equal(r.intr[0], 0);
	poke32(r.m, IOAPIC, 1);
	assert_int_equal(peek32(r.m, IOAPIC + 0x10), 0x170020);
	board_free(r.m);
}

/* ISA interrupt 0 comes in on pin 2. */
static void isa_override(void **state)
{
	struct rig r;

	apicrig_new(&r, "-m 16");
	set(&r, SVR, 0x1ff);
	io_entry(&r, 2, 0x30);
	io_entry(&r, 8, 0x38);
	irq_set(&r.m->isa_irq[0], 1);
	assert_int_equal(ack(&r, 0), 0x30);
	irq_set(&r.m->isa_irq[8], 1);
	set(&r, EOI, 0);
	assert_int_equal(ack(&r, 0), 0x38);
	board_free(r.m);
}

static void destinations(void **state)
{
	struct rig r;

	apicrig_new(&r, "-m 16 -smp 4");
	for (unsigned i = 0; i < 4; i++) {
		enable_x2apic(&r, i);
		assert_true(lapic_wrmsr(r.m->lapics[i], 0x80f, 0x1ff));
	}
	apic_msi(r.m, 0xfee02000u, 0x51);                       /* physical 2 */
	assert_int_equal(ack(&r, 2), 0x51);
	apic_msi(r.m, 0xfee0a004u, 0x52);                       /* logical, cluster 0, 1 and 3 */
	assert_int_equal(ack(&r, 1), 0x52);
	assert_int_equal(ack(&r, 3), 0x52);
	assert_int_equal(ack(&r, 0), -1);
	/* lowest priority: the one with nothing in service */
	apic_msi(r.m, 0xfee0f004u, 0x153);
	assert_int_equal(ack(&r, 0), 0x53);
	assert_int_equal(ack(&r, 1), -1);
	/* all but itself, then everybody by the broadcast address */
	assert_true(lapic_wrmsr(r.m->lapics[0], 0x830, 0xc0000 | 0x71));
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(ack(&r, i), 0x71);
	assert_int_equal(r.intr[0], 0);
	assert_true(lapic_wrmsr(r.m->lapics[0], 0x830, UINT64_C(0xffffffff00000000) | 0x81));
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(ack(&r, i), 0x81);
	board_free(r.m);
}

/* INIT, start-up and NMI to another processor. */
static void startup(void **state)
{
	struct rig r;

	apicrig_new(&r, "-m 16 -smp 2");
	set(&r, SVR, 0x1ff);
	set(&r, ICR2, 1u << 24);
	set(&r, ICR, 0xc500);
	set(&r, ICR, 0x8500);                                   /* de-assert: nothing */
	set(&r, ICR, 0x4600 | 0x9a);
	set(&r, ICR, 0x4400);
	assert_int_equal(r.init[1], 1);
	assert_int_equal(r.sipi[1], 0x9a);
	assert_int_equal(r.nmi[1], 1);
	assert_int_equal(r.init[0] + r.nmi[0], 0);
	board_free(r.m);
}

static void flat_and_cluster(void **state)
{
	struct rig r;

	apicrig_new(&r, "-m 16");
	set(&r, SVR, 0x1ff);
	set(&r, LDR, 0x14000000);
	apic_msi(r.m, 0xfee04004u, 0x61);                       /* flat: bit 2 */
	assert_int_equal(ack(&r, 0), 0x61);
	set(&r, EOI, 0);
	set(&r, DFR, 0x0fffffff);
	apic_msi(r.m, 0xfee04004u, 0x61);                       /* cluster 0: not ours */
	assert_int_equal(r.intr[0], 0);
	apic_msi(r.m, 0xfee14004u, 0x61);
	assert_int_equal(ack(&r, 0), 0x61);
	board_free(r.m);
}

/* The time of a one-shot is over before anybody has looked, as on a busy host, and the timer is written to: its interrupt still comes. */
static void late_timer(void **state)
{
	struct rig r;

	apicrig_new(&r, "-m 16");
	set(&r, SVR, 0x1ff);
	set(&r, DIVIDE, 0xb);                                   /* by 1 */
	set(&r, TIMER, 0x50);
	set(&r, INITIAL, 1000);
	clock_set(&r.m->clock, clock_now(&r.m->clock) + 5000);  /* without running what is due */
	set(&r, TIMER, 0x51);
	board_step(r.m, 1);
	assert_int_equal(ack(&r, 0), 0x51);
	set(&r, EOI, 0);
	board_step(r.m, 100000);
	assert_int_equal(r.intr[0], 0);                         /* and once */
	/* an end that passes while it is masked is none later */
	set(&r, TIMER, 0x10051);
	set(&r, INITIAL, 1000);
	board_step(r.m, 5000);
	set(&r, TIMER, 0x51);
	board_step(r.m, 100000);
	assert_int_equal(r.intr[0], 0);
	board_free(r.m);
}

static void timer(void **state)
{
	struct rig r;

	apicrig_new(&r, "-m 16");
	set(&r, SVR, 0x1ff);
	set(&r, DIVIDE, 0x3);                                   /* by 16 */
	set(&r, TIMER, 0x40);
	set(&r, INITIAL, 10000);
	board_step(r.m, 80000);
	assert_int_equal(get(&r, CURRENT), 5000);
	board_step(r.m, 80000);
	assert_int_equal(ack(&r, 0), 0x40);
	set(&r, EOI, 0);
	assert_int_equal(get(&r, CURRENT), 0);
	board_step(r.m, 1000000);
	assert_int_equal(r.intr[0], 0);
	set(&r, TIMER, 0x20040);                            /* periodic */
	set(&r, INITIAL, 10000);
	for (int i = 0; i < 10; i++) {
		board_step(r.m, 160000);
		assert_int_equal(ack(&r, 0), 0x40);
		set(&r, EOI, 0);
	}
	set(&r, TIMER, 0x30040);                            /* masked: it counts, nobody is told */
	assert_int_equal(clock_deadline(&r.m->clock), NO_DEADLINE);
	board_step(r.m, 80000);
	assert_int_equal(get(&r, CURRENT), 5000);
	board_free(r.m);
}

static void tsc_deadline(void **state)
{
	struct rig r;
	uint64_t v;

	apicrig_new(&r, "-m 16");
	set(&r, SVR, 0x1ff);
	set(&r, TIMER, 0x40040);
	assert_true(lapic_wrmsr(r.m->lapics[0], 0x6e0, (uint64_t)clock_now(&r.m->clock) + 5000));
	board_step(r.m, 4999);
	assert_int_equal(r.intr[0], 0);
	board_step(r.m, 1);
	assert_int_equal(ack(&r, 0), 0x40);
	assert_true(lapic_rdmsr(r.m->lapics[0], 0x6e0, &v));
	assert_int_equal(v, 0);
	set(&r, EOI, 0);
	assert_true(lapic_wrmsr(r.m->lapics[0], 0x6e0, 1));     /* long past: at once */
	board_step(r.m, 0);
	assert_int_equal(ack(&r, 0), 0x40);
	board_free(r.m);
}

static void x2apic(void **state)
{
	struct rig r;
	uint64_t v;

	apicrig_new(&r, "-m 16 -smp 2");
	struct device *l = r.m->lapics[1];
	assert_false(lapic_rdmsr(l, 0x802, &v));
	assert_false(lapic_wrmsr(l, 0x1b, 0xfee00400u));        /* EXTD without EN */
	enable_x2apic(&r, 1);
	assert_true(lapic_rdmsr(l, 0x802, &v));
	assert_int_equal(v, 1);
	assert_true(lapic_rdmsr(l, 0x80d, &v));
	assert_int_equal(v, 2);
	assert_false(lapic_rdmsr(l, 0x80e, &v));                /* no DFR */
	assert_false(lapic_wrmsr(l, 0x80b, 1));                 /* EOI takes 0 only */
	assert_false(lapic_wrmsr(l, 0x802, 1));
	assert_true(lapic_wrmsr(l, 0x80f, 0x1ff));
	assert_true(lapic_wrmsr(l, 0x83f, 0x42));               /* self IPI */
	assert_int_equal(ack(&r, 1), 0x42);
	assert_false(lapic_wrmsr(l, 0x1b, 0xfee00800u));        /* not straight back */
	assert_true(lapic_wrmsr(l, 0x1b, 0xfee00000u));
	assert_false(lapic_wrmsr(l, 0x1b, 0xfee00c00u));        /* nor straight up */
	board_free(r.m);
}

/* LINT0 as ExtINT: the 8259's vector; with the APIC off LINT0 is the INTR pin. */
static void virtual_wire(void **state)
{
	struct rig r;

	apicrig_new(&r, "-m 16");
	out8(r.m, 0x20, 0x11); out8(r.m, 0x21, 0x20); out8(r.m, 0x21, 4); out8(r.m, 0x21, 1);
	irq_set(&r.m->isa_irq[3], 1);
	assert_int_equal(r.intr[0], 0);                         /* until firmware opens the wire */
	set(&r, SVR, 0x1ff);
	set(&r, LINT0, 0x700);
	assert_int_equal(r.intr[0], 1);
	assert_int_equal(ack(&r, 0), 0x23);
	assert_int_equal(r.intr[0], 0);
	out8(r.m, 0x20, 0x20);
	irq_set(&r.m->isa_irq[3], 0);
	set(&r, SVR, 0x1ff);
	set(&r, LINT0, 0x10700);
	irq_set(&r.m->isa_irq[3], 1);
	assert_int_equal(r.intr[0], 0);
	assert_true(lapic_wrmsr(r.m->lapics[0], 0x1b, 0xfee00100u));
	assert_int_equal(r.intr[0], 1);
	assert_int_equal(ack(&r, 0), 0x23);
	board_free(r.m);
}

/* Three cores a socket: APIC id 3 stays free, in both modes.  Cluster 0 of x2APIC has 16 ids. */
static void ids_of_a_topology(void **state)
{
	struct rig r;
	uint64_t v;

	apicrig_new(&r, "-m 16 -smp 4,sockets=2,cores=3,maxcpus=6");
	struct device *l = r.m->lapics[3];
	enable_x2apic(&r, 3);
	assert_true(lapic_rdmsr(l, 0x802, &v));
	assert_int_equal(v, 4);
	assert_true(lapic_rdmsr(l, 0x80d, &v));
	assert_int_equal(v, 1 << 4);
	assert_true(lapic_wrmsr(l, 0x80f, 0x1ff));
	apic_msi(r.m, 0xfee04000u, 0x51);
	assert_int_equal(ack(&r, 3), 0x51);
	board_free(r.m);
}

/* What TPR keeps back comes when TPR falls: to a vector of the class above, not to one of the same. */
static void task_priority(void **state)
{
	struct rig r;

	apicrig_new(&r, "-m 16");
	set(&r, SVR, 0x1ff);
	set(&r, TPR, 0x60);
	set(&r, ICR, 0x40000 | 0x6f);
	assert_int_equal(r.intr[0], 0);
	set(&r, ICR, 0x40000 | 0x71);
	assert_int_equal(r.intr[0], 1);
	assert_int_equal(ack(&r, 0), 0x71);
	assert_int_equal(get(&r, PPR), 0x70);
	set(&r, TPR, 0x50);
	assert_int_equal(r.intr[0], 0);                         /* the one in service keeps it back */
	set(&r, EOI, 0);
	assert_int_equal(r.intr[0], 1);
	assert_int_equal(ack(&r, 0), 0x6f);
	board_free(r.m);
}

/* Lowest priority looks at TPR, too, and at those only that the message names and whose software has them on. */
static void lowest_by_priority(void **state)
{
	struct rig r;

	apicrig_new(&r, "-m 16 -smp 3");
	for (unsigned i = 0; i < 3; i++)
		enable_x2apic(&r, i);
	assert_true(lapic_wrmsr(r.m->lapics[0], 0x80f, 0x1ff));
	assert_true(lapic_wrmsr(r.m->lapics[1], 0x80f, 0x1ff));
	assert_true(lapic_wrmsr(r.m->lapics[0], 0x808, 0x20));
	apic_msi(r.m, 0xfee07004u, 0x161);                      /* logical, 0 to 2; 2 is off */
	assert_int_equal(ack(&r, 1), 0x61);
	apic_msi(r.m, 0xfee07004u, 0x162);                      /* 1 is busy with a higher one now */
	assert_int_equal(ack(&r, 0), 0x62);
	assert_int_equal(ack(&r, 2), -1);
	board_free(r.m);
}

static void lint1(void **state)
{
	struct rig r;

	apicrig_new(&r, "-m 16");
	struct irq_line l = lapic_lint(r.m->lapics[0], 1);
	set(&r, SVR, 0x1ff);
	irq_pulse(&l);
	assert_int_equal(r.nmi[0], 0);
	set(&r, LINT1, 0x400);
	irq_pulse(&l);
	assert_int_equal(r.nmi[0], 1);
	board_free(r.m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(after_reset), cmocka_unit_test(priorities), cmocka_unit_test(errors),
		cmocka_unit_test(edge_pin), cmocka_unit_test(level_pin), cmocka_unit_test(isa_override), cmocka_unit_test(destinations),
		cmocka_unit_test(startup), cmocka_unit_test(flat_and_cluster), cmocka_unit_test(timer), cmocka_unit_test(late_timer), cmocka_unit_test(tsc_deadline),
		cmocka_unit_test(x2apic), cmocka_unit_test(virtual_wire), cmocka_unit_test(lint1), cmocka_unit_test(ids_of_a_topology),
		cmocka_unit_test(task_priority), cmocka_unit_test(lowest_by_priority) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
