/* test_tui_oracle.c - two terminals must agree: each scenario runs twice at once, in a terminal of libvterm's (ptyrun) and in a pane of tmux
 * (capture-pane), driven by the same keys and the same machine; after each step every cell, its colours and attributes, and the cursor must come
 * out the same in both, so that a fault of one terminal cannot hide itself.  The machine is of cardboard; the last scenarios boot a real one.
 *
 * A step is a text; its first character says what it is:  ! a request to the machine (see fake_vm.c)   > keys   = a new size "COLSxROWS"
 * ? an expression that the screen must match (with "!", must not), and then the two terminals are compared. */
#include "tests/tui/ptyrun.h"
#include "tests/tui/tmuxrun.h"
#include <libgen.h>
#include <locale.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <wchar.h>
#include <cmocka.h>

enum { STEPS = 12 };
struct scenario {
	const char *name;
	unsigned cols, rows;            /* 0: 80x25 */
	const char *env, *args;         /* more of both; NULL: COLORTERM=truecolor, none */
	const char *steps[STEPS];
};

#define SERIAL ">\0333", "?^ running"
static const struct scenario scenarios[] = {
	{ "VGA text", .steps = { "!put 5 3 1e yellow on blue", "!put 5 4 cf blinking", "!cursor 9 3 1 13 14", "?yellow on blue" } },
	{ "all characters and attributes, blinking", 100, 30, .steps = { "!all", "!blink 1", "?^A{32}", "!blink 0", "?^A{32}" } },
	{ "the same in 256 colours", 100, 30, "COLORTERM=", NULL, { "!all", "!blink 0", "?^A{32}" } },
	{ "a font of the guest's", .steps = { "!put 0 16 07 a|x|\\x80|\\x82|", "!font", "?^a\\|█\\| \\|é\\|" } },
	{ "cursor hidden and shown", .steps = { "!cursor 40 12 0 0 0", "?fake VGA", "!cursor 79 24 1 0 15", "?fake VGA" } },
	{ "132x50, panned", .steps = { "!text 132 50", "!put 120 49 2f far corner", "!cursor 131 49 1 13 14", "?far corner" } },
	{ "a picture that is only announced", .steps = { "!graphics 800 600", "?800x600 graphics mode" } },
	{ "blank, and back", .steps = { "!blank", "?!fake VGA", "!text 40 25", "!put 1 1 0f forty", "?forty" } },
	{ "serial: colours and attributes", .steps = { SERIAL, "!print 3 \\e[1mB\\e[4mU\\e[7mR\\e[0m\\e[3mI\\e[0m \\e[31;42mrg\\e[91;104mbr\\e[38;5;208;48;5;17mpal"
		"\\e[38;2;1;2;3;48;2;250;128;0mrgb\\e[0m end", "?end$" } },
	{ "serial: the other screen and back", .steps = { SERIAL, "!print 3 first\\r\\n\\e[?1049h\\e[H\\e[44msecond", "?second", "!print 3 \\e[?1049l", "?!second" } },
	{ "serial: wide and combined characters", .steps = { SERIAL, "!print 3 中文字 | e\\xcc\\x81 | \xef\xbc\xa1 | 😀 |", "?😀 \\|$" } },
	{ "serial: line-drawing set", .steps = { SERIAL, "!print 3 \\e(0lqqk\\r\\nx  x\\r\\nmqqj\\e(B", "?^┌──┐\n│  │\n└──┘$" } },
	{ "serial: margins, lines put in and taken out", .steps = { SERIAL, "!print 3 \\e[2J\\e[Ha\\r\\nb\\r\\nc\\r\\nd\\r\\ne\\e[2;4r\\e[2;1H\\e[L\\e[3;1H\\e[M\\e[r\\e[1;1H\\e[3@\\e[5;1H", "?^   a\n\nc" } },
	{ "serial: erased in colour, tabs", .steps = { SERIAL, "!print 3 \\e[44m\\e[2J\\e[3;1Hone\\ttwo\\t\\e[41m\\e[K\\e[0m\\r\\nrest", "?one +two" } },
	{ "serial: a flood's last screen", .steps = { SERIAL, "!flood 3 3000", "?^line 3000 of" } },
	{ "serial: looking back", .steps = { SERIAL, "!flood 3 300", "?^line 300 of", ">\033[5;5~\033[1;5A", "?^line 277 of|^line 26[0-9] of" } },
	{ "serial: reset and wrap stay inside", .steps = { SERIAL, "!print 3 \\ec\\e[?7l\\e[2J\\e[Hfirmware says hello\\e[25;70Hedge of the screen", "?firmware" } },
	{ "copy mode, a selection", .steps = { SERIAL, "!flood 3 40", "?line 40 of", ">\001[kkk0 jww", "?copy" } },
	{ "a search", .steps = { SERIAL, "!flood 3 200", "?line 200 of", ">\001/line 1.3\r", "?of 1[0-9]" } },
	{ "a filter", .steps = { SERIAL, "!flood 3 200", "?line 200 of", ">\001&line 19\r", "?^line 190 of" } },
	{ "three panes", 100, 30, .steps = { "!print 3 login: ", ">\001|\001-", "?│>3:serial0(.|\n)*│" } },
	{ "three panes, one alone, and back", .steps = { ">\001|", "?│", ">\001z", "?!│", ">\001z", "?│" } },
	{ "layouts", .steps = { ">\001l", "?[Ll]ayout" } },
	{ "help", .steps = { ">\001?", "?select-console|select console", ">\033[6~", "?[a-z]" } },
	{ "palette", .steps = { ">\001Ppau", "?pause" } },
	{ "list of consoles", .steps = { ">\001w", "?serial0\n?(.|\n)*parallel0|parallel0" } },
	{ "keys that cannot be typed", .steps = { ">\001k", "?Ctrl-Alt-F1" } },
	{ "command line", .steps = { ">\001:info st\t", "?info status" } },
	{ "log of commands", .steps = { ">\001 ", "?paused", ">\001:command-log\r", "?stop" } },
	{ "sizes", .steps = { SERIAL, "!flood 3 50", "=100x30", "?line 50 of", "=40x12", "?up$|line 50", "=80x25", "?line 50 of" } },
	{ "20x5", 20, 5, .steps = { "?.", "=12x3", "?small|." } },
	{ "no colour", .env = "NO_COLOR=1", .steps = { "!all", "?^A{32}", ">\001w", "?serial0" } },
	{ "light theme", .env = "VMUX_THEME=light", .steps = { ">\001|", "?│" } },
	{ "without Unicode", .env = "LC_ALL=C", .steps = { "!all", "?A{32}", ">\001|", "?A{8}" } },
	{ "monitor", .steps = { "!print 2 (qemu) info status\\r\\nVM status: running\\r\\n(qemu) ", ">\0332", "?VM status" } },
	{ "a paste of several lines", .steps = { SERIAL, ">\033[200~one\rtwo\r\033[201~", "?Paste into serial0" } },
	{ "the guest's title", .steps = { SERIAL, "!print 3 \\e]2;a guest of mine\\x07titled", "?titled" } },
};

