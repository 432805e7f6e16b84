/* braille_brlapi.c - a braille display: the guest drives a Baum Vario on its serial line, BrlAPI shows it on the host's display.
 * Ref: the BrlAPI manual; Baum's serial protocol: packets are ESC, a code, data; an ESC among the data is doubled. */
#include "core/char/chardev.h"
#include "core/machine/machine.h"
#include <brlapi.h>
#include <stdlib.h>
#include <string.h>

enum { ESC = 0x1b, MAX_CELLS = 84, DELAY_MS = 100 };
enum { REQ_DISPLAY = 0x01, REQ_VERSION = 0x05, REQ_KEYS = 0x08, REQ_MODE = 0x12, REQ_PROTOCOL = 0x15, REQ_IDENTITY = 0x84, REQ_SERIAL = 0x8a };
enum { RSP_CELLS = 0x01, RSP_VERSION = 0x05, RSP_ROUTING = 0x22, RSP_TOP_KEYS = 0x24, RSP_IDENTITY = 0x84, RSP_SERIAL = 0x8a };
enum { KEY_TL1 = 0x01, KEY_TL2 = 0x02, KEY_TL3 = 0x04, KEY_TR1 = 0x08, KEY_TR2 = 0x10, KEY_TR3 = 0x20 };

struct braille {
	struct chardev *c;
	brlapi_handle_t *handle;
	int fd;                                 /* BrlAPI's, -1: the connection is lost */
	unsigned cells;
	uint8_t in[MAX_CELLS + 2]; unsigned n_in;       /* a request: its code and data, ESCs single */
	bool escaped, inside;
	uint8_t out[1024]; unsigned n_out;
};

static void put(struct braille *b, uint8_t v)
{
	if (b->n_out < sizeof(b->out))
		b->out[b->n_out++] = v;
}

static void answer(struct braille *b, uint8_t code, const void *data, size_t n)
{
	const uint8_t *p = data;

	if (b->n_out + 2 * n + 2 > sizeof(b->out))
		return;                 /* a guest that does not read */
	put(b, ESC);
	put(b, code);
	for (size_t i = 0; i < n; i++) {
		if (p[i] == ESC)
			put(b, ESC);
		put(b, p[i]);
	}
}

static void show(struct braille *b, const uint8_t *dots)
{
	uint8_t mask[MAX_CELLS] = { 0 }, cells[MAX_CELLS];
	brlapi_writeArguments_t w = BRLAPI_WRITEARGUMENTS_INITIALIZER;

	memcpy(cells, dots, b->cells);
	w.displayNumber = BRLAPI_DISPLAY_DEFAULT;
	w.regionBegin = 1;
	w.regionSize = (int)b->cells;
	w.andMask = mask;
	w.orMask = cells;
	if (b->fd >= 0)
		brlapi__write(b->handle, &w);
}

/* Data bytes that belong to a request. */
static unsigned data_length(const struct braille *b, uint8_t code)
{
	return code == REQ_DISPLAY ? b->cells : code == REQ_MODE ? 2 : code == REQ_PROTOCOL ? 1 : 0;
}

static void obey(struct braille *b)
{
	const uint8_t cells = (uint8_t)b->cells, version = 3;

	switch (b->in[0]) {
	case REQ_DISPLAY:  show(b, b->in + 1); break;
	case REQ_VERSION:  answer(b, RSP_VERSION, &version, 1); break;
	case REQ_KEYS:     answer(b, RSP_TOP_KEYS, "", 1); break;
	case REQ_IDENTITY:
		answer(b, RSP_IDENTITY, "Baum Vario      ", 16);
		answer(b, RSP_CELLS, &cells, 1);
		break;
	case REQ_SERIAL:   answer(b, RSP_SERIAL, "00000000", 8); break;
	}
}

static void request_byte(struct braille *b, uint8_t v)
{
	if (v == ESC && !b->escaped) {
		b->escaped = true;
		return;
	}
	bool code = b->escaped && v != ESC;
	b->escaped = false;
	if (code) {
		b->inside = true;
		b->n_in = 0;
	} else if (!b->inside) {
		return;
	}
	b->in[b->n_in++] = v;
	if (b->n_in == 1 + data_length(b, b->in[0])) {
		obey(b);
		b->inside = false;
	}
}

static void braille_work(struct chardev *c)
{
	struct braille *b = c->priv;

	while (b->n_out) {
		unsigned room = chr_can_read(c), n = b->n_out < room ? b->n_out : room;
		if (!n)
			return;
		uint8_t give[sizeof b->out];
		memcpy(give, b->out, n);
		memmove(b->out, b->out + n, b->n_out - n);
		b->n_out -= n;
		chr_deliver(c, give, n);
		if (c->priv != b)
			return;
	}
}

static ssize_t braille_write(struct chardev *c, const uint8_t *buf, size_t len)
{
	struct braille *b = c->priv;

	for (size_t i = 0; i < len; i++)
		request_byte(b, buf[i]);
	chr_post(c);
	return (ssize_t)len;
}

