/* cmd_input.c - keys and pointer from the monitor. */
#include "core/machine/input.h"
#include "core/machine/machine.h"
#include "core/monitor/commands.h"
#include "core/monitor/internal.h"
#include <stdlib.h>

HANDLER(cmd_sendkey)
{
	struct error why;

	if (input_sendkey(x->m, arg_str(a, "keys"), arg_has(a, "hold") ? (unsigned)arg_int(a, "hold") : 0, &why))
		return true;
	return error_set(err, "\1%s", why.msg);
}

static int number(const char *s)
{
	long v = s ? strtol(s, NULL, 0) : 0;

	return v > 32767 ? 32767 : v < -32768 ? -32768 : (int)v;
}

HANDLER(cmd_mouse_move)
{
	input_mouse(x->m, number(arg_str(a, "dx")), number(arg_str(a, "dy")), number(arg_str(a, "dz")), x->m->monitors->mouse_buttons);
	return true;
}

HANDLER(cmd_mouse_button)
{
	unsigned state = (unsigned)arg_int(a, "state");

	x->m->monitors->mouse_buttons = (state & 1 ? MOUSE_LEFT : 0u) | (state & 2 ? MOUSE_MIDDLE : 0u) | (state & 4 ? MOUSE_RIGHT : 0u);
	input_mouse(x->m, 0, 0, 0, x->m->monitors->mouse_buttons);
	return true;
}

HANDLER(cmd_mouse_set)
{
	if (input_select_mouse(x->m, (unsigned)arg_int(a, "index")))
		return true;
	return error_set(err, "\1Mouse at index '%d' not found", (int)arg_int(a, "index"));
}

HANDLER(info_mice)
{
	const struct input_sink *current, *s = input_sinks(x->m, &current);
	unsigned n = 0;
	bool any = false;

	for (const struct input_sink *i = s; i; i = i->next)
		n++;
	for (; s; s = s->next, n--)
		if (s->mouse) {
			text_printf(x->out, "%c Mouse #%u: %s%s\n", s == current ? '*' : ' ', n, s->name, s->absolute ? " (absolute)" : "");
			any = true;
		}
	if (!any)
		text_printf(x->out, "No mouse devices connected\n");
	return true;
}
