/* seq_rig.c - two CPUs, one interpreting and one translating, run a sequence from the same start.
 *
 * Every exception ends in a HLT of its own.  There both sides are compared and then go on with the atom behind the faulting one, so that
 * what a fault leaves behind in the translator is seen, too. */
#include "tests/cpu/seq.h"
#include "core/cpu/engine.h"
#include "core/jit/jit.h"
#include "core/cpu/fp.h"
#include "core/cpu/sys.h"
#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STUBS = SEQ_SYS + 0x2000, FRAMES = SEQ_SYS + 0x4000 /* top of the IST stack */, INTR_FRAMES = SEQ_SYS + 0x5000, TSS = SEQ_SYS + 0x1800,
       INTR_STUB = STUBS + 0x800, STUB_COUNT = 32, MAX_INSNS = 300000, RESUMES = 6 };
enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_A = 0x20, PTE_D = 0x40 };
#define PTE_NX (UINT64_C(1) << 63)

struct side { struct guest *g; unsigned hot, n_intr; };
struct seq_rig {
	struct side side[2];            /* [0] interprets, [1] translates */
	struct seq_totals totals;
	uint8_t data[5 * PAGE_SIZE];    /* data and stack at the start */
	uint64_t data_seed;
	pthread_t thread;               /* makes the noise */
	pthread_mutex_t lock;           /* the next two; held while a CPU is disturbed */
	struct cpu *running;            /* the CPU to disturb, or NULL */
	unsigned noise;
	_Atomic bool quit;
	bool uncounted;                 /* translated code does not count now */
};
struct stop { enum cpu_exit why; bool ran_away; int vector; uint64_t rip, icount; uint64_t frame[6]; };

/* ---- the address space ---------------------------------------------------------------------------------------------------------------- */

static const uint32_t code_pages[SEQ_CODE_PAGES + 1] = { 0, 0x1000, 0x2000, 0x3000, 0x4000 };

static void put64(uint8_t *mem, uint32_t at, uint64_t v) { memcpy(mem + at, &v, 8); }

static void map(uint8_t *mem, uint32_t root, uint32_t lin, uint32_t phys, uint64_t flags)
{
	put64(mem, root + 0x3000 + (lin >> 12 & 511) * 8, phys | flags | PTE_P | PTE_A | PTE_D);
}

/* Long mode and PAE share the two lower levels; the PAE root is the second page. */
static void build_tables(uint8_t *mem, uint32_t root, bool second)
{
	uint64_t user = PTE_U | PTE_W, p = PTE_P | PTE_A;
	memset(mem + root, 0, 0x4000);
	put64(mem, root, (root + 0x1000) | user | p);
	put64(mem, root + 0x1000, (root + 0x2000) | user | p);
	put64(mem, root + 0x2000 + (SEQ_DATA >> 21) * 8, (root + 0x3000) | user | p);
	for (uint32_t n = 0; n < SEQ_CODE_PAGES; n++) {
		uint32_t phys = SEQ_PHYS_CODE + code_pages[second && n == 2 ? 4 : n];
		map(mem, root, SEQ_CODE + n * PAGE_SIZE, phys, user);
		map(mem, root, SEQ_ALIAS + n * PAGE_SIZE, phys, user | PTE_NX);
	}
	for (uint32_t n = 0; n < SEQ_DATA_PAGES; n++)
		map(mem, root, SEQ_DATA + n * PAGE_SIZE, SEQ_PHYS_DATA + (second && n < 2 ? !n : n) * PAGE_SIZE, PTE_U | PTE_NX | (n < 2 || second ? PTE_W : 0));
	for (uint32_t n = 0; n < SEQ_STACK_PAGES; n++)
		map(mem, root, SEQ_STACK + n * PAGE_SIZE, SEQ_PHYS_STACK + (1 - n) * PAGE_SIZE, user | PTE_NX);
	for (uint32_t n = 0; n < SEQ_TABLE_PAGES; n++)
		map(mem, root, SEQ_TABLES + n * PAGE_SIZE, SEQ_PHYS_TABLES + n * PAGE_SIZE, PTE_W | PTE_NX);
	for (uint32_t n = 0; n < SEQ_SYS_PAGES; n++)
		map(mem, root, SEQ_SYS + n * PAGE_SIZE, SEQ_PHYS_SYS + n * PAGE_SIZE, n >= 3 ? PTE_W | PTE_NX : n == 2 ? 0 : PTE_NX);
}

