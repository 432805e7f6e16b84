/* main.c - vmux: a PC in the terminal. */
#include "tui/app.h"
#include "tui/config.h"
#include "tui/machines.h"
#include "tui/relay.h"
#include "tui/remote.h"
#include "tui/wire.h"
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Before any thread, so that all of them inherit the mask. */
static int signal_fd(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void tell_signal(int sig, long sender)
{
	char path[64], comm[64] = "";
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	if (!sig || poll(&p, 1, 1000) <= 0 || !(p.revents & POLLOUT))  /* a stalled terminal does not keep the program from ending */
		return;
	if (!sender) {
		fprintf(stderr, "vmux: terminating on signal %d\n", sig);
		return;
	}
	snprintf(path, sizeof path, "/proc/%ld/comm", sender);
	FILE *f = fopen(path, "re");
	if (f) {
		if (fgets(comm, sizeof comm, f))
			comm[strcspn(comm, "\n")] = 0;
		fclose(f);
	}
	fprintf(stderr, "vmux: terminating on signal %d from pid %ld (%s)\n", sig, sender, comm[0] ? comm : "<unknown process>");
}

/* What a machine's process needs around the machine. */
struct process {
	struct vm *vm;
	struct guard guard;
	int sock;                       /* to the program that started this one and has the terminal, -1 = none */
	bool background;                /* no terminal: that program only wants to know that the machine runs */
	bool daemon;                    /* -daemonize asked for that, not `vmux start` */
	int sig;
	long sender;
	struct farewell farewell;
};

static void run(struct process *p, struct app *a)
{
	struct error err;
	struct wire_msg m;
	bool listens = app_listen(a, &err);
	if (p->background) {
		const char *name = strrchr(a->socket_path, '/');
		wire_make(&m, WIRE_READY, name ? name + 1 : "", name ? strlen(name + 1) - strlen(".sock") : 0);
		wire_send(p->sock, &m, -1);
		close(p->sock);
		p->sock = -1;
	}
	if (!listens)
		fprintf(stderr, "vmux: no control socket, so nobody can attach to this machine: %s\n", err.msg);
	app_loop(a);
	p->sig = a->quit_signal;
	p->sender = a->quit_pid;
}

/* The machine lives in a session of its own: what becomes of the terminal and its shell is nothing to it. */
static bool with_screen(struct process *p, int sig_fd, struct error *err)
{
	struct app *a = app_open(p->vm, &p->guard, sig_fd, false, err);
	if (!a)
		return false;
	setsid();
	guard_capture(&p->guard);
	bool ok = p->background || app_first_client(a, p->sock);
	if (ok && (ok = vm_start(p->vm, err)))
		run(p, a);
	app_close(a, &p->farewell);
	return ok;
}

static bool without_screen(struct process *p, int sig_fd, struct error *err)
{
	struct app *a = app_open(p->vm, &p->guard, sig_fd, true, err);
	bool ok = vm_start(p->vm, err);
	if (ok)
		run(p, a);
	app_close(a, &p->farewell);
	return ok;
}

/* Does this command line want no screen?  Only a guess, for the sake of running in one process then: a wrong one costs a process more, or
 * building the machine twice. */
static bool looks_unseen(int argc, char **argv)
{
	static const char *const words[] = { "nographic", "h", "help", "version", "qtest", "writeconfig" };
	for (int i = 1; i < argc; i++) {
		const char *s = argv[i];
		bool option = *s == '-';
		s += option + (option && s[1] == '-');
		for (unsigned k = 0; option && k < sizeof words / sizeof *words; k++)
			if (!strcmp(s, words[k]))
				return true;
		if (option && !strcmp(s, "display") && i + 1 < argc && strncmp(argv[i + 1], "curses", 6))
			return true;
		if (!option && (!strncmp(s, "stdio", 5) || !strcmp(s, "mon:stdio")))
			return true;
	}
	return false;
}

/* Make the machine, run it, end it.  -1: it wants a screen, and sock is -1. */
static int machine_process(int argc, char **argv, struct process *p)
{
	struct error err = { "" };
	int status = 1;
	p->vm = vm_create(argc, argv, &status, &err);   /* may wait for a client of a socket: signals still end us */
	if (!p->vm) {
		if (err.msg[0])
			vm_report(argc, argv, err.msg);
		return status;
	}
	const char *complaint = p->background ? NULL : relay_complaint();
	bool ui = vm_wants_ui(p->vm), ok;
	if (ui && !vm_has_stdio(p->vm) && !complaint && p->sock < 0) {
		vm_destroy(p->vm);
		return -1;
	}
	int sig_fd = signal_fd();
	if (p->background && vm_has_stdio(p->vm))
		ok = error_set(&err, "%s: a machine in the background has no stdin and stdout for a stdio chardev; put that on vc, pty or a socket", p->daemon ? "-daemonize" : "start");
	else if (ui && vm_has_stdio(p->vm))
		ok = error_set(&err, "-display curses: the terminal is taken by a stdio chardev; put that on vc or pty, or use -display none");
	else if (ui && complaint)
		ok = error_set(&err, "%s", complaint);
	else if (ui)
		ok = with_screen(p, sig_fd, &err);
	else
		ok = without_screen(p, sig_fd, &err);
	tell_signal(p->sig, p->sender);
	status = vm_destroy(p->vm);
	if (!ok)
		status = 1;
	if (err.msg[0])
		vm_report(argc, argv, err.msg);
	farewell_say(&p->farewell, status);
	return status;
}

static int in_this_process(int argc, char **argv)
{
	/* A terminal here is a stdio chardev's, which has a guardian of its own. */
	struct process p = { .sock = -1, .guard = { .sock = -1, .log_fd = -1, .saved_out = -1, .saved_err = -1 } };
	return machine_process(argc, argv, &p);
}

/* Nothing of the terminal or the pipes that it was started with stays open; what it says goes into the log. */
static void go_to_background(const struct guard *g)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	setsid();
	dup2(null, STDIN_FILENO);
	dup2(g->log_fd >= 0 ? g->log_fd : null, STDOUT_FILENO);
	dup2(g->log_fd >= 0 ? g->log_fd : null, STDERR_FILENO);
}