/* ---- both at once ----------------------------------------------------------------------------------------------------------------- */

struct place { struct tmux tmux; char dir[64], self[1024], build[1024]; unsigned started; };
struct turn { struct place *at; const struct scenario *what; };
struct side { int control; FILE *answers; };
struct both { struct place *at; char session[16]; struct ptyrun *p; struct tmux_screen seen; struct side side[2]; unsigned n_sides; };

static void open_place(struct place *at)
{
	ssize_t n = readlink("/proc/self/exe", at->self, sizeof at->self - 1);
	strcpy(at->build, at->self);
	dirname(at->build);
	strcpy(at->dir, "/tmp/vmux-test-XXXXXX");
	if (n <= 0 || !mkdtemp(at->dir) || !tmux_open(&at->tmux, at->dir)) {
		printf("Bail out! no tmux server\n");
		exit(1);
	}
}

static void close_place(struct place *at)
{
	char cmd[128];
	tmux_close(&at->tmux);
	snprintf(cmd, sizeof cmd, "rm -rf %s", at->dir);
	if (system(cmd))
		perror(cmd);
}

/* In the pane: go back to the test by a socket, which is then the machine's, and become the program. */
static int run_at(const char *path, char **argv)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char fd[16];
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof a)) {
		perror(path);
		return 1;
	}
	snprintf(fd, sizeof fd, "%d", s);
	setenv("FAKE_VM_FD", fd, 1);
	execv(argv[0], argv);
	perror(argv[0]);
	return 1;
}

