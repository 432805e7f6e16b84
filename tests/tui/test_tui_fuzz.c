/* test_tui_fuzz.c - what the workstation reads from others, at random: settings, themes, key maps and layouts; a terminal's bytes; what guests
 * print, with triggers watching.  The asan build finds what this upsets.
 * VMUX_FUZZ_SEED=N: that start instead of the usual ones; VMUX_FUZZ_ROUNDS=N: so many rounds from each instead of a few seconds' worth. */
#include "tests/tui/station.h"
#include "tui/config.h"
#include "tui/keydec.h"
#include "tui/keymap.h"
#include "tui/layout.h"
#include "tui/theme.h"
#include "tui/triggers.h"
#include <dirent.h>
#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { TEXT_MOST = 8192, FILES = 400, STREAMS = 400, LAYOUTS = 3000, PATTERNS = 2000, MONKEY = 250, SEEDS = 5 };

static unsigned rounds(unsigned usual)
{
	const char *n = getenv("VMUX_FUZZ_ROUNDS");
	return n ? (unsigned)atoi(n) : usual / (getenv("VMUX_FUZZ_SEED") ? 1 : SEEDS);
}

/* From each start. */
static void from_each(void **state, void (*run)(struct place *at, uint64_t r))
{
	const char *only = getenv("VMUX_FUZZ_SEED");
	for (unsigned i = 0; i < (only ? 1 : SEEDS); i++)
		run(*state, 0x9e3779b97f4a7c15u * ((only ? (uint64_t)atoi(only) : i) + 1));
}

static unsigned rnd(uint64_t *r, unsigned n)
{
	*r ^= *r << 13;
	*r ^= *r >> 7;
	*r ^= *r << 17;
	return (unsigned)(*r >> 33) % n;
}

/* ---- texts --------------------------------------------------------------------------------------------------------------------------- */

/* Change, insert, remove and repeat pieces of a text.  Returns its new length. */
static size_t spoil(uint64_t *r, char *text, size_t n, const char *const *words, unsigned n_words)
{
	for (unsigned k = 1 + rnd(r, 6); k && n; k--) {
		size_t at = rnd(r, (unsigned)n), len = 1 + rnd(r, 40);
		const char *w = words[rnd(r, n_words)];
		len = len < n - at ? len : n - at;
		switch (rnd(r, 5)) {
		case 0: text[at] = (char)rnd(r, 256); break;
		case 1: memmove(text + at, text + at + len, n - at - len); n -= len; break;
		case 2:
			len = strlen(w) < TEXT_MOST - n ? strlen(w) : 0;
			memmove(text + at + len, text + at, n - at);
			memcpy(text + at, w, len);
			n += len;
			break;
		case 3:
			len = len < TEXT_MOST - n ? len : 0;
			memmove(text + at + len, text + at, n - at);
			n += len;
			break;
		default: text[at] ^= (char)(1 << rnd(r, 8)); break;
		}
	}
	return n;
}

static void put(const char *path, const char *text, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	close(fd);
}

static size_t get(const char *path, char *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	ssize_t n = read(fd, text, TEXT_MOST);
	close(fd);
	assert_true(n > 0);
	return (size_t)n;
}

/* Any file of a folder of the repository. */
static void pick(uint64_t *r, const char *dir, char *path, size_t size)
{
	unsigned n = 0;
	DIR *d = opendir(dir);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)); )
		if (e->d_type == DT_REG && rnd(r, ++n) == 0)
			snprintf(path, size, "%s/%s", dir, e->d_name);
	closedir(d);
	assert_true(n > 0);
}

static bool find(void *arg, const char *name, char *path, size_t size)
{
	const struct place *at = arg;
	snprintf(path, size, "%s/%s", at->dir, name);
	if (strchr(name, '/') || access(path, R_OK))
		snprintf(path, size, "themes/default");         /* an include finds something, be it itself */
	return true;
}

static bool find_keymap(void *arg, const char *name, char *path, size_t size)
{
	find(arg, name, path, size);
	if (!strcmp(path, "themes/default"))
		snprintf(path, size, "keymaps/en-us");
	return true;
}

static int key_by_name(const char *name) { return name[0] & 0x7f; }