static void gate(uint8_t *idt, bool long_mode, unsigned vector, uint64_t to, unsigned ist, unsigned dpl)
{
	uint64_t low = (to & 0xffff) | 8 << 16 | (uint64_t)(0x8e00 | dpl << 13 | (long_mode ? ist : 0)) << 32 | (to >> 16 & 0xffff) << 48;
	memcpy(idt + vector * (long_mode ? 16 : 8), &low, 8);
}

static void build_system(uint8_t *mem, enum diff_mode mode)
{
	bool l = mode == DIFF_64;
	uint8_t *idt = mem + SEQ_PHYS_SYS, *gdt = idt + 0x1000, *stubs = idt + 0x2000, *tss = gdt + 0x800;
	memset(idt, 0, 0x3000);
	for (unsigned v = 0; v < STUB_COUNT; v++) {
		stubs[v * 16] = 0xf4;
		gate(idt, l, v, STUBS + v * 16, 1, 3);
	}
	static const uint8_t iret[2][2] = { { 0xcf }, { 0x48, 0xcf } };
	memcpy(stubs + 0x800, iret[l], 2);
	gate(idt, l, SEQ_INTR, INTR_STUB, 2, 0);
	uint64_t code = l ? UINT64_C(0x00af9b000000ffff) : UINT64_C(0x00cf9b000000ffff), dpl3 = UINT64_C(3) << 45;
	put64(gdt, 8, code);
	put64(gdt, 16, UINT64_C(0x00cf93000000ffff));
	put64(gdt, 24, code | dpl3);
	put64(gdt, 32, UINT64_C(0x00cf93000000ffff) | dpl3);
	uint64_t frames = FRAMES, intr = INTR_FRAMES;
	uint16_t ss = 0x10;
	if (l) {
		memcpy(tss + 4, &frames, 8);
		memcpy(tss + 36, &frames, 8);
		memcpy(tss + 44, &intr, 8);
	} else {
		memcpy(tss + 4, &frames, 4);
		memcpy(tss + 8, &ss, 2);
	}
}

/* ---- state ------------------------------------------------------------------------------------------------------------------------------- */

static void set_segments(struct cpu *c, const struct seq *s)
{
	unsigned rpl = s->user ? 3 : 0;
	uint16_t dpl = (uint16_t)(rpl << 5), cs_sel = (uint16_t)(s->user ? 0x1b : 8), ds_sel = (uint16_t)(s->user ? 0x23 : 0x10);
	for (unsigned n = SEG_ES; n <= SEG_GS; n++)
		c->seg[n] = (struct segreg) { .limit = 0xffffffff, .sel = ds_sel, .attr = (uint16_t)(0xc093 | dpl) };
	c->seg[SEG_CS] = (struct segreg) { .limit = 0xffffffff, .sel = cs_sel, .attr = (uint16_t)((s->mode == DIFF_64 ? 0xa09b : 0xc09b) | dpl) };
	if (s->mode == DIFF_64) {
		c->seg[SEG_FS].base = 0x20;
		c->seg[SEG_GS].base = 0x38;
	}
	c->cpl = (uint8_t)rpl;
}

static void set_registers(struct cpu *c, const struct seq *s)
{
	memcpy(c->regs, s->start.gpr, sizeof s->start.gpr);
	set_segments(c, s);
	cpu_set_eflags(c, (uint32_t)s->start.rflags);
	cpu_update_mode(c);
}

