/* test_diff.c - every user-mode instruction of the table, interpreted and translated, against the host's CPU, in rounds until the time
 * is used up.
 *
 * Settings from the environment: VMUX_DIFF_SECONDS (of CPU time), VMUX_DIFF_SEED (of the first round; the next has the next number, a
 * failure names its own), VMUX_DIFF_COUNT (cases a row and mode in a round), VMUX_DIFF_ONLY (part of a mnemonic), VMUX_DIFF_MAX
 * (failures shown). */
#include "tests/cpu/diff.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#ifdef VMUX_SANITIZED
enum { SECONDS = 1 };           /* one round */
#else
enum { SECONDS = 8 };
#endif

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *v = getenv(name);
	return v ? strtoull(v, NULL, 0) : otherwise;
}

static void match(bool translated, uint64_t seconds)
{
	uint64_t first = setting("VMUX_DIFF_SEED", 1), seed = first, n_run = 0;
	unsigned failures = 0, count = (unsigned)setting("VMUX_DIFF_COUNT", 250), max = (unsigned)setting("VMUX_DIFF_MAX", 30);
	clock_t limit = (clock_t)setting("VMUX_DIFF_SECONDS", seconds) * CLOCKS_PER_SEC, t0 = clock();
	setvbuf(stdout, NULL, _IOLBF, 0);
	struct diff_emu *e = diff_emu_new();
	if (translated && !diff_emu_translate(e))
		fail_msg("no memory for the translator");
	assert_true(diff_native_catch());
	do {
		failures += diff_all(e, seed, count, getenv("VMUX_DIFF_ONLY"), max, stdout, &n_run);
		if (failures)
			print_message("seed %" PRIu64 " fails\n", seed);
		seed++;
	} while (!failures && clock() - t0 < limit);
	double s = (double)(clock() - t0) / CLOCKS_PER_SEC;
	print_message("seeds %" PRIu64 " to %" PRIu64 ": %" PRIu64 " cases in %.1f s of CPU time (%.0f a second), %u differ\n", first, seed - 1, n_run, s,
		      (double)n_run / s, failures);
	diff_emu_free(e);
	assert_int_equal(failures, 0);
}

static void native_side_works(void **state)
{
	const char *why;
	if (!diff_native_init(&why)) {
		print_message("skipped: %s\n", why);
		exit(0);
	}
}
static void handlers_match_the_host(void **state) { match(false, SECONDS); }
static void translations_match_the_host(void **state) { match(true, SECONDS); }

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(native_side_works), cmocka_unit_test(handlers_match_the_host), cmocka_unit_test(translations_match_the_host) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
