/* info_cpu.c - `info` about CPUs. */
#include "core/cpu/accel_conf.h"
#include "core/cpu/cpu.h"
#include "core/cpu/vcpu.h"
#include "core/debug/cpu_dump.h"
#include "core/machine/machine.h"
#include "core/monitor/commands.h"
#include "core/monitor/internal.h"
#include "core/monitor/qom.h"

HANDLER(info_registers)
{
	bool all = arg_flag(a, "all");
	unsigned want = arg_has(a, "vcpu") ? (unsigned)arg_int(a, "vcpu") : x->cpu;

	if (!all && !vcpu_present(x->m, want))
		return error_set(err, "\1CPU#%d not available", (int)want);
	mon_park(x->m);
	for (unsigned i = 0; i < x->m->n_cpus; i++)
		if ((all && !x->m->cpus[i]->absent) || i == want) {
			text_printf(x->out, "\nCPU#%u\n", i);
			cpu_dump_registers(x->m->cpus[i], x->out);
		}
	mon_unpark(x->m);
	return true;
}

HANDLER(info_cpus)
{
	for (unsigned i = 0; i < x->m->n_cpus; i++)
		if (!x->m->cpus[i]->absent)
			text_printf(x->out, "%c CPU #%u: thread_id=%d\n", i == x->cpu ? '*' : ' ', i, vcpu_thread_id(x->m->cpus[i]));
	return true;
}

/* ---- engines ---- */

/* Which runs, and why. */
static const char *why(const struct machine *m) { return *m->accel_why ? m->accel_why : "it was asked for"; }
static void engine_line(const struct machine *m, struct text *out) { text_printf(out, "engine: %s; %s\n", m->accel->name, why(m)); }

HANDLER(info_accel)
{
	const struct machine *m = x->m;

	engine_line(m, x->out);
	if (m->accel->info)
		m->accel->info(x->m, x->out);
	return true;
}

HANDLER(info_kvm)
{
	bool on = x->m->accel == &accel_kvm;

	text_printf(x->out, "kvm support: %s\n", on ? "enabled" : "disabled");
	engine_line(x->m, x->out);
	if (on)
		x->m->accel->info(x->m, x->out);
	return true;
}

/* Places for CPUs, the last first; the topology is one core a socket unless -smp says otherwise. */
HANDLER(info_hotpluggable_cpus)
{
	text_printf(x->out, "Hotpluggable CPUs:\n");
	for (unsigned i = x->m->n_cpus; i--;) {
		struct cpu_place p = cpu_place(x->m, i);
		text_printf(x->out, "  type: \"%s-x86_64-cpu\"\n  vcpus_count: \"1\"\n", p.model);
		if (!x->m->cpus[i]->absent)
			text_printf(x->out, "  qom_path: \"%s\"\n", p.path);
		text_printf(x->out, "  CPUInstance Properties:\n    socket-id: \"%u\"\n    core-id: \"%u\"\n    thread-id: \"%u\"\n", p.socket, p.core, p.thread);
	}
	return true;
}

static bool dump(struct mon_ctx *x, void (*fn)(const struct cpu *c, struct text *out))
{
	if (x->cpu < x->m->n_cpus) {
		mon_park(x->m);
		fn(x->m->cpus[x->cpu], x->out);
		mon_unpark(x->m);
	}
	return true;
}

HANDLER(info_tlb) { return dump(x, cpu_dump_tlb); }
HANDLER(info_mem) { return dump(x, cpu_dump_mem); }

HANDLER(info_lapic)
{
	unsigned id = arg_has(a, "apic-id") ? (unsigned)arg_int(a, "apic-id") : x->cpu < x->m->n_cpus ? x->m->cpus[x->cpu]->apic_id : 0;

	mon_park(x->m);
	if (!machine_print_info(x->m, "lapic", id, x->out))
		text_printf(x->out, "No CPU available\n");
	mon_unpark(x->m);
	return true;
}

/* ---- the engine ---- */

HANDLER(info_jit)
{
	const struct machine *m = x->m;

	mon_park(x->m);
	bool ok = accel_print_jit(x->m, x->out);
	mon_unpark(x->m);
	if (!ok)
		return error_set(err, "JIT information is only available with accel=jit; this engine is %s: %s", m->accel->name, why(m));
	engine_line(m, x->out);
	return true;
}

HANDLER(cmd_accel)
{
	if (!arg_has(a, "args"))
		return info_accel(x, a, err);
	return accel_switch(x->m, arg_str(a, "args"), err);
}
