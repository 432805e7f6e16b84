/* test_tui_extkeys.c - keys with all their modifiers: asked for where the terminal says it can, given back at each way out, and nothing but the
 * question where it does not answer. */
#include "tests/tui/station.h"
#include <locale.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>

#define ASK_KITTY "\033[?u"
#define ASK_VERSION "\033[>q"
#define KITTY_ON "\033[>1u"
#define KITTY_OFF "\033[<u"
#define OTHER_ON "\033[>4;1m"
#define OTHER_OFF "\033[>4m"

/* How often these bytes were written since the start. */
static unsigned times(struct ptyrun *p, const char *seq)
{
	size_t size = 4 << 20, n, len = strlen(seq);
	char *all = malloc(size);
	unsigned found = 0;
	assert_non_null(all);
	n = ptyrun_tail(p, all, size);
	for (const char *at = all, *end = all + n; (at = memmem(at, (size_t)(end - at), seq, len)); at += len)
		found++;
	free(all);
	return found;
}

struct wanted { const char *seq; unsigned times; };
static bool written(struct ptyrun *p, void *arg)
{
	const struct wanted *w = arg;
	return times(p, w->seq) >= w->times;
}

static void writes(struct ptyrun *p, const char *seq, unsigned n)
{
	assert_true(ptyrun_until(p, written, &(struct wanted){ seq, n }, PTYRUN_MS, seq + 1));
	assert_int_equal(times(p, seq), n);
}

static struct station *start(const struct place *at, const char *term, const char *name)
{
	char *argv[] = { (char *)at->program, (char *)"-name", (char *)name, NULL };
	place_write_config(at, "set esc-time 5000\n");  /* "Escape, then 3" may come in pieces */
	return station_start(at, (struct ptyrun_options){ .term = term }, argv);
}

/* Ended by a signal to the machine, or by leaving it. */
static void ends(struct station *s, bool killed)
{
	int status;
	if (killed)
		kill((pid_t)atol(station_ask(s, "pid")), SIGKILL);
	else
		ptyrun_send(s->p, "\001d");
	assert_true(ptyrun_wait_exit(s->p, PTYRUN_MS, &status));
}

static void nothing_without_an_answer(void **state)
{
	static const struct { const char *term; unsigned kitty, version; } t[] = { { "xterm-256color", 1, 1 }, { "tmux-256color", 0, 1 }, { "linux", 0, 0 }, { "vt100", 0, 0 } };
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		struct station *s = start(*state, t[i].term, "silent");
		ptyrun_send(s->p, "a");
		station_keys_are(s, "1e+ 1e-");
		ends(s, true);
		assert_int_equal(times(s->p, ASK_KITTY), t[i].kitty);
		assert_int_equal(times(s->p, ASK_VERSION), t[i].version);
		for (unsigned k = 0; k < 4; k++)
			assert_int_equal(times(s->p, (const char *const[]){ KITTY_ON, KITTY_OFF, OTHER_ON, OTHER_OFF }[k]), 0);
		station_stop(s);
	}
}

/* Before the first key that needs it, after the screen was switched: each screen of such a terminal has modes of its own. */
static void kittys_protocol(void **state)
{
	for (unsigned killed = 0; killed < 2; killed++) {
		struct station *s = start(*state, "xterm-256color", killed ? "kitty1" : "kitty0");
		writes(s->p, ASK_KITTY, 1);
		assert_true(ptyrun_alternate_screen(s->p));
		ptyrun_send(s->p, "\033[?0u");
		writes(s->p, KITTY_ON, 1);
		ptyrun_send(s->p, "\033P>|XTerm(390)\033\\");  /* says it can do less, too */
		ptyrun_send(s->p, "\033[97;6u\033[13;5u");
		station_keys_are(s, "1d+ 2a+ 1e+ 1e- 2a- 1d- 1d+ 1c+ 1c- 1d-");
		ptyrun_send(s->p, "\033[27u");                  /* Escape, then 3, by hand or not */
		ptyrun_send(s->p, "3z");
		for (int i = 0; i < 20000 && strncmp(station_ask(s, "typed 3"), "1 ", 2); i++)
			ptyrun_bytes_during(s->p, 5);
		assert_string_equal(station_ask(s, "show 3"), "7a");
		ptyrun_send(s->p, "\033[49;3u\033[27ux");
		station_keys_are(s, "01+ 01- 2d+ 2d-");
		ptyrun_send(s->p, "\033[97;5u:set linear on\r");
		writes(s->p, KITTY_OFF, 1);
		ptyrun_send(s->p, "\001:set linear off\r");
		writes(s->p, KITTY_ON, 2);
		ends(s, killed);
		writes(s->p, KITTY_OFF, 2);
		assert_false(ptyrun_alternate_screen(s->p));
		assert_int_equal(times(s->p, OTHER_ON), 0);
		station_stop(s);
	}
}

