/* test_tui_workstation.c - the workstation as a person meets it: keys in, screen out, through a real pseudo terminal, on a machine of
 * cardboard (fake/fake_vm.c). */
#include "tests/tui/station.h"
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

enum { ARGS = 8 };

static struct station *start(const struct place *at, struct ptyrun_options o, const char *args)
{
	char words[256], *argv[ARGS] = { (char *)at->program };
	int n = 1;
	snprintf(words, sizeof words, "%s", args ? args : "-nodefaults");  /* without arguments it is the machine list */
	for (char *w = strtok(words, " "); w && n < ARGS - 1; w = strtok(NULL, " "))
		argv[n++] = w;
	return station_begin(at, o, argv);
}

static struct station *start_plain(const struct place *at)
{
	return station_start(at, (struct ptyrun_options){ 0 }, (char *[]){ (char *)at->program, (char *)"-nodefaults", NULL });
}

/* The machine ends with this status; it may be gone before it could answer. */
static void end_machine(struct station *s, int status)
{
	char line[32];
	int n = snprintf(line, sizeof line, "end %d\n", status);
	assert_int_equal(write(s->control, line, (size_t)n), n);
}

struct want { struct station *s; const char *request, *what; char all[4096]; };
static bool collected(struct ptyrun *p, void *arg)
{
	struct want *w = arg;
	const char *a = station_ask(w->s, "%s", w->request);
	size_t n = strlen(w->all);
	if (*a)
		snprintf(w->all + n, sizeof w->all - n, "%s%s", n ? " " : "", a);
	return strstr(w->all, w->what) != NULL;
}

/* Until what was typed has arrived at the guest. */
static void arrives(struct station *s, const char *request, const char *what)
{
	struct want w = { .s = s, .request = request, .what = what };
	if (!ptyrun_until(s->p, collected, &w, PTYRUN_MS, what))
		fail_msg("%s gave \"%s\", not \"%s\"", request, w.all, what);
}

#define SEES(s, re) assert_true(ptyrun_expect((s)->p, re, PTYRUN_MS))

static int end(struct station *s)
{
	int status = -1;
	assert_true(ptyrun_wait_exit(s->p, PTYRUN_MS, &status));
	return status;
}

/* The line's modes are those from before the program ran. */
static bool same_modes(const struct ptyrun *p)
{
	struct termios a, b;
	ptyrun_first_termios(p, &b);
	return ptyrun_termios(p, &a) && a.c_iflag == b.c_iflag && a.c_oflag == b.c_oflag && a.c_cflag == b.c_cflag && a.c_lflag == b.c_lflag &&
	       !memcmp(a.c_cc, b.c_cc, sizeof a.c_cc);
}

/* The terminal is as it was found. */
static void check_terminal(struct station *s)
{
	unsigned x, y;
	bool visible;
	assert_true(same_modes(s->p));
	ptyrun_cursor(s->p, &x, &y, &visible);
	assert_true(visible);
	assert_false(ptyrun_alternate_screen(s->p));
	assert_false(ptyrun_mode(s->p, 1049));
	assert_false(ptyrun_mode(s->p, 2004));
	assert_false(ptyrun_mode(s->p, 1000));
}

/* ---- consoles and keys -------------------------------------------------------------------------------------------------------------- */

static void consoles_by_number(void **state)
{
	static const char *const patient[] = { "VMUX_ESC_TIME=5000", NULL };
	struct station *s = start(*state, (struct ptyrun_options){ .env = patient }, NULL);
	SEES(s, "running .*1:VGA 2:monitor 3:serial0 4:parallel0");
	station_ask(s, "print 3 login: ");
	SEES(s, "3:serial0\\*");                        /* something new there */
	ptyrun_send(s->p, "\0333");
	SEES(s, "^login:");
	station_ask(s, "print 2 (qemu) ");
	ptyrun_send_split(s->p, "\0332", 2, 1, 120);    /* by hand: Esc, then 2 */
	SEES(s, "^\\(qemu\\)");
	ptyrun_send(s->p, "\0011");
	SEES(s, "^fake VGA ready");
	ptyrun_send(s->p, "\001n");
	SEES(s, "^\\(qemu\\)");
	ptyrun_send(s->p, "\001p\001p");
	SEES(s, "^ running .*4:parallel0");
	ptyrun_send(s->p, "\0339");
	SEES(s, "there is no console 9");
	ptyrun_send(s->p, "\001c");
	SEES(s, "^\\(qemu\\)");
	ptyrun_send(s->p, "\001c");
	assert_true(ptyrun_expect_gone(s->p, "^\\(qemu\\)", PTYRUN_MS));
	ptyrun_send(s->p, "\001wh\033[H\033[B\033[B\r");        /* list: Home, two down */
	SEES(s, "^login:");
	station_ask(s, "add serial9");
	SEES(s, "5:serial9");
	station_ask(s, "remove");
	assert_true(ptyrun_expect_gone(s->p, "5:serial9", PTYRUN_MS));
	station_stop(s);
}

