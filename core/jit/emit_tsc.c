/* emit_tsc.c - RDTSC and RDTSCP without a call: Linux reads the counter in each system call.
 *
 * The guest's counter is the machine's clock, which follows the host's monotonic one.  Between two looks at that, some 100 us apart, translated
 * code takes the host's own counter, times a little less than what a tick of it is worth.  So it is never ahead of the clock, at most a twentieth
 * of a microsecond behind it, and never goes back.  Not among several vCPUs, which would see each other's counters apart; and only where the
 * host's kernel keeps its own time by that counter. */
#include "core/jit/emit.h"
#include "core/cpu/sys.h"
#include "core/machine/machine.h"
#include <cpuid.h>
#include <stdio.h>
#include <string.h>
#include <x86intrin.h>

enum { WINDOW = 1 << 18, MEASURED = 1 << 28, PROMPT = 4000 /* host ticks */, SLOWER = 2048 /* by one part in so many */, SHR = 5, SHL = 4, JNE = 0x85, JAE = 0x83 };
#define ENV(f) (uint32_t)offsetof(struct cpu, f)

/* The counter runs at one speed always, and is the same on all cores: only then Linux takes it for its own clock. */
bool tsc_is_clock(void)
{
	enum { INVARIANT = 1 << 8 };
	unsigned a, b, c, d = 0;
	char name[16] = "";
	if (!__get_cpuid(0x80000007, &a, &b, &c, &d) || !(d & INVARIANT))
		return false;
	FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "r");
	bool tsc = f && fgets(name, sizeof name, f) && !strcmp(name, "tsc\n");
	if (f)
		fclose(f);
	return tsc;
}

/* ---- looking at the clock ------------------------------------------------------------------------------------------------------------- */

/* Take the clock's time `now`, less the guest's own offset, as that of this moment. */
static void set_anchor(struct cpu *c, uint64_t now)
{
	struct jit_tsc *t = &c->jit.tsc;
	struct clock *k = &c->machine->clock;
	uint64_t before = __rdtsc(), ns = (uint64_t)clock_now(k), after = __rdtsc();
	int64_t offset = atomic_load_explicit(&k->offset, memory_order_relaxed);
	t->window = 0;
	if (!atomic_load_explicit(&k->running, memory_order_relaxed) || after - before > PROMPT)
		return;
	if (!t->first_tick || offset != t->first_offset || before < t->first_tick) {
		t->first_tick = after;
		t->first_ns = ns;
		t->first_offset = offset;
		return;
	}
	uint64_t ticks = after - t->first_tick;
	if (ticks > MEASURED) {
		uint64_t worth = (uint64_t)(((unsigned __int128)(ns - t->first_ns) << 32) / ticks);
		t->worth = worth - worth / SLOWER;
		t->first_tick = after;
		t->first_ns = ns;
	}
	t->tick = after;
	t->ns = ns > now ? ns : now;
	t->window = t->worth ? WINDOW : 0;
}

/* In place of the instruction's own handler: what was shown last stays the least that is shown. */
static const struct insn *look_at_clock(struct cpu *c, const struct insn *i)
{
	struct jit_tsc *t = &c->jit.tsc;
	uint64_t shown = t->window ? t->ns + (t->window * t->worth >> 32) : 0;
	const struct insn *next = i->imm ? op_rdtscp(c, i) : op_rdtsc(c, i);
	if (!next)
		return NULL;
	uint64_t now = ((uint32_t)c->regs[RAX] | c->regs[RDX] << 32) - c->tsc_offset;
	if (now < shown) {
		c->regs[RAX] = (uint32_t)(shown + c->tsc_offset);
		c->regs[RDX] = (shown + c->tsc_offset) >> 32;
		now = shown;
	}
	set_anchor(c, now);
	return i + 1;
}

/* The clock may have stood still. */
void tsc_forget(struct cpu *c) { c->jit.tsc.window = 0; }

/* ---- emission --------------------------------------------------------------------------------------------------------------------------- */

static void shift(struct em *e, unsigned digit, unsigned reg, unsigned by)
{
	em_rr(e, (struct enc) { .op = 0xc1, .size = 8, .reg = digit }, reg);
	em8(e, by);
}
static void rax_env(struct em *e, unsigned op, uint32_t off) { em_env(e, (struct enc) { .op = op, .size = 8, .reg = RAX }, off); }
/* The handler itself, for what it refuses; else look_at_clock(). */
static void unless(struct em *e, unsigned jcc, const struct ji *i, bool own)
{
	em_jump_out(e, jcc, STUB_STEP, i);
	struct insn *step = e->stubs[e->n_stubs - 1].step;
	if (!own && step) {
		step->fn = look_at_clock;
		step->imm = i->row->opcode == 0x01;
	}
}

bool em_tsc(struct em *e, const struct ji *i)
{
	const struct machine *m = e->c->machine;
	bool p = i->row->opcode == 0x01 && !strcmp(i->row->name, "rdtscp");
	unsigned first = e->n_stubs;
	if (i->row->map != TWO || !(p || i->row->opcode == 0x31) || !(e->j->host_has & HOST_TSC) || m->n_cpus > 1 || m->opt->maxcpus > 1)
		return false;
	em_flags_clobber(e, i->live_in);
	em_env(e, (struct enc) { .op = 0xf7, .size = 4, .reg = 0 }, ENV(cr4)), em32(e, CR4_TSD);
	unless(e, JNE, i, true);
	em8(e, 0x0f), em8(e, 0x31);                             /* rdtsc */
	shift(e, SHL, RDX, 32);
	em_rr(e, (struct enc) { .op = 0x0b, .size = 8, .reg = RAX }, RDX);
	rax_env(e, 0x2b, ENV(jit.tsc.tick));
	rax_env(e, 0x3b, ENV(jit.tsc.window));
	unless(e, JAE, i, false);
	rax_env(e, 0x0faf, ENV(jit.tsc.worth));
	shift(e, SHR, RAX, 32);
	rax_env(e, 0x03, ENV(jit.tsc.ns));
	rax_env(e, 0x03, ENV(tsc_offset));
	em_mov(e, RDX, RAX);
	shift(e, SHR, RDX, 32);
	em_rr(e, (struct enc) { .op = 0x8b, .size = 4, .reg = RAX }, RAX);
	if (p)
		em_env(e, (struct enc) { .op = 0x8b, .size = 4, .reg = RCX }, ENV(tsc_aux));
	em_close_stubs(e, first, i);
	return true;
}
