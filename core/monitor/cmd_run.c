/* cmd_run.c - commands that act on the machine as a whole. */
#include "core/cpu/cpu.h"
#include "core/cpu/vcpu.h"
#include "core/debug/gdbstub.h"
#include "core/machine/machine.h"
#include "core/monitor/commands.h"
#include "core/monitor/internal.h"
#include "core/monitor/names.h"
#include <stdio.h>
#include <string.h>

HANDLER(cmd_stop)
{
	machine_stop(x->m, RUN_PAUSED);
	return true;
}

HANDLER(cmd_cont)
{
	machine_start(x->m);
	return true;
}

HANDLER(cmd_quit)
{
	machine_quit(x->m, 0);
	return true;
}

HANDLER(cmd_reset)
{
	machine_request_reset(x->m, SHUTDOWN_HOST_QUIT);
	return true;
}

HANDLER(cmd_powerdown)
{
	machine_request_powerdown(x->m);
	return true;
}

HANDLER(cmd_cpu)
{
	if (!vcpu_present(x->m, arg_int(a, "index")))
		return error_set(err, "\1invalid CPU index");
	x->mon->cpu = (unsigned)arg_int(a, "index");
	return true;
}

HANDLER(cmd_nmi)
{
	for (unsigned i = 0; i < x->m->n_cpus; i++)
		if (!x->m->cpus[i]->absent)
			cpu_request(x->m->cpus[i], REQ_NMI);
	return true;
}

HANDLER(cmd_boot_set)
{
	const char *order = arg_str(a, "order");

	for (const char *p = order; *p; p++) {
		if (*p < 'a' || *p > 'p')
			return error_set(err, "\1Invalid boot device '%c'", *p);
		if (strchr(order, *p) != p)
			return error_set(err, "\1Boot device '%c' was given twice", *p);
	}
	if (!x->m->set_boot_order)
		return error_set(err, "\1no function defined to set boot device list for this architecture");
	x->m->set_boot_order(x->m, order);
	text_printf(x->out, "boot device list now set to %s\n", order);
	return true;
}

HANDLER(cmd_log)
{
	uint64_t mask;

	if (log_parse_items(arg_str(a, "items"), &mask)) {
		log_set_mask(x->m->log, mask);
		return true;
	}
	log_help(x->out);
	return true;
}

HANDLER(cmd_logfile)
{
	struct error why;

	if (log_set_file(x->m->log, arg_str(a, "filename"), &why))
		return true;
	return error_set(err, "\1%s", why.msg);
}

HANDLER(cmd_gdbserver)
{
	const char *device = arg_has(a, "device") ? arg_str(a, "device") : "tcp::1234";
	struct error why = { "" };

	if (gdbstub_busy(x->m))
		return error_set(err, "\1gdb cannot end or replace the server it is talking to");
	if (!gdbstub_start(x->m, device, &why))
		return error_set(err, "\1%s%sCould not open gdbserver on device '%s'", why.msg, *why.msg ? "\n" : "", device);
	if (strcmp(device, "none"))
		text_printf(x->out, "Waiting for gdb connection on device '%s'\n", device);
	else
		text_printf(x->out, "Disabled gdbserver\n");
	return true;
}

/* There may be no watchdog yet: what is chosen holds for one that comes. */
HANDLER(cmd_watchdog)
{
	if (!name_listed(names_watchdog_actions, arg_str(a, "action")))
		return error_set(err, "invalid parameter value: %s", arg_str(a, "action"));
	snprintf(x->m->monitors->watchdog_action, sizeof(x->m->monitors->watchdog_action), "%s", arg_str(a, "action"));
	return true;
}
