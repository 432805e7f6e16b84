/* qmp_absent.c - commands about what this build does not do with drives and the like: what they name is looked up, and one sentence says what
 * is missing.  Their rows carry the flag "absent". */
#include "core/block/node.h"
#include "core/block/block.h"
#include "core/machine/machine.h"
#include "core/monitor/names.h"
#include "core/monitor/qmp_handlers.h"
#include <string.h>

/* A drive, by its name or its device's, or an image by its node name. */
static bool is_there(struct machine *m, const char *name)
{
	const struct device *dev = device_find(m, name);

	for (const struct drive *d = drive_first(m); d; d = d->next)
		if ((*d->id && !strcmp(d->id, name)) || (d->image && !strcmp(d->node, name)) || (dev && d->dev == dev))
			return true;
	return node_find(m, name);
}

static json_t *as_it_is(const char *name, struct error *err)
{
	return qmp_done(error_set(err, "'%s' is read and written as it is: jobs, overlays and snapshots of images are not in this build", name));
}

static const char *named(const json_t *a)
{
	static const char *const keys[] = { "device", "id", "node-name", "node", "parent" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (qmp_str(a, keys[i]))
			return qmp_str(a, keys[i]);
	return "";
}

/* By either name. */
QMP_HANDLER(qmp_no_block_job)
{
	const char *name = named(a);

	return is_there(m, name) ? as_it_is(name, err) : qmp_done(error_set(err, GENERIC "Cannot find device='%s' nor node-name='%s'", name, name));
}

QMP_HANDLER(qmp_no_device_job)
{
	const char *name = named(a);

	return is_there(m, name) ? as_it_is(name, err) : qmp_done(error_set(err, NOT_FOUND "Device '%s' not found", name));
}

/* By a drive's name, a node's or both. */
QMP_HANDLER(qmp_no_snapshot)
{
	const char *device = qmp_str(a, "device"), *node = qmp_str(a, "node-name");

	if ((device && is_there(m, device)) || (node && is_there(m, node)))
		return as_it_is(device ? device : node, err);
	return qmp_done(error_set(err, GENERIC "Cannot find device='%s' nor node-name='%s'", device ? device : "", node ? node : ""));
}

QMP_HANDLER(qmp_no_bitmap)
{
	const char *node = qmp_str(a, "node"), *name = qmp_str(a, "name") ? qmp_str(a, "name") : qmp_str(a, "target");

	return qmp_done(is_there(m, node) ? error_set(err, GENERIC "Dirty bitmap '%s' not found", name) : error_set(err, GENERIC "Node '%s' not found", node));
}

QMP_HANDLER(qmp_no_threshold)
{
	const char *node = qmp_str(a, "node-name");

	return qmp_done(is_there(m, node) ? error_set(err, "'%s' has no write threshold: this build does not watch how images grow", node) :
		error_set(err, GENERIC "Device '%s' not found", node));
}

QMP_HANDLER(qmp_no_iothread)
{
	const char *node = qmp_str(a, "node-name");

	return qmp_done(is_there(m, node) ? error_set(err, "'%s' stays with the workers: this build has no I/O threads", node) :
		error_set(err, "Failed to find node with node-name='%s'", node));
}

QMP_HANDLER(qmp_no_export)
{
	const char *device = qmp_str(a, "device"), *node = qmp_str(a, "node-name");

	if (is_there(m, device ? device : node))
		return qmp_done(error_set(err, "NBD server not running"));
	return qmp_done(error_set(err, GENERIC "Cannot find device='%s' nor node-name='%s'", device ? device : "", device ? device : node));
}

/* Of the actions of transactions there is none, but nothing can be done at once. */
QMP_HANDLER(qmp_transaction)
{
	const json_t *first = json_array_get(json_object_get(a, "actions"), 0);
	static const char *const types[] = { "abort", "block-dirty-bitmap-add", "block-dirty-bitmap-clear", "block-dirty-bitmap-disable",
		"block-dirty-bitmap-enable", "block-dirty-bitmap-merge", "block-dirty-bitmap-remove", "blockdev-backup", "blockdev-snapshot",
		"blockdev-snapshot-internal-sync", "blockdev-snapshot-sync", "drive-backup", NULL };
	const char *type = qmp_str(first, "type");

	if (!first)
		return json_object();
	if (!type)
		return qmp_done(error_set(err, "Parameter 'actions[0].type' is missing"));
	return qmp_done(name_listed(types, type) ? error_set(err, "this build has none of the actions of transactions: '%s' is not carried out", type) :
		error_set(err, "Parameter 'type' does not accept value '%s'", type));
}

QMP_HANDLER(qmp_yank)
{
	return qmp_done(!json_array_size(json_object_get(a, "instances")) || error_set(err, NOT_FOUND "none of these connections can be cut"));
}

/* migrate: the address is looked at, as far as its kind. */
bool migration_refused(const char *uri, struct error *err)
{
	static const char *const kinds[] = { "tcp:", "unix:", "exec:", "fd:", "vsock:", "rdma:" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strncmp(uri, kinds[i], strlen(kinds[i])))
			return error_set(err, "this machine cannot be migrated");
	return error_set(err, "Parameter 'uri' expects a valid migration protocol");
}

QMP_HANDLER(qmp_migrate) { return qmp_done(migration_refused(qmp_str(a, "uri"), err)); }
