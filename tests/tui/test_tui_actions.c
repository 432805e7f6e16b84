/* test_tui_actions.c - every entry of the palette is run: each shows what it did or why not, the machine gets what the log of commands says, and the workstation
 * lives on.  And the list of consoles, which changes while it is open. */
#include "tests/tui/station.h"
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>

/* before: steps as in test_tui_golden.c, "!..." asked of the machine, "?..." waited for, all else typed.  sees: a pattern on the screen then; NULL: the program ends.
 * calls: what the machine got; keys: of the keyboard; typed: into the third console, in hex.  log: the monitor command it equals.  NULL: nothing. */
struct row { const char *name, *before[4], *sees, *calls, *log, *keys, *typed; };
#define PRINTED "!print 2 (qemu) ", "!print 3 login: ", "!print 4 page 1"
#define TWO(how) "\001:layout " how "500(1,3)\r", "?^>1:VGA"
#define FLOOD "!flood 3 100", "\0013", "?^line 100 of"
static const struct row rows[] = {
	{ "select-console 1", { "\0013", "!print 3 login: ", "?^login:" }, .sees = "^fake VGA ready" },
	{ "select-console 2", { PRINTED }, .sees = "^\\(qemu\\)" },
	{ "select-console 3", { PRINTED }, .sees = "^login:" },
	{ "select-console 4", { PRINTED }, .sees = "^page 1" },
	{ "next-console", { PRINTED }, .sees = "^\\(qemu\\)" },
	{ "previous-console", { PRINTED }, .sees = "^page 1" },
	{ "list-consoles", { "" }, .sees = "Consoles ─.*\n.*│ 1 VGA.*\n.*│ 2 compat_monitor0 \\(monitor\\)" },
	{ "toggle-monitor", { PRINTED }, .sees = "^\\(qemu\\)" },
	{ "toggle-monitor", { PRINTED, "\0012" }, .sees = "^fake VGA ready" },
	{ "split-right", { "" }, .sees = "^ 1:VGA +│>2:monitor" },
	{ "split-right", { "\001|\001|\001|" }, .sees = "every console has its pane already|this pane is too small to be divided" },
	{ "split-down", { "" }, .sees = "^ 1:VGA *\nfake VGA ready *\n(.*\n)+>2:monitor" },
	{ "close-pane", { "" }, .sees = "this is the only pane" },
	{ "close-pane", { TWO("h") }, .sees = "^[^>]*$" },
	{ "focus-pane up", { TWO("v"), "\0013", "?^>3:serial0" }, .sees = "^>1:VGA" },
	{ "focus-pane up", { TWO("v") }, .sees = "there is no pane above" },
	{ "focus-pane down", { TWO("v") }, .sees = "^>3:serial0" },
	{ "focus-pane down", { "" }, .sees = "there is one pane only" },
	{ "focus-pane left", { TWO("h"), "\0013", "?│>3:serial0" }, .sees = "^>1:VGA" },
	{ "focus-pane left", { TWO("h") }, .sees = "there is no pane on the left" },
	{ "focus-pane right", { TWO("h") }, .sees = "│>3:serial0" },
	{ "resize-pane up", { TWO("v") }, .sees = "^>1:VGA(.*\n){11} 3:serial0" },
	{ "resize-pane down", { TWO("v") }, .sees = "^>1:VGA(.*\n){13} 3:serial0" },
	{ "resize-pane left", { TWO("h") }, .sees = "^>1:VGA {30}│ 3:serial0" },
	{ "resize-pane left", { TWO("v") }, .sees = "no edge of this pane moves that way" },
	{ "resize-pane right", { TWO("h") }, .sees = "^>1:VGA {38}│ 3:serial0" },
	{ "resize-pane right", { "" }, .sees = "there is one pane only" },
	{ "zoom", { "" }, .sees = "there is one pane only" },
	{ "zoom", { TWO("v") }, .sees = "^fake VGA ready(.*\n)+ .* zoom$" },
	{ "even", { "" }, .sees = "there is one pane only" },
	{ "even", { "\001:layout v800(1,3)\r", "?^>1:VGA" }, .sees = "^>1:VGA(.*\n){12} 3:serial0" },
	{ "layouts", { "" }, .sees = "Layouts ─.*\n.*│ single +1" },
	{ "redraw", { "" }, .sees = "^fake VGA ready" },        /* and see below */
	{ "graphics-renderer", { "" }, .sees = "graphics modes are shown as half" },
	{ "mouse", { "" }, .sees = "the mouse is on: click, wheel, drag" },
	{ "mouse", { "\001M" }, .sees = "the mouse is the terminal's again" },
	{ "copy-mode", { "" }, .sees = "line 1 of 1 copy$" },
	{ "search", { "" }, .sees = "^/$" },
	{ "filter", { "" }, .sees = "^&$" },
	{ "paste", { "" }, .sees = "nothing was copied yet to paste" },
	{ "paste", { "\001y", "?copied", "\0013" }, .sees = "3:serial0", .typed = "66 61 6b 65 20 56 47 41 20 72 65 61 64 79 0d" },
	{ "copy-screen", { "" }, .sees = "copied [0-9]+ bytes" },
	{ "log-console", { "" }, .sees = "Log VGA to .*\n.*raw" },
	{ "timestamps", { "" }, .sees = "times of VGA: time of day" },
	{ "record", { "" }, .sees = "Record to an asciicast file .*\n.*this console: VGA" },
	{ "scroll-line-up", { FLOOD }, .sees = " 1 back of " },
	{ "scroll-line-up", { "\0013" }, .sees = "there are no lines further back" },
	{ "scroll-line-up", { "" }, .sees = " copy$" },         /* of a screen, copy mode shows what left it */
	{ "scroll-line-down", { FLOOD, "\033[5;5~" }, .sees = " 9 back of " },
	{ "scroll-line-down", { "" }, .sees = "there are no lines further down" },
	{ "scroll-up", { FLOOD }, .sees = " 10 back of " },
	{ "scroll-down", { FLOOD, "\033[5;5~\033[5;5~" }, .sees = " 10 back of " },
	{ "scroll-down", { FLOOD }, .sees = "there are no lines further down" },
	{ "pause", { "" }, .sees = "^ paused ", .calls = "stop", .log = "stop" },
	{ "pause", { "\001 ", "?^ paused", "!calls" }, .sees = "^ running ", .calls = "cont", .log = "cont" },
	{ "send-keys", { "" }, .sees = "Send keys .*\n.*Ctrl-Alt-Delete" },
	{ "sticky-modifiers", { "" }, .sees = "\\.\\.\\. c a s w g$" },
	{ "type-size", { "" }, .sees = "the size is typed into a serial console" },
	{ "type-size", { "\0013" }, .sees = "3:serial0", .typed = "73 74 74 79 20 72 6f 77 73 20 32 34 20 63 6f 6c 73 20 38 30 0d" },
	{ "send-break", { "" }, .sees = "a break needs a serial console" },
	{ "send-break", { "\0012" }, .sees = "a break needs a serial console" },
	{ "send-break", { "\0013" }, .sees = "break sent to serial0", .calls = "break 3", .log = "chardev-send-break serial0" },
	{ "commit-all", { "" }, .sees = "commit all: done", .calls = "monitor commit all", .log = "commit all" },
	{ "snapshots", { "" }, .sees = "Snapshots ─.*\n.*│ take one now.*\n.*│ before the update .*guest 93784\\.005 s  300 MiB" },
	{ "take-snapshot", { "" }, .sees = "kept as vm-20260203040506", .calls = "savevm (any)", .log = "savevm" },
	{ "go-back", { "" }, .sees = "Go back to ─.*\n.*│ before the update " },
	{ "delete-snapshot", { "" }, .sees = "Delete a snapshot ─.*\n.*│ before the update " },
	{ "about-machine", { "" }, .sees = "This machine ─(.*\n)+.*key map +en-us" },
	{ "reset", { "" }, .sees = "the machine was reset", .calls = "reset", .log = "system_reset" },
	{ "powerdown", { "" }, .sees = "the power button was pressed", .calls = "powerdown", .log = "system_powerdown" },
	{ "detach", { "" }, .sees = NULL },
	{ "quit", { "" }, .sees = NULL, .calls = "quit" },
	{ "command", { "" }, .sees = "^:$" },
	{ "command-log", { "" }, .sees = "Commands ─.*\n.*Nothing was done yet" },
	{ "command-log", { "\001 ", "?^ paused", "!calls" }, .sees = "Commands ─.*\n.* stop ", .log = "stop" },
	{ "command-log", { "\001k\r", "?sent ctrl-alt-delete" }, .sees = "Commands ─.*\n.* sendkey ctrl-alt-delete", .log = "sendkey ctrl-alt-delete", .keys = "1d+ 38+ d3+ d3- 38- 1d-" },
	{ "events", { "" }, .sees = "Events ─" },
	{ "show-help", { "" }, .sees = "Help 1-[0-9]+/" },
	{ "send-prefix", { "" }, .sees = "1:VGA", .keys = "1d+ 1e+ 1e- 1d-" },
	{ "send-prefix", { "\0013" }, .sees = "3:serial0", .typed = "01" },
};
enum { ROWS = sizeof rows / sizeof *rows };

