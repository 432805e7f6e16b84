/* lines.c - a vmux whose guest joins COM1 and COM2, counterparts, and bytes that cross. */
#include "tests/serial/lines.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ARGS = 40 };

static void nap(void) { nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL); }

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/* A port whose neighbour is free too.  None of those that the kernel gives away by itself: somebody could have it by the time it is used; and each
 * process begins elsewhere. */
static unsigned free_port(void)
{
	enum { FIRST = 10000, PAIRS = 11000 };
	static unsigned tries;
	for (;;) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		unsigned port = FIRST + 2 * (((unsigned)getpid() * 97 + tries++) % PAIRS);
		int a = socket(AF_INET, SOCK_STREAM, 0), b = socket(AF_INET, SOCK_STREAM, 0);
		in.sin_port = htons((uint16_t)port);
		bool ok = !bind(a, (struct sockaddr *)&in, sizeof(in));
		in.sin_port = htons((uint16_t)(port + 1));
		ok = ok && !bind(b, (struct sockaddr *)&in, sizeof(in));
		close(a);
		close(b);
		if (ok)
			return port;
	}
}

struct lines *lines_new(void)
{
	struct lines *l = calloc(1, sizeof(*l));
	assert_non_null(l);
	strcpy(l->dir, "/tmp/vmux-lines-XXXXXX");
	assert_non_null(mkdtemp(l->dir));
	l->vm = l->peer = (struct proc){ -1, -1, -1 };
	l->com2 = -1;
	l->port = free_port();
	signal(SIGPIPE, SIG_IGN);
	return l;
}

char *lines_text(const struct lines *l, const char *text)
{
	char *out = malloc(4096);
	size_t n = 0;
	assert_non_null(out);
	for (; *text && n < 4000; text++) {
		if (text[0] == '%' && text[1] == 'd')
			n += (size_t)sprintf(out + n, "%s", l->dir);
		else if (text[0] == '%' && (text[1] == 'p' || text[1] == 'q'))
			n += (size_t)sprintf(out + n, "%u", l->port + (text[1] == 'q'));
		else {
			out[n++] = *text;
			continue;
		}
		text++;
	}
	out[n] = 0;
	return out;
}

static void launch(struct lines *l, struct proc *p, char **argv, const char *log)
{
	int in[2], out[2];
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	p->pid = fork();
	if (!p->pid) {
		char path[96];
		snprintf(path, sizeof(path), "%s/%s", l->dir, log);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setenv("XDG_STATE_HOME", "/dev/null", 1);
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	p->in = in[1];
	p->out = out[0];
}

static void free_args(char **argv)
{
	while (*argv)
		free(*argv++);
}

static int connect_unix(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end; nap()) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (!connect(fd, (struct sockaddr *)&un, sizeof(un)))
			return fd;
		close(fd);
	}
	fail_msg("nobody listens at %s", path);
	return -1;
}

int lines_connect(const struct lines *l)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)l->port) };
	for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end; nap()) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (!connect(fd, (struct sockaddr *)&in, sizeof(in)))
			return fd;
		close(fd);
	}
	fail_msg("nobody listens at port %u", l->port);
	return -1;
}

static void start_vmux(struct lines *l, const char *const *first, size_t n_first, const char *arg, va_list ap)
{
	char *argv[MAX_ARGS];
	int n = 0;
	argv[n++] = strdup(getenv("VMUX") ? getenv("VMUX") : "build/vmux");
	for (size_t i = 0; i < n_first; i++)
		argv[n++] = lines_text(l, first[i]);
	for (const char *a = arg; a && n < MAX_ARGS - 1; a = va_arg(ap, const char *))
		argv[n++] = lines_text(l, a);
	argv[n] = NULL;
	launch(l, &l->vm, argv, "vm.log");
	free_args(argv);
}

void lines_vm(struct lines *l, const char *arg, ...)
{
	/* the second port comes first on the command line as a device, so that -serial in arg is COM1 */
	static const char *const first[] = { "-bios", "build/tests/bridge.bin", "-m", "2", "-nodefaults", "-display", "none", "-chardev",
		"socket,id=com2,path=%d/com2,server=on", "-device", "isa-serial,index=1,chardev=com2" };
	char *path = lines_text(l, "%d/com2");
	va_list ap;
	va_start(ap, arg);
	start_vmux(l, first, sizeof(first) / sizeof(first[0]), arg, ap);
	va_end(ap);
	l->com2 = connect_unix(path);
	free(path);
	read_until(l->com2, "<READY>");
}

void lines_vmux(struct lines *l, const char *arg, ...)
{
	va_list ap;
	va_start(ap, arg);
	start_vmux(l, NULL, 0, arg, ap);
	va_end(ap);
}

int lines_unix(const struct lines *l, const char *name)
{
	char path[160];
	snprintf(path, sizeof(path), "%s/%s", l->dir, name);
	return connect_unix(path);
}

void lines_peer(struct lines *l, const char *arg, ...)
{
	char *argv[MAX_ARGS];
	int n = 0;
	va_list ap;
	va_start(ap, arg);
	for (const char *a = arg; a && n < MAX_ARGS - 1; a = va_arg(ap, const char *))
		argv[n++] = lines_text(l, a);
	va_end(ap);
	argv[n] = NULL;
	launch(l, &l->peer, argv, "peer.log");
	free_args(argv);
}

void lines_wait_file(const struct lines *l, const char *name)
{
	char path[160];
	struct stat st;
	snprintf(path, sizeof(path), "%s/%s", l->dir, name);
	for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end; nap())
		if (!stat(path, &st))
			return;
	fail_msg("%s does not appear", path);
}

