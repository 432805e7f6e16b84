/* loop.c - ppoll loop: descriptors, machine timers, host timers, posted work. */
#include "core/machine/loop.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

struct watch {
	int fd;
	unsigned events;
	void (*fn)(void *arg, unsigned events);
	void *arg;
	bool dead;
	struct watch *next;
};
struct post { void (*fn)(void *arg); void *arg; struct post *next; };
struct timeout { unsigned id; int64_t at_ns; void (*fn)(void *arg); void *arg; struct timeout *next; };

struct loop {
	struct machine *machine;
	int wake_fd;
	_Atomic bool sleeping, quit;
	struct watch *watches;          /* machine lock */
	unsigned n_watches;
	struct timeout *timeouts;       /* machine lock */
	unsigned next_id;
	pthread_mutex_t post_lock;      /* leaf lock: posts only */
	struct post *posts, **posts_end;
	struct pollfd *pfds;
	struct watch **polled;
	unsigned cap;
};

struct loop *loop_new(struct machine *m, struct error *err)
{
	struct loop *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->machine = m;
	l->posts_end = &l->posts;
	pthread_mutex_init(&l->post_lock, NULL);
	l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->wake_fd < 0) {
		error_set(err, "cannot make an event descriptor: %s", strerror(errno));
		free(l);
		return NULL;
	}
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	while (l->watches) {
		struct watch *w = l->watches;
		l->watches = w->next;
		free(w);
	}
	while (l->timeouts) {
		struct timeout *t = l->timeouts;
		l->timeouts = t->next;
		free(t);
	}
	while (l->posts) {
		struct post *p = l->posts;
		l->posts = p->next;
		free(p);
	}
	pthread_mutex_destroy(&l->post_lock);
	close(l->wake_fd);
	free(l->pfds);
	free(l->polled);
	free(l);
}

void loop_watch(struct loop *l, int fd, unsigned events, void (*fn)(void *arg, unsigned events), void *arg)
{
	struct watch *w = l->watches;
	while (w && (w->fd != fd || w->dead))
		w = w->next;
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			abort();
		w->fd = fd;
		w->next = l->watches;
		l->watches = w;
		l->n_watches++;
	}
	bool changed = w->events != events;
	w->events = events;
	w->fn = fn;
	w->arg = arg;
	if (changed || !events)
		loop_wake(l);
}

void loop_unwatch(struct loop *l, int fd)
{
	for (struct watch *w = l->watches; w; w = w->next)
		if (w->fd == fd && !w->dead)
			w->dead = true;         /* freed by the loop: it may be among those being dispatched */
	loop_wake(l);
}

void loop_post(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct post *p = calloc(1, sizeof(*p));
	if (!p)
		abort();
	p->fn = fn;
	p->arg = arg;
	pthread_mutex_lock(&l->post_lock);
	*l->posts_end = p;
	l->posts_end = &p->next;
	pthread_mutex_unlock(&l->post_lock);
	loop_wake(l);
}

