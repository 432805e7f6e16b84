/* test_i8259.c - the interrupt controller pair: initialisation, priorities, EOI, modes, cascade, spurious interrupts. */
#include "devices/chipset/i8259.h"
#include "tests/dev/bench.h"

struct pair { struct bench *b; struct device *master, *slave; int out; };

static void take_int(void *arg, int n, int level) { ((struct pair *)arg)->out = level; }

static void pair_new(struct pair *p)
{
	struct error err = { "" };

	*p = (struct pair){ .b = bench_new() };
	p->master = device_new(p->b->m, &i8259_desc, NULL, &err);
	p->slave = device_new(p->b->m, &i8259_desc, NULL, &err);
	assert_true(device_set(p->master, "iobase", "0x20", &err) && device_set(p->master, "elcr_addr", "0x4d0", &err) &&
	            device_set(p->master, "elcr_mask", "0xf8", &err) && device_set(p->master, "master", "on", &err) &&
	            device_set(p->slave, "iobase", "0xa0", &err) && device_set(p->slave, "elcr_addr", "0x4d1", &err) &&
	            device_set(p->slave, "elcr_mask", "0xde", &err));
	i8259_set_int(p->master, (struct irq_line){ .set = take_int, .arg = p });
	i8259_set_slave(p->master, p->slave);
	assert_true(device_realize(p->master, &p->b->isa, &err) && device_realize(p->slave, &p->b->isa, &err));
	bench_reset(p->master);
	bench_reset(p->slave);
	outb(p->b, 0x20, 0x11); outb(p->b, 0x21, 0x08); outb(p->b, 0x21, 0x04); outb(p->b, 0x21, 0x01);
	outb(p->b, 0xa0, 0x11); outb(p->b, 0xa1, 0x70); outb(p->b, 0xa1, 0x02); outb(p->b, 0xa1, 0x01);
}

static void line(struct pair *p, int irq, int level)
{
	struct irq_line l = i8259_input(irq < 8 ? p->master : p->slave, irq & 7);
	irq_set(&l, level);
}
static void pulse(struct pair *p, int irq) { line(p, irq, 1); line(p, irq, 0); }

static void order_and_eoi(void **state)
{
	struct pair p;
	pair_new(&p);

	pulse(&p, 4);
	pulse(&p, 1);
	assert_int_equal(p.out, 1);
	assert_int_equal(i8259_ack(p.master), 0x09);
	assert_int_equal(p.out, 0);                     /* 4 waits behind 1 */
	pulse(&p, 0);
	assert_int_equal(p.out, 1);                     /* 0 does not */
	assert_int_equal(i8259_ack(p.master), 0x08);
	outb(p.b, 0x20, 0x0b);
	assert_int_equal(inb(p.b, 0x20), 0x03);         /* ISR */
	outb(p.b, 0x20, 0x0a);
	assert_int_equal(inb(p.b, 0x20), 0x10);         /* IRR */
	outb(p.b, 0x20, 0x20);
	outb(p.b, 0x20, 0x61);                          /* specific: 1 */
	assert_int_equal(i8259_ack(p.master), 0x0c);
	bench_free(p.b);
}

static void mask(void **state)
{
	struct pair p;
	pair_new(&p);

	outb(p.b, 0x21, 0x08);
	pulse(&p, 3);
	assert_int_equal(p.out, 0);
	outb(p.b, 0x21, 0);
	assert_int_equal(p.out, 1);                     /* the edge was kept */
	assert_int_equal(inb(p.b, 0x21), 0);
	bench_free(p.b);
}

static void cascade(void **state)
{
	struct pair p;
	pair_new(&p);

	pulse(&p, 12);
	assert_int_equal(i8259_ack(p.master), 0x74);
	pulse(&p, 3);
	assert_int_equal(p.out, 0);                     /* below input 2 */
	pulse(&p, 8);
	assert_int_equal(p.out, 0);                     /* normal nesting: the slave is in service */
	outb(p.b, 0xa0, 0x20);
	outb(p.b, 0x20, 0x20);
	assert_int_equal(i8259_ack(p.master), 0x70);
	bench_free(p.b);
}

/* Special fully nested mode lets a more urgent input of the slave through. */
static void fully_nested(void **state)
{
	struct pair p;
	pair_new(&p);

	outb(p.b, 0x20, 0x11); outb(p.b, 0x21, 0x08); outb(p.b, 0x21, 0x04); outb(p.b, 0x21, 0x11);
	pulse(&p, 12);
	assert_int_equal(i8259_ack(p.master), 0x74);
	pulse(&p, 8);
	assert_int_equal(p.out, 1);
	assert_int_equal(i8259_ack(p.master), 0x70);
	bench_free(p.b);
}

