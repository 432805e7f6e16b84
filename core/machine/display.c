/* display.c - the display adapter's snapshots on their way to a front end. */
#include "core/machine/display.h"
#include "core/machine/machine.h"
#include <stdlib.h>
#include <string.h>

struct display {
	const struct display_ops *ops;
	void *arg;
	void (*wake)(void *arg);
	void *wake_arg;
	_Atomic bool dirty;
};

struct display *display_new(struct machine *m)
{
	return calloc(1, sizeof(struct display));
}

void display_free(struct display *d)
{
	free(d);
}

void display_register(struct machine *m, const struct display_ops *ops, void *arg)
{
	m->display->ops = ops;
	m->display->arg = arg;
	display_dirty(m);
}

void display_set_wake(struct machine *m, void (*fn)(void *arg), void *arg)
{
	m->display->wake = fn;
	m->display->wake_arg = arg;
}

void display_dirty(struct machine *m)
{
	struct display *d = m->display;
	if (!d || atomic_exchange_explicit(&d->dirty, true, memory_order_acq_rel))
		return;
	if (d->wake)
		d->wake(d->wake_arg);
}

bool display_changed(const struct machine *m)
{
	return m->display && atomic_load_explicit(&m->display->dirty, memory_order_acquire);
}

bool display_present(const struct machine *m)
{
	return m->display && m->display->ops;
}

bool display_snapshot(struct machine *m, struct screen *s)
{
	struct display *d = m->display;
	if (!d || !d->ops)
		return false;
	atomic_store_explicit(&d->dirty, false, memory_order_release);
	d->ops->snapshot(d->arg, s);
	return true;
}

void screen_free(struct screen *s)
{
	free(s->cells);
	free(s->pixels);
	free(s->gone.bytes);
	s->cells = NULL;
	s->pixels = NULL;
	s->gone = (struct text_rows){ 0 };
	s->cap = 0;
	s->pixel_cap = 0;
}

bool text_rows_next(const struct text_rows *r, size_t *at, const struct text_cell **cells, unsigned *cols)
{
	uint16_t n;
	if (*at >= r->len)
		return false;
	memcpy(&n, r->bytes + *at, sizeof n);
	*cells = (const struct text_cell *)(r->bytes + *at + sizeof n);
	*cols = n;
	*at += sizeof n + n * sizeof **cells;
	return true;
}
