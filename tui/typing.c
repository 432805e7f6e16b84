/* typing.c - key presses for the guest. */
#include "tui/typing.h"
#include "tui/app.h"
#include <string.h>

enum { QNUM_CTRL = 0x1d, QNUM_SHIFT = 0x2a, QNUM_ALT = 0x38, QNUM_ALTGR = 0xb8, QNUM_SUPER = 0xdb, MAX_HELD = 8 };

/* In the order of enum key_sym, from K_ESC. */
static const uint8_t qnums[K_RAW - K_ESC] = {
	0x01, 0x1c, 0x0f, 0x0e,                                         /* Esc Enter Tab Backspace */
	0xc8, 0xd0, 0xcd, 0xcb, 0xc7, 0xcf, 0xd2, 0xd3, 0xc9, 0xd1,     /* Up Down Right Left Home End Insert Delete Page_Up Page_Down */
	0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x40, 0x41, 0x42, 0x43, 0x44, 0x57, 0x58,
	0x52, 0x4f, 0x50, 0x51, 0x4b, 0x4c, 0x4d, 0x47, 0x48, 0x49,     /* keypad 0..9 */
	0x53, 0xb5, 0x37, 0x4a, 0x4e, 0x9c, 0x59, 0x4c,                 /* . / * - + Enter = Begin */
	0xb7, 0xc6, 0xdd, 0x46, 0x3a, 0x45,                             /* Print Pause Menu, Scroll Caps Num Lock */
};

struct press { uint8_t held[MAX_HELD]; unsigned n; };

static void hold(struct press *p, uint8_t qnum)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->held[i] == qnum)
			return;
	if (p->n < MAX_HELD)
		p->held[p->n++] = qnum;
}

static bool press_and_release(struct app *a, const struct press *p)
{
	for (unsigned i = 0; i < p->n; i++)
		if (!app_guest_key(a, p->held[i], true))
			return false;
	for (unsigned i = p->n; i-- > 0; )
		if (!app_guest_key(a, p->held[i], false))
			return false;
	return true;
}

static bool press_stroke(struct app *a, unsigned mods, unsigned stroke_mods, uint8_t qnum)
{
	struct press p = { .n = 0 };
	if (mods & MOD_CTRL)
		hold(&p, QNUM_CTRL);
	if (mods & MOD_ALT)
		hold(&p, QNUM_ALT);
	if (mods & MOD_SUPER)
		hold(&p, QNUM_SUPER);
	if (mods & MOD_SHIFT || stroke_mods & STROKE_SHIFT)
		hold(&p, QNUM_SHIFT);
	if (mods & MOD_ALTGR || stroke_mods & STROKE_ALTGR)
		hold(&p, QNUM_ALTGR);
	hold(&p, qnum);
	return press_and_release(a, &p);
}

static bool is_letter(uint32_t ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

static bool type_char(struct app *a, const struct key *k)
{
	const struct keymap_entry *e = keymap_find(&a->keymap, k->sym);
	if (!e) {
		char name[16] = "";
		name[utf8_put(k->sym, name)] = 0;
		app_error(a, "the key map %s has no key for \"%s\"", a->keymap.name, name);
		return false;
	}
	if (is_letter(k->sym))
		status_sample(a, app_now_ms());         /* the lights as they are now */
	for (unsigned i = 0; i < e->n; i++) {
		unsigned mods = i + 1 == e->n ? k->mods & ~(unsigned)MOD_SHIFT : 0, stroke = e->stroke[i].mods;
		/* With a control key held the letter's case is nothing but Shift, which was not pressed unless the terminal says so. */
		if (mods & MOD_CTRL && k->sym >= 'A' && k->sym <= 'Z' && !(k->mods & MOD_SHIFT))
			stroke &= ~(unsigned)STROKE_SHIFT;
		/* Caps Lock is on in the guest: what was typed is what shall arrive. */
		if (a->st.leds & 4 && is_letter(k->sym) && !(mods & MOD_CTRL))
			stroke ^= STROKE_SHIFT;
		if (i + 1 == e->n)
			mods |= k->held;
		if (!press_stroke(a, mods, stroke, e->stroke[i].qnum))
			return false;
	}
	return true;
}

bool typing_key(struct app *a, const struct key *k)
{
	if (k->sym == K_PASTE_BEGIN || k->sym == K_PASTE_END)
		return true;
	if (k->sym == K_RAW) {
		app_error(a, "a byte 0x%02x that is no character here was left out", k->raw);
		return false;
	}
	if (k->sym >= K_ESC && k->sym < K_RAW)
		return press_stroke(a, k->mods | k->held, 0, qnums[k->sym - K_ESC]);
	return type_char(a, k);
}

bool typing_names(struct app *a, const char *names)
{
	struct press p = { .n = 0 };
	char word[32];
	for (const char *s = names; *s; ) {
		size_t len = strcspn(s, "-");
		if (len && len < sizeof word) {
			memcpy(word, s, len);
			word[len] = 0;
			int q = vm_key_by_name(word);
			if (q < 1) {
				app_error(a, "no key is named \"%s\"", word);
				return false;
			}
			hold(&p, (uint8_t)q);
		}
		s += len + (s[len] == '-');
	}
	return press_and_release(a, &p);
}
