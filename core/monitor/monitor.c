/* monitor.c - monitors and their chardevs. */
#include "core/monitor/monitor.h"
#include "core/char/vc.h"
#include "core/machine/machine.h"
#include "core/monitor/filter.h"
#include "core/monitor/history.h"
#include "core/monitor/watch.h"
#include "core/monitor/internal.h"
#include "core/version.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How much unread output a client may pile up before its input has to wait. */
enum { OUT_HIGH = 16 << 10 };

struct monitors *monitors_new(struct machine *m)
{
	struct monitors *all = calloc(1, sizeof(*all));

	if (!all)
		abort();
	all->anonymous = (struct monitor){ .m = m, .format = 'x', .size = 4 };
	return all;
}

/* At the end of the program: what was answered last should still arrive, if somebody reads. */
static void flush_last(struct monitor *mon)
{
	enum { TRIES = 100 };

	for (int i = 0; i < TRIES && mon->out.len; i++) {
		monitor_flush(mon);
		if (mon->out.len)
			nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
}

static void monitor_free(struct monitor *mon)
{
	flush_last(mon);
	chardev_detach(mon->chr, mon);
	readline_free(mon->line);
	qmp_free(mon->qmp);
	free(mon->history);
	text_free(&mon->out);
	free(mon);
}

void monitors_free(struct machine *m)
{
	struct monitors *all = m->monitors;

	if (!all)
		return;
	watches_free(m);
	while (all->first) {
		struct monitor *mon = all->first;
		all->first = mon->next;
		monitor_free(mon);
	}
	free(all);
	m->monitors = NULL;
}

/* ---- output ------------------------------------------------------------------------------------------------------------------------ */

void monitor_flush(struct monitor *mon)
{
	if (!mon->out.len)
		return;
	size_t n = chardev_write(mon->chr, mon, (const uint8_t *)mon->out.s, mon->out.len);
	memmove(mon->out.s, mon->out.s + n, mon->out.len - n);
	mon->out.len -= n;
}

void monitor_print(struct monitor *mon, const char *s, size_t len)
{
	while (len) {
		const char *nl = memchr(s, '\n', len);
		size_t n = nl ? (size_t)(nl - s) : len;
		text_add(&mon->out, s, n);
		if (nl)
			text_add(&mon->out, "\r\n", 2);
		s += n + (nl != NULL);
		len -= n + (nl != NULL);
	}
}

/* Take what was typed as long as the client reads the answers. */
static void work_off(struct monitor *mon)
{
	for (;;) {
		bool none = mon->typed_at == mon->typed_len || (mon->qmp && qmp_waiting(mon->qmp));
		if (none || mon->out.len > OUT_HIGH)
			monitor_flush(mon);
		if (none || mon->out.len > OUT_HIGH)    /* still: the chardev tells when it has room */
			return;
		const uint8_t *b = &mon->typed[mon->typed_at++];
		if (mon->qmp)
			qmp_input(mon->qmp, b, 1);
		else
			readline_byte(mon->line, *b);
	}
}

void monitor_go_on(struct monitor *mon)
{
	work_off(mon);
	if (mon->out.len <= OUT_HIGH)
		chardev_accept_input(mon->chr, mon);
}

static void rl_print(void *arg, const char *s, size_t len) { monitor_print(arg, s, len); }

void monitor_run_filtered(struct monitor *mon, const char *line, struct text *out)
{
	char *copy = strdup(line);
	struct error err;
	size_t from = out->len;

	if (!copy)
		abort();
	struct filter *f = filter_split(copy, &err);
	bool done = !*err.msg;
	if (done)
		done = hmp_run(mon, copy, mon->cpu, out);
	else
		text_printf(out, "%s\n", err.msg);
	if (f && done)          /* an error is no output: nobody wants it dropped */
		filter_lines(f, out, from);
	filter_free(f);
	free(copy);
}

void monitor_run_command(struct machine *m, const char *line, struct text *out)
{
	if (m->monitors)
		monitor_run_filtered(&m->monitors->anonymous, line, out);
}

/* Its filter is for what is watched. */
static bool is_watch(const char *line) { return !strncmp(line + strspn(line, " "), "watch ", 6); }

/* In the workstation's monitors a line may end in a filter. */
static void rl_line(void *arg, const char *line)
{
	struct monitor *mon = arg;
	struct text out = { 0 };

	if (mon->history)
		history_add(mon->history, line);
	if (mon->chr->kind == &chardev_vc && !is_watch(line))
		monitor_run_filtered(mon, line, &out);
	else
		hmp_run(mon, line, mon->cpu, &out);
	if (out.len)
		monitor_print(mon, out.s, out.len);
	text_free(&out);
}

static void rl_complete(void *arg, const char *line, struct text *out) { monitor_complete_line(((struct monitor *)arg)->m, line, out); }
static unsigned rl_columns(void *arg) { return vc_cols(((struct monitor *)arg)->chr); }

/* ---- the front end of a chardev -------------------------------------------------------------------------------------------------------- */

static unsigned can_read(void *arg)
{
	struct monitor *mon = arg;

	return mon->m->quitting || mon->typed_at < mon->typed_len || mon->out.len > OUT_HIGH || (mon->qmp && qmp_waiting(mon->qmp)) ? 0 :
		sizeof(mon->typed);
}

static void read_bytes(void *arg, const uint8_t *buf, unsigned len)
{
	struct monitor *mon = arg;

	memcpy(mon->typed, buf, len);
	mon->typed_at = 0;
	mon->typed_len = len;
	work_off(mon);
}

static void can_write(void *arg)
{
	struct monitor *mon = arg;

	monitor_flush(mon);
	monitor_go_on(mon);
}

static void greet(struct monitor *mon)
{
	static const char banner[] = "vmux " VMUX_VERSION " monitor - type 'help' for more information\n";

	if (!mon->greeted)
		monitor_print(mon, banner, sizeof(banner) - 1);
	else
		monitor_print(mon, "\n", 1);
	mon->greeted = true;
	readline_prompt(mon->line);
	monitor_flush(mon);
}

static void redraw(void *arg, struct text *out) { readline_redraw(((struct monitor *)arg)->line, out); }

static void hmp_event(struct monitor *mon, enum chr_event ev)
{
	switch (ev) {
	case CHR_OPENED:
		readline_reset(mon->line);
		mon->out.len = mon->typed_len = mon->typed_at = 0;
		mon->greeted = false;
		if (!mon->chr->mux || mon->focused)
			greet(mon);
		break;
	case CHR_CLOSED:
		readline_reset(mon->line);
		mon->out.len = 0;
		break;
	case CHR_MUX_IN:
		mon->focused = true;
		greet(mon);
		break;
	case CHR_MUX_OUT:
		mon->focused = false;
		break;
	default:
		break;
	}
}

static void event(void *arg, enum chr_event ev)
{
	struct monitor *mon = arg;

	if (!mon->qmp) {
		hmp_event(mon, ev);
		return;
	}
	if (ev == CHR_OPENED || ev == CHR_CLOSED) {
		mon->out.len = 0;
		(ev == CHR_OPENED ? qmp_opened : qmp_closed)(mon->qmp);
		monitor_flush(mon);
	}
}

struct monitor *monitor_attach(struct machine *m, struct chardev *c, bool control, bool pretty, struct error *err)
{
	const struct readline_ops ops = { rl_print, rl_line, rl_complete, rl_columns, NULL };
	struct monitor *mon = calloc(1, sizeof(*mon));

	if (!mon)
		abort();
	mon->m = m;
	mon->chr = c;
	mon->format = 'x';
	mon->size = 4;
	if (control) {
		mon->qmp = qmp_new(mon, pretty);
	} else {
		struct readline_ops own = ops;
		own.arg = mon;
		mon->line = readline_new(&own, "(qemu) ");
		bool by_hand = c->kind == &chardev_vc || c->kind == &chardev_stdio || (c->mux && chr_mux_base(c->mux)->kind == &chardev_stdio);
		if (by_hand && m->opt && m->opt->history)
			history_load(mon->history = strdup(m->opt->history), mon->line);
	}
	const struct chr_front f = { .can_read = can_read, .read = read_bytes, .can_write = can_write, .event = event, .arg = mon, .name = control ? "machine protocol" : "monitor",
		.redraw = control ? NULL : redraw };
	if (!chardev_attach(c, &f, err)) {
		readline_free(mon->line);
		qmp_free(mon->qmp);
		free(mon);
		return NULL;
	}
	struct monitor **end = &m->monitors->first;
	while (*end)
		end = &(*end)->next;
	*end = mon;
	return mon;
}

bool monitor_owns(struct machine *m, const struct chardev *c)
{
	for (struct monitor *mon = m->monitors ? m->monitors->first : NULL; mon; mon = mon->next)
		if (mon->chr == c)
			return true;
	return false;
}
