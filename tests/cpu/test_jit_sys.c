/* test_jit_sys.c - system instructions in translated code: interrupts around STI and POPF, instructions that lie in two pages, INVLPG. */
#include "core/cpu/engine.h"
#include "tests/cpu/guest.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { VECTOR = 0x40, HANDLER = 0x30000, PAGES = 0x400000, FRAMES = 0x500000 };

static int setup(void **state)
{
	struct guest *g = guest_new(GUEST_LONG64);
	*state = g;
	return engine_set_jit(g->c, 1) ? 0 : -1;
}
static int teardown(void **state) { guest_free(*state); return 0; }

/* ---- interrupts --------------------------------------------------------------------------------------------------------------------- */

struct pest { struct cpu *c; _Atomic bool over; unsigned taken; };

static int ack(void *arg)
{
	struct pest *p = arg;
	cpu_clear(p->c, REQ_INTR);
	p->taken++;
	return VECTOR;
}
static uint8_t get_tpr(void *arg) { return 0; }
static void set_tpr(void *arg, uint8_t cr8) {}
static bool msr_read(void *arg, uint32_t msr, uint64_t *val) { return false; }
static bool msr_write(void *arg, uint32_t msr, uint64_t val) { return false; }
static const struct cpu_apic_ops ops = { .ack = ack, .get_tpr = get_tpr, .set_tpr = set_tpr, .rdmsr = msr_read, .wrmsr = msr_write };

static void *interrupt(void *arg)
{
	struct pest *p = arg;
	while (!atomic_load(&p->over))
		if (!(atomic_load(&p->c->exit_req) & REQ_INTR))
			cpu_request(p->c, REQ_INTR);
	return NULL;
}

/* The handler counts in r9 interrupts that would return to r8. */
static void install_handler(struct guest *g)
{
	uint8_t gate[16] = { HANDLER & 0xff, HANDLER >> 8 & 0xff, 8, 0, 0, 0x8e, HANDLER >> 16 };
	guest_load(g, GUEST_IDT + 16 * VECTOR, gate, sizeof gate);
	g->c->idtr.limit = 16 * VECTOR + 15;
	guest_code(g, HANDLER,
		0x4c, 0x39, 0x04, 0x24,                         /* cmp [rsp], r8 */
		0x75, 0x03,                                     /* jne */
		0x49, 0xff, 0xc1,                               /* inc r9 */
		0x48, 0xcf);                                    /* iretq */
}

static void run_with_interrupts(struct guest *g, uint64_t rip)
{
	struct pest p = { .c = g->c };
	pthread_t t;
	install_handler(g);
	g->c->apic = &p;
	g->c->apic_ops = &ops;
	g->c->regs[RSP] = GUEST_STACK;
	g->c->regs[R9] = 0;
	assert_int_equal(pthread_create(&t, NULL, interrupt, &p), 0);
	for (int round = 0; round < 40 && p.taken < 2000; round++) {
		g->c->regs[RCX] = 20000;
		g->c->regs[RBX] = 0;
		/* HLT with interrupts off: until the loop is over. */
		assert_int_equal(guest_run(g, rip), CPUEXIT_HALT);
		assert_int_equal(g->c->regs[RBX], 20000);
	}
	atomic_store(&p.over, true);
	pthread_join(t, NULL);
	cpu_clear(g->c, REQ_INTR);
	g->c->apic_ops = NULL;
	assert_true(p.taken > 0);
	assert_int_equal(g->c->regs[R9], 0);
}