static void themes_and_keymaps(struct place *at, uint64_t r)
{
	static const char *const words[] = { " include it\n", "include default\n", " #ffffff ", " bright-", "vga.16 red\n", "ansi.3 default\n", "\n\n", " bold bold ", "\"", "key 0x1e a A b B\n",
		"dead 0x1a plain U+0301\n", "compose U+00E9 U+0301 e\n", "U+110000", "U+", "none none none", "key 0xff", "0x", "\\", "#", "999999999999", "\xc3", "\xe2\x82\xac", "name " };
	char text[TEXT_MOST + 64], path[200], from[512];
	snprintf(path, sizeof path, "%s/it", at->dir);
	for (unsigned i = 0; i < rounds(FILES); i++) {
		struct error err;
		bool theme = rnd(&r, 2);
		pick(&r, theme ? "themes" : "keymaps", from, sizeof from);
		put(path, text, spoil(&r, text, get(from, text), words, sizeof words / sizeof *words));
		err.msg[0] = 0;
		if (theme) {
			struct theme t;
			theme_builtin(&t);
			if (!theme_load(&t, path, find, at, &err))
				assert_true(err.msg[0]);
		} else {
			struct keymap k = { 0 };
			struct keymap_io io = { .find = find_keymap, .key_by_name = key_by_name, .arg = at };
			if (keymap_load(&k, "it", &io, &err))
				keymap_free(&k);
			else
				assert_true(err.msg[0]);
		}
	}
}

static void settings(struct place *at, uint64_t r)
{
	static const char good[] = "set prefix C-b\nset esc-time 300\nset scrollback 64\nset copy-keys emacs\nset paste-ask off\nset theme light\nset graphics half\n"
		"bind next-console Tab n\nlayout v500(1,h500(2,3))\ntrigger panic\ntrigger oops pause times=1\ntrigger in \"match=login: $\" pane=serial0 \"send=root<ret>\" times=1\n"
		"log serial0 raw\n";
	static const char *const words[] = { "\nset ", "set scrollback 99999999999\n", "bind ", " C-M-S-F12 ", "trigger ", " match=", "match=((((", "match=[a-", " times=", "layout v1(", ")", "h500(1,1)", "\"",
		"'", "#", "=", "<ret>", "\xff", "a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a ", "match=\\Q", "(?:a{65535}){65535}", "log " };
	char text[TEXT_MOST + 64], path[200];
	char *argv[] = { "config", "check", path, NULL };
	snprintf(path, sizeof path, "%s/it", at->dir);
	fflush(stdout);
	fflush(stderr);
	int out = dup(1), err = dup(2), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	unsigned fine = 0, wrong = 0;
	for (unsigned i = 0; i < rounds(FILES); i++) {
		size_t n = sizeof good - 1;
		memcpy(text, good, n);
		put(path, text, spoil(&r, text, n, words, sizeof words / sizeof *words));
		dup2(null, 1);                          /* it says what it thinks */
		if (!getenv("VMUX_SANITIZER_OUTPUT"))
			dup2(null, 2);
		int status = config_main(3, argv);
		fflush(stdout);
		dup2(out, 1);
		dup2(err, 2);
		fine += status == 0;
		wrong += status == 1;
	}
	close(out);
	close(err);
	close(null);
	assert_int_equal(fine + wrong, rounds(FILES));
	assert_true(wrong > 0);
}

static void layouts(struct place *at, uint64_t r)
{
	static const char *const words[] = { "v500(1,2)", "h", "(", ",", ")", "1000", "0", "17", "h1(2,3)", "99999999999", "v999(4,5)", "-1" };
	for (unsigned i = 0; i < rounds(LAYOUTS); i++) {
		char text[TEXT_MOST + 64] = "v600(1,h500(3,v200(2,4)))";
		struct layout l, again;
		struct error err = { "" };
		text[spoil(&r, text, strlen(text), words, sizeof words / sizeof *words)] = 0;
		layout_init(&l, 0);
		if (!layout_parse(&l, text, &err)) {
			assert_true(err.msg[0]);
			continue;
		}
		struct text one = { 0 }, two = { 0 };
		layout_place(&l, (struct rect){ 0, 0, 1 + (int)rnd(&r, 300), 1 + (int)rnd(&r, 100) });
		layout_text(&l, &one);
		layout_init(&again, 0);
		assert_true(layout_parse(&again, one.s, &err));
		layout_text(&again, &two);
		assert_string_equal(one.s, two.s);
		text_free(&one);
		text_free(&two);
	}
}

