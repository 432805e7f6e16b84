/* test_kvm_settle.c - what a local APIC of the kernel has under way when the machine stops: it is neither lost nor told twice.
 *
 * The guest is a page of real mode, which reaches its APIC by the MSRs of x2APIC mode. */
#include "core/cpu/cpu.h"
#include "core/cpu/cpuid.h"
#include "core/kvm/kvm.h"
#include "devices/chipset/ioapic.h"
#include "devices/chipset/lapic_priv.h"
#include "tests/dev/kvm_board.h"
#include <stdio.h>
#include <time.h>

enum { CODE = 0x1000, STACK = 0x7000, V_TIMER = 0x41, V_LEVEL = 0x52, V_PIC = 0x60, PATIENCE_S = 60 };
/* What the guest counts, and what it is asked; see the code. */
enum { STARTED = 0x500, ENDED = 0x504, WRONG = 0x508, TIMES = 0x50c, LEVELS = 0x510, MAY_END = 0x514, MESSAGES = 0x518, WINDOWS = 0x51c };

__asm__(".pushsection .rodata\n"
	".code16\n"
	"settle_timer:\n"               /* start a count, wait for its end, TIMES times; then sleep */
	"1:	incl	0x500\n"
	"	movl	$0x838, %ecx\n"
	"	movl	$100000, %eax\n"
	"	xorl	%edx, %edx\n"
	"	wrmsr\n"
	"2:	cli\n"
	"	movl	0x504, %eax\n"
	"	cmpl	0x500, %eax\n"
	"	jae	3f\n"
	"	sti\n"
	"	hlt\n"
	"	jmp	2b\n"
	"3:	sti\n"
	"	je	4f\n"
	"	incl	0x508\n"
	"4:	cmpl	0x50c, %eax\n"
	"	jb	1b\n"
	"5:	hlt\n"
	"	jmp	5b\n"
	"settle_window:\n"              /* interrupts are off but for an instruction */
	"	cli\n"
	"	movw	$100, %cx\n"
	"6:	loop	6b\n"
	"	incl	0x51c\n"
	"	sti\n"
	"	nop\n"
	"	jmp	settle_window\n"
	"settle_tick:\n"
	"	incl	%cs:0x504\n"
	"settle_end:\n"
	"	pushal\n"
	"	movl	$0x80b, %ecx\n"
	"	xorl	%eax, %eax\n"
	"	xorl	%edx, %edx\n"
	"	wrmsr\n"
	"	popal\n"
	"	iret\n"
	"settle_level:\n"
	"	incl	0x510\n"
	"7:	cmpl	$0, 0x514\n"
	"	je	7b\n"
	"	jmp	settle_end\n"
	"settle_message:\n"
	"	incl	0x518\n"
	"	iret\n"
	"settle_last:\n"
	".code64\n"
	".popsection\n");
extern const char settle_timer[], settle_window[], settle_tick[], settle_level[], settle_message[], settle_last[];

static uint32_t address(const char *at) { return (uint32_t)(CODE + (at - settle_timer)); }

/* CPU 0 is about to run the code from `start` on, with its APIC as a system has it. */
static struct lapic *prepare(struct machine *m, const char *start)
{
	static const uint32_t zero[8] = { 0 };
	struct cpu *c = m->cpus[0];
	struct lapic *l = lapic_of(m->lapics[0]);

	assert_true(space_write_buf(&m->mem, CODE, settle_timer, (size_t)(settle_last - settle_timer)));
	assert_true(space_write_buf(&m->mem, STARTED, zero, sizeof zero));
	poke32(m, 4 * V_TIMER, address(settle_tick));
	poke32(m, 4 * V_LEVEL, address(settle_level));
	for (unsigned n = 0; n < 8; n++)
		poke32(m, 4 * (V_PIC + n), address(settle_message));
	c->seg[SEG_CS].sel = 0;
	c->seg[SEG_CS].base = 0;
	c->rip = address(start);
	c->regs[RSP] = STACK;
	c->eflags_sys |= FL_IF;
	cpu_update_mode(c);
	assert_true(lapic_wrmsr(m->lapics[0], 0x1b, l->base | BASE_EXTD));
	l->svr = SVR_ENABLE | 0xff;
	l->lvt[LVT_TIMER] = V_TIMER;
	lapic_timer_divide(l, 0xb);
	return l;
}

static void begin(struct machine *m)
{
	struct error err = { "" };

	if (!m->accel->start_vcpus(m, &err))
		fail_msg("%s", err.msg);
	machine_start(m);
}

static void end(struct machine *m)
{
	machine_stop(m, RUN_PAUSED);
	m->accel->stop_vcpus(m);
	board_free(m);
}

/* Let the machine run for a moment. */
static void leave(struct machine *m, long ns)
{
	machine_unlock(m);
	nanosleep(&(struct timespec){ .tv_nsec = ns }, NULL);
	machine_lock(m);
}