/* RAM at the start.  Code is touched only where it differs, so that translations stay. */
static void set_memory(struct seq_rig *rig, struct guest *g, const struct seq *s)
{
	uint8_t code[SEQ_CODE_PAGES + 1][PAGE_SIZE];
	memset(code, 0xcc, sizeof code);
	for (unsigned n = 0; n < s->n; n++)
		if (!s->atom[n].off)
			memcpy(code[0] + s->atom[n].at - SEQ_CODE, s->atom[n].code, s->atom[n].len);
	memcpy(code[4], code[2], PAGE_SIZE);
	for (unsigned n = 0; n < s->n; n++) {                           /* the other third page: other constants */
		const struct seq_atom *a = &s->atom[n];
		if (a->victim && !a->off && a->at >= SEQ_CODE + 0x2000 && a->at + a->len <= SEQ_CODE + 0x3000)
			code[4][a->at - SEQ_CODE - 0x2000 + a->len - 1] ^= 1;
	}
	for (unsigned n = 0; n <= SEQ_CODE_PAGES; n++)
		if (memcmp(g->mem + SEQ_PHYS_CODE + code_pages[n], code[n], PAGE_SIZE))
			guest_load(g, SEQ_PHYS_CODE + code_pages[n], code[n], PAGE_SIZE);
	if (rig->data_seed != s->data_seed) {
		struct diff_rng r = { .s = rig->data_seed = s->data_seed };
		for (unsigned n = 0; n < sizeof rig->data; n += 64)
			diff_edge_packed(&r, rig->data + n, 64);
	}
	guest_load(g, SEQ_PHYS_DATA, rig->data, sizeof rig->data);
	build_tables(g->mem, SEQ_ROOT_A, false);
	build_tables(g->mem, SEQ_ROOT_B, true);
	engine_code_written(g->m, g->ram.ram_addr + SEQ_PHYS_TABLES, SEQ_TABLE_PAGES * PAGE_SIZE);
}

static void set_start(struct seq_rig *rig, struct side *side, const struct seq *s)
{
	struct cpu *c = side->g->c;
	bool l = s->mode == DIFF_64;
	set_memory(rig, side->g, s);
	uint32_t efer = EFER_NXE | EFER_SCE | (l ? EFER_LME | EFER_LMA : 0);
	if (c->efer != efer)
		build_system(side->g->mem, s->mode);
	c->efer = efer;
	c->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG | (s->alignment ? CR0_AM : 0);
	c->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;
	c->idtr = (struct dtreg) { SEQ_SYS, (SEQ_INTR + 1) * 16 - 1 };
	c->gdtr = (struct dtreg) { SEQ_SYS + 0x1000, 0x2f };
	c->seg[SEG_TR] = (struct segreg) { .base = TSS, .limit = 0x67, .sel = 0x28, .attr = 0x8b };
	c->cr3 = l ? SEQ_ROOT_A : SEQ_ROOT_A + 0x1000;
	for (unsigned n = 0; n < 4; n++)
		c->pdpte[n] = n ? 0 : SEQ_ROOT_A + 0x2000 + 1;
	mmu_set_cr3(c, c->cr3);
	mmu_flush(c, true);
	set_registers(c, s);
	c->cr2 = 0;
	memset(c->dr, 0, sizeof c->dr);
	c->dr[6] = 0xffff0ff0;
	c->dr[7] = 0x400;
	c->dr6_pending = 0;
	c->exc_pending = c->shadow = c->nmi_blocked = 0;
	c->cur = NULL;
	diff_load_fx(c, s->start.fx);
	c->icount = 0;
	c->rip = s->section_at[0];
	side->n_intr = 0;
}

/* ---- running ------------------------------------------------------------------------------------------------------------------------------- */

static int intr_ack(void *arg)
{
	struct side *s = arg;
	cpu_clear(s->g->c, REQ_INTR);
	s->n_intr++;
	return SEQ_INTR;
}
static uint8_t no_tpr(void *arg) { return 0; }
static void set_no_tpr(void *arg, uint8_t v) {}
static bool no_rdmsr(void *arg, uint32_t msr, uint64_t *v) { return false; }
static bool no_wrmsr(void *arg, uint32_t msr, uint64_t v) { return false; }
static const struct cpu_apic_ops apic_ops = { .ack = intr_ack, .get_tpr = no_tpr, .set_tpr = set_no_tpr, .rdmsr = no_rdmsr, .wrmsr = no_wrmsr };

