/* ps2_keyboard.c - IBM PS/2 keyboard, 101/102 keys and the Windows and multimedia keys.
 * Ref: IBM PS/2 Hardware Interface Technical Reference, "Keyboard (101- and 102-key)"; Microsoft, Keyboard Scan Code Specification. */
#include "devices/input/ps2.h"
#include <string.h>

enum { CMD_LEDS = 0xed, CMD_ECHO = 0xee, CMD_SET = 0xf0, CMD_ID = 0xf2, CMD_TYPEMATIC = 0xf3, CMD_ENABLE = 0xf4, CMD_DISABLE = 0xf5,
       CMD_DEFAULTS = 0xf6, CMD_ALL_TYPEMATIC = 0xf7, CMD_ALL_MAKE_BREAK = 0xf8, CMD_ALL_MAKE = 0xf9, CMD_ALL_BOTH = 0xfa,
       CMD_KEY_TYPEMATIC = 0xfb, CMD_KEY_MAKE_BREAK = 0xfc, CMD_KEY_MAKE = 0xfd, CMD_RESEND = 0xfe, CMD_RESET = 0xff };
enum { ACK = 0xfa, RESEND = 0xfe, BAT_OK = 0xaa, TYPEMATIC_DEFAULT = 0x2b /* 10.9 per second after 500 ms */ };
enum { Q_LCTRL = 0x1d, Q_RCTRL = 0x9d, Q_LSHIFT = 0x2a, Q_RSHIFT = 0x36, Q_LALT = 0x38, Q_RALT = 0xb8, Q_SYSRQ = 0x54, Q_PRINT = 0xb7,
       Q_PAUSE = 0xc6, Q_BREAK = 0x46 };

const uint8_t ps2_set2_to_set1[256] = {
	0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
	0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
	0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
	0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
	0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
	0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
	0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
	0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
	0x80, 0x81, 0x82, 0x41, 0x54, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f,
	0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f,
	0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf,
	0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf,
	0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf,
	0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf,
	0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee, 0xef,
	0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff,
};

/* Set 3 codes of the keys without (qnum 00-7f) and with (80-ff) an E0 prefix; 0 = the key does not exist in set 3. */
static const uint8_t set3[256] = {
	[0x01] = 0x08, 0x16, 0x1e, 0x26, 0x25, 0x2e, 0x36, 0x3d, 0x3e, 0x46, 0x45, 0x4e, 0x55, 0x66, 0x0d,     /* Esc 1-0 - = BkSp Tab */
	[0x10] = 0x15, 0x1d, 0x24, 0x2d, 0x2c, 0x35, 0x3c, 0x43, 0x44, 0x4d, 0x54, 0x5b, 0x5a, 0x11,           /* Q-P [ ] Enter LCtrl */
	[0x1e] = 0x1c, 0x1b, 0x23, 0x2b, 0x34, 0x33, 0x3b, 0x42, 0x4b, 0x4c, 0x52, 0x0e, 0x12, 0x5c,           /* A-L ; ' ` LShift \ */
	[0x2c] = 0x1a, 0x22, 0x21, 0x2a, 0x32, 0x31, 0x3a, 0x41, 0x49, 0x4a, 0x59, 0x7e, 0x19, 0x29, 0x14,     /* Z-/ RShift KP* LAlt Space Caps */
	[0x3b] = 0x07, 0x0f, 0x17, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x47, 0x4f, 0x76, 0x5f,                       /* F1-F10 Num Scroll */
	[0x47] = 0x6c, 0x75, 0x7d, 0x84, 0x6b, 0x73, 0x74, 0x7c, 0x69, 0x72, 0x7a, 0x70, 0x71,                 /* keypad 7-9 - 4-6 + 1-3 0 . */
	[0x54] = 0x57, [0x56] = 0x13, 0x56, 0x5e,                                                              /* SysRq, 102nd key, F11, F12 */
	[0x9c] = 0x79, 0x58, [0xb5] = 0x77, [0xb7] = 0x57, 0x39,                                               /* KPEnter RCtrl KP/ Print RAlt */
	[0xc6] = 0x62, 0x6e, 0x63, 0x6f, [0xcb] = 0x61, [0xcd] = 0x6a, [0xcf] = 0x65, 0x60, 0x6d, 0x67, 0x64,  /* Pause Home Up PgUp Left Right End Down PgDn Ins Del */
	[0xdb] = 0x8b, 0x8c, 0x8d,                                                                             /* Windows keys, Menu */
};

/* ---- the queue both devices share ---- */

void ps2_queue_clear(struct ps2_queue *q)
{
	memset(q, 0, sizeof *q);
}

void ps2_reply(struct ps2_queue *q, uint8_t b)
{
	if (q->n_reply < PS2_REPLIES)
		q->reply[q->n_reply++] = b;
}

