/* fake_vm.c - a machine of cardboard behind core/vm.h: the workstation is tested on it without firmware, CPU or devices.
 *
 * A test drives it over the socket whose number is in $FAKE_VM_FD, a line a request; each is answered by one line, after its effect:
 *   print N TEXT         console N (from 1) prints; \n \r \e \\ \xHH; waits while the console's ring is full, as a guest would
 *   flood N COUNT        the same with COUNT numbered lines
 *   text COLS ROWS       a text screen of blanks       put X Y ATTR TEXT      all    every character and attribute
 *   picture W H R G B    a graphics mode: a gradient of two colours, with a corner of that colour
 *   scroll N             a full screen of text goes up by N lines, "VGA line I", one every 2 ms
 *   cursor X Y ON START END      blink 0|1      graphics W H      blank      font
 *   typed N              bytes typed into console N so far: count and FNV-1a hash; `show N` gives them in hex and forgets them
 *   keys                 key events so far, "1e+ 1e- ...", then forgets them
 *   calls                requests of the front end so far, then forgets them
 *   state running|paused    busy 0|1    leds N    end STATUS    say TEXT (to stderr)    add LABEL / remove (a text console)
 *   icount N                             so many instructions were done so far
 *   snapshot hold | go | fail TEXT       snapshots take until "go"; fail, the next one with that text; else they are done at once
 *   guest MS             the guest's clock stands there
 *   pid                  of the machine's process
 *   counter              something that grows while the machine lives, whatever its terminal does */
#include "core/machine/history.h"
#include "core/vm.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { RING = 64 << 10, TYPED = 1 << 20, KEY_ROOM = 16, KEYS = 400000, CONSOLES = 8 };

struct console {
	struct vm_console info;
	uint8_t ring[RING];
	size_t head, tail;
	uint8_t *typed;
	size_t n_typed;
	unsigned type_room;             /* bytes it takes until the next tick */
};
struct vm {
	pthread_mutex_t lock;
	pthread_cond_t room;
	pthread_t control, ticker;
	int event_fd, control_fd;
	_Atomic bool woken;
	bool wants_ui, busy, dirty, ended, stopping;
	uint64_t busy_ns;
	int status;
	unsigned char echr;
	const char *keymap;
	struct console con[CONSOLES];
	unsigned n_con;
	struct screen screen;
	struct text_history *history;
	struct vm_status st;
	uint16_t *keys;
	size_t n_keys;
	unsigned key_room;
	char calls[4096];
	bool snap_hold;
	char snap_fail[200];
	struct vm_snapshot_state snap;
	uint64_t counter;
};

/* Once until it is acknowledged, as core/vm.c does. */
static void wake(struct vm *vm)
{
	uint64_t one = 1;
	if (atomic_exchange(&vm->woken, true))
		return;
	if (write(vm->event_fd, &one, sizeof one) < 0)
		return;
}

static void call(struct vm *vm, const char *what)
{
	pthread_mutex_lock(&vm->lock);
	size_t n = strlen(vm->calls);
	snprintf(vm->calls + n, sizeof vm->calls - n, "%s%s", n ? ", " : "", what);
	pthread_mutex_unlock(&vm->lock);
}

/* ---- the test's side -------------------------------------------------------------------------------------------------------------- */

static size_t unescape(const char *s, uint8_t *out)
{
	size_t n = 0;
	for (; *s; s++) {
		if (*s != '\\' || !s[1]) {
			out[n++] = (uint8_t)*s;
			continue;
		}
		s++;
		if (*s == 'x' && s[1] && s[2]) {
			char hex[3] = { s[1], s[2], 0 };
			out[n++] = (uint8_t)strtoul(hex, NULL, 16);
			s += 2;
		} else {
			out[n++] = *s == 'n' ? '\n' : *s == 'r' ? '\r' : *s == 'e' ? 0x1b : *s == 't' ? '\t' : (uint8_t)*s;
		}
	}
	return n;
}

static void print_bytes(struct vm *vm, unsigned n, const uint8_t *bytes, size_t len)
{
	struct console *c = &vm->con[n];
	while (len && n < vm->n_con) {
		size_t at = c->head % RING, room = RING - (c->head - c->tail), k = len < room ? len : room;
		if (k > RING - at)
			k = RING - at;
		if (!k && vm->stopping)
			return;
		if (!k) {
			wake(vm);
			pthread_cond_wait(&vm->room, &vm->lock);
			continue;
		}
		memcpy(c->ring + at, bytes, k);
		c->head += k;
		bytes += k;
		len -= k;
	}
	wake(vm);
}

