/* test_tui_session.c - machines that outlive their terminals: detach and attach, several terminals, and what scripts do to machines that
 * run, on a machine of cardboard (fake/fake_vm.c). */
#include "tests/tui/station.h"
#include <fcntl.h>
#include <libgen.h>
#include <locale.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define SHOWS(p, re) assert_true(ptyrun_expect(p, re, PTYRUN_MS))

/* Run the program with these words; its output (both kinds) and exit status. */
static int command(const struct place *at, char *out, size_t size, const char *fmt, ...)
{
	char cmd[3000];
	va_list ap;
	int n = snprintf(cmd, sizeof cmd, "timeout -k 1 200 %s ", at->program);
	va_start(ap, fmt);
	n += vsnprintf(cmd + n, sizeof cmd - (size_t)n, fmt, ap);
	va_end(ap);
	snprintf(cmd + n, sizeof cmd - (size_t)n, " 2>&1");
	FILE *f = popen(cmd, "r");
	assert_non_null(f);
	size_t got = fread(out, 1, size - 1, f);
	out[got] = 0;
	return WEXITSTATUS(pclose(f));
}

static struct ptyrun *attach(const struct place *at, const char *name, const char *term, unsigned cols, unsigned rows, bool read_only)
{
	char *argv[] = { (char *)at->program, "attach", (char *)name, read_only ? "-r" : NULL, NULL };
	struct ptyrun *p = ptyrun_start(&(struct ptyrun_options){ .term = term, .cols = cols, .rows = rows }, argv);
	assert_non_null(p);
	return p;
}


static void ends(struct ptyrun *p, int want)
{
	int status = -1;
	struct termios t;
	assert_true(ptyrun_wait_exit(p, PTYRUN_MS, &status));
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), want);
	ptyrun_settle(p, 50);
	assert_false(ptyrun_alternate_screen(p));
	assert_true(ptyrun_termios(p, &t) && t.c_lflag & ICANON && t.c_lflag & ECHO);
}

/* Until the machine says it. */
static void until(struct station *m, const char *request, const char *what)
{
	for (int i = 0; i < 20000; i++) {
		if (strstr(station_ask(m, "%s", request), what))
			return;
		ptyrun_bytes_during(m->p, 5);
	}
	fail_msg("%s says \"%s\", not \"%s\"", request, m->answer, what);
}

static void detach_and_attach(void **state)
{
	const struct place *at = *state;
	struct station *m = station_named(at, "first one");
	ptyrun_send(m->p, "\0333");
	station_ask(m, "print 3 before I left\\r\\n");
	SHOWS(m->p, "^before I left");
	ptyrun_send(m->p, "\001d");
	ends(m->p, 0);
	SHOWS(m->p, "^vmux: detached; the machine runs on, and vmux attach first_one");
	station_ask(m, "flood 3 5000");                         /* nobody looks, and the guest does not wait */
	station_ask(m, "put 0 3 1f while you were away");
	struct ptyrun *p = attach(at, "first_one", "xterm-256color", 100, 30, false);
	SHOWS(p, "^line 5000 of the flood");
	ptyrun_send(p, "\001[g");
	SHOWS(p, "^before I left\nline 1 of the flood");
	ptyrun_send(p, "q\0331");
	SHOWS(p, "^while you were away");
	ptyrun_send(p, "\001d");
	ends(p, 0);
	ptyrun_free(p);
	p = attach(at, "first_one", "linux", 80, 25, false);
	SHOWS(p, "^while you were away");
	ptyrun_send(p, "\001x");
	ends(p, 0);
	ptyrun_free(p);
	station_stop(m);
}

