/* test_tui_keys.c - keys beside the decoder's: what terminal descriptions say, sticky modifiers, macros, the terminal's size typed. */
#include "tests/tui/station.h"
#include "tui/termlearn.h"
#include <curses.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <term.h>
#include <unistd.h>
#include <cmocka.h>

static void note(void *arg, const struct key *k)
{
	char name[32], *text = arg;
	snprintf(text + strlen(text), 200, "%s%s", *text ? " " : "", key_text(k, name, sizeof name));
}

static void terminals_say_what_they_send(void **state)
{
	static const struct { const char *term, *bytes, *keys; } t[] = {
		{ "rxvt", "\033[25~\033[33~\033[26^\033[a\033Oa\033[3$\033[23~", "S-F3 S-F9 C-S-F4 S-Up C-Up S-Delete F11" },
		{ "linux", "\033[25~\033[[A\033[1~", "S-F1 F1 Home" },
		{ "xterm-256color", "\033[1;5A\033[3;2~\033[25~\033OH", "C-Up S-Delete S-F1 Home" },
		{ "putty-256color", "\033[A\033OA", "Up C-Up" },
		{ "tmux-256color", "\033[1;3D\033[1~", "M-Left Home" },
	};
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		struct termlearn learnt;
		struct keydec d;
		char got[1000] = "";
		int status;
		const char *described = strncmp(t[i].term, "putty", 5) ? t[i].term : "xterm";   /* its own is in no small system */
		assert_int_equal(setupterm((char *)described, STDOUT_FILENO, &status), OK);
		termlearn_read(&learnt, t[i].term);
		del_curterm(cur_term);
		for (size_t split = 1; split < strlen(t[i].bytes); split++) {
			got[0] = 0;
			keydec_init(&d, note, got);
			termlearn_teach(&learnt, &d);
			keydec_feed(&d, (const uint8_t *)t[i].bytes, split, 1000);
			keydec_feed(&d, (const uint8_t *)t[i].bytes + split, strlen(t[i].bytes) - split, 1050);
			assert_string_equal(got, t[i].keys);
		}
		termlearn_free(&learnt);
	}
}

static struct station *start(const struct place *at, const char *config)
{
	char *argv[] = { (char *)at->program, (char *)"-nodefaults", NULL };
	place_write_config(at, config);
	return station_start(at, (struct ptyrun_options){ 0 }, argv);
}

/* What came, once there are so many of them. */
static const char *typed(struct station *s, unsigned console, unsigned bytes)
{
	char want[16];
	snprintf(want, sizeof want, "%u ", bytes);
	for (int i = 0; i < 20000 && strncmp(station_ask(s, "typed %u", console), want, strlen(want)); i++)
		ptyrun_bytes_during(s->p, 5);
	return station_ask(s, "show %u", console);
}

static void modifiers_stick(void **state)
{
	struct station *s = start(*state, "");
	ptyrun_send(s->p, "\001K");
	SEES(s, "\\.\\.\\. c a s w g");
	ptyrun_send(s->p, "ca");
	SEES(s, "Ctrl-Alt-\\.\\.\\.");
	ptyrun_send(s->p, "a");
	SEES(s, " Ctrl-\\.\\.\\.");
	ptyrun_send(s->p, "\r");
	SEES(s, " Ctrl-\\+ key");
	ptyrun_send(s->p, "cc");                        /* the first only */
	station_keys_are(s, "1d+ 2e+ 2e- 1d- 2e+ 2e-");
	ptyrun_send(s->p, "\001Ks ");
	SEES(s, "Shift-\\(held\\)");
	ptyrun_send(s->p, "ab");
	station_keys_are(s, "2a+ 1e+ 1e- 2a- 2a+ 30+ 30- 2a-");
	ptyrun_send(s->p, "\001K\r1");
	station_keys_are(s, "02+ 02-");
	ptyrun_send(s->p, "\001Kg\001q");               /* the prefix key ends choosing */
	station_keys_are(s, "b8+ 10+ 10- b8-");
	ptyrun_send(s->p, "\0013\001Kcax\001Ks\rx\001Kc\033[Ay");
	assert_string_equal(typed(s, 3, 10), "1b 18 58 1b 5b 31 3b 35 41 79");
	station_stop(s);
}