void loop_wake(struct loop *l)
{
	if (!l || !atomic_exchange(&l->sleeping, false))
		return;
	uint64_t one = 1;
	while (write(l->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

unsigned loop_timeout(struct loop *l, int64_t ms, void (*fn)(void *arg), void *arg)
{
	struct timeout *t = calloc(1, sizeof(*t));
	if (!t)
		abort();
	if (!++l->next_id)
		l->next_id = 1;
	*t = (struct timeout){ .id = l->next_id, .at_ns = host_ns() + ms * 1000000, .fn = fn, .arg = arg, .next = l->timeouts };
	l->timeouts = t;
	loop_wake(l);
	return t->id;
}

void loop_timeout_cancel(struct loop *l, unsigned id)
{
	for (struct timeout **p = &l->timeouts; *p; p = &(*p)->next)
		if ((*p)->id == id) {
			struct timeout *t = *p;
			*p = t->next;
			free(t);
			return;
		}
}

static void run_timeouts(struct loop *l)
{
	int64_t now = host_ns();
	for (;;) {
		struct timeout **best = NULL;
		for (struct timeout **p = &l->timeouts; *p; p = &(*p)->next)
			if ((*p)->at_ns <= now && (!best || (*p)->at_ns < (*best)->at_ns))
				best = p;
		if (!best)
			return;
		struct timeout *t = *best;
		*best = t->next;
		t->fn(t->arg);
		free(t);
	}
}

static void run_posts(struct loop *l)
{
	pthread_mutex_lock(&l->post_lock);
	struct post *p = l->posts;
	l->posts = NULL;
	l->posts_end = &l->posts;
	pthread_mutex_unlock(&l->post_lock);
	while (p) {
		struct post *next = p->next;
		p->fn(p->arg);
		free(p);
		p = next;
	}
}

static bool have_posts(struct loop *l)
{
	pthread_mutex_lock(&l->post_lock);
	bool yes = l->posts != NULL;
	pthread_mutex_unlock(&l->post_lock);
	return yes;
}

/* Drop dead watches and fill the poll set; slot 0 is the wake descriptor. */
static unsigned collect(struct loop *l)
{
	if (l->cap < l->n_watches + 1) {
		l->cap = l->n_watches + 16;
		l->pfds = realloc(l->pfds, l->cap * sizeof(*l->pfds));
		l->polled = realloc(l->polled, l->cap * sizeof(*l->polled));
		if (!l->pfds || !l->polled)
			abort();
	}
	unsigned n = 0;
	l->pfds[n++] = (struct pollfd){ .fd = l->wake_fd, .events = POLLIN };
	for (struct watch **p = &l->watches; *p;) {
		struct watch *w = *p;
		if (w->dead) {
			*p = w->next;
			free(w);
			l->n_watches--;
			continue;
		}
		if (w->events) {                /* a silent descriptor would report HUP for ever */
			l->polled[n] = w;
			l->pfds[n++] = (struct pollfd){ .fd = w->fd,
				.events = (short)((w->events & LOOP_IN ? POLLIN : 0) | (w->events & LOOP_OUT ? POLLOUT : 0) |
					(w->events & LOOP_HUP ? POLLRDHUP : 0)) };
		}
		p = &w->next;
	}
	return n;
}

static int64_t next_wait(struct loop *l)
{
	int64_t wait = INT64_MAX;
	int64_t deadline = clock_deadline(&l->machine->clock);
	if (deadline != NO_DEADLINE && l->machine->clock.running)
		wait = deadline - clock_now(&l->machine->clock);
	int64_t now = host_ns();
	for (struct timeout *t = l->timeouts; t; t = t->next)
		if (t->at_ns - now < wait)
			wait = t->at_ns - now;
	return wait < 0 ? 0 : wait;
}

static void dispatch(struct loop *l, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		struct watch *w = l->polled[i];
		short re = l->pfds[i].revents;
		unsigned ev = (re & POLLIN ? LOOP_IN : 0u) | (re & POLLOUT ? LOOP_OUT : 0u) | (re & (POLLHUP | POLLERR | POLLNVAL | POLLRDHUP) ? LOOP_HUP : 0u);
		ev &= w->events | LOOP_HUP;
		if (ev && !w->dead)
			w->fn(w->arg, ev);
	}
	if (l->pfds[0].revents) {
		uint64_t v;
		while (read(l->wake_fd, &v, sizeof(v)) < 0 && errno == EINTR)
			;
	}
}

void loop_run(struct loop *l)
{
	prctl(PR_SET_TIMERSLACK, 1000UL);       /* timers of a guest are not improved by the default 50 us */
	machine_lock(l->machine);
	while (!l->quit) {
		run_posts(l);
		run_timeouts(l);
		if (l->machine->clock.running)
			clock_run_timers(&l->machine->clock);
		unsigned n = collect(l);
		atomic_store(&l->sleeping, true);
		int64_t wait = have_posts(l) || l->quit ? 0 : next_wait(l);
		struct timespec ts = { .tv_sec = wait / NS_PER_SEC, .tv_nsec = wait % NS_PER_SEC };
		machine_unlock(l->machine);
		int got = ppoll(l->pfds, n, wait == INT64_MAX ? NULL : &ts, NULL);
		atomic_store(&l->sleeping, false);
		machine_lock(l->machine);
		if (got > 0)
			dispatch(l, n);
	}
	run_posts(l);
	machine_unlock(l->machine);
}

void loop_quit(struct loop *l)
{
	l->quit = true;
	loop_wake(l);
}
