/* qom.c - the tree of objects: what there is, where it is, its properties. */
#include "core/monitor/qom.h"
#include "core/block/block.h"
#include "core/char/chardev.h"
#include "core/cpu/cpu.h"
#include "core/machine/machine.h"
#include "core/machine/memdev.h"
#include <stdlib.h>
#include <string.h>

/* ---- building ---------------------------------------------------------------------------------------------------------------------- */

static void add(struct qom_tree *t, enum qom_kind kind, const char *type, void *p, const char *path)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 128;
		t->nodes = realloc(t->nodes, t->cap * sizeof(*t->nodes));
		if (!t->nodes)
			abort();
	}
	struct qom_node *n = &t->nodes[t->n++];
	*n = (struct qom_node){ .path = strdup(path), .kind = kind, .p = p };
	snprintf(n->type, sizeof(n->type), "%s", type);
}

static void bus_path(const struct bus *b, char *buf, size_t size)
{
	if (b->parent)
		snprintf(buf, size, "%s/%s", b->parent->path, b->name);
	else
		snprintf(buf, size, "/machine/unattached/sysbus");
}

/* A CPU has the place of its local APIC, which is a part of it. */
static bool is_lapic_of(const struct machine *m, const struct device *d, unsigned *cpu)
{
	for (*cpu = 0; *cpu < m->n_cpus; ++*cpu)
		if (m->lapics[*cpu] == d)
			return true;
	return false;
}

static void add_device(struct qom_tree *t, struct device *d)
{
	char path[640], type[72];
	unsigned cpu;

	if (is_lapic_of(t->m, d, &cpu)) {
		snprintf(type, sizeof(type), "%s-x86_64-cpu", cpu_place(t->m, cpu).model);
		add(t, QOM_CPU, type, t->m->cpus[cpu], d->path);
		snprintf(path, sizeof(path), "%s/lapic", d->path);
		add(t, QOM_DEVICE, d->desc->name, d, path);
		return;
	}
	add(t, QOM_DEVICE, d->desc->name, d, d->path);
	for (struct bus *b = d->buses; b; b = b->next) {
		bus_path(b, path, sizeof(path));
		add(t, QOM_BUS, b->type, b, path);
	}
}

struct qom_tree *qom_build(struct machine *m)
{
	static const char *const containers[] = { "/", "/backend", "/chardevs", "/objects", "/machine", "/machine/peripheral",
		"/machine/peripheral-anon", "/machine/unattached" };
	struct qom_tree *t = calloc(1, sizeof(*t));
	char path[640], type[72];

	if (!t)
		abort();
	t->m = m;
	for (size_t i = 0; i < sizeof(containers) / sizeof(containers[0]); i++)
		if (strcmp(containers[i], "/machine"))
			add(t, QOM_CONTAINER, "container", NULL, containers[i]);
		else
			add(t, QOM_MACHINE, qom_machine_type(m, type, sizeof(type)), m, containers[i]);
	add(t, QOM_BUS, "System", &m->sysbus, "/machine/unattached/sysbus");
	for (struct device *d = m->devices; d; d = d->all_next)
		add_device(t, d);
	for (struct chardev *c = chardev_first(m); c; c = c->next) {
		snprintf(path, sizeof(path), "/chardevs/%s", c->label);
		snprintf(type, sizeof(type), "chardev-%s", c->mux ? "mux" : c->kind->name);
		add(t, QOM_CHARDEV, type, c, path);
	}
	struct memdev d;
	for (unsigned n = 0; memdev_at(m, n, &d); n++) {
		snprintf(path, sizeof(path), "/objects/%s", d.id);
		add(t, QOM_MEMORY, d.type, NULL, path);
	}
	return t;
}

void qom_free(struct qom_tree *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->nodes[i].path);
	free(t->nodes);
	free(t);
}

/* ---- paths ------------------------------------------------------------------------------------------------------------------------- */

bool qom_is_child(const struct qom_node *parent, const struct qom_node *node)
{
	size_t n = strcmp(parent->path, "/") ? strlen(parent->path) : 0;

	return !strncmp(node->path, parent->path, n) && node->path[n] == '/' && node->path[n + 1] && !strchr(node->path + n + 1, '/');
}

const char *qom_leaf(const struct qom_node *node) { return strrchr(node->path, '/') + 1; }

static bool ends_in(const char *path, const char *part)
{
	size_t n = strlen(path), k = strlen(part);

	return k < n && !strcmp(path + n - k, part) && path[n - k - 1] == '/';
}