void ps2_data(struct ps2_queue *q, uint8_t b)
{
	if (q->count < PS2_QUEUE)
		q->data[(q->head + q->count++) % PS2_QUEUE] = b;
}

uint8_t ps2_take(struct ps2_queue *q)
{
	if (q->n_reply) {
		q->last = q->reply[0];
		memmove(q->reply, q->reply + 1, --q->n_reply);
	} else {
		q->last = q->data[q->head];
		q->head = (q->head + 1) % PS2_QUEUE;
		q->count--;
	}
	return q->last;
}

bool ps2_queue_ok(const struct ps2_queue *q)
{
	return q->n_reply <= PS2_REPLIES && q->head < PS2_QUEUE && q->count <= PS2_QUEUE;
}

const struct state_field ps2_queue_state[] = {
	STATE_BYTES(struct ps2_queue, reply), STATE_U8(struct ps2_queue, n_reply), STATE_BYTES(struct ps2_queue, data),
	STATE_U8(struct ps2_queue, head), STATE_U8(struct ps2_queue, count), STATE_U8(struct ps2_queue, last), STATE_END
};

/* ---- commands ---- */

static void bit_put(uint8_t *map, uint8_t n, bool on)
{
	map[n >> 3] = (uint8_t)(on ? map[n >> 3] | 1u << (n & 7) : map[n >> 3] & ~(1u << (n & 7)));
}

static bool bit_get(const uint8_t *map, uint8_t n) { return map[n >> 3] >> (n & 7) & 1; }

/* Set 3 starts with break codes for Caps Lock, the shifts, left Ctrl and left Alt only. */
static void default_key_types(struct ps2_keyboard *k)
{
	static const uint8_t with_break[] = { 0x14, 0x12, 0x59, 0x11, 0x19 };
	memset(k->no_break, 0xff, sizeof k->no_break);
	for (unsigned i = 0; i < sizeof with_break; i++)
		bit_put(k->no_break, with_break[i], false);
}

static void set_defaults(struct ps2_keyboard *k)
{
	k->typematic = TYPEMATIC_DEFAULT;
	k->set = 2;
	k->want_arg = 0;
	default_key_types(k);
	k->q.count = 0;
}

static void set_leds(struct ps2_keyboard *k, uint8_t leds)
{
	k->leds = leds;
	if (k->machine)
		input_set_leds(k->machine, leds);
}

static void self_test(struct ps2_keyboard *k)
{
	set_defaults(k);
	set_leds(k, 0);
	k->scanning = true;
	ps2_reply(&k->q, BAT_OK);
}

/* At power-on nobody has asked for the test's result; SeaBIOS and others reset the keyboard and read it then. */
void ps2_keyboard_power_on(struct ps2_keyboard *k)
{
	self_test(k);
	ps2_queue_clear(&k->q);
	memset(k->down, 0, sizeof k->down);
}

/* True when b was the argument; a command byte in its place cancels the command that waited. */
static bool take_argument(struct ps2_keyboard *k, uint8_t b)
{
	uint8_t cmd = k->want_arg;
	k->want_arg = 0;
	switch (cmd) {
	case CMD_LEDS:
		if (b >= CMD_LEDS)
			return false;
		set_leds(k, b & 7);
		break;
	case CMD_TYPEMATIC:
		if (b >= CMD_LEDS)
			return false;
		k->typematic = b & 0x7f;
		break;
	case CMD_SET:
		if (b > 3)
			return false;
		ps2_reply(&k->q, ACK);
		if (b == 0)
			ps2_reply(&k->q, k->set);
		else
			k->set = b;
		return true;
	default:                                /* CMD_KEY_*: a list of set 3 codes, ended by the next command */
		if (b >= CMD_LEDS)
			return false;
		bit_put(k->no_break, b, cmd != CMD_KEY_MAKE_BREAK);
		k->want_arg = cmd;
	}
	ps2_reply(&k->q, ACK);
	return true;
}

void ps2_keyboard_command(struct ps2_keyboard *k, uint8_t b)
{
	if (b == CMD_RESEND) {
		ps2_reply(&k->q, k->q.last);
		return;
	}
	k->q.n_reply = 0;                       /* the host gave up on earlier answers */
	if (k->want_arg && take_argument(k, b))
		return;
	if (b == CMD_ECHO) {
		ps2_reply(&k->q, CMD_ECHO);
		return;
	}
	if (b < CMD_LEDS || b == 0xef || b == 0xf1) {
		ps2_reply(&k->q, RESEND);
		return;
	}
	ps2_reply(&k->q, ACK);
	switch (b) {
	case CMD_LEDS: case CMD_SET: case CMD_TYPEMATIC: case CMD_KEY_TYPEMATIC: case CMD_KEY_MAKE_BREAK: case CMD_KEY_MAKE:
		k->want_arg = b;
		break;
	case CMD_ID:                            /* an MF2 keyboard; the 8042's translation makes ab 41 of it */
		ps2_reply(&k->q, 0xab);
		ps2_reply(&k->q, 0x83);
		break;
	case CMD_ENABLE:
		k->q.count = 0;
		k->scanning = true;
		break;
	case CMD_DISABLE:
	case CMD_DEFAULTS:
		set_defaults(k);
		k->scanning = b == CMD_DEFAULTS && k->scanning;
		break;
	case CMD_ALL_TYPEMATIC: case CMD_ALL_MAKE:
		memset(k->no_break, 0xff, sizeof k->no_break);
		break;
	case CMD_ALL_MAKE_BREAK: case CMD_ALL_BOTH:
		memset(k->no_break, 0, sizeof k->no_break);
		break;
	case CMD_RESET:
		self_test(k);
		break;
	}
}