/* STI is the last byte of its page, and the INVLPG makes the jump to the next one be looked up each time. */
static void no_interrupt_directly_behind_sti(void **state)
{
	struct guest *g = *state;
	guest_map(g, PAGES, FRAMES, true, true);
	guest_map(g, PAGES + 0x1000, FRAMES + 0x1000, true, true);
	guest_code(g, FRAMES + 0xffb,
		0xfa,                                           /* l: cli */
		0x0f, 0x01, 0x38,                               /* invlpg [rax] */
		0xfb);                                          /* sti */
	guest_code(g, FRAMES + 0x1000,
		0xff, 0xc3,                                     /* inc ebx */
		0xff, 0xc9,                                     /* dec ecx */
		0x75, 0xf5,                                     /* jnz l */
		0xfa, 0xf4);                                    /* cli; hlt */
	g->c->regs[RAX] = PAGES + 0x1000;
	g->c->regs[R8] = PAGES + 0x1000;
	run_with_interrupts(g, PAGES + 0xffb);
}

/* An interrupt that waits while IF is 0 comes with the POPF that sets it. */
static void popf_lets_a_waiting_interrupt_in(void **state)
{
	struct guest *g = *state;
	struct pest p = { .c = g->c };
	install_handler(g);
	guest_code(g, GUEST_CODE,
		0x68, 0x02, 0x02, 0x00, 0x00,                   /* push 202h */
		0x9d,                                           /* popf */
		0x90,                                           /* nop */
		0xfa, 0xf4);                                    /* cli; hlt */
	g->c->apic = &p;
	g->c->apic_ops = &ops;
	g->c->regs[R8] = GUEST_CODE + 6;
	for (unsigned round = 1; round <= 6; round++) {
		g->c->regs[R9] = 0;
		g->c->regs[RSP] = GUEST_STACK;
		cpu_set_eflags(g->c, 2);
		cpu_request(g->c, REQ_INTR);
		assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
		assert_int_equal(p.taken, round);
		assert_int_equal(g->c->regs[R9], 1);
	}
	g->c->apic_ops = NULL;
}

/* ---- pages --------------------------------------------------------------------------------------------------------------------------- */

static uint64_t runs_to(struct guest *g, uint64_t rip)
{
	g->c->regs[RSP] = GUEST_STACK;
	assert_int_equal(guest_run(g, rip), CPUEXIT_HALT);
	return g->c->regs[RAX];
}

/* mov eax, imm32 with two bytes of the operand in the next page. */
static void an_instruction_in_two_pages_changes(void **state)
{
	struct guest *g = *state;
	guest_map(g, PAGES, FRAMES, true, true);
	guest_map(g, PAGES + 0x1000, FRAMES + 0x1000, true, true);
	guest_code(g, FRAMES + 0xffc, 0x90, 0xb8, 0x11, 0x22);
	guest_code(g, FRAMES + 0x1000, 0x33, 0x44, 0xf4);
	guest_code(g, FRAMES + 0x7000, 0x77, 0x88, 0xf4);
	for (unsigned round = 0; round < 6; round++) {
		g->mem[FRAMES + 0x1000] = 0x33;                 /* as DMA would, but nobody is told: the bytes are looked at each time */
		assert_int_equal(runs_to(g, PAGES + 0xffc), 0x44332211);
		g->mem[FRAMES + 0x1000] = 0x55;
		assert_int_equal(runs_to(g, PAGES + 0xffc), 0x44552211);
		g->mem[FRAMES + 0x1001] = 0x99;                 /* the last of them, too */
		assert_int_equal(runs_to(g, PAGES + 0xffc), 0x99552211);
		g->mem[FRAMES + 0x1001] = 0x44;
		g->mem[FRAMES + 0xffe] = 0x66;
		assert_int_equal(runs_to(g, PAGES + 0xffc), 0x44552266);
		g->mem[FRAMES + 0xffe] = 0x11;
		guest_map(g, PAGES + 0x1000, FRAMES + 0x7000, true, true);
		assert_int_equal(runs_to(g, PAGES + 0xffc), 0x88772211);
		guest_map(g, PAGES + 0x1000, FRAMES + 0x1000, false, true);
		runs_to(g, PAGES + 0xffc);
		assert_int_equal(guest_vector(g), EXC_PF);
		assert_int_equal(g->c->cr2, PAGES + 0x1000);
		guest_map(g, PAGES + 0x1000, FRAMES + 0x1000, true, true);
	}
}

