/* accel_conf.c - options of the engines that run guest code, and switching them while the machine runs. */
#include "core/cpu/accel_conf.h"
#include "core/cpu/engine.h"
#include "core/cpu/vcpu.h"
#include "core/jit/families.h"
#include "core/jit/jit.h"
#include "core/machine/accel.h"
#include "core/machine/machine.h"
#include <stdlib.h>
#include <string.h>

/* ---- sub-options ----------------------------------------------------------------------------------------------------------------------- */

static bool family_list(const char *list, const char *who, uint32_t *mask, struct error *err)
{
	char bad[64], all[400];
	if (jit_families_parse(list, mask, bad, sizeof bad))
		return true;
	jit_families_print((UINT32_C(1) << FAM_COUNT) - 1, ", ", all, sizeof all);
	return error_set(err, "%s: Parameter 'off' does not accept '%s'; families are %s, all and none, several with ':' between them", who, bad, all);
}

static bool number(const struct kv *kv, const char *key, const char *who, uint64_t most, unsigned *out, struct error *err)
{
	uint64_t v = *out;
	if (!kv_u64(kv, key, &v, who, err))
		return false;
	if (v > most)
		return error_set(err, "%s: Parameter '%s' accepts at most %llu", who, key, (unsigned long long)most);
	*out = (unsigned)v;
	return true;
}

bool accel_parse(const struct kv *kv, const char *who, struct accel_conf *out, struct error *err)
{
	struct accel_conf c = *out;
	const char *name = kv_get(kv, "accel"), *thread = kv_get(kv, "thread"), *off = kv_get(kv, "off");
	bool split = true;
	if (!options_check_keys(kv, "accel", who, err) || !(name || error_set(err, "%s: the name of an engine is missing", who)))
		return false;
	static const char *const translators[] = { "off", "lockstep", "count" };
	for (unsigned n = 0; strcmp(name, "jit") && strcmp(name, "tcg") && n < sizeof translators / sizeof *translators; n++)
		if (kv_get(kv, translators[n]))
			return error_set(err, "%s: Parameter '%s' is the translator's; it goes with jit", who, translators[n]);
	if (thread && strcmp(thread, "multi") && strcmp(thread, "single"))
		return error_set(err, "%s: Parameter 'thread' does not accept value '%s'; accepted are multi and, with one CPU, single", who, thread);
	if (!kv_bool(kv, "split-wx", &split, who, err) || !kv_bool(kv, "one-insn-per-tb", &c.one_insn, who, err) || !kv_bool(kv, "count", &c.count, who, err))
		return false;
	if (!split)
		return error_set(err, "%s: Parameter 'split-wx' accepts only on: code is never writable and executable in one mapping here", who);
	if (!number(kv, "tb-size", who, ACCEL_TB_MAX, &c.tb_size, err) || !number(kv, "lockstep", who, INT32_MAX, &c.lockstep, err) ||
	    (off && !family_list(off, who, &c.off, err)))
		return false;
	c.thread_single |= thread && !strcmp(thread, "single");
	*out = c;
	return true;
}

/* ---- switching ------------------------------------------------------------------------------------------------------------------------- */

static bool parse_spec(struct machine *m, const char *spec, const struct accel_ops **ops, struct accel_conf *conf, struct error *err)
{
	struct kv *kv = kv_parse(spec, "accel", err);
	bool ok = kv && accel_parse(kv, spec, conf, err) && accel_check(m, conf, spec, err);
	const char *name = ok ? kv_get(kv, "accel") : "";
	*ops = accel_find(name);
	if (ok && !(*ops && (*ops)->runs_guest))
		ok = error_set(err, "%s: a machine that runs goes on with jit (also spelt tcg), interp or kvm only", spec);
	kv_free(kv);
	return ok;
}

/* All or none. */
static bool use_everywhere(struct machine *m, bool jit)
{
	for (unsigned n = 0; n < m->n_cpus; n++) {
		engine_set_jit(m->cpus[n], 0);          /* the cache may get another size */
		if (jit && !engine_set_jit(m->cpus[n], JIT_HOT)) {
			while (n--)
				engine_set_jit(m->cpus[n], 0);
			return false;
		}
	}
	return true;
}

