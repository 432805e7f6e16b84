/* test_tui_mouse.c - the mouse: off, nothing is asked for and nothing is a key; on, it gives panes the keys, looks back, copies; no byte of it
 * reaches a guest, except moves of the guest's own mouse in guest mode. */
#include "tests/tui/station.h"
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static struct station *start(const struct place *at, const char *config)
{
	char *argv[] = { (char *)at->program, (char *)"-nodefaults", NULL };
	place_write_config(at, config);
	return station_start(at, (struct ptyrun_options){ .cols = 80, .rows = 25 }, argv);
}

/* Reports as a terminal with mode 1006 sends them; cells from 0 on. */
static void report(struct station *s, unsigned button, int x, int y, char final)
{
	char text[40];
	snprintf(text, sizeof text, "\033[<%u;%d;%d%c", button, x + 1, y + 1, final);
	ptyrun_send(s->p, text);
}

static void click(struct station *s, int x, int y)
{
	report(s, 0, x, y, 'M');
	report(s, 0, x, y, 'm');
}

static bool asked(struct ptyrun *p, void *arg)
{
	const int *want = arg;
	return ptyrun_mode(p, 1002) == want[0] && ptyrun_mode(p, 1003) == want[1] && ptyrun_mode(p, 1006) == (want[0] || want[1]);
}

static void asks_for(struct station *s, int buttons, int motion)
{
	int want[2] = { buttons, motion };
	assert_true(ptyrun_until(s->p, asked, want, PTYRUN_MS, "the terminal's mouse modes"));
}

/* Nothing reached any guest. */
static void nothing_typed(struct station *s)
{
	for (unsigned i = 2; i <= 4; i++)
		assert_string_equal(station_ask(s, "show %u", i), "");
	assert_string_equal(station_ask(s, "keys"), "");
}

static void off_it_is_nothing(void **state)
{
	struct station *s = start(*state, "");
	char tail[20000];
	ptyrun_send(s->p, "\0013");
	SEES(s, "3:serial0");
	click(s, 5, 5);
	report(s, 64, 5, 5, 'M');
	report(s, 32, 6, 6, 'M');
	ptyrun_send(s->p, "\033[M !!z");                /* the old form */
	for (int i = 0; i < 20000 && strcmp(station_ask(s, "typed 3") + 0, "1 af63f74c8601ce87") && !strstr(s->answer, "1 "); i++)
		ptyrun_bytes_during(s->p, 5);
	assert_string_equal(station_ask(s, "show 3"), "7a");
	nothing_typed(s);
	asks_for(s, 0, 0);
	size_t n = ptyrun_tail(s->p, tail, sizeof tail - 1);
	tail[n] = 0;
	for (size_t i = 0; i + 6 < n; i++)
		if (!strncmp(tail + i, "\033[?100", 6))
			fail_msg("a mouse mode was named while the mouse is off");
	station_stop(s);
}

static void clicks_give_the_keys(void **state)
{
	struct station *s = start(*state, "layout v500(1,h500(3,4))\nset mouse on\n");
	asks_for(s, 1, 0);
	SEES(s, "^>1:VGA");
	click(s, 10, 20);
	SEES(s, "^>3:serial0");
	click(s, 60, 20);
	SEES(s, ">4:parallel0");
	click(s, 10, 3);
	SEES(s, "^>1:VGA");
	click(s, 60, 12);                               /* a title */
	SEES(s, ">4:parallel0");
	click(s, 17, 24);                               /* the status line: " running  1:VGA 2:monitor" */
	SEES(s, ">2:monitor");
	ptyrun_send(s->p, "\001w");
	SEES(s, "Consoles");
	report(s, 65, 40, 10, 'M');                     /* the wheel in a menu */
	SEES(s, "1 VGA");
	click(s, 2, 2);                                 /* beside it */
	assert_true(ptyrun_expect_gone(s->p, "Consoles", PTYRUN_MS));
	nothing_typed(s);
	ptyrun_send(s->p, "\001M");
	SEES(s, "the mouse is the terminal's again");
	asks_for(s, 0, 0);
	ptyrun_send(s->p, "\001M");
	asks_for(s, 1, 0);
	station_stop(s);
}

static void the_wheel_looks_back(void **state)
{
	struct station *s = start(*state, "set mouse on\n");
	station_ask(s, "flood 3 100");
	ptyrun_send(s->p, "\0013");
	SEES(s, "^line 100 of");
	report(s, 64, 40, 10, 'M');
	SEES(s, "3 back of");
	report(s, 64, 40, 10, 'M');
	SEES(s, "6 back of");
	report(s, 65, 40, 10, 'M');
	report(s, 65, 40, 10, 'M');
	assert_true(ptyrun_expect_gone(s->p, "back of", PTYRUN_MS));
	ptyrun_send(s->p, "\0011");
	SEES(s, "^fake VGA ready");
	station_ask(s, "text 80 25");                   /* a screen's text that left it is seen in copy mode */
	assert_true(ptyrun_expect_gone(s->p, "fake VGA", PTYRUN_MS));
	station_ask(s, "put 0 0 7 second");
	SEES(s, "^second");
	report(s, 64, 40, 10, 'M');
	SEES(s, "^fake VGA ready");
	SEES(s, " copy$");
	ptyrun_send(s->p, "q");
	nothing_typed(s);
	station_stop(s);
}

