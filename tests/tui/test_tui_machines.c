/* test_tui_machines.c - the machine list of `vmux` without arguments, and machines started without a terminal. */
#include "tests/tui/station.h"
#include "tui/machinefile.h"
#include <libgen.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static int set_up(void **state)
{
	place_set_up(state);
	struct place *at = *state;
	setenv("XDG_RUNTIME_DIR", at->dir, 1);
	setenv("XDG_CONFIG_HOME", at->dir, 1);
	setenv("EDITOR", "sed -i 's/size = \"64\"/size = \"65\"/'", 1);
	unsetenv("VISUAL");
	return 0;
}

static int command(const struct place *at, char *out, size_t size, const char *words)
{
	char cmd[1500];
	snprintf(cmd, sizeof cmd, "timeout -k 1 20 %s %s 2>&1", at->program, words);
	FILE *f = popen(cmd, "r");
	assert_non_null(f);
	out[fread(out, 1, size - 1, f)] = 0;
	return WEXITSTATUS(pclose(f));
}

static void read_file(const struct place *at, const char *name, char *out, size_t size)
{
	char path[200];
	snprintf(path, sizeof path, "%s/vmux/machines/%s", at->dir, name);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	out[fread(out, 1, size - 1, f)] = 0;
	fclose(f);
}

#define SHOWS(p, re) assert_true(ptyrun_expect(p, re, PTYRUN_MS))

static void from_new_to_deleted(void **state)
{
	const struct place *at = *state;
	char *argv[] = { (char *)at->program, NULL }, text[4000], path[200], out[2000];
	struct stat st;
	struct termios t;
	int status;
	struct ptyrun *p = ptyrun_start(NULL, argv);
	assert_non_null(p);
	SHOWS(p, "vmux: machines of .*/vmux/machines");
	SHOWS(p, "No machines yet: n makes one");
	ptyrun_send(p, "nbad/name\r");
	SHOWS(p, "a name has letters");
	ptyrun_send(p, "nbox\r64\r\r1G\r/nonexistent\r");
	SHOWS(p, "/nonexistent: No such file");
	ptyrun_send(p, "nbox\r64\r2\r1G\r\r");
	SHOWS(p, "^  box +off +box.ini");
	SHOWS(p, "made; Enter starts it");
	read_file(at, "box.ini", text, sizeof text);
	assert_non_null(strstr(text, "size = \"64\""));
	assert_non_null(strstr(text, "cpus = \"2\""));
	assert_non_null(strstr(text, "box.raw\""));
	snprintf(path, sizeof path, "%s/vmux/machines/box.raw", at->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 1 << 30);
	ptyrun_send(p, "nbox\r\r\r\r\r");
	SHOWS(p, "File exists");

	ptyrun_send(p, "\r");                           /* start, and look at it */
	SHOWS(p, "^fake VGA ready");
	SHOWS(p, "running +box");
	ptyrun_send(p, "\001d");
	SHOWS(p, "^  box +running");
	ptyrun_send(p, "\r");                           /* attach */
	SHOWS(p, "^fake VGA ready");
	ptyrun_send(p, "\001d");
	SHOWS(p, "^  box +running");
	ptyrun_send(p, "d");
	SHOWS(p, "box runs: stop it first");
	ptyrun_send(p, "xp");
	SHOWS(p, "box: the power button was pressed");
	ptyrun_send(p, "xk");
	SHOWS(p, "^  box +off");
	ptyrun_send(p, "s");                            /* in the background */
	SHOWS(p, "^  box +running");
	ptyrun_send(p, "xk");
	SHOWS(p, "^  box +off");

	ptyrun_send(p, "ctwin\r");
	SHOWS(p, "^  twin +off +twin.ini");
	ptyrun_send(p, "G");
	ptyrun_send(p, "e");
	for (int i = 0; i < 200; i++) {
		ptyrun_bytes_during(p, 20);
		read_file(at, "twin.ini", text, sizeof text);
		if (strstr(text, "size = \"65\""))
			break;
	}
	assert_non_null(strstr(text, "size = \"65\""));
	SHOWS(p, "^  twin");
	ptyrun_send(p, "dn");
	SHOWS(p, "^  twin");
	ptyrun_send(p, "dy");
	SHOWS(p, "twin deleted; disk images are where they were");
	ptyrun_resize(p, 40, 8);
	SHOWS(p, "^  box +off");
	ptyrun_send(p, "q");
	assert_true(ptyrun_wait_exit(p, PTYRUN_MS, &status));
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ptyrun_settle(p, 50);
	assert_false(ptyrun_alternate_screen(p));
	assert_true(ptyrun_termios(p, &t) && t.c_lflag & ICANON);
	ptyrun_free(p);
	assert_int_equal(command(at, out, sizeof out, "ls"), 0);
	assert_string_equal(out, "");
}

/* Where the cursor is tells what is chosen. */
static bool at_row(struct ptyrun *p, void *arg)
{
	unsigned x, y;
	bool on;
	ptyrun_cursor(p, &x, &y, &on);
	return on && y == *(unsigned *)arg;
}

#define CHOOSES(p, keys, row) do { unsigned want_ = (row); ptyrun_send(p, keys); assert_true(ptyrun_until(p, at_row, &want_, PTYRUN_MS, "the row of " #keys)); } while (0)

