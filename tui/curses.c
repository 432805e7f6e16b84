/* curses.c - the one file that draws with ncurses.
 *
 * Each changed row goes into stdscr; ncurses finds the shortest way there.  Colours become pairs, characters the terminal has not become
 * the VT100 line-drawing set or look-alikes in ASCII, one column for one column. */
#include "tui/curses.h"
#include "tui/colour.h"
#include "tui/cp437.h"
#include "tui/terminfo.h"
#include "tui/termlearn.h"
#include <curses.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <term.h>
#include <unistd.h>
#include <wchar.h>

enum { PAIR_SLOTS = 8192, PAIR_MOST = 6000 };
struct pair { int fg, bg, number; };
struct curses {
	SCREEN *screen;
	FILE *out, *in;                 /* the memory file; nothing */
	char *term;
	unsigned colours;
	bool utf8, direct_wish, no_colour_wish, forget, cursor_style_sent, caps_ok;
	struct grid shown;              /* what stdscr holds */
	char *frame;
	size_t frame_cap;
	char *cursor_style, *paste_on, *paste_off;      /* extended capabilities Ss, BE, BD */
	char goodbye[512], hello[128];
	struct termlearn keys;
	const char *modes_on, *modes_off;
	cchar_t *row;
	int row_cap;
	struct pair pairs[PAIR_SLOTS];
	unsigned n_pairs;
	bool pairs_full;                /* start over with the next frame, which then paints everything */
};

static char *copy_cap(const char *name)
{
	const char *s = tigetstr((char *)name);
	return s && s != (const char *)-1 ? strdup(s) : NULL;
}

/* What newterm() would not tell: extended capabilities, and how many colours there are. */
static bool read_caps(struct curses *c, const struct curses_options *o, struct terminfo_wish *w, struct error *err)
{
	int status, colours;
	if (setupterm((char *)o->term, STDIN_FILENO, &status) != OK)
		return error_set(err, "the terminal type \"%s\" is unknown here; set TERM to one that is, or use -display none or -nographic", o->term);
	c->caps_ok = true;
	const char *cup = tigetstr("cup");
	if (!cup || cup == (const char *)-1 || tigetflag("hc") > 0)
		return error_set(err, "the terminal type \"%s\" cannot place its cursor; use another, or -display none or -nographic", o->term);
	const char *setaf = tigetstr("setaf");
	colours = tigetnum("colors");
	bool ansi = setaf && setaf != (const char *)-1 && strstr(setaf, "\033[");
	w->direct = ansi && !o->no_colour && colours >= 8 && (o->direct_colour || tigetflag("RGB") > 0 || tigetnum("RGB") > 0 || tigetflag("Tc") > 0);
	w->mono = o->no_colour || colours < 8;
	c->colours = w->mono ? 0 : w->direct ? TERMINFO_PALETTE : colours >= 256 ? 256 : colours >= 16 ? 16 : 8;
	c->cursor_style = copy_cap("Ss");
	c->paste_on = copy_cap("BE");
	c->paste_off = copy_cap("BD");
	termlearn_read(&c->keys, o->term);
	return true;
}

static void add_cap(char *to, size_t size, const char *s)
{
	size_t at = strlen(to);
	if (!s || s == (const char *)-1)
		return;
	for (; *s && at + 1 < size; s++) {
		if (s[0] == '$' && s[1] == '<' && strchr(s, '>')) {     /* padding: for terminals on real wires; skipped */
			s = strchr(s, '>');
			continue;
		}
		to[at++] = *s;
	}
	to[at] = 0;
}

static void bye(struct curses *c, const char *s)
{
	add_cap(c->goodbye, sizeof c->goodbye, s);
}

static void make_goodbye(struct curses *c, int rows)
{
	const char *csr = tigetstr("csr"), *cup = tigetstr("cup"), *rmcup = tigetstr("rmcup");
	c->goodbye[0] = c->hello[0] = 0;
	add_cap(c->hello, sizeof c->hello, tigetstr("smcup"));
	add_cap(c->hello, sizeof c->hello, c->modes_on);
	bye(c, c->modes_off);
	bye(c, tigetstr("rmacs"));
	bye(c, tigetstr("sgr0"));
	bye(c, tigetstr("op"));
	if (csr && csr != (const char *)-1)
		bye(c, tiparm(csr, 0, rows - 1));
	bye(c, tigetstr("smam"));
	if (c->cursor_style)
		bye(c, tiparm(c->cursor_style, 0));
	bye(c, tigetstr("cnorm"));
	bye(c, c->paste_off);
	if (cup && cup != (const char *)-1)
		bye(c, tiparm(cup, rows - 1, 0));
	if (!rmcup || rmcup == (const char *)-1) {
		bye(c, tigetstr("el"));
		bye(c, "\r\n");
	}
	bye(c, rmcup);
}

