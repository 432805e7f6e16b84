/* accel.c - choosing the engine: -accel, -machine accel=, or what suits the host. */
#include "core/machine/accel.h"
#include <stdlib.h>
#include <string.h>

static const struct { const char *word; const struct accel_ops *ops; } known[] = {
	{ "jit", &accel_jit }, { "tcg", &accel_jit }, { "interp", &accel_interp }, { "kvm", &accel_kvm }, { "qtest", &accel_qtest } };

const struct accel_ops *accel_find(const char *word)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(word, known[i].word))
			return known[i].ops;
	return NULL;
}

static enum accel_fit ask(struct machine *m, const struct accel_ops *ops, char *why, size_t size)
{
	*why = 0;
	if (m->opt->icount.on && ops->runs_guest && !ops->by_count) {
		snprintf(why, size, "with -icount the interpreter counts the instructions");
		return ACCEL_UNFIT;
	}
	return ops->fit ? ops->fit(m, why, size) : ACCEL_FIT;
}

/* Not this one: one sentence, and on. */
static void pass_over(struct machine *m, const struct accel_ops *ops, const char *why, bool say)
{
	size_t n = strlen(m->accel_why);

	if (ops->free)
		ops->free(m);
	snprintf(m->accel_why + n, sizeof(m->accel_why) - n, "%s%s is not used: %s", n ? "; " : "", ops->name, why);
	if (say)
		fprintf(stderr, "vmux: -accel %s is not used: %s\n", ops->name, why);
}

/* kvm, jit, interp; KVM where the processor runs all modes. */
static bool choose_default(struct machine *m, bool whole)
{
	char why[256];

	if (whole) {
		if (ask(m, &accel_kvm, why, sizeof(why)) == ACCEL_FIT) {
			m->accel = &accel_kvm;
			snprintf(m->accel_why, sizeof(m->accel_why), "it runs all modes on the host's processor");
			return true;
		}
		pass_over(m, &accel_kvm, why, false);
	}
	if (ask(m, &accel_jit, why, sizeof(why)) == ACCEL_FIT) {
		m->accel = &accel_jit;
	} else {
		pass_over(m, &accel_jit, why, true);
		m->accel = &accel_interp;
	}
	return true;
}

bool accel_choose(struct machine *m, bool whole, struct error *err)
{
	bool idle = m->opt->machine && !strcmp(m->opt->machine, "none");        /* no guest will run: nothing to tell */
	char *list = m->opt->accel ? strdup(m->opt->accel) : NULL, *at = NULL, why[256] = "";

	if (!list)
		return choose_default(m, whole);
	for (char *word = strtok_r(list, ":", &at); word && !m->accel; word = strtok_r(NULL, ":", &at)) {
		const struct accel_ops *ops = accel_find(word);
		if (!ops) {
			error_set(err, "-accel %s: invalid accelerator %s; accepted are jit (also spelt tcg), interp, kvm and qtest", m->opt->accel, word);
			free(list);
			return false;
		}
		enum accel_fit fit = ask(m, ops, why, sizeof(why));
		bool last = !at || !*at;
		if (fit == ACCEL_UNFIT && last && !strcmp(word, "tcg")) {       /* whoever asks for TCG asks for emulation */
			pass_over(m, ops, why, !idle);
			m->accel = &accel_interp;
			continue;
		}
		if (fit == ACCEL_UNFIT || (fit == ACCEL_SLOW && !last)) {
			pass_over(m, ops, why, !idle && !last);         /* of the last one the error says it */
			continue;
		}
		m->accel = ops;
		if (fit == ACCEL_SLOW) {
			snprintf(m->accel_why, sizeof(m->accel_why), "it was asked for, though %s", why);
			fprintf(stderr, "vmux: warning: -accel %s will be slow: %s\n", ops->name, why);
		}
	}
	free(list);
	return m->accel || error_set(err, "-accel %s: %s", m->opt->accel, *why ? why : "the name of an engine is missing");
}