static void press(struct braille *b, uint8_t keys)
{
	answer(b, RSP_TOP_KEYS, &keys, 1);
	answer(b, RSP_TOP_KEYS, "", 1);
}

static void route(struct braille *b, unsigned cell)
{
	uint8_t keys[(MAX_CELLS + 7) / 8] = { 0 };
	size_t n = (b->cells + 7) / 8;

	if (cell >= b->cells)
		return;
	keys[cell / 8] = (uint8_t)(1u << cell % 8);
	answer(b, RSP_ROUTING, keys, n);
	memset(keys, 0, sizeof(keys));
	answer(b, RSP_ROUTING, keys, n);
}

static void key(struct braille *b, brlapi_keyCode_t k)
{
	static const struct { unsigned command; uint8_t keys; } top[] = { { BRLAPI_KEY_CMD_FWINLT, KEY_TL2 }, { BRLAPI_KEY_CMD_FWINRT, KEY_TR2 },
		{ BRLAPI_KEY_CMD_LNUP, KEY_TR1 }, { BRLAPI_KEY_CMD_LNDN, KEY_TR3 }, { BRLAPI_KEY_CMD_TOP, KEY_TL1 | KEY_TR1 },
		{ BRLAPI_KEY_CMD_BOT, KEY_TL3 | KEY_TR3 }, { BRLAPI_KEY_CMD_TOP_LEFT, KEY_TL2 | KEY_TR1 }, { BRLAPI_KEY_CMD_BOT_LEFT, KEY_TL2 | KEY_TR3 },
		{ BRLAPI_KEY_CMD_HOME, KEY_TL2 | KEY_TR1 | KEY_TR3 }, { BRLAPI_KEY_CMD_PREFMENU, KEY_TL1 | KEY_TL3 | KEY_TR1 } };
	unsigned command = (unsigned)(k & (BRLAPI_KEY_CODE_MASK));

	if ((k & BRLAPI_KEY_TYPE_MASK) != BRLAPI_KEY_TYPE_CMD)
		return;
	if ((command & BRLAPI_KEY_CMD_BLK_MASK) == BRLAPI_KEY_CMD_ROUTE) {
		route(b, command & BRLAPI_KEY_CMD_ARG_MASK);
		return;
	}
	for (size_t i = 0; i < sizeof(top) / sizeof(top[0]); i++)
		if (command == top[i].command)
			press(b, top[i].keys);
}

static void on_key(void *arg, unsigned events)
{
	struct braille *b = arg;
	brlapi_keyCode_t k;
	int r;

	while ((r = brlapi__readKey(b->handle, 0, &k)) == 1)
		key(b, k);
	if (r < 0) {                    /* the server went away: the display stays dark */
		loop_unwatch(b->c->machine->loop, b->fd);
		b->fd = -1;
	}
	braille_work(b->c);
}

static void braille_close(struct chardev *c)
{
	struct braille *b = c->priv;

	if (b->fd >= 0) {
		loop_unwatch(c->machine->loop, b->fd);
		brlapi__leaveTtyMode(b->handle);
	}
	brlapi__closeConnection(b->handle);
	free(b->handle);
	free(b);
	c->priv = NULL;
}

static bool fail(struct braille *b, bool connected, const char *what, struct error *err)
{
	error_set(err, "brlapi__%s: %s", what, brlapi_strerror(brlapi_error_location()));
	if (connected)
		brlapi__closeConnection(b->handle);
	free(b->handle);
	free(b);
	return false;
}

static bool braille_open(struct chardev *c, const struct kv *kv, struct error *err)
{
	struct braille *b = calloc(1, sizeof(*b));
	unsigned x = 0, y = 0;

	if (!b || !(b->handle = calloc(1, brlapi_getHandleSize())))
		abort();
	b->c = c;
	b->fd = brlapi__openConnection(b->handle, NULL, NULL);
	if (b->fd < 0)
		return fail(b, false, "openConnection", err);
	if (brlapi__getDisplaySize(b->handle, &x, &y) < 0)
		return fail(b, true, "getDisplaySize", err);
	/* no virtual terminal of the host is ours: without one, the whole display is asked for */
	if (brlapi__enterTtyMode(b->handle, BRLAPI_TTY_DEFAULT, NULL) < 0 && brlapi__enterTtyModeWithPath(b->handle, NULL, 0, NULL) < 0)
		return fail(b, true, "enterTtyMode", err);
	b->cells = x * y < 1 ? 1 : x * y > MAX_CELLS ? MAX_CELLS : x * y;
	c->priv = b;
	c->opened = true;
	loop_watch(c->machine->loop, b->fd, LOOP_IN, on_key, b);
	return true;
}

const struct chardev_kind chardev_braille = { .name = "braille", .open = braille_open, .close = braille_close, .write = braille_write,
	.accept_input = chr_post, .work = braille_work };
