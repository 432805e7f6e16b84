/* loop.c - the UI thread: waits for the terminal, the machine, signals and deadlines; idle, it does not run at all. */
#include "tui/app.h"
#include "tui/panes.h"
#include "tui/requests.h"
#include "tui/wire.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAME_MS = 16, UNSEEN_MS = 100, RETRY_FIRST_MS = 2, RETRY_MOST_MS = 100 };
/* Gathering: of the machine's events in a frame's time, so many are looked at at once; behind others there is a pause. */
enum { PROMPT_EVENTS = 6, LISTEN_MS = 4, FLOOD_MS = 1, FLOOD_BYTES = 1024, FULL_BYTES = 16384 };
enum { KEY_FRAMES = 2 };        /* frames before their time that a key may have */

static void signals(struct app *a)
{
	struct signalfd_siginfo si;
	while (read(a->sig_fd, &si, sizeof si) == (ssize_t)sizeof si) {
		if (si.ssi_signo == SIGWINCH || si.ssi_signo == SIGCONT) {
			vm_terminal_resized(a->vm);
			continue;
		}
		a->quit = true;
		a->quit_signal = (int)si.ssi_signo;
		a->quit_pid = si.ssi_pid;
	}
}

static void accept_client(struct app *a)
{
	int fd = accept4(a->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (!wire_peer_ok(fd) || a->n_clients == APP_MAX_CLIENTS)
		close(fd);
	else
		a->clients[a->n_clients++] = client_new(a, fd);
}

static void bury_clients(struct app *a)
{
	for (unsigned i = 0; i < a->n_clients; ) {
		struct client *c = a->clients[i];
		if (!c->dead) {
			i++;
			continue;
		}
		if (a->actor == c)
			a->actor = NULL;
		memmove(&a->clients[i], &a->clients[i + 1], (--a->n_clients - i) * sizeof *a->clients);
		client_free(c);
	}
}

static void machine_event(struct app *a, int64_t now)
{
	int status;
	vm_event_ack(a->vm);
	a->more = a->screens = a->heard = true;
	app_sync_consoles(a);
	status_sample(a, now);
	if (vm_ended(a->vm, &status))
		a->quit = true;
}

/* Small pieces of output are taken together: a machine that prints byte by byte must not wake this thread for each.  But who waits for an
 * echo shall have it at once, and a ring that was nearly full must not fill up meanwhile. */
static void gather(struct app *a, int64_t now)
{
	if (!a->heard)
		return;
	a->heard = false;
	if (now >= a->events_since + FRAME_MS) {
		a->events_since = now;
		a->events = 0;
	}
	if (++a->events > PROMPT_EVENTS && a->took < FULL_BYTES)
		a->listen_at = now + (a->took < FLOOD_BYTES ? LISTEN_MS : FLOOD_MS);
}

/* Take new output of some consoles; by_frame: those that are looked at once a frame. */
void app_update_views(struct app *a, bool by_frame)
{
	bool more = false;
	a->took = 0;
	for (unsigned i = 0; i < a->n_views; i++) {
		struct view *v = a->views[i];
		if (v->ops->by_frame != by_frame || !v->ops->update(v, &more))
			continue;
		v->serial++;
		if (panes_visible(a, i))
			a->dirty = true;
		else if (!v->activity)
			v->activity = a->dirty = true;
	}
	if (by_frame)
		a->screens = more;
	else
		a->more = more;
}

/* Pass on what was typed, as far as the devices take it. */
static void flush_typed(struct app *a, int64_t now)
{
	size_t left = 0, room = vm_key_room(a->vm);
	for (; a->keys.len && room; room--) {
		const uint8_t *event = fifo_head(&a->keys);
		if (!vm_key(a->vm, event[0], event[1]))
			break;
		fifo_take(&a->keys, 2);
	}
	left = a->keys.len;
	for (unsigned i = 0; i < a->n_views; i++)
		if (a->views[i]->ops->flush)
			left += a->views[i]->ops->flush(a->views[i]);
	a->waiting = left > 0;
	a->retry_ms = left < a->left || !a->retry_ms ? RETRY_FIRST_MS : a->retry_ms * 2 < RETRY_MOST_MS ? a->retry_ms * 2 : RETRY_MOST_MS;
	a->left = left;
	a->retry_at = now + a->retry_ms;
}

/* Draw for the terminals that take it.  One that does not gets the newest frame when it does.  True: something was drawn. */
static bool draw(struct app *a)
{
	bool ready = false, drawn = false;
	for (unsigned i = 0; i < a->n_clients; i++)
		ready |= client_ready(a->clients[i]);
	if (a->dirty && (ready || record_wants_screen(a))) {
		a->dirty = false;
		app_draw(a);
		for (unsigned i = 0; i < a->n_clients; i++)
			a->clients[i]->behind = true;
	}
	record_frame(a);
	for (unsigned i = 0; i < a->n_clients && !a->dirty; i++)
		if (a->clients[i]->behind && client_ready(a->clients[i])) {
			client_draw(a->clients[i]);
			drawn = true;
		}
	return drawn;
}

static bool wants_frame(const struct app *a)
{
	if (a->screens || record_wants(a))
		return true;
	for (unsigned i = 0; i < a->n_clients; i++) {
		const struct client *c = a->clients[i];
		if (c->screen && !c->suspended && !c->dead && !c->tty.out.len && (a->dirty || c->behind))
			return true;
	}
	return false;
}

static int64_t frame_due(const struct app *a)
{
	return a->key_frames ? a->last_frame : a->last_frame + (a->n_clients || a->last_frame < a->rush_until ? FRAME_MS : UNSEEN_MS);
}

static void frame(struct app *a, int64_t now)
{
	char line[200];
	if (!wants_frame(a) || now < frame_due(a))
		return;
	a->last_frame = now;
	if (a->screens)
		app_update_views(a, true);
	if (guard_new_line(a->guard, &a->log_seen, line, sizeof line))
		app_message(a, "%s", line);
	if (draw(a) && a->key_frames)
		a->key_frames--;
}

static void sooner(int64_t *at, int64_t other)
{
	if (other >= 0 && (*at < 0 || other < *at))
		*at = other;
}

/* Milliseconds until something is due, or -1. */
static int time_left(const struct app *a, int64_t now)
{
	int64_t at = -1;
	for (unsigned i = 0; i < a->n_clients; i++)
		if (a->clients[i]->screen)
			sooner(&at, keydec_deadline(&a->clients[i]->decoder));
	sooner(&at, a->check_at);
	if (wants_frame(a))
		sooner(&at, frame_due(a));
	if (a->more || a->working)
		sooner(&at, now);
	sooner(&at, a->paste_at);
	if (a->waiting)
		sooner(&at, a->retry_at);
	if (a->sample_at)
		sooner(&at, a->sample_at);
	if (a->message_until)
		sooner(&at, a->message_until);
	if (a->look_at)
		sooner(&at, a->look_at);
	if (a->snapshots.look_at)
		sooner(&at, a->snapshots.look_at);
	if (a->listen_at > now)
		sooner(&at, a->listen_at);
	return at < 0 ? -1 : at <= now ? 0 : (int)(at - now);
}

static void deadlines(struct app *a, int64_t now)
{
	for (unsigned i = 0; i < a->n_clients; i++)
		if (a->clients[i]->screen)
			keydec_tick(&a->clients[i]->decoder, now);
	if (a->message_until && now >= a->message_until) {
		a->message_until = 0;
		a->dirty = true;
	}
	if (a->sample_at && now >= a->sample_at)
		status_sample(a, now);
	if (a->waiting && now >= a->retry_at)
		flush_typed(a, now);
	if (a->look_at && now >= a->look_at) {
		a->look_at = 0;
		a->screens = true;
	}
}

/* Long tasks, a piece each time around, so that keys and frames are never kept waiting. */
static void work(struct app *a, int64_t now)
{
	bool had = a->working;
	a->working = false;
	if (a->popup && a->popup->ops->work)
		a->working = a->popup->ops->work(a->popup);
	a->dirty |= had && !a->working;
	snapshots_work(a, now);
	a->paste_at = paste_work(a, now);
	if (a->paste_at >= 0 && now >= a->shown_paste + 250) {
		a->shown_paste = now;
		a->dirty = true;
	}
}

static void clients(struct app *a, const struct pollfd *p, unsigned n, int64_t now)
{
	for (unsigned i = 0; i < n; i++) {
		struct client *c = a->clients[i];
		if (p[2 * i].revents & (POLLIN | POLLHUP | POLLERR))
			client_readable(c);
		if (p[2 * i].revents & POLLOUT && !c->dead)
			client_flush(c);
		if (!c->screen || c->dead)
			continue;
		if (p[2 * i + 1].revents & (POLLIN | POLLHUP | POLLERR)) {
			client_tty_readable(c, now);
			a->key_frames = KEY_FRAMES;
		}
		if (p[2 * i + 1].revents & POLLOUT && c->screen)
			tty_flush(&c->tty);
	}
}

void app_loop(struct app *a)
{
	enum { SIG, VM, LISTEN, CLIENTS };
	struct pollfd p[CLIENTS + 2 * APP_MAX_CLIENTS];
	a->check_at = -1;
	while (!a->quit) {
		int64_t now = app_now_ms();
		unsigned n = a->n_clients;
		p[SIG] = (struct pollfd){ .fd = a->sig_fd, .events = POLLIN };
		p[VM] = (struct pollfd){ .fd = a->listen_at > now ? -1 : vm_event_fd(a->vm), .events = POLLIN };
		p[LISTEN] = (struct pollfd){ .fd = a->listen_fd, .events = POLLIN };
		for (unsigned i = 0; i < n; i++) {
			struct client *c = a->clients[i];
			p[CLIENTS + 2 * i] = (struct pollfd){ .fd = c->sock, .events = (short)(POLLIN | (c->out.len ? POLLOUT : 0)) };
			p[CLIENTS + 2 * i + 1] = (struct pollfd){ .fd = c->screen && !c->suspended ? c->tty.fd : -1,
				.events = (short)(POLLIN | (c->tty.out.len ? POLLOUT : 0)) };
		}
		if (poll(p, CLIENTS + 2 * n, time_left(a, now)) < 0 && errno != EINTR)
			break;
		now = app_now_ms();
		if (p[SIG].revents)
			signals(a);
		clients(a, p + CLIENTS, n, now);
		if (p[LISTEN].revents)
			accept_client(a);
		if (p[VM].revents)
			machine_event(a, now);
		if (a->more)
			app_update_views(a, false);
		gather(a, now);
		deadlines(a, now);
		work(a, now);
		a->check_at = requests_check(a, now);
		frame(a, now);
		bury_clients(a);
	}
}