/* newterm() with our own terminal description. */
static bool open_screen(struct curses *c, const char *entry, struct error *err)
{
	char *old = getenv("TERMINFO") ? strdup(getenv("TERMINFO")) : NULL;
	int fd = memfd_create("vmux-frame", MFD_CLOEXEC);
	c->out = fd >= 0 ? fdopen(fd, "w") : NULL;
	c->in = fopen("/dev/null", "re");
	if (!entry || !c->out || !c->in) {
		free(old);
		return error_set(err, "no memory for the screen");
	}
	use_env(FALSE);
	setenv("TERMINFO", entry, 1);
	c->screen = newterm(TERMINFO_NAME, c->out, c->in);
	if (old)
		setenv("TERMINFO", old, 1);
	else
		unsetenv("TERMINFO");
	free(old);
	if (!c->screen)
		return error_set(err, "ncurses cannot use the terminal type \"%s\"", c->term);
	typeahead(-1);                          /* never look at input to cut a frame short */
	if (c->colours) {
		start_color();
		use_default_colors();
	}
	return true;
}

struct curses *curses_open(const struct curses_options *o, struct error *err)
{
	struct terminfo_wish w = { .cols = o->cols, .rows = o->rows };
	struct curses *c = calloc(1, sizeof *c);
	if (!c)
		abort();
	c->utf8 = o->utf8;
	c->direct_wish = o->direct_colour;
	c->no_colour_wish = o->no_colour;
	c->term = strdup(o->term);
	TERMINAL *others = cur_term;            /* of the screen used last: setupterm() would put our description in its place */
	bool ok = read_caps(c, o, &w, err);
	if (ok)
		make_goodbye(c, o->rows);
	TERMINAL *described = c->caps_ok ? cur_term : NULL;
	char *entry = ok ? terminfo_make(&w) : NULL;
	if (described) {
		set_curterm(others);
		del_curterm(described);
	}
	ok = ok && open_screen(c, entry, err);
	free(entry);
	if (!ok) {
		curses_close(c);
		return NULL;
	}
	grid_resize(&c->shown, o->cols, o->rows);
	c->forget = true;
	return c;
}

void curses_close(struct curses *c)
{
	if (!c)
		return;
	if (c->screen) {
		set_term(c->screen);            /* no endwin(): what it would send is the goodbye, and goes nowhere from here */
		delscreen(c->screen);
	}
	if (c->out)
		fclose(c->out);
	if (c->in)
		fclose(c->in);
	grid_free(&c->shown);
	termlearn_free(&c->keys);
	free(c->term);
	free(c->frame);
	free(c->row);
	free(c->cursor_style);
	free(c->paste_on);
	free(c->paste_off);
	free(c);
}

bool curses_fits(const struct curses *c, const struct curses_options *o)
{
	return c->utf8 == o->utf8 && c->direct_wish == o->direct_colour && c->no_colour_wish == o->no_colour && !strcmp(c->term, o->term);
}

unsigned curses_colours(const struct curses *c)
{
	return c->colours > 256 ? 1u << 24 : c->colours;
}

const char *curses_goodbye(struct curses *c)
{
	return c->goodbye;
}

const char *curses_hello(struct curses *c)
{
	return c->hello;
}

void curses_resize(struct curses *c, int cols, int rows)
{
	set_term(c->screen);
	resize_term(rows, cols);
	make_goodbye(c, rows);
	grid_resize(&c->shown, cols, rows);
	c->forget = true;
}

void curses_set_modes(struct curses *c, const char *on, const char *off)
{
	set_term(c->screen);
	c->modes_on = on;
	c->modes_off = off;
	make_goodbye(c, c->shown.rows);
}

void curses_forget(struct curses *c)
{
	c->forget = true;
}

/* ---- cells to ncurses ------------------------------------------------------------------------------------------------------------- */

static int colour_number(const struct curses *c, uint32_t colour)
{
	colour = colour_reduce(colour, c->colours);
	if (colour & COLOUR_DEFAULT)
		return -1;
	if (c->colours > 256)
		return (int)(colour & COLOUR_PALETTE ? TERMINFO_PALETTE + (colour & 0xff) : colour & 0xffffff);
	return (int)(colour & 0xff);
}

static attr_t attributes(const struct curses *c, const struct style *s)
{
	static const attr_t map[] = { A_BOLD, A_DIM, A_ITALIC, A_UNDERLINE, A_BLINK, A_REVERSE, A_INVIS };
	attr_t a = 0;
	for (unsigned i = 0; i < sizeof map / sizeof *map; i++)
		if (s->attrs & 1u << i)
			a |= map[i];
	if (c->colours && c->colours < 16 && colour_bright(s->fg))
		a |= A_BOLD;
	return a;
}

