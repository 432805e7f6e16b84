/* termmodes.c - see termmodes.h. */
#include "tui/termmodes.h"
#include "tui/app.h"
#include <stdio.h>
#include <string.h>

static const struct { const char *on, *off; } key_modes[] = {
	[KEYS_PLAIN] = { "", "" },
	[KEYS_OTHER] = { "\033[>4;1m", "\033[>4m" },    /* and back to what the terminal's own settings say */
	[KEYS_KITTY] = { "\033[>1u", "\033[<u" },       /* pushed: escape codes without a second meaning; popped.  Each screen has a stack of its own */
};

static void put(struct client *c, const char *s)
{
	tty_put(&c->tty, s, strlen(s));
}

void termmodes_set(struct client *c)
{
	struct term_modes *t = &c->modes;
	const char *on, *off, *was_on, *was_off;
	bool none = c->read_only || c->linear;
	unsigned mouse = none ? MOUSE_OFF : c->app->mouse;
	enum term_keys keys = none ? KEYS_PLAIN : t->can;
	if (!c->screen || c->dead || (t->mouse == mouse && t->keys == keys))
		return;
	mouse_sequences(t->mouse, &was_on, &was_off);
	mouse_sequences(mouse, &on, &off);
	if (!c->suspended && t->keys != keys) {
		put(c, key_modes[t->keys].off);
		put(c, key_modes[keys].on);
	}
	if (!c->suspended && t->mouse != mouse) {
		put(c, was_off);
		put(c, on);
	}
	t->mouse = mouse;
	t->keys = keys;
	c->decoder.mouse = mouse != MOUSE_OFF;
	snprintf(t->on, sizeof t->on, "%s%s", key_modes[keys].on, on);
	snprintf(t->off, sizeof t->off, "%s%s", off, key_modes[keys].off);
	curses_set_modes(c->screen, t->on, t->off);
	client_say_goodbye_is(c);
	if (!c->suspended)
		tty_flush(&c->tty);
}

/* What a terminal of this description is asked: others have no such keys, or show the question. */
static const char *question(const char *term)
{
	static const char kitty[] = "\033[?u", version[] = "\033[>q", both[] = "\033[?u\033[>q";
	static const struct { const char *term, *ask; } t[] = {
		{ "xterm", both }, { "tmux", version }, { "screen", version }, { "foot", kitty }, { "alacritty", kitty }, { "kitty", kitty },
		{ "wezterm", both }, { "ghostty", kitty }, { "contour", both }, { "rio", kitty }, { "iterm", both }, { "mintty", both },
	};
	for (unsigned i = 0; i < sizeof t / sizeof *t; i++)
		if (!strncmp(term, t[i].term, strlen(t[i].term)))
			return t[i].ask;
	return "";
}

void termmodes_ask(struct client *c)
{
	if (c->modes.asked || c->read_only || c->linear)
		return;
	c->modes.asked = true;
	put(c, question(c->term));
}

void termmodes_answer(struct client *c, enum keydec_answer answer)
{
	enum term_keys can = answer == ANSWER_KITTY_KEYS ? KEYS_KITTY : KEYS_OTHER;
	if (!c->modes.asked || can <= c->modes.can)
		return;
	c->modes.can = can;
	termmodes_set(c);
}
