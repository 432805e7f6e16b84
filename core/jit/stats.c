/* stats.c - what `info jit` prints. */
#include "core/cpu/accel_conf.h"
#include "core/jit/emit.h"
#include "core/machine/machine.h"
#include <inttypes.h>

enum { TOP = 12 };

static void add(struct jit_counters *sum, const struct jit_counters *c)
{
	const uint64_t *from = (const uint64_t *)c;
	uint64_t *to = (uint64_t *)sum;
	for (unsigned n = 0; n < sizeof *sum / sizeof *to; n++)
		to[n] += from[n];
}

static double percent(uint64_t part, uint64_t whole) { return whole ? 100.0 * (double)part / (double)whole : 0; }
static double ratio(uint64_t a, uint64_t b) { return b ? (double)a / (double)b : 0; }

static uint64_t row_total(const struct machine *m, unsigned row)
{
	uint64_t n = 0;
	for (unsigned k = 0; k < m->n_cpus; k++)
		n += engine_jit(m->cpus[k]) ? jit_row_count(engine_jit(m->cpus[k]), row) : 0;
	return n;
}

/* The instructions that the interpreter did most often; rows of one mnemonic count apart, they have emitters apart. */
static void print_top(const struct machine *m, struct text *out)
{
	uint64_t below = UINT64_MAX;
	unsigned last = 0;
	for (unsigned shown = 0; shown < TOP; shown++) {
		uint64_t best = 0;
		unsigned row = 0;
		for (unsigned r = 0; r < op_row_count; r++) {
			uint64_t n = row_total(m, r);
			bool next = n < below || (n == below && r > last);
			if (n > best && next)
				best = n, row = r;
		}
		if (!best)
			break;
		text_printf(out, "  %12" PRIu64 "  %s (%s)\n", best, op_rows[row].name, jit_families[jit_family_of(&op_rows[row])].name);
		below = best;
		last = row;
	}
}

static void print_lockstep(const struct machine *m, struct text *out)
{
	struct jit *j = engine_jit(m->cpus[0]);
	const struct lockstep_counters *l = j && jit_lockstep(j) ? lockstep_counters(jit_lockstep(j)) : NULL;
	if (l)
		text_printf(out, "Lockstep:\nchecked             %" PRIu64 "\nequal               %" PRIu64 "\nwent too far        %" PRIu64 "\ndiffer              %" PRIu64
			"\n", l->checked, l->equal, l->too_far, l->differ);
}

bool accel_print_jit(struct machine *m, struct text *out)
{
	static const char *const reasons[JIT_OUT_COUNT] = { "a step could not go on", "an instruction of the interpreter", "a jump not linked yet",
		"a target looked up", "a request" };
	struct jit_counters c = { 0 }, one;
	unsigned n_jits = 0;
	for (unsigned n = 0; n < m->n_cpus; n++)
		if (engine_jit(m->cpus[n])) {
			jit_get_counters(engine_jit(m->cpus[n]), &one);
			add(&c, &one);
			n_jits++;
		}
	if (!n_jits)
		return false;
	text_printf(out, "Translation buffer state:\ngen code size       %" PRIu64 "/%" PRIu64 "\n", c.code_bytes, c.code_size);
	text_printf(out, "TB count            %" PRIu64 "\nTB avg target size  %.0f bytes, %.1f instructions\n", c.live, ratio(c.guest_bytes, c.live), ratio(c.insns, c.live));
	text_printf(out, "TB avg host size    %.0f bytes (expansion ratio: %.1f)\n", ratio(c.code_bytes, c.live), ratio(c.code_bytes, c.guest_bytes));
	text_printf(out, "\nStatistics:\nTB translated       %" PRIu64 "\nTB flush count      %" PRIu64 "\nTB invalidate count %" PRIu64 "\n", c.blocks, c.flushes, c.killed);
	text_printf(out, "insns translated    %" PRIu64 ", %" PRIu64 " (%.1f%%) left to the interpreter\n", c.native + c.stepped, c.stepped, percent(c.stepped, c.native + c.stepped));
	text_printf(out, "interpreter calls   %" PRIu64 " for want of an emitter, %" PRIu64 " to look up memory\n", c.steps, c.misses);
	text_printf(out, "Ways out of translated code:\n");
	for (unsigned n = 0; n < JIT_OUT_COUNT; n++)
		text_printf(out, "  %12" PRIu64 "  %s\n", c.out[n], reasons[n]);
	text_printf(out, "Done by the interpreter, the most frequent:\n");
	print_top(m, out);
	print_lockstep(m, out);
	for (unsigned n = 0; n_jits > 1 && n < m->n_cpus; n++) {
		jit_get_counters(engine_jit(m->cpus[n]), &one);
		text_printf(out, "CPU %u: %" PRIu64 " TBs, %" PRIu64 " bytes of code, %" PRIu64 " flushes\n", n, one.live, one.code_bytes, one.flushes);
	}
	return true;
}
