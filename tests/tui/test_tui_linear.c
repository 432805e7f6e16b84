/* test_tui_linear.c - what people who do not see the screen have: plain text that only grows, frames in ASCII, the cursor where the focus is. */
#include "tests/tui/station.h"
#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* All that was written since the last call must come to this (\r\n is a line's end); the bell and sequences are none of it. */
static void comes(struct station *s, const char *want)
{
	static char all[1 << 16];
	static size_t seen;
	if (!s) {
		seen = 0;
		return;
	}
	char got[1 << 14] = "";
	for (int i = 0; i < 20000; i++) {
		size_t n = ptyrun_tail(s->p, all, sizeof all), at = 0;
		for (size_t k = seen; k < n && at + 1 < sizeof got; k++)
			if (all[k] != '\r')
				got[at++] = all[k];
		got[at] = 0;
		if (strchr(got, '\033'))
			fail_msg("an escape sequence: %s", strchr(got, '\033') + 1);
		if (!strcmp(got, want)) {
			seen = n;
			return;
		}
		ptyrun_bytes_during(s->p, 5);
	}
	fail_msg("\"%s\" came, not \"%s\"", got, want);
}

static struct station *start(const struct place *at, const char *config, const char *term, const char *locale)
{
	char *argv[] = { (char *)at->program, (char *)"-nodefaults", NULL };
	place_write_config(at, config);
	setenv("VMUX_LINEAR", "1", 1);
	struct station *s = station_start(at, (struct ptyrun_options){ .term = term, .locale = locale }, argv);
	unsetenv("VMUX_LINEAR");
	comes(NULL, NULL);
	return s;
}

static void text_only_grows(void **state)
{
	struct station *s = start(*state, "", NULL, NULL);
	comes(s, "* running\n== 1: VGA\nfake VGA ready");
	station_ask(s, "put 0 1 7 second");
	comes(s, "\nsecond");
	station_ask(s, "put 0 1 7 second line");
	comes(s, " line");
	station_ask(s, "put 0 0 7 FAKE");               /* a row above has changed */
	comes(s, "\nFAKE VGA ready");
	ptyrun_send(s->p, "\0013");
	comes(s, "\n== 3: serial0\n");
	station_ask(s, "print 3 \\e[1;32mlogin:\\e[0m ");
	comes(s, "login:");
	station_ask(s, "print 3 ro");
	comes(s, " ro");
	station_ask(s, "print 3 x");
	comes(s, "x");
	station_ask(s, "print 3 \\x08 \\x08");
	comes(s, "\b \b");
	station_ask(s, "print 3 ot\\r\\nPassword:\\r\\n");
	comes(s, "ot\nPassword:");
	station_ask(s, "print 3 $ \\xe2\\x82\\xac\\r\\n");
	comes(s, "\n$ \xe2\x82\xac");
	station_stop(s);
}

static void a_flood_is_told_in_order(void **state)
{
	struct station *s = start(*state, "", NULL, NULL);
	static char all[1 << 16];
	char line[100];
	ptyrun_send(s->p, "\0013");
	SEES(s, "== 3: serial0");
	station_ask(s, "flood 3 300");
	SEES(s, "^line 300 of");
	ptyrun_settle(s->p, 100);
	size_t n = ptyrun_tail(s->p, all, sizeof all - 1);
	all[n] = 0;
	char *p = all;
	for (unsigned i = 1; i <= 300; i++) {           /* each once, and in order */
		snprintf(line, sizeof line, "line %u of the flood, and some words to fill it up\r\n", i);
		if (i == 300)
			line[strlen(line) - 2] = 0;
		if (!(p = strstr(p, line)))
			fail_msg("%s is missing", line);
		p += strlen(line);
		assert_null(strstr(p, line));
	}
	assert_null(strchr(all, '\033'));
	station_stop(s);
}

static void menus_and_the_command_line(void **state)
{
	struct station *s = start(*state, "", NULL, NULL);
	comes(s, "* running\n== 1: VGA\nfake VGA ready");
	ptyrun_send(s->p, "\001w");
	comes(s, "\n  Consoles\n> 1 VGA\n  2 compat_monitor0 (monitor)\n  3 serial0\n  4 parallel0\n");
	ptyrun_send(s->p, "j\033[B");
	comes(s, "> 2 compat_monitor0 (monitor)\n");
	ptyrun_send(s->p, "q");
	ptyrun_send(s->p, "\001:set esc");
	comes(s, ":set esc");
	ptyrun_send(s->p, "x\177\025no\r");
	SEES(s, "no: done");
	ptyrun_send(s->p, "\001 ");
	SEES(s, "^\\* paused");
	station_stop(s);
}

static void on_a_terminal_that_can_do_nothing(void **state)
{
	struct station *s = start(*state, "", "dumb", "C");
	comes(s, "* running\n== 1: VGA\nfake VGA ready");
	ptyrun_send(s->p, "\0013");
	comes(s, "\n== 3: serial0\n");
	station_ask(s, "print 3 \\xe2\\x94\\x80 \\xc3\\xa9\\r\\n");
	comes(s, "- e");
	ptyrun_send(s->p, "\001d");
	int status;
	assert_true(ptyrun_wait_exit(s->p, PTYRUN_MS, &status));
	assert_int_equal(status, 0);
	station_stop(s);
}

static void to_a_screen_and_back(void **state)
{
	const struct place *at = *state;
	char *argv[] = { (char *)at->program, (char *)"-nodefaults", NULL };
	place_write_config(at, "");
	struct station *s = station_start(at, (struct ptyrun_options){ 0 }, argv);
	ptyrun_send(s->p, "\001:set linear on\r");
	SEES(s, "^== 1: VGA\nfake VGA ready");
	assert_false(ptyrun_alternate_screen(s->p));
	ptyrun_send(s->p, "\001:set linear off\r");
	SEES(s, "^fake VGA ready\n(\n)*.*1:VGA 2:monitor");
	assert_true(ptyrun_alternate_screen(s->p));
	station_stop(s);
}

static bool cursor_is_on(struct ptyrun *p, void *arg)
{
	struct ptyrun_cell c;
	unsigned x, y;
	bool on;
	ptyrun_cursor(p, &x, &y, &on);
	return on && ptyrun_cell(p, x, y, &c) && c.ch == *(unsigned char *)arg;
}

static void frames_in_ascii(void **state)
{
	const struct place *at = *state;
	char *argv[] = { (char *)at->program, (char *)"-nodefaults", NULL };
	place_write_config(at, "set borders ascii\nlayout h500(1,3)\n");
	struct station *s = station_start(at, (struct ptyrun_options){ 0 }, argv);
	SEES(s, "^fake VGA ready +\\|");
	ptyrun_send(s->p, "\001w");
	SEES(s, "\\+- Consoles -+\\+");
	SEES(s, "\\| 1 VGA +\\|");
	assert_true(ptyrun_until(s->p, cursor_is_on, "1", PTYRUN_MS, "the real cursor on what is chosen"));
	ptyrun_send(s->p, "q\001:set borders lines\r\001w");
	SEES(s, "\xe2\x94\x8c\xe2\x94\x80 Consoles");
	station_stop(s);
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_only_grows), cmocka_unit_test(a_flood_is_told_in_order), cmocka_unit_test(menus_and_the_command_line),
		cmocka_unit_test(on_a_terminal_that_can_do_nothing), cmocka_unit_test(to_a_screen_and_back), cmocka_unit_test(frames_in_ascii),
	};
	return cmocka_run_group_tests(tests, place_set_up, place_tear_down);
}
