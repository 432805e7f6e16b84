/* ptyrun.c - see ptyrun.h. */
#include "tests/tui/ptyrun.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <regex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vterm.h>

enum { TAIL = 65536, MODES = 3000, ERR_MAX = 65536, AFTERMATH_MS = 3000, KILL_MS = 60000, DRAIN_MS = 10000, MOST_RUNS = 64 };

struct ptyrun {
	int master, slave, err_fd, log_fd;
	struct termios before;          /* before the program ran */
	pid_t pid, leader;              /* leader: of the session, 0 = the program itself */
	bool exited, paused, cursor_visible, alternate;
	int status;
	VTerm *vt;
	VTermScreen *vts;
	unsigned cols, rows;
	uint64_t bytes;
	char tail[TAIL];
	size_t tail_len;                /* ever written; the ring's place is modulo TAIL */
	uint8_t mode[MODES];
	char csi[64];                   /* the private mode sequence being read */
	unsigned csi_len;
	char err[ERR_MAX];
	size_t err_len;
	char row[4096];
	char mark[48];
};

/* Those that were not freed.  When an assertion fails, nobody gets to free them: then it is done at the test program's end. */
static struct ptyrun *runs[MOST_RUNS];

static void free_all(void)
{
	for (unsigned i = 0; i < MOST_RUNS; i++)
		ptyrun_free(runs[i]);
}

static void note_run(struct ptyrun *p)
{
	static bool registered;
	if (!registered)
		atexit(free_all);
	registered = true;
	for (unsigned i = 0; i < MOST_RUNS; i++)
		if (!runs[i]) {
			runs[i] = p;
			return;
		}
}

static void forget_run(const struct ptyrun *p)
{
	for (unsigned i = 0; i < MOST_RUNS; i++)
		if (runs[i] == p)
			runs[i] = NULL;
}

static int64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int on_termprop(VTermProp prop, VTermValue *val, void *user)
{
	struct ptyrun *p = user;
	if (prop == VTERM_PROP_CURSORVISIBLE)
		p->cursor_visible = val->boolean;
	if (prop == VTERM_PROP_ALTSCREEN)
		p->alternate = val->boolean;
	return 1;
}

static const VTermScreenCallbacks callbacks = { .settermprop = on_termprop };

/* ---- start and end ---------------------------------------------------------------------------------------------------------------- */

/* What the program started and left behind bears this mark in its environment. */
static void make_mark(char *buf, size_t size)
{
	static unsigned count;
	snprintf(buf, size, "PTYRUN_MARK=%d.%u", getpid(), count++);
}

/* The environment of a process, *n bytes with a 0 behind them; the caller's to free.  NULL: not to be had. */
static char *environment(long pid, size_t *n)
{
	char path[64], *env = NULL;
	size_t cap = 0;
	ssize_t got = 1;
	snprintf(path, sizeof path, "/proc/%ld/environ", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	for (*n = 0; fd >= 0 && got > 0; *n += got > 0 ? (size_t)got : 0) {
		if (cap - *n < 4096 && !(env = realloc(env, (cap += 65536) + 1)))
			abort();
		got = read(fd, env + *n, cap - *n);
	}
	if (fd >= 0)
		close(fd);
	if (env)
		env[*n] = 0;
	return env;
}

/* Kill a process and wait until it is dead: what it has open, a socket that listens, is closed some time after its environment is gone. */
static void kill_and_wait(pid_t pid, int pid_fd)
{
	struct pollfd dead = { .fd = pid_fd, .events = POLLIN };
	kill(pid, SIGKILL);
	if (pid_fd >= 0)
		poll(&dead, 1, KILL_MS);
}

/* Kills who bears the mark; returns how many there were. */
static unsigned kill_once(const char *mark)
{
	unsigned found = 0;
	DIR *d = opendir("/proc");
	for (struct dirent *e; d && (e = readdir(d)); ) {
		pid_t pid = (pid_t)atol(e->d_name);
		size_t n = 0;
		int pid_fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
		char *env = pid > 0 ? environment(pid, &n) : NULL;
		bool marked = false;
		for (size_t at = 0; at < n && !marked; at += strlen(env + at) + 1)
			marked = !strcmp(env + at, mark);
		if (marked) {
			kill_and_wait(pid, pid_fd);
			found++;
		}
		free(env);
		if (pid_fd >= 0)
			close(pid_fd);
	}
	if (d)
		closedir(d);
	return found;
}

/* Until there is none: one that was looked for may have forked meanwhile.  (The dead have no environment.) */
static void kill_marked(const char *mark)
{
	for (int64_t until = now_ms() + KILL_MS; kill_once(mark) && now_ms() < until; )
		usleep(2000);
}

/* Stay behind as the session's leader, as a shell would: with the leader the kernel takes the terminal away from all who have it, and nobody could put
 * its modes right.  The program is a new process, whose parent is the test, too. */
static void lead_session(int pid_fd)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (write(pid_fd, &pid, sizeof pid) == (ssize_t)sizeof pid && pid > 0)
			for (;;)
				pause();
		_exit(1);
	}
	setpgid(0, 0);
	signal(SIGTTOU, SIG_IGN);
	tcsetpgrp(STDIN_FILENO, getpid());
}

