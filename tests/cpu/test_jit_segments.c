/* test_jit_segments.c - random sequences of 16-bit code, and of code in segments that are not flat, interpreted and translated from the same start:
 * real mode, also with large segments, virtual-8086 mode, 16- and 32-bit protected mode at CPL 0 and 3.  Segments begin anywhere and end close by,
 * addresses and stacks lie at their ends and wrap, code lies at both ends of its segment, jumps from one to the other, and stores into itself.
 *
 * Settings from the environment: VMUX_SEG_SECONDS (of CPU time), VMUX_SEG_SEED (number of the first sequence; a failure names its own), VMUX_SEG_COUNT. */
#include "core/cpu/engine.h"
#include "core/jit/jit.h"
#include "tests/cpu/diff.h"
#include "tests/cpu/guest.h"
#include "tests/cpu/segseq.h"
#include <Zydis/Zydis.h>
#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#ifdef VMUX_SANITIZED
enum { SECONDS = 5 };
#else
enum { SECONDS = 6 };
#endif
static const char *const mode_names[MODES] = { "real mode", "real mode, large segments", "virtual-8086 mode", "16-bit protected mode", "16-bit protected mode, flat",
	"32-bit protected mode in segments", "32-bit protected mode, 16-bit stack", "32-bit protected mode, flat but for FS and GS" };

/* ---- running ----------------------------------------------------------------------------------------------------------------------------- */

struct side { struct guest *g; };
struct rig {
	struct side side[2];            /* [0] interprets, [1] translates */
	uint8_t image[WINDOW_END], data[WINDOW_END];
	uint64_t data_seed;
	pthread_t thread;
	pthread_mutex_t lock;           /* running */
	struct cpu *running;
	bool noisy;
	_Atomic bool quit;
	uint64_t insns, stops, faults, runaways;
};
struct stop { enum cpu_exit why; bool ran_away, lost /* cannot be compared */; int vector; uint64_t rip, icount, frame[6]; };

static void *make_noise(void *arg)
{
	struct rig *rig = arg;
	struct diff_rng r = { .s = 1 };
	while (!atomic_load(&rig->quit)) {
		struct timespec t = { .tv_nsec = 50000 + diff_below(&r, 300000) };
		nanosleep(&t, NULL);
		pthread_mutex_lock(&rig->lock);
		if (rig->running) {
			unsigned kind = rig->noisy ? diff_below(&r, 4) : 0;
			if (kind == 1)
				engine_flush(rig->running);
			if (kind == 2)
				cpu_request(rig->running, REQ_TLB);
			cpu_request(rig->running, REQ_STOP);
		}
		pthread_mutex_unlock(&rig->lock);
	}
	return NULL;
}
static void set_running(struct rig *rig, struct cpu *c, bool noisy)
{
	pthread_mutex_lock(&rig->lock);
	rig->running = c;
	rig->noisy = noisy;
	pthread_mutex_unlock(&rig->lock);
}

static void set_registers(struct cpu *c, const struct seq *s)
{
	memset(c->regs, 0, 16 * sizeof c->regs[0]);
	memcpy(c->regs, s->regs, sizeof s->regs);
	memcpy(c->seg, s->seg, sizeof s->seg);
	c->cr0 = CR0_ET | CR0_NE | (protected_mode(s) || s->mode == VM86 ? CR0_PE : 0) | (s->paged ? CR0_PG : 0) | (s->wp ? CR0_WP : 0);
	c->cpl = s->user ? 3 : 0;
	cpu_set_eflags(c, s->flags | (s->mode == VM86 ? FL_VM : 0));
	cpu_update_mode(c);
}

