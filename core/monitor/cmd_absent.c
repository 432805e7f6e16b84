/* cmd_absent.c - commands about what this machine does not have: what was typed is checked, and one sentence says what is missing. */
#include "core/machine/machine.h"
#include "core/monitor/commands.h"
#include "core/monitor/internal.h"
#include "core/monitor/names.h"
#include <string.h>

const char *const names_migrate_capabilities[] = { "xbzrle", "rdma-pin-all", "auto-converge", "zero-blocks", "compress", "events", "postcopy-ram",
	"x-colo", "release-ram", "block", "return-path", "pause-before-switchover", "multifd", "dirty-bitmaps", "postcopy-blocktime",
	"late-block-activate", "x-ignore-shared", "validate-uuid", "background-snapshot", "zero-copy-send", "postcopy-preempt", NULL };
const char *const names_migrate_parameters[] = { "announce-initial", "announce-max", "announce-rounds", "announce-step", "compress-level",
	"compress-threads", "decompress-threads", "compress-wait-thread", "throttle-trigger-threshold", "cpu-throttle-initial",
	"cpu-throttle-increment", "cpu-throttle-tailslow", "tls-creds", "tls-hostname", "tls-authz", "max-bandwidth", "downtime-limit",
	"x-checkpoint-delay", "block-incremental", "multifd-channels", "xbzrle-cache-size", "max-postcopy-bandwidth", "max-cpu-throttle",
	"multifd-compression", "multifd-zlib-level", "multifd-zstd-level", "block-bitmap-mapping", NULL };
const char *const names_migrate_states[] = { "none", "setup", "cancelling", "cancelled", "active", "postcopy-active", "postcopy-paused",
	"postcopy-recover", "completed", "failed", "colo", "pre-switchover", "device", "wait-unplug", NULL };
const char *const names_watchdog_actions[] = { "reset", "shutdown", "poweroff", "pause", "debug", "none", "inject-nmi", NULL };
const char *const names_netdev_types[] = { "none", "nic", "user", "tap", "l2tpv3", "socket", "stream", "dgram", "vde", "bridge", "hubport", "netmap",
	"vhost-user", "vhost-vdpa", NULL };

bool name_listed(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (!strcmp(*list, word))
			return true;
	return false;
}

/* There is nothing of the kind to act on, which is no error. */
HANDLER(cmd_nothing) { return true; }

/* ---- migration --------------------------------------------------------------------------------------------------------------------- */

HANDLER(cmd_migrate_capability)
{
	if (!name_listed(names_migrate_capabilities, arg_str(a, "capability")))
		return error_set(err, "invalid parameter value: %s", arg_str(a, "capability"));
	return !arg_int(a, "state") || error_set(err, "this machine cannot be migrated: capability %s stays off", arg_str(a, "capability"));
}

HANDLER(info_migrate_capabilities)
{
	for (const char *const *n = names_migrate_capabilities; *n; n++)
		text_printf(x->out, "%s: off\n", *n);
	return true;
}

HANDLER(cmd_migrate_parameter)
{
	return error_set(err, name_listed(names_migrate_parameters, arg_str(a, "parameter")) ?
		"this machine cannot be migrated: it has no parameter %s" : "invalid parameter value: %s", arg_str(a, "parameter"));
}

HANDLER(cmd_migrate) { return migration_refused(arg_str(a, "uri"), err); }

HANDLER(cmd_migrate_continue)
{
	return error_set(err, name_listed(names_migrate_states, arg_str(a, "state")) ? "Migration not in expected state: %s" :
		"invalid parameter value: %s", arg_str(a, "state"));
}

HANDLER(cmd_client_migrate_info)
{
	return error_set(err, strcmp(arg_str(a, "protocol"), "spice") ? "Parameter 'protocol' expects 'spice'" : "SPICE is not in use");
}

/* ---- displays, sound --------------------------------------------------------------------------------------------------------------- */

HANDLER(cmd_password)
{
	const char *protocol = arg_str(a, "protocol");

	if (!strcmp(protocol, "spice"))
		return error_set(err, "SPICE is not in use");
	if (strcmp(protocol, "vnc"))
		return error_set(err, "invalid parameter value: %s", protocol);
	return error_set(err, arg_has(a, "time") ? "Could not set password expire time" : "Could not set password");
}

