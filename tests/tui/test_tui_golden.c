/* test_tui_golden.c - the main views as whole screens, with looks and cursor, at four sizes; see golden.h.  The clock stands still.
 * GOLDEN_ONLY=NAME in the environment: that scene alone. */
#include "tests/tui/golden.h"
#include "tests/tui/station.h"
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

/* What is done before the screen is looked at, in order: "!..." is asked of the machine (fake_vm.c), "?..." waits for a pattern on the screen, all else is typed. */
struct scene { const char *name, *config, *step[12]; };
static const struct { unsigned cols, rows; } sizes[] = { { 80, 24 }, { 100, 30 }, { 200, 60 }, { 20, 5 } };
static const char *const clock_at_noon[] = { "FAKE_CLOCK=1798718400250", "TZ=UTC", NULL };      /* 2026-12-31 12:00:00.250 */

#define SHELL "!print 3 \\e[1;32mroot@guest\\e[m:\\e[1;34m~\\e[m# uname -a\\r\\nLinux guest 6.1.0-56-amd64 #1 SMP x86_64 GNU/Linux\\r\\n" \
	"\\e[1;32mroot@guest\\e[m:\\e[1;34m~\\e[m# ls /\\r\\nbin   dev  home  lost+found  mnt  proc  run   srv  tmp  var\\r\\nboot  etc  lib   media       opt  root  sbin  sys  usr  \\e[41mwww\\e[m\\r\\n" \
	"\\e[1;32mroot@guest\\e[m:\\e[1;34m~\\e[m# "
#define SETUP "!cursor 3 4 1 13 14", "!put 0 0 1f  Setup                                                                          ", "!put 3 3 1e Standard CMOS Features", \
	"!put 3 6 8c No bootable device", "!put 3 20 0a F10 saves and leaves", "!put 3 4 70 Boot order: disk, CD, net", "?Boot order"
#define LOG "!print 3 [    0.000000] Linux version 6.1.0-56-amd64\\r\\n[    0.412011] pci 0000:00:01.1: [8086:7010] type 00\\r\\n[    1.318200] ata1.00: ATA-7: VMUX HARDDISK\\r\\n" \
	"[    1.410033] sd 0:0:0:0: [sda] Attached SCSI disk\\r\\n[    2.000471] EXT4-fs (sda1): mounted filesystem\\r\\n[    2.941777] sd 0:0:0:0: [sda] Write cache: enabled\\r\\n"

static const struct scene scenes[] = {
	{ "vga", "", { SETUP } },
	{ "serial", "", { SHELL, "\0013" } },
	{ "monitor", "", { "!print 2 vmux 0.1 monitor - type 'help' for more information\\r\\n(qemu) info status\\r\\nVM status: running\\r\\n(qemu) ", "\0012" } },
	{ "three", "", { SETUP, SHELL, "!print 2 (qemu) ", "\001:layout v600(1,h500(3,2))\r" } },
	{ "four", "", { SETUP, SHELL, "!print 2 (qemu) ", "\001:layout v500(h500(1,2),h500(3,4))\r" } },
	{ "zoom", "", { SETUP, SHELL, "\001:layout v500(1,3)\r", "\0013\001z" } },
	{ "help", "", { "\001?" } },
	{ "help-later", "", { "\001?  " } },
	{ "palette", "", { "\001P" } },
	{ "palette-found", "", { "\001Pspl" } },
	{ "consoles", "", { "\001w" } },
	{ "layouts", "", { "\001l" } },
	{ "send-keys", "macro \"log in\" root<ret>\n", { "\001k" } },
	{ "copy", "", { SHELL, "\0013", "?^boot", "\001[", "kk0 ww" } },
	{ "search", "", { LOG, "\0013", "?2\\.941777", "\001/", "sd\r" } },
	{ "filter", "", { LOG, "\0013", "?2\\.941777", "\001&", "sda\r" } },
	{ "paste", "", { SHELL, "\0013", "\033[200~echo one\recho two\recho three\r\033[201~" } },
	{ "log", "", { "\0013\001L" } },
	{ "record", "", { "\0013\001r" } },
	{ "times", "", { LOG, "\0013\001T" } },
	{ "machine", "", { "!guest 83250", "\001i" } },
	{ "commands", "", { "!guest 83250", "\001 \001 ", "\001:info version\r", "?7.2", "q\001:command-log\r" } },
	{ "monitor-answer", "", { "\001:help\r" } },
	{ "events", "trigger panic\ntrigger full \"match=disk full\" notify\n", { "!guest 83250", "!print 3 write: disk full on /dev/sda1\\r\\n", "?full", "\001e" } },
	{ "no-events", "", { "\001e" } },
	{ "paused", "", { SETUP, "\001 " } },
	{ "prefix", "", { SHELL, "\0013\001" } },
	{ "sticky", "", { SHELL, "\0013\001Kc" } },
	{ "command", "", { SHELL, "\0013\001:lay", "\t" } },
	{ "error", "", { SHELL, "\0013\001:layout v1(\r" } },
	{ "half-blocks", "set graphics half\n", { "!picture 320 200 255 160 0" } },
	{ "sextants", "set graphics sextant\n", { "!picture 320 200 255 160 0" } },
	{ "ascii", "set graphics ascii\n", { "!picture 320 200 255 160 0" } },
	{ "light", "set theme light\n", { SETUP, SHELL, "!print 2 (qemu) ", "\001:layout v500(1,h500(3,2))\r", "\001k" } },
	{ "contrast", "set theme high-contrast\nset borders ascii\n", { SETUP, SHELL, "!print 2 (qemu) ", "\001:layout v500(1,h500(3,2))\r", "\001k" } },
	{ "mono", "set theme mono\n", { SETUP, SHELL, "!print 2 (qemu) ", "\001:layout v500(1,h500(3,2))\r", "\001k" } },
};

