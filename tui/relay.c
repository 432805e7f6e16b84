/* relay.c - see relay.h. */
#include "tui/relay.h"
#include "tui/guard.h"
#include "tui/tty.h"
#include "tui/wire.h"
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GONE_MS = 20, GONE_TRIES = 500 };
struct relay {
	const struct relay_options *o;
	struct tty tty;
	int sig_fd, log_fd;
	long log_from;
	char goodbye[2048];
	size_t goodbye_len;
	bool attached;                  /* the machine has the terminal, or soon will */
	bool finished;
	bool runs_on;                   /* the machine does, without us */
	bool leaving;                   /* DETACH was sent */
	bool told;                      /* it said how it ended */
	int status;
	char said[2048];                /* one sentence for the user at the end */
};

static bool linear(void)
{
	const char *s = getenv("VMUX_LINEAR");
	return s && *s && strcmp(s, "0");
}

const char *relay_complaint(void)
{
	const char *term = getenv("TERM");
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return "the workstation needs a terminal on stdin and stdout; without one use -nographic or -display none";
	if (!linear() && (!term || !*term || !strcmp(term, "dumb")))
		return "the workstation needs a terminal that can place its cursor, and TERM says this one cannot; use VMUX_LINEAR=1, -nographic or -display none";
	return NULL;
}

static bool attach(struct relay *r)
{
	const char *colorterm = getenv("COLORTERM"), *no_color = getenv("NO_COLOR"), *locale = setlocale(LC_CTYPE, NULL), *term = getenv("TERM");
	struct wire_attach w = { .read_only = r->o->read_only };
	struct wire_msg m;
	struct error err;
	int cols, rows;
	if (!tty_open(&r->tty, &err) || !tty_raw(&r->tty, &err)) {
		snprintf(r->said, sizeof r->said, "vmux: %s", err.msg);
		return false;
	}
	tty_size(&r->tty, &cols, &rows);
	w.cols = cols;
	w.rows = rows;
	w.direct_colour = colorterm && (!strcmp(colorterm, "truecolor") || !strcmp(colorterm, "24bit"));
	w.linear = linear();
	w.no_colour = no_color && *no_color;
	w.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	w.erase = r->tty.saved.c_cc[VERASE];
	w.mux = getenv("TMUX") && *getenv("TMUX") ? 't' : getenv("STY") && *getenv("STY") ? 's' : 0;
	w.saved = r->tty.saved;
	w.ours = r->tty.ours;
	snprintf(w.term, sizeof w.term, "%s", term ? term : "");
	snprintf(w.locale, sizeof w.locale, "%s", locale ? locale : "C");
	wire_make(&m, WIRE_ATTACH, &w, sizeof w);
	r->attached = wire_send(r->o->sock, &m, r->tty.fd);
	return r->attached;
}

/* The terminal as it was found.  cut: a sequence may have been left half written. */
static void restore(struct relay *r, bool cut)
{
	r->attached = false;
	if (!r->tty.raw)
		return;
	if (cut) {
		tcflush(r->tty.fd, TCOFLUSH);
		tty_put(&r->tty, "\030\033\\", 3);      /* CAN and ST end it */
	}
	tty_restore(&r->tty, r->goodbye, r->goodbye_len);
}

static void suspended(struct relay *r)
{
	struct error err;
	struct wire_msg m;
	int cols, rows;
	restore(r, false);
	kill(getpid(), SIGSTOP);
	tty_raw(&r->tty, &err);
	tty_size(&r->tty, &cols, &rows);
	wire_make(&m, WIRE_RESUME, NULL, 0);
	m.num[0] = cols;
	m.num[1] = rows;
	r->attached = wire_send(r->o->sock, &m, -1);
}

static void left(struct relay *r, const struct wire_msg *m)
{
	restore(r, m->num[1]);
	if (m->num[0] != LEAVE_DETACHED)
		return;                         /* it ends: its status comes later */
	snprintf(r->said, sizeof r->said, "vmux: detached; the machine runs on, and vmux attach%s%.100s comes back to it", m->data[0] ? " " : "", m->data);
	r->finished = r->runs_on = true;
	r->status = 0;
}

static void take_log(struct relay *r, int fd)
{
	struct stat st;
	if (r->log_fd >= 0) {
		close(fd);
		return;
	}
	r->log_fd = fd;
	r->log_from = fstat(fd, &st) ? 0 : st.st_size;
}

