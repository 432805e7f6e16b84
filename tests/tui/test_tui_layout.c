/* test_tui_layout.c - how the screen is divided: panes, zoom, saved layouts; the palette; the settings file. */
#include "tests/tui/station.h"
#include "tui/fuzzy.h"
#include "tui/layout.h"
#include <fcntl.h>
#include <libgen.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static struct station *start(const struct place *at, unsigned cols, unsigned rows)
{
	char *argv[] = { (char *)at->program, "-name", "panes", NULL };
	struct station *s = station_start(at, (struct ptyrun_options){ .cols = cols, .rows = rows }, argv);
	station_ask(s, "cursor 3 2 1 13 14");
	station_ask(s, "print 3 login: ");
	station_ask(s, "print 2 (qemu) ");
	return s;
}

/* ---- panes by keys ---------------------------------------------------------------------------------------------------------------- */

static void panes_by_keys(void **state)
{
	struct station *s = start(*state, 80, 24);
	ptyrun_send(s->p, "\001-");
	SEES(s, "^ 1:VGA.*\nfake VGA ready(.*\n)+>2:monitor.*\n\\(qemu\\)");
	ptyrun_send(s->p, "\001|");
	SEES(s, "^ 2:monitor +│>3:serial0.*\n\\(qemu\\) +│login:");
	ptyrun_send(s->p, "\001|\001|");
	SEES(s, "every console has its pane already");
	ptyrun_send(s->p, "\001!");
	SEES(s, "^>3:serial0|│>3:serial0");
	ptyrun_send(s->p, "\001\033[Dx");               /* to the left: the monitor */
	SEES(s, "^>2:monitor");
	ptyrun_send(s->p, "\001\033[A");
	SEES(s, "^>1:VGA");
	ptyrun_send(s->p, "\001z");
	assert_true(ptyrun_expect_gone(s->p, "2:monitor.*│", PTYRUN_MS));
	SEES(s, "^fake VGA ready");
	SEES(s, "zoom");
	ptyrun_send(s->p, "\001z");
	SEES(s, "^>1:VGA.*\nfake VGA");
	ptyrun_send(s->p, "\001\033[1;5A\001\033[1;5A"); /* the edge two lines up */
	SEES(s, "^>1:VGA.*\nfake VGA ready\n(.*\n){8} 2:monitor");
	ptyrun_send(s->p, "\001=");
	SEES(s, "^>1:VGA.*\nfake VGA ready\n(.*\n){10} 2:monitor");
	ptyrun_send(s->p, "\0014");                     /* a console that no pane shows comes into this one */
	SEES(s, "^>4:parallel0");
	ptyrun_send(s->p, "\0332");                     /* one that is shown gets the keys */
	SEES(s, "^>2:monitor");
	ptyrun_send(s->p, "\001!\001!");
	SEES(s, "^login:|^\\(qemu\\)|^>");
	ptyrun_send(s->p, "\001!\001!");
	SEES(s, "this is the only pane");
	station_stop(s);
}

static void layouts_are_kept(void **state)
{
	const struct place *at = *state;
	char path[200];
	struct station *s = start(at, 80, 24);
	ptyrun_send(s->p, "\001:layout v500(1,3)\r");
	SEES(s, "^ 3:serial0");
	ptyrun_send(s->p, "\001:save-layout work\r");
	SEES(s, "layout work saved");
	ptyrun_send(s->p, "\001:layout single\r");
	assert_true(ptyrun_expect_gone(s->p, "^ 3:serial0", PTYRUN_MS));
	ptyrun_send(s->p, "\001l");
	SEES(s, "Layouts.*\n(.*\n)*.*work +v500\\(1,3\\)");
	ptyrun_send(s->p, "w\r");
	SEES(s, "^ 3:serial0");
	ptyrun_send(s->p, "\001:layout v500(1,1)\r");
	SEES(s, "is not a layout");
	ptyrun_send(s->p, "\001:layout h500(1,60)\r");  /* consoles that there are not have no pane */
	assert_true(ptyrun_expect_gone(s->p, "^.1:VGA", PTYRUN_MS));
	station_stop(s);
	snprintf(path, sizeof path, "%s/vmux/layouts", at->dir);
	unlink(path);
}