static void put_text(struct vm *vm, unsigned x, unsigned y, unsigned attr, const char *s)
{
	for (; *s && x < vm->screen.cols && y < vm->screen.rows; s++, x++)
		vm->screen.cells[y * vm->screen.cols + x] = (struct text_cell){ (uint8_t)*s, (uint8_t)attr };
}

static void set_text(struct vm *vm, unsigned cols, unsigned rows)
{
	struct screen *s = &vm->screen;
	if (s->kind == SCREEN_TEXT && s->cells)
		text_history_look(vm->history, s->cells, s->cols, s->rows);
	free(s->cells);
	s->cells = calloc((size_t)cols * rows, sizeof *s->cells);
	if (!s->cells)
		abort();
	s->kind = SCREEN_TEXT;
	s->cap = cols * rows;
	s->cols = cols;
	s->rows = rows;
	for (unsigned i = 0; i < s->cap; i++)
		s->cells[i] = (struct text_cell){ ' ', 7 };
}

static void scroll_lines(struct vm *vm, unsigned n)
{
	struct screen *s = &vm->screen;
	char text[40];
	size_t size = (size_t)s->cols * s->rows * sizeof *s->cells;
	struct text_cell *before = malloc(size);
	if (!before)
		abort();
	for (unsigned i = 1; i <= n; i++) {
		memcpy(before, s->cells, size);
		memmove(s->cells, s->cells + s->cols, (size_t)s->cols * (s->rows - 1) * sizeof *s->cells);
		for (unsigned x = 0; x < s->cols; x++)
			s->cells[(s->rows - 1) * s->cols + x] = (struct text_cell){ ' ', 7 };
		text_history_forward(vm->history, before, s->cells, s->cols, s->rows, 1);
		snprintf(text, sizeof text, "VGA line %u", i);
		put_text(vm, 0, s->rows - 1, 7, text);
		vm->dirty = true;
		wake(vm);
		pthread_mutex_unlock(&vm->lock);
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
		pthread_mutex_lock(&vm->lock);
	}
	free(before);
}

/* Characters in rows 0..7 (32 each), attributes in rows 8..15. */
static void show_all(struct vm *vm)
{
	unsigned cols = vm->screen.cols;
	for (unsigned i = 0; i < 256 && cols >= 32 && vm->screen.rows >= 16; i++) {
		vm->screen.cells[i / 32 * cols + i % 32] = (struct text_cell){ (uint8_t)i, 7 };
		vm->screen.cells[(8 + i / 32) * cols + i % 32] = (struct text_cell){ 'A', (uint8_t)i };
	}
}

