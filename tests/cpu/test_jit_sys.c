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
		TEST(invlpg_between_call_and_return), TEST(pause_is_seen_among_several),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
