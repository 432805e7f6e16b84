/* test_chardev_socket.c - sockets with real peers: several, slow, flooding, vanishing and half-closed ones; telnet; udp. */
#include "tests/unit/rig.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct fixture { struct rig *r; struct probe p; struct chardev *c; char path[96]; };

static int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));
	x->r = rig_new();
	snprintf(x->path, sizeof(x->path), "%s/s", x->r->dir);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;
	probe_detach(x->r, &x->p);
	rig_free(x->r);
	free(x);
	return 0;
}

static void serve(struct fixture *x, const char *words)
{
	char spec[160];
	snprintf(spec, sizeof(spec), "unix:%s,%s", x->path, words);
	x->c = rig_chardev(x->r, "s", spec);
	probe_attach(x->r, &x->p, x->c);
}

static unsigned port_of(struct fixture *x)
{
	return (unsigned)atoi(strrchr(strtok(strdupa(strstr(x->c->filename, "127.0.0.1")), ","), ':') + 1);
}

static void one_client_at_a_time(void **state)
{
	struct fixture *x = *state;
	struct stat st;
	char want[160];
	x->p.room = 1000;
	serve(x, "server,nowait");
	snprintf(want, sizeof(want), "disconnected:unix:%s,server=on", x->path);
	assert_string_equal(x->c->filename, want);
	assert_int_equal(stat(x->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(probe_write(x->r, &x->p, "nobody", 6), 6);
	int a = peer_unix(x->path), b = peer_unix(x->path);
	peer_send(b, "second", 6);
	RIG_WAIT(x->r, x->c->opened);
	assert_string_equal(x->c->filename, want + strlen("disconnected:"));
	peer_send(a, "first", 5);
	RIG_WAIT(x->r, probe_has(&x->p, "first"));
	assert_false(probe_has(&x->p, "second"));
	probe_write(x->r, &x->p, "to a", 4);
	peer_expect(a, "to a");
	close(a);
	RIG_WAIT(x->r, probe_has(&x->p, "second"));
	probe_write(x->r, &x->p, "to b", 4);
	peer_expect(b, "to b");
	assert_memory_equal(x->p.events.s, "oco", 3);
	close(b);
	RIG_WAIT(x->r, !x->c->opened);
	machine_lock(x->r->m);
	chardev_detach(x->c, &x->p);
	assert_true(chardev_remove(x->r->m, "s", NULL));
	x->p.c = NULL;
	machine_unlock(x->r->m);
	assert_int_equal(stat(x->path, &st), -1);       /* the server takes its socket away */
}

/* A client floods while the guest reads nothing, then vanishes; another one comes.  All that the first had sent (and the kernel taken)
 * arrives, in order, and the second is served. */
static void flood_then_vanish(void **state)
{
	struct fixture *x = *state;
	serve(x, "server=on,wait=off");
	int a = peer_unix(x->path);
	fcntl(a, F_SETFL, O_NONBLOCK);
	char block[1000];
	size_t sent = 0;
	for (;;) {
		for (unsigned i = 0; i < sizeof(block); i++)
			block[i] = (char)('a' + (sent + i) % 23);
		ssize_t n = send(a, block, sizeof(block), MSG_NOSIGNAL);
		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	assert_true(sent > 1000);
	close(a);
	RIG_WAIT(x->r, x->p.events.len && strchr(x->p.events.s, 'c'));  /* noticed though nobody reads */
	int b = peer_unix(x->path);
	peer_send(b, "[b]", 3);
	RIG_WAIT(x->r, x->c->opened);
	for (unsigned i = 0; i < sent / 700 + 2; i++) {
		size_t had = x->p.got.len;
		probe_room(x->r, &x->p, 700);
		RIG_WAIT(x->r, x->p.got.len == (had + 700 < sent + 3 ? had + 700 : sent + 3));
		if (x->p.got.len == sent + 3)
			break;
	}
	assert_int_equal(x->p.got.len, sent + 3);
	for (size_t i = 0; i < sent; i++)
		assert_int_equal(x->p.got.s[i], 'a' + i % 23);
	assert_memory_equal(x->p.got.s + sent, "[b]", 3);
	close(b);
}

/* A client that does not read holds output back; nothing is lost once it does. */
static void slow_reader_loses_nothing(void **state)
{
	struct fixture *x = *state;
	serve(x, "server,nowait");
	int a = peer_unix(x->path);
	RIG_WAIT(x->r, x->c->opened);
	char block[1000], back[4096];
	size_t sent = 0, got = 0;
	memset(block, 'x', sizeof(block));
	for (;;) {
		size_t n = probe_write(x->r, &x->p, block, sizeof(block));
		sent += n;
		if (n < sizeof(block))
			break;
		assert_true(sent < 100 << 20);
	}
	RIG_WAIT(x->r, x->p.writable == 0);
	while (got < sent) {
		ssize_t n = read(a, back, sizeof(back));
		assert_true(n > 0);
		got += (size_t)n;
	}
	RIG_WAIT(x->r, x->p.writable == 1);
	close(a);
}

/* It stops reading and then dies: the front end is told that it may go on. */
static void stuck_reader_dies(void **state)
{
	struct fixture *x = *state;
	serve(x, "server,nowait");
	int a = peer_unix(x->path);
	RIG_WAIT(x->r, x->c->opened);
	char block[1000] = { 0 };
	while (probe_write(x->r, &x->p, block, sizeof(block)) == sizeof(block))
		;
	close(a);
	RIG_WAIT(x->r, x->p.writable == 1 && !x->c->opened);
	assert_int_equal(probe_write(x->r, &x->p, block, sizeof(block)), sizeof(block));
}

/* "echo | nc -N": the client ends its half; what the front end still has to say reaches it, then the connection ends. */
static void half_closed_client_gets_its_answer(void **state)
{
	struct fixture *x = *state;
	x->p.room = 100;
	serve(x, "server,nowait");
	int a = peer_unix(x->path);
	RIG_WAIT(x->r, x->c->opened);
	char block[1000], back[4096];
	size_t sent = 0, got = 0;
	memset(block, 'y', sizeof(block));
	machine_lock(x->r->m);
	for (size_t n = sizeof(block); n == sizeof(block); sent += sizeof(block)) {
		n = chardev_write(x->c, &x->p, (uint8_t *)block, sizeof(block));
		if (n < sizeof(block))
			text_add(&x->p.more, block + n, sizeof(block) - n);
	}
	text_add(&x->p.more, "the end", 7);
	sent += 7;
	machine_unlock(x->r->m);
	peer_send(a, "ask", 3);
	shutdown(a, SHUT_WR);
	RIG_WAIT(x->r, probe_has(&x->p, "ask"));
	for (ssize_t n; (n = read(a, back, sizeof(back))) > 0; got += (size_t)n)
		;
	assert_int_equal(got, sent);
	close(a);
	RIG_WAIT(x->r, !x->c->opened);
}

/* It sends more than we ever held in memory of ours, ends its half and waits: the UART that takes it slowly gets all of it, and the
 * client its answer. */
static void half_closed_client_is_heard_out(void **state)
{
	struct fixture *x = *state;
	x->c = rig_chardev(x->r, "s", "tcp:127.0.0.1:0,server=on,wait=off");
	probe_attach(x->r, &x->p, x->c);
	int a = peer_tcp(port_of(x));
	char block[1000];
	size_t sent = 0;
	struct pollfd pf = { .fd = a, .events = POLLOUT };
	while (poll(&pf, 1, 200) > 0) {
		for (unsigned i = 0; i < sizeof(block); i++)
			block[i] = (char)((sent + i) % 251);
		ssize_t n = send(a, block, sizeof(block), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			break;
		sent += (size_t)n;
	}
	assert_true(sent > 300 << 10);
	shutdown(a, SHUT_WR);
	for (size_t had = 0; had < sent;) {
		size_t more = sent - had < 4000 ? sent - had : 4000;
		probe_room(x->r, &x->p, (unsigned)more);
		RIG_WAIT(x->r, x->p.got.len == had + more);
		had += more;
	}
	for (size_t i = 0; i < sent; i++)
		assert_int_equal((uint8_t)x->p.got.s[i], i % 251);
	close(a);
	RIG_WAIT(x->r, !x->c->opened);
}

/* to=: the first free port of a range; info chardev says which. */
static void server_tries_ports(void **state)
{
	struct fixture *x = *state;
	struct error err = { "" };
	char spec[80], want[80];
	bool none;
	x->c = rig_chardev(x->r, "s", "tcp:127.0.0.1:0,server=on,wait=off");
	unsigned port = port_of(x);
	snprintf(spec, sizeof(spec), "tcp:127.0.0.1:%u,server=on,wait=off,to=%u", port, port);
	machine_lock(x->r->m);
	assert_null(chardev_new_short(x->r->m, "t", spec, &none, &err));
	machine_unlock(x->r->m);
	assert_string_equal(err.msg, "Failed to find an available port: Address already in use");
	snprintf(spec, sizeof(spec), "tcp:127.0.0.1:%u,server=on,wait=off,to=%u", port, port + 50);
	x->c = rig_chardev(x->r, "t", spec);
	unsigned other = port_of(x);
	assert_in_range(other, port + 1, port + 50);
	snprintf(want, sizeof(want), "disconnected:tcp:127.0.0.1:%u,server=on", other);
	assert_string_equal(x->c->filename, want);
	close(peer_tcp(other));
}

/* ---- around the bytes -------------------------------------------------------------------------------------------------------------- */

static void peer_expect_bytes(int fd, const void *want, size_t len)
{
	uint8_t got[256];
	for (size_t n = 0; n < len;) {
		ssize_t r = read(fd, got + n, len - n);
		assert_true(r > 0);
		n += (size_t)r;
	}
	assert_memory_equal(got, want, len);
}

/* A 3270 terminal: type, records and binary are asked for; FFh is doubled; marks at the end of a record are no data. */
static void tn3270_negotiates(void **state)
{
	struct fixture *x = *state;
	x->p.room = 100;
	x->c = rig_chardev(x->r, "s", "tn3270:127.0.0.1:0,server,nowait");
	probe_attach(x->r, &x->p, x->c);
	assert_memory_equal(x->c->filename, "disconnected:tcp:127.0.0.1:", 27);
	int fd = peer_tcp(port_of(x));
	peer_expect_bytes(fd, "\xff\xfd\x19\xff\xfb\x19\xff\xfd\x00\xff\xfb\x00\xff\xfd\x18\xff\xfa\x18\x01\xff\xf0", 21);
	peer_send(fd, "\xff\xfb\x19\xff\xfd\x19\xff\xfb\x00\xff\xfd\x00\xff\xfb\x18\xff\xfa\x18\x00IBM-3278-2\xff\xf0\x7d\xff\xff\x40\xff\xef", 36);
	RIG_WAIT(x->r, x->p.got.len == 3);
	assert_memory_equal(x->p.got.s, "\x7d\xff\x40", 3);
	probe_write(x->r, &x->p, "\xf5\xff\xc3", 3);
	peer_expect_bytes(fd, "\xf5\xff\xff\xc3", 4);
	close(fd);
}

#define WS_HEAD "Host: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static bool have_websocket(struct fixture *x)
{
	struct error err = { "" };
	bool none;
	machine_lock(x->r->m);
	x->c = chardev_new_short(x->r->m, "s", "websocket:127.0.0.1:0,server,nowait", &none, &err);
	machine_unlock(x->r->m);
	if (!x->c)
		assert_string_equal(err.msg, "websocket=on needs a build with gnutls");
	else
		probe_attach(x->r, &x->p, x->c);
	return x->c;
}

/* RFC 6455's own example of a key; frames in every split, a ping in the middle of a message, closing. */
static void websocket_frames(void **state)
{
	struct fixture *x = *state;
	static const char hello[] = "GET /x HTTP/1.1\r\n" WS_HEAD "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat, binary\r\n\r\n";
	static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: binary\r\n\r\n";
	/* "ab" unfinished, a ping "p", "cd" as its end; masks 1 2 3 4 and 0 */
	static const char frames[] = "\x02\x82\x01\x02\x03\x04\x60\x60" "\x89\x81\x00\x00\x00\x00p" "\x80\x82\x00\x00\x00\x00" "cd";
	x->p.room = 1000;
	if (!have_websocket(x))
		return;
	assert_memory_equal(x->c->filename, "disconnected:websocket:127.0.0.1:", 33);
	unsigned port = port_of(x);
	for (int round = 0; round < 2; round++) {
		x->p.got.len = 0;
		int fd = peer_tcp(port);
		peer_send(fd, hello, sizeof(hello) - 1);
		peer_expect_bytes(fd, answer, sizeof(answer) - 1);
		for (size_t i = 0; i < sizeof(frames) - 1; i++)
			peer_send(fd, frames + i, 1);
		RIG_WAIT(x->r, x->p.got.len == 4);
		assert_memory_equal(x->p.got.s, "abcd", 4);
		peer_expect_bytes(fd, "\x8a\x01p", 3);
		char big[300];
		memset(big, 'B', sizeof(big));
		assert_int_equal(probe_write(x->r, &x->p, "hi", 2) + probe_write(x->r, &x->p, big, sizeof(big)), 302);
		peer_expect_bytes(fd, "\x82\x02hi\x82\x7e\x01\x2c" "BBB", 11);
		peer_expect_bytes(fd, big, 200);
		peer_expect_bytes(fd, big, 97);
		if (round)
			peer_send(fd, "\x82\x01z", 3);         /* not masked: a protocol error */
		else
			peer_send(fd, "\x88\x82\x00\x00\x00\x00\x03\xe8", 8);
		peer_expect_bytes(fd, round ? "\x88\x02\x03\xea" : "\x88\x02\x03\xe8", 4);
		char end;
		assert_int_equal(read(fd, &end, 1), 0);
		close(fd);
		RIG_WAIT(x->r, !x->c->opened);
	}
}

/* A client that does not read says that it closes: its answer waits behind what it has not read, and then the connection ends. */
static void websocket_closes_a_slow_reader(void **state)
{
	struct fixture *x = *state;
	static const char hello[] = "GET / HTTP/1.1\r\n" WS_HEAD "Sec-WebSocket-Version: 13\r\n\r\n";
	char block[4000], back[4096], last[4] = "";
	size_t sent = 0;
	x->p.room = 1000;
	if (!have_websocket(x))
		return;
	int fd = peer_tcp(port_of(x));
	peer_send(fd, hello, sizeof(hello) - 1);
	peer_expect_bytes(fd, "HTTP/1.1 101 ", 13);
	RIG_WAIT(x->r, x->c->opened);
	memset(block, 'w', sizeof(block));
	for (size_t n = sizeof(block); n == sizeof(block); sent += n)
		n = probe_write(x->r, &x->p, block, sizeof(block));
	peer_send(fd, "\x88\x82\x00\x00\x00\x00\x03\xe8", 8);
	for (ssize_t n; (n = read(fd, back, sizeof(back))) > 0;)
		for (ssize_t i = n > 4 ? n - 4 : 0; i < n; i++) {
			memmove(last, last + 1, 3);
			last[3] = back[i];
		}
	assert_memory_equal(last, "\x88\x02\x03\xe8", 4);
	close(fd);
	RIG_WAIT(x->r, !x->c->opened);
}

/* What is no handshake is told so (or dropped), and the next client is served. */
static void websocket_refuses(void **state)
{
	struct fixture *x = *state;
	static const struct { const char *say, *want; } cases[] = {
		{ "POST / HTTP/1.1\r\n" WS_HEAD "Sec-WebSocket-Version: 13\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n" },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n" },
		{ "GET / HTTP/1.1\r\n" WS_HEAD "Sec-WebSocket-Version: 8\r\n\r\n", "HTTP/1.1 426 Upgrade Required\r\n" },
		{ "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n" } };
	if (!have_websocket(x))
		return;
	unsigned port = port_of(x);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = peer_tcp(port);
		peer_send(fd, cases[i].say, strlen(cases[i].say));
		peer_expect_bytes(fd, cases[i].want, strlen(cases[i].want));
		close(fd);
	}
	/* a request without end */
	int fd = peer_tcp(port);
	char junk[1000], end;
	memset(junk, 'j', sizeof(junk));
	for (int i = 0; i < 9; i++)
		if (send(fd, junk, sizeof(junk), MSG_NOSIGNAL) < 0)
			break;
	assert_true(read(fd, &end, 1) <= 0);
	close(fd);
	RIG_WAIT(x->r, !x->c->opened);
	fd = peer_tcp(port);
	peer_send(fd, "GET / HTTP/1.1\r\n" WS_HEAD "Sec-WebSocket-Version: 13\r\n\r\n", strlen("GET / HTTP/1.1\r\n" WS_HEAD "Sec-WebSocket-Version: 13\r\n\r\n"));
	peer_expect_bytes(fd, "HTTP/1.1 101 ", 13);
	RIG_WAIT(x->r, x->c->opened);
	close(fd);
}

static void tcp_names(void **state)
{
	struct fixture *x = *state;
	char want[128];
	x->p.room = 100;
	x->c = rig_chardev(x->r, "s", "tcp:127.0.0.1:0,server=on,wait=off,nodelay=on");
	probe_attach(x->r, &x->p, x->c);
	unsigned port = port_of(x);
	snprintf(want, sizeof(want), "disconnected:tcp:127.0.0.1:%u,server=on", port);
	assert_string_equal(x->c->filename, want);
	/* a client of ours to a server of ours */
	struct probe q = { .room = 100 };
	char spec[64];
	snprintf(spec, sizeof(spec), "tcp:127.0.0.1:%u", port);
	struct chardev *d = rig_chardev(x->r, "d", spec);
	probe_attach(x->r, &q, d);
	RIG_WAIT(x->r, x->c->opened && d->opened);
	snprintf(want, sizeof(want), "tcp:127.0.0.1:%u,server=on <-> 127.0.0.1:", port);
	assert_memory_equal(x->c->filename, want, strlen(want));
	snprintf(want, sizeof(want), " <-> 127.0.0.1:%u", port);
	assert_non_null(strstr(d->filename, want));
	probe_write(x->r, &q, "over", 4);
	RIG_WAIT(x->r, probe_has(&x->p, "over"));
	probe_write(x->r, &x->p, "back", 4);
	RIG_WAIT(x->r, probe_has(&q, "back"));
	probe_detach(x->r, &q);
	/* the port is taken now */
	struct error err = { "" };
	bool none;
	snprintf(spec, sizeof(spec), "tcp:127.0.0.1:%u,server,nowait", port);
	machine_lock(x->r->m);
	assert_null(chardev_new_short(x->r->m, "e", spec, &none, &err));
	assert_string_equal(err.msg, "Failed to find an available port: Address already in use");
	machine_unlock(x->r->m);
}

static void client_reconnects(void **state)
{
	struct fixture *x = *state;
	char spec[160];
	x->p.room = 100;
	snprintf(spec, sizeof(spec), "unix:%s,reconnect=1", x->path);
	x->r->m->state = RUN_PAUSED;            /* says nothing on stderr */
	x->c = rig_chardev(x->r, "s", spec);
	probe_attach(x->r, &x->p, x->c);
	snprintf(spec, sizeof(spec), "disconnected:unix:%s", x->path);
	assert_string_equal(x->c->filename, spec);
	snprintf(spec, sizeof(spec), "unix:%s,server,nowait", x->path);
	for (int i = 0; i < 2; i++) {
		struct probe q = { .room = 100 };
		struct chardev *d = rig_chardev(x->r, "d", spec);
		probe_attach(x->r, &q, d);
		RIG_WAIT(x->r, x->c->opened && d->opened);
		probe_write(x->r, &q, "hello", 5);
		RIG_WAIT(x->r, probe_has(&x->p, "hello"));
		x->p.got.len = 0;
		probe_detach(x->r, &q);
		machine_lock(x->r->m);
		assert_true(chardev_remove(x->r->m, "d", NULL));
		machine_unlock(x->r->m);
		RIG_WAIT(x->r, !x->c->opened);
	}
}

/* A waiting server holds start-up until someone comes. */
static void *late_client(void *arg)
{
	struct fixture *x = arg;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", x->path);
	while (connect(fd, (struct sockaddr *)&un, sizeof(un)))
		rig_nap();
	peer_send(fd, "hi", 2);
	return (void *)(intptr_t)fd;
}

static void waiting_server(void **state)
{
	struct fixture *x = *state;
	pthread_t t;
	void *fd;
	char spec[160], line[512], want[512];
	int p[2], saved = dup(2);
	assert_int_equal(pipe(p), 0);
	dup2(p[1], 2);
	pthread_create(&t, NULL, late_client, x);
	snprintf(spec, sizeof(spec), "unix:%s,server", x->path);
	struct error err = { "" };
	bool none;
	machine_lock(x->r->m);
	x->c = chardev_from_option(x->r->m, "-qmp", "s", spec, &none, &err);
	machine_unlock(x->r->m);
	dup2(saved, 2);
	close(saved);
	assert_non_null(x->c);
	assert_true(x->c->opened);
	ssize_t n = read(p[0], line, sizeof(line) - 1);
	line[n > 0 ? n : 0] = 0;
	snprintf(want, sizeof(want), "vmux: -qmp %s: info: QEMU waiting for connection on: disconnected:unix:%s,server=on\n", spec, x->path);
	assert_string_equal(line, want);
	close(p[0]);
	close(p[1]);
	x->p.room = 100;
	probe_attach(x->r, &x->p, x->c);
	RIG_WAIT(x->r, probe_has(&x->p, "hi"));
	assert_memory_equal(x->p.events.s, "o", 1);
	pthread_join(t, &fd);
	close((int)(intptr_t)fd);
}

static void telnet_speaks(void **state)
{
	struct fixture *x = *state;
	uint8_t first[12];
	x->c = rig_chardev(x->r, "s", "telnet:127.0.0.1:0,server,nowait");
	probe_attach(x->r, &x->p, x->c);
	assert_memory_equal(x->c->filename, "disconnected:telnet:127.0.0.1:", 30);
	int fd = peer_tcp(port_of(x));
	for (size_t n = 0; n < sizeof(first);) {
		ssize_t got = read(fd, first + n, sizeof(first) - n);
		assert_true(got > 0);
		n += (size_t)got;
	}
	assert_memory_equal(first, "\xff\xfb\x01\xff\xfb\x03\xff\xfb\x00\xff\xfd\x00", 12);
	/* the client agrees, sends text with a doubled IAC, then a break, then text */
	peer_send(fd, "\xff\xfd\x01\xff\xfd\x03\xff\xfd\x00\xff\xfb\x00" "a\xff\xff" "b\xff\xf3" "c", 19);
	probe_room(x->r, &x->p, 100);
	RIG_WAIT(x->r, x->p.got.len == 4);
	assert_memory_equal(x->p.got.s, "a\xff" "bc", 4);
	assert_non_null(strchr(x->p.events.s, 'b'));
	/* output: FFh doubled, also when the client reads slowly; small pieces force every split */
	size_t sent = 0, got = 0;
	bool half = false;
	uint8_t block[777], back[3001];
	for (unsigned i = 0; i < sizeof(block); i++)
		block[i] = i % 3 ? 0xff : i & 0x7f;
	size_t offset = 0;
	for (int round = 0; round < 20000; round++) {
		size_t n = probe_write(x->r, &x->p, block + offset, sizeof(block) - offset);
		sent += n;
		bool full = n < sizeof(block) - offset;
		offset = (offset + n) % sizeof(block);
		if (full || round == 19999) {
			while (got < sent) {    /* all of it comes, whenever */
				ssize_t r = read(fd, back, sizeof(back));
				assert_true(r > 0);
				for (ssize_t i = 0; i < r; i++) {
					if (half) {
						assert_int_equal(back[i], 0xff);
						half = false;
						got++;
					} else if (back[i] == 0xff) {
						half = true;
						assert_true(got % 777 % 3);
					} else {
						assert_int_equal(back[i], got % 777 & 0x7f);
						got++;
					}
				}
			}
			if (full && sent > 20 << 20)
				break;
		}
	}
	assert_true(got >= sent);       /* one byte may have come by half and be offered again */
	assert_true(got - sent <= 1);
	close(fd);
}

static void telnet_asked_for_ever(void **state)
{
	struct fixture *x = *state;
	x->p.room = 1 << 30;
	x->c = rig_chardev(x->r, "s", "telnet:127.0.0.1:0,server,nowait");
	probe_attach(x->r, &x->p, x->c);
	int fd = peer_tcp(port_of(x));
	uint8_t ask[3000];
	for (unsigned i = 0; i < sizeof(ask); i += 3) {
		ask[i] = 0xff;
		ask[i + 1] = i / 3 % 2 ? 0xfd : 0xfb;
		ask[i + 2] = (uint8_t)(i * 7 % 250);
	}
	for (int i = 0; i < 2000; i++)          /* never reads an answer */
		peer_send(fd, ask, sizeof(ask));
	peer_send(fd, "alive", 5);
	RIG_WAIT(x->r, probe_has(&x->p, "alive"));
	close(fd);
}

static void udp_both_ways(void **state)
{
	struct fixture *x = *state;
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }, from;
	socklen_t len = sizeof(in), flen = sizeof(from);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char spec[64], buf[16];
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	snprintf(spec, sizeof(spec), "udp::%u@0", ntohs(in.sin_port));  /* old spelling of the source port */
	x->c = rig_chardev(x->r, "s", spec);
	probe_attach(x->r, &x->p, x->c);
	assert_string_equal(x->c->filename, "udp");
	probe_write(x->r, &x->p, "out", 3);
	assert_int_equal(recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &flen), 3);
	assert_int_equal(sendto(fd, "in datagram", 11, 0, (struct sockaddr *)&from, flen), 11);
	assert_int_equal(sendto(fd, " two", 4, 0, (struct sockaddr *)&from, flen), 4);
	for (int i = 1; i <= 15; i++) {
		probe_room(x->r, &x->p, 1);     /* byte by byte */
		RIG_WAIT(x->r, x->p.got.len == (size_t)i);
	}
	assert_memory_equal(x->p.got.s, "in datagram two", 15);
	close(fd);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { T(one_client_at_a_time), T(flood_then_vanish), T(slow_reader_loses_nothing), T(stuck_reader_dies),
		T(half_closed_client_gets_its_answer), T(half_closed_client_is_heard_out), T(server_tries_ports), T(tn3270_negotiates),
		T(websocket_frames), T(websocket_closes_a_slow_reader), T(websocket_refuses), T(tcp_names), T(client_reconnects), T(waiting_server), T(telnet_speaks), T(telnet_asked_for_ever),
		T(udp_both_ways) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