static void message(struct relay *r)
{
	struct wire_msg m;
	int fd, got = wire_recv(r->o->sock, &m, &fd);
	if (got < 0)
		r->finished = true;
	if (got <= 0)
		return;
	if (fd >= 0)
		take_log(r, fd);
	switch (m.type) {
	case WIRE_READY:
		r->finished = !r->attached && !attach(r);
		break;
	case WIRE_WELCOME:
		r->goodbye_len = m.len < sizeof r->goodbye ? m.len : 0;
		memcpy(r->goodbye, m.data, r->goodbye_len);
		break;
	case WIRE_SUSPENDED: suspended(r); break;
	case WIRE_LEAVE: left(r, &m); break;
	case WIRE_STATUS:
		r->told = true;
		r->status = m.num[0];
		break;
	case WIRE_DONE:
		restore(r, false);
		snprintf(r->said, sizeof r->said, "vmux: %.2000s", m.data);
		r->finished = r->told = true;
		r->status = m.num[0];
		break;
	default: break;
	}
}

/* To end the machine, if it is ours to end; to leave, if it is not. */
static void asked_to_end(struct relay *r, const struct signalfd_siginfo *si)
{
	if (r->o->child && !r->attached) {
		if (si->ssi_code != SI_KERNEL)  /* from the keyboard: the machine's process got it too */
			kill(r->o->child, (int)si->ssi_signo);
	} else if (r->o->child && si->ssi_signo != SIGHUP) {
		wire_say(r->o->sock, WIRE_SIGNAL, (int32_t)si->ssi_signo, (int32_t)si->ssi_pid);
	} else if (r->attached && si->ssi_signo != SIGHUP && !r->leaving) {
		r->leaving = wire_say(r->o->sock, WIRE_DETACH, 0, 0);
	} else {
		restore(r, true);
		r->finished = r->runs_on = true;
		r->status = 0;
	}
}

static void signals(struct relay *r)
{
	struct signalfd_siginfo si;
	int cols, rows;
	while (read(r->sig_fd, &si, sizeof si) == (ssize_t)sizeof si) {
		switch (si.ssi_signo) {
		case SIGWINCH:
			tty_size(&r->tty, &cols, &rows);
			if (r->attached)
				wire_say(r->o->sock, WIRE_SIZE, cols, rows);
			break;
		case SIGTSTP:
			if (r->attached)
				wire_say(r->o->sock, WIRE_SUSPEND, 0, 0);
			else
				kill(getpid(), SIGSTOP);
			break;
		case SIGCONT: break;
		default: asked_to_end(r, &si); break;
		}
	}
}

static int signal_fd(void)
{
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT };
	sigset_t set;
	sigemptyset(&set);
	for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++)
		sigaddset(&set, wanted[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* The machine is gone: how did it end? */
static void epitaph(struct relay *r)
{
	int status = 0;
	if (r->o->child) {
		pid_t got = 0;
		for (int i = 0; i < GONE_TRIES && got != r->o->child; i++) {
			got = waitpid(r->o->child, &status, WNOHANG);
			if (got != r->o->child)
				poll(NULL, 0, GONE_MS);
		}
		if (got != r->o->child) {       /* it lives, and only broke off with us */
			snprintf(r->said, sizeof r->said, "vmux: the machine let go of this terminal and runs on; vmux ls lists it");
			return;
		}
		r->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		if (WIFSIGNALED(status))
			snprintf(r->said, sizeof r->said, "vmux: the machine was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	} else if (!r->told) {
		snprintf(r->said, sizeof r->said, "vmux: the machine was killed");
		r->status = 1;
	}
}

int relay_run(const struct relay_options *o)
{
	struct relay r = { .o = o, .log_fd = o->log_fd, .tty = { .fd = -1 }, .sig_fd = signal_fd(), .status = 1 };
	if (!o->child && !attach(&r))
		r.finished = true;
	while (!r.finished) {
		struct pollfd p[2] = { { .fd = o->sock, .events = POLLIN }, { .fd = r.sig_fd, .events = POLLIN } };
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[0].revents)
			message(&r);
		if (p[1].revents && !r.finished)
			signals(&r);
	}
	restore(&r, r.attached);
	close(o->sock);
	if (!r.runs_on) {
		epitaph(&r);
		guard_print_log(r.log_fd, r.log_from);
	}
	if (r.said[0])
		fprintf(stderr, "%s\n", r.said);
	tty_close(&r.tty);
	close(r.sig_fd);
	return r.status;
}