static void typing_on_the_vga_console(void **state)
{
	static const struct { const char *type, *keys; } t[] = {
		{ "aB1", "1e+ 1e- 2a+ 30+ 30- 2a- 02+ 02-" }, { "\r", "1c+ 1c-" }, { "\t", "0f+ 0f-" }, { "\x7f", "0e+ 0e-" }, { "\x03", "1d+ 2e+ 2e- 1d-" },
		{ "\x13\x11\x1a\x1c", "1d+ 1f+ 1f- 1d- 1d+ 10+ 10- 1d- 1d+ 2c+ 2c- 1d- 1d+ 2b+ 2b- 1d-" }, { "\033x", "38+ 2d+ 2d- 38-" },
		{ "\033[A\033OD", "c8+ c8- cb+ cb-" }, { "\033[1;5C", "1d+ cd+ cd- 1d-" }, { "\033[5;5~", "1d+ c9+ c9- 1d-" }, { "\033OP\033[24~", "3b+ 3b- 58+ 58-" },
		{ "\033[1;3R", "38+ 3d+ 3d- 38-" }, { "\033[3;5~", "1d+ d3+ d3- 1d-" }, { "\033[Z", "2a+ 0f+ 0f- 2a-" }, { "\001\001", "1d+ 1e+ 1e- 1d-" },
		{ "\033[97;6u", "1d+ 2a+ 1e+ 1e- 2a- 1d-" }, { "~", "2a+ 29+ 29- 2a-" }, { "\033\x01", "1d+ 38+ 1e+ 1e- 38- 1d-" },
	};
	struct station *s = start_plain(*state);
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		ptyrun_send(s->p, t[i].type);
		arrives(s, "keys", t[i].keys);
	}
	ptyrun_send(s->p, "\033");                      /* a lone Escape, after its time */
	arrives(s, "keys", "01+ 01-");
	ptyrun_send(s->p, "\xc3\xa9");
	SEES(s, "key map en-us has no key for \"\xc3\xa9\"");
	station_ask(s, "leds 4");                               /* Caps Lock is on in the guest */
	ptyrun_send(s->p, "\0013\0011a");
	arrives(s, "keys", "2a+ 1e+ 1e- 2a-");
	ptyrun_send(s->p, "\001k\r");
	arrives(s, "keys", "1d+ 38+ d3+ d3- 38- 1d-");
	ptyrun_send(s->p, "\001kccc\r");                /* by first letter: the third further on is Ctrl-Alt-F2 */
	SEES(s, "no key is named \"f2\"");
	station_stop(s);
}

static void typing_on_a_serial_console(void **state)
{
	static const struct { const char *type, *bytes; } t[] = {
		{ "ls\r", "6c 73 0d" }, { "\x03\x1a\x13\x11\x1c", "03 1a 13 11 1c" }, { "\xc3\xa9", "c3 a9" }, { "\033[A", "1b 5b 41" }, { "\033OP", "1b 4f 50" },
		{ "\033x", "1b 78" }, { "\001\001", "01" }, { "\x7f", "7f" }, { "\033[1;5C", "1b 5b 31 3b 35 43" }, { "\t", "09" }, { "\033[Z", "1b 5b 5a" },
		{ "\033[3~", "1b 5b 33 7e" }, { "\033j", "1b 6a" },
	};
	struct station *s = start_plain(*state);
	ptyrun_send(s->p, "\0333");
	SEES(s, "running");
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		ptyrun_send(s->p, t[i].type);
		arrives(s, "show 3", t[i].bytes);
	}
	station_ask(s, "print 3 \\e[?1hprompt> ");              /* the guest wants application cursor keys */
	SEES(s, "prompt>");
	ptyrun_send(s->p, "\033[A");
	arrives(s, "show 3", "1b 4f 41");
	station_ask(s, "print 3 \\e[5;10H\\e[6n");              /* and a cursor report */
	arrives(s, "show 3", "1b 5b 35 3b 31 30 52");
	ptyrun_send(s->p, "\001b");
	SEES(s, "break sent to serial0");
	arrives(s, "calls", "break 3");
	station_stop(s);
}

static uint64_t fnv(const char *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;
	while (n--)
		h = (h ^ (uint8_t)*p++) * 0x100000001b3u;
	return h;
}