static void until(struct machine *m, uint64_t address, uint32_t least)
{
	for (time_t to = time(NULL) + PATIENCE_S; peek32(m, address) < least;) {
		if (time(NULL) > to)
			fail_msg("%#x has come to %u only, not to %u", (unsigned)address, peek32(m, address), least);
		leave(m, 1000000);
	}
}

static void stop_and_go(struct machine *m)
{
	machine_stop(m, RUN_PAUSED);
	machine_start(m);
}

/* ---- the timer ---- */

static void told_once(void **state)
{
	struct machine *m = kvm_board_new(1);
	struct lapic *l = prepare(m, settle_timer);

	poke32(m, TIMES, 1);
	begin(m);
	until(m, ENDED, 1);
	for (unsigned n = 0; n < 20; n++) {
		stop_and_go(m);
		leave(m, 2000000);
		assert_int_equal(peek32(m, ENDED), 1);
	}
	machine_stop(m, RUN_PAUSED);
	assert_false(l->counting);
	machine_start(m);
	end(m);
}

/* Stopped at any time: no end is lost, or the guest would wait for ever, and none comes twice. */
static void each_end(void **state)
{
	struct machine *m = kvm_board_new(1);

	prepare(m, settle_timer);
	poke32(m, TIMES, 400);
	begin(m);
	for (unsigned n = 0; peek32(m, ENDED) < 400 && n < 20000; n++) {
		stop_and_go(m);
		leave(m, 20000 + n % 17 * 10000);
	}
	until(m, ENDED, 400);
	assert_int_equal(peek32(m, WRONG), 0);
	assert_int_equal(peek32(m, ENDED), 400);
	end(m);
}

/* A deadline that was given to the kernel, of a CPU that was stopped before it ran. */
static void deadline(void **state)
{
	struct machine *m = kvm_board_new(1);
	struct lapic *l = prepare(m, settle_timer);

	l->lvt[LVT_TIMER] = V_TIMER | TIMER_TSC_DEADLINE << 17;
	l->tsc_deadline = UINT64_C(1) << 50;
	m->accel->resuming(m);
	m->accel->parked(m);
	assert_int_equal(l->tsc_deadline, UINT64_C(1) << 50);
	/* and one that another engine has seen the end of is none there either */
	uint64_t now, soon = 0;
	for (unsigned n = 0; n < 3; n++) {
		m->accel->resuming(m);
		assert_true(kvm_load(m->cpus[0]));
		do
			assert_true(kvm_msr(m->cpus[0], 0x10, &now, false));
		while (n == 2 && now < soon);
		kvm_sync(m->cpus[0]);
		m->accel->parked(m);
		l->irr[V_TIMER / 32] = n == 2 ? l->irr[V_TIMER / 32] : 0;
		soon = n ? soon : now + TSC_HZ / 50;
		l->tsc_deadline = n ? 0 : soon;
	}
	assert_int_equal(l->irr[V_TIMER / 32], 0);
	board_free(m);
}

/* ---- registers ---- */

static void whole_priority(void **state)
{
	struct machine *m = kvm_board_new(1);
	struct lapic *l = prepare(m, settle_timer);

	l->tpr = 0x5a;
	for (unsigned n = 0; n < 3; n++) {
		m->accel->resuming(m);
		assert_true(kvm_load(m->cpus[0]));
		kvm_sync(m->cpus[0]);
		assert_true(kvm_load(m->cpus[0]));
		kvm_sync(m->cpus[0]);
		m->accel->parked(m);
		assert_int_equal(l->tpr, 0x5a);
	}
	board_free(m);
}

/* An instruction of the interpreter sends to its own CPU: giving the APIC back does not undo it. */
static void sent_to_itself(void **state)
{
	struct machine *m = kvm_board_new(1);
	struct lapic *l = prepare(m, settle_timer);
	uint32_t irr = 0;

	m->accel->resuming(m);
	machine_unlock(m);
	assert_true(m->cpus[0]->apic_ops->wrmsr(l, 0x83f, V_LEVEL));
	assert_true(m->cpus[0]->apic_ops->wrmsr(l, 0x830, 0x40000 | (V_LEVEL + 1)));
	assert_true(m->cpus[0]->apic_ops->wrmsr(l, 0x830, V_LEVEL + 2));
	machine_lock(m);
	m->accel->parked(m);
	for (unsigned n = 0; n < 3; n++)
		irr |= 1u << (V_LEVEL + n) % 32;
	assert_int_equal(l->irr[V_LEVEL / 32], irr);
	board_free(m);
}

/* ---- messages ---- */

