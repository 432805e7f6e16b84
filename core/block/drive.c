/* drive.c - the drives of a machine: made from options, given to devices, opened, changed, ejected, described. */
#include "core/block/block_int.h"
#include "core/block/node.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct blocks *blocks_get(struct machine *m)
{
	if (m->blocks)
		return m->blocks;
	struct blocks *b = calloc(1, sizeof(*b));
	if (!b)
		abort();
	b->machine = m;
	b->drives_end = &b->drives;
	m->blocks = b;
	blocks_start(b);
	return b;
}

struct drive *drive_first(struct machine *m)
{
	return m->blocks ? m->blocks->drives : NULL;
}

struct drive *drive_find(struct machine *m, const char *id)
{
	for (struct drive *d = drive_first(m); d; d = d->next)
		if (*id && !strcmp(d->id, id))
			return d;
	return NULL;
}

struct drive *drive_by_node(struct machine *m, const char *node)
{
	for (struct drive *d = drive_first(m); d; d = d->next)
		if (d->image && !strcmp(d->node, node))
			return d;
	return NULL;
}

struct drive *drive_at(struct machine *m, enum drive_if i, int bus, int unit)
{
	for (struct drive *d = drive_first(m); d; d = d->next)
		if (d->interface == i && d->bus == bus && d->unit == unit)
			return d;
	return NULL;
}

/* ---- making -------------------------------------------------------------------------------------------------------------------------- */

static char *default_id(struct blocks *b, const struct drive *d)
{
	char id[64];
	switch (d->interface) {
	case IF_IDE:    snprintf(id, sizeof(id), "ide%d-%s%d", d->bus, d->cdrom ? "cd" : "hd", d->unit); break;
	case IF_SCSI:   snprintf(id, sizeof(id), "scsi%d-%s%d", d->bus, d->cdrom ? "cd" : "hd", d->unit); break;
	case IF_FLOPPY: snprintf(id, sizeof(id), "floppy%d", d->unit); break;
	case IF_VIRTIO: snprintf(id, sizeof(id), "virtio%d", d->unit); break;
	default:
		do
			snprintf(id, sizeof(id), "none%u", b->none_count++);
		while (drive_find(b->machine, id));
	}
	return strdup(id);
}

static bool choose_place(struct machine *m, struct drive *d, const struct drive_opts *o, struct error *err)
{
	int units = (int)drive_units_per_bus(d->interface);
	d->bus = o->bus;
	d->unit = o->unit;
	if (d->interface == IF_NONE)
		return true;
	if (d->unit < 0) {
		d->unit = 0;
		while (drive_at(m, d->interface, d->bus, d->unit)) {
			d->unit++;
			if (units && d->unit >= units) {
				d->unit -= units;
				d->bus++;
			}
		}
	}
	if (drive_at(m, d->interface, d->bus, d->unit))
		return error_set(err, "drive with bus=%d, unit=%d (index=%d) exists", d->bus, d->unit, d->bus * units + d->unit);
	return true;
}

/* The drive's own image, or the one of a node that it has taken. */
static void insert(struct drive *d, struct image *im, struct node *n)
{
	static const char plea[] = "WARNING: Image format was not specified for '%s' and probing guessed raw.\n"
		"         Automatically detecting the format is dangerous for raw images, write operations on block 0 will be restricted.\n"
		"         Specify the 'raw' format explicitly to remove the restrictions.\n";
	if (im->probed && !im->readonly)
		fprintf(stderr, plea, im->file);
	if (n)
		snprintf(d->node, sizeof(d->node), "%s", n->name);
	else
		snprintf(d->node, sizeof(d->node), "#block%u", 100 + d->machine->blocks->node_count++ % 900);
	d->medium = n;
	d->image = im;
	d->file = strdup(im->file);
	d->format = n ? n->driver : im->format->name;
	d->size = im->size;
	d->readonly = im->readonly;
}

static void let_go(struct drive *d)
{
	if (d->medium)
		node_release(d->medium);
	else
		image_close(d->image);
	d->medium = NULL;
}

static void take_out(struct drive *d)
{
	drive_quiesce(d);
	let_go(d);
	free(d->file);
	d->image = NULL;
	d->file = NULL;
	d->format = NULL;
	d->size = 0;
}

static struct drive *drive_make(struct machine *m, const struct drive_opts *o)
{
	struct drive *d = calloc(1, sizeof(*d));
	struct image_opts *opts = malloc(sizeof(*opts));
	if (!d || !opts)
		abort();
	*opts = o->image;
	d->machine = m;
	d->opts = opts;
	d->interface = o->interface;
	d->cdrom = o->cdrom;
	d->removable = d->has_tray = o->cdrom;
	d->readonly = o->image.readonly;
	d->werror = o->werror;
	d->rerror = o->rerror;
	d->cache = strdup(o->cache);
	drive_set_limits(d, o->limits);
	return d;
}