static void long_pastes_arrive_whole(void **state)
{
	enum { SIZE = 65536, VGA_SIZE = 3000 };
	struct station *s = start_plain(*state);
	char *text = malloc(SIZE + 16), want[64], keys[32 * 1024] = "";
	for (unsigned i = 0; i < SIZE; i++)
		text[i] = i % 70 == 69 ? '\r' : (char)(' ' + i * 7 % 94);
	ptyrun_send(s->p, "\0333\033[200~");
	ptyrun_send_bytes(s->p, text, SIZE);
	ptyrun_send(s->p, "\033[201~");
	SEES(s, "Paste into serial0\\?");
	ptyrun_send(s->p, "\r");
	snprintf(want, sizeof want, "%d %016llx", SIZE, (unsigned long long)fnv(text, SIZE));
	for (int i = 0; i < 20000 && strcmp(station_ask(s, "typed 3"), want); i++)
		ptyrun_bytes_during(s->p, 5);
	assert_string_equal(station_ask(s, "typed 3"), want);
	/* the same on VGA: characters as key presses, none lost */
	ptyrun_send(s->p, "\0331");
	SEES(s, "fake VGA ready");
	ptyrun_send(s->p, "\033[200~");
	for (unsigned i = 0; i < VGA_SIZE; i++)
		ptyrun_send(s->p, "k");
	ptyrun_send(s->p, "\001\0332\033[201~j");       /* a prefix key in pasted text is text */
	for (size_t n = 0, i = 0; i < 20000 && !strstr(keys, "24+ 24-"); i++) {
		const char *a = station_ask(s, "keys");
		n += (size_t)snprintf(keys + n, sizeof keys - n, "%s%s", n && *a ? " " : "", a);
		ptyrun_bytes_during(s->p, 5);
	}
	unsigned presses = 0;
	for (const char *k = keys; (k = strstr(k, "25+ 25-")); k++)
		presses++;
	assert_int_equal(presses, VGA_SIZE);
	assert_non_null(strstr(keys, "25- 1d+ 1e+ 1e- 1d- 01+ 01- 03+ 03- 24+ 24-"));
	free(text);
	station_stop(s);
}

static void the_prefix_key_can_move(void **state)
{
	struct station *s = start(*state, (struct ptyrun_options){ 0 }, "-echr 29");
	SEES(s, "fake VGA ready");
	ptyrun_send(s->p, "\001");
	arrives(s, "keys", "1d+ 1e+ 1e- 1d-");
	ptyrun_send(s->p, "\0353");
	SEES(s, "^ running");
	ptyrun_send(s->p, "\035\035");
	arrives(s, "show 3", "1d");
	ptyrun_send(s->p, "\035Q");
	SEES(s, "C-\\] Q does nothing; C-\\] h lists what does");
	station_stop(s);
}

/* ---- what is shown -------------------------------------------------------------------------------------------------------------------- */

static bool all_attributes(struct ptyrun *p, void *arg)
{
	static const uint32_t pal[16] = { 0x000000, 0x0000aa, 0x00aa00, 0x00aaaa, 0xaa0000, 0xaa00aa, 0xaa5500, 0xaaaaaa,
		0x555555, 0x5555ff, 0x55ff55, 0x55ffff, 0xff5555, 0xff55ff, 0xffff55, 0xffffff };
	unsigned blink = *(const unsigned *)arg;
	bool same = true;
	for (unsigned i = 0; i < 256 && same; i++) {
		struct ptyrun_cell c;
		same = ptyrun_cell(p, i % 32, 8 + i / 32, &c) && c.ch == 'A' && c.fg == pal[i & 15] && c.bg == pal[blink ? i >> 4 & 7 : i >> 4] && c.blink == (blink && i & 0x80);
	}
	return same;
}

static bool cursor_is(struct ptyrun *p, void *arg)
{
	const unsigned *want = arg;
	unsigned x, y;
	bool visible;
	ptyrun_cursor(p, &x, &y, &visible);
	return visible && x == want[0] && y == want[1];
}

static bool cursor_is_hidden(struct ptyrun *p, void *arg)
{
	unsigned x, y;
	bool visible;
	ptyrun_cursor(p, &x, &y, &visible);
	return !visible;
}

static void vga_text_whole(void **state)
{
	static const char *const env[] = { "COLORTERM=truecolor", NULL };
	struct station *s = start(*state, (struct ptyrun_options){ .env = env, .cols = 100, .rows = 30 }, NULL);
	SEES(s, "fake VGA ready");
	station_ask(s, "all");
	SEES(s, "^A{32}");
	for (unsigned blink = 1; blink < 2; blink--) {
		station_ask(s, "blink %u", blink);
		assert_true(ptyrun_until(s->p, all_attributes, &blink, PTYRUN_MS, "all attributes"));
	}
	assert_string_equal(ptyrun_row(s->p, 5), "áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐");
	assert_string_equal(ptyrun_row(s->p, 6), "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀");
	assert_string_equal(ptyrun_row(s->p, 0), " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼");
	/* a font of the guest's own: known bitmaps are what they show, others stay what they were */
	station_ask(s, "put 0 16 07 a|x|\\x80|\\x82|");
	station_ask(s, "font");
	SEES(s, "^a\\|█\\| \\|é\\|");
	/* cursor: place, hidden, shape */
	station_ask(s, "cursor 40 12 1 13 14");
	assert_true(ptyrun_until(s->p, cursor_is, (unsigned[]){ 40, 12 }, PTYRUN_MS, "the cursor at 40,12"));
	station_ask(s, "cursor 40 12 0 0 0");
	assert_true(ptyrun_until(s->p, cursor_is_hidden, NULL, PTYRUN_MS, "no cursor"));
	/* other sizes, and no text at all */
	station_ask(s, "text 132 50");
	station_ask(s, "put 90 20 1f here");
	SEES(s, "^ {90}here");
	station_ask(s, "graphics 800 600");
	SEES(s, "^ +800x600 graphics mode");
	station_ask(s, "blank");
	assert_true(ptyrun_expect_gone(s->p, "graphics mode", PTYRUN_MS));
	station_stop(s);
}

