/* keyseq.c - what the sequences of terminals mean, once the decoder has found their ends.  Ref: ECMA-48, 5.4; xterm's control sequences, "PC-Style
 * Function Keys" and XTMODKEYS; kitty's "Comprehensive keyboard handling in terminals"; the manuals of rxvt and the Linux console. */
#include "tui/keydec_priv.h"
#include <string.h>

/* xterm's modifier parameter: 1 + bits shift, alt, ctrl, super (or meta). */
unsigned keyseq_mods(unsigned p)
{
	unsigned bits = p ? p - 1 : 0;
	return (bits & 1 ? MOD_SHIFT : 0) | (bits & (2 | 32) ? MOD_ALT : 0) | (bits & 4 ? MOD_CTRL : 0) | (bits & 8 ? MOD_SUPER : 0);
}

static uint32_t letter_key(uint8_t final)
{
	switch (final) {
	case 'A': return K_UP;
	case 'B': return K_DOWN;
	case 'C': return K_RIGHT;
	case 'D': return K_LEFT;
	case 'E': return K_KP_BEGIN;
	case 'F': return K_END;
	case 'H': return K_HOME;
	case 'P': return K_F1;
	case 'Q': return K_F2;
	case 'R': return K_F3;
	case 'S': return K_F4;
	default: return 0;
	}
}

/* The number before "~" (VT220 and its heirs). */
static uint32_t tilde_key(unsigned n, unsigned *mods)
{
	static const uint32_t low[9] = { 0, K_HOME, K_INSERT, K_DELETE, K_END, K_PAGE_UP, K_PAGE_DOWN, K_HOME, K_END };
	static const uint32_t f[] = { K_F1, K_F2, K_F3, K_F4, K_F5, 0, K_F6, K_F7, K_F8, K_F9, K_F10, 0, K_F11, K_F12 };
	static const uint8_t shifted[] = { 25, 26, 28, 29, 31, 32, 33, 34 };    /* F13..F20: shifted F1..F8 on the Linux console */
	if (n < 9)
		return low[n];
	if (n >= 11 && n <= 24)
		return f[n - 11];
	for (unsigned i = 0; i < sizeof shifted; i++)
		if (n == shifted[i]) {
			*mods |= MOD_SHIFT;
			return K_F1 + i;
		}
	return 0;
}

/* Characters as CSI-u and modifyOtherKeys number them, with the control characters as the keys they are on a keyboard. */
static void emit_code(struct keydec *d, uint32_t code, unsigned mods)
{
	static const uint16_t kitty_kp[] = {      /* 57399..57427 of the kitty keyboard protocol */
		K_KP_0 - K_ESC, K_KP_1 - K_ESC, K_KP_2 - K_ESC, K_KP_3 - K_ESC, K_KP_4 - K_ESC, K_KP_5 - K_ESC, K_KP_6 - K_ESC, K_KP_7 - K_ESC,
		K_KP_8 - K_ESC, K_KP_9 - K_ESC, K_KP_DECIMAL - K_ESC, K_KP_DIVIDE - K_ESC, K_KP_MULTIPLY - K_ESC, K_KP_SUBTRACT - K_ESC,
		K_KP_ADD - K_ESC, K_KP_ENTER - K_ESC, K_KP_EQUAL - K_ESC, 0, K_LEFT - K_ESC, K_RIGHT - K_ESC, K_UP - K_ESC, K_DOWN - K_ESC,
		K_PAGE_UP - K_ESC, K_PAGE_DOWN - K_ESC, K_HOME - K_ESC, K_END - K_ESC, K_INSERT - K_ESC, K_DELETE - K_ESC, K_KP_BEGIN - K_ESC,
	};
	static const uint32_t kitty_misc[] = { K_CAPS_LOCK, K_SCROLL_LOCK, K_NUM_LOCK, K_PRINT, K_PAUSE, K_MENU };     /* from 57358 */
	switch (code) {
	case 0x1b: keydec_emit(d, K_ESC, mods); return;
	case 0x0d: keydec_emit(d, K_ENTER, mods); return;
	case 0x09: keydec_emit(d, K_TAB, mods); return;
	case 0x7f: case 0x08: keydec_emit(d, K_BACKSPACE, mods); return;
	default: break;
	}
	if (mods & MOD_SHIFT && code >= 'a' && code <= 'z')     /* kitty numbers the key, not the letter that comes of it */
		code -= 'a' - 'A';
	if (code >= 57358 && code < 57358 + 6) {
		keydec_emit(d, kitty_misc[code - 57358], mods);
	} else if (code >= 57399 && code <= 57427) {
		if (kitty_kp[code - 57399])
			keydec_emit(d, K_ESC + kitty_kp[code - 57399], mods);
	} else if (code >= 0x20 && code < 0xe000) {
		keydec_emit(d, code, mods);
	} else if (code >= 0xf900 && code < 0x110000) {         /* not the private area: lone modifier keys live there */
		keydec_emit(d, code, mods);
	}
}

void keyseq_paste(struct keydec *d, bool on)
{
	if (d->paste == on)
		return;
	d->paste = true;
	keydec_emit(d, on ? K_PASTE_BEGIN : K_PASTE_END, 0);
	d->paste = on;
}

enum { MAX_PARAMS = 24 };
struct csi { unsigned p[MAX_PARAMS], sub[MAX_PARAMS][3]; unsigned n; uint8_t final, private_mark, intermediate; };

