/* test_breakpoints.c - breakpoints, watchpoints and steps of the gdb server in tests/debug/walk.S, under each engine and with several CPUs. */
#include "tests/debug/walk.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct rsp r;
static const char *accel, *smp;         /* of the tests that are running */

static struct vm *start(void)
{
	struct vm *vm = walk_start(&r, accel, smp);
	walk_load(&r);
	return vm;
}

static void expect(const char *answer, const char *want)
{
	if (!answer || strcmp(answer, want))
		fail_msg("%s instead of %s", answer ? answer : "the end", want);
}
static void expect_rip(uint64_t want) { assert_int_equal(rsp_register(&r, REG_RIP), want); }
static void step(void) { expect(rsp_ask(&r, "vCont;s:1"), "T05thread:01;"); }

/* Let CPU 0 run until it is hot. */
static void run_long(struct vm *vm)
{
	uint64_t n = rsp_memory(&r, WALK_COUNTER, 8) + 20000;
	rsp_send(&r, "c");
	walk_wait_word(vm, WALK_COUNTER, n);
	rsp_raw(&r, "\003", 1);
	assert_memory_equal(rsp_receive(&r), "T02", 3);
}

/* In each mode a place is found, again and again, and everything before it has been done just as often. */
static void code(void **state)
{
	struct vm *vm = start();

	RSP_OK(&r, "Z1,%x,1", WALK_REAL_MODE);
	RSP_OK(&r, "Z0,%x,1", WALK_PROT32);
	RSP_OK(&r, "Z0,%x,1", WALK_LONG64);
	rsp_want(&r, "qSupported:swbreak+;hwbreak+", "PacketSize=4000;qXfer:features:read+;vContSupported+;multiprocess+;QStartNoAckMode+;swbreak+;hwbreak+");
	expect(rsp_ask(&r, "c"), "T05thread:01;hwbreak:;");
	expect_rip(WALK_REAL_MODE);
	assert_int_equal(rsp_memory(&r, WALK_COUNTER16, 2), 0);
	expect(rsp_ask(&r, "c"), "T05thread:01;hwbreak:;");     /* it is still there */
	step();
	assert_int_equal(rsp_memory(&r, WALK_COUNTER16, 2), 1);
	expect(rsp_ask(&r, "c"), "T05thread:01;swbreak:;");
	expect_rip(WALK_PROT32);
	step();
	expect(rsp_ask(&r, "c"), "T05thread:01;swbreak:;");
	expect_rip(WALK_LONG64);
	RSP_OK(&r, "z0,%x,1", WALK_LONG64);
	rsp_want(&r, "qSupported:x", "PacketSize=4000;qXfer:features:read+;vContSupported+;multiprocess+;QStartNoAckMode+");
	walk_to(&r, WALK_MAIN);
	RSP_OK(&r, "z1,%x,1", WALK_REAL_MODE);
	RSP_OK(&r, "z0,%x,1", WALK_PROT32);
	/* many of them, also where nothing is, and in the middle of an instruction */
	for (unsigned n = 0; n < 300; n++)
		RSP_OK(&r, "Z0,%x,1", 0x9000 + n * 0x123);
	RSP_OK(&r, "Z0,%x,1", WALK_PATCHED + 2);
	run_long(vm);
	uint64_t count = rsp_memory(&r, WALK_COUNTER, 8);
	RSP_OK(&r, "Z0,%x,1", WALK_WORK);
	RSP_OK(&r, "Z0,%x,1", WALK_WORK_END);
	for (unsigned n = 0; n < 20; n++) {
		uint64_t last = count;
		expect(rsp_ask(&r, "c"), "T05thread:01;");
		uint64_t at = rsp_register(&r, REG_RIP);
		count = rsp_memory(&r, WALK_COUNTER, 8);
		assert_true(at == WALK_WORK || at == WALK_WORK_END);
		assert_true(n == 0 || count == last + (at == WALK_WORK_END));
		step();
	}
	/* with the breakpoints gone it runs as fast as before */
	RSP_OK(&r, "z0,%x,1", WALK_WORK);
	RSP_OK(&r, "z0,%x,1", WALK_WORK_END);
	run_long(vm);
	walk_end(vm, &r);
}