/* ---- keys ---------------------------------------------------------------------------------------------------------------------------- */

struct typed { struct key key[4096]; unsigned n; };

static void note(void *arg, const struct key *k)
{
	struct typed *t = arg;
	if (t->n < 4096)
		t->key[t->n++] = *k;
}

static const char *const sequences[] = { "\033[A", "\033[1;5C", "\033OP", "\033[97;6u", "\033[27;5;97~", "\033[200~", "\033[201~", "\033[M abc", "\033[<0;1;1M", "\033]52;c;aGk=\033\\", "\033P1$r\033\\",
	"\033", "\033\033", "\033[", "\033O", "\xe2\x82\xac", "\xe2", "\xff", "\001", "\177", "\033[999999999999999u", "\033[1;1;1;1;1;1;1;1;1;1;1;1;1A", "\033[3~", "\033[[A", "\033[27u", "\033[?1u", "\033P>|XTerm(1)\033\\", "7", "a", "\r", "\033x", "\033[I" };

static size_t make_keys(uint64_t *r, char *out, size_t most)
{
	size_t n = 0;
	while (n + 64 < most) {
		const char *s = sequences[rnd(r, sizeof sequences / sizeof *sequences)];
		size_t len = strlen(s);
		if (rnd(r, 8) == 0)
			len = 1 + rnd(r, (unsigned)len);
		memcpy(out + n, s, len);
		n += len;
		if (rnd(r, 10) == 0)
			out[n++] = (char)rnd(r, 256);
	}
	return n;
}

/* The same keys, in whatever pieces the bytes come. */
static void pieces_do_not_matter(struct place *at, uint64_t r)
{
	static struct typed whole, cut;
	for (unsigned i = 0; i < rounds(STREAMS); i++) {
		char bytes[1500];
		size_t n = make_keys(&r, bytes, 100 + rnd(&r, 1300));
		struct keydec a, b;
		whole.n = cut.n = 0;
		keydec_init(&a, note, &whole);
		keydec_init(&b, note, &cut);
		a.utf8 = b.utf8 = rnd(&r, 4) > 0;
		keydec_feed(&a, (uint8_t *)bytes, n, 1000);
		for (size_t from = 0; from < n; ) {
			size_t len = 1 + rnd(&r, 7);
			len = len < n - from ? len : n - from;
			keydec_feed(&b, (uint8_t *)bytes + from, len, 1000);
			from += len;
		}
		keydec_tick(&a, 100000);
		keydec_tick(&b, 100000);
		assert_int_equal(whole.n, cut.n);
		for (unsigned k = 0; k < whole.n; k++)
			if (whole.key[k].sym != cut.key[k].sym || whole.key[k].mods != cut.key[k].mods)
				fail_msg("round %u, key %u: %x/%x in one piece, %x/%x in several", i, k, whole.key[k].sym, whole.key[k].mods, cut.key[k].sym, cut.key[k].mods);
	}
}

/* ---- patterns of triggers --------------------------------------------------------------------------------------------------------------- */

enum { PATTERN = 200 };