static uint64_t entry_of(const struct guest *g, uint64_t lin)
{
	uint64_t at = GUEST_TABLES + (lin >> 39 & 511) * 8, e;
	for (int shift = 30; shift >= 12; shift -= 9) {
		memcpy(&e, g->mem + at, 8);
		at = (e & ~UINT64_C(0xfff)) + (lin >> shift & 511) * 8;
	}
	return at;
}

/* f gives its caller's page another frame, and drops the old mapping; or that of a page without code. */
static void invlpg_between_call_and_return(void **state)
{
	struct guest *g = *state;
	static const uint8_t caller[] = {
		0xe8, 0xfb, 0x0f, 0x00, 0x00,                   /* call page + 1000h */
		0xb8, 0x01, 0x00, 0x00, 0x00,                   /* mov eax, 1 */
		0xf4 };
	guest_map(g, PAGES, FRAMES, true, true);
	guest_map(g, PAGES + 0x1000, FRAMES + 0x1000, true, true);
	guest_load(g, FRAMES, caller, sizeof caller);
	guest_load(g, FRAMES + 0x10000, caller, sizeof caller);
	g->mem[FRAMES + 0x10006] = 2;
	guest_code(g, FRAMES + 0x1000,
		0x48, 0x89, 0x37,                               /* f: mov [rdi], rsi */
		0x0f, 0x01, 0x3b,                               /* invlpg [rbx] */
		0xc3);
	for (int round = 0; round < 8; round++) {
		g->c->regs[RBX] = GUEST_DATA;
		g->c->regs[RDI] = GUEST_DATA + 8;
		assert_int_equal(runs_to(g, PAGES), round & 1 ? 2 : 1);
		g->c->regs[RBX] = PAGES;
		g->c->regs[RDI] = entry_of(g, PAGES);
		g->c->regs[RSI] = (round & 1 ? FRAMES : FRAMES + 0x10000) | 7;
		assert_int_equal(runs_to(g, PAGES), round & 1 ? 1 : 2);
		assert_int_equal(runs_to(g, PAGES), round & 1 ? 1 : 2);
	}
}

/* ---- each beside the interpreter ------------------------------------------------------------------------------------------------------ */

