/* qmp_commands.c - handlers about the machine as a whole, its memory and its devices. */
#include "core/cpu/cpu.h"
#include "core/cpu/vcpu.h"
#include "core/machine/memdev.h"
#include "core/monitor/dump.h"
#include "core/monitor/internal.h"
#include "core/monitor/names.h"
#include "core/monitor/plug.h"
#include "core/monitor/qmp_handlers.h"
#include "core/monitor/screen.h"
#include "core/version.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

json_t *qmp_text(const char *s, size_t len)
{
	json_t *v = json_stringn(s, len);

	if (v)
		return v;
	char *copy = malloc(len + 1);           /* bytes of the guest that are no UTF-8 */
	if (!copy)
		abort();
	for (size_t i = 0; i < len; i++)
		copy[i] = (uint8_t)s[i] < 0x80 ? s[i] : '?';
	v = json_stringn(copy, len);
	free(copy);
	return v;
}

/* ---- what the program and the machine are ------------------------------------------------------------------------------------------- */

/* QEMU's number says which revision of the protocol and its commands a client may expect. */
json_t *qmp_version_info(void)
{
	return json_pack("{s:{s:i, s:i, s:i}, s:s}", "qemu", "micro", 22, "minor", 2, "major", 7, "package", "vmux " VMUX_VERSION);
}

QMP_HANDLER(qmp_query_version) { return qmp_version_info(); }

QMP_HANDLER(qmp_query_status)
{
	static const char *const words[] = { [RUN_PRELAUNCH] = "prelaunch", [RUN_RUNNING] = "running", [RUN_PAUSED] = "paused",
		[RUN_SHUTDOWN] = "shutdown", [RUN_INTERNAL_ERROR] = "internal-error", [RUN_IO_ERROR] = "io-error", [RUN_DEBUG] = "debug", [RUN_SAVE_VM] = "save-vm",
		[RUN_RESTORE_VM] = "restore-vm" };

	return json_pack("{s:s, s:b, s:b}", "status", words[m->state], "singlestep", 0, "running", m->state == RUN_RUNNING);
}

/* "present": this program can use it here. */
QMP_HANDLER(qmp_query_kvm)
{
	bool on = m->accel == &accel_kvm;

	return json_pack("{s:b, s:b}", "enabled", on, "present", on || access("/dev/kvm", R_OK | W_OK) == 0);
}

QMP_HANDLER(qmp_query_name) { return m->name ? json_pack("{s:o}", "name", qmp_text(m->name, strlen(m->name))) : json_object(); }
QMP_HANDLER(qmp_query_uuid) { return json_pack("{s:s}", "UUID", m->opt->uuid ? m->opt->uuid : "00000000-0000-0000-0000-000000000000"); }

QMP_HANDLER(qmp_query_commands)
{
	json_t *list = json_array();

	for (const struct qmp_cmd *c = qmp_commands; c->name; c++)
		if (qmp_works(c))
			json_array_append_new(list, json_pack("{s:s}", "name", c->name));
	return list;
}

QMP_HANDLER(qmp_query_schema) { return qmp_schema(); }

QMP_HANDLER(qmp_query_display_options)
{
	static const char *const words[] = { [DISPLAY_DEFAULT] = "default", [DISPLAY_CURSES] = "curses", [DISPLAY_NONE] = "none" };

	return json_pack("{s:s}", "type", words[m->opt->display]);
}

QMP_HANDLER(qmp_query_memory_size) { return json_pack("{s:I, s:i}", "base-memory", (json_int_t)m->ram_size, "plugged-memory", 0); }

QMP_HANDLER(qmp_query_memdev)
{
	json_t *list = json_array();
	struct memdev d;

	for (unsigned n = 0; memdev_at(m, n, &d); n++)
		json_array_append_new(list, json_pack("{s:s, s:I, s:b, s:b, s:b, s:b, s:b, s:[], s:s}", "id", d.id, "size", (json_int_t)d.size, "merge", d.merge,
			"dump", d.dump, "prealloc", d.prealloc, "share", d.share, "reserve", 0, "host-nodes", "policy", "default"));
	return list;
}