/* The number of a pair, defined when first used.  (alloc_pair() would search ncurses' tables for it, and forget old ones unseen.) */
static int pair_number(struct curses *c, int fg, int bg)
{
	unsigned at = ((unsigned)fg * 2654435761u ^ (unsigned)bg * 40503u) % PAIR_SLOTS;
	for (; c->pairs[at].number; at = (at + 1) % PAIR_SLOTS)
		if (c->pairs[at].fg == fg && c->pairs[at].bg == bg)
			return c->pairs[at].number;
	if (c->n_pairs >= PAIR_MOST || (int)c->n_pairs + 2 > COLOR_PAIRS) {
		c->pairs_full = true;
		return 0;
	}
	int number = (int)++c->n_pairs;
	init_extended_pair(number, fg, bg);
	c->pairs[at] = (struct pair){ fg, bg, number };
	return number;
}

static int pair(struct curses *c, const struct style *s)
{
	int fg, bg;
	if (!c->colours)
		return 0;
	fg = colour_number(c, s->fg);
	bg = colour_number(c, s->bg);
	if (fg < 0 && bg < 0)
		return 0;
	if (c->colours == 8) {                  /* few pairs: do not spend them on mixes with the default colours */
		fg = fg < 0 ? COLOR_WHITE : fg;
		bg = bg < 0 ? COLOR_BLACK : bg;
		if (fg == COLOR_WHITE && bg == COLOR_BLACK)
			return 0;
	}
	return pair_number(c, fg, bg);
}

static bool representable(const struct curses *c, uint32_t ch)
{
	char mb[MB_LEN_MAX + 1];
	mbstate_t st = { 0 };
	if (c->utf8)
		return wcwidth((wchar_t)ch) > 0;
	return wcrtomb(mb, (wchar_t)ch, &st) == 1;
}

static void make_cell(struct curses *c, const struct cell *cell, cchar_t *out)
{
	wchar_t text[2 + CELL_COMBINING] = { (wchar_t)(cell->ch ? cell->ch : ' ') };
	struct style style = c->colours ? cell->style : style_mono(cell->style);
	attr_t a = attributes(c, &style);
	int p = pair(c, &style);
	if (representable(c, cell->ch ? cell->ch : ' ')) {
		for (int i = 0; c->utf8 && i < CELL_COMBINING && cell->comb[i]; i++)
			text[i + 1] = (wchar_t)cell->comb[i];
	} else {
		char line = line_drawing_letter(cell->ch);
		if (line && !c->utf8) {                 /* ncurses knows whether this terminal has it, and a substitute */
			attr_t line_attrs;
			short ignore;
			wchar_t line_text[CCHARW_MAX + 1];
			getcchar(NCURSES_WACS(line), line_text, &line_attrs, &ignore, NULL);
			text[0] = line_attrs & A_ALTCHARSET ? line_text[0] : (wchar_t)ascii_like(cell->ch);
			a |= line_attrs & A_ALTCHARSET;
		} else {
			text[0] = c->utf8 ? 0xfffd : (wchar_t)ascii_like(cell->ch);
		}
	}
	setcchar(out, text, a, 0, &p);
}

static bool row_same(const struct curses *c, const struct grid *g, int y)
{
	const struct cell *a = grid_at(g, 0, y), *b = grid_at(&c->shown, 0, y);
	for (int x = 0; x < g->cols; x++)
		if (!cell_equal(&a[x], &b[x]))
			return false;
	return true;
}

/* ncurses reaches the lower right corner of some terminals by inserting a character before it, and gets that wrong when one of the
 * two is wide.  There, blanks stand for it. */
static bool corner(const struct grid *g, int x, int y)
{
	return y == g->rows - 1 && x >= g->cols - 3 && x + 1 < g->cols && grid_at(g, x + 1, y)->ch == GRID_WIDE_TAIL;
}