/* `vmux start ...`: the machine runs, nothing shows it; its name is printed.  -daemonize is the same as QEMU's: it prints only what the
 * machine had to say. */
static int in_background(int argc, char **argv, bool daemon)
{
	struct process p = { .sock = -1, .background = true, .daemon = daemon };
	struct wire_msg m;
	int pair[2], status = 1;
	guard_open_log(&p.guard);
	pid_t child = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) ? -1 : fork();
	if (child < 0) {
		perror("vmux");
		return 1;
	}
	if (!child) {
		close(pair[0]);
		p.sock = pair[1];
		go_to_background(&p.guard);
		return machine_process(argc, argv, &p);
	}
	close(pair[1]);
	if (wire_recv(pair[0], &m, NULL) > 0 && m.type == WIRE_READY) {
		if (daemon)
			guard_print_log(p.guard.log_fd, 0);
		else
			printf("%s\n", m.data);
		return 0;
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	guard_print_log(p.guard.log_fd, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The machine in a process of its own, the terminal in this one. */
static int in_two_processes(int argc, char **argv)
{
	struct process p = { .sock = -1 };
	struct relay_options o = { .sock = -1 };
	int pair[2];
	guard_open_log(&p.guard);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) || (o.child = fork()) < 0) {
		perror("vmux");
		return 1;
	}
	if (!o.child) {
		close(pair[0]);
		p.sock = pair[1];
		return machine_process(argc, argv, &p);
	}
	close(pair[1]);
	o.sock = pair[0];
	o.log_fd = p.guard.log_fd;
	return relay_run(&o);
}

int main(int argc, char **argv)
{
	int status = -1;
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	if (argc == 1 && !relay_complaint())
		return machines_main();
	if (argc > 1 && !strcmp(argv[1], "start")) {
		argv[1] = argv[0];
		return in_background(argc - 1, argv + 1, false);
	}
	if (argc > 1 && !strcmp(argv[1], "config"))
		return config_main(argc - 1, argv + 1);
	if (argc > 1 && remote_knows(argv[1]))          /* a disk image of such a name is ./NAME */
		return remote_main(argc - 1, argv + 1);
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "-daemonize") || !strcmp(argv[i], "--daemonize"))
			return in_background(argc, argv, true);
	if (relay_complaint() || looks_unseen(argc, argv))
		status = in_this_process(argc, argv);
	return status < 0 ? in_two_processes(argc, argv) : status;
}