static void a_small_terminal_pans(void **state)
{
	struct station *s = start(*state, (struct ptyrun_options){ .cols = 60, .rows = 20 }, NULL);
	SEES(s, "fake VGA ready");
	station_ask(s, "put 0 24 07 prompt$ ");
	station_ask(s, "put 70 24 07 far right");
	station_ask(s, "cursor 8 24 1 13 14");
	SEES(s, "^prompt\\$");                          /* the last of 25 lines, in a pane of 19 */
	assert_true(ptyrun_until(s->p, cursor_is, (unsigned[]){ 8, 18 }, PTYRUN_MS, "cursor after the prompt"));
	station_ask(s, "cursor 79 24 1 13 14");
	SEES(s, "far right$");
	assert_true(ptyrun_until(s->p, cursor_is, (unsigned[]){ 59, 18 }, PTYRUN_MS, "cursor at the right end"));
	station_ask(s, "cursor 0 0 1 13 14");
	SEES(s, "^fake VGA ready");
	ptyrun_send(s->p, "\001[\033[F");               /* look around: down to the end */
	SEES(s, "^prompt\\$");
	SEES(s, "line 25 of 25 *copy");
	ptyrun_send(s->p, "qx");
	arrives(s, "keys", "2d+ 2d-");
	station_stop(s);
}

static void sizes_change(void **state)
{
	struct station *s = start_plain(*state);
	station_ask(s, "print 3 first line\\r\\nsecond line\\r\\n$ ");
	ptyrun_send(s->p, "\0333");
	SEES(s, "^\\$$");
	static const unsigned sizes[][2] = { { 40, 12 }, { 20, 5 }, { 200, 60 }, { 19, 4 }, { 1, 1 }, { 2, 30 }, { 132, 43 }, { 80, 24 } };
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		ptyrun_resize(s->p, sizes[i][0], sizes[i][1]);
		if (sizes[i][0] >= 20 && sizes[i][1] >= 5)
			SEES(s, "^\\$");
		else if (sizes[i][0] > 10)
			SEES(s, "too small");
		ptyrun_settle(s->p, 50);
	}
	SEES(s, "^first line\nsecond line\n\\$\n");
	ptyrun_send(s->p, "\0331");
	SEES(s, "^fake VGA ready");
	station_stop(s);
}

static void scrollback_of_a_serial_console(void **state)
{
	struct station *s = start_plain(*state);
	ptyrun_send(s->p, "\0333");
	station_ask(s, "flood 3 5000");
	SEES(s, "^line 5000 of");
	ptyrun_send(s->p, "\033[1;5A");                 /* Ctrl-Up */
	SEES(s, "^line 4977 of");
	SEES(s, " 1 back of");
	ptyrun_send(s->p, "\033[5;5~");                 /* Ctrl-PgUp */
	SEES(s, "11 back of");
	assert_true(ptyrun_expect_gone(s->p, "^line 4991 of", PTYRUN_MS));
	station_ask(s, "print 3 more\\r\\nand more\\r\\n");     /* what is read stays where it is */
	SEES(s, "13 back of");
	ptyrun_send(s->p, "\033[6;5~\033[1;5B");
	SEES(s, "2 back of");
	ptyrun_send(s->p, "\001[g");
	SEES(s, "^line 1 of the flood");
	ptyrun_send(s->p, "jjj\033[6~");
	SEES(s, "^line 23 of the flood.*\n(line.*\n)+.*line 26 of .*copy");
	ptyrun_send(s->p, "q");
	SEES(s, "^line 5000 of.*\nmore\nand more");
	station_ask(s, "print 3 \\ec\\e[?7l\\e[2J\\e[1;31mred\\e[m \\e[?1049hother");      /* firmware's reset, then the alternate screen: all stays inside */
	SEES(s, "other");
	assert_true(ptyrun_alternate_screen(s->p));
	assert_true(ptyrun_mode(s->p, 2004));
	station_ask(s, "print 3 \\e[?1049l");
	SEES(s, "^red");
	station_stop(s);
}

/* Since the start; the bell that ends a title is none. */
static bool one_bell(struct ptyrun *p, void *arg)
{
	static char all[1 << 16];
	size_t n = ptyrun_tail(p, all, sizeof all), bells = 0;
	bool title = false;
	for (size_t i = 0; i < n; i++) {
		bells += all[i] == 7 && !title;
		title = all[i] == ']' && i && all[i - 1] == 033 ? true : all[i] == 7 || all[i] == 033 ? false : title;
	}
	return bells == 1;
}

