/* options_keys.c - the parameters of options that are lists: what their checks accept, and what query-command-line-options tells. */
#include "core/machine/options.h"
#include <string.h>

/* listed: the name in machine-readable lists.  keys: "name:type ...", types b(oolean) n(umber) s(ize) t(ext).  A list that ends in "..." is not
 * whole: devices, objects and back ends of one kind or another have parameters of their own. */
static const struct { const char *option, *listed, *keys; } lists[] = {
	{ "accel", "accel", "accel:t thread:t tb-size:n split-wx:b one-insn-per-tb:b off:t lockstep:n count:b kernel-irqchip:t" },
	{ "audiodev", "audiodev", "driver:t id:t timer-period:n ..." },
	{ "blockdev", "blockdev", "driver:t node-name:t read-only:b auto-read-only:b cache.direct:b cache.no-flush:b discard:t detect-zeroes:t force-share:b "
		"filename:t locking:t aio:t file:t offset:s size:s latency-ns:n read-zeroes:b ..." },
	{ "boot", "boot-opts", "order:t once:t menu:b splash:t splash-time:n reboot-timeout:n strict:b" },
	{ "chardev", "chardev", "backend:t id:t mux:b logfile:t logappend:b ..." },
	{ "device", "device", "driver:t id:t bus:t ..." },
	{ "drive", "drive", "file:t file.filename:t file.driver:t file.locking:t format:t driver:t if:t index:n bus:n unit:n media:t readonly:b read-only:b "
		"auto-read-only:b snapshot:b cache:t cache.direct:b cache.no-flush:b cache.writeback:b aio:t id:t werror:t rerror:t discard:t detect-zeroes:t "
		"copy-on-read:b bps:n bps_rd:n bps_wr:n iops:n iops_rd:n iops_wr:n throttling.bps-total:n throttling.bps-read:n throttling.bps-write:n "
		"throttling.iops-total:n throttling.iops-read:n throttling.iops-write:n" },
	{ "fw_cfg", "fw_cfg", "name:t file:t string:t" },
	{ "global", "global", "driver:t property:t value:t" },
	{ "icount", "icount", "shift:t sleep:b align:b" },
	{ "m", "memory", "size:s slots:n maxmem:s" },
	{ "machine", "machine", "type:t accel:t hpet:b acpi:b usb:b graphics:b vmport:t dump-guest-core:b smm:t memory-backend:t kernel-irqchip:t" },
	{ "mon", "mon", "chardev:t mode:t pretty:b id:t" },
	{ "msg", "msg", "timestamp:b guest-name:b" },
	{ "name", "name", "guest:t process:t debug-threads:b" },
	{ "object", "object", "qom-type:t id:t ..." },
	{ "overcommit", "overcommit", "mem-lock:b cpu-pm:b" },
	{ "rtc", "rtc", "base:t clock:t driftfix:t" },
	{ "smp", "smp-opts", "cpus:n maxcpus:n sockets:n dies:n cores:n threads:n" },
};
enum { N_LISTS = sizeof(lists) / sizeof(lists[0]) };

bool options_keys(unsigned n, const char **listed, const char **keys)
{
	if (n >= N_LISTS)
		return false;
	*listed = lists[n].listed;
	*keys = lists[n].keys;
	return true;
}

bool options_next_key(const char **keys, const char **name, size_t *len, char *type)
{
	*keys += strspn(*keys, " ");
	*len = strcspn(*keys, ": ");
	*name = *keys;
	if ((*keys)[*len] != ':')                /* the end, or "..." */
		return false;
	*type = (*keys)[*len + 1];
	*keys += *len + 2;
	return true;
}

bool options_has_key(const char *option, const char *key)
{
	const char *keys = "", *name;
	size_t len;
	char type;

	for (unsigned i = 0; i < N_LISTS; i++)
		if (!strcmp(lists[i].option, option))
			keys = lists[i].keys;
	while (options_next_key(&keys, &name, &len, &type))
		if (strlen(key) == len && !strncmp(key, name, len))
			return true;
	return false;
}

bool options_check_keys(const struct kv *kv, const char *option, const char *who, struct error *err)
{
	for (; kv; kv = kv->next)
		if (!options_has_key(option, kv->key))
			return error_set(err, "%s: Invalid parameter '%s'", who, kv->key);
	return true;
}
