/* socket.c - unix and TCP sockets, as server (one client at a time, the next waits in the listen queue) and as client. */
#include "core/char/socket.h"
#include "core/char/telnet.h"
#include "core/char/tls.h"
#include "core/char/websock.h"
#include "core/machine/machine.h"
#include "core/machine/report.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void listen_again(struct sock *s);
static void on_redial(void *arg);

/* ---- names ------------------------------------------------------------------------------------------------------------------- */

static const char *protocol(const struct sock *s) { return s->use_telnet ? "telnet" : s->use_websocket ? "websocket" : "tcp"; }

static void show_disconnected(struct sock *s)
{
	const char *server = s->server ? ",server=on" : "";

	if (s->path)
		chr_filename(s->f.c, "disconnected:unix:%s%s", s->path, server);
	else
		chr_filename(s->f.c, "disconnected:%s:%s:%s%s", protocol(s), s->host, s->port, server);
}

static void show_connected(struct sock *s)
{
	struct sock_addr here = { .len = sizeof(here.sa) }, there = { .len = sizeof(there.sa) };
	char a[160] = "", b[160] = "";
	const char *server = s->server ? ",server=on" : "";

	if (s->path) {
		chr_filename(s->f.c, "unix:%s%s", s->path, server);
		return;
	}
	if (!getsockname(s->conn, (struct sockaddr *)&here.sa, &here.len))
		sock_text(&here, a, sizeof(a));
	if (!getpeername(s->conn, (struct sockaddr *)&there.sa, &there.len))
		sock_text(&there, b, sizeof(b));
	chr_filename(s->f.c, "%s:%s%s <-> %s", protocol(s), a, server, b);
}

/* ---- a connection -------------------------------------------------------------------------------------------------------------- */

static unsigned decode(struct chr_fd *f, uint8_t *buf, unsigned len, int *break_at)
{
	return telnet_decode(((struct sock *)f)->telnet, buf, len, break_at);
}

static bool flush(struct chr_fd *f)
{
	return telnet_flush(((struct sock *)f)->telnet);
}

static unsigned unframe(struct chr_fd *f, uint8_t *buf, unsigned len, int *break_at)
{
	*break_at = -1;
	return websock_decode(((struct sock *)f)->websock, buf, len);
}

static bool flush_frames(struct chr_fd *f)
{
	return websock_flush(((struct sock *)f)->websock);
}

static ssize_t secure_recv(struct chr_fd *f, uint8_t *buf, size_t len) { return tls_recv(((struct sock *)f)->tls, buf, len); }
static ssize_t secure_send(struct chr_fd *f, const uint8_t *buf, size_t len) { return tls_send(((struct sock *)f)->tls, buf, len); }

static void on_shake(void *arg, unsigned events);

/* The bytes of a new connection may flow; false: handshakes come first. */
static bool agreed(struct sock *s, int fd)
{
	if ((!s->creds || s->secure) && (!s->use_websocket || s->websock))
		return true;
	s->shaking = fd;
	if (s->creds)
		s->tls = tls_start(s->creds, fd, s->host);
	if (s->use_websocket)
		s->websock = websock_start(&s->f);
	on_shake(s, 0);
	return false;
}

static void connected(struct sock *s, int fd, bool tell)
{
	int one = 1;

	if (!agreed(s, fd))
		return;
	s->conn = fd;
	if (!s->path && s->nodelay)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	s->f.socket = true;
	s->f.takes_fds = s->path != NULL;
	chr_fd_start(&s->f, s->f.c, fd, fd);
	if (s->use_telnet || s->use_tn3270) {
		s->telnet = telnet_start(&s->f, !s->server ? TELNET_CLIENT : s->use_tn3270 ? TELNET_TN3270 : TELNET_SERVER);
		s->f.decode = decode;
		s->f.flush = flush;
	}
	if (s->websock) {
		s->f.decode = unframe;
		s->f.flush = flush_frames;
	}
	show_connected(s);
	if (tell)
		chr_event(s->f.c, CHR_OPENED);
	else
		s->f.c->opened = true;
}

static void closed_for_good(struct sock *s);

/* TLS first, then the peer's name, then WebSocket. */
static enum tls_shake shake(struct sock *s)
{
	char name[1024];

	if (s->creds && !s->secure) {
		enum tls_shake r = tls_handshake(s->tls);
		if (r != TLS_DONE)
			return r;
		if (s->identity && (!tls_peer_name(s->tls, name, sizeof(name)) || strcmp(name, s->identity))) {
			log_printf(s->f.c->machine, "chardev %s: a TLS peer whose name is not \"%s\" was turned away\n", s->f.c->label, s->identity);
			return TLS_FAILED;
		}
		s->secure = true;
		s->f.recv = secure_recv;
		s->f.send = secure_send;
	}
	return s->use_websocket ? websock_greet(s->websock, s->shaking) : TLS_DONE;
}

