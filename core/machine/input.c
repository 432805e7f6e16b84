/* input.c - keys and pointer events: names, the queue in front of the keyboard, sendkey. */
#include "core/machine/input.h"
#include "core/machine/machine.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_QUEUE = 1024, KEY_ROOM = 256 /* of it for typing; the rest is for sendkey */, MAX_COMBO = 20, DEFAULT_HOLD_MS = 100 };

struct key_event { uint8_t qnum; bool down; uint32_t wait_ms; /* after this event, before the next */ };
struct input {
	struct machine *machine;
	struct input_sink *sinks;               /* newest first */
	struct input_sink *mouse;               /* chosen pointer */
	struct key_event queue[KEY_QUEUE];
	unsigned head, count;
	struct timer hold;
	bool pumping;
	_Atomic unsigned leds;
};

/* The names are those of QEMU's sendkey, the numbers from the scan code tables of the keyboards that have the key. */
const struct key_name key_names[] = {
	{ "shift", 0x2a }, { "shift_r", 0x36 }, { "alt", 0x38 }, { "alt_r", 0xb8 }, { "ctrl", 0x1d }, { "ctrl_r", 0x9d },
	{ "menu", 0x9e }, { "esc", 0x01 },
	{ "1", 0x02 }, { "2", 0x03 }, { "3", 0x04 }, { "4", 0x05 }, { "5", 0x06 }, { "6", 0x07 }, { "7", 0x08 }, { "8", 0x09 },
	{ "9", 0x0a }, { "0", 0x0b }, { "minus", 0x0c }, { "equal", 0x0d }, { "backspace", 0x0e }, { "tab", 0x0f },
	{ "q", 0x10 }, { "w", 0x11 }, { "e", 0x12 }, { "r", 0x13 }, { "t", 0x14 }, { "y", 0x15 }, { "u", 0x16 }, { "i", 0x17 },
	{ "o", 0x18 }, { "p", 0x19 }, { "bracket_left", 0x1a }, { "bracket_right", 0x1b }, { "ret", 0x1c },
	{ "a", 0x1e }, { "s", 0x1f }, { "d", 0x20 }, { "f", 0x21 }, { "g", 0x22 }, { "h", 0x23 }, { "j", 0x24 }, { "k", 0x25 },
	{ "l", 0x26 }, { "semicolon", 0x27 }, { "apostrophe", 0x28 }, { "grave_accent", 0x29 }, { "backslash", 0x2b },
	{ "z", 0x2c }, { "x", 0x2d }, { "c", 0x2e }, { "v", 0x2f }, { "b", 0x30 }, { "n", 0x31 }, { "m", 0x32 },
	{ "comma", 0x33 }, { "dot", 0x34 }, { "slash", 0x35 }, { "asterisk", 0x37 }, { "spc", 0x39 }, { "caps_lock", 0x3a },
	{ "f1", 0x3b }, { "f2", 0x3c }, { "f3", 0x3d }, { "f4", 0x3e }, { "f5", 0x3f }, { "f6", 0x40 }, { "f7", 0x41 },
	{ "f8", 0x42 }, { "f9", 0x43 }, { "f10", 0x44 }, { "num_lock", 0x45 }, { "scroll_lock", 0x46 },
	{ "kp_divide", 0xb5 }, { "kp_multiply", 0x37 }, { "kp_subtract", 0x4a }, { "kp_add", 0x4e }, { "kp_enter", 0x9c },
	{ "kp_decimal", 0x53 }, { "sysrq", 0x54 },
	{ "kp_0", 0x52 }, { "kp_1", 0x4f }, { "kp_2", 0x50 }, { "kp_3", 0x51 }, { "kp_4", 0x4b }, { "kp_5", 0x4c },
	{ "kp_6", 0x4d }, { "kp_7", 0x47 }, { "kp_8", 0x48 }, { "kp_9", 0x49 },
	{ "less", 0x56 }, { "f11", 0x57 }, { "f12", 0x58 }, { "print", 0xb7 },
	{ "home", 0xc7 }, { "pgup", 0xc9 }, { "pgdn", 0xd1 }, { "end", 0xcf }, { "left", 0xcb }, { "up", 0xc8 }, { "down", 0xd0 },
	{ "right", 0xcd }, { "insert", 0xd2 }, { "delete", 0xd3 },
	{ "stop", 0xe8 }, { "again", 0x85 }, { "props", 0x86 }, { "undo", 0x87 }, { "front", 0x8c }, { "copy", 0xf8 },
	{ "open", 0x64 }, { "paste", 0x65 }, { "find", 0xc1 }, { "cut", 0xbc }, { "lf", 0x5b }, { "help", 0xf5 },
	{ "meta_l", 0xdb }, { "meta_r", 0xdc }, { "compose", 0xdd }, { "pause", 0xc6 },
	{ "ro", 0x73 }, { "hiragana", 0x77 }, { "henkan", 0x79 }, { "yen", 0x7d }, { "muhenkan", 0x7b }, { "katakanahiragana", 0x70 },
	{ "kp_comma", 0x7e }, { "kp_equals", 0x59 }, { "power", 0xde }, { "sleep", 0xdf }, { "wake", 0xe3 },
	{ "audionext", 0x99 }, { "audioprev", 0x90 }, { "audiostop", 0xa4 }, { "audioplay", 0xa2 }, { "audiomute", 0xa0 },
	{ "volumeup", 0xb0 }, { "volumedown", 0xae }, { "mediaselect", 0xed }, { "mail", 0xec }, { "calculator", 0xa1 },
	{ "computer", 0xeb }, { "ac_home", 0xb2 }, { "ac_back", 0xea }, { "ac_forward", 0xe9 }, { "ac_refresh", 0xe7 },
	{ "ac_bookmarks", 0xe6 }, { "lang1", 0xf2 }, { "lang2", 0xf1 },
	{ "f13", 0x5d }, { "f14", 0x5e }, { "f15", 0x5f }, { "f16", 0x55 }, { "f17", 0x83 }, { "f18", 0xf7 }, { "f19", 0x84 },
	{ "f20", 0x5a }, { "f21", 0x74 }, { "f22", 0xf9 }, { "f23", 0x6d }, { "f24", 0x6f },
	{ NULL, 0 }
};

