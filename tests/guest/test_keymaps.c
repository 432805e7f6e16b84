/* test_keymaps.c - every character of every key map, typed and read back.
 *
 * What is typed must arrive: the scancodes are read as a guest set to that layout reads them, which is what libxkbcommon makes of them under
 * the layout the map came from.  First the maps alone, all characters; then through the terminal, the workstation, the keyboard controller and
 * a boot sector that sends scancodes to COM1: all characters of single keys, and of composed ones a spread (all with VMUX_TEST_ALL=1). */
#include "tests/guest/guest.h"
#include "core/machine/input.h"
#include "tui/keymap.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <xkbcommon/xkbcommon-compose.h>
#include <xkbcommon/xkbcommon.h>

enum { EVDEV_SHIFT = 42, EVDEV_ALTGR = 100, XKB_OFFSET = 8, COMPOSED_SAMPLE = 48, BATCH = 24, F12_UP = 0xd8, MAX_READ = 65536, WRONG = 0xfffd };

static const struct { const char *name, *layout, *variant; } maps[] = {
#define LAYOUT(name, layout, variant, title) { name, layout, variant },
#include "keymaps/tools/layouts.def"
#undef LAYOUT
};
enum { MAPS = sizeof maps / sizeof *maps };

/* ---- a guest of that layout -------------------------------------------------------------------------------------------------------- */

struct reader {
	struct xkb_context *ctx;
	struct xkb_keymap *map;
	struct xkb_state *st;
	struct xkb_compose_table *table;
	struct xkb_compose_state *compose;
	bool extended;
};

static void reader_open(struct reader *r, unsigned i)
{
	struct xkb_rule_names names = { "evdev", "pc105", maps[i].layout, maps[i].variant, "" };
	*r = (struct reader){ .ctx = xkb_context_new(XKB_CONTEXT_NO_FLAGS) };
	assert_non_null(r->ctx);
	r->map = xkb_keymap_new_from_names(r->ctx, &names, XKB_KEYMAP_COMPILE_NO_FLAGS);
	r->table = xkb_compose_table_new_from_locale(r->ctx, "en_US.UTF-8", XKB_COMPOSE_COMPILE_NO_FLAGS);
	assert_non_null(r->map);
	assert_non_null(r->table);
	r->st = xkb_state_new(r->map);
	r->compose = xkb_compose_state_new(r->table, XKB_COMPOSE_STATE_NO_FLAGS);
}

static void reader_close(struct reader *r)
{
	xkb_compose_state_unref(r->compose);
	xkb_compose_table_unref(r->table);
	xkb_state_unref(r->st);
	xkb_keymap_unref(r->map);
	xkb_context_unref(r->ctx);
}

static unsigned evdev_of(uint8_t qnum)
{
	return qnum == 0xb8 ? EVDEV_ALTGR : qnum == 0x73 ? 89 : qnum == 0x7d ? 124 : qnum;
}

/* A key event; the character that it completes, or 0. */
static uint32_t reader_key(struct reader *r, uint8_t qnum, bool down)
{
	xkb_keycode_t code = evdev_of(qnum) + XKB_OFFSET;
	xkb_keysym_t sym = xkb_state_key_get_one_sym(r->st, code);
	xkb_state_update_key(r->st, code, down ? XKB_KEY_DOWN : XKB_KEY_UP);
	if (!down || xkb_compose_state_feed(r->compose, sym) == XKB_COMPOSE_FEED_IGNORED)
		return 0;
	uint32_t ch = 0;
	switch (xkb_compose_state_get_status(r->compose)) {
	case XKB_COMPOSE_COMPOSING: return 0;
	case XKB_COMPOSE_COMPOSED: ch = xkb_keysym_to_utf32(xkb_compose_state_get_one_sym(r->compose)); break;
	case XKB_COMPOSE_CANCELLED: ch = WRONG; break;
	case XKB_COMPOSE_NOTHING: ch = xkb_keysym_to_utf32(sym); break;
	}
	xkb_compose_state_reset(r->compose);
	return ch ? ch : WRONG;
}

static uint32_t reader_byte(struct reader *r, uint8_t b)
{
	if (b == 0xe0) {
		r->extended = true;
		return 0;
	}
	uint8_t qnum = (b & 0x7f) | (r->extended ? 0x80 : 0);
	r->extended = false;
	return reader_key(r, qnum, !(b & 0x80));
}

