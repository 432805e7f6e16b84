/* keydec.c - the decoder.  Bytes collect in `pend` until they are a key, are known to be none, or time is up. */
#include "tui/keydec.h"
#include "tui/grid.h"
#include <string.h>
#include <wchar.h>

enum { ESC = 0x1b, PASTE_TIMEOUT_MS = 3000 };

void keydec_init(struct keydec *d, void (*emit)(void *arg, const struct key *k), void *arg)
{
	*d = (struct keydec){ .emit = emit, .arg = arg, .utf8 = true, .erase = 0x7f, .gap_ms = 100, .esc_ms = 500 };
}

static void emit(struct keydec *d, uint32_t sym, unsigned mods)
{
	d->emit(d->arg, &(struct key){ .sym = sym, .mods = mods, .pasted = d->paste });
}

static void emit_raw(struct keydec *d, uint8_t byte, unsigned mods)
{
	d->emit(d->arg, &(struct key){ .sym = K_RAW, .mods = mods, .pasted = d->paste, .raw = byte });
}

static void set_paste(struct keydec *d, bool on)
{
	if (d->paste == on)
		return;
	d->paste = true;
	emit(d, on ? K_PASTE_BEGIN : K_PASTE_END, 0);
	d->paste = on;
}

/* xterm's modifier parameter: 1 + bits shift, alt, ctrl, super (or meta). */
static unsigned xterm_mods(unsigned p)
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
	case 0x1b: emit(d, K_ESC, mods); return;
	case 0x0d: emit(d, K_ENTER, mods); return;
	case 0x09: emit(d, K_TAB, mods); return;
	case 0x7f: case 0x08: emit(d, K_BACKSPACE, mods); return;
	default: break;
	}
	if (mods & MOD_SHIFT && code >= 'a' && code <= 'z')     /* kitty numbers the key, not the letter that comes of it */
		code -= 'a' - 'A';
	if (code >= 57358 && code < 57358 + 6) {
		emit(d, kitty_misc[code - 57358], mods);
	} else if (code >= 57399 && code <= 57427) {
		if (kitty_kp[code - 57399])
			emit(d, K_ESC + kitty_kp[code - 57399], mods);
	} else if (code >= 0x20 && code < 0xe000) {
		emit(d, code, mods);
	} else if (code >= 0xf900 && code < 0x110000) {         /* not the private area: lone modifier keys live there */
		emit(d, code, mods);
	}
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
static void csi_done(struct keydec *d, const uint8_t *s, unsigned len, unsigned mods)
{
	struct csi c;
	csi_split(&c, s, len);
	uint32_t key = 0;
	if (c.private_mark == '<' && d->mouse && c.n == 3 && (c.final == 'M' || c.final == 'm'))
		mouse_report(d, &c);
	if (c.private_mark == '?' && c.final == 'c' && d->attributes)
		d->attributes(d->arg, c.p, c.n);
	if (c.private_mark)                     /* an answer to a question, or a mouse report: nothing a person typed */
		return;
	if (c.n >= 2)
		mods |= xterm_mods(c.p[1]);
	else if (c.p[0] > 1 && letter_key(c.final))     /* old xterms: ESC [ 5 C is Ctrl-Right */
		mods |= xterm_mods(c.p[0]);
	switch (c.final) {
	case '~': case '$': case '^': case '@':         /* the last three: rxvt's Shift, Ctrl and both */
		if (c.final == '~' && (c.p[0] == 200 || c.p[0] == 201)) {
			set_paste(d, c.p[0] == 200);
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
		if (c.n < 2 || c.sub[1][0] != 3)        /* 3: a key was let go */
			emit_code(d, mods & MOD_SHIFT && c.sub[0][0] ? c.sub[0][0] : c.p[0], mods);
		return;
	case 'Z':
		emit(d, K_TAB, mods | MOD_SHIFT);
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
		emit(d, key, mods);
}

static void ss3_done(struct keydec *d, uint8_t final, unsigned mods)
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
		emit(d, key, mods);
}

static void byte_key(struct keydec *d, uint8_t b, unsigned mods)
{
	if (b == ESC)
		emit(d, K_ESC, mods);
	else if (b == '\r')
		emit(d, K_ENTER, mods);
	else if (b == '\t')
		emit(d, K_TAB, mods);
	else if (b == '\n' && d->paste)
		emit(d, K_ENTER, mods);
	else if (b == 0x7f || b == d->erase)
		emit(d, K_BACKSPACE, mods);
	else if (b == 0)
		emit(d, ' ', mods | MOD_CTRL);
	else if (b < 0x1b)
		emit(d, b + 'a' - 1u, mods | MOD_CTRL);
	else if (b < 0x20)
		emit(d, b + '@', mods | MOD_CTRL);
	else
		emit(d, b, mods);
}

enum result { NEED_MORE, TAKEN };       /* TAKEN: `*used` bytes of pend are done with */

/* A character (not ESC) at s. */
static enum result char_key(struct keydec *d, const uint8_t *s, unsigned n, unsigned mods, unsigned *used)
{
	if (s[0] < 0x80) {
		byte_key(d, s[0], mods);
		*used = 1;
		return TAKEN;
	}
	if (!d->utf8) {
		wint_t wc = btowc(s[0]);
		if (wc == WEOF)
			emit_raw(d, s[0], mods);
		else
			emit(d, (uint32_t)wc, mods);
		*used = 1;
		return TAKEN;
	}
	unsigned want = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2, have = 1;
	while (have < want && have < n && (s[have] & 0xc0) == 0x80)
		have++;
	if (have < want && have == n && s[0] >= 0xc2 && s[0] < 0xf5)
		return NEED_MORE;
	const char *p = (const char *)s;
	uint32_t ch = utf8_next(&p, (const char *)s + n);
	*used = (unsigned)(p - (const char *)s);
	if (ch == 0xfffd && *used == 1)
		emit_raw(d, s[0], mods);
	else
		emit(d, ch, mods);
	return TAKEN;
}

/* At "ESC [": find the end of the sequence. */
static enum result csi_key(struct keydec *d, const uint8_t *s, unsigned n, unsigned mods, unsigned *used)
{
	if (n > 2 && s[2] == '[') {             /* Linux console: ESC [ [ A .. E is F1 .. F5 */
		if (n < 4)
			return NEED_MORE;
		if (s[3] >= 'A' && s[3] <= 'E')
			emit(d, K_F1 + s[3] - 'A', mods);
		*used = 4;
		return TAKEN;
	}
	if (n > 2 && s[2] == 'M') {             /* old mouse report: three bytes more */
		*used = 6;
		return n < 6 ? NEED_MORE : TAKEN;
	}
	for (unsigned i = 2; i < n; i++) {
		bool rxvt_shift = s[i] == '$' && i > 2;
		if ((s[i] >= 0x40 && s[i] <= 0x7e) || rxvt_shift) {
			csi_done(d, s + 2, i - 1, mods);
			*used = i + 1;
			return TAKEN;
		}
		if (s[i] < 0x20 || s[i] > 0x7e) {       /* broken off; what follows is read afresh */
			*used = i;
			return TAKEN;
		}
	}
	return NEED_MORE;
}

/* OSC, DCS, PM, APC, SOS: answers of the terminal; swallowed up to BEL or ST. */
static enum result string_key(const uint8_t *s, unsigned n, unsigned *used)
{
	for (unsigned i = 2; i < n; i++) {
		if (s[i] == 7 || (s[i] == '\\' && s[i - 1] == ESC && i > 2)) {
			*used = i + 1;
			return TAKEN;
		}
	}
	return NEED_MORE;
}

static bool answer_start(const uint8_t *s, unsigned n)
{
	/* Alt+] and Alt+P are keys; a string of the terminal's follows at once with more. */
	return n > 2 && ((s[1] == ']' && s[2] >= '0' && s[2] <= '9') || (s[1] == 'P' && strchr("01>!", s[2]) && s[2]));
}

static enum result learnt_key(struct keydec *d, const uint8_t *s, unsigned n, unsigned *used)
{
	enum result r = TAKEN;
	*used = 0;
	for (unsigned i = 0; i < d->n_learnt; i++) {
		unsigned len = d->learnt[i].len, cmp = len < n ? len : n;
		if (memcmp(d->learnt[i].seq, s, cmp))
			continue;
		if (len <= n) {
			emit(d, d->learnt[i].key.sym, d->learnt[i].key.mods);
			*used = len;
			return TAKEN;
		}
		if (n > 1)
			r = NEED_MORE;
	}
	return r;
}

static enum result escape_key(struct keydec *d, const uint8_t *s, unsigned n, bool hurry, unsigned *used)
{
	unsigned meta = 0, at = 0;
	if (n == 1)
		return NEED_MORE;
	enum result r = learnt_key(d, s, n, used);
	if (*used || (r == NEED_MORE && !hurry))
		return r;
	if (s[1] == ESC) {
		if (n < 3)
			return NEED_MORE;
		if (s[2] != '[' && s[2] != 'O') {       /* Escape typed twice */
			emit(d, K_ESC, 0);
			*used = 1;
			return TAKEN;
		}
		meta = MOD_ALT;                         /* Alt and a function key: ESC before its sequence */
		at = 1;
	}
	const uint8_t *q = s + at;
	unsigned left = n - at;
	r = TAKEN;
	if (q[1] == '[') {
		r = csi_key(d, q, left, meta, used);
	} else if (q[1] == 'O') {
		unsigned i = 2, mod = 0;
		while (i < left && i < 4 && q[i] >= '0' && q[i] <= '9')         /* old terminals: ESC O 5 P is Ctrl-F1 */
			mod = mod * 10 + q[i++] - '0';
		if (i >= left)
			return NEED_MORE;
		ss3_done(d, q[i], meta | xterm_mods(mod));
		*used = i + 1;
	} else if (left == 2 && !hurry && (q[1] == ']' || q[1] == 'P')) {
		return NEED_MORE;
	} else if (answer_start(q, left)) {
		r = string_key(q, left, used);
	} else {
		r = char_key(d, q + 1, left - 1, MOD_ALT, used);
		*used += 1;
	}
	*used += at;
	return r;
}

static void drop(struct keydec *d, unsigned n)
{
	memmove(d->pend, d->pend + n, d->n - n);
	d->n -= n;
}

/* Emit everything that is complete. */
static void decode(struct keydec *d, bool hurry)
{
	while (d->n) {
		unsigned used = 0;
		enum result r = d->pend[0] == ESC ? escape_key(d, d->pend, d->n, hurry, &used) : char_key(d, d->pend, d->n, 0, &used);
		if (r == NEED_MORE) {
			if (d->n < KEYDEC_PENDING)
				return;
			d->skip = true;                 /* no key is that long */
			d->n = 0;
			return;
		}
		drop(d, used);
	}
}

/* In a paste only its end marker is a sequence. */
static void decode_paste(struct keydec *d)
{
	static const char end[] = "\033[201~";
	while (d->n && d->paste) {
		unsigned used = 0;
		if (d->pend[0] == ESC) {
			unsigned cmp = d->n < 6 ? d->n : 6;
			if (!memcmp(d->pend, end, cmp)) {
				if (cmp < 6)
					return;
				set_paste(d, false);
				used = 6;
			} else {
				byte_key(d, ESC, 0);
				used = 1;
			}
		} else if (char_key(d, d->pend, d->n, 0, &used) == NEED_MORE) {
			return;
		}
		drop(d, used);
	}
}

/* A pause came after what is pending: what a hand typed is not one sequence. */
static void pause_passed(struct keydec *d, int64_t pause, uint8_t next)
{
	if (!d->n || d->pend[0] != ESC || d->paste)
		return;
	bool digit = next >= '0' && next <= '9';
	bool lone = d->n == 1, may_wait = lone && (digit || next == '[');
	if (pause <= (int64_t)d->gap_ms || (may_wait && pause <= (int64_t)d->esc_ms) || (d->n >= 2 && d->pend[1] == '[' && pause <= (int64_t)d->esc_ms))
		return;
	keydec_tick(d, d->last_ms + (int64_t)d->esc_ms + 1);
}

void keydec_feed(struct keydec *d, const uint8_t *bytes, size_t len, int64_t now_ms)
{
	for (size_t i = 0; i < len; i++) {
		if (i == 0)
			pause_passed(d, now_ms - d->last_ms, bytes[0]);
		d->last_ms = now_ms;
		if (d->skip) {
			bool end = bytes[i] == 7 || bytes[i] == '\\' || (bytes[i] >= 0x40 && bytes[i] <= 0x7e);
			d->skip = !end;
			continue;
		}
		d->pend[d->n++] = bytes[i];
		if (d->paste)
			decode_paste(d);
		else
			decode(d, false);
	}
}

int64_t keydec_deadline(const struct keydec *d)
{
	if (d->paste)
		return d->last_ms + PASTE_TIMEOUT_MS;
	return d->n || d->skip ? d->last_ms + (int64_t)d->esc_ms : -1;
}

void keydec_tick(struct keydec *d, int64_t now_ms)
{
	int64_t due = keydec_deadline(d);
	if (due < 0 || now_ms < due)
		return;
	d->skip = false;
	if (d->paste) {                         /* the end marker got lost */
		while (d->n) {
			byte_key(d, d->pend[0], 0);
			drop(d, 1);
		}
		set_paste(d, false);
		return;
	}
	decode(d, true);
	if (!d->n)
		return;
	/* Not a sequence after all: each byte is a key of its own.  (ESC O, ESC ESC, a cut UTF-8 character.) */
	uint8_t rest[KEYDEC_PENDING];
	unsigned n = d->n;
	memcpy(rest, d->pend, n);
	d->n = 0;
	bool alt = n >= 2 && rest[0] == ESC && (rest[1] == '[' || rest[1] == 'O') && n == 2;
	if (alt) {
		emit(d, rest[1], MOD_ALT);
		return;
	}
	if (n > 2 && rest[0] == ESC && rest[1] == '[')
		return;                         /* the torso of a CSI: worth nothing to anyone */
	for (unsigned i = 0; i < n; i++)
		if (rest[i] < 0x80)
			byte_key(d, rest[i], 0);
		else
			emit_raw(d, rest[i], 0);
}

struct catch { uint32_t sym; unsigned mods, count; };
static void catch_key(void *arg, const struct key *k)
{
	struct catch *c = arg;
	c->sym = k->sym;
	c->mods = k->mods;
	c->count++;
}

void keydec_learn(struct keydec *d, const char *seq, uint32_t sym, unsigned mods)
{
	size_t len = seq ? strlen(seq) : 0;
	if (len < 2 || len > KEYDEC_LEARNT_LEN || seq[0] != ESC || d->n_learnt == KEYDEC_LEARNT)
		return;
	struct keydec trial;
	struct catch got = { 0 };
	keydec_init(&trial, catch_key, &got);
	keydec_feed(&trial, (const uint8_t *)seq, len, 0);
	if (got.count == 1 && !trial.n && got.sym == sym && got.mods == mods)
		return;
	d->learnt[d->n_learnt].len = (uint8_t)len;
	memcpy(d->learnt[d->n_learnt].seq, seq, len);
	d->learnt[d->n_learnt].key = (struct key){ .sym = sym, .mods = mods };
	d->n_learnt++;
}
