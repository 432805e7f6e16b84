/* mouse.c - see mouse.h.  Ref: xterm's control sequences, "Mouse Tracking": modes 1002 (buttons and dragging), 1003 (all motion), 1006 (SGR). */
#include "tui/mouse.h"
#include "tui/app.h"
#include "tui/panes.h"
#include <string.h>

enum { WHEEL_LINES = 3, CELL_WIDTH = 8, CELL_HEIGHT = 16 };

bool mouse_mode_parse(const char *name, enum mouse_mode *out)
{
	static const char *const names[] = { "off", "on", "guest" };
	for (unsigned i = 0; i < 3; i++)
		if (!strcmp(names[i], name)) {
			*out = (enum mouse_mode)i;
			return true;
		}
	return false;
}

void mouse_sequences(enum mouse_mode mode, const char **on, const char **off)
{
	*on = mode == MOUSE_OFF ? "" : mode == MOUSE_ON ? "\033[?1002h\033[?1006h" : "\033[?1003h\033[?1006h";
	*off = mode == MOUSE_OFF ? "" : mode == MOUSE_ON ? "\033[?1006l\033[?1002l" : "\033[?1006l\033[?1003l";
}

void mouse_set(struct app *a, enum mouse_mode mode)
{
	a->mouse = mode;
	a->drag.pressed = a->pointer.known = false;
	for (unsigned i = 0; i < a->n_clients; i++)
		termmodes_set(a->clients[i]);
}

/* ---- the guest's ------------------------------------------------------------------------------------------------------------------- */

static bool is_vga(const struct view *v)
{
	return !strcmp(v->ops->kind, "vga");
}

/* A terminal knows cells only: each is taken for as many pixels as VGA text has. */
static void to_guest(struct app *a, const struct mouse *m)
{
	static const unsigned bits[3] = { 1, 4, 2 };    /* left, middle, right, as vm_mouse() counts them */
	int dx = a->pointer.known ? (m->x - a->pointer.x) * CELL_WIDTH : 0, dy = a->pointer.known ? (m->y - a->pointer.y) * CELL_HEIGHT : 0, dz = 0;
	if (m->kind == MOUSE_PRESS && m->button < 3)
		a->pointer.buttons |= bits[m->button];
	if (m->kind == MOUSE_RELEASE && m->button < 3)
		a->pointer.buttons &= ~bits[m->button];
	if (m->kind == MOUSE_WHEEL)
		dz = m->button ? -1 : 1;
	if (dx || dy || dz || m->kind == MOUSE_PRESS || m->kind == MOUSE_RELEASE)
		vm_mouse(a->vm, dx, dy, dz, a->pointer.buttons);
	a->pointer.x = m->x;
	a->pointer.y = m->y;
	a->pointer.known = true;
}

/* ---- ours ---------------------------------------------------------------------------------------------------------------------------- */

static void wheel(struct app *a, struct view *v, bool down)
{
	if (a->popup) {
		if (a->popup->ops->scroll)
			a->popup->ops->scroll(a->popup, 0, down ? WHEEL_LINES : -WHEEL_LINES);
		return;
	}
	if (v && v->ops->text)
		v->ops->scroll(v, 0, down ? WHEEL_LINES : -WHEEL_LINES);
	else if (v && !down && (v = copy_view_new(a, v->console))) {    /* what left a screen is seen in copy mode */
		app_popup(a, v);
		v->ops->scroll(v, 0, -WHEEL_LINES);
	}
}

/* Copy mode begins where the button went down, with the lines where they were. */
static void begin_copy(struct app *a, struct view *v)
{
	struct docpos from, top;
	if (!v->ops->place || !v->ops->place(v, a->drag.x, a->drag.y, &from) || !v->ops->place(v, 0, 0, &top))
		return;
	struct view *c = copy_view_new(a, v->console);
	if (!c)
		return;
	app_popup(a, c);
	copy_view_show(c, top);
	copy_view_select(c, from, SELECT_BEGIN);
}

static void drag(struct app *a, const struct mouse *m, struct rect r)
{
	struct view *v = a->drag.console < a->n_views ? a->views[a->drag.console] : NULL;
	struct docpos at;
	int x = m->x - r.x, y = m->y - r.y;
	if (!v || (x == a->drag.x && y == a->drag.y && !view_is_copy(a->popup)))
		return;
	if (!view_is_copy(a->popup))
		begin_copy(a, v);
	if (!view_is_copy(a->popup))
		return;
	x = x < 0 ? 0 : x >= r.w ? r.w - 1 : x;
	y = y < 0 ? 0 : y >= r.h ? r.h - 1 : y;
	if (a->popup->ops->place(a->popup, x, y, &at))
		copy_view_select(a->popup, at, m->kind == MOUSE_RELEASE ? SELECT_END : SELECT_ON);
}

static void press(struct app *a, const struct mouse *m)
{
	struct rect r;
	int pane = pane_at(a, m->x, m->y, &r);
	a->drag.pressed = false;
	if (m->y == a->rows - 1) {
		int console = status_console_at(a, m->x);
		if (console >= 0)
			app_select(a, (unsigned)console);
		return;
	}
	if (a->popup && !view_is_copy(a->popup)) {
		if (a->popup->ops->click)
			a->popup->ops->click(a->popup, app_area(a), m->x, m->y);
		return;
	}
	if (pane < 0)
		return;
	unsigned console = a->layout.node[pane].console;
	if (console != a->focus || !view_is_copy(a->popup))
		app_select(a, console);         /* ends copy mode elsewhere */
	if (m->y >= r.y)
		a->drag = (struct drag){ .pressed = true, .console = console, .x = m->x - r.x, .y = m->y - r.y };
}

void mouse_event(struct app *a, const struct mouse *m)
{
	struct rect r;
	int pane = pane_at(a, m->x, m->y, &r);
	struct view *v = pane >= 0 && a->layout.node[pane].console < a->n_views ? a->views[a->layout.node[pane].console] : NULL;
	if (a->mouse == MOUSE_OFF || a->prompt.active)
		return;
	if (a->mouse == MOUSE_GUEST && !a->popup && v && is_vga(v) && v == app_focused(a)) {
		to_guest(a, m);
		return;
	}
	a->pointer.known = false;
	if (m->kind == MOUSE_WHEEL)
		wheel(a, v, m->button);
	else if (m->button)
		return;                         /* the left button is all that is needed */
	else if (m->kind == MOUSE_PRESS)
		press(a, m);
	else if (a->drag.pressed && pane_rect(a, a->drag.console, &r) && (m->kind == MOUSE_MOVE || view_is_copy(a->popup)))
		drag(a, m, r);
	if (m->kind == MOUSE_RELEASE)
		a->drag.pressed = false;
}