static void xterms_modify_other_keys(void **state)
{
	struct station *s = start(*state, "xterm-256color", "xterm");
	writes(s->p, ASK_VERSION, 1);
	ptyrun_send(s->p, "\033P>|XTerm(390)\033\\");
	writes(s->p, OTHER_ON, 1);
	ptyrun_send(s->p, "\033[27;6;65~\033[27;5;13~");
	station_keys_are(s, "1d+ 2a+ 1e+ 1e- 2a- 1d- 1d+ 1c+ 1c- 1d-");
	assert_true(ptyrun_suspend(s->p, PTYRUN_MS));
	writes(s->p, OTHER_OFF, 1);
	ptyrun_continue(s->p);
	writes(s->p, OTHER_ON, 2);
	ends(s, false);
	writes(s->p, OTHER_OFF, 2);
	assert_int_equal(times(s->p, KITTY_ON), 0);
	station_stop(s);
}

static void other_terminals_are_left_alone(void **state)
{
	struct station *s = start(*state, "xterm-256color", "vte");
	writes(s->p, ASK_VERSION, 1);
	ptyrun_send(s->p, "\033P>|VTE(7000)\033\\b");
	station_keys_are(s, "30+ 30-");
	ends(s, false);
	assert_int_equal(times(s->p, OTHER_ON), 0);
	station_stop(s);
}

/* Who comes back is asked again, on a screen of its own again; who only looks is not asked. */
static void attached_terminals(void **state)
{
	const struct place *at = *state;
	struct station *s = start(at, "xterm-256color", "again");
	ends(s, false);
	for (unsigned spy = 0; spy < 2; spy++) {
		char *argv[] = { (char *)at->program, (char *)"attach", (char *)"again", spy ? (char *)"-r" : NULL, NULL };
		const char *env[] = { at->runtime, at->config, NULL };
		int status;
		struct ptyrun *p = ptyrun_start(&(struct ptyrun_options){ .term = "xterm-256color", .env = env }, argv);
		assert_non_null(p);
		assert_true(ptyrun_expect(p, "^fake VGA ready", PTYRUN_MS));
		if (!spy) {
			writes(p, ASK_KITTY, 1);
			assert_true(ptyrun_alternate_screen(p));
			ptyrun_send(p, "\033[?0u");
			writes(p, KITTY_ON, 1);
		}
		ptyrun_send(p, "\001d");
		assert_true(ptyrun_wait_exit(p, PTYRUN_MS, &status));
		assert_int_equal(times(p, ASK_KITTY), !spy);
		assert_int_equal(times(p, KITTY_OFF), !spy);
		assert_false(ptyrun_alternate_screen(p));
		ptyrun_free(p);
	}
	station_stop(s);
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_without_an_answer), cmocka_unit_test(kittys_protocol), cmocka_unit_test(xterms_modify_other_keys),
		cmocka_unit_test(other_terminals_are_left_alone), cmocka_unit_test(attached_terminals),
	};
	return cmocka_run_group_tests_name("tui_extkeys", tests, place_set_up, place_tear_down);
}
