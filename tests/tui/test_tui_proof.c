/* test_tui_proof.c - what is promised of the workstation as a whole, shown on the machine of cardboard (fake/fake_vm.c): kinds of terminals and
 * locales, the same cells on every terminal, what was printed while nobody looked, hard searches, clipboards behind tmux, and no leaks. */
#include "tests/tui/station.h"
#include "tests/tui/tmuxrun.h"
#include <locale.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define SHOWS(p, re) assert_true(ptyrun_expect(p, re, PTYRUN_MS))

static void ends(struct ptyrun *p)
{
	int status = -1;
	assert_true(ptyrun_wait_exit(p, PTYRUN_MS, &status));
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- kinds of terminals ------------------------------------------------------------------------------------------------------------- */

/* A locale of single bytes that Debian has not made: made here.  False: localedef or its sources are not there. */
static bool make_latin1(const struct place *at)
{
	char cmd[300];
	snprintf(cmd, sizeof cmd, "localedef -i en_US -f ISO-8859-1 %s/en_US.ISO-8859-1 >/dev/null 2>&1", at->dir);
	return system(cmd) == 0;
}

static void one_terminal(const struct place *at, const char *term, const char *locale)
{
	print_message("# %s in %s\n", term, locale);
	char *argv[] = { (char *)at->program, "-nodefaults", NULL };
	struct station *s = station_start(at, (struct ptyrun_options){ .term = term, .locale = locale, .plain_stderr = true }, argv);
	static const char boxes[] = "^\xe2\x94\x8c\xe2\x94\x80\xe2\x94\x80\xe2\x94\x90\\|\xe2\x95\x94\xe2\x95\x90\xe2\x95\x97\\|\xc3\xa9\xe2\x96\x88";
	station_ask(s, "put 0 1 1f \\xda\\xc4\\xc4\\xbf|\\xc9\\xcd\\xbb|\\x82\\xdb\\xb0\\x01|end");
	station_ask(s, "put 79 2 07 |");
	station_ask(s, "put 0 23 07 \\xb3\\xba\\xc3|last");
	station_ask(s, "print 3 \\xe4\\xb8\\xad\\xc3\\xa9|wide\\r\\n\\xe2\\x94\\x82x\\xe2\\x82\\xac|line\\r\\n");
	SEES(s, "^....\\|...\\|....\\|end$");           /* columns never slip */
	SEES(s, "^ {79}\\|$");
	SEES(s, "^...\\|last$");
	if (!strcmp(locale, "C.UTF-8"))
		SEES(s, boxes);
	ptyrun_send(s->p, "\0013");
	SEES(s, strcmp(locale, "C.UTF-8") ? "^...\\|wide$" : "^..\\|wide$");     /* the regex counts characters, one of them two columns wide */
	SEES(s, "^.x.\\|line$");
	ptyrun_send(s->p, "\001|\001-\001?");           /* borders, titles, a popup */
	SEES(s, "Help 1-");
	ptyrun_send(s->p, "q\001x");
	ends(s->p);
	assert_string_equal(ptyrun_stderr(s->p), "");
	station_stop(s);
}

static void terminals_and_locales(void **state)
{
	static const char *const terms[] = { "xterm-256color", "xterm", "screen", "tmux", "linux", "vt100", "vt220", "ansi" };
	static const char *const locales[] = { "C.UTF-8", "C", "en_US.ISO-8859-1" };
	const struct place *at = *state;
	bool latin1 = make_latin1(at);
	setenv("LOCPATH", at->dir, 1);
	if (!latin1)
		print_message("# without Latin-1: localedef could not make it\n");
	for (unsigned t = 0; t < sizeof terms / sizeof *terms; t++)
		for (unsigned l = 0; l < (latin1 ? 3u : 2u); l++) {
			if (!strcmp(locales[l], "C.UTF-8"))
				unsetenv("LOCPATH");
			else
				setenv("LOCPATH", at->dir, 1);
			one_terminal(at, terms[t], locales[l]);
		}
	unsetenv("LOCPATH");
	char *argv[] = { (char *)at->program, "-nodefaults", NULL };
	struct ptyrun *p = ptyrun_start(&(struct ptyrun_options){ .term = "dumb", .cols = 200 }, argv);
	int status;
	assert_true(ptyrun_wait_exit(p, PTYRUN_MS, &status) && WIFEXITED(status) && WEXITSTATUS(status) == 1);
	SHOWS(p, "^vmux: .*TERM says this one cannot.*-nographic");
	ptyrun_free(p);
}

/* ---- the same cells everywhere ------------------------------------------------------------------------------------------------------ */

struct look { struct ptyrun *p; struct ptyrun_cell cell[24][80]; char why[200]; };

static void take_look(struct look *l)
{
	for (unsigned y = 0; y < 24; y++)
		for (unsigned x = 0; x < 80; x++)
			assert_true(ptyrun_cell(l->p, x, y, &l->cell[y][x]));
}

static bool same_look(struct ptyrun *p, void *arg)
{
	struct look *l = arg;
	for (unsigned y = 0; y < 24; y++)
		for (unsigned x = 0; x < 80; x++) {
			const struct ptyrun_cell *a = &l->cell[y][x];
			struct ptyrun_cell b;
			if (a->ch == (uint32_t)-1)              /* the other half of the one before */
				continue;
			if (!ptyrun_cell(p, x, y, &b) || a->ch != b.ch || a->bold != b.bold || a->underline != b.underline || a->blink != b.blink || a->reverse != b.reverse ||
			    a->fg_index != b.fg_index || a->bg_index != b.bg_index) {
				snprintf(l->why, sizeof l->why, "cell %u,%u: U+%04X fg %d bg %d, before U+%04X fg %d bg %d, attributes %d%d%d%d and %d%d%d%d", x, y, b.ch, b.fg_index, b.bg_index, a->ch,
					 a->fg_index, a->bg_index, b.bold, b.underline, b.blink, b.reverse, a->bold, a->underline, a->blink, a->reverse);
				return false;
			}
		}
	return true;
}

/* Off the terminal in three ways, and back on one of another kind and size. */
static void back_on_another_terminal(void **state)
{
	static const char *const terms[] = { "screen-256color", "tmux-256color", "xterm-256color" };
	const struct place *at = *state;
	static struct look look;
	for (unsigned way = 0; way < 3; way++) {
		struct station *s = station_named(at, "moves");
		ptyrun_send(s->p, "\0013");
		for (unsigned i = 1; i <= 20; i++)
			station_ask(s, "print 3 \\e[3%u;4%um%u\\e[1mbold\\e[22;4munder\\e[24;7mreverse\\e[0;38;5;%um\\xe2\\x94\\x82\\xe4\\xb8\\xad\\e[m plain\\r\\n", i % 8, (i + 3) % 8, i, 16 + i * 10);
		SEES(s, "^20bold.* plain$");            /* all of it */
		look.p = s->p;
		take_look(&look);
		if (way == 0)
			ptyrun_send(s->p, "\001d");
		else if (way == 1)
			kill(ptyrun_pid(s->p), SIGHUP);
		else
			ptyrun_hangup(s->p);
		int status;
		assert_true(ptyrun_wait_exit(s->p, PTYRUN_MS, &status));
		long before = atol(station_ask(s, "counter"));
		while (atol(station_ask(s, "counter")) == before)       /* it runs on */
			ptyrun_bytes_during(s->p, 2);
		char *argv[] = { (char *)at->program, "attach", "moves", NULL };
		struct ptyrun *p = ptyrun_start(&(struct ptyrun_options){ .term = terms[way], .cols = 100 + way * 20, .rows = 30 + way * 7 }, argv);
		SHOWS(p, "^20bold");
		if (!ptyrun_until(p, same_look, &look, PTYRUN_MS, "the same cells as before"))
			fail_msg("%s", look.why);
		ptyrun_send(p, "\001x");
		ends(p);
		ptyrun_free(p);
		station_stop(s);
	}
}

/* Printed while there is no terminal, and found. */
static void found_after_the_fact(void **state)
{
	const struct place *at = *state;
	struct station *s = station_named(at, "talks");
	ptyrun_send(s->p, "\0013\001d");
	ends(s->p);
	station_ask(s, "flood 3 5000");
	char *argv[] = { (char *)at->program, "attach", "talks", NULL };
	struct ptyrun *p = ptyrun_start(&(struct ptyrun_options){ .term = "xterm" }, argv);
	SHOWS(p, "^line 5000 of");
	ptyrun_send(p, "\001/^line 17 of\r");
	SHOWS(p, "match 1 of 1");
	SHOWS(p, "^line 17 of the flood, and some words to fill it up$");
	ptyrun_send(p, "q");
	SHOWS(p, "^line 5000 of");
	ptyrun_send(p, "\001x");
	ends(p);
	ptyrun_free(p);
	station_stop(s);
}

/* ---- searches and clipboards -------------------------------------------------------------------------------------------------------- */

/* 100,000 lines on each of which the pattern would take for ever: it is searched in pieces, and the workstation lives. */
static void a_hard_search_keeps_nobody_waiting(void **state)
{
	const struct place *at = *state;
	char line[8000] = "print 3 ";
	struct station *s = station_named(at, "hard");
	ptyrun_send(s->p, "\0013");
	for (unsigned i = 0; i < 100; i++)
		strcat(line, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\\r\\n");
	for (unsigned i = 0; i < 1000; i++)
		station_ask(s, "%s", line);
	SEES(s, "^a{40}b");
	ptyrun_send(s->p, "\001/(a+)+$\r");
	SEES(s, ", searching");
	for (unsigned i = 0; i < 5; i++) {              /* meanwhile: output is taken and frames are drawn */
		station_ask(s, "flood 3 2000");
		assert_string_equal(station_ask(s, "put 0 1 07 x"), "ok");
	}
	ptyrun_send(s->p, "k");                         /* any key stops it */
	SEES(s, "the search was stopped");
	ptyrun_send(s->p, "q");
	SEES(s, "^line 2000 of");
	station_stop(s);
}

/* In tmux, what is copied is in tmux' buffer. */
static void copied_into_tmux(void **state)
{
	const struct place *at = *state;
	struct tmux t;
	char cmd[1600], got[200] = "";
	if (system("command -v tmux >/dev/null 2>&1")) {
		print_message("# SKIP tmux is not installed\n");
		skip();
	}
	assert_true(tmux_open(&t, at->dir));
	snprintf(cmd, sizeof cmd, "tmux -S %s/tmux.sock set -s set-clipboard on", at->dir);
	assert_int_equal(system(cmd), 0);
	snprintf(cmd, sizeof cmd, "env XDG_RUNTIME_DIR=%s XDG_CONFIG_HOME=%s XDG_STATE_HOME=/dev/null ASAN_OPTIONS=detect_leaks=0 %s -nodefaults -name inner", at->dir, at->dir, at->program);
	assert_true(tmux_start(&t, "w", 80, 25, cmd));
	struct tmux_screen screen = { 0 };
	bool there = false;
	for (unsigned i = 0; i < 9000 && !there; i++) {
		there = tmux_capture(&t, "w", &screen) && screen.cells && screen.cells[0].ch == 'f' && screen.cells[5].ch == 'V';
		usleep(there ? 0 : 10000);
	}
	tmux_screen_free(&screen);
	assert_true(there);
	assert_true(tmux_send(&t, "w", "\001[g0 $\r", 7));              /* the first line: fake VGA ready */
	snprintf(cmd, sizeof cmd, "tmux -S %s/tmux.sock show-buffer 2>/dev/null", at->dir);
	for (unsigned i = 0; i < 9000 && !*got; i++) {
		FILE *f = popen(cmd, "r");
		got[fread(got, 1, sizeof got - 1, f)] = 0;
		pclose(f);
		usleep(*got ? 0 : 10000);
	}
	snprintf(cmd, sizeof cmd, "XDG_RUNTIME_DIR=%s %s stop inner --now", at->dir, at->program);      /* it would outlive its terminal */
	assert_int_equal(system(cmd), 0);
	for (unsigned i = 0; i < 9000 && tmux_capture(&t, "w", &screen); i++)
		usleep(10000);
	tmux_screen_free(&screen);
	tmux_close(&t);
	assert_string_equal(got, "fake VGA ready");
}

/* ---- leaks --------------------------------------------------------------------------------------------------------------------------- */

/* A session with everything in it, under the leak check of the asan build.  The check stops the program with ptrace, which has been seen to hang:
 * what did not end is tried again, and a leak is a failure. */
static void nothing_leaks(void **state)
{
	const struct place *at = *state;
	int status = -1;
	bool over = false;
	char tail[1 << 16];
	for (unsigned tries = 0; tries < 3 && !over; tries++) {
		char *argv[] = { (char *)at->program, "-name", "tidy", NULL };
		place_write_config(at, "trigger panic\nlayout v500(1,3)\nbind next-console Tab n\n");
		struct station *s = station_start(at, (struct ptyrun_options){ .find_leaks = true }, argv);
		station_ask(s, "flood 3 2000");
		SEES(s, "^line 2000 of");
		ptyrun_send(s->p, "\0013\001[gVjj\r");
		SEES(s, "copied 3 lines");
		ptyrun_send(s->p, "\001]");
		SEES(s, "Paste into serial0\\?");
		ptyrun_send(s->p, "\r\001/line 77\r");
		SEES(s, "match [0-9]+ of");
		ptyrun_send(s->p, "q\001?");
		SEES(s, "Help 1-");
		ptyrun_send(s->p, "q\001:info version\r");
		SEES(s, "7\\.2\\.0");
		ptyrun_send(s->p, "q\001:set theme light\r\001w\r\001=\001z\001z\001!");
		ptyrun_resize(s->p, 120, 40);
		station_ask(s, "add serial9");
		SEES(s, "5:serial9");
		station_ask(s, "remove");
		char *attach[] = { (char *)at->program, "attach", "tidy", NULL };
		struct ptyrun *p = ptyrun_start(&(struct ptyrun_options){ .term = "vt100", .find_leaks = true }, attach);
		SHOWS(p, "running");
		ptyrun_send(p, "\001d");
		over = ptyrun_wait_exit(p, PTYRUN_MS, &status);
		ptyrun_free(p);
		ptyrun_send(s->p, "\001x");
		over &= ptyrun_wait_exit(s->p, PTYRUN_MS, &status);
		tail[ptyrun_tail(s->p, tail, sizeof tail - 1)] = 0;
		if (over && (status || memmem(tail, sizeof tail, "LeakSanitizer: detected", 23)))
			ptyrun_dump(s->p, "leaks");
		station_stop(s);
	}
	place_write_config(at, "");
	assert_true(over);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_null(memmem(tail, sizeof tail, "LeakSanitizer: detected", 23));
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(terminals_and_locales), cmocka_unit_test(back_on_another_terminal), cmocka_unit_test(found_after_the_fact),
		cmocka_unit_test(a_hard_search_keeps_nobody_waiting), cmocka_unit_test(copied_into_tmux), cmocka_unit_test(nothing_leaks),
	};
	return cmocka_run_group_tests_name("proof", tests, place_set_up_here, place_tear_down);
}