/* A breakpoint is at an address, not at a byte of memory: the same byte lies at two. */
static void two_addresses_of_a_byte(void **state)
{
	struct vm *vm = start();

	walk_to(&r, WALK_MAIN);
	RSP_OK(&r, "Z0,%llx,1", (unsigned long long)WALK_HIGH + WALK_WORK);     /* runs at the low address only */
	RSP_OK(&r, "Z0,%x,1", WALK_HIGH_WORK);                                  /* runs at the high one only */
	run_long(vm);
	RSP_OK(&r, "Z0,%llx,1", (unsigned long long)WALK_HIGH + WALK_HIGH_WORK);
	uint64_t count = 0;
	for (unsigned n = 0; n < 10; n++) {
		expect(rsp_ask(&r, "c"), "T05thread:01;");
		expect_rip(WALK_HIGH + WALK_HIGH_WORK);
		uint64_t now = rsp_memory(&r, WALK_HIGH_COUNTER, 8);
		assert_true(n == 0 || now == count + 1);
		assert_int_equal(rsp_memory(&r, WALK_COUNTER, 8), now + 1);
		count = now;
		step();
	}
	walk_end(vm, &r);
}

/* Breakpoints on code that is written all the time; code that the debugger writes. */
static void code_that_changes(void **state)
{
	struct vm *vm = start();

	walk_to(&r, WALK_MAIN);
	run_long(vm);
	RSP_OK(&r, "Z0,%x,1", WALK_PATCHED);
	for (unsigned n = 0; n < 10; n++) {
		expect(rsp_ask(&r, "c"), "T05thread:01;");
		expect_rip(WALK_PATCHED);
		uint64_t imm = rsp_memory(&r, WALK_PATCHED + 1, 4);
		assert_int_equal(imm, rsp_memory(&r, WALK_SEEN, 4) + 1);
		step();
		assert_int_equal(rsp_register(&r, REG_RAX), imm);
	}
	RSP_OK(&r, "z0,%x,1", WALK_PATCHED);
	/* work_end: ret becomes inc qword [input]; ret over what follows, put back later */
	run_long(vm);
	walk_to(&r, WALK_WORK_END);
	char old[64];
	snprintf(old, sizeof(old), "%s", rsp_ask(&r, "m%x,9", WALK_WORK));
	uint64_t input = rsp_memory(&r, WALK_INPUT, 8);
	RSP_OK(&r, "M%x,8:48ff042518060000", WALK_WORK);        /* incq counter -> incq input */
	uint64_t count = rsp_memory(&r, WALK_COUNTER, 8);
	for (unsigned n = 1; n < 4; n++) {
		walk_to(&r, WALK_WORK);
		walk_to(&r, WALK_WORK_END);
		assert_int_equal(rsp_memory(&r, WALK_INPUT, 8), input + n);
	}
	assert_int_equal(rsp_memory(&r, WALK_COUNTER, 8), count);
	RSP_OK(&r, "M%x,9:%s", WALK_WORK, old);
	run_long(vm);
	walk_end(vm, &r);
}

/* Watchpoints stop right after the instruction, and only for what they watch. */
static void data(void **state)
{
	struct vm *vm = start();

	walk_to(&r, WALK_MAIN);
	run_long(vm);
	walk_to(&r, WALK_WORK);
	uint64_t count = rsp_memory(&r, WALK_COUNTER, 8);
	RSP_OK(&r, "Z2,%x,8", WALK_COUNTER);
	for (unsigned n = 1; n < 6; n++) {
		expect(rsp_ask(&r, "c"), "T05thread:01;watch:608;");
		expect_rip(WALK_WORK + 8);
		assert_int_equal(rsp_memory(&r, WALK_COUNTER, 8), count + n);
	}
	RSP_OK(&r, "z2,%x,8", WALK_COUNTER);
	/* reads: not the write that the same instruction also makes is told, but the access */
	RSP_OK(&r, "Z3,%x,1", WALK_INPUT + 7);
	expect(rsp_ask(&r, "c"), "T05thread:01;rwatch:61f;");
	expect_rip(WALK_WORK + 32);
	RSP_OK(&r, "z3,%x,1", WALK_INPUT + 7);
	RSP_OK(&r, "Z4,%x,2", WALK_COPY + 6);
	expect(rsp_ask(&r, "c"), "T05thread:01;awatch:616;");
	expect_rip(WALK_WORK + 24);
	RSP_OK(&r, "z4,%x,2", WALK_COPY + 6);
	/* the ninth byte of a repeated store */
	RSP_OK(&r, "Z2,%x,1", WALK_BUFFER + 8);
	for (unsigned n = 0; n < 3; n++) {
		expect(rsp_ask(&r, "c"), "T05thread:01;watch:628;");
		expect_rip(WALK_WORK_END - 2);
		assert_int_equal(rsp_register(&r, REG_RCX), 7);
	}
	RSP_OK(&r, "z2,%x,1", WALK_BUFFER + 8);
	/* a read watchpoint is not hit by writes; neighbours on the page do not count; a step can hit one too */
	RSP_OK(&r, "Z3,%x,4", WALK_SEEN);
	RSP_OK(&r, "Z2,%x,8", 0x700);
	RSP_OK(&r, "Z2,%x,1000", 0x8000);
	run_long(vm);
	RSP_OK(&r, "z3,%x,4", WALK_SEEN);
	walk_to(&r, WALK_WORK);
	RSP_OK(&r, "Z4,%x,1", WALK_COUNTER);
	expect(rsp_ask(&r, "vCont;s:1"), "T05thread:01;awatch:608;");
	RSP_OK(&r, "z4,%x,1", WALK_COUNTER);
	/* the stack: a call's push */
	RSP_OK(&r, "Z2,%x,8", 0x7bf8);
	expect(rsp_ask(&r, "c"), "T05thread:01;watch:7bf8;");
	expect_rip(WALK_PATCH);
	walk_end(vm, &r);
}