QMP_HANDLER(qmp_query_machines)
{
	json_t *list = json_array();

	for (const struct board *b = boards; b->name; b++) {
		bool swap = b->alias && strlen(b->alias) > strlen(b->name);
		json_t *o = json_pack("{s:s, s:i, s:b, s:b, s:b, s:s, s:s}", "name", swap ? b->alias : b->name, "cpu-max", MAX_CPUS, "hotpluggable-cpus", 1,
			"numa-mem-supported", 0, "deprecated", 0, "default-cpu-type", "qemu64-x86_64-cpu", "default-ram-id", "pc.ram");
		if (b->alias)
			json_object_set_new(o, "alias", json_string(swap ? b->name : b->alias));
		if (b == boards)
			json_object_set_new(o, "is-default", json_true());
		json_array_append_new(list, o);
	}
	return list;
}

/* ---- running ------------------------------------------------------------------------------------------------------------------------ */

QMP_HANDLER(qmp_stop)      { machine_stop(m, RUN_PAUSED); return json_object(); }
QMP_HANDLER(qmp_cont)      { machine_start(m); return json_object(); }
QMP_HANDLER(qmp_quit)      { machine_quit(m, 0); return NULL; }
QMP_HANDLER(qmp_reset)     { machine_request_reset(m, SHUTDOWN_HOST_QUIT); return NULL; }
QMP_HANDLER(qmp_powerdown) { machine_request_powerdown(m); return json_object(); }

QMP_HANDLER(qmp_inject_nmi)
{
	for (unsigned i = 0; i < m->n_cpus; i++)
		if (!m->cpus[i]->absent)
			cpu_request(m->cpus[i], REQ_NMI);
	return json_object();
}

static void set_watchdog(struct machine *m, const char *action)
{
	snprintf(m->monitors->watchdog_action, sizeof(m->monitors->watchdog_action), "%s", action);
}

QMP_HANDLER(qmp_watchdog_action)
{
	set_watchdog(m, qmp_str(a, "action"));
	return json_object();
}

QMP_HANDLER(qmp_set_action)
{
	const char *reboot = qmp_str(a, "reboot"), *shutdown = qmp_str(a, "shutdown"), *panic = qmp_str(a, "panic");

	if (panic && strcmp(panic, "none"))
		return qmp_done(error_set(err, "this machine has no device that reports a panic: panic stays 'none'"));
	if (reboot)
		m->opt->no_reboot = !strcmp(reboot, "shutdown");
	if (shutdown)
		m->opt->no_shutdown = !strcmp(shutdown, "pause");
	if (qmp_str(a, "watchdog"))
		set_watchdog(m, qmp_str(a, "watchdog"));
	return json_object();
}

/* Lines of the text end CR LF, as on a monitor's wire. */
QMP_HANDLER(qmp_human_monitor)
{
	struct text out = { 0 }, wire = { 0 };

	if (json_object_get(a, "cpu-index") && !vcpu_present(m, qmp_num(a, "cpu-index")))
		return qmp_done(error_set(err, "Parameter 'cpu-index' expects a CPU number"));
	monitor_run_line(m, qmp_str(a, "command-line"), (unsigned)qmp_num(a, "cpu-index"), &out);
	for (size_t i = 0; i < out.len; i++)
		text_add(&wire, out.s[i] == '\n' ? "\r\n" : &out.s[i], out.s[i] == '\n' ? 2 : 1);
	json_t *v = qmp_text(wire.s ? wire.s : "", wire.len);
	text_free(&out);
	text_free(&wire);
	return v;
}

/* ---- memory and screen to files ----------------------------------------------------------------------------------------------------- */