static void macros_are_typed(void **state)
{
	struct station *s = start(*state, "macro \"log in\" root<ret>secret<ret>\nmacro crash <alt-sysrq-h>\n");
	ptyrun_send(s->p, "\0013\001k");
	SEES(s, "log in: root<ret>secret<ret>");
	ptyrun_send(s->p, "\r");
	assert_string_equal(typed(s, 3, 12), "72 6f 6f 74 0d 73 65 63 72 65 74 0d");
	ptyrun_send(s->p, "\0011\001:macro crash\r");
	station_keys_are(s, "38+ 54+ 23+ 23- 54- 38-");
	ptyrun_send(s->p, "\001k\033[B\033[B\r");       /* what follows them */
	station_keys_are(s, "1d+ 38+ d3+ d3- 38- 1d-");
	ptyrun_send(s->p, "\001:macro nosuch\r");
	SEES(s, "no macro is named \"nosuch\"");
	ptyrun_send(s->p, "\0013\001:macro crash\r");   /* no serial line has such a key */
	SEES(s, "macro crash: no key is named");
	station_stop(s);
}

static void the_size_is_typed(void **state)
{
	struct station *s = start(*state, "");
	ptyrun_send(s->p, "\001W");
	SEES(s, "the size is typed into a serial console");
	ptyrun_resize(s->p, 100, 31);
	SEES(s, "parallel0 {20}");
	ptyrun_send(s->p, "\0013\001W");
	assert_string_equal(typed(s, 3, 22), "73 74 74 79 20 72 6f 77 73 20 33 30 20 63 6f 6c 73 20 31 30 30 0d");
	station_stop(s);
}

static int check(const struct place *at, const char *text, char *out, size_t size)
{
	char cmd[1300];
	place_write_config(at, text);
	snprintf(cmd, sizeof cmd, "XDG_CONFIG_HOME=%s timeout -k 1 200 %s config check 2>&1", at->dir, at->program);
	FILE *f = popen(cmd, "r");
	assert_non_null(f);
	out[fread(out, 1, size - 1, f)] = 0;
	return WEXITSTATUS(pclose(f));
}

static void settings_are_checked(void **state)
{
	const struct place *at = *state;
	char out[4000], theme[100], config[300];
	assert_int_equal(check(at, "set theme light\nset keymap de\nmacro a b<ret>\nlog serial0 raw\nset log-size 10M\n", out, sizeof out), 0);
	assert_non_null(strstr(out, "/vmux/config: fine\n"));
	/* each wrong line is told, with its number */
	assert_int_equal(check(at, "set theme nosuch\nset keymap nosuch\nset esc-time 5\n# fine\nmacro x <nosuchkey>\nlog serial0 fast\nset log-size 3\nset log-dir here\nmacro x\nset graphics best\n",
		out, sizeof out), 1);
	static const char *const wants[] = { "config:1: no theme \"nosuch\" found", "config:2: no key map \"nosuch\"", "config:3: set esc-time: a number from 10", "config:5: no key is named \"nosuchkey\"",
		"config:6: log wants", "config:7: set log-size", "config:8: set log-dir", "config:9: \"macro\"", "config:10: set graphics" };
	for (unsigned i = 0; i < sizeof wants / sizeof *wants; i++)
		if (!strstr(out, wants[i]))
			fail_msg("%s is missing in: %s", wants[i], out);
	/* a theme's own mistakes name the theme's line too */
	snprintf(theme, sizeof theme, "%s/bad", at->dir);
	FILE *f = fopen(theme, "w");
	assert_non_null(f);
	fputs("include default\nstatus black nocolour\n", f);
	fclose(f);
	snprintf(config, sizeof config, "set theme %s\n", theme);
	assert_int_equal(check(at, config, out, sizeof out), 1);
	assert_non_null(strstr(out, "config:1: "));
	assert_non_null(strstr(out, "/bad:2: \"nocolour\" is no colour"));
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(terminals_say_what_they_send), cmocka_unit_test(modifiers_stick), cmocka_unit_test(macros_are_typed),
		cmocka_unit_test(the_size_is_typed), cmocka_unit_test(settings_are_checked),
	};
	return cmocka_run_group_tests(tests, place_set_up, place_tear_down);
}