static void dragging_copies(void **state)
{
	struct station *s = start(*state, "layout v400(1,3)\nset mouse on\n");
	station_ask(s, "print 3 the first line\\r\\nthe second line\\r\\n");
	SEES(s, "^the second line");
	unsigned y = 0;
	while (strcmp(ptyrun_row(s->p, y), "the first line"))
		assert_true(++y < 25);
	report(s, 0, 4, (int)y, 'M');
	SEES(s, "^>3:serial0");
	report(s, 32, 6, (int)y, 'M');
	SEES(s, " copy$");
	assert_string_equal(ptyrun_row(s->p, y), "the first line");    /* nothing moved */
	report(s, 32, 9, (int)y + 1, 'M');
	report(s, 0, 9, (int)y + 1, 'm');
	SEES(s, "copied 2 lines");
	assert_true(ptyrun_expect_gone(s->p, " copy$", PTYRUN_MS));
	nothing_typed(s);
	ptyrun_send(s->p, "\001]");
	SEES(s, "Paste into serial0");
	ptyrun_send(s->p, "\r");
	for (int i = 0; i < 20000 && strncmp(station_ask(s, "typed 3"), "21 ", 3); i++)
		ptyrun_bytes_during(s->p, 5);
	assert_string_equal(station_ask(s, "show 3"), "66 69 72 73 74 20 6c 69 6e 65 0d 74 68 65 20 73 65 63 6f 6e 64");   /* "first line", "the second" */
	report(s, 0, 3, 1, 'M');                        /* a screen */
	report(s, 32, 0, 1, 'M');
	report(s, 0, 0, 1, 'm');
	SEES(s, "copied 4 bytes");
	click(s, 3, 1);                                 /* a click alone copies nothing */
	ptyrun_settle(s->p, 100);
	assert_true(ptyrun_expect_gone(s->p, " copy$", PTYRUN_MS));
	nothing_typed(s);
	station_stop(s);
}

static void the_guests_own(void **state)
{
	struct station *s = start(*state, "set mouse guest\n");
	asks_for(s, 0, 1);
	station_ask(s, "calls");
	report(s, 35, 10, 10, 'M');
	report(s, 35, 12, 9, 'M');
	report(s, 0, 12, 9, 'M');
	report(s, 32, 13, 9, 'M');
	report(s, 0, 13, 9, 'm');
	report(s, 2, 13, 9, 'M');
	report(s, 2, 13, 9, 'm');
	report(s, 64, 13, 9, 'M');
	char all[500] = "";
	for (int i = 0; i < 20000 && !strstr(all, "mouse 0 0 1 0"); i++) {
		strncat(all, station_ask(s, "calls"), sizeof all - strlen(all) - 1);
		ptyrun_bytes_during(s->p, 5);
	}
	/* right 16, up 16; left pressed, right 8, let go; the right button; the wheel */
	static const char *const moves[] = { "mouse 16 -16 0 0", "mouse 0 0 0 1", "mouse 8 0 0 1", "mouse 0 0 0 0", "mouse 0 0 0 2", "mouse 0 0 0 0", "mouse 0 0 1 0" };
	const char *p = all;
	for (unsigned i = 0; i < sizeof moves / sizeof *moves; i++) {
		if (!(p = strstr(p, moves[i])))
			fail_msg("%s is missing in %s", moves[i], all);
		p += strlen(moves[i]);
	}
	nothing_typed(s);
	ptyrun_send(s->p, "\0013");                     /* a serial console has no mouse: what it does there is ours */
	station_ask(s, "calls");
	click(s, 17, 24);
	SEES(s, "2:monitor");
	assert_string_equal(station_ask(s, "calls"), "");
	station_stop(s);
}

static void the_terminal_is_put_right(void **state)
{
	struct station *s = start(*state, "set mouse on\n");
	int status;
	asks_for(s, 1, 0);
	long pid = atol(station_ask(s, "pid"));
	char cmd[60];
	snprintf(cmd, sizeof cmd, "kill -9 %ld", pid);  /* the machine: the program at the terminal puts it right */
	assert_int_equal(system(cmd), 0);
	assert_true(ptyrun_wait_exit(s->p, PTYRUN_MS, &status));
	ptyrun_settle(s->p, 50);
	asks_for(s, 0, 0);
	station_stop(s);
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_it_is_nothing), cmocka_unit_test(clicks_give_the_keys), cmocka_unit_test(the_wheel_looks_back),
		cmocka_unit_test(dragging_copies), cmocka_unit_test(the_guests_own), cmocka_unit_test(the_terminal_is_put_right),
	};
	return cmocka_run_group_tests(tests, place_set_up, place_tear_down);
}