static void answer_typed(struct vm *vm, unsigned n, bool show, char *out, size_t size)
{
	struct console *c = &vm->con[n];
	uint64_t hash = 0xcbf29ce484222325u;
	for (size_t i = 0; i < c->n_typed; i++)
		hash = (hash ^ c->typed[i]) * 0x100000001b3u;
	size_t at = (size_t)snprintf(out, size, show ? "" : "%zu %016llx", c->n_typed, (unsigned long long)hash);
	for (size_t i = 0; show && i < c->n_typed && at + 4 < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%02x", i ? " " : "", c->typed[i]);
	if (show)
		c->n_typed = 0;
}

static void answer_keys(struct vm *vm, char *out, size_t size)
{
	size_t at = 0;
	out[0] = 0;
	for (size_t i = 0; i < vm->n_keys && at + 8 < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%02x%c", i ? " " : "", vm->keys[i] & 0xff, vm->keys[i] >> 8 ? '+' : '-');
	vm->n_keys = 0;
}

static void set_picture(struct vm *vm, unsigned w, unsigned h, uint32_t corner)
{
	struct screen *s = &vm->screen;
	free(s->pixels);
	if (!(s->pixels = malloc((size_t)w * h * sizeof *s->pixels)))
		abort();
	for (unsigned i = 0; i < w * h; i++)
		s->pixels[i] = i % w < w / 4 && i / w < h / 4 ? corner : i % w * 16 / w << 20 | i / w * 16 / h << 4;
	s->kind = SCREEN_GRAPHICS;
	s->width = w;
	s->height = h;
}

static void screen_request(struct vm *vm, const char *verb, const char *args)
{
	struct screen *s = &vm->screen;
	unsigned a = 0, b = 0, c = 0, d = 0, e = 0;
	int used = 0;
	uint8_t text[1024];
	sscanf(args, "%u %u %u %u %u", &a, &b, &c, &d, &e);
	if (!strcmp(verb, "text")) {
		set_text(vm, a, b);
	} else if (!strcmp(verb, "put") && sscanf(args, "%u %u %x %n", &a, &b, &c, &used) >= 3) {
		text[unescape(args + used, text)] = 0;
		put_text(vm, a, b, c, (const char *)text);
	} else if (!strcmp(verb, "scroll")) {
		scroll_lines(vm, a);
	} else if (!strcmp(verb, "all")) {
		show_all(vm);
	} else if (!strcmp(verb, "cursor")) {
		s->cursor_x = a;
		s->cursor_y = b;
		s->cursor_on = c;
		s->cursor_start = d;
		s->cursor_end = e;
	} else if (!strcmp(verb, "blink")) {
		s->blink = a;
	} else if (!strcmp(verb, "picture")) {
		set_picture(vm, a, b, c << 16 | d << 8 | e);
	} else if (!strcmp(verb, "graphics")) {
		s->kind = SCREEN_GRAPHICS;
		s->width = a;
		s->height = b;
	} else if (!strcmp(verb, "font")) {
		for (unsigned i = 0; i < 256; i++)
			memset(s->font[i], (int)(i | 0x81), 32);        /* nothing anyone knows */
		memset(s->font['x'], 0xff, 32);                         /* a full block */
		memset(s->font[0x80], 0, 32);                           /* a blank */
		s->font_loaded = true;
	} else if (!strcmp(verb, "blank")) {
		s->kind = SCREEN_BLANK;
	}
	vm->dirty = true;
	wake(vm);
}

static void console_request(struct vm *vm, const char *verb, const char *args, char *out, size_t size)
{
	static const char text[] = "line %u of the flood, and some words to fill it up\r\n";
	unsigned n = 0, count = 0;
	int used = 0;
	uint8_t bytes[8192];
	sscanf(args, "%u %n%u", &n, &used, &count);
	if (n < 1 || n > vm->n_con) {
		snprintf(out, size, "no such console");
		return;
	}
	if (!strcmp(verb, "print"))
		print_bytes(vm, n - 1, bytes, unescape(args + used, bytes));
	else if (!strcmp(verb, "typed") || !strcmp(verb, "show"))
		answer_typed(vm, n - 1, verb[0] == 's', out, size);
	for (unsigned i = 1; !strcmp(verb, "flood") && i <= count; i++)
		print_bytes(vm, n - 1, bytes, (size_t)snprintf((char *)bytes, sizeof bytes, text, i));
}

static void machine_request(struct vm *vm, const char *verb, const char *args, char *out, size_t size)
{
	if (!strcmp(verb, "state")) {
		vm->st.run = !strcmp(args, "running") ? VM_RUNNING : VM_PAUSED;
		vm->st.run_text = vm->st.run == VM_RUNNING ? "running" : "paused";
	} else if (!strcmp(verb, "busy")) {
		vm->busy = atoi(args);
	} else if (!strcmp(verb, "leds")) {
		vm->st.leds = (unsigned)atoi(args);
	} else if (!strcmp(verb, "end")) {
		vm->status = atoi(args);
		vm->ended = true;
	} else if (!strcmp(verb, "say")) {
		fprintf(stderr, "%s\n", args);
	} else if (!strcmp(verb, "add") && vm->n_con < CONSOLES) {
		struct console *c = &vm->con[vm->n_con++];
		c->info = (struct vm_console){ .kind = VM_CONSOLE_TEXT };
		snprintf(c->info.label, sizeof c->info.label, "%s", args);
	} else if (!strcmp(verb, "remove") && vm->n_con > 1) {
		vm->n_con--;
	} else if (!strcmp(verb, "guest")) {
		vm->st.virtual_ns = strtoull(args, NULL, 10) * 1000000;
	} else if (!strcmp(verb, "engine")) {           /* engine kvm WHY: counts nothing */
		vm->st.accel = !strncmp(args, "kvm", 3) ? "kvm" : "jit";
		vm->st.uncounted = !strncmp(args, "kvm", 3);
		snprintf(vm->st.accel_why, sizeof vm->st.accel_why, "%s", args + strcspn(args, " ") + (strchr(args, ' ') != NULL));
	} else if (!strcmp(verb, "icount")) {
		vm->st.icount = strtoull(args, NULL, 10);
	} else if (!strcmp(verb, "snapshot")) {
		vm->snap_hold = !strcmp(args, "hold");
		if (!strncmp(args, "fail ", 5))
			snprintf(vm->snap_fail, sizeof vm->snap_fail, "%s", args + 5);
		if (!strcmp(args, "go") && vm->snap.busy) {
			vm->snap.busy = false;
			vm->snap.done = true;
		}
	} else if (!strcmp(verb, "pid")) {
		snprintf(out, size, "%ld", (long)getpid());
	} else if (!strcmp(verb, "counter")) {
		snprintf(out, size, "%llu", (unsigned long long)vm->counter);
	} else if (!strcmp(verb, "keys")) {
		answer_keys(vm, out, size);
	} else if (!strcmp(verb, "calls")) {
		snprintf(out, size, "%s", vm->calls);
		vm->calls[0] = 0;
	}
	wake(vm);
}

static void request(struct vm *vm, char *line, char *out, size_t size)
{
	static const char *const screens[] = { "text", "put", "all", "scroll", "cursor", "blink", "graphics", "picture", "blank", "font" };
	static const char *const consoles[] = { "print", "flood", "typed", "show" };
	char *args = strchrnul(line, ' ');
	if (*args)
		*args++ = 0;
	snprintf(out, size, "ok");
	for (unsigned i = 0; i < sizeof screens / sizeof *screens; i++)
		if (!strcmp(line, screens[i])) {
			screen_request(vm, line, args);
			return;
		}
	for (unsigned i = 0; i < sizeof consoles / sizeof *consoles; i++)
		if (!strcmp(line, consoles[i])) {
			console_request(vm, line, args, out, size);
			return;
		}
	machine_request(vm, line, args, out, size);
}

static void *control_main(void *arg)
{
	struct vm *vm = arg;
	char *line = NULL;
	size_t cap = 0;
	static const size_t answer_size = 1 << 20;
	char *out = malloc(answer_size);
	FILE *f = fdopen(vm->control_fd, "r");
	while (f && out && getline(&line, &cap, f) > 0) {
		line[strcspn(line, "\n")] = 0;
		pthread_mutex_lock(&vm->lock);
		request(vm, line, out, answer_size - 1);
		pthread_mutex_unlock(&vm->lock);
		strcat(out, "\n");
		for (size_t n = strlen(out), at = 0; at < n; ) {
			ssize_t w = send(vm->control_fd, out + at, n - at, MSG_NOSIGNAL);
			if (w <= 0)
				break;
			at += (size_t)w;
		}
	}
	free(line);
	free(out);
	if (f)
		fclose(f);
	pthread_mutex_lock(&vm->lock);
	vm->ended = true;                       /* the test is over, or dead */
	wake(vm);
	pthread_mutex_unlock(&vm->lock);
	return NULL;
}

/* The devices' pace: every 2 ms room for some keys and typed bytes. */
static void *ticker_main(void *arg)
{
	struct vm *vm = arg;
	for (bool stop = false; !stop; ) {
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
		pthread_mutex_lock(&vm->lock);
		vm->counter++;
		vm->key_room = KEY_ROOM;
		for (unsigned i = 0; i < CONSOLES; i++)
			vm->con[i].type_room = 64;
		if (vm->busy) {
			vm->st.icount += 200000;
			vm->busy_ns += 1000000;
		}
		stop = vm->stopping;
		pthread_mutex_unlock(&vm->lock);
	}
	return NULL;
}

/* ---- core/vm.h -------------------------------------------------------------------------------------------------------------------- */

static void free_all(struct vm *vm)
{
	for (unsigned i = 0; i < CONSOLES; i++)
		free(vm->con[i].typed);
	free(vm->screen.cells);
	free(vm->screen.pixels);
	text_history_free(vm->history);
	free(vm->keys);
	close(vm->event_fd);
	free(vm);
}

struct vm *vm_create(int argc, char **argv, int *status, struct error *err)
{
	static const char *const labels[] = { "VGA", "compat_monitor0", "serial0", "parallel0" };
	struct vm *vm = calloc(1, sizeof *vm);
	const char *fd = getenv("FAKE_VM_FD");
	if (!vm || !(vm->keys = malloc(KEYS * sizeof *vm->keys)))
		abort();
	*status = 1;
	pthread_mutex_init(&vm->lock, NULL);
	pthread_cond_init(&vm->room, NULL);
	vm->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	vm->control_fd = fd ? atoi(fd) : -1;
	vm->wants_ui = true;
	vm->echr = 1;
	vm->st = (struct vm_status){ .run = VM_PRELAUNCH, .run_text = "paused (prelaunch)", .accel = "jit", .cpu_mode = "real" };
	for (int i = 1; i < argc; i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : "";
		if (!strcmp(argv[i], "-fail")) {
			error_set(err, "-fail: as you wish");
			free_all(vm);
			return NULL;
		}
		if (!strcmp(argv[i], "-nographic"))
			vm->wants_ui = false;
		if (!strcmp(argv[i], "-k"))
			vm->keymap = next;
		if (!strcmp(argv[i], "-echr"))
			vm->echr = (unsigned char)atoi(next);
		if (!strcmp(argv[i], "-name"))
			snprintf(vm->st.name, sizeof vm->st.name, "%s", next);
	}
	for (unsigned i = 0; i < 4; i++) {
		struct console *c = &vm->con[vm->n_con++];
		c->info = (struct vm_console){ .kind = i ? VM_CONSOLE_TEXT : VM_CONSOLE_VGA, .is_monitor = i == 1 };
		snprintf(c->info.label, sizeof c->info.label, "%s", labels[i]);
	}
	for (unsigned i = 0; i < CONSOLES; i++)
		if (!(vm->con[i].typed = malloc(TYPED)))
			abort();
	for (unsigned i = 0; i < 16; i++) {
		unsigned l = i & 8 ? 0x55 : 0;
		vm->screen.palette[i] = (l + (i & 4 ? 0xaa : 0)) << 16 | (l + (i & 2 ? i == 6 ? 0x55 : 0xaa : 0)) << 8 | (l + (i & 1 ? 0xaa : 0));
	}
	vm->screen.glyph_height = 16;
	vm->screen.blink = true;
	vm->history = text_history_new();
	set_text(vm, 80, 25);
	put_text(vm, 0, 0, 7, "fake VGA ready");
	vm->dirty = true;
	*status = 0;
	return vm;
}

void vm_report(int argc, char **argv, const char *text) { fprintf(stderr, "vmux: %s\n", text); }

bool vm_start(struct vm *vm, struct error *err)
{
	vm->st.run = VM_RUNNING;
	vm->st.run_text = "running";
	pthread_create(&vm->ticker, NULL, ticker_main, vm);
	if (vm->control_fd >= 0)
		pthread_create(&vm->control, NULL, control_main, vm);
	wake(vm);
	return true;
}

int vm_destroy(struct vm *vm)
{
	pthread_mutex_lock(&vm->lock);
	bool started = vm->st.run != VM_PRELAUNCH;
	vm->stopping = true;
	pthread_cond_broadcast(&vm->room);
	pthread_mutex_unlock(&vm->lock);
	int status = vm->status;
	if (started)
		pthread_join(vm->ticker, NULL);
	if (started && vm->control_fd >= 0) {
		shutdown(vm->control_fd, SHUT_RDWR);    /* wakes the control thread from its read() */
		pthread_join(vm->control, NULL);
	}
	free_all(vm);
	return status;
}

bool vm_wants_ui(const struct vm *vm) { return vm->wants_ui; }
bool vm_has_stdio(const struct vm *vm) { return false; }
const char *vm_keymap(const struct vm *vm) { return vm->keymap; }
unsigned char vm_escape_char(const struct vm *vm) { return vm->echr; }

const char *vm_data_file(const struct vm *vm, const char *kind, const char *name, char *buf, size_t size)
{
	const char *dir = getenv("FAKE_VM_DATA");
	if (strchr(name, '/'))
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "%s/%s/%s", dir ? dir : ".", kind, name);
	return access(buf, R_OK) ? NULL : buf;
}

int vm_event_fd(struct vm *vm) { return vm->event_fd; }

void vm_event_ack(struct vm *vm)
{
	uint64_t v;
	if (read(vm->event_fd, &v, sizeof v) < 0)
		v = 0;
	vm->woken = false;                      /* whoever found it set has put its news in place by now */
}

uint64_t vm_busy_ns(struct vm *vm)
{
	pthread_mutex_lock(&vm->lock);
	uint64_t ns = vm->busy_ns;
	pthread_mutex_unlock(&vm->lock);
	return ns;
}

void vm_get_status(struct vm *vm, struct vm_status *st)
{
	pthread_mutex_lock(&vm->lock);
	*st = vm->st;
	pthread_mutex_unlock(&vm->lock);
}

bool vm_ended(struct vm *vm, int *status)
{
	pthread_mutex_lock(&vm->lock);
	bool ended = vm->ended;
	*status = vm->status;
	pthread_mutex_unlock(&vm->lock);
	return ended;
}

unsigned vm_console_count(struct vm *vm)
{
	pthread_mutex_lock(&vm->lock);
	unsigned n = vm->n_con;
	pthread_mutex_unlock(&vm->lock);
	return n;
}

bool vm_console_info(struct vm *vm, unsigned index, struct vm_console *out)
{
	pthread_mutex_lock(&vm->lock);
	bool ok = index < vm->n_con;
	if (ok)
		*out = vm->con[index].info;
	pthread_mutex_unlock(&vm->lock);
	return ok;
}

size_t vm_console_read(struct vm *vm, unsigned index, uint8_t *buf, size_t len)
{
	struct console *c = &vm->con[index];
	size_t n = 0;
	pthread_mutex_lock(&vm->lock);
	while (n < len && c->tail < c->head) {
		size_t at = c->tail % RING, k = c->head - c->tail < len - n ? c->head - c->tail : len - n;
		if (k > RING - at)
			k = RING - at;
		memcpy(buf + n, c->ring + at, k);
		c->tail += k;
		n += k;
	}
	pthread_cond_broadcast(&vm->room);
	pthread_mutex_unlock(&vm->lock);
	return n;
}

size_t vm_console_write(struct vm *vm, unsigned index, const uint8_t *buf, size_t len)
{
	struct console *c = &vm->con[index];
	pthread_mutex_lock(&vm->lock);
	size_t n = len < c->type_room ? len : c->type_room;
	if (n > TYPED - c->n_typed)
		n = TYPED - c->n_typed;
	memcpy(c->typed + c->n_typed, buf, n);
	c->n_typed += n;
	c->type_room -= (unsigned)n;
	pthread_mutex_unlock(&vm->lock);
	return n;
}

void vm_console_resize(struct vm *vm, unsigned index, unsigned cols, unsigned rows) { }
void vm_terminal_resized(struct vm *vm) { }

void vm_console_break(struct vm *vm, unsigned index)
{
	char text[32];
	snprintf(text, sizeof text, "break %u", index + 1);
	call(vm, text);
}

bool vm_screen(struct vm *vm, struct screen *s, bool force)
{
	pthread_mutex_lock(&vm->lock);
	bool ok = vm->dirty || force;
	if (ok) {
		struct text_cell *cells = s->cells;
		unsigned cap = s->cap, need = vm->screen.cols * vm->screen.rows;
		if (cap < need) {
			cells = realloc(cells, need * sizeof *cells);
			if (!cells)
				abort();
			cap = need;
		}
		uint32_t *pixels = s->pixels;
		size_t points = vm->screen.pixels ? (size_t)vm->screen.width * vm->screen.height : 0;
		if (points && (!(pixels = realloc(pixels, points * sizeof *pixels))))
			abort();
		if (points)
			memcpy(pixels, vm->screen.pixels, points * sizeof *pixels);
		struct text_rows gone = s->gone;
		*s = vm->screen;
		s->gone = gone;
		s->want_gone = true;
		s->pixels = points && s->kind == SCREEN_GRAPHICS ? pixels : NULL;
		if (!s->pixels)
			free(pixels);
		s->cells = cells;
		s->cap = cap;
		memcpy(s->cells, vm->screen.cells, need * sizeof *cells);
		if (s->kind != SCREEN_BLANK)
			text_history_look(vm->history, s->kind == SCREEN_TEXT ? s->cells : NULL, s->cols, s->rows);
		text_history_take(vm->history, &s->gone);
		vm->dirty = false;
	}
	pthread_mutex_unlock(&vm->lock);
	return ok;
}

bool vm_key(struct vm *vm, uint8_t qnum, bool down)
{
	pthread_mutex_lock(&vm->lock);
	bool ok = vm->key_room && vm->n_keys < KEYS;
	if (ok) {
		vm->key_room--;
		vm->keys[vm->n_keys++] = (uint16_t)(qnum | down << 8);
	}
	pthread_mutex_unlock(&vm->lock);
	return ok;
}

unsigned vm_key_room(struct vm *vm)
{
	pthread_mutex_lock(&vm->lock);
	unsigned n = vm->key_room;
	pthread_mutex_unlock(&vm->lock);
	return n;
}

int vm_key_by_name(const char *name)
{
	static const struct { const char *name; int qnum; } names[] = {
		{ "ctrl", 0x1d }, { "alt", 0x38 }, { "shift", 0x2a }, { "delete", 0xd3 }, { "f1", 0x3b }, { "sysrq", 0x54 }, { "h", 0x23 }, { "spc", 0x39 },
	};
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(names[i].name, name))
			return names[i].qnum;
	return -1;
}

