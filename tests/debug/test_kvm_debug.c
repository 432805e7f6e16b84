/* test_kvm_debug.c - the debugger and the monitor on a machine that runs under KVM: breakpoints in the processor's debug registers, watchpoints, steps,
 * engines that take turns in one guest, clocks that stand still with the machine.  All in real mode, which a KVM that only emulates has, too. */
#include "core/kvm/kvm.h"
#include "tests/debug/walk.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

/* Two counters, and the time stamp counter. */
enum { START = 0x7c00, SECOND = 0x7c05, JUMP = 0x7c15, LOOP_END = 0x7c17, FIRST_COUNT = 0x600, SECOND_COUNT = 0x608, TSC = 0x620 };
static const char code[] =
	"66ff060006"            /* 7c00: incl 600h */
	"66ff060806"            /* 7c05: incl 608h */
	"0f31"                  /* 7c0a: rdtsc */
	"66a32006"              /* 7c0c: mov [620h], eax */
	"6689162406"            /* 7c10: mov [624h], edx */
	"ebe9";                 /* 7c15: jmp 7c00 */

enum { REG_RDX = 3 };
static struct rsp r;

static bool refused(void)
{
	struct kvm_probe p;
	if (kvm_probe(&p) || p.mode[KVM_REAL] != KVM_REFUSES)
		return false;
	printf("# SKIP %s\n", p.why);
	return true;
}

static struct vm *start(const char *accel)
{
	struct vm *vm = walk_start(&r, accel, "1");
	RSP_OK(&r, "M%x,%x:%s", START, (unsigned)(sizeof code - 1) / 2, code);
	rsp_set_register(&r, REG_CS, 0, 4);
	rsp_set_register(&r, REG_RIP, START, 8);
	return vm;
}

static void expect(const char *answer, const char *want)
{
	if (!answer || strcmp(answer, want))
		fail_msg("%s instead of %s", answer ? answer : "the end", want);
}

static uint32_t count(uint64_t at) { return (uint32_t)rsp_memory(&r, at, 4); }

/* What `info kvm` says behind the words. */
static uint64_t said(struct vm *vm, const char *words)
{
	struct text t = { 0 };
	vm_monitor(vm, "info kvm", &t);
	const char *at = t.s ? strstr(t.s, words) : NULL;
	uint64_t n = at ? strtoull(at + strlen(words), NULL, 10) : UINT64_MAX;
	text_free(&t);
	return n;
}

static void run_a_while(struct vm *vm)
{
	uint32_t n = count(FIRST_COUNT) + 200;
	rsp_send(&r, "c");
	walk_wait_word(vm, FIRST_COUNT, n);
	rsp_raw(&r, "\003", 1);
	assert_memory_equal(rsp_receive(&r), "T02", 3);
	uint64_t rip = rsp_register(&r, REG_RIP);
	assert_true(rip >= START && rip < LOOP_END);
	assert_int_equal(count(FIRST_COUNT), count(SECOND_COUNT) + (rip == SECOND));
}

