/* vc.c - text consoles: two single-reader single-writer rings between the machine and the front end's thread. */
#include "core/char/vc.h"
#include "core/char/chardev.h"
#include "core/machine/machine.h"
#include <stdlib.h>
#include <string.h>

enum { OUT_SIZE = 64 << 10, IN_SIZE = 4 << 10 };        /* powers of two */

/* head is moved by the writer only, tail by the reader only. */
struct ring { _Atomic size_t head, tail; size_t size; uint8_t *data; };

struct vc {
	struct chardev *c;                      /* NULL once removed; changed with the machine lock and the list's lock held */
	struct machine *machine;
	struct vcs *all;
	unsigned wish_cols, wish_rows;
	_Atomic unsigned cols, rows;
	struct ring out, in;
	_Atomic bool out_full;                  /* the machine waits for room in out */
	_Atomic bool posted;                    /* input is on its way to the loop */
	bool resized;                           /* the front end has to be told; machine lock */
	struct vc *next;
};
struct vcs {
	pthread_mutex_t lock;                   /* leaf: the list */
	struct vc *first, **end;
	void (*wake)(void *arg); void *wake_arg;
	_Atomic bool watched, woken;
};

static size_t ring_used(const struct ring *r) { return r->head - r->tail; }

static size_t ring_put(struct ring *r, const uint8_t *buf, size_t len)
{
	size_t head = r->head, room = r->size - (head - r->tail);
	if (len > room)
		len = room;
	size_t at = head & (r->size - 1), n = r->size - at < len ? r->size - at : len;
	memcpy(r->data + at, buf, n);
	memcpy(r->data, buf + n, len - n);
	r->head = head + len;
	return len;
}

static size_t ring_get(struct ring *r, uint8_t *buf, size_t len)
{
	size_t tail = r->tail, used = r->head - tail;
	if (len > used)
		len = used;
	size_t at = tail & (r->size - 1), n = r->size - at < len ? r->size - at : len;
	memcpy(buf, r->data + at, n);
	memcpy(buf + n, r->data, len - n);
	r->tail = tail + len;
	return len;
}

static struct vcs *list(struct machine *m)
{
	struct chr_shared *s = chr_shared(m);
	if (!s->vcs) {
		s->vcs = calloc(1, sizeof(*s->vcs));
		if (!s->vcs)
			abort();
		s->vcs->end = &s->vcs->first;
		pthread_mutex_init(&s->vcs->lock, NULL);
	}
	return s->vcs;
}

static void wake(struct vcs *s)
{
	if (s->watched && !atomic_exchange(&s->woken, true))
		s->wake(s->wake_arg);
}

/* ---- the chardev ------------------------------------------------------------------------------------------------------------- */

static bool number(const struct kv *kv, const char *key, unsigned *out, struct error *err)
{
	const char *v = kv_get(kv, key);
	char *end;
	unsigned long n = v ? strtoul(v, &end, 0) : 0;

	if (v && (!*v || *end || *v == '-' || n > 65535))
		return error_set(err, "Parameter '%s' expects a number", key);
	*out = (unsigned)n;
	return true;
}

static bool vc_open(struct chardev *c, const struct kv *kv, struct error *err)
{
	unsigned width, height, cols, rows;

	if (!number(kv, "width", &width, err) || !number(kv, "height", &height, err) || !number(kv, "cols", &cols, err) || !number(kv, "rows", &rows, err))
		return false;
	struct vcs *s = list(c->machine);
	struct vc *v = calloc(1, sizeof(*v));
	if (!v || !(v->out.data = malloc(OUT_SIZE)) || !(v->in.data = malloc(IN_SIZE)))
		abort();
	v->out.size = OUT_SIZE;
	v->in.size = IN_SIZE;
	v->c = c;
	v->machine = c->machine;
	v->all = s;
	v->wish_cols = cols ? cols : width / 8;         /* pixels: cells of the usual 8x16 font */
	v->wish_rows = rows ? rows : height / 16;
	pthread_mutex_lock(&s->lock);
	*s->end = v;
	s->end = &v->next;
	pthread_mutex_unlock(&s->lock);
	c->priv = v;
	c->opened = true;
	wake(s);
	return true;
}

static void vc_close(struct chardev *c)
{
	struct vc *v = c->priv;

	pthread_mutex_lock(&v->all->lock);
	v->c = NULL;
	pthread_mutex_unlock(&v->all->lock);
	c->priv = NULL;
	wake(v->all);
}

