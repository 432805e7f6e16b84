/* make-keymaps.c - write the key maps of layouts.def from xkb data.  usage: make-keymaps DIRECTORY   (`make keymaps` runs it)
 *
 * libxkbcommon says what each key of a 105-key PC keyboard (and the few more of Brazilian and Japanese ones) makes with Shift and AltGr, and
 * what its compose table makes of a dead key and another character. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xkbcommon/xkbcommon-compose.h>
#include <xkbcommon/xkbcommon.h>

enum { SHIFT = 1, ALTGR = 2, LEVELS = 4, KEYS = 64, CHARS = 4096, EVDEV_SHIFT = 42, EVDEV_ALTGR = 100, XKB_OFFSET = 8 };
struct made { xkb_keysym_t sym; uint32_t ch; };         /* ch 0: no character */
struct made_key { uint8_t qnum; unsigned evdev; struct made level[LEVELS]; };
struct layout {
	struct made_key key[KEYS];
	unsigned n_keys;
	struct { uint32_t ch; xkb_keysym_t sym; unsigned mods; bool extra; } single[CHARS];      /* characters that one key makes */
	unsigned n_single;
	uint32_t done[CHARS];
	unsigned n_done;
};

/* What a dead key is called in our files: the accent alone, or a combining character where there is none. */
static const struct { xkb_keysym_t sym; uint32_t accent; } accents[] = {
	{ XKB_KEY_dead_grave, '`' }, { XKB_KEY_dead_acute, 0xb4 }, { XKB_KEY_dead_circumflex, '^' }, { XKB_KEY_dead_tilde, '~' },
	{ XKB_KEY_dead_macron, 0xaf }, { XKB_KEY_dead_breve, 0x2d8 }, { XKB_KEY_dead_abovedot, 0x2d9 }, { XKB_KEY_dead_diaeresis, 0xa8 },
	{ XKB_KEY_dead_abovering, 0x2da }, { XKB_KEY_dead_doubleacute, 0x2dd }, { XKB_KEY_dead_caron, 0x2c7 }, { XKB_KEY_dead_cedilla, 0xb8 },
	{ XKB_KEY_dead_ogonek, 0x2db }, { XKB_KEY_dead_iota, 0x37a }, { XKB_KEY_dead_belowdot, 0x323 }, { XKB_KEY_dead_hook, 0x309 },
	{ XKB_KEY_dead_horn, 0x31b }, { XKB_KEY_dead_stroke, '/' }, { XKB_KEY_dead_currency, 0xa4 }, { XKB_KEY_dead_belowcomma, 0x326 },
	{ XKB_KEY_dead_greek, 0x3bc }, { XKB_KEY_dead_doublegrave, 0x30f }, { XKB_KEY_dead_invertedbreve, 0x311 }, { XKB_KEY_dead_psili, 0x313 },
	{ XKB_KEY_dead_dasia, 0x314 }, { XKB_KEY_dead_belowmacron, 0x331 }, { XKB_KEY_dead_belowcircumflex, 0x32d },
	{ XKB_KEY_dead_belowtilde, 0x330 }, { XKB_KEY_dead_belowbreve, 0x32e }, { XKB_KEY_dead_belowdiaeresis, 0x324 },
	{ XKB_KEY_dead_belowring, 0x325 },
};
enum { ACCENTS = sizeof accents / sizeof *accents };

static int accent_of(xkb_keysym_t sym)
{
	for (int i = 0; i < ACCENTS; i++)
		if (accents[i].sym == sym)
			return i;
	return -1;
}

/* Keys by scancode; evdev's numbers differ above 58h only.  Extra ones come last: where they double a character the others win. */
static unsigned list_keys(struct made_key *key)
{
	static const struct { uint8_t qnum, evdev; } extra[] = { { 0x56, 86 }, { 0x73, 89 }, { 0x7d, 124 } };
	static const struct { uint8_t from, to; } rows[] = { { 0x02, 0x0d }, { 0x10, 0x1b }, { 0x1e, 0x29 }, { 0x2b, 0x35 }, { 0x39, 0x39 } };
	unsigned n = 0;
	for (unsigned r = 0; r < sizeof rows / sizeof *rows; r++)
		for (uint8_t q = rows[r].from; q <= rows[r].to; q++)
			key[n++] = (struct made_key){ .qnum = q, .evdev = q };
	for (unsigned i = 0; i < sizeof extra / sizeof *extra; i++)
		key[n++] = (struct made_key){ .qnum = extra[i].qnum, .evdev = extra[i].evdev };
	return n;
}

static bool extra_key(const struct made_key *k) { return k->qnum > 0x53; }

static struct made key_makes(struct xkb_keymap *map, unsigned evdev, unsigned mods)
{
	struct xkb_state *st = xkb_state_new(map);
	if (mods & SHIFT)
		xkb_state_update_key(st, EVDEV_SHIFT + XKB_OFFSET, XKB_KEY_DOWN);
	if (mods & ALTGR)
		xkb_state_update_key(st, EVDEV_ALTGR + XKB_OFFSET, XKB_KEY_DOWN);
	struct made m = { .sym = xkb_state_key_get_one_sym(st, evdev + XKB_OFFSET) };
	uint32_t ch = xkb_keysym_to_utf32(m.sym);
	m.ch = ch >= 0x20 && ch != 0x7f && accent_of(m.sym) < 0 ? ch : 0;
	xkb_state_unref(st);
	return m;
}

