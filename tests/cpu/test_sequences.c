/* test_sequences.c - random sequences of instructions, interpreted and translated, until the time is used up.
 *
 * Settings from the environment: VMUX_SEQ_SECONDS (of CPU time), VMUX_SEQ_SEED (number of the first sequence; a failure names its own),
 * VMUX_SEQ_COUNT (at most so many), VMUX_SEQ_NOISE (0: nothing disturbs the translated side). */
#include "tests/cpu/seq.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#ifdef VMUX_SANITIZED
enum { SECONDS = 6 };
#else
enum { SECONDS = 8 };
#endif

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *v = getenv(name);
	return v ? strtoull(v, NULL, 0) : otherwise;
}

/* Everything about a sequence comes from its number. */
static void make(struct seq_gen *g, struct seq *s, uint64_t number)
{
	g->r.s = number * UINT64_C(0x9e3779b97f4a7c15) + 1;
	seq_generate(g, s);
	seq_lay_out(s);
}

static void report(struct seq_rig *rig, struct seq *s, uint64_t number, unsigned noise, unsigned hot, const char *why)
{
	char again[200];
	print_message("sequence %" PRIu64 " (translated after %u runs): %s\n", number, hot, why);
	seq_minimise(rig, s, noise, hot);
	seq_run(rig, s, 0, hot, 3, again, sizeof again);
	print_message("made small, without noise: %s\n", *again ? again : "equal");
	seq_print(stdout, s);
}

static void sequences_do_the_same_translated(void **state)
{
	static struct seq_gen g;
	static struct seq s;
	uint64_t number = setting("VMUX_SEQ_SEED", 1), most = setting("VMUX_SEQ_COUNT", UINT64_MAX), n = 0, failures = 0;
	unsigned noise = (unsigned)setting("VMUX_SEQ_NOISE", SEQ_NOISE_ALL);
	clock_t limit = (clock_t)setting("VMUX_SEQ_SECONDS", SECONDS) * CLOCKS_PER_SEC, t0 = clock();
	char why[200];
	setvbuf(stdout, NULL, _IOLBF, 0);
	struct seq_rig *rig = seq_rig_new();
	seq_gen_init(&g);
	for (; n < most && failures < 5 && clock() - t0 < limit; n++, number++) {
		unsigned hot = number / 1000 % 4 ? 1 : 2;
		make(&g, &s, number);
		if (!seq_run(rig, &s, noise, hot, 2, why, sizeof why)) {
			failures++;
			report(rig, &s, number, noise, hot, why);
		}
	}
	const struct seq_totals *t = seq_totals(rig);
	double cpu = (double)(clock() - t0) / CLOCKS_PER_SEC;
	print_message("%" PRIu64 " sequences up to number %" PRIu64 " in %.1f s of CPU time (%.0f a second): %" PRIu64 " runs, %" PRIu64 " stops compared, %" PRIu64
		      " faults gone on from, %" PRIu64 " ran away, %" PRIu64 " instructions; %" PRIu64 " differ\n",
		      n, number - 1, cpu, (double)n / cpu, t->runs, t->stops, t->faults, t->runaways, t->insns, failures);
	seq_rig_free(rig);
	diff_emu_free(g.decoder);
	assert_int_equal(failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(sequences_do_the_same_translated) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
