/* qom_types.c - the types of objects: their names, what they are kinds of, the properties they take. */
#include "core/monitor/qom.h"
#include "core/char/chardev.h"
#include "core/cpu/cpuid.h"
#include "core/machine/machine.h"
#include <stdlib.h>
#include <string.h>

static const char *const prop_types[] = { [PROP_BOOL] = "bool", [PROP_U8] = "uint8", [PROP_U16] = "uint16", [PROP_U32] = "uint32",
	[PROP_U64] = "uint64", [PROP_I32] = "int32", [PROP_SIZE] = "size", [PROP_STRING] = "str", [PROP_ENUM] = "enum",
	[PROP_CHARDEV] = "str", [PROP_DRIVE] = "str", [PROP_NETDEV] = "str", [PROP_MAC] = "str", [PROP_PCI_ADDR] = "int32" };

const char *qom_prop_type(const struct prop *p) { return prop_types[p->type]; }

json_t *qom_prop_default(const struct prop *p)
{
	uint64_t v;

	if (p->type == PROP_PCI_ADDR)
		return json_integer(-1);
	if (!p->def)
		return NULL;
	switch (p->type) {
	case PROP_BOOL: return json_boolean(!strcmp(p->def, "on") || !strcmp(p->def, "true") || !strcmp(p->def, "yes"));
	case PROP_U8: case PROP_U16: case PROP_U32: case PROP_U64: case PROP_I32: return json_integer((json_int_t)strtoll(p->def, NULL, 0));
	case PROP_SIZE: return parse_size(p->def, 1, &v) ? json_integer((json_int_t)v) : NULL;
	default: return json_string(p->def);
	}
}

const char *qom_machine_type(const struct machine *m, char *buf, size_t size)
{
	const char *want = m->opt->machine;
	const struct board *b = boards;

	for (const struct board *i = boards; want && i->name; i++)
		if (!strcmp(i->name, want) || (i->alias && !strcmp(i->alias, want)))
			b = i;
	/* the versioned name is the type's, the short one stands for it */
	snprintf(buf, size, "%s-machine", b->alias && strlen(b->alias) > strlen(b->name) ? b->alias : b->name);
	return buf;
}

/* ---- kinds ------------------------------------------------------------------------------------------------------------------------- */

static const struct { const char *name, *parent; bool abstract; } bases[] = {
	{ "object", NULL, true }, { "container", "object", false }, { "bus", "object", true }, { "device", "object", true },
	{ "machine", "object", true }, { "generic-pc-machine", "machine", true }, { "cpu", "device", true }, { "x86_64-cpu", "cpu", true },
	{ "pci-device", "device", true }, { "isa-device", "device", true }, { "sys-bus-device", "device", true }, { "ide-device", "device", true },
	{ "smbus-device", "device", true }, { "chardev", "object", true }, { "memory-backend", "object", true },
	{ "memory-backend-ram", "memory-backend", false }, { "memory-backend-file", "memory-backend", false },
	{ "memory-backend-memfd", "memory-backend", false }, { "authz", "object", true },
	{ "accel", "object", true }, { "tcg-accel", "accel", false }, { "qtest-accel", "accel", false }, { "authz-simple", "authz", false }, { "System", "bus", false }, { "PCI", "bus", false }, { "ISA", "bus", false },
	{ "IDE", "bus", false }, { "floppy-bus", "bus", false }, { "i2c-bus", "bus", false } };
enum { N_BASES = sizeof(bases) / sizeof(bases[0]) };

static const char *device_parent(const struct device_desc *d)
{
	static const struct { const char *bus, *parent; } of[] = { { "PCI", "pci-device" }, { "ISA", "isa-device" }, { "System", "sys-bus-device" },
		{ "IDE", "ide-device" }, { "i2c-bus", "smbus-device" } };

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (!strcmp(of[i].bus, d->bus))
			return of[i].parent;
	return "device";
}

static bool is_a(const char *parent, const char *what)
{
	for (unsigned steps = 0; parent && steps < 8; steps++) {
		if (!strcmp(parent, what))
			return true;
		const char *next = NULL;
		for (size_t i = 0; i < N_BASES; i++)
			if (!strcmp(bases[i].name, parent))
				next = bases[i].parent;
		parent = next;
	}
	return false;
}

static void offer(json_t *list, const char *name, const char *parent, bool abstract, const char *implements, bool abstract_too)
{
	if ((abstract && !abstract_too) || (implements && strcmp(name, implements) && !is_a(parent, implements)))
		return;
	json_t *o = json_pack("{s:s}", "name", name);
	if (abstract)
		json_object_set_new(o, "abstract", json_true());
	if (parent)
		json_object_set_new(o, "parent", json_string(parent));
	json_array_append_new(list, o);
}