int key_by_name(const char *name)
{
	for (const struct key_name *k = key_names; k->name; k++)
		if (!strcmp(k->name, name))
			return k->qnum;
	return !strcmp(name, "<") ? 0x56 : -1;
}

static void hold_over(void *arg)
{
	struct input *in = arg;
	input_pump(in->machine);
}

struct input *input_new(struct machine *m)
{
	struct input *in = calloc(1, sizeof *in);
	if (in) {
		in->machine = m;
		timer_init(&in->hold, hold_over, in);
	}
	return in;
}

void input_free(struct input *in)
{
	if (in)
		timer_cancel(in->machine, &in->hold);
	free(in);
}

void input_register(struct machine *m, struct input_sink *s)
{
	s->next = m->input->sinks;
	m->input->sinks = s;
	if (s->mouse)
		m->input->mouse = s;
}

void input_unregister(struct machine *m, struct input_sink *s)
{
	struct input *in = m->input;
	for (struct input_sink **p = &in->sinks; *p; p = &(*p)->next)
		if (*p == s) {
			*p = s->next;
			break;
		}
	if (in->mouse != s)
		return;
	in->mouse = in->sinks;
	while (in->mouse && !in->mouse->mouse)
		in->mouse = in->mouse->next;
}

static struct input_sink *key_sink(struct input *in)
{
	struct input_sink *s = in->sinks;
	while (s && !s->key)
		s = s->next;
	return s;
}