static void colours_of_a_serial_console(void **state)
{
	struct station *s = start_plain(*state);
	struct ptyrun_cell c;
	ptyrun_send(s->p, "\0333");
	station_ask(s, "print 3 \\e[31mr\\e[1;44mb\\e[0;7mv\\e[0;4mu\\e[0;38;5;208mo\\e[m.");
	SEES(s, "^rbvuo\\.");
	ptyrun_cell(s->p, 0, 0, &c);
	assert_int_equal(c.fg_index, 1);
	ptyrun_cell(s->p, 1, 0, &c);
	assert_true(c.bold && c.bg_index == 4 && c.fg_index == 1);
	ptyrun_cell(s->p, 2, 0, &c);
	assert_true(c.reverse && c.fg_default);
	ptyrun_cell(s->p, 3, 0, &c);
	assert_true(c.underline);
	ptyrun_cell(s->p, 4, 0, &c);
	assert_int_equal(c.fg_index, 208);
	ptyrun_cell(s->p, 5, 0, &c);
	assert_true(c.fg_default && c.bg_default);
	station_ask(s, "print 4 \\x07");                       /* a bell in a console that no one looks at */
	station_ask(s, "print 3 \\x07\\x07ring");
	SEES(s, "ring");
	assert_true(ptyrun_until(s->p, one_bell, NULL, PTYRUN_MS, "one bell"));
	ptyrun_settle(s->p, 50);
	assert_true(one_bell(s->p, NULL));
	station_stop(s);
}

static void kinds_of_terminals(void **state)
{
	static const char *const terms[] = { "xterm-256color", "xterm", "linux", "screen", "tmux-256color", "vt100", "rxvt" };
	static const char *const locales[] = { "C.UTF-8", "C" };
	for (unsigned t = 0; t < sizeof terms / sizeof *terms; t++)
		for (unsigned l = 0; l < 2; l++) {
			struct station *s = start(*state, (struct ptyrun_options){ .term = terms[t], .locale = locales[l], .plain_stderr = true }, NULL);
			SEES(s, "fake VGA ready");
			station_ask(s, "put 0 1 1f \\xda\\xc4\\xc4\\xbf|\\xc9\\xcd\\xbb|\\x82\\xdb\\xb0\\x01|end");
			SEES(s, "^....\\|...\\|....\\|end$");   /* columns never slip */
			if (l == 0)
				SEES(s, "^\xe2\x94\x8c\xe2\x94\x80\xe2\x94\x80\xe2\x94\x90\\|\xe2\x95\x94\xe2\x95\x90\xe2\x95\x97\\|\xc3\xa9\xe2\x96\x88");
			ptyrun_send(s->p, "\001x");
			assert_int_equal(end(s), 0);
			assert_string_equal(ptyrun_stderr(s->p), "");
			station_stop(s);
		}
}

static void no_colours_when_asked(void **state)
{
	static const char *const env[] = { "NO_COLOR=1", "COLORTERM=truecolor", NULL };
	struct station *s = start(*state, (struct ptyrun_options){ .env = env }, NULL);
	struct ptyrun_cell c;
	SEES(s, "fake VGA ready");
	station_ask(s, "put 0 3 70 reversed");
	station_ask(s, "put 0 4 0f bright");
	SEES(s, "^bright");
	for (unsigned y = 0; y < 25; y++)
		for (unsigned x = 0; x < 80; x++) {
			ptyrun_cell(s->p, x, y, &c);
			assert_true(c.fg_default && c.bg_default);
		}
	ptyrun_cell(s->p, 0, 3, &c);
	assert_true(c.reverse);
	ptyrun_cell(s->p, 0, 4, &c);
	assert_true(c.bold);
	station_stop(s);
}

static void popups_and_the_command_line(void **state)
{
	struct station *s = start_plain(*state);
	ptyrun_send(s->p, "\001?");
	SEES(s, "Help 1-[0-9]+/");
	SEES(s, "C-a 1\\.\\.9 +select console N");
	ptyrun_send(s->p, "q\001:info ver\t\r");
	SEES(s, "7\\.2\\.0");
	arrives(s, "calls", "monitor info version");
	ptyrun_send(s->p, "\001:help\r");
	SEES(s, "command 1 -- does thing 1");
	ptyrun_send(s->p, "G");
	SEES(s, "command 60 -- does thing 60");
	ptyrun_send(s->p, "q\001:select-cons\t 3\r");
	assert_true(ptyrun_expect_gone(s->p, "fake VGA|command 60", PTYRUN_MS));
	ptyrun_send(s->p, "\001:\033[A\033[A\001\005\027\027\025set esc-time x\r");      /* history and editing keys */
	SEES(s, "set esc-time: a number from 10 to 5000 is wanted");
	ptyrun_send(s->p, "\001:set prefix C-b\r\0021");
	SEES(s, "^fake VGA ready");
	ptyrun_send(s->p, "\002i");
	SEES(s, "key map   en-us \\(English \\(US\\)\\)");
	ptyrun_send(s->p, "q\002 ");
	SEES(s, "^ paused ");
	ptyrun_send(s->p, "\002 ");
	SEES(s, "^ running ");
	arrives(s, "calls", "stop, cont");
	station_ask(s, "say a warning from inside");
	station_ask(s, "put 0 5 07 x");
	SEES(s, "a warning from inside");
	station_stop(s);
}