static void on_shake(void *arg, unsigned events)
{
	struct sock *s = arg;
	struct loop *l = s->f.c->machine->loop;
	enum tls_shake r = shake(s);
	int fd = s->shaking;

	if (r == TLS_WANT_READ || r == TLS_WANT_WRITE) {
		loop_watch(l, fd, r == TLS_WANT_READ ? LOOP_IN : LOOP_OUT, on_shake, s);
		return;
	}
	loop_unwatch(l, fd);
	s->shaking = -1;
	if (r == TLS_DONE) {
		connected(s, fd, true);
		return;
	}
	if (s->creds && s->f.c->machine->state == RUN_PRELAUNCH && !s->server)
		report(s->f.c->machine->opt, "%s: the TLS handshake failed", s->f.c->label);
	close(fd);
	closed_for_good(s);
}

static void closed_for_good(struct sock *s)
{
	struct chardev *c = s->f.c;

	tls_stop(s->tls);
	s->tls = NULL;
	s->secure = false;
	s->f.recv = NULL;
	s->f.send = NULL;
	websock_stop(s->websock);
	s->websock = NULL;

	s->closing = false;
	telnet_stop(s->telnet);
	s->telnet = NULL;
	s->f.decode = NULL;
	s->f.flush = NULL;
	show_disconnected(s);
	chr_event(c, CHR_CLOSED);
	if (c->priv != s)
		return;
	if (s->server)
		listen_again(s);
	else if (s->reconnect)
		s->timer = loop_timeout(c->machine->loop, s->reconnect * INT64_C(1000), on_redial, s);
}

/* The peer hung up, ended its half, or a write failed. */
static void peer_gone(struct chr_fd *f)
{
	struct sock *s = (struct sock *)f;
	struct chardev *c = f->c;

	if (s->conn < 0 || (f->in_eof && !f->broken && (f->held || !chr_batch_flush(c) || c->want_write)))
		return;         /* it only stopped sending, and we still have something to hear or to say */
	int fd = s->conn;
	s->conn = -1;
	s->closing = true;
	chr_fd_stop(f);
	close(fd);
	chr_can_write(c);       /* what waited goes nowhere */
	if (c->priv == s)
		chr_post(c);
}

static void sock_work(struct chardev *c)
{
	struct sock *s = c->priv;

	chr_fd_work(&s->f);
	if (c->priv == s && s->closing && (!s->f.held || !chr_can_read(c)))
		closed_for_good(s);
}

/* ---- server -------------------------------------------------------------------------------------------------------------------- */

static void on_client(void *arg, unsigned events)
{
	struct sock *s = arg;
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	loop_watch(s->f.c->machine->loop, s->listener, 0, on_client, s);
	connected(s, fd, true);
}

static void listen_again(struct sock *s)
{
	loop_watch(s->f.c->machine->loop, s->listener, LOOP_IN, on_client, s);
}

/* Start-up stands still until someone comes; a signal ends the program as usual. */
static void wait_for_client(struct sock *s)
{
	struct machine *m = s->f.c->machine;
	struct pollfd p = { .fd = s->listener, .events = POLLIN };
	sigset_t none;
	int fd = -1;

	report(m->opt, "%s: info: QEMU waiting for connection on: %s", chr_context(m), s->f.c->filename);
	sigemptyset(&none);
	while (fd < 0 && !m->quitting)
		if (ppoll(&p, 1, NULL, &none) > 0)
			fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	loop_watch(m->loop, s->listener, 0, on_client, s);
	if (fd >= 0)
		connected(s, fd, false);
}

static bool start_server(struct sock *s, struct error *err)
{
	if (!s->adopted)
		s->listener = s->path ? sock_bind_unix(&s->addrs, s->path, s->abstract, err) : sock_listen_tcp(&s->addrs, s->to, err);
	if (s->listener < 0)
		return false;
	if (!s->adopted && listen(s->listener, 1))
		return error_set(err, "Failed to listen on socket: %s", strerror(errno));
	struct sock_addr here = { .len = sizeof(here.sa) };
	if (!s->path && !s->adopted && !getsockname(s->listener, (struct sockaddr *)&here.sa, &here.len)) {
		free(s->port);          /* with port 0 or to= it is known only now */
		if (asprintf(&s->port, "%u", sock_port(&here)) < 0)
			abort();
	}
	show_disconnected(s);
	if (s->wait && chr_starting(s->f.c->machine))
		wait_for_client(s);
	else
		listen_again(s);
	return true;
}

/* ---- client -------------------------------------------------------------------------------------------------------------------- */

static void address_text(const struct sock *s, char *buf, size_t size)
{
	if (s->path)
		snprintf(buf, size, "%s", s->path);
	else
		snprintf(buf, size, "%s:%s", s->host, s->port);
}

/* No address answered: try again later.  Said once, and only while nothing has the terminal yet. */
static void dial_failed(struct sock *s, int e)
{
	struct machine *m = s->f.c->machine;
	char where[256];

	address_text(s, where, sizeof(where));
	if (!s->complained && m->state == RUN_PRELAUNCH)
		report(m->opt, "Unable to connect character device %s: Failed to connect to '%s': %s", s->f.c->label, where, strerror(e));
	s->complained = true;
	s->timer = loop_timeout(m->loop, s->reconnect * INT64_C(1000), on_redial, s);
}

static void dial(struct sock *s);

