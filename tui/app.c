/* app.c - the workstation's parts put together: opening and closing, consoles, layout, drawing, messages. */
#include "tui/app.h"
#include "tui/actions.h"
#include "tui/colour.h"
#include "tui/config.h"
#include "tui/copymode.h"
#include "tui/panes.h"
#include "tui/requests.h"
#include "tui/wallclock.h"
#include "tui/wire.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_MS = 4000, SCROLLBACK_MIB = 64, LOG_KEEP = 9 };

int64_t app_now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void say(struct app *a, bool is_error, const char *fmt, va_list ap)
{
	vsnprintf(a->message, sizeof a->message, fmt, ap);
	for (char *s = a->message; *s; s++)
		if ((unsigned char)*s < 0x20)
			*s = ' ';
	a->message_is_error = is_error;
	a->message_until = app_now_ms() + MESSAGE_MS;
	a->dirty = true;
}

void app_message(struct app *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say(a, false, fmt, ap);
	va_end(ap);
}

void app_error(struct app *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say(a, true, fmt, ap);
	va_end(ap);
}

/* ---- consoles and layout ---------------------------------------------------------------------------------------------------------- */

struct rect app_area(const struct app *a)
{
	return (struct rect){ 0, 0, a->cols, a->rows > 1 ? a->rows - 1 : a->rows };
}

struct view *app_focused(struct app *a)
{
	return a->focus < a->n_views ? a->views[a->focus] : NULL;
}

void app_popup(struct app *a, struct view *v)
{
	if (a->popup)
		a->popup->ops->destroy(a->popup);
	a->popup = v;
	a->dirty = true;
}

void app_ask(struct app *a, char mark)
{
	a->prompt_mark = mark;
	a->message_until = 0;
	prompt_open(&a->prompt);
}

void app_sync_consoles(struct app *a)
{
	struct vm_console info;
	unsigned n = vm_console_count(a->vm);
	bool changed = false;
	if (n > APP_MAX_CONSOLES)
		n = APP_MAX_CONSOLES;
	for (unsigned i = 0; i < n; i++) {
		if (!vm_console_info(a->vm, i, &info)) {
			n = i;
			break;
		}
		struct view *v = i < a->n_views ? a->views[i] : NULL;
		if (v && !strcmp(v->label, info.label) && v->is_monitor == info.is_monitor)
			continue;
		if (v)
			v->ops->destroy(v);
		a->views[i] = v = info.kind == VM_CONSOLE_VGA ? vga_view_new(a, i, &info) : text_view_new(a, i, &info);
		changed = true;
		if (i >= a->n_views)
			a->n_views = i + 1;
		a->dirty = a->more = a->screens = true;
	}
	while (a->n_views > n) {
		struct view *v = a->views[--a->n_views];
		v->ops->destroy(v);
		changed = true;
	}
	if (changed) {
		channel_log_wishes(a);
		panes_sync(a);
	}
}

void app_bell(struct app *a, const struct view *v)
{
	if (v == app_focused(a))
		for (unsigned i = 0; i < a->n_clients; i++)
			a->clients[i]->bell = true;
}

void app_typed(struct app *a)
{
	a->waiting = true;
	a->retry_at = a->retry_ms = 0;
}

bool app_guest_key(struct app *a, uint8_t qnum, bool down)
{
	uint8_t event[2] = { qnum, down };
	if (!fifo_put(&a->keys, event, sizeof event)) {
		app_error(a, "the keyboard takes no more: too much waits to be typed");
		return false;
	}
	app_typed(a);
	return true;
}

/* ---- drawing ---------------------------------------------------------------------------------------------------------------------- */

/* Copy mode stays in its console's pane. */
static struct rect popup_area(const struct app *a)
{
	struct rect r = app_area(a);
	if (view_is_copy(a->popup))
		pane_rect(a, a->popup->console, &r);
	return r;
}

/* Compose the grid that all terminals show. */
void app_draw(struct app *a)
{
	grid_resize(&a->grid, a->cols, a->rows);
	a->foot = 1;
	if (a->cols < APP_MIN_COLS || a->rows < APP_MIN_ROWS) {
		grid_printf(&a->grid, 0, 0, a->cols, a->theme.role[ROLE_TEXT], "%dx%d: too small", a->cols, a->rows);
	} else {
		if (a->n_views)
			panes_draw(a);
		else
			grid_text(&a->grid, 0, 0, a->cols, a->theme.role[ROLE_NOTICE], "No consoles.");
		if (a->popup)
			a->popup->ops->draw(a->popup, &a->grid, popup_area(a), !a->prompt.active);
		status_draw(a);
	}
	if (a->theme.mono)
		for (int i = 0; i < a->cols * a->rows; i++)
			a->grid.cells[i].style = style_mono(a->grid.cells[i].style);
}

