/* paste.c - see paste.h. */
#include "tui/paste.h"
#include "tui/app.h"
#include "tui/typing.h"
#include <stdio.h>
#include <string.h>

enum { KEYS_AHEAD = 512, BYTES_AHEAD = 4096, LOOK_MS = 4, PREVIEW_LINES = 200, PREVIEW_WIDTH = 200 };

/* ---- bytes and keys ------------------------------------------------------------------------------------------------------------------ */

static size_t key_bytes(const struct key *k, char *out)
{
	static const char plain[] = { 0x1b, '\r', '\t', 0x7f };
	int control = k->mods & MOD_CTRL ? key_control(k->sym) : -1;
	size_t n = 0;
	if (k->mods & MOD_ALT)
		out[n++] = 0x1b;
	if (k->sym == K_RAW)
		out[n++] = (char)k->raw;
	else if (k->sym >= K_ESC && k->sym <= K_BACKSPACE)
		out[n++] = plain[k->sym - K_ESC];
	else if (control >= 0)
		out[n++] = (char)control;
	else if (k->sym < K_ESC)
		n += (size_t)utf8_put(k->sym, out + n);
	return n;
}

/* The first key of some bytes; returns its length. */
static size_t take_key(const uint8_t *bytes, size_t len, struct key *k)
{
	const char *p = (const char *)bytes;
	*k = (struct key){ .pasted = true };
	if (*bytes == '\r' || *bytes == '\n') {
		k->sym = K_ENTER;
		return *bytes == '\r' && len > 1 && bytes[1] == '\n' ? 2 : 1;
	}
	if (*bytes < 0x20 || *bytes == 0x7f) {
		k->sym = *bytes == '\t' ? K_TAB : *bytes == 0x1b ? K_ESC : *bytes == 0x7f ? K_BACKSPACE : *bytes ? *bytes + (*bytes <= 26 ? 'a' - 1u : '@' + 0u) : ' ';
		k->mods = k->sym < K_ESC ? MOD_CTRL : 0;
		return 1;
	}
	k->sym = utf8_next(&p, p + len);
	size_t n = (size_t)(p - (const char *)bytes);
	if (k->sym == 0xfffd && n == 1) {
		k->sym = K_RAW;
		k->raw = *bytes;
	}
	return n;
}

/* ---- may it go? ---------------------------------------------------------------------------------------------------------------------- */

static struct view *target(const struct app *a)
{
	return a->paste.console < a->n_views ? a->views[a->paste.console] : NULL;
}

/* What is typed on a keyboard must be on it.  True: all is. */
static bool layout_has_all(struct app *a)
{
	struct paste *p = &a->paste;
	struct key k;
	char name[8] = "";
	unsigned missing = 0;
	for (size_t at = 0; at < p->offered.len; ) {
		at += take_key(fifo_head(&p->offered) + at, p->offered.len - at, &k);
		if (k.sym >= K_ESC ? k.sym != K_RAW : keymap_find(&a->keymap, k.sym) != NULL)
			continue;
		if (!missing++)
			name[utf8_put(k.sym == K_RAW ? '?' : k.sym, name)] = 0;
	}
	if (missing)
		app_error(a, "not pasted: the key map %s lacks %u of the characters, first \"%s\"", a->keymap.name, missing, name);
	return !missing;
}

static void go(struct app *a)
{
	struct paste *p = &a->paste;
	struct view *v = target(a);
	if (v && v->ops->text && p->bracketed && v->ops->key)
		v->ops->key(v, &(struct key){ .sym = K_PASTE_BEGIN });
	fifo_free(&p->going);
	p->going = p->offered;
	p->offered = (struct fifo){ 0 };
	p->total = p->going.len;
	p->at = 0;
}

static void confirmed(struct app *a, unsigned item)
{
	if (item == 0) {
		go(a);
	} else {
		fifo_free(&a->paste.offered);
		app_message(a, "nothing was pasted");
	}
}

static void preview(struct app *a, unsigned lines)
{
	struct paste *p = &a->paste;
	struct text t = { 0 };
	char title[100], line[PREVIEW_WIDTH + 8];
	struct key k;
	unsigned n = 0, shown = 0;
	text_printf(&t, "Paste %zu bytes, %u lines\nDo not paste\n", p->offered.len, lines);
	for (size_t at = 0; at < p->offered.len && shown < PREVIEW_LINES; ) {
		at += take_key(fifo_head(&p->offered) + at, p->offered.len - at, &k);
		if (k.sym < K_ESC && !k.mods && n < PREVIEW_WIDTH)
			n += (unsigned)utf8_put(k.sym, line + n);
		else if (k.sym != K_ENTER && n < PREVIEW_WIDTH)
			line[n++] = k.sym == K_TAB ? ' ' : '?';
		if (k.sym == K_ENTER || at == p->offered.len) {
			text_printf(&t, "  %.*s\n", (int)n, line);
			n = 0;
			shown++;
		}
	}
	snprintf(title, sizeof title, "Paste into %s?", target(a)->label);
	app_popup(a, menu_view_new(a, title, t.s, 0, confirmed));
	text_free(&t);
}