static bool put_row(struct curses *c, const struct grid *g, int y)
{
	const struct cell *cells = grid_at(g, 0, y);
	int n = 0;
	if (row_same(c, g, y))
		return false;
	if (c->row_cap < g->cols) {
		c->row_cap = g->cols;
		c->row = realloc(c->row, (size_t)c->row_cap * sizeof *c->row);
		if (!c->row)
			abort();
	}
	for (int x = 0; x < g->cols; x++) {
		struct cell blank = { .ch = ' ', .style = cells[x].style };
		bool wide = x + 1 < g->cols && cells[x + 1].ch == GRID_WIDE_TAIL;
		if (cells[x].ch == GRID_WIDE_TAIL)
			continue;
		make_cell(c, corner(g, x, y) ? &blank : &cells[x], &c->row[n++]);
		/* A stand-in is one column wide, so the other column needs something too. */
		if (wide && (!c->utf8 || corner(g, x, y)))
			make_cell(c, &blank, &c->row[n++]);
	}
	mvadd_wchnstr(y, 0, c->row, n);
	memcpy(grid_at(&c->shown, 0, y), cells, (size_t)g->cols * sizeof *cells);
	return true;
}

static bool cursor_changed(const struct curses *c, const struct grid *g)
{
	const struct grid *s = &c->shown;
	return g->cursor_on != s->cursor_on || g->cursor_x != s->cursor_x || g->cursor_y != s->cursor_y ||
	       g->cursor_shape != s->cursor_shape || g->cursor_blinks != s->cursor_blinks;
}

/* DECSCUSR: 1 2 block, 3 4 underline, 5 6 bar; odd ones blink. */
static void put_cursor_style(struct curses *c, const struct grid *g)
{
	bool same = g->cursor_shape == c->shown.cursor_shape && g->cursor_blinks == c->shown.cursor_blinks && c->cursor_style_sent;
	if (!c->cursor_style || !g->cursor_on || same)
		return;
	fputs(tiparm(c->cursor_style, 1 + 2 * (int)g->cursor_shape + !g->cursor_blinks), c->out);
	fflush(c->out);
	c->cursor_style_sent = true;
}

/* Take what ncurses and we have written into the memory file. */
static size_t take_output(struct curses *c)
{
	int fd = fileno(c->out);
	off_t n = lseek(fd, 0, SEEK_CUR);
	size_t len = n > 0 ? (size_t)n : 0;
	if (len > c->frame_cap) {
		c->frame_cap = len * 2;
		c->frame = realloc(c->frame, c->frame_cap);
		if (!c->frame)
			abort();
	}
	ssize_t got = len ? pread(fd, c->frame, len, 0) : 0;
	if (lseek(fd, 0, SEEK_SET) < 0 || ftruncate(fd, 0))
		return 0;
	return got > 0 ? (size_t)got : 0;
}

/* As if nothing had been drawn: every cell is put again. */
static void forget_shown(struct curses *c, const struct grid *g)
{
	grid_resize(&c->shown, g->cols, g->rows);
	for (int i = 0; i < g->cols * g->rows; i++)
		c->shown.cells[i].ch = GRID_WIDE_TAIL - 1;      /* like no cell at all */
	clearok(curscr, TRUE);
	if (c->paste_on) {
		fputs(c->paste_on, c->out);
		fflush(c->out);
	}
	c->cursor_style_sent = false;
	c->shown.cursor_on = !g->cursor_on;
}

/* Put all rows.  When the pairs run out half way, they start over and the frame with them: one frame needs fewer than there are. */
static bool put_rows(struct curses *c, const struct grid *g)
{
	bool changed = c->forget;
	for (int attempt = 0; attempt < 2; attempt++) {
		if (c->pairs_full) {
			memset(c->pairs, 0, sizeof c->pairs);
			c->n_pairs = 0;
			c->pairs_full = false;
			c->forget = changed = true;
		}
		if (c->forget)
			forget_shown(c, g);
		for (int y = 0; y < g->rows; y++)
			changed |= put_row(c, g, y);
		c->forget = false;
		if (!c->pairs_full)
			break;
	}
	return changed;
}

const void *curses_frame(struct curses *c, const struct grid *g, size_t *len)
{
	*len = 0;
	if (g->cols != c->shown.cols || g->rows != c->shown.rows)
		return NULL;                    /* a resize is on its way */
	set_term(c->screen);
	bool changed = put_rows(c, g);
	if (cursor_changed(c, g)) {
		changed = true;
		put_cursor_style(c, g);
		curs_set(g->cursor_on ? 1 : 0);
	}
	if (!changed)
		return NULL;
	move(g->cursor_on ? g->cursor_y : 0, g->cursor_on ? g->cursor_x : 0);
	refresh();
	c->shown.cursor_on = g->cursor_on;
	c->shown.cursor_x = g->cursor_x;
	c->shown.cursor_y = g->cursor_y;
	c->shown.cursor_shape = g->cursor_shape;
	c->shown.cursor_blinks = g->cursor_blinks;
	c->forget = false;
	*len = take_output(c);
	return c->frame;
}

void curses_teach_keys(const struct curses *c, struct keydec *d)
{
	termlearn_teach(&c->keys, d);
}
