/* user_devices.c - devices the user asks for by -device. */
#include "devices/user_devices.h"
#include "core/monitor/plug.h"
#include "core/machine/machine.h"
#include <string.h>

/* Buses hang from devices, the system bus from the machine. */
static struct bus *bus_by_name(struct machine *m, const char *name)
{
	if (!strcmp(m->sysbus.name, name))
		return &m->sysbus;
	for (struct device *d = m->devices; d; d = d->all_next)
		for (struct bus *b = d->buses; b; b = b->next)
			if (!strcmp(b->name, name))
				return b;
	return NULL;
}

/* Buses of a type in order: n counts them. */
static struct bus *bus_by_type(struct machine *m, const char *type, unsigned n)
{
	if (!strcmp(m->sysbus.type, type))
		return n ? NULL : &m->sysbus;
	for (struct device *d = m->devices; d; d = d->all_next)
		for (struct bus *b = d->buses; b; b = b->next)
			if (!strcmp(b->type, type) && !n--)
				return b;
	return NULL;
}

static struct device *make(struct machine *m, const struct device_desc *desc, const struct kv *kv, struct bus *b, struct error *err)
{
	struct device *d = device_new(m, desc, kv_get(kv, "id"), err);

	for (const struct kv *k = kv; d && k; k = k->next) {
		if (!strcmp(k->key, "driver") || !strcmp(k->key, "id") || !strcmp(k->key, "bus"))
			continue;
		if (!device_set(d, k->key, k->val, err)) {
			device_discard(d);
			return NULL;
		}
	}
	return d && device_realize(d, b, err) ? d : NULL;
}

/* On the bus that was named, else on the first of the right type that takes it. */
static struct device *place(struct machine *m, const struct device_desc *desc, const struct kv *kv, struct error *err)
{
	const char *name = kv_get(kv, "bus");
	struct bus *b = name ? bus_by_name(m, name) : bus_by_type(m, desc->bus, 0);
	struct device *d = NULL;

	if (name && !b) {
		error_set(err, "Bus '%s' not found", name);
		return NULL;
	}
	if (!b) {
		error_set(err, "No '%s' bus found for device '%s'", desc->bus, desc->name);
		return NULL;
	}
	if (strcmp(b->type, desc->bus)) {
		error_set(err, "Device '%s' can't go on %s bus", desc->name, b->type);
		return NULL;
	}
	for (unsigned n = 1; b && !(d = make(m, desc, kv, b, err)); n++)
		b = name ? NULL : bus_by_type(m, desc->bus, n);
	return d;
}

struct device *user_device_add(struct machine *m, const struct kv *kv, const char *who, struct error *err)
{
	const char *driver = kv_get(kv, "driver");
	const struct device_desc *desc = driver ? device_find_desc(driver) : NULL;
	struct device *d = NULL;

	if (!driver)
		error_set(err, "Parameter 'driver' is missing");
	else if (!desc)
		error_set(err, "'%s' is not a valid device model name", driver);
	else if (!desc->user_creatable)
		error_set(err, "Parameter 'driver' expects a pluggable device type");
	else
		d = place(m, desc, kv, err);
	if (!d)
		error_prefix(err, "%s: ", who);
	return d;
}

bool user_devices_create(struct machine *m, struct error *err)
{
	for (struct optlist *o = m->opt->devices; o; o = o->next) {
		char who[512];
		bool is_cpu = false;
		snprintf(who, sizeof who, "-device %s", o->text);
		if (kv_get(o->kv, "driver") && cpu_plug_cold(m, o->kv, &is_cpu, err))
			continue;
		if (is_cpu)
			return error_prefix(err, "%s: ", who);
		if (!user_device_add(m, o->kv, who, err))
			return false;
	}
	return true;
}
