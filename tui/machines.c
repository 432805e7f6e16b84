/* machines.c - see machines.h. */
#include "tui/machines.h"
#include "tui/curses.h"
#include "tui/guard.h"
#include "tui/keydec.h"
#include "tui/machinefile.h"
#include "tui/prompt.h"
#include "tui/theme.h"
#include "tui/tty.h"
#include "tui/wire.h"
#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 500, LOOK_MS = 2000, FORM_FIELDS = 5, NAME_COL = 2, STATE_COL = 28, SINCE_COL = 50, TITLE_COL = 60 };
enum question { ASK_NOTHING, ASK_DELETE, ASK_STOP, ASK_CLONE, ASK_NEW };
static const char *const form_labels[FORM_FIELDS] = { "Name of the new machine", "Memory in MiB [512]", "CPUs [1]", "Disk to create: 512M, 8G, none [8G]", "CD image (a file, or nothing)" };

struct list {
	struct tty tty;
	struct curses *screen;
	struct guard guard;
	struct keydec decoder;
	struct grid grid;
	struct theme theme;
	struct prompt prompt;
	struct machinefile *m;
	unsigned n;
	int at, top, cols, rows, sig_fd;
	enum question asking;
	unsigned field;                         /* of the form */
	struct machineform form;
	char message[400];
	bool quit;
};

static int64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void say(struct list *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct list *l, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(l->message, sizeof l->message, fmt, ap);
	va_end(ap);
}

static struct machinefile *chosen(struct list *l)
{
	return l->at >= 0 && l->at < (int)l->n ? &l->m[l->at] : NULL;
}

static void look(struct list *l)
{
	char name[64] = "";
	if (chosen(l))
		snprintf(name, sizeof name, "%s", chosen(l)->name);
	l->n = machinefile_list(l->m, MOST);
	for (unsigned i = 0; i < l->n; i++)
		if (!strcmp(l->m[i].name, name))
			l->at = (int)i;
	if (l->at >= (int)l->n)
		l->at = l->n ? (int)l->n - 1 : 0;
}

/* ---- drawing ---------------------------------------------------------------------------------------------------------------------- */

static void draw_machine(struct list *l, int y, const struct machinefile *m, bool selected)
{
	struct style s = l->theme.role[selected ? ROLE_POPUP_SELECTED : ROLE_TEXT];
	grid_fill(&l->grid, (struct rect){ 0, y, l->cols, 1 }, s);
	int limit = l->cols;
	grid_text(&l->grid, NAME_COL, y, limit < STATE_COL ? limit : STATE_COL - 1, s, m->name);
	grid_text(&l->grid, STATE_COL, y, limit, s, m->running ? m->live.state : "off");
	if (m->running) {
		long long t = m->live.seconds;
		grid_printf(&l->grid, SINCE_COL, y, limit, s, t < 3600 ? "%lldm%02llds" : "%lldh%02lldm", t < 3600 ? t / 60 : t / 3600, t < 3600 ? t % 60 : t / 60 % 60);
		grid_text(&l->grid, TITLE_COL, y, limit, s, m->live.title);
	} else {
		grid_text(&l->grid, TITLE_COL, y, limit, s, strrchr(m->path, '/') + 1);
	}
	if (selected) {
		l->grid.cursor_on = true;
		l->grid.cursor_x = NAME_COL;
		l->grid.cursor_y = y;
	}
}

static void draw_bottom(struct list *l, int y)
{
	static const char keys[] = " Enter start/attach  s start  x stop  e edit  c clone  n new  d delete  q leave";
	struct style s = l->theme.role[ROLE_STATUS];
	grid_fill(&l->grid, (struct rect){ 0, y, l->cols, 1 }, s);
	if (l->asking == ASK_CLONE || l->asking == ASK_NEW) {
		int x = grid_printf(&l->grid, 1, y, l->cols, s, "%s: ", l->asking == ASK_NEW ? form_labels[l->field] : "Name of the clone");
		prompt_draw(&l->prompt, &l->grid, x, y, l->cols, s);
		return;
	}
	grid_text(&l->grid, l->message[0] ? 1 : 0, y, l->cols, s, l->message[0] ? l->message : keys);
}

