/* test_tui_snapshots.c - snapshots by keys, menus, the command line and triggers: what the machine is asked, that nobody waits for it, and what is said of it. */
#include "tests/tui/station.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct station *start(const struct place *at, const char *config)
{
	char *argv[] = { (char *)at->program, "-name", "snaps", NULL };
	place_write_config(at, config);
	struct station *s = station_start(at, (struct ptyrun_options){ .cols = 80, .rows = 24 }, argv);
	SEES(s, "^ running ");
	station_ask(s, "calls");
	return s;
}

#define CALLED(s, what) assert_string_equal(station_ask(s, "calls"), what)

static void by_the_menu(void **state)
{
	struct station *s = start(*state, "");
	TYPES(s, "\001S", "Snapshots ─.*\n.*take one now.*\n.*before the update .*\n.*first ");
	TYPES(s, "\r", "kept as vm-20260203040506");
	CALLED(s, "savevm (any)");
	TYPES(s, "\001S", "Snapshots ─");
	TYPES(s, "\033[B\r", "before the update ─.*\n.*go back to it.*\n.*delete it");
	TYPES(s, "\r", "the machine is as it was at before the update");
	CALLED(s, "loadvm before the update");
	TYPES(s, "\001:command-log\r", "Commands ─(.*\n)*.* savevm +│\n.* loadvm \"before the update\"");
	station_stop(s);
}

static void deleting_is_asked_for_twice(void **state)
{
	struct station *s = start(*state, "");
	TYPES(s, "\001S", "Snapshots ─");
	TYPES(s, "\033[B\033[B\r", " first ─");
	TYPES(s, "\033[B\r", "Delete first\\? ─.*\n.*no, keep it");
	ptyrun_send(s->p, "\r");
	assert_true(ptyrun_expect_gone(s->p, "Delete first", PTYRUN_MS));
	CALLED(s, "");
	TYPES(s, "\001:delete-snapshot\r", "Delete a snapshot ─");
	TYPES(s, "\033[B\r", "Delete first\\? ─");
	TYPES(s, "y\r", "first is deleted");
	CALLED(s, "delvm first");
	TYPES(s, "\001:go-back\r", "Go back to ─");
	TYPES(s, "\r", "the machine is as it was at before the update");
	CALLED(s, "loadvm before the update");
	station_stop(s);
}

/* While the machine is saved the consoles are read, keys work, and one is enough. */
static void nobody_waits(void **state)
{
	struct station *s = start(*state, "");
	station_ask(s, "snapshot hold");
	TYPES(s, "\001:savevm big\r", "saving the machine \\.\\.\\. 42%");
	ptyrun_send(s->p, "\0013");
	station_ask(s, "print 3 still here\\r\\n");
	SEES(s, "^still here");
	TYPES(s, "\001:loadvm big\r", "another snapshot is being taken or put back");
	CALLED(s, "savevm big");
	station_ask(s, "snapshot go");
	SEES(s, "kept as big");
	station_stop(s);
}

static void what_goes_wrong_is_said(void **state)
{
	struct station *s = start(*state, "");
	station_ask(s, "snapshot fail could not write the machine's state: No space left on device");
	TYPES(s, "\001:savevm\r", "could not write the machine's state: No space left on device");
	TYPES(s, "\001:savevm \"with blanks\"\r", "kept as with blanks");
	CALLED(s, "savevm (any), savevm with blanks");
	TYPES(s, "\001:loadvm\r", "loadvm");             /* the monitor says what is missing */
	station_stop(s);
}

static void by_a_trigger(void **state)
{
	struct station *s = start(*state, "trigger panic pause snapshot\ntrigger full match=disk-full snapshot cooldown=0\n");
	station_ask(s, "print 3 Kernel panic - not syncing: x\\r\\n");
	SEES(s, "^ paused ");
	SEES(s, "trigger panic: kept as vm-20260203040506");
	CALLED(s, "stop, savevm (any)");
	station_ask(s, "snapshot fail No space left on device");
	station_ask(s, "print 3 disk-full\\r\\n");
	SEES(s, "No space left on device");
	TYPES(s, "\001e", "panic on serial0: Kernel panic");
	SEES(s, "panic on snapshot: kept as vm-20260203040506");
	SEES(s, "full on snapshot: No space left on device");
	station_stop(s);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, place_set_up, place_tear_down)
	const struct CMUnitTest tests[] = { T(by_the_menu), T(deleting_is_asked_for_twice), T(nobody_waits), T(what_goes_wrong_is_said), T(by_a_trigger) };
	return cmocka_run_group_tests_name("tui_snapshots", tests, NULL, NULL);
}