/* ---- quiet, stalls, ends ------------------------------------------------------------------------------------------------------------- */

static void silent_when_idle(void **state)
{
	struct station *s = start_plain(*state);
	unsigned tries = 0;
	while (ptyrun_bytes_during(s->p, 3000))         /* what the start has to say may take a while */
		assert_true(++tries < 20);
	station_ask(s, "busy 1");
	SEES(s, "real jit +[0-9]+ MIPS");
	station_stop(s);
}

static bool comes_to_rest(struct ptyrun *p, void *too_fast)
{
	const char *line = ptyrun_row(p, 24), *unit = strstr(line, " MIPS");
	size_t digits = 0;
	while (unit && digits < (size_t)(unit - line) && unit[-1 - (long)digits] >= '0' && unit[-1 - (long)digits] <= '9')
		digits++;
	*(bool *)too_fast |= digits > 11;
	return strstr(line, "real jit  idle");
}

struct counted { struct station *s; unsigned long long icount; };

/* The speed is shown for a second; one who looks late is shown another one. */
static bool is_fast(struct ptyrun *p, void *arg)
{
	struct counted *c = arg;
	const char *unit = strstr(ptyrun_row(p, 24), " MIPS");
	station_ask(c->s, "icount %llu", c->icount += 1000000000000);
	return unit && unit - ptyrun_row(p, 24) > 6 && strspn(unit - 6, "0123456789") == 6;
}

/* A machine that was put back has done fewer instructions than before. */
static void counts_go_back(void **state)
{
	struct station *s = start_plain(*state);
	bool too_fast = false;
	struct counted counted = { .s = s };
	assert_true(ptyrun_until(s->p, is_fast, &counted, PTYRUN_MS, "a speed"));
	station_ask(s, "icount 5");
	assert_true(ptyrun_until(s->p, comes_to_rest, &too_fast, PTYRUN_MS, "no speed"));
	assert_false(too_fast);
	station_stop(s);
}

/* The engine is named, and of one that counts no instructions the load is shown; why it runs is on the machine's page. */
static void engine_is_named(void **state)
{
	struct station *s = start_plain(*state);
	station_ask(s, "busy 1");
	SEES(s, "real jit +[0-9]+ MIPS");
	station_ask(s, "engine kvm it runs all modes");
	SEES(s, "real kvm +[0-9]+% CPU [-D]");
	station_ask(s, "busy 0");
	SEES(s, "real kvm  idle [-D]");
	ptyrun_send(s->p, "\001i");
	SEES(s, "engine +kvm; it runs all modes");
	station_stop(s);
}

static void uses_no_time_when_idle(void **state)
{
	char path[64], line[1024];
	struct station *s = start_plain(*state);
	unsigned long user, kernel, before = 0, used = 1000;
	int pid = atoi(station_ask(s, "pid"));
	snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, pid);       /* the UI's thread */
	for (int tries = 0; tries < 20 && used > 3; tries++) {          /* of 300 ticks; what the start has to do may take a while */
		FILE *f = fopen(path, "r");
		assert_non_null(f);
		assert_non_null(fgets(line, sizeof line, f));
		fclose(f);
		assert_int_equal(sscanf(strrchr(line, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel), 2);
		used = tries ? user + kernel - before : used;
		before = user + kernel;
		ptyrun_bytes_during(s->p, 3000);
	}
	assert_true(used <= 3);
	station_stop(s);
}

static bool shows_the_last_lines(struct ptyrun *p, void *arg)
{
	char want[64];
	bool same = true;
	for (unsigned y = 0; y < 22; y++) {
		snprintf(want, sizeof want, "line %u of the flood, and some words to fill it up", 1000 - 21 + y);
		same &= !strcmp(ptyrun_row(p, y), want);
	}
	return same;
}

