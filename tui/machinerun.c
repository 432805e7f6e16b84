/* machinerun.c - what the machine list does with machines: the terminal is given to a program that starts, shows or edits one, and taken back. */
#include "tui/machinelist.h"
#include "tui/wire.h"
#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_MS = 2000 };

/* ---- the terminal ----------------------------------------------------------------------------------------------------------------- */

bool machinelist_show(struct machinelist *l, struct error *err)
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
		keydec_init(&l->decoder, l->key, l);
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

void machinelist_hide(struct machinelist *l)
{
	if (l->screen)
		tty_restore(&l->tty, curses_goodbye(l->screen), strlen(curses_goodbye(l->screen)));
	guard_disarm(&l->guard);
	tty_close(&l->tty);
}

/* Run a program in the list's place.  What went wrong stays readable until Enter. */
static void run(struct machinelist *l, char *const argv[])
{
	struct error err;
	int status = 0, c;
	machinelist_hide(l);
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
	if (!machinelist_show(l, &err)) {
		fprintf(stderr, "vmux: %s\n", err.msg);
		l->quit = true;
	}
}

/* ---- what is done to a machine ---------------------------------------------------------------------------------------------------- */

/* vmux [start] run FILE -name NAME, or vmux [start] -readconfig FILE -name NAME. */
void machinelist_start(struct machinelist *l, const struct machinefile *m, bool background)
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
}

void machinelist_attach(struct machinelist *l, const struct machinefile *m)
{
	char *argv[] = { (char *)"/proc/self/exe", (char *)"attach", (char *)m->name, NULL };
	run(l, argv);
}

void machinelist_edit(struct machinelist *l, const struct machinefile *m)
{
	const char *editor = getenv("VISUAL");
	char cmd[200];
	if (!editor || !*editor)
		editor = getenv("EDITOR");
	snprintf(cmd, sizeof cmd, "%.150s \"$1\"", editor && *editor ? editor : "vi");
	char *argv[] = { (char *)"sh", (char *)"-c", cmd, (char *)"sh", (char *)m->path, NULL };
	run(l, argv);
}

bool machinelist_stop(const struct machinefile *m, bool at_once, struct error *err)
{
	int sock = wire_connect_name(m->name, err);
	struct wire_msg answer;
	if (sock < 0)
		return false;
	struct pollfd p = { .fd = sock, .events = POLLIN };
	wire_say(sock, WIRE_STOP, at_once, 0);
	if (poll(&p, 1, ANSWER_MS) > 0)
		wire_recv(sock, &answer, NULL);
	close(sock);
	return true;
}
