/* request.c - requests on their way: a queue, a few worker threads, completions back in the loop thread.
 *
 *   drive_submit -> queue -> worker -> done -> (loop thread, machine lock) complete() -> request's done()
 *                                                        \-> held, when the error policy stops the machine; queue again at `cont` */
#include "core/block/block_int.h"
#include "core/cpu/vcpu.h"
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum req_state { REQ_IDLE, REQ_QUEUED, REQ_RUNNING, REQ_DONE, REQ_HELD };

static void list_add(struct req_list *l, struct block_req *r)
{
	r->next = NULL;
	*l->end = r;
	l->end = &r->next;
}

static struct block_req *list_take(struct req_list *l)
{
	struct block_req *r = l->head;
	if (r && !(l->head = r->next))
		l->end = &l->head;
	return r;
}

static void list_remove(struct req_list *l, struct block_req *r)
{
	struct block_req **p = &l->head;
	while (*p && *p != r)
		p = &(*p)->next;
	if (!*p)
		return;
	*p = r->next;
	if (!*p)
		l->end = p;
}

static int carry_out(struct block_req *r)
{
	struct image *im = r->image;
	switch (r->op) {
	case BLOCK_READ:    return im->format->read(im, r->offset, r->iov, r->niov);
	case BLOCK_WRITE:   return im->format->write(im, r->offset, r->iov, r->niov);
	case BLOCK_FLUSH:   return im->format->flush(im);
	case BLOCK_DISCARD: return im->format->discard(im, r->offset, r->length);
	}
	return -EINVAL;
}

/* ---- completion: loop thread or drain, machine lock held ---------------------------------------------------------------------------- */

static void count(struct drive *d, const struct block_req *r)
{
	struct drive_stats *s = r->op == BLOCK_READ ? &d->rd : r->op == BLOCK_WRITE ? &d->wr : r->op == BLOCK_FLUSH ? &d->flush : NULL;
	int64_t now = host_ns();
	d->last_ns = now;
	if (!s)
		return;
	s->ops++;
	s->bytes += r->bytes;
	s->time_ns += (uint64_t)(now - r->started_ns);
}

static bool stops_machine(enum error_policy p, int result)
{
	return p == ON_ERROR_STOP || (p == ON_ERROR_ENOSPC && result == -ENOSPC);
}

/* Those who listen learn of every error, whatever is done about it. */
static void report(struct drive *d, const struct block_req *r, int result, const char *action)
{
	char detail[512];

	snprintf(detail, sizeof(detail), "{\"device\": \"%s\", \"node-name\": \"%s\", \"operation\": \"%s\", \"action\": \"%s\", \"nospace\": %s, "
		"\"reason\": \"%s\"}", d->id, d->node, r->op == BLOCK_READ ? "read" : "write", action, result == -ENOSPC ? "true" : "false", strerror(-result));
	machine_emit(d->machine, EV_BLOCK_IO_ERROR, detail);
}

static void complete(struct blocks *b, struct block_req *r)
{
	struct drive *d = r->drive;
	int result = r->result;
	enum error_policy policy = r->op == BLOCK_READ ? d->rerror : d->werror;

	d->in_flight--;
	if (result < 0 && r->image) {
		bool stops = stops_machine(policy, result);
		report(d, r, result, stops ? "stop" : policy == ON_ERROR_IGNORE ? "ignore" : "report");
		d->failed = stops;
		if (stops) {
			r->state = REQ_HELD;
			list_add(&b->held, r);
			machine_stop(b->machine, RUN_IO_ERROR);
			return;
		}
		if (policy == ON_ERROR_IGNORE) {
			result = 0;
			if (r->op == BLOCK_READ)        /* never show the guest what happened to lie in the host's memory */
				iov_zero(r->iov, r->niov);
		}
	}
	if (!result)
		count(d, r);
	r->state = REQ_IDLE;
	r->done(r, result);
}

static void run_completions(void *arg)
{
	struct blocks *b = arg;
	struct block_req *r;
	for (;;) {
		pthread_mutex_lock(&b->lock);
		b->posted = false;
		r = list_take(&b->done);
		if (r)
			b->outstanding--;
		pthread_mutex_unlock(&b->lock);
		if (!r)
			return;
		complete(b, r);
	}
}

/* blocks lock held on entry, dropped on return. */
static void finish(struct blocks *b, struct block_req *r)
{
	r->state = REQ_DONE;
	list_add(&b->done, r);
	bool counted = b->machine->counted && b->machine->state == RUN_RUNNING;        /* the vCPUs' thread looks itself */
	bool post = !counted && !b->posted && b->machine->loop && !b->quitting;
	if (post)
		b->posted = true;
	pthread_cond_broadcast(&b->finished);
	pthread_mutex_unlock(&b->lock);
	if (post)
		loop_post(b->machine->loop, run_completions, b);
	else if (counted)
		vcpu_kick(b->machine->cpus[0]);
}