static void make_image(struct rig *rig, const struct seq *s)
{
	if (rig->data_seed != s->data_seed) {
		struct diff_rng r = { .s = rig->data_seed = s->data_seed };
		for (unsigned n = 0; n < WINDOW_END; n += 8) {
			uint64_t v = diff_random(&r), which = diff_random(&r);
			for (unsigned k = 0; k < 8; k++)
				rig->data[n + k] = which >> 4 * k & 4 ? HLT : (uint8_t)(v >> 8 * k);
		}
	}
	memcpy(rig->image, rig->data, WINDOW_END);
	uint64_t gates[2] = { 0, 0 };
	for (unsigned v = 0; v < 32; v++) {
		uint32_t to = GUEST_STUBS + v * 16;
		gates[0] = (to & 0xffff) | 8 << 16 | UINT64_C(0x8e00) << 32;
		memcpy(rig->image + GUEST_IDT + v * 8, gates, 8);
		rig->image[to] = 0xf4;
		memcpy(rig->image + v * 4, &(uint32_t) { to }, 4);
	}
	memcpy(rig->image + IRET_VECTOR * 4, &(uint32_t) { IRET }, 4);
	rig->image[IRET] = 0xcf;
	memcpy(rig->image + GDT, s->gdt, sizeof s->gdt);
	memset(rig->image + TSS, 0, 0x68);
	memcpy(rig->image + TSS + 4, &(uint32_t) { SYS_STACK }, 4);
	memcpy(rig->image + TSS + 8, &(uint32_t) { 0x10 }, 4);
	for (unsigned n = 0; n < s->n; n++) {
		const struct atom *a = &s->atom[n];
		for (unsigned k = 0; k < a->len && !a->off; k++)
			rig->image[(s->seg[SEG_CS].base + a->at + k) % WINDOW_END] = a->code[k];
	}
}

static void set_start(struct rig *rig, struct guest *g, const struct seq *s)
{
	struct cpu *c = g->c;
	for (unsigned n = 0; n < WINDOW_END; n += PAGE_SIZE)
		for (unsigned k = n; memcmp(g->mem + n, rig->image + n, PAGE_SIZE) && k < n + PAGE_SIZE; k += 64)
			if (memcmp(g->mem + k, rig->image + k, 64))
				guest_load(g, k, rig->image + k, 64);
	memset(g->mem + TABLES, 0, PAGE_SIZE);
	memcpy(g->mem + TABLES, &(uint32_t) { (TABLES + PAGE_SIZE) | 7 }, 4);
	memcpy(g->mem + TABLES + PAGE_SIZE, s->pages, sizeof s->pages);
	c->cr3 = TABLES;
	c->cr2 = 0;
	c->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;
	c->gdtr = (struct dtreg) { GDT, SELECTORS * 8 - 1 };
	c->idtr = (struct dtreg) { protected_mode(s) || s->mode == VM86 ? GUEST_IDT : 0, 0x3ff };
	c->seg[SEG_TR] = (struct segreg) { .base = TSS, .limit = 0x67, .sel = 0x18, .attr = 0x8b };
	c->seg[SEG_LDTR] = (struct segreg) { 0 };
	set_registers(c, s);
	mmu_flush(c, true);
	c->exc_pending = c->shadow = c->nmi_blocked = 0;
	c->cur = NULL;
	c->dr6_pending = 0;
	memset(c->ymm, 0, sizeof c->ymm);
	memset(&c->fpu, 0, sizeof c->fpu);
	c->fpu.cw = 0x37f;
	c->mxcsr = 0x1f80;
	c->fp_live = 0;
	c->icount = 0;
	c->rip = s->section_at[0];
}

static bool has_error(int v) { return v == 8 || (v >= 10 && v <= 14) || v == 17; }

/* The frame of an exception; its arithmetic flags may be dead ones and are taken out of memory. */
static void read_frame(struct side *side, const struct seq *s, struct stop *st)
{
	struct cpu *c = side->g->c;
	bool real = s->mode <= LARGE;
	unsigned size = real ? 2 : 4, first = real ? 0 : has_error(st->vector), n = first + 3;
	uint64_t mask = c->mode & M_SS32 ? 0xffffffff : 0xffff;
	for (unsigned k = 0; k < n; k++)
		for (unsigned b = 0; b < size; b++) {
			uint64_t at = (uint32_t)(c->seg[SEG_SS].base + (((c->regs[RSP] + k * size) & mask) + b));
			if (at >= GUEST_RAM)
				continue;
			if (k == first + 2)
				side->g->mem[at] &= (uint8_t)(~(uint32_t)FL_ARITH >> 8 * b);
			st->frame[k] |= (uint64_t)side->g->mem[at] << 8 * b;
		}
}