/* Type what is in p->offered, after a question when it has several lines. */
static void offer(struct app *a)
{
	struct paste *p = &a->paste;
	struct view *v = app_focused(a);
	unsigned lines = 1;
	struct key k;
	if (!p->offered.len || !v)
		return;
	if (p->going.len) {
		app_error(a, "something else is still being pasted; \"]\" after the prefix key stops it");
		fifo_free(&p->offered);
		return;
	}
	p->console = a->focus;
	if (!v->ops->text && !layout_has_all(a)) {
		fifo_free(&p->offered);
		return;
	}
	for (size_t at = 0; at < p->offered.len; ) {
		at += take_key(fifo_head(&p->offered) + at, p->offered.len - at, &k);
		lines += k.sym == K_ENTER && at < p->offered.len;
	}
	if (lines > 1 && p->ask)
		preview(a, lines);
	else
		go(a);
}

void paste_key(struct app *a, const struct key *k)
{
	struct paste *p = &a->paste;
	char bytes[16];
	if (k->sym == K_PASTE_BEGIN) {
		fifo_free(&p->collecting);
		p->overflow = false;
	} else if (k->sym != K_PASTE_END) {
		p->overflow |= !fifo_put(&p->collecting, bytes, key_bytes(k, bytes));
	} else if (p->overflow) {
		fifo_free(&p->collecting);
		app_error(a, "nothing was pasted: it is longer than %d MiB", FIFO_MAX >> 20);
	} else {
		fifo_free(&p->offered);
		p->offered = p->collecting;
		p->collecting = (struct fifo){ 0 };
		p->bracketed = true;
		offer(a);
	}
}

static void ended(struct app *a, struct view *v)
{
	struct paste *p = &a->paste;
	if (v->ops->text && p->bracketed)
		v->ops->key(v, &(struct key){ .sym = K_PASTE_END });
	for (unsigned i = 0; i < p->n_after; i++)
		v->ops->key(v, &p->after[i]);
	p->n_after = 0;
	app_typed(a);
}

void paste_action(struct app *a)
{
	struct paste *p = &a->paste;
	if (p->going.len) {
		app_message(a, "pasting stopped: %zu of %zu bytes were typed", p->total - p->going.len, p->total);
		fifo_free(&p->going);
		if (target(a))
			ended(a, target(a));
		return;
	}
	if (!a->copied.len) {
		app_message(a, "nothing was copied yet to paste");
		return;
	}
	fifo_free(&p->offered);
	if (fifo_put(&p->offered, a->copied.s, a->copied.len)) {
		p->bracketed = true;
		offer(a);
	}
}

/* ---- typing it ------------------------------------------------------------------------------------------------------------------------ */

bool paste_goes(const struct app *a)
{
	return a->paste.going.len > 0;
}

void paste_hold(struct app *a, const struct key *k)
{
	struct paste *p = &a->paste;
	char prefix[32];
	if (p->n_after < sizeof p->after / sizeof *p->after)
		p->after[p->n_after++] = *k;
	else
		app_error(a, "still pasting; %s ] stops it", key_text(&a->prefix, prefix, sizeof prefix));
}

static bool room(struct app *a, struct view *v)
{
	return v->ops->text ? v->ops->flush(v) < BYTES_AHEAD : a->keys.len < (size_t)2 * KEYS_AHEAD;
}

int64_t paste_work(struct app *a, int64_t now)
{
	struct paste *p = &a->paste;
	struct view *v = target(a);
	struct key k = { 0 };
	if (!p->going.len)
		return -1;
	if (!v || !v->ops->key) {
		fifo_free(&p->going);           /* the console is gone */
		p->n_after = 0;
		return -1;
	}
	while (p->going.len && now >= p->at && room(a, v)) {
		fifo_take(&p->going, take_key(fifo_head(&p->going), p->going.len, &k));
		v->ops->key(v, &k);
		app_typed(a);
		unsigned wait = p->char_ms + (k.sym == K_ENTER ? p->line_ms : 0);
		if (wait)
			p->at = now + wait;
	}
	if (p->going.len)
		return p->at > now ? p->at : now + LOOK_MS;
	ended(a, v);
	a->dirty = true;
	return -1;
}

void paste_free(struct app *a)
{
	fifo_free(&a->paste.collecting);
	fifo_free(&a->paste.offered);
	fifo_free(&a->paste.going);
}
