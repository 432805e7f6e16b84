/* test_kvm_lapic.c - each register of a local APIC goes into the kernel and comes back; timers go on where they were. */
#include "core/cpu/cpu.h"
#include "core/kvm/kvm.h"
#include "devices/chipset/lapic_priv.h"
#include "tests/dev/kvm_board.h"

static void there(struct machine *m)
{
	m->accel->resuming(m);
	assert_true(((struct kvm *)m->engine_data)->apics_in);
	assert_non_null(m->apic_engine);
}

static void and_back(struct machine *m)
{
	m->accel->parked(m);
	assert_false(((struct kvm *)m->engine_data)->apics_in);
	assert_null(m->apic_engine);
}

static void fill(struct lapic *l, bool x2)
{
	l->svr = SVR_ENABLE | 0xe5;
	l->tpr = 0x50;
	l->ldr = x2 ? l->ldr : 0x02000000;
	l->dfr = x2 ? UINT32_MAX : 0x0fffffff;
	for (unsigned n = 1; n < 8; n++) {
		l->irr[n] = 0x10u << n;
		l->isr[n] = n == 3 ? 0x200 : 0;
		l->tmr[n] = 0x10u << n & 0x500;
	}
	l->icr = x2 ? UINT64_C(0x0000000100004041) : UINT64_C(0x0100000000004041);
	for (unsigned n = 0; n < LVT_COUNT; n++)
		l->lvt[n] = 0x40 + n;
	l->lvt[LVT_LINT0] = 0x700;
	l->lvt[LVT_LINT1] = 0x400;
	l->divide = 0x9;
}

/* Fields that the page does not carry stay as they are. */
static void same(const struct lapic *l, const struct lapic *was)
{
#define SAME(f) assert_memory_equal(&l->f, &was->f, sizeof l->f)
	SAME(base); SAME(id); SAME(tpr); SAME(ldr); SAME(dfr); SAME(svr); SAME(isr); SAME(tmr); SAME(irr); SAME(esr); SAME(icr); SAME(lvt); SAME(divide);
#undef SAME
}

static void every_register(void **state)
{
	for (int x2 = 0; x2 < 2; x2++) {
		struct machine *m = kvm_board_new(2);
		for (unsigned n = 0; n < 2; n++) {
			struct lapic *l = lapic_of(m->lapics[n]), *was = malloc(sizeof *was);
			assert_non_null(was);
			if (x2)
				assert_true(lapic_wrmsr(m->lapics[n], 0x1b, l->base | BASE_EXTD));
			fill(l, x2);
			memcpy(was, l, sizeof *l);
			there(m);
			l->svr = l->dfr = l->tpr = 0;
			l->icr = 0;
			l->divide = 0;
			memset(l->irr, 0, sizeof l->irr);
			memset(l->lvt, 0, sizeof l->lvt);
			and_back(m);
			same(l, was);
			free(was);
		}
		board_free(m);
	}
}

/* The clock of this board stands still; the kernel's does not. */
static void timers(void **state)
{
	struct machine *m = kvm_board_new(2);
	struct lapic *l = lapic_of(m->lapics[0]);

	l->svr = SVR_ENABLE | 0xff;
	l->lvt[LVT_TIMER] = 0x41;
	lapic_timer_divide(l, 0xb);
	lapic_timer_start(l, UINT32_C(4000000000));             /* one-shot, four seconds */
	there(m);
	assert_false(timer_pending(&l->timer));
	and_back(m);
	assert_true(timer_pending(&l->timer));
	assert_true(l->counting);
	assert_int_equal(l->initial_count, UINT32_C(4000000000));
	uint32_t left = lapic_timer_count(l);
	assert_true(left < UINT32_C(4000000000) && left > 0);
	there(m);
	and_back(m);
	assert_true(lapic_timer_count(l) < left);
	/* over: it does not end again */
	l->counting = false;
	l->timer_start = 0;
	clock_set(&m->clock, clock_now(&m->clock) + 5 * NS_PER_SEC);
	there(m);
	and_back(m);
	assert_false(l->counting);
	assert_int_equal(l->irr[2], 0);
	assert_int_equal(l->initial_count, UINT32_C(4000000000));
	l->lvt[LVT_TIMER] = 0x20041;
	lapic_timer_start(l, UINT32_C(3000000000));
	there(m);
	and_back(m);
	assert_int_equal(l->initial_count, UINT32_C(3000000000));
	assert_int_equal(lapic_timer_mode(l), TIMER_PERIODIC);
	assert_true(timer_pending(&l->timer));
	board_free(m);
}

/* While they are away: the 8259's level is shown to the CPU, messages go to the kernel, and what they did is seen afterwards. */
static void messages(void **state)
{
	struct machine *m = kvm_board_new(2);
	struct lapic *l = lapic_of(m->lapics[0]), *second = lapic_of(m->lapics[1]);

	for (unsigned n = 0; n < 2; n++)
		lapic_of(m->lapics[n])->svr = SVR_ENABLE | 0xff;
	there(m);
	assert_true(apic_send(m, &(struct apic_message){ .dest = 1, .mode = APIC_FIXED, .vector = 0x51 }));
	apic_msi(m, 0xfee00000u | 0 << 12, 0x52);
	assert_false(apic_send(m, &(struct apic_message){ .dest = 7, .mode = APIC_FIXED, .vector = 0x53 }));
	struct irq_line lint0 = lapic_lint(m->lapics[0], 0);
	irq_set(&lint0, 1);
	assert_true(atomic_load(&m->cpus[0]->exit_req) & REQ_INTR);
	irq_set(&lint0, 0);
	assert_false(atomic_load(&m->cpus[0]->exit_req) & REQ_INTR);
	assert_int_equal(lapic_ack(m->lapics[0]), -1);
	/* an instruction of the interpreter reaches for its APIC */
	m->io_cpu = m->cpus[0];
	assert_int_equal(peek32(m, 0xfee00020), 0);
	poke32(m, 0xfee00080, 0x60);
	poke32(m, 0xfee00310, 0x01000000);
	poke32(m, 0xfee00300, 0x54);
	m->io_cpu = NULL;
	and_back(m);
	assert_int_equal(second->irr[2], 1u << 0x11 | 1u << 0x14);
	assert_int_equal(l->irr[2], 1u << 0x12);
	assert_int_equal(l->tpr, 0x60);
	board_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_register), cmocka_unit_test(timers), cmocka_unit_test(messages) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
