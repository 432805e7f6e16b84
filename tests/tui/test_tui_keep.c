/* test_tui_keep.c - what consoles print is kept: logs (raw, stripped, timed, rotated, on a full disk), times beside lines, recordings. */
#include "tests/tui/station.h"
#include "tui/linetimes.h"
#include "tui/strip.h"
#include <glob.h>
#include <jansson.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vterm.h>
#include <cmocka.h>

enum { FILE_MOST = 1 << 20 };

static struct station *start(const struct place *at, const char *config)
{
	char settings[600];
	char *argv[] = { (char *)at->program, (char *)"-name", (char *)"kept", NULL };
	snprintf(settings, sizeof settings, "set log-dir %s/out\n%s", at->dir, config);
	place_write_config(at, settings);
	return station_start(at, (struct ptyrun_options){ 0 }, argv);
}

/* The file that a pattern in the folder for logs names; the caller's to free. */
static char *read_file(const struct place *at, const char *pattern, size_t *n)
{
	char path[300];
	glob_t g;
	snprintf(path, sizeof path, "%s/out/%s", at->dir, pattern);
	if (glob(path, 0, NULL, &g))
		fail_msg("no file %s", path);
	FILE *f = fopen(g.gl_pathv[g.gl_pathc - 1], "r");
	char *s = malloc(FILE_MOST);
	assert_true(f && s);
	*n = fread(s, 1, FILE_MOST - 1, f);
	s[*n] = 0;
	fclose(f);
	globfree(&g);
	return s;
}

static unsigned count_files(const struct place *at, const char *pattern)
{
	char path[300];
	glob_t g;
	snprintf(path, sizeof path, "%s/out/%s", at->dir, pattern);
	unsigned n = glob(path, 0, NULL, &g) ? 0 : (unsigned)g.gl_pathc;
	if (n)
		globfree(&g);
	return n;
}

static void clear_folder(const struct place *at)
{
	char cmd[200];
	snprintf(cmd, sizeof cmd, "rm -rf %s/out && mkdir %s/out", at->dir, at->dir);
	assert_int_equal(system(cmd), 0);
}

static void command(struct station *s, const char *line)
{
	char keys[300];
	snprintf(keys, sizeof keys, "\001:%s\r", line);
	ptyrun_send(s->p, keys);
}

/* ---- logs -------------------------------------------------------------------------------------------------------------------------- */

/* Every byte value, in an order that makes no sequence of itself; as fake_vm.c takes it and as it comes out. */
static size_t all_bytes(char *request, uint8_t *bytes)
{
	size_t n = 0;
	for (unsigned i = 0; i < 256; i++) {
		bytes[n++] = (uint8_t)(i * 7 + 3);
		request += sprintf(request, "\\x%02x", bytes[n - 1]);
	}
	return n;
}

static void a_raw_log_is_the_stream(void **state)
{
	const struct place *at = *state;
	char request[1200], *log;
	uint8_t bytes[256];
	size_t n, len = all_bytes(request, bytes);
	clear_folder(at);
	struct station *s = start(at, "");
	ptyrun_send(s->p, "\0013\001L");
	SEES(s, "Log serial0 to a file");
	ptyrun_send(s->p, "\r");
	SEES(s, "serial0 is logged \\(raw\\) to");
	SEES(s, " L *$");
	for (int i = 0; i < 3; i++)
		station_ask(s, "print 3 %s", request);
	station_ask(s, "print 3 \\x1b\\\\\\ec\\r\\nthe end\\r\\n");
	SEES(s, "^the end");
	ptyrun_send(s->p, "\001T\001L");                /* times stay out of it */
	SEES(s, "the log of serial0 ends: 783 bytes");
	log = read_file(at, "kept-serial0-*.log", &n);
	assert_int_equal(n, 3 * len + strlen("\033\\\033c\r\nthe end\r\n"));
	for (int i = 0; i < 3; i++)
		assert_memory_equal(log + (size_t)i * len, bytes, len);
	assert_string_equal(log + 3 * len, "\033\\\033c\r\nthe end\r\n");
	free(log);
	station_stop(s);
}