/* Stopped in the middle of a repeated string instruction, which may have overwritten itself: then it is another one when it goes on. */
static bool in_string(const struct guest *g)
{
	uint64_t phys;
	for (unsigned n = 0; n < 5; n++)
		if (mmu_translate_debug(g->c, (uint32_t)(g->c->seg[SEG_CS].base + g->c->rip + n), &phys) && phys < GUEST_RAM && (g->mem[phys] & 0xfe) == 0xf2)
			return true;
	return false;
}

static struct stop run_side(struct rig *rig, unsigned k, const struct seq *s)
{
	struct side *side = &rig->side[k];
	struct cpu *c = side->g->c;
	struct stop st = { .vector = -1 };
	atomic_store(&c->run_state, CPU_RUNNING);
	set_running(rig, c, k == 1);
	unsigned stops = 0;
	do {
		st.why = cpu_run(c);
		if (st.why == CPUEXIT_REQUEST)
			cpu_clear(c, REQ_STOP), st.lost |= in_string(side->g) || ++stops == STOPS;
		st.ran_away = c->icount > MAX_INSNS;
	} while (st.why == CPUEXIT_REQUEST && !st.ran_away && !st.lost);
	set_running(rig, NULL, false);
	cpu_clear(c, REQ_STOP | REQ_TLB);
	st.ran_away |= c->icount > MAX_INSNS;
	if (st.ran_away || st.lost)
		return st;
	uint64_t at = c->rip - 1 - GUEST_STUBS;
	if (st.why == CPUEXIT_HALT && !c->seg[SEG_CS].base && at < 32 * 16 && at % 16 == 0)
		st.vector = (int)at / 16;
	st.rip = c->rip;
	st.icount = c->icount;
	if (st.vector >= 0)
		read_frame(side, s, &st);
	return st;
}

static bool equal(const char *what, uint64_t a, uint64_t b, char *why, size_t size)
{
	if (a != b && !*why)
		snprintf(why, size, "%s: interpreted %" PRIx64 ", translated %" PRIx64, what, a, b);
	return a == b;
}

static bool same(struct rig *rig, const struct stop *x, const struct stop *y, char *why, size_t size)
{
	static const char *const names[8] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
	const struct cpu *a = rig->side[0].g->c, *b = rig->side[1].g->c;
	bool ok = equal("kind of exit", x->why, y->why, why, size) && equal("vector", (uint64_t)x->vector, (uint64_t)y->vector, why, size);
	for (unsigned n = 0; n < 6 && ok; n++)
		ok = equal("exception frame", x->frame[n], y->frame[n], why, size);
	ok = ok && equal("rip", x->rip, y->rip, why, size);
	if (ok && x->why == CPUEXIT_TRIPLE_FAULT)       /* it may have pushed dead flags */
		return true;
	for (unsigned n = 0; n < 8 && ok; n++)
		ok = equal(names[n], a->regs[n], b->regs[n], why, size);
	uint32_t mask = x->vector >= 0 ? ~(uint32_t)FL_ARITH : ~0u;
	ok = ok && equal("flags", cpu_get_eflags(a) & mask, cpu_get_eflags(b) & mask, why, size) && equal("instructions", x->icount, y->icount, why, size);
	for (unsigned n = 0; n < 6 && ok; n++)
		ok = equal("selector", a->seg[n].sel, b->seg[n].sel, why, size) && equal("base", a->seg[n].base, b->seg[n].base, why, size) &&
			equal("limit", a->seg[n].limit, b->seg[n].limit, why, size) && equal("rights", a->seg[n].attr, b->seg[n].attr, why, size);
	ok = ok && equal("x87 top", a->fpu.top, b->fpu.top, why, size) && equal("x87 ip", a->fpu.ip, b->fpu.ip, why, size) &&
		equal("x87 cs", a->fpu.ip_sel, b->fpu.ip_sel, why, size) && equal("x87 dp", a->fpu.dp, b->fpu.dp, why, size) &&
		equal("x87 ds", a->fpu.dp_sel, b->fpu.dp_sel, why, size) && equal("vectors", memcmp(a->ymm, b->ymm, sizeof a->ymm) != 0, 0, why, size);
	ok = ok && equal("cr2", a->cr2, b->cr2, why, size) &&
		equal("page tables", memcmp(rig->side[0].g->mem + TABLES, rig->side[1].g->mem + TABLES, 2 * PAGE_SIZE) != 0, 0, why, size);
	if (ok && memcmp(rig->side[0].g->mem, rig->side[1].g->mem, WINDOW_END)) {
		uint32_t n = 0;
		char name[40];
		while (rig->side[0].g->mem[n] == rig->side[1].g->mem[n])
			n++;
		snprintf(name, sizeof name, "memory at %x", n);
		return equal(name, rig->side[0].g->mem[n], rig->side[1].g->mem[n], why, size);
	}
	return ok;
}

