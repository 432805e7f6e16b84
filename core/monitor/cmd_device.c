/* cmd_device.c - devices that come and go while the machine runs. */
#include "core/machine/machine.h"
#include "core/monitor/commands.h"
#include "core/monitor/internal.h"
#include "core/monitor/plug.h"
#include <string.h>

static struct bus *bus_below(struct bus *b, const char *name, const char *type)
{
	if (name ? b->name && !strcmp(b->name, name) : b->type && !strcmp(b->type, type))
		return b;
	for (struct device *d = b->children; d; d = d->sibling)
		for (struct bus *c = d->buses; c; c = c->next) {
			struct bus *found = bus_below(c, name, type);
			if (found)
				return found;
		}
	return NULL;
}

static bool set_properties(struct device *d, const struct kv *kv, struct error *err)
{
	for (; kv; kv = kv->next)
		if (strcmp(kv->key, "driver") && strcmp(kv->key, "id") && strcmp(kv->key, "bus") && !device_set(d, kv->key, kv->val, err))
			return false;
	return true;
}

static struct bus *find_bus(struct machine *m, const struct device_desc *desc, const char *name, struct error *err)
{
	struct bus *b = bus_below(&m->sysbus, name, desc->bus);

	if (!b)
		name ? error_set(err, "Bus '%s' not found", name) : error_set(err, "No '%s' bus found for device '%s'", desc->bus, desc->name);
	else if (strcmp(b->type, desc->bus))
		error_set(err, "Device '%s' can't go on %s bus", desc->name, b->type);
	else if (!b->hotplug)
		error_set(err, "Bus '%s' does not support hotplugging", b->name);
	else if (!desc->hotpluggable)
		error_set(err, "Parameter 'driver' expects a pluggable device type");
	else
		return b;
	return NULL;
}

bool device_plug(struct machine *m, const struct kv *kv, struct error *err)
{
	const char *driver = kv_get(kv, "driver"), *id = kv_get(kv, "id");
	const struct device_desc *desc = driver ? device_find_desc(driver) : NULL;
	bool is_cpu = false;

	if (!driver)
		return error_set(err, "Parameter 'driver' is missing");
	bool plugged = !desc && cpu_plug(m, kv, &is_cpu, err);
	if (is_cpu)
		return plugged;
	if (!desc)
		return error_set(err, "'%s' is not a valid device model name", driver);
	if (!desc->user_creatable)
		return error_set(err, "Parameter 'driver' expects a pluggable device type");
	if (id && device_find(m, id))
		return error_set(err, "Duplicate device ID '%s'", id);
	struct bus *b = find_bus(m, desc, kv_get(kv, "bus"), err);
	struct device *d = b ? device_new(m, desc, id, err) : NULL;
	if (!d)
		return false;
	if (!set_properties(d, kv, err)) {
		device_discard(d);
		return false;
	}
	if (!device_realize(d, b, err))
		return false;
	if (desc->reset)                        /* it was not there when the others were */
		desc->reset(d, RESET_POWER_ON);
	if (desc->reset_done)
		desc->reset_done(d);
	if (m->monitors && m->monitors->plug)
		m->monitors->plug->plugged(m->monitors->plug_arg, d);
	return true;
}

void plug_set_ops(struct machine *m, const struct plug_ops *ops, void *arg)
{
	if (!m->monitors)
		return;
	m->monitors->plug = ops;
	m->monitors->plug_arg = arg;
}

void device_pulled(struct device *d)
{
	struct machine *m = d->machine;
	char detail[1024];

	/* Identifiers are letters, digits and "-._": nothing to escape. */
	if (d->id)
		snprintf(detail, sizeof(detail), "{\"device\": \"%s\", \"path\": \"%s\"}", d->id, d->path);
	else
		snprintf(detail, sizeof(detail), "{\"path\": \"%s\"}", d->path);
	device_unplug(d);
	machine_emit(m, EV_DEVICE_DELETED, detail);
}

bool device_pull(struct machine *m, const char *id, struct error *err)
{
	struct device *d = device_find(m, id);
	const struct plug_ops *ops = m->monitors ? m->monitors->plug : NULL;

	bool is_cpu = false, pulled = !d && cpu_pull(m, id, &is_cpu, err);
	if (is_cpu)
		return pulled;
	if (!d)
		return error_set(err, "Device '%s' not found", id);
	if (!d->bus || !d->bus->hotplug)
		return error_set(err, "Bus '%s' does not support hotplugging", d->bus ? d->bus->name : "none");
	if (!d->desc->hotpluggable)
		return error_set(err, "Device '%s' does not support hotplugging", d->desc->name);
	switch (ops ? ops->pull(m->monitors->plug_arg, d) : PULL_NOW) {
	case PULL_NOW:     device_pulled(d); return true;
	case PULL_ASKED:   return true;
	case PULL_PENDING: break;
	}
	return error_set(err, "Device %s is already in the process of unplug", id);
}

/* "NAME,help" of a device there is not. */
static const char *help_wanted(const char *args, size_t *len)
{
	*len = strcspn(args, ",");
	return !strcmp(args + *len, ",help") || !strcmp(args + *len, ",?") ? args : NULL;
}

HANDLER(cmd_device_add)
{
	size_t before = x->out->len, n;
	const char *args = arg_has(a, "args") ? arg_str(a, "args") : "";

	device_help(args, x->out);
	if (x->out->len > before)
		return true;
	if (help_wanted(args, &n)) {
		text_printf(x->out, "Device '%.*s' not found\n", (int)n, args);
		return true;
	}
	struct kv *kv = kv_parse(args, "driver", err);
	bool ok = device_plug(x->m, kv, err);
	kv_free(kv);
	return ok;
}

HANDLER(cmd_device_del) { return device_pull(x->m, arg_str(a, "id"), err); }