/* A regular expression, most often a valid one, of pieces that may be nested, repeated, looked for ahead and behind. */
static void make_pattern(uint64_t *r, char *out, unsigned depth)
{
	static const char *const atoms[] = { "a", "panic", ": ", ".", "\\d", "\\w", "\\s", "\\b", "\\B", "[a-z]", "[^a-z]", "[[:punct:]]", "\\p{L}", "\\X", "\\R", "^", "$", "\\1", "\\K", "e\xcc\x81",
		"\xe4\xb8\xad", "\\x{1f600}", "\\Qa.b\\E", "(*COMMIT)", "(?R)", "(?1)", "\\C", "login", "aa", "[a-", "\\", "(", ")" };
	static const char *const groups[] = { "(", "(?:", "(?i)(", "(?=", "(?!", "(?<=", "(?>", "(?|", "(?<n>", "(?s)(?:" };
	static const char *const often[] = { "*", "+", "?", "{3}", "{2,5}", "*?", "++", "{0,65535}", "{1000}", "|", "" };
	for (unsigned k = 1 + rnd(r, 4); k && strlen(out) < PATTERN - 40; k--) {
		if (depth && rnd(r, 3) == 0) {
			strcat(out, groups[rnd(r, sizeof groups / sizeof *groups)]);
			make_pattern(r, out, depth - 1);
			if (strlen(out) < PATTERN - 20)
				strcat(out, ")");
		} else {
			strcat(out, atoms[rnd(r, rnd(r, 8) ? sizeof atoms / sizeof *atoms - 4 : sizeof atoms / sizeof *atoms)]);
		}
		if (rnd(r, 2))
			strcat(out, often[rnd(r, sizeof often / sizeof *often)]);
	}
}

/* A trigger with such a pattern; false: it was refused, with a reason. */
static bool pattern_taken(struct triggers **t, unsigned n, const char *pattern)
{
	char match[PATTERN + 16], name[16];
	struct error err = { "" };
	snprintf(match, sizeof match, "match=%s", pattern);
	snprintf(name, sizeof name, "it%u", n);
	char *word[] = { "trigger", name, match, "notify", "cooldown=0", NULL };
	bool taken = triggers_add(t, word, 5, &err);
	if (!taken)
		assert_true(err.msg[0]);
	return taken;
}

static void patterns(struct place *at, uint64_t r)
{
	struct triggers *t = NULL;
	unsigned taken = 0, n = 0;
	for (unsigned i = 0; i < rounds(PATTERNS); i++) {
		char pattern[PATTERN] = "";
		make_pattern(&r, pattern, 3);
		if (pattern_taken(&t, n, pattern))
			taken++;
		if (++n == TRIGGERS_MOST / 2) {
			triggers_free(t);
			t = NULL;
			n = 0;
		}
	}
	triggers_free(t);
	print_message("%u of %u patterns are patterns\n", taken, rounds(PATTERNS));
	assert_true(taken > 0 && taken < rounds(PATTERNS));
}

/* ---- a guest and a person, both mad --------------------------------------------------------------------------------------------------- */

