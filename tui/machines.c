/* machines.c - see machines.h. */
#include "tui/machines.h"
#include "tui/app.h"
#include "tui/config.h"
#include "tui/machinelist.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { MOST = 500, LOOK_MS = 2000 };

static void set_message(struct machinelist *l, bool mistake, const char *fmt, va_list ap)
{
	vsnprintf(l->message, sizeof l->message, fmt, ap);
	l->mistake = mistake;
}

static void say(struct machinelist *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct machinelist *l, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	set_message(l, false, fmt, ap);
	va_end(ap);
}

static void refuse(struct machinelist *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void refuse(struct machinelist *l, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	set_message(l, true, fmt, ap);
	va_end(ap);
}

static void look(struct machinelist *l)
{
	char name[64] = "";
	if (machinelist_chosen(l))
		snprintf(name, sizeof name, "%s", machinelist_chosen(l)->name);
	l->n = machinefile_list(l->m, MOST);
	for (unsigned i = 0; i < l->n; i++)
		if (!strcmp(l->m[i].name, name))
			l->at = (int)i;
	if (l->at >= (int)l->n)
		l->at = l->n ? (int)l->n - 1 : 0;
}

static void on_key(void *arg, const struct key *k);

/* The question is about the machine that is chosen now: another one may be when it is answered. */
static void ask(struct machinelist *l, enum list_question q)
{
	l->asking = q;
	snprintf(l->about, sizeof l->about, "%s", machinelist_chosen(l) ? machinelist_chosen(l)->name : "");
}

static struct machinefile *asked_about(struct machinelist *l)
{
	struct machinefile *m = machinelist_chosen(l);
	return m && !strcmp(m->name, l->about) ? m : NULL;
}

static void answered(struct machinelist *l, uint32_t sym)
{
	struct machinefile *m = asked_about(l);
	enum list_question q = l->asking;
	struct error err;
	l->asking = ASK_NOTHING;
	say(l, "%s", "");
	if (!m)
		refuse(l, "%s is not there any more", l->about);
	else if (q == ASK_DELETE && sym == 'y' && unlink(m->path))
		refuse(l, "%s could not be deleted: %s", m->name, strerror(errno));
	else if (q == ASK_DELETE && sym == 'y')
		say(l, "%s deleted; disk images are where they were", m->name);
	else if (q == ASK_STOP && (sym == 'p' || sym == 'k') && !machinelist_stop(m, sym == 'k', &err))
		refuse(l, "%s", err.msg);
	else if (q == ASK_STOP && (sym == 'p' || sym == 'k'))
		say(l, sym == 'k' ? "%s was told to end" : "%s: the power button was pressed", m->name);
	look(l);
}

static void no_completion(void *arg, const char *line, struct text *out)
{
}

static void choose(struct machinelist *l, const char *name)
{
	look(l);
	for (unsigned i = 0; i < l->n; i++)
		if (!strcmp(l->m[i].name, name))
			l->at = (int)i;
}

/* What will not do stays in the line, to be mended. */
static void key_to_clone(struct machinelist *l, const struct key *k)
{
	char hint[100] = "", line[PROMPT_MAX * 4 + 1];
	struct error err;
	l->message[0] = 0;
	enum prompt_result r = prompt_key(&l->prompt, k, no_completion, l, hint, sizeof hint);
	if (r == PROMPT_EDITING)
		return;
	if (r == PROMPT_CANCELLED) {
		l->asking = ASK_NOTHING;
		return;
	}
	prompt_text(&l->prompt, line, sizeof line);
	struct machinefile *m = asked_about(l);
	if (m && !machinefile_clone(m, line, &err)) {
		refuse(l, "%s", err.msg);
		return;
	}
	l->asking = ASK_NOTHING;
	if (!m) {
		refuse(l, "%s is not there any more", l->about);
		return;
	}
	say(l, "cloned; both name the same disk images: e edits");
	choose(l, line);
}

static void key_to_form(struct machinelist *l, const struct key *k)
{
	enum newmachine_result r = newmachine_key(&l->form, k);
	if (r == NEW_ASKING)
		return;
	l->asking = ASK_NOTHING;
	if (r == NEW_MADE) {
		say(l, "%s made; Enter starts it", l->form.made);
		choose(l, l->form.made);
	}
}

static void key_to_machine(struct machinelist *l, uint32_t sym, struct machinefile *m)
{
	if (strchr("sec", (int)sym) && sym < 0x80 && !m->path[0]) {
		refuse(l, "%s has no file in this folder", m->name);
		return;
	}
	switch (sym) {
	case K_ENTER: case 'a':
		if (m->running)
			machinelist_attach(l, m);
		else
			machinelist_start(l, m, false);
		look(l);
		break;
	case 's':
		if (m->running)
			refuse(l, "%s runs already", m->name);
		else
			machinelist_start(l, m, true);
		look(l);
		break;
	case 'x':
		if (!m->running) {
			refuse(l, "%s does not run", m->name);
			break;
		}
		ask(l, ASK_STOP);
		say(l, "stop %s: p presses the power button, k ends it at once", m->name);
		break;
	case 'e':
		machinelist_edit(l, m);
		look(l);
		break;
	case 'c':
		ask(l, ASK_CLONE);
		prompt_open(&l->prompt);
		break;
	case 'd':
		if (m->running || !m->path[0]) {
			refuse(l, m->running ? "%s runs: stop it first" : "%s has no file in this folder", m->name);
			break;
		}
		ask(l, ASK_DELETE);
		say(l, "delete %s? y deletes it", strrchr(m->path, '/') + 1);
		break;
	default: break;
	}
}

static void on_key(void *arg, const struct key *k)
{
	struct machinelist *l = arg;
	if (k->sym == K_PASTE_BEGIN || k->sym == K_PASTE_END)
		return;
	if (l->asking == ASK_CLONE) {
		key_to_clone(l, k);
		return;
	}
	if (l->asking == ASK_NEW) {
		key_to_form(l, k);
		return;
	}
	if (k->pasted)                          /* text, never a command */
		return;
	if (l->asking) {
		answered(l, k->sym);
		return;
	}
	l->message[0] = 0;
	if (l->help >= 0) {
		l->help = k->sym == 'q' || k->sym == K_ESC ? -1 : l->help_next;
		return;
	}
	switch (k->sym) {
	case '?': case 'h': l->help = 0; return;
	case K_UP: case 'k': l->at -= l->at > 0; return;
	case K_DOWN: case 'j': l->at += l->at + 1 < (int)l->n; return;
	case K_HOME: case 'g': l->at = 0; return;
	case K_END: case 'G': l->at = l->n ? (int)l->n - 1 : 0; return;
	case 'q': case K_ESC: l->quit = true; return;
	case 'n':
		l->asking = ASK_NEW;
		newmachine_open(&l->form);
		return;
	default: break;
	}
	if ((k->mods & MOD_CTRL) && (k->sym == 'c' || k->sym == 'd'))
		l->quit = true;
	else if (machinelist_chosen(l))
		key_to_machine(l, k->sym, machinelist_chosen(l));
}

/* ---- the loop --------------------------------------------------------------------------------------------------------------------- */

static void draw(struct machinelist *l)
{
	size_t len;
	machinelist_draw(l);
	const void *bytes = curses_frame(l->screen, &l->grid, &len);
	if (len)
		tty_put(&l->tty, bytes, len);
	tty_flush(&l->tty);
}

static void signals(struct machinelist *l)
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

static void wait_for_something(struct machinelist *l)
{
	uint8_t buf[1024];
	int64_t due = keydec_deadline(&l->decoder), now = app_now_ms();
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
			keydec_feed(&l->decoder, buf, n, app_now_ms());
		l->quit |= l->tty.gone;
	}
	keydec_tick(&l->decoder, app_now_ms());
}

int machines_main(void)
{
	struct machinelist l = { .tty = { .fd = -1 }, .m = calloc(MOST, sizeof *l.m), .help = -1, .key = on_key };
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
	look(&l);
	if (!config_look(&l.theme, &l.grid.ascii, &err))
		refuse(&l, "%s", err.msg);
	err.msg[0] = 0;
	if (machinelist_show(&l, &err)) {
		while (!l.quit) {
			draw(&l);
			wait_for_something(&l);
		}
	}
	machinelist_hide(&l);
	curses_close(l.screen);
	prompt_free(&l.prompt);
	newmachine_free(&l.form);
	grid_free(&l.grid);
	free(l.m);
	close(l.sig_fd);
	guard_stop(&l.guard);
	if (err.msg[0])
		fprintf(stderr, "vmux: %s\n", err.msg);
	return err.msg[0] != 0;
}
