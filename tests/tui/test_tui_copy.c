/* test_tui_copy.c - what has been shown: searched, filtered, copied and pasted, through a real pseudo terminal on a machine of cardboard. */
#include "tests/tui/station.h"
#include "tui/clipboard.h"
#include "tui/scrollback.h"
#include "tui/search.h"
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

static struct station *start(const struct place *at, const char *term, const char *env)
{
	const char *all[] = { env ? env : "TMUX", env && strncmp(env, "TMUX", 4) ? "TMUX" : NULL, NULL };
	return station_start(at, (struct ptyrun_options){ .env = all, .term = term }, (char *[]){ (char *)at->program, (char *)"-m", (char *)"64", NULL });
}

/* ---- OSC 52 ------------------------------------------------------------------------------------------------------------------------- */

struct wanted { char bytes[4096]; size_t len; };
static bool came(struct ptyrun *p, void *arg)
{
	static char tail[1 << 16];
	struct wanted *w = arg;
	size_t n = ptyrun_tail(p, tail, sizeof tail);
	return n && memmem(tail, n, w->bytes, w->len);
}

static void copied(struct station *s, const char *text, char mux)
{
	struct wanted w;
	struct text out = { 0 };
	clipboard_sequence(&out, text, strlen(text), mux);
	assert_true(out.len < sizeof w.bytes);
	memcpy(w.bytes, out.s, w.len = out.len);
	text_free(&out);
	assert_true(ptyrun_until(s->p, came, &w, PTYRUN_MS, text));
}

