/* msmouse.c - a serial mouse with three buttons that the front end's pointer moves.  Ref: the Microsoft serial mouse protocol, 1200 baud 7N1:
 *
 *          6  5  4  3  2  1  0
 *    1st   1  L  R  Y7 Y6 X7 X6       L, R: buttons; X right and Y down are positive, since the last packet
 *    2nd   0  X5 .. X0                a fourth byte, 0 M 0 0 0 0 0, only while the middle button is down or has just been let go
 *    3rd   0  Y5 .. Y0
 *
 * The mouse lives on the RTS line: when it comes up (with DTR) it answers "M3". */
#include "core/char/chardev.h"
#include "core/machine/input.h"
#include "core/machine/machine.h"
#include <stdlib.h>
#include <string.h>

struct msmouse {
	struct chardev *c;
	struct input_sink sink;
	bool listed;                            /* among the machine's pointers */
	unsigned lines;                         /* CHR_DTR, CHR_RTS */
	int dx, dy;                             /* moved, not reported yet */
	unsigned buttons, told;                 /* now; as last reported */
	uint8_t out[32]; unsigned len;          /* on their way to the guest */
};

static bool powered(const struct msmouse *m) { return (m->lines & (CHR_DTR | CHR_RTS)) == (CHR_DTR | CHR_RTS); }
static int step(int d) { return d > 127 ? 127 : d < -128 ? -128 : d; }

static void make_packet(struct msmouse *m)
{
	int dx = step(m->dx), dy = step(m->dy);

	m->dx -= dx;
	m->dy -= dy;
	m->out[m->len++] = (uint8_t)(0x40 | (m->buttons & MOUSE_LEFT ? 0x20 : 0) | (m->buttons & MOUSE_RIGHT ? 0x10 : 0) | (dy >> 4 & 0x0c) | (dx >> 6 & 3));
	m->out[m->len++] = dx & 0x3f;
	m->out[m->len++] = dy & 0x3f;
	if ((m->buttons | m->told) & MOUSE_MIDDLE)
		m->out[m->len++] = m->buttons & MOUSE_MIDDLE ? 0x20 : 0;
	m->told = m->buttons;
}

/* Movement adds up while the guest does not read, so nothing overflows and nothing is lost but time. */
static void msmouse_work(struct chardev *c)
{
	struct msmouse *m = c->priv;

	while (powered(m)) {
		if (!m->len && (m->dx || m->dy || m->buttons != m->told))
			make_packet(m);
		unsigned room = chr_can_read(c), n = m->len < room ? m->len : room;
		if (!n)
			return;
		uint8_t give[sizeof m->out];
		memcpy(give, m->out, n);
		memmove(m->out, m->out + n, m->len - n);
		m->len -= n;
		chr_deliver(c, give, n);
		if (c->priv != m)
			return;
	}
}

static void msmouse_moved(void *arg, int dx, int dy, int dz, unsigned buttons)
{
	enum { FAR = 1 << 16 };
	struct msmouse *m = arg;

	m->dx = m->dx + dx > FAR || m->dx + dx < -FAR ? m->dx : m->dx + dx;
	m->dy = m->dy + dy > FAR || m->dy + dy < -FAR ? m->dy : m->dy + dy;
	m->buttons = buttons;
	chr_post(m->c);
}

static void msmouse_lines(struct chardev *c, unsigned lines)
{
	struct msmouse *m = c->priv;
	bool was = powered(m);

	m->lines = lines;
	if (powered(m) == was)
		return;
	m->len = 0;
	m->dx = m->dy = 0;
	m->told = m->buttons;
	if (!was) {
		memcpy(m->out, "M3", m->len = 2);
		if (!m->listed && c->machine->input)
			input_register(c->machine, &m->sink);
		m->listed = c->machine->input != NULL;
		chr_post(c);
	}
}

static bool msmouse_open(struct chardev *c, const struct kv *kv, struct error *err)
{
	struct msmouse *m = calloc(1, sizeof(*m));

	if (!m)
		abort();
	m->c = c;
	m->sink = (struct input_sink){ .name = "QEMU Microsoft Mouse", .mouse = msmouse_moved, .arg = m };
	c->priv = m;
	c->opened = true;
	return true;
}

static void msmouse_close(struct chardev *c)
{
	struct msmouse *m = c->priv;

	if (m->listed && c->machine->input)
		input_unregister(c->machine, &m->sink);
	free(m);
	c->priv = NULL;
}

const struct chardev_kind chardev_msmouse = { .name = "msmouse", .open = msmouse_open, .close = msmouse_close, .accept_input = chr_post,
	.work = msmouse_work, .set_lines = msmouse_lines };