void vcs_free(struct vcs *s)
{
	if (!s)
		return;
	while (s->first) {
		struct vc *v = s->first;
		s->first = v->next;
		free(v->out.data);
		free(v->in.data);
		free(v);
	}
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static ssize_t vc_out(struct chardev *c, const uint8_t *buf, size_t len)
{
	struct vc *v = c->priv;
	const size_t all = len;
	size_t done = ring_put(&v->out, buf, len);

	if (done < len && !v->all->watched) {   /* nobody reads: the newest output replaces the oldest */
		if (len - done > OUT_SIZE / 2) {
			buf += len - done - OUT_SIZE / 2;
			len = done + OUT_SIZE / 2;
		}
		v->out.tail += len - done;
		ring_put(&v->out, buf + done, len - done);
		done = all;
	} else if (done < len) {
		v->out_full = true;
		done += ring_put(&v->out, buf + done, len - done);      /* the reader may have made room before it saw out_full */
		if (done == len)
			v->out_full = false;
	}
	wake(v->all);
	return (ssize_t)done;
}

/* Loop thread: what the front end did meanwhile. */
static void vc_work(struct chardev *c)
{
	struct vc *v = c->priv;

	if (v->resized) {
		v->resized = false;
		chr_event(c, CHR_RESIZED);
	}
	while ((v = c->priv) && ring_used(&v->in)) {
		uint8_t buf[512];
		unsigned room = chr_can_read(c);
		if (!room)
			break;
		size_t n = ring_get(&v->in, buf, room < sizeof(buf) ? room : sizeof(buf));
		chr_deliver(c, buf, (unsigned)n);
		wake(v->all);           /* room for more typing */
	}
	if ((v = c->priv) && v->out_full && ring_used(&v->out) <= OUT_SIZE / 2) {
		v->out_full = false;
		chr_can_write(c);
	}
}

static void vc_accept(struct chardev *c)
{
	struct vc *v = c->priv;

	if (ring_used(&v->in))
		chr_post(c);
}

static bool vc_shown_size(struct chardev *c, unsigned *cols, unsigned *rows)
{
	const struct vc *v = c->priv;

	*cols = v->cols;
	*rows = v->rows;
	return true;
}

static const char *const vc_keys[] = { "width", "height", "cols", "rows", NULL };
const struct chardev_kind chardev_vc = { .name = "vc", .keys = vc_keys, .open = vc_open, .close = vc_close, .write = vc_out,
	.accept_input = vc_accept, .work = vc_work, .size = vc_shown_size };

/* ---- the front end's half ------------------------------------------------------------------------------------------------------ */

/* Runs in the loop thread; v outlives whatever was posted. */
static void from_front_end(void *arg)
{
	struct vc *v = arg;

	v->posted = false;
	if (v->c)
		vc_work(v->c);
}

static void post(struct vc *v)
{
	if (!atomic_exchange(&v->posted, true))
		loop_post(v->machine->loop, from_front_end, v);
}

unsigned vc_count(struct machine *m)
{
	unsigned n = 0;

	for (struct vc *v = list(m)->first; v; v = v->next)
		n += v->c != NULL;
	return n;
}

struct chardev *vc_at(struct machine *m, unsigned n)
{
	for (struct vc *v = list(m)->first; v; v = v->next)
		if (v->c && !n--)
			return v->c;
	return NULL;
}

/* The console of a chardev, which may be removed or turned into another kind meanwhile: then NULL. */
static struct vc *console_of(const struct chardev *c)
{
	struct vcs *s = chr_shared(c->machine)->vcs;
	struct vc *v = NULL;

	if (!s)
		return NULL;
	pthread_mutex_lock(&s->lock);
	for (v = s->first; v && v->c != c; v = v->next)
		;
	pthread_mutex_unlock(&s->lock);
	return v;
}

void vc_size(const struct chardev *c, unsigned *cols, unsigned *rows)
{
	struct vc *v = console_of(c);

	*cols = v ? v->wish_cols : 0;
	*rows = v ? v->wish_rows : 0;
}

size_t vc_read(struct chardev *c, uint8_t *buf, size_t len)
{
	struct vc *v = console_of(c);
	size_t n = v ? ring_get(&v->out, buf, len) : 0;

	if (n && v->out_full && ring_used(&v->out) <= OUT_SIZE / 2)
		post(v);
	return n;
}

size_t vc_write(struct chardev *c, const uint8_t *buf, size_t len)
{
	struct vc *v = console_of(c);
	size_t n = v ? ring_put(&v->in, buf, len) : 0;

	if (n)
		post(v);
	return n;
}

bool vc_readable(const struct chardev *c)
{
	struct vc *v = console_of(c);
	return v && ring_used(&v->out);
}

void vc_resize(struct chardev *c, unsigned cols, unsigned rows)
{
	struct vc *v = console_of(c);

	if (v && (v->cols != cols || v->rows != rows)) {
		v->cols = cols;
		v->rows = rows;
		v->resized = true;
		post(v);
	}
}

unsigned vc_cols(const struct chardev *c)
{
	struct vc *v = console_of(c);
	return v ? v->cols : 0;
}

void vc_set_wake(struct machine *m, void (*fn)(void *arg), void *arg)
{
	struct vcs *s = list(m);

	s->wake = fn;
	s->wake_arg = arg;
	s->watched = fn != NULL;
}

void vc_ack(struct machine *m)
{
	list(m)->woken = false;
}