json_t *qom_types(const char *implements, bool abstract)
{
	json_t *list = json_array();
	char name[96];

	for (size_t i = 0; i < N_BASES; i++)
		offer(list, bases[i].name, bases[i].parent, bases[i].abstract, implements, abstract);
	for (const struct device_desc *const *d = device_descs; *d; d++)
		offer(list, (*d)->name, device_parent(*d), false, implements, abstract);
	for (const struct board *b = boards; b->name; b++) {
		snprintf(name, sizeof(name), "%s-machine", b->alias && strlen(b->alias) > strlen(b->name) ? b->alias : b->name);
		offer(list, name, "generic-pc-machine", false, implements, abstract);
	}
	for (const struct cpu_model *c = cpu_models; c->name; c++) {
		snprintf(name, sizeof(name), "%s-x86_64-cpu", c->name);
		offer(list, name, "x86_64-cpu", false, implements, abstract);
	}
	for (const struct chardev_kind *const *k = chardev_kinds; *k; k++) {
		snprintf(name, sizeof(name), "chardev-%s", (*k)->name);
		offer(list, name, "chardev", false, implements, abstract);
	}
	return list;
}

/* ---- properties of types ----------------------------------------------------------------------------------------------------------- */

static void list_property(json_t *list, const char *name, const char *type, const char *description, json_t *def)
{
	json_t *o = json_pack("{s:s, s:s}", "name", name, "type", type);

	if (description && *description)
		json_object_set_new(o, "description", json_string(description));
	if (def)
		json_object_set_new(o, "default-value", def);
	json_array_append_new(list, o);
}

static json_t *list_device(const struct device_desc *d)
{
	json_t *list = json_array();

	for (const struct prop *p = d->props; p && p->type != PROP_END; p++)
		list_property(list, p->name, qom_prop_type(p), p->help, qom_prop_default(p));
	return list;
}

static bool strip(const char *type, const char *tail, char *buf, size_t size)
{
	size_t n = strlen(type), k = strlen(tail);

	if (n <= k || strcmp(type + n - k, tail))
		return false;
	snprintf(buf, size, "%.*s", (int)(n - k), type);
	return true;
}

static json_t *list_cpu(const char *type)
{
	static const char *const numbers[] = { "family", "model", "stepping", "level", "xlevel", "socket-id", "core-id", "thread-id", "apic-id" };
	json_t *props = json_object(), *list = NULL, *v;
	const char *name;
	char model[96];

	if (strip(type, "-x86_64-cpu", model, sizeof(model)) && cpu_model_features(model, true, props, NULL)) {
		list = json_array();
		json_object_foreach(props, name, v)
			list_property(list, name, "bool", NULL, NULL);
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
			list_property(list, numbers[i], "int", NULL, NULL);
		list_property(list, "vendor", "string", NULL, NULL);
		list_property(list, "model-id", "string", NULL, NULL);
	}
	json_decref(props);
	return list;
}

json_t *qom_device_properties(const char *type, struct error *err)
{
	const struct device_desc *d = device_find_desc(type);
	json_t *list = d ? list_device(d) : list_cpu(type);

	if (list)
		return list;
	json_t *all = qom_types("object", true), *t;
	bool known = false;
	size_t i;
	json_array_foreach(all, i, t)
		known |= !strcmp(json_string_value(json_object_get(t, "name")), type);
	json_decref(all);
	error_set(err, known ? "Parameter 'typename' expects a device type, '%s' is none" : "Device '%s' not found", type);
	return NULL;
}

json_t *qom_type_properties(const char *type, struct error *err)
{
	static const struct { const char *name, *type; } of_machine[] = { { "accel", "string" }, { "kernel", "string" }, { "initrd", "string" },
		{ "append", "string" }, { "firmware", "string" }, { "hpet", "bool" }, { "acpi", "OnOffAuto" }, { "usb", "bool" }, { "graphics", "bool" },
		{ "memory-backend", "string" } };
	static const struct { const char *name, *type; } of_memory[] = { { "size", "int" }, { "share", "bool" }, { "prealloc", "bool" }, { "merge", "bool" },
		{ "dump", "bool" }, { "mem-path", "string" } };
	json_t *all = qom_types("object", true), *t, *list = NULL;
	size_t i;

	json_array_foreach(all, i, t)
		if (!strcmp(json_string_value(json_object_get(t, "name")), type))
			list = json_array();
	json_decref(all);
	if (!list) {
		error_set(err, "Class '%s' not found", type);
		return NULL;
	}
	list_property(list, "type", "string", NULL, NULL);
	size_t n = strlen(type);
	if (n > 8 && !strcmp(type + n - 8, "-machine"))
		for (i = 0; i < sizeof(of_machine) / sizeof(of_machine[0]); i++)
			list_property(list, of_machine[i].name, of_machine[i].type, NULL, NULL);
	if (is_a(type, "memory-backend"))
		for (i = 0; i < sizeof(of_memory) / sizeof(of_memory[0]) - !!strcmp(type, "memory-backend-file"); i++)
			list_property(list, of_memory[i].name, of_memory[i].type, NULL, NULL);
	const struct device_desc *d = device_find_desc(type);
	json_t *more = d ? list_device(d) : list_cpu(type);
	if (more)
		json_array_extend(list, more);
	json_decref(more);
	return list;
}
