/* mux.c - several front ends on one back end: one has the input focus, an escape character (Ctrl-a) gives orders. */
#include "core/char/chardev.h"
#include "core/machine/machine.h"
#include "core/monitor/monitor.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_FRONTS = 4, QUEUE = 4096, LONG_LINE = 1024, OWN_MAX = 32 << 10 };

struct front {
	struct chr_front f;
	bool used, opened, wants;               /* opened: told so; wants: waits for can_write */
	uint8_t queue[QUEUE]; unsigned head, tail;      /* typed for it, not taken yet */
	struct text line;                       /* printed while somebody else's line is on the screen, not ended yet */
};
struct chr_mux {
	struct chardev *c, *base;
	struct front fronts[MAX_FRONTS];
	int focus, told;                        /* who has the input; who was told so; -1 nobody */
	bool escaped;
	bool stamps, line_start;
	int64_t first_stamp;
	struct text own;                        /* the mux's words, on their way */
};

static uint8_t escape_char(const struct chr_mux *x)
{
	return x->c->machine->opt && x->c->machine->opt->echr ? x->c->machine->opt->echr : 1;
}

static void event(struct front *f, enum chr_event ev)
{
	if (f->used && f->f.event)
		f->f.event(f->f.arg, ev);
}

/* ---- output -------------------------------------------------------------------------------------------------------------------- */

static bool flush_own(struct chr_mux *x)
{
	if (x->own.len) {
		size_t n = chardev_write(x->base, x, (const uint8_t *)x->own.s, x->own.len);
		memmove(x->own.s, x->own.s + n, x->own.len - n);
		x->own.len -= n;
	}
	return !x->own.len;
}

