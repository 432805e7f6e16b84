/* watch.c - commands that run again and again.  A console is written to only when what it shows changes. */
#include "core/monitor/watch.h"
#include "core/char/vc.h"
#include "core/machine/machine.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WATCHES = 8, MAX_SECONDS = 86400 };

struct watch {
	struct machine *m;
	struct chardev *c;
	char label[16], *line;
	int64_t seconds;
	unsigned timer;                 /* loop_timeout id, 0 = none */
	struct text shown;              /* the output on the screen */
	struct text out;                /* on its way to the console */
	bool drawn, ending;
	struct watch *next;
};

static void flush(struct watch *w)
{
	if (!w->out.len)
		return;
	size_t n = chardev_write(w->c, w, (const uint8_t *)w->out.s, w->out.len);
	memmove(w->out.s, w->out.s + n, w->out.len - n);
	w->out.len -= n;
}

/* From the top left corner on, each line's rest and what is below cleared: nothing flickers, nothing goes to the scrollback that fits. */
static void show(struct watch *w, const struct text *fresh)
{
	w->out.len = 0;
	text_printf(&w->out, "\033[H\033[7mEvery %" PRId64 " s: %s\033[m   (q ends this)\033[K\r\n", w->seconds, w->line);
	for (size_t i = 0; i < fresh->len; i++)
		if (fresh->s[i] == '\n')
			text_add(&w->out, "\033[K\r\n", 5);
		else
			text_add(&w->out, &fresh->s[i], 1);
	text_add(&w->out, "\033[J", 3);
	flush(w);
}

static void tick(void *arg)
{
	struct watch *w = arg;
	struct text fresh = { 0 };

	w->timer = loop_timeout(w->m->loop, w->seconds * 1000, tick, w);
	if (w->out.len)                 /* the console has not taken the last one yet */
		return;
	monitor_run_command(w->m, w->line, &fresh);
	if (w->drawn && fresh.len == w->shown.len && (!fresh.len || !memcmp(fresh.s, w->shown.s, fresh.len))) {
		text_free(&fresh);
		return;
	}
	text_free(&w->shown);
	w->shown = fresh;
	w->drawn = true;
	show(w, &fresh);
}

static void watch_free(struct watch *w)
{
	for (struct watch **p = &w->m->monitors->watches; *p; p = &(*p)->next)
		if (*p == w) {
			*p = w->next;
			break;
		}
	if (w->timer)
		loop_timeout_cancel(w->m->loop, w->timer);
	if (w->c)
		chardev_detach(w->c, w);
	text_free(&w->shown);
	text_free(&w->out);
	free(w->line);
	free(w);
}

static void end(void *arg)
{
	struct watch *w = arg;
	struct machine *m = w->m;
	char label[sizeof(w->label)];

	strcpy(label, w->label);
	watch_free(w);
	chardev_remove(m, label, NULL);
}

/* ---- the console's front end -------------------------------------------------------------------------------------------------------- */

static unsigned can_read(void *arg) { return 16; }
static void can_write(void *arg) { flush(arg); }

static void read_keys(void *arg, const uint8_t *buf, unsigned len)
{
	struct watch *w = arg;

	if (!w->ending && (memchr(buf, 'q', len) || memchr(buf, 3, len))) {
		w->ending = true;
		loop_post(w->m->loop, end, w);
	}
}

bool watch_start(struct monitor *mon, int64_t seconds, const char *line, struct text *out, struct error *err)
{
	struct machine *m = mon->m;
	unsigned n = 0;
	bool none;

	if (!mon->chr || mon->chr->kind != &chardev_vc)
		return error_set(err, "watch needs a monitor of the workstation, where it can have a console");
	if (seconds < 1 || seconds > MAX_SECONDS)
		return error_set(err, "watch: the interval is 1 to %d seconds", (int)MAX_SECONDS);
	if (!strncmp(line, "watch", 5) || !strncmp(line, "quit", 4) || !strcmp(line, "q"))
		return error_set(err, "watch: '%s' is not a command to repeat", line);
	for (struct watch *w = m->monitors->watches; w; w = w->next)
		n++;
	if (n >= MAX_WATCHES)
		return error_set(err, "watch: there are %d already; q in one of them ends it", (int)MAX_WATCHES);
	struct watch *w = calloc(1, sizeof(*w));
	if (!w || !(w->line = strdup(line)))
		abort();
	*w = (struct watch){ .m = m, .line = w->line, .seconds = seconds, .next = m->monitors->watches };
	m->monitors->watches = w;
	n = 0;
	do
		snprintf(w->label, sizeof(w->label), "watch%u", n++);
	while (chardev_find(m, w->label));
	const struct chr_front f = { .can_read = can_read, .read = read_keys, .can_write = can_write, .arg = w, .name = w->label };
	w->c = chardev_new_short(m, w->label, "vc", &none, err);
	if (!w->c || !chardev_attach(w->c, &f, err)) {
		watch_free(w);
		return false;
	}
	text_printf(out, "console %s shows it every %" PRId64 " s; q there ends it\n", w->label, seconds);
	w->timer = loop_timeout(m->loop, 0, tick, w);
	return true;
}

void watches_free(struct machine *m)
{
	while (m->monitors->watches)
		watch_free(m->monitors->watches);
}
