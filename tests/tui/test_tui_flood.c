/* test_tui_flood.c - lines that go past the terminal emulation (tui/flood.c): whatever is printed, in whatever pieces, the screen, the cursor,
 * what is answered and every line that scrolled off are the same as when libvterm is given all of it.
 * VMUX_FUZZ_ROUNDS=N: so many random streams instead of a few; VMUX_FUZZ_SEED=N: the first one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "tui/flood.h"
#include "tui/termcell.h"
#include "tui/scrollback.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 24, STREAM = 160000, MOST = 1024, BUDGET = 64 << 20 };

struct term {
	VTerm *vt;
	VTermScreen *vts;
	struct flood flood;
	struct scrollback *back;
	unsigned bells, passed;                 /* passed: lines that did not go through libvterm */
	char answers[4096];
	size_t n_answers;
	struct cell line[MOST];
};

static void keep(void *arg, const struct cell *cells, unsigned n)
{
	struct term *t = arg;
	scrollback_push(t->back, cells, n);
	t->passed++;
}

static void keep_ascii(void *arg, const uint8_t *bytes, unsigned n)
{
	struct term *t = arg;
	scrollback_push_ascii(t->back, bytes, n);
	t->passed++;
}

static int on_pushline(int cols, const VTermScreenCell *cells, void *user)
{
	struct term *t = user;
	if (flood_swallow(&t->flood))
		return 1;
	for (int x = 0; x < cols; x++)
		termcell_read(&cells[x], &t->line[x]);
	scrollback_push(t->back, t->line, (unsigned)cols);
	return 1;
}

static int on_termprop(VTermProp prop, VTermValue *val, void *user)
{
	struct term *t = user;
	if (prop == VTERM_PROP_ALTSCREEN)
		t->flood.alt_screen = val->boolean;
	return 1;
}

static int on_bell(void *user)
{
	((struct term *)user)->bells++;
	return 1;
}

static void on_output(const char *s, size_t len, void *user)
{
	struct term *t = user;
	for (size_t i = 0; i < len; i++)
		t->answers[t->n_answers++ % sizeof t->answers] = s[i];
}

static const VTermScreenCallbacks callbacks = { .bell = on_bell, .settermprop = on_termprop, .sb_pushline = on_pushline };

static struct term *term_new(int cols, int rows)
{
	struct term *t = calloc(1, sizeof *t);
	assert_non_null(t);
	t->vt = vterm_new(rows, cols);
	vterm_set_utf8(t->vt, 1);
	vterm_output_set_callback(t->vt, on_output, t);
	t->vts = vterm_obtain_screen(t->vt);
	vterm_screen_set_callbacks(t->vts, &callbacks, t);
	vterm_screen_enable_altscreen(t->vts, 1);
	vterm_screen_reset(t->vts, 1);
	t->back = scrollback_new(BUDGET);
	t->flood = (struct flood){ .vt = t->vt, .vts = t->vts, .arg = t, .keep = keep, .keep_ascii = keep_ascii };
	return t;
}

static void term_free(struct term *t)
{
	vterm_free(t->vt);
	scrollback_free(t->back);
	free(t);
}

static void assert_same_cell(const struct cell *a, const struct cell *b, const char *what, size_t y, size_t x)
{
	if (cell_equal(a, b))
		return;
	fail_msg("%s %zu, column %zu: U+%04X/%04X fg %x bg %x attrs %x, libvterm alone U+%04X/%04X fg %x bg %x attrs %x", what, y, x, a->ch, a->comb[0], a->style.fg, a->style.bg,
		a->style.attrs, b->ch, b->comb[0], b->style.fg, b->style.bg, b->style.attrs);
}

static void assert_same_screen(struct term *a, struct term *b)
{
	VTermPos pa, pb;
	int rows, cols;
	vterm_get_size(b->vt, &rows, &cols);
	for (int y = 0; y < rows; y++)
		for (int x = 0; x < cols; x++) {
			VTermScreenCell va, vb;
			struct cell ca, cb;
			vterm_screen_get_cell(a->vts, (VTermPos){ y, x }, &va);
			vterm_screen_get_cell(b->vts, (VTermPos){ y, x }, &vb);
			termcell_read(&va, &ca);
			termcell_read(&vb, &cb);
			assert_same_cell(&ca, &cb, "screen row", (size_t)y, (size_t)x);
		}
	vterm_state_get_cursorpos(vterm_obtain_state(a->vt), &pa);
	vterm_state_get_cursorpos(vterm_obtain_state(b->vt), &pb);
	assert_int_equal(pa.row, pb.row);
	assert_int_equal(pa.col, pb.col);
	assert_int_equal(a->bells, b->bells);
	assert_int_equal(a->n_answers, b->n_answers);
	assert_memory_equal(a->answers, b->answers, sizeof a->answers);
}

