/* device.c - devices by descriptor: creation, properties, buses. */
#include "core/machine/device.h"
#include "core/block/block.h"
#include "core/block/node.h"
#include "core/char/chardev.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const struct device_desc *device_find_desc(const char *name)
{
	for (const struct device_desc *const *d = device_descs; *d; d++)
		if (!strcmp((*d)->name, name) || ((*d)->alias && !strcmp((*d)->alias, name)))
			return *d;
	return NULL;
}

static const struct prop *find_prop(const struct device *d, const char *name)
{
	for (const struct prop *p = d->desc->props; p && p->type != PROP_END; p++)
		if (!strcmp(p->name, name))
			return p;
	return NULL;
}

static void free_props(struct device *d)
{
	for (const struct prop *p = d->desc->props; p && p->type != PROP_END; p++)
		if (p->type == PROP_STRING)
			free(*(char **)((char *)d + p->offset));
		else if (p->type == PROP_DRIVE)
			drive_forget(*(struct drive **)((char *)d + p->offset));
}

static void device_free(struct device *d)
{
	free_props(d);
	free(d->id);
	free(d->path);
	free(d);
}

/* The defaults that -global gives to devices of this kind. */
static bool apply_globals(struct device *d, struct error *err)
{
	for (struct optlist *o = d->machine->opt->globals; o; o = o->next) {
		const char *driver = kv_get(o->kv, "driver");
		if (strcmp(driver, d->desc->name) && (!d->desc->alias || strcmp(driver, d->desc->alias)))
			continue;
		if (!device_set(d, kv_get(o->kv, "property"), kv_get(o->kv, "value"), err))
			return error_prefix(err, "can't apply global %s.%s=%s: ", driver, kv_get(o->kv, "property"), kv_get(o->kv, "value"));
	}
	return true;
}

struct device *device_new(struct machine *m, const struct device_desc *desc, const char *id, struct error *err)
{
	char path[512];
	if (id && !identifier_ok(id)) {
		error_set(err, "Parameter 'id' expects an identifier\nIdentifiers consist of letters, digits, '-', '.', '_', starting with a letter.");
		return NULL;
	}
	if (id && device_find(m, id)) {
		error_set(err, "Duplicate ID '%s' for device", id);
		return NULL;
	}
	struct device *d = aligned_alloc(64, (desc->size + 63) & ~(size_t)63);
	if (!d)
		abort();
	memset(d, 0, desc->size);
	d->desc = desc;
	d->machine = m;
	if (id)
		snprintf(path, sizeof(path), "/machine/peripheral/%s", id);
	else
		snprintf(path, sizeof(path), "/machine/unattached/device[%u]", m->n_unattached++);
	d->id = id ? strdup(id) : NULL;
	d->path = strdup(path);
	for (const struct prop *p = desc->props; p && p->type != PROP_END; p++)
		if (p->type == PROP_PCI_ADDR)
			*(int32_t *)((char *)d + p->offset) = -1;       /* the first free slot */
		else if (p->def && !device_set(d, p->name, p->def, err)) {
			device_free(d);
			return NULL;
		}
	if (!apply_globals(d, err)) {
		device_free(d);
		return NULL;
	}
	return d;
}

void device_discard(struct device *d)
{
	device_free(d);
}

/* ---- properties ---------------------------------------------------------------------------------------------------------------- */

static bool set_number(struct device *d, const struct prop *p, const char *value, struct error *err)
{
	static const struct { uint64_t max; const char *type; } lim[] = {
		[PROP_U8] = { UINT8_MAX, "uint8_t" }, [PROP_U16] = { UINT16_MAX, "uint16_t" }, [PROP_U32] = { UINT32_MAX, "uint32_t" },
		[PROP_U64] = { UINT64_MAX, "uint64_t" }, [PROP_I32] = { INT32_MAX, "int32_t" } };
	char *end;
	errno = 0;
	uint64_t v = strtoull(value, &end, 0);
	bool neg = p->type == PROP_I32 && *value == '-';
	if (*end || end == value || errno || (*value == '-' && !neg))
		return error_set(err, "Parameter '%s' expects %s", p->name, p->type == PROP_U64 ? "uint64" : "a number");
	if (!neg && v > lim[p->type].max)
		return error_set(err, "Parameter '%s' expects %s", p->name, lim[p->type].type);
	char *f = (char *)d + p->offset;
	switch (p->type) {
	case PROP_U8:  *(uint8_t *)f = (uint8_t)v; break;
	case PROP_U16: *(uint16_t *)f = (uint16_t)v; break;
	case PROP_U64: *(uint64_t *)f = v; break;
	default:       *(uint32_t *)f = (uint32_t)v; break;
	}
	return true;
}

