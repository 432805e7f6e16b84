/* telnet.c - both sides of telnet; the protocol machine is libtelnet's.  Ref: RFC 854, 855, 856, 857, 858, 885, 1091, 1576. */
#include "core/char/telnet.h"
#include "core/machine/text.h"
#include <libtelnet.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWERS_MAX = 4096 };            /* a client that asks and asks and never reads */

struct telnet {
	struct chr_fd *f;
	telnet_t *machine;
	struct text answers;            /* protocol bytes on their way to the client */
	bool half;                      /* the first of the next data byte's two IACs is sent already */
	uint8_t *data; unsigned len;    /* during decode: where data collects */
	int break_at;
};

static void handler(telnet_t *machine, telnet_event_t *ev, void *arg)
{
	struct telnet *t = arg;

	switch (ev->type) {
	case TELNET_EV_DATA:
		if (t->data) {
			memmove(t->data + t->len, ev->data.buffer, ev->data.size);
			t->len += (unsigned)ev->data.size;
		}
		break;
	case TELNET_EV_SEND:
		if (t->answers.len + ev->data.size <= ANSWERS_MAX)
			text_add(&t->answers, ev->data.buffer, ev->data.size);
		break;
	case TELNET_EV_IAC:
		if (ev->iac.cmd == TELNET_BREAK)
			t->break_at = (int)t->len;
		break;
	default:
		break;
	}
}

static void greet_3270(struct telnet *t)
{
	telnet_negotiate(t->machine, TELNET_DO, TELNET_TELOPT_EOR);
	telnet_negotiate(t->machine, TELNET_WILL, TELNET_TELOPT_EOR);
	telnet_negotiate(t->machine, TELNET_DO, TELNET_TELOPT_BINARY);
	telnet_negotiate(t->machine, TELNET_WILL, TELNET_TELOPT_BINARY);
	telnet_negotiate(t->machine, TELNET_DO, TELNET_TELOPT_TTYPE);
	telnet_ttype_send(t->machine);
}

struct telnet *telnet_start(struct chr_fd *f, enum telnet_role role)
{
	static const telnet_telopt_t as_client[] = { { TELNET_TELOPT_ECHO, TELNET_WONT, TELNET_DO }, { TELNET_TELOPT_SGA, TELNET_WILL, TELNET_DO },
		{ TELNET_TELOPT_BINARY, TELNET_WILL, TELNET_DO }, { -1, 0, 0 } };
	static const telnet_telopt_t as_server[] = { { TELNET_TELOPT_ECHO, TELNET_WILL, TELNET_DONT }, { TELNET_TELOPT_SGA, TELNET_WILL, TELNET_DO },
		{ TELNET_TELOPT_BINARY, TELNET_WILL, TELNET_DO }, { -1, 0, 0 } };
	static const telnet_telopt_t as_3270[] = { { TELNET_TELOPT_EOR, TELNET_WILL, TELNET_DO }, { TELNET_TELOPT_TTYPE, TELNET_WONT, TELNET_DO },
		{ TELNET_TELOPT_BINARY, TELNET_WILL, TELNET_DO }, { -1, 0, 0 } };
	static const telnet_telopt_t *const options[] = { as_client, as_server, as_3270 };
	bool server = role == TELNET_SERVER;
	struct telnet *t = calloc(1, sizeof(*t));

	if (!t || !(t->machine = telnet_init(options[role], handler, 0, t)))
		abort();
	t->f = f;
	if (role == TELNET_TN3270) {
		greet_3270(t);
		telnet_flush(t);
		return t;
	}
	if (server)
		telnet_negotiate(t->machine, TELNET_WILL, TELNET_TELOPT_ECHO);
	telnet_negotiate(t->machine, server ? TELNET_WILL : TELNET_DO, TELNET_TELOPT_SGA);
	telnet_negotiate(t->machine, TELNET_WILL, TELNET_TELOPT_BINARY);
	telnet_negotiate(t->machine, TELNET_DO, TELNET_TELOPT_BINARY);
	telnet_flush(t);
	return t;
}

void telnet_break(struct telnet *t)
{
	telnet_iac(t->machine, TELNET_BREAK);
	telnet_flush(t);
}

void telnet_stop(struct telnet *t)
{
	if (!t)
		return;
	telnet_free(t->machine);
	text_free(&t->answers);
	free(t);
}

unsigned telnet_decode(struct telnet *t, uint8_t *buf, unsigned len, int *break_at)
{
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	memcpy(copy, buf, len);
	t->data = buf;
	t->len = 0;
	t->break_at = -1;
	telnet_recv(t->machine, (const char *)copy, len);
	free(copy);
	t->data = NULL;
	*break_at = t->break_at;
	telnet_flush(t);
	return t->len;
}

/* Answers never come between the two bytes of a doubled IAC. */
bool telnet_flush(struct telnet *t)
{
	return t->half || chr_fd_drain(t->f, &t->answers);
}

/* Data bytes FFh are doubled.  A byte of which only one half found room counts as not taken: the front end offers it again. */
size_t telnet_write(struct telnet *t, const uint8_t *buf, size_t len)
{
	size_t taken = 0;

	if (!telnet_flush(t))
		return 0;
	while (taken < len) {
		uint8_t out[1024];
		size_t n = 0, from = taken, skip = t->half;
		for (; from < len && n + 2 <= sizeof(out); from++) {
			out[n++] = buf[from];
			if (buf[from] == 0xff && !skip)
				out[n++] = 0xff;
			skip = 0;
		}
		size_t sent = chr_fd_write(t->f, out, n);
		for (size_t left = sent; left && taken < from;) {
			size_t cost = buf[taken] == 0xff && !t->half ? 2 : 1;
			t->half = left < cost;
			left -= left < cost ? left : cost;
			taken += !t->half;
		}
		if (sent < n)
			break;
	}
	if (!t->half)
		telnet_flush(t);
	return taken;
}
