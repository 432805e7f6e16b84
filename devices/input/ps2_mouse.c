/* ps2_mouse.c - PS/2 mouse with the IntelliMouse and IntelliMouse Explorer extensions.
 * Ref: IBM PS/2 Hardware Interface Technical Reference, "Mouse"; Microsoft, "IntelliMouse" wheel packets. */
#include "devices/input/ps2.h"
#include <string.h>

enum { CMD_SCALE11 = 0xe6, CMD_SCALE21 = 0xe7, CMD_RESOLUTION = 0xe8, CMD_STATUS = 0xe9, CMD_STREAM = 0xea, CMD_READ = 0xeb,
       CMD_UNWRAP = 0xec, CMD_WRAP = 0xee, CMD_REMOTE = 0xf0, CMD_ID = 0xf2, CMD_RATE = 0xf3, CMD_ENABLE = 0xf4, CMD_DISABLE = 0xf5,
       CMD_DEFAULTS = 0xf6, CMD_RESEND = 0xfe, CMD_RESET = 0xff };
enum { ACK = 0xfa, BAT_OK = 0xaa, RESEND = 0xfe };
enum { ID_STANDARD = 0, ID_WHEEL = 3, ID_EXPLORER = 4 };

static void set_defaults(struct ps2_mouse *m)
{
	m->rate = 100;
	m->resolution = 2;
	m->enabled = m->remote = m->scale21 = false;
	m->q.count = m->n_moves = 0;
}

void ps2_mouse_power_on(struct ps2_mouse *m)
{
	memset(m, 0, sizeof *m);
	set_defaults(m);
}

/* Take up to the packet's range out of *v; the rest stays for the next packet. */
static int take(int32_t *v, int low, int high)
{
	int n = *v < low ? low : *v > high ? high : (int)*v;
	*v -= n;
	return n;
}

/* 2:1 scaling of stream mode, from the manual's table. */
static int scaled(const struct ps2_mouse *m, int v)
{
	static const int table[6] = { 0, 1, 1, 3, 6, 9 };
	if (!m->scale21 || m->remote)
		return v;
	int a = v < 0 ? -v : v;
	a = a < 6 ? table[a] : a * 2;
	a = a > 255 ? 255 : a;
	return v < 0 ? -a : a;
}

/* byte 0:  Yovf Xovf Ysign Xsign 1 Mid Right Left;  wheel types add  0 0 B5 B4 Z3-Z0  (Explorer)  or Z7-Z0 */
static void packet(struct ps2_mouse *m, void (*put)(struct ps2_queue *, uint8_t), struct ps2_move *v)
{
	int range = m->scale21 && !m->remote ? 127 : 255;
	int x = scaled(m, take(&v->dx, -range, range));
	int y = scaled(m, take(&v->dy, -range, range));
	int z = take(&v->dz, m->id == ID_EXPLORER ? -8 : -127, m->id == ID_EXPLORER ? 7 : 127);
	m->buttons = v->buttons;
	put(&m->q, (uint8_t)((y < 0 ? 0x20 : 0) | (x < 0 ? 0x10 : 0) | 8 | (v->buttons & 7)));
	put(&m->q, (uint8_t)x);
	put(&m->q, (uint8_t)y);
	if (m->id == ID_WHEEL)
		put(&m->q, (uint8_t)z);
	else if (m->id == ID_EXPLORER)
		put(&m->q, (uint8_t)((z & 0x0f) | (v->buttons & 0x18) << 1));
	if (m->id == ID_STANDARD)
		v->dz = 0;
}

static void drop_first_move(struct ps2_mouse *m)
{
	m->n_moves--;
	memmove(m->moves, m->moves + 1, m->n_moves * sizeof m->moves[0]);
}

/* One packet at a time: movement adds up while the host is slow. */
void ps2_mouse_refill(struct ps2_mouse *m)
{
	if (!m->enabled || m->remote || m->wrap || ps2_has_byte(&m->q) || m->want_arg || !m->n_moves)
		return;
	struct ps2_move *v = &m->moves[0];
	packet(m, ps2_data, v);
	if (!v->dx && !v->dy && !v->dz)
		drop_first_move(m);
}

static int32_t add_limited(int32_t a, int b)
{
	int64_t s = (int64_t)a + b;
	return s < -0x10000 ? -0x10000 : s > 0x10000 ? 0x10000 : (int32_t)s;
}

void ps2_mouse_move(struct ps2_mouse *m, int dx, int dy, int dz, unsigned buttons)
{
	uint8_t b = buttons & 0x1f;
	struct ps2_move *last = m->n_moves ? &m->moves[m->n_moves - 1] : NULL;
	if (!m->remote && !m->enabled) {        /* stream mode, switched off: the mouse only knows its buttons */
		m->buttons = b;
		return;
	}
	if (!last || (last->buttons != b && m->n_moves < PS2_MOUSE_MOVES)) {
		last = &m->moves[m->n_moves++];
		*last = (struct ps2_move){ 0 };
	}
	last->dx = add_limited(last->dx, dx);
	last->dy = add_limited(last->dy, -dy);  /* the mouse's y grows upwards */
	last->dz = add_limited(last->dz, -dz);  /* and its z when the wheel is pulled to the user */
	last->buttons = b;
	ps2_mouse_refill(m);
}

