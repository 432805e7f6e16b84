/* test_sys.c - assembly guests that probe the system side of the CPU and report by text; each line is a case.
 *
 * A guest (sys/NAME.S, a flat image for 10000h, entered in real mode at 1000:0000) writes "ok CASE" or "FAIL CASE ..." lines to port
 * E9h and ends with a byte to port F4h.  The same images run elsewhere with a debug console at E9h and an exit device at F4h. */
#include "core/cpu/engine.h"
#include "core/cpu/cpu.h"
#include "core/machine/machine.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { RAM_SIZE = 16 << 20, LOAD_AT = 0x10000, TEXT_MAX = 1 << 16 };

/* The ports the guests use. */
struct rig {
	struct device dev;
	struct machine *m;
	struct cpu *cpu;
	struct region ram, ports[5];
	char text[TEXT_MAX];
	size_t len;
	int exit_code;                  /* -1 while the guest runs */
	int pending;                    /* vector of a raised interrupt, or -1 */
	uint64_t apic_base;
	uint8_t tpr;
};
static struct rig *rig_of(struct device *d) { return container_of(d, struct rig, dev); }

static uint64_t port_read(struct device *d, uint64_t off, unsigned size) { return 0; }
static void text_write(struct device *d, uint64_t off, unsigned size, uint64_t v)
{
	struct rig *r = rig_of(d);
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
	struct rig *r = arg;
	int v = r->pending;
	r->pending = -1;
	cpu_clear(r->cpu, REQ_INTR);
	return v;
}
static uint8_t apic_get_tpr(void *arg) { return ((struct rig *)arg)->tpr; }
static void apic_set_tpr(void *arg, uint8_t v) { ((struct rig *)arg)->tpr = v; }
static bool apic_rdmsr(void *arg, uint32_t msr, uint64_t *v) { *v = ((struct rig *)arg)->apic_base; return msr == 0x1b; }
static bool apic_wrmsr(void *arg, uint32_t msr, uint64_t v) { ((struct rig *)arg)->apic_base = v; return msr == 0x1b; }
static const struct cpu_apic_ops apic_ops = { apic_ack, apic_get_tpr, apic_set_tpr, apic_rdmsr, apic_wrmsr };

static const struct io_ops ops[] = {
	{ text_read, text_write, 1, 4 }, { port_read, exit_write, 1, 4 }, { a20_read, a20_write, 1, 4 }, { port_read, irq_write, 1, 4 },
	{ port_read, nmi_write, 1, 4 },
};
static const struct { const char *name; uint16_t port; } port_map[] = { { "text", 0xe9 }, { "exit", 0xf4 }, { "a20", 0x92 }, { "irq", 0xf0 }, { "nmi", 0xf1 } };