static struct station *start(const struct place *at, unsigned cols, unsigned rows_)
{
	char *argv[] = { (char *)at->program, "-name", "all", NULL };
	struct station *s = station_start(at, (struct ptyrun_options){ .cols = cols, .rows = rows_ }, argv);
	station_ask(s, "cursor 3 2 1 13 14");
	return s;
}

struct question { const char *ask, *want; struct station *s; char got[400]; };

/* It may come in pieces, and what was told is forgotten. */
static bool all_came(struct ptyrun *p, void *arg)
{
	struct question *q = arg;
	size_t n = strlen(q->got);
	const char *more = station_ask(q->s, "%s", q->ask);
	snprintf(q->got + n, sizeof q->got - n, "%s%s", n && *more ? " " : "", more);
	return !strcmp(q->got, q->want);
}

/* The terminal's screen was cleared since so many bytes. */
static bool was_cleared(struct ptyrun *p, void *arg)
{
	char tail[1 << 14];
	size_t n = ptyrun_tail(p, tail, sizeof tail), since = (size_t)(ptyrun_raw_bytes(p) - *(uint64_t *)arg);
	return since < n && memmem(tail + n - since, since, "\033[2J", 4);
}

/* What the machine got: asking forgets, so it is asked once; by then the screen shows that it is there. */
static void machine_got(struct station *s, const struct row *r)
{
	if (r->sees)
		assert_string_equal(station_ask(s, "calls"), r->calls ? r->calls : "");
	struct question keys = { "keys", r->keys, s, "" }, typed = { "show 3", r->typed, s, "" };
	if (r->keys)
		assert_true(ptyrun_until(s->p, all_came, &keys, PTYRUN_MS, "the keys"));
	if (r->typed)
		assert_true(ptyrun_until(s->p, all_came, &typed, PTYRUN_MS, "what was typed"));
}