/* ---- keys ---- */

static uint8_t set2_code(uint8_t set1)
{
	if (set1 == 0x41)                       /* F7 and SysRq lie above 7f */
		return 0x83;
	if (set1 == Q_SYSRQ)
		return 0x84;
	for (unsigned i = 1; i < 0x80; i++)
		if (ps2_set2_to_set1[i] == set1)
			return (uint8_t)i;
	return 0;
}

/* One code of set 1 or 2, given as its set 1 make code. */
static void send_code(struct ps2_keyboard *k, bool extended, uint8_t set1, bool down)
{
	if (k->set == 2 && !set2_code(set1))
		return;
	if (extended)
		ps2_data(&k->q, 0xe0);
	if (k->set == 1) {
		ps2_data(&k->q, down ? set1 : set1 | 0x80);
		return;
	}
	if (!down)
		ps2_data(&k->q, 0xf0);
	ps2_data(&k->q, set2_code(set1));
}

static bool held(const struct ps2_keyboard *k, uint8_t a, uint8_t b) { return bit_get(k->down, a) || bit_get(k->down, b); }

/* Print: wrapped in a shift of its own unless Shift or Ctrl is held; with Alt it is SysRq. */
static void send_print(struct ps2_keyboard *k, bool down)
{
	if (held(k, Q_LALT, Q_RALT)) {
		send_code(k, false, Q_SYSRQ, down);
		return;
	}
	bool wrap = !held(k, Q_LSHIFT, Q_RSHIFT) && !held(k, Q_LCTRL, Q_RCTRL);
	if (wrap && down)
		send_code(k, true, Q_LSHIFT, true);
	send_code(k, true, 0x37, down);
	if (wrap && !down)
		send_code(k, true, Q_LSHIFT, false);
}

/* Pause sends all it has on make: E1 1D 45 E1 9D C5 in set 1, E1 14 77 E1 F0 14 F0 77 in set 2.  With Ctrl it is Break. */
static void send_pause(struct ps2_keyboard *k)
{
	if (held(k, Q_LCTRL, Q_RCTRL)) {
		send_code(k, true, Q_BREAK, true);
		send_code(k, true, Q_BREAK, false);
		return;
	}
	for (int down = 1; down >= 0; down--) {
		ps2_data(&k->q, 0xe1);
		send_code(k, false, 0x1d, down);
		send_code(k, false, 0x45, down);
	}
}

static void send_set3(struct ps2_keyboard *k, uint8_t qnum, bool down)
{
	uint8_t code = set3[qnum];
	if (!code || (!down && bit_get(k->no_break, code)))
		return;
	if (!down)
		ps2_data(&k->q, 0xf0);
	ps2_data(&k->q, code);
}

void ps2_keyboard_key(struct ps2_keyboard *k, uint8_t qnum, bool down)
{
	bit_put(k->down, qnum, down);
	if (!k->scanning)
		return;
	if (k->set == 3)
		send_set3(k, qnum, down);
	else if (qnum == Q_PRINT)
		send_print(k, down);
	else if (qnum != Q_PAUSE)
		send_code(k, qnum & KEY_EXTENDED, qnum & 0x7f, down);
	else if (down)
		send_pause(k);
}

bool ps2_keyboard_ok(const struct ps2_keyboard *k)
{
	return ps2_queue_ok(&k->q) && k->set >= 1 && k->set <= 3;
}

const struct state_field ps2_keyboard_state[] = {
	STATE_STRUCT(struct ps2_keyboard, q, ps2_queue_state), STATE_U8(struct ps2_keyboard, set), STATE_U8(struct ps2_keyboard, want_arg),
	STATE_U8(struct ps2_keyboard, leds), STATE_U8(struct ps2_keyboard, typematic), STATE_BOOL(struct ps2_keyboard, scanning),
	STATE_BYTES(struct ps2_keyboard, down), STATE_BYTES(struct ps2_keyboard, no_break), STATE_END
};