static bool set_bool(struct device *d, const struct prop *p, const char *value, struct error *err)
{
	bool on = !strcmp(value, "on") || !strcmp(value, "true") || !strcmp(value, "yes");
	if (!on && strcmp(value, "off") && strcmp(value, "false") && strcmp(value, "no"))
		return error_set(err, "Parameter '%s' expects 'on' or 'off'", p->name);
	*(bool *)((char *)d + p->offset) = on;
	return true;
}

static bool set_enum(struct device *d, const struct prop *p, const char *value, struct error *err)
{
	for (unsigned i = 0; p->values[i]; i++)
		if (!strcmp(p->values[i], value)) {
			*((uint8_t *)d + p->offset) = (uint8_t)i;
			return true;
		}
	return error_set(err, "Parameter '%s' does not accept value '%s'", p->name, value);
}

static bool set_pci_addr(struct device *d, const struct prop *p, const char *value, struct error *err)
{
	char *end;
	unsigned long slot = strtoul(value, &end, 16), fn = 0;
	bool ok = end != value;
	if (ok && *end == '.') {
		const char *f = end + 1;
		fn = strtoul(f, &end, 16);
		ok = end != f;
	}
	if (!ok || *end || slot > 31 || fn > 7)
		return error_set(err, "Property '%s.%s' doesn't take value '%s'", d->desc->name, p->name, value);
	*(int32_t *)((char *)d + p->offset) = (int32_t)(slot << 3 | fn);
	return true;
}

static bool set_mac(struct device *d, const struct prop *p, const char *value, struct error *err)
{
	unsigned b[6];
	int used = 0;
	if (sscanf(value, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &used) != 6 || value[used])
		return error_set(err, "Property '%s.%s' doesn't take value '%s'", d->desc->name, p->name, value);
	for (int i = 0; i < 6; i++)
		((uint8_t *)d + p->offset)[i] = (uint8_t)b[i];
	return true;
}

/* A drive by its name, or a named image in a drive of the device's own. */
static bool set_drive(struct device *d, const struct prop *p, const char *value, struct error *err)
{
	struct drive **at = (struct drive **)((char *)d + p->offset), *v = drive_find(d->machine, value);
	struct node *n = v ? NULL : node_find(d->machine, value);

	if (!v && !n)
		return error_set(err, "Property '%s.%s' can't find value '%s'", d->desc->name, p->name, value);
	if (n && !(v = drive_new_anonymous(d->machine, n, err)))
		return false;
	drive_forget(*at);
	*at = v;
	return true;
}

static bool set_backend(struct device *d, const struct prop *p, const char *value, struct error *err)
{
	void *v = p->type == PROP_CHARDEV ? (void *)chardev_find(d->machine, value) : NULL;
	if (!v)
		return error_set(err, "Property '%s.%s' can't find value '%s'", d->desc->name, p->name, value);
	*(void **)((char *)d + p->offset) = v;
	return true;
}

