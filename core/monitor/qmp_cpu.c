/* qmp_cpu.c - handlers about CPUs, CPU models and the tree of objects. */
#include "core/cpu/accel_conf.h"
#include "core/cpu/cpuid.h"
#include "core/cpu/vcpu.h"
#include "core/monitor/qmp_handlers.h"
#include "core/monitor/qom.h"
#include <stdio.h>
#include <string.h>

static json_t *place(const struct cpu_place *p)
{
	return json_pack("{s:i, s:i, s:i}", "core-id", (int)p->core, "thread-id", (int)p->thread, "socket-id", (int)p->socket);
}

QMP_HANDLER(qmp_query_cpus)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < m->n_cpus; i++) {
		if (m->cpus[i]->absent)
			continue;
		struct cpu_place p = cpu_place(m, i);
		json_array_append_new(list, json_pack("{s:i, s:o, s:s, s:i, s:s}", "thread-id", vcpu_thread_id(m->cpus[i]), "props", place(&p), "qom-path", p.path,
			"cpu-index", (int)i, "target", "x86_64"));
	}
	return list;
}

QMP_HANDLER(qmp_query_hotpluggable_cpus)
{
	json_t *list = json_array();
	char type[80];

	for (unsigned i = m->n_cpus; i--;) {
		struct cpu_place p = cpu_place(m, i);
		snprintf(type, sizeof(type), "%s-x86_64-cpu", p.model);
		json_t *o = json_pack("{s:o, s:i, s:s}", "props", place(&p), "vcpus-count", 1, "type", type);
		if (!m->cpus[i]->absent)
			json_object_set_new(o, "qom-path", json_string(p.path));
		json_array_append_new(list, o);
	}
	return list;
}

QMP_HANDLER(qmp_query_cpu_definitions)
{
	json_t *list = json_array();
	char type[80];

	for (const struct cpu_model *c = cpu_models; c->name; c++) {
		bool any = !strcmp(c->name, "max") || !strcmp(c->name, "host") || !strcmp(c->name, "base");
		json_t *missing = json_array(), *props = json_object();
		cpu_model_features(c->name, true, props, missing);
		json_decref(props);
		snprintf(type, sizeof(type), "%s-x86_64-cpu", c->name);
		json_t *o = json_pack("{s:s, s:s, s:o, s:b, s:b, s:b}", "name", c->name, "typename", type, "unavailable-features", missing,
			"static", !strcmp(c->name, "base"), "migration-safe", !any || !strcmp(c->name, "base"), "deprecated", 0);
		if (c->alias_of)
			json_object_set_new(o, "alias-of", json_string(c->alias_of));
		json_array_append_new(list, o);
	}
	return list;
}

/* "on", "off" and booleans of the model's own props go over its features. */
static bool apply(json_t *props, const json_t *wanted, struct error *err)
{
	const char *key, *word;
	json_t *v;

	json_object_foreach((json_t *)wanted, key, v) {
		int f = cpu_feature_find(key);
		word = json_string_value(v);
		if (f < 0)
			return error_set(err, "Property '.%.100s' not found", key);
		if (!json_is_boolean(v) && (!word || (strcmp(word, "on") && strcmp(word, "off"))))
			return error_set(err, "Invalid parameter type for '%.100s', expected: boolean", key);
		json_object_set_new(props, cpu_feature_name((unsigned)f), json_boolean(json_is_true(v) || (word && !strcmp(word, "on"))));
	}
	return true;
}

QMP_HANDLER(qmp_query_cpu_expansion)
{
	const json_t *model = json_object_get(a, "model"), *wanted = json_object_get(model, "props");
	const char *name = qmp_str(model, "name");
	bool full = !strcmp(qmp_str(a, "type"), "full");
	json_t *props = json_object();

	if (wanted && !json_is_object(wanted))
		error_set(err, "Invalid parameter type for 'model.props', expected: object");
	else if (!cpu_model_features(name, true, props, NULL))
		error_set(err, "CPU model '%s' not found", name);
	else if (apply(props, wanted, err))
		return json_pack("{s:{s:s, s:o}}", "model", "name", full ? name : "base", "props", props);
	json_decref(props);
	return NULL;
}

/* ---- objects ------------------------------------------------------------------------------------------------------------------------ */

QMP_HANDLER(qmp_qom_list_cmd) { return qom_list(m, qmp_str(a, "path"), err); }
QMP_HANDLER(qmp_qom_get_cmd)  { return qom_get(m, qmp_str(a, "path"), qmp_str(a, "property"), err); }
QMP_HANDLER(qmp_qom_set_cmd)  { return qmp_done(qom_set(m, qmp_str(a, "path"), qmp_str(a, "property"), err)); }
QMP_HANDLER(qmp_qom_list_types) { return qom_types(qmp_str(a, "implements"), qmp_bool(a, "abstract")); }
QMP_HANDLER(qmp_device_list_properties) { return qom_device_properties(qmp_str(a, "typename"), err); }

QMP_HANDLER(qmp_qom_list_properties)
{
	json_t *v = qom_type_properties(qmp_str(a, "typename"), err);

	if (!v)
		error_prefix(err, NOT_FOUND);
	return v;
}

QMP_HANDLER(qmp_accel_set) { return qmp_done(accel_switch(m, qmp_str(a, "accel"), err)); }
