/* input.c - where a key goes: the command line, a paste, the prefix map, a popup, or the focused console. */
#include "tui/app.h"
#include "tui/actions.h"
#include "tui/command.h"

static bool is_paste_mark(const struct key *k)
{
	return k->sym == K_PASTE_BEGIN || k->sym == K_PASTE_END;
}

static void complete(void *arg, const char *line, struct text *out)
{
	command_complete(arg, line, out);
}

static void no_completion(void *arg, const char *line, struct text *out)
{
}

static void key_to_prompt(struct app *a, const struct key *k)
{
	char hint[sizeof a->message] = "";
	char line[PROMPT_MAX * 4 + 1];
	if (is_paste_mark(k))
		return;
	switch (prompt_key(&a->prompt, k, a->prompt_mark == ':' ? complete : no_completion, a, hint, sizeof hint)) {
	case PROMPT_EDITING:
		if (hint[0])
			app_message(a, "%s", hint);
		return;
	case PROMPT_DONE:
		prompt_text(&a->prompt, line, sizeof line);
		a->prompt.active = false;
		if (a->prompt_mark == ':')
			command_run(a, line);
		else if (view_is_copy(a->popup))
			copy_view_answer(a->popup, a->prompt_mark, line);
		return;
	case PROMPT_CANCELLED:
		a->prompt.active = false;
		return;
	}
}

static void key_after_prefix(struct app *a, const struct key *k)
{
	char name[32], prefix[32];
	a->mode = MODE_DIRECT;
	if (key_same(k, &a->prefix)) {
		action_run(a, ACT_LITERAL, 0);
		return;
	}
	const struct binding *b = binding_find(a, MAP_PREFIX, k);
	if (b)
		action_run(a, b->action, b->arg);
	else
		app_message(a, "%s %s does nothing; %s h lists what does", key_text(&a->prefix, prefix, sizeof prefix), key_text(k, name, sizeof name), prefix);
}

/* c a s w g choose; Enter goes on, Space goes on and keeps them; any other key is the one they are for. */
static bool key_chooses_sticky(struct app *a, const struct key *k)
{
	static const struct { uint32_t sym; unsigned mod; } mods[] = { { 'c', MOD_CTRL }, { 'a', MOD_ALT }, { 's', MOD_SHIFT }, { 'w', MOD_SUPER }, { 'g', MOD_ALTGR } };
	for (unsigned i = 0; i < sizeof mods / sizeof *mods && !k->mods; i++)
		if (k->sym == mods[i].sym) {
			a->sticky ^= mods[i].mod;
			return true;
		}
	a->mode = MODE_DIRECT;
	if (k->sym == K_ESC)
		a->sticky = 0;
	a->sticky_locked = k->sym == ' ' && a->sticky;
	return k->sym == K_ESC || k->sym == ' ' || k->sym == K_ENTER || key_same(k, &a->prefix);
}

static struct key with_sticky(struct app *a, const struct key *typed)
{
	struct key k = *typed;
	k.held = a->sticky;
	if (!a->sticky_locked)
		a->sticky = 0;
	return k;
}

static void key_to_console(struct app *a, const struct key *k)
{
	struct view *v = app_focused(a);
	const struct binding *b = binding_find(a, MAP_DIRECT, k);
	if (!b && v && v->ops->text)
		b = binding_find(a, MAP_TEXT, k);
	if (b) {
		action_run(a, b->action, b->arg);
		return;
	}
	struct key held = with_sticky(a, k);
	if (paste_goes(a) && a->paste.console == a->focus)
		paste_hold(a, &held);
	else if (v && v->ops->key)
		v->ops->key(v, &held);
	app_typed(a);
}

void app_key(void *arg, const struct key *k)
{
	struct app *a = arg;
	a->dirty = true;
	if (k->sym == K_MOUSE) {
		mouse_event(a, &k->mouse);
		return;
	}
	if (a->prompt.active) {
		key_to_prompt(a, k);
		return;
	}
	if (k->pasted || is_paste_mark(k)) {            /* text, never a command: also for what is on top of the console */
		if (!a->popup)
			paste_key(a, k);
		return;
	}
	if (a->mode == MODE_STICKY && key_chooses_sticky(a, k))
		return;
	if (a->mode == MODE_PREFIX) {
		key_after_prefix(a, k);
		return;
	}
	if (key_same(k, &a->prefix)) {
		a->mode = MODE_PREFIX;
		return;
	}
	const struct binding *direct = binding_find(a, MAP_DIRECT, k);
	if (a->popup && !direct) {
		a->popup->ops->key(a->popup, k);
		return;
	}
	key_to_console(a, k);
}
