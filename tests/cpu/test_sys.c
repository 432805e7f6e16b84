/* test_sys.c - assembly guests that probe the system side of the CPU and report by text; each line is a case.
 *
 * A guest (sys/NAME.S, a flat image for 10000h, entered in real mode at 1000:0000) writes "ok CASE" or "FAIL CASE ..." lines to port
 * E9h and ends with a byte to port F4h.  The same images run elsewhere with a debug console at E9h and an exit device at F4h. */
#include "tests/cpu/sysrig.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The same, an instruction at a time. */
static const char *step(struct sysrig *r)
{
	for (unsigned n = 0; r->exit_code < 0; n++) {
		enum cpu_exit why = cpu_step(r->cpu);
		if (why == CPUEXIT_TRIPLE_FAULT)
			return "triple fault";
		if (n > 20 * 1000 * 1000)
			return "ran away";
	}
	return "exit";
}

static void stepped_like_run(const char *name)
{
	struct sysrig *a = sysrig_new(NULL), *b = sysrig_new(NULL);
	sysrig_load(a, name);
	sysrig_load(b, name);
	assert_string_equal(sysrig_run(a), "exit");
	assert_string_equal(step(b), "exit");
	assert_string_equal(a->text, b->text);
	sysrig_free(a);
	sysrig_free(b);
}
static void stepped(void **s)
{
	stepped_like_run("real16");
	stepped_like_run("prot32");
	stepped_like_run("paging");
	stepped_like_run("tasks");
	stepped_like_run("vm86");
	stepped_like_run("long64");
}

/* Stop in the middle, move the state to another machine, go on there: save, load, save is equal and the report is complete. */
static void move_after(const char *name, unsigned steps)
{
	struct sysrig *a = sysrig_new(NULL), *b = sysrig_new(NULL);
	struct state_buf sa = { 0 }, sb = { 0 };
	struct error err = { "" };
	sysrig_load(a, name);
	for (unsigned n = 0; n < steps && a->exit_code < 0; n++)
		cpu_step(a->cpu);
	machine_lock(a->m);
	machine_save_devices(a->m, &sa);
	machine_unlock(a->m);
	memcpy(b->m->ram.host + b->ram.ram_addr, a->m->ram.host + a->ram.ram_addr, RAM_SIZE);
	memcpy(b->text, a->text, a->len);
	b->len = a->len;
	b->exit_code = a->exit_code;
	b->tpr = a->tpr;
	b->pending = a->pending;
	machine_lock(b->m);
	machine_set_a20(b->m, a->m->a20);
	if (!machine_load_devices(b->m, &sa, &err))
		fail_msg("%s", err.msg);
	machine_save_devices(b->m, &sb);
	machine_unlock(b->m);
	assert_int_equal(sa.len, sb.len);
	assert_memory_equal(sa.data, sb.data, sa.len);
	assert_string_equal(sysrig_run(a), sysrig_run(b));
	assert_string_equal(a->text, b->text);
	state_buf_free(&sa);
	state_buf_free(&sb);
	sysrig_free(a);
	sysrig_free(b);
}
static void save_and_load(void **s)
{
	for (unsigned n = 100; n < 40000; n += 3989) {
		move_after("prot32", n);
		move_after("long64", n);
	}
}

static void check_guest(const char *name, const char *ending, unsigned at_least)
{
	struct sysrig *r = sysrig_new(NULL);
	sysrig_load(r, name);
	const char *end = sysrig_run(r);
	unsigned ok = 0, bad = 0;
	for (char *line = strtok(r->text, "\n"); line; line = strtok(NULL, "\n")) {
		if (!strncmp(line, "ok ", 3)) {
			ok++;
			continue;
		}
		bad++;
		print_error("%s: %s\n", name, line);
	}
	if (strcmp(end, ending))
		print_error("%s: ended by %s at %04x:%llx after %u cases\n", name, end, r->cpu->seg[SEG_CS].sel, (unsigned long long)r->cpu->rip, ok);
	assert_string_equal(end, ending);
	assert_int_equal(bad, 0);
	assert_true(ok >= at_least);
	sysrig_free(r);
}

static void real_mode(void **s)       { check_guest("real16", "exit", 10); }
static void protected_mode(void **s)  { check_guest("prot32", "exit", 150); }
static void paging(void **s)          { check_guest("paging", "exit", 80); }
static void tasks(void **s)           { check_guest("tasks", "exit", 30); }
static void vm86(void **s)            { check_guest("vm86", "exit", 50); }
static void triple_fault(void **s)    { check_guest("triple", "triple fault", 6); }
static void long_mode(void **s)       { check_guest("long64", "exit", 150); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_mode),
		cmocka_unit_test(protected_mode),
		cmocka_unit_test(paging),
		cmocka_unit_test(tasks),
		cmocka_unit_test(vm86),
		cmocka_unit_test(triple_fault),
		cmocka_unit_test(long_mode),
		cmocka_unit_test(stepped),
		cmocka_unit_test(save_and_load),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	setenv("VMUX_TEST_JIT", "1", 1);         /* once more, translated from the first run on */
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