static bool has_altgr(struct xkb_keymap *map)
{
	struct xkb_state *st = xkb_state_new(map);
	bool is = xkb_state_key_get_one_sym(st, EVDEV_ALTGR + XKB_OFFSET) == XKB_KEY_ISO_Level3_Shift;
	xkb_state_unref(st);
	return is;
}

/* ---- output ------------------------------------------------------------------------------------------------------------------------ */

static void put_char(FILE *f, uint32_t ch)
{
	char utf8[8];
	bool hard = (ch >= 0x80 && ch < 0xa1) || ch == 0xad || (ch >= 0x300 && ch < 0x370) || (ch >= 0x590 && ch < 0x1000) || (ch >= 0x2000 && ch < 0x2010) ||
		    (ch >= 0x2028 && ch < 0x2030) || ch == 0x205f || (ch >= 0x2060 && ch < 0x2070) || ch >= 0xd800;     /* blank, combining, right to left */
	if (hard)
		fprintf(f, " U+%04X", ch);
	else if (ch == ' ' || ch == '#' || ch == '\'')
		fprintf(f, " \"%c\"", ch);
	else if (ch == '"')
		fprintf(f, " '\"'");
	else if (xkb_keysym_to_utf8(xkb_utf32_to_keysym(ch), utf8, sizeof utf8) > 0)
		fprintf(f, " %s", utf8);
	else
		fprintf(f, " U+%04X", ch);
}

static int single_at(const struct layout *l, uint32_t ch)
{
	for (unsigned i = 0; i < l->n_single; i++)
		if (l->single[i].ch == ch)
			return (int)i;
	return -1;
}

static uint32_t composed(struct xkb_compose_state *st, const xkb_keysym_t *syms, unsigned n)
{
	char utf8[32];
	xkb_compose_state_reset(st);
	for (unsigned i = 0; i < n; i++)
		xkb_compose_state_feed(st, syms[i]);
	if (xkb_compose_state_get_status(st) != XKB_COMPOSE_COMPOSED)
		return 0;
	uint32_t ch = xkb_keysym_to_utf32(xkb_compose_state_get_one_sym(st));
	int len = xkb_compose_state_get_utf8(st, utf8, sizeof utf8), want = ch < 0x80 ? 1 : ch < 0x800 ? 2 : ch < 0x10000 ? 3 : 4;
	return ch >= 0x20 && len == want ? ch : 0;              /* one character only */
}

/* A few keys are sequences of their own: Arabic ligatures that come out as two letters. */
static bool becomes_more(struct xkb_compose_state *st, xkb_keysym_t sym)
{
	xkb_compose_state_reset(st);
	xkb_compose_state_feed(st, sym);
	return xkb_compose_state_get_status(st) == XKB_COMPOSE_COMPOSED;
}

/* Keys that not every keyboard has say only what the others do not. */
static void find_singles(struct layout *l, struct xkb_compose_state *st)
{
	for (unsigned i = 0; i < l->n_keys; i++)
		for (unsigned mods = 0; mods < LEVELS; mods++) {
			struct made *m = &l->key[i].level[mods];
			int at = m->ch ? single_at(l, m->ch) : -1;
			if (at >= 0 && extra_key(&l->key[i]) && !l->single[at].extra)
				m->ch = 0;
			if (m->ch && becomes_more(st, m->sym))
				m->ch = 0;
			if (!m->ch || at >= 0)
				continue;
			l->single[l->n_single].ch = m->ch;
			l->single[l->n_single].sym = m->sym;
			l->single[l->n_single].extra = extra_key(&l->key[i]);
			l->single[l->n_single++].mods = mods;
		}
}

static void put_keys(FILE *f, const struct layout *l)
{
	for (unsigned i = 0; i < l->n_keys; i++) {
		const struct made *m = l->key[i].level;
		unsigned n = LEVELS;
		while (n && (!m[n - 1].ch || (n > 1 && (m[n - 1].ch == m[0].ch || (n == LEVELS && m[3].ch == m[2].ch)))))
			n--;
		if (!n)
			continue;
		fprintf(f, "key 0x%02x", l->key[i].qnum);
		for (unsigned level = 0; level < n; level++)
			if (m[level].ch && (!level || m[level].ch != m[0].ch))
				put_char(f, m[level].ch);
			else
				fprintf(f, " none");
		fprintf(f, "\n");
	}
}

/* One line for the easiest key of each accent. */
static void put_dead(FILE *f, const struct layout *l, bool have[ACCENTS])
{
	static const char *const levels[LEVELS] = { "plain", "shift", "altgr", "both" };
	for (unsigned mods = 0; mods < LEVELS; mods++)
		for (unsigned i = 0; i < l->n_keys; i++) {
			int a = accent_of(l->key[i].level[mods].sym);
			if (a < 0 || have[a])
				continue;
			have[a] = true;
			fprintf(f, "dead 0x%02x %s", l->key[i].qnum, levels[mods]);
			put_char(f, accents[a].accent);
			fprintf(f, "\n");
		}
}