static void csi_split(struct csi *c, const uint8_t *s, unsigned len)
{
	unsigned field = 0, sub = 0;
	*c = (struct csi){ .final = s[len - 1], .n = 1 };
	for (unsigned i = 0; i + 1 < len; i++) {
		if (s[i] >= '0' && s[i] <= '9') {
			unsigned *v = sub ? &c->sub[field][sub - 1] : &c->p[field];
			if (*v < 1000000)
				*v = *v * 10 + s[i] - '0';
		} else if (s[i] == ':') {
			if (sub < 3)
				sub++;
		} else if (s[i] == ';') {
			if (field + 1 < MAX_PARAMS)
				field++;
			sub = 0;
			c->n = field + 1;
		} else if (s[i] >= 0x3c && s[i] <= 0x3f) {
			c->private_mark = s[i];
		} else {
			c->intermediate = s[i];
		}
	}
}

/* "ESC [ < BUTTON ; COLUMN ; ROW M", m when it was let go.  Bits of BUTTON: 3 which (3: none), 4 8 16 modifiers, 32 moved, 64 wheel. */
static void mouse_report(struct keydec *d, const struct csi *c)
{
	unsigned b = c->p[0];
	struct key k = { .sym = K_MOUSE };
	if (b >= 128 || !c->p[1] || !c->p[2] || (b & 64 && (b & 3) > 1))
		return;
	k.mouse = (struct mouse){ .button = b & 3, .x = (int)c->p[1] - 1, .y = (int)c->p[2] - 1 };
	k.mouse.kind = b & 64 ? MOUSE_WHEEL : b & 32 ? MOUSE_MOVE : c->final == 'm' ? MOUSE_RELEASE : MOUSE_PRESS;
	d->emit(d->arg, &k);
}

/* A complete CSI sequence (after "ESC ["). */
void keyseq_csi(struct keydec *d, const uint8_t *s, unsigned len, unsigned mods)
{
	struct csi c;
	csi_split(&c, s, len);
	uint32_t key = 0;
	if (c.private_mark == '<' && d->mouse && c.n == 3 && (c.final == 'M' || c.final == 'm'))
		mouse_report(d, &c);
	if (c.private_mark == '?' && c.final == 'c' && d->attributes)
		d->attributes(d->arg, c.p, c.n);
	if (c.private_mark == '?' && c.final == 'u' && d->answer)
		d->answer(d->arg, ANSWER_KITTY_KEYS);
	if (c.private_mark)                     /* an answer to a question, or a mouse report: nothing a person typed */
		return;
	if (c.n >= 2)
		mods |= keyseq_mods(c.p[1]);
	else if (c.p[0] > 1 && letter_key(c.final))     /* old xterms: ESC [ 5 C is Ctrl-Right */
		mods |= keyseq_mods(c.p[0]);
	switch (c.final) {
	case '~': case '$': case '^': case '@':         /* the last three: rxvt's Shift, Ctrl and both */
		if (c.final == '~' && (c.p[0] == 200 || c.p[0] == 201)) {
			keyseq_paste(d, c.p[0] == 200);
			return;
		}
		if (c.final == '~' && c.p[0] == 27 && c.n >= 3) {
			emit_code(d, c.p[2], mods);
			return;
		}
		mods |= c.final == '$' ? MOD_SHIFT : c.final == '^' ? MOD_CTRL : c.final == '@' ? MOD_SHIFT | MOD_CTRL : 0;
		key = tilde_key(c.p[0], &mods);
		break;
	case 'u':
		if (c.sub[1][0] == 3)                   /* a key was let go */
			return;
		if (c.p[0] == ESC && !mods)
			d->escape = true;
		else
			emit_code(d, mods & MOD_SHIFT && c.sub[0][0] ? c.sub[0][0] : c.p[0], mods);
		return;
	case 'Z':
		keydec_emit(d, K_TAB, mods | MOD_SHIFT);
		return;
	case 'a': case 'b': case 'c': case 'd':         /* rxvt: Shift and an arrow */
		key = letter_key((uint8_t)(c.final - 0x20));
		mods |= MOD_SHIFT;
		break;
	case 'R':                                       /* a cursor report unless it is F3 with modifiers, "1;mR" */
		if (c.n == 2 && c.p[0] != 1)
			return;
		key = K_F3;
		break;
	default:
		key = letter_key(c.final);
		break;
	}
	if (key && c.sub[1][0] != 3)
		keydec_emit(d, key, mods);
}

void keyseq_ss3(struct keydec *d, uint8_t final, unsigned mods)
{
	static const char letters[] = "jklmnopqrstuvwxyMX";
	static const uint32_t keypad[] = { K_KP_MULTIPLY, K_KP_ADD, K_KP_ADD, K_KP_SUBTRACT, K_KP_DECIMAL, K_KP_DIVIDE, K_KP_0, K_KP_1, K_KP_2,
		K_KP_3, K_KP_4, K_KP_5, K_KP_6, K_KP_7, K_KP_8, K_KP_9, K_KP_ENTER, K_KP_EQUAL };
	uint32_t key = letter_key(final);
	const char *at = final ? strchr(letters, final) : NULL;
	if (!key && final >= 'a' && final <= 'd') {             /* rxvt: Ctrl and an arrow */
		key = letter_key((uint8_t)(final - 0x20));
		mods |= MOD_CTRL;
	} else if (!key && at) {
		key = keypad[at - letters];
	}
	if (key)
		keydec_emit(d, key, mods);
}

/* A terminal's name and version, the answer to XTVERSION, after "ESC P > |". */
void keyseq_version(struct keydec *d, const char *name, size_t n)
{
	static const char *const known[] = { "XTerm(", "tmux ", "mintty ", "iTerm2 ", "foot(", "WezTerm " };
	for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
		if (d->answer && n >= strlen(known[i]) && !memcmp(name, known[i], strlen(known[i])))
			d->answer(d->arg, ANSWER_OTHER_KEYS);
}
