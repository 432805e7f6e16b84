/* pages.c - the pages and menus that actions show: help, consoles, keys to send, logs. */
#include "tui/pages.h"
#include "tui/actions.h"
#include "tui/command.h"
#include "tui/copymode.h"
#include "tui/sendtext.h"
#include "tui/typing.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char *title, *keys; } send_keys[] = {
#define SENDKEY(title, keys) { title, keys },
#include "tui/sendkeys.def"
#undef SENDKEY
};

/* All keys bound to an action, "C-a n" or "C-Up". */
static void keys_of(const struct app *a, enum action_id id, char *buf, size_t size)
{
	char prefix[32] = "", name[32];
	size_t at = 0;
	unsigned n = 0;
	buf[0] = 0;
	if (actions[id].map == MAP_PREFIX)
		key_text(&a->prefix, prefix, sizeof prefix);
	for (unsigned i = 0; i < a->n_bindings && at < size; i++) {
		if (a->bindings[i].action != id)
			continue;
		n++;
		if (n == 1 && (id == ACT_SELECT || id == ACT_SELECT_ALT)) {
			at += (size_t)snprintf(buf, size, "%s%s1..9", prefix[0] ? prefix : "M-", prefix[0] ? " " : "");
			break;
		}
		at += (size_t)snprintf(buf + at, size - at, "%s%s%s%s", n > 1 ? ", " : "", n > 1 ? "" : prefix, prefix[0] && n == 1 ? " " : "",
				       key_text(&a->bindings[i].key, name, sizeof name));
	}
}

bool action_describe(const struct app *a, enum action_id id, int arg, char *name, size_t name_size, char *help, size_t help_size, char *keys, size_t keys_size)
{
	static const char *const directions[] = { "up", "down", "left", "right" };
	bool console = id == ACT_SELECT, direction = id == ACT_FOCUS || id == ACT_RESIZE;
	unsigned last = console ? a->n_views : direction ? 4 : 1;
	if ((unsigned)arg > last || id == ACT_SELECT_ALT || id == ACT_CANCEL || id == ACT_PALETTE || actions[id].map == MAP_SCROLL)
		return false;
	snprintf(name, name_size, "%s%s", actions[id].name, console || direction ? " " : "");
	size_t n = strlen(name);
	if (console)
		snprintf(name + n, name_size - n, "%d", arg);
	else if (direction)
		snprintf(name + n, name_size - n, "%s", directions[arg - 1]);
	if (direction)
		snprintf(help, help_size, id == ACT_FOCUS ? "to the pane %s" : "move the pane's edge %s", id == ACT_FOCUS && arg == 1 ? "above" : id == ACT_FOCUS && arg == 2 ? "below" : directions[arg - 1]);
	else
		snprintf(help, help_size, "%s", console ? a->views[arg - 1]->label : actions[id].help);
	keys[0] = 0;
	for (unsigned i = 0; i < a->n_bindings; i++) {
		const struct binding *b = &a->bindings[i];
		char prefix[32] = "", key[32];
		if (b->action != id || ((console || direction) && b->arg != arg))
			continue;
		if (b->map == MAP_PREFIX)
			key_text(&a->prefix, prefix, sizeof prefix);
		snprintf(keys, keys_size, "%s%s%s", prefix, prefix[0] ? " " : "", key_text(&b->key, key, sizeof key));
		break;
	}
	return true;
}

void page_help(struct app *a)
{
	struct text t = { 0 };
	char keys[64], prefix[32];
	const char *group = "";
	key_text(&a->prefix, prefix, sizeof prefix);
	text_printf(&t, "Type %s, let go, then the second key.  C- is Ctrl, M- is Alt.\n", prefix);
	text_printf(&t, "The names in parentheses are for the command line, %s :\n", prefix);
	for (unsigned i = 0; i < ACT_COUNT; i++) {
		if (strcmp(group, actions[i].group))
			text_printf(&t, "\n%s\n", actions[i].group);
		group = actions[i].group;
		keys_of(a, (enum action_id)i, keys, sizeof keys);
		if (i == ACT_LITERAL)
			snprintf(keys, sizeof keys, "%s %s", prefix, prefix);
		text_printf(&t, "  %-13s %s (%s)\n", keys, actions[i].help, actions[i].name);
	}
	text_printf(&t, "\ncopy mode (set copy-keys %s)\n", a->copy_keys == COPY_VI ? "vi" : "emacs");
	copy_help(&t, a->copy_keys);
	app_popup(a, pager_view_new(a, "Help", t.s));
	text_free(&t);
}

