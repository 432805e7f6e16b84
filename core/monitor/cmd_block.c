/* cmd_block.c - commands about drives. */
#include "core/block/block.h"
#include "core/block/node.h"
#include "core/block/throttle.h"
#include "core/machine/machine.h"
#include "core/monitor/commands.h"
#include "core/monitor/internal.h"
#include <string.h>

static struct drive *find(struct mon_ctx *x, const struct mon_args *a, struct error *err)
{
	struct drive *d = drive_find(x->m, arg_str(a, "device"));

	if (!d)
		error_set(err, "Device '%s' not found", arg_str(a, "device"));
	return d;
}

/* As for errors that a few old commands print without "Error: ". */
static bool bare(struct error *err)
{
	return error_prefix(err, "\1");
}

HANDLER(cmd_eject)
{
	struct drive *d = find(x, a, err);

	return d && drive_eject(d, arg_flag(a, "force"), err);
}

HANDLER(cmd_change)
{
	static const char *const modes[] = { "retain", "read-write", "read-only" };
	struct drive *d = find(x, a, err);
	const char *mode = arg_str(a, "mode");
	int readonly = -1;

	if (!d)
		return false;
	for (int i = 0; mode && i < 3; i++)
		if (!strcmp(mode, modes[i])) {
			readonly = i - 1;
			mode = NULL;
		}
	if (mode)
		return error_set(err, "invalid parameter value: %s", mode);
	if (arg_flag(a, "force") && d->locked && !drive_eject(d, true, err))
		return false;
	return drive_change(d, arg_str(a, "target"), arg_str(a, "format"), readonly, err);
}

HANDLER(cmd_commit)
{
	bool all = !strcmp(arg_str(a, "device"), "all");
	struct drive *d = all ? drive_first(x->m) : find(x, a, err);

	if (!all)
		return d && drive_commit(d, err) ? true : bare(err);
	for (; d; d = d->next)
		if (drive_has_overlay(d) && !drive_commit(d, err))
			return bare(err);
	return true;
}

HANDLER(cmd_drive_add)
{
	struct kv *kv = kv_parse(arg_str(a, "opts"), NULL, err);
	const char *type = kv_get(kv, "if");
	bool ok;

	if (arg_flag(a, "node"))
		ok = node_new(x->m, kv, err) != NULL;
	else if (type && strcmp(type, "none"))
		ok = error_set(err, "Can't hot-add drive to type %s", type);
	else {
		if (!type)
			chr_kv_add(&kv, "if", "none");
		ok = drive_new(x->m, kv, err) != NULL;
	}
	kv_free(kv);
	if (!ok)
		return bare(err);
	if (!arg_flag(a, "node"))
		text_printf(x->out, "OK\n");
	return true;
}

HANDLER(cmd_drive_del)
{
	const struct node *n = node_find(x->m, arg_str(a, "device"));
	if (n)                                  /* a node of drive_add -n */
		return node_delete(x->m, n->name, err);

	struct drive *d = find(x, a, err);

	if (!d)
		return bare(err);
	if (d->dev)
		return error_set(err, "\1Device '%s' is busy: a %s uses it", d->id, d->dev->desc->name);
	drive_delete(d);
	return true;
}

/* Jobs, snapshots and the like of a drive: there is the drive, but not yet what was asked for. */
static bool no_change(struct mon_ctx *x, const struct mon_args *a, const char *node, struct error *err)
{
	const char *id = arg_str(a, "device");

	return error_set(err, drive_find(x->m, id) ? "'%s' is read and written as it is: jobs, overlays and snapshots of images are not in this build" :
		"Cannot find device='%s' nor node-name='%s'", id, node);
}

HANDLER(cmd_block_absent) { return no_change(x, a, arg_str(a, "device"), err); }
HANDLER(cmd_drive_absent) { return no_change(x, a, "", err); }

HANDLER(cmd_qemu_io)
{
	const char *name = arg_str(a, "device");

	return error_set(err, drive_find(x->m, name) || drive_by_node(x->m, name) || node_find(x->m, name) ?
		"'%s' is for the guest alone: the commands of the disk tool are not in this build" : "Cannot find device='' nor node-name='%s'", name);
}

HANDLER(cmd_nbd_add)
{
	return drive_find(x->m, arg_str(a, "device")) ? error_set(err, "NBD server not running") : no_change(x, a, arg_str(a, "device"), err);
}

HANDLER(cmd_block_passwd)
{
	struct drive *d = find(x, a, err);

	return d && error_set(err, "Device '%s' is not encrypted", d->id);
}

HANDLER(cmd_throttle)
{
	struct drive *d = find(x, a, err);
	uint64_t limits[N_LIMITS];

	if (!d || !d->image)
		return d && error_set(err, "Device has no medium");
	for (int l = 0; l < N_LIMITS; l++)
		limits[l] = (uint64_t)arg_int(a, limit_names[l]);
	if (!limits_check(limits, err))
		return false;
	drive_set_limits(d, limits);
	return true;
}

HANDLER(cmd_block_resize)
{
	const char *name = arg_str(a, "device");
	struct drive *d = drive_find(x->m, name);

	if (!d)
		return error_set(err, "Cannot find device='%s' nor node-name=''", name);
	return drive_resize(d, (uint64_t)arg_int(a, "size"), err);
}

/* Drives, or with -n images by their node names; of one drive the paragraph alone. */
HANDLER(info_block)
{
	const char *only = arg_str(a, "device");
	bool nodes = arg_flag(a, "nodes"), verbose = arg_flag(a, "verbose");
	unsigned shown = 0;

	for (struct node *n = nodes ? node_first(x->m) : NULL; n; n = n->next)
		if (!only || !strcmp(only, n->name)) {
			text_printf(x->out, "%s", shown++ ? "\n" : "");
			node_info(n, verbose, x->out);
		}
	for (struct drive *d = drive_first(x->m); d; d = d->next) {
		if (nodes ? !d->image || d->medium || (only && strcmp(only, d->node)) : only && (!*d->id || strcmp(only, d->id)))
			continue;
		text_printf(x->out, "%s", shown++ ? "\n" : "");
		if (nodes)
			drive_info_node(d, verbose, x->out);
		else
			drive_info(d, verbose, x->out);
	}
	return true;
}

HANDLER(info_blockstats)
{
	for (struct drive *d = drive_first(x->m); d; d = d->next)
		drive_info_stats(d, x->out);
	return true;
}
