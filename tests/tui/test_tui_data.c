/* test_tui_data.c - key maps and themes: what is in them, and what is said of bad ones. */
#include "tui/keymap.h"
#include "tui/theme.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

struct dir { char path[64]; };

static bool find(void *arg, const char *name, char *path, size_t size)
{
	struct dir *d = arg;
	snprintf(path, size, "%s/%s", d->path, name);
	return access(path, R_OK) == 0;
}

static int key_by_name(const char *name)
{
	return !strcmp(name, "ret") ? 0x1c : -1;
}

static void put(struct dir *d, const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", d->path, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int make_dir(void **state)
{
	struct dir *d = calloc(1, sizeof *d);
	snprintf(d->path, sizeof d->path, "/tmp/vmux-data-XXXXXX");
	*state = d;
	return mkdtemp(d->path) ? 0 : -1;
}

static int remove_dir(void **state)
{
	struct dir *d = *state;
	char cmd[128];
	snprintf(cmd, sizeof cmd, "rm -rf %s", d->path);
	int r = system(cmd);
	free(d);
	return r;
}

static struct keymap_io io_of(struct dir *d)
{
	return (struct keymap_io){ .find = find, .key_by_name = key_by_name, .arg = d };
}

static void en_us_is_complete(void **state)
{
	struct dir source = { "keymaps" };
	struct keymap_io io = io_of(&source);
	struct keymap k;
	struct error err;
	if (!keymap_load(&k, "en-us", &io, &err))
		fail_msg("%s", err.msg);
	for (uint32_t ch = 0x20; ch < 0x7f; ch++) {
		const struct keymap_entry *e = keymap_find(&k, ch);
		if (!e || e->n != 1)
			fail_msg("no key for %c", (int)ch);
		assert_true((e->stroke[0].mods & ~(unsigned)STROKE_SHIFT) == 0);
	}
	assert_int_equal(keymap_find(&k, 'a')->stroke[0].qnum, 0x1e);
	assert_int_equal(keymap_find(&k, '|')->stroke[0].qnum, 0x2b);
	assert_int_equal(keymap_find(&k, '|')->stroke[0].mods, STROKE_SHIFT);
	assert_int_equal(keymap_find(&k, '#')->stroke[0].qnum, 0x04);
	assert_null(keymap_find(&k, 0xe9));
	keymap_free(&k);
}

static void layouts_build_on_layouts(void **state)
{
	struct dir *d = *state;
	struct keymap_io io = io_of(d);
	struct keymap k;
	struct error err;
	put(d, "base", "name \"Base one\"\nkey 0x1e a A\nkey 0x10 q Q   # comment\nkey ret U+00B6\nkey 0x12 e E U+20AC\nkey 0x39 \" \"\n");
	put(d, "fr", "include base\nkey 0x1e q Q\nkey 0x10 a A\ndead 0x1a plain ^\ncompose \xc3\xaa ^ e\ncompose ^ ^ \" \"\n");
	if (!keymap_load(&k, "fr", &io, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(k.title, "Base one");
	assert_int_equal(keymap_find(&k, 'a')->stroke[0].qnum, 0x10);
	assert_int_equal(keymap_find(&k, 'q')->stroke[0].qnum, 0x1e);
	assert_int_equal(keymap_find(&k, 0xb6)->stroke[0].qnum, 0x1c);
	assert_int_equal(keymap_find(&k, 0x20ac)->stroke[0].mods, STROKE_ALTGR);
	assert_int_equal(keymap_find(&k, 0xea)->n, 2);
	assert_int_equal(keymap_find(&k, 0xea)->stroke[0].qnum, 0x1a);
	assert_int_equal(keymap_find(&k, 0xea)->stroke[1].qnum, 0x12);
	keymap_free(&k);
}

static void bad_keymaps_are_told_by_line(void **state)
{
	static const struct { const char *text, *says; } bad[] = {
		{ "kei 0x1e a\n", ":1: \"kei\" is not understood" },
		{ "\n# fine\nkey 0x1e\n", ":3: key needs" },
		{ "key 0x100 a\n", ":1: \"0x100\" is no key" },
		{ "key 0 a\n", "is no key" },
		{ "key nosuch a\n", "\"nosuch\" is no key" },
		{ "key 0x1e ab\n", ":1: \"ab\" is no character" },
		{ "key 0x1e \xff\n", "is no character" },
		{ "key 0x1e U+110000\n", "is no character" },
		{ "key 0x1e \"a\n", ":1: a quoted word does not end" },
		{ "include nosuch\n", ":1: no key map \"nosuch\" found" },
		{ "include bad\n", "includes nest too deeply" },
		{ "compose \xc3\xaa ^ e\n", "no dead key" },
		{ "dead 0x1a sideways ^\n", "\"sideways\" is no level" },
		{ "dead 0x1a plain ^\ncompose \xc3\xaa ^ e\n", ":2: no single key makes \"e\"" },
		{ "dead 0x1a plain ^\ncompose x ^ ^ ^ e\n", ":2: compose needs" },
		{ "dead 0x1a plain ^\nkey 0x12 e\ncompose x ^ ` e\n", ":3: no dead key \"`\"" },
	};
	struct dir *d = *state;
	struct keymap_io io = io_of(d);
	struct keymap k;
	struct error err;
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		put(d, "bad", bad[i].text);
		assert_false(keymap_load(&k, "bad", &io, &err));
		if (!strstr(err.msg, bad[i].says))
			fail_msg("\"%s\": said \"%s\", not \"%s\"", bad[i].text, err.msg, bad[i].says);
	}
	assert_false(keymap_load(&k, "missing", &io, &err));
	assert_non_null(strstr(err.msg, "no key map \"missing\" found; "));
	char junk[3000];
	memset(junk, 'x', sizeof junk);
	junk[sizeof junk - 1] = 0;
	put(d, "bad", junk);
	assert_false(keymap_load(&k, "bad", &io, &err));
	assert_non_null(strstr(err.msg, ":1: line is longer"));
}

static void shipped_keymaps_load(void **state)
{
	static const char *const names[] = {
#define LAYOUT(name, layout, variant, title) name,
#include "keymaps/tools/layouts.def"
#undef LAYOUT
	};
	struct dir source = { "keymaps" };
	struct keymap_io io = io_of(&source);
	struct error err;
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		struct keymap k;
		if (!keymap_load(&k, names[i], &io, &err))
			fail_msg("%s", err.msg);
		assert_true(k.n > 60 && k.title[0]);
		keymap_free(&k);
	}
}

static void shipped_themes_load(void **state)
{
	static const char *const names[] = { "default", "mono", "light", "solarized", "high-contrast", "cga" };
	struct dir source = { "themes" };
	char path[128];
	struct error err;
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		struct theme t, builtin;
		theme_builtin(&t);
		theme_builtin(&builtin);
		assert_true(find(&source, names[i], path, sizeof path));
		if (!theme_load(&t, path, find, &source, &err))
			fail_msg("%s", err.msg);
		if (i == 0)             /* the file says what the program says by itself */
			assert_memory_equal(&t, &builtin, sizeof t);
		assert_int_equal(t.mono, i == 1);
	}
}

