/* qmp_block.c - handlers about drives. */
#include "core/block/block.h"
#include "core/block/node.h"
#include "core/block/throttle.h"
#include "core/monitor/qmp_handlers.h"
#include <string.h>
#include <sys/stat.h>

/* By its name, or by the device that uses it. */
static struct drive *find(struct machine *m, const json_t *a, struct error *err)
{
	const char *name = qmp_str(a, "device"), *id = qmp_str(a, "id");
	const struct device *dev = id ? device_find(m, id) : NULL;

	if (!name == !id) {
		error_set(err, "Need exactly one of 'device' and 'id'");
		return NULL;
	}
	for (struct drive *d = drive_first(m); d; d = d->next)
		if (name ? *name && !strcmp(d->id, name) : (dev && d->dev == dev) || (*id && !strcmp(d->id, id)))
			return d;
	error_set(err, NOT_FOUND "Device '%s' not found", name ? name : id);
	return NULL;
}

/* ---- what there is ------------------------------------------------------------------------------------------------------------------ */

/* An image under the name of a format: what lies below a drive's overlay is what the drive is said to show. */
static json_t *image_info(const struct image *im, const char *format)
{
	const struct image *file = image_bottom(im);
	json_t *o = json_pack("{s:o, s:s, s:I}", "filename", qmp_text(im->file, strlen(im->file)), "format", format, "virtual-size", (json_int_t)im->size);
	struct stat st;

	if (file->fd >= 0 && !fstat(file->fd, &st))
		json_object_set_new(o, "actual-size", json_integer(st.st_blocks * (json_int_t)512));
	return o;
}

static json_t *describe(const struct image *im, const char *node, const char *format, const struct image_opts *o)
{
	static const char *const zeroes[] = { [ZEROES_OFF] = "off", [ZEROES_ON] = "on", [ZEROES_UNMAP] = "unmap" };

	return json_pack("{s:o, s:s, s:b, s:s, s:i, s:b, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:o, s:{s:b, s:b, s:b}, s:i}", "file",
		qmp_text(im->file, strlen(im->file)), "node-name", node, "ro", (int)im->readonly, "drv", format, "backing_file_depth", 0, "encrypted", 0,
		"detect_zeroes", zeroes[o->zeroes], "bps", 0, "bps_rd", 0, "bps_wr", 0, "iops", 0, "iops_rd", 0, "iops_wr", 0, "image", image_info(im, format),
		"cache", "writeback", (int)!o->writethrough, "direct", (int)o->direct, "no-flush", (int)o->no_flush, "write_threshold", 0);
}

static json_t *medium_info(const struct drive *d)
{
	json_t *o = describe(d->image, d->node, d->format, d->opts);
	const uint64_t *limits = drive_limits(d);

	for (int l = 0; limits && l < N_LIMITS; l++)
		json_object_set_new(o, limit_names[l], json_integer((json_int_t)limits[l]));
	return o;
}

static json_t *device_name(const struct device *dev) { return json_string(dev->id ? dev->id : dev->path); }

QMP_HANDLER(qmp_query_block)
{
	json_t *list = json_array();

	for (struct drive *d = drive_first(m); d; d = d->next) {
		json_t *o = json_pack("{s:s, s:s, s:b, s:b}", "device", d->id, "type", "unknown", "removable", (int)d->removable, "locked", (int)d->locked);
		if (d->dev)
			json_object_set_new(o, "qdev", device_name(d->dev));
		if (d->has_tray)
			json_object_set_new(o, "tray_open", json_boolean(d->tray_open));
		if (d->image)
			json_object_set_new(o, "inserted", medium_info(d));
		if (d->dev && d->interface != IF_FLOPPY)
			json_object_set_new(o, "io-status", json_string(m->state == RUN_IO_ERROR && d->failed ? "failed" : "ok"));
		json_array_append_new(list, o);
	}
	return list;
}

QMP_HANDLER(qmp_query_nodes)
{
	json_t *list = json_array();

	for (struct node *n = node_first(m); n; n = n->next)
		json_array_append_new(list, describe(n->image, n->name, n->driver, &n->image->opts));
	for (struct drive *d = drive_first(m); d; d = d->next)
		if (d->image && !d->medium)
			json_array_append_new(list, medium_info(d));
	return list;
}

static void put(json_t *o, const char *name, uint64_t v) { json_object_set_new(o, name, json_integer((json_int_t)v)); }

static json_t *statistics(const struct drive *d)
{
	static const char *const zero[] = { "unmap_bytes", "unmap_operations", "unmap_total_time_ns", "wr_highest_offset", "rd_merged", "wr_merged", "unmap_merged",
		"failed_rd_operations", "failed_wr_operations", "failed_flush_operations", "failed_unmap_operations", "invalid_rd_operations",
		"invalid_wr_operations", "invalid_flush_operations", "invalid_unmap_operations" };
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		put(o, zero[i], 0);
	put(o, "rd_bytes", d->rd.bytes);
	put(o, "wr_bytes", d->wr.bytes);
	put(o, "rd_operations", d->rd.ops);
	put(o, "wr_operations", d->wr.ops);
	put(o, "flush_operations", d->flush.ops);
	put(o, "rd_total_time_ns", d->rd.time_ns);
	put(o, "wr_total_time_ns", d->wr.time_ns);
	put(o, "flush_total_time_ns", d->flush.time_ns);
	if (d->last_ns)
		put(o, "idle_time_ns", (uint64_t)(host_ns() - d->last_ns));
	json_object_set_new(o, "account_invalid", json_false());
	json_object_set_new(o, "account_failed", json_false());
	json_object_set_new(o, "timed_stats", json_array());
	return o;
}