/* INIT and start-up reach a CPU that ran, after its registers were taken out: they are seen. */
static void started_anew(void **state)
{
	struct machine *m = kvm_board_new(2);
	struct cpu *c = m->cpus[1];

	for (unsigned n = 0; n < 2; n++) {
		struct apic_message init = { .dest = 1, .mode = APIC_INIT }, sipi = { .dest = 1, .mode = APIC_STARTUP, .vector = 0x12 };
		c->run_state = n ? CPU_HALTED : CPU_RUNNING;
		c->seg[SEG_CS].sel = 0;
		c->seg[SEG_CS].base = 0;
		c->rip = CODE;
		m->accel->resuming(m);
		assert_true(kvm_load(c));
		kvm_sync(c);
		assert_int_equal(c->rip, CODE);
		assert_true(apic_send(m, &init));
		assert_true(apic_send(m, &sipi));
		m->accel->parked(m);
		assert_int_equal(c->run_state, CPU_RUNNING);
		assert_int_equal(c->seg[SEG_CS].sel, 0x1200);
		assert_int_equal(c->rip, 0);
	}
	board_free(m);
}

static bool remote_irr(struct machine *m, unsigned pin)
{
	poke32(m, 0xfec00000, 0x10 + 2 * pin);
	return peek32(m, 0xfec00010) >> 14 & 1;
}

static void set_entry(struct machine *m, unsigned pin, uint32_t low)
{
	poke32(m, 0xfec00000, 0x11 + 2 * pin);
	poke32(m, 0xfec00010, 0);
	poke32(m, 0xfec00000, 0x10 + 2 * pin);
	poke32(m, 0xfec00010, low);
}

/* As systems do whose handlers are threads: the pin is masked before the interrupt ends. */
static void level_masked_meanwhile(void **state)
{
	struct machine *m = kvm_board_new(1);
	struct irq_line pin = ioapic_input(m->ioapic, 20);

	prepare(m, settle_timer);
	poke32(m, TIMES, UINT32_MAX);
	begin(m);
	for (uint32_t n = 1; n <= 3; n++) {
		poke32(m, MAY_END, 0);
		set_entry(m, 20, 0x8000 | V_LEVEL);
		irq_set(&pin, 1);
		until(m, LEVELS, n);
		assert_true(remote_irr(m, 20));
		set_entry(m, 20, 0x18000 | V_LEVEL);
		irq_set(&pin, 0);
		poke32(m, MAY_END, 1);
		for (time_t to = time(NULL) + PATIENCE_S; remote_irr(m, 20); leave(m, 1000000))
			if (time(NULL) > to)
				fail_msg("the end of the interrupt was not told");
	}
	end(m);
}

static void level_ends(struct machine *m)
{
	machine_unlock(m);
	kvm_level_ends(m->cpus[0], V_LEVEL);
	machine_lock(m);
}

/* "Directed EOIs": software that ends it at the I/O APIC itself. */
static void directed_end(void **state)
{
	struct machine *m = kvm_board_new(1);
	struct lapic *l = prepare(m, settle_timer);
	struct irq_line pin = ioapic_input(m->ioapic, 20);

	set_entry(m, 20, 0x8000 | V_LEVEL);
	l->svr |= SVR_NO_BROADCAST;
	m->accel->resuming(m);
	irq_set(&pin, 1);
	irq_set(&pin, 0);
	assert_true(remote_irr(m, 20));
	level_ends(m);
	assert_true(remote_irr(m, 20));
	poke32(m, 0xfec00040, V_LEVEL);
	assert_false(remote_irr(m, 20));
	m->accel->parked(m);
	l->svr &= ~(uint32_t)SVR_NO_BROADCAST;
	m->accel->resuming(m);
	irq_set(&pin, 1);
	irq_set(&pin, 0);
	level_ends(m);
	assert_false(remote_irr(m, 20));
	m->accel->parked(m);
	board_free(m);
}

/* Delivery mode 111b of the I/O APIC, while LINT0 is masked: the 8259 is asked for the vector when the CPU takes it.  An SMI is nothing here. */
static void extint_and_smi(void **state)
{
	struct machine *m = kvm_board_new(1);
	struct irq_line pin = ioapic_input(m->ioapic, 20);

	prepare(m, settle_window);
	out8(m, 0x20, 0x11);
	out8(m, 0x21, V_PIC);
	out8(m, 0x21, 4);
	out8(m, 0x21, 1);
	set_entry(m, 20, 0x700);
	begin(m);
	for (uint32_t n = 1; n <= 5; n++) {
		until(m, WINDOWS, peek32(m, WINDOWS) + 1);
		irq_pulse(&pin);
		until(m, MESSAGES, n);
	}
	set_entry(m, 20, 0x200);
	irq_pulse(&pin);
	until(m, WINDOWS, peek32(m, WINDOWS) + 10);
	assert_int_equal(peek32(m, MESSAGES), 5);
	end(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(told_once), cmocka_unit_test(each_end), cmocka_unit_test(deadline), cmocka_unit_test(whole_priority),
		cmocka_unit_test(sent_to_itself), cmocka_unit_test(started_anew), cmocka_unit_test(level_masked_meanwhile), cmocka_unit_test(directed_end),
		cmocka_unit_test(extint_and_smi) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
