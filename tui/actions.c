/* actions.c - what the actions of actions.def do, their default keys, and the command line that names them. */
#include "tui/app.h"
#include "tui/clipboard.h"
#include "tui/copymode.h"
#include "tui/panes.h"
#include "tui/typing.h"
#include "tui/wire.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct action { const char *name, *keys; enum binding_map map; const char *group, *help; } table[ACT_COUNT] = {
#define ACTION(id, aname, akeys, amap, agroup, ahelp) { aname, akeys, MAP_##amap, agroup, ahelp },
#include "tui/actions.def"
#undef ACTION
};
static const struct { const char *title, *keys; } send_keys[] = {
#define SENDKEY(title, keys) { title, keys },
#include "tui/sendkeys.def"
#undef SENDKEY
};

void actions_bind_defaults(struct app *a)
{
	a->n_bindings = 0;
	for (unsigned i = 0; i < ACT_COUNT; i++) {
		int arg = 0;
		for (const char *s = table[i].keys; *s; ) {
			size_t len = strcspn(s, " ");
			char word[32];
			struct binding b = { .map = table[i].map, .action = (enum action_id)i, .arg = ++arg };
			snprintf(word, sizeof word, "%.*s", (int)len, s);
			if (key_parse(word, &b.key) && a->n_bindings < APP_BINDINGS)
				a->bindings[a->n_bindings++] = b;
			s += len;
			s += strspn(s, " ");
		}
	}
}

bool actions_bind(struct app *a, const char *action, char *const *keys, unsigned n, struct error *err)
{
	unsigned id = 0, kept = 0;
	while (id < ACT_COUNT && strcmp(table[id].name, action))
		id++;
	if (id == ACT_COUNT)
		return error_set(err, "no action is named \"%s\"; the help (prefix, h) lists them", action);
	for (unsigned i = 0; i < a->n_bindings; i++)
		if (a->bindings[i].action != id)
			a->bindings[kept++] = a->bindings[i];
	a->n_bindings = kept;
	for (unsigned i = 0; i < n; i++) {
		struct binding b = { .map = table[id].map, .action = (enum action_id)id, .arg = (int)i + 1 };
		if (!key_parse(keys[i], &b.key))
			return error_set(err, "\"%s\" is not a key; keys are written C-a, M-x, F5, Page_Up, Space", keys[i]);
		for (unsigned k = 0; k < a->n_bindings; k++)            /* a key has one meaning: the newest */
			if (a->bindings[k].map == b.map && key_same(&a->bindings[k].key, &b.key))
				a->bindings[k--] = a->bindings[--a->n_bindings];
		if (a->n_bindings == APP_BINDINGS)
			return error_set(err, "too many keys are bound");
		a->bindings[a->n_bindings++] = b;
	}
	return true;
}

const struct binding *binding_find(const struct app *a, enum binding_map map, const struct key *k)
{
	for (unsigned i = 0; i < a->n_bindings; i++)
		if (a->bindings[i].map == map && key_same(&a->bindings[i].key, k))
			return &a->bindings[i];
	return NULL;
}

/* ---- the log of commands: what was done here can be done by a script ------------------------------------------------------------------ */

enum { LOG_MOST = 64 << 10 };