/* int3 and the debug registers belong to the guest. */
static void traps_of_the_guest(void **state)
{
	struct vm *vm = start();

	walk_to(&r, WALK_MAIN);
	RSP_OK(&r, "Z0,%x,1", WALK_DR_TARGET);
	RSP_OK(&r, "Z2,%x,4", WALK_DB_COUNT);
	for (unsigned n = 1; n < 4; n++) {
		rsp_poke(&r, WALK_WANT_TRAPS, 1, 1);
		expect(rsp_ask(&r, "c"), "T05thread:01;");              /* ours comes first */
		expect_rip(WALK_DR_TARGET);
		assert_int_equal(rsp_memory(&r, WALK_INT3_COUNT, 4), n);
		RSP_OK(&r, "z0,%x,1", WALK_DR_TARGET);
		expect(rsp_ask(&r, "c"), "T05thread:01;watch:638;");    /* then the guest's handler counts */
		assert_int_equal(rsp_memory(&r, WALK_DB_COUNT, 4), n);
		RSP_OK(&r, "Z0,%x,1", WALK_DR_TARGET);
		if (n == 2)                                             /* both at once: it returns with RF set, ours hits again */
			expect(rsp_ask(&r, "c"), "T05thread:01;");
		RSP_OK(&r, "z0,%x,1", WALK_DR_TARGET);
		walk_to(&r, WALK_WORK);
		assert_int_equal(rsp_memory(&r, WALK_DB_COUNT, 4), n);
		assert_int_equal(rsp_memory(&r, WALK_WANT_TRAPS, 1), 0);
		RSP_OK(&r, "Z0,%x,1", WALK_DR_TARGET);
	}
	walk_end(vm, &r);
}

/* Single instructions, and ranges of them. */
static void steps(void **state)
{
	static const uint16_t in_work[] = { 0, 8, 16, 24, 32, 37, 42 };
	struct vm *vm = start();

	/* through the changes of mode */
	for (unsigned n = 0; n < 200 && rsp_register(&r, REG_RIP) != WALK_PROT32; n++)
		step();
	expect_rip(WALK_PROT32);
	walk_to(&r, WALK_MAIN);
	step();
	for (unsigned n = 0; n < sizeof(in_work) / sizeof(in_work[0]); n++) {
		expect_rip((uint64_t)WALK_WORK + in_work[n]);
		step();
	}
	for (unsigned n = 15; n > 0; n--) {                             /* each element of rep stosb */
		expect_rip(WALK_WORK_END - 2);
		assert_int_equal(rsp_register(&r, REG_RCX), n);
		step();
	}
	expect_rip(WALK_WORK_END);
	assert_int_equal(rsp_register(&r, REG_EFLAGS) & 0x100, 0);      /* no TF */
	/* a range ends where it is left, or at a breakpoint */
	walk_to(&r, WALK_WORK);
	expect(rsp_ask(&r, "vCont;r%x,%x:1", WALK_WORK, WALK_WORK_END), "T05thread:01;");
	expect_rip(WALK_WORK_END);
	walk_to(&r, WALK_WORK);
	RSP_OK(&r, "Z0,%x,1", WALK_WORK + 24);
	RSP_OK(&r, "Z0,%x,1", WALK_WORK);
	expect(rsp_ask(&r, "vCont;r%x,%x:1", WALK_WORK, WALK_WORK_END), "T05thread:01;");
	expect_rip(WALK_WORK + 24);
	/* over hlt, with interrupts off: the CPU sleeps from then on, and ^C ends the next step */
	RSP_OK(&r, "z0,%x,1", WALK_WORK + 24);
	RSP_OK(&r, "z0,%x,1", WALK_WORK);
	rsp_poke(&r, WALK_WANT_HALT, 1, 1);
	walk_to(&r, WALK_HALTING);
	step();
	expect_rip(WALK_HALTING + 1);
	rsp_send(&r, "vCont;s:1");
	assert_true(rsp_quiet(&r, 100));
	rsp_raw(&r, "\003", 1);
	expect(rsp_receive(&r), "T02thread:01;");
	walk_end(vm, &r);
}

