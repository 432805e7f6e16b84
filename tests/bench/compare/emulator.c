#include "tests/bench/compare/emulator.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static double seconds_of(clockid_t id)
{
	struct timespec t;
	return clock_gettime(id, &t) ? 0 : (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
double wall(void) { return seconds_of(CLOCK_MONOTONIC); }
static double process_cpu(pid_t pid)
{
	clockid_t id;
	return clock_getcpuclockid(pid, &id) ? 0 : seconds_of(id);
}

static void find_machine(struct emulator *e)
{
	char name[sizeof(e->path) + 8];
	int pid = 0;
	snprintf(name, sizeof(name), "%s.pid", e->path);
	FILE *f = fopen(name, "r");
	if (!f)
		return;
	if (fscanf(f, "%d", &pid) == 1 && pid > 1 && pid != e->pid)
		e->machine = pid;
	fclose(f);
}

double emulator_cpu(struct emulator *e)
{
	if (!e->machine)
		find_machine(e);
	return process_cpu(e->pid) + (e->machine ? process_cpu(e->machine) : 0);
}

static bool complain(const struct emulator *e, const char *what)
{
	fprintf(stderr, "bench: %s: %s: %s\n", e->name, what, strerror(errno));
	return false;
}

static bool open_serial(struct emulator *e, enum serial_kind kind)
{
	unlink(e->path);
	if (kind == SERIAL_FIFO) {
		/* opened for writing too, so that it does not end before the emulator has opened it */
		return (!mkfifo(e->path, 0600) && (e->serial = open(e->path, O_RDWR | O_NONBLOCK | O_CLOEXEC)) >= 0) || complain(e, e->path);
	}
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	strcpy(a.sun_path, e->path);
	e->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return (e->listener >= 0 && !bind(e->listener, (struct sockaddr *)&a, sizeof(a)) && !listen(e->listener, 1)) || complain(e, e->path);
}

bool emulator_start(struct emulator *e, const char *name, enum serial_kind kind, const char *path, const char *const argv[])
{
	*e = (struct emulator){ .name = name, .pid = -1, .pty = -1, .serial = -1, .listener = -1 };
	if (strlen(path) >= sizeof(e->path)) {
		errno = ENAMETOOLONG;
		return complain(e, path);
	}
	strcpy(e->path, path);
	if (!open_serial(e, kind))
		return false;
	struct winsize size = { .ws_row = 30, .ws_col = 100 };
	e->pid = forkpty(&e->pty, NULL, NULL, &size);
	if (e->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		setenv("TERM", "xterm", 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		execvp(argv[0], (char *const *)argv);
		perror(argv[0]);
		_exit(127);
	}
	if (e->pid < 0)
		return complain(e, "cannot start it");
	fcntl(e->pty, F_SETFL, O_NONBLOCK);
	return true;
}

void emulator_stop(struct emulator *e)
{
	if (e->pid > 0) {
		/* Politely, so that it ends the machine's process too; what does not listen is killed. */
		find_machine(e);
		kill(e->pid, SIGTERM);
		bool ended = false;
		for (double until = wall() + 5; !(ended = waitpid(e->pid, NULL, WNOHANG) == e->pid) && wall() < until;)
			if (read(e->pty, e->screen, sizeof(e->screen)) <= 0)    /* it may be waiting to write */
				usleep(20000);
		if (!ended) {
			kill(e->pid, SIGKILL);
			waitpid(e->pid, NULL, 0);
			if (e->machine)
				kill(e->machine, SIGKILL);
		}
	}
	for (int *fd = (int[]){ e->pty, e->serial, e->listener, -2 }; *fd != -2; fd++)
		if (*fd >= 0)
			close(*fd);
	if (e->path[0])
		unlink(e->path);
	e->pid = e->pty = e->serial = e->listener = -1;
}

static void keep_last(char *buf, size_t size, size_t *used, const char *data, size_t n)
{
	if (n > size / 2) {
		data += n - size / 2;
		n = size / 2;
	}
	if (*used + n > size) {
		size_t drop = *used + n - size;
		memmove(buf, buf + drop, *used - drop);
		*used -= drop;
	}
	memcpy(buf + *used, data, n);
	*used += n;
}

static void read_serial(struct emulator *e)
{
	char data[65536];
	ssize_t n = read(e->serial, data, sizeof(data));
	if (n <= 0)
		return;
	double cpu = emulator_cpu(e);
	e->received += (uint64_t)n;
	keep_last(e->tail, sizeof(e->tail), &e->n_tail, data, (size_t)n);
	if (e->on_serial)
		e->on_serial(e, data, (size_t)n, cpu);
}

/* The end of an emulator shows as the end of its terminal. */
static bool read_pty(struct emulator *e)
{
	char data[16384];
	ssize_t n = read(e->pty, data, sizeof(data));
	if (n > 0)
		keep_last(e->screen, sizeof(e->screen), &e->n_screen, data, (size_t)n);
	return n > 0 || (n < 0 && errno == EAGAIN);
}

bool emulators_pump(struct emulator *const *list, unsigned n, int ms)
{
	struct pollfd fds[16];
	for (unsigned k = 0; k < n; k++) {
		int first = list[k]->serial >= 0 ? list[k]->serial : list[k]->listener;
		fds[2 * k] = (struct pollfd){ .fd = first, .events = POLLIN };
		fds[2 * k + 1] = (struct pollfd){ .fd = list[k]->pty, .events = POLLIN };
	}
	if (poll(fds, 2 * n, ms) <= 0)
		return true;
	for (unsigned k = 0; k < n; k++) {
		struct emulator *e = list[k];
		if (fds[2 * k].revents && e->serial >= 0)
			read_serial(e);
		else if (fds[2 * k].revents)
			e->serial = accept4(e->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fds[2 * k + 1].revents && !read_pty(e)) {
			fprintf(stderr, "bench: %s ended; its last words:\n%.*s\n", e->name, (int)e->n_screen, e->screen);
			return false;
		}
	}
	return true;
}

bool emulator_expect(struct emulator *e, struct emulator *const *list, unsigned n, const char *text, double seconds)
{
	size_t len = strlen(text);
	for (double until = wall() + seconds; wall() < until;) {
		char *at = memmem(e->tail, e->n_tail, text, len);
		if (at) {
			e->n_tail -= (size_t)(at + len - e->tail);
			memmove(e->tail, at + len, e->n_tail);
			return true;
		}
		if (!emulators_pump(list, n, 100))
			return false;
	}
	fprintf(stderr, "bench: %s: \"%s\" did not come on the serial port within %.0f s; the last was:\n%.*s\n", e->name, text, seconds,
		(int)(e->n_tail < 400 ? e->n_tail : 400), e->tail + (e->n_tail < 400 ? 0 : e->n_tail - 400));
	return false;
}

bool emulator_send(struct emulator *e, const char *text)
{
	size_t n = strlen(text);
	return e->serial >= 0 && write(e->serial, text, n) == (ssize_t)n;
}