static void logs_are_rotated(void **state)
{
	const struct place *at = *state;
	char *all = malloc(FILE_MOST), pattern[40];
	size_t n, total = 0;
	assert_non_null(all);
	clear_folder(at);
	struct station *s = start(at, "set log-size 4K\nset log-keep 40\nlog serial0 raw\n");
	ptyrun_send(s->p, "\0013");
	station_ask(s, "flood 3 1000");
	SEES(s, "^line 1000 of the flood");
	unsigned files = count_files(at, "kept-serial0-*.log.*");
	assert_true(files >= 10 && files < 40);
	for (unsigned i = files + 1; i-- > 0; ) {
		snprintf(pattern, sizeof pattern, i ? "kept-serial0-*.log.%u" : "kept-serial0-*.log", i);
		char *part = read_file(at, pattern, &n);
		assert_true(i ? n == 4096 : n <= 4096);
		memcpy(all + total, part, n);
		total += n;
		free(part);
	}
	all[total] = 0;
	char *p = all, line[100];
	for (unsigned i = 1; i <= 1000; i++) {
		int len = snprintf(line, sizeof line, "line %u of the flood, and some words to fill it up\r\n", i);
		assert_memory_equal(p, line, (size_t)len);
		p += len;
	}
	assert_string_equal(p, "");
	free(all);
	station_stop(s);
}

static void only_so_many_are_kept(void **state)
{
	const struct place *at = *state;
	size_t n;
	clear_folder(at);
	struct station *s = start(at, "set log-size 1K\nset log-keep 2\nlog 3 stripped\n");
	ptyrun_send(s->p, "\0013");
	station_ask(s, "flood 3 400");
	SEES(s, "^line 400 of the flood");
	assert_int_equal(count_files(at, "kept-serial0-*.log*"), 3);
	char *log = read_file(at, "kept-serial0-*.log.1", &n);
	assert_true(n >= 1024 && n < 1100 && log[n - 1] == '\n' && !strncmp(log, "line ", 5));  /* cut between lines */
	free(log);
	station_stop(s);
}

static void stripped_and_timed(void **state)
{
	const struct place *at = *state;
	char stripped[200], timed[200];
	size_t n;
	clear_folder(at);
	struct station *s = start(at, "");
	snprintf(stripped, sizeof stripped, "log stripped %s/a.txt", at->dir);
	snprintf(timed, sizeof timed, "log timed %s/b.txt", at->dir);
	ptyrun_send(s->p, "\0013");
	command(s, stripped);
	SEES(s, "serial0 is logged \\(stripped\\)");
	ptyrun_send(s->p, "\0014");
	command(s, timed);
	SEES(s, "parallel0 is logged \\(timed\\)");
	for (int i = 3; i <= 4; i++)
		station_ask(s, "print %d \\e[1;31mred\\e[0m and plain\\r\\r\\n\\e]0;title\\x07\\n10%%\\r100%%\\r\\n\\e[5;5Htab\\tb\\x08s \\xc3\\xa9 $ ", i);
	SEES(s, "s . \\$");
	command(s, "log off");
	ptyrun_send(s->p, "\0013");
	command(s, "log off");
	SEES(s, "the log of serial0 ends");
	char *log = read_file(at, "../a.txt", &n);
	assert_string_equal(log, "red and plain\n\n10%\n100%\ntab\tbs \xc3\xa9 $ ");
	free(log);
	log = read_file(at, "../b.txt", &n);
	unsigned lines = 0;
	for (char *p = strtok(log, "\n"); p; p = strtok(NULL, "\n")) {
		int year, ms;
		char z;
		assert_int_equal(sscanf(p, "%d-%*2d-%*2dT%*2d:%*2d:%*2d.%3d%c", &year, &ms, &z), 3);
		assert_true(year > 2000 && z == 'Z' && p[24] == ' ');
		lines++;
	}
	assert_int_equal(lines, 5);
	free(log);
	station_stop(s);
}