static void log_command(struct app *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void log_command(struct app *a, const char *fmt, ...)
{
	struct text *t = &a->command_log;
	char line[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (t->len > LOG_MOST) {                /* the older half goes, at a line's end */
		char *half = strchr(t->s + t->len / 2, '\n');
		size_t gone = half ? (size_t)(half + 1 - t->s) : t->len;
		memmove(t->s, t->s + gone, t->len - gone + 1);
		t->len -= gone;
	}
	text_printf(t, "%10.3f  %s\n", (double)a->st.virtual_ns / 1e9, line);
}

static void show_log(struct app *a)
{
	app_popup(a, pager_view_new(a, "Commands: guest seconds, monitor line", a->command_log.len ? a->command_log.s : "Nothing was done yet."));
}

static void show_events(struct app *a)
{
	struct text t = { 0 };
	triggers_report(a->triggers, &t);
	app_popup(a, pager_view_new(a, "Events: guest seconds, trigger, line", t.s));
	text_free(&t);
}

/* ---- help, lists -------------------------------------------------------------------------------------------------------------------- */

/* All keys bound to an action, "C-a n" or "C-Up". */
static void keys_of(const struct app *a, enum action_id id, char *buf, size_t size)
{
	char prefix[32] = "", name[32];
	size_t at = 0;
	unsigned n = 0;
	buf[0] = 0;
	if (table[id].map == MAP_PREFIX)
		key_text(&a->prefix, prefix, sizeof prefix);
	for (unsigned i = 0; i < a->n_bindings && at < size; i++) {
		if (a->bindings[i].action != id)
			continue;
		n++;
		if (n == 1 && (id == ACT_SELECT || id == ACT_SELECT_ALT)) {
			at += (size_t)snprintf(buf, size, "%s%s1..9", prefix[0] ? prefix : "M-", prefix[0] ? " " : "");
			break;
		}
		at += (size_t)snprintf(buf + at, size - at, "%s%s%s%s", n > 1 ? ", " : "", prefix, prefix[0] ? " " : "",
				       key_text(&a->bindings[i].key, name, sizeof name));
	}
}

bool action_describe(const struct app *a, enum action_id id, int arg, char *name, size_t name_size, char *help, size_t help_size, char *keys, size_t keys_size)
{
	static const char *const directions[] = { "up", "down", "left", "right" };
	bool console = id == ACT_SELECT, direction = id == ACT_FOCUS || id == ACT_RESIZE;
	unsigned last = console ? a->n_views : direction ? 4 : 1;
	if ((unsigned)arg > last || id == ACT_SELECT_ALT || id == ACT_CANCEL || id == ACT_PALETTE || table[id].map == MAP_SCROLL)
		return false;
	snprintf(name, name_size, "%s%s", table[id].name, console || direction ? " " : "");
	size_t n = strlen(name);
	if (console)
		snprintf(name + n, name_size - n, "%d", arg);
	else if (direction)
		snprintf(name + n, name_size - n, "%s", directions[arg - 1]);
	snprintf(help, help_size, "%s", console ? a->views[arg - 1]->label : table[id].help);
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

static void show_help(struct app *a)
{
	struct text t = { 0 };
	char keys[64], prefix[32];
	const char *group = "";
	key_text(&a->prefix, prefix, sizeof prefix);
	text_printf(&t, "Type %s, let go, then the second key.  C- is Ctrl, M- is Alt.\n", prefix);
	text_printf(&t, "The names in parentheses are for the command line, %s :\n", prefix);
	for (unsigned i = 0; i < ACT_COUNT; i++) {
		if (strcmp(group, table[i].group))
			text_printf(&t, "\n%s\n", table[i].group);
		group = table[i].group;
		keys_of(a, (enum action_id)i, keys, sizeof keys);
		if (i == ACT_LITERAL)
			snprintf(keys, sizeof keys, "%s %s", prefix, prefix);
		text_printf(&t, "  %-13s %s (%s)\n", keys, table[i].help, table[i].name);
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

static void show_list(struct app *a)
{
	struct text t = { 0 };
	for (unsigned i = 0; i < a->n_views; i++)
		text_printf(&t, "%u %s%s%s\n", i + 1, a->views[i]->label, a->views[i]->is_monitor ? " (monitor)" : "", a->views[i]->activity ? " *" : "");
	if (t.s)
		app_popup(a, menu_view_new(a, "Consoles", t.s, a->focus, pick_console));
	text_free(&t);
}

static void pick_keys(struct app *a, unsigned item)
{
	if (item < sizeof send_keys / sizeof *send_keys && typing_names(a, send_keys[item].keys)) {
		app_message(a, "sent %s", send_keys[item].keys);
		log_command(a, "sendkey %s", send_keys[item].keys);
	}
}

static void show_send_keys(struct app *a)
{
	struct text t = { 0 };
	for (unsigned i = 0; i < sizeof send_keys / sizeof *send_keys; i++)
		text_printf(&t, "%s\n", send_keys[i].title);
	app_popup(a, menu_view_new(a, "Send keys", t.s, 0, pick_keys));
	text_free(&t);
}

/* Run a monitor line and show what it says: one line as a message, more in a pager. */
static void monitor_line(struct app *a, const char *line, const char *title)
{
	struct text t = { 0 };
	log_command(a, "%s", line);
	vm_monitor(a->vm, line, &t);
	while (t.len && (t.s[t.len - 1] == '\n' || t.s[t.len - 1] == '\r'))
		t.s[--t.len] = 0;
	if (!t.len)
		app_message(a, "%s: done", line);
	else if (strchr(t.s, '\n') || t.len > (size_t)a->cols)
		app_popup(a, pager_view_new(a, title, t.s));
	else
		app_message(a, "%s", t.s);
	text_free(&t);
}

static void show_info(struct app *a)
{
	struct text t = { 0 };
	vm_get_status(a->vm, &a->st);
	text_printf(&t, "vmux %s\n\n", vm_version());
	text_printf(&t, "name      %s\n", a->st.name[0] ? a->st.name : "(none)");
	text_printf(&t, "state     %s\n", a->st.run_text ? a->st.run_text : "");
	text_printf(&t, "engine    %s\n", a->st.accel ? a->st.accel : "");
	text_printf(&t, "CPU mode  %s%s\n", a->st.cpu_mode, a->st.halted ? ", halted" : "");
	text_printf(&t, "executed  %llu instructions\n", (unsigned long long)a->st.icount);
	text_printf(&t, "guest     %llu.%03llu s\n", (unsigned long long)(a->st.virtual_ns / 1000000000), (unsigned long long)(a->st.virtual_ns / 1000000 % 1000));
	if (a->actor && a->actor->screen)
		text_printf(&t, "terminal  %dx%d, %u colours\n", a->actor->cols, a->actor->rows, curses_colours(a->actor->screen));
	text_printf(&t, "control   %s\n", a->socket_path[0] ? a->socket_path : "(no control socket)");
	text_printf(&t, "key map   %s (%s)\n", a->keymap.name, a->keymap.title);
	app_popup(a, pager_view_new(a, "This machine", t.s));
	text_free(&t);
}

/* ---- the actions -------------------------------------------------------------------------------------------------------------------- */

static void toggle_monitor(struct app *a)
{
	struct view *v = app_focused(a);
	if (v && v->is_monitor) {
		app_select(a, a->before_monitor < a->n_views && !a->views[a->before_monitor]->is_monitor ? a->before_monitor : 0);
		return;
	}
	for (unsigned i = 0; i < a->n_views; i++)
		if (a->views[i]->is_monitor) {
			a->before_monitor = a->focus;
			app_select(a, i);
			return;
		}
	app_message(a, "there is no monitor console here; the command line (\":\") takes monitor commands too");
}

static void toggle_pause(struct app *a)
{
	vm_get_status(a->vm, &a->st);
	log_command(a, a->st.run == VM_RUNNING ? "stop" : "cont");
	if (a->st.run == VM_RUNNING)
		vm_stop(a->vm);
	else
		vm_cont(a->vm);
}

static void scroll(struct app *a, int dx, int dy)
{
	struct view *v = app_focused(a);
	if (v && v->ops->scroll)
		v->ops->scroll(v, dx, dy);
}

static void enter_copy(struct app *a, char ask)
{
	struct view *v = app_focused(a), *c = v ? copy_view_new(a, v->console) : NULL;
	if (!c) {
		app_message(a, "this console has no text now");
		return;
	}
	app_popup(a, c);
	if (ask)
		app_ask(a, ask);
}

static void send_break(struct app *a)
{
	struct view *v = app_focused(a);
	if (!v || !v->ops->text || v->is_monitor) {
		app_message(a, "a break needs a serial console");
		return;
	}
	log_command(a, "chardev-send-break %s", v->label);
	vm_console_break(a->vm, v->console);
	app_message(a, "break sent to %s", v->label);
}

static void send_literal(struct app *a)
{
	struct view *v = a->popup ? a->popup : app_focused(a);
	if (v && v->ops->key)
		v->ops->key(v, &a->prefix);
	app_typed(a);
}

static void detach(struct app *a)
{
	if (!a->socket_path[0])
		app_error(a, "this machine has no control socket, so there would be no way back to it");
	else if (a->actor)
		client_leave(a->actor, LEAVE_DETACHED);
}

static void select_next(struct app *a, unsigned step)
{
	if (a->n_views)
		app_select(a, (a->focus + step) % a->n_views);
}

static void set_renderer(struct app *a, enum renderer r)
{
	a->renderer = r;
	a->screens = true;
	app_message(a, "graphics modes are shown as %s", renderer_title(r));
}

void action_run(struct app *a, enum action_id id, int arg)
{
	switch (id) {
	case ACT_SELECT: case ACT_SELECT_ALT: app_select(a, (unsigned)arg - 1); break;
	case ACT_NEXT: select_next(a, 1); break;
	case ACT_PREVIOUS: select_next(a, a->n_views - 1); break;
	case ACT_LIST: show_list(a); break;
	case ACT_MONITOR: toggle_monitor(a); break;
	case ACT_REDRAW: app_forget_screens(a); break;
	case ACT_RENDERER: set_renderer(a, (a->renderer + 1) % RENDER_COUNT); break;
	case ACT_COPY: enter_copy(a, 0); break;
	case ACT_SEARCH: enter_copy(a, 'u'); break;
	case ACT_FILTER: enter_copy(a, '&'); break;
	case ACT_PASTE: paste_action(a); break;
	case ACT_COPY_SCREEN: clipboard_copy_screen(a); break;
	case ACT_LINE_UP: scroll(a, 0, -1); break;
	case ACT_LINE_DOWN: scroll(a, 0, 1); break;
	case ACT_PAGE_UP: scroll(a, 0, -10); break;
	case ACT_PAGE_DOWN: scroll(a, 0, 10); break;
	case ACT_PAUSE: toggle_pause(a); break;
	case ACT_SEND_KEYS: show_send_keys(a); break;
	case ACT_BREAK: send_break(a); break;
	case ACT_COMMIT: monitor_line(a, "commit all", "commit"); break;
	case ACT_INFO: show_info(a); break;
	case ACT_RESET: log_command(a, "system_reset"); vm_reset(a->vm); break;
	case ACT_POWERDOWN: log_command(a, "system_powerdown"); vm_powerdown(a->vm); break;
	case ACT_DETACH: detach(a); break;
	case ACT_SPLIT_RIGHT: panes_split(a, NODE_BESIDE); break;
	case ACT_SPLIT_DOWN: panes_split(a, NODE_ABOVE); break;
	case ACT_CLOSE: panes_close(a); break;
	case ACT_FOCUS: panes_move(a, (enum direction[]){ DIR_UP, DIR_DOWN, DIR_LEFT, DIR_RIGHT }[(arg - 1) & 3]); break;
	case ACT_RESIZE: panes_resize(a, (enum direction[]){ DIR_UP, DIR_DOWN, DIR_LEFT, DIR_RIGHT }[(arg - 1) & 3]); break;
	case ACT_ZOOM: panes_zoom(a); break;
	case ACT_EVEN: panes_even(a); break;
	case ACT_LAYOUTS: panes_menu(a); break;
	case ACT_QUIT: vm_quit(a->vm); a->quit = true; break;
	case ACT_PALETTE: app_popup(a, palette_view_new(a)); break;
	case ACT_COMMAND: app_ask(a, ':'); break;
	case ACT_COMMAND_LOG: show_log(a); break;
	case ACT_EVENTS: show_events(a); break;
	case ACT_HELP: show_help(a); break;
	case ACT_LITERAL: send_literal(a); break;
	case ACT_CANCEL: break;
	case ACT_S_UP: case ACT_S_DOWN: case ACT_S_LEFT: case ACT_S_RIGHT: case ACT_S_PAGE_UP: case ACT_S_PAGE_DOWN: case ACT_S_TOP: case ACT_S_BOTTOM:
	case ACT_S_LEAVE: break;        /* the pager's */
	case ACT_COUNT: break;
	}
}

/* ---- the command line --------------------------------------------------------------------------------------------------------------- */

static void set_command(struct app *a, const char *args)
{
	char name[32] = "", value[64] = "";
	struct error err;
	sscanf(args, "%31s %63s", name, value);
	if (!app_set(a, name, value, &err))
		app_error(a, "%s", err.msg);
}

/* Commands with a word of their own after them.  False: none of these. */
static bool word_command(struct app *a, const char *line)
{
	static const struct { const char *word; void (*run)(struct app *a, const char *args); } commands[] = {
		{ "set ", set_command }, { "layout ", panes_load }, { "save-layout ", panes_save },
	};
	for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++) {
		size_t n = strlen(commands[i].word);
		if (!strncmp(line, commands[i].word, n)) {
			commands[i].run(a, line + n + strspn(line + n, " "));
			return true;
		}
	}
	return false;
}

void command_run(struct app *a, const char *typed)
{
	char buf[PROMPT_MAX * 4 + 1], *line = buf;
	snprintf(buf, sizeof buf, "%s", typed);
	for (size_t n = strlen(buf); n && buf[n - 1] == ' '; )
		buf[--n] = 0;
	line += strspn(line, " ");
	if (!*line)
		return;
	if (word_command(a, line))
		return;
	size_t len = strcspn(line, " ");
	for (unsigned i = 0; i < ACT_COUNT; i++)
		if (strlen(table[i].name) == len && !strncmp(table[i].name, line, len)) {
			int arg = atoi(line + len);
			if ((i == ACT_SELECT || i == ACT_SELECT_ALT) && arg < 1)
				app_error(a, "%s needs a number from 1 on", table[i].name);
			else
				action_run(a, (enum action_id)i, arg);
			return;
		}
	monitor_line(a, line, line);
}

void command_complete(struct app *a, const char *line, struct text *out)
{
	size_t len = strlen(line);
	line += strspn(line, " ");
	if (!strchr(line, ' '))
		for (unsigned i = 0; i < ACT_COUNT; i++)
			if (!strncmp(table[i].name, line, strlen(line)))
				text_printf(out, "%s\n", table[i].name);
	if (len || !out->len)
		vm_monitor_complete(a->vm, line, out);
}