/* Go on behind the atom that faulted. */
static bool resume(struct rig *rig, const struct seq *s, const struct stop *st)
{
	uint64_t rip = st->frame[s->mode > LARGE && has_error(st->vector)], cs = st->frame[1 + (s->mode > LARGE && has_error(st->vector))];
	for (unsigned n = 0; n + 1 < s->n && (uint16_t)cs == s->seg[SEG_CS].sel; n++) {
		const struct atom *a = &s->atom[n];
		if (a->off || rip < a->at || rip >= a->at + a->len || s->atom[n + 1].section != a->section)
			continue;
		for (unsigned k = 0; k < 2; k++) {
			set_registers(rig->side[k].g->c, s);
			rig->side[k].g->c->rip = s->atom[n + 1].at;
		}
		return true;
	}
	return false;
}

/* What lies beyond the window is written to by both in the same way, unless they were stopped on the way. */
static void forget_far(struct rig *rig)
{
	uint8_t hlt[PAGE_SIZE];
	memset(hlt, HLT, sizeof hlt);
	for (unsigned k = 0; k < 2; k++)
		for (unsigned n = WINDOW_END; n < FAR_END; n += PAGE_SIZE)
			if (memcmp(rig->side[k].g->mem + n, hlt, PAGE_SIZE))
				guest_load(rig->side[k].g, n, hlt, PAGE_SIZE);
}

static bool run_once(struct rig *rig, const struct seq *s, char *why, size_t size)
{
	make_image(rig, s);
	for (unsigned k = 0; k < 2; k++)
		set_start(rig, rig->side[k].g, s);
	for (unsigned turn = 0;; turn++) {
		struct stop x = run_side(rig, 0, s), y = run_side(rig, 1, s);
		rig->stops++;
		if (x.ran_away || y.ran_away || x.lost || y.lost) {
			rig->runaways++;
			forget_far(rig);
			return x.lost || y.lost || equal("ran away", x.ran_away, y.ran_away, why, size);
		}
		if (!same(rig, &x, &y, why, size)) {
			forget_far(rig);
			return false;
		}
		rig->insns += x.icount;
		if (x.vector < 0 || turn == RESUMES || !resume(rig, s, &x))
			return true;
		rig->faults++;
	}
}

static bool run_seq(struct rig *rig, const struct seq *s, unsigned hot, char *why, size_t size)
{
	struct cpu *c = rig->side[1].g->c;
	*why = 0;
	bool ok = engine_set_jit(c, hot) && engine_jit(c);
	assert(ok);
	jit_set_exact(engine_jit(c));
	for (unsigned n = 0; n < 3; n++)
		if (!run_once(rig, s, why, size))
			return false;
	return true;
}

/* ---- reports ------------------------------------------------------------------------------------------------------------------------------ */

static void make_small(struct rig *rig, struct seq *s, unsigned hot)
{
	char why[200];
	for (bool changed = true; changed;) {
		changed = false;
		for (unsigned n = 0; n + 1 < s->n; n++) {
			if (s->atom[n].off)
				continue;
			s->atom[n].off = true;
			seg_lay_out(s);
			bool failed = false;
			for (unsigned k = 0; k < 3 && !failed; k++)
				failed = !run_seq(rig, s, hot, why, sizeof why);
			changed |= failed;
			s->atom[n].off = failed;
		}
	}
	seg_lay_out(s);
}