/* The lock is held: c runs what may be disturbed so. */
static void disturb(struct seq_rig *rig, struct cpu *c, unsigned kind, struct diff_rng *r)
{
	kind &= rig->noise;
	if (kind == SEQ_NOISE_INTR)
		cpu_request(c, REQ_INTR);
	if (kind == SEQ_NOISE_TLB)
		cpu_request(c, REQ_TLB);
	if (kind == SEQ_NOISE_FLUSH)
		engine_flush(c);
	if (kind == SEQ_NOISE_CODE)
		engine_code_written(c->machine, rig->side[1].g->ram.ram_addr + SEQ_PHYS_CODE + diff_below(r, 0x5000), 8);
	if (kind == SEQ_NOISE_STOP || !diff_below(r, 10))
		cpu_request(c, REQ_STOP);       /* also what ends a sequence that runs away */
}

static void *make_noise(void *arg)
{
	struct seq_rig *rig = arg;
	struct diff_rng r = { .s = 1 };
	while (!atomic_load(&rig->quit)) {
		struct timespec t = { .tv_nsec = 20000 + diff_below(&r, 300000) };
		nanosleep(&t, NULL);
		pthread_mutex_lock(&rig->lock);
		if (rig->running)
			disturb(rig, rig->running, 1u << diff_below(&r, 5), &r);
		pthread_mutex_unlock(&rig->lock);
	}
	return NULL;
}

static int stub_vector(const struct cpu *c)
{
	uint64_t at = c->rip - 1 - STUBS;
	return at < STUB_COUNT * 16 && at % 16 == 0 ? (int)at / 16 : -1;
}
static bool has_error(int v) { return v == 8 || (v >= 10 && v <= 14) || v == 17; }

/* The frame of an exception: [error] rip cs flags (rsp ss); taken out of memory, its arithmetic flags may be dead ones. */
static void read_frame(struct side *side, const struct seq *s, struct stop *st)
{
	struct cpu *c = side->g->c;
	unsigned size = s->mode == DIFF_64 ? 8 : 4, n = st->vector >= 0 ? has_error(st->vector) + (size == 8 || s->user ? 5u : 3u) : 0;
	uint64_t phys = 0, at = c->regs[RSP];
	for (unsigned k = 0; k < n; k++) {
		uint64_t mask = k == has_error(st->vector) + 2u ? ~(uint64_t)FL_ARITH : UINT64_MAX;
		for (unsigned b = 0; b < size; b++) {           /* it may lie across pages */
			bool ok = mmu_translate_debug(c, at + k * size + b, &phys);
			assert(ok);
			side->g->mem[phys] &= (uint8_t)(mask >> 8 * b);
			st->frame[k] |= (uint64_t)side->g->mem[phys] << 8 * b;
		}
	}
}

static void set_running(struct seq_rig *rig, struct cpu *c, unsigned noise)
{
	pthread_mutex_lock(&rig->lock);
	rig->running = c;
	rig->noise = noise;
	pthread_mutex_unlock(&rig->lock);
}

static struct stop run_side(struct seq_rig *rig, struct side *side, const struct seq *s, unsigned noise)
{
	struct cpu *c = side->g->c;
	struct stop st = { .vector = -1 };
	atomic_store(&c->run_state, CPU_RUNNING);
	set_running(rig, c, noise);
	do {
		st.why = cpu_run(c);
		if (st.why == CPUEXIT_REQUEST)
			cpu_clear(c, REQ_STOP);
		st.ran_away = c->icount > MAX_INSNS;
	} while (st.why == CPUEXIT_REQUEST && !st.ran_away);
	set_running(rig, NULL, 0);
	cpu_clear(c, REQ_STOP | REQ_INTR | REQ_TLB);
	if (st.ran_away)
		return st;
	st.vector = stub_vector(c);
	st.rip = c->rip;
	st.icount = c->icount - side->n_intr;
	read_frame(side, s, &st);
	return st;
}