static void stop(struct proc *p)
{
	if (p->pid > 0) {
		kill(p->pid, SIGTERM);
		int64_t end = now_ms() + PATIENCE_MS;
		while (waitpid(p->pid, NULL, WNOHANG) == 0 && now_ms() < end)
			nap();
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
	if (p->in >= 0)
		close(p->in);
	if (p->out >= 0)
		close(p->out);
}

void lines_free(struct lines *l)
{
	char cmd[128];
	stop(&l->peer);
	stop(&l->vm);
	if (l->com2 >= 0)
		close(l->com2);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", l->dir);
	assert_int_equal(system(cmd), 0);
	free(l);
}

void need_program(const char *name)
{
	char cmd[160];
	snprintf(cmd, sizeof(cmd), "command -v %s >/dev/null 2>&1", name);
	if (!system(cmd))
		return;
	printf("# SKIP %s is not installed\n", name);
	skip();
}

/* ---- flows --------------------------------------------------------------------------------------------------------------------- */

struct flow flow_new(int to, int from, size_t n, unsigned seed)
{
	struct flow f = { .to = to, .from = from, .data = malloc(n), .len = n };
	uint64_t x = 0x9e3779b97f4a7c15u * (seed + 1);
	assert_non_null(f.data);
	for (size_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		f.data[i] = (uint8_t)(x >> 32);
	}
	f.wire = f.data;
	f.wire_len = n;
	return f;
}

void flow_free(struct flow *f)
{
	if (f->wire != f->data)
		free(f->wire);
	free(f->data);
}

static bool may_send(const struct flow *f)
{
	return f->sent < f->wire_len && (!f->window || f->sent < f->got + f->window);
}

static void send_some(struct flow *f)
{
	size_t n = f->wire_len - f->sent;
	if (n > 4096)
		n = 4096;
	if (f->window && n > 512)
		n = 512;
	ssize_t r = write(f->to, f->wire + f->sent, n);
	if (r < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED)
		fail_msg("writing ended after %zu bytes: %s", f->sent, strerror(errno));
	f->sent += r > 0 ? (size_t)r : 0;
}

static void take_some(struct flow *f, size_t (*decode)(void *arg, uint8_t *buf, size_t len), void *arg)
{
	uint8_t buf[8192];
	ssize_t r = read(f->from, buf, sizeof(buf));
	if (r < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED))
		return;
	if (r <= 0)
		fail_msg("the stream ended after %zu of %zu bytes: %s", f->got, f->len, r ? strerror(errno) : "end");
	size_t n = decode ? decode(arg, buf, (size_t)r) : (size_t)r;
	for (size_t i = 0; i < n; i++)
		if (f->got + i >= f->len || buf[i] != f->data[f->got + i])
			fail_msg("byte %zu of %zu is %02x, not %02x", f->got + i, f->len, buf[i], f->got + i < f->len ? f->data[f->got + i] : 0);
	f->got += n;
}

void flows_run(struct flow *f, unsigned n, size_t (*decode)(void *arg, uint8_t *buf, size_t len), void *arg)
{
	for (unsigned i = 0; i < n; i++) {
		fcntl(f[i].to, F_SETFL, fcntl(f[i].to, F_GETFL) | O_NONBLOCK);
		fcntl(f[i].from, F_SETFL, fcntl(f[i].from, F_GETFL) | O_NONBLOCK);
	}
	for (;;) {
		struct pollfd p[8];
		bool done = true;
		for (unsigned i = 0; i < n; i++) {
			p[2 * i] = (struct pollfd){ .fd = may_send(&f[i]) ? f[i].to : -1, .events = POLLOUT };
			p[2 * i + 1] = (struct pollfd){ .fd = f[i].got < f[i].len ? f[i].from : -1, .events = POLLIN };
			done &= f[i].got == f[i].len;
		}
		if (done)
			return;
		if (poll(p, 2 * n, PATIENCE_MS) == 0)
			fail_msg("nothing moves: %zu of %zu sent, %zu of %zu come; %zu of %zu sent, %zu of %zu come the other way", f[0].sent, f[0].wire_len,
				f[0].got, f[0].len, f[n - 1].sent, f[n - 1].wire_len, f[n - 1].got, f[n - 1].len);
		for (unsigned i = 0; i < n; i++) {
			if (p[2 * i].revents)
				send_some(&f[i]);
			if (p[2 * i + 1].revents)
				take_some(&f[i], i ? NULL : decode, arg);
		}
	}
}

void lines_cross(struct lines *l, int to_peer, int from_peer)
{
	write(to_peer, "<PEER>", 6);            /* it is connected when that is through */
	read_until(l->com2, "<PEER>");
	struct flow f[2] = { flow_new(l->com2, from_peer, MIB, 1), flow_new(to_peer, l->com2, MIB, 2) };
	flows_run(f, 2, NULL, NULL);
	flow_free(&f[0]);
	flow_free(&f[1]);
}

void read_until(int fd, const char *text)
{
	char buf[8192];
	size_t n = 0;
	int type = 0;
	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){ sizeof(type) });
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		poll(&p, 1, 1000);
		/* What comes behind the text is for the next who looks; but a datagram is read whole or lost. */
		ssize_t r = read(fd, buf + n, type == SOCK_DGRAM ? sizeof(buf) - 1 - n : 1);
		if (r == 0)
			break;
		n += r > 0 ? (size_t)r : 0;
		buf[n] = 0;
		if (memmem(buf, n, text, strlen(text)))
			return;
		if (n > sizeof(buf) / 2) {
			memmove(buf, buf + n - 512, 512);
			n = 512;
		}
	}
	fail_msg("\"%s\" does not come; the last was: %.300s", text, buf);
}