QMP_HANDLER(qmp_query_blockstats)
{
	bool nodes = qmp_bool(a, "query-nodes");
	json_t *list = json_array();

	for (struct drive *d = drive_first(m); d; d = d->next) {
		if (nodes && !d->image)
			continue;
		json_t *o = json_pack("{s:o}", "stats", statistics(d));
		if (!nodes)
			json_object_set_new(o, "device", json_string(d->id));
		if (!nodes && d->dev)
			json_object_set_new(o, "qdev", device_name(d->dev));
		if (d->image)
			json_object_set_new(o, "node-name", json_string(d->node));
		json_array_append_new(list, o);
	}
	return list;
}

/* ---- media -------------------------------------------------------------------------------------------------------------------------- */

QMP_HANDLER(qmp_eject)
{
	struct drive *d = find(m, a, err);

	return qmp_done(d && drive_eject(d, qmp_bool(a, "force"), err));
}

QMP_HANDLER(qmp_change_medium)
{
	struct drive *d = find(m, a, err);
	const char *mode = qmp_str(a, "read-only-mode");
	int readonly = !mode || !strcmp(mode, "retain") ? -1 : !strcmp(mode, "read-only");

	if (d && d->locked && qmp_bool(a, "force") && !drive_eject(d, true, err))
		return NULL;
	return qmp_done(d && drive_change(d, qmp_str(a, "filename"), qmp_str(a, "format"), readonly, err));
}

static struct drive *with_tray(struct machine *m, const json_t *a, struct error *err)
{
	struct drive *d = find(m, a, err);

	if (d && d->has_tray)
		return d;
	if (d)
		error_set(err, d->removable ? "Device '%s' does not have a tray" : "Device '%s' is not removable", drive_label(d));
	return NULL;
}

QMP_HANDLER(qmp_open_tray)
{
	struct drive *d = with_tray(m, a, err);

	if (!d)
		return NULL;
	if (d->locked && !d->tray_open && d->eject_requested)
		d->eject_requested(d->change_arg, qmp_bool(a, "force"));
	if (d->locked && !d->tray_open && !qmp_bool(a, "force"))
		return qmp_done(error_set(err, "Device '%s' is locked and force was not specified, wait for tray to open and try again", drive_label(d)));
	drive_set_tray(d, true);
	return json_object();
}

QMP_HANDLER(qmp_close_tray)
{
	struct drive *d = with_tray(m, a, err);

	if (d)
		drive_set_tray(d, false);
	return qmp_done(d);
}

QMP_HANDLER(qmp_remove_medium)
{
	struct drive *d = find(m, a, err);

	if (d && d->has_tray && !d->tray_open)
		return qmp_done(error_set(err, "Tray of device '%s' is not open", drive_label(d)));
	return qmp_done(d && drive_eject(d, false, err));
}

/* ---- named images ------------------------------------------------------------------------------------------------------------------- */

QMP_HANDLER(qmp_blockdev_add)
{
	struct kv *kv;

	if (!kv_from_json(a, &kv, err))
		return NULL;
	bool ok = node_new(m, kv, err) != NULL;
	kv_free(kv);
	return qmp_done(ok);
}

QMP_HANDLER(qmp_blockdev_del) { return qmp_done(node_delete(m, qmp_str(a, "node-name"), err)); }

QMP_HANDLER(qmp_insert_medium)
{
	struct drive *d = find(m, a, err);
	struct node *n = d ? node_find(m, qmp_str(a, "node-name")) : NULL;

	if (d && !n)
		error_set(err, "Node '%s' not found", qmp_str(a, "node-name"));
	return qmp_done(n && drive_insert_node(d, n, err));
}

QMP_HANDLER(qmp_block_resize)
{
	const char *id = qmp_str(a, "device"), *name = qmp_str(a, "node-name");
	int64_t size = qmp_num(a, "size");

	if (!id == !name)
		return qmp_done(error_set(err, "Need exactly one of 'device' and 'node-name'"));
	struct drive *d = id ? drive_find(m, id) : drive_by_node(m, name);
	if (size < 0 && (!d || d->image))
		return qmp_done(error_set(err, "Parameter 'size' expects a >0 size"));
	if (d)
		return qmp_done(drive_resize(d, (uint64_t)size, err));
	struct node *n = name ? node_find(m, name) : NULL;
	if (!n)
		return qmp_done(error_set(err, "Cannot find device='%s' nor node-name='%s'", id ? id : "", name ? name : ""));
	if (n->parent)
		return qmp_done(error_set(err, "Node '%s' is in use by '%s'", name, n->parent->name));
	return qmp_done(n->image->readonly ? error_set(err, "Block node is read-only") : image_resize(n->image, (uint64_t)size, err));
}

/* ---- limits ------------------------------------------------------------------------------------------------------------------------- */

QMP_HANDLER(qmp_set_throttle)
{
	struct drive *d = find(m, a, err);
	uint64_t limits[N_LIMITS];
	const char *key;
	json_t *v;

	if (!d || !d->image)
		return qmp_done(d && error_set(err, "Device has no medium"));
	for (int l = 0; l < N_LIMITS; l++) {
		if (qmp_num(a, limit_names[l]) < 0)
			return qmp_done(error_set(err, "bps/iops/max values must be within [0, 1000000000000000]"));
		limits[l] = (uint64_t)qmp_num(a, limit_names[l]);
	}
	json_object_foreach((json_t *)a, key, v)
		if ((strstr(key, "_max") || strstr(key, "_size")) && json_integer_value(v))
			return qmp_done(error_set(err, "'%s' is not supported: a drive may run ahead of its limits by a tenth of a second", key));
	if (!limits_check(limits, err))
		return NULL;
	drive_set_limits(d, limits);
	return json_object();
}
