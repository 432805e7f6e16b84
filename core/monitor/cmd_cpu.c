/* cmd_cpu.c - CPUs that come and go while the machine runs: device_add MODEL-x86_64-cpu,socket-id=..,core-id=..,thread-id=.. */
#include "core/cpu/cpu.h"
#include "core/machine/machine.h"
#include "core/monitor/internal.h"
#include "core/monitor/plug.h"
#include "core/monitor/qom.h"
#include <string.h>

#define SUFFIX "-x86_64-cpu"

void cpu_plug_set_ops(struct machine *m, const struct cpu_plug_ops *ops, void *arg)
{
	if (!m->monitors)
		return;
	m->monitors->cpu_plug = ops;
	m->monitors->cpu_plug_arg = arg;
}

static void tell_board(struct machine *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->n_cpus; i++)
		n += !m->cpus[i]->absent;
	if (m->cpus_changed)
		m->cpus_changed(m, n);
}

/* -1: what is missing or wrong is said in err.  Fewer levels may be given where there is one place on them. */
static int find_place(struct machine *m, const struct kv *kv, const char *who, struct error *err)
{
	static const char *const keys[] = { "socket-id", "core-id", "thread-id" };
	const struct options *o = m->opt;
	uint64_t id[3] = { 0 };
	unsigned limit[3] = { o->sockets ? o->sockets : 1, o->cores ? o->cores : 1, o->threads ? o->threads : 1 };

	for (unsigned k = 0; k < 3; k++) {
		if (!kv_get(kv, keys[k]))
			return error_set(err, "CPU %s is not set", keys[k]), -1;
		if (!kv_u64(kv, keys[k], &id[k], who, err))
			return -1;
		if (id[k] >= limit[k])
			return error_set(err, "Invalid CPU %s: %llu must be in range 0:%u", keys[k], (unsigned long long)id[k], limit[k] - 1), -1;
	}
	return (int)((id[0] * limit[1] + id[1]) * limit[2] + id[2]);
}

static bool id_taken(struct machine *m, const char *id)
{
	bool taken = device_find(m, id) != NULL;

	for (unsigned n = 0; n < m->n_cpus; n++)
		taken |= !strcmp(m->cpus[n]->plug_id, id);
	return taken;
}

/* The CPU that is in its place now, or NULL. */
static struct cpu *put_in(struct machine *m, const struct kv *kv, const char *who, bool *ours, struct error *err)
{
	static const char *const known[] = { "driver", "id", "socket-id", "core-id", "thread-id", "die-id", NULL };
	const char *driver = kv_get(kv, "driver"), *id = kv_get(kv, "id");
	size_t len = strlen(driver), tail = strlen(SUFFIX);
	const struct monitors *mon = m->monitors;
	uint64_t die = 0;

	*ours = len > tail && !strcmp(driver + len - tail, SUFFIX);
	if (!*ours)
		return NULL;
	if (!m->n_cpus)
		return error_set(err, "a machine without CPUs takes none"), NULL;
	char model[48];
	snprintf(model, sizeof model, "%s", cpu_place(m, 0).model);
	if (!mon || !mon->cpu_plug || strlen(model) != len - tail || strncmp(driver, model, len - tail))
		return error_set(err, "Invalid CPU type, expected cpu type: '%s" SUFFIX "'", model), NULL;
	if (!kv_only(kv, known, who, err) || !kv_u64(kv, "die-id", &die, who, err))
		return NULL;
	if (die)
		return error_set(err, "Invalid CPU die-id: %llu must be in range 0:0", (unsigned long long)die), NULL;
	int n = find_place(m, kv, who, err);
	if (n < 0)
		return NULL;
	struct cpu *c = m->cpus[n];
	if (!c->absent)
		return error_set(err, "CPU[%d] with APIC ID %u exists", n, c->apic_id), NULL;
	if (id && (!identifier_ok(id) || strlen(id) >= sizeof c->plug_id))
		return error_set(err, "Parameter 'id' expects an identifier"), NULL;
	if (id && id_taken(m, id))
		return error_set(err, "Duplicate device ID '%s'", id), NULL;
	snprintf(c->plug_id, sizeof c->plug_id, "%s", id ? id : "");
	c->absent = false;
	return c;
}

bool cpu_plug(struct machine *m, const struct kv *kv, bool *ours, struct error *err)
{
	struct cpu *c = put_in(m, kv, "device_add", ours, err);

	if (!c)
		return false;
	c->hotplugged = true;
	tell_board(m);
	m->monitors->cpu_plug->plugged(m->monitors->cpu_plug_arg, c->index);
	return true;
}

bool cpu_plug_cold(struct machine *m, const struct kv *kv, bool *ours, struct error *err)
{
	return put_in(m, kv, kv_get(kv, "driver"), ours, err);
}

bool cpu_pull(struct machine *m, const char *id, bool *ours, struct error *err)
{
	struct monitors *mon = m->monitors;

	*ours = false;
	for (unsigned n = 0; n < m->n_cpus && !*ours; n++) {
		if (m->cpus[n]->absent || !*id || strcmp(m->cpus[n]->plug_id, id))
			continue;
		*ours = true;
		if (mon->cpu_plug->pull(mon->cpu_plug_arg, n) == PULL_PENDING)
			error_set(err, "Device %s is already in the process of unplug", id);
		else
			return true;
	}
	return false;
}

void cpu_pulled(struct machine *m, unsigned n)
{
	struct cpu *c = m->cpus[n];
	char detail[256];

	if (*c->plug_id)
		snprintf(detail, sizeof detail, "{\"device\": \"%s\", \"path\": \"%s\"}", c->plug_id, cpu_place(m, n).path);
	else
		snprintf(detail, sizeof detail, "{\"path\": \"%s\"}", cpu_place(m, n).path);
	c->absent = true;
	c->hotplugged = false;
	*c->plug_id = 0;
	tell_board(m);
	machine_emit(m, EV_DEVICE_DELETED, detail);
}
