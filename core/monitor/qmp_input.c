/* qmp_input.c - handlers about keys and pointers. */
#include "core/machine/input.h"
#include "core/monitor/internal.h"
#include "core/monitor/qmp_handlers.h"
#include <stdio.h>
#include <string.h>

QMP_HANDLER(qmp_query_mice)
{
	const struct input_sink *current, *s = input_sinks(m, &current);
	json_t *list = json_array();
	int n = 0;

	for (const struct input_sink *i = s; i; i = i->next)
		n++;
	for (; s; s = s->next, n--)
		if (s->mouse)
			json_array_append_new(list, json_pack("{s:s, s:i, s:b, s:b}", "name", s->name, "index", n, "current", s == current, "absolute",
				(int)s->absolute));
	return list;
}

/* A KeyValue's key number, or -1 and err. */
static int key_number(const json_t *key, struct error *err)
{
	const json_t *data = json_object_get(key, "data");
	int n = json_is_integer(data) ? (int)json_integer_value(data) & 0xff : key_by_name(json_string_value(data));

	if (n < 0)
		error_set(err, "Parameter 'data' does not accept value '%.100s'", json_string_value(data));
	return n;
}

QMP_HANDLER(qmp_send_key)
{
	const json_t *keys = json_object_get(a, "keys"), *k;
	char combo[256] = "";
	size_t i, used = 0;

	json_array_foreach(keys, i, k) {
		int n = key_number(k, err);
		if (n < 0)
			return NULL;
		used += (size_t)snprintf(combo + used, sizeof(combo) - used, "%s0x%x", used ? "-" : "", (unsigned)n);
		if (used + 8 >= sizeof(combo))
			return qmp_done(error_set(err, "Parameter 'keys' expects fewer keys"));
	}
	return used ? qmp_done(input_sendkey(m, combo, (unsigned)qmp_num(a, "hold-time"), err)) : json_object();
}

static unsigned button_bit(const char *name)
{
	static const struct { const char *name; unsigned bit; } buttons[] = { { "left", MOUSE_LEFT }, { "middle", MOUSE_MIDDLE }, { "right", MOUSE_RIGHT },
		{ "side", MOUSE_SIDE }, { "extra", MOUSE_EXTRA } };

	for (size_t i = 0; i < sizeof(buttons) / sizeof(buttons[0]); i++)
		if (!strcmp(buttons[i].name, name))
			return buttons[i].bit;
	return 0;
}

static bool send_one(struct machine *m, const json_t *event, struct error *err)
{
	const char *type = qmp_str(event, "type");
	const json_t *data = json_object_get(event, "data");
	unsigned *buttons = &m->monitors->mouse_buttons;
	int64_t value = qmp_num(data, "value");

	if (!strcmp(type, "key")) {
		int n = key_number(json_object_get(data, "key"), err);
		if (n >= 0)
			input_key(m, (uint8_t)n, qmp_bool(data, "down"));
		return n >= 0;
	}
	if (!strcmp(type, "abs"))
		return error_set(err, "this machine has no device that takes absolute positions");
	if (!strcmp(type, "rel")) {
		int d = (int)(value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value);
		bool x = !strcmp(qmp_str(data, "axis"), "x");
		input_mouse(m, x ? d : 0, x ? 0 : d, 0, *buttons);
		return true;
	}
	const char *name = qmp_str(data, "button");
	bool down = qmp_bool(data, "down");
	int wheel = !down ? 0 : !strcmp(name, "wheel-up") ? 1 : !strcmp(name, "wheel-down") ? -1 : 0;
	*buttons = down ? *buttons | button_bit(name) : *buttons & ~button_bit(name);
	input_mouse(m, 0, 0, wheel, *buttons);
	return true;
}

/* None is sent unless there is room for all keys. */
QMP_HANDLER(qmp_input_send_event)
{
	const json_t *events = json_object_get(a, "events"), *e;
	size_t i, keys = 0;

	if (qmp_str(a, "device"))
		return qmp_done(error_set(err, NOT_FOUND "Device '%s' not found", qmp_str(a, "device")));
	if (m->state != RUN_RUNNING)
		return qmp_done(error_set(err, "VM not running"));
	json_array_foreach(events, i, e)
		keys += !strcmp(qmp_str(e, "type"), "key");
	if (keys > input_key_room(m))
		return qmp_done(error_set(err, "the keyboard has not taken earlier keys yet"));
	json_array_foreach(events, i, e)
		if (!send_one(m, e, err))
			return NULL;
	return json_object();
}