/* ---- the tree by itself ----------------------------------------------------------------------------------------------------------- */

static void layout_texts(void **state)
{
	static const char *const good[] = { "1", "h500(1,2)", "v600(1,h500(3,2))", "v333(1,v500(2,h50(3,h950(4,5))))" };
	static const char *const bad[] = {
		"", "0", "65", "x", "h", "h500", "h500(", "h500(1", "h500(1,", "h500(1,2", "h500(1,2))", "h500(1,1)", "h10(1,2)", "h1000(1,2)", "1 ", "-1", "h500(1;2)",
		"99999999999999999999", "h500(h500(h500(h500(h500(h500(h500(h500(h500(h500(h500(h500(h500(h500(h500(h500(h500(1,2),3),4),5),6),7),8),9),10),11),12),13),14),15),16),17),18)",
	};
	struct layout l;
	struct error err;
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
		struct text t = { 0 };
		assert_true(layout_parse(&l, good[i], &err));
		layout_text(&l, &t);
		assert_string_equal(t.s, good[i]);
		text_free(&t);
	}
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		if (layout_parse(&l, bad[i], &err))
			fail_msg("\"%s\" was taken", bad[i]);
}

static void random_texts(void **state)
{
	static const char letters[] = "hv0123459(),500(1,2) ";
	struct layout l;
	struct error err;
	uint32_t rng = 99;
	layout_init(&l, 3);
	for (unsigned i = 0; i < 300000; i++) {
		char text[400];
		size_t n = 0, len = (rng >> 9) % (i % 50 ? 40 : sizeof text - 1);
		while (n < len)
			text[n++] = letters[(rng = rng * 1664525 + 1013904223) >> 20 & 15];
		text[n] = 0;
		rng = rng * 1664525 + 1013904223;
		if (layout_parse(&l, text, &err))
			assert_int_equal(l.node[l.focus].kind, NODE_PANE);
	}
}

/* Whatever is done: panes fill the area, overlap nowhere, and the tree holds together. */
static void layouts_hold_together(void **state)
{
	struct layout l;
	uint32_t rng = 7;
	layout_init(&l, 0);
	for (unsigned step = 0; step < 20000; step++) {
		rng = rng * 1664525 + 1013904223;
		unsigned what = rng >> 28, console = 0;
		struct rect r = { 0, 0, 20 + (int)(rng >> 8 & 0xff), 5 + (int)(rng >> 16 & 0x3f) };
		while (layout_find(&l, console) >= 0)
			console++;
		bool tiled = layout_place(&l, r);
		if (tiled) {
			int cells = 0, columns = 0;
			for (int i = 0; i < LAYOUT_NODES; i++) {
				const struct node *n = &l.node[i];
				if (n->kind == NODE_PANE) {
					cells += n->r.w * n->r.h;
					assert_true(layout_panes(&l) == 1 || (n->r.w >= PANE_MIN_COLS && n->r.h >= PANE_MIN_ROWS));
				}
				if (n->kind == NODE_BESIDE)
					columns += n->r.h;
			}
			assert_int_equal(cells + columns, r.w * r.h);
		}
		assert_int_equal(l.node[l.focus].kind, NODE_PANE);
		if (what < 5)
			layout_split(&l, what & 1 ? NODE_BESIDE : NODE_ABOVE, console);
		else if (what < 8)
			layout_close(&l);
		else if (what < 11)
			layout_move(&l, rng >> 3 & 3);
		else if (what < 14)
			layout_resize(&l, rng >> 3 & 3, (int)(rng >> 5 & 15));
		else if (what == 14)
			layout_even(&l);
		else
			l.zoomed = !l.zoomed;
	}
}

/* ---- the palette ------------------------------------------------------------------------------------------------------------------ */

