/* test_tui_sixel.c - pictures as sixels: what is encoded is decoded again; terminals that have them get them, others characters. */
#include "tests/tui/station.h"
#include "tui/sixel.h"
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { MOST = 2048 };

/* A decoder of its own: pixels of 0xRRGGBB, -1 where nothing was drawn.  False: no whole picture at s. */
static bool decode(const char *s, int *w, int *h, int32_t **pixels)
{
	int32_t colour[256] = { 0 };
	int x = 0, y = 0, now = 0;
	if (sscanf(s, "\033P0;1;0q\"1;1;%d;%d", w, h) != 2 || *w < 1 || *h < 1 || *w > MOST || *h > MOST)
		return false;
	*pixels = malloc((size_t)*w * (size_t)*h * sizeof **pixels);
	memset(*pixels, 0xff, (size_t)*w * (size_t)*h * sizeof **pixels);
	for (s = strchr(s, '#'); s && *s && *s != '\033'; ) {
		int count = 1, n, r, g, b, used;
		if (*s == '#') {
			n = (int)strtol(s + 1, (char **)&s, 10);
			assert_in_range(n, 0, 255);
			now = n;
			if (*s == ';' && sscanf(s, ";2;%d;%d;%d%n", &r, &g, &b, &used) == 3) {
				colour[n] = r * 255 / 100 << 16 | g * 255 / 100 << 8 | b * 255 / 100;
				s += used;
			}
			continue;
		}
		if (*s == '$' || *s == '-') {
			x = 0;
			y += *s++ == '-' ? 6 : 0;
			continue;
		}
		if (*s == '!')
			count = (int)strtol(s + 1, (char **)&s, 10);
		assert_in_range(*s, '?', '~');
		for (; count; count--, x++)
			for (int i = 0; i < 6; i++)
				if ((*s - '?') >> i & 1) {
					assert_true(x < *w && y + i < *h);
					(*pixels)[(y + i) * *w + x] = colour[now];
				}
		s++;
	}
	return s && s[0] == '\033' && s[1] == '\\';
}

static bool near(int32_t a, int32_t b, int by)
{
	for (int shift = 0; shift < 24; shift += 8)
		if (a < 0 || abs((a >> shift & 255) - (b >> shift & 255)) > by)
			return false;
	return true;
}

static void what_goes_in_comes_out(void **state)
{
	static const struct { unsigned w, h, out_w, out_h, colours; int by; } t[] = {
		{ 16, 6, 16, 6, 2, 3 }, { 7, 13, 7, 13, 5, 3 }, { 16, 16, 16, 16, 256, 3 }, { 64, 64, 64, 64, 4096, 32 }, { 1, 1, 40, 20, 1, 3 }, { 8, 4, 32, 16, 3, 3 },
	};
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++) {
		struct text out = { 0 };
		uint32_t *in = malloc(t[i].w * t[i].h * sizeof *in);
		int32_t *got;
		int w, h;
		for (unsigned k = 0; k < t[i].w * t[i].h; k++)
			in[k] = (k % t[i].colours) * 2654435761u >> 8;
		sixel_encode(in, t[i].w, t[i].h, t[i].out_w, t[i].out_h, &out);
		assert_true(decode(out.s, &w, &h, &got));
		assert_true(w == (int)t[i].out_w && h == (int)t[i].out_h);
		for (int y = 0; y < h; y++)
			for (int x = 0; x < w; x++) {
				uint32_t want = in[(unsigned)y * t[i].h / t[i].out_h * t[i].w + (unsigned)x * t[i].w / t[i].out_w];
				if (!near(got[y * w + x], (int32_t)want, t[i].by))
					fail_msg("case %u, %d,%d: %06x, not %06x", i, x, y, (unsigned)got[y * w + x], want);
			}
		free(got);
		free(in);
		text_free(&out);
	}
}

static struct station *start(const struct place *at, const char *config, const char *log)
{
	char *argv[] = { (char *)at->program, (char *)"-nodefaults", NULL };
	place_write_config(at, config);
	return station_start(at, (struct ptyrun_options){ .log = log }, argv);
}