static void a_screen_is_logged(void **state)
{
	const struct place *at = *state;
	size_t n;
	clear_folder(at);
	struct station *s = start(at, "log VGA stripped\n");
	station_ask(s, "put 0 1 7 second line");
	SEES(s, "^second line");
	station_ask(s, "text 80 25");
	station_ask(s, "put 0 0 7 after the clearing");
	SEES(s, "^after the clearing");
	command(s, "log raw");
	SEES(s, "no bytes that a raw log could have");
	ptyrun_send(s->p, "\001L");
	SEES(s, "the log of VGA ends");
	char *log = read_file(at, "kept-VGA-*.log", &n);
	assert_string_equal(log, "fake VGA ready\nsecond line\nafter the clearing\n");
	free(log);
	station_stop(s);
}

static void a_full_disk_is_counted(void **state)
{
	const struct place *at = *state;
	struct station *s = start(at, "log serial0 raw /dev/full\nset log-size 1K\n");
	station_ask(s, "print 3 sixteen bytes.\\r\\n");
	SEES(s, "the log of serial0: No space left on device");
	ptyrun_send(s->p, "\0013");
	SEES(s, " L! *$");
	station_ask(s, "flood 3 100");
	SEES(s, "^line 100 of");                        /* nothing waits for it */
	command(s, "log off");
	SEES(s, "0 bytes in /dev/full, [0-9]+ were lost");
	command(s, "log raw /nonexistent/x");
	SEES(s, "no log: /nonexistent/x: No such file or directory");
	command(s, "record pane /dev/full");
	SEES(s, "the recording /dev/full: No space left|recorded to /dev/full");
	station_ask(s, "print 3 more\\r\\n");
	SEES(s, " R! *$");
	command(s, "record off");
	SEES(s, "bytes of it were lost");
	station_stop(s);
}

static void taken_apart(void **state)
{
	static const char in[] = "a\033[1mb\033]0;x\033\\c\033(Bd\033[2J\033P1$r\033\\e\007\tf\xc3\xa9\r\n";
	struct strip st = { 0 };
	char out[64];
	size_t n = 0;
	for (size_t i = 0; i + 1 < sizeof in; i++) {
		char c = strip_byte(&st, (uint8_t)in[i]);
		if (c)
			out[n++] = c;
	}
	out[n] = 0;
	assert_string_equal(out, "abcd\ve\tf\xc3\xa9\r\n");
}

/* ---- times -------------------------------------------------------------------------------------------------------------------------- */

static void times_of_lines(void **state)
{
	struct linetimes t = { 0 };
	assert_null(linetimes_of(&t, 0));
	linetimes_mark(&t, 0, 3, 1000, 5);
	linetimes_mark(&t, 3, 4, 1000, 5);              /* the same moment: one entry */
	assert_int_equal(t.n, 1);
	linetimes_mark(&t, 4, 9, 2000, 6);
	assert_int_equal(linetimes_of(&t, 0)->host_ms, 1000);
	assert_int_equal(linetimes_of(&t, 3)->host_ms, 1000);
	assert_int_equal(linetimes_of(&t, 8)->guest_ns, 6);
	assert_null(linetimes_of(&t, 9));
	linetimes_mark(&t, 2, 3, 3000, 7);              /* a program went up and wrote anew */
	assert_int_equal(linetimes_of(&t, 2)->host_ms, 3000);
	assert_int_equal(linetimes_of(&t, 1)->host_ms, 1000);
	for (unsigned i = 0; i < (1u << 20) + 10; i++)  /* bounded: the oldest are forgotten */
		linetimes_mark(&t, 10 + i, 11 + i, 4000 + i, i);
	assert_true(t.n <= 1u << 20);
	assert_null(linetimes_of(&t, 0));
	assert_int_equal(linetimes_of(&t, 10 + (1u << 20))->guest_ns, 1 << 20);
	linetimes_free(&t);
}

