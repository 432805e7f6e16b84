/* test_tui_triggers.c - triggers: patterns in what consoles print, and what they set off, through a real pseudo terminal on a machine of
 * cardboard; and hostile guests. */
#include "tests/tui/station.h"
#include <fcntl.h>
#include <libgen.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static struct station *start(const struct place *at, const char *config)
{
	char *argv[] = { (char *)at->program, "-m", "64", NULL };
	place_write_config(at, config);
	return station_start(at, (struct ptyrun_options){ .cols = 120 }, argv);
}

static void until_typed(struct station *s, const char *count)
{
	for (int i = 0; i < 20000 && strncmp(station_ask(s, "typed 3"), count, strlen(count)); i++)
		ptyrun_bytes_during(s->p, 5);
	assert_int_equal(strncmp(s->answer, count, strlen(count)), 0);
}

/* ---- through the terminal ----------------------------------------------------------------------------------------------------------- */

static void a_panic_pauses_the_machine(void **state)
{
	struct station *s = start(*state, "trigger panic\ntrigger oops\n");
	SEES(s, " T *$");                                        /* armed */
	SEES(s, "^ running ");
	station_ask(s, "print 3 [    1.5] \\x1b[31mKernel pa\\x1b[mnic - not syncing: Attempted to kill init!\\r\\n");
	SEES(s, "^ paused ");
	SEES(s, "panic on serial0: .*Attempted to kill init!");
	ptyrun_send(s->p, "\001e");
	SEES(s, "panic on serial0: .    1.5. Kernel panic - not syncing");
	SEES(s, "panic +1 times");
	SEES(s, "oops +0 times");
	ptyrun_send(s->p, "q");
	SEES(s, " T1 *$");
	station_stop(s);
}

static void answers_a_prompt_once(void **state)
{
	struct station *s = start(*state, "trigger in \"match=login: $\" pane=serial0 \"send=root<ret>\" cooldown=0 times=2\n"
					  "trigger other match=login: pane=parallel0 \"send=no\" cooldown=0\n");
	station_ask(s, "print 3 log");
	station_ask(s, "print 3 in: ");                                 /* no end of a line */
	until_typed(s, "5 ");
	assert_string_equal(station_ask(s, "show 3"), "72 6f 6f 74 0d");
	station_ask(s, "print 3 \\r\\nlogin: ");
	until_typed(s, "5 ");                                   /* what was shown is gone */
	station_ask(s, "print 3 \\r\\nlogin: \\r\\nend\\r\\n");         /* that was all */
	ptyrun_send(s->p, "\0333");
	SEES(s, "^end");
	assert_int_equal(strncmp(station_ask(s, "typed 3"), "5 ", 2), 0);
	station_stop(s);
}

static void sees_vga_text(void **state)
{
	struct station *s = start(*state, "trigger gone \"match=no bootable\" pause \"monitor=info version\"\n");
	station_ask(s, "put 0 3 07 No boot");
	SEES(s, "^No boot$");
	SEES(s, "^ running ");
	station_ask(s, "put 0 3 07 No bootable device");
	SEES(s, "^ paused ");
	station_ask(s, "put 0 3 07 No bootable device.");               /* the same row went on: the same event */
	SEES(s, "^No bootable device\\.");
	ptyrun_send(s->p, "\001e");
	SEES(s, "gone +1 times");
	SEES(s, "gone on VGA: No bootable device");
	SEES(s, "gone on monitor: 7\\.2\\.0");
	station_stop(s);
}

/* A row that came and went between two looks. */
static void sees_vga_text_that_has_gone(void **state)
{
	struct station *s = start(*state, "trigger seen \"match=VGA line 500$\" notify\ntrigger first \"match=before 7$\" cooldown=0 notify\n");
	station_ask(s, "put 0 1 07 before 7");
	SEES(s, "first on VGA: before 7");
	station_ask(s, "scroll 1000");
	SEES(s, "^VGA line 999$");
	ptyrun_send(s->p, "\001e");
	SEES(s, "seen +1 times");
	SEES(s, "first +1 times");                              /* not once more when it left the screen */
	station_stop(s);
}

static void cools_down(void **state)
{
	struct station *s = start(*state, "trigger slow match=tick notify cooldown=3600\ntrigger fast match=tick notify cooldown=0\n");
	station_ask(s, "print 3 tick\\r\\ntick\\r\\ntick\\r\\n");
	SEES(s, "(slow|fast) on serial0: tick");
	ptyrun_send(s->p, "\001e");
	SEES(s, "slow +1 times");
	SEES(s, "fast +3 times");
	station_stop(s);
}

static void a_hard_pattern_is_switched_off(void **state)
{
	struct station *s = start(*state, "trigger bad \"match=(x+x+)+[yz]\" pause\ntrigger good match=the-end notify\n");
	char line[400] = "print 3 ";
	for (int i = 0; i < 200; i++)
		strcat(line, i % 50 == 49 ? "\\r\\n" : "x");
	for (int i = 0; i < 60; i++)
		station_ask(s, line);
	station_ask(s, "print 3 the-end\\r\\n");
	SEES(s, "good on serial0: the-end");
	ptyrun_send(s->p, "\001e");
	SEES(s, "bad +0 times, switched off");
	station_stop(s);
}

/* ---- the settings ------------------------------------------------------------------------------------------------------------------- */

static void settings_are_checked(void **state)
{
	static const struct { const char *text, *says; int status; } t[] = {
		{ "trigger panic\ntrigger oops pause times=3\ntrigger x match=a send=b\n", "config: fine", 0 },
		{ "trigger\n", "config:1: trigger wants a name", 1 },
		{ "\ntrigger x pause\n", "config:2: trigger x: match=REGEX is missing", 1 },
		{ "trigger x match=a\n", "config:1: trigger x: an action is missing", 1 },
		{ "trigger x match=(a pause\n", "config:1: trigger x: match: missing closing parenthesis, at character 3", 1 },
		{ "trigger x match=a snapshot=s\n", "config:1: trigger: \"snapshot=s\" is none of match=, pane=, times=, cooldown=, pause, snapshot", 1 },
		{ "trigger x match=a pause times=some\n", "config:1: trigger: times wants a number up to 1000000", 1 },
		{ "trigger x match=a explode\n", "config:1: trigger: \"explode\" is none of match=", 1 },
		{ "trigger panic\ntrigger panic\n", "config:2: trigger panic: there is one of this name already", 1 },
	};
	const struct place *at = *state;
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++)
		place_check_config(at, t[i].text, t[i].says, t[i].status);
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_panic_pauses_the_machine), cmocka_unit_test(answers_a_prompt_once), cmocka_unit_test(sees_vga_text), cmocka_unit_test(sees_vga_text_that_has_gone),
		cmocka_unit_test(cools_down), cmocka_unit_test(a_hard_pattern_is_switched_off), cmocka_unit_test(settings_are_checked),
	};
	return cmocka_run_group_tests(tests, place_set_up, place_tear_down);
}
