/* pc_glue.c - what a PC's board has between the chips.
 *
 * - Interrupt lines: ISA interrupt n is heard by the 8259s and by pin n of the I/O APIC (interrupt 0 by pin 2, as the MADT's source
 *   override says).  Several sources may hold one line up.
 * - Coprocessor errors: FERR# becomes interrupt 13, a write to port F0h takes it back.  Ref: Intel SDM volume 1, appendix D
 *   "Guidelines for Writing x87 FPU Exception Handlers", "MS-DOS Compatibility Sub-mode".
 * - Port 80h, where POST codes go and where software writes to lose a microsecond. */
#include "devices/chipset/pc_glue.h"
#include "core/cpu/cpu.h"
#include "core/machine/machine.h"
#include "devices/chipset/i8254.h"
#include "devices/chipset/i8259.h"
#include "devices/chipset/ioapic.h"
#include "devices/chipset/isa.h"
#include "devices/chipset/lapic.h"

enum { PORT_CLEAR = 0xf0, PORT_POST = 0x80, FERR_IRQ = 13, RTC_IRQ = 8, CASCADE = 2 };

struct glue {
	struct device dev;
	struct region clear_port, post_port;
	bool    asserted;               /* FERR# of the boot processor */
	bool    latched;                /* interrupt 13 is up */
	uint8_t post;
	uint8_t held[16];               /* a bit a source that holds the line up */
	bool    rtc_muted;
	struct irq_line pic[16];
	struct device *pit;
};
static const struct state_field glue_state[] = {
	STATE_BOOL(struct glue, asserted), STATE_BOOL(struct glue, latched), STATE_U8(struct glue, post),
	STATE_BYTES(struct glue, held),
	STATE_BOOL(struct glue, rtc_muted), STATE_END
};

static struct glue *glue_of(struct device *d)
{
	return container_of(d, struct glue, dev);
}

/* ---- interrupt lines ----------------------------------------------------------------------------------------------------------- */

/* Is the line up, as the controllers should see it? */
static bool is_up(const struct glue *g, unsigned irq)
{
	uint8_t muted = irq == RTC_IRQ && g->rtc_muted ? 1u << GLUE_ISA : 0;

	return g->held[irq] & ~muted;
}

static void drive_line(struct glue *g, unsigned irq, bool was_up)
{
	bool up = is_up(g, irq);

	if (up == was_up)
		return;
	irq_set(&g->pic[irq], up);
	if (g->dev.machine->ioapic && irq != CASCADE) {
		struct irq_line pin = ioapic_input(g->dev.machine->ioapic, irq ? (int)irq : CASCADE);
		irq_set(&pin, up);
	}
}

static void line_set(void *arg, int n, int level)
{
	struct glue *g = arg;
	unsigned irq = (unsigned)n & 15;
	uint8_t source = (uint8_t)(1u << (n >> 4));
	bool was_up = is_up(g, irq);

	g->held[irq] = level ? g->held[irq] | source : g->held[irq] & ~source;
	drive_line(g, irq, was_up);
}

/* Where software listens to both controllers, one of them has it. */
static enum irq_fate line_fate(void *arg, int n)
{
	const struct glue *g = arg;
	unsigned irq = (unsigned)n & 15;
	enum irq_fate pic = irq_fate(&g->pic[irq]), io = IRQ_MASKED;

	if (g->dev.machine->ioapic && irq != CASCADE) {
		struct irq_line pin = ioapic_input(g->dev.machine->ioapic, irq ? (int)irq : CASCADE);
		io = irq_fate(&pin);
	}
	return pic < io ? pic : io;
}

static void legacy_set(void *arg, int n, int level)
{
	struct glue *g = arg;
	bool was_up = is_up(g, RTC_IRQ);

	g->rtc_muted = level;
	drive_line(g, RTC_IRQ, was_up);
	i8254_connect_out0(g->pit, !level);
}

struct irq_line pc_glue_legacy(struct device *d, struct device *pit)
{
	glue_of(d)->pit = pit;
	return (struct irq_line){ .set = legacy_set, .arg = glue_of(d) };
}

