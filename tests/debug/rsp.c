/* rsp.c - a client of gdb's remote protocol. */
#include "tests/debug/rsp.h"
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

void rsp_connect(struct rsp *r, const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	time_t end = time(NULL) + RSP_LIMIT_MS / 1000;

	memset(r, 0, sizeof(*r));
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	r->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	while (connect(r->fd, (struct sockaddr *)&a, sizeof(a))) {
		if (time(NULL) > end)
			fail_msg("%s: %s", path, strerror(errno));
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
}

void rsp_close(struct rsp *r)
{
	close(r->fd);
	r->fd = -1;
}

void rsp_raw(struct rsp *r, const void *buf, size_t len)
{
	for (const char *p = buf; len;) {
		ssize_t n = send(r->fd, p, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		p += n;
		len -= (size_t)n;
	}
}

static void send_bytes(struct rsp *r, const char *data, size_t len)
{
	uint8_t sum = 0;
	char tail[8];

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + (uint8_t)data[i]);
	rsp_raw(r, "$", 1);
	rsp_raw(r, data, len);
	snprintf(tail, sizeof(tail), "#%02x", sum);
	rsp_raw(r, tail, 3);
}

void rsp_send(struct rsp *r, const char *data) { send_bytes(r, data, strlen(data)); }

/* -1: closed. */
static int next_byte(struct rsp *r)
{
	struct pollfd p = { .fd = r->fd, .events = POLLIN };

	if (r->at == r->len) {
		if (poll(&p, 1, RSP_LIMIT_MS) <= 0)
			fail_msg("no answer");
		ssize_t n = recv(r->fd, r->in, sizeof(r->in), 0);
		if (n <= 0)
			return -1;
		r->at = 0;
		r->len = (unsigned)n;
	}
	return r->in[r->at++];
}

const char *rsp_receive(struct rsp *r)
{
	unsigned n = 0;
	uint8_t sum = 0;
	char want[3] = "";
	int c;

	do
		if ((c = next_byte(r)) < 0)
			return NULL;
	while (c != '$');
	while ((c = next_byte(r)) != '#') {
		if (c < 0)
			return NULL;
		sum = (uint8_t)(sum + c);
		if (c == '}') {
			c = next_byte(r);
			sum = (uint8_t)(sum + c);
			c ^= 0x20;
		}
		assert_true(n < sizeof(r->reply) - 1);
		r->reply[n++] = (char)c;
	}
	r->reply[n] = 0;
	want[0] = (char)next_byte(r);
	want[1] = (char)next_byte(r);
	assert_int_equal(strtoul(want, NULL, 16), sum);
	if (!r->no_ack)
		rsp_raw(r, "+", 1);
	return r->reply;
}

bool rsp_quiet(struct rsp *r, int ms)
{
	struct pollfd p = { .fd = r->fd, .events = POLLIN };

	for (;;) {
		while (r->at < r->len && r->in[r->at] == '+')
			r->at++;
		if (r->at < r->len)
			return false;
		if (!poll(&p, 1, ms))
			return true;
		ssize_t n = recv(r->fd, r->in, sizeof(r->in), 0);
		if (n <= 0)
			return false;
		r->at = 0;
		r->len = (unsigned)n;
	}
}

size_t rsp_drain(struct rsp *r, uint8_t *buf, size_t len)
{
	ssize_t n = recv(r->fd, buf, len, MSG_DONTWAIT);

	r->at = r->len = 0;
	return n > 0 ? (size_t)n : 0;
}

const char *rsp_ask(struct rsp *r, const char *fmt, ...)
{
	char buf[RSP_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	rsp_send(r, buf);
	return rsp_receive(r);
}

void rsp_want(struct rsp *r, const char *packet, const char *answer)
{
	const char *got = rsp_ask(r, "%s", packet);

	if (!got || strcmp(got, answer))
		fail_msg("%s is answered %s, not %s", packet, got ? got : "by nothing", answer);
}

/* Little-endian bytes as hex. */
static uint64_t number(const char *hex)
{
	uint64_t v = 0;

	for (unsigned n = 0; n < 8 && hex[2 * n] && hex[2 * n + 1]; n++)
		v |= (uint64_t)strtoul((char[]){ hex[2 * n], hex[2 * n + 1], 0 }, NULL, 16) << 8 * n;
	return v;
}
static void to_hex(char *out, uint64_t v, unsigned size)
{
	for (unsigned n = 0; n < size; n++, v >>= 8)
		snprintf(out + 2 * n, 3, "%02x", (unsigned)(v & 0xff));
}

uint64_t rsp_register(struct rsp *r, unsigned n)
{
	const char *a = rsp_ask(r, "p%x", n);
	if (!a || *a == 'E')
		fail_msg("register %u: %s", n, a ? a : "closed");
	return number(a);
}

void rsp_set_register(struct rsp *r, unsigned n, uint64_t v, unsigned size)
{
	char hex[20];
	to_hex(hex, v, size);
	RSP_OK(r, "P%x=%s", n, hex);
}

uint64_t rsp_memory(struct rsp *r, uint64_t addr, unsigned size)
{
	const char *a = rsp_ask(r, "m%llx,%x", (unsigned long long)addr, size);
	if (!a || *a == 'E')
		fail_msg("memory at %llx: %s", (unsigned long long)addr, a ? a : "closed");
	return number(a);
}

void rsp_poke(struct rsp *r, uint64_t addr, uint64_t v, unsigned size)
{
	char hex[20];
	to_hex(hex, v, size);
	RSP_OK(r, "M%llx,%x:%s", (unsigned long long)addr, size, hex);
}

void rsp_load(struct rsp *r, uint64_t addr, const uint8_t *buf, size_t len)
{
	static char packet[RSP_MAX];

	while (len) {
		size_t n = len < 1000 ? len : 1000, at = (size_t)snprintf(packet, sizeof(packet), "X%llx,%zx:", (unsigned long long)addr, n);
		for (size_t i = 0; i < n; i++) {
			bool special = strchr("$#}*", buf[i]) && buf[i];
			if (special)
				packet[at++] = '}';
			packet[at++] = (char)(special ? buf[i] ^ 0x20 : buf[i]);
		}
		send_bytes(r, packet, at);
		assert_string_equal(rsp_receive(r), "OK");
		addr += n;
		buf += n;
		len -= n;
	}
}