static void draw(struct list *l)
{
	char dir[1024];
	size_t len;
	int body = l->rows - 2;
	machinefile_folder(dir, sizeof dir, false);
	grid_resize(&l->grid, l->cols, l->rows);
	grid_fill(&l->grid, (struct rect){ 0, 0, l->cols, 1 }, l->theme.role[ROLE_STATUS_FOCUS]);
	grid_printf(&l->grid, 1, 0, l->cols, l->theme.role[ROLE_STATUS_FOCUS], "vmux: machines of %s", dir);
	l->top = l->at < l->top ? l->at : l->at >= l->top + body ? l->at - body + 1 : l->top;
	for (int y = 0; y < body && l->top + y < (int)l->n; y++)
		draw_machine(l, y + 1, &l->m[l->top + y], l->top + y == l->at);
	if (!l->n)
		grid_text(&l->grid, NAME_COL, 2, l->cols, l->theme.role[ROLE_NOTICE], "No machines yet: n makes one; vmux -h lists what the command line takes.");
	draw_bottom(l, l->rows - 1);
	const void *bytes = curses_frame(l->screen, &l->grid, &len);
	if (len)
		tty_put(&l->tty, bytes, len);
	tty_flush(&l->tty);
}

/* ---- the terminal ----------------------------------------------------------------------------------------------------------------- */

static void on_key(void *arg, const struct key *k);

static bool show(struct list *l, struct error *err)
{
	const char *colorterm = getenv("COLORTERM"), *no_color = getenv("NO_COLOR");
	struct curses_options o = { .term = getenv("TERM"), .utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8") };
	if (!tty_open(&l->tty, err))
		return false;
	tty_size(&l->tty, &l->cols, &l->rows);
	o.cols = l->cols;
	o.rows = l->rows;
	o.direct_colour = colorterm && (!strcmp(colorterm, "truecolor") || !strcmp(colorterm, "24bit"));
	o.no_colour = no_color && *no_color;
	if (!l->screen) {
		if (!(l->screen = curses_open(&o, err)))
			return false;
		if (!curses_colours(l->screen))
			theme_make_mono(&l->theme);
		keydec_init(&l->decoder, on_key, l);
		l->decoder.utf8 = o.utf8;
		l->decoder.erase = l->tty.saved.c_cc[VERASE] == 8 ? 8 : 0x7f;
		curses_teach_keys(l->screen, &l->decoder);
	} else {
		curses_resize(l->screen, l->cols, l->rows);
		tty_put(&l->tty, curses_hello(l->screen), strlen(curses_hello(l->screen)));
	}
	if (!tty_raw(&l->tty, err))
		return false;
	const char *bye = curses_goodbye(l->screen);
	guard_arm(&l->guard, &l->tty.saved, &l->tty.ours, bye, strlen(bye));
	return true;
}

static void hide(struct list *l)
{
	if (l->screen)
		tty_restore(&l->tty, curses_goodbye(l->screen), strlen(curses_goodbye(l->screen)));
	guard_disarm(&l->guard);
	tty_close(&l->tty);
}

/* Run a program in the list's place.  What went wrong stays readable until Enter. */
static void run(struct list *l, char *const argv[])
{
	struct error err;
	int status = 0, c;
	hide(l);
	pid_t pid = fork();
	if (pid == 0) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGPIPE, SIG_DFL);
		execvp(argv[0], argv);
		fprintf(stderr, "vmux: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status) {
		fprintf(stderr, "(Enter goes back to the list)\n");
		while ((c = getchar()) != '\n' && c != EOF)
			;
	}
	if (!show(l, &err)) {
		fprintf(stderr, "vmux: %s\n", err.msg);
		l->quit = true;
	}
	look(l);
}

/* ---- what is done to a machine ---------------------------------------------------------------------------------------------------- */

/* vmux [start] run FILE -name NAME, or vmux [start] -readconfig FILE -name NAME. */
static void start_machine(struct list *l, const struct machinefile *m, bool background)
{
	char *argv[8];
	unsigned n = 0;
	const char *dot = strrchr(m->path, '.');
	argv[n++] = (char *)"/proc/self/exe";
	if (background)
		argv[n++] = (char *)"start";
	argv[n++] = (char *)(!strcmp(dot, ".conf") ? "run" : "-readconfig");
	argv[n++] = (char *)m->path;
	argv[n++] = (char *)"-name";
	argv[n++] = (char *)m->name;
	argv[n] = NULL;
	run(l, argv);
	if (background)
		say(l, "%s", "");
}

