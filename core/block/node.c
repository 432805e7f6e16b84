/* node.c - named images: made from their descriptions, found, taken by drives, removed. */
#include "core/block/node.h"
#include "core/block/block_int.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const node_drivers[] = { "file", "host_device", "null-aio", "null-co", "raw", NULL };

/* The generic options of a node, and its driver's own. */
static const char *const generic_keys[] = { "driver", "node-name", "read-only", "auto-read-only", "cache.direct", "cache.no-flush", "discard",
	"detect-zeroes", "force-share", NULL };
static const char *const file_keys[] = { "filename", "locking", "aio", NULL }, *const raw_keys[] = { "file", "offset", "size", NULL },
	*const null_keys[] = { "size", "latency-ns", "read-zeroes", NULL };

static const char *const *own_keys(const char *driver)
{
	return !strcmp(driver, "raw") ? raw_keys : !strncmp(driver, "null-", 5) ? null_keys : file_keys;
}

static bool in_list(const char *const *list, const char *word)
{
	while (*list && strcmp(*list, word))
		list++;
	return *list;
}

struct node *node_first(struct machine *m) { return m->blocks ? m->blocks->nodes : NULL; }

struct node *node_find(struct machine *m, const char *name)
{
	struct node *n = node_first(m);

	while (n && strcmp(n->name, name))
		n = n->next;
	return n;
}

/* ---- descriptions ------------------------------------------------------------------------------------------------------------------- */

/* Where in a description we are: "" or "file." */
struct description { const struct kv *kv; const char *lead; };

static const char *get(const struct description *s, const char *key)
{
	char name[128];

	snprintf(name, sizeof(name), "%s%s", s->lead, key);
	return kv_get(s->kv, name);
}

static bool get_bool(const struct description *s, const char *key, bool *out, struct error *err)
{
	const char *v = get(s, key);

	if (!v)
		return true;
	*out = !strcmp(v, "on") || !strcmp(v, "true") || !strcmp(v, "yes");
	return *out || !strcmp(v, "off") || !strcmp(v, "false") || !strcmp(v, "no") || error_set(err, "Parameter '%s%s' expects 'on' or 'off'", s->lead, key);
}

static bool get_size(const struct description *s, const char *key, uint64_t *out, struct error *err)
{
	const char *v = get(s, key);

	return !v || parse_size(v, 1, out) || error_set(err, "Parameter '%s%s' expects a non-negative number below 2^64", s->lead, key);
}

/* Each key is one of ours, or belongs to a description inside, which has a lead of its own. */
static bool check_keys(const struct description *s, const char *driver, struct error *err)
{
	size_t n = strlen(s->lead);

	for (const struct kv *k = s->kv; k; k = k->next) {
		const char *key = k->key + n;
		if (strncmp(k->key, s->lead, n) || in_list(generic_keys, key) || in_list(own_keys(driver), key))
			continue;
		if (strcmp(driver, "raw") || strncmp(key, "file.", 5))
			return error_set(err, "Parameter '%s' is unexpected", k->key);
	}
	return true;
}

static bool read_options(const struct description *s, struct image_opts *o, struct error *err)
{
	const char *v;

	*o = (struct image_opts){ 0 };
	if (!get_bool(s, "read-only", &o->readonly, err) || !get_bool(s, "auto-read-only", &o->readonly_auto, err) || !get_bool(s, "cache.direct", &o->direct, err) ||
	    !get_bool(s, "cache.no-flush", &o->no_flush, err) || !get_bool(s, "force-share", &o->share_rw, err))
		return false;
	if ((v = get(s, "discard")) && strcmp(v, "ignore") && strcmp(v, "unmap"))
		return error_set(err, "Parameter '%sdiscard' does not accept value '%s'", s->lead, v);
	o->discard = v && !strcmp(v, "unmap");
	if ((v = get(s, "detect-zeroes")) && strcmp(v, "off") && strcmp(v, "on") && strcmp(v, "unmap"))
		return error_set(err, "Parameter '%sdetect-zeroes' does not accept value '%s'", s->lead, v);
	o->zeroes = !v || !strcmp(v, "off") ? ZEROES_OFF : !strcmp(v, "on") ? ZEROES_ON : ZEROES_UNMAP;
	if (o->zeroes == ZEROES_UNMAP && !o->discard)
		return error_set(err, "setting detect-zeroes to unmap is not allowed without setting discard operation to unmap");
	if (o->share_rw && !o->readonly)
		return error_set(err, "force-share=on can only be used with read-only images");
	if ((v = get(s, "locking")) && strcmp(v, "on") && strcmp(v, "off") && strcmp(v, "auto"))
		return error_set(err, "Parameter '%slocking' does not accept value '%s'", s->lead, v);
	o->no_lock = v && !strcmp(v, "off");
	if ((v = get(s, "aio")) && strcmp(v, "threads") && strcmp(v, "native") && strcmp(v, "io_uring"))
		return error_set(err, "Parameter '%saio' does not accept value '%s'", s->lead, v);
	if (v && !strcmp(v, "native") && !o->direct)
		return error_set(err, "aio=native was specified, but it requires cache.direct=on, which was not specified.");
	return true;
}