static struct rig *rig_new(void)
{
	char *argv[] = { "vmux", "-m", "16", "-nodefaults", "-display", "none", "-cpu", "max", NULL };
	struct rig *r = calloc(1, sizeof *r);
	struct error err = { "" };
	bool done;
	int status;
	assert_non_null(r);
	struct options *o = options_parse(8, argv, &done, &status, &err);
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

static void rig_free(struct rig *r)
{
	machine_lock(r->m);
	for (unsigned n = 0; n < 5; n++)
		space_unmap(&r->m->io, &r->ports[n]);
	space_unmap(&r->m->mem, &r->ram);
	machine_unlock(r->m);
	machine_free(r->m);
	free(r);
}

static void load(struct rig *r, const char *name)
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

/* Run to the exit port; HLT with nothing pending, triple fault and too many instructions end it too. */
static const char *run(struct rig *r)
{
	while (r->exit_code < 0) {
		enum cpu_exit why = cpu_run(r->cpu);
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

/* The same, an instruction at a time. */
static const char *step(struct rig *r)
{
	for (unsigned n = 0; r->exit_code < 0; n++) {
		enum cpu_exit why = cpu_step(r->cpu);
		if (why == CPUEXIT_TRIPLE_FAULT)
			return "triple fault";
		if (n > 20 * 1000 * 1000)
			return "ran away";
	}
	return "exit";
}

static void stepped_like_run(const char *name)
{
	struct rig *a = rig_new(), *b = rig_new();
	load(a, name);
	load(b, name);
	assert_string_equal(run(a), "exit");
	assert_string_equal(step(b), "exit");
	assert_string_equal(a->text, b->text);
	rig_free(a);
	rig_free(b);
}
static void stepped(void **s)
{
	stepped_like_run("real16");
	stepped_like_run("prot32");
	stepped_like_run("paging");
	stepped_like_run("tasks");
	stepped_like_run("vm86");
	stepped_like_run("long64");
}

/* Stop in the middle, move the state to another machine, go on there: save, load, save is equal and the report is complete. */
static void move_after(const char *name, unsigned steps)
{
	struct rig *a = rig_new(), *b = rig_new();
	struct state_buf sa = { 0 }, sb = { 0 };
	struct error err = { "" };
	load(a, name);
	for (unsigned n = 0; n < steps && a->exit_code < 0; n++)
		cpu_step(a->cpu);
	machine_lock(a->m);
	machine_save_devices(a->m, &sa);
	machine_unlock(a->m);
	memcpy(b->m->ram.host + b->ram.ram_addr, a->m->ram.host + a->ram.ram_addr, RAM_SIZE);
	memcpy(b->text, a->text, a->len);
	b->len = a->len;
	b->exit_code = a->exit_code;
	b->tpr = a->tpr;
	b->pending = a->pending;
	machine_lock(b->m);
	machine_set_a20(b->m, a->m->a20);
	if (!machine_load_devices(b->m, &sa, &err))
		fail_msg("%s", err.msg);
	machine_save_devices(b->m, &sb);
	machine_unlock(b->m);
	assert_int_equal(sa.len, sb.len);
	assert_memory_equal(sa.data, sb.data, sa.len);
	assert_string_equal(run(a), run(b));
	assert_string_equal(a->text, b->text);
	state_buf_free(&sa);
	state_buf_free(&sb);
	rig_free(a);
	rig_free(b);
}
static void save_and_load(void **s)
{
	for (unsigned n = 100; n < 40000; n += 3989) {
		move_after("prot32", n);
		move_after("long64", n);
	}
}

static void check_guest(const char *name, const char *ending, unsigned at_least)
{
	struct rig *r = rig_new();
	load(r, name);
	const char *end = run(r);
	unsigned ok = 0, bad = 0;
	for (char *line = strtok(r->text, "\n"); line; line = strtok(NULL, "\n")) {
		if (!strncmp(line, "ok ", 3)) {
			ok++;
			continue;
		}
		bad++;
		print_error("%s: %s\n", name, line);
	}
	if (strcmp(end, ending))
		print_error("%s: ended by %s at %04x:%llx after %u cases\n", name, end, r->cpu->seg[SEG_CS].sel, (unsigned long long)r->cpu->rip, ok);
	assert_string_equal(end, ending);
	assert_int_equal(bad, 0);
	assert_true(ok >= at_least);
	rig_free(r);
}

static void real_mode(void **s)       { check_guest("real16", "exit", 10); }
static void protected_mode(void **s)  { check_guest("prot32", "exit", 150); }
static void paging(void **s)          { check_guest("paging", "exit", 80); }
static void tasks(void **s)           { check_guest("tasks", "exit", 30); }
static void vm86(void **s)            { check_guest("vm86", "exit", 50); }
static void triple_fault(void **s)    { check_guest("triple", "triple fault", 6); }
static void long_mode(void **s)       { check_guest("long64", "exit", 150); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_mode),
		cmocka_unit_test(protected_mode),
		cmocka_unit_test(paging),
		cmocka_unit_test(tasks),
		cmocka_unit_test(vm86),
		cmocka_unit_test(triple_fault),
		cmocka_unit_test(long_mode),
		cmocka_unit_test(stepped),
		cmocka_unit_test(save_and_load),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	setenv("VMUX_TEST_JIT", "1", 1);         /* once more, translated from the first run on */
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
