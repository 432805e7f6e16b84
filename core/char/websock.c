/* websock.c - WebSocket server: the opening handshake, and binary frames both ways.  Ref: RFC 6455, sections 4.2 and 5. */
#include "core/char/websock.h"
#include "core/machine/text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_MAX = 8192, PAYLOAD = 4096 /* of a frame we send */, WAITING_MAX = 65536 /* answers to a client that never reads */, CONTROL_MAX = 125 };
enum opcode { OP_CONTINUE, OP_TEXT, OP_BINARY, OP_CLOSE = 8, OP_PING, OP_PONG };

struct websock {
	struct chr_fd *f;
	struct text request;
	struct text out;                /* whole frames (and in the handshake the answer) on their way */
	bool answered, refused;
	/* the frame that is coming */
	uint8_t head[14], mask[4], control[CONTROL_MAX];
	unsigned n_head, n_control;
	uint64_t left, at;              /* payload bytes to come, and come */
	enum opcode op;
	bool in_payload, over;          /* over: closing was agreed on, nothing more counts */
};

struct websock *websock_start(struct chr_fd *f)
{
	struct websock *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->f = f;
	return w;
}

void websock_stop(struct websock *w)
{
	if (!w)
		return;
	text_free(&w->request);
	text_free(&w->out);
	free(w);
}

/* ---- the handshake ---------------------------------------------------------------------------------------------------------------- */

/* Does the comma-separated list hold the word, whatever its case? */
static bool list_has(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (*list) {
		list += strspn(list, " \t,");
		size_t len = strcspn(list, ", \t");
		if (len == n && !strncasecmp(list, word, n))
			return true;
		list += len;
	}
	return false;
}

/* Value of a header field of the request; "" when there is none.  Lines end in CR LF. */
static const char *field(const char *request, const char *name, char *buf, size_t size)
{
	size_t n = strlen(name);

	*buf = 0;
	for (const char *line = strstr(request, "\r\n"); line; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, n) || line[n] != ':')
			continue;
		line += n + 1;
		line += strspn(line, " \t");
		size_t len = strcspn(line, "\r");
		while (len && (line[len - 1] == ' ' || line[len - 1] == '\t'))
			len--;
		snprintf(buf, size, "%.*s", (int)(len < size ? len : size - 1), line);
		break;
	}
	return buf;
}