struct look { const char *path; char *all; const char *what; unsigned times; };
static bool written(struct ptyrun *p, void *arg)
{
	struct look *l = arg;
	static const size_t most = 4 << 20;
	FILE *f = fopen(l->path, "r");
	l->all = l->all ? l->all : malloc(most);
	size_t n = fread(l->all, 1, most - 1, f);
	l->all[n] = 0;
	fclose(f);
	unsigned times = 0;
	for (const char *s = l->all; (s = memmem(s, n - (size_t)(s - l->all), l->what, strlen(l->what))); s++)
		times++;
	return times >= l->times;
}

static void waits_for(struct station *s, struct look *l, const char *what, unsigned times)
{
	l->what = what;
	l->times = times;
	assert_true(ptyrun_until(s->p, written, l, PTYRUN_MS, what));
}

static void asked_and_answered(void **state)
{
	const struct place *at = *state;
	char path[100];
	int w, h;
	int32_t *got = NULL;
	snprintf(path, sizeof path, "%s/bytes", at->dir);
	struct look l = { .path = path };
	struct station *s = start(at, "", path);
	ptyrun_settle(s->p, 50);
	l.what = "\033[c";
	l.times = 1;
	assert_false(written(s->p, &l));                /* nothing is asked while there is no picture */
	station_ask(s, "picture 160 100 255 0 0");
	waits_for(s, &l, "\033[c", 1);
	SEES(s, "\xe2\x96\x80");                        /* characters, as long as nobody said otherwise */
	ptyrun_send(s->p, "\033[?62;1;4;6c");
	waits_for(s, &l, "\033P0;1;0q", 1);
	waits_for(s, &l, "\033\\\0338", 1);
	assert_true(decode(strstr(l.all, "\033P0;1;0q"), &w, &h, &got));
	assert_in_range(w, 500, 640);                   /* 80x24 characters of 8x16, at 160:100 */
	assert_in_range(h, 320, 384);
	assert_true(near(got[(h / 8) * w + w / 8], 0xff0000, 4));
	assert_false(near(got[(h / 2) * w + w / 2], 0xff0000, 4));
	assert_true(ptyrun_expect_gone(s->p, "\xe2\x96\x80", PTYRUN_MS));
	free(got);
	station_ask(s, "picture 160 100 0 255 0");      /* it changed */
	waits_for(s, &l, "\033P0;1;0q", 2);
	ptyrun_send(s->p, "\001w");                     /* a menu on top: characters again, below it */
	SEES(s, "Consoles");
	SEES(s, "\xe2\x96\x80");
	ptyrun_send(s->p, "q");
	waits_for(s, &l, "\033P0;1;0q", 3);
	ptyrun_send(s->p, "\001g");                     /* half blocks by wish */
	SEES(s, "\xe2\x96\x80");
	station_ask(s, "text 80 25");
	station_ask(s, "put 0 0 7 back to text");
	SEES(s, "^back to text");
	assert_string_equal(station_ask(s, "keys"), "");
	free(l.all);
	station_stop(s);
}

static void without_them_or_by_wish(void **state)
{
	const struct place *at = *state;
	char path[100];
	snprintf(path, sizeof path, "%s/bytes", at->dir);
	struct look l = { .path = path };
	struct station *s = start(at, "", path);
	station_ask(s, "picture 160 100 255 0 0");
	waits_for(s, &l, "\033[c", 1);
	ptyrun_send(s->p, "\033[?62;22c");              /* colours, but no sixels */
	station_ask(s, "picture 160 100 0 0 255");
	SEES(s, "\xe2\x96\x80");
	ptyrun_settle(s->p, 100);
	l.what = "\033P";
	l.times = 1;
	assert_false(written(s->p, &l));
	ptyrun_send(s->p, "\001:set graphics sixel\r");
	waits_for(s, &l, "\033P0;1;0q", 1);
	free(l.all);
	station_stop(s);
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_goes_in_comes_out), cmocka_unit_test(asked_and_answered), cmocka_unit_test(without_them_or_by_wish) };
	return cmocka_run_group_tests(tests, place_set_up, place_tear_down);
}