static void assert_same_history(struct term *a, struct term *b)
{
	static struct cell x[MOST], y[MOST];
	size_t n = scrollback_lines(b->back);
	assert_int_equal(scrollback_total(a->back), scrollback_total(b->back));
	assert_int_equal(scrollback_lines(a->back), n);
	for (size_t i = 0; i < n; i++) {
		unsigned len = scrollback_get(b->back, i, y, MOST), other = scrollback_get(a->back, i, x, MOST);
		len = len > other ? len : other;
		for (unsigned k = 0; k < len && k < MOST; k++)
			assert_same_cell(&x[k], &y[k], "line back", i, k);
	}
}

/* ---- random output ------------------------------------------------------------------------------------------------------------------ */

struct maker { uint64_t rng; char *out; size_t n; };

static unsigned rnd(struct maker *m, unsigned n)
{
	m->rng ^= m->rng << 13;
	m->rng ^= m->rng >> 7;
	m->rng ^= m->rng << 17;
	return (unsigned)(m->rng >> 33) % n;
}

static void add(struct maker *m, const char *s)
{
	size_t n = strlen(s);
	memcpy(m->out + m->n, s, n);
	m->n += n;
}

static void add_words(struct maker *m, unsigned most)
{
	for (unsigned n = rnd(m, most + 1); n; n--)
		m->out[m->n++] = rnd(m, 6) ? (char)(0x21 + rnd(m, 94)) : ' ';
}

static void add_colour(struct maker *m)
{
	static const char *const some[] = { "\033[m", "\033[0m", "\033[1m", "\033[31m", "\033[42m", "\033[97;44m", "\033[7m", "\033[27m", "\033[38;5;201m", "\033[48;2;1;2;3m",
		"\033[4;5;3m", "\033[39;49m", "\033[22m", "\033[100m", "\033[9m", "\033[1;999m" };
	add(m, some[rnd(m, sizeof some / sizeof *some)]);
}

static void add_odd(struct maker *m)
{
	static const char *const some[] = { "\033[5;10r", "\033[r", "\033[1;24r", "\033[?7l", "\033[?7h", "\033[4h", "\033[4l", "\033[20h", "\033[20l", "\033[?6h", "\033[?6l", "\033[?1049h",
		"\033[?1049l", "\033(0", "\033(B", "\016", "\017", "\033)0", "\033c", "\033[H", "\033[2J", "\033[10;70H", "\033[6n", "\033[K", "\033[3L", "\033[2M", "\0337", "\0338",
		"\033D", "\033M", "\033E", "\033H", "\033[3g", "\033[g", "\033#8", "\033#3", "\033#5", "\033[?5h", "\033[?5l", "\033[!p", "\033]0;title\007", "\033]2;x\033\\", "\033P$qm\033\\",
		"\007", "\013", "\014", "\177", "\xc3\xa9", "\xe4\xb8\xad", "e\xcc\x81", "\xcc\x81", "\xe2\x82", "\xff", "\033[?69h", "\033[5;60s", "\033[?69l", "\033N", "\033O", "\033n",
		"\033[12", "\033[", "\033", "\030", "\033[3S", "\033[2T", "\033[5@", "\033[5P", "\033[5X", "\033[99C", "\033[99B", "\033[1;1H", "\033[?25l", "\033[>c", "\033[1\"q", "\033[2'}",
		"\033X", "\033_", "\033^", "\033\\", "\033]52;c;aGk=\033\\", "\033[?7;25h", "\033[?1;7l", "\033[:4h", "\033[=7l", "\033[38:5:1m", "\033[\0331m" };
	add(m, some[rnd(m, sizeof some / sizeof *some)]);
}

static void add_line(struct maker *m, unsigned kind)
{
	add_words(m, kind & 1 ? 250 : 60);
	if (kind & 2 && !rnd(m, 3)) {
		add_colour(m);
		add_words(m, 30);
	}
	if (kind & 4 && !rnd(m, 4)) {
		add(m, rnd(m, 2) ? "\t" : rnd(m, 2) ? "\r" : "\b\b");
		add_words(m, 90);
	}
	if (kind & 8 && !rnd(m, 60))
		add(m, "\n");
	if (kind & 16 && !rnd(m, 100))
		add_odd(m);
	add(m, kind & 32 && !rnd(m, 50) ? "\n\r" : "\r\n");
}