static void a_stalled_terminal_costs_nothing(void **state)
{
	struct station *s = start_plain(*state);
	ptyrun_send(s->p, "\0333");
	station_ask(s, "flood 3 100");
	SEES(s, "^line 100 of");
	ptyrun_stop_reading(s->p);
	/* far more than all buffers between guest and terminal hold; the guest prints on */
	for (int i = 0; i < 40; i++) {
		long before = atol(station_ask(s, "counter"));
		station_ask(s, "flood 3 1000");
		station_ask(s, "put 0 %d 1f frame %d", i % 25, i);
		assert_true(atol(station_ask(s, "counter")) >= before);
	}
	station_ask(s, "print 3 the end of it all\\r\\n");
	ptyrun_send(s->p, "typed meanwhile");
	arrives(s, "show 3", "65 61 6e 77 68 69 6c 65");
	ptyrun_resume_reading(s->p);
	SEES(s, "^line 999 of.*\nline 1000 of the flood.*\nthe end of it all$");
	assert_true(ptyrun_until(s->p, shows_the_last_lines, NULL, PTYRUN_MS, "lines 979 to 1000"));
	ptyrun_send(s->p, "\0331");
	SEES(s, "frame 39");
	station_stop(s);
}

static void leaves_while_the_terminal_is_stalled(void **state)
{
	struct station *s = start_plain(*state);
	ptyrun_send(s->p, "\0333");
	ptyrun_stop_reading(s->p);
	for (int i = 0; i < 20; i++)
		station_ask(s, "flood 3 500");
	kill(ptyrun_pid(s->p), SIGTERM);
	int status = end(s);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ptyrun_resume_reading(s->p);
	ptyrun_settle(s->p, 100);
	check_terminal(s);
	station_stop(s);
}

static void ends_cleanly_each_way(void **state)
{
	for (int way = 0; way < 6; way++) {
		struct station *s = start_plain(*state);
		ptyrun_send(s->p, "\0333");
		station_ask(s, "print 3 \\e[?25l\\e[1;45mhidden cursor");
		SEES(s, "hidden cursor");
		int want = 0;
		switch (way) {
		case 0: ptyrun_send(s->p, "\001x"); break;
		case 1: kill(ptyrun_pid(s->p), SIGTERM); break;
		case 2: kill(ptyrun_pid(s->p), SIGHUP); break;
		case 3: kill(ptyrun_pid(s->p), SIGINT); break;
		case 4: end_machine(s, 42); want = 42; break;             /* the machine ends by itself */
		case 5: station_ask(s, "say something before the end"); ptyrun_send(s->p, "\001x"); break;
		}
		int status = end(s);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == want);
		ptyrun_settle(s->p, 50);
		check_terminal(s);
		if (way == 1)
			SEES(s, "vmux: terminating on signal 15 from pid [0-9]+ \\(tui_workstation\\)");
		if (way == 5)
			SEES(s, "^something before the end");
		station_stop(s);
	}
}

static bool terminal_is_back(struct ptyrun *p, void *arg)
{
	return same_modes(p) && !ptyrun_alternate_screen(p) && !ptyrun_mode(p, 2004);
}

/* What was written, wherever it has scrolled to: a sanitizer's report behind it may be longer than the screen. */
static bool was_written(struct ptyrun *p, void *text)
{
	static const size_t size = 65536;
	char *buf = malloc(size);
	size_t n = ptyrun_tail(p, buf, size);
	bool found = memmem(buf, n, text, strlen(text)) != NULL;
	free(buf);
	return found;
}

static void dies_without_leaving_a_mess(void **state)
{
	static const int signals[] = { SIGKILL, SIGSEGV, SIGABRT };
	for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
		struct station *s = start_plain(*state);
		station_ask(s, "say last words");
		kill(atoi(station_ask(s, "pid")), signals[i]);
		int status = end(s);
		/* a sanitizer's own handler turns a signal into an exit */
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
		assert_true(ptyrun_until(s->p, terminal_is_back, s, PTYRUN_MS, "the terminal as it was"));
		assert_true(ptyrun_until(s->p, was_written, (char *)"last words", PTYRUN_MS, "last words"));
		if (WEXITSTATUS(status) == 128 + signals[i])
			SEES(s, "^vmux: the machine was killed by signal");
		check_terminal(s);
		station_stop(s);
	}
}

static bool terminal_is_changed(struct ptyrun *p, void *arg)
{
	struct termios now;
	return ptyrun_termios(p, &now) && !same_modes(p);
}

static void dies_without_a_screen(void **state)
{
	const struct place *at = *state;
	char vmux[1200];
	int status;
	snprintf(vmux, sizeof vmux, "%.*s../vmux", (int)(strlen(at->program) - strlen("tui-fake")), at->program);
	struct ptyrun *p = ptyrun_start(&(struct ptyrun_options){ .term = "dumb", .has_shell = true }, (char *[]){ vmux, (char *)"-nographic", (char *)"-S", NULL });
	assert_non_null(p);
	assert_true(ptyrun_until(p, terminal_is_changed, NULL, PTYRUN_MS, "a raw terminal"));
	kill(ptyrun_pid(p), SIGKILL);
	assert_true(ptyrun_wait_exit(p, PTYRUN_MS, &status));
	assert_true(ptyrun_until(p, terminal_is_back, NULL, PTYRUN_MS, "the terminal as it was"));
	assert_int_equal(ptyrun_raw_bytes(p), 0);
	ptyrun_free(p);
}