static void breakpoints(void **state)
{
	if (refused())
		skip();
	struct vm *vm = start("kvm");
	RSP_OK(&r, "Z1,%x,1", SECOND);
	RSP_OK(&r, "Z0,%x,1", JUMP);
	RSP_OK(&r, "Z0,%x,1", LOOP_END + 1);                    /* never reached */
	for (unsigned n = 1; n < 6; n++) {
		expect(rsp_ask(&r, "c"), "T05thread:01;");
		assert_int_equal(rsp_register(&r, REG_RIP), SECOND);
		assert_int_equal(count(FIRST_COUNT), n);
		assert_int_equal(count(SECOND_COUNT), n - 1);
		expect(rsp_ask(&r, "vCont;s:1"), "T05thread:01;");
		assert_int_equal(rsp_register(&r, REG_RIP), SECOND + 5);
		assert_int_equal(count(SECOND_COUNT), n);
		expect(rsp_ask(&r, "c"), "T05thread:01;");
		assert_int_equal(rsp_register(&r, REG_RIP), JUMP);
		expect(rsp_ask(&r, "vCont;s:1"), "T05thread:01;");
		assert_int_equal(rsp_register(&r, REG_RIP), START);
	}
	assert_int_equal(said(vm, "stops by debug registers "), 10);
	/* more than there are registers: the interpreter has them all */
	for (unsigned n = 1; n < 4; n++)
		RSP_OK(&r, "Z0,%x,1", 0x9000 + n);
	expect(rsp_ask(&r, "c"), "T05thread:01;");
	assert_int_equal(rsp_register(&r, REG_RIP), SECOND);
	assert_int_equal(said(vm, "stops by debug registers "), 10);
	for (unsigned n = 1; n < 4; n++)
		RSP_OK(&r, "z0,%x,1", 0x9000 + n);
	expect(rsp_ask(&r, "vCont;s:1"), "T05thread:01;");
	expect(rsp_ask(&r, "c"), "T05thread:01;");
	assert_int_equal(rsp_register(&r, REG_RIP), JUMP);
	assert_int_equal(said(vm, "stops by debug registers "), 11);
	/* one that is not hit costs nothing: the kernel runs the guest */
	RSP_OK(&r, "z1,%x,1", SECOND);
	RSP_OK(&r, "z0,%x,1", JUMP);
	uint64_t exits = said(vm, "exits ");
	run_a_while(vm);
	assert_true(said(vm, "exits ") > exits);
	RSP_OK(&r, "z0,%x,1", LOOP_END + 1);
	run_a_while(vm);
	assert_int_equal(said(vm, "stops by debug registers "), 11);
	walk_end(vm, &r);
}

static void watchpoints(void **state)
{
	if (refused())
		skip();
	struct vm *vm = start("kvm");
	RSP_OK(&r, "Z2,%x,4", SECOND_COUNT);
	for (unsigned n = 1; n < 4; n++) {
		expect(rsp_ask(&r, "c"), "T05thread:01;watch:608;");
		assert_int_equal(rsp_register(&r, REG_RIP), SECOND + 5);
		assert_int_equal(count(SECOND_COUNT), n);
	}
	RSP_OK(&r, "z2,%x,4", SECOND_COUNT);
	RSP_OK(&r, "Z3,%x,2", FIRST_COUNT + 2);                 /* reads: what `inc` reads before it writes */
	expect(rsp_ask(&r, "c"), "T05thread:01;rwatch:602;");
	assert_int_equal(rsp_register(&r, REG_RIP), SECOND);
	RSP_OK(&r, "z3,%x,2", FIRST_COUNT + 2);
	run_a_while(vm);
	walk_end(vm, &r);
}

/* A command that has nothing to say when it works. */
static void monitor(struct vm *vm, const char *line)
{
	struct text t = { 0 };
	vm_monitor(vm, line, &t);
	if (t.len)
		fail_msg("%s: %s", line, t.s);
	text_free(&t);
}

/* From the loop's start, wherever it was. */
static void start_over(void)
{
	rsp_set_register(&r, REG_RIP, START, 8);
	rsp_poke(&r, FIRST_COUNT, 0, 4);
	rsp_poke(&r, SECOND_COUNT, 0, 4);
}

/* All registers but those that the loop changes. */
static void registers(char *out, size_t size)
{
	rsp_set_register(&r, REG_RAX, 0, 8);
	rsp_set_register(&r, REG_RDX, 0, 8);
	snprintf(out, size, "%s", rsp_ask(&r, "g"));
}