/* From one that keeps nothing of its own; all vCPUs are parked. */
static bool take_over(struct machine *m, const struct accel_ops *ops, const char *spec, struct error *err)
{
	char why[256] = "";
	enum accel_fit fit = ops->fit ? ops->fit(m, why, sizeof why) : ACCEL_FIT;
	if (fit == ACCEL_UNFIT)
		return error_set(err, "%s: %s", spec, why);
	if (ops->take_over && !ops->take_over(m, err)) {
		ops->free(m);
		return error_prefix(err, "%s: ", spec);
	}
	use_everywhere(m, false);
	m->accel = ops;
	snprintf(m->accel_why, sizeof m->accel_why, fit == ACCEL_SLOW ? "the monitor chose it, though %s" : "the monitor chose it", why);
	return true;
}

/* To interp or jit; all vCPUs are parked. */
static bool use_ours(struct machine *m, const struct accel_ops *ops, const struct accel_conf *conf, const char *spec, struct error *err)
{
	const struct accel_ops *was = m->accel;
	struct accel_conf old = m->accel_conf;
	m->accel_conf = *conf;
	bool ok = use_everywhere(m, ops == &accel_jit);
	if (ok) {
		m->accel = ops;
		snprintf(m->accel_why, sizeof m->accel_why, "the monitor chose it");
	} else {
		error_set(err, "%s: no memory for translated code; the interpreter runs", spec);
		m->accel = &accel_interp;
		m->accel_conf = old;
		snprintf(m->accel_why, sizeof m->accel_why, "there was no memory for translated code");
	}
	if (was->free)
		was->free(m);
	return ok;
}

bool accel_switch(struct machine *m, const char *spec, struct error *err)
{
	const struct accel_ops *ops;
	struct accel_conf conf = { 0 };
	if (!m->accel->runs_guest)
		return error_set(err, "%s: this machine runs no guest code (%s)", spec, m->accel->name);
	if (!parse_spec(m, spec, &ops, &conf, err))
		return false;
	if (m->counted && !ops->by_count)
		return error_set(err, "%s: with -icount the interpreter counts the instructions", spec);
	if (ops == m->accel && ops->take_over)
		return true;
	bool running = !vcpu_all_parked(m);
	if (running)
		vcpu_park_all(m);
	bool ok = ops->take_over ? take_over(m, ops, spec, err) : use_ours(m, ops, &conf, spec, err);
	if (running)
		vcpu_resume_all(m);
	return ok;
}

bool accel_check(const struct machine *m, const struct accel_conf *conf, const char *who, struct error *err)
{
	unsigned n = m->n_cpus ? m->n_cpus : m->opt->maxcpus ? m->opt->maxcpus : 1;
	if (conf->thread_single && n > 1 && !m->counted)
		return error_set(err, "-accel %s: Parameter 'thread' accepts single with one CPU or -icount only; each of the %u CPUs has a thread of its own",
			who, n);
	if (conf->lockstep && n > 1)
		return error_set(err, "-accel %s: Parameter 'lockstep' needs a machine with one CPU: others would write to memory between the two runs", who);
	return true;
}

bool accel_counts(const struct machine *m)
{
	return m->accel == &accel_jit ? m->accel_conf.count || m->accel_conf.lockstep : !m->accel->uncounted;
}

/* ---- information ------------------------------------------------------------------------------------------------------------------------ */

void accel_print(struct machine *m, struct text *out)
{
	const struct accel_conf *c = &m->accel_conf;
	char off[400];
	const struct icount_conf *k = &m->opt->icount;
	if (m->counted)
		text_printf(out, "time: by instruction count, %u ns each; all CPUs in one thread; idle time %s\n", 1u << k->shift,
			k->sleep ? "passes as the host's does" : "is skipped");
	if (c->one_insn)
		text_printf(out, "blocks: one instruction each\n");
	if (m->accel != &accel_jit)
		return;
	jit_families_print(c->off, ", ", off, sizeof off);
	text_printf(out, "translated code: at most %zu MiB a CPU, writable in one mapping and executable in another\n", jit_code_size(m) >> 20);
	text_printf(out, "not translated: %s\n", *off ? off : "nothing is switched off");
	text_printf(out, "instructions: %s\n", accel_counts(m) ? "counted" : "not counted (count=on counts them)");
	if (c->lockstep)
		text_printf(out, "lockstep: every %u. entry is checked against the interpreter\n", c->lockstep);
}