static void several_terminals(void **state)
{
	const struct place *at = *state;
	struct station *m = station_named(at, "many");
	struct ptyrun *small = attach(at, "many", "screen", 60, 12, false), *spy = attach(at, "many", "vt100", 90, 30, true);
	ptyrun_send(small, "\0333");
	station_ask(m, "print 3 \\e[1;31mred\\e[m and the rest: $ ");
	SHOWS(small, "^red and the rest: \\$");
	SHOWS(spy, "^red and the rest: \\$");
	SHOWS(m->p, "^red and the rest: \\$");
	struct ptyrun_cell c;
	assert_true(ptyrun_cell(m->p, 0, 0, &c) && c.fg_index == 1);
	assert_true(ptyrun_cell(spy, 0, 0, &c) && c.fg_default && c.bold);      /* no colours there */
	ptyrun_send(spy, "typed by the spy\r\001x");
	ptyrun_send(small, "by another\r");
	until(m, "typed 3", "11 ");
	assert_string_equal(station_ask(m, "show 3"), "62 79 20 61 6e 6f 74 68 65 72 0d");
	ptyrun_send(m->p, "\001");                      /* one person's prefix is not another's */
	SHOWS(m->p, "C-a-");
	ptyrun_send(small, "x");
	until(m, "typed 3", "1 ");
	assert_string_equal(station_ask(m, "show 3"), "78");
	/* one that takes nothing keeps nobody waiting */
	ptyrun_stop_reading(small);
	for (int i = 0; i < 20; i++)
		station_ask(m, "flood 3 500");
	station_ask(m, "print 3 after the flood\\r\\n");
	SHOWS(m->p, "^after the flood");
	SHOWS(spy, "^after the flood");
	ptyrun_resume_reading(small);
	SHOWS(small, "^after the flood");
	ptyrun_send(spy, "\001d");
	ends(spy, 0);
	/* the size is that of the one used last */
	ptyrun_send(m->p, "\0331");
	station_ask(m, "put 70 0 07 far right");
	SHOWS(m->p, "^fake VGA ready +far right");
	ptyrun_hangup(small);
	ptyrun_send(m->p, "\001x");
	ends(m->p, 0);
	ptyrun_free(small);
	ptyrun_free(spy);
	station_stop(m);
}

static void everyone_hears_the_end(void **state)
{
	const struct place *at = *state;
	struct station *m = station_named(at, "end");
	struct ptyrun *p = attach(at, "end", NULL, 0, 0, false);
	SHOWS(p, "fake VGA ready");
	station_ask(m, "end 7");
	ends(p, 7);
	ends(m->p, 7);
	ptyrun_free(p);
	station_stop(m);
	m = station_named(at, "end");
	p = attach(at, "end", NULL, 0, 0, false);
	SHOWS(p, "fake VGA ready");
	kill((pid_t)atoi(station_ask(m, "pid")), SIGKILL);
	ends(p, 1);
	SHOWS(p, "^vmux: the machine was killed");
	ends(m->p, 128 + SIGKILL);
	ptyrun_free(p);
	station_stop(m);
}