/* ---- comparison ------------------------------------------------------------------------------------------------------------------------- */

static const char *const gpr_names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" };

static bool equal(const char *what, uint64_t a, uint64_t b, char *why, size_t size)
{
	if (a != b && !*why)
		snprintf(why, size, "%s: interpreted %" PRIx64 ", translated %" PRIx64, what, a, b);
	return a == b;
}

static bool same_fp(const struct cpu *a, const struct cpu *b, char *why, size_t size)
{
	char name[16];
	bool ok = equal("mxcsr", a->mxcsr, b->mxcsr, why, size) && equal("fcw", a->fpu.cw, b->fpu.cw, why, size) && equal("fsw", a->fpu.sw, b->fpu.sw, why, size) &&
		equal("x87 top", a->fpu.top, b->fpu.top, why, size) && equal("x87 tags", a->fpu.tag, b->fpu.tag, why, size) &&
		equal("x87 ip", a->fpu.ip, b->fpu.ip, why, size) && equal("x87 dp", a->fpu.dp, b->fpu.dp, why, size) &&
		equal("x87 opcode", a->fpu.opcode, b->fpu.opcode, why, size);
	if (ok && !memcmp(a->ymm, b->ymm, sizeof a->ymm) && !memcmp(a->fpu.fpr, b->fpu.fpr, sizeof a->fpu.fpr))
		return true;
	for (unsigned n = 0; n < 64 && ok; n++) {
		snprintf(name, sizeof name, "ymm%u[%u]", n / 4, n % 4);
		ok = equal(name, a->ymm[n / 4].u64[n % 4], b->ymm[n / 4].u64[n % 4], why, size);
	}
	for (unsigned n = 0; n < 8 && ok; n++) {
		snprintf(name, sizeof name, "fpr%u", n);
		ok = equal(name, a->fpu.fpr[n].mant, b->fpu.fpr[n].mant, why, size) && equal(name, a->fpu.fpr[n].se, b->fpu.fpr[n].se, why, size);
	}
	return ok;
}

static bool same_memory(const struct side *a, const struct side *b, char *why, size_t size)
{
	if (!memcmp(a->g->mem + SEQ_PHYS, b->g->mem + SEQ_PHYS, SEQ_PHYS_END - SEQ_PHYS))
		return true;
	uint32_t n = SEQ_PHYS;
	while (a->g->mem[n] == b->g->mem[n])
		n++;
	char name[40];
	snprintf(name, sizeof name, "memory at physical %x", n);
	return equal(name, a->g->mem[n], b->g->mem[n], why, size);
}

static bool same(struct seq_rig *rig, const struct stop *x, const struct stop *y, char *why, size_t size)
{
	const struct cpu *a = rig->side[0].g->c, *b = rig->side[1].g->c;
	bool ok = equal("kind of exit", x->why, y->why, why, size) && equal("vector", (uint64_t)x->vector, (uint64_t)y->vector, why, size);
	for (unsigned n = 0; n < 6 && ok; n++)
		ok = equal("exception frame (error code, rip, cs, flags, rsp, ss)", x->frame[n], y->frame[n], why, size);
	ok = ok && equal("rip", x->rip, y->rip, why, size);
	for (unsigned n = 0; n < 16 && ok; n++)
		ok = equal(gpr_names[n], a->regs[n], b->regs[n], why, size);
	uint32_t mask = x->vector >= 0 || x->why == CPUEXIT_TRIPLE_FAULT ? ~(uint32_t)FL_ARITH : ~0u;
	ok = ok && equal("flags", cpu_get_eflags(a) & mask, cpu_get_eflags(b) & mask, why, size) &&
		(rig->uncounted || equal("instructions", x->icount, y->icount, why, size)) &&
		equal("cr2", a->cr2, b->cr2, why, size) && equal("cr3", a->cr3, b->cr3, why, size) && equal("dr6", a->dr[6], b->dr[6], why, size);
	for (unsigned n = 0; n < 6 && ok; n++)
		ok = equal("selector", a->seg[n].sel, b->seg[n].sel, why, size) && equal("segment base", a->seg[n].base, b->seg[n].base, why, size);
	return ok && same_fp(a, b, why, size) && same_memory(&rig->side[0], &rig->side[1], why, size);
}