static void every_key(void **state)
{
	const struct place *at = *state;
	char *argv[] = { (char *)at->program, NULL }, path[200];
	int status;
	static const char *const names[] = { "a1", "b2", "c3" };
	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/vmux/machines", at->dir);
		mkdir(path, 0700);
		snprintf(path, sizeof path, "%s/vmux/machines/%s.ini", at->dir, names[i]);
		FILE *f = fopen(path, "w");
		assert_non_null(f);
		fputs("[memory]\n  size = \"64\"\n", f);
		fclose(f);
	}
	struct ptyrun *p = ptyrun_start(NULL, argv);
	assert_non_null(p);
	SHOWS(p, "^  a1 +off +a1.ini\n  b2 +off +b2.ini\n  c3 +off +c3.ini");
	CHOOSES(p, "j", 2);
	CHOOSES(p, "\033[B", 3);
	CHOOSES(p, "j", 3);                              /* no further */
	CHOOSES(p, "k", 2);
	CHOOSES(p, "\033[A", 1);
	CHOOSES(p, "G", 3);
	CHOOSES(p, "g", 1);
	CHOOSES(p, "\033[F", 3);
	CHOOSES(p, "\033[H", 1);
	ptyrun_send(p, "x");
	SHOWS(p, "a1 does not run");
	ptyrun_send(p, "j\033[200~dy\033[201~");        /* pasted text is no command */
	ptyrun_send(p, "a");                            /* starts it, and comes back */
	SHOWS(p, "^fake VGA ready");
	ptyrun_send(p, "\001d");
	SHOWS(p, "^  b2 +running");
	ptyrun_send(p, "s");
	SHOWS(p, "b2 runs already");
	ptyrun_send(p, "a");                            /* attaches */
	SHOWS(p, "^fake VGA ready");
	ptyrun_send(p, "\001d");
	SHOWS(p, "^  b2 +running");
	ptyrun_send(p, "xn");                           /* neither p nor k: nothing */
	SHOWS(p, "Enter start/attach");
	SHOWS(p, "^  b2 +running");
	ptyrun_send(p, "xk");
	SHOWS(p, "^  b2 +off");
	ptyrun_send(p, "c\033");                        /* Esc takes the question back */
	SHOWS(p, "Enter start/attach");
	ptyrun_send(p, "ca1\r");
	SHOWS(p, "File exists");
	ptyrun_send(p, "cd4\r");
	SHOWS(p, "^  d4 +off +d4.ini");
	ptyrun_send(p, "nn5\r\003");                    /* Ctrl-c leaves the form */
	SHOWS(p, "Enter start/attach");
	ptyrun_send(p, "G");
	ptyrun_send(p, "dx");
	SHOWS(p, "Enter start/attach");
	SHOWS(p, "^  d4 +off");
	ptyrun_send(p, "dy");
	SHOWS(p, "d4 deleted");
	ptyrun_send(p, "\033");
	assert_true(ptyrun_wait_exit(p, PTYRUN_MS, &status));
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ptyrun_free(p);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/vmux/machines/%s.ini", at->dir, names[i]);
		assert_int_equal(unlink(path), 0);
	}
}

static void started_without_a_terminal(void **state)
{
	const struct place *at = *state;
	char out[2000];
	assert_int_equal(command(at, out, sizeof out, "start -name back"), 0);
	assert_string_equal(out, "back\n");
	command(at, out, sizeof out, "ls");
	assert_non_null(strstr(out, "back "));
	assert_int_equal(command(at, out, sizeof out, "wait back --timeout 10 'fake VGA'"), 0);
	assert_int_equal(command(at, out, sizeof out, "stop back"), 0);
	assert_int_equal(command(at, out, sizeof out, "stop back --now"), 0);
	for (int i = 0; i < 100 && *out; i++)
		command(at, out, sizeof out, "ls");
	assert_string_equal(out, "");
	assert_int_equal(command(at, out, sizeof out, "stop back"), 1);
	assert_int_equal(command(at, out, sizeof out, "start -fail"), 1);
	assert_string_equal(out, "vmux: -fail: as you wish\n");
	assert_int_equal(command(at, out, sizeof out, "start -k nosuch"), 1);
	assert_non_null(strstr(out, "no key map"));
}

static void fields_of_the_form(void **state)
{
	static const struct { unsigned field; const char *value; bool good; } t[] = {
		{ 0, "a_b-9", true }, { 0, "", false }, { 0, "../x", false }, { 0, "x y", false }, { 1, "", true }, { 1, "0", false }, { 1, "12x", false }, { 1, "-1", false },
		{ 2, "4", true }, { 2, "256", false }, { 3, "none", true }, { 3, "10M", true }, { 3, "2T", true }, { 3, "8", false }, { 3, "8GB", false },
		{ 3, "99999999T", false }, { 3, "0G", false }, { 4, "", true }, { 4, "/dev/null", true }, { 4, "a\"b", false },
	};
	struct error err;
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		struct machineform f = { .name = "" };
		char *const field[] = { f.name, f.memory, f.cpus, f.disk, f.cd };
		strcpy(field[t[i].field], t[i].value);
		if (machineform_check(&f, t[i].field, &err) != t[i].good)
			fail_msg("field %u: \"%s\"", t[i].field, t[i].value);
	}
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_of_the_form), cmocka_unit_test(every_key), cmocka_unit_test(from_new_to_deleted), cmocka_unit_test(started_without_a_terminal),
	};
	return cmocka_run_group_tests(tests, set_up, place_tear_down);
}
