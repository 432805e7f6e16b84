/* view.c - what the views of consoles have in common. */
#include "tui/views/view.h"
#include "tui/app.h"
#include "tui/wallclock.h"

void view_release(struct view *v)
{
	triggers_forget(v);
	channel_log_stop(v);
	linetimes_free(&v->times);
}

int view_stamp(const struct view *v, struct grid *g, struct rect r, int y, uint64_t line)
{
	int w = stamp_width(v->stamps, r.w);
	if (w)
		stamp_draw(&v->times, v->stamps, g, r.x, r.y + y, r.x + w, v->app->theme.role[ROLE_STAMP], line);
	return w;
}

void view_mark_lines(struct view *v, uint64_t from, uint64_t end)
{
	if (from < end)
		linetimes_mark(&v->times, from, end, wallclock_ms(), (int64_t)v->app->st.virtual_ns);
}
