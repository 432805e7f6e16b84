/* station.h - what tests of the workstation have in common: a folder of their own for sockets and settings, and tui-fake, the workstation on a
 * machine of cardboard (fake/fake_vm.c), on a pseudo terminal with a line to that machine. */
#ifndef TESTS_TUI_STATION_H
#define TESTS_TUI_STATION_H
#include "tests/tui/ptyrun.h"
#include <stdio.h>

/* An empty folder, with vmux/ for settings in it; environment entries that name it as XDG_RUNTIME_DIR and XDG_CONFIG_HOME; tui-fake's path. */
struct place { char dir[64], runtime[100], config[100], program[1100]; };
int place_set_up(void **state);                 /* cmocka's set-up and tear-down: *state is the place */
int place_set_up_here(void **state);            /* this program looks for sockets there, too */
int place_tear_down(void **state);
void place_write_config(const struct place *at, const char *text);
/* What `vmux config check` says of that text, and its exit status. */
void place_check_config(const struct place *at, const char *text, const char *says, int status);

struct station {
	struct ptyrun *p;
	int control;
	FILE *answers;
	char answer[1 << 20];
};
/* Start argv (up to NULL) at the place; o's env comes after what is needed here.  Returns when the machine's screen is there. */
struct station *station_start(const struct place *at, struct ptyrun_options o, char *const argv[]);
/* The same without waiting: for terminals that show no screen. */
struct station *station_begin(const struct place *at, struct ptyrun_options o, char *const argv[]);
void station_stop(struct station *s);
/* Ask the machine for something (see fake_vm.c) while the terminal goes on; its answer, without the line end, also in s->answer. */
const char *station_ask(struct station *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A machine with a name, on 80x25. */
struct station *station_named(const struct place *at, const char *name);
/* A step of a script: "!" and something to ask the machine for, "?" and what is to be seen then, or keys. */
void station_step(struct station *s, const char *step);
/* Wait until what the machine answers, each time a piece, adds up to this: the keys it got. */
void station_keys_are(struct station *s, const char *want);
#define SEES(s, re) assert_true(ptyrun_expect((s)->p, re, PTYRUN_MS))
/* Type, and see what comes of it: something that was not there before. */
#define TYPES(s, keys, re) do { ptyrun_send((s)->p, keys); SEES(s, re); } while (0)
#endif