/* Whatever is open now, it can be left, the monitor is asked, and the log has what was done. */
static void lives_on(struct station *s, const struct row *r)
{
	char re[200];
	ptyrun_send(s->p, "\003\003");
	ptyrun_send(s->p, "\001:info version\r");
	SEES(s, "7\\.2\\.0");
	ptyrun_send(s->p, "\001:command-log\r");
	snprintf(re, sizeof re, "Commands ─.*\n%s.*[0-9]  %s +│", r->log ? "(.*\n)*" : "", r->log ? r->log : "info version");
	SEES(s, re);
}

static void run_row(const struct place *at, const struct row *r)
{
	struct station *s = start(at, 80, 25);
	char re[200];
	int status = -1;
	print_message("# %s\n", r->name);
	for (unsigned i = 0; i < 4 && r->before[i]; i++)
		station_step(s, r->before[i]);
	ptyrun_send(s->p, "\001P");
	ptyrun_send(s->p, r->name);
	snprintf(re, sizeof re, "> %s *│\n[^\n]*│ %s ", r->name, r->name);      /* it is the one that is chosen */
	SEES(s, re);
	uint64_t before = ptyrun_raw_bytes(s->p);
	ptyrun_send(s->p, "\r");
	if (!r->sees) {
		assert_true(ptyrun_wait_exit(s->p, PTYRUN_MS, &status));
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		if (!r->calls)                          /* detached: the machine runs on */
			assert_string_equal(station_ask(s, "calls"), "");
		station_stop(s);
		return;
	}
	assert_true(ptyrun_expect_gone(s->p, "─ Palette ─", PTYRUN_MS));
	SEES(s, r->sees);
	if (!strcmp(r->name, "redraw"))
		assert_true(ptyrun_until(s->p, was_cleared, &before, PTYRUN_MS, "the screen sent anew"));
	machine_got(s, r);
	lives_on(s, r);
	station_stop(s);
}

