/* client.c - see client.h. */
#include "tui/client.h"
#include "tui/app.h"
#include "tui/linear.h"
#include "tui/requests.h"
#include "tui/wire.h"
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <signal.h>
#include <stddef.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_COLS = 1000, MAX_ROWS = 500 };

struct client *client_new(struct app *a, int sock)
{
	struct client *c = calloc(1, sizeof *c);
	if (!c)
		abort();
	c->app = a;
	c->sock = sock;
	c->tty.fd = -1;
	fcntl(sock, F_SETFL, fcntl(sock, F_GETFL) | O_NONBLOCK);
	return c;
}

/* ---- messages --------------------------------------------------------------------------------------------------------------------- */

void client_flush(struct client *c)
{
	while (c->out.len) {
		struct wire_msg m;
		size_t n;
		memcpy(&n, fifo_head(&c->out), sizeof n);
		memcpy(&m, fifo_head(&c->out) + sizeof n, n);
		m.len = n - offsetof(struct wire_msg, data);
		if (!wire_send(c->sock, &m, -1)) {
			if (errno != EAGAIN && errno != ENOBUFS)
				c->dead = true;
			return;
		}
		fifo_take(&c->out, sizeof n + n);
	}
	if (c->closing)
		c->dead = true;
}

void client_send(struct client *c, const struct wire_msg *m)
{
	size_t n = offsetof(struct wire_msg, data) + m->len;
	if (c->dead)
		return;
	if (!fifo_put(&c->out, &n, sizeof n) || !fifo_put(&c->out, m, n))
		c->dead = true;                 /* takes nothing, asks for ever */
	else
		client_flush(c);
}