static void put_compose(FILE *f, struct layout *l, struct xkb_compose_state *st, const xkb_keysym_t *syms, unsigned n, uint32_t base)
{
	uint32_t ch = composed(st, syms, n);
	if (!ch || single_at(l, ch) >= 0)
		return;
	for (unsigned i = 0; i < l->n_done; i++)
		if (l->done[i] == ch)
			return;
	l->done[l->n_done++] = ch;
	fprintf(f, "compose");
	put_char(f, ch);
	for (unsigned i = 0; i + 1 < n; i++)
		put_char(f, accents[accent_of(syms[i])].accent);
	put_char(f, base);
	fprintf(f, "\n");
}

/* Easy ones first: the base character's key with the fewest modifiers, one dead key before two. */
static void put_composes(FILE *f, struct layout *l, struct xkb_compose_state *st, const bool have[ACCENTS])
{
	for (unsigned a = 0; a < ACCENTS; a++)
		for (unsigned mods = 0; have[a] && mods < LEVELS; mods++)
			for (unsigned i = 0; i < l->n_single; i++)
				if (l->single[i].mods == mods)
					put_compose(f, l, st, (xkb_keysym_t[]){ accents[a].sym, l->single[i].sym }, 2, l->single[i].ch);
	for (unsigned a = 0; a < ACCENTS; a++)
		if (have[a])                    /* twice the same: the accent alone, where a blank did not give it */
			put_compose(f, l, st, (xkb_keysym_t[]){ accents[a].sym, accents[a].sym }, 2, accents[a].accent);
	for (unsigned a = 0; a < ACCENTS; a++)
		for (unsigned b = 0; have[a] && b < ACCENTS; b++)
			for (unsigned i = 0; have[b] && i < l->n_single; i++)
				put_compose(f, l, st, (xkb_keysym_t[]){ accents[a].sym, accents[b].sym, l->single[i].sym }, 3, l->single[i].ch);
}

static bool make(struct xkb_context *ctx, struct xkb_compose_state *st, const char *dir, const char *name, const struct xkb_rule_names *names, const char *title)
{
	char path[1024];
	struct layout *l = calloc(1, sizeof *l);
	struct xkb_keymap *map = xkb_keymap_new_from_names(ctx, names, XKB_KEYMAP_COMPILE_NO_FLAGS);
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = map && l ? fopen(path, "w") : NULL;
	if (!f) {
		fprintf(stderr, "make-keymaps: cannot make %s\n", path);
		free(l);
		return false;
	}
	bool have[ACCENTS] = { false }, altgr = has_altgr(map);
	l->n_keys = list_keys(l->key);
	for (unsigned i = 0; i < l->n_keys; i++)
		for (unsigned mods = 0; mods < (altgr ? LEVELS : ALTGR); mods++)
			l->key[i].level[mods] = key_makes(map, l->key[i].evdev, mods);
	find_singles(l, st);
	fprintf(f, "# %s.  Made by keymaps/tools/make-keymaps from xkeyboard-config (layout %s%s%s; MIT/X11 licence, see keymaps/tools/COPYING).\n"
		   "# The format is described in docs/keymaps.md.\nname \"%s\"\n\n", title, names->layout, names->variant[0] ? ", variant " : "", names->variant, title);
	put_keys(f, l);
	fprintf(f, "\n");
	put_dead(f, l, have);
	put_composes(f, l, st, have);
	xkb_keymap_unref(map);
	free(l);
	return !fclose(f);
}

int main(int argc, char **argv)
{
	static const struct { const char *name, *layout, *variant, *title; } list[] = {
#define LAYOUT(name, layout, variant, title) { name, layout, variant, title },
#include "layouts.def"
#undef LAYOUT
	};
	struct xkb_context *ctx = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
	struct xkb_compose_table *table = ctx ? xkb_compose_table_new_from_locale(ctx, "en_US.UTF-8", XKB_COMPOSE_COMPILE_NO_FLAGS) : NULL;
	bool ok = argc == 2 && table;
	if (argc == 2 && !table)
		fprintf(stderr, "make-keymaps: no compose table: it comes with Debian's package libx11-data\n");
	else if (!ok)
		fprintf(stderr, "usage: make-keymaps DIRECTORY\n");
	struct xkb_compose_state *st = ok ? xkb_compose_state_new(table, XKB_COMPOSE_STATE_NO_FLAGS) : NULL;
	for (unsigned i = 0; ok && i < sizeof list / sizeof *list; i++)
		ok = make(ctx, st, argv[1], list[i].name, &(struct xkb_rule_names){ "evdev", "pc105", list[i].layout, list[i].variant, "" }, list[i].title);
	xkb_compose_state_unref(st);
	xkb_compose_table_unref(table);
	xkb_context_unref(ctx);
	return !ok;
}