/* Of several CPUs those that are named run; the others stand still. */
static void several_cpus(void **state)
{
	struct vm *vm;

	smp = "3";
	vm = start();
	walk_to(&r, WALK_MAIN);
	rsp_want(&r, "qfThreadInfo", "m01,02,03");
	/* only the second, which waits to be started: nothing happens until ^C */
	RSP_OK(&r, "Z2,%x,8", WALK_COUNTER);
	rsp_send(&r, "vCont;c:2");
	assert_true(rsp_quiet(&r, 100));
	rsp_raw(&r, "\003", 1);
	expect(rsp_receive(&r), "T02thread:01;");
	expect_rip(WALK_MAIN);
	/* the second steps for ever, the first runs into the watchpoint */
	expect(rsp_ask(&r, "vCont;s:2;c"), "T05thread:01;watch:608;");
	expect(rsp_ask(&r, "vCont;s:1"), "T05thread:01;");
	RSP_OK(&r, "z2,%x,8", WALK_COUNTER);
	/* all of them start, and come to the loop one after the other */
	RSP_OK(&r, "M6000,5:ea007c0000");                       /* ljmp 0:7c00 */
	walk_to(&r, WALK_MAIN);
	rsp_set_register(&r, REG_RIP, WALK_START_CPUS, 8);
	for (unsigned n = 2; n < 4; n++) {
		char want[32];
		snprintf(want, sizeof(want), "T05thread:%02x;", n);
		RSP_OK(&r, "Z0,%x,1", WALK_MAIN);
		expect(rsp_ask(&r, "vCont;c:1"), "T05thread:01;");
		RSP_OK(&r, "z0,%x,1", WALK_MAIN);
		step();
		RSP_OK(&r, "Z0,%x,1", WALK_MAIN);
		expect(rsp_ask(&r, "vCont;c:%x", n), want);
		RSP_OK(&r, "z0,%x,1", WALK_MAIN);
		RSP_OK(&r, "Hg1");
	}
	/* one steps, the others do not move */
	RSP_OK(&r, "Hg3");
	expect(rsp_ask(&r, "vCont;s:2"), "T05thread:02;");
	expect_rip(WALK_WORK);
	RSP_OK(&r, "Hg3");
	expect_rip(WALK_MAIN);
	/* all run into the same places: each is told of once, and each CPU gets its turn */
	unsigned told[4] = { 0 };
	RSP_OK(&r, "Z2,%x,8", WALK_COUNTER);
	for (unsigned n = 0; n < 2000 && (n < 50 || !told[1] || !told[2] || !told[3]); n++) {
		const char *a = rsp_ask(&r, "c");
		unsigned cpu = a[11] & 3;
		assert_non_null(strstr(a, ";watch:608;"));
		told[cpu]++;
		expect_rip(WALK_WORK + 8);
	}
	assert_true(told[1] && told[2] && told[3]);
	RSP_OK(&r, "z2,%x,8", WALK_COUNTER);
	run_long(vm);
	walk_end(vm, &r);
}

static const char *const engines[] = { "interp", "jit" };
static int use_interp(void **state) { accel = engines[0]; smp = "1"; return 0; }
static int use_jit(void **state) { accel = engines[1]; smp = "1"; return 0; }
static int use_jit_smp(void **state) { accel = engines[1]; smp = "2"; return 0; }

#define EACH(test) cmocka_unit_test_setup(test, use_interp), { #test " (jit)", test, use_jit, NULL, NULL }, { #test " (jit, two CPUs)", test, use_jit_smp, NULL, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = { EACH(code), EACH(two_addresses_of_a_byte), EACH(code_that_changes), EACH(data), EACH(traps_of_the_guest), EACH(steps),
		cmocka_unit_test_setup(several_cpus, use_interp) };
	return cmocka_run_group_tests(tests, walk_setup, walk_teardown);
}
