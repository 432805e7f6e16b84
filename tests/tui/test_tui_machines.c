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
	snprintf(cmd, sizeof cmd, "timeout -k 1 200 %s %s 2>&1", at->program, words);
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
	ptyrun_send(p, "nbox\r64\r2\r1G\r\r");
	SHOWS(p, "^  box +off +box.ini");
	SHOWS(p, "box made; Enter starts it");
	read_file(at, "box.ini", text, sizeof text);
	assert_non_null(strstr(text, "size = \"64\""));
	assert_non_null(strstr(text, "cpus = \"2\""));
	assert_non_null(strstr(text, "box.raw\""));
	snprintf(path, sizeof path, "%s/vmux/machines/box.raw", at->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 1 << 30);
	ptyrun_send(p, "nbox\r");
	SHOWS(p, "there is a machine \"box\" already");
	ptyrun_send(p, "\033");
	SHOWS(p, "Enter start/attach");

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
	for (int i = 0; i < PTYRUN_MS / 20; i++) {
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
	SHOWS(p, "there is a machine \"a1\" already\n Name of the clone: a1");
	ptyrun_send(p, "/\r");                           /* it stays until it is right */
	SHOWS(p, "a name has letters.*\n Name of the clone: a1/");
	ptyrun_send(p, "\025d4\r");
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

/* The row that the cursor is in. */
static bool field_is(struct ptyrun *p, void *arg)
{
	unsigned x, y;
	bool on;
	ptyrun_cursor(p, &x, &y, &on);
	return on && strstr(ptyrun_row(p, y), arg);
}

#define AT_FIELD(p, text) assert_true(ptyrun_until(p, field_is, text, PTYRUN_MS, "the field " text))

/* A mistake is told where it was made, what was typed stays, and one may go back. */
static void the_form_keeps_what_was_typed(void **state)
{
	const struct place *at = *state;
	char *argv[] = { (char *)at->program, NULL }, text[4000], path[200], keys[300];
	int status;
	struct ptyrun *p = ptyrun_start(NULL, argv);
	assert_non_null(p);
	SHOWS(p, "vmux: machines of");
	ptyrun_send(p, "n\r");
	SHOWS(p, "a name has letters");
	ptyrun_send(p, "bad name");
	SHOWS(p, "Enter: on, Up: back");                /* the mistake is forgotten with the next key */
	ptyrun_send(p, "\t");
	SHOWS(p, "a name has letters");
	AT_FIELD(p, "Name    bad name");
	ptyrun_send(p, "\033[D\033[D\033[D\033[D\177-\r");
	AT_FIELD(p, "Memory   [512]");
	SHOWS(p, "Name    bad-name");
	ptyrun_send(p, "lots\r");
	SHOWS(p, "memory: a number from 1 to 1000000");
	AT_FIELD(p, "Memory  lots");
	ptyrun_send(p, "\025" "32\t");
	AT_FIELD(p, "CPUs     [1]");
	ptyrun_send(p, "\177\177");                     /* nothing to rub out: nothing */
	AT_FIELD(p, "CPUs     [1]");
	ptyrun_send(p, "0\r");
	SHOWS(p, "CPUs: a number from 1");
	ptyrun_send(p, "\177" "3\033[B");
	AT_FIELD(p, "Disk     [8G]");
	ptyrun_send(p, "8GB\r");
	SHOWS(p, "the disk's size is written like 512M or 8G");
	AT_FIELD(p, "Disk    8GB");
	ptyrun_send(p, "\177\177" "M\033[A\033[A\033[A");  /* up to the name, and down again */
	AT_FIELD(p, "Name    bad-name");
	ptyrun_send(p, "\025" "good\016\016\016\016");
	AT_FIELD(p, "CD       [none]");
	ptyrun_send(p, "/nonexistent\r");
	SHOWS(p, "/nonexistent: No such file");
	AT_FIELD(p, "CD      /nonexistent");
	snprintf(path, sizeof path, "%s/cd 1.iso", at->dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	snprintf(keys, sizeof keys, "\025%s/\r", at->dir);
	ptyrun_send(p, keys);
	SHOWS(p, "is a folder; a CD image is a file");
	ptyrun_send(p, "cd\t");                         /* completed */
	AT_FIELD(p, "/cd 1.iso");
	snprintf(keys, sizeof keys, "%s/vmux/machines/good.ini", at->dir);
	assert_int_equal(access(keys, F_OK), -1);       /* nothing was made yet */
	ptyrun_send(p, "\r");
	SHOWS(p, "good made; Enter starts it");
	SHOWS(p, "^  good +off +good.ini");
	read_file(at, "good.ini", text, sizeof text);
	assert_non_null(strstr(text, "size = \"32\""));
	assert_non_null(strstr(text, "cpus = \"3\""));
	assert_non_null(strstr(text, "good.raw\""));
	assert_non_null(strstr(text, "/cd 1.iso\""));
	unlink(path);
	ptyrun_send(p, "ngood\r");
	SHOWS(p, "there is a machine \"good\" already");
	AT_FIELD(p, "Name    good");
	ptyrun_send(p, "\003");
	SHOWS(p, "Enter start/attach");
	ptyrun_send(p, "n");
	AT_FIELD(p, "Name");
	assert_true(ptyrun_expect_gone(p, "Name    good", PTYRUN_MS));  /* a new form is empty */
	ptyrun_send(p, "\033");
	SHOWS(p, "Enter start/attach");
	ptyrun_send(p, "dy");
	SHOWS(p, "good deleted");
	ptyrun_send(p, "ngood\r\r\r\r");
	SHOWS(p, "good.raw is in the folder already and is not overwritten");
	AT_FIELD(p, "Disk     [8G]");
	ptyrun_send(p, "none\r\r");
	SHOWS(p, "good made");
	ptyrun_send(p, "dy");
	SHOWS(p, "good deleted");
	ptyrun_send(p, "q");
	assert_true(ptyrun_wait_exit(p, PTYRUN_MS, &status));
	ptyrun_free(p);
	snprintf(path, sizeof path, "%s/vmux/machines/good.raw", at->dir);
	assert_int_equal(unlink(path), 0);
}

/* What is answered is about the machine that was asked about, whatever became of the list meanwhile. */
static void the_wrong_machine_is_not_deleted(void **state)
{
	const struct place *at = *state;
	char *argv[] = { (char *)at->program, NULL }, path[200], cmd[500];
	int status;
	snprintf(cmd, sizeof cmd, "mkdir -p %s/vmux/machines && cd %s/vmux/machines && touch first.ini second.ini", at->dir, at->dir);
	assert_int_equal(system(cmd), 0);
	struct ptyrun *p = ptyrun_start(NULL, argv);
	assert_non_null(p);
	SHOWS(p, "^  first +off.*\n  second");
	ptyrun_send(p, "d");
	SHOWS(p, "delete first.ini\\?");
	snprintf(path, sizeof path, "%s/vmux/machines/first.ini", at->dir);
	assert_int_equal(unlink(path), 0);
	assert_true(ptyrun_expect_gone(p, "^  first", PTYRUN_MS));
	ptyrun_send(p, "y");
	SHOWS(p, "first is not there any more");
	SHOWS(p, "^  second");
	ptyrun_send(p, "dy");
	SHOWS(p, "second deleted");
	ptyrun_send(p, "?");
	SHOWS(p, "make a new machine");
	ptyrun_send(p, "n");                            /* any key: back, and nothing else */
	SHOWS(p, "No machines yet");
	ptyrun_send(p, "q");
	assert_true(ptyrun_wait_exit(p, PTYRUN_MS, &status));
	ptyrun_free(p);
}

static void started_without_a_terminal(void **state)
{
	const struct place *at = *state;
	char out[2000];
	assert_int_equal(command(at, out, sizeof out, "start -name back"), 0);
	assert_string_equal(out, "back\n");
	command(at, out, sizeof out, "ls");
	assert_non_null(strstr(out, "back "));
	assert_int_equal(command(at, out, sizeof out, "wait back --timeout 90 'fake VGA'"), 0);
	assert_int_equal(command(at, out, sizeof out, "stop back"), 0);
	assert_int_equal(command(at, out, sizeof out, "stop back --now"), 0);
	int gone = 0;
	for (int i = 0; i < 1000 && gone != 1; i++)     /* 3: it is still on its way out */
		gone = command(at, out, sizeof out, "stop back");
	assert_int_equal(gone, 1);
	assert_int_equal(command(at, out, sizeof out, "ls"), 0);
	assert_string_equal(out, "");
	assert_int_equal(command(at, out, sizeof out, "start -fail"), 1);
	assert_string_equal(out, "vmux: -fail: as you wish\n");
	assert_int_equal(command(at, out, sizeof out, "start -k nosuch"), 1);
	assert_non_null(strstr(out, "no key map"));
}

static void fields_of_the_form(void **state)
{
	static const struct { unsigned field; const char *value; bool good; } t[] = {
		{ 0, "a_b-9", true }, { 0, "", false }, { 0, "../x", false }, { 0, "x y", false }, { 1, "", true }, { 1, "0", false }, { 1, "12x", false }, { 1, "-1", false },
		{ 1, "1000001", false }, { 2, "4", true }, { 2, "64", true }, { 2, "65", false }, { 3, "none", true }, { 3, "10M", true }, { 3, "2T", true }, { 3, "8", false }, { 3, "8GB", false },
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

/* The list has the theme of the settings; a mistake in them is told, and is no reason not to start. */
static void in_the_users_theme(void **state)
{
	const struct place *at = *state;
	char *argv[] = { (char *)at->program, NULL };
	struct ptyrun_cell cell;
	int status;
	place_write_config(at, "set theme high-contrast\n");
	struct ptyrun *p = ptyrun_start(NULL, argv);
	assert_non_null(p);
	SHOWS(p, "Enter start/attach");
	assert_true(ptyrun_cell(p, 70, 15, &cell) && cell.bg_index == 16);      /* black, whatever the terminal's background */
	ptyrun_send(p, "q");
	assert_true(ptyrun_wait_exit(p, PTYRUN_MS, &status));
	ptyrun_free(p);
	place_write_config(at, "set theme nosuch\n");
	p = ptyrun_start(NULL, argv);
	assert_non_null(p);
	SHOWS(p, "vmux/config:1: .*nosuch");
	ptyrun_send(p, "q");
	assert_true(ptyrun_wait_exit(p, PTYRUN_MS, &status));
	ptyrun_free(p);
	place_write_config(at, "");
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_of_the_form), cmocka_unit_test(every_key), cmocka_unit_test(the_form_keeps_what_was_typed), cmocka_unit_test(the_wrong_machine_is_not_deleted),
		cmocka_unit_test(from_new_to_deleted), cmocka_unit_test(in_the_users_theme), cmocka_unit_test(started_without_a_terminal),
	};
	return cmocka_run_group_tests(tests, set_up, place_tear_down);
}