static bool check_name(struct machine *m, const char *name, struct error *err)
{
	if (!identifier_ok(name) || strlen(name) >= NODE_NAME)
		return error_set(err, strlen(name) >= NODE_NAME ? "Node name too long" : "Invalid node-name: '%.64s'", name);
	if (node_find(m, name))
		return error_set(err, "Duplicate nodes with node-name='%s'", name);
	return !drive_find(m, name) || error_set(err, "node-name=%s is conflicting with a device id", name);
}

/* ---- files -------------------------------------------------------------------------------------------------------------------------- */

/* With auto-read-only a file is opened for reading until somebody wants to write. */
static struct image *open_node_file(const struct description *s, const char *file, struct image_opts o, struct error *err)
{
	if (o.readonly_auto && !o.readonly) {
		o.readonly = true;
		struct image *im = image_open(file, "raw", &o, err);
		if (im)
			im->opts.readonly_auto = true;
		return im;
	}
	o.readonly_auto = false;
	return image_open(file, "raw", &o, err);
}

/* Somebody wants to write; where that cannot be the node stays as it is. */
static void make_writable(struct node *n)
{
	struct image_opts o = n->image->opts;

	if (n->below && o.readonly_auto) {
		make_writable(n->below);
		n->image->backing = n->below->image;
	}
	if (!n->image->readonly || !o.readonly_auto)
		return;
	if (n->below) {
		n->image->readonly = n->below->image->readonly;
		return;
	}
	char *file = strdup(n->image->file);
	o.readonly = false;
	o.readonly_auto = false;
	image_close(n->image);                  /* its lock would be in the way */
	n->image = image_open(file, "raw", &o, NULL);
	if (!n->image) {
		o.readonly = true;
		n->image = image_open(file, "raw", &o, NULL);
	}
	if (n->image)
		n->image->opts.readonly_auto = true;
	else                                    /* it was there a moment ago */
		n->image = image_null(&o, 0);
	free(file);
}

/* ---- making ------------------------------------------------------------------------------------------------------------------------- */

static struct node *make(struct machine *m, const struct description *s, bool implicit, struct error *err);

/* What a raw node lies on: a node by its name, or one described inside. */
static struct node *make_below(struct machine *m, const struct description *s, struct error *err)
{
	const char *name = get(s, "file");
	char lead[64];

	if (name) {
		struct node *n = node_find(m, name);
		if (!n)
			error_set(err, "Cannot find device='%s' nor node-name='%s'", name, name);
		else if (n->parent || n->drive) {
			error_set(err, "Node '%s' is already in use", name);
			n = NULL;
		}
		return n;
	}
	snprintf(lead, sizeof(lead), "%sfile.", s->lead);
	struct description inner = { s->kv, lead };
	if (strlen(lead) > 40 || !get(&inner, "driver")) {
		error_set(err, get(&inner, "filename") ? "Parameter '%sfile.driver' is missing" : "Parameter '%sfile' is missing", s->lead);
		return NULL;
	}
	return make(m, &inner, true, err);
}

static struct image *open_raw(struct node *n, const struct description *s, const struct image_opts *o, struct error *err)
{
	uint64_t offset = 0, size = UINT64_MAX;