static const char *request(struct side *s, const char *line)
{
	static char answer[4096];
	assert_int_equal(write(s->control, line, strlen(line)), (ssize_t)strlen(line));
	assert_int_equal(write(s->control, "\n", 1), 1);
	assert_non_null(fgets(answer, sizeof answer, s->answers));
	return answer;
}

/* `command` in both terminals.  fakes: both are machines of cardboard that come to our socket. */
static void start(struct both *b, unsigned cols, unsigned rows, const char *command, bool fakes)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)command, NULL };
	snprintf(a.sun_path, sizeof a.sun_path, "%s/control", b->at->dir);
	snprintf(b->session, sizeof b->session, "s%u", ++b->at->started);
	unlink(a.sun_path);
	int l = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(l >= 0 && !bind(l, (struct sockaddr *)&a, sizeof a) && !listen(l, 2));
	b->p = ptyrun_start(&(struct ptyrun_options){ .term = "tmux-256color", .cols = cols, .rows = rows }, argv);
	assert_non_null(b->p);
	for (unsigned i = 0; i < 2; i++) {
		if (i)
			assert_true(tmux_start(&b->at->tmux, b->session, cols, rows, command));
		if (!fakes)
			continue;
		b->side[i].control = accept4(l, NULL, NULL, SOCK_CLOEXEC);
		b->side[i].answers = fdopen(dup(b->side[i].control), "r");
		assert_non_null(b->side[i].answers);
		b->n_sides++;
	}
	close(l);
}

static void stop(struct both *b)
{
	for (unsigned i = 0; i < b->n_sides; i++) {
		close(b->side[i].control);
		fclose(b->side[i].answers);
	}
	ptyrun_free(b->p);
	tmux_end(&b->at->tmux, b->session);
	tmux_screen_free(&b->seen);
}

static int colour(bool is_default, int index, uint32_t rgb)
{
	return is_default ? TMUX_DEFAULT : index >= 0 ? index : (int)(TMUX_RGB | rgb);
}

/* One cell as both have it.  On a blank a foreground shows nothing. */
static bool same_cell(struct both *b, unsigned x, unsigned y, char *why, size_t size)
{
	struct ptyrun_cell v;
	struct tmux_cell t = b->seen.cells[y * b->seen.cols + x];
	assert_true(ptyrun_cell(b->p, x, y, &v));
	uint32_t ch = v.ch == UINT32_MAX ? 0 : v.ch ? v.ch : ' ';
	if (ch == 0x2a7d || ch == 0x2a7e)               /* libvterm's idea of the line-drawing set's "y" and "z" */
		ch = ch == 0x2a7d ? 0x2264 : 0x2265;
	unsigned attrs = (v.bold ? TMUX_BOLD : 0) | (v.underline ? TMUX_UNDERLINE : 0) | (v.blink ? TMUX_BLINK : 0) | (v.reverse ? TMUX_REVERSE : 0) | (v.italic ? TMUX_ITALIC : 0);
	int fg = colour(v.fg_default, v.fg_index, v.fg), bg = colour(v.bg_default, v.bg_index, v.bg);
	if (!t.ch || (ch == ' ' && t.ch == ' ' && !((attrs | t.attrs) & (TMUX_UNDERLINE | TMUX_REVERSE)))) {
		fg = t.fg;
		attrs = t.attrs;
	}
	if (!t.ch)
		bg = t.bg;
	bool same = ch == t.ch && fg == t.fg && bg == t.bg && attrs == t.attrs;
	if (!same)
		snprintf(why, size, "cell %u,%u: U+%04X %x on %x attributes %x in libvterm, U+%04X %x on %x attributes %x in tmux", x, y, ch, (unsigned)fg, (unsigned)bg,
			attrs, t.ch, (unsigned)t.fg, (unsigned)t.bg, t.attrs);
	return same;
}