static void attach_machine(struct list *l, const struct machinefile *m)
{
	char *argv[] = { (char *)"/proc/self/exe", (char *)"attach", (char *)m->name, NULL };
	run(l, argv);
}

static void edit_machine(struct list *l, const struct machinefile *m)
{
	const char *editor = getenv("VISUAL");
	char cmd[200];
	if (!editor || !*editor)
		editor = getenv("EDITOR");
	snprintf(cmd, sizeof cmd, "%.150s \"$1\"", editor && *editor ? editor : "vi");
	char *argv[] = { (char *)"sh", (char *)"-c", cmd, (char *)"sh", (char *)m->path, NULL };
	run(l, argv);
}

static void stop_machine(struct list *l, const struct machinefile *m, bool at_once)
{
	struct error err;
	int sock = wire_connect_name(m->name, &err);
	struct wire_msg answer;
	if (sock < 0) {
		say(l, "%s", err.msg);
		return;
	}
	struct pollfd p = { .fd = sock, .events = POLLIN };
	wire_say(sock, WIRE_STOP, at_once, 0);
	if (poll(&p, 1, LOOK_MS) > 0)
		wire_recv(sock, &answer, NULL);
	close(sock);
	say(l, at_once ? "%s was told to end" : "%s: the power button was pressed", m->name);
}

static void answered(struct list *l, uint32_t sym)
{
	struct machinefile *m = chosen(l);
	enum question q = l->asking;
	l->asking = ASK_NOTHING;
	say(l, "%s", "");
	if (q == ASK_DELETE && m && sym == 'y')
		say(l, unlink(m->path) ? "%s could not be deleted" : "%s deleted; disk images are where they were", m->name);
	else if (q == ASK_STOP && m && (sym == 'p' || sym == 'k'))
		stop_machine(l, m, sym == 'k');
	look(l);
}

static void ask_line(struct list *l, enum question q)
{
	l->asking = q;
	prompt_open(&l->prompt);
}

static void no_completion(void *arg, const char *line, struct text *out)
{
}

static void form_field(struct list *l, const char *line)
{
	static const struct { size_t at, size; } fields[FORM_FIELDS] = {
#define FIELD(f) { offsetof(struct machineform, f), sizeof ((struct machineform *)0)->f }
		FIELD(name), FIELD(memory), FIELD(cpus), FIELD(disk), FIELD(cd),
#undef FIELD
	};
	struct error err;
	snprintf((char *)&l->form + fields[l->field].at, fields[l->field].size, "%s", line);
	if (!machineform_check(&l->form, l->field, &err)) {
		l->asking = ASK_NOTHING;
		say(l, "%s", err.msg);
	} else if (++l->field < FORM_FIELDS) {
		prompt_open(&l->prompt);
	} else {
		l->asking = ASK_NOTHING;
		say(l, "%s", machinefile_new(&l->form, &err) ? "made; Enter starts it" : err.msg);
		look(l);
		for (unsigned i = 0; i < l->n; i++)
			if (!strcmp(l->m[i].name, l->form.name))
				l->at = (int)i;
	}
}

static void key_to_prompt(struct list *l, const struct key *k)
{
	char hint[100] = "", line[PROMPT_MAX * 4 + 1];
	struct error err;
	enum prompt_result r = prompt_key(&l->prompt, k, no_completion, l, hint, sizeof hint);
	if (r == PROMPT_EDITING)
		return;
	prompt_text(&l->prompt, line, sizeof line);
	l->prompt.active = false;
	if (r == PROMPT_CANCELLED) {
		l->asking = ASK_NOTHING;
	} else if (l->asking == ASK_NEW) {
		form_field(l, line);
	} else {
		l->asking = ASK_NOTHING;
		say(l, "%s", !chosen(l) ? "" : machinefile_clone(chosen(l), line, &err) ? "cloned; both name the same disk images: e edits" : err.msg);
		look(l);
	}
}

