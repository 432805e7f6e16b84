/* keydec.c - the decoder.  Bytes collect in `pend` until they are a key, are known to be none, or time is up. */
#include "tui/keydec.h"
#include "tui/keydec_priv.h"
#include "tui/grid.h"
#include <string.h>
#include <wchar.h>

enum { PASTE_TIMEOUT_MS = 3000 };

void keydec_init(struct keydec *d, void (*emit)(void *arg, const struct key *k), void *arg)
{
	*d = (struct keydec){ .emit = emit, .arg = arg, .utf8 = true, .erase = 0x7f, .gap_ms = 100, .esc_ms = 500 };
}

static void emit_raw(struct keydec *d, uint8_t byte, unsigned mods)
{
	d->emit(d->arg, &(struct key){ .sym = K_RAW, .mods = mods, .pasted = d->paste, .raw = byte });
}

static void byte_key(struct keydec *d, uint8_t b, unsigned mods)
{
	if (b == ESC)
		keydec_emit(d, K_ESC, mods);
	else if (b == '\r')
		keydec_emit(d, K_ENTER, mods);
	else if (b == '\t')
		keydec_emit(d, K_TAB, mods);
	else if (b == '\n' && d->paste)
		keydec_emit(d, K_ENTER, mods);
	else if (b == 0x7f || b == d->erase)
		keydec_emit(d, K_BACKSPACE, mods);
	else if (b == 0)
		keydec_emit(d, ' ', mods | MOD_CTRL);
	else if (b < 0x1b)
		keydec_emit(d, b + 'a' - 1u, mods | MOD_CTRL);
	else if (b < 0x20)
		keydec_emit(d, b + '@', mods | MOD_CTRL);
	else
		keydec_emit(d, b, mods);
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
			keydec_emit(d, (uint32_t)wc, mods);
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
		keydec_emit(d, ch, mods);
	return TAKEN;
}

/* At "ESC [": find the end of the sequence. */
static enum result csi_key(struct keydec *d, const uint8_t *s, unsigned n, unsigned mods, unsigned *used)
{
	if (n > 2 && s[2] == '[') {             /* Linux console: ESC [ [ A .. E is F1 .. F5 */
		if (n < 4)
			return NEED_MORE;
		if (s[3] >= 'A' && s[3] <= 'E')
			keydec_emit(d, K_F1 + s[3] - 'A', mods);
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
			keyseq_csi(d, s + 2, i - 1, mods);
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
static enum result string_key(struct keydec *d, const uint8_t *s, unsigned n, unsigned *used)
{
	for (unsigned i = 2; i < n; i++) {
		if (s[i] == 7 || (s[i] == '\\' && s[i - 1] == ESC && i > 2)) {
			if (!memcmp(s + 1, "P>|", 3))
				keyseq_version(d, (const char *)s + 4, i - 4);
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
			keydec_emit(d, d->learnt[i].key.sym, d->learnt[i].key.mods);
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
			keydec_emit(d, K_ESC, 0);
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
		keyseq_ss3(d, q[i], meta | keyseq_mods(mod));
		*used = i + 1;
	} else if (left == 2 && !hurry && (q[1] == ']' || q[1] == 'P')) {
		return NEED_MORE;
	} else if (answer_start(q, left)) {
		r = string_key(d, q, left, used);
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
				keyseq_paste(d, false);
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
		if (d->escape && !d->skip) {            /* "Esc, then 1" typed by hand is Alt-1, here too */
			bool digit = bytes[i] >= '0' && bytes[i] <= '9';
			d->escape = false;
			keydec_emit(d, digit ? bytes[i] : K_ESC, digit ? MOD_ALT : 0);
			if (digit)
				continue;
		}
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
	return d->n || d->skip || d->escape ? d->last_ms + (int64_t)d->esc_ms : -1;
}

void keydec_tick(struct keydec *d, int64_t now_ms)
{
	int64_t due = keydec_deadline(d);
	if (due < 0 || now_ms < due)
		return;
	d->skip = false;
	if (d->escape) {
		d->escape = false;
		keydec_emit(d, K_ESC, 0);
	}
	if (d->paste) {                         /* the end marker got lost */
		while (d->n) {
			byte_key(d, d->pend[0], 0);
			drop(d, 1);
		}
		keyseq_paste(d, false);
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
		keydec_emit(d, rest[1], MOD_ALT);
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
