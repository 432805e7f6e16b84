/* termkeys.c - see termkeys.h. */
#include "tui/termkeys.h"
#include "tui/grid.h"

static size_t char_bytes(const struct key *k, char *bytes)
{
	size_t n = 0;
	if (k->mods & MOD_ALT)
		bytes[n++] = 0x1b;
	int control = k->mods & MOD_CTRL ? key_control(k->sym) : -1;
	if (control >= 0)
		bytes[n++] = (char)control;
	else
		n += (size_t)utf8_put(k->sym, bytes + n);
	return n;
}

static void function_key(VTerm *vt, const struct key *k)
{
	static const VTermKey map[K_KP_BEGIN + 1 - K_ESC] = {
		VTERM_KEY_ESCAPE, VTERM_KEY_ENTER, VTERM_KEY_TAB, VTERM_KEY_BACKSPACE, VTERM_KEY_UP, VTERM_KEY_DOWN, VTERM_KEY_RIGHT, VTERM_KEY_LEFT,
		VTERM_KEY_HOME, VTERM_KEY_END, VTERM_KEY_INS, VTERM_KEY_DEL, VTERM_KEY_PAGEUP, VTERM_KEY_PAGEDOWN,
		VTERM_KEY_FUNCTION(1), VTERM_KEY_FUNCTION(2), VTERM_KEY_FUNCTION(3), VTERM_KEY_FUNCTION(4), VTERM_KEY_FUNCTION(5), VTERM_KEY_FUNCTION(6),
		VTERM_KEY_FUNCTION(7), VTERM_KEY_FUNCTION(8), VTERM_KEY_FUNCTION(9), VTERM_KEY_FUNCTION(10), VTERM_KEY_FUNCTION(11), VTERM_KEY_FUNCTION(12),
		VTERM_KEY_KP_0, VTERM_KEY_KP_1, VTERM_KEY_KP_2, VTERM_KEY_KP_3, VTERM_KEY_KP_4, VTERM_KEY_KP_5, VTERM_KEY_KP_6, VTERM_KEY_KP_7,
		VTERM_KEY_KP_8, VTERM_KEY_KP_9, VTERM_KEY_KP_PERIOD, VTERM_KEY_KP_DIVIDE, VTERM_KEY_KP_MULT, VTERM_KEY_KP_MINUS, VTERM_KEY_KP_PLUS,
		VTERM_KEY_KP_ENTER, VTERM_KEY_KP_EQUAL, VTERM_KEY_NONE,
	};
	int mods = (k->mods & MOD_SHIFT ? VTERM_MOD_SHIFT : 0) | (k->mods & MOD_ALT ? VTERM_MOD_ALT : 0) | (k->mods & MOD_CTRL ? VTERM_MOD_CTRL : 0);
	if (k->sym <= K_KP_BEGIN && map[k->sym - K_ESC] != VTERM_KEY_NONE)
		vterm_keyboard_key(vt, map[k->sym - K_ESC], (VTermModifier)mods);
}

static void bytes_of(VTerm *vt, const struct key *k, void (*send)(void *arg, const void *bytes, size_t n), void *arg)
{
	static const char plain[] = { 0x1b, '\r', '\t', 0x7f };
	char bytes[8] = { 0x1b };
	if (k->sym == K_PASTE_BEGIN) {          /* says so to a guest program that asked to be told */
		vterm_keyboard_start_paste(vt);
	} else if (k->sym == K_PASTE_END) {
		vterm_keyboard_end_paste(vt);
	} else if (k->sym == K_RAW) {
		send(arg, &k->raw, 1);
	} else if (k->sym < K_ESC) {
		send(arg, bytes, char_bytes(k, bytes));
	} else if (k->sym <= K_BACKSPACE && !(k->mods & ~(unsigned)MOD_ALT)) {
		bytes[1] = plain[k->sym - K_ESC];
		send(arg, k->mods & MOD_ALT ? bytes : bytes + 1, k->mods & MOD_ALT ? 2 : 1);
	} else if (k->sym == K_BACKSPACE && k->mods & MOD_CTRL) {
		send(arg, "\b", 1);
	} else if (k->sym == K_ENTER || k->sym == K_ESC) {
		send(arg, k->sym == K_ENTER ? "\r" : "\033", 1);
	} else {
		function_key(vt, k);
	}
}

void termkeys_send(VTerm *vt, const struct key *typed, void (*send)(void *arg, const void *bytes, size_t n), void *arg)
{
	struct key k = *typed;
	k.mods |= k.held & (MOD_CTRL | MOD_ALT | MOD_SHIFT);
	if (k.held & MOD_SHIFT && k.sym >= 'a' && k.sym <= 'z')
		k.sym -= 'a' - 'A';
	bytes_of(vt, &k, send, arg);
}