/* ---- the maps alone ---------------------------------------------------------------------------------------------------------------- */

static bool find(void *arg, const char *name, char *path, size_t size)
{
	snprintf(path, size, "keymaps/%s", name);
	return access(path, R_OK) == 0;
}

static void load_map(struct keymap *k, unsigned i)
{
	struct keymap_io io = { .find = find, .key_by_name = key_by_name };
	struct error err;
	if (!keymap_load(k, maps[i].name, &io, &err))
		fail_msg("%s", err.msg);
}

static uint32_t press(struct reader *r, const struct stroke *s)
{
	if (s->mods & STROKE_SHIFT)
		reader_key(r, 0x2a, true);
	if (s->mods & STROKE_ALTGR)
		reader_key(r, 0xb8, true);
	uint32_t ch = reader_key(r, s->qnum, true);
	reader_key(r, s->qnum, false);
	if (s->mods & STROKE_ALTGR)
		reader_key(r, 0xb8, false);
	if (s->mods & STROKE_SHIFT)
		reader_key(r, 0x2a, false);
	return ch;
}

static void every_character_of_every_map(void **state)
{
	unsigned total = 0;
	for (unsigned i = 0; i < MAPS; i++) {
		struct keymap k;
		struct reader r;
		load_map(&k, i);
		reader_open(&r, i);
		assert_true(k.n > 60);
		for (unsigned e = 0; e < k.n; e++) {
			uint32_t got = 0;
			for (unsigned s = 0; s < k.entries[e].n; s++) {
				got = press(&r, &k.entries[e].stroke[s]);
				if (got && s + 1 < k.entries[e].n)
					fail_msg("%s: U+%04X: stroke %u of %u makes U+%04X", maps[i].name, k.entries[e].ch, s + 1, k.entries[e].n, got);
			}
			if (got != k.entries[e].ch)
				fail_msg("%s: U+%04X is read as U+%04X", maps[i].name, k.entries[e].ch, got);
		}
		total += k.n;
		reader_close(&r);
		keymap_free(&k);
	}
	printf("# %u maps, %u characters\n", (unsigned)MAPS, total);
}

/* Nothing that one key makes is missing. */
static void maps_are_complete(void **state)
{
	for (unsigned i = 0; i < MAPS; i++) {
		struct keymap k;
		struct reader r;
		load_map(&k, i);
		reader_open(&r, i);
		bool altgr = xkb_state_key_get_one_sym(r.st, EVDEV_ALTGR + XKB_OFFSET) == XKB_KEY_ISO_Level3_Shift;
		for (uint8_t qnum = 2; qnum < 0x57; qnum++) {
			bool control = qnum == 0x0e || qnum == 0x0f || qnum == 0x1c || qnum == 0x1d || qnum == 0x2a || (qnum > 0x35 && qnum < 0x56 && qnum != 0x39);
			for (uint8_t mods = 0; !control && mods < (altgr ? 4 : 2); mods++) {
				struct reader fresh;
				reader_open(&fresh, i);
				uint32_t ch = press(&fresh, &(struct stroke){ qnum, mods });
				reader_close(&fresh);
				if (ch && ch != WRONG && !keymap_find(&k, ch))
					fail_msg("%s lacks U+%04X (key %02x, level %u)", maps[i].name, ch, qnum, mods);
			}
			if (qnum % 8)           /* a spread is enough: opening a layout takes long */
				qnum += 2;
		}
		reader_close(&r);
		keymap_free(&k);
	}
}

/* ---- through a guest --------------------------------------------------------------------------------------------------------------- */

struct wire { int fd; uint8_t buf[MAX_READ]; size_t len; };

static bool f12_came(struct ptyrun *p, void *arg)
{
	struct wire *w = arg;
	ssize_t n;
	while (w->len < sizeof w->buf && (n = read(w->fd, w->buf + w->len, sizeof w->buf - w->len)) > 0)
		w->len += (size_t)n;
	return w->len && w->buf[w->len - 1] == F12_UP;
}

/* The sector's text is there some time before it reads the keys itself: until then they would be the firmware's. */
static bool ready(struct ptyrun *p, void *arg)
{
	struct wire *w = arg;
	f12_came(p, w);
	return w->len;
}