struct sameness { struct both *b; char why[512]; };

static bool same(struct ptyrun *p, void *arg)
{
	struct sameness *s = arg;
	struct both *b = s->b;
	unsigned x, y;
	bool on;
	if (!tmux_capture(&b->at->tmux, b->session, &b->seen)) {
		snprintf(s->why, sizeof s->why, "tmux has no pane");
		return false;
	}
	for (y = 0; y < b->seen.rows; y++)
		for (x = 0; x < b->seen.cols; x++)
			if (!same_cell(b, x, y, s->why, sizeof s->why))
				return false;
	ptyrun_cursor(p, &x, &y, &on);
	unsigned tx = b->seen.cursor_x < b->seen.cols ? b->seen.cursor_x : b->seen.cols - 1;    /* behind the last column: about to wrap */
	if (on != b->seen.cursor_on || (on && (x != tx || y != b->seen.cursor_y))) {
		snprintf(s->why, sizeof s->why, "cursor %u,%u %s in libvterm, %u,%u %s in tmux", x, y, on ? "on" : "off", tx, b->seen.cursor_y, b->seen.cursor_on ? "on" : "off");
		return false;
	}
	snprintf(s->why, sizeof s->why, "mouse %d, alternate screen %d in tmux", b->seen.mouse, b->seen.alternate);
	return b->seen.alternate == ptyrun_alternate_screen(p) && !b->seen.mouse;
}

static void compare(struct both *b, const char *name, const char *re)
{
	struct sameness s = { .b = b };
	bool ok = *re == '!' ? ptyrun_expect_gone(b->p, re + 1, PTYRUN_MS) : ptyrun_expect(b->p, re, PTYRUN_MS);
	if (!ok)
		fail_msg("%s: not seen: %s", name, re);
	if (!ptyrun_until(b->p, same, &s, PTYRUN_MS, "two terminals that agree"))
		fail_msg("%s, %s: %s", name, re, s.why);
}

static void step(struct both *b, const char *name, const char *what)
{
	unsigned cols, rows;
	switch (*what++) {
	case '!':
		for (unsigned i = 0; i < b->n_sides; i++) {
			char line[1024];
			snprintf(line, sizeof line, "%s", what);
			request(&b->side[i], line);
		}
		break;
	case '>':
		ptyrun_send(b->p, what);
		assert_true(tmux_send(&b->at->tmux, b->session, what, strlen(what)));
		break;
	case '=':
		assert_int_equal(sscanf(what, "%ux%u", &cols, &rows), 2);
		ptyrun_resize(b->p, cols, rows);
		assert_true(tmux_resize(&b->at->tmux, b->session, cols, rows));
		break;
	default:
		compare(b, name, what);
	}
}

static void two_terminals_agree(void **state)
{
	const struct turn *turn = *state;
	const struct scenario *s = turn->what;
	const struct place *at = turn->at;
	struct both b = { .at = turn->at };
	char cmd[4096];
	snprintf(cmd, sizeof cmd, "exec env COLORTERM=truecolor LC_ALL=C.UTF-8 XDG_RUNTIME_DIR=%s XDG_CONFIG_HOME=%s XDG_STATE_HOME=/dev/null %s %s --run-at %s/control "
		"%s/tui-fake -nodefaults %s", at->dir, at->dir, s->env ? s->env : "A=", at->self, at->dir, at->build, s->args ? s->args : "");
	start(&b, s->cols ? s->cols : 80, s->rows ? s->rows : 25, cmd, true);
	if (s->cols != 20)
		compare(&b, s->name, "fake VGA ready");
	for (unsigned i = 0; i < STEPS && s->steps[i]; i++)
		step(&b, s->name, s->steps[i]);
	stop(&b);
}

