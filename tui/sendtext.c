/* sendtext.c - see sendtext.h. */
#include "tui/sendtext.h"
#include "tui/app.h"
#include "tui/typing.h"
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_LEN = 63 };
struct item { struct key key; char names[NAME_MAX_LEN + 1]; };          /* names: for the guest's keyboard by scancode; "" = key */

/* A name of sendkey as a key: what a text console can be sent. */
static bool key_of_names(const char *names, struct key *k)
{
	static const struct { const char *name; uint32_t sym; } table[] = {
		{ "ret", K_ENTER }, { "enter", K_ENTER }, { "kp_enter", K_ENTER }, { "esc", K_ESC }, { "tab", K_TAB }, { "backspace", K_BACKSPACE },
		{ "spc", ' ' }, { "space", ' ' }, { "up", K_UP }, { "down", K_DOWN }, { "left", K_LEFT }, { "right", K_RIGHT }, { "home", K_HOME },
		{ "end", K_END }, { "insert", K_INSERT }, { "delete", K_DELETE }, { "pgup", K_PAGE_UP }, { "pgdn", K_PAGE_DOWN }, { "lt", '<' },
		{ "less", '<' }, { "gt", '>' }, { "minus", '-' }, { "comma", ',' }, { "dot", '.' }, { "slash", '/' }, { "backslash", '\\' },
		{ "equal", '=' }, { "semicolon", ';' }, { "apostrophe", '\'' }, { "grave_accent", '`' }, { "bracket_left", '[' },
		{ "bracket_right", ']' }, { "asterisk", '*' },
	};
	static const struct { const char *name; unsigned mod; } mods[] = {
		{ "ctrl-", MOD_CTRL }, { "ctrl_r-", MOD_CTRL }, { "alt-", MOD_ALT }, { "alt_r-", MOD_ALT }, { "shift-", MOD_SHIFT }, { "shift_r-", MOD_SHIFT },
		{ "meta_l-", MOD_SUPER },
	};
	*k = (struct key){ 0 };
	for (unsigned i = 0; i < sizeof mods / sizeof *mods; i++)
		if (!strncmp(names, mods[i].name, strlen(mods[i].name))) {
			k->mods |= mods[i].mod;
			names += strlen(mods[i].name);
			i = (unsigned)-1;
		}
	for (unsigned i = 0; i < sizeof table / sizeof *table; i++)
		if (!strcmp(names, table[i].name))
			k->sym = table[i].sym;
	if (!k->sym && names[0] && !names[1])
		k->sym = (unsigned char)names[0];
	for (unsigned n = 1; n <= 12 && !k->sym; n++) {
		char name[8];
		snprintf(name, sizeof name, "f%u", n);
		if (!strcmp(names, name))
			k->sym = K_F1 + n - 1;
	}
	if (k->mods & MOD_SHIFT && k->sym >= 'a' && k->sym <= 'z')
		k->sym -= 'a' - 'A', k->mods &= ~(unsigned)MOD_SHIFT;
	return k->sym != 0;
}

static bool all_scancodes(const char *names)
{
	char word[32];
	for (const char *s = names; *s; ) {
		size_t len = strcspn(s, "-");
		if (!len || len >= sizeof word)
			return false;
		memcpy(word, s, len);
		word[len] = 0;
		if (vm_key_by_name(word) < 1)
			return false;
		s += len + (s[len] == '-' && s[len + 1]);
	}
	return *names;
}

static bool named(const struct view *v, const char *name, struct item *it, struct error *err)
{
	it->names[0] = 0;
	if (!v->ops->text && all_scancodes(name)) {
		snprintf(it->names, sizeof it->names, "%s", name);
		return true;
	}
	return key_of_names(name, &it->key) || key_parse(name, &it->key) || (!v->app && all_scancodes(name)) ||
	       error_set(err, "no key is named \"%s\": names are those of the monitor's sendkey (ret, esc, f1, ctrl-alt-delete); <lt> is a \"<\"", name);
}

/* The next item at *p.  False: a mistake. */
static bool next_item(const struct view *v, const char **p, struct item *it, struct error *err)
{
	char name[NAME_MAX_LEN + 1];
	*it = (struct item){ 0 };
	if (**p == '<') {
		size_t len = strcspn(*p + 1, ">");
		if ((*p)[len + 1] != '>' || !len || len > NAME_MAX_LEN)
			return error_set(err, "a \"<\" begins the name of a key and wants its \">\"; <lt> is a \"<\" itself");
		memcpy(name, *p + 1, len);
		name[len] = 0;
		*p += len + 2;
		return named(v, name, it, err);
	}
	uint32_t ch = utf8_next(p, *p + strlen(*p));
	it->key.sym = ch == '\n' || ch == '\r' ? K_ENTER : ch == '\t' ? K_TAB : ch == 0x1b ? K_ESC : ch == 0x7f || ch == 8 ? K_BACKSPACE : ch;
	if (it->key.sym < 0x20)
		it->key = (struct key){ .sym = it->key.sym + (it->key.sym <= 26 ? 'a' - 1u : '@' + 0u), .mods = MOD_CTRL };
	if (!v->ops->text && it->key.sym < K_ESC && !keymap_find(&v->app->keymap, it->key.sym)) {
		name[utf8_put(it->key.sym, name)] = 0;
		return error_set(err, "the key map %s has no key for \"%s\"; nothing was typed", v->app->keymap.name, name);
	}
	return true;
}

bool sendtext(struct view *v, const char *text, struct error *err)
{
	struct item it;
	if (!v->ops->key)
		return error_set(err, "the pane %s takes no keys", v->label);
	for (const char *p = text; *p; )
		if (!next_item(v, &p, &it, err))
			return false;
	for (const char *p = text; *p && next_item(v, &p, &it, err); ) {
		if (it.names[0])
			typing_names(v->app, it.names);
		else
			v->ops->key(v, &it.key);
	}
	app_typed(v->app);
	return true;
}

bool sendtext_check(const char *text, struct error *err)
{
	static const struct view_ops ops = { .text = true };
	struct view any = { .ops = &ops };      /* of no workstation: takes every name */
	struct item it;
	for (const char *p = text; *p; )
		if (!next_item(&any, &p, &it, err))
			return false;
	return true;
}