	if (!get_size(s, "offset", &offset, err) || !get_size(s, "size", &size, err) || !(n->below = make_below(n->machine, s, err)))
		return NULL;
	if (!o->readonly)
		make_writable(n->below);
	if (!o->readonly && !o->readonly_auto && n->below->image->readonly) {
		error_set(err, "Block node is read-only");
		return NULL;
	}
	struct image *im = image_window(n->below->image, o, offset, size, err);
	if (im) {
		im->readonly = o->readonly || n->below->image->readonly;
		if (n->below->image->opts.zeroes < o->zeroes)       /* whole blocks of zeroes are best seen where the file is */
			n->below->image->opts.zeroes = o->zeroes;
		n->below->parent = n;
	}
	return im;
}

static struct image *open_image(struct node *n, const struct description *s, const struct image_opts *o, struct error *err)
{
	const char *file = get(s, "filename");
	uint64_t size = UINT64_C(1) << 30;

	if (!strcmp(n->driver, "raw"))
		return open_raw(n, s, o, err);
	if (!strncmp(n->driver, "null-", 5))
		return get_size(s, "size", &size, err) ? image_null(o, size) : NULL;
	if (!file) {
		error_set(err, "Parameter '%sfilename' is missing", s->lead);
		return NULL;
	}
	return open_node_file(s, file, *o, err);
}

static void discard(struct node *n)
{
	struct node *below = n->below;

	image_close(n->image);
	free(n);
	if (!below)
		return;
	below->parent = NULL;
	if (below->implicit) {
		struct node **p = &below->machine->blocks->nodes;
		while (*p && *p != below)
			p = &(*p)->next;
		if (*p)
			*p = below->next;
		discard(below);
	}
}

/* A name for what the user gave none. */
static void name_implicit(struct machine *m, struct node *n)
{
	do
		snprintf(n->name, sizeof(n->name), "#block%u", 100 + m->blocks->node_count++ % 900);
	while (node_find(m, n->name));
}

static struct node *make(struct machine *m, const struct description *s, bool implicit, struct error *err)
{
	const char *driver = get(s, "driver"), *name = get(s, "node-name");
	struct image_opts o;

	if (!driver || !in_list(node_drivers, driver)) {
		error_set(err, driver ? "Parameter '%sdriver' does not accept value '%s'" : "Parameter '%sdriver' is missing", s->lead, driver);
		return NULL;
	}
	if (!name && !implicit) {
		error_set(err, "'node-name' must be specified for the root node");
		return NULL;
	}
	if ((name && !check_name(m, name, err)) || !check_keys(s, driver, err) || !read_options(s, &o, err))
		return NULL;
	struct node *n = calloc(1, sizeof(*n));
	if (!n)
		abort();
	n->machine = m;
	n->implicit = implicit;
	for (const char *const *d = node_drivers; *d; d++)
		if (!strcmp(*d, driver))
			n->driver = *d;
	if (name)
		snprintf(n->name, sizeof(n->name), "%s", name);
	else
		name_implicit(m, n);
	if (!(n->image = open_image(n, s, &o, err))) {
		discard(n);
		return NULL;
	}
	n->next = m->blocks->nodes;
	m->blocks->nodes = n;
	return n;
}

struct node *node_new(struct machine *m, const struct kv *kv, struct error *err)
{
	struct description s = { kv, "" };

	blocks_get(m);
	return make(m, &s, false, err);
}

bool node_delete(struct machine *m, const char *name, struct error *err)
{
	struct node *n = node_find(m, name), **p;

	if (!n)
		return error_set(err, "Failed to find node with node-name='%s'", name);
	if (n->parent)
		return error_set(err, "Block device %s is in use", name);
	if (n->drive)
		return error_set(err, "Node %s is in use", name);
	for (p = &m->blocks->nodes; *p != n; p = &(*p)->next)
		;
	*p = n->next;
	discard(n);
	return true;
}

/* ---- users -------------------------------------------------------------------------------------------------------------------------- */

bool node_take(struct node *n, struct drive *d, struct error *err)
{
	if (n->parent || n->drive)
		return error_set(err, "Node '%s' is already in use", n->name);
	make_writable(n);
	n->drive = d;
	return true;
}

void node_release(struct node *n) { n->drive = NULL; }

void nodes_free(struct machine *m)
{
	while (m->blocks->nodes) {
		struct node *n = m->blocks->nodes;
		m->blocks->nodes = n->next;
		n->below = NULL;                /* it is in the list itself */
		image_close(n->image);
		free(n);
	}
}
