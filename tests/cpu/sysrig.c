/* sysrig.c - the machine the assembly guests run on. */
#include "tests/cpu/sysrig.h"
#include "core/cpu/cpuid.h"
#include "core/cpu/engine.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct sysrig *rig_of(struct device *d) { return container_of(d, struct sysrig, dev); }

static uint64_t port_read(struct device *d, uint64_t off, unsigned size) { return 0; }
static void text_write(struct device *d, uint64_t off, unsigned size, uint64_t v)
{
	struct sysrig *r = rig_of(d);
	if (r->len < TEXT_MAX - 1)
		r->text[r->len++] = (char)v;
}
static uint64_t text_read(struct device *d, uint64_t off, unsigned size) { return 0xe9; }
static void exit_write(struct device *d, uint64_t off, unsigned size, uint64_t v)
{
	rig_of(d)->exit_code = (int)v;
	cpu_request(rig_of(d)->cpu, REQ_STOP);
}
static uint64_t a20_read(struct device *d, uint64_t off, unsigned size) { return rig_of(d)->m->a20 ? 2 : 0; }
static void a20_write(struct device *d, uint64_t off, unsigned size, uint64_t v) { machine_set_a20(rig_of(d)->m, v & 2); }
static void irq_write(struct device *d, uint64_t off, unsigned size, uint64_t v)
{
	rig_of(d)->pending = (int)v;
	cpu_request(rig_of(d)->cpu, REQ_INTR);
}
static void nmi_write(struct device *d, uint64_t off, unsigned size, uint64_t v) { cpu_request(rig_of(d)->cpu, REQ_NMI); }

static int apic_ack(void *arg)
{
	struct sysrig *r = arg;
	int v = r->pending;
	r->pending = -1;
	cpu_clear(r->cpu, REQ_INTR);
	return v;
}
static uint8_t apic_get_tpr(void *arg) { return ((struct sysrig *)arg)->tpr; }
static void apic_set_tpr(void *arg, uint8_t v) { ((struct sysrig *)arg)->tpr = v; }
static bool apic_rdmsr(void *arg, uint32_t msr, uint64_t *v) { *v = ((struct sysrig *)arg)->apic_base; return msr == 0x1b; }
static bool apic_wrmsr(void *arg, uint32_t msr, uint64_t v) { ((struct sysrig *)arg)->apic_base = v; return msr == 0x1b; }
static const struct cpu_apic_ops apic_ops = { .ack = apic_ack, .get_tpr = apic_get_tpr, .set_tpr = apic_set_tpr, .rdmsr = apic_rdmsr, .wrmsr = apic_wrmsr };

static const struct io_ops ops[] = {
	{ text_read, text_write, 1, 4 }, { port_read, exit_write, 1, 4 }, { a20_read, a20_write, 1, 4 }, { port_read, irq_write, 1, 4 },
	{ port_read, nmi_write, 1, 4 },
};
static const struct { const char *name; uint16_t port; } port_map[] = { { "text", 0xe9 }, { "exit", 0xf4 }, { "a20", 0x92 }, { "irq", 0xf0 }, { "nmi", 0xf1 } };

struct sysrig *sysrig_new(const char *accel)
{
	char *argv[] = { "vmux", "-m", "16", "-nodefaults", "-M", "kernel-irqchip=off", "-display", "none", "-cpu", "max", "-accel", (char *)(accel ? accel : "interp"), NULL };
	struct sysrig *r = calloc(1, sizeof *r);
	struct error err = { "" };
	bool done;
	int status;
	assert_non_null(r);
	struct options *o = options_parse(12, argv, &done, &status, &err);
	assert_non_null(o);
	r->m = machine_new_bare(o, &err);
	assert_non_null(r->m);
	if (!r->m->accel->init(r->m, &err))
		fail_msg("%s", err.msg);
	r->cpu = r->m->cpus[0];
	if (getenv("VMUX_TEST_JIT"))
		assert_true(engine_set_jit(r->cpu, (unsigned)atoi(getenv("VMUX_TEST_JIT"))));
	r->cpu->apic = r;
	r->cpu->apic_ops = &apic_ops;
	r->apic_base = 0xfee00900;
	r->exit_code = r->pending = -1;
	machine_lock(r->m);
	r->dev.machine = r->m;
	r->ram = (struct region){ .name = "ram", .kind = REGION_RAM, .size = RAM_SIZE, .ram_addr = ram_alloc(&r->m->ram, "ram", RAM_SIZE, &err) };
	assert_true(space_map(&r->m->mem, &r->ram, &err));
	for (unsigned n = 0; n < 5; n++) {
		r->ports[n] = (struct region){ .name = port_map[n].name, .kind = REGION_IO, .base = port_map[n].port, .size = 1, .dev = &r->dev, .ops = &ops[n] };
		assert_true(space_map(&r->m->io, &r->ports[n], &err));
	}
	clock_run(&r->m->clock);
	machine_unlock(r->m);
	return r;
}

void sysrig_free(struct sysrig *r)
{
	machine_lock(r->m);
	for (unsigned n = 0; n < 5; n++)
		space_unmap(&r->m->io, &r->ports[n]);
	space_unmap(&r->m->mem, &r->ram);
	machine_unlock(r->m);
	machine_free(r->m);
	free(r);
}

void sysrig_load(struct sysrig *r, const char *name)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s.bin", GUEST_DIR, name);
	FILE *f = fopen(path, "rb");
	if (!f)
		fail_msg("%s is missing", path);
	size_t n = fread(r->m->ram.host + r->ram.ram_addr + LOAD_AT, 1, RAM_SIZE - LOAD_AT, f);
	fclose(f);
	assert_true(n > 0);
	struct cpu *c = r->cpu;
	cpu_reset(c);
	c->seg[SEG_CS].sel = LOAD_AT >> 4;
	c->seg[SEG_CS].base = LOAD_AT;
	c->rip = 0;
	cpu_update_mode(c);
}

const char *sysrig_run(struct sysrig *r)
{
	while (r->exit_code < 0) {
		enum cpu_exit why = r->m->accel->run(r->cpu);
		cpu_clear(r->cpu, REQ_STOP);
		if (why == CPUEXIT_TRIPLE_FAULT)
			return "triple fault";
		if (why == CPUEXIT_HALT)
			return "halted";
		if (r->cpu->icount > 100 * 1000 * 1000)
			return "ran away";
	}
	return "exit";
}


void sysrig_fill_fpu(struct cpu *c)
{
	for (unsigned n = 0; n < 8; n++)
		c->fpu.fpr[n] = (struct fpreg){ .mant = UINT64_C(0x8000000000000000) + n, .se = (uint16_t)(0x3fff + n) };
	c->fpu.cw = 0x27f;
	c->fpu.top = 3;
	c->fpu.tag = 0xf8;
	c->fpu.ip = 0x123456;
	c->fpu.dp = 0x654321;
	c->mxcsr = 0x1fa0;
	if (cpu_has(c, CF_AVX))
		c->xcr0 = 7;
}