struct piece { const char *name; uint8_t code[28], len; unsigned cpl; uint32_t flags, cr4; uint64_t rax; };
#define FAR_UP (UINT64_C(0x700000000) + GUEST_DATA)        /* mapped, too, elsewhere */
#define CR4_BASES UINT32_C(0x10000)
#define CR4_NO_TSC 4u
#define PUSHF_TO_RDX 0x9c, 0x5a
static const struct piece pieces[] = {
	{ "std, pushf, cld, pushf", { 0xfd, PUSHF_TO_RDX, 0xfc, 0x9c, 0x5b }, 6, 0, 0, 0, 0 },
	{ "std, lodsb", { 0xfd, 0xac, 0xfc }, 3, 0, 0, 0, 0 },
	{ "pushf", { PUSHF_TO_RDX }, 2, 0, FL_ARITH | FL_IOPL | FL_NT | FL_AC | FL_ID, 0, 0 },
	{ "popf IOPL", { 0x68, 0x02, 0x30, 0, 0, 0x9d, PUSHF_TO_RDX }, 8, 0, 0, 0, 0 },
	{ "popf NT", { 0x68, 0x02, 0x40, 0, 0, 0x9d, PUSHF_TO_RDX }, 8, 0, 0, 0, 0 },
	{ "popf AC", { 0x68, 0x02, 0, 0x04, 0, 0x9d, PUSHF_TO_RDX }, 8, 0, 0, 0, 0 },
	{ "popf ID", { 0x68, 0x02, 0, 0x20, 0, 0x9d, PUSHF_TO_RDX }, 8, 0, 0, 0, 0 },
	{ "popf TF", { 0x68, 0x02, 0x01, 0, 0, 0x9d, 0x90, 0x90 }, 8, 0, 0, 0, 0 },
	{ "popf DF, arithmetic", { 0x68, 0xd7, 0x0e, 0, 0, 0x9d, PUSHF_TO_RDX, 0xfc }, 9, 0, 0, 0, 0 },
	{ "popf, IOPL cleared", { 0x6a, 0x02, 0x9d, PUSHF_TO_RDX }, 5, 0, FL_IOPL | FL_ARITH, 0, 0 },
	{ "popf at CPL 3", { 0x68, 0x02, 0x32, 0, 0, 0x9d, PUSHF_TO_RDX }, 8, 3, 0, 0, 0 },
	{ "mov from cr3, cr2", { 0x0f, 0x20, 0xda, 0x41, 0x0f, 0x20, 0xd1 }, 7, 0, 0, 0, 0 },
	{ "mov from cr3 at CPL 3", { 0x0f, 0x20, 0xda }, 3, 3, 0, 0, 0 },
	{ "cli, sti", { 0xfa, PUSHF_TO_RDX, 0xfb, 0x9c, 0x5b, 0xfa }, 7, 0, FL_IF, 0, 0 },
	{ "cli at CPL 3", { 0xfa }, 1, 3, FL_IF, 0, 0 },
	{ "sti at CPL 3", { 0xfb }, 1, 3, 0, 0, 0 },
	{ "cli at CPL 3, IOPL 3", { 0xfa, PUSHF_TO_RDX }, 3, 3, FL_IF | FL_IOPL, 0, 0 },
	{ "swapgs", { 0x0f, 0x01, 0xf8, 0x65, 0x8b, 0x14, 0x25, 0, 0, 0, 0 }, 11, 0, 0, 0, 0 },
	{ "swapgs at CPL 3", { 0x0f, 0x01, 0xf8 }, 3, 3, 0, 0, 0 },
	{ "rdgsbase rdx, not allowed", { 0xf3, 0x48, 0x0f, 0xae, 0xca }, 5, 0, 0, 0, 0 },
	{ "rdgsbase rdx", { 0xf3, 0x48, 0x0f, 0xae, 0xca }, 5, 3, 0, CR4_BASES, 0 },
	{ "rdgsbase edx", { 0xf3, 0x0f, 0xae, 0xca }, 4, 0, 0, CR4_BASES, 0 },
	{ "wrgsbase rax", { 0xf3, 0x48, 0x0f, 0xae, 0xd8, 0x65, 0x8b, 0x14, 0x25, 0, 0, 0, 0 }, 13, 0, 0, CR4_BASES, GUEST_DATA + 0x40 },
	{ "wrgsbase, not canonical", { 0xf3, 0x48, 0x0f, 0xae, 0xd8 }, 5, 0, 0, CR4_BASES, UINT64_C(0x0000800000000000) },
	{ "cli at CPL 1", { 0xfa }, 1, 1, FL_IF, 0, 0 },
	{ "popf at CPL 1", { 0x68, 0x02, 0x32, 0, 0, 0x9d, PUSHF_TO_RDX }, 8, 1, 0, 0, 0 },
	{ "sti at CPL 1", { 0xfb }, 1, 1, 0, 0, 0 },
	{ "swapgs at CPL 1", { 0x0f, 0x01, 0xf8 }, 3, 1, 0, 0, 0 },
	{ "mov from cr3 at CPL 1", { 0x0f, 0x20, 0xda }, 3, 1, 0, 0, 0 },
	{ "sysret at CPL 1", { 0x48, 0x0f, 0x07 }, 3, 1, 0, 0, 0 },
	{ "rep movsb gs:[rsi]", { 0xf3, 0x48, 0x0f, 0xae, 0xd8, 0x8a, 0x16, 0xb9, 8, 0, 0, 0, 0xf3, 0x65, 0xa4 }, 15, 0, 0, CR4_BASES, 0x10 },
	{ "rep movsb", { 0xb9, 8, 0, 0, 0, 0xf3, 0xa4 }, 7, 0, 0, 0, 0 },
	{ "rep stosb [edi]", { 0x48, 0x89, 0xc7, 0x88, 0x07, 0xb9, 4, 0, 0, 0, 0x67, 0xf3, 0xaa }, 13, 0, 0, 0, FAR_UP + 0x77 },
	{ "bts [rsi], rax: 69 bits below", { 0x48, 0x0f, 0xab, 0x06, 0x48, 0x8b, 0x56, 0xf0, 0x48, 0x8b, 0x5e, 0xf8 }, 12, 0, 0, 0, (uint64_t)-69 },
	{ "btr [rsi], rax: 100 bits above", { 0x48, 0x0f, 0xb3, 0x06, 0x48, 0x8b, 0x56, 0x08, 0x48, 0x8b, 0x5e, 0x10 }, 12, 0, 0, 0, 100 },
	{ "bt [rsi], rax", { 0x48, 0x0f, 0xa3, 0x06, PUSHF_TO_RDX }, 6, 0, 0, 0, 40 },
	{ "btc [rsi], eax: 33 bits below", { 0x0f, 0xbb, 0x06, 0x48, 0x8b, 0x56, 0xf8 }, 7, 0, 0, 0, (uint32_t)-33 },
	{ "cmpxchg16b, not aligned", { 0x48, 0x0f, 0xc7, 0x4e, 0x08 }, 5, 0, 0, 0, 0 },
	{ "cmpxchg16b", { 0x48, 0x0f, 0xc7, 0x4e, 0x10, PUSHF_TO_RDX }, 7, 0, 0, 0, 0 },
	{ "rdtsc, not allowed", { 0x0f, 0x31 }, 2, 3, 0, CR4_NO_TSC, 0 },
	{ "rdtscp", { 0x0f, 0x01, 0xf9, 0x31, 0xc0, 0x31, 0xd2 }, 7, 3, 0, 0, 0 },
	{ "rdtscp, not allowed", { 0x0f, 0x01, 0xf9 }, 3, 3, 0, CR4_NO_TSC, 0 },
};

