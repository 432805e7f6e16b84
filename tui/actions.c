/* actions.c - what the actions of actions.def do, and their keys. */
#include "tui/actions.h"
#include "tui/command.h"
#include "tui/pages.h"
#include "tui/clipboard.h"
#include "tui/panes.h"
#include "tui/sendtext.h"
#include "tui/wire.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct action actions[ACT_COUNT] = {
#define ACTION(id, aname, akeys, amap, agroup, ahelp) { aname, akeys, MAP_##amap, agroup, ahelp },
#include "tui/actions.def"
#undef ACTION
};
void actions_bind_defaults(struct app *a)
{
	a->n_bindings = 0;
	for (unsigned i = 0; i < ACT_COUNT; i++) {
		int arg = 0;
		for (const char *s = actions[i].keys; *s; ) {
			size_t len = strcspn(s, " ");
			char word[32];
			struct binding b = { .map = actions[i].map, .action = (enum action_id)i, .arg = ++arg };
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
	while (id < ACT_COUNT && strcmp(actions[id].name, action))
		id++;
	if (id == ACT_COUNT)
		return error_set(err, "no action is named \"%s\"; the help (prefix, h) lists them", action);
	for (unsigned i = 0; i < a->n_bindings; i++)
		if (a->bindings[i].action != id)
			a->bindings[kept++] = a->bindings[i];
	a->n_bindings = kept;
	for (unsigned i = 0; i < n; i++) {
		struct binding b = { .map = actions[id].map, .action = (enum action_id)id, .arg = (int)i + 1 };
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
	command_log(a, a->st.run == VM_RUNNING ? "stop" : "cont");
	if (a->st.run == VM_RUNNING)
		vm_stop(a->vm);
	else
		vm_cont(a->vm);
}

static void reset(struct app *a)
{
	command_log(a, "system_reset");
	vm_reset(a->vm);
	app_message(a, "the machine was reset");
}

static void powerdown(struct app *a)
{
	command_log(a, "system_powerdown");
	vm_powerdown(a->vm);
	app_message(a, "the power button was pressed");
}

/* What left a screen is seen in copy mode. */
static void scroll(struct app *a, int lines)
{
	struct view *v = app_focused(a);
	size_t before = v && v->ops->scrolled ? v->ops->scrolled(v) : 0;
	if (v && v->ops->text)
		v->ops->scroll(v, 0, lines);
	else if (v && lines < 0 && (v = copy_view_new(a, v->console)))
		app_popup(a, v);
	if (v && (v->ops->text ? v->ops->scrolled(v) == before : !a->popup))
		app_message(a, lines < 0 ? "there are no lines further back" : "there are no lines further down");
	else if (v && v == a->popup)
		v->ops->scroll(v, 0, lines);
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
	command_log(a, "chardev-send-break %s", v->label);
	vm_console_break(a->vm, v->console);
	app_message(a, "break sent to %s", v->label);
}

/* A UART cannot tell the other end how large its terminal is. */
static void type_size(struct app *a)
{
	struct view *v = app_focused(a);
	struct cell cell;
	struct error err;
	char text[64];
	unsigned rows;
	if (!v || !v->ops->text || v->is_monitor) {
		app_message(a, "the size is typed into a serial console");
		return;
	}
	v->ops->lines(v, &rows);
	snprintf(text, sizeof text, "stty rows %u cols %u<ret>", rows, v->ops->row(v, 0, &cell, 1));
	if (!sendtext(v, text, &err))
		app_error(a, "%s", err.msg);
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

static void next_stamps(struct app *a)
{
	struct view *v = app_focused(a);
	if (!v)
		return;
	v->stamps = (v->stamps + 1) % STAMP_KINDS;
	app_message(a, "times of %s: %s", v->label, stamp_name(v->stamps));
}

static void toggle_mouse(struct app *a)
{
	mouse_set(a, a->mouse == MOUSE_OFF ? MOUSE_ON : MOUSE_OFF);
	app_message(a, a->mouse ? "the mouse is on: click, wheel, drag; with Shift it is the terminal's" : "the mouse is the terminal's again");
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
	case ACT_LIST: page_consoles(a); break;
	case ACT_MONITOR: toggle_monitor(a); break;
	case ACT_REDRAW: app_forget_screens(a); break;
	case ACT_RENDERER: set_renderer(a, (a->renderer + 1) % RENDER_COUNT); break;
	case ACT_MOUSE: toggle_mouse(a); break;
	case ACT_COPY: enter_copy(a, 0); break;
	case ACT_SEARCH: enter_copy(a, 'u'); break;
	case ACT_FILTER: enter_copy(a, '&'); break;
	case ACT_PASTE: paste_action(a); break;
	case ACT_COPY_SCREEN: clipboard_copy_screen(a); break;
	case ACT_LOG: channel_log_action(a); break;
	case ACT_TIMES: next_stamps(a); break;
	case ACT_RECORD: record_action(a); break;
	case ACT_LINE_UP: scroll(a, -1); break;
	case ACT_LINE_DOWN: scroll(a, 1); break;
	case ACT_PAGE_UP: scroll(a, -10); break;
	case ACT_PAGE_DOWN: scroll(a, 10); break;
	case ACT_PAUSE: toggle_pause(a); break;
	case ACT_SEND_KEYS: page_send_keys(a); break;
	case ACT_STICKY: a->mode = MODE_STICKY; a->sticky = 0; a->sticky_locked = false; break;
	case ACT_TYPE_SIZE: type_size(a); break;
	case ACT_BREAK: send_break(a); break;
	case ACT_COMMIT: command_monitor(a, "commit all", "commit"); break;
	case ACT_SNAPSHOTS: snapshots_menu(a); break;
	case ACT_SNAPSHOT_TAKE: snapshots_ask(a, VM_SNAPSHOT_SAVE, "", NULL); break;
	case ACT_SNAPSHOT_BACK: snapshots_menu_back(a); break;
	case ACT_SNAPSHOT_DELETE: snapshots_menu_delete(a); break;
	case ACT_INFO: page_machine(a); break;
	case ACT_RESET: reset(a); break;
	case ACT_POWERDOWN: powerdown(a); break;
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
	case ACT_COMMAND_LOG: page_command_log(a); break;
	case ACT_EVENTS: page_events(a); break;
	case ACT_HELP: page_help(a); break;
	case ACT_LITERAL: send_literal(a); break;
	case ACT_CANCEL: break;
	case ACT_S_UP: case ACT_S_DOWN: case ACT_S_PAGE_UP: case ACT_S_PAGE_DOWN: case ACT_S_TOP: case ACT_S_BOTTOM:
	case ACT_S_LEAVE: break;        /* the pager's */
	case ACT_COUNT: break;
	}
}
