/* config.c - see config.h. */
#include "tui/config.h"
#include "tui/app.h"
#include "tui/actions.h"
#include "tui/copymode.h"
#include "tui/datafile.h"
#include "tui/scrollback.h"
#include "tui/sendtext.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool config_path(const char *file, char *path, size_t size, bool make)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	if (xdg && xdg[0] == '/')
		snprintf(path, size, "%s", xdg);
	else if (home && home[0] == '/')
		snprintf(path, size, "%s/.config", home);
	else {
		snprintf(path, size, "~/.config/vmux/%s", file);
		return false;
	}
	size_t n = strlen(path);
	if (make)
		mkdir(path, 0700);
	snprintf(path + n, size - n, "/vmux");
	if (make)
		mkdir(path, 0777);
	n = strlen(path);
	snprintf(path + n, size - n, "/%s", file);
	return true;
}

/* ---- settings --------------------------------------------------------------------------------------------------------------------- */

static bool number(const char *name, const char *value, unsigned low, unsigned high, unsigned *out, struct error *err)
{
	char *end;
	unsigned long v = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || v < low || v > high)
		return error_set(err, "set %s: a number from %u to %u is wanted", name, low, high);
	*out = (unsigned)v;
	return true;
}

static bool set_prefix(struct app *a, const char *value, struct error *err)
{
	struct key k;
	if (!key_parse(value, &k) || !(k.mods & (MOD_CTRL | MOD_ALT) || k.sym >= K_ESC))
		return error_set(err, "set prefix: a key like C-a or C-] is wanted");
	a->prefix = k;
	return true;
}

/* Bytes, or K or M of them; 0: logs are never rotated. */
static bool set_log_size(struct app *a, const char *value, struct error *err)
{
	char *end;
	unsigned long long n = strtoull(value, &end, 10);
	unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : 0;
	if (value[0] < '0' || value[0] > '9' || end[shift != 0] || n > 1000000000 || (n && (n << shift) < 1024))
		return error_set(err, "set log-size: bytes are wanted, like 512K or 10M, at least 1K; 0 for no limit");
	a->log_size = n << shift;
	return true;
}

/* A -k of the command line comes after the file's line and goes before it. */
static bool set_keymap(struct app *a, const char *value, struct error *err)
{
	if (!*value)
		return error_set(err, "set keymap: the name of a key map is wanted");
	if (!app_load_keymap(a, value, err))
		return false;
	app_message(a, "the guest's keyboard is %s", a->keymap.title[0] ? a->keymap.title : a->keymap.name);
	return true;
}

static bool on_off(const char *name, const char *value, bool *out, struct error *err)
{
	if (strcmp(value, "on") && strcmp(value, "off"))
		return error_set(err, "set %s: on or off is wanted", name);
	*out = !strcmp(value, "on");
	return true;
}

/* Consoles that are there already take the new budget too. */
static bool apply_scrollback(struct app *a)
{
	for (unsigned i = 0, rows; i < a->n_views; i++)
		if (a->views[i]->ops->lines)
			scrollback_set_budget(a->views[i]->ops->lines(a->views[i], &rows), (size_t)a->scrollback_mib << 20);
	return true;
}

bool app_set(struct app *a, const char *name, const char *value, struct error *err)
{
	if (!strcmp(name, "esc-time")) {
		if (!number(name, value, 10, 5000, &a->esc_ms, err))
			return false;
		for (unsigned i = 0; i < a->n_clients; i++)
			a->clients[i]->decoder.esc_ms = a->esc_ms;
		return true;
	}
	if (!strcmp(name, "prefix"))
		return set_prefix(a, value, err);
	if (!strcmp(name, "scrollback"))
		return number(name, value, 1, 4096, &a->scrollback_mib, err) && apply_scrollback(a);
	if (!strcmp(name, "borders")) {
		if (strcmp(value, "lines") && strcmp(value, "ascii"))
			return error_set(err, "set borders: lines or ascii is wanted");
		a->grid.ascii = !strcmp(value, "ascii");
		return true;
	}
	if (!strcmp(name, "linear")) {
		if (!on_off(name, value, &a->linear, err))
			return false;
		for (unsigned i = 0; i < a->n_clients; i++)
			client_linear(a->clients[i], a->linear);
		return true;
	}
	if (!strcmp(name, "copy-keys")) {
		if (strcmp(value, "vi") && strcmp(value, "emacs"))
			return error_set(err, "set copy-keys: vi or emacs is wanted");
		a->copy_keys = strcmp(value, "vi") ? COPY_EMACS : COPY_VI;
		return true;
	}
	if (!strcmp(name, "log-size"))
		return set_log_size(a, value, err);
	if (!strcmp(name, "log-keep"))
		return number(name, value, 0, 99, &a->log_keep, err);
	if (!strcmp(name, "log-dir")) {
		if ((value[0] != '/' && strncmp(value, "~/", 2)) || strlen(value) >= sizeof a->log_dir)
			return error_set(err, "set log-dir: a folder's whole path is wanted, from / or ~/ on");
		snprintf(a->log_dir, sizeof a->log_dir, "%s", value);
		return true;
	}
	if (!strcmp(name, "paste-ask"))
		return on_off(name, value, &a->paste.ask, err);
	if (!strcmp(name, "paste-char-delay"))
		return number(name, value, 0, 1000, &a->paste.char_ms, err);
	if (!strcmp(name, "paste-line-delay"))
		return number(name, value, 0, 10000, &a->paste.line_ms, err);
	if (!strcmp(name, "graphics")) {
		a->screens = true;
		return renderer_parse(value, &a->renderer) || error_set(err, "set graphics: auto, half, sextant, ascii or sixel is wanted");
	}
	if (!strcmp(name, "mouse")) {
		enum mouse_mode mode;
		if (!mouse_mode_parse(value, &mode))
			return error_set(err, "set mouse: off, on or guest is wanted");
		mouse_set(a, mode);
		return true;
	}
	if (!strcmp(name, "keymap"))
		return set_keymap(a, value, err);
	if (!strcmp(name, "theme")) {
		if (!*value || strlen(value) >= sizeof a->theme_name)
			return error_set(err, "set theme: the name of a theme is wanted");
		if (!app_load_theme(a, value, err))
			return false;
		snprintf(a->theme_name, sizeof a->theme_name, "%s", value);
		return true;
	}
	return error_set(err, "set knows borders, copy-keys, esc-time, graphics, keymap, linear, log-dir, log-keep, log-size, mouse, paste-ask, paste-char-delay, paste-line-delay, prefix, scrollback and theme");
}