/* IBM's sixteen: two levels of each gun, and the brown that the 5153 made of dark yellow. */
static void cga_is_the_true_palette(void **state)
{
	struct dir source = { "themes" };
	struct theme t;
	struct error err;
	theme_builtin(&t);
	assert_true(theme_load(&t, "themes/cga", find, &source, &err));
	for (unsigned i = 0; i < 16; i++) {
		uint32_t low = i & 8 ? 0x55 : 0, on = i & 8 ? 0xff : 0xaa;
		uint32_t want = (i & 4 ? on : low) << 16 | (i & 2 ? on : low) << 8 | (i & 1 ? on : low);
		assert_int_equal(t.vga[i], i == 6 ? 0xaa5500 : want);
		assert_int_equal(t.ansi[(i & 10) | (i & 1) << 2 | (i >> 2 & 1)], t.vga[i]);
	}
}

/* Without colours every theme still tells what it has to tell: no two states of the status line look alike that must not. */
static void themes_without_colours(void **state)
{
	static const char *const names[] = { "default", "mono", "light", "solarized", "high-contrast", "cga" };
	struct dir source = { "themes" };
	char path[128];
	struct error err;
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		struct theme t;
		theme_builtin(&t);
		find(&source, names[i], path, sizeof path);
		assert_true(theme_load(&t, path, find, &source, &err));
		if (!t.mono)
			theme_make_mono(&t);
		assert_true(t.mono);
		for (unsigned r = 0; r < ROLE_COUNT; r++)
			assert_true(t.role[r].fg == COLOUR_DEFAULT && t.role[r].bg == COLOUR_DEFAULT);
		assert_int_not_equal(t.role[ROLE_STATUS].attrs, t.role[ROLE_STATUS_FOCUS].attrs);
		assert_int_not_equal(t.role[ROLE_POPUP].attrs, t.role[ROLE_POPUP_SELECTED].attrs);
	}
}