static void drive_free(struct drive *d)
{
	throttle_free(d);
	let_go(d);
	free(d->id);
	free(d->file);
	free(d->cache);
	free(d->opts);
	free(d);
}

static void add(struct blocks *b, struct drive *d)
{
	*b->drives_end = d;
	b->drives_end = &d->next;
}

struct drive *drive_new(struct machine *m, const struct kv *kv, struct error *err)
{
	struct blocks *b = blocks_get(m);
	struct drive_opts o;
	struct image *im = NULL;

	if (!drive_opts_parse(&o, kv, m->opt && m->opt->snapshot, err))
		return NULL;
	struct drive *d = drive_make(m, &o);
	if (!choose_place(m, d, &o, err))
		goto fail;
	d->id = o.id ? strdup(o.id) : default_id(b, d);
	if (drive_find(m, d->id) || node_find(m, d->id)) {
		error_set(err, node_find(m, d->id) ? "Device name '%s' conflicts with an existing node name" : "Duplicate ID '%s' for drive", d->id);
		goto fail;
	}
	if (o.file && !(im = image_open(o.file, o.format, &o.image, err)))
		goto fail;
	if (im)
		insert(d, im, NULL);
	add(b, d);
	return d;
fail:
	drive_free(d);
	return NULL;
}

struct drive *drive_new_empty(struct machine *m, enum drive_if i, int bus, int unit, bool cdrom, struct error *err)
{
	struct blocks *b = blocks_get(m);
	struct drive_opts o = { .interface = i, .cdrom = cdrom, .cache = "writeback", .werror = ON_ERROR_ENOSPC, .image.readonly = cdrom };
	struct drive *d = drive_make(m, &o);
	d->bus = bus;
	d->unit = unit;
	d->id = default_id(b, d);
	if (drive_find(m, d->id)) {
		error_set(err, "Duplicate ID '%s' for drive", d->id);
		drive_free(d);
		return NULL;
	}
	add(b, d);
	return d;
}

struct drive *drive_new_anonymous(struct machine *m, struct node *n, struct error *err)
{
	struct drive_opts o = { .interface = IF_NONE, .cache = "writeback", .werror = ON_ERROR_ENOSPC };

	if (n)
		o.image = n->image->opts;
	struct blocks *b = blocks_get(m);
	struct drive *d = drive_make(m, &o);
	d->id = strdup("");
	d->anonymous = true;
	if (n && !node_take(n, d, err)) {
		drive_free(d);
		return NULL;
	}
	if (n)
		insert(d, n->image, n);
	add(b, d);
	return d;
}

void drive_forget(struct drive *d)
{
	if (d && d->anonymous && !d->dev)
		drive_delete(d);
}

const char *drive_label(const struct drive *d)
{
	return *d->id || !d->dev ? d->id : d->dev->id ? d->dev->id : d->dev->path;
}

void drive_delete(struct drive *d)
{
	struct blocks *b = d->machine->blocks;
	struct drive **p = &b->drives;
	while (*p != d)
		p = &(*p)->next;
	*p = d->next;
	if (!*p)
		b->drives_end = p;
	drive_quiesce(d);
	drive_free(d);
}

void blocks_free(struct machine *m)
{
	struct blocks *b = m->blocks;
	if (!b)
		return;
	blocks_stop(b);
	while (b->drives) {
		struct drive *d = b->drives;
		b->drives = d->next;
		drive_free(d);
	}
	nodes_free(m);
	free(b);
	m->blocks = NULL;
}

bool drives_all_used(struct machine *m, struct error *err)
{
	for (struct drive *d = drive_first(m); d; d = d->next)
		if (d->interface != IF_NONE && !d->dev)
			return error_set(err, "machine type does not support if=%s,bus=%d,unit=%d", drive_if_names[d->interface], d->bus, d->unit);
	return true;
}

/* ---- devices ------------------------------------------------------------------------------------------------------------------------- */

bool drive_attach(struct drive *d, struct device *dev, struct error *err)
{
	if (d->dev && d->interface != IF_NONE)
		return error_set(err, "Drive '%s' is already in use because it has been automatically connected to another device "
			"(did you need 'if=none' in the drive options?)", d->id);
	if (d->dev)
		return error_set(err, "Drive '%s' is already in use by another device", d->id);
	d->dev = dev;
	return true;
}

void drive_detach(struct drive *d)
{
	drive_quiesce(d);
	d->dev = NULL;
	d->medium_changed = NULL;
	d->eject_requested = NULL;
	d->resized = NULL;
	d->change_arg = NULL;
}

bool drive_loaded(const struct drive *d)
{
	return d->image && !d->tray_open;
}

bool drive_writethrough(const struct drive *d)
{
	return d->opts->writethrough;
}

