/* bench.c - a bare machine for one device. */
#include "tests/dev/bench.h"

static void watch(void *arg, int n, int level)
{
	struct bench *b = arg;
	if (level && !b->level[n])
		b->rises[n]++;
	b->level[n] = level;
}

static ssize_t keep(struct chardev *c, const uint8_t *buf, size_t len)
{
	struct bench *b = c->priv;
	if (len > b->room)
		len = b->room;
	if (len > sizeof b->out - b->out_len)
		len = sizeof b->out - b->out_len;
	memcpy(b->out + b->out_len, buf, len);
	b->out_len += len;
	b->room -= len;
	return (ssize_t)len;
}

static void asked(struct chardev *c) { ((struct bench *)c->priv)->asked_for_input++; }
static void take_params(struct chardev *c, const struct serial_params *p) { ((struct bench *)c->priv)->params = *p; }
static void take_lines(struct chardev *c, unsigned l) { ((struct bench *)c->priv)->lines_out = l; }
static unsigned give_lines(struct chardev *c) { return ((struct bench *)c->priv)->lines_in; }
static void take_break(struct chardev *c, bool on) { ((struct bench *)c->priv)->breaks += on; }
static void closed(struct chardev *c) { }

static const struct chardev_kind test_kind = { .name = "test", .close = closed, .write = keep, .accept_input = asked, .set_params = take_params,
	.set_lines = take_lines, .get_lines = give_lines, .send_break = take_break };

struct bench *bench_new(void)
{
	char *argv[] = { "vmux", "-accel", "qtest", "-m", "4", "-nodefaults", "-display", "none", NULL };
	struct bench *b = calloc(1, sizeof *b);
	struct error err = { "" };
	bool done, none = false;
	int status;
	assert_non_null(b);
	struct options *o = options_parse(8, argv, &done, &status, &err);
	assert_non_null(o);
	b->m = machine_new_bare(o, &err);
	assert_non_null(b->m);
	machine_lock(b->m);
	bus_init(&b->isa, "ISA", "isa.0", NULL);
	b->m->isa = &b->isa;
	pci_bus_init(&b->pci, "pci.0", NULL, &b->m->mem, &b->m->io);
	b->m->pci = &b->pci.bus;
	for (int i = 0; i < 16; i++)
		b->m->isa_irq[i] = (struct irq_line){ .set = watch, .arg = b, .n = i };
	b->chr = chardev_new_short(b->m, "t", "null", &none, &err);
	assert_non_null(b->chr);
	b->chr->kind->close(b->chr);
	b->chr->kind = &test_kind;
	b->chr->priv = b;
	b->chr->opened = true;
	b->room = sizeof b->out;
	b->lines_in = CHR_CTS | CHR_DSR | CHR_DCD;
	return b;
}

void bench_free(struct bench *b)
{
	machine_unlock(b->m);
	machine_free(b->m);
	free(b);
}

void bench_reset(struct device *d)
{
	if (d->desc->reset)
		d->desc->reset(d, RESET_SYSTEM);
	if (d->desc->reset_done)
		d->desc->reset_done(d);
}

struct device *bench_device(struct bench *b, const char *name, const char *props)
{
	struct error err = { "" };
	const struct device_desc *desc = device_find_desc(name);
	assert_non_null(desc);
	struct device *d = device_create(b->m, name, strcmp(desc->bus, "PCI") ? &b->isa : &b->pci.bus, props, &err);
	if (!d)
		fail_msg("%s", err.msg);
	bench_reset(d);
	return d;
}

void outb(struct bench *b, uint16_t port, uint8_t v) { space_write(&b->m->io, port, 1, v); }
uint8_t inb(struct bench *b, uint16_t port) { return (uint8_t)space_read(&b->m->io, port, 1); }
void step(struct bench *b, int64_t ns) { clock_advance(&b->m->clock, clock_now(&b->m->clock) + ns); }

static void save(struct device *d, struct state_buf *s)
{
	if (d->desc->saving)
		d->desc->saving(d);
	state_put(s, d->desc->name, d->desc->state_version, d->desc->state, d);
}

static void save_load(struct device *d, struct state_buf *s)
{
	struct error err = { "" };
	save(d, s);
	bench_reset(d);
	s->pos = 0;
	assert_true(state_get(s, d->desc->name, d->desc->state_version, d->desc->state, d, &err));
	if (d->desc->loaded && !d->desc->loaded(d, &err))
		fail_msg("%s", err.msg);
}

void bench_save_load(struct device *d)
{
	struct state_buf s = { 0 };
	save_load(d, &s);
	state_buf_free(&s);
}

void bench_save_load_save(struct device *d)
{
	struct state_buf a = { 0 }, c = { 0 };
	save_load(d, &a);
	save(d, &c);
	assert_int_equal(a.len, c.len);
	assert_memory_equal(a.data, c.data, a.len);
	state_buf_free(&a);
	state_buf_free(&c);
}