static void make(struct maker *m)
{
	while (m->n < STREAM - 70000) {
		unsigned lines = rnd(m, 4) ? rnd(m, 300) : rnd(m, 1500), kind = rnd(m, 64);
		if (rnd(m, 2))
			kind &= ~16u;
		size_t end = m->n + 60000;
		for (; lines && m->n < end; lines--)
			add_line(m, kind);
		for (unsigned i = rnd(m, 4); i; i--)
			add_odd(m);
		if (!rnd(m, 4))
			add(m, "\033c");
	}
}

static void one_stream(uint64_t seed, unsigned *passed, unsigned *lines)
{
	static const int sizes[][2] = { { 80, 24 }, { 80, 24 }, { 132, 43 }, { 20, 4 }, { 7, 2 }, { 200, 60 }, { 2, 2 } };
	struct maker m = { .rng = seed * 0x9e3779b97f4a7c15u + 88172645463325252u, .out = malloc(STREAM + 1000) };
	unsigned size = rnd(&m, sizeof sizes / sizeof *sizes);
	struct term *a = term_new(sizes[size][0], sizes[size][1]), *b = term_new(sizes[size][0], sizes[size][1]);
	assert_non_null(m.out);
	make(&m);
	for (size_t at = 0; at < m.n; ) {
		size_t n = rnd(&m, 3) ? 65536 : 1 + rnd(&m, 20000);
		n = n < m.n - at ? n : m.n - at;
		flood_feed(&a->flood, (const uint8_t *)m.out + at, n);
		vterm_input_write(b->vt, m.out + at, n);
		assert_int_equal(a->flood.swallow, 0);
		if (scrollback_total(a->back) != scrollback_total(b->back))
			fail_msg("seed %u: %u lines scrolled off, with libvterm alone %u; the piece was bytes %zu to %zu", (unsigned)seed, (unsigned)scrollback_total(a->back),
				(unsigned)scrollback_total(b->back), at, at + n);
		assert_same_screen(a, b);
		at += n;
	}
	assert_same_history(a, b);
	*passed += a->passed;
	*lines += (unsigned)scrollback_total(b->back);
	term_free(a);
	term_free(b);
	free(m.out);
}

static void test_same_as_libvterm(void **s)
{
	const char *rounds = getenv("VMUX_FUZZ_ROUNDS"), *seed = getenv("VMUX_FUZZ_SEED");
	unsigned n = rounds ? (unsigned)atoi(rounds) : ROUNDS, first = seed ? (unsigned)atoi(seed) : 1, passed = 0, lines = 0;
	for (unsigned i = first; i < first + n; i++) {
		if (rounds)
			fprintf(stderr, "seed %u\n", i);
		one_stream(i, &passed, &lines);
	}
	print_message("%u of %u lines went past the emulation\n", passed, lines);
	if (n >= ROUNDS)
		assert_true(passed > lines / 10);       /* else this shows nothing */
}

/* ---- and what it is for ------------------------------------------------------------------------------------------------------------- */

static size_t flood_text(char *out, unsigned n)
{
	size_t at = 0;
	for (unsigned i = 1; i <= n; i++)
		at += (size_t)sprintf(out + at, "line %u of the flood, and some words to fill it up\r\n", i);
	return at;
}

static void test_most_lines_go_past(void **s)
{
	char *text = malloc(100000);
	size_t n = flood_text(text, 1000);
	struct term *t = term_new(80, 24);
	flood_feed(&t->flood, (const uint8_t *)text, n);
	assert_int_equal(scrollback_total(t->back), 1000 - 23);
	assert_true(t->passed > 900);
	term_free(t);
	free(text);
}

/* After each of these, a flood is lines as plain as before, or not. */
static void test_modes(void **s)
{
	static const struct { const char *before; bool past; } cases[] = {
		{ "", true }, { "\033[?7l", false }, { "\033[?7l\033[?7h", true }, { "\033[5;10r", false }, { "\033[5;10r\033[r", true }, { "\033[1;24r\033[24;1H", true }, { "\033[4h", false },
		{ "\033(0", false }, { "\033(0\033(B", true }, { "\016", false }, { "\016\017", true }, { "\033[?1049h", false }, { "\033[?1049h\033[?1049l", true }, { "\033c\033[?7l\033[2J", false },
		{ "\033[?7l\033c", true }, { "\033[31m", true }, { "\xe4\xb8\xad", true }, { "\033]0;a title\007", true }, { "\033]0;no end", false },
	};
	char *text = malloc(100000);
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct term *t = term_new(80, 24);
		size_t n = (size_t)sprintf(text, "%s\r\n", cases[i].before);
		n += flood_text(text + n, 1000);
		flood_feed(&t->flood, (const uint8_t *)text, n);
		if ((t->passed > 900) != cases[i].past)
			fail_msg("case %u: %u lines went past", i, t->passed);
		term_free(t);
	}
	free(text);
}