static void every_entry_runs(void **state)
{
	for (unsigned i = 0; i < ROWS; i++)
		run_row(*state, &rows[i]);
}

/* The palette has nothing that is not run above. */
static void no_entry_is_missing(void **state)
{
	struct station *s = start(*state, 200, 80);
	unsigned entries = 0;
	ptyrun_send(s->p, "\001P");
	SEES(s, "│ send-prefix");
	for (unsigned y = 0; y < 80; y++) {
		char row[1200], *name;
		snprintf(row, sizeof row, "%s", ptyrun_row(s->p, y));
		name = strstr(row, "│ ");
		if (!name || name[strlen("│ ")] == '>')
			continue;
		name += strlen("│ ");
		name[23] = 0;
		for (size_t n = strlen(name); n && name[n - 1] == ' '; )
			name[--n] = 0;
		unsigned i = 0;
		while (i < ROWS && strcmp(rows[i].name, name))
			i++;
		if (*name && i == ROWS)
			fail_msg("\"%s\" is run by no row", name);
		entries += *name != 0;
	}
	assert_true(entries >= 50);
	station_stop(s);
}

/* A command of the workstation's own that lacks its word is no command of the monitor's. */
static void commands_say_what_they_want(void **state)
{
	static const struct { const char *line, *says; } t[] = {
		{ "set", "set knows borders, copy-keys" }, { "set nosuch 1", "set knows borders, copy-keys" }, { "log", "log: raw, stripped or timed is wanted" },
		{ "log nosuch", "log: raw, stripped or timed is wanted" }, { "record nosuch", "record: pane or screen is wanted" }, { "layout", "\"\" is not a layout" },
		{ "save-layout", "save-layout: a name of up to 31 characters" }, { "macro", "no macro is named \"\"" }, { "select-console", "select-console needs a number" },
		{ "select-console 9", "there is no console 9" },
	};
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		struct station *s = start(*state, 200, 10);
		ptyrun_send(s->p, "\001:");
		ptyrun_send(s->p, t[i].line);
		ptyrun_send(s->p, "\r");
		SEES(s, t[i].says);
		assert_string_equal(station_ask(s, "calls"), "");
		station_stop(s);
	}
}

/* ---- the list of consoles ------------------------------------------------------------------------------------------------------------- */

static void the_list_of_consoles_is_live(void **state)
{
	struct station *s = start(*state, 80, 25);
	ptyrun_send(s->p, "\001w");
	SEES(s, "│ 3 serial0 +│");
	station_ask(s, "print 3 news");
	SEES(s, "│ 3 serial0 +\\* +│");
	station_ask(s, "print 3 \\e]0;root@box: ~\\x07");
	SEES(s, "│ 3 serial0 +\\*  root@box: ~ +│");
	station_ask(s, "print 3 \\e]0;root@box: /etc\\x07");
	SEES(s, "│ 3 serial0 +\\*  root@box: /etc +│");
	station_ask(s, "add virtcon0");
	SEES(s, "│ 5 virtcon0");
	station_ask(s, "print 5 hello there");
	ptyrun_send(s->p, "\033[F");
	station_ask(s, "remove");
	assert_true(ptyrun_expect_gone(s->p, "virtcon0", PTYRUN_MS));
	ptyrun_send(s->p, "\r");                        /* the last one is chosen, the fourth now */
	assert_true(ptyrun_expect_gone(s->p, "Consoles ─", PTYRUN_MS));
	station_ask(s, "print 4 a page");
	SEES(s, "^a page");
	station_stop(s);
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = { cmocka_unit_test(no_entry_is_missing), cmocka_unit_test(every_entry_runs), cmocka_unit_test(the_list_of_consoles_is_live), cmocka_unit_test(commands_say_what_they_want) };
	return cmocka_run_group_tests_name("actions", tests, place_set_up, place_tear_down);
}