void vm_mouse(struct vm *vm, int dx, int dy, int dz, unsigned buttons)
{
	char text[64];
	snprintf(text, sizeof text, "mouse %d %d %d %u", dx, dy, dz, buttons);
	call(vm, text);
}

static void set_run(struct vm *vm, enum vm_run run, const char *text, const char *name)
{
	call(vm, name);
	pthread_mutex_lock(&vm->lock);
	vm->st.run = run;
	vm->st.run_text = text;
	pthread_mutex_unlock(&vm->lock);
	wake(vm);
}

void vm_cont(struct vm *vm) { set_run(vm, VM_RUNNING, "running", "cont"); }
void vm_stop(struct vm *vm) { set_run(vm, VM_PAUSED, "paused", "stop"); }
void vm_reset(struct vm *vm) { call(vm, "reset"); }
void vm_powerdown(struct vm *vm) { call(vm, "powerdown"); }
void vm_quit(struct vm *vm) { call(vm, "quit"); }

void vm_monitor(struct vm *vm, const char *line, struct text *out)
{
	char text[128];
	snprintf(text, sizeof text, "monitor %s", line);
	call(vm, text);
	if (!strcmp(line, "info version"))
		text_printf(out, "7.2.0\r\n");
	if (!strcmp(line, "help"))
		for (unsigned i = 1; i <= 60; i++)
			text_printf(out, "command %u -- does thing %u\r\n", i, i);
}