static void pick_console(struct app *a, unsigned item)
{
	app_select(a, item);
}

/* Number, label, a star for what was not seen yet, and how the guest names the terminal. */
static void list_consoles(struct app *a, struct text *out)
{
	char label[96];
	int widest = 0;
	for (unsigned i = 0; i < a->n_views; i++) {
		int w = text_width(a->views[i]->label) + (a->views[i]->is_monitor ? (int)strlen(" (monitor)") : 0);
		widest = w > widest ? w : widest;
	}
	for (unsigned i = 0; i < a->n_views; i++) {
		const struct view *v = a->views[i];
		snprintf(label, sizeof label, "%s%s", v->label, v->is_monitor ? " (monitor)" : "");
		text_printf(out, "%u %s%*s %s  %s", i + 1, label, widest - text_width(label), "", v->activity ? "*" : " ", v->guest_title);
		while (out->s[out->len - 1] == ' ')
			out->s[--out->len] = 0;
		text_add(out, "\n", 1);
	}
}

void page_consoles(struct app *a)
{
	if (a->n_views)
		app_popup(a, menu_view_live(a, "Consoles", list_consoles, a->focus, pick_console));
}

/* The user's macros, then the keys of sendkeys.def. */
static void pick_keys(struct app *a, unsigned item)
{
	struct error err;
	if (item < a->n_macros) {
		if (app_focused(a) && !sendtext(app_focused(a), a->macro[item].text, &err))
			app_error(a, "macro %s: %s", a->macro[item].name, err.msg);
		return;
	}
	item -= a->n_macros;
	if (item < sizeof send_keys / sizeof *send_keys && typing_names(a, send_keys[item].keys)) {
		app_message(a, "sent %s", send_keys[item].keys);
		command_log(a, "sendkey %s", send_keys[item].keys);
	}
}

void page_macro(struct app *a, const char *name)
{
	for (unsigned i = 0; i < a->n_macros; i++)
		if (!strcmp(a->macro[i].name, name)) {
			pick_keys(a, i);
			return;
		}
	app_error(a, "no macro is named \"%s\"; lines of the settings make some: macro NAME TEXT", name);
}

void page_send_keys(struct app *a)
{
	struct text t = { 0 };
	for (unsigned i = 0; i < a->n_macros; i++)
		text_printf(&t, "%s: %.40s\n", a->macro[i].name, a->macro[i].text);
	for (unsigned i = 0; i < sizeof send_keys / sizeof *send_keys; i++)
		text_printf(&t, "%s\n", send_keys[i].title);
	app_popup(a, menu_view_new(a, "Send keys", t.s, 0, pick_keys));
	text_free(&t);
}

void page_machine(struct app *a)
{
	struct text t = { 0 };
	vm_get_status(a->vm, &a->st);
	text_printf(&t, "vmux %s\n\n", vm_version());
	text_printf(&t, "name      %s\n", a->st.name[0] ? a->st.name : "(none)");
	text_printf(&t, "state     %s\n", a->st.run_text ? a->st.run_text : "");
	text_printf(&t, "engine    %s%s%s\n", a->st.accel ? a->st.accel : "", a->st.accel_why[0] ? "; " : "", a->st.accel_why);
	text_printf(&t, "CPU mode  %s%s\n", a->st.cpu_mode, a->st.halted ? ", halted" : "");
	if (!a->st.uncounted)
		text_printf(&t, "executed  %llu instructions\n", (unsigned long long)a->st.icount);
	text_printf(&t, "guest     %llu.%03llu s\n", (unsigned long long)(a->st.virtual_ns / 1000000000), (unsigned long long)(a->st.virtual_ns / 1000000 % 1000));
	if (a->actor && a->actor->screen)
		text_printf(&t, "terminal  %dx%d, %u colours\n", a->actor->cols, a->actor->rows, curses_colours(a->actor->screen));
	text_printf(&t, "control   %s\n", a->socket_path[0] ? a->socket_path : "(no control socket)");
	text_printf(&t, "key map   %s (%s)\n", a->keymap.name, a->keymap.title);
	app_popup(a, pager_view_new(a, "This machine", t.s));
	text_free(&t);
}

void page_command_log(struct app *a)
{
	app_popup(a, pager_view_new(a, "Commands", a->command_log.len ? a->command_log.s : "Nothing was done yet."));
}

void page_events(struct app *a)
{
	struct text t = { 0 };
	triggers_report(a->triggers, &t);
	app_popup(a, pager_view_new(a, "Events", t.s));
	text_free(&t);
}