/* Its window or overlay and the file below: whoever writes to the file waits for it. */
void drive_set_writethrough(struct drive *d, bool on)
{
	d->opts->writethrough = on;
	for (struct image *im = d->image; im; im = im->backing)
		im->opts.writethrough = on;
}

bool drive_discards(const struct drive *d)
{
	return d->opts->discard;
}

/* ---- media --------------------------------------------------------------------------------------------------------------------------- */

static void tell(struct drive *d, bool loaded)
{
	if (d->medium_changed)
		d->medium_changed(d->change_arg, loaded);
}

static void move_tray(struct drive *d, bool open)
{
	char detail[512];
	d->tray_open = open;
	snprintf(detail, sizeof(detail), "{\"device\": \"%s\", \"tray-open\": %s, \"id\": \"%s\"}", d->id, open ? "true" : "false",
		!d->dev ? "" : d->dev->id ? d->dev->id : d->dev->path);
	machine_emit(d->machine, EV_TRAY_MOVED, detail);
}

void drive_set_tray(struct drive *d, bool open)
{
	if (d->tray_open == open)
		return;
	move_tray(d, open);
	tell(d, !open && d->image);
}

void drive_set_locked(struct drive *d, bool locked)
{
	d->locked = locked;
}

/* Medium out, the tray (if there is one) left open. */
static bool open_up(struct drive *d, bool force, struct error *err)
{
	if (!d->removable)
		return error_set(err, "Device '%s' is not removable", drive_label(d));
	if (d->locked && !d->tray_open) {
		if (d->eject_requested)
			d->eject_requested(d->change_arg, force);
		if (!force)
			return error_set(err, "Device '%s' is locked and force was not specified, wait for tray to open and try again", drive_label(d));
	}
	take_out(d);
	if (d->has_tray && !d->tray_open)
		move_tray(d, true);
	tell(d, false);
	return true;
}

bool drive_eject(struct drive *d, bool force, struct error *err)
{
	return open_up(d, force, err);
}

bool drive_insert_node(struct drive *d, struct node *n, struct error *err)
{
	if (d->dev && !d->removable)
		return error_set(err, "Device is not removable");
	if (d->has_tray && !d->tray_open)
		return error_set(err, "Tray of the device is not open");
	if (d->image)
		return error_set(err, n->drive ? "Node '%s' is already in use" : "There already is a medium in the device", n->name);
	if (!node_take(n, d, err))
		return false;
	insert(d, n->image, n);
	if (!d->has_tray)                       /* a drive with a tray learns of it when the tray closes */
		tell(d, true);
	return true;
}

bool drive_resize(struct drive *d, uint64_t size, struct error *err)
{
	if (!d->image)
		return error_set(err, "Device '%s' has no medium", drive_label(d));
	if (d->readonly)
		return error_set(err, "Block node is read-only");
	drive_quiesce(d);
	if (!image_resize(d->image, size, err))
		return false;
	d->size = d->image->size;
	if (d->resized)
		d->resized(d->change_arg);
	return true;
}

static bool same_file(const struct drive *d, const char *file)
{
	struct stat a, b;
	return d->file && !stat(d->file, &a) && !stat(file, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool relock(struct image *im, struct error *err)
{
	struct image *base = im->backing ? im->backing : im;
	return image_lock(base->fd, !base->readonly, base->opts.share_rw, base->file, err);
}

bool drive_change(struct drive *d, const char *file, const char *format, int readonly, struct error *err)
{
	struct image_opts opts = *d->opts;
	if (!d->removable)
		return error_set(err, "Device '%s' is not removable", drive_label(d));
	opts.readonly = d->cdrom || (readonly < 0 ? opts.readonly : readonly);
	/* The new medium must open before the old one is let go.  When it is the same file our own lock would be in the way. */
	bool again = same_file(d, file);
	opts.no_lock |= again;
	struct image *im = image_open(file, format, &opts, err);
	if (!im)
		return false;
	if (!open_up(d, false, err) || (again && !d->opts->no_lock && !relock(im, err))) {
		image_close(im);
		return false;
	}
	d->opts->readonly = opts.readonly;
	insert(d, im, NULL);
	if (d->tray_open)
		move_tray(d, false);
	tell(d, true);
	return true;
}

bool drive_has_overlay(const struct drive *d)
{
	return d->image && d->image->format == &format_overlay;
}

bool drive_commit(struct drive *d, struct error *err)
{
	if (!d->image)
		return error_set(err, "Device '%s' has no medium", drive_label(d));
	if (!drive_has_overlay(d))
		return error_set(err, "'commit' error for '%s': Operation not supported", drive_label(d));
	drive_quiesce(d);
	return overlay_commit(d->image, err) || error_prefix(err, "'commit' error for '%s': ", drive_label(d));
}
