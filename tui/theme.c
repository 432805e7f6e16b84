/* theme.c - the built-in theme and the loader of theme files. */
#include "tui/theme.h"
#include "tui/datafile.h"
#include <stdlib.h>
#include <string.h>

static const struct { const char *name; struct style style; } roles[ROLE_COUNT] = {
#define ROLE(id, rname, f, b, a, help) { rname, { .fg = (f), .bg = (b), .attrs = (a) } },
#include "tui/roles.def"
#undef ROLE
};

void theme_builtin(struct theme *t)
{
	*t = (struct theme){ 0 };
	for (unsigned i = 0; i < ROLE_COUNT; i++)
		t->role[i] = roles[i].style;
	for (unsigned i = 0; i < 16; i++)
		t->vga[i] = t->ansi[i] = THEME_AS_IS;
}

static bool parse_number(const char *s, unsigned long max, unsigned long *out, int base)
{
	char *end;
	if (!*s || strspn(s, base == 16 ? "0123456789abcdefABCDEF" : "0123456789") != strlen(s))
		return false;
	*out = strtoul(s, &end, base);
	return *end == 0 && *out <= max;
}

static bool parse_colour(const char *word, uint32_t *out)
{
	static const char *const names[8] = { "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white" };
	unsigned long n;
	if (!strcmp(word, "default")) {
		*out = COLOUR_DEFAULT;
		return true;
	}
	if (word[0] == '#' && strlen(word) == 7 && parse_number(word + 1, 0xffffff, &n, 16)) {
		*out = (uint32_t)n;
		return true;
	}
	if (parse_number(word, 255, &n, 10)) {
		*out = COLOUR_PALETTE | (uint32_t)n;
		return true;
	}
	bool bright = !strncmp(word, "bright-", 7);
	for (unsigned i = 0; i < 8; i++)
		if (!strcmp(word + (bright ? 7 : 0), names[i])) {
			*out = COLOUR_PALETTE | (i + (bright ? 8 : 0));
			return true;
		}
	return false;
}

static unsigned parse_attr(const char *word)
{
	static const struct { const char *name; unsigned attr; } attrs[] = {
		{ "bold", ATTR_BOLD }, { "dim", ATTR_DIM }, { "italic", ATTR_ITALIC }, { "underline", ATTR_UNDERLINE },
		{ "blink", ATTR_BLINK }, { "reverse", ATTR_REVERSE },
	};
	for (unsigned i = 0; i < sizeof attrs / sizeof *attrs; i++)
		if (!strcmp(word, attrs[i].name))
			return attrs[i].attr;
	return 0;
}

static bool bad_colour(const struct datafile *d, const char *word, struct error *err)
{
	return datafile_error(d, err, "\"%s\" is no colour: a name (black ... white, bright-red ..., default), 0..255, or #rrggbb", word);
}

static bool load_role(struct theme *t, const struct datafile *d, struct error *err)
{
	struct style s = { 0 };
	unsigned i = 0;
	while (i < ROLE_COUNT && strcmp(roles[i].name, d->word[0]))
		i++;
	if (i == ROLE_COUNT)
		return datafile_error(d, err, "\"%s\" is no role of a theme", d->word[0]);
	if (d->words < 3)
		return datafile_error(d, err, "\"%s\" needs a foreground and a background colour", d->word[0]);
	if (!parse_colour(d->word[1], &s.fg))
		return bad_colour(d, d->word[1], err);
	if (!parse_colour(d->word[2], &s.bg))
		return bad_colour(d, d->word[2], err);
	for (unsigned w = 3; w < d->words; w++) {
		unsigned attr = parse_attr(d->word[w]);
		if (!attr)
			return datafile_error(d, err, "\"%s\" is no attribute: bold, dim, italic, underline, blink or reverse", d->word[w]);
		s.attrs |= attr;
	}
	t->role[i] = s;
	return true;
}

/* "vga.N COLOUR" and "ansi.N COLOUR" */
static bool load_entry(uint32_t table[16], const char *number, const char *as_is, const struct datafile *d, struct error *err)
{
	unsigned long n;
	if (!parse_number(number, 15, &n, 10))
		return datafile_error(d, err, "\"%s\": the number goes from 0 to 15", d->word[0]);
	if (d->words != 2)
		return datafile_error(d, err, "\"%s\" needs one colour", d->word[0]);
	if (!strcmp(d->word[1], as_is))
		table[n] = THEME_AS_IS;
	else if (!parse_colour(d->word[1], &table[n]))
		return bad_colour(d, d->word[1], err);
	return true;
}

static bool load(struct theme *t, const char *path, theme_find_fn find, void *arg, unsigned depth, struct error *err);

static bool load_include(struct theme *t, const struct datafile *d, theme_find_fn find, void *arg, unsigned depth, struct error *err)
{
	char path[1024];
	if (d->words != 2)
		return datafile_error(d, err, "include needs one name");
	if (depth >= 4)
		return datafile_error(d, err, "includes nest too deeply");
	if (!find || !find(arg, d->word[1], path, sizeof path))
		return datafile_error(d, err, "no theme \"%s\" found", d->word[1]);
	return load(t, path, find, arg, depth + 1, err);
}

static bool load(struct theme *t, const char *path, theme_find_fn find, void *arg, unsigned depth, struct error *err)
{
	struct datafile d;
	bool failed, ok = true;
	if (!datafile_open(&d, path, err))
		return false;
	while (ok && datafile_next(&d, &failed, err)) {
		if (!strncmp(d.word[0], "vga.", 4))
			ok = load_entry(t->vga, d.word[0] + 4, "guest", &d, err);
		else if (!strncmp(d.word[0], "ansi.", 5))
			ok = load_entry(t->ansi, d.word[0] + 5, "terminal", &d, err);
		else if (!strcmp(d.word[0], "include"))
			ok = load_include(t, &d, find, arg, depth, err);
		else if (!strcmp(d.word[0], "mono") && d.words == 1)
			t->mono = true;
		else
			ok = load_role(t, &d, err);
	}
	datafile_close(&d);
	return ok && !failed;
}

bool theme_load(struct theme *t, const char *path, theme_find_fn find, void *arg, struct error *err)
{
	struct theme fresh = *t;                /* a file with an error changes nothing */
	if (!load(&fresh, path, find, arg, 0, err))
		return false;
	*t = fresh;
	return true;
}

static uint32_t own_colour(const struct theme *t, uint32_t c, uint32_t plain)
{
	if (c & COLOUR_DEFAULT)
		return plain;
	unsigned n = c & COLOUR_PALETTE ? c & 0xff : 16;
	return n < 16 && t->ansi[n] != THEME_AS_IS ? t->ansi[n] : c;
}

struct style theme_style(const struct theme *t, struct style s)
{
	s.fg = own_colour(t, s.fg, t->role[ROLE_TEXT].fg);
	s.bg = own_colour(t, s.bg, t->role[ROLE_TEXT].bg);
	return s;
}

void theme_make_mono(struct theme *t)
{
	for (unsigned i = 0; i < ROLE_COUNT; i++) {
		struct style *s = &t->role[i];
		if (!(s->bg & COLOUR_DEFAULT) && i != ROLE_POPUP && i != ROLE_POPUP_TITLE)
			s->attrs ^= ATTR_REVERSE;
		s->fg = s->bg = COLOUR_DEFAULT;
	}
	t->role[ROLE_STATUS_FOCUS].attrs &= ~(unsigned)ATTR_REVERSE;
	t->role[ROLE_STATUS_FOCUS].attrs |= ATTR_BOLD;
	t->mono = true;
}