/* Rates 200, 100, 80 turn an IntelliMouse's wheel on; 200, 200, 80 an Explorer's five buttons. */
static void set_rate(struct ps2_mouse *m, uint8_t rate)
{
	if (rate == 80 && m->knock[0] == 200 && m->knock[1] == 100)
		m->id = ID_WHEEL;
	else if (rate == 80 && m->knock[0] == 200 && m->knock[1] == 200)
		m->id = ID_EXPLORER;
	m->knock[0] = m->knock[1];
	m->knock[1] = m->rate = rate;
}

static void reply_status(struct ps2_mouse *m)
{
	uint8_t b = m->buttons;
	ps2_reply(&m->q, (uint8_t)((m->remote ? 0x40 : 0) | (m->enabled ? 0x20 : 0) | (m->scale21 ? 0x10 : 0) | (b & MOUSE_LEFT ? 4 : 0) |
				   (b & MOUSE_MIDDLE ? 2 : 0) | (b & MOUSE_RIGHT ? 1 : 0)));
	ps2_reply(&m->q, m->resolution);
	ps2_reply(&m->q, m->rate);
}

static void reply_packet(struct ps2_mouse *m)
{
	struct ps2_move none = { .buttons = m->buttons };
	packet(m, ps2_reply, m->n_moves ? &m->moves[0] : &none);
	if (m->n_moves && !m->moves[0].dx && !m->moves[0].dy && !m->moves[0].dz)
		drop_first_move(m);
}

static bool take_argument(struct ps2_mouse *m, uint8_t b)
{
	uint8_t cmd = m->want_arg;
	m->want_arg = 0;
	if (b >= CMD_SCALE11)                   /* a command instead */
		return false;
	ps2_reply(&m->q, ACK);
	if (cmd == CMD_RATE)
		set_rate(m, b);
	else
		m->resolution = b & 3;
	return true;
}

static bool set_mode(struct ps2_mouse *m, uint8_t b)
{
	switch (b) {
	case CMD_SCALE11: m->scale21 = false; break;
	case CMD_SCALE21: m->scale21 = true; break;
	case CMD_STREAM:  m->remote = false; m->n_moves = 0; break;
	case CMD_REMOTE:  m->remote = true; m->n_moves = 0; break;
	case CMD_WRAP:    m->wrap = true; break;
	case CMD_UNWRAP:  break;
	case CMD_ENABLE:  m->enabled = true; m->n_moves = 0; break;
	case CMD_DISABLE: m->enabled = false; break;
	case CMD_DEFAULTS: set_defaults(m); break;
	default: return false;
	}
	return true;
}

void ps2_mouse_command(struct ps2_mouse *m, uint8_t b)
{
	if (m->wrap && b != CMD_UNWRAP && b != CMD_RESET) {
		ps2_reply(&m->q, b);
		return;
	}
	m->wrap = false;
	if (b == CMD_RESEND) {
		ps2_reply(&m->q, m->q.last);
		return;
	}
	m->q.n_reply = 0;
	m->q.count = 0;                         /* a command ends a packet that was being sent */
	if (m->want_arg && take_argument(m, b))
		return;
	ps2_reply(&m->q, ACK);
	if (set_mode(m, b))
		return;
	switch (b) {
	case CMD_RESOLUTION: case CMD_RATE:
		m->want_arg = b;
		break;
	case CMD_STATUS: reply_status(m); break;
	case CMD_READ:   reply_packet(m); break;
	case CMD_ID:     ps2_reply(&m->q, m->id); break;
	case CMD_RESET:
		set_defaults(m);
		m->id = ID_STANDARD;
		m->knock[0] = m->knock[1] = 0;
		ps2_reply(&m->q, BAT_OK);
		ps2_reply(&m->q, ID_STANDARD);
		break;
	default:
		m->q.reply[m->q.n_reply - 1] = RESEND;
	}
}

bool ps2_mouse_ok(const struct ps2_mouse *m)
{
	return ps2_queue_ok(&m->q) && m->n_moves <= PS2_MOUSE_MOVES;
}

static const struct state_field move_state[] = {
	STATE_U32(struct ps2_move, dx), STATE_U32(struct ps2_move, dy), STATE_U32(struct ps2_move, dz), STATE_U8(struct ps2_move, buttons), STATE_END
};
const struct state_field ps2_mouse_state[] = {
	STATE_STRUCT(struct ps2_mouse, q, ps2_queue_state), STATE_STRUCTS(struct ps2_mouse, moves, move_state), STATE_U8(struct ps2_mouse, n_moves),
	STATE_U8(struct ps2_mouse, buttons), STATE_U8(struct ps2_mouse, want_arg), STATE_U8(struct ps2_mouse, id), STATE_U8(struct ps2_mouse, rate),
	STATE_U8(struct ps2_mouse, resolution), STATE_BYTES(struct ps2_mouse, knock), STATE_BOOL(struct ps2_mouse, enabled),
	STATE_BOOL(struct ps2_mouse, remote), STATE_BOOL(struct ps2_mouse, wrap), STATE_BOOL(struct ps2_mouse, scale21), STATE_END
};