static bool save(struct machine *m, const json_t *a, struct cpu *c, struct error *err)
{
	int64_t addr = qmp_num(a, "val"), size = qmp_num(a, "size");

	mon_park(m);
	bool ok = memory_save(m, c, (uint64_t)addr, size < 0 ? 0 : (uint64_t)size, qmp_str(a, "filename"), err);
	mon_unpark(m);
	return ok;
}

QMP_HANDLER(qmp_memsave)
{
	struct cpu *c = vcpu_present(m, qmp_num(a, "cpu-index"));

	return qmp_done(c ? save(m, a, c, err) : error_set(err, "Parameter 'cpu-index' expects a CPU number"));
}

QMP_HANDLER(qmp_pmemsave) { return qmp_done(save(m, a, NULL, err)); }

QMP_HANDLER(qmp_dump_memory)
{
	const char *file = qmp_str(a, "protocol"), *format = qmp_str(a, "format");
	bool begin = json_object_get(a, "begin"), length = json_object_get(a, "length");

	if (strncmp(file, "file:", 5))
		return qmp_done(error_set(err, "Invalid parameter 'protocol'"));
	if (qmp_bool(a, "paging"))
		return qmp_done(error_set(err, "this build writes physical memory only, without paging"));
	if (format && strcmp(format, "elf"))
		return qmp_done(error_set(err, "this build writes format 'elf' only"));
	if (begin != length)
		return qmp_done(error_set(err, "Parameter '%s' is missing", begin ? "length" : "begin"));
	mon_park(m);
	bool ok = memory_dump(m, file + 5, (uint64_t)qmp_num(a, "begin"), (uint64_t)qmp_num(a, "length"), err);
	mon_unpark(m);
	return qmp_done(ok);
}

QMP_HANDLER(qmp_query_dump)
{
	return json_pack("{s:s, s:i, s:i}", "status", m->monitors->dumped ? "completed" : "none", "completed", 0, "total", 0);
}

QMP_HANDLER(qmp_screendump)
{
	return qmp_done(screen_dump(m, qmp_str(a, "filename"), qmp_str(a, "format"), qmp_str(a, "device"), (int)qmp_num(a, "head"), err));
}

/* ---- devices ------------------------------------------------------------------------------------------------------------------------ */

QMP_HANDLER(qmp_device_add)
{
	struct kv *kv = NULL;
	bool ok = kv_from_json(a, &kv, err) && device_plug(m, kv, err);

	kv_free(kv);
	return qmp_done(ok);
}

QMP_HANDLER(qmp_device_del) { return qmp_done(device_pull(m, qmp_str(a, "id"), err)); }

/* The devices print themselves as JSON. */
QMP_HANDLER(qmp_query_pci)
{
	struct text out = { 0 };

	machine_print_info(m, "query-pci", 0, &out);
	json_t *v = out.s ? json_loads(out.s, 0, NULL) : NULL;
	text_free(&out);
	return v ? v : json_array();
}

QMP_HANDLER(qmp_rx_filter)
{
	return qmp_str(a, "name") ? qmp_done(error_set(err, "invalid net client name: %s", qmp_str(a, "name"))) : json_array();
}

/* ---- migration ---------------------------------------------------------------------------------------------------------------------- */

QMP_HANDLER(qmp_query_migrate_capabilities)
{
	json_t *list = json_array();

	for (const char *const *n = names_migrate_capabilities; *n; n++)
		json_array_append_new(list, json_pack("{s:b, s:s}", "state", 0, "capability", *n));
	return list;
}

/* "events" asks for MIGRATION events, of which there are none to miss. */
QMP_HANDLER(qmp_migrate_set_capabilities)
{
	json_t *c;
	size_t i;

	json_array_foreach(json_object_get(a, "capabilities"), i, c)
		if (qmp_bool(c, "state") && strcmp(qmp_str(c, "capability"), "events"))
			return qmp_done(error_set(err, "this machine cannot be migrated: capability %s stays off", qmp_str(c, "capability")));
	return json_object();
}