/* The sink may call back while it takes a key: the outer call goes on with the queue. */
void input_pump(struct machine *m)
{
	struct input *in = m->input;
	if (!in || in->pumping || !in->count || timer_pending(&in->hold))
		return;
	in->pumping = true;
	struct input_sink *s = key_sink(in);
	while (in->count && (!s || !s->ready || s->ready(s->arg))) {
		struct key_event e = in->queue[in->head];
		in->head = (in->head + 1) % KEY_QUEUE;
		in->count--;
		if (s)
			s->key(s->arg, e.qnum, e.down);
		if (e.wait_ms) {
			timer_set(m, &in->hold, clock_now(&m->clock) + e.wait_ms * INT64_C(1000000));
			break;
		}
	}
	in->pumping = false;
}

static void push(struct input *in, uint8_t qnum, bool down, uint32_t wait_ms)
{
	if (in->count < KEY_QUEUE)
		in->queue[(in->head + in->count++) % KEY_QUEUE] = (struct key_event){ qnum, down, wait_ms };
}

void input_key(struct machine *m, uint8_t qnum, bool down)
{
	push(m->input, qnum, down, 0);
	input_pump(m);
}

unsigned input_key_room(struct machine *m)
{
	return m->input->count < KEY_ROOM ? KEY_ROOM - m->input->count : 0;
}

void input_flush(struct machine *m)
{
	if (!m->input)
		return;
	m->input->count = 0;
	timer_cancel(m, &m->input->hold);
}

void input_mouse(struct machine *m, int dx, int dy, int dz, unsigned buttons)
{
	struct input_sink *s = m->input->mouse;
	if (s)
		s->mouse(s->arg, dx, dy, dz, buttons);
}

/* One name of a combination: a key name or 0xNN. */
static int parse_key(const char *s, size_t len)
{
	char name[32], *end;
	if (!len || len >= sizeof name)
		return -1;
	memcpy(name, s, len);
	name[len] = 0;
	if (name[0] == '0' && (name[1] == 'x' || name[1] == 'X') && isxdigit((unsigned char)name[2])) {
		unsigned long v = strtoul(name, &end, 16);
		return *end || v > 0xff ? -1 : (int)v;
	}
	return key_by_name(name);
}

bool input_sendkey(struct machine *m, const char *keys, unsigned hold_ms, struct error *err)
{
	struct input *in = m->input;
	uint8_t combo[MAX_COMBO];
	unsigned n = 0;
	for (const char *p = keys;; p++) {
		size_t len = strcspn(p, "-");
		int q = parse_key(p, len);
		if (q < 0)
			return error_set(err, "invalid parameter: %.*s", (int)len, p);
		if (n == MAX_COMBO)
			return error_set(err, "too many keys: at most %d are pressed together", MAX_COMBO);
		combo[n++] = (uint8_t)q;
		p += len;
		if (!*p)
			break;
	}
	if (in->count + 2 * n > KEY_QUEUE)
		return error_set(err, "the keyboard's queue is full: the guest does not read its keyboard");
	if (!hold_ms)
		hold_ms = DEFAULT_HOLD_MS;
	for (unsigned i = 0; i < n; i++)
		push(in, combo[i], true, i + 1 == n ? hold_ms : 0);
	for (unsigned i = n; i--;)
		push(in, combo[i], false, 0);
	input_pump(m);
	return true;
}

void input_set_leds(struct machine *m, unsigned leds)
{
	if (m->input)
		m->input->leds = leds & (LED_SCROLL | LED_NUM | LED_CAPS);
}

unsigned input_leds(struct machine *m)
{
	return m->input ? m->input->leds : 0;
}

const struct input_sink *input_sinks(struct machine *m, const struct input_sink **current)
{
	if (current)
		*current = m->input->mouse;
	return m->input->sinks;
}

bool input_select_mouse(struct machine *m, unsigned index)
{
	struct input *in = m->input;
	unsigned n = 0;
	for (struct input_sink *s = in->sinks; s; s = s->next)
		n++;
	for (struct input_sink *s = in->sinks; s; s = s->next, n--)
		if (n == index && s->mouse) {
			in->mouse = s;
			return true;
		}
	return false;
}