static void key_to_machine(struct list *l, uint32_t sym, struct machinefile *m)
{
	if (strchr("sec", (int)sym) && sym < 0x80 && !m->path[0]) {
		say(l, "%s has no file in this folder", m->name);
		return;
	}
	switch (sym) {
	case K_ENTER: case 'a':
		if (m->running)
			attach_machine(l, m);
		else
			start_machine(l, m, false);
		break;
	case 's':
		if (m->running)
			say(l, "%s runs already", m->name);
		else
			start_machine(l, m, true);
		break;
	case 'x':
		if (!m->running) {
			say(l, "%s does not run", m->name);
			break;
		}
		l->asking = ASK_STOP;
		say(l, "stop %s: p presses the power button, k ends it at once, other keys nothing", m->name);
		break;
	case 'e': edit_machine(l, m); break;
	case 'c': ask_line(l, ASK_CLONE); break;
	case 'd':
		if (m->running || !m->path[0]) {
			say(l, m->running ? "%s runs: stop it first" : "%s has no file in this folder", m->name);
			break;
		}
		l->asking = ASK_DELETE;
		say(l, "delete %s? y deletes it, other keys do not", strrchr(m->path, '/') + 1);
		break;
	default: break;
	}
}

static void on_key(void *arg, const struct key *k)
{
	struct list *l = arg;
	if (k->sym == K_PASTE_BEGIN || k->sym == K_PASTE_END)
		return;
	if (l->asking == ASK_CLONE || l->asking == ASK_NEW) {
		key_to_prompt(l, k);
		return;
	}
	if (k->pasted)                          /* text, never a command */
		return;
	if (l->asking) {
		answered(l, k->sym);
		return;
	}
	l->message[0] = 0;
	switch (k->sym) {
	case K_UP: case 'k': l->at -= l->at > 0; return;
	case K_DOWN: case 'j': l->at += l->at + 1 < (int)l->n; return;
	case K_HOME: case 'g': l->at = 0; return;
	case K_END: case 'G': l->at = l->n ? (int)l->n - 1 : 0; return;
	case 'q': case K_ESC: l->quit = true; return;
	case 'n':
		l->form = (struct machineform){ .name = "" };
		l->field = 0;
		ask_line(l, ASK_NEW);
		return;
	default: break;
	}
	if ((k->mods & MOD_CTRL) && (k->sym == 'c' || k->sym == 'd'))
		l->quit = true;
	else if (chosen(l))
		key_to_machine(l, k->sym, chosen(l));
}

/* ---- the loop --------------------------------------------------------------------------------------------------------------------- */

static void signals(struct list *l)
{
	struct signalfd_siginfo si;
	while (read(l->sig_fd, &si, sizeof si) == (ssize_t)sizeof si) {
		if (si.ssi_signo != SIGWINCH) {
			l->quit = true;
			continue;
		}
		tty_size(&l->tty, &l->cols, &l->rows);
		curses_resize(l->screen, l->cols, l->rows);
	}
}

static void wait_for_something(struct list *l)
{
	uint8_t buf[1024];
	int64_t due = keydec_deadline(&l->decoder), now = now_ms();
	int wait = due < 0 ? LOOK_MS : due <= now ? 0 : (int)(due - now);
	struct pollfd p[2] = { { .fd = l->tty.fd, .events = (short)(POLLIN | (l->tty.out.len ? POLLOUT : 0)) }, { .fd = l->sig_fd, .events = POLLIN } };
	int got = poll(p, 2, wait);
	if (got == 0 && due < 0)
		look(l);
	if (p[1].revents)
		signals(l);
	if (p[0].revents & (POLLIN | POLLHUP | POLLERR)) {
		size_t n = tty_read(&l->tty, buf, sizeof buf);
		if (n)
			keydec_feed(&l->decoder, buf, n, now_ms());
		l->quit |= l->tty.gone;
	}
	keydec_tick(&l->decoder, now_ms());
}

int machines_main(void)
{
	struct list l = { .tty = { .fd = -1 }, .m = calloc(MOST, sizeof *l.m) };
	struct error err = { "" };
	sigset_t set;
	if (!l.m)
		abort();
	guard_start(&l.guard);
	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	l.sig_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	theme_builtin(&l.theme);
	look(&l);
	if (show(&l, &err)) {
		while (!l.quit) {
			draw(&l);
			wait_for_something(&l);
		}
	}
	hide(&l);
	curses_close(l.screen);
	prompt_free(&l.prompt);
	grid_free(&l.grid);
	free(l.m);
	close(l.sig_fd);
	guard_stop(&l.guard);
	if (err.msg[0])
		fprintf(stderr, "vmux: %s\n", err.msg);
	return err.msg[0] != 0;
}
