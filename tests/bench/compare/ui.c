/* ui.c - the workstation beside tmux, both on pseudo terminals of 80x25: text throughput, bytes on the wire, looking for a line among a million,
 * keystroke to echo, and what four idle panes cost.  What measures the workstation alone runs on the machine of cardboard (tests/tui/fake). */
#include "tests/bench/compare/compare.h"
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINES = 1000000, SCROLLS = 40, SCREEN_LINES = 24, KEYSTROKES = 200, KEY_MS = 33, IDLE_S = 10, LIMIT_S = 120, TAIL = 8192 };
#define FLOOD_LINE "line %u of the flood, and some words to fill it up\r\n"

struct terminal { pid_t pid; int fd; uint64_t bytes; char tail[TAIL + 1]; size_t n_tail; };

static bool open_terminal(struct terminal *t, const char *const argv[], int keep)
{
	struct winsize ws = { .ws_col = 80, .ws_row = 25 };
	*t = (struct terminal){ .fd = -1 };
	t->pid = forkpty(&t->fd, NULL, NULL, &ws);
	if (t->pid == 0) {
		char fd[32];
		snprintf(fd, sizeof(fd), "%d", keep);
		setenv("FAKE_VM_FD", fd, 1);
		setenv("TERM", "xterm-256color", 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		unsetenv("TMUX");
		execvp(argv[0], (char **)argv);
		_exit(127);
	}
	if (t->fd >= 0)
		fcntl(t->fd, F_SETFD, FD_CLOEXEC);
	return t->pid > 0;
}

static void close_terminal(struct terminal *t)
{
	if (t->pid > 0) {
		kill(t->pid, SIGKILL);
		waitpid(t->pid, NULL, 0);
		close(t->fd);
	}
	t->pid = 0;
}

/* Read what comes within ms; returns how much. */
static size_t take(struct terminal *t, int ms)
{
	struct pollfd p = { .fd = t->fd, .events = POLLIN };
	char buf[65536];
	if (poll(&p, 1, ms) <= 0)
		return 0;
	ssize_t n = read(t->fd, buf, sizeof(buf));
	if (n <= 0)
		return 0;
	t->bytes += (size_t)n;
	size_t keep = (size_t)n < TAIL ? (size_t)n : TAIL;
	if (t->n_tail + keep > TAIL) {
		size_t drop = t->n_tail + keep - TAIL;
		memmove(t->tail, t->tail + drop, t->n_tail - drop);
		t->n_tail -= drop;
	}
	memcpy(t->tail + t->n_tail, buf + n - keep, keep);
	t->n_tail += keep;
	t->tail[t->n_tail] = 0;
	return (size_t)n;
}

static bool saw(struct terminal *t, const char *text)
{
	for (double until = wall() + LIMIT_S; wall() < until; take(t, 50))
		if (memmem(t->tail, t->n_tail, text, strlen(text)))
			return true;
	fprintf(stderr, "bench: waited in vain for \"%s\"\n", text);
	return false;
}

/* Until it has been quiet for a while; nothing of what came before is looked for any more. */
static void settle(struct terminal *t)
{
	while (take(t, 150))
		;
	t->n_tail = 0;
}

static void type(struct terminal *t, const char *keys)
{
	if (write(t->fd, keys, strlen(keys)) < 0)
		perror("bench: terminal");
}

/* ---- the two that show the same text ---------------------------------------------------------------------------------------------- */

struct shower { struct terminal t; int control; FILE *answers, *text; char socket[128], fifo[128]; };

static bool request(struct shower *s, const char *line, char *answer, size_t size)
{
	char none[256];
	dprintf(s->control, "%s\n", line);
	for (double until = wall() + LIMIT_S; wall() < until; take(&s->t, 1)) {
		char c;
		if (recv(s->control, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 1)
			return fgets(answer ? answer : none, (int)(answer ? size : sizeof(none)), s->answers) != NULL;
	}
	return false;
}

static bool open_vmux(struct bench *b, struct shower *s)
{
	static const char *const argv[] = { "build/tests/tui-fake", "-nodefaults", NULL };
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return false;
	fcntl(pair[0], F_SETFD, FD_CLOEXEC);
	bool ok = open_terminal(&s->t, argv, pair[1]);
	close(pair[1]);
	s->control = pair[0];
	s->answers = fdopen(dup(pair[0]), "r");
	if (!ok || !saw(&s->t, "fake VGA ready"))
		return false;
	type(&s->t, "\001:set scrollback 120\r");
	settle(&s->t);
	type(&s->t, "\0333");
	settle(&s->t);
	return true;
}

static bool open_tmux(struct bench *b, struct shower *s)
{
	char command[300];
	snprintf(s->socket, sizeof(s->socket), "%s/tmux.sock", b->dir);
	snprintf(s->fifo, sizeof(s->fifo), "%s/tmux.fifo", b->dir);
	snprintf(command, sizeof(command), "exec cat %s", s->fifo);
	unlink(s->fifo);
	const char *const argv[] = { "tmux", "-S", s->socket, "-f", "/dev/null", "new-session", command, NULL };
	if (mkfifo(s->fifo, 0600) || !open_terminal(&s->t, argv, -1))
		return false;
	s->text = fopen(s->fifo, "r+");
	settle(&s->t);
	return s->text != NULL && s->t.bytes > 0;
}

static void close_shower(struct shower *s)
{
	if (s->text) {
		char command[300];
		snprintf(command, sizeof(command), "tmux -S %s kill-server 2>/dev/null", s->socket);
		if (system(command))
			perror("bench: tmux");
		fclose(s->text);
		unlink(s->fifo);
		unlink(s->socket);
	}
	if (s->answers) {
		close(s->control);              /* the machine of cardboard ends */
		fclose(s->answers);
	}
	close_terminal(&s->t);
}

/* Print lines, all in one piece as far as the way to it allows. */
static bool print(struct shower *s, unsigned first, unsigned n)
{
	char line[8192];
	size_t at = (size_t)snprintf(line, sizeof(line), "print 3 ");
	for (unsigned i = first; i < first + n; i++) {
		if (s->text)
			fprintf(s->text, FLOOD_LINE, i);
		else
			at += (size_t)snprintf(line + at, sizeof(line) - at, "line %u of the flood, and some words to fill it up\\r\\n", i);
	}
	return s->text ? !fflush(s->text) : request(s, line, NULL, 0);
}

/* The pane's cat and tmux take what a pipe holds at a time, so the writer is a process of its own. */
static double flood(struct shower *s)
{
	char last[64], all[64];
	snprintf(last, sizeof(last), "END OF FLOOD");
	snprintf(all, sizeof(all), "flood 3 %d", LINES);
	double start = wall();
	pid_t writer = s->text ? fork() : 0;
	if (s->text && writer == 0) {
		for (unsigned i = 1; i <= LINES; i++)
			fprintf(s->text, FLOOD_LINE, i);
		fprintf(s->text, "%s\r\n", last);
		fflush(s->text);
		_exit(0);
	}
	bool ok = s->text || (request(s, all, NULL, 0) && request(s, "print 3 END OF FLOOD\\r\\n", NULL, 0));
	ok = ok && saw(&s->t, last);
	double t = wall() - start;
	if (s->text)
		waitpid(writer, NULL, 0);
	settle(&s->t);
	return ok ? t : 0;
}

/* Bytes that a screenful of new lines takes, on the average. */
static double scroll_bytes(struct shower *s)
{
	uint64_t before;
	print(s, 1, SCREEN_LINES);
	settle(&s->t);
	before = s->t.bytes;
	for (unsigned i = 1; i <= SCROLLS; i++) {
		print(s, i * SCREEN_LINES, SCREEN_LINES);
		settle(&s->t);
	}
	return (double)(s->t.bytes - before) / SCROLLS;
}

static double resident_mb(const char *pid)
{
	char path[64], line[256];
	long kb = 0;
	snprintf(path, sizeof(path), "/proc/%ld/status", atol(pid));
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return (double)kb / 1024;
}

static double search_ms(struct shower *s)
{
	type(&s->t, "\001/^line 1[7] of\r");
	double start = wall();
	bool ok = saw(&s->t, "match 1 of 1");
	double t = wall() - start;
	type(&s->t, "q");
	settle(&s->t);
	return ok ? t * 1000 : 0;
}

static bool bench_text(struct bench *b)
{
	struct shower v = { .control = -1 }, m = { .control = -1 };
	char pid[64] = "";
	bool ok = open_vmux(b, &v) && open_tmux(b, &m) && request(&v, "pid", pid, sizeof(pid));
	double before = ok ? resident_mb(pid) : 0, vmux_s = ok ? flood(&v) : 0, tmux_s = ok ? flood(&m) : 0, after = resident_mb(pid);
	ok = ok && vmux_s > 0 && tmux_s > 0;
	if (ok) {
		double mb = (double)LINES * 55 / 1e6, search = search_ms(&v), vs = scroll_bytes(&v), ts = scroll_bytes(&m);
		request(&v, "text 80 25", NULL, 0);
		type(&v.t, "\0331");
		settle(&v.t);
		uint64_t bytes = v.t.bytes;
		request(&v, "put 40 12 1e changed", NULL, 0);
		settle(&v.t);
		bytes = v.t.bytes - bytes;
		printf("\nWorkstation on a terminal of 80x25, beside tmux\n");
		printf("  %d lines on a serial pane: vmux %.2f s (%.1f MB/s), tmux %.2f s (%.1f MB/s)\n", LINES, vmux_s, mb / vmux_s, tmux_s, mb / tmux_s);
		printf("  a screenful of new lines: vmux %.0f bytes on the wire, tmux %.0f\n  7 changed cells of VGA text: %llu bytes\n", vs, ts, (unsigned long long)bytes);
		judge(b, "ui: serial pane throughput, vmux / tmux", tmux_s / vmux_s, "", true, 1);
		judge(b, "ui: bytes for a screenful of lines, vmux / tmux", vs / ts, "", false, 1);
		judge(b, "ui: bytes for 7 changed VGA cells", (double)bytes, "", false, 64);
		judge(b, "ui: 1,000,000 lines of scrollback", after - before, "MB", false, 150);
		judge(b, "ui: 1,000,000 lines searched", search, "ms", false, 300);
		ok = search > 0;
	}
	close_shower(&v);
	close_shower(&m);
	return ok;
}

/* ---- a real guest ----------------------------------------------------------------------------------------------------------------- */

/* From a key's byte written to its echo read, in ms, the 99th percentile; keys come as fast as a keyboard repeats them. */
static double echo_p99(int fd)
{
	static const char keys[] = "QZXW";
	double t[KEYSTROKES];
	for (unsigned i = 0; i < KEYSTROKES; i++) {
		char key = keys[i % 4], buf[65536];
		struct pollfd p = { .fd = fd, .events = POLLIN };
		while (poll(&p, 1, i % 32 ? KEY_MS : 150) > 0 && read(fd, buf, sizeof(buf)) > 0)
			;
		double start = wall();
		bool echoed = false;
		if (write(fd, &key, 1) != 1)
			return 0;
		while (!echoed && poll(&p, 1, 5000) > 0) {
			ssize_t n = read(fd, buf, sizeof(buf));
			echoed = n > 0 && memchr(buf, key, (size_t)n);
			if (n <= 0)
				return 0;
		}
		t[i] = (wall() - start) * 1000;
		if (i % 32 == 31 && write(fd, "\025", 1) != 1)  /* Ctrl-U: the line is empty again */
			return 0;
	}
	median(t, KEYSTROKES);                  /* sorts */
	return t[KEYSTROKES * 99 / 100];
}

static bool bench_guest(struct bench *b)
{
	char serial[256], unix_serial[300], pid_file[300], kernel[512], initrd[512];
	snprintf(serial, sizeof(serial), "%s/serial-ui", b->dir);
	snprintf(unix_serial, sizeof(unix_serial), "unix:%s", serial);
	snprintf(pid_file, sizeof(pid_file), "%s.pid", serial);
	unlink(pid_file);
	snprintf(kernel, sizeof(kernel), "%s/linux-6.1/vmlinuz", b->guests);
	snprintf(initrd, sizeof(initrd), "%s/demo.initrd", b->guests);
	const char *const argv[] = { "build/vmux", "-m", "256", "-kernel", kernel, "-initrd", initrd, "-append", "quiet console=tty0", "-serial", "vc", "-serial", unix_serial,
		"-pidfile", pid_file, NULL };
	struct emulator e, *list = &e;
	bool ok = emulator_start(&e, "vmux", SERIAL_SOCKET, serial, argv) && emulator_expect(&e, &list, 1, "vmux ttyS1# ", LIMIT_S);
	struct terminal t = { .fd = e.pty };
	if (ok) {
		type(&t, "\0333\r");
		settle(&t);
		double pane = echo_p99(e.pty), wire = echo_p99(e.serial);
		type(&t, "\001|\001-\001-");
		settle(&t);
		while (take(&t, 1000))
			;
		double start = wall(), cpu = emulator_cpu(&e);
		uint64_t bytes = t.bytes;
		while (wall() < start + IDLE_S)
			take(&t, 100);
		cpu = (emulator_cpu(&e) - cpu) / (wall() - start) * 100;
		printf("\nKeystroke to echo of a Linux shell, 99th percentile of %d: %.2f ms in a pane, %.2f ms on a socket\n", KEYSTROKES, pane, wire);
		judge(b, "ui: keystroke to echo, pane - socket, p99", pane - wire, "ms", false, 1);
		judge(b, "ui: bytes of 10 s idle, 4 panes", (double)(t.bytes - bytes), "", false, 0);
		judge(b, "ui: idle Linux and 4 panes, percent of a core", cpu, "%", false, 0.5);
		ok = pane > 0 && wire > 0;
	}
	emulator_stop(&e);
	return ok;
}

bool bench_ui(struct bench *b)
{
	if (system("command -v tmux >/dev/null 2>&1")) {
		printf("tmux is not installed\n");
		return false;
	}
	bool text = bench_text(b);
	return bench_guest(b) && text;
}