static void child(const struct ptyrun_options *o, int slave, int err_fd, int pid_fd, char *mark, char *const argv[])
{
	sigset_t none;
	setsid();
	ioctl(slave, TIOCSCTTY, 0);
	dup2(slave, 0);
	if (pid_fd >= 0)
		lead_session(pid_fd);
	dup2(slave, 1);
	dup2(err_fd >= 0 ? err_fd : slave, 2);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int s = 1; s < 32; s++)
		signal(s, SIG_DFL);
	static const char *const unset[] = { "COLORTERM", "NO_COLOR", "LINES", "COLUMNS", "TERMINFO", "VMUX_THEME", "VMUX_ESC_TIME", "LANG", "LC_CTYPE" };
	for (unsigned i = 0; i < sizeof unset / sizeof *unset; i++)
		unsetenv(unset[i]);
	setenv("XDG_STATE_HOME", "/dev/null", 1);    /* tests leave nothing behind */
	/* The leak check at a program's end stops it with ptrace from a helper process; where that helper is killed, as tests do, the program
	 * waits for it for ever with a core to itself.  So leaks are looked for where a test asks for that, and nowhere else. */
	if (!o->find_leaks)
		setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	setenv("TERM", o->term ? o->term : "xterm-256color", 1);
	setenv("LC_ALL", o->locale ? o->locale : "C.UTF-8", 1);
	for (const char *const *e = o->env; e && *e; e++) {
		if (strchr(*e, '='))
			putenv((char *)*e);
		else
			unsetenv(*e);
	}
	putenv(mark);
	execvp(argv[0], argv);
	fprintf(stderr, "ptyrun: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

struct ptyrun *ptyrun_start(const struct ptyrun_options *o, char *const argv[])
{
	static const struct ptyrun_options plain;
	struct ptyrun *p = calloc(1, sizeof *p);
	int err_pipe[2] = { -1, -1 }, pid_pipe[2] = { -1, -1 };
	if (!p)
		abort();
	o = o ? o : &plain;
	p->cols = o->cols ? o->cols : 80;
	p->rows = o->rows ? o->rows : 25;
	p->err_fd = p->log_fd = -1;
	p->cursor_visible = true;
	struct winsize ws = { .ws_col = (unsigned short)p->cols, .ws_row = (unsigned short)p->rows };
	if (openpty(&p->master, &p->slave, NULL, NULL, &ws) || (o->plain_stderr && pipe(err_pipe)) ||
	    (o->has_shell && pipe2(pid_pipe, O_CLOEXEC))) {
		perror("ptyrun");
		free(p);
		return NULL;
	}
	tcgetattr(p->slave, &p->before);
	fcntl(p->master, F_SETFD, FD_CLOEXEC);
	fcntl(p->slave, F_SETFD, FD_CLOEXEC);
	fcntl(p->master, F_SETFL, O_NONBLOCK);
	if (o->log)
		p->log_fd = open(o->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	make_mark(p->mark, sizeof p->mark);
	note_run(p);
	p->pid = fork();
	if (p->pid == 0)
		child(o, p->slave, err_pipe[1], pid_pipe[1], p->mark, argv);
	if (o->has_shell) {
		p->leader = p->pid;
		close(pid_pipe[1]);
		if (read(pid_pipe[0], &p->pid, sizeof p->pid) != (ssize_t)sizeof p->pid || p->pid <= 0)
			abort();
		close(pid_pipe[0]);
	}
	if (err_pipe[1] >= 0) {
		close(err_pipe[1]);
		p->err_fd = err_pipe[0];
		fcntl(p->err_fd, F_SETFD, FD_CLOEXEC);
		fcntl(p->err_fd, F_SETFL, O_NONBLOCK);
	}
	p->vt = vterm_new((int)p->rows, (int)p->cols);
	vterm_set_utf8(p->vt, !o->locale || strstr(o->locale, "UTF-8") || strstr(o->locale, "utf8"));
	p->vts = vterm_obtain_screen(p->vt);
	vterm_screen_set_callbacks(p->vts, &callbacks, p);
	vterm_screen_enable_altscreen(p->vts, 1);
	vterm_screen_reset(p->vts, 1);
	return p;
}

static void reap(struct ptyrun *p)
{
	if (!p->exited && waitpid(p->pid, &p->status, WNOHANG) == p->pid)
		p->exited = true;
}

void ptyrun_free(struct ptyrun *p)
{
	if (!p)
		return;
	forget_run(p);
	reap(p);
	if (!p->exited) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
	if (p->leader) {
		kill(p->leader, SIGKILL);
		waitpid(p->leader, NULL, 0);
	}
	kill_marked(p->mark);
	if (p->master >= 0)
		close(p->master);
	if (p->slave >= 0)
		close(p->slave);
	if (p->err_fd >= 0)
		close(p->err_fd);
	if (p->log_fd >= 0)
		close(p->log_fd);
	vterm_free(p->vt);
	free(p);
}

/* ---- the program's output --------------------------------------------------------------------------------------------------------- */

/* Note "ESC [ ? n ; n h" and "l", in whatever pieces they come. */
static void track_modes(struct ptyrun *p, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = s[i];
		if (c == 0x1b)
			p->csi_len = 0;
		else if (p->csi_len == 0 || p->csi_len >= sizeof p->csi - 1)
			continue;
		p->csi[p->csi_len++] = c;
		if ((p->csi_len == 2 && c != '[') || (p->csi_len == 3 && c != '?')) {
			p->csi_len = 0;
		} else if (p->csi_len > 3 && (c == 'h' || c == 'l')) {
			p->csi[p->csi_len] = 0;
			for (char *d = p->csi + 3; *d >= '0' && *d <= '9'; d += *d == ';') {
				unsigned long mode = strtoul(d, &d, 10);
				if (mode < MODES)
					p->mode[mode] = c == 'h';
			}
			p->csi_len = 0;
		} else if (p->csi_len > 3 && c != ';' && (c < '0' || c > '9')) {
			p->csi_len = 0;
		}
	}
}

static void take_bytes(struct ptyrun *p, const char *buf, size_t n)
{
	if (!n)
		return;
	p->bytes += n;
	if (p->log_fd >= 0 && write(p->log_fd, buf, n) < 0)
		p->log_fd = -1;
	for (size_t i = 0; i < n; i++)
		p->tail[p->tail_len++ % TAIL] = buf[i];
	track_modes(p, buf, n);
	vterm_input_write(p->vt, buf, n);
}

/* Read what is there, waiting at most ms for something.  True when something came. */
static bool pump(struct ptyrun *p, int ms)
{
	char buf[16384];
	bool came = false;
	struct pollfd fds[2] = { { .fd = p->paused ? -1 : p->master, .events = POLLIN }, { .fd = p->err_fd, .events = POLLIN } };
	if (poll(fds, 2, ms) <= 0)
		return false;
	if (fds[0].revents & POLLIN) {
		ssize_t n = read(p->master, buf, sizeof buf);
		if (n > 0) {
			take_bytes(p, buf, (size_t)n);
			came = true;
		}
	} else if (fds[0].revents) {
		usleep(1000);                   /* hung up: poll no longer waits */
	}
	if (fds[1].revents & POLLIN) {
		ssize_t n = read(p->err_fd, p->err + p->err_len, sizeof p->err - 1 - p->err_len);
		if (n > 0) {
			p->err_len += (size_t)n;
			came = true;
		}
	} else if (fds[1].revents) {
		close(p->err_fd);
		p->err_fd = -1;
	}
	return came;
}

char *ptyrun_screen(struct ptyrun *p)
{
	size_t cap = (size_t)p->rows * (p->cols * 16 + 2) + 1, at = 0;
	char *s = malloc(cap);
	if (!s)
		abort();
	for (unsigned y = 0; y < p->rows; y++) {
		const char *row = ptyrun_row(p, y);
		size_t n = strlen(row);
		memcpy(s + at, row, n);
		at += n;
		s[at++] = '\n';
	}
	s[at] = 0;
	return s;
}

static unsigned put_utf8(uint32_t c, char *out)
{
	unsigned n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	if (n == 1) {
		out[0] = (char)c;
		return 1;
	}
	for (unsigned i = n; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(0xf00u >> n | c);
	return n;
}

const char *ptyrun_row(struct ptyrun *p, unsigned row)
{
	size_t at = 0, end = 0;
	for (unsigned x = 0; x < p->cols && row < p->rows && at + 32 < sizeof p->row; x++) {
		VTermScreenCell c;
		VTermPos pos = { .row = (int)row, .col = (int)x };
		if (!vterm_screen_get_cell(p->vts, pos, &c) || c.chars[0] == (uint32_t)-1)
			continue;
		if (!c.chars[0])
			p->row[at++] = ' ';
		for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && c.chars[i]; i++)
			at += put_utf8(c.chars[i], p->row + at);
		if (c.chars[0] && c.chars[0] != ' ')
			end = at;
	}
	p->row[end] = 0;
	return p->row;
}

void ptyrun_dump(struct ptyrun *p, const char *why)
{
	unsigned x, y;
	bool visible;
	char *screen = ptyrun_screen(p), *line = screen, *end;
	ptyrun_cursor(p, &x, &y, &visible);
	fprintf(stderr, "# %s; %ux%u, cursor %u,%u%s, %llu bytes, program %s\n", why, p->cols, p->rows, x, y, visible ? "" : " hidden",
		(unsigned long long)p->bytes, p->exited ? "ended" : "runs");
	for (unsigned i = 0; i < p->rows; i++) {
		end = strchr(line, '\n');
		fprintf(stderr, "# %3u|%.*s\n", i, (int)(end - line), line);
		line = end + 1;
	}
	if (p->err_len)
		fprintf(stderr, "# stderr: %s\n", p->err);
	free(screen);
}

/* ---- waiting ---------------------------------------------------------------------------------------------------------------------- */

/* at_end: once the program has ended and nothing more comes, there is nothing to wait for. */
static bool wait_until(struct ptyrun *p, bool (*holds)(struct ptyrun *p, void *arg), void *arg, int timeout_ms, const char *what, bool at_end)
{
	int64_t deadline = now_ms() + timeout_ms, quiet_since = now_ms();
	char why[300];
	for (;;) {
		if (holds(p, arg))
			return true;
		reap(p);
		int64_t now = now_ms();
		/* A program that ended may leave another behind that still has something to do. */
		if (now >= deadline || (at_end && p->exited && !p->paused && now - quiet_since > AFTERMATH_MS))
			break;
		if (pump(p, 10) || !p->exited)
			quiet_since = now_ms();
	}
	snprintf(why, sizeof why, "waited %s for %s", at_end && p->exited ? "until the program's end" : "in vain", what);
	ptyrun_dump(p, why);
	return false;
}

bool ptyrun_until(struct ptyrun *p, bool (*holds)(struct ptyrun *p, void *arg), void *arg, int timeout_ms, const char *what)
{
	return wait_until(p, holds, arg, timeout_ms, what, false);
}

struct match { regex_t re; bool wanted; uint64_t looked_at; bool looked; };

static bool matches(struct ptyrun *p, void *arg)
{
	struct match *m = arg;
	if (m->looked && m->looked_at == p->bytes)
		return false;
	m->looked = true;
	m->looked_at = p->bytes;
	char *screen = ptyrun_screen(p);
	bool found = !regexec(&m->re, screen, 0, NULL, 0);
	free(screen);
	return found == m->wanted;
}

static bool expect(struct ptyrun *p, const char *re, int timeout_ms, bool wanted)
{
	struct match m = { .wanted = wanted };
	char what[256];
	if (regcomp(&m.re, re, REG_EXTENDED | REG_NOSUB | REG_NEWLINE)) {
		fprintf(stderr, "# ptyrun: \"%s\" is no regular expression\n", re);
		return false;
	}
	snprintf(what, sizeof what, "%s\"%s\"", wanted ? "" : "the end of ", re);
	bool ok = wait_until(p, matches, &m, timeout_ms, what, true);
	regfree(&m.re);
	return ok;
}

bool ptyrun_expect(struct ptyrun *p, const char *re, int timeout_ms)
{
	return expect(p, re, timeout_ms, true);
}

bool ptyrun_expect_gone(struct ptyrun *p, const char *re, int timeout_ms)
{
	return expect(p, re, timeout_ms, false);
}

void ptyrun_settle(struct ptyrun *p, int quiet_ms)
{
	int64_t quiet_since = now_ms();
	while (now_ms() - quiet_since < quiet_ms)
		if (pump(p, quiet_ms))
			quiet_since = now_ms();
}

uint64_t ptyrun_bytes_during(struct ptyrun *p, int ms)
{
	int64_t end = now_ms() + ms;
	uint64_t before = p->bytes;
	for (int64_t now = now_ms(); now < end; now = now_ms())
		pump(p, (int)(end - now));
	return p->bytes - before;
}

/* What a program wrote last may be still on its way through the kernel when the program has stopped or is gone.  A mark written behind it
 * says where it ends. */
static void drain(struct ptyrun *p)
{
	static const char mark[] = "\033_ptyrun was here\033\\";
	const size_t len = sizeof mark - 1;
	char name[64], *got = NULL, *at = NULL;
	size_t n = 0, sent = 0;
	int64_t deadline = now_ms() + DRAIN_MS;
	int fd = p->slave >= 0 && !p->paused && !ptsname_r(p->master, name, sizeof name) ? open(name, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC) : -1;
	while (fd >= 0 && !at && now_ms() < deadline) {
		struct pollfd pfd = { .fd = p->master, .events = POLLIN };
		ssize_t w = sent < len ? write(fd, mark + sent, len - sent) : 0;
		sent += w > 0 ? (size_t)w : 0;
		if (poll(&pfd, 1, 10) <= 0)
			continue;
		if (!(got = realloc(got, n + 16384)))
			abort();
		ssize_t r = read(p->master, got + n, 16384);
		n += r > 0 ? (size_t)r : 0;
		at = memmem(got, n, mark, len);
	}
	if (fd >= 0)
		close(fd);
	if (got) {
		take_bytes(p, got, at ? (size_t)(at - got) : n);
		if (at)
			take_bytes(p, at + len, n - len - (size_t)(at - got));
	}
	free(got);
	while (pump(p, 0))
		;
}

bool ptyrun_wait_exit(struct ptyrun *p, int timeout_ms, int *status)
{
	int64_t deadline = now_ms() + timeout_ms;
	for (;;) {
		reap(p);
		if (p->exited) {
			drain(p);
			if (status)
				*status = p->status;
			return true;
		}
		if (now_ms() >= deadline) {
			ptyrun_dump(p, "the program does not end");
			return false;
		}
		pump(p, 10);
	}
}

bool ptyrun_suspend(struct ptyrun *p, int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;
	int status;
	kill(p->pid, SIGTSTP);
	while (waitpid(p->pid, &status, WUNTRACED | WNOHANG) == 0) {
		if (now_ms() >= deadline) {
			ptyrun_dump(p, "the program does not stop");
			return false;
		}
		pump(p, 10);
	}
	drain(p);
	return WIFSTOPPED(status);
}

void ptyrun_continue(struct ptyrun *p)
{
	kill(p->pid, SIGCONT);
}

/* ---- the person at the terminal ----------------------------------------------------------------------------------------------------- */

void ptyrun_send_bytes(struct ptyrun *p, const void *bytes, size_t n)
{
	const char *s = bytes;
	while (n) {
		ssize_t w = write(p->master, s, n);
		if (w > 0) {
			s += w;
			n -= (size_t)w;
		} else if (errno == EAGAIN) {
			if (!pump(p, 5))
				reap(p);
			if (p->exited)
				return;
		} else if (errno != EINTR) {
			return;
		}
	}
}

void ptyrun_send(struct ptyrun *p, const char *text)
{
	ptyrun_send_bytes(p, text, strlen(text));
}

void ptyrun_send_split(struct ptyrun *p, const void *bytes, size_t n, size_t at, int pause_ms)
{
	ptyrun_send_bytes(p, bytes, at);
	ptyrun_bytes_during(p, pause_ms);
	ptyrun_send_bytes(p, (const char *)bytes + at, n - at);
}

void ptyrun_resize(struct ptyrun *p, unsigned cols, unsigned rows)
{
	struct winsize ws = { .ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows };
	p->cols = cols;
	p->rows = rows;
	VTermPos pos;
	char move[40];
	vterm_set_size(p->vt, (int)rows, (int)cols);
	/* A region of a larger screen upsets libvterm (tui/flood.c). */
	vterm_state_get_cursorpos(vterm_obtain_state(p->vt), &pos);
	vterm_input_write(p->vt, move, (size_t)snprintf(move, sizeof move, "\030\033[r\033[%d;%dH", pos.row + 1, pos.col + 1));
	ioctl(p->master, TIOCSWINSZ, &ws);
}

void ptyrun_stop_reading(struct ptyrun *p) { p->paused = true; }
void ptyrun_resume_reading(struct ptyrun *p) { p->paused = false; }

void ptyrun_hangup(struct ptyrun *p)
{
	close(p->slave);
	close(p->master);
	p->slave = p->master = -1;
}

/* ---- looking ------------------------------------------------------------------------------------------------------------------------ */

pid_t ptyrun_pid(const struct ptyrun *p) { return p->pid; }
uint64_t ptyrun_raw_bytes(const struct ptyrun *p) { return p->bytes; }
bool ptyrun_alternate_screen(const struct ptyrun *p) { return p->alternate; }
bool ptyrun_mode(const struct ptyrun *p, unsigned mode) { return mode < MODES && p->mode[mode]; }

void ptyrun_first_termios(const struct ptyrun *p, struct termios *t) { *t = p->before; }
bool ptyrun_termios(const struct ptyrun *p, struct termios *t)
{
	return p->slave >= 0 && tcgetattr(p->slave, t) == 0;
}

size_t ptyrun_tail(const struct ptyrun *p, char *buf, size_t size)
{
	size_t n = p->tail_len < TAIL ? p->tail_len : TAIL;
	if (n > size)
		n = size;
	for (size_t i = 0; i < n; i++)
		buf[i] = p->tail[(p->tail_len - n + i) % TAIL];
	return n;
}

const char *ptyrun_stderr(struct ptyrun *p)
{
	while (p->err_fd >= 0 && pump(p, 0))
		;
	return p->err;
}

void ptyrun_cursor(struct ptyrun *p, unsigned *x, unsigned *y, bool *visible)
{
	VTermPos pos;
	vterm_state_get_cursorpos(vterm_obtain_state(p->vt), &pos);
	*x = (unsigned)pos.col;
	*y = (unsigned)pos.row;
	*visible = p->cursor_visible;
}

static void look_at_colour(VTermScreen *vts, VTermColor c, bool is_default, int *index, uint32_t *rgb)
{
	*index = !is_default && VTERM_COLOR_IS_INDEXED(&c) ? c.indexed.idx : -1;
	vterm_screen_convert_color_to_rgb(vts, &c);
	*rgb = (uint32_t)c.rgb.red << 16 | (uint32_t)c.rgb.green << 8 | c.rgb.blue;
}

bool ptyrun_cell(struct ptyrun *p, unsigned x, unsigned y, struct ptyrun_cell *out)
{
	VTermScreenCell c;
	VTermPos pos = { .row = (int)y, .col = (int)x };
	if (x >= p->cols || y >= p->rows || !vterm_screen_get_cell(p->vts, pos, &c))
		return false;
	*out = (struct ptyrun_cell){
		.ch = c.chars[0] ? c.chars[0] : ' ', .bold = c.attrs.bold, .underline = c.attrs.underline, .blink = c.attrs.blink,
		.reverse = c.attrs.reverse, .italic = c.attrs.italic, .fg_default = VTERM_COLOR_IS_DEFAULT_FG(&c.fg),
		.bg_default = VTERM_COLOR_IS_DEFAULT_BG(&c.bg),
	};
	look_at_colour(p->vts, c.fg, out->fg_default, &out->fg_index, &out->fg);
	look_at_colour(p->vts, c.bg, out->bg_default, &out->bg_index, &out->bg);
	return true;
}
