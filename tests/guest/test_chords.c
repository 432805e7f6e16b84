/* test_chords.c - chords as terminals send them, whole and split at each byte, read back as scancodes by a guest (boot/keys.S). */
#include "tests/guest/guest.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { MARK_UP = 0xd8, READ_MOST = 4096, SPLIT_MS = 3, TRIES = 10 };

/* What scancode set 1 has for it, press and release; F12 (58 d8) marks the end. */
static const struct { const char *bytes, *codes; } chords[] = {
	{ "a", "1e 9e" }, { "A", "2a 1e 9e aa" }, { "\001\001", "1d 1e 9e 9d" }, { "\x1a", "1d 2c ac 9d" }, { "\x13", "1d 1f 9f 9d" }, { "\x1c", "1d 2b ab 9d" },
	{ "\x7f", "0e 8e" }, { "\r", "1c 9c" }, { "\t", "0f 8f" }, { "\033a", "38 1e 9e b8" }, { "\033\x02", "1d 38 30 b0 b8 9d" },
	{ "\033[1;5P", "1d 3b bb 9d" }, { "\033[1;3R", "38 3d bd b8" }, { "\033O5Q", "1d 3c bc 9d" }, { "\033[15;6~", "1d 2a 3f bf aa 9d" }, { "\033[21~", "44 c4" },
	{ "\033[23~", "57 d7" }, { "\033[[A", "3b bb" }, { "\033[25~", "2a 3b bb aa" }, { "\033[1;5A", "1d e0 48 e0 c8 9d" }, { "\033[5C", "1d e0 4d e0 cd 9d" },
	{ "\033[1;2D", "2a e0 4b e0 cb aa" }, { "\033[1;8B", "1d 38 2a e0 50 e0 d0 aa b8 9d" }, { "\033[5;5~", "1d e0 49 e0 c9 9d" }, { "\033[3;3~", "38 e0 53 e0 d3 b8" },
	{ "\033[H", "e0 47 e0 c7" }, { "\033[4~", "e0 4f e0 cf" }, { "\033[2~", "e0 52 e0 d2" }, { "\033[Z", "2a 0f 8f aa" }, { "\033\033[A", "38 e0 48 e0 c8 b8" },
	{ "\033Op", "52 d2" }, { "\033OM", "e0 1c e0 9c" }, { "\033[E", "4c cc" },
	{ "\033[98;5u", "1d 30 b0 9d" }, { "\033[13;5u", "1d 1c 9c 9d" }, { "\033[9;5u", "1d 0f 8f 9d" }, { "\033[98;6u", "1d 2a 30 b0 aa 9d" }, { "\033[57399u", "52 d2" },
	{ "\033[57361u", "e0 2a e0 37 e0 b7 e0 aa" }, { "\033[27;5;13~", "1d 1c 9c 9d" }, { "\033[27;6;9~", "1d 2a 0f 8f aa 9d" }, { "\033[27;7;127~", "1d 38 0e 8e b8 9d" },
};

struct wire { int fd; uint8_t buf[READ_MOST]; size_t len; };

static bool marked(struct ptyrun *p, void *arg)
{
	struct wire *w = arg;
	ssize_t n;
	while (w->len < sizeof w->buf && (n = read(w->fd, w->buf + w->len, sizeof w->buf - w->len)) > 0)
		w->len += (size_t)n;
	return w->len && w->buf[w->len - 1] == MARK_UP;
}

/* The sector's text is there some time before it reads the keys itself: until then they would be the firmware's. */
static bool ready(struct ptyrun *p, void *arg)
{
	struct wire *w = arg;
	marked(p, w);
	return w->len;
}

/* The scancodes before the marker, in hex. */
static const char *codes(struct ptyrun *p, struct wire *w, const char *what, char *out)
{
	ptyrun_send(p, "\033[24~");
	if (!ptyrun_until(p, marked, w, SHORT_MS, "the marker key on COM1"))
		fail_msg("%s: nothing came", what);
	*out = 0;
	for (size_t i = 0, at = 0; i + 2 < w->len; i++)
		at += (size_t)sprintf(out + at, "%s%02x", i ? " " : "", w->buf[i]);
	w->len = 0;
	return out;
}