static bool cursor_is(struct ptyrun *p, void *arg)
{
	const unsigned *want = arg;
	unsigned x, y;
	bool visible;
	ptyrun_cursor(p, &x, &y, &visible);
	return visible && x == want[0] && y == want[1];
}

static void a_column_of_times(void **state)
{
	const struct place *at = *state;
	struct station *s = start(at, "");
	ptyrun_send(s->p, "\0013");
	station_ask(s, "print 3 first\\r\\nsecond\\r\\n$ ");
	SEES(s, "^second\n\\$");
	ptyrun_send(s->p, "\001T");
	SEES(s, "times of serial0: time of day");
	SEES(s, "^[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\\.[0-9]{3} first\n[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\\.[0-9]{3} second\n.{13}\\$");
	assert_true(ptyrun_until(s->p, cursor_is, (unsigned[]){ 15, 2 }, PTYRUN_MS, "the cursor behind the prompt"));
	ptyrun_send(s->p, "\001T");
	SEES(s, "since the line before");
	SEES(s, "^ +first\n +\\+[0-9]+\\.[0-9]{3} second");
	ptyrun_send(s->p, "\001T");
	SEES(s, "guest's seconds");
	SEES(s, "^ +[0-9]+\\.[0-9]{3} first\n");
	ptyrun_send(s->p, "\001[");                     /* in copy mode too, and not in what is copied */
	SEES(s, "^ +[0-9]+\\.[0-9]{3} first\n(.*\n)*.*line 3 of 3");
	ptyrun_send(s->p, "gVj\r");
	SEES(s, "copied 2 lines");
	station_ask(s, "show 3");
	ptyrun_send(s->p, "\001]\r");
	for (int i = 0; i < 20000 && !strstr(station_ask(s, "typed 3"), "13 "); i++)
		ptyrun_bytes_during(s->p, 5);
	assert_string_equal(station_ask(s, "show 3"), "66 69 72 73 74 0d 73 65 63 6f 6e 64 0d");
	ptyrun_send(s->p, "\001T");
	SEES(s, "times of serial0: off");
	SEES(s, "^first\nsecond\n\\$");
	station_stop(s);
}

static void times_of_a_screen(void **state)
{
	const struct place *at = *state;
	struct station *s = start(at, "");
	ptyrun_send(s->p, "\001T");
	SEES(s, "^[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\\.[0-9]{3} fake VGA ready");
	station_ask(s, "put 0 3 7 later");
	SEES(s, "^[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\\.[0-9]{3} later");
	station_stop(s);
}

/* ---- recordings --------------------------------------------------------------------------------------------------------------------- */

static void play(const char *cast, VTerm **vt, int *cols, int *rows)
{
	json_error_t err;
	double last = 0;
	*vt = NULL;
	for (const char *line = cast; *line; line = strchr(line, '\n') + 1) {
		json_t *j = json_loadb(line, strcspn(line, "\n"), 0, &err);
		assert_non_null(j);
		if (!*vt) {
			assert_int_equal(json_integer_value(json_object_get(j, "version")), 2);
			*cols = (int)json_integer_value(json_object_get(j, "width"));
			*rows = (int)json_integer_value(json_object_get(j, "height"));
			*vt = vterm_new(*rows, *cols);
			vterm_set_utf8(*vt, 1);
			vterm_screen_enable_altscreen(vterm_obtain_screen(*vt), 1);
			vterm_screen_reset(vterm_obtain_screen(*vt), 1);
		} else {
			const char *kind = json_string_value(json_array_get(j, 1));
			json_t *data = json_array_get(j, 2);
			assert_true(json_number_value(json_array_get(j, 0)) >= last);
			last = json_number_value(json_array_get(j, 0));
			if (*kind == 'o')
				vterm_input_write(*vt, json_string_value(data), json_string_length(data));
			else if (*kind == 'r' && sscanf(json_string_value(data), "%dx%d", cols, rows) == 2)
				vterm_set_size(*vt, *rows, *cols);
			else
				fail_msg("an event of kind %s", kind);
		}
		json_decref(j);
	}
}