struct piece_end { uint64_t regs[16], rip, cr2, gs, data[32], pushed[5]; uint32_t flags; enum cpu_exit exit; int vector; };

static void run_piece(struct guest *g, const struct piece *k, struct piece_end *out)
{
	struct cpu *c = g->c;
	static const uint8_t end[] = { 0x0f, 0x0b };            /* ud2, at each CPL */
	memset(c->regs, 0, sizeof c->regs[0] * 16);
	for (unsigned n = 0; n < 0x100; n++)
		g->mem[GUEST_DATA + n] = (uint8_t)(n * 7);
	memset(g->mem + GUEST_STACK - 0x100, 0, 0x100);
	uint64_t sp0 = GUEST_STACK - 0x80;
	memcpy(g->mem + GUEST_DATA + 0x804, &sp0, 8);
	cpu_set_eflags(c, 2);
	c->cpl = (uint8_t)k->cpl;
	c->seg[SEG_CS] = (struct segreg){ .limit = UINT32_MAX, .sel = (uint16_t)(8 | k->cpl), .attr = (uint16_t)(0xa09b | k->cpl << 5) };
	c->seg[SEG_SS] = (struct segreg){ .limit = UINT32_MAX, .sel = (uint16_t)(16 | k->cpl), .attr = (uint16_t)(0xc093 | k->cpl << 5) };
	c->seg[SEG_TR] = (struct segreg){ .base = GUEST_DATA + 0x800, .limit = 0x67, .sel = 0x18, .attr = 0x8b };
	c->seg[SEG_GS].base = GUEST_DATA + 0x10;
	c->kernel_gs_base = GUEST_DATA + 0x20;
	c->cr2 = 0x1234;
	c->tsc_aux = 0x4321;
	c->cr4 = (c->cr4 & ~(CR4_BASES | CR4_NO_TSC)) | k->cr4;
	c->regs[RAX] = k->rax;
	c->regs[RSI] = GUEST_DATA + 0x40;
	c->regs[RDI] = GUEST_DATA + 0x90;
	c->regs[RSP] = GUEST_STACK;
	cpu_set_eflags(c, k->flags | 2);
	cpu_update_mode(c);
	guest_load(g, GUEST_CODE + k->len, end, sizeof end);
	out->exit = guest_run(g, GUEST_CODE);
	out->vector = guest_vector(g);
	out->flags = cpu_get_eflags(c) & ~(uint32_t)FL_ARITH;   /* a fault may find these dead */
	out->rip = c->rip;
	out->cr2 = c->cr2;
	out->gs = c->seg[SEG_GS].base;
	memcpy(out->regs, c->regs, sizeof out->regs);
	memcpy(out->data, g->mem + GUEST_DATA, sizeof out->data);
	memcpy(out->pushed, g->mem + c->regs[RSP], sizeof out->pushed);
	out->pushed[out->vector == EXC_GP || out->vector == EXC_PF ? 3 : 2] &= ~(uint64_t)FL_ARITH;
}