/* One guest under each engine in turn, while it runs and while it stands still. */
static void engines_take_turns(void **state)
{
	static const char *const order[] = { "interp", "kvm", "jit", "kvm", "kvm", "jit", "kvm", "interp", "jit", "kvm" };
	char before[4096], after[4096];
	if (refused())
		skip();
	struct vm *vm = start("kvm");                           /* which cuts CPUID to what the host has, for all */
	rsp_set_register(&r, REG_RBX, 0x11223344, 8);
	rsp_set_register(&r, REG_RCX, 0x55667788, 8);
	run_a_while(vm);
	for (unsigned n = 0; n < sizeof order / sizeof order[0]; n++) {
		char line[32];
		struct text t = { 0 };
		bool stands = n & 1;
		snprintf(line, sizeof line, "accel %s", order[n]);
		start_over();
		registers(before, sizeof before);
		if (stands) {
			monitor(vm, line);
		} else {
			uint32_t now = count(FIRST_COUNT);
			rsp_send(&r, "c");
			walk_wait_word(vm, FIRST_COUNT, now + 50);
			monitor(vm, line);
			walk_wait_word(vm, FIRST_COUNT, now + 200);
			rsp_raw(&r, "\003", 1);
			assert_memory_equal(rsp_receive(&r), "T02", 3);
		}
		run_a_while(vm);
		vm_monitor(vm, "info accel", &t);
		if (!t.s || !strstr(t.s, order[n]))
			fail_msg("after %s: %s", line, t.s ? t.s : "");
		text_free(&t);
		start_over();
		registers(after, sizeof after);
		/* flags are the loop's, too */
		memset(before + 17 * 16, '0', 8);
		memset(after + 17 * 16, '0', 8);
		assert_string_equal(before, after);
	}
	walk_end(vm, &r);
}

/* A guest that has been told of more than the host has stays with its engine, and goes on. */
static void told_too_much(void **state)
{
	struct text t = { 0 };
	if (refused())
		skip();
	struct vm *vm = walk_start_cpu(&r, "interp", "1", "max");
	RSP_OK(&r, "M%x,%x:%s", START, (unsigned)(sizeof code - 1) / 2, code);
	rsp_set_register(&r, REG_CS, 0, 4);
	rsp_set_register(&r, REG_RIP, START, 8);
	vm_monitor(vm, "accel kvm", &t);
	assert_non_null(t.s);
	if (!strstr(t.s, "the guest has been told of the CPU feature "))
		fail_msg("%s", t.s);
	text_free(&t);
	run_a_while(vm);
	vm_monitor(vm, "info accel", &t);
	assert_non_null(strstr(t.s, "engine: interp"));
	text_free(&t);
	walk_end(vm, &r);
}

/* The time stamp counter stands still with the machine, and never goes back: measured from before the machine goes on until after it has stopped. */
static void counter_stands_still(void **state)
{
	enum { PAUSE_NS = 1000000000 };
	if (refused())
		skip();
	struct vm *vm = start("kvm");
	uint64_t last = 0, khz = said(vm, "time stamp counter ");
	int64_t ran_before = 0;
	bool fixed = said(vm, "kHz, the host's: it does not stop with the machine") != UINT64_MAX;
	if (fixed)
		printf("# SKIP that it stands still: this host's KVM lets nobody set it\n");
	assert_true(khz > 0 && khz < UINT64_MAX);
	RSP_OK(&r, "Z1,%x,1", JUMP);
	for (unsigned n = 0; n < 4; n++) {
		int64_t from = host_ns();
		expect(rsp_ask(&r, "c"), "T05thread:01;");
		int64_t stopped = host_ns(), ran = stopped - from;
		uint64_t tsc = rsp_memory(&r, TSC, 8);
		assert_true(tsc > last);
		double ns = (double)(tsc - last) / (double)khz * 1e6;
		if (n && !fixed && ns > (double)(ran_before + ran) * 1.01)
			fail_msg("%.0f ns of the counter in %lld ns that the machine ran at most", ns, (long long)(ran_before + ran));
		last = tsc;
		ran_before = ran;
		expect(rsp_ask(&r, "vCont;s:1"), "T05thread:01;");      /* off the breakpoint */
		ran_before += host_ns() - stopped;
		for (int64_t now = host_ns(); host_ns() - now < PAUSE_NS;)
			assert_true(rsp_quiet(&r, 100));
	}
	walk_end(vm, &r);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(breakpoints), cmocka_unit_test(watchpoints), cmocka_unit_test(engines_take_turns), cmocka_unit_test(told_too_much),
		cmocka_unit_test(counter_stands_still) };
	return cmocka_run_group_tests(tests, walk_setup, walk_teardown);
}