static int utf8(uint32_t ch, char *out)
{
	if (ch < 0x80)
		return sprintf(out, "%c", (int)ch);
	if (ch < 0x800)
		return sprintf(out, "%c%c", (int)(0xc0 | ch >> 6), (int)(0x80 | (ch & 63)));
	return sprintf(out, "%c%c%c", (int)(0xe0 | ch >> 12), (int)(0x80 | (ch >> 6 & 63)), (int)(0x80 | (ch & 63)));
}

/* Type n characters and a marker, wait for the marker, read what came before it. */
static void type_batch(struct ptyrun *p, struct wire *w, struct reader *r, const char *map, const uint32_t *ch, unsigned n)
{
	char text[BATCH * 4 + 16];
	unsigned at = 0, got = 0;
	for (unsigned i = 0; i < n; i++)
		at += (unsigned)utf8(ch[i], text + at);
	at += (unsigned)sprintf(text + at, "\033[24~");
	w->len = 0;
	ptyrun_send_bytes(p, text, at);
	if (!ptyrun_until(p, f12_came, w, SHORT_MS, "the marker key on COM1"))
		fail_msg("%s: characters from U+%04X on did not arrive", map, ch[0]);
	for (size_t i = 0; i + 2 < w->len; i++) {
		uint32_t c = reader_byte(r, w->buf[i]);
		if (c && got < n && c != ch[got])
			fail_msg("%s: U+%04X arrived as U+%04X", map, ch[got], c);
		got += c != 0;
	}
	if (got != n)
		fail_msg("%s: %u characters of %u arrived, from U+%04X on", map, got, n, ch[0]);
}

static unsigned type_map(struct ptyrun *p, struct wire *w, unsigned i)
{
	struct keymap k;
	struct reader r;
	uint32_t batch[BATCH];
	unsigned n = 0, composed = 0, seen = 0, typed = 0;
	char command[64];
	load_map(&k, i);
	reader_open(&r, i);
	for (unsigned e = 0; e < k.n; e++)
		composed += k.entries[e].n > 1;
	unsigned step = getenv("VMUX_TEST_ALL") || composed <= COMPOSED_SAMPLE ? 1 : composed / COMPOSED_SAMPLE;
	snprintf(command, sizeof command, "\001:set keymap %s\r", maps[i].name);
	ptyrun_send(p, command);
	for (unsigned e = 0; e < k.n; e++) {
		if (k.entries[e].n == 1 || seen++ % step == 0)
			batch[n++] = k.entries[e].ch;
		if (n == BATCH || (n && e + 1 == k.n)) {
			type_batch(p, w, &r, maps[i].name, batch, n);
			typed += n;
			n = 0;
		}
	}
	reader_close(&r);
	keymap_free(&k);
	return typed;
}

static void typed_into_a_guest(void **state)
{
	char path[] = "/tmp/vmux-keys-XXXXXX", serial[64];
	int fd = mkstemp(path);
	struct wire *w = calloc(1, sizeof *w);
	unsigned typed = 0;
	assert_non_null(w);
	snprintf(serial, sizeof serial, "file:%s", path);
	struct ptyrun *p = guest_start("-m", "16", "-drive", "file=build/guest-boot/keys.img,format=raw,if=ide,snapshot=on", "-serial", serial, NULL);
	EXPECT(p, "^keys go to COM1", BOOT_MS);
	w->fd = fd;
	assert_true(ptyrun_until(p, ready, w, SHORT_MS, "a reader of keys"));
	ptyrun_send(p, "\033[24~");
	assert_true(ptyrun_until(p, f12_came, w, SHORT_MS, "the first key on COM1"));
	for (unsigned i = 0; i < MAPS; i++)
		typed += type_map(p, w, i);
	printf("# %u characters typed\n", typed);
	/* what a layout lacks is refused, and said */
	ptyrun_send(p, "\001:set keymap en-us\r\303\251\033[24~");
	EXPECT(p, "the key map en-us has no key for \"\303\251\"", SHORT_MS);
	w->len = 0;
	assert_true(ptyrun_until(p, f12_came, w, SHORT_MS, "the marker key"));
	assert_int_equal(w->len, 2);
	ptyrun_send(p, "\001:set keymap nosuch\r");
	EXPECT(p, "no key map \"nosuch\" found", SHORT_MS);
	ptyrun_free(p);
	close(fd);
	unlink(path);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_character_of_every_map), cmocka_unit_test(maps_are_complete), cmocka_unit_test(typed_into_a_guest),
	};
	return cmocka_run_group_tests_name("keymaps", tests, NULL, NULL);
}
