/* test_tui_keydec.c - the key decoder: each chord, split at each byte, at the speed of a terminal and of a hand. */
#include "tui/keydec.h"
#include "tui/grid.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct seen { char text[4096]; };

static void note(void *arg, const struct key *k)
{
	struct seen *s = arg;
	char name[32], raw[16];
	size_t at = strlen(s->text);
	if (k->sym == K_RAW)
		snprintf(raw, sizeof raw, "<%02x>", k->raw);
	snprintf(s->text + at, sizeof s->text - at, "%s%s%s", at ? " " : "", k->pasted && k->sym < K_ESC ? "~" : "",
		 k->sym == K_RAW ? raw : key_text(k, name, sizeof name));
}

static const struct { const char *bytes, *keys; } chords[] = {
	{ "a", "a" }, { "A", "A" }, { "\r", "Enter" }, { "\t", "Tab" }, { "\x7f", "Backspace" }, { "\x01", "C-a" }, { "\x1a", "C-z" }, { "\x1c", "C-\\" },
	{ "\x1f", "C-_" }, { "\n", "C-j" }, { "\x08", "C-h" }, { " ", "Space" },
	{ "\xc3\xa9", "\xc3\xa9" }, { "\xe2\x82\xac", "\xe2\x82\xac" }, { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" }, { "\xff", "<ff>" },
	{ "\033a", "M-a" }, { "\0331", "M-1" }, { "\033\xc3\xa9", "M-\xc3\xa9" }, { "\033\x01", "C-M-a" }, { "\033\r", "M-Enter" }, { "\033\x7f", "M-Backspace" },
	{ "\033[A", "Up" }, { "\033[B", "Down" }, { "\033[C", "Right" }, { "\033[D", "Left" }, { "\033[H", "Home" }, { "\033[F", "End" },
	{ "\033OA", "Up" }, { "\033OB", "Down" }, { "\033OC", "Right" }, { "\033OD", "Left" }, { "\033OH", "Home" }, { "\033OF", "End" },
	{ "\033OP", "F1" }, { "\033OQ", "F2" }, { "\033OR", "F3" }, { "\033OS", "F4" }, { "\033[11~", "F1" }, { "\033[14~", "F4" },
	{ "\033[15~", "F5" }, { "\033[17~", "F6" }, { "\033[18~", "F7" }, { "\033[19~", "F8" }, { "\033[20~", "F9" }, { "\033[21~", "F10" },
	{ "\033[23~", "F11" }, { "\033[24~", "F12" }, { "\033[25~", "S-F1" }, { "\033[34~", "S-F8" },
	{ "\033[1~", "Home" }, { "\033[2~", "Insert" }, { "\033[3~", "Delete" }, { "\033[4~", "End" }, { "\033[5~", "Page_Up" }, { "\033[6~", "Page_Down" },
	{ "\033[7~", "Home" }, { "\033[8~", "End" },
	{ "\033[1;5A", "C-Up" }, { "\033[1;2B", "S-Down" }, { "\033[1;3C", "M-Right" }, { "\033[1;8D", "C-M-S-Left" }, { "\033[1;5P", "C-F1" },
	{ "\033[1;3R", "M-F3" }, { "\033[15;5~", "C-F5" }, { "\033[5;5~", "C-Page_Up" }, { "\033[6;5~", "C-Page_Down" }, { "\033[3;3~", "M-Delete" },
	{ "\033[1;9A", "s-Up" }, { "\033[5A", "C-Up" }, { "\033[2P", "S-F1" }, { "\033O5P", "C-F1" }, { "\033[E", "KP_Begin" },
	{ "\033[Z", "S-Tab" }, { "\033[[A", "F1" }, { "\033[[E", "F5" },
	{ "\033[a", "S-Up" }, { "\033Oa", "C-Up" }, { "\033[3$", "S-Delete" }, { "\033[3^", "C-Delete" }, { "\033[3@", "C-S-Delete" },
	{ "\033Op", "KP_0" }, { "\033Oy", "KP_9" }, { "\033OM", "KP_Enter" }, { "\033Oj", "KP_Multiply" }, { "\033Ok", "KP_Add" },
	{ "\033[97u", "a" }, { "\033[97;5u", "C-a" }, { "\033[49;3u", "M-1" }, { "\033[97;6u", "C-S-A" }, { "\033[97:65;2u", "S-A" }, { "\033[13;5u", "C-Enter" },
	{ "\033[27u", "Esc" }, { "\033[127;5u", "C-Backspace" }, { "\033[9;5u", "C-Tab" }, { "\033[97;1:3u", "" }, { "\033[1;1:3A", "" }, { "\033[57399u", "KP_0" },
	{ "\033[57441;2u", "" },
	{ "\033[27ua", "Esc a" }, { "\033[27u\033[A", "Esc Up" }, { "\033[27u\033[27u", "Esc Esc" }, { "\033[27;3u1", "M-Esc 1" }, { "\033[27;1:3u1", "1" },
	{ "\033[?0u", "" }, { "\033P>|XTerm(390)\033\\", "" },
	{ "\033[27;5;97~", "C-a" }, { "\033[27;5;13~", "C-Enter" }, { "\033[27;6;9~", "C-S-Tab" },
	{ "\033\033[A", "M-Up" }, { "\033\033OP", "M-F1" }, { "\033\033[3~", "M-Delete" },
	{ "\033[200~x\033[201~", "Paste_Begin ~x Paste_End" }, { "\033[200~\0331\001\r\033[201~y", "Paste_Begin Esc ~1 ~C-a Enter Paste_End y" },
	/* answers and reports are not keys */
	{ "\033[?1;2c", "" }, { "\033[24;80R", "" }, { "\033[<0;10;10M", "" }, { "\033[M !!", "" }, { "\033]11;rgb:0000/0000/0000\007", "" },
	{ "\033]11;rgb:0000/0000/0000\033\\", "" }, { "\033[I", "" }, { "\033[O", "" },
	{ "\033[A\033[B", "Up Down" }, { "a\033[1;5Cb", "a C-Right b" }, { "ab\033[5~\033[5~c", "a b Page_Up Page_Up c" },
};

static void decode(const char *bytes, size_t n, size_t split, int pause, char *out, size_t size)
{
	struct keydec d;
	struct seen s = { "" };
	keydec_init(&d, note, &s);
	keydec_feed(&d, (const uint8_t *)bytes, split, 1000);
	if (split < n)
		keydec_feed(&d, (const uint8_t *)bytes + split, n - split, 1000 + pause);
	for (int i = 0; i < 3 && keydec_deadline(&d) >= 0; i++)
		keydec_tick(&d, keydec_deadline(&d));
	assert_int_equal(keydec_deadline(&d), -1);
	snprintf(out, size, "%s", s.text);
}

static void every_chord(void **state)
{
	char got[4096];
	for (unsigned i = 0; i < sizeof chords / sizeof *chords; i++) {
		size_t n = strlen(chords[i].bytes);
		for (size_t split = 1; split <= n; split++) {
			decode(chords[i].bytes, n, split, 50, got, sizeof got);
			if (strcmp(got, chords[i].keys))
				fail_msg("\"%s\" (number %u) split at %zu gave \"%s\", not \"%s\"", chords[i].bytes + (chords[i].bytes[0] == 27), i, split, got,
					 chords[i].keys);
		}
	}
}

static void zero_byte_is_control_space(void **state)
{
	char got[64];
	decode("\0", 1, 1, 0, got, sizeof got);
	assert_string_equal(got, "C-Space");
}

static void a_hand_types_escape_then_digit(void **state)
{
	char got[64];
	decode("\0331", 2, 1, 450, got, sizeof got);
	assert_string_equal(got, "M-1");
	decode("\0331", 2, 1, 600, got, sizeof got);
	assert_string_equal(got, "Esc 1");
	decode("\033j", 2, 1, 200, got, sizeof got);
	assert_string_equal(got, "Esc j");
	decode("\033OP", 3, 1, 200, got, sizeof got);           /* vi: Escape, open a line above, P */
	assert_string_equal(got, "Esc O P");
	decode("\033\033", 2, 1, 200, got, sizeof got);
	assert_string_equal(got, "Esc Esc");
	decode("\033[A", 3, 1, 400, got, sizeof got);           /* a slow line may cut a sequence */
	assert_string_equal(got, "Up");
}

static void escape_alone_waits_for_its_time(void **state)
{
	struct keydec d;
	struct seen s = { "" };
	keydec_init(&d, note, &s);
	keydec_feed(&d, (const uint8_t *)"\033", 1, 1000);
	assert_int_equal(keydec_deadline(&d), 1500);
	keydec_tick(&d, 1499);
	assert_string_equal(s.text, "");
	keydec_tick(&d, 1500);
	assert_string_equal(s.text, "Esc");
	assert_int_equal(keydec_deadline(&d), -1);
}

static void cut_sequences_end(void **state)
{
	char got[256];
	decode("\033[", 2, 2, 0, got, sizeof got);
	assert_string_equal(got, "M-[");
	decode("\033O", 2, 2, 0, got, sizeof got);
	assert_string_equal(got, "M-O");
	decode("\033]", 2, 2, 0, got, sizeof got);
	assert_string_equal(got, "M-]");
	decode("\033[1;", 4, 4, 0, got, sizeof got);
	assert_string_equal(got, "");
	decode("\xe2\x82", 2, 2, 0, got, sizeof got);
	assert_string_equal(got, "<e2> <82>");
	decode("\033[200~ab", 8, 8, 0, got, sizeof got);        /* the end marker never comes */
	assert_string_equal(got, "Paste_Begin ~a ~b Paste_End");
}

static void nothing_is_too_long(void **state)
{
	struct keydec d;
	struct seen s = { "" };
	uint8_t junk[5000];
	keydec_init(&d, note, &s);
	memset(junk, '1', sizeof junk);
	junk[0] = 27;
	junk[1] = '[';
	junk[4999] = 'A';
	keydec_feed(&d, junk, sizeof junk, 1000);
	keydec_feed(&d, (const uint8_t *)"z", 1, 1001);
	assert_string_equal(s.text, "z");
	for (unsigned i = 0, r = 1; i < 200000; i++) {          /* any bytes at all, at any pace */
		uint8_t b;
		r = r * 1103515245 + 12345;
		b = (r >> 16 & 7) ? (uint8_t)(r >> 20) : (uint8_t)"\033[O;~u0"[r >> 20 & 7];
		s.text[0] = 0;
		keydec_feed(&d, &b, 1, 2000 + i * (r >> 28));
		if ((r >> 8 & 31) == 0)
			keydec_tick(&d, 2000 + (int64_t)(i + 1) * 16);
	}
}

static void learns_a_terminal(void **state)
{
	struct keydec d;
	struct seen s = { "" };
	keydec_init(&d, note, &s);
	keydec_learn(&d, "\033[A", K_UP, 0);            /* known already */
	assert_int_equal(d.n_learnt, 0);
	keydec_learn(&d, "\033[224z", K_F1, 0);         /* Sun */
	keydec_learn(&d, "\033\001", K_F2, 0);
	assert_int_equal(d.n_learnt, 2);
	keydec_feed(&d, (const uint8_t *)"\033[224z\033\001\033[B", 11, 1000);
	assert_string_equal(s.text, "F1 F2 Down");
}

static void names_go_both_ways(void **state)
{
	static const char *const names[] = { "a", "C-a", "M-1", "C-M-Delete", "S-F5", "Space", "C-Space", "Page_Up", "[", "-", "C--", "\xc3\xa9" };
	struct key k;
	char buf[32];
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		assert_true(key_parse(names[i], &k));
		assert_string_equal(key_text(&k, buf, sizeof buf), names[i]);
	}
	assert_false(key_parse("", &k));
	assert_false(key_parse("Nosuch", &k));
	assert_false(key_parse("Q-a", &k));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_chord), cmocka_unit_test(zero_byte_is_control_space), cmocka_unit_test(a_hand_types_escape_then_digit),
		cmocka_unit_test(escape_alone_waits_for_its_time), cmocka_unit_test(cut_sequences_end), cmocka_unit_test(nothing_is_too_long),
		cmocka_unit_test(learns_a_terminal), cmocka_unit_test(names_go_both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