static void spurious(void **state)
{
	struct pair p;
	pair_new(&p);

	assert_int_equal(i8259_ack(p.master), 0x0f);
	outb(p.b, 0x20, 0x0b);
	assert_int_equal(inb(p.b, 0x20), 0);            /* nothing in service */
	outb(p.b, 0x4d1, 0x08);                         /* 11 is a level that goes away too soon: seen by the master alone */
	line(&p, 11, 1);
	outb(p.b, 0xa1, 0xff);
	line(&p, 11, 0);
	assert_int_equal(i8259_ack(p.master), 0x77);    /* the slave's INT edge is latched in the master */
	bench_free(p.b);
}

static void levels(void **state)
{
	struct pair p;
	pair_new(&p);

	outb(p.b, 0x4d0, 0xff);
	assert_int_equal(inb(p.b, 0x4d0), 0xf8);
	line(&p, 5, 1);
	assert_int_equal(i8259_ack(p.master), 0x0d);
	outb(p.b, 0x20, 0x20);
	assert_int_equal(p.out, 1);                     /* still up */
	line(&p, 5, 0);
	assert_int_equal(p.out, 0);
	line(&p, 1, 1);                                 /* an edge input is not asked again */
	assert_int_equal(i8259_ack(p.master), 0x09);
	outb(p.b, 0x20, 0x20);
	assert_int_equal(p.out, 0);
	bench_free(p.b);
}

static void auto_eoi_and_rotation(void **state)
{
	struct pair p;
	pair_new(&p);

	outb(p.b, 0x20, 0x11); outb(p.b, 0x21, 0x08); outb(p.b, 0x21, 0x04); outb(p.b, 0x21, 0x03);
	outb(p.b, 0x20, 0x80);                          /* rotate in automatic EOI mode */
	pulse(&p, 3);
	assert_int_equal(i8259_ack(p.master), 0x0b);
	pulse(&p, 3);
	pulse(&p, 6);
	assert_int_equal(i8259_ack(p.master), 0x0e);    /* 3 has become the last */
	assert_int_equal(i8259_ack(p.master), 0x0b);
	bench_free(p.b);
}

static void rotation_by_command(void **state)
{
	struct pair p;
	pair_new(&p);

	outb(p.b, 0x20, 0xc4);                          /* 4 last: 5 is first */
	pulse(&p, 0);
	pulse(&p, 5);
	assert_int_equal(i8259_ack(p.master), 0x0d);
	outb(p.b, 0x20, 0xa0);                          /* rotate on non-specific EOI: 5 last */
	pulse(&p, 5);
	pulse(&p, 4);
	assert_int_equal(i8259_ack(p.master), 0x08);
	outb(p.b, 0x20, 0xe0);                          /* rotate on specific EOI of 0 */
	assert_int_equal(i8259_ack(p.master), 0x0c);
	bench_free(p.b);
}

static void special_mask(void **state)
{
	struct pair p;
	pair_new(&p);

	pulse(&p, 1);
	i8259_ack(p.master);
	pulse(&p, 6);
	assert_int_equal(p.out, 0);
	outb(p.b, 0x21, 0x02);
	outb(p.b, 0x20, 0x68);                          /* set special mask: 1 masked no longer holds 6 off */
	assert_int_equal(p.out, 1);
	outb(p.b, 0x20, 0x48);
	assert_int_equal(p.out, 0);
	bench_free(p.b);
}

static void poll(void **state)
{
	struct pair p;
	pair_new(&p);

	outb(p.b, 0x20, 0x0c);
	assert_int_equal(inb(p.b, 0x20), 0);
	pulse(&p, 4);
	outb(p.b, 0x20, 0x0c);
	assert_int_equal(inb(p.b, 0x20), 0x84);
	assert_int_equal(p.out, 0);
	outb(p.b, 0x20, 0x0b);
	assert_int_equal(inb(p.b, 0x20), 0x10);
	bench_free(p.b);
}

/* A single controller gets no ICW3; without IC4 no ICW4 either. */
static void short_initialisation(void **state)
{
	struct pair p;
	pair_new(&p);

	outb(p.b, 0x20, 0x12); outb(p.b, 0x21, 0x40);
	outb(p.b, 0x21, 0xaa);
	assert_int_equal(inb(p.b, 0x21), 0xaa);
	outb(p.b, 0x21, 0);
	pulse(&p, 3);
	assert_int_equal(i8259_ack(p.master), 0x43);
	bench_free(p.b);
}

static void saved_state(void **state)
{
	struct pair p;
	pair_new(&p);

	pulse(&p, 12);
	i8259_ack(p.master);
	pulse(&p, 1);
	outb(p.b, 0x20, 0xc4);
	bench_save_load_save(p.slave);
	bench_save_load_save(p.master);
	assert_int_equal(p.out, 1);
	bench_free(p.b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(order_and_eoi), cmocka_unit_test(mask), cmocka_unit_test(cascade),
		cmocka_unit_test(fully_nested), cmocka_unit_test(spurious), cmocka_unit_test(levels), cmocka_unit_test(auto_eoi_and_rotation),
		cmocka_unit_test(rotation_by_command), cmocka_unit_test(special_mask), cmocka_unit_test(poll),
		cmocka_unit_test(short_initialisation), cmocka_unit_test(saved_state) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