static void print_seq(const struct seq *s)
{
	print_message("%s, CPL %u, flags %x%s%s\n", mode_names[s->mode], s->user ? 3 : 0, s->flags, s->paged ? ", paged" : "", s->wp ? ", CR0.WP" : "");
	for (unsigned n = 0; n < 6; n++)
		print_message("  segment %u: %04x base %" PRIx64 " limit %x rights %x\n", n, s->seg[n].sel, s->seg[n].base, s->seg[n].limit, s->seg[n].attr);
	for (unsigned n = 0; n < 8; n++)
		print_message("  r%u=%" PRIx64, n, s->regs[n]);
	print_message("\n");
	for (unsigned n = 0; n < s->n; n++) {
		const struct atom *a = &s->atom[n];
		for (unsigned k = 0; k < a->len && !a->off;) {
			ZydisDisassembledInstruction d;
			bool ok = ZYAN_SUCCESS(ZydisDisassembleIntel(s->code32 ? ZYDIS_MACHINE_MODE_LEGACY_32 : ZYDIS_MACHINE_MODE_LEGACY_16, a->at + k, a->code + k, a->len - k, &d));
			char bytes[40] = "";
			unsigned len = ok ? d.info.length : 1;
			for (unsigned b = 0; b < len; b++)
				snprintf(bytes + 3 * b, sizeof bytes - 3 * b, "%02x ", a->code[k + b]);
			print_message("  %u %05x  %-36s %s\n", a->section, a->at + k, bytes, ok ? d.text : "?");
			k += len;
		}
	}
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *v = getenv(name);
	return v ? strtoull(v, NULL, 0) : otherwise;
}

static void sequences_in_segments_do_the_same_translated(void **state)
{
	static struct rig rig;
	static struct seq s;
	char why[200];
	unsigned failures = 0;
	uint64_t first = setting("VMUX_SEG_SEED", 1), number = first, count = setting("VMUX_SEG_COUNT", UINT64_MAX);
	clock_t limit = (clock_t)setting("VMUX_SEG_SECONDS", SECONDS) * CLOCKS_PER_SEC, t0 = clock();
	struct jit_counters j;
	uint64_t native = 0, stepped = 0;
	for (unsigned k = 0; k < 2; k++)
		rig.side[k].g = guest_new(GUEST_REAL);
	forget_far(&rig);
	pthread_mutex_init(&rig.lock, NULL);
	assert_false(pthread_create(&rig.thread, NULL, make_noise, &rig));
	for (; number - first < count && failures < 3 && clock() - t0 < limit; number++) {
		unsigned hot = number % 4 ? 1 : 2;
		seg_generate(&s, number);
		if (!run_seq(&rig, &s, hot, why, sizeof why)) {
			failures++;
			print_message("sequence %" PRIu64 " (translated after %u runs): %s\n", number, hot, why);
			make_small(&rig, &s, hot);
			run_seq(&rig, &s, hot, why, sizeof why);
			print_message("made small: %s\n", *why ? why : "equal");
			print_seq(&s);
		}
		jit_get_counters(engine_jit(rig.side[1].g->c), &j);
		native = j.native, stepped = j.stepped;
	}
	atomic_store(&rig.quit, true);
	pthread_join(rig.thread, NULL);
	print_message("%" PRIu64 " sequences in %.1f s: %" PRIu64 " instructions, %" PRIu64 " stops, %" PRIu64 " faults gone on from, %" PRIu64 " ran away; translated %" PRIu64
		" native, %" PRIu64 " by the interpreter; %u differ\n", number - first, (double)(clock() - t0) / CLOCKS_PER_SEC, rig.insns, rig.stops, rig.faults, rig.runaways,
		native, stepped, failures);
	for (unsigned k = 0; k < 2; k++)
		guest_free(rig.side[k].g);
	pthread_mutex_destroy(&rig.lock);
	assert_int_equal(failures, 0);
	assert_true(native > stepped);
}