static void asked_by_scripts(void **state)
{
	const struct place *at = *state;
	char out[20000];
	struct station *m = station_named(at, "box");
	struct stat st;
	char path[200];
	snprintf(path, sizeof path, "%s/vmux", at->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	snprintf(path, sizeof path, "%s/vmux/box.sock", at->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	station_ask(m, "print 3 \\e]2;guest title\\x07box login: ");
	assert_int_equal(command(at, out, sizeof out, "wait box --pane serial0 --timeout 90 'login: ?$'"), 0);
	assert_string_equal(out, "login:\n");
	assert_int_equal(command(at, out, sizeof out, "ls"), 0);
	assert_non_null(strstr(out, "box                  running"));
	assert_non_null(strstr(out, "guest title"));
	assert_int_equal(command(at, out, sizeof out, "send box --pane 3 'root<ret><C-a><up><lt>'"), 0);
	until(m, "typed 3", "10 ");
	assert_string_equal(station_ask(m, "show 3"), "72 6f 6f 74 0d 01 1b 5b 41 3c");
	assert_int_equal(command(at, out, sizeof out, "send box 'h<ctrl-alt-delete>'"), 0);
	station_keys_are(m, "23+ 23- 1d+ 38+ d3+ d3- 38- 1d-");
	station_ask(m, "put 0 5 1e yellow");
	assert_int_equal(command(at, out, sizeof out, "wait box --timeout 90 ^yellow"), 0);
	assert_int_equal(command(at, out, sizeof out, "screen box"), 0);
	assert_non_null(strstr(out, "fake VGA ready\n\n\n\n\nyellow\n"));
	assert_int_equal(command(at, out, sizeof out, "screen box --pane 1 --ansi"), 0);
	assert_non_null(strstr(out, "38;2;255;255;85;48;2;0;0;170myellow"));
	/* text that has scrolled away by the time it is looked for */
	char cmd[1400];
	snprintf(cmd, sizeof cmd, "%s wait box --pane 3 --timeout 90 'line 7 of'", at->program);
	FILE *f = popen(cmd, "r");
	struct pollfd answered = { .fd = fileno(f), .events = POLLIN };
	for (int i = 0; i < 5000 && poll(&answered, 1, 20) == 0; i++)
		station_ask(m, "flood 3 900");
	assert_int_equal(WEXITSTATUS(pclose(f)), 0);

	static const struct { const char *args; int status; const char *says; } wrong[] = {
		{ "wait box --timeout 0.2 'never said'", 2, "did not come in time" }, { "wait box '(unclosed'", 1, "wrong at character" },
		{ "wait box --pane 9 x", 1, "there is no pane \"9\"; there are 1 (VGA)" }, { "wait nobody x", 1, "no machine named \"nobody\" is running; running: box" },
		{ "wait box", 1, "usage: vmux wait" }, { "wait box --timeout soon x", 1, "--timeout: seconds are wanted" },
		{ "send box '<nokey>'", 1, "no key is named \"nokey\"" }, { "send box 'a<b'", 1, "wants its \">\"" },
		{ "send box \xe4\xb8\x80", 1, "the key map en-us has no key for" }, { "screen box --pane nine", 1, "there is no pane" },
		{ "screen", 1, "usage: vmux screen" }, { "attach box </dev/null", 1, "needs a terminal" }, { "ls", 0, "box" },
		{ "wait box --pane 1 --timeout 5 '((a+)+)+$(?<!x)zzz'", 2, "" },
	};
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		int status = command(at, out, sizeof out, "%s", wrong[i].args);
		if (status != wrong[i].status || !strstr(out, wrong[i].says))
			fail_msg("%s: status %d, \"%s\"", wrong[i].args, status, out);
	}
	station_stop(m);
}

/* Someone who waits for text hears that the machine ended.  That it was asked before the end cannot be seen from outside: if it was not, which a
 * loaded machine may do, there is no such machine for it, and all is tried again. */
static void waiting_ends_with_the_machine(void **state)
{
	const struct place *at = *state;
	char cmd[1400], out[2000];
	int status = 1;
	for (int tries = 0; tries < 20 && status == 1; tries++) {
		struct station *m = station_named(at, "brief");
		snprintf(cmd, sizeof cmd, "%s wait brief 'the end' 2>&1", at->program);
		FILE *f = popen(cmd, "r");
		command(at, out, sizeof out, "wait brief --timeout 1 'never'");         /* time for the other one to be heard */
		station_ask(m, "end 0");
		assert_non_null(fgets(out, sizeof out, f));
		status = WEXITSTATUS(pclose(f));
		if (status == 1)
			assert_non_null(strstr(out, "no machine named"));
		station_stop(m);
	}
	assert_int_equal(status, 3);
}

static void namesakes_and_leftovers(void **state)
{
	const struct place *at = *state;
	char out[4000], path[200];
	struct station *a = station_named(at, "twin"), *b = station_named(at, "twin");
	command(at, out, sizeof out, "ls");
	assert_non_null(strstr(out, "twin "));
	assert_non_null(strstr(out, "twin-2 "));
	kill((pid_t)atoi(station_ask(a, "pid")), SIGKILL);
	ends(a->p, 128 + SIGKILL);
	snprintf(path, sizeof path, "%s/vmux/twin.sock", at->dir);
	assert_int_equal(access(path, F_OK), 0);
	command(at, out, sizeof out, "ls");
	assert_null(strstr(out, "twin "));
	assert_int_equal(access(path, F_OK), -1);
	ptyrun_send(b->p, "\001x");
	ends(b->p, 0);
	command(at, out, sizeof out, "ls");
	assert_string_equal(out, "");
	station_stop(a);
	station_stop(b);
}

static int raw_connect(const struct place *at, const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	snprintf(sun.sun_path, sizeof sun.sun_path, "%s/vmux/%s.sock", at->dir, name);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof sun), 0);
	return fd;
}