static bool chosen(const char *name)
{
	const char *only = getenv("GOLDEN_ONLY");
	return !only || !strcmp(only, name);
}

/* What the machine did to its screen at the start is on the terminal: it is no news of a console that is not shown. */
static bool cursor_is_there(struct ptyrun *p, void *arg)
{
	unsigned x, y;
	bool on;
	ptyrun_cursor(p, &x, &y, &on);
	return on && x == 3 && y == 2;
}

static bool show(const struct place *at, const struct scene *sc, unsigned cols, unsigned rows)
{
	char *argv[] = { (char *)at->program, "-name", "box", NULL };
	place_write_config(at, sc->config);
	struct station *s = station_start(at, (struct ptyrun_options){ .cols = cols, .rows = rows, .env = clock_at_noon }, argv);
	station_ask(s, "cursor 3 2 1 13 14");
	assert_true(ptyrun_until(s->p, cursor_is_there, NULL, PTYRUN_MS, "the cursor"));
	for (unsigned i = 0; i < sizeof sc->step / sizeof *sc->step && sc->step[i]; i++)
		station_step(s, sc->step[i]);
	bool same = golden_is(s->p, sc->name, cols, rows);
	station_stop(s);
	return same;
}

static void golden_screens(void **state)
{
	unsigned wrong = 0;
	for (unsigned i = 0; i < sizeof scenes / sizeof *scenes; i++)
		for (unsigned k = 0; k < sizeof sizes / sizeof *sizes && chosen(scenes[i].name); k++)
			wrong += !show(*state, &scenes[i], sizes[k].cols, sizes[k].rows);
	place_write_config(*state, "");
	assert_int_equal(wrong, 0);
}

/* ---- the machine list ----------------------------------------------------------------------------------------------------------------- */

static void vmux(const struct place *at, const char *words)
{
	char cmd[1600];
	snprintf(cmd, sizeof cmd, "%s %s FAKE_CLOCK=1798718400250 timeout -k 1 200 %s %s > /dev/null", at->config, at->runtime, at->program, words);
	assert_int_equal(system(cmd), 0);
}

static void make_machine(const struct place *at, const char *name)
{
	char path[200];
	snprintf(path, sizeof path, "%s/vmux/machines", at->dir);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/vmux/machines/%s", at->dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs("[memory]\n  size = \"64\"\n", f);
	fclose(f);
}

static void golden_lists(void **state)
{
	static const struct { const char *name, *keys; } lists[] = {
		{ "list-empty", "" }, { "list", "j" }, { "list-form", "nweb\r1024\r" }, { "list-delete", "d" }, { "list-stop", "jx" }, { "list-mistake", "nbad/name\r" },
		{ "list-clone", "cbuild\r" }, { "list-keys", "?" },
	};
	const struct place *at = *state;
	const char *env[] = { at->runtime, at->config, clock_at_noon[0], clock_at_noon[1], NULL };
	char *argv[] = { (char *)at->program, NULL };
	unsigned wrong = 0;
	for (unsigned i = 0; i < sizeof lists / sizeof *lists; i++) {
		if (i == 1) {
			make_machine(at, "alpine.ini");
			make_machine(at, "build.ini");
			make_machine(at, "router-of-the-second-floor.conf");
			vmux(at, "start -name build");
		}
		for (unsigned k = 0; k < sizeof sizes / sizeof *sizes && chosen(lists[i].name); k++) {
			struct ptyrun *p = ptyrun_start(&(struct ptyrun_options){ .cols = sizes[k].cols, .rows = sizes[k].rows, .env = env }, argv);
			assert_non_null(p);
			assert_true(ptyrun_expect(p, "vmux", PTYRUN_MS));
			ptyrun_send(p, lists[i].keys);
			wrong += !golden_is(p, lists[i].name, sizes[k].cols, sizes[k].rows);
			ptyrun_free(p);
		}
	}
	vmux(at, "stop build --now");
	assert_int_equal(wrong, 0);
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = { cmocka_unit_test(golden_screens), cmocka_unit_test(golden_lists) };
	return cmocka_run_group_tests_name("golden", tests, place_set_up, place_tear_down);
}