static void on_dialed(void *arg, unsigned events)
{
	struct sock *s = arg;
	int e = 0, fd = s->dialing;
	socklen_t len = sizeof(e);

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len);
	loop_unwatch(s->f.c->machine->loop, fd);
	s->dialing = -1;
	if (!e) {
		connected(s, fd, true);
		return;
	}
	close(fd);
	if (s->dial_next < s->addrs.n)
		dial(s);
	else
		dial_failed(s, e);
}

/* Start connecting to the next address; the answer comes through the loop. */
static void dial(struct sock *s)
{
	int e = ECONNREFUSED;

	if (s->dial_next >= s->addrs.n)
		s->dial_next = 0;
	while (s->dial_next < s->addrs.n) {
		const struct sock_addr *a = &s->addrs.a[s->dial_next++];
		int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd >= 0 && (!connect(fd, (const struct sockaddr *)&a->sa, a->len) || errno == EINPROGRESS)) {
			s->dialing = fd;
			loop_watch(s->f.c->machine->loop, fd, LOOP_OUT, on_dialed, s);
			return;
		}
		e = errno;
		if (fd >= 0)
			close(fd);
	}
	dial_failed(s, e);
}

/* Without reconnect= the connection has to stand now. */
static bool connect_now(struct sock *s, struct error *err)
{
	enum { PATIENCE_MS = 5000 };
	bool patient = chr_starting(s->f.c->machine);
	char where[256];
	int e = ECONNREFUSED;

	for (unsigned i = 0; i < s->addrs.n; i++) {
		const struct sock_addr *a = &s->addrs.a[i];
		int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		socklen_t len = sizeof(e);
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		e = fd < 0 || (connect(fd, (const struct sockaddr *)&a->sa, a->len) && errno != EINPROGRESS) ? errno : 0;
		if (!e && poll(&p, 1, patient ? -1 : PATIENCE_MS) <= 0)
			e = ETIMEDOUT;
		if (!e)
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len);
		if (!e) {
			connected(s, fd, false);
			return true;
		}
		if (fd >= 0)
			close(fd);
	}
	address_text(s, where, sizeof(where));
	return error_set(err, "Failed to connect to '%s': %s", where, strerror(e));
}

static void on_redial(void *arg)
{
	struct sock *s = arg;

	s->timer = 0;
	s->dial_next = 0;
	dial(s);
}

/* ---- the kind ------------------------------------------------------------------------------------------------------------------ */

static void sock_close(struct chardev *c)
{
	struct sock *s = c->priv;
	struct loop *l = c->machine->loop;

	chr_fd_free(&s->f);
	if (s->conn >= 0)
		close(s->conn);
	for (int i = 0; i < 3; i++) {
		int fd = i == 2 ? s->shaking : i ? s->listener : s->dialing;
		if (fd >= 0) {
			loop_unwatch(l, fd);
			close(fd);
		}
	}
	if (s->timer)
		loop_timeout_cancel(l, s->timer);
	if (s->listener >= 0 && s->path && !s->abstract && !s->adopted)
		unlink(s->path);
	telnet_stop(s->telnet);
	websock_stop(s->websock);
	tls_stop(s->tls);
	tls_creds_put(s->creds);
	free(s->identity);
	free(s->host);
	free(s->port);
	free(s->path);
	free(s);
	c->priv = NULL;
}

static bool sock_open(struct chardev *c, const struct kv *kv, struct error *err)
{
	struct sock *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	c->priv = s;
	s->f = (struct chr_fd){ .c = c, .in = -1, .out = -1, .gone = peer_gone };
	s->listener = s->conn = s->dialing = s->shaking = -1;
	s->wait = true;
	bool ok = sock_read_options(s, kv, err);
	if (ok && s->server)
		ok = start_server(s, err);
	else if (ok && s->adopted) {
		int fd = s->conn;
		s->conn = -1;
		connected(s, fd, false);
	} else if (ok && s->reconnect) {
		show_disconnected(s);
		dial(s);
	} else if (ok)
		ok = connect_now(s, err);
	if (!ok)
		sock_close(c);
	return ok;
}

static ssize_t sock_write(struct chardev *c, const uint8_t *buf, size_t len)
{
	struct sock *s = c->priv;

	if (s->telnet && s->conn >= 0 && !s->f.broken)
		return (ssize_t)telnet_write(s->telnet, buf, len);
	if (s->websock && s->conn >= 0 && !s->f.broken)
		return (ssize_t)websock_write(s->websock, buf, len);
	return (ssize_t)chr_fd_write(&s->f, buf, len);
}

static void sock_break(struct chardev *c, bool on)
{
	struct sock *s = c->priv;

	if (on && s->telnet && s->conn >= 0 && chr_batch_flush(c))
		telnet_break(s->telnet);
}

const struct chardev_kind chardev_socket = { .name = "socket", .batch = true, .take_fd = chr_fd_op_take, .pull = chr_fd_op_pull,
	.keys = sock_keys, .open = sock_open, .close = sock_close, .write = sock_write,
	.accept_input = chr_fd_op_accept, .work = sock_work, .send_break = sock_break };