/* What was on the screen before is there again, with the program's exit status under it. */
static void both_screens_are_given_back(void **state)
{
	struct turn *turn = *state;
	struct place *at = turn->at;
	struct both b = { .at = at };
	char cmd[4096];
	snprintf(cmd, sizeof cmd, "export LC_ALL=C.UTF-8 XDG_RUNTIME_DIR=%s XDG_CONFIG_HOME=%s XDG_STATE_HOME=/dev/null; echo before; %s --run-at %s/control %s/tui-fake -nodefaults; "
		"echo after $?; cat", at->dir, at->dir, at->self, at->dir, at->build);
	start(&b, 80, 25, cmd, true);
	compare(&b, "end", "fake VGA ready");
	step(&b, "end", "!print 3 \\e[?1000h\\e[?25l");
	step(&b, "end", ">\0333");
	compare(&b, "end", "!fake VGA ready");
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(write(b.side[i].control, "end 7\n", 6), 6);
	compare(&b, "end", "^before\nafter 7");
	assert_false(b.seen.alternate);
	assert_true(b.seen.cursor_on);
	stop(&b);
}

/* A real machine draws a picture in mode 13h; each way to show it. */
static void a_real_picture(void **state)
{
	static const char *const ways[] = { "half", "sextant", "ascii" };
	struct turn *turn = *state;
	struct place *at = turn->at;
	struct both b = { .at = at };
	char cmd[4096], keys[64];
	snprintf(cmd, sizeof cmd, "cp %s/../guest-boot/mode13.img %s/$$.img; exec env COLORTERM=truecolor LC_ALL=C.UTF-8 XDG_RUNTIME_DIR=%s XDG_CONFIG_HOME=%s "
		"XDG_STATE_HOME=/dev/null %s/../vmux -m 16 -drive file=%s/$$.img,format=raw,if=ide -name picture", at->build, at->dir, at->dir, at->dir, at->build, at->dir);
	start(&b, 80, 31, cmd, false);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(keys, sizeof keys, ">\001:set graphics %s\r", ways[i]);
		if (!i)
			compare(&b, "picture", "▀");
		step(&b, "picture", keys);
		compare(&b, ways[i], i == 0 ? "▀" : i == 1 ? "🬂" : "@@@@");
	}
	step(&b, "picture", ">\001x");
	assert_true(ptyrun_wait_exit(b.p, PTYRUN_MS, &(int){ 0 }));
	stop(&b);
}

int main(int argc, char **argv)
{
	if (argc > 3 && !strcmp(argv[1], "--run-at"))
		return run_at(argv[2], argv + 3);
	setlocale(LC_ALL, "C.UTF-8");
	enum { N = sizeof scenarios / sizeof *scenarios };
	struct place at = { 0 };
	struct turn turns[N + 1];
	struct CMUnitTest tests[N + 2] = { { "both screens are given back", both_screens_are_given_back, NULL, NULL, &turns[N] },
		{ "a real picture", a_real_picture, NULL, NULL, &turns[N] } };
	turns[N] = (struct turn){ .at = &at };
	for (unsigned i = 0; i < N; i++) {
		turns[i] = (struct turn){ &at, &scenarios[i] };
		tests[i + 2] = (struct CMUnitTest){ scenarios[i].name, two_terminals_agree, NULL, NULL, &turns[i] };
	}
	if (getenv("CMOCKA_TEST_FILTER"))
		cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
	open_place(&at);
	int failed = cmocka_run_group_tests_name("tui_oracle", tests, NULL, NULL);
	close_place(&at);
	return failed;
}