static void *worker(void *arg)
{
	struct blocks *b = arg;
	pthread_mutex_lock(&b->lock);
	for (;;) {
		while (!b->queue.head && !b->quitting) {
			b->n_idle++;
			pthread_cond_wait(&b->work, &b->lock);
			b->n_idle--;
		}
		struct block_req *r = list_take(&b->queue);
		if (!r)
			break;
		r->state = REQ_RUNNING;
		pthread_mutex_unlock(&b->lock);
		int result = carry_out(r);
		pthread_mutex_lock(&b->lock);
		r->result = result;
		finish(b, r);
		pthread_mutex_lock(&b->lock);
	}
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

static void add_worker(struct blocks *b)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (!pthread_create(&b->threads[b->n_threads], NULL, worker, b))
		b->n_threads++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* ---- submission ---------------------------------------------------------------------------------------------------------------------- */

static void enqueue(struct blocks *b, struct block_req *r, int result)
{
	r->drive->in_flight++;
	r->drive->activity = true;
	pthread_mutex_lock(&b->lock);
	b->outstanding++;
	if (!result && b->n_idle == 0 && b->n_threads < (b->machine->counted ? 1 : MAX_WORKERS))
		add_worker(b);
	if (result || b->n_threads == 0) {
		r->result = result ? result : -EAGAIN;
		finish(b, r);
		return;
	}
	r->state = REQ_QUEUED;
	list_add(&b->queue, r);
	pthread_cond_signal(&b->work);
	pthread_mutex_unlock(&b->lock);
}

void drive_submit(struct drive *d, struct block_req *r)
{
	int result = 0;
	assert(r->state == REQ_IDLE);
	r->drive = d;
	r->image = d->image;
	r->started_ns = host_ns();
	if (d->machine->blocks->holding) {
		r->image = NULL;
		r->state = REQ_HELD;
		list_add(&d->machine->blocks->held, r);
		return;
	}
	r->bytes = r->op == BLOCK_FLUSH ? 0 : r->op == BLOCK_DISCARD ? r->length : iov_bytes(r->iov, r->niov);
	if (!d->image)
		result = -ENOMEDIUM;
	else if (r->op != BLOCK_FLUSH && (r->offset > d->size || r->bytes > d->size - r->offset))
		result = -EIO;
	else if (d->readonly && (r->op == BLOCK_WRITE || r->op == BLOCK_DISCARD))
		result = -EROFS;
	if (result)
		r->image = NULL;                /* refused here: no matter for the error policy */
	if (result || !throttle_holds(d, r))
		enqueue(d->machine->blocks, r, result);
}

void drives_hold(struct machine *m, bool on)
{
	if (m->blocks)
		m->blocks->holding = on;
}

void drive_go_on(struct block_req *r) { enqueue(r->drive->machine->blocks, r, 0); }

int drive_read_now(struct drive *d, uint64_t offset, void *buf, size_t len)
{
	struct iovec iov = { buf, len };
	if (!d->image)
		return -ENOMEDIUM;
	if (offset > d->size || len > d->size - offset)
		return -EIO;
	return d->image->format->read(d->image, offset, &iov, 1);
}

void drive_cancel(struct drive *d, struct block_req *r)
{
	struct blocks *b = d->machine->blocks;
	if (throttle_cancel(d, r))
		return;
	pthread_mutex_lock(&b->lock);
	while (r->state == REQ_RUNNING)
		pthread_cond_wait(&b->finished, &b->lock);
	if (r->state == REQ_QUEUED || r->state == REQ_DONE) {
		list_remove(r->state == REQ_QUEUED ? &b->queue : &b->done, r);
		b->outstanding--;
		d->in_flight--;
	} else if (r->state == REQ_HELD) {
		list_remove(&b->held, r);
	}
	r->state = REQ_IDLE;
	pthread_mutex_unlock(&b->lock);
}

static void wait_for(struct blocks *b, const struct drive *d)
{
	for (;;) {
		run_completions(b);
		pthread_mutex_lock(&b->lock);
		bool busy = d ? d->in_flight != 0 : b->outstanding != 0;
		if (busy && !b->done.head)
			pthread_cond_wait(&b->finished, &b->lock);
		pthread_mutex_unlock(&b->lock);
		if (!busy)
			return;
	}
}

void drive_drain(struct machine *m)
{
	for (struct drive *d = drive_first(m); d; d = d->next)
		throttle_release(d);
	if (m->blocks)
		wait_for(m->blocks, NULL);
}

void drive_finish(struct machine *m)
{
	if (m->blocks)
		wait_for(m->blocks, NULL);
}

bool drive_busy(struct machine *m)
{
	struct blocks *b = m->blocks;
	if (!b)
		return false;
	pthread_mutex_lock(&b->lock);
	bool busy = b->outstanding;
	pthread_mutex_unlock(&b->lock);
	return busy;
}

void drive_quiesce(struct drive *d)
{
	throttle_release(d);
	wait_for(d->machine->blocks, d);
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------------- */

static void retry_held(void *arg, enum machine_event ev, const char *detail)
{
	struct blocks *b = arg;
	struct req_list again = b->held;
	if (ev != EV_RESUME || !again.head)
		return;
	b->held.head = NULL;
	b->held.end = &b->held.head;
	while (again.head) {
		struct block_req *r = again.head;
		again.head = r->next;
		r->state = REQ_IDLE;
		drive_submit(r->drive, r);
	}
}

void blocks_start(struct blocks *b)
{
	b->held.end = &b->held.head;
	b->queue.end = &b->queue.head;
	b->done.end = &b->done.head;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->work, NULL);
	pthread_cond_init(&b->finished, NULL);
	b->listener.fn = retry_held;
	b->listener.arg = b;
	machine_listen(b->machine, &b->listener);
}

void blocks_stop(struct blocks *b)
{
	pthread_mutex_lock(&b->lock);
	b->quitting = true;
	pthread_cond_broadcast(&b->work);
	pthread_mutex_unlock(&b->lock);
	for (unsigned i = 0; i < b->n_threads; i++)
		pthread_join(b->threads[i], NULL);
	pthread_cond_destroy(&b->finished);
	pthread_cond_destroy(&b->work);
	pthread_mutex_destroy(&b->lock);
}