static void answer(struct websock *w)
{
	const char *r = w->request.s;
	char val[256], key[256], accept[32];
	const char *why = NULL;

	if (strncmp(r, "GET ", 4) || !strstr(r, " HTTP/1.1\r\n"))
		why = "400 Bad Request";
	else if (!list_has(field(r, "Upgrade", val, sizeof(val)), "websocket") || !list_has(field(r, "Connection", val, sizeof(val)), "upgrade"))
		why = "400 Bad Request";
	else if (strcmp(field(r, "Sec-WebSocket-Version", val, sizeof(val)), "13"))
		why = "426 Upgrade Required\r\nSec-WebSocket-Version: 13";
	else if (strlen(field(r, "Sec-WebSocket-Key", key, sizeof(key))) != 24 || !tls_websocket_accept(key, accept))
		why = "400 Bad Request";
	w->answered = true;
	w->refused = why != NULL;
	if (why) {
		text_printf(&w->out, "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", why);
		return;
	}
	text_printf(&w->out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n", accept);
	if (list_has(field(r, "Sec-WebSocket-Protocol", val, sizeof(val)), "binary"))
		text_printf(&w->out, "Sec-WebSocket-Protocol: binary\r\n");
	text_printf(&w->out, "\r\n");
}

/* A byte at a time, so that nothing of the first frame is taken. */
static enum tls_shake read_request(struct websock *w, int fd)
{
	while (w->request.len < 4 || memcmp(w->request.s + w->request.len - 4, "\r\n\r\n", 4)) {
		uint8_t b;
		ssize_t n = w->f->recv ? w->f->recv(w->f, &b, 1) : recv(fd, &b, 1, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return TLS_WANT_READ;
		if (n <= 0 || w->request.len >= REQUEST_MAX || !b)
			return TLS_FAILED;
		text_add(&w->request, (char *)&b, 1);
	}
	return TLS_DONE;
}

enum tls_shake websock_greet(struct websock *w, int fd)
{
	if (!w->answered) {
		enum tls_shake r = read_request(w, fd);
		if (r != TLS_DONE)
			return r;
		answer(w);
	}
	while (w->out.len) {
		ssize_t n = w->f->send ? w->f->send(w->f, (uint8_t *)w->out.s, w->out.len) : send(fd, w->out.s, w->out.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return TLS_WANT_WRITE;
		if (n == 0 || (n < 0 && errno != EINTR))
			return TLS_FAILED;
		if (n > 0) {
			memmove(w->out.s, w->out.s + n, w->out.len - (size_t)n);
			w->out.len -= (size_t)n;
		}
	}
	return w->refused ? TLS_FAILED : TLS_DONE;
}

/* ---- frames ----------------------------------------------------------------------------------------------------------------------- */

static void add_frame(struct websock *w, enum opcode op, const uint8_t *buf, size_t len)
{
	uint8_t head[4] = { 0x80 | op, (uint8_t)len };
	size_t n = 2;

	if (len > CONTROL_MAX) {
		head[1] = 126;
		head[2] = (uint8_t)(len >> 8);
		head[3] = (uint8_t)len;
		n = 4;
	}
	text_add(&w->out, (char *)head, n);
	text_add(&w->out, (const char *)buf, len);
}

static void add_control(struct websock *w, enum opcode op, const uint8_t *buf, size_t len)
{
	if (w->out.len < WAITING_MAX)
		add_frame(w, op, buf, len);
}

/* Say why and listen no more. */
static void close_with(struct websock *w, unsigned code)
{
	uint8_t why[2] = { (uint8_t)(code >> 8), (uint8_t)code };

	add_control(w, OP_CLOSE, why, 2);
	w->over = true;
}

static unsigned head_length(const struct websock *w)
{
	unsigned n = w->n_head < 2 ? 2 : (w->head[1] & 127) == 126 ? 4 : (w->head[1] & 127) == 127 ? 10 : 2;

	return n + (w->n_head >= 2 && (w->head[1] & 128) ? 4 : 0);
}

/* The head of a frame is whole: look at it. */
static void begin_frame(struct websock *w)
{
	unsigned len7 = w->head[1] & 127, n = len7 == 126 ? 2 : len7 == 127 ? 8 : 0;
	enum opcode op = w->head[0] & 15;
	bool control = op >= OP_CLOSE;

	w->left = n ? 0 : len7;
	for (unsigned i = 0; i < n; i++)
		w->left = w->left << 8 | w->head[2 + i];
	memcpy(w->mask, w->head + 2 + n, 4);
	w->op = op;
	w->at = w->n_head = w->n_control = 0;
	w->in_payload = true;
	if (!(w->head[1] & 128) || (w->head[0] & 0x70) || (op > OP_BINARY && op < OP_CLOSE) || op > OP_PONG || w->left >> 63 ||
	    (control && (w->left > CONTROL_MAX || !(w->head[0] & 0x80))))
		close_with(w, 1002);            /* protocol error */
}

static void end_frame(struct websock *w)
{
	w->in_payload = false;
	if (w->op == OP_PING)
		add_control(w, OP_PONG, w->control, w->n_control);
	if (w->op == OP_CLOSE) {
		add_control(w, OP_CLOSE, w->control, w->n_control < 2 ? 0 : 2);
		w->over = true;
	}
}

unsigned websock_decode(struct websock *w, uint8_t *buf, unsigned len)
{
	unsigned out = 0;

	for (unsigned i = 0; i < len && !w->over; i++) {
		if (!w->in_payload) {
			w->head[w->n_head++] = buf[i];
			if (w->n_head < head_length(w))
				continue;
			begin_frame(w);
		} else {
			uint8_t b = buf[i] ^ w->mask[w->at++ & 3];
			if (w->op >= OP_CLOSE)
				w->control[w->n_control++] = b;
			else
				buf[out++] = b;
			w->left--;
		}
		if (!w->over && !w->left)
			end_frame(w);
	}
	websock_flush(w);
	return out;
}

bool websock_flush(struct websock *w)
{
	if (!chr_fd_drain(w->f, &w->out))
		return false;
	if (w->over && !w->f->broken && w->f->out >= 0)
		shutdown(w->f->out, SHUT_WR);           /* the client closes now, and we hear of that */
	return true;
}

/* What is in a frame that waits counts as taken. */
size_t websock_write(struct websock *w, const uint8_t *buf, size_t len)
{
	size_t taken = 0;

	if (w->over)
		return len;
	while (taken < len && websock_flush(w)) {
		size_t n = len - taken < PAYLOAD ? len - taken : PAYLOAD;
		add_frame(w, OP_BINARY, buf + taken, n);
		taken += n;
	}
	websock_flush(w);
	return taken;
}