/* ---- sequences ------------------------------------------------------------------------------------------------------------------------------ */

/* Go on behind the atom that faulted.  False: nothing there. */
static bool resume(struct seq_rig *rig, const struct seq *s, const struct stop *st)
{
	uint64_t rip = st->frame[has_error(st->vector)];
	for (unsigned n = 0; n + 1 < s->n; n++) {
		const struct seq_atom *a = &s->atom[n];
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

static bool run_once(struct seq_rig *rig, const struct seq *s, unsigned noise, char *why, size_t size)
{
	for (unsigned k = 0; k < 2; k++)
		set_start(rig, &rig->side[k], s);
	for (unsigned turn = 0;; turn++) {
		struct stop x = run_side(rig, &rig->side[0], s, 0), y = run_side(rig, &rig->side[1], s, noise);
		rig->totals.stops++;
		if (x.ran_away || y.ran_away) {
			rig->totals.runaways++;
			return equal("ran away", x.ran_away, y.ran_away, why, size);
		}
		if (!same(rig, &x, &y, why, size))
			return false;
		rig->totals.insns += x.icount;
		if (x.vector < 0 || turn == RESUMES || x.why == CPUEXIT_TRIPLE_FAULT || !resume(rig, s, &x))
			return true;
		rig->totals.faults++;
	}
}

/* What was translated goes. */
static void count(struct seq_rig *rig, bool on)
{
	struct side *side = &rig->side[1];
	bool ok = engine_set_jit(side->g->c, side->hot);
	assert(ok);
	rig->uncounted = !on;
	if (engine_jit(side->g->c))
		jit_set_counting(engine_jit(side->g->c), on);
}

bool seq_run(struct seq_rig *rig, const struct seq *s, unsigned noise, unsigned hot, unsigned times, char *why, size_t size)
{
	struct side *side = &rig->side[1];
	*why = 0;
	if (s->mode != DIFF_64 && !s->user)
		noise &= ~(unsigned)SEQ_NOISE_INTR;     /* its frame would lie on the sequence's own stack */
	if (side->hot != hot) {
		bool ok = engine_set_jit(side->g->c, hot);
		assert(ok);
		if (engine_jit(side->g->c))
			jit_set_exact(engine_jit(side->g->c));
		side->hot = hot;
	}
	rig->totals.sequences++;
	uint64_t endless = rig->totals.runaways;
	for (unsigned n = 0; n < times; n++) {
		rig->totals.runs++;
		if (!run_once(rig, s, noise, why, size))
			return false;
	}
	if (rig->totals.runaways != endless)            /* counting is what ends it */
		return true;
	count(rig, false);
	bool ok = run_once(rig, s, noise, why, size);
	count(rig, true);
	return ok;
}

const struct seq_totals *seq_totals(const struct seq_rig *rig) { return &rig->totals; }

struct seq_rig *seq_rig_new(void)
{
	struct seq_rig *rig = calloc(1, sizeof *rig);
	assert(rig);
	for (unsigned k = 0; k < 2; k++) {
		struct side *side = &rig->side[k];
		side->g = guest_new(GUEST_LONG64);
		side->g->c->efer = 0;           /* the system pages are made at the first start */
		side->g->c->apic = side;
		side->g->c->apic_ops = &apic_ops;
	}
	pthread_mutex_init(&rig->lock, NULL);
	int failed = pthread_create(&rig->thread, NULL, make_noise, rig);
	assert(!failed);
	return rig;
}

void seq_rig_free(struct seq_rig *rig)
{
	atomic_store(&rig->quit, true);
	pthread_join(rig->thread, NULL);
	pthread_mutex_destroy(&rig->lock);
	for (unsigned k = 0; k < 2; k++)
		guest_free(rig->side[k].g);
	free(rig);
}