const struct qom_node *qom_find(const struct qom_tree *t, const char *path, struct error *err)
{
	const struct qom_node *found = NULL;
	size_t len = strlen(path);
	unsigned hits = 0;

	while (len > 1 && path[len - 1] == '/')
		len--;
	for (size_t i = 0; i < t->n; i++) {
		const struct qom_node *n = &t->nodes[i];
		if (!len ? !strcmp(n->path, "/") : *path == '/' ? !strncmp(n->path, path, len) && !n->path[len] : ends_in(n->path, path)) {
			found = n;
			hits++;
		}
	}
	if (hits == 1)
		return found;
	error_set(err, hits ? "Path '%s' is ambiguous" : "Device '%s' not found", path);
	return NULL;
}

/* ---- properties -------------------------------------------------------------------------------------------------------------------- */

void qom_add(json_t *list, const char *name, const char *type, const char *description, json_t *value)
{
	json_t *o = json_pack("{s:s, s:s}", "name", name, "type", type);

	if (description && *description)
		json_object_set_new(o, "description", json_string(description));
	json_object_set_new(o, "value", value ? value : json_null());
	json_array_append_new(list, o);
}

static json_t *text(const char *s)
{
	json_t *v = json_string(s ? s : "");

	return v ? v : json_string("?");        /* a name that is no UTF-8 */
}

