/* wctablet.c - a Wacom PenPartner on a serial line, driven by the front end's pointer.  Ref: Wacom's protocol IV: seven bytes a report,
 *
 *    1 P S . . . X15 X14 | 0 X13..X7 | 0 X6..X0 | 0 b b b b . Y15 Y14 | 0 Y13..Y7 | 0 Y6..Y0 | 0 pressure
 *
 * P: in proximity, S: stylus, b: buttons.  Commands end with CR; "~#", "~C" and "~R" are answered, "ST" and "SP" start and stop reports. */
#include "core/char/chardev.h"
#include "core/machine/input.h"
#include "core/machine/machine.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_X = 5040, MAX_Y = 3780, SPEED = 8 /* units a step of the pointer */, LIGHT = 0, FIRM = 62 };

struct wctablet {
	struct chardev *c;
	struct input_sink sink;
	bool listed, sending, moved;
	int x, y;
	unsigned buttons;
	char command[32]; unsigned n_command;
	uint8_t out[128]; unsigned len;
};

static void say(struct wctablet *t, const void *bytes, size_t n)
{
	if (t->len + n > sizeof(t->out))
		return;                 /* a guest that asks and does not read */
	memcpy(t->out + t->len, bytes, n);
	t->len += (unsigned)n;
}

static void report(struct wctablet *t)
{
	bool tip = t->buttons & MOUSE_LEFT;
	unsigned b = (tip ? 1u : 0) | (t->buttons & MOUSE_RIGHT ? 2 : 0) | (t->buttons & MOUSE_MIDDLE ? 4 : 0);
	const uint8_t r[7] = { (uint8_t)(0xe0 | (t->x >> 14 & 3)), t->x >> 7 & 0x7f, t->x & 0x7f, (uint8_t)(b << 3 | (t->y >> 14 & 3)), t->y >> 7 & 0x7f,
		t->y & 0x7f, tip ? FIRM : LIGHT };

	t->moved = false;
	say(t, r, sizeof(r));
}

static void wctablet_work(struct chardev *c)
{
	struct wctablet *t = c->priv;

	for (;;) {
		if (!t->len && t->moved && t->sending)
			report(t);
		unsigned room = chr_can_read(c), n = t->len < room ? t->len : room;
		if (!n)
			return;
		uint8_t give[sizeof t->out];
		memcpy(give, t->out, n);
		memmove(t->out, t->out + n, t->len - n);
		t->len -= n;
		chr_deliver(c, give, n);
		if (c->priv != t)
			return;
	}
}

static int within(int v, int max) { return v < 0 ? 0 : v > max ? max : v; }

static void wctablet_moved(void *arg, int dx, int dy, int dz, unsigned buttons)
{
	struct wctablet *t = arg;

	t->x = within(t->x + within(dx + MAX_X, 2 * MAX_X) * SPEED - MAX_X * SPEED, MAX_X);
	t->y = within(t->y + within(dy + MAX_Y, 2 * MAX_Y) * SPEED - MAX_Y * SPEED, MAX_Y);
	t->buttons = buttons;
	t->moved = true;
	chr_post(t->c);
}

static void obey(struct wctablet *t)
{
	static const struct { const char *command, *answer; } answers[] = { { "~#", "~#CT-0045R,V1.3-5,\r" }, { "~C", "~C5040,3780\r" },
		{ "~R", "~RE202C900,002,02,1270,1270\r" } };
	const char *cmd = t->command;

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (!strcmp(cmd, answers[i].command))
			say(t, answers[i].answer, strlen(answers[i].answer));
	if (!strcmp(cmd, "ST")) {
		if (!t->listed && t->c->machine->input)
			input_register(t->c->machine, &t->sink);
		t->listed = t->c->machine->input != NULL;
		t->sending = t->moved = true;
	}
	if (!strcmp(cmd, "SP") || !strcmp(cmd, "RE") || !strcmp(cmd, "TE"))
		t->sending = false;
}

static ssize_t wctablet_write(struct chardev *c, const uint8_t *buf, size_t len)
{
	struct wctablet *t = c->priv;

	for (size_t i = 0; i < len; i++) {
		/* "~#" is answered without waiting for its CR */
		bool end = buf[i] == '\r' || buf[i] == '\n';
		if (!end && t->n_command < sizeof(t->command) - 1)
			t->command[t->n_command++] = (char)buf[i];
		t->command[t->n_command] = 0;
		if (end || !strcmp(t->command, "~#")) {
			obey(t);
			t->n_command = 0;
		}
	}
	chr_post(c);
	return (ssize_t)len;
}

static bool wctablet_open(struct chardev *c, const struct kv *kv, struct error *err)
{
	struct wctablet *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	*t = (struct wctablet){ .c = c, .x = MAX_X / 2, .y = MAX_Y / 2 };
	t->sink = (struct input_sink){ .name = "QEMU Wacom Pen Tablet", .mouse = wctablet_moved, .arg = t };
	c->priv = t;
	c->opened = true;
	return true;
}

static void wctablet_close(struct chardev *c)
{
	struct wctablet *t = c->priv;

	if (t->listed && c->machine->input)
		input_unregister(c->machine, &t->sink);
	free(t);
	c->priv = NULL;
}

const struct chardev_kind chardev_wctablet = { .name = "wctablet", .open = wctablet_open, .close = wctablet_close, .write = wctablet_write,
	.accept_input = chr_post, .work = wctablet_work };