/* A region that was the whole screen is none any more when the screen grows. */
static void test_region_and_size(void **s)
{
	char *text = malloc(100000);
	size_t n = flood_text(text, 1000);
	struct term *a = term_new(80, 24), *b = term_new(80, 24);
	for (unsigned i = 0; i < 2; i++) {
		struct term *t = i ? b : a;
		flood_feed(&t->flood, (const uint8_t *)"\033[1;24r", 7);
		vterm_set_size(t->vt, 40, 80);
		flood_resized(&t->flood);
	}
	flood_feed(&a->flood, (const uint8_t *)text, n);
	vterm_input_write(b->vt, text, n);
	assert_same_screen(a, b);
	assert_same_history(a, b);
	term_free(a);
	term_free(b);
	free(text);
}

/* A region whose first row is below a smaller screen: libvterm by itself moves rows that there are not. */
static void test_a_region_below_the_screen(void **state)
{
	static const char *const region[] = { "\033[10;20r", "\033[10;200r", "\033[20;24r\033[?6h", "\033[?69h\033[60;70s\033[12r", "\033[1;24r", "\033[10;20r\033[" };
	static const char *const after[] = { "\033[99S", "\033[3T", "\033[999;999H\n\n\n", "\033[H\033M\033M", "\033[99L", "\033[99M", "\033[5 @", "\033[2'~", "one\r\ntwo\r\nthree\r\nfour\r\n" };
	static const struct { int cols, rows; } sizes[] = { { 80, 8 }, { 20, 2 }, { 50, 1 }, { 2, 9 } };
	for (unsigned i = 0; i < sizeof region / sizeof *region * (sizeof after / sizeof *after) * 4; i++) {
		const char *before = region[i / 4 % (sizeof region / sizeof *region)], *then = after[i / 4 / (sizeof region / sizeof *region)];
		struct term *t = term_new(80, 24);
		VTermPos pos;
		flood_feed(&t->flood, (const uint8_t *)before, strlen(before));
		flood_feed(&t->flood, (const uint8_t *)"\033[2;2H", 6);
		vterm_set_size(t->vt, sizes[i % 4].rows, sizes[i % 4].cols);
		flood_resized(&t->flood);
		vterm_state_get_cursorpos(vterm_obtain_state(t->vt), &pos);
		assert_true(pos.row >= 0 && pos.row < sizes[i % 4].rows && pos.col >= 0 && pos.col < sizes[i % 4].cols);
		flood_feed(&t->flood, (const uint8_t *)then, strlen(then));
		vterm_set_size(t->vt, 30, 90);
		flood_resized(&t->flood);
		flood_feed(&t->flood, (const uint8_t *)then, strlen(then));
		term_free(t);
	}
}

/* U+0080 to U+009F have no width: libvterm by itself inserts from outside of the screen.  They come as U+FFFD, in whatever pieces. */
static void test_controls_in_utf8(void **state)
{
	static const char text[] = "\033[4hA\xc2\x8b\xc2\x94" "B\xc2\xa9\xc2";
	for (size_t split = 0; split < sizeof text; split++) {
		struct term *t = term_new(80, 24);
		VTermScreenCell c;
		static const uint32_t want[] = { 'A', 0xfffd, 0xfffd, 'B', 0xa9, 0xfffd, 'x' };
		flood_feed(&t->flood, (const uint8_t *)text, split);
		flood_feed(&t->flood, (const uint8_t *)text + split, sizeof text - 1 - split);
		flood_feed(&t->flood, (const uint8_t *)"x", 1);
		for (int x = 0; x < 7; x++) {
			assert_true(vterm_screen_get_cell(t->vts, (VTermPos){ .row = 0, .col = x }, &c));
			assert_int_equal(c.chars[0], want[x]);
		}
		term_free(t);
	}
}