HANDLER(cmd_wavcapture)
{
	for (const struct optlist *o = x->m->opt->audiodevs; o; o = o->next)
		if (!strcmp(kv_get(o->kv, "id"), arg_str(a, "audiodev")))
			return error_set(err, "\1this machine has no sound device that audiodev '%s' could record", arg_str(a, "audiodev"));
	return error_set(err, "\1Audiodev '%s' not found", arg_str(a, "audiodev"));
}

/* ---- networks, objects, servers ---------------------------------------------------------------------------------------------------- */

HANDLER(cmd_hostfwd)
{
	if (arg_has(a, "arg2"))
		return error_set(err, "\1unrecognized netdev id '%s'", arg_str(a, "arg1"));
	return error_set(err, "\1this machine has no user-mode network");
}

HANDLER(cmd_netdev_add)
{
	struct kv *kv = kv_parse(arg_has(a, "args") ? arg_str(a, "args") : "", "type", err);
	const char *type = kv_get(kv, "type");
	bool ok = type && (!strcmp(type, "help") || !strcmp(type, "?"));

	if (ok)
		text_printf(x->out, "Available netdev backend types:\n");
	else if (!type)
		error_set(err, "Parameter 'type' is missing");
	else if (!name_listed(names_netdev_types, type))
		error_set(err, "Parameter 'type' does not accept value '%s'", type);
	else if (!kv_get(kv, "id"))
		error_set(err, "Parameter 'id' is missing");
	else
		error_set(err, "this build has no network back end '%s'", type);
	kv_free(kv);
	return ok;
}

HANDLER(cmd_nbd_start)
{
	const char *uri = arg_str(a, "uri");

	return error_set(err, strchr(uri, ':') ? "this build has no NBD server: cannot listen on '%s'" : "error parsing address '%s'", uri);
}

/* ---- debugging --------------------------------------------------------------------------------------------------------------------- */

HANDLER(cmd_singlestep)
{
	const char *option = arg_str(a, "option");

	if (option && !strcmp(option, "off"))
		return true;
	if (option && strcmp(option, "on"))
		return error_set(err, "\1unexpected option %s", option);
	return error_set(err, "this engine has no mode in which a block is one instruction");
}

HANDLER(cmd_sync_profile)
{
	const char *op = arg_str(a, "op");

	if (!op)
		text_printf(x->out, "sync-profile is off\n");
	else if (!strcmp(op, "on"))
		return error_set(err, "this build keeps no statistics of its locks");
	else if (strcmp(op, "off") && strcmp(op, "reset"))
		return error_set(err, "Invalid parameter '%s'", op);
	return true;
}

HANDLER(cmd_mce)
{
	const uint64_t valid = UINT64_C(1) << 63;       /* MCi_STATUS.VAL, SDM 3, 16.3.2.2 */

	if (arg_int(a, "cpu") < 0 || arg_int(a, "cpu") >= x->m->n_cpus)
		return true;
	if (!((uint64_t)arg_int(a, "status") & valid))
		return error_set(err, "\1Invalid MCE status code");
	return error_set(err, "\1machine checks cannot be injected into CPU %d of this machine", (int)arg_int(a, "cpu"));
}

HANDLER(cmd_aer)
{
	const struct device *d = device_find(x->m, arg_str(a, "id"));

	return error_set(err, d ? "\1the device doesn't support pci express. %s" :
		"\1id or pci device path is invalid or device not found. %s", arg_str(a, "id"));
}

HANDLER(cmd_cpu_add)
{
	int id = (int)arg_int(a, "id"), max = (int)(x->m->opt->maxcpus ? x->m->opt->maxcpus : 1) - 1;

	if (id < 0 || id > max)
		return error_set(err, "Invalid CPU id: %d, max allowed: %d", id, max);
	if (id < (int)x->m->n_cpus)
		return error_set(err, "Unable to add CPU: %d, it already exists", id);
	return error_set(err, "Unable to add CPU: %d, this machine takes no CPUs while it runs", id);
}

HANDLER(info_stats)
{
	const char *target = arg_str(a, "target");

	return !strcmp(target, "vm") || !strcmp(target, "vcpu") || error_set(err, "invalid parameter value: %s", target);
}

HANDLER(info_trace_events)
{
	return !arg_has(a, "name") || error_set(err, "\1unknown event \"%s\"", arg_str(a, "name"));
}