bool device_set(struct device *d, const char *name, const char *value, struct error *err)
{
	const struct prop *p = find_prop(d, name);
	if (!p)
		return error_set(err, "Property '%s.%s' not found", d->desc->name, name);
	switch (p->type) {
	case PROP_BOOL: return set_bool(d, p, value, err);
	case PROP_ENUM: return set_enum(d, p, value, err);
	case PROP_MAC:  return set_mac(d, p, value, err);
	case PROP_PCI_ADDR: return set_pci_addr(d, p, value, err);
	case PROP_DRIVE: return set_drive(d, p, value, err);
	case PROP_CHARDEV: case PROP_NETDEV: return set_backend(d, p, value, err);
	case PROP_STRING: {
		char **s = (char **)((char *)d + p->offset);
		free(*s);
		*s = strdup(value);
		return true;
	}
	case PROP_SIZE: {
		uint64_t v;
		if (!parse_size(value, 1, &v))
			return error_set(err, "Parameter '%s' expects a non-negative number below 2^64\nOptional suffix k, M, G, T, P or E means "
				"kilo-, mega-, giga-, tera-, peta-\nand exabytes, respectively.", name);
		*(uint64_t *)((char *)d + p->offset) = v;
		return true;
	}
	default: return set_number(d, p, value, err);
	}
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */

static void list_add(struct device **list, struct device *d)
{
	while (*list)
		list = &(*list)->sibling;
	d->sibling = NULL;
	*list = d;
}

static void list_del(struct device **list, struct device *d)
{
	while (*list && *list != d)
		list = &(*list)->sibling;
	if (*list)
		*list = d->sibling;
}

bool device_realize(struct device *d, struct bus *b, struct error *err)
{
	if (b->attach && !b->attach(b, d, err))
		goto fail_free;
	d->bus = b;
	if (d->desc->realize && !d->desc->realize(d, err))
		goto fail;
	list_add(&b->children, d);
	*d->machine->devices_end = d;
	d->machine->devices_end = &d->all_next;
	d->realized = true;
	return true;
fail:
	if (b->detach)
		b->detach(b, d);
fail_free:
	device_free(d);
	return false;
}

void bus_unplug_all(struct bus *b)
{
	while (b->children) {
		struct device *last = b->children;
		while (last->sibling)
			last = last->sibling;
		device_unplug(last);
	}
}

void device_unplug(struct device *d)
{
	struct machine *m = d->machine;
	for (struct bus *b = d->buses; b; b = b->next)
		bus_unplug_all(b);
	if (d->desc->unrealize)
		d->desc->unrealize(d);
	if (d->bus->detach)
		d->bus->detach(d->bus, d);
	list_del(&d->bus->children, d);
	struct device **p = &m->devices;
	while (*p && *p != d)
		p = &(*p)->all_next;
	if (*p)
		*p = d->all_next;
	if (m->devices_end == &d->all_next)
		m->devices_end = p;
	device_free(d);
}

struct device *device_create(struct machine *m, const char *name, struct bus *b, const char *props, struct error *err)
{
	const struct device_desc *desc = device_find_desc(name);
	if (!desc) {
		error_set(err, "'%s' is not a valid device model name", name);
		return NULL;
	}
	struct device *d = device_new(m, desc, NULL, err);
	if (!d)
		return NULL;
	struct kv *kv = props ? kv_parse(props, NULL, err) : NULL;
	for (struct kv *k = kv; k; k = k->next)
		if (!device_set(d, k->key, k->val, err)) {
			kv_free(kv);
			device_free(d);
			return NULL;
		}
	kv_free(kv);
	return device_realize(d, b, err) ? d : NULL;
}

struct device *device_find(struct machine *m, const char *id)
{
	for (struct device *d = m->devices; d; d = d->all_next)
		if ((d->id && !strcmp(d->id, id)) || !strcmp(d->path, id))
			return d;
	return NULL;
}

void bus_init(struct bus *b, const char *type, const char *name, struct device *parent)
{
	b->type = type;
	b->name = name;
	b->parent = parent;
	b->next = NULL;
	if (!parent)
		return;
	struct bus **p = &parent->buses;
	while (*p)
		p = &(*p)->next;
	*p = b;
}

void device_log(struct device *d, const char *fmt, ...)
{
	if (!log_on(d->machine, LOG_GUEST_ERRORS))
		return;
	char line[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_printf(d->machine, "%s: %s\n", d->desc->name, line);
}
