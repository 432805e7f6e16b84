/* terminfo.c - writes a compiled terminfo entry.  Ref: term(5), "Legacy Storage Format", "Extended Number Format" (32-bit numbers, magic
 * 01036) and "Extended Object Files"; ncurses(3), TERMINFO with "hex:". */
#include "tui/terminfo.h"
#include <curses.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>

enum { ENTRY_MAX = 30000, STRINGS_MAX = 20000, MAGIC_32BIT = 01036 };

struct entry { uint8_t bytes[ENTRY_MAX]; size_t len; bool full; };

static void add(struct entry *e, const void *p, size_t n)
{
	if (n > sizeof e->bytes - e->len) {
		e->full = true;
		return;
	}
	memcpy(e->bytes + e->len, p, n);
	e->len += n;
}

static void add16(struct entry *e, int v)
{
	add(e, (uint8_t[]){ (uint8_t)v, (uint8_t)(v >> 8) }, 2);
}

static void add32(struct entry *e, int v)
{
	add16(e, v & 0xffff);
	add16(e, (int)((unsigned)v >> 16));
}

static void even(struct entry *e)
{
	if (e->len & 1)
		add(e, "", 1);
}

static int count(NCURSES_CONST char *const *names)
{
	int n = 0;
	while (names[n])
		n++;
	return n;
}

/* Where the cursor is behind the last column differs more among terminals than their descriptions do: "eat newline glitch" makes ncurses take it as
 * unknown, and right with either. */
static bool flag(const char *name)
{
	return tigetflag((char *)name) > 0 || (!strcmp(name, "xenl") && tigetflag("am") > 0);
}

static int number(const char *name, const struct terminfo_wish *w)
{
	if (!strcmp(name, "cols"))
		return w->cols;
	if (!strcmp(name, "lines"))
		return w->rows;
	if (!strcmp(name, "colors") && (w->mono || w->direct))
		return w->mono ? -1 : TERMINFO_PALETTE + 256;
	if (!strcmp(name, "pairs") && (w->mono || w->direct))
		return w->mono ? -1 : 32767;
	int v = tigetnum((char *)name);
	return v < 0 ? -1 : v;
}

/* 38;2;R;G;B below TERMINFO_PALETTE, else 38;5;N.  d is the 3 of foregrounds or the 4 of backgrounds. */
#define RGB_OR_PALETTE(d) "\033[%?%p1%{16777216}%<%t" d "8;2;%p1%{65536}%/%d;%p1%{256}%/%{255}%&%d;%p1%{255}%&%d" "%e" d "8;5;%p1%{16777216}%-%d%;m"

static const char *string(const char *name, const struct terminfo_wish *w)
{
	if (w->direct && !strcmp(name, "setaf"))
		return RGB_OR_PALETTE("3");
	if (w->direct && !strcmp(name, "setab"))
		return RGB_OR_PALETTE("4");
	if (w->mono && (!strcmp(name, "setaf") || !strcmp(name, "setab") || !strcmp(name, "op") || !strcmp(name, "oc")))
		return NULL;
	if (!strcmp(name, "rep"))               /* described more often than it works */
		return NULL;
	const char *s = tigetstr((char *)name);
	return s == (const char *)-1 ? NULL : s;
}

static void add_strings(struct entry *e, const struct terminfo_wish *w, int n)
{
	char *pool = malloc(STRINGS_MAX);
	size_t used = 0;
	if (!pool)
		abort();
	for (int i = 0; i < n; i++) {
		const char *s = string(strnames[i], w);
		size_t len = s ? strlen(s) + 1 : 0;
		if (len > STRINGS_MAX - used) {
			e->full = true;
			s = NULL;
		}
		add16(e, s ? (int)used : -1);
		if (s) {
			memcpy(pool + used, s, len);
			used += len;
		}
	}
	e->bytes[10] = (uint8_t)used;
	e->bytes[11] = (uint8_t)(used >> 8);
	add(e, pool, used);
	free(pool);
}

char *terminfo_make(const struct terminfo_wish *w)
{
	struct entry *e = calloc(1, sizeof *e);
	int bools = count(boolnames), nums = count(numnames), strs = count(strnames);
	char *hex = NULL;
	if (!e)
		return NULL;
	add16(e, MAGIC_32BIT);
	add16(e, sizeof TERMINFO_NAME);
	add16(e, bools);
	add16(e, nums);
	add16(e, strs);
	add16(e, 0);                            /* size of the string table: add_strings() */
	add(e, TERMINFO_NAME, sizeof TERMINFO_NAME);
	for (int i = 0; i < bools; i++)
		add(e, (uint8_t[]){ flag(boolnames[i]) }, 1);
	even(e);
	for (int i = 0; i < nums; i++)
		add32(e, number(numnames[i], w));
	add_strings(e, w, strs);
	if (w->direct) {                        /* extended part: one boolean, RGB */
		even(e);
		add16(e, 1);
		add16(e, 0);
		add16(e, 0);
		add16(e, 1);
		add16(e, 4);
		add(e, "\1", 2);
		add16(e, 0);
		add(e, "RGB", 4);
	}
	if (!e->full && (hex = malloc(e->len * 2 + 5))) {
		strcpy(hex, "hex:");
		for (size_t i = 0; i < e->len; i++)
			sprintf(hex + 4 + 2 * i, "%02X", e->bytes[i]);
	}
	free(e);
	return hex;
}