/* Translated code leaves what the interpreter leaves, with what is common, with what is refused, and at CPL 3. */
static void each_as_interpreted(void **state)
{
	struct guest *interp = guest_new(GUEST_LONG64), *jit = *state;
	struct piece_end want, got;
	guest_map(interp, FAR_UP, FRAMES, true, true);
	guest_map(jit, FAR_UP, FRAMES, true, true);
	for (size_t k = 0; k < sizeof pieces / sizeof pieces[0]; k++) {
		memset(&want, 0, sizeof want), memset(&got, 0, sizeof got);
		guest_load(interp, GUEST_CODE, pieces[k].code, pieces[k].len);
		guest_load(jit, GUEST_CODE, pieces[k].code, pieces[k].len);
		run_piece(interp, &pieces[k], &want);
		assert_int_equal(want.exit, CPUEXIT_HALT);
		assert_true(want.vector >= 0);
		for (int round = 0; round < 4; round++) {
			run_piece(jit, &pieces[k], &got);
			if (memcmp(&got, &want, sizeof want))
				fail_msg("%s: vector %d, not %d; rdx %llx, not %llx; flags %x, not %x", pieces[k].name, got.vector, want.vector,
				         (unsigned long long)got.regs[RDX], (unsigned long long)want.regs[RDX], got.flags, want.flags);
		}
	}
	guest_free(interp);
}

/* ---- PAUSE --------------------------------------------------------------------------------------------------------------------------- */

/* Among several CPUs PAUSE is seen, translated or not, so that who waits for long lets others have the core. */
static void pause_is_seen_among_several(void **state)
{
	struct guest *g = *state;
	struct error err = { "" };
	guest_code(g, GUEST_CODE,
		0xb9, 0x88, 0x13, 0, 0,                         /* mov ecx, 5000 */
		0xf3, 0x90,                                     /* 1: pause */
		0x90,                                           /* nop */
		0xff, 0xc9,                                     /* dec ecx */
		0x75, 0xf9,                                     /* jnz 1b */
		0xf4);
	assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
	struct cpu *other = cpu_create(g->m, 1, "max", &err);
	assert_non_null(other);
	cpu_reset(other);
	g->m->cpus[1] = other;
	g->m->n_cpus = 2;
	engine_flush(g->c);                                     /* made anew: for several */
	uint32_t before = g->c->pauses;
	assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
	assert_int_equal(g->c->pauses - before, 5000);
	g->m->cpus[1] = NULL;
	g->m->n_cpus = 1;
	cpu_destroy(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(no_interrupt_directly_behind_sti), TEST(popf_lets_a_waiting_interrupt_in), TEST(an_instruction_in_two_pages_changes),
		TEST(invlpg_between_call_and_return), TEST(each_as_interpreted), TEST(pause_is_seen_among_several),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