/* A repetition of nothing, or of what has no width, ends; that of a character repeats it. */
static void test_repetition(void **state)
{
	static const char *const none[] = { "\033[b", "\033[9b", "x\033c\033[9b", "\xcc\x81\033[9b", "x\033[H\xcc\x81\033[9b", "\xc2\x8b\033[9b",
		"x\033[e\xcc\x81\xcc\x82\033[48;5;200m\033[b", "x\033[H\xcc\x81\033[31m\016\033[9b" };
	for (unsigned i = 0; i < sizeof none / sizeof *none; i++) {
		struct term *t = term_new(80, 24);
		for (size_t k = 0; k < strlen(none[i]); k++)
			flood_feed(&t->flood, (const uint8_t *)none[i] + k, 1);
		flood_feed(&t->flood, (const uint8_t *)none[i], strlen(none[i]));
		term_free(t);
	}
	struct term *t = term_new(80, 24);
	VTermScreenCell c;
	flood_feed(&t->flood, (const uint8_t *)"-\033[4b|", 6);
	for (int x = 0; x < 6; x++) {
		assert_true(vterm_screen_get_cell(t->vts, (VTermPos){ .row = 0, .col = x }, &c));
		assert_int_equal(c.chars[0], x < 5 ? '-' : '|');
	}
	term_free(t);
}

/* More parameters than libvterm has room for: nothing of the sequence is done, and its rest is not printed. */
static void test_many_parameters(void **state)
{
	char text[4000];
	for (unsigned params = 14; params < 900; params = params < 20 ? params + 1 : 3 * params)
		for (unsigned pieces = 0; pieces < 2; pieces++) {
			struct term *t = term_new(80, 24);
			VTermScreenCell c;
			size_t n = (size_t)sprintf(text, "\033[1");
			for (unsigned i = 1; i < params; i++)
				n += (size_t)sprintf(text + n, "%c1", i % 2 ? ';' : ':');
			n += (size_t)sprintf(text + n, "mA\033[0mB");
			for (size_t k = 0; k < n; k += pieces ? 1 : n)
				flood_feed(&t->flood, (const uint8_t *)text + k, pieces ? 1 : n);
			for (int x = 0; x < 3; x++) {
				assert_true(vterm_screen_get_cell(t->vts, (VTermPos){ .row = 0, .col = x }, &c));
				assert_int_equal(c.chars[0], "AB"[x]);
			}
			term_free(t);
		}
}

/* A cursor that was saved on a larger screen comes back inside the smaller one: else libvterm crashes at the next erasing to the left. */
static void test_a_saved_cursor_fits(void **state)
{
	static const char *const ways[] = { "\0338\033[1K", "\0338\033[1J", "\0338\033[?6h\0338\033[1K" };
	for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++)
		for (unsigned split = 0; split <= strlen(ways[i]); split++) {
			struct term *t = term_new(120, 40);
			VTermPos pos;
			flood_feed(&t->flood, (const uint8_t *)"\033[35;110H\0337", 12);
			vterm_set_size(t->vt, 24, 80);
			flood_resized(&t->flood);
			flood_feed(&t->flood, (const uint8_t *)ways[i], split);
			flood_feed(&t->flood, (const uint8_t *)ways[i] + split, strlen(ways[i]) - split);
			vterm_state_get_cursorpos(vterm_obtain_state(t->vt), &pos);
			assert_true(pos.row < 24 && pos.col < 80);
			term_free(t);
		}
}

/* A full screen with its cursor at the top becomes lower: libvterm has the cursor above the first row then. */
static void test_a_lower_screen(void **state)
{
	static const char *const after[] = { "\033[K", "\033[J", "\033[2J", "\033[4hx", "\033#3", "\033[1M", "0K" };
	for (unsigned i = 0; i < sizeof after / sizeof *after; i++) {
		struct term *t = term_new(100, 50);
		VTermPos pos;
		bool half = after[i][0] == '0';         /* the size changes inside a sequence */
		flood_feed(&t->flood, (const uint8_t *)"\033#8\033[1;5H", 9);
		if (half)
			flood_feed(&t->flood, (const uint8_t *)"\033[", 2);
		vterm_set_size(t->vt, 24, 80);
		flood_resized(&t->flood);
		flood_feed(&t->flood, (const uint8_t *)after[i], strlen(after[i]));
		flood_feed(&t->flood, (const uint8_t *)"\033[K", 3);
		vterm_state_get_cursorpos(vterm_obtain_state(t->vt), &pos);
		assert_true(pos.row >= 0 && pos.row < 24 && pos.col < 80);
		term_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_most_lines_go_past), cmocka_unit_test(test_modes), cmocka_unit_test(test_region_and_size), cmocka_unit_test(test_a_region_below_the_screen), cmocka_unit_test(test_controls_in_utf8), cmocka_unit_test(test_repetition), cmocka_unit_test(test_many_parameters), cmocka_unit_test(test_a_saved_cursor_fits), cmocka_unit_test(test_a_lower_screen),
		cmocka_unit_test(test_same_as_libvterm),
	};
	return cmocka_run_group_tests_name("flood", tests, NULL, NULL);
}