struct irq_line pc_glue_irq(struct device *d, unsigned irq, enum glue_source source)
{
	return (struct irq_line){ line_set, glue_of(d), (int)(irq | (unsigned)source << 4), line_fate };
}

void pc_glue_connect(struct device *d, struct device *master_pic, struct device *slave_pic)
{
	for (unsigned n = 0; n < 16; n++)
		if (n != CASCADE)
			glue_of(d)->pic[n] = i8259_input(n < 8 ? master_pic : slave_pic, n & 7);
}

static void int_set(void *arg, int n, int level)
{
	struct machine *m = ((struct glue *)arg)->dev.machine;

	for (unsigned i = 0; i < MAX_CPUS && m->lapics[i]; i++) {
		struct irq_line lint0 = lapic_lint(m->lapics[i], 0);
		irq_set(&lint0, level);
	}
}

struct irq_line pc_glue_int(struct device *d)
{
	return (struct irq_line){ .set = int_set, .arg = glue_of(d) };
}

/* ---- coprocessor errors, POST codes ----------------------------------------------------------------------------------------------- */

static void set_ignne(struct glue *g, bool on)
{
	for (unsigned i = 0; i < g->dev.machine->n_cpus; i++)
		g->dev.machine->cpus[i]->ignne = on;
}

/* From the vCPU's thread, without the machine lock. */
static void ferr_changed(void *arg, int level)
{
	struct glue *g = arg;
	struct machine *m = g->dev.machine;

	machine_lock(m);
	g->asserted = level;
	g->latched = level;
	if (!level)
		set_ignne(g, false);
	irq_set(&m->isa_irq[FERR_IRQ], g->latched);
	machine_unlock(m);
}

static uint64_t clear_read(struct device *d, uint64_t off, unsigned size)
{
	return 0xff;
}

static void clear_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct glue *g = glue_of(d);

	g->latched = false;
	irq_set(&d->machine->isa_irq[FERR_IRQ], 0);
	if (g->asserted)
		set_ignne(g, true);     /* until the handler has cleared the exception */
}

static uint64_t post_read(struct device *d, uint64_t off, unsigned size)
{
	return glue_of(d)->post;
}

static void post_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	glue_of(d)->post = (uint8_t)val;
}

static const struct io_ops clear_ops = { clear_read, clear_write, 1, 1 }, post_ops = { post_read, post_write, 1, 1 };

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */

static bool glue_realize(struct device *d, struct error *err)
{
	struct glue *g = glue_of(d);
	struct machine *m = d->machine;

	if (!isa_map(d, &g->post_port, "ioport80", PORT_POST, 1, &post_ops, err) ||
	    !isa_map(d, &g->clear_port, "ioportF0", PORT_CLEAR, 1, &clear_ops, err))
		return false;
	for (unsigned i = 0; i < m->n_cpus; i++) {
		m->cpus[i]->ferr = ferr_changed;
		m->cpus[i]->ferr_arg = g;
	}
	return true;
}

static void glue_unrealize(struct device *d)
{
	struct machine *m = d->machine;

	isa_unmap(d, &glue_of(d)->post_port);
	isa_unmap(d, &glue_of(d)->clear_port);
	for (unsigned i = 0; i < m->n_cpus; i++)
		m->cpus[i]->ferr = NULL;
}

static void glue_reset(struct device *d, enum reset_kind kind)
{
	struct glue *g = glue_of(d);

	g->asserted = g->latched = false;
	g->post = 0;
	set_ignne(g, false);
}

static void glue_reset_done(struct device *d)
{
	irq_set(&d->machine->isa_irq[FERR_IRQ], 0);
}

static bool glue_loaded(struct device *d, struct error *err)
{
	irq_set(&d->machine->isa_irq[FERR_IRQ], glue_of(d)->latched);
	set_ignne(glue_of(d), glue_of(d)->asserted && !glue_of(d)->latched);
	return true;
}

const struct device_desc pc_glue_desc = {
	.name = "pc-glue", .bus = "System", .category = "Misc", .description = "wires of the board",
	.size = sizeof(struct glue), .state = glue_state, .state_version = 1, .realize = glue_realize, .unrealize = glue_unrealize,
	.reset = glue_reset, .reset_done = glue_reset_done, .loaded = glue_loaded,
};