static void a_machine_survives_its_terminal(void **state)
{
	static const int ways[] = { 0, SIGHUP, SIGKILL };
	for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
		struct station *s = start(*state, (struct ptyrun_options){ .has_shell = ways[i] == SIGKILL }, NULL);
		SEES(s, "fake VGA ready");
		if (ways[i])
			kill(ptyrun_pid(s->p), ways[i]);
		else
			ptyrun_hangup(s->p);
		int status = end(s);
		assert_true(ways[i] == SIGKILL ? WIFSIGNALED(status) : WIFEXITED(status) && WEXITSTATUS(status) == 0);
		long before = atol(station_ask(s, "counter"));
		while (atol(station_ask(s, "counter")) == before)
			ptyrun_bytes_during(s->p, 2);
		assert_string_equal(station_ask(s, "print 3 on it goes"), "ok");
		if (ways[i]) {
			assert_true(ptyrun_until(s->p, terminal_is_back, s, PTYRUN_MS, "the terminal as it was"));
			check_terminal(s);
		}
		station_stop(s);
	}
}

static void stops_and_goes_on(void **state)
{
	struct station *s = start_plain(*state);
	assert_true(ptyrun_suspend(s->p, PTYRUN_MS));
	assert_true(terminal_is_back(s->p, s));
	ptyrun_continue(s->p);
	SEES(s, "^fake VGA ready");
	assert_true(ptyrun_alternate_screen(s->p));
	ptyrun_send(s->p, "\001x");
	assert_int_equal(end(s), 0);
	check_terminal(s);
	station_stop(s);
}

static void wrong_places_get_one_sentence(void **state)
{
	const struct place *at = *state;
	char cmd[1300], line[600];
	snprintf(cmd, sizeof cmd, "%s </dev/null 2>&1; echo $?", at->program);
	FILE *f = popen(cmd, "r");
	assert_non_null(fgets(line, sizeof line, f));
	assert_string_equal(line, "vmux: the workstation needs a terminal on stdin and stdout; without one use -nographic or -display none\n");
	assert_non_null(fgets(line, sizeof line, f));
	assert_string_equal(line, "1\n");
	assert_null(fgets(line, sizeof line, f));
	pclose(f);
	static const struct { const char *term, *args, *says; } t[] = {
		{ "dumb", "", "^vmux: .*TERM says this one cannot" }, { "nonesuch", "", "^vmux: the terminal type \"nonesuch\" is unknown here" },
		{ "xterm", "-k nosuch", "^vmux: -k: no key map \"nosuch\" found" }, { "xterm", "-fail", "^vmux: -fail: as you wish" },
	};
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		struct station *s = start(*state, (struct ptyrun_options){ .term = t[i].term, .cols = 200 }, t[i].args);
		int status = end(s);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
		SEES(s, t[i].says);
		check_terminal(s);
		station_stop(s);
	}
	struct station *s = start(*state, (struct ptyrun_options){ .term = "dumb" }, "-nographic");       /* works anywhere */
	assert_string_equal(station_ask(s, "print 3 x"), "ok");
	end_machine(s, 3);
	int status = end(s);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
	assert_int_equal(ptyrun_raw_bytes(s->p), 0);
	station_stop(s);
	s = start(*state, (struct ptyrun_options){ 0 }, "-nographic");
	station_ask(s, "counter");
	kill(ptyrun_pid(s->p), SIGTERM);
	status = end(s);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	SEES(s, "^vmux: terminating on signal 15");
	station_stop(s);
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(consoles_by_number), cmocka_unit_test(typing_on_the_vga_console), cmocka_unit_test(typing_on_a_serial_console),
		cmocka_unit_test(long_pastes_arrive_whole), cmocka_unit_test(the_prefix_key_can_move), cmocka_unit_test(vga_text_whole),
		cmocka_unit_test(a_small_terminal_pans), cmocka_unit_test(sizes_change), cmocka_unit_test(scrollback_of_a_serial_console),
		cmocka_unit_test(colours_of_a_serial_console), cmocka_unit_test(kinds_of_terminals), cmocka_unit_test(no_colours_when_asked),
		cmocka_unit_test(popups_and_the_command_line), cmocka_unit_test(silent_when_idle), cmocka_unit_test(counts_go_back), cmocka_unit_test(engine_is_named), cmocka_unit_test(uses_no_time_when_idle),
		cmocka_unit_test(a_stalled_terminal_costs_nothing), cmocka_unit_test(leaves_while_the_terminal_is_stalled),
		cmocka_unit_test(ends_cleanly_each_way), cmocka_unit_test(dies_without_leaving_a_mess), cmocka_unit_test(dies_without_a_screen), cmocka_unit_test(a_machine_survives_its_terminal),
		cmocka_unit_test(stops_and_goes_on), cmocka_unit_test(wrong_places_get_one_sentence),
	};
	return cmocka_run_group_tests(tests, place_set_up, place_tear_down);
}