void client_done(struct client *c, int status, const char *fmt, ...)
{
	char text[2048];
	struct wire_msg m;
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	wire_make(&m, WIRE_DONE, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
	m.num[0] = status;
	c->closing = true;
	client_send(c, &m);
}

/* ---- the terminal ----------------------------------------------------------------------------------------------------------------- */

/* Lines end here and nothing else has to be put right. */
static const char *goodbye(const struct client *c)
{
	return c->linear ? "\r\n" : curses_goodbye(c->screen);
}

/* Is another terminal of this machine on the same line, or does its own program still hold it?  Only a dead client's terminal is ours to
 * put right, and only when its modes are still the ones it set: a shell may have been faster. */
static void put_right(struct client *c)
{
	struct termios now;
	const char *bye = goodbye(c);
	if (c->suspended || c->tty.gone || tcgetattr(c->tty.fd, &now) || now.c_lflag != c->ours.c_lflag || now.c_iflag != c->ours.c_iflag)
		return;
	if (!tty_flush(&c->tty)) {
		tcflush(c->tty.fd, TCOFLUSH);
		fifo_clear(&c->tty.out);
	}
	tty_put(&c->tty, bye, strlen(bye));
	tty_flush(&c->tty);
	tcsetattr(c->tty.fd, TCSANOW, &c->saved);
}

static void close_screen(struct client *c)
{
	if (!c->screen)
		return;
	curses_set_modes(c->screen, "", "");
	app_spare_screen(c->app, c->screen);
	c->screen = NULL;
	tty_close(&c->tty);
	app_resized(c->app);
}

void client_free(struct client *c)
{
	if (c->app->actor == c)
		c->app->actor = NULL;
	if (c->screen)
		put_right(c);
	close_screen(c);
	requests_stop_waiting(c);
	if (c->sock >= 0)
		close(c->sock);
	if (c->locale)
		freelocale(c->locale);
	linear_free(c->linear);
	fifo_free(&c->out);
	grid_free(&c->part);
	free(c);
}

void client_leave(struct client *c, int why)
{
	if (!c->screen)
		return;
	bool cut = !tty_flush(&c->tty);
	struct wire_msg m;
	const char *name = strrchr(c->app->socket_path, '/');
	wire_make(&m, WIRE_LEAVE, name ? name + 1 : "", name ? strlen(name + 1) - strlen(".sock") : 0);
	m.num[0] = why;
	m.num[1] = cut;
	close_screen(c);
	c->closing = why == LEAVE_DETACHED;
	client_send(c, &m);
}

static int usable_cols(int cols) { return cols < 1 ? 80 : cols > MAX_COLS ? MAX_COLS : cols; }
static int usable_rows(int rows) { return rows < 1 ? 24 : rows > MAX_ROWS ? MAX_ROWS : rows; }

static void set_size(struct client *c, int cols, int rows)
{
	c->cols = usable_cols(cols);
	c->rows = usable_rows(rows);
}

static bool has_size(const struct client *c, int cols, int rows)
{
	return c->cols == usable_cols(cols) && c->rows == usable_rows(rows);
}

static void on_key(void *arg, const struct key *k)
{
	struct client *c = arg;
	struct app *a = c->app;
	if (c->dead || c->closing || !c->screen)
		return;
	if (!c->read_only) {
		if (a->actor != c && a->mode == MODE_PREFIX)    /* someone else's prefix is not ours */
			a->mode = MODE_DIRECT;
		a->actor = c;
		struct key here = *k;
		if (k->sym == K_MOUSE) {
			here.mouse.x += c->part_x;
			here.mouse.y = k->mouse.y == c->rows - 1 ? a->grid.rows - 1 : k->mouse.y + c->part_y;
		}
		app_resized(a);
		app_key(a, &here);
	} else if (c->armed && k->sym == 'd') {
		client_leave(c, LEAVE_DETACHED);
	} else {
		c->armed = !c->armed && key_same(k, &a->prefix);
	}
}

static void on_answer(void *arg, enum keydec_answer answer)
{
	termmodes_answer(arg, answer);
}

static void on_attributes(void *arg, const unsigned *p, unsigned n)
{
	picture_answer(arg, p, n);
}

static bool open_screen(struct client *c, const struct wire_attach *w, struct error *err)
{
	const char *term = w->linear && (!*w->term || !strcmp(w->term, "dumb")) ? "xterm" : w->term;    /* keys may be anything then */
	struct curses_options o = { .term = term, .cols = c->cols, .rows = c->rows, .direct_colour = w->direct_colour, .no_colour = w->no_colour };
	c->locale = newlocale(LC_CTYPE_MASK, w->locale, (locale_t)0);
	if (!c->locale)
		c->locale = newlocale(LC_CTYPE_MASK, w->utf8 ? "C.UTF-8" : "C", (locale_t)0);
	uselocale(c->locale ? c->locale : LC_GLOBAL_LOCALE);
	c->utf8 = o.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	c->screen = app_take_screen(c->app, &o);
	bool used = c->screen;                  /* by another terminal: ncurses has sent to that one what comes first */
	if (used)
		curses_resize(c->screen, o.cols, o.rows);
	else
		c->screen = curses_open(&o, err);
	if (used && !w->linear && !c->app->linear)
		tty_put(&c->tty, curses_hello(c->screen), strlen(curses_hello(c->screen)));
	if (c->screen) {
		keydec_init(&c->decoder, on_key, c);
		c->decoder.attributes = on_attributes;
		c->decoder.answer = on_answer;
		c->decoder.utf8 = o.utf8;
		c->decoder.erase = w->erase == 8 ? 8 : 0x7f;
		c->decoder.esc_ms = c->app->esc_ms;
		curses_teach_keys(c->screen, &c->decoder);
	}
	uselocale(LC_GLOBAL_LOCALE);
	return c->screen != NULL;
}

static void attach(struct client *c, const struct wire_msg *m, int fd)
{
	struct wire_attach w;
	struct wire_msg welcome;
	struct error err = { "" };
	if (m->len != sizeof w || fd < 0 || c->screen || !isatty(fd)) {
		if (fd >= 0)
			close(fd);
		client_done(c, 1, "no terminal came along");
		return;
	}
	memcpy(&w, m->data, sizeof w);
	w.term[sizeof w.term - 1] = w.locale[sizeof w.locale - 1] = 0;
	set_size(c, w.cols, w.rows);
	memcpy(c->term, w.term, sizeof c->term);
	c->mux = (char)w.mux;
	c->read_only = w.read_only;
	c->saved = w.saved;
	c->ours = w.ours;
	tty_adopt(&c->tty, fd);
	if (strchr(w.term, '/') || strchr(w.locale, '/') || !open_screen(c, &w, &err)) {
		tty_close(&c->tty);
		client_done(c, 1, "%s", err.msg[0] ? err.msg : "a terminal or locale with such a name is not taken");
		return;
	}
	if (w.linear || c->app->linear)
		c->linear = linear_new();
	const char *bye = goodbye(c);
	wire_make(&welcome, WIRE_WELCOME, bye, strlen(bye));
	if (!wire_send(c->sock, &welcome, c->app->guard->log_fd))
		c->dead = true;
	if (!c->read_only)
		c->app->actor = c;
	termmodes_set(c);
	app_attached(c->app, c);
}

static void suspend(struct client *c)
{
	struct wire_msg m;
	c->suspended = true;
	if (!tty_flush(&c->tty))
		fifo_clear(&c->tty.out);
	wire_make(&m, WIRE_SUSPENDED, NULL, 0);
	client_send(c, &m);
}

void client_say_goodbye_is(struct client *c)
{
	struct wire_msg welcome;
	const char *bye = goodbye(c);
	wire_make(&welcome, WIRE_WELCOME, bye, strlen(bye));
	client_send(c, &welcome);
}

static void resume(struct client *c)
{
	const char *hello = c->linear ? "" : curses_hello(c->screen);
	c->suspended = c->picture.shown = false;
	tty_put(&c->tty, hello, strlen(hello));
	curses_forget(c->screen);
}

void client_linear(struct client *c, bool on)
{
	if (!c->screen || c->dead || on == (c->linear != NULL))
		return;
	if (on) {
		c->linear = linear_new();
		termmodes_set(c);
		if (!c->suspended)
			tty_put(&c->tty, curses_goodbye(c->screen), strlen(curses_goodbye(c->screen)));
	} else {
		linear_free(c->linear);
		c->linear = NULL;
		resume(c);
	}
	termmodes_set(c);
	client_say_goodbye_is(c);
	c->behind = c->app->dirty = true;
}

static void resize(struct client *c, int cols, int rows)
{
	set_size(c, cols, rows);
	curses_resize(c->screen, c->cols, c->rows);
	client_say_goodbye_is(c);              /* names the last line */
	c->behind = true;
	app_resized(c->app);
}

static void screen_message(struct client *c, const struct wire_msg *m)
{
	struct app *a = c->app;
	if (!c->screen)
		return;
	switch (m->type) {
	case WIRE_SIZE: resize(c, m->num[0], m->num[1]); break;
	case WIRE_SUSPEND: suspend(c); break;
	case WIRE_RESUME: resume(c); resize(c, m->num[0], m->num[1]); break;
	case WIRE_DETACH: client_leave(c, LEAVE_DETACHED); break;
	case WIRE_SIGNAL:
		if (c->read_only)
			break;
		a->quit = true;
		a->quit_signal = m->num[0] > 0 && m->num[0] < 32 ? m->num[0] : SIGTERM;
		a->quit_pid = m->num[1];
		break;
	default: break;
	}
}

void client_readable(struct client *c)
{
	struct wire_msg m;
	int fd, got = wire_recv(c->sock, &m, &fd);
	if (got < 0)
		c->dead = true;
	if (got <= 0)
		return;
	if (fd >= 0 && m.type != WIRE_ATTACH)
		close(fd);
	if (m.type == WIRE_ATTACH)
		attach(c, &m, fd);
	else if (m.type >= WIRE_LIST)
		requests_answer(c, &m);
	else
		screen_message(c, &m);
}

void client_tty_readable(struct client *c, int64_t now)
{
	uint8_t buf[4096];
	size_t n = tty_read(&c->tty, buf, sizeof buf);
	if (n) {
		/* The size comes by another way than keys, and may come later than what was typed after the terminal had changed. */
		int cols, rows;
		tty_size(&c->tty, &cols, &rows);
		if (!has_size(c, cols, rows))
			resize(c, cols, rows);
		uselocale(c->locale ? c->locale : LC_GLOBAL_LOCALE);
		keydec_feed(&c->decoder, buf, n, now);
		uselocale(LC_GLOBAL_LOCALE);
	}
	if (c->tty.gone)
		client_leave(c, LEAVE_DETACHED);        /* whoever gave it to us must not think that the machine ended */
}

/* ---- drawing ---------------------------------------------------------------------------------------------------------------------- */

bool client_ready(struct client *c)
{
	return c->screen && !c->suspended && !c->dead && tty_flush(&c->tty);
}

static int part_origin(int at, int have, int show)
{
	if (show >= have)
		return 0;
	int from = at - show / 2;
	return from < 0 ? 0 : from > have - show ? have - show : from;
}

/* A wide character that the edge cut in two becomes a blank. */
static void mend_edges(struct grid *p, int y)
{
	struct cell *first = grid_at(p, 0, y), *last = grid_at(p, p->cols - 1, y);
	if (first->ch == GRID_WIDE_TAIL)
		first->ch = ' ';
	if (char_width(last->ch) == 2)
		last->ch = ' ';
}

/* The workstation's grid as this terminal shows it: the status line, or a message, at the bottom, above it the part around the cursor. */
static const struct grid *fit(struct client *c)
{
	const struct grid *g = &c->app->grid;
	struct grid *p = &c->part;
	c->part_x = c->part_y = 0;
	if (g->cols == c->cols && g->rows == c->rows)
		return g;
	grid_resize(p, c->cols, c->rows);
	grid_fill(p, (struct rect){ 0, 0, c->cols, c->rows }, c->app->theme.role[ROLE_TEXT]);
	int cx = g->cursor_on ? g->cursor_x : 0, cy = g->cursor_on ? g->cursor_y : 0, foot = c->app->foot < c->rows ? c->app->foot : c->rows - (c->rows > 1);
	int x0 = part_origin(cx, g->cols, c->cols), body = c->rows - foot, above = g->rows - foot, y0 = part_origin(cy, above, body);
	c->part_x = x0;
	c->part_y = y0;
	int w = g->cols < c->cols ? g->cols : c->cols, h = above < body ? above : body;
	for (int y = 0; y < h + foot; y++) {
		int from = y < h ? y + y0 : above + y - h, to = y < h ? y : body + y - h;
		memcpy(grid_at(p, 0, to), grid_at(g, y < h ? x0 : 0, from), (size_t)w * sizeof(struct cell));
		if (w < c->cols)
			grid_fill(p, (struct rect){ w, to, c->cols - w, 1 }, c->app->theme.role[y < h ? ROLE_TEXT : ROLE_STATUS]);
		mend_edges(p, to);
	}
	bool on_status = g->cursor_y >= above;
	p->cursor_on = g->cursor_on && (!on_status || cx < w);
	p->cursor_x = on_status ? cx : cx - x0;
	p->cursor_y = on_status ? cy - above + body : cy - y0;
	p->cursor_blinks = g->cursor_blinks;
	p->cursor_shape = g->cursor_shape;
	return p;
}

static void draw_linear(struct client *c)
{
	struct text t = { 0 };
	linear_update(c->linear, c->app, !c->utf8, &t);
	if (t.len)
		tty_put(&c->tty, t.s, t.len);
	text_free(&t);
}

static void draw_screen(struct client *c)
{
	size_t len;
	uselocale(c->locale ? c->locale : LC_GLOBAL_LOCALE);
	const void *bytes = curses_frame(c->screen, picture_hide(c, fit(c)), &len);
	uselocale(LC_GLOBAL_LOCALE);
	if (len)
		tty_put(&c->tty, bytes, len);
	picture_put(c);
	termmodes_ask(c);
}

void client_draw(struct client *c)
{
	if (c->linear)
		draw_linear(c);
	else
		draw_screen(c);
	if (c->bell)
		tty_put(&c->tty, "\a", 1);
	c->bell = c->behind = false;
	tty_flush(&c->tty);
}