static json_t *device_value(const struct device *d, const struct prop *p)
{
	const void *at = (const char *)d + p->offset;
	const uint8_t *b = at;
	char buf[32];

	switch (p->type) {
	case PROP_BOOL: return json_boolean(*b);
	case PROP_U8:   return json_integer(*b);
	case PROP_U16:  return json_integer(*(const uint16_t *)at);
	case PROP_U32:  return json_integer(*(const uint32_t *)at);
	case PROP_I32:  return json_integer(*(const int32_t *)at);
	case PROP_U64: case PROP_SIZE: return json_integer((json_int_t)*(const uint64_t *)at);
	case PROP_ENUM: return text(p->values[*b]);
	case PROP_STRING:  return text(*(char *const *)at);
	case PROP_CHARDEV: return text(*(struct chardev *const *)at ? (*(struct chardev *const *)at)->label : "");
	case PROP_DRIVE:   return text(*(struct drive *const *)at ? (*(struct drive *const *)at)->id : "");
	case PROP_MAC:
		snprintf(buf, sizeof(buf), "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
		return text(buf);
	case PROP_PCI_ADDR:
		snprintf(buf, sizeof(buf), "%02x.%x", (unsigned)*(const int32_t *)at >> 3 & 31, (unsigned)*(const int32_t *)at & 7);
		return text(*(const int32_t *)at < 0 ? "-1" : buf);
	default: return text("");
	}
}

static void add_device_properties(const struct device *d, json_t *list)
{
	char path[640] = "";

	if (d->bus)
		bus_path(d->bus, path, sizeof(path));
	qom_add(list, "parent_bus", "link<bus>", NULL, text(path));
	qom_add(list, "realized", "bool", NULL, json_boolean(d->realized));
	qom_add(list, "hotpluggable", "bool", NULL, json_boolean(d->desc->hotpluggable));
	qom_add(list, "hotplugged", "bool", NULL, json_false());
	for (const struct prop *p = d->desc->props; p && p->type != PROP_END; p++)
		qom_add(list, p->name, qom_prop_type(p), p->help, device_value(d, p));
}

static void add_machine_properties(struct machine *m, json_t *list)
{
	const struct options *o = m->opt;

	qom_add(list, "accel", "string", "the engine that runs guest code", text(m->accel ? m->accel->name : ""));
	qom_add(list, "kernel", "string", "Linux kernel image file", text(o->kernel));
	qom_add(list, "initrd", "string", "Linux initial ramdisk file", text(o->initrd));
	qom_add(list, "append", "string", "Linux kernel command line", text(o->append));
	qom_add(list, "firmware", "string", "firmware image", text(o->bios));
	qom_add(list, "hpet", "bool", NULL, json_boolean(!o->no_hpet));
	qom_add(list, "acpi", "OnOffAuto", NULL, text(o->no_acpi ? "off" : "on"));
	qom_add(list, "usb", "bool", NULL, json_false());
	qom_add(list, "graphics", "bool", NULL, json_boolean(!o->nographic));
	qom_add(list, "memory-backend", "string", "what the memory is made of", text(o->memory_backend ? o->memory_backend : "pc.ram"));
}

static void add_memory_properties(struct machine *m, const char *id, json_t *list)
{
	struct memdev d;

	for (unsigned n = 0; memdev_at(m, n, &d); n++)
		if (!strcmp(d.id, id)) {
			qom_add(list, "size", "int", NULL, json_integer((json_int_t)d.size));
			qom_add(list, "share", "bool", NULL, json_boolean(d.share));
			qom_add(list, "prealloc", "bool", NULL, json_boolean(d.prealloc));
			qom_add(list, "merge", "bool", NULL, json_boolean(d.merge));
			qom_add(list, "dump", "bool", NULL, json_boolean(d.dump));
			if (d.mem_path)
				qom_add(list, "mem-path", "string", NULL, text(d.mem_path));
		}
}

json_t *qom_properties(const struct qom_tree *t, const struct qom_node *node)
{
	json_t *list = json_array();
	char type[96];

	qom_add(list, "type", "string", NULL, text(node->type));
	switch (node->kind) {
	case QOM_DEVICE:  add_device_properties(node->p, list); break;
	case QOM_MACHINE: add_machine_properties(node->p, list); break;
	case QOM_CPU:     qom_cpu_properties(t->m, ((struct cpu *)node->p)->index, list); break;
	case QOM_CHARDEV:
		qom_add(list, "connected", "bool", NULL, json_boolean(((struct chardev *)node->p)->opened));
		break;
	case QOM_MEMORY:
		add_memory_properties(t->m, qom_leaf(node), list);
		break;
	case QOM_BUS:
		qom_add(list, "hotplug-handler", "bool", "takes devices while the machine runs", json_boolean(((struct bus *)node->p)->hotplug));
		break;
	default: break;
	}
	for (size_t i = 0; i < t->n; i++)
		if (qom_is_child(node, &t->nodes[i])) {
			snprintf(type, sizeof(type), "child<%s>", t->nodes[i].type);
			qom_add(list, qom_leaf(&t->nodes[i]), type, NULL, text(t->nodes[i].path));
		}
	return list;
}

/* ---- the commands ------------------------------------------------------------------------------------------------------------------ */

json_t *qom_list(struct machine *m, const char *path, struct error *err)
{
	struct qom_tree *t = qom_build(m);
	const struct qom_node *n = qom_find(t, path, err);
	json_t *list = n ? qom_properties(t, n) : NULL, *p;
	size_t i;

	json_array_foreach(list, i, p)
		json_object_del(p, "value");
	qom_free(t);
	return list;
}

static json_t *find_property(const json_t *list, const char *name)
{
	json_t *p;
	size_t i;

	json_array_foreach(list, i, p)
		if (!strcmp(json_string_value(json_object_get(p, "name")), name))
			return p;
	return NULL;
}

json_t *qom_get(struct machine *m, const char *path, const char *property, struct error *err)
{
	struct qom_tree *t = qom_build(m);
	const struct qom_node *n = qom_find(t, path, err);
	json_t *list = n ? qom_properties(t, n) : NULL, *p = find_property(list, property), *value = NULL;

	if (p)
		value = json_incref(json_object_get(p, "value"));
	else if (n)
		error_set(err, "Property '%s.%s' not found", n->type, property);
	json_decref(list);
	qom_free(t);
	return value;
}

/* Nothing here can be changed after the machine was made; say why. */
bool qom_set(struct machine *m, const char *path, const char *property, struct error *err)
{
	struct qom_tree *t = qom_build(m);
	const struct qom_node *n = qom_find(t, path, err);
	json_t *list = n ? qom_properties(t, n) : NULL, *p = find_property(list, property);
	const char *type = json_string_value(json_object_get(p, "type"));
	const struct device *d = n && n->kind == QOM_DEVICE ? n->p : NULL;
	bool fixed = type && (!strncmp(type, "child<", 6) || !strncmp(type, "link<", 5) || !strcmp(property, "type"));

	if (n && !p)
		error_set(err, "Property '%s.%s' not found", n->type, property);
	else if (n && (!d || fixed))
		error_set(err, "Property '%s.%s' is not writable", n->type, property);
	else if (d && d->id)
		error_set(err, "Attempt to set property '%s' on device '%s' (type '%s') after it was realized", property, d->id, n->type);
	else if (d)
		error_set(err, "Attempt to set property '%s' on anonymous device (type '%s') after it was realized", property, n->type);
	json_decref(list);
	qom_free(t);
	return false;
}