static void mad_output(uint64_t *r, struct station *s)
{
	static const char *const some[] = { "\\e[?1049h", "\\e[?1049l", "\\e]0;", "\\e]2;title\\x07", "\\e]52;c;aGVsbG8=\\e\\\\", "\\e]52;c;?\\x07", "\\e]4;1;rgb:ff/00/00\\x07", "\\eP$qr\\e\\\\", "\\e[6n", "\\e[c",
		"\\e[5;3r", "\\e[r", "\\ec", "\\e(0", "\\e(B", "\\x0e", "\\x0f", "\\e[999;999H", "\\e[2J", "\\e[3J", "\\e[99M", "\\e[99L", "\\e[99@", "\\e[99P", "\\e[1;31m", "\\e[38;2;1;2;3m", "\\e[48;5;200m",
		"\\e[m", "\\xe4\\xb8\\xad\\xe6\\x96\\x87", "e\\xcc\\x81\\xcc\\x82\\xcc\\x83\\xcc\\x84\\xcc\\x85\\xcc\\x86\\xcc\\x87\\xcc\\x88", "\\xff\\xfe", "\\xf0\\x9f\\x98\\x80", "\\x07", "\\t", "\\r\\n", "\\r\\n\\r\\n",
		"panic: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "login: ", "\\e[?5h", "\\e[?25l", "\\e[?7l", "\\e#3", "\\e#8", "\\e[?69h\\e[3;9s", "\\e[4h", "\\e[20h", "\\e[", "\\e", "\\e[?1000h", "\\e[>4;2m" };
	char line[6000] = "print 3 ";
	size_t n = strlen(line);
	for (unsigned k = 1 + rnd(r, 40); k && n + 200 < sizeof line; k--) {
		if (rnd(r, 3)) {
			n += (size_t)sprintf(line + n, "%s", some[rnd(r, sizeof some / sizeof *some)]);
			continue;
		}
		for (unsigned i = rnd(r, 40); i; i--)
			n += (size_t)sprintf(line + n, "\\x%02x", 0x20 + rnd(r, 224));
	}
	station_ask(s, "%s", line);
	if (rnd(r, 12) == 0)
		station_ask(s, "flood 3 %u", rnd(r, 900));
}

/* Nothing that ends the machine, leaves it, or runs what was typed. */
static void mad_keys(uint64_t *r, struct station *s)
{
	static const char *const some[] = { "\0011", "\0012", "\0013", "\001n", "\001p", "\001w", "\001|", "\001-", "\001!", "\001z", "\001=", "\001h", "\001[", "\001/aa", "\001&x", "\001y", "\001e", "\001i", "\001l",
		"\001P", "\001:set", "\001\014", "\001T", "\001g", "\001]", "\001\033[A", "\001\033[1;5B", "\033", "q", "\007", "jjkkhl", "v", "V", "\033[5~", "\033[6~", "\033[1;5A", "ggG", "nN", "\t", "?x", "some text" };
	const char *keys = some[rnd(r, sizeof some / sizeof *some)];
	ptyrun_send(s->p, keys);
	if (rnd(r, 3) == 0)
		ptyrun_send(s->p, "\033\033\003q");     /* out of whatever it was */
}

static void a_monkey(struct place *at, uint64_t r)
{
	char *argv[] = { at->program, "-nodefaults", NULL };
	char config[8000] = "set scrollback 1\nset esc-time 20\ntrigger panic \"match=panic: (a+)+$\" notify cooldown=0\ntrigger in match=login notify \"send=x<ret>\" cooldown=0\n"
		"trigger other \"match=[^a-z]{3,}x\" \"monitor=info version\" cooldown=0\n";
	for (unsigned i = 0; i < 12; i++) {
		char pattern[PATTERN] = "";
		struct triggers *t = NULL;
		make_pattern(&r, pattern, 3);
		if (pattern_taken(&t, i, pattern))
			sprintf(config + strlen(config), "trigger any%u \"match=%s\" notify cooldown=0\n", i, pattern);
		triggers_free(t);
	}
	place_write_config(at, config);
	struct station *s = station_start(at, (struct ptyrun_options){ 0 }, argv);
	for (unsigned i = 0; i < rounds(MONKEY); i++) {
		mad_output(&r, s);
		mad_keys(&r, s);
		if (rnd(&r, 10) == 0)                   /* (the terminal here, libvterm 0.1.4, does not survive a wide character in a single column) */
			ptyrun_resize(s->p, 2 + rnd(&r, 149), 1 + rnd(&r, 60));
		if (rnd(&r, 20) == 0)
			station_ask(s, rnd(&r, 2) ? "text %u %u" : "graphics %u %u", 1 + rnd(&r, 132), 1 + rnd(&r, 60));
		if (rnd(&r, 20) == 0)
			station_ask(s, "all");
	}
	ptyrun_resize(s->p, 80, 25);
	station_ask(s, "print 3 \\x18\\e\\\\\\e[?1049l\\ecstill here\r\n");
	ptyrun_send(s->p, "\033\033\003q");
	ptyrun_bytes_during(s->p, 100);
	ptyrun_send(s->p, "\033\033\003q");
	ptyrun_bytes_during(s->p, 100);
	ptyrun_send(s->p, "\001:layout 3\r");
	SEES(s, "still here");
	station_stop(s);
	place_write_config(at, "");
}

#define EACH(test) static void test##_from_each(void **state) { from_each(state, test); }
EACH(themes_and_keymaps) EACH(settings) EACH(layouts) EACH(pieces_do_not_matter) EACH(patterns) EACH(a_monkey)

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
#define TEST(test) { #test, test##_from_each, NULL, NULL, NULL }
	const struct CMUnitTest tests[] = { TEST(themes_and_keymaps), TEST(settings), TEST(layouts), TEST(pieces_do_not_matter), TEST(patterns), TEST(a_monkey) };
	return cmocka_run_group_tests_name("fuzz", tests, place_set_up, place_tear_down);
}