/* A loop that stores beside its code, which it does natively, and in the same round into it, which must show at once. */
static void stores_into_code_and_beside_it(void **state)
{
	static const uint8_t code[] = {
		0xb9, 0xe8, 0x03,                       /* mov cx, 1000 */
		0x31, 0xdb,                             /* xor bx, bx */
		0x2e, 0x89, 0x1e, 0x00, 0x08,           /* l: mov cs:[800h], bx */
		0x2e, 0x88, 0x0e, 0x10, 0x01,           /* mov cs:[v + 1], cl */
		0xb8, 0x00, 0x02,                       /* v: mov ax, 200h + the byte */
		0x01, 0xc3,                             /* add bx, ax */
		0xe2, 0xef,                             /* loop l */
		0xf4 };
	uint16_t bx = 0;
	for (unsigned n = 1000; n; n--)
		bx = (uint16_t)(bx + 0x200 + (n & 0xff));
	for (unsigned into = 0; into < 2; into++) {
		struct guest *g = guest_new(GUEST_REAL);
		struct jit_counters j;
		assert_true(engine_set_jit(g->c, 1) && engine_jit(g->c));
		uint8_t b[sizeof code];
		memcpy(b, code, sizeof b);
		if (!into)
			b[13] = 0x20, b[14] = 0x08;     /* elsewhere: 820h */
		guest_load(g, 0x20000 + 0x100, b, sizeof b);
		g->c->seg[SEG_CS] = (struct segreg) { .base = 0x20000, .limit = 0xffff, .sel = 0x2000, .attr = 0x93 };
		cpu_update_mode(g->c);
		assert_int_equal(guest_run(g, 0x100), CPUEXIT_HALT);
		assert_int_equal(g->c->regs[RBX], into ? bx : (uint16_t)(1000 * 0x200));
		jit_get_counters(engine_jit(g->c), &j);
		assert_true(into || j.misses < 20);
		guest_free(g);
	}
}

/* As 32-bit systems keep what belongs to a thread or a CPU, all else being flat. */
static void what_a_thread_owns_needs_no_interpreter(void **state)
{
	enum { OWN = 0x30000, OTHER = 0x31000, ROUNDS = 1000, F = GUEST_CODE + 0x1b };
	struct guest *g = guest_new(GUEST_PROT32);
	struct jit_counters j;
	assert_true(engine_set_jit(g->c, 1) && engine_jit(g->c));
	guest_code(g, GUEST_CODE,
		0xb9, 0xe8, 0x03, 0x00, 0x00,           /* mov ecx, 1000 */
		0x65, 0xa1, 0x14, 0x00, 0x00, 0x00,     /* l: mov eax, gs:[14h] */
		0x64, 0x01, 0x03,                       /* add fs:[ebx], eax */
		0x65, 0xff, 0x15, 0x10, 0x00, 0x00, 0x00,       /* call gs:[10h] */
		0x49, 0x75, 0xed, 0xf4, 0x90, 0x90,     /* dec ecx; jnz l; hlt */
		0x42, 0xc3);                            /* f: inc edx; ret */
	memcpy(g->mem + OWN + 0x14, &(uint32_t) { 3 }, 4);
	memcpy(g->mem + OWN + 0x10, &(uint32_t) { F }, 4);
	g->c->seg[SEG_GS] = (struct segreg) { .base = OWN, .limit = 0x17, .sel = 0x33, .attr = 0x91 };
	g->c->seg[SEG_FS] = (struct segreg) { .base = OTHER, .limit = 0xfff, .sel = 0x3b, .attr = 0x93 };
	g->c->regs[RBX] = 0xffc;
	g->c->regs[RDX] = 0;
	assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
	assert_int_equal(guest_vector(g), -1);
	assert_int_equal(g->c->regs[RDX], ROUNDS);
	assert_int_equal(*(uint32_t *)(void *)(g->mem + OTHER + 0xffc), 3 * ROUNDS);
	jit_get_counters(engine_jit(g->c), &j);
	assert_true(j.steps + j.misses < 20);
	g->c->seg[SEG_FS].limit = 0xffe;
	assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
	assert_int_equal(guest_vector(g), 13);
	guest_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(stores_into_code_and_beside_it), cmocka_unit_test(what_a_thread_owns_needs_no_interpreter),
		cmocka_unit_test(sequences_in_segments_do_the_same_translated) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
