/* qom_cpu.c - CPUs as objects, and CPU models as lists of features. */
#include "core/cpu/cpuid.h"
#include "core/machine/machine.h"
#include "core/monitor/qom.h"
#include <stdio.h>
#include <string.h>

struct cpu_place cpu_place(struct machine *m, unsigned n)
{
	const struct options *o = m->opt;
	unsigned threads = o->threads ? o->threads : 1, cores = o->cores ? o->cores : 1;
	struct cpu_place p = { .path = m->lapics[n] ? m->lapics[n]->path : "/machine/unattached", .thread = n % threads, .core = n / threads % cores,
		.socket = n / threads / cores };

	snprintf(p.model, sizeof(p.model), "%.*s", o->cpu ? (int)strcspn(o->cpu, ",") : 6, o->cpu ? o->cpu : "qemu64");
	return p;
}

void qom_cpu_properties(struct machine *m, unsigned n, json_t *list)
{
	const struct cpu *c = m->cpus[n];
	const struct cpuid_table *t = c->cpuid;
	struct cpu_place p = cpu_place(m, n);

	qom_add(list, "realized", "bool", NULL, json_true());
	qom_add(list, "hotplugged", "bool", NULL, json_boolean(c->hotplugged));
	qom_add(list, "hotpluggable", "bool", NULL, json_true());
	qom_add(list, "apic-id", "uint32", NULL, json_integer(c->apic_id));
	qom_add(list, "socket-id", "int32", NULL, json_integer((json_int_t)p.socket));
	qom_add(list, "core-id", "int32", NULL, json_integer((json_int_t)p.core));
	qom_add(list, "thread-id", "int32", NULL, json_integer((json_int_t)p.thread));
	qom_add(list, "family", "int", NULL, json_integer(t->family));
	qom_add(list, "model", "int", NULL, json_integer(t->model));
	qom_add(list, "stepping", "int", NULL, json_integer(t->stepping));
	qom_add(list, "level", "uint32", NULL, json_integer(t->level));
	qom_add(list, "xlevel", "uint32", NULL, json_integer(t->xlevel));
	qom_add(list, "vendor", "string", NULL, json_string(t->vendor));
	qom_add(list, "model-id", "string", NULL, json_string(t->brand));
	qom_add(list, "unavailable-features", "strList", NULL, json_array());
	for (unsigned f = 0; f < W_COUNT * 32; f++)
		if (cpu_feature_name(f))
			qom_add(list, cpu_feature_name(f), "bool", NULL, json_boolean(t->word[f >> 5] >> (f & 31) & 1));
}

static const struct cpu_model *find_model(const char *name)
{
	for (unsigned hops = 0; hops < 3; hops++) {
		const struct cpu_model *c = cpu_models;
		while (c->name && strcmp(c->name, name))
			c++;
		if (!c->name)
			return NULL;
		if (!c->alias_of)
			return c;
		name = c->alias_of;
	}
	return NULL;
}

/* The models that stand for whatever there is carry no list of their own. */
static bool is_everything(const struct cpu_model *c) { return !strcmp(c->name, "max") || !strcmp(c->name, "host"); }

bool cpu_model_features(const char *name, bool implemented, json_t *props, json_t *missing)
{
	const struct cpu_model *c = find_model(name);
	uint32_t have[W_COUNT], wants[W_COUNT] = { 0 };
	char word[64];

	if (!c)
		return false;
	cpu_features_implemented(have);
	for (const char *s = c->features; s && *s; s += strcspn(s, " "), s += strspn(s, " ")) {
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(s, " "), s);
		int f = cpu_feature_find(word);
		if (f >= 0)
			wants[f >> 5] |= UINT32_C(1) << (f & 31);
	}
	for (unsigned f = 0; f < W_COUNT * 32; f++) {
		uint32_t bit = UINT32_C(1) << (f & 31);
		bool wanted = is_everything(c) ? have[f >> 5] & bit : wants[f >> 5] & bit;
		if (!cpu_feature_name(f))
			continue;
		json_object_set_new(props, cpu_feature_name(f), json_boolean(wanted && (!implemented || (have[f >> 5] & bit))));
		if (missing && wanted && !(have[f >> 5] & bit))
			json_array_append_new(missing, json_string(cpu_feature_name(f)));
	}
	return true;
}