static void wanted(struct ptyrun *p, struct wire *w, const char *what, const char *want)
{
	char got[READ_MOST * 3];
	if (strcmp(codes(p, w, what, got), want))
		fail_msg("%s gave %s, not %s", what, got, want);
}

static void each_chord_split_at_each_byte(struct ptyrun *p, struct wire *w)
{
	char what[100];
	for (unsigned i = 0; i < sizeof chords / sizeof *chords; i++) {
		size_t n = strlen(chords[i].bytes);
		for (size_t at = 1; at <= n; at++) {
			char got[READ_MOST * 3] = "";
			snprintf(what, sizeof what, "chord %u (%s) split at %zu", i, chords[i].bytes + (chords[i].bytes[0] == 27), at);
			/* Behind a pause as long as a hand's, which a loaded machine may make of any, they are keys of their own. */
			for (unsigned tries = 0; at < n && tries < TRIES && strcmp(got, chords[i].codes); tries++) {
				ptyrun_send_split(p, chords[i].bytes, n, at, SPLIT_MS);
				codes(p, w, what, got);
			}
			if (at < n && strcmp(got, chords[i].codes))
				fail_msg("%s gave %s, not %s", what, got, chords[i].codes);
			if (at == n) {
				ptyrun_send_bytes(p, chords[i].bytes, n);
				wanted(p, w, what, chords[i].codes);
			}
		}
	}
}

static void sticky_and_menu(struct ptyrun *p, struct wire *w)
{
	ptyrun_send(p, "\001Kca\033[3~");
	wanted(p, w, "sticky Ctrl-Alt-Delete", "1d 38 e0 53 e0 d3 b8 9d");
	ptyrun_send(p, "\001Kg\rq");
	wanted(p, w, "sticky AltGr-q", "e0 38 10 90 e0 b8");
	ptyrun_send(p, "\001Kw \033[Aa\001K\r");
	wanted(p, w, "held Super", "e0 5b e0 48 e0 c8 e0 db e0 5b 1e 9e e0 db");
	ptyrun_send(p, "\001Ks\033b");                  /* the key has one of its own */
	wanted(p, w, "Shift and Alt-b", "38 2a 30 b0 aa b8");
	ptyrun_send(p, "\001kc");                       /* the menu: items that begin with a C */
	assert_true(ptyrun_expect(p, "Send keys", SHORT_MS));
	ptyrun_send(p, "\033[H\r");
	assert_true(ptyrun_expect(p, "sent ctrl-alt-delete", SHORT_MS));
	wanted(p, w, "the menu's Ctrl-Alt-Delete", "1d 38 e0 53 e0 d3 b8 9d");
}

/* A disk of its own, for images are locked; and what fails leaves nothing behind. */
struct bench { char dir[32]; struct ptyrun *p; struct wire w; };

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	char cmd[200];
	strcpy(b->dir, "/tmp/vmux-chords-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(cmd, sizeof cmd, "cp build/guest-boot/keys.img %s/disk; : >%s/com1", b->dir, b->dir);
	assert_int_equal(system(cmd), 0);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;
	char cmd[64];
	ptyrun_free(b->p);
	snprintf(cmd, sizeof cmd, "rm -rf %s", b->dir);
	assert_int_equal(system(cmd), 0);
	free(b);
	return 0;
}

static void chords_arrive(void **state)
{
	struct bench *b = *state;
	char first[READ_MOST * 3], com1[64], disk[100], serial[80];
	snprintf(com1, sizeof com1, "%s/com1", b->dir);
	snprintf(serial, sizeof serial, "file:%s", com1);
	snprintf(disk, sizeof disk, "file=%s/disk,format=raw,if=ide", b->dir);
	b->w.fd = open(com1, O_RDONLY);
	b->p = guest_start("-m", "16", "-drive", disk, "-serial", serial, NULL);
	assert_true(ptyrun_expect(b->p, "^keys go to COM1", BOOT_MS));
	assert_true(ptyrun_until(b->p, ready, &b->w, SHORT_MS, "a reader of keys"));
	codes(b->p, &b->w, "the first key", first);
	assert_string_equal(first, "52");               /* "R" */
	each_chord_split_at_each_byte(b->p, &b->w);
	sticky_and_menu(b->p, &b->w);
	close(b->w.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(chords_arrive, set_up, tear_down) };
	return cmocka_run_group_tests_name("chords", tests, NULL, NULL);
}