static void themes_set_roles_and_palettes(void **state)
{
	struct dir *d = *state;
	char path[128];
	struct error err;
	struct theme t;
	theme_builtin(&t);
	put(d, "base", "status black #102030 bold underline\n");
	put(d, "t", "include base\nvga.1 #0000ff\nansi.15 231\nnotice default default\nvga.1 guest\nvga.2 bright-green\n");
	assert_true(find(d, "t", path, sizeof path));
	if (!theme_load(&t, path, find, d, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(t.role[ROLE_STATUS].fg, COLOUR_PALETTE | 0);
	assert_int_equal(t.role[ROLE_STATUS].bg, 0x102030);
	assert_int_equal(t.role[ROLE_STATUS].attrs, ATTR_BOLD | ATTR_UNDERLINE);
	assert_int_equal(t.vga[1], THEME_AS_IS);
	assert_int_equal(t.vga[2], COLOUR_PALETTE | 10);
	assert_int_equal(t.ansi[15], COLOUR_PALETTE | 231);
}

static void bad_themes_are_told_by_line(void **state)
{
	static const struct { const char *text, *says; } bad[] = {
		{ "nosuch red blue\n", ":1: \"nosuch\" is no role" }, { "status red\n", ":1: \"status\" needs a foreground" },
		{ "status redd blue\n", ":1: \"redd\" is no colour" }, { "status red #12345\n", "\"#12345\" is no colour" },
		{ "status 256 blue\n", "\"256\" is no colour" }, { "\nstatus red blue shiny\n", ":2: \"shiny\" is no attribute" },
		{ "vga.16 red\n", "from 0 to 15" }, { "vga.1\n", "needs one colour" }, { "include bad\n", "nest too deeply" },
	};
	struct dir *d = *state;
	char path[128];
	struct error err;
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct theme t, before;
		theme_builtin(&t);
		before = t;
		put(d, "bad", bad[i].text);
		find(d, "bad", path, sizeof path);
		assert_false(theme_load(&t, path, find, d, &err));
		if (!strstr(err.msg, bad[i].says))
			fail_msg("\"%s\": said \"%s\", not \"%s\"", bad[i].text, err.msg, bad[i].says);
		assert_memory_equal(&t, &before, sizeof t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(en_us_is_complete), cmocka_unit_test(layouts_build_on_layouts), cmocka_unit_test(bad_keymaps_are_told_by_line),
		cmocka_unit_test(shipped_keymaps_load),
		cmocka_unit_test(shipped_themes_load), cmocka_unit_test(cga_is_the_true_palette),
		cmocka_unit_test(themes_without_colours), cmocka_unit_test(themes_set_roles_and_palettes), cmocka_unit_test(bad_themes_are_told_by_line),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