/* ---- terminals -------------------------------------------------------------------------------------------------------------------- */

void app_terminal_put(struct app *a, const void *bytes, size_t len)
{
	if (a->actor && a->actor->screen && !a->actor->suspended)
		tty_put(&a->actor->tty, bytes, len);
}

/* One more than there is room for is lost to the process: better than one that cannot be drawn on. */
void app_spare_screen(struct app *a, struct curses *screen)
{
	if (a->n_spare < APP_SPARE_SCREENS)
		a->spare[a->n_spare++] = screen;
}

struct curses *app_take_screen(struct app *a, const struct curses_options *o)
{
	for (unsigned i = 0; i < a->n_spare; i++)
		if (curses_fits(a->spare[i], o)) {
			struct curses *c = a->spare[i];
			a->spare[i] = a->spare[--a->n_spare];
			return c;
		}
	return NULL;
}

void app_forget_screens(struct app *a)
{
	for (unsigned i = 0; i < a->n_clients; i++)
		if (a->clients[i]->screen)
			curses_forget(a->clients[i]->screen);
	a->dirty = true;
}

/* The size is that of the terminal that was used last; a spy's counts only where there is no other. */
static struct client *sizer(struct app *a)
{
	struct client *any = NULL;
	if (a->actor && a->actor->screen && !a->actor->dead)
		return a->actor;
	for (unsigned i = 0; i < a->n_clients; i++) {
		struct client *c = a->clients[i];
		if (c->screen && !c->dead && (!any || any->read_only))
			any = c;
	}
	return any;
}

void app_resized(struct app *a)
{
	struct client *c = sizer(a);
	if (!c || (c->cols == a->cols && c->rows == a->rows))
		return;
	a->cols = c->cols;
	a->rows = c->rows;
	app_layout(a);
}

void app_attached(struct app *a, struct client *c)
{
	unsigned n = 0;
	for (unsigned i = 0; i < a->n_clients; i++)
		n += a->clients[i]->screen != NULL;
	if (n > 1)
		app_message(a, "%s attached; %u terminals show this machine", c->read_only ? "someone who only looks" : "another terminal", n);
	app_resized(a);
	c->behind = a->dirty = true;
}

/* ---- opening and closing ---------------------------------------------------------------------------------------------------------- */

static bool find_theme(void *arg, const char *name, char *path, size_t size)
{
	return vm_data_file(arg, "themes", name, path, size) != NULL;
}

static bool find_keymap(void *arg, const char *name, char *path, size_t size)
{
	return vm_data_file(arg, "keymaps", name, path, size) != NULL;
}

/* NO_COLOR, or a first terminal of one colour.  (What terminals of one colour show beside others, curses.c sees to.) */
static bool no_colours(const struct app *a)
{
	const char *no_color = getenv("NO_COLOR");
	return (no_color && *no_color) || (a->n_clients && a->clients[0]->screen && !curses_colours(a->clients[0]->screen));
}

bool app_load_theme(struct app *a, const char *name, struct error *err)
{
	char path[1024];
	struct theme t;
	theme_builtin(&t);
	if (!find_theme(a->vm, name, path, sizeof path)) {
		if (strcmp(name, "default"))
			return error_set(err, "no theme \"%s\" found", name);
	} else if (!theme_load(&t, path, find_theme, a->vm, err)) {
		return false;
	}
	if (no_colours(a) && !t.mono)
		theme_make_mono(&t);
	a->theme = t;
	a->dirty = true;
	return true;
}

bool app_load_keymap(struct app *a, const char *name, struct error *err)
{
	struct keymap_io io = { .find = find_keymap, .key_by_name = vm_key_by_name, .arg = a->vm };
	struct keymap fresh;
	if (!keymap_load(&fresh, name, &io, err))
		return false;
	keymap_free(&a->keymap);
	a->keymap = fresh;
	return true;
}

/* The key of -echr: a control character as Ctrl and its letter. */
static struct key prefix_key(unsigned char c)
{
	struct key k = { .sym = c };
	if (c == 0x1b)
		k.sym = K_ESC;
	else if (c < 0x20)
		k = (struct key){ .sym = !c ? ' ' : c <= 26 ? c + 'a' - 1u : c + '@' + 0u, .mods = MOD_CTRL };
	return k;
}

/* Which table of copy keys, as tmux finds out, but for who says nothing. */
static bool emacs_hands(void)
{
	const char *editor = getenv("VISUAL");
	if (!editor || !*editor)
		editor = getenv("EDITOR");
	return editor && strstr(editor, "emacs");
}