static void stamp(struct chr_mux *x)
{
	int64_t now = clock_now(&x->c->machine->clock) / 1000000;

	if (x->first_stamp < 0)
		x->first_stamp = now;
	int64_t ms = now - x->first_stamp;
	text_printf(&x->own, "[%02d:%02d:%02d.%03d] ", (int)(ms / 3600000), (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
}

static size_t write_stamped(struct chr_mux *x, const uint8_t *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		if (x->line_start) {
			stamp(x);
			x->line_start = false;
		}
		if (!flush_own(x))
			break;
		const uint8_t *nl = memchr(buf + done, '\n', len - done);
		size_t n = nl ? (size_t)(nl - buf) + 1 - done : len - done;
		size_t sent = chardev_write(x->base, x, buf + done, n);
		done += sent;
		if (sent < n)
			break;
		x->line_start = nl != NULL;
	}
	return done;
}

static struct front *find_front(struct chr_mux *x, const void *arg)
{
	for (unsigned i = 0; i < MAX_FRONTS; i++)
		if (x->fronts[i].used && x->fronts[i].f.arg == arg)
			return &x->fronts[i];
	return NULL;
}

/* Another front end's prompt or half-typed line is on the screen: whole lines go above it, the rest waits for its end. */
static size_t write_above(struct chr_mux *x, struct front *f, const uint8_t *buf, size_t len)
{
	struct front *prompt = &x->fronts[x->focus];

	if (prompt->wants || x->own.len > OWN_MAX)      /* it is in the middle of saying something; or nobody reads */
		return 0;
	text_add(&f->line, (const char *)buf, len);
	const char *nl = memrchr(f->line.s, '\n', f->line.len);
	size_t n = nl ? (size_t)(nl - f->line.s) + 1 : f->line.len > LONG_LINE ? f->line.len : 0;
	if (!n)
		return len;
	text_printf(&x->own, "\r\033[K");
	for (size_t at = 0, end; at < n; at = end) {
		const char *e = memchr(f->line.s + at, '\n', n - at);
		end = e ? (size_t)(e - f->line.s) + 1 : n;
		if (x->stamps)
			stamp(x);
		text_add(&x->own, f->line.s + at, end - at);
	}
	text_printf(&x->own, nl ? "\r" : "\r\n");
	memmove(f->line.s, f->line.s + n, f->line.len - n);
	f->line.len -= n;
	prompt->f.redraw(prompt->f.arg, &x->own);
	flush_own(x);
	return len;
}

/* Nobody's line is in the way any more: what was kept back goes out as it is. */
static void release_lines(struct chr_mux *x)
{
	for (unsigned i = 0; i < MAX_FRONTS; i++) {
		struct front *f = &x->fronts[i];
		if (f->line.len)
			text_add(&x->own, f->line.s, f->line.len);
		text_free(&f->line);
	}
	flush_own(x);
}

size_t chr_mux_write(struct chr_mux *x, void *arg, const uint8_t *buf, size_t len)
{
	struct front *f = find_front(x, arg);
	size_t n = 0;

	x->base->front.trickles = f && f->f.trickles;
	if (f && x->focus >= 0 && x->base->opened && f != &x->fronts[x->focus] && x->fronts[x->focus].f.redraw)
		n = write_above(x, f, buf, len);
	else if (flush_own(x))
		n = x->stamps ? write_stamped(x, buf, len) : chardev_write(x->base, x, buf, len);
	if (f)
		f->wants = n < len;
	return n;
}

static void base_can_write(void *arg)
{
	struct chr_mux *x = arg;

	if (!flush_own(x))
		return;
	for (unsigned i = 0; i < MAX_FRONTS && !x->base->want_write; i++) {
		struct front *f = &x->fronts[i];
		if (!f->used || !f->wants)
			continue;
		f->wants = false;
		if (f->f.can_write)
			f->f.can_write(f->f.arg);
	}
}

/* ---- focus and orders ------------------------------------------------------------------------------------------------------------ */

static void tell_focus(struct chr_mux *x)
{
	int from = x->told;

	if (x->focus == from || !x->base->opened)
		return;
	x->told = x->focus;
	if (x->focus < 0 || !x->fronts[x->focus].f.redraw)
		release_lines(x);
	if (from >= 0)
		event(&x->fronts[from], CHR_MUX_OUT);
	if (x->focus >= 0)
		event(&x->fronts[x->focus], CHR_MUX_IN);
}

static void next_focus(struct chr_mux *x)
{
	for (int i = 1; i <= MAX_FRONTS; i++) {
		int n = (x->focus + i + MAX_FRONTS) % MAX_FRONTS;
		if (x->fronts[n].used) {
			x->focus = n;
			break;
		}
	}
	tell_focus(x);
}

static void print_help(struct chr_mux *x)
{
	static const struct { const char *key, *text; } keys[] = { { "h", "print this help" }, { "x", "exit emulator" },
		{ "s", "save disk data back to file (if -snapshot)" }, { "t", "toggle console timestamps" }, { "b", "send break (magic sysrq)" },
		{ "c", "switch between console and monitor" } };
	char esc[8], self[24];
	uint8_t e = escape_char(x);

	if (e < 27)
		snprintf(esc, sizeof(esc), "C-%c", e + 'a' - 1);
	else
		snprintf(esc, sizeof(esc), "%c", e);
	text_printf(&x->own, "\n\r");
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		text_printf(&x->own, "%s %-4s %s\n\r", esc, keys[i].key, keys[i].text);
	snprintf(self, sizeof(self), "sends %s", esc);
	text_printf(&x->own, "%s %-4s %s\n\r", esc, esc, self);
}

/* A monitor shows its prompt; of the others one would not know. */
static void note_focus(struct chr_mux *x)
{
	const struct front *f = x->focus >= 0 ? &x->fronts[x->focus] : NULL;

	if (f && !f->f.redraw)
		text_printf(&x->own, "\r\n[input goes to %s]\r\n", f->f.name ? f->f.name : x->c->label);
}

static void order(struct chr_mux *x, uint8_t key)
{
	struct machine *m = x->c->machine;

	switch (key) {
	case '?': case 'h':
		print_help(x);
		break;
	case 'x':
		text_printf(&x->own, "QEMU: Terminated\n\r");
		machine_quit(m, 0);
		break;
	case 's':
		monitor_run_line(m, "commit all", 0, &x->own);
		break;
	case 'b':
		if (x->focus >= 0)
			event(&x->fronts[x->focus], CHR_BREAK);
		break;
	case 'c':
		next_focus(x);
		note_focus(x);
		break;
	case 't':
		x->stamps = !x->stamps;
		x->first_stamp = -1;
		x->line_start = false;
		break;
	}
	flush_own(x);
}

/* ---- input ----------------------------------------------------------------------------------------------------------------------- */

static void pump(struct chr_mux *x)
{
	for (unsigned i = 0; i < MAX_FRONTS; i++) {
		struct front *f = &x->fronts[i];
		while (f->used && f->head != f->tail) {
			unsigned room = f->f.can_read ? f->f.can_read(f->f.arg) : QUEUE, at = f->tail % QUEUE;
			if (!room)
				break;
			unsigned n = f->head - f->tail;
			n = n > QUEUE - at ? QUEUE - at : n;
			n = n > room ? room : n;
			f->tail += n;
			if (f->f.read)
				f->f.read(f->f.arg, f->queue + at, n);
		}
	}
}

static unsigned base_can_read(void *arg)
{
	struct chr_mux *x = arg;

	return x->focus < 0 ? 0 : QUEUE - (x->fronts[x->focus].head - x->fronts[x->focus].tail);
}

static void base_read(void *arg, const uint8_t *buf, unsigned len)
{
	struct chr_mux *x = arg;

	for (unsigned i = 0; i < len; i++) {
		bool was_escaped = x->escaped;
		x->escaped = false;
		if (was_escaped && buf[i] != escape_char(x)) {
			pump(x);                /* what was typed before the order */
			order(x, buf[i]);
		} else if (!was_escaped && buf[i] == escape_char(x)) {
			x->escaped = true;
		} else if (x->focus >= 0) {
			struct front *f = &x->fronts[x->focus];
			if (f->head - f->tail < QUEUE)
				f->queue[f->head++ % QUEUE] = buf[i];
		}
	}
	pump(x);
}

static void base_event(void *arg, enum chr_event ev)
{
	struct chr_mux *x = arg;

	x->c->opened = x->base->opened;
	for (unsigned i = 0; i < MAX_FRONTS; i++) {
		struct front *f = &x->fronts[i];
		if (ev == CHR_OPENED)
			f->opened = true;
		event(f, ev);
	}
	tell_focus(x);
}

static void mux_work(struct chardev *c)
{
	struct chr_mux *x = c->priv;

	for (unsigned i = 0; i < MAX_FRONTS; i++) {
		struct front *f = &x->fronts[i];
		if (f->used && !f->opened && x->base->opened && !x->base->announce) {
			f->opened = true;
			event(f, CHR_OPENED);
		}
	}
	tell_focus(x);
	pump(x);
	chardev_accept_input(x->base, x);       /* the queue may have room again */
}

/* ---- life ------------------------------------------------------------------------------------------------------------------------ */

static void mux_close(struct chardev *c)
{
	struct chr_mux *x = c->priv;

	if (!x)
		return;
	x->base->mux_base_of = NULL;
	release_lines(x);
	chardev_detach(x->base, x);
	text_free(&x->own);
	free(x);
	c->priv = NULL;
	c->mux = NULL;
}

static const struct chardev_kind chardev_mux = { .name = "mux", .close = mux_close, .work = mux_work };

struct chardev *chr_mux_new(struct machine *m, const char *label, struct chardev *base, struct error *err)
{
	struct chr_mux *x = calloc(1, sizeof(*x));
	struct chardev *c = calloc(1, sizeof(*c));

	if (!x || !c || !(c->label = strdup(label)))
		abort();
	x->c = c;
	x->base = base;
	x->focus = x->told = -1;
	x->first_stamp = -1;
	*c = (struct chardev){ .kind = &chardev_mux, .machine = m, .label = c->label, .log_fd = -1, .priv = x, .mux = x, .opened = base->opened };
	chr_filename(c, "mux");
	const struct chr_front f = { .can_read = base_can_read, .read = base_read, .can_write = base_can_write, .event = base_event, .arg = x };
	if (!chardev_attach(base, &f, err)) {
		free(c->label);
		free(c->filename);
		free(c);
		free(x);
		return NULL;
	}
	base->mux_base_of = c;
	chr_enlist(m, c);
	return c;
}

bool chr_mux_attach(struct chr_mux *x, const struct chr_front *f, struct error *err)
{
	for (int i = 0; i < MAX_FRONTS; i++)
		if (!x->fronts[i].used) {
			struct front *n = &x->fronts[i];
			n->f = *f;
			n->used = true;
			n->opened = n->wants = false;
			n->head = n->tail = 0;
			x->focus = i;
			chr_post(x->c);
			return true;
		}
	return error_set(err, "Device '%s' is in use", x->c->label);
}

void chr_mux_detach(struct chr_mux *x, void *arg)
{
	struct front *f = find_front(x, arg);

	if (!f)
		return;
	f->used = false;
	text_free(&f->line);
	int n = (int)(f - x->fronts);
	if (x->told == n)
		x->told = -1;
	if (x->focus != n)
		return;
	x->focus = -1;
	for (int i = 0; i < MAX_FRONTS; i++)
		if (x->fronts[i].used)
			x->focus = i;
	chr_post(x->c);
}

void chr_mux_accept_input(struct chr_mux *x, void *arg)
{
	struct front *f = find_front(x, arg);

	if (f && f->head != f->tail)
		chr_post(x->c);
}

struct chardev *chr_mux_base(struct chr_mux *x) { return x->base; }

bool chr_mux_in_use(const struct chr_mux *x)
{
	for (unsigned i = 0; i < MAX_FRONTS; i++)
		if (x->fronts[i].used)
			return true;
	return false;
}