/* The recording's last screen is what the terminal shows in `rows` rows; status line aside. */
static void same_screen(struct station *s, char *cast, int live_rows)
{
	VTerm *vt;
	int cols, rows;
	play(cast, &vt, &cols, &rows);
	assert_true(rows >= live_rows);
	for (int y = 0; y < live_rows; y++)
		for (int x = 0; x < 80; x++) {
			VTermScreenCell c;
			struct ptyrun_cell live;
			assert_true(vterm_screen_get_cell(vterm_obtain_screen(vt), (VTermPos){ .row = y, .col = x }, &c));
			assert_true(ptyrun_cell(s->p, (unsigned)x, (unsigned)y, &live));
			uint32_t ch = c.chars[0] ? c.chars[0] : ' ', now = live.ch ? live.ch : ' ';
			if (ch != now || c.attrs.bold != live.bold || c.attrs.reverse != live.reverse || VTERM_COLOR_IS_DEFAULT_FG(&c.fg) != live.fg_default)
				fail_msg("row %d column %d: U+%04X recorded, U+%04X live", y, x, ch, now);
		}
	vterm_free(vt);
	free(cast);
}

static void a_console_is_recorded(void **state)
{
	const struct place *at = *state;
	size_t n;
	clear_folder(at);
	struct station *s = start(at, "");
	ptyrun_send(s->p, "\0013");
	station_ask(s, "print 3 before\\r\\n");
	SEES(s, "^before");
	ptyrun_send(s->p, "\001r");
	SEES(s, "Record to an asciicast file");
	ptyrun_send(s->p, "\r");
	SEES(s, "serial0 is recorded to");
	SEES(s, " R *$");
	station_ask(s, "flood 3 200");
	station_ask(s, "print 3 \\e[1;31mred\\e[0m \\xe2\\x82\\xac \\xe4\\xb8\\xad \\e[7mreverse\\e[0m \"quoted\\\\\\\"\\r\\n\\e[3;10Hthe end");
	SEES(s, "the end");
	ptyrun_send(s->p, "\001r");
	SEES(s, "the recording ends: /tmp");
	ptyrun_settle(s->p, 100);
	same_screen(s, read_file(at, "kept-serial0-*.cast", &n), 24);
	station_stop(s);
}

static bool is_larger(struct ptyrun *p, void *arg) { return strstr(ptyrun_row(p, 29), "running"); }

static void the_screen_is_recorded(void **state)
{
	const struct place *at = *state;
	size_t n;
	clear_folder(at);
	struct station *s = start(at, "layout v500(1,3)\n");
	station_ask(s, "print 3 on the line\\r\\n");
	SEES(s, "^on the line");
	command(s, "record screen");
	SEES(s, "the screen is recorded to");
	station_ask(s, "put 0 2 1e yellow on blue");
	ptyrun_resize(s->p, 90, 30);
	assert_true(ptyrun_until(s->p, is_larger, NULL, PTYRUN_MS, "a last line on the 30th row"));
	SEES(s, "^yellow on blue");
	station_ask(s, "print 3 after the resize\\r\\n");
	SEES(s, "^after the resize");
	ptyrun_settle(s->p, 100);
	command(s, "record off");
	SEES(s, "the recording ends");
	same_screen(s, read_file(at, "kept-screen-*.cast", &n), 29);
	station_stop(s);
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken_apart), cmocka_unit_test(a_raw_log_is_the_stream), cmocka_unit_test(logs_are_rotated),
		cmocka_unit_test(only_so_many_are_kept), cmocka_unit_test(stripped_and_timed), cmocka_unit_test(a_screen_is_logged),
		cmocka_unit_test(a_full_disk_is_counted), cmocka_unit_test(times_of_lines), cmocka_unit_test(a_column_of_times),
		cmocka_unit_test(times_of_a_screen), cmocka_unit_test(a_console_is_recorded), cmocka_unit_test(the_screen_is_recorded),
	};
	return cmocka_run_group_tests(tests, place_set_up, place_tear_down);
}
