/* key.c - names of keys. */
#include "tui/key.h"
#include "tui/grid.h"
#include <stdio.h>
#include <string.h>

static const char *const names[K_SYM_END - K_ESC] = {
	"Esc", "Enter", "Tab", "Backspace", "Up", "Down", "Right", "Left", "Home", "End", "Insert", "Delete", "Page_Up", "Page_Down",
	"F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10", "F11", "F12",
	"KP_0", "KP_1", "KP_2", "KP_3", "KP_4", "KP_5", "KP_6", "KP_7", "KP_8", "KP_9",
	"KP_Decimal", "KP_Divide", "KP_Multiply", "KP_Subtract", "KP_Add", "KP_Enter", "KP_Equal", "KP_Begin",
	"Print", "Pause", "Menu", "Scroll_Lock", "Caps_Lock", "Num_Lock", "Raw", "Paste_Begin", "Paste_End", "Mouse",
};
static const struct { char letter; unsigned mod; } mod_letters[] = { { 'C', MOD_CTRL }, { 'M', MOD_ALT }, { 'S', MOD_SHIFT }, { 's', MOD_SUPER } };

bool key_parse(const char *name, struct key *out)
{
	*out = (struct key){ 0 };
	while (name[0] && name[1] == '-' && name[2]) {
		unsigned mod = 0;
		for (unsigned i = 0; i < sizeof mod_letters / sizeof *mod_letters; i++)
			if (mod_letters[i].letter == name[0])
				mod = mod_letters[i].mod;
		if (!mod)
			return false;
		out->mods |= mod;
		name += 2;
	}
	if (!strcmp(name, "Space")) {
		out->sym = ' ';
		return true;
	}
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i] && !strcmp(names[i], name)) {
			out->sym = K_ESC + i;
			return true;
		}
	const char *p = name, *end = name + strlen(name);
	if (!*p)
		return false;
	out->sym = utf8_next(&p, end);
	return p == end && out->sym != 0xfffd;
}

const char *key_text(const struct key *k, char *buf, size_t size)
{
	char base[8] = "";
	const char *name = base;
	if (k->sym >= K_ESC && k->sym < K_SYM_END)
		name = names[k->sym - K_ESC];
	else if (k->sym == ' ')
		name = "Space";
	else
		base[utf8_put(k->sym, base)] = 0;
	snprintf(buf, size, "%s%s%s%s%s", k->mods & MOD_CTRL ? "C-" : "", k->mods & MOD_ALT ? "M-" : "", k->mods & MOD_SHIFT ? "S-" : "",
	         k->mods & MOD_SUPER ? "s-" : "", name);
	return buf;
}

bool key_same(const struct key *a, const struct key *b)
{
	unsigned ignore = a->sym < K_ESC && !(a->mods & b->mods & MOD_SHIFT) ? MOD_SHIFT : 0;
	return a->sym == b->sym && (a->mods & ~ignore) == (b->mods & ~ignore);
}

int key_control(uint32_t ch)
{
	if (ch >= 'a' && ch <= 'z')
		return (int)ch - 'a' + 1;
	if (ch >= '@' && ch <= '_')
		return (int)ch - '@';
	switch (ch) {                   /* what terminals of the VT line send for Ctrl and a digit */
	case ' ': case '2': return 0;
	case '3': return 0x1b;
	case '4': return 0x1c;
	case '5': return 0x1d;
	case '6': return 0x1e;
	case '7': case '/': case '-': return 0x1f;
	case '?': case '8': return 0x7f;
	default: return -1;
	}
}