static void hostile_clients(void **state)
{
	const struct place *at = *state;
	struct station *m = station_named(at, "target");
	int idle[40];
	uint32_t rng = 12345;
	for (unsigned i = 0; i < 400; i++) {
		uint8_t junk[40000];
		int fd = raw_connect(at, "target");
		size_t n = i % 7 == 0 ? 0 : i % 7 == 1 ? sizeof junk : (rng >> 8) % 600;
		for (size_t k = 0; k < n; k++)
			junk[k] = (uint8_t)((rng = rng * 1664525 + 1013904223) >> 16);
		if (i % 2 && n >= 24) {                         /* the right version and a type that there is */
			memcpy(junk, &(uint32_t){ 0x766d0001 }, 4);
			memcpy(junk + 4, &(uint32_t){ rng % 3 ? 1 + rng % 10 : 12 + rng % 90 }, 4);  /* all but "stop" */
		}
		if (n || i % 3)
			send(fd, junk, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
	}
	for (unsigned i = 0; i < 40; i++)                       /* more than are taken, silent, or asking and never listening */
		idle[i] = raw_connect(at, "target");
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t list[6] = { 0x766d0001, 7 };
		send(idle[i % 4], list, sizeof list, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	station_ask(m, "put 0 4 07 still here");
	SHOWS(m->p, "^still here");
	for (unsigned i = 0; i < 40; i++)
		close(idle[i]);
	char out[2000] = "";
	for (int i = 0; i < 50 && !strstr(out, "target"); i++)
		command(at, out, sizeof out, "ls");
	assert_non_null(strstr(out, "target"));
	ptyrun_send(m->p, "\001x");
	ends(m->p, 0);
	station_stop(m);
}

/* Text of a screen that was cleared since, and of the screen now, in one pattern. */
static void waits_over_vga_history(void **state)
{
	const struct place *at = *state;
	char cmd[1300], out[200] = "";
	struct station *m = station_named(at, "old");
	snprintf(cmd, sizeof cmd, "%s wait old --timeout 60 'alpha ([0-9]+)\n(.*\n)*omega \\1$' 2>&1", at->program);
	FILE *f = popen(cmd, "r");
	assert_non_null(f);
	struct pollfd p = { .fd = fileno(f), .events = POLLIN };
	for (unsigned i = 1; i < 3000 && !poll(&p, 1, 0); i++) {        /* until it has begun to wait, and then once more */
		station_ask(m, "put 0 0 7 alpha %u", i);
		ptyrun_bytes_during(m->p, 40);
		station_ask(m, "text 80 25");
		station_ask(m, "put 0 0 7 omega %u", i);
		ptyrun_bytes_during(m->p, 60);
	}
	assert_non_null(fgets(out, sizeof out, f));
	assert_int_equal(strncmp(out, "alpha ", 6), 0);
	char rest[1000];
	while (fgets(rest, sizeof rest, f))
		;
	assert_int_equal(WEXITSTATUS(pclose(f)), 0);
	station_stop(m);
}

/* What a VGA screen showed while no terminal did is there for who comes: lines that scrolled, at a pace that can be looked at. */
static void vga_text_is_replayed(void **state)
{
	const struct place *at = *state;
	struct station *m = station_named(at, "scroll");
	ptyrun_send(m->p, "\001d");
	int status;
	assert_true(ptyrun_wait_exit(m->p, PTYRUN_MS, &status));
	for (unsigned y = 0; y < 25; y++)
		station_ask(m, "put 0 %u 7 before %u", y, y);
	ptyrun_bytes_during(m->p, 300);
	station_ask(m, "scroll 1000");                  /* half a thousand lines a second */
	struct ptyrun *q = attach(at, "scroll", "xterm-256color", 80, 26, false);
	SHOWS(q, "^VGA line 1000$");
	ptyrun_send(q, "\001/^VGA line 17$\r");
	SHOWS(q, "^VGA line 17\n(.*\n)*.*match 1 of 1");
	ptyrun_free(q);
	station_stop(m);
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_over_vga_history), cmocka_unit_test(vga_text_is_replayed),
		cmocka_unit_test(detach_and_attach), cmocka_unit_test(several_terminals), cmocka_unit_test(everyone_hears_the_end),
		cmocka_unit_test(asked_by_scripts), cmocka_unit_test(waiting_ends_with_the_machine),
		cmocka_unit_test(namesakes_and_leftovers), cmocka_unit_test(hostile_clients),
	};
	return cmocka_run_group_tests(tests, place_set_up_here, place_tear_down);
}