static void sequences(void **state)
{
	static const struct { const char *text, *base64; } t[] = { { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foobar", "Zm9vYmFy" } };      /* RFC 4648, 10 */
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		struct text out = { 0 };
		char want[64];
		snprintf(want, sizeof want, "\033]52;c;%s\a", t[i].base64);
		clipboard_sequence(&out, t[i].text, strlen(t[i].text), 0);
		assert_string_equal(out.s, want);
		text_free(&out);
	}
	struct text out = { 0 };
	clipboard_sequence(&out, "foo", 3, 't');
	assert_string_equal(out.s, "\033]52;c;Zm9v\a\033Ptmux;\033\033]52;c;Zm9v\a\033\\");
	text_free(&out);
	clipboard_sequence(&out, "foo", 3, 's');
	assert_string_equal(out.s, "\033P\033]52;c;Zm9v\a\033\\");
	text_free(&out);
}

/* ---- through the terminal ------------------------------------------------------------------------------------------------------------- */

static void print_poem(struct station *s)
{
	ptyrun_send(s->p, "\0333");
	station_ask(s, "flood 3 200");
	station_ask(s, "print 3 alpha beta-gamma  delta\\r\\nsecond line here\\r\\n\\xe4\\xb8\\xad\\xe6\\x96\\x87 wide e\\xcc\\x81nd\\r\\n");
	SEES(s, "^second line here");
}

static void vi_keys_select_and_copy(void **state)
{
	struct station *s = start(*state, NULL, NULL);
	print_poem(s);
	ptyrun_send(s->p, "\001[");
	SEES(s, "line 203 of 203 *copy");
	ptyrun_send(s->p, "kkwww e\r");                        /* on "delta"?  alpha, beta, -, gamma: "gamma" */
	copied(s, "gamma", 0);
	ptyrun_send(s->p, "\001[kk Gw\r");                     /* over lines, wide and combined characters whole */
	copied(s, "alpha beta-gamma  delta\nsecond line here\n\xe4\xb8\xad\xe6\x96\x87 w", 0);
	ptyrun_send(s->p, "\001[kVk\r");
	copied(s, "alpha beta-gamma  delta\nsecond line here\n", 0);
	ptyrun_send(s->p, "\001[kklvjlly");                    /* a block */
	copied(s, "lph\neco", 0);
	ptyrun_send(s->p, "\001[kkWD");
	copied(s, "beta-gamma  delta", 0);
	ptyrun_send(s->p, "\001[g $\r");
	copied(s, "line 1 of the flood, and some words to fill it up", 0);
	ptyrun_send(s->p, "\001[203k2jb q");                   /* counts; nothing is copied */
	ptyrun_send(s->p, "\001y");
	SEES(s, "copied 23 lines");
	station_stop(s);
}

static void emacs_keys_select_and_copy(void **state)
{
	struct station *s = start(*state, NULL, "EDITOR=emacs -nw");
	print_poem(s);
	ptyrun_send(s->p, "\001[\020\020\033f\033b");
	ptyrun_send_bytes(s->p, "\0", 1);
	ptyrun_send(s->p, "\033f\006\033w");                   /* C-Space M-f C-f M-w */
	copied(s, "alpha", 0);
	ptyrun_send(s->p, "\001[\020\005");                     /* C-p C-e */
	ptyrun_send_bytes(s->p, "\0", 1);
	ptyrun_send(s->p, "\001\001\027");                      /* C-a (typed twice: it is the prefix key) C-w: backwards */
	copied(s, "second line here", 0);
	station_stop(s);
}

static void copies_inside_tmux_and_without_a_clipboard(void **state)
{
	struct station *s = start(*state, "tmux-256color", "TMUX=/tmp/tmux-0/default,1,0");
	print_poem(s);
	ptyrun_send(s->p, "\001[k0 e\r");
	copied(s, "second", 't');
	station_stop(s);
	const struct place *at = *state;
	char cmd[128], line[64] = "";
	s = start(at, "linux", NULL);
	print_poem(s);
	ptyrun_send(s->p, "\001[k0 e\r");
	SEES(s, "no clipboard, so they are in");
	snprintf(cmd, sizeof cmd, "cat %s/vmux/*.copy", at->dir);
	FILE *f = popen(cmd, "r");
	assert_non_null(fgets(line, sizeof line, f));
	pclose(f);
	assert_string_equal(line, "second");
	station_stop(s);
}

static void search_in_the_terminal(void **state)
{
	struct station *s = start(*state, NULL, NULL);
	print_poem(s);
	ptyrun_send(s->p, "\001/LINE 1[0-9]0 of\r");            /* a capital: case counts */
	SEES(s, "\"LINE 1.0-9.0 of\" is not here");
	ptyrun_send(s->p, "q\001/line 1[0-9]0 of\r");
	SEES(s, "match 10 of 10");
	SEES(s, "^line 190 of the flood");
	struct ptyrun_cell c;
	bool found = false;
	for (unsigned y = 0; y < 24; y++)
		if (!strncmp(ptyrun_row(s->p, y), "line 190 ", 9)) {
			ptyrun_cell(s->p, 0, y, &c);
			found = c.bg_index == 11;
			ptyrun_cell(s->p, 12, y, &c);
			found &= c.bg_default;
		}
	assert_true(found);
	ptyrun_send(s->p, "n");
	SEES(s, "match 9 of 10");
	ptyrun_send(s->p, "NN");
	SEES(s, "match 1 of 10");                               /* around the end */
	ptyrun_send(s->p, "/(bad\r");
	SEES(s, "missing closing parenthesis, at character 5");
	ptyrun_send(s->p, "g/flood.*up$\r");
	SEES(s, "match 1 of 200");
	station_stop(s);
}

static void filters_are_live(void **state)
{
	struct station *s = start(*state, NULL, NULL);
	print_poem(s);
	ptyrun_send(s->p, "\001&/line \\d*7 of/\r");
	SEES(s, "filter 20 of 20");
	SEES(s, "^line 187 of .*\nline 197 of ");
	station_ask(s, "print 3 line 77777 of it\\r\\nline 8 of it\\r\\n");
	SEES(s, "^line 197 of .*\nline 77777 of it$");
	ptyrun_send(s->p, "&!flood\r");
	SEES(s, "filter [0-9] of 5");
	SEES(s, "^alpha beta.*\nsecond line here\n.*wide.*\nline 77777 of it\nline 8 of it$");
	ptyrun_send(s->p, "gVG\r");                             /* what is shown is what is copied */
	SEES(s, "copied 5 lines");
	station_stop(s);
}

static void what_left_the_vga_screen(void **state)
{
	struct station *s = start(*state, NULL, NULL);
	station_ask(s, "put 0 1 1f boot line one");
	station_ask(s, "put 0 2 07 boot line two");
	SEES(s, "^boot line two");
	station_ask(s, "text 80 25");                                   /* cleared */
	station_ask(s, "put 0 0 07 after the clear");
	SEES(s, "^after the clear");
	ptyrun_send(s->p, "\001[g");
	SEES(s, "^fake VGA ready *\nboot line one\nboot line two\n");
	ptyrun_send(s->p, "jV\r");
	copied(s, "boot line one\n", 0);
	station_stop(s);
}

/* ---- pasting ------------------------------------------------------------------------------------------------------------------------- */

static void pastes_are_shown_first(void **state)
{
	struct station *s = start(*state, NULL, NULL);
	ptyrun_send(s->p, "\0333");
	SEES(s, "running");
	ptyrun_send(s->p, "\033[200~rm -rf x\recho gone\r\033[201~");
	SEES(s, "Paste into serial0\\?");
	SEES(s, "Paste 19 bytes, 2 lines");
	SEES(s, "echo gone");
	ptyrun_send(s->p, "\033[B\r");                          /* no */
	SEES(s, "nothing was pasted");
	assert_string_equal(station_ask(s, "typed 3"), "0 cbf29ce484222325");
	ptyrun_send(s->p, "\001:set paste-ask off\r\033[200~a\rb\r\033[201~c");
	for (int i = 0; i < 20000 && !strstr(station_ask(s, "typed 3"), "5 "); i++)
		ptyrun_bytes_during(s->p, 5);
	assert_string_equal(station_ask(s, "show 3"), "61 0d 62 0d 63");
	station_stop(s);
}

static void what_was_copied_is_pasted(void **state)
{
	struct station *s = start(*state, NULL, NULL);
	print_poem(s);
	ptyrun_send(s->p, "\001]");
	SEES(s, "nothing was copied yet");
	ptyrun_send(s->p, "\001[k0 $\r\001]");
	for (int i = 0; i < 20000 && strncmp(station_ask(s, "typed 3"), "16 ", 3); i++)
		ptyrun_bytes_during(s->p, 5);
	assert_string_equal(station_ask(s, "show 3"), "73 65 63 6f 6e 64 20 6c 69 6e 65 20 68 65 72 65");
	ptyrun_send(s->p, "\001[G0 $\r\0331\001]");             /* onto a keyboard without these keys */
	SEES(s, "not pasted: the key map en-us lacks [0-9] of the characters, first \"\xe4\xb8\xad\"");
	assert_string_equal(station_ask(s, "keys"), "");
	station_stop(s);
}

static void pastes_take_their_time(void **state)
{
	struct station *s = start(*state, NULL, NULL);
	ptyrun_send(s->p, "\0333\001:set paste-char-delay 1000\r\033[200~");     /* more than two minutes */
	for (unsigned i = 0; i < 13; i++)
		ptyrun_send(s->p, "ten bytes.");
	ptyrun_send(s->p, "\033[201~");
	SEES(s, "paste [0-9]+%");
	ptyrun_send(s->p, "\001]");
	SEES(s, "pasting stopped: [0-9]+ of 130 bytes were typed");
	station_stop(s);
}

/* ---- parts ------------------------------------------------------------------------------------------------------------------------------ */

static double now_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void push_text(struct scrollback *b, const char *text)
{
	struct cell cells[160];
	unsigned n = 0;
	for (; *text; text++)
		cells[n++] = (struct cell){ .ch = (uint8_t)*text, .style = { COLOUR_DEFAULT, COLOUR_DEFAULT, 0 } };
	scrollback_push(b, cells, n);
}

static double run_search(struct search *q, const struct document *d, double *slowest)
{
	double total = 0;
	for (bool more = true; more; ) {
		double t = now_s();
		more = search_slice(q, d);
		t = now_s() - t;
		total += t;
		if (t > *slowest)
			*slowest = t;
	}
	return total;
}

static void a_million_lines(void **state)
{
	enum { LINES = 1000000 };
	struct scrollback *b = scrollback_new(140u << 20);
	char line[160];
	const struct match *m;
	struct error err;
	double slowest = 0;
	for (unsigned i = 0; i < LINES; i++) {
		snprintf(line, sizeof line, "[%10u.%06u] usb 1-%u: new high-speed device number %u using xhci", i / 100, i % 100 * 10000, i % 7, i);
		push_text(b, line);
	}
	assert_int_equal(scrollback_lines(b), LINES);
	assert_true(scrollback_bytes(b) < 150000000);
	struct document d = { .back = b, .first = 0, .live = LINES, .end = LINES };
	struct search *q = search_new("number 98765\\d using", 0, &err);
	double took = run_search(q, &d, &slowest);
	print_message("a million lines searched in %.0f ms, longest slice %.1f ms\n", took * 1e3, slowest * 1e3);
	assert_int_equal(search_matches(q, &m), 10);
	assert_int_equal(m[3].line, 987653);
	assert_int_equal(m[3].from, 51);
	search_free(q);
	/* the ring wraps: the oldest go, numbers stay */
	scrollback_set_budget(b, 1 << 20);
	d.first = LINES - scrollback_lines(b);
	assert_true(d.first > 900000);
	q = search_new("number 98765\\d using", 0, &err);
	run_search(q, &d, &slowest);
	assert_int_equal(search_matches(q, &m), d.first < 987650 ? 10 : 0);
	search_free(q);
	scrollback_free(b);
}

static void a_bad_pattern_stalls_nobody(void **state)
{
	enum { LINES = 100000 };
	struct scrollback *b = scrollback_new(64u << 20);
	struct error err;
	double slowest = 0;
	for (unsigned i = 0; i < LINES; i++)
		push_text(b, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
	struct document d = { .back = b, .first = 0, .live = LINES, .end = LINES };
	struct search *q = search_new("(a+)+$", 0, &err);
	double end = now_s() + 1;
	while (now_s() < end || !search_too_hard(q)) {
		double t = now_s();
		bool more = search_slice(q, &d);
		t = now_s() - t;
		slowest = t > slowest ? t : slowest;
		if (!more)
			break;
	}
	print_message("(a+)+$: longest slice %.1f ms\n", slowest * 1e3);
	assert_true(search_too_hard(q) > 0);
	search_cancel(q);
	assert_false(search_slice(q, &d));
	search_free(q);
	scrollback_free(b);
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences), cmocka_unit_test(vi_keys_select_and_copy), cmocka_unit_test(emacs_keys_select_and_copy),
		cmocka_unit_test(copies_inside_tmux_and_without_a_clipboard), cmocka_unit_test(search_in_the_terminal), cmocka_unit_test(filters_are_live),
		cmocka_unit_test(what_left_the_vga_screen), cmocka_unit_test(pastes_are_shown_first), cmocka_unit_test(what_was_copied_is_pasted),
		cmocka_unit_test(pastes_take_their_time), cmocka_unit_test(a_million_lines), cmocka_unit_test(a_bad_pattern_stalls_nobody),
	};
	return cmocka_run_group_tests(tests, place_set_up, place_tear_down);
}