bool vm_snapshot(struct vm *vm, enum vm_snapshot_op op, const char *tag, struct error *err)
{
	static const char *const words[] = { "savevm", "loadvm", "delvm" };
	char line[VM_SNAPSHOT_TAG + 20];
	pthread_mutex_lock(&vm->lock);
	bool busy = vm->snap.busy;
	if (!busy) {
		vm->snap = (struct vm_snapshot_state){ .busy = vm->snap_hold, .done = !vm->snap_hold, .failed = vm->snap_fail[0], .op = op, .percent = 42 };
		snprintf(vm->snap.tag, sizeof vm->snap.tag, "%s", *tag ? tag : "vm-20260203040506");
		snprintf(vm->snap.err.msg, sizeof vm->snap.err.msg, "%s", vm->snap_fail);
		vm->snap_fail[0] = 0;
	}
	pthread_mutex_unlock(&vm->lock);
	if (busy)
		return error_set(err, "another snapshot is being taken or put back");
	snprintf(line, sizeof line, "%s %s", words[op], *tag ? tag : "(any)");
	call(vm, line);
	wake(vm);
	return true;
}

bool vm_snapshot_state(struct vm *vm, struct vm_snapshot_state *out)
{
	pthread_mutex_lock(&vm->lock);
	*out = vm->snap;
	vm->snap.done = false;
	pthread_mutex_unlock(&vm->lock);
	return out->busy || out->done;
}

unsigned vm_snapshots(struct vm *vm, struct vm_snapshot_info *out, unsigned most)
{
	static const struct vm_snapshot_info here[] = { { "before the update", 300 << 20, 1770000000, 93784005000000 }, { "first", 80 << 20, 1760000000, 45970000000 } };
	unsigned n = sizeof here / sizeof *here;
	memcpy(out, here, (n < most ? n : most) * sizeof *here);
	return n < most ? n : most;
}

void vm_monitor_complete(struct vm *vm, const char *line, struct text *out)
{
	static const char *const words[] = { "info", "info status", "info version", "stop" };
	for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
		if (!strncmp(words[i], line, strlen(line)))
			text_printf(out, "%s\n", strrchr(words[i], ' ') ? strrchr(words[i], ' ') + 1 : words[i]);
}

const char *vm_version(void) { return "0-fake"; }