static void the_palette(void **state)
{
	struct station *s = start(*state, 80, 24);
	ptyrun_send(s->p, "\001 \001 \001:info version\r\001:command-log\r");
	SEES(s, "Commands.*\n.* stop .*\n.* cont .*\n.* info version");
	ptyrun_send(s->p, "q");
	ptyrun_send(s->p, "\001P");
	SEES(s, "Palette.*\n.*> *│?\n(.*\n)*.*select-console 1 +VGA +C-a 1");
	ptyrun_send(s->p, "sprgt");
	SEES(s, "> sprgt.*\n.*split-right +divide the pane");
	ptyrun_send(s->p, "\r");
	SEES(s, "│>2:monitor");
	ptyrun_send(s->p, "\001Pserial\r");            /* what a console is called finds it too */
	SEES(s, "│>3:serial0");
	ptyrun_send(s->p, "\001Pzzzz");
	SEES(s, "> zzzz");
	ptyrun_send(s->p, "\r");
	assert_true(ptyrun_expect_gone(s->p, "Palette", PTYRUN_MS));
	ptyrun_send(s->p, "\001Pfocus\033[B\033[B\r");   /* up, down, left */
	SEES(s, "^>1:VGA");
	station_stop(s);
}

static void fuzzy_matches(void **state)
{
	assert_int_equal(fuzzy_score("xyz", "scroll-mode"), -1);
	assert_int_equal(fuzzy_score("", "anything"), 0);
	assert_true(fuzzy_score("sm", "scroll-mode") > fuzzy_score("ro", "scroll-mode"));
	assert_true(fuzzy_score("scroll", "scroll-mode") > fuzzy_score("scroll", "select-console-alt roll"));
	assert_true(fuzzy_score("MODE scroll", "scroll-mode") > 0);
	assert_int_equal(fuzzy_score("scroll mood", "scroll-mode"), -1);
}

/* ---- settings --------------------------------------------------------------------------------------------------------------------- */

static void settings_from_a_file(void **state)
{
	const struct place *at = *state;
	char path[200];
	place_write_config(at, "# mine\nset prefix C-b\nset esc-time 200\nset scrollback 2\nbind next-console Tab\nbind detach\nlayout v500(1,3)\n");
	struct station *s = start(at, 80, 24);
	SEES(s, "^ 3:serial0");
	ptyrun_send(s->p, "\002\t");
	SEES(s, "^>2:monitor|^ 2:monitor");
	ptyrun_send(s->p, "\002d");
	SEES(s, "C-b d does nothing");
	station_stop(s);
	place_write_config(at, "set prefix C-b\nset esc-time soon\n");
	s = start(at, 120, 24);
	SEES(s, "vmux/config:2: set esc-time: a number from 10 to 5000 is wanted");
	ptyrun_send(s->p, "\002h");                     /* what stands before it holds */
	SEES(s, "Help");
	station_stop(s);
	snprintf(path, sizeof path, "%s/vmux/config", at->dir);
	unlink(path);
}

static void settings_are_checked(void **state)
{
	static const struct { const char *text, *says; int status; } t[] = {
		{ "set prefix C-b\nbind zoom Z F5\n", "config: fine", 0 }, { "", "config: fine", 0 },
		{ "\nset prefix q\n", "config:2: set prefix: a key like C-a", 1 }, { "set colour red\n", "config:1: set knows", 1 },
		{ "bind no-such C-x\n", "config:1: no action is named \"no-such\"", 1 }, { "bind zoom Hyper-q\n", "config:1: \"Hyper-q\" is not a key", 1 },
		{ "paint it black\n", "config:1: \"paint\": a line is", 1 }, { "layout h500(1\n", "config:1: \"h500(1\" is not a layout", 1 },
		{ "set scrollback 0\n", "config:1: set scrollback: a number from 1 to 4096", 1 }, { "set prefix \"C-a\n", "config:1: a quoted word", 1 },
	};
	const struct place *at = *state;
	char cmd[1500];
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++)
		place_check_config(at, t[i].text, t[i].says, t[i].status);
	snprintf(cmd, sizeof cmd, "%s/vmux/config", at->dir);
	unlink(cmd);
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout_texts), cmocka_unit_test(random_texts), cmocka_unit_test(layouts_hold_together), cmocka_unit_test(panes_by_keys),
		cmocka_unit_test(layouts_are_kept), cmocka_unit_test(the_palette), cmocka_unit_test(fuzzy_matches), cmocka_unit_test(settings_from_a_file), cmocka_unit_test(settings_are_checked),
	};
	return cmocka_run_group_tests(tests, place_set_up, place_tear_down);
}
