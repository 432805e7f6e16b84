/* udp.c - a net console: every write is a datagram to one peer, whose datagrams are the input. */
#include "core/char/chardev.h"
#include "core/char/sockaddr.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DATAGRAM = 1024 /* passes every network in one piece */ };
struct udp { struct chardev *c; int fd; uint8_t data[65536]; unsigned len, pos; };

static void on_datagram(void *arg, unsigned events);

static void watch(struct udp *u)
{
	loop_watch(u->c->machine->loop, u->fd, u->pos < u->len ? 0 : LOOP_IN, on_datagram, u);
}

static void give(struct udp *u)
{
	struct chardev *c = u->c;

	while (u->pos < u->len) {
		unsigned room = chr_can_read(c), left = u->len - u->pos, n = left < room ? left : room;
		if (!n)
			break;
		u->pos += n;
		chr_deliver(c, u->data + u->pos - n, n);
		if (c->priv != u)
			return;
	}
	watch(u);
}

static void on_datagram(void *arg, unsigned events)
{
	struct udp *u = arg;
	ssize_t n = recv(u->fd, u->data, sizeof(u->data), 0);

	if (n < 0)
		return;         /* also: the peer's host said that nobody listens */
	u->len = (unsigned)n;
	u->pos = 0;
	give(u);
}

static bool udp_connect(struct udp *u, const struct kv *kv, struct error *err)
{
	struct sock_addrs remote, local;
	const char *host = kv_get(kv, "host"), *port = kv_get(kv, "port"), *lhost = kv_get(kv, "localaddr"), *lport = kv_get(kv, "localport");
	bool v4 = false, v6 = false;

	if (!port)
		return error_set(err, "chardev: udp: remote port not specified");
	if (!chr_bool(kv, "ipv4", &v4, err) || !chr_bool(kv, "ipv6", &v6, err))
		return false;
	int family = v4 && !v6 ? AF_INET : v6 && !v4 ? AF_INET6 : AF_UNSPEC;
	if (!sock_resolve(&remote, host && *host ? host : family == AF_INET6 ? "::1" : "127.0.0.1", port, SOCK_DGRAM, family, false, err))
		return false;
	family = remote.a[0].sa.ss_family;
	u->fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (u->fd < 0)
		return error_set(err, "Failed to create socket: %s", strerror(errno));
	if (lhost || lport) {
		const char *any = family == AF_INET6 ? "::" : "0.0.0.0";
		if (!sock_resolve(&local, lhost && *lhost ? lhost : any, lport ? lport : "0", SOCK_DGRAM, family, true, err))
			return false;
		if (bind(u->fd, (struct sockaddr *)&local.a[0].sa, local.a[0].len))
			return error_set(err, "Failed to bind socket: %s", strerror(errno));
	}
	if (connect(u->fd, (struct sockaddr *)&remote.a[0].sa, remote.a[0].len))
		return error_set(err, "Failed to connect socket: %s", strerror(errno));
	return true;
}

static void udp_close(struct chardev *c)
{
	struct udp *u = c->priv;

	if (u->fd >= 0) {
		loop_unwatch(c->machine->loop, u->fd);
		close(u->fd);
	}
	free(u);
	c->priv = NULL;
}

static bool udp_open(struct chardev *c, const struct kv *kv, struct error *err)
{
	struct udp *u = calloc(1, sizeof(*u));

	if (!u)
		abort();
	u->c = c;
	u->fd = -1;
	c->priv = u;
	if (!udp_connect(u, kv, err)) {
		udp_close(c);
		return false;
	}
	c->opened = true;
	watch(u);
	return true;
}

static ssize_t udp_write(struct chardev *c, const uint8_t *buf, size_t len)
{
	struct udp *u = c->priv;

	for (size_t at = 0; at < len; at += DATAGRAM)    /* a lost datagram is lost */
		send(u->fd, buf + at, len - at < DATAGRAM ? len - at : DATAGRAM, MSG_NOSIGNAL);
	return (ssize_t)len;
}

static void udp_accept(struct chardev *c)
{
	struct udp *u = c->priv;

	if (u->pos < u->len)
		chr_post(c);
}

static void udp_work(struct chardev *c)
{
	struct udp *u = c->priv;

	if (u->pos < u->len)
		give(u);
}

static const char *const udp_keys[] = { "host", "port", "localaddr", "localport", "ipv4", "ipv6", NULL };
const struct chardev_kind chardev_udp = { .name = "udp", .batch = true, .keys = udp_keys, .open = udp_open, .close = udp_close, .write = udp_write,
	.accept_input = udp_accept, .work = udp_work };