struct app *app_open(struct vm *vm, struct guard *guard, int sig_fd, bool unseen, struct error *err)
{
	struct app *a = calloc(1, sizeof *a);
	const char *keymap = vm_keymap(vm), *theme = getenv("VMUX_THEME"), *esc = getenv("VMUX_ESC_TIME");
	struct error bad = { "" };
	if (!a)
		abort();
	a->vm = vm;
	a->guard = guard;
	a->sig_fd = sig_fd;
	a->listen_fd = -1;
	a->started = wallclock_ms() / 1000;
	a->cols = 80;
	a->rows = 25;
	a->foot = 1;
	a->esc_ms = 500;
	a->scrollback_mib = SCROLLBACK_MIB;
	a->log_keep = LOG_KEEP;
	a->prefix = prefix_key(1);
	a->prompt_mark = ':';
	a->paste_at = -1;
	a->paste.ask = true;
	a->copy_keys = emacs_hands() ? COPY_EMACS : COPY_VI;
	actions_bind_defaults(a);
	layout_init(&a->layout, 0);
	theme_builtin(&a->theme);
	if (!config_load(a, err))
		app_error(a, "%s", err->msg);
	if (vm_escape_char(vm) != 1)            /* the command line's wish goes before the file's */
		a->prefix = prefix_key(vm_escape_char(vm));
	if (esc && atoi(esc) >= 10 && atoi(esc) <= 5000)
		a->esc_ms = (unsigned)atoi(esc);
	theme = theme && *theme ? theme : a->theme_name;
	bool ok = (!keymap && a->keymap.n) || app_load_keymap(a, keymap ? keymap : "en-us", &bad);     /* the file may have named one */
	if (!ok)
		error_set(err, "-k: %s", bad.msg);
	ok = ok && app_load_theme(a, theme && *theme ? theme : "default", err);
	if (!ok && !unseen) {
		app_close(a, NULL);
		return NULL;
	}
	err->msg[0] = 0;
	status_sample(a, app_now_ms());
	app_sync_consoles(a);
	a->dirty = true;
	return a;
}

bool app_listen(struct app *a, struct error *err)
{
	char name[32];
	vm_get_status(a->vm, &a->st);
	snprintf(name, sizeof name, "vm-%ld", (long)getpid());
	a->listen_fd = wire_listen(a->st.name[0] ? a->st.name : name, a->socket_path, sizeof a->socket_path, err);
	if (a->listen_fd < 0)
		a->socket_path[0] = 0;
	return a->listen_fd >= 0;
}

bool app_first_client(struct app *a, int sock)
{
	struct client *c = client_new(a, sock);
	const char *theme = getenv("VMUX_THEME");
	struct error err;
	a->clients[a->n_clients++] = c;
	if (!wire_say(sock, WIRE_READY, 0, 0))
		return false;
	while (!c->dead && !c->screen && !c->closing) {
		struct pollfd p = { .fd = sock, .events = POLLIN };
		if (poll(&p, 1, -1) > 0)
			client_readable(c);
	}
	if (!c->screen)
		return false;
	if (!curses_colours(c->screen) && !(theme && *theme) && !a->theme_name[0])
		app_load_theme(a, "mono", &err);
	else if (!curses_colours(c->screen))
		theme_make_mono(&a->theme);
	return true;
}

void app_close(struct app *a, struct farewell *f)
{
	if (a->listen_fd >= 0) {
		close(a->listen_fd);
		unlink(a->socket_path);
	}
	requests_end(a);
	record_stop_all(a);
	while (a->n_clients) {
		struct client *c = a->clients[a->n_clients - 1];
		client_leave(c, LEAVE_ENDING);
		client_flush(c);
		if (f && !c->dead && !c->closing) {
			f->sock[f->n++] = c->sock;
			c->sock = -1;
		}
		a->n_clients--;
		client_free(c);
	}
	while (a->n_spare)
		curses_close(a->spare[--a->n_spare]);
	app_popup(a, NULL);
	while (a->n_views) {
		struct view *v = a->views[--a->n_views];
		v->ops->destroy(v);
	}
	text_free(&a->command_log);
	triggers_free(a->triggers);
	prompt_free(&a->prompt);
	paste_free(a);
	text_free(&a->copied);
	keymap_free(&a->keymap);
	fifo_free(&a->keys);
	grid_free(&a->grid);
	free(a);
}

void farewell_say(struct farewell *f, int status)
{
	while (f->n) {
		wire_say(f->sock[--f->n], WIRE_STATUS, status, 0);
		close(f->sock[f->n]);
	}
}