/* ---- the file --------------------------------------------------------------------------------------------------------------------- */

static bool add_macro(struct app *a, const char *name, const char *text, struct error *err)
{
	struct macro *m = a->macro;
	while (m < a->macro + a->n_macros && strcmp(m->name, name))
		m++;
	if (m == a->macro + APP_MACROS)
		return error_set(err, "macro: there are %d already, which is all that can be", APP_MACROS);
	if (!*name || strlen(name) >= sizeof m->name || !*text || strlen(text) >= sizeof m->text)
		return error_set(err, "macro: a name of 1 to %zu bytes is wanted, and a text of 1 to %zu", sizeof m->name - 1, sizeof m->text - 1);
	if (!sendtext_check(text, err))
		return false;
	snprintf(m->name, sizeof m->name, "%s", name);
	snprintf(m->text, sizeof m->text, "%s", text);
	a->n_macros += m == a->macro + a->n_macros;
	return true;
}

static bool apply_line(struct app *a, struct datafile *d, struct error *err)
{
	struct error why = { "" };
	bool ok;
	if (!strcmp(d->word[0], "set") && d->words == 3)
		ok = app_set(a, d->word[1], d->word[2], &why);
	else if (!strcmp(d->word[0], "bind") && d->words >= 2)
		ok = actions_bind(a, d->word[1], d->word + 2, d->words - 2, &why);
	else if (!strcmp(d->word[0], "layout") && d->words == 2)
		ok = layout_parse(&a->layout, d->word[1], &why);
	else if (!strcmp(d->word[0], "macro") && d->words == 3)
		ok = add_macro(a, d->word[1], d->word[2], &why);
	else if (!strcmp(d->word[0], "log"))
		ok = channel_log_wish(a, d->word, d->words, &why);
	else if (!strcmp(d->word[0], "trigger"))
		ok = triggers_add(&a->triggers, d->word, d->words, &why);
	else
		return datafile_error(d, err, "\"%s\": a line is set NAME VALUE, bind ACTION KEY..., layout SPEC, log PANE MODE, macro NAME TEXT, or trigger NAME ...", d->word[0]);
	return ok || datafile_error(d, err, "%s", why.msg);
}

/* Up to the first wrong line; with say_all each wrong line is told on stderr, and the others are looked at too. */
static bool load_file(struct app *a, const char *path, bool say_all, struct error *err)
{
	struct datafile d;
	bool failed = false, wrong = false;
	if (!datafile_open(&d, path, err))
		return false;
	while ((say_all || !wrong) && datafile_next(&d, &failed, err))
		if (!apply_line(a, &d, err)) {
			wrong = true;
			if (say_all)
				fprintf(stderr, "vmux: %s\n", err->msg);
		}
	datafile_close(&d);
	if (say_all && wrong && !failed)
		err->msg[0] = 0;                /* told already */
	return !failed && !wrong;
}

bool config_load(struct app *a, struct error *err)
{
	char path[1024];
	if (!config_path("config", path, sizeof path, false) || access(path, F_OK))
		return true;
	return load_file(a, path, false, err);
}

/* Somewhere to put settings without a machine. */
static struct app *settings_new(void)
{
	struct app *a = calloc(1, sizeof *a);
	if (!a)
		abort();
	actions_bind_defaults(a);
	layout_init(&a->layout, 0);
	theme_builtin(&a->theme);
	return a;
}

static void settings_free(struct app *a)
{
	keymap_free(&a->keymap);
	triggers_free(a->triggers);
	free(a);
}

bool config_look(struct theme *t, bool *ascii, struct error *err)
{
	struct app *a = settings_new();
	const char *theme = getenv("VMUX_THEME");
	bool ok = config_load(a, err);
	theme = theme && *theme ? theme : a->theme_name;
	ok = app_load_theme(a, *theme ? theme : "default", ok ? err : &(struct error){ "" }) && ok;
	*t = a->theme;
	*ascii = a->grid.ascii;
	settings_free(a);
	return ok;
}

int config_main(int argc, char **argv)
{
	char path[1024];
	struct error err = { "" };
	bool home = config_path("config", path, sizeof path, false);
	if (argc == 2 && !strcmp(argv[1], "path")) {
		printf("%s\n", path);
		return 0;
	}
	if (argc < 2 || argc > 3 || strcmp(argv[1], "check")) {
		fprintf(stderr, "vmux: usage: vmux config check [FILE], or vmux config path\n");
		return 1;
	}
	const char *file = argc == 3 ? argv[2] : path;
	if (argc == 2 && (!home || access(path, F_OK))) {
		printf("%s: there is no such file; the defaults hold\n", path);
		return 0;
	}
	struct app *a = settings_new();
	bool ok = load_file(a, file, true, &err);
	if (ok)
		printf("%s: fine\n", file);
	else if (err.msg[0])
		fprintf(stderr, "vmux: %s\n", err.msg);
	settings_free(a);
	return !ok;
}
